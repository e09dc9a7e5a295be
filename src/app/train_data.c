#include "app/train_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/stop.h"

enum {
    MAX_ROWS = 1 << 30,
    MAX_PAIRS = 1 << 24, /* of one problem, when pairs are sampled */
    ARENA_BYTES = 1 << 16,
};

/* -- reading -- */

typedef struct reading {
    vs_train_data *data;
    const vs_row_reader *reader;
} reading;

static vs_status add_solution(reading *r, const json_t *value, const char *what, const char *where, vs_error *err)
{
    vs_ids ids = {0};
    vs_status st;

    VS_CHECK(vs_row_tokens(&ids, r->reader, value, VS_TEXT_SOLUTION, what, where, err));
    VS_CHECK(vs_queue_add_solution(&r->data->rows, ids.id, ids.n, err));
done:
    vs_ids_free(&ids);
    return st;
}

static vs_status add_sft(reading *r, const json_t *row, const char *where, vs_error *err)
{
    vs_ids ids = {0};
    vs_status st;

    VS_CHECK(vs_row_member(&ids, r->reader, row, "completion", VS_TEXT_SOLUTION, where, err));
    VS_CHECK(vs_queue_add_solution(&r->data->rows, ids.id, ids.n, err));
done:
    vs_ids_free(&ids);
    return st;
}

/* "right" and "wrong" are lists of solutions; "chosen" and "rejected" one solution each. */
static vs_status add_side(reading *r, const json_t *row, const char *list_key, const char *one_key, const char *where,
                          vs_error *err)
{
    const json_t *list = json_object_get(row, list_key), *one = json_object_get(row, one_key);
    char what[48];

    if ((list != NULL) == (one != NULL))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s of \"%s\" and \"%s\", expected one of them", where,
                       list ? "both" : "neither", list_key, one_key);
    if (one) return add_solution(r, one, one_key, where, err);
    if (!json_is_array(list) || json_array_size(list) == 0)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a list of one or more solutions", where,
                       list_key, json_is_array(list) ? "an empty list" : vs_json_kind(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(what, sizeof what, "%s[%zu]", list_key, i);
        VS_TRY(add_solution(r, json_array_get(list, i), what, where, err));
    }
    return VS_OK;
}

static vs_status add_dpo(reading *r, const json_t *row, const char *where, vs_error *err)
{
    vs_train_data *d = r->data;
    const size_t at = d->rows.n_rows - 1;

    VS_TRY(add_side(r, row, "right", "chosen", where, err));
    if (!vs_grow(&d->n_right, &d->cap_right, at + 1, sizeof *d->n_right))
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
    d->n_right[at] = d->rows.row[at].solutions.n;
    return add_side(r, row, "wrong", "rejected", where, err);
}

static vs_status add_row(reading *r, const json_t *row, const char *where, vs_error *err)
{
    vs_train_data *d = r->data;
    vs_ids prompt = {0};
    vs_status st;

    if (d->rows.n_rows >= MAX_ROWS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more than %d rows", where, (int)MAX_ROWS);
    VS_CHECK(vs_row_member(&prompt, r->reader, row, "prompt", VS_TEXT_PROMPT, where, err));
    VS_CHECK(vs_queue_add_row(&d->rows, prompt.id, prompt.n, err));
    VS_CHECK((d->kind == VS_LOSS_SFT ? add_sft : add_dpo)(r, row, where, err));
    VS_CHECK(vs_queue_check(&d->rows, r->reader->config, where, err));
done:
    vs_ids_free(&prompt);
    return st;
}

static vs_status hash_prompts(vs_train_data *d, vs_error *err)
{
    d->prompt_hash = vs_alloc(d->rows.n_rows, sizeof *d->prompt_hash);
    if (!d->prompt_hash) return VS_FAIL(err, VS_E_NOMEM, "%zu rows: out of memory", d->rows.n_rows);
    for (size_t i = 0; i < d->rows.n_rows; i++) {
        const vs_slice p = d->rows.row[i].prompt;
        d->prompt_hash[i] = vs_hash64(d->rows.ids.id + p.at, p.n * sizeof *d->rows.ids.id);
    }
    return VS_OK;
}

vs_status vs_train_data_read(vs_train_data *out, const char *path, vs_loss_kind kind, const vs_row_reader *r,
                             vs_error *err)
{
    vs_train_data d = {.kind = kind};
    reading state = {.data = &d, .reader = r};
    vs_jsonl *rows = NULL;
    json_t *row = NULL;
    vs_status st;

    VS_CHECK(vs_jsonl_open(&rows, path, err));
    for (;;) {
        VS_CHECK(vs_jsonl_next(rows, &row, err));
        if (!row) break;
        VS_CHECK(add_row(&state, row, vs_jsonl_where(rows), err));
        json_decref(row);
        row = NULL;
        if (vs_stop_wanted()) {
            st = VS_FAIL(err, VS_E_STOPPED, "%s: stopped while reading", path);
            goto done;
        }
    }
    if (d.rows.n_rows == 0) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: no rows, expected at least one", path);
        goto done;
    }
    VS_CHECK(hash_prompts(&d, err));
    *out = d;
    d = (vs_train_data){0};
done:
    json_decref(row);
    vs_jsonl_close(rows);
    vs_train_data_free(&d);
    return st;
}

