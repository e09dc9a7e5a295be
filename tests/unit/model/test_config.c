#include "engine/model/config.h"
#include "unit/model/folder_test.h"

static const char good[] =
    "{\n \"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_size\": "
    "64,\n"
    " \"num_hidden_layers\": 5, \"num_attention_heads\": 8, \"num_key_value_heads\": 4,\n"
    " \"intermediate_size\": 172, \"vocab_size\": 512, \"max_position_embeddings\": 300, "
    "\"head_dim\": 8,\n"
    " \"rms_norm_eps\": 1e-05, \"rope_theta\": 20000.0, \"rope_scaling\": null, \"hidden_act\": "
    "\"silu\",\n"
    " \"bos_token_id\": 3, \"eos_token_id\": [7, 9], \"tie_word_embeddings\": true,\n"
    " \"attention_bias\": false, \"mlp_bias\": false, \"torch_dtype\": \"bfloat16\"}\n";
static const char least[] =
    "{\"model_type\": \"llama\", \"hidden_size\": 12, \"num_hidden_layers\": 1,"
    "\"num_attention_heads\": 3, \"intermediate_size\": 5, \"vocab_size\": 40}";

static vs_status read_text(vs_config *c, const char *text, vs_error *err)
{
    static const char *dir;

    if (!dir) dir = vs_test_dir();
    write_text(dir, "config.json", text);
    return vs_config_read(c, dir, err);
}

static void check_equal(const vs_config *a, const vs_config *b)
{
    CHECK(a->n_layers == b->n_layers && a->n_embd == b->n_embd && a->n_heads == b->n_heads);
    CHECK(a->n_kv_heads == b->n_kv_heads && a->head_dim == b->head_dim && a->n_ffn == b->n_ffn);
    CHECK(a->n_vocab == b->n_vocab && a->n_positions == b->n_positions);
    CHECK(a->rope_theta == b->rope_theta && a->rms_eps == b->rms_eps);
    CHECK(a->is_tied == b->is_tied && a->bos_id == b->bos_id && a->dtype == b->dtype);
    CHECK(a->n_eos == b->n_eos && memcmp(a->eos_ids, b->eos_ids, sizeof a->eos_ids) == 0);
}

TEST(config, takes_every_field_from_the_file)
{
    vs_error err;
    vs_config c;

    CHECK_OK(read_text(&c, good, &err));
    CHECK(c.n_layers == 5 && c.n_embd == 64 && c.n_heads == 8 && c.n_kv_heads == 4 &&
          c.head_dim == 8);
    CHECK(c.n_ffn == 172 && c.n_vocab == 512 && c.n_positions == 300);
    CHECK(c.rms_eps == 1e-5 && c.rope_theta == 20000.0 && c.is_tied && c.dtype == VS_BF16);
    CHECK(c.bos_id == 3 && c.n_eos == 2 && c.eos_ids[0] == 7 && c.eos_ids[1] == 9);
}

TEST(config, gives_missing_keys_the_defaults_of_LlamaConfig)
{
    vs_error err;
    vs_config c;

    CHECK_OK(read_text(&c, least, &err));
    CHECK(c.n_kv_heads == 3 && c.head_dim == 4 && c.n_positions == 2048);
    CHECK(c.rms_eps == 1e-6 && c.rope_theta == 10000.0 && !c.is_tied && c.dtype == VS_F32);
    CHECK(c.bos_id == 1 && c.n_eos == 1 && c.eos_ids[0] == 2);
}

