/* decode.c - many prompts, n branches each, as a stream of steps over whatever is alive.
 *
 * A step computes one token of every live branch. Rows are ordered by problem, so that branches of
 * a problem share one look at their prompt. Small models give each thread rows of its own (a
 * "lane"); large ones split every product over all threads. */
#include "engine/decode/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "base/threads.h"
#include "engine/decode/sampler.h"
#include "engine/model/group.h"

enum {
    /* Of a small model, keys and values stay in a thread's caches, of so many rows at least. */
    LANE_KV_BYTES = 4 << 20,
    LANE_ROWS = 16,
    FIRST_CAP = 64,  /* tokens of a fresh segment */
    LOGIT_ROWS = 64, /* rows of logits at once */
};

const char *const vs_finish_name[3] = {"stop", "string", "length"};

typedef struct branch {
    size_t problem, index; /* index: of the sample, counted from the problem's first */
    vs_seg seg;
    int32_t *ids;
    float *logprobs;
    size_t n, cap_ids, cap_logprobs;
    size_t max_tokens;
    vs_buf text; /* decoded so far; with stop strings only */
    vs_finish finish;
    bool done;
} branch;

/* A problem that has been admitted and not yet handed over. */
typedef struct open_problem {
    size_t problem;
    vs_seg prompt;
    float *logits; /* [V] after the prompt */
    float max, sum;
    branch *branches; /* [n]; the first `admitted` are in use */
    size_t admitted, finished;
} open_problem;

typedef struct lane {
    vs_work work;
    vs_sampler *samplers; /* [n_threads] */
    size_t n_threads;
    float *hidden, *logits, *max, *sum; /* [max_rows][C], [max_logit_rows][..] */
    int32_t *tokens, *pos, *drawn;
    vs_span *spans;
    vs_attn_group *groups;
    size_t max_rows, max_logit_rows;
    vs_status st;
    vs_error err;
} lane;

typedef struct decoder {
    const vs_model *m;
    const vs_decode_problem *problems;
    size_t n_problems;
    const vs_decode_options *o;
    lane *lanes;
    size_t rows, n_lanes;
    open_problem *open; /* queue in order of problems: [first, first + n_open) of a ring would do;
                           kept compact */
    size_t n_open, cap_open, next_problem;
    branch **live; /* [rows] ordered by problem */
    size_t n_live;
} decoder;

size_t vs_stop_cut(const char *text, size_t len, const char *const *stop, size_t n_stop)
{
    size_t cut = len;

    for (size_t i = 0; i < n_stop; i++) {
        const char *at = memmem(text, cut, stop[i], strlen(stop[i]));
        if (at) cut = (size_t)(at - text);
    }
    return cut;
}

/* -- segments -- */

static vs_status seg_open(const vs_model *m, vs_seg *seg, size_t cap, vs_error *err)
{
    *seg = (vs_seg){.cap = vs_round16(cap)};
    seg->data = vs_alloc(vs_seg_floats(&m->shape, seg->cap), sizeof(float));
    return seg->data ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "keys and values of %zu tokens", cap);
}

/* Doubles the room: keys lie in blocks of 16 tokens, values by 16 columns. */
static vs_status seg_grow(const vs_model *m, vs_seg *seg, vs_error *err)
{
    const vs_attn_shape *s = &m->shape;
    const size_t d = s->head_dim, d16 = vs_round16(d);
    vs_seg big;

    VS_TRY(seg_open(m, &big, seg->cap * 2, err));
    for (size_t l = 0; l < s->n_layers; l++) {
        for (size_t h = 0; h < s->n_kv_heads; h++) {
            memcpy(vs_seg_k(s, &big, l, h), vs_seg_k(s, seg, l, h), seg->cap * d * sizeof(float));
            for (size_t p = 0; p < d16 / 16; p++)
                memcpy(vs_seg_v(s, &big, l, h) + p * big.cap * 16,
                       vs_seg_v(s, seg, l, h) + p * seg->cap * 16, seg->cap * 16 * sizeof(float));
        }
    }
    big.len = seg->len;
    free(seg->data);
    *seg = big;
    return VS_OK;
}

/* -- one branch -- */

/* Tokens that a completion after a prompt of n_prompt may have: the last one needs no position. */
static size_t completion_limit(const decoder *d, size_t n_prompt)
{
    const size_t room = d->m->base->config.n_positions - n_prompt + 1;

    return d->o->max_tokens < room ? d->o->max_tokens : room;
}

