#include "flow/problems/problems.h"

#include "base/file.h"
#include "base/mem.h"
#include "vs_test.h"

static const char template[] = "Q: {question}\nA:";

enum { SLOTS = 3 };

/* A file of its own for each slot, replaced by the next call; the path stays. */
static const char *put(int slot, const char *text)
{
    static char paths[SLOTS][400];
    vs_error err;

    if (!paths[slot][0]) snprintf(paths[slot], sizeof paths[slot], "%s/data.jsonl", vs_test_dir());
    CHECK_OK(vs_file_replace(paths[slot], text, strlen(text), &err));
    return paths[slot];
}

static void check_problem(const vs_problem *p, const char *split, const char *key,
                          const char *question, const char *gold)
{
    CHECK_STR(p->split, split);
    CHECK_STR(p->key, key);
    CHECK_STR(p->question, question);
    CHECK_STR(p->gold, gold);
}

static const char plain_train[] =
    "{\"question\": \"one?\", \"answer\": 1, \"reference\": \"it is 1\"}\n"
    "\n"
    "{\"question\": \"two?\", \"answer\": \"2\", \"solution\": \"it is 2\", \"id\": \"b\"}\n"
    "{\"question\": \"three?\", \"answer\": \"3\", \"id\": 33}\n"
    "{\"question\": \"four?\", \"answer\": \" 4 \"}\r\n";
static const char plain_test[] = "{\"question\": \"five?\", \"answer\": 5}\n"
                                 "{\"question\": \"six?\", \"answer\": -6, \"id\": \"b\"}\n";

TEST(files, plain_lines_become_problems_in_order_of_split)
{
    vs_problem_source source = {.kind = "jsonl", .n_sft = 2, .prompt = template};
    vs_problems p = {0};
    vs_error err;

    source.train_file = put(0, plain_train);
    source.test_file = put(1, plain_test);
    CHECK_OK(vs_problems_load(&p, &source, &err));
    assert_int_equal(p.n, 6);
    check_problem(&p.item[0], "sft", "train-1", "one?", "1");
    check_problem(&p.item[1], "sft", "b", "two?", "2");
    check_problem(&p.item[2], "train", "33", "three?", "3");
    check_problem(&p.item[3], "train", "train-5", "four?", " 4 ");
    check_problem(&p.item[4], "test", "test-1", "five?", "5");
    check_problem(&p.item[5], "test", "b", "six?", "-6");
    CHECK_STR(p.item[0].reference, "it is 1");
    CHECK_STR(p.item[1].reference, "it is 2");
    CHECK(p.item[2].reference == NULL);
    for (size_t i = 0; i < p.n; i++) assert_int_equal(p.item[i].id, i + 1);
    CHECK_STR(p.item[0].prompt, "Q: one?\nA:");
    vs_problems_free(&p);
}

TEST(files, counts_take_the_first_lines)
{
    vs_problem_source source = {
        .kind = "jsonl", .n_sft = 1, .n_train = 2, .n_test = 1, .prompt = template};
    vs_problems p = {0};
    vs_error err;

    source.train_file = put(0, plain_train);
    source.test_file = put(1, plain_test);
    CHECK_OK(vs_problems_load(&p, &source, &err));
    assert_int_equal(p.n, 4);
    check_problem(&p.item[0], "sft", "train-1", "one?", "1");
    check_problem(&p.item[1], "train", "b", "two?", "2");
    check_problem(&p.item[2], "train", "33", "three?", "3");
    check_problem(&p.item[3], "test", "test-1", "five?", "5");
    vs_problems_free(&p);
}

TEST(files, an_sft_file_takes_its_questions_out_of_train)
{
    vs_problem_source source = {.kind = "jsonl", .prompt = template};
    vs_problems p = {0};
    vs_error err;

    source.train_file = put(0, plain_train);
    source.sft_file =
        put(1, "{\"question\": \" three?\", \"answer\": \"3\", \"reference\": \"it is 3\"}\n");
    CHECK_OK(vs_problems_load(&p, &source, &err));
    assert_int_equal(p.n, 4);
    check_problem(&p.item[0], "sft", "sft-1", " three?", "3");
    check_problem(&p.item[1], "train", "train-1", "one?", "1");
    check_problem(&p.item[2], "train", "b", "two?", "2");
    check_problem(&p.item[3], "train", "train-5", "four?", " 4 ");
    vs_problems_free(&p);
}

