/* trainer.c - one optimiser step after another: groups in, gradients by micro-batches, clip, AdamW.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/fmath.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/threads.h"
#include "engine/train/checkpoint.h"
#include "engine/train/train.h"

static const double LN2 = 0.69314718055994530942;
/* f32 log-probs of equal weights are equal bits; only the double sums of them round. */
static const double LN2_TOLERANCE = 1e-6;
enum {
    NORM_CHUNK = 1 << 16, /* elements per partial sum of the gradient norm: part of its value */
};

struct vs_trainer {
    vs_model *model;
    vs_loss_kind kind;
    vs_train_options o;
    size_t n_steps, step; /* step: steps done */
    bool expect_reference;
    vs_params grads, m, v;
    float *tied_grads; /* [V][C] the embedding's side of tied weights; NULL: none */
    vs_arena *arena;
    vs_work work;
    vs_backward *backward;
    size_t work_rows, work_keys;
    double *norm_parts;
    char *checkpoint; /* path; NULL: none */
    char identity[VS_HASH_HEX];
};

static void make_identity(vs_trainer *t)
{
    const vs_train_options *o = &t->o;
    char text[1024];
    const int n = snprintf(
        text, sizeof text,
        "%s kind %d steps %zu lr %a %a %d %zu adamw %a %a %a %a clip %a batch %zu seed %llu "
        "lora %zu %a %u dpo %a %a %zu %zu %zu epochs %zu pair %d %d %a orm %d %a",
        t->model->hash, (int)t->kind, t->n_steps, o->lr, o->lr_end, (int)o->schedule, o->warmup,
        o->beta1, o->beta2, o->eps, o->weight_decay, o->clip, o->batch, (unsigned long long)o->seed,
        o->lora.rank, o->lora.alpha, o->lora.targets, o->beta, o->label_smoothing, o->max_right,
        o->max_solutions, o->sampled_pairs, o->epochs, (int)o->pair_loss, o->length_normalised,
        o->nll, (int)o->value_loss, o->lm);

    vs_sha256_hex(t->identity, text, (size_t)n);
}

vs_status vs_trainer_open(vs_trainer **out, vs_model *m, vs_loss_kind kind,
                          const vs_train_options *o, size_t n_steps, const char *checkpoint_dir,
                          vs_error *err)
{
    vs_status st;
    const vs_config *c = &m->base->config;
    vs_trainer *t;

    if (m->base->compute != VS_COMPUTE_F32)
        return VS_FAIL(err, VS_E_USAGE, "training: found compute bf16, expected f32");
    t = vs_alloc(1, sizeof *t);
    if (!t) return VS_FAIL(err, VS_E_NOMEM, "trainer");
    assert(kind != VS_LOSS_ORM || m->value_params == vs_model_trainable(m));
    t->model = m;
    t->kind = kind;
    t->o = *o;
    t->n_steps = n_steps;
    make_identity(t);
    VS_CHECK(vs_params_like(&t->grads, vs_model_trainable(m), err));
    VS_CHECK(vs_params_like(&t->m, vs_model_trainable(m), err));
    VS_CHECK(vs_params_like(&t->v, vs_model_trainable(m), err));
    VS_CHECK(vs_arena_open(&t->arena, 1 << 20, err));
    t->norm_parts = vs_alloc(t->grads.n / NORM_CHUNK + 1, sizeof *t->norm_parts);
    if (c->is_tied && !m->lora_config.rank)
        t->tied_grads = vs_alloc(c->n_vocab * c->n_embd, sizeof(float));
    if (checkpoint_dir) t->checkpoint = vs_format("%s/checkpoint", checkpoint_dir);
    if (!t->norm_parts || (checkpoint_dir && !t->checkpoint) ||
        (c->is_tied && !m->lora_config.rank && !t->tied_grads)) {
        st = VS_FAIL(err, VS_E_NOMEM, "trainer of %zu parameters", t->grads.n_model);
        goto done;
    }
    if (checkpoint_dir) VS_CHECK(vs_dir_make(checkpoint_dir, err));
    VS_CHECK(vs_model_repack(m, true, err));
    *out = t;
    t = NULL;
done:
    vs_trainer_close(t);
    return st;
}

void vs_trainer_close(vs_trainer *t)
{
    if (!t) return;
    vs_params_close(&t->grads);
    vs_params_close(&t->m);
    vs_params_close(&t->v);
    vs_arena_close(t->arena);
    vs_work_close(&t->work);
    vs_backward_close(t->backward);
    free(t->tied_grads);
    free(t->norm_parts);
    free(t->checkpoint);
    free(t);
}

