/* math_positive.c - laws of roots, logarithms and powers that hold where the letters are positive:
 * sqrt(x^3) = x sqrt(x), ln(ab) = ln a + ln b, 2^(x + 1) = 2 * 2^x.
 *
 * Every letter x is X^n of a generator X, n a multiple of the roots' indices, so that roots of
 * monomials are monomials. */
#include <string.h>

#include "flow/labels/math/math_frac.h"

/* -- how far letters are divided -- */

static unsigned common_multiple(unsigned a, unsigned b)
{
    unsigned x = a, y = b;

    while (y) {
        const unsigned t = x % y;
        x = y;
        y = t;
    }
    return a / x * b;
}

unsigned frac_root_indices(const math_node *n)
{
    unsigned all = 1;
    fmpq_t q;

    fmpq_init(q);
    if (n->kind == MATH_ROOT && !n->first->next) all = 2;
    if ((n->kind == MATH_ROOT || n->kind == MATH_POW) && n->first->next &&
        math_rational(q, n->first->next) == MATH_GOT) {
        const fmpz *index = n->kind == MATH_ROOT ? fmpq_numref(q) : fmpq_denref(q);
        if (fmpz_cmp_ui(index, 2) >= 0 && fmpz_cmp_ui(index, MAX_DIVISION) <= 0)
            all = (unsigned)fmpz_get_ui(index);
    }
    fmpq_clear(q);
    for (const math_node *kid = n->first; kid && n->kind != MATH_SYMBOL; kid = kid->next) {
        const unsigned part = common_multiple(all, frac_root_indices(kid));
        if (part <= MAX_DIVISION) all = part;
    }
    return all;
}

/* -- monomials -- */

/* The powers of letters that all terms of p have, each a multiple of step, are taken out of p. */
static void take_monomial(poly *p, unsigned char power[GENERATORS], unsigned step)
{
    memset(power, 0, GENERATORS);
    for (size_t g = 0; g < MATH_MAX_SYMBOLS && p->n; g++) {
        unsigned least = p->term[0].power[g];
        for (size_t i = 1; i < p->n; i++)
            if (p->term[i].power[g] < least) least = p->term[i].power[g];
        least -= least % step;
        power[g] = (unsigned char)least;
        for (size_t i = 0; i < p->n; i++)
            p->term[i].power[g] = (unsigned char)(p->term[i].power[g] - least);
    }
}

static void set_poly(frac_engine *e, frac *out, const poly *p)
{
    frac_clear(e, out);
    poly_set_one(e, &out->den);
    poly_add(e, &out->num, p, 1);
}

static void set_monomial(frac_engine *e, frac *out, const unsigned char power[GENERATORS])
{
    ca_t one;

    ca_init(one, e->ctx);
    ca_one(one, e->ctx);
    frac_clear(e, out);
    poly_set_one(e, &out->den);
    poly_add_term(e, &out->num, power, one);
    ca_clear(one, e->ctx);
}

/* -- roots -- */

static void root_of_poly(frac_engine *e, frac *out, const poly *p, ulong index)
{
    unsigned char power[GENERATORS];
    frac inner = {0};

    set_poly(e, &inner, p);
    take_monomial(&inner.num, power, (unsigned)index);
    for (size_t g = 0; g < GENERATORS; g++) power[g] = (unsigned char)(power[g] / index);
    set_monomial(e, out, power);
    if (!e->failed) frac_root(e, &inner, index);
    if (!e->failed) frac_mul(e, out, &inner, false);
    frac_clear(e, &inner);
}

void frac_positive_root(frac_engine *e, frac *out, ulong index)
{
    frac top = {0}, bottom = {0};

    root_of_poly(e, &top, &out->num, index);
    if (!e->failed) root_of_poly(e, &bottom, &out->den, index);
    if (!e->failed) frac_mul(e, &top, &bottom, true);
    frac_clear(e, &bottom);
    frac_clear(e, out);
    *out = top;
}

/* -- logarithms -- */

static void add_log(frac_engine *e, frac *sum, frac *of, long times, unsigned divisor)
{
    frac factor = {0};
    ca_t x;

    ca_init(x, e->ctx);
    ca_set_si(x, times, e->ctx);
    ca_div_ui(x, x, divisor, e->ctx);
    frac_set_ca(e, &factor, x);
    frac_log(e, of);
    if (!e->failed) frac_mul(e, of, &factor, false);
    if (!e->failed) frac_add(e, sum, of, 1);
    frac_clear(e, &factor);
    ca_clear(x, e->ctx);
}

