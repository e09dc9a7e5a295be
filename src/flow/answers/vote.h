/* vote.h - majority vote and weighted vote over the answer classes of one problem.
 *
 * A class is as right as its members: the mean of their labels. Samples without an answer are drawn
 * but do not vote; a draw in which nobody votes scores 0. Tied classes share evenly. Threads: pure
 * functions. */
#ifndef VS_ANSWERS_VOTE_H
#define VS_ANSWERS_VOTE_H

#include "flow/answers/metrics.h"

enum {
    VS_VOTE_TRIALS = 256
}; /* drawn subsets per problem, as many as the paper draws (arXiv:2402.06457) */

/* out[i]: expected rightness of the most frequent answer of a uniform ks[i]-subset; exact. Needs
 * classes. */
VS_NODISCARD vs_status vs_majority_at(double *out, const vs_metrics_problem *p, const size_t *ks,
                                      size_t n_ks, vs_error *err);

/* out[i]: the same for the answer with the largest sum of weights, a sample's weight being
 * exp(score - the problem's largest score): never negative, and no sum can cancel. Exact at 1 and
 * n; else the mean over VS_VOTE_TRIALS subsets, nested over k (the first k of one permutation),
 * keyed by p->key. Sums that agree to 1e-12 are tied, and scores more than 700 below the largest
 * count as 700 below. Needs classes and scores. */
VS_NODISCARD vs_status vs_weighted_at(double *out, const vs_metrics_problem *p, const size_t *ks,
                                      size_t n_ks, vs_error *err);

/* out[i]: the most frequent answer among the `top` best-scored of a ks[i]-subset (all of it where it
 * is smaller); as for the weighted vote, of equal scores those drawn first. Needs classes and scores.
 * Source: Cobbe et al. 2021 (arXiv:2110.14168), section 5.1: 3 to 5 of 100. */
VS_NODISCARD vs_status vs_top_vote_at(double *out, const vs_metrics_problem *p, size_t top,
                                      const size_t *ks, size_t n_ks, vs_error *err);

/* The answer classes of a problem that have members. */
typedef struct vs_vote_classes {
    size_t n, n_null; /* classes; samples without an answer */
    size_t *count;    /* [n] members, sorted: most first */
    double *right;    /* [n] mean label of the members */
    int32_t *of;      /* [samples] place in count and right; -1: no answer */
} vs_vote_classes;
VS_NODISCARD vs_status vs_vote_classes_open(vs_vote_classes *out, const vs_metrics_problem *p,
                                            vs_error *err);
void vs_vote_classes_close(vs_vote_classes *c);
#endif
