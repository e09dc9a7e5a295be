/* test_public_reports.c - small cases after what people reported about graders and code runners. */
#include <stdint.h>

#include "flow/labels/grader.h"

#include "unit/labels/labelled.h"

enum { MOST_PROFILES = 8 };
typedef struct tally {
    const char *profile[MOST_PROFILES]; /* of the open graders: a sandbox is tested once */
    vs_grader *grader[MOST_PROFILES];
    size_t n_graders, n, n_failed, n_skipped;
} tally;

static vs_grader *grader_of(tally *t, const char *profile)
{
    vs_grader_options o = {.n_workers = 1};
    vs_error err;
    size_t i = 0;

    while (i < t->n_graders && strcmp(t->profile[i], profile) != 0) i++;
    if (i < t->n_graders) return t->grader[i];
    CHECK(i < MOST_PROFILES);
    t->profile[i] = o.profile = strdup(profile);
    CHECK_OK(vs_grader_open(&t->grader[i], &o, &err));
    t->n_graders++;
    return t->grader[i];
}

static void close_all(tally *t)
{
    for (size_t i = 0; i < t->n_graders; i++) {
        vs_grader_close(t->grader[i]);
        free((char *)(uintptr_t)t->profile[i]);
    }
}

static void check_case(const json_t *row, void *state)
{
    const char *profile = json_string_value(json_object_get(row, "profile"));
    const char *expected = json_string_value(json_object_get(row, "expect"));
    const json_t *gold = json_object_get(row, "gold"), *text = json_object_get(row, "completion");
    const vs_grade_item item = {.gold = json_string_value(gold),
                                .gold_len = json_string_length(gold),
                                .completion = json_string_value(text),
                                .completion_len = json_string_length(text)};
    tally *t = state;
    vs_grade_result out;
    vs_error err;
    size_t bad;

    t->n++;
    const vs_status st = vs_grader_run(grader_of(t, profile), &item, 1, &out, &bad, &err);
    if (st == VS_E_STATE) { /* programs cannot be run safely here */
        t->n_skipped++;
        return;
    }
    CHECK_OK(st);
    const char *verdict = vs_verdict_name(out.verdict);
    if (strcmp(expected, "not-right") == 0 ? out.verdict != VS_RIGHT
                                           : strcmp(verdict, expected) == 0)
        return;
    t->n_failed++;
    print_message("%s, gold %s, \"%.200s\": %s by %s, expected %s\n", profile, item.gold,
                  item.completion, verdict, out.rule, expected);
}

TEST(public_reports, every_case_has_the_verdict_that_it_should)
{
    tally t = {0};

    SKIP_WITHOUT_SHARED("public_reports/grade_cases.jsonl");
    each_line("public_reports/grade_cases.jsonl", check_case, &t);
    close_all(&t);
    print_message("%zu cases, %zu without a sandbox, %zu fail\n", t.n, t.n_skipped, t.n_failed);
    CHECK(t.n == 146);
    CHECK(t.n_failed == 0);
}
