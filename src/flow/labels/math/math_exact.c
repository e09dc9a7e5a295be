/* math_exact.c - trees to fractions of polynomials (math_frac.h), and their comparison.
 *
 * Equal atoms are one generator, so that what is identical in them is so in what they stand for;
 * the reverse need not hold. Two identities of atoms are used: the q-th power of a q-th root is its
 * radicand, and sin^2 = 1 - cos^2. */
#include <string.h>

#include "flow/labels/math/math_frac.h"

/* -- atoms -- */

static void set_generator(frac_engine *e, frac *out, size_t generator)
{
    unsigned char power[GENERATORS] = {0};
    ca_t one;

    power[generator] = 1;
    ca_init(one, e->ctx);
    ca_one(one, e->ctx);
    poly_clear(e, &out->num);
    poly_add_term(e, &out->num, power, one);
    poly_set_one(e, &out->den);
    ca_clear(one, e->ctx);
}

/* out <- the atom of that kind over arg (and second); *index tells which, *is_new whether it is. */
void frac_set_atom(frac_engine *e, frac *out, int kind, int op, const frac *arg, const frac *second,
                   size_t *index, bool *is_new)
{
    size_t i = 0;

    *is_new = false;
    for (; i < e->n_atoms; i++) {
        const atom *a = &e->atom[i];
        if (a->kind == kind && a->op == op && frac_equal(e, &a->arg, arg) == MATH_TRUE &&
            (!second || frac_equal(e, &a->second, second) == MATH_TRUE))
            break;
        if (e->failed) return;
    }
    *index = i;
    if (i == e->n_atoms) {
        if (i == MAX_ATOMS) {
            e->failed = true;
            return;
        }
        *is_new = true;
        e->atom[i] = (atom){.kind = kind, .op = op};
        frac_copy(e, &e->atom[i].arg, arg);
        if (second) frac_copy(e, &e->atom[i].second, second);
        e->n_atoms++;
    }
    set_generator(e, out, MATH_MAX_SYMBOLS + i);
}

void frac_atom(frac_engine *e, frac *out, int kind, int op, const frac *arg, const frac *second)
{
    size_t index;
    bool is_new;
    frac made = {0};

    frac_set_atom(e, &made, kind, op, arg, second, &index, &is_new);
    frac_clear(e, out);
    *out = made;
}

static void evaluate(frac_engine *e, frac *out, const math_node *n);

static void take_root(frac_engine *e, frac *out, ulong index)
{
    if (e->division && !frac_is_number(e, out))
        frac_positive_root(e, out, index);
    else
        frac_root(e, out, index);
}

static bool small_index(ulong *out, const math_node *n)
{
    fmpq_t x;
    bool is_small;

    fmpq_init(x);
    is_small = math_rational(x, n) == MATH_GOT && fmpz_is_one(fmpq_denref(x)) &&
               fmpz_cmp_ui(fmpq_numref(x), 8) <= 0 && fmpz_cmp_ui(fmpq_numref(x), 2) >= 0;
    if (is_small) *out = fmpz_get_ui(fmpq_numref(x));
    fmpq_clear(x);
    return is_small;
}

/* -- powers -- */

static void raise_number(frac_engine *e, frac *base, const frac *exponent)
{
    ca_t x, y;

    ca_init(x, e->ctx);
    ca_init(y, e->ctx);
    frac_number(e, x, base);
    frac_number(e, y, exponent);
    e->failed |= ++e->n_hard > MATH_MAX_HARD;
    if (!e->failed) {
        ca_pow(x, x, y, e->ctx);
        frac_set_ca(e, base, x);
    }
    ca_clear(x, e->ctx);
    ca_clear(y, e->ctx);
}

/* A whole exponent from -limit to limit as *k. */
static bool whole_exponent(slong *k, const math_node *n, slong limit)
{
    fmpq_t x;
    bool is_whole;

    fmpq_init(x);
    is_whole = math_rational(x, n) == MATH_GOT && fmpz_is_one(fmpq_denref(x)) &&
               fmpz_bits(fmpq_numref(x)) < 16;
    if (is_whole) *k = fmpz_get_si(fmpq_numref(x));
    fmpq_clear(x);
    return is_whole && *k <= limit && *k >= -limit;
}

