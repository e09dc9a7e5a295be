/* report_data.c - what the report is made of, read from the run's store alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/report.h"
#include "app/runs.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "flow/answers/vote.h"
#include "flow/loop/loop.h"
#include "flow/problems/overlap.h"
#include "flow/verifier/verifier.h"

enum { MAX_RECIPE_BYTES = 1 << 20 };

static const char *const final_set = "test:generator";

/* -- headline -- */

const vs_headline vs_headlines[VS_HEADLINES] = {
    {"base", "pass", false, false, "The base itself", "Pass@"},
    {"G_SFT", "pass", false, false, "First generator, one answer", "Pass@"},
    {"G_T", "pass", false, false, "Final generator, one answer", "Pass@"},
    {"G_T", "majority", true, false, "Majority vote of its answers", "Maj@"},
    {"G_T own likelihood", "best_of", true, false, "Ranked by its own likelihood", "best of "},
    {"V-STaR", "best_of", true, true, "Ranked by the verifier", "Best-of-"},
    {"V-STaR", "weighted", true, false, "Vote weighted by the verifier", "votes of "},
    {"G_T", "pass", true, false, "At least one right: the limit", "Pass@"},
};

const vs_metric *vs_find_metric(const vs_metric *all, size_t n, const char *system,
                                const char *curve, size_t at_most)
{
    const vs_metric *found = NULL;

    for (size_t i = 0; i < n; i++) {
        const vs_metric *m = &all[i];
        if (strcmp(m->system, system) != 0 || strcmp(m->curve, curve) != 0) continue;
        if (m->k <= at_most && (!found || m->k > found->k)) found = m;
    }
    return found;
}

/* The verifier's row has the name of its kind. */
const vs_metric *vs_headline_find(const vs_metric *all, size_t n, const vs_headline *h,
                                  size_t headline_k)
{
    const size_t k = h->at_headline ? headline_k : 1;
    const bool is_verifier = strcmp(h->system, vs_verifier_title(VS_VERIFIER_DPO)) == 0;
    const vs_metric *found = vs_find_metric(all, n, h->system, h->curve, k);

    for (int kind = VS_VERIFIER_ORM; is_verifier && !found && kind < VS_VERIFIER_NONE; kind++)
        found = vs_find_metric(all, n, vs_verifier_title((vs_verifier_kind)kind), h->curve, k);
    return found;
}

/* -- sampling sets -- */

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static vs_round_stats *round_of(vs_round_stats *rounds, size_t *n, const char *set)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(rounds[i].set, set) == 0) return &rounds[i];
    if (*n == VS_REPORT_ROUNDS) return NULL;
    rounds[*n] = (vs_round_stats){.n_drawn = 0};
    memcpy(rounds[*n].set, set, sizeof rounds[*n].set);
    return &rounds[(*n)++];
}

/* Distinct token sequences among one problem's samples of one set. */
static size_t count_unique(uint64_t *hashes, const vs_sample *x, size_t n)
{
    size_t unique = 0;

    for (size_t i = 0; i < n; i++) hashes[i] = vs_hash64(x[i].ids, x[i].n_ids * sizeof *x[i].ids);
    qsort(hashes, n, sizeof *hashes, compare_u64);
    for (size_t i = 0; i < n; i++) unique += i == 0 || hashes[i] != hashes[i - 1];
    return unique;
}

/* The samples of one problem, sets one after the other. *is_solved: by this problem's earlier sets.
 */
static void add_set(vs_round_stats *r, const vs_sample *x, size_t n, uint64_t *hashes,
                    bool *is_solved)
{
    bool is_right = false;

    for (size_t i = 0; i < n; i++) {
        r->n_right += x[i].verdict == VS_RIGHT;
        r->n_wrong += x[i].verdict == VS_WRONG;
        r->n_ungradable += x[i].verdict == VS_UNGRADABLE;
        r->n_truncated += vs_sample_is_cut(&x[i]);
        is_right |= x[i].verdict == VS_RIGHT;
    }
    r->n_drawn += n;
    r->n_unique += count_unique(hashes, x, n);
    r->n_problems++;
    r->n_newly_solved += is_right && !*is_solved;
    *is_solved |= is_right;
    r->n_never_solved += !*is_solved;
}

