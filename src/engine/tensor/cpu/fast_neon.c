/* fast_neon.c - the fast backend on AArch64. */
#include "engine/tensor/cpu/vec_neon.h"

#include "engine/tensor/cpu/fast.inc.h"