/* One atom, or a number. */
void frac_opaque_power(frac_engine *e, frac *base, const frac *exponent)
{
    slong k = 0;
    fmpq_t q;
    ca_t x;

    if (!frac_is_number(e, exponent)) {
        frac_atom(e, base, MATH_POW, 0, base, exponent);
        return;
    }
    fmpq_init(q);
    ca_init(x, e->ctx);
    frac_number(e, x, exponent);
    const bool is_rational = ca_get_fmpq(q, x, e->ctx) && fmpz_bits(fmpq_numref(q)) < 6 &&
                             fmpz_cmp_ui(fmpq_denref(q), 8) <= 0;
    if (is_rational) k = fmpz_get_si(fmpq_numref(q));
    if (is_rational && !fmpz_is_one(fmpq_denref(q)))
        take_root(e, base, fmpz_get_ui(fmpq_denref(q)));
    if (is_rational && !e->failed)
        frac_pow(e, base, k);
    else if (!e->failed && frac_is_number(e, base))
        raise_number(e, base, exponent);
    else if (!e->failed)
        frac_atom(e, base, MATH_POW, 0, base, exponent);
    ca_clear(x, e->ctx);
    fmpq_clear(q);
}

static void take_power(frac_engine *e, frac *out, const math_node *n)
{
    const math_node *exponent = n->first->next;
    frac power = {0};
    fmpq_t q;
    slong k = 0;

    evaluate(e, out, n->first);
    if (e->failed) return;
    if (whole_exponent(&k, exponent, MATH_MAX_DEGREE)) {
        frac_pow(e, out, k);
        return;
    }
    evaluate(e, &power, exponent);
    fmpq_init(q);
    if (e->failed) {
    } else if (frac_is_number(e, out) && frac_is_number(e, &power)) {
        raise_number(e, out, &power);
    } else if (math_rational(q, exponent) == MATH_GOT && fmpz_cmp_ui(fmpq_denref(q), 8) <= 0 &&
               fmpz_cmp_ui(fmpq_denref(q), 2) >= 0 && fmpz_bits(fmpq_numref(q)) < 6) {
        take_root(e, out, fmpz_get_ui(fmpq_denref(q)));
        frac_pow(e, out, fmpz_get_si(fmpq_numref(q)));
    } else if (!e->division || !frac_positive_power(e, out, &power)) {
        frac_atom(e, out, MATH_POW, 0, out, &power);
    }
    fmpq_clear(q);
    frac_clear(e, &power);
}

/* -- functions -- */

typedef void number_fn(ca_t, const ca_t, ca_ctx_t);
static number_fn *const of_numbers[MATH_FUNCTIONS] = {
    [MATH_SIN] = ca_sin,     [MATH_COS] = ca_cos,     [MATH_TAN] = ca_tan,
    [MATH_COT] = ca_cot,     [MATH_ARCSIN] = ca_asin, [MATH_ARCCOS] = ca_acos,
    [MATH_ARCTAN] = ca_atan, [MATH_LN] = ca_log,      [MATH_LOG] = ca_log,
    [MATH_EXP] = ca_exp,     [MATH_FLOOR] = ca_floor, [MATH_CEIL] = ca_ceil,
    [MATH_SEC] = ca_cos,     [MATH_CSC] = ca_sin, /* inverted after */
};

void frac_apply(frac_engine *e, frac *out, int op)
{
    ca_t x;

    ca_init(x, e->ctx);
    frac_number(e, x, out);
    e->failed |= ++e->n_hard > MATH_MAX_HARD;
    if (!e->failed) {
        of_numbers[op](x, x, e->ctx);
        if (op == MATH_SEC || op == MATH_CSC) ca_inv(x, x, e->ctx);
        frac_set_ca(e, out, x);
    }
    ca_clear(x, e->ctx);
}

static void to_radians(frac_engine *e, frac *f)
{
    frac factor = {0};
    ca_t x;

    ca_init(x, e->ctx);
    ca_pi(x, e->ctx);
    ca_div_ui(x, x, 180, e->ctx);
    frac_set_ca(e, &factor, x);
    frac_mul(e, f, &factor, false);
    frac_clear(e, &factor);
    ca_clear(x, e->ctx);
}

