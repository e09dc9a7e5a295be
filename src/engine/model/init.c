/* init.c - fresh weights and adapters. */
#include <math.h>

#include "base/rng.h"
#include "engine/model/model.h"

enum {
    EMBED_SD_MILLI = 57
}; /* 0.057: the demo base's embedding (measured choice of the demo task) */

void vs_tensor_init(float *x, const vs_tensor *t, size_t index, const vs_config *c, uint64_t seed)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(seed, VS_RNG_INIT, 0), index);
    double sd = 1.0 / sqrt((double)t->cols);

    if (vs_name_ends(t->name, "o_proj.weight") || vs_name_ends(t->name, "down_proj.weight"))
        sd /= sqrt(2.0 * (double)c->n_layers);
    if (vs_name_ends(t->name, "embed_tokens.weight")) sd = EMBED_SD_MILLI / 1000.0;
    for (size_t i = 0; i < t->rows * t->cols; i++)
        x[i] = t->is_vector ? 1.0F : (float)(sd * vs_rng_normal(&rng));
}

void vs_weights_init(vs_params *p, const vs_config *c, uint64_t seed)
{
    for (size_t i = 0; i < p->n_tensors; i++)
        vs_tensor_init(p->data + p->tensors[i].offset, &p->tensors[i], i, c, seed);
}

void vs_lora_init(vs_params *p, uint64_t seed)
{
    const vs_rng_key key = vs_rng_key_make(seed, VS_RNG_INIT, 1);

    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        float *data = p->data + t->offset;
        vs_rng rng = vs_rng_stream(key, i);
        const double bound = 1.0 / sqrt((double)t->cols);
        const bool is_a = vs_name_ends(t->name, "lora_A.weight");

        for (size_t j = 0; j < t->rows * t->cols; j++)
            data[j] = is_a ? (float)(bound * (2.0 * vs_rng_uniform(&rng) - 1.0)) : 0.0F;
    }
}
