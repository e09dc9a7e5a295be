/* code_selftest.c - programs that try to get out, to get through or to stay, with what each must
 * come to. They run before the first program is graded: a sandbox that lets one of them surprise it
 * grades nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/labels/code/code.h"

#define BIT(v) (1u << (v))
#define FAILED                                                                          \
    (BIT(CODE_ASSERTION) | BIT(CODE_EXCEPTION) | BIT(CODE_TIMEOUT) | BIT(CODE_MEMORY) | \
     BIT(CODE_OUTPUT) | BIT(CODE_KILLED))
#define PASS    BIT(CODE_PASS)
#define WRONG   BIT(CODE_ASSERTION)
#define RAISES  BIT(CODE_EXCEPTION)
#define TIMEOUT BIT(CODE_TIMEOUT)
#define MEMORY  BIT(CODE_MEMORY)

/* In programs @ is a folder outside of the sandbox with a file "victim", and $ a port that this
 * process listens on. The test is "assert f(2) == 4", or what stands in its place. */
static const struct hostile {
    const char *name;
    unsigned expected;        /* verdicts, by bit */
    unsigned expected_weaker; /* besides, where neither namespaces nor Landlock guard */
    const char *program, *test;
} programs[] = {
    {"a right program", PASS, 0, "def f(x): return x * x\n", NULL},
    {"a wrong program", WRONG, 0, "def f(x): return x\n", NULL},
    {"bad syntax", BIT(CODE_SYNTAX), 0, "def f(x: return\n", NULL},
    {"an exception", RAISES, 0, "def f(x): raise ValueError('no')\n", NULL},
    {"a busy loop", TIMEOUT, 0, "def f(x):\n    while True: pass\n", NULL},
    {"a busy loop in C", TIMEOUT | MEMORY, 0, "def f(x): return 7 ** (10 ** 9)\n", NULL},
    {"a sleeper", TIMEOUT, 0, "import time\ntime.sleep(1000)\n", NULL},
    {"a reader of standard input", RAISES, 0, "x = input()\ndef f(x): return 4\n", NULL},
    {"exit", RAISES, 0, "raise SystemExit(0)\n", NULL},
    {"_exit", RAISES, 0, "import os\nos._exit(0)\n", NULL},
    {"exit in a call", RAISES, 0, "def f(x): raise SystemExit(0)\n", NULL},
    {"_exit in a call", RAISES, 0, "import os\ndef f(x): os._exit(0)\n", NULL},
    {"a fork bomb", RAISES, 0, "import os\nwhile True: os.fork()\n", NULL},
    {"a child that stays", RAISES, 0,
     "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: "
     "time.sleep(100)\n",
     NULL},
    {"a shell", RAISES, 0,
     "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo > @/shell'])\n", NULL},
    {"threads without end", FAILED, 0,
     "import threading, time\nwhile True: threading.Thread(target=time.sleep, "
     "args=(100,)).start()\n",
     NULL},
    {"a memory bomb", MEMORY, 0, "x = bytearray(1 << 40)\n", NULL},
    {"output without end", BIT(CODE_OUTPUT), 0, "while True: print('x' * 4000)\n", NULL},
    {"closed outputs", PASS, 0, "import os\nos.close(1)\nos.close(2)\ndef f(x): return 4\n", NULL},
    {"a file made outside", RAISES, 0, "open('@/made', 'w')\n", NULL},
    {"a file made outside by ..", RAISES, 0, "open('../../../../../..@/made', 'w')\n", NULL},
    {"a file deleted outside", RAISES, 0, "import os\nos.remove('@/victim')\n", NULL},
    {"a file written through a link", RAISES, 0,
     "import os\nos.symlink('@/victim', 'l')\nopen('l', 'w')\n", NULL},
    {"a folder renamed outside", RAISES, 0, "import os\nos.rename('@', '@x')\n", NULL},
    {"a reader of passwords", RAISES, PASS, "open('/etc/shadow').read()\ndef f(x): return 4\n",
     NULL},
    {"a reader of other files", RAISES, PASS, "open('@/victim').read()\ndef f(x): return 4\n",
     NULL},
    {"a reader of /proc", RAISES, PASS, "import os\nos.listdir('/proc/1')\ndef f(x): return 4\n",
     NULL},
    {"a connection", RAISES, 0, "import socket\nsocket.create_connection(('127.0.0.1', $), 1)\n",
     NULL},
    {"a listener", RAISES, 0, "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\n",
     NULL},
    {"a name look-up", RAISES, 0,
     "import socket\nsocket.getaddrinfo('localhost.localdomain', 80)\n", NULL},
    {"patched builtins", FAILED, 0,
     "import builtins\nbuiltins.len = lambda x: 4\nbuiltins.isinstance = lambda x, y: True\ndef "
     "f(x): return []\n",
     "assert len(f(2)) == 4"},
    {"a patched module", WRONG, 0,
     "import math, sys\nmath.sqrt = lambda x: 4\ndef f(x): return 2\n",
     "import math\nassert math.sqrt(f(2)) == 4"},
    {"what equals everything", WRONG, 0,
     "class A:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\ndef "
     "f(x): return A()\n",
     NULL},
    {"a number that equals everything", WRONG, 0,
     "class A(int):\n    def __eq__(self, other): return True\ndef f(x): return A(5)\n", NULL},
    {"a class that says so", WRONG, 0,
     "class M(type):\n    def __eq__(self, other): return True\nclass A(metaclass=M): pass\ndef "
     "f(x): return A\n",
     NULL},
    {"a forged verdict", FAILED, 0,
     "import os\ndef f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, b'pass\\n')\n   "
     "     except OSError: "
     "pass\n    return 0\n",
     NULL},
    {"a search for the secret", FAILED, 0,
     "import gc, os, sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for v "
     "in "
     "list(frame.f_locals.values()) + list(frame.f_globals.values()):\n            if "
     "isinstance(v, (str, bytes)):\n"
     "                v = v if isinstance(v, bytes) else v.encode()\n                for fd in "
     "range(5, 64):\n"
     "                    try: os.write(fd, v + b' pass\\n')\n                    except OSError: "
     "pass\n"
     "        frame = frame.f_back\n    return 0\n",
     NULL},
    {"a patched harness", FAILED, 0,
     "import sys\nf0 = sys._getframe(1)\nfor n in ('encode', 'send', 'receive'): "
     "f0.f_globals[n] = lambda *a: True\n"
     "def f(x): return 0\n",
     NULL},
    {"ignored signals", TIMEOUT, 0,
     "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except "
     "(OSError, ValueError): "
     "pass\ndef f(x):\n    while True: pass\n",
     NULL},
    {"killing everyone", FAILED, 0,
     "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\ndef f(x): return 0\n", NULL},
    {"killing the parent", FAILED, 0,
     "import os\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass\ndef f(x): return 0\n", NULL},
    {"ptrace", PASS, 0,
     "import ctypes\nr = ctypes.CDLL(None).ptrace(16, 1, 0, 0)\ndef f(x): return 4 if r == -1 else "
     "0\n",
     NULL},
    {"new namespaces", PASS, 0,
     "import ctypes\nc = ctypes.CDLL(None)\nr = c.unshare(0x10000000), c.mount(b'a', b'/tmp', "
     "b'tmpfs', 0, 0)\ndef f(x): "
     "return 4 if r == (-1, -1) else 0\n",
     NULL},
    {"abort", BIT(CODE_KILLED), 0, "from os import abort as end\nend()\n", NULL},
    {"calls that the filter does not know", PASS, 0,
     "import ctypes, errno, os\nc = ctypes.CDLL(None, use_errno=True)\ndef tried(*a):\n    "
     "ctypes.set_errno(0)\n    r = c.syscall(*a)\n    return r == -1 and ctypes.get_errno() in "
     "(errno.EPERM, errno.ENOSYS)\nv = b'@/victim'\n"
     "seen = os.uname().machine != 'x86_64' or [tried(452, -100, v, 0, 0), tried(463, -100, v, 0, "
     "b'user.a', b'1', 1), tried(469, -100, "
     "v, 0, 0, 0), tried(319, b'm', 0), tried(999, 0), tried(425, 1, 0), tried(188, v, b'user.a', "
     "b'1', 1, 0), tried(157, 4, 1, 0, 0, 0), tried(317, 1, 0, 0), tried(16, 1, 0x40086602, "
     "b'abcdefgh'), tried(310, 1, 0, 0, 0, 0, 0), tried(446, 3, 0)]\ndef f(x): return 4 if "
     "seen is True or all(seen) else 0\n",
     NULL},
    {"files in memory", RAISES, 0, "import os\nx = [os.memfd_create('m') for i in range(8)]\n",
     NULL},
    {"folders without end", RAISES, 0,
     "import os\nfor i in range(100000): os.mkdir('/tmp/d%d' % i)\n", NULL},
    {"files without end", RAISES, 0, "for i in range(2000): open('/tmp/f%d' % i, 'w').close()\n",
     NULL},
    {"recursion without a limit", FAILED, 0,
     "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return f(x)\n", NULL},
    {"a huge file", RAISES, 0,
     "f = open('big', 'wb')\nfor i in range(64): f.write(bytes(1 << 20))\n", NULL},
    {"many open files", RAISES, 0, "x = [open('/dev/null') for i in range(1000)]\n", NULL},
    {"deep recursion", RAISES, 0, "def f(x): return f(x)\n", NULL},
    {"a result without bottom", FAILED, 0,
     "def f(x):\n    x = []\n    for i in range(100000): x = [x]\n    return x\n", NULL},
};
enum { N_PROGRAMS = sizeof programs / sizeof *programs };

