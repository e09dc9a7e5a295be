#include "flow/labels/external.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/stop.h"
#include "base/threads.h"
#include "flow/labels/grade_impl.h"

extern char **environ;

enum { NO_ITEM = -1, POLL_MS = 100, END_MS = 500, SHOWN_BYTES = 80, TIMEOUT_TRIES = 2 };

typedef struct worker {
    pid_t pid;   /* 0: not running */
    int in, out; /* its standard input and output; -1: closed */
    long item;   /* being graded; NO_ITEM: idle */
    int n_died, n_late;
    size_t sent;
    vs_buf request, reply;
    double deadline; /* seconds of vs_now_s() */
} worker;

struct vs_external {
    char **argv; /* NULL ends it; the words are borrowed */
    char version[VS_GRADER_VERSION_BYTES];
    double timeout_s;
    worker *worker;
    size_t n_workers;
    size_t n_answers; /* since it was opened */
    size_t n_faults;  /* items in a row without an answer */
};

/* What one call works on. */
typedef struct batch {
    vs_external *x;
    const vs_grade_item *items;
    vs_grade_result *results;
    size_t n, next, n_done;
} batch;

/* -- opening -- */

/* A word that names a file counts by the file's content too. */
static vs_status hash_word(vs_hasher *h, const char *word, vs_error *err)
{
    char hex[VS_HASH_HEX];
    struct stat info;

    vs_hasher_add(h, word, strlen(word) + 1);
    if (stat(word, &info) != 0 || !S_ISREG(info.st_mode)) return VS_OK;
    VS_TRY(vs_sha256_file(hex, word, err));
    vs_hasher_add(h, hex, sizeof hex);
    return VS_OK;
}

static vs_status make_version(vs_external *x, const vs_grader_options *o, vs_error *err)
{
    vs_hasher *h;
    char hex[VS_HASH_HEX];
    vs_status st = VS_OK;

    VS_TRY(vs_hasher_open(&h, err));
    for (size_t i = 0; i < o->n_command && st == VS_OK; i++) st = hash_word(h, o->command[i], err);
    vs_hasher_close(h, hex);
    snprintf(x->version, sizeof x->version, "external/1:%.12s", hex);
    return st;
}

vs_status vs_external_open(vs_external **out, const vs_grader_options *o, vs_error *err)
{
    vs_external *x = vs_alloc(1, sizeof *x);
    vs_status st;

    if (!x) return VS_FAIL(err, VS_E_NOMEM, "grader");
    x->timeout_s = o->timeout_s > 0.0 ? o->timeout_s : VS_EXTERNAL_TIMEOUT_S;
    x->argv = vs_alloc(o->n_command + 1, sizeof *x->argv);
    x->worker = vs_alloc(o->n_workers ? o->n_workers : vs_threads(), sizeof *x->worker);
    if (!x->argv || !x->worker) {
        st = VS_FAIL(err, VS_E_NOMEM, "grader");
        goto done;
    }
    x->n_workers = o->n_workers ? o->n_workers : vs_threads();
    for (size_t i = 0; i < x->n_workers; i++)
        x->worker[i] = (worker){.in = -1, .out = -1, .item = NO_ITEM};
    for (size_t i = 0; i < o->n_command; i++) x->argv[i] = (char *)(uintptr_t)o->command[i];
    VS_CHECK(make_version(x, o, err));
    *out = x;
    x = NULL;
done:
    vs_external_close(x);
    return st;
}

const char *vs_external_version(const vs_external *x)
{
    return x->version;
}

/* -- a worker's life -- */

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Ends the worker and all that it started, which its session holds. Gives it END_MS to end by
 * itself when it is asked kindly. */
static void stop_worker(worker *w, bool kindly)
{
    close_fd(&w->in);
    if (w->pid) {
        const struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
        for (int ms = 0; kindly && ms < END_MS && waitpid(w->pid, NULL, WNOHANG) == 0; ms += 10)
            nanosleep(&nap, NULL);
        kill(-w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) {}
    }
    w->pid = 0;
    close_fd(&w->out);
}

