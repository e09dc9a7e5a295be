/* Backward ops against central differences of an independent forward pass in double. */
#include "attn_test.h"

/* Central differences in double with step 1e-4 are good to 1e-7; the rest is the rounding of f32
 * sums of a few hundred terms of size 1. */
static const double step = 1e-4, tolerance = 3e-4;

/* A function of n inputs whose value is sum of d_out times its outputs. */
typedef double objective(const double *x, const void *context);

static void check_gradient(const char *what, objective *f, const void *context, const float *x,
                           const float *gradient, size_t n)
{
    double *at = vs_alloc(n, sizeof *at);

    assert_non_null(at);
    for (size_t i = 0; i < n; i++) at[i] = (double)x[i];
    for (size_t i = 0; i < n;
         i += 1 + n / 400) { /* at most some 400 elements: each costs two forward passes */
        const double x0 = at[i];

        at[i] = x0 + step;
        const double high = f(at, context);
        at[i] = x0 - step;
        const double low = f(at, context);
        at[i] = x0;
        const double expected = (high - low) / (2.0 * step);

        if (!(fabs((double)gradient[i] - expected) <= tolerance * (1.0 + fabs(expected))))
            fail_msg("%s: gradient %zu of %zu is %g, expected %g", what, i, n, (double)gradient[i],
                     expected);
    }
    free(at);
}

/* ---- rmsnorm ---- */

enum { ROWS = 3, WIDTH = 37 };
static const double norm_eps = 1e-5;

typedef struct norm_context {
    const float *d_out, *w, *x;
} norm_context;

static double norm_value(const double *x, const double *w, const float *d_out)
{
    double value = 0.0;

    for (size_t t = 0; t < ROWS; t++) {
        double squares = 0.0;

        for (size_t c = 0; c < WIDTH; c++) squares += x[t * WIDTH + c] * x[t * WIDTH + c];
        for (size_t c = 0; c < WIDTH; c++)
            value += (double)d_out[t * WIDTH + c] * x[t * WIDTH + c] * w[c] /
                     sqrt(squares / WIDTH + norm_eps);
    }
    return value;
}

static double norm_of_x(const double *x, const void *context)
{
    const norm_context *n = context;
    double w[WIDTH];

    for (size_t c = 0; c < WIDTH; c++) w[c] = (double)n->w[c];
    return norm_value(x, w, n->d_out);
}

static double norm_of_w(const double *w, const void *context)
{
    const norm_context *n = context;
    double x[ROWS * WIDTH];

    for (size_t c = 0; c < ROWS * WIDTH; c++) x[c] = (double)n->x[c];
    return norm_value(x, w, n->d_out);
}

TEST(backward, rmsnorm_is_the_derivative)
{
    const vs_ops *o = vs_ops_best();
    float *x = randoms(ROWS * WIDTH, 1, 1.0f), *w = randoms(WIDTH, 2, 1.0f);
    float *d_out = randoms(ROWS * WIDTH, 3, 1.0f), *y = zeros(ROWS * WIDTH), *inv = zeros(ROWS);
    float *dx = zeros(ROWS * WIDTH), *dw = zeros(WIDTH);
    const norm_context context = {d_out, w, x};

    o->rmsnorm(y, inv, x, w, ROWS, WIDTH, (float)norm_eps);
    o->rmsnorm_bwd_x(dx, d_out, x, w, inv, ROWS, WIDTH);
    o->rmsnorm_bwd_w(dw, d_out, x, inv, ROWS, WIDTH, 0, WIDTH);
    check_gradient("x", norm_of_x, &context, x, dx, ROWS * WIDTH);
    check_gradient("w", norm_of_w, &context, w, dw, WIDTH);
    free(x);
    free(w);
    free(d_out);
    free(y);
    free(inv);
    free(dx);
    free(dw);
}

/* ---- swiglu ---- */

static double swiglu_value(const double *gu, const void *d_out)
{
    double value = 0.0;

    for (size_t t = 0; t < ROWS; t++)
        for (size_t c = 0; c < WIDTH; c++) {
            const double g = gu[t * 2 * WIDTH + c], u = gu[t * 2 * WIDTH + WIDTH + c];
            value += (double)((const float *)d_out)[t * WIDTH + c] * u * g / (1.0 + exp(-g));
        }
    return value;
}

