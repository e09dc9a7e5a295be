#include "engine/tensor/peak.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "engine/tensor/ops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    CHAINS = 12, /* independent accumulators: more than latency times ports on any current core */
    STEPS = 500000,      /* of one run: a millisecond or two */
    RUNS = 60,           /* some of them meet an idle machine */
    PORTABLE_SHARE = 16, /* the portable loop does this fraction of the steps */
};

/* Runs `steps` rounds of CHAINS fused multiply-adds and returns the FLOPs done; the sum goes to
 * *sink, so that nothing is optimised away. */
typedef double (*fma_loop)(size_t steps, float *sink);

#if defined(__x86_64__)
/* One link of one chain. The empty assembly makes the accumulator a value that the compiler knows
 * nothing of: chains that it sees to be equal are computed once, and the peak comes out too high.
 */
#define LINK(fmadd, c)  \
    c = fmadd(a, c, b); \
    __asm__ volatile("" : "+v"(c))

#define FMA_LOOP(name, isa, vec, width, set1, fmadd, store)                                        \
    __attribute__((target(isa))) static double name(size_t steps, float *sink)                     \
    {                                                                                              \
        const vec a = set1(0.999999f), b = set1(1e-6f);                                            \
        vec c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b, c6 = b, c7 = b, c8 = b, c9 = b,        \
            c10 = b, c11 = b;                                                                      \
        float out[width];                                                                          \
        for (size_t i = 0; i < steps; i++) {                                                       \
            LINK(fmadd, c0);                                                                       \
            LINK(fmadd, c1);                                                                       \
            LINK(fmadd, c2);                                                                       \
            LINK(fmadd, c3);                                                                       \
            LINK(fmadd, c4);                                                                       \
            LINK(fmadd, c5);                                                                       \
            LINK(fmadd, c6);                                                                       \
            LINK(fmadd, c7);                                                                       \
            LINK(fmadd, c8);                                                                       \
            LINK(fmadd, c9);                                                                       \
            LINK(fmadd, c10);                                                                      \
            LINK(fmadd, c11);                                                                      \
        }                                                                                          \
        c0 =                                                                                       \
            fmadd(c0, c1,                                                                          \
                  fmadd(c2, c3, fmadd(c4, c5, fmadd(c6, c7, fmadd(c8, c9, fmadd(c10, c11, b)))))); \
        store(out, c0);                                                                            \
        *sink = out[0];                                                                            \
        return (double)steps * CHAINS * width * 2.0;                                               \
    }
FMA_LOOP(loop_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps)
FMA_LOOP(loop_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps)
#endif

static double loop_portable(size_t steps, float *sink)
{
    float c[CHAINS] = {0.0f};

    steps /= PORTABLE_SHARE;
    for (size_t i = 0; i < steps; i++)
        for (size_t j = 0; j < CHAINS; j++) c[j] = fmaf(0.999999f, c[j], 1e-6f);
    *sink = 0.0f;
    for (size_t j = 0; j < CHAINS; j++) *sink += c[j];
    return (double)steps * CHAINS * 2.0;
}

static fma_loop choose_loop(void)
{
#if defined(__x86_64__)
    const char *name = vs_ops_best()->name;

    if (strcmp(name, "fast-avx512") == 0) return loop_avx512;
    if (strcmp(name, "fast-avx2") == 0) return loop_avx2;
#endif
    return loop_portable;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double vs_fma_peak(size_t threads)
{
    const fma_loop loop = choose_loop();
    double best = 0.0;

    for (int run = 0; run < RUNS; run++) {
        double flops = 0.0;
        const double begin = now_s();
#pragma omp parallel num_threads((int)threads) reduction(+ : flops)
        {
            float sink;
            flops += loop(STEPS, &sink);
            __asm__ volatile("" ::"r"(&sink) : "memory");
        }
        const double rate = flops / (now_s() - begin);
        if (rate > best) best = rate;
    }
    return best;
}
