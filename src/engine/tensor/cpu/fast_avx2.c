#include "engine/tensor/cpu/vec_avx2.h"

#include "engine/tensor/cpu/fast.inc.h"
