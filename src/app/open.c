/* open.c - models as options name them. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"

vs_status vs_compute_parse(vs_compute *out, const char *text, vs_error *err)
{
    *out = strcmp(text, "bf16") == 0 ? VS_COMPUTE_BF16 : VS_COMPUTE_F32;
    if (*out == VS_COMPUTE_BF16 || strcmp(text, "f32") == 0) return VS_OK;
    return VS_FAIL(err, VS_E_USAGE, "--compute: found '%.60s', expected f32 or bf16", text);
}

vs_status vs_opened_complete(vs_opened *o, const char *model_dir, vs_error *err)
{
    VS_TRY(vs_tokenizer_try(&o->tokenizer, model_dir, err));
    o->reader = (vs_row_reader){.tokenizer = o->tokenizer, .config = &o->base->config};
    return VS_OK;
}

vs_status vs_opened_open(vs_opened *out, const char *model_dir, const char *adapter_dir,
                         vs_compute compute, vs_error *err)
{
    vs_opened o = {0};
    vs_status st;

    VS_CHECK(vs_base_open(&o.base, model_dir, compute, err));
    VS_CHECK(vs_model_open(&o.model, o.base, adapter_dir, err));
    VS_CHECK(vs_opened_complete(&o, model_dir, err));
    *out = o;
    o = (vs_opened){0};
done:
    vs_opened_close(&o);
    return st;
}

void vs_opened_close(vs_opened *o)
{
    vs_tokenizer_close(o->tokenizer);
    vs_model_close(o->model);
    vs_base_close(o->base);
    *o = (vs_opened){0};
}

vs_status vs_second_open(vs_second *out, const vs_opened *first, const char *what, vs_error *err)
{
    vs_second s = {0};
    vs_status st;

    if (strcmp(what, "base") == 0) {
        VS_CHECK(vs_model_open(&s.model, first->base, NULL, err));
    } else if (vs_is_adapter(what)) {
        VS_CHECK(vs_model_open(&s.model, first->base, what, err));
    } else {
        VS_CHECK(vs_base_open(&s.base, what, first->base->compute, err));
        VS_CHECK(vs_model_open(&s.model, s.base, NULL, err));
        if (s.base->config.n_vocab != first->base->config.n_vocab) {
            st = VS_FAIL(err, VS_E_INPUT, "%s: vocabulary of %zu, expected %zu as in the model",
                         what, s.base->config.n_vocab, first->base->config.n_vocab);
            goto done;
        }
    }
    *out = s;
    s = (vs_second){0};
done:
    vs_second_close(&s);
    return st;
}

void vs_second_close(vs_second *s)
{
    vs_model_close(s->model);
    vs_base_close(s->base);
    *s = (vs_second){0};
}
