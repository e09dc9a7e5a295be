/* vote_weighted.c - the expectation of a weighted vote over a uniform k-subset, by branch and bound.
 *
 * Samples of equal score and class are a group, of which only the number taken matters. A node of the
 * search has decided the first groups by falling weight; its children take m = 0, 1, .. of the next one,
 * with the hypergeometric probability of that. A node is a leaf
 *   - when nothing is left to choose, or
 *   - when all answers that can still win are equally right: those whose sum, with the heaviest of their
 *     samples that may yet be taken, reaches the leader's.
 * Every other node has two children or more, so that the leaves are never more than the subsets.
 *
 * Beyond its budget the search starts again with a smaller one, always splitting the likeliest node, and
 * draws two subsets in every node that is then still open: the mean over strata, whose variance is the
 * sum of P(node)^2 (x1 - x2)^2 / 4 (Cochran, Sampling Techniques, section 5A.12). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "flow/answers/vote.h"

/* Keys of the drawn subsets have this third part. */
enum { SUBSETS = 1 };

typedef struct group {
    double score, weight;
    int32_t class;       /* place in the classes; -1: no answer */
    size_t count, first; /* first: its first sample, by falling weight */
} group;

typedef struct node {
    double p;
    uint32_t parent, depth, taken; /* depth: groups decided; taken: of the last one of these */
    uint32_t left;                 /* samples yet to be taken */
} node;

typedef struct search {
    vs_vote_classes c;
    group *groups; /* those without an answer are the last */
    size_t n_groups, n_voting, n;
    double *tail;   /* [n_groups] weight of this and later groups of the same class */
    int32_t *next;  /* [n_groups] the class's next group; -1: none */
    int32_t *first; /* [classes] */
    int32_t *at;    /* [classes] of the node being looked at: the first group left */
    double *sums, *trial;
    uint32_t *place; /* [n] sample -> group */
    uint32_t *open;
    node *nodes;
    size_t n_nodes, n_open, n_leaves;
    double value;
} search;

static int heaviest_first(const void *a, const void *b)
{
    const group *x = a, *y = b;

    if ((x->class < 0) != (y->class < 0)) return x->class < 0 ? 1 : -1;
    if (x->class >= 0 && x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->class > y->class) - (x->class < y->class);
}

/* Sorts the samples and makes those that are alike one group; 700 below the best is as far as it goes. */
static void fill_groups(search *s, const vs_metrics_problem *p)
{
    double best = p->scores[0];

    for (size_t i = 1; i < p->n; i++)
        if (p->scores[i] > best) best = p->scores[i];
    for (size_t i = 0; i < p->n; i++)
        s->groups[i] = (group){.score = p->scores[i],
                               .weight = vs_vote_weight(p->scores[i], best),
                               .class = s->c.of[i],
                               .count = 1};
    qsort(s->groups, p->n, sizeof *s->groups, heaviest_first);
    for (size_t i = 0; i < p->n; i++) {
        const group x = s->groups[i];
        group *last = s->n_groups ? &s->groups[s->n_groups - 1] : NULL;
        if (last && last->class == x.class && (x.class < 0 || last->weight == x.weight)) {
            last->count++;
        } else {
            last = &s->groups[s->n_groups++];
            *last = x;
            last->first = i;
            s->n_voting += x.class >= 0;
        }
        s->place[i] = (uint32_t)(last - s->groups);
    }
}

/* What bounds need: each class's groups in order, and the weight from each of them on. */
static void link_classes(search *s)
{
    for (size_t j = 0; j < s->c.n; j++) s->first[j] = -1;
    for (size_t g = s->n_voting; g-- > 0;) {
        const group *x = &s->groups[g];
        const int32_t next = s->first[x->class];
        s->tail[g] = x->weight * (double)x->count + (next < 0 ? 0 : s->tail[next]);
        s->next[g] = next;
        s->first[x->class] = (int32_t)g;
    }
}

/* Sums of the node's path into s->sums, and the first group that each class has left. */
static void look_at(search *s, const node *x)
{
    for (size_t j = 0; j < s->c.n; j++) s->sums[j] = 0;
    memcpy(s->at, s->first, s->c.n * sizeof *s->at);
    for (const node *y = x; y->depth > 0; y = &s->nodes[y->parent]) {
        const group *g = &s->groups[y->depth - 1];
        if (g->class < 0) continue;
        s->sums[g->class] += g->weight * (double)y->taken;
        if (s->at[g->class] >= 0 && s->at[g->class] < (int32_t)x->depth)
            s->at[g->class] = s->next[y->depth - 1]; /* the deepest of the class comes first */
    }
}

