#include "engine/model/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

enum { MAX_INDEX_BYTES = 1 << 24, MAX_SHARDS = 1024, MAX_INDEX_ENTRIES = 1 << 16 };

static const char vision_prefix[] = "vision_tower.", projector_prefix[] = "multi_modal_projector.";
static const char embed_name[] = "model.embed_tokens.weight", head_name[] = "lm_head.weight";

const char *const vs_linear_name[VS_N_LINEAR] = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                                 "gate_proj", "up_proj", "down_proj"};

void vs_linear_shape(size_t *rows, size_t *cols, const vs_config *c, vs_linear which)
{
    const size_t q_width = c->n_heads * c->head_dim, kv_width = c->n_kv_heads * c->head_dim;

    *cols = c->n_embd;
    switch (which) {
    case VS_Q:
        *rows = q_width;
        break;
    case VS_K:
    case VS_V:
        *rows = kv_width;
        break;
    case VS_GATE:
    case VS_UP:
        *rows = c->n_ffn;
        break;
    case VS_O:
        *rows = c->n_embd;
        *cols = q_width;
        break;
    case VS_DOWN:
    case VS_N_LINEAR:
        *rows = c->n_embd;
        *cols = c->n_ffn;
        break;
    }
}

/* A vector of the layer; name with its ending: "input_layernorm.weight". */
static vs_status add_vector(vs_params *p, size_t layer, const char *name, size_t n, vs_error *err)
{
    char full[VS_TENSOR_NAME];

    snprintf(full, sizeof full, "model.layers.%zu.%s", layer, name);
    return vs_params_add(p, full, 1, n, true, err);
}

static vs_status add_linear(vs_params *p, const vs_config *c, size_t layer, vs_linear which,
                            vs_error *err)
{
    char full[VS_TENSOR_NAME];
    size_t rows, cols;

    vs_linear_shape(&rows, &cols, c, which);
    vs_linear_full_name(full, layer, which, "weight");
    return vs_params_add(p, full, rows, cols, false, err);
}

void vs_linear_module(char name[VS_TENSOR_NAME], size_t layer, vs_linear which)
{
    snprintf(name, VS_TENSOR_NAME, "model.layers.%zu.%s.%s", layer,
             which <= VS_O ? "self_attn" : "mlp", vs_linear_name[which]);
}

void vs_linear_full_name(char name[VS_TENSOR_NAME], size_t layer, vs_linear which, const char *what)
{
    vs_linear_module(name, layer, which);
    snprintf(name + strlen(name), VS_TENSOR_NAME - strlen(name), ".%s", what);
}

static vs_status add_attention(vs_params *p, const vs_config *c, size_t layer, vs_error *err)
{
    const vs_family *f = vs_config_family(c);

    for (int which = VS_Q; which <= VS_O; which++)
        VS_TRY(add_linear(p, c, layer, (vs_linear)which, err));
    if (f->has_qkv_bias) {
        const size_t kv = c->n_kv_heads * c->head_dim;
        VS_TRY(add_vector(p, layer, "self_attn.q_proj.bias", c->n_heads * c->head_dim, err));
        VS_TRY(add_vector(p, layer, "self_attn.k_proj.bias", kv, err));
        VS_TRY(add_vector(p, layer, "self_attn.v_proj.bias", kv, err));
    }
    if (f->has_qk_norm) {
        VS_TRY(add_vector(p, layer, "self_attn.q_norm.weight", c->head_dim, err));
        VS_TRY(add_vector(p, layer, "self_attn.k_norm.weight", c->head_dim, err));
    }
    return VS_OK;
}

static vs_status add_layer(vs_params *p, const vs_config *c, size_t layer, vs_error *err)
{
    VS_TRY(add_vector(p, layer, "input_layernorm.weight", c->n_embd, err));
    VS_TRY(add_attention(p, c, layer, err));
    VS_TRY(add_vector(p, layer, "post_attention_layernorm.weight", c->n_embd, err));
    if (vs_config_family(c)->has_post_norms) {
        VS_TRY(add_vector(p, layer, "pre_feedforward_layernorm.weight", c->n_embd, err));
        VS_TRY(add_vector(p, layer, "post_feedforward_layernorm.weight", c->n_embd, err));
    }
    for (int which = VS_GATE; which <= VS_DOWN; which++)
        VS_TRY(add_linear(p, c, layer, (vs_linear)which, err));
    return VS_OK;
}

