/* config.c - reading config.json. */
#include "engine/model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "engine/model/folder_impl.h"

/* The lower ends keep angles, positions times frequencies, below 2^24, where vs_cos ends. */
static const double min_theta = 1.0, max_theta = 1e12, min_scale = 1.0 / 16, max_factor = 1e6;
enum {
    MAX_ROPE_NUMBERS = 1 << 28
}; /* of a rotary table, which is filled as far as it is used: 1 GiB */

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

/* Quantised weights (bitsandbytes, gptq, awq, fp8, compressed-tensors, mxfp4, ..) are refused by the name of their method. */
static vs_status only_unquantized(const json_t *o, const char *where, vs_error *err)
{
    const json_t *q = json_object_get(o, "quantization_config");
    const char *method = json_string_value(json_object_get(q, "quant_method"));

    if (!q || json_is_null(q)) return VS_OK;
    if (!method && (json_object_get(q, "load_in_4bit") || json_object_get(q, "load_in_8bit")))
        method = "bitsandbytes"; /* before transformers 4.35 named it */
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: \"quantization_config\": found weights quantised by %.60s, expected the "
                   "model's unquantised folder",
                   where, method ? method : vs_json_kind(q));
}

/* The row whose model_type the file names. */
static vs_status find_family(vs_family_id *out, const json_t *o, const char *where, vs_error *err)
{
    const char *type;

    VS_TRY(vs_json_get_str(&type, o, "model_type", where, err));
    for (int i = 0; i < VS_N_FAMILIES; i++)
        if (strcmp(type, vs_families[i].model_type) == 0) {
            *out = (vs_family_id)i;
            return VS_OK;
        }
    vs_buf known = {0};
    for (int i = 0; i < VS_N_FAMILIES; i++)
        vs_buf_printf(&known, "%s%s", i ? ", " : "", vs_families[i].model_type);
    const vs_status st =
        VS_FAIL(err, VS_E_INPUT, "%s: \"model_type\": found \"%.100s\", expected one of %s", where,
                type, known.data ? known.data : "the supported ones");
    vs_buf_free(&known);
    return st;
}

void vs_architecture(char name[VS_ARCHITECTURE_BYTES], const vs_family *f, bool has_value)
{
    static const char causal[] = "ForCausalLM";
    const int stem = (int)(strlen(f->architecture) - strlen(causal));

    snprintf(name, VS_ARCHITECTURE_BYTES, "%.*s%s", stem, f->architecture,
             has_value ? "ForTokenClassification" : causal);
}

/* What is refused by name: another architecture, and everything that changes the computation. */
static vs_status check_kind(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const vs_family *f = vs_config_family(c);
    const json_t *architectures = json_object_get(o, "architectures");

    if (json_array_size(architectures) > 0) {
        const char *name = json_string_value(json_array_get(architectures, 0));
        char valued[VS_ARCHITECTURE_BYTES];
        vs_architecture(valued, f, true);
        c->has_value = name && strcmp(name, valued) == 0;
        if (!name || (!c->has_value && strcmp(name, f->architecture) != 0))
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: \"architectures\": found \"%.100s\", expected \"%s\" or \"%s\"",
                           where, name ? name : vs_json_kind(json_array_get(architectures, 0)),
                           f->architecture, valued);
    }
    VS_TRY(only_string(o, f->act_key, f->act, where, err));
    VS_TRY(only_false(o, "attention_bias", where, err));
    VS_TRY(only_false(o, "mlp_bias", where, err));
    VS_TRY(only_false(o, "use_bidirectional_attention", where, err));
    return only_unquantized(o, where, err);
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

/* Missing or null leaves *out, the family's own, unless that is 0: then the key is needed. */
static vs_status size_or_default(size_t *out, const json_t *o, const char *key, size_t max,
                                 const char *where, vs_error *err)
{
    return *out ? vs_json_opt_size(out, o, key, 1, max, where, err)
                : vs_json_get_size(out, o, key, 1, max, where, err);
}

