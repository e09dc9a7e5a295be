/* backend.c - which variants of the op table this processor runs; the only place that asks. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tensor/cpu/fast.h"
#include "engine/tensor/ops.h"

enum { MAX_VARIANTS = 7 };

typedef struct variants {
    const vs_ops *list[MAX_VARIANTS]; /* slowest first */
    size_t n;
} variants;

#if defined(__x86_64__)
static void add_variants(variants *v)
{
    __builtin_cpu_init();
    /* Zen 4, the only one of its family with AVX-512, does it in halves. */
    const bool in_halves = __builtin_cpu_is("amdfam19h");

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        v->list[v->n++] = &vs_ops_fast_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        v->list[v->n++] = in_halves ? &vs_ops_fast_avx512 : &vs_ops_fast_avx512_256;
        v->list[v->n++] = in_halves ? &vs_ops_fast_avx512_256 : &vs_ops_fast_avx512;
        if (!__builtin_cpu_supports("avx512bf16")) return;
        v->list[v->n++] = in_halves ? &vs_ops_fast_avx512_bf16 : &vs_ops_fast_avx512_256_bf16;
        v->list[v->n++] = in_halves ? &vs_ops_fast_avx512_256_bf16 : &vs_ops_fast_avx512_bf16;
    }
}
#elif defined(__aarch64__)
static void add_variants(variants *v)
{
    v->list[v->n++] = &vs_ops_fast_neon;
}
#else
static void add_variants(variants *v)
{
    (void)v;
}
#endif

static variants detect(void)
{
    variants v = {{vs_ops_ref(), &vs_ops_fast_portable}, 2};

    add_variants(&v);
    return v;
}

/* "fast-avx2" is asked for as "avx2". */
static bool is_named(const vs_ops *o, const char *name)
{
    const char *dash = strchr(o->name, '-');

    return strcmp(dash ? dash + 1 : o->name, name) == 0;
}

const vs_ops *vs_ops_best(void)
{
    const variants v = detect();
    const char *wanted = getenv("VSTAR_BACKEND");

    for (size_t i = 0; wanted && i < v.n; i++)
        if (is_named(v.list[i], wanted)) return v.list[i];
    return v.list[v.n - 1];
}

const vs_ops *const *vs_ops_all(size_t *n)
{
    static const vs_ops *list[MAX_VARIANTS];
    const variants v = detect();

    /* Every caller writes the same values. */
    memcpy(list, v.list, sizeof list);
    *n = v.n;
    return list;
}
