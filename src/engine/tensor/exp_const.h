/* exp_const.h - the constants of vs_expf, shared by its scalar and its vector form. Private to
 * tensor/. */
#ifndef VS_TENSOR_EXP_CONST_H
#define VS_TENSOR_EXP_CONST_H

#define EXP_LO     (-87.3f) /* below: 0 */
#define EXP_HI     88.7f    /* above: infinity */
#define EXP_LOG2E  0x1.715476p+0f
#define EXP_MAGIC  0x1.8p23f    /* adding it rounds to an integer in the low bits */
#define EXP_LN2_HI 0x1.62e4p-1f /* 15 bits: n * EXP_LN2_HI is exact for |n| <= 256 */
#define EXP_LN2_LO 0x1.7f7d1cp-20f
/* e^r = 1 + r + c2 r^2 + .. + c6 r^6 on |r| <= ln 2 / 2, near-minimax in relative error. */
#define EXP_C2 0x1.fffff8p-2f
#define EXP_C3 0x1.55548ep-3f
#define EXP_C4 0x1.555b98p-5f
#define EXP_C5 0x1.123bccp-7f
#define EXP_C6 0x1.6850e4p-10f
#endif
