/* jinja_builtin.c - what goes by a name: how it is found, and how its arguments are placed. */
#include <string.h>

#include "engine/model/jinja_value.h"

const jinja_builtin *jinja_find(const jinja_builtin *table, const char *name, size_t len)
{
    for (; table->name; table++)
        if (jinja_is(name, len, table->name)) return table;
    return NULL;
}

/* The place of a name in "old new count?"; -1: it is not there. */
static int place_of(const char *params, const char *name, size_t len)
{
    int place = 0;

    for (const char *at = params; *at; place++) {
        const size_t n = strcspn(at, " ?");
        if (n == len && memcmp(at, name, n) == 0) return place;
        at += n + strspn(at + n, " ?");
    }
    return -1;
}

static vs_status bind(jinja *j, jinja_in *in, const jinja_args *args, vs_error *err)
{
    const char *name = in->row->name, *params = in->row->params;
    int i = 0;

    for (size_t k = 0; k < args->n; k++) {
        const int place = args->key[k] ? place_of(params, args->key[k], args->key_len[k]) : (int)k;
        if (place < 0)
            return jinja_fail(j, err, "%s: the argument \"%.*s\" is not known", name,
                              (int)(args->key_len[k] < 40 ? args->key_len[k] : 40), args->key[k]);
        if (place >= JINJA_MAX_PARAMS) return jinja_fail(j, err, "%s: too many arguments", name);
        if (in->a[place].type != JINJA_ABSENT)
            return jinja_fail(j, err, "%s: an argument is given twice", name);
        in->a[place] = args->item[k];
    }
    for (const char *at = params; *at; i++) {
        const size_t n = strcspn(at, " ?");
        if (at[n] != '?' && in->a[i].type == JINJA_ABSENT)
            return jinja_fail(j, err, "%s: the argument \"%.*s\" is missing", name, (int)n, at);
        at += n + strspn(at + n, " ?");
    }
    for (; i < JINJA_MAX_PARAMS; i++)
        if (in->a[i].type != JINJA_ABSENT)
            return jinja_fail(j, err, "%s: too many arguments", name);
    return VS_OK;
}

vs_status jinja_apply(jinja *j, jinja_value *out, const jinja_builtin *row, jinja_value self,
                      const jinja_args *args, vs_error *err)
{
    jinja_in in = {.row = row, .self = self, .args = args};

    if (!row->call)
        return jinja_fail(j, err, "the method \"%s\" of %s is not supported", row->name,
                          jinja_type_name(self));
    if (row->params) VS_TRY(bind(j, &in, args, err));
    return row->call(j, out, &in, err);
}

const jinja_builtin *jinja_find_filter(const char *name, size_t len)
{
    const jinja_builtin *row = jinja_find(jinja_text_filters, name, len);

    if (!row) row = jinja_find(jinja_list_filters, name, len);
    return row ? row : jinja_find(jinja_number_filters, name, len);
}

vs_status jinja_filter(jinja *j, jinja_value *out, const char *name, size_t len, jinja_value x,
                       const jinja_args *args, vs_error *err)
{
    const jinja_builtin *row = jinja_find_filter(name, len);

    if (row) return jinja_apply(j, out, row, x, args, err);
    return jinja_fail(j, err, "the filter \"%.*s\" is not supported", (int)(len < 40 ? len : 40),
                      name);
}

vs_status jinja_test(jinja *j, bool *out, const char *name, size_t len, jinja_value x,
                     const jinja_args *args, vs_error *err)
{
    const jinja_builtin *row = jinja_find(jinja_tests, name, len);
    jinja_value yes;

    if (!row)
        return jinja_fail(j, err, "the test \"%.*s\" is not supported", (int)(len < 40 ? len : 40),
                          name);
    VS_TRY(jinja_apply(j, &yes, row, x, args, err));
    *out = yes.yes;
    return VS_OK;
}
