/* train_data.h - training files in memory, and the steps made from them.
 *
 * SFT: a step is `batch` rows in the epoch's order; rows of a step that share a prompt become one group. DPO: a step is `batch`
 * rows (problems); of each, up to max_right right and, up to max_solutions in all, wrong solutions are drawn anew in each epoch.
 * All draws are keyed by (seed, epoch, row), so a resumed training meets the same steps. */
#ifndef VS_APP_TRAIN_DATA_H
#define VS_APP_TRAIN_DATA_H

#include "app/app.h"
#include "app/queue.h"
#include "base/arena.h"
#include "engine/train/train.h"

typedef struct vs_train_data {
    vs_loss_kind kind;
    vs_queue rows;         /* DPO: right solutions first */
    size_t *n_right;       /* [rows.n_rows]; DPO */
    size_t cap_right;
    uint64_t *prompt_hash; /* [rows.n_rows]; SFT */
    double *ref_logp;      /* [rows.n_solutions]; DPO, set by the caller; owned */
} vs_train_data;

/* Reads {"prompt","completion"} or {"prompt","right","wrong"} ({"chosen","rejected"}) rows. At least one row, else VS_E_INPUT. */
VS_NODISCARD vs_status vs_train_data_read(vs_train_data *out, const char *path, vs_loss_kind kind,
                                          const vs_row_reader *r, vs_error *err);
void vs_train_data_free(vs_train_data *d);
/* SHA-256 over all token ids and row borders. */
VS_NODISCARD vs_status vs_train_data_hash(char hex[VS_HASH_HEX], const vs_train_data *d, vs_error *err);

typedef struct vs_step_maker {
    const vs_train_data *data;
    const vs_train_options *o;
    bool no_shuffle;
    vs_arena *arena;       /* of the current step */
    uint32_t *order;       /* rows in the order of epoch `epoch` */
    size_t epoch;
} vs_step_maker;
VS_NODISCARD vs_status vs_step_maker_open(vs_step_maker *m, const vs_train_data *d, const vs_train_options *o,
                                          bool no_shuffle, vs_error *err);
void vs_step_maker_close(vs_step_maker *m); /* zeroed is allowed */
size_t vs_step_maker_steps(const vs_step_maker *m); /* in all: o->steps, or from o->epochs */
/* The examples of step `step`; valid until the next call. */
VS_NODISCARD vs_status vs_step_make(vs_step_maker *m, size_t step, const vs_example **out, size_t *n, vs_error *err);
#endif
