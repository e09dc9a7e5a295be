#include "engine/model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "engine/model/folder_impl.h"

/* Keys and defaults: transformers, models/llama/configuration_llama.py (LlamaConfig). */
enum { DEFAULT_POSITIONS = 2048, DEFAULT_BOS = 1, DEFAULT_EOS = 2 };
static const double default_theta = 10000.0, default_eps = 1e-6;

/* The key must be missing, null, or that string. */
static vs_status only_string(const json_t *o, const char *key, const char *expected,
                             const char *where, vs_error *err)
{
    const char *found = expected;

    VS_TRY(vs_json_opt_str(&found, o, key, where, err));
    if (strcmp(found, expected) != 0)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found \"%.100s\", expected \"%s\"", where, key,
                       found, expected);
    return VS_OK;
}

static vs_status only_false(const json_t *o, const char *key, const char *where, vs_error *err)
{
    bool found = false;

    VS_TRY(vs_json_opt_bool(&found, o, key, where, err));
    if (found)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found true, expected false (not supported)",
                       where, key);
    return VS_OK;
}

/* What is refused by name: another architecture, and everything that changes the computation. */
static vs_status check_kind(const json_t *o, const char *where, vs_error *err)
{
    const json_t *architectures = json_object_get(o, "architectures");
    const json_t *quantization = json_object_get(o, "quantization_config");
    const char *type;

    VS_TRY(vs_json_get_str(&type, o, "model_type", where, err));
    VS_TRY(only_string(o, "model_type", "llama", where, err));
    if (json_array_size(architectures) > 0) {
        const char *name = json_string_value(json_array_get(architectures, 0));
        if (!name || strcmp(name, "LlamaForCausalLM") != 0)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: \"architectures\": found \"%.100s\", expected \"LlamaForCausalLM\"",
                           where, name ? name : vs_json_kind(json_array_get(architectures, 0)));
    }
    VS_TRY(only_string(o, "hidden_act", "silu", where, err));
    VS_TRY(only_false(o, "attention_bias", where, err));
    VS_TRY(only_false(o, "mlp_bias", where, err));
    if (quantization && !json_is_null(quantization))
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"quantization_config\": found %s, expected none (not supported)",
                       where, vs_json_kind(quantization));
    return VS_OK;
}

/* A number in (low, high]; missing or null leaves *out. */
static vs_status opt_range(double *out, const json_t *o, const char *key, double low, double high,
                           const char *where, vs_error *err)
{
    double x = *out;

    VS_TRY(vs_json_opt_num(&x, o, key, where, err));
    if (!(x > low && x <= high))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"%s\": found %g, expected a number above %g and at most %g", where,
                       key, x, low, high);
    *out = x;
    return VS_OK;
}

static vs_status read_sizes(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const size_t width = VS_MAX_WIDTH;

    c->n_positions = DEFAULT_POSITIONS;
    c->rms_eps = default_eps;
    VS_TRY(vs_json_get_size(&c->n_layers, o, "num_hidden_layers", 1, VS_MAX_LAYERS, where, err));
    VS_TRY(vs_json_get_size(&c->n_embd, o, "hidden_size", 1, width, where, err));
    VS_TRY(vs_json_get_size(&c->n_ffn, o, "intermediate_size", 1, width, where, err));
    VS_TRY(vs_json_get_size(&c->n_vocab, o, "vocab_size", 1, VS_MAX_VOCAB, where, err));
    VS_TRY(vs_json_opt_size(&c->n_positions, o, "max_position_embeddings", 1, VS_MAX_POSITIONS,
                            where, err));
    VS_TRY(opt_range(&c->rms_eps, o, "rms_norm_eps", 0.0, 1.0, where, err));
    return vs_json_opt_bool(&c->is_tied, o, "tie_word_embeddings", where, err);
}

static vs_status read_heads(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const size_t width = VS_MAX_WIDTH;

    VS_TRY(vs_json_get_size(&c->n_heads, o, "num_attention_heads", 1, width, where, err));
    c->n_kv_heads = c->n_heads;
    VS_TRY(vs_json_opt_size(&c->n_kv_heads, o, "num_key_value_heads", 1, width, where, err));
    VS_TRY(vs_json_opt_size(&c->head_dim, o, "head_dim", 1, width, where, err));
    if (c->head_dim == 0 && c->n_embd % c->n_heads != 0)
        return VS_FAIL(
            err, VS_E_FORMAT,
            "%s: \"hidden_size\": found %zu, expected a multiple of \"num_attention_heads\" %zu "
            "or a \"head_dim\"",
            where, c->n_embd, c->n_heads);
    if (c->head_dim == 0) c->head_dim = c->n_embd / c->n_heads;
    if (c->head_dim % 2 != 0)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"head_dim\": found %zu, expected an even number",
                       where, c->head_dim);
    if (c->n_heads % c->n_kv_heads != 0)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"num_key_value_heads\": found %zu, expected a divisor of "
                       "\"num_attention_heads\" %zu",
                       where, c->n_kv_heads, c->n_heads);
    if (c->head_dim > width / c->n_heads)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%s: %zu heads of \"head_dim\" %zu: wider than the limit of %zu", where,
                       c->n_heads, c->head_dim, width);
    return VS_OK;
}

