#include "flow/problems/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/box.h"
#include "base/json.h"
#include "base/mem.h"
#include "flow/problems/lines.h"

void rows_fold(vs_buf *out, const char *text)
{
    vs_buf_clear(out);
    for (; *text; text++)
        if (!rows_is_space(*text))
            vs_buf_add(out, text, 1);
        else if (out->len && out->data[out->len - 1] != ' ')
            vs_buf_str(out, " ");
    while (out->len && out->data[out->len - 1] == ' ') out->data[--out->len] = '\0';
}

void vs_problem_row_free(vs_problem_row *row)
{
    free(row->id);
    free(row->question);
    free(row->gold);
    free(row->reference);
    *row = (vs_problem_row){0};
}

/* -- members -- */

static vs_status copy(char **out, const char *text, size_t len, const char *where, vs_error *err)
{
    *out = vs_strdup_n(text, len);
    if (!*out) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    return VS_OK;
}

/* A member that must hold something else than white space, within a limit. */
static vs_status check_text(const char *text, const char *key, size_t max_bytes, const char *where,
                            vs_error *err)
{
    const size_t len = strlen(text);

    if (text[strspn(text, " \t\n\v\f\r")] == '\0')
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found only white space, expected text", where,
                       key);
    if (len > max_bytes)
        return VS_FAIL(err, VS_E_LIMIT, "%s: \"%s\": found %zu bytes, the limit is %zu", where, key,
                       len, max_bytes);
    return VS_OK;
}

/* A required text, copied. */
static vs_status read_text(char **out, const json_t *row, const char *key, const char *where,
                           vs_error *err)
{
    const char *text = NULL;

    VS_TRY(vs_json_get_str(&text, row, key, where, err));
    VS_TRY(check_text(text, key, VS_PROBLEM_TEXT_MAX, where, err));
    return copy(out, text, strlen(text), where, err);
}

/* *out: a string or integer member as text, malloc'd; untouched when it is missing. */
static vs_status text_or_integer(char **out, const json_t *obj, const char *key, size_t max_bytes,
                                 const char *where, vs_error *err)
{
    const json_t *value = json_object_get(obj, key);

    if (!value || json_is_null(value)) return VS_OK;
    if (json_is_integer(value)) {
        *out = vs_format("%lld", (long long)json_integer_value(value));
        if (!*out) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        return VS_OK;
    }
    if (!json_is_string(value))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a string or an integer",
                       where, key, vs_json_kind(value));
    const char *text = NULL;
    VS_TRY(vs_json_get_str(&text, obj, key, where, err));
    VS_TRY(check_text(text, key, max_bytes, where, err));
    return copy(out, text, strlen(text), where, err);
}

static vs_status read_id(vs_problem_row *out, const json_t *row, const char *key, const char *where,
                         vs_error *err)
{
    return text_or_integer(&out->id, row, key, LINES_KEY_MAX, where, err);
}

/* -- grade-school mathematics -- */

/* Published form: the gold is what follows the last "#### ", on one line. */
static vs_status read_gsm8k(vs_problem_row *out, const json_t *row, const char *where,
                            vs_error *err)
{
    static const char mark[] = "#### ";
    const char *answer = NULL, *gold = NULL;
    size_t len;

    VS_TRY(read_text(&out->question, row, "question", where, err));
    VS_TRY(read_id(out, row, "id", where, err));
    VS_TRY(vs_json_get_str(&answer, row, "answer", where, err));
    VS_TRY(check_text(answer, "answer", VS_PROBLEM_TEXT_MAX, where, err));
    for (const char *at = answer; (at = strstr(at, mark)) != NULL; at++) gold = at + strlen(mark);
    if (!gold)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"answer\": found no \"#### \", expected it before the final answer",
                       where);
    gold += strspn(gold, " \t");
    len = strlen(gold);
    while (len > 0 && rows_is_space(gold[len - 1])) len--;
    if (len == 0 || memchr(gold, '\n', len))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"answer\": found %s after \"#### \", expected the final answer alone",
                       where, len == 0 ? "nothing" : "several lines");
    VS_TRY(copy(&out->gold, gold, len, where, err));
    return copy(&out->reference, answer, strlen(answer), where, err);
}

