/* test_orm.c - the value head: where a value is read, its loss by hand, its gradient by finite
 * differences, and its folders. */
#include "base/fmath.h"
#include "base/rng.h"
#include "engine/train/job.h"
#include "engine/train/train.h"
#include "golden.h"
#include "tiny.h"

/* Central differences of a loss that is summed in f32: their error is about 1e-7 / step. */
#define STEP             5e-3
#define DIFFERENCE_ERROR 2e-3

enum { N_RIGHT = 2, N = 4, LEN = 6, N_PROMPT = 7 };

typedef struct problem {
    int32_t prompt[N_PROMPT], ids[N][LEN];
    vs_solution solutions[N];
    vs_example e;
} problem;

static void fill(problem *p, const vs_config *c)
{
    vs_rng r = vs_rng_stream(vs_rng_key_make(3, VS_RNG_TEST, 0), 0);

    for (size_t i = 0; i < N_PROMPT; i++) p->prompt[i] = (int32_t)vs_rng_below(&r, 1100);
    for (size_t s = 0; s < N; s++) {
        for (size_t i = 0; i < LEN; i++) p->ids[s][i] = (int32_t)vs_rng_below(&r, 1100);
        const vs_solution plain = {.ids = p->ids[s], .n = 1 + s};
        p->solutions[s] = vs_solution_valued(&plain, N_PROMPT, c->n_positions);
    }
    p->e = (vs_example){.group = {p->prompt, N_PROMPT, p->solutions, N}, .n_right = N_RIGHT};
}

static vs_train_options options(vs_value_loss loss, double lm)
{
    return (vs_train_options){.lr = 1e-3,
                              .beta1 = 0.9,
                              .beta2 = 0.98,
                              .eps = 1e-8,
                              .batch = 1,
                              .micro_tokens = 4096,
                              .value_loss = loss,
                              .lm = lm,
                              .steps = 1};
}

/* Values of all sizes, so that no term vanishes. */
static void set_head(vs_model *m, float scale, float bias)
{
    vs_params *p = vs_model_trainable(m);

    for (size_t i = 0; i < m->value_weight->cols; i++)
        p->data[m->value_weight->offset + i] = scale * (float)((int)(i * 37 % 11) - 5) / 5.0F;
    p->data[m->value_bias->offset] = bias;
}

static double step_loss(const vs_model *m, const problem *p, const vs_train_options *o)
{
    vs_trainer *t;
    vs_step_stats stats;
    const vs_params *grads;
    vs_error err;

    CHECK_OK(vs_trainer_open(&t, (vs_model *)(uintptr_t)m, VS_LOSS_ORM, o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(t, &p->e, 1, &stats, &grads, &err));
    vs_trainer_close(t);
    return stats.loss;
}

TEST(orm, loss_of_constant_values_is_the_formula)
{
    tiny t = tiny_open_with(false, 0, 4, true);
    const vs_train_options mse = options(VS_VALUE_MSE, 0), bce = options(VS_VALUE_BCE, 0);
    problem p;

    /* solutions of 1, 2 right and 3, 4 wrong tokens, a value of 0.25 at each of the 10 */
    fill(&p, &t.base->config);
    set_head(t.model, 0, 0.25F);
    CHECK_NEAR(step_loss(t.model, &p, &mse), (3 * 0.75 * 0.75 + 7 * 0.25 * 0.25) / 10, 1e-9);
    CHECK_NEAR(step_loss(t.model, &p, &bce),
               (3 * log(1 + exp(-0.25)) + 7 * log(1 + exp(0.25))) / 10, 1e-9);
    tiny_close(&t);
}

/* The value at a token is that of the solution which ends there, and the language-model part that
 * of the right solutions' log-probs: both by other ways than the trainer's. */
TEST(orm, loss_is_the_sum_over_prefixes_and_right_log_probs)
{
    tiny t = tiny_open_with(true, 0, 4, true);
    const vs_train_options o = options(VS_VALUE_MSE, 0.7);
    vs_scorer *s;
    problem p;
    vs_error err;
    double value, logp[N], sum = 0, right = 0;
    size_t n = 0, n_right = 0;

    fill(&p, &t.base->config);
    set_head(t.model, 0.4F, 0.1F);
    CHECK_OK(vs_scorer_open(&s, t.model, 64, &err));
    for (size_t i = 0; i < N; i++)
        for (size_t k = 1; k <= p.solutions[i].n; k++, n++) {
            const vs_solution prefix = {.ids = p.ids[i], .n = k};
            const vs_group g = {p.prompt, N_PROMPT, &prefix, 1};
            const double label = i < N_RIGHT ? 1 : 0;
            CHECK_OK(vs_score_values(s, &g, 1, &value, &err));
            sum += (value - label) * (value - label);
        }
    CHECK_OK(vs_score(s, &p.e.group, 1, NULL, logp, &err));
    for (size_t i = 0; i < N_RIGHT; i++) right += logp[i], n_right += p.solutions[i].n;
    CHECK_NEAR(step_loss(t.model, &p, &o), sum / (double)n - 0.7 * right / (double)n_right, 1e-9);
    vs_scorer_close(s);
    tiny_close(&t);
}

static void check_gradient(size_t rank, vs_value_loss loss, double lm)
{
    tiny t = tiny_open_with(false, rank, 4, true);
    const vs_train_options o = options(loss, lm);
    vs_params *trained = vs_model_trainable(t.model);
    vs_trainer *trainer;
    vs_step_stats stats;
    const vs_params *grads;
    problem p;
    vs_error err;
    size_t n_checked = 0;

    fill(&p, &t.base->config);
    for (size_t i = 0; rank && i < trained->n; i++) /* B of zeros would hide A's gradient */
        trained->data[i] = 0.1F * (float)((int)(i * 7919 % 41) - 20) / 20.0F;
    set_head(t.model, 0.4F, 0.1F);
    CHECK_OK(vs_model_repack(t.model, true, &err));
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_ORM, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(trainer, &p.e, 1, &stats, &grads, &err));
    float *g = malloc(grads->n * sizeof *g);
    memcpy(g, grads->data, grads->n * sizeof *g);
    vs_trainer_close(trainer);
    for (size_t i = 0; i < trained->n_tensors;
         i++) { /* one element of each tensor, all of the head */
        const vs_tensor *x = &trained->tensors[i];
        const bool is_head = strstr(x->name, "score.") != NULL;
        const size_t n = x->rows * x->cols;
        for (size_t k = is_head ? 0 : n / 3; k < n; k += is_head ? 1 : n, n_checked++) {
            float *at = &trained->data[x->offset + k];
            const float was = *at;
            double up, down;
            *at = was + (float)STEP;
            CHECK_OK(vs_model_repack(t.model, true, &err));
            up = step_loss(t.model, &p, &o);
            *at = was - (float)STEP;
            CHECK_OK(vs_model_repack(t.model, true, &err));
            down = step_loss(t.model, &p, &o);
            *at = was;
            CHECK_OK(vs_model_repack(t.model, true, &err));
            const double want = (up - down) / (2 * STEP), got = (double)g[x->offset + k];
            if (fabs(got - want) > DIFFERENCE_ERROR * (1 + fabs(want)))
                fail_msg("%s[%zu]: %.6g, expected %.6g", x->name, k, got, want);
        }
    }
    CHECK(n_checked > 25);
    free(g);
    tiny_close(&t);
}