TEST(config, reads_other_spellings_of_the_same_model)
{
    static const struct {
        const char *from, *to;
        double theta;
        int32_t bos;
        size_t n_eos;
        vs_dtype dtype;
    } cases[] = {
        {"\"torch_dtype\": \"bfloat16\"", "\"dtype\": \"float32\"", 20000, 3, 2, VS_F32},
        {"\"torch_dtype\": \"bfloat16\"", "\"torch_dtype\": \"float16\"", 20000, 3, 2, VS_F32},
        {"\"torch_dtype\": \"bfloat16\"", "\"dtype\": \"torch.bfloat16\"", 20000, 3, 2, VS_BF16},
        {"\"bfloat16\"", "\"auto\"", 20000, 3, 2, VS_F32},
        {"\"bfloat16\"", "\"float64\"", 20000, 3, 2, VS_F32},
        {"\"bos_token_id\": 3", "\"bos_token_id\": -1", 20000, -1, 2, VS_BF16},
        {"[7, 9]", "-1", 20000, 3, 0, VS_BF16},
        {"[7, 9]", "[7, -1]", 20000, 3, 1, VS_BF16},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"default\"}", 20000, 3, 2,
         VS_BF16},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"default\"}", 20000, 3, 2,
         VS_BF16},
        {"\"rope_theta\": 20000.0, \"rope_scaling\": null",
         "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5e5}", 5e5, 3, 2,
         VS_BF16},
        {"\"rope_theta\": 20000.0,", "\"rope_theta\": 500000,", 5e5, 3, 2, VS_BF16},
        {"\"bos_token_id\": 3", "\"bos_token_id\": null", 20000, -1, 2, VS_BF16},
        {"[7, 9]", "null", 20000, 3, 0, VS_BF16},
        {"[7, 9]", "7", 20000, 3, 1, VS_BF16},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = with(good, cases[i].from, cases[i].to);
        vs_error err;
        vs_config c;

        CHECK_OK(read_text(&c, text, &err));
        CHECK(c.rope_theta == cases[i].theta && c.bos_id == cases[i].bos);
        CHECK(c.n_eos == cases[i].n_eos && c.dtype == cases[i].dtype);
        free(text);
    }
}

