/* run.c - starts or resumes a run from a recipe. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/report.h"
#include "app/runs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/loop/loop.h"

vs_status vs_run_and_report(const vs_recipe *recipe, const char *dir, const vs_str_list *others,
                            vs_error *err)
{
    vs_run *run = NULL;
    bool did_work = false;
    vs_status st;

    VS_CHECK(vs_run_open(&run, recipe, dir, err));
    if (others) VS_CHECK(vs_run_reuse(run, (const char *const *)others->item, others->n, err));
    VS_CHECK(vs_run_all(run, &did_work, err));
    vs_run_close(run);
    run = NULL;
    if (!did_work) vs_say("%s: nothing to do, every stage is done", dir);
    VS_CHECK(vs_report_write(dir, err));
done:
    vs_run_close(run);
    return st;
}

static vs_status run_recipe(const char *path, const char *out, const vs_str_list *sets,
                            const vs_str_list *others, vs_error *err)
{
    vs_recipe r = {0};
    char *dir = NULL;
    vs_status st;

    VS_CHECK(vs_recipe_read(&r, path, err));
    for (size_t i = 0; i < sets->n; i++) VS_CHECK(vs_recipe_set(&r, sets->item[i], "--set", err));
    VS_CHECK(vs_recipe_check(&r, path, err));
    dir = out ? vs_strdup_n(out, strlen(out)) : vs_format("runs/%s", r.name);
    if (!dir) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: path", path);
        goto done;
    }
    vs_run_use_builtin_base();
    VS_CHECK(vs_run_and_report(&r, dir, others, err));
    VS_CHECK(vs_run_print_results(dir, err));
done:
    free(dir);
    vs_recipe_free(&r);
    return st;
}

vs_status vs_verb_run(int argc, char **argv, vs_error *err)
{
    const char *out = NULL;
    vs_str_list sets = {0}, others = {0};
    const vs_opt opts[] = {
        {"--out", VS_OPT_STR, &out, false, 0, 0, "DIR",
         "the run's folder (runs/NAME, by the recipe's name)"},
        {"--set", VS_OPT_LIST, &sets, false, 0, 0, "KEY=VALUE",
         "overrides a key of the recipe: sample.k=8; may be repeated"},
        {"--reuse", VS_OPT_LIST, &others, false, 0, 0, "DIR",
         "another run, whose models and samples are taken over where this one would make the very "
         "same; may be repeated"},
    };
    vs_cmd c = {
        .verb = "run",
        .usage = "RECIPE [--out DIR] [--set KEY=VALUE ..] [--reuse DIR ..]",
        .about = "Runs V-STaR from a recipe: samples, grades, trains, round after round, then the "
                 "verifier and the evaluation, and\n"
                 "writes report.html. The same command resumes a run that was stopped, by Ctrl-C "
                 "or by a crash, and ends with the\n"
                 "same bytes as if it had not been. A run keeps its recipe: another one needs "
                 "another folder.",
        .example = "  $ vstar run recipes/demo.yaml --out runs/mine --set rounds=2\n  $ vstar "
                   "status runs/mine",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };
    vs_status st = vs_args_parse(&c, argc, argv, err);

    if (st == VS_OK && !c.is_help) st = run_recipe(c.words[0], out, &sets, &others, err);
    vs_str_list_free(&sets);
    vs_str_list_free(&others);
    return st;
}
