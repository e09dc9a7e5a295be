/* stage_few_shot.c - the base itself on the test problems, shown how by solved ones. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"

/* The first problems of D_SFT, each with its reference solution and the separator. */
static vs_status add_examples(vs_buf *out, const vs_run *run, vs_error *err)
{
    size_t left = run->recipe.eval.base_shots;

    for (size_t i = 0; left && i < run->query.n; i++) {
        const vs_problem *p = &run->query.item[i];

        if (strcmp(p->split, "sft") != 0) continue;
        vs_buf_str(out, p->prompt);
        vs_buf_str(out, p->reference);
        vs_buf_str(out, run->recipe.eval.base_separator);
        left--;
    }
    if (left)
        return VS_FAIL(err, VS_E_INPUT,
                       "eval.base_shots: found %zu, expected at most %zu, the problems of D_SFT",
                       run->recipe.eval.base_shots, run->recipe.eval.base_shots - left);
    return vs_buf_ok(out, "eval.base_shots", err);
}

/* The test problems with the examples before their prompts. *out owns its strings. */
static vs_status make_prompts(vs_problems *out, const vs_run *run, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;
    size_t n_examples;

    VS_CHECK(add_examples(&text, run, err));
    n_examples = text.len;
    out->item = vs_alloc(run->test.n, sizeof *out->item);
    if (!out->item) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu problems", run->test.n);
        goto done;
    }
    for (; out->n < run->test.n; out->n++) {
        vs_problem *p = &out->item[out->n];

        text.len = n_examples;
        vs_buf_str(&text, run->test.item[out->n].prompt);
        VS_CHECK(vs_buf_ok(&text, "eval.base_shots", err));
        *p = (vs_problem){.id = run->test.item[out->n].id};
        p->key = vs_strdup_n(run->test.item[out->n].key, strlen(run->test.item[out->n].key));
        p->prompt = vs_strdup_n(text.data, text.len);
        if (!p->key || !p->prompt) {
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

static vs_status sample_base(vs_run *run, vs_error *err)
{
    const vs_recipe_sample *r = &run->recipe.sample;
    const char **stop = vs_alloc(r->n_stop + 1, sizeof *stop);
    vs_opened_model m = {0};
    vs_problems prompts = {0};
    vs_decode_options decode;
    const vs_sampling how = {.set = "base", .k = run->recipe.eval.n, .decode = &decode};
    vs_status st;

    if (!stop) return VS_FAIL(err, VS_E_NOMEM, "base: stop strings");
    for (size_t i = 0; i < r->n_stop; i++) stop[i] = r->stop[i];
    stop[r->n_stop] = run->recipe.eval.base_separator;
    vs_run_decode_options(run, &decode, VS_ROUND_TEST_BASE);
    decode.stop = stop;
    decode.n_stop = r->n_stop + 1;
    VS_CHECK(make_prompts(&prompts, run, err));
    VS_CHECK(vs_opened_model_open(&m, run->base, NULL, err));
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
