/* vote_top.c - the expectation of the majority among the m best-scored of a uniform k-subset.
 *
 * The samples lie in blocks of equal score, best first. The last of the m is in one block: of the a
 * samples before it u < m were drawn, and of its q samples m - u or more, any m - u of which vote.
 * Given block and u, the voters are a uniform u-subset of the a and a uniform (m - u)-subset of the q,
 * whatever k is: so
 *
 *   top(k) = sum over blocks, u of P_k(block, u) V(block, u)
 *   P_k    = C(a,u) / C(N,k) * sum over v >= m - u of C(q,v) C(N-a-q, k-u-v)
 *
 * and V is found as Maj@k is (vote_majority.c), with two counts in the place of one: (x, y) taken of the
 * samples before the block and of the block. Ways are binomial probabilities here too; V is their
 * weighted sum over the probability of (u, m - u). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "flow/answers/vote.h"

/* Keys of the drawn subsets have this third part. */
enum { SUBSETS = 3 };

typedef struct ranked {
    double score;
    int32_t class;
} ranked;

typedef struct table {
    vs_vote_classes c;
    ranked *item; /* [n] best first */
    size_t n, top;
    size_t a, q, width;            /* samples before the block, in it; 1 + most of it that vote */
    size_t *before, *within;       /* [classes] */
    double *of_before, *of_within; /* [classes][top + 1] binomial probabilities */
    double *pool_before, *pool_within; /* [n + 1] */
    double *ways, *right;              /* [most tied + 1][top + 1][width] */
    double *votes;                     /* [top] sum for u of the block */
    double *log_factorial;             /* [n + 1] */
} table;

static int best_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* v[0 .. top] of a binomial law of c; what is past c is 0. */
static void fill_law(double *v, double *work, size_t c, double p, size_t top)
{
    vs_vote_binomial(work, c, p);
    for (size_t i = 0; i <= top; i++) v[i] = i <= c ? work[i] : 0;
}

static void fill_laws(table *w)
{
    const double p = (double)w->top / (double)(w->a + w->q + 1);

    for (size_t j = 0; j < w->c.n; j++) {
        fill_law(w->of_before + j * (w->top + 1), w->pool_before, w->before[j], p, w->top);
        fill_law(w->of_within + j * (w->top + 1), w->pool_within, w->within[j], p, w->top);
    }
}

static double *cell(double *rows, const table *w, size_t t, size_t x, size_t y)
{
    return rows + (t * (w->top + 1) + x) * w->width + y;
}

/* to[x + i][y + j] += f from[x][y], as far as there is room. */
static void add_shifted(double *to, const double *from, const table *w, size_t i, size_t j,
                        double f)
{
    for (size_t x = 0; x + i <= w->top; x++)
        for (size_t y = 0; y + j < w->width; y++)
            to[(x + i) * w->width + y + j] += f * from[x * w->width + y];
}

/* Row t after class j gives fewer than m (from row t as it was) or m (from row t - 1, tied). */
static void advance(table *w, size_t j, size_t t, size_t m, double *ways, double *right)
{
    const double *px = w->of_before + j * (w->top + 1), *py = w->of_within + j * (w->top + 1);
    const size_t size = (w->top + 1) * w->width;
    double *own_ways = cell(w->ways, w, t, 0, 0), *own_right = cell(w->right, w, t, 0, 0);

    memset(ways, 0, size * sizeof *ways);
    memset(right, 0, size * sizeof *right);
    for (size_t x = 0; x <= smaller(m, w->before[j]); x++)
        for (size_t y = 0; y <= smaller(m - x, w->within[j]); y++) {
            const double f = px[x] * py[y];
            if (x + y < m) {
                add_shifted(ways, own_ways, w, x, y, f);
                add_shifted(right, own_right, w, x, y, f);
            } else if (t > 0) {
                const double *tied = cell(w->ways, w, t - 1, 0, 0);
                add_shifted(ways, tied, w, x, y, f);
                add_shifted(right, cell(w->right, w, t - 1, 0, 0), w, x, y, f);
                add_shifted(right, tied, w, x, y, f * w->c.right[j]);
            }
        }
    memcpy(own_ways, ways, size * sizeof *ways);
    memcpy(own_right, right, size * sizeof *right);
}

