/* test_bits.c - a log-prob is a fact: the same bits sampled, scored in any company, and met in
 * training, with any threads. */
#include "base/rng.h"
#include "base/stop.h"
#include "base/threads.h"
#include "engine/decode/decode.h"
#include "engine/tensor/par.h"
#include "engine/train/steps.h"
#include "tiny.h"

enum { N_PROBLEMS = 5, N_SAMPLES = 16, MAX_TOKENS = 20, N_PROMPT = 7 };

typedef struct drawn {
    int32_t ids[N_PROBLEMS][N_SAMPLES][MAX_TOKENS];
    float logp[N_PROBLEMS][N_SAMPLES][MAX_TOKENS];
    size_t n[N_PROBLEMS][N_SAMPLES];
    size_t n_samples[N_PROBLEMS];
} drawn;

static int32_t prompts[N_PROBLEMS][N_PROMPT + N_PROBLEMS];

static void make_prompts(void)
{
    for (int32_t p = 0; p < N_PROBLEMS; p++)
        for (int32_t i = 0; i < N_PROMPT + N_PROBLEMS; i++)
            prompts[p][i] = (37 * p + 101 * i + 5) % 1100;
}

static vs_status keep(void *ctx, size_t problem, const vs_completion *c, size_t n, vs_error *err)
{
    drawn *d = ctx;
    (void)err;

    d->n_samples[problem] = n;
    for (size_t i = 0; i < n; i++) {
        d->n[problem][i] = c[i].n;
        memcpy(d->ids[problem][i], c[i].ids, c[i].n * sizeof(int32_t));
        memcpy(d->logp[problem][i], c[i].logprobs, c[i].n * sizeof(float));
    }
    return VS_OK;
}

static drawn *sample(const vs_model *m, size_t n, size_t rows, double top_p, size_t top_k)
{
    vs_error err;
    drawn *d = calloc(1, sizeof *d);
    vs_decode_problem p[N_PROBLEMS];
    const vs_decode_options o = {.temperature = 1.0,
                                 .top_p = top_p,
                                 .top_k = top_k,
                                 .max_tokens = MAX_TOKENS,
                                 .key = vs_rng_key_make(11, VS_RNG_SAMPLE, 0),
                                 .rows = rows};

    make_prompts();
    for (size_t i = 0; i < N_PROBLEMS; i++)
        p[i] = (vs_decode_problem){prompts[i], N_PROMPT + i, 1000 + i, n, 0};
    CHECK_OK(vs_decode_run(m, p, N_PROBLEMS, &o, keep, d, &err));
    return d;
}

static bool same_first(const drawn *a, const drawn *b, size_t n)
{
    for (size_t p = 0; p < N_PROBLEMS; p++)
        for (size_t i = 0; i < n; i++)
            if (a->n[p][i] != b->n[p][i] ||
                memcmp(a->ids[p][i], b->ids[p][i], a->n[p][i] * 4) != 0 ||
                memcmp(a->logp[p][i], b->logp[p][i], a->n[p][i] * 4) != 0)
                return false;
    return true;
}

TEST(bits, samples_do_not_depend_on_n_rows_or_threads)
{
    tiny t = tiny_open(true, 0, 3);
    drawn *all = sample(t.model, N_SAMPLES, 64, 1.0, 0), *few, *narrow, *one;

    few = sample(t.model, 4, 64, 1.0, 0);
    narrow = sample(t.model, N_SAMPLES, 3, 1.0, 0);
    vs_threads_set(1);
    one = sample(t.model, N_SAMPLES, 64, 1.0, 0);
    vs_threads_set(3);
    CHECK(same_first(all, few, 4));
    CHECK(same_first(all, narrow, N_SAMPLES));
    CHECK(same_first(all, one, N_SAMPLES));
    vs_threads_set(0);
    free(all), free(few), free(narrow), free(one);
    tiny_close(&t);
}

TEST(bits, top_k_1_is_greedy_and_top_p_keeps_the_head)
{
    tiny t = tiny_open(true, 0, 3);
    drawn *k1 = sample(t.model, 2, 8, 1.0, 1), *p0 = sample(t.model, 2, 8, 1e-9, 0);

    CHECK(same_first(k1, p0, 2));
    CHECK(memcmp(k1->ids[0][0], k1->ids[0][1], k1->n[0][0] * 4) == 0);
    free(k1), free(p0);
    tiny_close(&t);
}

