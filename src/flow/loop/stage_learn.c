/* stage_learn.c - generators from D_GEN, the verifier from D_VER. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmath.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/datasets/datasets.h"
#include "flow/generator/generator.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"
#include "flow/verifier/verifier.h"

static vs_status problem_of(const vs_problem **out, const vs_run *run, const vs_sample *x,
                            vs_error *err)
{
    *out = vs_problems_find(&run->problems, x->problem_id);
    if (*out) return VS_OK;
    return VS_FAIL(err, VS_E_STATE, "run.db: sample %lld has no problem", (long long)x->id);
}

/* How long the generator after `rounds` rounds is trained: G_SFT by its epochs; where steps are given,
 * they grow from round to round (STaR: int(40 x 1.2^(n - 1))). vs_recipe_check bounds them. */
static void set_length(vs_train_options *o, const vs_recipe *r, size_t rounds)
{
    double steps = (double)o->steps;

    if (rounds == 0) {
        o->steps = 0;
        o->epochs = r->sft_first_epochs;
    }
    for (size_t t = 1; t < rounds; t++) steps *= r->sft_growth;
    if (o->steps) o->steps = (size_t)steps;
    if (o->steps && o->warmup > o->steps) o->warmup = o->steps;
}

static vs_status train_generator(vs_run *run, const char *name, const char *dir,
                                 const vs_samples *all, const vs_gen_set *set, size_t rounds,
                                 vs_error *err)
{
    vs_status st;
    vs_gen_item *items = vs_alloc(set->n, sizeof *items);
    json_t *facts =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "kind", "generator", "rounds",
                  (json_int_t)rounds, "references", (json_int_t)set->n_references, "right_samples",
                  (json_int_t)set->n_right, "rationales", (json_int_t)set->n_rationales,
                  "duplicates", (json_int_t)set->n_duplicates, "false_equations",
                  (json_int_t)set->n_false, "dropped_by_cap", (json_int_t)set->n_capped);
    vs_generator_job job = {.name = name,
                            .base = run->base,
                            .out = dir,
                            .items = items,
                            .n = set->n,
                            .o = run->recipe.sft,
                            .others = (const char *const *)run->other_models,
                            .n_others = run->n_other_models,
                            .facts = facts};
    char start[VS_HASH_HEX];

    if (!items || !facts) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu solutions", name, set->n);
        goto done;
    }
    if (rounds) { /* every generator starts where the first one did */
        VS_CHECK(vs_run_start_hash(start, run, "sft", err));
        job.start = start;
    }
    for (size_t i = 0; i < set->n; i++) {
        items[i].sample = &all->item[set->index[i]];
        VS_CHECK(problem_of(&items[i].problem, run, items[i].sample, err));
    }
    job.o.seed = run->recipe.seed;
    set_length(&job.o, &run->recipe, rounds);
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
    vs_gen_options o;
    bool *kept = NULL;

    if (!dir) return VS_FAIL(err, VS_E_NOMEM, "%s: path", name);
    if (vs_train_job_done(dir)) {
        st = vs_train_job_sweep(dir, err);
        goto done;
    }
    run->did_work = true;
    VS_CHECK(vs_store_samples(&all, run->store, VS_TRAINING_SETS, run->labels, err));
    VS_CHECK(vs_run_kept(&kept, run->dir, &run->recipe, run->store, &all, err));
    o = vs_run_gen_options(&run->recipe, rounds, kept);
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
    free(kept);
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
        v->ref[i] = ref ? ref[set->index[i]] : 0.0;
        if (isnan(v->ref[i]))
            return VS_FAIL(err, VS_E_STATE,
                           "run.db: sample %lld has no log-prob under the reference",
                           (long long)v->samples[i]->id);
    }
    for (size_t g = 0; g < set->n_groups; g++) {
        const vs_ver_group *k = &set->groups[g];
        v->item[g] = (vs_ver_item){.solutions = v->samples + k->first,
                                   .ref_logp = ref ? v->ref + k->first : NULL,
                                   .n = k->n,
                                   .n_right = k->n_right};
        VS_TRY(problem_of(&v->item[g].problem, run, v->samples[k->first], err));
    }
    return VS_OK;
}

static json_t *verifier_facts(const vs_run *run, const vs_ver_set *set, const char *reference)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "kind",
                     "verifier", "verifier", vs_verifier_title(run->recipe.verifier.kind),
                     "reference", reference, "solutions", (json_int_t)set->n_solutions, "pairs",
                     (json_int_t)set->n_pairs, "duplicates", (json_int_t)set->n_duplicates,
                     "equal_texts", (json_int_t)set->n_same_text, "truncated",
                     (json_int_t)set->n_truncated, "ungradable", (json_int_t)set->n_ungradable,
                     "problems_all_right", (json_int_t)set->n_all_right, "problems_all_wrong",
                     (json_int_t)set->n_all_wrong, "grader", run->labels);
}

