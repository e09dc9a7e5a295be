/* train.c - SFT, DPO and reward models on files, without a run. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/train_data.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "engine/model/safetensors.h"
#include "engine/train/job.h"
#include "flow/loop/recipe.h"

typedef struct train_options {
    const char *model, *data, *out, *adapter, *reference, *grads_out;
    vs_str_list sets;
    vs_loss_kind kind;
    bool no_shuffle, has_init_seed;
    uint64_t init_seed;
    vs_train_options train;
} train_options;

/* By vs_loss_kind. */
static const struct {
    const char *name, *made_by;
    size_t defaults; /* the section of a recipe */
} trainings[] = {
    [VS_LOSS_SFT] = {"sft", "vstar train sft", offsetof(vs_recipe, sft)},
    [VS_LOSS_DPO] = {"dpo", "vstar train dpo", offsetof(vs_recipe, dpo)},
    [VS_LOSS_ORM] = {"orm", "vstar train orm", offsetof(vs_recipe, orm)},
};

typedef struct training {
    const train_options *o;
    vs_opened opened;
    vs_train_data data;
    vs_steps steps;
    vs_trainer *trainer;
    size_t n_steps;
    char start[VS_HASH_HEX], data_hash[VS_HASH_HEX], reference[VS_HASH_HEX];
} training;

/* -- the model to train -- */

/* A base of fresh weights from DIR/config.json alone. */
static vs_status open_fresh(vs_base **out, const char *dir, uint64_t seed, vs_error *err)
{
    vs_config c;

    VS_TRY(vs_config_read(&c, dir, err));
    return vs_base_create_fresh(out, &c, seed, err);
}

static vs_status open_base(vs_base **out, const train_options *o, vs_error *err)
{
    if (o->has_init_seed) return open_fresh(out, o->model, o->init_seed, err);
    if (o->adapter || o->train.lora.rank) return vs_base_open(out, o->model, VS_COMPUTE_F32, err);
    if (o->kind == VS_LOSS_ORM) return vs_base_open_valued(out, o->model, err);
    return vs_base_open_trainable(out, o->model, err);
}

static vs_status open_model(training *t, vs_error *err)
{
    const train_options *o = t->o;
    const bool is_orm = o->kind == VS_LOSS_ORM;
    vs_opened *m = &t->opened;
    vs_lora_config fresh = o->train.lora;

    fresh.has_value = is_orm;
    VS_TRY(open_base(&m->base, o, err));
    if (o->adapter && is_orm)
        VS_TRY(vs_model_open_valued(&m->model, m->base, o->adapter, err));
    else if (o->adapter || !fresh.rank)
        VS_TRY(vs_model_open(&m->model, m->base, o->adapter, err));
    else
        VS_TRY(vs_adapter_create(&m->model, m->base, &fresh, o->train.seed, err));
    VS_TRY(vs_opened_complete(m, o->model, err));
    memcpy(t->start, m->model->hash, sizeof t->start);
    return VS_OK;
}

/* Reference log-probs of all solutions, computed once. The reference is the policy as it starts,
 * unless named. */
static vs_status score_reference(training *t, vs_error *err)
{
    vs_second second = {0};
    vs_scorer *scorer = NULL;
    vs_queue *q = &t->data.rows;
    const vs_model *m = t->opened.model;
    vs_status st;

    if (t->o->reference) {
        VS_CHECK(vs_second_open(&second, &t->opened, t->o->reference, err));
        m = second.model;
    }
    memcpy(t->reference, m->hash, sizeof t->reference);
    VS_CHECK(vs_scorer_open(&scorer, m, VS_SCORE_ROWS, err));
    VS_CHECK(vs_queue_score(q, scorer, err));
done:
    vs_scorer_close(scorer);
    vs_second_close(&second);
    return st;
}

/* -- steps -- */

static vs_status give_step(void *ctx, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    return vs_steps_make(&((training *)ctx)->steps, step, out, n, err);
}

