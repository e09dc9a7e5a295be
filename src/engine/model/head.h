/* head.h - the output head, streamed over the vocabulary: log-probs of targets, their gradients, and
 * whole rows of logits for sampling. */
#ifndef VS_MODEL_HEAD_H
#define VS_MODEL_HEAD_H

#include "engine/model/model.h"

/* Log-probs of targets, by tiles of the vocabulary with a running log-sum-exp.
 * logp[t] = (double)l[id[t]] - max - log(sum), as float. */
typedef struct vs_targets {
    size_t n_rows, n;
    const uint32_t *row; /* [n] ascending, < n_rows */
    const int32_t *id;   /* [n] */
} vs_targets;
/* logits [n_rows][ld], ld from vs_head_ld: room for a tile of the vocabulary, or for all of it, which the backward pass then
 * need not compute again. max, sum [n_rows]: the log-sum-exp of each row. */
size_t vs_head_ld(const vs_model *m, bool keep);
void vs_head_logprobs(const vs_model *m, const float *hidden, const vs_targets *t, float *logits,
                      size_t ld, float *logp, float *max, float *sum);
/* Backward of the sum over targets of coef[t] * logp[t]; logits, max and sum as vs_head_logprobs left them.
 * d_hidden [n_rows][C] is written; head_grads [V][C] (NULL: the head does not train) is a chain
 * over rows. logits are destroyed. scratch: vs_head_scratch floats. */
void vs_head_backward(const vs_model *m, const float *hidden, const vs_targets *t,
                      const float *coef, const float *max, const float *sum, float *logits,
                      size_t ld, float *scratch, float *d_hidden, float *head_grads);
size_t vs_head_scratch(const vs_model *m, size_t n_rows);
/* Logits of whole rows [n_rows][V] with (max, sum) of each, for sampling. */
void vs_head_logits(const vs_model *m, const float *hidden, size_t n_rows, float *logits, size_t ld,
                    float *max, float *sum);
float vs_logprob_of(float logit, float max, float sum);
#endif
