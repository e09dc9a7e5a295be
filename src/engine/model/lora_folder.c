/* lora_folder.c - PEFT adapter folders, in and out; merging. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

/* Tensor names: PEFT, peft/utils/save_and_load.py. */

void vs_lora_name(char name[VS_TENSOR_NAME], size_t layer, vs_linear which, char matrix)
{
    char module[VS_TENSOR_NAME];

    vs_linear_module(module, layer, which);
    snprintf(name, VS_TENSOR_NAME, "base_model.model.%.100s.lora_%c.weight", module, matrix);
}

static vs_status add_pair(vs_params *p, const vs_config *c, const vs_lora_config *l, size_t layer,
                          vs_linear which, vs_error *err)
{
    char name[VS_TENSOR_NAME];
    size_t rows, cols, rank;

    VS_TRY(vs_lora_module(&rank, NULL, l, layer, which, err));
    vs_linear_shape(&rows, &cols, c, which);
    vs_lora_name(name, layer, which, 'A');
    VS_TRY(vs_params_add(p, name, rank, cols, false, err));
    vs_lora_name(name, layer, which, 'B');
    return vs_params_add(p, name, rows, rank, false, err);
}

static bool has_targets(const vs_lora_config *l, size_t n_layers)
{
    unsigned any = l->targets;

    for (size_t i = 0; i < n_layers; i++) any |= l->layer_targets[i];
    return any != 0;
}

vs_status vs_lora_table(vs_params *out, const vs_config *c, const vs_lora_config *l, vs_error *err)
{
    vs_status st = VS_OK;
    vs_params p = {0};

    if (l->rank == 0 || l->rank > VS_MAX_WIDTH)
        return VS_FAIL(err, VS_E_INPUT, "LoRA rank: found %zu, expected 1 to %d", l->rank,
                       VS_MAX_WIDTH);
    if (!has_targets(l, c->n_layers) || l->targets >> VS_N_LINEAR)
        return VS_FAIL(err, VS_E_INPUT, "LoRA targets: found bits %#x, expected some of %#x",
                       l->targets, (1u << VS_N_LINEAR) - 1);
    for (size_t i = 0; i < c->n_layers; i++)
        for (int which = 0; which < VS_N_LINEAR; which++)
            if (vs_lora_is_target(l, i, (vs_linear)which))
                VS_CHECK(add_pair(&p, c, l, i, (vs_linear)which, err));
    if (l->has_value) {
        VS_CHECK(vs_params_add(&p, "base_model.model.score.weight", 1, c->n_embd, false, err));
        VS_CHECK(vs_params_add(&p, "base_model.model.score.bias", 1, 1, true, err));
    }
    *out = p;
    p = (vs_params){0};
done:
    vs_params_close(&p);
    return st;
}

