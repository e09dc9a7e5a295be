/* test_grade_strings.c - the string rules of published numbers, exactly as published; and multiple
 * choice. */
#include "unit/labels/labelled.h"

static vs_grade_result boxed(const char *profile, const char *gold, const char *answer)
{
    static char text[1 << 16];

    CHECK(snprintf(text, sizeof text, "\\boxed{%s}", answer) < (int)sizeof text);
    return grade(profile, gold, text);
}

/* -- against what the published code gave -- */

typedef struct tally {
    size_t n, n_skipped;
} tally;

/* An answer whose braces do not match cannot be put into a box. */
static bool fits_box(const char *s)
{
    int depth = 0;

    for (; *s; s++) {
        depth += (*s == '{') - (*s == '}');
        if (depth < 0) return false;
    }
    return depth == 0;
}

static void compare_pair(const json_t *row, void *state)
{
    tally *t = state;
    const char *a = json_string_value(json_object_get(row, "a")),
               *b = json_string_value(json_object_get(row, "b"));
    const char *norm = json_string_value(json_object_get(row, "norm_b"));
    const bool expected = json_is_true(json_object_get(row, "equiv"));

    if (!a || !b || !*a || !fits_box(b) || strstr(a, "boxed")) {
        t->n_skipped++;
        return;
    }
    t->n++;
    const vs_grade_result r = boxed("math-hendrycks", a, b);
    if ((r.verdict == VS_RIGHT) != expected) fail_msg("%s / %s: %s", a, b, r.normal);
    if (norm && strlen(norm) < sizeof r.normal && !strstr(r.rule, ".raw"))
        CHECK_STR(r.normal, norm);
}

static void compare_gold(const json_t *row, void *state)
{
    tally *t = state;
    const char *box = json_string_value(json_object_get(row, "boxed"));
    const char *answer = json_string_value(json_object_get(row, "answer"));
    const char *norm = json_string_value(json_object_get(row, "norm"));

    if (!box || !answer || !*answer) {
        t->n_skipped++;
        return;
    }
    t->n++;
    const vs_grade_result r = grade("math-hendrycks", answer, box);
    CHECK(r.verdict == VS_RIGHT);
    CHECK(r.end - r.begin == strlen(answer) && memcmp(box + r.begin, answer, r.end - r.begin) == 0);
    if (norm && strlen(norm) < sizeof r.normal) CHECK_STR(r.normal, norm);
}

TEST(strings, hendrycks_is_the_published_code_on_published_answers)
{
    tally pairs = {0, 0}, golds = {0, 0};

    SKIP_WITHOUT_SHARED("grader/hendrycks_is_equiv_pairs.jsonl");
    each_line("grader/hendrycks_is_equiv_pairs.jsonl", compare_pair, &pairs);
    each_line("grader/hendrycks_unit_pairs.jsonl", compare_pair, &pairs);
    each_line("math/answers_golden.jsonl", compare_gold, &golds);
    print_message("%zu pairs (%zu left out), %zu golds (%zu)\n", pairs.n, pairs.n_skipped, golds.n,
                  golds.n_skipped);
    CHECK(pairs.n + pairs.n_skipped == 1289 && pairs.n_skipped <= 4);
    CHECK(golds.n == 6243 && golds.n_skipped == 2);
}

/* -- faults that the published rules are known for, which a comparable number must have -- */

TEST(strings, minerva_has_the_faults_it_is_known_for)
{
    static const struct {
        const char *gold, *answer, *normal;
        bool is_right;
    } rows[] = {
        {"(-\\infty,3]", "(-\\infty,3]", "(-\\iny,3]", true},
        {"(1,2)", "\\left(1,2\\right)", "\\le(1,2\\right)", false},
        {"3x=-50", "4x-5y=-50", "-50", true},
        {"12", "1,2", "12", true},
        {"461415", "4,6,14,15", "461415", true},
        {"a + b", "+b", "+b", true},
        {"0.3", "0.\\overline{3}", "0.3", true},
        {"864", "864\\mbox{ inches}^2", "864", true},
        {"\\frac12", "\\frac{1}{2}", "\\frac{1}{2}", true},
        {"\\sqrt3", "\\sqrt{3}", "\\sqrt{3}", true},
        {"10000", "10,000", "10000", true},
        {"5", "$5$", "5", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "So.\nFinal Answer: The final answer is %s. I hope it is correct.",
                 rows[i].answer);
        const vs_grade_result r = grade("math-minerva", rows[i].gold, text);
        CHECK_STR(r.normal, rows[i].normal);
        if ((r.verdict == VS_RIGHT) != rows[i].is_right)
            fail_msg("%s / %s", rows[i].gold, rows[i].answer);
    }
    CHECK(grade("math-minerva", "5", "Final Answer: The final answer is 5").verdict == VS_WRONG);
    CHECK(grade("math-minerva", "5", "\\boxed{5}").verdict == VS_WRONG);
}

TEST(strings, hendrycks_has_the_faults_it_is_known_for)
{
    static const char *const wrong[][2] = {{"10000", "10,000"},  {"50", "50%"},
                                           {"5", "5\\text{cm}"}, {"\\frac14", "0.25"},
                                           {"5", "5.0"},         {"Evelyn", "\\text{Evelyn}"},
                                           {"11_2", "11_{2}"}};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(boxed("math-hendrycks", wrong[i][0], wrong[i][1]).verdict == VS_WRONG);
    CHECK(strstr(boxed("math-hendrycks", "x", "3\\text{ m}\\text{ s}").rule, ".raw"));
}

