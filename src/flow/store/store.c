#include "flow/store/query.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { APPLICATION_ID = 0x76737461, /* "vsta" */ BUSY_MS = 10000 };

/* docs/RUN_DB.md tells what each column means. Ids are given in order of insertion and rows are
 * never deleted, so ids are the same in every run of a recipe. */
static const char schema[] =
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE problems ("
    "  id INTEGER PRIMARY KEY, split TEXT NOT NULL CHECK (split IN ('sft', 'train', 'test')),"
    "  key TEXT NOT NULL, question TEXT NOT NULL, prompt TEXT NOT NULL, gold TEXT,"
    "  reference TEXT, ids BLOB NOT NULL, UNIQUE (split, key)) STRICT;"
    "CREATE TABLE sets (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE samples ("
    "  id INTEGER PRIMARY KEY, problem_id INTEGER NOT NULL REFERENCES problems,"
    "  set_id INTEGER NOT NULL REFERENCES sets, number INTEGER NOT NULL,"
    "  ids BLOB NOT NULL, token_logprobs BLOB, logprob REAL NOT NULL, text TEXT NOT NULL,"
    "  finish TEXT NOT NULL CHECK (finish IN ('stop', 'string', 'length')),"
    "  model TEXT NOT NULL, UNIQUE (problem_id, set_id, number)) STRICT;"
    "CREATE TABLE labels ("
    "  sample_id INTEGER NOT NULL REFERENCES samples, profile TEXT NOT NULL,"
    "  verdict INTEGER NOT NULL CHECK (verdict IN (0, 1, 2)), rule TEXT, extracted TEXT,"
    "  normal TEXT, span_start INTEGER NOT NULL, span_end INTEGER NOT NULL,"
    "  PRIMARY KEY (sample_id, profile)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE executions ("
    "  key TEXT PRIMARY KEY, verdict INTEGER NOT NULL, detail TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE scores ("
    "  sample_id INTEGER NOT NULL REFERENCES samples, model TEXT NOT NULL, logprob REAL NOT NULL,"
    "  PRIMARY KEY (sample_id, model)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE metrics ("
    "  system TEXT NOT NULL, curve TEXT NOT NULL, k INTEGER NOT NULL, value REAL, low REAL,"
    "  high REAL, each BLOB, PRIMARY KEY (system, curve, k)) STRICT;"
    "CREATE TABLE train_rows ("
    "  model TEXT NOT NULL, step INTEGER NOT NULL, loss REAL, grad_norm REAL, lr REAL,"
    "  accuracy REAL, margin REAL, logp_right REAL, logp_wrong REAL, n_tokens INTEGER NOT NULL,"
    "  PRIMARY KEY (model, step)) STRICT, WITHOUT ROWID;";

/* The kernel drops the lock when the process dies, however it dies; the file stays, empty. */
static vs_status take_lock(vs_store *s, vs_error *err)
{
    vs_status st = VS_OK;
    char *path = vs_format("%s.lock", s->path);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: lock", s->path);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->lock_fd < 0)
        st = VS_FAIL(err, VS_E_IO, "%s: cannot open: %s", path, strerror(errno));
    else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        st =
            errno == EWOULDBLOCK
                ? VS_FAIL(err, VS_E_STATE,
                          "%s: another process is writing to this run (it holds %s); expected none",
                          s->path, path)
                : VS_FAIL(err, VS_E_IO, "%s: cannot lock: %s", path, strerror(errno));
    free(path);
    return st;
}

static vs_status execute(vs_store *s, const char *sql, const char *doing, vs_error *err)
{
    const int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? VS_OK : vs_store_fail(err, s, rc, doing);
}

/* The first column of the first row of a statement that is used once. */
static vs_status read_number(int64_t *out, vs_store *s, const char *sql, vs_error *err)
{
    sqlite3_stmt *stmt = NULL;
    vs_status st = VS_OK;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    else
        st = vs_store_fail(err, s, rc, "opening");
    sqlite3_finalize(stmt);
    return st;
}

/* SQLite reads a file of a few bytes as an empty database and the missing rest of a last page as
 * zeros; here both are a truncated file. Pages that a journal still holds may be missing. */
static vs_status check_size(vs_store *s, vs_error *err)
{
    struct stat info, journal;
    vs_status st = VS_OK;
    int64_t page_bytes = 0;
    char *path = vs_format("%s-wal", s->path);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: store", s->path);
    VS_CHECK(read_number(&page_bytes, s, "PRAGMA page_size", err));
    if (stat(s->path, &info) == 0 && page_bytes > 0 && info.st_size % page_bytes != 0 &&
        (stat(path, &journal) != 0 || journal.st_size == 0))
        st = VS_FAIL(err, VS_E_FORMAT,
                     "%s: found a truncated database of %lld bytes, expected whole pages of %lld",
                     s->path, (long long)info.st_size, (long long)page_bytes);
done:
    free(path);
    return st;
}

/* *fresh: an empty database, as a kill during the very first open leaves it. Nothing is written
 * before this has recognised the file. */
static vs_status check_identity(bool *fresh, vs_store *s, vs_error *err)
{
    int64_t application = 0, version = 0, n_tables = 0;

    VS_TRY(read_number(&application, s, "PRAGMA application_id", err));
    VS_TRY(read_number(&version, s, "PRAGMA user_version", err));
    VS_TRY(read_number(&n_tables, s, "SELECT count(*) FROM sqlite_schema", err));
    *fresh = application == 0 && version == 0 && n_tables == 0;
    if (*fresh) return check_size(s, err);
    if (application != APPLICATION_ID)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: found an SQLite database with application_id 0x%08llx, "
                       "expected a vstar run (0x%08x)",
                       s->path, (unsigned long long)application & 0xffffffffu, APPLICATION_ID);
    if (version != VS_STORE_SCHEMA)
        return VS_FAIL(err, VS_E_STATE,
                       "%s: found schema version %lld, expected %d: the run was made by "
                       "another version of vstar",
                       s->path, (long long)version, VS_STORE_SCHEMA);
    return check_size(s, err);
}

