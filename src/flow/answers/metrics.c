#include "flow/answers/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/answers/vote.h"

const char *vs_curve_name(vs_curve curve)
{
    static const char *const names[VS_CURVES] = {"pass", "best_of", "majority", "weighted",
                                                 "top_vote"};

    return names[curve];
}

/* pass@k = 1 - C(n-c,k)/C(n,k) = 1 - prod over j = n-c+1..n of (1 - k/j); 1 when fewer than k are
 * wrong. Source: arXiv:2107.03374, eq. 1 and figure 3. */
void vs_pass_at(double *out, const vs_metrics_problem *p, const size_t *ks, size_t n_ks)
{
    size_t n_right = 0;

    for (size_t i = 0; i < p->n; i++) n_right += p->right[i] != 0;
    for (size_t a = 0; a < n_ks; a++) {
        double all_wrong = 1;
        for (size_t j = p->n - n_right + 1; j <= p->n; j++)
            all_wrong *= 1 - (double)ks[a] / (double)j;
        out[a] = p->n - n_right < ks[a] ? 1 : 1 - all_wrong;
    }
}

typedef struct ranked {
    double score, right;
} ranked;

static int best_first(const void *a, const void *b)
{
    const double x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;

    return (x < y) - (x > y);
}

/* Gives every member of a block of equal scores the block's mean. */
static void share_ties(ranked *items, size_t n)
{
    for (size_t first = 0, after; first < n; first = after) {
        double sum = 0;
        for (after = first; after < n && items[after].score == items[first].score; after++)
            sum += items[after].right;
        for (size_t i = first; i < after; i++) items[i].right = sum / (double)(after - first);
    }
}

/* best_of(k) = sum over i = 0..N-k of C(N-1-i, k-1)/C(N,k) * a_i, candidates by falling score, a_i
 * the mean label of i's block of equal scores. The weights come by w_0 = k/N, w_(i+1) = w_i
 * (N-i-k)/(N-i-1). Source: arXiv:2402.06457v2, eq. 3, with the last term's index and the ties put
 * right. */
vs_status vs_best_of(double *out, const vs_metrics_problem *p, const size_t *ks, size_t n_ks,
                     vs_error *err)
{
    ranked *items = vs_alloc(p->n, sizeof *items);

    if (!items) return VS_FAIL(err, VS_E_NOMEM, "best of k: out of memory for %zu samples", p->n);
    for (size_t i = 0; i < p->n; i++)
        items[i] = (ranked){.score = p->scores[i], .right = p->right[i] != 0};
    qsort(items, p->n, sizeof *items, best_first);
    share_ties(items, p->n);
    for (size_t a = 0; a < n_ks; a++) {
        double weight = (double)ks[a] / (double)p->n;
        out[a] = 0;
        for (size_t i = 0; i + ks[a] <= p->n; i++) {
            out[a] += weight * items[i].right;
            if (i + 1 < p->n) weight *= (double)(p->n - i - ks[a]) / (double)(p->n - i - 1);
        }
    }
    free(items);
    return VS_OK;
}

/* -- many problems -- */

static vs_status check_problem(const vs_metrics_problem *p, size_t index, vs_error *err)
{
    if (p->n == 0) return VS_FAIL(err, VS_E_INPUT, "problem %zu has no samples", index + 1);
    if (p->n > VS_METRICS_MAX_SAMPLES)
        return VS_FAIL(err, VS_E_LIMIT, "problem %zu has %zu samples; at most %d are measured",
                       index + 1, p->n, VS_METRICS_MAX_SAMPLES);
    for (size_t i = 0; p->scores && i < p->n; i++)
        if (!isfinite(p->scores[i]))
            return VS_FAIL(err, VS_E_INPUT,
                           "problem %zu: the score of sample %zu is not a finite number", index + 1,
                           i + 1);
    return VS_OK;
}

static size_t smallest_n(const vs_metrics_problem *problems, size_t n_problems)
{
    size_t least = problems[0].n;

    for (size_t i = 1; i < n_problems; i++)
        if (problems[i].n < least) least = problems[i].n;
    return least;
}

