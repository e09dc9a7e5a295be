/* number_region.c - the number of a text that holds one answer, and the last number of a text. */
#include <stdio.h>
#include <string.h>

#include "flow/labels/find.h"
#include "flow/labels/number_region.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool digit_at(const char *s, size_t i, size_t len)
{
    return i < len && is_digit(s[i]);
}

static bool decimal_at(const char *s, size_t i, size_t len)
{
    return digit_at(s, i, len) || (i < len && s[i] == '.' && digit_at(s, i + 1, len));
}

/* -- regions -- */

size_t vs_number_unwrap(const char *s, size_t begin, size_t end)
{
    static const char *const words[] = {"\\boxed{",  "\\fbox{",   "\\text{", "\\textbf{",
                                        "\\mathbf{", "\\mathrm{", "\\(",     "\\["};
    size_t i = begin;

    while (i < end) {
        const size_t n = find_any(s, i, end, words, sizeof words / sizeof *words);
        if (n) {
            i += n;
        } else if (is_blank(s[i]) || (s[i] && strchr("*_`$=:{\"", s[i]))) {
            i++;
        } else {
            break;
        }
    }
    return i;
}

/* The same, and words that leave the number what it is: "about", "USD", "The answer is". */
static size_t skip_lead(const char *s, size_t begin, size_t end)
{
    static const char *const leads[] = {
        "the final answer is",
        "the answer is",
        "final answer:",
        "answer is",
        "answer:",
        "total:",
        "approximately",
        "a total of",
        "approx.",
        "exactly",
        "roughly",
        "approx",
        "about",
        "around",
        "only",
        "just",
        "us$",
        "usd",
        "eur",
        "gbp",
        "inr",
        "rs.",
        "rs",
        "a$",
        "c$",
        "~",
        "\xe2\x89\x88",
        "\\approx",
        "\\sim",
    };
    size_t i = vs_number_unwrap(s, begin, end);

    for (size_t k = 0; k < sizeof leads / sizeof *leads;) {
        const size_t n = find_fold(s, i, end, leads[k]);
        if (!n || (is_letter(s[i + n - 1]) && i + n < end && is_letter(s[i + n]))) {
            k++;
            continue;
        }
        i = vs_number_unwrap(s, i + n, end);
        k = 0;
    }
    return i;
}

/* A digit of a unit: after a letter, or after ^ or ^{ behind a letter, or after such a digit. */
static bool in_unit(const char *s, size_t i, size_t begin)
{
    while (i > begin && is_digit(s[i - 1])) i--;
    if (i > begin + 1 && s[i - 1] == '{' && s[i - 2] == '^') i--;
    if (i > begin && s[i - 1] == '^') i--;
    return i > begin && is_letter(s[i - 1]);
}

/* Whether a digit of s[begin..end) stands outside every unit. Linear: a run of digits is judged by
 * its first. */
static bool has_other_digit(const char *s, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (!is_digit(s[i])) continue;
        if (!in_unit(s, i, begin)) return true;
        while (i + 1 < end && is_digit(s[i + 1])) i++;
    }
    return false;
}

/* "\frac{a}{b}" and its kin at s[begin], with a sign before it or not: read as "a/b". NOTHING: none
 * is there. */
static vs_reading read_latex_fraction(number_ratio *value, vs_number *out, const char *s,
                                      size_t begin, size_t end)
{
    static const char *const words[] = {"\\frac{", "\\dfrac{", "\\tfrac{", "\\cfrac{"};
    const bool is_negative = begin < end && s[begin] == '-';
    const size_t first = begin + is_negative;
    char text[2 * VS_NUMBER_NORMAL_BYTES];
    size_t at = first + find_any(s, first, end, words, sizeof words / sizeof *words), middle, close,
           len;

    if (at == first) return VS_READ_NOTHING;
    for (middle = at; middle < end && s[middle] != '}';) middle++;
    for (close = middle; close < end && (close <= middle + 1 || s[close] != '}');) close++;
    if (close == end || s[middle + 1] != '{' || close - at > sizeof text - 4)
        return VS_READ_EXPRESSION;
    len = (size_t)snprintf(text, sizeof text, "%s%.*s/%.*s", is_negative ? "-" : "",
                           (int)(middle - at), s + at, (int)(close - middle - 2), s + middle + 2);
    const vs_reading reading = number_value(value, out, text, 0, len);
    if (reading == VS_READ_NUMBER && out->end != len) return VS_READ_EXPRESSION;
    out->begin = begin;
    out->end = close + 1;
    return reading;
}

