/* test_calibration.c - order, probabilities and length by hand, and against known generators. */
#include "base/rng.h"
#include "flow/answers/calibration.h"

#include "vs_test.h"

TEST(calibration, auc_counts_pairs_within_problems_and_ties_half)
{
    /* problem 1: pairs (3 > 1), (3 > 3 tie), (2 > 1), (2 < 3): 2.5 of 4; problem 2: 1 of 1; 3: none */
    const int64_t problem[] = {1, 1, 1, 1, 2, 2, 3, 3};
    const uint8_t right[] = {1, 1, 0, 0, 1, 0, 1, 1};
    const double score[] = {3, 2, 1, 3, 0, -1, 5, 6}, length[] = {1, 1, 1, 1, 1, 1, 1, 1};
    vs_calibration c;
    vs_error err;

    CHECK_OK(vs_calibrate(&c, problem, right, score, length, 8, &err));
    CHECK(c.n_problems == 3 && c.n_auc == 2);
    CHECK_NEAR(c.auc, (0.625 + 1) / 2, 1e-12);
    CHECK(isnan(c.score_length) && isnan(c.right_length));
}

enum { PROBLEMS = 400, SAMPLES = 20, N = PROBLEMS * SAMPLES };

/* Scores are shifted and scaled log-odds of the true chance: the fit must find them again. */
TEST(calibration, finds_the_probabilities_behind_scores)
{
    static int64_t problem[N];
    static uint8_t right[N];
    static double score[N], length[N];
    vs_rng r = vs_rng_stream(vs_rng_key_make(1, VS_RNG_TEST, 0), 0);
    vs_calibration c;
    vs_error err;
    double best = 0;

    for (size_t i = 0; i < N; i++) {
        const double logit = 3 * vs_rng_normal(&r), p = 1 / (1 + exp(-logit));
        problem[i] = (int64_t)(i / SAMPLES);
        right[i] = vs_rng_uniform(&r) < p;
        score[i] = -50 + 7 * logit;
        length[i] = 30 - logit + vs_rng_normal(&r);
        best += p * (1 - p) / N;
    }
    CHECK_OK(vs_calibrate(&c, problem, right, score, length, N, &err));
    CHECK_NEAR(c.brier, best, 0.01);
    CHECK(c.brier < 0.6 * c.brier_base);
    for (int b = 0; b < VS_CALIBRATION_BINS; b++) CHECK_NEAR(c.bin[b].p, c.bin[b].right, 0.08);
    CHECK_NEAR(c.score_length, -3 / sqrt(10.0), 0.03);
    CHECK(c.right_length < -0.4);
}

TEST(calibration, survives_scores_that_tell_all_or_nothing)
{
    const int64_t problem[] = {1, 1, 2, 2, 3, 3, 4, 4};
    const uint8_t right[] = {1, 0, 1, 0, 1, 0, 1, 0};
    const double perfect[] = {9, 1, 9, 1, 9, 1, 9, 1}, flat[8] = {0}, length[8] = {0};
    vs_calibration c;
    vs_error err;

    CHECK_OK(vs_calibrate(&c, problem, right, perfect, length, 8, &err));
    CHECK(c.brier < 0.01 && c.auc == 1);
    CHECK_OK(vs_calibrate(&c, problem, right, flat, length, 8, &err));
    CHECK_NEAR(c.brier, 0.25, 1e-6);
    CHECK(c.auc == 0.5);
    CHECK(vs_calibrate(&c, problem, right, flat, length, 2, &err) == VS_E_INPUT);
}