static bool is_end(const vs_config *c, int32_t id)
{
    for (size_t i = 0; i < c->n_eos; i++)
        if (c->eos_ids[i] == id) return true;
    return false;
}

/* Appends a drawn token and decides whether the branch ends here. */
static vs_status take_token(const decoder *d, branch *b, int32_t id, float logprob, vs_error *err)
{
    if (!vs_grow(&b->ids, &b->cap_ids, b->n + 1, sizeof *b->ids) ||
        !vs_grow(&b->logprobs, &b->cap_logprobs, b->n + 1, sizeof *b->logprobs))
        return VS_FAIL(err, VS_E_NOMEM, "completion of %zu tokens", b->n + 1);
    b->ids[b->n] = id;
    b->logprobs[b->n++] = logprob;
    if (is_end(&d->m->base->config, id)) {
        b->finish = VS_FINISH_STOP;
        b->done = true;
        return VS_OK;
    }
    if (d->o->n_stop) {
        VS_TRY(vs_token_bytes(&b->text, d->o->tokenizer, id, err));
        VS_TRY(vs_buf_ok(&b->text, "completion", err));
        if (b->text.len &&
            vs_stop_cut(b->text.data, b->text.len, d->o->stop, d->o->n_stop) < b->text.len) {
            b->finish = VS_FINISH_STRING;
            b->done = true;
            return VS_OK;
        }
    }
    if (b->n == b->max_tokens) {
        b->finish = VS_FINISH_LENGTH;
        b->done = true;
    }
    return VS_OK;
}

static int32_t draw(const decoder *d, const vs_sampler *s, const branch *b, const float *logits)
{
    const vs_decode_problem *p = &d->problems[b->problem];
    const double u = vs_rng_at(d->o->key, p->key, (uint32_t)(p->first + b->index), (uint32_t)b->n);

    return vs_sampler_draw(s, logits, d->o, u);
}

/* -- admission -- */

static void branch_close(branch *b)
{
    free(b->seg.data);
    free(b->ids);
    free(b->logprobs);
    vs_buf_free(&b->text);
}

static void open_problem_close(const decoder *d, open_problem *p)
{
    for (size_t i = 0; p->branches && i < d->problems[p->problem].n; i++)
        branch_close(&p->branches[i]);
    free(p->branches);
    free(p->prompt.data);
    free(p->logits);
}

static vs_status open_next(decoder *d, vs_error *err)
{
    const size_t id = d->next_problem;
    const vs_decode_problem *p = &d->problems[id];
    open_problem *q;

    if (!vs_grow(&d->open, &d->cap_open, d->n_open + 1, sizeof *d->open))
        return VS_FAIL(err, VS_E_NOMEM, "decoding queue");
    q = &d->open[d->n_open];
    memset(q, 0, sizeof *q);
    q->problem = id;
    d->n_open++;
    d->next_problem++;
    q->branches = vs_alloc(p->n, sizeof *q->branches);
    q->logits = vs_alloc(d->m->base->config.n_vocab, sizeof *q->logits);
    if (!q->branches || !q->logits) return VS_FAIL(err, VS_E_NOMEM, "%zu branches", p->n);
    return seg_open(d->m, &q->prompt, p->n_prompt, err);
}

/* The problem's prompt in one pass; the logits after its last token stay. */
static void prefill(decoder *d, open_problem *q)
{
    lane *l = &d->lanes[0];
    const vs_config *c = &d->m->base->config;
    const vs_decode_problem *p = &d->problems[q->problem];
    const size_t n = p->n_prompt;
    vs_span span = {.seg = &q->prompt, .n = n};
    const vs_attn_group group = {.spans = &span, .n_spans = 1};
    const vs_batch b = {
        .tokens = p->prompt, .pos = l->pos, .n_rows = n, .groups = &group, .n_groups = 1};

    for (size_t t = 0; t < n; t++) l->pos[t] = (int32_t)t;
    vs_forward(d->m, &b, &l->work, l->hidden, NULL);
    q->prompt.len = n;
    vs_head_logits(d->m, l->hidden + (n - 1) * c->n_embd, 1, q->logits, c->n_vocab, &q->max,
                   &q->sum);
}

/* What the problem's remaining branches do not read. */
static void free_read(const decoder *d, open_problem *q)
{
    const size_t n = d->problems[q->problem].n;

    if (q->admitted == n) {
        free(q->logits);
        q->logits = NULL;
    }
    if (q->finished == n) {
        free(q->prompt.data);
        q->prompt.data = NULL;
    }
}

