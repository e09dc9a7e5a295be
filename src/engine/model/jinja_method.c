/* jinja_method.c - methods of mappings, lists, loops and cyclers, and the functions that every template has. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/model/jinja_value.h"

enum { KEYS = 1, VALUES = 2, ITEMS = KEYS | VALUES };

static vs_status view(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_map *map = in->self.map;
    const int how = in->row->how;
    jinja_value item;

    VS_TRY(jinja_list_new(j, out, JINJA_VIEW, err));
    out->list->label = how == ITEMS ? "dict_items" : how == KEYS ? "dict_keys" : "dict_values";
    for (size_t i = 0; i < map->n; i++) {
        item = how == KEYS ? map->pair[i].key : map->pair[i].value;
        if (how == ITEMS)
            VS_TRY(jinja_pair_new(j, &item, map->pair[i].key, map->pair[i].value, err));
        VS_TRY(jinja_list_add(j, *out, item, err));
    }
    return VS_OK;
}

static vs_status get(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    VS_TRY(jinja_map_get(j, out, in->self.map, in->a[0], err));
    if (out->type == JINJA_ABSENT) *out = in->a[1];
    if (out->type == JINJA_ABSENT) out->type = JINJA_NONE;
    return VS_OK;
}

static vs_status copy(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    (void)j;
    (void)err;
    *out = in->self; /* values do not change */
    return VS_OK;
}

static vs_status find(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_list *list = in->self.list;
    int64_t n = 0;
    bool same;

    for (size_t i = 0; i < list->n; i++) {
        VS_TRY(jinja_equal(j, &same, list->item[i], in->a[0], err));
        n += same;
        if (!same || in->row->how == 0) continue;
        *out = jinja_integer((int64_t)i);
        return VS_OK;
    }
    *out = jinja_integer(n);
    return in->row->how == 0 ? VS_OK : jinja_fail(j, err, "index: the value is not in the list");
}

/* loop.cycle(..) */
static vs_status cycle(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    if (in->args->n == 0 || in->args->n != in->args->n_pos)
        return jinja_fail(j, err, "cycle: expected values");
    *out = in->args->item[in->self.loop->i % in->args->n];
    return VS_OK;
}

/* loop.changed(..): other values than at the last call */
static vs_status changed(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_loop *loop = in->self.loop;
    jinja_value now;
    bool same = false;

    VS_TRY(jinja_list_new(j, &now, JINJA_TUPLE, err));
    for (size_t i = 0; i < in->args->n; i++) VS_TRY(jinja_list_add(j, now, in->args->item[i], err));
    if (loop->has_changed) VS_TRY(jinja_equal(j, &same, now, loop->seen, err));
    loop->has_changed = true;
    loop->seen = now;
    *out = jinja_bool(!same);
    return VS_OK;
}

static vs_status cycler_move(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_list *list = in->self.list;

    (void)j;
    (void)err;
    *out = (jinja_value){.type = JINJA_NONE};
    if (in->row->how) *out = list->item[list->at % list->n];
    list->at = in->row->how ? (list->at + 1) % list->n : 0;
    return VS_OK;
}

/* ---- functions ---- */

static vs_status range(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool has_one = in->a[1].type == JINJA_ABSENT;
    int64_t from = 0, to, step = 1;
    char *label;

    if (!jinja_as_integer(&to, in->a[has_one ? 0 : 1]) ||
        (!has_one && !jinja_as_integer(&from, in->a[0])) ||
        (in->a[2].type != JINJA_ABSENT && !jinja_as_integer(&step, in->a[2])) || step == 0)
        return jinja_fail(j, err,
                          "range: expected one to three integers, and a step that is not 0");
    VS_TRY(jinja_list_new(j, out, JINJA_RANGE, err));
    VS_TRY(jinja_alloc(j, &label, 80, 1, err));
    snprintf(label, 80, step == 1 ? "range(%lld, %lld)" : "range(%lld, %lld, %lld)",
             (long long)from, (long long)to, (long long)step);
    out->list->label = label;
    for (int64_t i = from; step > 0 ? i < to : i > to;) {
        if (out->list->n == JINJA_MAX_RANGE)
            return jinja_fail(j, err, "range: more than %d numbers", (int)JINJA_MAX_RANGE);
        VS_TRY(jinja_list_add(j, *out, jinja_integer(i), err));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return VS_OK;
}

static vs_status set_pairs(jinja *j, jinja_map *to, jinja_value from, vs_error *err)
{
    const jinja_value *item, *part;
    size_t n, n_parts;

    if (from.type == JINJA_MAP) {
        for (size_t i = 0; i < from.map->n; i++)
            VS_TRY(jinja_map_set(j, to, from.map->pair[i].key, from.map->pair[i].value, err));
        return VS_OK;
    }
    VS_TRY(jinja_items(j, &item, &n, from, err));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(jinja_items(j, &part, &n_parts, item[i], err));
        if (n_parts != 2) return jinja_fail(j, err, "dict: expected pairs");
        VS_TRY(jinja_map_set(j, to, part[0], part[1], err));
    }
    return VS_OK;
}

