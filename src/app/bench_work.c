/* bench_work.c - the workloads of `vstar bench`, and the FLOPs and bytes that each cannot do without.
 *
 * Costs. body: weights of the layers' matrices; head: V C; attn(c) = 4 L H D c FLOPs of one query over c keys (scores
 * and values); kv = 8 L G D bytes of one cached token. A product of m rows takes 2 m FLOPs a weight; the backward pass
 * as many for the input's gradient and as many for a weight's, and twice the forward pass of attention. Prompts are
 * counted once for all their solutions. What an implementation does beyond that (recomputing layers, say) is not counted. */
#include <stdlib.h>
#include <string.h>

#include "app/bench.h"
#include "base/mem.h"
#include "base/threads.h"
#include "engine/decode/decode.h"
#include "engine/tensor/par.h"
#include "engine/train/job.h"

enum {
    SEED = 1, /* of random weights */
    ADAPTER_RANK = 16,
    MICRO_TOKENS = 512, /* as a recipe's micro_tokens */
    KEEP_MB = 2048,
    MAX_GROUPS = 1024,
    CACHE_BYTES =
        16 << 20, /* weights up to here may stay in the last cache and are not counted as read */
    ADAMW_BYTES = 28, /* a weight: p, g, m, v read, p, m, v written */
};

/* -- costs -- */

typedef struct sizes {
    double body, head, kv, adapter, p,
        s; /* weights, bytes of a cached token; tokens of prompt and solution */
    double layers, width, wbytes;
} sizes;

static sizes sizes_of(const vs_bench *b, const vs_config *c)
{
    const double layers = (double)c->n_layers;
    sizes z = {.head = (double)c->n_vocab * (double)c->n_embd,
               .kv = 8.0 * layers * (double)(c->n_kv_heads * c->head_dim),
               .p = (double)vs_bench_prompt(b),
               .s = (double)vs_bench_new(b),
               .layers = layers,
               .width = (double)(c->n_heads * c->head_dim),
               .wbytes =
                   vs_bench_opened(b)->base->head_fwd.data ? sizeof(float) : sizeof(uint16_t)};

    for (int i = 0; i < VS_N_LINEAR; i++) {
        size_t out, in;
        vs_linear_shape(&out, &in, c, (vs_linear)i);
        z.body += layers * (double)out * (double)in;
        z.adapter += layers * ADAPTER_RANK * (double)(out + in);
    }
    if (z.wbytes * (z.body + z.head) < CACHE_BYTES) z.wbytes = 0.0;
    return z;
}

static double attn(const sizes *z, double keys)
{
    return 4.0 * z->layers * z->width * keys;
}

static vs_bench_phase prefill(const sizes *z, double prompts, double tokens)
{
    return (vs_bench_phase){
        prompts * (2.0 * z->body * tokens + 2.0 * z->head + attn(z, tokens / 2.0) * tokens),
        z->wbytes * (z->body + z->head), 1.0};
}

static vs_bench_cost decode_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    const double prompts = (double)size.a, rows = prompts * (double)size.b;
    const vs_bench_phase step = {
        rows * (2.0 * z.body + 2.0 * z.head + attn(&z, z.p + z.s / 2.0)),
        z.wbytes * (z.body + z.head) + z.kv * (prompts * z.p + rows * z.s / 2.0), z.s - 1.0};

    return (vs_bench_cost){{prefill(&z, prompts, z.p), step}};
}

static vs_bench_cost prefill_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);

    return (vs_bench_cost){{prefill(&z, 1.0, (double)size.a)}};
}

/* Rows of tokens, rows that predict, and FLOPs of attention: n solutions to each of so many prompts. */
typedef struct rows {
    double body, head, attn;
} rows;

static rows group_rows(const sizes *z, double prompts, double n)
{
    return (rows){prompts * (z->p + n * (z->s - 1.0)), prompts * n * z->s,
                  prompts *
                      (attn(z, z->p / 2.0) * z->p + n * (z->s - 1.0) * attn(z, z->p + z->s / 2.0))};
}

static vs_bench_cost score_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    const rows r = group_rows(&z, 1.0, (double)size.a);

    return (vs_bench_cost){{{2.0 * z.body * r.body + 2.0 * z.head * r.head + r.attn,
                             z.wbytes * (z.body + z.head), 1.0}}};
}

