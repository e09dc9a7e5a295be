/* test_golden.c - the engine against golden values: log-probs, greedy text, SFT and DPO losses and
 * gradients. */
#include "base/rng.h"
#include "engine/decode/decode.h"
#include "engine/train/train.h"
#include "golden.h"

/* f32 arithmetic over a few hundred terms against float64. */
#define LOGPROB_TOLERANCE 1e-4
#define GRAD_RELATIVE     1e-3
#define GRAD_ABSOLUTE     1e-6

TEST(golden, token_logprobs_agree)
{
    SKIP_WITHOUT_SHARED(STORIES);
    vs_error err;
    vs_model *m = golden_model();
    json_t *cases = golden_json(STORIES "/golden/cases.json"), *c;
    vs_scorer *s;
    size_t i, n_checked = 0;

    CHECK_OK(vs_scorer_open(&s, m, 256, &err));
    json_array_foreach(cases, i, c)
    {
        const json_t *want = json_object_get(c, "token_logprobs");
        size_t n;
        int32_t *ids = golden_ids(json_object_get(c, "ids"), &n);
        float logp[512];
        double sum;
        if (n > 1) {
            const vs_solution rest = {.ids = ids + 1, .n = n - 1};
            const vs_group g = {ids, 1, &rest, 1};
            CHECK_OK(vs_score(s, &g, 1, logp, &sum, &err));
            for (size_t t = 0; t + 1 < n; t++, n_checked++)
                CHECK_NEAR(logp[t], json_number_value(json_array_get(want, t)), LOGPROB_TOLERANCE);
            CHECK_NEAR(sum, json_number_value(json_object_get(c, "sum_logprob")),
                       LOGPROB_TOLERANCE);
        }
        free(ids);
    }
    CHECK(n_checked > 100);
    vs_scorer_close(s);
    json_decref(cases);
    golden_close(m);
}

TEST(golden, all_logits_agree)
{
    SKIP_WITHOUT_SHARED(STORIES);
    vs_error err;
    vs_model *m = golden_model();
    json_t *cases = golden_json(STORIES "/golden/cases.json"), *c;
    const size_t v = m->base->config.n_vocab, width = m->base->config.n_embd;
    size_t i;

    json_array_foreach(cases, i, c)
    {
        char path[512];
        size_t n, len;
        int32_t *ids = golden_ids(json_object_get(c, "ids"), &n);
        const vs_group g = {ids, n, NULL, 0};
        vs_arena *arena;
        vs_rows rows;
        vs_work work;
        const vs_work_size size = {.max_rows = n, .max_keys = n, .n_threads = 1};
        float *hidden = calloc(n * width, 4), *logits = calloc(n * v, 4), *max = calloc(n, 4),
              *sum = calloc(n, 4);
        char *want;

        CHECK_OK(vs_arena_open(&arena, 1024, &err));
        CHECK_OK(vs_rows_build(&rows, arena, m, &g, 1, &err));
        CHECK_OK(vs_work_open(&work, m, &size, &err));
        vs_forward(m, &rows.batch, &work, hidden, NULL);
        vs_head_logits(m, hidden, n, logits, v, max, sum);
        snprintf(path, sizeof path, STORIES "/golden/%s",
                 json_string_value(json_object_get(c, "logits_file")));
        CHECK_OK(vs_file_read(&want, &len, vs_test_shared(path), 1 << 24, &err));
        CHECK(len == n * v * 4);
        for (size_t k = 0; k < n * v; k++) {
            float w;
            memcpy(&w, want + 4 * k, 4);
            CHECK_NEAR(logits[k], w, LOGPROB_TOLERANCE);
        }
        free(want), free(hidden), free(logits), free(max), free(sum), free(ids);
        vs_work_close(&work);
        vs_arena_close(arena);
    }
    json_decref(cases);
    golden_close(m);
}

typedef struct greedy_check {
    const json_t *want;
} greedy_check;

static vs_status compare_greedy(void *ctx, size_t problem, const vs_completion *c, size_t n,
                                vs_error *err)
{
    const greedy_check *g = ctx;
    (void)problem, (void)err;

    CHECK(n == 1 && c[0].n >= json_array_size(g->want));
    for (size_t t = 0; t < json_array_size(g->want); t++)
        CHECK(c[0].ids[t] == json_integer_value(json_array_get(g->want, t)));
    return VS_OK;
}

TEST(golden, greedy_continuations_agree)
{
    SKIP_WITHOUT_SHARED(STORIES);
    vs_error err;
    vs_model *m = golden_model();
    json_t *cases = golden_json(STORIES "/golden/cases.json"), *c;
    size_t i;

    json_array_foreach(cases, i, c)
    {
        greedy_check g = {json_object_get(c, "greedy_ids")};
        size_t n;
        int32_t *ids = golden_ids(json_object_get(c, "ids"), &n);
        const vs_decode_problem p = {ids, n, 1, 1, 0};
        const vs_decode_options o = {
            .temperature = 0, .top_p = 1, .max_tokens = json_array_size(g.want), .rows = 4};
        CHECK_OK(vs_decode_run(m, &p, 1, &o, compare_greedy, &g, &err));
        free(ids);
    }
    json_decref(cases);
    golden_close(m);
}

