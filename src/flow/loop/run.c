/* run.c - opening and closing a run folder, and what its stages share. */
#include "flow/loop/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

static const vs_builtin_file *builtin;
static size_t n_builtin;

void vs_loop_builtin_base(const vs_builtin_file *files, size_t n)
{
    builtin = files;
    n_builtin = n;
}

char *vs_run_model_dir(const vs_run *run, const char *name)
{
    return vs_format("%s/models/%s", run->dir, name);
}

vs_status vs_run_has_verifier(bool *out, const vs_run *run, vs_error *err)
{
    char *dir = vs_run_model_dir(run, "verifier");

    if (!dir) return VS_FAIL(err, VS_E_NOMEM, "verifier: path");
    *out = vs_train_job_done(dir);
    free(dir);
    return VS_OK;
}

static vs_status manifest_hash(char hex[VS_HASH_HEX], const char *run_dir, const char *name,
                               const char *key, vs_error *err)
{
    char *path = vs_format("%s/models/%s/manifest.json", run_dir, name);
    json_t *manifest = NULL;
    const char *text = "";
    vs_status st = VS_OK;

    hex[0] = '\0';
    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", run_dir);
    if (!vs_file_exists(path)) goto done;
    VS_CHECK(vs_json_read(&manifest, path, err));
    VS_CHECK(vs_json_get_str(&text, manifest, key, path, err));
    snprintf(hex, VS_HASH_HEX, "%s", text);
done:
    json_decref(manifest);
    free(path);
    return st;
}

vs_status vs_run_model_hash(char hex[VS_HASH_HEX], const char *run_dir, const char *name,
                            vs_error *err)
{
    return manifest_hash(hex, run_dir, name, "model", err);
}

vs_status vs_run_start_hash(char hex[VS_HASH_HEX], const vs_run *run, const char *name,
                            vs_error *err)
{
    return manifest_hash(hex, run->dir, name, "from", err);
}

/* An adapter's base lies outside of the run: another one in its place would be another model. */
static vs_status check_model(const vs_run *run, const char *name, const char *dir,
                             vs_compute compute, const vs_model *m, vs_error *err)
{
    char expected[VS_HASH_HEX];

    VS_TRY(vs_run_model_hash(expected, run->dir, name, err));
    vs_compute_hash(expected, expected, compute);
    if (strcmp(expected, m->hash) == 0) return VS_OK;
    return VS_FAIL(err, VS_E_STATE,
                   "%s: found weights of hash %.12s, expected %.12s as in its manifest.json: it or "
                   "its base %s has been replaced since",
                   dir, m->hash, expected, run->base);
}

vs_status vs_run_open_model(const vs_run *run, const char *name, vs_compute compute,
                            vs_opened_model *out, vs_error *err)
{
    char *dir = vs_run_model_dir(run, name);
    vs_opened_model m = {0};
    vs_status st;

    if (!dir) return VS_FAIL(err, VS_E_NOMEM, "%s: path", name);
    if (!vs_train_job_done(dir)) {
        st =
            VS_FAIL(err, VS_E_STATE,
                    "%s: the run has not trained it yet; vstar run %s/recipe.yaml --out %s resumes",
                    dir, run->dir, run->dir);
        goto done;
    }
    VS_CHECK(vs_opened_model_open_either(&m, run->base, dir, compute, err));
    VS_CHECK(check_model(run, name, dir, compute, m.model, err));
    *out = m;
    m = (vs_opened_model){0};
done:
    vs_opened_model_close(&m);
    free(dir);
    return st;
}

void vs_run_decode_options(const vs_run *run, vs_decode_options *out, uint64_t round)
{
    const vs_recipe_sample *s = &run->recipe.sample;

    *out = (vs_decode_options){.temperature = s->temperature,
                               .top_p = s->top_p,
                               .top_k = s->top_k,
                               .max_tokens = s->max_tokens,
                               .stop = (const char *const *)s->stop,
                               .n_stop = s->n_stop,
                               .key = vs_rng_key_make(run->recipe.seed, VS_RNG_SAMPLE, round),
                               .rows = s->rows,
                               .tokenizer = run->tokenizer};
}

const vs_recipe *vs_run_recipe(const vs_run *run)
{
    return &run->recipe;
}

/* -- opening -- */