/* Copies ks, or makes the powers of two up to `least` and `least` itself. */
static vs_status choose_ks(vs_metrics *m, size_t least, const size_t *ks, size_t n_ks,
                           vs_error *err)
{
    enum { MOST_POWERS = 64 };

    m->ks = vs_alloc(ks ? n_ks : MOST_POWERS, sizeof *m->ks);
    if (!m->ks) return VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory for %zu ks", n_ks);
    for (size_t a = 0; ks && a < n_ks; a++) {
        if (ks[a] == 0 || ks[a] > least)
            return VS_FAIL(err, VS_E_INPUT,
                           "k = %zu cannot be measured; expected 1 to %zu, the smallest number of "
                           "samples of a problem",
                           ks[a], least);
        m->ks[m->n_ks++] = ks[a];
    }
    for (size_t k = 1; !ks && k < least; k *= 2) m->ks[m->n_ks++] = k;
    if (!ks) m->ks[m->n_ks++] = least;
    return VS_OK;
}

static vs_status allocate(vs_metrics *m, vs_error *err)
{
    const size_t n_columns = (size_t)VS_CURVES * m->n_ks;
    size_t n_values;

    if (!__builtin_mul_overflow(m->n_problems, n_columns, &n_values))
        m->values = vs_alloc(n_values, sizeof *m->values);
    m->points = vs_alloc(n_columns, sizeof *m->points);
    m->errors = vs_alloc(n_columns, sizeof *m->errors);
    if (m->values && m->points && m->errors) return VS_OK;
    return VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory for %zu problems at %zu ks",
                   m->n_problems, m->n_ks);
}

/* m->errors gathers variances until all problems are measured; errors: [VS_CURVES][n_ks], zeroed. */
static vs_status measure_problem(vs_metrics *m, size_t index, const vs_metrics_problem *p,
                                 double *errors, vs_error *err)
{
    double *values = m->values + index * VS_CURVES * m->n_ks;
    double *weighted = errors + VS_CURVE_WEIGHTED * m->n_ks, *top = errors + VS_CURVE_TOP * m->n_ks;

    vs_pass_at(values + VS_CURVE_PASS * m->n_ks, p, m->ks, m->n_ks);
    if (m->has[VS_CURVE_BEST_OF])
        VS_TRY(vs_best_of(values + VS_CURVE_BEST_OF * m->n_ks, p, m->ks, m->n_ks, err));
    if (m->has[VS_CURVE_MAJORITY])
        VS_TRY(vs_majority_at(values + VS_CURVE_MAJORITY * m->n_ks, p, m->ks, m->n_ks, err));
    if (m->has[VS_CURVE_WEIGHTED])
        VS_TRY(vs_weighted_at(values + VS_CURVE_WEIGHTED * m->n_ks, weighted, p, m->ks, m->n_ks,
                              VS_VOTE_LEAVES, err));
    if (m->has[VS_CURVE_TOP])
        VS_TRY(vs_top_vote_at(values + VS_CURVE_TOP * m->n_ks, top, p, m->top, m->ks, m->n_ks,
                              VS_VOTE_TOP_WORK, err));
    for (size_t a = 0; a < VS_CURVES * m->n_ks; a++) m->errors[a] += errors[a] * errors[a];
    return VS_OK;
}

/* Half a curve is no curve, and a vote in which nobody can vote is none: code, or a grader that names no
 * answers. */
static bool has_votes(const vs_metrics_problem *problems, size_t n_problems)
{
    bool has_answer = false;

    for (size_t i = 0; i < n_problems; i++) {
        if (!problems[i].classes) return false;
        for (size_t j = 0; j < problems[i].n; j++) has_answer |= problems[i].classes[j] >= 0;
    }
    return has_answer;
}

