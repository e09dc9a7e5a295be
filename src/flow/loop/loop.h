/* loop.h - the algorithm: a recipe and a run folder in, generators, verifier and answers out.
 *
 * The same call starts a run and resumes it. Work is committed in units; a kill at any moment loses
 * at most the unit in hand and changes no byte of the outcome. One process at a time may write a
 * run. */
#ifndef VS_LOOP_LOOP_H
#define VS_LOOP_LOOP_H

#include <stdbool.h>

#include "flow/datasets/datasets.h"
#include "flow/labels/grader.h"
#include "flow/loop/recipe.h"
#include "flow/store/store.h"

/* Files of the built-in base, which recipes name "demo"; app/ hands them over once. name:
 * "config.json", .. */
typedef struct vs_builtin_file {
    const char *name;
    const void *data;
    size_t len;
} vs_builtin_file;
void vs_loop_builtin_base(const vs_builtin_file *files, size_t n);

typedef struct vs_run vs_run;

/* Opens or makes DIR. recipe NULL: DIR must be a run, and its own recipe.yaml counts; else, for a
 * run that exists, the recipe must be the run's (VS_E_STATE names the first key that differs). */
VS_NODISCARD vs_status vs_run_open(vs_run **out, const vs_recipe *recipe, const char *dir,
                                   vs_error *err);
void vs_run_close(vs_run *run); /* NULL is allowed */

/* Models and samples of other runs are taken over where this one would make the very same; a model
 * that is taken over has no rows of its training in the store. Before vs_run_all. */
VS_NODISCARD vs_status vs_run_reuse(vs_run *run, const char *const *dirs, size_t n, vs_error *err);

/* Runs what is left. *did_work false: everything was there already. */
VS_NODISCARD vs_status vs_run_all(vs_run *run, bool *did_work, vs_error *err);

/* Facts of the store: versions of the graders whose labels the run is made of. */
#define VS_FACT_GRADER      "grader"
#define VS_FACT_TEST_GRADER "test_grader"
/* .. and of what labels the samples that are trained on: the first grader, or a reward model. */
#define VS_FACT_LABELS "labels"
#define VS_FACT_REWARD "reward" /* the reward model's own labels */
/* Where programs were graded: interpreter, isolation, limits. */
#define VS_FACT_SANDBOX "sandbox"
VS_NODISCARD vs_status vs_run_label_version(char out[VS_PROFILE_BYTES], vs_store *s,
                                            const vs_recipe *r, vs_error *err);

/* How far a reward model's labels of a set agree with the grader's, over the samples that both call
 * right or wrong. by[grader's verdict][reward model's]: counts. */
typedef struct vs_agreement {
    size_t n, n_right; /* samples with a label of the reward model; of them, that count as right */
    size_t by[2][2];
} vs_agreement;
VS_NODISCARD vs_status vs_run_agreement(vs_agreement *out, vs_store *s, const char *set,
                                        const char *grader, const char *labels, vs_error *err);
char *vs_agreement_text(const vs_agreement *a); /* one line, malloc'd; NULL: out of memory */

/* The version in the store, or the recipe's where a run of an earlier version has none. */
VS_NODISCARD vs_status vs_run_grader_version(char out[VS_GRADER_VERSION_BYTES], vs_store *s,
                                             const vs_recipe *r, bool is_test, vs_error *err);

/* Whether runs of the recipe have that row of results: "V-STaR", "G_T", "G_SFT + V", .. */
bool vs_run_has_row(const vs_recipe *r, const char *name);

/* The hash in RUN/models/NAME/manifest.json, which is that under f32; "" when the model is not there. */
VS_NODISCARD vs_status vs_run_model_hash(char hex[VS_HASH_HEX], const char *run_dir,
                                         const char *name, vs_error *err);

/* What the store calls the scores of the recipe's verifier that has that hash under f32. */
void vs_run_score_key(char out[VS_SCORE_KEY_BYTES], const vs_recipe *r, const char *verifier);

/* D_GEN and D_VER of a run, as its recipe says. *kept (malloc'd, NULL: all): the samples that a
 * verifier in the loop chose, for the options' field of that name. */
VS_NODISCARD vs_status vs_run_kept(bool **kept, const char *run_dir, const vs_recipe *r,
                                   vs_store *s, const vs_samples *all, vs_error *err);
vs_gen_options vs_run_gen_options(const vs_recipe *r, size_t rounds, const bool *kept);
/* rounds: the last one whose samples take part; 0: any. */
vs_ver_options vs_run_ver_options(const vs_recipe *r, size_t rounds, const bool *kept);

/* What the recipe says of a grader; profile NULL: the run's. Borrows from the recipe. */
void vs_run_grader_options(vs_grader_options *out, const vs_recipe *r, const char *profile);

/* Grades all stored samples again: under o, or under the run's own graders when it is NULL. Labels of
 * other versions stay. A flip is a label that is not the one that the run was made with. */
typedef struct vs_regrade_count {
    size_t n, flipped;
    size_t from_to[3][3]; /* by verdict */
} vs_regrade_count;
typedef void vs_flip_fn(void *ctx, const vs_problem *p, const vs_sample *x,
                        const vs_grade_result *now);
VS_NODISCARD vs_status vs_run_regrade(vs_run *run, const vs_grader_options *o, vs_flip_fn *on_flip,
                                      void *ctx, vs_regrade_count *count, vs_error *err);

/* A new question: n candidates of the final generator, scored by the verifier, best first. */
typedef struct vs_candidate {
    char *text;
    char answer[96]; /* the answer's class; "" none */
    double score;    /* sum of log V over its tokens */
    double logprob;  /* under the generator */
    const char *finish;
} vs_candidate;
typedef struct vs_answer {
    vs_candidate *item; /* [n] by falling score */
    size_t n;
    /* places in item: of the majority and of the verifier-weighted vote; SIZE_MAX: no answer is named, as of
     * code; the verifier's choice is item[0] */
    size_t vote, weighted;
    size_t vote_count;
} vs_answer;
VS_NODISCARD vs_status vs_run_ask(vs_run *run, const char *question, size_t n, vs_answer *out,
                                  vs_error *err);
void vs_answer_free(vs_answer *a);

const vs_recipe *vs_run_recipe(const vs_run *run);
#endif