void vs_train_data_free(vs_train_data *d)
{
    vs_queue_free(&d->rows);
    free(d->n_right);
    free(d->prompt_hash);
    free(d->ref_logp);
    *d = (vs_train_data){0};
}

vs_status vs_train_data_hash(char hex[VS_HASH_HEX], const vs_train_data *d, vs_error *err)
{
    const vs_queue *q = &d->rows;
    vs_hasher *h;

    VS_TRY(vs_hasher_open(&h, err));
    vs_hasher_add(h, q->ids.id, q->ids.n * sizeof *q->ids.id);
    for (size_t i = 0; i < q->n_rows; i++) {
        const uint64_t border[3] = {q->row[i].prompt.n, q->row[i].solutions.n, d->n_right ? d->n_right[i] : 0};
        vs_hasher_add(h, border, sizeof border);
    }
    for (size_t i = 0; i < q->n_solutions; i++) {
        const uint64_t n = q->solution[i].n;
        vs_hasher_add(h, &n, sizeof n);
    }
    vs_hasher_close(h, hex);
    return VS_OK;
}

/* -- steps -- */

vs_status vs_step_maker_open(vs_step_maker *m, const vs_train_data *d, const vs_train_options *o, bool no_shuffle,
                             vs_error *err)
{
    vs_step_maker made = {.data = d, .o = o, .no_shuffle = no_shuffle, .epoch = SIZE_MAX};

    VS_TRY(vs_arena_open(&made.arena, ARENA_BYTES, err));
    made.order = vs_alloc(d->rows.n_rows, sizeof *made.order);
    if (!made.order) {
        vs_arena_close(made.arena);
        return VS_FAIL(err, VS_E_NOMEM, "%zu rows: out of memory", d->rows.n_rows);
    }
    *m = made;
    return VS_OK;
}

void vs_step_maker_close(vs_step_maker *m)
{
    vs_arena_close(m->arena);
    free(m->order);
    *m = (vs_step_maker){0};
}

static size_t steps_per_epoch(const vs_step_maker *m)
{
    const size_t n = m->data->rows.n_rows, batch = m->o->batch;

    return n / batch + (n % batch != 0);
}

size_t vs_step_maker_steps(const vs_step_maker *m)
{
    return m->o->steps ? m->o->steps : m->o->epochs * steps_per_epoch(m);
}

static void set_order(vs_step_maker *m, size_t epoch)
{
    const size_t n = m->data->rows.n_rows;

    if (m->epoch == epoch) return;
    for (size_t i = 0; i < n; i++) m->order[i] = (uint32_t)i;
    if (!m->no_shuffle) {
        vs_rng r = vs_rng_stream(vs_rng_key_make(m->o->seed, VS_RNG_SHUFFLE, epoch), 0);
        vs_rng_shuffle(&r, m->order, n);
    }
    m->epoch = epoch;
}

static vs_solution solution_at(const vs_train_data *d, size_t i)
{
    const vs_slice s = d->rows.solution[i];

    return (vs_solution){.ids = d->rows.ids.id + s.at, .n = s.n};
}

static bool same_prompt(const vs_train_data *d, size_t a, size_t b)
{
    const vs_slice p = d->rows.row[a].prompt, q = d->rows.row[b].prompt;

    return d->prompt_hash[a] == d->prompt_hash[b] && p.n == q.n &&
           memcmp(d->rows.ids.id + p.at, d->rows.ids.id + q.at, p.n * sizeof *d->rows.ids.id) == 0;
}

