/* math_describe.c - words before and behind a number, and words that are the answer.
 *
 * Every word must be known for what it does to the number: a unit, a scale, a noun that describes, a
 * denial. A word that is none of these makes the answer unreadable; none is dropped. */
#include <stdio.h>
#include <string.h>

#include "flow/labels/math/math_parser.h"
#include "flow/labels/math/math_units.h"
#include "flow/labels/math/math_words.h"

/* -- units -- */

void parse_set_unit(parser *p, math_node *n, const char *unit)
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
    const bool has_parts = strchr(n->unit, ' ') != NULL; /* m per second, squared */
    if (snprintf(text, sizeof text, "%s %s", has_parts ? n->unit : size,
                 has_parts ? size : n->unit) >= (int)sizeof text)
        return true;
    n->unit = NULL;
    parse_set_unit(p, n, text);
    return true;
}

static bool is_word(const lex_token *t)
{
    return t->kind == LEX_WORD || t->kind == LEX_LETTER;
}

static bool joins(const lex_token *t)
{
    return parse_is_text(t, LEX_WORD, "and") || parse_is_text(t, LEX_WORD, "or");
}

/* Takes words of which one denies the number: "is not correct". */
static bool take_denial(parser *p)
{
    parser ahead = *p;
    bool denies = false;

    while (is_word(&ahead.lex.token) || parse_sees(&ahead, '\'')) {
        denies |= is_word(&ahead.lex.token) &&
                  math_word_denies(ahead.lex.token.text, ahead.lex.token.len);
        lex_next(&ahead.lex);
    }
    if (!denies) return false;
    p->lex = ahead.lex;
    p->out->is_denied = true;
    return true;
}

/* "3 and a half" is 3 1/2: *divisor of what comes behind the "and". */
static bool take_and_fraction(parser *p, const char **divisor)
{
    const lexer saved = p->lex;
    const math_scale *scale;

    lex_next(&p->lex);
    if (parse_sees_word(p, "a") || parse_sees_word(p, "one")) {
        lex_next(&p->lex);
        scale = p->lex.token.kind == LEX_WORD ? math_word_scale(p->lex.token.text, p->lex.token.len)
                                              : NULL;
        *divisor = scale ? scale->divisor : parse_sees_word(p, "quarter") ? "4" : NULL;
        if (*divisor) {
            lex_next(&p->lex);
            return true;
        }
    }
    p->lex = saved;
    return false;
}

static math_node *add_and_fraction(parser *p, math_node *n, const char *divisor)
{
    math_node *part = parse_scaled(p, parse_digits(p, "1"), NULL, divisor);
    const char *unit = n->unit;

    n = parse_over(p, MATH_ADD, n, part, true);
    if (n) n->unit = unit, n->is_grouped = true;
    return n;
}

/* A unit, its power, and what it is divided by. */
static bool take_unit(parser *p, math_node *n, const char *unit)
{
    parse_set_unit(p, n, unit);
    lex_next(&p->lex);
    if (!take_unit_power(p, n)) return false;
    if (!parse_sees(p, '/')) return true;
    lex_next(&p->lex);
    parse_set_unit(p, n, "per");
    return p->lex.token.kind == LEX_WORD &&
           math_unit_name(p->lex.token.text, p->lex.token.len) != NULL;
}

/* "below zero" behind degrees. */
static math_node *take_below_zero(parser *p, math_node *n)
{
    const char *unit = n->unit;

    lex_next(&p->lex);
    if (!parse_sees_word(p, "zero")) return parse_fail(p, MATH_NOT_PARSED);
    lex_next(&p->lex);
    n = parse_over(p, MATH_NEG, n, NULL, false);
    if (n) n->unit = unit;
    return n;
}

math_node *parse_description(parser *p, math_node *n)
{
    while (n && p->lex.token.kind == LEX_WORD) {
        const lex_token t = p->lex.token;
        const char *unit = math_unit_name(t.text, t.len), *divisor;
        const math_scale *scale = math_word_scale(t.text, t.len);
        if (joins(&t)) {
            if (!parse_is_text(&t, LEX_WORD, "and") || !take_and_fraction(p, &divisor)) break;
            n = add_and_fraction(p, n, divisor);
        } else if (unit) {
            if (!take_unit(p, n, unit)) return parse_fail(p, MATH_NOT_PARSED);
        } else if (scale) {
            lex_next(&p->lex);
            n = parse_scaled(p, n, scale->factor, scale->divisor);
        } else if (parse_sees_word(p, "below")) {
            n = take_below_zero(p, n);
        } else if (take_denial(p)) {
            break;
        } else if (math_word_describes(t.text, t.len)) {
            lex_next(&p->lex);
        } else {
            return parse_fail(p, MATH_NOT_PARSED);
        }
    }
    return n;
}

