/* Every backend gives the bits of cpu/ref, over one table of ops and one table of sizes. */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "engine/tensor/half.h"
#include "tensor_test.h"

/* Sizes of one case: rows, width and a third size whose meaning the op gives. Odd on purpose. */
typedef struct sizes {
    size_t rows, width, third;
} sizes;

static const sizes all_sizes[] = {
    {1, 1, 1},    {1, 16, 15},   {2, 15, 17},   {3, 17, 16},   {5, 31, 64},  {7, 64, 64},
    {1, 176, 64}, {13, 48, 176}, {25, 129, 33}, {67, 64, 176}, {3, 1030, 5}, {130, 33, 500},
};

enum { MAX_OUT = 1 << 18 };

/* Runs the op on inputs that depend on the sizes alone; writes all it produced to out and returns
 * how many floats. */
typedef size_t op_fn(const vs_ops *o, const sizes *s, float *out);

static float *random_into(float *out, size_t n, uint32_t seed)
{
    float *x = randoms(n, seed, 2.0f);

    memcpy(out, x, n * sizeof *x);
    free(x);
    return out;
}

/* out [rows][width + 3] (+ accumulate) of a [rows][third + 2] by panels; both layouts of A. */
static size_t run_gemm(const vs_ops *o, const sizes *s, float *out)
{
    const size_t m = s->rows, n = s->width, k = s->third, ld = n + 3, step = (k + 1) * VS_LANES;
    float *a = randoms(m * (k + 2) + k * (m + 2), 1, 1.0f);
    float *b = randoms(vs_round16(n) / VS_LANES * step, 2, 1.0f);
    size_t used = 0;

    for (int accumulate = 0; accumulate < 2; accumulate++)
        for (int crosswise = 0; crosswise < 2; crosswise++, used += m * ld)
            o->gemm(random_into(out + used, m * ld, 3), ld, a, crosswise ? 1 : k + 2,
                    crosswise ? m + 2 : 1, b, step, m, n, k, accumulate);
    free(a);
    free(b);
    return used;
}

static size_t run_pack(const vs_ops *o, const sizes *s, float *out)
{
    const size_t n = s->rows, k = s->width, one = vs_round16(n) * k;
    float *w = randoms((n + 2) * (k + 2), 1, 1.0f);

    o->pack_rows(out, w, k + 2, n, k);
    o->pack_cols(out + one, w, n + 2, n, k);
    free(w);
    return 2 * one;
}

static size_t run_rmsnorm(const vs_ops *o, const sizes *s, float *out)
{
    const size_t t = s->rows, c = s->width, n = t * c;
    float *x = randoms(n, 1, 3.0f), *w = randoms(c, 2, 1.0f), *dy = randoms(n, 3, 1.0f);
    float *inv = out, *y = inv + t, *dx = y + n, *dw = random_into(dx + n, c, 4);

    o->rmsnorm(y, inv, x, w, t, c, 1e-5f);
    random_into(dx, n, 5);
    o->rmsnorm_bwd_x(dx, dy, x, w, inv, t, c);
    o->rmsnorm_bwd_w(dw, dy, x, inv, t, c, c / 3, c);
    o->rmsnorm_bwd_w(dw, dy, x, inv, t, c, 0, c / 3);
    free(x);
    free(w);
    free(dy);
    return t + 2 * n + c;
}

static size_t run_rope(const vs_ops *o, const sizes *s, float *out)
{
    const size_t t = s->rows, d = 2 * (s->width / 4 + 1), heads = 3, ld = heads * d + 1;
    float *table = randoms((t + 1) * d, 1, 1.0f);
    int32_t *pos = vs_alloc(t, sizeof *pos);

    assert_non_null(pos);
    for (size_t i = 0; i < t; i++) pos[i] = (int32_t)((i * 7) % (t + 1));
    o->rope(random_into(out, t * ld, 2), ld, pos, table, t, heads, d, 1.0f);
    o->rope(random_into(out + t * ld, t * ld, 2), ld, pos, table, t, heads, d, -1.0f);
    free(table);
    free(pos);
    return 2 * t * ld;
}

