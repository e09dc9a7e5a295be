/* gguf_folder.c - a GGUF file as a Hugging Face folder: its tensors under the names and in the
 * layouts of transformers. Source: llama.cpp, gguf-py/gguf/constants.py for the names and
 * convert_hf_to_gguf.py for what it changes on the way (the order of Llama's q and k rows, Gemma's
 * norms as 1 + w). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/stop.h"
#include "engine/model/folder_impl.h"
#include "engine/model/gguf.h"
#include "engine/model/tokenizer.h"

typedef struct importer {
    const vs_gguf *g;
    vs_config config;
    const vs_params *table;
    vs_gguf_progress *progress; /* NULL: nobody asks */
    void *ctx;
    float *x;     /* the tensor being written: room for the largest */
    float *block; /* q's or k's rows before their order is changed */
} importer;

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

/* Rows of each head come in the order 0, D/2, 1, D/2 + 1, ..: rotated pairs side by side. */
static void unrotate(float *out, const float *in, size_t rows, size_t cols, size_t head_dim)
{
    const size_t half = head_dim / 2;

    for (size_t r = 0; r < rows; r++) {
        const size_t head = r / head_dim, i = r % head_dim % half, second = r % head_dim / half;
        memcpy(out + r * cols, in + (head * head_dim + 2 * i + second) * cols, cols * sizeof *out);
    }
}

static vs_status lend_tensor(void *ctx, const float **x, const vs_tensor *t, vs_error *err)
{
    const importer *m = ctx;
    const vs_config *c = &m->config;
    const vs_gguf_tensor *from;
    float *out = m->x;

    if (vs_stop_wanted())
        return VS_FAIL(err, VS_E_STOPPED, "%s: stopped, nothing was written", vs_gguf_path(m->g));
    if (m->progress) m->progress(m->ctx, (size_t)(t - m->table->tensors), m->table->n_tensors);
    VS_TRY(find_tensor(&from, m, t, err));
    if ((c->family == VS_LLAMA || c->family == VS_MISTRAL) &&
        (vs_name_ends(t->name, "q_proj.weight") || vs_name_ends(t->name, "k_proj.weight"))) {
        vs_gguf_to_f32(m->block, from);
        unrotate(out, m->block, t->rows, t->cols, c->head_dim);
    } else {
        vs_gguf_to_f32(out, from);
    }
    if (vs_config_family(c)->norm_adds_one && vs_name_ends(t->name, "norm.weight"))
        for (size_t i = 0; i < t->cols; i++) out[i] -= 1.0F;
    for (size_t i = 0; i < t->rows * t->cols; i++)
        if (!isfinite(out[i]))
            return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%s\": element %zu is not finite",
                           vs_gguf_path(m->g), from->name, i);
    *x = out;
    return VS_OK;
}

/* Every tensor of the table is there; none of the file's, which all differ, is left over. */
static vs_status check_tensors(const importer *m, vs_error *err)
{
    const vs_gguf_tensor *found;
    char name[VS_TENSOR_NAME];

    for (size_t k = 0; k < m->table->n_tensors; k++)
        VS_TRY(find_tensor(&found, m, &m->table->tensors[k], err));
    for (size_t i = 0; i < vs_gguf_n_tensors(m->g); i++) {
        const char *there = vs_gguf_tensor_at(m->g, i)->name;
        bool is_known = strcmp(there, "rope_freqs.weight") == 0;

        for (size_t k = 0; !is_known && k < m->table->n_tensors; k++) {
            gguf_name(name, &m->config, m->table->tensors[k].name);
            is_known = strcmp(name, there) == 0;
        }
        if (!is_known)
            return VS_FAIL(err, VS_E_INPUT, "%s: tensor \"%s\" has no place in a %s model",
                           vs_gguf_path(m->g), there, vs_config_family(&m->config)->model_type);
    }
    return VS_OK;
}

