/* fast.inc.h - the fast backend, written once over the 16-lane vector of the vec_*.h header
 * included before it and compiled once per instruction set. Every op gives the bits that its
 * comment in ops.h defines. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "engine/tensor/cpu/fast.h"
#include "engine/tensor/gelu_const.h"
#include "engine/tensor/half.h"
#include "engine/tensor/scalar.h"

#include "engine/tensor/cpu/fast_gemm.inc.h"

#include "engine/tensor/cpu/fast_dot.inc.h"

#include "engine/tensor/cpu/fast_rows.inc.h"

#include "engine/tensor/cpu/fast_attn.inc.h"

#include "engine/tensor/cpu/fast_attn_bwd.inc.h"

/* clang-format off */
#define OPS(name_, dot_) { \
    .name = name_, \
    .gemm = gemm, \
    .gemm_bf16 = gemm_bf16, \
    .gemm_dot = dot_, \
    .pack_rows = pack_rows, \
    .pack_cols = pack_cols, \
    .rmsnorm = rmsnorm, \
    .rmsnorm_bwd_x = rmsnorm_bwd_x, \
    .rmsnorm_bwd_w = rmsnorm_bwd_w, \
    .rope = rope, \
    .kv_store = kv_store, \
    .attn = attn, \
    .attn_bwd = attn_bwd, \
    .attn_scratch = attn_scratch, \
    .swiglu = swiglu, \
    .swiglu_bwd = swiglu_bwd, \
    .geglu = geglu, \
    .geglu_bwd = geglu_bwd, \
    .softcap = softcap, \
    .softcap_bwd = softcap_bwd, \
    .add = add, \
    .lse_tile = lse_tile, \
    .softmax_bwd_tile = softmax_bwd_tile, \
    .sample_weights = sample_weights, \
    .sum_squares = sum_squares, \
    .adamw = adamw, \
}
/* clang-format on */
const vs_ops VARIANT = OPS(VARIANT_NAME, GEMM_DOT);
#ifdef VARIANT_BF16
const vs_ops VARIANT_BF16 = OPS(VARIANT_NAME "-bf16", gemm_dot_bf16);
#endif