/* rope_scaling or rope_parameters: null, or an object that asks for nothing. */
static vs_status check_rope(const json_t *o, const char *key, const char *where, vs_error *err)
{
    const json_t *rope = json_object_get(o, key);
    const char *type = "default";
    double rotary = 1.0;

    if (!rope || json_is_null(rope)) return VS_OK;
    if (!json_is_object(rope))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected an object or null", where,
                       key, vs_json_kind(rope));
    VS_TRY(vs_json_opt_str(&type, rope, "type", where, err)); /* before transformers 4.43 */
    VS_TRY(vs_json_opt_str(&type, rope, "rope_type", where, err));
    if (strcmp(type, "default") != 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\": found type \"%.100s\", expected \"default\" or null", where,
                       key, type);
    VS_TRY(vs_json_opt_num(&rotary, rope, "partial_rotary_factor", where, err));
    if (rotary != 1.0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\": found \"partial_rotary_factor\" %g, expected 1", where, key,
                       rotary);
    return VS_OK;
}

static vs_status read_rope(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const json_t *parameters = json_object_get(o, "rope_parameters");
    const double high = 1e12;

    c->rope_theta = default_theta;
    VS_TRY(check_rope(o, "rope_scaling", where, err));
    VS_TRY(check_rope(o, "rope_parameters", where, err));
    VS_TRY(opt_range(&c->rope_theta, o, "rope_theta", 0.0, high, where, err));
    if (json_is_object(parameters)) /* transformers 5 keeps it there */
        VS_TRY(opt_range(&c->rope_theta, parameters, "rope_theta", 0.0, high, where, err));
    return VS_OK;
}

static vs_status read_id(int32_t *out, const json_t *value, const char *key, size_t n_vocab,
                         const char *where, vs_error *err)
{
    json_int_t id;

    if (!json_is_integer(value))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a token id", where, key,
                       vs_json_kind(value));
    id = json_integer_value(value);
    if (id < 0 || (size_t)id >= n_vocab)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"%s\": found id %lld, expected 0 to %zu (\"vocab_size\" less one)",
                       where, key, (long long)id, n_vocab - 1);
    *out = (int32_t)id;
    return VS_OK;
}

static vs_status read_eos(vs_config *c, const json_t *eos, const char *where, vs_error *err)
{
    if (!json_is_array(eos)) {
        VS_TRY(read_id(&c->eos_ids[0], eos, "eos_token_id", c->n_vocab, where, err));
        c->n_eos = 1;
        return VS_OK;
    }
    if (json_array_size(eos) > VS_MAX_EOS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: \"eos_token_id\": found %zu ids, the limit is %d",
                       where, json_array_size(eos), VS_MAX_EOS);
    for (size_t i = 0; i < json_array_size(eos); i++)
        VS_TRY(read_id(&c->eos_ids[i], json_array_get(eos, i), "eos_token_id", c->n_vocab, where,
                       err));
    c->n_eos = json_array_size(eos);
    return VS_OK;
}

/* A missing key means LlamaConfig's own 1 and 2, where the vocabulary has them; null means none. */
static vs_status read_special(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const json_t *bos = json_object_get(o, "bos_token_id"),
                 *eos = json_object_get(o, "eos_token_id");

    c->bos_id = -1;
    if (!bos && c->n_vocab > DEFAULT_BOS) c->bos_id = DEFAULT_BOS;
    if (!eos && c->n_vocab > DEFAULT_EOS) c->eos_ids[c->n_eos++] = DEFAULT_EOS;
    if (bos && !json_is_null(bos))
        VS_TRY(read_id(&c->bos_id, bos, "bos_token_id", c->n_vocab, where, err));
    if (eos && !json_is_null(eos)) VS_TRY(read_eos(c, eos, where, err));
    return VS_OK;
}

