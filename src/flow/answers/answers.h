/* answers.h - candidates and scores become ranked answers and the run's metrics. */
#ifndef VS_ANSWERS_ANSWERS_H
#define VS_ANSWERS_ANSWERS_H

#include "flow/answers/metrics.h"
#include "flow/store/store.h"

typedef enum vs_rank_by {
    VS_RANK_NONE,       /* no scores: pass and majority only */
    VS_RANK_SUM,        /* log V(y | x): the paper's score */
    VS_RANK_MEAN,       /* the same per token */
    VS_RANK_RATIO,      /* log V - log reference */
    VS_RANK_MEAN_RATIO, /* the same per token */
    VS_RANK_LIKELIHOOD, /* log-prob under the sampling model itself */
} vs_rank_by;

/* One row of the table of results: which samples, ranked how. */
typedef struct vs_system {
    const char *name; /* "V-STaR" */
    const char *set;  /* "test:generator" */
    vs_rank_by rank;
    const char *model;     /* hash of V; NULL for NONE and LIKELIHOOD */
    const char *reference; /* hash; RATIO and MEAN_RATIO only */
    size_t top;            /* of the vote among the best-scored; 0: none */
} vs_system;

/* Measures the system on all its samples under the grader's profile (with version) and stores every
 * curve it has. *out: for differences; the caller frees it. */
VS_NODISCARD vs_status vs_answers_measure(vs_store *s, const vs_problems *test,
                                          const vs_system *system, const char *profile,
                                          vs_metrics *out, vs_error *err);

/* Stores a minus b as curve "difference" of that name at a's k; both from vs_answers_measure. */
VS_NODISCARD vs_status vs_answers_compare(vs_store *s, const char *name, vs_metrics_at a,
                                          vs_metrics_at b, vs_error *err);
#endif
