/* stage_reward.c - a reward model where no answer is known: the best-scored samples of a problem count
 * as right (RAFT, arXiv:2304.06767). Its labels of all samples stand in the store under a version of
 * their own, so that they can be held against the grader's where there is an answer; what is trained
 * on is the grader's label there and the reward model's elsewhere, or the reward model's everywhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/fmath.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"

enum { HASH_SHOWN = 12, MAX_TOKENIZER_BYTES = 1 << 28 };

static const char mixed_prefix[] = "answers+";

static const char *const score_name[] = {[VS_REWARD_SUM] = "sum",
                                         [VS_REWARD_MEAN] = "mean",
                                         [VS_REWARD_VALUE] = "value",
                                         [VS_REWARD_YES] = "yes"};

/* Token ids must mean the same to both. An adapter has no tokenizer of its own. */
static vs_status check_tokenizer(const vs_run *run, const char *dir, vs_error *err)
{
    char *own = vs_format("%s/tokenizer.json", run->base),
         *other = vs_format("%s/tokenizer.json", dir);
    char *a = NULL, *b = NULL;
    size_t n_a = 0, n_b = 0;
    vs_status st = VS_OK;

    if (!own || !other) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
        goto done;
    }
    if (!vs_file_exists(own) || !vs_file_exists(other)) goto done;
    VS_CHECK(vs_file_read(&a, &n_a, own, MAX_TOKENIZER_BYTES, err));
    VS_CHECK(vs_file_read(&b, &n_b, other, MAX_TOKENIZER_BYTES, err));
    if (n_a != n_b || memcmp(a, b, n_a) != 0)
        st = VS_FAIL(err, VS_E_INPUT,
                     "reward.model: %s differs from %s, expected the same: solutions are scored as "
                     "the base's token ids",
                     other, own);
done:
    free(own);
    free(other);
    free(a);
    free(b);
    return st;
}

static vs_status open_reward(vs_opened_model *out, const vs_run *run, vs_error *err)
{
    const char *dir = run->recipe.reward.model;
    const bool wants_value = run->recipe.reward.score == VS_REWARD_VALUE;

    VS_TRY(check_tokenizer(run, dir, err));
    VS_TRY(vs_opened_model_open_either(out, run->base, dir, run->recipe.compute, err));
    const vs_config *c = &out->base->config;
    if (c->n_vocab != run->config.n_vocab)
        return VS_FAIL(err, VS_E_INPUT, "reward.model: %s has %zu tokens, the base %zu", dir,
                       (size_t)c->n_vocab, (size_t)run->config.n_vocab);
    if (c->n_positions < run->config.n_positions)
        return VS_FAIL(err, VS_E_INPUT, "reward.model: %s has %zu positions, the base %zu", dir,
                       (size_t)c->n_positions, (size_t)run->config.n_positions);
    if (wants_value && !out->model->value_weight)
        return VS_FAIL(err, VS_E_INPUT, "reward.score: found value, but %s has no value head", dir);
    return VS_OK;
}

static vs_score_how scoring(const vs_run *run)
{
    static const vs_verifier_kind kind[] = {[VS_REWARD_SUM] = VS_VERIFIER_DPO,
                                            [VS_REWARD_MEAN] = VS_VERIFIER_DPO,
                                            [VS_REWARD_VALUE] = VS_VERIFIER_ORM,
                                            [VS_REWARD_YES] = VS_VERIFIER_GENERATIVE};

    return vs_verifier_scoring(kind[run->recipe.reward.score], &run->words);
}

vs_status vs_run_open_labels(vs_run *run, vs_error *err)
{
    const vs_recipe *r = &run->recipe;
    vs_opened_model m = {0};
    vs_status st;

    snprintf(run->labels, sizeof run->labels, "%s", vs_grader_version(run->grader));
    if (!r->reward.model) return VS_OK;
    st = open_reward(&m, run, err);
    if (st == VS_OK)
        snprintf(run->reward, sizeof run->reward, "reward/1:%s:%zu:%.17g:%.*s",
                 r->reward.score == VS_REWARD_YES ? run->words.name : score_name[r->reward.score],
                 r->reward.keep, r->reward.threshold, HASH_SHOWN, m.model->hash);
    snprintf(run->labels, sizeof run->labels, "%s%s",
             r->reward.where == VS_REWARD_UNKNOWN ? mixed_prefix : "", run->reward);
    vs_opened_model_close(&m);
    return st;
}

/* -- labels -- */

/* The threshold in the unit of the stored score: values are probabilities, "yes" has log-odds. */
static double least_score(const vs_recipe *r)
{
    const double p = r->reward.threshold;

    if (p == 0.0) return -INFINITY;
    if (r->reward.score == VS_REWARD_VALUE) return p;
    return p == 1.0 ? INFINITY : vs_log(p) - vs_log1p(-p);
}

static vs_status read_scores(double *score, const vs_run *run, const vs_samples *all,
                             const char *key, vs_error *err)
{
    VS_TRY(vs_store_scores(score, run->store, all, key, err));
    for (size_t i = 0; i < all->n; i++) {
        if (isnan(score[i]))
            return VS_FAIL(err, VS_E_STATE, "run.db: sample %lld has no score by the reward model",
                           (long long)all->item[i].id);
        if (run->recipe.reward.score == VS_REWARD_MEAN) score[i] /= (double)all->item[i].n_ids;
    }
    return VS_OK;
}

