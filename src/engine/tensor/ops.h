/* ops.h - the operations that models are made of, as one table of functions per backend.
 *
 * Numbers:  finite inputs; what a NaN or an infinity among them gives is not specified.
 * Threads:  an op is serial and touches only what its arguments name; par.h splits work over
 *           threads by output element. Ops allocate nothing; scratch comes from the caller.
 * Bits:     every op's result is defined to the last bit by its comment (the order of summation is
 *           the contract). All backends and instruction sets give equal bits; tests see to it.
 *
 *   chain(k: f(k))   acc = c0; for k = 0, 1, ..: acc = fma(a_k, b_k, acc)   single f32 accumulator,
 *                    c0 = 0 or the value already in memory (accumulate)
 *   tree16(j: f(j))  16 partial sums, p[j % 16] += f(j) in order of j (plain f32 add; fma where f
 *                    is a product: p = fma(a_j, b_j, p)), then p[i] += p[i + 8] (i < 8),
 *                    p[i] += p[i + 4] (i < 4), p[i] += p[i + 2], p[0] += p[1]
 *   expf32(x)        vs_expf of scalar.h: the same bits in every backend
 *   tanh32(x)        1 - 2 / (1 + expf32(2 * x))
 *
 * Shapes: T rows of tokens, C width, H query heads, G key-value heads, D head width, F hidden width
 * of the feed-forward part, V vocabulary. Everything is f32, row-major; ld = step between rows in
 * elements. */
#ifndef VS_TENSOR_OPS_H
#define VS_TENSOR_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VS_LANES = 16,        /* columns of a panel; partial sums of tree16 */
    VS_WIDE = 32,         /* columns of a panel of bf16: a line of the cache for each step */
    VS_VOCAB_TILE = 1024, /* entries of the vocabulary in one step of the running log-sum-exp */
};

/* Keys and values of a run of consecutive tokens, all layers: a prompt, or one solution.
 *   data [layer][kv head][ K: [cap / 16][D][16] | V: [D16 / 16][cap][16] ]
 *   D16 = D rounded up to 16
 * Entries at or beyond len are zero or stale but always finite. */
typedef struct vs_seg {
    float *data;
    size_t cap;         /* tokens, a multiple of 16 */
    size_t len;         /* tokens stored */
    bool has_one_layer; /* and no more: room for the layer that is being computed */
} vs_seg;

typedef struct vs_attn_shape {
    size_t n_layers, n_heads, n_kv_heads, head_dim;
    float scale;   /* of scores: 1 / sqrt(head_dim) in most families */
    float softcap; /* scores become softcap * tanh32(score / softcap); 0: they stay */
    size_t window; /* a query sees the last `window` keys, itself among them; 0: all */
} vs_attn_shape;

/* First logical key that the query at logical place `at` (prompt and own keys counted through)
 * sees. */
static inline size_t vs_attn_first(const vs_attn_shape *s, size_t at)
{
    return s->window && at >= s->window ? at - s->window + 1 : 0;
}

/* Consecutive tokens of one segment: rows row .. row + n - 1 of the batch hold its tokens
 * start .. start + n - 1. */
typedef struct vs_span {
    vs_seg *seg;
    size_t row, n, start;
} vs_span;

/* Spans that see one common prompt (and each itself). prompt NULL: the spans are prompts, or stand
 * alone. Query i of a span attends to prompt tokens 0 .. n_prompt - 1, then to its own segment's
 * 0 .. start + i. */
typedef struct vs_attn_group {
    const vs_seg *prompt;
    size_t n_prompt;
    const vs_span *spans;
    size_t n_spans;
} vs_attn_group;

