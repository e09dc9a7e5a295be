/* fast_gemm.inc.h - matrix products in register tiles and the packing of their operands. Part of
 * fast.inc.h.
 *
 * A tile is R rows by P panels of out. Its R * P * 16 / HV_LANES accumulators stay in registers
 * while k runs, so every tile shape computes the same chains and the choice among them is one of
 * speed alone. */

enum { HV_PER_PANEL = VS_LANES / HV_LANES, ROWS_PER_POINTER = 3 };

enum {
    /* Floats of B (one panel group, one step of k) and of A (one block of rows) that should stay in
     * the first and in the second level of the cache. */
    L1_FLOATS = 8 * 1024,
    L2_FLOATS = 192 * 1024,
    PAGE_FLOATS = 1024,
    ROWS_IN_ONE_SET = 6,
    /* A tile of fewer rows loads B too often for its work to be used over and over. */
    ROWS_WORTH_REPEATING = 6,
    AHEAD_OF_ONE = 384, /* bytes: measured, see LOG 16 */
};

typedef struct tile_args tile_args;
typedef void tile_fn(const tile_args *t);
typedef tile_fn *const tile_table[9][ROWS_MAX + 1]; /* by panels and rows */

struct tile_args {
    tile_fn *const (*tiles)[ROWS_MAX + 1];
    float *out;
    size_t ld_out;
    const float *a;
    size_t a_row, a_k;
    const float *b;    /* panels of f32, */
    const uint16_t *h; /* or of bf16: either half of the 32 columns for one panel alone */
    size_t panel_step, n_k;
    bool accumulate;
    const char *ahead; /* what to ask memory for meanwhile, ahead_step bytes further with each k */
    size_t ahead_step;
};

/* What becomes of one accumulator at one step. */
typedef hv step_fn(hv a, hv b, hv acc);

static inline __attribute__((always_inline)) hv fma_step(hv a, hv b, hv acc)
{
    return hv_fma(a, b, acc);
}

/* r_n, p_n, is_half and step are constants in every call. The pragmas are needed: without them gcc keeps acc in
 * memory. */
static inline __attribute__((always_inline)) void tile(const tile_args *t, const size_t r_n,
                                                       const size_t p_n, const bool is_half,
                                                       step_fn *const step)
{
    hv acc[ROWS_MAX][8 * HV_PER_PANEL];
    const float *a[ROWS_MAX / ROWS_PER_POINTER + 1];
    float *const out = t->out;
    const size_t a_row = t->a_row, ld_out = t->ld_out; /* copies: vector stores may alias *t */

#pragma GCC unroll 32
    for (size_t r = 0; r < r_n; r += ROWS_PER_POINTER) a[r / ROWS_PER_POINTER] = t->a + r * a_row;
#pragma GCC unroll 32
    for (size_t r = 0; r < r_n; r++) {
#pragma GCC unroll 32
        for (size_t p = 0; p < p_n * HV_PER_PANEL; p++)
            acc[r][p] = t->accumulate ? hv_load(out + r * ld_out + p * HV_LANES) : hv_set1(0.0f);
    }
    const float *b = t->b;
    const uint16_t *h = t->h;
    const char *ahead = t->ahead;
    const size_t a_k = t->a_k, panel_step = t->panel_step, ahead_step = t->ahead_step;

    for (size_t k = t->n_k; k > 0; k--) {
        hv bv[8 * HV_PER_PANEL];

#pragma GCC unroll 32
        for (size_t p = 0; p < p_n * HV_PER_PANEL; p++)
            bv[p] = is_half
                        ? hv_load_bf16(h + p * HV_LANES)
                        : hv_load(b + p / HV_PER_PANEL * panel_step + p % HV_PER_PANEL * HV_LANES);
        if (r_n == 1)
            __builtin_prefetch(ahead, 0, 0);
        else
            __builtin_prefetch(ahead, 0, 2);
        ahead += ahead_step;
#pragma GCC unroll 32
        for (size_t r = 0; r < r_n; r++) {
            hv av = hv_set1(a[r / ROWS_PER_POINTER][r % ROWS_PER_POINTER * a_row]);

#pragma GCC unroll 32
            for (size_t p = 0; p < p_n * HV_PER_PANEL; p++) acc[r][p] = step(av, bv[p], acc[r][p]);
        }
#pragma GCC unroll 32
        for (size_t r = 0; r < r_n; r += ROWS_PER_POINTER) a[r / ROWS_PER_POINTER] += a_k;
        if (is_half)
            h += VS_WIDE;
        else
            b += VS_LANES;
    }
#pragma GCC unroll 32
    for (size_t r = 0; r < r_n; r++)
#pragma GCC unroll 32
        for (size_t p = 0; p < p_n * HV_PER_PANEL; p++)
            hv_store(out + r * ld_out + p * HV_LANES, acc[r][p]);
}