/* What the words behind the number make of it. */
static vs_reading apply_tail(vs_number *out, number_ratio *value, const number_tail *tail)
{
    switch (tail->kind) {
    case TAIL_PLAIN:
        return VS_READ_NUMBER;
    case TAIL_SCALED:
        if (!number_scale(value, tail->num, tail->den) ||
            (tail->more && !number_add(value, 1, tail->more)))
            return VS_READ_TOO_LONG;
        value->is_negative ^= tail->is_below_zero && value->num;
        number_text(out->normal, value);
        out->end = tail->end;
        return VS_READ_NUMBER;
    case TAIL_DENIED:
        return VS_READ_DENIED;
    case TAIL_EXPRESSION:
        return VS_READ_EXPRESSION;
    default:
        return VS_READ_AMBIGUOUS;
    }
}

static number_context context_of(const char *s, size_t begin, const vs_number *n)
{
    number_context c = {.has_star = memchr(s + begin, '*', n->begin - begin) ||
                                    memchr(s + begin, '_', n->begin - begin)};

    for (size_t i = begin; i < n->end && !c.has_currency; i++)
        c.has_currency = number_currency(s, i, n->end) > 0;
    return c;
}

/* "$" opens mathematics as well as an amount: it is a currency only where none closes it. */
static bool is_amount(const char *s, size_t begin, size_t end, const vs_number *n)
{
    return context_of(s, begin, n).has_currency && !memchr(s + n->end, '$', end - n->end);
}

vs_reading vs_number_region(vs_number *out, const char *s, size_t begin, size_t end)
{
    number_ratio value;
    vs_number found = {0};
    vs_reading reading;
    size_t start;

    while (end > begin && is_blank(s[end - 1])) end--;
    while (begin < end && is_blank(s[begin])) begin++;
    *out = (vs_number){.begin = begin, .end = end};
    if (end - begin > VS_NUMBER_REGION_BYTES) return VS_READ_TOO_LONG;
    start = skip_lead(s, begin, end);
    /* A currency mark that unwrapping took is no part of the number; a sign before it still is. */
    reading = number_value(&value, &found, s, start, end);
    if (reading == VS_READ_NOTHING) reading = read_latex_fraction(&value, &found, s, start, end);
    if (reading == VS_READ_NOTHING)
        return has_other_digit(s, begin, end) ? VS_READ_EXPRESSION : VS_READ_NOTHING;
    if (reading == VS_READ_NUMBER) {
        number_context context = context_of(s, begin, &found);
        if (has_other_digit(s, found.end, end)) return VS_READ_EXPRESSION;
        context.has_currency = is_amount(s, begin, end, &found);
        const number_tail tail = number_tail_read(s, found.end, end, context);
        reading = apply_tail(&found, &value, &tail);
    }
    if (reading == VS_READ_NUMBER && find_denied_before(s, found.begin)) reading = VS_READ_DENIED;
    if (reading != VS_READ_AMBIGUOUS && reading != VS_READ_EXPRESSION) *out = found;
    if (reading != VS_READ_NUMBER) out->normal[0] = '\0';
    return reading;
}

/* -- the last number of a text -- */

/* Whether a minus may stand at s[i]: not directly after a digit, a letter or closing punctuation.
 */
static bool minus_counts(const char *s, size_t i, size_t begin)
{
    return i == begin || is_blank(s[i - 1]) || (s[i - 1] && strchr("([{=$+-*/<>^:`|&", s[i - 1]));
}

