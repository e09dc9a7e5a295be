/* samples.h - problems and a generator become solutions, in the store.
 *
 * A set is finished group by group, in order of problem; what is stored is never drawn again. A
 * group's samples are a function of (seed, set's round, problem key, model) alone. */
#ifndef VS_SAMPLES_SAMPLES_H
#define VS_SAMPLES_SAMPLES_H

#include "engine/decode/decode.h"
#include "engine/model/group.h"
#include "flow/store/store.h"

/* Encodes each problem's prompt into problem->ids. add_special: special tokens as the tokenizer adds them; a chat template
 * has written its own. */
VS_NODISCARD vs_status vs_encode_prompts(vs_problems *p, const vs_tokenizer *t, const vs_config *c,
                                         bool add_special, vs_error *err);

/* Stores the reference solution of each problem of split "sft", encoded and ended with the end token, as set
 * "reference". */
VS_NODISCARD vs_status vs_store_references(vs_store *s, const vs_problems *p, const vs_tokenizer *t,
                                           const vs_config *c, vs_error *err);

typedef struct vs_sampling {
    const char *set;
    size_t k;                        /* samples per problem */
    const vs_decode_options *decode; /* with the key of (seed, round) */
    const char *const *others; /* stores of other runs, which may have drawn the same already */
    size_t n_others;
} vs_sampling;

/* Draws what the set still lacks, and commits in chunks of groups. */
VS_NODISCARD vs_status vs_sample_set(vs_store *s, const vs_model *m, const vs_tokenizer *t,
                                     const vs_problems *p, const vs_sampling *how, vs_error *err);

/* Stores the score by m of every sample of the sets that the store lacks, and commits in chunks. how: log-probs, or a
 * verifier's. */
VS_NODISCARD vs_status vs_score_sets(vs_store *s, const vs_model *m, const vs_problems *p,
                                     const char *sets_glob, vs_score_how how, const char *label,
                                     vs_error *err);
#endif