/* Adds to votes[u] what subsets with top count m are worth. */
static void add_top_count(table *w, size_t m, double *next)
{
    const double p = (double)w->top / (double)(w->a + w->q + 1);
    const size_t size = (w->top + 1) * w->width, most_tied = smaller(w->top / m, w->c.n);
    size_t before = w->a, within = w->q;

    memset(w->ways, 0, (most_tied + 1) * size * sizeof *w->ways);
    memset(w->right, 0, (most_tied + 1) * size * sizeof *w->right);
    for (size_t j = 0; j < w->c.n; j++) {
        if (w->before[j] + w->within[j] < m) continue;
        before -= w->before[j];
        within -= w->within[j];
    }
    vs_vote_binomial(w->pool_before, before, p); /* those that cannot come to m, and no answers */
    vs_vote_binomial(w->pool_within, within, p);
    for (size_t x = 0; x <= smaller(w->top, before); x++)
        for (size_t y = 0; y <= smaller(w->width - 1, within); y++)
            *cell(w->ways, w, 0, x, y) = w->pool_before[x] * w->pool_within[y];
    for (size_t j = 0; j < w->c.n; j++)
        for (size_t t = most_tied + 1; w->before[j] + w->within[j] >= m && t-- > 0;)
            advance(w, j, t, m, next, next + size);
    for (size_t u = 0; u < w->top; u++)
        for (size_t t = 1; t <= most_tied && w->top - u < w->width; t++)
            w->votes[u] += *cell(w->right, w, t, u, w->top - u) / (double)t;
}

static double log_choose(const table *w, size_t n, size_t k)
{
    return w->log_factorial[n] - w->log_factorial[k] - w->log_factorial[n - k];
}

/* P_k(block, u). */
static double block_share(const table *w, size_t k, size_t u)
{
    const size_t after = w->n - w->a - w->q;
    double p = 0;

    if (u > w->a) return 0;
    for (size_t v = w->top - u; v <= w->q && u + v <= k; v++)
        if (k - u - v <= after)
            p += vs_exp(log_choose(w, w->a, u) + log_choose(w, w->q, v) +
                        log_choose(w, after, k - u - v) - log_choose(w, w->n, k));
    return p;
}

static void add_block(double *out, table *w, const size_t *ks, size_t n_ks, double *next)
{
    const double p = (double)w->top / (double)(w->a + w->q + 1);
    size_t largest = 0;

    w->width = smaller(w->q, w->top) + 1;
    for (size_t j = 0; j < w->c.n; j++)
        if (w->before[j] + w->within[j] > largest) largest = w->before[j] + w->within[j];
    memset(w->votes, 0, w->top * sizeof *w->votes);
    fill_laws(w);
    for (size_t m = 1; m <= smaller(w->top, largest); m++) add_top_count(w, m, next);
    vs_vote_binomial(w->pool_before, w->a, p);
    vs_vote_binomial(w->pool_within, w->q, p);
    for (size_t u = 0; u < w->top; u++) {
        if (u > w->a || w->top - u > w->q) continue;
        const double vote = w->votes[u] / (w->pool_before[u] * w->pool_within[w->top - u]);
        for (size_t i = 0; i < n_ks; i++)
            if (ks[i] > w->top) out[i] += block_share(w, ks[i], u) * vote;
    }
}

static void sum_blocks(double *out, table *w, const size_t *ks, size_t n_ks, double *next)
{
    memset(w->before, 0, w->c.n * sizeof *w->before);
    for (size_t end; w->a < w->n; w->a = end) {
        memset(w->within, 0, w->c.n * sizeof *w->within);
        for (end = w->a; end < w->n && w->item[end].score == w->item[w->a].score; end++)
            if (w->item[end].class >= 0) w->within[w->item[end].class]++;
        w->q = end - w->a;
        if (end >= w->top) add_block(out, w, ks, n_ks, next);
        for (size_t j = 0; j < w->c.n; j++) w->before[j] += w->within[j];
    }
}

/* What the table costs, near enough; SIZE_MAX: too much to count. */
static size_t count_work(const table *w)
{
    size_t work = 0, all = w->top;

    for (size_t i = 0, end; i < w->n; i = end) {
        for (end = i; end < w->n && w->item[end].score == w->item[i].score;) end++;
        work += smaller(end - i, w->top) * smaller(end - i, w->top);
    }
    if (__builtin_mul_overflow(all, w->top * w->top, &all) ||
        __builtin_mul_overflow(all, w->c.n, &all) || __builtin_mul_overflow(all, work, &work))
        return SIZE_MAX;
    return work;
}

/* -- drawn, where the table would be too large -- */

/* The vote of the first k of an order. */
static double drawn_vote(const table *w, const uint32_t *order, size_t k, uint32_t *best,
                         double *sums)
{
    size_t n = 0;

    for (size_t i = 0; i < k; i++) { /* of equal scores those drawn first: any are as likely */
        size_t at = n;
        while (at > 0 && w->item[best[at - 1]].score < w->item[order[i]].score) at--;
        if (at == w->top) continue;
        if (n < w->top) n++;
        for (size_t x = n - 1; x > at; x--) best[x] = best[x - 1];
        best[at] = order[i];
    }
    for (size_t j = 0; j < w->c.n; j++) sums[j] = 0;
    for (size_t i = 0; i < n; i++)
        if (w->item[best[i]].class >= 0) sums[w->item[best[i]].class] += 1;
    return vs_vote_share(&w->c, sums);
}

