#include "flow/answers/answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* The samples of a system as the estimators take them. */
typedef struct table {
    vs_samples samples;
    double *scores, *ref;
    uint8_t *right;
    int32_t *classes;
    vs_metrics_problem *problems;
    size_t n_problems;
} table;

static void table_free(table *t)
{
    vs_samples_free(&t->samples);
    free(t->scores);
    free(t->ref);
    free(t->right);
    free(t->classes);
    free(t->problems);
}

static vs_status fill_scores(table *t, vs_store *s, const vs_system *y, vs_error *err)
{
    const vs_samples *x = &t->samples;

    if (y->rank == VS_RANK_LIKELIHOOD)
        for (size_t i = 0; i < x->n; i++) t->scores[i] = x->item[i].logprob;
    if (y->model) VS_TRY(vs_store_scores(t->scores, s, x, y->model, err));
    if (y->reference) VS_TRY(vs_store_scores(t->ref, s, x, y->reference, err));
    for (size_t i = 0; i < x->n && y->rank != VS_RANK_NONE; i++) {
        if (y->reference) t->scores[i] -= t->ref[i];
        if (y->rank == VS_RANK_MEAN || y->rank == VS_RANK_MEAN_RATIO)
            t->scores[i] /= (double)x->item[i].n_ids;
        if (isnan(t->scores[i]))
            return VS_FAIL(err, VS_E_STATE, "run.db: sample %lld of %s has no score for %s",
                           (long long)x->item[i].id, y->set, y->name);
    }
    return VS_OK;
}

/* Equal normal forms within a problem share the number of the first sample that has it. */
static void fill_classes(table *t, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        const char *normal = t->samples.item[i].normal;
        t->right[i] = t->samples.item[i].verdict == VS_RIGHT;
        t->classes[i] = -1;
        if (!normal || !*normal) continue;
        t->classes[i] = (int32_t)(i - begin);
        for (size_t j = begin; j < i; j++) {
            if (t->classes[j] < 0 || strcmp(t->samples.item[j].normal, normal) != 0) continue;
            t->classes[i] = t->classes[j];
            break;
        }
    }
}

static vs_status fill_problems(table *t, const vs_problems *test, bool has_scores, vs_error *err)
{
    for (size_t i = 0; i < t->samples.n;) {
        const vs_problem *p = vs_problems_find(test, t->samples.item[i].problem_id);
        size_t end = i;
        if (!p) return VS_FAIL(err, VS_E_STATE, "run.db: a test sample has no test problem");
        while (end < t->samples.n && t->samples.item[end].problem_id == p->id) end++;
        fill_classes(t, i, end);
        t->problems[t->n_problems++] =
            (vs_metrics_problem){.n = end - i,
                                 .right = t->right + i,
                                 .scores = has_scores ? t->scores + i : NULL,
                                 .classes = t->classes + i,
                                 .key = vs_hash64(p->key, strlen(p->key))};
        i = end;
    }
    return VS_OK;
}

/* The standard error of a point that was drawn in part, as a curve of its own: "weighted_error". */
static vs_status store_error(vs_store *s, const vs_metric *point, double error, vs_error *err)
{
    vs_metric row = {.k = point->k, .value = error, .low = error, .high = error};

    snprintf(row.system, sizeof row.system, "%s", point->system);
    snprintf(row.curve, sizeof row.curve, "%.9s_error", point->curve);
    return vs_store_add_metric(s, &row, err);
}

static vs_status store_curves(vs_store *s, const vs_system *y, const vs_metrics *m, vs_error *err)
{
    double *each = vs_alloc(m->n_problems, sizeof *each);
    vs_status st = VS_OK;

    if (!each) return VS_FAIL(err, VS_E_NOMEM, "%s: %zu problems", y->name, m->n_problems);
    for (vs_curve c = 0; c < VS_CURVES; c++) {
        for (size_t k = 0; m->has[c] && k < m->n_ks; k++) {
            const vs_interval *p = vs_metrics_point(m, c, m->ks[k]);
            vs_metric row = {.k = (uint32_t)m->ks[k],
                             .value = p->value,
                             .low = p->low,
                             .high = p->high,
                             .each = each,
                             .n_each = m->n_problems};
            snprintf(row.system, sizeof row.system, "%s", y->name);
            snprintf(row.curve, sizeof row.curve, "%s", vs_curve_name(c));
            vs_metrics_each(each, (vs_metrics_at){m, c, m->ks[k]});
            VS_CHECK(vs_store_add_metric(s, &row, err));
            if (vs_metrics_error(m, c, m->ks[k]) > 0)
                VS_CHECK(store_error(s, &row, vs_metrics_error(m, c, m->ks[k]), err));
        }
    }
done:
    free(each);
    return st;
}

vs_status vs_answers_measure(vs_store *s, const vs_problems *test, const vs_system *y,
                             const char *profile, vs_metrics *out, vs_error *err)
{
    vs_status st;
    table t = {0};
    size_t n;

    VS_CHECK(vs_store_samples(&t.samples, s, y->set, profile, err));
    n = t.samples.n;
    t.scores = vs_alloc(n, sizeof *t.scores);
    t.ref = vs_alloc(n, sizeof *t.ref);
    t.right = vs_alloc(n, sizeof *t.right);
    t.classes = vs_alloc(n, sizeof *t.classes);
    t.problems = vs_alloc(n, sizeof *t.problems);
    if (!t.scores || !t.ref || !t.right || !t.classes || !t.problems) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu samples", y->name, n);
        goto done;
    }
    VS_CHECK(fill_scores(&t, s, y, err));
    VS_CHECK(fill_problems(&t, test, y->rank != VS_RANK_NONE, err));
    VS_CHECK(vs_metrics_measure(out, t.problems, t.n_problems, NULL, 0, y->top, err));
    st = store_curves(s, y, out, err);
done:
    table_free(&t);
    return st;
}

vs_status vs_answers_compare(vs_store *s, const char *name, vs_metrics_at a, vs_metrics_at b,
                             vs_error *err)
{
    vs_interval d;
    vs_metric row = {.curve = "difference", .k = (uint32_t)a.k};

    VS_TRY(vs_metrics_difference(&d, a, b, err));
    snprintf(row.system, sizeof row.system, "%s", name);
    row.value = d.value;
    row.low = d.low;
    row.high = d.high;
    return vs_store_add_metric(s, &row, err);
}
