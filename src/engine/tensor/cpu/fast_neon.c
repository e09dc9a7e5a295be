#include "engine/tensor/cpu/vec_neon.h"

#include "engine/tensor/cpu/fast.inc.h"
