/* audit.c - where graders disagree about a run's stored samples. Reads only. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/runs.h"
#include "base/mem.h"
#include "flow/loop/loop.h"

enum { MAX_COLUMNS = 16, SHOWN_TAIL = 160, NO_VERDICT = 3 };

/* A grader: a profile that is computed here, or labels that the store has. */
typedef struct column {
    char version[VS_PROFILE_BYTES];
    const char *profile; /* NULL: from the store */
    size_t n[4];         /* samples by verdict; NO_VERDICT: no label */
} column;

typedef struct audit {
    vs_store *store;
    vs_problems problems;
    vs_samples samples;
    column column[MAX_COLUMNS]; /* the first is the run's own */
    size_t n_columns;
    unsigned char *verdict; /* [samples.n][MAX_COLUMNS] */
    size_t n_cut;           /* samples that were cut off: nothing is read in them */
    bool is_json;
    size_t n_shown;
    vs_buf line;
} audit;

/* -- columns -- */

static bool has_column(const audit *a, const char *version)
{
    for (size_t i = 0; i < a->n_columns; i++)
        if (strcmp(a->column[i].version, version) == 0) return true;
    return false;
}

static void add_column(audit *a, const char *version, const char *profile)
{
    if (a->n_columns == MAX_COLUMNS || has_column(a, version)) return;
    snprintf(a->column[a->n_columns].version, VS_PROFILE_BYTES, "%.*s", VS_PROFILE_BYTES - 1,
             version);
    a->column[a->n_columns++].profile = profile;
}

/* Whether the profile takes every gold of the run as an answer of its kind. */
static bool takes_golds(const audit *a, const char *profile)
{
    vs_grade_result r;

    for (size_t i = 0; i < a->problems.n; i++) {
        const char *gold = a->problems.item[i].gold;
        if (gold && vs_grade(&r, profile, gold, strlen(gold), "", 0, NULL) != VS_OK) return false;
    }
    return true;
}

/* The run's grader, then those that were asked for or all that apply, then what else is stored. */
static vs_status choose_columns(audit *a, const vs_recipe *r, const vs_str_list *asked,
                                vs_error *err)
{
    char stored[MAX_COLUMNS][VS_PROFILE_BYTES], own[VS_GRADER_VERSION_BYTES];
    size_t n_stored;

    VS_TRY(vs_store_profiles(stored, MAX_COLUMNS, &n_stored, a->store, err));
    VS_TRY(vs_run_grader_version(own, a->store, r, false, err));
    add_column(a, own, NULL);
    for (size_t i = 0; i < asked->n; i++) {
        VS_TRY(vs_profile_check(asked->item[i], "--profile", VS_E_USAGE, err));
        if (!takes_golds(a, asked->item[i]))
            return VS_FAIL(err, VS_E_INPUT, "--profile %s: does not take this run's right answers",
                           asked->item[i]);
        add_column(a, vs_profile_version(asked->item[i]), asked->item[i]);
    }
    for (size_t i = 0; vs_profile_name(i) && asked->n == 0; i++)
        if (takes_golds(a, vs_profile_name(i)))
            add_column(a, vs_profile_version(vs_profile_name(i)), vs_profile_name(i));
    for (size_t i = 0; i < n_stored && asked->n == 0; i++) add_column(a, stored[i], NULL);
    return VS_OK;
}

/* -- verdicts -- */

static unsigned char *verdict_at(const audit *a, size_t sample, size_t c)
{
    return &a->verdict[sample * MAX_COLUMNS + c];
}

static vs_status compute_column(audit *a, size_t c, vs_error *err)
{
    for (size_t i = 0; i < a->samples.n; i++) {
        const vs_sample *x = &a->samples.item[i];
        const vs_problem *p = vs_problems_find(&a->problems, x->problem_id);
        vs_grade_result r;
        if (!p)
            return VS_FAIL(err, VS_E_STATE, "run.db: sample %lld has no problem", (long long)x->id);
        VS_TRY(vs_grade(&r, a->column[c].profile, p->gold, p->gold ? strlen(p->gold) : 0, x->text,
                        strlen(x->text), err));
        *verdict_at(a, i, c) = (unsigned char)r.verdict;
    }
    return VS_OK;
}

