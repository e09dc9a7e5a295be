/* jinja_format.c - text % x and text.format(..): Python's %-codes and {}-fields, as far as templates use them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/model/jinja_value.h"

/* [[fill]align][sign][0][width][.precision][type] */
typedef struct spec {
    const char *fill;
    size_t fill_len;
    char align, sign, type; /* 0: not given */
    size_t width;
    int precision; /* -1: not given */
} spec;

enum { MAX_WIDTH = 1 << 16, MAX_PRECISION = 100 };

static size_t read_number(const char *text, size_t len, size_t *value)
{
    size_t i = 0;

    for (*value = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        if (*value <= MAX_WIDTH) *value = *value * 10 + (size_t)(text[i] - '0');
    return i;
}

static vs_status number_text(jinja *j, vs_buf *out, const spec *s, jinja_value v, vs_error *err)
{
    const bool is_whole = s->type == 'd' || s->type == 'i' || s->type == 'u' || s->type == 'x' ||
                          s->type == 'X' || s->type == 'o';
    int64_t i = 0;
    double x;

    if (!jinja_is_number(v))
        return jinja_fail(j, err, "format: found %s, expected a number for \"%c\"",
                          jinja_type_name(v), s->type);
    if (is_whole) {
        if (!jinja_as_integer(&i, v)) {
            if (!(fabs(v.x) < 9e18)) return jinja_fail(j, err, "format: an integer overflows");
            i = (int64_t)v.x;
        }
        const unsigned long long size =
            i < 0 ? 0ULL - (unsigned long long)i : (unsigned long long)i;
        vs_buf_str(out, i < 0 ? "-" : s->sign ? (char[]){s->sign, '\0'} : "");
        vs_buf_printf(out,
                      s->type == 'x'   ? "%llx"
                      : s->type == 'X' ? "%llX"
                      : s->type == 'o' ? "%llo"
                                       : "%llu",
                      size);
        return VS_OK;
    }
    x = jinja_number(v);
    const int precision = s->precision < 0 ? 6 : s->precision;
    if (s->sign && !signbit(x)) vs_buf_add(out, &s->sign, 1);
    if (s->type == '%') {
        vs_buf_printf(out, "%.*f%%", precision, x * 100.0);
        return VS_OK;
    }
    vs_buf_printf(out, s->type == 'e' ? "%.*e" : s->type == 'g' ? "%.*g" : "%.*f", precision, x);
    return VS_OK;
}

/* Appends `part` filled up to the width. */
static void add_padded(vs_buf *out, const spec *s, const vs_buf *part, bool is_number)
{
    const char *text = part->data ? part->data : "";
    const size_t n = (size_t)jinja_chars(text, part->len);
    const size_t room = s->width > n ? s->width - n : 0;
    const char align = s->align ? s->align : is_number ? '>' : '<';
    const size_t left = align == '<' || align == '=' ? 0 : align == '^' ? room / 2 : room;
    const size_t sign = align == '=' && part->len && strchr("+- ", *text) ? 1 : 0;

    vs_buf_add(out, text, sign);
    for (size_t i = 0; i < (align == '=' ? room : left); i++) vs_buf_add(out, s->fill, s->fill_len);
    vs_buf_add(out, text + sign, part->len - sign);
    for (size_t i = align == '=' ? room : left; i < room; i++)
        vs_buf_add(out, s->fill, s->fill_len);
}

static vs_status add_value(jinja *j, vs_buf *out, const spec *s, jinja_value v, vs_error *err)
{
    const bool is_number = s->type ? s->type != 's' && s->type != 'r' : jinja_is_number(v);
    vs_buf part = {0};
    vs_status st;

    if (s->type && is_number)
        VS_CHECK(number_text(j, &part, s, v, err));
    else if (s->type == 'r')
        VS_CHECK(jinja_repr(j, &part, v, err));
    else
        VS_CHECK(jinja_print(j, &part, v, err));
    if (!is_number && s->precision >= 0 && part.data)
        part.len = jinja_char_at(part.data, part.len, s->precision);
    add_padded(out, s, &part, is_number);
    st = vs_buf_ok(&part, j->where, err);
done:
    vs_buf_free(&part);
    return st;
}

static vs_status width_and_precision(jinja *j, spec *s, const char *text, size_t len, size_t *at,
                                     vs_error *err)
{
    size_t precision;

    *at += read_number(text + *at, len - *at, &s->width);
    if (*at < len && text[*at] == '.') {
        ++*at;
        *at += read_number(text + *at, len - *at, &precision);
        s->precision = (int)(precision < MAX_PRECISION ? precision : MAX_PRECISION + 1);
    }
    if (s->width > MAX_WIDTH || s->precision > MAX_PRECISION)
        return jinja_fail(j, err, "format: a width or precision too large");
    return VS_OK;
}

/* ---- % ---- */

typedef struct percent {
    jinja_value x; /* a tuple's items one after the other, a mapping's by name, or one value */
    size_t at;     /* values taken */
} percent;

static vs_status next_value(jinja *j, jinja_value *out, percent *p, vs_error *err)
{
    const size_t n = p->x.type == JINJA_TUPLE ? p->x.list->n : 1;

    if (p->at >= n) return jinja_fail(j, err, "\"%%\": more codes than values");
    *out = p->x.type == JINJA_TUPLE ? p->x.list->item[p->at] : p->x;
    p->at++;
    return VS_OK;
}

/* After "%": one code; *used: its bytes. */
static vs_status percent_code(jinja *j, vs_buf *out, percent *p, const char *text, size_t len,
                              size_t *used, vs_error *err)
{
    spec s = {.fill = " ", .fill_len = 1, .align = '>', .precision = -1};
    jinja_value v = {.type = JINJA_ABSENT};
    size_t at = 0;

    if (len && *text == '(') {
        const char *end = memchr(text, ')', len);
        if (!end || p->x.type != JINJA_MAP)
            return jinja_fail(j, err, "\"%%\": a code with a name, expected a mapping");
        VS_TRY(jinja_map_get(j, &v, p->x.map, jinja_text(text + 1, (size_t)(end - text) - 1), err));
        if (v.type == JINJA_ABSENT) return jinja_fail(j, err, "\"%%\": a name that is not there");
        at = (size_t)(end - text) + 1;
        p->at = 1;
    }
    for (; at < len && text[at] && strchr("-+ 0#", text[at]); at++) {
        if (text[at] == '-') s.align = '<';
        if (text[at] == '0' && s.align != '<') s.align = '=', s.fill = "0";
        if (text[at] == '+' || (text[at] == ' ' && !s.sign)) s.sign = text[at];
    }
    if (s.align == '<') s.fill = " ";
    VS_TRY(width_and_precision(j, &s, text, len, &at, err));
    s.type = at < len ? text[at] : 0;
    *used = at + 1;
    if (s.type == '%') {
        vs_buf_str(out, "%");
        return VS_OK;
    }
    if (!s.type || !strchr("srdiuxXofeg", s.type))
        return jinja_fail(
            j, err, "\"%%\": a code that is not supported, expected one of s r d i u x X o f e g");
    if (strchr("sr", s.type) && s.align == '=') s.align = '>', s.fill = " ";
    if (v.type == JINJA_ABSENT) VS_TRY(next_value(j, &v, p, err));
    return add_value(j, out, &s, v, err);
}

vs_status jinja_percent(jinja *j, jinja_value *out, jinja_value text, jinja_value x, vs_error *err)
{
    percent p = {.x = x};
    vs_buf made = {0};
    size_t used;
    vs_status st;

    if (text.is_safe) return jinja_fail(j, err, "\"%%\" on a safe text is not supported");
    for (size_t i = 0; i < text.len; i += used) {
        used = 1;
        if (text.text[i] != '%') {
            vs_buf_add(&made, text.text + i, 1);
            continue;
        }
        VS_CHECK(percent_code(j, &made, &p, text.text + i + 1, text.len - i - 1, &used, err));
        used++;
        VS_CHECK(jinja_step(j, 1, err));
        if (made.len > JINJA_MAX_OUTPUT) break;
    }
    if (x.type == JINJA_TUPLE ? p.at < x.list->n
                              : p.at == 0 && x.type != JINJA_MAP && x.type != JINJA_LIST) {
        st = jinja_fail(j, err, "\"%%\": more values than codes");
        goto done;
    }
    return jinja_take(j, out, &made, err);
done:
    vs_buf_free(&made);
    return st;
}

/* ---- {} ---- */

/* The value of a field: its number, its name, or the next one; then .name and [key] after it. */
static vs_status field_value(jinja *j, jinja_value *out, const jinja_args *args, size_t *next,
                             const char *text, size_t len, vs_error *err)
{
    size_t at = 0, number = 0;

    while (at < len && text[at] != '.' && text[at] != '[') at++;
    const size_t digits = read_number(text, at, &number);
    *out = (jinja_value){.type = JINJA_ABSENT};
    if (at == digits) {
        if (at == 0) number = (*next)++;
        if (number < args->n_pos) *out = args->item[number];
    } else {
        for (size_t i = args->n_pos; i < args->n; i++)
            if (args->key_len[i] == at && memcmp(args->key[i], text, at) == 0) *out = args->item[i];
    }
    if (out->type == JINJA_ABSENT) return jinja_fail(j, err, "format: a field without a value");
    while (at < len) {
        const bool is_dot = text[at++] == '.';
        const size_t begin = at;
        while (at < len && text[at] != ']' && (!is_dot || (text[at] != '.' && text[at] != '[')))
            at++;
        const bool is_index =
            !is_dot && at > begin && read_number(text + begin, at - begin, &number) == at - begin;
        const jinja_value key =
            is_index ? jinja_integer((int64_t)number) : jinja_text(text + begin, at - begin);
        VS_TRY(is_dot ? jinja_attr(j, out, *out, key, err) : jinja_item(j, out, *out, key, err));
        at += !is_dot;
    }
    return VS_OK;
}

static vs_status read_spec(jinja *j, spec *s, const char *text, size_t len, vs_error *err)
{
    const size_t first = len ? jinja_char_len(text, len) : 0;
    size_t at = 0;

    if (len > first && text[first] && strchr("<>^=", text[first])) {
        s->fill = text;
        s->fill_len = first;
        at = first;
    }
    if (at < len && text[at] && strchr("<>^=", text[at])) s->align = text[at++];
    if (at < len && text[at] && strchr("+- ", text[at])) {
        if (text[at] != '-') s->sign = text[at];
        at++;
    }
    if (at < len && text[at] == '0' && !s->align) {
        s->align = '=';
        s->fill = "0";
        s->fill_len = 1;
    }
    VS_TRY(width_and_precision(j, s, text, len, &at, err));
    if (at < len && text[at] && strchr("sdxXofeg%", text[at])) s->type = text[at++];
    return at == len ? VS_OK
                     : jinja_fail(j, err, "format: \"%.*s\" is not supported",
                                  (int)(len < 40 ? len : 40), text);
}

/* After "{": NAME[!s or !r][:SPEC] and "}". */
static vs_status field(jinja *j, vs_buf *out, const jinja_args *args, size_t *next,
                       const char *text, size_t len, size_t *used, vs_error *err)
{
    const char *end = memchr(text, '}', len);
    const size_t n = end ? (size_t)(end - text) : len;
    spec s = {.fill = " ", .fill_len = 1, .precision = -1};
    jinja_value v;
    size_t name = 0;

    if (!end || memchr(text, '{', n))
        return jinja_fail(j, err, "format: a field that does not end");
    while (name < n && text[name] != '!' && text[name] != ':') name++;
    VS_TRY(field_value(j, &v, args, next, text, name, err));
    *used = n + 1;
    if (name + 1 < n && text[name] == '!') {
        s.type = text[name + 1];
        if (s.type != 's' && s.type != 'r')
            return jinja_fail(j, err, "format: \"!%c\" is not supported", s.type);
        name += 2;
    }
    if (name < n && text[name] == ':') VS_TRY(read_spec(j, &s, text + name + 1, n - name - 1, err));
    return add_value(j, out, &s, v, err);
}

vs_status jinja_text_format(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x, values;
    vs_buf made = {0};
    size_t used, next = 0;
    vs_status st;

    VS_TRY(jinja_str(j, &x, in->self, err));
    if (in->row->how == '%') { /* the filter: names if there are any, else values by position */
        const bool by_name = in->args->n > in->args->n_pos;
        VS_TRY(by_name ? jinja_map_new(j, &values, JINJA_MAP, err)
                       : jinja_list_new(j, &values, JINJA_TUPLE, err));
        for (size_t i = 0; i < in->args->n; i++)
            VS_TRY(by_name ? jinja_map_set(j, values.map,
                                           jinja_text(in->args->key[i], in->args->key_len[i]),
                                           in->args->item[i], err)
                           : jinja_list_add(j, values, in->args->item[i], err));
        return jinja_percent(j, out, x, values, err);
    }
    for (size_t i = 0; i < x.len && made.len <= JINJA_MAX_OUTPUT; i += used) {
        const char c = x.text[i];
        used = 1;
        if ((c == '{' || c == '}') && i + 1 < x.len && x.text[i + 1] == c) {
            vs_buf_add(&made, &c, 1);
            used = 2;
        } else if (c == '{') {
            VS_CHECK(jinja_step(j, 1, err));
            VS_CHECK(field(j, &made, in->args, &next, x.text + i + 1, x.len - i - 1, &used, err));
            used++;
        } else if (c == '}') {
            st = jinja_fail(j, err, "format: a \"}\" alone");
            goto done;
        } else {
            vs_buf_add(&made, &c, 1);
        }
    }
    return jinja_take(j, out, &made, err);
done:
    vs_buf_free(&made);
    return st;
}