size_t code_selftest_count(void)
{
    return N_PROGRAMS;
}

/* The world outside that must stay as it is. */
typedef struct outside {
    char folder[64];
    int listener;
    int port;
} outside;

static vs_status build_outside(outside *o, vs_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char path[96];

    snprintf(o->folder, sizeof o->folder, "/tmp/vstar-selftest-XXXXXX");
    if (!mkdtemp(o->folder)) {
        o->folder[0] = '\0';
        return VS_FAIL(err, VS_E_IO, "/tmp: cannot make a folder: %s", strerror(errno));
    }
    snprintf(path, sizeof path, "%s/victim", o->folder);
    VS_TRY(vs_file_replace(path, "whole", 5, err));
    o->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (o->listener < 0 || bind(o->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(o->listener, 4) != 0 ||
        getsockname(o->listener, (struct sockaddr *)&address, &len) != 0)
        o->port = 9; /* no network here: the connection must fail all the same */
    else
        o->port = ntohs(address.sin_port);
    return VS_OK;
}

/* Whether nothing was made, changed or reached. */
static vs_status check_outside(const outside *o, vs_error *err)
{
    static const char *const names[] = {"made", "shell"};
    char path[96], *text = NULL;
    size_t len = 0;
    bool is_whole;

    snprintf(path, sizeof path, "%s/victim", o->folder);
    VS_TRY(vs_file_read(&text, &len, path, 64, err));
    is_whole = len == 5 && memcmp(text, "whole", 5) == 0;
    free(text);
    if (!is_whole) return VS_FAIL(err, VS_E_STATE, "self-test: a program changed a file outside");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", o->folder, names[i]);
        if (vs_file_exists(path))
            return VS_FAIL(err, VS_E_STATE, "self-test: a program made a file outside");
    }
    if (o->listener >= 0 && accept(o->listener, NULL, NULL) >= 0)
        return VS_FAIL(err, VS_E_STATE, "self-test: a program reached the network");
    return VS_OK;
}

