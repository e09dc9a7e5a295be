/* vec_avx2.h - 16 lanes of f32 in two registers; tile sizes for 16 registers. */
#include "engine/tensor/cpu/vec_x86.h"
#include "engine/tensor/exp_const.h"

#define VARIANT      vs_ops_fast_avx2
#define VARIANT_NAME "fast-avx2"

typedef struct vf {
    __m256 a, b; /* lanes 0 .. 7, 8 .. 15 */
} vf;
typedef __m256 hv; /* one hardware register: what gemm accumulates in */

enum { HV_LANES = 8, ROWS_MAX = 6, ROWS_OF_BF16 = 6, WORTH_WIDENING = NEVER };
/* Tiles as rows by panels: at most 12 accumulators. */
#define ROWS_OF                   \
    {                             \
        [1] = 6, [2] = 3, [4] = 1 \
    }
#define BF16_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(1, 2) X(2, 2) X(3, 2)
#define TILE_LIST(X)  BF16_TILES(X) X(1, 4)

#define hv_load(p)      _mm256_loadu_ps(p)
#define hv_store(p, v)  _mm256_storeu_ps(p, v)
#define hv_load_bf16(p) widen256(p)
#define hv_set1(x)      _mm256_set1_ps(x)
#define hv_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define hv_even(x)      even256(x)
#define hv_odd(x)       odd256(x)

#define BOTH(op) ((vf){_mm256_##op##_ps(x.a, y.a), _mm256_##op##_ps(x.b, y.b)})
static inline vf v_load(const float *p)
{
    return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
/* Eight values of each. */
static inline vf v_load_halves(const float *lo, const float *hi)
{
    return (vf){_mm256_loadu_ps(lo), _mm256_loadu_ps(hi)};
}
static inline vf v_set1(float x)
{
    return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
static inline vf v_add(vf x, vf y)
{
    return BOTH(add);
}
static inline vf v_sub(vf x, vf y)
{
    return BOTH(sub);
}
static inline vf v_mul(vf x, vf y)
{
    return BOTH(mul);
}
static inline vf v_div(vf x, vf y)
{
    return BOTH(div);
}
static inline vf v_max(vf x, vf y)
{
    return BOTH(max);
}
static inline vf v_sqrt(vf x)
{
    return (vf){_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)};
}
#undef BOTH

static inline void v_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}

static inline vf v_fma(vf x, vf y, vf z)
{
    return (vf){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}

static inline vf v_fnma(vf x, vf y, vf z)
{
    return (vf){_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)};
}

#include "engine/tensor/cpu/vec_parts.h"

static inline __m256 scale_pow2(__m256 p, __m256 t)
{
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}

/* p * 2^n, n being what the magic addition left in the low bits of t: onto the exponent, whose place nothing else of t
 * reaches. Where the result is not a normal number it is garbage that the limits below replace. */
static inline vf v_scale_pow2(vf p, vf t)
{
    return (vf){scale_pow2(p.a, t.a), scale_pow2(p.b, t.b)};
}

static inline __m256 limit_low(__m256 x, __m256 y)
{
    return _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(EXP_LO), _CMP_LT_OQ), y);
}

/* y, but 0 where x < EXP_LO. */
static inline vf v_exp_limit_low(vf x, vf y)
{
    return (vf){limit_low(x.a, y.a), limit_low(x.b, y.b)};
}

static inline __m256 limits(__m256 x, __m256 y)
{
    const __m256 high = _mm256_cmp_ps(x, _mm256_set1_ps(EXP_HI), _CMP_GT_OQ);

    return _mm256_blendv_ps(limit_low(x, y), _mm256_set1_ps(INFINITY), high);
}

/* The same, and infinity where x > EXP_HI. */
static inline vf v_exp_limits(vf x, vf y)
{
    return (vf){limits(x.a, y.a), limits(x.b, y.b)};
}

static inline float v_tree(vf v)
{
    return tree256(v.a, v.b);
}

static inline float v_top(vf v)
{
    return top256(v.a, v.b);
}
