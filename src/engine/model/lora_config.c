/* lora_config.c - adapter_config.json, in and out. Keys: PEFT, peft/tuners/lora/config.py (LoraConfig). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

static const double max_alpha = 1e9;

/* Whether the regular expression, in a frame that anchors it, matches the module's name. */
static vs_status pattern_matches(bool *out, const char *before, const char *key, const char *after,
                                 const char *module, vs_error *err)
{
    char *pattern = vs_format("%s%s%s", before, key, after);
    pcre2_code *code = NULL;
    pcre2_match_data *match = NULL;
    PCRE2_SIZE at;
    int number, n;
    vs_status st = VS_OK;

    if (!pattern) return VS_FAIL(err, VS_E_NOMEM, "adapter: out of memory");
    code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &number, &at, NULL);
    if (!code) {
        st = VS_FAIL(err, VS_E_INPUT, "\"%s\": not a regular expression", key);
        goto done;
    }
    match = pcre2_match_data_create_from_pattern(code, NULL);
    if (!match) {
        st = VS_FAIL(err, VS_E_NOMEM, "adapter: out of memory");
        goto done;
    }
    n = pcre2_match(code, (PCRE2_SPTR)module, strlen(module), 0, 0, match, NULL);
    *out = n >= 0;
    if (n < 0 && n != PCRE2_ERROR_NOMATCH)
        st = VS_FAIL(err, VS_E_LIMIT, "\"%s\": the regular expression takes too long", key);
done:
    pcre2_match_data_free(match);
    pcre2_code_free(code);
    free(pattern);
    return st;
}

/* Python's re.match of (.*\.)?(KEY)$. */
static vs_status ends_with_pattern(bool *out, const char *key, const char *module, vs_error *err)
{
    return pattern_matches(out, "^(?:(.*\\.)?(", key, ")$)", module, err);
}

static vs_status pattern_value(double *value, const vs_lora_patterns *p, const char *module,
                               vs_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        bool found = false;

        VS_TRY(ends_with_pattern(&found, p->item[i].key, module, err));
        if (!found) continue;
        *value = p->item[i].value;
        break;
    }
    return VS_OK;
}

vs_status vs_lora_module(size_t *rank, double *scale, const vs_lora_config *l, size_t layer,
                         vs_linear which, vs_error *err)
{
    char module[VS_TENSOR_NAME];
    double r = (double)l->rank, alpha = l->alpha;

    vs_linear_module(module, layer, which);
    VS_TRY(pattern_value(&r, &l->ranks, module, err));
    VS_TRY(pattern_value(&alpha, &l->alphas, module, err));
    if (rank) *rank = (size_t)r;
    if (scale) *scale = alpha / (l->is_rslora ? sqrt(r) : r);
    return VS_OK;
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
        "use_qalora",
        "use_bdlora",
        "arrow_config",
        "corda_config",
        "kasa_config",
        "loftq_config",
        "lora_ga_config",
        "monteclora_config",
        "velora_config",
        "lora_bias",
        "fan_in_fan_out",
        "layers_pattern",
        "layer_replication",
        "target_parameters",
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
    static const char *const leaving[] = {"gaussian", "orthogonal", "eva"}; /* the base as it is */
    const json_t *init = json_object_get(o, "init_lora_weights");

    VS_TRY(check_string(o, "peft_type", "LORA", true, where, err));
    if (is_off(json_object_get(o, "modules_to_save")))
        VS_TRY(check_string(o, "task_type", "CAUSAL_LM", false, where, err));
    VS_TRY(check_string(o, "bias", "none", false, where, err));
    VS_TRY(check_off(o, where, err));
    for (size_t i = 0; i < sizeof leaving / sizeof *leaving; i++)
        if (json_is_string(init) && strcmp(json_string_value(init), leaving[i]) == 0) return VS_OK;
    if (init && !json_is_boolean(init))
        VS_TRY(check_string(o, "init_lora_weights", leaving[0], false, where, err));
    return VS_OK;
}

/* Whether an entry of the list means the module: its name, or the end of it after a dot. */
static bool names_module(const char *entry, const char *module)
{
    const size_t n = strlen(entry), m = strlen(module);

    return n > 0 && n <= m && strcmp(module + m - n, entry) == 0 &&
           (n == m || module[m - n - 1] == '.');
}

