/* vec_parts.h - vectors of fewer than 16 elements, by way of memory, for instruction sets without masks. Included after
 * v_load, v_store and v_set1. */
/* Lanes below n from p, the others fill; n < 16. */
static inline vf v_load_n(const float *p, size_t n, float fill)
{
    float lanes[16];

    v_store(lanes, v_set1(fill));
    memcpy(lanes, p, n * sizeof *p);
    return v_load(lanes);
}

static inline void v_store_n(float *p, vf v, size_t n)
{
    float lanes[16];

    v_store(lanes, v);
    memcpy(p, lanes, n * sizeof *p);
}

/* Lanes below n from x, the others from y; n < 16. */
static inline vf v_blend_n(vf x, vf y, size_t n)
{
    float lanes[16];

    v_store(lanes, y);
    v_store_n(lanes, x, n);
    return v_load(lanes);
}
