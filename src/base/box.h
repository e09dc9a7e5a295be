/* box.h - where a solution boxes its answer: \boxed{..} or \fbox{..}, as the MATH data set has it.
 *
 * Linear in the text, no memory; NUL bytes are text like any other. Threads: pure. */
#ifndef VS_BASE_BOX_H
#define VS_BASE_BOX_H

#include <stdbool.h>
#include <stddef.h>

/* The argument of the last box of s[0..len) that is closed and holds more than white space: braces
 * are matched, \{ and \} are not braces; a backslash too many before the name does no harm. Only
 * where there is none, the last box without braces counts ("\boxed 5$", "\boxed5"), whose argument
 * ends at white space, '$' or the end. Sets
 * [*begin, *end) without surrounding white space; false: there is no box, both are untouched. */
bool vs_box_last(size_t *begin, size_t *end, const char *s, size_t len);

/* The last box and those before it that are joined to it ("\boxed{1} and \boxed{2}"), in the text's
 * order: the answer is a list then. Only "and", "or", commas and names of one letter join. Operators
 * and relations alone make one part of them, commands and all: "\boxed{1/3} \approx \boxed{0.333}". A box that repeats the one after it to the letter is none.
 * Returns how many, at most VS_BOX_PARTS. */
enum { VS_BOX_PARTS = 16 };
typedef struct vs_box {
    size_t begin, end; /* of the argument */
} vs_box;
/* Whether s[begin .. end), which stands between two answers, makes a list of them. */
bool vs_box_joins(const char *s, size_t begin, size_t end);
size_t vs_box_answer(vs_box out[VS_BOX_PARTS], const char *s, size_t len);
#endif
