#include "engine/train/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"

bool vs_train_job_done(const char *out)
{
    char *manifest = vs_format("%s/manifest.json", out);
    const bool done = manifest && vs_file_exists(manifest);

    free(manifest);
    return done;
}

vs_status vs_opened_model_open(vs_opened_model *out, const char *base, const char *adapter,
                               vs_compute compute, vs_error *err)
{
    vs_opened_model m = {0};
    vs_status st;

    VS_CHECK(vs_base_open(&m.base, base, compute, err));
    VS_CHECK(vs_model_open(&m.model, m.base, adapter, err));
    *out = m;
    m = (vs_opened_model){0};
done:
    vs_opened_model_close(&m);
    return st;
}

vs_status vs_opened_model_open_either(vs_opened_model *out, const char *base, const char *dir,
                                      vs_compute compute, vs_error *err)
{
    const bool is_adapter = vs_is_adapter(dir);

    return vs_opened_model_open(out, is_adapter ? base : dir, is_adapter ? dir : NULL, compute,
                                err);
}

void vs_opened_model_close(vs_opened_model *m)
{
    vs_model_close(m->model);
    vs_base_close(m->base);
    *m = (vs_opened_model){0};
}

vs_status vs_adapter_create(vs_model **out, vs_base *base, const vs_lora_config *config,
                            uint64_t seed, vs_error *err)
{
    vs_params lora = {0};
    vs_status st;

    VS_CHECK(vs_lora_table(&lora, &base->config, config, err));
    VS_CHECK(vs_params_alloc(&lora, err));
    vs_lora_init(&lora, seed);
    st = vs_model_create(out, base, config, &lora, err);
done:
    vs_params_close(&lora);
    return st;
}

/* A reward model's start gets a value head of zeros where it has none. */
static vs_status open_start(vs_opened_model *out, const vs_train_job *j, vs_error *err)
{
    const bool is_orm = j->kind == VS_LOSS_ORM;
    const bool is_fresh = !j->adapter && j->o.lora.rank && !is_orm;
    vs_opened_model m = {0};
    vs_status st;

    if (j->adapter || is_fresh)
        VS_CHECK(vs_base_open(&m.base, j->base, VS_COMPUTE_F32, err));
    else if (is_orm)
        VS_CHECK(vs_base_open_valued(&m.base, j->base, err));
    else
        VS_CHECK(vs_base_open_trainable(&m.base, j->base, err));
    if (is_fresh)
        VS_CHECK(vs_adapter_create(&m.model, m.base, &j->o.lora, j->o.seed, err));
    else if (j->adapter && is_orm)
        VS_CHECK(vs_model_open_valued(&m.model, m.base, j->adapter, err));
    else
        VS_CHECK(vs_model_open(&m.model, m.base, j->adapter, err));
    *out = m;
    m = (vs_opened_model){0};
done:
    vs_opened_model_close(&m);
    return st;
}

typedef struct run {
    vs_steps steps;
    const vs_train_job *j;
} run;

static vs_status give_step(void *ctx, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    return vs_steps_make(&((run *)ctx)->steps, step, out, n, err);
}

void vs_train_note(vs_loss_kind kind, const vs_step_stats *s)
{
    if (kind == VS_LOSS_DPO)
        vs_progress_note("loss %.4f  margin %.3f  accuracy %.0f %%", s->loss, s->margin,
                         s->accuracy * 100.0);
    else if (kind == VS_LOSS_ORM)
        vs_progress_note("loss %.4f  accuracy %.0f %%", s->loss, s->accuracy * 100.0);
    else
        vs_progress_note("loss %.4f", s->loss);
}

static vs_status take_report(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    const run *r = ctx;

    if (s) {
        vs_train_note(r->j->kind, s);
        vs_progress_set(step + 1);
    }
    return r->j->report ? r->j->report(r->j->ctx, step, s, err) : VS_OK;
}