/* The start of the number whose first digit or dot is at s[i]: takes in a currency mark and a sign
 * that counts. */
static size_t number_start(const char *s, size_t i, size_t begin)
{
    if (i > begin && s[i - 1] == '$') i--;
    if (i > begin && s[i - 1] == '-' && minus_counts(s, i - 1, begin)) return i - 1;
    if (i >= begin + 3 && memcmp(s + i - 3, "\xe2\x88\x92", 3) == 0 &&
        minus_counts(s, i - 3, begin))
        return i - 3;
    return i;
}

static bool is_word_part(const char *s, size_t i, size_t begin)
{
    return i > begin && (is_letter(s[i - 1]) || s[i - 1] == '_');
}

/* Past the rest of a run of digits, dots and commas that starts at s[i]; the run's last byte. */
static size_t skip_run(const char *s, size_t i, size_t end)
{
    while (i + 1 < end && (is_digit(s[i + 1]) ||
                           ((s[i + 1] == '.' || s[i + 1] == ',') && digit_at(s, i + 2, end))))
        i++;
    return i;
}

/* -- a number that is a part of a formula -- */

/* Whether what touches the number at s[i] from the left makes it a part of something: ^2, x/3, (3
 * behind a name, an open brace of a command that is no wrapping. */
static bool is_bound_left(const char *s, size_t i, size_t begin)
{
    static const char *const free_marks[] = {"\xe2\x82\xac", "\xc2\xa3",     "\xc2\xa5",
                                             "\xe2\x82\xb9", "\xe2\x89\x88", "\xe2\x80\x9c",
                                             "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x98",
                                             "\xe2\x80\xaf", "\xe2\x80\x89"};
    const char c = i > begin ? s[i - 1] : ' ';
    const char before = i > begin + 1 ? s[i - 2] : ' ';
    size_t name = i - (i > begin);

    if ((unsigned char)c >= 0x80)
        return c != '\xa0' &&
               (i < begin + 3 ||
                (!find_any(s, i - 3, i, free_marks, sizeof free_marks / sizeof *free_marks) &&
                 !find_any(s, i - 2, i, free_marks, sizeof free_marks / sizeof *free_marks)));
    if (strchr("^/+\\!<%", c) && c) return true;
    if (c == ':') return is_digit(before);
    if (c == '(' || c == '*') return is_digit(before) || is_letter(before) || before == ')';
    if (c != '{') return false;
    while (name > begin && is_letter(s[name - 1])) name--;
    name -= name > begin;
    return vs_number_unwrap(s, name, i) != i;
}

/* An operator that blanks part from the number at s[i]. */
static bool is_operand(const char *s, size_t i, size_t begin)
{
    static const char *const operators[] = {"\\cdot",   "\\times",      "\xc3\x97", "\xc3\xb7",
                                            "\xc2\xb7", "\xe2\x88\x92", "\\div",    "\\pm"};
    size_t first;

    while (i > begin && s[i - 1] == ' ') i--;
    for (first = i; first > begin && !is_blank(s[first - 1]) && i - first < 8;) first--;
    if (i - first == 1 && strchr("+*/^-", s[first])) {
        while (first > begin && s[first - 1] == ' ') first--;
        return first > begin && s[first - 1] != '\n';
    }
    return i > first &&
           find_any(s, first, i, operators, sizeof operators / sizeof *operators) == i - first;
}

/* "3 or 4": where the number before the "or" begins; n->begin: there is none. */
static size_t alternative(const char *s, size_t begin, const vs_number *n)
{
    size_t i = n->begin;

    if (i < begin + 5 || memcmp(s + i - 4, " or ", 4) != 0 || !is_digit(s[i - 5])) return i;
    for (i -= 4; i > begin && !is_blank(s[i - 1]);) i--;
    return i;
}

/* Whether a word that no formula has stands at s[i..): two letters and more, no command. */
static bool is_prose(const char *s, size_t first, size_t last, size_t begin)
{
    return last - first >= 2 && !(first > begin && s[first - 1] == '\\');
}

