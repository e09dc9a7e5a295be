#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

/* Keys: PEFT, peft/tuners/lora/config.py (LoraConfig); tensor names: peft/utils/save_and_load.py.
 */

/* base_model.model.model.layers.LAYER.self_attn.q_proj.lora_A.weight; matrix: 'A' or 'B' */
static void lora_name(char name[VS_TENSOR_NAME], size_t layer, vs_linear which, char matrix)
{
    snprintf(name, VS_TENSOR_NAME, "base_model.model.model.layers.%zu.%s.%s.lora_%c.weight", layer,
             which <= VS_O ? "self_attn" : "mlp", vs_linear_name[which], matrix);
}

static vs_status add_pair(vs_params *p, const vs_config *c, size_t rank, size_t layer,
                          vs_linear which, vs_error *err)
{
    char name[VS_TENSOR_NAME];
    size_t rows, cols;

    vs_linear_shape(&rows, &cols, c, which);
    lora_name(name, layer, which, 'A');
    VS_TRY(vs_params_add(p, name, rank, cols, false, err));
    lora_name(name, layer, which, 'B');
    return vs_params_add(p, name, rows, rank, false, err);
}

vs_status vs_lora_table(vs_params *out, const vs_config *c, const vs_lora_config *l, vs_error *err)
{
    vs_status st = VS_OK;
    vs_params p = {0};

    if (l->rank == 0 || l->rank > VS_MAX_WIDTH)
        return VS_FAIL(err, VS_E_INPUT, "LoRA rank: found %zu, expected 1 to %d", l->rank,
                       VS_MAX_WIDTH);
    if (l->targets == 0 || l->targets >> VS_N_LINEAR)
        return VS_FAIL(err, VS_E_INPUT, "LoRA targets: found bits %#x, expected some of %#x",
                       l->targets, (1u << VS_N_LINEAR) - 1);
    for (size_t i = 0; i < c->n_layers; i++)
        for (int which = 0; which < VS_N_LINEAR; which++)
            if (l->targets >> which & 1u)
                VS_CHECK(add_pair(&p, c, l->rank, i, (vs_linear)which, err));
    *out = p;
    p = (vs_params){0};
done:
    vs_params_close(&p);
    return st;
}

/* Whether a value asks for nothing: missing, null, false, "", [] or {}. */
static bool is_off(const json_t *value)
{
    if (json_is_string(value)) return json_string_length(value) == 0;
    if (json_is_array(value)) return json_array_size(value) == 0;
    if (json_is_object(value)) return json_object_size(value) == 0;
    return !value || json_is_null(value) || json_is_false(value);
}

/* Variants of LoRA that change what the tensors mean, or that bring others. */
static vs_status check_off(const json_t *o, const char *where, vs_error *err)
{
    static const char *const keys[] = {
        "use_dora",
        "use_rslora",
        "use_qalora",
        "lora_bias",
        "fan_in_fan_out",
        "modules_to_save",
        "rank_pattern",
        "alpha_pattern",
        "layers_pattern",
        "layer_replication",
        "layers_to_transform",
        "target_parameters",
        "exclude_modules",
        "trainable_token_indices",
        "alora_invocation_tokens",
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *value = json_object_get(o, keys[i]);
        if (!is_off(value))
            return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found %s, expected none (not supported)",
                           where, keys[i], vs_json_kind(value));
    }
    return VS_OK;
}

/* The string must be expected; missing or null is allowed unless is_needed. */
static vs_status check_string(const json_t *o, const char *key, const char *expected,
                              bool is_needed, const char *where, vs_error *err)
{
    const char *found = expected;

    if (is_needed)
        VS_TRY(vs_json_get_str(&found, o, key, where, err));
    else
        VS_TRY(vs_json_opt_str(&found, o, key, where, err));
    if (strcmp(found, expected) != 0)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found \"%.100s\", expected \"%s\"", where, key,
                       found, expected);
    return VS_OK;
}

/* Initialisations such as PiSSA and LoftQ alter the base as well, so that their adapter means
 * nothing over the plain one. */
