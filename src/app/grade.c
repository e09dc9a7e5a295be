/* grade.c - right, wrong or not gradable. */
#include "flow/labels/grader.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/problems/problems.h"

enum { SLOW_BATCH = 64 };

typedef struct text {
    const char *data;
    size_t len;
    char number[32]; /* where a gold is written as a JSON integer */
} text;

/* A row of the input; its texts are borrowed from the JSON value. */
typedef struct grade_row {
    json_t *json;
    char *where;
    text gold, completion, id, question;
    vs_problem_row problem; /* where the gold is in fields of its own */
} grade_row;

typedef struct grading {
    vs_grader *grader;
    const char *source; /* NULL: rows have "gold" or "answer" */
    size_t batch;
    grade_row *row;
    vs_grade_item *item;
    vs_grade_result *result;
    size_t n;
    vs_buf line;
} grading;

static vs_status read_text(text *out, const json_t *value, const char *key, const char *where,
                           vs_error *err)
{
    if (json_is_string(value)) {
        out->data = json_string_value(value);
        out->len = json_string_length(value);
        return VS_OK;
    }
    if (json_is_integer(value)) {
        const int n =
            snprintf(out->number, sizeof out->number, "%lld", (long long)json_integer_value(value));
        out->data = out->number;
        out->len = (size_t)n;
        return VS_OK;
    }
    return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a string", where, key,
                   value ? vs_json_kind(value) : "nothing");
}

static vs_status read_optional(text *out, const json_t *row, const char *key, const char *where,
                               vs_error *err)
{
    const json_t *value = json_object_get(row, key);

    return value && !json_is_null(value) ? read_text(out, value, key, where, err) : VS_OK;
}

/* The source of files whose rows have their gold in fields of their own; NULL: none. */
static const char *source_of(const char *profile)
{
    static const char *const pairs[][2] = {{"math", "math"},           {"math-flexible", "math"},
                                           {"math-hendrycks", "math"}, {"math-minerva", "math"},
                                           {"mbpp", "mbpp"},           {"humaneval", "humaneval"},
                                           {"choice", "choice"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(pairs[i][0], profile) == 0) return pairs[i][1];
    return NULL;
}

/* The gold as the row's data set has it. */
static vs_status read_own_fields(grade_row *out, const json_t *row, const char *source,
                                 const char *where, vs_error *err)
{
    VS_TRY(vs_problem_gold_read(&out->problem, source, row, where, err));
    if (!out->problem.gold)
        return VS_FAIL(
            err, VS_E_FORMAT,
            "%s: found no right answer, expected \"gold\", \"answer\" or what the data set has",
            where);
    out->gold.data = out->problem.gold;
    out->gold.len = strlen(out->problem.gold);
    return VS_OK;
}

/* The gold is "gold", or what problem files have in its place. */
static vs_status read_gold(grade_row *out, const json_t *row, const char *source, const char *where,
                           vs_error *err)
{
    const json_t *gold = json_object_get(row, "gold"), *answer = json_object_get(row, "answer");
    const bool is_gold = gold || !answer;

    if (!gold && !answer && source) return read_own_fields(out, row, source, where, err);
    return read_text(&out->gold, is_gold ? gold : answer, is_gold ? "gold" : "answer", where, err);
}

/* null is what servers write where a model said nothing: an empty text. A number is no text that a model wrote. */
static vs_status read_completion(text *out, const json_t *value, const char *where, vs_error *err)
{
    if (json_is_null(value)) {
        out->data = "";
        return VS_OK;
    }
    if (!json_is_string(value))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"completion\": found %s, expected a string", where,
                       vs_json_kind(value));
    return read_text(out, value, "completion", where, err);
}

static vs_status read_row(grade_row *out, const json_t *row, const char *source, const char *where,
                          vs_error *err)
{
    if (!json_is_object(row))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", where,
                       vs_json_kind(row));
    VS_TRY(read_gold(out, row, source, where, err));
    VS_TRY(read_completion(&out->completion, json_object_get(row, "completion"), where, err));
    VS_TRY(read_optional(&out->id, row, "id", where, err));
    return read_optional(&out->question, row, "question", where, err);
}