static vs_status read_column(audit *a, size_t c, vs_error *err)
{
    vs_samples labelled = {0};

    VS_TRY(vs_store_samples(&labelled, a->store, "*", a->column[c].version, err));
    for (size_t i = 0; i < a->samples.n && i < labelled.n; i++)
        *verdict_at(a, i, c) =
            (unsigned char)(labelled.item[i].verdict < 0 ? NO_VERDICT : labelled.item[i].verdict);
    vs_samples_free(&labelled);
    return VS_OK;
}

static vs_status fill(audit *a, vs_error *err)
{
    a->verdict = vs_alloc(a->samples.n, MAX_COLUMNS);
    if (!a->verdict) return VS_FAIL(err, VS_E_NOMEM, "audit: %zu samples", a->samples.n);
    for (size_t c = 0; c < a->n_columns; c++) {
        if (a->column[c].profile)
            VS_TRY(compute_column(a, c, err));
        else
            VS_TRY(read_column(a, c, err));
        for (size_t i = 0; i < a->samples.n; i++)
            a->column[c].n[*verdict_at(a, i, c)] += !vs_sample_is_cut(&a->samples.item[i]);
    }
    for (size_t i = 0; i < a->samples.n; i++) a->n_cut += vs_sample_is_cut(&a->samples.item[i]);
    return VS_OK;
}

/* Samples that the one calls right and the other does not. */
static size_t count_only(const audit *a, size_t right, size_t other)
{
    size_t n = 0;

    for (size_t i = 0; i < a->samples.n; i++)
        n += !vs_sample_is_cut(&a->samples.item[i]) && *verdict_at(a, i, right) == VS_RIGHT &&
             *verdict_at(a, i, other) != VS_RIGHT && *verdict_at(a, i, other) != NO_VERDICT;
    return n;
}

/* -- out -- */

static vs_status print_json(audit *a, vs_error *err)
{
    vs_buf *b = &a->line;

    vs_buf_printf(b, "{\"samples\":%zu,\"cut_off\":%zu,\"graders\":[", a->samples.n, a->n_cut);
    for (size_t c = 0; c < a->n_columns; c++) {
        const column *x = &a->column[c];
        vs_buf_printf(b, "%s{\"grader\":", c ? "," : "");
        vs_buf_json_str(b, x->version, strlen(x->version));
        vs_buf_printf(b, ",\"right\":%zu,\"wrong\":%zu,\"ungradable\":%zu,\"right_only_against\":[",
                      x->n[VS_RIGHT], x->n[VS_WRONG], x->n[VS_UNGRADABLE]);
        for (size_t d = 0; d < a->n_columns; d++)
            vs_buf_printf(b, "%s%zu", d ? "," : "", count_only(a, c, d));
        vs_buf_str(b, "]}");
    }
    vs_buf_str(b, "]}");
    return vs_out_line(b, err);
}

static vs_status print_table(audit *a, vs_error *err)
{
    vs_buf *b = &a->line;

    vs_buf_printf(b, "%zu samples, %zu of them cut off and left out here", a->samples.n, a->n_cut);
    VS_TRY(vs_out_line(b, err));
    vs_buf_printf(b, "\n     %-28s %8s %8s %10s   right here, not right in column", "grader",
                  "right", "wrong", "ungradable");
    VS_TRY(vs_out_line(b, err));
    for (size_t c = 0; c < a->n_columns; c++) {
        const column *x = &a->column[c];
        vs_buf_printf(b, "%3zu  %-28s %8zu %8zu %10zu  ", c + 1, x->version, x->n[VS_RIGHT],
                      x->n[VS_WRONG], x->n[VS_UNGRADABLE]);
        for (size_t d = 0; d < a->n_columns; d++)
            if (d != c) vs_buf_printf(b, " %zu:%zu", d + 1, count_only(a, c, d));
        VS_TRY(vs_out_line(b, err));
    }
    return VS_OK;
}

static void put_line(vs_buf *b, const char *text, size_t len)
{
    const size_t skipped = len > SHOWN_TAIL ? len - SHOWN_TAIL : 0;

    if (skipped) vs_buf_str(b, "..");
    for (size_t i = skipped; i < len; i++) vs_buf_add(b, text[i] == '\n' ? " " : text + i, 1);
}

