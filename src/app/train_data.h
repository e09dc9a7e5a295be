/* train_data.h - training files in memory, as rows that steps are made from. */
#ifndef VS_APP_TRAIN_DATA_H
#define VS_APP_TRAIN_DATA_H

#include "app/app.h"
#include "app/queue.h"
#include "engine/train/steps.h"

typedef struct vs_train_data {
    vs_loss_kind kind;
    vs_queue rows;   /* DPO, ORM: right solutions first */
    size_t *n_right; /* [rows.n_rows]; DPO, ORM */
    size_t cap_right;
    vs_solution *solutions; /* as steps want them: vs_train_data_rows */
    vs_data_row *row;
} vs_train_data;

/* Reads {"prompt","completion"} or {"prompt","right","wrong"} ({"chosen","rejected"}) rows; ORM: one
 * of the two may be missing or empty. At
 * least one row, else VS_E_INPUT. */
VS_NODISCARD vs_status vs_train_data_read(vs_train_data *out, const char *path, vs_loss_kind kind,
                                          const vs_row_reader *r, vs_error *err);
/* Fills row; DPO's reference log-probs are those in rows.logprob, from vs_queue_score. Once, after
 * it. */
VS_NODISCARD vs_status vs_train_data_rows(vs_train_data *d, const vs_config *c, vs_error *err);
void vs_train_data_free(vs_train_data *d);
/* SHA-256 over all token ids and row borders. */
VS_NODISCARD vs_status vs_train_data_hash(char hex[VS_HASH_HEX], const vs_train_data *d,
                                          vs_error *err);
#endif
