/* decode.h - sampling n completions of each of many prompts.
 *
 * A prompt is computed once; its n branches then share it. Branches of several problems share a
 * step; a finished branch leaves at once and a waiting one enters. What a branch draws depends on
 * (key, problem key, sample index, position) alone. */
#ifndef VS_DECODE_DECODE_H
#define VS_DECODE_DECODE_H

#include "base/rng.h"
#include "engine/model/model.h"
#include "engine/model/tokenizer.h"

typedef enum vs_finish { VS_FINISH_STOP, VS_FINISH_STRING, VS_FINISH_LENGTH } vs_finish;
extern const char *const vs_finish_name[3]; /* "stop", "string", "length" */

typedef struct vs_decode_options {
    double temperature; /* 0: greedy, the lowest id at a tie */
    double top_p;      /* 1: off. The smallest set of most likely tokens whose mass reaches it; acts
                          after temperature and top_k */
    size_t top_k;      /* 0: off */
    size_t max_tokens; /* new tokens, end token included; also bounded by the model's positions */
    const char *const *stop; /* strings: matched on decoded bytes across tokens; the text from the
                                match on is cut */
    size_t n_stop;
    vs_rng_key key;                /* of (seed, round) */
    size_t rows;                   /* branches alive at once, at most */
    const vs_tokenizer *tokenizer; /* needed for stop strings only */
} vs_decode_options;

typedef struct vs_decode_problem {
    const int32_t *prompt;
    size_t n_prompt;
    uint64_t key; /* of the problem: vs_hash64 of its id */
    size_t n;     /* samples */
    size_t first; /* index of the first sample */
} vs_decode_problem;

typedef struct vs_completion {
    const int32_t *ids;    /* the end token included, tokens at and after a stop string too */
    const float *logprobs; /* the model's own, temperature 1 */
    size_t n;
    vs_finish finish;
} vs_completion;

/* Called once per problem, in order of problems, with its n completions; memory is lent for the
 * call. */
typedef vs_status (*vs_decode_fn)(void *ctx, size_t problem, const vs_completion *c, size_t n,
                                  vs_error *err);

VS_NODISCARD vs_status vs_decode_run(const vs_model *m, const vs_decode_problem *problems,
                                     size_t n_problems, const vs_decode_options *o, vs_decode_fn fn,
                                     void *ctx, vs_error *err);

/* Length of the text before the first stop string in text, len when there is none. */
size_t vs_stop_cut(const char *text, size_t len, const char *const *stop, size_t n_stop);
#endif
