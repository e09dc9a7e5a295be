/* gguf_test.h - GGUF files made piece by piece. The caller says how many tensors and keys follow.
 */
#ifndef VS_GGUF_TEST_H
#define VS_GGUF_TEST_H

#include "base/buf.h"
#include "engine/model/gguf.h"
#include "folder_test.h"

enum { GGML_F32 = 0, GGML_F16 = 1, GGML_Q8_0 = 8 };

static inline void put_number(vs_buf *b, uint64_t x, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        vs_buf_add(b, &(unsigned char){(unsigned char)(x >> 8 * i)}, 1);
}

static inline void put_f32(vs_buf *b, float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    put_number(b, bits, 4);
}

static inline void put_text(vs_buf *b, const char *text)
{
    put_number(b, strlen(text), 8);
    vs_buf_str(b, text);
}

static inline void put_head(vs_buf *b, uint32_t version, size_t n_tensors, size_t n_keys)
{
    vs_buf_str(b, "GGUF");
    put_number(b, version, 4);
    put_number(b, n_tensors, 8);
    put_number(b, n_keys, 8);
}

static inline void put_key(vs_buf *b, const char *key, vs_gguf_type type)
{
    put_text(b, key);
    put_number(b, type, 4);
}

static inline void put_size(vs_buf *b, const char *key, uint32_t x)
{
    put_key(b, key, VS_GGUF_U32);
    put_number(b, x, 4);
}

static inline void put_real(vs_buf *b, const char *key, float x)
{
    put_key(b, key, VS_GGUF_F32);
    put_f32(b, x);
}

static inline void put_bool(vs_buf *b, const char *key, bool x)
{
    put_key(b, key, VS_GGUF_BOOL);
    put_number(b, x, 1);
}

static inline void put_string(vs_buf *b, const char *key, const char *text)
{
    put_key(b, key, VS_GGUF_STRING);
    put_text(b, text);
}

static inline void put_array(vs_buf *b, const char *key, vs_gguf_type item, size_t n)
{
    put_key(b, key, VS_GGUF_ARRAY);
    put_number(b, item, 4);
    put_number(b, n, 8);
}

static inline void put_strings(vs_buf *b, const char *key, const char *const *text, size_t n)
{
    put_array(b, key, VS_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) put_text(b, text[i]);
}

/* rows 0: a vector. *offset: of the data; moves on to the next tensor's place. */
static inline void put_tensor(vs_buf *b, const char *name, size_t rows, size_t cols, uint32_t type,
                              size_t n_bytes, size_t *offset)
{
    put_text(b, name);
    put_number(b, rows ? 2 : 1, 4);
    put_number(b, cols, 8);
    if (rows) put_number(b, rows, 8);
    put_number(b, type, 4);
    put_number(b, *offset, 8);
    *offset += (n_bytes + 31) / 32 * 32;
}

static inline void put_padding(vs_buf *b)
{
    while (b->len % 32) vs_buf_add(b, "", 1);
}

/* Writes the bytes as a file and frees them; the path is malloc'd. */
static inline char *write_gguf(vs_buf *b)
{
    vs_error err;
    const char *dir = vs_test_dir();

    CHECK_OK(vs_buf_ok(b, "model.gguf", &err));
    write_in(dir, "model.gguf", b->data, b->len);
    vs_buf_free(b);
    return path_in(dir, "model.gguf");
}
#endif
