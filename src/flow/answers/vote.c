/* vote.c - answer classes and the weighted vote. */
#include "flow/answers/vote.h"

#include <stdlib.h>

#include "base/fmath.h"
#include "base/mem.h"
#include "base/rng.h"

/* Keys of the drawn subsets differ from the bootstrap's by this third part. */
enum { SUBSETS = 1 };

static const double farthest_below = 700; /* exp(-700) is a normal double */
static const double tie_tolerance =
    1e-12; /* a sum of 4096 positive terms is off by less, in any order */

typedef struct class_row {
    size_t count, n_right, number;
} class_row;

static int most_first(const void *a, const void *b)
{
    const class_row *x = a, *y = b;

    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static vs_status count_classes(class_row *rows, vs_vote_classes *out, const vs_metrics_problem *p,
                               vs_error *err)
{
    for (size_t i = 0; i < p->n; i++) rows[i].number = i;
    for (size_t i = 0; i < p->n; i++) {
        const int32_t number = p->classes[i];
        if (number < -1 || number >= (int32_t)p->n)
            return VS_FAIL(err, VS_E_INPUT, "answer class %d of sample %zu; expected -1 to %zu",
                           number, i, p->n - 1);
        if (number < 0) {
            out->n_null++;
            continue;
        }
        rows[number].count++;
        rows[number].n_right += p->right[i] != 0;
    }
    return VS_OK;
}

vs_status vs_vote_classes_open(vs_vote_classes *out, const vs_metrics_problem *p, vs_error *err)
{
    vs_vote_classes c = {.count = vs_alloc(p->n, sizeof *c.count),
                         .right = vs_alloc(p->n, sizeof *c.right),
                         .of = vs_alloc(p->n, sizeof *c.of)};
    class_row *rows = vs_alloc(p->n, sizeof *rows);
    int32_t *place = vs_alloc(p->n, sizeof *place);
    vs_status st = VS_OK;

    if (!c.count || !c.right || !c.of || !rows || !place) {
        st = VS_FAIL(err, VS_E_NOMEM, "votes: out of memory for %zu samples", p->n);
        goto done;
    }
    VS_CHECK(count_classes(rows, &c, p, err));
    qsort(rows, p->n, sizeof *rows, most_first);
    for (; c.n < p->n && rows[c.n].count; c.n++) {
        c.count[c.n] = rows[c.n].count;
        c.right[c.n] = (double)rows[c.n].n_right / (double)rows[c.n].count;
        place[rows[c.n].number] = (int32_t)c.n;
    }
    for (size_t i = 0; i < p->n; i++) c.of[i] = p->classes[i] < 0 ? -1 : place[p->classes[i]];
    *out = c;
    c = (vs_vote_classes){0};
done:
    vs_vote_classes_close(&c);
    free(rows);
    free(place);
    return st;
}

void vs_vote_classes_close(vs_vote_classes *c)
{
    if (!c) return;
    free(c->count);
    free(c->right);
    free(c->of);
    *c = (vs_vote_classes){0};
}

/* -- weighted vote -- */

static double winner_share(const vs_vote_classes *c, const double *sums)
{
    double most = 0, right = 0;
    size_t n_tied = 0;

    for (size_t j = 0; j < c->n; j++)
        if (sums[j] > most) most = sums[j];
    if (most == 0) return 0; /* nobody voted: every weight is positive */
    for (size_t j = 0; j < c->n; j++)
        if (sums[j] >= most * (1 - tie_tolerance)) {
            right += c->right[j];
            n_tied++;
        }
    return right / (double)n_tied;
}

static void fill_weights(double *weights, const vs_metrics_problem *p)
{
    double best = p->scores[0];

    for (size_t i = 1; i < p->n; i++)
        if (p->scores[i] > best) best = p->scores[i];
    for (size_t i = 0; i < p->n; i++) {
        const double below = best - p->scores[i];
        weights[i] = vs_exp(below < farthest_below ? -below : -farthest_below);
    }
}

static int compare_ks(const void *a, const void *b)
{
    const size_t x = **(const size_t *const *)a, y = **(const size_t *const *)b;

    return (x > y) - (x < y);
}

typedef struct weighted_work {
    double *weights, *sums;
    uint32_t *order;
    const size_t **by_k; /* pointers into ks, in rising order of k */
    size_t top;          /* best-scored ones that vote, by their number alone; 0: all, by weight */
    uint32_t *best;      /* [top] those so far, best first */
} weighted_work;

/* Puts sample i among the best so far, behind those of equal score. */
static void add_best(weighted_work *w, const double *scores, uint32_t i, size_t taken)
{
    size_t n = taken < w->top ? taken : w->top, at = n;

    while (at > 0 && scores[w->best[at - 1]] < scores[i]) at--;
    if (at == w->top) return;
    if (n == w->top) n--;
    for (size_t k = n; k > at; k--) w->best[k] = w->best[k - 1];
    w->best[at] = i;
}

/* The vote of those that count among the first `taken` of the order. */
static double trial_share(weighted_work *w, const vs_vote_classes *c, size_t taken)
{
    if (w->top == 0) return winner_share(c, w->sums);
    for (size_t j = 0; j < c->n; j++) w->sums[j] = 0;
    for (size_t i = 0; i < taken && i < w->top; i++)
        if (c->of[w->best[i]] >= 0) w->sums[c->of[w->best[i]]] += 1;
    return winner_share(c, w->sums);
}

/* Adds one permutation's vote at every k to out. */
static void add_trial(double *out, weighted_work *w, const vs_vote_classes *c,
                      const vs_metrics_problem *p, const size_t *ks, size_t n_ks, vs_rng *rng)
{
    const size_t n = p->n;
    size_t taken = 0;

    for (size_t i = 0; i < n; i++) w->order[i] = (uint32_t)i;
    for (size_t j = 0; j < c->n; j++) w->sums[j] = 0;
    vs_rng_shuffle(rng, w->order, n);
    for (size_t a = 0; a < n_ks; a++) {
        for (; taken < *w->by_k[a]; taken++) {
            const int32_t j = c->of[w->order[taken]];
            if (w->top)
                add_best(w, p->scores, w->order[taken], taken);
            else if (j >= 0)
                w->sums[j] += w->weights[w->order[taken]];
        }
        out[w->by_k[a] - ks] += trial_share(w, c, taken);
    }
}

/* One draw is its own winner unless it has no answer. */
static double single_share(const vs_vote_classes *c, size_t n)
{
    double right = 0;

    for (size_t j = 0; j < c->n; j++) right += c->right[j] * (double)c->count[j];
    return right / (double)n;
}

static double full_share(weighted_work *w, const vs_vote_classes *c, const vs_metrics_problem *p)
{
    for (size_t j = 0; j < c->n; j++) w->sums[j] = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        if (w->top)
            add_best(w, p->scores, i, i);
        else if (c->of[i] >= 0)
            w->sums[c->of[i]] += w->weights[i];
    }
    return trial_share(w, c, p->n);
}

