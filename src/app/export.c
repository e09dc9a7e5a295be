/* export.c - a run's models as folders, its data sets as JSON Lines. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/runs.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/threads.h"
#include "engine/train/job.h"
#include "flow/datasets/datasets.h"
#include "flow/loop/loop.h"
#include "flow/store/store.h"

typedef enum export_what { GENERATOR, VERIFIER, GEN_SET, VER_SET, PAIRS, N_WHATS } export_what;
static const char *const what_name[N_WHATS] = {"generator", "verifier", "gen-set", "ver-set",
                                               "pairs"};

typedef struct export_options {
    const char *dir, *out;
    export_what what;
    bool is_merged, is_ids;
} export_options;

/* -- models -- */

static const char *const model_files[] = {
    "config.json",   "model.safetensors", "adapter_config.json", "adapter_model.safetensors",
    "manifest.json",
};

static vs_status copy_model(const char *to, const char *from, vs_error *err)
{
    vs_status st;

    VS_TRY(vs_dir_make(to, err));
    st = vs_companions_copy(to, from, err);
    for (size_t i = 0; st == VS_OK && i < sizeof model_files / sizeof *model_files; i++) {
        char *a = vs_format("%s/%s", from, model_files[i]),
             *b = vs_format("%s/%s", to, model_files[i]);
        if (!a || !b)
            st = VS_FAIL(err, VS_E_NOMEM, "%s: path", to);
        else if (vs_file_exists(a))
            st = vs_file_copy(b, a, err);
        free(a);
        free(b);
    }
    return st;
}

/* Base and adapter become one model. */
static vs_status merge_model(const char *to, const char *adapter, const char *base, vs_error *err)
{
    vs_config c;
    vs_params weights = {0}, lora = {0};
    vs_lora_config l = {0};
    vs_status st;

    VS_CHECK(vs_config_read(&c, base, err));
    VS_CHECK(vs_weights_read(&weights, &c, base, err));
    VS_CHECK(vs_lora_read(&lora, &l, &c, adapter, err));
    VS_CHECK(vs_lora_merge(&weights, &lora, &l, &c, err));
    VS_CHECK(vs_weights_write(&weights, &c, to, base, err));
done:
    vs_params_close(&lora);
    vs_params_close(&weights);
    return st;
}

/* -- what rounding the merged weights costs -- */

enum { N_PROBES = 4 }; /* prompts of test problems, or of others where there are none */

/* Logits of the token after each probe, [N_PROBES][V] one after another. */
static vs_status probe_logits(float *out, const vs_model *m, const vs_problem *probes, size_t n,
                              vs_error *err)
{
    const size_t v = m->base->config.n_vocab, width = m->base->config.n_embd;
    vs_arena *arena = NULL;
    vs_work work = {0};
    float *hidden = NULL;
    vs_status st;

    VS_CHECK(vs_arena_open(&arena, 1 << 16, err));
    for (size_t i = 0; i < n; i++) {
        const vs_group g = {.prompt = probes[i].ids, .n_prompt = probes[i].n_ids};
        const size_t rows = g.n_prompt;
        const vs_work_size size = {.max_rows = rows, .max_keys = rows, .n_threads = vs_threads()};
        vs_rows batch;
        float max, sum;

        vs_arena_reset(arena);
        VS_CHECK(vs_rows_build(&batch, arena, m, &g, 1, err));
        VS_CHECK(vs_work_open(&work, m, &size, err));
        hidden = vs_alloc(rows * width, sizeof *hidden);
        if (!hidden) {
            st = VS_FAIL(err, VS_E_NOMEM, "probe of %zu tokens", rows);
            goto done;
        }
        vs_forward(m, &batch.batch, &work, hidden, NULL);
        vs_head_logits(m, hidden + (rows - 1) * width, 1, out + i * v, v, &max, &sum);
        vs_work_close(&work);
        free(hidden);
        hidden = NULL;
    }
done:
    vs_work_close(&work);
    free(hidden);
    vs_arena_close(arena);
    return st;
}

/* adapter NULL: the folder alone. */
static vs_status folder_logits(float *out, const char *dir, const char *adapter,
                               const vs_problem *probes, size_t n, vs_error *err)
{
    vs_base *base = NULL;
    vs_model *m = NULL;
    vs_status st;

    VS_CHECK(vs_base_open(&base, dir, VS_COMPUTE_F32, err));
    VS_CHECK(vs_model_open(&m, base, adapter, err));
    VS_CHECK(probe_logits(out, m, probes, n, err));
done:
    vs_model_close(m);
    vs_base_close(base);
    return st;
}

