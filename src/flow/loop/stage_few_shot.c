/* stage_few_shot.c - the base itself on the test problems, shown how by solved ones. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "flow/loop/run.h"
#include "flow/problems/overlap.h"
#include "flow/samples/samples.h"

static void add_example(vs_buf *out, const vs_run *run, const vs_problem *p)
{
    vs_buf_str(out, p->prompt);
    vs_buf_str(out, p->reference);
    vs_buf_str(out, run->recipe.eval.base_separator);
}

/* Examples of their own file, which may hold no test question. */
static vs_status add_from_file(vs_buf *out, const vs_run *run, vs_error *err)
{
    const char *path = run->recipe.eval.examples_file;
    vs_problems examples = {0};
    vs_problem_source source;
    vs_overlap o;
    vs_status st = VS_OK;

    vs_run_problem_source(&source, run);
    VS_TRY(vs_examples_load(&examples, &source, path, run->recipe.eval.base_shots, err));
    for (size_t i = 0; i < examples.n; i++) {
        const vs_problems one = {.item = &examples.item[i], .n = 1};
        VS_CHECK(vs_overlap_find(&o, &one, &run->test, err));
        if (o.n_normalised) {
            st = VS_FAIL(err, VS_E_INPUT, "%s: example %s is the test problem %s", path,
                         o.shown[0].ours, o.shown[0].theirs);
            goto done;
        }
        add_example(out, run, &examples.item[i]);
    }
done:
    vs_problems_free(&examples);
    return st;
}

/* Solved problems, each with its reference solution and the separator. */
static vs_status add_examples(vs_buf *out, const vs_run *run, vs_error *err)
{
    size_t left = run->recipe.eval.base_shots;

    if (run->recipe.eval.examples_file) return add_from_file(out, run, err);
    for (size_t i = 0; left && i < run->query.n; i++) {
        if (strcmp(run->query.item[i].split, "sft") != 0) continue;
        add_example(out, run, &run->query.item[i]);
        left--;
    }
    if (left)
        return VS_FAIL(err, VS_E_INPUT,
                       "eval.base_shots: found %zu, expected at most %zu, the problems of D_SFT",
                       run->recipe.eval.base_shots, run->recipe.eval.base_shots - left);
    return vs_buf_ok(out, "eval.base_shots", err);
}

/* A run goes on with the examples that it began with. */
static vs_status keep_examples(vs_run *run, const vs_buf *text, vs_error *err)
{
    char now[VS_HASH_HEX], *before = NULL;
    vs_status st = VS_OK;

    vs_sha256_hex(now, text->data, text->len);
    VS_TRY(vs_store_get(&before, run->store, "examples", err));
    if (!before)
        st = vs_store_set(run->store, "examples", now, err);
    else if (strcmp(before, now) != 0)
        st = VS_FAIL(err, VS_E_STATE,
                     "%s: found other examples than the run was begun with, expected the same",
                     run->recipe.eval.examples_file ? run->recipe.eval.examples_file : "D_SFT");
    free(before);
    return st;
}

/* The test problems with the examples before their prompts. *out owns its strings. */
static vs_status make_prompts(vs_problems *out, vs_run *run, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;
    size_t n_examples;

    VS_CHECK(add_examples(&text, run, err));
    VS_CHECK(keep_examples(run, &text, err));
    n_examples = text.len;
    out->item = vs_alloc(run->test.n, sizeof *out->item);
    if (!out->item) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu problems", run->test.n);
        goto done;
    }
    for (; out->n < run->test.n; out->n++) {
        const vs_problem *test = &run->test.item[out->n];
        vs_problem *p = &out->item[out->n];

        text.len = n_examples;
        vs_buf_str(&text, test->prompt);
        VS_CHECK(vs_buf_ok(&text, "eval.base_shots", err));
        *p = (vs_problem){.id = test->id};
        p->key = vs_strdup_n(test->key, strlen(test->key));
        p->prompt = vs_strdup_n(text.data, text.len);
        if (test->gold) p->gold = vs_strdup_n(test->gold, strlen(test->gold));
        if (!p->key || !p->prompt || (test->gold && !p->gold)) {
            out->n++;
            st = VS_FAIL(err, VS_E_NOMEM, "%zu problems", run->test.n);
            goto done;
        }
    }
    VS_CHECK(vs_encode_prompts(out, run->tokenizer, &run->config, vs_run_adds_special(run), err));
done:
    vs_buf_free(&text);
    return st;
}

vs_status vs_run_check_examples(vs_run *run, vs_error *err)
{
    vs_problems prompts = {0};
    vs_status st;
    size_t have;

    if (!run->recipe.eval.base) return VS_OK;
    VS_TRY(vs_store_count_groups(&have, run->store, "base", err));
    if (have == run->test.n) return VS_OK;
    st = make_prompts(&prompts, run, err);
    vs_problems_free(&prompts);
    return st;
}

static vs_status sample_base(vs_run *run, vs_error *err)
{
    const vs_recipe_sample *r = &run->recipe.sample;
    const char **stop = vs_alloc(r->n_stop + 1, sizeof *stop);
    vs_opened_model m = {0};
    vs_problems prompts = {0};
    vs_decode_options decode;
    const vs_sampling how = {.set = "base",
                             .k = run->recipe.eval.n,
                             .decode = &decode,
                             .others = (const char *const *)run->other_stores,
                             .n_others = run->n_other_stores};
    vs_status st;

    if (!stop) return VS_FAIL(err, VS_E_NOMEM, "base: stop strings");
    for (size_t i = 0; i < r->n_stop; i++) stop[i] = r->stop[i];
    stop[r->n_stop] =
        run->recipe.eval.base_separator; /* ends an answer where examples stood before */
    vs_run_decode_options(run, &decode, VS_ROUND_TEST_BASE);
    decode.stop = stop;
    decode.n_stop = r->n_stop + (run->recipe.eval.base_shots ? 1 : 0);
    VS_CHECK(make_prompts(&prompts, run, err));
    VS_CHECK(vs_opened_model_open(&m, run->base, NULL, run->recipe.compute, err));
    VS_CHECK(vs_sample_set(run->store, m.model, run->tokenizer, &prompts, &how, err));
done:
    vs_opened_model_close(&m);
    vs_problems_free(&prompts);
    free(stop);
    return st;
}

vs_status vs_run_few_shot(vs_run *run, vs_error *err)
{
    size_t have;

    VS_TRY(vs_store_count_groups(&have, run->store, "base", err));
    if (have < run->test.n) VS_TRY(sample_base(run, err));
    return vs_run_grade(run, "base", run->test_grader, err);
}
