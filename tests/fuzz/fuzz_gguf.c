/* fuzz_gguf.c - any file: refused with a message that names it, or every tensor becomes floats, and
 * its metadata a configuration and a tokenizer.json, or they are refused by name. */
#include <string.h>

#include "engine/model/gguf.h"
#include "engine/model/tokenizer.h"
#include "fuzz_folder.h"

static void use_tensors(const vs_gguf *g)
{
    for (size_t i = 0; i < vs_gguf_n_tensors(g); i++) {
        const vs_gguf_tensor *t = vs_gguf_tensor_at(g, i);
        float *x = malloc(t->n * sizeof *x);

        if (!x || vs_gguf_tensor_find(g, t->name) != t) __builtin_trap();
        vs_gguf_to_f32(x, t);
        free(x);
    }
}

/* What is written can be parsed, if not run: a merge may name a token that is not there. */
static void use_vocabulary(const vs_gguf *g, vs_error *err)
{
    vs_tokenizer *t = NULL;

    if (vs_gguf_write_tokenizer(g, fuzz_folder_open(), err) != VS_OK) {
        if (!strstr(err->text, vs_gguf_path(g))) __builtin_trap();
        return;
    }
    if (vs_tokenizer_open(&t, fuzz_folder_open(), err) == VS_E_IO) __builtin_trap();
    vs_tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vs_config c;
    vs_gguf *g = NULL;
    vs_error err = {.code = VS_OK};
    char path[128];

    fuzz_folder_put("model.gguf", data, size);
    snprintf(path, sizeof path, "%s/model.gguf", fuzz_folder_open());
    if (vs_gguf_open(&g, path, &err) == VS_OK) {
        use_tensors(g);
        if (vs_gguf_config(&c, g, &err) != VS_OK && !strstr(err.text, path)) __builtin_trap();
        use_vocabulary(g, &err);
    } else if (!strstr(err.text, path)) {
        __builtin_trap();
    }
    vs_gguf_close(g);
    return 0;
}