/* Starts one more branch of the problem: its first token comes from the prompt's logits. */
static vs_status admit(decoder *d, open_problem *q, vs_error *err)
{
    const vs_decode_problem *p = &d->problems[q->problem];
    branch *b = &q->branches[q->admitted];

    b->problem = q->problem;
    b->index = q->admitted++;
    b->max_tokens = completion_limit(d, p->n_prompt);
    const int32_t id = draw(d, &d->lanes[0].samplers[0], b, q->logits);

    VS_TRY(take_token(d, b, id, vs_logprob_of(q->logits[id], q->max, q->sum), err));
    if (b->done) {
        q->finished++;
    } else {
        VS_TRY(seg_open(d->m, &b->seg, FIRST_CAP, err));
        d->live[d->n_live++] = b;
    }
    free_read(d, q);
    return VS_OK;
}

/* Opens, prefills and admits until all rows are taken or nothing waits. */
static vs_status fill_rows(decoder *d, vs_error *err)
{
    while (d->n_live < d->rows) {
        open_problem *last = d->n_open ? &d->open[d->n_open - 1] : NULL;
        if (last && last->admitted < d->problems[last->problem].n) {
            VS_TRY(admit(d, last, err));
            continue;
        }
        if (d->next_problem == d->n_problems) return VS_OK;
        VS_TRY(open_next(d, err));
        prefill(d, &d->open[d->n_open - 1]);
    }
    return VS_OK;
}

/* -- one step -- */

typedef struct draw_job {
    const decoder *d;
    lane *l;
    branch **live;
} draw_job;

static void draw_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const draw_job *j = ctx;

    for (size_t i = begin; i < end; i++)
        j->l->drawn[i] = draw(j->d, &j->l->samplers[thread], j->live[i],
                              j->l->logits + i * j->d->m->base->config.n_vocab);
}

static vs_status lane_step(const decoder *d, lane *l, branch **live, size_t n, vs_error *err)
{
    const size_t v = d->m->base->config.n_vocab, c = d->m->base->config.n_embd;
    vs_batch batch = {.tokens = l->tokens, .pos = l->pos, .n_rows = n, .groups = l->groups};

    for (size_t i = 0; i < n; i++) {
        branch *b = live[i];
        const vs_decode_problem *p = &d->problems[b->problem];
        if (b->seg.len == b->seg.cap) VS_TRY(seg_grow(d->m, &b->seg, err));
        l->tokens[i] = b->ids[b->n - 1];
        l->pos[i] = (int32_t)(p->n_prompt + b->seg.len);
        l->spans[i] = (vs_span){.seg = &b->seg, .row = i, .n = 1, .start = b->seg.len};
        if (i == 0 || live[i - 1]->problem != b->problem) {
            const open_problem *q = d->open;
            while (q->problem != b->problem) q++;
            l->groups[batch.n_groups++] = (vs_attn_group){
                .prompt = &q->prompt, .n_prompt = p->n_prompt, .spans = &l->spans[i]};
        }
        l->groups[batch.n_groups - 1].n_spans++;
    }
    vs_forward(d->m, &batch, &l->work, l->hidden, NULL);
    for (size_t at = 0; at < n; at += l->max_logit_rows) {
        const size_t k = n - at < l->max_logit_rows ? n - at : l->max_logit_rows;
        vs_head_logits(d->m, l->hidden + at * c, k, l->logits, v, l->max, l->sum);
        draw_job job = {d, l, live + at};
        vs_parallel_range(k, 20.0 * (double)v, l->n_threads, draw_range, &job);
        for (size_t i = 0; i < k; i++) {
            const int32_t id = l->drawn[i];
            live[at + i]->seg.len++;
            VS_TRY(take_token(d, live[at + i], id,
                              vs_logprob_of(l->logits[i * v + (size_t)id], l->max[i], l->sum[i]),
                              err));
        }
    }
    return VS_OK;
}

typedef struct lanes_job {
    const decoder *d;
    size_t n_lanes;
} lanes_job;

static void lane_part(void *ctx, size_t id, size_t thread)
{
    const lanes_job *j = ctx;
    const decoder *d = j->d;
    const size_t begin = d->n_live * id / j->n_lanes, end = d->n_live * (id + 1) / j->n_lanes;
    lane *l = &d->lanes[id];
    (void)thread;

    l->st = lane_step(d, l, d->live + begin, end - begin, &l->err);
}