/* Rows that share a prompt become one group, groups in order of their first row. */
static vs_status make_sft(vs_step_maker *m, const uint32_t *rows, size_t n, vs_example *e, size_t *n_out,
                          vs_error *err)
{
    const vs_train_data *d = m->data;
    size_t *group_of = vs_arena_push(m->arena, n, sizeof *group_of);
    uint32_t *first = vs_arena_push(m->arena, n, sizeof *first);
    vs_solution *solutions = vs_arena_push(m->arena, n, sizeof *solutions);
    size_t n_groups = 0, n_placed = 0;

    if (!group_of || !first || !solutions) return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    for (size_t i = 0; i < n; i++) {
        size_t g = 0;
        while (g < n_groups && !same_prompt(d, first[g], rows[i])) g++;
        if (g == n_groups) first[n_groups++] = rows[i];
        group_of[i] = g;
    }
    for (size_t g = 0; g < n_groups; g++) {
        const vs_slice p = d->rows.row[first[g]].prompt;
        vs_solution *begin = solutions + n_placed;
        for (size_t i = 0; i < n; i++)
            if (group_of[i] == g) solutions[n_placed++] = solution_at(d, d->rows.row[rows[i]].solutions.at);
        e[g] = (vs_example){.group = {.prompt = d->rows.ids.id + p.at,
                                      .n_prompt = p.n,
                                      .solutions = begin,
                                      .n_solutions = (size_t)(solutions + n_placed - begin)}};
    }
    *n_out = n_groups;
    return VS_OK;
}

/* n of the numbers from .. from + n_all - 1, drawn without replacement, rising; all of them when n_all <= n. */
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
static vs_status sample_pairs(vs_step_maker *m, vs_example *e, vs_rng *r, vs_error *err)
{
    const size_t n_wrong = e->group.n_solutions - e->n_right, all = e->n_right * n_wrong;
    const size_t n = m->o->sampled_pairs;
    uint32_t *pool, *drawn;
    uint32_t(*pairs)[2];

    if (n == 0 || n >= all) return VS_OK;
    if (all > MAX_PAIRS)
        return VS_FAIL(err, VS_E_LIMIT, "%zu x %zu pairs of one problem to sample from, the limit is %d", e->n_right,
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

static vs_status make_dpo_one(vs_step_maker *m, size_t row, vs_example *e, vs_error *err)
{
    const vs_train_data *d = m->data;
    const vs_queue_row *q = &d->rows.row[row];
    const size_t all = q->solutions.n, all_right = d->n_right[row], cap = m->o->max_solutions;
    const size_t n_right = m->o->max_right && m->o->max_right < all_right ? m->o->max_right : all_right;
    const size_t room = cap == 0 ? all : cap > n_right ? cap - n_right : 1;
    const size_t n_wrong = room < all - all_right ? room : all - all_right, n = n_right + n_wrong;
    uint32_t *pool = vs_arena_push(m->arena, all, sizeof *pool), *pick = vs_arena_push(m->arena, n, sizeof *pick);
    vs_solution *solutions = vs_arena_push(m->arena, n, sizeof *solutions);
    double *ref = vs_arena_push(m->arena, n, sizeof *ref);
    vs_rng r = vs_rng_stream(vs_rng_key_make(m->o->seed, VS_RNG_CAP, m->epoch), row);

    if (!pool || !pick || !solutions || !ref) return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    draw_some(pick, &r, pool, 0, all_right, n_right);
    draw_some(pick + n_right, &r, pool, all_right, all - all_right, n_wrong);
    for (size_t i = 0; i < n; i++) {
        solutions[i] = solution_at(d, q->solutions.at + pick[i]);
        ref[i] = d->ref_logp[q->solutions.at + pick[i]];
    }
    *e = (vs_example){.group = {.prompt = d->rows.ids.id + q->prompt.at,
                                .n_prompt = q->prompt.n,
                                .solutions = solutions,
                                .n_solutions = n},
                      .n_right = n_right,
                      .ref_logp = ref};
    return sample_pairs(m, e, &r, err);
}

vs_status vs_step_make(vs_step_maker *m, size_t step, const vs_example **out, size_t *n, vs_error *err)
{
    const size_t per_epoch = steps_per_epoch(m), at = step % per_epoch * m->o->batch;
    const size_t left = m->data->rows.n_rows - at, n_rows = left < m->o->batch ? left : m->o->batch;
    vs_example *e;

    set_order(m, step / per_epoch);
    vs_arena_reset(m->arena);
    e = vs_arena_push(m->arena, n_rows, sizeof *e);
    if (!e) return VS_FAIL(err, VS_E_NOMEM, "training step: out of memory");
    *n = n_rows;
    if (m->data->kind == VS_LOSS_SFT) VS_TRY(make_sft(m, m->order + at, n_rows, e, n, err));
    for (size_t i = 0; m->data->kind == VS_LOSS_DPO && i < n_rows; i++)
        VS_TRY(make_dpo_one(m, m->order[at + i], &e[i], err));
    *out = e;
    return VS_OK;
}
