/* base.c - the weights of a model: laid out in panels, for use as they are read, or kept whole to be trained. */
#include "engine/model/base.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmath.h"
#include "base/mem.h"
#include "base/threads.h"
#include "engine/model/folder_impl.h"
#include "engine/tensor/par.h"

static const vs_linear lin_parts[VS_N_LIN][3] = {
    [VS_LIN_QKV] = {VS_Q, VS_K, VS_V},
    [VS_LIN_O] = {VS_O},
    [VS_LIN_GATE_UP] = {VS_GATE, VS_UP},
    [VS_LIN_DOWN] = {VS_DOWN},
};
static const size_t lin_n_parts[VS_N_LIN] = {3, 1, 2, 1};

static const vs_tensor *norm_tensor(const vs_base *b, size_t layer, const char *name)
{
    char full[VS_TENSOR_NAME];

    snprintf(full, sizeof full, "model.layers.%zu.%s.weight", layer, name);
    return vs_params_find(&b->params, full);
}

static const vs_tensor *linear_tensor(const vs_base *b, size_t layer, vs_linear which,
                                      const char *what)
{
    char full[VS_TENSOR_NAME];

    vs_linear_full_name(full, layer, which, what);
    return vs_params_find(&b->params, full);
}

static vs_status open_lin(vs_base *b, size_t layer, int kind, vs_error *err)
{
    vs_lin *lin = &b->layers[layer].lin[kind];

    lin->n_parts = lin_n_parts[kind];
    for (size_t i = 0; i < lin->n_parts; i++) {
        const vs_linear which = lin_parts[kind][i];
        const vs_tensor *w = linear_tensor(b, layer, which, "weight");

        lin->bias[i] = linear_tensor(b, layer, which, "bias");
        if (!w)
            return VS_FAIL(err, VS_E_FORMAT, "layer %zu: a linear layer's weight is missing",
                           layer);
        lin->which[i] = which;
        lin->col[i] = lin->n;
        lin->w[i] = w;
        lin->n += w->rows;
        lin->k = w->cols;
    }
    return VS_OK;
}

static void for_each_panels(vs_base *b, void (*f)(vs_panels *p))
{
    for (size_t i = 0; b->layers && i < b->config.n_layers; i++)
        for (int kind = 0; kind < VS_N_LIN; kind++) {
            f(&b->layers[i].lin[kind].fwd);
            f(&b->layers[i].lin[kind].bwd);
        }
    f(&b->head_fwd);
    f(&b->head_bwd);
}

/* Opens panels for an n x k matrix: bf16 while the weights are exactly representable, f32 once they are not. */
static vs_status fit_panels(const vs_base *b, vs_panels *p, size_t n, size_t k, bool is_bf16,
                            vs_error *err)
{
    const vs_panel_kind kind = b->compute == VS_COMPUTE_BF16 ? VS_PANELS_PAIRS
                               : is_bf16                     ? VS_PANELS_BF16
                                                             : VS_PANELS_F32;

    if (p->pairs || p->data || (p->half && is_bf16)) return VS_OK;
    return vs_panels_open(p, b->panels, n, k, kind, err);
}

/* Panels that are bf16, or open to it. */
static bool may_be_bf16(const vs_base *b, const vs_panels *p)
{
    return b->compute == VS_COMPUTE_F32 && !b->is_trained && !p->data;
}

/* w: the numbers of each part. */
static vs_status pack_lin(const vs_base *b, vs_lin *lin, const float *const w[3], vs_error *err)
{
    bool is_bf16 = may_be_bf16(b, &lin->fwd);

    for (size_t i = 0; is_bf16 && i < lin->n_parts; i++)
        is_bf16 = vs_is_bf16(w[i], lin->w[i]->rows * lin->k);
    VS_TRY(fit_panels(b, &lin->fwd, lin->n, lin->k, is_bf16, err));
    for (size_t i = 0; i < lin->n_parts; i++)
        vs_panels_set_rows(b->ops, &lin->fwd, lin->col[i], w[i], lin->k, lin->w[i]->rows);
    return VS_OK;
}

static vs_status pack_head(vs_base *b, const float *w, vs_error *err)
{
    const size_t n = b->head->rows, k = b->head->cols;

    VS_TRY(fit_panels(b, &b->head_fwd, n, k, may_be_bf16(b, &b->head_fwd) && vs_is_bf16(w, n * k),
                      err));
    vs_panels_set_rows(b->ops, &b->head_fwd, 0, w, k, n);
    return VS_OK;
}

