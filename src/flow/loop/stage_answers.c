/* stage_answers.c - the test: candidates, scores, metrics. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/answers/answers.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"

/* What the store calls the scores of both. */
typedef struct hashes {
    char sft[VS_SCORE_KEY_BYTES];
    char verifier[VS_SCORE_KEY_BYTES]; /* empty: the samples gave nothing to learn one from */
} hashes;

static vs_status sample_test(vs_run *run, const char *name, const char *set, uint64_t round,
                             vs_error *err)
{
    return vs_run_sample(run, name, set, &run->test, run->recipe.eval.n, round, run->test_grader,
                         err);
}

static vs_status score_test(vs_run *run, const char *name, vs_score_how how, const char *label,
                            char key[VS_SCORE_KEY_BYTES], vs_error *err)
{
    vs_opened_model m = {0};
    vs_status st;

    VS_TRY(vs_run_open_model(run, name, run->recipe.compute, &m, err));
    vs_score_key(key, m.model->hash, how.name);
    st = vs_score_sets(run->store, m.model, &run->test, "test:*", how, label, err);
    vs_opened_model_close(&m);
    return st;
}

enum {
    SYS_BASE,
    SYS_SFT,
    SYS_G,
    SYS_VSTAR,
    SYS_LIKELIHOOD,
    SYS_MEAN,
    SYS_RATIO,
    SYS_MEAN_RATIO,
    SYS_UNTRAINED,
    SYS_SFT_V,
    N_SYSTEMS
};

/* The rows of results; that of the verifier itself has its kind's title. */
static const struct {
    const char *name, *set;
    vs_rank_by rank;
    bool by_verifier, by_sft; /* ranked by the verifier, by G_SFT's log-probs */
} rows[N_SYSTEMS] = {
    [SYS_BASE] = {"base", "base", VS_RANK_NONE, false, false},
    [SYS_SFT] = {"G_SFT", "test:sft", VS_RANK_NONE, false, false},
    [SYS_G] = {"G_T", "test:generator", VS_RANK_NONE, false, false},
    [SYS_VSTAR] = {NULL, "test:generator", VS_RANK_SUM, true, false},
    [SYS_LIKELIHOOD] = {"G_T own likelihood", "test:generator", VS_RANK_LIKELIHOOD, false, false},
    [SYS_MEAN] = {"V-STaR, mean per token", "test:generator", VS_RANK_MEAN, true, false},
    [SYS_RATIO] = {"V-STaR, log V - log ref", "test:generator", VS_RANK_RATIO, true, true},
    [SYS_MEAN_RATIO] = {"V-STaR, mean log V - log ref", "test:generator", VS_RANK_MEAN_RATIO, true,
                        true},
    [SYS_UNTRAINED] = {"G_SFT likelihood (untrained V)", "test:generator", VS_RANK_SUM, false,
                       true},
    [SYS_SFT_V] = {"G_SFT + V", "test:sft", VS_RANK_SUM, true, false},
};

static const char *row_name(const vs_recipe *r, size_t i)
{
    return rows[i].name ? rows[i].name : vs_verifier_title(r->verifier.kind);
}

/* A run that finds nothing to train a verifier on lacks the verifier's rows all the same. */
static bool wants_row(const vs_recipe *r, size_t i)
{
    const vs_verifier_kind kind = r->verifier.kind;
    const bool is_log_prob = i == SYS_MEAN || i == SYS_RATIO || i == SYS_MEAN_RATIO;

    if (i == SYS_BASE) return r->eval.base;
    if (strcmp(rows[i].set, "test:sft") == 0 && !r->eval.baselines) return false;
    if (rows[i].by_verifier && kind == VS_VERIFIER_NONE) return false;
    return !is_log_prob || vs_verifier_is_likelihood(kind);
}

bool vs_run_has_row(const vs_recipe *r, const char *name)
{
    for (size_t i = 0; i < N_SYSTEMS; i++)
        if (wants_row(r, i) && strcmp(row_name(r, i), name) == 0) return true;
    return false;
}

static size_t headline_k(const vs_metrics *m, size_t at_most)
{
    size_t k = 1;

    for (size_t i = 0; i < m->n_ks; i++)
        if (m->ks[i] <= at_most && m->ks[i] > k) k = m->ks[i];
    return k;
}

/* Stores a difference, unless a system has no such curve: no votes where no answers are named. */
static vs_status compare_at(vs_run *run, const char *name, vs_metrics_at a, vs_metrics_at b,
                            vs_error *err)
{
    if (!vs_metrics_point(a.m, a.curve, a.k) || !vs_metrics_point(b.m, b.curve, b.k)) return VS_OK;
    return vs_answers_compare(run->store, name, a, b, err);
}

