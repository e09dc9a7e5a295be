/* checkpoint.h - everything that a training run is between two steps, in one file that is replaced
 * atomically.
 *
 * Layout, little endian: "VSTARCK1", identity (64 hex digits), u64 step, u64 n, then f32 parameters
 * [n], first moments [n], second moments [n], and the SHA-256 (64 hex digits) of all before it. */
#ifndef VS_TRAIN_CHECKPOINT_H
#define VS_TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"

typedef struct vs_checkpoint {
    char identity[VS_HASH_HEX]; /* of the training: start weights, options, number of steps */
    uint64_t step;              /* steps done */
    size_t n;
    float *params, *m, *v; /* borrowed */
} vs_checkpoint;

VS_NODISCARD vs_status vs_checkpoint_write(const char *path, const vs_checkpoint *c, vs_error *err);
/* c->identity and c->n say what is wanted; fills step and the three arrays. *found false, and
 * nothing filled, when there is no file, or it is damaged, or of another identity. */
VS_NODISCARD vs_status vs_checkpoint_read(bool *found, const char *path, vs_checkpoint *c,
                                          vs_error *err);
#endif
