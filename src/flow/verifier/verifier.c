#include "flow/verifier/verifier.h"

#include <stdlib.h>

#include "base/mem.h"
#include "flow/store/train_curve.h"

static size_t count_solutions(const vs_verifier_job *j)
{
    size_t n = 0;

    for (size_t i = 0; i < j->n; i++) n += j->items[i].n;
    return n;
}

vs_status vs_verifier_train(vs_store *s, const vs_verifier_job *j, vs_error *err)
{
    vs_status st;
    const size_t n_solutions = count_solutions(j);
    vs_data_row *rows = vs_alloc(j->n, sizeof *rows);
    vs_solution *solutions = vs_alloc(n_solutions, sizeof *solutions), *next = solutions;
    vs_train_curve curve = {.store = s, .model = "verifier"};
    vs_train_job job = {.kind = VS_LOSS_DPO,
                        .base = j->base,
                        .adapter = j->adapter,
                        .tokenizer = j->tokenizer,
                        .out = j->out,
                        .rows = rows,
                        .n_rows = j->n,
                        .o = j->o,
                        .is_reference = true,
                        .label = "verifier",
                        .report = vs_train_curve_report,
                        .ctx = &curve,
                        .facts = j->facts};

    if (!rows || !solutions) {
        st = VS_FAIL(err, VS_E_NOMEM, "verifier: %zu solutions", n_solutions);
        goto done;
    }
    for (size_t i = 0; i < j->n; i++) {
        const vs_ver_item *item = &j->items[i];
        rows[i] = (vs_data_row){.group = {item->problem->ids, item->problem->n_ids, next, item->n},
                                .n_right = item->n_right,
                                .ref_logp = item->ref_logp};
        for (size_t k = 0; k < item->n; k++)
            *next++ = (vs_solution){.ids = item->solutions[k]->ids, .n = item->solutions[k]->n_ids};
    }
    st = vs_train_job_run(&job, err);
    vs_train_curve_abandon(&curve);
done:
    free(rows);
    free(solutions);
    return st;
}
