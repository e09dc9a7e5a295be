/* fast.h - the variants of cpu/fast, one source compiled for several instruction sets. Private to
 * tensor/. Only backend.c may name them: it alone knows what the processor runs. */
#ifndef VS_TENSOR_CPU_FAST_H
#define VS_TENSOR_CPU_FAST_H

#include "engine/tensor/ops.h"

extern const vs_ops vs_ops_fast_portable;
extern const vs_ops vs_ops_fast_avx2;
extern const vs_ops vs_ops_fast_avx512;
extern const vs_ops vs_ops_fast_avx512_256;
extern const vs_ops vs_ops_fast_neon;
#endif
