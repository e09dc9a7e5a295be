/* jinja_value.c - values: what they are, how they compare, what they hold. */
#include "engine/model/jinja_value.h"

#include <string.h>

const char *jinja_type_name(jinja_value v)
{
    static const char *const names[] = {
        "nothing",    "something undefined",
        "none",       "a boolean",
        "an integer", "a number",
        "a string",   "a list",
        "a tuple",    "a range",
        "a view",     "an iterator",
        "a cycler",   "a joiner",
        "a mapping",  "a namespace",
        "a loop",     "a macro",
        "a function", "a method",
    };

    return names[v.type];
}

bool jinja_is_true(jinja_value v)
{
    switch (v.type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED:
    case JINJA_NONE:
        return false;
    case JINJA_BOOL:
        return v.yes;
    case JINJA_INTEGER:
        return v.i != 0;
    case JINJA_REAL:
        return v.x != 0.0;
    default:
        return v.type == JINJA_NAMESPACE || jinja_length(v) != 0;
    }
}

bool jinja_is_number(jinja_value v)
{
    return v.type == JINJA_BOOL || v.type == JINJA_INTEGER || v.type == JINJA_REAL;
}

double jinja_number(jinja_value v)
{
    if (v.type == JINJA_REAL) return v.x;
    return v.type == JINJA_BOOL ? v.yes : (double)v.i;
}

bool jinja_as_integer(int64_t *out, jinja_value v)
{
    *out = v.type == JINJA_BOOL ? v.yes : v.i;
    return v.type == JINJA_BOOL || v.type == JINJA_INTEGER;
}

int64_t jinja_length(jinja_value v)
{
    if (v.type == JINJA_TEXT) return jinja_chars(v.text, v.len);
    if (v.type >= JINJA_LIST && v.type <= JINJA_VIEW) return (int64_t)v.list->n;
    if (v.type == JINJA_MAP) return (int64_t)v.map->n;
    return v.type == JINJA_UNDEFINED ? 0 : -1;
}

static int sign_of(jinja_value a, jinja_value b)
{
    int64_t x, y;

    if (jinja_as_integer(&x, a) && jinja_as_integer(&y, b)) return (x > y) - (x < y);
    return (jinja_number(a) > jinja_number(b)) - (jinja_number(a) < jinja_number(b));
}

static int text_order(jinja_value a, jinja_value b)
{
    const int sign = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);

    return sign ? sign : (a.len > b.len) - (a.len < b.len);
}

/* Values in one another are walked no deeper than what runs. */
static vs_status enter(jinja *j, vs_error *err)
{
    if (++j->depth <= JINJA_MAX_DEPTH) return jinja_step(j, 1, err);
    return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: values or calls nest deeper than %d", j->where,
                   j->line, (int)JINJA_MAX_DEPTH);
}

static vs_status lists_equal(jinja *j, bool *out, const jinja_list *a, const jinja_list *b,
                             vs_error *err)
{
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++)
        VS_TRY(jinja_equal(j, out, a->item[i], b->item[i], err));
    return VS_OK;
}

static vs_status maps_equal(jinja *j, bool *out, const jinja_map *a, const jinja_map *b,
                            vs_error *err)
{
    jinja_value other;

    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++) {
        VS_TRY(jinja_map_get(j, &other, b, a->pair[i].key, err));
        *out = other.type != JINJA_ABSENT;
        if (*out) VS_TRY(jinja_equal(j, out, a->pair[i].value, other, err));
    }
    return VS_OK;
}

vs_status jinja_equal(jinja *j, bool *out, jinja_value a, jinja_value b, vs_error *err)
{
    VS_TRY(enter(j, err));
    if (jinja_is_number(a) && jinja_is_number(b))
        *out = sign_of(a, b) == 0 && jinja_number(a) == jinja_number(a);
    else if (a.type != b.type)
        *out = false;
    else if (a.type == JINJA_NONE || a.type == JINJA_UNDEFINED)
        *out = true;
    else if (a.type == JINJA_TEXT)
        *out = text_order(a, b) == 0;
    else if (a.type >= JINJA_LIST && a.type <= JINJA_RANGE)
        VS_TRY(lists_equal(j, out, a.list, b.list, err));
    else if (a.type == JINJA_MAP)
        VS_TRY(maps_equal(j, out, a.map, b.map, err));
    else
        *out = a.list == b.list; /* the same thing */
    j->depth--;
    return VS_OK;
}

static vs_status list_order(jinja *j, int *out, const jinja_list *a, const jinja_list *b,
                            const char *what, vs_error *err)
{
    bool same = true;
    size_t i = 0;

    for (; i < a->n && i < b->n; i++) {
        VS_TRY(jinja_equal(j, &same, a->item[i], b->item[i], err));
        if (!same) return jinja_order(j, out, a->item[i], b->item[i], what, err);
    }
    *out = (a->n > b->n) - (a->n < b->n);
    return VS_OK;
}

