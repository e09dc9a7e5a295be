/* test_decode.c - many branches at once: the edges of rows, positions and segments, and which draw is whose. */
#include "base/rng.h"
#include "base/threads.h"
#include "engine/decode/decode.h"
#include "engine/train/train.h"
#include "unit/train/tiny.h"

enum { N_VOCAB = 64, MOST_SAMPLES = 130, MOST_TOKENS = 300, N_PROMPT = 5 };

static const int32_t PROMPT[MOST_TOKENS] = {7, 11, 13, 17, 19, 23};

typedef struct kept {
    int32_t *ids[MOST_SAMPLES];
    float *logp[MOST_SAMPLES];
    size_t n[MOST_SAMPLES], n_samples;
    vs_finish finish[MOST_SAMPLES];
} kept;

/* A head width of more than one block of 16 columns. */
static vs_config config(size_t n_positions, size_t n_eos)
{
    vs_config c = tiny_config(true);

    c.head_dim = 18;
    c.n_vocab = N_VOCAB;
    c.n_positions = n_positions;
    c.n_eos = n_eos;
    c.eos_ids[1] = 9;
    return c;
}

static tiny open_tiny(size_t n_positions, size_t n_eos)
{
    const vs_config c = config(n_positions, n_eos);

    return tiny_open_of(&c, 0, 3, false, false, VS_COMPUTE_F32);
}

static vs_decode_options options(size_t max_tokens, size_t rows)
{
    return (vs_decode_options){.temperature = 1.0,
                               .top_p = 1.0,
                               .max_tokens = max_tokens,
                               .key = vs_rng_key_make(11, VS_RNG_SAMPLE, 2),
                               .rows = rows};
}

static vs_status keep(void *ctx, size_t problem, const vs_completion *c, size_t n, vs_error *err)
{
    kept *k = (kept *)ctx + problem;
    (void)err;

    k->n_samples = n;
    for (size_t i = 0; i < n; i++) {
        k->n[i] = c[i].n;
        k->finish[i] = c[i].finish;
        k->ids[i] = malloc(c[i].n * sizeof **k->ids);
        k->logp[i] = malloc(c[i].n * sizeof **k->logp);
        memcpy(k->ids[i], c[i].ids, c[i].n * sizeof **k->ids);
        memcpy(k->logp[i], c[i].logprobs, c[i].n * sizeof **k->logp);
    }
    return VS_OK;
}

static kept *sample(const vs_model *m, const vs_decode_problem *p, size_t n,
                    const vs_decode_options *o)
{
    kept *k = calloc(n, sizeof *k);
    vs_error err;

    CHECK_OK(vs_decode_run(m, p, n, o, keep, k, &err));
    for (size_t i = 0; i < n; i++) CHECK(k[i].n_samples == p[i].n);
    return k;
}

static void release(kept *k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < k[i].n_samples; s++) free(k[i].ids[s]), free(k[i].logp[s]);
    free(k);
}

static bool same_sample(const kept *a, size_t i, const kept *b, size_t j)
{
    return a->n[i] == b->n[j] && a->finish[i] == b->finish[j] &&
           memcmp(a->ids[i], b->ids[j], a->n[i] * sizeof **a->ids) == 0 &&
           memcmp(a->logp[i], b->logp[j], a->n[i] * sizeof **a->logp) == 0;
}

/* Every log-prob that sampling gave has the bits of scoring the whole completion. */
static void check_scores(const vs_model *m, const vs_decode_problem *p, const kept *k)
{
    vs_scorer *s;
    vs_error err;

    CHECK_OK(vs_scorer_open(&s, m, 512, &err));
    for (size_t i = 0; i < k->n_samples; i++) {
        const vs_solution solution = {.ids = k->ids[i], .n = k->n[i]};
        const vs_group g = {p->prompt, p->n_prompt, &solution, 1};
        float logp[MOST_TOKENS];
        CHECK_OK(vs_score(s, &g, 1, logp, NULL, &err));
        CHECK(memcmp(logp, k->logp[i], k->n[i] * sizeof *logp) == 0);
    }
    vs_scorer_close(s);
}

TEST(decode, rows_on_both_sides_of_64_and_128_draw_what_one_row_draws)
{
    static const size_t rows[] = {2, 63, 64, 65, 127, 128, 129, MOST_SAMPLES};
    tiny t = open_tiny(32, 1);
    const vs_decode_problem p = {PROMPT, N_PROMPT, 77, MOST_SAMPLES, 0};
    vs_decode_options o = options(4, 1);
    kept *want = sample(t.model, &p, 1, &o);

    for (size_t threads = 1; threads <= 2; threads++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            vs_threads_set(threads);
            o.rows = rows[r];
            kept *got = sample(t.model, &p, 1, &o);
            for (size_t i = 0; i < MOST_SAMPLES; i++) CHECK(same_sample(want, i, got, i));
            release(got, 1);
        }
    vs_threads_set(0);
    release(want, 1);
    tiny_close(&t);
}

