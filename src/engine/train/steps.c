#include "engine/train/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

enum {
    MAX_PAIRS = 1 << 24, /* of one problem, when pairs are sampled */
    ARENA_BYTES = 1 << 16,
};

vs_status vs_steps_open(vs_steps *s, vs_loss_kind kind, const vs_data_row *rows, size_t n_rows,
                        const vs_train_options *o, bool no_shuffle, vs_error *err)
{
    vs_steps made = {.rows = rows,
                     .n_rows = n_rows,
                     .kind = kind,
                     .o = *o,
                     .no_shuffle = no_shuffle,
                     .epoch = SIZE_MAX};

    if (n_rows == 0) return VS_FAIL(err, VS_E_INPUT, "no rows to train on");
    if (o->batch == 0) return VS_FAIL(err, VS_E_INPUT, "batch is 0, expected at least 1");
    VS_TRY(vs_arena_open(&made.arena, ARENA_BYTES, err));
    made.order = vs_alloc(n_rows, sizeof *made.order);
    made.prompt_hash = vs_alloc(n_rows, sizeof *made.prompt_hash);
    if (!made.order || !made.prompt_hash) {
        vs_steps_close(&made);
        return VS_FAIL(err, VS_E_NOMEM, "%zu rows: out of memory", n_rows);
    }
    for (size_t i = 0; i < n_rows; i++)
        made.prompt_hash[i] =
            vs_hash64(rows[i].group.prompt, rows[i].group.n_prompt * sizeof(int32_t));
    *s = made;
    return VS_OK;
}

void vs_steps_close(vs_steps *m)
{
    vs_arena_close(m->arena);
    free(m->order);
    free(m->prompt_hash);
    *m = (vs_steps){0};
}

static size_t steps_per_epoch(const vs_steps *m)
{
    const size_t n = m->n_rows, batch = m->o.batch;

    return n / batch + (n % batch != 0);
}

size_t vs_steps_count(const vs_steps *m)
{
    return m->o.steps ? m->o.steps : m->o.epochs * steps_per_epoch(m);
}

static void set_order(vs_steps *m, size_t epoch)
{
    const size_t n = m->n_rows;

    if (m->epoch == epoch) return;
    for (size_t i = 0; i < n; i++) m->order[i] = (uint32_t)i;
    if (!m->no_shuffle) {
        vs_rng r = vs_rng_stream(vs_rng_key_make(m->o.seed, VS_RNG_SHUFFLE, epoch), 0);
        vs_rng_shuffle(&r, m->order, n);
    }
    m->epoch = epoch;
}

static bool same_prompt(const vs_steps *m, size_t a, size_t b)
{
    const vs_group *p = &m->rows[a].group, *q = &m->rows[b].group;

    return m->prompt_hash[a] == m->prompt_hash[b] && p->n_prompt == q->n_prompt &&
           memcmp(p->prompt, q->prompt, p->n_prompt * sizeof *p->prompt) == 0;
}

/* Rows that share a prompt become one group, groups in order of their first row. */
static vs_status make_sft(vs_steps *m, const uint32_t *rows, size_t n, vs_example *e, size_t *n_out,
                          vs_error *err)
{
    size_t *group_of = vs_arena_push(m->arena, n, sizeof *group_of);
    uint32_t *first = vs_arena_push(m->arena, n, sizeof *first);
    vs_solution *solutions = vs_arena_push(m->arena, n, sizeof *solutions);
    size_t n_groups = 0, n_placed = 0;

    if (!group_of || !first || !solutions)
        return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    for (size_t i = 0; i < n; i++) {
        size_t g = 0;
        while (g < n_groups && !same_prompt(m, first[g], rows[i])) g++;
        if (g == n_groups) first[n_groups++] = rows[i];
        group_of[i] = g;
    }
    for (size_t g = 0; g < n_groups; g++) {
        vs_solution *begin = solutions + n_placed;
        for (size_t i = 0; i < n; i++)
            if (group_of[i] == g) solutions[n_placed++] = m->rows[rows[i]].group.solutions[0];
        e[g] = (vs_example){.group = {.prompt = m->rows[first[g]].group.prompt,
                                      .n_prompt = m->rows[first[g]].group.n_prompt,
                                      .solutions = begin,
                                      .n_solutions = (size_t)(solutions + n_placed - begin)}};
    }
    *n_out = n_groups;
    return VS_OK;
}

/* n of the numbers from .. from + n_all - 1, drawn without replacement, rising; all of them when
 * n_all <= n. */
