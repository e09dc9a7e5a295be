/* math_parser.c - what the two halves of the parser share. */
#include "flow/labels/math/math_parser.h"

#include <string.h>

#include "flow/labels/math/math_words.h"

math_node *parse_fail(parser *p, math_parse why)
{
    if (p->bad == MATH_PARSED) p->bad = why;
    return NULL;
}

math_node *parse_node(parser *p, math_kind kind)
{
    math_node *n;

    if (p->out->n_nodes == MATH_MAX_NODES) return parse_fail(p, MATH_TOO_LONG);
    n = &p->out->node[p->out->n_nodes++];
    *n = (math_node){.kind = kind, .sign = 1};
    return n;
}

math_node *parse_add(math_node *parent, math_node *kid)
{
    math_node **at = &parent->first;

    while (*at) at = &(*at)->next;
    *at = kid;
    return parent;
}

math_node *parse_over(parser *p, math_kind kind, math_node *a, math_node *b, bool needs_b)
{
    math_node *n = a && (b || !needs_b) ? parse_node(p, kind) : NULL;

    if (!n) return NULL;
    parse_add(n, a);
    return b ? parse_add(n, b) : n;
}

size_t math_count(const math_node *n)
{
    size_t count = 0;

    for (const math_node *kid = n->first; kid; kid = kid->next) count++;
    return count;
}

bool parse_sees(const parser *p, char sign)
{
    return p->lex.token.kind == LEX_SIGN && p->lex.token.sign == sign;
}

bool parse_take(parser *p, char sign)
{
    if (!parse_sees(p, sign)) return false;
    lex_next(&p->lex);
    return true;
}

bool parse_is_text(const lex_token *t, lex_kind kind, const char *text)
{
    return t->kind == kind && t->len == strlen(text) && memcmp(t->text, text, t->len) == 0;
}

bool parse_sees_command(const parser *p, const char *name)
{
    return parse_is_text(&p->lex.token, LEX_COMMAND, name);
}

math_node *parse_need(parser *p, math_node *n, char sign)
{
    return n && parse_take(p, sign) ? n : parse_fail(p, MATH_NOT_PARSED);
}

math_node *parse_leaf(parser *p, math_kind kind, int op)
{
    math_node *n = parse_node(p, kind);

    if (!n) return NULL;
    n->op = op;
    n->text = p->lex.token.text;
    n->len = p->lex.token.len;
    n->repeat = p->lex.token.repeat;
    const char *dot = kind == MATH_NUMBER ? memchr(n->text, '.', n->len) : NULL;
    const size_t decimals = dot ? n->len - 1 - (size_t)(dot - n->text) : 0;
    if ((p->lex.readings & MATH_ROUNDED) && decimals >= MATH_ROUNDED_DECIMALS && !n->repeat)
        n->rounded = decimals;
    lex_next(&p->lex);
    return n;
}

math_node *parse_digits(parser *p, const char *digits)
{
    math_node *n = parse_node(p, MATH_NUMBER);

    if (!n) return NULL;
    n->text = digits;
    n->len = strlen(digits);
    n->is_grouped = true;
    return n;
}

math_node *parse_scaled(parser *p, math_node *n, const char *factor, const char *divisor)
{
    const char *unit = n ? n->unit : NULL;

    if (factor && n) n = parse_over(p, MATH_MUL, n, parse_digits(p, factor), true);
    if (divisor && n) {
        math_node *by = parse_digits(p, divisor);
        if (by) by->sign = -1;
        n = parse_over(p, MATH_MUL, n, by, true);
    }
    if (n) n->unit = unit;
    return n;
}

bool parse_sees_word(const parser *p, const char *word)
{
    return p->lex.token.kind == LEX_WORD && math_word_is(p->lex.token.text, p->lex.token.len, word);
}

math_node *parse_number(parser *p)
{
    const lex_token t = p->lex.token;
    math_node *n, *power, *exponent;

    if (t.is_unclear) return parse_fail(p, MATH_NOT_PARSED);
    n = parse_leaf(p, MATH_NUMBER, 0);
    if (!n || !t.exponent_len) return n;
    exponent = parse_node(p, MATH_NUMBER);
    if (!exponent) return NULL;
    exponent->text = t.exponent;
    exponent->len = t.exponent_len;
    power = parse_over(p, MATH_POW, parse_digits(p, "10"), exponent, true);
    n = parse_over(p, MATH_MUL, n, power, true);
    if (n && t.divides) power->sign = -1;
    if (n) n->is_grouped = true;
    return n;
}
