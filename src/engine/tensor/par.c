#include "engine/tensor/par.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"
#include "engine/tensor/half.h"

enum {
    /* Rows are split over threads in multiples of about the tallest tile of the fast kernels. */
    ROW_TILE = 12,
    /* Floating-point operations below which waking a thread costs more than it saves. */
    MIN_SPLIT = 1 << 20,
    /* Values looked at before the answer may be no. */
    IS_BF16_CHUNK = 4096,
    /* Steps of a chain packed as f32 first, in the first level of the cache. */
    PACK_STEPS = 128,
    /* Rounding a dimension up to whole panels cannot overflow. */
    MAX_DIM = 1 << 30,
};

/* ---- counters ---- */

static atomic_bool count_on;
static _Atomic uint64_t counted_flops, counted_ns;

void vs_matmul_count_enable(bool on)
{
    atomic_store(&count_on, on);
}

vs_matmul_count vs_matmul_count_take(void)
{
    return (vs_matmul_count){(double)atomic_exchange(&counted_flops, 0),
                             1e-9 * (double)atomic_exchange(&counted_ns, 0)};
}

static double count_begin(void)
{
    return atomic_load_explicit(&count_on, memory_order_relaxed) ? vs_now_s() : 0.0;
}

static void count_end(double begin, size_t m, size_t n, size_t k)
{
    if (begin == 0.0) return;
    /* A product outside of a part has all threads to itself, also those it leaves idle. */
    const double seconds = (vs_now_s() - begin) * (vs_in_part() ? 1.0 : (double)vs_threads());

    atomic_fetch_add_explicit(&counted_flops, (uint64_t)2 * m * n * k, memory_order_relaxed);
    atomic_fetch_add_explicit(&counted_ns, (uint64_t)(1e9 * seconds), memory_order_relaxed);
}

/* ---- splitting ---- */

/* Threads that a product of this size is worth; 1 inside a part, whose owner has split the work. */
static size_t threads_for(size_t m, size_t n, size_t k)
{
    if (vs_in_part() || (double)m * (double)n * (double)k * 2.0 < MIN_SPLIT) return 1;
    return vs_threads();
}

typedef struct range {
    size_t begin, end;
} range;

/* As parts of a job. */
static size_t parts_for(size_t n_threads)
{
    return n_threads > 1 ? n_threads * VS_PARTS_OF_THREAD : 1;
}

/* Part `part` of `parts` of 0 .. n, cut at multiples of unit. */
static range split(size_t n, size_t unit, size_t part, size_t parts)
{
    const size_t units = (n + unit - 1) / unit;
    const size_t begin = units * part / parts * unit, end = units * (part + 1) / parts * unit;

    return (range){begin < n ? begin : n, end < n ? end : n};
}

/* ---- panels ---- */

static size_t steps_of(const vs_panels *p)
{
    return p->pairs ? (p->k + 1) / 2 : p->k;
}

/* Columns of a panel: elements from one step of a chain to the next. */
static size_t width_of(const vs_panels *p)
{
    return p->half ? VS_WIDE : VS_LANES;
}

/* Element of column j's first step. */
static size_t place(const vs_panels *p, size_t j)
{
    const size_t width = width_of(p);

    return j / width * width * steps_of(p) + j % width;
}

vs_status vs_panels_open(vs_panels *p, vs_arena *arena, size_t n, size_t k, vs_panel_kind kind,
                         vs_error *err)
{
    const bool is_half = kind == VS_PANELS_BF16;
    const size_t size = is_half ? sizeof *p->half : sizeof *p->data;
    const size_t width = is_half ? VS_WIDE : VS_LANES;

    *p = (vs_panels){0};
    if (n > MAX_DIM || k > MAX_DIM || (k && n + width > SIZE_MAX / size / k))
        return VS_FAIL(err, VS_E_LIMIT, "matrix of %zu x %zu: at most %d in each direction", n, k,
                       MAX_DIM);
    const size_t steps = kind == VS_PANELS_PAIRS ? (k + 1) / 2 : k;
    const size_t columns = (n + width - 1) / width * width;
    void *memory =
        arena ? vs_arena_push(arena, columns * steps, size) : vs_alloc_raw(columns * steps * size);
    if (!memory) return VS_FAIL(err, VS_E_NOMEM, "matrix of %zu x %zu", n, k);
    *p = (vs_panels){.n = n, .k = k, .in_arena = arena != NULL};
    if (kind == VS_PANELS_F32) p->data = memory;
    if (is_half) p->half = memory;
    if (kind == VS_PANELS_PAIRS) p->pairs = memory;
    return VS_OK;
}

