/* math_interval.h - sets of real numbers: intervals, their unions, inequalities in one letter.
 * Private to labels/math/. */
#ifndef VS_LABELS_MATH_INTERVAL_H
#define VS_LABELS_MATH_INTERVAL_H

#include "flow/labels/math/math_value.h"

/* Compares the ends after sorting and joining; *applies: both are such sets, and one of them can be
 * nothing else. */
math_truth math_compare_intervals(bool *applies, const math_node *a, const math_node *b);

/* 1 of infinity, -1 of minus infinity, 0 of anything else. */
int math_infinity_sign(const math_node *n);

/* "x = 5", "f(x) = 5", "(p, q) = (3, 2)", "AB = 4", "x \in S": the name, else NULL. */
const math_node *math_assigned_name(const math_node *n);

/* Whether n is a name: x, AB, f(3), |AB|, \angle ABC, a_n, x : y, \frac{AB}{CD}, (x, y), words. */
bool math_names(const math_node *n);
bool math_has_letters(const math_node *n);

bool math_is_less(math_relation r);      /* < or <= */
bool math_allows_equal(math_relation r); /* <= or >= */
#endif
