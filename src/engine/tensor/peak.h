/* peak.h - the machine's measured f32 peak, for bench: what share of it the engine reaches. */
#ifndef VS_TENSOR_PEAK_H
#define VS_TENSOR_PEAK_H

#include <stddef.h>

/* FLOP/s (a fused multiply-add counts as 2) of independent FMA chains in registers on `threads`
 * threads, with the instruction set that vs_ops_best uses; best of several short runs. */
double vs_fma_peak(size_t threads);
#endif
