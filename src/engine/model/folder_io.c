#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

vs_status vs_folder_json(json_t **out, char **path, const char *dir, const char *name,
                         size_t max_bytes, vs_error *err)
{
    vs_status st;
    char *text = NULL;
    size_t len = 0;
    json_t *value = NULL;

    *path = vs_format("%s/%s", dir, name);
    if (!*path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_file_read(&text, &len, *path, max_bytes, err));
    VS_CHECK(vs_json_parse(&value, text, len, *path, err));
    if (!json_is_object(value)) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", *path,
                     vs_json_kind(value));
        goto done;
    }
    *out = value;
    value = NULL;
done:
    json_decref(value);
    free(text);
    return st;
}

vs_status vs_folder_write(const char *dir, const char *name, const vs_buf *text, vs_error *err)
{
    vs_status st;
    char *path = vs_format("%s/%s", dir, name);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_buf_ok(text, path, err));
    st = vs_file_replace(path, text->data, text->len, err);
done:
    free(path);
    return st;
}

/* Takes path over in either case. */
static vs_status add_path(vs_tensor_files *f, char *path, vs_error *err)
{
    size_t files_cap = f->n, paths_cap = f->n;
    vs_safetensors *file = NULL;
    vs_status st;

    VS_CHECK(vs_safetensors_open(&file, path, err));
    if (!vs_grow(&f->files, &files_cap, f->n + 1, sizeof(vs_safetensors *)) ||
        !vs_grow(&f->paths, &paths_cap, f->n + 1, sizeof(char *))) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    f->files[f->n] = file;
    f->paths[f->n++] = path;
    file = NULL;
    path = NULL;
done:
    vs_safetensors_close(file);
    free(path);
    return st;
}

vs_status vs_tensor_files_add(size_t *index, vs_tensor_files *f, const char *dir, const char *name,
                              vs_error *err)
{
    char *path = vs_format("%s/%s", dir, name);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->paths[i], path) == 0) {
            free(path);
            *index = i;
            return VS_OK;
        }
    *index = f->n;
    return add_path(f, path, err);
}

void vs_tensor_files_close(vs_tensor_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        vs_safetensors_close(f->files[i]);
        free(f->paths[i]);
    }
    free(f->files);
    free(f->paths);
    *f = (vs_tensor_files){0};
}

vs_status vs_tensor_files_rename(vs_tensor_files *f, const char *from, const char *to,
                                 vs_error *err)
{
    for (size_t i = 0; i < f->n; i++)
        if (!vs_safetensors_rename(f->files[i], from, to))
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", f->paths[i]);
    return VS_OK;
}

const vs_st_tensor *vs_tensor_files_find(size_t *index, const vs_tensor_files *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        const vs_st_tensor *t = vs_safetensors_find(f->files[i], name);
        if (!t) continue;
        if (index) *index = i;
        return t;
    }
    return NULL;
}

enum { SHAPE_CHARS = 8 * 22 };

/* "[64, 172]" */
static void shape_text(char text[SHAPE_CHARS], const size_t *shape, size_t n_dims)
{
    size_t at = 0;

    for (size_t i = 0; i < n_dims; i++)
        at += (size_t)snprintf(text + at, SHAPE_CHARS - at, "%s%zu", i ? ", " : "[", shape[i]);
    snprintf(text + at, SHAPE_CHARS - at, n_dims ? "]" : "[]");
}

static vs_status check_tensor(const vs_tensor *want, const vs_tensor_files *f, const char *where,
                              vs_error *err)
{
    const size_t shape[2] = {want->rows, want->cols};
    const size_t *expected_shape = want->is_vector ? shape + 1 : shape,
                 n_dims = want->is_vector ? 1 : 2;
    char expected[SHAPE_CHARS], found[SHAPE_CHARS];
    const vs_st_tensor *t;
    size_t file;

    shape_text(expected, expected_shape, n_dims);
    t = vs_tensor_files_find(&file, f, want->name);
    if (!t)
        return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%s\" is missing, expected shape %s", where,
                       want->name, expected);
    if (t->n_dims != n_dims || memcmp(t->shape, expected_shape, n_dims * sizeof *shape) != 0) {
        shape_text(found, t->shape, t->n_dims);
        return VS_FAIL(err, VS_E_FORMAT, "%s: tensor \"%s\": found shape %s, expected %s",
                       f->paths[file], want->name, found, expected);
    }
    return VS_OK;
}

static vs_status check_left_over(const vs_params *p, const vs_tensor_files *f, vs_tensor_skip *skip,
                                 vs_error *err)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < vs_safetensors_count(f->files[i]); j++) {
            const vs_st_tensor *t = vs_safetensors_at(f->files[i], j);
            if (skip && skip(f, t, p)) continue;
            if (!vs_params_find(p, t->name))
                return VS_FAIL(
                    err, VS_E_FORMAT,
                    "%s: tensor \"%.120s\" has no place: the configuration does not ask for it",
                    f->paths[i], t->name);
            if (vs_tensor_files_find(NULL, f, t->name) != t)
                return VS_FAIL(err, VS_E_FORMAT,
                               "%s: tensor \"%s\" is in another of the folder's files too",
                               f->paths[i], t->name);
        }
    return VS_OK;
}

vs_status vs_tensor_files_check(const vs_params *p, const vs_tensor_files *f, vs_tensor_skip *skip,
                                const char *where, vs_error *err)
{
    for (size_t i = 0; i < p->n_tensors; i++) VS_TRY(check_tensor(&p->tensors[i], f, where, err));
    return check_left_over(p, f, skip, err);
}

vs_status vs_tensor_files_fill(void *ctx, float *to, const vs_tensor *want, vs_error *err)
{
    const vs_tensor_files *f = ctx;
    size_t file = 0;
    const vs_st_tensor *t = vs_tensor_files_find(&file, f, want->name);

    assert(t && t->n == want->rows * want->cols);
    VS_TRY(vs_st_to_f32(to, t, f->paths[file], err));
    vs_map_forget(t->data, t->n_bytes);
    for (size_t i = 0; i < t->n; i++)
        if (!isfinite(to[i]))
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: tensor \"%s\": element %zu: found %g, expected a finite number",
                           f->paths[file], t->name, i, (double)to[i]);
    return VS_OK;
}

vs_status vs_tensor_files_load(vs_params *p, vs_tensor_files *f, vs_error *err)
{
    VS_TRY(vs_params_alloc(p, err));
    for (size_t i = 0; i < p->n_tensors; i++)
        VS_TRY(vs_tensor_files_fill(f, p->data + p->tensors[i].offset, &p->tensors[i], err));
    return VS_OK;
}
