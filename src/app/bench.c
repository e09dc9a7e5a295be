/* bench.c - how fast the engine is: tokens/s, and its share of what this machine could do at best.
 *
 * The limit of a workload is the sum over its phases of max(FLOPs / peak, bytes / bandwidth), both measured here: by wall
 * clock with all threads, and by CPU time on one. With --compute bf16 all FLOPs count at the peak of its dot products. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/bench.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/stop.h"
#include "base/threads.h"
#include "engine/tensor/par.h"
#include "engine/tensor/peak.h"

enum { MAX_RUNS = 100 };

/* What one repeat took. */
typedef struct lap {
    double wall, cpu; /* seconds */
    vs_matmul_count matmul;
} lap;

struct vs_bench {
    vs_opened opened;
    size_t prompt, new, runs;
    int32_t *ids;
    vs_buf line;
    lap laps[MAX_RUNS + 1]; /* the first one warms up */
    size_t n_laps, tokens;
    double rss_mb;
    double wall, cpu; /* at the start of the lap */
    vs_peak all, one; /* of all threads by wall clock, of one by CPU time */
};

static void lap_begin(vs_bench *b)
{
    (void)vs_matmul_count_take();
    b->wall = vs_now_s();
    b->cpu = vs_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

bool vs_bench_lap(vs_bench *b, size_t tokens)
{
    lap *l = &b->laps[b->n_laps++];

    l->wall = vs_now_s() - b->wall;
    l->cpu = vs_clock_s(CLOCK_PROCESS_CPUTIME_ID) - b->cpu;
    l->matmul = vs_matmul_count_take();
    b->tokens = tokens;
    lap_begin(b);
    return b->n_laps <= b->runs && !vs_stop_wanted();
}

size_t vs_bench_laps(const vs_bench *b)
{
    return b->runs + 1;
}

const vs_opened *vs_bench_opened(const vs_bench *b)
{
    return &b->opened;
}

const int32_t *vs_bench_ids(const vs_bench *b)
{
    return b->ids;
}

size_t vs_bench_prompt(const vs_bench *b)
{
    return b->prompt;
}

size_t vs_bench_new(const vs_bench *b)
{
    return b->new;
}

static int by_wall(const void *x, const void *y)
{
    const lap *a = x, *b = y;
    return (a->wall > b->wall) - (a->wall < b->wall);
}

static int by_cpu(const void *x, const void *y)
{
    const lap *a = x, *b = y;
    return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

static double limit_of(const vs_bench_cost *c, vs_peak p)
{
    double s = 0.0;

    for (size_t i = 0; i < VS_BENCH_PHASES; i++)
        s += c->phase[i].times *
             fmax(c->phase[i].flops / p.flops, p.bytes > 0.0 ? c->phase[i].bytes / p.bytes : 0.0);
    return s;
}

static void peaks(vs_bench *b)
{
    const bool dots = b->opened.base->compute == VS_COMPUTE_BF16;
    const vs_peak all = vs_peak_of(vs_threads(), false, dots), one = vs_peak_of(1, true, dots);

    b->all = (vs_peak){fmax(b->all.flops, all.flops), fmax(b->all.bytes, all.bytes)};
    b->one = (vs_peak){fmax(b->one.flops, one.flops), fmax(b->one.bytes, one.bytes)};
}

/* What follows has a peak of its own, without the probes' memory; where the system knows no such thing, it stays in. */
static void forget_peak_rss(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    if (!f) return;
    (void)fputs("5", f);
    (void)fclose(f);
}

static double peak_rss_mb(void)
{
    struct rusage usage = {.ru_maxrss = 0};

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

static vs_status print_laps(vs_bench *b, const vs_bench_workload *w, const char *size,
                            const vs_bench_cost *c, vs_error *err)
{
    lap *measured = b->laps + 1;
    const size_t n = b->n_laps - 1;
    double flops = 0.0, bytes = 0.0;

    for (size_t i = 0; i < VS_BENCH_PHASES; i++) {
        flops += c->phase[i].flops * c->phase[i].times;
        bytes += c->phase[i].bytes * c->phase[i].times;
    }
    qsort(measured, n, sizeof *measured, by_cpu);
    const double cpu = measured[n / 2].cpu, limit_cpu = limit_of(c, b->one);
    qsort(measured, n, sizeof *measured, by_wall);
    const lap *mid = &measured[n / 2];
    const double limit = limit_of(c, b->all),
                 busy = mid->matmul.thread_seconds / (double)vs_threads();
    const double tokens = (double)b->tokens, inside = busy > 0.0 ? mid->matmul.flops / busy : 0.0;

    vs_buf_printf(&b->line,
                  "{\"workload\":\"%s\",\"size\":\"%s\",\"prompt\":%zu,\"new\":%zu,\"threads\":%zu,"
                  "\"backend\":\"%s\",\"compute\":\"%s\",\"runs\":%zu,\"tokens\":%zu,",
                  w->name, size, b->prompt, b->new, vs_threads(), b->opened.base->ops->name,
                  b->opened.base->compute == VS_COMPUTE_BF16 ? "bf16" : "f32", n, b->tokens);
    vs_buf_printf(&b->line,
                  "\"seconds\":%.4g,\"limit_s\":%.4g,\"share_of_limit\":%.4f,\"tokens_per_s\":%.1f,"
                  "\"cpu_seconds\":%.4g,\"limit_cpu_s\":%.4g,\"share_of_limit_cpu\":%.4f,"
                  "\"tokens_per_cpu_s\":%.1f,",
                  mid->wall, limit, limit / mid->wall, tokens / mid->wall, cpu, limit_cpu,
                  limit_cpu / cpu, tokens / cpu);
    vs_buf_printf(&b->line,
                  "\"gflop\":%.4g,\"gbyte\":%.4g,\"peak_gflops\":%.1f,\"read_gbs\":%.1f,"
                  "\"core_gflops\":%.1f,\"core_gbs\":%.1f,\"matmul_share_of_peak\":%.4f,"
                  "\"matmul_share_of_time\":%.4f,\"peak_rss_mb\":%.0f}",
                  flops / 1e9, bytes / 1e9, b->all.flops / 1e9, b->all.bytes / 1e9,
                  b->one.flops / 1e9, b->one.bytes / 1e9, inside / b->all.flops, busy / mid->wall,
                  b->rss_mb);
    VS_TRY(vs_out_line(&b->line, err));
    return fflush(stdout) == 0 ? VS_OK : VS_FAIL(err, VS_E_IO, "standard output cannot be written");
}

/* -- the list of workloads -- */

/* "16" or "8+8"; with a join of 'x', "16" is "1x16". */
static bool read_size(vs_bench_size *z, const vs_bench_workload *w, const char *text)
{
    char *end;
    const size_t first = strtoul(text, &end, 10);

    *z = (vs_bench_size){first, 0};
    if (w->join && *end == w->join) {
        z->b = strtoul(end + 1, &end, 10);
    } else if (w->join == 'x') {
        *z = (vs_bench_size){1, first};
    }
    return *end == '\0' && z->a > 0 && z->a <= VS_BENCH_IDS / 16 && z->b <= VS_BENCH_IDS / 16 &&
           (!w->join || z->b > 0);
}

/* The workload that len bytes of text name; NULL: none. */
static const vs_bench_workload *find_workload(const char *text, size_t len)
{
    for (size_t i = 0; i < vs_bench_n_workloads; i++) {
        const char *name = vs_bench_workloads[i].name;
        if (strlen(name) == len && memcmp(name, text, len) == 0) return &vs_bench_workloads[i];
    }
    return NULL;
}

static size_t positions_of(const vs_bench *b, const vs_bench_workload *w, vs_bench_size z)
{
    if (w->length == VS_BENCH_NONE) return 0;
    return w->length == VS_BENCH_SIZED ? z.a + 1 : b->prompt + b->new;
}

static vs_status run_one(vs_bench *b, const char *item, vs_error *err)
{
    const char *colon = strchr(item, ':');
    const vs_bench_workload *w = find_workload(item, colon ? (size_t)(colon - item) : strlen(item));
    const vs_config *c = &b->opened.base->config;
    vs_bench_size z;

    if (!w)
        return VS_FAIL(err, VS_E_USAGE,
                       "--workload: found '%.60s', expected some of decode, prefill, score, sft, "
                       "sft-lora, dpo, dpo-lora, kernels",
                       item);
    const char *size = colon ? colon + 1 : w->size;
    char fitted[32];

    /* A size that nobody asked for is as large as the model allows. */
    if (!colon && w->length == VS_BENCH_SIZED && c->n_positions <= strtoul(size, NULL, 10)) {
        snprintf(fitted, sizeof fitted, "%zu", c->n_positions - 1);
        size = fitted;
    }
    if (!read_size(&z, w, size))
        return VS_FAIL(err, VS_E_USAGE,
                       "--workload: found '%.60s', expected %s:SIZE, a size like %s", item, w->name,
                       w->size);
    if (c->n_positions < positions_of(b, w, z))
        return VS_FAIL(err, VS_E_INPUT, "--workload: %s needs more than the model's %zu positions",
                       item, c->n_positions);
    const vs_bench_cost cost = w->cost(b, c, z);

    peaks(b);
    b->n_laps = 0;
    forget_peak_rss();
    lap_begin(b);
    VS_TRY(w->run(b, z, err));
    b->rss_mb = peak_rss_mb();
    if (vs_stop_wanted()) return VS_FAIL(err, VS_E_STOPPED, "stopped");
    peaks(b);
    return print_laps(b, w, size, &cost, err);
}

static vs_status run_list(vs_bench *b, const char *list, vs_error *err)
{
    vs_status st = VS_OK;

    vs_matmul_count_enable(true);
    for (const char *at = list; st == VS_OK && *at;) {
        const size_t len = strcspn(at, ",");
        char item[64];
        snprintf(item, sizeof item, "%.*s", (int)(len < sizeof item ? len : sizeof item), at);
        st = run_one(b, item, err);
        at += len + (at[len] == ',');
    }
    vs_matmul_count_enable(false);
    return st;
}

static vs_status make_tokens(vs_bench *b, vs_error *err)
{
    vs_rng r = vs_rng_stream(vs_rng_key_make(1, VS_RNG_TEST, 0), 1);

    b->ids = vs_alloc(VS_BENCH_IDS, sizeof *b->ids);
    if (!b->ids) return VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
    for (size_t i = 0; i < VS_BENCH_IDS; i++)
        b->ids[i] = (int32_t)vs_rng_below(&r, (uint32_t)b->opened.base->config.n_vocab);
    return VS_OK;
}

/* Whether one of the list's workloads trains the model's own weights. */
static bool trains_all(const char *list)
{
    for (const char *at = list; *at;) {
        const size_t len = strcspn(at, ","), name = strcspn(at, ":,");
        const vs_bench_workload *w = find_workload(at, name);
        if (w && w->trains_all) return true;
        at += len + (at[len] == ',');
    }
    return false;
}

static vs_status open_base(vs_bench *b, const char *model, const char *shape, vs_compute how,
                           const char *list, vs_error *err)
{
    const bool trainable = how == VS_COMPUTE_F32 && trains_all(list);

    if (shape) return vs_bench_shape(&b->opened.base, shape, how, trainable, err);
    if (trainable) return vs_base_open_trainable(&b->opened.base, model, err);
    return vs_base_open(&b->opened.base, model, how, err);
}

static vs_status run(vs_bench *b, const char *model, const char *shape, const char *compute,
                     const char *list, vs_error *err)
{
    vs_compute how;
    vs_status st;

    VS_TRY(vs_compute_parse(&how, compute, err));
    if (!list)
        list = how == VS_COMPUTE_BF16 ? "decode,prefill,score,kernels"
                                      : "decode,prefill,score,sft,sft-lora,dpo,dpo-lora,kernels";
    VS_CHECK(open_base(b, model, shape, how, list, err));
    VS_CHECK(vs_model_open(&b->opened.model, b->opened.base, NULL, err));
    VS_CHECK(make_tokens(b, err));
    VS_CHECK(run_list(b, list, err));
done:
    free(b->ids);
    vs_buf_free(&b->line);
    vs_opened_close(&b->opened);
    return st;
}

vs_status vs_verb_bench(int argc, char **argv, vs_error *err)
{
    const char *model = NULL, *shape = NULL, *compute = "f32", *text_file = NULL,
               *answer_file = NULL, *profile = "gsm8k", *list = NULL;
    double seconds = 2.0;
    vs_bench b = {.prompt = 128, .new = 128, .runs = 5};
    const vs_opt opts[] = {
        {"--model", VS_OPT_STR, &model, false, 0, 0, "DIR", "model folder"},
        {"--shape", VS_OPT_STR, &shape, false, 0, 0, "135m|tiny|demo",
         "random weights of this shape instead"},
        {"--compute", VS_OPT_STR, &compute, false, 0, 0, "f32|bf16",
         VS_COMPUTE_HELP "; not for training"},
        {"--workload", VS_OPT_STR, &list, false, 0, 0, "LIST",
         "some of decode:PROMPTSxSAMPLES, prefill:TOKENS, score:CANDIDATES, sft:ROWS, "
         "sft-lora:ROWS, dpo:RIGHT+WRONG, dpo-lora:RIGHT+WRONG, kernels:ROWS (all, of sizes "
         "1x16, 512, 64, 16, 8+8, 512)"},
        {"--prompt", VS_OPT_SIZE, &b.prompt, false, 1, 8192, "P", "tokens of a prompt (128)"},
        {"--new", VS_OPT_SIZE, &b.new, false, 2, 8192, "S", "tokens of a solution (128)"},
        {"--runs", VS_OPT_SIZE, &b.runs, false, 1, MAX_RUNS, "R",
         "repeats, of which the median counts; one more warms up (5)"},
        {"--tokenize", VS_OPT_STR, &text_file, false, 0, 0, "FILE",
         "the tokenizer of --model alone, on one thread, over rows of {\"text\"}"},
        {"--grade", VS_OPT_STR, &answer_file, false, 0, 0, "FILE",
         "a grader alone, on one thread, over rows of {\"gold\",\"completion\"}; no model"},
        {"--profile", VS_OPT_STR, &profile, false, 0, 0, "P", "of --grade (gsm8k)"},
        {"--seconds", VS_OPT_NUM, &seconds, false, 0, 600, "S",
         "about how long --tokenize and --grade repeat (2)"},
    };
    vs_cmd c = {
        .verb = "bench",
        .usage = "--model DIR | --shape 135m|tiny|demo [--workload LIST]",
        .about =
            "One JSON line per workload: its time, and the least that this machine could take, "
            "from the FLOPs and bytes that the\n"
            "work cannot do without and the peaks measured here (fused multiply-adds, reading "
            "memory): by wall clock with all\n"
            "threads (share_of_limit), and by CPU time against one core (share_of_limit_cpu). "
            "tokens are those that the workload\n"
            "is about: new ones (decode), candidates' (score), solutions' (sft, dpo).",
        .example = "  $ vstar bench --shape demo --workload decode:16x16 --prompt 24 --new 32\n"
                   "  {\"workload\":\"decode\",\"size\":\"16x16\",..,\"tokens_per_s\":166021.4,..}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (answer_file) return vs_bench_grade(answer_file, profile, seconds, err);
    if ((model != NULL) == (shape != NULL))
        return VS_FAIL(err, VS_E_USAGE, "give --model DIR or --shape 135m|tiny|demo, one of them");
    if (text_file && !model) return VS_FAIL(err, VS_E_USAGE, "--tokenize goes with --model DIR");
    if (text_file) return vs_bench_tokenize(model, text_file, seconds, err);
    return run(&b, model, shape, compute, list, err);
}
