/* calibration.h - what a verifier's scores say beyond their order: how well they tell right from wrong
 * within a problem, how well they can be read as probabilities, and what they owe to length. */
#ifndef VS_ANSWERS_CALIBRATION_H
#define VS_ANSWERS_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { VS_CALIBRATION_BINS = 10 };

typedef struct vs_calibration {
    size_t n_samples, n_problems;
    /* Share of (right, wrong) pairs of a problem in which the right one scores higher, ties half; the
     * mean over problems that have both. */
    double auc;
    size_t n_auc; /* those problems; 0: auc is NAN */
    /* Scores as probabilities: sigmoid(a s + b), fitted to one half of the problems and measured on the
     * other, both ways (Platt 1999). Brier 1950: the mean of (p - right)^2; base: of the share of right
     * samples instead of p. */
    double brier, brier_base;
    struct {
        double p, right; /* means in the bin */
        size_t n;
    } bin[VS_CALIBRATION_BINS]; /* p in [i, i + 1) / 10 */
    /* Pearson correlations within problems (each problem's mean taken off); NAN where one is constant. */
    double score_length, right_length;
} vs_calibration;

/* Samples of one problem stand together; problem[i] tells them apart. All arrays [n], scores finite. */
VS_NODISCARD vs_status vs_calibrate(vs_calibration *out, const int64_t *problem,
                                    const uint8_t *right, const double *score, const double *length,
                                    size_t n, vs_error *err);
#endif
