/* stage_choose.c - what of the samples makes D_GEN and D_VER: the recipe's options, and the verifier
 * in the loop. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"

vs_gen_options vs_run_gen_options(const vs_recipe *r, size_t rounds, const bool *kept)
{
    return (vs_gen_options){.rounds = rounds,
                            .which = (vs_data_rounds)r->gen_data.rounds,
                            .without_references = !r->gen_data.references,
                            .cap = r->gen_data.cap,
                            .dedupe = (vs_gen_dedupe)r->gen_data.dedupe,
                            .kept = kept,
                            .seed = r->seed};
}

vs_ver_options vs_run_ver_options(const vs_recipe *r, size_t rounds, const bool *kept)
{
    return (vs_ver_options){.dedupe = r->ver_data.dedupe != 0,
                            .truncated = r->ver_data.truncated != 0,
                            .cap = r->ver_data.cap,
                            .rounds = rounds,
                            .which = (vs_data_rounds)r->ver_data.rounds,
                            .one_sided =
                                vs_verifier_takes_one_sided((vs_verifier_kind)r->verifier.kind),
                            .kept = kept,
                            .seed = r->seed};
}

/* What scores round T's samples: the verifier of the rounds before, at first G_SFT. */
static const char *judge_of_round(char name[32], size_t round)
{
    if (round <= 1) return "sft";
    snprintf(name, 32, "verifier-%zu", round - 1);
    return name;
}

/* score: of each sample of the round, by its judge. Samples of other rounds are left alone. */
static vs_status read_round(double *score, const char *dir, vs_store *s, const vs_samples *all,
                            size_t round, double *scratch, vs_error *err)
{
    char hash[VS_HASH_HEX], name[32];

    VS_TRY(vs_run_model_hash(hash, dir, judge_of_round(name, round), err));
    VS_TRY(vs_store_scores(scratch, s, all, hash, err));
    for (size_t i = 0; i < all->n; i++)
        if (vs_round_of(all->item[i].set) == round) score[i] = scratch[i];
    return VS_OK;
}

vs_status vs_run_kept(bool **kept, const char *dir, const vs_recipe *r, vs_store *s,
                      const vs_samples *all, vs_error *err)
{
    double *score, *scratch;
    bool *out;
    vs_status st = VS_OK;

    *kept = NULL;
    if (r->ver_data.keep == 0) return VS_OK;
    score = vs_alloc(all->n, sizeof *score);
    scratch = vs_alloc(all->n, sizeof *scratch);
    out = vs_alloc(all->n, sizeof *out);
    if (!score || !scratch || !out) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu samples", all->n);
        goto done;
    }
    for (size_t i = 0; i < all->n; i++) score[i] = -INFINITY; /* a round that is not scored yet */
    for (size_t t = 1; t <= r->rounds; t++)
        VS_CHECK(read_round(score, dir, s, all, t, scratch, err));
    for (size_t i = 0; i < all->n; i++)
        if (isnan(score[i])) score[i] = -INFINITY;
    VS_CHECK(vs_keep_best(out, all, score, r->ver_data.keep, err));
    *kept = out;
    out = NULL;
done:
    free(score);
    free(scratch);
    free(out);
    return st;
}

/* The judge of the first round is no verifier: it scores by log-probs. */
static vs_score_how scoring_of_round(const vs_run *run, size_t round)
{
    if (round <= 1) return (vs_score_how){0};
    return vs_verifier_scoring((vs_verifier_kind)run->recipe.verifier.kind, &run->words);
}

vs_status vs_run_choose(vs_run *run, size_t round, vs_error *err)
{
    vs_opened_model m = {0};
    char set[32], name[32];
    vs_status st = VS_OK;

    if (!run->recipe.verifier.every_round) return VS_OK;
    snprintf(set, sizeof set, "round-%zu", round);
    VS_CHECK(vs_run_open_model(run, judge_of_round(name, round), &m, err));
    VS_CHECK(vs_score_sets(run->store, m.model, &run->query, set, scoring_of_round(run, round),
                           "scores of the round", err));
    vs_opened_model_close(&m);
    if (round == run->recipe.rounds) return VS_OK; /* the last one is models/verifier */
    snprintf(name, sizeof name, "verifier-%zu", round);
    return vs_run_verifier(run, name, round, err);
done:
    vs_opened_model_close(&m);
    return st;
}
