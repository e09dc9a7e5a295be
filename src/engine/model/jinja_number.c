/* jinja_number.c - filters that make numbers, as Python's int(), float(), abs() and round(). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_value.h"

/* What Python's int() and float() read: white space around, underscores between digits. */
static bool read_real(double *out, jinja_value text)
{
    char copy[64], *end;
    size_t n = 0;

    while (text.len && jinja_space_len(text.text, text.len)) text.text++, text.len--;
    while (text.len && jinja_space_len(text.text + text.len - 1, 1)) text.len--;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.text[i];
        if (n + 1 == sizeof copy || c == 'x' || c == 'X' || c == 'p' || c == '(') return false;
        if (c != '_') copy[n++] = c;
    }
    copy[n] = '\0';
    *out = strtod(copy, &end);
    return n > 0 && *end == '\0';
}

static bool read_integer(int64_t *out, jinja_value text, int64_t base)
{
    char copy[80], *end;
    size_t n = 0, from = 0;

    while (from < text.len && jinja_space_len(text.text + from, 1)) from++;
    while (text.len > from && jinja_space_len(text.text + text.len - 1, 1)) text.len--;
    for (size_t i = from; i < text.len && n + 1 < sizeof copy; i++)
        if (text.text[i] != '_') copy[n++] = text.text[i];
    copy[n] = '\0';
    if (n == 0 || n != text.len - from - (size_t)(memchr(text.text, '_', text.len) != NULL) ||
        (copy[0] != '-' && copy[0] != '+' && jinja_space_len(copy, 1)))
        return false;
    errno = 0;
    *out = strtoll(copy, &end, (int)base);
    return errno == 0 && *end == '\0';
}

static vs_status to_integer(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value v = in->self;
    int64_t i, base = 10;
    double x = 0;

    if (v.type == JINJA_UNDEFINED)
        return jinja_fail(j, err, "\"%.*s\" is undefined", (int)(v.len < 60 ? v.len : 60), v.text);
    if (in->a[1].type != JINJA_ABSENT &&
        (!jinja_as_integer(&base, in->a[1]) || base < 2 || base > 36))
        return jinja_fail(j, err, "int: a base, expected 2 to 36");
    *out = in->a[0].type == JINJA_ABSENT ? jinja_integer(0) : in->a[0];
    if (jinja_as_integer(&i, v) || (v.type == JINJA_TEXT && read_integer(&i, v, base)))
        *out = jinja_integer(i);
    else if (v.type == JINJA_REAL ? (x = v.x, true) : v.type == JINJA_TEXT && read_real(&x, v)) {
        if (!(fabs(x) < 9.2e18)) {
            if (isfinite(x)) return jinja_fail(j, err, "int: an integer overflows");
            return VS_OK;
        }
        *out = jinja_integer((int64_t)x);
    }
    return VS_OK;
}

static vs_status to_real(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value v = in->self;
    double x;

    if (v.type == JINJA_UNDEFINED)
        return jinja_fail(j, err, "\"%.*s\" is undefined", (int)(v.len < 60 ? v.len : 60), v.text);
    *out = in->a[0].type == JINJA_ABSENT ? jinja_real(0.0) : in->a[0];
    if (jinja_is_number(v)) *out = jinja_real(jinja_number(v));
    if (v.type == JINJA_TEXT && read_real(&x, v)) *out = jinja_real(x);
    return VS_OK;
}

static vs_status absolute(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    int64_t i;

    if (in->self.type == JINJA_REAL) {
        *out = jinja_real(fabs(in->self.x));
        return VS_OK;
    }
    if (!jinja_as_integer(&i, in->self) || i == INT64_MIN)
        return jinja_fail(j, err, "abs of %s", jinja_type_name(in->self));
    *out = jinja_integer(i < 0 ? -i : i);
    return VS_OK;
}

static vs_status round_number(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value method = in->a[1];
    const double x = jinja_is_number(in->self) ? jinja_number(in->self) : 0;
    int64_t digits = 0, i;
    char text[512];

    if (!jinja_is_number(in->self) ||
        (in->a[0].type != JINJA_ABSENT && !jinja_as_integer(&digits, in->a[0])) || digits < 0 ||
        digits > 100)
        return jinja_fail(j, err, "round: expected a number and 0 to 100 digits");
    if (method.type == JINJA_ABSENT ||
        (method.type == JINJA_TEXT && jinja_is(method.text, method.len, "common"))) {
        *out = in->self;
        if (jinja_as_integer(&i, in->self)) {
            *out = jinja_integer(i);
            return VS_OK;
        }
        snprintf(text, sizeof text, "%.*f", (int)digits, x);
        *out = jinja_real(strtod(text, NULL));
        return VS_OK;
    }
    const double scale = pow(10.0, (double)digits);
    if (method.type != JINJA_TEXT ||
        (!jinja_is(method.text, method.len, "ceil") && !jinja_is(method.text, method.len, "floor")))
        return jinja_fail(j, err, "round: expected the method common, ceil or floor");
    *out = jinja_real((*method.text == 'c' ? ceil(x * scale) : floor(x * scale)) / scale);
    return VS_OK;
}

const jinja_builtin jinja_number_filters[] = {
    {"int", "default? base?", to_integer, 0},
    {"float", "default?", to_real, 0},
    {"abs", "", absolute, 0},
    {"round", "precision? method?", round_number, 0},
    {0},
};