void vs_panels_close(vs_panels *p)
{
    if (!p->in_arena) {
        free(p->data);
        free(p->half);
        free(p->pairs);
    }
    *p = (vs_panels){0};
}

typedef struct bf16_job {
    const float *w;
    atomic_bool is_not;
} bf16_job;

static void bf16_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    bf16_job *job = ctx;
    (void)thread;

    for (size_t i = begin; i < end && !atomic_load(&job->is_not); i += IS_BF16_CHUNK) {
        uint32_t low = 0;
        for (size_t j = i; j < end && j < i + IS_BF16_CHUNK; j++)
            low |= vs_bits_of_f32(job->w[j]) & 0xFFFF;
        if (low) atomic_store(&job->is_not, true);
    }
}

bool vs_is_bf16(const float *w, size_t n)
{
    bf16_job job = {.w = w};

    vs_parallel_range(n, 1.0, vs_threads(), bf16_range, &job);
    return !job.is_not;
}

/* w[row][kk], and zeros around w [n][k]. */
static float element(const float *w, size_t ld, size_t n, size_t k, size_t row, size_t kk)
{
    return row < n && kk < k ? w[row * ld + kk] : 0.0f;
}

/* A whole panel from n rows of w, by pack_rows and cut to bf16. */
static void pack_half(const vs_ops *o, uint16_t *to, const float *w, size_t ld, size_t n, size_t k)
{
    float chunk[PACK_STEPS * VS_LANES];

    for (size_t half = 0; half < VS_WIDE; half += VS_LANES)
        for (size_t i = 0; i < k; i += PACK_STEPS) {
            const size_t steps = k - i < PACK_STEPS ? k - i : PACK_STEPS;

            if (n > half)
                o->pack_rows(chunk, w + half * ld + i, ld,
                             n - half < VS_LANES ? n - half : VS_LANES, steps);
            else
                memset(chunk, 0, sizeof chunk);
            for (size_t j = 0; j < steps; j++)
                for (size_t lane = 0; lane < VS_LANES; lane++)
                    to[(i + j) * VS_WIDE + half + lane] =
                        (uint16_t)(vs_bits_of_f32(chunk[j * VS_LANES + lane]) >> 16);
        }
}

/* Columns at .. at + n - 1 of one panel, and its padding when they end the matrix. */
static void set_columns(const vs_ops *o, vs_panels *p, size_t at, const float *w, size_t ld,
                        size_t n)
{
    const size_t width = width_of(p), lane = at % width, first = place(p, at - lane);
    const size_t end = at + n == p->n ? width : lane + n;

    if (p->data && lane == 0 && end == width) {
        o->pack_rows(p->data + first, w, ld, n, p->k);
        return;
    }
    if (p->half && lane == 0 && end == width) {
        pack_half(o, p->half + first, w, ld, n, p->k);
        return;
    }
    for (size_t i = 0; i < steps_of(p); i++)
        for (size_t j = lane; j < end; j++) {
            const size_t row = j - lane, to = first + i * width + j;
            const float x = element(w, ld, n, p->k, row, p->pairs ? 2 * i : i);

            if (p->pairs)
                p->pairs[to] = vs_bf16_pair(x, element(w, ld, n, p->k, row, 2 * i + 1));
            else if (p->half)
                p->half[to] = (uint16_t)(vs_bits_of_f32(x) >> 16);
            else
                p->data[to] = x;
        }
}

typedef struct set_job {
    const vs_ops *ops;
    vs_panels *p;
    size_t n0, ld, n, parts;
    const float *w;
} set_job;

static void set_part(void *ctx, size_t part, size_t thread)
{
    const set_job *j = ctx;
    const range whole = {j->n0, j->n0 + j->n};
    const size_t width = width_of(j->p), first = whole.begin / width;
    const size_t n_panels = (whole.end + width - 1) / width - first;
    const range panels = split(n_panels, 1, part, j->parts);
    (void)thread;

    for (size_t i = first + panels.begin; i < first + panels.end; i++) {
        const size_t from = i * width > whole.begin ? i * width : whole.begin;
        const size_t to = (i + 1) * width < whole.end ? (i + 1) * width : whole.end;

        set_columns(j->ops, j->p, from, j->w + (from - j->n0) * j->ld, j->ld, to - from);
    }
}

