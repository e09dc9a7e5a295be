/* base.h - the weights of a model, laid out in panels for its products.
 *
 * Ownership: a base owns its weights and panels; what refers to them closes first.
 * Threads:   read-only in use (training aside). */
#ifndef VS_MODEL_BASE_H
#define VS_MODEL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "engine/model/config.h"
#include "engine/model/folder.h"
#include "engine/model/params.h"
#include "engine/tensor/par.h"

/* One matrix product of a layer, possibly several weights side by side (q, k, v; gate, up). */
typedef struct vs_lin {
    size_t n, k; /* out, in */
    size_t n_parts;
    vs_linear which[3];
    size_t col[3]; /* first output column of each part */
    const vs_tensor *w[3];
    const vs_tensor *bias[3]; /* NULL: none */
    vs_panels fwd;            /* y = x W^T + bias */
    vs_panels bwd;            /* dx = dy W; only while training */
} vs_lin;

enum { VS_LIN_QKV, VS_LIN_O, VS_LIN_GATE_UP, VS_LIN_DOWN, VS_N_LIN };

/* RMSNorm: y = x / rms(x) * scale. weight NULL: the family has no such norm. */
typedef struct vs_norm {
    const vs_tensor *weight;
    float *scale; /* the weight, or 1 + weight where the family says so (then the base owns it) */
} vs_norm;

typedef struct vs_layer {
    vs_norm norm1, norm2; /* before attention, before feed-forward */
    vs_norm post1, post2; /* after them */
    vs_norm q_norm, k_norm;
    vs_lin lin[VS_N_LIN];
    bool is_sliding;
} vs_layer;

/* How the layers' and the head's products are computed: in f32, or over activations and weights
 * rounded to bf16 (gemm_dot), twice as fast where the processor has an instruction for it.
 * An adapter's own products, which are thin, and all else stay in f32. The two give different
 * numbers, so a model's hash tells them apart; only f32 trains. */
typedef enum vs_compute { VS_COMPUTE_F32, VS_COMPUTE_BF16 } vs_compute;

typedef struct vs_base {
    const vs_ops *ops;
    vs_compute compute;
    vs_config config;
    vs_params params;
    vs_layer *layers;
    const vs_tensor *embed, *head; /* head == embed when tied */
    vs_norm norm;
    float embed_scale;
    vs_panels head_fwd, head_bwd;
    vs_arena *panels;               /* where those of layers and head lie */
    bool is_trained;                /* its own weights, that is */
    char weights_hash[VS_HASH_HEX]; /* of vs_base_load's, which do not change; else "" */
    vs_rope rope[2]; /* [1]: of sliding layers with a rope of their own, else closed */
    float
        *plus_one; /* the norms' scales 1 + weight, one after another; NULL: they are the weights */
} vs_base;

/* A base for use: scoring, sampling, training an adapter over it. fill gives each tensor of
 * vs_weights_table once, in its order. What only products read, the layers' linear weights and a
 * head that is not tied, goes into panels product by product and is nowhere else (VS_NO_PLACE). */
VS_NODISCARD vs_status vs_base_load(vs_base **out, const vs_config *c, vs_tensor_fill *fill,
                                    void *ctx, vs_compute compute, vs_error *err);
/* The same from a folder. */
VS_NODISCARD vs_status vs_base_open(vs_base **out, const char *dir, vs_compute compute,
                                    vs_error *err);
/* A base that may train and be written as well: all its weights stay, beside their panels. Takes
 * over *params (zeroed on success). */
VS_NODISCARD vs_status vs_base_create(vs_base **out, const vs_config *c, vs_params *params,
                                      vs_compute compute, vs_error *err);
VS_NODISCARD vs_status vs_base_open_trainable(vs_base **out, const char *dir, vs_error *err);
/* With a fresh value head of zeros where the folder has none. */
VS_NODISCARD vs_status vs_base_open_valued(vs_base **out, const char *dir, vs_error *err);
/* With the weights of vs_weights_init. */
VS_NODISCARD vs_status vs_base_create_fresh(vs_base **out, const vs_config *c, uint64_t seed,
                                            vs_error *err);
void vs_base_close(vs_base *b); /* NULL is allowed */
/* Panels after the base's own weights changed; bwd: those for the backward pass too, from when on none are bf16. */
VS_NODISCARD vs_status vs_base_repack(vs_base *b, bool bwd, vs_error *err);
/* Panels for the backward pass of a base that stays as it is. */
VS_NODISCARD vs_status vs_base_pack_backward(vs_base *b, vs_error *err);

/* Fresh weights: linear N(0, 1 / in), the two outputs into the residual divided by sqrt(2 *
 * layers), embedding sd 0.057, head as a linear layer, norms 1. Draws keyed by (seed, tensor,
 * element). */
void vs_weights_init(vs_params *p, const vs_config *c, uint64_t seed);
/* One tensor of them, the table's index-th. */
void vs_tensor_init(float *x, const vs_tensor *t, size_t index, const vs_config *c, uint64_t seed);
#endif
