/* Files cut off at 200 random points: an error that names the file, every time. (GGUF:
 * test_gguf.c.) */
#include "base/rng.h"
#include "engine/model/model.h"
#include "engine/model/tokenizer.h"
#include "unit/model/folder_test.h"

enum { N_CUTS = 200 };

typedef vs_status open_fn(const char *dir, vs_error *err);

static vs_status open_model(const char *dir, vs_error *err)
{
    vs_base *base = NULL;
    const vs_status st = vs_base_open(&base, dir, VS_COMPUTE_F32, err);

    vs_base_close(base);
    return st;
}

static vs_status open_adapter(const char *dir, vs_error *err)
{
    vs_config c;
    vs_params p = {0};
    vs_lora_config l;
    vs_status st = vs_config_read(&c, VSTAR_SOURCE_DIR "/tests/golden/families/llama3", err);

    CHECK(st == VS_OK);
    st = vs_lora_read(&p, &l, &c, dir, err);
    vs_params_close(&p);
    return st;
}

static vs_status open_tokenizer(const char *dir, vs_error *err)
{
    vs_tokenizer *t = NULL;
    const vs_status st = vs_tokenizer_open(&t, dir, err);

    vs_tokenizer_close(t);
    return st;
}

/* The file of a copied folder, whole at first, then cut. A JSON text without its last bracket is no
 * JSON; white space behind that bracket may be missing. */
static void cut_everywhere(const char *from, const char *const names[], size_t n_names,
                           const char *cut, open_fn *open)
{
    const char *dir = vs_test_dir();
    const vs_rng_key key = vs_rng_key_make(7, VS_RNG_INIT, 0);
    vs_rng rng = vs_rng_stream(key, 0);
    char *path = path_in(from, cut), *bytes;
    size_t len;
    vs_error err;

    for (size_t i = 0; i < n_names; i++) {
        char *a = path_in(from, names[i]), *b = path_in(dir, names[i]);
        CHECK_OK(vs_file_copy(b, a, &err));
        free(a);
        free(b);
    }
    CHECK_OK(open(dir, &err));
    CHECK_OK(vs_file_read(&bytes, &len, path, 1 << 24, &err));
    while (bytes[len - 1] == '\n') len--;
    for (size_t i = 0; i < N_CUTS; i++) {
        const size_t at = (size_t)(vs_rng_uniform(&rng) * (double)len);

        write_in(dir, cut, bytes, at);
        memset(&err, 0, sizeof err);
        if (open(dir, &err) == VS_OK || !strstr(err.text, cut))
            fail_msg("%s cut at byte %zu of %zu: \"%s\"", cut, at, len, err.text);
    }
    free(bytes);
    free(path);
}

static const char family[] = VSTAR_SOURCE_DIR "/tests/golden/families/llama3";
static const char adapter[] = VSTAR_SOURCE_DIR "/tests/golden/adapters/list";
static const char *const model_files[] = {"config.json", "model.safetensors"};
static const char *const adapter_files[] = {"adapter_config.json", "adapter_model.safetensors"};
static const char *const tokenizer_files[] = {"tokenizer.json"};

TEST(truncation, a_cut_config_is_refused)
{
    cut_everywhere(family, model_files, 2, "config.json", open_model);
}

TEST(truncation, cut_weights_are_refused)
{
    cut_everywhere(family, model_files, 2, "model.safetensors", open_model);
}

TEST(truncation, a_cut_adapter_config_is_refused)
{
    cut_everywhere(adapter, adapter_files, 2, "adapter_config.json", open_adapter);
}

TEST(truncation, cut_adapter_weights_are_refused)
{
    cut_everywhere(adapter, adapter_files, 2, "adapter_model.safetensors", open_adapter);
}

TEST(truncation, a_cut_tokenizer_is_refused)
{
    cut_everywhere(VSTAR_SOURCE_DIR "/assets/demo-base", tokenizer_files, 1, "tokenizer.json",
                   open_tokenizer);
}
