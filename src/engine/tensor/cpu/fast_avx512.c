#include "engine/tensor/cpu/vec_avx512.h"

#include "engine/tensor/cpu/fast.inc.h"