TEST(orm, gradient_is_the_finite_difference)
{
    check_gradient(0, VS_VALUE_MSE, 0);
    check_gradient(0, VS_VALUE_BCE, 0.5);
    check_gradient(3, VS_VALUE_MSE, 1);
    check_gradient(3, VS_VALUE_BCE, 0);
}

/* Values do not depend on who else is in the group, nor on how groups are cut. */
TEST(orm, a_value_is_the_same_alone_and_together)
{
    tiny t = tiny_open_with(false, 3, 4, true);
    vs_scorer *wide, *narrow;
    problem p;
    double together[N], cut[N], alone;
    vs_error err;

    fill(&p, &t.base->config);
    set_head(t.model, 0.4F, 0.1F);
    CHECK_OK(vs_scorer_open(&wide, t.model, 512, &err));
    CHECK_OK(vs_scorer_open(&narrow, t.model, 8, &err));
    CHECK_OK(vs_score_values(wide, &p.e.group, 1, together, &err));
    CHECK_OK(vs_score_values(narrow, &p.e.group, 1, cut, &err));
    CHECK(memcmp(together, cut, sizeof cut) == 0);
    for (size_t i = 0; i < N; i++) {
        const vs_group g = {p.prompt, N_PROMPT, &p.solutions[i], 1};
        CHECK_OK(vs_score_values(narrow, &g, 1, &alone, &err));
        CHECK(alone == together[i]);
    }
    vs_scorer_close(wide);
    vs_scorer_close(narrow);
    tiny_close(&t);
}

