/* compare_data.c - from the stores of a suite's runs to one table of results. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/compare.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/loop/loop.h"
#include "flow/verifier/verifier.h"

const char *const vs_held_name[3] = {"held", "not held", "undecided"};

/* The test problems of one run, in their order: what makes two the same is key, prompt and gold. */
typedef struct tested {
    uint64_t *identity; /* [n] */
    uint32_t *item;     /* [n] their places among all problems of the suite */
    size_t n;
} tested;

/* The runs' stores and problems, [seeds][runs]. */
typedef struct stores {
    vs_store *item[VS_SUITE_MAX][VS_SUITE_MAX];
    char *dir[VS_SUITE_MAX][VS_SUITE_MAX];
    tested test[VS_SUITE_MAX][VS_SUITE_MAX];
    size_t n_items; /* test problems that differ */
} stores;

static void close_stores(stores *s)
{
    for (size_t i = 0; i < VS_SUITE_MAX; i++)
        for (size_t k = 0; k < VS_SUITE_MAX; k++) {
            vs_store_close(s->item[i][k]);
            free(s->dir[i][k]);
            free(s->test[i][k].identity);
            free(s->test[i][k].item);
        }
    free(s);
}

static vs_status open_stores(stores **out, const vs_comparison *c, const char *dir, vs_error *err)
{
    stores *s = vs_alloc(1, sizeof *s);
    char *db = NULL;
    vs_status st = VS_OK;

    if (!s) return VS_FAIL(err, VS_E_NOMEM, "%s: stores", dir);
    for (size_t i = 0; i < c->suite->n_seeds; i++)
        for (size_t k = 0; k < c->n_runs; k++) {
            s->dir[i][k] = vs_format("%s/seed-%llu/%s", dir, (unsigned long long)c->suite->seeds[i],
                                     c->run[k].slug);
            db = s->dir[i][k] ? vs_format("%s/run.db", s->dir[i][k]) : NULL;
            if (!db) {
                st = VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
                goto done;
            }
            VS_CHECK(vs_store_open(&s->item[i][k], db, VS_STORE_READ, err));
            free(db);
            db = NULL;
        }
    *out = s;
    s = NULL;
done:
    free(db);
    if (s) close_stores(s);
    return st;
}

/* -- test problems -- */

static uint64_t identity_of(const vs_problem *p)
{
    const uint64_t parts[3] = {vs_hash64(p->key, strlen(p->key)),
                               vs_hash64(p->prompt, strlen(p->prompt)),
                               p->gold ? vs_hash64(p->gold, strlen(p->gold)) : 0};

    return vs_hash64(parts, sizeof parts);
}

static vs_status read_tested(tested *out, vs_store *s, vs_error *err)
{
    vs_problems test = {0};
    vs_status st;

    VS_CHECK(vs_store_problems(&test, s, "test", err));
    out->identity = vs_alloc(test.n, sizeof *out->identity);
    out->item = vs_alloc(test.n, sizeof *out->item);
    if (!out->identity || !out->item) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu problems", test.n);
        goto done;
    }
    for (size_t i = 0; i < test.n; i++) out->identity[i] = identity_of(&test.item[i]);
    out->n = test.n;
done:
    vs_problems_free(&test);
    return st;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static vs_status number_problems(stores *s, const vs_comparison *c, vs_error *err)
{
    uint64_t *all = NULL;
    size_t n = 0, cap = 0;

    for (size_t i = 0; i < c->suite->n_seeds; i++)
        for (size_t k = 0; k < c->n_runs; k++) {
            const tested *t = &s->test[i][k];
            if (!vs_grow(&all, &cap, n + t->n, sizeof *all)) {
                free(all);
                return VS_FAIL(err, VS_E_NOMEM, "%zu problems", n);
            }
            if (t->n) memcpy(all + n, t->identity, t->n * sizeof *all);
            n += t->n;
        }
    if (n) qsort(all, n, sizeof *all, compare_u64);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || all[i] != all[s->n_items - 1]) all[s->n_items++] = all[i];
    for (size_t i = 0; i < c->suite->n_seeds; i++)
        for (size_t k = 0; k < c->n_runs; k++)
            for (size_t p = 0; p < s->test[i][k].n; p++) {
                const uint64_t *at =
                    bsearch(&s->test[i][k].identity[p], all, s->n_items, sizeof *all, compare_u64);
                s->test[i][k].item[p] = (uint32_t)(at - all);
            }
    free(all);
    return VS_OK;
}

