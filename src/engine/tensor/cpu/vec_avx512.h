/* vec_avx512.h - 16 lanes of f32 in one register; tile sizes for 32 registers.
 *
 * With GEMM_256, products work in halves of a register: a Zen 4 does 512-bit arithmetic in two halves anyway, but 256-bit
 * loads and broadcasts at twice the rate. */
#include "engine/tensor/cpu/vec_x86.h"
#include "engine/tensor/exp_const.h"

typedef __m512 vf; /* 16 lanes */

/* clang-format off */
/* hv: one register as gemm uses it. Tiles as rows by panels: at most 28 accumulators, and where rows allow it at least 8
 * to hide the latency of fma. */
#ifdef GEMM_256
#define VARIANT      vs_ops_fast_avx512_256
#define VARIANT_BF16 vs_ops_fast_avx512_256_bf16
#define VARIANT_NAME "fast-avx512-256"
typedef __m256 hv;
enum { HV_LANES = 8, ROWS_MAX = 14, ROWS_OF_BF16 = 12, WORTH_WIDENING = NEVER };
#define ROWS_OF { [1] = 14, [2] = 4, [4] = 2 }
#define BF16_TILES(X)                                                                              \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1)      \
    X(12, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2)
#define TILE_LIST(X) BF16_TILES(X) X(13, 1) X(14, 1) X(1, 4) X(2, 4)
#define hv_load(p)      _mm256_loadu_ps(p)
#define hv_store(p, v)  _mm256_storeu_ps(p, v)
#define hv_load_bf16(p) widen256(p)
#define hv_set1(x)      _mm256_set1_ps(x)
#define hv_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define hv_even(x)      even256(x)
#define hv_odd(x)       odd256(x)
#else
#define VARIANT      vs_ops_fast_avx512
#define VARIANT_BF16 vs_ops_fast_avx512_bf16
#define VARIANT_NAME "fast-avx512"
typedef __m512 hv;
enum { HV_LANES = 16, ROWS_MAX = 12, ROWS_OF_BF16 = 12, WORTH_WIDENING = 4 };
#define ROWS_OF { [1] = 12, [2] = 12, [4] = 6, [8] = 3 }
#define BF16_TILES(X)                                                                              \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1)      \
    X(12, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) X(9, 2) X(10, 2)      \
    X(11, 2) X(12, 2)
#define TILE_LIST(X) BF16_TILES(X) X(1, 4) X(2, 4) X(3, 4) X(4, 4) X(5, 4) X(6, 4) X(1, 8) X(2, 8) X(3, 8)
#define hv_load(p)      _mm512_loadu_ps(p)
#define hv_store(p, v)  _mm512_storeu_ps(p, v)
#define hv_load_bf16(p) _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(p))), 16))
#define hv_set1(x)      _mm512_set1_ps(x)
#define hv_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define hv_even(x)      _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), 16))
#define hv_odd(x)       _mm512_and_ps(x, _mm512_castsi512_ps(_mm512_set1_epi32(-0x10000)))
#endif
/* clang-format on */

/* acc + the dot product of each lane's pairs, as gemm_dot has it. In assembly: the compiler is told of no more than this
 * file's variants run on, and only -bf16's tables lead here. */
static inline __attribute__((always_inline)) hv hv_dot(hv a, hv b, hv acc)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
}

static inline vf v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
/* Eight values of each. */
static inline vf v_load_halves(const float *lo, const float *hi)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(lo)), _mm256_loadu_ps(hi), 1);
}
static inline void v_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}
static inline vf v_set1(float x)
{
    return _mm512_set1_ps(x);
}
static inline vf v_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf v_fnma(vf a, vf b, vf c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
static inline vf v_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
static inline vf v_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
static inline vf v_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
static inline vf v_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
static inline vf v_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
static inline vf v_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

static inline __mmask16 first(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

/* Lanes below n from p, the others fill; n < 16. */
static inline vf v_load_n(const float *p, size_t n, float fill)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(n), p);
}

static inline void v_store_n(float *p, vf v, size_t n)
{
    _mm512_mask_storeu_ps(p, first(n), v);
}

/* Lanes below n from a, the others from b; n < 16. */
static inline vf v_blend_n(vf a, vf b, size_t n)
{
    return _mm512_mask_blend_ps(first(n), b, a);
}

/* p * 2^n, n being what the magic addition left in the low bits of t: onto the exponent, whose place nothing else of t
 * reaches. Where the result is not a normal number it is garbage that the limits below replace. */
static inline vf v_scale_pow2(vf p, vf t)
{
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}

/* y, but 0 where x < EXP_LO. */
static inline vf v_exp_limit_low(vf x, vf y)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(EXP_LO), _CMP_NLT_UQ), y);
}

/* The same, and infinity where x > EXP_HI. */
static inline vf v_exp_limits(vf x, vf y)
{
    const __mmask16 high = _mm512_cmp_ps_mask(x, _mm512_set1_ps(EXP_HI), _CMP_GT_OQ);

    return _mm512_mask_blend_ps(high, v_exp_limit_low(x, y), _mm512_set1_ps(INFINITY));
}

static inline float v_tree(vf v)
{
    return tree256(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

static inline float v_top(vf v)
{
    return top256(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}