/* Whether an entry of `key` means the module: one that names it, or, is_regex, one that matches it whole (re.fullmatch). */
static vs_status entry_means(bool *out, const char *entry, bool is_regex, const char *module,
                             const char *key, const char *where, vs_error *err)
{
    *out = !is_regex && names_module(entry, module);
    if (is_regex && pattern_matches(out, "^(?:", entry, ")$", module, err) != VS_OK)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": \"%.100s\": not a regular expression", where,
                       key, entry);
    return VS_OK;
}

/* Marks (or, !on, unmarks) the modules that the entry means. *any: there were some. */
static vs_status mark_modules(bool *any, vs_lora_config *l, size_t n_layers, const char *entry,
                              bool is_regex, bool on, const char *key, const char *where,
                              vs_error *err)
{
    char module[VS_TENSOR_NAME];

    for (size_t i = 0; i < n_layers; i++)
        for (int which = 0; which < VS_N_LINEAR; which++) {
            const unsigned bit = 1u << which, now = l->layer_targets[i];
            bool found;

            vs_linear_module(module, i, (vs_linear)which);
            VS_TRY(entry_means(&found, entry, is_regex, module, key, where, err));
            if (!found) continue;
            l->layer_targets[i] = (unsigned char)(on ? now | bit : now & ~bit);
            *any = true;
        }
    return VS_OK;
}

/* A key's value: one regular expression, or a list of names of modules or of their ends. Names that mean no linear layer are
 * passed over: lists are written for several families. */
static vs_status mark_value(bool *any, vs_lora_config *l, size_t n_layers, const json_t *value,
                            bool on, const char *key, const char *where, vs_error *err)
{
    if (json_is_string(value))
        return mark_modules(any, l, n_layers, json_string_value(value), true, on, key, where, err);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *entry = json_string_value(json_array_get(value, i));

        if (!entry)
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\"[%zu]: found %s, expected a name", where,
                           key, i, vs_json_kind(json_array_get(value, i)));
        if (on && (names_module("lm_head", entry) || names_module("embed_tokens", entry)))
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: \"%s\": found %s: adapters on the embedding or the head are not "
                           "supported",
                           where, key, entry);
        VS_TRY(mark_modules(any, l, n_layers, entry, false, on, key, where, err));
    }
    return VS_OK;
}

/* "layers_to_transform": the only layers that have an adapter, by number; a list or one. */
static vs_status keep_layers(vs_lora_config *l, size_t n_layers, const json_t *o, const char *where,
                             vs_error *err)
{
    static const char key[] = "layers_to_transform";
    const json_t *value = json_object_get(o, key);
    const size_t n = json_is_array(value) ? json_array_size(value) : 1;
    bool is_kept[VS_MAX_LAYERS] = {0};

    if (is_off(value)) return VS_OK;
    for (size_t i = 0; i < n; i++) {
        const json_t *layer = json_is_array(value) ? json_array_get(value, i) : value;
        const json_int_t at = json_integer_value(layer);

        if (!json_is_integer(layer) || at < 0 || (size_t)at >= n_layers)
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected layers from 0 to %zu",
                           where, key,
                           json_is_integer(layer) ? "a layer out of range" : vs_json_kind(layer),
                           n_layers - 1);
        is_kept[at] = true;
    }
    for (size_t i = 0; i < n_layers; i++)
        if (!is_kept[i]) l->layer_targets[i] = 0;
    return VS_OK;
}

/* What every layer has goes from layer_targets to targets. */
static void collect_targets(vs_lora_config *l, size_t n_layers)
{
    l->targets = (1u << VS_N_LINEAR) - 1;
    for (size_t i = 0; i < n_layers; i++) l->targets &= l->layer_targets[i];
    for (size_t i = 0; i < n_layers; i++)
        l->layer_targets[i] = (unsigned char)(l->layer_targets[i] & ~l->targets);
}

static vs_status fail_no_module(const json_t *value, const char *where, vs_error *err)
{
    const char *first = json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);

    return VS_FAIL(err, VS_E_INPUT,
                   "%s: \"target_modules\": found %s, which names no layer; expected q_proj, "
                   "k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj",
                   where, first);
}

