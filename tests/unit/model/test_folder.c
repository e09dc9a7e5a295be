#include "base/buf.h"
#include "engine/model/folder.h"
#include "engine/model/model.h"
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
                                .rms_eps = 1e-5,
                                .bos_id = 1,
                                .eos_ids = {2},
                                .n_eos = 1};

/* Values that bf16 holds exactly, different in every tensor. */
static void fill(vs_params *p)
{
    vs_error err;

    CHECK_OK(vs_params_alloc(p, &err));
    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        for (size_t j = 0; j < t->rows * t->cols; j++)
            p->data[t->offset + j] = (float)((i * 31 + j * 7) % 200) - 100;
    }
}

static void make(vs_params *p, const vs_config *c)
{
    vs_error err;

    CHECK_OK(vs_weights_table(p, c, &err));
    fill(p);
}

static void check_equal(const vs_params *a, const vs_params *b)
{
    CHECK(a->n == b->n && a->n_tensors == b->n_tensors && a->n_model == b->n_model);
    CHECK(memcmp(a->tensors, b->tensors, a->n_tensors * sizeof *a->tensors) == 0);
    CHECK(memcmp(a->data, b->data, a->n * sizeof *a->data) == 0);
}

/* The tensors of p from first on, n of them, as a safetensors file. */
static void write_part(const vs_params *p, size_t first, size_t n, const char *dir,
                       const char *name)
{
    vs_params part = *p;
    vs_error err;
    char *path = path_in(dir, name);

    part.tensors = p->tensors + first;
    part.n_tensors = n;
    CHECK_OK(vs_safetensors_write(path, &part, VS_F32, &err));
    free(path);
}

TEST(folder, names_the_tensors_as_transformers_does)
{
    static const struct {
        const char *name;
        size_t rows, cols;
    } expected[] = {
        {"model.embed_tokens.weight", 11, 8},
        {"model.layers.0.input_layernorm.weight", 1, 8},
        {"model.layers.0.self_attn.q_proj.weight", 12, 8},
        {"model.layers.0.self_attn.k_proj.weight", 6, 8},
        {"model.layers.0.self_attn.v_proj.weight", 6, 8},
        {"model.layers.0.self_attn.o_proj.weight", 8, 12},
        {"model.layers.0.post_attention_layernorm.weight", 1, 8},
        {"model.layers.0.mlp.gate_proj.weight", 5, 8},
        {"model.layers.0.mlp.up_proj.weight", 5, 8},
        {"model.layers.0.mlp.down_proj.weight", 8, 5},
        {"model.layers.1.input_layernorm.weight", 1, 8},
    };
    vs_params p;
    vs_error err;
    vs_config tied = small;

    CHECK_OK(vs_weights_table(&p, &small, &err));
    CHECK(p.n_tensors == 1 + 2 * 9 + 2);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        CHECK_STR(p.tensors[i].name, expected[i].name);
        CHECK(p.tensors[i].rows == expected[i].rows && p.tensors[i].cols == expected[i].cols);
        CHECK(p.tensors[i].is_vector == (expected[i].rows == 1));
    }
    CHECK_STR(p.tensors[19].name, "model.norm.weight");
    CHECK_STR(p.tensors[20].name, "lm_head.weight");
    vs_params_close(&p);
    tied.is_tied = true;
    CHECK_OK(vs_weights_table(&p, &tied, &err));
    CHECK(p.n_tensors == 1 + 2 * 9 + 1 && !vs_params_find(&p, "lm_head.weight"));
    vs_params_close(&p);
}