/* The trainer's section of each kind. */
static const vs_train_options *verifier_options(const vs_recipe *r)
{
    const vs_train_options *const by_kind[] = {
        [VS_VERIFIER_DPO] = &r->dpo,
        [VS_VERIFIER_ORM] = &r->orm,
        [VS_VERIFIER_GENERATIVE] = &r->generative,
    };

    return by_kind[r->verifier.kind];
}

/* What one verifier is made from; ref: log-probs under G_SFT, for the kind that wants them. */
typedef struct ver_data {
    vs_samples all;
    vs_ver_set set;
    bool *kept;
    double *ref;
    char reference[VS_HASH_HEX];
} ver_data;

static void ver_data_free(ver_data *d)
{
    vs_samples_free(&d->all);
    vs_ver_set_free(&d->set);
    free(d->kept);
    free(d->ref);
}

static vs_status train_verifier(vs_run *run, const char *name, const char *dir, const ver_data *d,
                                vs_error *err)
{
    vs_status st;
    char *sft = vs_run_model_dir(run, "sft");
    ver_items v = {vs_alloc(d->set.n_groups, sizeof *v.item),
                   vs_alloc(d->set.n_solutions, sizeof *v.samples),
                   vs_alloc(d->set.n_solutions, sizeof *v.ref)};
    vs_verifier_job job = {.kind = run->recipe.verifier.kind,
                           .name = name,
                           .tokenizer = run->base,
                           .out = dir,
                           .items = v.item,
                           .n = d->set.n_groups,
                           .o = *verifier_options(&run->recipe),
                           .words = &run->words,
                           .n_positions = run->config.n_positions,
                           .others = (const char *const *)run->other_models,
                           .n_others = run->n_other_models,
                           .facts = verifier_facts(run, &d->set, d->reference)};

    if (!sft || !v.item || !v.samples || !v.ref || !job.facts) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu solutions", name, d->set.n_solutions);
        goto done;
    }
    VS_CHECK(fill_items(run, &v, &d->all, d->ref, &d->set, err));
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

/* Log-probs of all training samples under G_SFT, the reference: in f32, as training computes. */
static vs_status score_reference(vs_run *run, ver_data *d, vs_error *err)
{
    vs_opened_model m = {0};
    vs_status st = VS_OK;

    VS_TRY(vs_run_open_model(run, "sft", VS_COMPUTE_F32, &m, err));
    memcpy(d->reference, m.model->hash, sizeof d->reference);
    if (vs_verifier_is_likelihood(run->recipe.verifier.kind))
        VS_CHECK(vs_score_sets(run->store, m.model, &run->query, VS_TRAINING_SETS,
                               (vs_score_how){0}, "reference log-probs", err));
done:
    vs_opened_model_close(&m);
    return st;
}

static vs_status read_ver_data(vs_run *run, ver_data *d, size_t rounds, vs_error *err)
{
    vs_ver_options o;

    VS_TRY(score_reference(run, d, err));
    VS_TRY(vs_store_samples(&d->all, run->store, VS_TRAINING_SETS, run->labels, err));
    VS_TRY(vs_run_kept(&d->kept, run->dir, &run->recipe, run->store, &d->all, err));
    o = vs_run_ver_options(&run->recipe, rounds, d->kept);
    VS_TRY(vs_ver_select(&d->set, &d->all, &o, err));
    if (!vs_verifier_is_likelihood(run->recipe.verifier.kind)) return VS_OK;
    d->ref = vs_alloc(d->all.n, sizeof *d->ref);
    if (!d->ref) return VS_FAIL(err, VS_E_NOMEM, "verifier: %zu samples", d->all.n);
    return vs_store_scores(d->ref, run->store, &d->all, d->reference, err);
}

static bool can_learn(const vs_run *run, const vs_ver_set *set)
{
    size_t n_right = 0;

    for (size_t g = 0; g < set->n_groups; g++) n_right += set->groups[g].n_right;
    return vs_verifier_can_learn(run->recipe.verifier.kind, set->n_pairs, n_right,
                                 set->n_solutions - n_right);
}

vs_status vs_run_verifier(vs_run *run, const char *name, size_t rounds, vs_error *err)
{
    vs_status st = VS_OK;
    char *dir;
    ver_data d = {0};

    if (run->recipe.verifier.kind == VS_VERIFIER_NONE) return VS_OK;
    dir = vs_run_model_dir(run, name);
    if (!dir) return VS_FAIL(err, VS_E_NOMEM, "%s: path", name);
    if (vs_train_job_done(dir)) {
        st = vs_train_job_sweep(dir, err);
        goto done;
    }
    VS_CHECK(read_ver_data(run, &d, rounds, err));
    if (!can_learn(run, &d.set)) { /* the test is measured without a verifier */
        vs_say("%s: no problem has both right and wrong solutions (%zu only right, %zu only "
               "wrong): nothing to tell apart, the run goes on without one",
               name, d.set.n_all_right, d.set.n_all_wrong);
        goto done;
    }
    run->did_work = true;
    VS_CHECK(train_verifier(run, name, dir, &d, err));
done:
    ver_data_free(&d);
    free(dir);
    return st;
}
