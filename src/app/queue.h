/* queue.h - rows that wait to be scored together: prompts with their solutions, in input order.
 *
 * Consecutive rows with equal prompts share a group, so that the prompt is computed once. A number
 * does not depend on what it shares a group or a batch with. */
#ifndef VS_APP_QUEUE_H
#define VS_APP_QUEUE_H

#include "engine/model/group.h"
#include "engine/model/tokenizer.h"

typedef struct vs_slice {
    size_t at, n;
} vs_slice;

typedef struct vs_queue_row {
    vs_slice prompt;    /* of ids */
    vs_slice solutions; /* of solution */
} vs_queue_row;

/* Zeroed is empty; released by vs_queue_free. */
typedef struct vs_queue {
    vs_ids ids; /* prompts and solutions, one after the other */
    vs_queue_row *row;
    size_t n_rows, cap_rows;
    vs_slice *solution; /* of ids */
    size_t n_solutions, cap_solutions;
    size_t *first_logprob; /* per solution, its place in token_logprobs; filled by vs_queue_score */
    float *token_logprobs;
    double *logprob; /* per solution */
} vs_queue;

void vs_queue_free(vs_queue *q);
void vs_queue_truncate(vs_queue *q, size_t n_rows); /* forgets later rows; keeps memory */
VS_NODISCARD vs_status vs_queue_add_row(vs_queue *q, const int32_t *prompt, size_t n,
                                        vs_error *err);
/* To the last row. */
VS_NODISCARD vs_status vs_queue_add_solution(vs_queue *q, const int32_t *ids, size_t n,
                                             vs_error *err);
/* Checks the last row against the model; where names it. */
VS_NODISCARD vs_status vs_queue_check(const vs_queue *q, const vs_config *c, const char *where,
                                      vs_error *err);
VS_NODISCARD vs_status vs_queue_score(vs_queue *q, vs_scorer *s, vs_error *err);
/* The same by a verifier's scores, which come in logprob; token_logprobs are not filled. */
VS_NODISCARD vs_status vs_queue_score_by(vs_queue *q, vs_scorer *s, vs_score_how how,
                                         vs_error *err);
/* Whether it is time to score: many tokens wait. */
bool vs_queue_is_full(const vs_queue *q);
#endif
