/* bootstrap.h - percentile intervals over problems, deterministic.
 *
 * 10,000 resamples of the rows with replacement; the 2.5th and 97.5th percentile of their means,
 * interpolated between order statistics (Efron & Tibshirani 1993, section 13.3). The draws depend
 * on the number of rows alone. */
#ifndef VS_ANSWERS_BOOTSTRAP_H
#define VS_ANSWERS_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { VS_BOOTSTRAP_RESAMPLES = 10000 };

typedef struct vs_interval {
    double value, low, high; /* mean and its 95 % interval */
} vs_interval;

/* values [n_rows][n_columns], n_rows from 1 to 2^32 - 1; out [n_columns]. All columns share the
 * resamples, so intervals of differences come from a column of differences. */
VS_NODISCARD vs_status vs_bootstrap(vs_interval *out, const double *values, size_t n_rows,
                                    size_t n_columns, vs_error *err);
/* The same for one column of rows that come in groups (seeds): rows begin[g] .. begin[g + 1] are group
 * g's, and item[i] < n_items says which problem row i is of, the same one in every group that has it.
 * Groups are drawn with replacement, and so are problems, one draw for all groups: the interval holds
 * what trainings differ by and what problems differ by, whether groups share problems or not. The value
 * is the mean of the groups' means. Source: Owen 2007, "The pigeonhole bootstrap" (arXiv:0712.1111),
 * which errs on the wide side. */
VS_NODISCARD vs_status vs_bootstrap_groups(vs_interval *out, const double *values,
                                           const uint32_t *item, size_t n_items,
                                           const size_t *begin, size_t n_groups, vs_error *err);
#endif
