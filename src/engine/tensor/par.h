/* par.h - ops over all threads, split by output element; results do not depend on the number of
 * threads. */
#ifndef VS_TENSOR_PAR_H
#define VS_TENSOR_PAR_H

#include "base/arena.h"
#include "base/error.h"
#include "engine/tensor/ops.h"

/* Values of a matrix as f32; as bf16, where that loses nothing; or rounded to pairs of bf16, for
 * gemm_dot. */
typedef enum vs_panel_kind { VS_PANELS_F32, VS_PANELS_BF16, VS_PANELS_PAIRS } vs_panel_kind;

/* A matrix laid out once in the order in which gemm reads it, in panels of 16 or 32
 * columns, the last padded with zeros. One of the three pointers is set, by the kind; on a 64-byte
 * boundary. Owner: whoever called vs_panels_open, or the arena. */
typedef struct vs_panels {
    size_t n, k;
    float *data;     /* [ceil(n / 16)][k][16] */
    uint16_t *half;  /* [ceil(n / 32)][k][32]: the upper halves of f32 */
    uint32_t *pairs; /* [ceil(n / 16)][ceil(k / 2)][16]: half.h's vs_bf16_pair of two steps of k; an
                        odd k has a zero more */
    bool in_arena;
} vs_panels;

/* Any content. In the arena, or NULL: in memory of their own. Panels that are read in turn belong side by side: each
 * huge page that they share spares misses of the address translation. */
VS_NODISCARD vs_status vs_panels_open(vs_panels *p, vs_arena *arena, size_t n, size_t k,
                                      vs_panel_kind kind, vs_error *err);
void vs_panels_close(vs_panels *p); /* zeroed is allowed */
/* f32 values that bf16 holds exactly: what panels of bf16 may be filled with. */
bool vs_is_bf16(const float *w, size_t n);
/* Fills panel columns [n0, n0 + n) from w [n][k] step ld, and the padding behind the last column. n0 need not be a multiple of 16.
 * Panels of bf16: the values must be such. Pairs: they are rounded. */
void vs_panels_set_rows(const vs_ops *o, vs_panels *p, size_t n0, const float *w, size_t ld,
                        size_t n);
/* Fills panels of [k][n] from those of [n][k], both of f32 or both of bf16: for dy W from those for x W^T. */
void vs_panels_transpose(vs_panels *to, const vs_panels *from);

/* out [m][w->n] = a [m][w->k] W^T. Split by column, so that one thread alone reads a weight; by row where there are too few
 * columns, and many rows of pairs: a is then rounded to bf16 once, as gemm_dot does. */
void vs_matmul(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
               const vs_panels *w, size_t m, bool accumulate);
/* The same for columns [n0, n0 + n) of w only, n0 a multiple of 32. */
void vs_matmul_cols(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
                    const vs_panels *w, size_t n0, size_t n, size_t m, bool accumulate);

/* Steps k0 .. k0 + n_k - 1 of that product's chains alone: a [m][n_k]. Panels of f32 or bf16; serial. */
void vs_matmul_steps(const vs_ops *o, float *out, size_t ld_out, const float *a, size_t ld_a,
                     const vs_panels *w, size_t k0, size_t n_k, size_t m, bool accumulate);

/* dw [n][k] (step ld_w) = chain(t: dy[t][n] * x[t][k]) from dw: the weight gradient, carried in
 * memory so that any split of the tokens into calls gives the same bits. scratch: x packed by the
 * call, vs_round16(k) * rows floats. */
void vs_matmul_grad(const vs_ops *o, float *dw, size_t ld_w, const float *dy, size_t ld_dy,
                    const float *x, size_t ld_x, size_t rows, size_t n, size_t k, float *scratch);

/* Counters for bench: matrix-product work since the last reset (multiply and add counted as 2), and
 * the time of it, summed over threads: a call made inside a part of a job takes one thread, any
 * other call takes them all. */
typedef struct vs_matmul_count {
    double flops, thread_seconds;
} vs_matmul_count;
void vs_matmul_count_enable(bool on); /* off by default; timing costs a clock read per call */
vs_matmul_count vs_matmul_count_take(void);
#endif
