#include "flow/labels/grader.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/labels/external.h"

struct vs_grader {
    const char *profile;
    vs_external *external; /* NULL: the profile is a pure function */
};

vs_status vs_grader_check(const char *profile, const char *where, vs_status code, vs_error *err)
{
    vs_error cause = {.code = VS_OK};

    if (strcmp(profile, "external") == 0 || vs_profile_check(profile, where, code, &cause) == VS_OK)
        return VS_OK;
    return VS_FAIL(err, code, "%s, external", cause.text);
}

vs_status vs_grader_open(vs_grader **out, const vs_grader_options *o, vs_error *err)
{
    const bool is_external = strcmp(o->profile, "external") == 0;
    vs_grader *g;
    vs_status st;

    if (is_external && o->n_command == 0)
        return VS_FAIL(err, VS_E_INPUT, "grader external: found no command, expected one");
    if (!is_external && o->n_command)
        return VS_FAIL(err, VS_E_INPUT, "grader %.60s: found a command, expected none", o->profile);
    VS_TRY(vs_grader_check(o->profile, "grader", VS_E_INPUT, err));
    g = vs_alloc(1, sizeof *g);
    if (!g) return VS_FAIL(err, VS_E_NOMEM, "grader");
    g->profile = o->profile;
    st = is_external ? vs_external_open(&g->external, o, err) : VS_OK;
    if (st == VS_OK)
        *out = g;
    else
        vs_grader_close(g);
    return st;
}

void vs_grader_close(vs_grader *g)
{
    if (!g) return;
    vs_external_close(g->external);
    free(g);
}

const char *vs_grader_version(const vs_grader *g)
{
    return g->external ? vs_external_version(g->external) : vs_profile_version(g->profile);
}

bool vs_grader_is_slow(const vs_grader *g)
{
    return g->external != NULL;
}

vs_status vs_grader_run(vs_grader *g, const vs_grade_item *items, size_t n,
                        vs_grade_result *results, size_t *bad, vs_error *err)
{
    if (g->external) return vs_external_run(g->external, items, n, results, err);
    for (size_t i = 0; i < n; i++) {
        const vs_grade_item *x = &items[i];
        const vs_status st = vs_grade(&results[i], g->profile, x->gold, x->gold_len, x->completion,
                                      x->completion_len, err);
        if (st == VS_OK) continue;
        *bad = i;
        return st;
    }
    return VS_OK;
}