/* "half of", "a third of", "twice", "minus": what they do to the number. */
static bool take_operation_words(parser *p, word_lead *out)
{
    const lexer saved = p->lex;
    const math_scale *scale;

    if (parse_sees_word(p, "minus") || parse_sees_word(p, "negative")) {
        out->sign = -out->sign;
        lex_next(&p->lex);
        return true;
    }
    if (parse_sees_word(p, "twice") || parse_sees_word(p, "double")) {
        out->factor = "2";
        lex_next(&p->lex);
        return true;
    }
    if (parse_sees_word(p, "a") || parse_sees_word(p, "one")) lex_next(&p->lex);
    scale =
        p->lex.token.kind == LEX_WORD ? math_word_scale(p->lex.token.text, p->lex.token.len) : NULL;
    out->divisor = scale ? scale->divisor : parse_sees_word(p, "quarter") ? "4" : NULL;
    if (out->divisor) {
        lex_next(&p->lex);
        if (parse_sees_word(p, "of")) {
            lex_next(&p->lex);
            return true;
        }
    }
    out->divisor = NULL;
    p->lex = saved;
    return false;
}

/* They count only where an expression follows: words alone are an answer themselves. */
void parse_leads(parser *p, word_lead *out)
{
    const parser before = *p;
    const bool was_denied = p->out->is_denied;
    const lex_token *t = &p->lex.token;

    while (t->kind == LEX_WORD && !joins(t)) {
        if (take_operation_words(p, out)) continue;
        if (math_word_denies(t->text, t->len))
            p->out->is_denied = true;
        else if (math_word_is(t->text, t->len, "usd"))
            out->currency = "dollar";
        else if (!math_word_leads(t->text, t->len))
            break;
        lex_next(&p->lex);
        while (parse_sees(p, ':') || parse_sees(p, '=')) lex_next(&p->lex);
    }
    if (t->kind == LEX_NUMBER && !t->has_space && before.lex.token.kind == LEX_WORD &&
        !out->currency && (p->lex.before == LEX_WORD || p->lex.before == LEX_LETTER)) {
        *p = before; /* A5 is one word */
        p->out->is_denied = was_denied;
        *out = (word_lead){.sign = 1};
        return;
    }
    const bool is_sign = t->kind == LEX_SIGN && strchr("([{|-+$eo", t->sign) && t->sign;
    if (t->kind == LEX_NUMBER || t->kind == LEX_LETTER || t->kind == LEX_COMMAND || is_sign) return;
    *p = before;
    p->out->is_denied = was_denied;
    *out = (word_lead){.sign = 1};
}

/* -- words that are the answer -- */

math_node *parse_all_reals(parser *p)
{
    math_node *low = parse_node(p, MATH_CONSTANT), *high = parse_node(p, MATH_CONSTANT), *n;

    if (!low || !high) return NULL;
    low->op = high->op = MATH_INFINITY;
    n = parse_over(p, MATH_TUPLE, parse_over(p, MATH_NEG, low, NULL, false), high, true);
    if (n) n->open = '(', n->close = ')', n->is_grouped = true;
    return n;
}

/* The number in words as digits behind those of the text. */
static math_node *parse_spoken(parser *p, const char *text, size_t len)
{
    char digits[48];
    long long num, den;
    math_node *n, *by;
    lexer *x = &p->lex;

    if (!math_spoken_number(&num, &den, text, len)) return NULL;
    for (int part = 0; part < 2; part++) {
        const size_t k = (size_t)snprintf(digits, sizeof digits, "%lld", part ? den : num);
        if (x->n_digits + k > MATH_MAX_BYTES) return NULL;
        memcpy(x->digits + x->n_digits, digits, k);
        by = parse_node(p, MATH_NUMBER);
        if (!by) return NULL;
        by->text = x->digits + x->n_digits;
        by->len = k;
        x->n_digits += k;
        if (part == 0) n = by;
    }
    by->sign = -1;
    n = parse_over(p, MATH_MUL, n, by, true);
    if (n) n->is_grouped = true;
    return n;
}

/* The bytes of "minus " or "negative " at the beginning; 0: it is none. */
static size_t spoken_sign(const char *text, size_t len)
{
    static const char *const signs[] = {"minus", "negative"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const size_t n = strlen(signs[i]);
        if (len > n && text[n] == ' ' && math_word_is(text, n, signs[i])) return n + 1;
    }
    return 0;
}

/* Words until something else comes; a letter or a number among them belongs to them. */
math_node *parse_words(parser *p)
{
    const char *begin = p->lex.token.text;
    math_node *n;
    size_t len = 0;

    while (p->lex.token.kind == LEX_WORD ||
           (p->lex.token.kind == LEX_LETTER && p->lex.token.has_space) ||
           (p->lex.token.kind == LEX_NUMBER && p->lex.token.has_space) ||
           (parse_sees(p, '-') && !p->lex.token.has_space)) { /* twenty-one */
        if (joins(&p->lex.token)) break;
        if (!parse_sees(p, '-')) len = p->lex.at - (size_t)(begin - p->lex.s);
        lex_next(&p->lex);
    }
    const math_phrase phrase = math_phrase_of(begin, len);
    if (phrase == MATH_ALL_REALS) return parse_all_reals(p);
    if (phrase == MATH_NOTHING) return parse_node(p, MATH_EMPTY);
    const size_t n_sign = spoken_sign(begin, len);
    n = parse_spoken(p, begin + n_sign, len - n_sign);
    if (n) return n_sign ? parse_over(p, MATH_NEG, n, NULL, false) : n;
    n = parse_node(p, MATH_WORDS);
    if (!n) return NULL;
    n->text = begin;
    n->len = len;
    return n;
}
