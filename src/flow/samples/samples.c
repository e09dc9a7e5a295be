#include "flow/samples/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"

enum {
    CHUNK_SAMPLES = 512, /* samples that one commit holds at least: what a kill may lose */
};

vs_status vs_encode_prompts(vs_problems *p, const vs_tokenizer *t, const vs_config *c,
                            bool add_special, vs_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        vs_problem *q = &p->item[i];
        vs_ids ids = {0};
        vs_group g;
        char where[160];
        snprintf(where, sizeof where, "problem %s", q->key);
        VS_TRY(vs_encode(&ids, t, q->prompt, strlen(q->prompt), add_special, err));
        free(q->ids);
        q->ids = ids.id;
        q->n_ids = ids.n;
        g = (vs_group){.prompt = q->ids, .n_prompt = q->n_ids};
        VS_TRY(vs_group_check(&g, c, where, err));
    }
    return VS_OK;
}

static vs_status store_reference(vs_store *s, const vs_problem *p, const vs_tokenizer *t,
                                 const vs_config *c, vs_error *err)
{
    vs_status st;
    vs_ids ids = {0};
    vs_sample x = {.problem_id = p->id, .set = "reference", .finish = "stop", .text = p->reference};
    vs_solution solution;
    char where[160];
    int64_t id;

    snprintf(where, sizeof where, "problem %s, with its reference", p->key);
    VS_CHECK(vs_encode(&ids, t, p->reference, strlen(p->reference), false, err));
    if (c->n_eos) VS_CHECK(vs_ids_add(&ids, c->eos_ids[0], err));
    x.ids = ids.id;
    x.n_ids = ids.n;
    solution = (vs_solution){.ids = ids.id, .n = ids.n};
    VS_CHECK(vs_group_check(&(vs_group){p->ids, p->n_ids, &solution, 1}, c, where, err));
    VS_CHECK(vs_store_add_sample(s, &x, &id, err));
done:
    vs_ids_free(&ids);
    return st;
}

/* Training problems may carry references too (a published file has them); the loop must not see
 * those. */
static bool is_sft(const vs_problem *p)
{
    return strcmp(p->split, "sft") == 0 && p->reference;
}

vs_status vs_store_references(vs_store *s, const vs_problems *p, const vs_tokenizer *t,
                              const vs_config *c, vs_error *err)
{
    size_t have;

    VS_TRY(vs_store_count_groups(&have, s, "reference", err));
    if (have) return VS_OK;
    VS_TRY(vs_store_begin(s, err));
    for (size_t i = 0; i < p->n; i++) {
        const vs_status st =
            is_sft(&p->item[i]) ? store_reference(s, &p->item[i], t, c, err) : VS_OK;
        if (st != VS_OK) {
            vs_store_rollback(s);
            return st;
        }
    }
    return vs_store_commit(s, err);
}

/* -- sampling -- */

typedef struct sample_sink {
    vs_store *store;
    const vs_model *m;
    const vs_tokenizer *t;
    const vs_problems *problems;
    const vs_sampling *how;
    size_t first;    /* problem of the decoder's problem 0 */
    size_t in_chunk; /* samples in the open transaction */
    size_t done;     /* samples stored, for the progress bar */
} sample_sink;

/* The completion's text: without end token, cut at a stop string. */
static vs_status sample_text(const sample_sink *k, const vs_completion *c, vs_buf *text,
                             vs_error *err)
{
    const size_t n = c->finish == VS_FINISH_STOP ? c->n - 1 : c->n;

    vs_buf_clear(text);
    VS_TRY(vs_decode(text, k->t, c->ids, n, true, err));
    if (text->data && k->how->decode->n_stop) {
        text->len =
            vs_stop_cut(text->data, text->len, k->how->decode->stop, k->how->decode->n_stop);
        text->data[text->len] = '\0';
    }
    return vs_buf_ok(text, "completion", err);
}

static vs_status store_sample(const sample_sink *k, const vs_problem *p, const vs_completion *c,
                              size_t index, vs_error *err)
{
    vs_status st;
    vs_buf text = {0};
    vs_sample x = {.problem_id = p->id, .index = (uint32_t)index, .n_ids = c->n};
    int32_t *ids = vs_alloc(c->n, sizeof *ids);
    float *logprobs = vs_alloc(c->n, sizeof *logprobs);
    int64_t id;

    if (!ids || !logprobs) {
        st = VS_FAIL(err, VS_E_NOMEM, "sample");
        goto done;
    }
    memcpy(ids, c->ids, c->n * sizeof *ids);
    memcpy(logprobs, c->logprobs, c->n * sizeof *logprobs);
    x.ids = ids;
    x.token_logprobs = logprobs;
    for (size_t i = 0; i < c->n; i++) x.logprob += (double)c->logprobs[i];
    VS_CHECK(sample_text(k, c, &text, err));
    x.text = text.data ? text.data : "";
    snprintf(x.set, sizeof x.set, "%s", k->how->set);
    snprintf(x.finish, sizeof x.finish, "%s", vs_finish_name[c->finish]);
    memcpy(x.model, k->m->hash, sizeof x.model);
    VS_CHECK(vs_store_add_sample(k->store, &x, &id, err));
done:
    free(ids);
    free(logprobs);
    vs_buf_free(&text);
    return st;
}

