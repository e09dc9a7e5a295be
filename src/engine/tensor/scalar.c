#include "engine/tensor/scalar.h"

#include "engine/tensor/exp_const.h"

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The vector twin of this function is v_exp of cpu/fast_rows.inc.h; both must give the same bits. */
float vs_expf(float x)
{
    if (x < EXP_LO) return 0.0f;
    if (x > EXP_HI) return INFINITY;
    if (!(x == x)) return x;

    const float t = fmaf(x, EXP_LOG2E, EXP_MAGIC);
    const float n = t - EXP_MAGIC;
    float r = fmaf(-n, EXP_LN2_HI, x);
    r = fmaf(-n, EXP_LN2_LO, r);

    float p = fmaf(EXP_C6, r, EXP_C5);
    p = fmaf(p, r, EXP_C4);
    p = fmaf(p, r, EXP_C3);
    p = fmaf(p, r, EXP_C2);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);

    /* n is in -126 .. 128. n_lo = floor(n / 2), made without a shift of a negative number. */
    const int32_t whole = (int32_t)n;
    const int32_t n_lo = (whole + 256) / 2 - 128;
    const float s_lo = float_of((uint32_t)(n_lo + 127) << 23);
    const float s_hi = float_of((uint32_t)(whole - n_lo + 127) << 23);
    return (p * s_lo) * s_hi;
}
