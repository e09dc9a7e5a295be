/* math_words.h - words around a number: what they do to its value. Each word has one meaning; a
 * word without one makes the answer unreadable. Private to labels/math/. */
#ifndef VS_LABELS_MATH_WORDS_H
#define VS_LABELS_MATH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* By what a word multiplies the number before it: "million" is 1000000/1, "tenths" 1/10. */
typedef struct math_scale {
    const char *word;
    const char *factor, *divisor; /* digits; NULL: 1 */
} math_scale;
const math_scale *math_word_scale(const char *word, size_t len); /* NULL: it is none */

/* Only describes what is counted: a plural, or a word of a list. */
bool math_word_describes(const char *word, size_t len);
/* May stand before a number and says nothing of it: "about", "the", "answer". */
bool math_word_leads(const char *word, size_t len);
/* "not", "incorrect": the number is no answer. */
bool math_word_denies(const char *word, size_t len);
bool math_word_is(const char *word, size_t len, const char *lower_case); /* in any case */

/* A whole text that names a set: "all real numbers", "no solution". */
typedef enum math_phrase { MATH_NO_PHRASE, MATH_ALL_REALS, MATH_NOTHING } math_phrase;
math_phrase math_phrase_of(const char *text, size_t len);

/* "twenty-one", "three quarters", "five million" as numerator and denominator; false: it is no
 * number from beginning to end, or one beyond 10^12. */
bool math_spoken_number(long long *num, long long *den, const char *text, size_t len);
#endif
