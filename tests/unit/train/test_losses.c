/* test_losses.c - group DPO is all-pairs DPO; LoRA's gradient is the chain rule on the full one;
 * the reference check. */
#include "base/fmath.h"
#include "base/rng.h"
#include "engine/train/train.h"
#include "tiny.h"

/* The same sums in f32, grouped differently. */
#define PAIRWISE_RELATIVE 1e-5
/* dA = s B^T dW and dB = s dW A^T, each side a different chain of f32 products. */
#define LORA_RELATIVE 2e-4

enum { N_RIGHT = 3, N_WRONG = 4, N = N_RIGHT + N_WRONG, LEN = 8, N_PROMPT = 9 };

typedef struct problem {
    int32_t prompt[N_PROMPT], ids[N][LEN];
    vs_solution solutions[N];
    double ref[N];
} problem;

static void fill(problem *p)
{
    vs_rng r = vs_rng_stream(vs_rng_key_make(2, VS_RNG_TEST, 0), 0);

    for (size_t i = 0; i < N_PROMPT; i++) p->prompt[i] = (int32_t)vs_rng_below(&r, 1100);
    for (size_t s = 0; s < N; s++) {
        for (size_t i = 0; i < LEN; i++) p->ids[s][i] = (int32_t)vs_rng_below(&r, 1100);
        p->solutions[s] = (vs_solution){.ids = p->ids[s], .n = 2 + s % (LEN - 2)};
        p->ref[s] = -7.0 * (double)p->solutions[s].n - vs_rng_uniform(&r);
    }
}

static vs_train_options options(void)
{
    return (vs_train_options){.lr = 1e-3,
                              .beta1 = 0.9,
                              .beta2 = 0.98,
                              .eps = 1e-8,
                              .batch = 1,
                              .micro_tokens = 4096,
                              .beta = 0.7,
                              .label_smoothing = 0.1,
                              .steps = 1};
}

static double largest(const float *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fabs((double)x[i]) > m ? fabs((double)x[i]) : m;
    return m;
}

TEST(dpo, group_gradient_equals_all_explicit_pairs_and_computes_each_solution_once)
{
    vs_error err;
    tiny t = tiny_open(true, 0, 8);
    const vs_train_options o = options();
    problem p;
    vs_trainer *trainer;
    vs_step_stats group_stats, pair_stats;
    const vs_params *grads;
    vs_solution two[N_RIGHT * N_WRONG][2];
    double ref[N_RIGHT * N_WRONG][2];
    vs_example pairs[N_RIGHT * N_WRONG];
    size_t rows = N_PROMPT, pair_rows = 0, n = 0;
    float *want;

    fill(&p);
    for (size_t r = 0; r < N_RIGHT; r++)
        for (size_t w = N_RIGHT; w < N; w++, n++) {
            two[n][0] = p.solutions[r], two[n][1] = p.solutions[w];
            ref[n][0] = p.ref[r], ref[n][1] = p.ref[w];
            pairs[n] = (vs_example){
                .group = {p.prompt, N_PROMPT, two[n], 2}, .n_right = 1, .ref_logp = ref[n]};
            pair_rows += vs_group_rows(&pairs[n].group);
        }
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_DPO, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(trainer, pairs, n, &pair_stats, &grads, &err));
    want = malloc(grads->n * 4);
    memcpy(want, grads->data, grads->n * 4);

    const vs_example group = {
        .group = {p.prompt, N_PROMPT, p.solutions, N}, .n_right = N_RIGHT, .ref_logp = p.ref};
    for (size_t s = 0; s < N; s++) rows += p.solutions[s].n - 1;
    vs_rows_computed_take();
    CHECK_OK(vs_trainer_grads(trainer, &group, 1, &group_stats, &grads, &err));
    CHECK(vs_rows_computed_take() == rows &&
          group_stats.n_rows == rows); /* prompt once, each solution once */
    CHECK(pair_stats.n_rows == pair_rows && pair_rows > 3 * rows);
    CHECK(group_stats.n_pairs == N_RIGHT * N_WRONG && pair_stats.n_pairs == group_stats.n_pairs);
    CHECK_NEAR(group_stats.loss, pair_stats.loss, 1e-9);
    const double scale = largest(want, grads->n);
    for (size_t i = 0; i < grads->n; i++)
        CHECK_NEAR(grads->data[i], want[i], PAIRWISE_RELATIVE * scale);
    free(want);
    vs_trainer_close(trainer);
    tiny_close(&t);
}

