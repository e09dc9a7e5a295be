/* gelu_const.h - the constants of the tanh form of GELU. */
#ifndef VS_TENSOR_GELU_CONST_H
#define VS_TENSOR_GELU_CONST_H

#define GELU_A 0.7978845608028654f /* sqrt(2 / pi) */
#define GELU_B 0.044715f
#endif