void vs_trainer_identify(vs_trainer *t, const char *data_hash)
{
    char text[2 * VS_HASH_HEX];
    const int n = snprintf(text, sizeof text, "%s%s", t->identity, data_hash);

    vs_sha256_hex(t->identity, text, (size_t)n);
}

const char *vs_trainer_identity(const vs_trainer *t)
{
    return t->identity;
}

void vs_trainer_expect_reference(vs_trainer *t)
{
    t->expect_reference = true;
}

/* -- one micro-batch -- */

typedef struct micro {
    vs_rows rows;
    vs_saved saved;
    float *hidden, *picked, *d_hidden, *d_picked, *logits, *scratch;
    size_t ld;                      /* of logits */
    float *logp, *coef, *max, *sum; /* by targets */
    float *ordered;                 /* log-probs in data order */
    double *solution_logp, *solution_coef;
} micro;

/* Memory for what the backward pass would compute again: the logits first, then layers from the last on. */
static void keep_what_fits(const vs_trainer *t, micro *u)
{
    const size_t rows = u->rows.batch.n_rows, n_pick = u->rows.targets.n_rows;
    const vs_model *m = t->model;
    size_t left = (size_t)(t->o.keep_mb * (1 << 20) / sizeof(float));
    const size_t all = n_pick * vs_head_ld(m, true), layer = vs_kept_floats(m, rows);

    u->ld = vs_head_ld(m, all <= left);
    left -= all <= left ? all : 0;
    u->saved.n_kept =
        left / layer < m->base->config.n_layers ? left / layer : m->base->config.n_layers;
}

static vs_status alloc_micro(vs_trainer *t, micro *u, const vs_group *groups, size_t n,
                             vs_error *err)
{
    const size_t c = t->model->base->config.n_embd;
    size_t rows, n_pick, n_targets;
    vs_arena *a = t->arena;

    VS_TRY(vs_rows_build(&u->rows, a, t->model, groups, n, err));
    rows = u->rows.batch.n_rows;
    n_pick = u->rows.targets.n_rows;
    n_targets = u->rows.targets.n;
    keep_what_fits(t, u);
    u->saved.x = vs_arena_push(a, (t->model->base->config.n_layers + 1) * rows * c, sizeof(float));
    u->saved.kept =
        vs_arena_push(a, u->saved.n_kept * vs_kept_floats(t->model, rows), sizeof(float));
    u->hidden = vs_arena_push(a, rows * c, sizeof(float));
    u->d_hidden = vs_arena_push(a, rows * c, sizeof(float));
    u->picked = vs_arena_push(a, n_pick * c, sizeof(float));
    u->d_picked = vs_arena_push(a, n_pick * c, sizeof(float));
    u->logits = vs_arena_push(a, n_pick * u->ld, sizeof(float));
    u->scratch = vs_arena_push(a, vs_head_scratch(t->model, n_pick), sizeof(float));
    u->max = vs_arena_push(a, n_pick, sizeof(float));
    u->sum = vs_arena_push(a, n_pick, sizeof(float));
    u->logp = vs_arena_push(a, n_targets, sizeof(float));
    u->coef = vs_arena_push(a, n_targets, sizeof(float));
    u->ordered = vs_arena_push(a, n_targets, sizeof(float));
    u->solution_logp = vs_arena_push(a, u->rows.n_solutions, sizeof(double));
    u->solution_coef = vs_arena_push(a, u->rows.n_solutions, sizeof(double));
    if (!u->saved.x || !u->saved.kept || !u->hidden || !u->d_hidden || !u->picked || !u->d_picked ||
        !u->logits || !u->scratch || !u->max || !u->sum || !u->logp || !u->coef || !u->ordered ||
        !u->solution_logp || !u->solution_coef)
        return VS_FAIL(err, VS_E_NOMEM,
                       "micro-batch of %zu rows of tokens; lower micro_tokens or keep_mb", rows);
    return VS_OK;
}

static double weight_of(const vs_solution *s)
{
    return s->weight > 0.0 ? s->weight : 1.0;
}

/* SFT: every target weighs what its solution does, of the weight of the step. */
static void sft_coefs(micro *u, const vs_example *e, size_t n, vs_step_totals all,
                      vs_step_stats *sums)
{
    size_t target = 0;

    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < e[g].group.n_solutions; i++) {
            const double weight = weight_of(&e[g].group.solutions[i]);
            for (size_t k = 0; k < e[g].group.solutions[i].n; k++, target++) {
                u->coef[u->rows.target_rank[target]] = (float)(-weight / all.weight);
                sums->loss -= weight * (double)u->ordered[target];
            }
        }
}

