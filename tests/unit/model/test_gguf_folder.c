/* Each tiny model of tests/golden/families is written as llama.cpp's converter writes it, and must
 * come back from the import as it was. */
#include <unistd.h>

#include "engine/model/folder.h"
#include "gguf_test.h"

static vs_error err;

typedef struct tiny {
    vs_config c;
    vs_params p;
} tiny;

static const char *arch_of(const vs_config *c)
{
    static const char *const names[VS_N_FAMILIES] = {"llama", "llama",  "qwen2",
                                                     "qwen3", "gemma2", "gemma3"};

    return names[c->family];
}

static bool rotates_pairs(const vs_config *c)
{
    return c->family == VS_LLAMA || c->family == VS_MISTRAL;
}

static tiny read_tiny(const char *name)
{
    tiny m = {.c = {0}};
    char *dir = path_in(VSTAR_SOURCE_DIR "/tests/golden/families", name);

    CHECK_OK(vs_config_read(&m.c, dir, &err));
    CHECK_OK(vs_weights_read(&m.p, &m.c, dir, &err));
    free(dir);
    /* What no GGUF file says: its reader derives them. */
    if (m.c.query_scalar > 0.0) m.c.query_scalar = (double)m.c.head_dim;
    if (m.c.rope.type == VS_ROPE_LLAMA3) {
        m.c.rope.original_positions = 8192;
        m.c.rope_theta = 500000.0; /* long waves, so that the factor shows */
    }
    return m;
}

static void put_name(char *out, size_t size, const vs_config *c, const char *name)
{
    const char *const names[][2] = {
        {"model.embed_tokens.", "token_embd."},
        {"model.norm.", "output_norm."},
        {"lm_head.", "output."},
        {".input_layernorm.", ".attn_norm."},
        {".self_attn.q_proj.", ".attn_q."},
        {".self_attn.k_proj.", ".attn_k."},
        {".self_attn.v_proj.", ".attn_v."},
        {".self_attn.o_proj.", ".attn_output."},
        {".self_attn.q_norm.", ".attn_q_norm."},
        {".self_attn.k_norm.", ".attn_k_norm."},
        {".mlp.gate_proj.", ".ffn_gate."},
        {".mlp.up_proj.", ".ffn_up."},
        {".mlp.down_proj.", ".ffn_down."},
        {".pre_feedforward_layernorm.", ".ffn_norm."},
        {".post_feedforward_layernorm.", ".post_ffw_norm."},
        {".post_attention_layernorm.",
         vs_config_family(c)->has_post_norms ? ".post_attention_norm." : ".ffn_norm."},
    };
    size_t layer = 0;
    const char *found;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(found = strstr(name, names[i][0]))) continue;
        const char *end = found + strlen(names[i][0]);
        if (sscanf(name, "model.layers.%zu", &layer) == 1)
            snprintf(out, size, "blk.%zu%s%s", layer, names[i][1], end);
        else
            snprintf(out, size, "%s%s", names[i][1], end);
        return;
    }
    fail_msg("no name for %s", name);
}

/* Element (row, col) as the converter stores it. */
static float stored(const tiny *m, const vs_tensor *t, size_t row, size_t col)
{
    const float *w = m->p.data + t->offset;
    const size_t d = m->c.head_dim, head = row / d, i = row % d;

    if (rotates_pairs(&m->c) &&
        (strstr(t->name, "q_proj.weight") || strstr(t->name, "k_proj.weight")))
        row = head * d + i % 2 * (d / 2) + i / 2;
    return w[row * t->cols + col] +
           (vs_config_family(&m->c)->norm_adds_one && strstr(t->name, "norm.weight") ? 1.0F : 0.0F);
}

static void put_config_key(vs_buf *b, const vs_config *c, const char *name, size_t x)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", arch_of(c), name);
    put_size(b, key, (uint32_t)x);
}

static void put_config_real(vs_buf *b, const vs_config *c, const char *name, double x)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", arch_of(c), name);
    put_real(b, key, (float)x);
}

