/* test_families.c - every family of models against transformers in float64:
 * tools/parity/families.py made tests/golden/families. */
#include "engine/decode/decode.h"
#include "engine/train/train.h"
#include "golden.h"

static const char *const families[] = {"llama",       "llama-linear", "llama3", "yarn",
                                       "yarn-scaled", "mistral",      "qwen2",  "qwen2-sliding",
                                       "qwen3",       "gemma2",       "gemma3", "gemma3-linear"};
static const char *const adapters[] = {
    "list",   "all-linear", "all-linear-qwen2", "all-linear-gemma2",
    "rslora", "regex",      "rank-pattern",     "alpha-pattern"};
enum {
    N_FAMILIES = sizeof families / sizeof *families,
    N_ADAPTERS = sizeof adapters / sizeof *adapters,
    N_MODELS = N_FAMILIES + N_ADAPTERS,
    MAX_TOKENS = 64
};

typedef struct family_case {
    vs_base *base;
    vs_model *model;
    json_t *golden;
    int32_t *ids[3]; /* prompt, two solutions */
    vs_solution solutions[2];
    vs_group group;
} family_case;

static const char *golden_path(const char *kind, const char *name, const char *file)
{
    static char path[512];

    snprintf(path, sizeof path, VSTAR_SOURCE_DIR "/tests/golden/%s/%s%s", kind, name, file);
    return path;
}

static const char *model_name(size_t i)
{
    return i < N_FAMILIES ? families[i] : adapters[i - N_FAMILIES];
}

/* Model i: the families, then the adapters over theirs. */
static family_case family_open(size_t i)
{
    const char *kind = i < N_FAMILIES ? "families" : "adapters", *base = model_name(i);
    vs_error err;
    family_case f = {0};
    const json_t *solutions;

    CHECK_OK(vs_json_read(&f.golden, golden_path(kind, model_name(i), "/golden.json"), &err));
    if (i >= N_FAMILIES) base = json_string_value(json_object_get(f.golden, "base"));
    CHECK_OK(vs_base_open_trainable(&f.base, golden_path("families", base, ""), &err));
    CHECK_OK(vs_model_open(&f.model, f.base,
                           i < N_FAMILIES ? NULL : golden_path(kind, model_name(i), ""), &err));
    solutions = json_object_get(f.golden, "solutions");
    f.ids[0] = golden_ids(json_object_get(f.golden, "prompt"), &f.group.n_prompt);
    for (size_t k = 0; k < 2; k++) {
        f.ids[1 + k] = golden_ids(json_array_get(solutions, k), &f.solutions[k].n);
        f.solutions[k].ids = f.ids[1 + k];
    }
    f.group.prompt = f.ids[0];
    f.group.n_solutions = 2;
    return f;
}

static void family_close(family_case *f)
{
    for (size_t i = 0; i < 3; i++) free(f->ids[i]);
    json_decref(f->golden);
    vs_model_close(f->model);
    vs_base_close(f->base);
}

static void score(const family_case *f, const vs_model *m, float *logp)
{
    vs_error err;
    vs_scorer *s;
    vs_group g = f->group;

    g.solutions = f->solutions;
    CHECK_OK(vs_scorer_open(&s, m, 256, &err));
    CHECK_OK(vs_score(s, &g, 1, logp, NULL, &err));
    vs_scorer_close(s);
}

TEST(families, token_logprobs_are_those_of_transformers)
{
    for (size_t i = 0; i < N_MODELS; i++) {
        family_case f = family_open(i);
        float logp[MAX_TOKENS];
        size_t at = 0;

        score(&f, f.model, logp);
        for (size_t k = 0; k < 2; k++) {
            const json_t *want = json_array_get(json_object_get(f.golden, "token_logprobs"), k);
            CHECK(json_array_size(want) == f.solutions[k].n);
            for (size_t t = 0; t < f.solutions[k].n; t++, at++) {
                const double expected = json_number_value(json_array_get(want, t));
                if (!(fabs((double)logp[at] - expected) <= PARITY_TOLERANCE))
                    fail_msg("%s: solution %zu, token %zu: %.7g, expected %.7g", model_name(i), k,
                             t, (double)logp[at], expected);
            }
        }
        family_close(&f);
    }
}