/* Samples on which some grader differs from the run's own, the first ones in order. */
static vs_status print_examples(audit *a, vs_error *err)
{
    vs_buf *b = &a->line;

    for (size_t i = 0; i < a->samples.n && a->n_shown; i++) {
        const vs_sample *x = &a->samples.item[i];
        const vs_problem *p = vs_problems_find(&a->problems, x->problem_id);
        bool differs = false;
        for (size_t c = 1; c < a->n_columns; c++)
            differs |=
                *verdict_at(a, i, c) != NO_VERDICT && *verdict_at(a, i, c) != *verdict_at(a, i, 0);
        if (!differs || vs_sample_is_cut(x) || !p) continue;
        a->n_shown--;
        vs_buf_printf(b, "\n  %s, problem %s, sample %u, gold ", x->set, p->key,
                      (unsigned)x->index);
        put_line(b, p->gold ? p->gold : "unknown", p->gold ? strlen(p->gold) : strlen("unknown"));
        vs_buf_str(b, ":");
        for (size_t c = 0; c < a->n_columns; c++)
            if (*verdict_at(a, i, c) != NO_VERDICT)
                vs_buf_printf(b, " %zu:%s", c + 1,
                              vs_verdict_name((vs_verdict)*verdict_at(a, i, c)));
        vs_buf_str(b, "\n    ");
        put_line(b, x->text, strlen(x->text));
        VS_TRY(vs_out_line(b, err));
    }
    return VS_OK;
}

static vs_status run_audit(audit *a, const char *dir, const vs_str_list *asked, vs_error *err)
{
    char *recipe_path = NULL, *db = NULL;
    vs_recipe recipe = {0};
    vs_status st;

    VS_CHECK(vs_run_file(&recipe_path, dir, "recipe.yaml", err));
    VS_CHECK(vs_run_file(&db, dir, "run.db", err));
    VS_CHECK(vs_recipe_read(&recipe, recipe_path, err));
    VS_CHECK(vs_store_open(&a->store, db, VS_STORE_READ, err));
    VS_CHECK(vs_store_problems(&a->problems, a->store, NULL, err));
    VS_CHECK(vs_store_samples(&a->samples, a->store, "*", NULL, err));
    VS_CHECK(choose_columns(a, &recipe, asked, err));
    VS_CHECK(fill(a, err));
    if (a->is_json) {
        VS_CHECK(print_json(a, err));
    } else {
        VS_CHECK(print_table(a, err));
        VS_CHECK(print_examples(a, err));
    }
done:
    vs_recipe_free(&recipe);
    free(recipe_path);
    free(db);
    return st;
}

vs_status vs_verb_audit(int argc, char **argv, vs_error *err)
{
    vs_str_list asked = {0};
    audit a = {.n_shown = 5};
    const vs_opt opts[] = {
        {"--profile", VS_OPT_LIST, &asked, false, 0, 0, "P",
         "a grader to compare with, repeated (all that take the run's answers)"},
        {"--show", VS_OPT_SIZE, &a.n_shown, false, 0, 0, "N", "disagreements shown one by one (5)"},
        {"--json", VS_OPT_FLAG, &a.is_json, false, 0, 0, NULL, "one JSON object"},
    };
    vs_cmd c = {
        .verb = "audit",
        .usage = "RUN [--profile P ...] [--show N] [--json]",
        .about = "Reads a run's stored samples with every grader that accepts the run's gold "
                 "answers, and "
                 "shows "
                 "where they disagree with the\n"
                 "run's own (number 1) and with each other. Changes nothing; a run under way may "
                 "be audited.",
        .example =
            "  $ vstar audit runs/gsm8k --show 1\n"
            "  8192 samples, 211 of them cut off and left out here\n\n"
            "       grader                          right    wrong ungradable   right here, not "
            "right in column\n"
            "    1  gsm8k/3                          2104     5841         36   2:0\n"
            "    2  gsm8k-flexible/3                 2116     5702        163   1:12",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };
    vs_status st = vs_args_parse(&c, argc, argv, err);

    if (st == VS_OK && !c.is_help) st = run_audit(&a, c.words[0], &asked, err);
    vs_store_close(a.store);
    vs_problems_free(&a.problems);
    vs_samples_free(&a.samples);
    vs_buf_free(&a.line);
    vs_str_list_free(&asked);
    free(a.verdict);
    return st;
}
