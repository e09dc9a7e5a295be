/* ask.c - answers a new question with a run's generator and verifier. */
#include <math.h>
#include <string.h>

#include "app/app.h"
#include "app/runs.h"
#include "flow/loop/loop.h"

typedef struct ask_options {
    const char *dir, *question;
    size_t n, show;
    bool is_json;
} ask_options;

static void put_answer(vs_buf *b, const char *key, const char *answer)
{
    vs_buf_printf(b, ",\"%s\":", key);
    if (answer[0])
        vs_buf_json_str(b, answer, strlen(answer));
    else
        vs_buf_str(b, "null");
}

/* The answer of candidate i; "" where it has none or i is beyond them. */
static const char *answer_of(const vs_answer *a, size_t i)
{
    return i < a->n ? a->item[i].answer : "";
}

static void put_line(vs_buf *b, const char *text)
{
    for (const char *p = text; *p; p++) vs_buf_add(b, *p == '\n' ? " " : p, 1);
}

static vs_status print_json(const vs_answer *a, size_t show, vs_error *err)
{
    vs_buf b = {0};
    vs_status st;

    vs_buf_printf(&b, "{\"n\":%zu", a->n);
    put_answer(&b, "chosen", answer_of(a, 0));
    vs_buf_str(&b, ",\"chosen_text\":");
    vs_buf_json_str(&b, a->item[0].text, strlen(a->item[0].text));
    if (a->vote < a->n) {
        put_answer(&b, "vote", answer_of(a, a->vote));
        vs_buf_printf(&b, ",\"vote_count\":%zu", a->vote_count);
        put_answer(&b, "weighted", answer_of(a, a->weighted));
    }
    vs_buf_str(&b, ",\"candidates\":[");
    for (size_t i = 0; i < a->n && i < show; i++) {
        const vs_candidate *c = &a->item[i];
        vs_buf_str(&b, i ? ",{\"text\":" : "{\"text\":");
        vs_buf_json_str(&b, c->text, strlen(c->text));
        put_answer(&b, "answer", c->answer);
        vs_buf_str(&b, ",\"score\":");
        vs_out_f64(&b, c->score);
        vs_buf_str(&b, ",\"logprob\":");
        vs_out_f64(&b, c->logprob);
        vs_buf_printf(&b, ",\"finish_reason\":\"%s\"}", c->finish);
    }
    vs_buf_str(&b, "]}");
    st = vs_out_line(&b, err);
    vs_buf_free(&b);
    return st;
}

static vs_status print_text(const vs_answer *a, size_t show, vs_error *err)
{
    vs_buf b = {0};
    vs_status st;

    if (a->vote == SIZE_MAX) { /* nothing that could be counted: the text itself is the answer */
        vs_buf_printf(&b, "chosen by the verifier, score %.3f:\n%s\n", a->item[0].score,
                      a->item[0].text);
    } else {
        vs_buf_printf(&b, "chosen by the verifier  %s\n",
                      *answer_of(a, 0) ? a->item[0].answer : "no answer");
        vs_buf_printf(&b, "majority vote           %s  (%zu of %zu)\n", answer_of(a, a->vote),
                      a->vote_count, a->n);
        vs_buf_printf(&b, "weighted vote           %s\n", answer_of(a, a->weighted));
    }
    vs_buf_str(&b, "\n  rank    score  likelihood  answer      solution");
    for (size_t i = 0; i < a->n && i < show; i++) {
        const vs_candidate *c = &a->item[i];
        vs_buf_printf(&b, "\n  %4zu %8.3f  %10.3f  %-10s  ", i + 1, c->score, c->logprob,
                      c->answer[0] ? c->answer : "-");
        put_line(&b, c->text);
    }
    if (a->n > show) vs_buf_printf(&b, "\n  .. and %zu more (--show %zu)", a->n - show, a->n);
    st = vs_out_line(&b, err);
    vs_buf_free(&b);
    return st;
}

static vs_status ask(const ask_options *o, vs_error *err)
{
    vs_run *run = NULL;
    vs_answer a = {0};
    vs_status st;

    vs_run_use_builtin_base();
    VS_CHECK(vs_run_open(&run, NULL, o->dir, err));
    VS_CHECK(vs_run_ask(run, o->question, o->n, &a, err));
    VS_CHECK((o->is_json ? print_json : print_text)(&a, o->show, err));
done:
    vs_answer_free(&a);
    vs_run_close(run);
    return st;
}

vs_status vs_verb_ask(int argc, char **argv, vs_error *err)
{
    ask_options o = {.n = 64, .show = 8};
    const vs_opt opts[] = {
        {"-n", VS_OPT_SIZE, &o.n, false, 1, 4096, "N", "candidates (64)"},
        {"--show", VS_OPT_SIZE, &o.show, false, 1, 4096, "N",
         "candidates to print, best first (8)"},
        {"--json", VS_OPT_FLAG, &o.is_json, false, 0, 0, NULL, "one JSON object"},
    };
    vs_cmd c = {
        .verb = "ask",
        .usage = "RUN \"question\" [-n N] [--json]",
        .about = "Draws candidates from the run's final generator, scores them with its verifier, "
                 "and prints the best, the vote and\n"
                 "the candidates by falling score. The same question gets the same answer.",
        .example = "  $ vstar ask runs/demo \"Tom buys some bags of 7 pens. Tom gets 5 more and "
                   "now has 61. How many bags?\"\n"
                   "  chosen by the verifier  8\n  majority vote           8  (.. of 64)\n  ..",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 2,
        .max_words = 2,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    o.dir = c.words[0];
    o.question = c.words[1];
    return ask(&o, err);
}
