#include "engine/model/folder.h"
#include "engine/model/safetensors.h"
#include "unit/model/folder_test.h"

static const vs_config small = {.n_layers = 2,
                                .n_embd = 8,
                                .n_heads = 2,
                                .n_kv_heads = 1,
                                .head_dim = 6,
                                .n_ffn = 5,
                                .n_vocab = 11,
                                .n_positions = 32,
                                .rope_theta = 10000,
                                .rms_eps = 1e-5};
static const vs_lora_config q_and_down = {
    .rank = 3, .alpha = 6, .targets = 1u << VS_Q | 1u << VS_DOWN};

/* As peft 0.13 saves it. */
static const char peft_config[] =
    "{\n  \"alpha_pattern\": {},\n  \"auto_mapping\": null,\n  \"base_model_name_or_path\": "
    "\"base\",\n"
    "  \"bias\": \"none\",\n  \"fan_in_fan_out\": false,\n  \"inference_mode\": true,\n"
    "  \"init_lora_weights\": true,\n  \"layer_replication\": null,\n  \"layers_pattern\": null,\n"
    "  \"layers_to_transform\": null,\n  \"loftq_config\": {},\n  \"lora_alpha\": 6,\n  "
    "\"lora_dropout\": 0.0,\n"
    "  \"megatron_config\": null,\n  \"megatron_core\": \"megatron.core\",\n  \"modules_to_save\": "
    "null,\n"
    "  \"peft_type\": \"LORA\",\n  \"r\": 3,\n  \"rank_pattern\": {},\n  \"revision\": null,\n"
    "  \"target_modules\": [\n    \"down_proj\",\n    \"q_proj\"\n  ],\n  \"task_type\": "
    "\"CAUSAL_LM\",\n"
    "  \"use_dora\": false,\n  \"use_rslora\": false\n}";

static void make(vs_params *p, const vs_lora_config *l)
{
    vs_error err;

    CHECK_OK(vs_lora_table(p, &small, l, &err));
    CHECK_OK(vs_params_alloc(p, &err));
    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        for (size_t j = 0; j < t->rows * t->cols; j++)
            p->data[t->offset + j] = (float)((i * 13 + j * 5) % 41) / 37.0f - 0.5f;
    }
}

static void check_equal(const vs_params *a, const vs_params *b)
{
    CHECK(a->n == b->n && a->n_tensors == b->n_tensors);
    CHECK(memcmp(a->tensors, b->tensors, a->n_tensors * sizeof *a->tensors) == 0);
    CHECK(memcmp(a->data, b->data, a->n * sizeof *a->data) == 0);
}

TEST(lora_folder, names_the_tensors_as_peft_does)
{
    static const struct {
        const char *name;
        size_t rows, cols;
    } expected[] = {
        {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", 3, 8},
        {"base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", 12, 3},
        {"base_model.model.model.layers.0.mlp.down_proj.lora_A.weight", 3, 5},
        {"base_model.model.model.layers.0.mlp.down_proj.lora_B.weight", 8, 3},
        {"base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight", 3, 8},
    };
    vs_params p;
    vs_error err;

    CHECK_OK(vs_lora_table(&p, &small, &q_and_down, &err));
    CHECK(p.n_tensors == 8);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        CHECK_STR(p.tensors[i].name, expected[i].name);
        CHECK(p.tensors[i].rows == expected[i].rows && p.tensors[i].cols == expected[i].cols);
        CHECK(!p.tensors[i].is_vector);
    }
    vs_params_close(&p);
}

TEST(lora_folder, refuses_ranks_and_targets_out_of_range)
{
    static const vs_lora_config bad[] = {{.rank = 0, .alpha = 1, .targets = 1},
                                         {.rank = VS_MAX_WIDTH + 1, .alpha = 1, .targets = 1},
                                         {.rank = 4, .alpha = 1, .targets = 0},
                                         {.rank = 4, .alpha = 1, .targets = 1u << VS_N_LINEAR}};
    vs_error err;
    vs_params p;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(vs_lora_table(&p, &small, &bad[i], &err) == VS_E_INPUT);
}