#define TILE(NAME, R, P, IS_HALF, STEP)              \
    static void NAME##_##R##x##P(const tile_args *t) \
    {                                                \
        tile(t, R, P, IS_HALF, STEP);                \
    }
#define F32_TILE(R, P)   TILE(f32, R, P, false, fma_step)
#define F32_ENTRY(R, P)  [P][R] = f32_##R##x##P,
#define HALF_TILE(R, P)  TILE(half, R, P, true, fma_step)
#define HALF_ENTRY(R, P) [P][R] = half_##R##x##P,
TILE_LIST(F32_TILE)
BF16_TILES(HALF_TILE)
static tile_table tiles = {TILE_LIST(F32_ENTRY)};
static tile_table half_tiles = {BF16_TILES(HALF_ENTRY)}; /* a stream's two panels at most */

static const size_t rows_of[9] = ROWS_OF; /* tallest tile of so many panels; 0: none so wide */

/* Products of bf16 do twice the work with each word, so a load for every step of an accumulator is too many: two panels at
 * once halve them, and two tiles at least, so that these are asked for ahead. Few rows only wait for memory. */
static bool has_many_dots(const tile_args *t, size_t m)
{
    return t->tiles != tiles && !t->h && m > rows_of[4];
}

/* Panels to take side by side: the widest tile that all m rows fit into, or that is worth repeating.
 * At few rows a wide tile is what keeps enough chains and enough streams from memory in flight, at one row a single stream
 * is fastest; of bf16 a stream has two panels. */
static size_t pick_panels(size_t m, size_t left, const tile_args *t)
{
    size_t best = 1;

    if (m == 1) return t->h && left > 1 && rows_of[2] ? 2 : 1;
    if (has_many_dots(t, m)) return left < 2 ? 1 : 2;
    for (size_t p = 1; p <= (t->h ? 2 : 8) && p <= left; p *= 2)
        if (rows_of[p] && (m <= rows_of[p] || rows_of[p] >= ROWS_WORTH_REPEATING)) best = p;
    return best;
}

/* Asks for the rows of out that a tile will write: they lie ld_out apart, which no hardware
 * prefetcher follows. */
static void prefetch_out(const tile_args *t, size_t rows, size_t p_n)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t p = 0; p < p_n; p++)
            __builtin_prefetch(t->out + r * t->ld_out + p * VS_LANES, 1, 3);
}

/* A run of panels that are read together: `streams` from memory, each a line for every step; those of bf16 with two panels
 * to a line. */
typedef struct panel_group {
    size_t n_panels, streams, step; /* step: elements of a stream for each k */
} panel_group;

/* Tile n of n_tiles asks for its share of the group's next n_k steps, `next` elements further on: spread over the time
 * that the tiles take, the memory works beside the arithmetic. One pass is a stream for each panel, which the hardware
 * follows by itself. */
