#include "flow/answers/bootstrap.h"

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

/* The mean of a resample of one group's rows. */
static double resample_mean(const double *values, size_t n, vs_rng *r)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += values[vs_rng_below(r, (uint32_t)n)];
    return sum / (double)n;
}

vs_status vs_bootstrap_groups(vs_interval *out, const double *values, const size_t *begin,
                              size_t n_groups, vs_error *err)
{
    const vs_rng_key key = vs_rng_key_make(0, VS_RNG_BOOTSTRAP, 2);
    double *means = vs_alloc(VS_BOOTSTRAP_RESAMPLES, sizeof *means), value = 0;

    if (!means) return VS_FAIL(err, VS_E_NOMEM, "bootstrap of %zu groups", n_groups);
    for (size_t g = 0; g < n_groups; g++) {
        const size_t n = begin[g + 1] - begin[g];
        double sum = 0;
        if (n == 0 || n > UINT32_MAX) {
            free(means);
            return VS_FAIL(err, VS_E_INPUT, "bootstrap: a group of %zu problems", n);
        }
        for (size_t i = begin[g]; i < begin[g + 1]; i++) sum += values[i];
        value += sum / (double)n;
    }
    for (size_t r = 0; r < VS_BOOTSTRAP_RESAMPLES; r++) {
        vs_rng rng = vs_rng_stream(key, r);
        means[r] = 0;
        for (size_t i = 0; i < n_groups; i++) {
            const size_t g = vs_rng_below(&rng, (uint32_t)n_groups);
            means[r] += resample_mean(values + begin[g], begin[g + 1] - begin[g], &rng);
        }
        means[r] /= (double)n_groups;
    }
    qsort(means, VS_BOOTSTRAP_RESAMPLES, sizeof *means, compare_doubles);
    *out = (vs_interval){.value = value / (double)n_groups,
                         .low = percentile(means, low_share),
                         .high = percentile(means, high_share)};
    free(means);
    return VS_OK;
}
