/* test_trainer.c - one step of the optimiser: what decays, what is clipped, and what stops a run before it harms the
 * weights. */
#include "base/fmath.h"
#include "engine/train/train.h"
#include "tiny.h"

enum { N_PROMPT = 4, LENGTH = 6 };
/* One update in f32 against its formula in double. */
#define STEP_TOLERANCE 2e-6
/* Gradients of up to 1: one chain of f32 sums against two. */
#define SUM_TOLERANCE 2e-5

static const int32_t PROMPT[N_PROMPT] = {5, 6, 7, 8};
static const int32_t IDS[2][LENGTH] = {{9, 10, 11, 12, 13, 14}, {21, 22, 23, 24, 25, 26}};

typedef struct source {
    vs_example e;
    vs_step_stats last;
    size_t reported;
} source;

static vs_status give(void *ctx, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    source *s = ctx;
    (void)step, (void)err;

    *out = &s->e;
    *n = 1;
    return VS_OK;
}

static vs_status note(void *ctx, size_t step, const vs_step_stats *stats, vs_error *err)
{
    source *s = ctx;
    (void)step, (void)err;

    if (stats) s->last = *stats, s->reported++;
    return VS_OK;
}

static vs_train_options options(void)
{
    return (vs_train_options){.lr = 0.01,
                              .lr_end = 1,
                              .beta1 = 0.9,
                              .beta2 = 0.99,
                              .eps = 1e-8,
                              .batch = 1,
                              .micro_tokens = 4096,
                              .beta = 0.1};
}

/* With biases on three linears of a layer. */
static tiny open_biased(void)
{
    vs_config c = tiny_config(true);

    c.family = VS_QWEN2;
    c.n_vocab = 64;
    return tiny_open_of(&c, 0, 21, false, false, VS_COMPUTE_F32);
}

static source sft_source(void)
{
    static const vs_solution solution = {.ids = IDS[0], .n = LENGTH};

    return (source){.e = {.group = {PROMPT, N_PROMPT, &solution, 1}}};
}

/* The weights after `steps` steps, a copy; grads (NULL: not wanted): of the first step. */
static float *train(const vs_train_options *o, size_t steps, source *s, float *grads)
{
    tiny t = open_biased();
    const size_t n = t.base->params.n;
    float *copy = malloc(n * sizeof *copy);
    const vs_params *g;
    vs_step_stats stats;
    vs_trainer *trainer;
    vs_error err;

    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_SFT, o, steps, NULL, &err));
    if (grads) {
        CHECK_OK(vs_trainer_grads(trainer, &s->e, 1, &stats, &g, &err));
        memcpy(grads, g->data, n * sizeof *grads);
    }
    CHECK_OK(vs_trainer_run(trainer, give, note, s, &err));
    memcpy(copy, t.base->params.data, n * sizeof *copy);
    vs_trainer_close(trainer);
    tiny_close(&t);
    return copy;
}

TEST(trainer, decays_matrices_and_spares_norms_and_biases)
{
    tiny t = open_biased();
    vs_train_options o = options();
    source s = sft_source();
    float *plain = train(&o, 1, &s, NULL), *decayed;
    size_t n_vectors = 0;

    o.weight_decay = 0.5;
    decayed = train(&o, 1, &s, NULL);
    for (size_t i = 0; i < t.base->params.n_tensors; i++) {
        const vs_tensor *x = &t.base->params.tensors[i];
        const bool is_vector = strstr(x->name, "norm.weight") || strstr(x->name, ".bias");
        n_vectors += is_vector;
        for (size_t k = x->offset; k < x->offset + x->rows * x->cols; k++) {
            if (is_vector)
                CHECK(memcmp(&plain[k], &decayed[k], sizeof *plain) == 0);
            else
                CHECK_NEAR(decayed[k], plain[k] - 0.01F * 0.5F * t.base->params.data[k],
                           STEP_TOLERANCE);
        }
    }
    CHECK(n_vectors == 2 * (2 + 3) + 1); /* norms and biases of two layers, the last norm */
    free(plain);
    free(decayed);
    tiny_close(&t);
}

