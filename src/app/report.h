/* report.h - a run's report: what is read from its store, and the page made of it. */
#ifndef VS_APP_REPORT_H
#define VS_APP_REPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "flow/labels/grader.h"
#include "flow/store/store.h"

/* What a run's sampling sets came to, one round each. Counts of samples, then of problems. */
typedef struct vs_round_stats {
    char set[32];
    size_t n_drawn, n_unique, n_right, n_wrong, n_ungradable, n_truncated;
    size_t n_problems, n_newly_solved, n_never_solved; /* up to and with this round */
} vs_round_stats;

/* One sample of an example problem. */
typedef struct vs_example_sample {
    const vs_sample *sample;
    double score;  /* the verifier's; NAN without one */
    size_t n_same; /* candidates of the problem with the same answer */
} vs_example_sample;

typedef struct vs_example_problem {
    const vs_problem *problem;
    const char *why; /* static: the caption */
    vs_example_sample shown[4];
    const char *role[4]; /* static: "chosen by the verifier", .. */
    size_t n_shown, n_right, n_candidates;
    bool is_caught; /* the vote's choice is wrong and the verifier's right; such examples come first
                     */
} vs_example_problem;

enum {
    VS_REPORT_EXAMPLES = 6,
    VS_REPORT_ROUNDS = 64,
    VS_REPORT_HASHES = VS_REPORT_ROUNDS + 4,
    VS_REPORT_NOTES = 16 + VS_REPORT_ROUNDS
};

typedef struct vs_report {
    size_t headline_k;
    char *name, *recipe;                  /* the recipe's name and text */
    char grader[VS_GRADER_VERSION_BYTES]; /* of the labels that were trained on, with version */
    char test_grader[VS_GRADER_VERSION_BYTES]; /* of the test's */
    struct {
        char *name, *text;
    } note[VS_REPORT_NOTES]; /* how answers were graded, and what training shares with tests */
    size_t n_notes;
    struct {
        char name[32], hex[VS_HASH_HEX];
    } hash[VS_REPORT_HASHES]; /* what was made, and its content hash */
    size_t n_hashes;
    vs_problems test;
    vs_samples samples;                /* the final generator's test samples, labelled */
    char verifier[VS_SCORE_KEY_BYTES]; /* whose scores they have; "": there is none */
    double *score;                     /* [samples.n] the verifier's */
    vs_metric *metrics;
    size_t n_metrics;
    vs_train_row *train;
    size_t n_train;
    vs_round_stats round[VS_REPORT_ROUNDS];
    size_t n_rounds;
    vs_example_problem example[VS_REPORT_EXAMPLES];
    size_t n_examples;
} vs_report;

VS_NODISCARD vs_status vs_report_read(vs_report *out, const char *run_dir, vs_error *err);
void vs_report_free(vs_report *r);
/* Statistics of every sampling set "round-*", in order. */
VS_NODISCARD vs_status vs_rounds_read(vs_round_stats *out, size_t *n, vs_store *s,
                                      const char *profile, vs_error *err);

/* The numbers that a run is summed up by: a curve of a system at k = 1 or at eval.headline_k. */
typedef struct vs_headline {
    const char *system, *curve; /* as the loop stores them */
    bool at_headline, is_lead;
    const char *what, *measure; /* the measure's k follows */
} vs_headline;
enum { VS_HEADLINES = 8 };
extern const vs_headline vs_headlines[VS_HEADLINES];
/* NULL: not there (yet). */
const vs_metric *vs_headline_find(const vs_metric *all, size_t n, const vs_headline *h,
                                  size_t headline_k);
/* The metric with the largest k that is not above at_most. */
const vs_metric *vs_find_metric(const vs_metric *all, size_t n, const char *system,
                                const char *curve, size_t at_most);

/* The whole page, self-contained. */
VS_NODISCARD vs_status vs_report_page(vs_buf *out, const vs_report *r, vs_error *err);
/* RUN/run.db -> RUN/report.html. */
VS_NODISCARD vs_status vs_report_write(const char *run_dir, vs_error *err);
#endif
