/* bench_grade.c - how fast a profile reads and compares answers, on one thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/bench.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "flow/labels/grade.h"

typedef struct answer {
    json_t *row; /* owns the texts */
    const char *gold, *completion;
} answer;

typedef struct answers {
    answer *item;
    size_t n, cap;
} answers;

static void answers_free(answers *a)
{
    for (size_t i = 0; i < a->n; i++) json_decref(a->item[i].row);
    free(a->item);
}

static vs_status read_answers(answers *out, const char *path, vs_error *err)
{
    vs_jsonl *rows = NULL;
    json_t *row = NULL;
    vs_status st;

    VS_TRY(vs_jsonl_open(&rows, path, err));
    while ((st = vs_jsonl_next(rows, &row, err)) == VS_OK && row) {
        answer a = {.row = row};
        VS_CHECK(vs_json_get_str(&a.gold, row, "gold", vs_jsonl_where(rows), err));
        VS_CHECK(vs_json_get_str(&a.completion, row, "completion", vs_jsonl_where(rows), err));
        if (!vs_grow(&out->item, &out->cap, out->n + 1, sizeof *out->item)) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
            goto done;
        }
        out->item[out->n++] = a;
        row = NULL;
    }
    if (st == VS_OK && out->n == 0)
        st =
            VS_FAIL(err, VS_E_INPUT, "%s: found no rows, expected {\"gold\",\"completion\"}", path);
done:
    json_decref(row);
    vs_jsonl_close(rows);
    return st;
}

/* fastest_s[i]: of answer i, over all passes so far. */
static vs_status grade_all(const answers *a, const char *profile, double *fastest_s, vs_error *err)
{
    vs_grade_result r;

    for (size_t i = 0; i < a->n; i++) {
        const answer *x = &a->item[i];
        const double begin = vs_clock_s(CLOCK_THREAD_CPUTIME_ID);
        VS_TRY(vs_grade(&r, profile, x->gold, strlen(x->gold), x->completion, strlen(x->completion),
                        err));
        fastest_s[i] = fmin(fastest_s[i], vs_clock_s(CLOCK_THREAD_CPUTIME_ID) - begin);
    }
    return VS_OK;
}

vs_status vs_bench_grade(const char *path, const char *profile, double seconds, vs_error *err)
{
    answers a = {0};
    vs_buf line = {0};
    double *fastest_s = NULL, best = INFINITY, slowest = 0.0, spent = 0.0;
    vs_status st;

    VS_CHECK(vs_profile_check(profile, "--profile", VS_E_USAGE, err));
    VS_CHECK(read_answers(&a, path, err));
    fastest_s = vs_alloc(a.n, sizeof *fastest_s);
    if (!fastest_s) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    for (size_t i = 0; i < a.n; i++) fastest_s[i] = INFINITY;
    while (spent < seconds || best == INFINITY) {
        const double begin = vs_clock_s(CLOCK_THREAD_CPUTIME_ID);
        VS_CHECK(grade_all(&a, profile, fastest_s, err));
        const double s = vs_clock_s(CLOCK_THREAD_CPUTIME_ID) - begin;
        best = fmin(best, s);
        spent += s;
    }
    for (size_t i = 0; i < a.n; i++) slowest = fmax(slowest, fastest_s[i]);
    vs_buf_printf(
        &line,
        "{\"workload\":\"grade\",\"profile\":\"%s\",\"answers\":%zu,\"answers_per_s\":%.0f,"
        "\"slowest_ms\":%.3f}",
        vs_profile_version(profile), a.n, (double)a.n / best, 1e3 * slowest);
    st = vs_out_line(&line, err);
done:
    free(fastest_s);
    answers_free(&a);
    vs_buf_free(&line);
    return st;
}
