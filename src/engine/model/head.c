/* head.c - the output head, streamed over the vocabulary: a tile of logits at a time, only for rows
 * that have targets. */
#include <math.h>
#include <string.h>

#include "base/fmath.h"
#include "base/threads.h"
#include "engine/model/head.h"
#include "engine/tensor/par.h"

typedef struct tile_job {
    const vs_ops *ops;
    const vs_targets *t;
    float *tile;      /* [rows][ld] */
    size_t ld, v0, n; /* this tile's entries v0 .. v0 + n - 1 */
    float *max, *sum;
    float *logit; /* [targets]: their logits, picked up on the way */
    float cap;    /* of logits; 0: none */
    const float *coef, *row_coef, *row_max, *row_sum; /* backward */
    float
        *capped; /* backward: the tile's capped logits, [rows][VS_VOCAB_TILE]; NULL without a cap */
    bool is_capped; /* backward: the tile's logits have gone through the cap */
} tile_job;

static void cap_rows(const tile_job *j, size_t begin, size_t end)
{
    if (j->cap > 0.0F)
        for (size_t r = begin; r < end; r++) j->ops->softcap(j->tile + r * j->ld, j->n, j->cap);
}

/* First target of row r. */
static size_t target_begin(const vs_targets *t, size_t row)
{
    size_t lo = 0, hi = t->n;

    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (t->row[mid] < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void lse_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const tile_job *j = ctx;
    (void)thread;

    cap_rows(j, begin, end);
    j->ops->lse_tile(j->max + begin, j->sum + begin, j->tile + begin * j->ld, j->ld, end - begin,
                     j->n);
    if (!j->t) return;
    for (size_t i = target_begin(j->t, begin); i < j->t->n && j->t->row[i] < end; i++) {
        const size_t v = (size_t)j->t->id[i];
        if (v >= j->v0 && v < j->v0 + j->n) j->logit[i] = j->tile[j->t->row[i] * j->ld + v - j->v0];
    }
}

static void start_lse(float *max, float *sum, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        max[r] = -INFINITY;
        sum[r] = 0.0F;
    }
}

static size_t tile_width(const vs_model *m, size_t v0)
{
    const size_t left = m->base->config.n_vocab - v0;
    return left < VS_VOCAB_TILE ? left : VS_VOCAB_TILE;
}

float vs_logprob_of(float logit, float max, float sum)
{
    return (float)((double)logit - (double)max - vs_log((double)sum));
}

size_t vs_head_ld(const vs_model *m, bool keep)
{
    const size_t v = vs_round16(m->base->config.n_vocab);

    return keep || v <= VS_VOCAB_TILE ? v : VS_VOCAB_TILE;
}

/* Logits have a place for the whole vocabulary. */
static bool is_kept(const vs_model *m, size_t ld)
{
    return ld >= m->base->config.n_vocab;
}

void vs_head_logprobs(const vs_model *m, const float *hidden, const vs_targets *t, float *logits,
                      size_t ld, float *logp, float *max, float *sum)
{
    const size_t c = m->base->config.n_embd;
    tile_job job = {.ops = m->base->ops,
                    .t = t,
                    .ld = ld,
                    .cap = (float)m->base->config.final_softcap,
                    .max = max,
                    .sum = sum,
                    .logit = logp};

    start_lse(max, sum, t->n_rows);
    for (size_t v0 = 0; v0 < m->base->config.n_vocab; v0 += VS_VOCAB_TILE) {
        job.v0 = v0;
        job.n = tile_width(m, v0);
        job.tile = is_kept(m, ld) ? logits + v0 : logits;
        vs_matmul_cols(job.ops, job.tile, ld, hidden, c, &m->base->head_fwd, v0, job.n, t->n_rows,
                       false);
        vs_parallel_range(t->n_rows, 20.0 * (double)job.n, vs_threads(), lse_range, &job);
    }
    for (size_t i = 0; i < t->n; i++)
        logp[i] = vs_logprob_of(logp[i], max[t->row[i]], sum[t->row[i]]);
}

