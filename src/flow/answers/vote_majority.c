/* vote_majority.c - the exact expectation of a majority vote over a uniform k-subset.
 *
 *   maj(k) = 1/C(N,k) * sum over m, t of (1/t) * sum over subsets with top count m, t classes at
 * it, of r
 *
 * with r the summed rightness of the t tied classes. For one m, a class of c members gives i < m of
 * them in C(c,i) ways or exactly m, and is then tied; samples without an answer give any number.
 * Both sums run over the classes with the state (t tied, s samples taken): W[t][s] counts ways,
 * R[t][s] ways times r.
 *
 * Scaling: every way of taking i of c is weighted by p^i (1-p)^(c-i) with p = k/N. The weighted
 * ways of one class are then binomial probabilities, the result's weight is the same for all
 * subsets of size k, and dividing by the binomial probability of k out of N (never below 1/(e sqrt
 * N)) takes it off. All terms are positive, so nothing cancels.
 *
 * Pruning: table entries, tails of binomials and whole values of m below `negligible` are dropped.
 * Classes that reach m with less than that probability are pooled: together they give a binomial
 * number of samples, like samples without an answer. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/answers/vote.h"

/* At most about 4096 values of m times 4096 classes times 100 edges of rows are cut, each by less
 * than a few of these: below 1e-10 of the result after the division. */
static const double negligible = 1e-21;

/* The binomial law of one class size. */
typedef struct law {
    const double *at;   /* [c + 1] probability of i */
    const double *tail; /* [c + 1] probability of i or more */
    size_t first, last; /* probabilities outside are negligible */
} law;

/* Row t of both tables; entries outside [lo, hi) are zero and not stored. */
typedef struct row {
    size_t lo, hi;
    double *ways, *right; /* [k + 1] */
} row;

typedef struct majority {
    const vs_vote_classes *classes;
    size_t n, k;    /* samples, subset size */
    law *laws;      /* one per class; equal sizes share their tables */
    double *tables; /* what laws point into */
    double *pool;   /* [n + 1] */
    row *rows;      /* [k + 2] */
    double *cells;  /* rows' memory */
    size_t cap_cells;
    double *next; /* [2 * (k + 1)] the row in the making */
} majority;

/* Outward from the mode, then scaled to the sum 1. */
void vs_vote_binomial(double *v, size_t c, double p)
{
    const double odds = p / (1 - p);
    size_t mode = (size_t)((double)(c + 1) * p);
    double sum = 0;

    if (mode > c) mode = c;
    v[mode] = 1;
    for (size_t i = mode; i < c; i++) v[i + 1] = v[i] * odds * (double)(c - i) / (double)(i + 1);
    for (size_t i = mode; i > 0; i--) v[i - 1] = v[i] * (double)i / (odds * (double)(c - i + 1));
    for (size_t i = 0; i <= c; i++) sum += v[i];
    for (size_t i = 0; i <= c; i++) v[i] /= sum;
}

static law make_law(double *at, double *tail, size_t c, double p)
{
    law l = {.at = at, .tail = tail, .first = 0, .last = c};
    double sum = 0;

    vs_vote_binomial(at, c, p);
    for (size_t i = c + 1; i-- > 0;) tail[i] = sum += at[i];
    while (l.first < c && at[l.first] < negligible) l.first++;
    while (l.last > l.first && at[l.last] < negligible) l.last--;
    return l;
}

static void fill_laws(majority *w)
{
    const double p = (double)w->k / (double)w->n;
    const size_t *count = w->classes->count;
    double *free_table = w->tables;

    for (size_t j = 0; j < w->classes->n; j++) {
        if (j && count[j] == count[j - 1]) {
            w->laws[j] = w->laws[j - 1];
            continue;
        }
        w->laws[j] = make_law(free_table, free_table + count[j] + 1, count[j], p);
        free_table += 2 * (count[j] + 1);
    }
}

/* The classes that reach m with more than negligible probability: a prefix, for larger classes
 * reach further. */
static size_t count_contenders(const majority *w, size_t m)
{
    size_t n = 0;

    while (n < w->classes->n && w->classes->count[n] >= m && w->laws[n].tail[m] >= negligible) n++;
    return n;
}

/* Rows 0..n_rows-1 with room for k + 1 entries each, all empty. */
static bool clear_rows(majority *w, size_t n_rows)
{
    const size_t width = w->k + 1, need = 2 * n_rows * width;

    if (!w->cells || need > w->cap_cells) {
        free(w->cells);
        w->cells = vs_alloc(need, sizeof *w->cells);
        w->cap_cells = w->cells ? need : 0;
        if (!w->cells) return false;
    }
    for (size_t t = 0; t < n_rows; t++)
        w->rows[t] =
            (row){.ways = w->cells + 2 * t * width, .right = w->cells + (2 * t + 1) * width};
    return true;
}

static void trim(row *r)
{
    while (r->lo < r->hi && r->ways[r->lo] < negligible) r->lo++;
    while (r->lo < r->hi && r->ways[r->hi - 1] < negligible) r->hi--;
}