/* dx = dy W: panels over the inputs, the chain runs over all outputs. */
static vs_status pack_backward(const vs_base *b, vs_panels *bwd, const vs_panels *fwd,
                               vs_error *err)
{
    const vs_panel_kind kind = fwd->half ? VS_PANELS_BF16 : VS_PANELS_F32;

    if (!bwd->n) VS_TRY(vs_panels_open(bwd, b->panels, fwd->k, fwd->n, kind, err));
    vs_panels_transpose(bwd, fwd);
    return VS_OK;
}

/* The head's come last: once they are there, all are. */
vs_status vs_base_pack_backward(vs_base *b, vs_error *err)
{
    for (size_t i = 0; i < b->config.n_layers; i++)
        for (int kind = 0; kind < VS_N_LIN; kind++) {
            vs_lin *lin = &b->layers[i].lin[kind];
            VS_TRY(pack_backward(b, &lin->bwd, &lin->fwd, err));
        }
    return pack_backward(b, &b->head_bwd, &b->head_fwd, err);
}

static vs_status open_ropes(vs_base *b, vs_error *err)
{
    static const vs_rope_scaling plain = {.type = VS_ROPE_DEFAULT};
    const vs_config *c = &b->config;

    VS_TRY(vs_rope_open(&b->rope[0], &c->rope, c->rope_theta, c->n_positions, c->head_dim, err));
    if (c->rope_local_theta == 0.0 || c->window == 0) return VS_OK;
    return vs_rope_open(&b->rope[1], &plain, c->rope_local_theta, c->n_positions, c->head_dim, err);
}

/* The norm's weight, and where its scale lies: after what *at elements of plus_one hold already. */
static vs_status open_norm(vs_norm *n, vs_base *b, size_t *at, const vs_tensor *weight,
                           vs_error *err)
{
    if (!weight) return VS_FAIL(err, VS_E_FORMAT, "model: a norm's weight is missing");
    n->weight = weight;
    n->scale = b->plus_one ? b->plus_one + *at : b->params.data + weight->offset;
    *at += weight->cols;
    return VS_OK;
}

static vs_status open_layer_norms(vs_base *b, size_t i, size_t *at, vs_error *err)
{
    const vs_family *f = vs_config_family(&b->config);
    vs_layer *l = &b->layers[i];
    const struct {
        vs_norm *norm;
        const char *name;
        bool is_there;
    } norms[] = {
        {&l->norm1, "input_layernorm", true},
        {f->has_post_norms ? &l->post1 : &l->norm2, "post_attention_layernorm", true},
        {&l->norm2, "pre_feedforward_layernorm", f->has_post_norms},
        {&l->post2, "post_feedforward_layernorm", f->has_post_norms},
        {&l->q_norm, "self_attn.q_norm", f->has_qk_norm},
        {&l->k_norm, "self_attn.k_norm", f->has_qk_norm},
    };

    for (size_t k = 0; k < sizeof norms / sizeof *norms; k++)
        if (norms[k].is_there)
            VS_TRY(open_norm(norms[k].norm, b, at, norm_tensor(b, i, norms[k].name), err));
    return VS_OK;
}

static vs_status open_layers(vs_base *b, vs_error *err)
{
    const vs_config *c = &b->config;
    const size_t per_layer = 4 * c->n_embd + 2 * c->head_dim;
    size_t at = 0;

    b->layers = vs_alloc(c->n_layers, sizeof *b->layers);
    if (!b->layers) return VS_FAIL(err, VS_E_NOMEM, "%zu layers", c->n_layers);
    if (vs_config_family(c)->norm_adds_one) {
        b->plus_one = vs_alloc(c->n_layers * per_layer + c->n_embd, sizeof *b->plus_one);
        if (!b->plus_one) return VS_FAIL(err, VS_E_NOMEM, "norms of %zu layers", c->n_layers);
    }
    for (size_t i = 0; i < c->n_layers; i++) {
        b->layers[i].is_sliding = c->is_sliding[i] && c->window > 0;
        VS_TRY(open_layer_norms(b, i, &at, err));
        for (int kind = 0; kind < VS_N_LIN; kind++) VS_TRY(open_lin(b, i, kind, err));
    }
    return open_norm(&b->norm, b, &at, vs_params_find(&b->params, "model.norm.weight"), err);
}

static void set_scale(const vs_base *b, const vs_norm *n)
{
    if (!n->weight || !b->plus_one) return;
    for (size_t i = 0; i < n->weight->cols; i++)
        n->scale[i] = 1.0F + b->params.data[n->weight->offset + i];
}