static vs_status step(decoder *d, vs_error *err)
{
    const size_t n = d->n_live, lanes = n < d->n_lanes ? n : d->n_lanes;
    lanes_job job = {d, lanes};

    if (lanes == 1) return lane_step(d, &d->lanes[0], d->live, n, err);
    vs_run_parts(lanes, lane_part, &job);
    for (size_t i = 0; i < lanes; i++) {
        if (d->lanes[i].st == VS_OK) continue;
        if (err) *err = d->lanes[i].err;
        return d->lanes[i].st;
    }
    return VS_OK;
}

/* -- retirement -- */

static void retire(decoder *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->n_live; i++) {
        branch *b = d->live[i];
        open_problem *q = d->open;
        if (!b->done) {
            d->live[kept++] = b;
            continue;
        }
        while (q->problem != b->problem) q++;
        q->finished++;
        free(b->seg.data);
        b->seg.data = NULL;
        free_read(d, q);
    }
    d->n_live = kept;
}

static vs_status hand_over(decoder *d, open_problem *q, vs_decode_fn fn, void *ctx, vs_error *err)
{
    const size_t n = d->problems[q->problem].n;
    vs_completion *c = vs_alloc(n, sizeof *c);
    vs_status st;

    if (!c) return VS_FAIL(err, VS_E_NOMEM, "%zu completions", n);
    for (size_t i = 0; i < n; i++) {
        const branch *b = &q->branches[i];
        c[i] =
            (vs_completion){.ids = b->ids, .logprobs = b->logprobs, .n = b->n, .finish = b->finish};
    }
    st = fn(ctx, q->problem, c, n, err);
    free(c);
    return st;
}

/* Problems leave in order; one that is done early waits for those before it. */
static vs_status emit_finished(decoder *d, vs_decode_fn fn, void *ctx, vs_error *err)
{
    size_t done = 0;
    vs_status st = VS_OK;

    while (st == VS_OK && done < d->n_open &&
           d->open[done].finished == d->problems[d->open[done].problem].n)
        st = hand_over(d, &d->open[done++], fn, ctx, err);
    for (size_t i = 0; i < done; i++) open_problem_close(d, &d->open[i]);
    if (done) memmove(d->open, d->open + done, (d->n_open - done) * sizeof *d->open);
    d->n_open -= done;
    return st;
}

/* -- opening -- */

/* Branches of a small model whose keys and values a thread's caches hold: a step goes through all of them. */
static size_t rows_in_cache(const decoder *d)
{
    const vs_attn_shape *s = &d->m->shape;
    const size_t tokens = vs_round16(completion_limit(d, 0));
    const size_t rows = LANE_KV_BYTES / sizeof(float) / vs_seg_floats(s, tokens);

    return rows > LANE_ROWS ? rows : LANE_ROWS;
}

/* A lane's share of the rows; the first one computes prompts too. */
static vs_status lane_open(decoder *d, lane *l, size_t longest_prompt, vs_error *err)
{
    const vs_config *c = &d->m->base->config;
    vs_work_size size = {.n_threads = d->n_lanes > 1 ? 1 : vs_threads()};

    l->max_rows = (d->rows + d->n_lanes - 1) / d->n_lanes;
    l->max_logit_rows = l->max_rows < LOGIT_ROWS ? l->max_rows : LOGIT_ROWS;
    if (l == d->lanes && longest_prompt > l->max_rows) l->max_rows = longest_prompt;
    size.max_rows = l->max_rows;
    size.max_keys = longest_prompt + completion_limit(d, longest_prompt);
    VS_TRY(vs_work_open(&l->work, d->m, &size, err));
    l->n_threads = size.n_threads;
    l->samplers = vs_alloc(l->n_threads, sizeof *l->samplers);
    if (!l->samplers) return VS_FAIL(err, VS_E_NOMEM, "sampling by %zu threads", l->n_threads);
    for (size_t i = 0; i < l->n_threads; i++) {
        vs_sampler *s = &l->samplers[i];
        *s = (vs_sampler){.ops = d->m->base->ops, .n_vocab = c->n_vocab};
        s->weights = vs_alloc(c->n_vocab, sizeof *s->weights);
        s->order = vs_alloc(c->n_vocab, sizeof *s->order);
        if (!s->weights || !s->order)
            return VS_FAIL(err, VS_E_NOMEM, "sampling from %zu tokens", c->n_vocab);
    }
    l->drawn = vs_alloc(l->max_logit_rows, sizeof *l->drawn);
    l->hidden = vs_alloc(l->max_rows * c->n_embd, sizeof *l->hidden);
    l->logits = vs_alloc(l->max_logit_rows * c->n_vocab, sizeof *l->logits);
    l->max = vs_alloc(l->max_logit_rows, sizeof *l->max);
    l->sum = vs_alloc(l->max_logit_rows, sizeof *l->sum);
    l->tokens = vs_alloc(l->max_rows, sizeof *l->tokens);
    l->pos = vs_alloc(l->max_rows, sizeof *l->pos);
    l->spans = vs_alloc(l->max_rows, sizeof *l->spans);
    l->groups = vs_alloc(l->max_rows, sizeof *l->groups);
    if (!l->drawn || !l->hidden || !l->logits || !l->max || !l->sum || !l->tokens || !l->pos ||
        !l->spans || !l->groups)
        return VS_FAIL(err, VS_E_NOMEM, "decoding of %zu rows", l->max_rows);
    return VS_OK;
}

