/* number.h - the number grammar of the answer profiles, and exact values.
 *
 * Grammar, after an optional sign and currency mark, in the order tried:
 *   mixed     digits, one space, digits/digits with the fraction below one:   5 3/4
 *   fraction  decimal/decimal:                                                3/4
 *   decimal   plain digits, or groups 1-3 digits and then exactly 3 each, optionally a dot and
 * digits, optionally e, a sign and one or two digits:                     1,080  18.00  .5  1.5e3
 * A value is a reduced fraction whose parts fit in 128 bits; what does not fit is VS_READ_TOO_LONG.
 * Threads: pure functions. */
#ifndef VS_LABELS_NUMBER_H
#define VS_LABELS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* What was found where a number was looked for. */
typedef enum vs_reading {
    VS_READ_NUMBER,
    VS_READ_NOTHING,    /* no digit at all */
    VS_READ_MALFORMED,  /* digits, commas and dots that are no number: 1,08 or 1.2.3 */
    VS_READ_AMBIGUOUS,  /* more than one number, or words that may change it */
    VS_READ_TOO_LONG,   /* beyond the limits below or 128 bits, or without a value: 1/0 */
    VS_READ_DENIED,     /* a number that the text says is not the answer: 3 is not correct */
    VS_READ_EXPRESSION, /* the number is a part of mathematics: 3\pi, 3 + 4, x/3 */
    VS_READINGS
} vs_reading;

enum {
    VS_NUMBER_MAX_DIGITS = 400,   /* digits of one written number, fraction and zeros included */
    VS_NUMBER_NORMAL_BYTES = 96,  /* sign, two times 39 digits, slash, NUL */
    VS_NUMBER_REGION_BYTES = 4096 /* longest text in which one answer is looked for */
};

typedef struct vs_number {
    size_t begin, end;                   /* the bytes read, sign included */
    char normal[VS_NUMBER_NORMAL_BYTES]; /* "18", "-3/4"; equal values have equal text; "" without a
                                            value */
} vs_number;

/* Reads the number that starts at s[begin], a sign, currency mark, digit or dot before a digit.
 * NOTHING: no number starts there, *out is untouched. Otherwise begin and end are set, and normal
 * too. */
vs_reading vs_number_read(vs_number *out, const char *s, size_t begin, size_t len);

/* Reads s[begin..end) as a region that holds one answer: wrapping such as ** or \boxed{ is skipped,
 * a number (or \frac{a}{b}) must follow, and no other digit may come after it unless a unit holds
 * it (m2, m^2). Spans are within s; for AMBIGUOUS, EXPRESSION and NOTHING the span is the trimmed region. */
vs_reading vs_number_region(vs_number *out, const char *s, size_t begin, size_t end);

/* The last number of s[begin..end). A minus counts only at the start or after a space, an opening
 * bracket, =, $ or an operator; digits that a letter precedes are part of a word. AMBIGUOUS: it
 * stands in brackets that follow another value on its line, as in "x = 18 (see step 2)".
 * EXPRESSION: it is a part of a formula, which is the span then. */
vs_reading vs_number_last(vs_number *out, const char *s, size_t begin, size_t end);

/* First position of s[begin..end) that is not wrapping: blanks, * _ ` $ = : \( \[ \boxed{ \fbox{
 * \text{ \textbf{ \mathbf{ \mathrm{ and {. */
size_t vs_number_unwrap(const char *s, size_t begin, size_t end);
#endif