static void set_scales(const vs_base *b)
{
    set_scale(b, &b->norm);
    for (size_t i = 0; i < b->config.n_layers; i++) {
        const vs_layer *l = &b->layers[i];
        const vs_norm *const norms[] = {&l->norm1, &l->norm2,  &l->post1,
                                        &l->post2, &l->q_norm, &l->k_norm};
        for (size_t k = 0; k < sizeof norms / sizeof *norms; k++) set_scale(b, norms[k]);
    }
}

static vs_status pack_base(vs_base *b, vs_error *err)
{
    set_scales(b);
    for (size_t i = 0; i < b->config.n_layers; i++)
        for (int kind = 0; kind < VS_N_LIN; kind++) {
            vs_lin *lin = &b->layers[i].lin[kind];
            const float *w[3];
            for (size_t p = 0; p < lin->n_parts; p++) w[p] = b->params.data + lin->w[p]->offset;
            VS_TRY(pack_lin(b, lin, w, err));
        }
    return pack_head(b, b->params.data + b->head->offset, err);
}

/* All but the panels. Takes over *params, as vs_base_create. */
static vs_status open_base(vs_base **out, const vs_config *c, vs_params *params, vs_compute compute,
                           vs_error *err)
{
    vs_status st;
    vs_base *b = vs_alloc(1, sizeof *b);

    if (!b) return VS_FAIL(err, VS_E_NOMEM, "model");
    b->ops = vs_ops_best();
    b->compute = compute;
    b->config = *c;
    b->params = *params;
    b->embed = vs_params_find(&b->params, "model.embed_tokens.weight");
    b->embed_scale = vs_config_family(c)->scales_embedding ? (float)sqrt((double)c->n_embd) : 1.0F;
    b->head = c->is_tied ? b->embed : vs_params_find(&b->params, "lm_head.weight");
    if (!b->embed || !b->head) {
        st = VS_FAIL(err, VS_E_FORMAT, "model: embedding or head is missing");
        goto done;
    }
    VS_CHECK(open_layers(b, err));
    VS_CHECK(open_ropes(b, err));
    VS_CHECK(vs_arena_open(&b->panels, b->params.n_model * sizeof(uint16_t), err));
    memset(params, 0, sizeof *params);
    *out = b;
    b = NULL;
done:
    if (b) memset(&b->params, 0, sizeof b->params); /* still the caller's */
    vs_base_close(b);
    return st;
}

vs_status vs_base_create(vs_base **out, const vs_config *c, vs_params *params, vs_compute compute,
                         vs_error *err)
{
    vs_status st;
    vs_base *b;

    VS_TRY(open_base(&b, c, params, compute, err));
    VS_CHECK(pack_base(b, err));
    *out = b;
    return VS_OK;
done:
    *params = b->params;
    b->params = (vs_params){0};
    vs_base_close(b);
    return st;
}

/* -- loading: weights become panels one product after another -- */

typedef struct loading {
    vs_base *b;
    vs_tensor_fill *fill;
    void *ctx;
    vs_hasher *hasher;
    float *buffer;    /* one product's weights [n][k] */
    size_t lin, part; /* which of all layers' comes next */
} loading;

static bool is_only_packed(const vs_tensor *t)
{
    return vs_name_ends(t->name, "_proj.weight") || strcmp(t->name, "lm_head.weight") == 0;
}

static vs_status open_buffer(loading *l, vs_error *err)
{
    const vs_tensor *head = l->b->head;
    size_t n = head->offset == VS_NO_PLACE ? head->rows * head->cols : 0;

    for (int kind = 0; kind < VS_N_LIN; kind++) {
        const vs_lin *lin = &l->b->layers[0].lin[kind];
        if (lin->n * lin->k > n) n = lin->n * lin->k;
    }
    l->buffer = vs_alloc_raw(n * sizeof *l->buffer);
    return l->buffer ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "buffer of %zu weights", n);
}

static vs_status load_tensor(const loading *l, const vs_tensor *t, float *to, vs_error *err)
{
    VS_TRY(l->fill(l->ctx, to, t, err));
    vs_tensor_hash(l->hasher, t, to);
    return VS_OK;
}

/* The table's order is that of the layers' products and of their parts. */
static vs_status load_part(loading *l, const vs_tensor *t, vs_error *err)
{
    vs_lin *lin = &l->b->layers[l->lin / VS_N_LIN].lin[l->lin % VS_N_LIN];
    const float *w[3];

    assert(t == lin->w[l->part]);
    VS_TRY(load_tensor(l, t, l->buffer + lin->col[l->part] * lin->k, err));
    if (++l->part < lin->n_parts) return VS_OK;
    l->part = 0;
    l->lin++;
    for (size_t i = 0; i < lin->n_parts; i++) w[i] = l->buffer + lin->col[i] * lin->k;
    return pack_lin(l->b, lin, w, err);
}

