/* model.h - a model of one of the families (config.h), ready to compute: weights laid out in
 * panels, one layer loop for every use.
 *
 * Ownership: a base (base.h) may be shared by several vs_model (an adapter each); close models before
 *            their base.
 * Threads:   a base and a model are read-only in use (training aside); each caller brings its own
 *            vs_work. vs_forward may be called from inside a part of a job (base/threads.h), where it runs serially.
 * Bits:      a row's numbers depend on its own tokens, its prompt and the weights alone. */
#ifndef VS_MODEL_MODEL_H
#define VS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "engine/model/base.h"
#include "engine/model/config.h"
#include "engine/model/folder.h"
#include "engine/model/params.h"
#include "engine/tensor/par.h"

typedef struct vs_lora_lin {
    const vs_tensor *a, *b; /* NULL: no adapter on this linear */
    vs_panels a_fwd, b_fwd; /* u = scale * (x A^T); y += u B^T */
    vs_panels a_bwd, b_bwd;
    float scale;
} vs_lora_lin;

typedef struct vs_model {
    vs_base *base;
    vs_lora_config lora_config; /* rank 0: none */
    vs_params lora;
    vs_lora_lin *lora_lin;                      /* [n_layers][VS_N_LINEAR] */
    size_t lora_rank;                           /* the largest of all modules */
    const vs_params *value_params;              /* where the value head is; NULL: there is none */
    const vs_tensor *value_weight, *value_bias; /* [1][C], [1] */
    vs_attn_shape shape, sliding; /* of layers that see everything, and of those that slide */
    char hash[VS_HASH_HEX]; /* of everything that decides its numbers: config, weights, adapter, and
                               compute */
} vs_model;

static inline const vs_attn_shape *vs_layer_shape(const vs_model *m, const vs_layer *l)
{
    return l->is_sliding ? &m->sliding : &m->shape;
}

static inline const float *vs_layer_rope(const vs_model *m, const vs_layer *l)
{
    return m->base->rope[l->is_sliding && m->base->rope[1].cos_sin ? 1 : 0].cos_sin;
}

/* adapter NULL and lora NULL: the base itself. Takes over *lora (zeroed on success). */
VS_NODISCARD vs_status vs_model_create(vs_model **out, vs_base *base, const vs_lora_config *config,
                                       vs_params *lora, vs_error *err);
/* adapter_dir NULL: none. */
VS_NODISCARD vs_status vs_model_open(vs_model **out, vs_base *base, const char *adapter_dir,
                                     vs_error *err);
/* The same with a fresh value head of zeros beside the adapter where it has none; on a base: vs_base_open_valued. */
VS_NODISCARD vs_status vs_model_open_valued(vs_model **out, vs_base *base, const char *adapter_dir,
                                            vs_error *err);
void vs_model_close(vs_model *m); /* NULL is allowed; the base stays */

/* Fresh adapter, as PEFT: A uniform in +-1/sqrt(in) (Kaiming, a = sqrt 5), B zero. */
void vs_lora_init(vs_params *p, uint64_t seed);

/* After the weights (or the adapter) changed: panels. bwd: backward panels too. After a failure the
 * model may be packed again or closed, not computed with. */
VS_NODISCARD vs_status vs_model_repack(vs_model *m, bool bwd, vs_error *err);
VS_NODISCARD vs_status vs_model_rehash(vs_model *m, vs_error *err);
/* Of a trained model, before its folder is written: the weights become what the folder holds, which
 * rounds those of a base in bf16, and the hash theirs. Panels stay as they are. */
VS_NODISCARD vs_status vs_model_settle(vs_model *m, vs_error *err);
/* The hash that a model has under compute, from the one that it has under f32; out may be hash. */
void vs_compute_hash(char out[VS_HASH_HEX], const char hash[VS_HASH_HEX], vs_compute compute);

/* So few parameters that a core's caches hold them: it then pays to keep all else there too. */
bool vs_model_is_small(const vs_model *m);
/* The parameters that training changes: the adapter's, or the base's. */
vs_params *vs_model_trainable(vs_model *m);

/* -- computing -- */

/* Rows of tokens and who attends to whom. Rows of one group are consecutive, in order of its spans.
 */
typedef struct vs_batch {
    const int32_t *tokens, *pos; /* [n_rows] */
    size_t n_rows;
    const vs_attn_group *groups;
    size_t n_groups;
} vs_batch;

/* What one layer computes on the way; in inference h1 and h2, r1 and r2 share memory. All
 * [rows][..]. */
