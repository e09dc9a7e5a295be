/* backward.c - gradients through the layer loop. A layer whose products are not kept is recomputed
 * from its saved input; then it is walked backwards.
 *
 * Order of sums: weight gradients are chains over rows (vs_matmul_grad), carried in memory from one
 * call to the next; everything else belongs to one row group. So any split of a step's groups into
 * calls gives the same bits. Shapes: T rows, C width, F feed-forward width, Q = (H + 2G) D. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "engine/model/model.h"
#include "engine/tensor/par.h"

struct vs_backward {
    vs_work work;
    float *x_mid;   /* [T][C] after attention */
    float *d_h;     /* [T][C] gradient with respect to a norm's output */
    float *d_gu;    /* [T][2F] */
    float *d_act;   /* [T][F] */
    float *d_qkv;   /* [T][Q] */
    float *d_att;   /* [T][H D] */
    float *d_x;     /* [T][C] gradient of the residual stream */
    float *d_raw;   /* [T][C] gradient with respect to the input of a post norm; NULL without */
    float *pack;    /* [round16(widest input)][T]: vs_matmul_grad's scratch */
    float *lora_du; /* [T][rank] */
};

/* Widest x of a weight gradient dW = dy^T x; an adapter's B has the rank's width. */
static size_t widest_input(const vs_config *c, size_t rank)
{
    size_t widest = c->n_embd > rank ? c->n_embd : rank;

    if (c->n_ffn > widest) widest = c->n_ffn;
    if (c->n_heads * c->head_dim > widest) widest = c->n_heads * c->head_dim;
    return widest;
}

vs_status vs_backward_open(vs_backward **out, const vs_model *m, const vs_work_size *size,
                           vs_error *err)
{
    const vs_config *c = &m->base->config;
    const size_t rows = size->max_rows, q = (c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    vs_work_size keep = *size;
    vs_status st;
    vs_backward *w = vs_alloc(1, sizeof *w);

    if (!w) return VS_FAIL(err, VS_E_NOMEM, "backward pass");
    keep.keep = true;
    VS_CHECK(vs_work_open(&w->work, m, &keep, err));
    w->x_mid = vs_arena_push(w->work.arena, rows * c->n_embd, sizeof(float));
    w->d_h = vs_arena_push(w->work.arena, rows * c->n_embd, sizeof(float));
    w->d_gu = vs_arena_push(w->work.arena, rows * 2 * c->n_ffn, sizeof(float));
    w->d_act = vs_arena_push(w->work.arena, rows * c->n_ffn, sizeof(float));
    w->d_qkv = vs_arena_push(w->work.arena, rows * q, sizeof(float));
    w->d_att = vs_arena_push(w->work.arena, rows * c->n_heads * c->head_dim, sizeof(float));
    w->d_x = vs_arena_push(w->work.arena, rows * c->n_embd, sizeof(float));
    w->pack = vs_arena_push(w->work.arena, rows * vs_round16(widest_input(c, m->lora_rank)),
                            sizeof(float));
    w->lora_du = vs_arena_push(w->work.arena, rows * (m->lora_rank + 1), sizeof(float));
    const bool has_post = vs_config_family(c)->has_post_norms;
    if (has_post) w->d_raw = vs_arena_push(w->work.arena, rows * c->n_embd, sizeof(float));
    if ((has_post && !w->d_raw) || !w->x_mid || !w->d_h || !w->d_gu || !w->d_act || !w->d_qkv ||
        !w->d_att || !w->d_x || !w->pack || !w->lora_du) {
        st = VS_FAIL(err, VS_E_NOMEM, "backward pass of %zu rows of tokens", rows);
        goto done;
    }
    *out = w;
    w = NULL;
done:
    vs_backward_close(w);
    return st;
}

void vs_backward_close(vs_backward *w)
{
    if (!w) return;
    vs_work_close(&w->work);
    free(w);
}

static float *grad_of(const vs_params *grads, const vs_tensor *t)
{
    return grads->data + t->offset;
}

/* du = scale * dy B; dA += du^T x; dB += dy^T (scale * u), u = x A^T; dx += du A. */
static void lora_backward(vs_backward *w, const vs_model *m, const vs_lora_lin *l, float *d_x,
                          size_t k, const float *d_y, size_t ld_y, const float *x, size_t rows,
                          vs_params *grads)
{
    const vs_ops *o = m->base->ops;
    const size_t r = l->a->rows, n = l->b->rows;
    float *u = w->work.acts.lora_u, *du = w->lora_du;

    vs_matmul(o, u, r, x, k, &l->a_fwd, rows, false);
    vs_matmul(o, du, r, d_y, ld_y, &l->b_bwd, rows, false);
    for (size_t i = 0; i < rows * r; i++) {
        u[i] *= l->scale;
        du[i] *= l->scale;
    }
    vs_matmul_grad(o, grad_of(grads, l->b), r, d_y, ld_y, u, r, rows, n, r, w->pack);
    vs_matmul_grad(o, grad_of(grads, l->a), k, du, r, x, k, rows, r, k, w->pack);
    vs_matmul(o, d_x, k, du, r, &l->a_bwd, rows, true);
}

/* db += each row of part i of d_y, in order. */
static void bias_backward(const vs_model *m, float *d_b, const float *d_y, const vs_lin *lin,
                          size_t i, size_t rows)
{
    for (size_t t = 0; t < rows; t++) m->base->ops->add(d_b, d_y + t * lin->n, lin->bias[i]->cols);
}

/* d_x [T][k] = d_y W (written), and the weights' gradients. x: the forward pass's input. */
static void lin_backward(vs_backward *w, const vs_model *m, size_t layer, int kind, float *d_x,
                         const float *d_y, const float *x, size_t rows, vs_params *grads)
{
    const vs_lin *lin = &m->base->layers[layer].lin[kind];

    vs_matmul(m->base->ops, d_x, lin->k, d_y, lin->n, &lin->bwd, rows, false);
    for (size_t i = 0; i < lin->n_parts; i++) {
        const float *part = d_y + lin->col[i];
        if (m->lora_config.rank) {
            const vs_lora_lin *l = &m->lora_lin[layer * VS_N_LINEAR + (size_t)lin->which[i]];
            if (l->a) lora_backward(w, m, l, d_x, lin->k, part, lin->n, x, rows, grads);
        } else {
            vs_matmul_grad(m->base->ops, grad_of(grads, lin->w[i]), lin->k, part, lin->n, x, lin->k,
                           rows, lin->w[i]->rows, lin->k, w->pack);
            if (lin->bias[i]) bias_backward(m, grad_of(grads, lin->bias[i]), part, lin, i, rows);
        }
    }
}

typedef struct norm_bwd_job {
    const vs_ops *ops;
    float *d_x, *d_w;
    const float *d_y, *x, *w, *inv_rms;
    size_t c, rows;
} norm_bwd_job;

static void norm_x_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const norm_bwd_job *j = ctx;
    const size_t at = begin * j->c;
    (void)thread;
    j->ops->rmsnorm_bwd_x(j->d_x + at, j->d_y + at, j->x + at, j->w, j->inv_rms + begin,
                          end - begin, j->c);
}