static void log_of_poly(frac_engine *e, frac *sum, const poly *p, int sign)
{
    unsigned char power[GENERATORS], one[GENERATORS];
    frac inner = {0}, letter = {0};
    ca_t content;

    set_poly(e, &inner, p);
    take_monomial(&inner.num, power, 1);
    for (size_t g = 0; g < MATH_MAX_SYMBOLS && !e->failed; g++) {
        if (!power[g]) continue;
        memset(one, 0, sizeof one);
        one[g] = (unsigned char)e->division;
        set_monomial(e, &letter, one);
        add_log(e, sum, &letter, sign * power[g], e->division);
        frac_clear(e, &letter);
    }
    ca_init(content, e->ctx);
    if (!e->failed && !frac_is_number(e, &inner)) {
        frac_content(e, &inner, content);
        frac_set_ca(e, &letter, content);
        add_log(e, sum, &letter, sign, 1);
        frac_clear(e, &letter);
    }
    if (!e->failed) add_log(e, sum, &inner, sign, 1);
    ca_clear(content, e->ctx);
    frac_clear(e, &inner);
}

void frac_positive_log(frac_engine *e, frac *out)
{
    frac sum = {0};

    poly_set_one(e, &sum.den);
    log_of_poly(e, &sum, &out->num, 1);
    if (!e->failed && !poly_is_one(e, &out->den)) log_of_poly(e, &sum, &out->den, -1);
    frac_clear(e, out);
    *out = sum;
}

/* -- powers -- */

/* out <- out * base^(c m) for a term c m of an exponent. */
static void multiply_power(frac_engine *e, frac *out, const frac *base, const term *t)
{
    frac exponent = {0}, made = {0};
    slong times = 1;
    fmpq_t q;
    ca_t x;

    fmpq_init(q);
    ca_init(x, e->ctx);
    ca_set(x, t->c, e->ctx);
    if (ca_get_fmpq(q, t->c, e->ctx) && fmpz_bits(fmpq_numref(q)) < 6) {
        times = fmpz_get_si(fmpq_numref(q));
        fmpz_one(fmpq_numref(q));
        ca_set_fmpq(x, q, e->ctx);
    }
    poly_set_one(e, &exponent.den);
    poly_add_term(e, &exponent.num, t->power, x);
    frac_copy(e, &made, base);
    frac_opaque_power(e, &made, &exponent);
    if (!e->failed) frac_pow(e, &made, times);
    if (!e->failed) frac_mul(e, out, &made, false);
    frac_clear(e, &made);
    frac_clear(e, &exponent);
    ca_clear(x, e->ctx);
    fmpq_clear(q);
}

/* base^exponent, term by term of the exponent. */
static void power_of_base(frac_engine *e, frac *out, const frac *base, const frac *exponent)
{
    for (size_t i = 0; i < exponent->num.n && !e->failed; i++)
        multiply_power(e, out, base, &exponent->num.term[i]);
}

/* Whole numbers fall into primes: 4^x is (2^x)^2. false: too big, or no whole number. */
static bool power_of_primes(frac_engine *e, frac *out, const frac *base, const frac *exponent)
{
    enum { LARGEST = 10000 };
    unsigned long n = 0;
    bool is_whole;
    frac prime = {0};
    fmpq_t q;
    ca_t x;

    if (!frac_is_number(e, base)) return false;
    fmpq_init(q);
    ca_init(x, e->ctx);
    frac_number(e, x, base);
    is_whole = ca_get_fmpq(q, x, e->ctx) && fmpz_is_one(fmpq_denref(q)) &&
               fmpz_cmp_ui(fmpq_numref(q), LARGEST) <= 0 && fmpz_cmp_ui(fmpq_numref(q), 2) >= 0;
    if (is_whole) n = fmpz_get_ui(fmpq_numref(q));
    for (unsigned long k = 2; is_whole && n > 1 && !e->failed;) {
        if (k * k > n) k = n;
        if (n % k) {
            k++;
            continue;
        }
        n /= k;
        ca_set_ui(x, k, e->ctx);
        frac_set_ca(e, &prime, x);
        power_of_base(e, out, &prime, exponent);
        frac_clear(e, &prime);
    }
    ca_clear(x, e->ctx);
    fmpq_clear(q);
    return is_whole;
}

bool frac_positive_power(frac_engine *e, frac *base, const frac *exponent)
{
    unsigned char power[GENERATORS], one[GENERATORS];
    frac out = {0}, rest = {0}, letter = {0};

    if (!poly_is_one(e, &exponent->den) || !poly_is_one(e, &base->den)) return false;
    poly_set_one(e, &out.den);
    poly_set_one(e, &out.num);
    set_poly(e, &rest, &base->num);
    take_monomial(&rest.num, power, 1);
    for (size_t g = 0; g < MATH_MAX_SYMBOLS && !e->failed; g++)
        for (unsigned k = 0; k < power[g] && !e->failed; k++) {
            memset(one, 0, sizeof one);
            one[g] = 1;
            set_monomial(e, &letter, one);
            power_of_base(e, &out, &letter, exponent);
            frac_clear(e, &letter);
        }
    if (!e->failed && !power_of_primes(e, &out, &rest, exponent)) {
        const bool is_one = poly_is_one(e, &rest.num);
        if (!is_one) power_of_base(e, &out, &rest, exponent);
    }
    frac_clear(e, &rest);
    frac_clear(e, base);
    *base = out;
    return true;
}