/* to[s + by] += f * from[s] over [lo, hi), cut at `width`. */
static void add_shifted(double *restrict to, const double *restrict from, size_t lo, size_t hi,
                        size_t by, double f, size_t width)
{
    if (by >= width) return;
    if (hi > width - by) hi = width - by;
    for (size_t s = lo; s < hi; s++) to[s + by] += f * from[s];
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Row t after one more class: it gives fewer than m (from row t), or m and is tied (from row t - 1,
 * as it was). */
static void advance_row(majority *w, size_t t, const law *l, size_t m, double right)
{
    const size_t width = w->k + 1, last = smaller(l->last, m - 1);
    double *ways = w->next, *rights = w->next + width;
    row *r = &w->rows[t];
    const row *tied = t ? &w->rows[t - 1] : NULL;
    const bool has_own = r->lo < r->hi && l->first <= last, has_tied = tied && tied->lo < tied->hi;
    size_t lo = width, hi = 0;

    if (has_own) lo = r->lo + l->first, hi = r->hi + last;
    if (has_tied) {
        lo = smaller(lo, tied->lo + m);
        hi = hi > tied->hi + m ? hi : tied->hi + m;
    }
    hi = smaller(hi, width);
    if (lo >= hi) {
        r->lo = r->hi = 0;
        return;
    }
    memset(ways + lo, 0, (hi - lo) * sizeof *ways);
    memset(rights + lo, 0, (hi - lo) * sizeof *rights);
    for (size_t i = l->first; has_own && i <= last; i++) {
        add_shifted(ways, r->ways, r->lo, r->hi, i, l->at[i], width);
        add_shifted(rights, r->right, r->lo, r->hi, i, l->at[i], width);
    }
    if (has_tied) {
        add_shifted(ways, tied->ways, tied->lo, tied->hi, m, l->at[m], width);
        add_shifted(rights, tied->right, tied->lo, tied->hi, m, l->at[m], width);
        add_shifted(rights, tied->ways, tied->lo, tied->hi, m, l->at[m] * right, width);
    }
    memcpy(r->ways + lo, ways + lo, (hi - lo) * sizeof *ways);
    memcpy(r->right + lo, rights + lo, (hi - lo) * sizeof *rights);
    r->lo = lo;
    r->hi = hi;
    trim(r);
}

/* Row 0 before any contender: the samples of the pooled classes and those without an answer. */
static void start_pool(majority *w, size_t n_contenders)
{
    size_t pooled = w->n;
    row *r = &w->rows[0];

    for (size_t j = 0; j < n_contenders; j++) pooled -= w->classes->count[j];
    vs_vote_binomial(w->pool, pooled, (double)w->k / (double)w->n);
    r->hi = smaller(pooled, w->k) + 1;
    memcpy(r->ways, w->pool, r->hi * sizeof *r->ways);
    memset(r->right, 0, r->hi * sizeof *r->right);
    trim(r);
}

/* The weighted sum of r/t over the k-subsets whose top count is m. */
static bool top_count(double *sum, majority *w, size_t m, size_t n_contenders)
{
    const size_t most_tied = smaller(w->k / m, n_contenders);

    if (!clear_rows(w, most_tied + 1)) return false;
    start_pool(w, n_contenders);
    for (size_t j = 0; j < n_contenders; j++)
        for (size_t t = smaller(most_tied, j + 1) + 1; t-- > 0;)
            advance_row(w, t, &w->laws[j], m, w->classes->right[j]);
    for (size_t t = 1; t <= most_tied; t++) {
        const row *r = &w->rows[t];
        if (r->lo <= w->k && w->k < r->hi) *sum += r->right[w->k] / (double)t;
    }
    return true;
}

static double full_vote(const vs_vote_classes *c)
{
    double right = 0;
    size_t t = 0;

    for (; t < c->n && c->count[t] == c->count[0]; t++) right += c->right[t];
    return t ? right / (double)t : 0;
}

static bool subset_vote(double *out, majority *w)
{
    const double p = (double)w->k / (double)w->n;
    double sum = 0,
           at_most = 0; /* at_most: the probability that the largest class gives m or fewer */

    fill_laws(w);
    at_most = w->laws[0].at[0];
    for (size_t m = 1; m <= w->k; m++) {
        const size_t n_contenders = count_contenders(w, m);
        if (n_contenders == 0) break;
        at_most += w->laws[0].at[m];
        if (at_most >= negligible && !top_count(&sum, w, m, n_contenders)) return false;
    }
    vs_vote_binomial(w->pool, w->n, p);
    *out = sum / w->pool[w->k];
    return true;
}

vs_status vs_majority_at(double *out, const vs_metrics_problem *p, const size_t *ks, size_t n_ks,
                         vs_error *err)
{
    vs_vote_classes c = {0};
    majority w = {.classes = &c, .n = p->n};
    vs_status st = vs_vote_classes_open(&c, p, err);

    if (st != VS_OK) return st;
    w.laws = vs_alloc(c.n, sizeof *w.laws);
    w.tables = vs_alloc(2 * (p->n + c.n), sizeof *w.tables);
    w.pool = vs_alloc(p->n + 1, sizeof *w.pool);
    w.rows = vs_alloc(p->n + 2, sizeof *w.rows);
    w.next = vs_alloc(2 * (p->n + 1), sizeof *w.next);
    if (!w.laws || !w.tables || !w.pool || !w.rows || !w.next) {
        st = VS_FAIL(err, VS_E_NOMEM, "majority vote: out of memory for %zu samples", p->n);
        goto done;
    }
    for (size_t a = 0; a < n_ks; a++) {
        w.k = ks[a];
        if (w.k == p->n || c.n == 0) {
            out[a] = full_vote(&c);
        } else if (!subset_vote(&out[a], &w)) {
            st = VS_FAIL(err, VS_E_NOMEM, "majority vote: out of memory for subsets of %zu", w.k);
            goto done;
        }
    }
done:
    vs_vote_classes_close(&c);
    free(w.laws);
    free(w.tables);
    free(w.pool);
    free(w.rows);
    free(w.cells);
    free(w.next);
    return st;
}
