/* vs_expf against the C library in long double, and the vector form against vs_expf. */
#include "engine/tensor/scalar.h"

#include "tensor_test.h"

static const double expf_tolerance = 2e-7; /* promised by scalar.h */

TEST(scalar, expf_is_accurate_over_its_range)
{
    enum { STEPS = 400000 };
    double worst = 0.0;

    for (size_t i = 0; i <= STEPS; i++) {
        const float x = -87.3f + 176.0f * (float)i / (float)STEPS;
        const long double exact = expl((long double)x);
        const double error = (double)fabsl(((long double)vs_expf(x) - exact) / exact);

        if (error > worst) worst = error;
    }
    CHECK_NEAR(worst, 0.0, expf_tolerance);
}

TEST(scalar, expf_has_exact_ends)
{
    CHECK(vs_expf(0.0f) == 1.0f && vs_expf(-0.0f) == 1.0f);
    CHECK(vs_expf(-INFINITY) == 0.0f && vs_expf(-87.4f) == 0.0f && vs_expf(-3e38f) == 0.0f);
    CHECK(vs_expf(-87.3f) > 0.0f);
    CHECK(isfinite(vs_expf(88.7f)));
    CHECK(isinf(vs_expf(88.8f)) && isinf(vs_expf(INFINITY)) && vs_expf(3e38f) > 0.0f);
    CHECK(isnan(vs_expf(NAN)));
    CHECK(!signbit(vs_expf(-100.0f)));
}

TEST(scalar, vectors_compute_the_same_exponential)
{
    enum { N = 200000 };
    float *x = zeros(N), *expected = zeros(N), *found = zeros(N);
    size_t n_backends;
    const vs_ops *const *backends = vs_ops_all(&n_backends);

    /* The maximum is 0, so that sample_weights is expf32 itself, from 0 down past the lower end. */
    for (size_t i = 0; i < N; i++) {
        x[i] = -100.0f * (float)i / (float)N;
        expected[i] = vs_expf(x[i]);
    }
    for (size_t b = 0; b < n_backends; b++) {
        backends[b]->sample_weights(found, x, N, 1.0f);
        check_bits(backends[b]->name, found, expected, N);
    }
    free(x);
    free(expected);
    free(found);
}
