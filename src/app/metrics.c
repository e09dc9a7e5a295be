/* metrics.c - Pass@k, Best-of-k, Maj@k and the weighted vote from graded samples. */
#include "flow/answers/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

enum { MAX_KS = 4096 };

typedef struct problem_set {
    vs_metrics_problem *item; /* arrays are owned, from malloc */
    size_t n, cap;
} problem_set;

static void free_problem(vs_metrics_problem *p)
{
    free((void *)(uintptr_t)p->right);
    free((void *)(uintptr_t)p->scores);
    free((void *)(uintptr_t)p->classes);
}

static void free_problems(problem_set *s)
{
    for (size_t i = 0; i < s->n; i++) free_problem(&s->item[i]);
    free(s->item);
}

static vs_status read_right(uint8_t *out, const json_t *list, const char *where, vs_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        const bool is_bit = json_is_integer(v) && (json_integer_value(v) == 0 || json_integer_value(v) == 1);
        if (!is_bit && !json_is_boolean(v))
            return VS_FAIL(err, VS_E_FORMAT, "%s: right[%zu]: found %s, expected 0 or 1", where, i,
                           json_is_integer(v) ? "another number" : vs_json_kind(v));
        out[i] = is_bit ? json_integer_value(v) == 1 : json_is_true(v);
    }
    return VS_OK;
}

static vs_status read_scores(double *out, const json_t *list, const char *where, vs_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_number(v))
            return VS_FAIL(err, VS_E_FORMAT, "%s: scores[%zu]: found %s, expected a number", where, i, vs_json_kind(v));
        out[i] = json_number_value(v);
    }
    return VS_OK;
}

/* Equal answers get the place of the first of them. */
static vs_status read_answers(int32_t *out, const json_t *list, const char *where, vs_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        size_t j = 0;
        if (!json_is_null(v) && !json_is_string(v))
            return VS_FAIL(err, VS_E_FORMAT, "%s: answers[%zu]: found %s, expected a string or null", where, i,
                           vs_json_kind(v));
        while (j < i && !json_equal(v, json_array_get(list, j))) j++;
        out[i] = json_is_null(v) ? -1 : (int32_t)j;
    }
    return VS_OK;
}

/* The list under key, of n members when n is not SIZE_MAX; *out NULL when it is missing. */
static vs_status get_list(const json_t **out, const json_t *row, const char *key, size_t n, const char *where,
                          vs_error *err)
{
    const json_t *list = json_object_get(row, key);

    *out = NULL;
    if (!list) return VS_OK;
    if (!json_is_array(list))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a list", where, key, vs_json_kind(list));
    if (json_array_size(list) > VS_METRICS_MAX_SAMPLES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: \"%s\": %zu members, the limit is %d", where, key, json_array_size(list),
                       (int)VS_METRICS_MAX_SAMPLES);
    if (n != SIZE_MAX && json_array_size(list) != n)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": %zu members, expected %zu as in \"right\"", where, key,
                       json_array_size(list), n);
    *out = list;
    return VS_OK;
}

static vs_status read_key(uint64_t *out, const json_t *row, const char *where, vs_error *err)
{
    const json_t *id = json_object_get(row, "id");
    char *text;

    if (!json_is_string(id) && !json_is_number(id))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"id\": found %s, expected a string or a number", where,
                       id ? vs_json_kind(id) : "nothing");
    if (json_is_string(id)) {
        *out = vs_hash64(json_string_value(id), json_string_length(id));
        return VS_OK;
    }
    text = json_dumps(id, JSON_ENCODE_ANY);
    if (!text) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    *out = vs_hash64(text, strlen(text));
    free(text);
    return VS_OK;
}

static vs_status read_problem(vs_metrics_problem *p, const json_t *row, const char *where, vs_error *err)
{
    const json_t *right, *scores, *answers;
    uint8_t *r = NULL;
    double *s = NULL;
    int32_t *a = NULL;
    vs_status st;

    if (!json_is_object(row))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", where, vs_json_kind(row));
    VS_CHECK(read_key(&p->key, row, where, err));
    VS_CHECK(get_list(&right, row, "right", SIZE_MAX, where, err));
    if (!right || json_array_size(right) == 0) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s: \"right\" is missing or empty, expected a list of 0 and 1", where);
        goto done;
    }
    p->n = json_array_size(right);
    VS_CHECK(get_list(&scores, row, "scores", p->n, where, err));
    VS_CHECK(get_list(&answers, row, "answers", p->n, where, err));
    r = vs_alloc(p->n, sizeof *r);
    s = scores ? vs_alloc(p->n, sizeof *s) : NULL;
    a = answers ? vs_alloc(p->n, sizeof *a) : NULL;
    if (!r || (scores && !s) || (answers && !a)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    VS_CHECK(read_right(r, right, where, err));
    if (s) VS_CHECK(read_scores(s, scores, where, err));
    if (a) VS_CHECK(read_answers(a, answers, where, err));
    p->right = r;
    p->scores = s;
    p->classes = a;
    return VS_OK;
done:
    free(r);
    free(s);
    free(a);
    return st;
}

