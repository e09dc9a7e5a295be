/* datasets.h - labelled samples become D_GEN and D_VER. Pure functions over the store's records.
 *
 * Input:   samples of sets "reference" (round 0), "round-1" .. and "rationale-1" .., with labels,
 *          ordered by problem, then set, then index. References count as right in both data sets.
 * Output:  indices into that input, in its order, so that nothing is copied.
 * Choices: are keyed by (seed, round, problem id): a cap keeps the same samples in a resumed run. */
#ifndef VS_DATASETS_DATASETS_H
#define VS_DATASETS_DATASETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "flow/store/store.h"

/* 0 for "reference", t for "round-t" and "rationale-t"; SIZE_MAX for anything else. */
size_t vs_round_of(const char *set);

/* Which rounds up to the last one take part. */
typedef enum vs_data_rounds { VS_ROUNDS_ALL, VS_ROUNDS_LAST } vs_data_rounds;

/* Solutions of a problem that count once, the first one: none, equal texts, equal lists of
 * equations (RFT, arXiv:2308.01825; those with an equation that is false are left out). */
typedef enum vs_gen_dedupe { VS_DEDUPE_NONE, VS_DEDUPE_TEXTS, VS_DEDUPE_EQUATIONS } vs_gen_dedupe;

typedef struct vs_gen_options {
    size_t rounds; /* the last round whose samples take part; 0: references alone */
    vs_data_rounds which;
    bool without_references; /* they are left out, unless rounds is 0 */
    size_t cap;              /* right samples per problem and round; 0: all */
    vs_gen_dedupe dedupe;
    const bool *kept; /* [samples] others do not take part; NULL: all are kept */
    uint64_t seed;
} vs_gen_options;

typedef struct vs_gen_set {
    size_t *index, n;
    size_t n_references, n_right, n_capped, n_duplicates; /* right: before cap and dedupe */
    size_t n_rationales;                                  /* of n_right */
    size_t n_false; /* left out for an equation that does not hold */
} vs_gen_set;
VS_NODISCARD vs_status vs_gen_select(vs_gen_set *out, const vs_samples *all,
                                     const vs_gen_options *o, vs_error *err);
void vs_gen_set_free(vs_gen_set *s);

typedef struct vs_ver_options {
    bool dedupe;    /* equal token ids of a problem once */
    bool truncated; /* unfinished samples take part as wrong ones; else they are dropped */
    size_t cap;     /* solutions per problem, half of each kind where there are enough; 0: all */
    size_t rounds;  /* the last round whose samples take part; 0: any */
    vs_data_rounds which;
    bool one_sided;   /* problems with right or wrong ones alone take part too */
    const bool *kept; /* as in vs_gen_options */
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

/* kept [samples]: of each problem and set the `keep` right samples with the highest scores and as
 * many wrong ones with the highest; equal scores: the first ones. Equal texts count as often as they
 * were drawn: where solutions have few texts, few wrong ones would be left otherwise (LOG.md, entry
 * 12). Unfinished and ungradable samples are left out. References are always kept, whatever their
 * score. score [samples], without NAN; -INFINITY: not scored. */
VS_NODISCARD vs_status vs_keep_best(bool *kept, const vs_samples *all, const double *score,
                                    size_t keep, vs_error *err);

/* verdict [samples]: of each problem and set the `keep` best-scored texts (0: all) with a score of
 * at least `least` are right, other finished ones wrong, unfinished ones not gradable. Equal texts
 * share a verdict; equal scores: the first ones. score [samples]: without NAN. */
VS_NODISCARD vs_status vs_label_best(vs_verdict *verdict, const vs_samples *all,
                                     const double *score, size_t keep, double least, vs_error *err);

/* The equations of a solution in order, blanks taken out, as "9+9=18;2*18=36;": what stands between
 * << and >>, or where there is none, every run of numbers and signs with an "=". false: one of them
 * does not hold (within 1e-3). NULL out: only that. */
bool vs_equations(vs_buf *out, const char *text);
#endif
