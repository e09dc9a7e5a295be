/* math_find.h - where a completion states its mathematical answer. Private to labels/. */
#ifndef VS_LABELS_MATH_FIND_H
#define VS_LABELS_MATH_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/box.h"

typedef enum math_source {
    MATH_FROM_NOTHING,
    MATH_FROM_BOX,       /* the last \boxed, or several that "and" or commas join */
    MATH_FROM_STATEMENT, /* the last "final answer is", else "answer is", "answer:" */
    MATH_FROM_SPAN,      /* lenient: the last $..$, \(..\) or \[..\] */
    MATH_FROM_NUMBER, /* lenient: the last number of the text, where it comes after the last span */
    MATH_FROM_ALL,    /* lenient: the whole of a text that is short */
} math_source;

enum { MATH_SHORT_BYTES = 32 };

typedef struct math_place {
    math_source source;
    size_t begin, end; /* from the first part to the last */
    size_t n_parts;
    vs_box part[VS_BOX_PARTS]; /* the list's items; one: the answer */
} math_place;

/* Linear in len. */
void math_find(math_place *out, const char *s, size_t len, bool is_lenient);
#endif