static vs_status check_kind(const json_t *o, const char *where, vs_error *err)
{
    const json_t *init = json_object_get(o, "init_lora_weights");

    VS_TRY(check_string(o, "peft_type", "LORA", true, where, err));
    VS_TRY(check_string(o, "task_type", "CAUSAL_LM", false, where, err));
    VS_TRY(check_string(o, "bias", "none", false, where, err));
    VS_TRY(check_off(o, where, err));
    if (init && !json_is_boolean(init))
        VS_TRY(check_string(o, "init_lora_weights", "gaussian", false, where, err));
    return VS_OK;
}

static vs_status target_bit(unsigned *targets, const json_t *value, const char *where,
                            vs_error *err)
{
    const char *name = json_string_value(value);

    for (int which = 0; name && which < VS_N_LINEAR; which++)
        if (strcmp(name, vs_linear_name[which]) == 0) {
            *targets |= 1u << which;
            return VS_OK;
        }
    return VS_FAIL(
        err, VS_E_INPUT,
        "%s: \"target_modules\": found %.100s, expected q_proj, k_proj, v_proj, o_proj, gate_proj, "
        "up_proj or down_proj",
        where, name ? name : vs_json_kind(value));
}

static vs_status read_targets(vs_lora_config *l, const json_t *o, const char *where, vs_error *err)
{
    const json_t *value = json_object_get(o, "target_modules");

    if (json_is_string(value) && strcmp(json_string_value(value), "all-linear") == 0) {
        l->targets = (1u << VS_N_LINEAR) - 1;
        return VS_OK;
    }
    if (json_array_size(value) == 0)
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: \"target_modules\": found %s, expected a list of module names or \"all-linear\"",
            where, vs_json_kind(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        VS_TRY(target_bit(&l->targets, json_array_get(value, i), where, err));
    return VS_OK;
}

static vs_status read_lora_config(vs_lora_config *l, const char *dir, vs_error *err)
{
    vs_status st;
    json_t *o = NULL;
    char *path = NULL;

    VS_CHECK(vs_folder_json(&o, &path, dir, "adapter_config.json", VS_MAX_CONFIG_BYTES, err));
    VS_CHECK(check_kind(o, path, err));
    VS_CHECK(vs_json_get_size(&l->rank, o, "r", 1, VS_MAX_WIDTH, path, err));
    VS_CHECK(vs_json_get_num(&l->alpha, o, "lora_alpha", path, err));
    st = read_targets(l, o, path, err);
done:
    json_decref(o);
    free(path);
    return st;
}

vs_status vs_lora_read(vs_params *out, vs_lora_config *l, const vs_config *c, const char *dir,
                       vs_error *err)
{
    vs_status st;
    vs_lora_config config = {0};
    vs_params p = {0};
    vs_tensor_files files = {0};
    size_t index;

    VS_CHECK(read_lora_config(&config, dir, err));
    VS_CHECK(vs_tensor_files_add(&index, &files, dir, "adapter_model.safetensors", err));
    VS_CHECK(vs_lora_table(&p, c, &config, err));
    VS_CHECK(vs_tensor_files_load(&p, &files, NULL, files.paths[0], err));
    *out = p;
    *l = config;
    p = (vs_params){0};
done:
    vs_params_close(&p);
    vs_tensor_files_close(&files);
    return st;
}

/* The keys that PEFT writes, sorted; what only steers training has PEFT's defaults. */
static void add_lora_config(vs_buf *b, const vs_lora_config *l, const char *base_name)
{
    char alpha[VS_REAL_CHARS];
    bool is_first = true;

    if (l->alpha == floor(l->alpha) && fabs(l->alpha) < 1e9)
        snprintf(alpha, sizeof alpha, "%.0f", l->alpha); /* PEFT's type is int */
    else
        vs_real_text(alpha, l->alpha);
    vs_buf_str(
        b,
        "{\n  \"alpha_pattern\": {},\n  \"auto_mapping\": null,\n  \"base_model_name_or_path\": ");
    if (base_name)
        vs_buf_json_str(b, base_name, strlen(base_name));
    else
        vs_buf_str(b, "null");
    vs_buf_str(
        b, ",\n  \"bias\": \"none\",\n  \"fan_in_fan_out\": false,\n  \"inference_mode\": true,\n"
           "  \"init_lora_weights\": true,\n  \"layers_pattern\": null,\n  "
           "\"layers_to_transform\": null,\n");
    vs_buf_printf(b,
                  "  \"lora_alpha\": %s,\n  \"lora_dropout\": 0.0,\n  \"modules_to_save\": null,\n",
                  alpha);
    vs_buf_printf(b, "  \"peft_type\": \"LORA\",\n  \"r\": %zu,\n  \"rank_pattern\": {},\n",
                  l->rank);
    vs_buf_str(b, "  \"revision\": null,\n  \"target_modules\": [");
    for (int which = 0; which < VS_N_LINEAR; which++) {
        if (!(l->targets >> which & 1u)) continue;
        vs_buf_printf(b, "%s\"%s\"", is_first ? "" : ", ", vs_linear_name[which]);
        is_first = false;
    }
    vs_buf_str(b, "],\n  \"task_type\": \"CAUSAL_LM\",\n  \"use_dora\": false,\n  \"use_rslora\": "
                  "false\n}\n");
}

vs_status vs_lora_write(const vs_params *p, const vs_lora_config *l, const char *base_name,
                        const char *dir, vs_error *err)
{
    vs_status st;
    vs_buf text = {0};
    char *path = vs_format("%s/adapter_model.safetensors", dir);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_dir_make(dir, err));
    VS_CHECK(vs_safetensors_write(path, p, VS_F32, err));
    add_lora_config(&text, l, base_name);
    st = vs_folder_write(dir, "adapter_config.json", &text, err);
done:
    vs_buf_free(&text);
    free(path);
    return st;
}

