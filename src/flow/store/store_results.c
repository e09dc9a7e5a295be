/* store_results.c - what is known about samples and models: labels, scores, metrics, training
 * curves. */
#include "flow/store/query.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

vs_status vs_store_add_label(vs_store *s, const vs_label *l, vs_error *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO labels VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    vs_query q = vs_query_start(s, sql);

    vs_query_int(&q, 1, l->sample_id);
    vs_query_text(&q, 2, l->profile);
    vs_query_int(&q, 3, l->verdict);
    vs_query_text(&q, 4, l->rule);
    vs_query_text(&q, 5, l->extracted);
    vs_query_text(&q, 6, l->normal);
    vs_query_int(&q, 7, (int64_t)l->span_start);
    vs_query_int(&q, 8, (int64_t)l->span_end);
    return vs_query_run(&q, "adding a label", err);
}

vs_status vs_store_profiles(char (*out)[VS_PROFILE_BYTES], size_t cap, size_t *n, vs_store *s,
                            vs_error *err)
{
    static const char sql[] = "SELECT DISTINCT profile FROM labels ORDER BY profile";
    vs_query q = vs_query_start(s, sql);
    bool row = true;

    for (*n = 0; *n < cap; ++*n) {
        VS_TRY(vs_query_next(&q, &row, "reading profiles", err));
        if (!row) return VS_OK;
        VS_TRY(vs_query_get_name(out[*n], VS_PROFILE_BYTES, &q, 0, err));
    }
    vs_query_end(&q);
    return VS_OK;
}

vs_status vs_store_add_execution(vs_store *s, const char *key, int verdict, const char *detail,
                                 vs_error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO executions VALUES (?1, ?2, ?3)";
    vs_query q = vs_query_start(s, sql);

    vs_query_text(&q, 1, key);
    vs_query_int(&q, 2, verdict);
    vs_query_text(&q, 3, detail);
    return vs_query_run(&q, "adding an execution", err);
}

vs_status vs_store_execution(bool *found, int *verdict, char *detail, size_t detail_bytes,
                             vs_store *s, const char *key, vs_error *err)
{
    static const char sql[] = "SELECT verdict, detail FROM executions WHERE key = ?1";
    vs_query q = vs_query_start(s, sql);
    vs_status st;

    vs_query_text(&q, 1, key);
    VS_TRY(vs_query_next(&q, found, "reading an execution", err));
    if (!*found) return VS_OK;
    *verdict = (int)sqlite3_column_int64(q.stmt, 0);
    st = vs_query_get_name(detail, detail_bytes, &q, 1, err);
    vs_query_end(&q);
    return st;
}

vs_status vs_store_add_score(vs_store *s, int64_t sample_id, const char *model, double logprob,
                             vs_error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO scores VALUES (?1, ?2, ?3)";
    vs_query q = vs_query_start(s, sql);

    vs_query_int(&q, 1, sample_id);
    vs_query_text(&q, 2, model);
    vs_query_real(&q, 3, logprob);
    return vs_query_run(&q, "adding a score", err);
}

vs_status vs_store_scores(double *out, vs_store *s, const vs_samples *samples, const char *model,
                          vs_error *err)
{
    static const char sql[] = "SELECT logprob FROM scores WHERE sample_id = ?1 AND model = ?2";

    for (size_t i = 0; i < samples->n; i++) {
        vs_query q = vs_query_start(s, sql);
        bool row;

        vs_query_int(&q, 1, samples->item[i].id);
        vs_query_text(&q, 2, model);
        VS_TRY(vs_query_next(&q, &row, "reading scores", err));
        out[i] = row ? vs_query_get_real(&q, 0) : NAN;
        vs_query_end(&q);
    }
    return VS_OK;
}