static vs_status store_group(void *ctx, size_t problem, const vs_completion *c, size_t n,
                             vs_error *err)
{
    sample_sink *k = ctx;

    if (k->in_chunk == 0) VS_TRY(vs_store_begin(k->store, err));
    for (size_t i = 0; i < n; i++)
        VS_TRY(store_sample(k, &k->problems->item[k->first + problem], &c[i], i, err));
    k->in_chunk += n;
    k->done += n;
    vs_progress_set(k->done);
    if (k->in_chunk < CHUNK_SAMPLES) return VS_OK;
    k->in_chunk = 0;
    return vs_store_commit(k->store, err);
}

/* Of all that samples and their labels depend on but their number: equal keys, equal samples. */
static vs_status sampling_key(char hex[VS_HASH_HEX], const vs_model *m, const vs_problems *p,
                              const vs_decode_options *o, vs_error *err)
{
    const double reals[2] = {o->temperature, o->top_p};
    const vs_config *c = &m->base->config;
    const uint64_t counts[4] = {o->top_k, o->max_tokens, p->n, c->n_eos};
    vs_hasher *h;

    VS_TRY(vs_hasher_open(&h, err));
    vs_hasher_add(h, m->hash, sizeof m->hash);
    vs_hasher_add(h, reals, sizeof reals);
    vs_hasher_add(h, counts, sizeof counts);
    vs_hasher_add(h, &o->key, sizeof o->key);
    vs_hasher_add(h, c->eos_ids, c->n_eos * sizeof *c->eos_ids);
    for (size_t i = 0; i < o->n_stop; i++) vs_hasher_add(h, o->stop[i], strlen(o->stop[i]) + 1);
    for (size_t i = 0; i < p->n; i++) {
        const vs_problem *q = &p->item[i];
        const uint64_t n = q->n_ids;
        vs_hasher_add(h, &q->id, sizeof q->id);
        vs_hasher_add(h, q->key, strlen(q->key) + 1);
        if (q->gold) vs_hasher_add(h, q->gold, strlen(q->gold) + 1);
        vs_hasher_add(h, &n, sizeof n);
        vs_hasher_add(h, q->ids, q->n_ids * sizeof *q->ids);
    }
    vs_hasher_close(h, hex);
    return VS_OK;
}

/* A set that was begun goes on from the same model and options. Of a new one: writes down what it is
 * drawn from, and looks whether another run has it. */
static vs_status open_set(bool *is_copied, bool is_begun, vs_store *s, const vs_model *m,
                          const vs_problems *p, const vs_sampling *how, vs_error *err)
{
    char key[VS_HASH_HEX], *fact = vs_format("sampled:%s", how->set), *begun = NULL;
    vs_status st;

    if (!fact) return VS_FAIL(err, VS_E_NOMEM, "%s", how->set);
    VS_CHECK(sampling_key(key, m, p, how->decode, err));
    if (is_begun) {
        VS_CHECK(vs_store_get(&begun, s, fact, err));
        if (begun && strcmp(begun, key) != 0)
            st = VS_FAIL(err, VS_E_STATE,
                         "%s: found another model, problems or options than its first samples "
                         "were drawn with, expected the same",
                         how->set);
        goto done;
    }
    VS_CHECK(vs_store_set(s, fact, key, err));
    for (size_t i = 0; i < how->n_others && !*is_copied; i++)
        VS_CHECK(vs_store_copy_set(is_copied, s, how->others[i], how->set, key, how->k, p->n, err));
    if (*is_copied) vs_say("%s: %zu solutions of another run", how->set, p->n * how->k);
done:
    free(begun);
    free(fact);
    return st;
}

vs_status vs_sample_set(vs_store *s, const vs_model *m, const vs_tokenizer *t, const vs_problems *p,
                        const vs_sampling *how, vs_error *err)
{
    vs_status st;
    sample_sink sink = {.store = s, .m = m, .t = t, .problems = p, .how = how};
    vs_decode_problem *todo = NULL;
    size_t n;
    bool is_copied = false;

    VS_TRY(vs_store_count_groups(&sink.first, s, how->set, err));
    if (sink.first >= p->n) return VS_OK;
    VS_TRY(open_set(&is_copied, sink.first > 0, s, m, p, how, err));
    if (is_copied) return VS_OK;
    n = p->n - sink.first;
    todo = vs_alloc(n, sizeof *todo);
    if (!todo) return VS_FAIL(err, VS_E_NOMEM, "%zu problems", n);
    for (size_t i = 0; i < n; i++) {
        const vs_problem *q = &p->item[sink.first + i];
        todo[i] =
            (vs_decode_problem){q->ids, q->n_ids, vs_hash64(q->key, strlen(q->key)), how->k, 0};
    }
    sink.done = sink.first * how->k;
    vs_progress_begin(how->set, "solutions", sink.done, p->n * how->k);
    st = vs_decode_run(m, todo, n, how->decode, store_group, &sink, err);
    /* Whole groups are good whatever stopped us. */
    if (sink.in_chunk && (st == VS_OK || st == VS_E_STOPPED)) {
        vs_error later;
        const vs_status saved = vs_store_commit(s, &later);
        if (st == VS_OK && saved != VS_OK) {
            st = saved;
            if (err) *err = later;
        }
    } else if (sink.in_chunk) {
        vs_store_rollback(s);
    }
    vs_progress_end();
    free(todo);
    return st;
}