static vs_status start_worker(vs_external *x, worker *w, vs_error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, rc = 0;

    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) rc = errno;
    if (rc == 0) {
        const int ends[] = {in[0], out[1]};
        rc = vs_spawn(&w->pid, (const char *const *)x->argv, NULL, ends, 2);
    }
    close_fd(&in[0]);
    close_fd(&out[1]);
    w->in = in[1];
    w->out = out[0];
    if (rc == 0 &&
        (fcntl(w->in, F_SETFL, O_NONBLOCK) != 0 || fcntl(w->out, F_SETFL, O_NONBLOCK) != 0))
        rc = errno;
    if (rc == 0) return VS_OK;
    stop_worker(w, false);
    return VS_FAIL(err, rc == ENOMEM ? VS_E_NOMEM : VS_E_INPUT,
                   "grader command: cannot run '%.80s': %s", x->argv[0], strerror(rc));
}

void vs_external_close(vs_external *x)
{
    if (!x) return;
    for (size_t i = 0; i < x->n_workers; i++) close_fd(&x->worker[i].in); /* all may end at once */
    for (size_t i = 0; i < x->n_workers; i++) {
        stop_worker(&x->worker[i], true);
        vs_buf_free(&x->worker[i].request);
        vs_buf_free(&x->worker[i].reply);
    }
    free(x->worker);
    free(x->argv);
    free(x);
}

/* -- one item -- */

static void add_text(vs_buf *b, const char *key, const char *text, size_t len)
{
    vs_buf_printf(b, "%s\"%s\":", b->len ? "," : "{", key);
    if (text)
        vs_buf_json_str(b, text, len);
    else
        vs_buf_str(b, "null");
}

/* An idle worker has nothing to say: what it wrote would be taken for the next item's answer. One
 * that has ended is forgotten. */
static vs_status check_quiet(worker *w, vs_error *err)
{
    char chunk[SHOWN_BYTES];
    ssize_t n;

    if (!w->pid) return VS_OK;
    n = read(w->out, chunk, sizeof chunk);
    if (n > 0)
        return VS_FAIL(err, VS_E_FORMAT, "grader command: found '%.*s', which no item asked for",
                       (int)n, chunk);
    if (n == 0) stop_worker(w, false);
    return VS_OK;
}

static vs_status send_item(batch *b, worker *w, vs_error *err)
{
    const vs_grade_item *item = &b->items[w->item];

    VS_TRY(check_quiet(w, err));
    if (!w->pid) VS_TRY(start_worker(b->x, w, err));
    vs_buf_clear(&w->request);
    vs_buf_clear(&w->reply);
    add_text(&w->request, "id", item->id, item->id_len);
    add_text(&w->request, "question", item->question, item->question_len);
    add_text(&w->request, "gold", item->gold, item->gold_len);
    add_text(&w->request, "completion", item->completion, item->completion_len);
    vs_buf_str(&w->request, "}\n");
    w->sent = 0;
    w->deadline = vs_now_s() + b->x->timeout_s;
    return vs_buf_ok(&w->request, "grader", err);
}

static vs_status read_verdict(vs_verdict *out, const json_t *answer, const char *where,
                              vs_error *err)
{
    const char *text = NULL;

    VS_TRY(vs_json_get_str(&text, answer, "verdict", where, err));
    for (int v = VS_WRONG; v <= VS_UNGRADABLE; v++)
        if (strcmp(text, vs_verdict_name((vs_verdict)v)) == 0) {
            *out = (vs_verdict)v;
            return VS_OK;
        }
    return VS_FAIL(err, VS_E_FORMAT,
                   "%s: \"verdict\": found \"%.40s\", expected right, wrong or ungradable", where,
                   text);
}

/* An optional member; unlike vs_json_opt_str it may hold U+0000, since a command may repeat what a model wrote. */
static vs_status read_text(const char **out, size_t *len, const json_t *answer, const char *key,
                           const char *where, vs_error *err)
{
    const json_t *value = json_object_get(answer, key);

    if (!json_is_string(value)) return vs_json_opt_str(out, answer, key, where, err);
    *out = json_string_value(value);
    *len = json_string_length(value);
    return VS_OK;
}