static vs_status read_problems(stores *s, const vs_comparison *c, vs_error *err)
{
    for (size_t i = 0; i < c->suite->n_seeds; i++)
        for (size_t k = 0; k < c->n_runs; k++)
            VS_TRY(read_tested(&s->test[i][k], s->item[i][k], err));
    return number_problems(s, c, err);
}

/* -- values of all seeds, one seed after the other -- */

typedef struct values {
    double *item;
    uint32_t *problem; /* which each is of */
    size_t n, cap, problem_cap, begin[VS_SUITE_MAX + 1];
} values;

static void values_free(values *v)
{
    free(v->item);
    free(v->problem);
}

static vs_status add_values(values *v, vs_store *s, const tested *t, const char *row,
                            vs_curve curve, uint32_t k, vs_error *err)
{
    double *each = NULL;
    size_t n;

    VS_TRY(vs_store_metric_each(&each, &n, s, row, vs_curve_name(curve), k, err));
    if (n != t->n) {
        free(each);
        return VS_FAIL(err, VS_E_STATE, "run.db: %s has %zu values for %zu test problems", row, n,
                       t->n);
    }
    if (!vs_grow(&v->item, &v->cap, v->n + n, sizeof *v->item) ||
        !vs_grow(&v->problem, &v->problem_cap, v->n + n, sizeof *v->problem)) {
        free(each);
        return VS_FAIL(err, VS_E_NOMEM, "%s: %zu problems", row, n);
    }
    memcpy(v->item + v->n, each, n * sizeof *each);
    memcpy(v->problem + v->n, t->item, n * sizeof *t->item);
    v->n += n;
    free(each);
    return VS_OK;
}

static vs_status read_values(values *v, const stores *s, const vs_comparison *c,
                             const vs_compare_line *line, vs_curve curve, uint32_t k, vs_error *err)
{
    for (size_t i = 0; i < c->suite->n_seeds; i++) {
        v->begin[i] = v->n;
        VS_TRY(
            add_values(v, s->item[i][line->run], &s->test[i][line->run], line->row, curve, k, err));
    }
    v->begin[c->suite->n_seeds] = v->n;
    return VS_OK;
}

/* Leaves in a curve the ks that this run has too. */
static void keep_common(vs_compare_curve *c, const vs_metric *m, size_t n, const char *row,
                        vs_curve curve)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n; i++)
        for (size_t j = 0; j < n; j++)
            if (m[j].k == c->ks[i] && strcmp(m[j].system, row) == 0 &&
                strcmp(m[j].curve, vs_curve_name(curve)) == 0) {
                c->ks[kept++] = c->ks[i];
                break;
            }
    c->n = kept;
}

static void take_ks(vs_compare_curve *c, const vs_metric *m, size_t n, const char *row,
                    vs_curve curve)
{
    for (size_t j = 0; j < n && c->n < VS_COMPARE_KS; j++)
        if (strcmp(m[j].system, row) == 0 && strcmp(m[j].curve, vs_curve_name(curve)) == 0)
            c->ks[c->n++] = m[j].k;
}

/* The ks that the line's curves have in every seed: none where a seed's run has no such row, as one whose
 * samples taught no verifier. */
static vs_status read_ks(const vs_comparison *c, vs_compare_line *line, const stores *s,
                         vs_error *err)
{
    size_t n_curves = 0;

    for (size_t i = 0; i < c->suite->n_seeds; i++) {
        vs_metric *m = NULL;
        size_t n = 0;
        VS_TRY(vs_store_metrics(&m, &n, s->item[i][line->run], err));
        for (vs_curve k = 0; k < VS_CURVES; k++)
            (i ? keep_common : take_ks)(&line->curve[k], m, n, line->row, k);
        free(m);
    }
    for (vs_curve k = 0; k < VS_CURVES; k++) n_curves += line->curve[k].n > 0;
    if (!n_curves)
        vs_say("%s: not every seed's run has a row \"%s\" of results; it is left out", line->name,
               line->row);
    return VS_OK;
}

static vs_status read_line(vs_comparison *c, vs_compare_line *line, const stores *s, vs_error *err)
{
    values v = {0};
    vs_status st;

    VS_TRY(read_ks(c, line, s, err));
    for (vs_curve k = 0; k < VS_CURVES; k++)
        for (size_t i = 0; i < line->curve[k].n; i++) {
            v.n = 0;
            VS_CHECK(read_values(&v, s, c, line, k, line->curve[k].ks[i], err));
            VS_CHECK(vs_interval_of_seeds(&line->curve[k].point[i], v.item, v.problem, v.begin,
                                          c->suite->n_seeds, s->n_items, VS_SHARE, err));
            c->n_problems = v.begin[1];
        }
    st = VS_OK;
done:
    values_free(&v);
    return st;
}

/* -- claims -- */

