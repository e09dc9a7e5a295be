/* forward.c - the layer loop: prefill, decoding, scoring and training all run through here.
 *
 * Shapes: T = b->n_rows rows, C width, H query heads, G key-value heads, D head width, F
 * feed-forward width. */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/threads.h"
#include "engine/model/model.h"
#include "engine/tensor/par.h"

static _Atomic uint64_t rows_computed;

uint64_t vs_rows_computed_take(void)
{
    return atomic_exchange(&rows_computed, 0);
}

/* y[:, part] += (scale * (x A^T)) B^T for each part that has an adapter: y's chains go on. */
static void lora_forward(const vs_model *m, size_t layer, const vs_lin *lin, float *y,
                         const float *x, size_t rows, const vs_acts *a)
{
    const vs_ops *o = m->base->ops;

    for (size_t i = 0; i < lin->n_parts; i++) {
        const vs_lora_lin *l = &m->lora_lin[layer * VS_N_LINEAR + (size_t)lin->which[i]];
        if (!l->a) continue;
        const size_t r = l->a->rows;
        vs_matmul(o, a->lora_u, r, x, lin->k, &l->a_fwd, rows, false);
        for (size_t j = 0; j < rows * r; j++) a->lora_u[j] *= l->scale;
        vs_matmul(o, y + lin->col[i], lin->n, a->lora_u, r, &l->b_fwd, rows, true);
    }
}

/* Each row of y is the bias. */
static void start_from_bias(const vs_model *m, float *y, const vs_lin *lin, size_t rows)
{
    for (size_t i = 0; i < lin->n_parts; i++) {
        const float *bias = m->base->params.data + lin->bias[i]->offset;
        for (size_t t = 0; t < rows; t++)
            memcpy(y + t * lin->n + lin->col[i], bias, lin->bias[i]->cols * sizeof *y);
    }
}

/* y [rows][lin->n] = x W^T + bias, or += when accumulate (the chain starts from y: the residual),
 * which no linear with a bias may: the bias is where its chain starts. */
static void lin_forward(const vs_model *m, size_t layer, int kind, float *y, const float *x,
                        size_t rows, bool accumulate, const vs_acts *a)
{
    const vs_lin *lin = &m->base->layers[layer].lin[kind];
    const bool has_bias = lin->bias[0] != NULL;

    assert(!(has_bias && accumulate));
    if (has_bias) start_from_bias(m, y, lin, rows);
    vs_matmul(m->base->ops, y, lin->n, x, lin->k, &lin->fwd, rows, accumulate || has_bias);
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

static void norm(const vs_model *m, float *y, float *inv_rms, const float *x, const vs_norm *n,
                 size_t rows, size_t n_threads)
{
    const size_t c = m->base->config.n_embd;
    norm_job job = {m->base->ops, y, inv_rms, x, n->scale, c, (float)m->base->config.rms_eps};

    vs_parallel_range(rows, 8.0 * (double)c, n_threads, norm_range, &job);
}

typedef struct attn_job {
    const vs_model *m;
    const vs_batch *b;
    const vs_acts *a;
    size_t layer_index, ld_qkv, n_pieces;
    const vs_layer *layer;
    const vs_attn_shape *shape;
} attn_job;

/* RMSNorm of every head of rows row .. row + n - 1 in place; what was there is kept if the backward
 * pass wants it. */
static void qk_norm(const attn_job *j, size_t row, size_t n)
{
    const vs_config *c = &j->m->base->config;
    const size_t d = c->head_dim, heads = c->n_heads + c->n_kv_heads;
    const float eps = (float)c->rms_eps;

    for (size_t t = row; t < row + n; t++) {
        float *q = j->a->qkv + t * j->ld_qkv, *k = q + c->n_heads * d, *r = j->a->r_qk + t * heads;

        if (j->a->qk) memcpy(j->a->qk + t * heads * d, q, heads * d * sizeof *q);
        j->m->base->ops->rmsnorm(q, r, q, j->layer->q_norm.scale, c->n_heads, d, eps);
        j->m->base->ops->rmsnorm(k, r + c->n_heads, k, j->layer->k_norm.scale, c->n_kv_heads, d,
                                 eps);
    }
}

/* Rows begin .. end - 1 of the batch that are of this span. */
static vs_span part_of_span(const vs_span *span, size_t begin, size_t end)
{
    const size_t first = span->row > begin ? span->row : begin;
    const size_t last = span->row + span->n < end ? span->row + span->n : end;

    return (vs_span){.seg = span->seg,
                     .row = first,
                     .n = last > first ? last - first : 0,
                     .start = span->start + (first - span->row)};
}

/* Norms, rotates and stores rows begin .. end - 1. */
static void rope_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_job *j = ctx;
    const vs_config *c = &j->m->base->config;
    const vs_ops *o = j->m->base->ops;
    const size_t hd = c->n_heads * c->head_dim, gd = c->n_kv_heads * c->head_dim;
    (void)thread;

    for (size_t i = 0; i < j->b->n_groups; i++) {
        for (size_t s = 0; s < j->b->groups[i].n_spans; s++) {
            const vs_span span = part_of_span(&j->b->groups[i].spans[s], begin, end);
            if (span.n == 0) continue;
            float *q = j->a->qkv + span.row * j->ld_qkv;
            if (j->layer->q_norm.weight) qk_norm(j, span.row, span.n);
            /* q and k lie side by side: one rotation over H + G heads */
            o->rope(q, j->ld_qkv, j->b->pos + span.row, vs_layer_rope(j->m, j->layer), span.n,
                    c->n_heads + c->n_kv_heads, c->head_dim, 1.0F);
            o->kv_store(j->shape, &span, j->layer_index, q + hd, q + hd + gd, j->ld_qkv);
        }
    }
}

