#include "base/fmath.h"
#include "vs_test.h"

/* The contract of fmath.h; the C library that it is compared with is itself good to about 2e-16. */
static const double RELATIVE = 1e-14;
static const double ABSOLUTE = 1e-15;

static void check_relative(double got, double expected)
{
    CHECK_NEAR(got, expected, RELATIVE * fabs(expected));
}

TEST(fmath, exp_agrees_with_the_c_library)
{
    for (double x = -700.0; x <= 700.0; x += 0.00973) check_relative(vs_exp(x), exp(x));
    for (double x = -1.0; x <= 1.0; x += 1.37e-5) check_relative(vs_exp(x), exp(x));
    check_relative(vs_exp(709.7), exp(709.7));
    CHECK(vs_exp(0.0) == 1.0);
}

TEST(fmath, exp_ends_in_zero_and_infinity)
{
    CHECK(vs_exp(710.0) == INFINITY && vs_exp(INFINITY) == INFINITY);
    CHECK(vs_exp(-746.0) == 0.0 && vs_exp(-INFINITY) == 0.0);
    CHECK_NEAR(vs_exp(-740.0), exp(-740.0), 0x1p-1073); /* subnormal: to two of its last places */
    CHECK(isnan(vs_exp(NAN)));
}

TEST(fmath, log_agrees_with_the_c_library)
{
    for (double e = -1021.0; e <= 1023.0; e += 0.0173)
        check_relative(vs_log(exp2(e)), log(exp2(e)));
    for (double x = 0.5; x <= 2.0; x += 1.1e-5) check_relative(vs_log(x), log(x));
    for (double d = 1e-15; d < 0.1; d *= 1.7) {
        check_relative(vs_log(1.0 + d), log(1.0 + d));
        check_relative(vs_log(1.0 - d), log(1.0 - d));
    }
    CHECK(vs_log(1.0) == 0.0);
}

TEST(fmath, log_has_its_limits_at_the_ends)
{
    CHECK(vs_log(0.0) == -INFINITY && vs_log(INFINITY) == INFINITY);
    CHECK(isnan(vs_log(-1.0)) && isnan(vs_log(NAN)));
    check_relative(vs_log(0x1p-1070), log(0x1p-1070));
}

TEST(fmath, log1p_agrees_with_the_c_library)
{
    for (double x = 1e-300; x < 1e300; x *= 1.31) check_relative(vs_log1p(x), log1p(x));
    for (double x = 1e-300; x < 1.0; x *= 1.31) check_relative(vs_log1p(-x), log1p(-x));
    CHECK(vs_log1p(-1.0) == -INFINITY && vs_log1p(INFINITY) == INFINITY && vs_log1p(0.0) == 0.0);
}

static void check_angle(double x)
{
    CHECK_NEAR(vs_sin(x), sin(x), fmin(ABSOLUTE, RELATIVE * fabs(sin(x))));
    CHECK_NEAR(vs_cos(x), cos(x), fmin(ABSOLUTE, RELATIVE * fabs(cos(x))));
    CHECK(vs_sin(-x) == -vs_sin(x) && vs_cos(-x) == vs_cos(x));
}

TEST(fmath, sin_and_cos_agree_with_the_c_library)
{
    for (double x = 0.0; x <= 30.0; x += 1.13e-4) check_angle(x);
    for (double x = 0.0; x <= 1e7; x += 77.123457) check_angle(x);
    for (double x = 1e-300; x <= 1e7; x *= 1.07) check_angle(x);
}

TEST(fmath, sin_and_cos_keep_their_precision_next_to_multiples_of_a_quarter_turn)
{
    for (double k = 1.0; k < 6.0e6; k += 613.0) {
        const double x = k * 1.5707963267948966;
        check_angle(x);
        check_angle(nextafter(x, INFINITY));
        check_angle(nextafter(x, 0.0));
    }
}

TEST(fmath, sin_and_cos_refuse_angles_out_of_range)
{
    CHECK(isnan(vs_sin(1e9)) && isnan(vs_cos(-1e9)) && isnan(vs_sin(INFINITY)) &&
          isnan(vs_cos(NAN)));
    check_angle(0x1p24);
}

TEST(fmath, pow_agrees_with_the_c_library)
{
    for (double y = -1.5; y <= 1.5; y += 0.0037)
        check_relative(vs_pow(10000.0, y), pow(10000.0, y));
    for (double y = 0.0; y <= 100.0; y += 1.0) check_relative(vs_pow(0.9, y), pow(0.9, y));
    CHECK(vs_pow(7.0, 0.0) == 1.0 && vs_pow(1.0, 1e6) == 1.0);
}

TEST(fmath, sigmoid_and_its_logarithm_do_not_overflow)
{
    for (double x = -700.0; x <= 700.0; x += 0.113) {
        check_relative(vs_sigmoid(x), x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)));
        check_relative(vs_log_sigmoid(x), x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x)));
    }
    CHECK(vs_sigmoid(-1e4) == 0.0 && vs_sigmoid(1e4) == 1.0 && vs_sigmoid(0.0) == 0.5);
    CHECK(vs_log_sigmoid(-1e4) == -1e4 && vs_log_sigmoid(1e4) == 0.0);
}

TEST(fmath, gives_the_same_bits_for_ever)
{
    /* Recorded once. A compiler or machine on which one differs breaks the promise of fmath.h. */
    CHECK(vs_exp(1.0) == 0x1.5bf0a8b14576ap+1);
    CHECK(vs_exp(-12.345) == 0x1.240572f47cb82p-18);
    CHECK(vs_log(10.0) == 0x1.26bb1bbb55516p+1);
    CHECK(vs_log(1e-5) == -0x1.7069e2aa2aa5bp+3);
    CHECK(vs_sin(100.0) == -0x1.03425b78c4db8p-1);
    CHECK(vs_cos(123456.75) == 0x1.9fff2c9c4e6e3p-7);
    CHECK(vs_pow(10000.0, -0.53125) == 0x1.eb735f0ba1167p-8);
}
