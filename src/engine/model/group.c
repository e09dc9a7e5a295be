/* group.c - rows of whole groups: layout, and scoring of given solutions. */
#include "engine/model/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"

size_t vs_solution_rows(const vs_solution *s)
{
    return s->n - 1 + s->reads_last;
}

size_t vs_group_rows(const vs_group *g)
{
    size_t rows = g->n_prompt;

    for (size_t i = 0; i < g->n_solutions; i++) rows += vs_solution_rows(&g->solutions[i]);
    return rows;
}

size_t vs_group_tokens(const vs_group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_solutions; i++) n += g->solutions[i].n;
    return n;
}

size_t vs_group_keys(const vs_group *g)
{
    size_t longest = 0;

    for (size_t i = 0; i < g->n_solutions; i++)
        if (g->solutions[i].n > longest) longest = g->solutions[i].n;
    return g->n_prompt + longest;
}

static vs_status check_ids(const int32_t *ids, size_t n, const char *what, const vs_config *c,
                           const char *where, vs_error *err)
{
    if (n == 0)
        return VS_FAIL(err, VS_E_INPUT, "%s: the %s has no tokens, expected at least one", where,
                       what);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= c->n_vocab)
            return VS_FAIL(err, VS_E_INPUT, "%s: token %zu of the %s is %d, expected 0 to %zu",
                           where, i, what, ids[i], c->n_vocab - 1);
    return VS_OK;
}

vs_status vs_group_check(const vs_group *g, const vs_config *c, const char *where, vs_error *err)
{
    VS_TRY(check_ids(g->prompt, g->n_prompt, "prompt", c, where, err));
    if (g->n_prompt > c->n_positions)
        return VS_FAIL(err, VS_E_INPUT, "%s: the prompt has %zu tokens, the model takes %zu", where,
                       g->n_prompt, c->n_positions);
    for (size_t i = 0; i < g->n_solutions; i++) {
        const vs_solution *s = &g->solutions[i];
        VS_TRY(check_ids(s->ids, s->n, "completion", c, where, err));
        if (vs_solution_rows(s) > c->n_positions - g->n_prompt)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: prompt and completion have %zu tokens, the model takes %zu", where,
                           g->n_prompt + s->n, c->n_positions + !s->reads_last);
    }
    return VS_OK;
}

/* A prompt that serves several batches, each with some of its group's solutions. */
typedef struct kept_prompt {
    vs_seg seg;    /* of all layers; len 0: not computed yet */
    float *hidden; /* [C] of its last token */
} kept_prompt;

/* Counts that size a batch. */
typedef struct row_counts {
    size_t rows, tokens, solutions;
} row_counts;

static row_counts count_rows(const vs_group *groups, size_t n)
{
    row_counts k = {0};

    for (size_t i = 0; i < n; i++) {
        k.rows += vs_group_rows(&groups[i]);
        k.tokens += vs_group_tokens(&groups[i]);
        k.solutions += groups[i].n_solutions;
    }
    return k;
}

/* Where the builder stands. */
typedef struct row_cursor {
    vs_rows *out;
    vs_arena *arena;
    vs_attn_shape kv;  /* of one layer */
    kept_prompt *kept; /* the only group's; NULL: prompts are of this batch alone */
    int32_t *tokens, *pos;
    vs_seg *segs;
    vs_span *spans;
    vs_attn_group *groups;
    uint32_t *row_of;   /* [tokens] batch row that predicts target i, in data order */
    uint32_t *read_row; /* [tokens] batch row of that token itself */
    int32_t *id_of;
    size_t row, seg, span, group, target;
} row_cursor;

/* One run of tokens as a span. */
static vs_span *put_span(row_cursor *c, vs_seg *seg, const int32_t *ids, size_t n, size_t first_pos)
{
    vs_span *span = &c->spans[c->span++];

    *span = (vs_span){.seg = seg, .row = c->row, .n = n, .start = 0};
    for (size_t i = 0; i < n; i++) {
        c->tokens[c->row] = ids[i];
        c->pos[c->row++] = (int32_t)(first_pos + i);
    }
    return span;
}

/* Room for n tokens, zeroed. */
static bool open_seg(vs_seg *seg, const vs_attn_shape *kv, vs_arena *arena, size_t n)
{
    *seg = (vs_seg){.cap = vs_round16(n ? n : 1), .has_one_layer = kv->n_layers == 1};
    seg->data = vs_arena_push(arena, vs_seg_floats(kv, seg->cap), sizeof(float));
    if (!seg->data) return false;
    memset(seg->data, 0, vs_seg_floats(kv, seg->cap) * sizeof(float));
    return true;
}