static vs_status read_sizes(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const size_t width = VS_MAX_WIDTH;

    c->stated_positions = vs_config_family(c)->n_positions;
    c->n_vocab = vs_config_family(c)->n_vocab;
    c->is_tied = vs_config_family(c)->is_tied;
    c->rms_eps = 1e-6; /* every family's default */
    VS_TRY(vs_json_get_size(&c->n_layers, o, "num_hidden_layers", 1, VS_MAX_LAYERS, where, err));
    VS_TRY(vs_json_get_size(&c->n_embd, o, "hidden_size", 1, width, where, err));
    VS_TRY(vs_json_get_size(&c->n_ffn, o, "intermediate_size", 1, width, where, err));
    VS_TRY(size_or_default(&c->n_vocab, o, "vocab_size", VS_MAX_VOCAB, where, err));
    VS_TRY(vs_json_opt_size(&c->stated_positions, o, "max_position_embeddings", 1,
                            VS_MAX_STATED_POSITIONS, where, err));
    VS_TRY(opt_range(&c->rms_eps, o, "rms_norm_eps", 0.0, 1.0, where, err));
    return vs_json_opt_bool(&c->is_tied, o, "tie_word_embeddings", where, err);
}

void vs_config_use_positions(vs_config *c)
{
    c->n_positions = c->stated_positions;
    if (c->n_positions > VS_MAX_POSITIONS) c->n_positions = VS_MAX_POSITIONS;
    if (c->n_positions > MAX_ROPE_NUMBERS / c->head_dim)
        c->n_positions = MAX_ROPE_NUMBERS / c->head_dim;
}

static vs_status read_heads(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const size_t width = VS_MAX_WIDTH;

    c->n_heads = vs_config_family(c)->n_heads;
    VS_TRY(size_or_default(&c->n_heads, o, "num_attention_heads", width, where, err));
    c->n_kv_heads = vs_config_family(c)->n_kv_heads;
    if (c->n_kv_heads == 0) c->n_kv_heads = c->n_heads;
    VS_TRY(vs_json_opt_size(&c->n_kv_heads, o, "num_key_value_heads", 1, width, where, err));
    c->head_dim = vs_config_family(c)->head_dim;
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
    vs_config_use_positions(c);
    return VS_OK;
}

static vs_status read_llama3(vs_rope_scaling *s, const json_t *rope, const char *where,
                             vs_error *err)
{
    VS_TRY(opt_range(&s->low_freq_factor, rope, "low_freq_factor", 0.0, max_factor, where, err));
    VS_TRY(opt_range(&s->high_freq_factor, rope, "high_freq_factor", 0.0, max_factor, where, err));
    VS_TRY(vs_json_get_size(&s->original_positions, rope, "original_max_position_embeddings", 1,
                            VS_MAX_STATED_POSITIONS, where, err));
    if (!(s->high_freq_factor > s->low_freq_factor))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"high_freq_factor\": found %g, expected more than "
                       "\"low_freq_factor\" %g",
                       where, s->high_freq_factor, s->low_freq_factor);
    return VS_OK;
}

/* Defaults: transformers, _compute_yarn_parameters. */
static vs_status read_yarn(vs_rope_scaling *s, const json_t *rope, size_t stated_positions,
                           const char *where, vs_error *err)
{
    double mscale = 0.0, all = 0.0;

    s->beta_fast = 32.0;
    s->beta_slow = 1.0;
    s->is_whole = true;
    s->original_positions = stated_positions;
    VS_TRY(vs_json_opt_size(&s->original_positions, rope, "original_max_position_embeddings", 1,
                            VS_MAX_STATED_POSITIONS, where, err));
    VS_TRY(opt_range(&s->beta_fast, rope, "beta_fast", 0.0, max_factor, where, err));
    VS_TRY(opt_range(&s->beta_slow, rope, "beta_slow", 0.0, max_factor, where, err));
    VS_TRY(vs_json_opt_bool(&s->is_whole, rope, "truncate", where, err));
    VS_TRY(vs_json_opt_num(&mscale, rope, "mscale", where, err));
    VS_TRY(vs_json_opt_num(&all, rope, "mscale_all_dim", where, err));
    s->attention_factor = vs_yarn_mscale(s->factor, 1.0);
    if (mscale != 0.0 && all != 0.0)
        s->attention_factor = vs_yarn_mscale(s->factor, mscale) / vs_yarn_mscale(s->factor, all);
    return opt_range(&s->attention_factor, rope, "attention_factor", 0.0, max_factor, where, err);
}

