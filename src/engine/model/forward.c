/* forward.c - the layer loop: prefill, decoding, scoring and training all run through here.
 *
 * Shapes: T = b->n_rows rows, C width, H query heads, G key-value heads, D head width, F
 * feed-forward width. */
#include <stdatomic.h>
#include <string.h>

#include "engine/model/model.h"
#include "engine/tensor/par.h"

static _Atomic uint64_t rows_computed;

uint64_t vs_rows_computed_take(void)
{
    return atomic_exchange(&rows_computed, 0);
}

/* y[:, part] += scale * (x A^T) B^T for each part that has an adapter. */
static void lora_forward(const vs_model *m, size_t layer, const vs_lin *lin, float *y,
                         const float *x, size_t rows, const vs_acts *a)
{
    const vs_ops *o = m->base->ops;

    for (size_t i = 0; i < lin->n_parts; i++) {
        const vs_lora_lin *l = &m->lora_lin[layer * VS_N_LINEAR + (size_t)lin->which[i]];
        if (!l->a) continue;
        const size_t r = l->a->rows, n = l->b->rows;
        vs_matmul(o, a->lora_u, r, x, lin->k, &l->a_fwd, rows, false);
        vs_matmul(o, a->lora_t, n, a->lora_u, r, &l->b_fwd, rows, false);
        for (size_t t = 0; t < rows; t++)
            o->add_scaled(y + t * lin->n + lin->col[i], a->lora_t + t * n, m->lora_scale, n);
    }
}

/* y [rows][lin->n] = x W^T, or += when accumulate (the chain starts from y: the residual). */
static void lin_forward(const vs_model *m, size_t layer, int kind, float *y, const float *x,
                        size_t rows, bool accumulate, const vs_acts *a)
{
    const vs_lin *lin = &m->base->layers[layer].lin[kind];

    vs_matmul(m->base->ops, y, lin->n, x, lin->k, &lin->fwd, rows, accumulate);
    if (m->lora_config.rank) lora_forward(m, layer, lin, y, x, rows, a);
}

typedef struct norm_job {
    const vs_ops *ops;
    float *y, *inv_rms;
    const float *x, *w;
    size_t c;
    float eps;
} norm_job;

static void norm_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const norm_job *j = ctx;
    (void)thread;
    j->ops->rmsnorm(j->y + begin * j->c, j->inv_rms + begin, j->x + begin * j->c, j->w, end - begin,
                    j->c, j->eps);
}

static void norm(const vs_model *m, float *y, float *inv_rms, const float *x, const vs_tensor *w,
                 size_t rows, size_t n_threads)
{
    const size_t c = m->base->config.n_embd;
    norm_job job = {m->base->ops,
                    y,
                    inv_rms,
                    x,
                    m->base->params.data + w->offset,
                    c,
                    (float)m->base->config.rms_eps};

    vs_parallel_range(rows, 8.0 * (double)c, n_threads, norm_range, &job);
}

typedef struct attn_job {
    const vs_model *m;
    const vs_batch *b;
    const vs_acts *a;
    size_t kv_layer, ld_qkv;
} attn_job;

/* Rotates and stores: rows of one range of groups. */
static void rope_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_job *j = ctx;
    const vs_config *c = &j->m->base->config;
    const vs_ops *o = j->m->base->ops;
    const size_t hd = c->n_heads * c->head_dim, gd = c->n_kv_heads * c->head_dim;
    (void)thread;

    for (size_t i = begin; i < end; i++) {
        for (size_t s = 0; s < j->b->groups[i].n_spans; s++) {
            const vs_span *span = &j->b->groups[i].spans[s];
            float *q = j->a->qkv + span->row * j->ld_qkv;
            /* q and k lie side by side: one rotation over H + G heads */
            o->rope(q, j->ld_qkv, j->b->pos + span->row, j->m->base->cos_sin, span->n,
                    c->n_heads + c->n_kv_heads, c->head_dim, 1.0F);
            o->kv_store(&j->m->shape, span, j->kv_layer, q + hd, q + hd + gd, j->ld_qkv);
        }
    }
}