/* The built-in base becomes a folder of the run, so that the run stands on its own. */
static vs_status write_builtin_base(const char *dir, vs_error *err)
{
    vs_status st = VS_OK;

    if (n_builtin == 0)
        return VS_FAIL(err, VS_E_STATE,
                       "base: demo: this program was built without the demo's base");
    VS_TRY(vs_dir_make(dir, err));
    for (size_t i = 0; st == VS_OK && i < n_builtin; i++) {
        char *path = vs_format("%s/%s", dir, builtin[i].name);
        if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
        if (!vs_file_exists(path)) st = vs_file_replace(path, builtin[i].data, builtin[i].len, err);
        free(path);
    }
    return st;
}

static vs_status open_base(vs_run *run, vs_error *err)
{
    if (strcmp(run->recipe.base, "demo") == 0) {
        run->base = vs_format("%s/base", run->dir);
        if (!run->base) return VS_FAIL(err, VS_E_NOMEM, "%s: path", run->dir);
        VS_TRY(write_builtin_base(run->base, err));
    } else {
        run->base = vs_strdup_n(run->recipe.base, strlen(run->recipe.base));
        if (!run->base) return VS_FAIL(err, VS_E_NOMEM, "%s: path", run->dir);
    }
    VS_TRY(vs_config_read(&run->config, run->base, err));
    VS_TRY(vs_tokenizer_open(&run->tokenizer, run->base, err));
    return vs_run_open_chat(run, err);
}

/* recipe.yaml is written once, with every value; a later call must mean the same run. Its free keys
 * hold for that call, as where memory was too small before. */
static vs_status settle_recipe(vs_run *run, const vs_recipe *recipe, vs_error *err)
{
    vs_status st;
    char *path = vs_format("%s/recipe.yaml", run->dir);
    vs_buf text = {0}, difference = {0};
    vs_problems begun = {0};

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", run->dir);
    if (recipe) VS_CHECK(vs_recipe_write(&text, recipe, err));
    if (recipe && !vs_file_exists(path)) VS_CHECK(vs_file_replace(path, text.data, text.len, err));
    VS_CHECK(vs_recipe_read(&run->recipe, path, err));
    if (!recipe) goto done;
    VS_CHECK(vs_recipe_difference(&difference, recipe, &run->recipe, err));
    VS_CHECK(vs_store_problems(&begun, run->store, NULL, err));
    if (difference.len && begun.n == 0) {
        /* nothing was done under the old one: a corrected recipe takes its place */
        VS_CHECK(vs_file_replace(path, text.data, text.len, err));
        vs_recipe_free(&run->recipe);
        VS_CHECK(vs_recipe_read(&run->recipe, path, err));
    } else if (difference.len) {
        st = VS_FAIL(err, VS_E_STATE,
                     "%s: the run was started with another recipe: %s; choose another --out, or "
                     "resume with --out %s and %s itself",
                     path, difference.data, run->dir, path);
        goto done;
    }
    st = vs_recipe_take_free(&run->recipe, recipe, err);
done:
    free(path);
    vs_buf_free(&text);
    vs_buf_free(&difference);
    vs_problems_free(&begun);
    return st;
}

static vs_status open_graders(vs_run *run, vs_error *err)
{
    vs_grader_options o;

    vs_run_grader_options(&o, &run->recipe, NULL);
    o.cache = run->store;
    VS_TRY(vs_grader_open(&run->grader, &o, err));
    run->test_grader = run->grader;
    if (!run->recipe.eval.grader) return VS_OK;
    vs_run_grader_options(&o, &run->recipe, run->recipe.eval.grader);
    o.cache = run->store;
    return vs_grader_open(&run->test_grader, &o, err);
}

static vs_status open_words(vs_run *run, vs_error *err)
{
    const vs_recipe *r = &run->recipe;
    const bool asks_reward = r->reward.model && r->reward.score == VS_REWARD_YES;

    if (r->verifier.kind != VS_VERIFIER_GENERATIVE && !asks_reward) return VS_OK;
    return vs_ver_words_open(&run->words, run->tokenizer, &run->config, r->ask_verifier.question,
                             r->ask_verifier.yes, r->ask_verifier.no, "generative.", err);
}

void vs_run_score_key(char out[VS_SCORE_KEY_BYTES], const vs_recipe *r, const char *verifier)
{
    char name[VS_SCORE_NAME_BYTES], hash[VS_HASH_HEX];

    vs_compute_hash(hash, verifier, r->compute);
    vs_verifier_score_name(name, r->verifier.kind, r->ask_verifier.question, r->ask_verifier.yes,
                           r->ask_verifier.no);
    vs_score_key(out, hash, name);
}

