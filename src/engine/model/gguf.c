/* gguf.c - reading the structure of a GGUF file. */
#include "engine/model/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

enum {
    MAX_VALUES = 1 << 16,
    MAX_TENSORS = 1 << 16,
    MAX_NAME_BYTES = VS_TENSOR_NAME - 1, /* of a key or a tensor's name */
    MIN_VALUE_BYTES = 8 + 4 + 1,         /* a key's length, a type, a value */
    MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8,
    DEFAULT_ALIGNMENT = 32,
    MAX_ALIGNMENT = 1 << 20,
    MAX_PARTS = 1024,
};

static const char split_no[] = "split.no";

struct vs_gguf {
    char *path;
    vs_map map;
    vs_gguf_value *values; /* by key */
    size_t n_values;
    vs_gguf_tensor *tensors; /* by name; of all parts */
    size_t n_tensors;
    vs_gguf **parts; /* the other files of a model that is split */
    size_t n_parts;
};

/* What is left to read, and where it is. */
typedef struct cursor {
    const unsigned char *data;
    size_t len, at;
    const char *path;
} cursor;

static uint64_t little_endian(const unsigned char *p, size_t n)
{
    uint64_t x = 0;

    for (size_t i = n; i-- > 0;) x = x << 8 | p[i];
    return x;
}

static vs_status take(const unsigned char **out, cursor *c, uint64_t n, const char *what,
                      vs_error *err)
{
    if (n > c->len - c->at)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: %s at byte %zu: found %zu bytes to the end of the file, expected %llu",
                       c->path, what, c->at, c->len - c->at, (unsigned long long)n);
    *out = c->data + c->at;
    c->at += (size_t)n;
    return VS_OK;
}

static vs_status take_number(uint64_t *out, cursor *c, size_t n_bytes, const char *what,
                             vs_error *err)
{
    const unsigned char *p;

    VS_TRY(take(&p, c, n_bytes, what, err));
    *out = little_endian(p, n_bytes);
    return VS_OK;
}

static vs_status take_text(vs_gguf_text *out, cursor *c, const char *what, vs_error *err)
{
    const unsigned char *p;
    uint64_t len;

    VS_TRY(take_number(&len, c, 8, what, err));
    VS_TRY(take(&p, c, len, what, err));
    *out = (vs_gguf_text){(const char *)p, (size_t)len};
    return VS_OK;
}

/* A key or a tensor's name: what messages print. */
static vs_status take_name(vs_gguf_text *out, cursor *c, const char *what, vs_error *err)
{
    VS_TRY(take_text(out, c, what, err));
    if (out->len > MAX_NAME_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: %s of %zu bytes, the limit is %d", c->path, what,
                       out->len, MAX_NAME_BYTES);
    for (size_t i = 0; i < out->len; i++)
        if (out->text[i] < ' ' || out->text[i] > '~')
            return VS_FAIL(
                err, VS_E_FORMAT,
                "%s: %s before byte %zu: found the byte 0x%02x, expected printable ASCII", c->path,
                what, c->at, (unsigned)(unsigned char)out->text[i]);
    return VS_OK;
}

/* Bytes of one item; 0: a string, which says its own. */
static size_t item_bytes(vs_gguf_type type)
{
    static const unsigned char bytes[VS_GGUF_N_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

    return bytes[type];
}

static vs_status take_type(vs_gguf_type *out, cursor *c, const vs_gguf_text *key, vs_error *err)
{
    uint64_t type;

    VS_TRY(take_number(&type, c, 4, "a value's type", err));
    if (type >= VS_GGUF_N_TYPES)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%.*s\": found value type %llu, expected 0 to %d",
                       c->path, (int)key->len, key->text, (unsigned long long)type,
                       VS_GGUF_N_TYPES - 1);
    *out = (vs_gguf_type)type;
    return VS_OK;
}

static vs_status take_items(vs_gguf_value *v, cursor *c, uint64_t n, vs_error *err)
{
    const size_t bytes = item_bytes(v->type);
    const unsigned char *p = c->data + c->at;
    vs_gguf_text text;

    if (n > c->len - c->at)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%.*s\": %llu items do not fit into the file",
                       c->path, (int)v->key.len, v->key.text, (unsigned long long)n);
    if (bytes)
        VS_TRY(take(&p, c, n * bytes, "a value", err));
    else
        for (uint64_t i = 0; i < n; i++) VS_TRY(take_text(&text, c, "a string", err));
    v->n = (size_t)n;
    v->data = p;
    return VS_OK;
}

