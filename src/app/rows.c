/* rows.c - a stream of rows of which some may be bad. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/stop.h"

enum { MAX_WAITING = 1024 };

/* The line of a bad row that waits for those of the rows kept before it. */
typedef struct waiting {
    size_t n_before; /* rows kept in this batch before it */
    size_t end;      /* of vs_row_run.text */
} waiting;

struct vs_row_run {
    const vs_row_stream *stream;
    vs_jsonl *file;
    size_t n_kept, n_rows, n_bad; /* of this batch; of the input */
    vs_error first;               /* bad row's */
    waiting *item;
    size_t n_items, cap_items, next; /* next: the first item that is not written */
    vs_buf text;                     /* their lines */
};

vs_status vs_row_id(char **out, const json_t *row, const char *where, vs_error *err)
{
    const json_t *id = json_object_get(row, "id");
    const bool is_missing = !id || json_is_null(id);

    if (!is_missing && !json_is_string(id) && !json_is_number(id))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"id\": found %s, expected a string or a number",
                       where, vs_json_kind(id));
    *out = is_missing ? vs_format("%s", strrchr(where, ':') + 1)
                      : json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!*out) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    return VS_OK;
}

/* Whether an error is the row's own, so that the next one can be read. */
static bool is_rows_own(vs_status st)
{
    return st == VS_E_FORMAT || st == VS_E_INPUT || st == VS_E_LIMIT;
}

/* Appends the error object of a row. row NULL: it is no JSON. */
static vs_status put_error(vs_buf *b, const json_t *row, const char *where, const char *text,
                           vs_error *err)
{
    char *id = NULL;

    if (vs_row_id(&id, row, where, NULL) != VS_OK) /* an id that is none: the line's number */
        VS_TRY(vs_row_id(&id, NULL, where, err));
    vs_buf_printf(b, "{\"id\":%s,\"error\":", id);
    vs_buf_json_str(b, text, strlen(text));
    vs_buf_str(b, "}");
    free(id);
    return vs_buf_ok(b, "output line", err);
}

/* Counts a bad row, if the stream may go on after it. */
static vs_status count_bad(vs_row_run *r, const vs_error *cause, vs_error *err)
{
    if (r->stream->is_strict || !is_rows_own(cause->code))
        return VS_FAIL(err, cause->code, "%s", cause->text);
    if (r->n_bad++ == 0) r->first = *cause;
    return VS_OK;
}

vs_status vs_rows_refuse(vs_row_run *r, const json_t *row, const char *where, const vs_error *cause,
                         vs_error *err)
{
    vs_buf line = {0};
    vs_status st;

    VS_CHECK(count_bad(r, cause, err));
    VS_CHECK(put_error(&line, row, where, cause->text, err));
    st = vs_out_line(&line, err);
done:
    vs_buf_free(&line);
    return st;
}

/* A bad row waits for its turn. */
static vs_status put_off(vs_row_run *r, const json_t *row, const char *where, const vs_error *cause,
                         vs_error *err)
{
    VS_TRY(count_bad(r, cause, err));
    if (r->stream->end) return VS_OK;
    VS_TRY(put_error(&r->text, row, where, cause->text, err));
    vs_buf_str(&r->text, "\n");
    VS_TRY(vs_buf_ok(&r->text, "output line", err));
    if (!vs_grow(&r->item, &r->cap_items, r->n_items + 1, sizeof *r->item))
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    r->item[r->n_items++] = (waiting){r->n_kept, r->text.len};
    return VS_OK;
}

vs_status vs_rows_turn(vs_row_run *r, size_t i, vs_error *err)
{
    const size_t begin = r->next ? r->item[r->next - 1].end : 0;
    size_t end = begin;

    while (r->next < r->n_items && r->item[r->next].n_before <= i) end = r->item[r->next++].end;
    if (end > begin && fwrite(r->text.data + begin, 1, end - begin, stdout) != end - begin)
        return VS_FAIL(err, VS_E_IO, "standard output cannot be written");
    return VS_OK;
}

/* Reads one row and keeps it, or what is wrong with it. */
static vs_status take_row(bool *is_end, vs_row_run *r, vs_error *err)
{
    const vs_row_stream *s = r->stream;
    const char *where = vs_jsonl_where(r->file);
    vs_error cause = {.code = VS_OK};
    json_t *row = NULL;
    vs_status st = vs_jsonl_next(r->file, &row, &cause);

    *is_end = st == VS_OK && !row;
    if (*is_end) return VS_OK;
    r->n_rows++;
    if (st == VS_OK) st = s->add(s->ctx, row, where, &cause);
    if (st == VS_OK)
        r->n_kept++;
    else
        st = put_off(r, row, where, &cause, err);
    json_decref(row);
    return st;
}

/* Rows until the batch is full or the input ends. Who asks row by row has an answer at once, also to
 * a bad row. */
static vs_status fill_batch(bool *is_end, vs_row_run *r, vs_error *err)
{
    const vs_row_stream *s = r->stream;

    while (!*is_end && !s->is_full(s->ctx) && r->n_items < MAX_WAITING) {
        VS_TRY(take_row(is_end, r, err));
        if (r->n_kept == 0 && r->next < r->n_items) {
            VS_TRY(vs_rows_turn(r, 0, err));
            fflush(stdout); /* main finds what could not be written */
        }
    }
    return VS_OK;
}

/* The lines of a batch. After an error (err NULL) what was read before it is still answered. */
static vs_status flush_batch(vs_row_run *r, vs_error *err)
{
    VS_TRY(r->stream->flush(r->stream->ctx, r, err));
    VS_TRY(vs_rows_turn(r, SIZE_MAX, err));
    r->n_kept = r->n_items = r->next = 0;
    vs_buf_clear(&r->text);
    return VS_OK;
}

static vs_status run(vs_row_run *r, vs_error *err)
{
    const vs_row_stream *s = r->stream;
    bool is_end = false;

    while (!is_end) {
        const vs_status st = fill_batch(&is_end, r, err);
        const vs_status flushed = flush_batch(r, st == VS_OK ? err : NULL);
        if (st != VS_OK) return st;
        VS_TRY(flushed);
        if (!is_end && vs_stop_wanted())
            return VS_FAIL(err, VS_E_STOPPED, "stopped after %s", vs_jsonl_where(r->file));
    }
    const vs_status st = s->end ? s->end(s->ctx, r->n_bad, err) : VS_OK;
    if (r->n_bad == 0 || (st != VS_OK && !is_rows_own(st))) return st;
    return VS_FAIL(err, r->first.code, "bad rows: %zu of %zu, the first: %s", r->n_bad, r->n_rows,
                   r->first.text);
}

vs_status vs_rows_run(const char *path, const vs_row_stream *s, vs_error *err)
{
    vs_row_run r = {.stream = s};
    vs_status st;

    VS_TRY(vs_jsonl_open(&r.file, path, err));
    if (s->is_mended) vs_jsonl_mend(r.file);
    st = run(&r, err);
    vs_jsonl_close(r.file);
    vs_buf_free(&r.text);
    free(r.item);
    return st;
}
