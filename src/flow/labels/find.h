/* find.h - places in a completion that several profiles look for. Private to labels/.
 *
 * All are linear in len, read s[0..len) only, and take NUL bytes as text. "Nothing" is len. */
#ifndef VS_LABELS_FIND_H
#define VS_LABELS_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/box.h"

/* First place of `word` in s[i..len). */
size_t find_text(const char *s, size_t i, size_t len, const char *word);
/* The newline that ends the line of s[i]. */
size_t find_line_end(const char *s, size_t i, size_t len);
/* The dot, followed by a blank or by what closes emphasis, quotes and brackets and then a blank, or
 * the newline that ends the sentence of s[i]. */
size_t find_sentence_end(const char *s, size_t i, size_t len);
/* First byte from s[i] on that is no blank, tab or carriage return. */
size_t find_past_blanks(const char *s, size_t i, size_t len);
/* Length of `lower` when s[i..len) begins with it, any case of ASCII letters; else 0. */
size_t find_fold(const char *s, size_t i, size_t len, const char *lower);
/* Length of `word` when s[i..len) begins with it, else 0; of the first of n words that it begins
 * with. */
size_t find_here(const char *s, size_t i, size_t len, const char *word);
size_t find_any(const char *s, size_t i, size_t len, const char *const *words, size_t n);
/* Next "answer is" or "answer:" from s[i] on, any case, with
 * emphasis in it or not ("**Answer**:"); *after is where the answer would begin. */
size_t find_statement(size_t *after, const char *s, size_t i, size_t len);
/* Where the completion runs on into a next question: a line that begins with "Question:" or "Q:"
 * after a "####" or an answer statement. */
size_t find_run_on(const char *s, size_t len);

/* "not", "rather than", "cannot be" right before s[i], behind mathematics' signs. */
bool find_denied_before(const char *s, size_t i);
/* "is not correct", "isn't the ..", "is wrong" from s[i] on, behind closing signs. */
bool find_denied_behind(const char *s, size_t i, size_t len);
/* vs_box_answer without boxes that the text denies: not \boxed{4}, \boxed{4} is wrong. */
size_t find_boxes(vs_box out[VS_BOX_PARTS], const char *s, size_t len);

/* The part of a completion that answers: behind a byte order mark and the last "</think>", up to a
 * "<think>" that never closes and to the first token that ends a text ("<|endoftext|>", "</s>", ..)
 * with something before it. A token in a program's string literal, which a quotation mark follows,
 * is text. */
typedef struct find_part {
    size_t begin, end;
} find_part;
find_part find_answer_part(const char *s, size_t len);
#endif
