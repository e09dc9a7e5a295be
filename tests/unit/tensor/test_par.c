/* Products over threads: equal bits for every number of threads and every way of cutting the work
 * into calls. */
#include "base/threads.h"
#include "engine/tensor/half.h"
#include "engine/tensor/par.h"
#include "tensor_test.h"

/* Rows, columns, chain length. The first is below the size that is split, the others are split by
 * row or by panel. */
static const size_t shapes[][3] = {
    {3, 20, 16}, {129, 130, 70}, {700, 48, 64}, {2, 4000, 90}, {17, 1024, 176}, {64, 33, 601},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static vs_panels panels_as(vs_panel_kind kind, const vs_ops *o, const float *w, size_t n, size_t k)
{
    vs_panels p = {0};
    vs_error err;

    CHECK_OK(vs_panels_open(&p, NULL, n, k, kind, &err));
    vs_panels_set_rows(o, &p, 0, w, k, n);
    return p;
}

static vs_panels panels_of(const vs_ops *o, const float *w, size_t n, size_t k)
{
    return panels_as(VS_PANELS_F32, o, w, n, k);
}

static void check_product(vs_panel_kind kind)
{
    const vs_ops *o = vs_ops_best();
    static const size_t n_threads[] = {1, 2, 3, 7};

    for (size_t i = 0; i < N_SHAPES; i++) {
        const size_t m = shapes[i][0], n = shapes[i][1], k = shapes[i][2], ld = n + 1;
        float *a = randoms(m * k, 1, 1.0f), *w = randoms(n * k, 2, 1.0f);
        float *expected = zeros(m * ld), *start = randoms(m * ld, 3, 1.0f), *found = zeros(m * ld);
        for (size_t j = 0; kind == VS_PANELS_BF16 && j < n * k; j++)
            w[j] = vs_f32_of_bf16(vs_bf16_of_f32(w[j]));
        vs_panels p = panels_as(kind, o, w, n, k);

        memcpy(expected, start, m * ld * sizeof *start);
        if (kind == VS_PANELS_F32)
            vs_ops_ref()->gemm(expected, ld, a, k, 1, p.data, k * VS_LANES, m, n, k, true);
        else if (kind == VS_PANELS_BF16)
            vs_ops_ref()->gemm_bf16(expected, ld, a, k, 1, p.half, k * VS_WIDE, m, n, k, true);
        else
            vs_ops_ref()->gemm_dot(expected, ld, a, k, p.pairs, (k + 1) / 2 * VS_LANES, m, n, k,
                                   true);
        for (size_t t = 0; t < sizeof n_threads / sizeof *n_threads; t++) {
            vs_threads_set(n_threads[t]);
            memcpy(found, start, m * ld * sizeof *start);
            vs_matmul(o, found, ld, a, k, &p, m, true);
            check_bits("whole", found, expected, m * ld);

            memcpy(found, start, m * ld * sizeof *start);
            for (size_t r = 0, rows; r < m; r += rows) { /* 1, 2, 3, .. rows */
                rows = r / 3 + 1 < m - r ? r / 3 + 1 : m - r;
                vs_matmul_cols(o, found + r * ld, ld, a + r * k, k, &p, 0, n / 64 * 32, rows, true);
                vs_matmul_cols(o, found + r * ld + n / 64 * 32, ld, a + r * k, k, &p, n / 64 * 32,
                               n - n / 64 * 32, rows, true);
            }
            check_bits("in pieces", found, expected, m * ld);
        }
        vs_panels_close(&p);
        free(a);
        free(w);
        free(expected);
        free(start);
        free(found);
    }
    vs_threads_set(0);
}

TEST(par, a_product_is_the_same_on_1_2_3_and_7_threads)
{
    check_product(VS_PANELS_F32);
    check_product(VS_PANELS_BF16);
    check_product(VS_PANELS_PAIRS);
}

TEST(par, a_weight_gradient_is_the_same_for_every_split_of_its_rows)
{
    const vs_ops *o = vs_ops_best();

    for (size_t i = 0; i < N_SHAPES; i++) {
        const size_t rows = shapes[i][0], n = shapes[i][1], k = shapes[i][2], ld = k + 2;
        float *x = randoms(rows * k, 1, 1.0f), *dy = randoms(rows * n, 2, 1.0f);
        float *start = randoms(n * ld, 3, 1.0f), *expected = zeros(n * ld), *found = zeros(n * ld);
        float *scratch = zeros(vs_round16(k) * rows);

        memcpy(expected, start, n * ld * sizeof *start);
        for (size_t r = 0; r < n; r++) /* straight from the definition */
            for (size_t c = 0; c < k; c++)
                for (size_t t = 0; t < rows; t++)
                    expected[r * ld + c] = fmaf(dy[t * n + r], x[t * k + c], expected[r * ld + c]);
        for (size_t t = 1; t <= 5; t += 2) {
            vs_threads_set(t);
            memcpy(found, start, n * ld * sizeof *start);
            vs_matmul_grad(o, found, ld, dy, n, x, k, rows, n, k, scratch);
            check_bits("whole", found, expected, n * ld);

            const size_t cut = rows * t / 7;
            memcpy(found, start, n * ld * sizeof *start);
            vs_matmul_grad(o, found, ld, dy, n, x, k, cut, n, k, scratch);
            vs_matmul_grad(o, found, ld, dy + cut * n, n, x + cut * k, k, rows - cut, n, k,
                           scratch);
            check_bits("two calls", found, expected, n * ld);
        }
        free(x);
        free(dy);
        free(start);
        free(expected);
        free(found);
        free(scratch);
    }
    vs_threads_set(0);
}

TEST(par, rows_may_be_set_at_any_column)
{
    enum { N = 70, K = 11 };
    const vs_ops *o = vs_ops_best();
    float *w = randoms(N * K, 1, 1.0f);
    vs_panels whole = panels_of(o, w, N, K), pieces = {0};
    vs_error err;

    for (size_t cut = 1; cut < N; cut++)
        for (size_t second = cut; second < N; second += 5) {
            CHECK_OK(vs_panels_open(&pieces, NULL, N, K, VS_PANELS_F32, &err));
            vs_panels_set_rows(o, &pieces, second, w + second * K, K, N - second);
            vs_panels_set_rows(o, &pieces, cut, w + cut * K, K, second - cut);
            vs_panels_set_rows(o, &pieces, 0, w, K, cut);
            check_bits("panels", pieces.data, whole.data, vs_round16(N) * K);
            vs_panels_close(&pieces);
        }
    vs_panels_close(&whole);
    free(w);
}

TEST(par, panels_of_bf16_hold_what_those_of_f32_hold)
{
    enum { N = 70, K = 11, CUT = 21, PADDED = 96 };
    const vs_ops *o = vs_ops_best();
    float *w = randoms(N * K, 1, 1.0f);
    vs_panels half = {0};
    vs_error err;

    CHECK(!vs_is_bf16(w, N * K));
    for (size_t i = 0; i < N * K; i++) w[i] = vs_f32_of_bf16(vs_bf16_of_f32(w[i]));
    CHECK(vs_is_bf16(w, N * K));
    vs_panels whole = panels_of(o, w, N, K);
    CHECK_OK(vs_panels_open(&half, NULL, N, K, VS_PANELS_BF16, &err));
    vs_panels_set_rows(o, &half, CUT, w + CUT * K, K, N - CUT);
    vs_panels_set_rows(o, &half, 0, w, K, CUT);
    for (size_t j = 0; j < PADDED; j++)
        for (size_t i = 0; i < K; i++) {
            const uint16_t found = half.half[j / VS_WIDE * VS_WIDE * K + i * VS_WIDE + j % VS_WIDE];
            const float want =
                j < N ? whole.data[j / VS_LANES * VS_LANES * K + i * VS_LANES + j % VS_LANES]
                      : 0.0f;
            CHECK(vs_bits_of_f32(vs_f32_of_bf16(found)) == vs_bits_of_f32(want));
        }
    vs_panels_close(&half);
    vs_panels_close(&whole);
    free(w);
}

TEST(par, panels_turned_are_those_of_the_transposed_matrix)
{
    const vs_ops *o = vs_ops_best();
    vs_error err;

    for (size_t i = 0; i < N_SHAPES; i++)
        for (vs_panel_kind kind = VS_PANELS_F32; kind <= VS_PANELS_BF16; kind++) {
            const size_t n = shapes[i][1], k = shapes[i][2];
            float *w = randoms(n * k, 2, 1.0f), *turned = zeros(n * k);
            for (size_t j = 0; j < n * k; j++) {
                if (kind == VS_PANELS_BF16) w[j] = vs_f32_of_bf16(vs_bf16_of_f32(w[j]));
                turned[j % k * n + j / k] = w[j];
            }
            vs_panels p = panels_as(kind, o, w, n, k), want = panels_as(kind, o, turned, k, n), got;
            for (size_t threads = 1; threads <= 3; threads += 2) {
                vs_threads_set(threads);
                CHECK_OK(vs_panels_open(&got, NULL, k, n, kind, &err));
                vs_panels_transpose(&got, &p);
                if (kind == VS_PANELS_F32)
                    check_bits("f32", got.data, want.data, vs_round16(k) * n);
                else
                    CHECK(memcmp(got.half, want.half,
                                 (k + VS_WIDE - 1) / VS_WIDE * VS_WIDE * n * sizeof *got.half) ==
                          0);
                vs_panels_close(&got);
            }
            vs_threads_set(0);
            vs_panels_close(&p);
            vs_panels_close(&want);
            free(w), free(turned);
        }
}

TEST(par, panels_of_pairs_hold_two_steps_rounded)
{
    enum { N = 70, K = 11, CUT = 21, PADDED = 80, STEPS = 6 };
    const vs_ops *o = vs_ops_best();
    float *w = randoms(N * K, 1, 1.0f);
    vs_panels p = {0};
    vs_error err;

    CHECK_OK(vs_panels_open(&p, NULL, N, K, VS_PANELS_PAIRS, &err));
    vs_panels_set_rows(o, &p, CUT, w + CUT * K, K, N - CUT);
    vs_panels_set_rows(o, &p, 0, w, K, CUT);
    for (size_t j = 0; j < PADDED; j++)
        for (size_t i = 0; i < STEPS; i++) {
            const float even = j < N ? w[j * K + 2 * i] : 0.0f;
            const float odd = j < N && 2 * i + 1 < K ? w[j * K + 2 * i + 1] : 0.0f;

            CHECK(p.pairs[(j / 16 * STEPS + i) * 16 + j % 16] == vs_bf16_pair(even, odd));
        }
    vs_panels_close(&p);
    free(w);
}

enum { M_INSIDE = 64, N_INSIDE = 256, K_INSIDE = 128, TEAM = 2 };

typedef struct inside {
    const vs_ops *o;
    float *out;
    const float *a;
    const vs_panels *p;
} inside;

static void product_part(void *ctx, size_t part, size_t thread)
{
    const inside *i = ctx;
    (void)thread;
    vs_matmul(i->o, i->out + part * M_INSIDE * N_INSIDE, N_INSIDE, i->a, K_INSIDE, i->p, M_INSIDE,
              false);
}

TEST(par, a_product_inside_a_part_is_whole)
{
    enum { OUT = M_INSIDE * N_INSIDE };
    const vs_ops *o = vs_ops_best();
    float *a = randoms(M_INSIDE * K_INSIDE, 1, 1.0f), *w = randoms(N_INSIDE * K_INSIDE, 2, 1.0f);
    float *expected = zeros(OUT), *found = zeros(TEAM * OUT);
    vs_panels p = panels_of(o, w, N_INSIDE, K_INSIDE);
    inside job = {o, found, a, &p};

    vs_threads_set(TEAM);
    vs_matmul(o, expected, N_INSIDE, a, K_INSIDE, &p, M_INSIDE, false);
    vs_run_parts(TEAM, product_part, &job);
    for (size_t t = 0; t < TEAM; t++) check_bits("inside", found + t * OUT, expected, OUT);
    vs_threads_set(0);
    vs_panels_close(&p);
    free(a);
    free(w);
    free(expected);
    free(found);
}

TEST(par, counters_add_up_and_start_again)
{
    enum { M = 5, N = 32, K = 7 };
    const vs_ops *o = vs_ops_best();
    float *a = randoms(M * K, 1, 1.0f), *w = randoms(N * K, 2, 1.0f), *out = zeros(M * N);
    float *dw = zeros(N * K), *scratch = zeros(vs_round16(K) * M);
    vs_panels p = panels_of(o, w, N, K);

    vs_matmul(o, out, N, a, K, &p, M, false); /* not counted: off */
    vs_matmul_count_enable(true);
    vs_matmul(o, out, N, a, K, &p, M, false);
    vs_matmul_grad(o, dw, K, out, N, a, K, M, N, K, scratch);
    vs_matmul_count_enable(false);
    const vs_matmul_count c = vs_matmul_count_take();
    CHECK(c.flops == 2.0 * 2.0 * M * N * K && c.thread_seconds > 0.0);
    CHECK(vs_matmul_count_take().flops == 0.0);
    vs_panels_close(&p);
    free(a);
    free(w);
    free(out);
    free(dw);
    free(scratch);
}

TEST(par, panels_refuse_sizes_that_overflow_and_report_lack_of_memory)
{
    vs_panels p = {0};
    vs_error err = {0};

    CHECK(vs_panels_open(&p, NULL, SIZE_MAX, 2, VS_PANELS_F32, &err) == VS_E_LIMIT);
    CHECK(vs_panels_open(&p, NULL, 2, SIZE_MAX / 4, VS_PANELS_F32, &err) == VS_E_LIMIT);
    vs_alloc_fail_after(0);
    CHECK(vs_panels_open(&p, NULL, 16, 16, VS_PANELS_F32, &err) == VS_E_NOMEM);
    vs_alloc_fail_after(-1);
    CHECK(p.data == NULL);
    vs_panels_close(&p);
}