/* -- scoring -- */

/* Unscored samples [begin, end) of one problem, as one group. */
typedef struct score_chunk {
    vs_solution *solutions; /* [samples] */
    const vs_sample **samples;
    vs_group *groups;
    double *score;
    size_t n_samples, n_groups;
    vs_score_how how;
} score_chunk;

static vs_status store_scores(vs_store *s, const char *key, vs_scorer *scorer, score_chunk *c,
                              vs_error *err)
{
    if (c->n_samples == 0) return VS_OK;
    VS_TRY(vs_score_by(c->how, scorer, c->groups, c->n_groups, c->score, err));
    VS_TRY(vs_store_begin(s, err));
    for (size_t i = 0; i < c->n_samples; i++) {
        const vs_status st = vs_store_add_score(s, c->samples[i]->id, key, c->score[i], err);
        if (st != VS_OK) {
            vs_store_rollback(s);
            return st;
        }
    }
    c->n_samples = c->n_groups = 0;
    return vs_store_commit(s, err);
}

static void add_to_chunk(score_chunk *c, const vs_problem *p, const vs_sample *x)
{
    vs_group *g = c->n_groups ? &c->groups[c->n_groups - 1] : NULL;

    if (!g || g->prompt != p->ids) {
        g = &c->groups[c->n_groups++];
        *g = (vs_group){p->ids, p->n_ids, &c->solutions[c->n_samples], 0};
    }
    c->samples[c->n_samples] = x;
    c->solutions[c->n_samples++] = (vs_solution){.ids = x->ids, .n = x->n_ids};
    g->n_solutions++;
}

static vs_status score_all(vs_store *s, const char *key, vs_scorer *scorer, const vs_problems *p,
                           const vs_samples *all, const double *have, score_chunk *c, vs_error *err)
{
    for (size_t i = 0; i < all->n; i++) {
        const vs_sample *x = &all->item[i];
        const vs_problem *q = vs_problems_find(p, x->problem_id);
        const bool new_problem = c->n_groups && q && c->groups[c->n_groups - 1].prompt != q->ids;
        if (!q || !isnan(have[i])) continue;
        if (new_problem && c->n_samples >= CHUNK_SAMPLES) {
            VS_TRY(store_scores(s, key, scorer, c, err));
            if (vs_stop_wanted()) return VS_FAIL(err, VS_E_STOPPED, "stopped while scoring");
            vs_progress_set(i);
        }
        add_to_chunk(c, q, x);
    }
    return store_scores(s, key, scorer, c, err);
}

static bool lacks_any(const vs_samples *all, const double *have, const vs_problems *p)
{
    for (size_t i = 0; i < all->n; i++)
        if (isnan(have[i]) && vs_problems_find(p, all->item[i].problem_id)) return true;
    return false;
}

vs_status vs_score_sets(vs_store *s, const vs_model *m, const vs_problems *p, const char *sets_glob,
                        vs_score_how how, const char *label, vs_error *err)
{
    vs_status st;
    vs_samples all = {0};
    vs_scorer *scorer = NULL;
    score_chunk c = {.how = how};
    double *have = NULL;
    char key[VS_SCORE_KEY_BYTES];

    vs_score_key(key, m->hash, how.name);
    VS_CHECK(vs_store_samples(&all, s, sets_glob, NULL, err));
    have = vs_alloc(all.n, sizeof *have);
    c.solutions = vs_alloc(all.n, sizeof *c.solutions);
    c.samples = vs_alloc(all.n, sizeof *c.samples);
    c.groups = vs_alloc(all.n, sizeof *c.groups);
    c.score = vs_alloc(all.n, sizeof *c.score);
    if (!have || !c.solutions || !c.samples || !c.groups || !c.score) {
        st = VS_FAIL(err, VS_E_NOMEM, "scores of %zu samples", all.n);
        goto done;
    }
    VS_CHECK(vs_store_scores(have, s, &all, key, err));
    if (!lacks_any(&all, have, p)) goto done;
    VS_CHECK(vs_scorer_open(&scorer, m, VS_SCORE_ROWS, err));
    vs_progress_begin(label, "solutions", 0, all.n);
    st = score_all(s, key, scorer, p, &all, have, &c, err);
    if (st == VS_OK) vs_progress_set(all.n);
    vs_progress_end();
done:
    vs_scorer_close(scorer);
    vs_samples_free(&all);
    free(have);
    free(c.solutions);
    free(c.samples);
    free(c.groups);
    free(c.score);
    return st;
}
