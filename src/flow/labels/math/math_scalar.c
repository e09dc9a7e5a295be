/* math_scalar.c - whether two scalars are equal, or near. */
#include <math.h>

#include "flow/labels/math/math_equal.h"
#include "flow/labels/math/math_interval.h"

/* -- scalars -- */

static bool is_scalar_pair(const math_node *n)
{
    return math_count(n) == 2 && math_is_scalar(n->first) && math_is_scalar(n->first->next);
}

bool math_is_scalar(const math_node *n)
{
    if (n->kind > MATH_FUNCTION) return false;
    if (n->is_application && n->first->next->kind == MATH_TUPLE)
        return is_scalar_pair(n->first->next); /* f(x, y) */
    for (const math_node *kid = n->first; kid && n->kind != MATH_SYMBOL; kid = kid->next)
        if (!math_is_scalar(kid)) return false;
    return true;
}

typedef struct comparison {
    const math_node *a, *b;
    math_truth truth;
} comparison;

static bool decide_rational(comparison *c)
{
    fmpq_t x, y;
    bool is_decided;

    fmpq_init(x);
    fmpq_init(y);
    is_decided = math_rational(x, c->a) == MATH_GOT && math_rational(y, c->b) == MATH_GOT;
    if (is_decided) c->truth = fmpq_equal(x, y) ? MATH_TRUE : MATH_FALSE;
    fmpq_clear(x);
    fmpq_clear(y);
    return is_decided;
}

static bool has_imaginary(const math_node *n)
{
    if (n->kind == MATH_CONSTANT && n->op == MATH_I) return true;
    for (const math_node *kid = n->first; kid && n->kind != MATH_SYMBOL; kid = kid->next)
        if (has_imaginary(kid)) return true;
    return false;
}

/* TRUE: equal as far as balls tell; FALSE: not; UNKNOWN: one has no value there. */
static math_truth agree_at(const comparison *c, const math_symbols *symbols, size_t which)
{
    math_truth t = MATH_UNKNOWN;
    acb_t x, y;

    acb_init(x);
    acb_init(y);
    if (math_numeric(x, c->a, symbols, which) && math_numeric(y, c->b, symbols, which))
        t = acb_overlaps(x, y) ? MATH_TRUE : MATH_FALSE;
    acb_clear(x);
    acb_clear(y);
    return t;
}

/* Functions are compared where both are real: sqrt(x^3) and x sqrt(x) are the same. */
static void compare_scalars(void *ctx)
{
    comparison *c = ctx;
    math_symbols symbols = {.n = 0};
    size_t n_points = 0;

    c->truth = MATH_UNKNOWN;
    if (decide_rational(c)) return;
    if (!math_collect(&symbols, c->a) || !math_collect(&symbols, c->b)) return;
    symbols.is_real = symbols.n && !has_imaginary(c->a) && !has_imaginary(c->b);
    for (size_t which = 0; which < (symbols.n ? MATH_POINTS : 1); which++) {
        const math_truth t = agree_at(c, &symbols, which);
        if (t == MATH_FALSE) {
            c->truth = t;
            return;
        }
        n_points += t == MATH_TRUE;
    }
    c->truth = math_identical(c->a, c->b, &symbols);
    if (c->truth == MATH_UNKNOWN && symbols.is_real && n_points)
        c->truth = math_identical_positive(c->a, c->b, &symbols);
}

/* The sign of an infinity; 0: something else. */
int math_infinity_sign(const math_node *n)
{
    if (n->kind == MATH_CONSTANT && n->op == MATH_INFINITY) return 1;
    if ((n->kind == MATH_ADD || n->kind == MATH_NEG) && n->first && !n->first->next)
        return math_infinity_sign(n->first) * (n->kind == MATH_NEG ? -1 : n->first->sign);
    return 0;
}

/* Whether the other side, rounded to the decimals of the one, may be the one. */
static bool is_rounding(const comparison *c)
{
    const size_t decimals = c->a->rounded ? c->a->rounded : c->b->rounded;
    const math_symbols none = {.n = 0};
    math_symbols found = {.n = 0};
    arb_t half;
    acb_t x, y;
    bool is_near;

    if (!c->a->rounded == !c->b->rounded || decimals > MATH_MAX_DIGITS) return false;
    if (!math_collect(&found, c->a) || !math_collect(&found, c->b) || found.n) return false;
    acb_init(x);
    acb_init(y);
    arb_init(half);
    is_near = math_numeric(x, c->a, &none, 0) && math_numeric(y, c->b, &none, 0);
    acb_sub(x, x, y, MATH_BITS);
    acb_abs(acb_realref(x), x, MATH_BITS);
    arb_set_ui(half, 10);
    arb_pow_ui(half, half, decimals, MATH_BITS);
    arb_mul(half, half, acb_realref(x), MATH_BITS);
    arb_mul_2exp_si(half, half, 1);
    arb_sub_ui(half, half, 1, MATH_BITS);
    is_near = is_near && !arb_is_positive(half); /* |difference| <= 1/2 of the last decimal */
    arb_clear(half);
    acb_clear(x);
    acb_clear(y);
    return is_near;
}

static void compare_near(void *ctx)
{
    const double share = 0.01;
    const math_symbols none = {.n = 0};
    comparison *c = ctx;
    acb_t x, y;

    acb_init(x);
    acb_init(y);
    c->truth = MATH_TRUE;
    if (math_is_scalar(c->a) && math_is_scalar(c->b) && math_numeric(x, c->a, &none, 0) &&
        math_numeric(y, c->b, &none, 0)) {
        const double a = arf_get_d(arb_midref(acb_realref(x)), ARF_RND_NEAR);
        const double b = arf_get_d(arb_midref(acb_realref(y)), ARF_RND_NEAR);
        if (!(fabs(a - b) <= share * (fabs(a) + fabs(b)) / 2)) c->truth = MATH_FALSE;
    }
    acb_clear(x);
    acb_clear(y);
}

bool math_near(const math_node *a, const math_node *b)
{
    comparison c = {a, b, MATH_UNKNOWN};

    return math_guarded(compare_near, &c) && c.truth == MATH_TRUE;
}

static void compare_rounded(void *ctx)
{
    comparison *c = ctx;

    compare_scalars(c);
    if (c->truth == MATH_FALSE && is_rounding(c)) c->truth = MATH_TRUE;
}

math_truth math_scalar_equal(const math_node *a, const math_node *b)
{
    comparison c = {a, b, MATH_UNKNOWN};
    const int x = math_infinity_sign(a), y = math_infinity_sign(b);

    if (x || y) return x == y ? MATH_TRUE : MATH_FALSE;
    return math_guarded(compare_rounded, &c) ? c.truth : MATH_UNKNOWN;
}