/* rope_scaling, rope_parameters, or one of the latter's entries. *theta is left alone unless it is
 * there. */
static vs_status read_rope_object(vs_rope_scaling *out, double *theta, const json_t *rope,
                                  const char *key, size_t stated_positions, const char *where,
                                  vs_error *err)
{
    const char *type = "default";
    double rotary = 1.0;
    vs_rope_scaling s = {.type = VS_ROPE_DEFAULT};

    if (!json_is_object(rope))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected an object or null", where,
                       key, vs_json_kind(rope));
    VS_TRY(vs_json_opt_str(&type, rope, "type", where, err)); /* before transformers 4.43 */
    VS_TRY(vs_json_opt_str(&type, rope, "rope_type", where, err));
    while (s.type < VS_N_ROPE_TYPES && strcmp(type, vs_rope_type_name[s.type]) != 0) s.type++;
    if (s.type == VS_N_ROPE_TYPES)
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: \"%s\": found type \"%.100s\", expected \"default\", \"linear\", \"llama3\" or "
            "\"yarn\"",
            where, key, type);
    VS_TRY(vs_json_opt_num(&rotary, rope, "partial_rotary_factor", where, err));
    if (rotary != 1.0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\": found \"partial_rotary_factor\" %g, expected 1", where, key,
                       rotary);
    VS_TRY(opt_range(theta, rope, "rope_theta", min_theta, max_theta, where, err));
    if (s.type != VS_ROPE_DEFAULT)
        VS_TRY(opt_range(&s.factor, rope, "factor", min_scale, max_factor, where, err));
    if (s.type == VS_ROPE_LLAMA3) VS_TRY(read_llama3(&s, rope, where, err));
    if (s.type == VS_ROPE_YARN) VS_TRY(read_yarn(&s, rope, stated_positions, where, err));
    *out = s;
    return VS_OK;
}

/* The two ropes of a family whose sliding layers have their own, in the spelling of transformers 5.
 */
static vs_status read_rope_pair(vs_config *c, const json_t *pair, const char *where, vs_error *err)
{
    const json_t *full = json_object_get(pair, "full_attention");
    const json_t *sliding = json_object_get(pair, "sliding_attention");
    vs_rope_scaling local = {.type = VS_ROPE_DEFAULT};

    if (full && !json_is_null(full))
        VS_TRY(read_rope_object(&c->rope, &c->rope_theta, full, "full_attention",
                                c->stated_positions, where, err));
    if (sliding && !json_is_null(sliding))
        VS_TRY(read_rope_object(&local, &c->rope_local_theta, sliding, "sliding_attention",
                                c->stated_positions, where, err));
    if (local.type != VS_ROPE_DEFAULT)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"sliding_attention\": found type \"%s\", expected \"default\"", where,
                       vs_rope_type_name[local.type]);
    return VS_OK;
}