static vs_bench_cost train_cost(const sizes *z, rows r, bool is_adapter)
{
    double flops = 4.0 * z->body * r.body + 4.0 * z->head * r.head + 3.0 * r.attn;

    if (is_adapter)
        return (vs_bench_cost){
            {{flops + 6.0 * z->adapter * r.body, z->wbytes * (z->body + z->head), 1.0}}};
    flops += 2.0 * z->body * r.body + 2.0 * z->head * r.head;
    return (vs_bench_cost){{{flops, z->wbytes * (z->body + z->head), 1.0},
                            {0.0, ADAMW_BYTES * (z->body + z->head), 1.0}}};
}

static vs_bench_cost sft_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    return train_cost(&z, group_rows(&z, (double)size.a, 1.0), false);
}

static vs_bench_cost sft_lora_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    return train_cost(&z, group_rows(&z, (double)size.a, 1.0), true);
}

static vs_bench_cost dpo_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    return train_cost(&z, group_rows(&z, 1.0, (double)(size.a + size.b)), false);
}

static vs_bench_cost dpo_lora_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    return train_cost(&z, group_rows(&z, 1.0, (double)(size.a + size.b)), true);
}

static vs_bench_cost kernels_cost(const vs_bench *b, const vs_config *c, vs_bench_size size)
{
    const sizes z = sizes_of(b, c);
    const double m = (double)size.a, weights = z.body + z.head;

    return (vs_bench_cost){{{2.0 * m * weights, z.wbytes * weights, 1.0}}};
}

/* -- work -- */

static vs_status count_tokens(void *ctx, size_t problem, const vs_completion *c, size_t n,
                              vs_error *err)
{
    size_t *tokens = ctx;

    (void)problem;
    (void)err;
    for (size_t i = 0; i < n; i++) *tokens += c[i].n;
    return VS_OK;
}

static vs_status run_decode(vs_bench *b, vs_bench_size z, vs_error *err)
{
    const vs_decode_options o = {.temperature = 1.0,
                                 .top_p = 1.0,
                                 .max_tokens = vs_bench_new(b),
                                 .rows = z.a * z.b,
                                 .key = vs_rng_key_make(1, VS_RNG_TEST, 0)};
    vs_decode_problem *p = vs_alloc(z.a, sizeof *p);
    size_t tokens;
    vs_status st;

    if (!p) return VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
    for (size_t i = 0; i < z.a; i++)
        p[i] = (vs_decode_problem){
            .prompt = vs_bench_ids(b) + i, .n_prompt = vs_bench_prompt(b), .key = i, .n = z.b};
    do {
        tokens = 0;
        st = vs_decode_run(vs_bench_opened(b)->model, p, z.a, &o, count_tokens, &tokens, err);
    } while (st == VS_OK && vs_bench_lap(b, tokens));
    free(p);
    return st;
}

/* Groups of the bench's prompts, n solutions each; tokens differ from group to group. */
typedef struct groups {
    vs_group group[MAX_GROUPS];
    vs_solution *solution;
} groups;

static vs_status groups_open(groups *g, const vs_bench *b, size_t n_groups, size_t n, vs_error *err)
{
    const size_t p = vs_bench_prompt(b), s = vs_bench_new(b);

    if (n_groups > MAX_GROUPS)
        return VS_FAIL(err, VS_E_USAGE, "--workload: found %zu rows, at most %d", n_groups,
                       MAX_GROUPS);
    g->solution = vs_alloc(n_groups * n, sizeof *g->solution);
    if (!g->solution) return VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
    for (size_t i = 0; i < n_groups; i++) {
        for (size_t j = 0; j < n; j++)
            g->solution[i * n + j] = (vs_solution){
                .ids = vs_bench_ids(b) + (7 * p + 13 * i + 31 * j) % (VS_BENCH_IDS - s), .n = s};
        g->group[i] = (vs_group){vs_bench_ids(b) + 5 * i, p, g->solution + i * n, n};
    }
    return VS_OK;
}

