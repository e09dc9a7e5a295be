#include "vs_test.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "flow/store/store.h"

enum { WRONG, RIGHT, UNGRADABLE }; /* as stored */

static const char *db_path(void)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/run.db", vs_test_dir());
    return path;
}

static void add_problem(vs_store *s, int number)
{
    vs_error err;
    char key[16];
    int32_t ids[2] = {number, -7};
    vs_problem p = {.split = "train",
                    .key = key,
                    .question = "2+3?",
                    .prompt = "Q: 2+3?\n",
                    .gold = "5",
                    .ids = ids,
                    .n_ids = 2};

    snprintf(key, sizeof key, "p%d", number);
    if (number % 2) p.reference = "2+3=5. #### 5";
    CHECK_OK(vs_store_add_problem(s, &p, &err));
}

static int64_t add_sample(vs_store *s, int64_t problem, const char *set, uint32_t index)
{
    vs_error err;
    int32_t ids[3] = {10, (int32_t)index, 0x01020304};
    float logprobs[3] = {-0.5f, -1.25f, -1e-30f};
    int64_t id = 0;
    vs_sample x = {.problem_id = problem,
                   .index = index,
                   .ids = ids,
                   .token_logprobs = logprobs,
                   .n_ids = 3,
                   .logprob = -1.75,
                   .text = "it is 5\n",
                   .finish = "stop",
                   .model = "00ff"};

    snprintf(x.set, sizeof x.set, "%s", set);
    CHECK_OK(vs_store_add_sample(s, &x, &id, &err));
    return id;
}

static vs_store *open_store(const char *path, vs_store_mode mode)
{
    vs_error err;
    vs_store *s = NULL;

    CHECK_OK(vs_store_open(&s, path, mode, &err));
    return s;
}

/* malloc'd */
static char *dump(vs_store *s)
{
    vs_error err;
    char *text = NULL;
    size_t len = 0;
    FILE *fp = open_memstream(&text, &len);

    CHECK(fp != NULL);
    CHECK_OK(vs_store_dump(s, fp, &err));
    fclose(fp);
    return text;
}

static void expect_refusal(const char *path, vs_store_mode mode, vs_status code, const char *part)
{
    vs_error err;
    vs_store *s = NULL;

    const vs_status st = vs_store_open(&s, path, mode, &err);

    if (st != code) fail_msg("status %d: %s", (int)st, st ? err.text : "");
    CHECK(s == NULL);
    if (!strstr(err.text, path) || !strstr(err.text, part)) fail_msg("unclear: %s", err.text);
}

static void execute_sql(const char *path, const char *sql)
{
    sqlite3 *db;

    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

/* Runs body(path) in a child that dies without closing anything. */
static void in_killed_child(void (*body)(const char *path), const char *path)
{
    int status = 0;
    const pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        body(path);
        _exit(7);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

TEST(store, gives_back_problems_as_they_were_added)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_problems p = {0};

    add_problem(s, 1);
    add_problem(s, 2);
    CHECK_OK(vs_store_problems(&p, s, "train", &err));
    CHECK(p.n == 2 && p.item[0].id == 1 && p.item[1].id == 2);
    CHECK_STR(p.item[1].key, "p2");
    CHECK_STR(p.item[0].split, "train");
    CHECK_STR(p.item[0].prompt, "Q: 2+3?\n");
    CHECK_STR(p.item[0].reference, "2+3=5. #### 5");
    CHECK(p.item[1].reference == NULL);
    CHECK(p.item[1].n_ids == 2 && p.item[1].ids[0] == 2 && p.item[1].ids[1] == -7);
    vs_problems_free(&p);
    CHECK_OK(vs_store_problems(&p, s, "test", &err));
    CHECK(p.n == 0);
    vs_problems_free(&p);
    vs_store_close(s);
}

TEST(store, refuses_a_second_problem_of_the_same_key_and_split)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_problem p = {.split = "test", .key = "a", .question = "", .prompt = "", .gold = ""};

    CHECK_OK(vs_store_add_problem(s, &p, &err));
    CHECK(vs_store_add_problem(s, &p, &err) == VS_E_INPUT);
    snprintf(p.split, sizeof p.split, "train");
    CHECK_OK(vs_store_add_problem(s, &p, &err));
    snprintf(p.split, sizeof p.split, "dev");
    CHECK(vs_store_add_problem(s, &p, &err) == VS_E_INPUT);
    vs_store_close(s);
}

