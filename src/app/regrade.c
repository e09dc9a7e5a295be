/* regrade.c - grades a run's stored samples again. */
#include "app/app.h"
#include "app/runs.h"
#include "flow/labels/grade.h"
#include "flow/loop/loop.h"

static vs_status print_count(const vs_regrade_count *c, bool is_json, vs_error *err)
{
    vs_buf b = {0};
    vs_status st;

    if (is_json) {
        vs_buf_printf(&b, "{\"samples\":%zu,\"flipped\":%zu,\"from_to\":{", c->n, c->flipped);
        for (int i = 0; i < 3; i++)
            vs_buf_printf(&b, "%s\"%s\":{\"wrong\":%zu,\"right\":%zu,\"ungradable\":%zu}",
                          i ? "," : "", vs_verdict_name((vs_verdict)i), c->from_to[i][VS_WRONG],
                          c->from_to[i][VS_RIGHT], c->from_to[i][VS_UNGRADABLE]);
        vs_buf_str(&b, "}}");
    } else {
        vs_buf_printf(&b, "%zu samples graded again, %zu labels flipped", c->n, c->flipped);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                if (i != j && c->from_to[i][j])
                    vs_buf_printf(&b, "\n  %-10s -> %-10s %zu", vs_verdict_name((vs_verdict)i),
                                  vs_verdict_name((vs_verdict)j), c->from_to[i][j]);
    }
    st = vs_out_line(&b, err);
    vs_buf_free(&b);
    return st;
}

static vs_status regrade(const char *dir, const char *profile, bool is_json, vs_error *err)
{
    vs_run *run = NULL;
    vs_regrade_count count = {0};
    vs_status st;

    vs_run_use_builtin_base();
    VS_CHECK(vs_run_open(&run, NULL, dir, err));
    VS_CHECK(vs_run_regrade(run, profile, &count, err));
    VS_CHECK(print_count(&count, is_json, err));
done:
    vs_run_close(run);
    return st;
}

vs_status vs_verb_regrade(int argc, char **argv, vs_error *err)
{
    const char *profile = NULL;
    bool is_json = false;
    const vs_opt opts[] = {
        {"--profile", VS_OPT_STR, &profile, false, 0, 0, "P",
         "gsm8k, gsm8k-flexible, arithmetic (the run's own)"},
        {"--json", VS_OPT_FLAG, &is_json, false, 0, 0, NULL, "one JSON object"},
    };
    vs_cmd c = {
        .verb = "regrade",
        .usage = "RUN [--profile P] [--json]",
        .about = "Grades every stored sample again and counts the labels that flip. Nothing is "
                 "sampled again; labels of other\n"
                 "profiles stay.",
        .example = "  $ vstar regrade runs/gsm8k --profile gsm8k-flexible\n  8192 samples graded "
                   "again, 12 labels flipped\n"
                   "    wrong      -> right      12",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (profile) VS_TRY(vs_profile_check(profile, "--profile", VS_E_USAGE, err));
    return regrade(c.words[0], profile, is_json, err);
}