static void put_vocabulary(vs_buf *b, const vs_config *c)
{
    put_string(b, "tokenizer.ggml.model", "llama");
    put_array(b, "tokenizer.ggml.tokens", VS_GGUF_STRING, c->n_vocab);
    for (size_t i = 0; i < c->n_vocab; i++) {
        char text[24];
        snprintf(text, sizeof text, "<%zu>", i);
        put_text(b, text);
    }
    put_array(b, "tokenizer.ggml.scores", VS_GGUF_F32, c->n_vocab);
    for (size_t i = 0; i < c->n_vocab; i++) put_f32(b, -(float)i);
    put_array(b, "tokenizer.ggml.token_type", VS_GGUF_I32, c->n_vocab);
    for (size_t i = 0; i < c->n_vocab; i++) put_number(b, i < 3 ? 3 : 1, 4);
    put_size(b, "tokenizer.ggml.bos_token_id", (uint32_t)c->bos_id);
    put_size(b, "tokenizer.ggml.eos_token_id", (uint32_t)c->eos_ids[0]);
}
enum { N_VOCABULARY = 6 };

/* extra: one more key, or NULL. */
static void put_model(vs_buf *b, const tiny *m, const char *extra)
{
    const vs_config *c = &m->c;
    const bool is_llama3 = c->rope.type == VS_ROPE_LLAMA3,
               is_linear = c->rope.type == VS_ROPE_LINEAR, is_yarn = c->rope.type == VS_ROPE_YARN,
               slides = c->window > 0,
               patterned = vs_config_family(c)->sliding == VS_SLIDING_PATTERN,
               local = c->rope_local_theta > 0.0, capped = c->attn_softcap > 0.0;
    size_t offset = 0, pattern = 1;
    vs_buf keys = {0};
    size_t n_keys = 11;

    put_string(&keys, "general.architecture", arch_of(c));
    put_config_key(&keys, c, "block_count", c->n_layers);
    put_config_key(&keys, c, "context_length", c->n_positions);
    put_config_key(&keys, c, "embedding_length", c->n_embd);
    put_config_key(&keys, c, "feed_forward_length", c->n_ffn);
    put_config_key(&keys, c, "attention.head_count", c->n_heads);
    put_config_key(&keys, c, "attention.head_count_kv", c->n_kv_heads);
    put_config_key(&keys, c, "attention.key_length", c->head_dim);
    put_config_key(&keys, c, "attention.value_length", c->head_dim);
    put_config_real(&keys, c, "attention.layer_norm_rms_epsilon", c->rms_eps);
    put_config_real(&keys, c, "rope.freq_base", c->rope_theta);
    if (local) put_config_real(&keys, c, "rope.freq_base_swa", c->rope_local_theta);
    if (is_linear) {
        char key[64];
        snprintf(key, sizeof key, "%s.rope.scaling.type", arch_of(c));
        put_string(&keys, key, "linear");
        put_config_real(&keys, c, "rope.scaling.factor", c->rope.factor);
    }
    if (is_yarn) {
        char key[64];
        snprintf(key, sizeof key, "%s.rope.scaling.type", arch_of(c));
        put_string(&keys, key, "yarn");
        put_config_real(&keys, c, "rope.scaling.factor", c->rope.factor);
        put_config_key(&keys, c, "rope.scaling.original_context_length",
                       c->rope.original_positions);
    }
    if (slides) put_config_key(&keys, c, "attention.sliding_window", c->window);
    if (patterned) {
        while (c->is_sliding[pattern - 1]) pattern++;
        put_config_key(&keys, c, "attention.sliding_window_pattern", pattern);
    }
    if (capped) {
        put_config_real(&keys, c, "attn_logit_softcapping", c->attn_softcap);
        put_config_real(&keys, c, "final_logit_softcapping", c->final_softcap);
    }
    if (extra) put_size(&keys, extra, 1);
    put_vocabulary(&keys, c);
    n_keys += (size_t)local + 2 * (size_t)is_linear + 3 * (size_t)is_yarn + (size_t)slides +
              (size_t)patterned + 2 * (size_t)capped + (extra != NULL) + N_VOCABULARY;

    put_head(b, 3, m->p.n_tensors + (size_t)is_llama3, n_keys);
    vs_buf_add(b, keys.data, keys.len);
    vs_buf_free(&keys);
    for (size_t i = 0; i < m->p.n_tensors; i++) {
        const vs_tensor *t = &m->p.tensors[i];
        char name[VS_TENSOR_NAME];

        put_name(name, sizeof name, c, t->name);
        put_tensor(b, name, t->is_vector ? 0 : t->rows, t->cols, GGML_F32, 4 * t->rows * t->cols,
                   &offset);
    }
    if (is_llama3)
        put_tensor(b, "rope_freqs.weight", 0, c->head_dim / 2, GGML_F32, 2 * c->head_dim, &offset);
    for (size_t i = 0; i < m->p.n_tensors; i++) {
        const vs_tensor *t = &m->p.tensors[i];

        put_padding(b);
        for (size_t r = 0; r < t->rows; r++)
            for (size_t k = 0; k < t->cols; k++) put_f32(b, stored(m, t, r, k));
    }
    put_padding(b);
    for (size_t i = 0; is_llama3 && i < c->head_dim / 2; i++)
        put_f32(b, (float)(vs_rope_frequency(&(vs_rope_scaling){0}, c->rope_theta, i, c->head_dim) /
                           vs_rope_frequency(&c->rope, c->rope_theta, i, c->head_dim)));
}

