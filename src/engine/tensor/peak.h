/* peak.h - what this machine can do at best, for bench: its limits are made of it. */
#ifndef VS_TENSOR_PEAK_H
#define VS_TENSOR_PEAK_H

#include <stdbool.h>
#include <stddef.h>

/* Per second. flops (a fused multiply-add is 2): independent chains in registers, with the instruction
 * set that vs_ops_best uses. bytes: read from memory that no cache holds; 0: no memory for the probe. */
typedef struct vs_peak {
    double flops, bytes;
} vs_peak;
/* Of so many threads together, by wall clock or by the process's CPU time; best of several short runs. dots: flops of
 * gemm_dot's instruction where vs_ops_best has it. */
vs_peak vs_peak_of(size_t threads, bool by_cpu_time, bool dots);
#endif
