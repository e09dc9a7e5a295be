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
/* Resamples of groups (seeds) and of the problems that they were tested on, made once for many columns.
 * Problems are numbered: the same one has the same number in every group that has it. */
typedef struct vs_group_draws vs_group_draws;
VS_NODISCARD vs_status vs_group_draws_open(vs_group_draws **out, size_t n_items, size_t n_groups,
                                           vs_error *err);
void vs_group_draws_close(vs_group_draws *d); /* NULL is allowed */

/* The same for one column of rows that come in groups: rows begin[g] .. begin[g + 1] are group g's, and
 * item[i] < n_items says which problem row i is of. Groups are drawn with replacement, and so are
 * problems, one draw for all groups: the interval holds what trainings differ by and what problems
 * differ by, whether groups share problems or not. The value is the mean of the groups' means. Source:
 * Owen 2007, "The pigeonhole bootstrap" (arXiv:0712.1111), which errs on the wide side. */
VS_NODISCARD vs_status vs_bootstrap_groups(vs_interval *out, const vs_group_draws *d,
                                           const double *values, const uint32_t *item,
                                           const size_t *begin, vs_error *err);
#endif