TEST(store, gives_back_samples_in_order_of_problem_set_and_number)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_samples x = {0};
    size_t groups = 99;

    add_problem(s, 1);
    add_problem(s, 2);
    CHECK(add_sample(s, 2, "round-1", 1) == 1);
    CHECK(add_sample(s, 2, "round-1", 0) == 2);
    CHECK(add_sample(s, 1, "test:sft", 0) == 3);
    CHECK(add_sample(s, 1, "round-1", 0) == 4);
    CHECK(add_sample(s, 1, "reference", 0) == 5);
    CHECK_OK(vs_store_samples(&x, s, NULL, NULL, &err));
    CHECK(x.n == 5);
    /* sets in order of creation: round-1, test:sft, reference */
    CHECK(x.item[0].id == 4 && x.item[1].id == 3 && x.item[2].id == 5);
    CHECK(x.item[3].id == 2 && x.item[4].id == 1);
    CHECK(x.item[4].index == 1 && x.item[4].n_ids == 3 && x.item[4].ids[2] == 0x01020304);
    CHECK(x.item[4].logprob == -1.75 && x.item[4].token_logprobs == NULL);
    CHECK_STR(x.item[4].text, "it is 5\n");
    CHECK_STR(x.item[4].finish, "stop");
    CHECK_STR(x.item[4].model, "00ff");
    CHECK(x.item[4].verdict == -1 && x.item[4].normal == NULL);
    vs_samples_free(&x);
    CHECK_OK(vs_store_samples(&x, s, "r*", NULL, &err));
    CHECK(x.n == 4);
    vs_samples_free(&x);
    CHECK_OK(vs_store_count_groups(&groups, s, "round-1", &err));
    CHECK(groups == 2);
    CHECK_OK(vs_store_count_groups(&groups, s, "round-2", &err));
    CHECK(groups == 0);
    vs_store_close(s);
}

TEST(store, keeps_references_without_log_probs_and_empty_completions)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_sample x = {.problem_id = 1, .set = "reference", .finish = "stop", .text = (char[]){""}};
    vs_samples all = {0};

    add_problem(s, 1);
    CHECK_OK(vs_store_add_sample(s, &x, NULL, &err));
    CHECK_OK(vs_store_samples(&all, s, "reference", NULL, &err));
    CHECK(all.n == 1 && all.item[0].n_ids == 0);
    CHECK_STR(all.item[0].model, "");
    vs_samples_free(&all);
    vs_store_close(s);
}

TEST(store, refuses_samples_of_unknown_problems_and_repeated_numbers)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_sample x = {.problem_id = 7, .set = "round-1", .finish = "stop"};

    add_problem(s, 1);
    CHECK(vs_store_add_sample(s, &x, NULL, &err) == VS_E_INPUT);
    x.problem_id = 1;
    CHECK_OK(vs_store_add_sample(s, &x, NULL, &err));
    CHECK(vs_store_add_sample(s, &x, NULL, &err) == VS_E_INPUT);
    x.index = 1;
    snprintf(x.finish, sizeof x.finish, "bored");
    CHECK(vs_store_add_sample(s, &x, NULL, &err) == VS_E_INPUT);
    vs_store_close(s);
}

