/* fast_attn.inc.h - attention forward and backward as matrix products over blocks of
 * queries. Part of fast.inc.h.
 *
 * A block holds up to Q_BLOCK queries (tokens times the query heads of one kv head). Its scores lie
 * in rows [prompt, padded to 16 | own, padded to 16]. A key that a query must not see gets e = 0
 * exactly; the zero terms leave every chain as it is but for the sign of a zero, which the
 * final + 0 of the contract removes. */

enum { Q_BLOCK = 64, PIECES_MAX = Q_BLOCK };

static size_t heads_per_kv(const vs_attn_shape *s)
{
    return s->n_heads / s->n_kv_heads;
}

static size_t block_tokens(const vs_attn_shape *s)
{
    const size_t n = Q_BLOCK / heads_per_kv(s);

    return n ? n : 1;
}

static size_t block_queries(const vs_attn_shape *s)
{
    return block_tokens(s) * heads_per_kv(s);
}

/* Floats for each query of a block beside its vectors and scores: partial sums of both parts, 1 / sum,
 * delta. */
enum { QUERY_FLOATS = 2 * VS_LANES + 2 };

/* In both directions: three blocks of vectors, two packed ones, two of scores; packed keys and
 * values (backward). */
static size_t attn_scratch(const vs_attn_shape *s, size_t max_keys)
{
    const size_t d = s->head_dim, keys = max_keys + 2 * VS_LANES;

    return block_queries(s) * (QUERY_FLOATS + 3 * d + 2 * vs_round16(d) + 2 * keys) +
           keys * (2 * d + vs_round16(d));
}

/* Both parts of the row of scores of one query: prompt keys from 0; own keys at own_at .. + n_own -
 * 1, zeros behind them up to own_end. The last own key is the query's. */
typedef struct parts {
    size_t n_prompt, own_at, n_own, own_end;
} parts;

/* Keys that fell out of the query's window: of the prompt the first *prompt, of its own the first
 * *own. */
static void outside_window(size_t *prompt, size_t *own, const vs_attn_shape *s, const parts *p)
{
    const size_t first = vs_attn_first(s, p->n_prompt + p->n_own - 1);

    *prompt = first < p->n_prompt ? first : p->n_prompt;
    *own = first - *prompt;
}

/* x *= scale in place; the maximum joins m. */
static inline vf scale_max(float *x, size_t n, vf scale, vf m)
{
    for (size_t j = 0; j < n; j += VS_LANES) {
        const vf scaled = v_mul(v_load(x + j), scale); /* the row is padded to 16 */
        v_store(x + j, scaled);
        m = v_max(keep_part(scaled, m, n - j), m);
    }
    return m;
}

/* e = expf32(x - m) in place for n elements, zeros behind up to `end`; returns the partial sums. */
static inline vf exp_sum(float *x, size_t n, size_t end, vf m)
{
    vf p = v_set1(0.0f);
    size_t j = 0;

    for (; j < n; j += VS_LANES) {
        const vf e = keep_part(v_exp_down(v_sub(v_load(x + j), m)), v_set1(0.0f), n - j);
        v_store(x + j, e);
        p = v_add(p, e); /* no e is -0, so adding 0 changes nothing */
    }
    for (; j < end; j += VS_LANES) v_store(x + j, v_set1(0.0f));
    return p;
}

/* Raw scores -> capped ones in place; g (NULL: none) becomes (g - delta) times the slope of the
 * cap. Both are padded to 16. */
static void cap_scores(const vs_attn_shape *s, float *x, float *g, float delta, size_t n)
{
    const vf one = v_set1(1.0f), scale = v_set1(s->scale), cap = v_set1(s->softcap);

    for (size_t j = 0; j < n; j += VS_LANES) {
        const vf t = v_tanh(v_div(v_mul(v_load(x + j), scale), cap));

        v_store(x + j, v_mul(cap, t));
        if (!g) continue;
        v_store(g + j, v_mul(v_sub(v_load(g + j), v_set1(delta)), v_sub(one, v_mul(t, t))));
    }
}

static void hide(float *x, size_t n)
{
    for (size_t j = 0; j < n; j++) x[j] = -INFINITY;
}

/* Raw scores -> scaled and capped ones in place, those outside of the window -INFINITY; returns the
 * largest. g: as in cap_scores, and untouched without a cap. */
