/* clock.h - seconds by one of the system's clocks: CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID. */
#ifndef VS_BASE_CLOCK_H
#define VS_BASE_CLOCK_H

#include <time.h>

static inline double vs_clock_s(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds since some moment, for how long things take. */
static inline double vs_now_s(void)
{
    return vs_clock_s(CLOCK_MONOTONIC);
}
#endif