vs_status vs_store_add_metric(vs_store *s, const vs_metric *m, vs_error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO metrics VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    vs_query q = vs_query_start(s, sql);

    vs_query_text(&q, 1, m->system);
    vs_query_text(&q, 2, m->curve);
    vs_query_int(&q, 3, m->k);
    vs_query_real(&q, 4, m->value);
    vs_query_real(&q, 5, m->low);
    vs_query_real(&q, 6, m->high);
    vs_query_words(&q, 7, m->each, 2 * m->n_each); /* a double is two words */
    return vs_query_run(&q, "adding a metric", err);
}

vs_status vs_store_metric_each(double **out, size_t *n, vs_store *s, const char *system,
                               const char *curve, uint32_t k, vs_error *err)
{
    static const char sql[] =
        "SELECT each FROM metrics WHERE system = ?1 AND curve = ?2 AND k = ?3";
    vs_query q = vs_query_start(s, sql);
    void *words = NULL;
    vs_status st;
    bool row;

    vs_query_text(&q, 1, system);
    vs_query_text(&q, 2, curve);
    vs_query_int(&q, 3, k);
    VS_TRY(vs_query_next(&q, &row, "reading a metric", err));
    st = row ? vs_query_get_words(&words, n, &q, 0, err) : VS_OK;
    vs_query_end(&q);
    if (st != VS_OK) return st;
    if (!words || *n % 2) {
        free(words);
        return VS_FAIL(err, VS_E_STATE, "%s: has no %s of \"%s\" at k = %u", s->path, curve, system,
                       k);
    }
    *n /= 2;
    *out = words;
    return VS_OK;
}

/* Reads all rows of a query as records of size_bytes by read_row. *out: malloc'd. */
static vs_status read_all(void **out, size_t *n, vs_query *q, size_t size_bytes,
                          vs_status (*read_row)(void *record, vs_query *q, vs_error *err),
                          const char *doing, vs_error *err)
{
    vs_status st;
    char *items = NULL;
    size_t cap = 0, count = 0;
    bool row;

    for (;;) {
        VS_CHECK(vs_query_next(q, &row, doing, err));
        if (!row) break;
        if (!vs_grow(&items, &cap, count + 1, size_bytes)) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: %s", q->store->path, doing);
            goto done;
        }
        VS_CHECK(read_row(items + count++ * size_bytes, q, err));
    }
    *out = items;
    *n = count;
    items = NULL;
done:
    vs_query_end(q);
    free(items);
    return st;
}

static vs_status read_metric(void *record, vs_query *q, vs_error *err)
{
    vs_metric *m = record;

    VS_TRY(vs_query_get_name(m->system, sizeof m->system, q, 0, err));
    VS_TRY(vs_query_get_name(m->curve, sizeof m->curve, q, 1, err));
    m->k = (uint32_t)sqlite3_column_int64(q->stmt, 2);
    m->value = vs_query_get_real(q, 3);
    m->low = vs_query_get_real(q, 4);
    m->high = vs_query_get_real(q, 5);
    return VS_OK;
}

vs_status vs_store_metrics(vs_metric **out, size_t *n, vs_store *s, vs_error *err)
{
    static const char sql[] = "SELECT system, curve, k, value, low, high FROM metrics "
                              "ORDER BY system, curve, k";
    vs_query q = vs_query_start(s, sql);
    void *items = NULL;

    VS_TRY(read_all(&items, n, &q, sizeof **out, read_metric, "reading metrics", err));
    *out = items;
    return VS_OK;
}

vs_status vs_store_add_train_row(vs_store *s, const vs_train_row *r, vs_error *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO train_rows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    vs_query q = vs_query_start(s, sql);

    vs_query_text(&q, 1, r->model);
    vs_query_int(&q, 2, r->step);
    vs_query_real(&q, 3, r->loss);
    vs_query_real(&q, 4, r->grad_norm);
    vs_query_real(&q, 5, r->lr);
    vs_query_real(&q, 6, r->accuracy);
    vs_query_real(&q, 7, r->margin);
    vs_query_real(&q, 8, r->logp_right);
    vs_query_real(&q, 9, r->logp_wrong);
    vs_query_int(&q, 10, (int64_t)r->n_tokens);
    return vs_query_run(&q, "adding a training row", err);
}