/* A segment of this batch; NULL: no memory. */
static vs_seg *put_seg(row_cursor *c, size_t n)
{
    vs_seg *seg = &c->segs[c->seg++];

    if (!open_seg(seg, &c->kv, c->arena, n)) return NULL;
    seg->len = n;
    return seg;
}

static bool is_computed(const kept_prompt *kept)
{
    return kept && kept->seg.len > 0;
}

/* Its segment, and the row of its last token; NULL: no memory. */
static const vs_seg *put_prompt(row_cursor *c, const vs_group *g, uint32_t *last)
{
    vs_seg *seg = c->kept ? &c->kept->seg : put_seg(c, g->n_prompt);
    const vs_span *span;

    if (is_computed(c->kept)) *last = (uint32_t)c->out->batch.n_rows;
    if (!seg || is_computed(c->kept)) return seg;
    span = put_span(c, seg, g->prompt, g->n_prompt, 0);
    *last = (uint32_t)(c->row - 1);
    c->groups[c->group++] = (vs_attn_group){.spans = span, .n_spans = 1};
    return seg;
}

static bool put_group(row_cursor *c, const vs_group *g, uint32_t *last)
{
    const vs_seg *prompt = put_prompt(c, g, last);
    const vs_span *first = &c->spans[c->span];
    size_t n_spans = 0;

    if (!prompt) return false;
    for (size_t i = 0; i < g->n_solutions; i++) {
        const vs_solution *s = &g->solutions[i];
        const size_t rows = vs_solution_rows(s);
        vs_seg *seg;
        for (size_t t = 0; t < s->n; t++) {
            c->row_of[c->target] = (uint32_t)(t == 0 ? *last : c->row + t - 1);
            c->read_row[c->target] = t < rows ? (uint32_t)(c->row + t) : VS_NO_ROW;
            c->id_of[c->target++] = s->ids[t];
        }
        if (rows == 0) continue;
        seg = put_seg(c, rows);
        if (!seg) return false;
        put_span(c, seg, s->ids, rows, g->n_prompt);
        n_spans++;
    }
    if (n_spans)
        c->groups[c->group++] = (vs_attn_group){
            .prompt = prompt, .n_prompt = g->n_prompt, .spans = first, .n_spans = n_spans};
    return true;
}

/* Sorts targets by batch row (counting sort, stable: data order within a row) and numbers the rows
 * that have any. */
static bool sort_targets(row_cursor *c, size_t n_rows)
{
    const size_t n = c->target;
    uint32_t *begin = vs_arena_push(c->arena, n_rows + 1, sizeof *begin);
    uint32_t *row = vs_arena_push(c->arena, n, sizeof *row);
    int32_t *id = vs_arena_push(c->arena, n, sizeof *id);
    uint32_t *rank = vs_arena_push(c->arena, n, sizeof *rank);
    uint32_t *gather = vs_arena_push(c->arena, n_rows, sizeof *gather);
    size_t n_gather = 0, at = 0;

    if (!begin || !row || !id || !rank || !gather) return false;
    memset(begin, 0, (n_rows + 1) * sizeof *begin);
    for (size_t i = 0; i < n; i++) begin[c->row_of[i]]++;
    for (size_t r = 0; r < n_rows; r++) {
        const uint32_t count = begin[r];
        begin[r] = (uint32_t)at;
        for (uint32_t k = 0; k < count; k++) row[at++] = (uint32_t)n_gather;
        if (count) gather[n_gather++] = (uint32_t)r;
    }
    for (size_t i = 0; i < n; i++) {
        rank[i] = begin[c->row_of[i]]++;
        id[rank[i]] = c->id_of[i];
    }
    c->out->targets = (vs_targets){.n_rows = n_gather, .n = n, .row = row, .id = id};
    c->out->gather = gather;
    c->out->target_rank = rank;
    return true;
}

