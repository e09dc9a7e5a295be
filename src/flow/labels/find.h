/* find.h - places in a completion that several profiles look for. Private to labels/.
 *
 * All are linear in len, read s[0..len) only, and take NUL bytes as text. "Nothing" is len. */
#ifndef VS_LABELS_FIND_H
#define VS_LABELS_FIND_H

#include <stddef.h>

/* First place of `word` in s[i..len). */
size_t find_text(const char *s, size_t i, size_t len, const char *word);
/* The newline that ends the line of s[i]. */
size_t find_line_end(const char *s, size_t i, size_t len);
/* The dot, followed by a blank, or newline that ends the sentence of s[i]. */
size_t find_sentence_end(const char *s, size_t i, size_t len);
/* First byte from s[i] on that is no blank, tab or carriage return. */
size_t find_past_blanks(const char *s, size_t i, size_t len);
/* Length of `lower` when s[i..len) begins with it, any case of ASCII letters; else 0. */
size_t find_fold(const char *s, size_t i, size_t len, const char *lower);
/* Next "answer is" or "answer:" from s[i] on, any case; *after is where the answer would begin. */
size_t find_statement(size_t *after, const char *s, size_t i, size_t len);
/* Where the completion runs on into a next question: a line that begins with "Question:" or "Q:"
 * after a "####" or an answer statement. */
size_t find_run_on(const char *s, size_t len);
#endif
