/* test_rope.c - rotary tables that grow as positions are met. */
#include <math.h>

#include "base/threads.h"
#include "engine/model/group.h"
#include "engine/model/model.h"
#include "vs_test.h"

static const vs_rope_scaling plain = {.type = VS_ROPE_DEFAULT};
enum { D = 8, N = 5000, BLOCK = 2048 }; /* BLOCK: rope.c, FILL_POSITIONS */

/* f32 of an angle's cosine: the C library's double differs from ours in the last bit at most. */
static const double tolerance = 1e-7;

static void check_filled(const vs_rope *r, size_t n)
{
    for (size_t pos = 0; pos < n; pos++)
        for (size_t i = 0; i < D / 2; i++) {
            const double angle = (double)pos * pow(100.0, -2.0 * (double)i / D);
            CHECK_NEAR(r->cos_sin[pos * D + i], cos(angle), tolerance);
            CHECK_NEAR(r->cos_sin[pos * D + D / 2 + i], sin(angle), tolerance);
        }
}

TEST(rope, reaches_as_far_as_it_is_asked_and_no_farther_than_it_holds)
{
    static const size_t asked[] = {1, BLOCK, BLOCK + 1, 7, 2 * BLOCK + 1, N - 1, N};
    vs_rope r = {0};
    vs_error err;

    vs_rope_reach(&r, 3); /* a closed table has no positions */
    CHECK_OK(vs_rope_open(&r, &plain, 100.0, N, D, &err));
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        vs_rope_reach(&r, asked[i]);
        CHECK(r.n_filled >= asked[i] && r.n_filled <= N);
        check_filled(&r, asked[i]);
    }
    vs_rope_close(&r);
    vs_rope_close(&r);
}

static void reach_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    vs_rope_reach(ctx, (part * 977) % N + 1);
}

TEST(rope, is_filled_by_several_threads_at_once)
{
    vs_rope r = {0};
    vs_error err;

    vs_threads_set(4);
    CHECK_OK(vs_rope_open(&r, &plain, 100.0, N, D, &err));
    vs_run_parts(64, reach_part, &r);
    vs_rope_reach(&r, N);
    check_filled(&r, N);
    vs_rope_close(&r);
    vs_threads_set(0);
}

/* The log-prob of the last of n + 1 tokens, whose row is at position n - 1. */
static float last_logprob(vs_base *base, size_t n)
{
    vs_model *m;
    vs_scorer *s;
    vs_error err;
    int32_t *ids = malloc((n + 1) * sizeof *ids);
    const vs_solution solution = {.ids = ids + n, .n = 1};
    const vs_group g = {.prompt = ids, .n_prompt = n, .solutions = &solution, .n_solutions = 1};
    float logp;
    double sum;

    CHECK(ids != NULL);
    for (size_t i = 0; i <= n; i++) ids[i] = (int32_t)((i * 7 + i / 5) % 11);
    CHECK_OK(vs_model_open(&m, base, NULL, &err));
    CHECK_OK(vs_scorer_open(&s, m, VS_SCORE_ROWS, &err));
    CHECK_OK(vs_score(s, &g, 1, &logp, &sum, &err));
    vs_scorer_close(s);
    vs_model_close(m);
    free(ids);
    return logp;
}

TEST(rope, does_not_show_in_the_numbers_of_a_model)
{
    static const size_t lengths[] = {1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1};
    const vs_config c = {.n_layers = 1,
                         .n_embd = 8,
                         .n_heads = 2,
                         .n_kv_heads = 1,
                         .head_dim = 4,
                         .n_ffn = 8,
                         .n_vocab = 11,
                         .n_positions = N,
                         .rope_theta = 100.0,
                         .rms_eps = 1e-5};
    vs_base *whole;
    vs_error err;

    CHECK_OK(vs_base_create_fresh(&whole, &c, 1, &err));
    vs_rope_reach(&whole->rope[0], N);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        vs_base *fresh;

        CHECK_OK(vs_base_create_fresh(&fresh, &c, 1, &err));
        CHECK(last_logprob(fresh, lengths[i]) == last_logprob(whole, lengths[i]));
        vs_base_close(fresh);
    }
    vs_base_close(whole);
}
