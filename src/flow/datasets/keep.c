/* keep.c - the samples of a round that a verifier puts first. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/datasets/datasets.h"

/* One sample of a problem and round. */
typedef struct ranked {
    size_t index;
    double score;
} ranked;

static int by_falling_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Marks the best `most` of those that are right (or not); how many there were to mark. */
static size_t keep_kind(bool *kept, ranked *list, const vs_samples *all, const double *score,
                        size_t begin, size_t end, bool right, size_t most)
{
    size_t n = 0;

    for (size_t i = begin; i < end; i++) {
        const vs_sample *x = &all->item[i];
        const bool is_right = x->verdict == VS_RIGHT && strcmp(x->finish, "length") != 0;
        if (is_right == right) list[n++] = (ranked){i, score[i]};
    }
    qsort(list, n, sizeof *list, by_falling_score);
    for (size_t i = 0; i < n && i < most; i++) kept[list[i].index] = true;
    return n < most ? n : most;
}

vs_status vs_keep_best(bool *kept, const vs_samples *all, const double *score, size_t keep,
                       vs_error *err)
{
    ranked *list = vs_alloc(all->n, sizeof *list);

    if (!list) return VS_FAIL(err, VS_E_NOMEM, "%zu samples", all->n);
    for (size_t i = 0, end; i < all->n; i = end) {
        const vs_sample *x = &all->item[i];
        for (end = i + 1; end < all->n && all->item[end].problem_id == x->problem_id &&
                          strcmp(all->item[end].set, x->set) == 0;)
            end++;
        memset(kept + i, vs_round_of(x->set) == 0, (end - i) * sizeof *kept);
        if (vs_round_of(x->set) == 0) continue;
        const size_t n_right = keep_kind(kept, list, all, score, i, end, true, keep);
        keep_kind(kept, list, all, score, i, end, false, n_right);
    }
    free(list);
    return VS_OK;
}
