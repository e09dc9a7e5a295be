/* compare.c - runs a suite's systems over its seeds, and says what came of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/compare.h"
#include "app/runs.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/loop/loop.h"

/* -- which runs there are -- */

/* "V-STaR [1 iteration]" -> "v-star-1-iteration". */
static char *slug_of(const char *name)
{
    char *slug = vs_strdup_n(name, strlen(name));
    size_t n = 0;

    for (size_t i = 0; slug && name[i]; i++) {
        const char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            slug[n++] = c;
        else if (n && slug[n - 1] != '-')
            slug[n++] = '-';
    }
    while (slug && n && slug[n - 1] == '-') n--;
    if (slug) slug[n] = '\0';
    return slug;
}

static vs_status check_row(const vs_suite_system *system, const vs_recipe *r, const char *path,
                           vs_error *err)
{
    const char *row = vs_suite_row(system, r);

    if (vs_run_has_row(r, row)) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "%s:%zu: %s: its run has no row \"%s\" of results, expected one of those that "
                   "vstar run prints",
                   path, system->line, system->name, row);
}

/* Curves are measured at 1, 2, 4, .. and at the number of candidates. */
static vs_status check_claims(const vs_suite *s, size_t system, const vs_recipe *r,
                              const char *path, vs_error *err)
{
    for (size_t i = 0; i < s->n_claims; i++) {
        const vs_suite_claim *c = &s->claim[i];
        if (c->left != system && c->right != system) continue;
        for (size_t k = 0; k < c->k.n; k++) {
            const uint32_t at = system == c->right && c->right_k ? c->right_k : c->k.item[k];
            if (at == r->eval.n || (at && at < r->eval.n && (at & (at - 1)) == 0)) continue;
            return VS_FAIL(
                err, VS_E_INPUT,
                "%s: claim \"%s\": k: found %u, expected a power of 2 below eval.n = %zu "
                "of %s, or that",
                path, c->name, at, r->eval.n, s->system[system].name);
        }
    }
    return VS_OK;
}

/* Systems whose recipes are the same are one run, which has the first one's name. */
static vs_status plan_lines(vs_comparison *c, const char *path, vs_error *err)
{
    vs_buf text[VS_SUITE_MAX] = {{0}};
    const vs_suite *s = c->suite;
    vs_status st = VS_OK;

    for (size_t i = 0; i < s->n_systems; i++) {
        vs_compare_line *line = &c->line[c->n_lines++];
        vs_recipe r = {0};
        VS_CHECK(vs_suite_recipe(&r, s, i, s->seeds[0], path, err));
        st = vs_recipe_write(&text[c->n_runs], &r, err);
        line->name = s->system[i].name;
        snprintf(line->row, sizeof line->row, "%s", vs_suite_row(&s->system[i], &r));
        if (st == VS_OK) st = check_row(&s->system[i], &r, path, err);
        if (st == VS_OK) st = check_claims(s, i, &r, path, err);
        vs_recipe_free(&r);
        if (st != VS_OK) goto done;
        while (line->run < c->n_runs && strcmp(text[line->run].data, text[c->n_runs].data) != 0)
            line->run++;
        if (line->run < c->n_runs) {
            vs_buf_clear(&text[c->n_runs]);
            continue;
        }
        c->run[c->n_runs].slug = slug_of(line->name);
        if (!c->run[c->n_runs].slug) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: path", line->name);
            goto done;
        }
        c->n_runs++;
    }
done:
    for (size_t i = 0; i < VS_SUITE_MAX; i++) vs_buf_free(&text[i]);
    return st;
}

static vs_status check_slugs(const vs_comparison *c, vs_error *err)
{
    for (size_t i = 0; i < c->n_runs; i++) {
        if (!c->run[i].slug[0])
            return VS_FAIL(
                err, VS_E_INPUT,
                "systems: found a name without letters and digits, expected one that can "
                "name a folder");
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->run[i].slug, c->run[k].slug) == 0)
                return VS_FAIL(err, VS_E_INPUT, "systems: two names give the folder \"%s\"",
                               c->run[i].slug);
    }
    return VS_OK;
}

/* -- running -- */

static size_t first_system(const vs_comparison *c, size_t run)
{
    size_t i = 0;

    while (c->line[i].run != run) i++;
    return i;
}

/* Run number `run` of a seed, which may take over from those before it. */
static vs_status run_one(const vs_comparison *c, const char *path, const char *dir, uint64_t seed,
                         size_t run, vs_str_list *others, vs_error *err)
{
    const size_t system = first_system(c, run);
    vs_recipe r = {0};
    char *out = vs_format("%s/seed-%llu/%s", dir, (unsigned long long)seed, c->run[run].slug);
    vs_status st;

    if (!out) return VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
    vs_say("-- seed %llu, %s --", (unsigned long long)seed, c->suite->system[system].name);
    VS_CHECK(vs_suite_recipe(&r, c->suite, system, seed, path, err));
    VS_CHECK(vs_run_and_report(&r, out, others, err));
    others->item[others->n++] = out;
    out = NULL;
done:
    vs_recipe_free(&r);
    free(out);
    return st;
}

