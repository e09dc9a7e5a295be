/* jinja_filter.c - filters over lists and mappings. Those that give generators in jinja2 give iterators here. */
#include <string.h>

#include "engine/model/jinja_value.h"

static bool is_given(jinja_value v)
{
    return v.type != JINJA_ABSENT && v.type != JINJA_NONE;
}

/* ---- attributes: "a.0.b", an integer, or nothing for the item itself ---- */

static vs_status get_attribute(jinja *j, jinja_value *out, jinja_value item, jinja_value attribute,
                               vs_error *err)
{
    size_t i = 0;

    *out = item;
    if (!is_given(attribute)) return VS_OK;
    if (attribute.type != JINJA_TEXT) return jinja_item(j, out, item, attribute, err);
    while (i <= attribute.len) {
        const char *part = attribute.text + i, *dot = memchr(part, '.', attribute.len - i);
        const size_t n = dot ? (size_t)(dot - part) : attribute.len - i;
        bool is_number = n > 0 && n < 10;
        int64_t number = 0;

        for (size_t k = 0; k < n && is_number; k++) {
            is_number = part[k] >= '0' && part[k] <= '9';
            number = number * 10 + (part[k] - '0');
        }
        VS_TRY(
            jinja_item(j, out, *out, is_number ? jinja_integer(number) : jinja_text(part, n), err));
        i += n + 1;
    }
    return VS_OK;
}

/* The key that values are compared by: in lower case, unless case_sensitive. */
static vs_status sort_key(jinja *j, jinja_value *out, jinja_value item, jinja_value attribute,
                          jinja_value case_sensitive, vs_error *err)
{
    VS_TRY(get_attribute(j, out, item, attribute, err));
    if (out->type != JINJA_TEXT || jinja_is_true(case_sensitive)) return VS_OK;
    return jinja_change_case(j, out, *out, CASE_LOWER, err);
}

/* ---- map, select and their kind ---- */

static jinja_args rest_of(const jinja_args *args, size_t from)
{
    jinja_args rest = *args;

    if (from > args->n_pos) from = args->n_pos;
    if (!args->n) return rest;
    rest.item += from;
    rest.key += from;
    rest.key_len += from;
    rest.n -= from;
    rest.n_pos -= from;
    return rest;
}

static vs_status map_attribute(jinja *j, jinja_value out, jinja_value item, const jinja_args *args,
                               vs_error *err)
{
    jinja_value attribute = {.type = JINJA_ABSENT}, otherwise = attribute, v;

    for (size_t i = 0; i < args->n; i++) {
        if (jinja_is(args->key[i], args->key_len[i], "attribute"))
            attribute = args->item[i];
        else if (jinja_is(args->key[i], args->key_len[i], "default"))
            otherwise = args->item[i];
        else
            return jinja_fail(j, err, "map: expected attribute and default, or a filter");
    }
    if (attribute.type == JINJA_ABSENT)
        return jinja_fail(j, err, "map: expected attribute=.. or a filter");
    VS_TRY(get_attribute(j, &v, item, attribute, err));
    if (v.type == JINJA_UNDEFINED && is_given(otherwise)) v = otherwise;
    return jinja_list_add(j, out, v, err);
}

static vs_status map(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_args *args = in->args, rest = rest_of(args, 1);
    const jinja_value *item;
    jinja_value v;
    size_t n;

    VS_TRY(jinja_list_new(j, out, JINJA_ITERATOR, err));
    if (!jinja_is_true(in->self)) return VS_OK; /* none too has no items here */
    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    for (size_t i = 0; i < n; i++) {
        if (args->n_pos == 0) {
            VS_TRY(map_attribute(j, *out, item[i], args, err));
            continue;
        }
        if (args->item[0].type != JINJA_TEXT)
            return jinja_fail(j, err, "map: found %s, expected the name of a filter",
                              jinja_type_name(args->item[0]));
        VS_TRY(jinja_filter(j, &v, args->item[0].text, args->item[0].len, item[i], &rest, err));
        VS_TRY(jinja_list_add(j, *out, v, err));
    }
    return VS_OK;
}

enum { WANTS_TRUE = 1, BY_ATTRIBUTE = 2 };