TEST(files, without_a_count_all_of_the_training_file_is_sft)
{
    vs_problem_source source = {.kind = "jsonl", .prompt = template};
    vs_problems p = {0};
    vs_error err;

    source.train_file = put(0, "{\"question\": \"a\", \"answer\": 1, \"reference\": \"1\"}\n"
                               "{\"question\": \"b\", \"answer\": 1, \"reference\": \"1\"}\n");
    CHECK_OK(vs_problems_load(&p, &source, &err));
    assert_int_equal(p.n, 2);
    CHECK_STR(p.item[1].split, "sft");
    vs_problems_free(&p);
}

TEST(files, gsm8k_golds_are_what_follows_the_last_mark)
{
    vs_problem_source source = {.kind = "gsm8k", .prompt = "{question}\n"};
    vs_problems p = {0};
    vs_error err;

    source.train_file =
        put(0, "{\"question\": \"q\", \"answer\": \"#### no\\n1+1=<<1+1=2>>2\\n#### 1,002 \"}\n");
    CHECK_OK(vs_problems_load(&p, &source, &err));
    check_problem(&p.item[0], "sft", "train-1", "q", "1,002");
    CHECK_STR(p.item[0].reference, "#### no\n1+1=<<1+1=2>>2\n#### 1,002 ");
    vs_problems_free(&p);
}

/* What gold should be: an optional sign, then digits with commas or a point. */
static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "-0123456789,.")] == '\0';
}

TEST(files, all_published_gsm8k_problems_are_read)
{
    vs_problem_source source = {.kind = "gsm8k", .prompt = "{question}\n"};
    char train[4096], test[4096];
    vs_problems p = {0};
    vs_error err;

    SKIP_WITHOUT_SHARED("gsm8k/train.jsonl");
    snprintf(train, sizeof train, "%s", vs_test_shared("gsm8k/train.jsonl"));
    snprintf(test, sizeof test, "%s", vs_test_shared("gsm8k/test.jsonl"));
    source.train_file = train;
    source.test_file = test;
    CHECK_OK(vs_problems_load(&p, &source, &err));
    assert_int_equal(p.n, 8792);
    CHECK_STR(p.item[7472].split, "sft");
    CHECK_STR(p.item[7473].split, "test");
    CHECK_STR(p.item[7473].key, "test-1");
    CHECK_STR(p.item[7473].gold, "18");
    for (size_t i = 0; i < p.n; i++)
        if (!is_number(p.item[i].gold)) fail_msg("%s: gold %s", p.item[i].key, p.item[i].gold);
    vs_problems_free(&p);
}

TEST(files, prompts_keep_everything_but_the_placeholder)
{
    vs_buf out = {0};
    vs_error err;

    CHECK_OK(vs_prompt_render(&out, "{question}} and {question}!", "{x} %d", &err));
    CHECK_STR(out.data, "{x} %d} and {x} %d!");
    vs_buf_free(&out);
}

/* One bad input each: what the files hold, and what the message must name. `@` stands for no file.
 */