/* DPO: every target of a solution carries the solution's coefficient. */
static void dpo_coefs(const vs_trainer *t, micro *u, const vs_example *e, size_t n,
                      vs_step_totals all, vs_step_stats *sums)
{
    size_t target = 0, solution = 0;

    for (size_t g = 0; g < n; g++) {
        const vs_group *group = &e[g].group;
        const size_t first = solution;
        for (size_t i = 0; i < group->n_solutions; i++, solution++) {
            double sum = 0.0;
            for (size_t k = 0; k < group->solutions[i].n; k++) sum += (double)u->ordered[target++];
            u->solution_logp[solution] = sum;
        }
        vs_dpo_coefs(u->solution_coef + first, &e[g], u->solution_logp + first, &t->o, all, sums);
    }
    target = solution = 0;
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < e[g].group.n_solutions; i++, solution++)
            for (size_t k = 0; k < e[g].group.solutions[i].n; k++)
                u->coef[u->rows.target_rank[target++]] = (float)u->solution_coef[solution];
}

/* ORM: right solutions' targets carry the language-model loss. */
static void lm_coefs(const vs_trainer *t, micro *u, const vs_example *e, size_t n,
                     vs_step_totals all, vs_step_stats *sums)
{
    size_t target = 0;

    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < e[g].group.n_solutions; i++)
            for (size_t k = 0; k < e[g].group.solutions[i].n; k++, target++) {
                const bool is_right = i < e[g].n_right;
                u->coef[u->rows.target_rank[target]] =
                    is_right ? (float)(-t->o.lm / (double)all.right_tokens) : 0.0F;
                if (is_right) sums->logp_right += (double)u->ordered[target];
            }
}

/* The loss of one value, and its slope. */
static double value_loss(double *slope, double v, double label, vs_value_loss kind)
{
    if (kind == VS_VALUE_MSE) {
        *slope = 2.0 * (v - label);
        return (v - label) * (v - label);
    }
    *slope = vs_sigmoid(v) - label;
    return label > 0.5 ? -vs_log_sigmoid(v) : -vs_log_sigmoid(-v);
}

/* A value at every token of a solution that has a row, towards its label. */
static void add_values(vs_trainer *t, micro *u, const vs_example *e, size_t n, vs_step_totals all,
                       vs_step_stats *sums)
{
    const size_t c = t->model->base->config.n_embd;
    const double middle = t->o.value_loss == VS_VALUE_MSE ? 0.5 : 0.0;
    size_t target = 0;

    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < e[g].group.n_solutions; i++) {
            const double label = i < e[g].n_right ? 1.0 : 0.0;
            double v = 0.0, slope;
            for (size_t k = 0; k < e[g].group.solutions[i].n; k++, target++) {
                const uint32_t row = u->rows.read_row[target];
                if (row == VS_NO_ROW) continue;
                v = vs_value_at(t->model, u->hidden + row * c);
                sums->loss += value_loss(&slope, v, label, t->o.value_loss);
                vs_value_backward(t->model, u->hidden + row * c, slope / (double)all.values,
                                  u->d_hidden + row * c, &t->grads);
            }
            sums->accuracy += (v > middle) == (label > 0.5) ? 1.0 : 0.0;
        }
}

static float *head_grads(vs_trainer *t)
{
    if (t->model->lora_config.rank) return NULL;
    return t->grads.data + t->model->base->head->offset;
}

static float *embed_grads(vs_trainer *t)
{
    if (t->model->lora_config.rank) return NULL;
    return t->tied_grads ? t->tied_grads : t->grads.data + t->model->base->embed->offset;
}

