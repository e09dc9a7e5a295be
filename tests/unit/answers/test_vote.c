#include "flow/answers/vote.h"

#include "base/mem.h"
#include "base/rng.h"
#include "flow/answers/metrics.h"

#include "vs_test.h"

static const double exact = 1e-9;

enum { MOST = 64 };

typedef struct problem {
    uint8_t right[MOST];
    double scores[MOST];
    int32_t classes[MOST];
    vs_metrics_problem view;
} problem;

/* step > 0: scores are multiples of it, so that many are tied. */
static void random_problem(problem *p, vs_rng *rng, size_t n, size_t n_answers, double range,
                           double step)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t answer = vs_rng_below(rng, (uint32_t)n_answers + 1);
        p->classes[i] = answer == n_answers ? -1 : (int32_t)answer;
        p->right[i] = n_answers > 2 && answer > 1 ? (uint8_t)vs_rng_below(rng, 2) : answer == 0;
        p->scores[i] = -range * vs_rng_uniform(rng);
        if (step > 0) p->scores[i] = step * floor(p->scores[i] / step);
    }
    p->view = (vs_metrics_problem){.n = n,
                                   .right = p->right,
                                   .scores = p->scores,
                                   .classes = p->classes,
                                   .key = vs_rng_u32(rng)};
}

static double class_right(const problem *p, int32_t class)
{
    double right = 0, n = 0;

    for (size_t i = 0; i < p->view.n; i++)
        if (p->classes[i] == class) right += p->right[i], n++;
    return right / n;
}

/* The vote of the members of a set; weights NULL: one each. */
static double vote_of(const problem *p, const uint32_t *set, size_t n, bool is_weighted)
{
    double sums[MOST] = {0}, most = 0, right = 0, tied = 0;

    for (size_t i = 0; i < n; i++)
        if (p->classes[set[i]] >= 0)
            sums[p->classes[set[i]]] += is_weighted ? exp(p->scores[set[i]]) : 1;
    for (size_t c = 0; c < MOST; c++) most = fmax(most, sums[c]);
    if (most == 0) return 0;
    for (size_t c = 0; c < MOST; c++)
        if (sums[c] > most * (1 - 1e-11)) right += class_right(p, (int32_t)c), tied++;
    return right / tied;
}

static size_t members(uint32_t *set, uint32_t bits)
{
    size_t n = 0;

    for (uint32_t i = 0; i < 32; i++)
        if (bits >> i & 1) set[n++] = i;
    return n;
}

/* The mean vote over all ways to fill the top places: members above the boundary's score, and every
 * choice of as many as are wanted among those at it. */
static double vote_of_top(const problem *p, const uint32_t *set, size_t n, size_t top)
{
    uint32_t chosen[MOST], tied[MOST];
    size_t n_above = 0, n_tied = 0;
    double boundary = 0, sum = 0, ways = 0;

    if (n <= top) return vote_of(p, set, n, false);
    for (size_t i = 0; i < n; i++) {
        size_t above = 0, at = 0;
        for (size_t k = 0; k < n; k++) {
            above += p->scores[set[k]] > p->scores[set[i]];
            at += p->scores[set[k]] == p->scores[set[i]];
        }
        if (above < top && above + at >= top) boundary = p->scores[set[i]];
    }
    for (size_t i = 0; i < n; i++) {
        if (p->scores[set[i]] > boundary) chosen[n_above++] = set[i];
        if (p->scores[set[i]] == boundary) tied[n_tied++] = set[i];
    }
    for (uint32_t bits = 0; bits < 1u << n_tied; bits++) {
        size_t m = n_above;
        if ((size_t)__builtin_popcount(bits) + n_above != top) continue;
        for (size_t i = 0; i < n_tied; i++)
            if (bits >> i & 1) chosen[m++] = tied[i];
        sum += vote_of(p, chosen, m, false);
        ways++;
    }
    return sum / ways;
}