/* The step's whole loss from one group's sums. */
static double whole_loss(const vs_step_stats *sums, const vs_train_options *o, vs_step_totals all)
{
    return sums->loss / (double)all.pairs - o->nll * sums->logp_right / (double)all.right_tokens;
}

static void check_coefs(const vs_train_options *o)
{
    problem p;
    double logp[N], coef[N], moved[N], unused[N];
    const double eps = 1e-5;
    vs_step_totals all = {.pairs = N_RIGHT * N_WRONG};
    vs_step_stats s = {0};

    fill(&p);
    for (size_t i = 0; i < N; i++) logp[i] = p.ref[i] + 0.3 * (double)i - 0.8;
    for (size_t i = 0; i < N_RIGHT; i++) all.right_tokens += p.solutions[i].n;
    const vs_example e = {
        .group = {p.prompt, N_PROMPT, p.solutions, N}, .n_right = N_RIGHT, .ref_logp = p.ref};
    vs_dpo_coefs(coef, &e, logp, o, all, &s);
    for (size_t i = 0; i < N; i++) {
        vs_step_stats plus = {0}, minus = {0};
        memcpy(moved, logp, sizeof moved);
        moved[i] = logp[i] + eps;
        vs_dpo_coefs(unused, &e, moved, o, all, &plus);
        moved[i] = logp[i] - eps;
        vs_dpo_coefs(unused, &e, moved, o, all, &minus);
        CHECK_NEAR(coef[i], (whole_loss(&plus, o, all) - whole_loss(&minus, o, all)) / (2 * eps),
                   1e-8);
    }
}

TEST(dpo, coefficients_are_the_derivative_of_every_loss)
{
    static const vs_train_options variants[] = {
        {.beta = 0.7},
        {.beta = 0.7, .label_smoothing = 0.1},
        {.beta = 0.4, .pair_loss = VS_PAIR_IPO},
        {.beta = 2.0, .length_normalised = 1},
        {.beta = 0.4, .pair_loss = VS_PAIR_IPO, .length_normalised = 1},
        {.beta = 0.7, .nll = 0.3},
    };

    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) check_coefs(&variants[i]);
}

/* One pair by hand: h = 0.5 ((-1 + 2) - (-4 + 3)) = 1; per token of 2 and 4: 0.5 (1 / 2 + 1 / 4). */
TEST(dpo, variants_equal_their_formulas)
{
    static const int32_t ids[4] = {1, 2, 3, 4};
    const vs_solution solutions[2] = {{.ids = ids, .n = 2}, {.ids = ids, .n = 4}};
    const double ref[2] = {-2, -3}, logp[2] = {-1, -4};
    const vs_example e = {.group = {ids, 1, solutions, 2}, .n_right = 1, .ref_logp = ref};
    const vs_step_totals all = {.pairs = 1, .right_tokens = 2};
    vs_train_options o = {.beta = 0.5};
    vs_step_stats s = {0};
    double coef[2];

    vs_dpo_coefs(coef, &e, logp, &o, all, &s);
    CHECK_NEAR(s.loss, log(1 + exp(-1.0)), 1e-12);
    o.length_normalised = 1;
    s = (vs_step_stats){0};
    vs_dpo_coefs(coef, &e, logp, &o, all, &s);
    CHECK_NEAR(s.margin, 0.375, 1e-12);
    CHECK_NEAR(coef[0] / coef[1], -2.0, 1e-12);
    o = (vs_train_options){.beta = 0.5, .pair_loss = VS_PAIR_IPO};
    s = (vs_step_stats){0};
    vs_dpo_coefs(coef, &e, logp, &o, all, &s);
    CHECK_NEAR(s.loss, 1.0, 1e-12); /* (2 - 1 / (2 * 0.5))^2 */
    CHECK_NEAR(coef[0], 2.0, 1e-12);
    o = (vs_train_options){.beta = 0.5, .nll = 0.4};
    vs_dpo_coefs(coef, &e, logp, &o, all, &s);
    CHECK_NEAR(coef[0], -0.5 / (1 + exp(1.0)) - 0.2, 1e-12);
}

