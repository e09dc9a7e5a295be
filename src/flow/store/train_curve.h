/* train_curve.h - the training curve of one model, written to the store in step with the trainer's
 * checkpoints. */
#ifndef VS_STORE_TRAIN_CURVE_H
#define VS_STORE_TRAIN_CURVE_H

#include "engine/train/train.h"
#include "flow/store/store.h"

typedef struct vs_train_curve {
    vs_store *store;
    const char *model; /* "sft", "verifier" */
    bool is_open;      /* rows wait in a transaction */
} vs_train_curve;

/* A vs_step_report; ctx is a vs_train_curve. */
VS_NODISCARD vs_status vs_train_curve_report(void *ctx, size_t step, const vs_step_stats *stats,
                                             vs_error *err);
/* After a training that failed: drops what no checkpoint covers. */
void vs_train_curve_abandon(vs_train_curve *c);
#endif
