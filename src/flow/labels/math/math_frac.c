#include "flow/labels/math/math_frac.h"

#include <string.h>

enum { REDUCTIONS = 64 }; /* of powers of atoms in one product */

/* -- polynomials -- */

void poly_clear(frac_engine *e, poly *p)
{
    for (size_t i = 0; i < p->n; i++) ca_clear(p->term[i].c, e->ctx);
    flint_free(p->term);
    *p = (poly){0};
}

void poly_add_term(frac_engine *e, poly *p, const unsigned char power[GENERATORS], const ca_t c)
{
    size_t i = 0;

    while (i < p->n && memcmp(p->term[i].power, power, GENERATORS) != 0) i++;
    if (i == p->n) {
        if (p->n == MATH_MAX_TERMS) {
            e->failed = true;
            return;
        }
        if (p->n == p->cap) {
            const size_t cap = p->cap ? 4 * p->cap : 2;
            p->term = flint_realloc(p->term, cap * sizeof *p->term);
            p->cap = cap;
        }
        memcpy(p->term[i].power, power, GENERATORS);
        ca_init(p->term[i].c, e->ctx);
        p->n++;
    }
    ca_add(p->term[i].c, p->term[i].c, c, e->ctx);
    if (ca_check_is_zero(p->term[i].c, e->ctx) != T_TRUE) return;
    ca_swap(p->term[i].c, p->term[p->n - 1].c, e->ctx);
    memcpy(p->term[i].power, p->term[p->n - 1].power, GENERATORS);
    ca_clear(p->term[--p->n].c, e->ctx);
}

void poly_add(frac_engine *e, poly *p, const poly *a, int sign)
{
    ca_t c;

    ca_init(c, e->ctx);
    for (size_t i = 0; i < a->n && !e->failed; i++) {
        ca_set(c, a->term[i].c, e->ctx);
        if (sign < 0) ca_neg(c, c, e->ctx);
        poly_add_term(e, p, a->term[i].power, c);
    }
    ca_clear(c, e->ctx);
}

void poly_add_product(frac_engine *e, poly *out, const term *x, const poly *a)
{
    unsigned char power[GENERATORS];
    ca_t c;

    ca_init(c, e->ctx);
    for (size_t i = 0; i < a->n && !e->failed; i++) {
        for (size_t g = 0; g < GENERATORS; g++) {
            const unsigned sum = (unsigned)x->power[g] + a->term[i].power[g];
            e->failed |= sum > MATH_MAX_DEGREE;
            power[g] = (unsigned char)sum;
        }
        ca_mul(c, x->c, a->term[i].c, e->ctx);
        if (ca_is_special(c, e->ctx)) e->failed = true;
        if (!e->failed) poly_add_term(e, out, power, c);
    }
    ca_clear(c, e->ctx);
}

/* The first term in which an atom stands with a power that reduces; p->n: none. */
static size_t find_reducible(const frac_engine *e, const poly *p, size_t *which)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t a = 0; a < e->n_atoms; a++)
            if (e->atom[a].q && p->term[i].power[MATH_MAX_SYMBOLS + a] >= e->atom[a].q) {
                *which = a;
                return i;
            }
    return p->n;
}

static void poly_reduce(frac_engine *e, poly *p)
{
    size_t which = 0, i;

    for (int k = 0; !e->failed && (i = find_reducible(e, p, &which)) < p->n; k++) {
        term x;
        e->failed |= k == REDUCTIONS;
        memcpy(x.power, p->term[i].power, GENERATORS);
        x.power[MATH_MAX_SYMBOLS + which] =
            (unsigned char)(x.power[MATH_MAX_SYMBOLS + which] - e->atom[which].q);
        ca_init(x.c, e->ctx);
        ca_swap(x.c, p->term[i].c, e->ctx);
        ca_swap(p->term[i].c, p->term[p->n - 1].c, e->ctx);
        memcpy(p->term[i].power, p->term[p->n - 1].power, GENERATORS);
        ca_clear(p->term[--p->n].c, e->ctx);
        poly_add_product(e, p, &x, &e->atom[which].base);
        ca_clear(x.c, e->ctx);
    }
}

