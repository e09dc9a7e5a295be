/* rng.h - counter-based random numbers: a draw is a function of its key and counter, of nothing else.
 *
 * Philox4x32-10 (Salmon et al., SC 2011; the Random123 library). There is no hidden state: what a
 * resumed, reordered or re-threaded run draws at a place is what any run draws there. */
#ifndef VS_BASE_RNG_H
#define VS_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a key is for; part of the key, so that no two uses share draws. Never renumber. */
typedef enum vs_rng_use {
    VS_RNG_SAMPLE = 1,    /* token draws */
    VS_RNG_PROBLEMS = 2,  /* the built-in generators */
    VS_RNG_SHUFFLE = 3,   /* data order */
    VS_RNG_CAP = 4,       /* which samples a cap keeps, which pairs are sampled */
    VS_RNG_INIT = 5,      /* fresh weights */
    VS_RNG_BOOTSTRAP = 6, /* intervals */
    VS_RNG_TEST = 7,
} vs_rng_use;

typedef struct vs_rng_key {
    uint32_t word[2];
} vs_rng_key;

/* Mixes (seed, use, a) by two rounds of SplitMix64 into a key. a: a round, an epoch, a phase. */
vs_rng_key vs_rng_key_make(uint64_t seed, vs_rng_use use, uint64_t a);

/* Uniform in [0, 1) on 53 bits, a function of (key, hi, mid, lo). A key serves vs_rng_at or streams,
 * not both: they share the counter's space. */
double vs_rng_at(vs_rng_key key, uint64_t hi, uint32_t mid, uint32_t lo);

/* A stream for serial uses: draws are numbered; copying the struct forks it. */
typedef struct vs_rng {
    vs_rng_key key;
    uint64_t stream, next; /* next: number of the next 32-bit draw */
    uint64_t made;         /* 1 + number of the four draws that block holds; 0: none */
    uint32_t block[4];
} vs_rng;
vs_rng vs_rng_stream(vs_rng_key key, uint64_t stream);
uint32_t vs_rng_u32(vs_rng *r);
double vs_rng_uniform(vs_rng *r);                        /* [0, 1), 53 bits */
uint32_t vs_rng_below(vs_rng *r, uint32_t n);            /* [0, n), n > 0; unbiased (rejection) */
int32_t vs_rng_range(vs_rng *r, int32_t lo, int32_t hi); /* lo..hi, both included */
double vs_rng_normal(vs_rng *r); /* mean 0, sd 1; Box-Muller on vs_log, vs_cos */
void vs_rng_shuffle(vs_rng *r, uint32_t *items, size_t n); /* Fisher-Yates */
#endif