static vs_status read_rope(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    static const char *const keys[] = {"rope_scaling", "rope_parameters"};
    const vs_family *f = vs_config_family(c);

    c->rope_theta = f->rope_theta;
    c->rope_local_theta = f->rope_local_theta;
    VS_TRY(opt_range(&c->rope_theta, o, "rope_theta", min_theta, max_theta, where, err));
    if (f->has_local_rope)
        VS_TRY(opt_range(&c->rope_local_theta, o, "rope_local_base_freq", min_theta, max_theta,
                         where, err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *rope = json_object_get(o, keys[i]);

        if (!rope || json_is_null(rope)) continue;
        if (f->has_local_rope &&
            (json_object_get(rope, "full_attention") || json_object_get(rope, "sliding_attention")))
            VS_TRY(read_rope_pair(c, rope, where, err));
        else
            VS_TRY(read_rope_object(&c->rope, &c->rope_theta, rope, keys[i], c->stated_positions,
                                    where, err));
    }
    return VS_OK;
}

/* Missing: the family's own; null: none (0). */
static vs_status opt_cap(double *out, const json_t *o, const char *key, const char *where,
                         vs_error *err)
{
    if (json_is_null(json_object_get(o, key))) {
        *out = 0.0;
        return VS_OK;
    }
    if (!json_object_get(o, key)) return VS_OK;
    return opt_range(out, o, key, 0.0, max_factor, where, err);
}

/* "layer_types", when it is there, has the last word on which layers slide. */
static vs_status read_layer_types(vs_config *c, const json_t *types, const char *where,
                                  vs_error *err)
{
    if (json_array_size(types) != c->n_layers)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"layer_types\": found %s of %zu, expected an array of %zu names",
                       where, vs_json_kind(types), json_array_size(types), c->n_layers);
    for (size_t i = 0; i < c->n_layers; i++) {
        const char *name = json_string_value(json_array_get(types, i));
        if (!name ||
            (strcmp(name, "full_attention") != 0 && strcmp(name, "sliding_attention") != 0))
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: \"layer_types\"[%zu]: found %.100s, expected \"full_attention\" or "
                           "\"sliding_attention\"",
                           where, i, name ? name : vs_json_kind(json_array_get(types, i)));
        c->is_sliding[i] = strcmp(name, "sliding_attention") == 0;
    }
    return VS_OK;
}

static vs_status read_sliding(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const vs_family *f = vs_config_family(c);
    const json_t *types = json_object_get(o, "layer_types");
    size_t from = 28, pattern = f->pattern; /* 28: max_window_layers of Qwen2Config, Qwen3Config */
    bool used = false, any = false;

    if (f->sliding == VS_SLIDING_NONE) return VS_OK;
    c->window = f->window;
    if (json_is_null(json_object_get(o, "sliding_window"))) c->window = 0;
    VS_TRY(vs_json_opt_size(&c->window, o, "sliding_window", 1, VS_MAX_POSITIONS, where, err));
    if (f->pattern_key)
        VS_TRY(vs_json_opt_size(&pattern, o, f->pattern_key, 1, VS_MAX_LAYERS, where, err));
    VS_TRY(vs_json_opt_size(&from, o, "max_window_layers", 0, SIZE_MAX, where, err));
    VS_TRY(vs_json_opt_bool(&used, o, "use_sliding_window", where, err));
    if (f->sliding == VS_SLIDING_FROM && !used) c->window = 0;
    for (size_t i = 0; i < c->n_layers; i++)
        c->is_sliding[i] = f->sliding == VS_SLIDING_ALL ||
                           (f->sliding == VS_SLIDING_FROM && i >= from) ||
                           (f->sliding == VS_SLIDING_PATTERN && (i + 1) % pattern != 0);
    if (f->sliding != VS_SLIDING_ALL && types && !json_is_null(types))
        VS_TRY(read_layer_types(c, types, where, err));
    for (size_t i = 0; i < c->n_layers; i++) any = any || c->is_sliding[i];
    if (any && c->window == 0 && f->has_local_rope)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"sliding_window\": found null, expected a length (layers slide)",
                       where);
    if (!any) c->window = 0;
    if (c->window == 0) memset(c->is_sliding, 0, sizeof c->is_sliding);
    return VS_OK;
}