/* Scores the drawn samples as groups of `per_group` in batches of max_rows; every token log-prob
 * must be the sampled bits. */
static void check_scores(const vs_model *m, const drawn *d, size_t per_group, size_t max_rows)
{
    vs_error err;
    vs_scorer *s;

    CHECK_OK(vs_scorer_open(&s, m, max_rows, &err));
    for (size_t first = 0; first < N_SAMPLES; first += per_group) {
        vs_solution solutions[N_PROBLEMS][N_SAMPLES];
        vs_group g[N_PROBLEMS];
        float logp[N_PROBLEMS * N_SAMPLES * MAX_TOKENS];
        size_t at = 0;
        for (size_t p = 0; p < N_PROBLEMS; p++) { /* problems in reverse: another company */
            const size_t q = N_PROBLEMS - 1 - p;
            for (size_t i = 0; i < per_group; i++)
                solutions[p][i] =
                    (vs_solution){.ids = d->ids[q][first + i], .n = d->n[q][first + i]};
            g[p] = (vs_group){prompts[q], N_PROMPT + q, solutions[p], per_group};
        }
        CHECK_OK(vs_score(s, g, N_PROBLEMS, logp, NULL, &err));
        for (size_t p = 0; p < N_PROBLEMS; p++)
            for (size_t i = 0; i < per_group; i++) {
                const size_t q = N_PROBLEMS - 1 - p, n = d->n[q][first + i];
                CHECK(memcmp(logp + at, d->logp[q][first + i], n * 4) == 0);
                at += n;
            }
    }
    vs_scorer_close(s);
}

static void check_facts(size_t rank, vs_compute compute)
{
    tiny t = tiny_open_as(rank == 0, rank, 5, false, false, compute);
    drawn *d;

    if (rank) /* B is zero at birth: give it something to say */
        for (size_t i = 0; i < t.model->lora.n; i++)
            t.model->lora.data[i] = 0.05F * (float)((int)(i * 7919 % 41) - 20) / 20.0F;
    if (rank) {
        vs_error err;
        CHECK_OK(vs_model_repack(t.model, false, &err));
    }
    d = sample(t.model, N_SAMPLES, 64, 1.0, 0);
    for (size_t threads = 1; threads <= 3; threads++) {
        vs_threads_set(threads);
        check_scores(t.model, d, 1, 16);
        check_scores(t.model, d, 4, 4096);
        check_scores(t.model, d, 16, 4096);
        check_scores(t.model, d, 16, 32); /* in pieces */
    }
    vs_threads_set(0);
    free(d);
    tiny_close(&t);
}

TEST(bits, scored_logprobs_equal_sampled_ones_in_any_company)
{
    check_facts(0, VS_COMPUTE_F32);
}

TEST(bits, a_group_in_pieces_computes_its_prompt_once)
{
    tiny t = tiny_open(true, 0, 5);
    drawn *d = sample(t.model, N_SAMPLES, 64, 1.0, 0);
    vs_solution solutions[N_SAMPLES];
    const vs_group g = {prompts[0], N_PROMPT, solutions, N_SAMPLES};
    const vs_group none = {prompts[1], N_PROMPT, NULL, 0};
    double logprob[N_SAMPLES];
    vs_scorer *s;
    vs_error err;

    for (size_t i = 0; i < N_SAMPLES; i++)
        solutions[i] = (vs_solution){.ids = d->ids[0][i], .n = d->n[0][i]};
    CHECK_OK(vs_scorer_open(&s, t.model, 16, &err));
    vs_rows_computed_take();
    CHECK_OK(vs_score(s, &g, 1, NULL, logprob, &err));
    CHECK(vs_group_rows(&g) > 32);
    CHECK(vs_rows_computed_take() == vs_group_rows(&g));
    CHECK_OK(vs_score(s, &none, 1, NULL, logprob, &err));
    vs_scorer_close(s);
    free(d);
    tiny_close(&t);
}

