/* fast_attn_bwd.inc.h - backward of attention, a whole row group at a time. Part of fast.inc.h. */

/* Keys and values of one part of the row group, packed in the orders that the products read. */
typedef struct packed_part {
    size_t row, n;
    float *k, *v; /* [round16(n) / 16][D][16]: for q K^T and d_out V^T */
    float *k_col; /* [D16 / 16][n][16]: for ds K */
} packed_part;

/* The op's arguments, and the blocks of its scratch. k, v, dk, dv point at the kv head's column,
 * the others at its first query head's. */
typedef struct bwd {
    const vs_attn_shape *s;
    const float *q, *k, *v, *out, *d_out;
    float *dq, *dk, *dv;
    size_t ld, ld_o;
    float *qb, *db, *ob;  /* [queries][D]: q, d_out, then dq */
    float *q_col, *d_col; /* packed over queries, for dk and dv */
    float *scores;        /* [queries] rows of p, then as many of ds */
    float *sums, *inv, *delta;
} bwd;

static float *pack_part(const bwd *w, packed_part *p, size_t row, size_t n, float *scratch)
{
    const size_t d_n = w->s->head_dim, plain = vs_round16(n) * d_n;

    *p = (packed_part){row, n, scratch, scratch + plain, scratch + 2 * plain};
    pack_rows(p->k, w->k + row * w->ld, w->ld, n, d_n);
    pack_rows(p->v, w->v + row * w->ld, w->ld, n, d_n);
    pack_cols(p->k_col, w->k + row * w->ld, w->ld, d_n, n);
    return p->k_col + vs_round16(d_n) * n;
}

/* dk, dv of the first n_keys rows of a part from a block's p and ds (pointing at the part's first
 * column). */
static void bwd_keys(const bwd *w, const packed_part *part, size_t n_keys, const float *p,
                     const float *ds, size_t ld_s, size_t n_queries)
{
    const size_t d_n = w->s->head_dim, step = n_queries * VS_LANES, at = part->row * w->ld;

    gemm(w->dk + at, w->ld, ds, 1, ld_s, w->q_col, step, n_keys, d_n, n_queries, true);
    gemm(w->dv + at, w->ld, p, 1, ld_s, w->d_col, step, n_keys, d_n, n_queries, true);
}

/* e and d_out V^T (in ds) -> p, ds of one query; both rows are `end` wide. */
static void bwd_row(const vs_attn_shape *s, float *p, float *ds, size_t end, float inv, float delta)
{
    const vf factor = v_set1(s->scale);
    const vf sub = v_set1(s->softcap > 0.0f ? 0.0f : delta); /* a cap has taken delta off */

    for (size_t j = 0; j < end; j += VS_LANES) {
        const vf pj = v_mul(v_load(p + j), v_set1(inv));
        v_store(p + j, pj);
        v_store(ds + j, v_mul(v_mul(pj, v_sub(v_load(ds + j), sub)), factor));
    }
}

/* Tokens first .. first + n - 1 of `own`, which see all of `prompt` (may be empty). */
static void bwd_block(const bwd *w, const packed_part *prompt, const packed_part *own, size_t first,
                      size_t n)
{
    const size_t d_n = w->s->head_dim, per_kv = heads_per_kv(w->s), width = per_kv * d_n;
    const size_t n_queries = n * per_kv, n_own = first + n, own_at = vs_round16(prompt->n);
    const size_t ld_s = own_at + vs_round16(n_own), step = d_n * VS_LANES, row = own->row + first;
    float *p = w->scores, *ds = p + n_queries * ld_s;
    const vs_span whole = {.n = own->n};
    attn_block b = {.n_pieces = 1, .n_queries = n_queries};

    b.pieces[0] = (piece){&whole, first, n, 0};

    gather(w->qb, w->q, w->ld, row, n, width);
    gather(w->db, w->d_out, w->ld_o, row, n, width);
    gather(w->ob, w->out, w->ld_o, row, n, width);
    gemm(p, ld_s, w->qb, d_n, 1, prompt->k, step, n_queries, own_at, d_n, false);
    gemm(p + own_at, ld_s, w->qb, d_n, 1, own->k, step, n_queries, ld_s - own_at, d_n, false);
    gemm(ds, ld_s, w->db, d_n, 1, prompt->v, step, n_queries, own_at, d_n, false);
    gemm(ds + own_at, ld_s, w->db, d_n, 1, own->v, step, n_queries, ld_s - own_at, d_n, false);
    for (size_t t = 0; t < n_queries; t++)
        w->delta[t] = tree_dot(w->db + t * d_n, w->ob + t * d_n, d_n);
    block_weights(w->inv, w->s, &b, prompt->n, p, ds, w->delta, ld_s, w->sums);
    for (size_t t = 0; t < n_queries; t++)
        bwd_row(w->s, p + t * ld_s, ds + t * ld_s, ld_s, w->inv[t], w->delta[t]);
    gemm(w->ob, d_n, ds, ld_s, 1, prompt->k_col, prompt->n * VS_LANES, n_queries, d_n, prompt->n,
         false);
    gemm(w->ob, d_n, ds + own_at, ld_s, 1, own->k_col, own->n * VS_LANES, n_queries, d_n, n_own,
         true);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c += VS_LANES) {
            const vf d_q = load_part(w->ob + i * width + c, width - c);
            store_part(w->dq + (row + i) * w->ld + c, v_add(d_q, v_set1(0.0f)), width - c);
        }

    pack_cols(w->q_col, w->qb, d_n, d_n, n_queries);
    pack_cols(w->d_col, w->db, d_n, d_n, n_queries);
    bwd_keys(w, prompt, prompt->n, p, ds, ld_s, n_queries);
    bwd_keys(w, own, n_own, p + own_at, ds + own_at, ld_s, n_queries);
}