typedef struct vs_acts {
    float *h1, *h2;            /* [C] after each norm */
    float *r1, *r2;            /* 1 / rms */
    float *qkv;                /* [(H + 2G) D], q and k rotated */
    float *att;                /* [H D] */
    float *raw1, *raw2, *post; /* [C] attention's and feed-forward's output, before their post norm
                                  and (either one's) after it; NULL without post norms */
    float *r_post1, *r_post2;
    float *qk, *r_qk;    /* [(H + G) D] q and k before their norms, [H + G]; qk NULL unless kept */
    float *gu, *act;     /* [2F], [F] */
    float *lora_u;       /* [rank]; NULL without an adapter */
    float *attn_scratch; /* n_threads times attn_floats */
    size_t attn_floats, n_threads;
} vs_acts;

/* Scratch for batches of up to max_rows rows whose queries see up to max_keys keys. */
typedef struct vs_work {
    vs_arena *arena;
    size_t max_rows;
    float *x; /* [max_rows][C] */
    vs_acts acts;
} vs_work;
/* n_threads 1: for use inside a part of a job. keep: h1 and h2, r1 and r2 apart, as the backward
 * pass wants them. */
typedef struct vs_work_size {
    size_t max_rows, max_keys, n_threads;
    bool keep;
} vs_work_size;
VS_NODISCARD vs_status vs_work_open(vs_work *w, const vs_model *m, const vs_work_size *size,
                                    vs_error *err);
void vs_work_close(vs_work *w); /* zeroed is allowed */

/* What the forward pass leaves for the backward pass. What is not kept is computed again, to the
 * same bits.
 *   x    [n_layers + 1][rows][C]: each layer's input, and last the input of the final norm
 *   kept [n_kept][vs_kept_floats]: what products and attention of the last n_kept layers made */
typedef struct vs_saved {
    float *x, *kept;
    size_t n_kept; /* at most n_layers; 0: kept may be NULL */
} vs_saved;
size_t vs_kept_floats(const vs_model *m, size_t rows); /* of one layer */
/* A layer's acts: those of the work, with what is kept in its place. *x_mid [rows][C]: after attention; NULL: not kept. */
vs_acts vs_kept_acts(float **x_mid, const vs_model *m, const vs_acts *work, const vs_saved *s,
                     size_t layer, size_t rows);

/* Runs all layers over the batch; stores keys and values into the spans' segments (whose len the
 * caller then sets). hidden [n_rows][C]: after the last norm. saved: filled for the backward pass;
 * NULL: there is none. */
void vs_forward(const vs_model *m, const vs_batch *b, vs_work *w, float *hidden,
                const vs_saved *saved);

/* The two halves of a layer: x += attention(norm1(x)), then acts of the feed-forward part, then x
 * += down(act). */
void vs_layer_attention(const vs_model *m, size_t layer, const vs_batch *b, const vs_acts *a,
                        float *x);
void vs_layer_mlp_acts(const vs_model *m, size_t layer, size_t rows, const vs_acts *a,
                       const float *x);
/* The norms and the activation of a layer whose products are kept. */
void vs_layer_refresh(const vs_model *m, size_t layer, size_t rows, const vs_acts *a,
                      const float *x_in, const float *x_mid);
/* x NULL: only raw2 and r_post2, which a layer with post norms needs for its backward pass. */
void vs_layer_mlp_out(const vs_model *m, size_t layer, size_t rows, const vs_acts *a, float *x);

/* Gradient of everything that trains, added to grads (like vs_model_trainable(m)) as chains over
 * rows. batch groups come in pairs per row group: (NULL prompt, one span) then, if there are
 * solutions, (prompt, spans) saved: from vs_forward. d_hidden [n_rows][C]: gradient of the loss by
 * hidden. embed_grads [V][C]: the embedding's side of tied weights, or the place of
 * model.embed_tokens itself; NULL: adapter. */
typedef struct vs_backward vs_backward;
VS_NODISCARD vs_status vs_backward_open(vs_backward **out, const vs_model *m,
                                        const vs_work_size *size, vs_error *err);
void vs_backward_close(vs_backward *w); /* NULL is allowed */
void vs_backward_run(vs_backward *w, const vs_model *m, const vs_batch *b, const vs_saved *saved,
                     const float *d_hidden, vs_params *grads, float *embed_grads);

/* -- the value head: one number for a row, Cobbe et al. 2021 (arXiv:2110.14168, section 4.2) -- */

/* value = w . hidden + b, in double, in order. hidden [C]: after the last norm. The model has a value head. */
double vs_value_at(const vs_model *m, const float *hidden);
/* Adds d = dL/dvalue to the head's gradients and to d_hidden [C]. */
void vs_value_backward(const vs_model *m, const float *hidden, double d, float *d_hidden,
                       vs_params *grads);

/* How many rows of tokens the layer loop has computed since the last call; for tests. */
uint64_t vs_rows_computed_take(void);
#endif