/* PEFT stores the embedding and the head where they were trained too, or resized. */
static vs_status refuse_embeddings(const vs_tensor_files *f, vs_error *err)
{
    static const char *const names[] = {"base_model.model.model.embed_tokens.weight",
                                        "base_model.model.lm_head.weight"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (vs_tensor_files_find(NULL, f, names[i]))
            return VS_FAIL(
                err, VS_E_INPUT,
                "%s: tensor \"%s\": found an embedding or head of its own, expected an "
                "adapter alone: merge it into its base with PEFT (merge_and_unload) first",
                f->paths[0], names[i]);
    return VS_OK;
}

vs_status vs_lora_read(vs_params *out, vs_lora_config *l, const vs_config *c, const char *dir,
                       vs_error *err)
{
    vs_status st;
    vs_lora_config config = {0};
    vs_params p = {0};
    vs_tensor_files files = {0};
    size_t index;

    VS_CHECK(vs_lora_config_read(&config, c->n_layers, dir, err));
    VS_CHECK(vs_tensor_files_add(&index, &files, dir, "adapter_model.safetensors", err));
    VS_CHECK(refuse_embeddings(&files, err));
    VS_CHECK(vs_lora_table(&p, c, &config, err));
    VS_CHECK(vs_tensor_files_check(&p, &files, NULL, files.paths[0], err));
    VS_CHECK(vs_tensor_files_load(&p, &files, err));
    *out = p;
    *l = config;
    p = (vs_params){0};
done:
    vs_params_close(&p);
    vs_tensor_files_close(&files);
    return st;
}

vs_status vs_lora_write(const vs_params *p, const vs_lora_config *l, const char *base_name,
                        const char *dir, vs_error *err)
{
    vs_status st;
    char *path = vs_format("%s/adapter_model.safetensors", dir);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    VS_CHECK(vs_dir_make(dir, err));
    VS_CHECK(vs_safetensors_write(path, p, VS_F32, err));
    st = vs_lora_config_write(l, base_name, dir, err);
done:
    free(path);
    return st;
}

/* merge_one - W += scale * B A
 *
 *   w[o][i] = f32( w[o][i] + scale * sum_r b[o][r] * a[r][i] )     arXiv:2106.09685, section 4.1
 *
 *   w [rows][cols], b [rows][rank], a [rank][cols]: f32, contiguous. Sums in double, r ascending.
 */
static void merge_one(float *w, const float *b, const float *a, size_t rows, size_t cols,
                      size_t rank, double scale)
{
    enum { BLOCK = 128 };
    double sum[BLOCK];

    for (size_t o = 0; o < rows; o++)
        for (size_t at = 0; at < cols; at += BLOCK) {
            const size_t n = cols - at < BLOCK ? cols - at : BLOCK;
            memset(sum, 0, sizeof sum);
            for (size_t r = 0; r < rank; r++)
                for (size_t i = 0; i < n; i++)
                    sum[i] += (double)b[o * rank + r] * (double)a[r * cols + at + i];
            for (size_t i = 0; i < n; i++) {
                float *element = &w[o * cols + at + i];
                *element = (float)((double)*element + scale * sum[i]);
            }
        }
}

static void copy_tensor(vs_params *to, const char *to_name, const vs_params *from,
                        const char *from_name)
{
    const vs_tensor *t = vs_params_find(to, to_name), *f = vs_params_find(from, from_name);

    assert(t && f && t->rows * t->cols == f->rows * f->cols);
    memcpy(to->data + t->offset, from->data + f->offset, f->rows * f->cols * sizeof *from->data);
}

static vs_status merge_value(vs_params *weights, const vs_params *lora, vs_config *c, vs_error *err)
{
    if (!c->has_value) VS_TRY(vs_value_extend(weights, "", c->n_embd, err));
    c->has_value = true;
    copy_tensor(weights, "score.weight", lora, "base_model.model.score.weight");
    copy_tensor(weights, "score.bias", lora, "base_model.model.score.bias");
    return VS_OK;
}

vs_status vs_lora_merge(vs_params *weights, const vs_params *lora, const vs_lora_config *l,
                        vs_config *c, vs_error *err)
{
    char name[VS_TENSOR_NAME];

    VS_TRY(vs_params_check_whole(weights, err));
    for (size_t layer = 0; layer < c->n_layers; layer++)
        for (int which = 0; which < VS_N_LINEAR; which++) {
            const vs_tensor *w, *a, *b;
            double scale;

            if (!vs_lora_is_target(l, layer, (vs_linear)which)) continue;
            VS_TRY(vs_lora_module(NULL, &scale, l, layer, (vs_linear)which, err));
            vs_linear_full_name(name, layer, (vs_linear)which, "weight");
            w = vs_params_find(weights, name);
            vs_lora_name(name, layer, (vs_linear)which, 'A');
            a = vs_params_find(lora, name);
            vs_lora_name(name, layer, (vs_linear)which, 'B');
            b = vs_params_find(lora, name);
            assert(w && a && b); /* the tables were made for this configuration */
            merge_one(weights->data + w->offset, lora->data + b->offset, lora->data + a->offset,
                      w->rows, w->cols, a->rows, scale);
        }
    return l->has_value ? merge_value(weights, lora, c, err) : VS_OK;
}

bool vs_is_adapter(const char *dir)
{
    char *path = vs_format("%s/adapter_config.json", dir);
    const bool found = path && vs_file_exists(path);

    free(path);
    return found;
}
