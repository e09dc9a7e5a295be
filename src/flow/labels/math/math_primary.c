/* math_primary.c - what stands between the signs: numbers, names, commands, functions, brackets,
 * bars, matrices, words. */
#include <string.h>

#include "flow/labels/math/math_parser.h"

/* -- arguments -- */

math_node *parse_argument(parser *p, bool is_digit)
{
    math_node *n;

    if (parse_take(p, '{')) {
        n = parse_need(p, parse_answer(p), '}');
        if (n) n->is_grouped = true;
        return n;
    }
    if (p->lex.token.kind == LEX_NUMBER) {
        if (is_digit) lex_split(&p->lex);
        return parse_leaf(p, MATH_NUMBER, 0);
    }
    if (p->lex.token.kind == LEX_LETTER || p->lex.token.kind == LEX_COMMAND) return parse_power(p);
    return parse_fail(p, MATH_NOT_PARSED);
}

static math_node *parse_fraction(parser *p)
{
    math_node *a = parse_argument(p, true), *b = a ? parse_argument(p, true) : NULL;
    math_node *n = parse_over(p, MATH_MUL, a, b, true);

    if (!n) return NULL;
    b->sign = -1;
    n->is_grouped = true;
    return n;
}

static math_node *parse_root(parser *p)
{
    math_node *index = NULL, *radicand;

    if (parse_take(p, '[')) {
        index = parse_need(p, parse_sum(p), ']');
        if (!index) return NULL;
    }
    if (parse_take(p, '('))
        radicand = parse_need(p, parse_sum(p), ')');
    else
        radicand = parse_argument(p, false);
    return parse_over(p, MATH_ROOT, radicand, index, false);
}

/* -- functions -- */

static const char *const function_names[MATH_FUNCTIONS] = {
    [MATH_SIN] = "sin",       [MATH_COS] = "cos",       [MATH_TAN] = "tan",
    [MATH_COT] = "cot",       [MATH_SEC] = "sec",       [MATH_CSC] = "csc",
    [MATH_ARCSIN] = "arcsin", [MATH_ARCCOS] = "arccos", [MATH_ARCTAN] = "arctan",
    [MATH_LN] = "ln",         [MATH_LOG] = "log",       [MATH_EXP] = "exp",
    [MATH_FLOOR] = "lfloor",  [MATH_CEIL] = "lceil",
};

static bool starts_factor(const parser *p)
{
    const lex_token *t = &p->lex.token;

    return t->kind == LEX_NUMBER || t->kind == LEX_LETTER || t->kind == LEX_COMMAND;
}

/* Brackets, or the product that follows without signs: sin 2x. */
static math_node *parse_operand(parser *p)
{
    math_node *n = NULL;

    if (parse_sees(p, '(') || parse_sees(p, '{') || parse_sees(p, '|')) return parse_power(p);
    while (starts_factor(p)) {
        math_node *factor = parse_power(p);
        if (!factor) return NULL;
        if (!n) {
            n = factor;
        } else if (n->kind != MATH_MUL || n->is_grouped) {
            n = parse_over(p, MATH_MUL, n, factor, true);
        } else {
            parse_add(n, factor);
        }
        if (!n) return NULL;
    }
    return n ? n : parse_fail(p, MATH_NOT_PARSED);
}

static math_node *parse_function(parser *p, int op)
{
    math_node *base = NULL, *power = NULL, *n;

    if (op == MATH_FLOOR || op == MATH_CEIL) {
        n = parse_over(p, MATH_FUNCTION, parse_sum(p), NULL, false);
        if (n && !parse_sees_command(p, op == MATH_FLOOR ? "rfloor" : "rceil"))
            return parse_fail(p, MATH_NOT_PARSED);
        if (n) lex_next(&p->lex), n->op = op;
        return n;
    }
    if (op == MATH_LOG && parse_take(p, '_') && !(base = parse_argument(p, true))) return NULL;
    if (parse_take(p, '^') && !(power = parse_argument(p, false))) return NULL; /* sin^2 x */
    n = parse_over(p, MATH_FUNCTION, parse_operand(p), base, false);
    if (!n) return NULL;
    n->op = op;
    return power ? parse_over(p, MATH_POW, n, power, true) : n;
}

/* -- matrices -- */