/* Two curves that are one by definition, such as Pass@1 and Best-of-1, are summed in other orders. */
static const double ROUNDING = 1e-9;

static bool has_point(const vs_compare_line *l, vs_curve curve, uint32_t k)
{
    for (size_t i = 0; i < l->curve[curve].n; i++)
        if (l->curve[curve].ks[i] == k) return true;
    return false;
}

static vs_status read_claim(vs_comparison *c, vs_compare_claim *out, const stores *s, vs_error *err)
{
    const vs_suite_claim *claim = out->claim;
    const vs_compare_line *l = &c->line[claim->left], *r = &c->line[claim->right];
    values left = {0}, right = {0};
    vs_status st;

    const uint32_t right_k = claim->right_k ? claim->right_k : out->k;

    out->held = VS_UNDECIDED;
    out->is_missing =
        !has_point(l, claim->left_curve, out->k) || !has_point(r, claim->right_curve, right_k);
    if (out->is_missing) return VS_OK;
    VS_CHECK(read_values(&left, s, c, l, claim->left_curve, out->k, err));
    VS_CHECK(read_values(&right, s, c, r, claim->right_curve, right_k, err));
    if (memcmp(left.begin, right.begin, (c->suite->n_seeds + 1) * sizeof *left.begin) != 0 ||
        memcmp(left.problem, right.problem, left.n * sizeof *left.problem) != 0) {
        st = VS_FAIL(err, VS_E_INPUT,
                     "claim \"%s\": %s and %s were tested on different problems, expected the same",
                     claim->name, l->name, r->name);
        goto done;
    }
    for (size_t i = 0; i < left.n; i++) {
        left.item[i] -= right.item[i];
        if (fabs(left.item[i]) < ROUNDING) left.item[i] = 0;
    }
    VS_CHECK(vs_interval_of_seeds(&out->difference, left.item, left.problem, left.begin,
                                  c->suite->n_seeds, s->n_items, VS_DIFFERENCE, err));
    for (size_t g = 0; g < c->suite->n_seeds; g++) {
        double sum = 0;
        for (size_t i = left.begin[g]; i < left.begin[g + 1]; i++) sum += left.item[i];
        out->seed[g] = sum / (double)(left.begin[g + 1] - left.begin[g]);
    }
    out->held = out->difference.low > 0    ? VS_HELD
                : out->difference.high < 0 ? VS_NOT_HELD
                                           : VS_UNDECIDED;
done:
    values_free(&left);
    values_free(&right);
    return st;
}

static vs_status read_claims(vs_comparison *c, const stores *s, vs_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < c->suite->n_claims; i++) n += c->suite->claim[i].k.n;
    c->claim = vs_alloc(n, sizeof *c->claim);
    if (!c->claim) return VS_FAIL(err, VS_E_NOMEM, "%zu claims", n);
    for (size_t i = 0; i < c->suite->n_claims; i++)
        for (size_t k = 0; k < c->suite->claim[i].k.n; k++) {
            vs_compare_claim *out = &c->claim[c->n_claims++];
            *out =
                (vs_compare_claim){.claim = &c->suite->claim[i], .k = c->suite->claim[i].k.item[k]};
            VS_TRY(read_claim(c, out, s, err));
        }
    return VS_OK;
}

/* -- runs: rounds and calibration -- */

static vs_status read_rounds(vs_comparison *c, size_t run, const stores *s, const vs_recipe *r,
                             vs_error *err)
{
    vs_compare_run *out = &c->run[run];
    static vs_round_stats stats[VS_REPORT_ROUNDS];
    char grader[VS_GRADER_VERSION_BYTES];

    for (size_t i = 0; i < c->suite->n_seeds; i++) {
        size_t n = 0;
        VS_TRY(vs_run_grader_version(grader, s->item[i][run], r, false, err));
        VS_TRY(vs_rounds_read(stats, &n, s->item[i][run], grader, err));
        out->n_rounds = n < VS_COMPARE_ROUNDS ? n : VS_COMPARE_ROUNDS;
        for (size_t t = 0; t < out->n_rounds; t++)
            out->round[t] += (double)stats[t].n_right /
                             (double)(stats[t].n_drawn ? stats[t].n_drawn : 1) /
                             (double)c->suite->n_seeds;
    }
    return VS_OK;
}

/* Samples of all seeds as vs_calibrate wants them. */
typedef struct scored {
    int64_t *problem;
    uint8_t *right;
    double *score, *length;
    size_t n;
} scored;

static void scored_free(scored *d)
{
    free(d->problem);
    free(d->right);
    free(d->score);
    free(d->length);
}

