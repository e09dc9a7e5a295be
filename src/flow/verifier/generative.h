/* generative.h - a verifier that says yes or no: rows to train it on, and its score. Private to
 * verifier/.
 *
 * The question stands behind prompt and solution, in the place of the solution's end token. What
 * would not fit the model's positions is cut off the solution's end. */
#ifndef VS_VERIFIER_GENERATIVE_H
#define VS_VERIFIER_GENERATIVE_H

#include "flow/verifier/verifier.h"

/* Rows of training, and what they point into. */
typedef struct ver_rows {
    vs_data_row *row;
    size_t n;
    vs_solution *solutions;
    int32_t *ids; /* of prompts that are no problem's own; NULL: there are none */
} ver_rows;

/* SFT rows: of each problem as many solutions that are right as wrong ones, chosen by the trainer's
 * seed, towards yes or no; and with lm > 0 every right solution itself, weighing lm / its tokens. The
 * caller frees *out also after an error. */
VS_NODISCARD vs_status generative_rows(ver_rows *out, const vs_verifier_job *j, vs_error *err);

/* The name of its scores: a hash of the three texts. */
void generative_name(char out[VS_SCORE_NAME_BYTES], const char *question, const char *yes,
                     const char *no);

/* log P(yes) - log P(no); ctx: a vs_ver_words. */
vs_score_fn generative_score;
#endif