static const struct bad_case {
    const char *kind, *prompt, *train, *test, *sft;
    size_t n_sft, n_train, n_test;
    vs_status code;
    const char *names[3];
} bad_cases[] = {
#define OK_LINE "{\"question\": \"q1\", \"answer\": 1, \"reference\": \"r\"}\n"
#define P       "{question}"
    {"jsonl", P, "", NULL, NULL, 0, 0, 0, VS_E_INPUT, {"data.jsonl", "no problems"}},
    {"jsonl", P, "\n \n", NULL, NULL, 0, 0, 0, VS_E_INPUT, {"data.jsonl", "no problems"}},
    {"jsonl", P, "@", NULL, NULL, 0, 0, 0, VS_E_IO, {"missing.jsonl"}},
    {"jsonl", P, NULL, NULL, NULL, 0, 0, 0, VS_E_INPUT, {"train_file"}},
    {"jsonl", P, OK_LINE, NULL, NULL, 0, 0, 3, VS_E_INPUT, {"test_file", "3"}},
    {"jsonl", P, OK_LINE "{\"question\": \"q", NULL, NULL, 0, 0, 0, VS_E_FORMAT, {"data.jsonl:2"}},
    {"jsonl", P, OK_LINE "\xff\xfe{}", NULL, NULL, 0, 0, 0, VS_E_FORMAT, {"data.jsonl:2"}},
    {"jsonl",
     P,
     OK_LINE "[1, 2]\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:2", "an array", "an object"}},
    {"jsonl", P, "7\n", NULL, NULL, 0, 0, 0, VS_E_FORMAT, {"data.jsonl:1", "an integer"}},
    {"jsonl",
     P,
     "{\"answer\": 1}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:1", "\"question\"", "a string"}},
    {"jsonl",
     P,
     "{\"question\": 5, \"answer\": 1}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"question\"", "an integer", "a string"}},
    {"jsonl",
     P,
     "{\"question\": \" \\t\", \"answer\": 1}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"question\"", "white space"}},
    {"jsonl",
     P,
     "{\"question\": \"a\\u0000b\", \"answer\": 1}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:1", "U+0000"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"question\": \"p\", \"answer\": 1}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:1", "duplicate"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"reference\": \"r\"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:1", "\"answer\""}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": 1.5}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"answer\"", "a real number", "a string or an integer"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": \"\"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"answer\"", "white space"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": [1]}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"answer\"", "an array"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": 1, \"reference\": 4}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"reference\"", "an integer"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": 1, \"reference\": \"a\", \"solution\": \"b\"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"reference\"", "\"solution\"", "one of them"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": 1}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:1", "\"reference\"", "sft"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": 1, \"id\": true}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"id\"", "true", "a string or an integer"}},
    {"jsonl",
     P,
     "{\"question\": \"q\", \"answer\": 1, \"id\": \" \"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"id\"", "white space"}},
    {"jsonl",
     P,
     OK_LINE "{\"question\": \"q2\", \"answer\": 1, \"id\": \"train-1\"}\n",
     NULL,
     NULL,
     1,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:2", "data.jsonl:1", "train-1"}},
    {"jsonl",
     P,
     OK_LINE,
     "{\"question\": \"a\", \"answer\": 1, \"id\": 7}\n{\"question\": \"b\", \"answer\": 1, "
     "\"id\": 7}\n",
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:2", "data.jsonl:1", "\"7\""}},
    {"jsonl",
     P,
     OK_LINE,
     "{\"question\": \"\\n q1 \", \"answer\": 1}\n",
     NULL,
     0,
     0,
     0,
     VS_E_INPUT,
     {"data.jsonl:1", "(sft)", "same question"}},
    {"jsonl",
     P,
     OK_LINE "{\"question\": \"a  b\", \"answer\": 1}\n",
     "{\"question\": \"z\", \"answer\": 1}\n{\"question\": \"a\\tb\", \"answer\": 1}\n",
     NULL,
     1,
     0,
     0,
     VS_E_INPUT,
     {"data.jsonl:2", "(train)"}},
    {"jsonl", P, OK_LINE, "", NULL, 0, 0, 0, VS_E_INPUT, {"no problems"}},
    {"jsonl", P, OK_LINE, NULL, "@", 0, 0, 0, VS_E_IO, {"missing.jsonl"}},
    {"jsonl", P, OK_LINE, NULL, NULL, 2, 0, 0, VS_E_INPUT, {"found 1", "n_sft = 2"}},
    {"jsonl", P, OK_LINE, NULL, NULL, 1, 5, 0, VS_E_INPUT, {"found 0", "n_train = 5"}},
    {"jsonl",
     P,
     OK_LINE,
     "{\"question\": \"z\", \"answer\": 1}\n",
     NULL,
     0,
     0,
     2,
     VS_E_INPUT,
     {"found 1", "n_test = 2"}},
    {"gsm8k",
     P,
     "{\"question\": \"q\", \"answer\": \"it is 4\"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"data.jsonl:1", "\"answer\"", "#### "}},
    {"gsm8k",
     P,
     "{\"question\": \"q\", \"answer\": \"x\\n#### \"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"answer\"", "nothing"}},
    {"gsm8k",
     P,
     "{\"question\": \"q\", \"answer\": \"x\\n#### 4\\n5\"}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"answer\"", "several lines"}},
    {"gsm8k",
     P,
     "{\"question\": \"q\", \"answer\": 4}\n",
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_FORMAT,
     {"\"answer\"", "an integer", "a string"}},
    {"maths", P, OK_LINE, NULL, NULL, 0, 0, 0, VS_E_INPUT, {"source", "\"maths\"", "gsm8k"}},
    {NULL, P, OK_LINE, NULL, NULL, 0, 0, 0, VS_E_INPUT, {"source"}},
    {"jsonl", NULL, OK_LINE, NULL, NULL, 0, 0, 0, VS_E_INPUT, {"prompt", "{question}"}},
    {"jsonl", "Q:", OK_LINE, NULL, NULL, 0, 0, 0, VS_E_INPUT, {"prompt", "no {question}"}},
    {"jsonl",
     "{question} {answer}",
     OK_LINE,
     NULL,
     NULL,
     0,
     0,
     0,
     VS_E_INPUT,
     {"prompt", "\"{answer}\""}},
    {"jsonl", "{question} {", OK_LINE, NULL, NULL, 0, 0, 0, VS_E_INPUT, {"prompt", "\"{\""}},
