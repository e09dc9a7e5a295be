/* io.c - members of rows in, lines out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

vs_status vs_out_line(vs_buf *line, vs_error *err)
{
    vs_buf_add(line, "\n", 1);
    VS_TRY(vs_buf_ok(line, "output line", err));
    if (fwrite(line->data, 1, line->len, stdout) != line->len)
        return VS_FAIL(err, VS_E_IO, "standard output cannot be written");
    vs_buf_clear(line);
    return VS_OK;
}

void vs_out_ids(vs_buf *line, const int32_t *ids, size_t n)
{
    vs_buf_str(line, "[");
    for (size_t i = 0; i < n; i++) vs_buf_printf(line, i ? ",%d" : "%d", ids[i]);
    vs_buf_str(line, "]");
}

void vs_out_f32(vs_buf *line, float x)
{
    if (isfinite(x))
        vs_buf_printf(line, "%.9g", (double)x);
    else
        vs_buf_str(line, "null");
}

void vs_out_f64(vs_buf *line, double x)
{
    if (isfinite(x))
        vs_buf_printf(line, "%.17g", x);
    else
        vs_buf_str(line, "null");
}

void vs_out_f32s(vs_buf *line, const float *x, size_t n)
{
    vs_buf_str(line, "[");
    for (size_t i = 0; i < n; i++) {
        if (i) vs_buf_str(line, ",");
        vs_out_f32(line, x[i]);
    }
    vs_buf_str(line, "]");
}

vs_status vs_tokenizer_try(vs_tokenizer **out, const char *dir, vs_error *err)
{
    char *path = vs_format("%s/tokenizer.json", dir);
    vs_status st = VS_OK;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
    *out = NULL;
    if (vs_file_exists(path)) st = vs_tokenizer_open(out, path, err);
    free(path);
    return st;
}

static vs_status ids_from_list(vs_ids *out, const vs_row_reader *r, const json_t *list,
                               const char *what, const char *where, vs_error *err)
{
    const size_t n_vocab = r->config ? r->config->n_vocab : vs_tokenizer_size(r->tokenizer);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v))
            return VS_FAIL(err, VS_E_FORMAT, "%s: %s[%zu]: found %s, expected a token id", where,
                           what, i, vs_json_kind(v));
        const json_int_t id = json_integer_value(v);
        if (id < 0 || (unsigned long long)id >= n_vocab)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: %s[%zu]: token id %lld is not in the vocabulary of %zu", where,
                           what, i, (long long)id, n_vocab);
        VS_TRY(vs_ids_add(out, (int32_t)id, err));
    }
    return VS_OK;
}

static vs_status ids_from_text(vs_ids *out, const vs_row_reader *r, const json_t *text,
                               vs_text_use use, const char *what, const char *where, vs_error *err)
{
    if (!r->tokenizer)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: %s is text, and the model folder has no tokenizer.json; give ids",
                       where, what);
    const vs_status st = vs_encode(out, r->tokenizer, json_string_value(text),
                                   json_string_length(text), use == VS_TEXT_PROMPT, err);
    if (st != VS_OK) return err ? VS_FAIL(err, st, "%s: \"%s\": %s", where, what, err->text) : st;
    if (use != VS_TEXT_SOLUTION) return VS_OK;
    if (r->config->n_eos == 0)
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: %s is text, which the end token closes, and config.json has no eos_token_id",
            where, what);
    return vs_ids_add(out, r->config->eos_ids[0], err);
}

vs_status vs_row_tokens(vs_ids *out, const vs_row_reader *r, const json_t *value, vs_text_use use,
                        const char *what, const char *where, vs_error *err)
{
    if (json_is_string(value)) return ids_from_text(out, r, value, use, what, where, err);
    if (json_is_array(value)) return ids_from_list(out, r, value, what, where, err);
    return VS_FAIL(err, VS_E_FORMAT, "%s: %s: found %s, expected a string or a list of token ids",
                   where, what, vs_json_kind(value));
}

vs_status vs_row_member(vs_ids *out, const vs_row_reader *r, const json_t *row, const char *key,
                        vs_text_use use, const char *where, vs_error *err)
{
    char ids_key[32];
    const json_t *text = json_object_get(row, key), *ids;

    snprintf(ids_key, sizeof ids_key, "%s_ids", key);
    ids = json_object_get(row, ids_key);
    if (!json_is_object(row))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", where,
                       vs_json_kind(row));
    if (text && ids)
        return VS_FAIL(err, VS_E_FORMAT, "%s: both \"%s\" and \"%s\" are given; give one", where,
                       key, ids_key);
    if (!text && !ids)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\" (or \"%s\") is missing", where, key, ids_key);
    if (text && !json_is_string(text))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a string", where, key,
                       vs_json_kind(text));
    if (ids && !json_is_array(ids))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a list of token ids",
                       where, ids_key, vs_json_kind(ids));
    return vs_row_tokens(out, r, text ? text : ids, use, text ? key : ids_key, where, err);
}
