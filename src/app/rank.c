/* rank.c - scores of candidates, and their order. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/queue.h"
#include "base/json.h"
#include "base/mem.h"
#include "flow/verifier/verifier.h"

typedef enum rank_score {
    SCORE_SUM,
    SCORE_MEAN,
    SCORE_RATIO,
    SCORE_MEAN_RATIO,
    SCORE_VALUE,
    SCORE_YES,
    N_SCORES
} rank_score;
static const char *const score_name[N_SCORES] = {"sum",        "mean",  "ratio",
                                                 "mean-ratio", "value", "yes"};

typedef struct rank_options {
    const char *model, *adapter, *reference, *data;
    const char *question, *yes, *no; /* of a generative verifier */
    vs_compute compute;
    rank_score score;
    bool is_strict;
} rank_options;

typedef struct ranker {
    const rank_options *o;
    vs_opened opened;
    vs_second second;
    vs_scorer *scorer, *reference; /* reference: NULL unless the score is a ratio */
    vs_queue queue;
    vs_buf line;
    vs_ver_words words;
    vs_score_how how;
} ranker;

static vs_status add_candidates(ranker *r, const json_t *list, const char *where, vs_error *err)
{
    vs_ids ids = {0};
    vs_status st = VS_OK;
    char what[48];

    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(what, sizeof what, "candidates[%zu]", i);
        ids.n = 0;
        VS_CHECK(vs_row_tokens(&ids, &r->opened.reader, json_array_get(list, i), VS_TEXT_SOLUTION,
                               what, where, err));
        VS_CHECK(vs_queue_add_solution(&r->queue, ids.id, ids.n, err));
    }
done:
    vs_ids_free(&ids);
    return st;
}

static vs_status add_row(void *ctx, const json_t *row, const char *where, vs_error *err)
{
    ranker *r = ctx;
    const size_t n_rows = r->queue.n_rows;
    vs_ids prompt = {0};
    vs_status st;

    VS_CHECK(vs_row_member(&prompt, &r->opened.reader, row, "prompt", VS_TEXT_PROMPT, where, err));
    const json_t *list = json_object_get(row, "candidates");
    if (!json_is_array(list)) {
        st = VS_FAIL(err, VS_E_FORMAT,
                     "%s: \"candidates\": found %s, expected a list of strings or of id lists",
                     where, list ? vs_json_kind(list) : "nothing");
        goto done;
    }
    VS_CHECK(vs_queue_add_row(&r->queue, prompt.id, prompt.n, err));
    VS_CHECK(add_candidates(r, list, where, err));
    VS_CHECK(vs_queue_check(&r->queue, r->opened.reader.config, where, err));
done:
    if (st != VS_OK) vs_queue_truncate(&r->queue, n_rows);
    vs_ids_free(&prompt);
    return st;
}

/* Scores of all solutions of the queue into score. */
static vs_status score_all(double *score, ranker *r, vs_error *err)
{
    vs_queue *q = &r->queue;
    const rank_score kind = r->o->score;

    VS_TRY(vs_queue_score_by(q, r->scorer, r->how, err));
    for (size_t i = 0; i < q->n_solutions; i++) score[i] = q->logprob[i];
    if (r->reference) {
        VS_TRY(vs_queue_score(q, r->reference, err));
        for (size_t i = 0; i < q->n_solutions; i++) score[i] -= q->logprob[i];
    }
    if (kind == SCORE_MEAN || kind == SCORE_MEAN_RATIO)
        for (size_t i = 0; i < q->n_solutions; i++) score[i] /= (double)q->solution[i].n;
    return VS_OK;
}

