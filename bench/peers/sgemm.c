/* sgemm.c - OpenBLAS over every matrix product of one pass of a Llama-like model.
 *
 *   sgemm LAYERS HIDDEN HEADS KV_HEADS FFN VOCAB M     one JSON line for M rows
 *   cc -O2 -fopenmp -I BLAS_INCLUDE sgemm.c BLAS_LIB -lm -o sgemm
 *
 * Every layer has its own weights, so those of a model larger than the caches are read cold, as in
 * a real pass; the output head is included, attention is not. Threads: OMP_NUM_THREADS. One pass is
 * the warm-up; seconds and cpu_seconds are medians of 5 passes, gflops is by wall clock, gflops_cpu by CPU time. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PASSES = 5, N_LINEAR = 7 };

typedef struct linear {
    int out, in;
    float *w; /* [out][in] */
} linear;

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *random_floats(size_t n)
{
    float *x = malloc(n * sizeof *x);
    unsigned r = 1;

    if (!x) exit(1);
    for (size_t i = 0; i < n; i++) {
        r = r * 1664525U + 1013904223U;
        x[i] = (float)(r >> 8) * 0x1p-24F - 0.5F;
    }
    return x;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* y[m][out] = x[m][in] * w^T; one row by sgemv, which OpenBLAS does faster than sgemm. */
static void product(float *y, const float *x, const linear *l, int m)
{
    if (m == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, l->out, l->in, 1.0F, l->w, l->in, x, 1, 0.0F, y, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, l->out, l->in, 1.0F, x, l->in, l->w, l->in, 0.0F,
                    y, l->out);
}

int main(int argc, char **argv)
{
    int a[7];
    double wall[PASSES], cpu[PASSES], flops = 0.0;

    if (argc != 8) return fputs("usage: sgemm LAYERS HIDDEN HEADS KV_HEADS FFN VOCAB M\n", stderr), 2;
    for (int i = 0; i < 7; i++) a[i] = atoi(argv[i + 1]);
    const int layers = a[0], hidden = a[1], kv = hidden / a[2] * a[3], ffn = a[4], vocab = a[5], m = a[6];
    const linear layer[N_LINEAR] = {{hidden, hidden, 0}, {kv, hidden, 0},  {kv, hidden, 0}, {hidden, hidden, 0},
                                    {ffn, hidden, 0},    {ffn, hidden, 0}, {hidden, ffn, 0}};
    const int n = layers * N_LINEAR + 1;
    const int widest = ffn > hidden ? ffn : hidden;
    linear *l = calloc((size_t)n, sizeof *l);
    float *x = random_floats((size_t)m * (size_t)widest);
    float *y = random_floats((size_t)m * (size_t)(vocab > widest ? vocab : widest));

    if (!l) return 1;
    for (int i = 0; i < n; i++) {
        l[i] = i < n - 1 ? layer[i % N_LINEAR] : (linear){vocab, hidden, 0};
        l[i].w = random_floats((size_t)l[i].out * (size_t)l[i].in);
        flops += 2.0 * m * l[i].out * l[i].in;
    }
    for (int p = -1; p < PASSES; p++) {
        const double t = seconds_of(CLOCK_MONOTONIC), c = seconds_of(CLOCK_PROCESS_CPUTIME_ID);

        for (int i = 0; i < n; i++) product(y, x, &l[i], m);
        if (p < 0) continue;
        wall[p] = seconds_of(CLOCK_MONOTONIC) - t;
        cpu[p] = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - c;
    }
    qsort(wall, PASSES, sizeof *wall, by_value);
    qsort(cpu, PASSES, sizeof *cpu, by_value);
    printf("{\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"tokens\":%d,\"gflops\":%.2f,\"gflops_cpu\":%.2f}\n",
           wall[PASSES / 2], cpu[PASSES / 2], m, flops / wall[PASSES / 2] * 1e-9, flops / cpu[PASSES / 2] * 1e-9);
    for (int i = 0; i < n; i++) free(l[i].w);
    free(l);
    free(x);
    free(y);
    return 0;
}