static vs_status score(vs_bench *b, const vs_group *g, size_t tokens, vs_error *err)
{
    double *logprob = vs_alloc(g->n_solutions, sizeof *logprob);
    vs_scorer *s = NULL;
    vs_status st;

    if (!logprob) return VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
    VS_CHECK(vs_scorer_open(&s, vs_bench_opened(b)->model, VS_SCORE_ROWS, err));
    do st = vs_score(s, g, 1, NULL, logprob, err);
    while (st == VS_OK && vs_bench_lap(b, tokens));
done:
    vs_scorer_close(s);
    free(logprob);
    return st;
}

/* A prompt, and one token after it. */
static vs_status run_prefill(vs_bench *b, vs_bench_size z, vs_error *err)
{
    const vs_solution one = {.ids = vs_bench_ids(b), .n = 1};
    const vs_group g = {vs_bench_ids(b), z.a, &one, 1};

    return score(b, &g, z.a, err);
}

static vs_status run_score(vs_bench *b, vs_bench_size z, vs_error *err)
{
    groups g;
    vs_status st;

    VS_TRY(groups_open(&g, b, 1, z.a, err));
    st = score(b, g.group, z.a * vs_bench_new(b), err);
    free(g.solution);
    return st;
}

typedef struct training {
    vs_bench *b;
    vs_example *example;
    size_t n, tokens;
} training;

static vs_status give_examples(void *ctx, size_t step, const vs_example **out, size_t *n,
                               vs_error *err)
{
    const training *t = ctx;

    (void)step;
    (void)err;
    *out = t->example;
    *n = t->n;
    return VS_OK;
}

static vs_status lap_step(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    const training *t = ctx;

    (void)step;
    (void)s;
    (void)err;
    (void)vs_bench_lap(t->b, t->tokens);
    return VS_OK;
}

/* Steps on n_groups groups of n solutions, the first n_right of them right. The learning rate is 0: all steps meet the
 * same model. */
static vs_status train(vs_bench *b, vs_loss_kind kind, bool is_adapter, size_t n_groups, size_t n,
                       size_t n_right, vs_error *err)
{
    const vs_train_options o = {.lr = 0.0,
                                .schedule = VS_CONSTANT,
                                .beta1 = 0.9,
                                .beta2 = 0.98,
                                .eps = 1e-8,
                                .clip = 1.0,
                                .steps = vs_bench_laps(b),
                                .batch = n_groups,
                                .micro_tokens = MICRO_TOKENS,
                                .keep_mb = KEEP_MB,
                                .beta = 0.1};
    const vs_lora_config lora = {
        .rank = ADAPTER_RANK, .alpha = ADAPTER_RANK, .targets = (1U << VS_N_LINEAR) - 1};
    groups g = {.solution = NULL};
    training t = {b, vs_alloc(n_groups, sizeof *t.example), n_groups,
                  n_groups * n * vs_bench_new(b)};
    double *ref = vs_alloc(n, sizeof *ref);
    vs_model *adapter = NULL;
    vs_trainer *trainer = NULL;
    vs_status st;

    if (!t.example || !ref) {
        st = VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");
        goto done;
    }
    VS_CHECK(groups_open(&g, b, n_groups, n, err));
    for (size_t i = 0; i < n_groups; i++)
        t.example[i] = (vs_example){.group = g.group[i], .n_right = n_right, .ref_logp = ref};
    if (is_adapter) VS_CHECK(vs_adapter_create(&adapter, vs_bench_opened(b)->base, &lora, 1, err));
    VS_CHECK(vs_trainer_open(&trainer, adapter ? adapter : vs_bench_opened(b)->model, kind, &o,
                             o.steps, NULL, err));
    st = vs_trainer_run(trainer, give_examples, lap_step, &t, err);
done:
    vs_trainer_close(trainer);
    vs_model_close(adapter);
    free(g.solution);
    free(t.example);
    free(ref);
    return st;
}

static vs_status run_sft(vs_bench *b, vs_bench_size z, vs_error *err)
{
    return train(b, VS_LOSS_SFT, false, z.a, 1, 1, err);
}

static vs_status run_sft_lora(vs_bench *b, vs_bench_size z, vs_error *err)
{
    return train(b, VS_LOSS_SFT, true, z.a, 1, 1, err);
}