/* ln x / ln b. */
static void divide_by_log(frac_engine *e, frac *out, const math_node *base)
{
    frac b = {0};
    ca_t ten;

    if (base) {
        evaluate(e, &b, base);
    } else {
        ca_init(ten, e->ctx);
        ca_set_ui(ten, 10, e->ctx);
        frac_set_ca(e, &b, ten);
        ca_clear(ten, e->ctx);
    }
    if (!e->failed && frac_is_number(e, &b))
        frac_apply(e, &b, MATH_LN);
    else if (!e->failed)
        frac_atom(e, &b, MATH_FUNCTION, MATH_LN, &b, NULL);
    if (!e->failed) frac_mul(e, out, &b, true);
    frac_clear(e, &b);
}

void frac_log(frac_engine *e, frac *f)
{
    if (frac_is_number(e, f))
        frac_apply(e, f, MATH_LN);
    else
        frac_atom(e, f, MATH_FUNCTION, MATH_LN, f, NULL);
}

static void apply(frac_engine *e, frac *out, const math_node *n)
{
    const int op = n->op == MATH_LOG ? MATH_LN : n->op;

    evaluate(e, out, n->first);
    if (op <= MATH_CSC && n->first->unit) to_radians(e, out);
    if (e->failed) return;
    if (op == MATH_LN && e->division && !frac_is_number(e, out))
        frac_positive_log(e, out);
    else if (op == MATH_LN)
        frac_log(e, out);
    else if (frac_is_number(e, out))
        frac_apply(e, out, op);
    else if (op <= MATH_CSC)
        frac_apply_circular(e, out, op);
    else
        frac_atom(e, out, MATH_FUNCTION, op, out, NULL);
    if (n->op == MATH_LOG && !e->failed) divide_by_log(e, out, n->first->next);
}

static void take_abs(frac_engine *e, frac *out)
{
    size_t which = 0;
    bool is_new = false;
    frac made = {0};
    ca_t x;

    if (frac_is_number(e, out)) {
        ca_init(x, e->ctx);
        frac_number(e, x, out);
        ca_abs(x, x, e->ctx);
        frac_set_ca(e, out, x);
        ca_clear(x, e->ctx);
        return;
    }
    if (e->division && out->num.n == 1 && out->den.n == 1) { /* of a monomial */
        ca_abs(out->num.term[0].c, out->num.term[0].c, e->ctx);
        ca_abs(out->den.term[0].c, out->den.term[0].c, e->ctx);
        return;
    }
    frac_set_atom(e, &made, MATH_ABS, 0, out, NULL, &which, &is_new);
    frac_clear(e, out);
    *out = made;
}

/* -- trees -- */

static void set_constant(frac_engine *e, frac *out, int op)
{
    ca_t x;

    ca_init(x, e->ctx);
    if (op == MATH_PI) ca_pi(x, e->ctx);
    if (op == MATH_I) ca_i(x, e->ctx);
    if (op == MATH_E) {
        ca_one(x, e->ctx);
        ca_exp(x, x, e->ctx);
    }
    e->failed |= op == MATH_INFINITY;
    frac_set_ca(e, out, x);
    ca_clear(x, e->ctx);
}

static void set_number(frac_engine *e, frac *out, const math_node *n)
{
    fmpq_t q;
    ca_t x;

    fmpq_init(q);
    ca_init(x, e->ctx);
    if (math_rational(q, n) == MATH_GOT)
        ca_set_fmpq(x, q, e->ctx);
    else
        e->failed = true;
    frac_set_ca(e, out, x);
    ca_clear(x, e->ctx);
    fmpq_clear(q);
}