vs_status vs_rounds_read(vs_round_stats *out, size_t *n, vs_store *s, const char *profile,
                         vs_error *err)
{
    vs_samples all = {0};
    uint64_t *hashes = NULL;
    bool is_solved = false;
    vs_status st;

    *n = 0;
    VS_CHECK(vs_store_samples(&all, s, "round-*", profile, err));
    hashes = vs_alloc(all.n, sizeof *hashes);
    if (!hashes) {
        st = VS_FAIL(err, VS_E_NOMEM, "report: out of memory");
        goto done;
    }
    for (size_t i = 0, end; i < all.n; i = end) {
        const vs_sample *x = &all.item[i];
        vs_round_stats *r = round_of(out, n, x->set);
        for (end = i; end < all.n && all.item[end].problem_id == x->problem_id &&
                      strcmp(all.item[end].set, x->set) == 0;)
            end++;
        if (i == 0 || all.item[i - 1].problem_id != x->problem_id) is_solved = false;
        if (r) add_set(r, x, end - i, hashes, &is_solved);
    }
done:
    free(hashes);
    vs_samples_free(&all);
    return st;
}

/* -- examples -- */

/* One test problem's candidates and what can be said of them. */
typedef struct candidates {
    const vs_problem *problem;
    const vs_sample *x;
    const double *score;
    size_t n, n_right;
    size_t best, worst; /* by score */
    size_t vote;        /* the best-scored sample of the most frequent answer */
    bool is_tied;       /* another answer is as frequent */
} candidates;

static bool has_answer(const vs_sample *x)
{
    return x->normal && x->normal[0];
}

static size_t count_same(const candidates *c, size_t i)
{
    size_t n = 0;

    if (!has_answer(&c->x[i])) return 1;
    for (size_t j = 0; j < c->n; j++)
        n += has_answer(&c->x[j]) && strcmp(c->x[i].normal, c->x[j].normal) == 0;
    return n;
}

/* The answers of [problem] numbered by the first sample that has each, for the vote. */
static vs_status find_vote(candidates *c, vs_error *err)
{
    int32_t *classes = vs_alloc(c->n, sizeof *classes);
    uint8_t *right = vs_alloc(c->n, sizeof *right);
    const bool is_scored = !isnan(c->score[0]);
    const vs_metrics_problem p = {
        .n = c->n, .right = right, .scores = is_scored ? c->score : NULL, .classes = classes};
    vs_vote_choice w = {.sample = SIZE_MAX};
    vs_status st = classes && right ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "report: out of memory");

    for (size_t i = 0; st == VS_OK && i < c->n; i++) {
        size_t first = 0;
        classes[i] = -1;
        if (!has_answer(&c->x[i])) continue;
        while (!has_answer(&c->x[first]) || strcmp(c->x[first].normal, c->x[i].normal) != 0)
            first++;
        classes[i] = (int32_t)first;
    }
    if (st == VS_OK) st = vs_vote_winner(&w, &p, false, err);
    c->vote = w.sample;
    c->is_tied = w.is_tied;
    free(classes);
    free(right);
    return st;
}

static vs_status study(candidates *c, vs_error *err)
{
    c->n_right = c->best = c->worst = 0;
    for (size_t i = 0; i < c->n; i++) {
        c->n_right += c->x[i].verdict == VS_RIGHT;
        if (c->score[i] > c->score[c->best]) c->best = i;
        if (c->score[i] < c->score[c->worst]) c->worst = i;
    }
    return find_vote(c, err);
}