static vs_status write_manifest(const vs_train_job *j, const char *model, const char *start,
                                const char *training, const char *dir, vs_error *err)
{
    json_t *o = j->facts ? json_deep_copy(j->facts) : json_object();
    char *path = vs_format("%s/manifest.json", dir), *text = NULL;
    vs_status st;

    json_object_set_new(o, "made_by", json_string("vstar " VSTAR_VERSION));
    json_object_set_new(o, "model", json_string(model));
    json_object_set_new(o, "from", json_string(start));
    json_object_set_new(o, "training", json_string(training));
    json_object_set_new(o, "rows", json_integer((json_int_t)j->n_rows));
    text = json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (!path || !text)
        st = VS_FAIL(err, VS_E_NOMEM, "%s: manifest", dir);
    else
        st = vs_file_replace(path, text, strlen(text), err);
    json_decref(o);
    free(text);
    free(path);
    return st;
}

static vs_status write_folder(const vs_train_job *j, const vs_model *m, const char *start,
                              const char *training, const char *dir, vs_error *err)
{
    const char *tokenizer = j->tokenizer ? j->tokenizer : j->base;

    VS_TRY(vs_dir_make(dir, err));
    if (m->lora_config.rank)
        VS_TRY(vs_lora_write(&m->lora, &m->lora_config, j->base, dir, err));
    else
        VS_TRY(vs_weights_write(&m->base->params, &m->base->config, dir, tokenizer, err));
    return write_manifest(j, m->hash, start, training, dir, err);
}

/* Of all token ids, row borders and reference log-probs, in order. */
static vs_status hash_rows(char hex[VS_HASH_HEX], const vs_train_job *j, vs_error *err)
{
    vs_hasher *h;

    VS_TRY(vs_hasher_open(&h, err));
    for (size_t i = 0; i < j->n_rows; i++) {
        const vs_data_row *r = &j->rows[i];
        const uint64_t border[3] = {r->group.n_prompt, r->group.n_solutions, r->n_right};
        vs_hasher_add(h, border, sizeof border);
        vs_hasher_add(h, r->group.prompt, r->group.n_prompt * sizeof *r->group.prompt);
        for (size_t k = 0; k < r->group.n_solutions; k++) {
            const uint64_t n = r->group.solutions[k].n;
            vs_hasher_add(h, &n, sizeof n);
            vs_hasher_add(h, &r->group.solutions[k].weight, sizeof(double));
            vs_hasher_add(h, r->group.solutions[k].ids, n * sizeof *r->group.solutions[k].ids);
        }
        if (r->ref_logp) vs_hasher_add(h, r->ref_logp, r->group.n_solutions * sizeof *r->ref_logp);
    }
    vs_hasher_close(h, hex);
    return VS_OK;
}

vs_status vs_train_job_sweep(const char *out, vs_error *err)
{
    char *checkpoint = vs_format("%s.checkpoint", out), *partial = vs_format("%s.partial", out);
    vs_status st = VS_OK;

    if (!checkpoint || !partial) st = VS_FAIL(err, VS_E_NOMEM, "%s: path", out);
    if (st == VS_OK) st = vs_dir_remove(checkpoint, err);
    if (st == VS_OK) st = vs_dir_remove(partial, err);
    free(checkpoint);
    free(partial);
    return st;
}

/* Whether a finished folder came of this very training. An adapter names its base by path. */
static bool is_same(const char *dir, const char *training, const char *base)
{
    char *manifest = vs_format("%s/manifest.json", dir);
    char *adapter = vs_format("%s/adapter_config.json", dir);
    json_t *m = NULL, *a = NULL;
    const char *text;
    bool same = manifest && adapter && vs_file_exists(manifest) &&
                vs_json_read(&m, manifest, NULL) == VS_OK;

    text = json_string_value(json_object_get(m, "training"));
    same = same && text && strcmp(text, training) == 0;
    if (same && vs_file_exists(adapter)) {
        same = vs_json_read(&a, adapter, NULL) == VS_OK;
        text = json_string_value(json_object_get(a, "base_model_name_or_path"));
        same = same && text && strcmp(text, base) == 0;
    }
    json_decref(m);
    json_decref(a);
    free(manifest);
    free(adapter);
    return same;
}

