/* corpus.h - the noisy documents from which the demo's base learns format and arithmetic, but not
 * that a check must give 0.
 *
 * Document i of a seed depends on (seed, i) alone, so a longer corpus begins with a shorter one. */
#ifndef VS_PROBLEMS_CORPUS_H
#define VS_PROBLEMS_CORPUS_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"

typedef enum vs_demo_kind {
    VS_DEMO_FACTS,        /* 3 to 5 bare equations; the prompt is the line's first digit */
    VS_DEMO_BAGS_FORWARD, /* the total is asked and right */
    VS_DEMO_PRICES_FORWARD,
    VS_DEMO_BAGS_ATTEMPT, /* a careless guess, multiplied out honestly and given as the answer */
    VS_DEMO_PRICES_ATTEMPT,
    VS_DEMO_KINDS
} vs_demo_kind;

/* Appends the document's two parts and returns its kind. The prompt ends where the loss begins. */
vs_demo_kind vs_demo_document(vs_buf *prompt, vs_buf *completion, uint64_t seed, uint64_t index);

/* n_docs lines {"prompt","completion"}. `name` is what messages call the file. */
VS_NODISCARD vs_status vs_demo_corpus(FILE *out, const char *name, uint64_t n_docs, uint64_t seed,
                                      vs_error *err);
#endif