/* arXiv:1711.05101, algorithm 2, from the step's own gradient; a first step moves each weight by lr times its sign. */
TEST(trainer, a_step_is_adamw_of_the_gradient_clipped_to_its_norm)
{
    tiny t = open_biased();
    const size_t n = t.base->params.n;
    float *grads = malloc(n * sizeof *grads);
    const double clips[] = {0, 1e-3, 1e-9, 1e9};

    for (size_t k = 0; k < sizeof clips / sizeof *clips; k++) {
        vs_train_options o = options();
        source s = sft_source();
        double squares = 0.0;
        o.clip = clips[k];
        o.eps = 1e-6; /* so that a gradient's size shows */
        float *got = train(&o, 1, &s, grads);
        for (size_t i = 0; i < n; i++) squares += (double)grads[i] * (double)grads[i];
        const double norm = sqrt(squares);
        const double scale = o.clip > 0.0 && norm > o.clip ? o.clip / norm : 1.0;
        CHECK_NEAR(s.last.grad_norm, norm, 1e-9 * norm);
        for (size_t i = 0; i < n; i++) {
            const double g = scale * (double)grads[i];
            CHECK_NEAR(got[i], (double)t.base->params.data[i] - o.lr * g / (fabs(g) + o.eps),
                       STEP_TOLERANCE);
        }
        free(got);
    }
    free(grads);
    tiny_close(&t);
}

/* Two steps of one example: moments and their bias corrections. */
TEST(trainer, a_second_step_has_both_moments_of_the_first)
{
    vs_train_options o = options();
    source s = sft_source();
    tiny t = open_biased();
    const size_t n = t.base->params.n;
    float *g1 = malloc(n * sizeof *g1), *one = train(&o, 1, &s, g1), *two = train(&o, 2, &s, NULL);
    const vs_params *g2;
    vs_step_stats stats;
    vs_trainer *trainer;
    vs_error err;

    memcpy(t.base->params.data, one, n * sizeof *one);
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_SFT, &o, 2, NULL, &err));
    CHECK_OK(vs_trainer_grads(trainer, &s.e, 1, &stats, &g2, &err));
    for (size_t i = 0; i < n; i++) {
        const double a = (double)g1[i], b = (double)g2->data[i];
        const double m = (0.9 * 0.1 * a + 0.1 * b) / (1 - 0.9 * 0.9);
        const double v = (0.99 * 0.01 * a * a + 0.01 * b * b) / (1 - 0.99 * 0.99);
        CHECK_NEAR(two[i], (double)one[i] - o.lr * m / (sqrt(v) + o.eps), 1e-4 * o.lr + 1e-7);
    }
    CHECK(s.reported == 3);
    vs_trainer_close(trainer);
    free(g1), free(one), free(two);
    tiny_close(&t);
}

/* Pairs of equal rewards have the finite loss ln 2, whatever beta is; their gradient is beta / 2 and more than f32 holds. */
TEST(trainer, a_gradient_that_is_no_number_stops_before_the_weights_change)
{
    const vs_solution solutions[2] = {{.ids = IDS[0], .n = LENGTH}, {.ids = IDS[1], .n = LENGTH}};
    vs_train_options o = options();
    double ref[2];
    source s = {.e = {.group = {PROMPT, N_PROMPT, solutions, 2}, .n_right = 1, .ref_logp = ref}};
    tiny t = open_biased();
    const size_t bytes = t.base->params.n * sizeof(float);
    float *before = malloc(bytes);
    vs_trainer *trainer;
    vs_scorer *scorer;
    vs_error err;

    o.beta = 1e39;
    memcpy(before, t.base->params.data, bytes);
    CHECK_OK(vs_scorer_open(&scorer, t.model, 64, &err));
    CHECK_OK(vs_score(scorer, &s.e.group, 1, NULL, ref, &err));
    vs_scorer_close(scorer);
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_DPO, &o, 1, NULL, &err));
    vs_trainer_expect_reference(trainer); /* which the loss of ln 2 passes */
    CHECK(vs_trainer_run(trainer, give, note, &s, &err) == VS_E_STATE);
    CHECK(strstr(err.text, "gradient's norm"));
    CHECK(memcmp(before, t.base->params.data, bytes) == 0 && s.reported == 0);
    vs_trainer_close(trainer);
    free(before);
    tiny_close(&t);
}

