/* math_equal.h - whether two mathematical answers are the same. Private to labels/. */
#ifndef VS_LABELS_MATH_EQUAL_H
#define VS_LABELS_MATH_EQUAL_H

#include "base/buf.h"
#include "flow/labels/math/math_value.h"

/* gold against answer: numbers and functions by value, tuples, matrices and intervals part by part,
 * lists and sets in any order, equations up to a factor, words by their letters. A unit counts when
 * both sides have one. docs/GRADING.md has the rules. */
math_truth math_equal(const math_node *gold, const math_node *answer);

/* Of one scalar with another, without lists, signs of two kinds, units. */
math_truth math_scalar_equal(const math_node *a, const math_node *b);
bool math_is_scalar(const math_node *n);

/* Chains and unions of sets become what they say; *root may be another node after it. false: the
 * answer contradicts itself, or may. */
bool math_settle(math_node **root);

/* Two numbers within a hundredth of each other; true too where one has no value here. */
bool math_near(const math_node *a, const math_node *b);

/* Letters and digits in lower case, and signs of mathematics, without blanks, dollar signs, \text
 * and other layout: what cannot be parsed is compared so. */
void math_squeeze(vs_buf *out, const char *s, size_t len);

/* A text that equal answers share as a rule: "3/4", "~1.4142135623730951", "(1,2)", "monday". */
void math_normal(vs_buf *out, const math_node *n);
#endif