static vs_status create_schema(vs_store *s, vs_error *err)
{
    char pragmas[96];

    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, VS_STORE_SCHEMA);
    VS_TRY(vs_store_begin(s, err));
    VS_TRY(execute(s, schema, "creating", err));
    VS_TRY(execute(s, pragmas, "creating", err));
    return vs_store_commit(s, err);
}

static vs_status open_database(vs_store *s, vs_store_mode mode, vs_error *err)
{
    const int flags[] = {[VS_STORE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                         [VS_STORE_WRITE] = SQLITE_OPEN_READWRITE,
                         [VS_STORE_READ] = SQLITE_OPEN_READONLY};
    bool fresh = false;
    const int rc = sqlite3_open_v2(s->path, &s->db, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);

    if (!s->db) return VS_FAIL(err, VS_E_NOMEM, "%s: store", s->path);
    if (rc != SQLITE_OK) return vs_store_fail(err, s, rc, "opening");
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    VS_TRY(check_identity(&fresh, s, err));
    if (fresh && mode != VS_STORE_CREATE)
        return VS_FAIL(err, VS_E_STATE, "%s: found an empty database, expected a vstar run",
                       s->path);
    if (mode == VS_STORE_READ) return VS_OK;
    VS_TRY(execute(s,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                   "opening", err));
    return fresh ? create_schema(s, err) : VS_OK;
}

vs_status vs_store_open(vs_store **out, const char *path, vs_store_mode mode, vs_error *err)
{
    vs_status st;
    vs_store *s = calloc(1, sizeof *s);

    if (s) s->lock_fd = -1;
    if (!s || !(s->path = vs_strdup_n(path, strlen(path)))) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: store", path);
        goto done;
    }
    if (mode != VS_STORE_CREATE && !vs_file_exists(path)) {
        st = VS_FAIL(err, VS_E_IO, "%s: found no such file, expected a run's database", path);
        goto done;
    }
    if (mode != VS_STORE_READ) VS_CHECK(take_lock(s, err));
    VS_CHECK(open_database(s, mode, err));
    *out = s;
    s = NULL;
done:
    vs_store_close(s);
    return st;
}

void vs_store_close(vs_store *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_statements; i++) sqlite3_finalize(s->statement[i].stmt);
    sqlite3_close(s->db); /* rolls back what is open */
    if (s->lock_fd >= 0) close(s->lock_fd);
    free(s->path);
    free(s);
}

vs_status vs_store_begin(vs_store *s, vs_error *err)
{
    return execute(s, "BEGIN IMMEDIATE", "beginning a transaction", err);
}

vs_status vs_store_commit(vs_store *s, vs_error *err)
{
    return execute(s, "COMMIT", "committing", err);
}

void vs_store_rollback(vs_store *s)
{
    if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

vs_status vs_store_get(char **out, vs_store *s, const char *key, vs_error *err)
{
    static const char sql[] = "SELECT value FROM facts WHERE key = ?1";
    vs_query q = vs_query_start(s, sql);
    vs_status st;
    char *value = NULL;
    bool row;

    vs_query_text(&q, 1, key);
    VS_TRY(vs_query_next(&q, &row, "reading a fact", err));
    st = row ? vs_query_get_text(&value, &q, 0, err) : VS_OK;
    vs_query_end(&q);
    if (st == VS_OK) *out = value;
    return st;
}

vs_status vs_store_set(vs_store *s, const char *key, const char *value, vs_error *err)
{
    static const char sql[] = "INSERT INTO facts VALUES (?1, ?2) "
                              "ON CONFLICT DO UPDATE SET value = excluded.value";
    vs_query q = vs_query_start(s, sql);

    vs_query_text(&q, 1, key);
    vs_query_text(&q, 2, value);
    return vs_query_run(&q, "writing a fact", err);
}
