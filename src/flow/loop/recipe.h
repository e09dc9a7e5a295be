/* recipe.h - what a run is: YAML, read by schema; every key has a default, unknown or ill-typed
 * keys are refused with file and line.
 *
 * Ownership: strings belong to the recipe; vs_recipe_free releases them.
 * Parser:    libyaml's events, driven by one table of keys (recipe_keys.h) that also serves --set,
 * the writer and docs/RECIPE.md. libcyaml is not used: it reports through a log callback, without
 * what was expected, and its schema could serve neither --set nor ranges nor the document. */
#ifndef VS_LOOP_RECIPE_H
#define VS_LOOP_RECIPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/train/train.h"
#include "flow/datasets/datasets.h"
#include "flow/verifier/verifier.h"

typedef struct vs_recipe_problems {
    char *source;      /* see flow/problems/problems.h */
    char *test_source; /* of test_file; NULL: source */
    char *test_split;  /* "test" or "validation", where the source has both */
    char *train_file, *test_file,
        *sft_file; /* for file sources; sft_file NULL: the first n_sft of train_file */
    size_t n_sft, n_train, n_test; /* 0: all of the file; built-in: as many are made */
    char *prompt;                  /* template with {question}; "\n" escapes as YAML has them */
    int chat;                      /* the model's chat template around the prompt */
    char *system;                  /* with chat: the system's message; NULL: none */
    uint64_t seed;                 /* built-in problems; 0: the run's seed */
    size_t min_digits, max_digits; /* of source addition */
    int allow_test_set_training;
    char **check_files; /* "SOURCE:PATH": test sets that training problems are compared with */
    size_t n_check_files;
    int skip_long; /* leave out what does not fit the model's positions, instead of refusing it */
} vs_recipe_problems;

typedef struct vs_recipe_sample {
    size_t k; /* per problem and round */
    double temperature, top_p;
    size_t top_k; /* 0: off */
    size_t max_tokens;
    char **stop; /* stop strings */
    size_t n_stop;
    size_t rows; /* live branches at once; changes memory and speed, not the result */
} vs_recipe_sample;

/* What a reward model says of a solution: its log-prob, that per token, a value head's value, or the log-odds of "yes". */
typedef enum vs_reward_score {
    VS_REWARD_SUM,
    VS_REWARD_MEAN,
    VS_REWARD_VALUE,
    VS_REWARD_YES
} vs_reward_score;

/* Which problems' samples it labels for training: those without a known answer, or all. */
typedef enum vs_reward_where { VS_REWARD_UNKNOWN, VS_REWARD_ALL } vs_reward_where;

typedef struct vs_recipe {
    char *name;
    uint64_t seed;
    char *base;            /* model folder, or "demo": the built-in base */
    vs_compute compute;    /* of sampling and scoring; training is in f32 */
    size_t rounds;         /* T */
    char *grader;          /* profile of labels/, or "external" */
    char **grader_command; /* external: program and arguments */
    size_t n_grader_command;
    double grader_timeout; /* external: seconds for one solution */
    int weak_sandbox;      /* programs may run where namespaces are missing */
    vs_recipe_problems problems;
    vs_recipe_sample sample;
    struct {
        size_t cap; /* right samples kept per problem and round; 0: all */
        vs_gen_dedupe dedupe;
        vs_data_rounds rounds;
        int references; /* the reference solutions take part */
    } gen_data;
    struct {
        double share; /* of failed problems that are tried again with the answer as a hint */
        char *prompt; /* template with {question}, {answer} or {marked} */
    } rationalize;
    struct {
        int dedupe;    /* equal token ids of a problem once */
        int truncated; /* keep unfinished samples as wrong ones */
        size_t cap;    /* solutions per problem; 0: all */
        vs_data_rounds rounds;
        size_t keep; /* best right samples by score, and as many wrong; 0: all */
    } ver_data;
    struct {
        char *model; /* folder of the model that labels samples; NULL: none */
        vs_reward_score score;
        vs_reward_where where;
        size_t keep; /* best-scored texts of a problem and round that are right; 0: any number */
        double threshold; /* least probability of one that counts as right; 0: any */
    } reward;
    struct {
        vs_verifier_kind kind;
        int every_round; /* one after each round, which scores the next round's samples */
    } verifier;
    struct {
        char *question, *yes, *no; /* what a generative verifier is asked, and says */
    } ask_verifier;
    vs_train_options sft;    /* every generator but the first */
    size_t sft_first_epochs; /* epochs of G_SFT */
    double sft_growth;       /* of sft.steps from each round to the next */
    vs_train_options dpo, orm, generative;
    struct {
        size_t n; /* candidates per test problem */
        size_t
            headline_k; /* of the numbers a run is summed up by: the largest measured k not above it */
        char *grader;        /* of test problems; NULL: the run's */
        int baselines;       /* also sample and score with G_SFT */
        int base;            /* the base itself is tested too */
        size_t base_shots;   /* after so many solved problems */
        char *examples_file; /* where those are; NULL: the first of D_SFT */
        size_t top;          /* of the vote among the best-scored candidates; 0: none */
        char *base_separator;
    } eval;
} vs_recipe;

void vs_recipe_defaults(vs_recipe *r); /* zeroed on entry; fills literature defaults (docs/RECIPE.md
                                          names each source) */
void vs_recipe_free(vs_recipe *r);
/* Starts from defaults. Cross-key rules are left to vs_recipe_check, which comes after the last
 * --set. */
VS_NODISCARD vs_status vs_recipe_read(vs_recipe *out, const char *path, vs_error *err);
/* The same from memory; where: what errors call it. */
VS_NODISCARD vs_status vs_recipe_parse(vs_recipe *out, const char *text, size_t len,
                                       const char *where, vs_error *err);
/* "sft.lr=1e-3": the key as in the file, dotted; same types and ranges. where: "--set". Texts are
 * taken as they are, lists as in YAML: "sample.stop=[a, b]". */
VS_NODISCARD vs_status vs_recipe_set(vs_recipe *r, const char *assignment, const char *where,
                                     vs_error *err);
/* The same for one trainer section alone: vs_train_options_set(&o, "dpo", "lr=1e-3"). */
VS_NODISCARD vs_status vs_train_options_set(vs_train_options *o, const char *section,
                                            const char *assignment, vs_error *err);
VS_NODISCARD vs_status vs_recipe_check(const vs_recipe *r, const char *path,
                                       vs_error *err); /* cross-key rules */
/* YAML with every value written out; reading it back gives the same recipe. */
VS_NODISCARD vs_status vs_recipe_write(vs_buf *out, const vs_recipe *r, vs_error *err);
/* The first key by which two recipes mean different runs, as "sample.k: found 8, expected 4"; nothing where they mean the
 * same. Keys that change memory and speed alone do not count. */
VS_NODISCARD vs_status vs_recipe_difference(vs_buf *out, const vs_recipe *found,
                                            const vs_recipe *expected, vs_error *err);
/* Those keys' values from another recipe. */
VS_NODISCARD vs_status vs_recipe_take_free(vs_recipe *to, const vs_recipe *from, vs_error *err);
/* Markdown tables of all keys, as docs/RECIPE.md has them. */
VS_NODISCARD vs_status vs_recipe_document(vs_buf *out, vs_error *err);
#endif
