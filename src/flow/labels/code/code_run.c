#include "flow/labels/code/code_run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

enum { PROGRAM, TESTS, SIDES };
enum { SECRET_BYTES = 16, LINE_BYTES = 128, POLL_MS = 100 };

/* Why this process ended a program. */
typedef enum end_cause { END_NONE, END_IDLE, END_WALL, END_CPU, END_THREADS, END_OUTPUT } end_cause;

static const double grace_s = 1.0;     /* between a verdict and the kill, to end by itself */
static const double leave_s = 20.0;    /* between the kill and calling what is left a survivor */
static const double look_s = 0.25;     /* between two looks at a process's CPU time */
static const double busy_share = 0.05; /* of a core: less is idling */

typedef struct side {
    pid_t pid; /* 0: none */
    int output;
    int status;
    double cpu_s; /* at the last look */
} side;

/* One program at work. */
typedef struct slot {
    bool is_busy;
    size_t job;
    side side[SIDES];
    int result; /* -1: closed */
    char secret[2 * SECRET_BYTES + 1];
    char line[LINE_BYTES];
    size_t n_line, n_output;
    double deadline, last, next_look, cpu_mark;
    end_cause end;
} slot;

typedef struct pool {
    const sandbox *s;
    const code_job *jobs;
    const code_limits *limits;
    code_result *results;
    slot *slot;
    size_t n_slots;
} pool;

const char *code_verdict_name(code_verdict v)
{
    static const char *const names[] = {"pass",   "assertion", "exception", "syntax", "timeout",
                                        "memory", "output",    "killed",    "infra"};

    return names[v];
}

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* -- starting -- */

static bool make_secret(char *hex)
{
    unsigned char bytes[SECRET_BYTES];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* The tests' object with the secret as its first member. */
static int tests_file(const code_job *job, const char *secret)
{
    vs_buf text = {0};
    int fd;

    vs_buf_printf(&text, "{\"secret\":\"%s\",", secret);
    vs_buf_add(&text, job->tests + 1, job->tests_len - 1);
    fd = text.failed ? -1 : sandbox_file(text.data, text.len);
    vs_buf_free(&text);
    return fd;
}

typedef struct plumbing {
    int to_program[2], to_tests[2], result[2], output[SIDES][2], file[SIDES];
} plumbing;

/* p: all -1. */
static bool lay(plumbing *p, const code_job *job, const char *secret)
{
    p->file[PROGRAM] = sandbox_file(job->program, job->program_len);
    p->file[TESTS] = tests_file(job, secret);
    return p->file[PROGRAM] >= 0 && p->file[TESTS] >= 0 && pipe2(p->to_program, O_CLOEXEC) == 0 &&
           pipe2(p->to_tests, O_CLOEXEC) == 0 && pipe2(p->result, O_CLOEXEC) == 0 &&
           pipe2(p->output[PROGRAM], O_CLOEXEC) == 0 && pipe2(p->output[TESTS], O_CLOEXEC) == 0;
}

static void take_up(plumbing *p)
{
    int *const ends[] = {p->to_program, p->to_tests, p->result, p->output[PROGRAM],
                         p->output[TESTS]};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        close_fd(&ends[i][0]);
        close_fd(&ends[i][1]);
    }
    close_fd(&p->file[PROGRAM]);
    close_fd(&p->file[TESTS]);
}

static vs_status spawn_sides(slot *t, const pool *x, const plumbing *p, vs_error *err)
{
    const sandbox_process program = {.role = "program",
                                     .cpu_s = (unsigned)ceil(x->limits->cpu_s),
                                     .from = p->to_program[0],
                                     .to = p->to_tests[1],
                                     .job = p->file[PROGRAM],
                                     .result = -1,
                                     .output = p->output[PROGRAM][1]};
    const sandbox_process tests = {.role = "tests",
                                   .cpu_s = (unsigned)ceil(x->limits->cpu_s),
                                   .from = p->to_tests[0],
                                   .to = p->to_program[1],
                                   .job = p->file[TESTS],
                                   .result = p->result[1],
                                   .output = p->output[TESTS][1]};

    VS_TRY(sandbox_spawn(&t->side[PROGRAM].pid, x->s, &program, err));
    return sandbox_spawn(&t->side[TESTS].pid, x->s, &tests, err);
}

static void stop_side(side *s);