static size_t run_glu(const vs_ops *o, const sizes *s, float *out)
{
    const size_t n = s->rows * s->width;
    float *gu = randoms(2 * n, 1, 100.0f),
          *da = randoms(n, 2, 1.0f); /* beyond both ends of expf32 */

    o->swiglu(out, gu, s->rows, s->width);
    o->swiglu_bwd(out + n, da, gu, s->rows, s->width);
    o->geglu(out + 3 * n, gu, s->rows, s->width);
    o->geglu_bwd(out + 4 * n, da, gu, s->rows, s->width);
    memcpy(out + 6 * n, gu, n * sizeof *gu);
    memcpy(out + 7 * n, da, n * sizeof *da);
    o->softcap(out + 6 * n, n, 30.0f);
    o->softcap_bwd(out + 7 * n, out + 6 * n, n, 30.0f);
    free(gu);
    free(da);
    return 8 * n;
}

static size_t run_add(const vs_ops *o, const sizes *s, float *out)
{
    const size_t n = s->rows * s->width;
    float *x = randoms(n, 1, 1.0f);

    o->add(random_into(out, n, 2), x, n);
    free(x);
    return n;
}

/* Two tiles of the running sum, then the gradient from it, then sampling weights. */
static size_t run_vocab(const vs_ops *o, const sizes *s, float *out)
{
    const size_t t = s->rows, v = s->width, ld = v + 5;
    float *max = out, *sum = max + t, *l = sum + t, *w = l + t * ld;
    float *c = randoms(t, 1, 1.0f), *first = randoms(t * ld, 2, 30.0f);

    for (size_t i = 0; i < t; i++) {
        max[i] = -INFINITY;
        sum[i] = 0.0f;
    }
    random_into(l, t * ld, 3);
    o->lse_tile(max, sum, first, ld, t, v);
    o->lse_tile(max, sum, l, ld, t, v);
    o->softmax_bwd_tile(l, ld, max, sum, c, t, v);
    o->sample_weights(w, first, v, 1.3f);
    free(c);
    free(first);
    return 2 * t + t * ld + v;
}

static size_t run_adamw(const vs_ops *o, const sizes *s, float *out)
{
    const size_t n = s->rows * s->width;
    const vs_adamw a = {1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.19f, 0.0199f, 0.7f};
    float *grad = randoms(n, 1, 1.0f);
    float *p = random_into(out, n, 2), *m = random_into(p + n, n, 3), *v = random_into(m + n, n, 4);
    const double squares = o->sum_squares(grad, n);

    for (size_t i = 0; i < n; i++) v[i] *= v[i];
    o->adamw(p, grad, m, v, n, &a, s->rows % 2);
    memcpy(v + n, &squares, sizeof squares);
    free(grad);
    return 3 * n + sizeof squares / sizeof *out;
}

static const struct {
    const char *name;
    op_fn *run;
} all_ops[] = {
    {"gemm", run_gemm}, {"pack", run_pack}, {"rmsnorm", run_rmsnorm}, {"rope", run_rope},
    {"glu", run_glu},   {"add", run_add},   {"vocab", run_vocab},     {"adamw", run_adamw},
};

TEST(ops, every_backend_gives_the_bits_of_ref)
{
    float *expected = zeros(MAX_OUT), *found = zeros(MAX_OUT);
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    CHECK(n_backends >= 2);
    for (size_t i = 0; i < sizeof all_ops / sizeof *all_ops; i++)
        for (size_t j = 0; j < sizeof all_sizes / sizeof *all_sizes; j++) {
            const size_t n = all_ops[i].run(backends[0], &all_sizes[j], expected);

            CHECK(n <= MAX_OUT);
            for (size_t b = 1; b < n_backends; b++) {
                char what[100];

                snprintf(what, sizeof what, "%s, %s, sizes %zu", all_ops[i].name, backends[b]->name,
                         j);
                CHECK(all_ops[i].run(backends[b], &all_sizes[j], found) == n);
                check_bits(what, found, expected, n);
            }
        }
    free(expected);
    free(found);
}

TEST(ops, a_product_of_any_rows_and_columns_writes_its_bits_and_nothing_else)
{
    enum { MAX_M = 27, MAX_N = 150, K = 9, LD = MAX_N };
    float *a = randoms(MAX_M * K, 1, 1.0f), *b = randoms(vs_round16(MAX_N) * K, 2, 1.0f);
    float *expected = zeros(MAX_M * LD), *found = zeros(MAX_M * LD);
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    backends[0]->gemm(expected, LD, a, K, 1, b, K * VS_LANES, MAX_M, MAX_N, K, false);
    for (size_t back = 1; back < n_backends; back++)
        for (size_t m = 1; m <= MAX_M; m++)
            for (size_t n = 1; n <= MAX_N; n += m % 2 ? 7 : 16) {
                memset(found, 0, MAX_M * LD * sizeof *found);
                backends[back]->gemm(found, LD, a, K, 1, b, K * VS_LANES, m, n, K, false);
                for (size_t r = 0; r < MAX_M; r++) {
                    const size_t written = r < m ? n : 0;

                    check_bits(backends[back]->name, found + r * LD, expected + r * LD, written);
                    for (size_t c = written; c < LD; c++) CHECK(found[r * LD + c] == 0.0f);
                }
            }
    free(a);
    free(b);
    free(expected);
    free(found);
}

