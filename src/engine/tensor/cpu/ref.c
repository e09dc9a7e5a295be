/* ref.c - every op of ops.h written as its comment says and no faster: the specification that tests
 * hold the other backends to. Never optimised. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/tensor/cpu/fast.h"
#include "engine/tensor/gelu_const.h"
#include "engine/tensor/half.h"
#include "engine/tensor/ops.h"
#include "engine/tensor/scalar.h"

static float tree_end(float *p)
{
    for (size_t step = VS_LANES / 2; step > 0; step /= 2)
        for (size_t i = 0; i < step; i++) p[i] += p[i + step];
    return p[0];
}

static float tree_sum(const float *x, size_t n)
{
    float p[VS_LANES] = {0};

    for (size_t j = 0; j < n; j++) p[j % VS_LANES] += x[j];
    return tree_end(p);
}

static float tree_dot(const float *a, const float *b, size_t n)
{
    float p[VS_LANES] = {0};

    for (size_t j = 0; j < n; j++) p[j % VS_LANES] = fmaf(a[j], b[j], p[j % VS_LANES]);
    return tree_end(p);
}

static float max_of(const float *x, size_t n)
{
    float m = -INFINITY;

    for (size_t j = 0; j < n; j++)
        if (x[j] > m) m = x[j];
    return m;
}

/* ---- matrix products ---- */

static void gemm(float *out, size_t ld_out, const float *a, size_t a_row, size_t a_k,
                 const float *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                 bool accumulate)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const float *b = panels + j / VS_LANES * panel_step + j % VS_LANES;
            float acc = accumulate ? out[i * ld_out + j] : 0.0f;

            for (size_t k = 0; k < n_k; k++)
                acc = fmaf(a[i * a_row + k * a_k], b[k * VS_LANES], acc);
            out[i * ld_out + j] = acc;
        }
}

static void gemm_bf16(float *out, size_t ld_out, const float *a, size_t a_row, size_t a_k,
                      const uint16_t *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                      bool accumulate)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const uint16_t *b = panels + j / VS_WIDE * panel_step + j % VS_WIDE;
            float acc = accumulate ? out[i * ld_out + j] : 0.0f;

            for (size_t k = 0; k < n_k; k++)
                acc = fmaf(a[i * a_row + k * a_k], vs_f32_of_bf16(b[k * VS_WIDE]), acc);
            out[i * ld_out + j] = acc;
        }
}

static float without_subnormals(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x;
}

/* The second product tells by a larger exponent what rounded up to FLT_MIN for lack of a smaller one. */
static float fma0(float a, float b, float c)
{
    a = without_subnormals(a);
    b = without_subnormals(b);
    c = without_subnormals(c);
    const float r = fmaf(a, b, c);

    if (fabsf(r) <= FLT_MIN && fabsf(fmaf(a * 0x1p32f, b, c * 0x1p32f)) < FLT_MIN * 0x1p32f)
        return copysignf(0.0f, r);
    return r;
}

void vs_gemm_dot_ref(float *out, size_t ld_out, const float *a, size_t ld_a, const uint32_t *panels,
                     size_t panel_step, size_t m, size_t n, size_t n_k, bool accumulate)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const uint32_t *b = panels + j / VS_LANES * panel_step + j % VS_LANES;
            float acc = accumulate ? out[i * ld_out + j] : 0.0f;

            for (size_t k = 0; k < n_k; k += 2, b += VS_LANES) {
                const float *x = a + i * ld_a + k;
                const float even = vs_f32_of_bf16(vs_bf16_of_f32(x[0]));
                const float odd = k + 1 < n_k ? vs_f32_of_bf16(vs_bf16_of_f32(x[1])) : 0.0f;

                acc = fma0(odd, vs_f32_of_bits(*b & 0xFFFF0000u), acc);
                acc = fma0(even, vs_f32_of_bits(*b << 16), acc);
            }
            out[i * ld_out + j] = acc;
        }
}

static void pack_rows(float *panels, const float *w, size_t ld, size_t n, size_t k)
{
    for (size_t j = 0; j < vs_round16(n); j++)
        for (size_t kk = 0; kk < k; kk++)
            panels[(j / VS_LANES * k + kk) * VS_LANES + j % VS_LANES] =
                j < n ? w[j * ld + kk] : 0.0f;
}

