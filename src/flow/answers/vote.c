/* vote.c - the answer classes of a problem, and the rule by which they win. */
#include "flow/answers/vote.h"

#include <stdlib.h>

#include "base/fmath.h"
#include "base/mem.h"

static const double farthest_below = 700; /* exp(-700) is a normal double */

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

double vs_vote_share(const vs_vote_classes *c, const double *sums)
{
    double most = 0, right = 0;
    size_t n_tied = 0;

    for (size_t j = 0; j < c->n; j++)
        if (sums[j] > most) most = sums[j];
    if (most == 0) return 0; /* nobody voted: every weight is positive */
    for (size_t j = 0; j < c->n; j++)
        if (sums[j] >= most * (1 - VS_VOTE_TIE)) {
            right += c->right[j];
            n_tied++;
        }
    return right / (double)n_tied;
}

double vs_vote_weight(double score, double best)
{
    const double below = best - score;

    return vs_exp(below < farthest_below ? -below : -farthest_below);
}

vs_status vs_vote_winner(vs_vote_choice *out, const vs_metrics_problem *p, bool is_weighted,
                         vs_error *err)
{
    vs_vote_classes c = {0};
    double *sums = vs_alloc(p->n, sizeof *sums), best = 0, most = 0;
    vs_vote_choice w = {.sample = SIZE_MAX};
    vs_status st;

    if (!sums) {
        st = VS_FAIL(err, VS_E_NOMEM, "votes: out of memory for %zu samples", p->n);
        goto done;
    }
    VS_CHECK(vs_vote_classes_open(&c, p, err));
    for (size_t i = 0; p->scores && i < p->n; i++)
        if (i == 0 || p->scores[i] > best) best = p->scores[i];
    for (size_t i = 0; i < p->n; i++)
        if (c.of[i] >= 0) sums[c.of[i]] += is_weighted ? vs_vote_weight(p->scores[i], best) : 1.0;
    for (size_t j = 0; j < c.n; j++)
        if (sums[j] > most) most = sums[j];
    for (size_t i = 0; i < p->n; i++) {
        const int32_t j = c.of[i];
        if (j < 0 || sums[j] < most * (1 - VS_VOTE_TIE)) continue;
        w.is_tied |= w.sample != SIZE_MAX && j != c.of[w.sample];
        if (w.sample == SIZE_MAX || (p->scores && p->scores[i] > p->scores[w.sample])) w.sample = i;
    }
    if (w.sample != SIZE_MAX) w.count = c.count[c.of[w.sample]];
    *out = w;
done:
    vs_vote_classes_close(&c);
    free(sums);
    return st;
}