TEST(lora_folder, reads_back_what_it_writes)
{
    const vs_lora_config made[] = {q_and_down,
                                   {.rank = 1, .alpha = 0.1, .targets = (1u << VS_N_LINEAR) - 1},
                                   {.rank = 2, .alpha = -1e9, .targets = 1u << VS_K},
                                   {.rank = 2,
                                    .alpha = 1,
                                    .targets = 1u << VS_K | 1u << VS_UP,
                                    .is_rslora = true,
                                    .ranks = {{{"k_proj", 3}, {"layers\\.\"0\"", 1}}, 2},
                                    .alphas = {{{"mlp.*", 0.25}}, 1}}};

    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        const char *dir = vs_test_dir();
        vs_lora_config l;
        vs_params p, back;
        vs_error err;

        make(&p, &made[i]);
        CHECK(!vs_is_adapter(dir));
        CHECK_OK(vs_lora_write(&p, &made[i], i ? "a \"name\"" : NULL, dir, &err));
        CHECK(vs_is_adapter(dir));
        CHECK_OK(vs_lora_read(&back, &l, &small, dir, &err));
        CHECK(l.rank == made[i].rank && l.alpha == made[i].alpha && l.targets == made[i].targets);
        CHECK(l.is_rslora == made[i].is_rslora);
        CHECK(memcmp(&l.ranks, &made[i].ranks, sizeof l.ranks) == 0);
        CHECK(memcmp(&l.alphas, &made[i].alphas, sizeof l.alphas) == 0);
        check_equal(&p, &back);
        vs_params_close(&p);
        vs_params_close(&back);
    }
}

/* A folder with tensors for q_and_down and PEFT's own configuration. */
static const char *adapter_dir(void)
{
    const char *dir = vs_test_dir();
    vs_params p;
    vs_error err;

    make(&p, &q_and_down);
    CHECK_OK(vs_lora_write(&p, &q_and_down, NULL, dir, &err));
    vs_params_close(&p);
    write_text(dir, "adapter_config.json", peft_config);
    return dir;
}

TEST(lora_folder, reads_the_configuration_that_peft_writes)
{
    const char *dir = adapter_dir();
    vs_lora_config l;
    vs_params p;
    vs_error err;

    CHECK_OK(vs_lora_read(&p, &l, &small, dir, &err));
    CHECK(l.rank == 3 && l.alpha == 6 && l.targets == q_and_down.targets);
    vs_params_close(&p);
}

