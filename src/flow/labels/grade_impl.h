/* grade_impl.h - what a profile of grade.c is made of. Private to labels/. */
#ifndef VS_LABELS_GRADE_IMPL_H
#define VS_LABELS_GRADE_IMPL_H

#include "flow/labels/grade.h"

/* What is graded; gold NULL: only the answer is read, and the verdict is "ungradable". */
typedef struct grade_texts {
    const char *gold, *completion;
    size_t gold_len, completion_len;
} grade_texts;

/* One per profile. *out is zeroed; version is the profile's, with which the rule begins. Errors are
 * the gold's alone: any completion has a verdict. */
typedef vs_status grade_fn(vs_grade_result *out, const char *version, const grade_texts *in,
                           vs_error *err);
grade_fn grade_gsm8k, grade_gsm8k_flexible, grade_arithmetic, grade_math, grade_math_flexible,
    grade_math_hendrycks, grade_math_minerva, grade_choice;

/* "VERSION:WHERE" and a suffix such as ".ambiguous". */
void grade_set_rule(vs_grade_result *out, const char *version, const char *where,
                    const char *suffix);
/* A text to show: cut where a UTF-8 character begins when it is too long; U+0000 is shown as a blank. */
void grade_copy(char *out, size_t out_bytes, const char *text, size_t len);
/* The span, and a copy of its bytes as grade_copy makes it. */
void grade_set_extract(vs_grade_result *out, const grade_texts *in, size_t begin, size_t end);
/* The answer's class; a long one, and one with U+0000, is its beginning and its hash, so that equal ones stay
 * equal and others do not. */
void grade_set_normal(vs_grade_result *out, const char *text, size_t len);
#endif