vs_status jinja_order(jinja *j, int *out, jinja_value a, jinja_value b, const char *what,
                      vs_error *err)
{
    VS_TRY(enter(j, err));
    if (jinja_is_number(a) && jinja_is_number(b))
        *out = sign_of(a, b);
    else if (a.type == JINJA_TEXT && b.type == JINJA_TEXT)
        *out = text_order(a, b);
    else if (a.type == b.type && (a.type == JINJA_LIST || a.type == JINJA_TUPLE))
        VS_TRY(list_order(j, out, a.list, b.list, what, err));
    else
        return jinja_fail(j, err, "%s between %s and %s", what, jinja_type_name(a),
                          jinja_type_name(b));
    j->depth--;
    return VS_OK;
}

vs_status jinja_contains(jinja *j, bool *out, jinja_value in, jinja_value x, vs_error *err)
{
    const jinja_value *item;
    jinja_value v;
    size_t n;

    *out = false;
    if (in.type == JINJA_TEXT) {
        if (x.type != JINJA_TEXT)
            return jinja_fail(j, err, "%s in a string, expected a string", jinja_type_name(x));
        *out = x.len == 0 || memmem(in.text, in.len, x.text, x.len);
        return jinja_step(j, in.len / 64, err);
    }
    if (in.type == JINJA_MAP) {
        VS_TRY(jinja_map_get(j, &v, in.map, x, err));
        *out = v.type != JINJA_ABSENT;
        return VS_OK;
    }
    VS_TRY(jinja_items(j, &item, &n, in, err));
    for (size_t i = 0; !*out && i < n; i++) VS_TRY(jinja_equal(j, out, item[i], x, err));
    return VS_OK;
}

/* ---- making them ---- */

vs_status jinja_list_new(jinja *j, jinja_value *out, jinja_type type, vs_error *err)
{
    jinja_list *list;

    VS_TRY(jinja_alloc(j, &list, 1, sizeof *list, err));
    *out = (jinja_value){.type = type, .list = list};
    return VS_OK;
}

/* Room for one more, by doubling; what was there stays in the arena. */
static vs_status grow(jinja *j, void *items, size_t n, size_t *cap, size_t size, vs_error *err)
{
    void *old, *more;

    if (n < *cap) return jinja_step(j, 1, err);
    memcpy(&old, items, sizeof old);
    VS_TRY(jinja_alloc(j, &more, *cap ? *cap * 2 : 4, size, err));
    if (n) memcpy(more, old, n * size);
    memcpy(items, &more, sizeof more);
    *cap = *cap ? *cap * 2 : 4;
    return jinja_step(j, 1, err);
}

vs_status jinja_list_add(jinja *j, jinja_value list, jinja_value item, vs_error *err)
{
    jinja_list *l = list.list;

    VS_TRY(grow(j, &l->item, l->n, &l->cap, sizeof *l->item, err));
    l->item[l->n++] = item;
    return VS_OK;
}

vs_status jinja_pair_new(jinja *j, jinja_value *out, jinja_value a, jinja_value b, vs_error *err)
{
    VS_TRY(jinja_list_new(j, out, JINJA_TUPLE, err));
    VS_TRY(jinja_list_add(j, *out, a, err));
    return jinja_list_add(j, *out, b, err);
}

vs_status jinja_map_new(jinja *j, jinja_value *out, jinja_type type, vs_error *err)
{
    jinja_map *map;

    VS_TRY(jinja_alloc(j, &map, 1, sizeof *map, err));
    *out = (jinja_value){.type = type, .map = map};
    return VS_OK;
}

static vs_status find_pair(jinja *j, jinja_pair **out, const jinja_map *map, jinja_value key,
                           vs_error *err)
{
    bool same = false;

    if (key.type >= JINJA_LIST && key.type != JINJA_TUPLE)
        return jinja_fail(j, err, "%s as a key", jinja_type_name(key));
    *out = NULL;
    VS_TRY(jinja_step(j, 1 + map->n / 16, err));
    for (size_t i = 0; i < map->n; i++) {
        jinja_pair *pair = &map->pair[i];
        if (key.type == JINJA_TEXT)
            same = pair->key.type == JINJA_TEXT && pair->key.len == key.len &&
                   memcmp(pair->key.text, key.text, key.len) == 0;
        else
            VS_TRY(jinja_equal(j, &same, pair->key, key, err));
        if (same) {
            *out = pair;
            break;
        }
    }
    return VS_OK;
}

vs_status jinja_map_set(jinja *j, jinja_map *map, jinja_value key, jinja_value value, vs_error *err)
{
    jinja_pair *pair = NULL;

    VS_TRY(find_pair(j, &pair, map, key, err));
    if (!pair) {
        VS_TRY(grow(j, &map->pair, map->n, &map->cap, sizeof *map->pair, err));
        pair = &map->pair[map->n++];
        pair->key = key;
    }
    pair->value = value;
    return VS_OK;
}