/* Sums and products, one kid after the other. */
static void fold(frac_engine *e, frac *out, const math_node *n)
{
    const bool is_sum = n->kind != MATH_MUL;
    frac x = {0};

    poly_set_one(e, &out->den);
    if (!is_sum) poly_set_one(e, &out->num);
    for (const math_node *kid = n->first; kid && !e->failed; kid = kid->next) {
        const int sign = n->kind == MATH_NEG ? -1 : kid->sign;
        evaluate(e, &x, kid);
        e->failed |= sign != 1 && sign != -1;
        if (e->failed) break;
        if (is_sum)
            frac_add(e, out, &x, sign);
        else
            frac_mul(e, out, &x, sign < 0);
        frac_clear(e, &x);
    }
    frac_clear(e, &x);
}

/* Of letters; numbers are rational. */
static void take_factorial(frac_engine *e, frac *out, const math_node *n)
{
    frac k = {0};

    e->failed |= !e->division;
    if (!e->failed) evaluate(e, out, n->first);
    if (!e->failed && n->kind == MATH_BINOMIAL) {
        evaluate(e, &k, n->first->next);
        if (!e->failed) frac_binomial(e, out, &k);
    } else if (!e->failed) {
        frac_factorial(e, out);
    }
    frac_clear(e, &k);
}

/* f(x) or f(x, y) is an atom over its arguments, told apart by its name. */
static void take_application(frac_engine *e, frac *out, const math_node *n)
{
    const math_node *first = n->first->next, *second = NULL;
    frac y = {0};

    if (first->kind == MATH_TUPLE) {
        first = first->first;
        second = first->next;
        e->failed |= second->next != NULL;
    }
    if (!e->failed) evaluate(e, out, first);
    if (!e->failed && second) evaluate(e, &y, second);
    if (!e->failed)
        frac_atom(e, out, second ? MATH_TUPLE : MATH_MUL, math_symbol_index(e->symbols, n->first),
                  out, second ? &y : NULL);
    frac_clear(e, &y);
}

/* *out is empty on entry. Whatever is rational by itself is one number at once. */
static void evaluate(frac_engine *e, frac *out, const math_node *n)
{
    ulong index = 2;
    fmpq_t q;
    bool is_rational;

    fmpq_init(q);
    is_rational = math_rational(q, n) == MATH_GOT;
    fmpq_clear(q);
    if (is_rational) {
        set_number(e, out, n);
        return;
    }
    if (math_is_opaque(e->symbols, n)) {
        take_application(e, out, n);
        return;
    }
    e->failed |= math_is_misread(e->symbols, n);
    if (e->failed) return;
    switch (n->kind) {
    case MATH_SYMBOL:
        set_generator(e, out, (size_t)math_symbol_index(e->symbols, n));
        if (e->division) frac_pow(e, out, e->division);
        break;
    case MATH_CONSTANT:
        set_constant(e, out, n->op);
        break;
    case MATH_NEG:
    case MATH_ADD:
    case MATH_MUL:
        fold(e, out, n);
        break;
    case MATH_POW:
        take_power(e, out, n);
        break;
    case MATH_ROOT:
        e->failed |= n->first->next && !small_index(&index, n->first->next);
        if (!e->failed) evaluate(e, out, n->first);
        if (!e->failed) take_root(e, out, index);
        break;
    case MATH_FACTORIAL:
    case MATH_BINOMIAL:
        take_factorial(e, out, n);
        break;
    case MATH_ABS:
        evaluate(e, out, n->first);
        if (!e->failed) take_abs(e, out);
        break;
    case MATH_FUNCTION:
        if (n->op >= MATH_GCD)
            e->failed = true;
        else
            apply(e, out, n);
        break;
    default:
        e->failed = true;
    }
}

/* -- comparisons -- */

static void engine_open(frac_engine *e, const math_symbols *symbols)
{
    *e = (frac_engine){.symbols = symbols};
    ca_ctx_init(e->ctx);
    ca_ctx_set_option(e->ctx, CA_OPT_QQBAR_DEG_LIMIT, 32);
    ca_ctx_set_option(e->ctx, CA_OPT_PREC_LIMIT, 1024);
    ca_ctx_set_option(e->ctx, CA_OPT_GROEBNER_LENGTH_LIMIT, 30);
    ca_ctx_set_option(e->ctx, CA_OPT_GROEBNER_POLY_LENGTH_LIMIT, 200);
    ca_ctx_set_option(e->ctx, CA_OPT_GROEBNER_POLY_BITS_LIMIT, 2000);
}