/* What an example shows; the page has at most one or two of each. */
typedef enum example_kind { FOOLED_VOTE, FOOLED_VERIFIER, PLAIN_RIGHT, NO_KIND } example_kind;
static const char *const why[] = {
    [FOOLED_VOTE] = "The vote was fooled, the verifier was not",
    [FOOLED_VERIFIER] = "The verifier was fooled",
    [PLAIN_RIGHT] = "A problem where the verifier chose right",
};
static const size_t most[] = {[FOOLED_VOTE] = 2, [FOOLED_VERIFIER] = 2, [PLAIN_RIGHT] = 2};

static example_kind kind_of(const candidates *c)
{
    const bool is_mixed = c->n_right > 0 && c->n_right < c->n;
    const bool is_best_right = c->x[c->best].verdict == VS_RIGHT;

    if (!is_mixed || isnan(c->score[c->best]) || c->vote == SIZE_MAX) return NO_KIND;
    if (is_best_right && c->x[c->vote].verdict == VS_WRONG && !c->is_tied) return FOOLED_VOTE;
    return is_best_right ? PLAIN_RIGHT : FOOLED_VERIFIER;
}

static void show(vs_example_problem *e, const candidates *c, size_t i, const char *role)
{
    for (size_t j = 0; j < e->n_shown; j++)
        if (e->shown[j].sample == &c->x[i]) return;
    e->role[e->n_shown] = role;
    e->shown[e->n_shown++] =
        (vs_example_sample){.sample = &c->x[i], .score = c->score[i], .n_same = count_same(c, i)};
}

static void fill_example(vs_example_problem *e, const candidates *c, example_kind kind)
{
    size_t best_right = SIZE_MAX;

    *e = (vs_example_problem){.problem = c->problem,
                              .why = why[kind],
                              .n_right = c->n_right,
                              .n_candidates = c->n,
                              .is_caught = kind == FOOLED_VOTE};
    for (size_t i = 0; i < c->n; i++)
        if (c->x[i].verdict == VS_RIGHT &&
            (best_right == SIZE_MAX || c->score[i] > c->score[best_right]))
            best_right = i;
    show(e, c, c->best, "Highest score: the verifier's choice");
    show(e, c, c->vote, "The vote's choice");
    if (best_right != SIZE_MAX) show(e, c, best_right, "Best right candidate");
    show(e, c, c->worst, "Lowest score");
}

/* Problems in order; each kind's first ones. */
static vs_status pick_examples(vs_report *r, vs_error *err)
{
    size_t count[NO_KIND] = {0};

    for (int kind = 0; kind < NO_KIND; kind++)
        for (size_t i = 0, end; i < r->samples.n; i = end) {
            const vs_sample *x = &r->samples.item[i];
            for (end = i; end < r->samples.n && r->samples.item[end].problem_id == x->problem_id;)
                end++;
            candidates c = {.problem = vs_problems_find(&r->test, x->problem_id),
                            .x = x,
                            .score = r->score + i,
                            .n = end - i};
            if (!c.problem || count[kind] == most[kind] || r->n_examples == VS_REPORT_EXAMPLES)
                continue;
            VS_TRY(study(&c, err));
            if ((int)kind_of(&c) != kind) continue;
            fill_example(&r->example[r->n_examples++], &c, (example_kind)kind);
            count[kind]++;
        }
    return VS_OK;
}

/* -- all of it -- */

static vs_status add_model_hash(vs_report *r, const char *run_dir, const char *name, vs_error *err)
{
    VS_TRY(vs_run_model_hash(r->hash[r->n_hashes].hex, run_dir, name, err));
    if (!r->hash[r->n_hashes].hex[0]) return VS_OK;
    snprintf(r->hash[r->n_hashes++].name, sizeof r->hash->name, "models/%.20s", name);
    return VS_OK;
}