static vs_status read_attention(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const vs_family *f = vs_config_family(c);

    VS_TRY(read_rope(c, o, where, err));
    VS_TRY(read_sliding(c, o, where, err));
    if (f->query_scalar > 0.0) {
        c->query_scalar = f->query_scalar;
        VS_TRY(
            opt_range(&c->query_scalar, o, "query_pre_attn_scalar", 0.0, max_factor, where, err));
    }
    if (f->has_softcaps) {
        c->attn_softcap = f->attn_softcap;
        c->final_softcap = f->final_softcap;
        VS_TRY(opt_cap(&c->attn_softcap, o, "attn_logit_softcapping", where, err));
        VS_TRY(opt_cap(&c->final_softcap, o, "final_logit_softcapping", where, err));
    }
    return VS_OK;
}

/* The type that weights are written back in. "auto" means that of the file's weights, which f32 holds exactly, as it
 * holds float16: there is no f16 writer. "torch.bfloat16" is how some writers spell it. */
static vs_status read_dtype(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    static const char *const as_f32[] = {"float32", "float16", "float64", "auto"};
    static const char prefix[] = "torch.";
    const char *name = "float32", *key = "torch_dtype";
    const json_t *newer = json_object_get(o, "dtype");

    if (newer && !json_is_null(newer)) key = "dtype"; /* since transformers 4.56 */
    VS_TRY(vs_json_opt_str(&name, o, key, where, err));
    if (strncmp(name, prefix, sizeof prefix - 1) == 0) name += sizeof prefix - 1;
    c->dtype = VS_BF16;
    if (strcmp(name, "bfloat16") == 0) return VS_OK;
    c->dtype = VS_F32;
    for (size_t i = 0; i < sizeof as_f32 / sizeof *as_f32; i++)
        if (strcmp(name, as_f32[i]) == 0) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: \"%s\": found \"%.100s\", expected float32, bfloat16, float16, float64 or "
                   "auto",
                   where, key, name);
}

/* *o becomes the language model's part of a model that sees images as well, which says what it shares with the rest
 * only where it differs. *is_part: whether it was one. */
static vs_status take_text_part(bool *is_part, json_t **o, const char *where, vs_error *err)
{
    static const char *const shared[] = {
        "bos_token_id", "eos_token_id",        "dtype",
        "torch_dtype",  "tie_word_embeddings", "quantization_config"};
    const char *type = json_string_value(json_object_get(*o, "model_type"));
    json_t *text = json_object_get(*o, "text_config");

    *is_part = type && strcmp(type, "gemma3") == 0 && json_is_object(text);
    if (!*is_part) return VS_OK;
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        json_t *outer = json_object_get(*o, shared[i]);

        if (outer && !json_object_get(text, shared[i]) &&
            json_object_set(text, shared[i], outer) != 0)
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    }
    json_incref(text);
    json_decref(*o);
    *o = text;
    return VS_OK;
}

vs_status vs_config_read(vs_config *out, const char *dir, vs_error *err)
{
    vs_status st;
    vs_config c = {0};
    json_t *o = NULL;
    char *path = NULL;

    VS_TRY(vs_folder_check(dir, err));
    VS_CHECK(vs_folder_json(&o, &path, dir, "config.json", VS_MAX_CONFIG_BYTES, err));
    VS_CHECK(take_text_part(&c.is_text_part, &o, path, err));
    VS_CHECK(find_family(&c.family, o, path, err));
    VS_CHECK(check_kind(&c, o, path, err));
    VS_CHECK(read_sizes(&c, o, path, err));
    VS_CHECK(read_heads(&c, o, path, err));
    VS_CHECK(read_attention(&c, o, path, err));
    VS_CHECK(vs_config_special(&c, o, dir, path, err));
    VS_CHECK(read_dtype(&c, o, path, err));
    *out = c;
done:
    json_decref(o);
    free(path);
    return st;
}
