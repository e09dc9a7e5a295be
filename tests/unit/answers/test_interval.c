#include "flow/answers/interval.h"

#include "base/rng.h"
#include "flow/answers/metrics.h"

#include "vs_test.h"

/* Quantiles of published tables (four or five digits). */
TEST(interval, student_quantiles_are_those_of_tables)
{
    static const struct {
        size_t degrees;
        double t;
    } known[] = {{1, 12.70620},  {2, 4.30265},    {3, 3.18245},       {4, 2.77645},  {5, 2.57058},
                 {6, 2.44691},   {7, 2.36462},    {8, 2.30600},       {9, 2.26216},  {10, 2.22814},
                 {20, 2.08596},  {21, 2.07961},   {30, 2.04227},      {99, 1.98422}, {100, 1.98397},
                 {101, 1.98373}, {1000, 1.96234}, {SIZE_MAX, 1.95996}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        CHECK_NEAR(vs_student_975(known[i].degrees), known[i].t, 1e-5 * known[i].t);
    for (size_t d = 1; d < 120; d++) CHECK(vs_student_975(d) > vs_student_975(d + 1));
}

/* Wilson's formula with t in the place of z, for s right of n answers. */
static vs_interval wilson(size_t s, size_t n)
{
    const double p = (double)s / (double)n, t = vs_student_975(n - 1);
    const double k = t * t / (double)(n - 1), root = sqrt(k * (p * (1 - p) + k / 4));

    return (vs_interval){p, (p + k / 2 - root) / (1 + k), (p + k / 2 + root) / (1 + k)};
}

TEST(interval, of_right_and_wrong_answers_is_wilsons)
{
    static const size_t sizes[] = {20, 50, 200, 500};
    double values[500];
    vs_error err;

    for (size_t i = 0; i < 4; i++)
        for (size_t right = 0; right <= sizes[i]; right++) {
            vs_interval a;
            const vs_interval b = wilson(right, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++) values[k] = k < right;
            CHECK_OK(vs_interval_of_problems(&a, values, sizes[i], 1, VS_SHARE, &err));
            CHECK_NEAR(a.low, b.low, 1e-12);
            CHECK_NEAR(a.high, b.high, 1e-12);
            CHECK(a.low < a.high && a.low <= a.value && a.value <= a.high);
            CHECK(a.low >= 0 && a.high <= 1);
            CHECK((a.low == 0) == (right == 0) || a.low < 1e-12);
        }
}

TEST(interval, has_a_width_at_both_ends_and_joins_what_is_beside_them)
{
    double values[200];
    vs_interval at, beside, mirrored;
    vs_error err;

    for (size_t i = 0; i < 200; i++) values[i] = 1;
    CHECK_OK(vs_interval_of_problems(&at, values, 200, 1, VS_SHARE, &err));
    CHECK_NEAR(at.low, 0.981, 0.001); /* n / (n + 3.9) */
    CHECK(at.high == 1 && at.value == 1);
    values[7] = 1 - 1e-6; /* a problem with several samples may be nearly right */
    CHECK_OK(vs_interval_of_problems(&beside, values, 200, 1, VS_SHARE, &err));
    CHECK_NEAR(beside.low, at.low, 1e-6);
    for (size_t i = 0; i < 200; i++) values[i] = 0;
    CHECK_OK(vs_interval_of_problems(&mirrored, values, 200, 1, VS_SHARE, &err));
    CHECK_NEAR(mirrored.high, 1 - at.low, 1e-12);
    CHECK(mirrored.low == 0);
    CHECK_OK(vs_interval_of_problems(&at, values, 200, 1, VS_DIFFERENCE, &err));
    CHECK(at.low < -0.005 && at.high > 0.005 && at.high < 0.015);
}

TEST(interval, of_one_problem_is_the_whole_range_and_of_none_is_refused)
{
    const double values[2] = {1, 1};
    const uint32_t item[2] = {0, 0};
    const size_t begin[3] = {0, 1, 2}, hole[3] = {0, 2, 2};
    vs_interval x;
    vs_error err;

    CHECK_OK(vs_interval_of_problems(&x, values, 1, 1, VS_SHARE, &err));
    CHECK(x.low == 0 && x.high == 1);
    CHECK_OK(vs_interval_of_problems(&x, values, 1, 1, VS_DIFFERENCE, &err));
    CHECK(x.low == -1 && x.high == 1);
    CHECK_OK(vs_interval_of_seeds(&x, values, item, begin, 2, 1, VS_SHARE, &err));
    CHECK(x.low == 0 && x.high == 1);
    CHECK(vs_interval_of_problems(&x, values, 0, 1, VS_SHARE, &err) == VS_E_INPUT);
    CHECK(vs_interval_of_seeds(&x, values, item, hole, 2, 1, VS_SHARE, &err) == VS_E_INPUT);
    CHECK(vs_interval_of_seeds(&x, values, item, begin, 0, 1, VS_SHARE, &err) == VS_E_INPUT);
}

/* -- coverage -- */

enum { DRAWS = 2 }; /* samples of a problem */

/* One problem's value: the share right of DRAWS samples, or one of 0 and 1. */
static double draw_value(vs_rng *rng, double p, bool is_share)
{
    double sum = 0;

    if (!is_share) return vs_rng_uniform(rng) < p;
    for (int i = 0; i < DRAWS; i++) sum += vs_rng_uniform(rng) < p;
    return sum / DRAWS;
}

/* Three standard errors of a coverage near 0.95 over 3,000 trials. */
enum { TRIALS = 3000 };
static const double noise = 3 * 0.004;

static double cover_problems(size_t n, double p, double spread, bool is_share, bool is_difference)
{
    static double values[200];
    vs_rng rng = vs_rng_stream(vs_rng_key_make(n, VS_RNG_TEST, (uint32_t)(100 * p)), is_share);
    size_t covered = 0;
    vs_error err;

    for (int trial = 0; trial < TRIALS; trial++) {
        vs_interval x;
        for (size_t i = 0; i < n; i++) {
            const double own = p + spread * (2 * vs_rng_uniform(&rng) - 1);
            values[i] = draw_value(&rng, own, is_share);
            if (is_difference) values[i] -= draw_value(&rng, own - 0.1, is_share);
        }
        CHECK_OK(vs_interval_of_problems(&x, values, n, 1, is_difference ? VS_DIFFERENCE : VS_SHARE,
                                         &err));
        covered += x.low <= (is_difference ? 0.1 : p) && (is_difference ? 0.1 : p) <= x.high;
    }
    return (double)covered / TRIALS;
}

TEST(interval, over_problems_covers_the_mean)
{
    static const size_t sizes[] = {20, 50, 200};
    static const double shares[] = {0.5, 0.8, 0.95};

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            for (int kind = 0; kind < 4; kind++) {
                const double p = shares[k],
                             c = cover_problems(sizes[i], p, fmin(0.2, 0.5 * (1 - p)), kind & 1,
                                                kind & 2);
                if (getenv("VS_SHOW"))
                    printf("n %zu p %.2f %s %s: %.3f\n", sizes[i], p, kind & 1 ? "shares" : "0/1",
                           kind & 2 ? "difference" : "mean", c);
                CHECK(c > 0.93 - noise && c < 0.995);
            }
}

/* Seeds differ by a shift of this standard deviation, normal or uniform; problems by a uniform one; all seeds have
 * the same problems, or each its own. */
typedef struct setting {
    size_t n_seeds;
    double level, seeds, problems;
    bool is_shared, is_difference, is_uniform;
} setting;

static double draw_shift(vs_rng *rng, const setting *s)
{
    if (s->is_uniform) return s->seeds * 1.7320508 * (2 * vs_rng_uniform(rng) - 1);
    return s->seeds * vs_rng_normal(rng);
}

enum { N = 50, MOST = 10 }; /* problems of a seed; seeds */

static bool covers(const setting *s, vs_rng *rng)
{
    static double values[N * MOST], of_problem[N * MOST];
    static uint32_t item[N * MOST];
    const double truth = s->is_difference ? 0 : s->level;
    size_t begin[MOST + 1];
    vs_interval x;
    vs_error err;

    for (size_t i = 0; i < N * MOST; i++)
        of_problem[i] = s->problems * (2 * vs_rng_uniform(rng) - 1);
    for (size_t g = 0; g < s->n_seeds; g++) {
        const double shift = draw_shift(rng, s);
        begin[g] = g * N;
        for (size_t i = begin[g]; i < begin[g] + N; i++) {
            item[i] = (uint32_t)(s->is_shared ? i - begin[g] : i);
            const double own = of_problem[item[i]];
            values[i] = draw_value(rng, s->level + own + shift, s->level < 0.7);
            if (s->is_difference) values[i] -= draw_value(rng, s->level + own / 2, s->level < 0.7);
        }
    }
    begin[s->n_seeds] = s->n_seeds * N;
    CHECK_OK(vs_interval_of_seeds(&x, values, item, begin, s->n_seeds,
                                  s->is_shared ? N : s->n_seeds * N,
                                  s->is_difference ? VS_DIFFERENCE : VS_SHARE, &err));
    return x.low <= truth && truth <= x.high;
}

static double cover_seeds(const setting *s, uint32_t stream)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(17, VS_RNG_TEST, 0), stream);
    size_t covered = 0;

    for (int trial = 0; trial < TRIALS; trial++) covered += covers(s, &rng);
    return (double)covered / TRIALS;
}

