/* verifier.h - D_VER becomes a verifier, and candidates get its scores. Three kinds behind one
 * interface, all of which start from G_SFT:
 *
 *   dpo         DPO against G_SFT, right against wrong, problem by problem; the score is log V(y | x)
 *   orm         a value head that tells right from wrong at every token (Cobbe et al. 2021,
 *               arXiv:2110.14168); the score is the value at the last token
 *   generative  next-token prediction of "yes" or "no" after a question behind the solution (Zhang et
 *               al. 2024, arXiv:2408.15240); the score is log P(yes) - log P(no) */
#ifndef VS_VERIFIER_VERIFIER_H
#define VS_VERIFIER_VERIFIER_H

#include "engine/train/job.h"
#include "flow/store/store.h"

typedef enum vs_verifier_kind {
    VS_VERIFIER_DPO,
    VS_VERIFIER_ORM,
    VS_VERIFIER_GENERATIVE,
    VS_VERIFIER_NONE,
} vs_verifier_kind;

/* A problem with its solutions. */
typedef struct vs_ver_item {
    const vs_problem *problem;
    const vs_sample *const *solutions; /* right ones first */
    const double *ref_logp;            /* of each, under the reference; dpo only */
    size_t n, n_right;
} vs_ver_item;

/* What a generative verifier is asked: token ids, each at least one. Zeroed for the other kinds. */
typedef struct vs_ver_words {
    const int32_t *question, *yes, *no;
    size_t n_question, n_yes, n_no;
    int32_t end_id; /* a solution's end token, which the question takes the place of; -1: none */
} vs_ver_words;

typedef struct vs_verifier_job {
    vs_verifier_kind kind;
    const char *name;           /* "verifier" */
    const char *base, *adapter; /* what training starts from; dpo: and the reference */
    const char *tokenizer, *out;
    const vs_ver_item *items; /* in a stable order; dpo: each with right and wrong ones */
    size_t n;
    vs_train_options o;
    vs_ver_words words;
    size_t n_positions;        /* of the model */
    const char *const *others; /* finished folders of other runs: vs_train_job */
    size_t n_others;
    json_t *facts;
} vs_verifier_job;

VS_NODISCARD vs_status vs_verifier_train(vs_store *s, const vs_verifier_job *j, vs_error *err);

/* Kinds that learn from problems with solutions of one sort alone too. */
bool vs_verifier_takes_one_sided(vs_verifier_kind kind);
/* Kinds whose score is a log-prob of the solution: per token and against a reference it means
 * something too. */
bool vs_verifier_is_likelihood(vs_verifier_kind kind);
/* What the verifier's row is called in tables: "V-STaR", "G_T + ORM", .. */
const char *vs_verifier_title(vs_verifier_kind kind);

/* How a verifier of the kind scores; NULL score: by log-probs. words: borrowed by the result. */
vs_score_how vs_verifier_scoring(vs_verifier_kind kind, const vs_ver_words *words);
#endif