static bool is_environment(const lex_token *t)
{
    static const char *const names[] = {"pmatrix", "bmatrix",     "matrix",
                                        "Bmatrix", "smallmatrix", "array"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (t->len == strlen(names[i]) && memcmp(t->text, names[i], t->len) == 0) return true;
    return false;
}

/* {name}: the letters between braces as one token. */
static bool take_environment(parser *p)
{
    lexer *x = &p->lex;
    const char *close;
    lex_token name;

    if (!parse_sees(p, '{')) return false;
    close = memchr(x->s + x->at, '}', x->len - x->at);
    if (!close) return false;
    name = (lex_token){.text = x->s + x->at, .len = (size_t)(close - x->s) - x->at};
    if (!is_environment(&name)) return false;
    x->at += name.len + 1;
    lex_next(x);
    return true;
}

static bool take_array_columns(parser *p)
{
    if (!parse_take(p, '{')) return true;
    while (!parse_sees(p, '}')) {
        if (p->lex.token.kind != LEX_LETTER && p->lex.token.kind != LEX_WORD && !parse_sees(p, '|'))
            return false;
        lex_next(&p->lex);
    }
    return parse_take(p, '}');
}

static math_node *parse_matrix(parser *p)
{
    math_node *m = parse_node(p, MATH_MATRIX);
    size_t column = 0;

    p->lex.n_matrices++;
    if (!m || !take_environment(p) || !take_array_columns(p)) return parse_fail(p, MATH_NOT_PARSED);
    while (!parse_sees_command(p, "end")) {
        math_node *cell = parse_sum(p);
        if (!cell) return NULL;
        parse_add(m, cell);
        column++;
        if (parse_take(p, '&')) continue;
        if (m->columns == 0) m->columns = column;
        if (column != m->columns) return parse_fail(p, MATH_NOT_PARSED);
        column = 0;
        if (p->lex.token.kind == LEX_ROW)
            lex_next(&p->lex);
        else if (!parse_sees_command(p, "end"))
            return parse_fail(p, MATH_NOT_PARSED);
    }
    p->lex.n_matrices--;
    lex_next(&p->lex);
    if (!m->first || column || !take_environment(p)) return parse_fail(p, MATH_NOT_PARSED);
    return m;
}

/* -- primaries -- */

static char closing(const parser *p)
{
    const lex_token *t = &p->lex.token;

    return t->kind == LEX_SIGN && (t->sign == ')' || t->sign == ']') ? t->sign : '\0';
}

/* ( .. ) or [ .. ]: a group, or a tuple of two and more. */
static math_node *parse_brackets(parser *p)
{
    const char open = p->lex.token.sign;
    math_node *n;
    char close;

    p->lex.depth++;
    lex_next(&p->lex);
    n = parse_answer(p);
    close = closing(p);
    p->lex.depth--;
    if (!n || !close) return parse_fail(p, MATH_NOT_PARSED);
    lex_next(&p->lex);
    if (n->kind == MATH_LIST && !n->is_grouped) {
        n->kind = MATH_TUPLE;
        n->open = open;
        n->close = close;
    } else if ((open == '(') != (close == ')')) {
        return parse_fail(p, MATH_NOT_PARSED);
    }
    n->is_grouped = true;
    return n;
}

static math_node *parse_set(parser *p)
{
    math_node *inner, *n;

    p->lex.depth++;
    lex_next(&p->lex);
    if (parse_take(p, SIGN_SET_CLOSE)) {
        p->lex.depth--;
        return parse_node(p, MATH_EMPTY);
    }
    inner = parse_answer(p);
    p->lex.depth--;
    if (!inner || !parse_take(p, SIGN_SET_CLOSE)) return parse_fail(p, MATH_NOT_PARSED);
    if (inner->kind != MATH_LIST || inner->is_grouped)
        return parse_over(p, MATH_SET, inner, NULL, false);
    n = inner;
    n->kind = MATH_SET;
    n->is_grouped = true;
    return n;
}

/* { .. } as plain text has it is a group, or a set of what commas part. */
static math_node *parse_braces(parser *p)
{
    math_node *n;

    p->lex.depth++;
    lex_next(&p->lex);
    n = parse_answer(p);
    p->lex.depth--;
    if (!n || !parse_take(p, '}')) return parse_fail(p, MATH_NOT_PARSED);
    if (n->kind == MATH_LIST && !n->is_grouped) n->kind = MATH_SET;
    n->is_grouped = true;
    return n;
}

static math_node *parse_bars(parser *p)
{
    math_node *n;

    p->n_bars++;
    lex_next(&p->lex);
    n = parse_sum(p);
    p->n_bars--;
    return parse_over(p, MATH_ABS, parse_need(p, n, '|'), NULL, false);
}

/* x_1, \theta_{12}, a_n: the subscript is part of the name. */
static math_node *parse_symbol(parser *p)
{
    const lex_token *t = &p->lex.token;
    const char *name = t->text;
    math_node *n;

    if (t->len == 1 && !p->lex.token.is_in_text && (*name == 'e' || *name == 'i')) {
        const int op = *name == 'e' ? MATH_E : MATH_I;
        return parse_leaf(p, MATH_CONSTANT, op);
    }
    n = parse_leaf(p, MATH_SYMBOL, 0);
    while (n && parse_sees(p, '\'')) lex_next(&p->lex), n->op++; /* f' is not f */
    if (!n || !parse_take(p, '_')) return n;
    const bool has_brace = parse_take(p, '{');
    if (!p->lex.token.text) return parse_fail(p, MATH_NOT_PARSED);
    n->first = parse_node(p, MATH_WORDS); /* the subscript's text */
    if (!n->first) return NULL;
    n->first->text = p->lex.token.text;
    n->first->len = p->lex.token.len;
    lex_next(&p->lex);
    return has_brace ? parse_need(p, n, '}') : n;
}

static math_node *parse_command(parser *p)
{
    static const struct {
        const char *name;
        math_kind kind;
        int op;
    } leaves[] = {{"pi", MATH_CONSTANT, MATH_PI},
                  {"infty", MATH_CONSTANT, MATH_INFINITY},
                  {"emptyset", MATH_EMPTY, 0}};
    math_node *a, *b;

    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        if (parse_sees_command(p, leaves[i].name))
            return parse_leaf(p, leaves[i].kind, leaves[i].op);
    for (int op = 0; op < MATH_FUNCTIONS; op++)
        if (parse_sees_command(p, function_names[op])) {
            lex_next(&p->lex);
            return parse_function(p, op);
        }
    const bool is_frac = parse_sees_command(p, "frac"), is_root = parse_sees_command(p, "sqrt"),
               is_binom = parse_sees_command(p, "binom"), is_begin = parse_sees_command(p, "begin");
    if (!is_frac && !is_root && !is_binom && !is_begin) return parse_fail(p, MATH_NOT_PARSED);
    lex_next(&p->lex);
    if (is_frac) return parse_fraction(p);
    if (is_root) return parse_root(p);
    if (is_begin) return parse_matrix(p);
    a = parse_argument(p, true);
    b = a ? parse_argument(p, true) : NULL;
    return parse_over(p, MATH_BINOMIAL, a, b, true);
}

/* Words until something else comes; a letter among them belongs to them. */
static math_node *parse_words(parser *p)
{
    const char *begin = p->lex.token.text;
    math_node *n = parse_node(p, MATH_WORDS);

    if (!n) return NULL;
    n->text = begin;
    while (p->lex.token.kind == LEX_WORD ||
           (p->lex.token.kind == LEX_LETTER && p->lex.token.has_space) ||
           (p->lex.token.kind == LEX_NUMBER && p->lex.token.has_space)) {
        if (parse_is_text(&p->lex.token, LEX_WORD, "and") ||
            parse_is_text(&p->lex.token, LEX_WORD, "or"))
            break;
        n->len = p->lex.at - (size_t)(begin - p->lex.s);
        lex_next(&p->lex);
    }
    return n;
}

math_node *parse_primary(parser *p)
{
    switch (p->lex.token.kind) {
    case LEX_NUMBER:
        return parse_leaf(p, MATH_NUMBER, 0);
    case LEX_LETTER:
        return parse_symbol(p);
    case LEX_COMMAND:
        return parse_command(p);
    case LEX_WORD:
        return parse_words(p);
    case LEX_SIGN:
        if (parse_sees(p, '(') || parse_sees(p, '[')) return parse_brackets(p);
        if (parse_sees(p, SIGN_SET_OPEN)) return parse_set(p);
        if (parse_sees(p, '{')) return parse_braces(p);
        if (parse_sees(p, '|')) return parse_bars(p);
        return parse_fail(p, MATH_NOT_PARSED);
    default:
        return parse_fail(p, MATH_NOT_PARSED);
    }
}
