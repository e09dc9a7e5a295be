/* lines.h - one file of problems, row by row, before splits are made. Private to problems/. */
#ifndef VS_PROBLEMS_LINES_H
#define VS_PROBLEMS_LINES_H

#include <stddef.h>

#include "flow/problems/rows.h"

enum { LINES_KEY_MAX = 200 }; /* bytes of an id */

typedef struct line_problem {
    char *where; /* "path:line", "path:item" of an array */
    char *key;   /* the row's id, or ROLE-LINE */
    char *question, *gold;
    char *folded;      /* the question with runs of white space as one blank: for comparisons */
    char *reference;   /* NULL: none */
    const char *split; /* the split that took it; NULL: none. Static storage. */
    size_t order;      /* its place in the run */
} line_problem;
typedef struct line_problems {
    line_problem *item;
    size_t n, cap;
    size_t n_without_answer; /* rows left out: nothing can be graded */
} line_problems;

/* Reads all of path; a file without problems is refused. role: "sft", "train", "test" or
 * "validation", which picks the rows of a source that has them all in one file; NULL: every row. */
VS_NODISCARD vs_status lines_read(line_problems *out, const char *path, const char *role,
                                  const rows_source *source, vs_error *err);
void lines_free(line_problems *p);
#endif
