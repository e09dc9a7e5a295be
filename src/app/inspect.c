/* inspect.c - a model, an adapter, a data file or a run, explained. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/report.h"
#include "app/runs.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

typedef struct inspect_options {
    const char *path, *model;
    size_t rows;
    bool is_json, is_dump, is_hash;
} inspect_options;

/* -- model folders -- */

static void put_tensor(vs_buf *b, const vs_tensor *t)
{
    if (t->is_vector)
        vs_buf_printf(b, "  %-64s [%zu]\n", t->name, t->cols);
    else
        vs_buf_printf(b, "  %-64s [%zu, %zu]\n", t->name, t->rows, t->cols);
}

static void put_config(vs_buf *b, const vs_config *c)
{
    vs_buf_printf(b, "layers %zu, width %zu, heads %zu (%zu key-value) of %zu, hidden %zu\n",
                  c->n_layers, c->n_embd, c->n_heads, c->n_kv_heads, c->head_dim, c->n_ffn);
    vs_buf_printf(b, "vocabulary %zu, positions %zu, rope theta %g, output head %s, stored as %s\n",
                  c->n_vocab, c->n_positions, c->rope_theta,
                  c->is_tied ? "tied to the embedding" : "its own",
                  c->dtype == VS_BF16 ? "bfloat16" : "float32");
    vs_buf_str(b, "end tokens");
    for (size_t i = 0; i < c->n_eos; i++) vs_buf_printf(b, " %d", c->eos_ids[i]);
    vs_buf_str(b, c->n_eos ? "\n" : " none\n");
}

/* A model as its files describe it: no weight is read. */
typedef struct described {
    vs_config config;
    vs_tokenizer *tokenizer; /* NULL: the folder has none */
    vs_row_reader reader;
} described;

static vs_status describe(described *d, const char *dir, vs_error *err)
{
    VS_TRY(vs_config_read(&d->config, dir, err));
    VS_TRY(vs_tokenizer_try(&d->tokenizer, dir, err));
    d->reader = (vs_row_reader){.tokenizer = d->tokenizer, .config = &d->config};
    return VS_OK;
}

/* The hash under which a run stores this model's samples and scores. All weights are read. */
static vs_status model_hash(char hash[VS_HASH_HEX], const char *dir, vs_error *err)
{
    vs_opened m = {0};

    VS_TRY(vs_opened_open(&m, dir, NULL, VS_COMPUTE_F32, err));
    memcpy(hash, m.model->hash, VS_HASH_HEX);
    vs_opened_close(&m);
    return VS_OK;
}

static vs_status inspect_model(const inspect_options *o, vs_error *err)
{
    described d = {0};
    vs_params p = {0};
    char hash[VS_HASH_HEX] = "";
    vs_buf b = {0};
    vs_status st;

    VS_CHECK(describe(&d, o->path, err));
    VS_CHECK(vs_weights_describe(&p, &d.config, o->path, err));
    if (o->is_hash) VS_CHECK(model_hash(hash, o->path, err));
    if (o->is_json) {
        const vs_config *c = &d.config;
        vs_buf_printf(&b,
                      "{\"kind\":\"model\",\"parameters\":%zu,\"tensors\":%zu,\"layers\":%zu,"
                      "\"width\":%zu,\"vocabulary\":%zu,\"positions\":%zu,\"tokenizer\":%s",
                      p.n_model, p.n_tensors, c->n_layers, c->n_embd, c->n_vocab, c->n_positions,
                      d.tokenizer ? "true" : "false");
        if (o->is_hash) vs_buf_printf(&b, ",\"hash\":\"%s\"", hash);
        vs_buf_str(&b, "}");
    } else {
        vs_buf_printf(&b, "%s: a model of %zu parameters\n", o->path, p.n_model);
        put_config(&b, &d.config);
        vs_buf_printf(&b, "tokenizer.json %s\n", d.tokenizer ? "is there" : "is not there");
        if (o->is_hash) vs_buf_printf(&b, "hash %s\n", hash);
        vs_buf_printf(&b, "%zu tensors:\n", p.n_tensors);
        for (size_t i = 0; i < p.n_tensors; i++) put_tensor(&b, &p.tensors[i]);
        b.len--; /* the last line's end comes from vs_out_line */
    }
    VS_CHECK(vs_out_line(&b, err));
done:
    vs_buf_free(&b);
    vs_params_close(&p);
    vs_tokenizer_close(d.tokenizer);
    return st;
}