static vs_status run_micro(vs_trainer *t, const vs_example *e, const vs_group *groups, size_t n,
                           vs_step_totals all, vs_step_stats *sums, vs_error *err)
{
    const size_t c = t->model->base->config.n_embd;
    micro u;

    VS_TRY(alloc_micro(t, &u, groups, n, err));
    vs_forward(t->model, &u.rows.batch, &t->work, u.hidden, &u.saved);
    for (size_t i = 0; i < u.rows.targets.n_rows; i++)
        memcpy(u.picked + i * c, u.hidden + u.rows.gather[i] * c, c * sizeof(float));
    vs_head_logprobs(t->model, u.picked, &u.rows.targets, u.logits, u.ld, u.logp, u.max, u.sum);
    for (size_t i = 0; i < u.rows.targets.n; i++) u.ordered[i] = u.logp[u.rows.target_rank[i]];
    if (t->kind == VS_LOSS_SFT) sft_coefs(&u, e, n, all, sums);
    if (t->kind == VS_LOSS_DPO) dpo_coefs(t, &u, e, n, all, sums);
    if (t->kind == VS_LOSS_ORM) lm_coefs(t, &u, e, n, all, sums);
    vs_head_backward(t->model, u.picked, &u.rows.targets, u.coef, u.max, u.sum, u.logits, u.ld,
                     u.scratch, u.d_picked, head_grads(t));
    memset(u.d_hidden, 0, u.rows.batch.n_rows * c * sizeof(float));
    for (size_t i = 0; i < u.rows.targets.n_rows; i++)
        memcpy(u.d_hidden + u.rows.gather[i] * c, u.d_picked + i * c, c * sizeof(float));
    if (t->kind == VS_LOSS_ORM) add_values(t, &u, e, n, all, sums);
    vs_backward_run(t->backward, t->model, &u.rows.batch, &u.saved, u.d_hidden, &t->grads,
                    embed_grads(t));
    sums->n_rows += u.rows.batch.n_rows;
    return VS_OK;
}

/* -- one step -- */

static vs_status fit_work(vs_trainer *t, size_t rows, size_t keys, vs_error *err)
{
    vs_work_size size = {.n_threads = vs_threads()};

    if (t->backward && rows <= t->work_rows && keys <= t->work_keys) return VS_OK;
    if (rows > t->work_rows) t->work_rows = rows;
    if (keys > t->work_keys) t->work_keys = keys;
    size.max_rows = t->work_rows;
    size.max_keys = t->work_keys;
    vs_work_close(&t->work);
    vs_backward_close(t->backward);
    t->backward = NULL;
    VS_TRY(vs_work_open(&t->work, t->model, &size, err));
    return vs_backward_open(&t->backward, t->model, &size, err);
}

static vs_step_totals count_step(const vs_example *e, size_t n)
{
    vs_step_totals all = {0};

    for (size_t i = 0; i < n; i++) {
        all.tokens += vs_group_tokens(&e[i].group);
        for (size_t k = 0; k < e[i].group.n_solutions; k++)
            all.weight += weight_of(&e[i].group.solutions[k]) * (double)e[i].group.solutions[k].n;
        for (size_t k = 0; k < e[i].n_right; k++) all.right_tokens += e[i].group.solutions[k].n;
        all.values += vs_group_rows(&e[i].group) - e[i].group.n_prompt;
        all.pairs += vs_example_pairs(&e[i]);
    }
    return all;
}

static void finish_stats(const vs_trainer *t, const vs_example *e, size_t n, vs_step_totals all,
                         vs_step_stats *s)
{
    size_t right = 0, solutions = 0;

    s->n_tokens = all.tokens;
    if (t->kind == VS_LOSS_SFT) {
        s->loss /= all.weight;
        s->pair_loss = s->accuracy = s->margin = s->logp_right = s->logp_wrong = NAN;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        right += e[i].n_right;
        solutions += e[i].group.n_solutions;
    }
    if (t->kind == VS_LOSS_ORM) {
        s->loss /= (double)all.values;
        if (all.right_tokens) s->loss -= t->o.lm * s->logp_right / (double)all.right_tokens;
        s->accuracy /= (double)solutions;
        s->pair_loss = s->margin = s->logp_wrong = NAN;
        s->logp_right = right ? s->logp_right / (double)right : NAN;
        return;
    }
    s->pair_loss = s->loss / (double)all.pairs;
    s->loss = s->pair_loss - t->o.nll * s->logp_right / (double)all.right_tokens;
    s->accuracy /= (double)all.pairs;
    s->margin /= (double)all.pairs;
    s->logp_right /= (double)right;
    s->logp_wrong /= (double)(solutions - right);
}