/* select, reject; selectattr, rejectattr, which look at a member. Without a test: what is true. */
static vs_status choose(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const size_t at = in->row->how & BY_ATTRIBUTE ? 1 : 0;
    const jinja_args *args = in->args, rest = rest_of(args, at + 1);
    const jinja_value *item;
    jinja_value v;
    size_t n;
    bool yes;

    if (args->n_pos < at) return jinja_fail(j, err, "%s: expected an attribute", in->row->name);
    if (args->n_pos > at && args->item[at].type != JINJA_TEXT)
        return jinja_fail(j, err, "%s: found %s, expected the name of a test", in->row->name,
                          jinja_type_name(args->item[at]));
    VS_TRY(jinja_list_new(j, out, JINJA_ITERATOR, err));
    if (!jinja_is_true(in->self)) return VS_OK;
    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    for (size_t i = 0; i < n; i++) {
        v = item[i];
        if (at) VS_TRY(get_attribute(j, &v, item[i], args->item[0], err));
        yes = jinja_is_true(v);
        if (args->n_pos > at)
            VS_TRY(jinja_test(j, &yes, args->item[at].text, args->item[at].len, v, &rest, err));
        if (yes == ((in->row->how & WANTS_TRUE) != 0))
            VS_TRY(jinja_list_add(j, *out, item[i], err));
    }
    return VS_OK;
}

/* ---- order ---- */

/* Stable; keys[i] belongs to list->item[i]. */
static vs_status sort_items(jinja *j, jinja_value list, jinja_value keys, bool is_reverse,
                            vs_error *err)
{
    jinja_value *item = list.list->item, *key = keys.list->item;
    int sign;

    for (size_t i = 1; i < list.list->n; i++) {
        const jinja_value x = item[i], k = key[i];
        size_t low = 0, high = i;

        while (low < high) {
            const size_t mid = low + (high - low) / 2;
            VS_TRY(jinja_order(j, &sign, k, key[mid], "<", err));
            if (is_reverse ? sign > 0 : sign < 0)
                high = mid;
            else
                low = mid + 1;
        }
        VS_TRY(jinja_step(j, (i - low) / 16, err));
        memmove(item + low + 1, item + low, (i - low) * sizeof *item);
        memmove(key + low + 1, key + low, (i - low) * sizeof *key);
        item[low] = x;
        key[low] = k;
    }
    return VS_OK;
}

/* A list of the keys that attribute = "a,b" names, or the one key. */
static vs_status multi_key(jinja *j, jinja_value *out, jinja_value item, jinja_value attribute,
                           jinja_value case_sensitive, vs_error *err)
{
    jinja_value part = attribute, v;

    if (attribute.type != JINJA_TEXT || !memchr(attribute.text, ',', attribute.len))
        return sort_key(j, out, item, attribute, case_sensitive, err);
    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    for (size_t i = 0; i <= attribute.len; i += part.len + 1) {
        const char *at = attribute.text + i, *comma = memchr(at, ',', attribute.len - i);
        part = jinja_text(at, comma ? (size_t)(comma - at) : attribute.len - i);
        VS_TRY(sort_key(j, &v, item, part, case_sensitive, err));
        VS_TRY(jinja_list_add(j, *out, v, err));
    }
    return VS_OK;
}

static vs_status sort(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value keys, key;
    size_t n;

    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    VS_TRY(jinja_list_new(j, &keys, JINJA_LIST, err));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(multi_key(j, &key, item[i], in->a[2], in->a[1], err));
        VS_TRY(jinja_list_add(j, *out, item[i], err));
        VS_TRY(jinja_list_add(j, keys, key, err));
    }
    return sort_items(j, *out, keys, jinja_is_true(in->a[0]), err);
}

static vs_status dictsort(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value by = in->a[1];
    const bool by_value = by.type == JINJA_TEXT && jinja_is(by.text, by.len, "value");
    const jinja_value none = {.type = JINJA_ABSENT};
    jinja_value keys, key, pair;

    if (in->self.type != JINJA_MAP)
        return jinja_fail(j, err, "dictsort: found %s, expected a mapping",
                          jinja_type_name(in->self));
    if (by.type != JINJA_ABSENT && !by_value &&
        !(by.type == JINJA_TEXT && jinja_is(by.text, by.len, "key")))
        return jinja_fail(j, err, "dictsort: by, expected \"key\" or \"value\"");
    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    VS_TRY(jinja_list_new(j, &keys, JINJA_LIST, err));
    for (size_t i = 0; i < in->self.map->n; i++) {
        const jinja_pair *p = &in->self.map->pair[i];
        VS_TRY(jinja_pair_new(j, &pair, p->key, p->value, err));
        VS_TRY(jinja_list_add(j, *out, pair, err));
        VS_TRY(sort_key(j, &key, by_value ? p->value : p->key, none, in->a[0], err));
        VS_TRY(jinja_list_add(j, keys, key, err));
    }
    return sort_items(j, *out, keys, jinja_is_true(in->a[2]), err);
}

