/* run.h - a run as loop/ sees it: the parts that the stages share. Private to loop/. */
#ifndef VS_LOOP_RUN_H
#define VS_LOOP_RUN_H

#include "base/log.h"
#include "engine/decode/decode.h"
#include "engine/model/chat.h"
#include "engine/model/tokenizer.h"
#include "engine/train/job.h"
#include "flow/labels/grader.h"
#include "flow/loop/loop.h"
#include "flow/problems/problems.h"
#include "flow/verifier/verifier.h"

struct vs_run {
    char *dir;
    vs_recipe recipe;
    vs_store *store;
    vs_event_log *log;
    vs_grader *grader,
        *test_grader; /* of samples that are trained on; of test samples: often the same */
    char labels
        [VS_PROFILE_BYTES]; /* whose labels are trained on: the grader's version, or one of a reward model's */
    char reward[VS_PROFILE_BYTES - 16]; /* the reward model's own labels; "": there is none */
    char *base;                         /* folder of G_base */
    vs_tokenizer *tokenizer;
    vs_chat *chat; /* NULL: prompts are plain text, encoded with the tokenizer's special tokens */
    vs_config config; /* of the base; with a chat template eos_ids[0] ends an assistant's turn */
    vs_problems problems;    /* all, by id */
    vs_problems query, test; /* views of problems: sft and train; test. Items are borrowed */
    vs_ver_words words;      /* of a generative verifier or reward model; else zeroed */
    char **other_models, **other_stores; /* of runs that may have made the same */
    size_t n_other_models, n_other_stores;
    bool did_work;
    double stage_began, stage_began_cpu; /* s */
};

/* GLOB patterns: what is trained on (reference, round-1, ..), and what is only measured (test:.., base). */
#define VS_TRAINING_SETS "r*"
#define VS_TEST_SETS     "[tb]*"

/* Rounds of draws apart from the training rounds 1 .. T. Never renumber: samples depend on them. */
enum { VS_ROUND_TEST_SFT = 1 << 30, VS_ROUND_TEST_GENERATOR, VS_ROUND_ASK, VS_ROUND_TEST_BASE };
enum { VS_ROUND_RATIONALE = 1 << 29 }; /* plus the round */

/* DIR/models/NAME; malloc'd, NULL when memory is out. */
char *vs_run_model_dir(const vs_run *run, const char *name);
/* Opens a model of the run: a folder of its own, or an adapter over the base. compute: the recipe's, but for what training
 * takes from it. */
/* The hash of what a model's training started from, by its manifest; "" when it is not there. */
VS_NODISCARD vs_status vs_run_start_hash(char hex[VS_HASH_HEX], const vs_run *run, const char *name,
                                         vs_error *err);
VS_NODISCARD vs_status vs_run_open_model(const vs_run *run, const char *name, vs_compute compute,
                                         vs_opened_model *out, vs_error *err);
/* Whether models/verifier is there: a run whose samples gave nothing to tell apart has none. */
VS_NODISCARD vs_status vs_run_has_verifier(bool *out, const vs_run *run, vs_error *err);

/* Whether encoding adds the tokenizer's special tokens: a chat template has written them. */
static inline bool vs_run_adds_special(const vs_run *run)
{
    return run->chat == NULL;
}

/* run_chat.c: opens the chat template if the recipe wants it, and puts the token that ends an assistant's turn first among
 * the end tokens. */
VS_NODISCARD vs_status vs_run_open_chat(vs_run *run, vs_error *err);
/* A prompt as the model reads it: the template around what the user says. Without chat *text stays. *text: malloc'd. */
VS_NODISCARD vs_status vs_run_chat_prompt(const vs_run *run, char **text, vs_error *err);

/* Refuses a run that may not fit the free space, before anything is computed. Upper bounds: all
 * samples at full length. */
VS_NODISCARD vs_status vs_run_check_space(const vs_run *run, vs_error *err);

/* Stages, in the order of the algorithm; each does what is left of it. */
VS_NODISCARD vs_status vs_run_problems(vs_run *run, vs_error *err);
VS_NODISCARD vs_status vs_run_references(vs_run *run, vs_error *err);
/* models/NAME <- SFT(base, references + right samples of rounds 1 .. rounds) */
VS_NODISCARD vs_status vs_run_generator(vs_run *run, const char *name, size_t rounds,
                                        vs_error *err);
/* set "round-T" <- k graded samples per problem from models/NAME */
VS_NODISCARD vs_status vs_run_round(vs_run *run, size_t round, const char *name, vs_error *err);
/* set "rationale-T" <- one more try of problems that round T left unsolved, with the answer in sight */
VS_NODISCARD vs_status vs_run_rationales(vs_run *run, size_t round, const char *name,
                                         vs_error *err);
/* Refuses prompts with a hint that cannot be encoded or are too long, before anything is drawn. */
VS_NODISCARD vs_status vs_run_check_hints(vs_run *run, vs_error *err);
/* models/NAME <- a verifier of the recipe's kind from models/sft, on samples of rounds 1 .. rounds */
VS_NODISCARD vs_status vs_run_verifier(vs_run *run, const char *name, size_t rounds, vs_error *err);
/* Scores round T's samples by what came before it, and trains models/verifier-T where the recipe has a verifier in the
 * loop; else nothing. */
VS_NODISCARD vs_status vs_run_choose(vs_run *run, size_t round, vs_error *err);
/* test samples of G_SFT and G_T, scores, metrics */
VS_NODISCARD vs_status vs_run_answers(vs_run *run, vs_error *err);
/* set "base" <- graded samples of the base itself, each test problem after the recipe's solved
 * problems */
VS_NODISCARD vs_status vs_run_few_shot(vs_run *run, vs_error *err);
/* Refuses examples that are too few, too long before a test problem, test problems themselves, or not
 * those that the run began with. */
VS_NODISCARD vs_status vs_run_check_examples(vs_run *run, vs_error *err);
/* Grades the sets' samples that have no label of the grader yet. */
VS_NODISCARD vs_status vs_run_grade(vs_run *run, const char *sets_glob, vs_grader *grader,
                                    vs_error *err);
/* The same for samples that were read out already; again: those with labels too. visit (may be NULL)
 * sees each graded one in order. */
typedef void vs_graded_fn(void *ctx, const vs_sample *x, const vs_grade_result *result);
VS_NODISCARD vs_status vs_run_label(vs_run *run, const vs_samples *all, vs_grader *grader,
                                    bool again, vs_graded_fn *visit, void *ctx, vs_error *err);
/* stage_reward.c: versions of what labels the samples that are trained on, into run->labels and run->reward. */
VS_NODISCARD vs_status vs_run_open_labels(vs_run *run, vs_error *err);
/* With a reward model: labels the samples of round T by it, and says how far the grader agrees; else nothing. */
VS_NODISCARD vs_status vs_run_reward(vs_run *run, size_t round, vs_error *err);
/* Refuses to go on with labels of another grader than the run was begun with. */
VS_NODISCARD vs_status vs_run_check_graders(vs_run *run, vs_error *err);
/* What the recipe says of problems; borrows from it. */
void vs_run_problem_source(vs_problem_source *out, const vs_run *run);
/* Draws what set lacks of k samples for each problem from models/NAME, keyed by draw_round, and grades it. */
VS_NODISCARD vs_status vs_run_sample(vs_run *run, const char *name, const char *set,
                                     const vs_problems *problems, size_t k, uint64_t draw_round,
                                     vs_grader *grader, vs_error *err);
void vs_run_decode_options(const vs_run *run, vs_decode_options *out, uint64_t round);
#endif
