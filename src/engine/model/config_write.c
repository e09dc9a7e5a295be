/* config_write.c - writing config.json, in the spelling that both transformers 4 and 5 read. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/model/config.h"
#include "engine/model/folder_impl.h"

void vs_real_text(char text[VS_REAL_CHARS], double x)
{
    size_t len = 0;

    for (int digits = 1; digits <= 17; digits++) {
        len = (size_t)snprintf(text, VS_REAL_CHARS, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    if (!strpbrk(text, ".e")) memcpy(text + len, ".0", sizeof ".0");
}

static void add_real(vs_buf *b, const char *key, double x)
{
    char text[VS_REAL_CHARS];

    vs_real_text(text, x);
    vs_buf_printf(b, "  \"%s\": %s,\n", key, text);
}

static void add_size(vs_buf *b, const char *key, size_t n)
{
    vs_buf_printf(b, "  \"%s\": %zu,\n", key, n);
}

static void add_word(vs_buf *b, const char *key, const char *word)
{
    vs_buf_printf(b, "  \"%s\": %s,\n", key, word);
}

static void add_text(vs_buf *b, const char *key, const char *text)
{
    vs_buf_printf(b, "  \"%s\": \"%s\",\n", key, text);
}

static void add_cap(vs_buf *b, const char *key, double cap)
{
    if (cap > 0.0)
        add_real(b, key, cap);
    else
        add_word(b, key, "null");
}

static void add_special(vs_buf *b, const vs_config *c)
{
    if (c->bos_id >= 0)
        add_size(b, "bos_token_id", (size_t)c->bos_id);
    else
        add_word(b, "bos_token_id", "null");
    vs_buf_str(b, "  \"eos_token_id\": ");
    if (c->n_eos == 0) vs_buf_str(b, "null");
    if (c->n_eos > 1) vs_buf_str(b, "[");
    for (size_t i = 0; i < c->n_eos; i++)
        vs_buf_printf(b, "%s%d", i ? ", " : "", (int)c->eos_ids[i]);
    vs_buf_str(b, c->n_eos > 1 ? "],\n" : ",\n");
}

static void add_layer_types(vs_buf *b, const vs_config *c)
{
    vs_buf_str(b, "  \"layer_types\": [");
    for (size_t i = 0; i < c->n_layers; i++)
        vs_buf_printf(b, "%s\"%s_attention\"", i ? ", " : "",
                      c->is_sliding[i] ? "sliding" : "full");
    vs_buf_str(b, "],\n");
}

static void add_rope(vs_buf *b, const vs_config *c)
{
    const vs_rope_scaling *s = &c->rope;
    char factor[VS_REAL_CHARS], low[VS_REAL_CHARS], high[VS_REAL_CHARS], attention[VS_REAL_CHARS];

    if (c->rope_local_theta > 0.0) add_real(b, "rope_local_base_freq", c->rope_local_theta);
    vs_real_text(factor, s->factor);
    vs_real_text(low, s->type == VS_ROPE_YARN ? s->beta_slow : s->low_freq_factor);
    vs_real_text(high, s->type == VS_ROPE_YARN ? s->beta_fast : s->high_freq_factor);
    vs_real_text(attention, s->attention_factor);
    switch (s->type) {
    case VS_ROPE_DEFAULT:
    case VS_N_ROPE_TYPES:
        add_word(b, "rope_scaling", "null");
        break;
    case VS_ROPE_LINEAR:
        vs_buf_printf(b, "  \"rope_scaling\": {\"factor\": %s, \"rope_type\": \"linear\"},\n",
                      factor);
        break;
    case VS_ROPE_LLAMA3:
        vs_buf_printf(b,
                      "  \"rope_scaling\": {\"factor\": %s, \"high_freq_factor\": %s, "
                      "\"low_freq_factor\": %s, \"original_max_position_embeddings\": %zu, "
                      "\"rope_type\": \"llama3\"},\n",
                      factor, high, low, s->original_positions);
        break;
    case VS_ROPE_YARN:
        vs_buf_printf(
            b,
            "  \"rope_scaling\": {\"attention_factor\": %s, \"beta_fast\": %s, \"beta_slow\": "
            "%s, \"factor\": %s, \"original_max_position_embeddings\": %zu, \"rope_type\": "
            "\"yarn\", \"truncate\": %s},\n",
            attention, high, low, factor, s->original_positions, s->is_whole ? "true" : "false");
        break;
    }
    add_real(b, "rope_theta", c->rope_theta);
}

/* Keys in the order of their bytes. */
static void add_fields(vs_buf *b, const vs_config *c)
{
    const vs_family *f = vs_config_family(c);
    const bool slides = f->sliding != VS_SLIDING_NONE,
               by_layer = slides && f->sliding != VS_SLIDING_ALL;

    char architecture[VS_ARCHITECTURE_BYTES];

    vs_architecture(architecture, f, c->has_value);
    vs_buf_printf(b, "{\n  \"architectures\": [\"%s\"],\n", architecture);
    add_word(b, "attention_bias", "false");
    add_word(b, "attention_dropout", "0.0");
    if (f->has_softcaps) add_cap(b, "attn_logit_softcapping", c->attn_softcap);
    add_special(b, c);
    if (f->has_softcaps) add_cap(b, "final_logit_softcapping", c->final_softcap);
    add_size(b, "head_dim", c->head_dim);
    add_text(b, f->act_key, f->act);
    add_size(b, "hidden_size", c->n_embd);
    add_word(b, "initializer_range", "0.02");
    if (c->has_value) add_word(b, "id2label", "{\"0\": \"right\"}");
    add_size(b, "intermediate_size", c->n_ffn);
    if (c->has_value) add_word(b, "label2id", "{\"right\": 0}");
    if (by_layer) add_layer_types(b, c);
    add_size(b, "max_position_embeddings",
             c->stated_positions ? c->stated_positions : c->n_positions);
    if (c->family == VS_LLAMA) add_word(b, "mlp_bias", "false");
    add_text(b, "model_type", f->model_type);
    add_size(b, "num_attention_heads", c->n_heads);
    add_size(b, "num_hidden_layers", c->n_layers);
    add_size(b, "num_key_value_heads", c->n_kv_heads);
    if (c->family == VS_LLAMA) add_word(b, "pretraining_tp", "1");
    if (c->query_scalar > 0.0) /* an integer where it is one: transformers checks the type */
        vs_buf_printf(b, "  \"query_pre_attn_scalar\": %.17g,\n", c->query_scalar);
    add_real(b, "rms_norm_eps", c->rms_eps);
    add_rope(b, c);
    if (slides && c->window) add_size(b, "sliding_window", c->window);
    if (slides && !c->window) add_word(b, "sliding_window", "null");
    add_word(b, "tie_word_embeddings", c->is_tied ? "true" : "false");
    add_text(b, "torch_dtype", c->dtype == VS_BF16 ? "bfloat16" : "float32");
    add_word(b, "use_cache", "true");
    if (f->sliding == VS_SLIDING_FROM)
        add_word(b, "use_sliding_window", c->window ? "true" : "false");
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
