/* math_rows.h - rows of gold, boxed answer and verdict for the tests of the profile math. */
#ifndef MATH_ROWS_H
#define MATH_ROWS_H

#include "flow/labels/grade.h"

#include "vs_test.h"

enum { NOT_RIGHT = -1 };

typedef struct row {
    const char *gold, *answer;
    int verdict; /* or NOT_RIGHT */
} row;

static int count_bad(const row *rows, size_t n)
{
    char text[512];
    int n_bad = 0;

    for (size_t i = 0; i < n; i++) {
        const row *r = &rows[i];
        vs_grade_result out;
        vs_error err;
        CHECK(snprintf(text, sizeof text, "\\boxed{%s}", r->answer) < (int)sizeof text);
        CHECK_OK(vs_grade(&out, "math", r->gold, strlen(r->gold), text, strlen(text), &err));
        const bool is_good =
            r->verdict == NOT_RIGHT ? out.verdict != VS_RIGHT : (int)out.verdict == r->verdict;
        if (is_good) continue;
        print_message("gold %s, answer %s: %s by %s, normal %s\n", r->gold, r->answer,
                      vs_verdict_name(out.verdict), out.rule, out.normal);
        n_bad++;
    }
    return n_bad;
}
#define CHECK_ROWS(rows) CHECK(count_bad(rows, sizeof(rows) / sizeof *(rows)) == 0)
#endif