static void look_ahead(tile_args *t, const tile_args *whole, const panel_group *g, size_t next,
                       size_t n, size_t n_tiles)
{
    const size_t line = t->n_k * g->streams * n / n_tiles;
    const size_t size = whole->h ? sizeof *t->h : sizeof *t->b;

    if (g->streams > n_tiles || t->n_k == 0) return;
    next += line / t->n_k * t->panel_step + line % t->n_k * g->step;
    t->ahead = whole->h ? (const char *)(whole->h + next) : (const char *)(whole->b + next);
    t->ahead_step = size * ((g->step * g->streams + n_tiles - 1) / n_tiles);
}

/* Rows of a tile at most. Rows of A that lie a multiple of 4 KiB apart meet in one set of the first cache, which holds 8
 * lines: more rows than that push each other out at every step. */
static size_t tile_rows(const tile_args *t, size_t p_n)
{
    const size_t rows = t->h && rows_of[p_n] > ROWS_OF_BF16 ? ROWS_OF_BF16 : rows_of[p_n];

    return t->a_row % PAGE_FLOATS == 0 && rows > ROWS_IN_ONE_SET ? ROWS_IN_ONE_SET : rows;
}

/* Steps k0 .. k1 - 1 of p_n panels of bf16 from h on, widened. */
static void widen(float *out, const uint16_t *h, size_t p_n, size_t k0, size_t k1)
{
    for (size_t p = 0; p < p_n; p++)
        for (size_t k = k0; k < k1; k++)
            for (size_t i = 0; i < VS_LANES; i += HV_LANES, out += HV_LANES)
                hv_store(out, hv_load_bf16(h + k * VS_WIDE + p * VS_LANES + i));
}

/* How m rows of p_n panels are cut into tiles: rows shared out evenly among n_tiles, k into n_steps. Each tile of bf16 widens
 * for itself as it reads, which takes registers (ROWS_OF_BF16), or from WORTH_WIDENING tiles on all read what was widened
 * once: where shifts and multiply-adds share their ports. */
typedef struct tiling {
    size_t n_tiles, n_steps;
    bool is_widened;
} tiling;

static tiling tiling_of(const tile_args *whole, size_t m, size_t p_n)
{
    const size_t most = tile_rows(whole, p_n), fewest = (m + most - 1) / most;
    const size_t k_cap = L1_FLOATS / (p_n * VS_LANES);
    tiling t = {.n_tiles = fewest < p_n && has_many_dots(whole, m) ? p_n : fewest};

    t.n_steps =
        t.n_tiles == 1 || whole->n_k <= k_cap + k_cap / 2 ? 1 : (whole->n_k + k_cap - 1) / k_cap;
    t.is_widened = whole->h && t.n_tiles >= WORTH_WIDENING;
    return t;
}

/* Steps k0 .. k1 - 1 of panels at .. at + p_n - 1 of a group. next: as in look_ahead. */
static void gemm_step(const tile_args *whole, const panel_group *g, const tiling *by, size_t m,
                      size_t at, size_t p_n, size_t k0, size_t k1, size_t next)
{
    float wide[L1_FLOATS + L1_FLOATS / 2];
    tile_fn *const *fns = by->is_widened ? tiles[p_n] : whole->tiles[p_n];

    if (by->is_widened) widen(wide, whole->h + at * VS_LANES, p_n, k0, k1);
    for (size_t n = 0; n < by->n_tiles; n++) {
        const size_t r0 = m * n / by->n_tiles, r1 = m * (n + 1) / by->n_tiles;
        tile_args t = *whole;

        t.out += r0 * t.ld_out + at * VS_LANES;
        t.a += r0 * t.a_row + k0 * t.a_k;
        t.n_k = k1 - k0;
        t.accumulate = t.accumulate || k0 > 0;
        look_ahead(&t, whole, g, next, at / p_n * by->n_tiles + n, g->n_panels / p_n * by->n_tiles);
        if (by->is_widened) {
            t.b = wide;
            t.panel_step = t.n_k * VS_LANES;
        } else if (t.h) {
            t.h += k0 * VS_WIDE + at * VS_LANES;
        } else {
            t.b += k0 * VS_LANES;
        }
        if (!t.accumulate) prefetch_out(&t, r1 - r0, p_n);
        fns[r1 - r0](&t);
    }
}