/* No subset of `left` samples adds more to class j. Neither bound subtracts, so that none is too low. */
static double reach(const search *s, size_t j, size_t left)
{
    const int32_t g = s->at[j];

    if (g < 0) return s->sums[j];
    return s->sums[j] + fmin(s->tail[g], s->groups[g].weight * (double)left);
}

static size_t samples_left(const search *s, const node *x)
{
    return x->depth < s->n_groups ? s->n - s->groups[x->depth].first : 0;
}

/* The probability that all of `left` out of `rest` are among those without an answer. */
static double silent(const search *s, size_t rest, size_t left)
{
    double p = 1;

    for (size_t i = 0; i < left; i++)
        p *= i < s->c.n_null ? (double)(s->c.n_null - i) / (double)(rest - i) : 0;
    return p;
}

/* Whether the node is a leaf, and then its value. */
static bool is_decided(double *value, search *s, const node *x)
{
    const size_t rest = samples_left(s, x);
    double most = 0, right = -1;

    look_at(s, x);
    if (x->left == 0 || x->left == rest || x->depth + 1 >= s->n_groups) {
        for (size_t g = x->depth, left = x->left; left > 0 && g < s->n_voting; g++) {
            const size_t taken = left < s->groups[g].count ? left : s->groups[g].count;
            s->sums[s->groups[g].class] += s->groups[g].weight * (double)taken;
            left -= taken;
        }
        *value = vs_vote_share(&s->c, s->sums);
        return true;
    }
    for (size_t j = 0; j < s->c.n; j++)
        if (s->sums[j] > most) most = s->sums[j];
    for (size_t j = 0; j < s->c.n; j++) {
        if (reach(s, j, x->left) < most * (1 - 2 * VS_VOTE_TIE)) continue;
        if (right >= 0 && s->c.right[j] != right) return false;
        right = s->c.right[j];
    }
    *value = most > 0 ? right : right * (1 - silent(s, rest, x->left));
    return true;
}

static void add_node(search *s, node x)
{
    double value;

    s->n_leaves++;
    s->nodes[s->n_nodes] = x;
    if (is_decided(&value, s, &x))
        s->value += x.p * value;
    else
        s->open[s->n_open++] = (uint32_t)s->n_nodes;
    s->n_nodes++;
}

/* How many of a group of `count` are taken when `left` of `rest` are: [low, low + n) with weights. The
 * ratio of neighbours is h(m+1)/h(m) = (c-m)(r-m) / ((m+1)(R-c-r+m+1)). */
static size_t fill_taken(double *h, size_t *low, size_t count, size_t rest, size_t left)
{
    const size_t others = rest - count, from = left > others ? left - others : 0,
                 to = left < count ? left : count;
    const size_t mode = (size_t)((double)(left + 1) * (double)(count + 1) / (double)(rest + 2));
    const size_t middle = mode < from ? from : mode > to ? to : mode;
    double sum = 0;

    h[middle - from] = 1;
    for (size_t m = middle; m < to; m++)
        h[m + 1 - from] = h[m - from] * (double)(count - m) * (double)(left - m) /
                          ((double)(m + 1) * (double)(others + m + 1 - left));
    for (size_t m = middle; m > from; m--)
        h[m - 1 - from] = h[m - from] * (double)m * (double)(others + m - left) /
                          ((double)(count - m + 1) * (double)(left - m + 1));
    for (size_t m = from; m <= to; m++) sum += h[m - from];
    for (size_t m = from; m <= to; m++) h[m - from] /= sum;
    *low = from;
    return to - from + 1;
}

/* Splits nodes until none is open or there would be more than `most` leaves; true: none is. */
static bool split_all(search *s, size_t k, size_t most, bool likeliest_first, double *h)
{
    s->n_nodes = s->n_open = s->n_leaves = 0;
    s->value = 0;
    add_node(s, (node){.p = 1, .left = (uint32_t)k});
    while (s->n_open) {
        size_t pick = s->n_open - 1, low, n;
        for (size_t i = 0; likeliest_first && i < s->n_open; i++)
            if (s->nodes[s->open[i]].p > s->nodes[s->open[pick]].p) pick = i;
        const uint32_t parent = s->open[pick];
        const node x = s->nodes[parent];
        n = fill_taken(h, &low, s->groups[x.depth].count, samples_left(s, &x), x.left);
        if (s->n_leaves - 1 + n > most) return false;
        s->open[pick] = s->open[--s->n_open];
        s->n_leaves--;
        for (size_t m = 0; m < n; m++)
            add_node(s, (node){.p = x.p * h[m],
                               .parent = parent,
                               .depth = x.depth + 1,
                               .taken = (uint32_t)(low + m),
                               .left = x.left - (uint32_t)(low + m)});
    }
    return true;
}

