#include "engine/model/params.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hashes and files take f32 from memory");

enum { ALIGN_ELEMENTS = 16, FIRST_TENSORS = 16 };

/* How many tensors fit before the table must grow: vs_grow begins at 16 and doubles. */
static size_t table_cap(size_t n)
{
    size_t cap = FIRST_TENSORS;

    if (n == 0) return 0;
    while (cap < n) cap *= 2;
    return cap;
}

vs_status vs_params_add(vs_params *p, const char *name, size_t rows, size_t cols, bool is_vector,
                        vs_error *err)
{
    const size_t len = strlen(name);
    size_t cap = table_cap(p->n_tensors), count, padded, n, bytes;

    assert(!p->data && (!is_vector || rows == 1));
    if (len >= VS_TENSOR_NAME)
        return VS_FAIL(err, VS_E_LIMIT, "tensor %.80s..: a name of %zu bytes, the limit is %d",
                       name, len, VS_TENSOR_NAME - 1);
    if (rows == 0 || cols == 0)
        return VS_FAIL(err, VS_E_INPUT, "tensor %s: shape [%zu, %zu] is empty", name, rows, cols);
    if (__builtin_mul_overflow(rows, cols, &count) ||
        __builtin_add_overflow(count, (size_t)(ALIGN_ELEMENTS - 1), &padded) ||
        __builtin_add_overflow(p->n, padded / ALIGN_ELEMENTS * ALIGN_ELEMENTS, &n) ||
        __builtin_mul_overflow(n, sizeof *p->data, &bytes) || bytes > PTRDIFF_MAX)
        return VS_FAIL(err, VS_E_LIMIT,
                       "tensor %s: shape [%zu, %zu] makes the model larger than memory can be",
                       name, rows, cols);
    if (!vs_grow(&p->tensors, &cap, p->n_tensors + 1, sizeof *p->tensors))
        return VS_FAIL(err, VS_E_NOMEM, "tensor %s: out of memory", name);

    p->tensors[p->n_tensors] =
        (vs_tensor){.rows = rows, .cols = cols, .is_vector = is_vector, .offset = p->n};
    memcpy(p->tensors[p->n_tensors++].name, name, len + 1);
    p->n = n;
    p->n_model += count;
    return VS_OK;
}

void vs_params_leave_out(vs_params *p, bool (*is_out)(const vs_tensor *t))
{
    assert(!p->data);
    p->n = 0;
    for (size_t i = 0; i < p->n_tensors; i++) {
        vs_tensor *t = &p->tensors[i];
        const size_t count = t->rows * t->cols;

        t->offset = VS_NO_PLACE;
        if (is_out(t)) continue;
        t->offset = p->n;
        p->n += (count + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    }
}

vs_status vs_params_check_whole(const vs_params *p, vs_error *err)
{
    for (size_t i = 0; i < p->n_tensors; i++)
        if (p->tensors[i].offset == VS_NO_PLACE)
            return VS_FAIL(err, VS_E_STATE,
                           "tensor %s: the model was opened for use alone and keeps no plain "
                           "weights, which training and writing need",
                           p->tensors[i].name);
    return VS_OK;
}

vs_status vs_params_extend(vs_params *p, const char *name, size_t rows, size_t cols, bool is_vector,
                           vs_error *err)
{
    vs_params made = {0};
    vs_status st = vs_params_check_whole(p, err);

    for (size_t i = 0; st == VS_OK && i < p->n_tensors; i++)
        st = vs_params_add(&made, p->tensors[i].name, p->tensors[i].rows, p->tensors[i].cols,
                           p->tensors[i].is_vector, err);
    if (st == VS_OK) st = vs_params_add(&made, name, rows, cols, is_vector, err);
    if (st == VS_OK) st = vs_params_alloc(&made, err);
    if (st == VS_OK) {
        memcpy(made.data, p->data,
               p->n * sizeof *p->data); /* equal tables begin with equal offsets */
        vs_params_close(p);
        *p = made;
        return VS_OK;
    }
    vs_params_close(&made);
    return st;
}

vs_status vs_params_alloc(vs_params *p, vs_error *err)
{
    assert(!p->data);
    p->data = vs_alloc(p->n, sizeof *p->data);
    if (!p->data)
        return VS_FAIL(err, VS_E_NOMEM, "%zu parameters: out of memory (%zu bytes)", p->n_model,
                       p->n * sizeof *p->data);
    return VS_OK;
}

vs_status vs_params_like(vs_params *out, const vs_params *p, vs_error *err)
{
    vs_params made = {.n_tensors = p->n_tensors, .n = p->n, .n_model = p->n_model};
    vs_status st;

    VS_TRY(vs_params_check_whole(p, err));
    made.tensors = vs_alloc(p->n_tensors, sizeof *p->tensors);
    if (!made.tensors)
        return VS_FAIL(err, VS_E_NOMEM, "table of %zu tensors: out of memory", p->n_tensors);
    if (p->n_tensors) memcpy(made.tensors, p->tensors, p->n_tensors * sizeof *p->tensors);
    VS_CHECK(vs_params_alloc(&made, err));
    *out = made;
    made = (vs_params){0};
done:
    vs_params_close(&made);
    return st;
}

void vs_params_close(vs_params *p)
{
    free(p->tensors);
    free(p->data);
    *p = (vs_params){0};
}

const vs_tensor *vs_params_find(const vs_params *p, const char *name)
{
    for (size_t i = 0; i < p->n_tensors; i++)
        if (strcmp(p->tensors[i].name, name) == 0) return &p->tensors[i];
    return NULL;
}

bool vs_name_ends(const char *name, const char *end)
{
    const size_t n = strlen(name), k = strlen(end);

    return n >= k && strcmp(name + n - k, end) == 0;
}

/* The name goes in with its NUL, so that no two tables give the same bytes. */
void vs_tensor_hash(vs_hasher *h, const vs_tensor *t, const float *x)
{
    const uint64_t shape[2] = {t->rows, t->cols};

    vs_hasher_add(h, t->name, strlen(t->name) + 1);
    vs_hasher_add(h, shape, sizeof shape);
    vs_hasher_add(h, x, t->rows * t->cols * sizeof *x);
}

vs_status vs_params_hash(char hex[VS_HASH_HEX], const vs_params *p, vs_error *err)
{
    vs_hasher *h;

    assert(p->data || p->n == 0);
    VS_TRY(vs_params_check_whole(p, err));
    VS_TRY(vs_hasher_open(&h, err));
    for (size_t i = 0; i < p->n_tensors; i++)
        vs_tensor_hash(h, &p->tensors[i], p->data + p->tensors[i].offset);
    vs_hasher_close(h, hex);
    return VS_OK;
}
