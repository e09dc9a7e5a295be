/* stage_data.c - problems, references, sampling rounds. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "flow/loop/run.h"
#include "flow/problems/overlap.h"
#include "flow/problems/problems.h"
#include "flow/samples/samples.h"

/* -- problems -- */

/* Whether the prompt, and its reference solution with the end token, fit the model's positions. */
static vs_status fits(bool *out, const vs_run *run, const vs_problem *p, vs_error *err)
{
    vs_ids prompt = {0}, reference = {0};
    vs_status st;

    VS_CHECK(vs_encode(&prompt, run->tokenizer, p->prompt, strlen(p->prompt),
                       vs_run_adds_special(run), err));
    if (p->reference)
        VS_CHECK(
            vs_encode(&reference, run->tokenizer, p->reference, strlen(p->reference), false, err));
    *out = prompt.n + vs_ver_words_room(&run->words) <= run->config.n_positions &&
           prompt.n + reference.n <= run->config.n_positions;
done:
    vs_ids_free(&prompt);
    vs_ids_free(&reference);
    return st;
}

/* Ids keep counting without gaps: the store numbers problems by their order. */
static vs_status drop_long(const vs_run *run, vs_problems *p, vs_error *err)
{
    const size_t all = p->n;
    size_t kept = 0;
    vs_status st = VS_OK;

    for (size_t i = 0; i < all; i++) {
        const vs_problem here = p->item[i];
        bool keep = true;
        if (st == VS_OK) st = fits(&keep, run, &here, err);
        p->item[i] = p->item[kept]; /* swap: nothing is lost, all is freed later */
        p->item[kept] = here;
        if (keep) kept++;
        if (keep) p->item[kept - 1].id = (int64_t)kept;
    }
    if (st != VS_OK) return st;
    for (size_t i = kept; i < all; i++) { /* the rest is freed here */
        vs_problem *x = &p->item[i];
        free(x->key), free(x->question), free(x->prompt), free(x->gold), free(x->reference),
            free(x->ids);
    }
    p->n = kept;
    if (kept < all)
        vs_say("left out %zu of %zu problems: too long for the model's %zu positions", all - kept,
               all, run->config.n_positions);
    if (kept == 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "all %zu problems are too long for the model's %zu positions", all,
                       run->config.n_positions);
    return VS_OK;
}

void vs_run_problem_source(vs_problem_source *out, const vs_run *run)
{
    const vs_recipe_problems *r = &run->recipe.problems;

    *out = (vs_problem_source){.kind = r->source,
                               .test_kind = r->test_source,
                               .test_split = r->test_split,
                               .min_digits = r->min_digits,
                               .max_digits = r->max_digits,
                               .allows_test_set_training = r->allow_test_set_training != 0,
                               .allows_no_answer = run->recipe.reward.model != NULL,
                               .train_file = r->train_file,
                               .test_file = r->test_file,
                               .sft_file = r->sft_file,
                               .n_sft = r->n_sft,
                               .n_train = r->n_train,
                               .n_test = r->n_test,
                               .prompt = r->prompt,
                               .seed = r->seed ? r->seed : run->recipe.seed};
}

/* A generative verifier's question and answer stand behind the prompt. */
static vs_status check_room(const vs_run *run, const vs_problems *p, vs_error *err)
{
    const size_t room = vs_ver_words_room(&run->words);

    for (size_t i = 0; i < p->n; i++)
        if (p->item[i].n_ids + room > run->config.n_positions)
            return VS_FAIL(err, VS_E_INPUT,
                           "problem %s: its prompt of %zu tokens and generative.question with its "
                           "answer, %zu, do not fit the model's %zu positions",
                           p->item[i].key, p->item[i].n_ids, room, (size_t)run->config.n_positions);
    return VS_OK;
}

static vs_status load_problems(vs_run *run, vs_problems *out, vs_error *err)
{
    vs_problem_source source;

    vs_run_problem_source(&source, run);
    VS_TRY(vs_problems_load(out, &source, err));
    for (size_t i = 0; i < out->n; i++) VS_TRY(vs_run_chat_prompt(run, &out->item[i].prompt, err));
    if (run->recipe.problems.skip_long) VS_TRY(drop_long(run, out, err));
    VS_TRY(vs_encode_prompts(out, run->tokenizer, &run->config, vs_run_adds_special(run), err));
    return check_room(run, out, err);
}

/* Says what training problems share with a test set, and keeps it as the fact "contamination:NAME".
 */
static vs_status report_overlap(vs_run *run, const char *name, const vs_overlap *o, vs_error *err)
{
    char *key = vs_format("contamination:%s", name);
    char *value =
        vs_format("{\"training\":%zu,\"test\":%zu,\"exact\":%zu,\"normalised\":%zu,\"words\":%zu}",
                  o->n_ours, o->n_theirs, o->n_exact, o->n_normalised, o->n_words);
    vs_status st;

    vs_say("%s: of %zu training problems %zu are test questions, %zu but for case and punctuation, "
           "%zu share %d "
           "words in a row with one",
           name, o->n_ours, o->n_exact, o->n_normalised, o->n_words, VS_OVERLAP_WORDS);
    for (size_t i = 0; i < o->n_shown; i++)
        vs_say("  %s: %s is %s", o->shown[i].how, o->shown[i].ours, o->shown[i].theirs);
    st = key && value ? vs_store_set(run->store, key, value, err)
                      : VS_FAIL(err, VS_E_NOMEM, "%s", name);
    free(key);
    free(value);
    return st;
}

