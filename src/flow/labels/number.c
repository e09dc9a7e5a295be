#include "flow/labels/number.h"

#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

typedef struct ratio {
    bool is_negative;
    wide num, den;
} ratio;

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
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool digit_at(const char *s, size_t i, size_t len)
{
    return i < len && is_digit(s[i]);
}

/* Length of `word` when s[i..len) begins with it, else 0. */
static size_t starts(const char *s, size_t i, size_t len, const char *word)
{
    const size_t n = strlen(word);

    return len - i >= n && memcmp(s + i, word, n) == 0 ? n : 0;
}

static size_t starts_any(const char *s, size_t i, size_t len, const char *const *words,
                         size_t n_words)
{
    for (size_t w = 0; w < n_words; w++) {
        const size_t n = starts(s, i, len, words[w]);
        if (n) return n;
    }
    return 0;
}

/* -- exact values -- */

static bool wide_mul(wide *x, wide by)
{
    return !__builtin_mul_overflow(*x, by, x);
}

static bool wide_push_digit(wide *x, unsigned digit)
{
    return wide_mul(x, 10) && !__builtin_add_overflow(*x, (wide)digit, x);
}

static wide wide_gcd(wide a, wide b)
{
    while (b) {
        const wide rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void ratio_reduce(ratio *r)
{
    const wide common = wide_gcd(r->num, r->den);

    r->num /= common;
    r->den /= common;
    if (r->num == 0) r->is_negative = false;
}

static char *put_wide(char *to, wide value)
{
    char digits[40];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value);
    while (n) *to++ = digits[--n];
    return to;
}

static void ratio_text(char *to, const ratio *r)
{
    if (r->is_negative) *to++ = '-';
    to = put_wide(to, r->num);
    if (r->den != 1) {
        *to++ = '/';
        to = put_wide(to, r->den);
    }
    *to = '\0';
}

/* -- the grammar; a cursor over the text, advanced past what was read -- */

typedef struct cursor {
    const char *s;
    size_t at, len;
    size_t n_digits; /* read so far, against VS_NUMBER_MAX_DIGITS */
    bool is_too_long;
} cursor;

/* Adds one digit to a mantissa. Zeros are owed (in *n_zeros) until a later digit needs them, so
 * that 18.000... fits. */
static void push_digit(cursor *c, wide *mantissa, size_t *n_zeros)
{
    const unsigned digit = (unsigned)(c->s[c->at++] - '0');
    bool fits = true;

    if (++c->n_digits > VS_NUMBER_MAX_DIGITS) c->is_too_long = true;
    if (c->is_too_long) return;
    if (digit == 0) {
        *n_zeros += *mantissa != 0;
        return;
    }
    for (; *n_zeros && fits; --*n_zeros) fits = wide_mul(mantissa, 10);
    if (!fits || !wide_push_digit(mantissa, digit)) c->is_too_long = true;
}

/* A comma, three digits and no fourth at the cursor. */
static bool group_follows(const cursor *c)
{
    const size_t i = c->at;

    return i < c->len && c->s[i] == ',' && digit_at(c->s, i + 1, c->len) &&
           digit_at(c->s, i + 2, c->len) && digit_at(c->s, i + 3, c->len) &&
           !digit_at(c->s, i + 4, c->len);
}

/* e, E, a sign and one or two digits; 0 when they are not there. Three digits or more: too long. */
static int read_exponent(cursor *c)
{
    size_t i = c->at, first;
    bool is_negative = false;
    int value = 0;

    if (i >= c->len || (c->s[i] != 'e' && c->s[i] != 'E')) return 0;
    i++;
    if (i < c->len && (c->s[i] == '-' || c->s[i] == '+')) is_negative = c->s[i++] == '-';
    if (!digit_at(c->s, i, c->len)) return 0;
    for (first = i; digit_at(c->s, i, c->len); i++)
        if (i - first < 2) value = value * 10 + (c->s[i] - '0');
    if (i - first > 2) c->is_too_long = true;
    c->at = i;
    return is_negative ? -value : value;
}

/* Plain digits or comma groups, fraction part, exponent. The caller saw that a digit, or a dot and
 * a digit, is next. */
static ratio read_decimal(cursor *c)
{
    ratio r = {.num = 0, .den = 1};
    const size_t first = c->at;
    size_t n_zeros = 0, n_places = 0;
    long scale;
    bool fits = true;

    while (digit_at(c->s, c->at, c->len)) push_digit(c, &r.num, &n_zeros);
    if (c->at - first <= 3 && c->at > first)
        while (group_follows(c)) {
            c->at++;
            for (int i = 0; i < 3; i++) push_digit(c, &r.num, &n_zeros);
        }
    if (c->at < c->len && c->s[c->at] == '.' && digit_at(c->s, c->at + 1, c->len))
        for (c->at++; digit_at(c->s, c->at, c->len); n_places++) push_digit(c, &r.num, &n_zeros);
    /* value = num * 10^n_zeros * 10^-n_places * 10^exponent */
    scale = (long)n_zeros - (long)n_places + read_exponent(c);
    if (c->is_too_long || r.num == 0) return r;
    for (; scale > 0 && fits; scale--) fits = wide_mul(&r.num, 10);
    for (; scale < 0 && fits; scale++) fits = wide_mul(&r.den, 10);
    if (!fits) c->is_too_long = true;
    return r;
}

static void divide(cursor *c, ratio *a, ratio b)
{
    if (c->is_too_long) return;
    ratio_reduce(a);
    ratio_reduce(&b);
    if (b.num == 0 || !wide_mul(&a->num, b.den) || !wide_mul(&a->den, b.num)) c->is_too_long = true;
}

/* Plain digits at the cursor, as an integer; false when there are none. */
static bool read_digits(wide *out, cursor *c)
{
    size_t n_zeros = 0;

    *out = 0;
    if (!digit_at(c->s, c->at, c->len)) return false;
    while (digit_at(c->s, c->at, c->len)) push_digit(c, out, &n_zeros);
    for (; n_zeros && !c->is_too_long; n_zeros--) c->is_too_long = !wide_mul(out, 10);
    return true;
}

/* The fraction of a mixed number at the cursor: a space, digits/digits below one. Leaves the cursor
 * alone otherwise. */
static bool read_mixed_tail(cursor *c, ratio *whole)
{
    cursor probe = *c;
    wide part, below, sum = whole->num; /* an integer: the caller saw no dot and no exponent */

    if (probe.at >= probe.len || probe.s[probe.at++] != ' ' || !read_digits(&part, &probe))
        return false;
    if (probe.at >= probe.len || probe.s[probe.at++] != '/' || !read_digits(&below, &probe))
        return false;
    if (!probe.is_too_long) {
        if (part >= below) return false;
        if (!wide_mul(&sum, below) || __builtin_add_overflow(sum, part, &sum))
            probe.is_too_long = true;
        whole->num = sum;
        whole->den = below;
    }
    *c = probe;
    return true;
}

/* Digits, commas and dots that go straight on after a number make the whole token malformed. */
static bool runs_on(cursor *c)
{
    const size_t i = c->at;

    if (i >= c->len || (c->s[i] != ',' && c->s[i] != '.') || !digit_at(c->s, i + 1, c->len))
        return false;
    while (c->at < c->len &&
           (is_digit(c->s[c->at]) ||
            ((c->s[c->at] == ',' || c->s[c->at] == '.') && digit_at(c->s, c->at + 1, c->len))))
        c->at++;
    return true;
}

/* Length of a sign at s[i], and whether it is a minus: ASCII, or U+2212. */
static size_t sign_at(bool *is_negative, const char *s, size_t i, size_t len)
{
    if (i >= len) return 0;
    *is_negative = s[i] == '-' || starts(s, i, len, "\xe2\x88\x92");
    if (s[i] == '-' || s[i] == '+') return 1;
    return *is_negative ? 3 : 0;
}

static size_t currency_at(const char *s, size_t i, size_t len)
{
    /* dollar, LaTeX dollar, euro, pound, yen, rupee */
    static const char *const marks[] = {"$",        "\\$",      "\xe2\x82\xac",
                                        "\xc2\xa3", "\xc2\xa5", "\xe2\x82\xb9"};

    return starts_any(s, i, len, marks, sizeof marks / sizeof *marks);
}

static bool decimal_at(const char *s, size_t i, size_t len)
{
    return digit_at(s, i, len) || (i < len && s[i] == '.' && digit_at(s, i + 1, len));
}

/* What may follow a decimal: the rest of a mixed number or of a fraction. */
static void read_fraction(cursor *c, ratio *r, bool is_whole)
{
    if (is_whole && read_mixed_tail(c, r)) return;
    if (c->at >= c->len || c->s[c->at] != '/' || !decimal_at(c->s, c->at + 1, c->len)) return;
    c->at++;
    divide(c, r, read_decimal(c));
}

static bool has_any(const char *s, size_t begin, size_t end, const char *marks)
{
    for (size_t i = begin; i < end; i++)
        if (strchr(marks, s[i])) return true; /* a number holds no NUL */
    return false;
}

vs_reading vs_number_read(vs_number *out, const char *s, size_t begin, size_t len)
{
    cursor c = {.s = s, .at = begin, .len = len};
    bool is_negative = false, is_malformed;
    size_t n_sign, first;
    ratio r;

    n_sign = sign_at(&is_negative, s, c.at, len);
    c.at += n_sign;
    c.at += currency_at(s, c.at, len);
    if (!n_sign) c.at += sign_at(&is_negative, s, c.at, len);
    if (!decimal_at(s, c.at, len)) return VS_READ_NOTHING;
    first = c.at;
    r = read_decimal(&c);
    is_malformed = runs_on(&c);
    if (!is_malformed) {
        read_fraction(&c, &r, !has_any(s, first, c.at, ".eE"));
        is_malformed = runs_on(&c);
    }
    *out = (vs_number){.begin = begin, .end = c.at};
    if (is_malformed) return VS_READ_MALFORMED;
    if (c.is_too_long) return VS_READ_TOO_LONG;
    r.is_negative = is_negative;
    ratio_reduce(&r);
    ratio_text(out->normal, &r);
    return VS_READ_NUMBER;
}

/* -- regions -- */

size_t vs_number_unwrap(const char *s, size_t begin, size_t end)
{
    static const char *const words[] = {"\\boxed{",  "\\fbox{",   "\\text{", "\\textbf{",
                                        "\\mathbf{", "\\mathrm{", "\\(",     "\\["};
    size_t i = begin;

    while (i < end) {
        const size_t n = starts_any(s, i, end, words, sizeof words / sizeof *words);
        if (n) {
            i += n;
        } else if (is_blank(s[i]) || (s[i] && strchr("*_`$=:{", s[i]))) {
            i++;
        } else {
            break;
        }
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
static vs_reading read_latex_fraction(vs_number *out, const char *s, size_t begin, size_t end)
{
    static const char *const words[] = {"\\frac{", "\\dfrac{", "\\tfrac{", "\\cfrac{"};
    const bool is_negative = begin < end && s[begin] == '-';
    const size_t first = begin + is_negative;
    char text[2 * VS_NUMBER_NORMAL_BYTES];
    size_t at = first, middle, close, len;

    for (size_t i = 0; i < sizeof words / sizeof *words && at == first; i++)
        if (end - first >= strlen(words[i]) && memcmp(s + first, words[i], strlen(words[i])) == 0)
            at += strlen(words[i]);
    if (at == first) return VS_READ_NOTHING;
    for (middle = at; middle < end && s[middle] != '}';) middle++;
    for (close = middle; close < end && (close <= middle + 1 || s[close] != '}');) close++;
    if (close == end || s[middle + 1] != '{' || close - at > sizeof text - 4)
        return VS_READ_AMBIGUOUS;
    len = (size_t)snprintf(text, sizeof text, "%s%.*s/%.*s", is_negative ? "-" : "",
                           (int)(middle - at), s + at, (int)(close - middle - 2), s + middle + 2);
    const vs_reading reading = vs_number_read(out, text, 0, len);
    if (reading == VS_READ_NUMBER && out->end != len) return VS_READ_AMBIGUOUS;
    out->begin = begin;
    out->end = close + 1;
    return reading;
}

vs_reading vs_number_region(vs_number *out, const char *s, size_t begin, size_t end)
{
    vs_number found = {0};
    vs_reading reading;
    size_t start;

    while (end > begin && is_blank(s[end - 1])) end--;
    while (begin < end && is_blank(s[begin])) begin++;
    *out = (vs_number){.begin = begin, .end = end};
    if (end - begin > VS_NUMBER_REGION_BYTES) return VS_READ_TOO_LONG;
    start = vs_number_unwrap(s, begin, end);
    /* A currency mark that unwrapping took is no part of the number; a sign before it still is. */
    reading = vs_number_read(&found, s, start, end);
    if (reading == VS_READ_NOTHING) reading = read_latex_fraction(&found, s, start, end);
    if (reading == VS_READ_NOTHING)
        return has_other_digit(s, begin, end) ? VS_READ_AMBIGUOUS : VS_READ_NOTHING;
    if (reading == VS_READ_NUMBER && has_other_digit(s, found.end, end)) return VS_READ_AMBIGUOUS;
    if (reading != VS_READ_AMBIGUOUS) *out = found;
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

vs_reading vs_number_last(vs_number *out, const char *s, size_t begin, size_t end)
{
    vs_reading reading = VS_READ_NOTHING;
    vs_number before = {0}; /* the last number ahead of the open bracket */
    bool is_on_line = false, in_aside = false;

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
        reading = vs_number_read(out, s, number_start(s, i, begin), end);
        i = out->end - 1;
        is_on_line = true;
        if (reading == VS_READ_NUMBER && in_aside && strcmp(out->normal, before.normal) != 0)
            reading = VS_READ_AMBIGUOUS;
    }
    if (reading != VS_READ_NUMBER) out->normal[0] = '\0';
    return reading;
}
