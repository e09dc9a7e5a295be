/* logprobs.c - log-probabilities of completions. */
#include "app/app.h"
#include "app/queue.h"

typedef struct logprobs {
    vs_opened opened;
    vs_scorer *scorer;
    vs_queue queue;
    vs_buf line;
} logprobs;

static vs_status add_row(void *ctx, const json_t *row, const char *where, vs_error *err)
{
    logprobs *l = ctx;
    const vs_row_reader *r = &l->opened.reader;
    const size_t n_rows = l->queue.n_rows;
    vs_ids prompt = {0}, completion = {0};
    vs_status st;

    VS_CHECK(vs_row_member(&prompt, r, row, "prompt", VS_TEXT_PROMPT, where, err));
    VS_CHECK(vs_row_member(&completion, r, row, "completion", VS_TEXT_COMPLETION, where, err));
    VS_CHECK(vs_queue_add_row(&l->queue, prompt.id, prompt.n, err));
    VS_CHECK(vs_queue_add_solution(&l->queue, completion.id, completion.n, err));
    VS_CHECK(vs_queue_check(&l->queue, r->config, where, err));
done:
    if (st != VS_OK) vs_queue_truncate(&l->queue, n_rows);
    vs_ids_free(&completion);
    vs_ids_free(&prompt);
    return st;
}

static vs_status flush_rows(void *ctx, vs_row_run *rows, vs_error *err)
{
    logprobs *l = ctx;
    vs_queue *q = &l->queue;

    VS_TRY(vs_queue_score(q, l->scorer, err));
    for (size_t i = 0; i < q->n_solutions; i++) { /* one a row */
        VS_TRY(vs_rows_turn(rows, i, err));
        vs_buf_str(&l->line, "{\"logprob\":");
        vs_out_f64(&l->line, q->logprob[i]);
        vs_buf_str(&l->line, ",\"token_logprobs\":");
        vs_out_f32s(&l->line, q->token_logprobs + q->first_logprob[i], q->solution[i].n);
        vs_buf_printf(&l->line, ",\"n_tokens\":%zu}", q->solution[i].n);
        VS_TRY(vs_out_line(&l->line, err));
    }
    vs_queue_truncate(q, 0);
    return VS_OK;
}

static bool is_full(const void *ctx)
{
    return vs_queue_is_full(&((const logprobs *)ctx)->queue);
}

static vs_status run(const char *model, const char *adapter, vs_compute compute, const char *data,
                     bool is_strict, vs_error *err)
{
    logprobs l = {0};
    const vs_row_stream stream = {
        .ctx = &l, .add = add_row, .flush = flush_rows, .is_full = is_full, .is_strict = is_strict};
    vs_status st;

    VS_CHECK(vs_opened_open(&l.opened, model, adapter, compute, err));
    VS_CHECK(vs_scorer_open(&l.scorer, l.opened.model, VS_SCORE_ROWS, err));
    VS_CHECK(vs_rows_run(data, &stream, err));
done:
    vs_buf_free(&l.line);
    vs_queue_free(&l.queue);
    vs_scorer_close(l.scorer);
    vs_opened_close(&l.opened);
    return st;
}

vs_status vs_verb_logprobs(int argc, char **argv, vs_error *err)
{
    const char *model = NULL, *adapter = NULL, *compute = "f32", *data = "-";
    vs_compute how;
    bool is_strict = false;

    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &model, true, 0, 0, "DIR", "model folder"},
        {"--adapter", VS_OPT_STR, &adapter, false, 0, 0, "DIR", "PEFT adapter folder (none)"},
        {"--compute", VS_OPT_STR, &compute, false, 0, 0, "f32|bf16", VS_COMPUTE_HELP},
        {"--data", VS_OPT_STR, &data, false, 0, 0, "FILE", "input; - is standard input (-)"},
        VS_OPT_STRICT(&is_strict),
    };
    vs_cmd c = {
        .verb = "logprobs",
        .usage = "--model DIR [--adapter DIR] < ROWS",
        .about = "Reads {\"prompt\",\"completion\"} and writes "
                 "{\"logprob\",\"token_logprobs\",\"n_tokens\"}, in nats. Either\n"
                 "may be ids: \"prompt_ids\", \"completion_ids\", taken as they are. A prompt's "
                 "text gets the tokenizer's own\n"
                 "special tokens; a completion's text gets none, and no end token: write it as ids "
                 "if it is to be counted.\n"
                 "A line's bytes depend on its row alone: not on its neighbours, nor on the number "
                 "of threads.",
        .example = "  $ echo '{\"prompt\":\"Once upon a\",\"completion_ids\":[378]}' | vstar "
                   "logprobs --model stories260K\n"
                   "  "
                   "{\"logprob\":-0.0007238152320496738,\"token_logprobs\":[-0.000723815232],\"n_"
                   "tokens\":1}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    VS_TRY(vs_compute_parse(&how, compute, err));
    return run(model, adapter, how, data, is_strict, err);
}
