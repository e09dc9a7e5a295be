/* gguf_config.c - the metadata of a GGUF file as a model's configuration. Source of the keys:
 * llama.cpp, gguf-py/gguf/constants.py; of their defaults: src/llama-model.cpp. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/folder_impl.h"
#include "engine/model/gguf.h"

static const struct {
    const char *name;
    vs_family_id family;
} architectures[] = {
    {"llama", VS_LLAMA},   {"qwen2", VS_QWEN2},   {"qwen3", VS_QWEN3},
    {"gemma2", VS_GEMMA2}, {"gemma3", VS_GEMMA3},
};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures, MAX_KEY = 128 };

typedef struct reader {
    const vs_gguf *g;
    char arch[32];
    vs_config config;
} reader;

/* "llama.block_count", .. */
static const char *arch_key(char key[MAX_KEY], const reader *m, const char *name)
{
    snprintf(key, MAX_KEY, "%s.%s", m->arch, name);
    return key;
}

static vs_status get_size(size_t *out, const reader *m, const char *name, size_t max, vs_error *err)
{
    char key[MAX_KEY];
    return vs_gguf_get_size(out, m->g, arch_key(key, m, name), 1, max, err);
}

static vs_status opt_size(size_t *out, const reader *m, const char *name, size_t max, vs_error *err)
{
    char key[MAX_KEY];
    return vs_gguf_opt_size(out, m->g, arch_key(key, m, name), 1, max, err);
}

/* Reals are stored as f32; the decimal that was meant is the shortest one that gives the same f32.
 */
static vs_status opt_real(double *out, const reader *m, const char *name, vs_error *err)
{
    char key[MAX_KEY], text[VS_REAL_CHARS];
    double x = *out;

    VS_TRY(vs_gguf_opt_real(&x, m->g, arch_key(key, m, name), err));
    if (x == *out) return VS_OK;
    if (!(x > 0.0 && x < 1e12))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %g, expected a positive number",
                       vs_gguf_path(m->g), key, x);
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtof(text, NULL) == (float)x) break;
    }
    *out = strtod(text, NULL);
    return VS_OK;
}

static vs_status find_architecture(reader *m, vs_error *err)
{
    vs_gguf_text arch;

    VS_TRY(vs_gguf_get_text(&arch, m->g, "general.architecture", err));
    for (size_t i = 0; i < N_ARCHITECTURES; i++)
        if (strlen(architectures[i].name) == arch.len &&
            memcmp(architectures[i].name, arch.text, arch.len) == 0) {
            memcpy(m->arch, arch.text, arch.len);
            m->config.family = architectures[i].family;
            return VS_OK;
        }
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: \"general.architecture\": found \"%.*s\", expected llama, qwen2, qwen3, "
                   "gemma2 or gemma3",
                   vs_gguf_path(m->g), (int)(arch.len < 100 ? arch.len : 100), arch.text);
}

/* Every key of the architecture is known, so that none that changes the computation is passed over.
 */
static vs_status check_keys(const reader *m, vs_error *err)
{
    static const char *const known[] = {
        "block_count",
        "context_length",
        "embedding_length",
        "feed_forward_length",
        "vocab_size",
        "tensor_data_layout", /* a remark */
        "attention.head_count",
        "attention.head_count_kv",
        "attention.key_length",
        "attention.value_length",
        "attention.layer_norm_rms_epsilon",
        "attention.sliding_window",
        "attention.sliding_window_pattern",
        "attn_logit_softcapping",
        "final_logit_softcapping",
        "rope.dimension_count",
        "rope.freq_base",
        "rope.freq_base_swa",
        "rope.scaling.type",
        "rope.scaling.factor",
        "rope.scaling.original_context_length",
        "rope.scaling.finetuned",
        "attention.causal", /* true: check_causal */
    };
    const size_t prefix = strlen(m->arch);

    for (size_t i = 0; i < vs_gguf_n_values(m->g); i++) {
        const vs_gguf_text key = vs_gguf_value_at(m->g, i)->key;
        size_t k = 0;

        if (key.len <= prefix || memcmp(key.text, m->arch, prefix) != 0 || key.text[prefix] != '.')
            continue;
        while (k < sizeof known / sizeof *known &&
               (strlen(known[k]) != key.len - prefix - 1 ||
                memcmp(known[k], key.text + prefix + 1, key.len - prefix - 1) != 0))
            k++;
        if (k == sizeof known / sizeof *known)
            return VS_FAIL(err, VS_E_INPUT, "%s: \"%.*s\": what this key asks for is not supported",
                           vs_gguf_path(m->g), (int)key.len, key.text);
    }
    return VS_OK;
}