static void norm_w_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const norm_bwd_job *j = ctx;
    (void)thread;
    j->ops->rmsnorm_bwd_w(j->d_w, j->d_y, j->x, j->inv_rms, j->rows, j->c, begin, end);
}

/* d_x += gradient through the norm; its weight's gradient unless an adapter trains. */
static void norm_backward(const vs_model *m, const vs_norm *norm, float *d_x, const float *d_y,
                          const float *x, const float *inv_rms, size_t rows, vs_params *grads)
{
    norm_bwd_job job = {m->base->ops,           d_x, NULL, d_y, x, norm->scale, inv_rms,
                        m->base->config.n_embd, rows};

    vs_parallel_range(rows, 12.0 * (double)job.c, vs_threads(), norm_x_range, &job);
    if (m->lora_config.rank) return;
    job.d_w = grad_of(grads, norm->weight); /* of 1 + weight as of weight */
    vs_parallel_range(job.c, 6.0 * (double)rows, vs_threads(), norm_w_range, &job);
}

typedef struct attn_bwd_job {
    vs_backward *w;
    const vs_model *m;
    const vs_batch *b;
    const vs_layer *layer;
    const vs_acts *a;
} attn_bwd_job;

/* The prompt's group and, where it has solutions, the one behind it, which sees the prompt. */
static void attn_bwd_group(const attn_bwd_job *j, size_t group, size_t kv_head, size_t thread)
{
    const vs_config *c = &j->m->base->config;
    const size_t hd = c->n_heads * c->head_dim, gd = c->n_kv_heads * c->head_dim, ld = hd + 2 * gd;
    const vs_attn_group *g = &j->b->groups[group];
    const bool has_solutions = group + 1 < j->b->n_groups && j->b->groups[group + 1].prompt;
    const vs_acts *a = j->a;
    float *d = j->w->d_qkv;

    j->m->base->ops->attn_bwd(vs_layer_shape(j->m, j->layer), g->spans[0].row, g->spans[0].n,
                              has_solutions ? g[1].spans : NULL, has_solutions ? g[1].n_spans : 0,
                              kv_head, a->qkv, a->qkv + hd, a->qkv + hd + gd, ld, a->att,
                              j->w->d_att, hd, d, d + hd, d + hd + gd,
                              a->attn_scratch + thread * a->attn_floats);
}

