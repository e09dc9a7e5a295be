/* fast_dot.inc.h - products of bf16 (gemm_dot), through the tiles of fast_gemm.inc.h. Part of fast.inc.h. */

#ifndef hv_odd
#define GEMM_DOT vs_gemm_dot_ref
#else
#define GEMM_DOT gemm_dot

enum {
    PAIRS_ROOM =
        32 * 1024,    /* of a block of A: in the second level of the cache, and on the stack */
    PAIRS_MAX = 1024, /* of one step */
};

static inline __attribute__((always_inline)) hv dot_step(hv a, hv b, hv acc)
{
    return hv_fma(hv_even(a), hv_even(b), hv_fma(hv_odd(a), hv_odd(b), acc));
}

#define DOT_TILE(R, P)  TILE(dot, R, P, false, dot_step)
#define DOT_ENTRY(R, P) [P][R] = dot_##R##x##P,
TILE_LIST(DOT_TILE)
static tile_table dot_tiles = {TILE_LIST(DOT_ENTRY)};

/* Rows of n values each, rounded; ld words apart. A word travels as a float, whose bits loads and broadcasts leave alone. */
static void round_rows(float *words, size_t ld, const float *a, size_t ld_a, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++, words += ld, a += ld_a) {
        for (size_t p = 0; p < n / 2; p++)
            words[p] = vs_f32_of_bits(vs_bf16_pair(a[2 * p], a[2 * p + 1]));
        if (n % 2) words[n / 2] = vs_f32_of_bits(vs_bf16_pair(a[n - 1], 0.0f));
    }
}

/* To the tiles, pairs are what values are to gemm: one word a step. */
static void dot_products(tile_fn *const (*by)[ROWS_MAX + 1], float *out, size_t ld_out,
                         const float *a, size_t ld_a, const uint32_t *panels, size_t panel_step,
                         size_t m, size_t n, size_t n_k, bool accumulate)
{
    float words[PAIRS_ROOM];
    const size_t n_pairs = (n_k + 1) / 2, n_steps = n_pairs / PAIRS_MAX + 1;
    const size_t block = PAIRS_ROOM / (n_pairs / n_steps + 1);

    for (size_t r = 0; r < m; r += block)
        for (size_t step = 0; step < n_steps; step++) {
            const size_t p0 = n_pairs * step / n_steps, p1 = n_pairs * (step + 1) / n_steps;
            const size_t rows = m - r < block ? m - r : block;
            const float *b = (const float *)(panels + p0 * VS_LANES);

            round_rows(words, p1 - p0, a + r * ld_a + 2 * p0, ld_a, rows,
                       (2 * p1 < n_k ? 2 * p1 : n_k) - 2 * p0);
            products((tile_args){by, out + r * ld_out, ld_out, words, p1 - p0, 1, b, NULL,
                                 panel_step, p1 - p0, accumulate || step > 0, (const char *)b, 0},
                     rows, n);
        }
}

/* The processor is told to know no subnormals meanwhile. */
static void gemm_dot(float *out, size_t ld_out, const float *a, size_t ld_a, const uint32_t *panels,
                     size_t panel_step, size_t m, size_t n, size_t n_k, bool accumulate)
{
    const unsigned control = _mm_getcsr();

    _mm_setcsr(control | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
    dot_products(dot_tiles, out, ld_out, a, ld_a, panels, panel_step, m, n, n_k, accumulate);
    _mm_setcsr(control);
}
#endif

#ifdef VARIANT_BF16
#define BF16_TILE(R, P)  TILE(bf16, R, P, false, hv_dot)
#define BF16_ENTRY(R, P) [P][R] = bf16_##R##x##P,
TILE_LIST(BF16_TILE)
static tile_table bf16_tiles = {TILE_LIST(BF16_ENTRY)};

static void gemm_dot_bf16(float *out, size_t ld_out, const float *a, size_t ld_a,
                          const uint32_t *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                          bool accumulate)
{
    dot_products(bf16_tiles, out, ld_out, a, ld_a, panels, panel_step, m, n, n_k, accumulate);
}
#endif
