/* model.c - a base, with an adapter or without, and the hash of its numbers. */
#include "engine/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/folder_impl.h"
#include "engine/tensor/half.h"

enum { SMALL_MODEL = 4 << 20 };

static vs_status open_lora(vs_model *m, vs_error *err)
{
    const vs_config *c = &m->base->config;

    m->lora_lin = vs_alloc(c->n_layers * VS_N_LINEAR, sizeof *m->lora_lin);
    if (!m->lora_lin) return VS_FAIL(err, VS_E_NOMEM, "adapter");
    for (size_t i = 0; i < c->n_layers; i++) {
        for (int which = 0; which < VS_N_LINEAR; which++) {
            vs_lora_lin *l = &m->lora_lin[i * VS_N_LINEAR + (size_t)which];
            char name[VS_TENSOR_NAME];
            if (!vs_lora_is_target(&m->lora_config, i, (vs_linear)which)) continue;
            vs_lora_name(name, i, (vs_linear)which, 'A');
            l->a = vs_params_find(&m->lora, name);
            vs_lora_name(name, i, (vs_linear)which, 'B');
            l->b = vs_params_find(&m->lora, name);
            if (!l->a || !l->b) return VS_FAIL(err, VS_E_FORMAT, "adapter: %s is missing", name);
            double scale;
            VS_TRY(vs_lora_module(NULL, &scale, &m->lora_config, i, (vs_linear)which, err));
            l->scale = (float)scale;
            if (l->a->rows > m->lora_rank) m->lora_rank = l->a->rows;
            VS_TRY(vs_panels_open(&l->a_fwd, NULL, l->a->rows, l->a->cols, VS_PANELS_F32, err));
            VS_TRY(vs_panels_open(&l->b_fwd, NULL, l->b->rows, l->b->cols, VS_PANELS_F32, err));
        }
    }
    return VS_OK;
}

static void pack_lora_matrix(const vs_ops *o, vs_panels *fwd, vs_panels *bwd, const float *w)
{
    vs_panels_set_rows(o, fwd, 0, w, fwd->k, fwd->n);
    if (bwd->n) vs_panels_transpose(bwd, fwd);
}

static vs_status pack_lora(vs_model *m, bool bwd, vs_error *err)
{
    const vs_ops *o = m->base->ops;

    for (size_t i = 0; i < m->base->config.n_layers * VS_N_LINEAR; i++) {
        vs_lora_lin *l = &m->lora_lin[i];
        if (!l->a) continue;
        if (bwd && !l->a_bwd.n)
            VS_TRY(vs_panels_open(&l->a_bwd, NULL, l->a->cols, l->a->rows, VS_PANELS_F32, err));
        if (bwd && !l->b_bwd.n)
            VS_TRY(vs_panels_open(&l->b_bwd, NULL, l->b->cols, l->b->rows, VS_PANELS_F32, err));
        pack_lora_matrix(o, &l->a_fwd, &l->a_bwd, m->lora.data + l->a->offset);
        pack_lora_matrix(o, &l->b_fwd, &l->b_bwd, m->lora.data + l->b->offset);
    }
    return VS_OK;
}

/* An adapter's own value head counts before the base's. */
static void find_value(vs_model *m)
{
    const bool in_lora = m->lora_config.rank && m->lora_config.has_value;

    if (!in_lora && !m->base->config.has_value) return;
    m->value_params = in_lora ? &m->lora : &m->base->params;
    m->value_weight =
        vs_params_find(m->value_params, in_lora ? "base_model.model.score.weight" : "score.weight");
    m->value_bias =
        vs_params_find(m->value_params, in_lora ? "base_model.model.score.bias" : "score.bias");
}

vs_status vs_model_create(vs_model **out, vs_base *base, const vs_lora_config *config,
                          vs_params *lora, vs_error *err)
{
    vs_status st;
    const vs_config *c = &base->config;
    vs_model *m = vs_alloc(1, sizeof *m);

    if (!m) return VS_FAIL(err, VS_E_NOMEM, "model");
    m->base = base;
    m->shape = (vs_attn_shape){
        .n_layers = c->n_layers,
        .n_heads = c->n_heads,
        .n_kv_heads = c->n_kv_heads,
        .head_dim = c->head_dim,
        .scale = (float)(1.0 / sqrt(c->query_scalar > 0.0 ? c->query_scalar : (double)c->head_dim)),
        .softcap = (float)c->attn_softcap};
    m->sliding = m->shape;
    m->sliding.window = c->window;
    if (lora) {
        m->lora_config = *config;
        m->lora = *lora;
        VS_CHECK(open_lora(m, err));
        VS_CHECK(pack_lora(m, false, err));
    }
    find_value(m);
    VS_CHECK(vs_model_rehash(m, err));
    if (lora) memset(lora, 0, sizeof *lora);
    *out = m;
    m = NULL;
done:
    if (m) memset(&m->lora, 0, sizeof m->lora);
    vs_model_close(m);
    return st;
}