/* The merged folder as it was written, against base and adapter apart. */
static vs_status compare_merged(const export_options *o, const char *merged, const char *adapter,
                                const char *base, vs_error *err)
{
    vs_problems problems = {0};
    vs_store *s = NULL;
    vs_config c;
    char *db = NULL;
    float *apart = NULL, *whole = NULL, largest = 0.0F;
    size_t n, first;
    vs_status st;

    VS_CHECK(vs_run_file(&db, o->dir, "run.db", err));
    VS_CHECK(vs_store_open(&s, db, VS_STORE_READ, err));
    VS_CHECK(vs_store_problems(&problems, s, NULL, err));
    VS_CHECK(vs_config_read(&c, base, err));
    n = problems.n < N_PROBES ? problems.n : N_PROBES;
    first = problems.n - n; /* test problems come last */
    apart = vs_alloc(n * c.n_vocab + 1, sizeof *apart);
    whole = vs_alloc(n * c.n_vocab + 1, sizeof *whole);
    if (!apart || !whole) {
        st = VS_FAIL(err, VS_E_NOMEM, "logits of %zu probes", n);
        goto done;
    }
    VS_CHECK(folder_logits(apart, base, adapter, problems.item + first, n, err));
    VS_CHECK(folder_logits(whole, merged, NULL, problems.item + first, n, err));
    for (size_t i = 0; i < n * c.n_vocab; i++)
        if (fabsf(apart[i] - whole[i]) > largest) largest = fabsf(apart[i] - whole[i]);
    vs_say("merged and rounded to %s: logits after %zu prompts differ by at most %.3g",
           c.dtype == VS_BF16 ? "bf16" : "f32", n, (double)largest);
done:
    free(apart);
    free(whole);
    vs_problems_free(&problems);
    vs_store_close(s);
    free(db);
    return st;
}

static vs_status base_of(char **out, const char *dir, vs_error *err)
{
    vs_recipe r = {0};
    char *path;
    vs_status st;

    VS_TRY(vs_run_file(&path, dir, "recipe.yaml", err));
    VS_CHECK(vs_recipe_read(&r, path, err));
    *out = strcmp(r.base, "demo") == 0 ? vs_format("%s/base", dir)
                                       : vs_strdup_n(r.base, strlen(r.base));
    if (!*out) st = VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
done:
    vs_recipe_free(&r);
    free(path);
    return st;
}

static vs_status export_model(const export_options *o, vs_error *err)
{
    char *from = NULL, *base = NULL, *partial = vs_format("%s" VS_PARTIAL, o->out);
    vs_status st;

    if (!partial) return VS_FAIL(err, VS_E_NOMEM, "%s: path", o->out);
    VS_CHECK(vs_run_file(&from, o->dir,
                         o->what == GENERATOR ? "models/generator" : "models/verifier", err));
    if (!vs_train_job_done(from)) {
        st = VS_FAIL(err, VS_E_STATE, "%s: the run has not trained it yet", from);
        goto done;
    }
    VS_CHECK(base_of(&base, o->dir, err));
    VS_CHECK(vs_dir_remove(partial, err));
    if (o->is_merged && vs_is_adapter(from)) {
        VS_CHECK(merge_model(partial, from, base, err));
        VS_CHECK(compare_merged(o, partial, from, base, err));
    } else {
        VS_CHECK(copy_model(partial, from, err));
    }
    VS_CHECK(vs_dir_replace(o->out, partial, err));
    vs_say("wrote %s", o->out);
done:
    free(base);
    free(from);
    free(partial);
    return st;
}

/* -- data sets -- */

typedef struct rows_out {
    const export_options *o;
    FILE *to;
    vs_buf line;
    size_t n;
} rows_out;

static vs_status end_row(rows_out *w, vs_error *err)
{
    vs_buf_str(&w->line, "}\n");
    VS_TRY(vs_buf_ok(&w->line, "row", err));
    fwrite(w->line.data, 1, w->line.len, w->to);
    vs_buf_clear(&w->line);
    w->n++;
    return ferror(w->to) ? VS_FAIL(err, VS_E_IO, "the output cannot be written") : VS_OK;
}

static void put_prompt(rows_out *w, const vs_problem *p)
{
    vs_buf_str(&w->line, "{\"id\":");
    vs_buf_json_str(&w->line, p->key, strlen(p->key));
    vs_buf_str(&w->line, w->o->is_ids ? ",\"prompt_ids\":" : ",\"prompt\":");
    if (w->o->is_ids)
        vs_out_ids(&w->line, p->ids, p->n_ids);
    else
        vs_buf_json_str(&w->line, p->prompt, strlen(p->prompt));
}

