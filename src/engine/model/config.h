/* config.h - the shape of a model, as config.json gives it, and the families of models. Plain data; zeroed is empty. */
#ifndef VS_MODEL_CONFIG_H
#define VS_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/model/rope.h"

enum {
    VS_MAX_EOS = 8,
    VS_MAX_LAYERS = 512,
    VS_MAX_WIDTH = 1 << 16, /* C, F, and heads * head_dim */
    VS_MAX_VOCAB = 1 << 20,
    VS_MAX_POSITIONS = 1 << 20, /* that are used */
    VS_MAX_STATED_POSITIONS = 1 << 30,
};

typedef enum vs_dtype { VS_F32, VS_BF16 } vs_dtype; /* of weights on disk */

typedef enum vs_family_id {
    VS_LLAMA, /* Llama 2, 3, 3.x, SmolLM */
    VS_MISTRAL,
    VS_QWEN2,
    VS_QWEN3,
    VS_GEMMA2,
    VS_GEMMA3,
    VS_N_FAMILIES
} vs_family_id;

/* Which layers see a sliding window, unless config.json's "layer_types" says it layer by layer. */
typedef enum vs_sliding {
    VS_SLIDING_NONE,
    VS_SLIDING_ALL,     /* every layer, when there is a window */
    VS_SLIDING_FROM,    /* layers from max_window_layers on, when use_sliding_window */
    VS_SLIDING_PATTERN, /* all but every pattern-th */
} vs_sliding;

/* One row per family: what sets its layers apart, and what a missing key of config.json means. Source: the
 * configuration_*.py and modeling_*.py of transformers 5.23. */
typedef struct vs_family {
    const char *model_type, *architecture;
    const char *act_key, *act; /* the activation's key and only value */
    bool has_gelu;             /* gelu(gate) * up instead of silu(gate) * up */
    bool has_qkv_bias;
    bool has_qk_norm; /* RMSNorm of every query and key head before rotation */
    bool
        has_post_norms; /* norms after attention and feed-forward too, before they join the residual */
    bool norm_adds_one;    /* norms multiply by 1 + weight */
    bool scales_embedding; /* by sqrt(C), in f32 as all arithmetic is, also over bf16 weights */
    bool has_local_rope;   /* sliding layers rotate by a base of their own */
    bool has_softcaps;
    vs_sliding sliding;
    const char *pattern_key; /* NULL: the pattern is always the family's */
    /* defaults; 0 or -1: none */
    size_t head_dim, n_heads, n_kv_heads, n_vocab, n_positions, window, pattern;
    double rope_theta, rope_local_theta, query_scalar, attn_softcap, final_softcap;
    bool is_tied;
    int bos_id, eos_id;
} vs_family;
extern const vs_family vs_families[VS_N_FAMILIES];

typedef struct vs_config {
    vs_family_id family;
    size_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ffn, n_vocab;
    size_t n_positions;      /* what a row may have: at most VS_MAX_POSITIONS */
    size_t stated_positions; /* what config.json says; 0: n_positions */
    double rope_theta, rms_eps;
    double rope_local_theta;            /* of sliding layers; 0: they rotate as all do */
    vs_rope_scaling rope;               /* of the layers that rotate by rope_theta */
    double query_scalar;                /* scores are divided by its square root; 0: head_dim */
    double attn_softcap, final_softcap; /* 0: none */
    size_t window;                      /* of sliding layers; 0: there are none */
    bool is_sliding[VS_MAX_LAYERS];
    bool is_tied; /* the output head is the embedding */
    bool
        is_text_part; /* of a model that sees images as well: the rest of its weights is passed over */
    bool has_value; /* a value head: score.weight, score.bias (model.h) */
    int32_t bos_id; /* -1: none */
    /* where sampling stops; eos_ids[0] ends a training row given as text */
    int32_t eos_ids[VS_MAX_EOS];
    size_t n_eos;
    vs_dtype dtype; /* torch_dtype: how the folder is written back */
} vs_config;

/* n_positions from stated_positions and head_dim. */
void vs_config_use_positions(vs_config *c);

static inline const vs_family *vs_config_family(const vs_config *c)
{
    return &vs_families[c->family];
}

/* "LlamaForCausalLM"; with a value head "LlamaForTokenClassification", of one label. */
enum { VS_ARCHITECTURE_BYTES = 64 };
void vs_architecture(char name[VS_ARCHITECTURE_BYTES], const vs_family *f, bool has_value);

/* Reads DIR/config.json in the spelling of transformers 4 (rope_theta, rope_scaling, torch_dtype) or 5 (rope_parameters,
 * dtype), and the end tokens of generation_config.json and tokenizer_config.json beside it. Of Gemma 3 with images ("model_type": "gemma3") the language model is read. What would change the computation and is not supported is refused by name. */
VS_NODISCARD vs_status vs_config_read(vs_config *out, const char *dir, vs_error *err);
/* Writes a config.json that transformers 4 and 5 load, with sorted keys. */
VS_NODISCARD vs_status vs_config_write(const vs_config *c, const char *dir, vs_error *err);
#endif