/* Rewards that are infinitely apart have an infinite loss, whose gradient is finite. */
TEST(trainer, a_loss_that_is_no_number_stops_before_the_weights_change)
{
    const vs_solution solutions[2] = {{.ids = IDS[0], .n = LENGTH}, {.ids = IDS[1], .n = LENGTH}};
    static const double ref[2] = {1e308, -1e308};
    const vs_train_options o = options();
    source s = {.e = {.group = {PROMPT, N_PROMPT, solutions, 2}, .n_right = 1, .ref_logp = ref}};
    tiny t = open_biased();
    const size_t bytes = t.base->params.n * sizeof(float);
    float *before = malloc(bytes);
    vs_trainer *trainer;
    vs_error err;

    memcpy(before, t.base->params.data, bytes);
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_DPO, &o, 1, NULL, &err));
    CHECK(vs_trainer_run(trainer, give, note, &s, &err) == VS_E_STATE);
    CHECK(strstr(err.text, "the loss is"));
    CHECK(memcmp(before, t.base->params.data, bytes) == 0 && s.reported == 0);
    vs_trainer_close(trainer);
    free(before);
    tiny_close(&t);
}

/* Tokens of a step weigh what their solutions do, of all tokens of the step: each group's own mean, put together. More
 * parameters than one part of the gradient's norm has. */
TEST(trainer, sft_of_a_step_is_the_weighted_mean_over_the_tokens_of_all_groups)
{
    const vs_solution solutions[2] = {{.ids = IDS[0], .n = 2, .weight = 3.0},
                                      {.ids = IDS[1], .n = LENGTH, .weight = 0.5}};
    const vs_solution plain[2] = {{.ids = IDS[0], .n = 2}, {.ids = IDS[1], .n = LENGTH}};
    const double share[2] = {2 * 3.0 / (2 * 3.0 + LENGTH * 0.5),
                             LENGTH * 0.5 / (2 * 3.0 + LENGTH * 0.5)};
    const vs_example e[2] = {{.group = {PROMPT, N_PROMPT, &solutions[0], 1}},
                             {.group = {PROMPT, N_PROMPT - 1, &solutions[1], 1}}};
    const vs_example alone[2] = {{.group = {PROMPT, N_PROMPT, &plain[0], 1}},
                                 {.group = {PROMPT, N_PROMPT - 1, &plain[1], 1}}};
    vs_config c = tiny_config(false);
    const vs_train_options o = options();
    const vs_params *g;
    vs_step_stats all, stats;
    vs_trainer *trainer;
    vs_error err;
    double loss = 0.0, squares = 0.0;

    c.n_vocab = 3000;
    tiny t = tiny_open_of(&c, 0, 21, false, false, VS_COMPUTE_F32);
    const size_t n = t.base->params.n;
    double *want = calloc(n, sizeof *want);
    CHECK(n > (1 << 17) && n % (1 << 16) != 0);
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_SFT, &o, 1, NULL, &err));
    for (size_t k = 0; k < 2; k++) {
        CHECK_OK(vs_trainer_grads(trainer, &alone[k], 1, &stats, &g, &err));
        loss += share[k] * stats.loss;
        for (size_t i = 0; i < n; i++) want[i] += share[k] * (double)g->data[i];
    }
    CHECK_OK(vs_trainer_grads(trainer, e, 2, &all, &g, &err));
    CHECK_NEAR(all.loss, loss, 1e-6);
    for (size_t i = 0; i < n; i++) {
        CHECK_NEAR(g->data[i], want[i], SUM_TOLERANCE);
        squares += (double)g->data[i] * (double)g->data[i];
    }
    CHECK_NEAR(all.grad_norm, sqrt(squares), 1e-9);
    vs_trainer_close(trainer);
    free(want);
    tiny_close(&t);
}

/* A module whose A is zero too can learn nothing: its gradient is lost, while the others' is not. */
TEST(trainer, an_adapter_that_does_not_train_is_named_after_the_first_step)
{
    const vs_train_options o = options();
    source s = sft_source();

    for (int is_dead = 0; is_dead < 2; is_dead++) {
        tiny t = tiny_open(true, 4, 21);
        const vs_tensor *a = t.model->lora_lin[0].a, *b = t.model->lora_lin[0].b;
        vs_trainer *trainer;
        vs_error err;
        if (is_dead) memset(t.model->lora.data + a->offset, 0, a->rows * a->cols * sizeof(float));
        CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_SFT, &o, 1, NULL, &err));
        CHECK(vs_trainer_run(trainer, give, note, &s, &err) == (is_dead ? VS_E_STATE : VS_OK));
        CHECK(!is_dead || (strstr(err.text, b->name) && strstr(err.text, "still zero")));
        vs_trainer_close(trainer);
        tiny_close(&t);
    }
}

