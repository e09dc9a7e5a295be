/* steps.h - the steps of a training, made from rows of data.
 *
 * SFT: a step is `batch` rows in the epoch's order; rows of a step that share a prompt become one
 * group, which costs its prompt once. DPO: a step is `batch` rows (problems); of each, up to
 * max_right right and, up to max_solutions in all, wrong solutions are drawn anew in each epoch.
 * All draws are keyed by (seed, epoch, row), so a resumed training meets the same steps. */
#ifndef VS_TRAIN_STEPS_H
#define VS_TRAIN_STEPS_H

#include "base/arena.h"
#include "engine/train/train.h"

/* SFT: one solution. DPO: right solutions first. All pointers are borrowed for as long as steps are
 * made. */
typedef struct vs_data_row {
    vs_group group;
    size_t n_right;         /* DPO */
    const double *ref_logp; /* DPO: [n_solutions] */
} vs_data_row;

typedef struct vs_steps {
    const vs_data_row *rows;
    size_t n_rows;
    vs_loss_kind kind;
    vs_train_options o;
    bool no_shuffle;
    vs_arena *arena;       /* of the current step */
    uint32_t *order;       /* rows in the order of epoch `epoch` */
    uint64_t *prompt_hash; /* [n_rows]; SFT */
    size_t epoch;
} vs_steps;

/* At least one row. */
VS_NODISCARD vs_status vs_steps_open(vs_steps *s, vs_loss_kind kind, const vs_data_row *rows,
                                     size_t n_rows, const vs_train_options *o, bool no_shuffle,
                                     vs_error *err);
void vs_steps_close(vs_steps *s);         /* zeroed is allowed */
size_t vs_steps_count(const vs_steps *s); /* in all: o->steps, or from o->epochs */
/* The examples of step `step`, in any order of steps; valid until the next call. */
VS_NODISCARD vs_status vs_steps_make(vs_steps *s, size_t step, const vs_example **out, size_t *n,
                                     vs_error *err);
#endif
