/* lines.h - one file of problems, line by line, before splits are made. */
#ifndef VS_PROBLEMS_LINES_H
#define VS_PROBLEMS_LINES_H

#include <stddef.h>

#include "flow/problems/problems.h"

enum { LINES_KEY_MAX = 200 }; /* bytes of an id */

typedef struct line_problem {
    char *where; /* "path:line" */
    char *key;   /* the line's id, or ROLE-LINE */
    char *question, *gold;
    char *folded;      /* the question with runs of white space as one blank: for comparisons */
    char *reference;   /* NULL: none */
    const char *split; /* the split that took it; NULL: none. Static storage. */
    size_t order;      /* its place in the run */
} line_problem;
typedef struct line_problems {
    line_problem *item;
    size_t n, cap;
} line_problems;

typedef enum lines_format { LINES_GSM8K, LINES_PLAIN } lines_format;

/* Reads all of path; a file without problems is refused. role: "sft", "train", "test". */
VS_NODISCARD vs_status lines_read(line_problems *out, const char *path, const char *role,
                                  lines_format format, vs_error *err);
void lines_free(line_problems *p);
#endif
