#include "engine/tensor/cpu/vec_portable.h"

#include "engine/tensor/cpu/fast.inc.h"
