/* problems.h - files and built-in families become problems: question, prompt, gold, reference.
 *
 * Ownership: *out owns its strings and is released by vs_problems_free. `ids` stay NULL: who has
 *            the tokenizer encodes the prompts.
 * Order:     sft, then train, then test, each in the source's order; `id` counts from 1.
 * Errors:    name file, line and key, what was found and what was expected. */
#ifndef VS_PROBLEMS_PROBLEMS_H
#define VS_PROBLEMS_PROBLEMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "flow/store/store.h"

enum {
    VS_PROBLEMS_MAX = 1 << 22,     /* problems of one file or one built-in split */
    VS_PROBLEM_TEXT_MAX = 1 << 20, /* bytes of one question, answer or reference */
};

/* Strings are borrowed. A count of 0 means all that is left of the file.
 *
 *   gsm8k  {"question","answer"} lines as published: gold is the text after the last "#### ", the
 *          reference is the answer.
 *   jsonl  {"question","answer"[,"id"][,"reference" or "solution"]} lines; "answer" and "id" are
 *          strings or integers.
 *   bags   built in, as is `hard` (half of it two-price problems): files are not used, and a count
 *          of 0 makes none of that split.
 *
 * The sft problems are the first n_sft of sft_file, or of train_file when there is no sft_file. A
 * question that is an sft problem is not taken for train again, since the loop samples both.
 * test_file may be NULL. */
typedef struct vs_problem_source {
    const char *kind;
    const char *train_file, *test_file, *sft_file;
    size_t n_sft, n_train, n_test;
    const char *prompt; /* template: every {question} becomes the question, all else stays */
    uint64_t seed;      /* of the built-in families */
} vs_problem_source;

/* Refuses what would spoil a run: a question of test that is also one of train or sft (exact bytes
 * after runs of white space are folded), an id twice among sft and train or within test, an sft
 * problem without a reference solution, fewer problems than asked for.
 *
 * A key is a line's "id", or its file's role and the line number where it has none ("train-17" for
 * the line 17 of train_file, whichever split takes it); a built-in problem's key is its equation
 * ("9x-4=61"). */
VS_NODISCARD vs_status vs_problems_load(vs_problems *out, const vs_problem_source *src,
                                        vs_error *err);

/* Appends the template with the question in it. A template without {question}, or with another
 * {name}, is refused. */
VS_NODISCARD vs_status vs_prompt_render(vs_buf *out, const char *prompt, const char *question,
                                        vs_error *err);
#endif
