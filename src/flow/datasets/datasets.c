#include "flow/datasets/datasets.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

static const char rationale[] = "rationale-";

size_t vs_round_of(const char *set)
{
    const char *const prefixes[] = {"round-", rationale};
    char *end;
    unsigned long n;

    if (strcmp(set, "reference") == 0) return 0;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const char *number = set + strlen(prefixes[i]);
        if (strncmp(set, prefixes[i], strlen(prefixes[i])) != 0) continue;
        if (*number < '1' || *number > '9') return SIZE_MAX;
        n = strtoul(number, &end, 10);
        return *end ? SIZE_MAX : n;
    }
    return SIZE_MAX;
}

static bool is_rationale(const vs_sample *x)
{
    return strncmp(x->set, rationale, strlen(rationale)) == 0;
}

static bool takes_round(size_t round, size_t last, vs_data_rounds which)
{
    return which == VS_ROUNDS_LAST ? round == last : round <= last;
}

static bool is_right(const vs_sample *x)
{
    return vs_round_of(x->set) == 0 || (x->verdict == VS_RIGHT && !vs_sample_is_cut(x));
}

static bool same_text(const vs_sample *a, const vs_sample *b)
{
    return strcmp(a->text, b->text) == 0;
}

static bool same_ids(const vs_sample *a, const vs_sample *b)
{
    return a->n_ids == b->n_ids && memcmp(a->ids, b->ids, a->n_ids * sizeof *a->ids) == 0;
}

/* End of the run of samples that share sample i's problem. */
static size_t problem_end(const vs_samples *all, size_t i)
{
    size_t end = i;

    while (end < all->n && all->item[end].problem_id == all->item[i].problem_id) end++;
    return end;
}

/* Keeps `cap` of the n indices at random, in their order. */
static size_t keep_some(size_t *index, size_t n, size_t cap, uint64_t seed, size_t round,
                        int64_t problem)
{
    vs_rng r = vs_rng_stream(vs_rng_key_make(seed, VS_RNG_CAP, round), (uint64_t)problem);
    size_t kept = 0;

    if (cap == 0 || n <= cap) return n;
    /* selection sampling: each subset of the size is equally likely, and order is kept */
    for (size_t i = 0; i < n; i++)
        if (vs_rng_below(&r, (uint32_t)(n - i)) < cap - kept) index[kept++] = index[i];
    return kept;
}

/* -- D_GEN -- */

static bool has_text(const vs_samples *all, const size_t *index, size_t n, const vs_sample *x)
{
    for (size_t i = 0; i < n; i++)
        if (same_text(&all->item[index[i]], x)) return true;
    return false;
}

static bool same_equations(const vs_buf *mine, const vs_sample *x)
{
    vs_buf other = {0};
    bool same;

    vs_equations(&other, x->text);
    same = mine->len == other.len &&
           (mine->len == 0 || memcmp(mine->data, other.data, mine->len) == 0);
    vs_buf_free(&other);
    return same;
}

/* Whether one of index[0 .. n), of the same problem, says what sample i says; *is_false: it is not
 * taken at all. hash [samples]: of the equations of each sample that was asked about. */
static bool is_repeat(bool *is_false, uint64_t *hash, const vs_samples *all, const size_t *index,
                      size_t n, size_t i, vs_gen_dedupe dedupe)
{
    vs_buf mine = {0};
    bool found = false;

    *is_false = false;
    if (dedupe == VS_DEDUPE_NONE) return false;
    if (dedupe == VS_DEDUPE_TEXTS) return has_text(all, index, n, &all->item[i]);
    *is_false = !vs_equations(&mine, all->item[i].text);
    hash[i] = vs_hash64(mine.len ? mine.data : "", mine.len);
    for (size_t k = 0; k < n && !found && !*is_false; k++)
        found = hash[index[k]] == hash[i] && same_equations(&mine, &all->item[index[k]]);
    vs_buf_free(&mine);
    return found;
}

/* Whether the sample takes part, before duplicates and the cap. */
static bool is_wanted(const vs_samples *all, size_t i, size_t round, const vs_gen_options *o)
{
    if (!is_right(&all->item[i]) || (o->kept && !o->kept[i])) return false;
    if (round == 0) return !o->without_references || o->rounds == 0;
    return o->rounds > 0 && takes_round(round, o->rounds, o->which);
}

/* Right samples of one problem, round by round. */
static void select_problem(vs_gen_set *out, uint64_t *hash, const vs_samples *all, size_t begin,
                           size_t end, const vs_gen_options *o)
{
    const size_t problem_first = out->n;

    for (size_t i = begin; i < end;) {
        const size_t round = vs_round_of(all->item[i].set), first = out->n;
        size_t kept;
        for (; i < end && vs_round_of(all->item[i].set) == round; i++) {
            const vs_sample *x = &all->item[i];
            bool is_false;
            if (!is_wanted(all, i, round, o)) continue;
            *(round == 0 ? &out->n_references : &out->n_right) += 1;
            out->n_rationales += is_rationale(x);
            const bool repeats = is_repeat(&is_false, hash, all, out->index + problem_first,
                                           out->n - problem_first, i, o->dedupe);
            out->n_duplicates += repeats;
            out->n_false += is_false && round > 0;
            if (!repeats && (!is_false || round == 0)) out->index[out->n++] = i;
        }
        if (round == 0) continue;
        kept = keep_some(out->index + first, out->n - first, o->cap, o->seed, round,
                         all->item[begin].problem_id);
        out->n_capped += out->n - first - kept;
        out->n = first + kept;
    }
}