TEST(folder, reads_back_what_it_writes_in_either_dtype)
{
    for (int k = 0; k < 4; k++) {
        const char *dir = vs_test_dir();
        char *below = path_in(dir, "new/folder");
        vs_config c = small, back_config;
        vs_params p, back;
        vs_error err;

        c.dtype = k & 1 ? VS_BF16 : VS_F32;
        c.is_tied = k & 2;
        make(&p, &c);
        CHECK_OK(vs_weights_write(&p, &c, below, NULL, &err));
        CHECK_OK(vs_config_read(&back_config, below, &err));
        CHECK(back_config.dtype == c.dtype && back_config.is_tied == c.is_tied);
        CHECK_OK(vs_weights_read(&back, &back_config, below, &err));
        check_equal(&p, &back);
        vs_params_close(&p);
        vs_params_close(&back);
        free(below);
    }
}

TEST(folder, copies_tokenizer_files_byte_for_byte_and_no_others)
{
    static const char bytes[] = "a\0b\r\n\xFF";
    const char *from = vs_test_dir(), *to = vs_test_dir();
    char *copied = path_in(to, "tokenizer.json"), *model = path_in(to, "tokenizer.model"),
         *other = path_in(to, "notes.txt"), *text;
    vs_params p;
    vs_error err;
    size_t len;

    write_in(from, "tokenizer.json", bytes, sizeof bytes);
    write_in(from, "notes.txt", bytes, sizeof bytes);
    make(&p, &small);
    CHECK_OK(vs_weights_write(&p, &small, to, from, &err));
    CHECK_OK(vs_file_read(&text, &len, copied, 100, &err));
    CHECK(len == sizeof bytes && memcmp(text, bytes, len) == 0);
    CHECK(!vs_file_exists(model) && !vs_file_exists(other));
    free(text);
    vs_params_close(&p);
    free(copied), free(model), free(other);
}

/* Reads DIR under c, which must fail with a message that says `says`. */
static void check_refused(const vs_config *c, const char *dir, const char *says)
{
    vs_params p = {.n = 77};
    vs_error err = {0};
    const vs_status st = vs_weights_read(&p, c, dir, &err);

    if (st == VS_OK || !strstr(err.text, says) || !strstr(err.text, dir))
        fail_msg("status %d, \"%s\", expected \"%s\"", (int)st, err.text, says);
    CHECK(p.n == 77 && !p.data);
}

TEST(folder, refuses_missing_left_over_and_misshapen_tensors)
{
    const char *dir = vs_test_dir();
    vs_config other = small;
    vs_params p;

    make(&p, &small);
    check_refused(&small, dir, "found no weights");
    write_part(&p, 0, p.n_tensors - 1, dir, "model.safetensors");
    check_refused(&small, dir, "tensor \"lm_head.weight\" is missing, expected shape [11, 8]");
    write_part(&p, 0, p.n_tensors, dir, "model.safetensors");
    other.n_layers = 1;
    check_refused(&other, dir, "has no place");
    other = small;
    other.n_ffn = 6;
    check_refused(&other, dir, "mlp.gate_proj.weight\": found shape [5, 8], expected [6, 8]");
    p.tensors[1].is_vector = false; /* written as [1, 8] */
    write_part(&p, 0, p.n_tensors, dir, "model.safetensors");
    check_refused(&small, dir, "found shape [1, 8], expected [8]");
    vs_params_close(&p);
}

TEST(folder, refuses_values_that_are_not_finite)
{
    const char *dir = vs_test_dir();
    vs_params p;

    make(&p, &small);
    p.data[p.tensors[3].offset + 5] = NAN;
    write_part(&p, 0, p.n_tensors, dir, "model.safetensors");
    check_refused(&small, dir, "k_proj.weight\": element 5: found nan");
    vs_params_close(&p);
}

TEST(folder, refuses_a_giant_configuration_before_it_allocates)
{
    const char *dir = vs_test_dir();
    vs_config giant = small;
    vs_params p;

    giant.n_layers = VS_MAX_LAYERS;
    giant.n_embd = giant.n_ffn = VS_MAX_WIDTH;
    giant.n_heads = giant.n_kv_heads = 512;
    giant.head_dim = 128;
    giant.n_vocab = VS_MAX_VOCAB;
    make(&p, &small);
    write_part(&p, 0, p.n_tensors, dir, "model.safetensors");
    check_refused(&giant, dir,
                  "model.embed_tokens.weight\": found shape [11, 8], expected [1048576, 65536]");
    vs_params_close(&p);
}

