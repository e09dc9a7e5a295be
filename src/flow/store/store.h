/* store.h - the run's memory: one SQLite file, run.db, in which everything that cost compute is kept.
 *
 * Ownership: the store owns the connection. Records read out are the caller's: vs_*_free.
 * Threads:   one thread at a time.
 * Crashes:   WAL journal, synchronous FULL. What vs_store_commit returned VS_OK for survives; what is uncommitted
 *            at a kill is as if never begun. Rows are never rewritten by a resumed run, and carry no times, so that a resumed
 *            run's vs_store_dump equals the uninterrupted one's.
 * Identity:  `PRAGMA application_id` is 'vsta', `user_version` the schema's version; another is refused by name. */
#ifndef VS_STORE_STORE_H
#define VS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"

enum { VS_STORE_SCHEMA = 4 };

typedef struct vs_store vs_store;
typedef enum vs_store_mode { VS_STORE_CREATE, VS_STORE_WRITE, VS_STORE_READ } vs_store_mode;

/* CREATE makes the file if it is missing. WRITE takes a lock on the run: a second writer is VS_E_STATE. */
VS_NODISCARD vs_status vs_store_open(vs_store **out, const char *path, vs_store_mode mode,
                                     vs_error *err);
void vs_store_close(vs_store *s); /* NULL is allowed; an open transaction is rolled back */
VS_NODISCARD vs_status vs_store_begin(vs_store *s, vs_error *err);
VS_NODISCARD vs_status vs_store_commit(vs_store *s, vs_error *err);
void vs_store_rollback(vs_store *s);

/* Small named facts: "grader", "sampled:round-1", "stage:answers". *out NULL when absent; else malloc'd. */
VS_NODISCARD vs_status vs_store_get(char **out, vs_store *s, const char *key, vs_error *err);
VS_NODISCARD vs_status vs_store_set(vs_store *s, const char *key, const char *value, vs_error *err);

/* -- problems -- */
typedef struct vs_problem {
    int64_t id;      /* 1, 2, .. in order of insertion */
    char split[8];   /* "sft", "train", "test" */
    char *key;       /* the problem's own id, unique in its split; keys the random draws */
    char *question;  /* as the source has it */
    char *prompt;    /* what the model reads */
    char *gold;      /* the right answer, as the grader wants it; NULL: not known */
    char *reference; /* a reference solution; NULL: none */
    int32_t *ids;    /* prompt, encoded */
    size_t n_ids;
} vs_problem;
typedef struct vs_problems {
    vs_problem *item;
    size_t n, cap;
} vs_problems;
void vs_problems_free(vs_problems *p);
/* The problem of that id in a list that rises by id, as the store gives it; NULL: none. */
const vs_problem *vs_problems_find(const vs_problems *p, int64_t id);
VS_NODISCARD vs_status vs_store_add_problem(vs_store *s, const vs_problem *p, vs_error *err);
/* In order of id; split NULL: all. */
VS_NODISCARD vs_status vs_store_problems(vs_problems *out, vs_store *s, const char *split,
                                         vs_error *err);

typedef enum vs_verdict {
    VS_WRONG,
    VS_RIGHT,
    VS_UNGRADABLE
} vs_verdict; /* stored: never renumber */

/* -- samples -- a set is who sampled what: "reference", "round-1" .. "round-T", "test:sft", "test:generator", "base", .. */
typedef struct vs_sample {
    int64_t id, problem_id;
    char set[32];
    uint32_t index;        /* sample number within problem and set */
    int32_t *ids;          /* completion, the end token included when it was drawn */
    float *token_logprobs; /* under the sampling model, temperature 1, for vs_store_add_sample;
                              NULL for references, and where samples are read: no stage needs them */
    size_t n_ids;
    double logprob; /* their sum in order; 0 for references */
    char *text;
    char finish[8];          /* "stop" (end token), "string" (stop string), "length" */
    char model[VS_HASH_HEX]; /* content hash of the sampling model; "" for references */
    /* the label under the run's profile, when the set was read with labels */
    int verdict;  /* vs_verdict: 0 wrong, 1 right, 2 not gradable; -1: no label */
    char *normal; /* the answer's class; NULL or "": none */
} vs_sample;
typedef struct vs_samples {
    vs_sample *item;
    size_t n, cap;
} vs_samples;
void vs_samples_free(vs_samples *p);
/* Cut off by the token limit: there is no whole solution. */
static inline bool vs_sample_is_cut(const vs_sample *x)
{
    return strcmp(x->finish, "length") == 0;
}
VS_NODISCARD vs_status vs_store_add_sample(vs_store *s, const vs_sample *x, int64_t *id,
                                           vs_error *err);
/* Of all sets that match the GLOB pattern, ordered by (problem_id, set's order of creation, index). profile NULL: no labels. */
VS_NODISCARD vs_status vs_store_samples(vs_samples *out, vs_store *s, const char *sets_glob,
                                        const char *profile, vs_error *err);