/* out block [m][g->n_panels * 16], p_n panels to a tile, for k in steps. */
static void gemm_group(const tile_args *whole, const panel_group *g, size_t m, size_t p_n)
{
    const tiling by = tiling_of(whole, m, p_n);

    for (size_t step = 0; step < by.n_steps; step++) {
        const size_t k0 = whole->n_k * step / by.n_steps, k1 = whole->n_k * (step + 1) / by.n_steps;
        const size_t next = step + 1 == by.n_steps ? g->streams * whole->panel_step : k1 * g->step;

        for (size_t at = 0; at < g->n_panels; at += p_n)
            gemm_step(whole, g, &by, m, at, p_n, k0, k1, next);
    }
}

/* The last panel when fewer than 16 of its columns exist: through a tile of its own. */
static void gemm_tail(const tile_args *whole, size_t m, size_t cols)
{
    float tmp[ROWS_MAX * VS_LANES];
    const size_t r_max = tile_rows(whole, 1);

    for (size_t r0 = 0; r0 < m; r0 += r_max) {
        const size_t rows = m - r0 < r_max ? m - r0 : r_max;
        tile_args t = *whole;

        memset(tmp, 0, sizeof tmp);
        for (size_t r = 0; whole->accumulate && r < rows; r++)
            memcpy(tmp + r * VS_LANES, whole->out + (r0 + r) * whole->ld_out, cols * sizeof *tmp);
        t.out = tmp;
        t.ld_out = VS_LANES;
        t.ahead_step = 0;
        t.a += r0 * t.a_row;
        t.tiles[1][rows](&t);
        for (size_t r = 0; r < rows; r++)
            memcpy(whole->out + (r0 + r) * whole->ld_out, tmp + r * VS_LANES, cols * sizeof *tmp);
    }
}

/* What a tile that has all rows asks for. One row: the line of its own stream that is read AHEAD_OF_ONE bytes later, past
 * the second level of the cache, which it would only pass through. More: the next panels, a line for each step, half of
 * one where bf16's second panel asks for the other half. */
static void look_ahead_single(tile_args *t, size_t m, size_t p_n, size_t second)
{
    const char *at = t->h ? (const char *)t->h : (const char *)t->b;
    const size_t step = p_n * VS_LANES * (t->h ? sizeof *t->h : sizeof *t->b);

    t->ahead = (const char *)t->a;
    t->ahead_step = 0;
    if (m > 1 && p_n > 1 && !t->h) return; /* several streams */
    t->ahead_step = step;
    if (m == 1)
        t->ahead = at + AHEAD_OF_ONE;
    else if (t->h)
        t->ahead =
            (const char *)(t->h - second * VS_LANES + t->panel_step + second * t->n_k * VS_LANES);
    else
        t->ahead = (const char *)(t->b + t->panel_step);
}

/* From panel p to panel p + p_n. */
static void next_panels(tile_args *t, size_t p, size_t p_n)
{
    t->out += p_n * VS_LANES;
    if (!t->h)
        t->b += p_n * t->panel_step;
    else
        t->h += (p + p_n) % 2 ? VS_LANES : t->panel_step - p % 2 * VS_LANES;
}

/* All rows in one tile: as little as can be between the end of one stream and the beginning of the next, which the hardware
 * follows as one. */
static void gemm_single(tile_args *t, size_t m, size_t n_panels)
{
    for (size_t p = 0, p_n; p < n_panels; p += p_n) {
        p_n = pick_panels(m, n_panels - p, t);
        look_ahead_single(t, m, p_n, p % 2);
        if (!t->accumulate) prefetch_out(t, m, p_n);
        t->tiles[p_n][m](t);
        next_panels(t, p, p_n);
    }
}