static vs_status start(pool *x, slot *t, size_t job, vs_error *err)
{
    plumbing p;
    vs_status st = VS_OK;

    memset(&p, -1, sizeof p);
    *t = (slot){.is_busy = true, .job = job, .result = -1};
    t->side[PROGRAM].output = t->side[TESTS].output = -1;
    if (!make_secret(t->secret) || !lay(&p, &x->jobs[job], t->secret)) {
        st = VS_FAIL(err, VS_E_IO, "sandbox: pipes: %s", strerror(errno));
        goto done;
    }
    VS_CHECK(spawn_sides(t, x, &p, err));
    t->result = p.result[0];
    p.result[0] = -1;
    for (int i = 0; i < SIDES; i++) {
        t->side[i].output = p.output[i][0];
        p.output[i][0] = -1;
    }
    t->deadline = vs_now_s() + x->limits->idle_s;
    t->last = vs_now_s() + x->limits->wall_s;
    t->next_look = vs_now_s() + look_s;
done:
    take_up(&p);
    if (st != VS_OK) {
        stop_side(&t->side[PROGRAM]);
        stop_side(&t->side[TESTS]);
        t->is_busy = false;
    }
    return st;
}

/* -- CPU time of those who still run -- */

typedef struct usage {
    double cpu_s;
    long n_threads; /* the most of one process */
} usage;

/* Of one process, from its stat line, and of all below it. */
static void add_usage(usage *u, pid_t pid, int depth)
{
    char path[96], text[1024];
    unsigned long user = 0, system = 0;
    long n_threads = 0;
    FILE *fp;
    int child;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fp = fopen(path, "re");
    if (!fp) return;
    const char *after = fgets(text, sizeof text, fp) ? strrchr(text, ')') : NULL;
    fclose(fp);
    if (!after || sscanf(after + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld",
                         &user, &system, &n_threads) != 3)
        return;
    u->cpu_s += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    if (n_threads > u->n_threads) u->n_threads = n_threads;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    fp = depth > 0 ? fopen(path, "re") : NULL;
    while (fp && fscanf(fp, "%d", &child) == 1) add_usage(u, child, depth - 1);
    if (fp) fclose(fp);
}

static double cpu_of(const slot *t)
{
    return t->side[PROGRAM].cpu_s + t->side[TESTS].cpu_s;
}

/* Ends who has had its CPU time though the kernel let it go on, and who has too many threads. */
static void look(pool *x, slot *t)
{
    enum { DEPTH = 3 }; /* bubblewrap, its reaper, the interpreter */

    for (int i = 0; i < SIDES; i++) {
        side *s = &t->side[i];
        usage u = {0};
        if (s->pid) add_usage(&u, s->pid, DEPTH);
        if (u.cpu_s > s->cpu_s) s->cpu_s = u.cpu_s;
        if (s->cpu_s > x->limits->cpu_s) t->end = END_CPU;
        if (u.n_threads > SANDBOX_THREADS) t->end = END_THREADS;
    }
    t->next_look = vs_now_s() + look_s;
}

/* Past the deadline: whether nothing much is being computed. Who computes gets as long again, since
 * its CPU time will end it however slowly the machine gives it. */
static void check_clock(pool *x, slot *t)
{
    const double now = vs_now_s();

    if (now <= t->deadline && now <= t->last) return;
    look(x, t);
    if (t->end != END_NONE) return;
    if (now > t->last)
        t->end = END_WALL;
    else if (cpu_of(t) - t->cpu_mark <= busy_share * x->limits->idle_s)
        t->end = END_IDLE;
    t->cpu_mark = cpu_of(t);
    t->deadline = now + x->limits->idle_s;
}

/* -- ending -- */

static bool has_ended(side *s)
{
    if (s->pid && waitpid(s->pid, &s->status, WNOHANG) == s->pid) s->pid = 0;
    return !s->pid;
}

/* Kills the process and all of its session; with bubblewrap the whole pid namespace dies with it.
 */
static void stop_side(side *s)
{
    if (s->pid) {
        kill(-s->pid, SIGKILL);
        kill(s->pid, SIGKILL);
        while (waitpid(s->pid, &s->status, 0) < 0 && errno == EINTR) {}
        s->pid = 0;
    }
    close_fd(&s->output);
}