/* Copies the first k samples of each problem of the set from another run's store, with all their labels and scores, when
 * its fact "sampled:SET" is `key` and it has that many for each of n problems. Problems have equal ids then. */
VS_NODISCARD vs_status vs_store_copy_set(bool *found, vs_store *s, const char *other_path,
                                         const char *set, const char *key, size_t k,
                                         size_t n_problems, vs_error *err);
/* Problems of the set whose samples are stored, as a count: groups are committed whole and in order of problem id. */
VS_NODISCARD vs_status vs_store_count_groups(size_t *out, vs_store *s, const char *set,
                                             vs_error *err);

/* -- labels -- */
typedef struct vs_label {
    int64_t sample_id;
    const char *profile; /* with version: "gsm8k/1" */
    int verdict;
    const char *rule, *extracted, *normal; /* borrowed */
    size_t span_start, span_end;           /* bytes of the completion's text */
} vs_label;
VS_NODISCARD vs_status vs_store_add_label(vs_store *s, const vs_label *l,
                                          vs_error *err); /* replaces */

/* Profiles that have labels, by name. At most cap are written; *n is how many were. */
enum { VS_PROFILE_BYTES = 96 };
VS_NODISCARD vs_status vs_store_profiles(char (*out)[VS_PROFILE_BYTES], size_t cap, size_t *n,
                                         vs_store *s, vs_error *err);

/* -- executions: what programs came to, by the hash of the program, its tests and the sandbox that ran it. detail: a
 * class of exception, a signal, or "". */
VS_NODISCARD vs_status vs_store_add_execution(vs_store *s, const char *key, int verdict,
                                              const char *detail, vs_error *err); /* replaces */
VS_NODISCARD vs_status vs_store_execution(bool *found, int *verdict, char *detail,
                                          size_t detail_bytes, vs_store *s, const char *key,
                                          vs_error *err);

/* -- scores: of a stored sample, under the content hash of the model for its log-probs, and under "HASH:NAME" for what else
 * the model says of it: the value of its head, "value", or its log-odds of yes, "yes-..". */
enum { VS_SCORE_NAME_BYTES = 20, VS_SCORE_KEY_BYTES = VS_HASH_HEX + VS_SCORE_NAME_BYTES };
/* name NULL or "": log-probs. */
static inline void vs_score_key(char out[VS_SCORE_KEY_BYTES], const char *model, const char *name)
{
    const bool is_named = name && *name;

    snprintf(out, VS_SCORE_KEY_BYTES, "%.*s%s%s", VS_HASH_HEX - 1, model, is_named ? ":" : "",
             is_named ? name : "");
}
VS_NODISCARD vs_status vs_store_add_score(vs_store *s, int64_t sample_id, const char *model,
                                          double logprob, vs_error *err);
/* out[i] for samples->item[i]; NAN where there is none. */
VS_NODISCARD vs_status vs_store_scores(double *out, vs_store *s, const vs_samples *samples,
                                       const char *model, vs_error *err);

/* -- results and training curves, for the report -- */
typedef struct vs_metric {
    char system[48], curve[16]; /* "G_T", "best_of" */
    uint32_t k;
    double value, low, high; /* shares, 0 .. 1 */
    const double *each; /* to store: [n_each], of each test problem; not read back with the rest */
    size_t n_each;
} vs_metric;
/* What the mean is of, for paired comparisons: free(*out). VS_E_STATE when there is no such row. */
VS_NODISCARD vs_status vs_store_metric_each(double **out, size_t *n, vs_store *s,
                                            const char *system, const char *curve, uint32_t k,
                                            vs_error *err);
VS_NODISCARD vs_status vs_store_add_metric(vs_store *s, const vs_metric *m,
                                           vs_error *err); /* replaces */
VS_NODISCARD vs_status vs_store_metrics(vs_metric **out, size_t *n, vs_store *s,
                                        vs_error *err); /* free(*out) */

typedef struct vs_train_row {
    char model[32]; /* "sft", "generator-2", "verifier" */
    uint32_t step;
    double loss, grad_norm, lr;
    double accuracy, margin, logp_right, logp_wrong; /* verifier only; NAN elsewhere */
    uint64_t n_tokens;                               /* rows of tokens computed in the step */
} vs_train_row;
VS_NODISCARD vs_status vs_store_add_train_row(vs_store *s, const vs_train_row *r,
                                              vs_error *err); /* replaces */
VS_NODISCARD vs_status vs_store_train_rows(vs_train_row **out, size_t *n, vs_store *s,
                                           vs_error *err);

/* Every row of every table in a canonical order as text: two runs are equal iff their dumps are. */
VS_NODISCARD vs_status vs_store_dump(vs_store *s, FILE *out, vs_error *err);
#endif
