#include "flow/verifier/generative.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

void generative_name(char out[VS_SCORE_NAME_BYTES], const char *question, const char *yes,
                     const char *no)
{
    const char *const texts[] = {question, yes, no};
    uint64_t h = 0;

    for (size_t i = 0; i < 3; i++) {
        const uint64_t both[2] = {h, vs_hash64(texts[i], strlen(texts[i]))};
        h = vs_hash64(both, sizeof both);
    }
    snprintf(out, VS_SCORE_NAME_BYTES, "yes-%012llx", (unsigned long long)(h >> 16));
}

static vs_status encode_word(vs_ids *out, const vs_tokenizer *t, const vs_config *c,
                             const char *text, const char *where, const char *key, vs_error *err)
{
    VS_TRY(vs_encode(out, t, text, strlen(text), false, err));
    for (size_t i = 0; i < out->n; i++)
        if ((size_t)out->id[i] >= c->n_vocab)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s%s: found \"%.60s\", whose token %d the model does not have", where,
                           key, text, out->id[i]);
    if (out->n) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT, "%s%s: found \"%.60s\", expected text that has tokens", where,
                   key, text);
}

vs_status vs_ver_words_open(vs_ver_words *out, const vs_tokenizer *t, const vs_config *c,
                            const char *question, const char *yes, const char *no,
                            const char *where, vs_error *err)
{
    vs_ver_words w = {.n_end = c->n_eos};
    vs_status st;

    VS_CHECK(encode_word(&w.question, t, c, question, where, "question", err));
    VS_CHECK(encode_word(&w.yes, t, c, yes, where, "yes", err));
    VS_CHECK(encode_word(&w.no, t, c, no, where, "no", err));
    if (w.yes.n == w.no.n && memcmp(w.yes.id, w.no.id, w.yes.n * sizeof *w.yes.id) == 0) {
        st = VS_FAIL(err, VS_E_INPUT, "%syes: found the tokens of %sno", where, where);
        goto done;
    }
    memcpy(w.end_ids, c->eos_ids, c->n_eos * sizeof *w.end_ids);
    generative_name(w.name, question, yes, no);
    *out = w;
    w = (vs_ver_words){.n_end = 0};
done:
    vs_ver_words_free(&w);
    return st;
}

void vs_ver_words_free(vs_ver_words *w)
{
    vs_ids_free(&w->question);
    vs_ids_free(&w->yes);
    vs_ids_free(&w->no);
}

size_t vs_ver_words_room(const vs_ver_words *w)
{
    return w->question.n + (w->yes.n > w->no.n ? w->yes.n : w->no.n);
}

static bool is_end(const vs_ver_words *w, int32_t id)
{
    for (size_t i = 0; i < w->n_end; i++)
        if (w->end_ids[i] == id) return true;
    return false;
}

/* How many tokens of the solution stand before the question. */
static size_t kept(const vs_ver_words *w, size_t n_prompt, const int32_t *ids, size_t n,
                   size_t n_positions)
{
    const size_t body = n && is_end(w, ids[n - 1]) ? n - 1 : n;
    const size_t used = n_prompt + vs_ver_words_room(w);
    const size_t room = used < n_positions ? n_positions - used : 0;

    return body < room ? body : room;
}

static int32_t *append(int32_t *at, const int32_t *ids, size_t n)
{
    memcpy(at, ids, n * sizeof *ids);
    return at + n;
}

/* Prompt, solution and question at `at`; what comes behind them. */
static int32_t *put_question(int32_t *at, const vs_ver_words *w, const int32_t *prompt,
                             size_t n_prompt, const int32_t *ids, size_t n, size_t n_positions)
{
    const size_t n_kept = kept(w, n_prompt, ids, n, n_positions);

    at = append(at, prompt, n_prompt);
    at = append(at, ids, n_kept);
    return append(at, w->question.id, w->question.n);
}

/* -- rows -- */

/* `take` of n, by chance, as a mark for each. */
static void choose(unsigned char *chosen, size_t n, size_t take, vs_rng *r)
{
    for (size_t i = 0, left = take; i < n; i++) {
        chosen[i] = vs_rng_below(r, (uint32_t)(n - i)) < left;
        left -= chosen[i];
    }
}

typedef struct maker {
    const vs_verifier_job *j;
    ver_rows *out;
    int32_t *at; /* where the next prompt goes */
    unsigned char *chosen;
} maker;

static void add_row(maker *m, const int32_t *prompt, size_t n_prompt, vs_solution solution)
{
    ver_rows *o = m->out;

    o->solutions[o->n] = solution;
    o->row[o->n] = (vs_data_row){.group = {prompt, n_prompt, &o->solutions[o->n], 1}};
    o->n++;
}

