/* number_region.h - values of numbers, and what the text behind a number makes of it. Private to
 * labels/. */
#ifndef VS_LABELS_NUMBER_REGION_H
#define VS_LABELS_NUMBER_REGION_H

#include <stdint.h>

#include "flow/labels/number.h"

__extension__ typedef unsigned __int128 number_wide;
typedef struct number_ratio {
    bool is_negative;
    number_wide num, den; /* reduced */
} number_ratio;

/* vs_number_read, and the value where there is one. */
vs_reading number_value(number_ratio *value, vs_number *out, const char *s, size_t begin,
                        size_t len);
/* r times num/den; the size of r plus num/den. false: beyond 128 bits, *r is untouched. */
bool number_scale(number_ratio *r, uint64_t num, uint64_t den);
bool number_add(number_ratio *r, uint64_t num, uint64_t den);
void number_text(char *to, const number_ratio *r); /* VS_NUMBER_NORMAL_BYTES */
/* Length of a currency mark at s[i]; 0: none. */
size_t number_currency(const char *s, size_t i, size_t len);

/* The text behind a number, up to the end of its region. */
typedef enum number_tail_kind {
    TAIL_PLAIN,      /* units and words that only describe */
    TAIL_SCALED,     /* "million", "dozen", "tenths", "and a half": the value is another one */
    TAIL_EXPRESSION, /* the number is a part of an expression: 3\pi, 5!, 3/x */
    TAIL_OPEN,       /* what it says is not known: 3 or four */
    TAIL_DENIED,     /* 3 is not correct */
} number_tail_kind;

typedef struct number_tail {
    number_tail_kind kind;
    uint64_t num, den;  /* SCALED: times num/den, */
    uint64_t more;      /* then plus 1/more; 0: nothing more */
    bool is_below_zero; /* then with a minus */
    size_t end;         /* SCALED: behind the words that did it */
} number_tail;

/* has_currency: a currency mark stands before the number, so that "5M" are millions and no metres.
 * has_star: an asterisk that opens emphasis does. only_next: nothing but what touches the number and
 * the first word behind it is judged. */
typedef struct number_context {
    bool has_currency, has_star, only_next;
} number_context;
number_tail number_tail_read(const char *s, size_t at, size_t end, number_context context);
#endif
