/* code_lines.h - Python as lines: which belong to a string or a bracket of an earlier one, which can
 * be no Python. Private to labels/code/. */
#ifndef VS_LABELS_CODE_LINES_H
#define VS_LABELS_CODE_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* What is open at a place of a program. */
typedef struct code_state {
    char quote;     /* of the string in three quotation marks that is open; 0: none */
    size_t depth;   /* open brackets */
    bool is_joined; /* the line ended in a backslash */
    bool is_cut;    /* a string of one quotation mark was not closed on its line */
} code_state;

/* The state behind the line s[i..end), end without its newline. */
void code_state_line(code_state *state, const char *s, size_t i, size_t end);
/* A new statement may begin on the next line. */
bool code_state_is_clear(const code_state *state);

/* Whether the line s[i..end), which begins a statement, cannot be Python: two words without an
 * operator between them, a sign that begins no statement. Indentation is no matter. */
bool code_is_prose(const char *s, size_t i, size_t end);
#endif
