#include "flow/answers/bootstrap.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

static const double low_share = 0.025, high_share = 0.975;

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(const double *sorted, double share)
{
    const double place = share * (VS_BOOTSTRAP_RESAMPLES - 1);
    const size_t below = (size_t)place;

    if (below + 1 == VS_BOOTSTRAP_RESAMPLES) return sorted[below];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* sums[column] += the rows of one resample, each row as often as it is drawn. */
static void add_resample(double *sums, uint32_t *times, const double *values, size_t n_rows,
                         size_t n_columns, vs_rng rng)
{
    for (size_t i = 0; i < n_rows; i++) times[i] = 0;
    for (size_t i = 0; i < n_rows; i++) times[vs_rng_below(&rng, (uint32_t)n_rows)]++;
    for (size_t i = 0; i < n_rows; i++) {
        const double weight = times[i];
        if (times[i] == 0) continue;
        for (size_t c = 0; c < n_columns; c++) sums[c] += weight * values[i * n_columns + c];
    }
}

vs_status vs_bootstrap(vs_interval *out, const double *values, size_t n_rows, size_t n_columns,
                       vs_error *err)
{
    const vs_rng_key key = vs_rng_key_make(0, VS_RNG_BOOTSTRAP, 0);
    double *means = NULL; /* [n_columns][VS_BOOTSTRAP_RESAMPLES] */
    double *sums = vs_alloc(n_columns, sizeof *sums);
    uint32_t *times = vs_alloc(n_rows, sizeof *times);
    vs_status st = VS_OK;
    size_t n_means;

    if (n_rows == 0 || n_rows > UINT32_MAX) {
        st = VS_FAIL(err, VS_E_INPUT, "bootstrap: %zu problems; expected 1 to 2^32 - 1", n_rows);
        goto done;
    }
    if (!__builtin_mul_overflow(n_columns, (size_t)VS_BOOTSTRAP_RESAMPLES, &n_means))
        means = vs_alloc(n_means, sizeof *means);
    if (!sums || !times || !means) {
        st = VS_FAIL(err, VS_E_NOMEM, "bootstrap: out of memory for %zu columns", n_columns);
        goto done;
    }
    for (size_t r = 0; r < VS_BOOTSTRAP_RESAMPLES; r++) {
        for (size_t c = 0; c < n_columns; c++) sums[c] = 0;
        add_resample(sums, times, values, n_rows, n_columns, vs_rng_stream(key, r));
        for (size_t c = 0; c < n_columns; c++)
            means[c * VS_BOOTSTRAP_RESAMPLES + r] = sums[c] / (double)n_rows;
    }
    for (size_t c = 0; c < n_columns; c++) {
        double *column = means + c * VS_BOOTSTRAP_RESAMPLES, sum = 0;
        qsort(column, VS_BOOTSTRAP_RESAMPLES, sizeof *column, compare_doubles);
        for (size_t i = 0; i < n_rows; i++) sum += values[i * n_columns + c];
        out[c] = (vs_interval){.value = sum / (double)n_rows,
                               .low = percentile(column, low_share),
                               .high = percentile(column, high_share)};
    }
done:
    free(means);
    free(times);
    free(sums);
    return st;
}

/* Mean of the rows [begin, end), each as often as its problem was drawn; false: none was. */
static bool resampled_mean(double *mean, const double *values, const uint32_t *item, size_t begin,
                           size_t end, const uint32_t *times)
{
    double sum = 0, weight = 0;

    for (size_t i = begin; i < end; i++) {
        sum += times[item[i]] * values[i];
        weight += times[item[i]];
    }
    *mean = sum / weight;
    return weight > 0;
}

static double plain_mean(const double *values, size_t begin, size_t end)
{
    double sum = 0;

    for (size_t i = begin; i < end; i++) sum += values[i];
    return sum / (double)(end - begin);
}

typedef struct groups {
    const double *values;
    const uint32_t *item;
    size_t n_items;
    const size_t *begin;
    size_t n;
    double value;    /* mean of the groups' means */
    uint32_t *times; /* [n_items] */
    double *mean;    /* [n]; of one resample. NAN: no problem of the group was drawn */
} groups;

/* Groups without a problem in the draw do not count in it. */
static double resample_groups(const groups *d, vs_rng rng)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < d->n_items; i++) d->times[i] = 0;
    for (size_t i = 0; i < d->n_items; i++) d->times[vs_rng_below(&rng, (uint32_t)d->n_items)]++;
    for (size_t g = 0; g < d->n; g++)
        if (!resampled_mean(&d->mean[g], d->values, d->item, d->begin[g], d->begin[g + 1],
                            d->times))
            d->mean[g] = NAN;
    for (size_t i = 0; i < d->n; i++) {
        const double mean = d->mean[vs_rng_below(&rng, (uint32_t)d->n)];
        if (isnan(mean)) continue;
        sum += mean;
        n++;
    }
    return n ? sum / (double)n : d->value;
}

static vs_status check_groups(groups *d, vs_error *err)
{
    if (d->n == 0 || d->n_items == 0 || d->n > UINT32_MAX || d->n_items > UINT32_MAX)
        return VS_FAIL(err, VS_E_INPUT, "bootstrap: %zu groups of %zu problems", d->n, d->n_items);
    for (size_t g = 0; g < d->n; g++) {
        if (d->begin[g + 1] <= d->begin[g])
            return VS_FAIL(err, VS_E_INPUT, "bootstrap: a group without problems");
        d->value += plain_mean(d->values, d->begin[g], d->begin[g + 1]) / (double)d->n;
    }
    return VS_OK;
}

vs_status vs_bootstrap_groups(vs_interval *out, const double *values, const uint32_t *item,
                              size_t n_items, const size_t *begin, size_t n_groups, vs_error *err)
{
    const vs_rng_key key = vs_rng_key_make(0, VS_RNG_BOOTSTRAP, 2);
    double *means = vs_alloc(VS_BOOTSTRAP_RESAMPLES, sizeof *means);
    groups d = {.values = values,
                .item = item,
                .n_items = n_items,
                .begin = begin,
                .n = n_groups,
                .times = vs_alloc(n_items, sizeof *d.times),
                .mean = vs_alloc(n_groups, sizeof *d.mean)};
    vs_status st;

    if (!means || !d.times || !d.mean) {
        st = VS_FAIL(err, VS_E_NOMEM, "bootstrap of %zu groups", n_groups);
        goto done;
    }
    VS_CHECK(check_groups(&d, err));
    for (size_t r = 0; r < VS_BOOTSTRAP_RESAMPLES; r++)
        means[r] = resample_groups(&d, vs_rng_stream(key, r));
    qsort(means, VS_BOOTSTRAP_RESAMPLES, sizeof *means, compare_doubles);
    *out = (vs_interval){.value = d.value,
                         .low = percentile(means, low_share),
                         .high = percentile(means, high_share)};
done:
    free(means);
    free(d.times);
    free(d.mean);
    return st;
}