static void attn_bwd_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_bwd_job *j = ctx;
    const size_t n_kv = j->m->base->config.n_kv_heads;

    for (size_t i = begin; i < end; i++)
        if (!j->b->groups[i / n_kv].prompt) attn_bwd_group(j, i / n_kv, i % n_kv, thread);
}

static void rope_bwd_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_bwd_job *j = ctx;
    const vs_config *c = &j->m->base->config;
    const size_t ld = (c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    (void)thread;

    j->m->base->ops->rope(j->w->d_qkv + begin * ld, ld, j->b->pos + begin,
                          vs_layer_rope(j->m, j->layer), end - begin, c->n_heads + c->n_kv_heads,
                          c->head_dim, -1.0F);
}

/* Gradient by the norm's output in d_qkv becomes that by its input; d_att, no longer needed, takes
 * the copy. Heads [first, first + n) of each row. */
static void qk_norm_rows(const attn_bwd_job *j, const vs_norm *norm, size_t first, size_t n,
                         size_t begin, size_t end)
{
    const vs_config *c = &j->m->base->config;
    const size_t d = c->head_dim, heads = c->n_heads + c->n_kv_heads;
    const vs_acts *a = j->a;

    for (size_t t = begin; t < end; t++) {
        float *d_x = j->w->d_qkv + t * (heads + c->n_kv_heads) * d + first * d;
        float *d_y = j->w->d_att + t * c->n_heads * d;

        memcpy(d_y, d_x, n * d * sizeof *d_y);
        memset(d_x, 0, n * d * sizeof *d_x);
        j->m->base->ops->rmsnorm_bwd_x(d_x, d_y, a->qk + (t * heads + first) * d, norm->scale,
                                       a->r_qk + t * heads + first, n, d);
    }
}

static void qk_norm_x_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const attn_bwd_job *j = ctx;
    const vs_config *c = &j->m->base->config;
    (void)thread;

    qk_norm_rows(j, &j->layer->q_norm, 0, c->n_heads, begin, end);
    qk_norm_rows(j, &j->layer->k_norm, c->n_heads, c->n_kv_heads, begin, end);
}

/* The weights' gradients: chains over rows, and in a row over heads. */
static void qk_norm_weights(const attn_bwd_job *j, vs_params *grads)
{
    const vs_config *c = &j->m->base->config;
    const vs_ops *o = j->m->base->ops;
    const size_t d = c->head_dim, heads = c->n_heads + c->n_kv_heads;
    float *d_q = grad_of(grads, j->layer->q_norm.weight);
    float *d_k = grad_of(grads, j->layer->k_norm.weight);

    for (size_t t = 0; t < j->b->n_rows; t++) {
        const float *d_y = j->w->d_qkv + t * (heads + c->n_kv_heads) * d;
        const float *x = j->a->qk + t * heads * d, *r = j->a->r_qk + t * heads;

        o->rmsnorm_bwd_w(d_q, d_y, x, r, c->n_heads, d, 0, d);
        o->rmsnorm_bwd_w(d_k, d_y + c->n_heads * d, x + c->n_heads * d, r + c->n_heads,
                         c->n_kv_heads, d, 0, d);
    }
}

static void qk_norm_backward(attn_bwd_job *j, vs_params *grads)
{
    const vs_config *c = &j->m->base->config;

    if (!j->layer->q_norm.weight) return;
    if (!j->m->lora_config.rank) qk_norm_weights(j, grads);
    vs_parallel_range(j->b->n_rows, 12.0 * (double)((c->n_heads + c->n_kv_heads) * c->head_dim),
                      vs_threads(), qk_norm_x_range, j);
}

/* Gradient by what joined the residual: d_x itself, or through the post norm. */
static const float *branch_gradient(vs_backward *w, const vs_model *m, const vs_norm *post,
                                    const float *raw, const float *inv_rms, size_t rows,
                                    vs_params *grads)
{
    if (!post->weight) return w->d_x;
    memset(w->d_raw, 0, rows * m->base->config.n_embd * sizeof *w->d_raw);
    norm_backward(m, post, w->d_raw, w->d_x, raw, inv_rms, rows, grads);
    return w->d_raw;
}

typedef struct glu_bwd_job {
    void (*bwd)(float *dgu, const float *da, const float *gu, size_t rows, size_t f);
    float *d_gu;
    const float *d_act, *gu;
    size_t f;
} glu_bwd_job;

static void glu_bwd_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const glu_bwd_job *j = ctx;
    (void)thread;
    j->bwd(j->d_gu + begin * 2 * j->f, j->d_act + begin * j->f, j->gu + begin * 2 * j->f,
           end - begin, j->f);
}