static vs_status take_report(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    const training *t = ctx;

    (void)err;
    if (!s) return VS_OK; /* nothing is kept between steps */
    vs_train_note(t->o->kind, s);
    vs_progress_set(step + 1);
    return VS_OK;
}

static vs_status write_grads(training *t, vs_error *err)
{
    const vs_example *examples;
    const vs_params *grads;
    vs_step_stats stats;
    vs_buf line = {0};
    size_t n;
    vs_status st;

    VS_CHECK(vs_steps_make(&t->steps, 0, &examples, &n, err));
    VS_CHECK(vs_trainer_grads(t->trainer, examples, n, &stats, &grads, err));
    VS_CHECK(vs_safetensors_write(t->o->grads_out, grads, VS_F32, err));
    vs_buf_str(&line, "{\"loss\":");
    vs_out_f64(&line, stats.loss);
    vs_buf_printf(&line, ",\"n_tokens\":%llu,\"n_pairs\":%llu}", (unsigned long long)stats.n_tokens,
                  (unsigned long long)stats.n_pairs);
    VS_CHECK(vs_out_line(&line, err));
done:
    vs_buf_free(&line);
    return st;
}

/* -- the folder that comes out -- */

/* What the folder was made from: content hashes and the trainer's settings as they were given. */
static vs_status write_manifest(const training *t, const char *dir, vs_error *err)
{
    const train_options *o = t->o;
    json_t *sets = json_array();
    char *path = vs_format("%s/manifest.json", dir), *text = NULL;
    vs_status st = VS_OK;

    for (size_t i = 0; i < o->sets.n; i++)
        json_array_append_new(sets, json_string(o->sets.item[i]));
    json_t *m =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:b}", "made_by", trainings[o->kind].made_by,
                  "model", t->opened.model->hash, "from", t->start, "data", t->data_hash, "set",
                  sets, "steps", (json_int_t)t->n_steps, "shuffled", !o->no_shuffle);
    if (m && o->kind == VS_LOSS_DPO) json_object_set_new(m, "reference", json_string(t->reference));
    if (m) text = json_dumps(m, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (!path || !text)
        st = VS_FAIL(err, VS_E_NOMEM, "%s: manifest: out of memory", dir);
    else
        st = vs_file_replace(path, text, strlen(text), err);
    json_decref(m);
    free(text);
    free(path);
    return st;
}

static vs_status write_folder(training *t, const char *dir, vs_error *err)
{
    const vs_model *m = t->opened.model;

    VS_TRY(vs_dir_make(dir, err));
    VS_TRY(vs_model_settle(t->opened.model, err));
    if (m->lora_config.rank) {
        VS_TRY(vs_lora_write(&m->lora, &m->lora_config, t->o->model, dir, err));
        VS_TRY(vs_companions_copy(dir, t->o->model, err));
    } else {
        VS_TRY(vs_weights_write(&m->base->params, &m->base->config, dir, t->o->model, err));
    }
    return write_manifest(t, dir, err);
}

/* A checkpoint belongs to its data, start and settings: its folder's name is their hash. */
static char *checkpoint_path(const training *t)
{
    vs_hasher *h;
    char hex[VS_HASH_HEX];

    if (vs_hasher_open(&h, NULL) != VS_OK) return NULL;
    vs_hasher_add(h, t->start, sizeof t->start);
    vs_hasher_add(h, t->data_hash, sizeof t->data_hash);
    vs_hasher_add(h, t->reference, sizeof t->reference);
    vs_hasher_add(h, &t->o->no_shuffle, sizeof t->o->no_shuffle);
    for (size_t i = 0; i < t->o->sets.n; i++)
        vs_hasher_add(h, t->o->sets.item[i], strlen(t->o->sets.item[i]) + 1);
    vs_hasher_close(h, hex);
    return vs_format("%s.checkpoint-%.16s", t->o->out, hex);
}

