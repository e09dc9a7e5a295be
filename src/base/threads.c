#include "base/threads.h"

#include <omp.h>
#include <stdatomic.h>

enum { MAX_THREADS = 4096 };

static atomic_size_t chosen; /* 0: not set yet */

/* Cores in this process's affinity mask. */
static size_t cores(void)
{
    const int n = omp_get_num_procs();
    return n > 0 ? (size_t)n : 1;
}

void vs_threads_set(size_t n)
{
    if (n == 0) n = cores();
    if (n > MAX_THREADS) n = MAX_THREADS;
    omp_set_dynamic(0);
    omp_set_num_threads((int)n);
    atomic_store(&chosen, n);
}

size_t vs_threads(void)
{
    const size_t n = atomic_load(&chosen);
    return n ? n : cores();
}