static vs_status unique(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value seen, key, found;
    size_t n;

    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    VS_TRY(jinja_list_new(j, out, JINJA_ITERATOR, err));
    VS_TRY(jinja_map_new(j, &seen, JINJA_MAP, err));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(sort_key(j, &key, item[i], in->a[1], in->a[0], err));
        VS_TRY(jinja_map_get(j, &found, seen.map, key, err));
        if (found.type != JINJA_ABSENT) continue;
        VS_TRY(jinja_map_set(j, seen.map, key, jinja_bool(true), err));
        VS_TRY(jinja_list_add(j, *out, item[i], err));
    }
    return VS_OK;
}

/* groupby(attribute, default, case_sensitive): pairs of a key and its items, by key. */
static vs_status groupby(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value items, keys, key, group;
    size_t n;
    bool same = false;

    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    VS_TRY(jinja_list_new(j, &items, JINJA_LIST, err));
    VS_TRY(jinja_list_new(j, &keys, JINJA_LIST, err));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(sort_key(j, &key, item[i], in->a[0], in->a[2], err));
        if (key.type == JINJA_UNDEFINED && is_given(in->a[1])) key = in->a[1];
        VS_TRY(jinja_list_add(j, items, item[i], err));
        VS_TRY(jinja_list_add(j, keys, key, err));
    }
    VS_TRY(sort_items(j, items, keys, false, err));
    for (size_t i = 0; i < n; i++) {
        jinja_value first, pair;
        if (i) VS_TRY(jinja_equal(j, &same, keys.list->item[i - 1], keys.list->item[i], err));
        if (!same) {
            VS_TRY(get_attribute(j, &first, items.list->item[i], in->a[0], err));
            if (first.type == JINJA_UNDEFINED && is_given(in->a[1])) first = in->a[1];
            VS_TRY(jinja_list_new(j, &group, JINJA_LIST, err));
            VS_TRY(jinja_pair_new(j, &pair, first, group, err));
            VS_TRY(jinja_list_add(j, *out, pair, err));
        }
        VS_TRY(jinja_list_add(j, group, items.list->item[i], err));
    }
    return VS_OK;
}

static vs_status extreme(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value best, key;
    size_t n;
    int sign;

    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    *out = jinja_undefined(in->row->name, strlen(in->row->name));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(sort_key(j, &key, item[i], in->a[1], in->a[0], err));
        if (i) VS_TRY(jinja_order(j, &sign, key, best, in->row->name, err));
        if (i && (in->row->how ? sign <= 0 : sign >= 0)) continue;
        best = key;
        *out = item[i];
    }
    return VS_OK;
}

/* ---- lists ---- */

static vs_status join(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value v;
    vs_buf text = {0};
    size_t n;
    vs_status st;

    VS_CHECK(jinja_items(j, &item, &n, in->self, err));
    for (size_t i = 0; i < n && text.len <= JINJA_MAX_OUTPUT; i++) {
        if (i) VS_CHECK(jinja_print(j, &text, in->a[0], err));
        VS_CHECK(get_attribute(j, &v, item[i], in->a[1], err));
        VS_CHECK(jinja_print(j, &text, v, err));
    }
    return jinja_take(j, out, &text, err);
done:
    vs_buf_free(&text);
    return st;
}

static vs_status length(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const int64_t n = jinja_length(in->self);

    if (n < 0)
        return jinja_fail(j, err, "%s of %s%s", in->row->name, jinja_type_name(in->self),
                          in->self.type == JINJA_ITERATOR ? " (the filter list makes a list of it)"
                                                          : "");
    *out = jinja_integer(n);
    return VS_OK;
}

static vs_status to_list(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    size_t n;

    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    for (size_t i = 0; i < n; i++) VS_TRY(jinja_list_add(j, *out, item[i], err));
    return VS_OK;
}

/* The first takes one item of an iterator; the last needs more than an iterator. */
static vs_status end_item(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool is_last = in->row->how != 0;
    const size_t at = in->self.type == JINJA_ITERATOR ? in->self.list->at : 0;
    const jinja_value *item;
    size_t n;

    if (is_last && in->self.type == JINJA_ITERATOR)
        return jinja_fail(j, err, "last of an iterator (the filter list makes a list of it)");
    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    if (n && in->self.type == JINJA_ITERATOR) in->self.list->at = at + 1;
    *out = n ? item[is_last ? n - 1 : 0] : jinja_undefined(in->row->name, strlen(in->row->name));
    return VS_OK;
}

static vs_status reverse(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value bound[3] = {{.type = JINJA_NONE}, {.type = JINJA_NONE}, jinja_integer(-1)};
    size_t n;

    if (in->self.type == JINJA_TEXT) return jinja_slice(j, out, in->self, bound, err);
    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    VS_TRY(jinja_list_new(j, out, JINJA_ITERATOR, err));
    while (n-- > 0) VS_TRY(jinja_list_add(j, *out, item[n], err));
    return VS_OK;
}