/* A tokenizer may know ids that its model does not: what lies behind the tables is no embedding. */
TEST(bits, ids_beyond_the_vocabulary_are_refused)
{
    tiny t = tiny_open(true, 0, 5);
    const int32_t n_vocab = (int32_t)t.base->config.n_vocab;
    const int32_t good[] = {7, n_vocab - 1}, bad[] = {7, n_vocab}, negative[] = {-1, 7};
    const int32_t *const ids[] = {bad, negative};
    double logprob;
    vs_scorer *s;
    vs_error err;

    CHECK_OK(vs_scorer_open(&s, t.model, 16, &err));
    for (size_t i = 0; i < 2; i++) {
        const vs_solution solutions[] = {{.ids = good, .n = 2}, {.ids = ids[i], .n = 2}};
        const vs_group groups[] = {{good, 2, &solutions[0], 1},
                                   {good, 2, &solutions[1], 1},
                                   {ids[i], 2, &solutions[0], 1}};
        CHECK_OK(vs_score(s, &groups[0], 1, NULL, &logprob, &err));
        for (size_t k = 1; k < 3; k++) {
            CHECK(vs_score(s, &groups[k], 1, NULL, &logprob, &err) == VS_E_INPUT);
            CHECK(strstr(err.text, "expected 0 to 1099"));
        }
    }
    vs_scorer_close(s);
    tiny_close(&t);
}

/* Solutions of one token have no row of their own: pieces after the first may have none at all. */
TEST(bits, pieces_without_rows_are_scored_too)
{
    tiny t = tiny_open(true, 0, 5);
    static const int32_t ids[3] = {7, 11, 13};
    const vs_solution solutions[] = {
        {.ids = ids, .n = 3}, {.ids = ids, .n = 1}, {.ids = ids + 1, .n = 1}};
    const vs_group g = {prompts[4], N_PROMPT + 4, solutions, 3};
    double wide[3], narrow[3];
    vs_scorer *s;
    vs_error err;

    CHECK_OK(vs_scorer_open(&s, t.model, 64, &err));
    CHECK_OK(vs_score(s, &g, 1, NULL, wide, &err));
    vs_scorer_close(s);
    for (size_t rows = 1; rows < N_PROMPT + 6; rows += 4) {
        CHECK_OK(vs_scorer_open(&s, t.model, rows, &err));
        CHECK_OK(vs_score(s, &g, 1, NULL, narrow, &err));
        CHECK(memcmp(wide, narrow, sizeof wide) == 0);
        vs_scorer_close(s);
    }
    tiny_close(&t);
}

TEST(bits, an_adapter_keeps_the_promise)
{
    check_facts(4, VS_COMPUTE_F32);
}

TEST(bits, so_do_products_of_bf16)
{
    check_facts(0, VS_COMPUTE_BF16);
    check_facts(4, VS_COMPUTE_BF16);
}

TEST(bits, a_hash_tells_products_of_bf16_from_f32)
{
    for (size_t rank = 0; rank <= 4; rank += 4) {
        tiny f32 = tiny_open(true, rank, 5);
        tiny bf16 = tiny_open_as(true, rank, 5, false, false, VS_COMPUTE_BF16);
        drawn *a = sample(f32.model, 1, 8, 1.0, 1), *b = sample(bf16.model, 1, 8, 1.0, 1);
        char hash[VS_HASH_HEX];

        CHECK(memcmp(a->logp, b->logp, sizeof a->logp) != 0);
        CHECK(strcmp(f32.model->hash, bf16.model->hash) != 0);
        vs_compute_hash(hash, f32.model->hash, VS_COMPUTE_BF16);
        CHECK_STR(hash, bf16.model->hash);
        vs_compute_hash(hash, f32.model->hash, VS_COMPUTE_F32);
        CHECK_STR(hash, f32.model->hash);
        free(a), free(b);
        tiny_close(&f32);
        tiny_close(&bf16);
    }
}

/* -- training -- */

enum { N_ROWS = 12, N_STEPS = 6 };

typedef struct data {
    int32_t prompt[N_ROWS][6], ids[N_ROWS][4][9];
    vs_solution solutions[N_ROWS][4];
    double ref[N_ROWS][4];
    vs_data_row rows[N_ROWS];
} data;