static void bwd_part(const bwd *w, const packed_part *prompt, const packed_part *own)
{
    const size_t block = block_tokens(w->s);

    for (size_t first = 0; first < own->n; first += block)
        bwd_block(w, prompt, own, first, own->n - first < block ? own->n - first : block);
}

static void clear_rows(float *x, size_t ld, size_t row, size_t n, size_t d_n)
{
    for (size_t i = row; i < row + n; i++) memset(x + i * ld, 0, d_n * sizeof *x);
}

/* -0 -> +0 */
static void plain_zeros(float *x, size_t ld, size_t row, size_t n, size_t d_n)
{
    for (size_t i = row; i < row + n; i++)
        for (size_t d = 0; d < d_n; d++) x[i * ld + d] += 0.0f;
}

static void attn_bwd(const vs_attn_shape *s, size_t prompt_row, size_t n_prompt,
                     const vs_span *spans, size_t n_spans, size_t kv_head, const float *q,
                     const float *k, const float *v, size_t ld, const float *out,
                     const float *d_out, size_t ld_o, float *dq, float *dk, float *dv,
                     float *scratch)
{
    const size_t d_n = s->head_dim, kv = kv_head * d_n, first_q = kv * heads_per_kv(s);
    const size_t block = block_queries(s), packed = block * vs_round16(d_n);
    bwd w = {s,
             q + first_q,
             k + kv,
             v + kv,
             out + first_q,
             d_out + first_q,
             dq + first_q,
             dk + kv,
             dv + kv,
             ld,
             ld_o,
             scratch,
             scratch + block * d_n,
             scratch + 2 * block * d_n,
             NULL,
             NULL,
             NULL,
             NULL,
             NULL,
             NULL};
    packed_part prompt, own;
    const packed_part none = {0};

    w.q_col = w.ob + block * d_n;
    w.d_col = w.q_col + packed;
    w.sums = w.d_col + packed;
    w.inv = w.sums + 2 * VS_LANES * block;
    w.delta = w.inv + block;
    float *rest = pack_part(&w, &prompt, prompt_row, n_prompt, w.delta + block);

    clear_rows(w.dk, ld, prompt_row, n_prompt, d_n);
    clear_rows(w.dv, ld, prompt_row, n_prompt, d_n);
    w.scores = rest;
    bwd_part(&w, &none, &prompt);
    for (size_t n = 0; n < n_spans; n++) {
        const size_t row = spans[n].row;

        clear_rows(w.dk, ld, row, spans[n].n, d_n);
        clear_rows(w.dv, ld, row, spans[n].n, d_n);
        w.scores = pack_part(&w, &own, row, spans[n].n, rest);
        bwd_part(&w, &prompt, &own);
        plain_zeros(w.dk, ld, row, spans[n].n, d_n);
        plain_zeros(w.dv, ld, row, spans[n].n, d_n);
    }
    plain_zeros(w.dk, ld, prompt_row, n_prompt, d_n);
    plain_zeros(w.dv, ld, prompt_row, n_prompt, d_n);
}
