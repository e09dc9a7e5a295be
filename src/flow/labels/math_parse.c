/* math_parse.c - recursive descent over the tokens of math_lex.c.
 *
 *   answer   = union {("," | ";" | "and" | "or") union}
 *   union    = relation {"\cup" relation}
 *   relation = sum {("=" | "<" | ..) sum}
 *   sum      = [sign] product {("+" | "-" | "\pm") product}
 *   product  = power {["*" | "/"] power}          juxtaposition is a product
 *   power    = primary {"^" argument | "!" | "%" | degrees} [unit words]
 * A whole number before a proper fraction of whole numbers is a mixed number. */
#include "flow/labels/math_tree.h"

#include <string.h>

#include "flow/labels/math_lex.h"
#include "flow/labels/math_units.h"

typedef struct parser {
    lexer lex;
    math_text *out;
    size_t depth;   /* of nested calls */
    size_t n_bars;  /* open | .. | */
    math_parse bad; /* the first failure; MATH_PARSED: none */
} parser;

static math_node *parse_answer(parser *p);
static math_node *parse_sum(parser *p);
static math_node *parse_power(parser *p);

/* -- tools -- */

static math_node *fail(parser *p, math_parse why)
{
    if (p->bad == MATH_PARSED) p->bad = why;
    return NULL;
}

static math_node *make(parser *p, math_kind kind)
{
    math_node *n;

    if (p->out->n_nodes == MATH_MAX_NODES) return fail(p, MATH_TOO_LONG);
    n = &p->out->node[p->out->n_nodes++];
    *n = (math_node){.kind = kind, .sign = 1};
    return n;
}

static math_node *add_kid(math_node *parent, math_node *kid)
{
    math_node **at = &parent->first;

    while (*at) at = &(*at)->next;
    *at = kid;
    return parent;
}

/* A node over one or two kids; NULL when one of them is. */
static math_node *over(parser *p, math_kind kind, math_node *a, math_node *b, bool needs_b)
{
    math_node *n = a && (b || !needs_b) ? make(p, kind) : NULL;

    if (!n) return NULL;
    add_kid(n, a);
    return b ? add_kid(n, b) : n;
}

size_t math_count(const math_node *n)
{
    size_t count = 0;

    for (const math_node *kid = n->first; kid; kid = kid->next) count++;
    return count;
}

static bool is_sign(const parser *p, char sign)
{
    return p->lex.token.kind == LEX_SIGN && p->lex.token.sign == sign;
}

static bool take_sign(parser *p, char sign)
{
    if (!is_sign(p, sign)) return false;
    lex_next(&p->lex);
    return true;
}

static bool is_text(const lex_token *t, lex_kind kind, const char *text)
{
    return t->kind == kind && t->len == strlen(text) && memcmp(t->text, text, t->len) == 0;
}

static bool is_command(const parser *p, const char *name)
{
    return is_text(&p->lex.token, LEX_COMMAND, name);
}

static math_node *need_sign(parser *p, math_node *n, char sign)
{
    return n && take_sign(p, sign) ? n : fail(p, MATH_NOT_PARSED);
}