/* -- factorials -- */

/* A whole constant from -limit to limit that f is but for its letters, taken out of it. */
static slong take_constant(frac_engine *e, frac *f)
{
    enum { LIMIT = 8 };
    static const unsigned char none[GENERATORS];
    slong k = 0;
    fmpq_t q;
    ca_t x;

    fmpq_init(q);
    ca_init(x, e->ctx);
    for (size_t i = 0; i < f->num.n; i++)
        if (memcmp(f->num.term[i].power, none, GENERATORS) == 0 &&
            ca_get_fmpq(q, f->num.term[i].c, e->ctx) && fmpz_is_one(fmpq_denref(q)) &&
            fmpz_cmp_si(fmpq_numref(q), LIMIT) <= 0 && fmpz_cmp_si(fmpq_numref(q), -LIMIT) >= 0)
            k = fmpz_get_si(fmpq_numref(q));
    ca_set_si(x, -k, e->ctx);
    if (k) poly_add_term(e, &f->num, none, x);
    ca_clear(x, e->ctx);
    fmpq_clear(q);
    return k;
}

static void set_whole(frac_engine *e, frac *out, slong k)
{
    ca_t x;

    ca_init(x, e->ctx);
    ca_set_si(x, k, e->ctx);
    frac_set_ca(e, out, x);
    ca_clear(x, e->ctx);
}

/* out <- out * (f + k), or by it. */
static void multiply_shifted(frac_engine *e, frac *out, const frac *f, slong k, bool divides)
{
    frac shifted = {0}, step = {0};

    frac_copy(e, &shifted, f);
    set_whole(e, &step, k);
    frac_add(e, &shifted, &step, 1);
    if (!e->failed) frac_mul(e, out, &shifted, divides);
    frac_clear(e, &shifted);
    frac_clear(e, &step);
}

void frac_factorial(frac_engine *e, frac *f)
{
    frac letters = {0};

    e->failed |= !poly_is_one(e, &f->den) || frac_is_number(e, f);
    if (e->failed) return;
    const slong k = take_constant(e, f);
    frac_copy(e, &letters, f);
    frac_atom(e, f, MATH_FACTORIAL, 0, f, NULL);
    for (slong i = 1; i <= k && !e->failed; i++) multiply_shifted(e, f, &letters, i, false);
    for (slong i = 0; i > k && !e->failed; i--) multiply_shifted(e, f, &letters, i, true);
    frac_clear(e, &letters);
}

/* f (f - 1) .. (f - k + 1) / k! */
static void choose(frac_engine *e, frac *f, slong k)
{
    frac out = {0}, divisor = {0};

    set_whole(e, &out, 1);
    for (slong i = 0; i < k && !e->failed; i++) {
        multiply_shifted(e, &out, f, -i, false);
        set_whole(e, &divisor, i + 1);
        if (!e->failed) frac_mul(e, &out, &divisor, true);
    }
    frac_clear(e, &divisor);
    frac_clear(e, f);
    *f = out;
}

static bool small_number(frac_engine *e, const frac *f, slong *k)
{
    enum { LIMIT = 8 };
    bool is_small = false;
    fmpq_t q;
    ca_t x;

    if (!frac_is_number(e, f)) return false;
    fmpq_init(q);
    ca_init(x, e->ctx);
    frac_number(e, x, f);
    if (ca_get_fmpq(q, x, e->ctx) && fmpz_is_one(fmpq_denref(q)) &&
        fmpz_cmp_ui(fmpq_numref(q), LIMIT) <= 0 && fmpz_sgn(fmpq_numref(q)) >= 0) {
        *k = fmpz_get_si(fmpq_numref(q));
        is_small = true;
    }
    ca_clear(x, e->ctx);
    fmpq_clear(q);
    return is_small;
}

void frac_binomial(frac_engine *e, frac *n, const frac *k)
{
    frac rest = {0}, below = {0};
    slong few = 0;

    frac_copy(e, &rest, n);
    frac_add(e, &rest, k, -1);
    if (e->failed) {
    } else if (small_number(e, k, &few) || small_number(e, &rest, &few)) {
        choose(e, n, few);
    } else {
        frac_copy(e, &below, k);
        frac_factorial(e, n);
        if (!e->failed) frac_factorial(e, &below);
        if (!e->failed) frac_factorial(e, &rest);
        if (!e->failed) frac_mul(e, n, &below, true);
        if (!e->failed) frac_mul(e, n, &rest, true);
    }
    frac_clear(e, &rest);
    frac_clear(e, &below);
}
