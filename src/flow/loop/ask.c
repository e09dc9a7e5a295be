/* ask.c - one new question: candidates of the final generator, scored by the verifier. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "flow/answers/vote.h"
#include "flow/labels/grade.h"
#include "flow/loop/run.h"
#include "flow/problems/problems.h"

typedef struct asked {
    vs_run *run;
    vs_ids prompt;
    vs_answer answer;
    vs_solution *solutions; /* [n]; ids are copies */
} asked;

static vs_status take_candidate(asked *q, vs_candidate *c, vs_solution *s, const vs_completion *x,
                                vs_error *err)
{
    const size_t n_text = x->finish == VS_FINISH_STOP ? x->n - 1 : x->n;
    const vs_recipe *r = &q->run->recipe;
    const char *profile = r->eval.grader ? r->eval.grader : r->grader;
    vs_grade_result g;
    vs_buf text = {0};
    vs_status st = VS_OK;
    int32_t *ids = vs_alloc(x->n, sizeof *ids);

    if (!ids) return VS_FAIL(err, VS_E_NOMEM, "candidate");
    memcpy(ids, x->ids, x->n * sizeof *ids);
    *s = (vs_solution){.ids = ids, .n = x->n};
    VS_CHECK(vs_decode(&text, q->run->tokenizer, x->ids, n_text, true, err));
    if (text.data)
        text.data[text.len = vs_stop_cut(text.data, text.len, (const char *const *)r->sample.stop,
                                         r->sample.n_stop)] = '\0';
    c->text = text.data ? text.data : vs_strdup_n("", 0);
    text = (vs_buf){0};
    if (!c->text) return VS_FAIL(err, VS_E_NOMEM, "candidate");
    c->finish = vs_finish_name[x->finish];
    for (size_t i = 0; i < x->n; i++) c->logprob += (double)x->logprobs[i];
    if (x->finish == VS_FINISH_LENGTH || !vs_profile_version(profile)) return VS_OK;
    VS_CHECK(vs_grade(&g, profile, NULL, 0, c->text, strlen(c->text), err));
    snprintf(c->answer, sizeof c->answer, "%s", g.normal);
done:
    vs_buf_free(&text);
    return st;
}

static vs_status take_all(void *ctx, size_t problem, const vs_completion *c, size_t n,
                          vs_error *err)
{
    asked *q = ctx;
    (void)problem;

    for (size_t i = 0; i < n; i++)
        VS_TRY(take_candidate(q, &q->answer.item[i], &q->solutions[i], &c[i], err));
    return VS_OK;
}

static vs_status encode_question(asked *q, const char *question, vs_error *err)
{
    vs_buf prompt = {0};
    vs_status st;
    vs_group g;

    VS_CHECK(vs_prompt_render(&prompt, q->run->recipe.problems.prompt, question, err));
    VS_CHECK(vs_buf_ok(&prompt, "question", err));
    VS_CHECK(vs_run_chat_prompt(q->run, &prompt.data, err));
    VS_CHECK(vs_encode(&q->prompt, q->run->tokenizer, prompt.data, strlen(prompt.data),
                       vs_run_adds_special(q->run), err));
    g = (vs_group){.prompt = q->prompt.id, .n_prompt = q->prompt.n};
    VS_CHECK(vs_group_check(&g, &q->run->config, "question", err));
done:
    vs_buf_free(&prompt);
    return st;
}

static vs_status draw_candidates(asked *q, const char *question, size_t n, vs_error *err)
{
    vs_opened_model m = {0};
    vs_decode_options o;
    const vs_decode_problem p = {q->prompt.id, q->prompt.n, vs_hash64(question, strlen(question)),
                                 n, 0};
    vs_status st;

    VS_TRY(vs_run_open_model(q->run, "generator", q->run->recipe.compute, &m, err));
    vs_run_decode_options(q->run, &o, VS_ROUND_ASK);
    st = vs_decode_run(m.model, &p, 1, &o, take_all, q, err);
    vs_opened_model_close(&m);
    return st;
}

