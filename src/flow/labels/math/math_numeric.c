#include "flow/labels/math/math_value.h"

/* Where expressions in symbols are compared: numbers without a pattern, on both sides of 0 and 1.
 */
static const double points[MATH_POINTS][MATH_MAX_SYMBOLS] = {
    {0.7390851332151607, 1.9106332362490186, 2.6651441426902251, 0.3678794411714423,
     3.359885666243177, 1.2020569031595942},
    {2.1451966240372125, 0.5671432904097838, 1.3247179572447461, 3.1462643699419726,
     0.2614972128476428, 2.5849817595792532},
    {-1.2020569031595942, 1.6449340668482264, -0.5772156649015329, 0.9159655941772190,
     1.0823232337111382, 0.8346268416740731},
    {1.3063778838630806, -0.7642236535892206, 0.6434105462883380, 2.2955871493926380,
     -1.1319882487943000, 0.1878596424620671},
    {-1.4513692348833811, -0.8346268416740731, 1.7632228343518968, -2.6854520010653064,
     0.6243299885435508, -0.3532363718549960},
};

/* Sizes beyond 2^20 are left alone: their powers are astronomic. */
static bool is_moderate(const acb_t x)
{
    mag_t m;
    bool is_small;

    mag_init(m);
    acb_get_mag(m, x);
    is_small = mag_cmp_2exp_si(m, 20) < 0;
    mag_clear(m);
    return is_small;
}

static bool add_all(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    bool is_known = true;
    acb_t x;

    acb_init(x);
    acb_zero(out);
    for (const math_node *kid = n->first; kid && is_known; kid = kid->next) {
        is_known = (kid->sign == 1 || kid->sign == -1) && math_numeric(x, kid, symbols, which);
        if (is_known && kid->sign == 1) acb_add(out, out, x, MATH_BITS);
        if (is_known && kid->sign == -1) acb_sub(out, out, x, MATH_BITS);
    }
    acb_clear(x);
    return is_known;
}

static bool multiply_all(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    bool is_known = true;
    acb_t x;

    acb_init(x);
    acb_one(out);
    for (const math_node *kid = n->first; kid && is_known; kid = kid->next) {
        is_known = math_numeric(x, kid, symbols, which);
        if (is_known && kid->sign == 1) acb_mul(out, out, x, MATH_BITS);
        if (is_known && kid->sign == -1) acb_div(out, out, x, MATH_BITS);
    }
    acb_clear(x);
    return is_known;
}

static bool take_power(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    bool is_known;
    fmpq_t whole;
    acb_t e;

    acb_init(e);
    fmpq_init(whole);
    is_known = math_numeric(out, n->first, symbols, which) && is_moderate(out);
    const math_got got = is_known ? math_rational(whole, n->first->next) : MATH_NOT_SO;
    if (got == MATH_OVER_LIMIT) is_known = false;
    if (got == MATH_GOT && fmpz_is_one(fmpq_denref(whole))) {
        is_known = fmpz_bits(fmpq_numref(whole)) <= 13;
        if (is_known) acb_pow_fmpz(out, out, fmpq_numref(whole), MATH_BITS);
    } else if (is_known) {
        is_known = math_numeric(e, n->first->next, symbols, which) && is_moderate(e);
        if (is_known) acb_pow(out, out, e, MATH_BITS);
    }
    acb_clear(e);
    fmpq_clear(whole);
    return is_known;
}

/* Of a negative number the odd roots are real. */
static bool take_root(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    ulong index = 2;
    fmpq_t x;
    bool is_known = true;

    if (n->first->next) {
        fmpq_init(x);
        is_known = math_rational(x, n->first->next) == MATH_GOT && fmpz_is_one(fmpq_denref(x)) &&
                   fmpz_cmp_ui(fmpq_numref(x), 64) <= 0 && fmpz_cmp_ui(fmpq_numref(x), 2) >= 0;
        if (is_known) index = fmpz_get_ui(fmpq_numref(x));
        fmpq_clear(x);
    }
    if (!is_known || !math_numeric(out, n->first, symbols, which)) return false;
    if (index % 2 == 1 && acb_is_real(out) && arb_is_negative(acb_realref(out))) {
        acb_neg(out, out);
        acb_root_ui(out, out, index, MATH_BITS);
        acb_neg(out, out);
    } else {
        acb_root_ui(out, out, index, MATH_BITS);
    }
    return true;
}

static bool round_it(acb_t out, int op)
{
    if (!acb_is_real(out)) return false;
    if (op == MATH_FLOOR)
        arb_floor(acb_realref(out), acb_realref(out), MATH_BITS);
    else
        arb_ceil(acb_realref(out), acb_realref(out), MATH_BITS);
    return arb_is_exact(acb_realref(out));
}

/* Degrees are pi / 180. */
static void to_radians(acb_t x)
{
    acb_t pi;

    acb_init(pi);
    acb_const_pi(pi, MATH_BITS);
    acb_mul(x, x, pi, MATH_BITS);
    acb_div_ui(x, x, 180, MATH_BITS);
    acb_clear(pi);
}

static bool take_log(acb_t out, const math_node *base, const math_symbols *symbols, size_t which)
{
    acb_t b;
    bool is_known;

    acb_init(b);
    acb_set_ui(b, 10);
    is_known = !base || math_numeric(b, base, symbols, which);
    acb_log(out, out, MATH_BITS);
    acb_log(b, b, MATH_BITS);
    acb_div(out, out, b, MATH_BITS);
    acb_clear(b);
    return is_known;
}

