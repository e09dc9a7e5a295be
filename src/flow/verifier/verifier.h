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

#include "engine/model/tokenizer.h"
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

/* What a generative verifier is asked, as token ids. Zeroed for the other kinds. */
typedef struct vs_ver_words {
    vs_ids question, yes, no;    /* each at least one token */
    int32_t end_ids[VS_MAX_EOS]; /* end tokens of solutions, whose place the question takes */
    size_t n_end;
    char name[VS_SCORE_NAME_BYTES]; /* of the texts: "yes-0123456789ab" */
} vs_ver_words;
/* where: what errors put before question, yes and no: "generative.", "--". VS_E_INPUT: a text without
 * tokens, or yes and no that are the same. */
VS_NODISCARD vs_status vs_ver_words_open(vs_ver_words *out, const vs_tokenizer *t,
                                         const vs_config *c, const char *question, const char *yes,
                                         const char *no, const char *where, vs_error *err);
void vs_ver_words_free(vs_ver_words *w); /* zeroed is allowed */
/* Positions that question and answer take behind a prompt and what is left of its solution. */
size_t vs_ver_words_room(const vs_ver_words *w);

typedef struct vs_verifier_job {
    vs_verifier_kind kind;
    const char *name;           /* "verifier" */
    const char *base, *adapter; /* what training starts from; dpo: and the reference */
    const char *tokenizer, *out;
    const vs_ver_item *items; /* in a stable order; dpo: each with right and wrong ones */
    size_t n;
    vs_train_options o;
    const vs_ver_words *words; /* generative only */
    size_t n_positions;        /* of the model */
    const char *const *others; /* finished folders of other runs: vs_train_job */
    size_t n_others;
    json_t *facts;
} vs_verifier_job;

VS_NODISCARD vs_status vs_verifier_train(vs_store *s, const vs_verifier_job *j, vs_error *err);

/* Kinds that learn from problems with solutions of one sort alone too. */
bool vs_verifier_takes_one_sided(vs_verifier_kind kind);
/* Whether there is something to tell apart: pairs of one problem, or for kinds that score each solution
 * alone, right and wrong ones at all. */
bool vs_verifier_can_learn(vs_verifier_kind kind, size_t n_pairs, size_t n_right, size_t n_wrong);
/* Kinds whose score is a log-prob of the solution: per token and against a reference it means
 * something too. */
bool vs_verifier_is_likelihood(vs_verifier_kind kind);
/* What the verifier's row is called in tables: "V-STaR", "G_T + ORM", .. */
const char *vs_verifier_title(vs_verifier_kind kind);

/* How a verifier of the kind scores; NULL score: by log-probs. words: borrowed by the result. */
vs_score_how vs_verifier_scoring(vs_verifier_kind kind, const vs_ver_words *words);
/* The name of those scores, from the recipe's texts: what vs_verifier_scoring has too. */
void vs_verifier_score_name(char out[VS_SCORE_NAME_BYTES], vs_verifier_kind kind,
                            const char *question, const char *yes, const char *no);
#endif