static double enumerate(const problem *p, size_t k, size_t top)
{
    uint32_t set[MOST];
    double sum = 0, ways = 0;

    for (uint32_t bits = 0; bits < 1u << p->view.n; bits++) {
        if ((size_t)__builtin_popcount(bits) != k) continue;
        const size_t n = members(set, bits);
        sum += top ? vote_of_top(p, set, n, top) : vote_of(p, set, n, true);
        ways++;
    }
    return sum / ways;
}

TEST(vote, weighted_and_of_the_top_equal_enumeration_for_all_small_n_and_k)
{
    static const double steps[] = {0, 0.5, 2}, ranges[] = {0.3, 3, 30};
    vs_rng rng = vs_rng_stream(vs_rng_key_make(11, VS_RNG_TEST, 0), 0);
    problem p;
    vs_error err;

    for (size_t n = 1; n <= 9; n++)
        for (size_t answers = 1; answers <= 4; answers++)
            for (int kind = 0; kind < 9; kind++)
                for (size_t k = 1; k <= n; k++) {
                    double value, error;
                    random_problem(&p, &rng, n, answers < n ? answers : n, ranges[kind % 3],
                                   steps[kind / 3]);
                    CHECK_OK(vs_weighted_at(&value, &error, &p.view, &k, 1, VS_VOTE_LEAVES, &err));
                    CHECK_NEAR(value, enumerate(&p, k, 0), exact);
                    CHECK(error == 0);
                    for (size_t top = 1; top <= n; top += 2) {
                        CHECK_OK(vs_top_vote_at(&value, &error, &p.view, top, &k, 1,
                                                VS_VOTE_TOP_WORK, &err));
                        CHECK_NEAR(value, enumerate(&p, k, top), exact);
                        CHECK(error == 0);
                    }
                }
}

/* The mean vote of `trials` drawn subsets. */
static double monte_carlo(const problem *p, size_t k, size_t top, size_t trials, vs_rng *rng)
{
    uint32_t order[MOST];
    double sum = 0;

    for (uint32_t i = 0; i < p->view.n; i++) order[i] = i;
    for (size_t t = 0; t < trials; t++) {
        for (size_t i = 0; i < k; i++) {
            const size_t with = i + vs_rng_below(rng, (uint32_t)(p->view.n - i));
            const uint32_t x = order[with];
            order[with] = order[i];
            order[i] = x;
        }
        sum += top ? vote_of_top(p, order, k, top) : vote_of(p, order, k, true);
    }
    return sum / (double)trials;
}

/* A draw is in [0, 1]: the standard error of a million is at most 0.0005; four of those. */
TEST(vote, agrees_with_drawn_subsets_for_medium_n)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(12, VS_RNG_TEST, 0), 0);
    problem p;
    vs_error err;

    for (int kind = 0; kind < 3; kind++) {
        const size_t n = 24 + 16 * (size_t)kind, k = n / 3;
        double value, error;
        random_problem(&p, &rng, n, 5, 12, kind == 1 ? 0.5 : 0);
        CHECK_OK(vs_weighted_at(&value, &error, &p.view, &k, 1, VS_VOTE_LEAVES, &err));
        CHECK_NEAR(value, monte_carlo(&p, k, 0, 1000000, &rng), 0.002 + 4 * error);
        if (kind == 1) continue; /* the check's own ties take too long */
        CHECK_OK(vs_top_vote_at(&value, &error, &p.view, 5, &k, 1, VS_VOTE_TOP_WORK, &err));
        CHECK(error == 0);
        CHECK_NEAR(value, monte_carlo(&p, k, 5, 400000, &rng), 0.0032);
    }
}

/* Close scores decide little before the end: more leaves than the second search may have. The budget that
 * just makes the result exact is found by halving. */