static vs_status train_and_write(training *t, vs_error *err)
{
    const train_options *o = t->o;
    char *checkpoint = NULL, *temp = vs_format("%s" VS_PARTIAL, o->out);
    vs_status st;

    if (o->train.checkpoint_steps) checkpoint = checkpoint_path(t);
    if (!temp || (o->train.checkpoint_steps && !checkpoint)) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: path", o->out);
        goto done;
    }
    VS_CHECK(vs_trainer_open(&t->trainer, t->opened.model, o->kind, &o->train, t->n_steps,
                             checkpoint, err));
    if (o->kind == VS_LOSS_DPO && !o->reference) vs_trainer_expect_reference(t->trainer);
    vs_progress_begin(trainings[o->kind].made_by + strlen("vstar "), "steps", 0, t->n_steps);
    st = vs_trainer_run(t->trainer, give_step, take_report, t, err);
    vs_progress_end();
    if (st != VS_OK) goto done;
    VS_CHECK(vs_dir_remove(temp, err));
    VS_CHECK(write_folder(t, temp, err));
    VS_CHECK(vs_dir_replace(o->out, temp, err));
    if (checkpoint) VS_CHECK(vs_dir_remove(checkpoint, err));
    vs_say("wrote %s", o->out);
done:
    free(temp);
    free(checkpoint);
    return st;
}

static vs_status train(const train_options *o, vs_error *err)
{
    training t = {.o = o};
    vs_status st;

    VS_CHECK(open_model(&t, err));
    VS_CHECK(vs_train_data_read(&t.data, o->data, o->kind, &t.opened.reader, err));
    VS_CHECK(vs_train_data_hash(t.data_hash, &t.data, err));
    if (o->kind == VS_LOSS_DPO) VS_CHECK(score_reference(&t, err));
    VS_CHECK(vs_train_data_rows(&t.data, t.opened.reader.config, err));
    VS_CHECK(vs_steps_open(&t.steps, o->kind, t.data.row, t.data.rows.n_rows, &o->train,
                           o->no_shuffle, err));
    t.n_steps = vs_steps_count(&t.steps);
    if (o->grads_out) {
        VS_CHECK(
            vs_trainer_open(&t.trainer, t.opened.model, o->kind, &o->train, t.n_steps, NULL, err));
        VS_CHECK(write_grads(&t, err));
    } else {
        VS_CHECK(train_and_write(&t, err));
    }
done:
    vs_trainer_close(t.trainer);
    vs_steps_close(&t.steps);
    vs_train_data_free(&t.data);
    vs_opened_close(&t.opened);
    return st;
}

/* -- command line -- */

static vs_status read_settings(train_options *o, const char *kind, vs_error *err)
{
    vs_recipe defaults = {0};
    vs_status st = VS_OK;

    size_t i = 0;
    while (i < sizeof trainings / sizeof *trainings && strcmp(trainings[i].name, kind) != 0) i++;
    if (i == sizeof trainings / sizeof *trainings)
        return VS_FAIL(err, VS_E_USAGE, "found '%.60s', expected train sft, train dpo or train orm",
                       kind);
    o->kind = (vs_loss_kind)i;
    vs_recipe_defaults(&defaults);
    memcpy(&o->train, (const char *)&defaults + trainings[i].defaults, sizeof o->train);
    vs_recipe_free(&defaults);
    o->train.lora.rank = 0;
    for (i = 0; st == VS_OK && i < o->sets.n; i++)
        st = vs_train_options_set(&o->train, kind, o->sets.item[i], err);
    if (st != VS_OK) return VS_E_USAGE;
    if (o->train.steps == 0 && o->train.epochs == 0)
        return VS_FAIL(err, VS_E_USAGE, "--set epochs=0 steps=0: expected one of them above 0");
    return VS_OK;
}

