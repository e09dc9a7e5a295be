/* bench.c - how fast the engine is: tokens/s, and its share of what this machine's arithmetic can
 * do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/app.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/stop.h"
#include "base/threads.h"
#include "engine/decode/decode.h"
#include "engine/tensor/par.h"
#include "engine/tensor/peak.h"
#include "engine/train/train.h"

enum {
    PREFILL_TOKENS = 512,
    PROMPT_TOKENS = 24, /* decode, score, training: shapes of the demo's problems */
    SOLUTION_TOKENS = 32,
    TRAIN_GROUPS = 8,
    TRAIN_SOLUTIONS = 8,
    KERNEL_ROWS = 256,
    MAX_REPEATS = 50,
};

typedef struct bench {
    vs_opened opened;
    size_t rows;
    double seconds, peak; /* per workload; FLOP/s */
    int32_t *ids;         /* random tokens, n_ids of them */
    size_t n_ids;
    vs_buf line;
} bench;

/* What one repeat did. */
typedef struct work_done {
    size_t rows;   /* of the batch, for the line */
    size_t tokens; /* counted in tokens/s */
} work_done;

typedef vs_status (*workload_fn)(bench *b, work_done *done, vs_error *err);

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* FLOPs of one token through all matrices once, attention aside. */
static double token_flops(const vs_config *c)
{
    double n = 0.0;

    for (int i = 0; i < VS_N_LINEAR; i++) {
        size_t out, in;
        vs_linear_shape(&out, &in, c, (vs_linear)i);
        n += 2.0 * (double)out * (double)in * (double)c->n_layers;
    }
    return n;
}

/* -- workloads -- */

static vs_status ignore_completions(void *ctx, size_t problem, const vs_completion *c, size_t n,
                                    vs_error *err)
{
    size_t *tokens = ctx;

    (void)problem;
    (void)err;
    for (size_t i = 0; i < n; i++) *tokens += c[i].n;
    return VS_OK;
}

static vs_status run_decode(bench *b, work_done *done, vs_error *err)
{
    enum { SAMPLES = 16 };
    const size_t n = (b->rows + SAMPLES - 1) / SAMPLES;
    const vs_decode_options o = {.temperature = 1.0,
                                 .top_p = 1.0,
                                 .max_tokens = SOLUTION_TOKENS,
                                 .rows = b->rows,
                                 .key = vs_rng_key_make(1, VS_RNG_TEST, 0)};
    vs_decode_problem *p = vs_alloc(n, sizeof *p);
    vs_status st;

    if (!p) return VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
    for (size_t i = 0; i < n; i++)
        p[i] = (vs_decode_problem){
            .prompt = b->ids + i, .n_prompt = PROMPT_TOKENS, .key = i, .n = SAMPLES};
    done->rows = b->rows;
    done->tokens = 0;
    st = vs_decode_run(b->opened.model, p, n, &o, ignore_completions, &done->tokens, err);
    free(p);
    return st;
}

static vs_status run_prefill(bench *b, work_done *done, vs_error *err)
{
    const vs_config *c = &b->opened.base->config;
    const size_t n = c->n_positions - 1 < PREFILL_TOKENS ? c->n_positions - 1 : PREFILL_TOKENS;
    const vs_solution one = {.ids = b->ids, .n = 1};
    const vs_group g = {.prompt = b->ids, .n_prompt = n, .solutions = &one, .n_solutions = 1};
    vs_scorer *s;
    vs_status st;

    VS_TRY(vs_scorer_open(&s, b->opened.model, n, err));
    st = vs_score(s, &g, 1, NULL, NULL, err);
    vs_scorer_close(s);
    *done = (work_done){.rows = n, .tokens = n};
    return st;
}

/* n groups of the demo's shape. */
static void make_groups(vs_group *groups, vs_solution *solutions, const bench *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < TRAIN_SOLUTIONS; j++)
            solutions[i * TRAIN_SOLUTIONS + j] =
                (vs_solution){.ids = b->ids + PROMPT_TOKENS + i + j, .n = SOLUTION_TOKENS};
        groups[i] = (vs_group){.prompt = b->ids + i,
                               .n_prompt = PROMPT_TOKENS,
                               .solutions = solutions + i * TRAIN_SOLUTIONS,
                               .n_solutions = TRAIN_SOLUTIONS};
    }
}