TEST(families, sft_loss_and_gradients_are_those_of_transformers)
{
    for (size_t i = 0; i < N_MODELS; i++) {
        family_case f = family_open(i);
        const vs_train_options o = {.lr = 1e-3,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .eps = 1e-8,
                                    .clip = 1,
                                    .batch = 1,
                                    .micro_tokens = 4096};
        const json_t *all = json_object_get(f.golden, "grads"), *g;
        vs_example e = {.group = f.group};
        const vs_params *grads;
        vs_step_stats stats;
        vs_trainer *t;
        vs_error err;
        size_t k;

        e.group.solutions = f.solutions;
        CHECK_OK(vs_trainer_open(&t, f.model, VS_LOSS_SFT, &o, 1, NULL, &err));
        CHECK_OK(vs_trainer_grads(t, &e, 1, &stats, &grads, &err));
        CHECK_NEAR(stats.loss, json_number_value(json_object_get(f.golden, "loss")),
                   PARITY_TOLERANCE);
        CHECK(json_array_size(all) == vs_model_trainable(f.model)->n_tensors);
        json_array_foreach(all, k, g) golden_check_tensor(model_name(i), grads, g);
        vs_trainer_close(t);
        family_close(&f);
    }
}

/* Gradients of one SFT step, a copy. */
static float *gradients(const family_case *f, double keep_mb, size_t *n)
{
    const vs_train_options o = {.lr = 1e-3,
                                .beta2 = 0.999,
                                .eps = 1e-8,
                                .batch = 1,
                                .micro_tokens = 4096,
                                .keep_mb = keep_mb};
    const vs_example e = {.group = f->group};
    const vs_params *grads;
    vs_step_stats stats;
    vs_trainer *t;
    vs_error err;

    CHECK_OK(vs_trainer_open(&t, f->model, VS_LOSS_SFT, &o, 1, NULL, &err));
    CHECK_OK(vs_trainer_grads(t, &e, 1, &stats, &grads, &err));
    float *copy = malloc(grads->n * sizeof *copy);
    memcpy(copy, grads->data, grads->n * sizeof *copy);
    *n = grads->n;
    vs_trainer_close(t);
    return copy;
}

TEST(families, kept_activations_give_the_bits_of_recomputed_ones)
{
    for (size_t i = 0; i < N_MODELS; i++) {
        family_case f = family_open(i);
        size_t n;

        f.group.solutions = f.solutions;
        float *want = gradients(&f, 0, &n), *got = gradients(&f, 64, &n);
        if (memcmp(want, got, n * sizeof *got) != 0) fail_msg("%s", model_name(i));
        free(want);
        free(got);
        family_close(&f);
    }
}

typedef struct sampled {
    int32_t ids[MAX_TOKENS];
    float logp[MAX_TOKENS];
    size_t n;
} sampled;

static vs_status keep_sample(void *ctx, size_t problem, const vs_completion *c, size_t n,
                             vs_error *err)
{
    sampled *s = ctx;
    (void)problem, (void)err;

    CHECK(n == 1 && c[0].n <= MAX_TOKENS);
    s->n = c[0].n;
    memcpy(s->ids, c[0].ids, c[0].n * sizeof *s->ids);
    memcpy(s->logp, c[0].logprobs, c[0].n * sizeof *s->logp);
    return VS_OK;
}

/* Decoding keeps keys and values token by token; windows and norms must not notice. */
TEST(families, log_probs_of_sampling_are_the_bits_of_scoring)
{
    for (size_t i = 0; i < N_MODELS; i++) {
        family_case f = family_open(i);
        const vs_decode_problem p = {f.group.prompt, f.group.n_prompt, 1, 1, 0};
        const vs_decode_options o = {.temperature = 1, .top_p = 1, .max_tokens = 20, .rows = 4};
        float logp[MAX_TOKENS];
        sampled s;
        vs_error err;

        CHECK_OK(vs_decode_run(f.model, &p, 1, &o, keep_sample, &s, &err));
        CHECK(s.n > 0);
        f.solutions[0] = (vs_solution){.ids = s.ids, .n = s.n};
        f.group.n_solutions = 1;
        score(&f, f.model, logp);
        if (memcmp(logp, s.logp, s.n * sizeof *logp) != 0) fail_msg("%s", model_name(i));
        family_close(&f);
    }
}