TEST(dpo, sampled_pairs_count_only_themselves)
{
    problem p;
    double logp[N] = {0}, coef[N];
    const uint32_t pairs[2][2] = {{0, 3}, {2, 6}};
    vs_step_stats s = {0};

    fill(&p);
    memset(p.ref, 0, sizeof p.ref);
    const vs_example e = {.group = {p.prompt, N_PROMPT, p.solutions, N},
                          .n_right = N_RIGHT,
                          .ref_logp = p.ref,
                          .pairs = pairs,
                          .n_pairs = 2};
    vs_dpo_coefs(coef, &e, logp, &(vs_train_options){.beta = 0.5}, (vs_step_totals){.pairs = 2},
                 &s);
    CHECK_NEAR(s.loss, 2 * log(2.0), 1e-12);
    CHECK_NEAR(coef[0], -0.5 * 0.5 / 2, 1e-12);
    CHECK_NEAR(coef[6], 0.5 * 0.5 / 2, 1e-12);
    CHECK(coef[1] == 0.0 && coef[4] == 0.0);
}

static void check_lora_tensor(const vs_params *full, const vs_model *m, const vs_params *lora,
                              const char *layer, size_t index, vs_linear which)
{
    char name[VS_TENSOR_NAME];
    const vs_lora_lin *l = &m->lora_lin[index * VS_N_LINEAR + (size_t)which];
    const size_t r = l->a->rows, k = l->a->cols, n = l->b->rows;
    const double s = (double)l->scale;
    const vs_tensor *w;
    double scale = 0;

    snprintf(name, sizeof name, "model.layers.%zu.%s.weight", index, layer);
    w = vs_params_find(full, name);
    CHECK(w && w->rows == n && w->cols == k);
    scale = largest(lora->data + l->b->offset, n * r);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < r; j++) {
            double want = 0;
            for (size_t c = 0; c < k; c++)
                want += (double)full->data[w->offset + i * k + c] *
                        (double)m->lora.data[l->a->offset + j * k + c];
            CHECK_NEAR(lora->data[l->b->offset + i * r + j], s * want, LORA_RELATIVE * scale);
        }
    scale = largest(lora->data + l->a->offset, r * k);
    for (size_t j = 0; j < r; j++)
        for (size_t c = 0; c < k; c++) {
            double want = 0;
            for (size_t i = 0; i < n; i++)
                want += (double)full->data[w->offset + i * k + c] *
                        (double)m->lora.data[l->b->offset + i * r + j];
            CHECK_NEAR(lora->data[l->a->offset + j * k + c], s * want, LORA_RELATIVE * scale);
        }
}