/* d_x: gradient with respect to the layer's output on entry, by its input on return. */
static void layer_backward(vs_backward *w, const vs_model *m, size_t layer, const vs_batch *b,
                           const vs_saved *saved, vs_params *grads)
{
    const vs_config *c = &m->base->config;
    const size_t rows = b->n_rows;
    const vs_layer *l = &m->base->layers[layer];
    const size_t n = rows * c->n_embd;
    const float *x_in = saved->x + layer * n;
    float *x_mid;
    const vs_acts acts = vs_kept_acts(&x_mid, m, &w->work.acts, saved, layer, rows), *a = &acts;
    const vs_ops *o = m->base->ops;
    const bool has_gelu = vs_config_family(c)->has_gelu;
    glu_bwd_job glu = {has_gelu ? o->geglu_bwd : o->swiglu_bwd, w->d_gu, w->d_act, a->gu, c->n_ffn};
    attn_bwd_job attn = {w, m, b, l, a};
    const double attn_cost =
        600.0 * (double)rows / (double)b->n_groups * (double)(c->n_heads * c->head_dim);
    const float *d_branch;

    if (x_mid) {
        vs_layer_refresh(m, layer, rows, a, x_in, x_mid);
    } else {
        x_mid = w->x_mid;
        memcpy(x_mid, x_in, n * sizeof *x_in);
        vs_layer_attention(m, layer, b, a, x_mid);
        vs_layer_mlp_acts(m, layer, rows, a, x_mid);
        if (l->post2.weight) vs_layer_mlp_out(m, layer, rows, a, NULL);
    }

    d_branch = branch_gradient(w, m, &l->post2, a->raw2, a->r_post2, rows, grads);
    lin_backward(w, m, layer, VS_LIN_DOWN, w->d_act, d_branch, a->act, rows, grads);
    vs_parallel_range(rows, 60.0 * (double)c->n_ffn, vs_threads(), glu_bwd_range, &glu);
    lin_backward(w, m, layer, VS_LIN_GATE_UP, w->d_h, w->d_gu, a->h2, rows, grads);
    norm_backward(m, &l->norm2, w->d_x, w->d_h, x_mid, a->r2, rows, grads);

    d_branch = branch_gradient(w, m, &l->post1, a->raw1, a->r_post1, rows, grads);
    lin_backward(w, m, layer, VS_LIN_O, w->d_att, d_branch, a->att, rows, grads);
    vs_parallel_range(b->n_groups * c->n_kv_heads, attn_cost, a->n_threads, attn_bwd_range, &attn);
    vs_parallel_range(rows, 6.0 * (double)(c->n_heads * c->head_dim), vs_threads(), rope_bwd_range,
                      &attn);
    qk_norm_backward(&attn, grads);
    lin_backward(w, m, layer, VS_LIN_QKV, w->d_h, w->d_qkv, a->h1, rows, grads);
    norm_backward(m, &l->norm1, w->d_x, w->d_h, x_in, a->r1, rows, grads);
}

/* 1 / rms of each row of the final norm's input, as the forward pass made it. */
static void final_norm_backward(vs_backward *w, const vs_model *m, size_t rows, const float *x,
                                const float *d_hidden, vs_params *grads)
{
    const vs_base *base = m->base;
    const size_t c = base->config.n_embd;

    base->ops->rmsnorm(w->d_h, w->work.acts.r1, x, base->norm.scale, rows, c,
                       (float)base->config.rms_eps);
    memset(w->d_x, 0, rows * c * sizeof *w->d_x);
    norm_backward(m, &base->norm, w->d_x, d_hidden, x, w->work.acts.r1, rows, grads);
}

typedef struct embed_job {
    const vs_batch *b;
    const float *d_x;
    float *grads;
    size_t c;
    float scale;
} embed_job;

static void embed_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const embed_job *j = ctx;
    (void)thread;

    for (size_t t = 0; t < j->b->n_rows; t++) {
        const float *from = j->d_x + t * j->c;
        float *to = j->grads + (size_t)j->b->tokens[t] * j->c;
        for (size_t i = begin; i < end; i++) to[i] += j->scale * from[i];
    }
}

void vs_backward_run(vs_backward *w, const vs_model *m, const vs_batch *b, const vs_saved *saved,
                     const float *d_hidden, vs_params *grads, float *embed_grads)
{
    const size_t c = m->base->config.n_embd, n = b->n_rows * c;
    embed_job embed = {b, w->d_x, embed_grads, c, m->base->embed_scale};

    final_norm_backward(w, m, b->n_rows, saved->x + m->base->config.n_layers * n, d_hidden, grads);
    for (size_t l = m->base->config.n_layers; l-- > 0;) layer_backward(w, m, l, b, saved, grads);
    if (embed_grads)
        vs_parallel_range(c, 2.0 * (double)b->n_rows, vs_threads(), embed_range, &embed);
}