static inline float scale_row(const vs_attn_shape *s, float *x, float *g, float delta,
                              const parts *p)
{
    const bool has_cap = s->softcap > 0.0f;
    const vf scale = v_set1(has_cap ? 1.0f : s->scale);
    vf m = v_set1(-INFINITY);
    size_t hidden_prompt, hidden_own;

    if (has_cap) {
        cap_scores(s, x, g, delta, p->n_prompt);
        cap_scores(s, x + p->own_at, g ? g + p->own_at : NULL, delta, p->n_own);
    }
    outside_window(&hidden_prompt, &hidden_own, s, p);
    hide(x, hidden_prompt);
    hide(x + p->own_at, hidden_own);
    m = scale_max(x, p->n_prompt, scale, m);
    m = scale_max(x + p->own_at, p->n_own, scale, m);
    return v_top(m);
}

/* What scale_row left -> e in place; partial sums of both parts. */
static inline void exp_row(float *sums, float *x, const parts *p, float max)
{
    const vf m = v_set1(max);

    v_store(sums, exp_sum(x, p->n_prompt, p->n_prompt, m));
    v_store(sums + VS_LANES, exp_sum(x + p->own_at, p->n_own, p->own_end - p->own_at, m));
}

static void kv_store(const vs_attn_shape *s, const vs_span *span, size_t layer, const float *k,
                     const float *v, size_t ld)
{
    const size_t d_n = s->head_dim, cap = span->seg->cap;

    assert(span->start + span->n <= cap);
    for (size_t g = 0; g < s->n_kv_heads; g++) {
        float *ks = vs_seg_k(s, span->seg, layer, g), *vs = vs_seg_v(s, span->seg, layer, g);

        for (size_t i = 0; i < span->n; i++) {
            const size_t j = span->start + i;
            const float *kr = k + i * ld + g * d_n, *vr = v + i * ld + g * d_n;
            float *kt = ks + j / VS_LANES * d_n * VS_LANES + j % VS_LANES;

            for (size_t d = 0; d < d_n; d++) kt[d * VS_LANES] = kr[d];
            for (size_t d = 0; d < d_n; d += VS_LANES)
                store_part(vs + (d / VS_LANES * cap + j) * VS_LANES, load_part(vr + d, d_n - d),
                           d_n - d);
        }
    }
}

/* Consecutive tokens of one span within a block. */
typedef struct piece {
    const vs_span *span;
    size_t first, n; /* tokens of the span */
    size_t at;       /* first query of the block */
} piece;

typedef struct attn_block {
    piece pieces[PIECES_MAX];
    size_t n_pieces, n_queries, longest_own;
} attn_block;

/* Fills the block with what follows token *first of span *n; moves both on. */
static void take_block(attn_block *b, const vs_attn_shape *s, const vs_attn_group *g, size_t *n,
                       size_t *first)
{
    const size_t per_kv = heads_per_kv(s);
    size_t room = block_tokens(s);

    b->n_pieces = b->n_queries = b->longest_own = 0;
    while (room && *n < g->n_spans) {
        const vs_span *span = &g->spans[*n];
        const size_t left = span->n - *first, take = left < room ? left : room;
        const size_t own = span->start + *first + take;

        if (take) b->pieces[b->n_pieces++] = (piece){span, *first, take, b->n_queries};
        if (take && own > b->longest_own) b->longest_own = own;
        b->n_queries += take * per_kv;
        room -= take;
        *first += take;
        if (*first == span->n) {
            ++*n;
            *first = 0;
        }
    }
}

/* Keys of the piece's own segment that its last query sees. */
static size_t piece_keys(const piece *p)
{
    return p->span->start + p->first + p->n;
}

/* What the queries of token k of the piece see of the block's rows of scores. */
static parts row_parts(const piece *p, size_t k, size_t n_prompt)
{
    const size_t own_at = vs_round16(n_prompt);

    return (parts){n_prompt, own_at, p->span->start + p->first + k + 1,
                   own_at + vs_round16(piece_keys(p))};
}

/* Raw scores of a block -> e in place, inv = 1 / sum of each query. g, delta (NULL, or one for each query): as in cap_scores.
 * In three passes: no row's exponentials wait for its maximum, nor the next row for this one's sum. */
