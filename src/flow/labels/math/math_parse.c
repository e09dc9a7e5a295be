/* math_parse.c - recursive descent over the tokens of math_lex.c.
 *
 *   answer   = union {("," | ";" | "and" | "or") union}
 *   union    = relation {"\cup" relation}
 *   relation = sum {("=" | "<" | ..) sum}
 *   sum      = [sign] product {("+" | "-" | "\pm") product}
 *   product  = power {["*" | "/"] power}          juxtaposition is a product
 *   power    = primary {"^" argument | "!" | "%" | degrees} [unit words]
 * A whole number before a proper fraction of whole numbers is a mixed number. */
#include <string.h>

#include "flow/labels/math/math_parser.h"
#include "flow/labels/math/math_units.h"

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

    if (!parse_take(p, '^')) return true;
    power = parse_argument(p, false);
    if (!power || power->kind != MATH_NUMBER || power->len != 1)
        return parse_fail(p, MATH_NOT_PARSED) != NULL;
    const char *size = *power->text == '2' ? "square" : *power->text == '3' ? "cubic" : NULL;
    if (!size || !n->unit) return parse_fail(p, MATH_NOT_PARSED) != NULL;
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
        if (parse_is_text(&t, LEX_WORD, "and") || parse_is_text(&t, LEX_WORD, "or")) break;
        if (unit) set_unit(p, n, unit);
        lex_next(&p->lex);
        if (!take_unit_power(p, n)) return false;
        if (parse_sees(p, '/') && n->unit) { /* miles/hour */
            lex_next(&p->lex);
            if (p->lex.token.kind != LEX_WORD) return parse_fail(p, MATH_NOT_PARSED) != NULL;
            set_unit(p, n, "per");
        }
    }
    return true;
}

/* -- powers -- */

static bool is_degree_group(parser *p)
{
    const lexer saved = p->lex;

    if (parse_take(p, SIGN_DEGREE)) return true;
    if (parse_take(p, '{') && parse_take(p, SIGN_DEGREE) && parse_take(p, '}')) return true;
    p->lex = saved;
    return false;
}

static math_node *parse_power_of(parser *p, math_node *n)
{
    while (n) {
        if (parse_take(p, '^')) {
            if (is_degree_group(p)) {
                set_unit(p, n, "degree");
                continue;
            }
            const bool is_negative = parse_take(p, '-');
            math_node *exponent = parse_argument(p, false);
            if (is_negative) exponent = parse_over(p, MATH_NEG, exponent, NULL, false);
            n = parse_over(p, MATH_POW, n, exponent, true);
        } else if (parse_take(p, '!')) {
            n = parse_over(p, MATH_FACTORIAL, n, NULL, false);
        } else if (parse_take(p, '%')) {
            set_unit(p, n, "%");
        } else if (parse_take(p, SIGN_DEGREE)) {
            set_unit(p, n, "degree");
        } else if (parse_take(p, SIGN_DOLLAR)) {
            set_unit(p, n, "dollar");
        } else if (parse_take(p, SIGN_EURO)) {
            set_unit(p, n, "euro");
        } else if (n->kind == MATH_NUMBER && !n->is_grouped && parse_take(p, '_')) {
            math_node *base = parse_argument(p, false);
            math_node *based = parse_over(p, MATH_BASED, base, NULL, false);
            if (based) based->text = n->text, based->len = n->len;
            n = based;
        } else {
            break;
        }
    }
    return n;
}

