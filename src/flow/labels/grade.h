/* grade.h - a completion's answer against the right one: right, wrong or not gradable, and why.
 *
 * Profiles (each has a version, stored with every label):
 *   gsm8k           the first "####" holds the answer; without it the completion is wrong
 *   gsm8k-flexible  without "####": the last \boxed{}, else the last "answer is" or "answer:" with
 * a number, else the last number of the text arithmetic      the first "#### " that an integer
 * follows; nothing else is read, what comes after does not matter A verdict of "not gradable" means
 * that the text leaves open what the answer is (two numbers, words ahead of the number, a number
 * beyond the limits of number.h): it is not right in a metric and belongs in no training set. Pure
 * functions, linear in the completion's length; any thread. */
#ifndef VS_LABELS_GRADE_H
#define VS_LABELS_GRADE_H

#include <stddef.h>

#include "base/error.h"
#include "flow/labels/number.h"
#include "flow/store/store.h"

enum { VS_GRADE_EXTRACT_BYTES = 160 };

typedef struct vs_grade_result {
    vs_verdict verdict;
    const char *rule;  /* static: "gsm8k/1:marker", "gsm8k/1:marker.ambiguous", .. */
    size_t begin, end; /* the extracted bytes in the completion; equal when there are none */
    char extracted[VS_GRADE_EXTRACT_BYTES]; /* a copy of them, cut at a character when longer */
    char normal[VS_NUMBER_NORMAL_BYTES];    /* the answer's class for votes: "18", "-3/4"; "" when
                                               there is none */
} vs_grade_result;

/* gold: a number, or a text whose first "####" holds it alone on its line; anything else is
 * VS_E_INPUT. An unknown profile is VS_E_INPUT too. NUL bytes in the completion are allowed. */
VS_NODISCARD vs_status vs_grade(vs_grade_result *out, const char *profile, const char *gold,
                                size_t gold_len, const char *completion, size_t completion_len,
                                vs_error *err);

const char *vs_verdict_name(vs_verdict verdict);     /* "wrong", "right", "ungradable" */
const char *const *vs_profile_names(void);           /* ends with NULL */
const char *vs_profile_version(const char *profile); /* "gsm8k/1"; NULL: no such profile */
#endif
