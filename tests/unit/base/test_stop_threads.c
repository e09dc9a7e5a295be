#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/stop.h"
#include "base/threads.h"
#include "vs_test.h"

static void on_signal(int signal_number)
{
    (void)signal_number;
    vs_stop_request();
}

TEST(stop, is_wanted_from_a_signal_until_cleared)
{
    CHECK(!vs_stop_wanted());
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    raise(SIGUSR1);
    CHECK(vs_stop_wanted() && vs_stop_wanted());
    vs_stop_clear();
    CHECK(!vs_stop_wanted());
}

TEST(threads, are_all_cores_until_set_and_what_was_set_after)
{
    const size_t cores = vs_threads();

    CHECK(cores >= 1);
    vs_threads_set(3);
    CHECK(vs_threads() == 3);
    vs_threads_set(0);
    CHECK(vs_threads() == cores);
}

enum { PARTS_MOST = 40, THREADS_MOST = 5, JOBS = 300 };

typedef struct tally {
    atomic_int done[PARTS_MOST];
    atomic_int on_thread[THREADS_MOST]; /* parts of this thread under way */
    atomic_int by_workers;
    size_t n_threads;
    bool nested;
    atomic_bool failed;
} tally;

static void count_part(void *ctx, size_t part, size_t thread)
{
    tally *t = ctx;

    if (thread >= t->n_threads) {
        atomic_store(&t->failed, true);
        return;
    }
    if (atomic_fetch_add(&t->on_thread[thread], 1) != 0) atomic_store(&t->failed, true);
    atomic_fetch_add(&t->done[part], 1);
    if (thread != 0) atomic_fetch_add(&t->by_workers, 1);
    if (t->nested) {
        tally inner = {.n_threads = 1};
        vs_run_parts(3, count_part, &inner);
        for (size_t i = 0; i < 3; i++)
            if (inner.done[i] != 1 || inner.failed) atomic_store(&t->failed, true);
    }
    atomic_fetch_sub(&t->on_thread[thread], 1);
}

TEST(threads, do_every_part_of_every_job_once_and_no_two_at_once_on_a_thread)
{
    for (size_t n_threads = 1; n_threads <= THREADS_MOST; n_threads++) {
        vs_threads_set(n_threads);
        for (size_t job = 0; job < JOBS; job++) {
            const size_t n = 2 + job % (PARTS_MOST - 1);
            tally t = {.n_threads = n_threads, .nested = job % 2};

            vs_run_parts(n, count_part, &t);
            for (size_t i = 0; i < n; i++) CHECK(t.done[i] == 1);
            CHECK(!t.failed);
        }
    }
    CHECK(!vs_in_part());
    vs_threads_set(0);
}

/* Parts that wait for each other: all are under way at once only if each has a thread of its own. */
typedef struct meeting {
    atomic_size_t here;
    size_t wanted;
    atomic_bool failed;
} meeting;

static void meet_part(void *ctx, size_t part, size_t thread)
{
    enum { NAPS = 20000 }; /* of 1 ms: only a pool that lacks a thread waits so long */
    meeting *m = ctx;
    size_t naps = 0;
    (void)part;

    if (thread >= m->wanted) atomic_store(&m->failed, true);
    atomic_fetch_add(&m->here, 1);
    while (atomic_load(&m->here) < m->wanted && !atomic_load(&m->failed))
        if (usleep(1000) != 0 || ++naps == NAPS) atomic_store(&m->failed, true);
}

TEST(threads, are_as_many_as_were_set_last_more_or_fewer)
{
    static const size_t counts[] = {2, 4, 3, 5, 1, 2};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        meeting m = {.wanted = counts[i]};
        tally t = {.n_threads = counts[i]};
        vs_threads_set(counts[i]);
        vs_run_parts(counts[i], meet_part, &m);
        CHECK(!m.failed);
        vs_run_parts(PARTS_MOST, count_part, &t);
        CHECK(!t.failed);
    }
    vs_threads_set(0);
}

/* Parts, and the pauses between jobs, last longer than anyone spins. */
static void slow_part(void *ctx, size_t part, size_t thread)
{
    usleep(3000);
    count_part(ctx, part, thread);
}

TEST(threads, that_have_gone_to_sleep_are_woken)
{
    int by_workers = 0;

    vs_threads_set(3);
    for (size_t job = 0; job < 20; job++) {
        tally t = {.n_threads = 3};

        vs_run_parts(4, slow_part, &t);
        for (size_t i = 0; i < 4; i++) CHECK(t.done[i] == 1);
        CHECK(!t.failed);
        if (job > 0) by_workers += t.by_workers; /* at the first they come into being */
        usleep(3000);
    }
    CHECK(by_workers > 0);
    vs_threads_set(0);
}

static void add_part(void *ctx, size_t part, size_t thread)
{
    (void)part;
    (void)thread;
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void *run_jobs(void *ctx)
{
    for (size_t i = 0; i < JOBS; i++) vs_run_parts(PARTS_MOST, add_part, ctx);
    return NULL;
}

TEST(threads, serve_callers_that_come_at_the_same_time)
{
    pthread_t other;
    atomic_int mine = 0, theirs = 0;

    vs_threads_set(3);
    CHECK(pthread_create(&other, NULL, run_jobs, &theirs) == 0);
    run_jobs(&mine);
    pthread_join(other, NULL);
    CHECK(mine == JOBS * PARTS_MOST && theirs == JOBS * PARTS_MOST);
    vs_threads_set(0);
}
