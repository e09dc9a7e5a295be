#include "base/stop.h"

#include <stdatomic.h>

/* Lock-free, which makes it usable in a signal handler. */
static atomic_int wanted;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "the stop flag must be lock-free");

bool vs_stop_wanted(void)
{
    return atomic_load_explicit(&wanted, memory_order_relaxed) != 0;
}

void vs_stop_request(void)
{
    atomic_store_explicit(&wanted, 1, memory_order_relaxed);
}

void vs_stop_clear(void)
{
    atomic_store_explicit(&wanted, 0, memory_order_relaxed);
}