static vs_status read_members(vs_grade_result *r, const char *version, const json_t *answer,
                              const char *where, vs_error *err)
{
    const char *extracted = "", *normal = "", *rule = "answer";
    size_t n_extracted = 0, n_normal = 0, n_rule = strlen(rule);
    char short_rule[VS_GRADE_RULE_BYTES / 2];

    VS_TRY(read_verdict(&r->verdict, answer, where, err));
    VS_TRY(read_text(&extracted, &n_extracted, answer, "extracted", where, err));
    VS_TRY(read_text(&normal, &n_normal, answer, "normal", where, err));
    VS_TRY(read_text(&rule, &n_rule, answer, "rule", where, err));
    grade_copy(r->extracted, sizeof r->extracted, extracted, n_extracted);
    grade_copy(short_rule, sizeof short_rule, rule, n_rule);
    grade_set_normal(r, normal, n_normal);
    grade_set_rule(r, version, short_rule, "");
    return VS_OK;
}

/* The line in w->reply without its newline. */
static vs_status take_answer(batch *b, worker *w, vs_error *err)
{
    const char *id = b->items[w->item].id;
    const size_t len = w->reply.len - 1;
    vs_error cause = {.code = VS_OK};
    vs_grade_result r = {.verdict = VS_WRONG};
    json_t *answer = NULL;
    vs_status st;

    vs_json_mend(w->reply.data, len);
    VS_CHECK(vs_json_parse_line(&answer, w->reply.data, len, "answer", &cause));
    VS_CHECK(read_members(&r, b->x->version, answer, "answer", &cause));
    b->results[w->item] = r;
    b->x->n_answers++;
    b->x->n_faults = 0;
done:
    json_decref(answer);
    if (st != VS_OK)
        return VS_FAIL(err, st, "grader command: item %.60s: it wrote '%.*s': %.300s",
                       id ? id : "?", (int)(len < SHOWN_BYTES ? len : SHOWN_BYTES), w->reply.data,
                       cause.text);
    return VS_OK;
}

static void finish_item(batch *b, worker *w)
{
    w->item = NO_ITEM;
    w->n_died = w->n_late = 0;
    b->n_done++;
}

/* After a death or a late answer: once more, or the item stays without an answer. What dies before
 * anything has had one does not run at all; what is late may have met a hard item first. */
static vs_status retry(batch *b, worker *w, const char *why, vs_error *err)
{
    vs_external *x = b->x;
    const char *id = b->items[w->item].id;

    stop_worker(w, false);
    if (w->n_died < VS_EXTERNAL_TRIES && w->n_late < TIMEOUT_TRIES) return send_item(b, w, err);
    const bool never_ran = x->n_answers == 0 && w->n_died == VS_EXTERNAL_TRIES;
    if (never_ran || ++x->n_faults == VS_EXTERNAL_FAULTS)
        return VS_FAIL(
            err, VS_E_INPUT,
            "grader command: '%.80s': %s, the last was %s on item %.60s; expected a line "
            "{\"verdict\":..} for every line",
            x->argv[0],
            never_ran ? "no item has had an answer" : "too many items in a row without an answer",
            why, id ? id : "?");
    b->results[w->item] = (vs_grade_result){.verdict = VS_UNGRADABLE};
    grade_set_rule(&b->results[w->item], x->version, why, "");
    finish_item(b, w);
    return VS_OK;
}

/* -- the loop -- */

/* Sends what the pipe takes. A broken pipe is a death that reading finds too. */
static void write_some(worker *w)
{
    const ssize_t n = write(w->in, w->request.data + w->sent, w->request.len - w->sent);

    if (n > 0) w->sent += (size_t)n;
}

/* *ended: there is nothing to come, and no whole line has come. */
static vs_status read_some(worker *w, bool *has_line, bool *ended, vs_error *err)
{
    char chunk[4096];
    const ssize_t n = read(w->out, chunk, sizeof chunk);

    *has_line = false;
    *ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (n <= 0) return VS_OK;
    vs_buf_add(&w->reply, chunk, (size_t)n);
    VS_TRY(vs_buf_ok(&w->reply, "grader", err));
    *has_line = memchr(chunk, '\n', (size_t)n) != NULL;
    if (*has_line && w->reply.data[w->reply.len - 1] == '\n' &&
        memchr(w->reply.data, '\n', w->reply.len - 1) == NULL)
        return VS_OK;
    if (*has_line)
        return VS_FAIL(
            err, VS_E_FORMAT, "grader command: found more than one line for one item: '%.*s'",
            (int)(w->reply.len < SHOWN_BYTES ? w->reply.len : SHOWN_BYTES), w->reply.data);
    if (w->reply.len > VS_EXTERNAL_LINE_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "grader command: an answer longer than %d bytes",
                       VS_EXTERNAL_LINE_BYTES);
    return VS_OK;
}