static vs_status read_targets(vs_lora_config *l, size_t n_layers, const json_t *o,
                              const char *where, vs_error *err)
{
    const json_t *value = json_object_get(o, "target_modules");
    const json_t *excluded = json_object_get(o, "exclude_modules");
    bool any = false, unused = false;

    if (is_off(value) || !(json_is_string(value) || json_is_array(value)))
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: \"target_modules\": found %s, expected a list of module names, a regular "
            "expression or \"all-linear\"",
            where, vs_json_kind(value));
    if (json_is_string(value) && strcmp(json_string_value(value), "all-linear") == 0) {
        memset(l->layer_targets, (1u << VS_N_LINEAR) - 1, n_layers);
        any = true;
    }
    if (!any) VS_TRY(mark_value(&any, l, n_layers, value, true, "target_modules", where, err));
    if (!any) return fail_no_module(value, where, err);
    if (!is_off(excluded))
        VS_TRY(mark_value(&unused, l, n_layers, excluded, false, "exclude_modules", where, err));
    VS_TRY(keep_layers(l, n_layers, o, where, err));
    collect_targets(l, n_layers);
    return VS_OK;
}

/* {"regular expression": number, ..}; missing or null is empty. */
static vs_status read_patterns(vs_lora_patterns *out, const json_t *o, const char *name, double max,
                               bool is_rank, const char *where, vs_error *err)
{
    json_t *patterns = json_object_get(o, name), *value;
    const char *key;
    bool unused;

    if (!patterns || json_is_null(patterns)) return VS_OK;
    if (!json_is_object(patterns))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected an object", where, name,
                       vs_json_kind(patterns));
    json_object_foreach(patterns, key, value)
    {
        vs_lora_pattern *p = &out->item[out->n];
        const double x = json_number_value(value);

        if (out->n == VS_MAX_LORA_PATTERNS || strlen(key) >= sizeof p->key)
            return VS_FAIL(err, VS_E_LIMIT,
                           "%s: \"%s\": \"%.60s\": the limits are %d patterns of %d bytes", where,
                           name, key, VS_MAX_LORA_PATTERNS, VS_LORA_PATTERN_BYTES - 1);
        if (!json_is_number(value) || !(x > 0.0 && x <= max) || (is_rank && x != floor(x)))
            return VS_FAIL(
                err, VS_E_FORMAT, "%s: \"%s\": \"%s\": found %s, expected %s from 1 to %g", where,
                name, key, json_is_number(value) ? "a number out of range" : vs_json_kind(value),
                is_rank ? "an integer" : "a number", max);
        if (ends_with_pattern(&unused, key, "", err) != VS_OK)
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": \"%s\": not a regular expression", where,
                           name, key);
        memcpy(p->key, key, strlen(key) + 1);
        p->value = x;
        out->n++;
    }
    return VS_OK;
}

/* A value head may be saved whole beside the adapter; nothing else. For task TOKEN_CLS PEFT adds its own list of
 * names to the user's, "classifier" and a second "score", whether the model has them or not. */
static vs_status read_saved_modules(vs_lora_config *l, const json_t *o, const char *path,
                                    vs_error *err)
{
    const json_t *saved = json_object_get(o, "modules_to_save"), *item;
    const char *other = NULL;
    size_t i;

    if (is_off(saved)) return VS_OK;
    json_array_foreach(saved, i, item)
    {
        const char *name = json_is_string(item) ? json_string_value(item) : vs_json_kind(item);
        if (strcmp(name, "score") == 0)
            l->has_value = true;
        else if (strcmp(name, "classifier") != 0)
            other = name;
    }
    if (l->has_value && !other) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: \"modules_to_save\": found %s, expected null or [\"score\"]", path,
                   other ? other : vs_json_kind(saved));
}

vs_status vs_lora_config_read(vs_lora_config *l, size_t n_layers, const char *dir, vs_error *err)
{
    vs_status st;
    json_t *o = NULL;
    char *path = NULL;

    VS_CHECK(vs_folder_json(&o, &path, dir, "adapter_config.json", VS_MAX_CONFIG_BYTES, err));
    VS_CHECK(check_kind(o, path, err));
    VS_CHECK(read_saved_modules(l, o, path, err));
    VS_CHECK(vs_json_get_size(&l->rank, o, "r", 1, VS_MAX_WIDTH, path, err));
    VS_CHECK(vs_json_get_num(&l->alpha, o, "lora_alpha", path, err));
    if (!(fabs(l->alpha) <= max_alpha)) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s: \"lora_alpha\": found %g, expected at most %g", path,
                     l->alpha, max_alpha);
        goto done;
    }
    VS_CHECK(vs_json_opt_bool(&l->is_rslora, o, "use_rslora", path, err));
    VS_CHECK(read_patterns(&l->ranks, o, "rank_pattern", VS_MAX_WIDTH, true, path, err));
    VS_CHECK(read_patterns(&l->alphas, o, "alpha_pattern", max_alpha, false, path, err));
    st = read_targets(l, n_layers, o, path, err);