TEST(backward, swiglu_is_the_derivative)
{
    float *gu = randoms(2 * ROWS * WIDTH, 1, 4.0f), *d_out = randoms(ROWS * WIDTH, 2, 1.0f);
    float *dgu = zeros(2 * ROWS * WIDTH);

    vs_ops_best()->swiglu_bwd(dgu, d_out, gu, ROWS, WIDTH);
    check_gradient("gu", swiglu_value, d_out, gu, dgu, 2 * ROWS * WIDTH);
    free(gu);
    free(d_out);
    free(dgu);
}

/* ---- geglu, softcap ---- */

static double geglu_value(const double *gu, const void *d_out)
{
    double value = 0.0;

    for (size_t t = 0; t < ROWS; t++)
        for (size_t c = 0; c < WIDTH; c++) {
            const double g = gu[t * 2 * WIDTH + c], u = gu[t * 2 * WIDTH + WIDTH + c];
            const double z = sqrt(2.0 / acos(-1.0)) * (g + 0.044715 * g * g * g);
            value += (double)((const float *)d_out)[t * WIDTH + c] * u * 0.5 * g * (1.0 + tanh(z));
        }
    return value;
}

TEST(backward, geglu_is_gelu_and_its_derivative)
{
    float *gu = randoms(2 * ROWS * WIDTH, 1, 3.0f), *d_out = randoms(ROWS * WIDTH, 2, 1.0f);
    float *dgu = zeros(2 * ROWS * WIDTH), *y = zeros(ROWS * WIDTH);
    double exact[2 * ROWS * WIDTH], value = 0.0;

    vs_ops_best()->geglu(y, gu, ROWS, WIDTH);
    for (size_t i = 0; i < 2 * ROWS * WIDTH; i++) exact[i] = (double)gu[i];
    for (size_t i = 0; i < ROWS * WIDTH; i++) value += (double)d_out[i] * (double)y[i];
    CHECK_NEAR(value, geglu_value(exact, d_out), 1e-4); /* f32 roundings of some 100 terms */
    vs_ops_best()->geglu_bwd(dgu, d_out, gu, ROWS, WIDTH);
    check_gradient("gu", geglu_value, d_out, gu, dgu, 2 * ROWS * WIDTH);
    free(gu);
    free(d_out);
    free(dgu);
    free(y);
}

static const double cap = 2.5;

static double softcap_value(const double *x, const void *d_out)
{
    double value = 0.0;

    for (size_t i = 0; i < WIDTH; i++)
        value += (double)((const float *)d_out)[i] * cap * tanh(x[i] / cap);
    return value;
}

TEST(backward, softcap_is_a_scaled_tanh_and_its_derivative)
{
    float *x = randoms(WIDTH, 1, 6.0f), *d_out = randoms(WIDTH, 2, 1.0f);
    float *y = zeros(WIDTH), *g = zeros(WIDTH);

    memcpy(y, x, WIDTH * sizeof *x);
    memcpy(g, d_out, WIDTH * sizeof *g);
    vs_ops_best()->softcap(y, WIDTH, (float)cap);
    vs_ops_best()->softcap_bwd(g, y, WIDTH, (float)cap);
    for (size_t i = 0; i < WIDTH; i++)
        CHECK_NEAR((double)y[i], cap * tanh((double)x[i] / cap), 1e-6); /* a few roundings */
    check_gradient("x", softcap_value, d_out, x, g, WIDTH);
    free(x);
    free(d_out);
    free(y);
    free(g);
}

/* ---- softmax over the vocabulary ---- */

enum { VOCAB = 2 * VS_VOCAB_TILE + 77, TARGET = 1500 };
static const float coefficient = 0.7f;

static double logp_value(const double *l, const void *context)
{
    double sum = 0.0;

    (void)context;
    for (size_t v = 0; v < VOCAB; v++) sum += exp(l[v]);
    return (double)coefficient * (l[TARGET] - log(sum));
}

TEST(backward, softmax_over_tiles_is_the_derivative_of_the_log_probability)
{
    const vs_ops *o = vs_ops_best();
    float *l = randoms(VOCAB, 1, 5.0f), *d = zeros(VOCAB), max = -INFINITY, sum = 0.0f;
    double exact = 0.0;

    memcpy(d, l, VOCAB * sizeof *l);
    for (size_t v = 0; v < VOCAB; v++) exact += exp((double)l[v]);
    for (size_t v = 0; v < VOCAB; v += VS_VOCAB_TILE)
        o->lse_tile(&max, &sum, l + v, VOCAB, 1,
                    VOCAB - v < VS_VOCAB_TILE ? VOCAB - v : VS_VOCAB_TILE);
    CHECK_NEAR((double)max + log((double)sum), log(exact), 1e-6); /* a few roundings of f32 */
    for (size_t v = 0; v < VOCAB; v += VS_VOCAB_TILE)
        o->softmax_bwd_tile(d + v, VOCAB, &max, &sum, &coefficient, 1,
                            VOCAB - v < VS_VOCAB_TILE ? VOCAB - v : VS_VOCAB_TILE);
    d[TARGET] += coefficient;
    check_gradient("logits", logp_value, NULL, l, d, VOCAB);
    free(l);
    free(d);
}