static vs_status inspect_adapter(const inspect_options *o, vs_error *err)
{
    vs_config c;
    vs_params p = {0};
    vs_lora_config l = {0};
    vs_buf b = {0};
    char hash[VS_HASH_HEX];
    vs_status st;

    if (!o->model)
        return VS_FAIL(err, VS_E_USAGE,
                       "%s is an adapter: --model DIR names the model that it is for", o->path);
    VS_CHECK(vs_config_read(&c, o->model, err));
    VS_CHECK(vs_lora_read(&p, &l, &c, o->path, err));
    VS_CHECK(vs_params_hash(hash, &p, err));
    if (o->is_json) {
        vs_buf_printf(&b,
                      "{\"kind\":\"adapter\",\"parameters\":%zu,\"tensors\":%zu,\"rank\":%zu,"
                      "\"alpha\":%g,\"hash\":\"%s\"}",
                      p.n_model, p.n_tensors, l.rank, l.alpha, hash);
    } else {
        vs_buf_printf(&b, "%s: a LoRA adapter of %zu parameters, rank %zu, alpha %g\non", o->path,
                      p.n_model, l.rank, l.alpha);
        for (int i = 0; i < VS_N_LINEAR; i++)
            if (l.targets >> i & 1u) vs_buf_printf(&b, " %s", vs_linear_name[i]);
        vs_buf_printf(&b, "\nhash %s", hash);
    }
    VS_CHECK(vs_out_line(&b, err));
done:
    vs_buf_free(&b);
    vs_params_close(&p);
    return st;
}

/* -- data files -- */

/* How prompt and completion are told apart: by colour on a terminal, by brackets elsewhere. */
typedef struct marks {
    const char *prompt, *completion, *end, *off;
} marks;

static marks choose_marks(void)
{
    if (isatty(STDOUT_FILENO)) return (marks){"\033[2m", "\033[1m", "\033[7m", "\033[0m"};
    return (marks){"[prompt: ", "[learned: ", "[end: ", "]"};
}

static vs_status put_ids(vs_buf *b, const described *m, const vs_ids *ids, const char *mark,
                         const char *off, vs_error *err)
{
    if (ids->n == 0) return VS_OK;
    vs_buf_str(b, mark);
    if (m->tokenizer)
        VS_TRY(vs_decode(b, m->tokenizer, ids->id, ids->n, false, err));
    else
        vs_out_ids(b, ids->id, ids->n);
    vs_buf_str(b, off);
    return VS_OK;
}

static bool is_end_token(const vs_config *c, int32_t id)
{
    for (size_t i = 0; i < c->n_eos; i++)
        if (c->eos_ids[i] == id) return true;
    return false;
}

/* One solution behind its prompt: what the loss counts is bold, the end token marked. */
static vs_status print_masked(const described *m, const vs_ids *prompt, const json_t *value,
                              const char *key, const char *where, vs_error *err)
{
    const marks k = choose_marks();
    vs_ids ids = {0}, end = {0};
    vs_buf b = {0};
    vs_status st;

    VS_CHECK(vs_row_tokens(&ids, &m->reader, value, VS_TEXT_SOLUTION, key, where, err));
    if (ids.n && is_end_token(&m->config, ids.id[ids.n - 1]))
        VS_CHECK(vs_ids_add(&end, ids.id[--ids.n], err));
    vs_buf_printf(&b, "%s %s (%zu + %zu tokens): ", where, key, prompt->n, ids.n + end.n);
    VS_CHECK(put_ids(&b, m, prompt, k.prompt, k.off, err));
    VS_CHECK(put_ids(&b, m, &ids, k.completion, k.off, err));
    VS_CHECK(put_ids(&b, m, &end, k.end, k.off, err));
    VS_CHECK(vs_out_line(&b, err));
done:
    vs_buf_free(&b);
    vs_ids_free(&ids);
    vs_ids_free(&end);
    return st;
}

