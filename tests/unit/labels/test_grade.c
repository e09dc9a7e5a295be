#include "flow/labels/grade.h"

#include "vs_test.h"

typedef struct row {
    const char *profile, *gold, *completion;
    vs_verdict verdict;
    const char *rule, *normal; /* rule: what follows the version */
} row;

static vs_grade_result grade(const char *profile, const char *gold, const char *completion)
{
    vs_grade_result out;
    vs_error err;

    CHECK_OK(vs_grade(&out, profile, gold, strlen(gold), completion, strlen(completion), &err));
    return out;
}

static void check_rows(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const row *r = &rows[i];
        const vs_grade_result out = grade(r->profile, r->gold, r->completion);
        const char *rule = strchr(out.rule, ':');

        if (out.verdict != r->verdict || strcmp(rule + 1, r->rule) != 0 ||
            strcmp(out.normal, r->normal) != 0)
            fail_msg("%s, gold %s, \"%s\": %s, %s, \"%s\"; expected %s, %s, \"%s\"", r->profile,
                     r->gold, r->completion, vs_verdict_name(out.verdict), out.rule, out.normal,
                     vs_verdict_name(r->verdict), r->rule, r->normal);
        CHECK(out.begin <= out.end && out.end <= strlen(r->completion));
        CHECK(strncmp(out.extracted, r->completion + out.begin, out.end - out.begin) == 0);
        CHECK(strlen(out.extracted) == out.end - out.begin);
    }
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

#define S "gsm8k"
#define F "gsm8k-flexible"
#define A "arithmetic"

