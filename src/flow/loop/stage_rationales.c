/* stage_rationales.c - problems that a round left unsolved are tried again with the answer in sight
 * (STaR, arXiv:2203.14465, section 3.2). The samples belong to the problem itself: what a generator
 * learns from is its own prompt, without the hint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "flow/loop/run.h"
#include "flow/samples/samples.h"

/* One mark for each problem of run->query: solved by the round, or left out by chance. */
static vs_status mark_solved(bool *skip, vs_run *run, size_t round, vs_error *err)
{
    char set[32];
    vs_samples all = {0};
    const uint32_t parts = 1u << 30;
    const uint32_t share = (uint32_t)(run->recipe.rationalize.share * (double)parts);
    vs_status st = VS_OK;

    for (size_t i = 0; i < run->query.n; i++) {
        vs_rng r = vs_rng_stream(vs_rng_key_make(run->recipe.seed, VS_RNG_CAP, round | 1u << 31),
                                 (uint64_t)run->query.item[i].id);
        skip[i] = vs_rng_below(&r, parts) >= share;
    }
    snprintf(set, sizeof set, "round-%zu", round);
    VS_TRY(vs_store_samples(&all, run->store, set, vs_grader_version(run->grader), err));
    for (size_t i = 0, q = 0; i < all.n; i++) {
        while (q < run->query.n && run->query.item[q].id < all.item[i].problem_id) q++;
        if (q == run->query.n || run->query.item[q].id != all.item[i].problem_id) {
            st = VS_FAIL(err, VS_E_STATE, "run.db: sample %lld has no problem",
                         (long long)all.item[i].id);
            break;
        }
        skip[q] |= all.item[i].verdict == VS_RIGHT;
    }
    vs_samples_free(&all);
    return st;
}

static vs_status add_hinted(vs_problems *out, const vs_run *run, const vs_problem *p, vs_error *err)
{
    vs_problem *hinted = &out->item[out->n++];
    vs_buf text = {0};
    vs_status st;

    *hinted = (vs_problem){.id = p->id, .key = vs_strdup_n(p->key, strlen(p->key))};
    VS_CHECK(vs_hint_render(&text, run->recipe.rationalize.prompt, p->question, p->gold, err));
    hinted->prompt = vs_strdup_n(text.data, text.len);
    if (!hinted->key || !hinted->prompt) {
        st = VS_FAIL(err, VS_E_NOMEM, "rationalize.prompt");
        goto done;
    }
    st = vs_run_chat_prompt(run, &hinted->prompt, err);
done:
    vs_buf_free(&text);
    return st;
}

/* Of all problems, or (round above 0) of those that the round left unsolved. *out owns its strings. */
static vs_status make_hinted(vs_problems *out, vs_run *run, size_t round, vs_error *err)
{
    bool *skip = vs_alloc(run->query.n, sizeof *skip);
    vs_status st = VS_OK;

    out->item = vs_alloc(run->query.n, sizeof *out->item);
    if (!skip || !out->item) {
        st = VS_FAIL(err, VS_E_NOMEM, "%zu problems", run->query.n);
        goto done;
    }
    if (round) VS_CHECK(mark_solved(skip, run, round, err));
    for (size_t i = 0; i < run->query.n; i++)
        if (!skip[i]) VS_CHECK(add_hinted(out, run, &run->query.item[i], err));
    st = vs_encode_prompts(out, run->tokenizer, &run->config, vs_run_adds_special(run), err);
done:
    free(skip);
    return st;
}

vs_status vs_run_check_hints(vs_run *run, vs_error *err)
{
    vs_problems hinted = {0};
    vs_status st;

    if (run->recipe.rationalize.share == 0.0) return VS_OK;
    st = make_hinted(&hinted, run, 0, err);
    vs_problems_free(&hinted);
    return st;
}

vs_status vs_run_rationales(vs_run *run, size_t round, const char *name, vs_error *err)
{
    char set[32];
    vs_problems hinted = {0};
    vs_status st;

    if (run->recipe.rationalize.share == 0.0) return VS_OK;
    snprintf(set, sizeof set, "rationale-%zu", round);
    VS_CHECK(make_hinted(&hinted, run, round, err));
    VS_CHECK(vs_run_sample(run, name, set, &hinted, run->recipe.sample.k,
                           VS_ROUND_RATIONALE + round, run->grader, err));
done:
    vs_problems_free(&hinted);
    return st;
}
