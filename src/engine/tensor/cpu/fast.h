/* fast.h - the variants of cpu/fast, one source compiled for several instruction sets. Private to
 * tensor/. Only backend.c may name them: it alone knows what the processor runs. */
#ifndef VS_TENSOR_CPU_FAST_H
#define VS_TENSOR_CPU_FAST_H

#include "engine/tensor/ops.h"

extern const vs_ops vs_ops_fast_portable;
extern const vs_ops vs_ops_fast_avx2;
extern const vs_ops vs_ops_fast_avx512;
extern const vs_ops vs_ops_fast_avx512_256;
extern const vs_ops vs_ops_fast_avx512_bf16;
extern const vs_ops vs_ops_fast_avx512_256_bf16;
extern const vs_ops vs_ops_fast_neon;

/* Of cpu/ref; for instruction sets without a faster one. */
void vs_gemm_dot_ref(float *out, size_t ld_out, const float *a, size_t ld_a, const uint32_t *panels,
                     size_t panel_step, size_t m, size_t n, size_t n_k, bool accumulate);
#endif
