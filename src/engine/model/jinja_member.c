/* jinja_member.c - x.name, x[key], x[from:to:step]. As in jinja2, a name after a dot is first a method, then a key; in brackets it is
 * first a key. A member that does not exist is undefined; only members of something undefined are an error. */
#include <limits.h>
#include <string.h>

#include "engine/model/jinja_value.h"

static vs_status undefined_error(jinja *j, jinja_value x, vs_error *err)
{
    return jinja_fail(j, err, "\"%.*s\" is undefined", (int)(x.len < 60 ? x.len : 60), x.text);
}

/* A method of x's type; ABSENT: it has none of that name. */
static vs_status find_method(jinja *j, jinja_value *out, jinja_value x, jinja_value name,
                             vs_error *err)
{
    const jinja_builtin *table = x.type == JINJA_TEXT     ? jinja_text_methods
                                 : x.type == JINJA_MAP    ? jinja_map_methods
                                 : x.type == JINJA_LOOP   ? jinja_loop_methods
                                 : x.type == JINJA_CYCLER ? jinja_cycler_methods
                                 : x.type == JINJA_LIST || x.type == JINJA_TUPLE
                                     ? jinja_list_methods
                                     : NULL;
    const jinja_builtin *row = table ? jinja_find(table, name.text, name.len) : NULL;

    *out = (jinja_value){.type = JINJA_ABSENT};
    if (!row) return VS_OK;
    out->type = JINJA_METHOD;
    VS_TRY(jinja_alloc(j, &out->method, 1, sizeof *out->method, err));
    *out->method = (jinja_method){x, row};
    return VS_OK;
}

static jinja_value loop_attr(const jinja_loop *l, jinja_value name)
{
    const struct {
        const char *name;
        size_t value;
    } counts[] = {
        {"index", l->i + 1},
        {"index0", l->i},
        {"length", l->n},
        {"depth", l->depth + 1},
        {"depth0", l->depth},
        {"revindex", l->n - l->i},
        {"revindex0", l->n - l->i - 1},
    };

    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        if (jinja_is(name.text, name.len, counts[k].name))
            return jinja_integer((int64_t)counts[k].value);
    if (jinja_is(name.text, name.len, "first")) return jinja_bool(l->i == 0);
    if (jinja_is(name.text, name.len, "last")) return jinja_bool(l->i + 1 == l->n);
    if (jinja_is(name.text, name.len, "previtem") && l->i > 0) return l->item[l->i - 1];
    if (jinja_is(name.text, name.len, "nextitem") && l->i + 1 < l->n) return l->item[l->i + 1];
    return jinja_undefined(name.text, name.len);
}

static vs_status key_of(jinja *j, jinja_value *out, jinja_value x, jinja_value key, vs_error *err)
{
    int64_t i;

    *out = (jinja_value){.type = JINJA_ABSENT};
    if (x.type == JINJA_MAP && (key.type < JINJA_LIST || key.type == JINJA_TUPLE))
        return jinja_map_get(j, out, x.map, key, err);
    if (!jinja_is_sequence(x) || !jinja_as_integer(&i, key)) return VS_OK;
    const int64_t n = jinja_length(x);
    if (i < 0) i += n;
    if (i < 0 || i >= n) return VS_OK;
    if (x.type != JINJA_TEXT) {
        *out = x.list->item[i];
        return VS_OK;
    }
    const size_t at = jinja_char_at(x.text, x.len, i);
    *out = jinja_text(x.text + at, jinja_char_len(x.text + at, x.len - at));
    return jinja_step(j, x.len / 64, err);
}

static vs_status attr_of(jinja *j, jinja_value *out, jinja_value x, jinja_value name, vs_error *err)
{
    const jinja_value *found = NULL;

    VS_TRY(find_method(j, out, x, name, err));
    if (out->type != JINJA_ABSENT) return VS_OK;
    if (x.type == JINJA_LOOP) *out = loop_attr(x.loop, name);
    if (x.type == JINJA_NAMESPACE) found = jinja_map_find(x.map, name.text, name.len);
    if (x.type == JINJA_CYCLER && jinja_is(name.text, name.len, "current") && x.list->n)
        found = &x.list->item[x.list->at % x.list->n];
    if (x.type == JINJA_MACRO && jinja_is(name.text, name.len, "name"))
        *out = jinja_text(x.macro->node->text, x.macro->node->len);
    if (found) *out = *found;
    return VS_OK;
}

