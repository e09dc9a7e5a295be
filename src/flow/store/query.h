/* query.h - prepared statements of the store: bind, step, read columns, with one place for errors.
 *
 * Ownership: statements are prepared once per store and SQL text, and live as long as the store.
 * Use:       start, bind by number from 1, then vs_query_run, or vs_query_next until it says no
 * row. A failure at start or at a bind is kept and reported by run or next. The SQL text must be a
 * literal: statements are found again by its address. */
#ifndef VS_STORE_QUERY_H
#define VS_STORE_QUERY_H

#include <sqlite3.h>

#include "flow/store/store.h"

enum { VS_STORE_STATEMENTS = 48 };

struct vs_store {
    sqlite3 *db;
    char *path;
    int lock_fd; /* -1: none */
    size_t n_statements;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } statement[VS_STORE_STATEMENTS];
};

typedef struct vs_query {
    vs_store *store;
    sqlite3_stmt *stmt;
    int rc; /* of the first failure, else SQLITE_OK */
} vs_query;

/* The code and the text of what SQLite says of a failure, with the path; doing: "reading samples".
 */
vs_status vs_store_fail(vs_error *err, const vs_store *s, int rc, const char *doing);

vs_query vs_query_start(vs_store *s, const char *sql);
void vs_query_int(vs_query *q, int number, int64_t value);
void vs_query_real(vs_query *q, int number, double value);     /* NAN is stored as NULL */
void vs_query_text(vs_query *q, int number, const char *text); /* NULL is stored as NULL */
/* n words of 32 bits in little-endian order; words NULL is stored as NULL. */
void vs_query_words(vs_query *q, int number, const void *words, size_t n);

/* *row: whether there is one. Resets the statement after the last row and on failure. */
VS_NODISCARD vs_status vs_query_next(vs_query *q, bool *row, const char *doing, vs_error *err);
/* For statements without rows. */
VS_NODISCARD vs_status vs_query_run(vs_query *q, const char *doing, vs_error *err);
void vs_query_end(vs_query *q); /* before the last row was read; q may be ended already */

/* Columns of the current row, counted from 0. Copies are malloc'd. */
VS_NODISCARD vs_status vs_query_get_text(char **out, vs_query *q, int column,
                                         vs_error *err); /* NULL: *out NULL */
VS_NODISCARD vs_status vs_query_get_name(char *out, size_t out_bytes, vs_query *q, int column,
                                         vs_error *err);
/* n words of 32 bits; NULL: *out NULL and *n 0. */
VS_NODISCARD vs_status vs_query_get_words(void **out, size_t *n, vs_query *q, int column,
                                          vs_error *err);
double vs_query_get_real(vs_query *q, int column); /* NULL: NAN */
#endif