static vs_status run_seed(const vs_comparison *c, const char *path, const char *dir, uint64_t seed,
                          vs_error *err)
{
    vs_str_list others = {.item = vs_alloc(c->n_runs, sizeof *others.item)};
    vs_status st = VS_OK;

    if (!others.item) return VS_FAIL(err, VS_E_NOMEM, "%zu runs", c->n_runs);
    for (size_t i = 0; i < c->n_runs && st == VS_OK; i++)
        st = run_one(c, path, dir, seed, i, &others, err);
    for (size_t i = 0; i < others.n; i++) free((char *)(uintptr_t)others.item[i]);
    vs_str_list_free(&others);
    return st;
}

/* -- text -- */

const vs_interval *vs_compare_point(const vs_compare_line *l, vs_curve curve, size_t k)
{
    const vs_compare_curve *c = &l->curve[curve];
    const vs_interval *found = NULL;

    for (size_t i = 0; i < c->n && c->ks[i] <= k; i++) found = &c->point[i];
    return found;
}

static void put_cell(vs_buf *b, const vs_interval *p)
{
    if (p)
        vs_buf_printf(b, " %.1f (%.1f to %.1f) |", 100 * p->value, 100 * p->low, 100 * p->high);
    else
        vs_buf_str(b, " |");
}

static void put_results(vs_buf *b, const vs_comparison *c)
{
    vs_buf_printf(b,
                  "Per cent of %zu test problems in each of %zu seeds, mean over seeds, with 95 %% "
                  "intervals over seeds and problems.\n\n"
                  "| system | Pass@1 | Maj@%zu | Best-of-%zu | weighted vote | Pass@%zu |\n"
                  "|---|---|---|---|---|---|\n",
                  c->n_problems, c->suite->n_seeds, c->headline_k, c->headline_k, c->headline_k);
    for (size_t i = 0; i < c->n_lines; i++) {
        const vs_compare_line *l = &c->line[i];
        vs_buf_printf(b, "| %s |", l->name);
        put_cell(b, vs_compare_point(l, VS_CURVE_PASS, 1));
        put_cell(b, vs_compare_point(l, VS_CURVE_MAJORITY, c->headline_k));
        put_cell(b, vs_compare_point(l, VS_CURVE_BEST_OF, c->headline_k));
        put_cell(b, vs_compare_point(l, VS_CURVE_WEIGHTED, c->headline_k));
        put_cell(b, vs_compare_point(l, VS_CURVE_PASS, c->headline_k));
        vs_buf_str(b, "\n");
    }
}

static void put_claims(vs_buf *b, const vs_comparison *c)
{
    if (!c->n_claims) return;
    vs_buf_str(b, "\n| claim | k | difference | seeds | |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < c->n_claims; i++) {
        const vs_compare_claim *x = &c->claim[i];
        if (x->is_missing) {
            vs_buf_printf(b, "| %s | %u | | | not measured |\n", x->claim->name, x->k);
            continue;
        }
        vs_buf_printf(b, "| %s | %u | %+.1f (%+.1f to %+.1f) |", x->claim->name, x->k,
                      100 * x->difference.value, 100 * x->difference.low, 100 * x->difference.high);
        for (size_t g = 0; g < c->suite->n_seeds; g++) vs_buf_printf(b, " %+.1f", 100 * x->seed[g]);
        vs_buf_printf(b, " | %s |\n", vs_held_name[x->held]);
    }
}

static void put_at(vs_buf *b, const vs_compare_curve *x, uint32_t k)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->ks[i] == k) vs_buf_printf(b, " %.1f", 100 * x->point[i].value);
    vs_buf_str(b, " |");
}

/* The ks are those of the system that has the most. */
static void put_best_of(vs_buf *b, const vs_comparison *c)
{
    const vs_compare_curve *ks = &c->line[0].curve[VS_CURVE_BEST_OF];

    for (size_t i = 1; i < c->n_lines; i++)
        if (c->line[i].curve[VS_CURVE_BEST_OF].n > ks->n) ks = &c->line[i].curve[VS_CURVE_BEST_OF];
    if (!ks->n) return;
    vs_buf_str(b, "\n| Best-of-k |");
    for (size_t k = 0; k < ks->n; k++) vs_buf_printf(b, " %u |", ks->ks[k]);
    vs_buf_str(b, "\n|---|");
    for (size_t k = 0; k < ks->n; k++) vs_buf_str(b, "---|");
    vs_buf_str(b, "\n");
    for (size_t i = 0; i < c->n_lines; i++) {
        const vs_compare_curve *x = &c->line[i].curve[VS_CURVE_BEST_OF];
        if (!x->n) continue;
        vs_buf_printf(b, "| %s |", c->line[i].name);
        for (size_t k = 0; k < ks->n; k++) put_at(b, x, ks->ks[k]);
        vs_buf_str(b, "\n");
    }
}

