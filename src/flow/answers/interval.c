#include "flow/answers/interval.h"

#include <math.h>
#include <stdlib.h>

#include "base/fmath.h"
#include "base/mem.h"

static const double z = 1.959963984540054; /* the normal quantile of 0.975 */

/* t = sqrt(d) tan(a) has the density cos(a)^(d - 1) over the angle, up to a constant: the angle below which
 * 95 % of it lies is found by adding up, and within the last step by a straight line. Beyond 20 degrees
 * of freedom by the expansion about the normal quantile (Abramowitz and Stegun, 26.7.5). */
double vs_student_975(double d)
{
    enum { STEPS = 1024 };
    const double width = 1.5707963267948966 / STEPS, z2 = z * z;
    double step[STEPS], total = 0, sum = 0;
    int i = 0;

    if (d > 20)
        return z * (1 + (z2 + 1) / (4 * d) + ((5 * z2 + 16) * z2 + 3) / (96 * d * d) +
                    (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * d * d * d));
    for (int k = 0; k < STEPS; k++) total += step[k] = vs_pow(vs_cos((k + 0.5) * width), d - 1);
    while (i < STEPS - 1 && sum + step[i] < 0.95 * total) sum += step[i++];
    const double angle = (i + (0.95 * total - sum) / step[i]) * width;
    return sqrt(d) * vs_sin(angle) / vs_cos(angle);
}

/* The variance of a mean over n problems, in the parts that have few degrees of freedom and many. */
typedef struct spread {
    double seeds, problems;
    double seeds_degrees;
    double n; /* problems; of differences, values */
} spread;

/* Half the width of the mean's interval: at two seeds Satterthwaite's degrees of freedom (1946) are too
 * many and the sum of squared half-widths (Graybill and Wang 1980) is too wide; the weights were chosen
 * for coverage (docs/MATH.md). One alone where the other part is 0. */
static double half_width(const spread *s, double t_seeds, double t_problems)
{
    const double all = s->seeds + s->problems;

    if (s->seeds <= 0) return t_problems * sqrt(s->problems);
    const double degrees = fmin(s->seeds_degrees * all / s->seeds, 1e9);
    const double narrow = vs_student_975(degrees) * sqrt(all);
    const double wide = sqrt(t_seeds * t_seeds * s->seeds + t_problems * t_problems * s->problems);
    return 0.65 * narrow + 0.35 * wide;
}

/* What a problem that is right and one that is wrong by half each would add to the variance: nothing that
 * counts in the middle, all there is at the ends. */
static double end_variance(double value, double n, vs_interval_kind kind, double mean_square)
{
    const double smooth = (n * value + 0.5) / (n + 1);

    if (kind == VS_DIFFERENCE) return (1 - mean_square) / (n * (n + 1));
    return fmax(0, smooth * (1 - smooth) - value * (1 - value)) / (n - 1);
}

/* t_*: the quantiles at the parts' degrees of freedom. */
static vs_interval make_interval(double value, double mean_square, spread s, double t_seeds,
                                 double t_problems, vs_interval_kind kind)
{
    const double smooth = (s.n * value + 0.5) / (s.n + 1);
    double half, k, root;

    s.problems += end_variance(value, s.n, kind, mean_square);
    half = half_width(&s, t_seeds, t_problems);
    if (kind == VS_DIFFERENCE)
        return (vs_interval){value, fmax(value - half, -1), fmin(value + half, 1)};
    k = half * half / (smooth * (1 - smooth));
    root = sqrt(fmax(0, k * (value * (1 - value) + k / 4)));
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
    const double n = (double)n_rows, t = n_rows > 1 ? vs_student_975(n - 1) : 0;

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
        const spread s = {.problems = n_rows > 1 ? deviations / (n * (n - 1)) : 0, .n = n};
        out[c] = n_rows > 1 ? make_interval(value, squares / n, s, 0, t, kind)
                            : whole_range(value, kind);
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

/* The mean covariance of two seeds' means, from the problems that both have. */
static double shared_variance(item_sum *sums, const double *values, const uint32_t *item,
                              const size_t *begin, const double *mean, size_t n_seeds,
                              size_t n_items)
{
    double products = 0;

    for (size_t g = 0; g < n_seeds; g++)
        for (size_t i = begin[g]; i < begin[g + 1]; i++) {
            const double d = (values[i] - mean[g]) / (double)(begin[g + 1] - begin[g]);
            sums[item[i]].all += d;
            sums[item[i]].squares += d * d;
        }
    for (size_t i = 0; i < n_items; i++) products += sums[i].all * sums[i].all - sums[i].squares;
    return fmax(0, products / (double)(n_seeds * (n_seeds - 1)));
}

vs_status vs_interval_of_seeds(vs_interval *out, const double *values, const uint32_t *item,
                               const size_t *begin, size_t n_seeds, size_t n_items,
                               vs_interval_kind kind, vs_error *err)
{
    item_sum *sums = vs_alloc(n_items, sizeof *sums);
    double *mean = vs_alloc(n_seeds, sizeof *mean), value = 0, squares = 0, between = 0, n;
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
    n = (double)n_items;
    const spread s = {.seeds = between / (double)(n_seeds * (n_seeds - 1)),
                      .problems = n_items > 1 ? n / (n - 1) *
                                                    shared_variance(sums, values, item, begin, mean,
                                                                    n_seeds, n_items)
                                              : 0,
                      .seeds_degrees = (double)(n_seeds - 1),
                      .n = kind == VS_DIFFERENCE ? (double)(begin[n_seeds] - begin[0]) : n};
    *out = n_items == 1
               ? whole_range(value, kind)
               : make_interval(value, squares / (double)(begin[n_seeds] - begin[0]), s,
                               vs_student_975(s.seeds_degrees), vs_student_975(n - 1), kind);
done:
    free(sums);
    free(mean);
    return st;
}
