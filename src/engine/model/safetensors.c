#include "engine/model/safetensors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "engine/tensor/half.h"

/* The format's own limit: https://github.com/huggingface/safetensors, safetensors/src/tensor.rs,
 * MAX_HEADER_SIZE. */
enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000, MAX_DIMS = 8 };

struct vs_safetensors {
    vs_map map;
    vs_st_tensor *tensors; /* in file order */
    vs_st_tensor **by_name;
    size_t n;
};

/* The dtypes of tensor.rs, enum Dtype. */
static const struct {
    const char *name;
    size_t bits;
} dtypes[] = {
    {"BOOL", 8},        {"F4", 4},          {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8},     {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},
    {"U16", 16},        {"F16", 16},        {"BF16", 16},   {"I32", 32},    {"U32", 32},
    {"F32", 32},        {"C64", 64},        {"F64", 64},    {"I64", 64},    {"U64", 64},
    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

static size_t dtype_bits(const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, name) == 0) return dtypes[i].bits;
    return 0;
}

static uint64_t read_u64(const unsigned char *p)
{
    uint64_t x = 0;

    for (size_t i = LENGTH_BYTES; i-- > 0;) x = x << 8 | p[i];
    return x;
}

static vs_status read_header(json_t **out, size_t *data_at, const vs_map *map, const char *path,
                             vs_error *err)
{
    const char *text;
    uint64_t len;
    char *name;
    vs_status st;

    if (vs_is_lfs_pointer((const char *)map->data, map->len))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: found a Git LFS pointer, expected the file itself: git lfs pull", path);
    if (map->len < LENGTH_BYTES)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: %zu bytes, expected at least the %d of the header's length", path,
                       map->len, LENGTH_BYTES);
    len = read_u64(map->data);
    if (len > MAX_HEADER_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: header length: found %llu bytes, the limit is %d",
                       path, (unsigned long long)len, MAX_HEADER_BYTES);
    if (len > map->len - LENGTH_BYTES)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: header length: found %llu bytes, the file has %zu after it", path,
                       (unsigned long long)len, map->len - LENGTH_BYTES);
    text = (const char *)map->data + LENGTH_BYTES;
    if (len > 0 &&
        text[0] == '\xEF') /* JSON readers may pass over a byte order mark; the format has none */
        return VS_FAIL(err, VS_E_FORMAT, "%s: header: found a byte order mark, expected JSON",
                       path);

    name = vs_format("%s: header", path);
    if (!name) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    st = vs_json_parse(out, text, (size_t)len, name, err);
    free(name);
    *data_at = LENGTH_BYTES + (size_t)len;
    return st;
}

static vs_status fail_tensor(vs_error *err, const char *path, const char *name, const char *what)
{
    return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%.120s\": %s", path, name, what);
}

/* Shape and element count; the product is checked. */
static vs_status read_shape(vs_st_tensor *t, const json_t *shape, const char *path, vs_error *err)
{
    if (!json_is_array(shape))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%.120s\": \"shape\": found %s, expected an array", path,
                       t->name, vs_json_kind(shape));
    if (json_array_size(shape) > MAX_DIMS)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%s: tensor \"%.120s\": \"shape\": found %zu dimensions, the limit is %d",
                       path, t->name, json_array_size(shape), MAX_DIMS);
    t->n = 1;
    t->n_dims = json_array_size(shape);
    for (size_t i = 0; i < t->n_dims; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return fail_tensor(err, path, t->name, "\"shape\": expected integers of 0 or more");
        t->shape[i] = (size_t)json_integer_value(dim);
        if (__builtin_mul_overflow(t->n, t->shape[i], &t->n))
            return fail_tensor(err, path, t->name, "\"shape\": the number of elements overflows");
    }
    return VS_OK;
}