/* dict(..) and namespace(..) */
static vs_status make_map(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_args *args = in->args;

    VS_TRY(jinja_map_new(j, out, in->row->how ? JINJA_NAMESPACE : JINJA_MAP, err));
    if (args->n_pos > 1)
        return jinja_fail(j, err, "%s: expected at most one mapping", in->row->name);
    if (args->n_pos) VS_TRY(set_pairs(j, out->map, args->item[0], err));
    for (size_t i = args->n_pos; i < args->n; i++)
        VS_TRY(jinja_map_set(j, out->map, jinja_text(args->key[i], args->key_len[i]), args->item[i],
                             err));
    return VS_OK;
}

static vs_status make_cycler(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    if (in->args->n == 0 || in->args->n != in->args->n_pos)
        return jinja_fail(j, err, "cycler: expected values");
    VS_TRY(jinja_list_new(j, out, JINJA_CYCLER, err));
    for (size_t i = 0; i < in->args->n; i++)
        VS_TRY(jinja_list_add(j, *out, in->args->item[i], err));
    return VS_OK;
}

static vs_status make_joiner(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    VS_TRY(jinja_list_new(j, out, JINJA_JOINER, err));
    return jinja_list_add(j, *out, in->a[0].type == JINJA_ABSENT ? jinja_text(", ", 2) : in->a[0],
                          err);
}

static vs_status raise(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value text;

    (void)out;
    VS_TRY(jinja_str(j, &text, in->a[0], err));
    return jinja_fail(j, err, "the template says: %.*s", (int)(text.len < 300 ? text.len : 300),
                      text.text);
}

/* strftime_now(format) on the day that the caller gave, at midnight, with English names. */
static vs_status format_day(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    char day[16], format[256], text[1024];
    struct tm when = {0};
    jinja_value rest = in->a[0];

    if (rest.type != JINJA_TEXT || rest.len >= sizeof format || memchr(rest.text, 0, rest.len))
        return jinja_fail(j, err, "strftime_now: expected a format of at most %zu bytes",
                          sizeof format - 1);
    memcpy(format, rest.text, rest.len);
    format[rest.len] = '\0';
    snprintf(day, sizeof day, "%.*s", (int)(in->self.len < 15 ? in->self.len : 15), in->self.text);
    const char *end = in->self.len == 10 ? strptime(day, "%Y-%m-%d", &when) : NULL;
    if (!end || *end)
        return jinja_fail(j, err, "strftime_now: found the day \"%s\", expected as \"2025-07-31\"",
                          day);
    const size_t n = strftime(text, sizeof text, format, &when);
    vs_buf made = {0};
    vs_buf_add(&made, text, n);
    return jinja_take(j, out, &made, err);
}

const jinja_builtin jinja_strftime_now = {"strftime_now", "format", format_day, 0};

/* Names that Python's dict and list have too are here, so that they are not taken for keys; the sandbox refuses those that would
 * change a value. */
const jinja_builtin jinja_map_methods[] = {
    {"keys", "", view, KEYS},        {"values", "", view, VALUES}, {"items", "", view, ITEMS},
    {"get", "key default?", get, 0}, {"copy", "", copy, 0},        {"clear", NULL, NULL, 0},
    {"fromkeys", NULL, NULL, 0},     {"pop", NULL, NULL, 0},       {"popitem", NULL, NULL, 0},
    {"setdefault", NULL, NULL, 0},   {"update", NULL, NULL, 0},    {0},
};

const jinja_builtin jinja_list_methods[] = {
    {"count", "value", find, 0}, {"index", "value", find, 1}, {"copy", "", copy, 0},
    {"append", NULL, NULL, 0},   {"clear", NULL, NULL, 0},    {"extend", NULL, NULL, 0},
    {"insert", NULL, NULL, 0},   {"pop", NULL, NULL, 0},      {"remove", NULL, NULL, 0},
    {"reverse", NULL, NULL, 0},  {"sort", NULL, NULL, 0},     {0},
};

const jinja_builtin jinja_loop_methods[] = {
    {"cycle", NULL, cycle, 0},
    {"changed", NULL, changed, 0},
    {0},
};

const jinja_builtin jinja_cycler_methods[] = {
    {"next", "", cycler_move, 1},
    {"reset", "", cycler_move, 0},
    {0},
};

const jinja_builtin jinja_functions[] = {
    {"range", "start stop? step?", range, 0},
    {"dict", NULL, make_map, 0},
    {"namespace", NULL, make_map, 1},
    {"cycler", NULL, make_cycler, 0},
    {"joiner", "sep?", make_joiner, 0},
    {"raise_exception", "message", raise, 0},
    {0},
};
