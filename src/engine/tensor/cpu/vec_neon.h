/* vec_neon.h - 16 lanes of f32 in four registers of an Arm (AArch64); tile sizes for 32 registers. */
#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/tensor/exp_const.h"

#define VARIANT      vs_ops_fast_neon
#define VARIANT_NAME "fast-neon"

typedef struct vf {
    float32x4_t q[4]; /* lanes 0 .. 3, 4 .. 7, .. */
} vf;
typedef float32x4_t hv;

enum { HV_LANES = 4, ROWS_MAX = 6, ROWS_OF_BF16 = 6, WORTH_WIDENING = 3 };
/* clang-format off */
#define ROWS_OF { [1] = 6, [2] = 2, [4] = 1 } /* tiles as rows by panels: at most 24 accumulators */
#define BF16_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(1, 2) X(2, 2)
#define TILE_LIST(X) BF16_TILES(X) X(1, 4)
/* clang-format on */

#define hv_load(p)      vld1q_f32(p)
#define hv_load_bf16(p) vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16))
#define hv_store(p, v)  vst1q_f32(p, v)
#define hv_set1(x)      vdupq_n_f32(x)
#define hv_fma(a, b, c) vfmaq_f32(c, a, b)

#define QUARTERS(expr)                                \
    do {                                              \
        vf r_;                                        \
        for (int i = 0; i < 4; i++) r_.q[i] = (expr); \
        return r_;                                    \
    } while (0)
static inline vf v_load(const float *p)
{
    QUARTERS(vld1q_f32(p + 4 * i));
}
/* Eight values of each. */
static inline vf v_load_halves(const float *lo, const float *hi)
{
    QUARTERS(vld1q_f32(i < 2 ? lo + 4 * i : hi + 4 * (i - 2)));
}
static inline vf v_set1(float x)
{
    QUARTERS(vdupq_n_f32(x));
}
static inline vf v_fma(vf a, vf b, vf c)
{
    QUARTERS(vfmaq_f32(c.q[i], a.q[i], b.q[i]));
}
static inline vf v_fnma(vf a, vf b, vf c)
{
    QUARTERS(vfmsq_f32(c.q[i], a.q[i], b.q[i]));
}
static inline vf v_add(vf a, vf b)
{
    QUARTERS(vaddq_f32(a.q[i], b.q[i]));
}
static inline vf v_sub(vf a, vf b)
{
    QUARTERS(vsubq_f32(a.q[i], b.q[i]));
}
static inline vf v_mul(vf a, vf b)
{
    QUARTERS(vmulq_f32(a.q[i], b.q[i]));
}
static inline vf v_div(vf a, vf b)
{
    QUARTERS(vdivq_f32(a.q[i], b.q[i]));
}
static inline vf v_sqrt(vf a)
{
    QUARTERS(vsqrtq_f32(a.q[i]));
}
/* a > b ? a : b: NEON's own maximum orders the zeros. */
static inline vf v_max(vf a, vf b)
{
    QUARTERS(vbslq_f32(vcgtq_f32(a.q[i], b.q[i]), a.q[i], b.q[i]));
}
/* y, but 0 where x < EXP_LO. */
static inline vf v_exp_limit_low(vf x, vf y)
{
    const float32x4_t zero = vdupq_n_f32(0.0f);

    QUARTERS(vbslq_f32(vcltq_f32(x.q[i], vdupq_n_f32(EXP_LO)), zero, y.q[i]));
}

/* The same, and infinity where x > EXP_HI. */
static inline vf v_exp_limits(vf x, vf y)
{
    const float32x4_t inf = vdupq_n_f32(INFINITY);

    y = v_exp_limit_low(x, y);
    QUARTERS(vbslq_f32(vcgtq_f32(x.q[i], vdupq_n_f32(EXP_HI)), inf, y.q[i]));
}

static inline float32x4_t scale_pow2(float32x4_t p, float32x4_t t)
{
    return vreinterpretq_f32_s32(
        vaddq_s32(vreinterpretq_s32_f32(p), vshlq_n_s32(vreinterpretq_s32_f32(t), 23)));
}

/* p * 2^n, n being what the magic addition left in the low bits of t: onto the exponent, whose place nothing else of t
 * reaches. Where the result is not a normal number it is garbage that the limits below replace. */
static inline vf v_scale_pow2(vf p, vf t)
{
    QUARTERS(scale_pow2(p.q[i], t.q[i]));
}
#undef QUARTERS

static inline void v_store(float *p, vf v)
{
    for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, v.q[i]);
}

#include "engine/tensor/cpu/vec_parts.h"

static inline float v_tree(vf v)
{
    const float32x4_t p4 = vaddq_f32(vaddq_f32(v.q[0], v.q[2]), vaddq_f32(v.q[1], v.q[3]));
    const float32x2_t p2 = vadd_f32(vget_low_f32(p4), vget_high_f32(p4));

    return vget_lane_f32(p2, 0) + vget_lane_f32(p2, 1);
}

static inline float v_top(vf v)
{
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.q[0], v.q[1]), vmaxq_f32(v.q[2], v.q[3])));
}

/* to[k][j] = from[j][k] for 16 rows j (step ld) and 4 columns k. */
static inline void transpose_16x4(float *to, const float *from, size_t ld)
{
    for (size_t j = 0; j < 16; j++) {
        const float32x4_t row = vld1q_f32(from + j * ld);

        vst1q_lane_f32(to + 0 * 16 + j, row, 0);
        vst1q_lane_f32(to + 1 * 16 + j, row, 1);
        vst1q_lane_f32(to + 2 * 16 + j, row, 2);
        vst1q_lane_f32(to + 3 * 16 + j, row, 3);
    }
}
