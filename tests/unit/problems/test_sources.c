/* test_sources.c - data sets as published: what a row becomes, and how many there are. */
#include "base/json.h"
#include "flow/problems/overlap.h"
#include "flow/problems/problems.h"

#include <unistd.h>
#include <zlib.h>

#include "vs_test.h"

/* One row; the caller frees it. */
static vs_problem_row row_of(const char *kind, const char *text)
{
    vs_problem_row row = {0};
    json_t *json = NULL;
    vs_error err;

    CHECK_OK(vs_json_parse(&json, text, strlen(text), "row", &err));
    CHECK_OK(vs_problem_row_read(&row, kind, json, "f:1", &err));
    json_decref(json);
    return row;
}

TEST(sources, a_row_needs_no_more_than_its_gold_to_be_graded)
{
    static const char *const rows[][3] = {
        {"mbpp", "{\"test_list\":[\"assert f()\"]}", "{\"setup\":\"\",\"tests\":[\"assert f()\"]}"},
        {"humaneval", "{\"prompt\":\"p\",\"test\":\"t\",\"entry_point\":\"f\"}",
         "{\"prompt\":\"p\",\"test\":\"t\",\"entry_point\":\"f\"}"},
        {"math", "{\"solution\":\"so \\\\boxed{3}\"}", "3"},
        {"math", "{\"answer\":3}", "3"},
        {"choice", "{\"answerKey\":\"B\"}", "B"},
    };
    vs_problem_row row = {0};
    vs_error err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *json = NULL;
        CHECK_OK(vs_json_parse(&json, rows[i][1], strlen(rows[i][1]), "row", &err));
        CHECK_OK(vs_problem_gold_read(&row, rows[i][0], json, "f:1", &err));
        CHECK_STR(row.gold, rows[i][2]);
        CHECK(!row.question);
        vs_problem_row_free(&row);
        json_decref(json);
        json = json_object();
        CHECK(vs_problem_gold_read(&row, rows[i][0], json, "f:1", &err) != VS_OK);
        CHECK(strstr(err.text, "f:1"));
        json_decref(json);
    }
}

