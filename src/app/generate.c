/* generate.c - samples completions of prompts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/decode/decode.h"

enum { BATCH_PROMPTS = 1024, BATCH_TOKENS = 1 << 18 };

typedef struct generate_options {
    const char *model, *adapter, *data;
    vs_compute compute;
    vs_decode_options decode;
    size_t n;
    uint64_t seed;
    vs_str_list stop;
    bool is_strict;
} generate_options;

typedef struct prompt_row {
    char *id_json; /* as it is printed again */
    uint64_t key;
    size_t at, n; /* of ids */
} prompt_row;

typedef struct generator {
    const generate_options *o;
    vs_opened opened;
    vs_ids ids;
    prompt_row *row;
    size_t n_rows, cap_rows;
    vs_buf line, text;
    vs_row_run *rows; /* while a batch is written */
} generator;

/* The id's own text keys the draws, whether it is written as a string or as a number. */
static vs_status read_id(prompt_row *out, const json_t *row, const char *where, vs_error *err)
{
    const json_t *id = json_object_get(row, "id");

    VS_TRY(vs_row_id(&out->id_json, row, where, err));
    out->key = json_is_string(id) ? vs_hash64(json_string_value(id), json_string_length(id))
                                  : vs_hash64(out->id_json, strlen(out->id_json));
    return VS_OK;
}

static vs_status add_row(void *ctx, const json_t *row, const char *where, vs_error *err)
{
    generator *g = ctx;
    const vs_config *c = g->opened.reader.config;
    prompt_row p = {.at = g->ids.n};
    vs_status st;

    VS_CHECK(vs_row_member(&g->ids, &g->opened.reader, row, "prompt", VS_TEXT_PROMPT, where, err));
    p.n = g->ids.n - p.at;
    if (p.n == 0 || p.n >= c->n_positions) {
        st = VS_FAIL(err, VS_E_INPUT,
                     "%s: prompt of %zu tokens, expected 1 to %zu (the model has %zu positions)",
                     where, p.n, c->n_positions - 1, c->n_positions);
        goto done;
    }
    VS_CHECK(read_id(&p, row, where, err));
    if (!vs_grow(&g->row, &g->cap_rows, g->n_rows + 1, sizeof *g->row)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    g->row[g->n_rows++] = p;
    return VS_OK;
done:
    free(p.id_json);
    g->ids.n = p.at;
    return st;
}

/* As the tokenizer decodes it, special tokens dropped, cut at a stop string; "" without a
 * tokenizer. */
static vs_status completion_text(generator *g, const vs_completion *c, vs_error *err)
{
    const vs_decode_options *d = &g->o->decode;

    vs_buf_clear(&g->text);
    if (!g->opened.tokenizer) return VS_OK;
    VS_TRY(vs_decode(&g->text, g->opened.tokenizer, c->ids, c->n, true, err));
    if (g->text.len) g->text.len = vs_stop_cut(g->text.data, g->text.len, d->stop, d->n_stop);
    return VS_OK;
}

static vs_status write_completions(void *ctx, size_t problem, const vs_completion *c, size_t n,
                                   vs_error *err)
{
    generator *g = ctx;
    const prompt_row *p = &g->row[problem];
    vs_buf *l = &g->line;

    VS_TRY(vs_rows_turn(g->rows, problem, err));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(completion_text(g, &c[i], err));
        vs_buf_printf(l, "{\"id\":%s,\"index\":%zu,\"completion\":", p->id_json, i);
        vs_buf_json_str(l, g->text.len ? g->text.data : "", g->text.len);
        vs_buf_str(l, ",\"ids\":");
        vs_out_ids(l, c[i].ids, c[i].n);
        vs_buf_str(l, ",\"token_logprobs\":");
        vs_out_f32s(l, c[i].logprobs, c[i].n);
        vs_buf_printf(l, ",\"finish_reason\":\"%s\"}", vs_finish_name[c[i].finish]);
        VS_TRY(vs_out_line(l, err));
    }
    return VS_OK;
}

static void forget_rows(generator *g)
{
    for (size_t i = 0; i < g->n_rows; i++) free(g->row[i].id_json);
    g->n_rows = 0;
    g->ids.n = 0;
}

static vs_status flush_rows(void *ctx, vs_row_run *rows, vs_error *err)
{
    generator *g = ctx;
    vs_decode_problem *problems;
    vs_status st = VS_OK;

    if (!g->n_rows) return VS_OK;
    problems = vs_alloc(g->n_rows, sizeof *problems);
    if (!problems) return VS_FAIL(err, VS_E_NOMEM, "prompts: out of memory");
    g->rows = rows;
    for (size_t i = 0; i < g->n_rows; i++)
        problems[i] = (vs_decode_problem){.prompt = g->ids.id + g->row[i].at,
                                          .n_prompt = g->row[i].n,
                                          .key = g->row[i].key,
                                          .n = g->o->n};
    st = vs_decode_run(g->opened.model, problems, g->n_rows, &g->o->decode, write_completions, g,
                       err);
    free(problems);
    forget_rows(g);
    return st;
}

