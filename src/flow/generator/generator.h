/* generator.h - D_GEN becomes a generator: supervised fine-tuning, always from the base. */
#ifndef VS_GENERATOR_GENERATOR_H
#define VS_GENERATOR_GENERATOR_H

#include "engine/train/job.h"
#include "flow/store/store.h"

/* One right solution and its problem. */
typedef struct vs_gen_item {
    const vs_problem *problem;
    const vs_sample *sample;
} vs_gen_item;

typedef struct vs_generator_job {
    const char *name; /* "sft", "generator-2", "generator" */
    const char *base, *out;
    const vs_gen_item *items; /* in a stable order */
    size_t n;
    vs_train_options o;
    const char *start;         /* vs_train_job */
    const char *const *others; /* finished folders of other runs: vs_train_job */
    size_t n_others;
    json_t *facts; /* for the manifest; borrowed */
} vs_generator_job;

/* Resumes, or returns at once when the folder is there. */
VS_NODISCARD vs_status vs_generator_train(vs_store *s, const vs_generator_job *j, vs_error *err);
#endif