vs_status vs_model_open(vs_model **out, vs_base *base, const char *adapter_dir, vs_error *err)
{
    vs_status st;
    vs_lora_config config = {0};
    vs_params lora = {0};

    if (!adapter_dir) return vs_model_create(out, base, NULL, NULL, err);
    VS_CHECK(vs_lora_read(&lora, &config, &base->config, adapter_dir, err));
    VS_CHECK(vs_model_create(out, base, &config, &lora, err));
done:
    vs_params_close(&lora);
    return st;
}

void vs_model_close(vs_model *m)
{
    if (!m) return;
    for (size_t i = 0; m->lora_lin && i < m->base->config.n_layers * VS_N_LINEAR; i++) {
        vs_panels_close(&m->lora_lin[i].a_fwd);
        vs_panels_close(&m->lora_lin[i].b_fwd);
        vs_panels_close(&m->lora_lin[i].a_bwd);
        vs_panels_close(&m->lora_lin[i].b_bwd);
    }
    free(m->lora_lin);
    vs_params_close(&m->lora);
    free(m);
}

bool vs_model_is_small(const vs_model *m)
{
    return m->base->params.n_model <= SMALL_MODEL;
}

vs_params *vs_model_trainable(vs_model *m)
{
    return m->lora_config.rank ? &m->lora : &m->base->params;
}

vs_status vs_model_repack(vs_model *m, bool bwd, vs_error *err)
{
    if (!m->lora_config.rank) return vs_base_repack(m->base, bwd, err);
    if (bwd && !m->base->head_bwd.n) VS_TRY(vs_base_pack_backward(m->base, err));
    return pack_lora(m, bwd, err);
}

static vs_status hash_scales(char hex[VS_HASH_HEX], const vs_model *m, vs_error *err)
{
    vs_hasher *h;

    VS_TRY(vs_hasher_open(&h, err));
    for (size_t i = 0; i < m->base->config.n_layers * VS_N_LINEAR; i++)
        vs_hasher_add(h, &m->lora_lin[i].scale, sizeof m->lora_lin[i].scale);
    vs_hasher_close(h, hex);
    return VS_OK;
}

void vs_compute_hash(char out[VS_HASH_HEX], const char hash[VS_HASH_HEX], vs_compute compute)
{
    char text[VS_HASH_HEX + 16];
    const int n = snprintf(text, sizeof text, "%s compute bf16", hash);

    if (compute == VS_COMPUTE_BF16)
        vs_sha256_hex(out, text, (size_t)n);
    else
        memmove(out, hash, VS_HASH_HEX);
}

/* The hash covers the numbers of the shape that the weights alone do not tell. */
vs_status vs_model_rehash(vs_model *m, vs_error *err)
{
    const vs_config *c = &m->base->config;
    char weights[VS_HASH_HEX], lora[VS_HASH_HEX] = "", scales[VS_HASH_HEX] = "",
                               text[VS_MAX_LAYERS + 1024], layers[VS_MAX_LAYERS + 1] = "",
                               yarn[96] = "";
    int n;

    if (m->base->weights_hash[0])
        memcpy(weights, m->base->weights_hash, sizeof weights);
    else
        VS_TRY(vs_params_hash(weights, &m->base->params, err));
    if (m->lora_config.rank) {
        VS_TRY(vs_params_hash(lora, &m->lora, err));
        VS_TRY(hash_scales(scales, m, err));
    }
    for (size_t i = 0; i < c->n_layers; i++) layers[i] = c->is_sliding[i] ? 's' : 'f';
    if (c->rope.type == VS_ROPE_YARN)
        snprintf(yarn, sizeof yarn, " %a %a %a %d", c->rope.beta_fast, c->rope.beta_slow,
                 c->rope.attention_factor, c->rope.is_whole);
    n = snprintf(text, sizeof text,
                 "%s heads %zu kv %zu head_dim %zu rope %a %a %s %a %a %a %zu%s eps %a scalar %a "
                 "caps %a %a window %zu %s embed %a tied %d weights %s lora %s scales %s",
                 vs_config_family(c)->model_type, c->n_heads, c->n_kv_heads, c->head_dim,
                 c->rope_theta, c->rope_local_theta, vs_rope_type_name[c->rope.type],
                 c->rope.factor, c->rope.low_freq_factor, c->rope.high_freq_factor,
                 c->rope.original_positions, yarn, c->rms_eps, c->query_scalar, c->attn_softcap,
                 c->final_softcap, c->window, c->window ? layers : "", (double)m->base->embed_scale,
                 c->is_tied, weights, lora, scales);
    vs_sha256_hex(m->hash, text, (size_t)n);
    vs_compute_hash(m->hash, m->hash, m->base->compute);
    return VS_OK;
}

vs_status vs_model_settle(vs_model *m, vs_error *err)
{
    vs_params *p = &m->base->params;

    if (!m->lora_config.rank && m->base->config.dtype == VS_BF16) /* adapters are written as f32 */
        for (size_t i = 0; i < p->n; i++) p->data[i] = vs_f32_of_bf16(vs_bf16_of_f32(p->data[i]));
    return vs_model_rehash(m, err);
}
