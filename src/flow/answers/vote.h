/* vote.h - majority vote and weighted vote over the answer classes of one problem.
 *
 * A class is as right as its members: the mean of their labels. Samples without an answer are drawn
 * but do not vote; a draw in which nobody votes scores 0. Tied classes share evenly. Threads: pure
 * functions. */
#ifndef VS_ANSWERS_VOTE_H
#define VS_ANSWERS_VOTE_H

#include "flow/answers/metrics.h"

/* Sums of weights that agree to this share are tied: one of 4096 positive terms is off by less, in any order. */
#define VS_VOTE_TIE 1e-12

/* Bounds of the work on one problem and k, counted, so that results do not depend on the machine. */
enum {
    VS_VOTE_LEAVES = 4096, /* of the search; where it ends within, the weighted vote is exact */
    VS_VOTE_OPEN = 512,    /* branches that are told apart where it does not */
    VS_VOTE_TRIALS = 1024, /* drawn subsets for a vote of the top that is too large for its table */
    VS_VOTE_TOP_WORK = 1 << 26 /* up to which that table is filled */
};

/* out[i]: expected rightness of the most frequent answer of a uniform ks[i]-subset; exact. Needs
 * classes. */
VS_NODISCARD vs_status vs_majority_at(double *out, const vs_metrics_problem *p, const size_t *ks,
                                      size_t n_ks, vs_error *err);

/* out[i]: the same for the answer with the largest sum of weights, a sample's weight being
 * exp(score - the problem's largest score): never negative, and no sum can cancel. Scores more than 700
 * below the largest count as 700 below. Needs classes and scores.
 *
 * Exact wherever the search over the subsets ends within `leaves` (VS_VOTE_LEAVES), as it does where
 * C(n, k) is no larger; else the decided branches are exact and two subsets are drawn in each open one.
 * error[i] is the standard error of out[i], 0 where it is exact. */
VS_NODISCARD vs_status vs_weighted_at(double *out, double *error, const vs_metrics_problem *p,
                                      const size_t *ks, size_t n_ks, size_t leaves, vs_error *err);

/* out[i]: the most frequent answer among the `top` best-scored of a ks[i]-subset (all of it where it is
 * smaller); of equal scores any are as likely. Exact while classes x top^3 x (the sum of
 * min(members, top)^2 over the blocks of equal scores) is at most `work` (VS_VOTE_TOP_WORK), else the mean over VS_VOTE_TRIALS drawn subsets with its standard error. Needs
 * classes and scores. Source: Cobbe et al. 2021 (arXiv:2110.14168), section 5.1: 3 to 5 of 100. */
VS_NODISCARD vs_status vs_top_vote_at(double *out, double *error, const vs_metrics_problem *p,
                                      size_t top, const size_t *ks, size_t n_ks, size_t work,
                                      vs_error *err);

/* The winner of all samples, for showing: the one rule for ties between answers is that the
 * better-scored one is shown (the first, without scores). */
typedef struct vs_vote_choice {
    size_t sample; /* best-scored of the winning answer; SIZE_MAX: nobody votes */
    size_t count;  /* samples with that answer */
    bool is_tied;  /* another answer has as much */
} vs_vote_choice;
VS_NODISCARD vs_status vs_vote_winner(vs_vote_choice *out, const vs_metrics_problem *p,
                                      bool is_weighted, vs_error *err); /* needs classes */

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
/* Rightness of the answer with the largest sum, sums [c->n]; tied ones share evenly; 0: no votes. */
double vs_vote_share(const vs_vote_classes *c, const double *sums);
double vs_vote_weight(double score, double best);
/* v[i] = C(c,i) p^i (1-p)^(c-i) for i = 0..c, 0 < p < 1. */
void vs_vote_binomial(double *v, size_t c, double p);
#endif