static vs_status compute_grads(vs_trainer *t, const vs_example *e, size_t n, vs_step_stats *stats,
                               vs_error *err)
{
    const vs_step_totals all = count_step(e, n);
    const size_t embed_size = t->model->base->config.n_vocab * t->model->base->config.n_embd;

    memset(stats, 0, sizeof *stats);
    if (all.tokens == 0 || (t->kind == VS_LOSS_DPO && all.pairs == 0) ||
        (t->kind == VS_LOSS_ORM && all.values == 0))
        return VS_FAIL(err, VS_E_INPUT, "step %zu has nothing to learn from", t->step);
    memset(t->grads.data, 0, t->grads.n * sizeof(float));
    if (t->tied_grads) memset(t->tied_grads, 0, embed_size * sizeof(float));
    for (size_t at = 0; at < n;) {
        size_t count = 0, rows = 0, keys = 0;
        vs_group *groups;
        while (at + count < n &&
               (count == 0 || rows + vs_group_rows(&e[at + count].group) <= t->o.micro_tokens)) {
            const vs_group *g = &e[at + count++].group;
            const size_t k = vs_group_keys(g);
            rows += vs_group_rows(g);
            keys = k > keys ? k : keys;
        }
        vs_arena_reset(t->arena);
        groups = vs_arena_push(t->arena, count, sizeof *groups);
        if (!groups) return VS_FAIL(err, VS_E_NOMEM, "micro-batch");
        for (size_t i = 0; i < count; i++) groups[i] = e[at + i].group;
        VS_TRY(fit_work(t, rows, keys, err));
        VS_TRY(run_micro(t, e + at, groups, count, all, stats, err));
        at += count;
    }
    if (t->tied_grads)
        t->model->base->ops->add(t->grads.data + t->model->base->embed->offset, t->tied_grads,
                                 embed_size);
    finish_stats(t, e, n, all, stats);
    return VS_OK;
}

static void norm_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    vs_trainer *t = ctx;
    (void)thread;

    for (size_t i = begin; i < end; i++) {
        const size_t at = i * NORM_CHUNK, left = t->grads.n - at;
        t->norm_parts[i] = t->model->base->ops->sum_squares(t->grads.data + at,
                                                            left < NORM_CHUNK ? left : NORM_CHUNK);
    }
}

static double grad_norm(vs_trainer *t)
{
    const size_t chunks = (t->grads.n + NORM_CHUNK - 1) / NORM_CHUNK;
    double sum = 0.0;

    vs_parallel_range(chunks, 2.0 * NORM_CHUNK, vs_threads(), norm_range, t);
    for (size_t i = 0; i < chunks; i++) sum += t->norm_parts[i];
    return sqrt(sum);
}

typedef struct adamw_job {
    vs_trainer *t;
    vs_params *p;
    vs_adamw a;
    size_t offset;
    bool decay;
} adamw_job;

static void adamw_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const adamw_job *j = ctx;
    const size_t at = j->offset + begin;
    (void)thread;
    j->t->model->base->ops->adamw(j->p->data + at, j->t->grads.data + at, j->t->m.data + at,
                                  j->t->v.data + at, end - begin, &j->a, j->decay);
}

static vs_status update(vs_trainer *t, vs_step_stats *stats, vs_error *err)
{
    const vs_train_options *o = &t->o;
    const double n = (double)(t->step + 1);
    adamw_job job = {.t = t, .p = vs_model_trainable(t->model)};

    stats->grad_norm = grad_norm(t);
    if (!isfinite(stats->grad_norm))
        return VS_FAIL(err, VS_E_STATE,
                       "step %zu: the gradient's norm is %g; lower the learning rate", t->step,
                       stats->grad_norm);
    stats->lr = vs_schedule_at(o, t->step, t->n_steps);
    job.a = (vs_adamw){.lr = (float)stats->lr,
                       .beta1 = (float)o->beta1,
                       .beta2 = (float)o->beta2,
                       .eps = (float)o->eps,
                       .weight_decay = (float)o->weight_decay,
                       .grad_scale = 1.0F};
    job.a.bias1 = (float)(1.0 - vs_pow(o->beta1, n));
    job.a.bias2 = (float)(1.0 - vs_pow(o->beta2, n));
    if (o->clip > 0.0 && stats->grad_norm > o->clip)
        job.a.grad_scale = (float)(o->clip / stats->grad_norm);
    for (size_t i = 0; i < job.p->n_tensors; i++) {
        const vs_tensor *tensor = &job.p->tensors[i];
        job.offset = tensor->offset;
        job.decay = !tensor->is_vector;
        vs_parallel_range(tensor->rows * tensor->cols, 15.0, vs_threads(), adamw_range, &job);
    }
    return VS_OK;
}

/* An adapter whose B stays zero after a step has not been trained: its gradient was lost on the
 * way. */