/* A question of the test that is also one of training was refused already; here are the near ones,
 * and the test sets that the recipe names. */
static vs_status check_contamination(vs_run *run, const vs_problems *fresh, vs_error *err)
{
    const vs_recipe_problems *r = &run->recipe.problems;
    vs_problems test = {0}, theirs = {0};
    vs_overlap o;
    vs_status st = VS_OK;

    for (size_t i = 0; i < r->n_check_files; i++) {
        VS_CHECK(vs_overlap_read(&theirs, r->check_files[i], err));
        VS_CHECK(vs_overlap_find(&o, fresh, &theirs, err));
        VS_CHECK(report_overlap(run, r->check_files[i], &o, err));
        vs_problems_free(&theirs);
        theirs = (vs_problems){0};
    }
    if (!r->test_file) return VS_OK;
    while (test.n < fresh->n && strcmp(fresh->item[fresh->n - 1 - test.n].split, "test") == 0)
        test.n++;
    test.item = fresh->item + (fresh->n - test.n); /* a view */
    VS_CHECK(vs_overlap_find(&o, fresh, &test, err));
    if (o.n_words) VS_CHECK(report_overlap(run, r->test_file, &o, err));
done:
    vs_problems_free(&theirs);
    return st;
}

static vs_status store_problems(vs_run *run, vs_error *err)
{
    vs_problems fresh = {0};
    vs_status st;

    VS_CHECK(load_problems(run, &fresh, err));
    VS_CHECK(vs_store_begin(run->store, err));
    VS_CHECK(check_contamination(run, &fresh, err));
    for (size_t i = 0; i < fresh.n; i++)
        VS_CHECK(vs_store_add_problem(run->store, &fresh.item[i], err));
    VS_CHECK(vs_store_commit(run->store, err));
    run->did_work = true;
done:
    if (st != VS_OK) vs_store_rollback(run->store);
    vs_problems_free(&fresh);
    return st;
}

/* Borrowed views: what the loop samples from (sft and train), and what it is tested on. */
static vs_status make_views(vs_run *run, vs_error *err)
{
    run->query = run->test = (vs_problems){0};
    run->query.item = vs_alloc(run->problems.n, sizeof *run->query.item);
    run->test.item = vs_alloc(run->problems.n, sizeof *run->test.item);
    if (!run->query.item || !run->test.item)
        return VS_FAIL(err, VS_E_NOMEM, "%zu problems", run->problems.n);
    for (size_t i = 0; i < run->problems.n; i++) {
        const vs_problem *p = &run->problems.item[i];
        vs_problems *view = strcmp(p->split, "test") == 0 ? &run->test : &run->query;
        view->item[view->n++] = *p;
    }
    return VS_OK;
}

vs_status vs_run_problems(vs_run *run, vs_error *err)
{
    VS_TRY(vs_store_problems(&run->problems, run->store, NULL, err));
    if (run->problems.n == 0) {
        VS_TRY(store_problems(run, err));
        VS_TRY(vs_store_problems(&run->problems, run->store, NULL, err));
    }
    return make_views(run, err);
}

/* -- references -- */

/* References count as right in both data sets (the paper's text, section 3); they are graded all
 * the same, so that a reference that its own grader refuses is found at once. */
vs_status vs_run_references(vs_run *run, vs_error *err)
{
    vs_samples refs = {0};
    vs_status st;

    VS_TRY(vs_store_references(run->store, &run->query, run->tokenizer, &run->config, err));
    VS_TRY(vs_run_grade(run, "reference", run->grader, err));
    VS_CHECK(vs_store_samples(&refs, run->store, "reference", vs_grader_version(run->grader), err));
    for (size_t i = 0; i < refs.n; i++) {
        const vs_problem *p = vs_problems_find(&run->problems, refs.item[i].problem_id);
        if (refs.item[i].verdict == VS_RIGHT) continue;
        st = VS_FAIL(err, VS_E_INPUT,
                     "problem %s: its reference solution is %s by grader %s (gold '%.60s'); "
                     "correct the data",
                     p ? p->key : "?", vs_verdict_name((vs_verdict)refs.item[i].verdict),
                     run->recipe.grader, p ? p->gold : "");
        goto done;
    }
done:
    vs_samples_free(&refs);
    return st;
}

/* -- one round -- */

vs_status vs_run_sample(vs_run *run, const char *name, const char *set, const vs_problems *problems,
                        size_t k, uint64_t draw_round, vs_grader *grader, vs_error *err)
{
    vs_status st;
    vs_opened_model m = {0};
    vs_decode_options decode;
    const vs_sampling how = {.set = set,
                             .k = k,
                             .decode = &decode,
                             .others = (const char *const *)run->other_stores,
                             .n_others = run->n_other_stores};
    size_t have;

    vs_run_decode_options(run, &decode, draw_round);
    VS_TRY(vs_store_count_groups(&have, run->store, set, err));
    if (have < problems->n) {
        run->did_work = true;
        VS_CHECK(vs_run_open_model(run, name, run->recipe.compute, &m, err));
        VS_CHECK(vs_sample_set(run->store, m.model, run->tokenizer, problems, &how, err));
    }
    VS_CHECK(vs_run_grade(run, set, grader, err));
done:
    vs_opened_model_close(&m);
    return st;
}

vs_status vs_run_round(vs_run *run, size_t round, const char *name, vs_error *err)
{
    char set[32];

    snprintf(set, sizeof set, "round-%zu", round);
    return vs_run_sample(run, name, set, &run->query, run->recipe.sample.k, round, run->grader,
                         err);
}
