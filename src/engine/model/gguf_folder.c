/* gguf_folder.c - a GGUF file as a Hugging Face folder: its metadata as config.json, its tensors
 * under the names and in the layouts of transformers. Source of names and metadata: llama.cpp,
 * gguf-py/gguf/constants.py, and convert_hf_to_gguf.py for what it changes on the way (the rotation
 * of Llama's q and k, Gemma's norms as 1 + w). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
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

/* ---- metadata ---- */

typedef struct importer {
    const vs_gguf *g;
    char arch[32];
    vs_config config;
    float *block; /* of the tensor being written, before its layout is changed; NULL: not needed */
} importer;

/* "llama.block_count", .. */
static const char *arch_key(char key[MAX_KEY], const importer *m, const char *name)
{
    snprintf(key, MAX_KEY, "%s.%s", m->arch, name);
    return key;
}

static vs_status get_size(size_t *out, const importer *m, const char *name, size_t max,
                          vs_error *err)
{
    char key[MAX_KEY];
    return vs_gguf_get_size(out, m->g, arch_key(key, m, name), 1, max, err);
}

static vs_status opt_size(size_t *out, const importer *m, const char *name, size_t max,
                          vs_error *err)
{
    char key[MAX_KEY];
    return vs_gguf_opt_size(out, m->g, arch_key(key, m, name), 1, max, err);
}

/* Reals are stored as f32; the decimal that was meant is the shortest one that gives the same f32.
 */
static vs_status opt_real(double *out, const importer *m, const char *name, vs_error *err)
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

static vs_status find_architecture(importer *m, vs_error *err)
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

