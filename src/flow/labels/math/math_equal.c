#include "flow/labels/math/math_equal.h"

#include <stdint.h>
#include <string.h>

#include "flow/labels/math/math_interval.h"

enum { MAX_ITEMS = 32, MAX_SIGNS = 3 };

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

static bool units_agree(const math_node *a, const math_node *b)
{
    if (!a->unit || !b->unit || strcmp(a->unit, b->unit) == 0) return true;
    return strstr(a->unit, "unit") || strstr(b->unit, "unit");
}

/* "y = .." and "f(x) = ..": the same function's two names. */
static bool are_function_names(const math_node *x, const math_node *y)
{
    return (x->is_application && y->kind == MATH_SYMBOL && y->len == 1 && *y->text == 'y') ||
           (y->is_application && x->kind == MATH_SYMBOL && x->len == 1 && *x->text == 'y');
}

/* "W(n) = 1" and "W(x) = 1": a function that is constant. */
static bool are_constant(const math_node *x, const math_node *y)
{
    return x->is_application && y->is_application && x->first->next->kind == MATH_SYMBOL &&
           y->first->next->kind == MATH_SYMBOL && compare(x->first, y->first) == MATH_TRUE &&
           !math_has_letters(x->next) && !math_has_letters(y->next);
}

static math_truth compare_equations(const math_node *a, const math_node *b)
{
    const math_node *x = math_assigned_name(a), *y = math_assigned_name(b);
    const bool is_name =
        x && y && (are_function_names(x, y) || are_constant(x, y) || compare(x, y) == MATH_TRUE);
    math_truth t = MATH_UNKNOWN;

    if (is_name && !units_agree(x->next, y->next)) return MATH_FALSE;
    if (is_name) {
        t = compare(x->next, y->next);
        if (t == MATH_TRUE) return t;
    }
    if (!is_equation(a) || !is_equation(b)) return t == MATH_UNKNOWN ? MATH_FALSE : t;
    if (x && y && x->is_application && y->is_application &&
        compare(x->first, y->first) == MATH_FALSE)
        return MATH_FALSE; /* f(x) = .., g(x) = .. */
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

static bool has_digit(const math_node *n)
{
    for (size_t i = 0; i < n->len; i++)
        if (n->text[i] >= '0' && n->text[i] <= '9') return true;
    return false;
}

/* Words with a number in them may mean it. */
static math_truth compare_words(const math_node *a, const math_node *b)
{
    vs_buf x = {0}, y = {0};
    math_truth t;

    if ((a->kind == MATH_WORDS && has_digit(a)) != (b->kind == MATH_WORDS && has_digit(b)))
        return a->kind == b->kind ? MATH_FALSE : MATH_UNKNOWN;

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

/* -- named values: "x = 5, y = 3", "(x, y) = (5, 3)", "(5, 3)" -- */

typedef struct named {
    const math_node *name[MAX_ITEMS], *value[MAX_ITEMS]; /* name NULL: there is none */
    size_t n;
    bool is_named, is_ordered;
} named;

static bool add_named(named *out, const math_node *name, const math_node *value)
{
    if (out->n == MAX_ITEMS) return false;
    for (size_t i = 0; name && i < out->n; i++)
        if (math_scalar_equal(out->name[i], name) == MATH_TRUE) return false; /* x = 1, x = 2 */
    out->name[out->n] = name;
    out->value[out->n++] = value;
    return true;
}

/* false: it is no list of values with names of their own. */
static bool collect_named(named *out, const math_node *n)
{
    *out = (named){.is_ordered = n->kind == MATH_TUPLE};
    if (n->kind == MATH_RELATION && math_assigned_name(n) && n->first->kind == MATH_TUPLE &&
        n->first->next->kind == MATH_TUPLE && n->first->next->relation == MATH_EQ &&
        math_count(n->first) == math_count(n->first->next)) {
        out->is_named = out->is_ordered = true;
        for (const math_node *x = n->first->first, *v = n->first->next->first; x;
             x = x->next, v = v->next)
            if (!add_named(out, x, v)) return false;
        return true;
    }
    if (n->kind == MATH_TUPLE && (n->open != '(' || n->close != ')')) return false;
    if (n->kind != MATH_LIST && n->kind != MATH_TUPLE) return false;
    for (const math_node *kid = n->first; kid; kid = kid->next) {
        const math_node *name = math_assigned_name(kid);
        if (name && kid->first->next->relation != MATH_EQ) return false;
        if (kid != n->first && out->is_named != (name != NULL)) return false;
        out->is_named = name != NULL;
        if (!add_named(out, name, name ? name->next : kid)) return false;
    }
    return true;
}

/* Letters in the order of the alphabet: a pair without names is read so. */
static bool is_alphabetical(const named *x)
{
    for (size_t i = 1; i < x->n; i++) {
        const math_node *a = x->name[i - 1], *b = x->name[i];
        if (a->kind != MATH_SYMBOL || b->kind != MATH_SYMBOL || *a->text > *b->text) return false;
    }
    return true;
}

static math_truth compare_named(const named *a, const named *b)
{
    math_truth t = MATH_TRUE;

    if (a->n != b->n) return MATH_FALSE;
    for (size_t i = 0; i < a->n; i++) {
        size_t j = i;
        if (a->is_named && b->is_named)
            for (j = 0; j < b->n && compare(a->name[i], b->name[j]) != MATH_TRUE;) j++;
        if (j == b->n) return MATH_FALSE;
        const math_truth part = compare(a->value[i], b->value[j]);
        if (part == MATH_FALSE) return MATH_FALSE;
        if (part == MATH_UNKNOWN) t = part;
    }
    return t;
}

/* *applies: one has names, and the other names or an order. */
static math_truth compare_by_name(bool *applies, const math_node *a, const math_node *b)
{
    named x, y;

    *applies = collect_named(&x, a) && collect_named(&y, b) && (x.is_named || y.is_named) &&
               x.n > 1 && y.n > 1;
    if (!*applies) return MATH_UNKNOWN;
    if (x.is_named && y.is_named) return compare_named(&x, &y);
    const named *with = x.is_named ? &x : &y, *without = x.is_named ? &y : &x;
    const math_truth t = compare_named(&x, &y);
    const bool is_sure = with->is_ordered || is_alphabetical(with);
    if (t == MATH_TRUE) return is_sure || !without->is_ordered ? t : MATH_UNKNOWN;
    return without->is_ordered && is_sure ? t : MATH_UNKNOWN;
}

/* -- all kinds -- */

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

/* "0.56 = 56%": math_settle leaves no other equation of two numbers. */
static bool is_percent_chain(const math_node *n)
{
    const math_node *b = is_equation(n) ? n->first->next : NULL;

    return b && math_is_scalar(n->first) && math_is_scalar(b) && !n->first->unit && b->unit &&
           strcmp(b->unit, "%") == 0;
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
    t = compare_by_name(&is_decided, a, b);
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
    if (is_percent_chain(a) || is_percent_chain(b)) {
        const bool of_a = is_percent_chain(a);
        return compare(of_a ? a->first : a, of_a ? b : b->first) == MATH_TRUE ||
                       compare(of_a ? a->first->next : a, of_a ? b : b->first->next) == MATH_TRUE
                   ? MATH_TRUE
                   : MATH_FALSE;
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
    if (a->kind == MATH_RATIO && b->kind == MATH_RATIO) /* 6:2 may be another ratio or a time */
        return compare_parts(a, b) == MATH_TRUE ? MATH_TRUE : MATH_UNKNOWN;
    if (a->kind == MATH_MATRIX && b->kind == MATH_MATRIX)
        return a->columns == b->columns ? compare_parts(a, b) : MATH_FALSE;
    return a->kind == MATH_EMPTY && b->kind == MATH_EMPTY ? MATH_TRUE : MATH_FALSE;
}

math_truth math_equal(const math_node *gold, const math_node *answer)
{
    return compare(gold, answer);
}