void poly_mul(frac_engine *e, poly *out, const poly *a, const poly *b)
{
    poly product = {0};

    for (size_t i = 0; i < a->n && !e->failed; i++) poly_add_product(e, &product, &a->term[i], b);
    poly_reduce(e, &product);
    poly_clear(e, out);
    *out = product;
}

static void poly_set_ca(frac_engine *e, poly *p, const ca_t c)
{
    static const unsigned char none[GENERATORS];

    poly_clear(e, p);
    if (ca_is_special(c, e->ctx))
        e->failed = true;
    else
        poly_add_term(e, p, none, c);
}

void poly_set_one(frac_engine *e, poly *p)
{
    ca_t one;

    ca_init(one, e->ctx);
    ca_one(one, e->ctx);
    poly_set_ca(e, p, one);
    ca_clear(one, e->ctx);
}

/* Zero, or a number alone. */
static bool poly_is_number(const poly *p)
{
    static const unsigned char none[GENERATORS];

    return p->n == 0 || (p->n == 1 && memcmp(p->term[0].power, none, GENERATORS) == 0);
}

bool poly_is_one(frac_engine *e, const poly *p)
{
    return p->n == 1 && poly_is_number(p) && ca_check_is_one(p->term[0].c, e->ctx) == T_TRUE;
}

math_truth poly_is_zero(frac_engine *e, const poly *p)
{
    math_truth t = MATH_TRUE;

    for (size_t i = 0; i < p->n; i++) {
        const truth_t zero = ca_check_is_zero(p->term[i].c, e->ctx);
        if (zero == T_FALSE) return MATH_FALSE;
        if (zero != T_TRUE) t = MATH_UNKNOWN;
    }
    return t;
}

/* -- fractions -- */

void frac_clear(frac_engine *e, frac *f)
{
    poly_clear(e, &f->num);
    poly_clear(e, &f->den);
}

/* A denominator that is a number goes into the numerator. */
static void frac_normalise(frac_engine *e, frac *f)
{
    ca_t inverse;

    if (e->failed || f->den.n == 0 || !poly_is_number(&f->den)) {
        e->failed |= f->den.n == 0;
        return;
    }
    ca_init(inverse, e->ctx);
    ca_inv(inverse, f->den.term[0].c, e->ctx);
    if (ca_is_special(inverse, e->ctx)) e->failed = true;
    for (size_t i = 0; i < f->num.n && !e->failed; i++)
        ca_mul(f->num.term[i].c, f->num.term[i].c, inverse, e->ctx);
    ca_clear(inverse, e->ctx);
    poly_set_one(e, &f->den);
}

void frac_set_ca(frac_engine *e, frac *f, const ca_t c)
{
    poly_set_ca(e, &f->num, c);
    poly_set_one(e, &f->den);
}

void frac_copy(frac_engine *e, frac *out, const frac *a)
{
    poly_add(e, &out->num, &a->num, 1);
    poly_add(e, &out->den, &a->den, 1);
}

void frac_add(frac_engine *e, frac *a, const frac *b, int sign)
{
    poly other = {0};

    if (poly_is_one(e, &a->den) && poly_is_one(e, &b->den)) {
        poly_add(e, &a->num, &b->num, sign);
        return;
    }
    poly_mul(e, &other, &b->num, &a->den);
    poly_mul(e, &a->num, &a->num, &b->den);
    poly_add(e, &a->num, &other, sign);
    poly_mul(e, &a->den, &a->den, &b->den);
    poly_clear(e, &other);
}

void frac_mul(frac_engine *e, frac *a, const frac *b, bool divides)
{
    if (divides && poly_is_zero(e, &b->num) != MATH_FALSE) e->failed = true;
    poly_mul(e, &a->num, &a->num, divides ? &b->den : &b->num);
    poly_mul(e, &a->den, &a->den, divides ? &b->num : &b->den);
    frac_normalise(e, a);
}

bool frac_is_number(frac_engine *e, const frac *f)
{
    return poly_is_number(&f->num) && poly_is_one(e, &f->den);
}