void vs_head_logits(const vs_model *m, const float *hidden, size_t n_rows, float *logits, size_t ld,
                    float *max, float *sum)
{
    tile_job job = {.ops = m->base->ops,
                    .ld = ld,
                    .cap = (float)m->base->config.final_softcap,
                    .max = max,
                    .sum = sum};

    vs_matmul(job.ops, logits, ld, hidden, m->base->config.n_embd, &m->base->head_fwd, n_rows,
              false);
    start_lse(max, sum, n_rows);
    for (size_t v0 = 0; v0 < m->base->config.n_vocab; v0 += VS_VOCAB_TILE) {
        job.tile = logits + v0;
        job.n = tile_width(m, v0);
        vs_parallel_range(n_rows, 20.0 * (double)job.n, vs_threads(), lse_range, &job);
    }
}

/* -- backward -- */

static void grad_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const tile_job *j = ctx;
    (void)thread;

    if (!j->is_capped) cap_rows(j, begin, end);
    for (size_t r = begin; j->capped && r < end; r++)
        memcpy(j->capped + r * VS_VOCAB_TILE, j->tile + r * j->ld, j->n * sizeof *j->tile);
    j->ops->softmax_bwd_tile(j->tile + begin * j->ld, j->ld, j->row_max + begin, j->row_sum + begin,
                             j->row_coef + begin, end - begin, j->n);
    for (size_t i = target_begin(j->t, begin); i < j->t->n && j->t->row[i] < end; i++) {
        const size_t v = (size_t)j->t->id[i];
        if (v >= j->v0 && v < j->v0 + j->n) j->tile[j->t->row[i] * j->ld + v - j->v0] += j->coef[i];
    }
    if (j->capped)
        for (size_t r = begin; r < end; r++)
            j->ops->softcap_bwd(j->tile + r * j->ld, j->capped + r * VS_VOCAB_TILE, j->n, j->cap);
}

typedef struct dx_job {
    const vs_model *m;
    const tile_job *tile;
    float *d_hidden;
} dx_job;

/* d_hidden += d_logits W over this tile's part of the chain. */
static void dx_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const dx_job *j = ctx;
    const tile_job *t = j->tile;
    const size_t c = j->m->base->config.n_embd;
    (void)thread;

    vs_matmul_steps(t->ops, j->d_hidden + begin * c, c, t->tile + begin * t->ld, t->ld,
                    &j->m->base->head_bwd, t->v0, t->n, end - begin, t->v0 > 0);
}

size_t vs_head_scratch(const vs_model *m, size_t n_rows)
{
    const bool has_cap = m->base->config.final_softcap > 0.0;

    return n_rows * (1 + vs_round16(m->base->config.n_embd) + (has_cap ? VS_VOCAB_TILE : 0));
}

void vs_head_backward(const vs_model *m, const float *hidden, const vs_targets *t,
                      const float *coef, const float *max, const float *sum, float *logits,
                      size_t ld, float *scratch, float *d_hidden, float *head_grads)
{
    const size_t c = m->base->config.n_embd;
    float *row_coef = scratch, *packed = scratch + t->n_rows;
    tile_job job = {.ops = m->base->ops,
                    .t = t,
                    .ld = ld,
                    .row_max = max,
                    .row_sum = sum,
                    .coef = coef,
                    .row_coef = row_coef,
                    .cap = (float)m->base->config.final_softcap,
                    .is_capped = is_kept(m, ld)};
    dx_job dx = {m, &job, d_hidden};

    if (job.cap > 0.0F) job.capped = packed + vs_round16(c) * t->n_rows;

    memset(row_coef, 0, t->n_rows * sizeof *row_coef);
    for (size_t i = 0; i < t->n; i++) row_coef[t->row[i]] += coef[i];
    for (size_t v0 = 0; v0 < m->base->config.n_vocab; v0 += VS_VOCAB_TILE) {
        job.v0 = v0;
        job.n = tile_width(m, v0);
        job.tile = is_kept(m, ld) ? logits + v0 : logits;
        if (!is_kept(m, ld))
            vs_matmul_cols(job.ops, logits, ld, hidden, c, &m->base->head_fwd, v0, job.n, t->n_rows,
                           false);
        vs_parallel_range(t->n_rows, 30.0 * (double)job.n, vs_threads(), grad_range, &job);
        vs_parallel_range(t->n_rows, 2.0 * (double)(job.n * c), vs_threads(), dx_range, &dx);
        if (head_grads)
            vs_matmul_grad(job.ops, head_grads + v0 * c, c, job.tile, ld, hidden, c, t->n_rows,
                           job.n, c, packed);
    }
}