static vs_status read_sizes(importer *m, vs_error *err)
{
    vs_config *c = &m->config;
    const vs_gguf_tensor *embed = vs_gguf_tensor_find(m->g, "token_embd.weight");

    c->n_positions = vs_config_family(c)->n_positions;
    c->rms_eps = 1e-6;
    VS_TRY(get_size(&c->n_layers, m, "block_count", VS_MAX_LAYERS, err));
    VS_TRY(get_size(&c->n_embd, m, "embedding_length", VS_MAX_WIDTH, err));
    VS_TRY(get_size(&c->n_ffn, m, "feed_forward_length", VS_MAX_WIDTH, err));
    VS_TRY(get_size(&c->n_heads, m, "attention.head_count", VS_MAX_WIDTH, err));
    c->n_kv_heads = c->n_heads;
    VS_TRY(opt_size(&c->n_kv_heads, m, "attention.head_count_kv", VS_MAX_WIDTH, err));
    VS_TRY(opt_size(&c->n_positions, m, "context_length", VS_MAX_POSITIONS, err));
    VS_TRY(opt_real(&c->rms_eps, m, "attention.layer_norm_rms_epsilon", err));
    c->head_dim = c->n_embd / c->n_heads;
    VS_TRY(opt_size(&c->head_dim, m, "attention.key_length", VS_MAX_WIDTH, err));
    if (c->head_dim == 0 || c->head_dim % 2 || c->n_heads % c->n_kv_heads ||
        c->head_dim > VS_MAX_WIDTH / c->n_heads)
        return VS_FAIL(err, VS_E_FORMAT, "%s: %zu heads of %zu over %zu key-value heads",
                       vs_gguf_path(m->g), c->n_heads, c->head_dim, c->n_kv_heads);
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
static vs_status read_rope_factors(importer *m, const vs_gguf_tensor *t, vs_error *err)
{
    vs_config *c = &m->config;
    vs_rope_scaling *s = &c->rope;
    float *divisor = vs_alloc(t->n, sizeof *divisor);
    bool same = t->n == c->head_dim / 2;

    if (!divisor) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", vs_gguf_path(m->g));
    vs_gguf_to_f32(divisor, t);
    *s = (vs_rope_scaling){VS_ROPE_LLAMA3, (double)divisor[t->n - 1], 1.0, 4.0, 8192};
    for (size_t i = 0; same && i < t->n; i++) {
        const double expected =
            vs_rope_frequency(&(vs_rope_scaling){0}, c->rope_theta, i, c->head_dim) /
            vs_rope_frequency(s, c->rope_theta, i, c->head_dim);
        same =
            fabs((double)divisor[i] - expected) <= 1e-4 * expected; /* they were computed in f32 */
    }
    free(divisor);
    if (same) return VS_OK;
    return VS_FAIL(
        err, VS_E_INPUT,
        "%s: tensor \"rope_freqs.weight\": found frequencies other than those of Llama 3 "
        "(low 1, high 4, original length 8192): not supported",
        vs_gguf_path(m->g));
}

static vs_status read_rope(importer *m, vs_error *err)
{
    const vs_family *f = vs_config_family(&m->config);
    const vs_gguf_tensor *factors = vs_gguf_tensor_find(m->g, "rope_freqs.weight");
    vs_config *c = &m->config;
    vs_gguf_text type = {"none", 4};
    char key[MAX_KEY];

    c->rope_theta = f->rope_theta;
    c->rope_local_theta = f->rope_local_theta;
    VS_TRY(opt_real(&c->rope_theta, m, "rope.freq_base", err));
    if (f->has_local_rope) VS_TRY(opt_real(&c->rope_local_theta, m, "rope.freq_base_swa", err));
    if (factors) return read_rope_factors(m, factors, err);
    VS_TRY(vs_gguf_opt_text(&type, m->g, arch_key(key, m, "rope.scaling.type"), err));
    if (type.len == 4 && memcmp(type.text, "none", 4) == 0) return VS_OK;
    if (type.len != 6 || memcmp(type.text, "linear", 6) != 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\": found \"%.*s\", expected \"none\" or \"linear\"",
                       vs_gguf_path(m->g), key, (int)(type.len < 100 ? type.len : 100), type.text);
    c->rope.type = VS_ROPE_LINEAR;
    c->rope.factor = 1.0;
    return opt_real(&c->rope.factor, m, "rope.scaling.factor", err);
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

static vs_status read_attention(importer *m, vs_error *err)
{
    vs_config *c = &m->config;
    const vs_family *f = vs_config_family(c);

    VS_TRY(read_rope(m, err));
    if (f->sliding == VS_SLIDING_PATTERN) {
        c->window = f->window;
        VS_TRY(opt_size(&c->window, m, "attention.sliding_window", VS_MAX_POSITIONS, err));
        for (size_t i = 0; i < c->n_layers; i++) c->is_sliding[i] = (i + 1) % f->pattern != 0;
    }
    c->query_scalar = query_scalar(c);
    if (f->has_softcaps) {
        c->attn_softcap = f->attn_softcap;
        c->final_softcap = f->final_softcap;
        VS_TRY(opt_real(&c->attn_softcap, m, "attn_logit_softcapping", err));
        VS_TRY(opt_real(&c->final_softcap, m, "final_logit_softcapping", err));
    }
    return VS_OK;
}

static vs_status read_special(importer *m, vs_error *err)
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

/* ---- tensors ---- */

/* model.layers.N.FROM becomes blk.N.TO. */
static const struct {
    const char *from, *to;
} layer_names[] = {
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
};

static void layer_name(char out[VS_TENSOR_NAME], const vs_config *c, const char *name)
{
    const bool has_post = vs_config_family(c)->has_post_norms;
    size_t layer = 0;
    int at = 0;
    const char *part, *end;

    (void)sscanf(name, "model.layers.%zu.%n", &layer, &at);
    part = name + at;
    end = strrchr(part, '.'); /* ".weight" or ".bias" */
    snprintf(out, VS_TENSOR_NAME, "blk.%zu.%s%s", layer,
             has_post ? "post_attention_norm" : "ffn_norm", end); /* post_attention_layernorm */
    for (size_t i = 0; i < sizeof layer_names / sizeof *layer_names; i++)
        if (strlen(layer_names[i].from) == (size_t)(end - part) &&
            memcmp(layer_names[i].from, part, (size_t)(end - part)) == 0)
            snprintf(out, VS_TENSOR_NAME, "blk.%zu.%s%s", layer, layer_names[i].to, end);
}

static void gguf_name(char out[VS_TENSOR_NAME], const vs_config *c, const char *name)
{
    if (strcmp(name, "model.embed_tokens.weight") == 0)
        snprintf(out, VS_TENSOR_NAME, "token_embd.weight");
    else if (strcmp(name, "model.norm.weight") == 0)
        snprintf(out, VS_TENSOR_NAME, "output_norm.weight");
    else if (strcmp(name, "lm_head.weight") == 0)
        snprintf(out, VS_TENSOR_NAME, "output.weight");
    else
        layer_name(out, c, name);
}

static vs_status find_tensor(const vs_gguf_tensor **out, const importer *m, const vs_tensor *t,
                             vs_error *err)
{
    char name[VS_TENSOR_NAME];
    const vs_gguf_tensor *found;

    gguf_name(name, &m->config, t->name);
    found = vs_gguf_tensor_find(m->g, name);
    if (!found)
        return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%s\" is missing (for %s)",
                       vs_gguf_path(m->g), name, t->name);
    if (found->n_dims != (t->is_vector ? 1 : 2) || found->dims[0] != t->cols ||
        (!t->is_vector && found->dims[1] != t->rows))
        return VS_FAIL(
            err, VS_E_FORMAT,
            "%s: tensor \"%s\": found %zu dimensions, %zu elements in a row, %zu in all; "
            "expected %zu rows of %zu",
            vs_gguf_path(m->g), name, found->n_dims, found->dims[0], found->n, t->rows, t->cols);
    *out = found;
    return VS_OK;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* Rows of each head come in the order 0, D/2, 1, D/2 + 1, ..: rotated pairs side by side. */
static void unrotate(float *out, const float *in, size_t rows, size_t cols, size_t head_dim)
{
    const size_t half = head_dim / 2;

    for (size_t r = 0; r < rows; r++) {
        const size_t head = r / head_dim, i = r % head_dim % half, second = r % head_dim / half;
        memcpy(out + r * cols, in + (head * head_dim + 2 * i + second) * cols, cols * sizeof *out);
    }
}

static vs_status fill_tensor(void *ctx, float *out, const vs_tensor *t, vs_error *err)
{
    const importer *m = ctx;
    const vs_config *c = &m->config;
    const vs_gguf_tensor *from;

    VS_TRY(find_tensor(&from, m, t, err));
    if (c->family == VS_LLAMA &&
        (ends_with(t->name, "q_proj.weight") || ends_with(t->name, "k_proj.weight"))) {
        vs_gguf_to_f32(m->block, from);
        unrotate(out, m->block, t->rows, t->cols, c->head_dim);
    } else {
        vs_gguf_to_f32(out, from);
    }
    if (vs_config_family(c)->norm_adds_one && ends_with(t->name, "norm.weight"))
        for (size_t i = 0; i < t->cols; i++) out[i] -= 1.0F;
    for (size_t i = 0; i < t->rows * t->cols; i++)
        if (!isfinite(out[i]))
            return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%s\": element %zu is not finite",
                           vs_gguf_path(m->g), from->name, i);
    return VS_OK;
}

/* Every tensor of the table is there; none of the file's is left over. */
static vs_status check_tensors(const importer *m, const vs_params *table, vs_error *err)
{
    const vs_gguf_tensor *found;
    size_t n_known = table->n_tensors;
    char name[VS_TENSOR_NAME];

    for (size_t i = 0; i < table->n_tensors; i++)
        VS_TRY(find_tensor(&found, m, &table->tensors[i], err));
    n_known += vs_gguf_tensor_find(m->g, "rope_freqs.weight") != NULL;
    if (n_known == vs_gguf_n_tensors(m->g)) return VS_OK;
    for (size_t i = 0; i < vs_gguf_n_tensors(m->g); i++) {
        bool is_known = strcmp(vs_gguf_tensor_at(m->g, i)->name, "rope_freqs.weight") == 0;
        for (size_t k = 0; !is_known && k < table->n_tensors; k++) {
            gguf_name(name, &m->config, table->tensors[k].name);
            is_known = strcmp(name, vs_gguf_tensor_at(m->g, i)->name) == 0;
        }
        if (!is_known)
            return VS_FAIL(err, VS_E_INPUT, "%s: tensor \"%s\" has no place in a %s model",
                           vs_gguf_path(m->g), vs_gguf_tensor_at(m->g, i)->name, m->arch);
    }
    return VS_FAIL(err, VS_E_FORMAT, "%s: a tensor comes twice", vs_gguf_path(m->g));
}

typedef struct progress_fill {
    importer *m;
    const vs_params *table;
    vs_gguf_progress *progress;
    void *ctx;
} progress_fill;

static vs_status fill_and_tell(void *ctx, float *out, const vs_tensor *t, vs_error *err)
{
    const progress_fill *p = ctx;

    if (p->progress) p->progress(p->ctx, (size_t)(t - p->table->tensors), p->table->n_tensors);
    return fill_tensor(p->m, out, t, err);
}

static vs_status write_folder(importer *m, const vs_params *table, const char *dir,
                              vs_gguf_progress *progress, void *ctx, vs_error *err)
{
    progress_fill fill = {m, table, progress, ctx};
    char *weights = vs_format("%s/model.safetensors", dir);
    vs_status st;

    if (!weights) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_dir_remove(dir, err)); /* what an interrupted import left */
    VS_CHECK(vs_dir_make(dir, err));
    VS_CHECK(vs_config_write(&m->config, dir, err));
    VS_CHECK(vs_gguf_write_tokenizer(m->g, dir, err));
    VS_CHECK(vs_safetensors_stream(weights, table, m->config.dtype, fill_and_tell, &fill, err));
done:
    free(weights);
    return st;
}

vs_status vs_gguf_import(const vs_gguf *g, const char *dir, vs_dtype dtype,
                         vs_gguf_progress *progress, void *ctx, vs_error *err)
{
    importer *m = vs_alloc(1, sizeof *m);
    char *partial = vs_format("%s.partial", dir);
    vs_params table = {0};
    size_t rows, cols;
    vs_status st;

    if (!m || !partial) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
        goto done;
    }
    m->g = g;
    m->config.dtype = dtype;
    VS_CHECK(find_architecture(m, err));
    VS_CHECK(read_sizes(m, err));
    VS_CHECK(read_attention(m, err));
    VS_CHECK(read_special(m, err));
    VS_CHECK(vs_weights_table(&table, &m->config, err));
    VS_CHECK(check_tensors(m, &table, err));
    vs_linear_shape(&rows, &cols, &m->config, VS_Q); /* the larger of q and k */
    m->block = vs_alloc(rows * cols, sizeof *m->block);
    if (!m->block) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
        goto done;
    }
    VS_CHECK(write_folder(m, &table, partial, progress, ctx, err));
    VS_CHECK(vs_dir_replace(dir, partial, err));
done:
    vs_params_close(&table);
    if (m) free(m->block);
    free(m);
    free(partial);
    return st;
}
