/* datasets.h - labelled samples become D_GEN and D_VER. Pure functions over the store's records.
 *
 * Input: samples of sets "reference" (round 0) and "round-1" .., with labels, ordered by problem,
 * then set, then index. References count as right in both sets. Output: indices into that input, in
 * its order, so that nothing is copied. Choices are keyed by (seed, round, problem id): a cap keeps
 * the same samples in a resumed run. */
#ifndef VS_DATASETS_DATASETS_H
#define VS_DATASETS_DATASETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/store/store.h"

/* 0 for "reference", t for "round-t"; SIZE_MAX for anything else. */
size_t vs_round_of(const char *set);

typedef struct vs_gen_options {
    size_t rounds; /* samples of rounds 1 .. rounds take part */
    size_t cap;    /* right samples per problem and round; 0: all */
    bool dedupe;   /* equal texts of a problem once, the first one */
    uint64_t seed;
} vs_gen_options;

typedef struct vs_gen_set {
    size_t *index, n;
    size_t n_references, n_right, n_capped, n_duplicates; /* right: before cap and dedupe */
} vs_gen_set;
VS_NODISCARD vs_status vs_gen_select(vs_gen_set *out, const vs_samples *all,
                                     const vs_gen_options *o, vs_error *err);
void vs_gen_set_free(vs_gen_set *s);

typedef struct vs_ver_options {
    bool dedupe;    /* equal token ids of a problem once */
    bool truncated; /* unfinished samples take part as wrong ones; else they are dropped */
    size_t cap;     /* solutions per problem, right and wrong in turn; 0: all */
    uint64_t seed;
} vs_ver_options;

typedef struct vs_ver_group {
    int64_t problem_id;
    size_t first, n, n_right; /* index[first .. first + n), right ones first */
} vs_ver_group;

typedef struct vs_ver_set {
    size_t *index;
    vs_ver_group *groups; /* problems with both kinds only, by problem id */
    size_t n_groups, n_solutions, n_pairs;
    size_t n_duplicates, n_same_text, n_truncated, n_ungradable, n_capped;
    size_t n_all_right, n_all_wrong; /* problems that give no pair */
} vs_ver_set;
VS_NODISCARD vs_status vs_ver_select(vs_ver_set *out, const vs_samples *all,
                                     const vs_ver_options *o, vs_error *err);
void vs_ver_set_free(vs_ver_set *s);
#endif