static void block_weights(float *inv, const vs_attn_shape *s, const attn_block *b, size_t n_prompt,
                          float *e, float *g, const float *delta, size_t ld_s, float *sums)
{
    const size_t per_kv = heads_per_kv(s);

    for (size_t i = 0; i < b->n_pieces; i++)
        for (size_t k = 0, t = b->pieces[i].at; k < b->pieces[i].n; k++) {
            const parts row = row_parts(&b->pieces[i], k, n_prompt);

            for (size_t h = 0; h < per_kv; h++, t++)
                inv[t] = scale_row(s, e + t * ld_s, g ? g + t * ld_s : NULL,
                                   delta ? delta[t] : 0.0f, &row);
        }
    for (size_t i = 0; i < b->n_pieces; i++)
        for (size_t k = 0, t = b->pieces[i].at; k < b->pieces[i].n; k++) {
            const parts row = row_parts(&b->pieces[i], k, n_prompt);

            for (size_t h = 0; h < per_kv; h++, t++)
                exp_row(sums + t * 2 * VS_LANES, e + t * ld_s, &row, inv[t]);
        }
    for (size_t t = 0; t < b->n_queries; t++, sums += 2 * VS_LANES)
        inv[t] = 1.0f / (v_tree(v_load(sums)) + v_tree(v_load(sums + VS_LANES)));
}

/* Query vectors of rows row .. + n - 1 (columns of one kv head) to a block [queries][D]. */
static void gather(float *block, const float *x, size_t ld, size_t row, size_t n, size_t width)
{
    x += row * ld;
    for (size_t i = 0; i < n; i++, block += width, x += ld)
        for (size_t c = 0; c < width; c += VS_LANES)
            store_part(block + c, load_part(x + c, width - c), width - c);
}

/* ---- a query or two against their own keys: short chains, side by side over queries and panels ---- */

enum {
    SIDE_BY_SIDE = 4, /* as many hide the latency of fma */
    /* Queries of a piece from which gemm finds enough chains by itself. */
    QUERIES_WORTH_A_TILE = 3,
};

/* out [n_out] = chain(k < n_k: a[k] * b[k][0 .. n_out - 1]), 16 of them at most; b in steps of 16. */
typedef struct chain {
    float *out;
    size_t n_out;
    const float *a, *b;
    size_t n_k;
} chain;

typedef struct chains {
    chain c[SIDE_BY_SIDE];
    size_t n;
    bool accumulate;
} chains;

static void run_chains(chains *q)
{
    vf acc[SIDE_BY_SIDE];
    size_t common = q->c[0].n_k;

    for (size_t i = q->n; i < SIDE_BY_SIDE; i++) q->c[i] = q->c[0]; /* computed in vain */
    for (size_t i = 0; i < SIDE_BY_SIDE; i++) {
        acc[i] = q->accumulate ? load_part(q->c[i].out, q->c[i].n_out) : v_set1(0.0f);
        if (q->c[i].n_k < common) common = q->c[i].n_k;
    }
    for (size_t k = 0; k < common; k++)
#pragma GCC unroll 4
        for (size_t i = 0; i < SIDE_BY_SIDE; i++)
            acc[i] = v_fma(v_set1(q->c[i].a[k]), v_load(q->c[i].b + k * VS_LANES), acc[i]);
    for (size_t i = 0; i < q->n; i++) {
        for (size_t k = common; k < q->c[i].n_k; k++)
            acc[i] = v_fma(v_set1(q->c[i].a[k]), v_load(q->c[i].b + k * VS_LANES), acc[i]);
        store_part(q->c[i].out, acc[i], q->c[i].n_out);
    }
    q->n = 0;
}

static void add_chain(chains *q, chain c)
{
    q->c[q->n++] = c;
    if (q->n == SIDE_BY_SIDE) run_chains(q);
}

static void own_scores(const vs_attn_shape *s, const attn_block *b, size_t layer, size_t kv_head,
                       const float *qb, float *e, size_t ld_s)
{
    const size_t d_n = s->head_dim, per_kv = heads_per_kv(s), k_step = d_n * VS_LANES;
    chains q = {.n = 0};

    for (size_t i = 0; i < b->n_pieces; i++) {
        const piece *p = &b->pieces[i];
        const float *keys = vs_seg_k(s, p->span->seg, layer, kv_head);
        const size_t n_queries = p->n * per_kv, n_keys = vs_round16(piece_keys(p));

        if (n_queries >= QUERIES_WORTH_A_TILE) {
            gemm(e + p->at * ld_s, ld_s, qb + p->at * d_n, d_n, 1, keys, k_step, n_queries, n_keys,
                 d_n, false);
            continue;
        }
        for (size_t t = p->at; t < p->at + n_queries; t++)
            for (size_t j = 0; j < n_keys; j += VS_LANES)
                add_chain(&q,
                          (chain){e + t * ld_s + j, VS_LANES, qb + t * d_n, keys + j * d_n, d_n});
    }
    if (q.n) run_chains(&q);
}

