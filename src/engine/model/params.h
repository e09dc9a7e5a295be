/* params.h - all tensors of a model or adapter in one block of f32, cut up by one named table.
 *
 * The same struct holds weights, gradients and optimiser moments, so that they share offsets. */
#ifndef VS_MODEL_PARAMS_H
#define VS_MODEL_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/model/config.h"

enum { VS_TENSOR_NAME = 160 };

typedef struct vs_tensor {
    char name[VS_TENSOR_NAME]; /* as in the safetensors file */
    size_t rows, cols;         /* 1-D tensors: rows 1 */
    bool is_vector;            /* written with one dimension; takes no weight decay */
    size_t offset;             /* into data, in elements; a multiple of 16; or VS_NO_PLACE */
} vs_tensor;

/* Offset of a tensor stored only as panels. Dereferencing it faults: byte 2^55 from data is no address of a process on
 * 64-bit Linux. */
#define VS_NO_PLACE ((size_t)1 << 53)

/* Writes a tensor's rows * cols numbers. */
typedef vs_status vs_tensor_fill(void *ctx, float *to, const vs_tensor *t, vs_error *err);

typedef struct vs_params {
    vs_tensor *tensors;
    size_t n_tensors;
    float *data;    /* n elements, 64-byte boundary; gaps between tensors are zero */
    size_t n;       /* elements, gaps included */
    size_t n_model; /* elements without gaps: the number of parameters */
} vs_params;

/* Appends one tensor to a table that has no data yet. */
VS_NODISCARD vs_status vs_params_add(vs_params *p, const char *name, size_t rows, size_t cols,
                                     bool is_vector, vs_error *err);
/* A tensor more, of zeros, for a table that has data; the others stay, in a new block. */
VS_NODISCARD vs_status vs_params_extend(vs_params *p, const char *name, size_t rows, size_t cols,
                                        bool is_vector, vs_error *err);
/* Takes those tensors' places away, in a table that has no data yet. */
void vs_params_leave_out(vs_params *p, bool (*is_out)(const vs_tensor *t));
/* VS_E_STATE unless every tensor has its place. */
VS_NODISCARD vs_status vs_params_check_whole(const vs_params *p, vs_error *err);
/* Allocates data, zeroed. */
VS_NODISCARD vs_status vs_params_alloc(vs_params *p, vs_error *err);
/* A zeroed block with the same table (gradients, moments). */
VS_NODISCARD vs_status vs_params_like(vs_params *out, const vs_params *p, vs_error *err);
void vs_params_close(vs_params *p);                                    /* zeroed is allowed */
const vs_tensor *vs_params_find(const vs_params *p, const char *name); /* NULL: none */

/* Whether a tensor's name ends so: "norm.weight". */
bool vs_name_ends(const char *name, const char *end);

/* SHA-256 over the tensors in table order: name with its NUL, rows, cols (u64 little endian) and f32 data. */
VS_NODISCARD vs_status vs_params_hash(char hex[VS_HASH_HEX], const vs_params *p, vs_error *err);
void vs_tensor_hash(vs_hasher *h, const vs_tensor *t,
                    const float *x); /* one tensor's share of it */
#endif