static vs_status run_score(bench *b, work_done *done, vs_error *err)
{
    vs_group groups[TRAIN_GROUPS];
    vs_solution solutions[TRAIN_GROUPS * TRAIN_SOLUTIONS];
    vs_scorer *s;
    vs_status st;

    make_groups(groups, solutions, b, TRAIN_GROUPS);
    VS_TRY(vs_scorer_open(&s, b->opened.model, 2048, err));
    st = vs_score(s, groups, TRAIN_GROUPS, NULL, NULL, err);
    vs_scorer_close(s);
    done->tokens = done->rows = TRAIN_GROUPS * vs_group_rows(&groups[0]);
    return st;
}

typedef struct train_ctx {
    vs_example examples[TRAIN_GROUPS];
} train_ctx;

static vs_status give_examples(void *ctx, size_t step, const vs_example **out, size_t *n,
                               vs_error *err)
{
    const train_ctx *t = ctx;

    (void)step;
    (void)err;
    *out = t->examples;
    *n = TRAIN_GROUPS;
    return VS_OK;
}

static vs_status ignore_step(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    (void)ctx;
    (void)step;
    (void)s;
    (void)err;
    return VS_OK;
}

/* One optimiser step. The learning rate is so small that repeats meet the same model. */
static vs_status run_train(bench *b, vs_loss_kind kind, work_done *done, vs_error *err)
{
    const vs_train_options o = {.lr = 1e-12,
                                .lr_end = 1.0,
                                .schedule = VS_CONSTANT,
                                .beta1 = 0.9,
                                .beta2 = 0.98,
                                .eps = 1e-8,
                                .clip = 1.0,
                                .steps = 1,
                                .batch = TRAIN_GROUPS,
                                .micro_tokens = 4096,
                                .beta = 0.1};
    train_ctx t;
    vs_group groups[TRAIN_GROUPS];
    vs_solution solutions[TRAIN_GROUPS * TRAIN_SOLUTIONS];
    double ref[TRAIN_SOLUTIONS] = {0.0};
    vs_trainer *trainer;
    vs_status st;

    make_groups(groups, solutions, b, TRAIN_GROUPS);
    ref[0] = 1.0; /* not the policy's own log-probs */
    for (size_t i = 0; i < TRAIN_GROUPS; i++)
        t.examples[i] =
            (vs_example){.group = groups[i], .n_right = TRAIN_SOLUTIONS / 2, .ref_logp = ref};
    VS_TRY(vs_trainer_open(&trainer, b->opened.model, kind, &o, 1, NULL, err));
    st = vs_trainer_run(trainer, give_examples, ignore_step, &t, err);
    vs_trainer_close(trainer);
    done->tokens = done->rows = TRAIN_GROUPS * vs_group_rows(&groups[0]);
    return st;
}

static vs_status run_sft(bench *b, work_done *done, vs_error *err)
{
    return run_train(b, VS_LOSS_SFT, done, err);
}

static vs_status run_dpo(bench *b, work_done *done, vs_error *err)
{
    return run_train(b, VS_LOSS_DPO, done, err);
}

/* The matrix products of one layer alone. */
static vs_status run_kernels(bench *b, work_done *done, vs_error *err)
{
    const vs_base *base = b->opened.base;
    const vs_layer *layer = &base->layers[0];
    size_t widest = 0, deepest = 0;
    float *x, *y;

    for (int i = 0; i < VS_N_LIN; i++) {
        if (layer->lin[i].n > widest) widest = layer->lin[i].n;
        if (layer->lin[i].k > deepest) deepest = layer->lin[i].k;
    }
    x = vs_alloc(KERNEL_ROWS * deepest, sizeof *x);
    y = vs_alloc(KERNEL_ROWS * vs_round16(widest), sizeof *y);
    if (x && y)
        for (int i = 0; i < VS_N_LIN; i++)
            vs_matmul(base->ops, y, vs_round16(widest), x, deepest, &layer->lin[i].fwd, KERNEL_ROWS,
                      false);
    *done = (work_done){.rows = KERNEL_ROWS, .tokens = KERNEL_ROWS};
    const bool is_out = !x || !y;
    free(x);
    free(y);
    return is_out ? VS_FAIL(err, VS_E_NOMEM, "bench: out of memory") : VS_OK;
}

