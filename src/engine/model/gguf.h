/* gguf.h - GGUF files, versions 2 and 3, little endian, mapped: metadata, tensors, and their turning into f32. Nothing in
 * a file is trusted. Source of the format: ggml, docs/gguf.md; of the block types: ggml, ggml-common.h, ggml-quants.c.
 *
 * Ownership: what the functions hand out is borrowed from the open file. */
#ifndef VS_MODEL_GGUF_H
#define VS_MODEL_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/model/params.h"

typedef struct vs_gguf vs_gguf;

typedef struct vs_gguf_text {
    const char *text; /* not NUL-terminated */
    size_t len;
} vs_gguf_text;

/* Types of values, as the file numbers them. */
typedef enum vs_gguf_type {
    VS_GGUF_U8,
    VS_GGUF_I8,
    VS_GGUF_U16,
    VS_GGUF_I16,
    VS_GGUF_U32,
    VS_GGUF_I32,
    VS_GGUF_F32,
    VS_GGUF_BOOL,
    VS_GGUF_STRING,
    VS_GGUF_ARRAY,
    VS_GGUF_U64,
    VS_GGUF_I64,
    VS_GGUF_F64,
    VS_GGUF_N_TYPES
} vs_gguf_type;

typedef struct vs_gguf_value {
    vs_gguf_text key;
    vs_gguf_type type; /* of an array's items, when it is one */
    bool is_array;
    size_t n; /* items; 1 when it is no array */
    const unsigned char *data;
} vs_gguf_value;

enum { VS_GGUF_MAX_DIMS = 4 };
typedef struct vs_gguf_tensor {
    char name[VS_TENSOR_NAME];
    size_t dims[VS_GGUF_MAX_DIMS], n_dims; /* fastest first: [in, out] */
    size_t n;                              /* elements */
    uint32_t type;                         /* of ggml */
    const unsigned char *data;
    size_t n_bytes;
} vs_gguf_tensor;

VS_NODISCARD vs_status vs_gguf_open(vs_gguf **out, const char *path, vs_error *err);
void vs_gguf_close(vs_gguf *g); /* NULL is allowed */
const char *vs_gguf_path(const vs_gguf *g);

size_t vs_gguf_n_values(const vs_gguf *g);
const vs_gguf_value *vs_gguf_value_at(const vs_gguf *g, size_t i);    /* by key */
const vs_gguf_value *vs_gguf_find(const vs_gguf *g, const char *key); /* NULL: none */
/* Typed values. A missing key is an error for _get_, and leaves *out alone for _opt_. */
VS_NODISCARD vs_status vs_gguf_get_size(size_t *out, const vs_gguf *g, const char *key, size_t min,
                                        size_t max, vs_error *err);
VS_NODISCARD vs_status vs_gguf_opt_size(size_t *out, const vs_gguf *g, const char *key, size_t min,
                                        size_t max, vs_error *err);
VS_NODISCARD vs_status vs_gguf_opt_real(double *out, const vs_gguf *g, const char *key,
                                        vs_error *err);
VS_NODISCARD vs_status vs_gguf_opt_bool(bool *out, const vs_gguf *g, const char *key,
                                        vs_error *err);
VS_NODISCARD vs_status vs_gguf_get_text(vs_gguf_text *out, const vs_gguf *g, const char *key,
                                        vs_error *err);
VS_NODISCARD vs_status vs_gguf_opt_text(vs_gguf_text *out, const vs_gguf *g, const char *key,
                                        vs_error *err);
/* An array of the given type (VS_GGUF_STRING, ..). */
VS_NODISCARD vs_status vs_gguf_get_array(const vs_gguf_value **out, const vs_gguf *g,
                                         const char *key, vs_gguf_type type, vs_error *err);
/* The string at *at (0 at first) of an array of strings; moves *at on. Called at most v->n times. */
vs_gguf_text vs_gguf_next_text(const vs_gguf_value *v, size_t *at);
/* Item i < v->n of a 4-byte type. */
float vs_gguf_f32_at(const vs_gguf_value *v, size_t i);
int32_t vs_gguf_i32_at(const vs_gguf_value *v, size_t i);

size_t vs_gguf_n_tensors(const vs_gguf *g);
const vs_gguf_tensor *vs_gguf_tensor_at(const vs_gguf *g, size_t i);           /* by name */
const vs_gguf_tensor *vs_gguf_tensor_find(const vs_gguf *g, const char *name); /* NULL: none */

/* gguf_quant.c: t->n elements, as ggml's dequantize_row_* compute them, in f32. */
void vs_gguf_to_f32(float *out, const vs_gguf_tensor *t);
/* Elements and bytes of one block; false: the type is not supported. */
bool vs_gguf_block(size_t *n_elements, size_t *n_bytes, uint32_t type);
/* For messages: the type's name, and those of the types that are supported. */
void vs_gguf_type_text(vs_buf *out, uint32_t type);

/* gguf_config.c: the metadata as a model's configuration; dtype is VS_F32. Another architecture, and every key of it
 * that is not known here, is refused by name. */
VS_NODISCARD vs_status vs_gguf_config(vs_config *out, const vs_gguf *g, vs_error *err);

/* gguf_folder.c: the file as a Hugging Face folder. DIR must not exist; it appears whole or not at all.
 * dtype: of the written weights. progress (NULL allowed) is called before every tensor. */
typedef void vs_gguf_progress(void *ctx, size_t tensor, size_t n_tensors);
VS_NODISCARD vs_status vs_gguf_import(const vs_gguf *g, const char *dir, vs_dtype dtype,
                                      vs_gguf_progress *progress, void *ctx, vs_error *err);

/* gguf_vocab.c: the vocabulary as tokenizer.json and tokenizer_config.json in DIR. */
VS_NODISCARD vs_status vs_gguf_write_tokenizer(const vs_gguf *g, const char *dir, vs_error *err);
#endif
