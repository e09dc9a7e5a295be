/* regrade.c - grading replayed over the stored samples: which labels would be others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/loop/run.h"

vs_status vs_run_grader_version(char out[VS_GRADER_VERSION_BYTES], vs_store *s, const vs_recipe *r,
                                bool is_test, vs_error *err)
{
    vs_grader_options o;
    vs_grader *g = NULL;
    char *stored = NULL;

    VS_TRY(vs_store_get(&stored, s, is_test ? VS_FACT_TEST_GRADER : VS_FACT_GRADER, err));
    if (stored) {
        snprintf(out, VS_GRADER_VERSION_BYTES, "%s", stored);
        free(stored);
        return VS_OK;
    }
    vs_run_grader_options(&o, r, is_test ? r->eval.grader : NULL);
    VS_TRY(vs_grader_open(&g, &o, err));
    snprintf(out, VS_GRADER_VERSION_BYTES, "%s", vs_grader_version(g));
    vs_grader_close(g);
    return VS_OK;
}

vs_status vs_run_label_version(char out[VS_PROFILE_BYTES], vs_store *s, const vs_recipe *r,
                               vs_error *err)
{
    char *stored = NULL;

    VS_TRY(vs_store_get(&stored, s, VS_FACT_LABELS, err));
    if (!stored) return vs_run_grader_version(out, s, r, false, err);
    snprintf(out, VS_PROFILE_BYTES, "%s", stored);
    free(stored);
    return VS_OK;
}

typedef struct tally {
    const vs_run *run;
    vs_regrade_count *count;
    vs_flip_fn *on_flip;
    void *ctx;
} tally;

/* x holds the label that the run was made with. */
static void count_label(void *ctx, const vs_sample *x, const vs_grade_result *now)
{
    tally *t = ctx;

    t->count->n++;
    if (x->verdict < 0) return;
    t->count->from_to[x->verdict][now->verdict]++;
    if (x->verdict == (int)now->verdict) return;
    t->count->flipped++;
    if (t->on_flip) t->on_flip(t->ctx, vs_problems_find(&t->run->problems, x->problem_id), x, now);
}

static vs_status regrade_sets(vs_run *run, const char *sets_glob, bool is_test, vs_grader *grader,
                              tally *t, vs_error *err)
{
    char version[VS_GRADER_VERSION_BYTES];
    vs_samples all = {0};
    vs_status st;

    VS_TRY(vs_run_grader_version(version, run->store, &run->recipe, is_test, err));
    VS_CHECK(vs_store_samples(&all, run->store, sets_glob, version, err));
    VS_CHECK(vs_run_label(run, &all, grader, true, count_label, t, err));
done:
    vs_samples_free(&all);
    return st;
}

vs_status vs_run_regrade(vs_run *run, const vs_grader_options *o, vs_flip_fn *on_flip, void *ctx,
                         vs_regrade_count *count, vs_error *err)
{
    tally t = {run, count, on_flip, ctx};
    vs_grader *other = NULL;
    vs_status st;

    *count = (vs_regrade_count){0};
    VS_CHECK(vs_run_problems(run, err));
    if (o) VS_CHECK(vs_grader_open(&other, o, err));
    VS_CHECK(regrade_sets(run, VS_TRAINING_SETS, false, o ? other : run->grader, &t, err));
    VS_CHECK(regrade_sets(run, VS_TEST_SETS, true, o ? other : run->test_grader, &t, err));
done:
    vs_grader_close(other);
    return st;
}
