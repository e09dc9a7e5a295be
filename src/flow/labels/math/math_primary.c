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
        return parse_number(p);
    }
    if (p->lex.token.kind == LEX_LETTER || p->lex.token.kind == LEX_COMMAND) {
        if (++p->depth > MATH_MAX_DEPTH) {
            p->depth--;
            return parse_fail(p, MATH_TOO_LONG);
        }
        n = parse_primary(p); /* \sqrt x^2 is the square of the root */
        p->depth--;
        return n;
    }
    return parse_fail(p, MATH_NOT_PARSED);
}

static math_node *parse_fraction(parser *p)
{
    math_node *a = parse_argument(p, true), *b = a ? parse_argument(p, true) : NULL;
    math_node *n = parse_over(p, MATH_MUL, a, b, true);

    if (!n) return NULL;
    b->sign = -1;
    n->is_grouped = n->is_fraction = true;
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
    [MATH_FLOOR] = "lfloor",  [MATH_CEIL] = "lceil",    [MATH_GCD] = "gcd",
    [MATH_LCM] = "lcm",       [MATH_MAX] = "max",       [MATH_MIN] = "min",
    [MATH_MOD] = "bmod",
};

static int function_of(const parser *p)
{
    for (int op = 0; op < MATH_FUNCTIONS; op++)
        if (op != MATH_MOD && parse_sees_command(p, function_names[op])) return op;
    return -1;
}

static bool starts_factor(const parser *p)
{
    const lex_token *t = &p->lex.token;

    return t->kind == LEX_NUMBER || t->kind == LEX_LETTER ||
           (t->kind == LEX_COMMAND && !parse_sees_command(p, "rfloor") &&
            !parse_sees_command(p, "rceil") && !parse_sees_command(p, "end") &&
            !parse_sees_command(p, "bmod") && !parse_sees_command(p, "pmod"));
}

/* Brackets, or the product that follows without signs, up to the next function: sin 2x cos y. */
static math_node *parse_operand(parser *p)
{
    math_node *n = NULL;

    if (parse_sees(p, '(') || parse_sees(p, '{') || parse_sees(p, '|')) {
        n = parse_power(p);
        const bool is_unclear = n && n->kind == MATH_POW && !n->is_grouped; /* sin(x)^2 */
        return is_unclear ? parse_fail(p, MATH_NOT_PARSED) : n;
    }
    while (starts_factor(p) && (!n || function_of(p) < 0)) {
        math_node *factor = parse_power(p);
        if (!factor) return NULL;
        if (!n) {
            n = factor;
        } else if (n->kind == MATH_NUMBER && factor->is_fraction) {
            return parse_fail(p, MATH_NOT_PARSED); /* sin 1 1/2 */
        } else if (n->kind != MATH_MUL || n->is_grouped) {
            n = parse_over(p, MATH_MUL, n, factor, true);
        } else {
            parse_add(n, factor);
        }
        if (!n) return NULL;
    }
    return n ? n : parse_fail(p, MATH_NOT_PARSED);
}

/* gcd, lcm, max, min of what brackets hold. */
static math_node *parse_of_many(parser *p, int op)
{
    math_node *list, *n = NULL;

    if (!parse_sees(p, '(') && !parse_sees(p, SIGN_SET_OPEN) && !parse_sees(p, '{'))
        return parse_fail(p, MATH_NOT_PARSED);
    list = parse_primary(p);
    if (!list) return NULL;
    if (list->kind == MATH_TUPLE || list->kind == MATH_SET) {
        n = parse_node(p, MATH_FUNCTION);
        if (!n) return NULL;
        n->first = list->first;
        n->op = op;
        return n;
    }
    return parse_fail(p, MATH_NOT_PARSED);
}

static bool is_minus_one(const math_node *n)
{
    if ((n->kind != MATH_ADD && n->kind != MATH_NEG) || !n->first || n->first->next) return false;
    return n->first->kind == MATH_NUMBER && n->first->len == 1 && *n->first->text == '1' &&
           (n->kind == MATH_NEG || n->first->sign == -1);
}

/* sin^2 x is a power, sin^{-1} x the inverse function; of the others the latter has no meaning. */
static math_node *apply_power(parser *p, math_node *n, math_node *power)
{
    static const int inverses[] = {
        [MATH_SIN] = MATH_ARCSIN, [MATH_COS] = MATH_ARCCOS, [MATH_TAN] = MATH_ARCTAN};

    if (!is_minus_one(power)) return parse_over(p, MATH_POW, n, power, true);
    if (n->op > MATH_TAN) return parse_fail(p, MATH_NOT_PARSED);
    n->op = inverses[n->op];
    return n;
}