static void row_free(grade_row *r)
{
    json_decref(r->json);
    free(r->where);
    vs_problem_row_free(&r->problem);
    *r = (grade_row){0};
}

static vs_status add_row(void *ctx, const json_t *row, const char *where, vs_error *err)
{
    grading *g = ctx;
    grade_row *r = &g->row[g->n];
    vs_status st;

    VS_CHECK(read_row(r, row, g->source, where, err));
    r->where = vs_strdup_n(where, strlen(where));
    if (!r->where) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    r->json = json_incref((json_t *)(uintptr_t)row);
    g->item[g->n++] = (vs_grade_item){.id = r->id.data,
                                      .id_len = r->id.len,
                                      .question = r->question.data,
                                      .question_len = r->question.len,
                                      .gold = r->gold.data,
                                      .gold_len = r->gold.len,
                                      .completion = r->completion.data,
                                      .completion_len = r->completion.len};
done:
    if (st != VS_OK) row_free(r);
    return st;
}

static void put_optional(vs_buf *line, const char *key, const char *value)
{
    vs_buf_printf(line, ",\"%s\":", key);
    if (value[0])
        vs_buf_json_str(line, value, strlen(value));
    else
        vs_buf_str(line, "null");
}

static vs_status write_result(vs_buf *line, const vs_grade_result *r, vs_error *err)
{
    vs_buf_printf(line, "{\"verdict\":\"%s\"", vs_verdict_name(r->verdict));
    put_optional(line, "extracted", r->extracted);
    put_optional(line, "normal", r->normal);
    put_optional(line, "rule", r->rule);
    vs_buf_str(line, "}");
    return vs_out_line(line, err);
}

/* Answers the rows from begin up to end, whose golds are good. */
static vs_status answer_rows(grading *g, size_t begin, size_t end, vs_row_run *rows, vs_error *err)
{
    for (size_t i = begin; i < end; i++) {
        VS_TRY(vs_rows_turn(rows, i, err));
        VS_TRY(write_result(&g->line, &g->result[i], err));
    }
    return VS_OK;
}

/* Grades the rows from *next on; where a gold is bad, those before it, and that row is refused. */
static vs_status grade_some(size_t *next, grading *g, vs_row_run *rows, vs_error *err)
{
    const size_t begin = *next;
    const vs_grade_item *items = g->item + begin;
    vs_error cause = {.code = VS_OK};
    size_t bad = SIZE_MAX, unused;
    vs_status st = vs_grader_run(g->grader, items, g->n - begin, g->result + begin, &bad, &cause);

    if (st == VS_OK) {
        *next = g->n;
        return answer_rows(g, begin, g->n, rows, err);
    }
    if (bad >= g->n - begin) return VS_FAIL(err, st, "%s", cause.text);
    VS_TRY(vs_grader_run(g->grader, items, bad, g->result + begin, &unused, err));
    VS_TRY(answer_rows(g, begin, begin + bad, rows, err));
    const grade_row *r = &g->row[begin + bad];
    *next = begin + bad + 1;
    VS_TRY(vs_rows_turn(rows, begin + bad, err));
    vs_fail(&cause, st, "%s: %s", r->where, cause.text);
    return vs_rows_refuse(rows, r->json, r->where, &cause, err);
}

static vs_status grade_rows(void *ctx, vs_row_run *rows, vs_error *err)
{
    grading *g = ctx;
    vs_status st = VS_OK;

    for (size_t next = 0; st == VS_OK && next < g->n;) st = grade_some(&next, g, rows, err);
    fflush(
        stdout); /* who asks row by row gets answers row by row; main finds what could not be written */
    for (size_t i = 0; i < g->n; i++) row_free(&g->row[i]);
    g->n = 0;
    return st;
}

static bool is_full(const void *ctx)
{
    const grading *g = ctx;

    return g->n == g->batch;
}

