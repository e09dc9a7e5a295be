/* fuzz_adapter.c - any adapter folder over a fixed small model: refused by name, or a whole table.
 * The input is adapter_config.json, a NUL and adapter_model.safetensors. */
#include <string.h>

#include "engine/model/folder.h"
#include "fuzz_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const vs_config c = {.n_layers = 1,
                                .n_embd = 2,
                                .n_heads = 1,
                                .n_kv_heads = 1,
                                .head_dim = 2,
                                .n_ffn = 2,
                                .n_vocab = 2,
                                .n_positions = 2,
                                .rope_theta = 10000,
                                .rms_eps = 1e-5};
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    const size_t n_config = nul ? (size_t)(nul - data) : size,
                 n_model = nul ? size - n_config - 1 : 0;
    vs_lora_config l;
    vs_params p;
    vs_error err = {0};

    fuzz_folder_put("adapter_config.json", data, n_config);
    fuzz_folder_put("adapter_model.safetensors", nul ? nul + 1 : data, n_model);
    if (vs_lora_read(&p, &l, &c, fuzz_folder_open(), &err) == VS_OK) {
        if (l.rank == 0 || p.n_tensors == 0 || !p.data) __builtin_trap();
        vs_params_close(&p);
    } else if (!strstr(err.text, fuzz_folder_open()) && !strstr(err.text, "LoRA")) {
        __builtin_trap();
    }
    return 0;
}