static void draw_some(uint32_t *out, vs_rng *r, uint32_t *pool, size_t from, size_t n_all, size_t n)
{
    for (size_t i = 0; i < n_all; i++) pool[i] = (uint32_t)(from + i);
    if (n < n_all) vs_rng_shuffle(r, pool, n_all);
    memcpy(out, pool, n * sizeof *out);
    for (size_t i = 1; n < n_all && i < n; i++) {
        const uint32_t x = out[i];
        size_t at = i;
        for (; at > 0 && out[at - 1] > x; at--) out[at] = out[at - 1];
        out[at] = x;
    }
}

/* o->sampled_pairs of the right x wrong pairs, drawn without replacement. */
static vs_status sample_pairs(vs_steps *m, vs_example *e, vs_rng *r, vs_error *err)
{
    const size_t n_wrong = e->group.n_solutions - e->n_right, all = e->n_right * n_wrong;
    const size_t n = m->o.sampled_pairs;
    uint32_t *pool, *drawn;
    uint32_t(*pairs)[2];

    if (n == 0 || n >= all) return VS_OK;
    if (all > MAX_PAIRS)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%zu x %zu pairs of one problem to sample from, the limit is %d", e->n_right,
                       n_wrong, (int)MAX_PAIRS);
    pool = vs_arena_push(m->arena, all, sizeof *pool);
    drawn = vs_arena_push(m->arena, n, sizeof *drawn);
    pairs = vs_arena_push(m->arena, n, sizeof *pairs);
    if (!pool || !drawn || !pairs) return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    draw_some(drawn, r, pool, 0, all, n);
    for (size_t i = 0; i < n; i++) {
        pairs[i][0] = (uint32_t)(drawn[i] / n_wrong);
        pairs[i][1] = (uint32_t)(e->n_right + drawn[i] % n_wrong);
    }
    e->pairs = (const uint32_t(*)[2])pairs;
    e->n_pairs = n;
    return VS_OK;
}

/* Most right solutions of one problem in a step: max_right, and always room for one wrong solution.
 */
static size_t right_limit(const vs_train_options *o)
{
    const size_t by_right = o->max_right ? o->max_right : SIZE_MAX;
    const size_t by_all = o->max_solutions > 1 ? o->max_solutions - 1
                          : o->max_solutions   ? 1
                                               : SIZE_MAX;

    return by_right < by_all ? by_right : by_all;
}

static vs_status make_dpo_one(vs_steps *m, size_t row, vs_example *e, vs_error *err)
{
    const vs_data_row *q = &m->rows[row];
    const size_t all = q->group.n_solutions, all_right = q->n_right, cap = m->o.max_solutions;
    const size_t most_right = right_limit(&m->o);
    const size_t n_right = most_right < all_right ? most_right : all_right;
    const size_t room = cap == 0 ? all : cap > n_right ? cap - n_right : 1;
    const size_t n_wrong = room < all - all_right ? room : all - all_right, n = n_right + n_wrong;
    uint32_t *pool = vs_arena_push(m->arena, all, sizeof *pool),
             *pick = vs_arena_push(m->arena, n, sizeof *pick);
    vs_solution *solutions = vs_arena_push(m->arena, n, sizeof *solutions);
    double *ref = vs_arena_push(m->arena, n, sizeof *ref);
    vs_rng r = vs_rng_stream(vs_rng_key_make(m->o.seed, VS_RNG_CAP, m->epoch), row);

    if (!pool || !pick || !solutions || !ref)
        return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    draw_some(pick, &r, pool, 0, all_right, n_right);
    draw_some(pick + n_right, &r, pool, all_right, all - all_right, n_wrong);
    for (size_t i = 0; i < n; i++) {
        solutions[i] = q->group.solutions[pick[i]];
        ref[i] = q->ref_logp ? q->ref_logp[pick[i]] : 0.0;
    }
    *e = (vs_example){.group = {.prompt = q->group.prompt,
                                .n_prompt = q->group.n_prompt,
                                .solutions = solutions,
                                .n_solutions = n},
                      .n_right = n_right,
                      .ref_logp = ref};
    return sample_pairs(m, e, &r, err);
}

vs_status vs_steps_make(vs_steps *m, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    const size_t per_epoch = steps_per_epoch(m), at = step % per_epoch * m->o.batch;
    const size_t left = m->n_rows - at, n_rows = left < m->o.batch ? left : m->o.batch;
    vs_example *e;

    set_order(m, step / per_epoch);
    vs_arena_reset(m->arena);
    e = vs_arena_push(m->arena, n_rows, sizeof *e);
    if (!e) return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    *n = n_rows;
    if (m->kind == VS_LOSS_SFT) VS_TRY(make_sft(m, m->order + at, n_rows, e, n, err));
    for (size_t i = 0; m->kind != VS_LOSS_SFT && i < n_rows; i++)
        VS_TRY(make_dpo_one(m, m->order[at + i], &e[i], err));
    *out = e;
    return VS_OK;
}