/* The vote of one subset drawn in a node; order holds all samples and is left as it was. */
static double draw(search *s, const node *x, uint32_t *order, uint32_t *swapped, vs_rng *rng)
{
    const size_t first = s->groups[x->depth].first;

    memcpy(s->trial, s->sums, s->c.n * sizeof *s->trial);
    for (size_t i = 0; i < x->left; i++) {
        const size_t at = first + i, with = at + vs_rng_below(rng, (uint32_t)(s->n - at));
        const uint32_t sample = order[with];
        const group *g = &s->groups[s->place[sample]];
        order[with] = order[at];
        order[at] = sample;
        swapped[i] = (uint32_t)with;
        if (g->class >= 0) s->trial[g->class] += g->weight;
    }
    for (size_t i = x->left; i-- > 0;) {
        const uint32_t sample = order[first + i];
        order[first + i] = order[swapped[i]];
        order[swapped[i]] = sample;
    }
    return vs_vote_share(&s->c, s->trial);
}

static void draw_open(double *error, search *s, uint32_t *order, uint32_t *swapped, vs_rng *rng)
{
    double variance = 0;

    for (size_t i = 0; i < s->n; i++) order[i] = (uint32_t)i;
    for (size_t i = 0; i < s->n_open; i++) {
        const node *x = &s->nodes[s->open[i]];
        look_at(s, x);
        const double a = draw(s, x, order, swapped, rng), b = draw(s, x, order, swapped, rng);
        s->value += x->p * (a + b) / 2;
        variance += x->p * x->p * (a - b) * (a - b) / 4;
    }
    *error = sqrt(variance);
}

static void search_free(search *s)
{
    vs_vote_classes_close(&s->c);
    free(s->groups);
    free(s->tail);
    free(s->next);
    free(s->first);
    free(s->at);
    free(s->sums);
    free(s->trial);
    free(s->place);
    free(s->open);
    free(s->nodes);
}

static vs_status search_open(search *s, const vs_metrics_problem *p, size_t leaves, vs_error *err)
{
    const size_t n = p->n, most = leaves > VS_VOTE_OPEN ? leaves : VS_VOTE_OPEN;

    VS_TRY(vs_vote_classes_open(&s->c, p, err));
    s->n = n;
    s->groups = vs_alloc(n, sizeof *s->groups);
    s->tail = vs_alloc(n, sizeof *s->tail);
    s->next = vs_alloc(n, sizeof *s->next);
    s->first = vs_alloc(n, sizeof *s->first);
    s->at = vs_alloc(n, sizeof *s->at);
    s->sums = vs_alloc(n, sizeof *s->sums);
    s->trial = vs_alloc(n, sizeof *s->trial);
    s->place = vs_alloc(n, sizeof *s->place);
    s->open = vs_alloc(most + 1, sizeof *s->open);
    s->nodes = vs_alloc(2 * most + 2, sizeof *s->nodes);
    if (!s->groups || !s->tail || !s->next || !s->first || !s->at || !s->sums || !s->trial ||
        !s->place || !s->open || !s->nodes)
        return VS_FAIL(err, VS_E_NOMEM, "weighted vote: out of memory for %zu samples", n);
    fill_groups(s, p);
    link_classes(s);
    return VS_OK;
}

vs_status vs_weighted_at(double *out, double *error, const vs_metrics_problem *p, const size_t *ks,
                         size_t n_ks, size_t leaves, vs_error *err)
{
    const vs_rng_key key = vs_rng_key_make(p->key, VS_RNG_BOOTSTRAP, SUBSETS);
    search s = {0};
    uint32_t *order = vs_alloc(p->n, sizeof *order), *swapped = vs_alloc(p->n, sizeof *swapped);
    double *h = vs_alloc(p->n + 1, sizeof *h);
    vs_status st;

    if (!order || !swapped || !h) {
        st = VS_FAIL(err, VS_E_NOMEM, "weighted vote: out of memory for %zu samples", p->n);
        goto done;
    }
    VS_CHECK(search_open(&s, p, leaves, err));
    for (size_t a = 0; a < n_ks; a++) {
        vs_rng rng = vs_rng_stream(key, ks[a]);
        error[a] = 0;
        if (!split_all(&s, ks[a], leaves, false, h) && !split_all(&s, ks[a], VS_VOTE_OPEN, true, h))
            draw_open(&error[a], &s, order, swapped, &rng);
        out[a] = s.value;
    }
done:
    search_free(&s);
    free(order);
    free(swapped);
    free(h);
    return st;
}