/* The store comes first: who holds its lock may clear up after a killed run and settle the recipe. */
static vs_status open_folder(vs_run *run, const vs_recipe *recipe, const char *db, vs_error *err)
{
    char *path = vs_format("%s/recipe.yaml", run->dir);
    const bool is_run = path && vs_file_exists(path);

    free(path);
    if (!is_run && !recipe)
        return VS_FAIL(err, VS_E_STATE, "%s: no recipe.yaml, expected the folder of a run",
                       run->dir);
    VS_TRY(vs_dir_make(run->dir, err));
    VS_TRY(vs_store_open(&run->store, db, VS_STORE_CREATE, err));
    vs_dir_sweep(run->dir);
    return settle_recipe(run, recipe, err);
}

vs_status vs_run_open(vs_run **out, const vs_recipe *recipe, const char *dir, vs_error *err)
{
    vs_status st;
    char *db = vs_format("%s/run.db", dir), *log = vs_format("%s/log.jsonl", dir);
    vs_run *run = vs_alloc(1, sizeof *run);

    if (!run || !db || !log) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: run", dir);
        goto done;
    }
    run->dir = vs_strdup_n(dir, strlen(dir));
    if (!run->dir) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: run", dir);
        goto done;
    }
    VS_CHECK(open_folder(run, recipe, db, err));
    VS_CHECK(vs_log_open(&run->log, log, err));
    VS_CHECK(open_graders(run, err));
    VS_CHECK(open_base(run, err));
    VS_CHECK(open_words(run, err));
    *out = run;
    run = NULL;
done:
    vs_run_close(run);
    free(db);
    free(log);
    return st;
}

void vs_run_close(vs_run *run)
{
    if (!run) return;
    if (run->test_grader != run->grader) vs_grader_close(run->test_grader);
    vs_grader_close(run->grader);
    vs_store_close(run->store);
    vs_log_close(run->log);
    vs_tokenizer_close(run->tokenizer);
    vs_chat_close(run->chat);
    vs_problems_free(&run->problems);
    vs_ver_words_free(&run->words);
    for (size_t i = 0; i < run->n_other_models; i++) free(run->other_models[i]);
    for (size_t i = 0; i < run->n_other_stores; i++) free(run->other_stores[i]);
    free(run->other_models);
    free(run->other_stores);
    free(run->query.item);
    free(run->test.item);
    vs_recipe_free(&run->recipe);
    free(run->base);
    free(run->dir);
    free(run);
}

/* -- space -- */

enum {
    TOKEN_BYTES = 12,   /* id, log-prob, and about 4 bytes of text */
    SAMPLE_BYTES = 600, /* row, label and two scores with their indices */
    EXTRA_MODELS = 6,   /* sft, generator, verifier; a checkpoint is three more */
};

static vs_status trained_bytes(const vs_run *run, uint64_t *bytes, vs_error *err)
{
    vs_params table = {0};
    vs_status st;

    if (run->recipe.sft.lora.rank)
        VS_CHECK(vs_lora_table(&table, &run->config, &run->recipe.sft.lora, err));
    else
        VS_CHECK(vs_weights_table(&table, &run->config, err));
    *bytes = (uint64_t)table.n_model * sizeof(float);
done:
    vs_params_close(&table);
    return st;
}

vs_status vs_run_check_space(const vs_run *run, vs_error *err)
{
    const vs_recipe *r = &run->recipe;
    const uint64_t samples = (uint64_t)run->query.n * r->sample.k * r->rounds +
                             (uint64_t)run->test.n * r->eval.n * (r->eval.baselines ? 2 : 1);
    const uint64_t room = (uint64_t)r->sample.max_tokens * TOKEN_BYTES + SAMPLE_BYTES;
    uint64_t model, have, need;
    char *sft = vs_run_model_dir(run, "sft");
    const bool is_under_way = sft && vs_train_job_done(sft);

    free(sft);
    if (is_under_way) return VS_OK;

    VS_TRY(trained_bytes(run, &model, err));
    VS_TRY(vs_disk_free(&have, run->dir, err));
    need = samples * room + model * (r->rounds * (r->verifier.every_round ? 2 : 1) + EXTRA_MODELS);
    if (have >= need) return VS_OK;
    return VS_FAIL(err, VS_E_IO,
                   "%s: %.1f GB free, a whole run may need %.1f GB (%llu samples of up to %zu "
                   "tokens, %zu models); make room "
                   "or choose another --out",
                   run->dir, (double)have / 1e9, (double)need / 1e9, (unsigned long long)samples,
                   r->sample.max_tokens, r->rounds + 2);
}