TEST(grade, answers_every_row_of_the_hard_case_table)
{
    static const row rows[] = {
        {S, "18", "#### 18", VS_RIGHT, "marker", "18"},
        {F, "18", "#### 18", VS_RIGHT, "marker", "18"},
        {S, "18", "####18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### $18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18.", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18 dollars", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18%", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18.00", VS_RIGHT, "marker", "18"},
        {S, "1080", "#### 1,080", VS_RIGHT, "marker", "1080"},
        {S, "108", "#### 1,08", VS_WRONG, "marker.malformed", ""},
        {S, "18", "#### **18**", VS_RIGHT, "marker", "18"},
        {S, "18", "#### \\boxed{18}", VS_RIGHT, "marker", "18"},
        {S, "3", "#### 3/4", VS_WRONG, "marker", "3/4"},
        {S, "1500", "#### 1.5e3", VS_RIGHT, "marker", "1500"},
        {S, "7", "#### 007", VS_RIGHT, "marker", "7"},
        {S, "29", "The total is $29.00.", VS_WRONG, "no-marker", ""},
        {F, "29", "The total is $29.00.", VS_RIGHT, "last-number", "29"},
        {F, "1080", "It costs $1,080, thanks ..", VS_RIGHT, "last-number", "1080"},
        {F, "18", "about 16-18", VS_RIGHT, "last-number", "18"},
        {F, "18", "x = 18 (see step 2)", VS_UNGRADABLE, "last-number.ambiguous", ""},
        {S, "18", "#### 18\n\nQuestion: How many?\n#### 99", VS_RIGHT, "marker", "18"},
        {F, "18", "#### 18\n\nQuestion: How many?\n#### 99", VS_RIGHT, "marker", "18"},
        {S, "-3", "#### 3", VS_WRONG, "marker", "3"},
        {F, "-3", "so it is 3", VS_WRONG, "last-number", "3"},
        {S, "18", "#### 5 and 13", VS_UNGRADABLE, "marker.ambiguous", ""},
    };
    CHECK_ROWS(rows);
}

TEST(grade, unwraps_what_stands_around_the_number)
{
    static const row rows[] = {
        {S, "18", "#### $\\boxed{18}$", VS_RIGHT, "marker", "18"},
        {S, "18", "#### \\(18\\)", VS_RIGHT, "marker", "18"},
        {S, "18", "#### `18`", VS_RIGHT, "marker", "18"},
        {S, "18", "#### __18__", VS_RIGHT, "marker", "18"},
        {S, "18", "#### = 18", VS_RIGHT, "marker", "18"},
        {S, "18", "####: 18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### \\text{18 apples}", VS_RIGHT, "marker", "18"},
        {S, "18", "#### \\$18", VS_RIGHT, "marker", "18"},
        {S, "18",
         "#### \xe2\x82\xac"
         "18",
         VS_RIGHT, "marker", "18"},
        {S, "-18", "#### -$18", VS_RIGHT, "marker", "-18"},
        {S, "-18", "#### $-18", VS_RIGHT, "marker", "-18"},
        {S, "-18",
         "#### \xe2\x88\x92"
         "18",
         VS_RIGHT, "marker", "-18"},
        {S, "18", "#### +18", VS_RIGHT, "marker", "18"},
        {S, "18", "#####  18", VS_RIGHT, "marker", "18"},
        {S, "18", "####   \n \n18 apples\n7", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18\r\nmore 7", VS_RIGHT, "marker", "18"},
    };
    CHECK_ROWS(rows);
}

TEST(grade, reads_numbers_as_exact_values)
{
    static const row rows[] = {
        {S, "5.75", "#### 5 3/4", VS_RIGHT, "marker", "23/4"},
        {S, "-5.75", "#### -5 3/4", VS_RIGHT, "marker", "-23/4"},
        {S, "0.5", "#### .5", VS_RIGHT, "marker", "1/2"},
        {S, "0.3", "#### 3e-1", VS_RIGHT, "marker", "3/10"},
        {S, "2", "#### 1.5/.75", VS_RIGHT, "marker", "2"},
        {S, "0", "#### -0.00", VS_RIGHT, "marker", "0"},
        {S, "0", "#### 0e99", VS_RIGHT, "marker", "0"},
        {S, "1/3", "#### 0.3333333333333333", VS_WRONG, "marker",
         "3333333333333333/10000000000000000"},
        {S, "18", "#### 18.000000000000000000000000000000000000000000000000000000", VS_RIGHT,
         "marker", "18"},
        {S, "1000000", "#### 1,000,000", VS_RIGHT, "marker", "1000000"},
        {S, "1000", "#### 1000,000", VS_WRONG, "marker.malformed", ""},
        {S, "1", "#### 1,0000", VS_WRONG, "marker.malformed", ""},
        {S, "1", "#### 1.2.3", VS_WRONG, "marker.malformed", ""},
        {S, "340282366920938463463374607431768211455",
         "#### 340282366920938463463374607431768211455", VS_RIGHT, "marker",
         "340282366920938463463374607431768211455"},
        {S, "1", "#### 340282366920938463463374607431768211456", VS_UNGRADABLE, "marker.too-long",
         ""},
        {S, "1", "#### 1e99", VS_UNGRADABLE, "marker.too-long", ""},
        {S, "1", "#### 1e100", VS_UNGRADABLE, "marker.too-long", ""},
        {S, "1", "#### 1/0", VS_UNGRADABLE, "marker.too-long", ""},
    };
    CHECK_ROWS(rows);
}

TEST(grade, leaves_open_what_the_text_leaves_open)
{
    static const row rows[] = {
        {S, "18", "#### 18 m2", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18 m^2", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18 cm^{2}", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18/07/2020", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "12", "#### 12:30", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "18", "#### Step 1", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "5", "#### 5 13/2", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "1080", "#### 1 080", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "18", "#### eighteen", VS_WRONG, "marker.none", ""},
        {S, "18", "####", VS_WRONG, "marker.none", ""},
        {S, "18", "#### \n\n", VS_WRONG, "marker.none", ""},
        {S, "18", "", VS_WRONG, "no-marker", ""},
        {S, "18", "#### 17\n#### 18", VS_WRONG, "marker", "17"},
        {S, "18", "The answer is 18.\nQ: next?\n#### 99", VS_WRONG, "no-marker", ""},
        {S, "99", "Q: a line before any answer\n#### 99", VS_RIGHT, "marker", "99"},
    };
    CHECK_ROWS(rows);
}

TEST(grade, falls_back_in_the_stated_order)
{
    static const row rows[] = {
        {F, "18", "the answer is 7, so \\boxed{18} not 9", VS_RIGHT, "boxed", "18"},
        {F, "18", "\\boxed{7} then \\boxed{18 \\text{ dollars}}, 9", VS_RIGHT, "boxed", "18"},
        {F, "3", "\\boxed{\\frac{3}{4}}", VS_WRONG, "boxed", "3/4"},
        {F, "0.75", "\\boxed{-\\dfrac{3}{4}}", VS_WRONG, "boxed", "-3/4"},
        {F, "0.75", "\\boxed{\\frac{9}{12} \\text{ cups}}", VS_RIGHT, "boxed", "3/4"},
        {F, "3", "\\boxed{\\frac{x}{4}}", VS_WRONG, "boxed.expression", ""},
        {F, "3", "\\boxed{\\frac{3}{4x}}", VS_WRONG, "boxed.expression", ""},
        {F, "18", "\\boxed{none} The answer is 18.", VS_RIGHT, "answer-is", "18"},
        {F, "18", "The ANSWER IS: **18**. It took 3 steps.", VS_RIGHT, "answer-is", "18"},
        {F, "18", "Answer: 7\nAnswer: $18", VS_RIGHT, "answer-is", "18"},
        {F, "18", "The answer is 18 or 19.", VS_UNGRADABLE, "answer-is.ambiguous", ""},
        {F, "18", "The answer is clear.\n6 x 3 = 18", VS_RIGHT, "last-number", "18"},
        {F, "18", "The answer is 18.\nQuestion: 5\n7", VS_RIGHT, "answer-is", "18"},
        {F, "-18", "x = -18", VS_RIGHT, "last-number", "-18"},
        {F, "-18", "x (-18)", VS_RIGHT, "last-number", "-18"},
        {F, "18", "36 - 18", VS_RIGHT, "last-number", "18"},
        {F, "18", "18 m2 in H2O", VS_RIGHT, "last-number", "18"},
        {F, "18", "18 apples (3 x 6 = 18)", VS_RIGHT, "last-number", "18"},
        {F, "18", "1 (2) 18", VS_RIGHT, "last-number", "18"},
        {F, "2", "x = 18\n(see step 2)", VS_RIGHT, "last-number", "2"},
        {F, "18", "none at all", VS_WRONG, "last-number.none", ""},
    };
    CHECK_ROWS(rows);
}

TEST(grade, reads_only_the_first_marked_integer_of_the_arithmetic_task)
{
    static const row rows[] = {
        {A, "13", "Try 13. 13*5=65. 65-4=61. 61-61=0. #### 13", VS_RIGHT, "marker", "13"},
        {A, "13", "#### 12", VS_WRONG, "marker", "12"},
        {A, "13", "#### 13 #### 12", VS_RIGHT, "marker", "13"},
        {A, "13", "#### 013", VS_RIGHT, "marker", "13"},
        {A, "-13", "#### -13", VS_RIGHT, "marker", "-13"},
        {A, "13", "#### #### 13", VS_RIGHT, "marker", "13"},
        {A, "13", "Try 13. 13*5=65.", VS_WRONG, "no-marker", ""},
        {A, "13", "####13", VS_WRONG, "no-marker", ""},
        {A, "883", "<scratch>\n, 8 8 3 C: 0\n0 8 8 3\n</scratch>\n8 8 3", VS_RIGHT, "scratch",
         "883"},
        {A, "883", "</scratch>\n 0 8 8 3 \nmore", VS_RIGHT, "scratch", "883"},
        {A, "883", "</scratch>\n8 8 4", VS_WRONG, "scratch", "884"},
        {A, "883", "</scratch>\n8 8 3 C: 0", VS_WRONG, "scratch.malformed", ""},
        {A, "883", "</scratch>\n", VS_WRONG, "scratch.none", ""},
    };
    CHECK_ROWS(rows);
}

TEST(grade, reads_what_follows_a_number_whole_or_not_at_all)
{
    static const row rows[] = {
        {S, "120", "#### 5!", VS_RIGHT, "marker", "120"},
        {S, "5", "#### 5!", VS_WRONG, "marker", "120"},
        {S, "18", "#### 18 apples!", VS_RIGHT, "marker", "18"},
        {S, "8", "#### 2^3", VS_RIGHT, "marker", "8"},
        {S, "3", "#### 3 + 4", VS_WRONG, "marker", "7"},
        {S, "6", "#### 3*2", VS_RIGHT, "marker", "6"},
        {S, "3", "#### 3(4)", VS_WRONG, "marker", "12"},
        {S, "3", "#### 3\\pi", VS_WRONG, "marker.expression", ""},
        {S, "3", "#### 3/x", VS_WRONG, "marker.expression", ""},
        {S, "3", "#### 3*x", VS_WRONG, "marker.expression", ""},
        {S, "3", "#### 3 x", VS_WRONG, "marker.expression", ""},
        {S, "10", "#### 10+John's age", VS_WRONG, "marker.denied", ""},
        {S, "18", "#### x = 18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 9*2 = 18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 9*3 = 18", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "18", "#### $18/hour", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18 miles per hour", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18 pneumonoultramicroscopicsilicovolcanoconiosis", VS_RIGHT, "marker",
         "18"},
        {S, "18", "#### 18*", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18cm\xc2\xb2", VS_RIGHT, "marker", "18"},
        {S, "18", "#### about 18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### USD 18", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18+", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "18", "#### 18?", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "3", "#### 3 or four", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "3", "#### 3ab", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "18", "#### 18 did not go", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "3", "#### 3 is not correct", VS_WRONG, "marker.denied", ""},
        {S, "3", "#### 3 is wrong", VS_WRONG, "marker.denied", ""},
        {S, "3", "#### 3 wrong answers", VS_RIGHT, "marker", "3"},
    };
    CHECK_ROWS(rows);
}

TEST(grade, multiplies_by_the_words_that_multiply)
{
    static const row rows[] = {
        {S, "5000", "#### 5 thousand", VS_RIGHT, "marker", "5000"},
        {S, "3", "#### 3 million dollars", VS_WRONG, "marker", "3000000"},
        {S, "36", "#### 3 dozen eggs", VS_RIGHT, "marker", "36"},
        {S, "3", "#### 3 gross", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "500000", "#### 5 hundred thousand", VS_RIGHT, "marker", "500000"},
        {S, "5000", "#### 5k", VS_RIGHT, "marker", "5000"},
        {S, "5", "#### 5 k", VS_WRONG, "marker", "5000"},
        {S, "5000000", "#### $5M", VS_RIGHT, "marker", "5000000"},
        {S, "5", "#### 5 m", VS_RIGHT, "marker", "5"},
        {S, "5", "#### $5m", VS_WRONG, "marker", "5000000"},
        {S, "5", "#### $5$ m", VS_RIGHT, "marker", "5"},
        {S, "30000", "#### 3\xe4\xb8\x87", VS_RIGHT, "marker", "30000"},
        {S, "0.3", "#### 3 tenths", VS_RIGHT, "marker", "3/10"},
        {S, "3.5", "#### 3 and a half hours", VS_RIGHT, "marker", "7/2"},
        {S, "3", "#### 3 quarters", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "-3", "#### 3 degrees below zero", VS_RIGHT, "marker", "-3"},
        {F, "3000000", "They sold 3 million books.", VS_RIGHT, "last-number", "3000000"},
        {F, "3", "They sold 3 million books.", VS_WRONG, "last-number", "3000000"},
    };
    CHECK_ROWS(rows);
}

TEST(grade, takes_no_number_out_of_a_formula)
{
    static const row rows[] = {
        {F, "2", "so it is \\sqrt{2}", VS_WRONG, "last-number.expression", ""},
        {F, "3", "so it is \\sqrt{9}", VS_RIGHT, "last-number", "3"},
        {F, "2", "so it is x^2", VS_WRONG, "last-number.expression", ""},
        {F, "4", "that makes \\frac{3}{4}", VS_WRONG, "last-number", "3/4"},
        {F, "4", "it is 3 + 4", VS_WRONG, "last-number", "7"},
        {F, "4", "it is 3 or 4", VS_UNGRADABLE, "last-number.ambiguous", ""},
        {F, "5", "it is 5x", VS_WRONG, "last-number.expression", ""},
        {F, "30", "at 12:30", VS_UNGRADABLE, "last-number.ambiguous", ""},
        {F, "18", "so \\text{18}", VS_RIGHT, "last-number", "18"},
        {F, "3", "The answer is 3\\pi.", VS_WRONG, "answer-is.expression", ""},
    };
    CHECK_ROWS(rows);
}

TEST(grade, knows_what_stands_around_an_answer)
{
    static const row rows[] = {
        {S, "8", "#### 8 #### 8", VS_RIGHT, "marker", "8"},
        {S, "8", "#### 8 #### 9", VS_UNGRADABLE, "marker.ambiguous", ""},
        {S, "8", "#### 8 ####", VS_RIGHT, "marker", "8"},
        {S, "18", "#### 18<|endoftext|>", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18</s>12", VS_RIGHT, "marker", "18"},
        {S, "18", "#### 18<\xef\xbd\x9c\x65nd\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>9",
         VS_RIGHT, "marker", "18"},
        {S, "18", "<|im_start|>#### 18<|im_end|>\n9", VS_RIGHT, "marker", "18"},
        {S, "18", "\xef\xbb\xbf#### 18<EOS>", VS_RIGHT, "marker", "18"},
        {S, "18", "<think>\n#### 19\n</think>\n#### 18", VS_RIGHT, "marker", "18"},
        {S, "18", "<think>\n#### 18", VS_WRONG, "no-marker", ""},
        {F, "18", "**Answer**: 18", VS_RIGHT, "answer-is", "18"},
        {F, "18", "**The answer is 18.** It took 3 steps.", VS_RIGHT, "answer-is", "18"},
    };
    CHECK_ROWS(rows);
}

TEST(grade, finds_mathematics_whole_and_undenied)
{
    static const struct {
        const char *profile, *gold, *completion;
        vs_verdict verdict;
    } rows[] = {
        {"math", "4", "\\boxed{3} not \\boxed{4}", VS_WRONG},
        {"math", "3", "\\boxed{3}, not \\boxed{4}", VS_RIGHT},
        {"math", "3,4", "\\boxed{3} or rather \\boxed{4}", VS_WRONG},
        {"math", "3,4", "$x=\\boxed{3}$ or $x=\\boxed{4}$", VS_RIGHT},
        {"math", "4", "\\boxed{3} and \\boxed{4}", VS_WRONG},
        {"math", "4", "\\boxed{3} \\boxed{4}", VS_RIGHT},
        {"math", "20", "\\boxed{4} \\times \\boxed{5}", VS_RIGHT},
        {"math", "5", "\\boxed{4} \\times \\boxed{5}", VS_WRONG},
        {"math", "5", "\\boxed{5} is not correct.", VS_WRONG},
        {"math", "120", "\\boxed{120} is not divisible by 16.", VS_RIGHT},
        {"math", "5", "\\boxed{The answer is 5}", VS_RIGHT},
        {"math-flexible", "6", "So $x=5$ or $x=6$", VS_WRONG},
        {"math-flexible", "5,6", "So $x=5$ or $x=6$", VS_RIGHT},
        {"math-flexible", "6", "We get $5$ and $6$.", VS_WRONG},
        {"math-flexible", "6", "For $x=5$ we get $6$.", VS_RIGHT},
        {"math-flexible", "7", "From $5$ and $6$ follows 7", VS_RIGHT},
        {"math", "5", "The answer is $5$ or $6$.", VS_WRONG},
        {"math", "5,6", "The answer is $5$ or $6$.", VS_RIGHT},
        {"math", "5", "**The answer is 5.** So it is.", VS_RIGHT},
        {"math", "5", "The answer is 5<|endoftext|>", VS_RIGHT},
        {"math", "5", "\\boxed{5}<|im_end|>\\boxed{6}", VS_RIGHT},
        {"math", "6", "<think>\\boxed{5}</think> \\boxed{6}", VS_RIGHT},
        {"math", "5", "<think>\\boxed{5}", VS_WRONG},
        {"math", "5", "The answer cannot be \\boxed{5}", VS_WRONG},
        {"math", "-5", "\\boxed{minus five}", VS_RIGHT},
        {"math-flexible", "4", "so it is 2^4", VS_WRONG},
        {"math-flexible", "3", "3 is not the answer", VS_WRONG},
        {"gsm8k", "3", "#### not 3", VS_UNGRADABLE},
        {"gsm8k", "5",
         "#### 5\xe2\x88\x9a"
         "2",
         VS_WRONG},
        {"gsm8k", "5", "#### 5\xe2\x81\xbf", VS_WRONG},
        {"gsm8k-flexible", "3", "it is not 3", VS_WRONG},
        {"gsm8k-flexible", "3", "3 is wrong", VS_WRONG},
        {"gsm8k-flexible", "3", "It is 3, not 4. It must be 3", VS_RIGHT},
        {"choice", "B", "B is the wrong choice", VS_WRONG},
        {"choice", "B", "Option B can be eliminated", VS_WRONG},
        {"choice", "B", "Option B is correct, C can be ruled out", VS_RIGHT},
        {"math-flexible", "16", "so it is 2^4", VS_RIGHT},
        {"math-flexible", "\\sqrt2", "so it is 3 + \\sqrt{2}", VS_WRONG},
        {"math-flexible", "3", "so we get \\frac{3}{4}.", VS_WRONG},
        {"math-flexible", "\\frac34", "so we get \\frac{3}{4}.", VS_RIGHT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const vs_grade_result r = grade(rows[i].profile, rows[i].gold, rows[i].completion);
        if (r.verdict != rows[i].verdict)
            fail_msg("%s / %s: %s", rows[i].gold, rows[i].completion, r.rule);
    }
}

TEST(grade, takes_a_whole_reference_solution_as_gold)
{
    CHECK(grade(S, "9 * 2 = $<<9*2=18>>18\n#### 18", "#### 18").verdict == VS_RIGHT);
    CHECK(grade(S, "#### 1,080\n", "#### 1080").verdict == VS_RIGHT);
    CHECK(grade(S, " 18 ", "#### 18").verdict == VS_RIGHT);
}

TEST(grade, refuses_a_gold_answer_that_is_no_number)
{
    static const char *const bad[] = {"",     "eighteen", "18 apples", "#### ", "#### 1 and 2",
                                      "1,08", "1/0",      "1e99"};
    vs_grade_result out;
    vs_error err;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(vs_grade(&out, S, bad[i], strlen(bad[i]), "#### 1", 6, &err) == VS_E_INPUT);
        CHECK(strstr(err.text, "gold answer") &&
              strstr(err.text, bad[i] + (bad[i][0] == '#' ? 4 : 0)));
    }
}

TEST(grade, names_its_profiles_and_their_versions)
{
    vs_grade_result out;
    vs_error err;
    size_t n = 0;

    for (const char *name; (name = vs_profile_name(n)) != NULL; n++)
        CHECK(strncmp(vs_profile_version(name), name, strlen(name)) == 0);
    CHECK(n >= 3);
    CHECK_STR(vs_profile_version("gsm8k"), "gsm8k/3");
    CHECK(!vs_profile_version("gsm9k"));
    CHECK(vs_grade(&out, "gsm9k", "1", 1, "1", 1, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "gsm9k"));
}

TEST(grade, bounds_what_it_copies_and_cuts_at_a_character)
{
    char text[6000];
    vs_grade_result out;

    /* 5 plus, then two-byte characters, then 13: an ambiguous region longer than the copy. */
    memcpy(text, "#### 5 plus", 11);
    for (size_t i = 11; i < 411; i += 2) memcpy(text + i, "\xc3\xa9", 2);
    memcpy(text + 411, " 13", 4);
    out = grade(S, "5", text);
    CHECK(out.verdict == VS_UNGRADABLE);
    CHECK(out.begin == 5 && out.end == 414);
    CHECK(strlen(out.extracted) == VS_GRADE_EXTRACT_BYTES - 2); /* "5 plus" is even, the room odd */

    memcpy(text, "#### 5", 6);
    memset(text + 6, 'x', sizeof text - 7);
    text[sizeof text - 1] = '\0';
    CHECK_STR(grade(S, "5", text).rule, "gsm8k/3:marker.too-long");
    memset(text + 5, '0', 401);
    strcpy(text + 406, "");
    CHECK_STR(grade(S, "5", text).rule, "gsm8k/3:marker.too-long");
    strcpy(text + 405, "");
    CHECK_STR(grade(S, "0", text).rule, "gsm8k/3:marker");
}

TEST(grade, passes_over_nul_bytes)
{
    static const char text[] = "a\0b #### 18\0";
    vs_grade_result out;
    vs_error err;

    CHECK_OK(vs_grade(&out, S, "18", 2, text, sizeof text - 1, &err));
    CHECK(out.verdict == VS_RIGHT);
}

TEST(grade, reads_an_answer_that_there_is_no_gold_for)
{
    vs_grade_result out;
    vs_error err;

    CHECK_OK(vs_grade(&out, S, NULL, 0, "#### 18.0", 9, &err));
    CHECK(out.verdict == VS_UNGRADABLE);
    CHECK_STR(out.normal, "18");
    CHECK_STR(out.extracted, "18.0");
}
