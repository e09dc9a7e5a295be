/* keep.c - the samples of a round that a verifier or a reward model puts first. */
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

/* The place in list[0 .. n) of a sample with this text; n: none. */
static size_t find_text(const ranked *list, size_t n, const vs_samples *all, const char *text)
{
    size_t i = 0;

    while (i < n && strcmp(all->item[list[i].index].text, text) != 0) i++;
    return i;
}

/* Marks the best `most` samples of that verdict; how many there were to mark. */
static size_t keep_kind(bool *kept, ranked *list, const vs_samples *all, const double *score,
                        size_t begin, size_t end, vs_verdict verdict, size_t most)
{
    size_t n = 0;

    for (size_t i = begin; i < end; i++)
        if (all->item[i].verdict == (int)verdict && !vs_sample_is_cut(&all->item[i]))
            list[n++] = (ranked){i, score[i]};
    qsort(list, n, sizeof *list, by_falling_score);
    if (n > most) n = most;
    for (size_t i = 0; i < n; i++) kept[list[i].index] = true;
    return n;
}

/* One past the last sample of the problem and set of sample i. */
static size_t group_end(const vs_samples *all, size_t i)
{
    const vs_sample *x = &all->item[i];
    size_t end = i + 1;

    while (end < all->n && all->item[end].problem_id == x->problem_id &&
           strcmp(all->item[end].set, x->set) == 0)
        end++;
    return end;
}

vs_status vs_keep_best(bool *kept, const vs_samples *all, const double *score, size_t keep,
                       vs_error *err)
{
    ranked *list = vs_alloc(all->n, sizeof *list);

    if (!list) return VS_FAIL(err, VS_E_NOMEM, "%zu samples", all->n);
    for (size_t i = 0, end; i < all->n; i = end) {
        const bool is_reference = vs_round_of(all->item[i].set) == 0;
        end = group_end(all, i);
        memset(kept + i, is_reference, (end - i) * sizeof *kept);
        if (is_reference) continue;
        const size_t n_right = keep_kind(kept, list, all, score, i, end, VS_RIGHT, keep);
        keep_kind(kept, list, all, score, i, end, VS_WRONG, n_right);
    }
    free(list);
    return VS_OK;
}

/* list: room for the samples begin .. end. */
static void label_group(vs_verdict *verdict, ranked *list, const vs_samples *all,
                        const double *score, size_t begin, size_t end, size_t keep, double least)
{
    size_t n = 0, n_texts = 0;

    for (size_t i = begin; i < end; i++) {
        verdict[i] = VS_UNGRADABLE;
        if (!vs_sample_is_cut(&all->item[i])) list[n++] = (ranked){i, score[i]};
    }
    qsort(list, n, sizeof *list, by_falling_score);
    for (size_t i = 0; i < n; i++) { /* the front of the list becomes the texts that are right */
        const ranked x = list[i];
        const bool is_known = find_text(list, n_texts, all, all->item[x.index].text) < n_texts;
        const bool has_room = keep == 0 || n_texts < keep;
        const bool is_right = is_known || (has_room && x.score >= least);
        verdict[x.index] = is_right ? VS_RIGHT : VS_WRONG;
        if (is_right && !is_known) list[n_texts++] = x;
    }
}

vs_status vs_label_best(vs_verdict *verdict, const vs_samples *all, const double *score,
                        size_t keep, double least, vs_error *err)
{
    ranked *list = vs_alloc(all->n, sizeof *list);

    if (!list) return VS_FAIL(err, VS_E_NOMEM, "%zu samples", all->n);
    for (size_t i = 0, end; i < all->n; i = end) {
        end = group_end(all, i);
        label_group(verdict, list, all, score, i, end, keep, least);
    }
    free(list);
    return VS_OK;
}
