/* runs.c - what the verbs on runs share. */
#include "app/runs.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/assets.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/loop/loop.h"
#include "flow/store/store.h"

vs_status vs_run_file(char **out, const char *dir, const char *name, vs_error *err)
{
    char *path = vs_format("%s/recipe.yaml", dir);
    const bool is_run = path && vs_file_exists(path);

    free(path);
    if (path && !is_run)
        return VS_FAIL(err, VS_E_STATE, "%s: not a run: it has no recipe.yaml", dir);
    *out = vs_format("%s/%s", dir, name);
    return *out ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
}

/* The largest k of a metric's curve. */
static uint32_t last_k(const vs_metric *all, size_t n, const vs_metric *m)
{
    uint32_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].system, m->system) == 0 && strcmp(all[i].curve, m->curve) == 0 && all[i].k > k) k = all[i].k;
    return k;
}

static const char *curve_title(const char *curve)
{
    static const char *const title[][2] = {
        {"pass", "Pass@"}, {"best_of", "Best-of-"}, {"majority", "Maj@"}, {"weighted", "weighted vote, "}};

    for (size_t i = 0; i < sizeof title / sizeof *title; i++)
        if (strcmp(curve, title[i][0]) == 0) return title[i][1];
    return curve;
}

static vs_status print_metrics(const vs_metric *m, size_t n, vs_error *err)
{
    vs_buf line = {0};
    vs_status st = VS_OK;

    for (size_t i = 0; st == VS_OK && i < n; i++) {
        char what[64];
        const bool is_pass_1 = strcmp(m[i].curve, "pass") == 0 && m[i].k == 1;
        if (m[i].k != last_k(m, n, &m[i]) && !is_pass_1) continue;
        snprintf(what, sizeof what, "%s%u", curve_title(m[i].curve), m[i].k);
        vs_buf_printf(&line, "%-24s %-20s %5.1f %%   (%.1f to %.1f)", m[i].system, what, m[i].value * 100.0,
                      m[i].low * 100.0, m[i].high * 100.0);
        st = vs_out_line(&line, err);
    }
    vs_buf_free(&line);
    return st;
}

vs_status vs_run_print_results(const char *dir, vs_error *err)
{
    char *path = NULL;
    vs_store *s = NULL;
    vs_metric *m = NULL;
    size_t n = 0;
    vs_status st;

    VS_CHECK(vs_run_file(&path, dir, "run.db", err));
    VS_CHECK(vs_store_open(&s, path, VS_STORE_READ, err));
    VS_CHECK(vs_store_metrics(&m, &n, s, err));
    VS_CHECK(print_metrics(m, n, err));
done:
    free(m);
    vs_store_close(s);
    free(path);
    return st;
}
