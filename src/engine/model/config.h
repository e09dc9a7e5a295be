/* config.h - the shape of a Llama-shaped model, as config.json gives it. Plain data; zeroed is empty. */
#ifndef VS_MODEL_CONFIG_H
#define VS_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    VS_MAX_EOS = 8,
    VS_MAX_LAYERS = 512,
    VS_MAX_WIDTH = 1 << 16,   /* C, F, and heads * head_dim */
    VS_MAX_VOCAB = 1 << 20,
    VS_MAX_POSITIONS = 1 << 20,
};

typedef enum vs_dtype { VS_F32, VS_BF16 } vs_dtype; /* of weights on disk; in memory all is f32 */

typedef struct vs_config {
    size_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ffn, n_vocab, n_positions;
    double rope_theta, rms_eps;
    bool is_tied;              /* the output head is the embedding */
    int32_t bos_id;            /* -1: none */
    int32_t eos_ids[VS_MAX_EOS]; /* where sampling stops; eos_ids[0] ends a training row given as text */
    size_t n_eos;
    vs_dtype dtype;            /* torch_dtype: how the folder is written back */
} vs_config;

/* Reads DIR/config.json (model_type llama; rope_scaling null or default, hidden_act silu, no biases: anything else is refused
 * by name). head_dim defaults to hidden_size / heads, n_kv_heads to heads. */
VS_NODISCARD vs_status vs_config_read(vs_config *out, const char *dir, vs_error *err);
/* Writes a config.json that transformers loads (LlamaForCausalLM), with sorted keys. */
VS_NODISCARD vs_status vs_config_write(const vs_config *c, const char *dir, vs_error *err);
#endif
