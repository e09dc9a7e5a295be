#include "base/fmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Argument reduction follows W. Cody and W. Waite, "Software Manual for the Elementary Functions"
 * (1980): a constant is split into parts with so many trailing zero bits that k * part is exact. */
static const double LN2_HI = 0x1.62e42fefa2000p-1; /* 40 bits: exact times |k| < 2^13 */
static const double LN2_LO = 0x1.9ef35793c7673p-41;
static const double INV_LN2 = 0x1.71547652b82fep+0;
static const double HALF_PI_1 = 0x1.921fb54000000p+0;  /* 29 bits: exact times |k| <= 2^24 */
static const double HALF_PI_2 = 0x1.10b4611000000p-30; /* 29 bits */
static const double HALF_PI_3 = 0x1.4c4c662000000p-59; /* 29 bits */
static const double HALF_PI_4 = 0x1.1701b839a2520p-88;
static const double INV_HALF_PI = 0x1.45f306dc9c883p-1;
static const double MAX_ANGLE = 0x1p24; /* above, k has too many bits for the parts */

/* Nearest integer; |x| must be far below 2^62. */
static int64_t nearest(double x)
{
    return (int64_t)(x + (x < 0.0 ? -0.5 : 0.5));
}

/* 2^k for -1022 <= k <= 1023. */
static double power_of_two(int64_t k)
{
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* exp(x) = 2^k exp(r), |r| <= ln(2)/2; the Taylor polynomial's first left-out term is below 5e-18.
 */
double vs_exp(double x)
{
    static const double inverse_factorial[14] = {
        1.0,
        1.0,
        1.0 / 2,
        1.0 / 6,
        1.0 / 24,
        1.0 / 120,
        1.0 / 720,
        1.0 / 5040,
        1.0 / 40320,
        1.0 / 362880,
        1.0 / 3628800,
        1.0 / 39916800,
        1.0 / 479001600,
        1.0 / 6227020800.0,
    };
    int64_t k;
    double r, p;

    if (x != x) return x;
    if (x > 709.8) return INFINITY;
    if (x < -745.2) return 0.0;
    k = nearest(x * INV_LN2);
    r = (x - (double)k * LN2_HI) - (double)k * LN2_LO;
    p = inverse_factorial[13];
    for (int i = 12; i >= 0; i--) p = p * r + inverse_factorial[i];
    /* In two steps: 2^k alone may not be a normal number. Only the last product rounds. */
    return p * power_of_two(k / 2) * power_of_two(k - k / 2);
}

/* log(2^k m) = k ln 2 + 2 atanh(s) with s = (m-1)/(m+1), m in [sqrt(1/2), sqrt(2)), so |s| <
 * 0.1716; the series' first left-out term is below 1e-19 of the sum. */
double vs_log(double x)
{
    uint64_t bits;
    int64_t k = 0;
    double m, s, ss, p;

    if (x != x || x == INFINITY) return x;
    if (x <= 0.0) return x == 0.0 ? -INFINITY : NAN;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    memcpy(&bits, &x, sizeof bits);
    k += (int64_t)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    memcpy(&m, &bits, sizeof m);
    if (m >= 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    s = (m - 1.0) / (m + 1.0);
    ss = s * s;
    p = 0.0;
    for (int i = 25; i >= 3; i -= 2) p = (p + 1.0 / i) * ss;
    return (double)k * LN2_HI + (2.0 * (s + s * p) + (double)k * LN2_LO);
}

/* log(1+x) = x log(u)/(u-1) with u the rounded 1+x: the rounding of u cancels (Goldberg, "What
 * every computer scientist should know about floating-point arithmetic", theorem 4). */
double vs_log1p(double x)
{
    const double u = 1.0 + x;

    if (u == 1.0) return x;
    if (u == INFINITY || u <= 0.0) return vs_log(u);
    return vs_log(u) * (x / (u - 1.0));
}

/* x = k pi/2 + r, |r| <= pi/4 (and a rounding); returns k mod 4. The first subtraction is exact,
 * what the second loses is kept, so that r is accurate next to multiples of pi/2 too. */
static unsigned reduce_angle(double *r, double x)
{
    const int64_t k = nearest(x * INV_HALF_PI);
    const double a = x - (double)k * HALF_PI_1, b = (double)k * HALF_PI_2;
    const double d = a - b, back = a - d;
    const double lost = (a - (d + back)) + (back - b); /* two-sum (Knuth): a - b = d + lost */

    *r = (d - (double)k * HALF_PI_3) + (lost - (double)k * HALF_PI_4);
    return (unsigned)((uint64_t)k & 3);
}

/* Taylor polynomials on |r| <= pi/4 and a rounding; the first left-out terms are below 1e-18. */
static double sin_near_zero(double r)
{
    const double rr = r * r;
    double p = 0.0;

    for (int i = 17; i >= 3; i -= 2) p = -(1.0 + p) * (rr / ((double)i * (i - 1)));
    return r + r * p;
}

static double cos_near_zero(double r)
{
    const double rr = r * r;
    double p = 0.0;

    for (int i = 18; i >= 2; i -= 2) p = -(1.0 + p) * (rr / ((double)i * (i - 1)));
    return 1.0 + p;
}

/* sin(quadrant pi/2 + r) */
static double sin_of_quadrant(unsigned quadrant, double r)
{
    const double v = quadrant & 1 ? cos_near_zero(r) : sin_near_zero(r);

    return quadrant & 2 ? -v : v;
}

double vs_sin(double x)
{
    unsigned quadrant;
    double r;

    if (!(x >= -MAX_ANGLE && x <= MAX_ANGLE)) return NAN;
    quadrant = reduce_angle(&r, x);
    return sin_of_quadrant(quadrant, r);
}

double vs_cos(double x)
{
    unsigned quadrant;
    double r;

    if (!(x >= -MAX_ANGLE && x <= MAX_ANGLE)) return NAN;
    quadrant = reduce_angle(&r, x);
    return sin_of_quadrant((quadrant + 1) & 3, r);
}

double vs_pow(double x, double y)
{
    return vs_exp(y * vs_log(x));
}

double vs_sigmoid(double x)
{
    double e;

    if (x >= 0.0) return 1.0 / (1.0 + vs_exp(-x));
    e = vs_exp(x);
    return e / (1.0 + e);
}

double vs_log_sigmoid(double x)
{
    return x >= 0.0 ? -vs_log1p(vs_exp(-x)) : x - vs_log1p(vs_exp(x));
}
