#include <string.h>

#include "base/buf.h"
#include "engine/model/safetensors.h"
#include "engine/tensor/half.h"

enum { CHUNK_ELEMENTS = 1 << 14, DATA_ALIGN = 8 };

/* The u64 length and the JSON header, padded with spaces so that the data begin on 8 bytes, as the
 * reference writes it. */
static void add_header(vs_buf *b, const vs_params *p, vs_dtype dtype)
{
    const size_t element = dtype == VS_BF16 ? 2 : 4;
    unsigned char length[8] = {0};
    size_t at = 0, len;

    vs_buf_add(b, length, sizeof length);
    vs_buf_str(b, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        const size_t n_bytes = t->rows * t->cols * element;

        vs_buf_str(b, ",");
        vs_buf_json_str(b, t->name, strlen(t->name));
        vs_buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", dtype == VS_BF16 ? "BF16" : "F32");
        if (!t->is_vector) vs_buf_printf(b, "%zu,", t->rows);
        vs_buf_printf(b, "%zu],\"data_offsets\":[%zu,%zu]}", t->cols, at, at + n_bytes);
        at += n_bytes;
    }
    vs_buf_str(b, "}");
    while (!b->failed && b->len % DATA_ALIGN != 0) vs_buf_str(b, " ");
    if (b->failed) return;
    len = b->len - sizeof length;
    for (size_t i = 0; i < sizeof length; i++) length[i] = (unsigned char)(len >> (8 * i));
    memcpy(b->data, length, sizeof length);
}

/* f32 is written as it lies in memory, which is little endian (params.c holds the program to that).
 */
static void write_tensor(FILE *fp, const float *x, size_t n, vs_dtype dtype)
{
    unsigned char chunk[2 * CHUNK_ELEMENTS];

    if (dtype == VS_F32) {
        (void)!fwrite(x, sizeof *x, n, fp);
        return;
    }
    for (size_t done = 0; done < n; done += CHUNK_ELEMENTS) {
        const size_t m = n - done < CHUNK_ELEMENTS ? n - done : CHUNK_ELEMENTS;
        for (size_t i = 0; i < m; i++) {
            const uint16_t h = vs_bf16_of_f32(x[done + i]);
            chunk[2 * i] = (unsigned char)(h & 255u);
            chunk[2 * i + 1] = (unsigned char)(h >> 8);
        }
        (void)!fwrite(chunk, 2, m, fp);
    }
}

vs_status vs_safetensors_stream(const char *path, const vs_params *table, vs_dtype dtype,
                                vs_tensor_lend *lend, void *ctx, vs_error *err)
{
    vs_status st;
    vs_buf header = {0};
    vs_replace file = {0};

    add_header(&header, table, dtype);
    VS_CHECK(vs_buf_ok(&header, path, err));
    VS_CHECK(vs_replace_begin(&file, path, err));
    (void)!fwrite(header.data, 1, header.len, file.fp);
    for (size_t i = 0; i < table->n_tensors; i++) {
        const vs_tensor *t = &table->tensors[i];
        const float *x;
        VS_CHECK(lend(ctx, &x, t, err));
        write_tensor(file.fp, x, t->rows * t->cols, dtype);
    }
    st = vs_replace_commit(&file, err);
done:
    vs_replace_abort(&file);
    vs_buf_free(&header);
    return st;
}

static vs_status lend_own(void *ctx, const float **x, const vs_tensor *t, vs_error *err)
{
    const vs_params *p = ctx;
    (void)err;

    *x = p->data + t->offset;
    return VS_OK;
}

vs_status vs_safetensors_write(const char *path, const vs_params *p, vs_dtype dtype, vs_error *err)
{
    VS_TRY(vs_params_check_whole(p, err));
    return vs_safetensors_stream(path, p, dtype, lend_own, (void *)(uintptr_t)p, err);
}