/* Tokens begin .. end - 1 of a group, its spans' counted through. */
static void attn_tokens(const attn_job *j, const vs_attn_group *group, size_t kv_head, size_t begin,
                        size_t end, size_t thread)
{
    const vs_config *c = &j->m->base->config;
    size_t at = 0;

    for (size_t i = 0, next; i < group->n_spans && at < end; i = next) {
        const vs_span *span = &group->spans[i];
        const size_t first = begin > at ? begin - at : 0;
        const size_t last = end - at < span->n ? end - at : span->n;
        const vs_span piece = {.seg = span->seg,
                               .row = span->row + first,
                               .n = last - first,
                               .start = span->start + first};
        vs_attn_group g = *group;

        next = i + 1;
        at += span->n;
        if (first >= last) continue;
        if (piece.n == span->n) { /* as many whole ones as there are in a row */
            for (; next < group->n_spans && at + group->spans[next].n <= end; next++)
                at += group->spans[next].n;
            g.spans = span;
            g.n_spans = next - i;
        } else {
            g.spans = &piece;
            g.n_spans = 1;
        }
        j->m->base->ops->attn(j->shape, &g, j->layer_index, kv_head, j->a->qkv, j->ld_qkv,
                              j->a->att, c->n_heads * c->head_dim,
                              j->a->attn_scratch + thread * j->a->attn_floats);
    }
}

/* Task i: piece i % n_pieces of a group's tokens, of its kv head and group i / n_pieces. */
static void attn_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_job *j = ctx;
    const size_t n_heads = j->m->base->config.n_kv_heads;

    for (size_t i = begin; i < end; i++) {
        const size_t piece = i % j->n_pieces, head = i / j->n_pieces;
        const vs_attn_group *g = &j->b->groups[head / n_heads];
        size_t n = 0;

        for (size_t k = 0; k < g->n_spans; k++) n += g->spans[k].n;
        attn_tokens(j, g, head % n_heads, n * piece / j->n_pieces, n * (piece + 1) / j->n_pieces,
                    thread);
    }
}

/* Pieces of each group, so that few heads do not leave a thread without work. */
static size_t attn_pieces(size_t n_heads, size_t n_threads)
{
    const size_t wanted = n_threads > 1 ? VS_PARTS_OF_THREAD * n_threads : 1;

    return n_heads >= wanted ? 1 : (wanted + n_heads - 1) / n_heads;
}

typedef struct add_job {
    const vs_ops *ops;
    float *y;
    const float *x;
    size_t n;
} add_job;

static void add_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const add_job *j = ctx;
    (void)thread;
    j->ops->add(j->y + begin * j->n, j->x + begin * j->n, (end - begin) * j->n);
}

/* y += x, [rows][n]. */
static void add_rows(const vs_model *m, float *y, const float *x, size_t rows, size_t n,
                     size_t n_threads)
{
    add_job job = {m->base->ops, y, x, n};

    vs_parallel_range(rows, (double)n, n_threads, add_range, &job);
}

/* x += W in, or with a post norm x += norm(W in), where raw keeps W in. x NULL: raw alone. */
static void join_residual(const vs_model *m, size_t layer, int kind, const vs_norm *post, float *x,
                          const float *in, float *raw, float *inv_rms, size_t rows,
                          const vs_acts *a)
{
    if (!post->weight) {
        if (x) lin_forward(m, layer, kind, x, in, rows, true, a);
        return;
    }
    lin_forward(m, layer, kind, raw, in, rows, false, a);
    norm(m, a->post, inv_rms, raw, post, rows, a->n_threads);
    if (x) add_rows(m, x, a->post, rows, m->base->config.n_embd, a->n_threads);
}

