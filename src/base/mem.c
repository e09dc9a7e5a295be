#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGN_BYTES = 64,
    FIRST_CAP = 16,
    HUGE_PAGE = 2 << 20,
    HUGE_FROM = 4 * HUGE_PAGE, /* bytes: below, rounding up wastes too much */
};
#ifdef __SANITIZE_ADDRESS__ /* which watches a block's own end, not that of its last page */
static const bool USES_HUGE_PAGES = false;
#else
static const bool USES_HUGE_PAGES = true;
#endif

static atomic_long allowed = -1; /* allocations that still succeed; negative: all of them */

void vs_alloc_fail_after(long n)
{
    atomic_store(&allowed, n < 0 ? -1 : n);
}

int vs_alloc_allowed(void)
{
    long left = atomic_load(&allowed);

    while (left > 0 && !atomic_compare_exchange_weak(&allowed, &left, left - 1)) {}
    return left != 0;
}

/* Asks for huge pages, which the system may refuse: reading weights page by page of 4 KiB costs a third of the time in
 * address translation (LOG.md, entry 12). */
static void *alloc_huge(size_t bytes)
{
    void *p = aligned_alloc(HUGE_PAGE, (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);

    if (p) (void)madvise(p, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return p;
}

void *vs_alloc_raw(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - HUGE_PAGE || !vs_alloc_allowed()) return NULL;
    if (USES_HUGE_PAGES && bytes >= HUGE_FROM) return alloc_huge(bytes);
    return aligned_alloc(ALIGN_BYTES, bytes ? (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES
                                            : ALIGN_BYTES);
}

void *vs_alloc(size_t n, size_t size_bytes)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(n, size_bytes, &bytes)) return NULL;
    p = vs_alloc_raw(bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

int vs_grow(void *items, size_t *cap, size_t need, size_t size_bytes)
{
    size_t new_cap = *cap ? *cap : FIRST_CAP, bytes;
    void *old, *grown;

    if (need <= *cap) return 1;
    while (new_cap < need) new_cap = new_cap > SIZE_MAX / 2 ? need : new_cap * 2;
    if (__builtin_mul_overflow(new_cap, size_bytes, &bytes) || bytes > PTRDIFF_MAX) return 0;
    if (!vs_alloc_allowed()) return 0;
    /* items is the address of a pointer of any object type; memcpy reads it without aliasing. */
    memcpy(&old, items, sizeof old);
    grown = realloc(old, bytes);
    if (!grown) return 0;
    memcpy(items, &grown, sizeof grown);
    *cap = new_cap;
    return 1;
}

char *vs_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int len;

    if (!vs_alloc_allowed()) return NULL;
    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

char *vs_strdup_n(const char *text, size_t len)
{
    char *copy;

    if (len > PTRDIFF_MAX - 1 || !vs_alloc_allowed()) return NULL;
    copy = malloc(len + 1);
    if (!copy) return NULL;
    if (len) memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}
