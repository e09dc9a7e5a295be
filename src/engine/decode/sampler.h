/* sampler.h - one draw from one row of logits. */
#ifndef VS_DECODE_SAMPLER_H
#define VS_DECODE_SAMPLER_H

#include "engine/decode/decode.h"

typedef struct vs_sampler {
    const vs_ops *ops;
    size_t n_vocab;
    float *weights;  /* [n_vocab] */
    uint32_t *order; /* [n_vocab]; used with top_k or top_p only */
} vs_sampler;

/* The token at quantile u in [0, 1): temperature, then top_k, then top_p over what top_k left, then
 * the draw by cumulated weight: in order of id, or of falling weight when cut. Sums in double, in
 * that order but for blocks of tokens, which are summed beforehand. */
int32_t vs_sampler_draw(const vs_sampler *s, const float *logits, const vs_decode_options *o,
                        double u);
#endif
