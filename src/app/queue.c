#include "app/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    FULL_TOKENS = 1 << 16,
    FULL_ROWS = 4096,
};

void vs_queue_free(vs_queue *q)
{
    vs_ids_free(&q->ids);
    free(q->row);
    free(q->solution);
    free(q->first_logprob);
    free(q->token_logprobs);
    free(q->logprob);
    *q = (vs_queue){0};
}

void vs_queue_truncate(vs_queue *q, size_t n_rows)
{
    if (n_rows >= q->n_rows) return;
    q->ids.n = q->row[n_rows].prompt.at;
    q->n_solutions = q->row[n_rows].solutions.at;
    q->n_rows = n_rows;
}

bool vs_queue_is_full(const vs_queue *q)
{
    return q->ids.n >= FULL_TOKENS || q->n_rows >= FULL_ROWS;
}

static vs_status add_ids(vs_slice *out, vs_queue *q, const int32_t *ids, size_t n, vs_error *err)
{
    *out = (vs_slice){.at = q->ids.n, .n = n};
    for (size_t i = 0; i < n; i++) VS_TRY(vs_ids_add(&q->ids, ids[i], err));
    return VS_OK;
}

vs_status vs_queue_add_row(vs_queue *q, const int32_t *prompt, size_t n, vs_error *err)
{
    vs_queue_row row = {.solutions = {.at = q->n_solutions}};

    VS_TRY(add_ids(&row.prompt, q, prompt, n, err));
    if (!vs_grow(&q->row, &q->cap_rows, q->n_rows + 1, sizeof *q->row))
        return VS_FAIL(err, VS_E_NOMEM, "rows: out of memory");
    q->row[q->n_rows++] = row;
    return VS_OK;
}

vs_status vs_queue_add_solution(vs_queue *q, const int32_t *ids, size_t n, vs_error *err)
{
    vs_slice s;

    VS_TRY(add_ids(&s, q, ids, n, err));
    if (!vs_grow(&q->solution, &q->cap_solutions, q->n_solutions + 1, sizeof *q->solution))
        return VS_FAIL(err, VS_E_NOMEM, "rows: out of memory");
    q->solution[q->n_solutions++] = s;
    q->row[q->n_rows - 1].solutions.n++;
    return VS_OK;
}

vs_status vs_queue_check(const vs_queue *q, const vs_config *c, const char *where, vs_error *err)
{
    const vs_queue_row *row = &q->row[q->n_rows - 1];

    for (size_t i = 0; i < row->solutions.n; i++) {
        const vs_slice s = q->solution[row->solutions.at + i];
        const vs_solution solution = {.ids = q->ids.id + s.at, .n = s.n};
        const vs_group g = {.prompt = q->ids.id + row->prompt.at,
                            .n_prompt = row->prompt.n,
                            .solutions = &solution,
                            .n_solutions = 1};
        VS_TRY(vs_group_check(&g, c, where, err));
    }
    return VS_OK;
}

static bool same_prompt(const vs_queue *q, const vs_group *g, const vs_queue_row *row)
{
    return g->n_prompt == row->prompt.n &&
           memcmp(g->prompt, q->ids.id + row->prompt.at, g->n_prompt * sizeof *g->prompt) == 0;
}

/* Solutions to groups. A group ends where the prompt changes. */
static size_t make_groups(vs_group *groups, vs_solution *solutions, const vs_queue *q)
{
    size_t n = 0;

    for (size_t r = 0; r < q->n_rows; r++) {
        const vs_queue_row *row = &q->row[r];
        for (size_t i = 0; i < row->solutions.n; i++) {
            const size_t at = row->solutions.at + i;
            const vs_slice s = q->solution[at];
            solutions[at] = (vs_solution){.ids = q->ids.id + s.at, .n = s.n};
            if (n == 0 || !same_prompt(q, &groups[n - 1], row))
                groups[n++] = (vs_group){.prompt = q->ids.id + row->prompt.at,
                                         .n_prompt = row->prompt.n,
                                         .solutions = &solutions[at]};
            groups[n - 1].n_solutions++;
        }
    }
    return n;
}

vs_status vs_queue_score(vs_queue *q, vs_scorer *s, vs_error *err)
{
    return vs_queue_score_by(q, s, (vs_score_how){0}, err);
}

vs_status vs_queue_score_by(vs_queue *q, vs_scorer *s, vs_score_how how, vs_error *err)
{
    vs_status st = VS_OK;
    vs_group *groups = vs_alloc(q->n_solutions, sizeof *groups);
    vs_solution *solutions = vs_alloc(q->n_solutions, sizeof *solutions);
    size_t n_tokens = 0;

    free(q->first_logprob);
    free(q->token_logprobs);
    free(q->logprob);
    q->first_logprob = vs_alloc(q->n_solutions, sizeof *q->first_logprob);
    q->token_logprobs = vs_alloc(q->ids.n, sizeof *q->token_logprobs);
    q->logprob = vs_alloc(q->n_solutions, sizeof *q->logprob);
    if (!groups || !solutions || !q->first_logprob || !q->token_logprobs || !q->logprob) {
        st = VS_FAIL(err, VS_E_NOMEM, "scores: out of memory");
        goto done;
    }
    for (size_t i = 0; i < q->n_solutions; i++) {
        q->first_logprob[i] = n_tokens;
        n_tokens += q->solution[i].n;
    }
    if (q->n_solutions)
        st = how.score
                 ? vs_score_by(how, s, groups, make_groups(groups, solutions, q), q->logprob, err)
                 : vs_score(s, groups, make_groups(groups, solutions, q), q->token_logprobs,
                            q->logprob, err);
done:
    free(solutions);
    free(groups);
    return st;
}