static const char *const solution_keys[] = {"completion", "completion_ids", "chosen", "rejected"};
static const char *const list_keys[] = {"right", "wrong"};

static vs_status show_row(const described *m, const json_t *row, const char *where, vs_error *err)
{
    vs_ids prompt = {0};
    vs_status st;

    VS_CHECK(vs_row_member(&prompt, &m->reader, row, "prompt", VS_TEXT_PROMPT, where, err));
    for (size_t i = 0; i < sizeof solution_keys / sizeof *solution_keys; i++) {
        const json_t *v = json_object_get(row, solution_keys[i]);
        if (v) VS_CHECK(print_masked(m, &prompt, v, solution_keys[i], where, err));
    }
    for (size_t i = 0; i < sizeof list_keys / sizeof *list_keys; i++) {
        const json_t *list = json_object_get(row, list_keys[i]);
        for (size_t j = 0; j < json_array_size(list); j++)
            VS_CHECK(print_masked(m, &prompt, json_array_get(list, j), list_keys[i], where, err));
    }
done:
    vs_ids_free(&prompt);
    return st;
}

/* "prompt, completion": the keys of a row. */
static void put_keys(vs_buf *b, const json_t *row)
{
    const char *key;
    json_t *value;
    bool is_first = true;

    json_object_foreach((json_t *)(uintptr_t)row, key, value)
    {
        vs_buf_printf(b, "%s%s (%s)", is_first ? "" : ", ", key, vs_json_kind(value));
        is_first = false;
    }
}

static vs_status print_data_summary(const inspect_options *o, const vs_buf *keys, size_t n_rows,
                                    vs_error *err)
{
    vs_buf b = {0};
    vs_status st;

    if (o->is_json)
        vs_buf_printf(&b, "{\"kind\":\"data\",\"rows\":%zu}", n_rows);
    else
        vs_buf_printf(&b, "%s: %zu rows of %s", o->path, n_rows,
                      keys->len ? keys->data : "nothing");
    st = vs_out_line(&b, err);
    vs_buf_free(&b);
    return st;
}

static vs_status inspect_data(const inspect_options *o, vs_error *err)
{
    described m = {0};
    vs_jsonl *rows = NULL;
    json_t *row = NULL;
    vs_buf keys = {0};
    size_t n = 0;
    vs_status st;

    if (o->model) VS_CHECK(describe(&m, o->model, err));
    VS_CHECK(vs_jsonl_open(&rows, o->path, err));
    for (;; n++) {
        VS_CHECK(vs_jsonl_next(rows, &row, err));
        if (!row) break;
        if (n == 0) put_keys(&keys, row);
        if (o->model && n < o->rows) VS_CHECK(show_row(&m, row, vs_jsonl_where(rows), err));
        json_decref(row);
        row = NULL;
    }
    VS_CHECK(print_data_summary(o, &keys, n, err));
done:
    json_decref(row);
    vs_buf_free(&keys);
    vs_jsonl_close(rows);
    vs_tokenizer_close(m.tokenizer);
    return st;
}

/* -- runs -- */

static vs_status print_round(vs_buf *b, const vs_round_stats *x, vs_error *err)
{
    const size_t n_graded = x->n_right + x->n_wrong + x->n_ungradable;

    vs_buf_printf(b,
                  "  %-12s %6zu samples of %zu problems: %zu right, %zu wrong, %zu not gradable; "
                  "%zu unique, %zu truncated",
                  x->set, x->n_drawn, x->n_problems, x->n_right, x->n_wrong, x->n_ungradable,
                  x->n_unique, x->n_truncated);
    if (n_graded < x->n_drawn) vs_buf_printf(b, "; %zu not graded yet", x->n_drawn - n_graded);
    return vs_out_line(b, err);
}