static void add_verdict(maker *m, const vs_problem *p, const vs_sample *x, bool is_right)
{
    const vs_ver_words *w = m->j->words;
    const int32_t *prompt = m->at;

    m->at = put_question(m->at, w, p->ids, p->n_ids, x->ids, x->n_ids, m->j->n_positions);
    add_row(
        m, prompt, (size_t)(m->at - prompt),
        (vs_solution){.ids = is_right ? w->yes.id : w->no.id, .n = is_right ? w->yes.n : w->no.n});
}

static void add_item(maker *m, const vs_ver_item *item, vs_rng *r)
{
    const size_t n_wrong = item->n - item->n_right;
    const size_t n = item->n_right < n_wrong ? item->n_right : n_wrong;

    choose(m->chosen, item->n_right, n, r);
    choose(m->chosen + item->n_right, n_wrong, n, r);
    for (size_t k = 0; k < item->n; k++) {
        const vs_sample *x = item->solutions[k];
        const bool is_right = k < item->n_right;
        if (m->chosen[k]) add_verdict(m, item->problem, x, is_right);
        if (is_right && m->j->o.lm > 0.0)
            add_row(m, item->problem->ids, item->problem->n_ids,
                    (vs_solution){
                        .ids = x->ids, .n = x->n_ids, .weight = m->j->o.lm / (double)x->n_ids});
    }
}

vs_status generative_rows(ver_rows *out, const vs_verifier_job *j, vs_error *err)
{
    size_t n_rows = 0, n_ids = 0, most = 0;
    maker m = {.j = j, .out = out};

    for (size_t i = 0; i < j->n; i++) {
        const vs_ver_item *item = &j->items[i];
        n_rows += item->n + item->n_right;
        most = item->n > most ? item->n : most;
        for (size_t k = 0; k < item->n; k++)
            n_ids += item->problem->n_ids + item->solutions[k]->n_ids + j->words->question.n;
    }
    out->row = vs_alloc(n_rows, sizeof *out->row);
    out->solutions = vs_alloc(n_rows, sizeof *out->solutions);
    out->ids = m.at = vs_alloc(n_ids, sizeof *out->ids);
    m.chosen = vs_alloc(most, 1);
    if (!out->row || !out->solutions || !out->ids || !m.chosen) {
        free(m.chosen);
        return VS_FAIL(err, VS_E_NOMEM, "%s: %zu solutions", j->name, n_rows);
    }
    for (size_t i = 0; i < j->n; i++) {
        vs_rng r = vs_rng_stream(vs_rng_key_make(j->o.seed, VS_RNG_CAP, UINT32_MAX),
                                 (uint64_t)j->items[i].problem->id);
        add_item(&m, &j->items[i], &r);
    }
    free(m.chosen);
    return out->n ? VS_OK
                  : VS_FAIL(err, VS_E_INPUT, "%s: no problem has both right and wrong solutions",
                            j->name);
}

/* -- scores -- */

static size_t count_asked(const vs_group *groups, size_t n_groups, size_t *n_ids,
                          const vs_ver_words *w)
{
    size_t n = 0;

    *n_ids = 0;
    for (size_t g = 0; g < n_groups; g++)
        for (size_t i = 0; i < groups[g].n_solutions; i++, n++)
            *n_ids += groups[g].n_prompt + groups[g].solutions[i].n + w->question.n;
    return n;
}

vs_status generative_score(const void *ctx, vs_scorer *s, const vs_group *groups, size_t n_groups,
                           double *score, vs_error *err)
{
    const vs_ver_words *w = ctx;
    const vs_solution answers[2] = {{.ids = w->yes.id, .n = w->yes.n},
                                    {.ids = w->no.id, .n = w->no.n}};
    const size_t n_positions = vs_scorer_model(s)->base->config.n_positions;
    size_t n_ids;
    const size_t n = count_asked(groups, n_groups, &n_ids, w);
    vs_group *asked = vs_alloc(n, sizeof *asked);
    int32_t *ids = vs_alloc(n_ids, sizeof *ids), *at = ids;
    double *logp = vs_alloc(2 * n, sizeof *logp);
    vs_status st;
    size_t k = 0;

    if (!asked || !ids || !logp) {
        st = VS_FAIL(err, VS_E_NOMEM, "scores of %zu solutions", n);
        goto done;
    }
    for (size_t g = 0; g < n_groups; g++)
        for (size_t i = 0; i < groups[g].n_solutions; i++) {
            const vs_solution *x = &groups[g].solutions[i];
            asked[k] = (vs_group){.prompt = at, .solutions = answers, .n_solutions = 2};
            at = put_question(at, w, groups[g].prompt, groups[g].n_prompt, x->ids, x->n,
                              n_positions);
            asked[k].n_prompt = (size_t)(at - asked[k].prompt);
            k++;
        }
    VS_CHECK(vs_score(s, asked, n, NULL, logp, err));
    for (size_t i = 0; i < n; i++) score[i] = logp[2 * i] - logp[2 * i + 1];
done:
    free(asked);
    free(ids);
    free(logp);
    return st;
}