/* An object without a name in the template goes by the member's. */
static void or_undefined(jinja_value *out, jinja_value key)
{
    if (out->type != JINJA_ABSENT) return;
    *out = key.type == JINJA_TEXT ? jinja_undefined(key.text, key.len)
                                  : jinja_undefined("an item", strlen("an item"));
}

vs_status jinja_attr(jinja *j, jinja_value *out, jinja_value x, jinja_value name, vs_error *err)
{
    if (x.type == JINJA_UNDEFINED) return undefined_error(j, x, err);
    VS_TRY(attr_of(j, out, x, name, err));
    if (out->type == JINJA_ABSENT) VS_TRY(key_of(j, out, x, name, err));
    or_undefined(out, name);
    return VS_OK;
}

vs_status jinja_item(jinja *j, jinja_value *out, jinja_value x, jinja_value key, vs_error *err)
{
    if (x.type == JINJA_UNDEFINED) return undefined_error(j, x, err);
    VS_TRY(key_of(j, out, x, key, err));
    if (out->type == JINJA_ABSENT && key.type == JINJA_TEXT) VS_TRY(attr_of(j, out, x, key, err));
    or_undefined(out, key);
    return VS_OK;
}

/* A bound as Python places it: from the end when negative, then into [low, high]. */
static bool place(int64_t *out, jinja_value bound, int64_t n, int64_t low, int64_t high,
                  int64_t when_none)
{
    *out = when_none;
    if (bound.type == JINJA_NONE) return true;
    if (!jinja_as_integer(out, bound)) return false;
    if (*out < 0) *out += n;
    if (*out < low) *out = low;
    if (*out > high) *out = high;
    return true;
}

static vs_status slice_text(jinja *j, jinja_value *out, jinja_value x, int64_t from, int64_t step,
                            int64_t count, vs_error *err)
{
    const jinja_value *item;
    vs_buf text = {0};
    size_t n;

    if (step == 1) { /* a part of the text itself */
        const size_t a = jinja_char_at(x.text, x.len, from);
        *out = jinja_text(x.text + a, jinja_char_at(x.text + a, x.len - a, count));
        return jinja_step(j, x.len / 64, err);
    }
    VS_TRY(jinja_items(j, &item, &n, x, err));
    for (int64_t i = 0; i < count; i++)
        vs_buf_add(&text, item[from + i * step].text, item[from + i * step].len);
    return jinja_take(j, out, &text, err);
}

vs_status jinja_slice(jinja *j, jinja_value *out, jinja_value x, const jinja_value bound[3],
                      vs_error *err)
{
    const int64_t n = jinja_length(x);
    int64_t step = 1, from, to, count;

    if (x.type == JINJA_UNDEFINED) return undefined_error(j, x, err);
    if (!jinja_is_sequence(x)) return jinja_fail(j, err, "a slice of %s", jinja_type_name(x));
    if (bound[2].type != JINJA_NONE && !jinja_as_integer(&step, bound[2])) step = 0;
    if (step > n + 1) step = n + 1; /* passes the end in any case */
    if (step < -n - 1) step = -n - 1;
    const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    if (step == 0 || !place(&from, bound[0], n, low, high, step < 0 ? high : low) ||
        !place(&to, bound[1], n, low, high, step < 0 ? low : high))
        return jinja_fail(j, err, "a slice, expected integers and a step that is not 0");
    count = step > 0 ? (to - from + step - 1) / step : (from - to - step - 1) / -step;
    if (count < 0) count = 0;
    if (x.type == JINJA_TEXT) return slice_text(j, out, x, from, step, count, err);
    VS_TRY(jinja_list_new(j, out, x.type == JINJA_TUPLE ? JINJA_TUPLE : JINJA_LIST, err));
    for (int64_t i = 0; i < count; i++)
        VS_TRY(jinja_list_add(j, *out, x.list->item[from + i * step], err));
    return VS_OK;
}
