#include "flow/answers/interval.h"

#include <math.h>
#include <stdlib.h>

#include "base/fmath.h"
#include "base/mem.h"

static const double z = 1.959963984540054; /* the normal quantile of 0.975 */

/* Beyond 20 degrees of freedom by the expansion about the normal quantile (Abramowitz and Stegun, 26.7.5). Up
 * to there P(|T| < sqrt(d) tan(a)) is a finite sum of powers of cos(a) (26.7.3 and 26.7.4): halving. */
double vs_student_975(size_t degrees)
{
    const double d = (double)degrees, z2 = z * z;
    const size_t is_odd = degrees & 1;
    double low = 0, high = 1.5707963267948966;

    if (degrees > 20)
        return z * (1 + (z2 + 1) / (4 * d) + ((5 * z2 + 16) * z2 + 3) / (96 * d * d) +
                    (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * d * d * d));
    while (high - low > 1e-13) {
        const double angle = (low + high) / 2, c = vs_cos(angle);
        double term = is_odd ? c : 1, sum = degrees > 1 ? term : 0;
        for (size_t i = 2 + is_odd; i + 1 < degrees; i += 2) {
            term *= c * c * (double)(i - 1) / (double)i;
            sum += term;
        }
        sum *= vs_sin(angle);
        *((is_odd ? (angle + sum) / 1.5707963267948966 : sum) < 0.95 ? &low : &high) = angle;
    }
    return sqrt(d) * vs_sin(low) / vs_cos(low);
}

/* The variance of a mean, in parts, and the quantiles at their degrees of freedom. */
typedef struct spread {
    double seeds, problems; /* of the seeds' means; what the problems that they share add to it */
    double t_seeds, t_problems;
    double n; /* problems; of differences, values */
} spread;

/* Cochran and Cox's quantile (1950) is the mean of the parts' own, weighted by the parts. What the ends add is no
 * part of the weights, so that it never lessens the seeds' quantile. */
static double half_width_squared(const spread *s, double at_end)
{
    const double all = s->seeds + s->problems;
    const double weighted = s->t_seeds * s->seeds + s->t_problems * s->problems;

    return (all > 0 ? weighted * weighted / all : 0) + s->t_problems * s->t_problems * at_end;
}

/* What a problem that is right and one that is wrong by half each would add to the variance: nothing that
 * counts in the middle, all there is at the ends. */
static double end_variance(double value, double n, vs_interval_kind kind, double mean_square)
{
    const double smooth = (n * value + 0.5) / (n + 1);

    if (kind == VS_DIFFERENCE) return (1 - mean_square) / (n * (n + 1));
    return fmax(0, smooth * (1 - smooth) - value * (1 - value)) / (n - 1);
}

static vs_interval make_interval(double value, double mean_square, const spread *s,
                                 vs_interval_kind kind)
{
    const double smooth = (s->n * value + 0.5) / (s->n + 1);
    const double squared = half_width_squared(s, end_variance(value, s->n, kind, mean_square));
    const double half = sqrt(squared), k = squared / (smooth * (1 - smooth));
    const double root = sqrt(fmax(0, k * (value * (1 - value) + k / 4)));

    if (kind == VS_DIFFERENCE)
        return (vs_interval){value, fmax(value - half, -1), fmin(value + half, 1)};
    return (vs_interval){.value = value,
                         .low = fmin(value, fmax(0, (value + k / 2 - root) / (1 + k))),
                         .high = fmax(value, fmin(1, (value + k / 2 + root) / (1 + k)))};
}

static vs_interval whole_range(double value, vs_interval_kind kind)
{
    return (vs_interval){.value = value, .low = kind == VS_SHARE ? 0 : -1, .high = 1};
}

vs_status vs_interval_of_problems(vs_interval *out, const double *values, size_t n_rows,
                                  size_t n_columns, vs_interval_kind kind, vs_error *err)
{
    const double n = (double)n_rows, t = n_rows > 1 ? vs_student_975(n_rows - 1) : 0;

    if (n_rows == 0) return VS_FAIL(err, VS_E_INPUT, "interval: no problems; expected 1 or more");
    for (size_t c = 0; c < n_columns; c++) {
        double sum = 0, squares = 0, deviations = 0;
        for (size_t i = 0; i < n_rows; i++) {
            const double x = values[i * n_columns + c];
            sum += x;
            squares += x * x;
        }
        const double value = sum / n;
        for (size_t i = 0; i < n_rows; i++) {
            const double d = values[i * n_columns + c] - value;
            deviations += d * d;
        }
        const spread s = {
            .problems = n_rows > 1 ? deviations / (n * (n - 1)) : 0, .t_problems = t, .n = n};
        out[c] =
            n_rows > 1 ? make_interval(value, squares / n, &s, kind) : whole_range(value, kind);
    }
    return VS_OK;
}