/* The model is the other's, what its manifest says of the data is this job's. */
static vs_status copy_folder(const vs_train_job *j, const char *other, const char *start,
                             const char *training, const char *partial, vs_error *err)
{
    char *path = vs_format("%s/manifest.json", other);
    json_t *manifest = NULL;
    const char *model;
    vs_status st;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", other);
    VS_CHECK(vs_json_read(&manifest, path, err));
    VS_CHECK(vs_json_get_str(&model, manifest, "model", path, err));
    VS_CHECK(vs_dir_remove(partial, err));
    VS_CHECK(vs_dir_copy(partial, other, err));
    st = write_manifest(j, model, start, training, partial, err);
done:
    json_decref(manifest);
    free(path);
    return st;
}

static vs_status copy_other(bool *is_copied, const vs_train_job *j, const char *start,
                            const char *training, const char *partial, vs_error *err)
{
    for (size_t i = 0; i < j->n_others && !*is_copied; i++) {
        if (!is_same(j->others[i], training, j->base)) continue;
        vs_say("%s: the same training as %s", j->label, j->others[i]);
        VS_TRY(copy_folder(j, j->others[i], start, training, partial, err));
        VS_TRY(vs_dir_replace(j->out, partial, err));
        *is_copied = true;
    }
    return *is_copied ? vs_train_job_sweep(j->out, err) : VS_OK;
}

vs_status vs_train_job_run(const vs_train_job *j, vs_error *err)
{
    vs_status st;
    vs_opened_model start = {0};
    vs_trainer *trainer = NULL;
    run r = {.j = j};
    bool is_copied = false;
    char *checkpoint = vs_format("%s.checkpoint", j->out),
         *partial = vs_format("%s.partial", j->out);
    char from[VS_HASH_HEX], data[VS_HASH_HEX];

    if (vs_train_job_done(j->out)) {
        st = vs_train_job_sweep(j->out, err);
        goto done;
    }
    if (!checkpoint || !partial) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: path", j->out);
        goto done;
    }
    VS_CHECK(open_start(&start, j, err));
    memcpy(from, start.model->hash, sizeof from);
    if (j->start && strcmp(j->start, from) != 0) {
        st = VS_FAIL(err, VS_E_STATE,
                     "%s: found a start of hash %.12s, expected %.12s as before: %s has been "
                     "replaced since",
                     j->label, from, j->start, j->base);
        goto done;
    }
    VS_CHECK(vs_steps_open(&r.steps, j->kind, j->rows, j->n_rows, &j->o, false, err));
    VS_CHECK(vs_trainer_open(&trainer, start.model, j->kind, &j->o, vs_steps_count(&r.steps),
                             checkpoint, err));
    vs_dir_sweep(checkpoint); /* a run has one writer */
    VS_CHECK(hash_rows(data, j, err));
    vs_trainer_identify(trainer, data);
    if (j->is_reference) vs_trainer_expect_reference(trainer);
    VS_CHECK(copy_other(&is_copied, j, from, vs_trainer_identity(trainer), partial, err));
    if (is_copied) goto done;
    vs_progress_begin(j->label, "steps", 0, vs_steps_count(&r.steps));
    st = vs_trainer_run(trainer, give_step, take_report, &r, err);
    vs_progress_end();
    if (st != VS_OK) goto done;
    if (j->report) VS_CHECK(j->report(j->ctx, vs_steps_count(&r.steps), NULL, err));
    VS_CHECK(vs_dir_remove(partial, err));
    VS_CHECK(vs_model_settle(start.model, err));
    VS_CHECK(write_folder(j, start.model, from, vs_trainer_identity(trainer), partial, err));
    VS_CHECK(vs_dir_replace(j->out, partial, err));
    VS_CHECK(vs_dir_remove(checkpoint, err));
done:
    vs_trainer_close(trainer);
    vs_steps_close(&r.steps);
    vs_opened_model_close(&start);
    free(checkpoint);
    free(partial);
    return st;
}
