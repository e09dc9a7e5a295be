/* test_math.c - the profile math: what is equal, what is not, what is left open, and that nothing
 * hangs. */
#include "flow/labels/grade.h"

#include "base/mem.h"

#include "vs_test.h"

static vs_grade_result grade(const char *profile, const char *gold, const char *completion)
{
    vs_grade_result out;
    vs_error err;

    CHECK_OK(vs_grade(&out, profile, gold, strlen(gold), completion, strlen(completion), &err));
    return out;
}

/* The answer in a box. */
static vs_grade_result boxed(const char *gold, const char *answer)
{
    char text[8192];

    CHECK(snprintf(text, sizeof text, "So it is $\\boxed{%s}$.", answer) < (int)sizeof text);
    return grade("math", gold, text);
}

/* false, after a message, when it is another. */
static bool check(const char *gold, const char *answer, vs_verdict verdict)
{
    const vs_grade_result out = boxed(gold, answer);

    if (out.verdict != verdict)
        print_message("gold %s, answer %s: %s by %s, normal %s; expected %s\n", gold, answer,
                      vs_verdict_name(out.verdict), out.rule, out.normal, vs_verdict_name(verdict));
    return out.verdict == verdict;
}

typedef struct pair {
    const char *gold, *answer;
} pair;
#define CHECK_PAIRS(rows, verdict)                                  \
    do {                                                            \
        size_t n_bad = 0;                                           \
        for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)  \
            n_bad += !check(rows[i].gold, rows[i].answer, verdict); \
        CHECK(n_bad == 0);                                          \
    } while (0)