static void pack_cols(float *panels, const float *w, size_t ld, size_t n, size_t k)
{
    for (size_t j = 0; j < vs_round16(n); j++)
        for (size_t kk = 0; kk < k; kk++)
            panels[(j / VS_LANES * k + kk) * VS_LANES + j % VS_LANES] =
                j < n ? w[kk * ld + j] : 0.0f;
}

/* ---- rows ---- */

static void rmsnorm(float *y, float *inv_rms, const float *x, const float *w, size_t rows, size_t c,
                    float eps)
{
    for (size_t t = 0; t < rows; t++) {
        const float r = 1.0f / sqrtf(tree_dot(x + t * c, x + t * c, c) / (float)c + eps);

        inv_rms[t] = r;
        for (size_t i = 0; i < c; i++) y[t * c + i] = x[t * c + i] * r * w[i];
    }
}

static void rmsnorm_bwd_x(float *dx, const float *dy, const float *x, const float *w,
                          const float *inv_rms, size_t rows, size_t c)
{
    for (size_t t = 0; t < rows; t++) {
        const float *dyt = dy + t * c, *xt = x + t * c;
        const float r = inv_rms[t];
        float p[VS_LANES] = {0};

        for (size_t i = 0; i < c; i++)
            p[i % VS_LANES] = fmaf(w[i] * dyt[i], xt[i], p[i % VS_LANES]);
        const float s = tree_end(p);
        for (size_t i = 0; i < c; i++)
            dx[t * c + i] += r * (w[i] * dyt[i] - xt[i] * r * r * s / (float)c);
    }
}

static void rmsnorm_bwd_w(float *dw, const float *dy, const float *x, const float *inv_rms,
                          size_t rows, size_t c, size_t c0, size_t c1)
{
    for (size_t i = c0; i < c1; i++)
        for (size_t t = 0; t < rows; t++)
            dw[i] = fmaf(dy[t * c + i], x[t * c + i] * inv_rms[t], dw[i]);
}

static void rope(float *x, size_t ld, const int32_t *pos, const float *cos_sin, size_t rows,
                 size_t n_heads, size_t head_dim, float sign)
{
    const size_t half = head_dim / 2;

    for (size_t t = 0; t < rows; t++)
        for (size_t h = 0; h < n_heads; h++)
            for (size_t i = 0; i < half; i++) {
                const float *cs = cos_sin + (size_t)pos[t] * head_dim;
                float *xa = x + t * ld + h * head_dim + i, *xb = xa + half;
                const float a = *xa, b = *xb, sine = sign * cs[half + i];

                *xa = fmaf(-b, sine, a * cs[i]);
                *xb = fmaf(a, sine, b * cs[i]);
            }
}

/* ---- attention ---- */

static void kv_store(const vs_attn_shape *s, const vs_span *span, size_t layer, const float *k,
                     const float *v, size_t ld)
{
    const size_t d_n = s->head_dim, cap = span->seg->cap;

    assert(span->start + span->n <= cap);
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        float *ks = vs_seg_k(s, span->seg, layer, g), *vs = vs_seg_v(s, span->seg, layer, g);

        for (size_t i = 0; i < span->n; i++)
            for (size_t d = 0; d < d_n; d++) {
                const size_t j = span->start + i;

                ks[(j / VS_LANES * d_n + d) * VS_LANES + j % VS_LANES] = k[i * ld + g * d_n + d];
                vs[(d / VS_LANES * cap + j) * VS_LANES + d % VS_LANES] = v[i * ld + g * d_n + d];
            }
    }
}

static float seg_key(const vs_attn_shape *s, const float *ks, size_t j, size_t d)
{
    return ks[(j / VS_LANES * s->head_dim + d) * VS_LANES + j % VS_LANES];
}

static float seg_value(const float *vs, size_t cap, size_t j, size_t d)
{
    return vs[(d / VS_LANES * cap + j) * VS_LANES + d % VS_LANES];
}

static float tanh32(float x)
{
    return 1.0f - 2.0f / (1.0f + vs_expf(2.0f * x));
}

/* Scores become e[j] = expf32(s[j] - max), in place, for all n_prompt + n_own keys, the last of
 * which is the query's own; 0 outside of the window. Returns 1 / sum. */
static float softmax_parts(const vs_attn_shape *s, float *e, size_t n_prompt, size_t n_own)
{
    const size_t first = vs_attn_first(s, n_prompt + n_own - 1);

    for (size_t j = 0; j < first; j++) e[j] = -INFINITY;
    const float m = max_of(e, n_prompt + n_own);

    for (size_t j = 0; j < n_prompt + n_own; j++) e[j] = vs_expf(e[j] - m);
    return 1.0f / (tree_sum(e, n_prompt) + tree_sum(e + n_prompt, n_own));
}

