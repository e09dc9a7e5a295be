/* math_parse.c - recursive descent over the tokens of math_lex.c.
 *
 *   answer   = union {("," | ";" | "and" | "or") union}
 *   union    = relation {"\cup" relation}
 *   relation = ratio {("=" | "<" | ..) ratio}
 *   ratio    = sum {":" sum}
 *   sum      = [words] [sign] product {("+" | "-" | "\pm") product}
 *   product  = power {["*" | "/" | "mod"] power} [words]     juxtaposition is a product
 *   power    = primary {"^" argument | "!" | "%" | degrees}
 * A whole number right before a proper fraction of whole numbers is a mixed number. */
#include <string.h>

#include "flow/labels/math/math_parser.h"
#include "flow/labels/math/math_unicode.h"

/* -- powers -- */

static bool is_degree_group(parser *p)
{
    const lexer saved = p->lex;

    if (parse_take(p, SIGN_DEGREE)) return true;
    if (parse_take(p, '{') && parse_take(p, SIGN_DEGREE) && parse_take(p, '}')) return true;
    p->lex = saved;
    return false;
}

/* Behind "^": a group in braces or, in plain text, in round brackets, or one token. A second power
 * behind it could stand on either. */
static math_node *parse_exponent(parser *p, math_node *n)
{
    const bool is_negative = parse_take(p, '-');
    math_node *exponent = parse_sees(p, '(') ? parse_primary(p) : parse_argument(p, false);

    if (is_negative) exponent = parse_over(p, MATH_NEG, exponent, NULL, false);
    if (parse_sees(p, '^')) return parse_fail(p, MATH_NOT_PARSED);
    return parse_over(p, MATH_POW, n, exponent, true);
}