static void put_solution(rows_out *w, const vs_sample *x)
{
    if (w->o->is_ids)
        vs_out_ids(&w->line, x->ids, x->n_ids);
    else
        vs_buf_json_str(&w->line, x->text, strlen(x->text));
}

/* What the rows are made from: the run's training samples, with the recipe's choice among them. */
typedef struct training_data {
    vs_recipe recipe;
    vs_problems problems;
    vs_samples samples;
    bool *kept;
} training_data;

static void close_data(training_data *d)
{
    vs_samples_free(&d->samples);
    vs_problems_free(&d->problems);
    vs_recipe_free(&d->recipe);
    free(d->kept);
}

static size_t count_ungraded(const vs_samples *all)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += all->item[i].verdict < 0 &&
             vs_round_of(all->item[i].set) > 0; /* references need none */
    return n;
}

static vs_status read_data(training_data *d, const char *dir, vs_error *err)
{
    static const char training_sets[] = "r*"; /* reference, round-1, rationale-1, .. */
    char labels[VS_PROFILE_BYTES];
    char *recipe = NULL, *db = NULL;
    vs_store *s = NULL;
    vs_status st;

    VS_CHECK(vs_run_file(&recipe, dir, "recipe.yaml", err));
    VS_CHECK(vs_run_file(&db, dir, "run.db", err));
    VS_CHECK(vs_recipe_read(&d->recipe, recipe, err));
    VS_CHECK(vs_store_open(&s, db, VS_STORE_READ, err));
    VS_CHECK(vs_store_problems(&d->problems, s, NULL, err));
    VS_CHECK(vs_run_label_version(labels, s, &d->recipe, err));
    VS_CHECK(vs_store_samples(&d->samples, s, training_sets, labels, err));
    VS_CHECK(vs_run_kept(&d->kept, dir, &d->recipe, s, &d->samples, err));
done:
    vs_store_close(s);
    free(db);
    free(recipe);
    return st;
}

static vs_status write_gen_set(rows_out *w, const training_data *d, vs_error *err)
{
    const vs_gen_options o = vs_run_gen_options(&d->recipe, d->recipe.rounds, d->kept);
    vs_gen_set set = {0};
    vs_status st;

    VS_CHECK(vs_gen_select(&set, &d->samples, &o, err));
    for (size_t i = 0; i < set.n; i++) {
        const vs_sample *x = &d->samples.item[set.index[i]];
        const vs_problem *p = vs_problems_find(&d->problems, x->problem_id);
        if (!p) continue;
        put_prompt(w, p);
        vs_buf_str(&w->line, w->o->is_ids ? ",\"completion_ids\":" : ",\"completion\":");
        put_solution(w, x);
        vs_buf_printf(&w->line, ",\"set\":\"%s\"", x->set);
        VS_CHECK(end_row(w, err));
    }
done:
    vs_gen_set_free(&set);
    return st;
}

static void put_side(rows_out *w, const char *key, const vs_samples *all, const size_t *index,
                     size_t n)
{
    vs_buf_printf(&w->line, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i) vs_buf_str(&w->line, ",");
        put_solution(w, &all->item[index[i]]);
    }
    vs_buf_str(&w->line, "]");
}

static vs_status write_ver_row(rows_out *w, const vs_problem *p, const vs_samples *all,
                               const size_t *right, size_t n_right, const size_t *wrong,
                               size_t n_wrong, vs_error *err)
{
    put_prompt(w, p);
    put_side(w, "right", all, right, n_right);
    put_side(w, "wrong", all, wrong, n_wrong);
    return end_row(w, err);
}

static vs_status write_pairs(rows_out *w, const vs_problem *p, const vs_samples *all,
                             const size_t *right, size_t n_right, const size_t *wrong,
                             size_t n_wrong, vs_error *err)
{
    for (size_t i = 0; i < n_right * n_wrong; i++) {
        put_prompt(w, p);
        vs_buf_str(&w->line, ",\"chosen\":");
        put_solution(w, &all->item[right[i / n_wrong]]);
        vs_buf_str(&w->line, ",\"rejected\":");
        put_solution(w, &all->item[wrong[i % n_wrong]]);
        VS_TRY(end_row(w, err));
    }
    return VS_OK;
}

