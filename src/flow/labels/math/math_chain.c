/* math_chain.c - what an answer says in the end: "x = 5 + 6 = 11" says x = 11, "1/3 ~ 0.333" says
 * 1/3, {1} and {2} joined are {1, 2}. */
#include <string.h>

#include "flow/labels/math/math_equal.h"
#include "flow/labels/math/math_interval.h"

/* Whether a chain may say both: numbers are compared, functions of letters where the letters are
 * the same; words and what holds other letters stand for something. */
static math_truth agree(const math_node *a, const math_node *b)
{
    math_symbols x = {.n = 0};
    size_t n;

    if (!math_collect(&x, a)) return MATH_UNKNOWN;
    n = x.n;
    if (!math_collect(&x, b)) return MATH_UNKNOWN;
    if (x.n > n) return MATH_TRUE;
    x.n = 0;
    (void)math_collect(&x, b);
    if (x.n < n) return MATH_TRUE;
    return math_equal(a, b);
}

/* Values that are said to be about the same: within a hundredth. */
static bool is_near(const math_node *a, const math_node *b)
{
    return math_has_letters(a) || math_has_letters(b) || math_near(a, b);
}

static bool is_percent(const math_node *n)
{
    return n->unit && strcmp(n->unit, "%") == 0;
}

/* 0.56 = 56%. */
static bool is_share(const math_node *a, const math_node *b)
{
    math_node hundred = {.kind = MATH_NUMBER, .sign = -1, .text = "100", .len = 3};
    math_node percent = *b, quotient = {.kind = MATH_MUL, .sign = 1, .first = &percent};

    if (is_percent(a) || !is_percent(b) || math_has_letters(a) || math_has_letters(b)) return false;
    percent.sign = 1;
    percent.unit = NULL;
    percent.next = &hundred;
    return math_scalar_equal(a, &quotient) == MATH_TRUE;
}

/* false: it contradicts itself, or nobody knows. */
static bool settle_chain(math_node **at)
{
    math_node *n = *at, *first = n->first, *value = NULL, *about = NULL;
    const bool is_named = math_names(first);
    const bool is_identity = !is_named && first->next->relation == MATH_EQ &&
                             math_is_scalar(first) && math_is_scalar(first->next) &&
                             math_equal(first, first->next) == MATH_TRUE;
    bool is_exact = true;

    if (math_count(n) == 2 && first->next->relation == MATH_EQ && is_share(first, first->next))
        return true;
    for (math_node *kid = first; kid; kid = kid->next) {
        if (kid->relation != MATH_NO_RELATION && kid->relation != MATH_EQ &&
            kid->relation != MATH_APPROX)
            return true; /* an inequality */
        if (kid == first && is_named) continue;
        is_exact &= kid->relation != MATH_APPROX;
        if (is_exact) {
            if (value && agree(value, kid) != MATH_TRUE) return false;
            value = kid;
        } else {
            if (value && !is_near(value, kid)) return false;
            if (!about) about = kid;
        }
    }
    if (!is_named && value == first && about && math_has_letters(first)) return false; /* 2x ~ 3 */
    if (!value) value = about;
    if (!is_named && math_count(n) == 2 && math_has_letters(n) && !is_identity) return true;
    if (!is_named && math_has_letters(first) && !math_has_letters(value)) return false;
    value->next = NULL;
    value->relation = MATH_EQ;
    if (is_named) {
        first->next = value;
    } else {
        value->relation = MATH_NO_RELATION;
        value->sign = n->sign;
        *at = value;
    }
    return true;
}

/* "5 = x" is "x = 5". */
static void turn_around(math_node *n)
{
    math_node *a = n->first, *b = a->next;

    if (b->next || b->relation != MATH_EQ || b->kind != MATH_SYMBOL || math_has_letters(a)) return;
    n->first = b;
    b->next = a;
    a->next = NULL;
    b->relation = MATH_NO_RELATION;
    a->relation = MATH_EQ;
}

static void join_sets(math_node *n)
{
    math_node *all = NULL, **end = &all;

    for (math_node *kid = n->first; kid; kid = kid->next)
        if (kid->kind != MATH_SET && kid->kind != MATH_EMPTY) return;
    for (math_node *kid = n->first; kid; kid = kid->next) {
        *end = kid->first;
        while (*end) end = &(*end)->next;
    }
    n->kind = all ? MATH_SET : MATH_EMPTY;
    n->first = all;
}

bool math_settle(math_node **root)
{
    math_node *n = *root;

    if (n->kind == MATH_LIST || n->kind == MATH_SET) {
        for (math_node **at = &n->first; *at; at = &(*at)->next) {
            math_node *next = (*at)->next;
            if (!math_settle(at)) return false;
            (*at)->next = next;
        }
    } else if (n->kind == MATH_UNION) {
        join_sets(n);
    } else if (n->kind == MATH_RELATION) {
        turn_around(n);
        if (!settle_chain(root)) return false;
    }
    return true;
}