/* Every byte that a model or a grader sees. */
TEST(sources, rows_become_problems_byte_for_byte)
{
    static const struct {
        const char *kind, *json, *id, *question, *gold, *reference;
    } rows[] = {
        {"gsm8k", "{\"question\":\"1+1? \",\"answer\":\"<<1+1=2>>2\\n#### 2 \"}", NULL, "1+1? ",
         "2", "<<1+1=2>>2\n#### 2 "},
        {"math",
         "{\"problem\":\"P\",\"level\":\"Level 1\",\"solution\":\"S $\\\\boxed{ \\\\frac12}$\"}",
         NULL, "P", "\\frac12", "S $\\boxed{ \\frac12}$"},
        {"math",
         "{\"problem\":\"P\",\"solution\":\"S\",\"answer\":\"x^2\",\"unique_id\":\"test/a/"
         "1.json\"}",
         "test/a/1.json", "P", "x^2", "S"},
        {"math", "{\"problem\":\"P\",\"solution\":\"$\\\\boxed{1}$ or $\\\\boxed{2}$\"}", NULL, "P",
         "1, 2", "$\\boxed{1}$ or $\\boxed{2}$"},
        {"mbpp",
         "{\"task_id\":601,\"text\":\"Add.\",\"code\":\"def f(x):\\r\\n  return "
         "x\",\"test_list\":[\"assert f(1) == 1\","
         "\"assert f('a') == 'a'\"],\"test_setup_code\":\"\",\"challenge_test_list\":[]}",
         "601",
         "Add. Your code should pass these tests:\n\nassert f(1) == 1\nassert f('a') == 'a'\n",
         "{\"setup\":\"\",\"tests\":[\"assert f(1) == 1\",\"assert f('a') == 'a'\"]}",
         "def f(x):\n  return x"},
        {"mbpp",
         "{\"task_id\":2,\"prompt\":\"P.\",\"code\":\"c\",\"test_list\":[\"t\"],\"test_imports\":["
         "\"import math\"]}",
         "2", "P. Your code should pass these tests:\n\nt\n",
         "{\"setup\":\"\",\"tests\":[\"t\"],\"imports\":[\"import math\"]}", "c"},
        {"humaneval",
         "{\"task_id\":\"HumanEval/0\",\"prompt\":\"\\ndef "
         "f():\\n\",\"entry_point\":\"f\",\"canonical_solution\":\"    "
         "pass\\n\",\"test\":\"T\\n\"}",
         "HumanEval/0", "\ndef f():\n",
         "{\"prompt\":\"\\ndef f():\\n\",\"test\":\"T\\n\",\"entry_point\":\"f\"}", "    pass\n"},
        {"choice",
         "{\"id\":\"q\",\"question\":{\"stem\":\"Where?\",\"choices\":[{\"label\":\"A\",\"text\":"
         "\"here\"},{\"label\":"
         "\"B\",\"text\":\"there\"}]},\"answerKey\":\"B\"}",
         "q", "Where?\nAnswer Choices:\n(a) here\n(b) there", "B", NULL},
        {"choice",
         "{\"question\":{\"stem\":\"Where?\",\"choices\":[{\"label\":\"A\",\"text\":\"here\"},"
         "{\"label\":\"B\",\"text\":\"there\"}]},\"answerKey\":\"B\",\"reference\":\"Not here. "
         "(b)\"}",
         NULL, "Where?\nAnswer Choices:\n(a) here\n(b) there", "B", "Not here. (b)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vs_problem_row r = row_of(rows[i].kind, rows[i].json);
        CHECK(!r.id == !rows[i].id && !r.reference == !rows[i].reference);
        if (r.id) CHECK_STR(r.id, rows[i].id);
        if (r.reference) CHECK_STR(r.reference, rows[i].reference);
        CHECK_STR(r.question, rows[i].question);
        CHECK_STR(r.gold, rows[i].gold);
        vs_problem_row_free(&r);
    }
}

TEST(sources, rows_that_are_none_are_refused_by_key)
{
    static const struct {
        const char *kind, *json, *expected;
    } rows[] = {
        {"math", "{\"solution\":\"S\"}", "\"problem\""},
        {"math", "[]", "expected an object"},
        {"mbpp", "{\"task_id\":0,\"text\":\"t\",\"code\":\"c\",\"test_list\":[\"t\"]}",
         "\"task_id\""},
        {"mbpp", "{\"task_id\":1,\"text\":\"t\",\"code\":\"c\",\"test_list\":[]}", "\"test_list\""},
        {"mbpp", "{\"task_id\":1,\"text\":\"t\",\"code\":\"c\",\"test_list\":[1]}",
         "expected strings"},
        {"mbpp", "{\"task_id\":1,\"text\":\"t\",\"test_list\":[\"t\"]}", "\"code\""},
        {"humaneval",
         "{\"task_id\":\"a\",\"prompt\":\"p\",\"canonical_solution\":\"s\",\"test\":\"t\"}",
         "\"entry_point\""},
        {"choice", "{\"question\":{\"stem\":\"s\",\"choices\":[]}}", "\"answerKey\""},
        {"choice", "{\"question\":{\"stem\":\"s\",\"choices\":[]},\"answerKey\":\"A\"}",
         "\"choices\""},
        {"choice", "{\"question\":\"s\",\"answerKey\":\"A\"}", "\"question\""},
        {"bags", "{}", "bags"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vs_problem_row row = {0};
        json_t *json = NULL;
        vs_error err;
        CHECK_OK(vs_json_parse(&json, rows[i].json, strlen(rows[i].json), "row", &err));
        CHECK(vs_problem_row_read(&row, rows[i].kind, json, "f:7", &err) != VS_OK);
        if (!strstr(err.text, rows[i].expected) || !strstr(err.text, "f:7"))
            fail_msg("%s: %s", rows[i].json, err.text);
        json_decref(json);
    }
}

static vs_problem_source source(const char *kind, const char *train, const char *test)
{
    static char paths[2][1024];
    vs_problem_source s = {.kind = kind, .prompt = "{question}"};

    snprintf(paths[0], sizeof paths[0], "%s", vs_test_shared(train));
    if (test) snprintf(paths[1], sizeof paths[1], "%s", vs_test_shared(test));
    s.train_file = paths[0];
    s.test_file = test ? paths[1] : NULL;
    return s;
}

static void check_counts(const vs_problem_source *s, size_t n_train, size_t n_test)
{
    vs_problems p = {0};
    vs_error err;
    size_t test = 0;

    CHECK_OK(vs_problems_load(&p, s, &err));
    for (size_t i = 0; i < p.n; i++) test += strcmp(p.item[i].split, "test") == 0;
    if (p.n - test != n_train || test != n_test)
        fail_msg("%s: %zu and %zu", s->kind, p.n - test, test);
    vs_problems_free(&p);
}

TEST(sources, published_files_have_their_counts)
{
    vs_problem_source s;

    SKIP_WITHOUT_SHARED("mbpp/mbpp.jsonl");
    s = source("mbpp", "mbpp/mbpp.jsonl", "mbpp/mbpp.jsonl");
    check_counts(&s, 374, 500);
    s.test_split = "validation";
    check_counts(&s, 374, 90);
    s = source("mbpp", "mbpp/mbpp.jsonl", "humaneval/HumanEval.jsonl.gz");
    s.test_kind = "humaneval";
    check_counts(&s, 374, 164);
    s = source("mbpp", "mbpp/sanitized-mbpp.json", "mbpp/sanitized-mbpp.json");
    check_counts(&s, 120, 257);
    s = source("math", "math/train.jsonl", "math/math500.jsonl");
    check_counts(&s, 7498, 500); /* two of 7,500 have nothing in their box */
    s = source("gsm8k", "gsm8k/train.jsonl", "gsm8k/test.jsonl");
    check_counts(&s, 7473, 1319);
}

TEST(sources, examples_are_solved_and_for_mbpp_the_first_ten)
{
    vs_problem_source s;
    vs_problems p = {0};
    vs_error err;

    SKIP_WITHOUT_SHARED("mbpp/mbpp.jsonl");
    s = source("mbpp", "mbpp/mbpp.jsonl", "mbpp/mbpp.jsonl");
    CHECK_OK(vs_examples_load(&p, &s, s.train_file, 10, &err));
    CHECK(p.n == 10 && p.item[9].reference && p.item[9].prompt);
    CHECK_STR(p.item[9].key, "10");
    CHECK_STR(p.item[9].split, "example");
    vs_problems_free(&p);
    CHECK(vs_examples_load(&p, &s, s.train_file, 11, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "found 10 solved problems, expected 11"));
}

TEST(sources, a_test_set_is_not_trained_on_unless_it_is_allowed)
{
    vs_problem_source s;
    vs_problems p = {0};
    vs_error err;

    SKIP_WITHOUT_SHARED("humaneval/HumanEval.jsonl.gz");
    s = source("humaneval", "humaneval/HumanEval.jsonl.gz", NULL);
    CHECK(vs_problems_load(&p, &s, &err) == VS_E_INPUT &&
          strstr(err.text, "allow_test_set_training"));
    s.allows_test_set_training = true;
    check_counts(&s, 164, 0);
    s = source("gsm8k", "gsm8k/train.jsonl", "gsm8k/test.jsonl");
    s.test_split = "validation";
    CHECK(vs_problems_load(&p, &s, &err) == VS_E_INPUT && strstr(err.text, "test_split"));
    s.test_kind = "nonsense";
    CHECK(vs_problems_load(&p, &s, &err) == VS_E_INPUT && strstr(err.text, "problems.test_source"));
}

/* -- compressed files -- */

TEST(sources, damaged_gzip_is_an_error_with_its_line)
{
    char path[512];
    vs_problem_source s = {.kind = "gsm8k", .prompt = "{question}", .train_file = path};
    vs_problems p = {0};
    vs_error err;
    gzFile gz;
    FILE *fp;

    snprintf(path, sizeof path, "%s/rows.jsonl.gz", vs_test_dir());
    CHECK((gz = gzopen(path, "wb")) != NULL);
    for (int i = 0; i < 2000; i++)
        gzprintf(gz, "{\"question\":\"%d\",\"answer\":\"#### %d\"}\n", i, i);
    CHECK(gzclose(gz) == Z_OK);
    check_counts(&s, 2000, 0);
    CHECK((fp = fopen(path, "r+b")) != NULL && fseek(fp, 3000, SEEK_SET) == 0 &&
          fwrite("damage", 1, 6, fp) == 6);
    CHECK(fclose(fp) == 0);
    CHECK(vs_problems_load(&p, &s, &err) != VS_OK && strstr(err.text, "rows.jsonl.gz:"));
    CHECK(truncate(path, 2000) == 0);
    CHECK(vs_problems_load(&p, &s, &err) != VS_OK && strstr(err.text, "rows.jsonl.gz:"));
}

/* -- addition -- */

static vs_problems additions(size_t n_sft, size_t n_train, size_t n_test, size_t min, size_t max,
                             uint64_t seed)
{
    const vs_problem_source s = {.kind = "addition",
                                 .prompt = "{question}",
                                 .n_sft = n_sft,
                                 .n_train = n_train,
                                 .n_test = n_test,
                                 .min_digits = min,
                                 .max_digits = max,
                                 .seed = seed};
    vs_problems p = {0};
    vs_error err;

    CHECK_OK(vs_problems_load(&p, &s, &err));
    CHECK(p.n == n_sft + n_train + n_test);
    return p;
}

/* The digits of a line without its blanks, as a number. */
static unsigned long long digits_of(const char *line)
{
    unsigned long long n = 0;

    for (; *line && *line != '\n' && *line != '+'; line++)
        if (*line != ' ') n = n * 10 + (unsigned long long)(*line - '0');
    return n;
}

TEST(sources, additions_add_up_and_none_comes_twice)
{
    vs_problems p = additions(100, 400, 500, 1, 5, 1);

    for (size_t i = 0; i < p.n; i++) {
        const vs_problem *x = &p.item[i];
        const unsigned long long a = digits_of(x->question + strlen("Input:\n"));
        const unsigned long long b = digits_of(strchr(x->question, '+') + 1);
        char text[64];
        snprintf(text, sizeof text, "%llu+%llu", a, b);
        CHECK_STR(x->key, text);
        snprintf(text, sizeof text, "%llu", a + b);
        CHECK_STR(x->gold, text);
        CHECK(digits_of(strstr(x->reference, "</scratch>\n") + 11) == a + b);
        for (size_t j = 0; j < i; j++) CHECK(strcmp(p.item[j].key, x->key) != 0);
    }
    vs_problems_free(&p);
}

TEST(sources, additions_are_written_as_published_and_can_be_used_up)
{
    vs_problems p = additions(81, 0, 0, 1, 1, 3), again = additions(81, 0, 0, 1, 1, 3);

    for (size_t i = 0; i < p.n; i++) {
        CHECK_STR(p.item[i].key, again.item[i].key);
        if (strcmp(p.item[i].key, "7+5") != 0) continue;
        CHECK_STR(p.item[i].question, "Input:\n7 + 5\nTarget:\n");
        CHECK_STR(p.item[i].reference, "<scratch>\n7 + 5 , C: 0\n, 2 C: 1\n1 2\n</scratch>\n1 2");
    }
    vs_problems_free(&p);
    vs_problems_free(&again);
}

/* -- contamination -- */

static vs_problem problem(const char *split, const char *key, const char *question,
                          const char *reference)
{
    vs_problem p = {.key = (char *)(uintptr_t)key,
                    .question = (char *)(uintptr_t)question,
                    .reference = (char *)(uintptr_t)reference};

    snprintf(p.split, sizeof p.split, "%s", split);
    return p;
}

TEST(overlap, counts_exact_normalised_and_shared_words)
{
    static const char long_text[] = "a train leaves the first station at noon and goes north at "
                                    "sixty miles an hour for two hours then stops";
    vs_problem ours[] = {
        problem("sft", "a", "How  many\neggs?", NULL),
        problem("train", "b", "how many EGGS", NULL),
        problem("train", "c", "How many hens?", NULL),
        problem(
            "train", "d",
            "It is said: a train leaves the first station, at noon and goes north at sixty miles!",
            NULL),
        problem("train", "e", "Q",
                "as a train leaves the first station at noon and goes north at sixty miles"),
        problem("train", "f", "a train leaves the first station at noon and goes north at", NULL),
        problem("train", "h", "one two three four five six seven eight nine ten eleven twelve ?",
                NULL),
        problem("test", "g", "How many eggs?", NULL),
    };
    vs_problem theirs[] = {problem("", "t:1", "How many eggs?", NULL),
                           problem("", "t:2", long_text, NULL),
                           problem("", "t:3",
                                   "Zero one two three four five six seven eight nine ten eleven "
                                   "twelve !",
                                   NULL)};
    const vs_problems mine = {ours, 8, 8}, other = {theirs, 3, 3};
    vs_overlap o;
    vs_error err;

    CHECK_OK(vs_overlap_find(&o, &mine, &other, &err));
    CHECK(o.n_ours == 7 && o.n_theirs == 3);
    CHECK(o.n_exact == 1 && o.n_normalised == 2 && o.n_words == 4); /* f and h share 12 alone */
    CHECK(o.n_shown == 3);
    CHECK_STR(o.shown[0].how, "exact");
    CHECK_STR(o.shown[1].how, "normalised");
    CHECK_STR(o.shown[2].theirs, "t:2");
}

/* GSM8K shares no question; 13 words in a row recur in templates. MATH's 500 are part of its test
 * set. */
TEST(overlap, of_the_published_sets)
{
    vs_problem_source s;
    vs_problems p = {0}, theirs = {0};
    vs_overlap o;
    vs_error err;
    char name[1100];

    SKIP_WITHOUT_SHARED("math/math500.jsonl");
    s = source("gsm8k", "gsm8k/train.jsonl", NULL);
    CHECK_OK(vs_problems_load(&p, &s, &err));
    snprintf(name, sizeof name, "gsm8k:%s", vs_test_shared("gsm8k/test.jsonl"));
    CHECK_OK(vs_overlap_read(&theirs, name, &err));
    CHECK_OK(vs_overlap_find(&o, &p, &theirs, &err));
    print_message("GSM8K train, test: %zu exact, %zu normalised, %zu words\n", o.n_exact,
                  o.n_normalised, o.n_words);
    CHECK(o.n_exact == 0 && o.n_normalised == 0);
    vs_problems_free(&p);
    vs_problems_free(&theirs);
    s = source("math", "math/test.jsonl", NULL);
    CHECK_OK(vs_problems_load(&p, &s, &err));
    snprintf(name, sizeof name, "math:%s", vs_test_shared("math/math500.jsonl"));
    CHECK_OK(vs_overlap_read(&theirs, name, &err));
    CHECK_OK(vs_overlap_find(&o, &p, &theirs, &err));
    print_message("MATH test, 500: %zu exact, %zu normalised, %zu words\n", o.n_exact,
                  o.n_normalised, o.n_words);
    CHECK(o.n_exact == 500);
    vs_problems_free(&p);
    vs_problems_free(&theirs);
    CHECK(vs_overlap_read(&theirs, "nonsense", &err) == VS_E_INPUT &&
          strstr(err.text, "check_files"));
}
