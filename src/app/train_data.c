#include "app/train_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"

enum { MAX_ROWS = 1 << 30 };

typedef struct reading {
    vs_train_data *data;
    const vs_row_reader *reader;
} reading;

static vs_status add_solution(reading *r, const json_t *value, const char *what, const char *where,
                              vs_error *err)
{
    vs_ids ids = {0};
    vs_status st;

    VS_CHECK(vs_row_tokens(&ids, r->reader, value, VS_TEXT_SOLUTION, what, where, err));
    VS_CHECK(vs_queue_add_solution(&r->data->rows, ids.id, ids.n, err));
done:
    vs_ids_free(&ids);
    return st;
}

static vs_status add_sft(reading *r, const json_t *row, const char *where, vs_error *err)
{
    vs_ids ids = {0};
    vs_status st;

    VS_CHECK(vs_row_member(&ids, r->reader, row, "completion", VS_TEXT_SOLUTION, where, err));
    VS_CHECK(vs_queue_add_solution(&r->data->rows, ids.id, ids.n, err));
done:
    vs_ids_free(&ids);
    return st;
}

/* "right" and "wrong" are lists of solutions; "chosen" and "rejected" one solution each. */
static vs_status add_side(reading *r, const json_t *row, const char *list_key, const char *one_key,
                          const char *where, vs_error *err)
{
    const json_t *list = json_object_get(row, list_key), *one = json_object_get(row, one_key);
    char what[48];

    const bool may_be_missing = r->data->kind == VS_LOSS_ORM;

    if (may_be_missing && !one && (!list || (json_is_array(list) && json_array_size(list) == 0)))
        return VS_OK;
    if ((list != NULL) == (one != NULL))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s of \"%s\" and \"%s\", expected one of them",
                       where, list ? "both" : "neither", list_key, one_key);
    if (one) return add_solution(r, one, one_key, where, err);
    if (!json_is_array(list) || json_array_size(list) == 0)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"%s\": found %s, expected a list of one or more solutions", where,
                       list_key, json_is_array(list) ? "an empty list" : vs_json_kind(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(what, sizeof what, "%s[%zu]", list_key, i);
        VS_TRY(add_solution(r, json_array_get(list, i), what, where, err));
    }
    return VS_OK;
}

static vs_status add_dpo(reading *r, const json_t *row, const char *where, vs_error *err)
{
    vs_train_data *d = r->data;
    const size_t at = d->rows.n_rows - 1;

    VS_TRY(add_side(r, row, "right", "chosen", where, err));
    if (!vs_grow(&d->n_right, &d->cap_right, at + 1, sizeof *d->n_right))
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    d->n_right[at] = d->rows.row[at].solutions.n;
    VS_TRY(add_side(r, row, "wrong", "rejected", where, err));
    if (d->rows.row[at].solutions.n) return VS_OK;
    return VS_FAIL(err, VS_E_FORMAT, "%s: found no solution, expected \"right\" or \"wrong\" ones",
                   where);
}

static vs_status add_row(reading *r, const json_t *row, const char *where, vs_error *err)
{
    vs_train_data *d = r->data;
    vs_ids prompt = {0};
    vs_status st;

    if (d->rows.n_rows >= MAX_ROWS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more than %d rows", where, (int)MAX_ROWS);
    VS_CHECK(vs_row_member(&prompt, r->reader, row, "prompt", VS_TEXT_PROMPT, where, err));
    VS_CHECK(vs_queue_add_row(&d->rows, prompt.id, prompt.n, err));
    VS_CHECK((d->kind == VS_LOSS_SFT ? add_sft : add_dpo)(r, row, where, err));
    VS_CHECK(vs_queue_check(&d->rows, r->reader->config, where, err));
done:
    vs_ids_free(&prompt);
    return st;
}

vs_status vs_train_data_read(vs_train_data *out, const char *path, vs_loss_kind kind,
                             const vs_row_reader *r, vs_error *err)
{
    vs_train_data d = {.kind = kind};
    reading state = {.data = &d, .reader = r};
    vs_jsonl *rows = NULL;
    json_t *row = NULL;
    vs_status st;

    VS_CHECK(vs_jsonl_open(&rows, path, err));
    for (;;) {
        VS_CHECK(vs_jsonl_next(rows, &row, err));
        if (!row) break;
        VS_CHECK(add_row(&state, row, vs_jsonl_where(rows), err));
        json_decref(row);
        row = NULL;
        if (vs_stop_wanted()) {
            st = VS_FAIL(err, VS_E_STOPPED, "%s: stopped while reading", path);
            goto done;
        }
    }
    if (d.rows.n_rows == 0) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: no rows, expected at least one", path);
        goto done;
    }
    *out = d;
    d = (vs_train_data){0};
done:
    json_decref(row);
    vs_jsonl_close(rows);
    vs_train_data_free(&d);
    return st;
}

void vs_train_data_free(vs_train_data *d)
{
    vs_queue_free(&d->rows);
    free(d->n_right);
    free(d->solutions);
    free(d->row);
    *d = (vs_train_data){0};
}

vs_status vs_train_data_hash(char hex[VS_HASH_HEX], const vs_train_data *d, vs_error *err)
{
    const vs_queue *q = &d->rows;
    vs_hasher *h;

    VS_TRY(vs_hasher_open(&h, err));
    vs_hasher_add(h, q->ids.id, q->ids.n * sizeof *q->ids.id);
    for (size_t i = 0; i < q->n_rows; i++) {
        const uint64_t border[3] = {q->row[i].prompt.n, q->row[i].solutions.n,
                                    d->n_right ? d->n_right[i] : 0};
        vs_hasher_add(h, border, sizeof border);
    }
    for (size_t i = 0; i < q->n_solutions; i++) {
        const uint64_t n = q->solution[i].n;
        vs_hasher_add(h, &n, sizeof n);
    }
    vs_hasher_close(h, hex);
    return VS_OK;
}

vs_status vs_train_data_rows(vs_train_data *d, const vs_config *c, vs_error *err)
{
    const vs_queue *q = &d->rows;

    d->solutions = vs_alloc(q->n_solutions, sizeof *d->solutions);
    d->row = vs_alloc(q->n_rows, sizeof *d->row);
    if (!d->solutions || !d->row)
        return VS_FAIL(err, VS_E_NOMEM, "%zu rows: out of memory", q->n_rows);
    for (size_t i = 0; i < q->n_solutions; i++)
        d->solutions[i] =
            (vs_solution){.ids = q->ids.id + q->solution[i].at, .n = q->solution[i].n};
    for (size_t i = 0; i < q->n_rows; i++) {
        const vs_queue_row *row = &q->row[i];
        d->row[i] = (vs_data_row){.group = {.prompt = q->ids.id + row->prompt.at,
                                            .n_prompt = row->prompt.n,
                                            .solutions = d->solutions + row->solutions.at,
                                            .n_solutions = row->solutions.n},
                                  .n_right = d->n_right ? d->n_right[i] : 0,
                                  .ref_logp = q->logprob ? q->logprob + row->solutions.at : NULL};
        for (size_t k = 0; d->kind == VS_LOSS_ORM && k < row->solutions.n; k++) {
            vs_solution *s = &d->solutions[row->solutions.at + k];
            *s = vs_solution_valued(s, row->prompt.n, c->n_positions);
        }
    }
    return VS_OK;
}