static vs_status serve_worker(batch *b, worker *w, short in_events, short out_events, vs_error *err)
{
    bool has_line = false, ended = false;

    if (in_events & POLLOUT) write_some(w);
    if (out_events) VS_TRY(read_some(w, &has_line, &ended, err));
    if (has_line) {
        VS_TRY(take_answer(b, w, err));
        finish_item(b, w);
        return VS_OK;
    }
    if (ended) {
        w->n_died++;
        return retry(b, w, "died", err);
    }
    if (vs_now_s() < w->deadline) return VS_OK;
    w->n_late++;
    return retry(b, w, "timeout", err);
}

/* Gives idle workers items, waits for something to happen, and serves who is busy. */
static vs_status turn(batch *b, struct pollfd *fds, vs_error *err)
{
    vs_external *x = b->x;

    for (size_t i = 0; i < x->n_workers; i++) {
        worker *w = &x->worker[i];
        if (w->item == NO_ITEM && b->next < b->n) {
            w->item = (long)b->next++;
            VS_TRY(send_item(b, w, err));
        }
        const bool is_busy = w->item != NO_ITEM;
        fds[2 * i] = (struct pollfd){.fd = is_busy && w->sent < w->request.len ? w->in : -1,
                                     .events = POLLOUT};
        fds[2 * i + 1] = (struct pollfd){.fd = is_busy ? w->out : -1, .events = POLLIN};
    }
    if (poll(fds, 2 * x->n_workers, POLL_MS) < 0 && errno != EINTR)
        return VS_FAIL(err, VS_E_IO, "grader: poll: %s", strerror(errno));
    if (vs_stop_wanted()) return VS_FAIL(err, VS_E_STOPPED, "stopped while grading");
    for (size_t i = 0; i < x->n_workers; i++)
        if (x->worker[i].item != NO_ITEM)
            VS_TRY(serve_worker(b, &x->worker[i], fds[2 * i].revents, fds[2 * i + 1].revents, err));
    return VS_OK;
}

/* Writing to a worker that has died raises SIGPIPE, which is kept from this thread meanwhile. */
static void hold_pipe_signal(sigset_t *before)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

static void release_pipe_signal(const sigset_t *before)
{
    const struct timespec at_once = {.tv_sec = 0};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    while (!sigismember(before, SIGPIPE) && sigtimedwait(&set, NULL, &at_once) == SIGPIPE) {}
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

vs_status vs_external_run(vs_external *x, const vs_grade_item *items, size_t n,
                          vs_grade_result *results, vs_error *err)
{
    batch b = {.x = x, .items = items, .results = results, .n = n};
    struct pollfd *fds = vs_alloc(2 * x->n_workers, sizeof *fds);
    sigset_t before;
    vs_status st = VS_OK;

    if (!fds) return VS_FAIL(err, VS_E_NOMEM, "grader");
    hold_pipe_signal(&before);
    while (st == VS_OK && b.n_done < n) st = turn(&b, fds, err);
    release_pipe_signal(&before);
    if (st == VS_OK && x->n_answers == 0 && n > 1) /* one alone may be a hard one */
        st = VS_FAIL(err, VS_E_INPUT,
                     "grader command: '%.80s': none of %zu items has had an answer within %g s",
                     x->argv[0], n, x->timeout_s);
    for (size_t i = 0; st != VS_OK && i < x->n_workers; i++) { /* no answer may come late */
        if (x->worker[i].item == NO_ITEM) continue;
        stop_worker(&x->worker[i], false);
        x->worker[i].item = NO_ITEM;
        x->worker[i].n_died = x->worker[i].n_late = 0;
    }
    free(fds);
    return st;
}
