/* stage_learn.c - generators from D_GEN, the verifier from D_VER. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "flow/datasets/datasets.h"
#include "flow/generator/generator.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"
#include "flow/verifier/verifier.h"

static const vs_problem *problem_of(const vs_run *run, const vs_sample *x)
{
    return &run->problems.item[x->problem_id - 1];
}

/* "reference" and "round-N" both begin with r; test sets begin with t. */

static vs_status train_generator(vs_run *run, const char *name, const char *dir,
                                 const vs_samples *all, const vs_gen_set *set, size_t rounds,
                                 vs_error *err)
{
    vs_status st;
    vs_gen_item *items = vs_alloc(set->n, sizeof *items);
    json_t *facts =
        json_pack("{s:s, s:I, s:I, s:I, s:I}", "kind", "generator", "rounds", (json_int_t)rounds,
                  "references", (json_int_t)set->n_references, "right_samples",
                  (json_int_t)set->n_right, "dropped_by_cap", (json_int_t)set->n_capped);
    vs_generator_job job = {.name = name,
                            .base = run->base,
                            .out = dir,
                            .items = items,
                            .n = set->n,
                            .o = run->recipe.sft,
                            .facts = facts};

    if (!items || !facts) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu solutions", name, set->n);
        goto done;
    }
    for (size_t i = 0; i < set->n; i++) {
        const vs_sample *x = &all->item[set->index[i]];
        items[i] = (vs_gen_item){problem_of(run, x), x};
    }
    job.o.seed = run->recipe.seed;
    if (rounds == 0 && job.o.steps == 0) job.o.epochs = run->recipe.sft_first_epochs;
    st = vs_generator_train(run->store, &job, err);
done:
    free(items);
    json_decref(facts);
    return st;
}

vs_status vs_run_generator(vs_run *run, const char *name, size_t rounds, vs_error *err)
{
    vs_status st;
    char *dir = vs_run_model_dir(run, name);
    vs_samples all = {0};
    vs_gen_set set = {0};
    const vs_gen_options o = {rounds, run->recipe.gen_data.cap, run->recipe.gen_data.dedupe,
                              run->recipe.seed};

    if (!dir) return VS_FAIL(err, VS_E_NOMEM, "%s: path", name);
    if (vs_train_job_done(dir)) {
        st = vs_train_job_sweep(dir, err);
        goto done;
    }
    run->did_work = true;
    VS_CHECK(
        vs_store_samples(&all, run->store, VS_TRAINING_SETS, vs_grader_version(run->grader), err));
    VS_CHECK(vs_gen_select(&set, &all, &o, err));
    if (set.n == 0) {
        st = VS_FAIL(err, VS_E_INPUT,
                     "%s: D_GEN is empty: no reference solutions and no right samples", name);
        goto done;
    }
    VS_CHECK(train_generator(run, name, dir, &all, &set, rounds, err));
done:
    vs_gen_set_free(&set);
    vs_samples_free(&all);
    free(dir);
    return st;
}

/* -- verifier -- */

typedef struct ver_items {
    vs_ver_item *item;
    const vs_sample **samples;
    double *ref;
} ver_items;

static vs_status fill_items(vs_run *run, ver_items *v, const vs_samples *all, const double *ref,
                            const vs_ver_set *set, vs_error *err)
{
    for (size_t i = 0; i < set->n_solutions; i++) {
        v->samples[i] = &all->item[set->index[i]];
        v->ref[i] = ref[set->index[i]];
        if (isnan(v->ref[i]))
            return VS_FAIL(err, VS_E_STATE,
                           "run.db: sample %lld has no log-prob under the reference",
                           (long long)v->samples[i]->id);
    }
    for (size_t g = 0; g < set->n_groups; g++) {
        const vs_ver_group *k = &set->groups[g];
        v->item[g] = (vs_ver_item){.problem = problem_of(run, v->samples[k->first]),
                                   .solutions = v->samples + k->first,
                                   .ref_logp = v->ref + k->first,
                                   .n = k->n,
                                   .n_right = k->n_right};
    }
    return VS_OK;
}