static vs_status take_value(vs_gguf_value *v, cursor *c, vs_error *err)
{
    uint64_t n = 1;

    VS_TRY(take_name(&v->key, c, "a key", err));
    VS_TRY(take_type(&v->type, c, &v->key, err));
    v->is_array = v->type == VS_GGUF_ARRAY;
    if (v->is_array) {
        VS_TRY(take_type(&v->type, c, &v->key, err));
        if (v->type == VS_GGUF_ARRAY)
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: \"%.*s\": found an array of arrays (not supported)", c->path,
                           (int)v->key.len, v->key.text);
        VS_TRY(take_number(&n, c, 8, "an array's length", err));
    }
    return take_items(v, c, n, err);
}

static vs_status fail_block(const vs_gguf_tensor *t, const cursor *c, vs_error *err)
{
    vs_buf text = {0};

    vs_gguf_type_text(&text, t->type);
    const vs_status st = VS_FAIL(err, VS_E_INPUT, "%s: tensor \"%s\": found %s", c->path, t->name,
                                 text.data ? text.data : "a type that is not supported");
    vs_buf_free(&text);
    return st;
}

/* Name, shape, type and offset; the data's place is checked when the data's begin is known. */
static vs_status take_tensor(vs_gguf_tensor *t, uint64_t *offset, cursor *c, vs_error *err)
{
    vs_gguf_text name;
    uint64_t n_dims, dim, type;
    size_t per_block, block_bytes;

    VS_TRY(take_name(&name, c, "a tensor's name", err));
    memcpy(t->name, name.text, name.len);
    VS_TRY(take_number(&n_dims, c, 4, t->name, err));
    if (n_dims == 0 || n_dims > VS_GGUF_MAX_DIMS)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%s\": found %llu dimensions, expected 1 to %d", c->path,
                       t->name, (unsigned long long)n_dims, VS_GGUF_MAX_DIMS);
    t->n_dims = (size_t)n_dims;
    t->n = 1;
    for (size_t i = 0; i < t->n_dims; i++) {
        VS_TRY(take_number(&dim, c, 8, t->name, err));
        t->dims[i] = (size_t)dim;
        if (dim == 0 || __builtin_mul_overflow(t->n, t->dims[i], &t->n))
            return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%s\": dimension %zu is %llu", c->path,
                           t->name, i, (unsigned long long)dim);
    }
    VS_TRY(take_number(&type, c, 4, t->name, err));
    t->type = (uint32_t)type;
    if (!vs_gguf_block(&per_block, &block_bytes, t->type)) return fail_block(t, c, err);
    if (t->dims[0] % per_block != 0 ||
        __builtin_mul_overflow(t->n / per_block, block_bytes, &t->n_bytes))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%s\": rows of %zu elements, expected a multiple of %zu",
                       c->path, t->name, t->dims[0], per_block);
    return take_number(offset, c, 8, t->name, err);
}

static vs_status place_tensor(vs_gguf_tensor *t, uint64_t offset, const cursor *c, size_t begin,
                              vs_error *err)
{
    const size_t room = begin < c->len ? c->len - begin : 0;

    if (offset > room || t->n_bytes > room - offset)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: tensor \"%s\": %zu bytes at %llu of the data, which has %zu: the file "
                       "is cut off",
                       c->path, t->name, t->n_bytes, (unsigned long long)offset, room);
    t->data = c->data + begin + offset;
    return VS_OK;
}