static math_node *parse_power_of(parser *p, math_node *n)
{
    while (n) {
        if (parse_take(p, '^')) {
            if (is_degree_group(p))
                parse_set_unit(p, n, "degree");
            else
                n = parse_exponent(p, n);
        } else if (parse_take(p, '!')) {
            n = parse_over(p, MATH_FACTORIAL, n, NULL, false);
        } else if (parse_take(p, '%')) {
            parse_set_unit(p, n, "%");
        } else if (parse_take(p, SIGN_DEGREE)) {
            parse_set_unit(p, n, "degree");
        } else if (parse_take(p, SIGN_DOLLAR)) {
            parse_set_unit(p, n, "dollar");
        } else if (parse_take(p, SIGN_EURO)) {
            parse_set_unit(p, n, "euro");
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

static bool sees_plain_fraction(const parser *p)
{
    parser ahead = *p;

    if (p->lex.token.kind != LEX_NUMBER) return false;
    lex_next(&ahead.lex);
    return parse_sees(&ahead, '/');
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

/* "(mod 3)" behind a congruence. */
bool parse_sees_modulus(const parser *p)
{
    parser ahead = *p;

    if (!parse_sees(p, '(')) return parse_sees_command(p, "pmod") || parse_sees_word(p, "mod");
    lex_next(&ahead.lex);
    return parse_sees_command(&ahead, "pmod") || parse_sees_word(&ahead, "mod");
}

static bool starts_implicit(const parser *p)
{
    const lex_token *t = &p->lex.token;

    if (parse_sees_modulus(p)) return false;
    if (t->kind == LEX_LETTER || t->kind == LEX_COMMAND)
        return !parse_sees_command(p, "end") && !parse_sees_command(p, "rfloor") &&
               !parse_sees_command(p, "rceil");
    if (t->kind != LEX_SIGN) return false;
    return t->sign == '(' || t->sign == '[' || t->sign == '{' || (t->sign == '|' && p->n_bars == 0);
}

/* An operation that is written with a sign or a word: 1 a product, -1 a quotient, 2 a remainder; 0:
 * there is none. */
static int take_operation(parser *p)
{
    const bool is_mod = parse_sees_command(p, "bmod") ||
                        (!p->is_congruence && !parse_sees(p, '(') && parse_sees_modulus(p));
    const int operation = parse_sees(p, '*') ? 1 : parse_sees(p, '/') ? -1 : is_mod ? 2 : 0;

    if (operation) lex_next(&p->lex);
    return operation;
}

/* The next factor of a product; *n NULL at its end. *operation 0: it stands there without a sign. */
static bool next_factor(parser *p, math_node **n, int *operation, const math_node *last)
{
    *n = NULL;
    *operation = take_operation(p);
    if (*operation) {
        const bool is_negative = parse_take(p, '-');
        *n = parse_power(p);
        if (is_negative) *n = parse_over(p, MATH_NEG, *n, NULL, false);
        return *n != NULL;
    }
    const math_node *exponent = last->kind == MATH_POW ? last->first->next : NULL;
    const bool is_number = p->lex.token.kind == LEX_NUMBER && /* (x + 1)7, 2^x3^x */
                           (last->is_grouped || (exponent && exponent->kind != MATH_NUMBER));
    if ((!starts_implicit(p) && !is_number) || last->kind == MATH_WORDS) return true;
    *n = parse_power(p);
    return *n != NULL;
}

/* "3\frac12": the whole number becomes the sum, in its place. */
static bool make_mixed(parser *p, math_node *whole, math_node *fraction)
{
    math_node *copy = parse_node(p, MATH_NUMBER);

    if (!copy) return false;
    *copy = *whole;
    copy->next = NULL;
    copy->sign = 1;
    *whole =
        (math_node){.kind = MATH_ADD, .sign = whole->sign, .next = whole->next, .is_grouped = true};
    parse_add(parse_add(whole, copy), fraction);
    return true;
}

/* n <- n and the factor that comes behind it. */
static math_node *add_factor(parser *p, math_node *n, math_node *factor, int operation,
                             math_node **product)
{
    if (factor->kind == MATH_WORDS) return parse_fail(p, MATH_NOT_PARSED);
    if (operation == 2) {
        n = parse_over(p, MATH_FUNCTION, n, factor, true);
        if (n) n->op = MATH_MOD;
        *product = NULL;
        return n;
    }
    factor->sign = operation < 0 ? -1 : 1;
    if (*product) {
        parse_add(*product, factor);
    } else {
        *product = parse_over(p, MATH_MUL, n, factor, true);
        if (!*product) return NULL;
    }
    if (factor->unit && !(*product)->unit) (*product)->unit = factor->unit;
    return *product;
}

static math_node *parse_product(parser *p)
{
    math_node *n = parse_power(p), *last = n, *product = NULL;

    if (n && n->kind == MATH_NUMBER && sees_plain_fraction(p)) {
        n = last = parse_plain_mixed(p, n);
        if (n) n->is_grouped = true;
    }
    while (n) {
        math_node *factor;
        int operation;
        if (!next_factor(p, &factor, &operation, last)) return NULL;
        if (!factor) break;
        if (operation == 0 && factor->is_fraction && is_whole(last) && !last->is_grouped &&
            is_proper_fraction(factor)) {
            if (!make_mixed(p, last, factor)) return NULL;
            continue;
        }
        n = add_factor(p, n, factor, operation, &product);
        last = factor;
    }
    if (!n) return NULL;
    return n->kind == MATH_WORDS ? n : parse_description(p, n);
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

/* A term with what stands before it: words, a currency, a sign. */
static math_node *parse_first_term(parser *p, int *sign)
{
    word_lead lead = {.sign = 1};
    const char *currency;
    math_node *term;

    parse_leads(p, &lead);
    currency = take_currency(p);
    *sign = 1;
    (void)take_plus_minus(p, sign);
    if (!currency) currency = take_currency(p);
    term = parse_product(p);
    if (term && (lead.factor || lead.divisor))
        term = parse_scaled(p, term, lead.factor, lead.divisor);
    if (!term) return NULL;
    if (!currency) currency = lead.currency;
    if (currency && !term->unit) parse_set_unit(p, term, currency);
    if (lead.sign < 0 && *sign != 1) return parse_fail(p, MATH_NOT_PARSED);
    *sign *= lead.sign;
    return term;
}

static math_node *parse_sum_of(parser *p)
{
    int sign;
    math_node *sum, *term = parse_first_term(p, &sign);

    if (!term) return NULL;
    if (sign != 1) {
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
    } signs[] = {{'=', MATH_EQ},     {SIGN_APPROX, MATH_APPROX}, {SIGN_NE, MATH_NE},
                 {'<', MATH_LT},     {SIGN_LE, MATH_LE},         {'>', MATH_GT},
                 {SIGN_GE, MATH_GE}, {SIGN_IN, MATH_IN}};

    if (parse_take(p, SIGN_EQUIV)) {
        p->is_congruence = true;
        return MATH_EQ;
    }

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (parse_take(p, signs[i].sign)) return signs[i].relation;
    return MATH_NO_RELATION;
}

static math_node *parse_union(parser *p);

/* "1 \pmod 3": the modulus is kept as a unit. */
static math_node *take_modulus(parser *p, math_node *n)
{
    char text[MATH_MAX_UNIT] = "mod ";
    math_node *modulus;

    if (!n || !p->is_congruence || !parse_sees_modulus(p)) return n;
    const bool has_bracket = parse_take(p, '(');
    lex_next(&p->lex);
    modulus = parse_argument(p, false);
    if (!modulus || modulus->kind != MATH_NUMBER || modulus->len > sizeof text - 5 || n->unit)
        return parse_fail(p, MATH_NOT_PARSED);
    memcpy(text + 4, modulus->text, modulus->len);
    parse_set_unit(p, n, text);
    return has_bracket ? parse_need(p, n, ')') : n;
}

/* A sum, or several that colons join: a ratio. */
static math_node *parse_ratio(parser *p)
{
    math_node *n = take_modulus(p, parse_sum(p)), *ratio = NULL;

    while (n && parse_take(p, ':')) {
        math_node *next = parse_sum(p);
        if (!next) return NULL;
        if (!ratio) n = ratio = parse_over(p, MATH_RATIO, n, NULL, false);
        if (!ratio) return NULL;
        parse_add(ratio, next);
    }
    return n;
}

static math_node *parse_relation(parser *p)
{
    math_node *n, *chain = NULL;
    math_relation r;

    if (parse_take(p, SIGN_APPROX) || parse_take(p, '='))
        return parse_ratio(p); /* "\approx 8.24" */
    n = parse_ratio(p);
    while (n && (r = take_relation(p)) != MATH_NO_RELATION) {
        math_node *next = r == MATH_IN ? parse_union(p) : parse_ratio(p);
        if (!next) return NULL;
        if (!chain) n = chain = parse_over(p, MATH_RELATION, n, NULL, false);
        if (!chain) return NULL;
        next->relation = r;
        parse_add(chain, next);
    }
    p->is_congruence = false;
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

/* Any number of marks between two items: ", and". *has_and: "and" is one of them. */
static bool take_separator(parser *p, bool *has_and)
{
    bool found = false;

    *has_and = false;
    for (;;) {
        const bool is_and = parse_is_text(&p->lex.token, LEX_WORD, "and");
        if (is_and || parse_sees(p, ',') || parse_sees(p, ';') ||
            parse_is_text(&p->lex.token, LEX_WORD, "or"))
            lex_next(&p->lex);
        else
            return found;
        found = true;
        *has_and |= is_and;
    }
}

static bool is_order(const math_node *n)
{
    if (n->kind != MATH_RELATION) return false;
    for (const math_node *kid = n->first; kid; kid = kid->next)
        if (kid->relation >= MATH_LT && kid->relation <= MATH_GE) return true;
    return false;
}

/* "5 2" is two numbers. */
static bool sees_next_number(const parser *p, const math_node *last)
{
    const lex_token *t = &p->lex.token;

    return t->kind == LEX_NUMBER && t->has_space && last->kind == MATH_NUMBER && !last->is_grouped;
}

static bool ends_answer(const parser *p)
{
    const lex_token *t = &p->lex.token;

    return t->kind == LEX_END || (t->kind == LEX_SIGN && strchr(")]}c", t->sign));
}

static math_node *parse_answer_of(parser *p)
{
    math_node *n = parse_union(p), *list = NULL, *next = n;
    bool has_and = false;

    while (n && (take_separator(p, &has_and) || sees_next_number(p, next))) {
        const math_node *before = next;
        if (ends_answer(p)) break; /* "1, 2," */
        next = parse_union(p);
        if (!next) return NULL;
        /* "x > 2 and x < 5" means both, "x < 2 and x > 5" either: lists are unions */
        if (has_and && is_order(before) && is_order(next)) return parse_fail(p, MATH_NOT_PARSED);
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
    out->is_denied = false;
    if (len > MATH_MAX_BYTES) return MATH_TOO_LONG;
    if (!math_is_ascii(s, len)) {
        if (!math_to_ascii(out->ascii, sizeof out->ascii, s, &p.lex.len)) return MATH_TOO_LONG;
        p.lex.s = out->ascii;
    }
    lex_next(&p.lex);
    out->root = parse_answer(&p);
    if (out->root && p.lex.token.kind != LEX_END) parse_fail(&p, MATH_NOT_PARSED);
    if (!out->root) parse_fail(&p, MATH_NOT_PARSED);
    return p.bad;
}