static data *make_data(bool is_dpo)
{
    data *d = calloc(1, sizeof *d);
    vs_rng r = vs_rng_stream(vs_rng_key_make(9, VS_RNG_TEST, 0), 1);

    for (size_t i = 0; i < N_ROWS; i++) {
        for (size_t k = 0; k < 6; k++) d->prompt[i][k] = (int32_t)((i / 2 * 31 + k * 17) % 1100);
        for (size_t s = 0; s < 4; s++) {
            for (size_t k = 0; k < 9; k++) d->ids[i][s][k] = (int32_t)vs_rng_below(&r, 1100);
            d->solutions[i][s] = (vs_solution){.ids = d->ids[i][s], .n = 1 + vs_rng_below(&r, 9)};
            d->ref[i][s] = -40.0 - 10.0 * vs_rng_uniform(&r);
        }
        d->rows[i] = (vs_data_row){.group = {d->prompt[i], 6, d->solutions[i], is_dpo ? 4 : 1},
                                   .n_right = 1 + i % 3,
                                   .ref_logp = d->ref[i]};
    }
    return d;
}

static vs_train_options options(void)
{
    return (vs_train_options){.lr = 1e-2,
                              .schedule = VS_LINEAR,
                              .warmup = 2,
                              .beta1 = 0.9,
                              .beta2 = 0.98,
                              .eps = 1e-8,
                              .weight_decay = 0.01,
                              .clip = 1,
                              .steps = N_STEPS,
                              .batch = 5,
                              .micro_tokens = 4096,
                              .beta = 0.3,
                              .seed = 4,
                              .max_right = 2,
                              .max_solutions = 3};
}

typedef struct run {
    vs_steps steps;
    size_t stop_after;
} run;

static vs_status give(void *ctx, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    return vs_steps_make(&((run *)ctx)->steps, step, out, n, err);
}

static vs_status maybe_stop(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    (void)err;
    if (s && step + 1 == ((run *)ctx)->stop_after) vs_stop_request();
    return VS_OK;
}

/* Trains the model, closes it and returns its trained parameters, a copy. */
static float *train_model(tiny t, vs_loss_kind kind, const vs_train_options *o, const char *dir,
                          size_t stop_after, size_t *n)
{
    vs_error err;
    data *d = make_data(kind == VS_LOSS_DPO);
    run r = {.stop_after = stop_after};
    vs_trainer *trainer;
    float *copy;
    vs_status st;

    CHECK_OK(vs_steps_open(&r.steps, kind, d->rows, N_ROWS, o, false, &err));
    CHECK_OK(vs_trainer_open(&trainer, t.model, kind, o, N_STEPS, dir, &err));
    st = vs_trainer_run(trainer, give, maybe_stop, &r, &err);
    CHECK(st == (stop_after ? VS_E_STOPPED : VS_OK));
    vs_stop_clear();
    *n = vs_model_trainable(t.model)->n;
    copy = malloc(*n * 4);
    memcpy(copy, vs_model_trainable(t.model)->data, *n * 4);
    vs_trainer_close(trainer);
    vs_steps_close(&r.steps);
    free(d);
    tiny_close(&t);
    return copy;
}

static float *train(vs_loss_kind kind, size_t rank, const vs_train_options *o, const char *dir,
                    size_t stop_after, size_t *n)
{
    return train_model(tiny_open(true, rank, 21), kind, o, dir, stop_after, n);
}

/* Its panels are f32 from now on, whatever its weights are. */
static void use_f32_panels(const tiny *t)
{
    const vs_base *b = t->base;
    vs_error err;

    for (size_t i = 0; i < t->base->config.n_layers; i++)
        for (int k = 0; k < VS_N_LIN; k++) {
            vs_lin *lin = &t->base->layers[i].lin[k];
            CHECK(lin->fwd.half != NULL);
            vs_panels_close(&lin->fwd);
            CHECK_OK(vs_panels_open(&lin->fwd, NULL, lin->n, lin->k, VS_PANELS_F32, &err));
            for (size_t p = 0; p < lin->n_parts; p++)
                vs_panels_set_rows(b->ops, &lin->fwd, lin->col[p],
                                   b->params.data + lin->w[p]->offset, lin->k, lin->w[p]->rows);
        }
    vs_panels_close(&t->base->head_fwd);
    CHECK_OK(vs_panels_open(&t->base->head_fwd, NULL, t->base->config.n_vocab,
                            t->base->config.n_embd, VS_PANELS_F32, &err));
    vs_panels_set_rows(b->ops, &t->base->head_fwd, 0, b->params.data + b->head->offset,
                       b->config.n_embd, b->config.n_vocab);
}