static math_node *parse_constant(parser *p, int op)
{
    math_node *n = parse_node(p, MATH_CONSTANT);

    if (n) n->op = op;
    return n;
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
    if (op >= MATH_GCD) return parse_of_many(p, op);
    if (op == MATH_LOG && parse_take(p, '_') && !(base = parse_argument(p, true))) return NULL;
    if (parse_take(p, '^')) { /* sin^2 x */
        const bool is_negative = parse_take(p, '-');
        power = parse_sees(p, '(') ? parse_primary(p) : parse_argument(p, false);
        if (is_negative) power = parse_over(p, MATH_NEG, power, NULL, false);
        if (!power) return NULL;
    }
    n = parse_operand(p);
    n = op == MATH_EXP ? parse_over(p, MATH_POW, parse_constant(p, MATH_E), n, true)
                       : parse_over(p, MATH_FUNCTION, n, base, false);
    if (!n) return NULL;
    n->op = op;
    return power ? apply_power(p, n, power) : n;
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
    n->is_fraction = false; /* 3(1/2) is a product */
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

static math_node *take_index(parser *p, math_node *n)
{
    if (!p->lex.token.text) return parse_fail(p, MATH_NOT_PARSED);
    n->first->text = p->lex.token.text;
    n->first->len = p->lex.token.len;
    lex_next(&p->lex);
    return n;
}

/* All up to the brace that closes: S_{ABC}, a_{n+1}. */
static math_node *take_subscript(parser *p, math_node *n)
{
    const char *begin = p->lex.s + p->lex.token.begin;
    size_t n_tokens = 0, depth = 0;

    if (p->lex.token.text) take_index(p, n), n_tokens = 1;
    for (; depth || !parse_sees(p, '}'); n_tokens++) {
        if (p->lex.token.kind == LEX_END || p->lex.token.kind == LEX_BAD)
            return parse_fail(p, MATH_NOT_PARSED);
        if (parse_sees(p, '{')) depth++;
        if (parse_sees(p, '}')) depth--;
        lex_next(&p->lex);
    }
    if (n_tokens == 0) return parse_fail(p, MATH_NOT_PARSED);
    if (n_tokens > 1) {
        n->first->text = begin;
        n->first->len = (size_t)(p->lex.s + p->lex.token.begin - begin);
    }
    lex_next(&p->lex);
    return n;
}

/* f^{-1}, f^2 before brackets: the power is part of the name. */
static math_node *take_name_power(parser *p, math_node *name)
{
    const parser saved = *p;
    const size_t n_nodes = p->out->n_nodes, begin = p->lex.token.begin;
    math_node *exponent;

    if (name->first || !parse_take(p, '^')) return name;
    exponent = parse_sees(p, '(') ? parse_brackets(p) : parse_argument(p, false);
    if (exponent && parse_sees(p, '(') &&
        (math_symbol_role(name) == MATH_NAME_OF_FUNCTION || is_minus_one(exponent))) {
        name->first = parse_node(p, MATH_WORDS);
        if (!name->first) return NULL;
        name->first->text = p->lex.s + begin;
        name->first->len = p->lex.token.begin - begin;
        return name;
    }
    *p = saved;
    p->out->n_nodes = n_nodes;
    return name;
}

/* A name and the brackets right behind it, of which it is, or may be, a function. C(5,2) is a
 * binomial. */
static math_node *parse_application(parser *p, math_node *name)
{
    math_node *n;

    if (!name || math_symbol_role(name) == MATH_FACTOR) return name;
    name = take_name_power(p, name);
    if (!name || (!parse_sees(p, '(') && !parse_sees(p, '[')) || parse_sees_modulus(p)) return name;
    n = parse_brackets(p);
    if (n && n->kind == MATH_TUPLE && math_count(n) == 2 && n->open == '(' && n->close == ')' &&
        name->len == 1 && *name->text == 'C' && !name->first) {
        n->kind = MATH_BINOMIAL;
        return n;
    }
    n = parse_over(p, MATH_MUL, name, n, true);
    if (n) n->is_application = n->is_grouped = true;
    return n;
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
    if (!n || !parse_take(p, '_')) return parse_application(p, n);
    n->first = parse_node(p, MATH_WORDS); /* the subscript's text */
    if (!n->first) return NULL;
    return parse_application(p, parse_take(p, '{') ? take_subscript(p, n) : take_index(p, n));
}

/* \angle ABC, \triangle ABC, \overline{CD}: a name of a figure, or of its measure. */
static math_node *parse_figure(parser *p)
{
    math_node *n = parse_leaf(p, MATH_SYMBOL, 0);
    const bool has_brace = n && parse_take(p, '{');

    if (n && !(n->first = parse_node(p, MATH_WORDS))) return NULL;
    if (!n || p->lex.token.kind == LEX_END) return parse_fail(p, MATH_NOT_PARSED);
    n->first->text = p->lex.s + p->lex.token.begin;
    const size_t begin = p->lex.token.begin;
    while (p->lex.token.kind == LEX_LETTER || p->lex.token.kind == LEX_WORD) {
        n->first->len = p->lex.at - begin;
        lex_next(&p->lex);
    }
    if (n->first->len == 0) {
        if (has_brace || p->lex.token.kind != LEX_NUMBER) return parse_fail(p, MATH_NOT_PARSED);
        return take_index(p, n); /* \angle 1 */
    }
    return has_brace ? parse_need(p, n, '}') : n;
}

/* \mathbb{R}: all real numbers; the other sets are names. */
static math_node *parse_number_set(parser *p)
{
    math_node *n;

    lex_next(&p->lex);
    const bool has_brace = parse_take(p, '{');
    if (parse_is_text(&p->lex.token, LEX_LETTER, "R")) {
        lex_next(&p->lex);
        n = parse_all_reals(p);
    } else if (p->lex.token.kind == LEX_LETTER) {
        n = parse_leaf(p, MATH_SYMBOL, 0);
        if (n) n->op = -1; /* no letter */
    } else {
        n = parse_fail(p, MATH_NOT_PARSED);
    }
    if (has_brace) n = parse_need(p, n, '}');
    return n && n->kind == MATH_SYMBOL ? parse_application(p, n) : n;
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
    const int function = function_of(p);
    if (function >= 0) {
        lex_next(&p->lex);
        return parse_function(p, function);
    }
    if (parse_sees_command(p, "angle") || parse_sees_command(p, "triangle") ||
        parse_sees_command(p, "overline"))
        return parse_figure(p);
    if (parse_sees_command(p, "mathbb")) return parse_number_set(p);
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

math_node *parse_primary(parser *p)
{
    switch (p->lex.token.kind) {
    case LEX_NUMBER:
        return parse_number(p);
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