TEST(vote, budget_is_what_the_search_needs_and_not_one_less)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(13, VS_RNG_TEST, 0), 0);
    problem p;
    const size_t k = 8;
    double value, error, expected;
    size_t few = 1, enough = 12870; /* C(16, 8) */
    vs_error err;

    random_problem(&p, &rng, 16, 2, 0.2, 0);
    for (size_t i = 0; i < 16; i++) p.classes[i] = (int32_t)i % 2, p.right[i] = i % 2 == 0;
    expected = enumerate(&p, k, 0);
    CHECK_OK(vs_weighted_at(&value, &error, &p.view, &k, 1, enough, &err)); /* as many as subsets */
    CHECK(error == 0);
    while (enough - few > 1) {
        const size_t middle = (few + enough) / 2;
        CHECK_OK(vs_weighted_at(&value, &error, &p.view, &k, 1, middle, &err));
        *(error > 0 ? &few : &enough) = middle;
    }
    CHECK(enough > VS_VOTE_OPEN);
    CHECK_OK(vs_weighted_at(&value, &error, &p.view, &k, 1, enough, &err));
    CHECK_NEAR(value, expected, exact);
    CHECK_OK(vs_weighted_at(&value, &error, &p.view, &k, 1, enough - 1, &err));
    CHECK(error > 0 && error < 0.02 && fabs(value - expected) < 5 * error);
}

/* All C(16, 8) = 12,870 subsets are more than the budget, and close scores decide little early. */
static double z_of(problem *p, vs_rng *rng, size_t top, double *error)
{
    const size_t k = 8;
    double value;
    vs_error err;

    random_problem(p, rng, 16, 3, 0.2, 0);
    for (size_t i = 0; i < 16; i++) p->right[i] = p->classes[i] == 0;
    if (top)
        CHECK_OK(vs_top_vote_at(&value, error, &p->view, top, &k, 1, 1, &err));
    else
        CHECK_OK(vs_weighted_at(&value, error, &p->view, &k, 1, 600, &err));
    return *error > 0 ? (value - enumerate(p, k, top)) / *error : 0;
}

/* |z| < 1.96 in 95 % of those that are drawn, to three standard errors of that share: the mean of 1,024 subsets,
 * or of hundreds of pairs, is normal enough. The variance of z, near 1, is off by sqrt(2 / drawn). */
TEST(vote, standard_error_is_honest)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(14, VS_RNG_TEST, 0), 0);
    problem p;

    for (size_t top = 0; top <= 3; top += 3) {
        size_t covered = 0, drawn = 0;
        double error, squares = 0, mean = 0;
        for (int i = 0; i < 300; i++) {
            const double z = z_of(&p, &rng, top, &error);
            drawn += error > 0;
            covered += error > 0 && fabs(z) < 1.96;
            squares += z * z;
            mean += z;
        }
        if (getenv("VS_SHOW"))
            printf("top %zu: %zu drawn, %zu covered, variance of z %.2f mean %.2f\n", top, drawn,
                   covered, squares / (double)drawn, mean / (double)drawn);
        CHECK(drawn > 100);
        CHECK_NEAR((double)covered / (double)drawn, 0.95, 3 * sqrt(0.95 * 0.05 / (double)drawn));
        CHECK_NEAR(squares / (double)drawn, 1, 3 * sqrt(2 / (double)drawn));
    }
}

