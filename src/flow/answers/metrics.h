/* metrics.h - accuracy against k, for every k at once, from one set of N graded samples per
 * problem.
 *
 * All are expectations over a uniformly drawn k-subset of the samples. Pass@k, Best-of-k and Majority@k
 * are exact up to rounding (below 1e-9), and so are Weighted@k and the vote among the top m unless their
 * work would pass a bound that is counted (vote.h): then they are drawn in part, the same way in every
 * run, and their standard error is given. Ties share evenly.
 *
 * Ownership: problems borrow their arrays; vs_metrics owns its own.
 * Threads:   pure functions. */
#ifndef VS_ANSWERS_METRICS_H
#define VS_ANSWERS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/answers/interval.h"

enum { VS_METRICS_MAX_SAMPLES = 4096 }; /* per problem */

/* The samples of one problem; all arrays have n members. */
typedef struct vs_metrics_problem {
    size_t n;
    const uint8_t *right;   /* 0 or 1 */
    const double *scores;   /* higher is better, finite; NULL: none */
    const int32_t *classes; /* equal answers have equal numbers in [0, n); -1: no answer, does not
                               vote; NULL: none */
    uint64_t
        key; /* keys the drawn subsets: a hash of the problem's id, so that order does not matter */
} vs_metrics_problem;

typedef enum vs_curve {
    VS_CURVE_PASS,
    VS_CURVE_BEST_OF,
    VS_CURVE_MAJORITY,
    VS_CURVE_WEIGHTED,
    VS_CURVE_TOP, /* majority among the m best-scored; measured when m is given */
    VS_CURVES
} vs_curve;

/* "pass", "best_of", "majority", "weighted", "top_vote" */
const char *vs_curve_name(vs_curve curve);

typedef struct vs_metrics {
    size_t n_problems, n_ks;
    size_t *ks;
    size_t top;
    bool has[VS_CURVES]; /* a curve is there when every problem has what it needs; votes need an
                            answer in one of them */
    double *values;      /* [n_problems][VS_CURVES][n_ks]; 0 where the curve is missing */
    vs_interval *points; /* [VS_CURVES][n_ks]: mean over problems with its interval */
    double *errors;      /* [VS_CURVES][n_ks]: standard error of drawing; 0: the mean is exact */
} vs_metrics;

/* top: how many of the best-scored vote in VS_CURVE_TOP; 0: that curve is not wanted.
 * ks NULL: the powers of two up to the smallest n, and the smallest n itself. A k of 0 or above the
 * smallest n is VS_E_INPUT, and so are no problems, a problem without samples and a score that is
 * not finite. */
VS_NODISCARD vs_status vs_metrics_measure(vs_metrics *out, const vs_metrics_problem *problems,
                                          size_t n_problems, const size_t *ks, size_t n_ks,
                                          size_t top, vs_error *err);
void vs_metrics_free(vs_metrics *m); /* zeroed or NULL is allowed */
const vs_interval *vs_metrics_point(const vs_metrics *m, vs_curve curve,
                                    size_t k); /* NULL: not measured */

double vs_metrics_error(const vs_metrics *m, vs_curve curve,
                        size_t k); /* 0: exact, or not measured */

/* One point of one system's curves. */
typedef struct vs_metrics_at {
    const vs_metrics *m;
    vs_curve curve;
    size_t k;
} vs_metrics_at;

/* Of each problem, in order; the point was measured. */
void vs_metrics_each(double *out, vs_metrics_at a);

/* a minus b over the same problems in the same order, with its paired interval. VS_E_INPUT: the problems' numbers differ,
 * or a point was not measured. */
VS_NODISCARD vs_status vs_metrics_difference(vs_interval *out, vs_metrics_at a, vs_metrics_at b,
                                             vs_error *err);

/* One problem's values: out[i] at ks[i], each 1 <= ks[i] <= p->n. */
void vs_pass_at(double *out, const vs_metrics_problem *p, const size_t *ks, size_t n_ks);
VS_NODISCARD vs_status vs_best_of(double *out, const vs_metrics_problem *p, const size_t *ks,
                                  size_t n_ks, vs_error *err); /* needs scores */
#endif
