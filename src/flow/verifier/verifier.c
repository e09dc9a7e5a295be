/* verifier.c - the kinds of verifiers: what each makes of D_VER, and how it scores. */
#include "flow/verifier/verifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/store/train_curve.h"
#include "flow/verifier/generative.h"

static size_t count_solutions(const vs_verifier_job *j)
{
    size_t n = 0;

    for (size_t i = 0; i < j->n; i++) n += j->items[i].n;
    return n;
}

/* One row a problem. is_valued: with a row for each solution's last token. */
static vs_status make_groups(ver_rows *out, const vs_verifier_job *j, bool is_valued, vs_error *err)
{
    const size_t n_solutions = count_solutions(j);
    vs_solution *next;

    out->row = vs_alloc(j->n, sizeof *out->row);
    out->solutions = next = vs_alloc(n_solutions, sizeof *next);
    if (!out->row || !next)
        return VS_FAIL(err, VS_E_NOMEM, "%s: %zu solutions", j->name, n_solutions);
    out->n = j->n;
    for (size_t i = 0; i < j->n; i++) {
        const vs_ver_item *item = &j->items[i];
        const vs_problem *p = item->problem;
        out->row[i] = (vs_data_row){.group = {p->ids, p->n_ids, next, item->n},
                                    .n_right = item->n_right,
                                    .ref_logp = item->ref_logp};
        for (size_t k = 0; k < item->n; k++) {
            const vs_solution s = {.ids = item->solutions[k]->ids, .n = item->solutions[k]->n_ids};
            *next++ = is_valued ? vs_solution_valued(&s, p->n_ids, j->n_positions) : s;
        }
    }
    return VS_OK;
}

static vs_status make_dpo(ver_rows *out, const vs_verifier_job *j, vs_error *err)
{
    return make_groups(out, j, false, err);
}

static vs_status make_orm(ver_rows *out, const vs_verifier_job *j, vs_error *err)
{
    return make_groups(out, j, true, err);
}

static vs_status score_value(const void *ctx, vs_scorer *s, const vs_group *groups, size_t n_groups,
                             double *score, vs_error *err)
{
    (void)ctx;
    return vs_score_values(s, groups, n_groups, score, err);
}

static const char value_name[] = "value";

static const struct kind {
    const char *title;
    vs_loss_kind loss;
    bool takes_one_sided, is_likelihood;
    vs_status (*make)(ver_rows *out, const vs_verifier_job *j, vs_error *err);
    vs_score_fn *score;
} kinds[] = {
    [VS_VERIFIER_DPO] = {"V-STaR", VS_LOSS_DPO, false, true, make_dpo, NULL},
    [VS_VERIFIER_ORM] = {"G_T + ORM", VS_LOSS_ORM, true, false, make_orm, score_value},
    [VS_VERIFIER_GENERATIVE] = {"G_T + generative verifier", VS_LOSS_SFT, true, false,
                                generative_rows, generative_score},
    [VS_VERIFIER_NONE] = {"G_T", VS_LOSS_SFT, false, false, NULL, NULL},
};

vs_status vs_verifier_train(vs_store *s, const vs_verifier_job *j, vs_error *err)
{
    const struct kind *kind = &kinds[j->kind];
    ver_rows r = {0};
    vs_train_curve curve = {.store = s, .model = j->name};
    vs_train_job job = {.kind = kind->loss,
                        .base = j->base,
                        .adapter = j->adapter,
                        .tokenizer = j->tokenizer,
                        .out = j->out,
                        .o = j->o,
                        .is_reference = kind->loss == VS_LOSS_DPO,
                        .label = j->name,
                        .report = vs_train_curve_report,
                        .ctx = &curve,
                        .others = j->others,
                        .n_others = j->n_others,
                        .facts = j->facts};
    vs_status st;

    VS_CHECK(kind->make(&r, j, err));
    job.rows = r.row;
    job.n_rows = r.n;
    st = vs_train_job_run(&job, err);
    vs_train_curve_abandon(&curve);
done:
    free(r.row);
    free(r.solutions);
    free(r.ids);
    return st;
}

bool vs_verifier_takes_one_sided(vs_verifier_kind kind)
{
    return kinds[kind].takes_one_sided;
}

bool vs_verifier_can_learn(vs_verifier_kind kind, size_t n_pairs, size_t n_right, size_t n_wrong)
{
    return kind == VS_VERIFIER_ORM ? n_right && n_wrong : n_pairs > 0;
}

bool vs_verifier_is_likelihood(vs_verifier_kind kind)
{
    return kinds[kind].is_likelihood;
}

const char *vs_verifier_title(vs_verifier_kind kind)
{
    return kinds[kind].title;
}

vs_score_how vs_verifier_scoring(vs_verifier_kind kind, const vs_ver_words *words)
{
    return (vs_score_how){.score = kinds[kind].score,
                          .ctx = words,
                          .name = kind == VS_VERIFIER_GENERATIVE ? words->name
                                  : kind == VS_VERIFIER_ORM      ? value_name
                                                                 : NULL};
}

void vs_verifier_score_name(char out[VS_SCORE_NAME_BYTES], vs_verifier_kind kind,
                            const char *question, const char *yes, const char *no)
{
    if (kind == VS_VERIFIER_GENERATIVE)
        generative_name(out, question, yes, no);
    else
        snprintf(out, VS_SCORE_NAME_BYTES, "%s", kind == VS_VERIFIER_ORM ? value_name : "");
}
