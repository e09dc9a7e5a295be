#include "engine/model/rope.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/fmath.h"
#include "base/mem.h"
#include "base/threads.h"

enum { FILL_POSITIONS = 2048 }; /* at least so many are filled at a time */

const char *const vs_rope_type_name[VS_N_ROPE_TYPES] = {"default", "linear", "llama3", "yarn"};

static const double two_pi = 6.28318530717958647692;

static double llama3_frequency(const vs_rope_scaling *s, double plain)
{
    const double turns = (double)s->original_positions * plain / two_pi;

    if (turns < s->low_freq_factor) return plain / s->factor;
    if (turns > s->high_freq_factor) return plain;
    const double smooth = (turns - s->low_freq_factor) / (s->high_freq_factor - s->low_freq_factor);
    return (1.0 - smooth) * plain / s->factor + smooth * plain;
}

/* The index, a real number, whose frequency turns that often within original_positions. */
static double yarn_index(const vs_rope_scaling *s, double turns, double theta, size_t d)
{
    return (double)d * vs_log((double)s->original_positions / (turns * two_pi)) /
           (2.0 * vs_log(theta));
}

static double yarn_frequency(const vs_rope_scaling *s, double plain, double theta, size_t i,
                             size_t d)
{
    double low = yarn_index(s, s->beta_fast, theta, d),
           high = yarn_index(s, s->beta_slow, theta, d);

    if (s->is_whole) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0.0);
    high = fmin(high, (double)(d - 1));
    if (low == high) high += 0.001;
    const double ramp = fmin(fmax(((double)i - low) / (high - low), 0.0), 1.0);
    return plain / s->factor * ramp + plain * (1.0 - ramp);
}

double vs_yarn_mscale(double factor, double mscale)
{
    return factor <= 1.0 ? 1.0 : 0.1 * mscale * vs_log(factor) + 1.0;
}

double vs_rope_frequency(const vs_rope_scaling *s, double theta, size_t i, size_t d)
{
    const double plain = vs_pow(theta, -2.0 * (double)i / (double)d);

    switch (s->type) {
    case VS_ROPE_LINEAR:
        return plain / s->factor;
    case VS_ROPE_LLAMA3:
        return llama3_frequency(s, plain);
    case VS_ROPE_YARN:
        return yarn_frequency(s, plain, theta, i, d);
    case VS_ROPE_DEFAULT:
    case VS_N_ROPE_TYPES:
        break;
    }
    return plain;
}

vs_status vs_rope_open(vs_rope *out, const vs_rope_scaling *s, double theta, size_t n_positions,
                       size_t head_dim, vs_error *err)
{
    float *cos_sin = vs_alloc(n_positions * head_dim, sizeof *cos_sin);

    if (!cos_sin) return VS_FAIL(err, VS_E_NOMEM, "rotary table of %zu positions", n_positions);
    out->cos_sin = cos_sin;
    out->scaling = *s;
    out->theta = theta;
    out->n_positions = n_positions;
    out->head_dim = head_dim;
    atomic_init(&out->n_filled, 0);
    pthread_mutex_init(&out->growing, NULL);
    return VS_OK;
}

void vs_rope_close(vs_rope *r)
{
    if (!r->cos_sin) return;
    pthread_mutex_destroy(&r->growing);
    free(r->cos_sin);
    r->cos_sin = NULL;
}

/* The first position of the range, counted from what is filled, in a job. */
typedef struct fill_job {
    const vs_rope *r;
    size_t first;
} fill_job;

/* Angles in double, rounded once; half-split, as transformers lays heads out. */
static void fill_range(void *ctx, size_t begin, size_t end, size_t thread)
{
    const fill_job *j = ctx;
    const vs_rope *r = j->r;
    const size_t d = r->head_dim, half = d / 2;
    const double size = r->scaling.type == VS_ROPE_YARN ? r->scaling.attention_factor : 1.0;
    (void)thread;

    for (size_t i = 0; i < half; i++) {
        const double frequency = vs_rope_frequency(&r->scaling, r->theta, i, d);
        for (size_t pos = j->first + begin; pos < j->first + end; pos++) {
            const double angle = (double)pos * frequency;
            r->cos_sin[pos * d + i] = (float)(size * vs_cos(angle));
            r->cos_sin[pos * d + half + i] = (float)(size * vs_sin(angle));
        }
    }
}

void vs_rope_reach(vs_rope *r, size_t n)
{
    if (!r->cos_sin || n <= atomic_load_explicit(&r->n_filled, memory_order_acquire)) return;
    assert(n <= r->n_positions);
    pthread_mutex_lock(&r->growing);
    const size_t first = atomic_load_explicit(&r->n_filled, memory_order_relaxed);
    if (n > first) {
        const size_t wanted = n < first + FILL_POSITIONS ? first + FILL_POSITIONS : n;
        const size_t last = wanted < r->n_positions ? wanted : r->n_positions;
        fill_job job = {.r = r, .first = first};
        vs_parallel_range(last - first, 60.0 * (double)r->head_dim, vs_threads(), fill_range, &job);
        atomic_store_explicit(&r->n_filled, last, memory_order_release);
    }
    pthread_mutex_unlock(&r->growing);
}