void frac_number(frac_engine *e, ca_t out, const frac *f)
{
    if (f->num.n)
        ca_set(out, f->num.term[0].c, e->ctx);
    else
        ca_zero(out, e->ctx);
}

math_truth frac_equal(frac_engine *e, const frac *a, const frac *b)
{
    poly left = {0}, right = {0};
    math_truth t;

    poly_mul(e, &left, &a->num, &b->den);
    poly_mul(e, &right, &b->num, &a->den);
    poly_add(e, &left, &right, -1);
    t = e->failed ? MATH_UNKNOWN : poly_is_zero(e, &left);
    poly_clear(e, &left);
    poly_clear(e, &right);
    return t;
}

void frac_pow(frac_engine *e, frac *a, slong k)
{
    frac base = {0};
    const bool divides = k < 0;

    frac_copy(e, &base, a);
    poly_set_one(e, &a->num);
    poly_set_one(e, &a->den);
    for (slong i = divides ? -k : k; i > 0 && !e->failed; i--) frac_mul(e, a, &base, divides);
    frac_clear(e, &base);
}

/* -- roots -- */

void frac_content(frac_engine *e, frac *f, ca_t factor)
{
    size_t best = 0;
    fmpq_t q;
    ca_t inverse;

    ca_one(factor, e->ctx);
    for (size_t i = 1; i < f->num.n; i++)
        if (memcmp(f->num.term[i].power, f->num.term[best].power, GENERATORS) > 0) best = i;
    fmpq_init(q);
    if (f->num.n && ca_get_fmpq(q, f->num.term[best].c, e->ctx) && !fmpq_is_zero(q)) {
        fmpq_abs(q, q);
        ca_set_fmpq(factor, q, e->ctx);
        ca_init(inverse, e->ctx);
        ca_inv(inverse, factor, e->ctx);
        for (size_t i = 0; i < f->num.n; i++)
            ca_mul(f->num.term[i].c, f->num.term[i].c, inverse, e->ctx);
        ca_clear(inverse, e->ctx);
    }
    fmpq_clear(q);
}

static bool is_negative_real(frac_engine *e, const ca_t x)
{
    acb_t value;
    bool is_negative;

    acb_init(value);
    ca_get_acb(value, x, MATH_BITS, e->ctx);
    is_negative = ca_check_is_real(x, e->ctx) == T_TRUE && arb_is_negative(acb_realref(value));
    acb_clear(value);
    return is_negative;
}

/* The principal root; of a negative number an odd root is real. */
static void root_of_number(frac_engine *e, ca_t x, ulong index)
{
    const bool flips = index % 2 == 1 && is_negative_real(e, x);
    fmpq_t power;

    e->failed |= ++e->n_hard > MATH_MAX_HARD;
    if (e->failed) return;
    if (flips) ca_neg(x, x, e->ctx);
    if (index == 2) {
        ca_sqrt(x, x, e->ctx);
    } else {
        fmpq_init(power);
        fmpq_set_si(power, 1, index);
        ca_pow_fmpq(x, x, power, e->ctx);
        fmpq_clear(power);
    }
    if (flips) ca_neg(x, x, e->ctx);
}

void frac_root(frac_engine *e, frac *out, ulong index)
{
    size_t which = 0;
    bool is_new = false;
    frac root = {0}, outer = {0};
    ca_t x;

    ca_init(x, e->ctx);
    if (frac_is_number(e, out)) {
        frac_number(e, x, out);
        root_of_number(e, x, index);
        frac_set_ca(e, out, x);
    } else {
        frac_content(e, out, x);
        root_of_number(e, x, index);
        frac_set_ca(e, &outer, x);
        frac_set_atom(e, &root, MATH_ROOT, (int)index, out, NULL, &which, &is_new);
        if (is_new && !e->failed && poly_is_one(e, &out->den)) {
            e->atom[which].q = (unsigned)index;
            poly_add(e, &e->atom[which].base, &out->num, 1);
        }
        frac_mul(e, &root, &outer, false);
        frac_clear(e, out);
        frac_clear(e, &outer);
        *out = root;
    }
    ca_clear(x, e->ctx);
}
