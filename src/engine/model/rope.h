/* rope.h - rotary frequencies and their tables.
 *
 * A table is filled as far as positions have been met: a model may have a million of them, a run a few hundred.
 *
 * Ownership: a table owns its numbers.
 * Threads:   vs_rope_reach may be called by several at once, also from inside a part of a job (base/threads.h);
 *            positions that it has reached do not change again. */
#ifndef VS_MODEL_ROPE_H
#define VS_MODEL_ROPE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* How rotary frequencies are stretched. Source: transformers, modeling_rope_utils.py. */
typedef enum vs_rope_type {
    VS_ROPE_DEFAULT,
    VS_ROPE_LINEAR,
    VS_ROPE_LLAMA3,
    VS_ROPE_YARN, /* arXiv:2309.00071 */
    VS_N_ROPE_TYPES
} vs_rope_type;
extern const char *const vs_rope_type_name[VS_N_ROPE_TYPES];
typedef struct vs_rope_scaling {
    vs_rope_type type;
    double factor;                            /* all but default */
    double low_freq_factor, high_freq_factor; /* llama3 */
    size_t original_positions;                /* llama3, yarn */
    double beta_fast,
        beta_slow; /* yarn: turns within original_positions where the blend ends and begins */
    bool is_whole; /* yarn: the blend's ends are whole indices ("truncate") */
    double attention_factor; /* yarn: cosines and sines are multiplied by it */
} vs_rope_scaling;

/* Rotary frequency i of a head of d: theta^(-2i / d) (arXiv:2104.09864), stretched. llama3 blends between wavelengths
 * original_positions / low_freq_factor and / high_freq_factor, yarn between the indices whose frequencies turn
 * beta_fast and beta_slow times within original_positions. */
double vs_rope_frequency(const vs_rope_scaling *s, double theta, size_t i, size_t d);

/* What yarn multiplies cosines and sines by where nothing else is said: 0.1 mscale ln(factor) + 1 (section 3.4). */
double vs_yarn_mscale(double factor, double mscale);

typedef struct vs_rope {
    float *cos_sin; /* [n_positions][head_dim], as ops->rope takes it; NULL: closed */
    vs_rope_scaling scaling;
    double theta;
    size_t n_positions, head_dim;
    atomic_size_t n_filled; /* positions */
    pthread_mutex_t growing;
} vs_rope;

VS_NODISCARD vs_status vs_rope_open(vs_rope *out, const vs_rope_scaling *s, double theta,
                                    size_t n_positions, size_t head_dim, vs_error *err);
void vs_rope_close(vs_rope *r); /* zeroed is allowed */
/* Positions below n may be read from now on; n <= n_positions. A closed table has none and needs none. */
void vs_rope_reach(vs_rope *r, size_t n);
#endif