static const struct workload {
    const char *name;
    workload_fn run;
} workloads[] = {
    {"decode", run_decode}, {"prefill", run_prefill}, {"score", run_score},
    {"sft", run_sft},       {"dpo", run_dpo},         {"kernels", run_kernels},
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

/* -- measuring -- */

typedef struct measure {
    work_done work;
    double seconds;
    vs_matmul_count matmul;
} measure;

/* Repeats for about b->seconds; the fastest repeat counts, the first one (which warms up) does not.
 */
static vs_status measure_best(measure *best, bench *b, const struct workload *w, vs_error *err)
{
    double spent = 0.0;

    vs_matmul_count_enable(true);
    for (size_t i = 0; i < MAX_REPEATS && (i < 3 || spent < b->seconds); i++) {
        measure m = {.seconds = 0.0};
        if (vs_stop_wanted()) return VS_FAIL(err, VS_E_STOPPED, "stopped");
        (void)vs_matmul_count_take();
        const double begin = now_s();
        VS_TRY(w->run(b, &m.work, err));
        m.seconds = now_s() - begin;
        m.matmul = vs_matmul_count_take();
        if (i > 0) spent += m.seconds;
        if (i == 1 || (i > 1 && m.seconds / (double)m.work.tokens <
                                    best->seconds / (double)best->work.tokens))
            *best = m;
    }
    vs_matmul_count_enable(false);
    return VS_OK;
}

static vs_status print_measure(bench *b, const struct workload *w, const measure *m, vs_error *err)
{
    const double all = m->matmul.flops / m->seconds;
    const double busy = m->matmul.thread_seconds / (double)vs_threads();
    const double inside = busy > 0.0 ? m->matmul.flops / busy : 0.0;

    vs_buf_printf(
        &b->line,
        "{\"workload\":\"%s\",\"rows\":%zu,\"threads\":%zu,\"backend\":\"%s\",\"seconds\":%.4g,"
        "\"tokens_per_s\":%.1f,"
        "\"gflops\":%.2f,\"matmul_gflops\":%.2f,\"peak_gflops\":%.2f,\"share_of_peak\":%.4f,"
        "\"matmul_share_of_peak\":%.4f,\"matmul_share_of_time\":%.4f,\"flops_per_token\":%.6g}",
        w->name, m->work.rows, vs_threads(), b->opened.base->ops->name, m->seconds,
        (double)m->work.tokens / m->seconds, all / 1e9, inside / 1e9, b->peak / 1e9, all / b->peak,
        inside / b->peak, busy / m->seconds, token_flops(&b->opened.base->config));
    VS_TRY(vs_out_line(&b->line, err));
    return fflush(stdout) == 0 ? VS_OK : VS_FAIL(err, VS_E_IO, "standard output cannot be written");
}

/* -- set-up -- */

typedef struct shape {
    const char *name;
    vs_config config;
} shape;

static const shape shapes[] = {
    {"135m", /* SmolLM-135M's */
     {.n_layers = 30,
      .n_embd = 576,
      .n_heads = 9,
      .n_kv_heads = 3,
      .head_dim = 64,
      .n_ffn = 1536,
      .n_vocab = 49152,
      .n_positions = 2048,
      .rope_theta = 10000.0,
      .rms_eps = 1e-5,
      .is_tied = true,
      .bos_id = -1}},
    {"demo",
     {.n_layers = 3,
      .n_embd = 64,
      .n_heads = 4,
      .n_kv_heads = 4,
      .head_dim = 16,
      .n_ffn = 176,
      .n_vocab = 62,
      .n_positions = 256,
      .rope_theta = 10000.0,
      .rms_eps = 1e-5,
      .is_tied = false,
      .bos_id = -1}},
};

static vs_status open_shape(vs_opened *out, const char *name, vs_error *err)
{
    const vs_config *c = NULL;
    vs_params p = {0};
    vs_status st;

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(name, shapes[i].name) == 0) c = &shapes[i].config;
    if (!c) return VS_FAIL(err, VS_E_USAGE, "--shape: found '%.60s', expected 135m or demo", name);
    VS_CHECK(vs_weights_table(&p, c, err));
    if (!p.data) VS_CHECK(vs_params_alloc(&p, err));
    vs_weights_init(&p, c, 1);
    VS_CHECK(vs_base_create(&out->base, c, &p, err));
    VS_CHECK(vs_model_create(&out->model, out->base, NULL, NULL, err));
done:
    vs_params_close(&p);
    return st;
}

