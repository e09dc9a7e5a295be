/* demo.c - the whole loop on built-in problems. */
#include <stdio.h>

#include "app/app.h"
#include "app/runs.h"
#include "assets.h"
#include "flow/problems/corpus.h"

typedef struct demo_options {
    const char *out;
    bool is_hard;
    uint64_t corpus, corpus_seed; /* documents to print instead of running; 0: none */
    vs_str_list sets;
} demo_options;

static vs_status read_builtin_recipe(vs_recipe *r, const char *name, vs_error *err)
{
    const vs_asset *a = vs_asset_find(name);

    if (!a) return VS_FAIL(err, VS_E_STATE, "this program was built without %s", name);
    return vs_recipe_parse(r, (const char *)a->data, a->len, name, err);
}

static vs_status run_demo(const demo_options *o, vs_error *err)
{
    const char *dir = o->out ? o->out : o->is_hard ? "runs/demo-hard" : "runs/demo";
    vs_recipe r = {0};
    vs_status st;

    VS_CHECK(
        read_builtin_recipe(&r, o->is_hard ? "recipes/demo-hard.yaml" : "recipes/demo.yaml", err));
    for (size_t i = 0; i < o->sets.n; i++)
        VS_CHECK(vs_recipe_set(&r, o->sets.item[i], "--set", err));
    VS_CHECK(vs_recipe_check(&r, "demo", err));
    vs_run_use_builtin_base();
    VS_CHECK(vs_run_and_report(&r, dir, NULL, err));
    VS_CHECK(vs_run_print_results(dir, err));
    VS_CHECK(vs_run_print_catch(dir, err));
done:
    vs_recipe_free(&r);
    return st;
}

vs_status vs_verb_demo(int argc, char **argv, vs_error *err)
{
    demo_options o = {.corpus_seed = 1};
    const vs_opt opts[] = {
        {"--out", VS_OPT_STR, &o.out, false, 0, 0, "DIR", "the run's folder (runs/demo)"},
        {"--hard", VS_OPT_FLAG, &o.is_hard, false, 0, 0, NULL, "with the two-price problems"},
        {"--corpus", VS_OPT_U64, &o.corpus, false, 0, 0, "N",
         "print N documents of the text that the demo's base was pretrained on, as rows for train "
         "sft, and stop"},
        {"--corpus-seed", VS_OPT_U64, &o.corpus_seed, false, 0, 0, "S", "of those documents (1)"},
        {"--set", VS_OPT_LIST, &o.sets, false, 0, 0, "KEY=VALUE",
         "overrides a key of the recipe; may be repeated"},
    };
    vs_cmd c = {
        .verb = "demo",
        .usage = "[--out DIR] [--hard] [--set KEY=VALUE ..] | --corpus N",
        .about = "A small language model learns from its own right answers, a verifier from right "
                 "against wrong, and best-of-N is\n"
                 "measured against both; minutes on two cores. Ends in report.html. Run again, it "
                 "resumes.",
        .example = "  $ vstar demo\n  ..\n"
                   "  Ranked by the verifier, Best-of-64 ..\n  ..\n"
                   "  report: runs/demo/report.html",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };
    vs_status st = vs_args_parse(&c, argc, argv, err);

    if (st == VS_OK && !c.is_help)
        st = o.corpus ? vs_demo_corpus(stdout, "standard output", o.corpus, o.corpus_seed, err)
                      : run_demo(&o, err);
    vs_str_list_free(&o.sets);
    return st;
}
