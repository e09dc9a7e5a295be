/* Attention: equal bits from every backend, and from every way of cutting the same queries into
 * calls. */
#include "attn_test.h"

TEST(attn, every_backend_gives_the_bits_of_ref)
{
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    for (size_t c = 0; c < N_GROUP_CASES; c++) {
        group expected = group_open(&group_cases[c]);

        group_link(&expected);
        group_forward(&expected, backends[0]);
        group_backward(&expected, backends[0]);
        for (size_t b = 1; b < n_backends; b++) {
            group g = group_open(&group_cases[c]);
            char what[60];

            group_link(&g);
            group_forward(&g, backends[b]);
            group_backward(&g, backends[b]);
            snprintf(what, sizeof what, "case %zu, %s", c, backends[b]->name);
            check_bits(what, g.prompt.data, expected.prompt.data,
                       vs_seg_floats(&g.s, g.prompt.cap));
            for (size_t i = 0; i < g.n_spans; i++)
                check_bits(what, g.own[i].data, expected.own[i].data,
                           vs_seg_floats(&g.s, g.own[i].cap));
            check_bits(what, g.out, expected.out, g.n_rows * g.ld_o);
            check_bits(what, g.d_qkv, expected.d_qkv, g.n_rows * g.ld);
            group_close(&g);
        }
        group_close(&expected);
    }
}

TEST(attn, one_token_at_a_time_equals_all_at_once)
{
    for (size_t c = 0; c < N_GROUP_CASES; c++) {
        const vs_ops *o = vs_ops_best();
        group whole = group_open(&group_cases[c]), steps = group_open(&group_cases[c]);

        group_link(&whole);
        group_link(&steps);
        group_forward(&whole, o);
        for (size_t i = 0; i < steps.n_prompt; i++) {
            const vs_span token = {&steps.prompt, steps.prompt_span.row + i, 1, i};

            store_span(&steps, o, &token);
            attend(&steps, o, NULL, &token, 1);
        }
        for (size_t i = 0; i < steps.longest; i++) { /* the live spans of a decode step, together */
            vs_span tokens[GROUP_SPANS];
            size_t n = 0;

            for (size_t k = 0; k < steps.n_spans; k++)
                if (i < steps.spans[k].n) {
                    tokens[n] = (vs_span){&steps.own[k], steps.spans[k].row + i, 1, i};
                    store_span(&steps, o, &tokens[n++]);
                }
            attend(&steps, o, steps.n_prompt ? &steps.prompt : NULL, tokens, n);
        }
        check_bits("out", steps.out, whole.out, whole.n_rows * whole.ld_o);
        group_close(&whole);
        group_close(&steps);
    }
}

TEST(attn, a_span_in_a_group_equals_the_span_alone)
{
    for (size_t c = 0; c < N_GROUP_CASES; c++) {
        const vs_ops *o = vs_ops_best();
        group together = group_open(&group_cases[c]), alone = group_open(&group_cases[c]);

        group_link(&together);
        group_link(&alone);
        group_forward(&together, o);
        store_span(&alone, o, &alone.prompt_span);
        attend(&alone, o, NULL, &alone.prompt_span, 1);
        for (size_t i = alone.n_spans; i-- > 0;) {
            store_span(&alone, o, &alone.spans[i]);
            attend(&alone, o, alone.n_prompt ? &alone.prompt : NULL, &alone.spans[i], 1);
        }
        check_bits("out", alone.out, together.out, alone.n_rows * alone.ld_o);
        group_close(&together);
        group_close(&alone);
    }
}

/* 200 spans of one token: several blocks of queries, and more spans than one block may hold. */
static void check_many_branches(const vs_ops *o)
{
    enum { N = 200, LEN = 19, P = 21 };
    const group_case c = {2, 1, 16, P, 1, {N}, 0, 0.0f};
    group g = group_open(&c), alone = group_open(&c);
    static vs_seg segs[N];
    static vs_span spans[N];

    group_link(&g);
    group_link(&alone);
    for (size_t i = 0; i < N; i++) {
        segs[i] = seg_open(&g.s, LEN + 1, 100 + (uint32_t)i);
        spans[i] = (vs_span){&segs[i], g.spans[0].row + i, 1, i % LEN};
        store_span(&g, o, &spans[i]);
    }
    store_span(&g, o, &g.prompt_span);
    attend(&g, o, &g.prompt, spans, N);
    for (size_t i = 0; i < N; i++) attend(&alone, o, &g.prompt, &spans[i], 1);
    check_bits("out", g.out, alone.out, g.n_rows * g.ld_o);
    for (size_t i = 0; i < N; i++) free(segs[i].data);
    group_close(&g);
    group_close(&alone);
}

TEST(attn, many_branches_in_one_call_equal_each_alone)
{
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    for (size_t i = 0; i < n_backends; i++) check_many_branches(backends[i]);
}

/* The product of the first weight and value underflows to -0 and every later term is a zero: a
 * masked key's +0 would turn the sign in one backend and not in another, were it not for the + 0 at
 * the end. */
TEST(attn, a_result_of_zero_is_never_negative)
{
    enum { D = 8, LEN = 3 };
    const vs_attn_shape s = {
        .n_layers = 1, .n_heads = 1, .n_kv_heads = 1, .head_dim = D, .scale = 1.0f};
    const float q[LEN * D] = {0.0f, 0, 0, 0, 0, 0, 0, 0, 60.0f, 0, 0, 0, 0, 0, 0, 0, 60.0f};
    const float k[LEN * D] = {0.0f, 0, 0, 0, 0, 0, 0, 0, 1.0f};
    float v[LEN * D], out[LEN * D];
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    for (size_t i = 0; i < LEN * D; i++) v[i] = i < D ? -1e-40f : -0.0f;
    for (size_t b = 0; b < n_backends; b++) {
        vs_seg seg = {.data = zeros(vs_seg_floats(&s, VS_LANES)), .cap = VS_LANES};
        const vs_span span = {&seg, 0, LEN, 0};
        const vs_attn_group g = {NULL, 0, &span, 1};

        float *scratch = zeros(backends[b]->attn_scratch(&s, LEN));

        backends[b]->kv_store(&s, &span, 0, k, v, D);
        backends[b]->attn(&s, &g, 0, 0, q, D, out, D, scratch);
        for (size_t d = 0; d < D; d++) CHECK(out[D + d] == 0.0f && !signbit(out[D + d]));
        free(seg.data);
        free(scratch);
    }
}
