/* regrade.c - grades a run's stored samples again. */
#include <string.h>

#include "app/app.h"
#include "app/runs.h"
#include "flow/loop/loop.h"

typedef struct flips {
    vs_buf lines; /* the first ones, a line each */
    size_t n_left;
    bool is_json;
} flips;

/* "  round-1 problem p7 #3: wrong -> right by gsm8k-flexible/3:boxed, read '18'" */
static void note_flip(void *ctx, const vs_problem *p, const vs_sample *x,
                      const vs_grade_result *now)
{
    flips *f = ctx;
    const char *key = p ? p->key : "?", *was = vs_verdict_name((vs_verdict)x->verdict);

    if (f->n_left == 0) return;
    f->n_left--;
    if (!f->is_json) {
        vs_buf_printf(&f->lines, "\n  %s, problem %s, sample %u: %s -> %s by %s, read '%s'", x->set,
                      key, (unsigned)x->index, was, vs_verdict_name(now->verdict), now->rule,
                      now->extracted);
        return;
    }
    vs_buf_printf(&f->lines, "%s{\"set\":\"%s\",\"problem\":", f->lines.len ? "," : "", x->set);
    vs_buf_json_str(&f->lines, key, strlen(key));
    vs_buf_printf(&f->lines,
                  ",\"index\":%u,\"from\":\"%s\",\"to\":\"%s\",\"rule\":", (unsigned)x->index, was,
                  vs_verdict_name(now->verdict));
    vs_buf_json_str(&f->lines, now->rule, strlen(now->rule));
    vs_buf_str(&f->lines, ",\"extracted\":");
    vs_buf_json_str(&f->lines, now->extracted, strlen(now->extracted));
    vs_buf_str(&f->lines, "}");
}

static vs_status print_count(const vs_regrade_count *c, const flips *f, vs_error *err)
{
    vs_buf b = {0};
    vs_status st;

    if (f->is_json) {
        vs_buf_printf(&b, "{\"samples\":%zu,\"flipped\":%zu,\"from_to\":{", c->n, c->flipped);
        for (int i = 0; i < 3; i++)
            vs_buf_printf(&b, "%s\"%s\":{\"wrong\":%zu,\"right\":%zu,\"ungradable\":%zu}",
                          i ? "," : "", vs_verdict_name((vs_verdict)i), c->from_to[i][VS_WRONG],
                          c->from_to[i][VS_RIGHT], c->from_to[i][VS_UNGRADABLE]);
        vs_buf_printf(&b, "},\"flips\":[%s]}", f->lines.len ? f->lines.data : "");
    } else {
        vs_buf_printf(&b, "%zu samples graded again, %zu labels flipped", c->n, c->flipped);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                if (i != j && c->from_to[i][j])
                    vs_buf_printf(&b, "\n  %-10s -> %-10s %zu", vs_verdict_name((vs_verdict)i),
                                  vs_verdict_name((vs_verdict)j), c->from_to[i][j]);
        if (f->lines.len) vs_buf_add(&b, f->lines.data, f->lines.len);
    }
    st = vs_buf_ok(&f->lines, "flips", err);
    if (st == VS_OK) st = vs_out_line(&b, err);
    vs_buf_free(&b);
    return st;
}

static vs_status regrade(const char *dir, const char *profile, const vs_cmd *c, flips *f,
                         vs_error *err)
{
    vs_run *run = NULL;
    vs_regrade_count count = {0};
    vs_grader_options o;
    vs_status st;

    vs_run_use_builtin_base();
    VS_CHECK(vs_run_open(&run, NULL, dir, err));
    vs_run_grader_options(&o, vs_run_recipe(run), profile);
    if (c->n_words > 1) {
        o.command = c->words + 1;
        o.n_command = c->n_words - 1;
    }
    VS_CHECK(vs_run_regrade(run, profile ? &o : NULL, note_flip, f, &count, err));
    VS_CHECK(print_count(&count, f, err));
done:
    vs_run_close(run);
    return st;
}

vs_status vs_verb_regrade(int argc, char **argv, vs_error *err)
{
    const char *profile = NULL;
    flips f = {.n_left = 10};
    const vs_opt opts[] = {
        {"--profile", VS_OPT_STR, &profile, false, 0, 0, "P", "the grader (the run's own)"},
        {"--show", VS_OPT_SIZE, &f.n_left, false, 0, 0, "N", "flips shown one by one (10)"},
        {"--json", VS_OPT_FLAG, &f.is_json, false, 0, 0, NULL, "one JSON object"},
    };
    vs_cmd c = {
        .verb = "regrade",
        .usage = "RUN [--profile P] [--show N] [--json]\n       vstar regrade RUN --profile "
                 "external [-- "
                 "COMMAND [ARG ...]]",
        .about =
            "Grades every stored sample again and shows which labels differ from those that the "
            "run was made with. Nothing is\n"
            "sampled again; the new labels are stored beside the old ones.",
        .example =
            "  $ vstar regrade runs/gsm8k --profile gsm8k-flexible --show 1\n  8192 samples "
            "graded again, 12 labels flipped\n"
            "    wrong      -> right      12\n"
            "    round-1, problem train-17, sample 3: wrong -> right by gsm8k-flexible/3:boxed, "
            "read '18'",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = VS_WORDS_MAX,
    };
    vs_status st;

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (profile) VS_TRY(vs_grader_check(profile, "--profile", VS_E_USAGE, err));
    if (c.n_words > 1 && (!profile || strcmp(profile, "external") != 0))
        return VS_FAIL(err, VS_E_USAGE,
                       "one word too many: '%.60s'; only --profile external takes a command",
                       c.words[1]);
    st = regrade(c.words[0], profile, &c, &f, err);
    vs_buf_free(&f.lines);
    return st;
}
