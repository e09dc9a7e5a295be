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
                            .which = r->gen_data.rounds,
                            .without_references = !r->gen_data.references,
                            .cap = r->gen_data.cap,
                            .dedupe = r->gen_data.dedupe,
                            .kept = kept,
                            .seed = r->seed};
}

vs_ver_options vs_run_ver_options(const vs_recipe *r, size_t rounds, const bool *kept)
{
    return (vs_ver_options){.dedupe = r->ver_data.dedupe != 0,
                            .truncated = r->ver_data.truncated != 0,
                            .cap = r->ver_data.cap,
                            .rounds = rounds,
                            .which = r->ver_data.rounds,
                            .one_sided = vs_verifier_takes_one_sided(r->verifier.kind),
                            .kept = kept,
                            .seed = r->seed};
}

/* What scores round T's samples: the newest verifier of the rounds before. A round whose samples taught
 * none has none; before the first G_SFT scores. */
typedef struct judge {
    char name[32];
    bool is_verifier;
} judge;

static vs_status judge_of_round(judge *out, const char *run_dir, size_t round, vs_error *err)
{
    char hash[VS_HASH_HEX];

    for (size_t t = round; t-- > 1;) {
        snprintf(out->name, sizeof out->name, "verifier-%zu", t);
        VS_TRY(vs_run_model_hash(hash, run_dir, out->name, err));
        out->is_verifier = hash[0] != '\0';
        if (out->is_verifier) return VS_OK;
    }
    *out = (judge){.name = "sft"};
    return VS_OK;
}

/* score: of each sample of the round, by its judge; -INFINITY where there is none yet. Samples of other
 * rounds are left alone. */
static vs_status read_round(double *score, const char *dir, const vs_recipe *r, vs_store *s,
                            const vs_samples *all, size_t round, double *scratch, vs_error *err)
{
    char hash[VS_HASH_HEX], key[VS_SCORE_KEY_BYTES];
    judge by;

    VS_TRY(judge_of_round(&by, dir, round, err));
    VS_TRY(vs_run_model_hash(hash, dir, by.name, err));
    if (by.is_verifier) {
        vs_run_score_key(key, r, hash);
    } else {
        vs_compute_hash(hash, hash, r->compute);
        vs_score_key(key, hash, NULL);
    }
    VS_TRY(vs_store_scores(scratch, s, all, key, err));
    for (size_t i = 0; i < all->n; i++)
        if (vs_round_of(all->item[i].set) == round)
            score[i] = isnan(scratch[i]) ? -INFINITY : scratch[i];
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
    for (size_t t = 1; t <= r->rounds; t++)
        VS_CHECK(read_round(score, dir, r, s, all, t, scratch, err));
    VS_CHECK(vs_keep_best(out, all, score, r->ver_data.keep, err));
    *kept = out;
    out = NULL;
done:
    free(score);
    free(scratch);
    free(out);
    return st;
}

static vs_status score_round(vs_run *run, size_t round, vs_error *err)
{
    vs_opened_model m = {0};
    vs_score_how how = {0};
    char set[32];
    judge by;
    vs_status st;

    snprintf(set, sizeof set, "round-%zu", round);
    VS_TRY(judge_of_round(&by, run->dir, round, err));
    if (by.is_verifier) how = vs_verifier_scoring(run->recipe.verifier.kind, &run->words);
    VS_TRY(vs_run_open_model(run, by.name, run->recipe.compute, &m, err));
    st = vs_score_sets(run->store, m.model, &run->query, set, how, "scores of the round", err);
    vs_opened_model_close(&m);
    return st;
}

vs_status vs_run_choose(vs_run *run, size_t round, vs_error *err)
{
    char name[32];

    if (!run->recipe.verifier.every_round) return VS_OK;
    VS_TRY(score_round(run, round, err));
    if (round == run->recipe.rounds) return VS_OK; /* the last one is models/verifier */
    snprintf(name, sizeof name, "verifier-%zu", round);
    return vs_run_verifier(run, name, round, err);
}