/* Panels of f32 with k steps whose n values bf16 holds, and the same as panels of bf16. */
static float *random_bf16(uint16_t *half, size_t n, size_t k, uint32_t seed)
{
    float *x = randoms(n, seed, 1.0f);

    for (size_t i = 0; i < n; i++) {
        const size_t panel = i / (VS_LANES * k), step = i / VS_LANES % k, lane = i % VS_LANES;
        const uint16_t h = vs_bf16_of_f32(x[i]);

        half[panel / 2 * VS_WIDE * k + step * VS_WIDE + panel % 2 * VS_LANES + lane] = h;
        x[i] = vs_f32_of_bf16(h);
    }
    return x;
}

TEST(ops, panels_of_bf16_give_the_bits_of_the_same_values_as_f32)
{
    enum { MAX_M = 47, N = 90, K = 700, B = 96 * K };
    static const size_t rows[] = {1, 2, 3, 4, 5, 8, 13, 14, 15, 28, 29, MAX_M};
    uint16_t *half = malloc(B * sizeof *half);
    float *b = random_bf16(half, B, K, 2), *a = randoms(MAX_M * K, 1, 1.0f);
    float *expected = zeros(MAX_M * N), *found = zeros(MAX_M * N);
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    for (size_t back = 0; back < n_backends; back++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (int more = 0; more < 12; more++) {
                /* ends in and between both halves of a panel */
                static const size_t widths[] = {N, 70, 80, 64, 16, 5};
                const bool accumulate = more % 2;
                const size_t n = widths[more / 2];

                backends[0]->gemm(random_into(expected, MAX_M * N, 3), N, a, K, 1, b, K * VS_LANES,
                                  rows[i], n, K, accumulate);
                backends[back]->gemm_bf16(random_into(found, MAX_M * N, 3), N, a, K, 1, half,
                                          K * VS_WIDE, rows[i], n, K, accumulate);
                check_bits(backends[back]->name, found, expected, MAX_M * N);
            }
    free(half);
    free(a);
    free(b);
    free(expected);
    free(found);
}

/* Words of two bf16 for n values. */
static uint32_t *random_pairs(size_t n, uint32_t seed, float scale)
{
    float *x = randoms(2 * n, seed, scale);
    uint32_t *pairs = vs_alloc(n, sizeof *pairs);

    assert_non_null(pairs);
    for (size_t i = 0; i < n; i++) pairs[i] = vs_bf16_pair(x[2 * i], x[2 * i + 1]);
    free(x);
    return pairs;
}

/* Every number of rows, tails of columns, odd chains and those that are cut into blocks; the second
 * scale makes operands, sums and what is accumulated subnormal. */
/* How this thread rounds and what it does with subnormals. */
static unsigned control_word(void)
{
#if defined(__x86_64__)
    return _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK;
#else
    return 0;
#endif
}

TEST(ops, products_of_bf16_have_the_bits_of_ref)
{
    const unsigned control = control_word();

    enum { MAX_M = 40, N = 90, MAX_K = 4500, STEP = MAX_K / 2 * VS_LANES };
    static const size_t ks[] = {1, 2, 9, 700, MAX_K - 1};
    static const float scales[][2] = {{1.0f, 1.0f}, {0x1p-62f, 0x1p-63f}, {0x1p-126f, 4.0f}};
    float *expected = zeros(MAX_M * N), *found = zeros(MAX_M * N);
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        float *a = randoms(MAX_M * (MAX_K + 2), 1, scales[i][0]);
        float *start = randoms(MAX_M * N, 3, scales[i][0] * scales[i][1]);
        uint32_t *b = random_pairs(vs_round16(N) / VS_LANES * STEP, 2, scales[i][1]);

        for (size_t j = 0; j < sizeof ks / sizeof *ks; j++)
            for (int accumulate = 0; accumulate < 2; accumulate++) {
                const size_t m_step = ks[j] > 9 ? 13 : 1, n = N - 13 * j;

                memcpy(expected, start, MAX_M * N * sizeof *start);
                backends[0]->gemm_dot(expected, N, a, MAX_K + 2, b, STEP, MAX_M, n, ks[j],
                                      accumulate);
                for (size_t back = 1; back < n_backends; back++)
                    for (size_t m = 1; m <= MAX_M; m += m_step) {
                        memcpy(found, start, MAX_M * N * sizeof *start);
                        CHECK(control_word() == control);
                        backends[back]->gemm_dot(found, N, a, MAX_K + 2, b, STEP, m, n, ks[j],
                                                 accumulate);
                        check_bits(backends[back]->name, found, expected, m * N);
                        check_bits(backends[back]->name, found + m * N, start + m * N,
                                   (MAX_M - m) * N);
                    }
            }
        free(a);
        free(start);
        free(b);
    }
    free(expected);
    free(found);
}