static vs_status check_causal(reader *m, vs_error *err)
{
    char key[MAX_KEY];
    bool causal = true;

    VS_TRY(vs_gguf_opt_bool(&causal, m->g, arch_key(key, m, "attention.causal"), err));
    if (causal) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found false, expected true", vs_gguf_path(m->g),
                   key);
}

/* yarn with the numbers that llama.cpp takes where the file has none. */
static vs_status read_yarn(reader *m, vs_error *err)
{
    vs_rope_scaling *s = &m->config.rope;

    *s = (vs_rope_scaling){.type = VS_ROPE_YARN,
                           .factor = 1.0,
                           .original_positions = m->config.stated_positions,
                           .beta_fast = 32.0,
                           .beta_slow = 1.0,
                           .is_whole = true};
    VS_TRY(opt_real(&s->factor, m, "rope.scaling.factor", err));
    VS_TRY(opt_size(&s->original_positions, m, "rope.scaling.original_context_length",
                    VS_MAX_STATED_POSITIONS, err));
    s->attention_factor = vs_yarn_mscale(s->factor, 1.0);
    return VS_OK;
}

static vs_status read_sizes(reader *m, vs_error *err)
{
    vs_config *c = &m->config;
    const vs_gguf_tensor *embed = vs_gguf_tensor_find(m->g, "token_embd.weight");
    size_t value_dim, rotated;

    c->stated_positions = vs_config_family(c)->n_positions;
    c->rms_eps = 1e-6;
    VS_TRY(get_size(&c->n_layers, m, "block_count", VS_MAX_LAYERS, err));
    VS_TRY(get_size(&c->n_embd, m, "embedding_length", VS_MAX_WIDTH, err));
    VS_TRY(get_size(&c->n_ffn, m, "feed_forward_length", VS_MAX_WIDTH, err));
    VS_TRY(get_size(&c->n_heads, m, "attention.head_count", VS_MAX_WIDTH, err));
    c->n_kv_heads = c->n_heads;
    VS_TRY(opt_size(&c->n_kv_heads, m, "attention.head_count_kv", VS_MAX_WIDTH, err));
    VS_TRY(opt_size(&c->stated_positions, m, "context_length", VS_MAX_STATED_POSITIONS, err));
    VS_TRY(opt_real(&c->rms_eps, m, "attention.layer_norm_rms_epsilon", err));
    c->head_dim = c->n_embd / c->n_heads;
    VS_TRY(opt_size(&c->head_dim, m, "attention.key_length", VS_MAX_WIDTH, err));
    value_dim = rotated = c->head_dim;
    VS_TRY(opt_size(&value_dim, m, "attention.value_length", VS_MAX_WIDTH, err));
    VS_TRY(opt_size(&rotated, m, "rope.dimension_count", VS_MAX_WIDTH, err));
    if (value_dim != c->head_dim || rotated != c->head_dim)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: keys of %zu, values of %zu and %zu rotated: expected the same",
                       vs_gguf_path(m->g), c->head_dim, value_dim, rotated);
    if (c->head_dim == 0 || c->head_dim % 2 || c->n_heads % c->n_kv_heads ||
        c->head_dim > VS_MAX_WIDTH / c->n_heads)
        return VS_FAIL(err, VS_E_FORMAT, "%s: %zu heads of %zu over %zu key-value heads",
                       vs_gguf_path(m->g), c->n_heads, c->head_dim, c->n_kv_heads);
    vs_config_use_positions(c);
    if (!embed || embed->n_dims != 2 || embed->dims[0] != c->n_embd ||
        embed->dims[1] > VS_MAX_VOCAB)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"token_embd.weight\": expected rows of %zu elements",
                       vs_gguf_path(m->g), c->n_embd);
    c->n_vocab = embed->dims[1];
    c->is_tied = !vs_gguf_tensor_find(m->g, "output.weight");
    return VS_OK;
}

