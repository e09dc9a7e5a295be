/* labelled.h - what the tests against published labels share. */
#ifndef VS_TEST_LABELLED_H
#define VS_TEST_LABELLED_H

#include "base/json.h"
#include "flow/labels/grade.h"

#include "vs_test.h"

static inline vs_grade_result grade(const char *profile, const char *gold, const char *completion)
{
    vs_grade_result out;
    vs_error err;

    CHECK_OK(vs_grade(&out, profile, gold, strlen(gold), completion, strlen(completion), &err));
    return out;
}

/* Calls visit for every line of a shared file; how many there are. */
static inline size_t each_line(const char *relative, void (*visit)(const json_t *row, void *state),
                               void *state)
{
    vs_jsonl *in = NULL;
    json_t *row = NULL;
    vs_error err;
    size_t n = 0;

    CHECK_OK(vs_jsonl_open(&in, vs_test_shared(relative), &err));
    for (;; n++) {
        CHECK_OK(vs_jsonl_next(in, &row, &err));
        if (!row) break;
        visit(row, state);
        json_decref(row);
    }
    vs_jsonl_close(in);
    return n;
}
#endif
