#include "engine/tensor/peak.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"
#include "engine/tensor/ops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum {
    CHAINS = 12, /* independent accumulators: more than latency times ports on any current core */
    STEPS = 500000,        /* of one run: a millisecond or two */
    RUNS = 60,             /* some of them meet an idle machine */
    PORTABLE_SHARE = 16,   /* the portable loop does this fraction of the steps */
    READ_WORDS = 32 << 20, /* 256 MB: beyond any cache */
    READ_RUNS = 8,
};

/* Runs `steps` rounds of CHAINS fused multiply-adds and returns the FLOPs done; the sum goes to
 * *sink, so that nothing is optimised away. */
typedef double (*fma_loop)(size_t steps, float *sink);

#if defined(__x86_64__) || defined(__aarch64__)
/* One link of one chain. The empty assembly makes the accumulator a value that the compiler knows
 * nothing of: chains that it sees to be equal are computed once, and the peak comes out too high.
 */
#define LINK(fmadd, c)  \
    c = fmadd(a, c, b); \
    __asm__ volatile("" : REGISTER(c))

#define FMA_LOOP(name, isa, vec, width, set1, fmadd, store, flops)                                 \
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
        return (double)steps * CHAINS * width * flops;                                             \
    }
#endif
#if defined(__x86_64__)
#define REGISTER(c) "+v"(c)
FMA_LOOP(loop_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps, 2)
FMA_LOOP(loop_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps, 2)
#define PAIR_SET1(x)      _mm512_castsi512_ps(_mm512_set1_epi32(0x3F803F80)) /* ones */
#define PAIR_DOT(a, b, c) _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b)
FMA_LOOP(loop_bf16, "avx512f,avx512bf16", __m512, 16, PAIR_SET1, PAIR_DOT, _mm512_storeu_ps, 4)
#elif defined(__aarch64__)
#define REGISTER(c)       "+w"(c)
#define NEON_FMA(a, b, c) vfmaq_f32(c, a, b)
FMA_LOOP(loop_neon, "arch=armv8-a", float32x4_t, 4, vdupq_n_f32, NEON_FMA, vst1q_f32, 2)
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

static fma_loop choose_loop(bool dots)
{
#if defined(__x86_64__)
    const char *name = vs_ops_best()->name;

    if (dots && strstr(name, "-bf16")) return loop_bf16;
    if (strncmp(name, "fast-avx512", 11) == 0) return loop_avx512; /* -256, -bf16 too */
    if (strcmp(name, "fast-avx2") == 0) return loop_avx2;
#elif defined(__aarch64__)
    if (strcmp(vs_ops_best()->name, "fast-neon") == 0) return loop_neon;
#endif
    (void)dots;
    return loop_portable;
}

typedef struct fma_job {
    fma_loop loop;
    double flops; /* of one part */
} fma_job;

static void fma_part(void *ctx, size_t part, size_t thread)
{
    fma_job *j = ctx;
    float sink;
    const double flops = j->loop(STEPS, &sink);

    (void)thread;
    __asm__ volatile("" ::"r"(&sink) : "memory");
    if (part == 0) j->flops = flops;
}

/* FLOP/s of the best run. */
static double fma_peak(size_t threads, clockid_t clock, bool dots)
{
    fma_job job = {.loop = choose_loop(dots)};
    double best = 0.0;

    for (int run = 0; run < RUNS; run++) {
        const double begin = vs_clock_s(clock);
        vs_run_parts(threads, fma_part, &job);
        const double rate = job.flops * (double)threads / (vs_clock_s(clock) - begin);
        if (rate > best) best = rate;
    }
    return best;
}

/* Four sums, so that adding never waits for itself. */
static uint64_t sum_words(const uint64_t *x, size_t n)
{
    uint64_t s[4] = {0};

    for (size_t i = 0; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++) s[j] += x[i + j];
    return s[0] + s[1] + s[2] + s[3];
}

typedef struct read_job {
    const uint64_t *x;
    size_t parts;
} read_job;

static void read_part(void *ctx, size_t part, size_t thread)
{
    const read_job *j = ctx;
    const size_t from = READ_WORDS * part / j->parts, to = READ_WORDS * (part + 1) / j->parts;
    const uint64_t sum = sum_words(j->x + from, to - from);

    (void)thread;
    __asm__ volatile("" ::"r"(sum) : "memory");
}

/* Bytes/s of the best run over memory that no cache holds; 0 without memory. */
static double read_peak(size_t threads, clockid_t clock)
{
    uint64_t *x = vs_alloc(READ_WORDS, sizeof *x);
    read_job job = {x, threads};
    double best = 0.0;

    if (!x) return 0.0;
    memset(x, 1, READ_WORDS * sizeof *x); /* pages of zeros may share one frame */
    for (int run = 0; run < READ_RUNS; run++) {
        const double begin = vs_clock_s(clock);
        vs_run_parts(threads, read_part, &job);
        const double rate = (double)(READ_WORDS * sizeof *x) / (vs_clock_s(clock) - begin);
        if (rate > best) best = rate;
    }
    free(x);
    return best;
}

vs_peak vs_peak_of(size_t threads, bool by_cpu_time, bool dots)
{
    const clockid_t clock = by_cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;

    return (vs_peak){fma_peak(threads, clock, dots), read_peak(threads, clock)};
}