TEST(math, accepts_what_is_the_same_in_other_words)
{
    static const pair rows[] = {
        {"13", "\\text{13}"},
        {"73", "**73**"},
        {"-10", "x=-10"},
        {"\\frac73", "\\dfrac{7}{3}"},
        {"\\sqrt{88}", "2\\sqrt{22}"},
        {"7(x+3)(x-3)", "(x+3)(x-3)7"},
        {"10000", "10,\\!000"},
        {"16386.16", "\\$16,\\!386.16"},
        {"118", "118\\text{ dollars}"},
        {"(-\\infty,0)", "\\left(-\\infty, 0\\right)"},
        /* what public normalisers get wrong */
        {"(-\\infty,3]", "\\left(-\\infty,3\\right]"},
        {"\\left(1,2\\right)", "(1,2)"},
        {"a + b", "b+a"},
        {"\\frac{2a + b}{2}", "a+\\frac b2"},
        {"864", "864\\mbox{ inches}^2"},
        {"2\\pi", "2\\pi\\text{ units}"},
        {"5", "5\\,\\text{m}^2"},
        {"10,000", "10000"},
        {"10000", "10{,}000"},
        {"50", "50%"},
        {"50\\%", "50"},
        {"5", "5\\text{cm}"},
        {"\\frac14", "0.25"},
        {"5", "5.0"},
        {"Evelyn", "\\text{Evelyn}"},
        {"A", "\\text{(A)}"},
        {"11_2", "11_{2}"},
        {"-\\frac12", "\\frac{-1}{2}"},
        {"9a+11", "11+9a"},
        {"x+1", "1+x"},
        /* numbers */
        {"\\frac13", "0.\\overline{3}"},
        {"0.1\\overline{6}", "\\frac16"},
        {"3\\frac12", "3.5"},
        {"3 1/2", "\\frac72"},
        {"2/4", "1/2"},
        {"\\frac12", "\\frac1{2}"},
        {"1.5\\times10^3", "1500"},
        {"\\binom{5}{2}", "10"},
        {"5!", "120"},
        {"2^{10}", "1024"},
        {"\\sqrt[3]{27}", "3"},
        {"\\sqrt[3]{-8}", "-2"},
        {"-5", "\xe2\x88\x92"
               "5"},
        /* constants */
        {"1+\\sqrt2", "\\sqrt{3+2\\sqrt2}"},
        {"\\log 8", "3\\log 2"},
        {"\\frac{\\sqrt3}{3}", "\\frac1{\\sqrt3}"},
        {"\\sin 60^\\circ", "\\frac{\\sqrt3}2"},
        {"\\cos\\frac{\\pi}{3}", "\\frac12"},
        {"\\log_2 8", "3"},
        {"e^{i\\pi}", "-1"},
        {"(1+i)^2", "2i"},
        {"\\frac{1}{1+i}", "\\frac{1-i}{2}"},
        {"\\ln(e^2)", "2"},
        {"2\\sqrt3\\cdot\\sqrt{12}", "12"},
        {"|{-3}|", "3"},
        {"\\lfloor 3.7\\rfloor", "3"},
        {"\\sqrt2+\\sqrt3", "\\sqrt{5+2\\sqrt6}"},
        {"\\tan\\frac\\pi4", "1"},
        /* functions */
        {"(x+1)^2", "x^2+2x+1"},
        {"\\frac{x^2-1}{x-1}", "x+1"},
        {"\\tan^2(y)+1", "\\sec^2(y)"},
        {"\\sqrt{8x}", "2\\sqrt{2x}"},
        {"\\frac1{\\sqrt x}", "\\frac{\\sqrt x}{x}"},
        {"2^{n+1}", "2^{1+n}"},
        {"\\sin^2 x+\\cos^2 x", "1"},
        {"\\frac{x+2}{7}", "\\frac x7+\\frac27"},
        {"x_1+x_2", "x_2+x_1"},
        /* lists, sets, tuples, matrices, intervals, relations */
        {"1,2", "2, 1"},
        {"\\{1,2\\}", "1\\text{ and }2"},
        {"1 \\pm \\sqrt{19}", "1+\\sqrt{19},1-\\sqrt{19}"},
        {"3\\pm2\\sqrt2", "x=3\\pm\\sqrt8"},
        {"(3,\\frac\\pi2)", "(3, 0.5\\pi)"},
        {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{bmatrix}1\\\\ \\frac42\\end{bmatrix}"},
        {"\\begin{pmatrix}6&8\\end{pmatrix}",
         "\\begin{pmatrix}1&2\\end{pmatrix}+\\begin{pmatrix}5&6\\end{pmatrix}"},
        {"(-\\infty,0)\\cup(1,2]", "(1,2]\\cup(-\\infty,0)"},
        {"[0,1)\\cup[1,2]", "[0,2]"},
        {"(1,3]", "(1,3]\\cup(2,3)"},
        {"[1,3]", "(1,2)\\cup[1,3]"},
        {"(1,3)", "(1,2)\\cup(2,3)\\cup\\{2\\}"},
        {"[2,5)", "2\\le x<5"},
        {"(3,\\infty)", "x>3"},
        {"x<3", "3>x"},
        {"x<1", "-x>-1"},
        {"x\\neq5", "x!=5"},
        {"2x+4y-3=0", "y=-\\frac12x+\\frac34"},
        {"k=1", "1"},
        {"(p,q)=(3,2)", "(3,2)"},
        {"a_3=2,a_{37}=19", "a_{37}=19,\\quad a_3=2"},
        {"19, 46, and 82", "19,46,\\text{ and }82"},
        {"\\emptyset", "\\{\\}"},
        {"15\\mbox{ cm}^2", "15\\text{ square centimeters}"},
        {"90^\\circ", "90\\text{ degrees}"},
        {"\\text{June 20}", "June 20"},
        {"3:1", "3 : 1"},
    };
    CHECK_PAIRS(rows, VS_RIGHT);
}

TEST(math, rejects_what_is_not)
{
    static const pair rows[] = {
        {"1/2004!", "1/2006!"},
        {"2^{-99}", "2^{-98}"},
        {"n=2,3,4", "n=1,2,3"},
        {"D=(0,1)", "D=(0,1.5)"},
        {"3x-y+13=0", "3x+4y+14=0"},
        {"1,2", "12"},
        {"12", "1,2"},
        {"2021", "\\pm2021"},
        {"\\pm2021", "2021"},
        {"1-\\frac1e", "1+\\frac1e"},
        {"4x-5y=-50", "3x-5y=-50"},
        {"4,6,14,15", "461415"},
        {"0.\\overline{3}", "0.3"},
        {"\\frac13", "0.33"},
        {"18", "1800"},
        {"0.5", "50\\%"},
        {"7=11a+c", "11a+c"},
        {"2x+z=1", "1"},
        {"a^2+b=0", "0"},
        {"x>5", "x<5"},
        {"x\\ge5", "x>5"},
        {"x>5", "x=5"},
        {"x<5", "5=x"},
        {"x^2+y^2>1", "x^2+y^2=1"},
        {"x^2+y^2=1", "x^2+y^2>1"},
        {"x\\ne5", "x=5"},
        {"(1,2)", "(2,1)"},
        {"(0,1)", "[0,1]"},
        {"[0,1)", "[0,1]"},
        {"\\{1,2\\}", "(1,2)"},
        {"\\sqrt2", "1.41421356"},
        {"\\pi", "\\frac{355}{113}"},
        {"\\pi", "3.14159265358979"},
        {"5\\text{ cm}", "5\\text{ m}"},
        {"5\\text{ cm}", "5\\text{ cm}^2"},
        {"11_2", "11_3"},
        {"11_2", "3"},
        {"x+1", "y+1"},
        {"\\sqrt{x^2}", "x"},
        {"x^2", "2^x"},
        {"\\text{odd}", "\\text{even}"},
        {"A", "B"},
        {"1,1,2", "1,2,2"},
        {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1&2\\end{pmatrix}"},
        {"(-\\infty,3]", "(-\\infty,3)"},
        {"\\infty", "-\\infty"},
        {"\\frac{25}{216}", "\\frac{25}{2160}"},
        {"i", "-i"},
        {"\\sin x", "\\cos x"},
        {"x_1", "x_2"},
    };
    CHECK_PAIRS(rows, VS_WRONG);
}

TEST(math, leaves_open_what_it_cannot_decide_or_read)
{
    static const pair rows[] = {
        {"18", "\\frac{40}{0}"},
        {"18", "the number of apples that Tom had"},
        {"18", "\\mystery{18}"},
        {"12:00", "1:00"}, /* a ratio or a time: equal texts alone are sure */
        {"3:1", "6:2"},
        {"1,3,\\ldots,9", "1,3,\\ldots,7"},
    };

    CHECK_PAIRS(rows, VS_UNGRADABLE);
    CHECK(strstr(boxed("18", "\\mystery{18}").rule, ".unread"));
    CHECK(strstr(boxed("18", "\\frac{40}{0}").rule, ".unknown"));
}

/* Numbers as the answer's limits see them: each must end, and none may be right. */
TEST(math, ends_on_towers_nests_and_floods)
{
    enum { LONG = 1 << 20 };
    static const struct {
        const char *unit;
        size_t n;
    } floods[] = {{"{", 100000},     {"(", 100000},      {"1", LONG},        {"\\frac{1}{", 4000},
                  {"\\sqrt{", 4000}, {"-", 4000},        {"x^", 2000},       {"\\boxed{", 100000},
                  {"1,", 2000},      {"!", 4000},        {"|", 4000},        {"\\left(", 5000},
                  {"$", 100000},     {"and ", 1000},     {"\\text{", 5000},  {"2^{", 1300},
                  {"x+", 2000},      {"(x+y+z+1)", 450}, {"\\sqrt{2+", 500}, {"9!", 2000},
                  {"\\cup", 1000}};
    static const pair towers[] = {
        {"1", "5^{5^{5^{5^5}}}"},
        {"1", "9999999999^{9999999999}"},
        {"1", "2^{-99999999}"},
        {"1", "99999!"},
        {"1", "100000!!!!!!"},
        {"1", "\\binom{100000}{50000}"},
        {"1", "(1+10^{-9999})^{9999}"},
        {"1", "\\sqrt[999999]{2}"},
        {"1", "e^{e^{e^{e^{e}}}}"},
        {"1", "\\sin(10^{4000})"},
        {"1", "(x+y+z+a+b+c)^{64}"},
        {"1", "x^{99999}"},
        {"1", "((((x^{64})^{64})^{64})^{64})"},
        {"2", "\\sqrt{2+\\sqrt{2+\\sqrt{2+\\sqrt{2+\\sqrt{2+\\sqrt{2}}}}}}"},
        {"\\sqrt2+\\sqrt3+\\sqrt5+\\sqrt7+\\sqrt{11}+\\sqrt{13}+\\sqrt{17}+\\sqrt{19}",
         "\\sqrt{19}+\\sqrt{17}+\\sqrt{13}+\\sqrt{11}+\\sqrt7+\\sqrt5+\\sqrt3+\\sqrt{2}+10^{-300}"},
    };
    char *text = vs_alloc(LONG + 64, 1);

    CHECK(text);
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        const size_t n = strlen(floods[i].unit);
        size_t len = 7;
        memcpy(text, "\\boxed{", len);
        for (size_t k = 0; k < floods[i].n && len + n < LONG; k++, len += n)
            memcpy(text + len, floods[i].unit, n);
        text[len++] = '1';
        text[len++] = '}';
        text[len] = '\0';
        if (grade("math", "17", text).verdict == VS_RIGHT) fail_msg("%s is right", floods[i].unit);
        if (grade("math-flexible", "17", text).verdict == VS_RIGHT)
            fail_msg("%s is right", floods[i].unit);
    }
    for (size_t i = 0; i < sizeof towers / sizeof *towers; i++) {
        CHECK(boxed(towers[i].gold, towers[i].answer).verdict != VS_RIGHT);
        CHECK(boxed(towers[i].answer, towers[i].gold).verdict != VS_RIGHT);
    }
    free(text);
}

typedef struct place {
    const char *profile, *gold, *completion;
    vs_verdict verdict;
    const char *rule, *extracted;
} place;

/* Numbers of a million digits within a function, which no limit on written numbers sees: found by
 * fuzz_math, 11 s. Beyond the budget their texts decide. */
TEST(math, leaves_functions_of_endless_numbers)
{
    static const char tower[] = "x+((4^{-114})^{-511})^{-51}";
    const vs_grade_result out = boxed(tower, tower);

    CHECK(out.verdict == VS_RIGHT);
    CHECK(strstr(out.rule, ".text"));
}

TEST(math, finds_the_answer_in_the_stated_order)
{
#define M "math"
#define F "math-flexible"
    static const place rows[] = {
        {M, "7", "write it as \\boxed format: \\boxed{7}", VS_RIGHT, "box", "7"},
        {M, "2", "\\boxed{1} is too small. So \\boxed{2}.", VS_RIGHT, "box", "2"},
        {M, "1,2", "\\boxed{1} and \\boxed{2}", VS_RIGHT, "box", NULL},
        {M, "1,2", "\\boxed{1}, \\boxed{2}", VS_RIGHT, "box", NULL},
        {M, "2", "\\boxed{1} no no no \\boxed{2}", VS_RIGHT, "box", "2"},
        {M, "7", "$\\boxed{7}$ \\boxed{7}", VS_RIGHT, "box", NULL},
        {M, "9", "\\fbox{9}", VS_RIGHT, "box", "9"},
        {M, "5", "$\\boxed 5$", VS_RIGHT, "box", "5"},
        {M, "18", "The answer is 7. The final answer is $18$. I hope it is correct.", VS_RIGHT,
         "answer-is", "18"},
        {M, "3.5", "The answer is 3.5. It is more than 3.", VS_RIGHT, "answer-is", "3.5"},
        {M, "x+1", "Answer: \\[ x+1 \\] as wanted", VS_RIGHT, "answer-is", "x+1"},
        {M, "18", "So $x = 18$.", VS_WRONG, "no-answer", ""},
        {M, "18", "", VS_WRONG, "no-answer", ""},
        {F, "18", "So $x = 18$.", VS_RIGHT, "span", "x = 18"},
        {F, "18", "It is $17$, so we need 18 of them", VS_RIGHT, "last-number", "18"},
        {F, "19", "Final Answer: The number of points is 19.", VS_RIGHT, "answer-is", "19"},
        {F, "10/9", "\\frac{10}{9}", VS_RIGHT, "whole", "\\frac{10}{9}"},
        {F, "1.22", "1,22", VS_RIGHT, "whole.comma", "1,22"},
        {F, "\\sqrt{17}", "4.123105625617661", VS_RIGHT, "whole", "4.123105625617661"},
        {F, "\\sqrt{17}", "4.1232", VS_WRONG, "whole", "4.1232"},
        {F, "\\sqrt{17}", "4.12", VS_WRONG, "whole", "4.12"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const place *r = &rows[i];
        const vs_grade_result out = grade(r->profile, r->gold, r->completion);
        if (out.verdict != r->verdict || strcmp(strchr(out.rule, ':') + 1, r->rule) != 0 ||
            (r->extracted && strcmp(out.extracted, r->extracted) != 0))
            fail_msg("%s: %s by %s, read '%s'", r->completion, vs_verdict_name(out.verdict),
                     out.rule, out.extracted);
        CHECK(out.begin <= out.end && out.end <= strlen(r->completion));
    }
}

TEST(math, gives_equal_answers_one_class)
{
    static const pair rows[] = {
        {"\\frac{2}{4}", "0.5"},
        {"\\sqrt{8}", "2\\sqrt{2}"},
        {"x+y", "y+x"},
        {"1,2", "\\{2,1\\}"},
        {"x=5", "5"},
        {"(1,\\frac12)", "(1,0.5)"},
        {"\\text{Monday}", "monday"},
        {"\\sqrt4", "2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char a[VS_GRADE_NORMAL_BYTES];
        strcpy(a, boxed("17", rows[i].gold).normal);
        CHECK(a[0]);
        CHECK_STR(boxed("17", rows[i].answer).normal, a);
        CHECK_STR(boxed(rows[i].gold, rows[i].answer).normal, a);
    }
    CHECK_STR(boxed("\\frac{6}{8}", "0.75").normal, "3/4");
}

/* Answers of different letters are different votes. */
TEST(math, gives_different_letters_different_classes)
{
    static const char *const answers[] = {
        "A", "B",       "C",  "x",  "y",       "x+1",     "y+1", "x_1", "x_2",       "f'",
        "f", "\\alpha", "n!", "k!", "\\sin x", "\\sin y", "5 2", "52",  "\\text{D}", "E"};
    enum { N = sizeof answers / sizeof *answers };
    char normal[N][VS_GRADE_NORMAL_BYTES];

    for (size_t i = 0; i < N; i++) {
        strcpy(normal[i], boxed("17", answers[i]).normal);
        CHECK(normal[i][0]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(normal[i], normal[k]) == 0)
                fail_msg("%s and %s: %s", answers[i], answers[k], normal[i]);
    }
    CHECK_STR(boxed("17", "\\text{A}").normal, normal[0]);
    CHECK_STR(boxed("17", "x=3").normal, boxed("17", "3").normal);
}

TEST(math, takes_any_gold_but_an_empty_one)
{
    vs_grade_result out;
    vs_error err;

    CHECK(vs_grade(&out, "math", " \n", 2, "1", 1, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "gold answer"));
    CHECK(vs_grade(&out, "math", "\\;\\left.", 8, "1", 1, &err) == VS_E_INPUT); /* layout alone */
    CHECK(strstr(err.text, "\\;"));
    CHECK(boxed("2", "\\;").verdict == VS_UNGRADABLE);
    CHECK(grade("math", "We get 3+4 = $\\boxed{7}$.", "\\boxed{7}").verdict == VS_RIGHT);
    CHECK(grade("math", "\\weird{a}", "\\boxed{\\weird{a}}").verdict == VS_RIGHT);
    CHECK(grade("math", "\\weird{a}", "\\boxed{\\weird{b}}").verdict == VS_UNGRADABLE);
}
