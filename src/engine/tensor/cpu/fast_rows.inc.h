/* fast_rows.inc.h - ops that work along rows: norms, rotation, activations, vocabulary, optimiser.
 * Part of fast.inc.h.
 *
 * Loops take 16 elements at a time and the rest through v_load_n and v_store_n, whose unused lanes
 * never reach a partial sum: v_blend_n keeps those lanes as they were. */

/* vs_expf lane by lane, here where neither limit is passed. */
static inline vf exp_between(vf x)
{
    const vf t = v_fma(x, v_set1(EXP_LOG2E), v_set1(EXP_MAGIC));
    const vf n = v_sub(t, v_set1(EXP_MAGIC));
    vf r = v_fnma(n, v_set1(EXP_LN2_HI), x);
    r = v_fnma(n, v_set1(EXP_LN2_LO), r);

    vf p = v_fma(v_set1(EXP_C6), r, v_set1(EXP_C5));
    p = v_fma(p, r, v_set1(EXP_C4));
    p = v_fma(p, r, v_set1(EXP_C3));
    p = v_fma(p, r, v_set1(EXP_C2));
    p = v_fma(p, r, v_set1(1.0f));
    p = v_fma(p, r, v_set1(1.0f));
    return v_scale_pow2(p, t);
}

static inline vf v_exp(vf x)
{
    return v_exp_limits(x, exp_between(x));
}

/* No x is above 0. */
static inline vf v_exp_down(vf x)
{
    return v_exp_limit_low(x, exp_between(x));
}

/* Elements 0 .. 15 of p, or the n that are left (n < 16) with zeros behind. */
static inline vf load_part(const float *p, size_t left)
{
    return left >= VS_LANES ? v_load(p) : v_load_n(p, left, 0.0f);
}

static inline void store_part(float *p, vf v, size_t left)
{
    if (left >= VS_LANES)
        v_store(p, v);
    else
        v_store_n(p, v, left);
}

/* next where elements are left, old in the lanes behind the end. */
static inline vf keep_part(vf next, vf old, size_t left)
{
    return left >= VS_LANES ? next : v_blend_n(next, old, left);
}

/* v_max in lanes: max_j x_j is the same whatever the order. */
static float max_of(const float *x, size_t n)
{
    vf m = v_set1(-INFINITY);
    size_t j = 0;

    for (; j + VS_LANES <= n; j += VS_LANES) m = v_max(v_load(x + j), m);
    if (j < n) m = v_max(v_load_n(x + j, n - j, -INFINITY), m);
    return v_top(m);
}

static float tree_dot(const float *a, const float *b, size_t n)
{
    vf p = v_set1(0.0f);
    size_t j = 0;

    for (; j + VS_LANES <= n; j += VS_LANES) p = v_fma(v_load(a + j), v_load(b + j), p);
    if (j < n) {
        const vf next = v_fma(v_load_n(a + j, n - j, 0.0f), v_load_n(b + j, n - j, 0.0f), p);
        p = v_blend_n(next, p, n - j);
    }
    return v_tree(p);
}

static void rmsnorm(float *y, float *inv_rms, const float *x, const float *w, size_t rows, size_t c,
                    float eps)
{
    for (size_t t = 0; t < rows; t++, x += c, y += c) {
        const float r = 1.0f / sqrtf(tree_dot(x, x, c) / (float)c + eps);
        const vf rv = v_set1(r);

        inv_rms[t] = r;
        for (size_t i = 0; i < c; i += VS_LANES) {
            const vf scaled = v_mul(load_part(x + i, c - i), rv);
            store_part(y + i, v_mul(scaled, load_part(w + i, c - i)), c - i);
        }
    }
}

