#include "flow/store/query.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static vs_status code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return VS_E_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return VS_E_FORMAT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_MISUSE:
        return VS_E_STATE;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return VS_E_INPUT;
    case SQLITE_TOOBIG:
        return VS_E_LIMIT;
    default:
        return VS_E_IO;
    }
}

vs_status vs_store_fail(vs_error *err, const vs_store *s, int rc, const char *doing)
{
    /* SQLite says that a write failed; why (disk full, a limit, read-only) the failed call left in errno. */
    const int cause = (rc & 0xff) == SQLITE_IOERR ? errno : 0;
    const char *text = sqlite3_errcode(s->db) == rc || sqlite3_extended_errcode(s->db) == rc
                           ? sqlite3_errmsg(s->db)
                           : sqlite3_errstr(rc);

    if ((rc & 0xff) == SQLITE_NOTADB)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: found a file that is not an SQLite database, "
                       "expected a vstar run",
                       s->path);
    if ((rc & 0xff) == SQLITE_CORRUPT)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: %s: found a damaged or truncated database (%s), "
                       "expected a whole one",
                       s->path, doing, text);
    return VS_FAIL(err, code_of(rc), "%s: %s: %s%s%s", s->path, doing, text, cause ? ": " : "",
                   cause ? strerror(cause) : "");
}

static int prepare(sqlite3_stmt **out, vs_store *s, const char *sql)
{
    int rc;

    for (size_t i = 0; i < s->n_statements; i++)
        if (s->statement[i].sql == sql) {
            *out = s->statement[i].stmt;
            return SQLITE_OK;
        }
    assert(s->n_statements < VS_STORE_STATEMENTS);
    rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (rc != SQLITE_OK) return rc;
    s->statement[s->n_statements].sql = sql;
    s->statement[s->n_statements++].stmt = *out;
    return SQLITE_OK;
}

vs_query vs_query_start(vs_store *s, const char *sql)
{
    vs_query q = {.store = s};

    q.rc = prepare(&q.stmt, s, sql);
    assert(q.rc != SQLITE_OK || !sqlite3_stmt_busy(q.stmt));
    return q;
}

static void keep(vs_query *q, int rc)
{
    if (q->rc == SQLITE_OK) q->rc = rc;
}

void vs_query_int(vs_query *q, int number, int64_t value)
{
    if (q->rc == SQLITE_OK) keep(q, sqlite3_bind_int64(q->stmt, number, value));
}

void vs_query_real(vs_query *q, int number, double value)
{
    if (q->rc == SQLITE_OK) keep(q, sqlite3_bind_double(q->stmt, number, value));
}

void vs_query_text(vs_query *q, int number, const char *text)
{
    if (q->rc != SQLITE_OK) return;
    if (!text)
        keep(q, sqlite3_bind_null(q->stmt, number));
    else
        keep(q, sqlite3_bind_text64(q->stmt, number, text, strlen(text), SQLITE_TRANSIENT,
                                    SQLITE_UTF8));
}

void vs_query_words(vs_query *q, int number, const void *words, size_t n)
{
    unsigned char *bytes;

    if (q->rc != SQLITE_OK) return;
    if (!words) {
        keep(q, sqlite3_bind_null(q->stmt, number));
        return;
    }
    bytes = n <= SIZE_MAX / 4 ? sqlite3_malloc64(n * 4 + 1) : NULL;
    if (!bytes) {
        keep(q, SQLITE_NOMEM);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t w;
        memcpy(&w, (const char *)words + 4 * i, 4);
        for (int b = 0; b < 4; b++) bytes[4 * i + (size_t)b] = (unsigned char)(w >> (8 * b));
    }
    keep(q, sqlite3_bind_blob64(q->stmt, number, bytes, n * 4, sqlite3_free));
}

void vs_query_end(vs_query *q)
{
    if (!q->stmt) return;
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
    q->stmt = NULL;
}

vs_status vs_query_next(vs_query *q, bool *row, const char *doing, vs_error *err)
{
    vs_status st = VS_OK;

    *row = false;
    if (q->rc == SQLITE_OK && !q->stmt) return VS_OK;
    if (q->rc == SQLITE_OK) {
        const int rc = sqlite3_step(q->stmt);
        *row = rc == SQLITE_ROW;
        if (*row) return VS_OK;
        if (rc != SQLITE_DONE) q->rc = rc;
    }
    if (q->rc != SQLITE_OK) st = vs_store_fail(err, q->store, q->rc, doing);
    vs_query_end(q);
    return st;
}

vs_status vs_query_run(vs_query *q, const char *doing, vs_error *err)
{
    bool row;
    const vs_status st = vs_query_next(q, &row, doing, err);

    vs_query_end(q);
    return st;
}

vs_status vs_query_get_text(char **out, vs_query *q, int column, vs_error *err)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);

    *out = NULL;
    if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL) return VS_OK;
    if (text) *out = vs_strdup_n(text, (size_t)sqlite3_column_bytes(q->stmt, column));
    return *out ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%s: a text", q->store->path);
}

vs_status vs_query_get_name(char *out, size_t out_bytes, vs_query *q, int column, vs_error *err)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    const size_t len = (size_t)sqlite3_column_bytes(q->stmt, column);

    if (!text) return VS_FAIL(err, VS_E_NOMEM, "%s: a text", q->store->path);
    if (len >= out_bytes)
        return VS_FAIL(err, VS_E_FORMAT, "%s: column %s: found %zu bytes, expected at most %zu",
                       q->store->path, sqlite3_column_name(q->stmt, column), len, out_bytes - 1);
    memcpy(out, text, len);
    out[len] = '\0';
    return VS_OK;
}

vs_status vs_query_get_words(void **out, size_t *n, vs_query *q, int column, vs_error *err)
{
    const unsigned char *bytes = sqlite3_column_blob(q->stmt, column);
    const size_t len = (size_t)sqlite3_column_bytes(q->stmt, column);
    char *words;

    *out = NULL;
    *n = 0;
    if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL) return VS_OK;
    if (len % 4)
        return VS_FAIL(err, VS_E_FORMAT, "%s: column %s: found %zu bytes, expected a multiple of 4",
                       q->store->path, sqlite3_column_name(q->stmt, column), len);
    words = vs_alloc(len / 4, 4);
    if (!words || (len && !bytes)) {
        free(words);
        return VS_FAIL(err, VS_E_NOMEM, "%s: a blob", q->store->path);
    }
    for (size_t i = 0; i < len / 4; i++) {
        const unsigned char *b = bytes + 4 * i;
        const uint32_t w =
            (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(words + 4 * i, &w, 4);
    }
    *out = words;
    *n = len / 4;
    return VS_OK;
}

double vs_query_get_real(vs_query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(q->stmt, column);
}
