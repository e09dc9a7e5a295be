#include "flow/labels/code/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "flow/labels/code/harness.h"
#include "flow/labels/code/sandbox_filter.h"

static const char interpreter[] = "/usr/bin/python3";
static const char bubblewrap[] = "/usr/bin/bwrap";

struct sandbox {
    sandbox_isolation isolation;
    char *filter; /* instructions */
    size_t filter_len;
    char *harness; /* compiled by this interpreter, which takes longer than most programs to run */
    size_t harness_len;
    char version[128]; /* or what its absence printed */
};

const char *sandbox_name(sandbox_isolation isolation)
{
    return isolation == SANDBOX_BUBBLEWRAP ? "bubblewrap" : "seccomp";
}

bool sandbox_shows_files(const sandbox *s)
{
    enum { VERSION = 1 }; /* LANDLOCK_CREATE_RULESET_VERSION */

    return s->isolation == SANDBOX_SECCOMP &&
           syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION) <= 0;
}

const char *sandbox_describe(const sandbox *s)
{
    if (s->isolation == SANDBOX_BUBBLEWRAP) return sandbox_name(s->isolation);
    return sandbox_shows_files(s) ? "seccomp without Landlock" : "seccomp and Landlock";
}

const char *sandbox_interpreter(const sandbox *s)
{
    return s->version;
}

