#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ALIGN_BYTES = 64, MIN_BLOCK_BYTES = 4096 };

/* The bytes follow the header. cap and used are multiples of ALIGN_BYTES. */
typedef struct block {
    struct block *next;
    size_t cap, used;
} block;

struct vs_arena {
    block *first, *now; /* never NULL. Pushes go to now; what follows it is empty */
    size_t full_used;   /* bytes used before now */
    size_t peak_bytes;
};

_Static_assert(sizeof(block) <= ALIGN_BYTES, "the header fits before the first aligned byte");

static block *block_new(size_t cap)
{
    block *b = vs_alloc_raw(ALIGN_BYTES + cap);

    if (b) *b = (block){.cap = cap};
    return b;
}

/* bytes rounded up to whole lines; 0 when that overflows. One line stands for zero bytes, so that
 * every push has an address of its own. */
static size_t round_up(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * ALIGN_BYTES) return 0;
    return bytes ? (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES : ALIGN_BYTES;
}

vs_status vs_arena_open(vs_arena **out, size_t first_bytes, vs_error *err)
{
    const size_t cap = round_up(first_bytes);
    vs_arena *a = vs_alloc(1, sizeof *a);

    if (a && cap) a->first = a->now = block_new(cap);
    if (!a || !a->first) {
        free(a);
        return VS_FAIL(err, VS_E_NOMEM, "arena of %zu bytes: out of memory", first_bytes);
    }
    *out = a;
    return VS_OK;
}

static void drop_next(block *b)
{
    block *next = b->next;

    b->next = next->next;
    free(next);
}

void vs_arena_close(vs_arena *a)
{
    if (!a) return;
    while (a->first->next) drop_next(a->first);
    free(a->first);
    free(a);
}

void vs_arena_reset(vs_arena *a)
{
    a->now = a->first;
    a->now->used = 0;
    a->full_used = 0;
}

/* A block of at least bytes, larger than the one before it if there is memory. */
static block *larger_block(size_t before, size_t bytes)
{
    size_t cap = before <= PTRDIFF_MAX / 4 ? before * 2 : bytes;

    if (cap < MIN_BLOCK_BYTES) cap = MIN_BLOCK_BYTES;
    if (cap < bytes) cap = bytes;
    block *b = block_new(cap);
    return b || cap == bytes ? b : block_new(bytes);
}

/* Goes on to a block that holds bytes; kept ones that do not are given up. */
static bool next_block(vs_arena *a, size_t bytes)
{
    block *fit = a->now->next;

    while (fit && fit->cap < bytes) fit = fit->next;
    block *made = fit ? NULL : larger_block(a->now->cap, bytes);
    if (!fit && !made) return false;
    while (a->now->next != fit) drop_next(a->now);
    if (made) a->now->next = made;
    a->full_used += a->now->used;
    a->now = a->now->next;
    a->now->used = 0;
    return true;
}

void *vs_arena_push(vs_arena *a, size_t n, size_t size_bytes)
{
    size_t bytes, in_use;
    unsigned char *p;

    if (__builtin_mul_overflow(n, size_bytes, &bytes)) return NULL;
    bytes = round_up(bytes);
    if (!bytes) return NULL;
    if (a->now->cap - a->now->used < bytes && !next_block(a, bytes)) return NULL;
    p = (unsigned char *)a->now + ALIGN_BYTES + a->now->used;
    a->now->used += bytes;
    in_use = a->full_used + a->now->used;
    if (in_use > a->peak_bytes) a->peak_bytes = in_use;
    return p;
}

size_t vs_arena_peak_bytes(const vs_arena *a)
{
    return a->peak_bytes;
}
