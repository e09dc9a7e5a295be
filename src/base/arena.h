/* arena.h - memory with one owner and one lifetime: a step, a request, a file.
 *
 * Ownership: the arena owns every byte it hands out; nothing is freed alone.
 * Lifetime:  all pointers die at vs_arena_reset() or vs_arena_close().
 * Threads:   one arena belongs to one thread.
 * Growth:    blocks are added when full, and kept over a reset: a step that is repeated finds each
 *            array where it was, allocates nothing and touches no new memory. */
#ifndef VS_BASE_ARENA_H
#define VS_BASE_ARENA_H

#include <stddef.h>

#include "base/error.h"

typedef struct vs_arena vs_arena;

VS_NODISCARD vs_status vs_arena_open(vs_arena **out, size_t first_bytes, vs_error *err);
void vs_arena_close(vs_arena *a); /* NULL is allowed */
void vs_arena_reset(vs_arena *a);

/* n * size_bytes, NOT zeroed, on a 64-byte boundary; NULL when memory is out or the product
 * overflows. */
void *vs_arena_push(vs_arena *a, size_t n, size_t size_bytes) VS_NODISCARD;

size_t vs_arena_peak_bytes(const vs_arena *a); /* most bytes ever in use at once */
#endif
