#include "base/rng.h"
#include "vs_test.h"

static vs_rng test_stream(uint64_t stream)
{
    return vs_rng_stream(vs_rng_key_make(1, VS_RNG_TEST, 0), stream);
}

/* philox4x32-10 lines of kat_vectors in Random123 1.14. */
TEST(rng, gives_the_published_philox_values)
{
    static const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    static const uint32_t ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    static const uint32_t pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    const vs_rng_key all_ones = {{UINT32_MAX, UINT32_MAX}}, pi_key = {{0xa4093822, 0x299f31d0}};
    vs_rng r = vs_rng_stream((vs_rng_key){{0, 0}}, 0);

    for (size_t i = 0; i < 4; i++) CHECK(vs_rng_u32(&r) == zeros[i]);
    CHECK(vs_rng_at((vs_rng_key){{0, 0}}, 0, 0, 0) ==
          ldexp((double)((uint64_t)(zeros[0] >> 5) << 26 | zeros[1] >> 6), -53));
    CHECK(vs_rng_at(all_ones, UINT64_MAX, UINT32_MAX, UINT32_MAX) ==
          ldexp((double)((uint64_t)(ones[0] >> 5) << 26 | ones[1] >> 6), -53));
    CHECK(vs_rng_at(pi_key, UINT64_C(0x0370734413198a2e), 0x85a308d3, 0x243f6a88) ==
          ldexp((double)((uint64_t)(pi[0] >> 5) << 26 | pi[1] >> 6), -53));
}

TEST(rng, keys_differ_by_seed_use_and_number)
{
    vs_rng_key keys[4 * 7 * 8];
    size_t n = 0;

    for (uint64_t seed = 0; seed < 4; seed++)
        for (int use = 1; use <= 7; use++)
            for (uint64_t a = 0; a < 8; a++) keys[n++] = vs_rng_key_make(seed, (vs_rng_use)use, a);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) CHECK(memcmp(&keys[i], &keys[j], sizeof keys[i]) != 0);
}

TEST(rng, a_key_is_the_same_for_ever)
{
    /* A change here changes every run's draws, and what a resumed run does. */
    const vs_rng_key key = vs_rng_key_make(42, VS_RNG_SAMPLE, 3);

    CHECK(key.word[0] == 0x3edda04a && key.word[1] == 0xf6576f22);
}

TEST(rng, streams_are_numbered_and_copies_fork)
{
    vs_rng a = test_stream(5), b = test_stream(5), other = test_stream(6), fork;
    uint32_t same = 0;

    for (int i = 0; i < 100; i++) {
        const uint32_t x = vs_rng_u32(&a);
        CHECK(x == vs_rng_u32(&b));
        same += x == vs_rng_u32(&other);
    }
    CHECK(same <= 1);
    fork = a;
    CHECK(vs_rng_u32(&fork) == vs_rng_u32(&a));
    b.next = 99;
    vs_rng_u32(&b);
    CHECK(vs_rng_u32(&b) == (a.next = 100, vs_rng_u32(&a)));
}

TEST(rng, below_is_even_and_in_range)
{
    enum { SIDES = 7, DRAWS = 70000 };
    /* 6 standard deviations of a count that is binomial with p = 1/7. */
    const double tolerance = 6.0 * sqrt(DRAWS * (1.0 / 7) * (6.0 / 7));
    vs_rng r = test_stream(0);
    uint32_t counts[SIDES] = {0};

    for (int i = 0; i < DRAWS; i++) {
        const uint32_t x = vs_rng_below(&r, SIDES);
        CHECK(x < SIDES);
        counts[x]++;
    }
    for (int i = 0; i < SIDES; i++) CHECK_NEAR(counts[i], (double)DRAWS / SIDES, tolerance);
    CHECK(vs_rng_below(&r, 1) == 0);
}

TEST(rng, below_is_unbiased_for_large_ranges)
{
    enum { DRAWS = 30000 };
    /* Without rejection, numbers below 2^30 would come with probability 1/2 instead of 1/3. */
    const uint32_t n = 3u << 30;
    const double tolerance = 6.0 * sqrt(DRAWS * (1.0 / 3) * (2.0 / 3));
    vs_rng r = test_stream(1);
    uint32_t low = 0;

    for (int i = 0; i < DRAWS; i++) low += vs_rng_below(&r, n) < 1u << 30;
    CHECK_NEAR(low, DRAWS / 3.0, tolerance);
}

TEST(rng, range_includes_both_ends)
{
    vs_rng r = test_stream(2);
    int seen[5] = {0};

    for (int i = 0; i < 500; i++) {
        const int32_t x = vs_rng_range(&r, -2, 2);
        CHECK(x >= -2 && x <= 2);
        seen[x + 2] = 1;
    }
    for (int i = 0; i < 5; i++) CHECK(seen[i]);
    CHECK(vs_rng_range(&r, 9, 9) == 9);
    for (int i = 0; i < 64; i++) seen[vs_rng_range(&r, INT32_MIN, INT32_MAX) < 0] += 10;
    CHECK(seen[0] > 10 && seen[1] > 10);
}

TEST(rng, normal_has_the_moments_of_a_normal)
{
    enum { DRAWS = 40000 };
    /* 6 standard errors of each sample moment; the fourth moment's variance is 96. */
    const double root = sqrt(DRAWS);
    vs_rng r = test_stream(3);
    double sum = 0, square = 0, fourth = 0;

    for (int i = 0; i < DRAWS; i++) {
        const double x = vs_rng_normal(&r);
        sum += x;
        square += x * x;
        fourth += x * x * x * x;
    }
    CHECK_NEAR(sum / DRAWS, 0.0, 6.0 / root);
    CHECK_NEAR(square / DRAWS, 1.0, 6.0 * sqrt(2.0) / root);
    CHECK_NEAR(fourth / DRAWS, 3.0, 6.0 * sqrt(96.0) / root);
}

TEST(rng, uniform_stays_in_the_half_open_interval)
{
    enum { DRAWS = 40000 };
    vs_rng r = test_stream(4);
    double sum = 0;

    for (int i = 0; i < DRAWS; i++) {
        const double x = vs_rng_uniform(&r);
        CHECK(x >= 0.0 && x < 1.0);
        sum += x;
    }
    CHECK_NEAR(sum / DRAWS, 0.5, 6.0 * sqrt(1.0 / 12 / DRAWS)); /* 6 standard errors */
}

TEST(rng, shuffle_gives_each_order_equally_often)
{
    enum { DRAWS = 12000 };
    const double tolerance = 6.0 * sqrt(DRAWS * (1.0 / 6) * (5.0 / 6)); /* 6 standard deviations */
    vs_rng r = test_stream(7);
    uint32_t counts[3 * 9] = {0}, orders = 0;

    for (int i = 0; i < DRAWS; i++) {
        uint32_t items[3] = {0, 1, 2};
        vs_rng_shuffle(&r, items, 3);
        CHECK(items[0] + items[1] + items[2] == 3);
        counts[items[0] * 9 + items[1] * 3 + items[2]]++;
    }
    for (size_t i = 0; i < 27; i++) {
        if (!counts[i]) continue;
        CHECK_NEAR(counts[i], DRAWS / 6.0, tolerance);
        orders++;
    }
    CHECK(orders == 6);
    vs_rng_shuffle(&r, NULL, 0);
}