static void rmsnorm_bwd_x(float *dx, const float *dy, const float *x, const float *w,
                          const float *inv_rms, size_t rows, size_t c)
{
    for (size_t t = 0; t < rows; t++, dx += c, dy += c, x += c) {
        const vf r = v_set1(inv_rms[t]), width = v_set1((float)c);
        vf p = v_set1(0.0f);

        for (size_t i = 0; i < c; i += VS_LANES) {
            const vf wdy = v_mul(load_part(w + i, c - i), load_part(dy + i, c - i));
            p = keep_part(v_fma(wdy, load_part(x + i, c - i), p), p, c - i);
        }
        const vf s = v_set1(v_tree(p));

        for (size_t i = 0; i < c; i += VS_LANES) {
            const vf wdy = v_mul(load_part(w + i, c - i), load_part(dy + i, c - i));
            const vf xr = v_mul(v_mul(load_part(x + i, c - i), r), r);
            const vf back = v_div(v_mul(xr, s), width);
            const vf add_to = load_part(dx + i, c - i);

            store_part(dx + i, v_add(add_to, v_mul(r, v_sub(wdy, back))), c - i);
        }
    }
}

static void rmsnorm_bwd_w(float *dw, const float *dy, const float *x, const float *inv_rms,
                          size_t rows, size_t c, size_t c0, size_t c1)
{
    for (size_t i = c0; i < c1; i += VS_LANES) {
        vf acc = load_part(dw + i, c1 - i);

        for (size_t t = 0; t < rows; t++) {
            const vf normed = v_mul(load_part(x + t * c + i, c1 - i), v_set1(inv_rms[t]));
            acc = v_fma(load_part(dy + t * c + i, c1 - i), normed, acc);
        }
        store_part(dw + i, acc, c1 - i);
    }
}

/* Heads of 16 values: (a, b) and (b, a) as one register each. */
static void rope_16(float *x, size_t ld, const int32_t *pos, const float *cos_sin, size_t rows,
                    size_t n_heads, float sign)
{
    const size_t half = VS_LANES / 2;
    const vf signs = v_blend_n(v_set1(-sign), v_set1(sign), half);

    for (size_t t = 0; t < rows; t++, x += ld) {
        const float *c = cos_sin + (size_t)pos[t] * VS_LANES;
        const vf cosine = v_load_halves(c, c);
        const vf sine = v_mul(signs, v_load_halves(c + half, c + half));

        for (float *at = x; at < x + n_heads * VS_LANES; at += VS_LANES)
            v_store(at, v_fma(v_load_halves(at + half, at), sine, v_mul(v_load(at), cosine)));
    }
}

static void rope(float *x, size_t ld, const int32_t *pos, const float *cos_sin, size_t rows,
                 size_t n_heads, size_t head_dim, float sign)
{
    const size_t half = head_dim / 2;
    const vf minus = v_set1(-1.0f), signs = v_set1(sign);

    if (head_dim == VS_LANES) {
        rope_16(x, ld, pos, cos_sin, rows, n_heads, sign);
        return;
    }
    for (size_t t = 0; t < rows; t++) {
        const float *c = cos_sin + (size_t)pos[t] * head_dim;

        for (size_t h = 0; h < n_heads; h++)
            for (size_t i = 0; i < half; i += VS_LANES) {
                float *at = x + t * ld + h * head_dim + i;
                const size_t left = half - i;
                const vf a = load_part(at, left), b = load_part(at + half, left);
                const vf cosine = load_part(c + i, left);
                const vf sine = v_mul(signs, load_part(c + half + i, left));

                store_part(at, v_fma(v_mul(minus, b), sine, v_mul(a, cosine)), left);
                store_part(at + half, v_fma(a, sine, v_mul(b, cosine)), left);
            }
    }
}

/* g / (1 + e^-g) and 1 / (1 + e^-g) share this. */
static inline vf one_plus_exp_minus(vf g)
{
    return v_add(v_set1(1.0f), v_exp(v_mul(v_set1(-1.0f), g)));
}