static math_node *leaf(parser *p, math_kind kind, int op)
{
    math_node *n = make(p, kind);

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

/* -- arguments -- */

/* {..}, or one token; is_digit: of a number its first digit alone. */
static math_node *parse_argument(parser *p, bool is_digit)
{
    math_node *n;

    if (take_sign(p, '{')) {
        n = need_sign(p, parse_answer(p), '}');
        if (n) n->is_grouped = true;
        return n;
    }
    if (p->lex.token.kind == LEX_NUMBER) {
        if (is_digit) lex_split(&p->lex);
        return leaf(p, MATH_NUMBER, 0);
    }
    if (p->lex.token.kind == LEX_LETTER || p->lex.token.kind == LEX_COMMAND) return parse_power(p);
    return fail(p, MATH_NOT_PARSED);
}

static math_node *parse_fraction(parser *p)
{
    math_node *a = parse_argument(p, true), *b = a ? parse_argument(p, true) : NULL;
    math_node *n = over(p, MATH_MUL, a, b, true);

    if (!n) return NULL;
    b->sign = -1;
    n->is_grouped = true;
    return n;
}

static math_node *parse_root(parser *p)
{
    math_node *index = NULL, *radicand;

    if (take_sign(p, '[')) {
        index = need_sign(p, parse_sum(p), ']');
        if (!index) return NULL;
    }
    if (take_sign(p, '('))
        radicand = need_sign(p, parse_sum(p), ')');
    else
        radicand = parse_argument(p, false);
    return over(p, MATH_ROOT, radicand, index, false);
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

    if (is_sign(p, '(') || is_sign(p, '{') || is_sign(p, '|')) return parse_power(p);
    while (starts_factor(p)) {
        math_node *factor = parse_power(p);
        if (!factor) return NULL;
        if (!n) {
            n = factor;
        } else if (n->kind != MATH_MUL || n->is_grouped) {
            n = over(p, MATH_MUL, n, factor, true);
        } else {
            add_kid(n, factor);
        }
        if (!n) return NULL;
    }
    return n ? n : fail(p, MATH_NOT_PARSED);
}

static math_node *parse_function(parser *p, int op)
{
    math_node *base = NULL, *power = NULL, *n;

    if (op == MATH_FLOOR || op == MATH_CEIL) {
        n = over(p, MATH_FUNCTION, parse_sum(p), NULL, false);
        if (n && !is_command(p, op == MATH_FLOOR ? "rfloor" : "rceil"))
            return fail(p, MATH_NOT_PARSED);
        if (n) lex_next(&p->lex), n->op = op;
        return n;
    }
    if (op == MATH_LOG && take_sign(p, '_') && !(base = parse_argument(p, true))) return NULL;
    if (take_sign(p, '^') && !(power = parse_argument(p, false))) return NULL; /* sin^2 x */
    n = over(p, MATH_FUNCTION, parse_operand(p), base, false);
    if (!n) return NULL;
    n->op = op;
    return power ? over(p, MATH_POW, n, power, true) : n;
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

    if (!is_sign(p, '{')) return false;
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
    if (!take_sign(p, '{')) return true;
    while (!is_sign(p, '}')) {
        if (p->lex.token.kind != LEX_LETTER && p->lex.token.kind != LEX_WORD && !is_sign(p, '|'))
            return false;
        lex_next(&p->lex);
    }
    return take_sign(p, '}');
}

static math_node *parse_matrix(parser *p)
{
    math_node *m = make(p, MATH_MATRIX);
    size_t column = 0;

    p->lex.n_matrices++;
    if (!m || !take_environment(p) || !take_array_columns(p)) return fail(p, MATH_NOT_PARSED);
    while (!is_command(p, "end")) {
        math_node *cell = parse_sum(p);
        if (!cell) return NULL;
        add_kid(m, cell);
        column++;
        if (take_sign(p, '&')) continue;
        if (m->columns == 0) m->columns = column;
        if (column != m->columns) return fail(p, MATH_NOT_PARSED);
        column = 0;
        if (p->lex.token.kind == LEX_ROW)
            lex_next(&p->lex);
        else if (!is_command(p, "end"))
            return fail(p, MATH_NOT_PARSED);
    }
    p->lex.n_matrices--;
    lex_next(&p->lex);
    if (!m->first || column || !take_environment(p)) return fail(p, MATH_NOT_PARSED);
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
    if (!n || !close) return fail(p, MATH_NOT_PARSED);
    lex_next(&p->lex);
    if (n->kind == MATH_LIST && !n->is_grouped) {
        n->kind = MATH_TUPLE;
        n->open = open;
        n->close = close;
    } else if ((open == '(') != (close == ')')) {
        return fail(p, MATH_NOT_PARSED);
    }
    n->is_grouped = true;
    return n;
}

static math_node *parse_set(parser *p)
{
    math_node *inner, *n;

    p->lex.depth++;
    lex_next(&p->lex);
    if (take_sign(p, SIGN_SET_CLOSE)) {
        p->lex.depth--;
        return make(p, MATH_EMPTY);
    }
    inner = parse_answer(p);
    p->lex.depth--;
    if (!inner || !take_sign(p, SIGN_SET_CLOSE)) return fail(p, MATH_NOT_PARSED);
    if (inner->kind != MATH_LIST || inner->is_grouped) return over(p, MATH_SET, inner, NULL, false);
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
    if (!n || !take_sign(p, '}')) return fail(p, MATH_NOT_PARSED);
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
    return over(p, MATH_ABS, need_sign(p, n, '|'), NULL, false);
}

/* x_1, \theta_{12}, a_n: the subscript is part of the name. */
static math_node *parse_symbol(parser *p)
{
    const lex_token *t = &p->lex.token;
    const char *name = t->text;
    math_node *n;

    if (t->len == 1 && !p->lex.token.is_in_text && (*name == 'e' || *name == 'i')) {
        const int op = *name == 'e' ? MATH_E : MATH_I;
        return leaf(p, MATH_CONSTANT, op);
    }
    n = leaf(p, MATH_SYMBOL, 0);
    while (n && is_sign(p, '\'')) lex_next(&p->lex), n->op++; /* f' is not f */
    if (!n || !take_sign(p, '_')) return n;
    const bool has_brace = take_sign(p, '{');
    if (!p->lex.token.text) return fail(p, MATH_NOT_PARSED);
    n->first = make(p, MATH_WORDS); /* the subscript's text */
    if (!n->first) return NULL;
    n->first->text = p->lex.token.text;
    n->first->len = p->lex.token.len;
    lex_next(&p->lex);
    return has_brace ? need_sign(p, n, '}') : n;
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
        if (is_command(p, leaves[i].name)) return leaf(p, leaves[i].kind, leaves[i].op);
    for (int op = 0; op < MATH_FUNCTIONS; op++)
        if (is_command(p, function_names[op])) {
            lex_next(&p->lex);
            return parse_function(p, op);
        }
    const bool is_frac = is_command(p, "frac"), is_root = is_command(p, "sqrt"),
               is_binom = is_command(p, "binom"), is_begin = is_command(p, "begin");
    if (!is_frac && !is_root && !is_binom && !is_begin) return fail(p, MATH_NOT_PARSED);
    lex_next(&p->lex);
    if (is_frac) return parse_fraction(p);
    if (is_root) return parse_root(p);
    if (is_begin) return parse_matrix(p);
    a = parse_argument(p, true);
    b = a ? parse_argument(p, true) : NULL;
    return over(p, MATH_BINOMIAL, a, b, true);
}

/* Words until something else comes; a letter among them belongs to them. */
static math_node *parse_words(parser *p)
{
    const char *begin = p->lex.token.text;
    math_node *n = make(p, MATH_WORDS);

    if (!n) return NULL;
    n->text = begin;
    while (p->lex.token.kind == LEX_WORD ||
           (p->lex.token.kind == LEX_LETTER && p->lex.token.has_space) ||
           (p->lex.token.kind == LEX_NUMBER && p->lex.token.has_space)) {
        if (is_text(&p->lex.token, LEX_WORD, "and") || is_text(&p->lex.token, LEX_WORD, "or"))
            break;
        n->len = p->lex.at - (size_t)(begin - p->lex.s);
        lex_next(&p->lex);
    }
    return n;
}

static math_node *parse_primary(parser *p)
{
    switch (p->lex.token.kind) {
    case LEX_NUMBER:
        return leaf(p, MATH_NUMBER, 0);
    case LEX_LETTER:
        return parse_symbol(p);
    case LEX_COMMAND:
        return parse_command(p);
    case LEX_WORD:
        return parse_words(p);
    case LEX_SIGN:
        if (is_sign(p, '(') || is_sign(p, '[')) return parse_brackets(p);
        if (is_sign(p, SIGN_SET_OPEN)) return parse_set(p);
        if (is_sign(p, '{')) return parse_braces(p);
        if (is_sign(p, '|')) return parse_bars(p);
        return fail(p, MATH_NOT_PARSED);
    default:
        return fail(p, MATH_NOT_PARSED);
    }
}

/* -- units -- */

static void set_unit(parser *p, math_node *n, const char *unit)
{
    char *room;
    const size_t used = n->unit ? strlen(n->unit) : 0;

    if (p->out->n_units == sizeof p->out->unit / sizeof *p->out->unit) return;
    room = p->out->unit[p->out->n_units++];
    if (used + strlen(unit) + 2 > MATH_MAX_UNIT) return;
    if (used) memcpy(room, n->unit, used), room[used] = ' ';
    strcpy(room + used + (used > 0), unit);
    n->unit = room;
}

/* A power behind a unit's words: cm^2 is a square cm. */
static bool take_unit_power(parser *p, math_node *n)
{
    char text[MATH_MAX_UNIT];
    math_node *power;

    if (!take_sign(p, '^')) return true;
    power = parse_argument(p, false);
    if (!power || power->kind != MATH_NUMBER || power->len != 1)
        return fail(p, MATH_NOT_PARSED) != NULL;
    const char *size = *power->text == '2' ? "square" : *power->text == '3' ? "cubic" : NULL;
    if (!size || !n->unit) return fail(p, MATH_NOT_PARSED) != NULL;
    if (strlen(size) + strlen(n->unit) + 2 > sizeof text) return true;
    strcpy(text, size);
    strcat(text, " ");
    strcat(text, n->unit);
    n->unit = NULL;
    set_unit(p, n, text);
    return true;
}

/* Words behind a number: those that are units count, the others only describe. */
static bool take_unit_words(parser *p, math_node *n)
{
    while (p->lex.token.kind == LEX_WORD) {
        const lex_token t = p->lex.token;
        const char *unit = math_unit_name(t.text, t.len);
        if (is_text(&t, LEX_WORD, "and") || is_text(&t, LEX_WORD, "or")) break;
        if (unit) set_unit(p, n, unit);
        lex_next(&p->lex);
        if (!take_unit_power(p, n)) return false;
        if (is_sign(p, '/') && n->unit) { /* miles/hour */
            lex_next(&p->lex);
            if (p->lex.token.kind != LEX_WORD) return fail(p, MATH_NOT_PARSED) != NULL;
            set_unit(p, n, "per");
        }
    }
    return true;
}

/* -- powers -- */

static bool is_degree_group(parser *p)
{
    const lexer saved = p->lex;

    if (take_sign(p, SIGN_DEGREE)) return true;
    if (take_sign(p, '{') && take_sign(p, SIGN_DEGREE) && take_sign(p, '}')) return true;
    p->lex = saved;
    return false;
}

static math_node *parse_power_of(parser *p, math_node *n)
{
    while (n) {
        if (take_sign(p, '^')) {
            if (is_degree_group(p)) {
                set_unit(p, n, "degree");
                continue;
            }
            const bool is_negative = take_sign(p, '-');
            math_node *exponent = parse_argument(p, false);
            if (is_negative) exponent = over(p, MATH_NEG, exponent, NULL, false);
            n = over(p, MATH_POW, n, exponent, true);
        } else if (take_sign(p, '!')) {
            n = over(p, MATH_FACTORIAL, n, NULL, false);
        } else if (take_sign(p, '%')) {
            set_unit(p, n, "%");
        } else if (take_sign(p, SIGN_DEGREE)) {
            set_unit(p, n, "degree");
        } else if (take_sign(p, SIGN_DOLLAR)) {
            set_unit(p, n, "dollar");
        } else if (take_sign(p, SIGN_EURO)) {
            set_unit(p, n, "euro");
        } else if (n->kind == MATH_NUMBER && !n->is_grouped && take_sign(p, '_')) {
            math_node *base = parse_argument(p, false);
            math_node *based = over(p, MATH_BASED, base, NULL, false);
            if (based) based->text = n->text, based->len = n->len;
            n = based;
        } else {
            break;
        }
    }
    return n;
}

static math_node *parse_power(parser *p)
{
    math_node *n;

    if (++p->depth > MATH_MAX_DEPTH) {
        p->depth--;
        return fail(p, MATH_TOO_LONG);
    }
    n = parse_power_of(p, parse_primary(p));
    p->depth--;
    return n;
}

/* -- products and sums -- */

static bool is_whole(const math_node *n)
{
    return n->kind == MATH_NUMBER && !memchr(n->text, '.', n->len) && n->len <= 9 && !n->unit;
}

static long whole_value(const math_node *n)
{
    long v = 0;

    for (size_t i = 0; i < n->len; i++) v = v * 10 + (n->text[i] - '0');
    return v;
}

/* a/b of whole numbers with 0 < a < b. */
static bool is_proper_fraction(const math_node *n)
{
    return n->kind == MATH_MUL && math_count(n) == 2 && is_whole(n->first) &&
           is_whole(n->first->next) && n->first->next->sign == -1 && whole_value(n->first) > 0 &&
           whole_value(n->first) < whole_value(n->first->next);
}

/* "3 1/2": the number before a blank, digits, a slash and digits. */
static math_node *parse_plain_mixed(parser *p, math_node *whole)
{
    math_node *a = leaf(p, MATH_NUMBER, 0), *b, *fraction;

    if (!a || !take_sign(p, '/') || p->lex.token.kind != LEX_NUMBER)
        return fail(p, MATH_NOT_PARSED);
    b = leaf(p, MATH_NUMBER, 0);
    fraction = over(p, MATH_MUL, a, b, true);
    if (!fraction) return NULL;
    b->sign = -1;
    if (!is_whole(whole) || !is_proper_fraction(fraction)) return fail(p, MATH_NOT_PARSED);
    return over(p, MATH_ADD, whole, fraction, true);
}

static bool starts_implicit(const parser *p)
{
    const lex_token *t = &p->lex.token;

    if (t->kind == LEX_LETTER || t->kind == LEX_COMMAND)
        return !is_command(p, "end") && !is_command(p, "rfloor") && !is_command(p, "rceil");
    if (t->kind != LEX_SIGN) return false;
    return t->sign == '(' || t->sign == '[' || t->sign == '{' || (t->sign == '|' && p->n_bars == 0);
}

/* The next factor of a product and whether it divides; *n NULL at the end of the product. */
static bool next_factor(parser *p, math_node **n, int *sign, const math_node *last)
{
    *n = NULL;
    *sign = 1;
    if (is_sign(p, '*') || is_sign(p, '/')) {
        *sign = is_sign(p, '/') ? -1 : 1;
        lex_next(&p->lex);
        const bool is_negative = take_sign(p, '-');
        *n = parse_power(p);
        if (is_negative) *n = over(p, MATH_NEG, *n, NULL, false);
        return *n != NULL;
    }
    const bool is_number = p->lex.token.kind == LEX_NUMBER && last->is_grouped; /* (x + 1)7 */
    if ((!starts_implicit(p) && !is_number) || last->kind == MATH_WORDS) return true;
    *n = parse_power(p);
    return *n != NULL;
}

static math_node *parse_product(parser *p)
{
    math_node *n = parse_power(p), *last = n, *product = NULL;

    if (n && p->lex.token.kind == LEX_NUMBER && n->kind == MATH_NUMBER) {
        n = last = parse_plain_mixed(p, n);
        if (n) n->is_grouped = true;
    }
    while (n) {
        math_node *factor;
        int sign;
        if (!next_factor(p, &factor, &sign, last)) return NULL;
        if (!factor) break;
        if (!product && sign == 1 && is_whole(n) && is_proper_fraction(factor) &&
            factor->is_grouped && last == n && !n->is_grouped) {
            n = last = over(p, MATH_ADD, n, factor, true);
            if (n) n->is_grouped = true;
            continue;
        }
        factor->sign = sign;
        if (!product)
            n = product = over(p, MATH_MUL, n, factor, true);
        else
            add_kid(product, factor);
        if (factor->unit && !product->unit) product->unit = factor->unit;
        last = factor;
    }
    if (!n || (n->kind != MATH_WORDS && !take_unit_words(p, n))) return NULL;
    return n;
}

static bool take_plus_minus(parser *p, int *sign)
{
    static const struct {
        char sign;
        int value;
    } signs[] = {{'+', 1}, {'-', -1}, {SIGN_PM, MATH_PLUS_MINUS}, {SIGN_MP, MATH_MINUS_PLUS}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (take_sign(p, signs[i].sign)) {
            *sign = signs[i].value;
            return true;
        }
    return false;
}

/* A sum of matrices of one shape is the matrix of the sums; any other sum stays. */
static math_node *add_matrices(parser *p, math_node *sum)
{
    const math_node *first = sum->first;
    const size_t n_cells = math_count(first);
    math_node *m;

    for (const math_node *kid = first; kid; kid = kid->next)
        if (kid->kind != MATH_MATRIX || kid->columns != first->columns ||
            math_count(kid) != n_cells)
            return sum;
    m = make(p, MATH_MATRIX);
    if (m) m->columns = first->columns;
    for (size_t i = 0; m && i < n_cells; i++) {
        math_node *cell = make(p, MATH_ADD);
        if (!cell) return NULL;
        add_kid(m, cell);
        for (math_node *kid = sum->first; kid; kid = kid->next) {
            math_node *part = kid->first;
            kid->first = part->next;
            part->next = NULL;
            part->sign = kid->sign;
            add_kid(cell, part);
        }
    }
    return m;
}

/* A currency mark may stand before or behind the sign. */
static const char *take_currency(parser *p)
{
    if (take_sign(p, SIGN_DOLLAR)) return "dollar";
    return take_sign(p, SIGN_EURO) ? "euro" : NULL;
}

static math_node *parse_sum_of(parser *p)
{
    const char *currency = take_currency(p);
    math_node *sum, *term;
    int sign = 1;
    const bool has_sign = take_plus_minus(p, &sign);

    if (!currency) currency = take_currency(p);
    term = parse_product(p);
    if (!term) return NULL;
    if (currency && !term->unit) set_unit(p, term, currency);
    if (has_sign && sign != 1) {
        sum = over(p, MATH_ADD, term, NULL, false);
        if (!sum) return NULL;
        sum->unit = term->unit;
        term->sign = sign;
    } else {
        sum = term;
    }
    while (take_plus_minus(p, &sign)) {
        math_node *next = parse_product(p);
        if (!next) return NULL;
        if (sum == term) {
            sum = over(p, MATH_ADD, term, NULL, false);
            if (!sum) return NULL;
            sum->unit = term->unit;
            term->sign = 1;
        }
        next->sign = sign;
        if (next->unit) sum->unit = next->unit;
        add_kid(sum, next);
    }
    return sum->kind == MATH_ADD && sum->first->kind == MATH_MATRIX ? add_matrices(p, sum) : sum;
}

static math_node *parse_sum(parser *p)
{
    math_node *n;

    if (++p->depth > MATH_MAX_DEPTH) {
        p->depth--;
        return fail(p, MATH_TOO_LONG);
    }
    n = parse_sum_of(p);
    p->depth--;
    return n;
}

/* -- relations, unions, lists -- */

static math_relation take_relation(parser *p)
{
    static const struct {
        char sign;
        math_relation relation;
    } signs[] = {{'=', MATH_EQ},     {SIGN_APPROX, MATH_EQ}, {SIGN_NE, MATH_NE},
                 {'<', MATH_LT},     {SIGN_LE, MATH_LE},     {'>', MATH_GT},
                 {SIGN_GE, MATH_GE}, {SIGN_IN, MATH_IN}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (take_sign(p, signs[i].sign)) return signs[i].relation;
    return MATH_NO_RELATION;
}

static math_node *parse_union(parser *p);

static math_node *parse_relation(parser *p)
{
    math_node *n, *chain = NULL;
    math_relation r;

    if (take_sign(p, SIGN_APPROX)) return parse_sum(p); /* "\approx 8.24" */
    n = parse_sum(p);
    while (n && (r = take_relation(p)) != MATH_NO_RELATION) {
        math_node *next = r == MATH_IN ? parse_union(p) : parse_sum(p);
        if (!next) return NULL;
        if (!chain) n = chain = over(p, MATH_RELATION, n, NULL, false);
        if (!chain) return NULL;
        next->relation = r;
        add_kid(chain, next);
    }
    return n;
}

static math_node *parse_union(parser *p)
{
    math_node *n = parse_relation(p), *all = NULL;

    while (n && take_sign(p, SIGN_UNION)) {
        math_node *next = parse_relation(p);
        if (!next) return NULL;
        if (!all) n = all = over(p, MATH_UNION, n, NULL, false);
        if (!all) return NULL;
        add_kid(all, next);
    }
    return n;
}

/* Any number of marks between two items: ", and". */
static bool take_separator(parser *p)
{
    bool found = false;

    for (;;) {
        if (is_sign(p, ',') || is_sign(p, ';') || is_text(&p->lex.token, LEX_WORD, "and") ||
            is_text(&p->lex.token, LEX_WORD, "or"))
            lex_next(&p->lex);
        else
            return found;
        found = true;
    }
}

static bool ends_answer(const parser *p)
{
    const lex_token *t = &p->lex.token;

    return t->kind == LEX_END || (t->kind == LEX_SIGN && strchr(")]}c", t->sign));
}

static math_node *parse_answer_of(parser *p)
{
    math_node *n = parse_union(p), *list = NULL;

    while (n && take_separator(p)) {
        math_node *next;
        if (ends_answer(p)) break; /* "1, 2," */
        next = parse_union(p);
        if (!next) return NULL;
        if (!list) n = list = over(p, MATH_LIST, n, NULL, false);
        if (!list) return NULL;
        add_kid(list, next);
    }
    return n;
}

static math_node *parse_answer(parser *p)
{
    math_node *n;

    if (++p->depth > MATH_MAX_DEPTH) {
        p->depth--;
        return fail(p, MATH_TOO_LONG);
    }
    n = parse_answer_of(p);
    p->depth--;
    return n;
}

math_parse math_read(math_text *out, const char *s, size_t len, int readings)
{
    parser p = {.lex = {.s = s, .len = len, .digits = out->digits, .readings = readings},
                .out = out};

    out->n_nodes = out->n_units = 0;
    out->root = NULL;
    if (len > MATH_MAX_BYTES) return MATH_TOO_LONG;
    lex_next(&p.lex);
    out->root = parse_answer(&p);
    if (out->root && p.lex.token.kind != LEX_END) fail(&p, MATH_NOT_PARSED);
    if (!out->root) fail(&p, MATH_NOT_PARSED);
    return p.bad;
}