/* The same in several tiles. */
static void gemm_groups(tile_args *t, size_t m, size_t n_panels)
{
    for (size_t p = 0, p_n; p < n_panels; p += p_n) {
        const size_t left = n_panels - p, width = pick_panels(m, left, t);
        panel_group g = {width, width, VS_LANES};

        p_n = t->h && left > 1 ? 2 : width;
        if (t->h) g = (panel_group){p_n, 1, VS_WIDE};
        gemm_group(t, &g, m, width);
        next_panels(t, p, p_n);
    }
}

/* Blocks of rows stay in the second level of the cache while all panels pass by, a step of a panel
 * group in the first while the block's tiles pass by. */
static void products(tile_args whole, size_t m, size_t n)
{
    const size_t fit = L2_FLOATS / (whole.n_k + 1) / ROWS_MAX * ROWS_MAX;
    const size_t block = fit > 4 * ROWS_MAX ? fit : 4 * ROWS_MAX;
    const size_t n_blocks = (m + block - 1) / block, n_panels = n / VS_LANES;

    for (size_t i = 0; i < n_blocks; i++) {
        const size_t r0 = m * i / n_blocks, rows = m * (i + 1) / n_blocks - r0;
        tile_args t = whole;

        t.out += r0 * t.ld_out;
        t.a += r0 * t.a_row;
        if (rows <= tile_rows(&t, pick_panels(rows, n_panels, &t)) && !has_many_dots(&t, rows))
            gemm_single(&t, rows, n_panels);
        else
            gemm_groups(&t, rows, n_panels);
        if (n % VS_LANES) gemm_tail(&t, rows, n % VS_LANES);
    }
}

static void gemm(float *out, size_t ld_out, const float *a, size_t a_row, size_t a_k,
                 const float *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                 bool accumulate)
{
    products((tile_args){tiles, out, ld_out, a, a_row, a_k, panels, NULL, panel_step, n_k,
                         accumulate, (const char *)panels, 0},
             m, n);
}

static void gemm_bf16(float *out, size_t ld_out, const float *a, size_t a_row, size_t a_k,
                      const uint16_t *panels, size_t panel_step, size_t m, size_t n, size_t n_k,
                      bool accumulate)
{
    products((tile_args){half_tiles, out, ld_out, a, a_row, a_k, NULL, panels, panel_step, n_k,
                         accumulate, (const char *)panels, 0},
             m, n);
}

static void pack_rows(float *panels, const float *w, size_t ld, size_t n, size_t k)
{
    for (size_t j0 = 0; j0 < n; j0 += VS_LANES) {
        const float *from = w + j0 * ld;
        float *to = panels + j0 * k;
        const size_t cols = n - j0 < VS_LANES ? n - j0 : VS_LANES;
        size_t kk = 0;

        for (; cols == VS_LANES && kk + 4 <= k; kk += 4)
            transpose_16x4(to + kk * VS_LANES, from + kk, ld);
        for (; kk < k; kk++)
            for (size_t j = 0; j < VS_LANES; j++)
                to[kk * VS_LANES + j] = j < cols ? from[j * ld + kk] : 0.0f;
    }
}

static void pack_cols(float *panels, const float *w, size_t ld, size_t n, size_t k)
{
    for (size_t j0 = 0; j0 < n; j0 += VS_LANES) {
        const float *from = w + j0;
        float *to = panels + j0 * k;
        const size_t cols = n - j0 < VS_LANES ? n - j0 : VS_LANES;

        for (size_t kk = 0; kk < k; kk++, from += ld, to += VS_LANES)
            v_store(to, cols == VS_LANES ? v_load(from) : v_load_n(from, cols, 0.0f));
    }
}