vs_status vs_gen_select(vs_gen_set *out, const vs_samples *all, const vs_gen_options *o,
                        vs_error *err)
{
    vs_gen_set s = {.index = vs_alloc(all->n, sizeof *s.index)};
    uint64_t *hash = vs_alloc(o->dedupe == VS_DEDUPE_EQUATIONS ? all->n : 0, sizeof *hash);

    if (!s.index || !hash) {
        free(s.index);
        free(hash);
        return VS_FAIL(err, VS_E_NOMEM, "D_GEN of %zu samples", all->n);
    }
    for (size_t i = 0; i < all->n;) {
        const size_t end = problem_end(all, i);
        select_problem(&s, hash, all, i, end, o);
        i = end;
    }
    free(hash);
    *out = s;
    return VS_OK;
}

void vs_gen_set_free(vs_gen_set *s)
{
    free(s->index);
    *s = (vs_gen_set){0};
}

/* -- D_VER -- */

static bool has_ids(const vs_samples *all, const size_t *index, size_t n, const vs_sample *x)
{
    for (size_t i = 0; i < n; i++)
        if (same_ids(&all->item[index[i]], x)) return true;
    return false;
}

/* What was written with the answer in sight says nothing of a generator's mistakes; what is not
 * graded yet is neither right nor wrong. */
static bool takes_part(const vs_samples *all, size_t i, const vs_ver_options *o)
{
    const vs_sample *x = &all->item[i];
    const size_t round = vs_round_of(x->set);

    if (round == SIZE_MAX || is_rationale(x) || (o->kept && !o->kept[i])) return false;
    if (round > 0 && x->verdict < 0) return false;
    return round == 0 || o->rounds == 0 || takes_round(round, o->rounds, o->which);
}

/* Appends the problem's right (or wrong) samples; texts in other[0 .. n_other) are of the other
 * kind and never paired with. */
static size_t take_kind(vs_ver_set *out, const vs_samples *all, size_t begin, size_t end,
                        bool right, size_t first, const vs_ver_options *o)
{
    const size_t kind_first = out->n_solutions, n_right = kind_first - first;
    size_t at = out->n_solutions;

    for (size_t i = begin; i < end; i++) {
        const vs_sample *x = &all->item[i];
        if (!takes_part(all, i, o) || is_right(x) != right) continue;
        if (vs_sample_is_cut(x) && !o->truncated) {
            out->n_truncated++;
            continue;
        }
        if (!right && x->verdict == VS_UNGRADABLE && !vs_sample_is_cut(x)) {
            out->n_ungradable++;
            continue;
        }
        if (o->dedupe && has_ids(all, out->index + kind_first, at - kind_first, x)) {
            out->n_duplicates++;
        } else if (!right && has_text(all, out->index + first, n_right, x)) {
            out->n_same_text++;
        } else {
            out->index[at++] = i;
        }
    }
    out->n_solutions = at;
    return at - kind_first;
}

static void cap_group(vs_ver_set *out, vs_ver_group *g, const vs_ver_options *o)
{
    const size_t n_wrong = g->n - g->n_right, half = o->cap / 2;
    size_t right = g->n_right, wrong = n_wrong;

    if (o->cap == 0 || g->n <= o->cap) return;
    if (right > half && wrong > o->cap - half)
        right = half, wrong = o->cap - half;
    else if (right > half)
        right = o->cap - wrong;
    else
        wrong = o->cap - right;
    keep_some(out->index + g->first, g->n_right, right, o->seed, 0, g->problem_id);
    keep_some(out->index + g->first + g->n_right, n_wrong, wrong, o->seed, 1, g->problem_id);
    memmove(out->index + g->first + right, out->index + g->first + g->n_right,
            wrong * sizeof *out->index);
    out->n_capped += g->n - right - wrong;
    g->n_right = right;
    g->n = right + wrong;
    out->n_solutions = g->first + g->n;
}

static void select_group(vs_ver_set *out, const vs_samples *all, size_t begin, size_t end,
                         const vs_ver_options *o)
{
    vs_ver_group g = {.problem_id = all->item[begin].problem_id, .first = out->n_solutions};

    g.n_right = take_kind(out, all, begin, end, true, g.first, o);
    g.n = g.n_right + take_kind(out, all, begin, end, false, g.first, o);
    if (g.n_right == 0 || g.n_right == g.n) {
        out->n_all_right += g.n > 0 && g.n_right == g.n;
        out->n_all_wrong += g.n > 0 && g.n_right == 0;
        if (!o->one_sided || g.n == 0) {
            out->n_solutions = g.first;
            return;
        }
    }
    cap_group(out, &g, o);
    out->n_pairs += g.n_right * (g.n - g.n_right);
    out->groups[out->n_groups++] = g;
}

vs_status vs_ver_select(vs_ver_set *out, const vs_samples *all, const vs_ver_options *o,
                        vs_error *err)
{
    vs_ver_set s = {.index = vs_alloc(all->n, sizeof *s.index),
                    .groups = vs_alloc(all->n, sizeof *s.groups)};

    if (!s.index || !s.groups) {
        vs_ver_set_free(&s);
        return VS_FAIL(err, VS_E_NOMEM, "D_VER of %zu samples", all->n);
    }
    for (size_t i = 0; i < all->n;) {
        const size_t end = problem_end(all, i);
        select_group(&s, all, i, end, o);
        i = end;
    }
    *out = s;
    return VS_OK;
}

void vs_ver_set_free(vs_ver_set *s)
{
    free(s->index);
    free(s->groups);
    *s = (vs_ver_set){0};
}