static float capped(const vs_attn_shape *s, float score)
{
    return s->softcap > 0.0f ? s->softcap * tanh32(score / s->softcap) : score;
}

static void scores_of_seg(const vs_attn_shape *s, float *e, const float *q, const float *ks,
                          size_t n)
{
    for (size_t j = 0; j < n; j++) {
        float acc = 0.0f;

        for (size_t d = 0; d < s->head_dim; d++) acc = fmaf(q[d], seg_key(s, ks, j, d), acc);
        e[j] = capped(s, acc * s->scale);
    }
}

static void attn_query(const vs_attn_shape *s, const vs_attn_group *g, const vs_span *span,
                       size_t n_own, size_t layer, size_t kv_head, const float *q, float *out,
                       float *e)
{
    const size_t n_prompt = g->prompt ? g->n_prompt : 0;

    if (n_prompt) scores_of_seg(s, e, q, vs_seg_k(s, g->prompt, layer, kv_head), n_prompt);
    scores_of_seg(s, e + n_prompt, q, vs_seg_k(s, span->seg, layer, kv_head), n_own);
    const float inv_sum = softmax_parts(s, e, n_prompt, n_own);

    for (size_t d = 0; d < s->head_dim; d++) {
        float acc = 0.0f;

        for (size_t j = 0; j < n_prompt; j++) {
            const float *vs = vs_seg_v(s, g->prompt, layer, kv_head);
            acc = fmaf(e[j], seg_value(vs, g->prompt->cap, j, d), acc);
        }
        for (size_t j = 0; j < n_own; j++) {
            const float *vs = vs_seg_v(s, span->seg, layer, kv_head);
            acc = fmaf(e[n_prompt + j], seg_value(vs, span->seg->cap, j, d), acc);
        }
        out[d] = acc * inv_sum + 0.0f;
    }
}

static void attn(const vs_attn_shape *s, const vs_attn_group *g, size_t layer, size_t kv_head,
                 const float *q, size_t ld_q, float *out, size_t ld_out, float *scratch)
{
    const size_t per_kv = s->n_heads / s->n_kv_heads;

    for (size_t n = 0; n < g->n_spans; n++) {
        const vs_span *span = &g->spans[n];

        for (size_t i = 0; i < span->n; i++)
            for (size_t h = kv_head * per_kv; h < (kv_head + 1) * per_kv; h++)
                attn_query(s, g, span, span->start + i + 1, layer, kv_head,
                           q + (span->row + i) * ld_q + h * s->head_dim,
                           out + (span->row + i) * ld_out + h * s->head_dim, scratch);
    }
}

/* Rows that one query of the backward pass sees: a run of the prompt, then a run of its own
 * segment. */
typedef struct seen {
    size_t prompt_row, n_prompt, own_row, n_own;
} seen;

static size_t seen_row(const seen *k, size_t j)
{
    return j < k->n_prompt ? k->prompt_row + j : k->own_row + j - k->n_prompt;
}

/* One query of attn_bwd; q, out, d_out, dq point at the query's head, k, v, dk, dv at the batch's
 * column of the kv head. p, ds: scratch of one float per key. */
static void attn_bwd_query(const vs_attn_shape *s, const seen *keys, const float *q, const float *k,
                           const float *v, size_t ld, const float *out, const float *d_out,
                           float *dq, float *dk, float *dv, float *p, float *ds)
{
    const size_t n = keys->n_prompt + keys->n_own, d_n = s->head_dim;
    const float delta = tree_dot(d_out, out, d_n);

    for (size_t j = 0; j < n; j++) {
        float acc = 0.0f;

        for (size_t d = 0; d < d_n; d++) acc = fmaf(q[d], k[seen_row(keys, j) * ld + d], acc);
        p[j] = acc * s->scale;
        ds[j] = s->softcap > 0.0f ? tanh32(p[j] / s->softcap) : 0.0f;
        p[j] = capped(s, p[j]);
    }
    const float inv_sum = softmax_parts(s, p, keys->n_prompt, keys->n_own);

    for (size_t j = 0; j < n; j++) {
        float acc = 0.0f;

        p[j] *= inv_sum;
        for (size_t d = 0; d < d_n; d++) acc = fmaf(d_out[d], v[seen_row(keys, j) * ld + d], acc);
        const float slope = 1.0f - ds[j] * ds[j]; /* of the cap; 1 without one */
        ds[j] = (p[j] * ((acc - delta) * slope)) * s->scale;
    }
    for (size_t d = 0; d < d_n; d++) {
        float acc = 0.0f;

        for (size_t j = 0; j < n; j++) acc = fmaf(ds[j], k[seen_row(keys, j) * ld + d], acc);
        dq[d] = acc + 0.0f;
    }
    for (size_t j = 0; j < n; j++)
        for (size_t d = 0; d < d_n; d++) {
            const size_t at = seen_row(keys, j) * ld + d;

            dk[at] = fmaf(ds[j], q[d], dk[at]);
            dv[at] = fmaf(p[j], d_out[d], dv[at]);
        }
}

