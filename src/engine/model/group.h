/* group.h - the unit of compute: one prompt and its solutions, laid out as one row [prompt | s1 |
 * .. | sn].
 *
 * Each solution sees the prompt and itself; positions restart after the prompt; nothing is padded.
 * A solution of L tokens takes L - 1 rows: its last token is predicted but predicts nothing. Its
 * first token is predicted from the prompt's last row. Where a value is read off the last token
 * too, it takes L rows. */
#ifndef VS_MODEL_GROUP_H
#define VS_MODEL_GROUP_H

#include "engine/model/head.h"

typedef struct vs_solution {
    const int32_t *ids; /* at least 1 token */
    size_t n;
    bool reads_last; /* the last token has a row */
    double weight;   /* of its tokens in the loss of SFT; 0: 1 */
} vs_solution;

typedef struct vs_group {
    const int32_t *prompt; /* at least 1 token */
    size_t n_prompt;
    const vs_solution *solutions;
    size_t n_solutions;
} vs_group;

size_t vs_solution_rows(const vs_solution *s); /* L - 1, or L */
size_t vs_group_rows(const vs_group *g);       /* n_prompt + the solutions' rows */
size_t vs_group_tokens(const vs_group *g);     /* sum L: targets */
size_t vs_group_keys(const vs_group *g);       /* what a query of it sees at most */
/* Ids within the vocabulary, at least one token each, rows within the model's positions. where names
 * the row. */
VS_NODISCARD vs_status vs_group_check(const vs_group *g, const vs_config *c, const char *where,
                                      vs_error *err);

#define VS_NO_ROW UINT32_MAX /* an enumerator would have to be an int */

/* A batch of whole groups. Target i of the batch: the next token of a solution, in order of group,
 * solution, token. */
typedef struct vs_rows {
    vs_arena *arena;
    vs_batch batch;
    uint32_t *prompt_row;  /* [groups] row of each prompt's last token */
    vs_targets targets;    /* rows are those of `gather` */
    uint32_t *gather;      /* [targets.n_rows] rows that predict something, ascending */
    uint32_t *read_row;    /* [targets.n] batch row of the target's own token, or VS_NO_ROW */
    uint32_t *target_rank; /* [targets.n] place of (group, solution, token) order's i-th target in
                              `targets` */
    size_t n_solutions;
} vs_rows;
/* Built in the arena, which the caller resets between batches. VS_E_INPUT: a group that does not fit the
 * model's positions, or has tokens beyond its vocabulary. */
VS_NODISCARD vs_status vs_rows_build(vs_rows *out, vs_arena *arena, const vs_model *m,
                                     const vs_group *groups, size_t n_groups, vs_error *err);

/* Rows that a scorer takes at once where nothing speaks for another number: what the caches hold. */
enum { VS_SCORE_ROWS = 512 };

/* Scores groups of any number in batches of about max_rows rows; a group's prompt is computed once.
 *   token_logprobs: for each group, solution and token in order, one float; logprob: for each
 * solution their sum in double, in order. Either may be NULL. */
typedef struct vs_scorer vs_scorer;
VS_NODISCARD vs_status vs_scorer_open(vs_scorer **out, const vs_model *m, size_t max_rows,
                                      vs_error *err);
void vs_scorer_close(vs_scorer *s); /* NULL is allowed */
const vs_model *vs_scorer_model(const vs_scorer *s);
VS_NODISCARD vs_status vs_score(vs_scorer *s, const vs_group *groups, size_t n_groups,
                                float *token_logprobs, double *logprob, vs_error *err);
/* The value of each solution under a model with a value head, read off its last token, or off the
 * one before where prompt and solution fill all positions. */
VS_NODISCARD vs_status vs_score_values(vs_scorer *s, const vs_group *groups, size_t n_groups,
                                       double *value, vs_error *err);
/* How a model turns solutions into scores, one each, in order: whatever a verifier's score is. score
 * NULL: sums of log-probs. */
typedef vs_status vs_score_fn(const void *ctx, vs_scorer *s, const vs_group *groups,
                              size_t n_groups, double *score, vs_error *err);
typedef struct vs_score_how {
    vs_score_fn *score;
    const void *ctx;
    const char *name; /* which scores of a model these are, "value"; NULL: log-probs */
} vs_score_how;
VS_NODISCARD vs_status vs_score_by(vs_score_how how, vs_scorer *s, const vs_group *groups,
                                   size_t n_groups, double *score, vs_error *err);
/* The solution with a row for its last token where the model has a position for it. */
vs_solution vs_solution_valued(const vs_solution *s, size_t n_prompt, size_t n_positions);
#endif