/* -- seeds -- */

/* What rows of one seed add to sums over problems. */
typedef struct item_sum {
    double
        all; /* of its rows' deviations from their seed's mean, each divided by the seed's rows */
    double squares; /* the squares of that, seed by seed */
} item_sum;

static vs_status seed_mean(double *out, const double *values, size_t begin, size_t end,
                           vs_error *err)
{
    double sum = 0;

    if (end <= begin) return VS_FAIL(err, VS_E_INPUT, "interval: a seed without problems");
    for (size_t i = begin; i < end; i++) sum += values[i];
    *out = sum / (double)(end - begin);
    return VS_OK;
}

/* The mean covariance of two seeds' means, from the problems that both have, is the problems' part. The seeds'
 * part grows by what half an answer of each seed may do, for shares of few answers are often equal by chance. */
static void add_problems(spread *s, item_sum *sums, const double *values, const uint32_t *item,
                         const size_t *begin, const double *mean, size_t n_seeds, size_t n_items)
{
    const double seeds = (double)n_seeds, unbiased = (double)n_items / ((double)n_items - 1);
    double products = 0, squares = 0;

    for (size_t g = 0; g < n_seeds; g++)
        for (size_t i = begin[g]; i < begin[g + 1]; i++) {
            const double d = (values[i] - mean[g]) / (double)(begin[g + 1] - begin[g]);
            sums[item[i]].all += d;
            sums[item[i]].squares += d * d;
        }
    for (size_t i = 0; i < n_items; i++) {
        products += sums[i].all * sums[i].all - sums[i].squares;
        squares += sums[i].all * sums[i].all;
    }
    s->problems = fmax(0, unbiased * products / (seeds * (seeds - 1)));
    s->seeds += unbiased * squares / (4 * seeds * (double)(begin[n_seeds] - begin[0]));
}

vs_status vs_interval_of_seeds(vs_interval *out, const double *values, const uint32_t *item,
                               const size_t *begin, size_t n_seeds, size_t n_items,
                               vs_interval_kind kind, vs_error *err)
{
    item_sum *sums = vs_alloc(n_items, sizeof *sums);
    double *mean = vs_alloc(n_seeds, sizeof *mean), value = 0, squares = 0, between = 0;
    spread s = {0};
    vs_status st = VS_OK;

    if (!sums || !mean || n_seeds == 0) {
        st = n_seeds ? VS_FAIL(err, VS_E_NOMEM, "interval: %zu problems", n_items)
                     : VS_FAIL(err, VS_E_INPUT, "interval: no seeds; expected 1 or more");
        goto done;
    }
    if (n_seeds == 1) {
        st = vs_interval_of_problems(out, values + begin[0], begin[1] - begin[0], 1, kind, err);
        goto done;
    }
    for (size_t g = 0; g < n_seeds; g++) {
        VS_CHECK(seed_mean(&mean[g], values, begin[g], begin[g + 1], err));
        value += mean[g] / (double)n_seeds;
    }
    for (size_t g = 0; g < n_seeds; g++) between += (mean[g] - value) * (mean[g] - value);
    for (size_t i = begin[0]; i < begin[n_seeds]; i++) squares += values[i] * values[i];
    if (n_items == 1) {
        *out = whole_range(value, kind);
        goto done;
    }
    s = (spread){.seeds = between / (double)(n_seeds * (n_seeds - 1)),
                 .t_seeds = vs_student_975(n_seeds - 1),
                 .t_problems = vs_student_975(n_items - 1),
                 .n = (double)(kind == VS_DIFFERENCE ? begin[n_seeds] - begin[0] : n_items)};
    add_problems(&s, sums, values, item, begin, mean, n_seeds, n_items);
    *out = make_interval(value, squares / (double)(begin[n_seeds] - begin[0]), &s, kind);
done:
    free(sums);
    free(mean);
    return st;
}
