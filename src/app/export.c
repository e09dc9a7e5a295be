/* export.c - a run's models as folders, its data sets as JSON Lines. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/runs.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "engine/train/job.h"
#include "flow/labels/grade.h"
#include "flow/loop/recipe.h"
#include "flow/store/store.h"

typedef enum export_what { GENERATOR, VERIFIER, GEN_SET, VER_SET, PAIRS, N_WHATS } export_what;
static const char *const what_name[N_WHATS] = {"generator", "verifier", "gen-set", "ver-set", "pairs"};

typedef struct export_options {
    const char *dir, *out;
    export_what what;
    bool is_merged, is_ids;
} export_options;

/* -- models -- */

static const char *const model_files[] = {
    "config.json",      "generation_config.json",    "model.safetensors",     "adapter_config.json", "adapter_model.safetensors",
    "tokenizer.json",   "tokenizer_config.json",     "special_tokens_map.json", "manifest.json",
};

static vs_status copy_model(const char *to, const char *from, vs_error *err)
{
    vs_status st;

    VS_TRY(vs_dir_make(to, err));
    st = VS_OK;
    for (size_t i = 0; st == VS_OK && i < sizeof model_files / sizeof *model_files; i++) {
        char *a = vs_format("%s/%s", from, model_files[i]), *b = vs_format("%s/%s", to, model_files[i]);
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
    vs_lora_merge(&weights, &lora, &l, &c);
    VS_CHECK(vs_weights_write(&weights, &c, to, base, err));
done:
    vs_params_close(&lora);
    vs_params_close(&weights);
    return st;
}

static vs_status base_of(char **out, const char *dir, vs_error *err)
{
    vs_recipe r = {0};
    char *path;
    vs_status st;

    VS_TRY(vs_run_file(&path, dir, "recipe.yaml", err));
    VS_CHECK(vs_recipe_read(&r, path, err));
    *out = strcmp(r.base, "demo") == 0 ? vs_format("%s/base", dir) : vs_strdup_n(r.base, strlen(r.base));
    if (!*out) st = VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);
done:
    vs_recipe_free(&r);
    free(path);
    return st;
}

static vs_status export_model(const export_options *o, vs_error *err)
{
    char *from = NULL, *base = NULL, *partial = vs_format("%s.partial", o->out);
    vs_status st;

    if (!partial) return VS_FAIL(err, VS_E_NOMEM, "%s: path", o->out);
    VS_CHECK(vs_run_file(&from, o->dir, o->what == GENERATOR ? "models/generator" : "models/verifier", err));
    if (!vs_train_job_done(from)) {
        st = VS_FAIL(err, VS_E_STATE, "%s: the run has not trained it yet", from);
        goto done;
    }
    VS_CHECK(base_of(&base, o->dir, err));
    VS_CHECK(vs_dir_remove(partial, err));
    if (o->is_merged && vs_is_adapter(from))
        VS_CHECK(merge_model(partial, from, base, err));
    else
        VS_CHECK(copy_model(partial, from, err));
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

static bool is_usable(const vs_sample *x, vs_verdict verdict)
{
    return x->verdict == (int)verdict && strcmp(x->finish, "length") != 0;
}

static vs_status write_gen_rows(rows_out *w, const vs_problem *p, const vs_sample *x, size_t n, vs_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_usable(&x[i], VS_RIGHT)) continue;
        put_prompt(w, p);
        vs_buf_str(&w->line, w->o->is_ids ? ",\"completion_ids\":" : ",\"completion\":");
        put_solution(w, &x[i]);
        vs_buf_printf(&w->line, ",\"set\":\"%s\"", x[i].set);
        VS_TRY(end_row(w, err));
    }
    return VS_OK;
}

static size_t put_side(rows_out *w, const char *key, const vs_sample *x, size_t n, vs_verdict verdict)
{
    size_t count = 0;

    vs_buf_printf(&w->line, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (!is_usable(&x[i], verdict)) continue;
        if (count++) vs_buf_str(&w->line, ",");
        put_solution(w, &x[i]);
    }
    vs_buf_str(&w->line, "]");
    return count;
}

static vs_status write_ver_row(rows_out *w, const vs_problem *p, const vs_sample *x, size_t n, vs_error *err)
{
    put_prompt(w, p);
    const size_t right = put_side(w, "right", x, n, VS_RIGHT), wrong = put_side(w, "wrong", x, n, VS_WRONG);
    if (right && wrong) return end_row(w, err);
    vs_buf_clear(&w->line);
    return VS_OK;
}

static vs_status write_pairs(rows_out *w, const vs_problem *p, const vs_sample *x, size_t n, vs_error *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n && is_usable(&x[i], VS_RIGHT); j++) {
            if (!is_usable(&x[j], VS_WRONG) || strcmp(x[i].text, x[j].text) == 0) continue;
            put_prompt(w, p);
            vs_buf_str(&w->line, ",\"chosen\":");
            put_solution(w, &x[i]);
            vs_buf_str(&w->line, ",\"rejected\":");
            put_solution(w, &x[j]);
            VS_TRY(end_row(w, err));
        }
    return VS_OK;
}

/* References first, then rounds, problem by problem. */
static vs_status write_problem(rows_out *w, const vs_problem *p, const vs_sample *x, size_t n, vs_error *err)
{
    if (w->o->what == GEN_SET) return write_gen_rows(w, p, x, n, err);
    if (w->o->what == VER_SET) return write_ver_row(w, p, x, n, err);
    return write_pairs(w, p, x, n, err);
}

