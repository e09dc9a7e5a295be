#include "flow/answers/calibration.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/fmath.h"
#include "base/mem.h"

enum { NEWTON_STEPS = 30 };
static const double ridge = 1e-6; /* keeps the fit finite where a score tells all */

typedef struct data {
    const int64_t *problem;
    const uint8_t *right;
    const double *score, *length;
    size_t n;
} data;

static size_t problem_end(const data *d, size_t begin)
{
    size_t end = begin;

    while (end < d->n && d->problem[end] == d->problem[begin]) end++;
    return end;
}

/* -- order -- */

static void add_auc(vs_calibration *out, const data *d, size_t begin, size_t end, double *sum)
{
    double above = 0;
    size_t pairs = 0;

    for (size_t i = begin; i < end; i++)
        for (size_t j = begin; d->right[i] && j < end; j++) {
            if (d->right[j]) continue;
            above += d->score[i] > d->score[j] ? 1.0 : d->score[i] == d->score[j] ? 0.5 : 0.0;
            pairs++;
        }
    if (pairs == 0) return;
    *sum += above / (double)pairs;
    out->n_auc++;
}

/* -- probabilities -- */

typedef struct platt {
    double mean, sd, a, b;
} platt;

static double probability(const platt *p, double score)
{
    return vs_sigmoid(p->a * ((score - p->mean) / p->sd) + p->b);
}

/* Samples of every second problem, from the first (fold 0) or the second on. */
static bool in_fold(size_t problem, int fold)
{
    return problem % 2 == (size_t)fold;
}

static void standardise(platt *p, const data *d, const size_t *number, int fold)
{
    double sum = 0, squares = 0;
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++) {
        if (!in_fold(number[i], fold)) continue;
        sum += d->score[i];
        squares += d->score[i] * d->score[i];
        n++;
    }
    p->mean = n ? sum / (double)n : 0;
    p->sd = n ? sqrt(fmax(squares / (double)n - p->mean * p->mean, 0)) : 0;
    if (!(p->sd > 0)) p->sd = 1;
}

/* Logistic regression of right on the score by Newton's method. */
static platt fit(const data *d, const size_t *number, int fold)
{
    platt p = {.a = 0, .b = 0};

    standardise(&p, d, number, fold);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double ga = ridge * p.a, gb = ridge * p.b, haa = ridge, hab = 0, hbb = ridge;
        for (size_t i = 0; i < d->n; i++) {
            if (!in_fold(number[i], fold)) continue;
            const double x = (d->score[i] - p.mean) / p.sd, q = probability(&p, d->score[i]);
            const double off = q - (d->right[i] ? 1.0 : 0.0), w = q * (1 - q);
            ga += off * x, gb += off;
            haa += w * x * x, hab += w * x, hbb += w;
        }
        const double det = haa * hbb - hab * hab;
        if (!(det > 0)) break;
        p.a -= (hbb * ga - hab * gb) / det;
        p.b -= (haa * gb - hab * ga) / det;
    }
    return p;
}

static void add_probability(vs_calibration *out, double p, bool right)
{
    const double y = right ? 1.0 : 0.0;
    const int place = (int)(p * VS_CALIBRATION_BINS);
    const int bin = place >= VS_CALIBRATION_BINS ? VS_CALIBRATION_BINS - 1 : place;

    out->brier += (p - y) * (p - y);
    out->bin[bin].p += p;
    out->bin[bin].right += y;
    out->bin[bin].n++;
}

static void measure_probabilities(vs_calibration *out, const data *d, const size_t *number)
{
    const platt of_fold[2] = {fit(d, number, 1), fit(d, number, 0)}; /* fitted on the other half */
    double right = 0;

    for (size_t i = 0; i < d->n; i++) {
        add_probability(out, probability(&of_fold[number[i] % 2], d->score[i]), d->right[i] != 0);
        right += d->right[i] != 0;
    }
    out->brier /= (double)d->n;
    right /= (double)d->n;
    out->brier_base = right * (1 - right);
    for (int b = 0; b < VS_CALIBRATION_BINS; b++) {
        if (out->bin[b].n == 0) continue;
        out->bin[b].p /= (double)out->bin[b].n;
        out->bin[b].right /= (double)out->bin[b].n;
    }
}

/* -- length -- */

typedef struct moments {
    double xy, xx, yy;
} moments;

static void add_moments(moments *m, const double *x, const double *y, size_t n)
{
    double mean_x = 0, mean_y = 0;

    for (size_t i = 0; i < n; i++) mean_x += x[i] / (double)n, mean_y += y[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        m->xy += (x[i] - mean_x) * (y[i] - mean_y);
        m->xx += (x[i] - mean_x) * (x[i] - mean_x);
        m->yy += (y[i] - mean_y) * (y[i] - mean_y);
    }
}

static double correlation(const moments *m)
{
    return m->xx > 0 && m->yy > 0 ? m->xy / sqrt(m->xx * m->yy) : NAN;
}

vs_status vs_calibrate(vs_calibration *out, const int64_t *problem, const uint8_t *right,
                       const double *score, const double *length, size_t n, vs_error *err)
{
    const data d = {problem, right, score, length, n};
    vs_calibration c = {.n_samples = n};
    size_t *number = vs_alloc(n, sizeof *number);
    double *y = vs_alloc(n, sizeof *y), auc = 0;
    moments by_score = {0}, by_right = {0};
    vs_status st = VS_OK;

    if (!number || !y) {
        st = VS_FAIL(err, VS_E_NOMEM, "calibration of %zu samples", n);
        goto done;
    }
    for (size_t i = 0, end; i < n; i = end) {
        end = problem_end(&d, i);
        for (size_t k = i; k < end; k++) number[k] = c.n_problems, y[k] = right[k] != 0;
        add_auc(&c, &d, i, end, &auc);
        add_moments(&by_score, length + i, score + i, end - i);
        add_moments(&by_right, length + i, y + i, end - i);
        c.n_problems++;
    }
    if (c.n_problems < 2) {
        st = VS_FAIL(err, VS_E_INPUT, "calibration: found %zu problems, expected two and more",
                     c.n_problems);
        goto done;
    }
    c.auc = c.n_auc ? auc / (double)c.n_auc : NAN;
    c.score_length = correlation(&by_score);
    c.right_length = correlation(&by_right);
    measure_probabilities(&c, &d, number);
    *out = c;
done:
    free(number);
    free(y);
    return st;
}