static vs_status read_reference(vs_problem_row *out, const json_t *row, const char *where,
                                vs_error *err)
{
    const char *reference = NULL, *solution = NULL;

    VS_TRY(vs_json_opt_str(&reference, row, "reference", where, err));
    VS_TRY(vs_json_opt_str(&solution, row, "solution", where, err));
    if (reference && solution)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: found \"reference\" and \"solution\", expected one of them", where);
    if (!reference && !solution) return VS_OK;
    VS_TRY(check_text(reference ? reference : solution, reference ? "reference" : "solution",
                      VS_PROBLEM_TEXT_MAX, where, err));
    reference = reference ? reference : solution;
    return copy(&out->reference, reference, strlen(reference), where, err);
}

static vs_status read_plain(vs_problem_row *out, const json_t *row, const char *where,
                            vs_error *err)
{
    VS_TRY(read_text(&out->question, row, "question", where, err));
    VS_TRY(read_id(out, row, "id", where, err));
    VS_TRY(text_or_integer(&out->gold, row, "answer", VS_PROBLEM_TEXT_MAX, where, err));
    return read_reference(out, row, where, err);
}

/* -- competition mathematics -- */

/* What is boxed in the solution; nothing: *gold stays as it is. */
static vs_status read_boxed(char **gold, const char *solution, const char *where, vs_error *err)
{
    vs_box part[VS_BOX_PARTS];
    const size_t n = vs_box_answer(part, solution, strlen(solution));
    vs_buf text = {0};
    vs_status st = VS_OK;

    for (size_t i = 0; i < n; i++) {
        if (i) vs_buf_str(&text, ", ");
        vs_buf_add(&text, solution + part[i].begin, part[i].end - part[i].begin);
    }
    VS_CHECK(vs_buf_ok(&text, where, err));
    if (n) st = copy(gold, text.data, text.len, where, err);
done:
    vs_buf_free(&text);
    return st;
}

static vs_status gold_of_math(vs_problem_row *out, const json_t *row, const char *where,
                              vs_error *err)
{
    VS_TRY(text_or_integer(&out->gold, row, "answer", VS_PROBLEM_TEXT_MAX, where, err));
    if (out->gold) return VS_OK;
    if (!out->reference) VS_TRY(read_text(&out->reference, row, "solution", where, err));
    return read_boxed(&out->gold, out->reference, where, err);
}

static vs_status read_math(vs_problem_row *out, const json_t *row, const char *where, vs_error *err)
{
    VS_TRY(read_text(&out->question, row, "problem", where, err));
    VS_TRY(read_id(out, row, "unique_id", where, err));
    VS_TRY(read_text(&out->reference, row, "solution", where, err));
    VS_TRY(gold_of_math(out, row, where, err));
    out->has_no_answer = !out->gold;
    return VS_OK;
}

/* -- programs -- */

/* Published texts end lines with CR LF here and there. */
static void drop_carriage_returns(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++)
        if (from[0] != '\r' || from[1] != '\n') *to++ = *from;
    *to = '\0';
}

static vs_status check_list(const json_t *list, const char *key, bool is_required,
                            const char *where, vs_error *err)
{
    const json_t *item;
    size_t i;

    if (!list && !is_required) return VS_OK;
    if (!json_is_array(list) || (is_required && json_array_size(list) == 0))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a list of strings", where,
                       key, list ? vs_json_kind(list) : "nothing");
    json_array_foreach(list, i, item) if (!json_is_string(item)) return VS_FAIL(
        err, VS_E_FORMAT, "%s: \"%s\": found %s in the list, expected strings", where, key,
        vs_json_kind(item));
    json_array_foreach(list, i, item) if (vs_json_has_nul(item)) return VS_FAIL(
        err, VS_E_FORMAT, "%s: \"%s\": found U+0000 in the list, expected texts without it", where,
        key);
    return VS_OK;
}

/* Appends text as JSON, without carriage returns. */
static void add_json(vs_buf *out, const char *text)
{
    char *clean = vs_strdup_n(text, strlen(text));

    if (clean) drop_carriage_returns(clean);
    if (clean)
        vs_buf_json_str(out, clean, strlen(clean));
    else
        out->failed = true;
    free(clean);
}

static void add_json_list(vs_buf *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        vs_buf_str(out, i ? "," : "[");
        add_json(out, json_string_value(json_array_get(list, i)));
    }
    vs_buf_str(out, json_array_size(list) ? "]" : "[]");
}

/* What a program is asked for: the task and, since only they name the function, its tests. */
static void add_mbpp_question(vs_buf *out, const char *text, const json_t *tests)
{
    vs_buf_printf(out, "%s Your code should pass these tests:\n\n", text);
    for (size_t i = 0; i < json_array_size(tests); i++)
        vs_buf_printf(out, "%s\n", json_string_value(json_array_get(tests, i)));
}

