/* verifier.h - D_VER becomes a verifier: DPO from G_SFT against G_SFT, right against wrong, problem
 * by problem. */
#ifndef VS_VERIFIER_VERIFIER_H
#define VS_VERIFIER_VERIFIER_H

#include "engine/train/job.h"
#include "flow/store/store.h"

/* A problem with at least one right and one wrong solution. */
typedef struct vs_ver_item {
    const vs_problem *problem;
    const vs_sample *const *solutions; /* right ones first */
    const double *ref_logp;            /* of each, under the reference */
    size_t n, n_right;
} vs_ver_item;

typedef struct vs_verifier_job {
    const char *base, *adapter; /* the reference: what training starts from */
    const char *tokenizer, *out;
    const vs_ver_item *items; /* in a stable order */
    size_t n;
    vs_train_options o;
    json_t *facts;
} vs_verifier_job;

VS_NODISCARD vs_status vs_verifier_train(vs_store *s, const vs_verifier_job *j, vs_error *err);
#endif
