/* store_samples.c - problems and samples. */
#include "flow/store/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void problem_free(vs_problem *p)
{
    free(p->key);
    free(p->question);
    free(p->prompt);
    free(p->gold);
    free(p->reference);
    free(p->ids);
}

const vs_problem *vs_problems_find(const vs_problems *p, int64_t id)
{
    size_t lo = 0, hi = p->n;

    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        if (p->item[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->n && p->item[lo].id == id ? &p->item[lo] : NULL;
}

void vs_problems_free(vs_problems *p)
{
    for (size_t i = 0; i < p->n; i++) problem_free(&p->item[i]);
    free(p->item);
    *p = (vs_problems){0};
}

static void sample_free(vs_sample *x)
{
    free(x->ids);
    free(x->text);
    free(x->normal);
}

void vs_samples_free(vs_samples *p)
{
    for (size_t i = 0; i < p->n; i++) sample_free(&p->item[i]);
    free(p->item);
    *p = (vs_samples){0};
}

vs_status vs_store_add_problem(vs_store *s, const vs_problem *p, vs_error *err)
{
    static const char sql[] =
        "INSERT INTO problems (split, key, question, prompt, gold, reference, "
        "ids) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    static const int32_t none[1];
    vs_query q = vs_query_start(s, sql);

    vs_query_text(&q, 1, p->split);
    vs_query_text(&q, 2, p->key);
    vs_query_text(&q, 3, p->question);
    vs_query_text(&q, 4, p->prompt);
    vs_query_text(&q, 5, p->gold);
    vs_query_text(&q, 6, p->reference);
    vs_query_words(&q, 7, p->ids ? p->ids : none, p->ids ? p->n_ids : 0);
    return vs_query_run(&q, "adding a problem", err);
}

static vs_status read_problem(vs_problem *p, vs_query *q, vs_error *err)
{
    void *ids = NULL;

    p->id = sqlite3_column_int64(q->stmt, 0);
    VS_TRY(vs_query_get_name(p->split, sizeof p->split, q, 1, err));
    VS_TRY(vs_query_get_text(&p->key, q, 2, err));
    VS_TRY(vs_query_get_text(&p->question, q, 3, err));
    VS_TRY(vs_query_get_text(&p->prompt, q, 4, err));
    VS_TRY(vs_query_get_text(&p->gold, q, 5, err));
    VS_TRY(vs_query_get_text(&p->reference, q, 6, err));
    VS_TRY(vs_query_get_words(&ids, &p->n_ids, q, 7, err));
    p->ids = ids;
    return VS_OK;
}

vs_status vs_store_problems(vs_problems *out, vs_store *s, const char *split, vs_error *err)
{
    static const char sql[] = "SELECT id, split, key, question, prompt, gold, reference, ids "
                              "FROM problems WHERE ?1 IS NULL OR split = ?1 ORDER BY id";
    vs_query q = vs_query_start(s, sql);
    vs_problems all = {0};
    vs_status st;
    bool row;

    vs_query_text(&q, 1, split);
    for (;;) {
        VS_CHECK(vs_query_next(&q, &row, "reading problems", err));
        if (!row) break;
        if (!vs_grow(&all.item, &all.cap, all.n + 1, sizeof *all.item)) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu problems", s->path, all.n + 1);
            goto done;
        }
        all.item[all.n] = (vs_problem){0};
        VS_CHECK(read_problem(&all.item[all.n++], &q, err));
    }
    *out = all;
    all = (vs_problems){0};
done:
    vs_query_end(&q);
    vs_problems_free(&all);
    return st;
}

/* The set's number; made at its first sample. */
static vs_status set_id(int64_t *out, vs_store *s, const char *name, vs_error *err)
{
    static const char find[] = "SELECT id FROM sets WHERE name = ?1";
    static const char add[] = "INSERT INTO sets (name) VALUES (?1)";
    vs_query q = vs_query_start(s, find);
    bool row;

    vs_query_text(&q, 1, name);
    VS_TRY(vs_query_next(&q, &row, "reading sets", err));
    if (row) {
        *out = sqlite3_column_int64(q.stmt, 0);
        vs_query_end(&q);
        return VS_OK;
    }
    q = vs_query_start(s, add);
    vs_query_text(&q, 1, name);
    VS_TRY(vs_query_run(&q, "adding a set", err));
    *out = sqlite3_last_insert_rowid(s->db);
    return VS_OK;
}

vs_status vs_store_add_sample(vs_store *s, const vs_sample *x, int64_t *id, vs_error *err)
{
    static const char sql[] =
        "INSERT INTO samples (problem_id, set_id, number, ids, token_logprobs, logprob, text, "
        "finish, model) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    static const int32_t none[1];
    vs_query q;
    int64_t set;

    VS_TRY(set_id(&set, s, x->set, err));
    q = vs_query_start(s, sql);
    vs_query_int(&q, 1, x->problem_id);
    vs_query_int(&q, 2, set);
    vs_query_int(&q, 3, x->index);
    vs_query_words(&q, 4, x->ids ? x->ids : none, x->ids ? x->n_ids : 0);
    vs_query_words(&q, 5, x->token_logprobs, x->n_ids);
    vs_query_real(&q, 6, x->logprob);
    vs_query_text(&q, 7, x->text ? x->text : "");
    vs_query_text(&q, 8, x->finish);
    vs_query_text(&q, 9, x->model);
    VS_TRY(vs_query_run(&q, "adding a sample", err));
    if (id) *id = sqlite3_last_insert_rowid(s->db);
    return VS_OK;
}

static vs_status read_sample(vs_sample *x, vs_query *q, vs_error *err)
{
    void *ids = NULL;

    x->id = sqlite3_column_int64(q->stmt, 0);
    x->problem_id = sqlite3_column_int64(q->stmt, 1);
    VS_TRY(vs_query_get_name(x->set, sizeof x->set, q, 2, err));
    x->index = (uint32_t)sqlite3_column_int64(q->stmt, 3);
    VS_TRY(vs_query_get_words(&ids, &x->n_ids, q, 4, err));
    x->ids = ids;
    x->logprob = vs_query_get_real(q, 5);
    VS_TRY(vs_query_get_text(&x->text, q, 6, err));
    VS_TRY(vs_query_get_name(x->finish, sizeof x->finish, q, 7, err));
    VS_TRY(vs_query_get_name(x->model, sizeof x->model, q, 8, err));
    x->verdict =
        sqlite3_column_type(q->stmt, 9) == SQLITE_NULL ? -1 : sqlite3_column_int(q->stmt, 9);
    return vs_query_get_text(&x->normal, q, 10, err);
}

vs_status vs_store_samples(vs_samples *out, vs_store *s, const char *sets_glob, const char *profile,
                           vs_error *err)
{
    static const char sql[] =
        "SELECT x.id, x.problem_id, t.name, x.number, x.ids, x.logprob, x.text, x.finish, x.model, "
        "l.verdict, l.normal FROM samples x JOIN sets t ON t.id = x.set_id "
        "LEFT JOIN labels l ON l.sample_id = x.id AND l.profile = ?2 "
        "WHERE ?1 IS NULL OR t.name GLOB ?1 ORDER BY x.problem_id, x.set_id, x.number";
    vs_query q = vs_query_start(s, sql);
    vs_samples all = {0};
    vs_status st;
    bool row;

    vs_query_text(&q, 1, sets_glob);
    vs_query_text(&q, 2, profile);
    for (;;) {
        VS_CHECK(vs_query_next(&q, &row, "reading samples", err));
        if (!row) break;
        if (!vs_grow(&all.item, &all.cap, all.n + 1, sizeof *all.item)) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu samples", s->path, all.n + 1);
            goto done;
        }
        all.item[all.n] = (vs_sample){0};
        VS_CHECK(read_sample(&all.item[all.n++], &q, err));
    }
    *out = all;
    all = (vs_samples){0};
done:
    vs_query_end(&q);
    vs_samples_free(&all);
    return st;
}

vs_status vs_store_count_groups(size_t *out, vs_store *s, const char *set, vs_error *err)
{
    static const char sql[] = "SELECT count(DISTINCT x.problem_id) FROM samples x "
                              "JOIN sets t ON t.id = x.set_id WHERE t.name = ?1";
    vs_query q = vs_query_start(s, sql);
    bool row;

    vs_query_text(&q, 1, set);
    VS_TRY(vs_query_next(&q, &row, "counting groups", err));
    *out = row ? (size_t)sqlite3_column_int64(q.stmt, 0) : 0;
    vs_query_end(&q);
    return VS_OK;
}
