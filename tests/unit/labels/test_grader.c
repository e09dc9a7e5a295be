/* test_grader.c - graders behind one interface: the profiles, and commands that answer, die, hang
 * or babble. The commands are small shell scripts. */
#include "flow/labels/grader.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stop.h"
#include "flow/labels/external.h"

#include "vs_test.h"

enum { N = 40 };

/* Items whose completion is their number; every third one is right. */
static vs_grade_item items[N];
static char number[N][16];

static void make_items(void)
{
    for (int i = 0; i < N; i++) {
        snprintf(number[i], sizeof number[i], "<%d>", i);
        items[i] = (vs_grade_item){.id = number[i],
                                   .id_len = strlen(number[i]),
                                   .gold = i % 3 ? "no" : "yes",
                                   .gold_len = i % 3 ? 2 : 3,
                                   .completion = number[i],
                                   .completion_len = strlen(number[i])};
    }
}

/* Answers by the gold of the line; what stands before it may spoil things. $d is a scratch folder.
 */
static const char *script(const char *before)
{
    static char text[2048];

    snprintf(
        text, sizeof text,
        "d='%s'; while IFS= read -r line; do %s; case $line in *'\"gold\":\"yes\"'*) v=right;; *) "
        "v=wrong;; esac; printf '{\"verdict\":\"%%s\",\"normal\":\"n\",\"rule\":\"r\"}\\n' $v; "
        "done",
        vs_test_dir(), before);
    return text;
}

static vs_status run(const char *command, size_t n_workers, double timeout_s,
                     vs_grade_result *results, vs_error *err)
{
    const char *const words[] = {"sh", "-c", command};
    const vs_grader_options o = {.profile = "external",
                                 .command = words,
                                 .n_command = 3,
                                 .timeout_s = timeout_s,
                                 .n_workers = n_workers};
    vs_grader *g = NULL;
    size_t bad = 0;
    vs_status st;

    make_items();
    CHECK(vs_grader_open(&g, &o, err) == VS_OK);
    st = vs_grader_run(g, items, N, results, &bad, err);
    vs_grader_close(g);
    return st;
}

static void check_all_right(const vs_grade_result *results)
{
    for (int i = 0; i < N; i++) {
        CHECK(results[i].verdict == (i % 3 ? VS_WRONG : VS_RIGHT));
        CHECK_STR(results[i].normal, "n");
        CHECK(strncmp(results[i].rule, "external/1:", 11) == 0 && strstr(results[i].rule, ":r"));
    }
}

TEST(grader, gives_a_commands_answers_in_order_whatever_the_number_of_workers)
{
    for (size_t n_workers = 1; n_workers <= 3; n_workers++) {
        vs_grade_result results[N];
        vs_error err;
        CHECK_OK(run(script(":"), n_workers, 0.0, results, &err));
        check_all_right(results);
    }
}

/* Each worker dies at every fifth line that it reads, in the middle of its answer. */
TEST(grader, starts_a_command_again_that_dies_and_asks_again)
{
    vs_grade_result results[N];
    vs_error err;

    CHECK_OK(run(script("k=$((k+1)); [ $k = 5 ] && { printf '{\"ver'; kill -9 $$; }"), 2, 0.0,
                 results, &err));
    check_all_right(results);
}

TEST(grader, calls_what_a_command_always_dies_of_ungradable)
{
    vs_grade_result results[N];
    vs_error err;

    CHECK_OK(run(script("case $line in *'<7>'*) exit 3;; esac"), 2, 0.0, results, &err));
    CHECK(results[7].verdict == VS_UNGRADABLE && strstr(results[7].rule, ":died"));
    results[7] = results[8];
    check_all_right(results);
}

static const double LIMIT_S = 0.3; /* far above what an answer takes here */

TEST(grader, calls_what_takes_too_long_ungradable_and_kills_what_the_command_started)
{
    vs_grade_result results[N];
    char path[512];
    vs_error err;

    CHECK_OK(run(script("case $line in *'<7>'*) (sleep 3; : >\"$d/survivor\") & wait;; esac"), 2,
                 LIMIT_S, results, &err));
    CHECK(results[7].verdict == VS_UNGRADABLE && strstr(results[7].rule, ":timeout"));
    results[7] = results[8];
    check_all_right(results);
    sleep(4);
    snprintf(path, sizeof path, "%s/survivor", vs_test_dir());
    CHECK(access(path, F_OK) != 0);
}

/* By one worker, so that the item is the first that the command ever sees. */
TEST(grader, calls_the_first_item_ungradable_when_it_takes_too_long)
{
    vs_grade_result results[N];
    vs_error err;

    CHECK_OK(run(script("case $line in *'<0>'*) sleep 30;; esac"), 1, LIMIT_S, results, &err));
    CHECK(results[0].verdict == VS_UNGRADABLE && strstr(results[0].rule, ":timeout"));
    results[0] = results[3];
    check_all_right(results);
}

