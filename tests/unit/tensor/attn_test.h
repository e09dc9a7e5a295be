/* attn_test.h - a random row group [prompt | s1 | .. | sn] with its keys and values stored, for
 * tests of attention. */
#ifndef ATTN_TEST_H
#define ATTN_TEST_H

#include "tensor_test.h"

enum { GROUP_SPANS = 4 };

/* Heads, widths and lengths of one case, then window and cap (0: none). n_spans 0: the prompt
 * alone. */
typedef struct group_case {
    size_t n_heads, n_kv_heads, head_dim, n_prompt, n_spans, spans[GROUP_SPANS];
    size_t window;
    float softcap;
} group_case;

static const group_case group_cases[] = {
    {1, 1, 8, 0, 1, {1}, 0, 0.0f},
    {2, 1, 16, 1, 2, {1, 2}, 0, 0.0f},
    {4, 1, 8, 5, 3, {3, 1, 4}, 0, 0.0f},
    {2, 2, 64, 16, 2, {17, 5}, 0, 0.0f},
    {4, 2, 16, 24, 4, {9, 30, 1, 16}, 0, 0.0f},
    {3, 1, 64, 33, 2, {40, 7}, 0, 0.0f},
    {8, 2, 16, 17, 3, {50, 2, 33}, 0, 0.0f},
    {6, 2, 24, 0, 2, {45, 3}, 0, 0.0f},
    {9, 3, 64, 50, 1, {40}, 0, 0.0f},
    {4, 4, 16, 47, 0, {0}, 0, 0.0f},
    {80, 1, 8, 5, 2, {3, 6}, 0, 0.0f},
    {2, 1, 16, 21, 3, {9, 1, 30}, 1, 0.0f},
    {4, 2, 8, 19, 2, {40, 3}, 17, 0.0f},
    {2, 2, 16, 40, 1, {5}, 20, 0.0f},
    {2, 1, 8, 70, 0, {0}, 32, 3.0f},
    {4, 1, 16, 18, 3, {3, 35, 2}, 0, 1.5f},
    {3, 1, 24, 33, 2, {7, 20}, 25, 0.7f},
};
enum { N_GROUP_CASES = sizeof group_cases / sizeof *group_cases };

/* Row 0 of the batch is not part of the group, so that row offsets matter. */
typedef struct group {
    vs_attn_shape s;
    size_t n_layers, n_prompt, n_spans, n_rows, longest; /* n_rows with row 0 */
    size_t q_width, kv_width, ld, ld_o;
    float *qkv; /* [n_rows][ld]: q, k, v side by side */
    float *out, *d_out, *d_qkv;
    vs_seg prompt, own[GROUP_SPANS];
    vs_span prompt_span, spans[GROUP_SPANS];
} group;

static inline vs_seg seg_open(const vs_attn_shape *s, size_t cap, uint32_t seed)
{
    const size_t n = vs_seg_floats(s, vs_round16(cap));

    /* Stale numbers, as in use. */
    return (vs_seg){.data = randoms(n ? n : 1, seed, 5.0f), .cap = vs_round16(cap)};
}

static inline group group_open(const group_case *c)
{
    group g = {.s = {.n_layers = 2,
                     .n_heads = c->n_heads,
                     .n_kv_heads = c->n_kv_heads,
                     .head_dim = c->head_dim,
                     .softcap = c->softcap,
                     .window = c->window},
               .n_prompt = c->n_prompt};
    size_t row = 1 + c->n_prompt;

    g.s.scale = 1.0f / sqrtf((float)c->head_dim);
    g.n_spans = c->n_spans;
    g.prompt = seg_open(&g.s, c->n_prompt, 7);
    g.prompt_span = (vs_span){&g.prompt, 1, c->n_prompt, 0};
    for (size_t i = 0; i < c->n_spans; i++) {
        g.own[i] = seg_open(&g.s, c->spans[i], 8 + (uint32_t)i);
        g.spans[i] = (vs_span){NULL, row, c->spans[i], 0};
        row += c->spans[i];
        if (c->spans[i] > g.longest) g.longest = c->spans[i];
    }
    g.n_rows = row;
    g.q_width = c->n_heads * c->head_dim;
    g.kv_width = c->n_kv_heads * c->head_dim;
    g.ld = g.q_width + 2 * g.kv_width + 3;
    g.ld_o = g.q_width + 1;
    g.qkv = randoms(row * g.ld, 21, 1.5f);
    g.d_out = randoms(row * g.ld_o, 22, 1.0f);
    g.out = zeros(row * g.ld_o);
    g.d_qkv = zeros(row * g.ld);
    return g;
}

/* The group holds pointers into itself; call after it has its final address. */
static inline void group_link(group *g)
{
    g->prompt_span.seg = &g->prompt;
    for (size_t i = 0; i < g->n_spans; i++) g->spans[i].seg = &g->own[i];
}

static inline void group_close(group *g)
{
    free(g->qkv);
    free(g->out);
    free(g->d_out);
    free(g->d_qkv);
    free(g->prompt.data);
    for (size_t i = 0; i < g->n_spans; i++) free(g->own[i].data);
}

static inline float *group_scratch(const group *g, const vs_ops *o)
{
    return zeros(o->attn_scratch(&g->s, g->n_prompt + g->longest));
}

static inline void store_span(const group *g, const vs_ops *o, const vs_span *span)
{
    const float *k = g->qkv + span->row * g->ld + g->q_width;

    for (size_t layer = 0; layer < g->s.n_layers; layer++)
        o->kv_store(&g->s, span, layer, k, k + g->kv_width, g->ld);
}

/* Attention of the given spans into g->out. */
static inline void attend(group *g, const vs_ops *o, const vs_seg *prompt, const vs_span *spans,
                          size_t n_spans)
{
    const vs_attn_group ag = {prompt, prompt ? g->n_prompt : 0, spans, n_spans};
    float *scratch = group_scratch(g, o);

    for (size_t h = 0; h < g->s.n_kv_heads; h++)
        o->attn(&g->s, &ag, 1, h, g->qkv, g->ld, g->out, g->ld_o, scratch);
    free(scratch);
}

/* The prompt, then all spans in one call each. */
static inline void group_forward(group *g, const vs_ops *o)
{
    store_span(g, o, &g->prompt_span);
    attend(g, o, NULL, &g->prompt_span, 1);
    for (size_t i = 0; i < g->n_spans; i++) store_span(g, o, &g->spans[i]);
    attend(g, o, g->n_prompt ? &g->prompt : NULL, g->spans, g->n_spans);
}

static inline void group_backward(group *g, const vs_ops *o)
{
    const float *k = g->qkv + g->q_width;
    float *dk = g->d_qkv + g->q_width, *scratch = group_scratch(g, o);

    for (size_t h = 0; h < g->s.n_kv_heads; h++)
        o->attn_bwd(&g->s, 1, g->n_prompt, g->spans, g->n_spans, h, g->qkv, k, k + g->kv_width,
                    g->ld, g->out, g->d_out, g->ld_o, g->d_qkv, dk, dk + g->kv_width, scratch);
    free(scratch);
}
#endif