#undef P
#undef OK_LINE
};

static const char *path_of(int slot, const char *text)
{
    if (!text) return NULL;
    return text[0] == '@' ? "/nonexistent/missing.jsonl" : put(slot, text);
}

TEST(files, training_problems_may_lack_an_answer_where_that_is_allowed)
{
    vs_problem_source source = {.kind = "jsonl",
                                .prompt = "{question}",
                                .train_file = put(0, "{\"question\": \"a\"}\n"
                                                     "{\"question\": \"b\", \"answer\": null}\n"
                                                     "{\"question\": \"c\", \"answer\": 3}\n"),
                                .sft_file = put(1, "{\"question\": \"d\", \"answer\": 4, "
                                                   "\"reference\": \"r\"}\n"),
                                .allows_no_answer = true};
    vs_problems p = {0};
    vs_error err = {0};

    CHECK_OK(vs_problems_load(&p, &source, &err));
    CHECK(p.n == 4 && !p.item[1].gold && !p.item[2].gold);
    CHECK_STR(p.item[3].gold, "3");
    vs_problems_free(&p);
    source.test_file = put(2, "{\"question\": \"e\"}\n"); /* a test needs it */
    CHECK(vs_problems_load(&p, &source, &err) == VS_E_FORMAT);
    CHECK(strstr(err.text, "data.jsonl:1: missing key \"answer\"") != NULL);
}

TEST(files, bad_input_is_one_error_that_names_place_found_and_expected)
{
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const struct bad_case *c = &bad_cases[i];
        const vs_problem_source source = {.kind = c->kind,
                                          .prompt = c->prompt,
                                          .train_file = path_of(0, c->train),
                                          .test_file = path_of(1, c->test),
                                          .sft_file = path_of(2, c->sft),
                                          .n_sft = c->n_sft,
                                          .n_train = c->n_train,
                                          .n_test = c->n_test};
        vs_problems p = {0};
        vs_error err = {0};

        if (vs_problems_load(&p, &source, &err) != c->code)
            fail_msg("case %zu: code %d, expected %d: %s", i, err.code, c->code, err.text);
        for (size_t j = 0; j < 3 && c->names[j]; j++)
            if (!strstr(err.text, c->names[j]))
                fail_msg("case %zu: no %s in: %s", i, c->names[j], err.text);
        CHECK(p.item == NULL && p.n == 0);
    }
}

TEST(files, over_long_texts_are_refused_by_their_limit)
{
    vs_problem_source source = {.kind = "jsonl", .prompt = "{question}"};
    const size_t len = (size_t)VS_PROBLEM_TEXT_MAX + 1;
    vs_problems p = {0};
    vs_buf text = {0};
    vs_error err;

    vs_buf_str(&text, "{\"answer\": 1, \"question\": \"");
    for (size_t i = 0; i < len; i++) vs_buf_str(&text, "x");
    vs_buf_str(&text, "\"}\n");
    CHECK_OK(vs_buf_ok(&text, "text", &err));
    source.train_file = put(0, text.data);
    assert_int_equal(vs_problems_load(&p, &source, &err), VS_E_LIMIT);
    CHECK(strstr(err.text, "\"question\"") && strstr(err.text, "1048577"));
    vs_buf_free(&text);
}

TEST(files, running_out_of_memory_anywhere_is_an_error_and_leaks_nothing)
{
    vs_problem_source source = {.kind = "jsonl", .n_sft = 2, .prompt = template};
    vs_status st = VS_E_NOMEM;
    vs_problems p = {0};
    vs_error err;
    long n;

    source.train_file = put(0, plain_train);
    source.test_file = put(1, plain_test);
    for (n = 0; st != VS_OK && n < 1000; n++) {
        vs_alloc_fail_after(n);
        st = vs_problems_load(&p, &source, &err);
        if (st != VS_OK) {
            assert_int_equal(st, VS_E_NOMEM);
            CHECK(p.item == NULL);
        }
    }
    vs_alloc_fail_after(-1);
    assert_int_equal(st, VS_OK);
    CHECK(n > 20);
    vs_problems_free(&p);
}