static bool set_rational(acb_t out, const math_node *n)
{
    fmpq_t x;
    bool is_known;

    fmpq_init(x);
    is_known = math_rational(x, n) == MATH_GOT;
    if (is_known) acb_set_fmpq(out, x, MATH_BITS);
    fmpq_clear(x);
    return is_known;
}

/* Of max and min of real numbers; gcd, lcm and remainders are known of rational ones alone. */
static bool of_many(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    bool is_known = (n->op == MATH_MAX || n->op == MATH_MIN) &&
                    math_numeric(out, n->first, symbols, which) && acb_is_real(out);
    acb_t x;

    acb_init(x);
    for (const math_node *kid = n->first->next; kid && is_known; kid = kid->next) {
        is_known = math_numeric(x, kid, symbols, which) && acb_is_real(x);
        if (!is_known) break;
        if (n->op == MATH_MAX)
            arb_max(acb_realref(out), acb_realref(out), acb_realref(x), MATH_BITS);
        else
            arb_min(acb_realref(out), acb_realref(out), acb_realref(x), MATH_BITS);
    }
    acb_clear(x);
    return is_known;
}

static bool apply(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    if (n->op >= MATH_GCD) return set_rational(out, n) || of_many(out, n, symbols, which);
    if (!math_numeric(out, n->first, symbols, which) || !is_moderate(out)) return false;
    if (n->op <= MATH_CSC && n->first->unit) to_radians(out);
    switch (n->op) {
    case MATH_SIN:
        acb_sin(out, out, MATH_BITS);
        break;
    case MATH_COS:
        acb_cos(out, out, MATH_BITS);
        break;
    case MATH_TAN:
        acb_tan(out, out, MATH_BITS);
        break;
    case MATH_COT:
        acb_cot(out, out, MATH_BITS);
        break;
    case MATH_SEC:
        acb_sec(out, out, MATH_BITS);
        break;
    case MATH_CSC:
        acb_csc(out, out, MATH_BITS);
        break;
    case MATH_ARCSIN:
        acb_asin(out, out, MATH_BITS);
        break;
    case MATH_ARCCOS:
        acb_acos(out, out, MATH_BITS);
        break;
    case MATH_ARCTAN:
        acb_atan(out, out, MATH_BITS);
        break;
    case MATH_LN:
        acb_log(out, out, MATH_BITS);
        break;
    case MATH_LOG:
        return take_log(out, n->first->next, symbols, which);
    case MATH_EXP:
        acb_exp(out, out, MATH_BITS);
        break;
    default:
        return round_it(out, n->op);
    }
    return true;
}

static bool set_constant(acb_t out, int op)
{
    if (op == MATH_INFINITY) return false;
    if (op == MATH_PI) acb_const_pi(out, MATH_BITS);
    if (op == MATH_I) acb_onei(out);
    if (op == MATH_E) {
        acb_one(out);
        acb_exp(out, out, MATH_BITS);
    }
    return true;
}

static bool take_abs(acb_t out)
{
    acb_abs(acb_realref(out), out, MATH_BITS);
    arb_zero(acb_imagref(out));
    return true;
}

/* Gamma(x + 1). */
static bool gamma_of(acb_t x)
{
    acb_add_ui(x, x, 1, MATH_BITS);
    if (!is_moderate(x) || mag_cmp_2exp_si(arb_radref(acb_realref(x)), -20) > 0) return false;
    acb_gamma(x, x, MATH_BITS);
    return acb_is_finite(x);
}

/* Of letters, by the gamma function. */
static bool take_factorial(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    bool is_known = math_numeric(out, n->first, symbols, which);
    acb_t k, rest;

    acb_init(k);
    acb_init(rest);
    if (is_known && n->kind == MATH_BINOMIAL) {
        is_known = math_numeric(k, n->first->next, symbols, which);
        acb_sub(rest, out, k, MATH_BITS);
        is_known = is_known && gamma_of(k) && gamma_of(rest) && gamma_of(out);
        acb_div(out, out, k, MATH_BITS);
        acb_div(out, out, rest, MATH_BITS);
    } else if (is_known) {
        is_known = gamma_of(out);
    }
    acb_clear(k);
    acb_clear(rest);
    return is_known;
}

bool math_numeric(acb_t out, const math_node *n, const math_symbols *symbols, size_t which)
{
    bool is_known = false;

    if (math_is_opaque(symbols, n) || math_is_misread(symbols, n)) return false;
    switch (n->kind) {
    case MATH_NUMBER:
        return set_rational(out, n);
    case MATH_FACTORIAL:
    case MATH_BINOMIAL:
        if (set_rational(out, n)) return true;
        is_known = symbols->n && take_factorial(out, n, symbols, which);
        break;
    case MATH_SYMBOL:
        acb_set_d(out, points[which][math_symbol_index(symbols, n)]); /* collected before */
        return true;
    case MATH_CONSTANT:
        return set_constant(out, n->op);
    case MATH_NEG:
        is_known = math_numeric(out, n->first, symbols, which);
        acb_neg(out, out);
        break;
    case MATH_ADD:
        is_known = add_all(out, n, symbols, which);
        break;
    case MATH_MUL:
        is_known = multiply_all(out, n, symbols, which);
        break;
    case MATH_POW:
        is_known = take_power(out, n, symbols, which);
        break;
    case MATH_ROOT:
        is_known = take_root(out, n, symbols, which);
        break;
    case MATH_ABS:
        is_known = math_numeric(out, n->first, symbols, which) && take_abs(out);
        break;
    case MATH_FUNCTION:
        is_known = apply(out, n, symbols, which);
        break;
    default:
        return false;
    }
    if (is_known && symbols->is_real && !arb_contains_zero(acb_imagref(out))) return false;
    return is_known && acb_is_finite(out);
}