/* ---- attention ---- */

/* One query of head h in row `row` that sees prompt rows and rows own .. row; adds d_out . out to
 * the return value. */
static double query_value(const group *g, const double *x, size_t row, size_t h, size_t n_prompt,
                          size_t own)
{
    const size_t d_n = g->s.head_dim, kv = h / (g->s.n_heads / g->s.n_kv_heads) * d_n;
    const size_t n = n_prompt + row - own + 1;
    double weight = 0.0, value = 0.0;

    for (size_t j = vs_attn_first(&g->s, n - 1); j < n; j++) {
        const size_t key_row = j < n_prompt ? 1 + j : own + j - n_prompt;
        const double *q = x + row * g->ld + h * d_n, *k = x + key_row * g->ld + g->q_width + kv;
        double score = 0.0, dot = 0.0;

        for (size_t d = 0; d < d_n; d++) {
            score += q[d] * k[d];
            dot += k[g->kv_width + d] * (double)g->d_out[row * g->ld_o + h * d_n + d];
        }
        score /= sqrt((double)d_n);
        if (g->s.softcap > 0.0f) score = (double)g->s.softcap * tanh(score / (double)g->s.softcap);
        weight += exp(score);
        value += exp(score) * dot;
    }
    return value / weight;
}

static double attn_value(const double *x, const void *context)
{
    const group *g = context;
    double value = 0.0;

    for (size_t h = 0; h < g->s.n_heads; h++) {
        for (size_t i = 0; i < g->n_prompt; i++) value += query_value(g, x, 1 + i, h, 0, 1);
        for (size_t k = 0; k < g->n_spans; k++)
            for (size_t i = 0; i < g->spans[k].n; i++)
                value += query_value(g, x, g->spans[k].row + i, h, g->n_prompt, g->spans[k].row);
    }
    return value;
}

/* H / G = 1, 2, 4; head widths 8, 16, 64; with and without a prompt, a window, a cap. */
static const group_case derivative_cases[] = {
    {1, 1, 8, 0, 1, {3}, 0, 0.0f},        {2, 2, 16, 0, 2, {5, 2}, 0, 0.0f},
    {2, 1, 64, 4, 2, {3, 2}, 0, 0.0f},    {4, 2, 16, 6, 3, {4, 1, 7}, 0, 0.0f},
    {4, 1, 8, 17, 2, {18, 3}, 0, 0.0f},   {8, 2, 64, 3, 1, {4}, 0, 0.0f},
    {4, 2, 16, 6, 3, {4, 1, 7}, 5, 0.0f}, {4, 1, 8, 17, 2, {18, 3}, 18, 0.8f},
    {2, 1, 16, 5, 2, {3, 6}, 0, 0.5f},
};

TEST(backward, attention_is_the_derivative)
{
    for (size_t c = 0; c < sizeof derivative_cases / sizeof *derivative_cases; c++) {
        const vs_ops *o = vs_ops_best();
        group g = group_open(&derivative_cases[c]);
        double out_dot = 0.0;
        double *x = vs_alloc(g.n_rows * g.ld, sizeof *x);

        assert_non_null(x);
        group_link(&g);
        group_forward(&g, o);
        group_backward(&g, o);
        for (size_t i = 0; i < g.n_rows * g.ld; i++) x[i] = (double)g.qkv[i];
        for (size_t r = 1; r < g.n_rows; r++)
            for (size_t j = 0; j < g.q_width; j++)
                out_dot += (double)g.out[r * g.ld_o + j] * (double)g.d_out[r * g.ld_o + j];
        CHECK_NEAR(out_dot, attn_value(x, &g), tolerance);
        check_gradient("qkv", attn_value, &g, g.qkv, g.d_qkv, g.n_rows * g.ld);
        free(x);
        group_close(&g);
    }
}
