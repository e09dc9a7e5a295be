#include "flow/problems/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void line_free(line_problem *p)
{
    free(p->where);
    free(p->key);
    free(p->question);
    free(p->gold);
    free(p->folded);
    free(p->reference);
    *p = (line_problem){0};
}

void lines_free(line_problems *p)
{
    for (size_t i = 0; i < p->n; i++) line_free(&p->item[i]);
    free(p->item);
    *p = (line_problems){0};
}

/* malloc'd; NULL: out of memory. */
static char *folded(const char *text)
{
    vs_buf b = {0};
    char *copy;

    rows_fold(&b, text);
    copy = b.failed ? NULL : vs_strdup_n(b.data ? b.data : "", b.len);
    vs_buf_free(&b);
    return copy;
}

/* Moves the row's texts into *p, which the caller frees also after an error. */
static vs_status take_row(line_problem *p, vs_problem_row *row, const char *where, const char *role,
                          vs_error *err)
{
    p->where = vs_strdup_n(where, strlen(where));
    p->key = row->id ? row->id : vs_format("%s-%s", role ? role : "row", strrchr(where, ':') + 1);
    p->question = row->question;
    p->gold = row->gold;
    p->reference = row->reference;
    *row = (vs_problem_row){0};
    p->folded = folded(p->question);
    if (!p->where || !p->key || !p->folded)
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    return VS_OK;
}

static vs_status add_row(line_problems *out, const json_t *json, const char *where,
                         const char *role, const rows_source *source, vs_error *err)
{
    vs_problem_row row = {0};
    line_problem p = {0};
    vs_status st;

    if (out->n == VS_PROBLEMS_MAX)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more problems than the limit of %d", where,
                       VS_PROBLEMS_MAX);
    VS_CHECK(vs_problem_row_read(&row, source->name, json, where, err));
    out->n_without_answer += row.has_no_answer;
    if (row.has_no_answer || (role && source->has_splits && !rows_takes(&row, role))) goto done;
    VS_CHECK(take_row(&p, &row, where, role, err));
    if (!vs_grow(&out->item, &out->cap, out->n + 1, sizeof *out->item)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    out->item[out->n++] = p;
    p = (line_problem){0};
done:
    vs_problem_row_free(&row);
    line_free(&p);
    return st;
}

static vs_status read_lines(line_problems *out, const char *path, const char *role,
                            const rows_source *source, vs_error *err)
{
    vs_jsonl *file = NULL;
    json_t *value = NULL;
    vs_status st;

    VS_TRY(vs_jsonl_open(&file, path, err));
    for (;;) {
        VS_CHECK(vs_jsonl_next(file, &value, err));
        if (!value) break;
        VS_CHECK(add_row(out, value, vs_jsonl_where(file), role, source, err));
        json_decref(value);
        value = NULL;
    }
done:
    json_decref(value);
    vs_jsonl_close(file);
    return st;
}

static vs_status read_array(line_problems *out, const char *path, const char *role,
                            const rows_source *source, vs_error *err)
{
    json_t *all = NULL;
    vs_status st;

    VS_TRY(vs_json_read(&all, path, err));
    st = json_is_array(all)
             ? VS_OK
             : VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an array of problems", path,
                       vs_json_kind(all));
    for (size_t i = 0; st == VS_OK && i < json_array_size(all); i++) {
        char *where = vs_format("%s:%zu", path, i + 1);
        st = where ? add_row(out, json_array_get(all, i), where, role, source, err)
                   : VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
        free(where);
    }
    json_decref(all);
    return st;
}

vs_status lines_read(line_problems *out, const char *path, const char *role,
                     const rows_source *source, vs_error *err)
{
    const size_t len = strlen(path);
    const bool is_array = len > 5 && strcmp(path + len - 5, ".json") == 0;
    line_problems read = {0};
    vs_status st;

    VS_CHECK(is_array ? read_array(&read, path, role, source, err)
                      : read_lines(&read, path, role, source, err));
    if (read.n == 0) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: found no problems, expected %s", path, source->expected);
        goto done;
    }
    *out = read;
    read = (line_problems){0};
done:
    lines_free(&read);
    return st;
}