static void engine_close(frac_engine *e)
{
    for (size_t i = 0; i < e->n_atoms; i++) {
        frac_clear(e, &e->atom[i].arg);
        frac_clear(e, &e->atom[i].second);
        poly_clear(e, &e->atom[i].base);
    }
    ca_ctx_clear(e->ctx);
}

static math_truth identical(const math_node *a, const math_node *b, const math_symbols *symbols,
                            unsigned division)
{
    frac_engine e;
    frac x = {0}, y = {0};
    math_truth t = MATH_UNKNOWN;

    engine_open(&e, symbols);
    e.division = division;
    evaluate(&e, &x, a);
    if (!e.failed) evaluate(&e, &y, b);
    if (!e.failed) t = frac_equal(&e, &x, &y);
    if (t == MATH_FALSE && e.n_atoms) t = MATH_UNKNOWN; /* atoms may hide an identity */
    frac_clear(&e, &x);
    frac_clear(&e, &y);
    engine_close(&e);
    return t;
}

math_truth math_identical(const math_node *a, const math_node *b, const math_symbols *symbols)
{
    return identical(a, b, symbols, 0);
}

math_truth math_identical_positive(const math_node *a, const math_node *b,
                                   const math_symbols *symbols)
{
    const unsigned x = frac_root_indices(a), y = frac_root_indices(b);
    unsigned division = x;

    while (division % y) division += x;
    return division > MAX_DIVISION ? MATH_UNKNOWN : identical(a, b, symbols, division);
}

static bool is_positive_ratio(frac_engine *e, const ca_t a, const ca_t b)
{
    acb_t value;
    ca_t ratio;
    bool is_positive;

    acb_init(value);
    ca_init(ratio, e->ctx);
    ca_div(ratio, a, b, e->ctx);
    ca_get_acb(value, ratio, MATH_BITS, e->ctx);
    is_positive = arb_is_positive(acb_realref(value));
    ca_clear(ratio, e->ctx);
    acb_clear(value);
    return is_positive;
}

/* a * (coefficient in b) = b * (coefficient in a), for the powers of a's first term. */
static math_truth poly_proportional(frac_engine *e, const poly *a, const poly *b, bool is_positive)
{
    poly difference = {0};
    math_truth t = MATH_FALSE;
    term x = {0};
    size_t i = 0;

    if (a->n == 0 || b->n == 0) return a->n == b->n ? MATH_TRUE : MATH_FALSE;
    while (i < b->n && memcmp(b->term[i].power, a->term[0].power, GENERATORS) != 0) i++;
    if (i == b->n || a->n != b->n) return MATH_FALSE;
    ca_init(x.c, e->ctx);
    ca_set(x.c, b->term[i].c, e->ctx);
    poly_add_product(e, &difference, &x, a);
    ca_neg(x.c, a->term[0].c, e->ctx);
    poly_add_product(e, &difference, &x, b);
    t = e->failed ? MATH_UNKNOWN : poly_is_zero(e, &difference);
    if (t == MATH_TRUE && is_positive && !is_positive_ratio(e, a->term[0].c, b->term[i].c))
        t = MATH_FALSE;
    ca_clear(x.c, e->ctx);
    poly_clear(e, &difference);
    return t;
}

math_truth math_proportional(const math_node *a, const math_node *b, const math_symbols *symbols,
                             bool is_positive)
{
    frac_engine e;
    frac x = {0}, y = {0};
    math_truth t = MATH_UNKNOWN;

    engine_open(&e, symbols);
    evaluate(&e, &x, a);
    if (!e.failed) evaluate(&e, &y, b);
    if (is_positive && !e.failed) e.failed = !poly_is_one(&e, &x.den) || !poly_is_one(&e, &y.den);
    if (!e.failed) t = poly_proportional(&e, &x.num, &y.num, is_positive);
    if (t == MATH_FALSE && e.n_atoms) t = MATH_UNKNOWN;
    frac_clear(&e, &x);
    frac_clear(&e, &y);
    engine_close(&e);
    return t;
}