TEST(folder, passes_over_rotary_buffers_and_the_head_that_repeats_tied_embeddings)
{
    const char *dir = vs_test_dir();
    vs_config tied = small;
    vs_params p, written = {0}, back;
    vs_error err;
    const vs_tensor *head;

    tied.is_tied = true;
    make(&p, &tied);
    CHECK_OK(vs_weights_table(&written, &small, &err));
    CHECK_OK(
        vs_params_add(&written, "model.layers.0.self_attn.rotary_emb.inv_freq", 1, 3, true, &err));
    CHECK_OK(vs_params_alloc(&written, &err));
    memcpy(written.data, p.data, p.n * sizeof *p.data);
    head = vs_params_find(&written, "lm_head.weight");
    memcpy(written.data + head->offset, p.data, head->rows * head->cols * sizeof *p.data);
    write_part(&written, 0, written.n_tensors, dir, "model.safetensors");
    CHECK_OK(vs_weights_read(&back, &tied, dir, &err));
    check_equal(&p, &back);
    vs_params_close(&back);

    written.data[head->offset + 7] += 1;
    write_part(&written, 0, written.n_tensors, dir, "model.safetensors");
    check_refused(&tied, dir, "tensor \"lm_head.weight\" has no place");
    vs_params_close(&p);
    vs_params_close(&written);
}

/* An index over shards a (the first n_a tensors) and b (the others). */
static void write_index(const vs_params *p, size_t n_a, const char *dir)
{
    vs_buf text = {0};

    vs_buf_str(&text, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {");
    for (size_t i = 0; i < p->n_tensors; i++)
        vs_buf_printf(&text, "%s\"%s\": \"%s.safetensors\"", i ? "," : "", p->tensors[i].name,
                      i < n_a ? "a" : "b");
    vs_buf_str(&text, "}}");
    write_in(dir, "model.safetensors.index.json", text.data, text.len);
    vs_buf_free(&text);
}

TEST(folder, reads_shards_through_their_index)
{
    const char *dir = vs_test_dir();
    const size_t n_a = 9;
    vs_params p, back;
    vs_error err;

    make(&p, &small);
    write_part(&p, 0, n_a, dir, "a.safetensors");
    write_part(&p, n_a, p.n_tensors - n_a, dir, "b.safetensors");
    write_index(&p, n_a, dir);
    CHECK_OK(vs_weights_read(&back, &small, dir, &err));
    check_equal(&p, &back);
    vs_params_close(&back);

    write_part(&p, n_a - 1, p.n_tensors - n_a + 1, dir, "b.safetensors");
    check_refused(&small, dir, "is in another of the folder's files too");
    write_part(&p, n_a + 1, p.n_tensors - n_a - 1, dir, "b.safetensors");
    check_refused(&small, dir, "is missing, expected by");
    vs_params_close(&p);
}

TEST(folder, passes_over_a_tied_head_that_the_index_lists_and_no_shard_has)
{
    const char *dir = vs_test_dir();
    vs_config tied = small;
    vs_params p, listed, back;
    vs_error err;

    tied.is_tied = true;
    make(&p, &tied);
    CHECK_OK(vs_weights_table(&listed, &small, &err));
    write_part(&p, 0, p.n_tensors, dir, "a.safetensors");
    write_index(&listed, listed.n_tensors, dir);
    CHECK_OK(vs_weights_read(&back, &tied, dir, &err));
    check_equal(&p, &back);
    vs_params_close(&back);
    check_refused(&small, dir, "tensor \"lm_head.weight\" is missing");
    vs_params_close(&p);
    vs_params_close(&listed);
}

/* The table with each name behind a prefix, and a tensor of what sees images. */
static void write_beside_vision(const vs_params *p, const char *prefix, const char *vision,
                                const char *dir)
{
    vs_params written = {0};
    char name[VS_TENSOR_NAME];
    vs_error err;

    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        const bool is_inside =
            strncmp(prefix, "model.", 6) == 0 && strncmp(t->name, "model.", 6) == 0;

        snprintf(name, sizeof name, "%s%.100s", prefix, t->name + (is_inside ? 6 : 0));
        CHECK_OK(vs_params_add(&written, name, t->rows, t->cols, t->is_vector, &err));
    }
    CHECK_OK(vs_params_add(&written, vision, 2, 3, false, &err));
    CHECK_OK(vs_params_alloc(&written, &err));
    memcpy(written.data, p->data, p->n * sizeof *p->data);
    write_part(&written, 0, written.n_tensors, dir, "model.safetensors");
    vs_params_close(&written);
}

TEST(folder, reads_the_language_model_beside_what_sees_images)
{
    static const struct {
        const char *prefix, *vision;
    } spellings[] = {{"language_model.", "vision_tower.patch.weight"},
                     {"language_model.", "multi_modal_projector.weight"},
                     {"model.language_model.", "model.vision_tower.patch.weight"}};
    const char *dir = vs_test_dir();
    vs_config tied = small;
    vs_params p, back;
    vs_error err;

    tied.is_tied = true;
    make(&p, &tied);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        tied.is_text_part = true;
        write_beside_vision(&p, spellings[i].prefix, spellings[i].vision, dir);
        CHECK_OK(vs_weights_read(&back, &tied, dir, &err));
        check_equal(&p, &back);
        vs_params_close(&back);
        tied.is_text_part = false;
        check_refused(&tied, dir, "is missing");
    }
    tied.is_text_part = true;
    write_beside_vision(&p, "language_model.", "audio_tower.weight", dir);
    check_refused(&tied, dir, "tensor \"audio_tower.weight\" has no place");
    vs_params_close(&p);
}