static json_t *verifier_facts(const vs_run *run, const vs_ver_set *set, const char *reference)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "kind", "verifier",
                     "reference", reference, "solutions", (json_int_t)set->n_solutions, "pairs",
                     (json_int_t)set->n_pairs, "duplicates", (json_int_t)set->n_duplicates,
                     "equal_texts", (json_int_t)set->n_same_text, "truncated",
                     (json_int_t)set->n_truncated, "ungradable", (json_int_t)set->n_ungradable,
                     "problems_all_right", (json_int_t)set->n_all_right, "problems_all_wrong",
                     (json_int_t)set->n_all_wrong, "grader", vs_grader_version(run->grader));
}

static vs_status train_verifier(vs_run *run, const char *dir, const char *reference,
                                const vs_samples *all, const double *ref, const vs_ver_set *set,
                                vs_error *err)
{
    vs_status st;
    char *sft = vs_run_model_dir(run, "sft");
    ver_items v = {vs_alloc(set->n_groups, sizeof *v.item),
                   vs_alloc(set->n_solutions, sizeof *v.samples),
                   vs_alloc(set->n_solutions, sizeof *v.ref)};
    vs_verifier_job job = {.tokenizer = run->base,
                           .out = dir,
                           .items = v.item,
                           .n = set->n_groups,
                           .o = run->recipe.dpo,
                           .facts = verifier_facts(run, set, reference)};

    if (!sft || !v.item || !v.samples || !v.ref || !job.facts) {
        st = VS_FAIL(err, VS_E_NOMEM, "verifier: %zu solutions", set->n_solutions);
        goto done;
    }
    VS_CHECK(fill_items(run, &v, all, ref, set, err));
    job.o.seed = run->recipe.seed;
    job.o.lora.rank = 0; /* the shape is the start's own */
    job.base = vs_is_adapter(sft) ? run->base : sft;
    job.adapter = vs_is_adapter(sft) ? sft : NULL;
    st = vs_verifier_train(run->store, &job, err);
done:
    free(sft);
    free(v.item);
    free(v.samples);
    free(v.ref);
    json_decref(job.facts);
    return st;
}

vs_status vs_run_verifier(vs_run *run, vs_error *err)
{
    vs_status st;
    char *dir = vs_run_model_dir(run, "verifier");
    vs_opened_model m = {0};
    vs_samples all = {0};
    vs_ver_set set = {0};
    double *ref = NULL;
    char hash[VS_HASH_HEX];
    const vs_ver_options o = {run->recipe.ver_data.dedupe, run->recipe.ver_data.truncated,
                              run->recipe.ver_data.cap, run->recipe.seed};

    if (!dir) return VS_FAIL(err, VS_E_NOMEM, "verifier: path");
    if (vs_train_job_done(dir)) {
        st = vs_train_job_sweep(dir, err);
        goto done;
    }
    VS_CHECK(vs_run_open_model(run, "sft", &m, err));
    memcpy(hash, m.model->hash, sizeof hash);
    VS_CHECK(vs_score_sets(run->store, m.model, &run->query, VS_TRAINING_SETS,
                           "reference log-probs", err));
    vs_opened_model_close(&m);
    VS_CHECK(
        vs_store_samples(&all, run->store, VS_TRAINING_SETS, vs_grader_version(run->grader), err));
    VS_CHECK(vs_ver_select(&set, &all, &o, err));
    if (set.n_groups == 0) { /* the test is measured without a verifier */
        vs_say("verifier: no problem has both right and wrong solutions (%zu only right, %zu only "
               "wrong): "
               "nothing to tell apart, the run goes on without one",
               set.n_all_right, set.n_all_wrong);
        goto done;
    }
    run->did_work = true;
    ref = vs_alloc(all.n, sizeof *ref);
    if (!ref) {
        st = VS_FAIL(err, VS_E_NOMEM, "verifier: %zu samples", all.n);
        goto done;
    }
    VS_CHECK(vs_store_scores(ref, run->store, &all, hash, err));
    VS_CHECK(train_verifier(run, dir, hash, &all, ref, &set, err));
done:
    vs_opened_model_close(&m);
    vs_ver_set_free(&set);
    vs_samples_free(&all);
    free(ref);
    free(dir);
    return st;
}
