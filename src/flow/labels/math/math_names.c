/* math_names.c - left sides that name what the right side is. */
#include <string.h>

#include "flow/labels/math/math_equal.h"
#include "flow/labels/math/math_interval.h"

bool math_has_letters(const math_node *n)
{
    math_symbols found = {.n = 0};

    return !math_collect(&found, n) || found.n > 0;
}

/* Of two and more capitals: a line, not a variable. */
static bool is_segment(const math_node *n)
{
    if (n->kind != MATH_MUL) return false;
    for (const math_node *kid = n->first; kid; kid = kid->next)
        if (kid->kind != MATH_SYMBOL || kid->sign != 1 || *kid->text < 'A' || *kid->text > 'Z')
            return false;
    return true;
}

/* f(..), P(..): letters that are functions before brackets, capitals among them. */
bool math_is_application(const math_node *n)
{
    static const char functions[] = "fghpqABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const math_node *letter = n->first;

    return n->kind == MATH_MUL && letter && letter->next && !letter->next->next &&
           letter->kind == MATH_SYMBOL && letter->len == 1 && strchr(functions, *letter->text) &&
           letter->next->is_grouped && letter->next->sign == 1;
}

static bool is_circular(const math_node *n)
{
    return n->kind == MATH_FUNCTION && n->op <= MATH_CSC && n->first->kind == MATH_SYMBOL;
}

bool math_names(const math_node *n)
{
    if (n->kind == MATH_SYMBOL || n->kind == MATH_WORDS) return true;
    if (n->kind == MATH_CONSTANT) return n->op == MATH_I || n->op == MATH_E; /* as letters */
    if (n->kind == MATH_ABS) return is_segment(n->first);
    if (is_circular(n) || math_is_application(n)) return true;
    if (n->kind != MATH_TUPLE && n->kind != MATH_MUL && n->kind != MATH_RATIO) return false;
    for (const math_node *kid = n->first; kid; kid = kid->next)
        if (!math_names(kid)) return false;
    return true;
}

const math_node *math_assigned_name(const math_node *n)
{
    if (n->kind != MATH_RELATION || math_count(n) != 2 || !math_names(n->first)) return NULL;
    if (n->first->next->relation != MATH_EQ && n->first->next->relation != MATH_IN) return NULL;
    return n->first;
}
