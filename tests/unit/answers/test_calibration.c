/* test_calibration.c - order, probabilities and length by hand, and against known generators. */
#include "base/rng.h"
#include "flow/answers/bootstrap.h"
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

/* Groups that agree leave the rows' spread; groups that differ add theirs; problems that groups share
 * do not become more by being asked again. */
TEST(bootstrap_groups, interval_holds_what_groups_and_problems_differ_by)
{
    enum { GROUPS = 5, ROWS = 100, ALL = GROUPS * ROWS };
    static double same[ALL], apart[ALL];
    static uint32_t own[ALL], shared[ALL];
    size_t begin[GROUPS + 1];
    vs_interval a, b, c, all, one;
    vs_group_draws *of_own, *of_shared;
    vs_error err;

    for (size_t g = 0; g <= GROUPS; g++) begin[g] = g * ROWS;
    for (size_t i = 0; i < ALL; i++) {
        same[i] = (double)(i % 2);
        apart[i] = same[i] + (double)(i / ROWS);
        own[i] = (uint32_t)i;
        shared[i] = (uint32_t)(i % ROWS);
    }
    CHECK_OK(vs_group_draws_open(&of_own, ALL, GROUPS, &err));
    CHECK_OK(vs_group_draws_open(&of_shared, ROWS, GROUPS, &err));
    CHECK_OK(vs_bootstrap_groups(&a, of_own, same, own, begin, &err));
    CHECK_OK(vs_bootstrap_groups(&b, of_own, apart, own, begin, &err));
    CHECK_OK(vs_bootstrap_groups(&c, of_shared, same, shared, begin, &err));
    CHECK_OK(vs_bootstrap(&all, same, ALL, 1, &err));
    CHECK_OK(vs_bootstrap(&one, same, ROWS, 1, &err));
    CHECK_NEAR(a.value, 0.5, 1e-12);
    CHECK_NEAR(b.value, 2.5, 1e-12);
    /* between the rows' spread alone and, as groups of rows are drawn too, sqrt(2) of it */
    CHECK(a.high - a.low > 0.95 * (all.high - all.low));
    CHECK(a.high - a.low < 1.5 * (all.high - all.low));
    CHECK(b.high - b.low > 2 && b.low > 1 && b.high < 4);
    CHECK_NEAR(c.high - c.low, one.high - one.low, 0.02);
    begin[1] = 0;
    CHECK(vs_bootstrap_groups(&a, of_own, same, own, begin, &err) == VS_E_INPUT);
    vs_group_draws_close(of_own);
    vs_group_draws_close(of_shared);
    CHECK(vs_group_draws_open(&of_own, 0, GROUPS, &err) == VS_E_INPUT);
}