/* The last token of a completion needs no position: it is drawn, and never fed back. */
TEST(decode, completions_fill_the_positions_to_the_last)
{
    enum { N_POSITIONS = 32 };
    tiny t = open_tiny(N_POSITIONS, 0);

    for (size_t n_prompt = N_POSITIONS - 2; n_prompt <= N_POSITIONS; n_prompt++) {
        const size_t room = N_POSITIONS - n_prompt + 1;
        const size_t limits[] = {1, room, room + 1, SIZE_MAX - n_prompt + 1, SIZE_MAX};
        const vs_decode_problem p = {PROMPT, n_prompt, 5, 3, 0};
        for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
            const vs_decode_options o = options(limits[l], 8);
            kept *k = sample(t.model, &p, 1, &o);
            for (size_t i = 0; i < 3; i++)
                CHECK(k->n[i] == (limits[l] < room ? limits[l] : room) &&
                      k->finish[i] == VS_FINISH_LENGTH);
            check_scores(t.model, &p, k);
            release(k, 1);
        }
    }
    tiny_close(&t);
}

TEST(decode, a_prompt_or_completion_of_one_token_too_many_is_refused)
{
    enum { N_POSITIONS = 32 };
    tiny t = open_tiny(N_POSITIONS, 0);
    const vs_decode_problem p = {PROMPT, N_POSITIONS + 1, 5, 1, 0};
    const vs_decode_options o = options(1, 1);
    kept k = {0};
    vs_scorer *s;
    vs_error err;
    double logprob;

    CHECK(vs_decode_run(t.model, &p, 1, &o, keep, &k, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "33 tokens, the model takes 32"));
    CHECK_OK(vs_scorer_open(&s, t.model, 64, &err));
    for (size_t n = 3; n <= 4; n++)
        for (int reads_last = 0; reads_last < 2; reads_last++) {
            const vs_solution solution = {.ids = PROMPT, .n = n, .reads_last = reads_last};
            const vs_group g = {PROMPT, N_POSITIONS - 2, &solution, 1};
            const bool fits = n + (size_t)reads_last <= 3;
            CHECK(vs_group_check(&g, &t.base->config, "row 1", &err) ==
                  (fits ? VS_OK : VS_E_INPUT));
            CHECK(fits || strstr(err.text, reads_last ? "takes 32" : "takes 33"));
            CHECK(vs_score(s, &g, 1, NULL, &logprob, &err) == (fits ? VS_OK : VS_E_INPUT));
        }
    vs_scorer_close(s);
    tiny_close(&t);
}

/* Segments grow at 64, 128 and 256 tokens; what was stored before is read to the end. */
TEST(decode, long_completions_keep_the_keys_and_values_of_all_their_tokens)
{
    tiny t = open_tiny(MOST_TOKENS, 0);
    const vs_decode_problem p = {PROMPT, N_PROMPT, 5, 3, 0};
    const size_t lengths[] = {63, 64, 65, 66, 129, 130, 258};

    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const vs_decode_options o = options(lengths[l], 3);
        kept *k = sample(t.model, &p, 1, &o);
        for (size_t i = 0; i < 3; i++) CHECK(k->n[i] == lengths[l]);
        check_scores(t.model, &p, k);
        release(k, 1);
    }
    tiny_close(&t);
}

TEST(decode, ends_at_the_first_of_several_end_tokens_and_counts_it_once)
{
    tiny t = open_tiny(96, 2);
    const vs_decode_problem p = {PROMPT, N_PROMPT, 5, 64, 0};
    const vs_decode_options o = options(60, 64);
    kept *k = sample(t.model, &p, 1, &o);
    size_t ends[2] = {0, 0}, by_length = 0;

    for (size_t i = 0; i < k->n_samples; i++) {
        const int32_t last = k->ids[i][k->n[i] - 1];
        const bool stopped = last == 0 || last == 9;
        for (size_t at = 0; at + 1 < k->n[i]; at++) CHECK(k->ids[i][at] != 0 && k->ids[i][at] != 9);
        CHECK(k->finish[i] == (stopped ? VS_FINISH_STOP : VS_FINISH_LENGTH));
        if (stopped)
            ends[last == 9]++;
        else
            by_length += k->n[i] == 60;
    }
    CHECK(ends[0] > 0 && ends[1] > 0 && by_length == k->n_samples - ends[0] - ends[1]);
    check_scores(t.model, &p, k);
    release(k, 1);
    tiny_close(&t);
}

/* A model of zeros finds all tokens equally likely, so that a draw u is token floor(u V): of (key, problem, sample,
 * position) and nothing else. */
TEST(decode, each_token_is_drawn_by_key_problem_sample_and_position)
{
    enum { N_PROBLEMS = 3, N_SAMPLES = 5, FIRST = 4, LENGTH = 7 };
    tiny t = open_tiny(32, 0);
    const vs_decode_options o = options(LENGTH, 4);
    vs_decode_problem p[N_PROBLEMS];
    vs_error err;

    memset(t.base->params.data, 0, t.base->params.n * sizeof(float));
    CHECK_OK(vs_model_repack(t.model, false, &err));
    for (size_t q = 0; q < N_PROBLEMS; q++)
        p[q] = (vs_decode_problem){PROMPT, N_PROMPT, 100 * q + 1, N_SAMPLES, FIRST * q};
    kept *k = sample(t.model, p, N_PROBLEMS, &o);
    for (size_t q = 0; q < N_PROBLEMS; q++)
        for (size_t i = 0; i < N_SAMPLES; i++)
            for (size_t at = 0; at < LENGTH; at++) {
                const double u =
                    vs_rng_at(o.key, p[q].key, (uint32_t)(p[q].first + i), (uint32_t)at);
                CHECK(k[q].ids[i][at] == (int32_t)(u * N_VOCAB));
                CHECK_NEAR(k[q].logp[i][at], -log(N_VOCAB), 1e-6);
            }
    release(k, N_PROBLEMS);
    tiny_close(&t);
}