static vs_status run_dpo(vs_bench *b, vs_bench_size z, vs_error *err)
{
    return train(b, VS_LOSS_DPO, false, 1, z.a + z.b, z.a, err);
}

static vs_status run_dpo_lora(vs_bench *b, vs_bench_size z, vs_error *err)
{
    return train(b, VS_LOSS_DPO, true, 1, z.a + z.b, z.a, err);
}

/* Every matrix product of one pass over z.a rows, head included: weights come from memory, as in a model. */
static vs_status run_kernels(vs_bench *b, vs_bench_size z, vs_error *err)
{
    const vs_base *base = vs_bench_opened(b)->base;
    const vs_config *c = &base->config;
    size_t widest = VS_VOCAB_TILE, deepest = c->n_embd;

    for (int i = 0; i < VS_N_LIN; i++) {
        const vs_lin *lin = &base->layers[0].lin[i];
        if (lin->n > widest) widest = lin->n;
        if (lin->k > deepest) deepest = lin->k;
    }
    float *x = vs_alloc(z.a * deepest, sizeof *x), *y = vs_alloc(z.a * widest, sizeof *y);
    vs_status st = x && y ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "bench: out of memory");

    while (st == VS_OK) {
        for (size_t l = 0; l < c->n_layers; l++)
            for (int i = 0; i < VS_N_LIN; i++) {
                const vs_lin *lin = &base->layers[l].lin[i];
                vs_matmul(base->ops, y, lin->n, x, lin->k, &lin->fwd, z.a, false);
            }
        for (size_t v = 0; v < c->n_vocab; v += VS_VOCAB_TILE)
            vs_matmul_cols(base->ops, y, VS_VOCAB_TILE, x, c->n_embd, &base->head_fwd, v,
                           c->n_vocab - v < VS_VOCAB_TILE ? c->n_vocab - v : VS_VOCAB_TILE, z.a,
                           false);
        if (!vs_bench_lap(b, z.a)) break;
    }
    free(x);
    free(y);
    return st;
}

const vs_bench_workload vs_bench_workloads[] = {
    {"decode", "1x16", 'x', VS_BENCH_SOLVED, run_decode, decode_cost, false},
    {"prefill", "512", 0, VS_BENCH_SIZED, run_prefill, prefill_cost, false},
    {"score", "64", 0, VS_BENCH_SOLVED, run_score, score_cost, false},
    {"sft", "16", 0, VS_BENCH_SOLVED, run_sft, sft_cost, true},
    {"sft-lora", "16", 0, VS_BENCH_SOLVED, run_sft_lora, sft_lora_cost, false},
    {"dpo", "8+8", '+', VS_BENCH_SOLVED, run_dpo, dpo_cost, true},
    {"dpo-lora", "8+8", '+', VS_BENCH_SOLVED, run_dpo_lora, dpo_lora_cost, false},
    {"kernels", "512", 0, VS_BENCH_NONE, run_kernels, kernels_cost, false},
};
const size_t vs_bench_n_workloads = sizeof vs_bench_workloads / sizeof *vs_bench_workloads;

/* -- shapes -- */

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
    {"tiny",
     {.n_layers = 4,
      .n_embd = 128,
      .n_heads = 4,
      .n_kv_heads = 2,
      .head_dim = 32,
      .n_ffn = 384,
      .n_vocab = 6400,
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

typedef struct drawing {
    const vs_config *c;
    size_t n; /* tensors drawn */
} drawing;

static vs_status draw_tensor(void *ctx, float *to, const vs_tensor *t, vs_error *err)
{
    drawing *d = ctx;
    (void)err;

    vs_tensor_init(to, t, d->n++, d->c, SEED);
    return VS_OK;
}

vs_status vs_bench_shape(vs_base **out, const char *name, vs_compute compute, bool trainable,
                         vs_error *err)
{
    drawing d = {0};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(name, shapes[i].name) == 0) d.c = &shapes[i].config;
    if (!d.c)
        return VS_FAIL(err, VS_E_USAGE, "--shape: found '%.60s', expected 135m, tiny or demo",
                       name);
    return trainable ? vs_base_create_fresh(out, d.c, SEED, err)
                     : vs_base_load(out, d.c, draw_tensor, &d, compute, err);
}
