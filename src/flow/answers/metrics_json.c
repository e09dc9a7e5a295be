#include "flow/answers/metrics_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

struct vs_metrics_set {
    vs_metrics_problem *item; /* arrays owned by the set */
    size_t n, cap;
};

enum { MAX_NAME = 200 };

vs_status vs_metrics_set_open(vs_metrics_set **out, vs_error *err)
{
    vs_metrics_set *set = vs_alloc(1, sizeof *set);

    if (!set) return VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory");
    *out = set;
    return VS_OK;
}

static void free_problem(vs_metrics_problem *p)
{
    free((void *)p->right);
    free((void *)p->scores);
    free((void *)p->classes);
}

void vs_metrics_set_close(vs_metrics_set *set)
{
    if (!set) return;
    for (size_t i = 0; i < set->n; i++) free_problem(&set->item[i]);
    free(set->item);
    free(set);
}

/* "where: id" for messages, and the id's hash. */
static vs_status read_id(char name[MAX_NAME], uint64_t *key, const json_t *obj, const char *where,
                         vs_error *err)
{
    const json_t *id = json_object_get(obj, "id");
    char digits[32];

    if (json_is_string(id)) {
        *key = vs_hash64(json_string_value(id), json_string_length(id));
        snprintf(name, MAX_NAME, "%s: problem \"%.80s\"", where, json_string_value(id));
        return VS_OK;
    }
    if (!json_is_integer(id))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"id\" is %s; expected a string or an integer", where,
                       id ? vs_json_kind(id) : "missing");
    snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    *key = vs_hash64(digits, strlen(digits));
    snprintf(name, MAX_NAME, "%s: problem %s", where, digits);
    return VS_OK;
}

/* *out NULL when the member is missing or null; n: the length it must have, 0 for any from 1 on. */
static vs_status get_array(const json_t **out, const json_t *obj, const char *key, size_t n,
                           const char *name, vs_error *err)
{
    const json_t *array = json_object_get(obj, key);
    const size_t found = json_array_size(array);

    *out = NULL;
    if (!array || json_is_null(array)) return VS_OK;
    if (!json_is_array(array))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\" is %s; expected an array", name, key,
                       vs_json_kind(array));
    if (n && found != n)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"%s\" has %zu members; expected %zu, as many as \"right\"", name, key,
                       found, n);
    *out = array;
    return VS_OK;
}

static vs_status read_right(vs_metrics_problem *p, const json_t *obj, const char *name,
                            vs_error *err)
{
    const json_t *array;
    uint8_t *right;

    VS_TRY(get_array(&array, obj, "right", 0, name, err));
    p->n = json_array_size(array);
    if (p->n == 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"right\" is missing or empty; expected one label per sample", name);
    if (p->n > VS_METRICS_MAX_SAMPLES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: %zu samples; at most %d are measured", name, p->n,
                       VS_METRICS_MAX_SAMPLES);
    p->right = right = vs_alloc(p->n, sizeof *right);
    if (!right) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
    for (size_t i = 0; i < p->n; i++) {
        const json_t *label = json_array_get(array, i);
        const json_int_t value = json_integer_value(label);
        if (!json_is_boolean(label) && !(json_is_integer(label) && (value == 0 || value == 1)))
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"right\"[%zu] is not 0, 1, true or false", name,
                           i);
        right[i] = json_is_true(label) || value == 1;
    }
    return VS_OK;
}

static vs_status read_scores(vs_metrics_problem *p, const json_t *obj, const char *name,
                             vs_error *err)
{
    const json_t *array;
    double *scores;

    VS_TRY(get_array(&array, obj, "scores", p->n, name, err));
    if (!array) return VS_OK;
    p->scores = scores = vs_alloc(p->n, sizeof *scores);
    if (!scores) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
    for (size_t i = 0; i < p->n; i++) {
        const json_t *score = json_array_get(array, i);
        if (!json_is_number(score))
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"scores\"[%zu] is %s; expected a number", name,
                           i, vs_json_kind(score));
        scores[i] = json_number_value(score);
    }
    return VS_OK;
}

typedef struct answer {
    const char *text;
    size_t len, index;
} answer;

static int compare_answers(const void *a, const void *b)
{
    const answer *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

    if (order) return order;
    return (x->len > y->len) - (x->len < y->len);
}

/* Numbers the n answers by equal text. */
static void number_answers(int32_t *classes, answer *answers, size_t n)
{
    int32_t number = -1;

    qsort(answers, n, sizeof *answers, compare_answers);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_answers(&answers[i - 1], &answers[i]) != 0) number++;
        classes[answers[i].index] = number;
    }
}