TEST(config, refuses_what_it_cannot_use_and_names_it)
{
    static const struct {
        const char *from, *to, *says; /* says: in the message, beside the file's name */
    } cases[] = {
        {"\"llama\"", "\"gpt2\"",
         "\"model_type\": found \"gpt2\", expected one of llama, mistral, qwen2, qwen3, gemma2, "
         "gemma3_text"},
        {"\"model_type\": \"llama\",", "", "missing key \"model_type\""},
        {"LlamaForCausalLM", "LlamaForSequenceClassification", "architectures"},
        {"\"silu\"", "\"gelu\"", "\"hidden_act\": found \"gelu\", expected \"silu\""},
        {"\"attention_bias\": false", "\"attention_bias\": true", "attention_bias"},
        {"\"attention_bias\": false", "\"attention_bias\": 0", "attention_bias"},
        {"\"mlp_bias\": false", "\"mlp_bias\": true", "mlp_bias"},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"dynamic\"}",
         "found type \"dynamic\""},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"yarn\"}", "\"factor\""},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"linear\"}", "\"factor\""},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}",
         "\"factor\": found 0"},
        {"\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 1e-3}",
         "\"factor\": found 0.001"},
        {"\"rope_scaling\": null",
         "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, "
         "\"high_freq_factor\": 4}",
         "original_max_position_embeddings"},
        {"\"rope_scaling\": null",
         "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, "
         "\"high_freq_factor\": 4, \"original_max_position_embeddings\": 8192}",
         "high_freq_factor"},
        {"\"rope_scaling\": null", "\"rope_scaling\": 2", "rope_scaling"},
        {"\"rope_scaling\": null", "\"rope_parameters\": {\"partial_rotary_factor\": 0.5}",
         "partial_rotary_factor"},
        {"\"rope_scaling\": null", "\"quantization_config\": {\"bits\": 4}", "quantization_config"},
        {"\"rope_scaling\": null", "\"quantization_config\": {\"quant_method\": \"fp8\"}",
         "quantised by fp8"},
        {"\"rope_scaling\": null", "\"quantization_config\": {\"load_in_4bit\": true}",
         "quantised by bitsandbytes"},
        {"\"bfloat16\"", "\"float8\"", "\"torch_dtype\": found \"float8\""},
        {"\"hidden_size\": 64", "\"hidden_size\": 0",
         "\"hidden_size\": found 0, expected an integer from 1"},
        {"\"hidden_size\": 64", "\"hidden_size\": -64", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": 64.0", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": \"64\"", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": 65537", "hidden_size"},
        {"\"hidden_size\": 64", "\"hidden_size\": 99999999999999999999", "too big integer"},
        {"\"num_hidden_layers\": 5", "\"num_hidden_layers\": 513", "num_hidden_layers"},
        {"\"num_hidden_layers\": 5", "\"num_hidden_layers\": null", "num_hidden_layers"},
        {"\"intermediate_size\": 172", "\"intermediate_size\": 65537", "intermediate_size"},
        {"\"vocab_size\": 512", "\"vocab_size\": 1048577", "vocab_size"},
        {"\"max_position_embeddings\": 300", "\"max_position_embeddings\": 1073741825",
         "max_position_embeddings"},
        {"\"num_key_value_heads\": 4", "\"num_key_value_heads\": 3",
         "\"num_key_value_heads\": found 3"},
        {"\"num_key_value_heads\": 4", "\"num_key_value_heads\": 0", "num_key_value_heads"},
        {"\"head_dim\": 8", "\"head_dim\": 7", "\"head_dim\": found 7, expected an even number"},
        {"\"head_dim\": 8", "\"head_dim\": 8194", "wider than the limit"},
        {"64,\n \"num_hidden_layers\": 5, \"num_attention_heads\": 8, \"num_key_value_heads\": 4,\n"
         " \"intermediate_size\": 172, \"vocab_size\": 512, \"max_position_embeddings\": 300, "
         "\"head_dim\": 8",
         "63,\n \"num_hidden_layers\": 5, \"num_attention_heads\": 8, \"intermediate_size\": 1, "
         "\"vocab_size\": 99",
         "expected a multiple of"},
        {"1e-05", "0", "rms_norm_eps"},
        {"1e-05", "-1", "rms_norm_eps"},
        {"20000.0", "0.0", "rope_theta"},
        {"20000.0", "1e-6", "rope_theta"},
        {"20000.0", "true", "rope_theta"},
        {"20000.0", "1e999", "config.json:"},
        {"\"bos_token_id\": 3", "\"bos_token_id\": 512",
         "\"bos_token_id\": found id 512, expected 0 to 511"},
        {"\"bos_token_id\": 3", "\"bos_token_id\": [3]", "bos_token_id"},
        {"[7, 9]", "[7, -2]", "eos_token_id"},
        {"[7, 9]", "[1,2,3,4,5,6,7,8,9]", "the limit is 8"},
        {"[7, 9]", "\"</s>\"", "eos_token_id"},
        {"\"head_dim\": 8", "\"head_dim\": 8, \"head_dim\": 8", "config.json:"},
        {"}", "", "config.json:"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = with(good, cases[i].from, cases[i].to);
        vs_error err = {0};
        vs_config c = {.n_layers = 77};
        const vs_status st = read_text(&c, text, &err);

        if (st == VS_OK || !strstr(err.text, "config.json") || !strstr(err.text, cases[i].says))
            fail_msg("%s -> %s: status %d, \"%s\"", cases[i].from, cases[i].to, (int)st, err.text);
        CHECK(c.n_layers == 77);
        free(text);
    }
}

TEST(config, uses_as_many_positions_as_a_table_holds_and_writes_back_all)
{
    static const struct {
        const char *to;
        size_t used, stated;
    } cases[] = {
        {"1048576, \"head_dim\": 8", 1048576, 1048576},
        {"1048577, \"head_dim\": 8", 1048576, 1048577},
        {"1048576, \"head_dim\": 256", 1048576, 1048576},
        {"1048576, \"head_dim\": 258", 1040447, 1048576}, /* 2^28 / 258 */
        {"1073741824, \"head_dim\": 8", 1048576, 1073741824},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = with(good, "300, \"head_dim\": 8", cases[i].to);
        const char *dir = vs_test_dir();
        vs_error err;
        vs_config c, again;

        CHECK_OK(read_text(&c, text, &err));
        CHECK(c.n_positions == cases[i].used && c.stated_positions == cases[i].stated);
        CHECK_OK(vs_config_write(&c, dir, &err));
        CHECK_OK(vs_config_read(&again, dir, &err));
        CHECK(again.stated_positions == cases[i].stated);
        free(text);
    }
}