static vs_status read_offsets(size_t range[2], const json_t *offsets, const vs_st_tensor *t,
                              const char *path, vs_error *err)
{
    if (!json_is_array(offsets) || json_array_size(offsets) != 2)
        return fail_tensor(err, path, t->name,
                           "\"data_offsets\": expected an array of two integers");
    for (size_t i = 0; i < 2; i++) {
        const json_t *at = json_array_get(offsets, i);
        if (!json_is_integer(at) || json_integer_value(at) < 0)
            return fail_tensor(err, path, t->name,
                               "\"data_offsets\": expected two integers of 0 or more");
        range[i] = (size_t)json_integer_value(at);
    }
    return VS_OK;
}

/* One member of the header. data: where the file's data begins, n_data bytes of it. */
static vs_status read_tensor(vs_st_tensor *t, const char *name, const json_t *info,
                             const unsigned char *data, size_t n_data, const char *path,
                             vs_error *err)
{
    const json_t *dtype = json_object_get(info, "dtype");
    size_t range[2] = {0}, bits, expected;

    t->name = vs_strdup_n(name, strlen(name));
    if (!t->name) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    if (!json_is_object(info)) return fail_tensor(err, path, name, "expected an object");
    bits = json_is_string(dtype) ? dtype_bits(json_string_value(dtype)) : 0;
    if (bits == 0)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%.120s\": \"dtype\": found %.40s, which is no known dtype",
                       path, name,
                       json_is_string(dtype) ? json_string_value(dtype) : vs_json_kind(dtype));
    snprintf(t->dtype, sizeof t->dtype, "%s", json_string_value(dtype));
    VS_TRY(read_shape(t, json_object_get(info, "shape"), path, err));
    VS_TRY(read_offsets(range, json_object_get(info, "data_offsets"), t, path, err));
    if (__builtin_mul_overflow(t->n, bits, &expected) || expected % 8 != 0)
        return fail_tensor(err, path, name,
                           "\"shape\": the number of bytes overflows or is not whole");
    expected /= 8;
    if (range[1] < range[0] || range[1] - range[0] != expected)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%.120s\": \"data_offsets\": found [%zu, %zu], expected %zu "
                       "bytes as the shape needs",
                       path, name, range[0], range[1], expected);
    if (range[1] > n_data)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%.120s\": ends at byte %zu of the data, which has %zu", path,
                       name, range[1], n_data);
    t->data = data + range[0];
    t->n_bytes = expected;
    return VS_OK;
}

static vs_status check_metadata(const json_t *metadata, const char *path, vs_error *err)
{
    const char *key;
    const json_t *value;

    if (!json_is_object(metadata))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"__metadata__\": found %s, expected an object", path,
                       vs_json_kind(metadata));
    for (void *at = json_object_iter((json_t *)(uintptr_t)metadata); at;
         at = json_object_iter_next((json_t *)(uintptr_t)metadata, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        if (!json_is_string(value))
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: \"__metadata__\": \"%.100s\": found %s, expected a string", path,
                           key, vs_json_kind(value));
    }
    return VS_OK;
}