static vs_status inspect_run(const inspect_options *o, vs_error *err)
{
    vs_report r = {0};
    vs_buf b = {0};
    vs_status st;

    VS_CHECK(vs_report_read(&r, o->path, err));
    if (o->is_json) {
        vs_buf_printf(&b,
                      "{\"kind\":\"run\",\"test_problems\":%zu,\"rounds\":%zu,\"models\":%zu,"
                      "\"metrics\":%zu}",
                      r.test.n, r.n_rounds, r.n_hashes - 1, r.n_metrics);
        VS_CHECK(vs_out_line(&b, err));
        goto done;
    }
    vs_buf_printf(
        &b, "%s: a run, labels by %s, %zu test problems with %zu samples of the final generator",
        o->path, r.grader, r.test.n, r.samples.n);
    VS_CHECK(vs_out_line(&b, err));
    for (size_t i = 0; i < r.n_rounds; i++) VS_CHECK(print_round(&b, &r.round[i], err));
    for (size_t i = 0; i < r.n_hashes; i++) {
        vs_buf_printf(&b, "  %-20s %s", r.hash[i].name, r.hash[i].hex);
        VS_CHECK(vs_out_line(&b, err));
    }
    VS_CHECK(vs_run_print_results(o->path, err));
done:
    vs_buf_free(&b);
    vs_report_free(&r);
    return st;
}

/* Every row of the run's store, in an order that does not depend on how the run was made. */
static vs_status dump_run(const inspect_options *o, vs_error *err)
{
    char *path = NULL;
    vs_store *s = NULL;
    vs_status st;

    VS_CHECK(vs_run_file(&path, o->path, "run.db", err));
    VS_CHECK(vs_store_open(&s, path, VS_STORE_READ, err));
    VS_CHECK(vs_store_dump(s, stdout, err));
    if (fflush(stdout) != 0)
        st = VS_FAIL(err, VS_E_IO, "standard output: cannot write: %s", strerror(errno));
done:
    vs_store_close(s);
    free(path);
    return st;
}

static bool has_file(const char *dir, const char *name)
{
    char *path = vs_format("%s/%s", dir, name);
    const bool found = path && vs_file_exists(path);

    free(path);
    return found;
}

static vs_status inspect(const inspect_options *o, vs_error *err)
{
    if (o->is_dump) return dump_run(o, err);
    if (!vs_dir_exists(o->path)) return inspect_data(o, err);
    if (has_file(o->path, "recipe.yaml")) return inspect_run(o, err);
    if (vs_is_adapter(o->path)) return inspect_adapter(o, err);
    if (has_file(o->path, "config.json")) return inspect_model(o, err);
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: found neither recipe.yaml (a run), adapter_config.json (an adapter) nor "
                   "config.json (a model)",
                   o->path);
}

vs_status vs_verb_inspect(int argc, char **argv, vs_error *err)
{
    inspect_options o = {.rows = 3};
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &o.model, false, 0, 0, "DIR",
         "for data: show rows as this model learns them; for adapters: the base"},
        {"--rows", VS_OPT_SIZE, &o.rows, false, 1, 1e6, "N", "rows to show (3)"},
        {"--json", VS_OPT_FLAG, &o.is_json, false, 0, 0, NULL, "one JSON object instead of text"},
        {"--hash", VS_OPT_FLAG, &o.is_hash, false, 0, 0, NULL,
         "for models: the hash that runs know it by (reads all weights)"},
        {"--dump", VS_OPT_FLAG, &o.is_dump, false, 0, 0, NULL,
         "for runs: every row of run.db as text; equal runs have equal dumps"},
    };
    vs_cmd c = {
        .verb = "inspect",
        .usage = "PATH [--model DIR] [--rows N] [--json] [--hash] [--dump]",
        .about = "Explains a model folder, an adapter folder, a JSONL file or a run. With --model, "
                 "rows of training data are shown\n"
                 "as the model sees them: the prompt, then the part that the loss counts, then the "
                 "end token.",
        .example =
            "  $ vstar inspect rows.jsonl --model stories260K --rows 1\n"
            "  rows.jsonl:1 completion (4 + 4 tokens): [prompt: <s> Once upon a][learned:  "
            "time.][end: </s>]\n"
            "  rows.jsonl: 4 rows of prompt (a string), completion (a string), gold (a string)",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    o.path = c.words[0];
    return inspect(&o, err);
}
