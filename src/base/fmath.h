/* fmath.h - exp, log, sin, cos, pow in double with the same bits on every machine.
 *
 * The C library's own differ between versions and instruction sets; these are built from +, -, *,
 * / and sqrt alone (no contraction), accurate to a few ulp, which is ample for their uses: rotary
 * tables, losses, schedules, random normals. Contract: |relative error| <= 1e-14 on the ranges used
 * (exp: |x| <= 700; log: normal x > 0; sin, cos: |x| <= 1e7; pow: |y log x| <= 20, beyond which its error
 * grows with |y log x|). sin and cos are NaN from |x| > 2^24. */
#ifndef VS_BASE_FMATH_H
#define VS_BASE_FMATH_H

double vs_exp(double x);
double vs_log(double x);
double vs_log1p(double x); /* x > -1 */
double vs_sin(double x);
double vs_cos(double x);
double vs_pow(double x, double y); /* x > 0 */
double vs_sigmoid(double x);       /* no overflow at either end */
double vs_log_sigmoid(double x);   /* log(1 / (1 + exp(-x))) */
#endif