int sandbox_file(const void *data, size_t len)
{
    const int fd = memfd_create("vstar", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < len) {
        const ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* -- spawning -- */

/* Descriptors are first moved out of the way of the numbers that they will have; -1 becomes
 * /dev/null. */
static int lift(int *out, const int *fd, size_t n)
{
    enum { ABOVE = 32 };

    for (size_t i = 0; i < n; i++) {
        out[i] = fd[i] < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                           : fcntl(fd[i], F_DUPFD_CLOEXEC, ABOVE);
        if (out[i] < 0) {
            const int rc = errno;
            while (i-- > 0) close(out[i]);
            return rc;
        }
    }
    return 0;
}

enum { N_FDS = 9, MAX_ARGS = 80 };

static const char load_harness[] =
    "import marshal\nwith open(8, 'rb') as f: f = marshal.load(f)\nexec(f)";

typedef struct arguments {
    const char *word[MAX_ARGS];
    size_t n;
} arguments;

static void add_words(arguments *a, const char *const *words)
{
    for (size_t i = 0; words[i] && a->n + 1 < MAX_ARGS; i++) a->word[a->n++] = words[i];
    a->word[a->n] = NULL;
}

static const char *const environment[] = {
    "PATH=/usr/bin",      "HOME=/tmp",
    "LC_ALL=C.UTF-8",     "TZ=UTC",
    "PYTHONHASHSEED=0",   "PYTHONSAFEPATH=1",
    "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1",
    "PYTHONUTF8=1",       "MALLOC_ARENA_MAX=1",
    "OMP_NUM_THREADS=1",  "OPENBLAS_NUM_THREADS=1",
    "MKL_NUM_THREADS=1",  NULL,
};

/* The namespaces and what the new root holds. Environment is cleared by the spawn itself. */
static void add_bubblewrap(arguments *a, const char *scratch_bytes)
{
    const char *const words[] = {bubblewrap,
                                 "--unshare-all",
                                 "--die-with-parent",
                                 "--new-session",
                                 "--cap-drop",
                                 "ALL",
                                 "--cap-add", /* until the harness has bounded the scratch */
                                 "CAP_SYS_ADMIN",
                                 "--uid",
                                 "65534",
                                 "--gid",
                                 "65534",
                                 "--hostname",
                                 "sandbox",
                                 "--ro-bind",
                                 "/usr",
                                 "/usr",
                                 "--ro-bind-try",
                                 "/lib",
                                 "/lib",
                                 "--ro-bind-try",
                                 "/lib64",
                                 "/lib64",
                                 "--dev-bind",
                                 "/dev/null",
                                 "/dev/null",
                                 "--dev-bind",
                                 "/dev/zero",
                                 "/dev/zero",
                                 "--dev-bind",
                                 "/dev/random",
                                 "/dev/random",
                                 "--dev-bind",
                                 "/dev/urandom",
                                 "/dev/urandom",
                                 "--size",
                                 scratch_bytes,
                                 "--tmpfs",
                                 "/tmp",
                                 "--chdir",
                                 "/tmp",
                                 "--remount-ro",
                                 "/",
                                 "--",
                                 NULL};

    add_words(a, words);
}

vs_status sandbox_spawn(pid_t *out, const sandbox *s, const sandbox_process *p, vs_error *err)
{
    char cpu[16], memory[16], scratch[24];
    const int filter = sandbox_file(s->filter, s->filter_len); /* one each: readers move it */
    const int harness = sandbox_file(s->harness, s->harness_len);
    const int wanted[N_FDS] = {-1,     p->output, p->output, p->from, p->to,
                               p->job, p->result, filter,    harness};
    const char *const python[] = {interpreter, "-s",         "-S",
                                  "-c",        load_harness, p->role,
                                  cpu,         memory,       sandbox_name(s->isolation),
                                  NULL};
    int lifted[N_FDS], rc;
    arguments a = {.n = 0};

    snprintf(cpu, sizeof cpu, "%u", p->cpu_s);
    snprintf(memory, sizeof memory, "%d", SANDBOX_MEMORY_MB);
    snprintf(scratch, sizeof scratch, "%d", SANDBOX_SCRATCH_MB << 20);
    if (s->isolation == SANDBOX_BUBBLEWRAP) add_bubblewrap(&a, scratch);
    add_words(&a, python);
    rc = filter < 0 || harness < 0 ? errno : lift(lifted, wanted, N_FDS);
    if (rc == 0) {
        rc = vs_spawn(out, a.word, environment, lifted, N_FDS);
        for (size_t i = 0; i < N_FDS; i++) close(lifted[i]);
    }
    if (filter >= 0) close(filter);
    if (harness >= 0) close(harness);
    if (rc == 0) return VS_OK;
    return VS_FAIL(err, VS_E_STATE, "sandbox: cannot start %s: %s", a.word[0], strerror(rc));
}

/* -- opening -- */

/* What "python3 --version" prints in the namespaces, if there are any. */
static vs_status read_version(sandbox *s, vs_error *err)
{
    const char *const words[] = {interpreter, "--version", NULL};
    arguments a = {.n = 0};
    int end[2], status = 0;
    size_t n = 0;
    ssize_t got = 0;
    pid_t pid;

    if (s->isolation == SANDBOX_BUBBLEWRAP) add_bubblewrap(&a, "1048576");
    add_words(&a, words);
    if (pipe2(end, O_CLOEXEC) != 0)
        return VS_FAIL(err, VS_E_STATE, "sandbox: pipe: %s", strerror(errno));
    const int fds[] = {end[1], end[1], end[1]};
    const int rc = vs_spawn(&pid, a.word, environment, fds, 3);
    close(end[1]);
    while (rc == 0 && n + 1 < sizeof s->version &&
           ((got = read(end[0], s->version + n, sizeof s->version - 1 - n)) > 0 ||
            (got < 0 && errno == EINTR)))
        if (got > 0) n += (size_t)got;
    close(end[0]);
    if (rc == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    s->version[strcspn(s->version, "\n")] = '\0';
    if (rc == 0 && status == 0 && strncmp(s->version, "Python 3.", 9) == 0) return VS_OK;
    return VS_FAIL(err, VS_E_STATE, "sandbox: %s: found %s, expected Python 3%s", a.word[0],
                   rc ? strerror(rc) : s->version,
                   s->isolation == SANDBOX_BUBBLEWRAP ? " in namespaces of its own"
                                                      : ": install python3");
}

static vs_status compile_harness(sandbox *s, vs_error *err)
{
    const char *const argv[] = {
        interpreter,
        "-s",
        "-S",
        "-c",
        "import marshal, sys\nmarshal.dump(compile(sys.stdin.read(), '<harness>', 'exec'), "
        "sys.stdout.buffer)",
        NULL};
    const int in = sandbox_file(vs_harness, strlen(vs_harness)), to = sandbox_file("", 0);
    const int fds[] = {in, to, to};
    int status = -1;
    pid_t pid;
    off_t len = 0;
    bool is_done = in >= 0 && to >= 0 && vs_spawn(&pid, argv, environment, fds, 3) == 0;

    if (is_done)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (is_done && status == 0) len = lseek(to, 0, SEEK_END);
    if (len > 0) s->harness = vs_alloc((size_t)len, 1);
    is_done = s->harness && pread(to, s->harness, (size_t)len, 0) == len;
    s->harness_len = (size_t)len;
    if (in >= 0) close(in);
    if (to >= 0) close(to);
    if (is_done) return VS_OK;
    return VS_FAIL(err, VS_E_STATE, "sandbox: %s cannot compile the harness (status %d)",
                   interpreter, status);
}

vs_status sandbox_open(sandbox **out, sandbox_isolation isolation, vs_error *err)
{
    sandbox *s = vs_alloc(1, sizeof *s);
    vs_status st;

    if (!s) return VS_FAIL(err, VS_E_NOMEM, "sandbox");
    s->isolation = isolation;
    if (isolation == SANDBOX_SECCOMP) (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (isolation == SANDBOX_BUBBLEWRAP && access(bubblewrap, X_OK) != 0) {
        st = VS_FAIL(err, VS_E_STATE, "sandbox: %s is missing: install bubblewrap", bubblewrap);
        goto done;
    }
    VS_CHECK(read_version(s, err));
    VS_CHECK(compile_harness(s, err));
    VS_CHECK(sandbox_filter_make(&s->filter, &s->filter_len, isolation, err));
    *out = s;
    s = NULL;
done:
    sandbox_close(s);
    return st;
}

static void add_file(vs_buf *b, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        vs_buf_printf(b, "%s %llu %lld %lld.%ld\n", path, (unsigned long long)st.st_ino,
                      (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

vs_status sandbox_identify(char hex[VS_HASH_HEX], const sandbox *s, vs_error *err)
{
    vs_buf b = {0};
    arguments a = {.n = 0};
    struct utsname u = {0};

    add_bubblewrap(&a, "");
    (void)uname(&u);
    vs_buf_printf(&b, "%s\n%s\n%s\n%s\n%s %s %s %s\n%u %d %d\n", VSTAR_VERSION, vs_harness_hash,
                  s->version, sandbox_describe(s), u.nodename, u.release, u.version, u.machine,
                  (unsigned)geteuid(), SANDBOX_MEMORY_MB, SANDBOX_THREADS);
    for (size_t i = 0; i < a.n; i++) vs_buf_printf(&b, "%s ", a.word[i]);
    for (size_t i = 0; environment[i]; i++) vs_buf_printf(&b, "%s ", environment[i]);
    add_file(&b, interpreter);
    add_file(&b, bubblewrap);
    add_file(&b, "/etc/machine-id");
    vs_buf_add(&b, s->filter, s->filter_len);
    const vs_status st = vs_buf_ok(&b, "sandbox", err);
    if (st == VS_OK) vs_sha256_hex(hex, b.data, b.len);
    vs_buf_free(&b);
    return st;
}

void sandbox_close(sandbox *s)
{
    if (!s) return;
    free(s->filter);
    free(s->harness);
    free(s);
}