static void leave_outside(outside *o)
{
    if (o->listener >= 0) close(o->listener);
    if (o->folder[0]) (void)!vs_dir_remove(o->folder, NULL); /* a left-over folder harms nobody */
}

static void write_program(vs_buf *out, const char *text, const outside *o)
{
    for (; *text; text++)
        if (*text == '@')
            vs_buf_str(out, o->folder);
        else if (*text == '$')
            vs_buf_printf(out, "%d", o->port);
        else
            vs_buf_add(out, text, 1);
}

static void write_tests(vs_buf *out, const char *test)
{
    vs_buf_str(out,
               "{\"profile\":\"mbpp\",\"entry\":\"f\",\"setup\":\"\",\"imports\":[],\"tests\":[");
    vs_buf_json_str(out, test ? test : "assert f(2) == 4",
                    strlen(test ? test : "assert f(2) == 4"));
    vs_buf_str(out, "]}");
}

static vs_status check_result(const code_result *r, const struct hostile *h, const sandbox *s,
                              vs_error *err)
{
    const unsigned expected = h->expected | (sandbox_shows_files(s) ? h->expected_weaker : 0);

    if (BIT(r->verdict) & expected) return VS_OK;
    return VS_FAIL(err, VS_E_STATE, "self-test: %s: found %s %s", h->name,
                   code_verdict_name(r->verdict), r->detail);
}

/* Whether nothing but the clock surprised: a loaded machine does that. */
static bool is_late(const code_result *r, const struct hostile *h)
{
    return (BIT(r->verdict) & h->expected) == 0 &&
           (r->verdict == CODE_TIMEOUT || r->verdict == CODE_INFRA);
}

