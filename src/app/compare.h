/* compare.h - the results of a suite: every system over every seed, gathered from the runs' stores. */
#ifndef VS_APP_COMPARE_H
#define VS_APP_COMPARE_H

#include "app/report.h"
#include "flow/answers/calibration.h"
#include "flow/loop/suite.h"

enum { VS_COMPARE_KS = 16, VS_COMPARE_ROUNDS = 16 };

typedef struct vs_compare_curve {
    uint32_t ks[VS_COMPARE_KS];
    vs_interval point[VS_COMPARE_KS]; /* over seeds and problems */
    size_t n;                         /* 0: the system has no such curve */
} vs_compare_curve;

typedef struct vs_compare_line {
    const char *name; /* the system's */
    char row[48];     /* of its run's results */
    size_t run;
    vs_compare_curve curve[VS_CURVES];
} vs_compare_line;

typedef enum vs_held { VS_HELD, VS_NOT_HELD, VS_UNDECIDED } vs_held;
extern const char *const vs_held_name[3];

typedef struct vs_compare_claim {
    const vs_suite_claim *claim;
    uint32_t k;
    vs_interval difference;
    double seed[VS_SUITE_MAX]; /* of each seed alone */
    vs_held held;              /* by the interval: above 0, below it, or around it */
    bool is_missing;           /* one of the systems has no such point: all else is 0 */
} vs_compare_claim;

/* One run of every seed; what it shares with others is taken over. */
typedef struct vs_compare_run {
    char *slug;
    /* share of right samples on training problems, mean over seeds */
    double round[VS_COMPARE_ROUNDS];
    size_t n_rounds;
    const char *verifier;       /* its title; NULL: none */
    vs_calibration calibration; /* of the verifier's scores, all seeds' test problems together */
    bool is_calibrated;
} vs_compare_run;

typedef struct vs_comparison {
    const vs_suite *suite;
    size_t n_problems; /* of a seed */
    size_t headline_k; /* the largest measured k not above the recipe's eval.headline_k */
    vs_compare_run run[VS_SUITE_MAX];
    size_t n_runs;
    vs_compare_line line[VS_SUITE_MAX];
    size_t n_lines;
    vs_compare_claim *claim;
    size_t n_claims;
} vs_comparison;

/* Reads what the runs DIR/seed-S/SLUG have come to. *c has its suite (borrowed), runs with their slugs and
 * lines with name, row and run already. */
VS_NODISCARD vs_status vs_comparison_read(vs_comparison *c, const char *dir, vs_error *err);
void vs_comparison_free(vs_comparison *c);
/* NULL: the curve was not measured at or below k. */
const vs_interval *vs_compare_point(const vs_compare_line *l, vs_curve curve, size_t k);
VS_NODISCARD vs_status vs_comparison_page(vs_buf *out, const vs_comparison *c, vs_error *err);
/* Markdown: results, claims, calibration, rounds. */
void vs_comparison_text(vs_buf *out, const vs_comparison *c);
#endif