static void put_calibration(vs_buf *b, const vs_comparison *c)
{
    bool has_head = false;

    for (size_t i = 0; i < c->n_runs; i++) {
        const vs_calibration *x = &c->run[i].calibration;
        if (!c->run[i].is_calibrated) continue;
        if (!has_head)
            vs_buf_str(b,
                       "\n| run, its verifier | AUC within problems | Brier | of the base rate | "
                       "score with length | right with length |\n|---|---|---|---|---|---|\n");
        has_head = true;
        vs_buf_printf(b, "| %s, %s | %.3f | %.4f | %.4f | %+.2f | %+.2f |\n", c->run[i].slug,
                      c->run[i].verifier, x->auc, x->brier, x->brier_base, x->score_length,
                      x->right_length);
    }
}

static void put_rounds(vs_buf *b, const vs_comparison *c)
{
    vs_buf_str(b, "\n| run | right samples of each round, per cent |\n|---|---|\n");
    for (size_t i = 0; i < c->n_runs; i++) {
        vs_buf_printf(b, "| %s |", c->run[i].slug);
        for (size_t t = 0; t < c->run[i].n_rounds; t++)
            vs_buf_printf(b, " %.1f", 100 * c->run[i].round[t]);
        vs_buf_str(b, " |\n");
    }
}

void vs_comparison_text(vs_buf *out, const vs_comparison *c)
{
    put_results(out, c);
    put_best_of(out, c);
    put_claims(out, c);
    put_calibration(out, c);
    put_rounds(out, c);
}

/* -- the verb -- */

static vs_status write_page(const vs_comparison *c, const char *dir, vs_error *err)
{
    vs_buf page = {0};
    char *path = vs_format("%s/report.html", dir);
    vs_status st =
        path ? vs_comparison_page(&page, c, err) : VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);

    if (st == VS_OK) st = vs_file_replace(path, page.data, page.len, err);
    if (st == VS_OK) vs_say("report: %s", path);
    vs_buf_free(&page);
    free(path);
    return st;
}

static vs_status compare(const char *path, const char *out, vs_error *err)
{
    vs_comparison *c = vs_alloc(1, sizeof *c);
    vs_suite *suite = NULL;
    char *dir = NULL;
    vs_buf text = {0};
    vs_status st;

    if (!c) return VS_FAIL(err, VS_E_NOMEM, "%s", path);
    VS_CHECK(vs_suite_read(&suite, path, err));
    c->suite = suite;
    dir = out ? vs_strdup_n(out, strlen(out)) : vs_format("runs/%s", suite->name);
    if (!dir) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: path", path);
        goto done;
    }
    VS_CHECK(plan_lines(c, path, err));
    VS_CHECK(check_slugs(c, err));
    vs_run_use_builtin_base();
    for (size_t i = 0; i < suite->n_seeds; i++)
        VS_CHECK(run_seed(c, path, dir, suite->seeds[i], err));
    VS_CHECK(vs_comparison_read(c, dir, err));
    VS_CHECK(write_page(c, dir, err));
    vs_comparison_text(&text, c);
    VS_CHECK(vs_buf_ok(&text, "results", err));
    if (text.len && text.data[text.len - 1] == '\n') text.len--;
    st = vs_out_line(&text, err);
done:
    vs_buf_free(&text);
    vs_comparison_free(c);
    free(c);
    vs_suite_free(suite);
    free(dir);
    return st;
}

vs_status vs_verb_compare(int argc, char **argv, vs_error *err)
{
    const char *out = NULL;
    const vs_opt opts[] = {
        {"--out", VS_OPT_STR, &out, false, 0, 0, "DIR",
         "the suite's folder (runs/NAME, by the suite's name)"},
    };
    vs_cmd c = {
        .verb = "compare",
        .usage = "SUITE.yaml [--out DIR]",
        .about =
            "Runs several systems over several seeds and compares them on the same problems. What "
            "two systems share, a model or\n"
            "samples, is made once. The same command resumes. Each run is a folder "
            "DIR/seed-S/SYSTEM as of vstar run; tables go to\n"
            "standard output as Markdown, DIR/report.html has them with charts.",
        .example = "  $ vstar compare recipes/compare-tiny.yaml",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };
    const vs_status st = vs_args_parse(&c, argc, argv, err);

    return st == VS_OK && !c.is_help ? compare(c.words[0], out, err) : st;
}