vs_status jinja_map_get(jinja *j, jinja_value *out, const jinja_map *map, jinja_value key,
                        vs_error *err)
{
    jinja_pair *pair = NULL;

    VS_TRY(find_pair(j, &pair, map, key, err));
    *out = pair ? pair->value : (jinja_value){.type = JINJA_ABSENT};
    return VS_OK;
}

const jinja_value *jinja_map_find(const jinja_map *map, const char *key, size_t len)
{
    for (size_t i = 0; i < map->n; i++) {
        const jinja_value *k = &map->pair[i].key;
        if (k->type == JINJA_TEXT && k->len == len && memcmp(k->text, key, len) == 0)
            return &map->pair[i].value;
    }
    return NULL;
}

static vs_status map_from_json(jinja *j, jinja_value *out, const json_t *v, vs_error *err)
{
    const char *key;
    json_t *item;
    jinja_value value;

    VS_TRY(jinja_map_new(j, out, JINJA_MAP, err));
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        jinja_map *map = out->map;
        VS_TRY(jinja_from_json(j, &value, item, err));
        VS_TRY(grow(j, &map->pair, map->n, &map->cap, sizeof *map->pair, err));
        map->pair[map->n++] = (jinja_pair){jinja_text(key, strlen(key)), value};
    }
    return VS_OK;
}

/* Texts stay in the JSON value. */
vs_status jinja_from_json(jinja *j, jinja_value *out, const json_t *v, vs_error *err)
{
    json_t *item;
    jinja_value value;
    size_t i;

    VS_TRY(enter(j, err));
    *out = (jinja_value){.type = JINJA_NONE};
    if (json_is_object(v)) {
        VS_TRY(map_from_json(j, out, v, err));
    } else if (json_is_array(v)) {
        VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
        json_array_foreach(v, i, item)
        {
            VS_TRY(jinja_from_json(j, &value, item, err));
            VS_TRY(jinja_list_add(j, *out, value, err));
        }
    } else if (json_is_string(v)) {
        *out = jinja_text(json_string_value(v), json_string_length(v));
    } else if (json_is_integer(v)) {
        *out = jinja_integer(json_integer_value(v));
    } else if (json_is_real(v)) {
        *out = jinja_real(json_real_value(v));
    } else if (json_is_boolean(v)) {
        *out = jinja_bool(json_is_true(v));
    }
    j->depth--;
    return VS_OK;
}

static vs_status characters(jinja *j, jinja_value list, jinja_value text, vs_error *err)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        n = jinja_char_len(text.text + i, text.len - i);
        VS_TRY(jinja_list_add(j, list, jinja_text(text.text + i, n), err));
    }
    return VS_OK;
}

vs_status jinja_items(jinja *j, const jinja_value **item, size_t *n, jinja_value v, vs_error *err)
{
    jinja_value made = v;

    *n = 0;
    *item = NULL;
    if (v.type == JINJA_UNDEFINED) return VS_OK;
    if (v.type == JINJA_TEXT || v.type == JINJA_MAP)
        VS_TRY(jinja_list_new(j, &made, JINJA_LIST, err));
    if (v.type == JINJA_TEXT) VS_TRY(characters(j, made, v, err));
    if (v.type == JINJA_MAP)
        for (size_t i = 0; i < v.map->n; i++)
            VS_TRY(jinja_list_add(j, made, v.map->pair[i].key, err));
    if (made.type < JINJA_LIST || made.type > JINJA_ITERATOR)
        return jinja_fail(j, err, "found %s, expected a list, a mapping or a string",
                          jinja_type_name(v));
    *item = made.list->item;
    *n = made.list->n;
    if (made.type == JINJA_ITERATOR) {
        if (made.list->at) *item += made.list->at;
        *n -= made.list->at;
        made.list->at = made.list->n;
    }
    return VS_OK;
}

vs_status jinja_take(jinja *j, jinja_value *out, vs_buf *text, vs_error *err)
{
    char *copy = NULL;
    vs_status st;

    VS_CHECK(vs_buf_ok(text, j->where, err));
    if (text->len > JINJA_MAX_OUTPUT) {
        st = VS_FAIL(err, VS_E_LIMIT, "%s:%zu: a text of %zu bytes, the limit is %d", j->where,
                     j->line, text->len, (int)JINJA_MAX_OUTPUT);
        goto done;
    }
    VS_CHECK(jinja_step(j, text->len / 64, err));
    VS_CHECK(jinja_alloc(j, &copy, text->len + 1, 1, err));
    if (text->len) memcpy(copy, text->data, text->len);
    *out = jinja_text(copy, text->len);
done:
    vs_buf_free(text);
    return st;
}
