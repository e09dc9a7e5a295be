/* value.c - the value head: opening it, its value, its gradient. */
#include <string.h>

#include "engine/model/folder_impl.h"
#include "engine/model/model.h"

vs_status vs_value_extend(vs_params *p, const char *prefix, size_t n_embd, vs_error *err)
{
    char weight[VS_TENSOR_NAME] = "", bias[VS_TENSOR_NAME] = "";

    strcat(strcat(weight, prefix), "score.weight");
    strcat(strcat(bias, prefix), "score.bias");
    VS_TRY(vs_params_extend(p, weight, 1, n_embd, false, err));
    return vs_params_extend(p, bias, 1, 1, true, err);
}

vs_status vs_model_open_valued(vs_model **out, vs_base *base, const char *adapter_dir,
                               vs_error *err)
{
    vs_status st;
    vs_lora_config config = {0};
    vs_params lora = {0};

    VS_CHECK(vs_lora_read(&lora, &config, &base->config, adapter_dir, err));
    if (!config.has_value)
        VS_CHECK(vs_value_extend(&lora, "base_model.model.", base->config.n_embd, err));
    config.has_value = true;
    VS_CHECK(vs_model_create(out, base, &config, &lora, err));
done:
    vs_params_close(&lora);
    return st;
}

double vs_value_at(const vs_model *m, const float *hidden)
{
    const float *w = m->value_params->data + m->value_weight->offset;
    double sum = (double)m->value_params->data[m->value_bias->offset];

    for (size_t i = 0; i < m->value_weight->cols; i++) sum += (double)w[i] * (double)hidden[i];
    return sum;
}

void vs_value_backward(const vs_model *m, const float *hidden, double d, float *d_hidden,
                       vs_params *grads)
{
    const float *w = m->value_params->data + m->value_weight->offset, g = (float)d;
    float *d_w = grads->data + m->value_weight->offset;

    for (size_t i = 0; i < m->value_weight->cols; i++) {
        d_w[i] += g * hidden[i];
        d_hidden[i] += g * w[i];
    }
    grads->data[m->value_bias->offset] += g;
}