/* Reads what there is and forgets it. false: every writer has gone. */
static bool drain(slot *t, side *s)
{
    char chunk[4096];
    const ssize_t n = read(s->output, chunk, sizeof chunk);

    if (n > 0) t->n_output += (size_t)n;
    if (t->n_output > SANDBOX_OUTPUT_BYTES) t->end = END_OUTPUT;
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Waits until the sides end by themselves, then kills them; false: something of theirs lives on. */
static bool put_down(slot *t, bool at_once)
{
    const double until = vs_now_s() + (at_once ? 0.0 : grace_s);
    const struct timespec nap = {.tv_nsec = 1000 * 1000};
    bool all_gone = true;

    while (!(has_ended(&t->side[PROGRAM]) && has_ended(&t->side[TESTS])) && vs_now_s() < until)
        nanosleep(&nap, NULL);
    for (int i = 0; i < SIDES; i++) {
        const int output = t->side[i].output;
        t->side[i].output = -1;
        stop_side(&t->side[i]);
        t->side[i].output = output;
    }
    for (int i = 0; i < SIDES; i++) { /* whoever is left holds its end of the output */
        struct pollfd fd = {.fd = t->side[i].output, .events = POLLIN};
        bool is_open = fd.fd >= 0;
        const double last = vs_now_s() + leave_s;
        while (is_open && vs_now_s() < last)
            if (poll(&fd, 1, 10) > 0) is_open = drain(t, &t->side[i]);
        all_gone &= !is_open;
        close_fd(&t->side[i].output);
    }
    close_fd(&t->result);
    return all_gone;
}

static void set_result(code_result *r, code_verdict v, const char *detail)
{
    r->verdict = v;
    snprintf(r->detail, sizeof r->detail, "%s", detail);
}

/* The signal that ended a side; bubblewrap passes it on as 128 + its number. 0: none. */
static int signal_of(const side *s)
{
    const int code = WIFEXITED(s->status) ? WEXITSTATUS(s->status) : 0;

    return WIFSIGNALED(s->status) ? WTERMSIG(s->status) : code > 128 ? code - 128 : 0;
}

/* Whether its CPU time ended a side; who ignores SIGXCPU has had all of it and is killed. */
static bool ran_out(const side *s, double cpu_s)
{
    const int number = signal_of(s);

    return number == SIGXCPU || (number == SIGKILL && s->cpu_s >= cpu_s);
}

/* The program's interpreter went away in the middle. */
static void judge_lost(code_result *r, const slot *t, double cpu_s)
{
    const side *p = &t->side[PROGRAM];
    const int number = signal_of(p);
    const char *name = number ? sigabbrev_np(number) : NULL;

    if (ran_out(p, cpu_s))
        set_result(r, CODE_TIMEOUT, "cpu");
    else if (number)
        set_result(r, CODE_KILLED, name ? name : "signal");
    else
        set_result(r, CODE_EXCEPTION, "exit");
}

/* What this process ended a program for. */
static const struct {
    code_verdict verdict;
    const char *detail;
} ends[] = {[END_IDLE] = {CODE_TIMEOUT, "idle"},
            [END_WALL] = {CODE_TIMEOUT, "wall"},
            [END_CPU] = {CODE_TIMEOUT, "cpu"},
            [END_THREADS] = {CODE_KILLED, "threads"},
            [END_OUTPUT] = {CODE_OUTPUT, ""}};

static void judge(code_result *r, const slot *t, double cpu_s)
{
    static const struct {
        const char *word;
        code_verdict verdict;
    } words[] = {{"assertion", CODE_ASSERTION}, {"syntax", CODE_SYNTAX}, {"memory", CODE_MEMORY}};
    const size_t n = strlen(t->secret);

    if (t->end != END_NONE) {
        set_result(r, ends[t->end].verdict, ends[t->end].detail);
        return;
    }
    if (strncmp(t->line, t->secret, n) == 0 && strcmp(t->line + n, " pass") == 0) {
        set_result(r, CODE_PASS, "");
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(t->line, words[i].word) == 0) {
            set_result(r, words[i].verdict, "");
            return;
        }
    if (strncmp(t->line, "exception ", 10) == 0)
        set_result(r, CODE_EXCEPTION, t->line + 10);
    else if (strcmp(t->line, "lost") == 0)
        judge_lost(r, t, cpu_s);
    else if (ran_out(&t->side[TESTS], cpu_s))
        set_result(r, CODE_TIMEOUT, "cpu");
    else
        set_result(r, CODE_INFRA, "no verdict");
}

static void finish(pool *x, slot *t)
{
    const bool is_lost = strcmp(t->line, "lost") == 0;
    const bool all_gone = put_down(t, t->end != END_NONE && !is_lost);
    code_result *r = &x->results[t->job];

    judge(r, t, x->limits->cpu_s);
    if (!all_gone) set_result(r, CODE_INFRA, "survivor");
    t->is_busy = false;
}

/* -- the loop -- */

/* Reads the verdict's line. true: nothing more will come. */
static bool read_result(slot *t)
{
    const ssize_t n = read(t->result, t->line + t->n_line, LINE_BYTES - 1 - t->n_line);
    char *end;

    if (n < 0) return errno != EINTR;
    t->n_line += (size_t)n;
    t->line[t->n_line] = '\0';
    end = strchr(t->line, '\n');
    if (end) *end = '\0';
    return end || n == 0 || t->n_line == LINE_BYTES - 1;
}

static void serve(pool *x, slot *t, const struct pollfd fds[3])
{
    for (int i = 0; i < SIDES; i++)
        if (fds[i].revents && !drain(t, &t->side[i])) close_fd(&t->side[i].output);
    const bool is_over = fds[2].revents && read_result(t);
    if (!is_over && vs_now_s() > t->next_look) look(x, t);
    if (!is_over && t->end == END_NONE) check_clock(x, t);
    if (is_over || t->end != END_NONE) finish(x, t);
}

static vs_status turn(pool *x, struct pollfd *fds, vs_error *err)
{
    for (size_t i = 0; i < x->n_slots; i++) {
        const slot *t = &x->slot[i];
        for (size_t k = 0; k < 3; k++) fds[3 * i + k] = (struct pollfd){.fd = -1, .events = POLLIN};
        if (!t->is_busy) continue;
        fds[3 * i].fd = t->side[PROGRAM].output;
        fds[3 * i + 1].fd = t->side[TESTS].output;
        fds[3 * i + 2].fd = t->result;
    }
    if (poll(fds, 3 * x->n_slots, POLL_MS) < 0 && errno != EINTR)
        return VS_FAIL(err, VS_E_IO, "sandbox: poll: %s", strerror(errno));
    if (vs_stop_wanted()) return VS_FAIL(err, VS_E_STOPPED, "stopped while programs ran");
    for (size_t i = 0; i < x->n_slots; i++)
        if (x->slot[i].is_busy) serve(x, &x->slot[i], fds + 3 * i);
    return VS_OK;
}

static bool is_working(const pool *x)
{
    for (size_t i = 0; i < x->n_slots; i++)
        if (x->slot[i].is_busy) return true;
    return false;
}

/* Runs jobs[order[0 .. n)] with n_slots at a time. */
static vs_status run_all(pool *x, const size_t *order, size_t n, size_t n_slots, vs_error *err)
{
    struct pollfd *fds = vs_alloc(3 * n_slots, sizeof *fds);
    size_t next = 0;
    vs_status st = VS_OK;

    x->slot = vs_alloc(n_slots, sizeof *x->slot);
    x->n_slots = n_slots;
    if (!fds || !x->slot) {
        st = VS_FAIL(err, VS_E_NOMEM, "sandbox");
        goto done;
    }
    while (next < n || is_working(x)) {
        for (size_t i = 0; i < n_slots && next < n; i++)
            if (!x->slot[i].is_busy) VS_CHECK(start(x, &x->slot[i], order[next++], err));
        VS_CHECK(turn(x, fds, err));
    }
done:
    for (size_t i = 0; x->slot && i < n_slots; i++)
        if (x->slot[i].is_busy) (void)put_down(&x->slot[i], true);
    free(x->slot);
    free(fds);
    return st;
}

static bool wants_another_try(const code_result *r, const code_limits *limits)
{
    return r->verdict == CODE_INFRA ||
           (!limits->is_once && r->verdict == CODE_TIMEOUT && strcmp(r->detail, "cpu") != 0);
}

vs_status code_run(code_result *results, const sandbox *s, const code_job *jobs, size_t n,
                   const code_limits *limits, size_t n_workers, vs_error *err)
{
    pool x = {.s = s, .jobs = jobs, .limits = limits, .results = results};
    size_t *order = vs_alloc(n, sizeof *order), n_again = 0;
    vs_status st;

    if (!order) return VS_FAIL(err, VS_E_NOMEM, "sandbox");
    for (size_t i = 0; i < n; i++) order[i] = i;
    VS_CHECK(run_all(&x, order, n, n_workers < n ? n_workers : n ? n : 1, err));
    for (size_t i = 0; i < n; i++)
        if (wants_another_try(&results[i], limits)) order[n_again++] = i;
    if (n_again) VS_CHECK(run_all(&x, order, n_again, 1, err));
done:
    free(order);
    return st;
}