static vs_status gold_of_mbpp(vs_problem_row *out, const json_t *row, const char *where,
                              vs_error *err)
{
    const json_t *tests = json_object_get(row, "test_list"),
                 *imports = json_object_get(row, "test_imports");
    const char *setup = "";
    vs_buf gold = {0};
    vs_status st;

    VS_TRY(check_list(tests, "test_list", true, where, err));
    VS_TRY(check_list(imports, "test_imports", false, where, err));
    VS_TRY(vs_json_opt_str(&setup, row, "test_setup_code", where, err));
    vs_buf_str(&gold, "{\"setup\":");
    add_json(&gold, setup);
    vs_buf_str(&gold, ",\"tests\":");
    add_json_list(&gold, tests);
    if (json_array_size(imports)) {
        vs_buf_str(&gold, ",\"imports\":");
        add_json_list(&gold, imports);
    }
    vs_buf_str(&gold, "}");
    st = vs_buf_ok(&gold, where, err);
    if (st == VS_OK) st = copy(&out->gold, gold.data, gold.len, where, err);
    vs_buf_free(&gold);
    return st;
}

static vs_status read_mbpp(vs_problem_row *out, const json_t *row, const char *where, vs_error *err)
{
    const char *text = NULL;
    vs_buf question = {0};
    size_t task_id = 0;
    vs_status st;

    VS_TRY(vs_json_get_size(&task_id, row, "task_id", 1, 1000000, where, err));
    out->task_id = (long)task_id;
    VS_TRY(read_id(out, row, "task_id", where, err));
    VS_TRY(
        vs_json_get_str(&text, row, json_object_get(row, "text") ? "text" : "prompt", where, err));
    VS_TRY(check_text(text, "text", VS_PROBLEM_TEXT_MAX, where, err));
    VS_TRY(read_text(&out->reference, row, "code", where, err));
    VS_TRY(gold_of_mbpp(out, row, where, err));
    drop_carriage_returns(out->reference);
    add_mbpp_question(&question, text, json_object_get(row, "test_list"));
    VS_CHECK(vs_buf_ok(&question, where, err));
    drop_carriage_returns(question.data);
    st = copy(&out->question, question.data, strlen(question.data), where, err);
done:
    vs_buf_free(&question);
    return st;
}

static vs_status gold_of_humaneval(vs_problem_row *out, const json_t *row, const char *where,
                                   vs_error *err)
{
    static const char *const keys[] = {"prompt", "test", "entry_point"};
    vs_buf gold = {0};
    vs_status st;

    for (size_t i = 0; i < 3; i++) {
        const char *text = NULL;
        VS_CHECK(vs_json_get_str(&text, row, keys[i], where, err));
        vs_buf_printf(&gold, "%s\"%s\":", i ? "," : "{", keys[i]);
        vs_buf_json_str(&gold, text, strlen(text));
    }
    vs_buf_str(&gold, "}");
    VS_CHECK(vs_buf_ok(&gold, where, err));
    st = copy(&out->gold, gold.data, gold.len, where, err);
done:
    vs_buf_free(&gold);
    return st;
}

static vs_status read_humaneval(vs_problem_row *out, const json_t *row, const char *where,
                                vs_error *err)
{
    VS_TRY(read_text(&out->question, row, "prompt", where,
                     err)); /* byte for byte: it is a program's beginning */
    VS_TRY(read_id(out, row, "task_id", where, err));
    VS_TRY(read_text(&out->reference, row, "canonical_solution", where, err));
    return gold_of_humaneval(out, row, where, err);
}

/* -- multiple choice -- */

/* The stem, and one line "(a) text" per choice, as STaR writes CommonsenseQA. */
static vs_status add_choices(vs_buf *out, const json_t *choices, const char *where, vs_error *err)
{
    const char *label = NULL, *text = NULL;

    if (!json_is_array(choices) || json_array_size(choices) < 2)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"choices\": found %s, expected a list of two and more", where,
                       choices ? vs_json_kind(choices) : "nothing");
    vs_buf_str(out, "\nAnswer Choices:");
    for (size_t i = 0; i < json_array_size(choices); i++) {
        const json_t *choice = json_array_get(choices, i);
        VS_TRY(vs_json_get_str(&label, choice, "label", where, err));
        VS_TRY(vs_json_get_str(&text, choice, "text", where, err));
        if (strlen(label) != 1)
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"label\": found \"%.20s\", expected one letter",
                           where, label);
        vs_buf_printf(out, "\n(%c) %s",
                      *label >= 'A' && *label <= 'Z' ? *label - 'A' + 'a' : *label, text);
    }
    return vs_buf_ok(out, where, err);
}

