/* scalar.h - the scalar definitions that every backend reproduces lane by lane. */
#ifndef VS_TENSOR_SCALAR_H
#define VS_TENSOR_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x in f32 from fma, add, mul and integer shifts alone; |relative error| <= 2e-7 for
 * -87.3 <= x <= 88.7. Below -87.3 the result is exactly 0; above 88.7 +INFINITY; NaN stays NaN.
 *   n = round(x * log2 e) by the magic-number addition;
 *   r = fma(-n, ln2_hi, x), r = fma(-n, ln2_lo, r);
 *   p = degree-6 polynomial in r by Horner with fma;
 *   result = p * 2^n, the scale made in two factors so that no intermediate overflows; backends may add n to the exponent,
 *   which gives the same bits. What they make of a NaN is not specified. */
float vs_expf(float x);
#endif