/* What PEFT makes of these keys: tuners_utils.py, check_target_module_exists. */
TEST(lora_folder, chooses_modules_as_peft_does)
{
    enum { Q = 1u << VS_Q, DOWN = 1u << VS_DOWN, ALL = (1u << VS_N_LINEAR) - 1 };
    static const struct {
        const char *targets, *more; /* "target_modules" and further keys */
        unsigned layer[2];          /* what each layer has */
    } cases[] = {
        {"[\"q_proj\", \"query_key_value\", \"dense\"]", "", {Q, Q}},
        {"[\"q_proj\", \"down_proj\"]", ", \"layers_to_transform\": [1]", {0, Q | DOWN}},
        {"[\"q_proj\", \"down_proj\"]", ", \"layers_to_transform\": 0", {Q | DOWN, 0}},

        {"\"all-linear\"", ", \"exclude_modules\": [\"q_proj\", \"lm_head\"]", {ALL - Q, ALL - Q}},
        {"\"all-linear\"", ", \"exclude_modules\": \".*1.*q_proj\"", {ALL, ALL - Q}},
        {"[\"layers.0.self_attn.q_proj\", \"down_proj\"]", "", {Q | DOWN, DOWN}},
        {"[\"q_proj\"]",
         ", \"exclude_modules\": [], \"init_lora_weights\": \"orthogonal\"",
         {Q, Q}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *dir = vs_test_dir();
        char *config = vs_format("{\"peft_type\": \"LORA\", \"r\": 3, \"lora_alpha\": 6, "
                                 "\"target_modules\": %s%s}",
                                 cases[i].targets, cases[i].more);
        vs_lora_config made = {.rank = 3, .alpha = 6}, l;
        vs_params p, back;
        vs_error err;

        for (size_t k = 0; k < 2; k++) made.layer_targets[k] = (unsigned char)cases[i].layer[k];
        make(&p, &made);
        CHECK_OK(vs_lora_write(&p, &made, NULL, dir, &err));
        write_text(dir, "adapter_config.json", config);
        CHECK_OK(vs_lora_read(&back, &l, &small, dir, &err));
        for (size_t k = 0; k < 2; k++) CHECK((l.targets | l.layer_targets[k]) == cases[i].layer[k]);
        vs_params_close(&p);
        vs_params_close(&back);
        free(config);
    }
}

TEST(lora_folder, names_embeddings_that_an_adapter_stores)
{
    const char *dir = adapter_dir();
    const float x[88] = {0};
    vs_error err;
    vs_lora_config l;
    vs_params p;

    write_safetensors(dir, "adapter_model.safetensors",
                      "{\"base_model.model.lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[11,8],"
                      "\"data_offsets\":[0,352]}}",
                      x, sizeof x);
    CHECK(vs_lora_read(&p, &l, &small, dir, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "merge it into its base") != NULL);
}

TEST(lora_folder, refuses_what_it_cannot_use_and_names_it)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"LORA\"", "\"IA3\"", "\"peft_type\": found \"IA3\", expected \"LORA\""},
        {"\"peft_type\": \"LORA\",", "", "missing key \"peft_type\""},
        {"\"CAUSAL_LM\"", "\"SEQ_CLS\"", "task_type"},
        {"\"none\"", "\"all\"", "\"bias\": found \"all\", expected \"none\""},
        {"\"use_dora\": false", "\"use_dora\": true", "\"use_dora\": found true"},
        {"\"use_rslora\": false", "\"use_rslora\": 1", "use_rslora"},
        {"\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out"},
        {"\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save"},
        {"\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 1.5}", "expected an integer"},
        {"\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 0}", "rank_pattern"},
        {"\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 8}", "shape"},
        {"\"alpha_pattern\": {}", "\"alpha_pattern\": {\"q_(\": 8}", "not a regular expression"},
        {"\"alpha_pattern\": {}", "\"alpha_pattern\": [8]", "alpha_pattern"},
        {"\"layers_to_transform\": null", "\"layers_to_transform\": [0]",
         "layers.1.self_attn.q_proj.lora_A.weight\" has no place"},
        {"\"layers_to_transform\": null", "\"layers_to_transform\": [0, 2]", "from 0 to 1"},
        {"\"layers_to_transform\": null", "\"layers_to_transform\": [\"0\"]", "found a string"},
        {"\"r\": 3", "\"r\": 3, \"exclude_modules\": [\"q_proj\"]", "has no place"},
        {"\"r\": 3", "\"r\": 3, \"exclude_modules\": \"(q_proj\"", "not a regular expression"},
        {"\"r\": 3", "\"r\": 3, \"exclude_modules\": [7]",
         "\"exclude_modules\"[0]: found an integer"},
        {"\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "found \"pissa\""},
        {"\"r\": 3", "\"r\": 0", "\"r\": found 0"},
        {"\"r\": 3", "\"r\": 4", "found shape [3, 8], expected [4, 8]"},
        {"\"r\": 3", "\"r\": 65537", "\"r\": found 65537"},
        {"\"r\": 3", "\"r\": \"3\"", "\"r\": found a string"},
        {"\"lora_alpha\": 6", "\"lora_alpha\": null", "lora_alpha"},
        {"\"lora_alpha\": 6", "\"lora_alpha\": 1e300", "\"lora_alpha\": found 1e+300"},
        {"\"down_proj\"", "\"lm_head\"", "\"target_modules\": found lm_head"},
        {"\"down_proj\"", "7", "found an integer"},
        {"\"down_proj\",", "", "has no place"},
        {"\"down_proj\"", "\"k_proj\", \"down_proj\"", "k_proj.lora_A.weight\" is missing"},
        {"[\n    \"down_proj\",\n    \"q_proj\"\n  ]", "\".*_proj\"", "is missing"},
        {"[\n    \"down_proj\",\n    \"q_proj\"\n  ]", "\"q_proj\"", "names no layer"},
        {"[\n    \"down_proj\",\n    \"q_proj\"\n  ]", "\"(q_proj\"", "not a regular expression"},
        {"[\n    \"down_proj\",\n    \"q_proj\"\n  ]", "[]", "target_modules"},
        {"[\n    \"down_proj\",\n    \"q_proj\"\n  ]", "\"all-linear\"", "is missing"},
        {"\"r\": 3", "\"r\": 3, \"r\": 3", "duplicate"},
        {peft_config, "", "adapter_config.json:1"},
        {peft_config, "[]", "expected an object"},
    };
    const char *dir = adapter_dir();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = with(peft_config, cases[i].from, cases[i].to);
        vs_lora_config l = {.rank = 77};
        vs_params p = {.n = 77};
        vs_error err = {0};
        vs_status st;

        write_text(dir, "adapter_config.json", text);
        st = vs_lora_read(&p, &l, &small, dir, &err);
        if (st == VS_OK || !strstr(err.text, dir) || !strstr(err.text, cases[i].says))
            fail_msg("%s -> %s: status %d, \"%s\"", cases[i].from, cases[i].to, (int)st, err.text);
        CHECK(p.n == 77 && l.rank == 77);
        free(text);
    }
}