static vs_status make_tokens(bench *b, vs_error *err)
{
    const vs_config *c = &b->opened.base->config;
    vs_rng r = vs_rng_stream(vs_rng_key_make(1, VS_RNG_TEST, 0), 1);

    if (c->n_positions <= PROMPT_TOKENS + SOLUTION_TOKENS)
        return VS_FAIL(err, VS_E_INPUT, "the model has %zu positions, bench needs more than %d",
                       c->n_positions, PROMPT_TOKENS + SOLUTION_TOKENS);
    b->n_ids = PREFILL_TOKENS + b->rows + PROMPT_TOKENS + SOLUTION_TOKENS;
    b->ids = vs_alloc(b->n_ids, sizeof *b->ids);
    if (!b->ids) return VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
    for (size_t i = 0; i < b->n_ids; i++)
        b->ids[i] = (int32_t)vs_rng_below(&r, (uint32_t)c->n_vocab);
    return VS_OK;
}

static vs_status run_list(bench *b, const char *list, vs_error *err)
{
    for (const char *at = list; *at;) {
        const size_t len = strcspn(at, ",");
        size_t i = 0;
        measure m = {.seconds = 1.0};
        while (i < N_WORKLOADS &&
               (strlen(workloads[i].name) != len || memcmp(workloads[i].name, at, len) != 0))
            i++;
        if (i == N_WORKLOADS)
            return VS_FAIL(
                err, VS_E_USAGE,
                "--workload: found '%.*s', expected some of decode,prefill,score,sft,dpo,kernels",
                len < 60 ? (int)len : 60, at);
        b->peak = fmax(b->peak, vs_fma_peak(vs_threads()));
        VS_TRY(measure_best(&m, b, &workloads[i], err));
        b->peak = fmax(b->peak, vs_fma_peak(vs_threads()));
        VS_TRY(print_measure(b, &workloads[i], &m, err));
        at += len + (at[len] == ',');
    }
    return VS_OK;
}

static vs_status run(bench *b, const char *model, const char *shape_name, const char *list,
                     vs_error *err)
{
    vs_status st;

    if (shape_name)
        VS_CHECK(open_shape(&b->opened, shape_name, err));
    else
        VS_CHECK(vs_opened_open(&b->opened, model, NULL, err));
    VS_CHECK(make_tokens(b, err));
    VS_CHECK(run_list(b, list, err));
done:
    free(b->ids);
    vs_buf_free(&b->line);
    vs_opened_close(&b->opened);
    return st;
}

/* -- the tokenizer: texts of a file, one thread -- */

typedef struct texts {
    char **item;
    size_t n, cap, n_bytes;
} texts;

static void texts_free(texts *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->item[i]);
    free(t->item);
}

static vs_status read_texts(texts *t, const char *path, vs_error *err)
{
    vs_jsonl *rows;
    json_t *row = NULL;
    vs_status st;

    VS_TRY(vs_jsonl_open(&rows, path, err));
    while ((st = vs_jsonl_next(rows, &row, err)) == VS_OK && row) {
        const char *text;
        VS_CHECK(vs_json_get_str(&text, row, "text", vs_jsonl_where(rows), err));
        if (!vs_grow(&t->item, &t->cap, t->n + 1, sizeof *t->item) ||
            !(t->item[t->n] = vs_strdup_n(text, strlen(text)))) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
            goto done;
        }
        t->n_bytes += strlen(t->item[t->n++]);
        json_decref(row);
        row = NULL;
    }
    if (st == VS_OK && t->n_bytes == 0)
        st = VS_FAIL(err, VS_E_INPUT, "%s: found no text, expected lines of {\"text\"}", path);
done:
    json_decref(row);
    vs_jsonl_close(rows);
    return st;
}

