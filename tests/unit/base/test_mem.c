#include "base/mem.h"
#include "vs_test.h"

TEST(mem, alloc_is_zeroed_and_on_a_64_byte_boundary)
{
    unsigned char *p = vs_alloc(7, 13);

    CHECK(p && (uintptr_t)p % 64 == 0);
    for (size_t i = 0; i < 7 * 13; i++) CHECK(p[i] == 0);
    free(p);
}

/* Large blocks come in huge pages. */
TEST(mem, alloc_of_many_megabytes_is_zeroed_and_on_a_64_byte_boundary)
{
    const size_t n = (9 << 20) + 5;

    for (int i = 0; i < 2; i++) { /* the second one may get the first one's memory */
        unsigned char *p = vs_alloc(n, 1);
        CHECK(p && (uintptr_t)p % 64 == 0);
        for (size_t k = 0; k < n; k++) CHECK(p[k] == 0);
        memset(p, 255, n);
        free(p);
    }
}

TEST(mem, alloc_refuses_a_product_that_overflows)
{
    void *p = vs_alloc(SIZE_MAX / 2, 3);

    CHECK(p == NULL);
    p = vs_alloc(SIZE_MAX / 2 + 9, 2); /* wraps to 16 */
    CHECK(p == NULL);
}

TEST(mem, alloc_of_nothing_gives_a_pointer)
{
    void *p = vs_alloc(0, 8);

    CHECK(p);
    free(p);
}

TEST(mem, grow_keeps_items_and_doubles)
{
    uint32_t *items = NULL;
    size_t cap = 0, changes = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        const size_t before = cap;
        CHECK(vs_grow(&items, &cap, i + 1, sizeof *items));
        changes += cap != before;
        items[i] = i * i;
    }
    CHECK(cap >= 1000 && changes < 10);
    for (uint32_t i = 0; i < 1000; i++) CHECK(items[i] == i * i);
    free(items);
}

TEST(mem, grow_leaves_items_untouched_when_it_fails)
{
    char *items = NULL;
    size_t cap = 0;

    CHECK(vs_grow(&items, &cap, 4, 1));
    items[0] = 'k';
    CHECK(!vs_grow(&items, &cap, SIZE_MAX, 1));
    CHECK(!vs_grow(&items, &cap, SIZE_MAX / 2, 8));
    CHECK(items[0] == 'k' && cap < 100);
    free(items);
}

TEST(mem, format_and_strdup_give_terminated_copies)
{
    char *a = vs_format("%s-%03d", "n", 5), *b = vs_strdup_n("abcdef", 3), *c = vs_strdup_n("", 0);

    CHECK_STR(a, "n-005");
    CHECK_STR(b, "abc");
    CHECK_STR(c, "");
    free(a);
    free(b);
    free(c);
}

TEST(mem, fails_after_the_number_of_allocations_asked_for)
{
    void *a, *b, *c;
    char *text = NULL;
    size_t cap = 0;

    vs_alloc_fail_after(1);
    a = vs_alloc(1, 1);
    b = vs_alloc(1, 1);
    c = vs_format("x");
    CHECK(a && !b && !c);
    CHECK(!vs_grow(&text, &cap, 1, 1));
    vs_alloc_fail_after(-1);
    b = vs_alloc(1, 1);
    CHECK(b);
    free(a);
    free(b);
}
