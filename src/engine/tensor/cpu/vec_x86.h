/* vec_x86.h - what both x86 variants share. */
#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NEVER = 1 << 30 }; /* so many tiles: WORTH_WIDENING */

/* Eight values of bf16 as f32. */
static inline __m256 widen256(const uint16_t *p)
{
    const __m256i low = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));

    return _mm256_castsi256_ps(_mm256_slli_epi32(low, 16));
}

/* The lower and the upper one of each lane's pair of bf16, as f32. */
static inline __m256 even256(__m256 x)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 16));
}
static inline __m256 odd256(__m256 x)
{
    return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(-0x10000)));
}

/* The tree of tree16 over lanes 0 .. 7 and 8 .. 15. */
static inline float tree256(__m256 lo, __m256 hi)
{
    const __m256 p8 = _mm256_add_ps(lo, hi);
    const __m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
    const __m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));

    return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

/* The largest of lanes 0 .. 7 and 8 .. 15. */
static inline float top256(__m256 lo, __m256 hi)
{
    const __m256 p8 = _mm256_max_ps(lo, hi);
    const __m128 p4 = _mm_max_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
    const __m128 p2 = _mm_max_ps(p4, _mm_movehl_ps(p4, p4));

    return _mm_cvtss_f32(_mm_max_ss(p2, _mm_movehdup_ps(p2)));
}

/* to[k][j] = from[j][k] for 16 rows j (step ld) and 4 columns k. */
static inline void transpose_16x4(float *to, const float *from, size_t ld)
{
    for (size_t j = 0; j < 16; j += 4) {
        __m128 r0 = _mm_loadu_ps(from + (j + 0) * ld), r1 = _mm_loadu_ps(from + (j + 1) * ld);
        __m128 r2 = _mm_loadu_ps(from + (j + 2) * ld), r3 = _mm_loadu_ps(from + (j + 3) * ld);

        _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
        _mm_storeu_ps(to + 0 * 16 + j, r0);
        _mm_storeu_ps(to + 1 * 16 + j, r1);
        _mm_storeu_ps(to + 2 * 16 + j, r2);
        _mm_storeu_ps(to + 3 * 16 + j, r3);
    }
}