/* Room for the largest tensor, and for q and k apart. */
static vs_status open_buffers(importer *m, vs_error *err)
{
    size_t largest = 0, rows, cols;

    for (size_t i = 0; i < m->table->n_tensors; i++) {
        const size_t n = m->table->tensors[i].rows * m->table->tensors[i].cols;
        if (n > largest) largest = n;
    }
    vs_linear_shape(&rows, &cols, &m->config, VS_Q); /* the larger of q and k */
    m->x = vs_alloc(largest, sizeof *m->x);
    m->block = vs_alloc(rows * cols, sizeof *m->block);
    if (!m->x || !m->block)
        return VS_FAIL(err, VS_E_NOMEM, "%s: a tensor of %zu elements: out of memory",
                       vs_gguf_path(m->g), largest);
    return VS_OK;
}

/* generation_config.json: where sampling begins and ends. */
static vs_status write_generation(const importer *m, const char *dir, vs_error *err)
{
    const vs_config *c = &m->config;
    vs_buf b = {0};
    vs_status st;

    vs_buf_str(&b, "{\n");
    if (c->bos_id >= 0) vs_buf_printf(&b, "  \"bos_token_id\": %d,\n", (int)c->bos_id);
    vs_buf_str(&b, "  \"eos_token_id\": [");
    for (size_t i = 0; i < c->n_eos; i++)
        vs_buf_printf(&b, "%s%d", i ? ", " : "", (int)c->eos_ids[i]);
    vs_buf_str(&b, "]\n}\n");
    st = vs_folder_write(dir, "generation_config.json", &b, err);
    vs_buf_free(&b);
    return st;
}

/* What was written is read back as any folder is: a token without a row, or what the tokenizer or
 * the configuration cannot run, is found here and not later. */
static vs_status check_folder(const importer *m, const char *dir, vs_error *err)
{
    vs_config *c = vs_alloc(1, sizeof *c);
    vs_tokenizer *t = NULL;
    vs_status st;

    if (!c) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_config_read(c, dir, err));
    VS_CHECK(vs_tokenizer_open(&t, dir, err));
    if (vs_tokenizer_size(t) > c->n_vocab)
        st = VS_FAIL(err, VS_E_FORMAT, "%s: %zu tokens, but %zu rows of \"token_embd.weight\"",
                     vs_gguf_path(m->g), vs_tokenizer_size(t), c->n_vocab);
done:
    vs_tokenizer_close(t);
    free(c);
    return st;
}

static vs_status write_folder(importer *m, const char *dir, vs_error *err)
{
    char *weights = vs_format("%s/model.safetensors", dir);
    vs_status st;

    if (!weights) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_dir_remove(dir, err)); /* what an interrupted import left */
    VS_CHECK(vs_dir_make(dir, err));
    VS_CHECK(vs_config_write(&m->config, dir, err));
    VS_CHECK(write_generation(m, dir, err));
    VS_CHECK(vs_gguf_write_tokenizer(m->g, dir, err));
    VS_CHECK(check_folder(m, dir, err));
    VS_CHECK(vs_safetensors_stream(weights, m->table, m->config.dtype, lend_tensor, m, err));
done:
    free(weights);
    return st;
}

vs_status vs_gguf_import(const vs_gguf *g, const char *dir, vs_dtype dtype,
                         vs_gguf_progress *progress, void *ctx, vs_error *err)
{
    importer *m = vs_alloc(1, sizeof *m);
    size_t len = strlen(dir);
    char *partial;
    vs_params table = {0};
    vs_status st;

    while (len > 1 && dir[len - 1] == '/') len--;
    partial = vs_format("%.*s" VS_PARTIAL, (int)len, dir);
    if (!m || !partial) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
        goto done;
    }
    *m = (importer){.g = g, .table = &table, .progress = progress, .ctx = ctx};
    VS_CHECK(vs_gguf_config(&m->config, g, err));
    m->config.dtype = dtype;
    VS_CHECK(vs_weights_table(&table, &m->config, err));
    VS_CHECK(check_tensors(m, err));
    VS_CHECK(open_buffers(m, err));
    st = write_folder(m, partial, err);
    if (st == VS_OK) st = vs_dir_replace(dir, partial, err);
    if (st != VS_OK) (void)!vs_dir_remove(partial, NULL);
done:
    vs_params_close(&table);
    if (m) {
        free(m->x);
        free(m->block);
    }
    free(m);
    free(partial);
    return st;
}
