#include "flow/labels/number.h"

#include <string.h>

#include "flow/labels/find.h"
#include "flow/labels/number_region.h"

typedef number_wide wide;
typedef number_ratio ratio;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digit_at(const char *s, size_t i, size_t len)
{
    return i < len && is_digit(s[i]);
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

static void reduce(ratio *r)
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

void number_text(char *to, const ratio *r)
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
    reduce(a);
    reduce(&b);
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
    *is_negative = s[i] == '-' || find_here(s, i, len, "\xe2\x88\x92");
    if (s[i] == '-' || s[i] == '+') return 1;
    return *is_negative ? 3 : 0;
}

size_t number_currency(const char *s, size_t i, size_t len)
{
    /* dollar, LaTeX dollar, euro, pound, yen, rupee */
    static const char *const marks[] = {"$",        "\\$",      "\xe2\x82\xac",
                                        "\xc2\xa3", "\xc2\xa5", "\xe2\x82\xb9"};

    return find_any(s, i, len, marks, sizeof marks / sizeof *marks);
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

vs_reading number_value(ratio *value, vs_number *out, const char *s, size_t begin, size_t len)
{
    cursor c = {.s = s, .at = begin, .len = len};
    bool is_negative = false, is_malformed;
    size_t n_sign, first;
    ratio r;

    n_sign = sign_at(&is_negative, s, c.at, len);
    c.at += n_sign;
    c.at += number_currency(s, c.at, len);
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
    reduce(&r);
    number_text(out->normal, &r);
    *value = r;
    return VS_READ_NUMBER;
}

vs_reading vs_number_read(vs_number *out, const char *s, size_t begin, size_t len)
{
    ratio ignored;

    return number_value(&ignored, out, s, begin, len);
}

bool number_scale(ratio *r, uint64_t num, uint64_t den)
{
    ratio scaled = *r;

    if (!wide_mul(&scaled.num, num) || !wide_mul(&scaled.den, den)) return false;
    reduce(&scaled);
    *r = scaled;
    return true;
}

bool number_add(ratio *r, uint64_t num, uint64_t den)
{
    wide more = r->den;
    ratio sum = *r;

    if (!wide_mul(&more, num) || !wide_mul(&sum.num, den) || !wide_mul(&sum.den, den) ||
        __builtin_add_overflow(sum.num, more, &sum.num))
        return false;
    reduce(&sum);
    *r = sum;
    return true;
}