static vs_status import(const char *path, const char *dir, vs_dtype dtype)
{
    vs_gguf *g = NULL;
    vs_status st = vs_gguf_open(&g, path, &err);

    if (st == VS_OK) st = vs_gguf_import(g, dir, dtype, NULL, NULL, &err);
    vs_gguf_close(g);
    return st;
}

/* Norms of Gemma pass through 1 + w, which rounds. */
static const double norm_tolerance = 2e-7;

static void check_same(const tiny *m, const char *dir)
{
    tiny got = {.c = {0}};

    CHECK_OK(vs_config_read(&got.c, dir, &err));
    CHECK_OK(vs_weights_read(&got.p, &got.c, dir, &err));
    if (memcmp(&got.c, &m->c, sizeof got.c) != 0) fail_msg("%s: another configuration", dir);
    CHECK(got.p.n_tensors == m->p.n_tensors && got.p.n == m->p.n);
    for (size_t i = 0; i < m->p.n_tensors; i++) {
        const vs_tensor *t = &m->p.tensors[i];
        const bool is_exact =
            !vs_config_family(&m->c)->norm_adds_one || !strstr(t->name, "norm.weight");

        for (size_t k = 0; k < t->rows * t->cols; k++)
            CHECK_NEAR(got.p.data[t->offset + k], m->p.data[t->offset + k],
                       is_exact ? 0.0 : norm_tolerance);
    }
    vs_params_close(&got.p);
}

static void check_family(const char *name)
{
    tiny m = read_tiny(name);
    vs_buf b = {0};

    put_model(&b, &m, NULL);
    char *path = write_gguf(&b), *dir = path_in(vs_test_dir(), name);
    CHECK_OK(import(path, dir, VS_F32));
    check_same(&m, dir);
    free(dir);
    free(path);
    vs_params_close(&m.p);
}

TEST(gguf_folder, brings_back_every_family)
{
    static const char *const names[] = {"llama",   "llama-linear", "llama3", "yarn",
                                        "mistral", "qwen2",        "qwen3",  "gemma2",
                                        "gemma3",  "gemma3-linear"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) check_family(names[i]);
}

TEST(gguf_folder, rounds_to_bf16_when_asked)
{
    tiny m = read_tiny("llama"), got = {.c = {0}};
    vs_buf b = {0};

    put_model(&b, &m, NULL);
    char *path = write_gguf(&b), *dir = path_in(vs_test_dir(), "out");
    CHECK_OK(import(path, dir, VS_BF16));
    CHECK_OK(vs_config_read(&got.c, dir, &err));
    CHECK_OK(vs_weights_read(&got.p, &got.c, dir, &err));
    CHECK(got.c.dtype == VS_BF16);
    for (size_t i = 0; i < m.p.n; i++) /* half a unit of the last of 8 bits */
        CHECK_NEAR(got.p.data[i], m.p.data[i], fabs((double)m.p.data[i]) / 256);
    vs_params_close(&got.p);
    vs_params_close(&m.p);
    free(dir);
    free(path);
}