void vs_panels_set_rows(const vs_ops *o, vs_panels *p, size_t n0, const float *w, size_t ld,
                        size_t n)
{
    assert(n0 + n <= p->n);
    set_job job = {o, p, n0, ld, n, parts_for(threads_for(n, p->k, 1)), w};

    vs_run_parts(job.parts, set_part, &job);
}

/* Panel `at` of `to`, `width` columns wide as all are. size: bytes of a value. */
static inline void transpose_panel(unsigned char *to, const unsigned char *from, size_t at,
                                   size_t n, size_t k, size_t width, size_t size)
{
    const size_t first = at * width, lanes = k - first < width ? k - first : width;

    to += first * n * size;
    from += first * width * size;
    for (size_t j = 0; j < n; j++) {
        const unsigned char *tile = from + (j / width * k * width + j % width) * size;
        unsigned char *row = to + j * width * size;

        for (size_t i = 0; i < lanes; i++) memcpy(row + i * size, tile + i * width * size, size);
        memset(row + lanes * size, 0, (width - lanes) * size);
    }
}

typedef struct transpose_job {
    vs_panels *to;
    const vs_panels *from;
} transpose_job;

static void transpose_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const vs_panels *to = ((transpose_job *)ctx)->to, *from = ((transpose_job *)ctx)->from;
    (void)thread;

    for (size_t i = begin; i < end; i++)
        if (from->half)
            transpose_panel((unsigned char *)to->half, (const unsigned char *)from->half, i,
                            from->n, from->k, VS_WIDE, sizeof *to->half);
        else
            transpose_panel((unsigned char *)to->data, (const unsigned char *)from->data, i,
                            from->n, from->k, VS_LANES, sizeof *to->data);
}

void vs_panels_transpose(vs_panels *to, const vs_panels *from)
{
    assert(to->n == from->k && to->k == from->n && !to->pairs && !from->pairs);
    assert(!to->half == !from->half);
    transpose_job job = {to, from};

    const size_t width = width_of(to);

    vs_parallel_range((to->n + width - 1) / width, (double)(to->k * width), vs_threads(),
                      transpose_range, &job);
}

/* ---- products ---- */

/* Rows and columns of a product. */
static void product(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
                    const vs_panels *w, range rows, size_t n0, range cols, bool accumulate)
{
    const size_t k = w->k, m = rows.end - rows.begin, n = cols.end - cols.begin;
    const size_t from = place(w, n0 + cols.begin), step = steps_of(w) * width_of(w);
    float *to = out + rows.begin * ld_out + cols.begin;

    a += rows.begin * ld_a;
    if (w->pairs)
        o->gemm_dot(to, ld_out, a, ld_a, w->pairs + from, step, m, n, k, accumulate);
    else if (w->half)
        o->gemm_bf16(to, ld_out, a, ld_a, 1, w->half + from, step, m, n, k, accumulate);
    else
        o->gemm(to, ld_out, a, ld_a, 1, w->data + from, step, m, n, k, accumulate);
}

typedef struct matmul_job {
    const vs_ops *ops;
    float *out;
    size_t ld_out;
    const float *a;
    size_t ld_a;
    const vs_panels *w;
    size_t n0, n, m, parts;
    bool by_row, accumulate;
} matmul_job;

static void matmul_part(void *ctx, size_t part, size_t thread)
{
    const matmul_job *j = ctx;
    const range rows = j->by_row ? split(j->m, ROW_TILE, part, j->parts) : (range){0, j->m};
    /* Whole panels; two of pairs, which a tile takes side by side. */
    const size_t unit = j->w->pairs ? 2 * VS_LANES : width_of(j->w);
    const range cols = j->by_row ? (range){0, j->n} : split(j->n, unit, part, j->parts);
    (void)thread;

    product(j->ops, j->out, j->ld_out, j->a, j->ld_a, j->w, rows, j->n0, cols, j->accumulate);
}