/* Llama 3's stretched frequencies come as their divisors. The file does not say the numbers behind
 * them: Meta's are taken if they give the same divisors. */
static vs_status read_rope_factors(reader *m, const vs_gguf_tensor *t, vs_error *err)
{
    vs_config *c = &m->config;
    vs_rope_scaling *s = &c->rope;
    float *divisor = vs_alloc(t->n, sizeof *divisor);
    bool same = t->n == c->head_dim / 2;

    if (!divisor) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", vs_gguf_path(m->g));
    vs_gguf_to_f32(divisor, t);
    *s = (vs_rope_scaling){.type = VS_ROPE_LLAMA3,
                           .factor = (double)divisor[t->n - 1],
                           .low_freq_factor = 1.0,
                           .high_freq_factor = 4.0,
                           .original_positions = 8192};
    for (size_t i = 0; same && i < t->n; i++) {
        const double expected =
            vs_rope_frequency(&(vs_rope_scaling){0}, c->rope_theta, i, c->head_dim) /
            vs_rope_frequency(s, c->rope_theta, i, c->head_dim);
        same =
            fabs((double)divisor[i] - expected) <= 1e-4 * expected; /* they were computed in f32 */
    }
    free(divisor);
    if (same && s->factor == 1.0) s->type = VS_ROPE_DEFAULT;
    if (same) return VS_OK;
    return VS_FAIL(
        err, VS_E_INPUT,
        "%s: tensor \"rope_freqs.weight\": found frequencies other than those of Llama 3 "
        "(low 1, high 4, original length 8192): not supported",
        vs_gguf_path(m->g));
}

static vs_status read_rope(reader *m, vs_error *err)
{
    const vs_family *f = vs_config_family(&m->config);
    const vs_gguf_tensor *factors = vs_gguf_tensor_find(m->g, "rope_freqs.weight");
    vs_config *c = &m->config;
    vs_gguf_text type = {"linear", 6}; /* llama.cpp's default: the factor alone may be there */
    char key[MAX_KEY];

    c->rope_theta = f->rope_theta;
    c->rope_local_theta = f->rope_local_theta;
    VS_TRY(opt_real(&c->rope_theta, m, "rope.freq_base", err));
    if (f->has_local_rope) VS_TRY(opt_real(&c->rope_local_theta, m, "rope.freq_base_swa", err));
    if (factors) return read_rope_factors(m, factors, err);
    VS_TRY(vs_gguf_opt_text(&type, m->g, arch_key(key, m, "rope.scaling.type"), err));
    if (type.len == 4 && memcmp(type.text, "none", 4) == 0) return VS_OK;
    if (type.len == 4 && memcmp(type.text, "yarn", 4) == 0) return read_yarn(m, err);
    if (type.len != 6 || memcmp(type.text, "linear", 6) != 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\": found \"%.*s\", expected \"none\", \"linear\" or \"yarn\"",
                       vs_gguf_path(m->g), key, (int)(type.len < 100 ? type.len : 100), type.text);
    c->rope.factor = 1.0;
    VS_TRY(opt_real(&c->rope.factor, m, "rope.scaling.factor", err));
    c->rope.type = c->rope.factor == 1.0 ? VS_ROPE_DEFAULT : VS_ROPE_LINEAR;
    return VS_OK;
}