/* Task i: group i / G, kv head i % G. */
static void attn_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_job *j = ctx;
    const size_t n_kv = j->m->base->config.n_kv_heads;

    for (size_t i = begin; i < end; i++)
        j->m->base->ops->attn(&j->m->shape, &j->b->groups[i / n_kv], j->kv_layer, i % n_kv,
                              j->a->qkv, j->ld_qkv, j->a->att,
                              j->m->base->config.n_heads * j->m->base->config.head_dim,
                              j->a->attn_scratch + thread * j->a->attn_floats);
}

void vs_layer_attention(const vs_model *m, size_t layer, size_t kv_layer, const vs_batch *b,
                        const vs_acts *a, float *x)
{
    const vs_config *c = &m->base->config;
    const size_t rows = b->n_rows, ld = (c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    attn_job job = {m, b, a, kv_layer, ld};
    const double rows_per_group = (double)rows / (double)b->n_groups;

    norm(m, a->h1, a->r1, x, m->base->layers[layer].norm1, rows, a->n_threads); /* [T][C] */
    lin_forward(m, layer, VS_LIN_QKV, a->qkv, a->h1, rows, false, a);           /* [T][(H+2G)D] */
    vs_parallel_range(b->n_groups, 8.0 * rows_per_group * (double)ld, a->n_threads, rope_range,
                      &job);
    vs_parallel_range(b->n_groups * c->n_kv_heads, 200.0 * rows_per_group * (double)ld,
                      a->n_threads, attn_range, &job);         /* [T][H D] */
    lin_forward(m, layer, VS_LIN_O, x, a->att, rows, true, a); /* x += */
}

typedef struct swiglu_job {
    const vs_ops *ops;
    float *act;
    const float *gu;
    size_t f;
} swiglu_job;

static void swiglu_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const swiglu_job *j = ctx;
    (void)thread;
    j->ops->swiglu(j->act + begin * j->f, j->gu + begin * 2 * j->f, end - begin, j->f);
}

void vs_layer_mlp_acts(const vs_model *m, size_t layer, size_t rows, const vs_acts *a,
                       const float *x)
{
    swiglu_job job = {m->base->ops, a->act, a->gu, m->base->config.n_ffn};

    norm(m, a->h2, a->r2, x, m->base->layers[layer].norm2, rows, a->n_threads);      /* [T][C] */
    lin_forward(m, layer, VS_LIN_GATE_UP, a->gu, a->h2, rows, false, a);             /* [T][2F] */
    vs_parallel_range(rows, 32.0 * (double)job.f, a->n_threads, swiglu_range, &job); /* [T][F] */
}

void vs_layer_mlp_out(const vs_model *m, size_t layer, size_t rows, const vs_acts *a, float *x)
{
    lin_forward(m, layer, VS_LIN_DOWN, x, a->act, rows, true, a); /* x += */
}

void vs_forward(const vs_model *m, const vs_batch *b, vs_work *w, float *hidden, float *saved)
{
    const vs_base *base = m->base;
    const size_t c = base->config.n_embd, n = b->n_rows * c;
    float *x = w->x;

    for (size_t t = 0; t < b->n_rows; t++)
        memcpy(x + t * c, base->params.data + base->embed->offset + (size_t)b->tokens[t] * c,
               c * sizeof *x);
    for (size_t l = 0; l < base->config.n_layers; l++) {
        if (saved) memcpy(saved + l * n, x, n * sizeof *x);
        vs_layer_attention(m, l, b->one_layer_kv ? 0 : l, b, &w->acts, x);
        vs_layer_mlp_acts(m, l, b->n_rows, &w->acts, x);
        vs_layer_mlp_out(m, l, b->n_rows, &w->acts, x);
    }
    if (saved) memcpy(saved + base->config.n_layers * n, x, n * sizeof *x);
    norm(m, hidden, w->acts.r1, x, base->norm, b->n_rows, w->acts.n_threads);
    atomic_fetch_add(&rows_computed, b->n_rows);
}
