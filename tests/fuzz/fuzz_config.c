/* fuzz_config.c - any config.json: refused by name, or a shape within the limits whose table of
 * tensors can be made. */
#include <string.h>

#include "engine/model/folder.h"
#include "fuzz_folder.h"

static void use(const vs_config *c)
{
    vs_params p;
    vs_error err;

    if (c->n_layers == 0 || c->n_layers > VS_MAX_LAYERS || c->n_embd == 0 ||
        c->n_embd > VS_MAX_WIDTH)
        __builtin_trap();
    if (c->n_ffn == 0 || c->n_ffn > VS_MAX_WIDTH || c->n_vocab == 0 || c->n_vocab > VS_MAX_VOCAB)
        __builtin_trap();
    if (c->n_kv_heads == 0 || c->n_heads % c->n_kv_heads || c->head_dim == 0 || c->head_dim % 2)
        __builtin_trap();
    if (c->n_heads * c->head_dim > VS_MAX_WIDTH || c->n_eos > VS_MAX_EOS) __builtin_trap();
    for (size_t i = 0; i < c->n_eos; i++)
        if (c->eos_ids[i] < 0 || (size_t)c->eos_ids[i] >= c->n_vocab) __builtin_trap();
    if (vs_weights_table(&p, c, &err) != VS_OK) __builtin_trap();
    vs_params_close(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vs_config c;
    vs_error err = {0};

    fuzz_folder_put("config.json", data, size);
    if (vs_config_read(&c, fuzz_folder_open(), &err) == VS_OK)
        use(&c);
    else if (!strstr(err.text, "config.json"))
        __builtin_trap();
    return 0;
}