static vs_status run_first(const sandbox *s, size_t n_programs, size_t n_workers, vs_error *err)
{
    static const code_limits limits = {
        .cpu_s = 0.5, .idle_s = 0.5, .wall_s = 60.0, .is_once = true};
    static const code_limits patient = {.cpu_s = 5.0, .idle_s = 5.0, .wall_s = 120.0};
    enum { AT_ONCE = 8 }; /* some of them only wait */
    outside o = {.listener = -1};
    vs_buf text[N_PROGRAMS] = {{0}}, tests[N_PROGRAMS] = {{0}};
    code_job jobs[N_PROGRAMS];
    code_result results[N_PROGRAMS];
    vs_status st;

    VS_CHECK(build_outside(&o, err));
    for (size_t i = 0; i < n_programs; i++) {
        write_program(&text[i], programs[i].program, &o);
        write_tests(&tests[i], programs[i].test);
        VS_CHECK(vs_buf_ok(&text[i], "self-test", err));
        VS_CHECK(vs_buf_ok(&tests[i], "self-test", err));
        jobs[i] = (code_job){text[i].data, text[i].len, tests[i].data, tests[i].len};
    }
    VS_CHECK(code_run(results, s, jobs, n_programs, &limits,
                      n_workers < AT_ONCE ? AT_ONCE : n_workers, err));
    for (size_t i = 0; i < n_programs; i++) {
        if (is_late(&results[i], &programs[i]))
            VS_CHECK(code_run(&results[i], s, &jobs[i], 1, &patient, 1, err));
        VS_CHECK(check_result(&results[i], &programs[i], s, err));
    }
    st = check_outside(&o, err);
done:
    leave_outside(&o);
    for (size_t i = 0; i < N_PROGRAMS; i++) {
        vs_buf_free(&text[i]);
        vs_buf_free(&tests[i]);
    }
    return st;
}

vs_status code_selftest(const sandbox *s, size_t n_workers, vs_error *err)
{
    return run_first(s, N_PROGRAMS, n_workers, err);
}

/* -- once per machine and version -- */

/* The sandbox and the programs in one hash. */
static vs_status make_key(char key[VS_HASH_HEX], const sandbox *s, vs_error *err)
{
    char sandbox_hex[VS_HASH_HEX];
    vs_buf b = {0};
    vs_status st;

    VS_TRY(sandbox_identify(sandbox_hex, s, err));
    vs_buf_printf(&b, "%s\n", sandbox_hex);
    for (size_t i = 0; i < N_PROGRAMS; i++)
        vs_buf_printf(&b, "%u %u\n%s\n%s\n", programs[i].expected, programs[i].expected_weaker,
                      programs[i].program, programs[i].test ? programs[i].test : "");
    st = vs_buf_ok(&b, "self-test", err);
    if (st == VS_OK) vs_sha256_hex(key, b.data, b.len);
    vs_buf_free(&b);
    return st;
}

/* The file that says that this key has passed; false: there is no place for one. Folders are made
 * where they are missing. */
static bool find_entry(vs_buf *path, const char *key)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && cache[0] == '/')
        vs_buf_str(path, cache);
    else if (home && home[0] == '/')
        vs_buf_printf(path, "%s/.cache", home);
    else
        return false;
    if (path->failed) return false;
    (void)mkdir(path->data, 0700);
    vs_buf_str(path, "/vstar");
    if (path->failed) return false;
    (void)mkdir(path->data, 0700);
    vs_buf_printf(path, "/sandbox-%s", key);
    return !path->failed;
}

/* Only a file of this user's that nobody else may write, and that says the whole key, counts. */
static bool has_passed(const char *path, const char *key)
{
    char text[VS_HASH_HEX + 8] = "";
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) return false;
    const bool is_own = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                        (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    const ssize_t n = is_own ? read(fd, text, sizeof text - 1) : -1;
    close(fd);
    return n == VS_HASH_HEX && strncmp(text, key, VS_HASH_HEX - 1) == 0 &&
           text[VS_HASH_HEX - 1] == '\n';
}

vs_status code_selftest_once(const sandbox *s, size_t n_workers, vs_error *err)
{
    char key[VS_HASH_HEX], line[VS_HASH_HEX + 1];
    vs_buf path = {0};
    vs_error ignored;
    vs_status st;

    VS_TRY(make_key(key, s, err));
    const bool has_place = find_entry(&path, key);
    if (has_place && has_passed(path.data, key)) {
        st = run_first(s, 1, 1, err);
        goto done;
    }
    VS_CHECK(code_selftest(s, n_workers, err));
    snprintf(line, sizeof line, "%s\n", key);
    /* a folder that cannot be written costs the test again next time, and nothing else */
    if (has_place) (void)unlink(path.data);
    if (has_place) (void)!vs_file_replace(path.data, line, strlen(line), &ignored);
done:
    vs_buf_free(&path);
    return st;
}
