/* runs.c - what the verbs on runs share. */
#include "app/runs.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/report.h"
#include "assets.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/loop/loop.h"
#include "flow/store/store.h"

void vs_run_use_builtin_base(void)
{
    enum { MAX_FILES = 8 };
    static const char prefix[] = "demo-base/";
    static vs_builtin_file files[MAX_FILES];
    size_t n_assets, n = 0;
    const vs_asset *all = vs_assets_all(&n_assets);
    bool has_weights = false;

    for (size_t i = 0; i < n_assets && n < MAX_FILES; i++) {
        if (strncmp(all[i].name, prefix, sizeof prefix - 1) != 0) continue;
        files[n] = (vs_builtin_file){all[i].name + sizeof prefix - 1, all[i].data, all[i].len};
        has_weights |= strstr(files[n++].name, ".safetensors") != NULL;
    }
    vs_loop_builtin_base(files, has_weights ? n : 0);
}

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

static vs_status print_headline(vs_buf *line, const vs_headline *h, const vs_metric *m,
                                vs_error *err)
{
    char what[96];

    snprintf(what, sizeof what, "%s, %s%u", h->what, h->measure, m->k);
    vs_buf_printf(line, "%-48s %5.1f %%   (%.1f to %.1f)", what, m->value * 100.0, m->low * 100.0,
                  m->high * 100.0);
    return vs_out_line(line, err);
}

static vs_status print_difference(vs_buf *line, const vs_metric *m, vs_error *err)
{
    char what[96];

    snprintf(what, sizeof what, "%s, k = %u", m->system, m->k);
    vs_buf_printf(line, "%-48s %+5.1f     (%+.1f to %+.1f)%s", what, m->value * 100.0,
                  m->low * 100.0, m->high * 100.0,
                  m->low <= 0.0 && m->high >= 0.0 ? "  not settled" : "");
    return vs_out_line(line, err);
}

static vs_status print_metrics(const vs_metric *m, size_t n, size_t headline_k, vs_error *err)
{
    vs_buf line = {0};
    vs_status st = VS_OK;

    if (n) vs_buf_str(&line, "Per cent of test problems answered right, with 95 % intervals:");
    if (n) VS_CHECK(vs_out_line(&line, err));
    for (size_t i = 0; i < VS_HEADLINES; i++) {
        const vs_metric *found = vs_headline_find(m, n, &vs_headlines[i], headline_k);
        if (found) VS_CHECK(print_headline(&line, &vs_headlines[i], found, err));
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(m[i].curve, "difference") == 0) VS_CHECK(print_difference(&line, &m[i], err));
done:
    vs_buf_free(&line);
    return st;
}

vs_status vs_run_print_results(const char *dir, vs_error *err)
{
    char *path = NULL, *recipe = NULL;
    vs_recipe r = {0};
    vs_store *s = NULL;
    vs_metric *m = NULL;
    size_t n = 0;
    vs_status st;

    VS_CHECK(vs_run_file(&path, dir, "run.db", err));
    VS_CHECK(vs_run_file(&recipe, dir, "recipe.yaml", err));
    VS_CHECK(vs_recipe_read(&r, recipe, err));
    VS_CHECK(vs_store_open(&s, path, VS_STORE_READ, err));
    VS_CHECK(vs_store_metrics(&m, &n, s, err));
    VS_CHECK(print_metrics(m, n, r.eval.headline_k, err));
done:
    free(m);
    vs_store_close(s);
    vs_recipe_free(&r);
    free(recipe);
    free(path);
    return st;
}

static void put_candidate(vs_buf *b, const char *who, const vs_example_sample *x, size_t n)
{
    vs_buf_printf(b, "\n  %-12s %-6s score %8.3f, given by %zu of %zu: ", who,
                  x->sample->verdict == VS_RIGHT ? "right" : "wrong", x->score, x->n_same, n);
    for (const char *p = x->sample->text; *p; p++) vs_buf_add(b, *p == '\n' ? " " : p, 1);
}

vs_status vs_run_print_catch(const char *dir, vs_error *err)
{
    vs_report r = {0};
    vs_buf b = {0};
    vs_status st;

    VS_CHECK(vs_report_read(&r, dir, err));
    const vs_example_problem *e = r.n_examples && r.example[0].is_caught ? &r.example[0] : NULL;
    if (!e) {
        vs_buf_str(
            &b,
            "\nNo wrong solution both fooled the vote and was caught by the verifier in this run.");
    } else {
        vs_buf_printf(
            &b, "\nA wrong solution that fooled the vote, and that the verifier caught:\n  %s",
            e->problem->question);
        put_candidate(&b, "the vote", &e->shown[1], e->n_candidates);
        put_candidate(&b, "the verifier", &e->shown[0], e->n_candidates);
    }
    VS_CHECK(vs_out_line(&b, err));
done:
    vs_buf_free(&b);
    vs_report_free(&r);
    return st;
}