TEST(store, replaces_labels_of_one_profile_and_keeps_the_others)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_label l = {.sample_id = 1,
                  .profile = "gsm8k/1",
                  .verdict = WRONG,
                  .rule = "last",
                  .extracted = "5.0",
                  .normal = "5",
                  .span_start = 2,
                  .span_end = 5};
    vs_samples x = {0};

    add_problem(s, 1);
    add_sample(s, 1, "round-1", 0);
    add_sample(s, 1, "round-1", 1);
    CHECK_OK(vs_store_add_label(s, &l, &err));
    l.profile = "gsm8k/2";
    l.verdict = UNGRADABLE;
    l.normal = NULL;
    CHECK_OK(vs_store_add_label(s, &l, &err));
    l.profile = "gsm8k/1";
    l.verdict = RIGHT;
    l.normal = "6";
    CHECK_OK(vs_store_add_label(s, &l, &err));
    CHECK_OK(vs_store_samples(&x, s, NULL, "gsm8k/1", &err));
    CHECK(x.n == 2 && x.item[0].verdict == RIGHT && x.item[1].verdict == -1);
    CHECK_STR(x.item[0].normal, "6");
    vs_samples_free(&x);
    CHECK_OK(vs_store_samples(&x, s, NULL, "gsm8k/2", &err));
    CHECK(x.item[0].verdict == UNGRADABLE && x.item[0].normal == NULL);
    vs_samples_free(&x);
    vs_store_close(s);
}

TEST(store, finds_scores_by_model_and_says_nan_where_there_is_none)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    vs_samples x = {0};
    double out[2];

    add_problem(s, 1);
    add_sample(s, 1, "round-1", 0);
    add_sample(s, 1, "round-1", 1);
    CHECK_OK(vs_store_add_score(s, 2, "aa", -3.0000000000000004, &err));
    CHECK_OK(vs_store_add_score(s, 2, "bb", -1.0, &err));
    CHECK_OK(vs_store_samples(&x, s, NULL, NULL, &err));
    CHECK_OK(vs_store_scores(out, s, &x, "aa", &err));
    CHECK(isnan(out[0]) && out[1] == -3.0000000000000004);
    CHECK(vs_store_add_score(s, 9, "aa", -1.0, &err) == VS_E_INPUT);
    vs_samples_free(&x);
    vs_store_close(s);
}

TEST(store, gives_back_facts_metrics_and_training_rows)
{
    vs_error err;
    vs_store *s = open_store(db_path(), VS_STORE_CREATE);
    char *value = NULL;
    vs_metric m = {.system = "G_T", .curve = "pass", .k = 4, .value = 0.75, .low = 0.5, .high = 1};
    vs_train_row r = {.model = "sft",
                      .step = 3,
                      .loss = 1.5,
                      .grad_norm = 0.1,
                      .lr = 1e-3,
                      .accuracy = NAN,
                      .margin = NAN,
                      .logp_right = NAN,
                      .logp_wrong = NAN,
                      .n_tokens = 77};
    vs_metric *metrics = NULL;
    vs_train_row *rows = NULL;
    double *each = NULL;
    size_t n = 0;

    CHECK_OK(vs_store_get(&value, s, "seed", &err));
    CHECK(value == NULL);
    CHECK_OK(vs_store_set(s, "seed", "1", &err));
    CHECK_OK(vs_store_set(s, "seed", "2", &err));
    CHECK_OK(vs_store_get(&value, s, "seed", &err));
    CHECK_STR(value, "2");
    free(value);
    m.each = (const double[]){0.5, -1e-300, 1};
    m.n_each = 3;
    CHECK_OK(vs_store_add_metric(s, &m, &err));
    CHECK_OK(vs_store_metric_each(&each, &n, s, m.system, m.curve, m.k, &err));
    CHECK(n == 3 && memcmp(each, m.each, 3 * sizeof *each) == 0);
    free(each);
    CHECK(vs_store_metric_each(&each, &n, s, m.system, m.curve, m.k + 1, &err) == VS_E_STATE);
    m.k = 1;
    CHECK_OK(vs_store_add_metric(s, &m, &err));
    m.value = 0.25;
    CHECK_OK(vs_store_add_metric(s, &m, &err));
    CHECK_OK(vs_store_metrics(&metrics, &n, s, &err));
    CHECK(n == 2 && metrics[0].k == 1 && metrics[0].value == 0.25 && metrics[1].high == 1);
    CHECK_STR(metrics[1].curve, "pass");
    free(metrics);
    CHECK_OK(vs_store_add_train_row(s, &r, &err));
    CHECK_OK(vs_store_train_rows(&rows, &n, s, &err));
    CHECK(n == 1 && rows[0].step == 3 && rows[0].grad_norm == 0.1 && rows[0].n_tokens == 77);
    CHECK(isnan(rows[0].accuracy) && rows[0].loss == 1.5);
    free(rows);
    vs_store_close(s);
}

