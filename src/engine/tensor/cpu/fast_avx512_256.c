/* fast_avx512_256.c - the fast backend for processors that do AVX-512 in two halves. */
#define GEMM_256
#include "engine/tensor/cpu/vec_avx512.h"

#include "engine/tensor/cpu/fast.inc.h"