static vs_status encode_all(const vs_tokenizer *t, const texts *all, size_t *n_tokens,
                            vs_error *err)
{
    vs_ids ids = {0};
    vs_status st = VS_OK;

    *n_tokens = 0;
    for (size_t i = 0; st == VS_OK && i < all->n; i++) {
        ids.n = 0;
        st = vs_encode(&ids, t, all->item[i], strlen(all->item[i]), true, err);
        *n_tokens += ids.n;
    }
    vs_ids_free(&ids);
    return st;
}

static vs_status bench_tokenizer(bench *b, const char *dir, const char *path, vs_error *err)
{
    vs_tokenizer *t = NULL;
    texts all = {0};
    size_t n_tokens = 0;
    double best = INFINITY, begin = now_s();
    vs_status st;

    VS_CHECK(vs_tokenizer_open(&t, dir, err));
    const double open_s = now_s() - begin;
    VS_CHECK(read_texts(&all, path, err));
    for (double spent = 0.0; spent < b->seconds || best == INFINITY;) {
        begin = now_s();
        VS_CHECK(encode_all(t, &all, &n_tokens, err));
        const double s = now_s() - begin;
        best = fmin(best, s);
        spent += s;
    }
    vs_buf_printf(&b->line,
                  "{\"workload\":\"tokenize\",\"bytes\":%zu,\"tokens\":%zu,\"open_seconds\":%.3g,"
                  "\"seconds\":%.4g,\"mb_per_s\":%.2f}",
                  all.n_bytes, n_tokens, open_s, best, (double)all.n_bytes / best / 1e6);
    VS_CHECK(vs_out_line(&b->line, err));
done:
    vs_tokenizer_close(t);
    texts_free(&all);
    vs_buf_free(&b->line);
    return st;
}

vs_status vs_verb_bench(int argc, char **argv, vs_error *err)
{
    const char *model = NULL, *shape_name = NULL, *text_file = NULL, *answer_file = NULL,
               *profile = "gsm8k", *list = "decode,prefill,score,sft,dpo,kernels";
    bench b = {.rows = 256, .seconds = 2.0};
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &model, false, 0, 0, "DIR", "model folder"},
        {"--shape", VS_OPT_STR, &shape_name, false, 0, 0, "135m|demo",
         "random weights of this shape instead"},
        {"--workload", VS_OPT_STR, &list, false, 0, 0, "LIST",
         "some of decode,prefill,score,sft,dpo,kernels (all)"},
        {"--tokenize", VS_OPT_STR, &text_file, false, 0, 0, "FILE",
         "the tokenizer of --model alone, on one thread, over rows of {\"text\"}"},
        {"--grade", VS_OPT_STR, &answer_file, false, 0, 0, "FILE",
         "a grader alone, on one thread, over rows of {\"gold\",\"completion\"}; no model"},
        {"--profile", VS_OPT_STR, &profile, false, 0, 0, "P", "of --grade (gsm8k)"},
        {"--rows", VS_OPT_SIZE, &b.rows, false, 1, 65536, "R",
         "decode: completions alive at once (256)"},
        {"--seconds", VS_OPT_NUM, &b.seconds, false, 0, 600, "S",
         "about how long each is repeated (2)"},
    };
    vs_cmd c = {
        .verb = "bench",
        .usage = "--model DIR | --shape 135m|demo [--workload LIST]",
        .about = "One JSON line per workload. gflops counts matrix products over the whole time, "
                 "matmul_gflops over the time\n"
                 "inside them; shares are of peak_gflops, measured here by a loop of fused "
                 "multiply-adds with the same\n"
                 "instruction set. The fastest of several repeats counts.",
        .example = "  $ vstar bench --shape demo --workload decode\n"
                   "  "
                   "{\"workload\":\"decode\",\"rows\":256,\"threads\":2,..,\"tokens_per_s\":208147."
                   "7,..,\"matmul_share_of_peak\":0.8525,..}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (answer_file) return vs_bench_grade(answer_file, profile, b.seconds, err);
    if ((model != NULL) == (shape_name != NULL))
        return VS_FAIL(err, VS_E_USAGE, "give --model DIR or --shape 135m|demo, one of them");
    if (text_file && !model) return VS_FAIL(err, VS_E_USAGE, "--tokenize goes with --model DIR");
    if (text_file) return bench_tokenizer(&b, model, text_file, err);
    return run(&b, model, shape_name, list, err);
}