static void one_group_committed_one_not(const char *path)
{
    vs_error err;
    vs_store *s = open_store(path, VS_STORE_WRITE);

    CHECK_OK(vs_store_begin(s, &err));
    add_sample(s, 1, "round-1", 0);
    CHECK_OK(vs_store_commit(s, &err));
    CHECK_OK(vs_store_begin(s, &err));
    add_sample(s, 2, "round-1", 0);
    add_sample(s, 2, "round-1", 1);
}

TEST(store, keeps_what_was_committed_and_nothing_else_after_a_kill)
{
    vs_error err;
    const char *path = db_path();
    vs_store *s = open_store(path, VS_STORE_CREATE);
    size_t groups = 0;

    add_problem(s, 1);
    add_problem(s, 2);
    vs_store_close(s);
    in_killed_child(one_group_committed_one_not, path);
    s = open_store(path, VS_STORE_WRITE); /* the dead writer's lock is gone */
    CHECK_OK(vs_store_count_groups(&groups, s, "round-1", &err));
    CHECK(groups == 1);
    CHECK(add_sample(s, 2, "round-1", 0) == 2); /* ids go on as if nothing had happened */
    vs_store_close(s);
}

enum { TORN_GROUPS = 6 };

static void many_commits(const char *path)
{
    vs_error err;
    vs_store *s = open_store(path, VS_STORE_WRITE);

    for (uint32_t i = 0; i < TORN_GROUPS; i++) {
        CHECK_OK(vs_store_begin(s, &err));
        add_sample(s, 1, "round-1", 2 * i);
        add_sample(s, 1, "round-1", 2 * i + 1);
        CHECK_OK(vs_store_commit(s, &err));
    }
}

/* Copies the database with the first `len` bytes of its journal and counts its samples. */
static size_t samples_with_journal(const char *from, const char *to, const char *wal, size_t len)
{
    vs_error err;
    char wal_path[420];
    vs_samples x = {0};
    vs_store *s;
    size_t n;

    snprintf(wal_path, sizeof wal_path, "%s-wal", to);
    CHECK_OK(vs_file_copy(to, from, &err));
    CHECK_OK(vs_file_replace(wal_path, wal, len, &err));
    s = open_store(to, VS_STORE_WRITE);
    CHECK_OK(vs_store_samples(&x, s, NULL, NULL, &err));
    n = x.n;
    for (size_t i = 0; i < n; i++) CHECK(x.item[i].index == i && x.item[i].n_ids == 3);
    vs_samples_free(&x);
    vs_store_close(s);
    return n;
}

TEST(store, keeps_every_whole_transaction_of_a_torn_journal)
{
    vs_error err;
    const char *path = db_path();
    char from[400], to[400], wal_path[420], *wal = NULL;
    vs_store *s;
    size_t len = 0, last = 0;

    snprintf(from, sizeof from, "%s", path);
    snprintf(to, sizeof to, "%s", db_path());
    snprintf(wal_path, sizeof wal_path, "%s-wal", from);
    s = open_store(from, VS_STORE_CREATE);
    add_problem(s, 1);
    vs_store_close(s);
    in_killed_child(many_commits, from);
    CHECK_OK(vs_file_read(&wal, &len, wal_path, 1 << 24, &err));
    for (size_t cut = 0; cut <= len; cut += cut + 1511 > len && cut < len ? len - cut : 1511) {
        const size_t n = samples_with_journal(from, to, wal, cut);
        CHECK(n % 2 == 0 && n >= last);
        last = n;
    }
    CHECK(last == 2 * TORN_GROUPS);
    free(wal);
}