static bool is_full(const void *ctx)
{
    const generator *g = ctx;

    return g->n_rows >= BATCH_PROMPTS || g->ids.n >= BATCH_TOKENS;
}

static vs_status run(generate_options *o, vs_error *err)
{
    generator g = {.o = o};
    const vs_row_stream stream = {.ctx = &g,
                                  .add = add_row,
                                  .flush = flush_rows,
                                  .is_full = is_full,
                                  .is_strict = o->is_strict};
    vs_status st;

    VS_CHECK(vs_opened_open(&g.opened, o->model, o->adapter, o->compute, err));
    if (o->stop.n && !g.opened.tokenizer) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: --stop needs a tokenizer.json, and there is none",
                     o->model);
        goto done;
    }
    o->decode.tokenizer = g.opened.tokenizer;
    o->decode.stop = o->stop.item;
    o->decode.n_stop = o->stop.n;
    o->decode.key = vs_rng_key_make(o->seed, VS_RNG_SAMPLE, 0);
    VS_CHECK(vs_rows_run(o->data, &stream, err));
done:
    forget_rows(&g);
    free(g.row);
    vs_ids_free(&g.ids);
    vs_buf_free(&g.text);
    vs_buf_free(&g.line);
    vs_opened_close(&g.opened);
    return st;
}

vs_status vs_verb_generate(int argc, char **argv, vs_error *err)
{
    generate_options o = {
        .data = "-",
        .n = 1,
        .decode = {.temperature = 1.0, .top_p = 1.0, .max_tokens = 256, .rows = 256}};
    vs_decode_options *d = &o.decode;
    const char *compute = "f32";
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &o.model, true, 0, 0, "DIR", "model folder"},
        {"--adapter", VS_OPT_STR, &o.adapter, false, 0, 0, "DIR", "PEFT adapter folder (none)"},
        {"--compute", VS_OPT_STR, &compute, false, 0, 0, "f32|bf16", VS_COMPUTE_HELP},
        {"-n", VS_OPT_SIZE, &o.n, false, 1, 1e6, "N", "completions of each prompt (1)"},
        {"--temperature", VS_OPT_NUM, &d->temperature, false, 0, 1e3, "T",
         "0: the likeliest token (1)"},
        {"--top-p", VS_OPT_NUM, &d->top_p, false, 1e-9, 1, "P",
         "least share of the mass to draw from (1: off)"},
        {"--top-k", VS_OPT_SIZE, &d->top_k, false, 0, 0, "K",
         "likeliest tokens to draw from (0: off)"},
        {"--max-tokens", VS_OPT_SIZE, &d->max_tokens, false, 1, VS_MAX_POSITIONS, "M",
         "new tokens at most (256)"},
        {"--seed", VS_OPT_U64, &o.seed, false, 0, 0, "S", "of the draws (0)"},
        {"--stop", VS_OPT_LIST, &o.stop, false, 0, 0, "STR",
         "cut the text before this string; may be repeated"},
        {"--rows", VS_OPT_SIZE, &d->rows, false, 1, 65536, "R",
         "completions alive at once; no effect on results (256)"},
        {"--data", VS_OPT_STR, &o.data, false, 0, 0, "FILE", "input; - is standard input (-)"},
        VS_OPT_STRICT(&o.is_strict),
    };
    vs_cmd c = {
        .verb = "generate",
        .usage = "--model DIR [--adapter DIR] [-n N] [--temperature T] [--max-tokens M] [--seed S] "
                 ".. < ROWS",
        .about = "Reads {\"id\",\"prompt\"} and writes n lines "
                 "{\"id\",\"index\",\"completion\",\"ids\",\"token_logprobs\",\n"
                 "\"finish_reason\"} for each, in input order. Log-probs are the model's own: "
                 "temperature 1, nothing cut.\n"
                 "Temperature acts before top-k and top-p. Draws depend on seed, id, index and "
                 "position alone;\n"
                 "a row without id has its line number for one. "
                 "finish_reason: stop (end token), string (a --stop string; the text is cut, ids "
                 "are as drawn), length.",
        .example = "  $ echo '{\"id\":\"a\",\"prompt\":\"Once upon a time\"}' |\n"
                   "      vstar generate --model stories260K --temperature 0 --max-tokens 3\n"
                   "  {\"id\":\"a\",\"index\":0,\"completion\":\", there "
                   "was\",\"ids\":[432,383,286],..,\"finish_reason\":\"length\"}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };
    vs_status st = vs_args_parse(&c, argc, argv, err);

    if (st == VS_OK && !c.is_help) st = vs_compute_parse(&o.compute, compute, err);
    if (st == VS_OK && !c.is_help) st = run(&o, err);
    vs_str_list_free(&o.stop);
    return st;
}
