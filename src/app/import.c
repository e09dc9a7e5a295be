/* import.c - a GGUF file becomes a Hugging Face folder. */
#include <string.h>

#include "app/app.h"
#include "base/file.h"
#include "base/progress.h"
#include "engine/model/gguf.h"

static void show(void *ctx, size_t tensor, size_t n_tensors)
{
    (void)ctx, (void)n_tensors;
    vs_progress_set(tensor);
}

static vs_status import(const char *file, const char *dir, vs_dtype dtype, vs_error *err)
{
    vs_gguf *g = NULL;
    vs_status st;

    if (vs_dir_exists(dir) || vs_file_exists(dir))
        return VS_FAIL(err, VS_E_INPUT, "%s: exists already, expected a new folder", dir);
    VS_CHECK(vs_gguf_open(&g, file, err));
    vs_progress_begin("import", "tensors", 0, vs_gguf_n_tensors(g));
    st = vs_gguf_import(g, dir, dtype, show, NULL, err);
    if (st == VS_OK) vs_progress_set(vs_gguf_n_tensors(g));
    vs_progress_end();
done:
    vs_gguf_close(g);
    return st;
}

vs_status vs_verb_import(int argc, char **argv, vs_error *err)
{
    const char *dtype = "bf16";
    const vs_opt opts[] = {
        {"--dtype", VS_OPT_STR, &dtype, false, 0, 0, "T",
         "bf16 or f32: how weights are written (bf16)"},
    };
    vs_cmd c = {
        .verb = "import",
        .usage = "FILE.gguf DIR [--dtype bf16|f32]",
        .about = "Writes the model of a GGUF file as a Hugging Face folder: config.json, "
                 "model.safetensors, tokenizer.json.\nQuantised weights are dequantised and "
                 "rounded once to the chosen "
                 "type. DIR must not exist;\nit appears whole or "
                 "not at all. Architectures: llama (Mistral too), qwen2, qwen3, gemma2, gemma3.",
        .example = "  $ vstar import gemma-3-270m-q4_k_m.gguf gemma-3-270m\n"
                   "  import: 236 tensors in 4.5 s (53/s)",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 2,
        .max_words = 2,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (strcmp(dtype, "bf16") != 0 && strcmp(dtype, "f32") != 0)
        return VS_FAIL(err, VS_E_USAGE, "--dtype: found \"%s\", expected bf16 or f32", dtype);
    return import(c.words[0], c.words[1], strcmp(dtype, "f32") == 0 ? VS_F32 : VS_BF16, err);
}