static vs_status add_label(vs_run *run, const vs_sample *x, const char *profile, int verdict,
                           const char *rule, vs_error *err)
{
    const vs_label l = {.sample_id = x->id,
                        .profile = profile,
                        .verdict = verdict,
                        .rule = rule,
                        .extracted = "",
                        .normal = ""};

    return vs_store_add_label(run->store, &l, err);
}

/* all: with the grader's verdicts. */
static vs_status store_labels(vs_run *run, const vs_samples *all, const vs_verdict *verdict,
                              vs_error *err)
{
    static const char *const rule[] = {
        [VS_WRONG] = "reward/1:rest", [VS_RIGHT] = "reward/1:best", [VS_UNGRADABLE] = "truncated"};
    const bool is_mixed = strcmp(run->labels, run->reward) != 0;
    vs_status st;

    VS_TRY(vs_store_begin(run->store, err));
    for (size_t i = 0; i < all->n; i++) {
        const vs_sample *x = &all->item[i];
        const vs_problem *p = vs_problems_find(&run->problems, x->problem_id);
        const char *by_reward = rule[verdict[i]];
        VS_CHECK(add_label(run, x, run->reward, (int)verdict[i], by_reward, err));
        if (!is_mixed) continue;
        if (p && p->gold)
            VS_CHECK(add_label(run, x, run->labels, x->verdict, "answer", err));
        else
            VS_CHECK(add_label(run, x, run->labels, (int)verdict[i], by_reward, err));
    }
    VS_CHECK(vs_store_commit(run->store, err));
done:
    if (st != VS_OK) vs_store_rollback(run->store);
    return st;
}

/* The samples of a set are labelled in one transaction: all are, or none. */
static vs_status label_set(vs_run *run, const char *set, const char *model, vs_error *err)
{
    char key[VS_SCORE_KEY_BYTES];
    const vs_recipe *r = &run->recipe;
    vs_samples all = {0};
    double *score = NULL;
    vs_verdict *verdict = NULL;
    vs_status st;

    VS_CHECK(vs_store_samples(&all, run->store, set, vs_grader_version(run->grader), err));
    score = vs_alloc(all.n, sizeof *score);
    verdict = vs_alloc(all.n, sizeof *verdict);
    if (!score || !verdict) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu samples", set, all.n);
        goto done;
    }
    vs_score_key(key, model, scoring(run).name);
    VS_CHECK(read_scores(score, run, &all, key, err));
    VS_CHECK(vs_label_best(verdict, &all, score, r->reward.keep, least_score(r), err));
    VS_CHECK(store_labels(run, &all, verdict, err));
done:
    vs_samples_free(&all);
    free(score);
    free(verdict);
    return st;
}

/* -- agreement -- */

vs_status vs_run_agreement(vs_agreement *out, vs_store *s, const char *set, const char *grader,
                           const char *labels, vs_error *err)
{
    vs_samples by_grader = {0}, by_reward = {0};
    vs_status st;

    *out = (vs_agreement){0};
    VS_CHECK(vs_store_samples(&by_grader, s, set, grader, err));
    VS_CHECK(vs_store_samples(&by_reward, s, set, labels, err));
    for (size_t i = 0; i < by_reward.n; i++) {
        const int g = by_grader.item[i].verdict, r = by_reward.item[i].verdict;
        out->n += r >= 0;
        out->n_right += r == VS_RIGHT;
        if ((g == VS_WRONG || g == VS_RIGHT) && (r == VS_WRONG || r == VS_RIGHT)) out->by[g][r]++;
    }
done:
    vs_samples_free(&by_grader);
    vs_samples_free(&by_reward);
    return st;
}

static double percent(size_t part, size_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

char *vs_agreement_text(const vs_agreement *a)
{
    const size_t n_known = a->by[0][0] + a->by[0][1] + a->by[1][0] + a->by[1][1];
    const size_t n_kept = a->by[0][1] + a->by[1][1];

    return vs_format(
        "%zu of %zu solutions count as right by reward; of %zu whose answer is known %.1f %% "
        "are; %.1f %% of %zu labels agree with it",
        a->n_right, a->n, n_kept, percent(a->by[1][1], n_kept),
        percent(a->by[0][0] + a->by[1][1], n_known), n_known);
}

static vs_status say_agreement(const vs_run *run, const char *set, vs_error *err)
{
    vs_agreement a;
    char *text;

    VS_TRY(vs_run_agreement(&a, run->store, set, vs_grader_version(run->grader), run->reward, err));
    text = vs_agreement_text(&a);
    if (!text) return VS_FAIL(err, VS_E_NOMEM, "%s: agreement", set);
    vs_say("%s: %s", set, text);
    free(text);
    return VS_OK;
}

vs_status vs_run_reward(vs_run *run, size_t round, vs_error *err)
{
    vs_opened_model m = {0};
    vs_agreement have;
    char set[32];
    vs_status st;

    if (!run->recipe.reward.model) return VS_OK;
    snprintf(set, sizeof set, "round-%zu", round);
    VS_TRY(
        vs_run_agreement(&have, run->store, set, vs_grader_version(run->grader), run->reward, err));
    if (have.n == run->query.n * run->recipe.sample.k) return VS_OK;
    run->did_work = true;
    VS_CHECK(open_reward(&m, run, err));
    VS_CHECK(vs_score_sets(run->store, m.model, &run->query, set, scoring(run), "reward", err));
    VS_CHECK(label_set(run, set, m.model->hash, err));
    VS_CHECK(say_agreement(run, set, err));
done:
    vs_opened_model_close(&m);
    return st;
}