TEST(folder, says_why_there_are_no_weights)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"pytorch_model.bin", "are not read"},
        {"model-00001-of-00002.safetensors", "shards without"},
        {"notes.txt", "found no weights"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = path_in(vs_test_dir(), cases[i].file);
        vs_error err;

        CHECK_OK(vs_dir_make(dir, &err));
        write_text(dir, cases[i].file, "x");
        check_refused(&small, dir, cases[i].says);
        free(dir);
    }
    const char *dir = vs_test_dir();
    write_text(dir, "model.safetensors",
               "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    check_refused(&small, dir, "Git LFS pointer");
}

TEST(folder, refuses_hostile_indexes)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "index.json:1"},
        {"[]", "expected an object"},
        {"{}", "weight_map"},
        {"{\"weight_map\": {}}", "weight_map"},
        {"{\"weight_map\": [\"a\"]}", "weight_map"},
        {"{\"weight_map\": {\"a\": 3}}", "found an integer"},
        {"{\"weight_map\": {\"a\": \"\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"../a.safetensors\"}}", "found ../a.safetensors"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "found /etc/passwd"},
        {"{\"weight_map\": {\"a\": \"..\"}}", "plain name"},
        {"{\"weight_map\": {\"a\": \"absent\"}}", "absent: cannot open"},
        {"{\"weight_map\": {\"a\": \"empty\"}}", "tensor \"a\" is missing"},
    };
    const char *dir = vs_test_dir();

    write_safetensors(dir, "empty", "{}", NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(dir, "model.safetensors.index.json", cases[i].text);
        check_refused(&small, dir, cases[i].says);
    }
}

