#include "flow/labels/math/math_equal.h"

#include <stdint.h>
#include <string.h>

#include "flow/labels/math/math_interval.h"

enum { MAX_ITEMS = 32, MAX_SIGNS = 3 };

/* -- scalars -- */

bool math_is_scalar(const math_node *n)
{
    if (n->kind > MATH_FUNCTION) return false;
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

static bool tells_apart(const comparison *c, const math_symbols *symbols, size_t which)
{
    acb_t x, y;
    bool differ;

    acb_init(x);
    acb_init(y);
    differ = math_numeric(x, c->a, symbols, which) && math_numeric(y, c->b, symbols, which) &&
             !acb_overlaps(x, y);
    acb_clear(x);
    acb_clear(y);
    return differ;
}

static void compare_scalars(void *ctx)
{
    comparison *c = ctx;
    math_symbols symbols = {.n = 0};

    c->truth = MATH_UNKNOWN;
    if (decide_rational(c)) return;
    if (!math_collect(&symbols, c->a) || !math_collect(&symbols, c->b)) return;
    for (size_t which = 0; which < (symbols.n ? MATH_POINTS : 1); which++)
        if (tells_apart(c, &symbols, which)) {
            c->truth = MATH_FALSE;
            return;
        }
    c->truth = math_identical(c->a, c->b, &symbols);
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

/* -- items: what a list holds, with a +- b as two -- */

typedef struct item {
    const math_node *node;
    math_node *sign[MAX_SIGNS]; /* kids whose sign is one of two */
    int sign_of[MAX_SIGNS];     /* as they were written */
    size_t n_signs;
    unsigned choice; /* bit i: sign i is the lower one */
} item;

typedef struct items {
    item item[MAX_ITEMS];
    size_t n;
    bool is_set, overflowed;
} items;

static bool find_signs(item *x, math_node *n)
{
    for (math_node *kid = n->first; kid; kid = kid->next) {
        if (kid->sign == MATH_PLUS_MINUS || kid->sign == MATH_MINUS_PLUS) {
            if (x->n_signs == MAX_SIGNS) return false;
            x->sign_of[x->n_signs] = kid->sign;
            x->sign[x->n_signs++] = kid;
        }
        if (!find_signs(x, kid)) return false;
    }
    return true;
}

static void set_signs(const item *x)
{
    for (size_t i = 0; i < x->n_signs; i++) {
        const bool is_lower = (x->choice >> i & 1) != 0;
        x->sign[i]->sign = (x->sign_of[i] == MATH_PLUS_MINUS) == is_lower ? -1 : 1;
    }
}

static void restore_signs(const item *x)
{
    for (size_t i = 0; i < x->n_signs; i++) x->sign[i]->sign = x->sign_of[i];
}

/* With a minus-plus all signs go together, else each by itself. */
static void add_item(items *out, const math_node *n)
{
    item x = {.node = n};
    unsigned n_choices;
    bool is_joint = false;

    if (!find_signs(&x, (math_node *)(uintptr_t)n)) {
        out->overflowed = true;
        return;
    }
    for (size_t i = 0; i < x.n_signs; i++) is_joint |= x.sign_of[i] == MATH_MINUS_PLUS;
    n_choices = 1u << (is_joint ? 1 : x.n_signs);
    for (unsigned k = 0; k < n_choices; k++) {
        x.choice = is_joint && k ? ~0u : k;
        if (out->n == MAX_ITEMS)
            out->overflowed = true;
        else
            out->item[out->n++] = x;
    }
}

static void collect_items(items *out, const math_node *n)
{
    *out = (items){.is_set = n->kind == MATH_SET};
    if (n->kind != MATH_LIST && n->kind != MATH_SET) {
        add_item(out, n);
        return;
    }
    for (const math_node *kid = n->first; kid; kid = kid->next) add_item(out, kid);
}

static math_truth compare(const math_node *a, const math_node *b);

static math_truth compare_items(const item *a, const item *b)
{
    math_truth t;

    set_signs(a);
    set_signs(b);
    t = compare(a->node, b->node);
    restore_signs(a);
    restore_signs(b);
    return t;
}

/* A set has each element once. */
static void drop_repeats(items *x)
{
    for (size_t i = 0; i < x->n; i++)
        for (size_t j = i + 1; j < x->n;)
            if (compare_items(&x->item[i], &x->item[j]) == MATH_TRUE)
                x->item[j] = x->item[--x->n];
            else
                j++;
}

/* As multisets: every item of a has its own partner in b. Equality is transitive where it is known,
 * so that taking the first partner is enough. */
static math_truth compare_lists(items *a, items *b)
{
    bool taken[MAX_ITEMS] = {false}, is_open = false;

    if (a->overflowed || b->overflowed) return MATH_UNKNOWN;
    if (a->is_set) drop_repeats(a);
    if (b->is_set) drop_repeats(b);
    if (a->n != b->n) return MATH_FALSE;
    for (size_t i = 0; i < a->n; i++) {
        bool found = false, may_be = false;
        for (size_t j = 0; j < b->n && !found; j++) {
            if (taken[j]) continue;
            const math_truth t = compare_items(&a->item[i], &b->item[j]);
            found = t == MATH_TRUE;
            may_be |= t == MATH_UNKNOWN;
            if (found) taken[j] = true;
        }
        if (!found && !may_be) return MATH_FALSE;
        is_open |= !found;
    }
    return is_open ? MATH_UNKNOWN : MATH_TRUE;
}

/* -- relations -- */

static bool is_equation(const math_node *n)
{
    return n->kind == MATH_RELATION && math_count(n) == 2 && n->first->next->relation == MATH_EQ;
}

static bool is_name(const math_node *n)
{
    if (n->kind == MATH_SYMBOL || n->kind == MATH_WORDS) return true;
    if (n->kind == MATH_CONSTANT) return n->op == MATH_I || n->op == MATH_E; /* as letters */
    if (n->kind != MATH_TUPLE && n->kind != MATH_MUL) return false;
    for (const math_node *kid = n->first; kid; kid = kid->next)
        if (!is_name(kid) || kid->sign != 1) return false;
    return true;
}

const math_node *math_assigned_name(const math_node *n)
{
    if (n->kind != MATH_RELATION || math_count(n) != 2 || !is_name(n->first)) return NULL;
    if (n->first->next->relation != MATH_EQ && n->first->next->relation != MATH_IN) return NULL;
    return n->first;
}

/* left - right. parts: room for the copies. */
static math_node difference(math_node parts[2], const math_node *left, const math_node *right)
{
    parts[0] = *left;
    parts[1] = *right;
    parts[0].sign = 1;
    parts[1].sign = -1;
    parts[0].next = &parts[1];
    parts[1].next = NULL;
    return (math_node){.kind = MATH_ADD, .sign = 1, .first = parts};
}

typedef struct proportion {
    const math_node *a, *b;
    bool is_positive;
    math_truth truth;
} proportion;

static void compare_proportion(void *ctx)
{
    proportion *p = ctx;
    math_symbols symbols = {.n = 0};

    p->truth = MATH_UNKNOWN;
    if (math_collect(&symbols, p->a) && math_collect(&symbols, p->b))
        p->truth = math_proportional(p->a, p->b, &symbols, p->is_positive);
}

static math_truth proportional(const math_node *a_left, const math_node *a_right,
                               const math_node *b_left, const math_node *b_right, bool is_positive)
{
    math_node a_parts[2], b_parts[2];
    const math_node a = difference(a_parts, a_left, a_right),
                    b = difference(b_parts, b_left, b_right);
    proportion p = {&a, &b, is_positive, MATH_UNKNOWN};

    if (!math_is_scalar(&a) || !math_is_scalar(&b)) return MATH_UNKNOWN;
    return math_guarded(compare_proportion, &p) ? p.truth : MATH_UNKNOWN;
}

static math_truth compare_equations(const math_node *a, const math_node *b)
{
    const math_node *x = math_assigned_name(a), *y = math_assigned_name(b);
    math_truth t = MATH_UNKNOWN;

    if (x && y &&
        (x->kind != MATH_SYMBOL || y->kind != MATH_SYMBOL ||
         math_scalar_equal(x, y) == MATH_TRUE)) {
        t = compare(x->next, y->next);
        if (t == MATH_TRUE) return t;
    }
    if (!is_equation(a) || !is_equation(b)) return t == MATH_UNKNOWN ? MATH_FALSE : t;
    const math_truth whole =
        proportional(a->first, a->first->next, b->first, b->first->next, false);
    return whole == MATH_UNKNOWN && t == MATH_FALSE ? MATH_FALSE : whole;
}

/* Inequalities that are no intervals: left - right up to a positive factor. */
static math_truth compare_inequalities(const math_node *a, const math_node *b)
{
    const math_relation r = a->first->next->relation, s = b->first->next->relation;
    const math_node *x = a->first, *y = b->first;

    if (math_count(a) != 2 || math_count(b) != 2) return MATH_UNKNOWN;
    if (s < MATH_NE || s > MATH_GE) return s == MATH_IN ? MATH_UNKNOWN : MATH_FALSE;
    if (r == MATH_NE || s == MATH_NE)
        return r != s ? MATH_FALSE : proportional(x, x->next, y, y->next, false);
    if (math_allows_equal(r) != math_allows_equal(s)) return MATH_FALSE;
    if (math_is_less(r) == math_is_less(s)) return proportional(x, x->next, y, y->next, true);
    return proportional(x, x->next, y->next, y, true);
}

/* -- parts -- */

static math_truth compare_parts(const math_node *a, const math_node *b)
{
    math_truth t = MATH_TRUE;

    if (math_count(a) != math_count(b)) return MATH_FALSE;
    for (const math_node *x = a->first, *y = b->first; x; x = x->next, y = y->next) {
        const math_truth part = compare(x, y);
        if (part == MATH_FALSE) return MATH_FALSE;
        if (part == MATH_UNKNOWN) t = MATH_UNKNOWN;
    }
    return t;
}

static math_truth compare_tuples(const math_node *a, const math_node *b)
{
    if (math_count(a) == 2 && (a->open != b->open || a->close != b->close)) return MATH_FALSE;
    return compare_parts(a, b);
}

static math_truth compare_based(const math_node *gold, const math_node *answer)
{
    const bool same_digits =
        gold->len == answer->len && memcmp(gold->text, answer->text, gold->len) == 0;

    if (gold->kind == MATH_NUMBER) return same_digits ? MATH_TRUE : MATH_FALSE; /* says no base */
    if (answer->kind != MATH_BASED || !same_digits) return MATH_FALSE;
    return math_scalar_equal(gold->first, answer->first);
}

static math_truth compare_words(const math_node *a, const math_node *b)
{
    vs_buf x = {0}, y = {0};
    math_truth t;

    if ((a->kind != MATH_WORDS && a->kind != MATH_SYMBOL && a->kind != MATH_CONSTANT) ||
        (b->kind != MATH_WORDS && b->kind != MATH_SYMBOL && b->kind != MATH_CONSTANT) || !a->text ||
        !b->text)
        return MATH_FALSE;
    math_squeeze(&x, a->text, a->len);
    math_squeeze(&y, b->text, b->len);
    t = x.len == y.len && x.len && memcmp(x.data, y.data, x.len) == 0 ? MATH_TRUE : MATH_FALSE;
    if (x.failed || y.failed) t = MATH_UNKNOWN;
    vs_buf_free(&x);
    vs_buf_free(&y);
    return t;
}

/* -- all kinds -- */

static bool units_agree(const math_node *a, const math_node *b)
{
    if (!a->unit || !b->unit || strcmp(a->unit, b->unit) == 0) return true;
    return strstr(a->unit, "unit") || strstr(b->unit, "unit");
}

static bool is_list(const math_node *n)
{
    item x = {.node = n};

    if (n->kind == MATH_LIST || n->kind == MATH_SET) return true;
    return math_is_scalar(n) && find_signs(&x, (math_node *)(uintptr_t)n) && x.n_signs > 0;
}

static bool names_a_set(const math_node *n)
{
    return n->kind == MATH_RELATION && n->first->next->relation == MATH_IN;
}

static bool is_chain(const math_node *n)
{
    return n->kind == MATH_RELATION && n->first->next->relation >= MATH_LT &&
           n->first->next->relation <= MATH_GE;
}

/* What a minus stands before. */
static const math_node *negated(const math_node *n)
{
    return n->kind == MATH_ADD && n->first && !n->first->next && n->first->sign == -1 ? n->first
                                                                                      : NULL;
}

static math_truth compare(const math_node *a, const math_node *b)
{
    bool is_decided;
    math_truth t;

    if (names_a_set(a) && is_chain(b))
        return MATH_UNKNOWN; /* the question said again, or an answer */
    t = math_compare_intervals(&is_decided, a, b);
    if (is_decided) return t;
    if (math_assigned_name(a) && is_list(a->first->next)) a = a->first->next; /* x = {1, 2} */
    if (math_assigned_name(b) && is_list(b->first->next)) b = b->first->next;
    if (is_list(a) || is_list(b)) {
        items x, y;
        collect_items(&x, a);
        collect_items(&y, b);
        return compare_lists(&x, &y);
    }
    if (a->kind == MATH_RELATION && b->kind == MATH_RELATION) {
        const bool has_order =
            a->first->next->relation >= MATH_NE && a->first->next->relation <= MATH_GE;
        return has_order ? compare_inequalities(a, b) : compare_equations(a, b);
    }
    if (a->kind == MATH_RELATION)
        return math_assigned_name(a) ? compare(a->first->next, b) : MATH_FALSE;
    if (b->kind == MATH_RELATION)
        return math_assigned_name(b) ? compare(a, b->first->next) : MATH_FALSE;
    if (!units_agree(a, b)) return MATH_FALSE;
    if (a->kind == MATH_WORDS || b->kind == MATH_WORDS) return compare_words(a, b);
    if (a->kind == MATH_BASED || b->kind == MATH_BASED) return compare_based(a, b);
    if (math_is_scalar(a) && math_is_scalar(b)) return math_scalar_equal(a, b);
    if (negated(a) && negated(b)) return compare(negated(a), negated(b)); /* -37_8 */
    if (a->kind == MATH_TUPLE && b->kind == MATH_TUPLE) return compare_tuples(a, b);
    if (a->kind == MATH_MATRIX && b->kind == MATH_MATRIX)
        return a->columns == b->columns ? compare_parts(a, b) : MATH_FALSE;
    return a->kind == MATH_EMPTY && b->kind == MATH_EMPTY ? MATH_TRUE : MATH_FALSE;
}

math_truth math_equal(const math_node *gold, const math_node *answer)
{
    return compare(gold, answer);
}