/* Merged into the base and rounded once, an adapter is the same model but for that rounding. */
TEST(families, a_merged_adapter_gives_the_log_probs_of_base_and_adapter)
{
    for (size_t i = N_FAMILIES; i < N_MODELS; i++) {
        family_case f = family_open(i);
        float apart[MAX_TOKENS], merged[MAX_TOKENS];
        vs_params weights = {0};
        vs_base *base;
        vs_model *m;
        vs_error err;

        score(&f, f.model, apart);
        CHECK_OK(vs_params_like(&weights, &f.base->params, &err));
        memcpy(weights.data, f.base->params.data, weights.n * sizeof *weights.data);
        CHECK_OK(
            vs_lora_merge(&weights, &f.model->lora, &f.model->lora_config, &f.base->config, &err));
        CHECK_OK(vs_base_create(&base, &f.base->config, &weights, VS_COMPUTE_F32, &err));
        CHECK_OK(vs_model_open(&m, base, NULL, &err));
        score(&f, m, merged);
        for (size_t t = 0; t < f.solutions[0].n + f.solutions[1].n; t++)
            CHECK_NEAR(merged[t], apart[t], PARITY_TOLERANCE);
        vs_model_close(m);
        vs_base_close(base);
        family_close(&f);
    }
}

TEST(families, an_adapter_written_and_read_again_is_the_same_model)
{
    for (size_t i = N_FAMILIES; i < N_MODELS; i++) {
        family_case f = family_open(i);
        const char *dir = vs_test_dir();
        vs_model *m;
        vs_error err;

        CHECK_OK(vs_lora_write(&f.model->lora, &f.model->lora_config, "base", dir, &err));
        CHECK_OK(vs_model_open(&m, f.base, dir, &err));
        CHECK(strcmp(m->hash, f.model->hash) == 0);
        vs_model_close(m);
        family_close(&f);
    }
}

TEST(families, a_folder_written_and_read_again_is_the_same_model)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        family_case f = family_open(i);
        const char *dir = vs_test_dir();
        vs_base *base;
        vs_model *m;
        vs_error err;

        CHECK_OK(vs_weights_write(&f.base->params, &f.base->config, dir, NULL, &err));
        CHECK_OK(vs_base_open(&base, dir, VS_COMPUTE_F32, &err));
        CHECK_OK(vs_model_open(&m, base, NULL, &err));
        CHECK(strcmp(m->hash, f.model->hash) == 0);
        vs_model_close(m);
        vs_base_close(base);
        family_close(&f);
    }
}

/* ---- Gemma 3 270M, when its weights are there ---- */

#define GEMMA_GOLDEN "models/gemma3-270m/golden/"
/* bf16 weights from GGUF through 18 layers of f32, some hundred tokens, against float64. */
#define GEMMA_TOLERANCE 5e-3

/* The folder that `vstar import` made; the weights' licence keeps them out of the repository. */
#define SKIP_WITHOUT_GEMMA(dir)                                                                  \
    SKIP_WITHOUT_SHARED("models/gemma3-270m");                                                   \
    const char *dir = getenv("VSTAR_GEMMA");                                                     \
    if (!dir) {                                                                                  \
        fprintf(stderr, "skipped: VSTAR_GEMMA names no folder (tools/get-gemma.sh makes it)\n"); \
        skip();                                                                                  \
    }

typedef struct gemma {
    vs_base *base;
    vs_model *model;
    vs_jsonl *rows;
} gemma;

static gemma gemma_open(const char *dir, const char *golden)
{
    vs_error err;
    gemma g;

    CHECK_OK(vs_base_open_trainable(&g.base, dir, &err));
    CHECK_OK(vs_model_open(&g.model, g.base, NULL, &err));
    CHECK_OK(vs_jsonl_open(&g.rows, vs_test_shared(golden), &err));
    return g;
}

static void gemma_close(gemma *g)
{
    vs_jsonl_close(g->rows);
    vs_model_close(g->model);
    vs_base_close(g->base);
}