TEST(vote, keeps_the_identities)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(15, VS_RNG_TEST, 0), 0);
    problem p;
    vs_error err;

    for (int i = 0; i < 60; i++) {
        const size_t n = 2 + vs_rng_below(&rng, 40), ks[3] = {1, (n + 1) / 2, n};
        double pass[3], best[3], majority[3], weighted[3], top[3], error[3];
        size_t silent = 0;
        random_problem(&p, &rng, n, 1 + vs_rng_below(&rng, 2), 5, 0);
        for (size_t k = 0; k < n; k++) silent += p.classes[k] < 0 && p.right[k];
        if (silent) continue; /* right without an answer: passes, and does not vote */
        vs_pass_at(pass, &p.view, ks, 3);
        CHECK_OK(vs_best_of(best, &p.view, ks, 3, &err));
        CHECK_OK(vs_majority_at(majority, &p.view, ks, 3, &err));
        CHECK_OK(vs_weighted_at(weighted, error, &p.view, ks, 3, VS_VOTE_LEAVES, &err));
        CHECK_OK(vs_top_vote_at(top, error, &p.view, n, ks, 3, VS_VOTE_TOP_WORK, &err));
        CHECK_NEAR(best[0], pass[0], exact); /* one sample: all are Pass@1 */
        CHECK_NEAR(majority[0], pass[0], exact);
        CHECK_NEAR(weighted[0], pass[0], exact);
        for (int k = 0; k < 3; k++) {
            CHECK_NEAR(top[k], majority[k], exact); /* all vote */
            CHECK(weighted[k] <= pass[k] + exact && majority[k] <= pass[k] + exact);
        }
        CHECK(pass[0] <= pass[1] + exact && pass[1] <= pass[2] + exact);
        CHECK_OK(vs_top_vote_at(top, error, &p.view, 1, ks, 3, VS_VOTE_TOP_WORK, &err));
        for (int k = 0; k < 3; k++) CHECK_NEAR(top[k], best[k], exact); /* the best one's answer */
        for (size_t k = 0; k < n; k++) p.scores[k] = -3;
        CHECK_OK(vs_weighted_at(weighted, error, &p.view, ks, 3, VS_VOTE_LEAVES, &err));
        for (int k = 0; k < 3; k++) CHECK_NEAR(weighted[k], majority[k], exact);
    }
}

TEST(vote, winner_is_the_better_scored_of_tied_answers)
{
    static const uint8_t right[6] = {0};
    static const int32_t classes[6] = {-1, 2, 1, 2, 1, 0}, none[6] = {-1, -1, -1, -1, -1, -1};
    const double scores[6] = {9, -2, -3, -4, -1, -1.5};
    vs_metrics_problem p = {.n = 6, .right = right, .scores = scores, .classes = classes};
    vs_vote_choice w;
    vs_error err;

    CHECK_OK(vs_vote_winner(&w, &p, false, &err));
    CHECK(w.sample == 4 && w.count == 2 && w.is_tied);
    CHECK_OK(vs_vote_winner(&w, &p, true, &err)); /* e^-1 + e^-3 against e^-1.5 and e^-2 + e^-4 */
    CHECK(w.sample == 4 && w.count == 2 && !w.is_tied);
    p.scores = NULL;
    CHECK_OK(vs_vote_winner(&w, &p, false, &err));
    CHECK(w.sample == 1 && w.is_tied);
    p.classes = none;
    CHECK_OK(vs_vote_winner(&w, &p, false, &err));
    CHECK(w.sample == SIZE_MAX && w.count == 0 && !w.is_tied);
}

TEST(vote, survives_every_failed_allocation)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(16, VS_RNG_TEST, 0), 0);
    problem p;
    const size_t k = 6;
    vs_error err;

    random_problem(&p, &rng, 12, 3, 2, 0);
    for (size_t work = 1; work <= VS_VOTE_TOP_WORK; work *= VS_VOTE_TOP_WORK) {
        vs_status st = VS_E_NOMEM;
        for (long n = 0; st != VS_OK && n < 200; n++) {
            double value, error;
            vs_alloc_fail_after(n);
            st = vs_weighted_at(&value, &error, &p.view, &k, 1, 1 + work % 1000, &err);
            if (st == VS_OK) st = vs_top_vote_at(&value, &error, &p.view, 3, &k, 1, work, &err);
            vs_alloc_fail_after(-1);
            CHECK(st == VS_OK || st == VS_E_NOMEM);
        }
        CHECK(st == VS_OK);
    }
}
