/* test_frozen.c - a base opened for use keeps its linear weights as panels alone: the same model to the last bit, and
 * whoever needs the plain weights is told so. */
#include "engine/model/safetensors.h"
#include "engine/train/train.h"
#include "tiny.h"

enum { N_PROMPT = 5, N_SOLUTION = 7, N_MODELS = 4 };

static vs_status copy_tensor(void *ctx, float *to, const vs_tensor *t, vs_error *err)
{
    const vs_params *p = ctx;
    const vs_tensor *from = vs_params_find(p, t->name);
    (void)err;

    CHECK(from && from->rows == t->rows && from->cols == t->cols);
    memcpy(to, p->data + from->offset, t->rows * t->cols * sizeof *to);
    return VS_OK;
}

/* The same model over a base that was loaded for use. */
static tiny frozen_twin(const tiny *t)
{
    tiny f = {0};
    vs_params lora = {0};
    vs_error err;

    CHECK_OK(vs_base_load(&f.base, &t->base->config, copy_tensor, &t->base->params,
                          t->base->compute, &err));
    if (t->model->lora_config.rank) {
        CHECK_OK(vs_params_like(&lora, &t->model->lora, &err));
        memcpy(lora.data, t->model->lora.data, lora.n * sizeof *lora.data);
    }
    CHECK_OK(
        vs_model_create(&f.model, f.base, &t->model->lora_config, lora.n ? &lora : NULL, &err));
    return f;
}

static vs_group group(void)
{
    static int32_t ids[N_PROMPT + N_SOLUTION];
    static vs_solution solution = {.ids = ids + N_PROMPT, .n = N_SOLUTION};

    for (int32_t i = 0; i < N_PROMPT + N_SOLUTION; i++) ids[i] = (101 * i + 5) % 1100;
    return (vs_group){ids, N_PROMPT, &solution, 1};
}

static void score(const vs_model *m, float logp[N_SOLUTION])
{
    const vs_group g = group();
    vs_scorer *s;
    vs_error err;

    CHECK_OK(vs_scorer_open(&s, m, 64, &err));
    CHECK_OK(vs_score(s, &g, 1, logp, NULL, &err));
    vs_scorer_close(s);
}

static void check_equal(const tiny *t, const tiny *f)
{
    float want[N_SOLUTION], got[N_SOLUTION];
    vs_error err;

    score(t->model, want);
    score(f->model, got);
    CHECK(memcmp(want, got, sizeof got) == 0);
    CHECK(strcmp(t->model->hash, f->model->hash) == 0);
    CHECK_OK(vs_model_rehash(f->model, &err));
    CHECK(strcmp(t->model->hash, f->model->hash) == 0);
    CHECK(t->base->params.n_model == f->base->params.n_model);
}

TEST(frozen, a_base_for_use_is_the_same_model)
{
    for (int i = 0; i < 2 * N_MODELS; i++) { /* tied or not, bf16 or not, computed in f32 or bf16 */
        tiny t = tiny_open_as(i & 1, 0, 9, i & 1, i & 2, i & 4 ? VS_COMPUTE_BF16 : VS_COMPUTE_F32);
        tiny f = frozen_twin(&t);

        check_equal(&t, &f);
        CHECK(f.base->params.n < t.base->params.n / (i & 1 ? 1 : 2));
        tiny_close(&t);
        tiny_close(&f);
    }
}

static vs_train_options options(void)
{
    return (vs_train_options){.epochs = 1,
                              .lr = 1e-3,
                              .beta1 = 0.9,
                              .beta2 = 0.95,
                              .eps = 1e-8,
                              .clip = 1.0,
                              .batch = 1,
                              .micro_tokens = 64,
                              .keep_mb = 1};
}

/* The first step's gradients, malloc'd. */
static float *gradients(const tiny *t, size_t *n)
{
    const vs_train_options o = options();
    const vs_example e = {.group = group(), .n_right = 1};
    const vs_params *grads;
    vs_step_stats stats;
    vs_trainer *trainer = NULL;
    vs_error err;
    float *copy;

    CHECK_OK(vs_trainer_open(&trainer, t->model, VS_LOSS_SFT, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(trainer, &e, 1, &stats, &grads, &err));
    *n = grads->n * sizeof *copy;
    copy = malloc(*n);
    memcpy(copy, grads->data, *n);
    vs_trainer_close(trainer);
    return copy;
}

TEST(frozen, an_adapter_over_it_gets_the_same_gradients)
{
    for (int i = 0; i < N_MODELS; i++) {
        tiny t = tiny_open_as(i & 1, 4, 9, false, i & 2, VS_COMPUTE_F32), f = frozen_twin(&t);
        size_t n, m;
        float *want = gradients(&t, &n), *got = gradients(&f, &m);

        check_equal(&t, &f);
        CHECK(n == m && memcmp(want, got, n) == 0);
        CHECK(!f.base->head_bwd.half == !(i & 2));
        CHECK(!f.base->layers[1].lin[VS_LIN_DOWN].bwd.half == !(i & 2));
        free(want), free(got);
        tiny_close(&t);
        tiny_close(&f);
    }
}

static void check_refused(vs_status st, const vs_error *err)
{
    CHECK(st == VS_E_STATE && strstr(err->text, "model.layers.0.self_attn.q_proj.weight"));
}

TEST(frozen, whoever_needs_plain_weights_is_refused)
{
    const vs_train_options o = options();
    tiny t = tiny_open(true, 0, 9), f = frozen_twin(&t), l = tiny_open(true, 4, 9);
    vs_params *p = &f.base->params, copy = {0};
    vs_trainer *trainer = NULL;
    char hash[VS_HASH_HEX];
    vs_error err;

    check_refused(vs_trainer_open(&trainer, f.model, VS_LOSS_SFT, &o, 1, NULL, &err), &err);
    check_refused(vs_model_repack(f.model, true, &err), &err);
    check_refused(vs_model_repack(f.model, false, &err), &err);
    check_refused(vs_params_hash(hash, p, &err), &err);
    check_refused(vs_params_like(&copy, p, &err), &err);
    check_refused(vs_params_extend(p, "score.weight", 1, 24, false, &err), &err);
    check_refused(vs_weights_write(p, &f.base->config, vs_test_dir(), NULL, &err), &err);
    check_refused(vs_lora_merge(p, &l.model->lora, &l.model->lora_config, &f.base->config, &err),
                  &err);
    tiny_close(&t);
    tiny_close(&f);
    tiny_close(&l);
}