void vs_matmul_cols(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
                    const vs_panels *w, size_t n0, size_t n, size_t m, bool accumulate)
{
    assert(n0 % VS_WIDE == 0 && n0 + n <= w->n);
    const double begin = count_begin();
    const size_t n_threads = threads_for(m, n, w->k);
    const size_t most = parts_for(n_threads);
    const bool by_row = (n < 2 * VS_LANES * most || w->pairs) && m >= ROW_TILE * n_threads;
    const size_t parts = by_row && m < 4 * ROW_TILE * most ? n_threads : most;
    matmul_job job = {o, out, ld_out, a, ld_a, w, n0, n, m, parts, by_row, accumulate};

    vs_run_parts(parts, matmul_part, &job);
    count_end(begin, m, n, w->k);
}

void vs_matmul(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
               const vs_panels *w, size_t m, bool accumulate)
{
    vs_matmul_cols(o, out, ld_out, a, ld_a, w, 0, w->n, m, accumulate);
}

void vs_matmul_steps(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
                     const vs_panels *w, size_t k0, size_t n_k, size_t m, bool accumulate)
{
    const size_t from = k0 * width_of(w), step = w->k * width_of(w);

    assert(!w->pairs && k0 + n_k <= w->k);
    if (w->half)
        o->gemm_bf16(out, ld_out, a, ld_a, 1, w->half + from, step, m, w->n, n_k, accumulate);
    else
        o->gemm(out, ld_out, a, ld_a, 1, w->data + from, step, m, w->n, n_k, accumulate);
}

/* Columns of dw: each thread packs the columns of x that it alone needs, so that no thread waits
 * for another. */
static void grad_cols(const vs_ops *o, float *dw, size_t ld_w, const float *dy, size_t ld_dy,
                      const float *x, size_t ld_x, size_t rows, size_t n, range cols,
                      float *scratch)
{
    float *packed = scratch + cols.begin * rows;

    o->pack_cols(packed, x + cols.begin, ld_x, cols.end - cols.begin, rows);
    o->gemm(dw + cols.begin, ld_w, dy, 1, ld_dy, packed, rows * VS_LANES, n, cols.end - cols.begin,
            rows, true);
}

typedef struct grad_job {
    const vs_ops *ops;
    float *dw;
    size_t ld_w;
    const float *dy;
    size_t ld_dy;
    const float *x;
    size_t ld_x, rows, n, k, parts;
    float *scratch;
} grad_job;

static void grad_cols_part(void *ctx, size_t part, size_t thread)
{
    const grad_job *j = ctx;
    (void)thread;
    grad_cols(j->ops, j->dw, j->ld_w, j->dy, j->ld_dy, j->x, j->ld_x, j->rows, j->n,
              split(j->k, VS_LANES, part, j->parts), j->scratch);
}

static void pack_part(void *ctx, size_t part, size_t thread)
{
    const grad_job *j = ctx;
    const range cols = split(j->k, VS_LANES, part, j->parts);
    (void)thread;
    j->ops->pack_cols(j->scratch + cols.begin * j->rows, j->x + cols.begin, j->ld_x,
                      cols.end - cols.begin, j->rows);
}

static void grad_rows_part(void *ctx, size_t part, size_t thread)
{
    const grad_job *j = ctx;
    const range out = split(j->n, ROW_TILE, part, j->parts);
    (void)thread;
    j->ops->gemm(j->dw + out.begin * j->ld_w, j->ld_w, j->dy + out.begin, 1, j->ld_dy, j->scratch,
                 j->rows * VS_LANES, out.end - out.begin, j->k, j->rows, true);
}

void vs_matmul_grad(const vs_ops *o, float *dw, size_t ld_w, const float *dy, size_t ld_dy,
                    const float *x, size_t ld_x, size_t rows, size_t n, size_t k, float *scratch)
{
    const double begin = count_begin();
    const size_t n_threads = threads_for(rows, n, k);
    grad_job job = {o, dw, ld_w, dy, ld_dy, x, ld_x, rows, n, k, n_threads, scratch};

    if (n_threads == 1 || k >= 2 * VS_LANES * n_threads) {
        vs_run_parts(job.parts, grad_cols_part, &job);
    } else { /* narrow: by row of dw, once all of x is packed */
        vs_run_parts(job.parts, pack_part, &job);
        vs_run_parts(job.parts, grad_rows_part, &job);
    }
    count_end(begin, n, k, rows);
}