static vs_status read_hashes(vs_report *r, const char *run_dir, size_t rounds, vs_error *err)
{
    char name[32];

    vs_sha256_hex(r->hash[0].hex, r->recipe, strlen(r->recipe));
    snprintf(r->hash[0].name, sizeof r->hash->name, "recipe.yaml");
    r->n_hashes = 1;
    VS_TRY(add_model_hash(r, run_dir, "sft", err));
    for (size_t t = 2; t <= rounds && t < VS_REPORT_ROUNDS; t++) {
        snprintf(name, sizeof name, "generator-%zu", t);
        VS_TRY(add_model_hash(r, run_dir, name, err));
    }
    VS_TRY(add_model_hash(r, run_dir, "generator", err));
    return add_model_hash(r, run_dir, "verifier", err);
}

/* Takes text; what is too much is left out. */
static vs_status add_note(vs_report *r, char *name, char *text, vs_error *err)
{
    if (name && text && r->n_notes < VS_REPORT_NOTES) {
        r->note[r->n_notes].name = name;
        r->note[r->n_notes++].text = text;
        return VS_OK;
    }
    const bool is_full = name && text;
    free(name);
    free(text);
    return is_full ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "report: out of memory");
}

/* The fact "contamination:NAME" as a sentence, when there is one. */
static vs_status add_overlap(vs_report *r, vs_store *s, const char *name, vs_error *err)
{
    char *key = vs_format("contamination:%s", name), *value = NULL;
    json_t *o = NULL;
    json_int_t ours = 0, exact = 0, normalised = 0, words = 0;
    vs_status st =
        key ? vs_store_get(&value, s, key, err) : VS_FAIL(err, VS_E_NOMEM, "report: out of memory");

    free(key);
    if (st != VS_OK || !value) return st;
    o = json_loads(value, 0, NULL);
    free(value);
    if (json_unpack(o, "{s:I, s:I, s:I, s:I}", "training", &ours, "exact", &exact, "normalised",
                    &normalised, "words", &words) == 0)
        st = add_note(r, vs_format("training against %s", name),
                      vs_format("of %lld training problems %lld are test questions, %lld but for "
                                "case and punctuation, %lld share %d words in a row",
                                (long long)ours, (long long)exact, (long long)normalised,
                                (long long)words, VS_OVERLAP_WORDS),
                      err);
    json_decref(o);
    return st;
}

/* How far a reward model's labels agree with what answers are known, round by round. */
static vs_status add_rewards(vs_report *r, vs_store *s, const vs_recipe *recipe, vs_error *err)
{
    char *reward = NULL, set[32];
    vs_agreement a;
    vs_status st = VS_OK;

    VS_TRY(vs_store_get(&reward, s, VS_FACT_REWARD, err));
    if (!reward) return VS_OK;
    VS_CHECK(add_note(r, vs_format("reward model"), vs_format("%s", reward), err));
    for (size_t t = 1; t <= recipe->rounds && t <= VS_REPORT_ROUNDS; t++) {
        snprintf(set, sizeof set, "round-%zu", t);
        VS_CHECK(vs_run_agreement(&a, s, set, r->grader, reward, err));
        if (a.n) VS_CHECK(add_note(r, vs_format("reward, %s", set), vs_agreement_text(&a), err));
    }
done:
    free(reward);
    return st;
}

static vs_status read_notes(vs_report *r, vs_store *s, const vs_recipe *recipe, vs_error *err)
{
    char *sandbox = NULL;

    VS_TRY(add_note(r, vs_format("grader"), vs_format("%s", r->grader), err));
    if (strcmp(r->grader, r->test_grader) != 0)
        VS_TRY(add_note(r, vs_format("grader of the test"), vs_format("%s", r->test_grader), err));
    VS_TRY(vs_store_get(&sandbox, s, VS_FACT_SANDBOX, err));
    if (sandbox) VS_TRY(add_note(r, vs_format("programs ran in"), sandbox, err));
    if (recipe->reward.model) VS_TRY(add_rewards(r, s, recipe, err));
    if (recipe->problems.test_file) VS_TRY(add_overlap(r, s, recipe->problems.test_file, err));
    for (size_t i = 0; i < recipe->problems.n_check_files; i++)
        VS_TRY(add_overlap(r, s, recipe->problems.check_files[i], err));
    return VS_OK;
}