static vs_status read_answers(vs_metrics_problem *p, const json_t *obj, const char *name,
                              vs_error *err)
{
    const json_t *array;
    answer *answers = NULL;
    int32_t *classes;
    size_t n = 0;
    vs_status st = VS_OK;

    VS_TRY(get_array(&array, obj, "answers", p->n, name, err));
    if (!array) return VS_OK;
    p->classes = classes = vs_alloc(p->n, sizeof *classes);
    answers = vs_alloc(p->n, sizeof *answers);
    if (!classes || !answers) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
        goto done;
    }
    for (size_t i = 0; i < p->n; i++) {
        const json_t *text = json_array_get(array, i);
        classes[i] = -1;
        if (json_is_null(text)) continue;
        if (!json_is_string(text)) {
            st = VS_FAIL(err, VS_E_FORMAT, "%s: \"answers\"[%zu] is %s; expected a string or null",
                         name, i, vs_json_kind(text));
            goto done;
        }
        answers[n++] =
            (answer){.text = json_string_value(text), .len = json_string_length(text), .index = i};
    }
    number_answers(classes, answers, n);
done:
    free(answers);
    return st;
}

/* Half a curve is no curve: every problem brings the same arrays. */
static vs_status check_same(const vs_metrics_set *set, const vs_metrics_problem *p,
                            const char *name, vs_error *err)
{
    const char *key = NULL;
    bool is_missing = false;

    if (set->n == 0) return VS_OK;
    if (!p->scores != !set->item[0].scores) key = "scores", is_missing = !p->scores;
    if (!p->classes != !set->item[0].classes) key = "answers", is_missing = !p->classes;
    if (!key) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: \"%s\" is %s, unlike in the problems before; expected in all or in none",
                   name, key, is_missing ? "missing" : "given");
}

vs_status vs_metrics_add_json(vs_metrics_set *set, const json_t *obj, const char *where,
                              vs_error *err)
{
    vs_metrics_problem p = {0};
    char name[MAX_NAME];
    vs_status st;

    if (!json_is_object(obj))
        return VS_FAIL(err, VS_E_FORMAT, "%s: %s; expected an object with \"id\" and \"right\"",
                       where, vs_json_kind(obj));
    VS_CHECK(read_id(name, &p.key, obj, where, err));
    VS_CHECK(read_right(&p, obj, name, err));
    VS_CHECK(read_scores(&p, obj, name, err));
    VS_CHECK(read_answers(&p, obj, name, err));
    VS_CHECK(check_same(set, &p, name, err));
    if (!vs_grow(&set->item, &set->cap, set->n + 1, sizeof *set->item)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
        goto done;
    }
    set->item[set->n++] = p;
    p = (vs_metrics_problem){0};
done:
    free_problem(&p);
    return st;
}

/* NULL when memory is out. */
static json_t *curve_json(const vs_metrics *m, vs_curve curve)
{
    json_t *points = json_array();
    int failed = !points;

    for (size_t a = 0; a < m->n_ks; a++) {
        const vs_interval *at = &m->points[curve * m->n_ks + a];
        const double error = m->errors[curve * m->n_ks + a];
        json_t *point = json_pack("{s:I, s:f, s:f, s:f}", "k", (json_int_t)m->ks[a], "value",
                                  at->value, "low", at->low, "high", at->high);
        if (error > 0) failed |= json_object_set_new(point, "error", json_real(error));
        failed |= json_array_append_new(points, point);
    }
    if (!failed) return points;
    json_decref(points);
    return NULL;
}

vs_status vs_metrics_json(json_t **out, const vs_metrics_set *set, const size_t *ks, size_t n_ks,
                          size_t top, vs_error *err)
{
    vs_metrics m = {0};
    json_t *curves, *whole;
    int failed = 0;

    VS_TRY(vs_metrics_measure(&m, set->item, set->n, ks, n_ks, top, err));
    curves = json_object();
    for (vs_curve c = VS_CURVE_PASS; c < VS_CURVES; c++)
        if (m.has[c]) failed |= json_object_set_new(curves, vs_curve_name(c), curve_json(&m, c));
    whole = json_pack("{s:I, s:o}", "problems", (json_int_t)m.n_problems, "curves", curves);
    vs_metrics_free(&m);
    if (failed || !whole) {
        json_decref(whole);
        return VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory");
    }
    *out = whole;
    return VS_OK;
}
