/* half.h - 16-bit floats as bits: bf16 and IEEE 754 binary16 to f32 (exact), f32 to bf16 (to
 * nearest, ties to even). */
#ifndef VS_TENSOR_HALF_H
#define VS_TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

static inline float vs_f32_of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t vs_bits_of_f32(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float vs_f32_of_bf16(uint16_t h)
{
    return vs_f32_of_bits((uint32_t)h << 16);
}

/* A NaN stays a NaN: its quiet bit is set, because dropping the low half could leave an infinity.
 */
static inline uint16_t vs_bf16_of_f32(float x)
{
    const uint32_t bits = vs_bits_of_f32(x);

    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/* Two as one word, the first in the lower half: what gemm_dot reads. */
static inline uint32_t vs_bf16_pair(float x, float y)
{
    return vs_bf16_of_f32(x) | (uint32_t)vs_bf16_of_f32(y) << 16;
}

/* IEEE 754-2008, 3.6: binary16 has 5 exponent bits (bias 15) and 10 of fraction; binary32 8 (127)
 * and 23. */
static inline float vs_f32_of_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = h >> 10 & 31u, fraction = h & 0x3FFu;

    if (exponent == 31) return vs_f32_of_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, which f32 holds exactly */
        const float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return vs_f32_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}
#endif
