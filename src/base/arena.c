#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ALIGN_BYTES = 64, MIN_BLOCK_BYTES = 4096 };

/* The bytes follow the header. cap and used are multiples of ALIGN_BYTES. */
typedef struct block {
    struct block *older;
    size_t cap, used;
} block;

struct vs_arena {
    block *newest;     /* never NULL: pushes go here */
    size_t older_used; /* bytes used in all older blocks */
    size_t peak_bytes;
};

_Static_assert(sizeof(block) <= ALIGN_BYTES, "the header fits before the first aligned byte");

static block *block_new(size_t cap, block *older)
{
    block *b = vs_alloc_raw(ALIGN_BYTES + cap);

    if (b) *b = (block){.older = older, .cap = cap};
    return b;
}

/* bytes rounded up to whole lines; 0 when that overflows. One line stands for zero bytes, so that
 * every push has an address of its own. */
static size_t round_up(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * ALIGN_BYTES) return 0;
    return bytes ? (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES : ALIGN_BYTES;
}

static void blocks_free(block *b)
{
    while (b) {
        block *older = b->older;
        free(b);
        b = older;
    }
}

vs_status vs_arena_open(vs_arena **out, size_t first_bytes, vs_error *err)
{
    const size_t cap = round_up(first_bytes);
    vs_arena *a = vs_alloc(1, sizeof *a);

    if (a && cap) a->newest = block_new(cap, NULL);
    if (!a || !a->newest) {
        free(a);
        return VS_FAIL(err, VS_E_NOMEM, "arena of %zu bytes: out of memory", first_bytes);
    }
    *out = a;
    return VS_OK;
}

void vs_arena_close(vs_arena *a)
{
    if (!a) return;
    blocks_free(a->newest);
    free(a);
}

void vs_arena_reset(vs_arena *a)
{
    block *kept = a->newest;

    if (kept->older) {
        /* Should the one block not fit in memory, the newest, which is the largest, is kept. */
        size_t cap = 0;
        for (const block *b = kept; b; b = b->older) cap += b->cap;
        blocks_free(kept->older);
        kept->older = NULL;
        block *whole = block_new(cap, NULL);
        if (whole) {
            free(kept);
            kept = whole;
        }
    }
    kept->used = 0;
    a->newest = kept;
    a->older_used = 0;
}

static int arena_grow(vs_arena *a, size_t bytes)
{
    size_t cap = a->newest->cap <= PTRDIFF_MAX / 4 ? a->newest->cap * 2 : bytes;
    block *b;

    if (cap < MIN_BLOCK_BYTES) cap = MIN_BLOCK_BYTES;
    if (cap < bytes) cap = bytes;
    b = block_new(cap, a->newest);
    if (!b && cap > bytes) b = block_new(bytes, a->newest);
    if (!b) return 0;
    a->older_used += a->newest->used;
    a->newest = b;
    return 1;
}

void *vs_arena_push(vs_arena *a, size_t n, size_t size_bytes)
{
    size_t bytes, in_use;
    unsigned char *p;

    if (__builtin_mul_overflow(n, size_bytes, &bytes)) return NULL;
    bytes = round_up(bytes);
    if (!bytes) return NULL;
    if (a->newest->cap - a->newest->used < bytes && !arena_grow(a, bytes)) return NULL;
    p = (unsigned char *)a->newest + ALIGN_BYTES + a->newest->used;
    a->newest->used += bytes;
    in_use = a->older_used + a->newest->used;
    if (in_use > a->peak_bytes) a->peak_bytes = in_use;
    return p;
}

size_t vs_arena_peak_bytes(const vs_arena *a)
{
    return a->peak_bytes;
}