static vs_status take_counts(vs_gguf *g, cursor *c, vs_error *err)
{
    const unsigned char *magic;
    uint64_t version, n_tensors, n_values;

    VS_TRY(take(&magic, c, 4, "the magic", err));
    if (memcmp(magic, "GGUF", 4) != 0)
        return VS_FAIL(err, VS_E_FORMAT, "%s: found no \"GGUF\" at the beginning: not a GGUF file",
                       c->path);
    VS_TRY(take_number(&version, c, 4, "the version", err));
    if (version != 2 && version != 3)
        return VS_FAIL(err, VS_E_INPUT, "%s: found GGUF version %llu%s, expected 2 or 3", c->path,
                       (unsigned long long)version,
                       version & 0xFFFF ? "" : " (the file is big-endian)");
    VS_TRY(take_number(&n_tensors, c, 8, "the number of tensors", err));
    VS_TRY(take_number(&n_values, c, 8, "the number of values", err));
    if (n_tensors > MAX_TENSORS || n_values > MAX_VALUES || n_tensors > c->len / MIN_TENSOR_BYTES ||
        n_values > c->len / MIN_VALUE_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: %llu tensors and %llu values in %zu bytes", c->path,
                       (unsigned long long)n_tensors, (unsigned long long)n_values, c->len);
    g->n_tensors = (size_t)n_tensors;
    g->n_values = (size_t)n_values;
    g->values = vs_alloc(g->n_values + 1, sizeof *g->values);
    g->tensors = vs_alloc(g->n_tensors + 1, sizeof *g->tensors);
    if (!g->values || !g->tensors) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", c->path);
    return VS_OK;
}

static int compare_texts(vs_gguf_text a, vs_gguf_text b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = memcmp(a.text, b.text, len);

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_values(const void *a, const void *b)
{
    return compare_texts(((const vs_gguf_value *)a)->key, ((const vs_gguf_value *)b)->key);
}

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const vs_gguf_tensor *)a)->name, ((const vs_gguf_tensor *)b)->name);
}

static vs_status read_values(vs_gguf *g, cursor *c, vs_error *err)
{
    for (size_t i = 0; i < g->n_values; i++) VS_TRY(take_value(&g->values[i], c, err));
    qsort(g->values, g->n_values, sizeof *g->values, compare_values);
    for (size_t i = 1; i < g->n_values; i++)
        if (compare_values(&g->values[i - 1], &g->values[i]) == 0)
            return VS_FAIL(err, VS_E_FORMAT, "%s: the key \"%.*s\" comes twice", c->path,
                           (int)g->values[i].key.len, g->values[i].key.text);
    return VS_OK;
}

static vs_status read_tensors(vs_gguf *g, cursor *c, vs_error *err)
{
    size_t alignment = DEFAULT_ALIGNMENT;
    uint64_t *offsets = vs_alloc(g->n_tensors + 1, sizeof *offsets);
    vs_status st;

    if (!offsets) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", c->path);
    for (size_t i = 0; i < g->n_tensors; i++)
        VS_CHECK(take_tensor(&g->tensors[i], &offsets[i], c, err));
    VS_CHECK(vs_gguf_opt_size(&alignment, g, "general.alignment", 1, MAX_ALIGNMENT, err));
    for (size_t i = 0; i < g->n_tensors; i++)
        VS_CHECK(place_tensor(&g->tensors[i], offsets[i], c,
                              (c->at + alignment - 1) / alignment * alignment, err));
done:
    free(offsets);
    return st;
}

static vs_status check_tensor_names(const vs_gguf *g, vs_error *err)
{
    qsort(g->tensors, g->n_tensors, sizeof *g->tensors, compare_tensors);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (compare_tensors(&g->tensors[i - 1], &g->tensors[i]) == 0)
            return VS_FAIL(err, VS_E_FORMAT, "%s: the tensor \"%s\" comes twice", g->path,
                           g->tensors[i].name);
    return VS_OK;
}

static vs_status open_one(vs_gguf **out, const char *path, vs_error *err)
{
    vs_status st;
    vs_gguf *g = vs_alloc(1, sizeof *g);

    if (g) g->path = vs_strdup_n(path, strlen(path));
    if (!g || !g->path) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    VS_CHECK(vs_map_open(&g->map, path, err));
    cursor c = {g->map.data, g->map.len, 0, g->path};
    VS_CHECK(take_counts(g, &c, err));
    VS_CHECK(read_values(g, &c, err));
    VS_CHECK(read_tensors(g, &c, err));
    *out = g;
    g = NULL;
done:
    vs_gguf_close(g);
    return st;
}