vs_status vs_metrics_measure(vs_metrics *out, const vs_metrics_problem *problems, size_t n_problems,
                             const size_t *ks, size_t n_ks, size_t top, vs_error *err)
{
    vs_metrics m = {.n_problems = n_problems, .top = top};
    bool has_scores = true, has_classes;
    double *errors = NULL;
    vs_status st;

    if (n_problems == 0) return VS_FAIL(err, VS_E_INPUT, "no problems to measure");
    for (size_t i = 0; i < n_problems; i++) {
        VS_CHECK(check_problem(&problems[i], i, err));
        has_scores &= problems[i].scores != NULL;
    }
    has_classes = has_votes(problems, n_problems);
    m.has[VS_CURVE_PASS] = true;
    m.has[VS_CURVE_BEST_OF] = has_scores;
    m.has[VS_CURVE_MAJORITY] = has_classes;
    m.has[VS_CURVE_WEIGHTED] = has_scores && has_classes;
    m.has[VS_CURVE_TOP] = has_scores && has_classes && top > 0;
    VS_CHECK(choose_ks(&m, smallest_n(problems, n_problems), ks, n_ks, err));
    VS_CHECK(allocate(&m, err));
    errors = vs_alloc(VS_CURVES * m.n_ks, sizeof *errors);
    if (!errors) {
        st = VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory for %zu ks", m.n_ks);
        goto done;
    }
    for (size_t i = 0; i < n_problems; i++)
        VS_CHECK(measure_problem(&m, i, &problems[i], errors, err));
    for (size_t a = 0; a < VS_CURVES * m.n_ks; a++)
        m.errors[a] = sqrt(m.errors[a]) / (double)n_problems;
    VS_CHECK(
        vs_interval_of_problems(m.points, m.values, n_problems, VS_CURVES * m.n_ks, VS_SHARE, err));
    *out = m;
    m = (vs_metrics){0};
done:
    free(errors);
    vs_metrics_free(&m);
    return st;
}

void vs_metrics_free(vs_metrics *m)
{
    if (!m) return;
    free(m->ks);
    free(m->values);
    free(m->points);
    free(m->errors);
    *m = (vs_metrics){0};
}

/* Column of (curve, k) in a problem's row of values; n_ks * VS_CURVES when it was not measured. */
static size_t find_column(const vs_metrics *m, vs_curve curve, size_t k)
{
    for (size_t a = 0; m->has[curve] && a < m->n_ks; a++)
        if (m->ks[a] == k) return curve * m->n_ks + a;
    return VS_CURVES * m->n_ks;
}

const vs_interval *vs_metrics_point(const vs_metrics *m, vs_curve curve, size_t k)
{
    const size_t column = find_column(m, curve, k);

    return column < VS_CURVES * m->n_ks ? &m->points[column] : NULL;
}

double vs_metrics_error(const vs_metrics *m, vs_curve curve, size_t k)
{
    const size_t column = find_column(m, curve, k);

    return column < VS_CURVES * m->n_ks ? m->errors[column] : 0;
}

void vs_metrics_each(double *out, vs_metrics_at a)
{
    const size_t width = VS_CURVES * a.m->n_ks, column = find_column(a.m, a.curve, a.k);

    for (size_t i = 0; i < a.m->n_problems; i++) out[i] = a.m->values[i * width + column];
}

vs_status vs_metrics_difference(vs_interval *out, vs_metrics_at a, vs_metrics_at b, vs_error *err)
{
    const size_t n = a.m->n_problems, width_a = VS_CURVES * a.m->n_ks,
                 width_b = VS_CURVES * b.m->n_ks;
    const size_t at_a = find_column(a.m, a.curve, a.k), at_b = find_column(b.m, b.curve, b.k);
    double *rows;
    vs_status st;

    if (n != b.m->n_problems)
        return VS_FAIL(err, VS_E_INPUT,
                       "a paired difference needs the same problems; found %zu and %zu", n,
                       b.m->n_problems);
    if (at_a == width_a)
        return VS_FAIL(err, VS_E_INPUT, "a paired difference: %s was not measured at k = %zu",
                       vs_curve_name(a.curve), a.k);
    if (at_b == width_b)
        return VS_FAIL(err, VS_E_INPUT, "a paired difference: %s was not measured at k = %zu",
                       vs_curve_name(b.curve), b.k);
    rows = vs_alloc(n, sizeof *rows);
    if (!rows) return VS_FAIL(err, VS_E_NOMEM, "difference: out of memory for %zu problems", n);
    for (size_t i = 0; i < n; i++)
        rows[i] = a.m->values[i * width_a + at_a] - b.m->values[i * width_b + at_b];
    st = vs_interval_of_problems(out, rows, n, 1, VS_DIFFERENCE, err);
    free(rows);
    return st;
}