static vs_status read_problems(problem_set *out, const char *path, vs_error *err)
{
    vs_jsonl *rows;
    json_t *row = NULL;
    vs_status st;

    VS_TRY(vs_jsonl_open(&rows, path, err));
    for (;;) {
        vs_metrics_problem p = {.n = 0};
        VS_CHECK(vs_jsonl_next(rows, &row, err));
        if (!row) break;
        VS_CHECK(read_problem(&p, row, vs_jsonl_where(rows), err));
        json_decref(row);
        row = NULL;
        if (!vs_grow(&out->item, &out->cap, out->n + 1, sizeof *out->item)) {
            free_problem(&p);
            st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
            goto done;
        }
        out->item[out->n++] = p;
    }
done:
    json_decref(row);
    vs_jsonl_close(rows);
    return st;
}

static void put_curve(vs_buf *line, const vs_metrics *m, vs_curve curve)
{
    for (size_t i = 0; i < m->n_ks; i++) {
        const vs_interval *p = &m->points[(size_t)curve * m->n_ks + i];
        vs_buf_printf(line, "%s{\"k\":%zu,\"value\":", i ? "," : "", m->ks[i]);
        vs_out_f64(line, p->value);
        vs_buf_str(line, ",\"low\":");
        vs_out_f64(line, p->low);
        vs_buf_str(line, ",\"high\":");
        vs_out_f64(line, p->high);
        vs_buf_str(line, "}");
    }
}

static vs_status run(const char *data, const size_t *ks, size_t n_ks, vs_error *err)
{
    problem_set set = {0};
    vs_metrics m = {0};
    vs_buf line = {0};
    bool is_first = true;
    vs_status st;

    VS_CHECK(read_problems(&set, data, err));
    if (set.n == 0) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: no rows, expected at least one", data);
        goto done;
    }
    VS_CHECK(vs_metrics_measure(&m, set.item, set.n, n_ks ? ks : NULL, n_ks, err));
    vs_buf_printf(&line, "{\"problems\":%zu,\"curves\":{", m.n_problems);
    for (int c = 0; c < VS_CURVES; c++) {
        if (!m.has[c]) continue;
        vs_buf_printf(&line, "%s\"%s\":[", is_first ? "" : ",", vs_curve_name((vs_curve)c));
        put_curve(&line, &m, (vs_curve)c);
        vs_buf_str(&line, "]");
        is_first = false;
    }
    vs_buf_str(&line, "}}");
    VS_CHECK(vs_out_line(&line, err));
done:
    vs_buf_free(&line);
    vs_metrics_free(&m);
    free_problems(&set);
    return st;
}

/* "1,2,4": rising order is not asked for. */
static vs_status parse_ks(size_t *ks, size_t *n, const char *text, vs_error *err)
{
    *n = 0;
    for (const char *at = text; at && *at;) {
        char word[24];
        uint64_t k;
        const size_t len = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", len < 23 ? (int)len : 23, at);
        if (!vs_parse_u64(&k, word) || k == 0 || k > VS_METRICS_MAX_SAMPLES || *n == MAX_KS)
            return VS_FAIL(err, VS_E_USAGE, "--ks: found '%s', expected numbers from 1 to %d with commas between", word,
                           (int)VS_METRICS_MAX_SAMPLES);
        ks[(*n)++] = (size_t)k;
        at += len;
        if (*at == ',' && !*++at) return VS_FAIL(err, VS_E_USAGE, "--ks: '%.60s' ends in a comma", text);
    }
    return VS_OK;
}

vs_status vs_verb_metrics(int argc, char **argv, vs_error *err)
{
    static size_t ks[MAX_KS];
    size_t n_ks = 0;
    const char *list = NULL, *data = "-";
    const vs_opt opts[] = {
        {"--ks", VS_OPT_STR, &list, false, 0, 0, "LIST", "1,2,4,.. (powers of two up to the fewest samples, and that number)"},
        {"--data", VS_OPT_STR, &data, false, 0, 0, "FILE", "input; - is standard input (-)"},
    };
    vs_cmd c = {
        .verb = "metrics",
        .usage = "[--ks 1,2,4,..] < ROWS",
        .about = "Reads {\"id\",\"right\":[0,1,..],\"scores\":[..],\"answers\":[\"..\",null,..]}, one problem a line, the last two\n"
                 "optional, and writes one object with the curves Pass@k, Best-of-k (needs scores), Maj@k (needs answers) and the\n"
                 "weighted vote (needs both), each with 95 % intervals over problems. Pass, Best-of and Maj are exact expectations\n"
                 "over all subsets of k samples. Ties share evenly; null does not vote.",
        .example = "  $ echo '{\"id\":\"a\",\"right\":[1,0],\"scores\":[2,1],\"answers\":[\"7\",\"8\"]}' | vstar metrics --ks 1,2\n"
                   "  {\"problems\":1,\"curves\":{\"pass\":[{\"k\":1,\"value\":0.5,\"low\":0.5,\"high\":0.5},..],..}}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    VS_TRY(parse_ks(ks, &n_ks, list, err));
    return run(data, ks, n_ks, err);
}