TEST(grader, refuses_what_is_no_answer_and_shows_it)
{
    static const struct {
        const char *before, *expected;
    } rows[] = {
        {"echo hello", "hello"},
        {"echo '{\"verdict\":\"maybe\"}'", "maybe"},
        {"echo '{\"verdict\":true}'", "\"verdict\""},
        {"echo '{}'", "\"verdict\""},
        {"printf '{\"verdict\":\"right\"}\\n{\"verdict\":\"right\"}\\n'", "more than one line"},
        {"printf '%2000000d' 1", "longer than"},
        {"exit 1", "no item has had an answer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vs_grade_result results[N];
        vs_error err;
        CHECK(run(script(rows[i].before), 1, 0.0, results, &err) != VS_OK);
        if (!strstr(err.text, rows[i].expected) || !strstr(err.text, "grader command"))
            fail_msg("%s: %s", rows[i].before, err.text);
    }
}

TEST(grader, refuses_a_command_that_cannot_be_run_is_missing_or_does_not_belong)
{
    const char *const words[] = {"/nonexistent/grader"};
    vs_grader_options o = {.profile = "external", .command = words, .n_command = 1};
    vs_grade_result results[N];
    vs_grader *g = NULL;
    vs_error err;
    size_t bad;

    make_items();
    CHECK_OK(vs_grader_open(&g, &o, &err));
    CHECK(vs_grader_run(g, items, N, results, &bad, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "/nonexistent/grader"));
    vs_grader_close(g);
    o.n_command = 0;
    CHECK(vs_grader_open(&g, &o, &err) == VS_E_INPUT && strstr(err.text, "expected one"));
    o = (vs_grader_options){.profile = "gsm8k", .command = words, .n_command = 1};
    CHECK(vs_grader_open(&g, &o, &err) == VS_E_INPUT && strstr(err.text, "expected none"));
    o = (vs_grader_options){.profile = "latin"};
    CHECK(vs_grader_open(&g, &o, &err) == VS_E_INPUT && strstr(err.text, "external"));
}

/* The gold makes a request longer than a pipe holds, and the command talks before it has read it.
 */
TEST(grader, sends_and_receives_more_than_a_pipe_holds)
{
    enum { LONG = 1 << 20 };
    static const char talkative[] =
        "while IFS= read -r line; do printf "
        "'{\"verdict\":\"right\",\"extracted\":\"%0200000d\"}\\n' 7; done";
    const char *const words[] = {"sh", "-c", talkative};
    const vs_grader_options o = {
        .profile = "external", .command = words, .n_command = 3, .n_workers = 1};
    char *gold = vs_alloc(LONG, 1);
    vs_grade_result results[2];
    vs_grade_item item[2];
    vs_grader *g = NULL;
    vs_error err;
    size_t bad;

    memset(gold, 'g', LONG);
    for (int i = 0; i < 2; i++)
        item[i] =
            (vs_grade_item){.gold = gold, .gold_len = LONG, .completion = "", .completion_len = 0};
    CHECK_OK(vs_grader_open(&g, &o, &err));
    CHECK_OK(vs_grader_run(g, item, 2, results, &bad, &err));
    for (int i = 0; i < 2; i++) CHECK(strlen(results[i].extracted) == VS_GRADE_EXTRACT_BYTES - 1);
    vs_grader_close(g);
    free(gold);
}

/* SIGPIPE is deadly by default: a worker that has closed its input must not bring it. */
TEST(grader, lives_when_a_command_closes_its_input)
{
    vs_grade_result results[N];
    vs_error err;

    CHECK(run("exec 0<&-; sleep 0.2", 2, 0.0, results, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "no item has had an answer"));
}

TEST(grader, stops_when_it_is_asked_to)
{
    vs_grade_result results[N];
    vs_error err;

    vs_stop_request();
    CHECK(run(script("sleep 60"), 2, 0.0, results, &err) == VS_E_STOPPED);
    vs_stop_clear();
}

TEST(grader, has_a_version_that_follows_the_files_a_command_names)
{
    char path[512], before[VS_GRADER_VERSION_BYTES];
    const char *const words[] = {"sh", path};
    const vs_grader_options o = {.profile = "external", .command = words, .n_command = 2};
    vs_grader *g = NULL;
    vs_error err;

    snprintf(path, sizeof path, "%s/grader.sh", vs_test_dir());
    for (int i = 0; i < 3; i++) {
        FILE *fp = fopen(path, "w");
        CHECK(fp && fprintf(fp, "echo %d\n", i / 2) > 0 && fclose(fp) == 0);
        CHECK_OK(vs_grader_open(&g, &o, &err));
        if (i) CHECK((strcmp(before, vs_grader_version(g)) == 0) == (i == 1));
        snprintf(before, sizeof before, "%s", vs_grader_version(g));
        vs_grader_close(g);
    }
}

TEST(grader, survives_each_failing_allocation)
{
    const char *const words[] = {"true"};
    const vs_grader_options o = {.profile = "external", .command = words, .n_command = 1};
    vs_grader *g = NULL;
    vs_status st = VS_E_NOMEM;
    vs_error err;

    for (long n = 0; st != VS_OK; n++) {
        CHECK(n < 100);
        vs_alloc_fail_after(n);
        st = vs_grader_open(&g, &o, &err);
        vs_alloc_fail_after(-1);
        CHECK(st == VS_OK || st == VS_E_NOMEM);
    }
    vs_grader_close(g);
}

TEST(grader, names_the_item_whose_gold_is_refused)
{
    const vs_grader_options o = {.profile = "gsm8k"};
    const vs_grade_item two[] = {
        {.gold = "18", .gold_len = 2, .completion = "#### 18", .completion_len = 7},
        {.gold = "many", .gold_len = 4, .completion = "#### 18", .completion_len = 7},
    };
    vs_grade_result results[2];
    vs_grader *g = NULL;
    vs_error err;
    size_t bad = 9;

    CHECK_OK(vs_grader_open(&g, &o, &err));
    CHECK_STR(vs_grader_version(g), "gsm8k/3");
    CHECK(vs_grader_run(g, two, 2, results, &bad, &err) == VS_E_INPUT && bad == 1);
    CHECK_OK(vs_grader_run(g, two, 1, results, &bad, &err));
    CHECK(results[0].verdict == VS_RIGHT);
    vs_grader_close(g);
}
