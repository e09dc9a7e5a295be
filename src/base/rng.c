#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <Random123/philox.h>

#include "base/fmath.h"

/* The output function and increment of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t splitmix64(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

vs_rng_key vs_rng_key_make(uint64_t seed, vs_rng_use use, uint64_t a)
{
    /* The use goes to the top byte, where seeds and rounds that people choose have zeros. */
    const uint64_t mixed = splitmix64(splitmix64(seed ^ (uint64_t)use << 56) ^ a);

    return (vs_rng_key){{(uint32_t)mixed, (uint32_t)(mixed >> 32)}};
}

static philox4x32_ctr_t block_at(vs_rng_key key, uint64_t hi, uint32_t mid, uint32_t lo)
{
    const philox4x32_ctr_t counter = {{lo, mid, (uint32_t)hi, (uint32_t)(hi >> 32)}};
    const philox4x32_key_t words = {{key.word[0], key.word[1]}};

    return philox4x32_R(10, counter, words);
}

/* 53 bits, the top 27 of a and the top 26 of b, as a fraction: exact in double. */
static double unit_interval(uint32_t a, uint32_t b)
{
    return ((double)(a >> 5) * 0x1p26 + (double)(b >> 6)) * 0x1p-53;
}

double vs_rng_at(vs_rng_key key, uint64_t hi, uint32_t mid, uint32_t lo)
{
    const philox4x32_ctr_t block = block_at(key, hi, mid, lo);

    return unit_interval(block.v[0], block.v[1]);
}

vs_rng vs_rng_stream(vs_rng_key key, uint64_t stream)
{
    return (vs_rng){.key = key, .stream = stream};
}

uint32_t vs_rng_u32(vs_rng *r)
{
    const uint64_t n = r->next++, at = n / 4;

    if (r->made != at + 1) {
        const philox4x32_ctr_t b = block_at(r->key, r->stream, (uint32_t)(at >> 32), (uint32_t)at);

        memcpy(r->block, b.v, sizeof r->block);
        r->made = at + 1;
    }
    return r->block[n % 4];
}

double vs_rng_uniform(vs_rng *r)
{
    const uint32_t a = vs_rng_u32(r), b = vs_rng_u32(r);

    return unit_interval(a, b);
}

uint32_t vs_rng_below(vs_rng *r, uint32_t n)
{
    uint32_t draw;

    assert(n > 0);
    do draw = vs_rng_u32(r);
    /* Without the lowest 2^32 mod n draws each remainder is equally likely. */
    while (draw < n && draw < (0u - n) % n);
    return draw % n;
}

int32_t vs_rng_range(vs_rng *r, int32_t lo, int32_t hi)
{
    const uint32_t count = (uint32_t)hi - (uint32_t)lo + 1u; /* 0 stands for 2^32 */
    const uint32_t step = count ? vs_rng_below(r, count) : vs_rng_u32(r);

    assert(lo <= hi);
    return (int32_t)((int64_t)lo + (int64_t)step);
}

double vs_rng_normal(vs_rng *r)
{
    const double two_pi = 6.283185307179586;
    const double u = 1.0 - vs_rng_uniform(r), v = vs_rng_uniform(r); /* u is in (0, 1] */

    return sqrt(-2.0 * vs_log(u)) * vs_cos(two_pi * v);
}

void vs_rng_shuffle(vs_rng *r, uint32_t *items, size_t n)
{
    assert(n <= UINT32_MAX);
    for (size_t i = n; i > 1; i--) {
        const size_t j = vs_rng_below(r, (uint32_t)i);
        const uint32_t held = items[i - 1];
        items[i - 1] = items[j];
        items[j] = held;
    }
}
