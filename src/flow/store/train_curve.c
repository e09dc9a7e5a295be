#include "flow/store/train_curve.h"

#include <stdio.h>

vs_status vs_train_curve_report(void *ctx, size_t step, const vs_step_stats *s, vs_error *err)
{
    vs_train_curve *c = ctx;
    vs_train_row row;

    if (!s) {
        if (!c->is_open) return VS_OK;
        c->is_open = false;
        return vs_store_commit(c->store, err);
    }
    if (!c->is_open) VS_TRY(vs_store_begin(c->store, err));
    c->is_open = true;
    row = (vs_train_row){.step = (uint32_t)step,
                         .loss = s->loss,
                         .grad_norm = s->grad_norm,
                         .lr = s->lr,
                         .accuracy = s->accuracy,
                         .margin = s->margin,
                         .logp_right = s->logp_right,
                         .logp_wrong = s->logp_wrong,
                         .n_tokens = s->n_rows};
    snprintf(row.model, sizeof row.model, "%s", c->model);
    return vs_store_add_train_row(c->store, &row, err);
}

void vs_train_curve_abandon(vs_train_curve *c)
{
    if (c->is_open) vs_store_rollback(c->store);
    c->is_open = false;
}
