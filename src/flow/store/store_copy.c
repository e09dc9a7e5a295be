/* store_copy.c - samples that another run has drawn already. */
#include "base/mem.h"
#include "flow/store/query.h"

#include <stdlib.h>
#include <string.h>

static vs_status attach(vs_store *s, const char *path, vs_error *err)
{
    static const char sql[] = "ATTACH ?1 AS other";
    vs_query q = vs_query_start(s, sql);

    vs_query_text(&q, 1, path);
    return vs_query_run(&q, "attaching another run", err);
}

/* Statements on the attached store must be gone before it can be. */
static vs_status run_text(vs_store *s, const char *sql, const char *set, size_t k, vs_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) {
        if (sqlite3_bind_parameter_count(stmt) > 0)
            sqlite3_bind_text(stmt, 1, set, -1, SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(stmt) > 1) sqlite3_bind_int64(stmt, 2, (sqlite3_int64)k);
        rc = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? VS_OK : vs_store_fail(err, s, rc, "copying samples");
}

static vs_status has_set(bool *out, vs_store *s, const char *set, const char *key, size_t k,
                         size_t n_problems, vs_error *err)
{
    static const char sql[] =
        "SELECT (SELECT value FROM other.facts WHERE key = 'sampled:' || ?1), "
        "(SELECT count(*) FROM (SELECT 1 FROM other.samples x JOIN other.sets t ON t.id = x.set_id "
        "WHERE t.name = ?1 GROUP BY x.problem_id HAVING count(*) >= ?2))";
    sqlite3_stmt *stmt = NULL;
    const unsigned char *found;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, set, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)k);
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW) {
        found = sqlite3_column_text(stmt, 0);
        *out = found && strcmp((const char *)found, key) == 0 &&
               sqlite3_column_int64(stmt, 1) == (sqlite3_int64)n_problems;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? VS_OK : vs_store_fail(err, s, rc, "looking into another run");
}

static vs_status copy_rows(vs_store *s, const char *set, size_t k, vs_error *err)
{
    static const char *const sql[] = {
        "INSERT OR IGNORE INTO sets (name) VALUES (?1)",
        "INSERT INTO samples (problem_id, set_id, number, ids, token_logprobs, logprob, text, "
        "finish, model) SELECT x.problem_id, (SELECT id FROM sets WHERE name = ?1), x.number, "
        "x.ids, x.token_logprobs, x.logprob, x.text, x.finish, x.model FROM other.samples x "
        "JOIN other.sets t ON t.id = x.set_id WHERE t.name = ?1 AND x.number < ?2 "
        "ORDER BY x.problem_id, x.number",
        "CREATE TEMP TABLE pairs AS SELECT n.id AS mine, x.id AS theirs FROM samples n "
        "JOIN sets m ON m.id = n.set_id JOIN other.samples x ON x.problem_id = n.problem_id AND "
        "x.number = n.number JOIN other.sets t ON t.id = x.set_id WHERE m.name = ?1 AND t.name = "
        "?1",
        "INSERT INTO labels SELECT p.mine, l.profile, l.verdict, l.rule, l.extracted, l.normal, "
        "l.span_start, l.span_end FROM pairs p JOIN other.labels l ON l.sample_id = p.theirs",
        "INSERT INTO scores SELECT p.mine, c.model, c.logprob FROM pairs p "
        "JOIN other.scores c ON c.sample_id = p.theirs",
        "DROP TABLE pairs",
    };

    VS_TRY(vs_store_begin(s, err));
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        const vs_status st = run_text(s, sql[i], set, k, err);
        if (st != VS_OK) {
            vs_store_rollback(s);
            return st;
        }
    }
    return vs_store_commit(s, err);
}

vs_status vs_store_copy_set(bool *found, vs_store *s, const char *other_path, const char *set,
                            const char *key, size_t k, size_t n_problems, vs_error *err)
{
    vs_status st, detached;

    *found = false;
    VS_TRY(attach(s, other_path, err));
    st = has_set(found, s, set, key, k, n_problems, err);
    if (st == VS_OK && *found) st = copy_rows(s, set, k, err);
    detached = run_text(s, "DETACH other", set, k, st == VS_OK ? err : NULL);
    return st == VS_OK ? detached : st;
}