TEST(lora, gradient_is_the_chain_rule_on_the_merged_weights)
{
    vs_error err;
    tiny a = tiny_open(false, 4, 13), b = tiny_open(false, 0, 13);
    const vs_train_options o = options();
    problem p;
    vs_trainer *ta, *tb;
    vs_step_stats sa, sb;
    const vs_params *ga, *gb;

    fill(&p);
    for (size_t i = 0; i < a.model->lora.n; i++)
        a.model->lora.data[i] = 0.04F * (float)((int)(i * 7919 % 41) - 20) / 20.0F;
    CHECK_OK(vs_model_repack(a.model, false, &err));
    CHECK_OK(vs_lora_merge(&b.base->params, &a.model->lora, &a.model->lora_config, &b.base->config,
                           &err));
    CHECK_OK(vs_model_repack(b.model, false, &err));
    const vs_example e = {.group = {p.prompt, N_PROMPT, p.solutions, N}};
    CHECK_OK(vs_trainer_open(&ta, a.model, VS_LOSS_SFT, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_open(&tb, b.model, VS_LOSS_SFT, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(ta, &e, 1, &sa, &ga, &err));
    CHECK_OK(vs_trainer_grads(tb, &e, 1, &sb, &gb, &err));
    CHECK_NEAR(sa.loss, sb.loss, 1e-5);
    for (size_t layer = 0; layer < 2; layer++) {
        check_lora_tensor(gb, a.model, ga, "self_attn.q_proj", layer, VS_Q);
        check_lora_tensor(gb, a.model, ga, "self_attn.v_proj", layer, VS_V);
        check_lora_tensor(gb, a.model, ga, "self_attn.o_proj", layer, VS_O);
        check_lora_tensor(gb, a.model, ga, "mlp.up_proj", layer, VS_UP);
        check_lora_tensor(gb, a.model, ga, "mlp.down_proj", layer, VS_DOWN);
    }
    vs_trainer_close(ta), vs_trainer_close(tb);
    tiny_close(&a), tiny_close(&b);
}

typedef struct one_step {
    vs_example e;
    double loss;
} one_step;

static vs_status give(void *ctx, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    (void)step, (void)err;
    *out = &((one_step *)ctx)->e;
    *n = 1;
    return VS_OK;
}

static vs_status note(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    (void)step, (void)err;
    if (s) ((one_step *)ctx)->loss = s->loss;
    return VS_OK;
}

TEST(dpo, first_loss_is_ln_2_when_policy_is_reference_and_a_wrong_reference_stops)
{
    vs_error err;
    tiny t = tiny_open(true, 4, 8);
    const vs_train_options o = options();
    problem p;
    vs_scorer *scorer;
    vs_trainer *trainer;
    one_step run;

    fill(&p);
    run.e = (vs_example){
        .group = {p.prompt, N_PROMPT, p.solutions, N}, .n_right = N_RIGHT, .ref_logp = p.ref};
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_DPO, &o, 1, NULL, &err));
    vs_trainer_expect_reference(trainer);
    CHECK(vs_trainer_run(trainer, give, note, &run, &err) == VS_E_STATE);
    CHECK(strstr(err.text, "ln 2") && strstr(err.text, "reference"));
    vs_trainer_close(trainer);

    CHECK_OK(vs_scorer_open(&scorer, t.model, 64, &err));
    CHECK_OK(vs_score(scorer, &run.e.group, 1, NULL, p.ref, &err));
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_DPO, &o, 1, NULL, &err));
    vs_trainer_expect_reference(trainer);
    CHECK_OK(vs_trainer_run(trainer, give, note, &run, &err));
    CHECK_NEAR(run.loss, log(2.0), 1e-6);
    vs_scorer_close(scorer);
    vs_trainer_close(trainer);
    tiny_close(&t);
}

TEST(schedule, warms_up_and_ends_where_it_says)
{
    vs_train_options o = {.lr = 2.0, .lr_end = 0.1, .warmup = 4, .schedule = VS_LINEAR};

    CHECK_NEAR(vs_schedule_at(&o, 0, 104), 0.5, 1e-12);
    CHECK_NEAR(vs_schedule_at(&o, 3, 104), 2.0, 1e-12);
    CHECK_NEAR(vs_schedule_at(&o, 54, 104), 2.0 * (1 - 0.9 * 0.5), 1e-12);
    o.schedule = VS_COSINE;
    CHECK_NEAR(vs_schedule_at(&o, 54, 104), 2.0 * (0.1 + 0.9 * 0.5), 1e-12);
    CHECK_NEAR(vs_schedule_at(&o, 104, 104), 0.2, 1e-12);
    o.schedule = VS_CONSTANT;
    CHECK_NEAR(vs_schedule_at(&o, 90, 104), 2.0, 1e-12);
}

/* With B = 0 nothing reaches A, whatever the rank: also one wider than every layer. */
TEST(lora, a_rank_wider_than_every_layer_has_room)
{
    vs_error err;
    tiny t = tiny_open(false, 200, 13);
    const vs_train_options o = options();
    problem p;
    vs_trainer *trainer;
    vs_step_stats s;
    const vs_params *g;

    fill(&p);
    const vs_example e = {.group = {p.prompt, N_PROMPT, p.solutions, N}};
    CHECK_OK(vs_trainer_open(&trainer, t.model, VS_LOSS_SFT, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(trainer, &e, 1, &s, &g, &err));
    for (size_t i = 0; i < g->n_tensors; i++) {
        const vs_tensor *x = &g->tensors[i];
        const double most = largest(g->data + x->offset, x->rows * x->cols);
        if (strstr(x->name, "lora_A"))
            CHECK(most == 0.0);
        else
            CHECK(most > 0.0);
    }
    vs_trainer_close(trainer);
    tiny_close(&t);
}