/* a = g / below(g) * u; `below` is known where this is called, and inlined. */
static inline void glu(float *a, const float *gu, size_t rows, size_t f, vf (*below)(vf g))
{
    for (size_t t = 0; t < rows; t++, a += f, gu += 2 * f)
        for (size_t i = 0; i < f; i += VS_LANES) {
            const vf g = load_part(gu + i, f - i), u = load_part(gu + f + i, f - i);

            store_part(a + i, v_mul(v_div(g, below(g)), u), f - i);
        }
}

static void swiglu(float *a, const float *gu, size_t rows, size_t f)
{
    glu(a, gu, rows, f, one_plus_exp_minus);
}

static void swiglu_bwd(float *dgu, const float *da, const float *gu, size_t rows, size_t f)
{
    const vf one = v_set1(1.0f);

    for (size_t t = 0; t < rows; t++, dgu += 2 * f, da += f, gu += 2 * f)
        for (size_t i = 0; i < f; i += VS_LANES) {
            const size_t left = f - i;
            const vf g = load_part(gu + i, left), u = load_part(gu + f + i, left);
            const vf d = load_part(da + i, left);
            const vf sig = v_div(one, one_plus_exp_minus(g));
            const vf slope = v_mul(sig, v_add(one, v_mul(g, v_sub(one, sig))));

            store_part(dgu + i, v_mul(v_mul(d, u), slope), left);
            store_part(dgu + f + i, v_mul(d, v_mul(g, sig)), left);
        }
}

/* 1 + e^(-2z) of the gate g. */
static inline vf one_plus_gelu_exp(vf g)
{
    const vf cube = v_mul(v_mul(v_set1(GELU_B), g), g);
    const vf z = v_mul(v_set1(GELU_A), v_fma(cube, g, g));

    return v_add(v_set1(1.0f), v_exp(v_mul(v_set1(-2.0f), z)));
}

static void geglu(float *a, const float *gu, size_t rows, size_t f)
{
    glu(a, gu, rows, f, one_plus_gelu_exp);
}

static void geglu_bwd(float *dgu, const float *da, const float *gu, size_t rows, size_t f)
{
    const vf one = v_set1(1.0f);

    for (size_t t = 0; t < rows; t++, dgu += 2 * f, da += f, gu += 2 * f)
        for (size_t i = 0; i < f; i += VS_LANES) {
            const size_t left = f - i;
            const vf g = load_part(gu + i, left), u = load_part(gu + f + i, left);
            const vf d = load_part(da + i, left);
            const vf sig = v_div(one, one_plus_gelu_exp(g)), g_sig = v_mul(g, sig);
            const vf slope_z =
                v_mul(v_set1(GELU_A), v_fma(v_mul(v_set1(3.0f * GELU_B), g), g, one));
            const vf slope =
                v_fma(v_mul(g_sig, v_sub(one, sig)), v_mul(v_set1(2.0f), slope_z), sig);

            store_part(dgu + i, v_mul(v_mul(d, u), slope), left);
            store_part(dgu + f + i, v_mul(d, g_sig), left);
        }
}

static inline vf v_tanh(vf x)
{
    const vf e = v_exp(v_mul(v_set1(2.0f), x));

    return v_sub(v_set1(1.0f), v_div(v_set1(2.0f), v_add(v_set1(1.0f), e)));
}

static void softcap(float *x, size_t n, float cap)
{
    const vf caps = v_set1(cap);

    for (size_t i = 0; i < n; i += VS_LANES)
        store_part(x + i, v_mul(caps, v_tanh(v_div(load_part(x + i, n - i), caps))), n - i);
}

static void softcap_bwd(float *g, const float *y, size_t n, float cap)
{
    for (size_t i = 0; i < n; i += VS_LANES) {
        const vf t = v_div(load_part(y + i, n - i), v_set1(cap));
        const vf slope = v_sub(v_set1(1.0f), v_mul(t, t));

        store_part(g + i, v_mul(load_part(g + i, n - i), slope), n - i);
    }
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += VS_LANES)
        store_part(y + i, v_add(load_part(y + i, n - i), load_part(x + i, n - i)), n - i);
}