/* The claims of the paper as paired differences: few candidates, some, and as many as the headline has. */
static vs_status compare(vs_run *run, const vs_metrics *m, bool has_verifier, vs_error *err)
{
    const size_t n = headline_k(&m[SYS_G], run->recipe.eval.headline_k), ks[] = {4, 16, n};

    for (size_t i = 0; has_verifier && i < sizeof ks / sizeof *ks; i++) {
        const vs_metrics_at best = {&m[SYS_VSTAR], VS_CURVE_BEST_OF, ks[i]};
        if (ks[i] > n || (i < 2 && ks[i] == n)) continue;
        VS_TRY(compare_at(run, "Best-of-k minus Maj@k", best,
                          (vs_metrics_at){&m[SYS_G], VS_CURVE_MAJORITY, ks[i]}, err));
        VS_TRY(compare_at(run, "Best-of-k minus own likelihood", best,
                          (vs_metrics_at){&m[SYS_LIKELIHOOD], VS_CURVE_BEST_OF, ks[i]}, err));
    }
    VS_TRY(compare_at(run, "Maj@k minus Pass@1", (vs_metrics_at){&m[SYS_G], VS_CURVE_MAJORITY, n},
                      (vs_metrics_at){&m[SYS_G], VS_CURVE_PASS, 1}, err));
    if (run->recipe.eval.base)
        VS_TRY(compare_at(run, "Pass@k of G_T minus the base",
                          (vs_metrics_at){&m[SYS_G], VS_CURVE_PASS, 1},
                          (vs_metrics_at){&m[SYS_BASE], VS_CURVE_PASS, 1}, err));
    if (!run->recipe.eval.baselines) return VS_OK;
    return compare_at(run, "Pass@k of G_T minus G_SFT",
                      (vs_metrics_at){&m[SYS_G], VS_CURVE_PASS, 1},
                      (vs_metrics_at){&m[SYS_SFT], VS_CURVE_PASS, 1}, err);
}

/* What ranks by the verifier and against G_SFT: RATIO's reference, or V itself untrained. */
static vs_system system_of(const vs_recipe *r, size_t i, const hashes *h)
{
    return (vs_system){.name = row_name(r, i),
                       .set = rows[i].set,
                       .rank = rows[i].rank,
                       .model = rows[i].by_verifier ? h->verifier
                                : rows[i].by_sft    ? h->sft
                                                    : NULL,
                       .reference = rows[i].by_verifier && rows[i].by_sft ? h->sft : NULL,
                       .top = r->eval.top};
}

static vs_status measure(vs_run *run, const hashes *h, vs_error *err)
{
    const vs_recipe *r = &run->recipe;
    const char *profile = vs_grader_version(run->test_grader);
    const bool has_verifier = h->verifier[0] != '\0';
    vs_metrics m[N_SYSTEMS] = {0};
    vs_status st;

    VS_CHECK(vs_store_begin(run->store, err));
    for (size_t i = 0; i < N_SYSTEMS; i++) {
        const vs_system system = system_of(r, i, h);
        if (!wants_row(r, i) || (rows[i].by_verifier && !has_verifier)) continue;
        VS_CHECK(vs_answers_measure(run->store, &run->test, &system, profile, &m[i], err));
    }
    VS_CHECK(compare(run, m, has_verifier, err));
    VS_CHECK(vs_store_set(run->store, "stage:answers", profile, err));
    VS_CHECK(vs_store_commit(run->store, err));
done:
    if (st != VS_OK) vs_store_rollback(run->store);
    for (size_t i = 0; i < N_SYSTEMS; i++) vs_metrics_free(&m[i]);
    return st;
}

vs_status vs_run_answers(vs_run *run, vs_error *err)
{
    hashes h = {0};
    bool has_verifier;
    char *done = NULL;

    if (run->test.n == 0) return VS_OK;
    VS_TRY(vs_store_get(&done, run->store, "stage:answers", err));
    if (done && strcmp(done, vs_grader_version(run->test_grader)) == 0) {
        free(done);
        return VS_OK;
    }
    free(done);
    run->did_work = true;
    if (run->recipe.eval.base) VS_TRY(vs_run_few_shot(run, err));
    if (run->recipe.eval.baselines)
        VS_TRY(sample_test(run, "sft", "test:sft", VS_ROUND_TEST_SFT, err));
    VS_TRY(sample_test(run, "generator", "test:generator", VS_ROUND_TEST_GENERATOR, err));
    VS_TRY(vs_run_has_verifier(&has_verifier, run, err));
    if (has_verifier)
        VS_TRY(score_test(run, "verifier",
                          vs_verifier_scoring(run->recipe.verifier.kind, &run->words),
                          "verifier scores", h.verifier, err));
    VS_TRY(score_test(run, "sft", (vs_score_how){0}, "reference scores", h.sft, err));
    return measure(run, &h, err);
}
