/* families.c - the table of model families. */
#include "engine/model/config.h"

#include "base/fmath.h"

const vs_family vs_families[VS_N_FAMILIES] = {
    [VS_LLAMA] = {.model_type = "llama",
                  .architecture = "LlamaForCausalLM",
                  .act_key = "hidden_act",
                  .act = "silu",
                  .n_positions = 2048,
                  .rope_theta = 10000.0,
                  .bos_id = 1,
                  .eos_id = 2},
    [VS_MISTRAL] = {.model_type = "mistral",
                    .architecture = "MistralForCausalLM",
                    .act_key = "hidden_act",
                    .act = "silu",
                    .sliding = VS_SLIDING_ALL,
                    .n_positions = 131072,
                    .window = 4096,
                    .rope_theta = 10000.0,
                    .bos_id = 1,
                    .eos_id = 2},
    [VS_QWEN2] = {.model_type = "qwen2",
                  .architecture = "Qwen2ForCausalLM",
                  .act_key = "hidden_act",
                  .act = "silu",
                  .has_qkv_bias = true,
                  .sliding = VS_SLIDING_FROM,
                  .n_positions = 32768,
                  .window = 4096,
                  .rope_theta = 10000.0,
                  .bos_id = -1,
                  .eos_id = -1},
    [VS_QWEN3] = {.model_type = "qwen3",
                  .architecture = "Qwen3ForCausalLM",
                  .act_key = "hidden_act",
                  .act = "silu",
                  .has_qk_norm = true,
                  .sliding = VS_SLIDING_FROM,
                  .head_dim = 128,
                  .n_positions = 32768,
                  .window = 4096,
                  .rope_theta = 10000.0,
                  .bos_id = -1,
                  .eos_id = -1},
    [VS_GEMMA2] = {.model_type = "gemma2",
                   .architecture = "Gemma2ForCausalLM",
                   .act_key = "hidden_activation",
                   .act = "gelu_pytorch_tanh",
                   .has_gelu = true,
                   .has_post_norms = true,
                   .norm_adds_one = true,
                   .scales_embedding = true,
                   .has_softcaps = true,
                   .sliding = VS_SLIDING_PATTERN,
                   .head_dim = 256,
                   .n_positions = 8192,
                   .window = 4096,
                   .pattern = 2,
                   .rope_theta = 10000.0,
                   .query_scalar = 256.0,
                   .attn_softcap = 50.0,
                   .final_softcap = 30.0,
                   .is_tied = true,
                   .bos_id = 2,
                   .eos_id = 1},
    [VS_GEMMA3] = {.model_type = "gemma3_text",
                   .architecture = "Gemma3ForCausalLM",
                   .act_key = "hidden_activation",
                   .act = "gelu_pytorch_tanh",
                   .has_gelu = true,
                   .has_qk_norm = true,
                   .has_post_norms = true,
                   .norm_adds_one = true,
                   .scales_embedding = true,
                   .has_local_rope = true,
                   .has_softcaps = true,
                   .sliding = VS_SLIDING_PATTERN,
                   .head_dim = 256,
                   .n_positions = 131072,
                   .window = 4096,
                   .pattern = 6,
                   .rope_theta = 1000000.0,
                   .rope_local_theta = 10000.0,
                   .query_scalar = 256.0,
                   .is_tied = true,
                   .bos_id = 2,
                   .eos_id = 1},
};

const char *const vs_rope_type_name[VS_N_ROPE_TYPES] = {"default", "linear", "llama3"};

static const double two_pi = 6.28318530717958647692;

double vs_rope_frequency(const vs_rope_scaling *s, double theta, size_t i, size_t d)
{
    const double plain = vs_pow(theta, -2.0 * (double)i / (double)d);

    if (s->type == VS_ROPE_LINEAR) return plain / s->factor;
    if (s->type != VS_ROPE_LLAMA3) return plain;
    const double turns = (double)s->original_positions * plain / two_pi;
    if (turns < s->low_freq_factor) return plain / s->factor;
    if (turns > s->high_freq_factor) return plain;
    const double smooth = (turns - s->low_freq_factor) / (s->high_freq_factor - s->low_freq_factor);
    return (1.0 - smooth) * plain / s->factor + smooth * plain;
}