static vs_status grow_scored(scored *d, size_t n, vs_error *err)
{
    void *p;

    if ((p = realloc(d->problem, n * sizeof *d->problem))) d->problem = p;
    if (p && (p = realloc(d->right, n * sizeof *d->right))) d->right = p;
    if (p && (p = realloc(d->score, n * sizeof *d->score))) d->score = p;
    if (p && (p = realloc(d->length, n * sizeof *d->length))) d->length = p;
    return p ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%zu scores", n);
}

static vs_status add_scored(scored *d, size_t seed, vs_store *s, const char *dir,
                            const vs_recipe *r, vs_error *err)
{
    const size_t first = d->n;
    char verifier[VS_HASH_HEX], key[VS_SCORE_KEY_BYTES], grader[VS_GRADER_VERSION_BYTES];
    vs_samples all = {0};
    vs_status st;

    VS_TRY(vs_run_model_hash(verifier, dir, "verifier", err));
    VS_TRY(vs_run_grader_version(grader, s, r, true, err));
    vs_run_score_key(key, r, verifier);
    VS_TRY(vs_store_samples(&all, s, "test:generator", grader, err));
    VS_CHECK(grow_scored(d, d->n + all.n, err));
    VS_CHECK(vs_store_scores(d->score + first, s, &all, key, err));
    for (size_t i = 0; i < all.n; i++) {
        if (isnan(d->score[first + i])) continue; /* a run without a verifier in this seed */
        d->score[d->n] = d->score[first + i];
        d->problem[d->n] = (int64_t)(seed << 32) + all.item[i].problem_id;
        d->right[d->n] = all.item[i].verdict == VS_RIGHT;
        d->length[d->n] = (double)all.item[i].n_ids;
        d->n++;
    }
    st = VS_OK;
done:
    vs_samples_free(&all);
    return st;
}

static vs_status read_calibration(vs_comparison *c, size_t run, const stores *s, const vs_recipe *r,
                                  vs_error *err)
{
    scored d = {0};
    vs_status st = VS_OK;

    for (size_t i = 0; i < c->suite->n_seeds; i++) {
        const size_t before = d.n;
        VS_CHECK(add_scored(&d, i, s->item[i][run], s->dir[i][run], r, err));
        if (d.n == before) goto done; /* no verifier in this seed: it would be another mixture */
    }
    if (s->test[0][run].n < 2) goto done; /* a fit and its measure want a problem each */
    VS_CHECK(
        vs_calibrate(&c->run[run].calibration, d.problem, d.right, d.score, d.length, d.n, err));
    c->run[run].is_calibrated = true;
done:
    scored_free(&d);
    return st;
}

/* From the recipe that the suite starts from, as its runs wrote it out. */
static void find_headline(vs_comparison *c, size_t at_most)
{
    for (size_t i = 0; i < c->n_lines; i++)
        for (size_t j = 0; j < c->line[i].curve[VS_CURVE_PASS].n; j++) {
            const uint32_t k = c->line[i].curve[VS_CURVE_PASS].ks[j];
            if (k <= at_most && k > c->headline_k) c->headline_k = k;
        }
}

static vs_status read_run(vs_comparison *c, size_t run, const stores *s, vs_error *err)
{
    char *path = vs_format("%s/recipe.yaml", s->dir[0][run]);
    vs_recipe r = {0};
    vs_status st;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", s->dir[0][run]);
    VS_CHECK(vs_recipe_read(&r, path, err));
    if (run == 0) find_headline(c, r.eval.headline_k);
    VS_CHECK(read_rounds(c, run, s, &r, err));
    if (r.verifier.kind != VS_VERIFIER_NONE) {
        c->run[run].verifier = vs_verifier_title(r.verifier.kind);
        VS_CHECK(read_calibration(c, run, s, &r, err));
    }
done:
    vs_recipe_free(&r);
    free(path);
    return st;
}

vs_status vs_comparison_read(vs_comparison *c, const char *dir, vs_error *err)
{
    stores *s = NULL;
    vs_status st;

    VS_TRY(open_stores(&s, c, dir, err));
    VS_CHECK(read_problems(s, c, err));
    for (size_t i = 0; i < c->n_lines; i++) VS_CHECK(read_line(c, &c->line[i], s, err));
    VS_CHECK(read_claims(c, s, err));
    for (size_t i = 0; i < c->n_runs; i++) VS_CHECK(read_run(c, i, s, err));
done:
    close_stores(s);
    return st;
}

void vs_comparison_free(vs_comparison *c)
{
    for (size_t i = 0; i < c->n_runs; i++) free(c->run[i].slug);
    free(c->claim);
    *c = (vs_comparison){0};
}