static vs_status draw_votes(double *out, double *error, const table *w, uint64_t problem_key,
                            const size_t *ks, size_t n_ks, vs_error *err)
{
    const vs_rng_key key = vs_rng_key_make(problem_key, VS_RNG_BOOTSTRAP, SUBSETS);
    uint32_t *order = vs_alloc(w->n, sizeof *order), *best = vs_alloc(w->top, sizeof *best);
    double *sums = vs_alloc(w->n, sizeof *sums);
    vs_status st = VS_OK;

    if (!order || !best || !sums)
        st = VS_FAIL(err, VS_E_NOMEM, "vote of the top: out of memory for %zu samples", w->n);
    for (size_t i = 0; st == VS_OK && i < n_ks; i++) {
        double sum = 0, squares = 0;
        if (ks[i] <= w->top) continue;
        for (uint64_t trial = 0; trial < VS_VOTE_TRIALS; trial++) {
            vs_rng rng = vs_rng_stream(key, trial);
            for (size_t x = 0; x < w->n; x++) order[x] = (uint32_t)x;
            vs_rng_shuffle(&rng, order, w->n);
            const double vote = drawn_vote(w, order, ks[i], best, sums);
            sum += vote;
            squares += vote * vote;
        }
        out[i] = sum / VS_VOTE_TRIALS;
        error[i] = sqrt(fmax(0, squares / VS_VOTE_TRIALS - out[i] * out[i]) / (VS_VOTE_TRIALS - 1));
    }
    free(order);
    free(best);
    free(sums);
    return st;
}

/* -- both -- */

static void table_free(table *w)
{
    vs_vote_classes_close(&w->c);
    free(w->item);
    free(w->before);
    free(w->within);
    free(w->of_before);
    free(w->of_within);
    free(w->pool_before);
    free(w->pool_within);
    free(w->ways);
    free(w->right);
    free(w->votes);
    free(w->log_factorial);
}

static vs_status fill_table(double *out, table *w, const size_t *ks, size_t n_ks, vs_error *err)
{
    const size_t n_classes = w->c.n + 1, wide = w->top + 1;
    const size_t rows = (smaller(w->top, w->c.n) + 1) * wide * wide;
    double *next = vs_alloc(2 * wide * wide, sizeof *next);

    w->before = vs_alloc(n_classes, sizeof *w->before);
    w->within = vs_alloc(n_classes, sizeof *w->within);
    w->of_before = vs_alloc(n_classes * wide, sizeof *w->of_before);
    w->of_within = vs_alloc(n_classes * wide, sizeof *w->of_within);
    w->pool_before = vs_alloc(w->n + 1, sizeof *w->pool_before);
    w->pool_within = vs_alloc(w->n + 1, sizeof *w->pool_within);
    w->ways = vs_alloc(rows, sizeof *w->ways);
    w->right = vs_alloc(rows, sizeof *w->right);
    w->votes = vs_alloc(wide, sizeof *w->votes);
    w->log_factorial = vs_alloc(w->n + 1, sizeof *w->log_factorial);
    if (!next || !w->before || !w->within || !w->of_before || !w->of_within || !w->pool_before ||
        !w->pool_within || !w->ways || !w->right || !w->votes || !w->log_factorial) {
        free(next);
        return VS_FAIL(err, VS_E_NOMEM, "vote of the top: out of memory for %zu samples", w->n);
    }
    for (size_t i = 1; i <= w->n; i++)
        w->log_factorial[i] = w->log_factorial[i - 1] + vs_log((double)i);
    sum_blocks(out, w, ks, n_ks, next);
    free(next);
    return VS_OK;
}

vs_status vs_top_vote_at(double *out, double *error, const vs_metrics_problem *p, size_t top,
                         const size_t *ks, size_t n_ks, size_t work, vs_error *err)
{
    table w = {.n = p->n, .top = smaller(top, p->n), .item = vs_alloc(p->n, sizeof *w.item)};
    bool is_beyond = false; /* some k is above top */
    vs_status st;

    if (!w.item) return VS_FAIL(err, VS_E_NOMEM, "vote of the top: out of memory");
    VS_CHECK(vs_vote_classes_open(&w.c, p, err));
    for (size_t i = 0; i < p->n; i++) w.item[i] = (ranked){p->scores[i], w.c.of[i]};
    qsort(w.item, p->n, sizeof *w.item, best_first);
    for (size_t i = 0; i < n_ks; i++) {
        error[i] = out[i] = 0;
        if (ks[i] <= w.top)
            VS_CHECK(vs_majority_at(&out[i], p, &ks[i], 1, err));
        else
            is_beyond = true;
    }
    if (!is_beyond || w.c.n == 0) goto done;
    if (count_work(&w) <= work)
        st = fill_table(out, &w, ks, n_ks, err);
    else
        st = draw_votes(out, error, &w, p->key, ks, n_ks, err);
done:
    table_free(&w);
    return st;
}
