/* tensor_test.h - random arrays and comparison by bits, for the tests of the op table. */
#ifndef TENSOR_TEST_H
#define TENSOR_TEST_H

#include "base/mem.h"
#include "engine/tensor/ops.h"
#include "vs_test.h"

/* n floats, multiples of 2^-15 in -1 .. 1 times scale, the same for the same seed; the caller
 * frees. */
static inline float *randoms(size_t n, uint32_t seed, float scale)
{
    float *x = vs_alloc(n, sizeof *x);
    uint32_t state = seed * 2654435761u + 12345u;

    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ((float)(state >> 16) / 32768.0f - 1.0f) * scale;
    }
    return x;
}

static inline float *zeros(size_t n)
{
    float *x = vs_alloc(n, sizeof *x);

    assert_non_null(x);
    return x;
}

/* Fails with the first element whose bits differ. */
static inline void check_bits(const char *what, const float *found, const float *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&found[i], &expected[i], sizeof *found) != 0)
            fail_msg("%s: element %zu of %zu is %a, expected %a", what, i, n, (double)found[i],
                     (double)expected[i]);
}
#endif