static vs_status build_rows(vs_rows *out, vs_arena *arena, const vs_model *m,
                            const vs_group *groups, size_t n_groups, kept_prompt *kept,
                            vs_error *err)
{
    row_counts k = count_rows(groups, n_groups);
    row_cursor c = {.out = out, .arena = arena, .kv = m->shape, .kept = kept};
    bool ok;

    memset(out, 0, sizeof *out);
    /* Rows beyond the positions would read behind the rotation's tables, ids beyond the vocabulary behind the embedding. */
    for (size_t i = 0; i < n_groups; i++)
        VS_TRY(vs_group_check(&groups[i], &m->base->config, "a group", err));
    out->arena = arena;
    out->n_solutions = k.solutions;
    c.kv.n_layers = 1;
    if (is_computed(kept)) k.rows -= groups[0].n_prompt;
    c.tokens = vs_arena_push(arena, k.rows, sizeof *c.tokens);
    c.pos = vs_arena_push(arena, k.rows, sizeof *c.pos);
    c.segs = vs_arena_push(arena, k.solutions + n_groups, sizeof *c.segs);
    c.spans = vs_arena_push(arena, k.solutions + n_groups, sizeof *c.spans);
    c.groups = vs_arena_push(arena, 2 * n_groups, sizeof *c.groups);
    c.row_of = vs_arena_push(arena, k.tokens, sizeof *c.row_of);
    c.read_row = out->read_row = vs_arena_push(arena, k.tokens, sizeof *c.read_row);
    c.id_of = vs_arena_push(arena, k.tokens, sizeof *c.id_of);
    out->prompt_row = vs_arena_push(arena, n_groups, sizeof *out->prompt_row);
    out->batch = (vs_batch){.tokens = c.tokens, .pos = c.pos, .n_rows = k.rows, .groups = c.groups};
    ok = c.tokens && c.pos && c.segs && c.spans && c.groups && c.row_of && c.read_row && c.id_of &&
         out->prompt_row;
    for (size_t i = 0; ok && i < n_groups; i++) ok = put_group(&c, &groups[i], &out->prompt_row[i]);
    if (!ok || !sort_targets(&c, k.rows + is_computed(kept)))
        return VS_FAIL(err, VS_E_NOMEM, "batch of %zu rows of tokens", k.rows);
    out->batch.n_groups = c.group;
    return VS_OK;
}

vs_status vs_rows_build(vs_rows *out, vs_arena *arena, const vs_model *m, const vs_group *groups,
                        size_t n_groups, vs_error *err)
{
    return build_rows(out, arena, m, groups, n_groups, NULL, err);
}

/* -- scoring -- */

struct vs_scorer {
    const vs_model *m;
    size_t max_rows;
    vs_work work;
    size_t work_keys;  /* what the scratch was made for, beside its rows */
    vs_arena *arena;   /* of a batch */
    vs_arena *prompts; /* of a group in pieces */
};

vs_status vs_scorer_open(vs_scorer **out, const vs_model *m, size_t max_rows, vs_error *err)
{
    vs_status st;
    vs_scorer *s = vs_alloc(1, sizeof *s);

    if (!s) return VS_FAIL(err, VS_E_NOMEM, "scorer");
    s->m = m;
    s->max_rows = max_rows;
    VS_CHECK(vs_arena_open(&s->arena, 1 << 20, err));
    VS_CHECK(vs_arena_open(&s->prompts, 1 << 12, err));
    *out = s;
    s = NULL;
done:
    vs_scorer_close(s);
    return st;
}

void vs_scorer_close(vs_scorer *s)
{
    if (!s) return;
    vs_work_close(&s->work);
    vs_arena_close(s->arena);
    vs_arena_close(s->prompts);
    free(s);
}

const vs_model *vs_scorer_model(const vs_scorer *s)
{
    return s->m;
}

/* Makes the scratch large enough for a batch. */
static vs_status fit_work(vs_scorer *s, size_t rows, size_t keys, vs_error *err)
{
    vs_work_size size = {.n_threads = vs_threads()};

    if (rows <= s->work.max_rows && keys <= s->work_keys) return VS_OK;
    size.max_rows = rows > s->max_rows ? rows : s->max_rows;
    s->work_keys = size.max_keys = keys > s->work_keys ? keys : s->work_keys;
    vs_work_close(&s->work);
    return vs_work_open(&s->work, s->m, &size, err);
}

/* Sums of each solution's token log-probs, in order of tokens. */
static void sum_solutions(const vs_group *groups, size_t n_groups, const float *token_logp,
                          double *logprob)
{
    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; i < groups[g].n_solutions; i++) {
            double sum = 0.0;
            for (size_t t = 0; t < groups[g].solutions[i].n; t++) sum += (double)*token_logp++;
            *logprob++ = sum;
        }
    }
}