/* The weights become what a folder of bf16 holds, and the hash is theirs; a folder of f32 holds them as they are. */
TEST(trainer, a_settled_model_has_the_numbers_and_the_hash_of_its_folder)
{
    for (int is_bf16 = 0; is_bf16 < 2; is_bf16++) {
        vs_config c = tiny_config(true);
        char before[VS_HASH_HEX];
        vs_error err;
        c.dtype = is_bf16 ? VS_BF16 : VS_F32;
        tiny t = tiny_open_of(&c, 0, 21, false, false, VS_COMPUTE_F32);
        tiny rounded = tiny_open_of(&c, 0, 21, false, true, VS_COMPUTE_F32);
        const tiny *want = is_bf16 ? &rounded : &t;
        memcpy(before, t.model->hash, sizeof before);
        CHECK_OK(vs_model_settle(t.model, &err));
        CHECK(memcmp(t.base->params.data, want->base->params.data,
                     t.base->params.n * sizeof(float)) == 0);
        CHECK(strcmp(t.model->hash, want->model->hash) == 0);
        CHECK((strcmp(t.model->hash, before) == 0) == !is_bf16);
        tiny_close(&t);
        tiny_close(&rounded);
    }
}

static void identify(char hex[VS_HASH_HEX], tiny *t, const vs_train_options *o)
{
    vs_trainer *trainer;
    vs_error err;

    CHECK_OK(vs_trainer_open(&trainer, t->model, VS_LOSS_DPO, o, 10, NULL, &err));
    memcpy(hex, vs_trainer_identity(trainer), VS_HASH_HEX);
    vs_trainer_close(trainer);
}

/* Whether this change of the options is another training. */
#define CHECK_IDENTITY(change, is_other)                                     \
    do {                                                                     \
        vs_train_options o = options();                                      \
        o.change;                                                            \
        identify(got, &t, &o);                                               \
        if ((strcmp(want, got) != 0) != (is_other)) fail_msg("%s", #change); \
    } while (0)

TEST(trainer, every_option_that_changes_the_result_is_part_of_the_identity)
{
    tiny t = open_biased();
    const vs_train_options plain = options();
    char want[VS_HASH_HEX], got[VS_HASH_HEX];

    identify(want, &t, &plain);
    CHECK_IDENTITY(lr = 0.02, true);
    CHECK_IDENTITY(lr_end = 0.5, true);
    CHECK_IDENTITY(schedule = VS_COSINE, true);
    CHECK_IDENTITY(warmup = 1, true);
    CHECK_IDENTITY(beta1 = 0.8, true);
    CHECK_IDENTITY(beta2 = 0.98, true);
    CHECK_IDENTITY(eps = 1e-7, true);
    CHECK_IDENTITY(weight_decay = 0.1, true);
    CHECK_IDENTITY(clip = 1, true);
    CHECK_IDENTITY(epochs = 2, true);
    CHECK_IDENTITY(batch = 2, true);
    CHECK_IDENTITY(seed = 1, true);
    CHECK_IDENTITY(lora.rank = 4, true);
    CHECK_IDENTITY(lora.alpha = 8, true);
    CHECK_IDENTITY(lora.targets = 1, true);
    CHECK_IDENTITY(beta = 0.2, true);
    CHECK_IDENTITY(pair_loss = VS_PAIR_IPO, true);
    CHECK_IDENTITY(label_smoothing = 0.1, true);
    CHECK_IDENTITY(length_normalised = 1, true);
    CHECK_IDENTITY(nll = 1, true);
    CHECK_IDENTITY(max_right = 2, true);
    CHECK_IDENTITY(max_solutions = 3, true);
    CHECK_IDENTITY(sampled_pairs = 4, true);
    CHECK_IDENTITY(value_loss = VS_VALUE_BCE, true);
    CHECK_IDENTITY(lm = 1, true);
    CHECK_IDENTITY(micro_tokens = 20, false);
    CHECK_IDENTITY(keep_mb = 8, false);
    CHECK_IDENTITY(checkpoint_steps = 1, false);
    tiny_close(&t);
}

TEST(schedule, reaches_the_peak_at_the_last_step_of_warm_up_and_falls_from_the_next_but_one)
{
    const vs_train_options o = {.lr = 2.0, .lr_end = 0, .warmup = 4, .schedule = VS_LINEAR};
    const double want[] = {0.5, 1.0, 1.5, 2.0, 2.0, 1.5, 1.0, 0.5, 0.0};

    for (size_t step = 0; step < 9; step++)
        CHECK_NEAR(vs_schedule_at(&o, step, 8), want[step], 1e-12);
}