static vs_status check_settings(const train_options *o, vs_error *err)
{
    if (o->reference && o->kind != VS_LOSS_DPO)
        return VS_FAIL(err, VS_E_USAGE, "--reference goes with train dpo");
    if (o->has_init_seed && (o->kind != VS_LOSS_SFT || o->adapter || o->train.lora.rank))
        return VS_FAIL(
            err, VS_E_USAGE,
            "--init-seed goes with train sft of all weights: no --adapter, no lora.rank");
    if (o->adapter && o->train.lora.rank)
        return VS_FAIL(err, VS_E_USAGE,
                       "--adapter brings its own shape; --set lora.rank makes a new one: give one");
    if (!o->out && !o->grads_out)
        return VS_FAIL(err, VS_E_USAGE, "--out DIR is missing; see vstar train --help");
    if (o->out && !o->grads_out && (vs_dir_exists(o->out) || vs_file_exists(o->out)))
        return VS_FAIL(err, VS_E_STATE, "%s: exists already; remove it or choose another --out",
                       o->out);
    return VS_OK;
}

vs_status vs_verb_train(int argc, char **argv, vs_error *err)
{
    train_options o = {0};
    uint64_t init_seed = UINT64_MAX;
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &o.model, true, 0, 0, "DIR", "model folder to start from"},
        {"--data", VS_OPT_STR, &o.data, true, 0, 0, "FILE", "rows; - is standard input"},
        {"--out", VS_OPT_STR, &o.out, false, 0, 0, "DIR",
         "where the model or adapter goes; must not exist"},
        {"--adapter", VS_OPT_STR, &o.adapter, false, 0, 0, "DIR", "adapter to train on (none)"},
        {"--reference", VS_OPT_STR, &o.reference, false, 0, 0, "DIR|base",
         "dpo: a model, an adapter, or base: --model without adapter (the start itself)"},
        {"--set", VS_OPT_LIST, &o.sets, false, 0, 0, "KEY=VALUE",
         "the trainer's keys as in a recipe: lr, epochs, batch, beta, lora.rank, ..; may be "
         "repeated"},
        {"--grads-out", VS_OPT_STR, &o.grads_out, false, 0, 0, "FILE",
         "write the first step's gradients (safetensors, f32) and its loss, and stop before any "
         "update"},
        {"--no-shuffle", VS_OPT_FLAG, &o.no_shuffle, false, 0, 0, NULL,
         "rows in the order of the file in every epoch"},
        {"--init-seed", VS_OPT_U64, &init_seed, false, 0, 0, "N",
         "sft: fresh weights; --model then needs config.json and tokenizer.json only"},
    };
    vs_cmd c = {
        .verb = "train",
        .usage =
            "sft|dpo|orm --model DIR --data FILE --out DIR [--adapter DIR] [--set KEY=VALUE ..]",
        .about = "sft rows: {\"prompt\",\"completion\"}. dpo rows: "
                 "{\"prompt\",\"right\":[..],\"wrong\":[..]}, or one pair as\n"
                 "{\"prompt\",\"chosen\",\"rejected\"}; orm rows are the same, and one of the two "
                 "may be missing. Texts get the tokenizer's special tokens "
                 "(prompts) and the end token\n"
                 "(completions); ids (\"prompt_ids\", \"completion_ids\", id lists) are taken as "
                 "they are. All weights are trained,\n"
                 "unless --adapter or --set lora.rank is given. SFT's loss is the mean over the "
                 "step's completion tokens, DPO's\n"
                 "over its pairs, ORM's over the tokens that have a value. An ORM's folder has a "
                 "value head: score.weight, score.bias.",
        .example =
            "  $ vstar train sft --model stories260K --data rows.jsonl --out tuned --set lr=1e-4 "
            "--set epochs=2\n"
            "  train sft: 2 steps in 0.0 s (55/s)  loss 12.9481\n  wrote tuned\n"
            "  $ vstar train dpo --model tuned --data pairs.jsonl --out verifier --set beta=0.1",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };
    vs_status st = vs_args_parse(&c, argc, argv, err);

    if (st != VS_OK || c.is_help) goto done;
    o.has_init_seed = init_seed != UINT64_MAX;
    o.init_seed = init_seed;
    VS_CHECK(read_settings(&o, c.words[0], err));
    VS_CHECK(check_settings(&o, err));
    VS_CHECK(train(&o, err));
done:
    vs_str_list_free(&o.sets);
    return st;
}
