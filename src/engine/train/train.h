/* train.h - training of a whole model or of an adapter, on groups: one prompt and its solutions in
 * one row.
 *
 * A step's result does not depend on threads, on micro-batches, nor on where training was
 * interrupted. Groups are the atoms of a micro-batch; gradients are chains over tokens in data
 * order, carried in memory between them. */
#ifndef VS_TRAIN_TRAIN_H
#define VS_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/model/group.h"

typedef enum vs_schedule { VS_CONSTANT, VS_LINEAR, VS_COSINE } vs_schedule;

/* Of a pair's reward margin h = beta (delta_right - delta_wrong):
 *   SIGMOID  -log sigmoid(h)                    arXiv:2305.18290, eq. 7
 *   IPO      (h / beta - 1 / (2 beta))^2        arXiv:2310.12036, eq. 17 */
typedef enum vs_pair_loss { VS_PAIR_SIGMOID, VS_PAIR_IPO } vs_pair_loss;

/* Of a value v and a label y of 0 or 1: (v - y)^2, or the binary cross-entropy of sigmoid(v). */
typedef enum vs_value_loss { VS_VALUE_MSE, VS_VALUE_BCE } vs_value_loss;

typedef struct vs_train_options {
    double lr;                              /* peak */
    double lr_end;                          /* share of the peak that the schedule ends at */
    vs_schedule schedule;                   /* after warm-up */
    size_t warmup;                          /* steps from 0 to the peak */
    double beta1, beta2, eps, weight_decay; /* AdamW; decay on matrices only */
    double clip;                            /* global gradient norm; 0: off */
    size_t epochs;                          /* passes over the data; 0 when steps is given */
    size_t steps;                           /* 0: from epochs */
    size_t batch; /* SFT: solutions per step; DPO, ORM: problems per step */
    /* Rows of tokens computed at once, at most, but always a whole group; changes memory, not the
     * result. */
    size_t micro_tokens;
    double keep_mb;          /* MiB for what the backward pass would compute again; likewise */
    size_t checkpoint_steps; /* steps between checkpoints; 0: none */
    uint64_t seed;           /* data order */
    vs_lora_config lora;     /* rank 0: all weights */
    /* DPO only */
    double beta; /* of the reward */
    vs_pair_loss pair_loss;
    double label_smoothing; /* cDPO: share of flipped labels; SIGMOID only */
    int length_normalised;  /* deltas are per token: arXiv:2405.14734, with a reference */
    double nll;             /* weight of -log V of right solutions, per token: arXiv:2404.19733 */
    /* DPO and ORM */
    size_t max_right;     /* right solutions per problem and step; 0: all */
    size_t max_solutions; /* solutions per problem and step, filled with wrong ones; 0: all */
    size_t sampled_pairs; /* DPO: pairs per problem and step, drawn without replacement; 0: all */
    /* ORM, and lm for who makes SFT rows of a generative verifier */
    vs_value_loss value_loss;
    double lm; /* weight of -log V of right solutions, per token */
} vs_train_options;

typedef enum vs_loss_kind { VS_LOSS_SFT, VS_LOSS_DPO, VS_LOSS_ORM } vs_loss_kind;

/* One step's data. SFT: every solution of every group is learned. DPO and ORM: solutions come right
 * ones first. DPO: ref_logp belongs to each solution; pairs are (right, wrong) indices within the group,
 * n_pairs 0: all right x wrong. */
typedef struct vs_example {
    vs_group group;
    size_t n_right;
    const double *ref_logp; /* [n_solutions] */
    const uint32_t (*pairs)[2];
    size_t n_pairs;
} vs_example;

