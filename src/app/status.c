/* status.c - where a run stands. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/report.h"
#include "app/runs.h"
#include "base/mem.h"
#include "engine/train/job.h"
#include "flow/loop/loop.h"
#include "flow/store/store.h"

typedef struct status {
    const char *dir;
    bool is_json;
    vs_recipe recipe;
    vs_store *store;
    size_t n_query, n_test; /* problems sampled in rounds; test problems */
    vs_buf line;
} status;

static vs_status count_problems(status *s, vs_error *err)
{
    vs_problems all = {0};

    VS_TRY(vs_store_problems(&all, s->store, NULL, err));
    for (size_t i = 0; i < all.n; i++)
        if (strcmp(all.item[i].split, "test") == 0)
            s->n_test++;
        else
            s->n_query++;
    vs_problems_free(&all);
    return VS_OK;
}

/* "done", "12 of 960 problems", "to do". */
static vs_status print_stage(status *s, const char *name, size_t done, size_t total,
                             const char *unit, vs_error *err)
{
    const bool is_done = total > 0 && done >= total;

    if (s->is_json) {
        vs_buf_str(&s->line, "{\"stage\":");
        vs_buf_json_str(&s->line, name, strlen(name));
        vs_buf_printf(&s->line, ",\"done\":%zu,\"total\":%zu,\"unit\":\"%s\",\"is_done\":%s}", done,
                      total, unit, is_done ? "true" : "false");
    } else if (is_done || done == 0) {
        vs_buf_printf(&s->line, "  %-22s %s", name, is_done ? "done" : "to do");
    } else {
        vs_buf_printf(&s->line, "  %-22s %zu of %zu %s", name, done, total, unit);
    }
    return vs_out_line(&s->line, err);
}

static vs_status print_model(status *s, const char *name, vs_error *err)
{
    char label[64];
    char *path = vs_format("%s/models/%s", s->dir, name);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", s->dir);
    const bool is_done = vs_train_job_done(path);
    free(path);
    snprintf(label, sizeof label, "models/%s", name);
    return print_stage(s, label, is_done, 1, "models", err);
}

static vs_status print_set(status *s, const char *set, size_t total, vs_error *err)
{
    size_t done;

    VS_TRY(vs_store_count_groups(&done, s->store, set, err));
    return print_stage(s, set, done, total, "problems", err);
}

static vs_status print_rounds(status *s, vs_error *err)
{
    char name[32];

    VS_TRY(print_model(s, "sft", err));
    for (size_t t = 1; t <= s->recipe.rounds; t++) {
        snprintf(name, sizeof name, "generator-%zu", t);
        if (t > 1) VS_TRY(print_model(s, name, err));
        snprintf(name, sizeof name, "round-%zu", t);
        VS_TRY(print_set(s, name, s->n_query, err));
    }
    VS_TRY(print_model(s, "generator", err));
    return s->recipe.verifier.kind == VS_VERIFIER_NONE ? VS_OK : print_model(s, "verifier", err);
}

/* Where programs were graded, once some were. */
static vs_status print_sandbox(status *s, vs_error *err)
{
    char *sandbox = NULL;
    vs_status st = VS_OK;

    VS_TRY(vs_store_get(&sandbox, s->store, VS_FACT_SANDBOX, err));
    if (sandbox) {
        if (s->is_json) {
            vs_buf_str(&s->line, "{\"sandbox\":");
            vs_buf_json_str(&s->line, sandbox, strlen(sandbox));
            vs_buf_str(&s->line, "}");
        } else {
            vs_buf_printf(&s->line, "  programs ran in        %s", sandbox);
        }
        st = vs_out_line(&s->line, err);
    }
    free(sandbox);
    return st;
}

static vs_status print_evaluation(status *s, vs_error *err)
{
    vs_metric *m = NULL;
    size_t n = 0;

    if (s->recipe.eval.baselines) VS_TRY(print_set(s, "test:sft", s->n_test, err));
    VS_TRY(print_set(s, "test:generator", s->n_test, err));
    VS_TRY(vs_store_metrics(&m, &n, s->store, err));
    free(m);
    VS_TRY(print_stage(s, "results", n > 0, 1, "tables", err));
    if (n == 0 || s->is_json) return VS_OK;
    vs_buf_str(&s->line, "");
    VS_TRY(vs_out_line(&s->line, err));
    return vs_run_print_results(s->dir, err);
}

static vs_status print_head(status *s, vs_error *err)
{
    if (s->is_json) return VS_OK;
    vs_buf_printf(
        &s->line,
        "%s: %zu training problems, %zu test problems, %zu rounds of %zu samples, seed %llu",
        s->recipe.name && s->recipe.name[0] ? s->recipe.name : s->dir, s->n_query, s->n_test,
        s->recipe.rounds, s->recipe.sample.k, (unsigned long long)s->recipe.seed);
    return vs_out_line(&s->line, err);
}

static vs_status print_status(const char *dir, bool is_json, vs_error *err)
{
    status s = {.dir = dir, .is_json = is_json};
    char *recipe = NULL, *db = NULL;
    vs_status st;

    VS_CHECK(vs_run_file(&recipe, dir, "recipe.yaml", err));
    VS_CHECK(vs_run_file(&db, dir, "run.db", err));
    VS_CHECK(vs_recipe_read(&s.recipe, recipe, err));
    VS_CHECK(vs_store_open(&s.store, db, VS_STORE_READ, err));
    VS_CHECK(count_problems(&s, err));
    VS_CHECK(print_head(&s, err));
    VS_CHECK(print_rounds(&s, err));
    VS_CHECK(print_sandbox(&s, err));
    VS_CHECK(print_evaluation(&s, err));
done:
    vs_buf_free(&s.line);
    vs_store_close(s.store);
    vs_recipe_free(&s.recipe);
    free(db);
    free(recipe);
    return st;
}

vs_status vs_verb_status(int argc, char **argv, vs_error *err)
{
    bool is_json = false;
    const vs_opt opts[] = {
        {"--json", VS_OPT_FLAG, &is_json, false, 0, 0, NULL, "one JSON line per stage"},
    };
    vs_cmd c = {
        .verb = "status",
        .usage = "RUN [--json]",
        .about = "Which stages of a run are done, in the order of the algorithm, and its results "
                 "if it has any. Looks, and changes\n"
                 "nothing; the run may be at work meanwhile.",
        .example = "  $ vstar status runs/demo\n  demo: 960 training problems, 200 test problems, "
                   "3 rounds of 16 samples, seed 1\n"
                   "    models/sft             done\n    round-1                done\n    ..",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    return print_status(c.words[0], is_json, err);
}
