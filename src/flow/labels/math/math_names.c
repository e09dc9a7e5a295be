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

math_role math_symbol_role(const math_node *n)
{
    static const char *const functions[] = {"f",   "g",      "F",     "G",   "phi",
                                            "Phi", "varphi", "Gamma", "zeta"};

    if (n->op != 0) return MATH_NAME_OF_FUNCTION; /* f', \mathbb{P} */
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (n->len == strlen(functions[i]) && memcmp(n->text, functions[i], n->len) == 0)
            return MATH_NAME_OF_FUNCTION;
    if (n->len > 1 || (*n->text >= 'A' && *n->text <= 'Z') || strchr("hpq", *n->text))
        return MATH_FACTOR_OR_FUNCTION;
    return MATH_FACTOR;
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
    if (is_circular(n) || n->is_application) return true;
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
