#include "base/arena.h"
#include "base/mem.h"
#include "vs_test.h"

TEST(arena, pushes_are_aligned_and_do_not_overlap)
{
    vs_error err = {0};
    vs_arena *a;
    unsigned char *p[50];

    CHECK_OK(vs_arena_open(&a, 100, &err));
    for (size_t i = 0; i < 50; i++) {
        p[i] = vs_arena_push(a, i, 7);
        CHECK(p[i] && (uintptr_t)p[i] % 64 == 0);
        memset(p[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 50; i++)
        for (size_t j = 0; j < i * 7; j++) CHECK(p[i][j] == i);
    vs_arena_close(a);
}

TEST(arena, allocates_nothing_in_a_repeated_step)
{
    vs_error err = {0};
    vs_arena *a;

    CHECK_OK(vs_arena_open(&a, 64, &err));
    for (int i = 0; i < 20; i++) CHECK(vs_arena_push(a, 1000, 8));
    vs_arena_reset(a);
    vs_alloc_fail_after(0);
    for (int i = 0; i < 20; i++) {
        void *p = vs_arena_push(a, 1000, 8);
        CHECK(p);
    }
    vs_arena_reset(a);
    vs_alloc_fail_after(-1);
    vs_arena_close(a);
}

TEST(arena, gives_a_repeated_step_the_same_places_and_a_larger_one_room)
{
    enum { N = 6 };
    vs_error err = {0};
    vs_arena *a;
    unsigned char *p[N];

    CHECK_OK(vs_arena_open(&a, 64, &err));
    for (size_t i = 0; i < N; i++) p[i] = vs_arena_push(a, i + 1, 5000);
    vs_arena_reset(a);
    for (size_t i = 0; i < N; i++) CHECK(vs_arena_push(a, i + 1, 5000) == p[i]);
    for (size_t step = 2; step < 5; step++) {
        vs_arena_reset(a);
        for (size_t i = 0; i < N; i++) {
            p[i] = vs_arena_push(a, (i + 1) * step, 5000);
            CHECK(p[i]);
            memset(p[i], (int)i, (i + 1) * step * 5000);
        }
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < (i + 1) * step * 5000; j++) CHECK(p[i][j] == i);
    }
    vs_arena_close(a);
}

TEST(arena, stays_usable_when_reset_or_growth_finds_no_memory)
{
    vs_error err = {0};
    vs_arena *a;
    void *p;

    CHECK_OK(vs_arena_open(&a, 64, &err));
    for (int i = 0; i < 20; i++) CHECK(vs_arena_push(a, 1000, 8));
    vs_alloc_fail_after(0);
    vs_arena_reset(a);
    p = vs_arena_push(a, 1, 8);
    CHECK(p);
    p = vs_arena_push(a, 1 << 20, 64);
    CHECK(p == NULL);
    p = vs_arena_push(a, 1, 8);
    CHECK(p);
    vs_alloc_fail_after(-1);
    vs_arena_close(a);
}

TEST(arena, reports_the_most_bytes_ever_in_use)
{
    vs_error err = {0};
    vs_arena *a;

    CHECK_OK(vs_arena_open(&a, 64, &err));
    CHECK(vs_arena_push(a, 100, 64));
    CHECK(vs_arena_push(a, 1, 64));
    vs_arena_reset(a);
    CHECK(vs_arena_push(a, 1, 1));
    CHECK(vs_arena_peak_bytes(a) == 101 * 64);
    vs_arena_close(a);
}

TEST(arena, refuses_a_product_that_overflows)
{
    vs_error err = {0};
    vs_arena *a;

    CHECK_OK(vs_arena_open(&a, 0, &err));
    CHECK(vs_arena_push(a, SIZE_MAX / 2, 3) == NULL);
    CHECK(vs_arena_push(a, SIZE_MAX, 1) == NULL);
    CHECK(vs_arena_push(a, 0, 8));
    vs_arena_close(a);
    vs_arena_close(NULL);
}

TEST(arena, opener_survives_each_failing_allocation)
{
    vs_error err = {0};
    vs_arena *a = NULL;
    long n = 0;

    for (;; n++) {
        vs_alloc_fail_after(n);
        const vs_status st = vs_arena_open(&a, 1000, &err);
        vs_alloc_fail_after(-1);
        if (st == VS_OK) break;
        CHECK(st == VS_E_NOMEM && a == NULL);
    }
    CHECK(n == 2);
    vs_arena_close(a);
}