/* What is wanted of a batch; NULL: not that. */
typedef struct scores {
    float *token_logprobs;
    double *logprob, *value;
} scores;

static vs_status put_logprobs(vs_scorer *s, const vs_rows *rows, const float *hidden,
                              const vs_group *groups, size_t n_groups, const scores *out,
                              vs_error *err)
{
    const size_t c = s->m->base->config.n_embd;
    float *picked = vs_arena_push(s->arena, rows->targets.n_rows * c, sizeof *picked);
    const size_t ld = vs_head_ld(s->m, false);
    float *tile = vs_arena_push(s->arena, rows->targets.n_rows * ld, sizeof *tile);
    float *max = vs_arena_push(s->arena, rows->targets.n_rows, sizeof *max);
    float *sum = vs_arena_push(s->arena, rows->targets.n_rows, sizeof *sum);
    float *logp = vs_arena_push(s->arena, rows->targets.n, sizeof *logp);
    float *ordered = vs_arena_push(s->arena, rows->targets.n, sizeof *ordered);

    if (!picked || !tile || !max || !sum || !logp || !ordered)
        return VS_FAIL(err, VS_E_NOMEM, "scoring of %zu rows of tokens", rows->batch.n_rows);
    for (size_t i = 0; i < rows->targets.n_rows; i++)
        memcpy(picked + i * c, hidden + rows->gather[i] * c, c * sizeof *picked);
    vs_head_logprobs(s->m, picked, &rows->targets, tile, ld, logp, max, sum);
    for (size_t i = 0; i < rows->targets.n; i++) ordered[i] = logp[rows->target_rank[i]];
    if (out->token_logprobs)
        memcpy(out->token_logprobs, ordered, rows->targets.n * sizeof *ordered);
    if (out->logprob) sum_solutions(groups, n_groups, ordered, out->logprob);
    return VS_OK;
}

/* Of each solution, off the last of its tokens that has a row; a lone token without one: off the
 * prompt's last. */
static void put_values(const vs_scorer *s, const vs_rows *rows, const float *hidden,
                       const vs_group *groups, size_t n_groups, double *value)
{
    const size_t c = s->m->base->config.n_embd;
    size_t target = 0;

    for (size_t g = 0; g < n_groups; g++)
        for (size_t i = 0; i < groups[g].n_solutions; i++) {
            const size_t n = vs_solution_rows(&groups[g].solutions[i]);
            const size_t at = n ? rows->read_row[target + n - 1] : rows->prompt_row[g];
            *value++ = vs_value_at(s->m, hidden + at * c);
            target += groups[g].solutions[i].n;
        }
}

static vs_status score_batch(vs_scorer *s, const vs_group *groups, size_t n_groups,
                             kept_prompt *kept, const scores *out, vs_error *err)
{
    const size_t c = s->m->base->config.n_embd;
    vs_rows rows;
    float *hidden;

    vs_arena_reset(s->arena);
    VS_TRY(build_rows(&rows, s->arena, s->m, groups, n_groups, kept, err));
    hidden = vs_arena_push(s->arena, (rows.batch.n_rows + 1) * c, sizeof *hidden);
    if (!hidden)
        return VS_FAIL(err, VS_E_NOMEM, "scoring of %zu rows of tokens", rows.batch.n_rows);
    /* solutions of one token after a prompt that was computed have no rows */
    if (rows.batch.n_rows) vs_forward(s->m, &rows.batch, &s->work, hidden, NULL);
    if (is_computed(kept)) {
        memcpy(hidden + rows.prompt_row[0] * c, kept->hidden, c * sizeof *hidden);
    } else if (kept) {
        memcpy(kept->hidden, hidden + rows.prompt_row[0] * c, c * sizeof *hidden);
        kept->seg.len = groups[0].n_prompt;
    }
    if (out->value) put_values(s, &rows, hidden, groups, n_groups, out->value);
    if (!out->token_logprobs && !out->logprob) return VS_OK;
    return put_logprobs(s, &rows, hidden, groups, n_groups, out, err);
}