TEST(store, has_one_dump_whatever_the_transactions)
{
    vs_error err;
    const char *path = db_path();
    char *dumps[3];

    for (int variant = 0; variant < 3; variant++) {
        char file[420];
        vs_store *s;

        snprintf(file, sizeof file, "%s%d", path, variant);
        s = open_store(file, VS_STORE_CREATE);
        if (variant == 1) CHECK_OK(vs_store_begin(s, &err));
        for (int p = 1; p <= 3; p++) add_problem(s, p);
        if (variant == 2) { /* a killed attempt, reopened */
            CHECK_OK(vs_store_begin(s, &err));
            add_sample(s, 3, "round-9", 5);
            vs_store_close(s);
            s = open_store(file, VS_STORE_CREATE);
        }
        for (uint32_t i = 0; i < 4; i++) add_sample(s, 1 + i % 3, "round-1", i);
        CHECK_OK(vs_store_add_score(s, 2, "m", -0.1, &err));
        if (variant == 1) CHECK_OK(vs_store_commit(s, &err));
        dumps[variant] = dump(s);
        vs_store_close(s);
    }
    CHECK_STR(dumps[0], dumps[1]);
    CHECK_STR(dumps[0], dumps[2]);
    CHECK(strstr(dumps[0], "-0x1.999999999999ap-4") != NULL); /* -0.1, every bit of it */
    CHECK(strstr(dumps[0], "x'0a0000000100000004030201'") != NULL);
    CHECK(strstr(dumps[0], "\"it is 5\\x0a\"") != NULL);
    for (int i = 0; i < 3; i++) free(dumps[i]);
}

TEST(store, has_another_dump_when_one_bit_differs)
{
    vs_error err;
    const char *path = db_path();
    vs_store *s = open_store(path, VS_STORE_CREATE);
    char *a, *b;

    add_problem(s, 1);
    add_sample(s, 1, "round-1", 0);
    CHECK_OK(vs_store_add_score(s, 1, "m", -1.0, &err));
    a = dump(s);
    CHECK_OK(vs_store_add_score(s, 1, "m", nextafter(-1.0, 0), &err));
    b = dump(s);
    CHECK(strcmp(a, b) != 0);
    free(a);
    free(b);
    vs_store_close(s);
}

TEST(store, lets_readers_in_beside_one_writer_and_no_second_writer)
{
    vs_error err;
    const char *path = db_path();
    vs_store *writer = open_store(path, VS_STORE_CREATE), *reader;
    vs_problems p = {0};

    add_problem(writer, 1);
    expect_refusal(path, VS_STORE_WRITE, VS_E_STATE, "another process is writing");
    expect_refusal(path, VS_STORE_CREATE, VS_E_STATE, ".lock");
    CHECK_OK(vs_store_begin(writer, &err));
    add_problem(writer, 2);
    reader = open_store(path, VS_STORE_READ);
    CHECK_OK(vs_store_problems(&p, reader, NULL, &err));
    CHECK(p.n == 1);
    vs_problems_free(&p);
    CHECK(vs_store_set(reader, "a", "b", &err) != VS_OK);
    vs_store_close(reader);
    CHECK_OK(vs_store_commit(writer, &err));
    vs_store_close(writer);
    vs_store_close(open_store(path, VS_STORE_WRITE));
}

