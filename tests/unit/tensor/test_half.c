/* test_half.c - 16-bit floats: every one of them, and rounding to the nearest with ties to even. */
#include <stdbool.h>

#include "engine/tensor/half.h"
#include "vs_test.h"

enum { ALL = 1 << 16 };

static bool is_nan_bits(uint32_t bits)
{
    return (bits & 0x7FFFFFFFu) > 0x7F800000u;
}

TEST(half, every_bf16_goes_to_f32_and_back)
{
    for (uint32_t h = 0; h < ALL; h++) {
        const float x = vs_f32_of_bf16((uint16_t)h);
        CHECK(vs_bits_of_f32(x) == h << 16);
        CHECK(vs_bf16_of_f32(x) == (is_nan_bits(h << 16) ? h | 0x40u : h));
    }
}

/* Between two neighbours: below the middle down, above it up, in the middle to the even one; beyond the largest to infinity. */
TEST(half, bf16_rounds_to_the_nearest_and_ties_to_even)
{
    for (uint32_t h = 0; h < ALL; h++) {
        const uint32_t low = h << 16, even = h + (h & 1u);
        if ((low & 0x7F800000u) == 0x7F800000u) continue;
        CHECK(vs_bf16_of_f32(vs_f32_of_bits(low | 0x0001u)) == h);
        CHECK(vs_bf16_of_f32(vs_f32_of_bits(low | 0x7FFFu)) == h);
        CHECK(vs_bf16_of_f32(vs_f32_of_bits(low | 0x8000u)) == even);
        CHECK(vs_bf16_of_f32(vs_f32_of_bits(low | 0x8001u)) == h + 1);
        CHECK(vs_bf16_of_f32(vs_f32_of_bits(low | 0xFFFFu)) == h + 1);
    }
    CHECK(vs_bf16_pair(1.0F, -2.0F) == 0xC0003F80u);
}

TEST(half, a_nan_stays_a_nan_of_its_sign)
{
    static const uint32_t nans[] = {0x7F800001u, 0x7F80FFFFu, 0x7FC00000u,
                                    0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu};

    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        const uint32_t back = (uint32_t)vs_bf16_of_f32(vs_f32_of_bits(nans[i])) << 16;
        CHECK(is_nan_bits(back) && back >> 31 == nans[i] >> 31);
    }
}

TEST(half, every_f16_is_its_fraction_times_a_power_of_two)
{
    for (uint32_t h = 0; h < ALL; h++) {
        const int exponent = (int)(h >> 10 & 31u);
        const double fraction = h & 0x3FFu, sign = h >> 15 ? -1.0 : 1.0;
        const float x = vs_f32_of_f16((uint16_t)h);
        CHECK((vs_bits_of_f32(x) >> 31) == h >> 15);
        if (exponent == 31)
            CHECK(fraction > 0 ? isnan(x) : isinf(x));
        else if (exponent == 0)
            CHECK((double)x == sign * ldexp(fraction, -24));
        else
            CHECK((double)x == sign * ldexp(1024 + fraction, exponent - 25));
    }
}
