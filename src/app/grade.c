/* grade.c - right, wrong or not gradable. */
#include "flow/labels/grade.h"

#include <string.h>

#include "app/app.h"
#include "base/json.h"

typedef struct text {
    const char *data;
    size_t len;
    char number[32]; /* where a gold is written as a JSON integer */
} text;

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

/* The gold is "gold", or "answer" as problem files have it. */
static vs_status read_row(text *gold, text *completion, const json_t *row, const char *where,
                          vs_error *err)
{
    const json_t *g = json_object_get(row, "gold"), *answer = json_object_get(row, "answer");

    if (!json_is_object(row))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", where,
                       vs_json_kind(row));
    VS_TRY(
        read_text(gold, g || !answer ? g : answer, g || !answer ? "gold" : "answer", where, err));
    if (!json_is_string(json_object_get(row, "completion")))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"completion\": found %s, expected a string", where,
                       json_object_get(row, "completion")
                           ? vs_json_kind(json_object_get(row, "completion"))
                           : "nothing");
    return read_text(completion, json_object_get(row, "completion"), "completion", where, err);
}

static void put_optional(vs_buf *line, const char *key, const char *value)
{
    vs_buf_printf(line, ",\"%s\":", key);
    if (value[0])
        vs_buf_json_str(line, value, strlen(value));
    else
        vs_buf_str(line, "null");
}

static vs_status grade_row(vs_buf *line, const char *profile, const json_t *row, const char *where,
                           vs_error *err)
{
    text gold, completion;
    vs_grade_result r;
    vs_error cause = {.code = VS_OK};

    VS_TRY(read_row(&gold, &completion, row, where, err));
    const vs_status st =
        vs_grade(&r, profile, gold.data, gold.len, completion.data, completion.len, &cause);
    if (st != VS_OK) return VS_FAIL(err, st, "%s: %s", where, cause.text);
    vs_buf_printf(line, "{\"verdict\":\"%s\"", vs_verdict_name(r.verdict));
    put_optional(line, "extracted", r.extracted);
    put_optional(line, "normal", r.normal);
    vs_buf_printf(line, ",\"rule\":\"%s\"}", r.rule);
    return vs_out_line(line, err);
}

static vs_status grade_rows(const char *profile, const char *data, vs_error *err)
{
    vs_jsonl *rows = NULL;
    json_t *row = NULL;
    vs_buf line = {0};
    vs_status st;

    VS_CHECK(vs_jsonl_open(&rows, data, err));
    for (;;) {
        VS_CHECK(vs_jsonl_next(rows, &row, err));
        if (!row) break;
        VS_CHECK(grade_row(&line, profile, row, vs_jsonl_where(rows), err));
        json_decref(row);
        row = NULL;
    }
done:
    json_decref(row);
    vs_buf_free(&line);
    vs_jsonl_close(rows);
    return st;
}

vs_status vs_verb_grade(int argc, char **argv, vs_error *err)
{
    const char *profile = NULL, *data = "-";
    const vs_opt opts[] = {
        {"--profile", VS_OPT_STR, &profile, true, 0, 0, "P",
         "how the answer is read: gsm8k, gsm8k-flexible, arithmetic"},
        {"--data", VS_OPT_STR, &data, false, 0, 0, "FILE", "input; - is standard input (-)"},
    };
    vs_cmd c = {
        .verb = "grade",
        .usage = "--profile P < ROWS",
        .about = "Reads {\"gold\",\"completion\"} (or \"answer\" for \"gold\", as problem files "
                 "have it) and writes {\"verdict\":\n"
                 "\"right\"|\"wrong\"|\"ungradable\",\"extracted\",\"normal\",\"rule\"}: what was "
                 "read as the answer, its normal form\n"
                 "for votes, and by which rule; null where there is none.",
        .example = "  $ echo '{\"gold\":\"18\",\"completion\":\"9*2=18. #### 18\"}' | vstar grade "
                   "--profile gsm8k\n"
                   "  "
                   "{\"verdict\":\"right\",\"extracted\":\"18\",\"normal\":\"18\",\"rule\":\"gsm8k/"
                   "1:marker\"}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    VS_TRY(vs_profile_check(profile, "--profile", VS_E_USAGE, err));
    return grade_rows(profile, data, err);
}
