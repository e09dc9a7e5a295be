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
    const double *logp;
    double *coef;
    double beta, smoothing, scale; /* scale: 1 / pairs of the whole step */
    vs_step_stats *sums;
} dpo_pair;

static void add_pair(const dpo_pair *p, size_t right, size_t wrong)
{
    const double h = p->beta * ((p->logp[right] - p->e->ref_logp[right]) -
                                (p->logp[wrong] - p->e->ref_logp[wrong]));
    const double slope = -(1.0 - p->smoothing) * vs_sigmoid(-h) + p->smoothing * vs_sigmoid(h);

    p->coef[right] += p->beta * slope * p->scale;
    p->coef[wrong] -= p->beta * slope * p->scale;
    p->sums->loss -= (1.0 - p->smoothing) * vs_log_sigmoid(h) + p->smoothing * vs_log_sigmoid(-h);
    p->sums->accuracy += h > 0.0 ? 1.0 : 0.0;
    p->sums->margin += h;
    p->sums->n_pairs++;
}

void vs_dpo_coefs(double *coef, const vs_example *e, const double *logp, double beta,
                  double smoothing, size_t all_pairs, vs_step_stats *sums)
{
    const dpo_pair p = {e, logp, coef, beta, smoothing, 1.0 / (double)all_pairs, sums};

    for (size_t i = 0; i < e->group.n_solutions; i++) {
        coef[i] = 0.0;
        if (i < e->n_right)
            sums->logp_right += logp[i];
        else
            sums->logp_wrong += logp[i];
    }
    for (size_t i = 0; i < e->n_pairs; i++) add_pair(&p, e->pairs[i][0], e->pairs[i][1]);
    if (e->n_pairs) return;
    for (size_t r = 0; r < e->n_right; r++)
        for (size_t w = e->n_right; w < e->group.n_solutions; w++) add_pair(&p, r, w);
}