/* A solution that fills the positions is read one token earlier instead of being refused. */
TEST(orm, reads_the_token_before_where_positions_end)
{
    tiny t = tiny_open_with(false, 0, 4, true);
    int32_t prompt[90] = {0}, ids[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const vs_solution full = {.ids = ids, .n = 7}, shorter = {.ids = ids, .n = 6};
    const vs_group a = {prompt, 90, &full, 1}, b = {prompt, 90, &shorter, 1};
    vs_scorer *s;
    double x, y;
    vs_error err;

    set_head(t.model, 0.4F, 0.1F);
    CHECK(t.base->config.n_positions == 96);
    CHECK_OK(vs_scorer_open(&s, t.model, 512, &err));
    CHECK_OK(vs_score_values(s, &a, 1, &x, &err));
    CHECK_OK(vs_score_values(s, &b, 1, &y, &err));
    CHECK(x == y);
    vs_scorer_close(s);
    tiny_close(&t);
}

/* Written, read and opened again, as a whole model and beside an adapter; a fresh head is zero. */
TEST(orm, folders_carry_the_head)
{
    vs_opened_model m = {0};
    vs_base *base;
    vs_model *adapted;
    vs_error err;
    const char *scratch = vs_test_dir();
    char dir[512], lora[512];

    for (size_t rank = 0; rank <= 3; rank += 3) {
        tiny t = tiny_open_with(false, rank, 4, true);
        set_head(t.model, 0.4F, 0.1F);
        CHECK_OK(vs_model_rehash(t.model, &err));
        snprintf(dir, sizeof dir, "%s/base-%zu", scratch, rank);
        snprintf(lora, sizeof lora, "%s/lora", scratch);
        CHECK_OK(vs_weights_write(&t.base->params, &t.base->config, dir, NULL, &err));
        if (rank) CHECK_OK(vs_lora_write(&t.model->lora, &t.model->lora_config, dir, lora, &err));
        CHECK_OK(vs_opened_model_open(&m, dir, rank ? lora : NULL, VS_COMPUTE_F32, &err));
        CHECK(m.model->value_params);
        CHECK_STR(m.model->hash, t.model->hash);
        vs_opened_model_close(&m);
        tiny_close(&t);
    }
    snprintf(dir, sizeof dir, "%s/base-3", scratch); /* without a head of its own */
    CHECK_OK(vs_base_open_valued(&base, dir, &err));
    CHECK_OK(vs_model_open(&adapted, base, NULL, &err));
    CHECK(adapted->value_params == vs_model_trainable(adapted));
    CHECK(vs_value_at(adapted, base->params.data) == 0.0);
    vs_model_close(adapted);
    vs_base_close(base);
}

/* Heads that transformers and PEFT made: tools/parity/value.py wrote tests/golden/value. */
static void check_golden(const char *name, bool is_adapter)
{
    char dir[512], base[512], path[600];
    vs_opened_model m = {0};
    vs_solution solutions[2];
    vs_group group = {.solutions = solutions, .n_solutions = 2};
    int32_t *ids[2];
    json_t *golden;
    vs_scorer *s;
    vs_trainer *t;
    vs_step_stats stats;
    const vs_params *grads;
    const json_t *g;
    double value[2];
    vs_error err;
    size_t k;

    snprintf(dir, sizeof dir, VSTAR_SOURCE_DIR "/tests/golden/value/%s", name);
    snprintf(path, sizeof path, "%s/golden.json", dir);
    CHECK_OK(vs_json_read(&golden, path, &err));
    snprintf(base, sizeof base, VSTAR_SOURCE_DIR "/tests/golden/families/%s",
             json_string_value(json_object_get(golden, "base")));
    if (is_adapter)
        CHECK_OK(vs_base_open(&m.base, base, VS_COMPUTE_F32, &err));
    else
        CHECK_OK(vs_base_open_trainable(&m.base, dir, &err));
    CHECK_OK(vs_model_open(&m.model, m.base, is_adapter ? dir : NULL, &err));
    int32_t *prompt = golden_ids(json_object_get(golden, "prompt"), &group.n_prompt);
    group.prompt = prompt;
    for (size_t i = 0; i < 2; i++) {
        vs_solution plain;
        ids[i] = golden_ids(json_array_get(json_object_get(golden, "solutions"), i), &plain.n);
        plain.ids = ids[i];
        solutions[i] = vs_solution_valued(&plain, group.n_prompt, m.base->config.n_positions);
    }
    CHECK_OK(vs_scorer_open(&s, m.model, 256, &err));
    CHECK_OK(vs_score_values(s, &group, 1, value, &err));
    for (size_t i = 0; i < 2; i++) {
        const json_t *all = json_array_get(json_object_get(golden, "values"), i);
        CHECK_NEAR(value[i], json_number_value(json_array_get(all, json_array_size(all) - 1)),
                   PARITY_TOLERANCE);
    }
    vs_scorer_close(s);

    const vs_train_options o =
        options(VS_VALUE_MSE, json_number_value(json_object_get(golden, "lm")));
    const vs_example e = {.group = group, .n_right = 1};
    CHECK_OK(vs_trainer_open(&t, m.model, VS_LOSS_ORM, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(t, &e, 1, &stats, &grads, &err));
    CHECK_NEAR(stats.loss, json_number_value(json_object_get(golden, "loss")), PARITY_TOLERANCE);
    CHECK(json_array_size(json_object_get(golden, "grads")) ==
          vs_model_trainable(m.model)->n_tensors);
    json_array_foreach(json_object_get(golden, "grads"), k, g) golden_check_tensor(name, grads, g);
    vs_trainer_close(t);
    free(prompt), free(ids[0]), free(ids[1]);
    json_decref(golden);
    vs_opened_model_close(&m);
}

TEST(orm, values_loss_and_gradients_are_those_of_transformers_and_peft)
{
    check_golden("whole-llama3", false);
    check_golden("whole-gemma2", false);
    check_golden("adapter-llama3", true);
}