/* Gemma's 27B models scale queries by another width; llama.cpp knows them by their number of
 * layers. */
static double query_scalar(const vs_config *c)
{
    const bool is_27b = (c->family == VS_GEMMA2 && c->n_layers == 46) ||
                        (c->family == VS_GEMMA3 && c->n_layers == 62);

    if (vs_config_family(c)->query_scalar == 0.0) return 0.0;
    return (double)(is_27b ? c->n_embd / c->n_heads : c->head_dim);
}

/* A Mistral with a window is a "llama" that has one; without, the two are the same. */
static vs_status read_window(reader *m, vs_error *err)
{
    vs_config *c = &m->config;
    size_t window = vs_config_family(c)->window, pattern = vs_config_family(c)->pattern;
    char key[MAX_KEY];
    const bool has_window = vs_gguf_find(m->g, arch_key(key, m, "attention.sliding_window"));

    VS_TRY(opt_size(&window, m, "attention.sliding_window", VS_MAX_POSITIONS, err));
    VS_TRY(opt_size(&pattern, m, "attention.sliding_window_pattern", VS_MAX_LAYERS, err));
    if (has_window && c->family == VS_LLAMA) c->family = VS_MISTRAL;
    if (has_window && vs_config_family(c)->sliding == VS_SLIDING_FROM)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"%s.attention.sliding_window\": not supported",
                       vs_gguf_path(m->g), m->arch);
    if (c->family == VS_LLAMA || vs_config_family(c)->sliding == VS_SLIDING_FROM) return VS_OK;
    c->window = window;
    for (size_t i = 0; i < c->n_layers; i++)
        c->is_sliding[i] = c->family == VS_MISTRAL || (i + 1) % pattern != 0;
    return VS_OK;
}

static vs_status read_attention(reader *m, vs_error *err)
{
    vs_config *c = &m->config;
    const vs_family *f = vs_config_family(c);

    VS_TRY(read_rope(m, err));
    VS_TRY(read_window(m, err));
    c->query_scalar = query_scalar(c);
    if (f->has_softcaps) {
        c->attn_softcap = f->attn_softcap;
        c->final_softcap = f->final_softcap;
        VS_TRY(opt_real(&c->attn_softcap, m, "attn_logit_softcapping", err));
        VS_TRY(opt_real(&c->final_softcap, m, "final_logit_softcapping", err));
    }
    return VS_OK;
}

static vs_status read_special(reader *m, vs_error *err)
{
    static const char *const ends[] = {"tokenizer.ggml.eos_token_id",
                                       "tokenizer.ggml.eot_token_id"};
    vs_config *c = &m->config;
    const size_t none = SIZE_MAX;
    size_t bos = none;

    VS_TRY(vs_gguf_opt_size(&bos, m->g, "tokenizer.ggml.bos_token_id", 0, c->n_vocab - 1, err));
    c->bos_id = bos == none ? -1 : (int32_t)bos;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t id = none;
        VS_TRY(vs_gguf_opt_size(&id, m->g, ends[i], 0, c->n_vocab - 1, err));
        if (id == none || (c->n_eos && c->eos_ids[0] == (int32_t)id)) continue;
        c->eos_ids[c->n_eos++] = (int32_t)id;
    }
    return VS_OK;
}

vs_status vs_gguf_config(vs_config *out, const vs_gguf *g, vs_error *err)
{
    reader *m = vs_alloc(1, sizeof *m);
    vs_status st;

    if (!m) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", vs_gguf_path(g));
    m->g = g;
    VS_CHECK(find_architecture(m, err));
    VS_CHECK(check_keys(m, err));
    VS_CHECK(check_causal(m, err));
    VS_CHECK(read_sizes(m, err));
    VS_CHECK(read_attention(m, err));
    VS_CHECK(read_special(m, err));
    *out = m->config;
done:
    free(m);
    return st;
}