vs_status vs_weights_table(vs_params *out, const vs_config *c, vs_error *err)
{
    vs_status st;
    vs_params p = {0};

    VS_CHECK(vs_params_add(&p, embed_name, c->n_vocab, c->n_embd, false, err));
    for (size_t i = 0; i < c->n_layers; i++) VS_CHECK(add_layer(&p, c, i, err));
    VS_CHECK(vs_params_add(&p, "model.norm.weight", 1, c->n_embd, true, err));
    if (!c->is_tied) VS_CHECK(vs_params_add(&p, head_name, c->n_vocab, c->n_embd, false, err));
    if (c->has_value) {
        VS_CHECK(vs_params_add(&p, "score.weight", 1, c->n_embd, false, err));
        VS_CHECK(vs_params_add(&p, "score.bias", 1, 1, true, err));
    }
    *out = p;
    p = (vs_params){0};
done:
    vs_params_close(&p);
    return st;
}

/* Buffers that older writers left in (they follow from rope_theta), and an output head beside tied
 * embeddings when it is their copy. */
static bool skip_tensor(const vs_tensor_files *f, const vs_st_tensor *t, const vs_params *p)
{
    const vs_st_tensor *embed;

    if (vs_name_ends(t->name, ".rotary_emb.inv_freq")) return true;
    if (strcmp(t->name, head_name) != 0 || vs_params_find(p, head_name)) return false;
    embed = vs_tensor_files_find(NULL, f, embed_name);
    return embed && strcmp(embed->dtype, t->dtype) == 0 && embed->n_bytes == t->n_bytes &&
           memcmp(embed->data, t->data, t->n_bytes) == 0;
}

/* Beside a text part: what sees the images as well. */
static bool skip_vision(const vs_tensor_files *f, const vs_st_tensor *t, const vs_params *p)
{
    return strncmp(t->name, vision_prefix, sizeof vision_prefix - 1) == 0 ||
           strncmp(t->name, projector_prefix, sizeof projector_prefix - 1) == 0 ||
           skip_tensor(f, t, p);
}

/* The text part's tensors by the names of a text model, as Gemma 3 is published and as transformers 5 writes it; what sees
 * images by one name each. */
static vs_status take_text_names(vs_tensor_files *f, vs_error *err)
{
    static const struct {
        const char *from, *to;
    } names[] = {{"language_model.", ""},
                 {"model.language_model.", "model."},
                 {"model.vision_tower.", vision_prefix},
                 {"model.multi_modal_projector.", projector_prefix}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        VS_TRY(vs_tensor_files_rename(f, names[i].from, names[i].to, err));
    return VS_OK;
}

/* A shard's name comes from a file and must stay inside the folder. */
static bool is_plain_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/');
}

static vs_status add_shard(vs_tensor_files *f, const vs_config *c, const char *tensor,
                           const json_t *value, const char *dir, const char *index_path,
                           vs_error *err)
{
    const char *file = json_string_value(value);
    size_t index = 0;

    if (!file || !is_plain_name(file))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"weight_map\": \"%.120s\": found %.120s, expected a file's plain name",
                       index_path, tensor, file ? file : vs_json_kind(value));
    VS_TRY(vs_tensor_files_add(&index, f, dir, file, err));
    if (f->n > MAX_SHARDS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more files than the limit of %d", index_path,
                       MAX_SHARDS);
    if (c->is_tied && strcmp(tensor, head_name) == 0) return VS_OK; /* listed, and in no shard */
    if (!vs_safetensors_find(f->files[index], tensor))
        return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%.120s\" is missing, expected by %s",
                       f->paths[index], tensor, index_path);
    return VS_OK;
}

