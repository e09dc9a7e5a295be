/* overlap.h - what training problems share with a test set: contamination.
 *
 * Three measures, from the strongest to the weakest, each counted over training problems (sft and
 * train):
 *   exact       the question's bytes are those of a test question, after runs of white space are
 *               folded
 *   normalised  letters and digits alone, in lower case, are
 *   words       a run of 13 words of the question or of the reference solution stands in a test
 *               question: the window of Brown et al. 2020 (arXiv 2005.14165, appendix C)
 *
 * Linear in the texts; texts are compared by 64-bit hashes. */
#ifndef VS_PROBLEMS_OVERLAP_H
#define VS_PROBLEMS_OVERLAP_H

#include "flow/problems/problems.h"

enum { VS_OVERLAP_WORDS = 13, VS_OVERLAP_SHOWN = 3 };

typedef struct vs_overlap {
    size_t n_ours, n_theirs;
    size_t n_exact, n_normalised, n_words; /* each counts those of the stronger measures too */
    struct {
        char ours[64], theirs[256]; /* a training problem's key; the test problem's place */
        const char *how;            /* static */
    } shown[VS_OVERLAP_SHOWN];      /* the first pairs, strongest measure of each */
    size_t n_shown;
} vs_overlap;

/* ours: sft and train count. theirs: their splits do not matter; where they have no place in a
 * file, their keys are shown. */
VS_NODISCARD vs_status vs_overlap_find(vs_overlap *out, const vs_problems *ours,
                                       const vs_problems *theirs, vs_error *err);
/* The test set "SOURCE:PATH", whole, with places ("PATH:LINE") as keys. */
VS_NODISCARD vs_status vs_overlap_read(vs_problems *out, const char *name, vs_error *err);
#endif