static inline size_t vs_round16(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* Floats of a segment of cap tokens. */
static inline size_t vs_seg_floats(const vs_attn_shape *s, size_t cap)
{
    return s->n_layers * s->n_kv_heads * (s->head_dim + vs_round16(s->head_dim)) * cap;
}

static inline float *vs_seg_k(const vs_attn_shape *s, const vs_seg *seg, size_t layer,
                              size_t kv_head)
{
    const size_t at = seg->has_one_layer ? 0 : layer;

    return seg->data +
           (at * s->n_kv_heads + kv_head) * (s->head_dim + vs_round16(s->head_dim)) * seg->cap;
}

static inline float *vs_seg_v(const vs_attn_shape *s, const vs_seg *seg, size_t layer,
                              size_t kv_head)
{
    return vs_seg_k(s, seg, layer, kv_head) + s->head_dim * seg->cap;
}

typedef struct vs_adamw {
    float lr, beta1, beta2, eps, weight_decay;
    float bias1, bias2; /* 1 - beta1^step, 1 - beta2^step */
    float grad_scale;   /* clip factor, applied to every gradient first */
} vs_adamw;

typedef struct vs_ops {
    const char *
        name; /* "ref", "fast-portable", "fast-avx2", "fast-avx512", "fast-avx512-256", "fast-neon";
                 "-bf16" behind it: gemm_dot by the instruction */

    /* out[i][j] = chain(k < n_k: A(i, k) * B(k, j)),  A(i, k) = a[i * a_row + k * a_k],  B = panels
     *   out [m][n] step ld_out; panels data[n / 16][n_k][16] with panel_step floats from panel to
     *   panel (n_k * 16 when dense); accumulate: the chain starts from out. out must not alias a or
     *   panels. */
    void (*gemm)(float *out, size_t ld_out, const float *a, size_t a_row, size_t a_k,
                 const float *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                 bool accumulate);

    /* The same with panels of bf16, widened to f32: panels data[n / 32][n_k][32]. */
    void (*gemm_bf16)(float *out, size_t ld_out, const float *a, size_t a_row, size_t a_k,
                      const uint16_t *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                      bool accumulate);

    /* Products of bf16, as the instruction VDPBF16PS adds them up: over pairs p < ceil(n_k / 2)
     *   acc = fma0(h(a[i][2p + 1]), B(2p + 1, j), acc); acc = fma0(h(a[i][2p]), B(2p, j), acc)
     * h rounds to bf16 (vs_bf16_of_f32); an odd n_k has a zero more on both sides.
     * fma0 knows no subnormals: as an operand one counts as 0 of its sign, and a result that would
     * be below 2^-126 with 24 bits and any exponent is 0 of its sign.
     *   a [m][n_k] step ld_a; panels [n / 16][ceil(n_k / 2)][16]; the rest as in gemm. */
    void (*gemm_dot)(float *out, size_t ld_out, const float *a, size_t ld_a, const uint32_t *panels,
                     size_t panel_step, size_t m, size_t n, size_t n_k, bool accumulate);

    /* panels from w [n][k] step ld: data[j / 16][kk][j % 16] = w[j][kk]   (weights: x W^T) */
    void (*pack_rows)(float *panels, const float *w, size_t ld, size_t n, size_t k);
    /* panels from w [k][n] step ld: data[j / 16][kk][j % 16] = w[kk][j]  (dx = dy W, dW = dy^T x)
     * Columns beyond n of the last panel become zeros, in both. */
    void (*pack_cols)(float *panels, const float *w, size_t ld, size_t n, size_t k);

    /* y[t][c] = x[t][c] * inv_rms[t] * w[c],  inv_rms[t] = 1 / sqrt(tree16(c: x[t][c]^2) / C + eps)
     * Multiplications left to right. Source: arXiv:1910.07467. y may be x. */
    void (*rmsnorm)(float *y, float *inv_rms, const float *x, const float *w, size_t rows, size_t c,
                    float eps);
    /* dx[t][c] += r * (w[c] * dy[t][c] - x[t][c] * r * r * s / C),  r = inv_rms[t],
     *   s = tree16(c: (w[c] * dy[t][c]) * x[t][c]) */
    void (*rmsnorm_bwd_x)(float *dx, const float *dy, const float *x, const float *w,
                          const float *inv_rms, size_t rows, size_t c);
    /* dw[c] = chain(t: dy[t][c] * (x[t][c] * inv_rms[t])) from dw, for c in [c0, c1) */
    void (*rmsnorm_bwd_w)(float *dw, const float *dy, const float *x, const float *inv_rms,
                          size_t rows, size_t c, size_t c0, size_t c1);

    /* Rotates pairs (i, i + D / 2) of each of n_heads heads in place by the angle of pos[t];
     * half-split, as Hugging Face lays weights out. a' = a cos - b sin, b' = b cos + a sin, as
     * fma(-b, sin, a * cos), fma(a, sin, b * cos).
     *   x [rows][>= n_heads * D] step ld; cos_sin [n_positions][D]: D / 2 cosines, then D / 2
     *   sines; sign -1 rotates backwards (the backward pass). */
    void (*rope)(float *x, size_t ld, const int32_t *pos, const float *cos_sin, size_t rows,
                 size_t n_heads, size_t head_dim, float sign);

    /* Stores the span's rows k, v [n][G * D] (step ld, span row 0 first) into its segment's layer.
     * Does not set len. */
    void (*kv_store)(const vs_attn_shape *s, const vs_span *span, size_t layer, const float *k,
                     const float *v, size_t ld);

    /* Attention of every query of the group for one kv head and its H / G query heads.
     *   logical keys j: the prompt's 0 .. P - 1, then the segment's own 0 .. start + i
     *   s_j  = chain(d: q[d] * k_j[d]) * scale, capped if the shape says so;
     *   m = max_j s_j over the window;  e_j = expf32(s_j - m), 0 outside of the window
     *   sum  = tree16(j in prompt: e_j) + tree16(j in own: e_j)     (j counted within each part)
     *   out[d] = chain(j in logical order: e_j * v_j[d]) * (1 / sum) + 0
     * q, out: base pointers of the whole batch, row r at q + r * ld_q; head h at column h * D.
     * scratch: attn_scratch floats. */
    void (*attn)(const vs_attn_shape *s, const vs_attn_group *g, size_t layer, size_t kv_head,
                 const float *q, size_t ld_q, float *out, size_t ld_out, float *scratch);

    /* Backward of one whole row group [prompt | s1 | .. | sn] for one kv head, all spans from
     * start 0.
     *   q, k, v: rows of the batch after rotation (step ld; head columns as in the forward pass):
     *   the prompt's rows prompt_row .. + n_prompt - 1 (n_prompt may be 0), then the spans' rows.
     *   d_out, out likewise (step ld_o).
     *   p_ij as in attn (e_j * (1 / sum));  delta_i = tree16(d: d_out_i[d] * out_i[d])
     *   ds_ij = (p_ij * (chain(d: d_out_i[d] * v_j[d]) - delta_i)) * scale; with a softcap the
     *   inner difference is multiplied by 1 - t_ij * t_ij first, t_ij = tanh32(score / softcap)
     *   dq_i = chain(j in logical order: ds_ij * k_j) + 0
     *   dk_j = chain(queries that see j, by row and in a row by query head: ds_ij * q_i) + 0
     *   dv_j = likewise p_ij * d_out_i, + 0
     * The + 0 keeps -0 from showing, whichever zero terms a kernel adds. The prompt's own queries
     * come first, then the spans in order. Writes (does not add to) dq, dk, dv (step ld) of all
     * rows. */
    void (*attn_bwd)(const vs_attn_shape *s, size_t prompt_row, size_t n_prompt,
                     const vs_span *spans, size_t n_spans, size_t kv_head, const float *q,
                     const float *k, const float *v, size_t ld, const float *out,
                     const float *d_out, size_t ld_o, float *dq, float *dk, float *dv,
                     float *scratch);
    /* Floats of scratch for attn and attn_bwd when no query sees more than max_keys keys. */
    size_t (*attn_scratch)(const vs_attn_shape *s, size_t max_keys);

    /* a[t][f] = silu(g) * u, silu(g) = g / (1 + expf32(-g)); gu [rows][2F]: g, then u. */
    void (*swiglu)(float *a, const float *gu, size_t rows, size_t f);
    /* sig = 1 / (1 + expf32(-g)); du = da * (g * sig); dg = da * u * (sig * (1 + g * (1 - sig))),
     * left to right */
    void (*swiglu_bwd)(float *dgu, const float *da, const float *gu, size_t rows, size_t f);

    /* As swiglu with gelu in its tanh form: gelu(g) = g / (1 + expf32(-2z)),
     *   z = GELU_A * fma(GELU_B * g * g, g, g)                        (gelu_const.h)
     * Source: arXiv:1606.08415, 0.5 g (1 + tanh z) written as a logistic. */
    void (*geglu)(float *a, const float *gu, size_t rows, size_t f);
    /* sig = 1 / (1 + expf32(-2z)); z' = GELU_A * fma(3 GELU_B * g, g, 1);  du = da * (g * sig);
     * dg = da * u * fma(g * sig * (1 - sig), 2 z', sig) */
    void (*geglu_bwd)(float *dgu, const float *da, const float *gu, size_t rows, size_t f);

    /* x = cap * tanh32(x / cap), and g *= 1 - t * t with t = y / cap, y the capped value */
    void (*softcap)(float *x, size_t n, float cap);
    void (*softcap_bwd)(float *g, const float *y, size_t n, float cap);

    void (*add)(float *y, const float *x, size_t n); /* y += x */

    /* One tile of the running log-sum-exp of each row; tiles come in order, each VS_VOCAB_TILE
     * entries wide but the last.
     *   m_t = max_v l[v];  s_t = tree16(v: expf32(l[v] - m_t));  M' = max(M, m_t)
     *   S = S * expf32(M - M') + s_t * expf32(m_t - M')     (plain mul, mul, add)
     *   start: M = -INFINITY, S = 0; M' is stored + 0, so that it is never -0
     *   (expf32(-INFINITY) = 0). logits [rows][n] step ld. */
    void (*lse_tile)(float *max, float *sum, const float *logits, size_t ld, size_t rows, size_t n);
    /* logits -> their gradient, in place: l[v] = -c[t] * (expf32(l[v] - max[t]) * (1 / sum[t]))
     *   c[t]: sum of the coefficients dL/dlogp of the row's targets; the caller then adds each
     *   target's coefficient at its own entry. */
    void (*softmax_bwd_tile)(float *logits, size_t ld, const float *max, const float *sum,
                             const float *c, size_t rows, size_t n);
    /* w[v] = expf32((l[v] - max_v l) * inv_temperature): unnormalised sampling weights of a row */
    void (*sample_weights)(float *w, const float *logits, size_t n, float inv_temperature);

    /* sum of squares in double: 16 partials by index, combined as tree16 */
    double (*sum_squares)(const float *x, size_t n);
    /* g = grad * grad_scale;
     * m = fma(beta1, m, (1 - beta1) * g); v = fma(beta2, v, ((1 - beta2) * g) * g);
     * p = p - lr * ((m / bias1) / (sqrt(v / bias2) + eps) + weight_decay * p); arXiv:1711.05101.
     * decay false: weight_decay counts as 0. */
    void (*adamw)(float *p, const float *grad, float *m, float *v, size_t n, const vs_adamw *a,
                  bool decay);
} vs_ops;

/* The naive specification; and the best variant that this processor runs.
 * VSTAR_BACKEND=ref|portable|avx2|avx512|avx512-256|avx512-bf16|avx512-256-bf16|neon overrides the choice (a variant that
 * the processor lacks is ignored). */
const vs_ops *vs_ops_ref(void);
const vs_ops *vs_ops_best(void);
/* All variants that this processor runs, ref first; for tests. *n is their number. */
const vs_ops *const *vs_ops_all(size_t *n);
#endif