done:
    json_decref(o);
    free(path);
    return st;
}

/* PEFT's type of alphas is int. */
static void add_number(vs_buf *b, double x)
{
    char text[VS_REAL_CHARS];

    if (x == floor(x) && fabs(x) < 1e9)
        snprintf(text, sizeof text, "%.0f", x);
    else
        vs_real_text(text, x);
    vs_buf_str(b, text);
}

static void add_patterns(vs_buf *b, const char *name, const vs_lora_patterns *p)
{
    vs_buf_printf(b, "  \"%s\": {", name);
    for (size_t i = 0; i < p->n; i++) {
        if (i) vs_buf_str(b, ", ");
        vs_buf_json_str(b, p->item[i].key, strlen(p->item[i].key));
        vs_buf_str(b, ": ");
        add_number(b, p->item[i].value);
    }
    vs_buf_str(b, "},\n");
}

static void add_targets(vs_buf *b, const vs_lora_config *l)
{
    char module[VS_TENSOR_NAME];
    bool is_first = true;

    vs_buf_str(b, "  \"target_modules\": [");
    for (int which = 0; which < VS_N_LINEAR; which++) {
        if (!(l->targets >> which & 1u)) continue;
        vs_buf_printf(b, "%s\"%s\"", is_first ? "" : ", ", vs_linear_name[which]);
        is_first = false;
    }
    for (size_t i = 0; i < VS_MAX_LAYERS; i++)
        for (int which = 0; which < VS_N_LINEAR; which++) {
            if (!(l->layer_targets[i] >> which & 1u)) continue;
            vs_linear_module(module, i, (vs_linear)which);
            vs_buf_printf(b, "%s\"%s\"", is_first ? "" : ", ", module);
            is_first = false;
        }
    vs_buf_str(b, "],\n");
}

/* The keys that PEFT writes, sorted; what only steers training has PEFT's defaults. */
static void add_lora_config(vs_buf *b, const vs_lora_config *l, const char *base_name)
{
    vs_buf_str(b, "{\n");
    add_patterns(b, "alpha_pattern", &l->alphas);
    vs_buf_str(b, "  \"auto_mapping\": null,\n  \"base_model_name_or_path\": ");
    if (base_name)
        vs_buf_json_str(b, base_name, strlen(base_name));
    else
        vs_buf_str(b, "null");
    vs_buf_str(
        b, ",\n  \"bias\": \"none\",\n  \"fan_in_fan_out\": false,\n  \"inference_mode\": true,\n"
           "  \"init_lora_weights\": true,\n  \"layers_pattern\": null,\n  "
           "\"layers_to_transform\": null,\n  \"lora_alpha\": ");
    add_number(b, l->alpha);
    vs_buf_printf(b,
                  ",\n  \"lora_dropout\": 0.0,\n  \"modules_to_save\": %s,\n  \"peft_type\": "
                  "\"LORA\",\n  \"r\": %zu,\n",
                  l->has_value ? "[\"score\"]" : "null", l->rank);
    add_patterns(b, "rank_pattern", &l->ranks);
    vs_buf_str(b, "  \"revision\": null,\n");
    add_targets(b, l);
    vs_buf_printf(b,
                  "  \"task_type\": \"%s\",\n  \"use_dora\": false,\n  \"use_rslora\": "
                  "%s\n}\n",
                  l->has_value ? "TOKEN_CLS" : "CAUSAL_LM", l->is_rslora ? "true" : "false");
}

vs_status vs_lora_config_write(const vs_lora_config *l, const char *base_name, const char *dir,
                               vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    add_lora_config(&text, l, base_name);
    st = vs_folder_write(dir, "adapter_config.json", &text, err);
    vs_buf_free(&text);
    return st;
}
