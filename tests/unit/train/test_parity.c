/* test_parity.c - ten steps of SFT and of DPO on adapters give the weights that torch, PEFT and
 * TRL's loss give: tools/parity/training.py made tests/golden/training. */
#include "engine/model/safetensors.h"
#include "engine/train/steps.h"
#include "engine/train/train.h"
#include "golden.h"

/* An element moves by up to 0.09 in ten steps; where a gradient is almost 0, AdamW divides rounding
 * errors of f32 by their own size, so that single elements drift (seen: 4.3e-5). */
#define WEIGHT_TOLERANCE 1e-4

enum { N_ROWS = 20, N_STEPS = 10 };

static const char *golden_path(const char *kind, const char *name, const char *file)
{
    static char path[512];

    snprintf(path, sizeof path, VSTAR_SOURCE_DIR "/tests/golden/%s/%s%s", kind, name, file);
    return path;
}

typedef struct training {
    vs_base *base;
    vs_model *model;
    json_t *golden;
    vs_data_row rows[N_ROWS];
    vs_solution solutions[N_ROWS][2];
    double ref_logp[N_ROWS][2];
    vs_steps steps;
} training;

static void read_row(vs_data_row *row, vs_solution *solutions, const json_t *json)
{
    const json_t *completion = json_object_get(json, "completion_ids");
    const json_t *list[2] = {completion ? completion : json_object_get(json, "chosen"),
                             json_object_get(json, "rejected")};

    row->group.prompt = golden_ids(json_object_get(json, "prompt_ids"), &row->group.n_prompt);
    row->group.solutions = solutions;
    row->n_right = 1;
    for (size_t i = 0; i < 2 && list[i]; i++, row->group.n_solutions++)
        solutions[i].ids = golden_ids(list[i], &solutions[i].n);
}

static void read_rows(training *t, const char *name)
{
    vs_jsonl *lines;
    vs_error err;
    json_t *row;

    CHECK_OK(vs_jsonl_open(&lines, golden_path("training", name, "/rows.jsonl"), &err));
    for (size_t i = 0; i < N_ROWS; i++) {
        CHECK_OK(vs_jsonl_next(lines, &row, &err));
        CHECK(row != NULL);
        read_row(&t->rows[i], t->solutions[i], row);
        json_decref(row);
    }
    vs_jsonl_close(lines);
}

/* The start is the reference. */
static void score_rows(training *t)
{
    vs_scorer *s;
    vs_error err;

    CHECK_OK(vs_scorer_open(&s, t->model, 256, &err));
    for (size_t i = 0; i < N_ROWS; i++) {
        CHECK_OK(vs_score(s, &t->rows[i].group, 1, NULL, t->ref_logp[i], &err));
        t->rows[i].ref_logp = t->ref_logp[i];
    }
    vs_scorer_close(s);
}

static vs_status give_step(void *ctx, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    return vs_steps_make(&((training *)ctx)->steps, step, out, n, err);
}

static vs_status check_loss(void *ctx, size_t step, const vs_step_stats *stats, vs_error *err)
{
    const json_t *losses = json_object_get(((training *)ctx)->golden, "losses");
    (void)err;

    if (stats) CHECK_NEAR(stats->loss, json_number_value(json_array_get(losses, step)), 1e-4);
    return VS_OK;
}

static void check_weights(const training *t, const char *name)
{
    vs_safetensors *expected;
    vs_error err;

    CHECK_OK(vs_safetensors_open(&expected, golden_path("training", name, "/expected.safetensors"),
                                 &err));
    CHECK(vs_safetensors_count(expected) == t->model->lora.n_tensors);
    for (size_t i = 0; i < t->model->lora.n_tensors; i++) {
        const vs_tensor *w = &t->model->lora.tensors[i];
        const vs_st_tensor *e = vs_safetensors_find(expected, w->name);
        float *want;

        if (!e) fail_msg("%s: %s is missing", name, w->name);
        want = calloc(e->n, sizeof *want);
        CHECK(e->n == w->rows * w->cols);
        CHECK_OK(vs_st_to_f32(want, e, name, &err));
        for (size_t k = 0; k < e->n; k++) {
            const float got = t->model->lora.data[w->offset + k];
            if (!(fabs((double)got - (double)want[k]) <= WEIGHT_TOLERANCE))
                fail_msg("%s: %s[%zu]: %.7g, expected %.7g", name, w->name, k, (double)got,
                         (double)want[k]);
        }
        free(want);
    }
    vs_safetensors_close(expected);
}

static void check_training(const char *name, vs_loss_kind kind)
{
    training *t = calloc(1, sizeof *t);
    vs_trainer *trainer;
    vs_error err;
    const char *base, *start;

    CHECK_OK(vs_json_read(&t->golden, golden_path("training", name, "/golden.json"), &err));
    base = json_string_value(json_object_get(t->golden, "base"));
    start = json_string_value(json_object_get(t->golden, "start"));
    const vs_train_options o = {.lr = json_number_value(json_object_get(t->golden, "lr")),
                                .schedule = VS_CONSTANT,
                                .beta1 = 0.9,
                                .beta2 = 0.999,
                                .eps = 1e-8,
                                .clip = 1,
                                .steps = N_STEPS,
                                .batch = 2,
                                .micro_tokens = 4096,
                                .beta = json_number_value(json_object_get(t->golden, "beta"))};
    CHECK_OK(vs_base_open(&t->base, golden_path("families", base, ""), VS_COMPUTE_F32, &err));
    CHECK_OK(vs_model_open(&t->model, t->base, golden_path("adapters", start, ""), &err));
    read_rows(t, name);
    if (kind == VS_LOSS_DPO) score_rows(t);
    CHECK_OK(vs_steps_open(&t->steps, kind, t->rows, N_ROWS, &o, true, &err));
    CHECK_OK(vs_trainer_open(&trainer, t->model, kind, &o, N_STEPS, NULL, &err));
    CHECK_OK(vs_trainer_run(trainer, give_step, check_loss, t, &err));
    check_weights(t, name);
    vs_trainer_close(trainer);
    vs_steps_close(&t->steps);
    for (size_t i = 0; i < N_ROWS; i++) {
        free((void *)(uintptr_t)t->rows[i].group.prompt);
        for (size_t k = 0; k < 2; k++) free((void *)(uintptr_t)t->solutions[i][k].ids);
    }
    vs_model_close(t->model);
    vs_base_close(t->base);
    json_decref(t->golden);
    free(t);
}

TEST(parity, ten_steps_of_sft_are_those_of_peft)
{
    check_training("sft-gemma3", VS_LOSS_SFT);
    check_training("sft-llama3", VS_LOSS_SFT);
    check_training("sft-mistral", VS_LOSS_SFT);
}

TEST(parity, ten_steps_of_dpo_are_those_of_trl)
{
    check_training("dpo-gemma3", VS_LOSS_DPO);
    check_training("dpo-llama3", VS_LOSS_DPO);
    check_training("dpo-mistral", VS_LOSS_DPO);
}