/* Scores n groups as one batch and moves *out behind them. */
static vs_status score_some(vs_scorer *s, const vs_group *groups, size_t n, kept_prompt *kept,
                            scores *out, vs_error *err)
{
    size_t rows = 0, tokens = 0, solutions = 0, keys = 0;

    for (size_t i = 0; i < n; i++) {
        const size_t k = vs_group_keys(&groups[i]);
        rows += vs_group_rows(&groups[i]);
        tokens += vs_group_tokens(&groups[i]);
        solutions += groups[i].n_solutions;
        keys = k > keys ? k : keys;
    }
    VS_TRY(fit_work(s, rows, keys, err));
    VS_TRY(score_batch(s, groups, n, kept, out, err));
    if (out->token_logprobs) out->token_logprobs += tokens;
    if (out->logprob) out->logprob += solutions;
    if (out->value) out->value += solutions;
    return VS_OK;
}

/* A group of more than max_rows rows, in pieces of no more unless one solution has them; its prompt is computed with the
 * first. */
static vs_status score_long(vs_scorer *s, const vs_group *g, scores *out, vs_error *err)
{
    kept_prompt kept = {0};

    vs_arena_reset(s->prompts);
    kept.hidden = vs_arena_push(s->prompts, s->m->base->config.n_embd, sizeof *kept.hidden);
    if (!kept.hidden || !open_seg(&kept.seg, &s->m->shape, s->prompts, g->n_prompt))
        return VS_FAIL(err, VS_E_NOMEM, "scoring after a prompt of %zu tokens", g->n_prompt);
    for (size_t at = 0, n; at < g->n_solutions; at += n) {
        const vs_solution *first = g->solutions + at;
        size_t rows = (is_computed(&kept) ? 0 : g->n_prompt) + vs_solution_rows(first);

        for (n = 1; at + n < g->n_solutions; n++) {
            rows += vs_solution_rows(first + n);
            if (rows > s->max_rows) break;
        }
        const vs_group piece = {g->prompt, g->n_prompt, first, n};
        VS_TRY(score_some(s, &piece, 1, &kept, out, err));
    }
    return VS_OK;
}

static vs_status score(vs_scorer *s, const vs_group *groups, size_t n_groups, scores out,
                       vs_error *err)
{
    for (size_t at = 0, n; at < n_groups; at += n) {
        size_t rows = 0;

        for (n = 0; at + n < n_groups; n++) {
            rows += vs_group_rows(&groups[at + n]);
            if (n > 0 && rows > s->max_rows) break;
        }
        if (n == 1 && vs_group_rows(&groups[at]) > s->max_rows && groups[at].n_solutions > 1)
            VS_TRY(score_long(s, &groups[at], &out, err));
        else
            VS_TRY(score_some(s, groups + at, n, NULL, &out, err));
    }
    return VS_OK;
}

vs_status vs_score(vs_scorer *s, const vs_group *groups, size_t n_groups, float *token_logprobs,
                   double *logprob, vs_error *err)
{
    return score(s, groups, n_groups, (scores){token_logprobs, logprob, NULL}, err);
}

vs_solution vs_solution_valued(const vs_solution *s, size_t n_prompt, size_t n_positions)
{
    vs_solution valued = *s;

    valued.reads_last = n_prompt + s->n <= n_positions;
    return valued;
}

vs_status vs_score_values(vs_scorer *s, const vs_group *groups, size_t n_groups, double *value,
                          vs_error *err)
{
    size_t n = 0, at = 0;
    vs_group *valued = vs_alloc(n_groups, sizeof *valued);
    vs_solution *solutions;
    vs_status st;

    for (size_t i = 0; i < n_groups; i++) n += groups[i].n_solutions;
    solutions = vs_alloc(n, sizeof *solutions);
    if (!valued || !solutions) {
        st = VS_FAIL(err, VS_E_NOMEM, "values of %zu solutions", n);
        goto done;
    }
    for (size_t i = 0; i < n_groups; i++) {
        valued[i] = groups[i];
        valued[i].solutions = solutions + at;
        for (size_t k = 0; k < groups[i].n_solutions; k++)
            solutions[at++] = vs_solution_valued(&groups[i].solutions[k], groups[i].n_prompt,
                                                 s->m->base->config.n_positions);
    }
    st = score(s, valued, n_groups, (scores){NULL, NULL, value}, err);
done:
    free(valued);
    free(solutions);
    return st;
}

vs_status vs_score_by(vs_score_how how, vs_scorer *s, const vs_group *groups, size_t n_groups,
                      double *score, vs_error *err)
{
    if (!how.score) return vs_score(s, groups, n_groups, NULL, score, err);
    return how.score(how.ctx, s, groups, n_groups, score, err);
}
