#include "base/threads.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_THREADS = 4096,
    CACHE_LINE = 64,
    /* Turns of waiting before sleep, tens of microseconds: they bridge the gaps within a step. */
    SPINS = 2000,
    MIN_PARALLEL_FLOPS = 100000, /* below, sharing out costs more than it saves */
};

static atomic_size_t chosen; /* 0: not set yet */

/* The parts of a job that are left of one thread's run, as one word: end << 32 | next. A successful
 * compare-exchange claims part `next`; a job ends only when each of its parts is done. */
typedef struct share {
    alignas(CACHE_LINE) _Atomic uint64_t left;
    pthread_t thread; /* of shares 1 .. */
} share;

static struct {
    pthread_mutex_t job; /* held by who runs one */
    share *shares;       /* [n]; NULL: not started */
    size_t n, n_workers;
    vs_part_fn f; /* read by who has taken a part */
    void *ctx;
    atomic_size_t unfinished; /* parts */
    atomic_uint posted;       /* jobs so far */
    atomic_bool stop;

    pthread_mutex_t sleep;
    pthread_cond_t wake, finished;
    atomic_size_t sleepers;
    atomic_bool caller_sleeps;
} pool = {.job = PTHREAD_MUTEX_INITIALIZER,
          .sleep = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

static _Thread_local bool in_part;

/* Cores in this process's affinity mask. */
static size_t cores(void)
{
    cpu_set_t set;
    long n = 0;

    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    if (n < 1) n = sysconf(_SC_NPROCESSORS_ONLN); /* more cores than a set of fixed size holds */
    if (n > MAX_THREADS) n = MAX_THREADS;
    return n > 0 ? (size_t)n : 1;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- taking parts ---- */

static bool take(share *s, size_t *part)
{
    uint64_t left = atomic_load_explicit(&s->left, memory_order_acquire);

    do {
        if ((uint32_t)left == left >> 32) return false;
    } while (!atomic_compare_exchange_weak_explicit(&s->left, &left, left + 1, memory_order_acq_rel,
                                                    memory_order_acquire));
    *part = (uint32_t)left;
    return true;
}

/* Own parts first, then those of the threads behind. */
static void do_parts(size_t id)
{
    size_t done = 0, part;

    for (size_t i = 0; i < pool.n; i++)
        while (take(&pool.shares[(id + i) % pool.n], &part)) {
            pool.f(pool.ctx, part, id);
            done++;
        }
    if (!done || atomic_fetch_sub(&pool.unfinished, done) != done) return;
    if (!atomic_load(&pool.caller_sleeps)) return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_signal(&pool.finished);
    pthread_mutex_unlock(&pool.sleep);
}

/* ---- waiting ---- */

static void wait_for_job(unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool.posted, memory_order_acquire) != seen) return;
        relax();
    }
    pthread_mutex_lock(&pool.sleep);
    atomic_fetch_add(&pool.sleepers, 1);
    while (atomic_load(&pool.posted) == seen) pthread_cond_wait(&pool.wake, &pool.sleep);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.sleep);
}

static void wait_for_parts(void)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool.unfinished, memory_order_acquire) == 0) return;
        relax();
    }
    pthread_mutex_lock(&pool.sleep);
    atomic_store(&pool.caller_sleeps, true);
    while (atomic_load(&pool.unfinished) != 0) pthread_cond_wait(&pool.finished, &pool.sleep);
    atomic_store(&pool.caller_sleeps, false);
    pthread_mutex_unlock(&pool.sleep);
}

static void post(void)
{
    atomic_fetch_add(&pool.posted, 1);
    if (atomic_load(&pool.sleepers) == 0) return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.sleep);
}

/* ---- the workers ---- */

static void *worker(void *arg)
{
    const size_t id = (size_t)((share *)arg - pool.shares);

    in_part = true;
    for (;;) {
        const unsigned seen = atomic_load(&pool.posted);
        if (atomic_load(&pool.stop)) return NULL;
        do_parts(id);
        wait_for_job(seen);
    }
}