math_node *parse_power(parser *p)
{
    math_node *n;

    if (++p->depth > MATH_MAX_DEPTH) {
        p->depth--;
        return parse_fail(p, MATH_TOO_LONG);
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
    math_node *a = parse_leaf(p, MATH_NUMBER, 0), *b, *fraction;

    if (!a || !parse_take(p, '/') || p->lex.token.kind != LEX_NUMBER)
        return parse_fail(p, MATH_NOT_PARSED);
    b = parse_leaf(p, MATH_NUMBER, 0);
    fraction = parse_over(p, MATH_MUL, a, b, true);
    if (!fraction) return NULL;
    b->sign = -1;
    if (!is_whole(whole) || !is_proper_fraction(fraction)) return parse_fail(p, MATH_NOT_PARSED);
    return parse_over(p, MATH_ADD, whole, fraction, true);
}

static bool starts_implicit(const parser *p)
{
    const lex_token *t = &p->lex.token;

    if (t->kind == LEX_LETTER || t->kind == LEX_COMMAND)
        return !parse_sees_command(p, "end") && !parse_sees_command(p, "rfloor") &&
               !parse_sees_command(p, "rceil");
    if (t->kind != LEX_SIGN) return false;
    return t->sign == '(' || t->sign == '[' || t->sign == '{' || (t->sign == '|' && p->n_bars == 0);
}

/* The next factor of a product and whether it divides; *n NULL at the end of the product. */
static bool next_factor(parser *p, math_node **n, int *sign, const math_node *last)
{
    *n = NULL;
    *sign = 1;
    if (parse_sees(p, '*') || parse_sees(p, '/')) {
        *sign = parse_sees(p, '/') ? -1 : 1;
        lex_next(&p->lex);
        const bool is_negative = parse_take(p, '-');
        *n = parse_power(p);
        if (is_negative) *n = parse_over(p, MATH_NEG, *n, NULL, false);
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
            n = last = parse_over(p, MATH_ADD, n, factor, true);
            if (n) n->is_grouped = true;
            continue;
        }
        factor->sign = sign;
        if (!product)
            n = product = parse_over(p, MATH_MUL, n, factor, true);
        else
            parse_add(product, factor);
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
        if (parse_take(p, signs[i].sign)) {
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
    m = parse_node(p, MATH_MATRIX);
    if (m) m->columns = first->columns;
    for (size_t i = 0; m && i < n_cells; i++) {
        math_node *cell = parse_node(p, MATH_ADD);
        if (!cell) return NULL;
        parse_add(m, cell);
        for (math_node *kid = sum->first; kid; kid = kid->next) {
            math_node *part = kid->first;
            kid->first = part->next;
            part->next = NULL;
            part->sign = kid->sign;
            parse_add(cell, part);
        }
    }
    return m;
}

/* A currency mark may stand before or behind the sign. */
static const char *take_currency(parser *p)
{
    if (parse_take(p, SIGN_DOLLAR)) return "dollar";
    return parse_take(p, SIGN_EURO) ? "euro" : NULL;
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
        sum = parse_over(p, MATH_ADD, term, NULL, false);
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
            sum = parse_over(p, MATH_ADD, term, NULL, false);
            if (!sum) return NULL;
            sum->unit = term->unit;
            term->sign = 1;
        }
        next->sign = sign;
        if (next->unit) sum->unit = next->unit;
        parse_add(sum, next);
    }
    return sum->kind == MATH_ADD && sum->first->kind == MATH_MATRIX ? add_matrices(p, sum) : sum;
}

math_node *parse_sum(parser *p)
{
    math_node *n;

    if (++p->depth > MATH_MAX_DEPTH) {
        p->depth--;
        return parse_fail(p, MATH_TOO_LONG);
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
        if (parse_take(p, signs[i].sign)) return signs[i].relation;
    return MATH_NO_RELATION;
}

static math_node *parse_union(parser *p);

static math_node *parse_relation(parser *p)
{
    math_node *n, *chain = NULL;
    math_relation r;

    if (parse_take(p, SIGN_APPROX)) return parse_sum(p); /* "\approx 8.24" */
    n = parse_sum(p);
    while (n && (r = take_relation(p)) != MATH_NO_RELATION) {
        math_node *next = r == MATH_IN ? parse_union(p) : parse_sum(p);
        if (!next) return NULL;
        if (!chain) n = chain = parse_over(p, MATH_RELATION, n, NULL, false);
        if (!chain) return NULL;
        next->relation = r;
        parse_add(chain, next);
    }
    return n;
}

static math_node *parse_union(parser *p)
{
    math_node *n = parse_relation(p), *all = NULL;

    while (n && parse_take(p, SIGN_UNION)) {
        math_node *next = parse_relation(p);
        if (!next) return NULL;
        if (!all) n = all = parse_over(p, MATH_UNION, n, NULL, false);
        if (!all) return NULL;
        parse_add(all, next);
    }
    return n;
}

/* Any number of marks between two items: ", and". */
static bool take_separator(parser *p)
{
    bool found = false;

    for (;;) {
        if (parse_sees(p, ',') || parse_sees(p, ';') ||
            parse_is_text(&p->lex.token, LEX_WORD, "and") ||
            parse_is_text(&p->lex.token, LEX_WORD, "or"))
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
        if (!list) n = list = parse_over(p, MATH_LIST, n, NULL, false);
        if (!list) return NULL;
        parse_add(list, next);
    }
    return n;
}

math_node *parse_answer(parser *p)
{
    math_node *n;

    if (++p->depth > MATH_MAX_DEPTH) {
        p->depth--;
        return parse_fail(p, MATH_TOO_LONG);
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
    if (out->root && p.lex.token.kind != LEX_END) parse_fail(&p, MATH_NOT_PARSED);
    if (!out->root) parse_fail(&p, MATH_NOT_PARSED);
    return p.bad;
}
