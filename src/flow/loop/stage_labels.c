/* stage_labels.c - solutions get their labels. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "flow/loop/run.h"

enum { CHUNK = 1024, SLOW_CHUNK = 128 }; /* labels between two commits */

void vs_run_grader_options(vs_grader_options *out, const vs_recipe *r, const char *profile)
{
    const bool is_external = strcmp(profile ? profile : r->grader, "external") == 0;

    *out = (vs_grader_options){.profile = profile ? profile : r->grader,
                               .command = (const char *const *)r->grader_command,
                               .n_command = is_external ? r->n_grader_command : 0,
                               .timeout_s = r->grader_timeout,
                               .weak_sandbox = r->weak_sandbox};
}

/* Samples on their way to their labels. Only those with an answer to read are graded. */
typedef struct chunk {
    const vs_sample *sample[CHUNK];
    vs_grade_result result[CHUNK];
    size_t n;
    vs_grade_item item[CHUNK];
    vs_grade_result graded[CHUNK];
    size_t place[CHUNK]; /* item[i] is of sample[place[i]] */
    size_t n_items;
} chunk;

static vs_status add_sample(chunk *c, const vs_run *run, const vs_sample *x, vs_error *err)
{
    const vs_problem *p = vs_problems_find(&run->problems, x->problem_id);

    if (!p) return VS_FAIL(err, VS_E_STATE, "run.db: sample %lld has no problem", (long long)x->id);
    c->sample[c->n] = x;
    if (vs_sample_is_cut(x)) { /* cut off: it has no answer yet */
        c->result[c->n++] = (vs_grade_result){.verdict = VS_UNGRADABLE, .rule = "truncated"};
        return VS_OK;
    }
    if (!p->gold) {
        c->result[c->n++] = (vs_grade_result){.verdict = VS_UNGRADABLE, .rule = "no gold"};
        return VS_OK;
    }
    c->place[c->n_items] = c->n++;
    c->item[c->n_items++] = (vs_grade_item){.id = p->key,
                                            .id_len = strlen(p->key),
                                            .question = p->question,
                                            .question_len = strlen(p->question),
                                            .gold = p->gold,
                                            .gold_len = strlen(p->gold),
                                            .completion = x->text,
                                            .completion_len = strlen(x->text)};
    return VS_OK;
}

static vs_status grade_chunk(chunk *c, vs_grader *grader, vs_error *err)
{
    vs_error cause = {.code = VS_OK};
    size_t bad = SIZE_MAX;
    const vs_status st = vs_grader_run(grader, c->item, c->n_items, c->graded, &bad, &cause);

    if (st != VS_OK && bad < c->n_items)
        return VS_FAIL(err, st, "problem %s: %s", c->item[bad].id, cause.text);
    if (st != VS_OK) return VS_FAIL(err, st, "%s", cause.text);
    for (size_t i = 0; i < c->n_items; i++) c->result[c->place[i]] = c->graded[i];
    return VS_OK;
}

static vs_status store_label(vs_run *run, const vs_sample *x, const vs_grade_result *g,
                             const char *version, vs_error *err)
{
    const vs_label l = {.sample_id = x->id,
                        .profile = version,
                        .verdict = (int)g->verdict,
                        .rule = g->rule,
                        .extracted = g->extracted,
                        .normal = g->normal,
                        .span_start = g->begin,
                        .span_end = g->end};

    return vs_store_add_label(run->store, &l, err);
}

/* Where programs ran is a fact of the run. */
static vs_status store_chunk(const chunk *c, vs_run *run, const vs_grader *grader, vs_error *err)
{
    const char *version = vs_grader_version(grader);
    vs_status st;

    VS_TRY(vs_store_begin(run->store, err));
    if (*vs_grader_describe(grader))
        VS_CHECK(vs_store_set(run->store, VS_FACT_SANDBOX, vs_grader_describe(grader), err));
    for (size_t i = 0; i < c->n; i++)
        VS_CHECK(store_label(run, c->sample[i], &c->result[i], version, err));
    VS_CHECK(vs_store_commit(run->store, err));
done:
    if (st != VS_OK) vs_store_rollback(run->store);
    return st;
}

vs_status vs_run_label(vs_run *run, const vs_samples *all, vs_grader *grader, bool again,
                       vs_graded_fn *visit, void *ctx, vs_error *err)
{
    chunk *c = vs_alloc(1, sizeof *c);
    const bool is_slow = vs_grader_is_slow(grader);
    const size_t most = is_slow ? SLOW_CHUNK : CHUNK;
    vs_status st = VS_OK;

    if (!c) return VS_FAIL(err, VS_E_NOMEM, "labels");
    if (is_slow) vs_progress_begin("labels", "solutions", 0, all->n);
    for (size_t i = 0; i < all->n;) {
        for (c->n = c->n_items = 0; i < all->n && c->n < most; i++)
            if (again || all->item[i].verdict < 0) VS_CHECK(add_sample(c, run, &all->item[i], err));
        if (c->n == 0) break;
        VS_CHECK(grade_chunk(c, grader, err));
        VS_CHECK(store_chunk(c, run, grader, err));
        for (size_t k = 0; visit && k < c->n; k++) visit(ctx, c->sample[k], &c->result[k]);
        run->did_work = true;
        if (is_slow) vs_progress_set(i);
    }
done:
    if (is_slow) vs_progress_end();
    free(c);
    return st;
}

vs_status vs_run_grade(vs_run *run, const char *sets_glob, vs_grader *grader, vs_error *err)
{
    vs_samples all = {0};
    vs_status st;

    VS_CHECK(vs_store_samples(&all, run->store, sets_glob, vs_grader_version(grader), err));
    VS_CHECK(vs_run_label(run, &all, grader, false, NULL, NULL, err));
done:
    vs_samples_free(&all);
    return st;
}

/* Labels of two graders never meet in one run: what was trained on the first would not be what the
 * second says. */
static vs_status check_grader(vs_run *run, const char *fact, const char *now, vs_error *err)
{
    char *before = NULL;
    vs_status st = VS_OK;

    VS_TRY(vs_store_get(&before, run->store, fact, err));
    if (!before)
        st = vs_store_set(run->store, fact, now, err);
    else if (strcmp(before, now) != 0)
        st = VS_FAIL(
            err, VS_E_STATE,
            "%s: its samples were graded by %s, the grader is %s now; vstar regrade %s shows "
            "which labels that changes, another --out starts a run with them",
            run->dir, before, now, run->dir);
    free(before);
    return st;
}

vs_status vs_run_check_graders(vs_run *run, vs_error *err)
{
    VS_TRY(check_grader(run, VS_FACT_GRADER, vs_grader_version(run->grader), err));
    VS_TRY(check_grader(run, VS_FACT_TEST_GRADER, vs_grader_version(run->test_grader), err));
    VS_TRY(vs_run_open_labels(run, err));
    if (*run->reward) VS_TRY(check_grader(run, VS_FACT_REWARD, run->reward, err));
    return check_grader(run, VS_FACT_LABELS, run->labels, err);
}
