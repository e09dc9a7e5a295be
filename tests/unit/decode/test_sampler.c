/* test_sampler.c - one draw: temperature, then top-k, then top-p, then the quantile. */
#include "engine/decode/sampler.h"
#include "vs_test.h"

enum { V = 8 };

/* probabilities 0.4 0.3 0.2 0.1 on tokens 5 2 7 0, nothing elsewhere */
static const float LOGITS[V] = {-2.302585F, -90, -1.203973F, -90, -90, -0.916291F, -90, -1.609438F};

static int32_t draw(double temperature, size_t top_k, double top_p, double u)
{
    float weights[V];
    uint32_t order[V];
    const vs_sampler s = {vs_ops_best(), V, weights, order};
    const vs_decode_options o = {.temperature = temperature, .top_k = top_k, .top_p = top_p};

    return vs_sampler_draw(&s, LOGITS, &o, u);
}

TEST(sampler, cumulates_in_order_of_id_when_nothing_is_cut)
{
    CHECK(draw(1, 0, 1, 0.0) == 0);
    CHECK(draw(1, 0, 1, 0.099) == 0);
    CHECK(draw(1, 0, 1, 0.101) == 2);
    CHECK(draw(1, 0, 1, 0.399) == 2);
    CHECK(draw(1, 0, 1, 0.401) == 5);
    CHECK(draw(1, 0, 1, 0.801) == 7);
    CHECK(draw(1, 0, 1, 0.9999999999) == 7);
}

/* Large vocabularies are summed by blocks. */
TEST(sampler, cumulates_in_order_of_id_over_several_blocks)
{
    enum { MANY = 2000 };
    static float logits[MANY], weights[MANY];
    static uint32_t order[MANY];
    const vs_sampler s = {vs_ops_best(), MANY, weights, order};
    const vs_decode_options o = {.temperature = 1, .top_p = 1};

    for (int i = 0; i < MANY; i++) logits[i] = i % 2 == 0 && i < 1800 ? 0.0F : -200.0F;
    for (int i = 0; i < 900; i++) { /* equal weights on 900 even tokens, nothing from 1800 on */
        CHECK(vs_sampler_draw(&s, logits, &o, (i + 0.001) / 900) == 2 * i);
        CHECK(vs_sampler_draw(&s, logits, &o, (i + 0.999) / 900) == 2 * i);
    }
    CHECK(vs_sampler_draw(&s, logits, &o, 1.0) == 1798); /* beyond what a draw can be */
    logits[100] = INFINITY; /* a diverged model: any token, but one of the vocabulary */
    CHECK(vs_sampler_draw(&s, logits, &o, 0.5) < MANY);
}

TEST(sampler, temperature_0_is_the_likeliest_and_a_low_one_sharpens)
{
    CHECK(draw(0, 0, 1, 0.99) == 5);
    CHECK(draw(0.01, 0, 1, 0.5) == 5);
}

TEST(sampler, top_k_keeps_the_k_likeliest_and_renormalises)
{
    CHECK(draw(1, 1, 1, 0.999) == 5);
    CHECK(draw(1, 2, 1, 0.57) == 5); /* 0.4 / 0.7 = 0.571 */
    CHECK(draw(1, 2, 1, 0.573) == 2);
    CHECK(draw(1, 2, 1, 0.999999) == 2);
}

TEST(sampler, top_p_keeps_the_smallest_head_that_reaches_p)
{
    CHECK(draw(1, 0, 0.39, 0.999) == 5);
    CHECK(draw(1, 0, 0.41, 0.999) == 2);
    CHECK(draw(1, 0, 0.69, 0.999) == 2);
    CHECK(draw(1, 0, 0.71, 0.999) == 7);
}

TEST(sampler, top_p_acts_on_what_top_k_left)
{
    CHECK(draw(1, 2, 0.5, 0.999) == 5); /* 0.571 of the pair reaches 0.5 */
    CHECK(draw(1, 2, 0.58, 0.999) == 2);
}

/* At a tie the lower id comes first: as the likeliest, in what top-k keeps, and in the order of the draw. */
TEST(sampler, prefers_the_lower_id_at_a_tie)
{
    static const float ties[V] = {-90, 0, -90, 0, 0, -90, 0, -90};
    float weights[V];
    uint32_t order[V];
    const vs_sampler s = {vs_ops_best(), V, weights, order};
    vs_decode_options o = {.temperature = 0, .top_p = 1};

    CHECK(vs_sampler_draw(&s, ties, &o, 0.99) == 1);
    o.temperature = 1;
    for (o.top_k = 1; o.top_k <= 4; o.top_k++) {
        static const int32_t by_id[4] = {1, 3, 4, 6};
        for (size_t i = 0; i < o.top_k; i++)
            CHECK(vs_sampler_draw(&s, ties, &o, ((double)i + 0.5) / (double)o.top_k) == by_id[i]);
    }
    o.top_k = 0;
    o.top_p = 0.5; /* reached by two of four, to the bit */
    CHECK(vs_sampler_draw(&s, ties, &o, 0.49) == 1);
    CHECK(vs_sampler_draw(&s, ties, &o, 0.99) == 3);
}

/* Vocabularies on both sides of the blocks of 512: every id at its own quantile, in each way of drawing. */
TEST(sampler, reaches_every_id_of_vocabularies_around_the_size_of_a_block)
{
    enum { MOST = 1025 };
    static const size_t sizes[] = {1, 7, 8, 9, 511, 512, 513, 1023, 1024, MOST};
    static float logits[MOST], weights[MOST];
    static uint32_t order[MOST];

    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        const vs_sampler s = {vs_ops_best(), n, weights, order};
        const vs_decode_options all = {.temperature = 1, .top_p = 1};
        const vs_decode_options every = {.temperature = 1, .top_p = 1, .top_k = n};
        const vs_decode_options but_one = {.temperature = 1, .top_p = 1, .top_k = n - 1};
        for (size_t i = 0; i < n; i++) {
            const double u = ((double)i + 0.5) / (double)n;
            CHECK(vs_sampler_draw(&s, logits, &all, u) == (int32_t)i);
            CHECK(vs_sampler_draw(&s, logits, &every, u) == (int32_t)i);
            if (i + 1 < n)
                CHECK(vs_sampler_draw(&s, logits, &but_one, ((double)i + 0.5) / (double)(n - 1)) ==
                      (int32_t)i);
        }
    }
}

TEST(stop, cuts_at_the_first_of_several_strings)
{
    const char *const stop[2] = {"\nQ:", "END"};
    const char text[] = "answer 3\nQ: next END";

    CHECK(vs_stop_cut(text, sizeof text - 1, stop, 2) == 8);
    CHECK(vs_stop_cut(text, sizeof text - 1, stop + 1, 1) == 17);
    CHECK(vs_stop_cut(text, 7, stop, 2) == 7);
    CHECK(vs_stop_cut(text, sizeof text - 1, stop, 0) == sizeof text - 1);
}