static vs_status batch(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value part;
    int64_t size;
    size_t n, at;

    if (!jinja_as_integer(&size, in->a[0]) || size < 1)
        return jinja_fail(j, err, "batch: expected a size of at least 1");
    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    VS_TRY(jinja_list_new(j, out, JINJA_ITERATOR, err));
    for (size_t i = 0; i < n; i += at) {
        VS_TRY(jinja_list_new(j, &part, JINJA_LIST, err));
        for (at = 0; at < (size_t)size && i + at < n; at++)
            VS_TRY(jinja_list_add(j, part, item[i + at], err));
        for (size_t k = at; is_given(in->a[1]) && k < (size_t)size; k++)
            VS_TRY(jinja_list_add(j, part, in->a[1], err));
        VS_TRY(jinja_list_add(j, *out, part, err));
    }
    return VS_OK;
}

static vs_status items(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value pair;

    if (in->self.type != JINJA_MAP && in->self.type != JINJA_UNDEFINED)
        return jinja_fail(j, err, "items: found %s, expected a mapping", jinja_type_name(in->self));
    VS_TRY(jinja_list_new(j, out, JINJA_ITERATOR, err));
    for (size_t i = 0; in->self.type == JINJA_MAP && i < in->self.map->n; i++) {
        VS_TRY(
            jinja_pair_new(j, &pair, in->self.map->pair[i].key, in->self.map->pair[i].value, err));
        VS_TRY(jinja_list_add(j, *out, pair, err));
    }
    return VS_OK;
}

static vs_status set_default(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool is_missing =
        in->self.type == JINJA_UNDEFINED || (jinja_is_true(in->a[1]) && !jinja_is_true(in->self));

    (void)j;
    (void)err;
    *out = !is_missing ? in->self : in->a[0].type == JINJA_ABSENT ? jinja_text("", 0) : in->a[0];
    return VS_OK;
}

/* Members by attribute alone: of a mapping its methods, not its keys. */
static vs_status attr(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    static jinja_map nothing;
    jinja_value x = in->self;

    if (in->a[0].type != JINJA_TEXT) return jinja_fail(j, err, "attr: expected a name");
    if (x.type == JINJA_MAP && !jinja_find(jinja_map_methods, in->a[0].text, in->a[0].len))
        x.map = &nothing;
    return jinja_attr(j, out, x, in->a[0], err);
}

static vs_status sum(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    jinja_value v;
    int64_t a, b, c;
    size_t n;

    VS_TRY(jinja_items(j, &item, &n, in->self, err));
    *out = in->a[1].type == JINJA_ABSENT ? jinja_integer(0) : in->a[1];
    for (size_t i = 0; i < n; i++) {
        VS_TRY(get_attribute(j, &v, item[i], in->a[0], err));
        if (!jinja_is_number(v) || !jinja_is_number(*out))
            return jinja_fail(j, err, "sum: found %s, expected numbers", jinja_type_name(v));
        if (!jinja_as_integer(&a, *out) || !jinja_as_integer(&b, v))
            *out = jinja_real(jinja_number(*out) + jinja_number(v));
        else if (__builtin_add_overflow(a, b, &c))
            return jinja_fail(j, err, "sum: an integer overflows");
        else
            *out = jinja_integer(c);
    }
    return VS_OK;
}

const jinja_builtin jinja_list_filters[] = {
    {"map", NULL, map, 0},
    {"select", NULL, choose, WANTS_TRUE},
    {"reject", NULL, choose, 0},
    {"selectattr", NULL, choose, BY_ATTRIBUTE | WANTS_TRUE},
    {"rejectattr", NULL, choose, BY_ATTRIBUTE},
    {"sort", "reverse? case_sensitive? attribute?", sort, 0},
    {"dictsort", "case_sensitive? by? reverse?", dictsort, 0},
    {"unique", "case_sensitive? attribute?", unique, 0},
    {"groupby", "attribute default? case_sensitive?", groupby, 0},
    {"min", "case_sensitive? attribute?", extreme, 0},
    {"max", "case_sensitive? attribute?", extreme, 1},
    {"join", "d? attribute?", join, 0},
    {"length", "", length, 0},
    {"count", "", length, 0},
    {"list", "", to_list, 0},
    {"first", "", end_item, 0},
    {"last", "", end_item, 1},
    {"reverse", "", reverse, 0},
    {"batch", "linecount fill_with?", batch, 0},
    {"items", "", items, 0},
    {"default", "default_value? boolean?", set_default, 0},
    {"d", "default_value? boolean?", set_default, 0},
    {"attr", "name", attr, 0},
    {"sum", "attribute? start?", sum, 0},
    {0},
};