TEST(folder, survives_failure_of_each_allocation)
{
    const char *from = vs_test_dir(), *dir = vs_test_dir(), *shards = vs_test_dir();
    vs_params p, back = {0};
    vs_error err;
    vs_status st;

    write_text(from, "tokenizer.json", "{}");
    make(&p, &small);
    FAIL_EACH_ALLOCATION(st, st = vs_weights_write(&p, &small, dir, from, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_weights_read(&back, &small, dir, &err));
    check_equal(&p, &back);
    vs_params_close(&back);

    vs_base *base = NULL;
    vs_model *model = NULL;
    CHECK_OK(vs_config_write(&small, dir, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_base_open(&base, dir, VS_COMPUTE_F32, &err));
    vs_base_close(base);
    FAIL_EACH_ALLOCATION(st, st = vs_base_open_trainable(&base, dir, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_model_open(&model, base, NULL, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_model_repack(model, true, &err));
    vs_model_close(model);
    vs_base_close(base);

    write_part(&p, 0, 4, shards, "a.safetensors");
    write_part(&p, 4, p.n_tensors - 4, shards, "b.safetensors");
    write_index(&p, 4, shards);
    FAIL_EACH_ALLOCATION(st, st = vs_weights_read(&back, &small, shards, &err));
    check_equal(&p, &back);
    vs_params_close(&back);
    vs_params_close(&p);
}

/* Every tensor of A's model.safetensors is in B's with the same dtype, shape and bytes, and none is
 * more. */
static void check_same_files(const char *a, const char *b)
{
    char *path_a = path_in(a, "model.safetensors"), *path_b = path_in(b, "model.safetensors");
    vs_safetensors *x, *y;
    vs_error err;

    CHECK_OK(vs_safetensors_open(&x, path_a, &err));
    CHECK_OK(vs_safetensors_open(&y, path_b, &err));
    CHECK(vs_safetensors_count(x) > 0 && vs_safetensors_count(x) == vs_safetensors_count(y));
    for (size_t i = 0; i < vs_safetensors_count(x); i++) {
        const vs_st_tensor *t = vs_safetensors_at(x, i), *u = vs_safetensors_find(y, t->name);
        CHECK(u && strcmp(t->dtype, u->dtype) == 0 && t->n_dims == u->n_dims);
        CHECK(memcmp(t->shape, u->shape, t->n_dims * sizeof *t->shape) == 0);
        CHECK(t->n_bytes == u->n_bytes && memcmp(t->data, u->data, t->n_bytes) == 0);
    }
    vs_safetensors_close(x);
    vs_safetensors_close(y);
    free(path_a);
    free(path_b);
}

static void check_write_back(const char *shared, size_t n_model)
{
    char from[4096];
    const char *dir = vs_test_dir();
    vs_config c;
    vs_params p, back;
    vs_error err;

    snprintf(from, sizeof from, "%s", vs_test_shared(shared));
    CHECK_OK(vs_config_read(&c, from, &err));
    CHECK_OK(vs_weights_read(&p, &c, from, &err));
    CHECK(p.n_model == n_model);
    CHECK_OK(vs_weights_write(&p, &c, dir, from, &err));
    check_same_files(from, dir);
    CHECK_OK(vs_config_read(&c, dir, &err));
    CHECK_OK(vs_weights_read(&back, &c, dir, &err));
    check_equal(&p, &back);
    vs_params_close(&p);
    vs_params_close(&back);
}

TEST(folder, writes_stories260K_back_with_equal_bits)
{
    SKIP_WITHOUT_SHARED("models/stories260K");
    check_write_back("models/stories260K", 260032);
}

TEST(folder, writes_the_bf16_digit_llama_back_with_equal_bits)
{
    SKIP_WITHOUT_SHARED("models/verl-digit-llama");
    /* embedding and head 16 x 128; per layer 4 x 128 x 128, 3 x 344 x 128, 2 x 128; last norm 128
     */
    check_write_back("models/verl-digit-llama",
                     2 * 16 * 128 + 4 * (4 * 128 * 128 + 3 * 344 * 128 + 256) + 128);
}