/* Sets rows to zero, or turns their -0 into +0. */
static void clear_rows(float *x, size_t ld, size_t row, size_t n, size_t d_n, bool to_zero)
{
    for (size_t i = row; i < row + n; i++)
        for (size_t d = 0; d < d_n; d++) x[i * ld + d] = to_zero ? 0.0f : x[i * ld + d] + 0.0f;
}

static void attn_bwd(const vs_attn_shape *s, size_t prompt_row, size_t n_prompt,
                     const vs_span *spans, size_t n_spans, size_t kv_head, const float *q,
                     const float *k, const float *v, size_t ld, const float *out,
                     const float *d_out, size_t ld_o, float *dq, float *dk, float *dv,
                     float *scratch)
{
    const size_t per_kv = s->n_heads / s->n_kv_heads, d_n = s->head_dim, kv = kv_head * d_n;

    for (int pass = 0; pass < 3; pass++)        /* zero, compute, + 0 */
        for (size_t n = 0; n <= n_spans; n++) { /* the prompt is span 0 here */
            const size_t row = n ? spans[n - 1].row : prompt_row;
            const size_t n_rows = n ? spans[n - 1].n : n_prompt;

            if (pass != 1) {
                clear_rows(dk + kv, ld, row, n_rows, d_n, pass == 0);
                clear_rows(dv + kv, ld, row, n_rows, d_n, pass == 0);
                continue;
            }
            for (size_t i = 0; i < n_rows; i++)
                for (size_t h = kv_head * per_kv; h < (kv_head + 1) * per_kv; h++) {
                    const seen keys = {prompt_row, n ? n_prompt : 0, row, i + 1};
                    const size_t at = (row + i) * ld + h * d_n, at_o = (row + i) * ld_o + h * d_n;

                    attn_bwd_query(s, &keys, q + at, k + kv, v + kv, ld, out + at_o, d_out + at_o,
                                   dq + at, dk + kv, dv + kv, scratch,
                                   scratch + keys.n_prompt + keys.n_own);
                }
        }
}

static size_t attn_scratch(const vs_attn_shape *s, size_t max_keys)
{
    (void)s;
    return 2 * max_keys;
}

/* ---- feed-forward ---- */

static void swiglu(float *a, const float *gu, size_t rows, size_t f)
{
    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < f; i++) {
            const float g = gu[t * 2 * f + i], u = gu[t * 2 * f + f + i];

            a[t * f + i] = g / (1.0f + vs_expf(-g)) * u;
        }
}

static void swiglu_bwd(float *dgu, const float *da, const float *gu, size_t rows, size_t f)
{
    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < f; i++) {
            const float g = gu[t * 2 * f + i], u = gu[t * 2 * f + f + i], d = da[t * f + i];
            const float sig = 1.0f / (1.0f + vs_expf(-g));

            dgu[t * 2 * f + i] = d * u * (sig * (1.0f + g * (1.0f - sig)));
            dgu[t * 2 * f + f + i] = d * (g * sig);
        }
}

/* e^(-2z) of the gate g. */
static float gelu_exp(float g)
{
    const float z = GELU_A * fmaf(GELU_B * g * g, g, g);

    return vs_expf(-2.0f * z);
}

static void geglu(float *a, const float *gu, size_t rows, size_t f)
{
    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < f; i++) {
            const float g = gu[t * 2 * f + i], u = gu[t * 2 * f + f + i];

            a[t * f + i] = g / (1.0f + gelu_exp(g)) * u;
        }
}

