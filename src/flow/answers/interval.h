/* interval.h - 95 % intervals of means over problems, and over seeds and problems (docs/MATH.md, 6).
 *
 * Of shares: Wilson's (1927), with the number of independent right-or-wrong answers that would vary as
 * much as the mean does in the place of the number of problems, and Student's quantile in that of the
 * normal one. So it is Wilson's where values are 0 or 1, has a width at 0 and at 1, stays between them,
 * and is the plain interval of a mean where values vary little about one half.
 * Of differences of shares: the mean and Student's quantile times the standard error, cut at -1 and 1.
 *
 * Threads: pure functions. */
#ifndef VS_ANSWERS_INTERVAL_H
#define VS_ANSWERS_INTERVAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct vs_interval {
    double value, low, high; /* mean and its 95 % interval */
} vs_interval;

typedef enum vs_interval_kind {
    VS_SHARE,     /* values from 0 to 1 */
    VS_DIFFERENCE /* from -1 to 1 */
} vs_interval_kind;

/* values [n_rows][n_columns], a row a problem; out [n_columns]. VS_E_INPUT: no rows. One problem says
 * nothing of others: the interval is all of the range. */
VS_NODISCARD vs_status vs_interval_of_problems(vs_interval *out, const double *values,
                                               size_t n_rows, size_t n_columns,
                                               vs_interval_kind kind, vs_error *err);

/* Values that come seed by seed: rows begin[g] .. begin[g + 1] are seed g's, and item[i] < n_items says
 * which problem row i is of; the same one has the same number under every seed that has it. The value is
 * the mean of the seeds' means. Its variance has a part that is estimated from the seeds' means alone,
 * with one degree of freedom less than there are seeds, and a part from the problems that seeds share.
 * VS_E_INPUT: a seed without rows. */
VS_NODISCARD vs_status vs_interval_of_seeds(vs_interval *out, const double *values,
                                            const uint32_t *item, const size_t *begin,
                                            size_t n_seeds, size_t n_items, vs_interval_kind kind,
                                            vs_error *err);

/* The 97.5th percentile of Student's t, degrees of freedom from 1 on; to 1e-5 of itself. */
double vs_student_975(size_t degrees);
#endif