typedef struct vs_step_stats {
    double loss; /* SFT: mean -logp over completion tokens; DPO: mean over pairs, plus nll's part;
                    ORM: mean over tokens that have a value, plus lm's part */
    double grad_norm, lr; /* before clipping */
    double pair_loss;     /* DPO: the part of the loss that pairs make; else NAN */
    double accuracy; /* DPO: share of pairs with h > 0; ORM: share of solutions whose last value is
                        on the label's side; else NAN */
    double margin;   /* DPO: mean reward margin h; else NAN */
    double logp_right, logp_wrong; /* DPO: mean over solutions; else NAN */
    uint64_t n_tokens, n_pairs, n_rows;
} vs_step_stats;

/* Where steps come from: examples of step `step` (0-based), valid until the next call. */
typedef vs_status (*vs_step_source)(void *ctx, size_t step, const vs_example **out, size_t *n,
                                    vs_error *err);
/* After each step. stats NULL: a checkpoint of `step` steps is about to be written; make what was
 * reported durable. */
typedef vs_status (*vs_step_report)(void *ctx, size_t step, const vs_step_stats *stats,
                                    vs_error *err);

typedef struct vs_trainer vs_trainer;
/* Trains m in place (its adapter when it has one, else its base). n_steps: for the schedule.
 * checkpoint_dir NULL: none. */
VS_NODISCARD vs_status vs_trainer_open(vs_trainer **out, vs_model *m, vs_loss_kind kind,
                                       const vs_train_options *o, size_t n_steps,
                                       const char *checkpoint_dir, vs_error *err);
void vs_trainer_close(vs_trainer *t); /* NULL is allowed */
/* DPO whose reference is the policy that it starts from: every reward is 0 at step 0 and the loss
 * ln 2 (IPO: 1 / (4 beta^2)), or the run stops (VS_E_STATE) before any update: then the reference log-probs are of other
 * weights or other tokens. */
void vs_trainer_expect_reference(vs_trainer *t);
/* Makes the data, by its hash, part of what a checkpoint must match. Before vs_trainer_run. */
void vs_trainer_identify(vs_trainer *t, const char *data_hash);
/* Of start weights, options, number of steps and data: equal ones train equal weights. */
const char *vs_trainer_identity(const vs_trainer *t);
/* Resumes from the checkpoint (of the same model, options and number of steps; another is ignored)
 * if there is one, runs to the end, calls report after each step. VS_E_STOPPED when asked to stop, with
 * a checkpoint saved. */
VS_NODISCARD vs_status vs_trainer_run(vs_trainer *t, vs_step_source source, vs_step_report report,
                                      void *ctx, vs_error *err);
/* Loss and gradients of one step without any update; grads are the trainer's. */
VS_NODISCARD vs_status vs_trainer_grads(vs_trainer *t, const vs_example *examples, size_t n,
                                        vs_step_stats *stats, const vs_params **grads,
                                        vs_error *err);
/* Learning rate of a step. */
double vs_schedule_at(const vs_train_options *o, size_t step, size_t n_steps);
/* What losses are divided by: counts over the whole step. */
typedef struct vs_step_totals {
    size_t tokens, pairs;
    double weight;       /* SFT: of all tokens */
    size_t right_tokens; /* of right solutions */
    size_t values;       /* tokens of solutions that have a row */
} vs_step_totals;
/* DPO over one group: coef[i] = dL/dlogp_i [n_solutions] for L = sum over the group's pairs (r, w)
 * of the pair loss of h(r, w), divided by the step's pairs, plus nll times the mean over the step's
 * tokens of right solutions of -log V. With h = beta ((logp_r - ref_r) - (logp_w - ref_w)), or with
 * each delta divided by its solution's tokens; cDPO smooths labels: -(1 - eps) log sigmoid(h) - eps
 * log sigmoid(-h). One number per solution, whatever the number of pairs. Adds plain sums to sums:
 * loss (pairs), accuracy (count of h > 0), margin, logp_right, logp_wrong, n_pairs. */
void vs_dpo_coefs(double *coef, const vs_example *e, const double *logp, const vs_train_options *o,
                  vs_step_totals all, vs_step_stats *sums);
size_t vs_example_pairs(const vs_example *e);
#endif