static vs_status score_candidates(asked *q, size_t n, vs_error *err)
{
    vs_opened_model m = {0};
    vs_scorer *scorer = NULL;
    const vs_group g = {q->prompt.id, q->prompt.n, q->solutions, n};
    double *scores = vs_alloc(n, sizeof *scores);
    bool has_verifier;
    vs_status st;

    if (!scores) return VS_FAIL(err, VS_E_NOMEM, "%zu scores", n);
    VS_CHECK(vs_run_has_verifier(&has_verifier, q->run, err));
    if (!has_verifier) {
        st = VS_FAIL(
            err, VS_E_STATE,
            "%s: has no verifier (yet, or no training problem had both right and wrong solutions)",
            q->run->dir);
        goto done;
    }
    VS_CHECK(vs_run_open_model(q->run, "verifier", q->run->recipe.compute, &m, err));
    VS_CHECK(vs_scorer_open(&scorer, m.model, VS_SCORE_ROWS, err));
    VS_CHECK(vs_score_by(vs_verifier_scoring(q->run->recipe.verifier.kind, &q->run->words), scorer,
                         &g, 1, scores, err));
    for (size_t i = 0; i < n; i++) q->answer.item[i].score = scores[i];
done:
    vs_scorer_close(scorer);
    vs_opened_model_close(&m);
    free(scores);
    return st;
}

static int by_falling_score(const void *a, const void *b)
{
    const double x = ((const vs_candidate *)a)->score, y = ((const vs_candidate *)b)->score;

    return (x < y) - (x > y);
}

static vs_status vote(vs_answer *a, vs_error *err)
{
    double *scores = vs_alloc(a->n, sizeof *scores);
    int32_t *classes = vs_alloc(a->n, sizeof *classes);
    uint8_t *right = vs_alloc(a->n, sizeof *right); /* not known */
    const vs_metrics_problem p = {.n = a->n, .right = right, .scores = scores, .classes = classes};
    vs_vote_choice plain, weighted;
    vs_status st;

    if (!scores || !classes || !right) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu votes", a->n);
        goto done;
    }
    for (size_t i = 0; i < a->n; i++) {
        size_t first = 0;
        while (strcmp(a->item[first].answer, a->item[i].answer) != 0) first++;
        scores[i] = a->item[i].score;
        classes[i] = *a->item[i].answer ? (int32_t)first : -1;
    }
    VS_CHECK(vs_vote_winner(&plain, &p, false, err));
    VS_CHECK(vs_vote_winner(&weighted, &p, true, err));
    a->vote = plain.sample;
    a->vote_count = plain.count;
    a->weighted = weighted.sample;
done:
    free(scores);
    free(classes);
    free(right);
    return st;
}

vs_status vs_run_ask(vs_run *run, const char *question, size_t n, vs_answer *out, vs_error *err)
{
    asked q = {.run = run};
    vs_status st;

    if (n == 0) return VS_FAIL(err, VS_E_INPUT, "0 candidates asked for, expected at least 1");
    q.answer.item = vs_alloc(n, sizeof *q.answer.item);
    q.solutions = vs_alloc(n, sizeof *q.solutions);
    if (!q.answer.item || !q.solutions) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu candidates", n);
        goto done;
    }
    q.answer.n = n;
    VS_CHECK(encode_question(&q, question, err));
    VS_CHECK(draw_candidates(&q, question, n, err));
    VS_CHECK(score_candidates(&q, n, err));
    qsort(q.answer.item, n, sizeof *q.answer.item, by_falling_score);
    VS_CHECK(vote(&q.answer, err));
    *out = q.answer;
    q.answer = (vs_answer){0};
done:
    vs_answer_free(&q.answer);
    for (size_t i = 0; q.solutions && i < n; i++) free((int32_t *)(uintptr_t)q.solutions[i].ids);
    free(q.solutions);
    vs_ids_free(&q.prompt);
    return st;
}

void vs_answer_free(vs_answer *a)
{
    for (size_t i = 0; a->item && i < a->n; i++) free(a->item[i].text);
    free(a->item);
    *a = (vs_answer){0};
}
