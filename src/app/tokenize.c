/* tokenize.c - texts to token ids, and back. */
#include "app/app.h"
#include "base/json.h"

typedef struct tokenize_options {
    const char *model, *data;
    bool no_special, decode, skip_special, is_strict;
} tokenize_options;

typedef struct tokenizing {
    const tokenize_options *o;
    vs_tokenizer *tokenizer;
    vs_buf line; /* of the one row that waits */
    size_t n_rows;
} tokenizing;

static vs_status encode_row(vs_buf *line, const vs_tokenizer *t, const json_t *row,
                            const tokenize_options *o, const char *where, vs_error *err)
{
    const json_t *text = json_object_get(row, "text");
    vs_ids ids = {0};
    vs_status st;

    if (!json_is_string(text))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"text\": found %s, expected a string", where,
                       text ? vs_json_kind(text) : "nothing");
    VS_CHECK(vs_row_tokens(&ids, &(vs_row_reader){.tokenizer = t}, text,
                           o->no_special ? VS_TEXT_COMPLETION : VS_TEXT_PROMPT, "text", where,
                           err));
    vs_buf_str(line, "{\"ids\":");
    vs_out_ids(line, ids.id, ids.n);
    vs_buf_str(line, "}");
done:
    vs_ids_free(&ids);
    return st;
}

static vs_status decode_row(vs_buf *line, const vs_tokenizer *t, const json_t *row,
                            const tokenize_options *o, const char *where, vs_error *err)
{
    const json_t *list = json_object_get(row, "ids");
    const vs_row_reader reader = {.tokenizer = t};
    vs_ids ids = {0};
    vs_buf text = {0};
    vs_status st;

    if (!json_is_array(list))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"ids\": found %s, expected a list of token ids",
                       where, list ? vs_json_kind(list) : "nothing");
    VS_CHECK(vs_row_tokens(&ids, &reader, list, VS_TEXT_COMPLETION, "ids", where, err));
    VS_CHECK(vs_decode(&text, t, ids.id, ids.n, o->skip_special, err));
    VS_CHECK(vs_buf_ok(&text, "text", err));
    vs_buf_str(line, "{\"text\":");
    vs_buf_json_str(line, text.data ? text.data : "", text.len);
    vs_buf_str(line, "}");
done:
    vs_buf_free(&text);
    vs_ids_free(&ids);
    return st;
}

static vs_status add_row(void *ctx, const json_t *row, const char *where, vs_error *err)
{
    tokenizing *t = ctx;

    VS_TRY((t->o->decode ? decode_row : encode_row)(&t->line, t->tokenizer, row, t->o, where, err));
    t->n_rows++;
    return VS_OK;
}

static vs_status flush_rows(void *ctx, vs_row_run *rows, vs_error *err)
{
    tokenizing *t = ctx;

    if (t->n_rows == 0) return VS_OK;
    t->n_rows = 0;
    VS_TRY(vs_rows_turn(rows, 0, err));
    return vs_out_line(&t->line, err);
}

static bool is_full(const void *ctx)
{
    return ((const tokenizing *)ctx)->n_rows == 1;
}

static vs_status tokenize_rows(const tokenize_options *o, vs_error *err)
{
    tokenizing t = {.o = o};
    const vs_row_stream stream = {.ctx = &t,
                                  .add = add_row,
                                  .flush = flush_rows,
                                  .is_full = is_full,
                                  .is_strict = o->is_strict};
    vs_status st;

    VS_CHECK(vs_tokenizer_open(&t.tokenizer, o->model, err));
    st = vs_rows_run(o->data, &stream, err);
done:
    vs_buf_free(&t.line);
    vs_tokenizer_close(t.tokenizer);
    return st;
}

vs_status vs_verb_tokenize(int argc, char **argv, vs_error *err)
{
    tokenize_options o = {.data = "-"};
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &o.model, true, 0, 0, "DIR", "model folder, or a tokenizer.json"},
        {"--no-special", VS_OPT_FLAG, &o.no_special, false, 0, 0, NULL,
         "add no special tokens (BOS ..)"},
        {"--decode", VS_OPT_FLAG, &o.decode, false, 0, 0, NULL,
         "ids to text; special tokens are kept"},
        {"--skip-special", VS_OPT_FLAG, &o.skip_special, false, 0, 0, NULL,
         "with --decode: drop special tokens"},
        {"--data", VS_OPT_STR, &o.data, false, 0, 0, "FILE", "input; - is standard input (-)"},
        VS_OPT_STRICT(&o.is_strict),
    };
    vs_cmd c = {
        .verb = "tokenize",
        .usage = "--model DIR [--no-special | --decode [--skip-special]] < ROWS",
        .about =
            "Reads {\"text\"} and writes {\"ids\"}, one line out per line in. Special tokens are "
            "added as the\n"
            "tokenizer's own post-processor does. --decode reads {\"ids\"} and writes {\"text\"}.",
        .example =
            "  $ echo '{\"text\":\"Once upon a time\"}' | vstar tokenize --model stories260K\n"
            "  {\"ids\":[1,403,407,261,378]}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (o.decode && o.no_special)
        return VS_FAIL(err, VS_E_USAGE, "--no-special does not go with --decode");
    if (o.skip_special && !o.decode)
        return VS_FAIL(err, VS_E_USAGE, "--skip-special goes with --decode");
    return tokenize_rows(&o, err);
}