/* What the system does not give is no error: the parts of a thread that is missing are taken over by the others. */
static void start_workers(void)
{
    const size_t n = vs_threads();
    share *shares = n > 1 ? aligned_alloc(CACHE_LINE, n * sizeof *shares) : NULL;

    if (!shares) return;
    for (size_t i = 0; i < n; i++) atomic_init(&shares[i].left, 0);
    pool.shares = shares;
    pool.n = n;
    pool.n_workers = 0;
    while (pool.n_workers + 1 < n) {
        share *s = &shares[pool.n_workers + 1];
        if (pthread_create(&s->thread, NULL, worker, s) != 0) break;
        pool.n_workers++;
    }
}

static void stop_workers(void)
{
    if (!pool.shares) return;
    atomic_store(&pool.stop, true);
    post();
    for (size_t i = 1; i <= pool.n_workers; i++) pthread_join(pool.shares[i].thread, NULL);
    atomic_store(&pool.stop, false);
    free(pool.shares);
    pool.shares = NULL;
}

/* ---- the interface ---- */

void vs_threads_set(size_t n)
{
    if (n == 0) n = cores();
    if (n > MAX_THREADS) n = MAX_THREADS;
    pthread_mutex_lock(&pool.job);
    if (n != pool.n) stop_workers();
    atomic_store(&chosen, n);
    pthread_mutex_unlock(&pool.job);
}

size_t vs_threads(void)
{
    size_t n = atomic_load(&chosen), none = 0;

    if (n) return n;
    n = cores();
    return atomic_compare_exchange_strong(&chosen, &none, n) ? n : none;
}

bool vs_in_part(void)
{
    return in_part;
}

static void run_serially(size_t n, vs_part_fn f, void *ctx)
{
    for (size_t i = 0; i < n; i++) f(ctx, i, 0);
}

/* The caller holds pool.job. */
static void run_on_all(size_t n, vs_part_fn f, void *ctx)
{
    pool.f = f;
    pool.ctx = ctx;
    atomic_store(&pool.unfinished, n);
    for (size_t i = 0; i < pool.n; i++) {
        const uint64_t begin = n * i / pool.n, end = n * (i + 1) / pool.n;
        atomic_store_explicit(&pool.shares[i].left, end << 32 | begin, memory_order_release);
    }
    post();
    in_part = true;
    do_parts(0);
    in_part = false;
    wait_for_parts();
}

void vs_run_parts(size_t n, vs_part_fn f, void *ctx)
{
    if (n < 2 || in_part || pthread_mutex_trylock(&pool.job) != 0) {
        run_serially(n, f, ctx);
        return;
    }
    assert(n <= UINT32_MAX);
    if (!pool.shares) start_workers();
    if (pool.shares)
        run_on_all(n, f, ctx);
    else
        run_serially(n, f, ctx);
    pthread_mutex_unlock(&pool.job);
}

typedef struct range_job {
    size_t n, parts;
    vs_range_fn f;
    void *ctx;
} range_job;

static void range_part(void *ctx, size_t part, size_t thread)
{
    const range_job *j = ctx;
    const size_t begin = j->n * part / j->parts, end = j->n * (part + 1) / j->parts;

    j->f(j->ctx, begin, end, thread);
}

void vs_parallel_range(size_t n, double cost, size_t n_threads, vs_range_fn f, void *ctx)
{
    if (n_threads < 2 || n < 2 || in_part || cost * (double)n < MIN_PARALLEL_FLOPS) {
        if (n) f(ctx, 0, n, 0);
        return;
    }
    assert(n_threads >= vs_threads()); /* what has memory for each */
    const size_t most = n_threads * VS_PARTS_OF_THREAD;
    range_job job = {n, n < most ? n : most, f, ctx};

    vs_run_parts(job.parts, range_part, &job);
}