static vs_status read_recipe(vs_report *r, vs_store *store, const char *run_dir, vs_error *err)
{
    char verifier[VS_HASH_HEX];
    vs_recipe recipe = {0};
    char *path = NULL;
    size_t len;
    vs_status st;

    VS_CHECK(vs_run_file(&path, run_dir, "recipe.yaml", err));
    VS_CHECK(vs_recipe_read(&recipe, path, err));
    VS_CHECK(vs_file_read(&r->recipe, &len, path, MAX_RECIPE_BYTES, err));
    r->headline_k = recipe.eval.headline_k;
    r->name = recipe.name ? vs_strdup_n(recipe.name, strlen(recipe.name)) : NULL;
    VS_CHECK(vs_run_grader_version(r->grader, store, &recipe, false, err));
    VS_CHECK(vs_run_grader_version(r->test_grader, store, &recipe, true, err));
    VS_CHECK(read_notes(r, store, &recipe, err));
    VS_CHECK(read_hashes(r, run_dir, recipe.rounds, err));
    VS_CHECK(vs_run_model_hash(verifier, run_dir, "verifier", err));
    if (verifier[0]) vs_run_score_key(r->verifier, &recipe, verifier);
done:
    vs_recipe_free(&recipe);
    free(path);
    return st;
}

static vs_status read_candidates(vs_report *r, vs_store *s, vs_error *err)
{
    VS_TRY(vs_store_samples(&r->samples, s, final_set, r->test_grader, err));
    r->score = vs_alloc(r->samples.n, sizeof *r->score);
    if (!r->score) return VS_FAIL(err, VS_E_NOMEM, "report: out of memory");
    for (size_t i = 0; i < r->samples.n; i++) r->score[i] = NAN;
    return *r->verifier ? vs_store_scores(r->score, s, &r->samples, r->verifier, err) : VS_OK;
}

static vs_status read_store(vs_report *r, vs_store *s, vs_error *err)
{
    VS_TRY(vs_store_problems(&r->test, s, "test", err));
    VS_TRY(vs_store_metrics(&r->metrics, &r->n_metrics, s, err));
    VS_TRY(vs_store_train_rows(&r->train, &r->n_train, s, err));
    VS_TRY(vs_rounds_read(r->round, &r->n_rounds, s, r->grader, err));
    return read_candidates(r, s, err);
}

vs_status vs_report_read(vs_report *out, const char *run_dir, vs_error *err)
{
    vs_report r = {0};
    vs_store *s = NULL;
    char *path = NULL;
    vs_status st;

    VS_CHECK(vs_run_file(&path, run_dir, "run.db", err));
    VS_CHECK(vs_store_open(&s, path, VS_STORE_READ, err));
    VS_CHECK(read_recipe(&r, s, run_dir, err));
    VS_CHECK(read_store(&r, s, err));
    VS_CHECK(pick_examples(&r, err));
    *out = r; /* examples point into arrays, which stay where they are */
    r = (vs_report){0};
done:
    vs_store_close(s);
    free(path);
    vs_report_free(&r);
    return st;
}

void vs_report_free(vs_report *r)
{
    free(r->name);
    free(r->recipe);
    for (size_t i = 0; i < r->n_notes; i++) free(r->note[i].name), free(r->note[i].text);
    vs_problems_free(&r->test);
    vs_samples_free(&r->samples);
    free(r->score);
    free(r->metrics);
    free(r->train);
    *r = (vs_report){0};
}