static void lane_close(lane *l)
{
    vs_work_close(&l->work);
    for (size_t i = 0; l->samplers && i < l->n_threads; i++) {
        free(l->samplers[i].weights);
        free(l->samplers[i].order);
    }
    free(l->samplers);
    free(l->drawn);
    free(l->hidden);
    free(l->logits);
    free(l->max);
    free(l->sum);
    free(l->tokens);
    free(l->pos);
    free(l->spans);
    free(l->groups);
}

static vs_status decoder_open(decoder *d, vs_error *err)
{
    const vs_config *c = &d->m->base->config;
    size_t longest = 0;

    if (d->o->n_stop && !d->o->tokenizer)
        return VS_FAIL(err, VS_E_INPUT, "stop strings need a tokenizer, the model folder has none");
    if (d->o->rows == 0 || d->o->max_tokens == 0)
        return VS_FAIL(err, VS_E_INPUT, "sampling needs at least one row and one token");
    for (size_t i = 0; i < d->n_problems; i++) {
        const vs_group g = {.prompt = d->problems[i].prompt, .n_prompt = d->problems[i].n_prompt};
        char where[48];
        snprintf(where, sizeof where, "problem %zu", i + 1);
        VS_TRY(vs_group_check(&g, c, where, err));
        if (g.n_prompt > longest) longest = g.n_prompt;
    }
    const bool is_small = vs_model_is_small(d->m);
    d->n_lanes = is_small ? vs_threads() : 1;
    const size_t most = is_small ? d->n_lanes * rows_in_cache(d) : SIZE_MAX;
    d->rows = d->o->rows < most ? d->o->rows : most;
    d->lanes = vs_alloc(d->n_lanes, sizeof *d->lanes);
    d->live = vs_alloc(d->rows, sizeof *d->live);
    if (!d->lanes || !d->live) return VS_FAIL(err, VS_E_NOMEM, "decoding");
    for (size_t i = 0; i < d->n_lanes; i++) VS_TRY(lane_open(d, &d->lanes[i], longest, err));
    return VS_OK;
}

static void decoder_close(decoder *d)
{
    for (size_t i = 0; d->lanes && i < d->n_lanes; i++) lane_close(&d->lanes[i]);
    for (size_t i = 0; i < d->n_open; i++) open_problem_close(d, &d->open[i]);
    free(d->lanes);
    free(d->live);
    free(d->open);
}

vs_status vs_decode_run(const vs_model *m, const vs_decode_problem *problems, size_t n_problems,
                        const vs_decode_options *o, vs_decode_fn fn, void *ctx, vs_error *err)
{
    vs_status st;
    decoder d = {.m = m, .problems = problems, .n_problems = n_problems, .o = o};

    VS_CHECK(decoder_open(&d, err));
    for (;;) {
        if (vs_stop_wanted()) {
            st = VS_FAIL(err, VS_E_STOPPED, "stopped while sampling problem %zu of %zu",
                         d.next_problem, n_problems);
            goto done;
        }
        VS_CHECK(fill_rows(&d, err));
        VS_CHECK(emit_finished(&d, fn, ctx, err));
        if (d.n_live == 0 && d.n_open == 0 && d.next_problem == n_problems) break;
        if (d.n_live) VS_CHECK(step(&d, err));
        retire(&d);
        VS_CHECK(emit_finished(&d, fn, ctx, err));
    }
    st = VS_OK;
done:
    decoder_close(&d);
    return st;
}
