#include "engine/model/model.h"

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

enum { SMALL_MODEL = 4 << 20 };

static const vs_linear lin_parts[VS_N_LIN][3] = {
    [VS_LIN_QKV] = {VS_Q, VS_K, VS_V},
    [VS_LIN_O] = {VS_O},
    [VS_LIN_GATE_UP] = {VS_GATE, VS_UP},
    [VS_LIN_DOWN] = {VS_DOWN},
};
static const size_t lin_n_parts[VS_N_LIN] = {3, 1, 2, 1};

static const vs_tensor *layer_tensor(const vs_base *b, size_t layer, const char *name,
                                     const char *what)
{
    char full[VS_TENSOR_NAME];

    snprintf(full, sizeof full, "model.layers.%zu.%s.%s", layer, name, what);
    return vs_params_find(&b->params, full);
}

static const char *linear_path(vs_linear which)
{
    static const char *const path[VS_N_LINEAR] = {
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj",
    };
    return path[which];
}

static vs_status open_lin(vs_base *b, size_t layer, int kind, vs_error *err)
{
    vs_lin *lin = &b->layers[layer].lin[kind];

    lin->n_parts = lin_n_parts[kind];
    for (size_t i = 0; i < lin->n_parts; i++) {
        const char *path = linear_path(lin_parts[kind][i]);
        const vs_tensor *w = layer_tensor(b, layer, path, "weight");

        lin->bias[i] = layer_tensor(b, layer, path, "bias");
        if (!w)
            return VS_FAIL(err, VS_E_FORMAT, "layer %zu: a linear layer's weight is missing",
                           layer);
        lin->which[i] = lin_parts[kind][i];
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

/* Panels for such a matrix. To compute in f32: as bf16 as long as its weights are exactly that, as f32 once they were not. */
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
static vs_status pack_base_backward(vs_base *b, vs_error *err)
{
    for (size_t i = 0; i < b->config.n_layers; i++)
        for (int kind = 0; kind < VS_N_LIN; kind++) {
            vs_lin *lin = &b->layers[i].lin[kind];
            VS_TRY(pack_backward(b, &lin->bwd, &lin->fwd, err));
        }
    return pack_backward(b, &b->head_bwd, &b->head_fwd, err);
}

typedef struct rope_job {
    const vs_config *c;
    const vs_rope_scaling *scaling;
    double theta;
    float *cos_sin;
} rope_job;

/* Angles in double, rounded once; half-split, as transformers lays heads out. */
static void rope_table_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const rope_job *j = ctx;
    const size_t d = j->c->head_dim, half = d / 2;
    (void)thread;

    for (size_t i = 0; i < half; i++) {
        const double frequency = vs_rope_frequency(j->scaling, j->theta, i, d);
        for (size_t pos = begin; pos < end; pos++) {
            const double angle = (double)pos * frequency;
            j->cos_sin[pos * d + i] = (float)vs_cos(angle);
            j->cos_sin[pos * d + half + i] = (float)vs_sin(angle);
        }
    }
}

static vs_status fill_rope(float **out, const vs_base *b, double theta,
                           const vs_rope_scaling *scaling, vs_error *err)
{
    const size_t d = b->config.head_dim, n = b->config.n_positions;
    rope_job job = {&b->config, scaling, theta, vs_alloc(n * d, sizeof(float))};

    if (!job.cos_sin) return VS_FAIL(err, VS_E_NOMEM, "rotary table of %zu positions", n);
    vs_parallel_range(n, 60.0 * (double)d, vs_threads(), rope_table_range, &job);
    *out = job.cos_sin;
    return VS_OK;
}

static vs_status open_ropes(vs_base *b, vs_error *err)
{
    static const vs_rope_scaling plain = {.type = VS_ROPE_DEFAULT};
    const vs_config *c = &b->config;

    VS_TRY(fill_rope(&b->cos_sin[0], b, c->rope_theta, &c->rope, err));
    if (c->rope_local_theta == 0.0 || c->window == 0) return VS_OK;
    return fill_rope(&b->cos_sin[1], b, c->rope_local_theta, &plain, err);
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
            VS_TRY(
                open_norm(norms[k].norm, b, at, layer_tensor(b, i, norms[k].name, "weight"), err));
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

vs_status vs_base_open_trainable(vs_base **out, const char *dir, vs_error *err)
{
    vs_status st;
    vs_config config;
    vs_params params = {0};

    VS_TRY(vs_config_read(&config, dir, err));
    VS_TRY(vs_weights_read(&params, &config, dir, err));
    st = vs_base_create(out, &config, &params, VS_COMPUTE_F32, err);
    vs_params_close(&params);
    return st;
}

void vs_base_close(vs_base *b)
{
    if (!b) return;
    for_each_panels(b, vs_panels_close);
    vs_arena_close(b->panels);
    vs_params_close(&b->params);
    free(b->layers);
    free(b->cos_sin[0]);
    free(b->cos_sin[1]);
    free(b->plus_one);
    free(b);
}

/* -- adapters -- */

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
            snprintf(name, sizeof name, "base_model.model.model.layers.%zu.%s.lora_A.weight", i,
                     linear_path((vs_linear)which));
            l->a = vs_params_find(&m->lora, name);
            snprintf(name, sizeof name, "base_model.model.model.layers.%zu.%s.lora_B.weight", i,
                     linear_path((vs_linear)which));
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
    if (m->lora_config.rank) {
        if (bwd && !m->base->head_bwd.n) VS_TRY(pack_base_backward(m->base, err));
        return pack_lora(m, bwd, err);
    }
    VS_TRY(vs_params_check_whole(&m->base->params, err));
    if (bwd && !m->base->is_trained) { /* weights that change will not stay bf16 */
        for_each_panels(m->base, vs_panels_close);
        vs_arena_reset(m->base->panels);
        m->base->is_trained = true;
    }
    VS_TRY(pack_base(m->base, err));
    return bwd ? pack_base_backward(m->base, err) : VS_OK;
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
    char weights[VS_HASH_HEX], lora[VS_HASH_HEX] = "", scales[VS_HASH_HEX] = "", text[1024],
                               layers[VS_MAX_LAYERS + 1] = "";
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
    n = snprintf(text, sizeof text,
                 "%s heads %zu kv %zu head_dim %zu rope %a %a %s %a %a %a %zu eps %a scalar %a "
                 "caps %a %a window %zu %s embed %a tied %d weights %s lora %s scales %s",
                 vs_config_family(c)->model_type, c->n_heads, c->n_kv_heads, c->head_dim,
                 c->rope_theta, c->rope_local_theta, vs_rope_type_name[c->rope.type],
                 c->rope.factor, c->rope.low_freq_factor, c->rope.high_freq_factor,
                 c->rope.original_positions, c->rms_eps, c->query_scalar, c->attn_softcap,
                 c->final_softcap, c->window, c->window ? layers : "", (double)m->base->embed_scale,
                 c->is_tied, weights, lora, scales);
    vs_sha256_hex(m->hash, text, (size_t)n);
    vs_compute_hash(m->hash, m->hash, m->base->compute);
    return VS_OK;
}
