/* test_code.c - programs in the sandbox: what each comes to, the hostile ones, and the published
 * data sets. Skipped, with the reason, where programs cannot be run safely. */
#include "flow/labels/code/code.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/stop.h"
#include "flow/problems/problems.h"

#include "unit/labels/labelled.h"

static code_grader *the_grader(void)
{
    static code_grader *g;
    static bool is_tried;
    vs_error err;

    if (!is_tried && code_open(&g, 2, true, &err) != VS_OK)
        print_message("no sandbox: %s\n", err.text);
    is_tried = true;
    return g;
}
#define SKIP_WITHOUT_SANDBOX()     \
    do {                           \
        if (!the_grader()) skip(); \
    } while (0)

enum { MOST = 256 };

/* Grades up to MOST items at once. */
static void run_all(const char *profile, const vs_grade_item *items, size_t n,
                    vs_grade_result *results)
{
    const code_cache none = {NULL, NULL, NULL};
    vs_error err = {.code = VS_OK};
    size_t bad = SIZE_MAX;

    if (code_grade(the_grader(), profile, items, n, results, &none, &bad, &err) != VS_OK)
        fail_msg("item %zu: %s", bad, err.text);
}

static vs_grade_item item(const char *gold, const char *completion)
{
    return (vs_grade_item){.gold = gold,
                           .gold_len = strlen(gold),
                           .completion = completion,
                           .completion_len = strlen(completion)};
}

/* Gold and completion, and the rule's end. */
typedef struct trial {
    const char *tests, *program, *rule;
} trial;

static void check_rows(const trial *rows, size_t n)
{
    vs_grade_item items[MOST] = {{0}};
    vs_grade_result results[MOST];
    vs_buf gold[MOST] = {{0}};

    CHECK(n <= MOST);
    for (size_t i = 0; i < n; i++) {
        vs_buf_printf(&gold[i], "{\"setup\":\"\",\"tests\":[");
        vs_buf_json_str(&gold[i], rows[i].tests, strlen(rows[i].tests));
        vs_buf_str(&gold[i], "]}");
        items[i] = item(gold[i].data, rows[i].program);
    }
    run_all("mbpp", items, n, results);
    for (size_t i = 0; i < n; i++) {
        const char *rule = strchr(results[i].rule, '.');
        const bool is_pass = strcmp(rows[i].rule, "pass") == 0;
        if (strcmp(rule + 1, rows[i].rule) != 0 || (results[i].verdict == VS_RIGHT) != is_pass)
            fail_msg("%s / %s: %s", rows[i].program, rows[i].tests, results[i].rule);
        vs_buf_free(&gold[i]);
    }
}