static void geglu_bwd(float *dgu, const float *da, const float *gu, size_t rows, size_t f)
{
    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < f; i++) {
            const float g = gu[t * 2 * f + i], u = gu[t * 2 * f + f + i], d = da[t * f + i];
            const float sig = 1.0f / (1.0f + gelu_exp(g));
            const float slope_z = GELU_A * fmaf(3.0f * GELU_B * g, g, 1.0f);

            dgu[t * 2 * f + i] = d * u * fmaf(g * sig * (1.0f - sig), 2.0f * slope_z, sig);
            dgu[t * 2 * f + f + i] = d * (g * sig);
        }
}

static void softcap(float *x, size_t n, float cap)
{
    for (size_t i = 0; i < n; i++) x[i] = cap * tanh32(x[i] / cap);
}

static void softcap_bwd(float *g, const float *y, size_t n, float cap)
{
    for (size_t i = 0; i < n; i++) {
        const float t = y[i] / cap;

        g[i] *= 1.0f - t * t;
    }
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* ---- vocabulary ---- */

static void lse_tile(float *max, float *sum, const float *logits, size_t ld, size_t rows, size_t n)
{
    for (size_t t = 0; t < rows; t++) {
        const float *l = logits + t * ld;
        const float m = max_of(l, n), m_new = m > max[t] ? m : max[t];
        float p[VS_LANES] = {0};

        for (size_t v = 0; v < n; v++) p[v % VS_LANES] += vs_expf(l[v] - m);
        const float old_part = sum[t] * vs_expf(max[t] - m_new);
        const float new_part = tree_end(p) * vs_expf(m - m_new);
        sum[t] = old_part + new_part;
        max[t] = m_new + 0.0f;
    }
}

static void softmax_bwd_tile(float *logits, size_t ld, const float *max, const float *sum,
                             const float *c, size_t rows, size_t n)
{
    for (size_t t = 0; t < rows; t++) {
        const float inv = 1.0f / sum[t];

        for (size_t v = 0; v < n; v++)
            logits[t * ld + v] = -c[t] * (vs_expf(logits[t * ld + v] - max[t]) * inv);
    }
}

static void sample_weights(float *w, const float *logits, size_t n, float inv_temperature)
{
    const float m = max_of(logits, n);

    for (size_t v = 0; v < n; v++) w[v] = vs_expf((logits[v] - m) * inv_temperature);
}

/* ---- optimiser ---- */

static double sum_squares(const float *x, size_t n)
{
    double p[VS_LANES] = {0};

    for (size_t i = 0; i < n; i++) p[i % VS_LANES] += (double)x[i] * (double)x[i];
    for (size_t step = VS_LANES / 2; step > 0; step /= 2)
        for (size_t i = 0; i < step; i++) p[i] += p[i + step];
    return p[0];
}

static void adamw(float *p, const float *grad, float *m, float *v, size_t n, const vs_adamw *a,
                  bool decay)
{
    const float wd = decay ? a->weight_decay : 0.0f;

    for (size_t i = 0; i < n; i++) {
        const float g = grad[i] * a->grad_scale;

        m[i] = fmaf(a->beta1, m[i], (1.0f - a->beta1) * g);
        v[i] = fmaf(a->beta2, v[i], ((1.0f - a->beta2) * g) * g);
        p[i] = p[i] - a->lr * ((m[i] / a->bias1) / (sqrtf(v[i] / a->bias2) + a->eps) + wd * p[i]);
    }
}

const vs_ops *vs_ops_ref(void)
{
    static const vs_ops ops = {
        .name = "ref",
        .gemm = gemm,
        .gemm_bf16 = gemm_bf16,
        .gemm_dot = vs_gemm_dot_ref,
        .pack_rows = pack_rows,
        .pack_cols = pack_cols,
        .rmsnorm = rmsnorm,
        .rmsnorm_bwd_x = rmsnorm_bwd_x,
        .rmsnorm_bwd_w = rmsnorm_bwd_w,
        .rope = rope,
        .kv_store = kv_store,
        .attn = attn,
        .attn_bwd = attn_bwd,
        .attn_scratch = attn_scratch,
        .swiglu = swiglu,
        .swiglu_bwd = swiglu_bwd,
        .geglu = geglu,
        .geglu_bwd = geglu_bwd,
        .softcap = softcap,
        .softcap_bwd = softcap_bwd,
        .add = add,
        .lse_tile = lse_tile,
        .softmax_bwd_tile = softmax_bwd_tile,
        .sample_weights = sample_weights,
        .sum_squares = sum_squares,
        .adamw = adamw,
    };
    return &ops;
}