static vs_status load_all(loading *l, vs_error *err)
{
    vs_base *b = l->b;
    const vs_params *p = &b->params;

    VS_TRY(open_buffer(l, err));
    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        const bool is_placed = t->offset != VS_NO_PLACE;
        float *to = is_placed ? p->data + t->offset : l->buffer;

        if (!is_placed && t != b->head) {
            VS_TRY(load_part(l, t, err));
            continue;
        }
        VS_TRY(load_tensor(l, t, to, err));
        if (t == b->head) VS_TRY(pack_head(b, to, err));
    }
    set_scales(b);
    return VS_OK;
}

vs_status vs_base_load(vs_base **out, const vs_config *c, vs_tensor_fill *fill, void *ctx,
                       vs_compute compute, vs_error *err)
{
    vs_status st;
    vs_params table = {0};
    loading l = {.fill = fill, .ctx = ctx};

    VS_CHECK(vs_weights_table(&table, c, err));
    vs_params_leave_out(&table, is_only_packed);
    VS_CHECK(vs_params_alloc(&table, err));
    VS_CHECK(open_base(&l.b, c, &table, compute, err));
    VS_CHECK(vs_hasher_open(&l.hasher, err));
    VS_CHECK(load_all(&l, err));
    vs_hasher_close(l.hasher, l.b->weights_hash);
    l.hasher = NULL;
    *out = l.b;
    l.b = NULL;
done:
    vs_hasher_close(l.hasher, NULL);
    free(l.buffer);
    vs_base_close(l.b);
    vs_params_close(&table);
    return st;
}

vs_status vs_base_open(vs_base **out, const char *dir, vs_compute compute, vs_error *err)
{
    vs_status st;
    vs_config config;
    vs_tensor_files files;

    VS_TRY(vs_config_read(&config, dir, err));
    VS_TRY(vs_weights_open(&files, &config, dir, err));
    st = vs_base_load(out, &config, vs_tensor_files_fill, &files, compute, err);
    vs_tensor_files_close(&files);
    return st;
}

static vs_status open_whole(vs_base **out, const char *dir, bool is_valued, vs_error *err)
{
    vs_status st;
    vs_config config;
    vs_params params = {0};

    VS_TRY(vs_config_read(&config, dir, err));
    VS_CHECK(vs_weights_read(&params, &config, dir, err));
    if (is_valued && !config.has_value) {
        VS_CHECK(vs_value_extend(&params, "", config.n_embd, err));
        config.has_value = true;
    }
    st = vs_base_create(out, &config, &params, VS_COMPUTE_F32, err);
done:
    vs_params_close(&params);
    return st;
}

vs_status vs_base_open_trainable(vs_base **out, const char *dir, vs_error *err)
{
    return open_whole(out, dir, false, err);
}

vs_status vs_base_open_valued(vs_base **out, const char *dir, vs_error *err)
{
    return open_whole(out, dir, true, err);
}

vs_status vs_base_create_fresh(vs_base **out, const vs_config *c, uint64_t seed, vs_error *err)
{
    vs_status st;
    vs_params p = {0};

    VS_CHECK(vs_weights_table(&p, c, err));
    VS_CHECK(vs_params_alloc(&p, err));
    vs_weights_init(&p, c, seed);
    st = vs_base_create(out, c, &p, VS_COMPUTE_F32, err);
done:
    vs_params_close(&p);
    return st;
}

vs_status vs_base_repack(vs_base *b, bool bwd, vs_error *err)
{
    VS_TRY(vs_params_check_whole(&b->params, err));
    if (bwd && !b->is_trained) { /* weights that change will not stay bf16 */
        for_each_panels(b, vs_panels_close);
        vs_arena_reset(b->panels);
        b->is_trained = true;
    }
    VS_TRY(pack_base(b, err));
    return bwd ? vs_base_pack_backward(b, err) : VS_OK;
}

void vs_base_close(vs_base *b)
{
    if (!b) return;
    for_each_panels(b, vs_panels_close);
    vs_arena_close(b->panels);
    vs_params_close(&b->params);
    free(b->layers);
    for (size_t i = 0; i < 2; i++) vs_rope_close(&b->rope[i]);
    free(b->plus_one);
    free(b);
}