/* Indices by falling score; equal scores keep their order. Insertion: candidates are few. */
static void order_by_score(size_t *order, const double *score, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        while (at > 0 && score[order[at - 1]] < score[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

static vs_status write_row(ranker *r, const vs_queue_row *row, const double *score, size_t *order,
                           vs_error *err)
{
    const size_t n = row->solutions.n;

    order_by_score(order, score + row->solutions.at, n);
    vs_buf_str(&r->line, "{\"scores\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) vs_buf_str(&r->line, ",");
        vs_out_f64(&r->line, score[row->solutions.at + i]);
    }
    vs_buf_str(&r->line, "],\"order\":[");
    for (size_t i = 0; i < n; i++) vs_buf_printf(&r->line, i ? ",%zu" : "%zu", order[i]);
    vs_buf_str(&r->line, "]}");
    return vs_out_line(&r->line, err);
}

static vs_status flush_rows(void *ctx, vs_row_run *rows, vs_error *err)
{
    ranker *r = ctx;
    vs_queue *q = &r->queue;
    double *score = vs_alloc(q->n_solutions, sizeof *score);
    size_t *order = vs_alloc(q->n_solutions, sizeof *order);
    vs_status st = VS_OK;

    if (!score || !order) {
        st = VS_FAIL(err, VS_E_NOMEM, "scores: out of memory");
        goto done;
    }
    VS_CHECK(score_all(score, r, err));
    for (size_t i = 0; i < q->n_rows; i++) {
        VS_CHECK(vs_rows_turn(rows, i, err));
        VS_CHECK(write_row(r, &q->row[i], score, order, err));
    }
    vs_queue_truncate(q, 0);
done:
    free(order);
    free(score);
    return st;
}

static bool is_full(const void *ctx)
{
    return vs_queue_is_full(&((const ranker *)ctx)->queue);
}

/* What a verifier of another kind than log-probs scores by. */
static vs_status open_how(ranker *r, vs_error *err)
{
    const vs_config *c = &r->opened.base->config;

    if (r->o->score == SCORE_VALUE) {
        r->how = vs_verifier_scoring(VS_VERIFIER_ORM, NULL);
        if (r->opened.model->value_params) return VS_OK;
        return VS_FAIL(err, VS_E_INPUT, "%s: found no value head, expected one for --score value",
                       r->o->adapter ? r->o->adapter : r->o->model);
    }
    if (r->o->score != SCORE_YES) return VS_OK;
    if (!r->o->question || !r->o->yes || !r->o->no || !r->opened.tokenizer)
        return VS_FAIL(err, VS_E_USAGE,
                       "--score yes needs --question, --yes, --no and a model with a tokenizer");
    VS_TRY(vs_ver_words_open(&r->words, r->opened.tokenizer, c, r->o->question, r->o->yes, r->o->no,
                             "--", err));
    r->how = vs_verifier_scoring(VS_VERIFIER_GENERATIVE, &r->words);
    return VS_OK;
}

static vs_status run(const rank_options *o, vs_error *err)
{
    ranker r = {.o = o};
    const vs_row_stream stream = {.ctx = &r,
                                  .add = add_row,
                                  .flush = flush_rows,
                                  .is_full = is_full,
                                  .is_strict = o->is_strict};
    vs_status st;

    VS_CHECK(vs_opened_open(&r.opened, o->model, o->adapter, o->compute, err));
    VS_CHECK(open_how(&r, err));
    VS_CHECK(vs_scorer_open(&r.scorer, r.opened.model, VS_SCORE_ROWS, err));
    if (o->reference) {
        VS_CHECK(vs_second_open(&r.second, &r.opened, o->reference, err));
        VS_CHECK(vs_scorer_open(&r.reference, r.second.model, VS_SCORE_ROWS, err));
    }
    VS_CHECK(vs_rows_run(o->data, &stream, err));
done:
    vs_buf_free(&r.line);
    vs_ver_words_free(&r.words);
    vs_queue_free(&r.queue);
    vs_scorer_close(r.reference);
    vs_scorer_close(r.scorer);
    vs_second_close(&r.second);
    vs_opened_close(&r.opened);
    return st;
}

static vs_status parse_score(rank_options *o, const char *name, vs_error *err)
{
    size_t i = 0;

    while (i < N_SCORES && strcmp(name, score_name[i]) != 0) i++;
    if (i == N_SCORES)
        return VS_FAIL(
            err, VS_E_USAGE,
            "--score: found '%.60s', expected sum, mean, ratio, mean-ratio, value or yes", name);
    o->score = (rank_score)i;
    const bool is_ratio = o->score == SCORE_RATIO || o->score == SCORE_MEAN_RATIO;
    if (is_ratio && !o->reference)
        return VS_FAIL(err, VS_E_USAGE, "--score %s needs --reference DIR or --reference base",
                       name);
    if (!is_ratio && o->reference)
        return VS_FAIL(err, VS_E_USAGE,
                       "--reference goes with --score ratio or mean-ratio, not with %s", name);
    return VS_OK;
}

vs_status vs_verb_rank(int argc, char **argv, vs_error *err)
{
    rank_options o = {.data = "-"};
    const char *score = "sum", *compute = "f32";
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &o.model, true, 0, 0, "DIR", "model folder"},
        {"--adapter", VS_OPT_STR, &o.adapter, false, 0, 0, "DIR", "PEFT adapter folder (none)"},
        {"--compute", VS_OPT_STR, &compute, false, 0, 0, "f32|bf16", VS_COMPUTE_HELP},
        {"--score", VS_OPT_STR, &score, false, 0, 0, "KIND",
         "sum of log-probs, mean per token, ratio to --reference, mean-ratio, value of a reward "
         "model's head, yes: log P(yes) - log "
         "P(no) of a generative verifier (sum)"},
        {"--reference", VS_OPT_STR, &o.reference, false, 0, 0, "DIR|base",
         "for ratios: a model, an adapter, or base: --model without adapter"},
        {"--question", VS_OPT_STR, &o.question, false, 0, 0, "TEXT",
         "what a generative verifier is asked behind the solution; with --yes and --no"},
        {"--yes", VS_OPT_STR, &o.yes, false, 0, 0, "TEXT", "its answer that means right"},
        {"--no", VS_OPT_STR, &o.no, false, 0, 0, "TEXT", "and wrong"},
        {"--data", VS_OPT_STR, &o.data, false, 0, 0, "FILE", "input; - is standard input (-)"},
        VS_OPT_STRICT(&o.is_strict),
    };
    vs_cmd c = {
        .verb = "rank",
        .usage = "--model DIR [--adapter DIR] [--score KIND] [--reference DIR|base] < ROWS",
        .about = "Reads {\"prompt\",\"candidates\":[..]} and writes "
                 "{\"scores\":[..],\"order\":[..]}: order lists the candidates'\n"
                 "places by falling score, equal scores in their order. A candidate given as text "
                 "is closed by the model's end\n"
                 "token, as a complete solution is; a list of ids is taken as it is.",
        .example = "  $ echo '{\"prompt\":\"Once upon a\",\"candidates\":[[266],[378]]}' | vstar "
                   "rank --model stories260K\n"
                   "  {\"scores\":[-23.726850509643555,-0.0007238152320496738],\"order\":[1,0]}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    VS_TRY(vs_compute_parse(&o.compute, compute, err));
    VS_TRY(parse_score(&o, score, err));
    return run(&o, err);
}
