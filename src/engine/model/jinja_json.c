/* jinja_json.c - tojson as transformers sets it: Python's json.dumps(x, ensure_ascii=False, indent=.., separators=.., sort_keys=..). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_value.h"

typedef struct style {
    jinja_value indent; /* a text for each level; none: all on one line */
    jinja_value comma, colon;
    bool is_ascii, is_sorted;
} style;

static void add_text(vs_buf *out, const char *text, size_t len, bool is_ascii)
{
    static const char shorts[] = "\"\"\\\\\nn\rr\tt\bb\ff";

    vs_buf_str(out, "\"");
    for (size_t i = 0, n; i < len; i += n) {
        const char *named = NULL;
        int32_t c;

        n = jinja_char_code(&c, text + i, len - i);
        for (size_t k = 0; k + 1 < sizeof shorts; k += 2)
            if (shorts[k] == text[i]) named = &shorts[k + 1];
        if (named)
            vs_buf_printf(out, "\\%c", *named);
        else if (c < 0x20 || (is_ascii && c >= 0x7F && c < 0x10000))
            vs_buf_printf(out, "\\u%04x", (unsigned)c);
        else if (is_ascii && c >= 0x10000)
            vs_buf_printf(out, "\\u%04x\\u%04x", 0xD800u + (unsigned)((c - 0x10000) >> 10),
                          0xDC00u + (unsigned)((c - 0x10000) & 0x3FF));
        else
            vs_buf_add(out, text + i, n);
    }
    vs_buf_str(out, "\"");
}

static void add_break(vs_buf *out, const style *s, size_t depth)
{
    if (s->indent.type != JINJA_TEXT) return;
    vs_buf_str(out, "\n");
    for (size_t i = 0; i < depth && out->len <= JINJA_MAX_OUTPUT; i++)
        vs_buf_add(out, s->indent.text, s->indent.len);
}

static vs_status add_value(jinja *j, vs_buf *out, jinja_value v, const style *s, size_t depth,
                           vs_error *err);

/* Numbers, booleans and none may be keys; they become texts. */
static vs_status add_key(jinja *j, vs_buf *out, jinja_value key, const style *s, vs_error *err)
{
    const bool is_text = key.type == JINJA_TEXT;

    if (!is_text && key.type != JINJA_NONE && !jinja_is_number(key))
        return jinja_fail(j, err, "tojson: %s as a key", jinja_type_name(key));
    if (!is_text) vs_buf_str(out, "\"");
    VS_TRY(add_value(j, out, key, s, 0, err));
    if (!is_text) vs_buf_str(out, "\"");
    return VS_OK;
}

/* The pairs by key, as Python sorts them. */
static vs_status sorted_pairs(jinja *j, jinja_pair **out, const jinja_map *map, vs_error *err)
{
    int sign = 0;

    VS_TRY(jinja_alloc(j, out, map->n + 1, sizeof **out, err));
    for (size_t i = 0; i < map->n; i++) {
        size_t at = i;
        while (at > 0) {
            VS_TRY(jinja_order(j, &sign, map->pair[i].key, (*out)[at - 1].key, "<", err));
            if (sign >= 0) break;
            (*out)[at] = (*out)[at - 1];
            at--;
        }
        (*out)[at] = map->pair[i];
    }
    return VS_OK;
}

static vs_status add_many(jinja *j, vs_buf *out, jinja_value v, const style *s, size_t depth,
                          vs_error *err)
{
    const bool is_map = v.type == JINJA_MAP;
    const size_t n = is_map ? v.map->n : v.list->n;
    jinja_pair *pair = is_map ? v.map->pair : NULL;

    if (is_map && s->is_sorted) VS_TRY(sorted_pairs(j, &pair, v.map, err));
    vs_buf_str(out, is_map ? "{" : "[");
    for (size_t i = 0; i < n; i++) {
        if (i) vs_buf_add(out, s->comma.text, s->comma.len);
        add_break(out, s, depth + 1);
        if (is_map) {
            VS_TRY(add_key(j, out, pair[i].key, s, err));
            vs_buf_add(out, s->colon.text, s->colon.len);
        }
        VS_TRY(add_value(j, out, is_map ? pair[i].value : v.list->item[i], s, depth + 1, err));
    }
    if (n) add_break(out, s, depth);
    vs_buf_str(out, is_map ? "}" : "]");
    return VS_OK;
}

static vs_status add_value(jinja *j, vs_buf *out, jinja_value v, const style *s, size_t depth,
                           vs_error *err)
{
    if (depth > JINJA_MAX_DEPTH || out->len > JINJA_MAX_OUTPUT)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: tojson of more than %d bytes", j->where, j->line,
                       (int)JINJA_MAX_OUTPUT);
    VS_TRY(jinja_step(j, 1, err));
    if (v.type == JINJA_MAP || v.type == JINJA_LIST || v.type == JINJA_TUPLE)
        return add_many(j, out, v, s, depth, err);
    if (v.type == JINJA_TEXT)
        add_text(out, v.text, v.len, s->is_ascii);
    else if (v.type == JINJA_BOOL)
        vs_buf_str(out, v.yes ? "true" : "false");
    else if (v.type == JINJA_NONE)
        vs_buf_str(out, "null");
    else if (v.type == JINJA_REAL && !isfinite(v.x))
        vs_buf_str(out, isnan(v.x) ? "NaN" : v.x < 0 ? "-Infinity" : "Infinity");
    else if (jinja_is_number(v))
        return jinja_repr(j, out, v, err);
    else
        return jinja_fail(j, err, "tojson of %s", jinja_type_name(v));
    return VS_OK;
}

static vs_status set_indent(jinja *j, style *s, jinja_value indent, vs_error *err)
{
    vs_buf spaces = {0};
    int64_t n;

    if (indent.type == JINJA_ABSENT || indent.type == JINJA_NONE) return VS_OK;
    s->indent = indent;
    if (indent.type != JINJA_TEXT) {
        if (!jinja_as_integer(&n, indent))
            return jinja_fail(j, err, "tojson: indent is %s, expected an integer or a string",
                              jinja_type_name(indent));
        for (int64_t i = 0; i < n && i <= JINJA_MAX_OUTPUT; i++) vs_buf_str(&spaces, " ");
        VS_TRY(jinja_take(j, &s->indent, &spaces, err));
    }
    s->comma = jinja_text(",", 1);
    return VS_OK;
}

vs_status jinja_tojson(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    style s = {.comma = jinja_text(", ", 2),
               .colon = jinja_text(": ", 2),
               .is_ascii = jinja_is_true(in->a[0]),
               .is_sorted = jinja_is_true(in->a[3])};
    const jinja_value *part;
    vs_buf text = {0};
    size_t n;
    vs_status st;

    VS_TRY(set_indent(j, &s, in->a[1], err));
    if (in->a[2].type != JINJA_ABSENT && in->a[2].type != JINJA_NONE) {
        VS_TRY(jinja_items(j, &part, &n, in->a[2], err));
        if (n != 2 || part[0].type != JINJA_TEXT || part[1].type != JINJA_TEXT)
            return jinja_fail(j, err, "tojson: separators, expected two strings");
        s.comma = part[0];
        s.colon = part[1];
    }
    VS_CHECK(add_value(j, &text, in->self, &s, 0, err));
    return jinja_take(j, out, &text, err);
done:
    vs_buf_free(&text);
    return st;
}