static void check_grads(const vs_params *grads, const json_t *list, const char *key)
{
    const json_t *g;
    size_t i;

    json_array_foreach(list, i, g)
    {
        const vs_tensor *t = vs_params_find(grads, json_string_value(json_object_get(g, "tensor")));
        const double want = json_number_value(json_object_get(g, key));
        CHECK(t);
        const double got =
            (double)
                grads->data[t->offset + (size_t)json_integer_value(json_object_get(g, "index"))];
        const double tol =
            fabs(want) * GRAD_RELATIVE > GRAD_ABSOLUTE ? fabs(want) * GRAD_RELATIVE : GRAD_ABSOLUTE;
        if (fabs(got - want) > tol)
            fail_msg("%s %s[%lld]: %.9g, expected %.9g", key, t->name,
                     json_integer_value(json_object_get(g, "index")), got, want);
    }
}

static vs_train_options options(void)
{
    return (vs_train_options){.lr = 1e-3,
                              .lr_end = 0,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .eps = 1e-8,
                              .clip = 1,
                              .batch = 1,
                              .micro_tokens = 4096,
                              .beta = 0.1};
}

TEST(golden, sft_loss_and_gradients_agree)
{
    SKIP_WITHOUT_SHARED(STORIES);
    vs_error err;
    vs_model *m = golden_model();
    json_t *all = golden_json(STORIES "/golden/losses_and_grads.json");
    const json_t *sft = json_object_get(all, "sft");
    const vs_train_options o = options();
    vs_trainer *t;
    vs_step_stats stats;
    const vs_params *grads;
    size_t n;
    int32_t *ids = golden_ids(json_object_get(sft, "ids"), &n);
    const size_t first = (size_t)json_integer_value(json_object_get(sft, "first_target_position"));
    const vs_solution s = {.ids = ids + first, .n = n - first};
    const vs_example e = {.group = {ids, first, &s, 1}};

    CHECK_OK(vs_trainer_open(&t, m, VS_LOSS_SFT, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(t, &e, 1, &stats, &grads, &err));
    CHECK_NEAR(stats.loss, json_number_value(json_object_get(sft, "loss")), LOGPROB_TOLERANCE);
    check_grads(grads, json_object_get(all, "grads"), "d_sft");
    free(ids);
    vs_trainer_close(t);
    json_decref(all);
    golden_close(m);
}

static void check_dpo(const char *which, const char *key)
{
    vs_error err;
    vs_model *m = golden_model();
    json_t *all = golden_json(STORIES "/golden/losses_and_grads.json");
    const json_t *dpo = json_object_get(all, "dpo"), *ref = json_object_get(dpo, which);
    vs_train_options o = options();
    vs_trainer *t;
    vs_step_stats stats;
    const vs_params *grads;
    size_t n_prompt, n_right, n_wrong;
    int32_t *prompt = golden_ids(json_object_get(dpo, "prompt"), &n_prompt);
    int32_t *right = golden_ids(json_object_get(dpo, "chosen"), &n_right);
    int32_t *wrong = golden_ids(json_object_get(dpo, "rejected"), &n_wrong);
    const vs_solution s[2] = {{.ids = right, .n = n_right}, {.ids = wrong, .n = n_wrong}};
    const double ref_logp[2] = {json_number_value(json_object_get(ref, "ref_logp_chosen")),
                                json_number_value(json_object_get(ref, "ref_logp_rejected"))};
    const vs_example e = {.group = {prompt, n_prompt, s, 2}, .n_right = 1, .ref_logp = ref_logp};

    o.beta = json_number_value(json_object_get(dpo, "beta"));
    CHECK_OK(vs_trainer_open(&t, m, VS_LOSS_DPO, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(t, &e, 1, &stats, &grads, &err));
    CHECK_NEAR(stats.loss, json_number_value(json_object_get(ref, "loss")), LOGPROB_TOLERANCE);
    CHECK_NEAR(stats.logp_right, json_number_value(json_object_get(dpo, "policy_logp_chosen")),
               LOGPROB_TOLERANCE);
    check_grads(grads, json_object_get(all, "grads"), key);
    free(prompt), free(right), free(wrong);
    vs_trainer_close(t);
    json_decref(all);
    golden_close(m);
}

TEST(golden, dpo_loss_and_gradients_agree)
{
    SKIP_WITHOUT_SHARED(STORIES);
    check_dpo("case_equal_reference", "d_dpo_equal_ref");
    check_dpo("case_scaled_reference", "d_dpo_scaled_ref");
}
