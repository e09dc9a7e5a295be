/* rows.h - one row of a published data set as a problem. Private to problems/. */
#ifndef VS_PROBLEMS_ROWS_H
#define VS_PROBLEMS_ROWS_H

#include <jansson.h>
#include <stdbool.h>

#include "flow/problems/problems.h"

typedef struct rows_source {
    const char *name;
    const char *expected; /* what its rows have, for messages */
    /* *out is zeroed; the caller frees it also after an error. */
    vs_status (*read)(vs_problem_row *out, const json_t *row, const char *where, vs_error *err);
    /* What a row must have to be graded: its gold alone. NULL: no profile reads such rows. */
    vs_status (*read_gold)(vs_problem_row *out, const json_t *row, const char *where,
                           vs_error *err);
    bool is_test_only; /* nobody should train on it */
    bool has_splits; /* by task_id: training, validation, test and few-shot problems in one file */
} rows_source;

static inline bool rows_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
/* Without leading and trailing white space; inner runs become one blank. */
void rows_fold(vs_buf *out, const char *text);

const rows_source *rows_find(const char *name); /* NULL: none is called so */

/* Whether a row of a source with splits belongs to the role "sft", "train", "test", "validation" or
 * "example". */
bool rows_takes(const vs_problem_row *row, const char *role);
#endif
