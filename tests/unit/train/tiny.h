/* tiny.h - a small random model with every feature that shapes the bits: grouped queries, a head
 * width that is no multiple of 16, a vocabulary of more than one tile. */
#ifndef VS_TEST_TINY_H
#define VS_TEST_TINY_H

#include "engine/model/group.h"
#include "engine/tensor/half.h"
#include "vs_test.h"

typedef struct tiny {
    vs_base *base;
    vs_model *model;
} tiny;

static inline vs_config tiny_config(bool is_tied)
{
    return (vs_config){.n_layers = 2,
                       .n_embd = 24,
                       .n_heads = 4,
                       .n_kv_heads = 2,
                       .head_dim = 6,
                       .n_ffn = 40,
                       .n_vocab = 1100,
                       .n_positions = 96,
                       .rope_theta = 10000,
                       .rms_eps = 1e-5,
                       .is_tied = is_tied,
                       .bos_id = -1,
                       .eos_ids = {0},
                       .n_eos = 1};
}

/* A base of this shape; is_bf16: weights that bf16 holds exactly, which panels then keep as such. */
static inline tiny tiny_open_of(const vs_config *config, size_t rank, uint64_t seed, bool has_value,
                                bool is_bf16, vs_compute compute)
{
    vs_error err;
    tiny t = {0};
    vs_config c = *config;
    const vs_lora_config l = {.rank = rank,
                              .alpha = 2.0 * (double)rank,
                              .targets = (1U << VS_N_LINEAR) - 1,
                              .has_value = has_value};
    vs_params p = {0}, lora = {0};

    c.has_value = has_value && rank == 0;
    CHECK_OK(vs_weights_table(&p, &c, &err));
    CHECK_OK(vs_params_alloc(&p, &err));
    vs_weights_init(&p, &c, seed);
    for (size_t i = 0; is_bf16 && i < p.n; i++)
        p.data[i] = vs_f32_of_bf16(vs_bf16_of_f32(p.data[i]));
    CHECK_OK(vs_base_create(&t.base, &c, &p, compute, &err));
    if (rank) {
        CHECK_OK(vs_lora_table(&lora, &c, &l, &err));
        CHECK_OK(vs_params_alloc(&lora, &err));
        vs_lora_init(&lora, seed + 1);
        CHECK_OK(vs_model_create(&t.model, t.base, &l, &lora, &err));
    } else {
        CHECK_OK(vs_model_create(&t.model, t.base, NULL, NULL, &err));
    }
    return t;
}

static inline tiny tiny_open_as(bool is_tied, size_t rank, uint64_t seed, bool has_value,
                                bool is_bf16, vs_compute compute)
{
    const vs_config c = tiny_config(is_tied);

    return tiny_open_of(&c, rank, seed, has_value, is_bf16, compute);
}

static inline tiny tiny_open_with(bool is_tied, size_t rank, uint64_t seed, bool has_value)
{
    return tiny_open_as(is_tied, rank, seed, has_value, false, VS_COMPUTE_F32);
}

static inline tiny tiny_open(bool is_tied, size_t rank, uint64_t seed)
{
    return tiny_open_with(is_tied, rank, seed, false);
}

static inline void tiny_close(tiny *t)
{
    vs_model_close(t->model);
    vs_base_close(t->base);
}
#endif