TEST(gemma, token_logprobs_of_gsm8k_solutions_agree)
{
    SKIP_WITHOUT_GEMMA(dir);
    gemma g = gemma_open(dir, GEMMA_GOLDEN "logprobs.jsonl");
    vs_scorer *s;
    vs_error err;
    json_t *row;
    size_t n_rows = 0;

    CHECK_OK(vs_scorer_open(&s, g.model, 1024, &err));
    for (; vs_jsonl_next(g.rows, &row, &err) == VS_OK && row; n_rows++, json_decref(row)) {
        const json_t *want = json_object_get(row, "token_logprobs");
        vs_solution solution;
        vs_group group = {.solutions = &solution, .n_solutions = 1};
        int32_t *prompt = golden_ids(json_object_get(row, "prompt_ids"), &group.n_prompt);
        int32_t *ids = golden_ids(json_object_get(row, "completion_ids"), &solution.n);
        float *logp = calloc(solution.n, sizeof *logp);

        group.prompt = prompt;
        solution.ids = ids;
        CHECK_OK(vs_score(s, &group, 1, logp, NULL, &err));
        for (size_t t = 0; t < solution.n; t++)
            CHECK_NEAR(logp[t], json_number_value(json_array_get(want, t)), GEMMA_TOLERANCE);
        free(prompt), free(ids), free(logp);
    }
    CHECK(n_rows > 0);
    vs_scorer_close(s);
    gemma_close(&g);
}

TEST(gemma, greedy_tokens_agree)
{
    SKIP_WITHOUT_GEMMA(dir);
    gemma g = gemma_open(dir, GEMMA_GOLDEN "greedy.jsonl");
    vs_error err;
    json_t *row;
    size_t n_rows = 0;

    for (; vs_jsonl_next(g.rows, &row, &err) == VS_OK && row; n_rows++, json_decref(row)) {
        size_t n_prompt, n;
        int32_t *prompt = golden_ids(json_object_get(row, "prompt_ids"), &n_prompt);
        int32_t *want = golden_ids(json_object_get(row, "greedy_ids"), &n);
        const vs_decode_problem p = {prompt, n_prompt, 1, 1, 0};
        const vs_decode_options o = {.temperature = 0, .top_p = 1, .max_tokens = n, .rows = 1};
        sampled s;

        CHECK_OK(vs_decode_run(g.model, &p, 1, &o, keep_sample, &s, &err));
        CHECK(s.n == n && memcmp(s.ids, want, n * sizeof *want) == 0);
        free(prompt), free(want);
    }
    CHECK(n_rows > 0);
    gemma_close(&g);
}

TEST(gemma, tokens_of_gsm8k_texts_agree)
{
    SKIP_WITHOUT_GEMMA(dir);
    SKIP_WITHOUT_SHARED("gsm8k");
    vs_tokenizer *tokenizer;
    vs_jsonl *texts, *golden;
    vs_error err;
    json_t *text, *row;
    size_t at = 0, n_rows = 0;

    CHECK_OK(vs_tokenizer_open(&tokenizer, dir, &err));
    CHECK_OK(vs_jsonl_open(&texts, vs_test_shared("gsm8k/test.jsonl"), &err));
    CHECK_OK(vs_jsonl_open(&golden, vs_test_shared(GEMMA_GOLDEN "tokens.jsonl"), &err));
    for (; vs_jsonl_next(golden, &row, &err) == VS_OK && row; n_rows++, json_decref(row)) {
        const size_t wanted = (size_t)json_integer_value(json_object_get(row, "gsm8k_test_row"));
        char both[8192];
        vs_ids ids = {0};
        size_t n;
        int32_t *want = golden_ids(json_object_get(row, "ids_with_special"), &n);

        for (;; at++) {
            CHECK_OK(vs_jsonl_next(texts, &text, &err));
            CHECK(text != NULL);
            if (at == wanted) break;
            json_decref(text);
        }
        at++;
        snprintf(both, sizeof both, "%s\n%s", json_string_value(json_object_get(text, "question")),
                 json_string_value(json_object_get(text, "answer")));
        CHECK_OK(vs_encode(&ids, tokenizer, both, strlen(both), true, &err));
        CHECK(ids.n == n && memcmp(ids.id, want, n * sizeof *want) == 0);
        vs_ids_free(&ids);
        free(want);
        json_decref(text);
    }
    CHECK(n_rows > 0);
    vs_jsonl_close(texts);
    vs_jsonl_close(golden);
    vs_tokenizer_close(tokenizer);
}
