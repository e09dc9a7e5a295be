/* job.h - a training from start folder to finished folder: resumable, and whole or not there at
 * all.
 *
 * out/ appears by one rename, with manifest.json inside; until then out.partial and out.checkpoint
 * hold the work. A finished out/ is left alone. */
#ifndef VS_TRAIN_JOB_H
#define VS_TRAIN_JOB_H

#include <jansson.h>

#include "engine/train/steps.h"

typedef struct vs_train_job {
    vs_loss_kind kind;
    const char *base;      /* folder of the weights to start from */
    const char *adapter;   /* adapter to start from; NULL: all weights, or a fresh adapter when
                              o.lora.rank > 0 */
    const char *tokenizer; /* folder whose tokenizer files go along; NULL: base */
    const char *out;
    const vs_data_row *rows;
    size_t n_rows;
    vs_train_options o;
    const char *start;     /* hash that the start must have; NULL: any */
    bool is_reference;     /* DPO: ref_logp are of the start itself, which the first step checks */
    const char *label;     /* of the progress bar */
    vs_step_report report; /* may be NULL */
    void *ctx;
    json_t *facts;             /* goes into the manifest; borrowed; may be NULL */
    const char *const *others; /* finished folders; one that came of the same training is copied */
    size_t n_others;
} vs_train_job;

VS_NODISCARD vs_status vs_train_job_run(const vs_train_job *j, vs_error *err);
bool vs_train_job_done(const char *out);
/* Removes what a kill between the last rename and the clean-up left beside a finished out/. */
VS_NODISCARD vs_status vs_train_job_sweep(const char *out, vs_error *err);

/* What the progress line says of a step. */
void vs_train_note(vs_loss_kind kind, const vs_step_stats *s);

/* A folder as vstar uses it: a whole model, or an adapter over `base` (whose folder is then given).
 */
typedef struct vs_opened_model {
    vs_base *base;
    vs_model *model;
} vs_opened_model;
VS_NODISCARD vs_status vs_opened_model_open(vs_opened_model *out, const char *base,
                                            const char *adapter, vs_compute compute, vs_error *err);
/* The same for a folder that may be either: an adapter goes over base. */
VS_NODISCARD vs_status vs_opened_model_open_either(vs_opened_model *out, const char *base,
                                                   const char *dir, vs_compute compute,
                                                   vs_error *err);
void vs_opened_model_close(vs_opened_model *m); /* zeroed is allowed */
/* A fresh adapter over base, which the model borrows. */
VS_NODISCARD vs_status vs_adapter_create(vs_model **out, vs_base *base,
                                         const vs_lora_config *config, uint64_t seed,
                                         vs_error *err);
#endif