/* The file with its first `from` replaced by the equally long `to` is refused, and leaves no
 * folder. */
static void check_refused(const tiny *m, const char *extra, const char *from, const char *to,
                          vs_status code, const char *expected)
{
    vs_buf b = {0};

    put_model(&b, m, extra);
    if (from) {
        char *at = memmem(b.data, b.len, from, strlen(from));

        CHECK(at && strlen(from) == strlen(to));
        memcpy(at, to, strlen(to));
    }
    char *path = write_gguf(&b), *dir = path_in(vs_test_dir(), "out");
    const vs_status st = import(path, dir, VS_F32);
    if (st != code || !strstr(err.text, expected))
        fail_msg("found %d \"%s\", expected %s", st, err.text, expected);
    char *partial = vs_format("%s" VS_PARTIAL, dir);
    CHECK(partial && !vs_dir_exists(dir) && !vs_dir_exists(partial));
    free(partial);
    free(dir);
    free(path);
}

TEST(gguf_folder, refuses_what_it_does_not_know_by_name)
{
    tiny m = read_tiny("llama"), llama3 = read_tiny("llama3");

    check_refused(&m, NULL, "llama", "falco", VS_E_INPUT, "found \"falco\", expected llama, qwen2");
    check_refused(&m, "llama.expert_count", NULL, NULL, VS_E_INPUT, "\"llama.expert_count\"");
    check_refused(&m, "llama.rope.dimension_count", NULL, NULL, VS_E_INPUT, "1 rotated");
    check_refused(&m, NULL, "llama.block_count", "llama.klock_count", VS_E_INPUT,
                  "llama.klock_count");
    check_refused(&m, NULL, "blk.1.attn_q.weight", "blk.1.attn_z.weight", VS_E_FORMAT,
                  "\"blk.1.attn_q.weight\" is missing");
    check_refused(&llama3, NULL, "rope_freqs.weight", "rope_freqz.weight", VS_E_INPUT,
                  "\"rope_freqz.weight\" has no place");
    check_refused(&m, NULL, "<7>", "<8>", VS_E_FORMAT, "tokens 7 and 8");
    llama3.c.rope.original_positions = 4096;
    check_refused(&llama3, NULL, NULL, NULL, VS_E_INPUT, "rope_freqs.weight");
    vs_params_close(&m.p);
    vs_params_close(&llama3.p);
}

TEST(gguf_folder, refuses_weights_that_are_not_finite)
{
    tiny m = read_tiny("llama");

    m.p.data[m.p.tensors[3].offset + 5] = INFINITY;
    check_refused(&m, NULL, NULL, NULL, VS_E_FORMAT, "is not finite");
    vs_params_close(&m.p);
}

TEST(gguf_folder, survives_each_allocation_failing)
{
    tiny m = read_tiny("llama-linear");
    vs_buf b = {0};
    vs_status st;

    put_model(&b, &m, NULL);
    char *path = write_gguf(&b), *dir = path_in(vs_test_dir(), "out");
    FAIL_EACH_ALLOCATION(st, st = import(path, dir, VS_F32));
    check_same(&m, dir);
    vs_params_close(&m.p);
    free(dir);
    free(path);
}

/* The truncations of issue reports: 200 places, spread over the file. */
TEST(gguf_folder, refuses_200_truncations_with_a_message)
{
    enum { N_CUTS = 200 };
    tiny m = read_tiny("qwen2");
    vs_buf b = {0};

    put_model(&b, &m, NULL);
    const size_t len = b.len;
    uint64_t draw = 1;
    char *path = write_gguf(&b), *dir = path_in(vs_test_dir(), "out");
    char *copy = path_in(vs_test_dir(), "cut.gguf");
    for (int i = 0; i < N_CUTS; i++) {
        draw = draw * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        CHECK_OK(vs_file_copy(copy, path, &err));
        CHECK(truncate(copy, (off_t)((draw >> 33) % len)) == 0);
        err.text[0] = '\0';
        CHECK(import(copy, dir, VS_F32) != VS_OK && strstr(err.text, copy) && !vs_dir_exists(dir));
    }
    vs_params_close(&m.p);
    free(copy);
    free(dir);
    free(path);
}