static vs_status write_ver_set(rows_out *w, const training_data *d, vs_error *err)
{
    const vs_ver_options o = vs_run_ver_options(&d->recipe, d->recipe.rounds, d->kept);
    vs_ver_set set = {0};
    vs_status st;

    VS_CHECK(vs_ver_select(&set, &d->samples, &o, err));
    for (size_t i = 0; i < set.n_groups; i++) {
        const vs_ver_group *g = &set.groups[i];
        const vs_problem *p = vs_problems_find(&d->problems, g->problem_id);
        const size_t *right = set.index + g->first, *wrong = right + g->n_right;
        if (p)
            VS_CHECK((w->o->what == PAIRS ? write_pairs : write_ver_row)(
                w, p, &d->samples, right, g->n_right, wrong, g->n - g->n_right, err));
    }
done:
    vs_ver_set_free(&set);
    return st;
}

static vs_status export_rows(const export_options *o, vs_error *err)
{
    rows_out w = {.o = o, .to = stdout};
    training_data d = {.problems = {0}};
    vs_replace file = {0};
    size_t n_ungraded;
    vs_status st;

    VS_CHECK(read_data(&d, o->dir, err));
    n_ungraded = count_ungraded(&d.samples);
    if (o->out) {
        VS_CHECK(vs_replace_begin(&file, o->out, err));
        w.to = file.fp;
    }
    VS_CHECK((o->what == GEN_SET ? write_gen_set : write_ver_set)(&w, &d, err));
    if (o->out) VS_CHECK(vs_replace_commit(&file, err));
    vs_say("%zu rows", w.n);
    if (n_ungraded) vs_say("left out: %zu samples that are not graded yet", n_ungraded);
done:
    if (st != VS_OK) vs_replace_abort(&file);
    vs_buf_free(&w.line);
    close_data(&d);
    return st;
}

/* -- command line -- */

static vs_status export_what_is_asked(export_options *o, const char *what, vs_error *err)
{
    size_t i = 0;

    while (i < N_WHATS && strcmp(what, what_name[i]) != 0) i++;
    if (i == N_WHATS)
        return VS_FAIL(err, VS_E_USAGE,
                       "found '%.60s', expected generator, verifier, gen-set, ver-set or pairs",
                       what);
    o->what = (export_what)i;
    const bool is_model = o->what == GENERATOR || o->what == VERIFIER;
    if (is_model && o->is_ids)
        return VS_FAIL(err, VS_E_USAGE, "--ids goes with gen-set, ver-set and pairs");
    if (!is_model && o->is_merged)
        return VS_FAIL(err, VS_E_USAGE, "--merged goes with generator and verifier");
    if (is_model && !o->out) return VS_FAIL(err, VS_E_USAGE, "--out DIR is missing");
    if (is_model && (vs_dir_exists(o->out) || vs_file_exists(o->out)))
        return VS_FAIL(err, VS_E_STATE, "%s: exists already; remove it or choose another --out",
                       o->out);
    return is_model ? export_model(o, err) : export_rows(o, err);
}

vs_status vs_verb_export(int argc, char **argv, vs_error *err)
{
    export_options o = {0};
    const vs_opt opts[] = {
        {"--out", VS_OPT_STR, &o.out, false, 0, 0, "PATH",
         "folder for models; file for data (standard output)"},
        {"--merged", VS_OPT_FLAG, &o.is_merged, false, 0, 0, NULL,
         "models: one whole folder instead of a PEFT adapter"},
        {"--ids", VS_OPT_FLAG, &o.is_ids, false, 0, 0, NULL,
         "data: token ids exactly as trained on, instead of text"},
    };
    vs_cmd c = {
        .verb = "export",
        .usage = "RUN generator|verifier|gen-set|ver-set|pairs [--out PATH] [--merged] [--ids]",
        .about = "generator, verifier: a folder that transformers, PEFT and vLLM load. The data "
                 "are the recipe's choice among all rounds,\n"
                 "as the final generator and the verifier learn it: gen-set "
                 "{\"id\",\"prompt\",\"completion\",\"set\"}; ver-set {\"id\",\n"
                 "\"prompt\",\"right\",\"wrong\"}, one problem a line; pairs "
                 "{\"id\",\"prompt\",\"chosen\",\"rejected\"}, every right against\n"
                 "every wrong of it. All three are what `vstar train` reads.",
        .example = "  $ vstar export runs/demo generator --out my-generator\n  $ vstar export "
                   "runs/demo pairs | head -1\n"
                   "  {\"id\":\"..\",\"prompt\":\"Tom buys ..\",\"chosen\":\"Try "
                   "..\",\"rejected\":\"Try ..\"}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 2,
        .max_words = 2,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    o.dir = c.words[0];
    return export_what_is_asked(&o, c.words[1], err);
}
