/* math_guard.c - a computation that can be left.
 *
 * FLINT and GMP take their memory through the functions below, which keep every block of a thread
 * in a list. When the budget is gone they jump back into math_guarded, wherever the library stood;
 * its caches are emptied by its own clean-up, and the blocks that nobody can reach any more are
 * freed from the list. Nothing of the library outlives a guarded call, so what the jump leaves half
 * done is never seen again. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "flow/labels/math/math_value.h"

typedef struct block {
    struct block *before, *after;
    size_t bytes;
    size_t padding; /* keeps what follows on a boundary of 32 bytes */
} block;

static _Thread_local struct {
    jmp_buf *guard; /* NULL: outside of a guarded call */
    block *first;
    size_t n_allocations;  /* so far */
    size_t n_bytes;        /* now */
    size_t n_number_bytes; /* of all numbers so far */
} state;

static FLINT_NORETURN void leave(void)
{
    if (state.guard) longjmp(*state.guard, 1);
    __builtin_trap(); /* the library is used outside of a guard: a fault of this program */
}

/* Before `bytes` more are taken. */
static void check_budget(size_t bytes)
{
    if (state.guard && (++state.n_allocations > MATH_MAX_ALLOCATIONS ||
                        state.n_bytes + bytes > MATH_MAX_MEMORY_BYTES))
        leave();
}

/* Before GMP takes the limbs of a number: few operations on long numbers take as long as many. */
static void check_number(size_t bytes)
{
    state.n_number_bytes += bytes;
    if (state.guard && state.n_number_bytes > MATH_MAX_NUMBER_BYTES) leave();
}

static void *link_block(block *b, size_t bytes)
{
    *b = (block){.after = state.first, .bytes = bytes};
    if (state.first) state.first->before = b;
    state.first = b;
    state.n_bytes += bytes;
    return b + 1;
}

static void unlink_block(block *b)
{
    if (b->before)
        b->before->after = b->after;
    else
        state.first = b->after;
    if (b->after) b->after->before = b->before;
    state.n_bytes -= b->bytes;
}

static void *take(size_t bytes)
{
    block *b;

    check_budget(bytes);
    b = malloc(sizeof *b + bytes);
    if (!b) leave();
    return link_block(b, bytes);
}

static void *take_zeroed(size_t n, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(n, size, &bytes)) leave();
    p = take(bytes);
    memset(p, 0, bytes);
    return p;
}

static void give_back(void *p)
{
    block *b = p ? (block *)p - 1 : NULL;

    if (b) unlink_block(b);
    free(b);
}

static void *resize(void *p, size_t bytes)
{
    block *old = p ? (block *)p - 1 : NULL, *b;

    if (!old) return take(bytes);
    check_budget(bytes > old->bytes ? bytes - old->bytes : 0);
    unlink_block(old);
    b = realloc(old, sizeof *b + bytes);
    if (!b) {
        link_block(old, old->bytes);
        leave();
    }
    return link_block(b, bytes);
}

static void *take_of_gmp(size_t bytes)
{
    check_number(bytes);
    return take(bytes);
}

/* GMP tells sizes that are known here. */
static void *resize_of_gmp(void *p, size_t old_bytes, size_t bytes)
{
    (void)old_bytes;
    check_number(bytes);
    return resize(p, bytes);
}

static void give_back_of_gmp(void *p, size_t bytes)
{
    (void)bytes;
    give_back(p);
}

static void install(void)
{
    __flint_set_memory_functions(take, take_zeroed, resize, give_back);
    mp_set_memory_functions(take_of_gmp, resize_of_gmp, give_back_of_gmp);
    flint_set_abort(leave);
}

/* The caches go by the library's own hand; what is left was abandoned. */
static void clean_up(void)
{
    if (state.n_allocations == 0) return; /* most answers are small numbers */
    flint_cleanup();
    while (state.first) give_back(state.first + 1);
    state.n_allocations = state.n_bytes = state.n_number_bytes = 0;
}

bool math_guarded(void (*f)(void *ctx), void *ctx)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    jmp_buf here;
    volatile bool is_done = false; /* survives the jump */

    if (state.guard) { /* within another: its budget counts */
        f(ctx);
        return true;
    }
    pthread_once(&once, install);
    if (setjmp(here) == 0) {
        state.guard = &here;
        f(ctx);
        is_done = true;
    }
    state.guard = NULL;
    clean_up();
    return is_done;
}