static vs_status grade(const vs_grader_options *o, size_t batch, const char *data, bool is_strict,
                       vs_error *err)
{
    grading g = {.batch = batch, .source = source_of(o->profile)};
    const vs_row_stream stream = {.ctx = &g,
                                  .add = add_row,
                                  .flush = grade_rows,
                                  .is_full = is_full,
                                  .is_strict = is_strict,
                                  .is_mended = true};
    vs_status st;

    VS_CHECK(vs_grader_open(&g.grader, o, err));
    if (!g.batch) g.batch = vs_grader_is_slow(g.grader) ? SLOW_BATCH : 1;
    g.row = vs_alloc(g.batch, sizeof *g.row);
    g.item = vs_alloc(g.batch, sizeof *g.item);
    g.result = vs_alloc(g.batch, sizeof *g.result);
    if (!g.row || !g.item || !g.result)
        st = VS_FAIL(err, VS_E_NOMEM, "%zu rows", g.batch);
    else
        st = vs_rows_run(data, &stream, err);
    if (*vs_grader_describe(g.grader)) vs_say("programs ran in %s", vs_grader_describe(g.grader));
done:
    vs_grader_close(g.grader);
    vs_buf_free(&g.line);
    free(g.row);
    free(g.item);
    free(g.result);
    return st;
}

vs_status vs_verb_grade(int argc, char **argv, vs_error *err)
{
    vs_grader_options o = {0};
    const char *data = "-";
    size_t batch = 0;
    bool is_strict = false;
    const vs_opt opts[] = {
        {"--profile", VS_OPT_STR, &o.profile, true, 0, 0, "P",
         "how answers are read and compared (docs/GRADING.md)"},
        {"--data", VS_OPT_STR, &data, false, 0, 0, "FILE", "input; - is standard input (-)"},
        {"--timeout", VS_OPT_NUM, &o.timeout_s, false, 0.001, 86400, "S",
         "seconds that a command may take for one row (60)"},
        {"--weak-sandbox", VS_OPT_FLAG, &o.weak_sandbox, false, 0, 0, NULL,
         "let programs run behind a filter of system calls alone where namespaces do not work"},
        {"--batch", VS_OPT_SIZE, &batch, false, 1, 65536, "N",
         "rows read before their answers are written (1; with processes 64)"},
        VS_OPT_STRICT(&is_strict),
    };
    vs_cmd c = {
        .verb = "grade",
        .usage = "--profile P [options] < ROWS\n       vstar grade --profile external [options] -- "
                 "COMMAND [ARG ...] < ROWS",
        .about =
            "Reads {\"gold\",\"completion\"} (or \"answer\" for \"gold\", as problem files "
            "have it) and writes {\"verdict\":\n"
            "\"right\"|\"wrong\"|\"ungradable\",\"extracted\",\"normal\",\"rule\"}: what was "
            "read as the answer, its normal form\n"
            "for votes, and by which rule; null where there is none. A COMMAND of your own gets "
            "{\"id\",\"question\",\"gold\",\n\"completion\"} per line and answers with such a "
            "line (docs/GRADING.md).",
        .example = "  $ echo '{\"gold\":\"18\",\"completion\":\"9*2=18. #### 18\"}' | vstar grade "
                   "--profile gsm8k\n"
                   "  "
                   "{\"verdict\":\"right\",\"extracted\":\"18\",\"normal\":\"18\",\"rule\":\"gsm8k/"
                   "3:marker\"}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .max_words = VS_WORDS_MAX,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    VS_TRY(vs_grader_check(o.profile, "--profile", VS_E_USAGE, err));
    o.command = c.words;
    o.n_command = c.n_words;
    const bool is_external = strcmp(o.profile, "external") == 0;
    if (is_external && !c.n_words)
        return VS_FAIL(err, VS_E_USAGE,
                       "--profile external: found no command, expected -- COMMAND [ARG ...]");
    if (!is_external && c.n_words)
        return VS_FAIL(err, VS_E_USAGE,
                       "one word too many: '%.60s'; only --profile external takes a command",
                       c.words[0]);
    return grade(&o, batch, data, is_strict, err);
}