static void own_values(const vs_attn_shape *s, const attn_block *b, size_t layer, size_t kv_head,
                       const float *e, size_t ld_s, float *ob, bool accumulate)
{
    const size_t d_n = s->head_dim, per_kv = heads_per_kv(s);
    chains q = {.accumulate = accumulate};

    for (size_t i = 0; i < b->n_pieces; i++) {
        const piece *p = &b->pieces[i];
        const float *values = vs_seg_v(s, p->span->seg, layer, kv_head);
        const size_t n_queries = p->n * per_kv, step = p->span->seg->cap * VS_LANES;

        if (n_queries >= QUERIES_WORTH_A_TILE) {
            gemm(ob + p->at * d_n, d_n, e + p->at * ld_s, ld_s, 1, values, step, n_queries, d_n,
                 piece_keys(p), accumulate);
            continue;
        }
        for (size_t t = p->at; t < p->at + n_queries; t++)
            for (size_t d = 0; d < d_n; d += VS_LANES)
                add_chain(&q, (chain){ob + t * d_n + d, d_n - d, e + t * ld_s,
                                      values + d / VS_LANES * step, piece_keys(p)});
    }
    if (q.n) run_chains(&q);
}

static void attn_block_run(const vs_attn_shape *s, const vs_attn_group *g, const attn_block *b,
                           size_t layer, size_t kv_head, const float *q, size_t ld_q, float *out,
                           size_t ld_out, float *scratch)
{
    const size_t d_n = s->head_dim, per_kv = heads_per_kv(s), width = per_kv * d_n;
    const size_t n_prompt = g->prompt ? g->n_prompt : 0, own_at = vs_round16(n_prompt);
    const size_t ld_s = own_at + vs_round16(b->longest_own), k_step = d_n * VS_LANES;
    float *sums = scratch, *inv = sums + 2 * VS_LANES * b->n_queries, *qb = inv + b->n_queries;
    float *ob = qb + b->n_queries * d_n, *e = ob + b->n_queries * d_n;

    for (size_t i = 0; i < b->n_pieces; i++) {
        const piece *p = &b->pieces[i];
        gather(qb + p->at * d_n, q + kv_head * width, ld_q, p->span->row + p->first, p->n, width);
    }
    if (n_prompt)
        gemm(e, ld_s, qb, d_n, 1, vs_seg_k(s, g->prompt, layer, kv_head), k_step, b->n_queries,
             own_at, d_n, false);
    own_scores(s, b, layer, kv_head, qb, e + own_at, ld_s);
    block_weights(inv, s, b, n_prompt, e, NULL, NULL, ld_s, sums);
    if (n_prompt)
        gemm(ob, d_n, e, ld_s, 1, vs_seg_v(s, g->prompt, layer, kv_head), g->prompt->cap * VS_LANES,
             b->n_queries, d_n, n_prompt, false);
    own_values(s, b, layer, kv_head, e + own_at, ld_s, ob, n_prompt > 0);
    for (size_t i = 0; i < b->n_pieces; i++) {
        const piece *p = &b->pieces[i];
        const float *from = ob + p->at * d_n;
        float *row = out + (p->span->row + p->first) * ld_out + kv_head * width;

        for (size_t k = 0, t = p->at; k < p->n; k++, row += ld_out)
            for (float *to = row; to < row + width; to += d_n, from += d_n, t++)
                for (size_t d = 0; d < d_n; d += VS_LANES) {
                    const vf scaled = v_mul(load_part(from + d, d_n - d), v_set1(inv[t]));
                    store_part(to + d, v_add(scaled, v_set1(0.0f)), d_n - d);
                }
    }
}

static void attn(const vs_attn_shape *s, const vs_attn_group *g, size_t layer, size_t kv_head,
                 const float *q, size_t ld_q, float *out, size_t ld_out, float *scratch)
{
    size_t n = 0, first = 0;
    attn_block b;

    while (n < g->n_spans) {
        take_block(&b, s, g, &n, &first);
        if (b.n_queries) attn_block_run(s, g, &b, layer, kv_head, q, ld_q, out, ld_out, scratch);
    }
}