/* The formula on the number's line around it: up to words and relations. */
static void widen(vs_number *n, const char *s, size_t begin, size_t end)
{
    size_t i = n->begin, first = i, last;

    while (i > begin && !strchr("\n=;", s[i - 1]) && n->begin - i < VS_NUMBER_REGION_BYTES) {
        const size_t stop = i;
        while (i > begin && is_letter(s[i - 1])) i--;
        if (stop > i && is_prose(s, i, stop, begin)) break;
        if (stop == i) i--;
        first = i;
        if (s[i] == '.' && is_blank(s[i + 1])) {
            first = i + 1;
            break;
        }
    }
    for (i = n->end, last = i;
         i < end && !strchr("\n=;", s[i]) && i - n->end < VS_NUMBER_REGION_BYTES;) {
        const size_t start = i;
        while (i < end && is_letter(s[i])) i++;
        if (i > start && is_prose(s, start, i, begin)) break;
        if (i == start && s[i] == '.' && (i + 1 == end || is_blank(s[i + 1]))) break;
        i += i == start;
        last = i;
    }
    while (first < n->begin && (is_blank(s[first]) || strchr(",:\"'`*$~_", s[first]))) first++;
    while (last > n->end && (is_blank(s[last - 1]) || strchr(".,:\"'`*?$", s[last - 1]))) last--;
    n->begin = first;
    n->end = last;
}

/* What stands around the last number: a multiple, a formula, an aside. */
static vs_reading read_around(vs_number *n, number_ratio *value, const char *s, size_t begin,
                              size_t end)
{
    const size_t line = find_line_end(s, n->end, end);
    const bool is_signed = s[n->begin] == '-';
    const number_context context = {.has_currency =
                                        number_currency(s, n->begin + is_signed, n->end) > 0,
                                    .has_star = true,
                                    .only_next = true};
    const number_tail tail = number_tail_read(s, n->end, line, context);
    vs_reading reading = apply_tail(n, value, &tail);

    if (find_denied_before(s, n->begin) || find_denied_behind(s, n->end, line))
        return VS_READ_DENIED;
    if (reading == VS_READ_EXPRESSION || is_bound_left(s, n->begin, begin) ||
        is_operand(s, n->begin, begin)) {
        reading = VS_READ_EXPRESSION;
        widen(n, s, begin, end);
    } else if (alternative(s, begin, n) < n->begin) {
        reading = VS_READ_AMBIGUOUS;
        n->begin = alternative(s, begin, n);
    }
    return reading;
}

vs_reading vs_number_last(vs_number *out, const char *s, size_t begin, size_t end)
{
    vs_reading reading = VS_READ_NOTHING;
    vs_number before = {0}; /* the last number ahead of the open bracket */
    number_ratio value = {0};
    bool is_on_line = false, in_aside = false, is_aside = false;

    *out = (vs_number){.begin = begin, .end = begin};
    for (size_t i = begin; i < end; i++) {
        if (s[i] == '\n') is_on_line = in_aside = false;
        if (s[i] == ')') in_aside = false;
        if (s[i] == '(') {
            in_aside = is_on_line;
            before = *out;
        }
        if (!decimal_at(s, i, end)) continue;
        if (is_word_part(s, i, begin)) {
            i = skip_run(s, i, end);
            continue;
        }
        reading = number_value(&value, out, s, number_start(s, i, begin), end);
        i = out->end - 1;
        is_on_line = true;
        is_aside = reading == VS_READ_NUMBER && in_aside && strcmp(out->normal, before.normal) != 0;
    }
    if (reading == VS_READ_NUMBER && is_aside) {
        out->begin = before.begin;
        reading = VS_READ_AMBIGUOUS;
    } else if (reading == VS_READ_NUMBER) {
        reading = read_around(out, &value, s, begin, end);
    }
    if (reading != VS_READ_NUMBER) out->normal[0] = '\0';
    return reading;
}
