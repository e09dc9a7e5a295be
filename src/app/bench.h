/* bench.h - what the files of `vstar bench` share: a workload, what it costs at least, and its laps. */
#ifndef VS_APP_BENCH_H
#define VS_APP_BENCH_H

#include "app/app.h"

enum { VS_BENCH_PHASES = 3 };

/* FLOPs and bytes that a workload cannot do without, in phases that follow one another. */
typedef struct vs_bench_phase {
    double flops, bytes, times;
} vs_bench_phase;
typedef struct vs_bench_cost {
    vs_bench_phase phase[VS_BENCH_PHASES];
} vs_bench_cost;

/* "decode:2x16": a = 2, b = 16. */
typedef struct vs_bench_size {
    size_t a, b;
} vs_bench_size;

typedef struct vs_bench vs_bench;

/* A workload does its work over and over while vs_bench_lap says so; tokens: of one repeat. */
bool vs_bench_lap(vs_bench *b, size_t tokens);
size_t vs_bench_laps(const vs_bench *b); /* how many it will ask for */
const vs_opened *vs_bench_opened(const vs_bench *b);
const int32_t *vs_bench_ids(const vs_bench *b); /* random tokens, VS_BENCH_IDS of them */
size_t vs_bench_prompt(const vs_bench *b), vs_bench_new(const vs_bench *b); /* tokens of each */

enum { VS_BENCH_IDS = 1 << 16 };

/* Positions that a workload needs: those of prompt and solution, its size and one more, or none. */
typedef enum vs_bench_length { VS_BENCH_SOLVED, VS_BENCH_SIZED, VS_BENCH_NONE } vs_bench_length;

typedef struct vs_bench_workload {
    const char *name;
    const char *size; /* what stands behind the colon when nothing does: "16", "1x16", "8+8" */
    char join;        /* between a and b; 0: there is no b */
    vs_bench_length length;
    vs_status (*run)(vs_bench *b, vs_bench_size z, vs_error *err);
    vs_bench_cost (*cost)(const vs_bench *b, const vs_config *c, vs_bench_size z);
    bool trains_all; /* weights; others compute with what an opened model keeps */
} vs_bench_workload;
extern const vs_bench_workload vs_bench_workloads[];
extern const size_t vs_bench_n_workloads;

/* Random weights in a shape that has a name; trainable: they may train. */
VS_NODISCARD vs_status vs_bench_shape(vs_base **out, const char *name, vs_compute compute,
                                      bool trainable, vs_error *err);

/* bench_text.c: the tokenizer of a folder over rows of {"text"}, on one thread. */
VS_NODISCARD vs_status vs_bench_tokenize(const char *dir, const char *path, double seconds,
                                         vs_error *err);
/* bench_grade.c: answers a second and the slowest one, by the thread's CPU time; rows {"gold","completion"}. */
VS_NODISCARD vs_status vs_bench_grade(const char *path, const char *profile, double seconds,
                                      vs_error *err);
#endif
