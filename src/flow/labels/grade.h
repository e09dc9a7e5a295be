/* grade.h - a completion's answer against the right one: right, wrong or not gradable, and why.
 *
 * Profiles (each has a version, stored with every label; docs/GRADING.md has their rules):
 *   gsm8k           the first "####" holds the answer; without it the completion is wrong
 *   gsm8k-flexible  without "####": the last \boxed{}, else the last "answer is" or "answer:" with
 *                   a number, else the last number of the text
 *   arithmetic      the first "#### " that an integer follows, or the line after the last
 *                   "</scratch>"
 *   choice          one letter, boxed, stated or on the last line
 *   math            what is boxed or stated, compared as mathematics (math/math_equal.h)
 *   math-flexible   also the last span or number, and rounded decimals
 *   math-hendrycks, math-minerva   published string rules, for comparison
 *
 * A verdict of "not gradable" means that the text leaves open what the answer is (two numbers,
 * words ahead of the number, a number beyond the limits of number.h): it is not right in a metric
 * and belongs in no training set. Pure functions, linear in the completion's length; any thread. */
#ifndef VS_LABELS_GRADE_H
#define VS_LABELS_GRADE_H

#include <stddef.h>

#include "base/error.h"
#include "flow/labels/number.h"
#include "flow/store/store.h"

enum { VS_GRADE_EXTRACT_BYTES = 160, VS_GRADE_RULE_BYTES = 96, VS_GRADE_NORMAL_BYTES = 96 };

typedef struct vs_grade_result {
    vs_verdict verdict;
    char rule[VS_GRADE_RULE_BYTES]; /* "gsm8k/1:marker", "gsm8k/1:marker.ambiguous", .. */
    size_t begin, end; /* the extracted bytes in the completion; equal when there are none */
    char extracted[VS_GRADE_EXTRACT_BYTES]; /* a copy of them, cut at a character when longer */
    char normal[VS_GRADE_NORMAL_BYTES];     /* the answer's class for votes: "18", "-3/4"; ""
                                               when there is none */
} vs_grade_result;

/* gold: the right answer as the profile wants it; what cannot be one is VS_E_INPUT, as is an
 * unknown profile. NULL: there is none, only the answer is read and the verdict is "ungradable".
 * NUL bytes in the completion are allowed. */
VS_NODISCARD vs_status vs_grade(vs_grade_result *out, const char *profile, const char *gold,
                                size_t gold_len, const char *completion, size_t completion_len,
                                vs_error *err);

const char *vs_verdict_name(vs_verdict verdict);     /* "wrong", "right", "ungradable" */
const char *vs_profile_name(size_t i);               /* 0, 1, ..; NULL after the last */
const char *vs_profile_version(const char *profile); /* "gsm8k/1"; NULL: no such profile */
/* Refuses an unknown profile with `code` and the list of those there are. */
VS_NODISCARD vs_status vs_profile_check(const char *profile, const char *where, vs_status code,
                                        vs_error *err);
#endif