/* -- multiple choice -- */

TEST(choice, reads_the_letter_that_was_decided_for)
{
    static const struct {
        const char *completion;
        vs_verdict verdict;
        const char *rule, *normal;
    } rows[] = {
        {"Dogs bark. Therefore, the answer is bark (c).", VS_RIGHT, "answer-is", "C"},
        {"The answer is (C).", VS_RIGHT, "answer-is", "C"},
        {"The answer is C.", VS_RIGHT, "answer-is", "C"},
        {"The answer is: **C**", VS_RIGHT, "answer-is", "C"},
        {"Answer: C", VS_RIGHT, "answer-is", "C"},
        {"Answer: c", VS_RIGHT, "answer-is", "C"},
        {"ANSWER IS (b)", VS_WRONG, "answer-is", "B"},
        {"\\boxed{C}", VS_RIGHT, "box", "C"},
        {"so $\\boxed{\\text{(C)}}$, not (A)", VS_RIGHT, "box", "C"},
        {"C", VS_RIGHT, "last-line", "C"},
        {"(C)", VS_RIGHT, "last-line", "C"},
        {"C) bark", VS_RIGHT, "last-line", "C"},
        {"C. bark", VS_RIGHT, "last-line", "C"},
        {"(a) is too small.\nIt is bark (c).", VS_RIGHT, "last-line", "C"},
        {"The answer is (A) or (C).", VS_WRONG, "answer-is.several", ""},
        {"(A) and (C) both", VS_WRONG, "last-line.several", ""},
        {"\\boxed{A,B,C,D}", VS_WRONG, "box.several", ""},
        {"\\boxed{B} or \\boxed{C}", VS_WRONG, "box.several", ""},
        {"\\boxed{C}, not \\boxed{B}", VS_RIGHT, "box", "C"},
        {"not \\boxed{C}", VS_WRONG, "no-answer", ""},
        {"\\boxed{C} is wrong.", VS_WRONG, "no-answer", ""},
        {"Answer: C. D.", VS_WRONG, "answer-is.several", ""},
        {"Answer: C/D", VS_WRONG, "answer-is.several", ""},
        {"The answer is C or maybe D.", VS_WRONG, "answer-is.several", ""},
        {"The answer could be C, but it could be D.", VS_WRONG, "answer-is.several", ""},
        {"The answer is C, not A.", VS_RIGHT, "answer-is", "C"},
        {"The answer is C because A is too small.", VS_RIGHT, "answer-is", "C"},
        {"The answer is not C.", VS_WRONG, "no-answer", ""},
        {"The answer is C. No, the answer is not C.", VS_WRONG, "no-answer", ""},
        {"The answer is not B.\n\nC", VS_RIGHT, "last-line", "C"},
        {"The answer is vitamin C.", VS_WRONG, "no-answer", ""},
        {"The correct option is C.", VS_RIGHT, "answer-is", "C"},
        {"Answer: I think it is C", VS_RIGHT, "answer-is", "C"},
        {"Answer seems to be C.", VS_RIGHT, "answer-is", "C"},
        {"Option (C) is correct, option A is not.", VS_RIGHT, "answer-is", "C"},
        {"C is the right answer.", VS_RIGHT, "answer-is", "C"},
        {"C is incorrect.", VS_WRONG, "no-answer", ""},
        {"I'd go with C.", VS_RIGHT, "answer-is", "C"},
        {"My choice is C", VS_RIGHT, "answer-is", "C"},
        {"**Answer**:\n\nC", VS_RIGHT, "answer-is", "C"},
        {"c. 4", VS_RIGHT, "last-line", "C"},
        {"a. 2\nb. 3\nc. 4", VS_WRONG, "no-answer", ""},
        {"The answer is C<|im_end|>", VS_RIGHT, "answer-is", "C"},
        {"<think>answer: B</think>C", VS_RIGHT, "last-line", "C"},
        {"The answer is a dog.", VS_WRONG, "no-answer", ""},
        {"A dog barks", VS_WRONG, "no-answer", ""},
        {"The answer is (z).", VS_WRONG, "no-answer", ""},
        {"", VS_WRONG, "no-answer", ""},
        {"The answer is (C).\n\nQ: Next?\nThe answer is (A).", VS_RIGHT, "answer-is", "C"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const vs_grade_result r = grade("choice", "C", rows[i].completion);
        if (r.verdict != rows[i].verdict || strcmp(strchr(r.rule, ':') + 1, rows[i].rule) != 0 ||
            strcmp(r.normal, rows[i].normal) != 0)
            fail_msg("%s: %s by %s, '%s'", rows[i].completion, vs_verdict_name(r.verdict), r.rule,
                     r.normal);
        CHECK(r.begin <= r.end && r.end <= strlen(rows[i].completion));
    }
    CHECK(grade("choice", "(c)", "C").verdict == VS_RIGHT);
}

TEST(choice, refuses_a_gold_that_is_no_letter)
{
    static const char *const golds[] = {"", "AB", "1", "K", "()"};
    vs_grade_result r;
    vs_error err;

    for (size_t i = 0; i < sizeof golds / sizeof *golds; i++)
        CHECK(vs_grade(&r, "choice", golds[i], strlen(golds[i]), "A", 1, &err) == VS_E_INPUT);
}