/* model.safetensors.index.json: {"weight_map": {tensor: file}, ..}. */
static vs_status open_shards(vs_tensor_files *f, const vs_config *c, char **index_path,
                             const char *dir, vs_error *err)
{
    vs_status st;
    json_t *index = NULL, *map, *value;
    const char *tensor;

    VS_CHECK(vs_folder_json(&index, index_path, dir, "model.safetensors.index.json",
                            MAX_INDEX_BYTES, err));
    map = json_object_get(index, "weight_map");
    if (json_object_size(map) == 0 || json_object_size(map) > MAX_INDEX_ENTRIES) {
        st = VS_FAIL(err, VS_E_FORMAT,
                     "%s: \"weight_map\": found %s of %zu members, expected an object of 1 to %d",
                     *index_path, vs_json_kind(map), json_object_size(map), MAX_INDEX_ENTRIES);
        goto done;
    }
    json_object_foreach(map, tensor, value)
        VS_CHECK(add_shard(f, c, tensor, value, dir, *index_path, err));
done:
    json_decref(index);
    return st;
}

/* One file where there is one, else the shards, as transformers chooses. *where: malloc'd, names
 * the whole. */
static vs_status open_weights(vs_tensor_files *f, const vs_config *c, char **where, const char *dir,
                              vs_error *err)
{
    size_t index;
    bool is_sharded, is_whole;
    char *index_path = vs_format("%s/model.safetensors.index.json", dir);

    *where = vs_format("%s/model.safetensors", dir);
    is_whole = *where && vs_file_exists(*where);
    is_sharded = !is_whole && index_path && vs_file_exists(index_path);
    if (!*where || !index_path) {
        free(index_path);
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    }
    free(index_path);
    if (is_whole) return vs_tensor_files_add(&index, f, dir, "model.safetensors", err);
    if (!is_sharded) return vs_weights_missing(dir, err);
    free(*where);
    *where = NULL;
    return open_shards(f, c, where, dir, err);
}

vs_status vs_weights_open(vs_tensor_files *out, const vs_config *c, const char *dir, vs_error *err)
{
    vs_status st;
    vs_params table = {0};
    vs_tensor_files files = {0};
    char *where = NULL;

    VS_CHECK(open_weights(&files, c, &where, dir, err));
    if (c->is_text_part) VS_CHECK(take_text_names(&files, err));
    VS_CHECK(vs_weights_table(&table, c, err));
    VS_CHECK(vs_tensor_files_check(&table, &files, c->is_text_part ? skip_vision : skip_tensor,
                                   where, err));
    *out = files;
    files = (vs_tensor_files){0};
done:
    vs_params_close(&table);
    vs_tensor_files_close(&files);
    free(where);
    return st;
}

vs_status vs_weights_describe(vs_params *out, const vs_config *c, const char *dir, vs_error *err)
{
    vs_tensor_files files;

    VS_TRY(vs_weights_open(&files, c, dir, err));
    vs_tensor_files_close(&files);
    return vs_weights_table(out, c, err);
}

vs_status vs_weights_read(vs_params *out, const vs_config *c, const char *dir, vs_error *err)
{
    vs_status st;
    vs_params p = {0};
    vs_tensor_files files = {0};

    VS_TRY(vs_weights_open(&files, c, dir, err));
    VS_CHECK(vs_weights_table(&p, c, err));
    VS_CHECK(vs_tensor_files_load(&p, &files, err));
    *out = p;
    p = (vs_params){0};
done:
    vs_params_close(&p);
    vs_tensor_files_close(&files);
    return st;
}

/* What AutoTokenizer reads, and how the model is meant to be sampled. */
static const char *const companions[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
};

vs_status vs_companions_copy(const char *to_dir, const char *from_dir, vs_error *err)
{
    vs_status st = VS_OK;

    for (size_t i = 0; st == VS_OK && i < sizeof companions / sizeof *companions; i++) {
        char *from = vs_format("%s/%s", from_dir, companions[i]);
        char *to = vs_format("%s/%s", to_dir, companions[i]);

        if (!from || !to)
            st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", to_dir);
        else if (vs_file_exists(from))
            st = vs_file_copy(to, from, err);
        free(from);
        free(to);
    }
    return st;
}

vs_status vs_weights_write(const vs_params *p, const vs_config *c, const char *dir,
                           const char *tokenizer_dir, vs_error *err)
{
    vs_status st;
    char *path = vs_format("%s/model.safetensors", dir);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_dir_make(dir, err));
    if (tokenizer_dir) VS_CHECK(vs_companions_copy(dir, tokenizer_dir, err));
    VS_CHECK(vs_safetensors_write(path, p, c->dtype, err));
    st = vs_config_write(c, dir, err);
done:
    free(path);
    return st;
}
