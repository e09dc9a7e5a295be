/* vec_portable.h - 16 lanes of f32 in an array, for processors without AVX2; slow where fmaf is a
 * call. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/tensor/exp_const.h"
#include "engine/tensor/half.h"

#define VARIANT      vs_ops_fast_portable
#define VARIANT_NAME "fast-portable"

typedef struct vf {
    float x[16];
} vf;
typedef vf hv;

enum { HV_LANES = 16, ROWS_MAX = 4, ROWS_OF_BF16 = 4, WORTH_WIDENING = 3 };
#define ROWS_OF \
    {           \
        [1] = 4 \
    } /* tiles as rows by panels */
#define BF16_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1)
#define TILE_LIST(X)  BF16_TILES(X)

#define LANES(expr)                                      \
    do {                                                 \
        vf r;                                            \
        for (size_t i = 0; i < 16; i++) r.x[i] = (expr); \
        return r;                                        \
    } while (0)
static inline vf v_load(const float *p)
{
    LANES(p[i]);
}
static inline vf v_load_bf16(const uint16_t *p)
{
    LANES(vs_f32_of_bf16(p[i]));
}
/* Eight values of each. */
static inline vf v_load_halves(const float *lo, const float *hi)
{
    LANES(i < 8 ? lo[i] : hi[i - 8]);
}
static inline vf v_set1(float x)
{
    LANES(x);
}
static inline vf v_fma(vf a, vf b, vf c)
{
    LANES(fmaf(a.x[i], b.x[i], c.x[i]));
}
static inline vf v_fnma(vf a, vf b, vf c)
{
    LANES(fmaf(-a.x[i], b.x[i], c.x[i]));
}
static inline vf v_add(vf a, vf b)
{
    LANES(a.x[i] + b.x[i]);
}
static inline vf v_sub(vf a, vf b)
{
    LANES(a.x[i] - b.x[i]);
}
static inline vf v_mul(vf a, vf b)
{
    LANES(a.x[i] * b.x[i]);
}
static inline vf v_div(vf a, vf b)
{
    LANES(a.x[i] / b.x[i]);
}
static inline vf v_sqrt(vf a)
{
    LANES(sqrtf(a.x[i]));
}
static inline vf v_max(vf a, vf b)
{
    LANES(a.x[i] > b.x[i] ? a.x[i] : b.x[i]);
}
static inline vf v_load_n(const float *p, size_t n, float fill)
{
    LANES(i < n ? p[i] : fill);
}
static inline vf v_blend_n(vf a, vf b, size_t n)
{
    LANES(i < n ? a.x[i] : b.x[i]);
}
/* y, but 0 where x < EXP_LO. */
static inline vf v_exp_limit_low(vf x, vf y)
{
    LANES(x.x[i] < EXP_LO ? 0.0f : y.x[i]);
}
/* The same, and infinity where x > EXP_HI. */
static inline vf v_exp_limits(vf x, vf y)
{
    LANES(x.x[i] < EXP_LO ? 0.0f : x.x[i] > EXP_HI ? INFINITY : y.x[i]);
}
#undef LANES

#define hv_load(p)      v_load(p)
#define hv_load_bf16(p) v_load_bf16(p)
#define hv_store(p, v)  v_store(p, v)
#define hv_set1(x)      v_set1(x)
#define hv_fma(a, b, c) v_fma(a, b, c)

static inline void v_store(float *p, vf v)
{
    memcpy(p, v.x, sizeof v.x);
}

static inline void v_store_n(float *p, vf v, size_t n)
{
    memcpy(p, v.x, n * sizeof *p);
}

/* p * 2^n, n being what the magic addition left in the low bits of t: onto the exponent, whose place nothing else of t
 * reaches. Where the result is not a normal number it is garbage that the limits below replace. */
static inline vf v_scale_pow2(vf p, vf t)
{
    uint32_t bits[16], n[16];

    memcpy(bits, p.x, sizeof bits);
    memcpy(n, t.x, sizeof n);
    for (size_t i = 0; i < 16; i++) bits[i] += n[i] << 23;
    memcpy(p.x, bits, sizeof bits);
    return p;
}

static inline float v_tree(vf v)
{
    for (size_t step = 8; step > 0; step /= 2)
        for (size_t i = 0; i < step; i++) v.x[i] += v.x[i + step];
    return v.x[0];
}

static inline float v_top(vf v)
{
    for (size_t step = 8; step > 0; step /= 2)
        for (size_t i = 0; i < step; i++)
            if (v.x[i + step] > v.x[i]) v.x[i] = v.x[i + step];
    return v.x[0];
}

/* to[k][j] = from[j][k] for 16 rows j (step ld) and 4 columns k. */
static inline void transpose_16x4(float *to, const float *from, size_t ld)
{
    for (size_t k = 0; k < 4; k++)
        for (size_t j = 0; j < 16; j++) to[k * 16 + j] = from[j * ld + k];
}
