/* work.c - scratch memory. */
#include <string.h>

#include "engine/model/model.h"

static float *push(vs_work *w, size_t per_row, bool *failed)
{
    float *p = vs_arena_push(w->arena, w->max_rows * per_row, sizeof(float));

    if (!p) *failed = true;
    return p;
}

/* What only some families compute. */
static void push_family(vs_work *w, const vs_config *c, bool keep, bool *failed)
{
    const vs_family *f = vs_config_family(c);
    const size_t heads = c->n_heads + c->n_kv_heads;
    vs_acts *a = &w->acts;

    if (f->has_post_norms) {
        a->raw1 = push(w, c->n_embd, failed);
        a->raw2 = keep ? push(w, c->n_embd, failed) : a->raw1;
        a->post = push(w, c->n_embd, failed);
        a->r_post1 = push(w, 1, failed);
        a->r_post2 = keep ? push(w, 1, failed) : a->r_post1;
    }
    if (f->has_qk_norm) {
        a->r_qk = push(w, heads, failed);
        if (keep) a->qk = push(w, heads * c->head_dim, failed);
    }
}

vs_status vs_work_open(vs_work *w, const vs_model *m, const vs_work_size *size, vs_error *err)
{
    const vs_config *c = &m->base->config;
    const size_t width_qkv = (c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    bool failed = false;
    vs_acts *a = &w->acts;

    memset(w, 0, sizeof *w);
    VS_TRY(vs_arena_open(&w->arena, 1 << 20, err));
    w->max_rows = size->max_rows;
    w->x = push(w, c->n_embd, &failed);
    a->h1 = push(w, c->n_embd, &failed);
    a->h2 = size->keep ? push(w, c->n_embd, &failed) : a->h1;
    a->r1 = push(w, 1, &failed);
    a->r2 = size->keep ? push(w, 1, &failed) : a->r1;
    a->qkv = push(w, width_qkv, &failed);
    a->att = push(w, c->n_heads * c->head_dim, &failed);
    push_family(w, c, size->keep, &failed);
    a->gu = push(w, 2 * c->n_ffn, &failed);
    a->act = push(w, c->n_ffn, &failed);
    if (m->lora_config.rank) a->lora_u = push(w, m->lora_rank, &failed);
    a->n_threads = size->n_threads;
    a->attn_floats = vs_round16(m->base->ops->attn_scratch(&m->shape, size->max_keys));
    a->attn_scratch = vs_arena_push(w->arena, a->attn_floats * a->n_threads, sizeof(float));
    if (failed || !a->attn_scratch) {
        vs_work_close(w);
        return VS_FAIL(err, VS_E_NOMEM, "scratch for %zu rows of tokens", size->max_rows);
    }
    return VS_OK;
}

void vs_work_close(vs_work *w)
{
    vs_arena_close(w->arena);
    memset(w, 0, sizeof *w);
}

/* The next [rows][width] of a kept layer, on a 64-byte boundary; NULL when only counting. */
static float *take(float *base, size_t *used, size_t rows, size_t width)
{
    float *p = base ? base + *used : NULL;

    *used += vs_round16(rows) * width;
    return p;
}

/* What a kept layer has beside its input, from base on; how many floats that is. */
static size_t lay_out(vs_acts *a, float **x_mid, const vs_config *c, float *base, size_t rows)
{
    const vs_family *f = vs_config_family(c);
    const size_t heads = c->n_heads + c->n_kv_heads;
    size_t used = 0;

    *x_mid = take(base, &used, rows, c->n_embd);
    a->qkv = take(base, &used, rows, (heads + c->n_kv_heads) * c->head_dim);
    a->att = take(base, &used, rows, c->n_heads * c->head_dim);
    a->gu = take(base, &used, rows, 2 * c->n_ffn);
    if (f->has_post_norms) {
        a->raw1 = take(base, &used, rows, c->n_embd);
        a->raw2 = take(base, &used, rows, c->n_embd);
        a->r_post1 = take(base, &used, rows, 1);
        a->r_post2 = take(base, &used, rows, 1);
    }
    if (f->has_qk_norm) {
        a->qk = take(base, &used, rows, heads * c->head_dim);
        a->r_qk = take(base, &used, rows, heads);
    }
    return used;
}

size_t vs_kept_floats(const vs_model *m, size_t rows)
{
    vs_acts unused;
    float *x_mid;

    return lay_out(&unused, &x_mid, &m->base->config, NULL, rows);
}

vs_acts vs_kept_acts(float **x_mid, const vs_model *m, const vs_acts *work, const vs_saved *s,
                     size_t layer, size_t rows)
{
    const size_t first = m->base->config.n_layers - s->n_kept;
    vs_acts a = *work;

    *x_mid = NULL;
    if (layer >= first)
        lay_out(&a, x_mid, &m->base->config, s->kept + (layer - first) * vs_kept_floats(m, rows),
                rows);
    return a;
}
