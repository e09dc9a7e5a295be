/* test_head.c - the output head over vocabularies on both sides of a tile of 1024: log-probs and gradients of all
 * tokens against softmax in double. */
#include "base/rng.h"
#include "engine/model/head.h"
#include "tiny.h"

enum { WIDTH = 24, N_ROWS = 2, MOST_VOCAB = 2049 };
/* f32 sums of two thousand exponentials, and of 24 products. */
#define TOLERANCE 2e-6

static const size_t vocabularies[] = {1023, 1024, 1025, 2047, 2048, MOST_VOCAB};

typedef struct head_case {
    tiny t;
    size_t v;
    float hidden[N_ROWS * WIDTH];
    double p[N_ROWS][MOST_VOCAB]; /* probabilities */
    double logp[N_ROWS][MOST_VOCAB];
    double slope[N_ROWS][MOST_VOCAB]; /* of the cap */
} head_case;

static void softmax(head_case *h, size_t row, double cap)
{
    const float *w = h->t.base->params.data + h->t.base->head->offset;
    double sum = 0.0;

    for (size_t v = 0; v < h->v; v++) {
        double logit = 0.0;
        for (size_t c = 0; c < WIDTH; c++)
            logit += (double)h->hidden[row * WIDTH + c] * (double)w[v * WIDTH + c];
        const double t = cap > 0.0 ? tanh(logit / cap) : 0.0;
        h->logp[row][v] = cap > 0.0 ? cap * t : logit;
        h->slope[row][v] = 1.0 - t * t;
        sum += exp(h->logp[row][v]);
    }
    for (size_t v = 0; v < h->v; v++) {
        h->logp[row][v] -= log(sum);
        h->p[row][v] = exp(h->logp[row][v]);
    }
}

static head_case *head_open(size_t n_vocab, double cap)
{
    head_case *h = calloc(1, sizeof *h);
    vs_config c = tiny_config(true);
    vs_error err;
    vs_rng r = vs_rng_stream(vs_rng_key_make(6, VS_RNG_TEST, n_vocab), 0);

    c.n_vocab = h->v = n_vocab;
    c.final_softcap = cap;
    h->t = tiny_open_of(&c, 0, 17, false, false, VS_COMPUTE_F32);
    CHECK_OK(vs_model_repack(h->t.model, true, &err));
    for (size_t i = 0; i < N_ROWS * WIDTH; i++) h->hidden[i] = (float)(12.0 * vs_rng_normal(&r));
    for (size_t row = 0; row < N_ROWS; row++) softmax(h, row, cap);
    return h;
}

static void head_close(head_case *h)
{
    tiny_close(&h->t);
    free(h);
}

/* Every token a target of every row; both widths of the logits. */
static void check_logprobs(const head_case *h)
{
    static uint32_t row[N_ROWS * MOST_VOCAB];
    static int32_t id[N_ROWS * MOST_VOCAB];
    static float logp[N_ROWS * MOST_VOCAB], logits[N_ROWS * (MOST_VOCAB + 15)];
    float max[N_ROWS], sum[N_ROWS];

    for (size_t i = 0; i < N_ROWS * h->v; i++) {
        row[i] = (uint32_t)(i / h->v);
        id[i] = (int32_t)(i % h->v);
    }
    const vs_targets t = {.n_rows = N_ROWS, .n = N_ROWS * h->v, .row = row, .id = id};
    for (int keep = 0; keep < 2; keep++) {
        vs_head_logprobs(h->t.model, h->hidden, &t, logits, vs_head_ld(h->t.model, keep), logp, max,
                         sum);
        for (size_t i = 0; i < t.n; i++)
            CHECK_NEAR(logp[i], h->logp[row[i]][id[i]], TOLERANCE * 10);
    }
    vs_head_logits(h->t.model, h->hidden, N_ROWS, logits, h->v, max, sum);
    for (size_t i = 0; i < t.n; i++)
        CHECK(vs_logprob_of(logits[i], max[row[i]], sum[row[i]]) == logp[i]);
}

/* One target in each row: dL/dlogit = coef (1 at the target - p), times the slope of the cap. */
static void check_gradients(const head_case *h, const int32_t id[N_ROWS])
{
    static float logits[N_ROWS * (MOST_VOCAB + 15)], grads[MOST_VOCAB * WIDTH];
    static const uint32_t row[N_ROWS] = {0, 1};
    static const float coef[N_ROWS] = {1.5F, -0.5F};
    const vs_targets t = {.n_rows = N_ROWS, .n = N_ROWS, .row = row, .id = id};
    const float *w = h->t.base->params.data + h->t.base->head->offset;
    float logp[N_ROWS], max[N_ROWS], sum[N_ROWS], d_hidden[N_ROWS * WIDTH];
    float *scratch = calloc(vs_head_scratch(h->t.model, N_ROWS), sizeof *scratch);
    double want[N_ROWS * WIDTH];

    for (int keep = 0; keep < 2; keep++) {
        const size_t ld = vs_head_ld(h->t.model, keep);
        memset(grads, 0, sizeof grads);
        memset(want, 0, sizeof want);
        vs_head_logprobs(h->t.model, h->hidden, &t, logits, ld, logp, max, sum);
        vs_head_backward(h->t.model, h->hidden, &t, coef, max, sum, logits, ld, scratch, d_hidden,
                         grads);
        for (size_t v = 0; v < h->v; v++)
            for (size_t c = 0; c < WIDTH; c++) {
                double g = 0.0;
                for (size_t r = 0; r < N_ROWS; r++) {
                    const double at = (int32_t)v == id[r] ? 1.0 : 0.0;
                    const double d = (double)coef[r] * (at - h->p[r][v]) * h->slope[r][v];
                    g += d * (double)h->hidden[r * WIDTH + c];
                    want[r * WIDTH + c] += d * (double)w[v * WIDTH + c];
                }
                CHECK_NEAR(grads[v * WIDTH + c], g, TOLERANCE * 40);
            }
        for (size_t i = 0; i < N_ROWS * WIDTH; i++) CHECK_NEAR(d_hidden[i], want[i], TOLERANCE);
    }
    free(scratch);
}

TEST(head, log_probs_and_gradients_are_those_of_softmax_at_every_edge_of_a_tile)
{
    for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++)
        for (int has_cap = 0; has_cap < 2; has_cap++) {
            head_case *h = head_open(vocabularies[i], has_cap ? 1.5 : 0.0);
            const int32_t last = (int32_t)h->v - 1;
            const int32_t ids[][N_ROWS] = {{0, last}, {1022, last}, {last, 1022}, {511, 512}};
            check_logprobs(h);
            for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) check_gradients(h, ids[k]);
            for (int32_t at = 1023; at <= last && at <= 1024; at++)
                check_gradients(h, (const int32_t[N_ROWS]){at, at});
            head_close(h);
        }
}