TEST(training, has_the_same_bits_on_weights_kept_as_bf16)
{
    const vs_train_options o = options();

    size_t n;
    tiny f32 = tiny_open_as(true, 4, 21, false, true, VS_COMPUTE_F32);
    use_f32_panels(&f32);
    float *want = train_model(f32, VS_LOSS_DPO, &o, NULL, 0, &n);
    float *got = train_model(tiny_open_as(true, 4, 21, false, true, VS_COMPUTE_F32), VS_LOSS_DPO,
                             &o, NULL, 0, &n);
    CHECK(memcmp(want, got, n * sizeof *got) == 0);
    free(want);
    free(got);
}

TEST(training, of_the_weights_themselves_leaves_no_panels_of_bf16)
{
    tiny t = tiny_open_as(true, 0, 21, false, true, VS_COMPUTE_F32);
    vs_error err;

    CHECK(t.base->head_fwd.half && t.base->layers[0].lin[VS_LIN_QKV].fwd.half);
    CHECK_OK(vs_model_repack(t.model, true, &err));
    CHECK(!t.base->head_fwd.half && t.base->head_fwd.data);
    for (int k = 0; k < VS_N_LIN; k++)
        CHECK(!t.base->layers[0].lin[k].fwd.half && t.base->layers[0].lin[k].fwd.data);
    tiny_close(&t);
}

TEST(training, refuses_products_of_bf16)
{
    const vs_train_options o = options();
    tiny t = tiny_open_as(true, 4, 21, false, false, VS_COMPUTE_BF16);
    vs_trainer *trainer = NULL;
    vs_error err;

    CHECK(vs_trainer_open(&trainer, t.model, VS_LOSS_SFT, &o, 1, NULL, &err) == VS_E_USAGE);
    tiny_close(&t);
}

static void check_training(vs_loss_kind kind, size_t rank)
{
    vs_train_options o = options();
    size_t n;
    float *want = train(kind, rank, &o, NULL, 0, &n), *got;
    const char *dir = vs_test_dir();

    o.micro_tokens = 20;
    got = train(kind, rank, &o, NULL, 0, &n);
    CHECK(memcmp(want, got, n * 4) == 0);
    free(got);
    for (size_t threads = 1; threads <= 3; threads += 2) {
        vs_threads_set(threads);
        got = train(kind, rank, &o, NULL, 0, &n);
        CHECK(memcmp(want, got, n * 4) == 0);
        free(got);
    }
    vs_threads_set(0);
    o = options();
    for (o.keep_mb = 1.0 / 32; o.keep_mb <= 2;
         o.keep_mb *= 8) { /* one layer of two, both, and logits */
        got = train(kind, rank, &o, NULL, 0, &n);
        CHECK(memcmp(want, got, n * 4) == 0);
        free(got);
    }
    o = options();
    o.checkpoint_steps = 1;
    free(train(kind, rank, &o, dir, 3, &n)); /* stopped by the user after step 3 */
    got = train(kind, rank, &o, dir, 0, &n);
    CHECK(memcmp(want, got, n * 4) == 0);
    free(got);
    free(want);
}

TEST(training, has_the_same_bits_for_any_micro_batch_memory_threads_or_interruption_sft)
{
    check_training(VS_LOSS_SFT, 0);
}

TEST(training, has_the_same_bits_for_any_micro_batch_memory_threads_or_interruption_dpo)
{
    check_training(VS_LOSS_DPO, 0);
}

TEST(training, has_the_same_bits_for_any_micro_batch_memory_threads_or_interruption_lora)
{
    check_training(VS_LOSS_DPO, 4);
}
