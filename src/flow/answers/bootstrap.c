#include "flow/answers/bootstrap.h"

#include <math.h>
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

struct vs_group_draws {
    size_t n_items, n_groups;
    uint16_t *times; /* [VS_BOOTSTRAP_RESAMPLES][n_items] how often each problem was drawn */
    uint32_t *group; /* [VS_BOOTSTRAP_RESAMPLES][n_groups] the groups that were drawn */
};

void vs_group_draws_close(vs_group_draws *d)
{
    if (!d) return;
    free(d->times);
    free(d->group);
    free(d);
}

static void draw(vs_group_draws *d, size_t r, vs_rng rng)
{
    uint16_t *times = d->times + r * d->n_items;
    uint32_t *group = d->group + r * d->n_groups;

    for (size_t i = 0; i < d->n_items; i++) {
        uint16_t *t = &times[vs_rng_below(&rng, (uint32_t)d->n_items)];
        *t = (uint16_t)(*t + (*t < UINT16_MAX));
    }
    for (size_t g = 0; g < d->n_groups; g++) group[g] = vs_rng_below(&rng, (uint32_t)d->n_groups);
}

vs_status vs_group_draws_open(vs_group_draws **out, size_t n_items, size_t n_groups, vs_error *err)
{
    const vs_rng_key key = vs_rng_key_make(0, VS_RNG_BOOTSTRAP, 2);
    size_t n_times, n_drawn;
    vs_group_draws *d;

    if (n_groups == 0 || n_items == 0 || n_groups > UINT32_MAX || n_items > UINT32_MAX)
        return VS_FAIL(err, VS_E_INPUT, "bootstrap: %zu groups of %zu problems", n_groups, n_items);
    d = vs_alloc(1, sizeof *d);
    if (d && !__builtin_mul_overflow(n_items, (size_t)VS_BOOTSTRAP_RESAMPLES, &n_times) &&
        !__builtin_mul_overflow(n_groups, (size_t)VS_BOOTSTRAP_RESAMPLES, &n_drawn)) {
        d->times = vs_alloc(n_times, sizeof *d->times);
        d->group = vs_alloc(n_drawn, sizeof *d->group);
    }
    if (!d || !d->times || !d->group) {
        vs_group_draws_close(d);
        return VS_FAIL(err, VS_E_NOMEM, "bootstrap of %zu problems", n_items);
    }
    d->n_items = n_items;
    d->n_groups = n_groups;
    for (size_t r = 0; r < VS_BOOTSTRAP_RESAMPLES; r++) draw(d, r, vs_rng_stream(key, r));
    *out = d;
    return VS_OK;
}

/* Mean of the rows [begin, end), each as often as its problem was drawn; NAN: none was. */
static double resampled_mean(const double *values, const uint32_t *item, size_t begin, size_t end,
                             const uint16_t *times)
{
    double sum = 0, weight = 0;

    for (size_t i = begin; i < end; i++) {
        sum += times[item[i]] * values[i];
        weight += times[item[i]];
    }
    return weight > 0 ? sum / weight : NAN;
}

/* Groups without a problem in the draw do not count in it; value: where there is none with. */
static double mean_of_drawn(const double *mean, const uint32_t *group, size_t n, double value)
{
    double sum = 0;
    size_t n_counted = 0;

    for (size_t g = 0; g < n; g++) {
        if (isnan(mean[group[g]])) continue;
        sum += mean[group[g]];
        n_counted++;
    }
    return n_counted ? sum / (double)n_counted : value;
}

static vs_status mean_of_means(double *out, const double *values, const size_t *begin,
                               size_t n_groups, vs_error *err)
{
    *out = 0;
    for (size_t g = 0; g < n_groups; g++) {
        double sum = 0;
        if (begin[g + 1] <= begin[g])
            return VS_FAIL(err, VS_E_INPUT, "bootstrap: a group without problems");
        for (size_t i = begin[g]; i < begin[g + 1]; i++) sum += values[i];
        *out += sum / (double)(begin[g + 1] - begin[g]) / (double)n_groups;
    }
    return VS_OK;
}

vs_status vs_bootstrap_groups(vs_interval *out, const vs_group_draws *d, const double *values,
                              const uint32_t *item, const size_t *begin, vs_error *err)
{
    double *means = vs_alloc(VS_BOOTSTRAP_RESAMPLES, sizeof *means);
    double *mean = vs_alloc(d->n_groups, sizeof *mean), value;
    vs_status st;

    if (!means || !mean) {
        st = VS_FAIL(err, VS_E_NOMEM, "bootstrap of %zu groups", d->n_groups);
        goto done;
    }
    VS_CHECK(mean_of_means(&value, values, begin, d->n_groups, err));
    for (size_t r = 0; r < VS_BOOTSTRAP_RESAMPLES; r++) {
        for (size_t g = 0; g < d->n_groups; g++)
            mean[g] =
                resampled_mean(values, item, begin[g], begin[g + 1], d->times + r * d->n_items);
        means[r] = mean_of_drawn(mean, d->group + r * d->n_groups, d->n_groups, value);
    }
    qsort(means, VS_BOOTSTRAP_RESAMPLES, sizeof *means, compare_doubles);
    *out = (vs_interval){
        .value = value, .low = percentile(means, low_share), .high = percentile(means, high_share)};
done:
    free(means);
    free(mean);
    return st;
}
