/* losses.c - what a step's loss is, and its derivative by each solution's log-prob; the
 * learning-rate schedule. */
#include <math.h>

#include "base/fmath.h"
#include "engine/train/train.h"

static const double PI = 3.14159265358979323846;

double vs_schedule_at(const vs_train_options *o, size_t step, size_t n_steps)
{
    double done;

    if (step < o->warmup) return o->lr * (double)(step + 1) / (double)o->warmup;
    if (o->schedule == VS_CONSTANT || n_steps <= o->warmup) return o->lr;
    done = (double)(step - o->warmup) / (double)(n_steps - o->warmup);
    if (o->schedule == VS_COSINE)
        return o->lr * (o->lr_end + (1.0 - o->lr_end) * 0.5 * (1.0 + vs_cos(PI * done)));
    return o->lr * (1.0 - (1.0 - o->lr_end) * done);
}

size_t vs_example_pairs(const vs_example *e)
{
    return e->n_pairs ? e->n_pairs : e->n_right * (e->group.n_solutions - e->n_right);
}

typedef struct dpo_pair {
    const vs_example *e;
    const vs_train_options *o;
    const double *logp;
    double *coef;
    double scale; /* 1 / pairs of the whole step */
    vs_step_stats *sums;
} dpo_pair;

/* What a solution's log-prob is divided by. */
static double length_of(const dpo_pair *p, size_t i)
{
    return p->o->length_normalised ? (double)p->e->group.solutions[i].n : 1.0;
}

static double delta_of(const dpo_pair *p, size_t i)
{
    return (p->logp[i] - p->e->ref_logp[i]) / length_of(p, i);
}

/* The pair's loss, and its slope by h. */
static double pair_loss(double *slope, double h, const vs_train_options *o)
{
    const double eps = o->label_smoothing, off = (h - 0.5) / o->beta;

    if (o->pair_loss == VS_PAIR_IPO) {
        *slope = 2.0 * off / o->beta;
        return off * off;
    }
    *slope = -(1.0 - eps) * vs_sigmoid(-h) + eps * vs_sigmoid(h);
    return -(1.0 - eps) * vs_log_sigmoid(h) - eps * vs_log_sigmoid(-h);
}

static void add_pair(const dpo_pair *p, size_t right, size_t wrong)
{
    const double beta = p->o->beta, h = beta * (delta_of(p, right) - delta_of(p, wrong));
    double slope;

    p->sums->loss += pair_loss(&slope, h, p->o);
    p->coef[right] += beta * slope * p->scale / length_of(p, right);
    p->coef[wrong] -= beta * slope * p->scale / length_of(p, wrong);
    p->sums->accuracy += h > 0.0 ? 1.0 : 0.0;
    p->sums->margin += h;
    p->sums->n_pairs++;
}

void vs_dpo_coefs(double *coef, const vs_example *e, const double *logp, const vs_train_options *o,
                  vs_step_totals all, vs_step_stats *sums)
{
    const dpo_pair p = {e, o, logp, coef, 1.0 / (double)all.pairs, sums};

    for (size_t i = 0; i < e->group.n_solutions; i++) {
        const bool is_right = i < e->n_right;
        coef[i] = is_right && o->nll > 0.0 ? -o->nll / (double)all.right_tokens : 0.0;
        *(is_right ? &sums->logp_right : &sums->logp_wrong) += logp[i];
    }
    for (size_t i = 0; i < e->n_pairs; i++) add_pair(&p, e->pairs[i][0], e->pairs[i][1]);
    if (e->n_pairs) return;
    for (size_t r = 0; r < e->n_right; r++)
        for (size_t w = e->n_right; w < e->group.n_solutions; w++) add_pair(&p, r, w);
}