static void weighted_values(double *out, weighted_work *w, const vs_vote_classes *c,
                            const vs_metrics_problem *p, const size_t *ks, size_t n_ks)
{
    const vs_rng_key key = vs_rng_key_make(p->key, VS_RNG_BOOTSTRAP, SUBSETS);
    bool needs_trials = false;

    for (size_t a = 0; a < n_ks; a++) {
        w->by_k[a] = &ks[a];
        out[a] = 0;
        needs_trials |= ks[a] != 1 && ks[a] != p->n;
    }
    qsort(w->by_k, n_ks, sizeof *w->by_k, compare_ks);
    fill_weights(w->weights, p);
    for (uint64_t trial = 0; needs_trials && trial < VS_VOTE_TRIALS; trial++) {
        vs_rng rng = vs_rng_stream(key, trial);
        add_trial(out, w, c, p, ks, n_ks, &rng);
    }
    for (size_t a = 0; a < n_ks; a++) {
        out[a] /= VS_VOTE_TRIALS;
        if (ks[a] == 1) out[a] = single_share(c, p->n);
        if (ks[a] == p->n) out[a] = full_share(w, c, p);
    }
}

static vs_status vote_at(double *out, const vs_metrics_problem *p, size_t top, const size_t *ks,
                         size_t n_ks, vs_error *err)
{
    vs_vote_classes c = {0};
    weighted_work w = {.weights = vs_alloc(p->n, sizeof *w.weights),
                       .sums = vs_alloc(p->n, sizeof *w.sums),
                       .order = vs_alloc(p->n, sizeof *w.order),
                       .by_k = vs_alloc(n_ks, sizeof *w.by_k),
                       .best = vs_alloc(top < p->n ? top : p->n, sizeof *w.best),
                       .top = top < p->n ? top : p->n};
    vs_status st;

    if (!w.weights || !w.sums || !w.order || !w.by_k || !w.best) {
        st = VS_FAIL(err, VS_E_NOMEM, "weighted vote: out of memory for %zu samples", p->n);
        goto done;
    }
    VS_CHECK(vs_vote_classes_open(&c, p, err));
    weighted_values(out, &w, &c, p, ks, n_ks);
done:
    vs_vote_classes_close(&c);
    free(w.weights);
    free(w.sums);
    free(w.order);
    free(w.by_k);
    free(w.best);
    return st;
}

vs_status vs_weighted_at(double *out, const vs_metrics_problem *p, const size_t *ks, size_t n_ks,
                         vs_error *err)
{
    return vote_at(out, p, 0, ks, n_ks, err);
}

vs_status vs_top_vote_at(double *out, const vs_metrics_problem *p, size_t top, const size_t *ks,
                         size_t n_ks, vs_error *err)
{
    return vote_at(out, p, top, ks, n_ks, err);
}