static void lse_tile(float *max, float *sum, const float *logits, size_t ld, size_t rows, size_t n)
{
    for (size_t t = 0; t < rows; t++) {
        const float *l = logits + t * ld;
        const float m = max_of(l, n), m_new = m > max[t] ? m : max[t];
        vf p = v_set1(0.0f);

        for (size_t v = 0; v < n; v += VS_LANES) {
            const vf e = v_exp_down(v_sub(load_part(l + v, n - v), v_set1(m)));
            p = keep_part(v_add(p, e), p, n - v);
        }
        const float old_part = sum[t] * vs_expf(max[t] - m_new);
        const float new_part = v_tree(p) * vs_expf(m - m_new);
        sum[t] = old_part + new_part;
        max[t] = m_new + 0.0f;
    }
}

static void softmax_bwd_tile(float *logits, size_t ld, const float *max, const float *sum,
                             const float *c, size_t rows, size_t n)
{
    for (size_t t = 0; t < rows; t++) {
        float *l = logits + t * ld;
        const vf inv = v_set1(1.0f / sum[t]), factor = v_set1(-c[t]), m = v_set1(max[t]);

        for (size_t v = 0; v < n; v += VS_LANES) {
            const vf e = v_exp_down(v_sub(load_part(l + v, n - v), m));
            store_part(l + v, v_mul(factor, v_mul(e, inv)), n - v);
        }
    }
}

static void sample_weights(float *w, const float *logits, size_t n, float inv_temperature)
{
    const vf m = v_set1(max_of(logits, n)), inv = v_set1(inv_temperature);

    for (size_t v = 0; v < n; v += VS_LANES)
        store_part(w + v, v_exp_down(v_mul(v_sub(load_part(logits + v, n - v), m), inv)), n - v);
}

/* Squares of floats are exact in double, so it does not matter whether a compiler fuses them into
 * the sums. */
static double sum_squares(const float *x, size_t n)
{
    double p[VS_LANES] = {0};
    size_t i = 0;

    for (; i + VS_LANES <= n; i += VS_LANES)
        for (size_t j = 0; j < VS_LANES; j++) p[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t j = 0; i + j < n; j++) p[j] += (double)x[i + j] * (double)x[i + j];
    for (size_t step = VS_LANES / 2; step > 0; step /= 2)
        for (size_t j = 0; j < step; j++) p[j] += p[j + step];
    return p[0];
}

static void adamw(float *p, const float *grad, float *m, float *v, size_t n, const vs_adamw *a,
                  bool decay)
{
    const vf wd = v_set1(decay ? a->weight_decay : 0.0f), lr = v_set1(a->lr), eps = v_set1(a->eps);
    const vf beta1 = v_set1(a->beta1), rest1 = v_set1(1.0f - a->beta1), bias1 = v_set1(a->bias1);
    const vf beta2 = v_set1(a->beta2), rest2 = v_set1(1.0f - a->beta2), bias2 = v_set1(a->bias2);
    const vf grad_scale = v_set1(a->grad_scale);

    for (size_t i = 0; i < n; i += VS_LANES) {
        const size_t left = n - i;
        const vf g = v_mul(load_part(grad + i, left), grad_scale), w = load_part(p + i, left);
        const vf m1 = v_fma(beta1, load_part(m + i, left), v_mul(rest1, g));
        const vf v1 = v_fma(beta2, load_part(v + i, left), v_mul(v_mul(rest2, g), g));
        const vf root = v_add(v_sqrt(v_div(v1, bias2)), eps);
        const vf step = v_add(v_div(v_div(m1, bias1), root), v_mul(wd, w));

        store_part(m + i, m1, left);
        store_part(v + i, v1, left);
        store_part(p + i, v_sub(w, v_mul(lr, step)), left);
    }
}
