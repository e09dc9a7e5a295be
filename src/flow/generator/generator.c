#include "flow/generator/generator.h"

#include <stdlib.h>

#include "base/mem.h"
#include "flow/store/train_curve.h"

vs_status vs_generator_train(vs_store *s, const vs_generator_job *j, vs_error *err)
{
    vs_status st;
    vs_data_row *rows = vs_alloc(j->n, sizeof *rows);
    vs_solution *solutions = vs_alloc(j->n, sizeof *solutions);
    vs_train_curve curve = {.store = s, .model = j->name};
    vs_train_job job = {.kind = VS_LOSS_SFT,
                        .base = j->base,
                        .out = j->out,
                        .rows = rows,
                        .n_rows = j->n,
                        .o = j->o,
                        .start = j->start,
                        .label = j->name,
                        .report = vs_train_curve_report,
                        .ctx = &curve,
                        .others = j->others,
                        .n_others = j->n_others,
                        .facts = j->facts};

    if (!rows || !solutions) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: %zu solutions", j->name, j->n);
        goto done;
    }
    for (size_t i = 0; i < j->n; i++) {
        const vs_gen_item *item = &j->items[i];
        solutions[i] = (vs_solution){.ids = item->sample->ids, .n = item->sample->n_ids};
        rows[i].group = (vs_group){item->problem->ids, item->problem->n_ids, &solutions[i], 1};
    }
    st = vs_train_job_run(&job, err);
    vs_train_curve_abandon(&curve);
done:
    free(rows);
    free(solutions);
    return st;
}