TEST(config, reads_the_language_model_of_gemma_3_with_images)
{
    static const char published[] =
        "{\"architectures\": [\"Gemma3ForConditionalGeneration\"], \"model_type\": \"gemma3\","
        " \"eos_token_id\": [1, 106], \"torch_dtype\": \"bfloat16\", \"vision_config\": {},"
        " \"text_config\": {\"hidden_size\": 2560, \"intermediate_size\": 10240,"
        " \"model_type\": \"gemma3_text\", \"num_hidden_layers\": 34, \"sliding_window\": 1024,"
        " \"rope_scaling\": {\"factor\": 8.0, \"rope_type\": \"linear\"}}}";
    vs_error err;
    vs_config c;

    CHECK_OK(read_text(&c, published, &err));
    CHECK(c.family == VS_GEMMA3 && c.is_text_part && c.is_tied && c.dtype == VS_BF16);
    CHECK(c.n_vocab == 262208 && c.n_heads == 8 && c.n_kv_heads == 4 && c.head_dim == 256);
    CHECK(c.n_eos == 2 && c.eos_ids[0] == 1 && c.eos_ids[1] == 106);
    CHECK(c.rope.type == VS_ROPE_LINEAR && c.rope.factor == 8.0 && c.window == 1024);
    CHECK(c.is_sliding[4] && !c.is_sliding[5] && c.is_sliding[6]);
}

TEST(config, takes_end_tokens_from_the_files_that_transformers_asks)
{
    static const struct {
        const char *generation, *tokenizer; /* NULL: no such file */
        int32_t ids[3];
        size_t n;
    } cases[] = {
        {NULL, NULL, {7, 9}, 2},
        {"{\"eos_token_id\": [11, 12, 13]}", NULL, {11, 12, 13}, 3},
        {"{\"eos_token_id\": 11}", NULL, {11}, 1},
        {"{\"eos_token_id\": null}", NULL, {7, 9}, 2},
        {"{}", NULL, {7, 9}, 2},
        {"{\"eos_token_id\": [11, 12, 13]}",
         "{\"eos_token\": \"<e>\", \"added_tokens_decoder\": {\"12\": {\"content\": \"<x>\"}, "
         "\"13\": "
         "{\"content\": \"<e>\"}}}",
         {13, 11, 12},
         3},
        {NULL,
         "{\"eos_token\": {\"content\": \"<e>\"}, \"added_tokens_decoder\": {\"9\": {\"content\": "
         "\"<e>\"}}}",
         {9, 7},
         2},
        {NULL, "{\"eos_token\": \"<e>\"}", {7, 9}, 2},
        {NULL,
         "{\"eos_token\": \"<e>\", \"added_tokens_decoder\": {\"8\": {\"content\": \"<e>\"}}}",
         {7, 9},
         2},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *dir = vs_test_dir();
        vs_error err;
        vs_config c;

        write_text(dir, "config.json", good);
        if (cases[i].generation) write_text(dir, "generation_config.json", cases[i].generation);
        if (cases[i].tokenizer) write_text(dir, "tokenizer_config.json", cases[i].tokenizer);
        CHECK_OK(vs_config_read(&c, dir, &err));
        CHECK(c.n_eos == cases[i].n);
        CHECK(memcmp(c.eos_ids, cases[i].ids, c.n_eos * sizeof *c.eos_ids) == 0);
    }
    const char *dir = vs_test_dir();
    vs_error err;
    vs_config c;
    write_text(dir, "config.json", good);
    write_text(dir, "generation_config.json", "{\"eos_token_id\": 512}");
    CHECK(vs_config_read(&c, dir, &err) == VS_E_FORMAT);
    CHECK(strstr(err.text, "generation_config.json: \"eos_token_id\": found id 512") != NULL);
}