static vs_status read_train_row(void *record, vs_query *q, vs_error *err)
{
    vs_train_row *r = record;
    double *const reals[] = {&r->loss,   &r->grad_norm,  &r->lr,        &r->accuracy,
                             &r->margin, &r->logp_right, &r->logp_wrong};

    VS_TRY(vs_query_get_name(r->model, sizeof r->model, q, 0, err));
    r->step = (uint32_t)sqlite3_column_int64(q->stmt, 1);
    for (int i = 0; i < 7; i++) *reals[i] = vs_query_get_real(q, 2 + i);
    r->n_tokens = (uint64_t)sqlite3_column_int64(q->stmt, 9);
    return VS_OK;
}

vs_status vs_store_train_rows(vs_train_row **out, size_t *n, vs_store *s, vs_error *err)
{
    static const char sql[] =
        "SELECT model, step, loss, grad_norm, lr, accuracy, margin, "
        "logp_right, logp_wrong, n_tokens FROM train_rows ORDER BY model, step";
    vs_query q = vs_query_start(s, sql);
    void *items = NULL;

    VS_TRY(read_all(&items, n, &q, sizeof **out, read_train_row, "reading training rows", err));
    *out = items;
    return VS_OK;
}

/* -- the canonical dump -- */

static void dump_bytes(FILE *out, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) fprintf(out, "%02x", bytes[i]);
}

/* Printable ASCII as it is, all else escaped: texts are equal iff their dumps are. */
static void dump_text(FILE *out, const unsigned char *text, size_t len)
{
    fputc('"', out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\')
            fprintf(out, "\\x%02x", text[i]);
        else
            fputc(text[i], out);
    }
    fputc('"', out);
}

static void dump_column(FILE *out, sqlite3_stmt *stmt, int column)
{
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        fprintf(out, "%lld", (long long)sqlite3_column_int64(stmt, column));
        break;
    case SQLITE_FLOAT:
        fprintf(out, "%a", sqlite3_column_double(stmt, column));
        break;
    case SQLITE_TEXT: {
        const unsigned char *text = sqlite3_column_text(stmt, column);
        dump_text(out, text, (size_t)sqlite3_column_bytes(stmt, column));
        break;
    }
    case SQLITE_BLOB: {
        const unsigned char *bytes = sqlite3_column_blob(stmt, column);
        fputs("x'", out);
        dump_bytes(out, bytes, (size_t)sqlite3_column_bytes(stmt, column));
        fputc('\'', out);
        break;
    }
    default:
        fputs("null", out);
    }
}

vs_status vs_store_dump(vs_store *s, FILE *out, vs_error *err)
{
    /* Every column, in the order of the schema; the order of rows is each table's identity. */
    static const struct {
        const char *name, *sql;
    } table[] = {
        {"facts", "SELECT * FROM facts ORDER BY key"},
        {"problems", "SELECT * FROM problems ORDER BY id"},
        {"sets", "SELECT * FROM sets ORDER BY id"},
        {"samples", "SELECT * FROM samples ORDER BY id"},
        {"labels", "SELECT * FROM labels ORDER BY sample_id, profile"},
        {"executions", "SELECT * FROM executions ORDER BY key"},
        {"scores", "SELECT * FROM scores ORDER BY sample_id, model"},
        {"metrics", "SELECT * FROM metrics ORDER BY system, curve, k"},
        {"train_rows", "SELECT * FROM train_rows ORDER BY model, step"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        vs_query q = vs_query_start(s, table[i].sql);
        bool row;

        for (;;) {
            VS_TRY(vs_query_next(&q, &row, "dumping", err));
            if (!row) break;
            fputs(table[i].name, out);
            for (int c = 0; c < sqlite3_column_count(q.stmt); c++) {
                fputc('\t', out);
                dump_column(out, q.stmt, c);
            }
            fputc('\n', out);
        }
    }
    return ferror(out) ? VS_FAIL(err, VS_E_IO, "%s: dump: cannot write", s->path) : VS_OK;
}
