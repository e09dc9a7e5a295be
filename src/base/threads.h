/* threads.h - the program's threads. Results never depend on how many there are.
 *
 * A job is cut into parts. Each thread has a run of parts of its own and takes over what is left of the others' once it
 * is through, so that a preempted thread delays the job by at most one part. Workers wait for
 * the next job by spinning for some microseconds, then asleep. */
#ifndef VS_BASE_THREADS_H
#define VS_BASE_THREADS_H

#include <stdbool.h>
#include <stddef.h>

/* 0 asks for all cores that this process may run on. Called at start by app/, and never while memory for each thread
 * is held (vs_work, a decoder). */
void vs_threads_set(size_t n);
size_t vs_threads(void); /* at least 1; until set all cores, counted once */

/* Parts of a job for each thread: enough that the others can take over from one that is preempted. */
enum { VS_PARTS_OF_THREAD = 4 };

/* thread: 0 .. vs_threads() - 1, of no two parts that run at the same time the same. */
typedef void (*vs_part_fn)(void *ctx, size_t part, size_t thread);

/* f for part 0 .. n - 1, in any order; back when all are done. The caller is one of the threads. From inside a part,
 * or beside the job of another caller, it runs serially as thread 0. */
void vs_run_parts(size_t n, vs_part_fn f, void *ctx);
bool vs_in_part(void); /* called from inside one */

/* Runs f over [0, n) in chunks on all threads, unless n_threads is 1, inside a part of a job, or
 * where n * cost (FLOPs) is small. n_threads: 1 or vs_threads(). */
typedef void (*vs_range_fn)(void *ctx, size_t begin, size_t end, size_t thread);
void vs_parallel_range(size_t n, double cost, size_t n_threads, vs_range_fn f, void *ctx);
#endif
