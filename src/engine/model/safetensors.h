/* safetensors.h - the safetensors format: u64 header length, JSON header, data. Nothing in a file is trusted.
 *
 * Checked on open: header length (<= 100 MB) and UTF-8 JSON, known dtypes, shapes whose product does not overflow, offsets
 * that cover the data without holes or overlap, as the reference implementation demands. */
#ifndef VS_MODEL_SAFETENSORS_H
#define VS_MODEL_SAFETENSORS_H

#include "base/error.h"
#include "base/file.h"
#include "engine/model/params.h"

typedef struct vs_st_tensor {
    char *name;
    char dtype[16]; /* "F32", "BF16", .. as written */
    size_t shape[8], n_dims;
    size_t n;                  /* elements */
    const unsigned char *data; /* little endian, borrowed from the mapping */
    size_t n_bytes;
} vs_st_tensor;

typedef struct vs_safetensors vs_safetensors;
VS_NODISCARD vs_status vs_safetensors_open(vs_safetensors **out, const char *path, vs_error *err);
void vs_safetensors_close(vs_safetensors *s); /* NULL is allowed */
size_t vs_safetensors_count(const vs_safetensors *s);
const vs_st_tensor *vs_safetensors_at(const vs_safetensors *s, size_t i); /* in file order */
const vs_st_tensor *vs_safetensors_find(const vs_safetensors *s, const char *name);
/* Names that begin with FROM begin with TO from now on; false: out of memory, with some renamed. */
bool vs_safetensors_rename(vs_safetensors *s, const char *from, const char *to);
/* F32, BF16 or F16 -> f32, t->n elements; another dtype is VS_E_FORMAT. */
VS_NODISCARD vs_status vs_st_to_f32(float *out, const vs_st_tensor *t, const char *path,
                                    vs_error *err);

/* Atomic. Tensors are written in table order, gaps left out; dtype VS_BF16 rounds to nearest even.
 * metadata {"format":"pt"} is added, which transformers wants. */
VS_NODISCARD vs_status vs_safetensors_write(const char *path, const vs_params *p, vs_dtype dtype,
                                            vs_error *err);
/* The same for a table without data: `lend` gives each tensor's rows * cols elements when its turn comes, borrowed until the
 * next call. */
typedef vs_status vs_tensor_lend(void *ctx, const float **x, const vs_tensor *t, vs_error *err);
VS_NODISCARD vs_status vs_safetensors_stream(const char *path, const vs_params *table,
                                             vs_dtype dtype, vs_tensor_lend *lend, void *ctx,
                                             vs_error *err);
#endif