void vs_layer_attention(const vs_model *m, size_t layer, const vs_batch *b, const vs_acts *a,
                        float *x)
{
    const vs_config *c = &m->base->config;
    const vs_layer *l = &m->base->layers[layer];
    const size_t rows = b->n_rows, ld = (c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    const size_t heads = b->n_groups * c->n_kv_heads, pieces = attn_pieces(heads, a->n_threads);
    attn_job job = {m, b, a, layer, ld, pieces, l, vs_layer_shape(m, l)};
    const double rows_per_group = (double)rows / (double)b->n_groups;

    norm(m, a->h1, a->r1, x, &l->norm1, rows, a->n_threads);          /* [T][C] */
    lin_forward(m, layer, VS_LIN_QKV, a->qkv, a->h1, rows, false, a); /* [T][(H+2G)D] */
    vs_parallel_range(rows, 8.0 * (double)ld, a->n_threads, rope_range, &job);
    vs_parallel_range(heads * pieces, 200.0 * rows_per_group * (double)ld / (double)pieces,
                      a->n_threads, attn_range, &job); /* [T][H D] */
    join_residual(m, layer, VS_LIN_O, &l->post1, x, a->att, a->raw1, a->r_post1, rows, a);
}

typedef struct glu_job {
    void (*glu)(float *a, const float *gu, size_t rows, size_t f);
    float *act;
    const float *gu;
    size_t f;
} glu_job;

static void glu_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const glu_job *j = ctx;
    (void)thread;
    j->glu(j->act + begin * j->f, j->gu + begin * 2 * j->f, end - begin, j->f);
}

/* act [T][F] from gu [T][2F]. */
static void glu(const vs_model *m, size_t rows, const vs_acts *a)
{
    const vs_ops *o = m->base->ops;
    const vs_family *family = vs_config_family(&m->base->config);
    glu_job job = {family->has_gelu ? o->geglu : o->swiglu, a->act, a->gu, m->base->config.n_ffn};

    vs_parallel_range(rows, 32.0 * (double)job.f, a->n_threads, glu_range, &job);
}

void vs_layer_mlp_acts(const vs_model *m, size_t layer, size_t rows, const vs_acts *a,
                       const float *x)
{
    norm(m, a->h2, a->r2, x, &m->base->layers[layer].norm2, rows, a->n_threads); /* [T][C] */
    lin_forward(m, layer, VS_LIN_GATE_UP, a->gu, a->h2, rows, false, a);         /* [T][2F] */
    glu(m, rows, a);
}

void vs_layer_refresh(const vs_model *m, size_t layer, size_t rows, const vs_acts *a,
                      const float *x_in, const float *x_mid)
{
    const vs_layer *l = &m->base->layers[layer];

    norm(m, a->h1, a->r1, x_in, &l->norm1, rows, a->n_threads);
    norm(m, a->h2, a->r2, x_mid, &l->norm2, rows, a->n_threads);
    glu(m, rows, a);
}

void vs_layer_mlp_out(const vs_model *m, size_t layer, size_t rows, const vs_acts *a, float *x)
{
    join_residual(m, layer, VS_LIN_DOWN, &m->base->layers[layer].post2, x, a->act, a->raw2,
                  a->r_post2, rows, a);
}

static void embed_rows(const vs_base *base, float *x, const int32_t *tokens, size_t rows)
{
    const size_t c = base->config.n_embd;
    const float *table = base->params.data + base->embed->offset;

    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < c; i++)
            x[t * c + i] = table[(size_t)tokens[t] * c + i] * base->embed_scale;
}

/* The rotary tables reach as far as the batch's positions. */
static void reach_positions(const vs_model *m, const vs_batch *b)
{
    int32_t last = -1;

    for (size_t i = 0; i < b->n_rows; i++)
        if (b->pos[i] > last) last = b->pos[i];
    for (size_t i = 0; i < 2; i++) vs_rope_reach(&m->base->rope[i], (size_t)(last + 1));
}

void vs_forward(const vs_model *m, const vs_batch *b, vs_work *w, float *hidden,
                const vs_saved *saved)
{
    const vs_base *base = m->base;
    const size_t c = base->config.n_embd, n = b->n_rows * c;
    float *x = w->x, *x_mid = NULL;
    vs_acts a = w->acts;

    reach_positions(m, b);
    embed_rows(base, x, b->tokens, b->n_rows);
    for (size_t l = 0; l < base->config.n_layers; l++) {
        if (saved) {
            memcpy(saved->x + l * n, x, n * sizeof *x);
            a = vs_kept_acts(&x_mid, m, &w->acts, saved, l, b->n_rows);
        }
        vs_layer_attention(m, l, b, &a, x);
        if (x_mid) memcpy(x_mid, x, n * sizeof *x);
        vs_layer_mlp_acts(m, l, b->n_rows, &a, x);
        vs_layer_mlp_out(m, l, b->n_rows, &a, x);
    }
    if (saved) memcpy(saved->x + base->config.n_layers * n, x, n * sizeof *x);
    norm(m, hidden, w->acts.r1, x, &base->norm, b->n_rows, w->acts.n_threads);
    atomic_fetch_add(&rows_computed, b->n_rows);
}