/* 93 to 97 %; up to 99 where seeds hardly differ: nobody can know that from two of them, so that Student's quantile
 * at one degree of freedom must be used, and the problems' part and the ends' come on top of it. */
TEST(interval, over_seeds_and_problems_covers_the_mean_at_2_5_and_10_seeds)
{
    static const size_t n_seeds[] = {2, 5, 10};
    static const double seeds[] = {0, 0.02, 0.06}, levels[] = {0.6, 0.85};
    uint32_t stream = 0;

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            for (unsigned kind = 0; kind < 16; kind++) {
                const double level = levels[kind >> 3];
                const setting s = {.n_seeds = n_seeds[i],
                                   .level = level,
                                   .seeds = seeds[k],
                                   .problems = level > 0.7 ? 0.05 : 0.2,
                                   .is_shared = kind & 1,
                                   .is_difference = kind & 2,
                                   .is_uniform = kind & 4};
                const double c = cover_seeds(&s, stream++);
                if (getenv("VS_SHOW"))
                    printf("seeds %zu level %.2f %s shift %.2f %s %s: %.4f\n", s.n_seeds, s.level,
                           s.is_uniform ? "uniform" : "normal", s.seeds,
                           s.is_shared ? "same problems" : "own problems",
                           s.is_difference ? "difference" : "mean", c);
                CHECK(c > 0.93 - noise && c < (s.seeds < 0.05 ? 0.99 : 0.97 + noise));
            }
}
