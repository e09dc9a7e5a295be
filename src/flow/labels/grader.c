#include "flow/labels/grader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/labels/code/code.h"
#include "flow/labels/external.h"

struct vs_grader {
    const char *profile;
    size_t n_workers;
    bool weak_sandbox;
    vs_store *cache;
    code_grader *code;     /* NULL: not yet, or no profile of programs */
    vs_external *external; /* NULL: no command */
};

static bool is_external(const char *profile)
{
    return strcmp(profile, "external") == 0;
}

const char *vs_grader_name(size_t i)
{
    size_t n = 0;

    for (; vs_profile_name(n); n++)
        if (n == i) return vs_profile_name(i);
    for (size_t k = 0; code_profile_name(k); k++, n++)
        if (n == i) return code_profile_name(k);
    return n == i ? "external" : NULL;
}

vs_status vs_grader_check(const char *profile, const char *where, vs_status code, vs_error *err)
{
    char list[256] = "";

    for (size_t i = 0; vs_grader_name(i); i++) {
        if (strcmp(vs_grader_name(i), profile) == 0) return VS_OK;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
                 vs_grader_name(i));
    }
    return VS_FAIL(err, code, "%s: found '%.60s', expected one of %s", where, profile, list);
}

vs_status vs_grader_open(vs_grader **out, const vs_grader_options *o, vs_error *err)
{
    vs_grader *g;
    vs_status st;

    VS_TRY(vs_grader_check(o->profile, "grader", VS_E_INPUT, err));
    if (is_external(o->profile) && o->n_command == 0)
        return VS_FAIL(err, VS_E_INPUT, "grader external: found no command, expected one");
    if (!is_external(o->profile) && o->n_command)
        return VS_FAIL(err, VS_E_INPUT, "grader %.60s: found a command, expected none", o->profile);
    g = vs_alloc(1, sizeof *g);
    if (!g) return VS_FAIL(err, VS_E_NOMEM, "grader");
    g->profile = o->profile;
    g->n_workers = o->n_workers;
    g->weak_sandbox = o->weak_sandbox;
    g->cache = o->cache;
    st = is_external(o->profile) ? vs_external_open(&g->external, o, err) : VS_OK;
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
    code_close(g->code);
    free(g);
}

const char *vs_grader_version(const vs_grader *g)
{
    if (g->external) return vs_external_version(g->external);
    return code_is_profile(g->profile) ? code_version(g->profile) : vs_profile_version(g->profile);
}

const char *vs_grader_describe(const vs_grader *g)
{
    return g->code ? code_describe(g->code) : "";
}

bool vs_grader_is_slow(const vs_grader *g)
{
    return g->external || code_is_profile(g->profile);
}

/* -- programs -- */

static vs_status get_execution(void *ctx, const char key[VS_HASH_HEX], bool *found,
                               code_result *out, vs_error *err)
{
    int verdict = 0;

    VS_TRY(vs_store_execution(found, &verdict, out->detail, sizeof out->detail, ctx, key, err));
    *found = *found && verdict >= CODE_PASS && verdict < CODE_INFRA;
    if (*found) out->verdict = (code_verdict)verdict;
    return VS_OK;
}

static vs_status put_execution(void *ctx, const char key[VS_HASH_HEX], const code_result *r,
                               vs_error *err)
{
    return vs_store_add_execution(ctx, key, (int)r->verdict, r->detail, err);
}

static vs_status run_programs(vs_grader *g, const vs_grade_item *items, size_t n,
                              vs_grade_result *results, size_t *bad, vs_error *err)
{
    const code_cache cache = {g->cache, g->cache ? get_execution : NULL,
                              g->cache ? put_execution : NULL};
    vs_status st;

    if (!g->code) VS_TRY(code_open(&g->code, g->n_workers, g->weak_sandbox, err));
    if (!g->cache) return code_grade(g->code, g->profile, items, n, results, &cache, bad, err);
    VS_TRY(vs_store_begin(g->cache, err));
    st = code_grade(g->code, g->profile, items, n, results, &cache, bad, err);
    if (st == VS_OK) st = vs_store_commit(g->cache, err);
    if (st != VS_OK) vs_store_rollback(g->cache);
    return st;
}

vs_status vs_grader_run(vs_grader *g, const vs_grade_item *items, size_t n,
                        vs_grade_result *results, size_t *bad, vs_error *err)
{
    if (g->external) return vs_external_run(g->external, items, n, results, err);
    if (n && code_is_profile(g->profile)) return run_programs(g, items, n, results, bad, err);
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
