/* jinja_print.c - values as {{ }} prints them: Python's str, and inside of lists its repr. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_value.h"

/* Python's repr of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
static void print_real(vs_buf *out, double x)
{
    char text[40], digits[24];
    int n = 0, exponent, precision = 0;

    if (!isfinite(x)) {
        vs_buf_str(out, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
        return;
    }
    do snprintf(text, sizeof text, "%.*e", precision, x);
    while (strtod(text, NULL) != x && ++precision < 17);
    exponent = atoi(strchr(text, 'e') + 1);
    for (const char *c = text; *c != 'e'; c++)
        if (*c >= '0' && *c <= '9') digits[n++] = *c;
    while (n > 1 && digits[n - 1] == '0') n--;
    if (signbit(x)) vs_buf_str(out, "-");
    if (exponent < -4 || exponent >= 16) {
        vs_buf_add(out, digits, 1);
        if (n > 1) vs_buf_str(out, ".");
        vs_buf_add(out, digits + 1, (size_t)(n - 1));
        vs_buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    if (exponent < 0) vs_buf_printf(out, "0.%.*s", -exponent - 1, "000");
    for (int i = 0; i < n || i <= exponent; i++) {
        vs_buf_add(out, i < n ? &digits[i] : "0", 1);
        if (i == exponent) vs_buf_str(out, ".");
    }
    if (exponent >= 0 && n <= exponent + 1) vs_buf_str(out, "0");
}

/* In single quotes, or in double ones when only those are not inside. */
static void repr_text(vs_buf *out, const char *text, size_t len)
{
    static const char shorts[] = "\\\\\nn\rr\tt";
    const char quote = memchr(text, '\'', len) && !memchr(text, '"', len) ? '"' : '\'';

    vs_buf_add(out, &quote, 1);
    for (size_t i = 0, n; i < len; i += n) {
        const char *at = memchr(shorts, text[i], sizeof shorts - 1);
        const size_t k = at ? (size_t)(at - shorts) : 1;
        int32_t c;

        n = jinja_char_code(&c, text + i, len - i);
        if (text[i] == quote)
            vs_buf_printf(out, "\\%c", quote);
        else if (k % 2 == 0)
            vs_buf_printf(out, "\\%c", shorts[k + 1]);
        else if (jinja_is_printable(c))
            vs_buf_add(out, text + i, n);
        else
            vs_buf_printf(out,
                          c < 0x100     ? "\\x%02x"
                          : c < 0x10000 ? "\\u%04x"
                                        : "\\U%08x",
                          (unsigned)c);
    }
    vs_buf_add(out, &quote, 1);
}

static vs_status repr_list(jinja *j, vs_buf *out, jinja_value v, vs_error *err)
{
    const bool is_tuple = v.type == JINJA_TUPLE;

    vs_buf_str(out, is_tuple ? "(" : "[");
    for (size_t i = 0; i < v.list->n; i++) {
        if (i) vs_buf_str(out, ", ");
        VS_TRY(jinja_repr(j, out, v.list->item[i], err));
    }
    vs_buf_str(out, is_tuple ? v.list->n == 1 ? ",)" : ")" : "]");
    return VS_OK;
}

static vs_status repr_map(jinja *j, vs_buf *out, jinja_value v, vs_error *err)
{
    vs_buf_str(out, "{");
    for (size_t i = 0; i < v.map->n; i++) {
        if (i) vs_buf_str(out, ", ");
        VS_TRY(jinja_repr(j, out, v.map->pair[i].key, err));
        vs_buf_str(out, ": ");
        VS_TRY(jinja_repr(j, out, v.map->pair[i].value, err));
    }
    vs_buf_str(out, "}");
    return VS_OK;
}

static vs_status repr_more(jinja *j, vs_buf *out, jinja_value v, vs_error *err)
{
    switch (v.type) {
    case JINJA_LIST:
    case JINJA_TUPLE:
        return repr_list(j, out, v, err);
    case JINJA_RANGE:
        vs_buf_str(out, v.list->label);
        return VS_OK;
    case JINJA_VIEW:
        vs_buf_printf(out, "%s(", v.list->label);
        v.type = JINJA_LIST;
        VS_TRY(repr_list(j, out, v, err));
        vs_buf_str(out, ")");
        return VS_OK;
    case JINJA_MAP:
        return repr_map(j, out, v, err);
    case JINJA_NAMESPACE:
        vs_buf_str(out, "<Namespace ");
        VS_TRY(repr_map(j, out, v, err));
        vs_buf_str(out, ">");
        return VS_OK;
    case JINJA_MACRO:
        vs_buf_str(out, "<Macro ");
        repr_text(out, v.macro->node->text, v.macro->node->len);
        vs_buf_str(out, ">");
        return VS_OK;
    default:
        return jinja_fail(j, err, "printing %s is not supported%s", jinja_type_name(v),
                          v.type == JINJA_ITERATOR ? " (the filter list makes a list of it)" : "");
    }
}

vs_status jinja_repr(jinja *j, vs_buf *out, jinja_value v, vs_error *err)
{
    if (out->len > JINJA_MAX_OUTPUT || ++j->depth > JINJA_MAX_DEPTH)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: printing more than %d bytes, or %d values deep",
                       j->where, j->line, (int)JINJA_MAX_OUTPUT, (int)JINJA_MAX_DEPTH);
    VS_TRY(jinja_step(j, 1, err));
    switch (v.type) {
    case JINJA_TEXT:
        repr_text(out, v.text, v.len);
        break;
    case JINJA_ABSENT:
    case JINJA_UNDEFINED:
        vs_buf_str(out, "Undefined");
        break;
    case JINJA_NONE:
        vs_buf_str(out, "None");
        break;
    case JINJA_BOOL:
        vs_buf_str(out, v.yes ? "True" : "False");
        break;
    case JINJA_INTEGER:
        vs_buf_printf(out, "%lld", (long long)v.i);
        break;
    case JINJA_REAL:
        print_real(out, v.x);
        break;
    default:
        VS_TRY(repr_more(j, out, v, err));
    }
    j->depth--;
    return VS_OK;
}

vs_status jinja_print(jinja *j, vs_buf *out, jinja_value v, vs_error *err)
{
    if (v.type == JINJA_UNDEFINED || v.type == JINJA_ABSENT) return VS_OK;
    if (v.type != JINJA_TEXT) return jinja_repr(j, out, v, err);
    vs_buf_add(out, v.text, v.len);
    return jinja_step(j, v.len / 64, err);
}

vs_status jinja_str(jinja *j, jinja_value *out, jinja_value v, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    if (v.type == JINJA_TEXT) {
        *out = v;
        return VS_OK;
    }
    st = jinja_print(j, &text, v, err);
    if (st == VS_OK) return jinja_take(j, out, &text, err);
    vs_buf_free(&text);
    return st;
}