/* float16 becomes f32, which holds it exactly: there is no f16 writer. */
static vs_status read_dtype(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const char *name = "float32", *key = "torch_dtype";
    const json_t *newer = json_object_get(o, "dtype");

    if (newer && !json_is_null(newer)) key = "dtype"; /* since transformers 4.56 */
    VS_TRY(vs_json_opt_str(&name, o, key, where, err));
    if (strcmp(name, "bfloat16") == 0) {
        c->dtype = VS_BF16;
    } else if (strcmp(name, "float32") == 0 || strcmp(name, "float16") == 0) {
        c->dtype = VS_F32;
    } else {
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\": found \"%.100s\", expected float32, bfloat16 or float16", where,
                       key, name);
    }
    return VS_OK;
}

vs_status vs_config_read(vs_config *out, const char *dir, vs_error *err)
{
    vs_status st;
    vs_config c = {0};
    json_t *o = NULL;
    char *path = NULL;

    VS_CHECK(vs_folder_json(&o, &path, dir, "config.json", VS_MAX_CONFIG_BYTES, err));
    VS_CHECK(check_kind(o, path, err));
    VS_CHECK(read_sizes(&c, o, path, err));
    VS_CHECK(read_heads(&c, o, path, err));
    VS_CHECK(read_rope(&c, o, path, err));
    VS_CHECK(read_special(&c, o, path, err));
    VS_CHECK(read_dtype(&c, o, path, err));
    *out = c;
done:
    json_decref(o);
    free(path);
    return st;
}

void vs_real_text(char text[VS_REAL_CHARS], double x)
{
    size_t len = 0;

    for (int digits = 1; digits <= 17; digits++) {
        len = (size_t)snprintf(text, VS_REAL_CHARS, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    if (!strpbrk(text, ".e")) memcpy(text + len, ".0", sizeof ".0");
}

static void add_eos(vs_buf *b, const vs_config *c)
{
    vs_buf_str(b, "  \"eos_token_id\": ");
    if (c->n_eos == 0) vs_buf_str(b, "null");
    if (c->n_eos > 1) vs_buf_str(b, "[");
    for (size_t i = 0; i < c->n_eos; i++)
        vs_buf_printf(b, "%s%d", i ? ", " : "", (int)c->eos_ids[i]);
    vs_buf_str(b, c->n_eos > 1 ? "],\n" : ",\n");
}

static void add_fields(vs_buf *b, const vs_config *c)
{
    char eps[VS_REAL_CHARS], theta[VS_REAL_CHARS], bos[VS_REAL_CHARS] = "null";

    vs_real_text(eps, c->rms_eps);
    vs_real_text(theta, c->rope_theta);
    if (c->bos_id >= 0) snprintf(bos, sizeof bos, "%d", (int)c->bos_id);
    vs_buf_str(b, "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n  \"attention_bias\": false,\n"
                  "  \"attention_dropout\": 0.0,\n");
    vs_buf_printf(b, "  \"bos_token_id\": %s,\n", bos);
    add_eos(b, c);
    vs_buf_printf(b, "  \"head_dim\": %zu,\n  \"hidden_act\": \"silu\",\n", c->head_dim);
    vs_buf_printf(b, "  \"hidden_size\": %zu,\n  \"initializer_range\": 0.02,\n", c->n_embd);
    vs_buf_printf(b, "  \"intermediate_size\": %zu,\n", c->n_ffn);
    vs_buf_printf(b, "  \"max_position_embeddings\": %zu,\n  \"mlp_bias\": false,\n",
                  c->n_positions);
    vs_buf_printf(b, "  \"model_type\": \"llama\",\n  \"num_attention_heads\": %zu,\n", c->n_heads);
    vs_buf_printf(b, "  \"num_hidden_layers\": %zu,\n  \"num_key_value_heads\": %zu,\n",
                  c->n_layers, c->n_kv_heads);
    vs_buf_printf(
        b, "  \"pretraining_tp\": 1,\n  \"rms_norm_eps\": %s,\n  \"rope_scaling\": null,\n", eps);
    vs_buf_printf(b, "  \"rope_theta\": %s,\n  \"tie_word_embeddings\": %s,\n", theta,
                  c->is_tied ? "true" : "false");
    vs_buf_printf(b, "  \"torch_dtype\": \"%s\",\n  \"use_cache\": true,\n",
                  c->dtype == VS_BF16 ? "bfloat16" : "float32");
    vs_buf_printf(b, "  \"vocab_size\": %zu\n}\n", c->n_vocab);
}

vs_status vs_config_write(const vs_config *c, const char *dir, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    add_fields(&text, c);
    st = vs_folder_write(dir, "config.json", &text, err);
    vs_buf_free(&text);
    return st;
}
