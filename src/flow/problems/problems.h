/* problems.h - files and built-in families become problems: question, prompt, gold, reference.
 *
 * Ownership: *out owns its strings and is released by vs_problems_free. `ids` stay NULL: who has
 *            the tokenizer encodes the prompts.
 * Order:     sft, then train, then test, each in the source's order; `id` counts from 1.
 * Errors:    name file, line and key, what was found and what was expected. */
#ifndef VS_PROBLEMS_PROBLEMS_H
#define VS_PROBLEMS_PROBLEMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "flow/store/store.h"

enum {
    VS_PROBLEMS_MAX = 1 << 22,     /* problems of one file or one built-in split */
    VS_PROBLEM_TEXT_MAX = 1 << 20, /* bytes of one question, answer or reference */
};

/* Strings are borrowed. A count of 0 means all that is left of the file. Files end in .gz when they
 * are compressed, in .json when they are one array; else they are JSON Lines.
 *
 *   gsm8k      {"question","answer"} as published: gold is the text after the last "#### ", the
 *              reference is the answer.
 *   math       {"problem","solution"[,"answer"][,"unique_id"]}: gold is "answer" or what the solution
 *              boxes; rows without either are left out and counted.
 *   mbpp       {"task_id","text" or "prompt","code","test_list"[,"test_setup_code"]
 *              [,"test_imports"]}: gold is {"setup","tests"[,"imports"]}, the reference is the code.
 *              By task_id 601-974 are for training, 11-510 for the test, 511-600 for validation,
 *              1-10 are examples (Austin et al. 2021).
 *   humaneval  {"task_id","prompt","entry_point","canonical_solution","test"}: gold is
 *              {"prompt","test","entry_point"}. A test set: training on it is refused unless it is
 *              allowed.
 *   choice     {"id","question":{"stem","choices":[{"label","text"}]},"answerKey"}: gold is the
 *              label.
 *   jsonl      {"question"[,"answer"][,"id"][,"reference" or "solution"]}; "answer" and "id" are
 *              strings or integers. Without an answer a problem is good for training alone, where that
 *              is allowed.
 *   bags       built in, as is `hard` (half of it two-price problems): files are not used, and a
 *              count of 0 makes none of that split.
 *   addition   built in: sums of two numbers of min_digits to max_digits digits with a scratchpad
 *              (STaR).
 *
 * The sft problems are the first n_sft of sft_file, or of train_file when there is no sft_file. A
 * question that is an sft problem is not taken for train again, since the loop samples both.
 * test_file may be NULL. */
typedef struct vs_problem_source {
    const char *kind;
    const char *test_kind;  /* of test_file; NULL: kind */
    const char *test_split; /* "test" or "validation"; NULL: "test" */
    const char *train_file, *test_file, *sft_file;
    size_t n_sft, n_train, n_test;
    const char *prompt; /* template: every {question} becomes the question, all else stays */
    uint64_t seed;      /* of the built-in families */
    size_t min_digits, max_digits; /* of addition */
    bool allows_test_set_training;
    bool allows_no_answer; /* problems of train_file may have none (jsonl): gold is NULL then */
} vs_problem_source;

enum { VS_ADDITION_MAX_DIGITS = 12 };

/* One row of a named source, without a split. */
typedef struct vs_problem_row {
    char *id; /* NULL: the row has none */
    char *question;
    char *gold;         /* NULL: the row has none */
    char *reference;    /* NULL: none */
    long task_id;       /* of mbpp; else 0 */
    bool has_no_answer; /* of math: question alone is set */
} vs_problem_row;
void vs_problem_row_free(vs_problem_row *row);
/* kind: a source of files. where: what messages begin with, "file:line". */
VS_NODISCARD vs_status vs_problem_row_read(vs_problem_row *out, const char *kind, const json_t *row,
                                           const char *where, vs_error *err);
/* The gold alone, of what a row needs to be graded: no question, no reference program. */
VS_NODISCARD vs_status vs_problem_gold_read(vs_problem_row *out, const char *kind,
                                            const json_t *row, const char *where, vs_error *err);

/* Refuses what would spoil a run: a question of test that is also one of train or sft (exact bytes
 * after runs of white space are folded), an id twice among sft and train or within test, an sft
 * problem without a reference solution, fewer problems than asked for.
 *
 * A key is a line's "id", or its file's role and the line number where it has none ("train-17" for
 * the line 17 of train_file, whichever split takes it); a built-in problem's key is its equation
 * ("9x-4=61"). */
VS_NODISCARD vs_status vs_problems_load(vs_problems *out, const vs_problem_source *src,
                                        vs_error *err);

/* Solved problems to show a model: the first n of a file of src's kind that have a reference; of mbpp
 * those with task_id 1 to 10. split "example", prompts rendered. Fewer than n are VS_E_INPUT. */
VS_NODISCARD vs_status vs_examples_load(vs_problems *out, const vs_problem_source *src,
                                        const char *path, size_t n, vs_error *err);

/* Appends the template with the question in it. A template without {question}, or with another
 * {name}, is refused. */
VS_NODISCARD vs_status vs_prompt_render(vs_buf *out, const char *prompt, const char *question,
                                        vs_error *err);

/* The same with the answer in sight: {question}, {answer}, and {marked}: the question of a multiple
 * choice with " (CORRECT)" behind the answer's line. One of the latter two must be there. */
VS_NODISCARD vs_status vs_hint_render(vs_buf *out, const char *prompt, const char *question,
                                      const char *answer, vs_error *err);
#endif
