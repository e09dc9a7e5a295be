/* mem.h - checked allocation. Everything here is released with free(). */
#ifndef VS_BASE_MEM_H
#define VS_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include "base/error.h"

/* n * size_bytes zeroed bytes on a 64-byte boundary; NULL when the product overflows or memory is
 * out. n = 0 gives a valid pointer. */
void *vs_alloc(size_t n, size_t size_bytes) VS_NODISCARD;
void *vs_alloc_raw(size_t bytes) VS_NODISCARD; /* the same, with any content */

/* Grows *items (of size_bytes each, from malloc) so that it holds at least `need`; doubles. The new
 * part is not zeroed. false, and *items untouched, when memory is out. */
int vs_grow(void *items, size_t *cap, size_t need, size_t size_bytes) VS_NODISCARD;

/* malloc'd formatted string; NULL when memory is out. */
char *vs_format(const char *format, ...) VS_PRINTF(1, 2) VS_NODISCARD;
char *vs_strdup_n(const char *text, size_t len) VS_NODISCARD;

/* For tests of out-of-memory paths: n more allocations succeed, then every one fails until the next
 * call; n < 0: none fails. Counts those made here, by vs_buf and by arenas. */
void vs_alloc_fail_after(long n);
/* Takes one allocation from that count; false when it must fail. For allocators in base/ only. */
int vs_alloc_allowed(void);
#endif