/* The tensors of part `no` of n join g's. */
static vs_status join_part(vs_gguf *g, size_t no, size_t n, vs_error *err)
{
    const size_t stem = strlen(g->path) - strlen("-00001-of-00001.gguf");
    char *path = vs_format("%.*s-%05zu-of-%05zu.gguf", (int)stem, g->path, no + 1, n);
    size_t cap = g->n_tensors, found = SIZE_MAX;
    vs_gguf *part = NULL;
    vs_status st;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", g->path);
    VS_CHECK(open_one(&part, path, err));
    VS_CHECK(vs_gguf_opt_size(&found, part, split_no, 0, MAX_PARTS, err));
    if (found != no) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": expected %zu: not this model's part %zu", path,
                     split_no, no, no + 1);
        goto done;
    }
    if (!vs_grow(&g->tensors, &cap, g->n_tensors + part->n_tensors, sizeof *g->tensors)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    if (part->n_tensors)
        memcpy(g->tensors + g->n_tensors, part->tensors, part->n_tensors * sizeof *g->tensors);
    g->n_tensors += part->n_tensors;
    g->parts[g->n_parts++] = part;
    part = NULL;
done:
    vs_gguf_close(part);
    free(path);
    return st;
}

/* A model in several files, NAME-00001-of-00003.gguf and so on, is opened by the first, which has the metadata. Source:
 * llama.cpp, tools/gguf-split. */
static vs_status join_parts(vs_gguf *g, vs_error *err)
{
    size_t no = 0, n = 1;
    char ending[48];

    VS_TRY(vs_gguf_opt_size(&n, g, "split.count", 0, MAX_PARTS, err));
    VS_TRY(vs_gguf_opt_size(&no, g, split_no, 0, MAX_PARTS, err));
    if (n <= 1) return VS_OK;
    if (no != 0)
        return VS_FAIL(err, VS_E_INPUT, "%s: part %zu of %zu, expected the first", g->path, no + 1,
                       n);
    snprintf(ending, sizeof ending, "-00001-of-%05zu.gguf", n);
    if (!vs_name_ends(g->path, ending))
        return VS_FAIL(err, VS_E_INPUT, "%s: part 1 of %zu, expected a name that ends in %s",
                       g->path, n, ending);
    g->parts = vs_alloc(n - 1, sizeof(vs_gguf *));
    if (!g->parts) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", g->path);
    for (size_t i = 1; i < n; i++) VS_TRY(join_part(g, i, n, err));
    return VS_OK;
}

vs_status vs_gguf_open(vs_gguf **out, const char *path, vs_error *err)
{
    vs_gguf *g;
    vs_status st;

    VS_TRY(open_one(&g, path, err));
    VS_CHECK(join_parts(g, err));
    VS_CHECK(check_tensor_names(g, err));
    *out = g;
    g = NULL;
done:
    vs_gguf_close(g);
    return st;
}

void vs_gguf_close(vs_gguf *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n_parts; i++) vs_gguf_close(g->parts[i]);
    free(g->parts);
    vs_map_close(&g->map);
    free(g->values);
    free(g->tensors);
    free(g->path);
    free(g);
}

const char *vs_gguf_path(const vs_gguf *g)
{
    return g->path;
}

/* ---- values ---- */

const vs_gguf_value *vs_gguf_find(const vs_gguf *g, const char *key)
{
    const vs_gguf_value wanted = {.key = {key, strlen(key)}};

    return bsearch(&wanted, g->values, g->n_values, sizeof *g->values, compare_values);
}

size_t vs_gguf_n_values(const vs_gguf *g)
{
    return g->n_values;
}

const vs_gguf_value *vs_gguf_value_at(const vs_gguf *g, size_t i)
{
    return &g->values[i];
}

static vs_status fail_kind(const vs_gguf *g, const char *key, const char *expected, vs_error *err)
{
    return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found another type of value, expected %s",
                   g->path, key, expected);
}

static vs_status fail_missing(const vs_gguf *g, const char *key, vs_error *err)
{
    return VS_FAIL(err, VS_E_FORMAT, "%s: missing key \"%s\"", g->path, key);
}

vs_status vs_gguf_opt_size(size_t *out, const vs_gguf *g, const char *key, size_t min, size_t max,
                           vs_error *err)
{
    const vs_gguf_value *v = vs_gguf_find(g, key);
    const size_t bytes = v ? item_bytes(v->type) : 0;
    uint64_t x;

    if (!v) return VS_OK;
    if (v->is_array || bytes == 0 || v->type == VS_GGUF_F32 || v->type == VS_GGUF_F64 ||
        v->type == VS_GGUF_BOOL)
        return fail_kind(g, key, "an integer", err);
    if ((v->type == VS_GGUF_I8 || v->type == VS_GGUF_I16 || v->type == VS_GGUF_I32 ||
         v->type == VS_GGUF_I64) &&
        v->data[bytes - 1] & 0x80)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found a negative number, expected %zu to %zu",
                       g->path, key, min, max);
    x = little_endian(v->data, bytes);
    if (x < min || x > max)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %llu, expected %zu to %zu", g->path,
                       key, (unsigned long long)x, min, max);
    *out = (size_t)x;
    return VS_OK;
}

