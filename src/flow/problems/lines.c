#include "flow/problems/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void line_free(line_problem *p)
{
    free(p->where);
    free(p->key);
    free(p->question);
    free(p->gold);
    free(p->folded);
    free(p->reference);
    *p = (line_problem){0};
}

void lines_free(line_problems *p)
{
    for (size_t i = 0; i < p->n; i++) line_free(&p->item[i]);
    free(p->item);
    *p = (line_problems){0};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A copy without leading and trailing white space; inner runs become one blank. NULL: out of
 * memory. */
static char *fold(const char *text)
{
    char *folded = vs_alloc(strlen(text) + 1, 1);
    size_t n = 0;

    if (!folded) return NULL;
    for (; *text; text++) {
        if (!is_space(*text))
            folded[n++] = *text;
        else if (n > 0 && folded[n - 1] != ' ')
            folded[n++] = ' ';
    }
    while (n > 0 && folded[n - 1] == ' ') n--;
    folded[n] = '\0';
    return folded;
}

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
    VS_TRY(check_text(json_string_value(value), key, max_bytes, where, err));
    return copy(out, json_string_value(value), json_string_length(value), where, err);
}

/* Published form: the gold is what follows the last "#### ", on one line. */
static vs_status read_gsm8k(line_problem *p, const json_t *obj, vs_error *err)
{
    static const char mark[] = "#### ";
    const char *answer = NULL, *gold = NULL;
    size_t len;

    VS_TRY(vs_json_get_str(&answer, obj, "answer", p->where, err));
    VS_TRY(check_text(answer, "answer", VS_PROBLEM_TEXT_MAX, p->where, err));
    for (const char *at = answer; (at = strstr(at, mark)) != NULL; at++) gold = at + strlen(mark);
    if (!gold)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"answer\": found no \"#### \", expected it before the final answer",
                       p->where);
    gold += strspn(gold, " \t");
    len = strlen(gold);
    while (len > 0 && is_space(gold[len - 1])) len--;
    if (len == 0 || memchr(gold, '\n', len))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"answer\": found %s after \"#### \", expected the final answer alone",
                       p->where, len == 0 ? "nothing" : "several lines");
    VS_TRY(copy(&p->gold, gold, len, p->where, err));
    return copy(&p->reference, answer, strlen(answer), p->where, err);
}

static vs_status read_plain(line_problem *p, const json_t *obj, vs_error *err)
{
    const char *reference = NULL, *solution = NULL;

    VS_TRY(text_or_integer(&p->gold, obj, "answer", VS_PROBLEM_TEXT_MAX, p->where, err));
    if (!p->gold)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: missing key \"answer\", expected a string or an integer", p->where);
    VS_TRY(vs_json_opt_str(&reference, obj, "reference", p->where, err));
    VS_TRY(vs_json_opt_str(&solution, obj, "solution", p->where, err));
    if (reference && solution)
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: found \"reference\" and \"solution\", expected one of them", p->where);
    if (!reference && !solution) return VS_OK;
    VS_TRY(check_text(reference ? reference : solution, reference ? "reference" : "solution",
                      VS_PROBLEM_TEXT_MAX, p->where, err));
    reference = reference ? reference : solution;
    return copy(&p->reference, reference, strlen(reference), p->where, err);
}

/* *p is zeroed on entry; the caller frees it also after an error. */
static vs_status read_line(line_problem *p, const json_t *obj, const char *where, const char *role,
                           lines_format format, vs_error *err)
{
    const char *question = NULL;

    VS_TRY(copy(&p->where, where, strlen(where), where, err));
    VS_TRY(vs_json_get_str(&question, obj, "question", where, err));
    VS_TRY(check_text(question, "question", VS_PROBLEM_TEXT_MAX, where, err));
    VS_TRY(copy(&p->question, question, strlen(question), where, err));
    p->folded = fold(question);
    VS_TRY(text_or_integer(&p->key, obj, "id", LINES_KEY_MAX, where, err));
    if (!p->key) p->key = vs_format("%s-%s", role, strrchr(where, ':') + 1);
    if (!p->folded || !p->key) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    return format == LINES_GSM8K ? read_gsm8k(p, obj, err) : read_plain(p, obj, err);
}

static vs_status add_line(line_problems *out, const json_t *obj, const char *where,
                          const char *role, lines_format format, vs_error *err)
{
    line_problem p = {0};
    vs_status st;

    if (out->n == VS_PROBLEMS_MAX)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more problems than the limit of %d", where,
                       VS_PROBLEMS_MAX);
    VS_CHECK(read_line(&p, obj, where, role, format, err));
    if (!vs_grow(&out->item, &out->cap, out->n + 1, sizeof *out->item)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    out->item[out->n++] = p;
    p = (line_problem){0};
done:
    line_free(&p);
    return st;
}

vs_status lines_read(line_problems *out, const char *path, const char *role, lines_format format,
                     vs_error *err)
{
    line_problems read = {0};
    vs_jsonl *file = NULL;
    json_t *value = NULL;
    vs_status st;

    VS_TRY(vs_jsonl_open(&file, path, err));
    for (;;) {
        VS_CHECK(vs_jsonl_next(file, &value, err));
        if (!value) break;
        VS_CHECK(add_line(&read, value, vs_jsonl_where(file), role, format, err));
        json_decref(value);
        value = NULL;
    }
    if (read.n == 0) {
        st =
            VS_FAIL(err, VS_E_INPUT,
                    "%s: found no problems, expected lines with \"question\" and \"answer\"", path);
        goto done;
    }
    *out = read;
    read = (line_problems){0};
done:
    json_decref(value);
    vs_jsonl_close(file);
    lines_free(&read);
    return st;
}
