/* folder.h - Hugging Face model folders and PEFT adapter folders, in and out.
 *
 * A model folder: config.json, model.safetensors (or model.safetensors.index.json with shards), tokenizer files.
 * An adapter folder: adapter_config.json, adapter_model.safetensors. Both get manifest.json when vstar writes them: what
 * they were made from, by content hash. */
#ifndef VS_MODEL_FOLDER_H
#define VS_MODEL_FOLDER_H

#include "base/error.h"
#include "engine/model/config.h"
#include "engine/model/params.h"

/* The table of a model's tensors, in this order (names as in transformers; which there are, the family says):
 *   model.embed_tokens.weight [V][C]
 *   per layer i, prefix model.layers.i.:
 *     input_layernorm.weight [C]; self_attn.{q,k,v}_proj.weight [H*D | G*D | G*D][C]; self_attn.o_proj.weight [C][H*D];
 *     with qkv biases: self_attn.{q,k,v}_proj.bias; with q/k norms: self_attn.{q,k}_norm.weight [D];
 *     post_attention_layernorm.weight [C]; with post norms: {pre,post}_feedforward_layernorm.weight [C];
 *     mlp.{gate,up}_proj.weight [F][C]; mlp.down_proj.weight [C][F]
 *   model.norm.weight [C]; lm_head.weight [V][C] unless tied; with a value head score.weight [1][C], score.bias [1] */
VS_NODISCARD vs_status vs_weights_table(vs_params *out, const vs_config *c, vs_error *err);

/* The same table of DIR's tensors, without numbers: only the files' headers are read and checked. */
VS_NODISCARD vs_status vs_weights_describe(vs_params *out, const vs_config *c, const char *dir,
                                           vs_error *err);

/* Reads all tensors of DIR into a new table; every tensor must be there with its shape, none may be left over
 * (rotary inv_freq buffers, and lm_head.weight beside tied embeddings when equal to them, are ignored). */
VS_NODISCARD vs_status vs_weights_read(vs_params *out, const vs_config *c, const char *dir,
                                       vs_error *err);
/* Writes config.json and model.safetensors, and copies tokenizer files byte for byte from tokenizer_dir (NULL: none). Makes DIR. */
VS_NODISCARD vs_status vs_weights_write(const vs_params *p, const vs_config *c, const char *dir,
                                        const char *tokenizer_dir, vs_error *err);

/* Copies, byte for byte, the files that travel with a model (tokenizer, chat template, generation_config.json) as far as
 * FROM_DIR has them. TO_DIR exists. */
VS_NODISCARD vs_status vs_companions_copy(const char *to_dir, const char *from_dir, vs_error *err);

/* Linear layers that LoRA can sit on, bit i of targets. */
typedef enum vs_linear { VS_Q, VS_K, VS_V, VS_O, VS_GATE, VS_UP, VS_DOWN, VS_N_LINEAR } vs_linear;
extern const char *const vs_linear_name[VS_N_LINEAR]; /* "q_proj", .. */
void vs_linear_shape(size_t *rows, size_t *cols, const vs_config *c, vs_linear which); /* out, in */

enum { VS_MAX_LORA_PATTERNS = 32, VS_LORA_PATTERN_BYTES = 128 };

/* A rank or an alpha of its own for the modules whose name the regular expression (.*\.)?(KEY)$ matches. */
typedef struct vs_lora_pattern {
    char key[VS_LORA_PATTERN_BYTES];
    double value;
} vs_lora_pattern;
typedef struct vs_lora_patterns {
    vs_lora_pattern item[VS_MAX_LORA_PATTERNS]; /* the first that matches counts */
    size_t n;
} vs_lora_patterns;

typedef struct vs_lora_config {
    size_t rank;                                /* 0: no adapter */
    double alpha;                               /* scale = alpha / rank */
    unsigned targets;                           /* bit set of vs_linear: in every layer */
    unsigned char layer_targets[VS_MAX_LAYERS]; /* further ones of single layers */
    bool is_rslora;                             /* scale = alpha / sqrt(rank): arXiv:2312.03732 */
    bool has_value; /* a value head comes along: modules_to_save ["score"] */
    vs_lora_patterns ranks, alphas;
} vs_lora_config;

static inline bool vs_lora_is_target(const vs_lora_config *l, size_t layer, vs_linear which)
{
    return ((l->targets | l->layer_targets[layer]) >> which & 1u) != 0;
}

/* Rank and scale of the adapter on one module, as PEFT finds them (peft/utils/other.py, get_pattern_key). rank and scale
 * may be NULL. */
VS_NODISCARD vs_status vs_lora_module(size_t *rank, double *scale, const vs_lora_config *l,
                                      size_t layer, vs_linear which, vs_error *err);

/* Per layer and target, PEFT names: base_model.model.model.layers.i.{self_attn|mlp}.NAME.lora_A.weight [r][in], then
 * .lora_B.weight [out][r]; with a value head base_model.model.score.weight [1][C], .bias [1]. */
VS_NODISCARD vs_status vs_lora_table(vs_params *out, const vs_config *c, const vs_lora_config *l,
                                     vs_error *err);
/* Refuses adapters with unused or missing tensors, unknown peft types, use_dora, bias != none, modules_to_save. */
VS_NODISCARD vs_status vs_lora_read(vs_params *out, vs_lora_config *l, const vs_config *c,
                                    const char *dir, vs_error *err);
VS_NODISCARD vs_status vs_lora_write(const vs_params *p, const vs_lora_config *l,
                                     const char *base_name, const char *dir, vs_error *err);
/* W += scale * B A in f32 (double sums), rounded once. A value head beside the adapter becomes the model's (c->has_value). */
VS_NODISCARD vs_status vs_lora_merge(vs_params *weights, const vs_params *lora,
                                     const vs_lora_config *l, vs_config *c, vs_error *err);

/* Whether DIR is an adapter folder (has adapter_config.json). */
bool vs_is_adapter(const char *dir);
#endif