vs_status vs_gguf_get_size(size_t *out, const vs_gguf *g, const char *key, size_t min, size_t max,
                           vs_error *err)
{
    if (!vs_gguf_find(g, key)) return fail_missing(g, key, err);
    return vs_gguf_opt_size(out, g, key, min, max, err);
}

vs_status vs_gguf_opt_real(double *out, const vs_gguf *g, const char *key, vs_error *err)
{
    const vs_gguf_value *v = vs_gguf_find(g, key);
    double x;

    if (!v) return VS_OK;
    if (v->is_array || (v->type != VS_GGUF_F32 && v->type != VS_GGUF_F64))
        return fail_kind(g, key, "a real number", err);
    if (v->type == VS_GGUF_F32)
        x = (double)vs_gguf_f32_at(v, 0);
    else
        memcpy(&x, v->data, sizeof x);
    if (!isfinite(x))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found no finite number", g->path, key);
    *out = x;
    return VS_OK;
}

vs_status vs_gguf_opt_bool(bool *out, const vs_gguf *g, const char *key, vs_error *err)
{
    const vs_gguf_value *v = vs_gguf_find(g, key);

    if (!v) return VS_OK;
    if (v->is_array || v->type != VS_GGUF_BOOL) return fail_kind(g, key, "true or false", err);
    *out = v->data[0] != 0;
    return VS_OK;
}

vs_status vs_gguf_opt_text(vs_gguf_text *out, const vs_gguf *g, const char *key, vs_error *err)
{
    const vs_gguf_value *v = vs_gguf_find(g, key);
    size_t at = 0;

    if (!v) return VS_OK;
    if (v->is_array || v->type != VS_GGUF_STRING) return fail_kind(g, key, "a string", err);
    *out = vs_gguf_next_text(v, &at);
    return VS_OK;
}

vs_status vs_gguf_get_text(vs_gguf_text *out, const vs_gguf *g, const char *key, vs_error *err)
{
    if (!vs_gguf_find(g, key)) return fail_missing(g, key, err);
    return vs_gguf_opt_text(out, g, key, err);
}

vs_status vs_gguf_get_array(const vs_gguf_value **out, const vs_gguf *g, const char *key,
                            vs_gguf_type type, vs_error *err)
{
    const vs_gguf_value *v = vs_gguf_find(g, key);

    if (!v) return fail_missing(g, key, err);
    if (!v->is_array || v->type != type) return fail_kind(g, key, "an array of its own type", err);
    *out = v;
    return VS_OK;
}

vs_gguf_text vs_gguf_next_text(const vs_gguf_value *v, size_t *at)
{
    const size_t len = (size_t)little_endian(v->data + *at, 8);
    const vs_gguf_text text = {(const char *)v->data + *at + 8, len};

    *at += 8 + len;
    return text;
}

float vs_gguf_f32_at(const vs_gguf_value *v, size_t i)
{
    float x;

    memcpy(&x, v->data + 4 * i, sizeof x);
    return x;
}

int32_t vs_gguf_i32_at(const vs_gguf_value *v, size_t i)
{
    int32_t x;

    memcpy(&x, v->data + 4 * i, sizeof x);
    return x;
}

/* ---- tensors ---- */

size_t vs_gguf_n_tensors(const vs_gguf *g)
{
    return g->n_tensors;
}

const vs_gguf_tensor *vs_gguf_tensor_at(const vs_gguf *g, size_t i)
{
    return &g->tensors[i];
}

const vs_gguf_tensor *vs_gguf_tensor_find(const vs_gguf *g, const char *name)
{
    vs_gguf_tensor wanted = {.n = 0};

    if (strlen(name) >= sizeof wanted.name) return NULL;
    memcpy(wanted.name, name, strlen(name) + 1);
    return bsearch(&wanted, g->tensors, g->n_tensors, sizeof *g->tensors, compare_tensors);
}