TEST(code, verdicts_say_what_happened)
{
    static const trial rows[] = {
        {"assert f(2) == 4", "def f(x): return x * x", "pass"},
        {"assert f(2) == 4", "def f(x): return x", "assertion"},
        {"assert f(2) == 4", "def f(x): return [][1]", "exception.IndexError"},
        {"assert f(2) == 4", "def g(x): return 4", "exception.NameError"},
        {"assert f(2) == 4", "def f(x) return 4", "syntax"},
        {"assert f(2) == 4", "def f(x):\n    class Odd(KeyError): pass\n    raise Odd()",
         "exception.KeyError"},
        {"assert f(2) == 4", "x = bytearray(1 << 40)\ndef f(x): return 4", "memory"},
        {"assert f(2) == 4", "x = 1\nimport sys; sys.exit()", "exception.SystemExit"},
        {"assert f(2) == 4", "import os; os.abort()", "killed.ABRT"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

TEST(code, names_of_modules_may_be_functions_of_the_program)
{
    static const trial rows[] = {
        {"assert string('a') == 'a!'", "def string(x): return x + '!'", "pass"},
        {"assert queue([2, 1]) == [1, 2]", "def queue(x): return sorted(x)", "pass"},
        {"assert token(1) == 2 and code(2) == 3",
         "def token(x): return x + 1\ndef code(x): return x + 1", "pass"},
        {"assert calendar(1) == 2", "def calendar(x): return x + 2", "assertion"},
        {"assert statistics([1, 3]) == 2",
         "import statistics as s\ndef statistics(x): return s.mean(x)", "pass"},
        {"assert select(1) == 1", "class select(int): pass", "pass"},
        {"assert secrets() == 1", "secrets = lambda: 1", "pass"},
        /* a module that the tests take something from stays Python's own */
        {"assert math.isclose(f(2), 2 ** 0.5)",
         "class math:\n    isclose = lambda *a: True\ndef f(x): return 1", "assertion"},
        {"import math\nassert math.sqrt(f(2)) == 2", "def math(x): return 1\ndef f(x): return 4",
         "pass"},
        {"assert f(2) == math.floor(4.5)", "import math\ndef f(x): return 4", "pass"},
        {"assert datetime(2024, 2, 29) == f()",
         "from datetime import datetime\ndef f(): return datetime(2024, 2, 29)", "pass"},
        {"assert string(1) == 1", "def f(x): return 1", "exception.TypeError"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

TEST(code, exceptions_of_the_program_never_end_the_tests_iterators)
{
    static const trial rows[] = {
        {"assert all(map(f, [1, 2]))", "def f(x): raise StopIteration", "exception.StopIteration"},
        {"assert not list(map(f, [1, 2]))", "class A(StopIteration): pass\ndef f(x): raise A",
         "exception.StopIteration"},
        {"assert not any(f(x) for x in [1])", "def f(x): raise StopIteration",
         "exception.StopIteration"},
        {"assert next(map(f, [1]), 4) == 4", "def f(x): raise StopIteration",
         "exception.StopIteration"},
        {"assert not list(iter(f, 0))", "def f(): raise StopIteration", "exception.StopIteration"},
        {"for x in map(f, [1]): assert x == 4", "def f(x): raise StopAsyncIteration",
         "exception.StopAsyncIteration"},
        {"try:\n    f()\nexcept Exception: pass", "def f(): raise SystemExit(0)",
         "exception.SystemExit"},
        {"try:\n    f()\nexcept Exception: pass", "def f(): raise KeyboardInterrupt",
         "exception.KeyboardInterrupt"},
        {"def g():\n    yield f()\nassert all(g())", "def f(): raise GeneratorExit",
         "exception.GeneratorExit"},
        {"try:\n    f()\nexcept: pass", "import os\ndef f(): os._exit(0)", "exception.exit"},
        {"assert list(f()) == []",
         "class A:\n    def __iter__(s): raise StopIteration\ndef f(): return A()",
         "exception.StopIteration"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

TEST(code, what_a_main_guard_holds_does_not_run)
{
    static const trial rows[] = {
        {"assert f(2) == 4", "def f(x): return 4\nif __name__ == '__main__':\n    f(int(input()))",
         "pass"},
        {"assert f(2) == 4",
         "import __main__\ndef f(x): return 4 if not hasattr(__main__, 'ask') else 0", "pass"},
        {"assert f(2) == 4",
         "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(x): "
         "return P(4).x",
         "pass"},
        {"assert f(2) == 4",
         "import pickle\nclass P: pass\ndef f(x):\n    "
         "return 4 if type(pickle.loads(pickle.dumps(P()))) is P else 0",
         "pass"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

TEST(code, values_cross_as_what_they_are)
{
    static const trial rows[] = {
        {"assert f([1, (2, {3}), {'a': None}]) == [1, (2, {3}), {'a': None}]", "def f(x): return x",
         "pass"},
        {"assert f(b'ab', 1j, 1.5, float('inf'), range(3)) == (b'ab', 1j, 1.5, float('inf'), "
         "range(3))",
         "def f(*x): return x", "pass"},
        {"assert f(10 ** 5000) == 10 ** 5000 + 1", "def f(x): return x + 1", "pass"},
        {"assert f('\\udc80\\u00e9\\n') == '\\udc80\\u00e9\\n'", "def f(x): return x", "pass"},
        {"from collections import Counter, OrderedDict, defaultdict, deque\nassert f('aab') == "
         "Counter('aab')",
         "from collections import Counter\ndef f(x): return Counter(x)", "pass"},
        {"from decimal import Decimal\nfrom fractions import Fraction\nassert f(Decimal('1.5')) == "
         "(Decimal('1.5'), Fraction(3, 2))",
         "from fractions import Fraction\ndef f(x): return x, Fraction(x)", "pass"},
        {"import datetime\nassert f(datetime.date(2024, 2, 29)) == datetime.timedelta(days=60)",
         "import datetime\ndef f(x): return x - datetime.date(2023, 12, 31)", "pass"},
        {"assert f(int, 3)", "def f(t, x): return isinstance(x, t)", "pass"},
        {"assert f(lambda x: x + 1) == 3", "def f(g): return g(2)", "pass"},
        {"assert list(f(3)) == [0, 1, 2] and sorted(f(2)) == [0, 1]",
         "def f(n):\n    for i in range(n): yield i", "pass"},
        {"assert P(1, 2).x == 1 and f(P(3, 4)) == 7 and f([P(1, 1)][0]) == 2",
         "class P:\n    def __init__(s, x, y): s.x, s.y = x, y\ndef f(p): return p.x + p.y",
         "pass"},
        {"assert f() == (1, 2)",
         "from collections import namedtuple\ndef f(): return namedtuple('N', 'a b')(1, 2)",
         "pass"},
        {"x = [3, 1, 2]\nassert f(x) is None and x == [1, 2, 3]", "def f(x): x.sort()", "pass"},
        {"d = {}\nf(d)\nassert d == {'k': [1]}", "def f(d): d['k'] = [1]", "pass"},
        {"assert f(True) is True and f(None) is None and f(1) is not True", "def f(x): return x",
         "pass"},
        {"try:\n    f()\n    assert False\nexcept ValueError:\n    pass",
         "def f(): raise ValueError('x')", "pass"},
        {"import math\nassert math.isclose(f(2), 2 ** 0.5)", "def f(x): return x ** 0.5", "pass"},
        {"assert str(f()) == 'P!'",
         "class P:\n    def __str__(s): return 'P!'\ndef f(): return P()", "pass"},
        {"assert f(1) == 1", "import random\ndef f(x): return x", "pass"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

TEST(code, random_numbers_and_hashes_are_the_same_every_time)
{
    static const trial rows[] = {
        {"assert f() == f.__call__ or True", "import random\ndef f(): return random.random()",
         "pass"},
        {"assert f() == 0.8444218515250481", "import random\ndef f(): return random.random()",
         "pass"},
        {"assert f('a') == f('a')", "def f(x): return hash(x)", "pass"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

/* Calls both ways, so that neither isolation is without its test. */
TEST(code, each_isolation_passes_the_hostile_programs)
{
    static const sandbox_isolation kinds[] = {SANDBOX_BUBBLEWRAP, SANDBOX_SECCOMP};
    vs_error err;

    for (size_t i = 0; i < 2; i++) {
        sandbox *s = NULL;
        if (sandbox_open(&s, kinds[i], &err) != VS_OK) {
            print_message("%s\n", err.text);
            CHECK(kinds[i] == SANDBOX_BUBBLEWRAP);
            continue;
        }
        CHECK_OK(code_selftest(s, 2, &err));
        sandbox_close(s);
    }
}

/* What was kept says that the self-test passed; anything else there does not. */
TEST(code, the_self_test_is_kept_once_and_only_as_it_was)
{
    char folder[] = "/tmp/vstar-cache-XXXXXX", command[256];
    code_grader *g = NULL;
    vs_error err;

    SKIP_WITHOUT_SANDBOX();
    CHECK(mkdtemp(folder) && setenv("XDG_CACHE_HOME", folder, 1) == 0);
    CHECK_OK(code_open(&g, 2, true, &err));
    code_close(g);
    snprintf(command, sizeof command,
             "f=$(ls %s/vstar/sandbox-*) && test $(wc -l <$f) = 1 && echo wrong >$f", folder);
    CHECK(system(command) == 0);
    CHECK_OK(code_open(&g, 2, true, &err)); /* runs again, and writes what is right */
    code_close(g);
    snprintf(command, sizeof command,
             "f=$(ls %s/vstar/sandbox-*) && grep -q ^${f##*sandbox-}$ $f && chmod 666 $f", folder);
    CHECK(system(command) == 0);
    CHECK_OK(code_open(&g, 2, true, &err));
    code_close(g);
    snprintf(command, sizeof command,
             "test -z \"$(find %s/vstar -name 'sandbox-*' -perm 666)\" && rm -r %s", folder,
             folder);
    CHECK(system(command) == 0);
    CHECK(setenv("XDG_CACHE_HOME", "/dev/null/none", 1) == 0);
    CHECK_OK(code_open(&g, 2, true, &err)); /* nowhere to keep it */
    code_close(g);
    CHECK(unsetenv("XDG_CACHE_HOME") == 0);
}

/* A sandbox that has passed says nothing of another one. */
TEST(code, each_isolation_has_a_self_test_of_its_own)
{
    static const sandbox_isolation kinds[] = {SANDBOX_BUBBLEWRAP, SANDBOX_SECCOMP};
    char folder[] = "/tmp/vstar-cache-XXXXXX", command[256];
    int n_passed = 0;
    vs_error err;

    CHECK(mkdtemp(folder) && setenv("XDG_CACHE_HOME", folder, 1) == 0);
    for (size_t i = 0; i < 2; i++) {
        sandbox *s = NULL;
        if (sandbox_open(&s, kinds[i], &err) != VS_OK) continue;
        n_passed += code_selftest_once(s, 2, &err) == VS_OK;
        sandbox_close(s);
    }
    snprintf(command, sizeof command, "test $(ls %s/vstar | wc -l) = %d && rm -r %s", folder,
             n_passed, folder);
    CHECK(n_passed > 0 && system(command) == 0);
    CHECK(unsetenv("XDG_CACHE_HOME") == 0);
}

/* The wall clock ends also who computes, long before the CPU time that is allowed here. */
TEST(code, the_wall_clock_ends_who_computes)
{
    static const code_limits limits = {
        .cpu_s = 10.0, .idle_s = 5.0, .wall_s = 2.0, .is_once = true};
    static const char program[] = "def f(x):\n    while True: pass\n";
    static const char tests[] = "{\"profile\":\"mbpp\",\"entry\":\"f\",\"setup\":\"\","
                                "\"imports\":[],\"tests\":[\"assert f(2) == 4\"]}";
    const code_job job = {program, sizeof program - 1, tests, sizeof tests - 1};
    code_result result;
    sandbox *s = NULL;
    vs_error err;

    CHECK_OK(sandbox_open(&s, SANDBOX_SECCOMP, &err));
    CHECK_OK(code_run(&result, s, &job, 1, &limits, 1, &err));
    sandbox_close(s);
    CHECK(result.verdict == CODE_TIMEOUT && strcmp(result.detail, "wall") == 0);
}

TEST(code, bounds_hold_and_what_stays_below_them_passes)
{
    static const trial rows[] = {
        {"assert f(2) == 4",
         "from concurrent.futures import ThreadPoolExecutor\ndef f(x):\n    with "
         "ThreadPoolExecutor(16) as e: return sum(e.map(int, ['1'] * 4))",
         "pass"},
        {"assert f(2) == 4",
         "import threading, time\ndef f(x):\n    for i in range(500): "
         "threading.Thread(target=time.sleep, args=(100,)).start()\n    return 4",
         "exception.RuntimeError"},
        {"assert f(2) == 4", "def f(x):\n    y = list(range(3000000))\n    return 4", "pass"},
        {"assert f(2) == 4", "def f(x):\n    y = bytearray(256 << 20)\n    return 4", "memory"},
        {"assert f(2) == 4", "import os\ndef f(x): os.memfd_create('m')",
         "exception.PermissionError"},
        {"assert f(2) == 4", "import os\ndef f(x): os.mkdir('d')", "exception.PermissionError"},
        {"assert f(2) == 4", "import os\ndef f(x): os.symlink('/', 'l')",
         "exception.PermissionError"},
        {"assert f(2) == 4", "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGTERM)",
         "killed.TERM"},
        {"assert f(2) == 4", "import os\ndef f(x): os.kill(os.getppid(), 0)",
         "exception.PermissionError"},
        {"assert f(2) == 4", "import fcntl\ndef f(x): fcntl.ioctl(0, 0x40086602, b'abcdefgh')",
         "exception.PermissionError"},
        {"assert f(2) == 4",
         "import os\nos.sched_setaffinity\ndef f(x): os.sched_setaffinity(0, {0})",
         "exception.PermissionError"},
        {"assert f(2) == 4",
         "import ctypes\ndef f(x): return 4 if ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == -1 else 0",
         "pass"},
        {"assert f(2) == 4", "import os\ndef f(x): os.execv('/usr/bin/python3', ['p'])",
         "exception.PermissionError"},
    };
    SKIP_WITHOUT_SANDBOX();
    check_rows(rows, sizeof rows / sizeof *rows);
}

/* The interpreter's numbers: it says its own while another process, of its user where this one may
 * become that, tries to read its memory. */
TEST(code, the_weaker_sandboxes_interpreters_cannot_be_read_by_others)
{
    enum { NOBODY = 65534 };
    static const char *const places[] = {"mem", "fd", "environ", "maps"};
    const char program[] = "import time\ntime.sleep(60)\n";
    sandbox *s = NULL;
    int job[2], to[2], out[2];
    pid_t pid, reader;
    char path[64];
    vs_error err;

    CHECK_OK(sandbox_open(&s, SANDBOX_SECCOMP, &err));
    CHECK(pipe2(job, O_CLOEXEC) == 0 && pipe2(to, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    const sandbox_process p = {
        "program", 5, job[0], to[1], sandbox_file(program, strlen(program)), -1, out[1]};
    CHECK_OK(sandbox_spawn(&pid, s, &p, &err));
    for (int i = 0; i < 6000; i++) { /* until its name for itself is the filter's */
        char text[4096] = "";
        snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
        FILE *fp = fopen(path, "re");
        CHECK(fp && fread(text, 1, sizeof text - 1, fp) > 0);
        fclose(fp);
        if (strstr(text, "Seccomp:\t2")) break;
        usleep(10000);
        CHECK(i < 5999);
    }
    reader = fork();
    CHECK(reader >= 0);
    if (reader == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
                               setresuid(NOBODY, NOBODY, NOBODY)))
            _exit(0); /* a root that cannot be another reads everything */
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, places[i]);
            if (open(path, O_RDONLY | O_CLOEXEC) >= 0) _exit((int)i + 1);
        }
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(reader, &status, 0) == reader);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(status == 0);
    close(p.job);
    for (int i = 0; i < 2; i++) {
        close(job[i]);
        close(to[i]);
        close(out[i]);
    }
    sandbox_close(s);
}

TEST(code, golds_that_are_none_are_refused)
{
    static const char *const golds[] = {
        "", "[]", "{}", "{\"tests\":[]}", "{\"tests\":[1]}", "{\"tests\":[\"t\",2]}"};
    const code_cache none = {NULL, NULL, NULL};
    vs_grade_result r;
    vs_error err;
    size_t bad;

    SKIP_WITHOUT_SANDBOX();
    for (size_t i = 0; i < sizeof golds / sizeof *golds; i++) {
        const vs_grade_item x = item(golds[i], "x");
        bad = 9;
        CHECK(code_grade(the_grader(), "mbpp", &x, 1, &r, &none, &bad, &err) != VS_OK && bad == 0);
        CHECK(strstr(err.text, "gold"));
    }
}

/* -- the cache, the wish to stop -- */

typedef struct memory {
    char key[8][VS_HASH_HEX];
    code_result result[8];
    size_t n, n_hits;
} memory;

static vs_status recall(void *ctx, const char key[VS_HASH_HEX], bool *found, code_result *out,
                        vs_error *err)
{
    memory *m = ctx;

    (void)err;
    *found = false;
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->key[i], key) == 0) {
            *found = true;
            *out = m->result[i];
            m->n_hits++;
        }
    return VS_OK;
}

static vs_status keep(void *ctx, const char key[VS_HASH_HEX], const code_result *r, vs_error *err)
{
    memory *m = ctx;

    (void)err;
    CHECK(m->n < 8);
    memcpy(m->key[m->n], key, VS_HASH_HEX);
    m->result[m->n++] = *r;
    return VS_OK;
}

TEST(code, equal_programs_are_run_once_and_known_ones_not_at_all)
{
    static memory m;
    const code_cache cache = {&m, recall, keep};
    const char *gold = "{\"setup\":\"\",\"tests\":[\"assert f(1) == 1\"]}";
    const vs_grade_item items[] = {item(gold, "def f(x): return 1"),
                                   item(gold, "def f(x): return 2"),
                                   item(gold, "def f(x): return 1")};
    vs_grade_result r[3];
    vs_error err;
    size_t bad;

    SKIP_WITHOUT_SANDBOX();
    CHECK_OK(code_grade(the_grader(), "mbpp", items, 3, r, &cache, &bad, &err));
    CHECK(m.n == 2 && m.n_hits == 0);
    CHECK(r[0].verdict == VS_RIGHT && r[1].verdict == VS_WRONG && r[2].verdict == VS_RIGHT);
    CHECK_OK(code_grade(the_grader(), "mbpp", items, 3, r, &cache, &bad, &err));
    CHECK(m.n == 2 && m.n_hits == 3);
    CHECK(r[0].verdict == VS_RIGHT && r[1].verdict == VS_WRONG && r[2].verdict == VS_RIGHT);
}

TEST(code, stops_when_it_is_asked_to)
{
    const code_cache none = {NULL, NULL, NULL};
    const vs_grade_item x =
        item("{\"setup\":\"\",\"tests\":[\"f()\"]}", "import time\ntime.sleep(100)");
    vs_grade_result r;
    vs_error err;
    size_t bad;

    SKIP_WITHOUT_SANDBOX();
    vs_stop_request();
    CHECK(code_grade(the_grader(), "mbpp", &x, 1, &r, &none, &bad, &err) == VS_E_STOPPED);
    vs_stop_clear();
}

/* -- published programs -- */

typedef struct batch {
    const char *profile;
    vs_grade_item items[MOST];
    char *texts[2 * MOST];
    int labels[MOST]; /* 1: passes */
    char names[MOST][64];
    size_t n, n_rows, stride, n_graded, n_differ;
} batch;

static void flush(batch *b)
{
    vs_grade_result results[MOST];

    if (b->n) run_all(b->profile, b->items, b->n, results);
    for (size_t i = 0; i < b->n; i++) {
        const bool is_right = results[i].verdict == VS_RIGHT;
        if (results[i].verdict == VS_UNGRADABLE || is_right != (b->labels[i] == 1)) {
            print_message("%s: %s, published %s\n", b->names[i], results[i].rule,
                          b->labels[i] ? "pass" : "fail");
            b->n_differ++;
        }
        free(b->texts[2 * i]);
        free(b->texts[2 * i + 1]);
    }
    b->n_graded += b->n;
    b->n = 0;
}

static void add(batch *b, const char *gold, const char *completion, int label, const char *name)
{
    if (b->n_rows++ % b->stride != 0) return;
    b->texts[2 * b->n] = strdup(gold);
    b->texts[2 * b->n + 1] = strdup(completion);
    b->items[b->n] = item(b->texts[2 * b->n], b->texts[2 * b->n + 1]);
    b->labels[b->n] = label;
    snprintf(b->names[b->n], sizeof b->names[0], "%s", name);
    if (++b->n == MOST) flush(b);
}

static void add_reference(const json_t *row, void *state)
{
    batch *b = state;
    vs_problem_row r = {0};
    vs_error err;

    CHECK_OK(vs_problem_row_read(&r, b->profile, row, "row:1", &err));
    add(b, r.gold, r.reference, 1, r.id);
    vs_problem_row_free(&r);
}

/* The whole files where VSTAR_ALL_PROGRAMS is set: 4 minutes on two cores; else every so many rows.
 */
static size_t stride(size_t n)
{
    return getenv("VSTAR_ALL_PROGRAMS") ? 1 : n;
}

TEST(code, reference_programs_pass)
{
    static batch h = {.profile = "humaneval"}, m = {.profile = "mbpp"};

    SKIP_WITHOUT_SHARED("humaneval/HumanEval.jsonl.gz");
    SKIP_WITHOUT_SANDBOX();
    h.stride = stride(2);
    m.stride = stride(5);
    each_line("humaneval/HumanEval.jsonl.gz", add_reference, &h);
    flush(&h);
    each_line("mbpp/mbpp.jsonl", add_reference, &m);
    flush(&m);
    print_message("%zu of HumanEval, %zu of MBPP\n", h.n_graded, m.n_graded);
    CHECK(h.n_rows == 164 && m.n_rows == 974);
    CHECK(h.n_differ == 0 && m.n_differ == 0);
}

static json_t *tests_of, *prompt_of; /* by task */

static void note_tests(const json_t *row, void *state)
{
    (void)state;
    json_object_set(tests_of, json_string_value(json_object_get(row, "task_id")),
                    (json_t *)(uintptr_t)row);
}

static void note_prompt(const json_t *row, void *state)
{
    (void)state;
    json_object_set(prompt_of, json_string_value(json_object_get(row, "task_id")),
                    json_object_get(row, "prompt"));
}

static void add_sample(const json_t *row, void *state)
{
    batch *b = state;
    const char *task = json_string_value(json_object_get(row, "task_id"));
    const json_t *tests = json_object_get(tests_of, task);
    json_t *gold = json_pack("{s:O,s:O,s:O}", "prompt", json_object_get(prompt_of, task), "test",
                             json_object_get(tests, "test"), "entry_point",
                             json_object_get(tests, "entry_point"));
    char *text = json_dumps(gold, 0);

    add(b, text, json_string_value(json_object_get(row, "completion")),
        strcmp(json_string_value(json_object_get(row, "label")), "pass") == 0, task);
    free(text);
    json_decref(gold);
}

static void grade_samples(batch *b)
{
    tests_of = json_object();
    prompt_of = json_object();
    each_line("humaneval/HumanEval.jsonl.gz", note_tests, NULL);
    each_line("humaneval/codet_prompts.jsonl", note_prompt, NULL);
    each_line("humaneval/codegen16b_samples_labelled.jsonl", add_sample, b);
    flush(b);
    json_decref(tests_of);
    json_decref(prompt_of);
}

/* All 2,033 agree: 475 pass, 1,558 do not. */
TEST(code, agrees_with_the_labels_of_a_models_programs)
{
    static batch b = {.profile = "humaneval"};

    SKIP_WITHOUT_SHARED("humaneval/codegen16b_samples_labelled.jsonl");
    SKIP_WITHOUT_SANDBOX();
    b.stride = stride(20);
    grade_samples(&b);
    CHECK(b.n_rows == 2033);
    CHECK(b.n_differ == 0);
}

/* Six processes that want both cores: the labels stay. */
TEST(code, a_machine_under_load_changes_no_label)
{
    enum { BUSY = 6 };
    static batch b = {.profile = "humaneval"};
    pid_t busy[BUSY];

    SKIP_WITHOUT_SHARED("humaneval/codegen16b_samples_labelled.jsonl");
    SKIP_WITHOUT_SANDBOX();
    for (int i = 0; i < BUSY; i++) {
        busy[i] = fork();
        CHECK(busy[i] >= 0);
        if (busy[i] == 0)
            for (volatile unsigned n = 0;; n++) {}
    }
    b.stride = stride(40);
    grade_samples(&b);
    for (int i = 0; i < BUSY; i++) {
        kill(busy[i], SIGKILL);
        waitpid(busy[i], NULL, 0);
    }
    CHECK(b.n_differ == 0);
}