/* merge_one - W += scale * B A
 *
 *   w[o][i] = f32( w[o][i] + scale * sum_r b[o][r] * a[r][i] )     arXiv:2106.09685, section 4.1
 *
 *   w [rows][cols], b [rows][rank], a [rank][cols]: f32, contiguous. Sums in double, r ascending.
 */
static void merge_one(float *w, const float *b, const float *a, size_t rows, size_t cols,
                      size_t rank, double scale)
{
    enum { BLOCK = 128 };
    double sum[BLOCK];

    for (size_t o = 0; o < rows; o++)
        for (size_t at = 0; at < cols; at += BLOCK) {
            const size_t n = cols - at < BLOCK ? cols - at : BLOCK;
            memset(sum, 0, sizeof sum);
            for (size_t r = 0; r < rank; r++)
                for (size_t i = 0; i < n; i++)
                    sum[i] += (double)b[o * rank + r] * (double)a[r * cols + at + i];
            for (size_t i = 0; i < n; i++) {
                float *element = &w[o * cols + at + i];
                *element = (float)((double)*element + scale * sum[i]);
            }
        }
}

void vs_lora_merge(vs_params *weights, const vs_params *lora, const vs_lora_config *l,
                   const vs_config *c)
{
    const double scale = l->alpha / (double)l->rank;
    char name[VS_TENSOR_NAME];

    for (size_t layer = 0; layer < c->n_layers; layer++)
        for (int which = 0; which < VS_N_LINEAR; which++) {
            const vs_tensor *w, *a, *b;

            if (!(l->targets >> which & 1u)) continue;
            vs_linear_full_name(name, layer, (vs_linear)which);
            w = vs_params_find(weights, name);
            lora_name(name, layer, (vs_linear)which, 'A');
            a = vs_params_find(lora, name);
            lora_name(name, layer, (vs_linear)which, 'B');
            b = vs_params_find(lora, name);
            assert(w && a && b); /* the tables were made for this configuration */
            merge_one(weights->data + w->offset, lora->data + b->offset, lora->data + a->offset,
                      w->rows, w->cols, l->rank, scale);
        }
}

bool vs_is_adapter(const char *dir)
{
    char *path = vs_format("%s/adapter_config.json", dir);
    const bool found = path && vs_file_exists(path);

    free(path);
    return found;
}