static vs_status gold_of_choice(vs_problem_row *out, const json_t *row, const char *where,
                                vs_error *err)
{
    if (!json_object_get(row, "answerKey"))
        return VS_FAIL(
            err, VS_E_FORMAT,
            "%s: missing key \"answerKey\": rows without it, as the published test file has them, "
            "cannot be graded",
            where);
    return read_text(&out->gold, row, "answerKey", where, err);
}

static vs_status read_choice(vs_problem_row *out, const json_t *row, const char *where,
                             vs_error *err)
{
    const json_t *question = json_object_get(row, "question");
    const char *stem = NULL;
    vs_buf text = {0};
    vs_status st;

    if (!json_is_object(question))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"question\": found %s, expected an object with stem and choices",
                       where, question ? vs_json_kind(question) : "nothing");
    VS_TRY(read_id(out, row, "id", where, err));
    VS_TRY(gold_of_choice(out, row, where, err));
    VS_TRY(read_reference(out, row, where, err)); /* STaR's rationales, where they were added */
    VS_TRY(vs_json_get_str(&stem, question, "stem", where, err));
    VS_TRY(check_text(stem, "stem", VS_PROBLEM_TEXT_MAX, where, err));
    vs_buf_str(&text, stem);
    VS_CHECK(add_choices(&text, json_object_get(question, "choices"), where, err));
    st = copy(&out->question, text.data, text.len, where, err);
done:
    vs_buf_free(&text);
    return st;
}

/* -- sources -- */

static const rows_source sources[] = {
    {"gsm8k", "lines with \"question\" and \"answer\"", read_gsm8k, NULL, false, false},
    {"jsonl", "lines with \"question\" and \"answer\"", read_plain, NULL, false, false},
    {"math", "lines with \"problem\" and \"solution\"", read_math, gold_of_math, false, false},
    {"mbpp", "rows with \"task_id\", \"code\" and \"test_list\" of its split", read_mbpp,
     gold_of_mbpp, false, true},
    {"humaneval", "lines with \"prompt\", \"test\" and \"entry_point\"", read_humaneval,
     gold_of_humaneval, true, false},
    {"choice", "lines with \"question\" and \"answerKey\"", read_choice, gold_of_choice, false,
     false},
};

const rows_source *rows_find(const char *name)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strcmp(sources[i].name, name) == 0) return &sources[i];
    return NULL;
}

bool rows_takes(const vs_problem_row *row, const char *role)
{
    const long id = row->task_id;

    if (strcmp(role, "test") == 0) return id >= 11 && id <= 510;
    if (strcmp(role, "validation") == 0) return id >= 511 && id <= 600;
    if (strcmp(role, "example") == 0) return id >= 1 && id <= 10;
    return id >= 601 && id <= 974;
}

typedef vs_status row_reader(vs_problem_row *out, const json_t *row, const char *where,
                             vs_error *err);

static vs_status read_row(vs_problem_row *out, row_reader *read, const json_t *row,
                          const char *where, vs_error *err)
{
    vs_problem_row r = {0};
    const vs_status st = json_is_object(row)
                             ? read(&r, row, where, err)
                             : VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", where,
                                       vs_json_kind(row));

    if (st == VS_OK)
        *out = r;
    else
        vs_problem_row_free(&r);
    return st;
}

vs_status vs_problem_row_read(vs_problem_row *out, const char *kind, const json_t *row,
                              const char *where, vs_error *err)
{
    const rows_source *source = rows_find(kind);

    if (!source)
        return VS_FAIL(err, VS_E_INPUT, "%s: no source of files is called \"%.40s\"", where, kind);
    return read_row(out, source->read, row, where, err);
}

vs_status vs_problem_gold_read(vs_problem_row *out, const char *kind, const json_t *row,
                               const char *where, vs_error *err)
{
    const rows_source *source = rows_find(kind);

    if (!source || !source->read_gold)
        return VS_FAIL(err, VS_E_INPUT, "%s: no source of files with golds is called \"%.40s\"",
                       where, kind);
    return read_row(out, source->read_gold, row, where, err);
}
