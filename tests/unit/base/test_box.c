#include "base/box.h"

#include <stdlib.h>

#include "vs_test.h"

/* The argument, or NULL; static storage. */
static const char *box(const char *text, size_t len)
{
    static char out[64];
    size_t begin, end;

    if (!vs_box_last(&begin, &end, text, len)) return NULL;
    CHECK(begin < end && end <= len && end - begin < sizeof out);
    memcpy(out, text + begin, end - begin);
    out[end - begin] = '\0';
    return out;
}

TEST(box, is_the_last_closed_one_that_holds_something)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"so $\\boxed{18}$.", "18"},
        {"\\boxed{1} or \\boxed{2}", "2"},
        {"\\fbox{9}", "9"},
        {"\\boxed{ \\frac{1}{2} }", "\\frac{1}{2}"},
        {"\\boxed{\\{1,2\\}}", "\\{1,2\\}"},
        {"\\boxed{\\left\\{x\\right.}", "\\left\\{x\\right."},
        {"\\boxed {7}", "7"},
        {"\\boxed{1} then \\boxed{2", "1"},
        {"\\boxed{1} then \\boxed{ }", "1"},
        {"\\boxed{a{b}\nc", "a{b}"},
        {"{\\boxed{1} {", "1"},
        {"\\boxed{\\boxed{5}}", "5"},
        {"write it as \\boxed format: \\boxed{7}", "7"},
        {"\\boxed{7}, in \\boxed format", "7"},
        {"$\\boxed 5$", "5"},
        {"\\boxed5 apples", "5"},
        {"\\boxedx{1}", NULL},
        {"\\\\boxed{1}", "1"},
        {"\\boxed", NULL},
        {"\\boxed{", NULL},
        {"\\boxed $", NULL},
        {"no box", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *found = box(rows[i].text, strlen(rows[i].text));
        if (!found != !rows[i].expected || (found && strcmp(found, rows[i].expected) != 0))
            fail_msg("%s: found %s, expected %s", rows[i].text, found ? found : "none",
                     rows[i].expected ? rows[i].expected : "none");
    }
}

TEST(box, passes_over_nul_bytes)
{
    static const char text[] = "a\0\\boxed{1}\0";

    CHECK_STR(box(text, sizeof text - 1), "1");
}

/* Each would take hours if the work grew with the square of the length. */
TEST(box, ends_on_a_million_open_boxes_braces_and_backslashes)
{
    enum { N = 1 << 20 };
    static const char *const units[] = {"\\boxed{", "{", "}", "\\", "\\boxed "};
    char *text = malloc(N);

    CHECK(text);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        const size_t n = strlen(units[u]);
        size_t begin, end;
        for (size_t i = 0; i < N; i++) text[i] = units[u][i % n];
        CHECK(!vs_box_last(&begin, &end, text, N / n * n) || u == 0 || u == 4);
    }
    free(text);
}