TEST(config, takes_the_pattern_of_sliding_layers_from_the_key_that_transformers_reads)
{
    static const struct {
        const char *type, *key;
        bool second_slides, third_slides;
    } cases[] = {
        {"gemma3_text", "\"sliding_window_pattern\": 3", true, false},
        {"gemma3_text", "\"_sliding_window_pattern\": 3", true, true},
        {"gemma2", "\"sliding_window_pattern\": 3", false, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = vs_format("{\"model_type\": \"%s\", \"hidden_size\": 64, \"vocab_size\": 99, "
                               "\"num_hidden_layers\": 5, \"num_attention_heads\": 4, "
                               "\"intermediate_size\": 8, %s}",
                               cases[i].type, cases[i].key);
        vs_error err;
        vs_config c;

        CHECK_OK(read_text(&c, text, &err));
        CHECK(c.is_sliding[1] == cases[i].second_slides &&
              c.is_sliding[2] == cases[i].third_slides);
        free(text);
    }
}

TEST(config, names_what_a_path_is_that_is_no_model_folder)
{
    static const struct {
        const char *file, *path,
            *says; /* a file made in the folder, and what is given as the folder */
    } cases[] = {
        {"m.gguf", "m.gguf", "vstar import"},
        {"m.gguf", "", "vstar import"},
        {"model.safetensors", "model.safetensors", "the folder that holds it"},
        {"notes.txt", "notes.txt", "found a file"},
        {"adapter_config.json", "", "found an adapter"},
        {"notes.txt", "", "config.json: missing"},
        {"notes.txt", "missing", "no such model folder"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *dir = path_in(vs_test_dir(), cases[i].says), *path = path_in(dir, cases[i].path);
        vs_error err = {0};
        vs_config c;

        CHECK_OK(vs_dir_make(dir, &err));
        write_text(dir, cases[i].file, "{}");
        CHECK(vs_config_read(&c, path, &err) != VS_OK);
        if (!strstr(err.text, cases[i].says)) fail_msg("%s: \"%s\"", cases[i].says, err.text);
        CHECK_OK(vs_dir_remove(dir, &err));
        free(path);
        free(dir);
    }
    vs_error err = {0};
    vs_config c;
    CHECK(vs_config_read(&c, "meta-llama/Llama-3.1-8B", &err) != VS_OK);
    CHECK(strstr(err.text, "must be downloaded") != NULL);
}

TEST(config, refuses_files_that_are_no_object)
{
    static const char *const texts[] = {"", "[]", "3", "null", "\"llama\"", "{", "\xFF\xFE", "{}"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        vs_error err = {0};
        vs_config c;
        CHECK(read_text(&c, texts[i], &err) == VS_E_FORMAT);
        CHECK(strstr(err.text, "config.json") != NULL);
    }
}

TEST(config, refuses_a_file_past_the_size_limit_and_a_missing_one)
{
    const size_t len = (1 << 20) + 1;
    char *text = malloc(len);
    const char *dir = vs_test_dir();
    vs_error err = {0};
    vs_config c;

    CHECK(text != NULL);
    CHECK(vs_config_read(&c, dir, &err) == VS_E_IO);
    memset(text, ' ', len);
    write_in(dir, "config.json", text, len);
    CHECK(vs_config_read(&c, dir, &err) == VS_E_LIMIT);
    free(text);
}

TEST(config, reads_back_what_it_writes)
{
    const vs_config made[] = {
        {.n_layers = 1,
         .n_embd = 6,
         .n_heads = 3,
         .n_kv_heads = 1,
         .head_dim = 10,
         .n_ffn = 7,
         .n_vocab = 11,
         .n_positions = 13,
         .rope_theta = 123456.789012345,
         .rms_eps = 1.0 / 3,
         .is_tied = true,
         .bos_id = -1},
        {.n_layers = 512,
         .n_embd = 65536,
         .n_heads = 512,
         .n_kv_heads = 512,
         .head_dim = 128,
         .n_ffn = 65536,
         .n_vocab = 1 << 20,
         .n_positions = 1 << 20,
         .rope_theta = 1e12,
         .rms_eps = 1e-300,
         .bos_id = 0,
         .eos_ids = {0, 1, 2, 3, 4, 5, 6, 1048575},
         .n_eos = 8,
         .dtype = VS_BF16},
        {.n_layers = 2,
         .n_embd = 8,
         .n_heads = 2,
         .n_kv_heads = 2,
         .head_dim = 4,
         .n_ffn = 8,
         .n_vocab = 4,
         .n_positions = 1,
         .rope_theta = 10000,
         .rms_eps = 1e-5,
         .bos_id = 1,
         .eos_ids = {3},
         .n_eos = 1},
    };

    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        const char *dir = vs_test_dir();
        vs_error err;
        vs_config back;

        CHECK_OK(vs_config_write(&made[i], dir, &err));
        CHECK_OK(vs_config_read(&back, dir, &err));
        check_equal(&made[i], &back);
    }
}

TEST(config, writes_sorted_keys)
{
    const char *dir = vs_test_dir();
    char *path = path_in(dir, "config.json"), *text, previous[64] = "";
    vs_error err;
    vs_config c;

    CHECK_OK(read_text(&c, good, &err));
    CHECK_OK(vs_config_write(&c, dir, &err));
    CHECK_OK(vs_file_read(&text, NULL, path, 1 << 16, &err));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char key[64];
        if (sscanf(line, "  \"%63[^\"]", key) != 1) continue;
        CHECK(strcmp(previous, key) < 0);
        strcpy(previous, key);
    }
    CHECK_STR(previous, "vocab_size");
    free(text);
    free(path);
}