/* Samples of one glob after the other would part a problem's rows; one query over all training sets keeps them. */
static const char *const training_sets = "r[eo]*"; /* reference, round-1, .. */

static vs_status write_rows(rows_out *w, vs_store *s, const char *profile, vs_error *err)
{
    vs_problems problems = {0};
    vs_samples all = {0};
    vs_status st;

    VS_CHECK(vs_store_problems(&problems, s, NULL, err));
    VS_CHECK(vs_store_samples(&all, s, training_sets, profile, err));
    for (size_t i = 0, end, p = 0; i < all.n; i = end) {
        for (end = i; end < all.n && all.item[end].problem_id == all.item[i].problem_id;) end++;
        while (p < problems.n && problems.item[p].id < all.item[i].problem_id) p++;
        if (p < problems.n && problems.item[p].id == all.item[i].problem_id)
            VS_CHECK(write_problem(w, &problems.item[p], &all.item[i], end - i, err));
    }
done:
    vs_samples_free(&all);
    vs_problems_free(&problems);
    return st;
}

static vs_status profile_of(const char **out, const char *dir, vs_error *err)
{
    vs_recipe r = {0};
    char *path;
    vs_status st;

    VS_TRY(vs_run_file(&path, dir, "recipe.yaml", err));
    VS_CHECK(vs_recipe_read(&r, path, err));
    *out = vs_profile_version(r.grader);
    if (!*out) st = VS_FAIL(err, VS_E_INPUT, "%s: grader: no profile is called '%s'", path, r.grader);
done:
    vs_recipe_free(&r);
    free(path);
    return st;
}

static vs_status export_rows(const export_options *o, vs_error *err)
{
    rows_out w = {.o = o, .to = stdout};
    vs_replace file = {0};
    vs_store *s = NULL;
    const char *profile = NULL;
    char *db = NULL;
    vs_status st;

    VS_CHECK(profile_of(&profile, o->dir, err));
    VS_CHECK(vs_run_file(&db, o->dir, "run.db", err));
    VS_CHECK(vs_store_open(&s, db, VS_STORE_READ, err));
    if (o->out) {
        VS_CHECK(vs_replace_begin(&file, o->out, err));
        w.to = file.fp;
    }
    VS_CHECK(write_rows(&w, s, profile, err));
    if (o->out) VS_CHECK(vs_replace_commit(&file, err));
    vs_say("%zu rows", w.n);
done:
    if (st != VS_OK) vs_replace_abort(&file);
    vs_buf_free(&w.line);
    vs_store_close(s);
    free(db);
    return st;
}

/* -- command line -- */

static vs_status export_what_is_asked(export_options *o, const char *what, vs_error *err)
{
    size_t i = 0;

    while (i < N_WHATS && strcmp(what, what_name[i]) != 0) i++;
    if (i == N_WHATS)
        return VS_FAIL(err, VS_E_USAGE, "found '%.60s', expected generator, verifier, gen-set, ver-set or pairs", what);
    o->what = (export_what)i;
    const bool is_model = o->what == GENERATOR || o->what == VERIFIER;
    if (is_model && o->is_ids) return VS_FAIL(err, VS_E_USAGE, "--ids goes with gen-set, ver-set and pairs");
    if (!is_model && o->is_merged) return VS_FAIL(err, VS_E_USAGE, "--merged goes with generator and verifier");
    if (is_model && !o->out) return VS_FAIL(err, VS_E_USAGE, "--out DIR is missing");
    if (is_model && (vs_dir_exists(o->out) || vs_file_exists(o->out)))
        return VS_FAIL(err, VS_E_STATE, "%s: exists already; remove it or choose another --out", o->out);
    return is_model ? export_model(o, err) : export_rows(o, err);
}

vs_status vs_verb_export(int argc, char **argv, vs_error *err)
{
    export_options o = {0};
    const vs_opt opts[] = {
        {"--out", VS_OPT_STR, &o.out, false, 0, 0, "PATH", "folder for models; file for data (standard output)"},
        {"--merged", VS_OPT_FLAG, &o.is_merged, false, 0, 0, NULL, "models: one whole folder instead of a PEFT adapter"},
        {"--ids", VS_OPT_FLAG, &o.is_ids, false, 0, 0, NULL, "data: token ids exactly as trained on, instead of text"},
    };
    vs_cmd c = {
        .verb = "export",
        .usage = "RUN generator|verifier|gen-set|ver-set|pairs [--out PATH] [--merged] [--ids]",
        .about = "generator, verifier: a folder that transformers, PEFT and vLLM load. gen-set: {\"id\",\"prompt\",\"completion\",\"set\"} of\n"
                 "every reference and right sample, before the recipe's caps. ver-set: {\"id\",\"prompt\",\"right\",\"wrong\"} of every\n"
                 "problem that has both. pairs: {\"id\",\"prompt\",\"chosen\",\"rejected\"}, every right against every wrong of another text. All three\n"
                 "are what `vstar train` reads. Truncated and ungradable samples are left out.",
        .example = "  $ vstar export runs/demo generator --out my-generator\n  $ vstar export runs/demo pairs | head -1\n"
                   "  {\"id\":\"9x-4=61\",\"prompt\":\"Tom buys ..\",\"chosen\":\"Try 7. ..\",\"rejected\":\"Try 8. ..\"}",
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