/* By place in the file; empty tensors come before what begins where they lie. */
static int compare_place(const void *a, const void *b)
{
    const vs_st_tensor *x = a, *y = b;

    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    if (x->n_bytes != y->n_bytes) return x->n_bytes < y->n_bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_name(const void *a, const void *b)
{
    const vs_st_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* The tensors, in file order, must cover the data from its first to its last byte. */
static vs_status check_cover(const vs_safetensors *s, const unsigned char *data, size_t n_data,
                             const char *path, vs_error *err)
{
    size_t covered = 0;

    for (size_t i = 0; i < s->n; i++) {
        const size_t start = (size_t)(s->tensors[i].data - data);
        if (start != covered)
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: tensor \"%.120s\": begins at byte %zu of the data, expected %zu: a "
                           "hole or an overlap",
                           path, s->tensors[i].name, start, covered);
        covered += s->tensors[i].n_bytes;
    }
    if (covered != n_data)
        return VS_FAIL(err, VS_E_FORMAT, "%s: %zu bytes of data, the tensors need %zu", path,
                       n_data, covered);
    return VS_OK;
}

static vs_status read_tensors(vs_safetensors *s, json_t *header, size_t data_at, const char *path,
                              vs_error *err)
{
    const unsigned char *data = s->map.data + data_at;
    const size_t n_data = s->map.len - data_at;
    const char *name;
    json_t *info;

    if (!json_is_object(header))
        return VS_FAIL(err, VS_E_FORMAT, "%s: header: found %s, expected an object", path,
                       vs_json_kind(header));
    s->tensors = vs_alloc(json_object_size(header), sizeof *s->tensors);
    s->by_name = vs_alloc(json_object_size(header), sizeof(vs_st_tensor *));
    if (!s->tensors || !s->by_name) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    json_object_foreach(header, name, info)
    {
        if (strcmp(name, "__metadata__") == 0) {
            VS_TRY(check_metadata(info, path, err));
            continue;
        }
        s->n++; /* before reading, so that closing frees the name */
        VS_TRY(read_tensor(&s->tensors[s->n - 1], name, info, data, n_data, path, err));
    }
    if (s->n) qsort(s->tensors, s->n, sizeof *s->tensors, compare_place);
    for (size_t i = 0; i < s->n; i++) s->by_name[i] = &s->tensors[i];
    if (s->n) qsort(s->by_name, s->n, sizeof(vs_st_tensor *), compare_name);
    return check_cover(s, data, n_data, path, err);
}

vs_status vs_safetensors_open(vs_safetensors **out, const char *path, vs_error *err)
{
    vs_status st;
    size_t data_at = 0;
    json_t *header = NULL;
    vs_safetensors *s = vs_alloc(1, sizeof *s);

    if (!s) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    VS_CHECK(vs_map_open(&s->map, path, err));
    VS_CHECK(read_header(&header, &data_at, &s->map, path, err));
    VS_CHECK(read_tensors(s, header, data_at, path, err));
    *out = s;
    s = NULL;
done:
    json_decref(header);
    vs_safetensors_close(s);
    return st;
}

void vs_safetensors_close(vs_safetensors *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n; i++) free(s->tensors[i].name);
    free(s->tensors);
    free(s->by_name);
    vs_map_close(&s->map);
    free(s);
}

bool vs_safetensors_rename(vs_safetensors *s, const char *from, const char *to)
{
    const size_t len = strlen(from);

    for (size_t i = 0; i < s->n; i++) {
        char *name = s->tensors[i].name;

        if (strncmp(name, from, len) != 0) continue;
        s->tensors[i].name = vs_format("%s%s", to, name + len);
        if (!s->tensors[i].name) {
            s->tensors[i].name = name;
            return false;
        }
        free(name);
    }
    if (s->n) qsort(s->by_name, s->n, sizeof(vs_st_tensor *), compare_name);
    return true;
}

size_t vs_safetensors_count(const vs_safetensors *s)
{
    return s->n;
}

const vs_st_tensor *vs_safetensors_at(const vs_safetensors *s, size_t i)
{
    return &s->tensors[i];
}

const vs_st_tensor *vs_safetensors_find(const vs_safetensors *s, const char *name)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(s->by_name[middle]->name, name);
        if (order == 0) return s->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static uint16_t read_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

vs_status vs_st_to_f32(float *out, const vs_st_tensor *t, const char *path, vs_error *err)
{
    if (strcmp(t->dtype, "F32") == 0) {
        for (size_t i = 0; i < t->n; i++) out[i] = vs_f32_of_bits(read_u32(t->data + 4 * i));
    } else if (strcmp(t->dtype, "BF16") == 0) {
        for (size_t i = 0; i < t->n; i++) out[i] = vs_f32_of_bf16(read_u16(t->data + 2 * i));
    } else if (strcmp(t->dtype, "F16") == 0) {
        for (size_t i = 0; i < t->n; i++) out[i] = vs_f32_of_f16(read_u16(t->data + 2 * i));
    } else {
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%.120s\": \"dtype\": found %s, expected F32, BF16 or F16",
                       path, t->name, t->dtype);
    }
    return VS_OK;
}