static vs_status check_adapter(const vs_trainer *t, vs_error *err)
{
    const vs_params *p = &t->model->lora;

    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *b = &p->tensors[i];
        size_t j = 0;
        if (!strstr(b->name, ".lora_B.")) continue;
        while (j < b->rows * b->cols && p->data[b->offset + j] == 0.0F) j++;
        if (j == b->rows * b->cols)
            return VS_FAIL(err, VS_E_STATE, "%s is still zero after step %zu: it does not train",
                           b->name, t->step);
    }
    return VS_OK;
}

/* The pairs' loss where every margin is 0: ln 2, or 1 / (2 beta)^2. */
static double untrained_loss(const vs_train_options *o)
{
    return o->pair_loss == VS_PAIR_IPO ? 1.0 / (4.0 * o->beta * o->beta) : LN2;
}

static vs_status take_step(vs_trainer *t, const vs_example *e, size_t n, vs_step_stats *stats,
                           vs_error *err)
{
    /* a value head that starts at zero passes nothing on before its own first step */
    const size_t first = t->kind == VS_LOSS_ORM ? 1 : 0;

    VS_TRY(compute_grads(t, e, n, stats, err));
    if (!isfinite(stats->loss))
        return VS_FAIL(err, VS_E_STATE, "step %zu: the loss is %g; lower the learning rate",
                       t->step, stats->loss);
    if (t->expect_reference && t->step == 0 &&
        fabs(stats->pair_loss - untrained_loss(&t->o)) > LN2_TOLERANCE)
        return VS_FAIL(
            err, VS_E_STATE,
            "the first DPO step's loss over pairs is %.9g, expected %s%.9g: the reference "
            "log-probs are not of the "
            "weights that training starts from",
            stats->pair_loss, t->o.pair_loss == VS_PAIR_SIGMOID ? "ln 2 = " : "",
            untrained_loss(&t->o));
    VS_TRY(update(t, stats, err));
    VS_TRY(vs_model_repack(t->model, true, err));
    if (t->step++ == first && t->model->lora_config.rank && stats->grad_norm > 0.0 &&
        stats->lr > 0.0)
        return check_adapter(t, err);
    return VS_OK;
}

/* -- the run -- */

static vs_checkpoint checkpoint_of(vs_trainer *t)
{
    vs_params *p = vs_model_trainable(t->model);
    vs_checkpoint c = {
        .step = t->step, .n = p->n, .params = p->data, .m = t->m.data, .v = t->v.data};

    memcpy(c.identity, t->identity, sizeof c.identity);
    return c;
}

/* What was reported must be safe before a checkpoint says that it need not be reported again. */
static vs_status save(vs_trainer *t, vs_step_report report, void *ctx, vs_error *err)
{
    const vs_checkpoint c = checkpoint_of(t);

    if (!t->checkpoint) return VS_OK;
    if (report) VS_TRY(report(ctx, t->step, NULL, err));
    return vs_checkpoint_write(t->checkpoint, &c, err);
}

static vs_status resume(vs_trainer *t, vs_error *err)
{
    vs_checkpoint c = checkpoint_of(t);
    bool found = false;

    if (!t->checkpoint) return VS_OK;
    VS_TRY(vs_checkpoint_read(&found, t->checkpoint, &c, err));
    if (!found) return VS_OK;
    t->step = c.step;
    return vs_model_repack(t->model, true, err);
}

vs_status vs_trainer_run(vs_trainer *t, vs_step_source source, vs_step_report report, void *ctx,
                         vs_error *err)
{
    VS_TRY(resume(t, err));
    while (t->step < t->n_steps) {
        const vs_example *examples;
        vs_step_stats stats;
        size_t n;
        if (vs_stop_wanted()) {
            VS_TRY(save(t, report, ctx, err));
            return VS_FAIL(err, VS_E_STOPPED, "stopped at step %zu of %zu", t->step, t->n_steps);
        }
        VS_TRY(source(ctx, t->step, &examples, &n, err));
        VS_TRY(take_step(t, examples, n, &stats, err));
        if (report) VS_TRY(report(ctx, t->step - 1, &stats, err));
        if (t->o.checkpoint_steps && t->step % t->o.checkpoint_steps == 0 && t->step < t->n_steps)
            VS_TRY(save(t, report, ctx, err));
    }
    return vs_model_rehash(t->model, err);
}

vs_status vs_trainer_grads(vs_trainer *t, const vs_example *examples, size_t n,
                           vs_step_stats *stats, const vs_params **grads, vs_error *err)
{
    VS_TRY(compute_grads(t, examples, n, stats, err));
    stats->grad_norm = grad_norm(t);
    *grads = &t->grads;
    return VS_OK;
}
