#include "engine/decode/sampler.h"

#include <stdbool.h>

/* Below, 1 / T times a logit leaves f32; the draw is the likeliest token there anyway. */
static const double LOWEST_TEMPERATURE = 1e-6;

enum { BLOCK = 512 }; /* tokens summed beforehand */

static int32_t argmax(const float *logits, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return (int32_t)best;
}

/* Heavier first; the lower id first at a tie. */
static bool before(const float *w, uint32_t a, uint32_t b)
{
    return w[a] > w[b] || (w[a] >= w[b] && a < b);
}

static void sift_down(uint32_t *heap, size_t n, size_t i, const float *w)
{
    for (;;) {
        size_t child = 2 * i + 1;
        const uint32_t here = heap[i];
        if (child >= n) return;
        if (child + 1 < n && before(w, heap[child + 1], heap[child])) child++;
        if (!before(w, heap[child], here)) return;
        heap[i] = heap[child];
        heap[child] = here;
        i = child;
    }
}

/* Takes the heaviest out of the heap; it then lies behind the heap's end, at heap[n - 1]. */
static uint32_t pop(uint32_t *heap, size_t n, const float *w)
{
    const uint32_t top = heap[0];

    heap[0] = heap[n - 1];
    heap[n - 1] = top;
    sift_down(heap, n - 1, 0, w);
    return top;
}

/* Eight sums side by side, so that no addition waits for the one before it. */
static double sum_block(const float *w, size_t n)
{
    double s[8] = {0.0};
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++) s[j] += (double)w[i + j];
    for (size_t j = 0; i + j < n; j++) s[j] += (double)w[i + j];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* The first token at which the sum in order exceeds u times the total, found by blocks and then inside of one; where
 * rounding leaves none, the last of any weight. */
static int32_t draw_all(const float *w, size_t n, double u)
{
    double total = 0.0, at = 0.0;
    size_t first, last = n;

    for (size_t i = 0; i < n; i += BLOCK) total += sum_block(w + i, n - i < BLOCK ? n - i : BLOCK);
    for (first = 0; first + BLOCK < n; first += BLOCK) {
        const double block = sum_block(w + first, BLOCK);
        if (at + block > u * total) break;
        at += block;
    }
    for (size_t i = first; i < n; i++) {
        if (w[i] <= 0.0F) continue;
        at += (double)w[i];
        last = i;
        if (at > u * total) break;
    }
    while (last == n && first-- > 0)
        if (w[first] > 0.0F) last = first;
    /* n: there is no weight at all, as of logits that are no numbers */
    return last == n ? 0 : (int32_t)last;
}

/* The kept tokens end up at order[n - 1], order[n - 2], .. from the heaviest on. */
static int32_t draw_cut(const vs_sampler *s, const vs_decode_options *o, double u)
{
    const float *w = s->weights;
    const size_t n = s->n_vocab, most = o->top_k && o->top_k < n ? o->top_k : n;
    double total = 0.0, mass = 0.0, at = 0.0;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) s->order[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;) sift_down(s->order, n, i, w);
    if (most == n) {
        for (size_t i = 0; i < n; i++) total += (double)w[i];
    } else {
        for (size_t i = 0; i < most; i++) total += (double)w[pop(s->order, n - i, w)];
        kept = most;
    }
    if (o->top_p < 1.0 || most == n) {
        const size_t have = kept;
        kept = 0;
        while (kept < most && (kept == 0 || mass < o->top_p * total)) {
            const uint32_t id = kept < have ? s->order[n - 1 - kept] : pop(s->order, n - kept, w);
            mass += (double)w[id];
            kept++;
        }
    } else {
        mass = total;
    }
    for (size_t i = 0; i < kept; i++) {
        at += (double)w[s->order[n - 1 - i]];
        if (at > u * mass) return (int32_t)s->order[n - 1 - i];
    }
    return (int32_t)s->order[n - kept];
}

int32_t vs_sampler_draw(const vs_sampler *s, const float *logits, const vs_decode_options *o,
                        double u)
{
    if (o->temperature < LOWEST_TEMPERATURE) return argmax(logits, s->n_vocab);
    s->ops->sample_weights(s->weights, logits, s->n_vocab, (float)(1.0 / o->temperature));
    if (o->top_k == 0 && o->top_p >= 1.0) return draw_all(s->weights, s->n_vocab, u);
    return draw_cut(s, o, u);
}