/* a x + start, alone in its pair. The last three decide where a subnormal ends. */
TEST(ops, a_product_of_bf16_takes_and_gives_zeros_for_subnormals)
{
    static const struct {
        float a, b, start, expected;
    } cases[] = {
        {0x1.02p+0f, 0x1.02p+0f, 1.0f, 0x1.0202p+1f},
        {0x1.01p+0f, 1.0f, 0.0f, 1.0f}, /* a is rounded, a tie to even */
        {0x1.03p+0f, 1.0f, 0.0f, 0x1.04p+0f},
        {0x1p-127f, 0x1p+100f, 0.0f, 0.0f}, /* subnormal operands */
        {0x1p+100f, 0x1p-127f, 1.0f, 1.0f},
        {0x1p-40f, 0x1p-40f, 0x1p-127f, 0x1p-80f},
        {0x1p-64f, 0x1p-63f, 0.0f, 0.0f},      /* a subnormal result */
        {0x1.ffp-127f, 1.0f, 0.0f, 0x1p-126f}, /* not subnormal once it is rounded */
        {-0x1p-70f, 0x1p-82f, 0x1p-126f, 0x1p-126f},
        {-0x1p-70f, 0x1p-81f, 0x1p-126f, 0x1p-126f},
        {-0x1.02p-70f, 0x1p-81f, 0x1p-126f, 0.0f}, /* would be 2^-126 among subnormals */
        {-0x1p-70f, 0x1p-80f, 0x1p-126f, 0.0f},
    };
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    for (size_t back = 0; back < n_backends; back++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (int odd = 0; odd < 2; odd++) {
                const float a[2] = {odd ? 0.0f : cases[i].a, odd ? cases[i].a : 0.0f};
                const uint32_t b[VS_LANES] = {odd ? vs_bf16_pair(0.0f, cases[i].b)
                                                  : vs_bf16_pair(cases[i].b, 0.0f)};
                float out = cases[i].start;
                char what[60];

                snprintf(what, sizeof what, "%s, case %zu", backends[back]->name, i);
                backends[back]->gemm_dot(&out, 1, a, 2, b, VS_LANES, 1, 1, 2, true);
                check_bits(what, &out, &cases[i].expected, 1);
            }
}

/* Long chains and many rows: where the fast kernels cut k and rows into blocks. */
TEST(ops, blocks_of_a_large_product_leave_its_bits)
{
    enum { M = 210, N = 80, K = 1100 };
    float *a = randoms(M * K, 1, 1.0f), *b = randoms(N * K, 2, 1.0f);
    float *expected = zeros(M * N), *found = zeros(M * N);
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    backends[0]->gemm(expected, N, a, K, 1, b, K * VS_LANES, M, N, K, false);
    for (size_t back = 1; back < n_backends; back++) {
        backends[back]->gemm(found, N, a, K, 1, b, K * VS_LANES, M, N, K, false);
        check_bits(backends[back]->name, found, expected, M * N);
    }
    free(a);
    free(b);
    free(expected);
    free(found);
}

TEST(ops, backend_name_in_the_environment_decides)
{
    char *old = getenv("VSTAR_BACKEND") ? strdup(getenv("VSTAR_BACKEND")) : NULL;

    setenv("VSTAR_BACKEND", "ref", 1);
    CHECK_STR(vs_ops_best()->name, "ref");
    setenv("VSTAR_BACKEND", "portable", 1);
    CHECK_STR(vs_ops_best()->name, "fast-portable");
    setenv("VSTAR_BACKEND", "no such one", 1);
    CHECK(strcmp(vs_ops_best()->name, "ref") != 0);
    if (old)
        setenv("VSTAR_BACKEND", old, 1);
    else
        unsetenv("VSTAR_BACKEND");
    free(old);
}