TEST(store, refuses_files_that_are_no_run_and_says_what_they_are)
{
    vs_error err;
    const char *path = db_path();
    const char garbage[] =
        "{\"this\": \"is JSON, not a database, and long enough to be looked at\"}";

    expect_refusal(path, VS_STORE_READ, VS_E_IO, "no such file");
    expect_refusal(path, VS_STORE_WRITE, VS_E_IO, "no such file");
    CHECK_OK(vs_file_replace(path, garbage, sizeof garbage, &err));
    for (int mode = VS_STORE_CREATE; mode <= VS_STORE_READ; mode++)
        expect_refusal(path, (vs_store_mode)mode, VS_E_FORMAT, "not an SQLite database");
    CHECK_OK(vs_file_replace(path, "", 0, &err));
    expect_refusal(path, VS_STORE_WRITE, VS_E_STATE, "empty database");
    execute_sql(path, "CREATE TABLE someone_elses (x)");
    expect_refusal(path, VS_STORE_CREATE, VS_E_FORMAT, "application_id 0x00000000");
    execute_sql(path, "PRAGMA application_id = 252006673");
    expect_refusal(path, VS_STORE_CREATE, VS_E_FORMAT, "application_id 0x0f055111");
    expect_refusal("/dev/null/run.db", VS_STORE_CREATE, VS_E_IO, "cannot open");
}

TEST(store, refuses_a_run_of_another_schema_version)
{
    const char *path = db_path();

    vs_store_close(open_store(path, VS_STORE_CREATE));
    execute_sql(path, "PRAGMA user_version = 9");
    expect_refusal(path, VS_STORE_WRITE, VS_E_STATE, "found schema version 9, expected 4");
    expect_refusal(path, VS_STORE_READ, VS_E_STATE, "another version of vstar");
}

TEST(store, refuses_a_truncated_database_at_any_cut)
{
    vs_error err;
    const char *path = db_path();
    vs_store *s = open_store(path, VS_STORE_CREATE);
    char *data = NULL;
    size_t len = 0;

    for (int i = 1; i < 400; i++) add_problem(s, i);
    vs_store_close(s);
    CHECK_OK(vs_file_read(&data, &len, path, 1 << 24, &err));
    for (size_t cut = 1; cut < len; cut += 4001) {
        CHECK_OK(vs_file_replace(path, data, cut, &err));
        expect_refusal(path, VS_STORE_WRITE, VS_E_FORMAT, "expected");
    }
    free(data);
}

TEST(store, names_the_file_when_a_page_is_damaged)
{
    vs_error err;
    const char *path = db_path();
    vs_store *s = open_store(path, VS_STORE_CREATE);
    vs_problems p = {0};
    vs_status st = VS_OK;
    char *data = NULL;
    size_t len = 0;

    for (int i = 1; i < 400; i++) add_problem(s, i);
    vs_store_close(s);
    CHECK_OK(vs_file_read(&data, &len, path, 1 << 24, &err));
    for (size_t i = 4096 * 3; i < len; i++) data[i] = (char)0xa5;
    CHECK_OK(vs_file_replace(path, data, len, &err));
    free(data);
    st = vs_store_open(&s, path, VS_STORE_READ, &err);
    if (st == VS_OK) {
        st = vs_store_problems(&p, s, NULL, &err);
        vs_store_close(s);
    }
    CHECK(st == VS_E_FORMAT);
    CHECK(strstr(err.text, path) && strstr(err.text, "damaged or truncated"));
}

/* What the run's folder documents as queries keeps working: each block of docs/RUN_DB.md. */
TEST(store, runs_every_query_of_its_documentation)
{
    vs_error err;
    const char *path = db_path();
    char *text = NULL, *at, *end;
    size_t len = 0, n = 0;
    sqlite3 *db;

    vs_store_close(open_store(path, VS_STORE_CREATE));
    CHECK_OK(vs_file_read(&text, &len, VSTAR_SOURCE_DIR "/docs/RUN_DB.md", 1 << 20, &err));
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    for (at = text; (at = strstr(at, "```sql\n")) != NULL; at = end + 3, n++) {
        at += 7;
        end = strstr(at, "```");
        CHECK(end != NULL);
        *end = '\0';
        if (sqlite3_exec(db, at, NULL, NULL, NULL) != SQLITE_OK)
            fail_msg("%s in: %s", sqlite3_errmsg(db), at);
    }
    CHECK(n >= 4);
    sqlite3_close(db);
    free(text);
}