TEST(config, survives_failure_of_each_allocation)
{
    const char *dir = vs_test_dir();
    vs_error err;
    vs_config c, back;
    vs_status st;

    write_text(dir, "config.json", good);
    FAIL_EACH_ALLOCATION(st, st = vs_config_read(&c, dir, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_config_write(&c, dir, &err));
    CHECK_OK(vs_config_read(&back, dir, &err));
    check_equal(&c, &back);
}

TEST(config, refuses_a_gpt2_folder_by_name)
{
    vs_error err = {0};
    vs_config c;

    SKIP_WITHOUT_SHARED("models/tiny-random-gpt2");
    CHECK(vs_config_read(&c, vs_test_shared("models/tiny-random-gpt2"), &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "\"model_type\": found \"gpt2\"") != NULL);
}

/* transformers, modeling_rope_utils.py, by wavelengths, with the values of Llama 3.1 8B: the shortest stay, the longest
 * are stretched, and some lie between. */
TEST(config, llama3_frequencies_stay_blend_or_stretch_by_wavelength)
{
    const vs_rope_scaling s = {.type = VS_ROPE_LLAMA3,
                               .factor = 8.0,
                               .low_freq_factor = 1.0,
                               .high_freq_factor = 4.0,
                               .original_positions = 8192};
    size_t n[3] = {0, 0, 0};

    for (size_t i = 0; i < 64; i++) {
        const double plain = pow(500000.0, -(double)i / 64.0), length = 2.0 * acos(-1.0) / plain;
        const double smooth = (8192 / length - 1.0) / (4.0 - 1.0);
        const int kind = length < 8192 / 4.0 ? 0 : length > 8192 / 1.0 ? 2 : 1;
        const double want[3] = {plain, (1.0 - smooth) * plain / 8.0 + smooth * plain, plain / 8.0};
        n[kind]++;
        CHECK_NEAR(vs_rope_frequency(&s, 500000.0, i, 128), want[kind], 1e-12 * plain);
    }
    CHECK(n[0] > 0 && n[1] > 0 && n[2] > 0);
}