TEST(lora_folder, merges_scale_times_b_a_into_its_weights_alone)
{
    const double tolerance = 1e-7; /* half a unit in the last place of f32 below 2 */
    vs_config merged = small;
    vs_params weights, before, lora;
    vs_error err;

    make(&lora, &q_and_down);
    CHECK_OK(vs_weights_table(&weights, &small, &err));
    CHECK_OK(vs_params_alloc(&weights, &err));
    for (size_t i = 0; i < weights.n; i++) weights.data[i] = 0.01f * (float)(i % 50);
    CHECK_OK(vs_params_like(&before, &weights, &err));
    memcpy(before.data, weights.data, weights.n * sizeof *weights.data);
    CHECK_OK(vs_lora_merge(&weights, &lora, &q_and_down, &merged, &err));

    for (size_t i = 0; i < weights.n_tensors; i++) {
        const vs_tensor *t = &weights.tensors[i], *a = NULL, *b = NULL;
        char name[VS_TENSOR_NAME];

        snprintf(name, sizeof name, "base_model.model.%.*s.lora_A.weight", (int)strlen(t->name) - 7,
                 t->name);
        a = vs_params_find(&lora, name);
        strstr(name, "lora_A")[5] = 'B';
        b = vs_params_find(&lora, name);
        CHECK((a && b) == (strstr(t->name, "q_proj") || strstr(t->name, "down_proj")));
        for (size_t j = 0; j < t->rows * t->cols; j++) {
            double expected = before.data[t->offset + j];
            for (size_t r = 0; a && r < 3; r++)
                expected += 2.0 * lora.data[b->offset + j / t->cols * 3 + r] *
                            lora.data[a->offset + r * t->cols + j % t->cols];
            CHECK_NEAR(weights.data[t->offset + j], expected, tolerance);
        }
    }
    vs_params_close(&weights);
    vs_params_close(&before);
    vs_params_close(&lora);
}

TEST(lora_folder, survives_failure_of_each_allocation)
{
    const char *dir = vs_test_dir();
    vs_lora_config l;
    vs_params p, back = {0};
    vs_error err;
    vs_status st;

    make(&p, &q_and_down);
    FAIL_EACH_ALLOCATION(st, st = vs_lora_write(&p, &q_and_down, "base", dir, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_lora_read(&back, &l, &small, dir, &err));
    check_equal(&p, &back);
    vs_params_close(&p);
    vs_params_close(&back);
}
