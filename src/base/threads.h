/* threads.h - how many threads the program uses (OpenMP). Results never depend on it.
 *
 * OpenMP keeps its default per calling thread, so a parallel region that may be entered from a thread
 * other than the first says num_threads((int)vs_threads()). */
#ifndef VS_BASE_THREADS_H
#define VS_BASE_THREADS_H

#include <stddef.h>

/* 0 asks for all cores that this process may run on. Called once at start by app/. */
void vs_threads_set(size_t n);
size_t vs_threads(void); /* at least 1; all cores until set */
#endif
