/* vs_test.h - TEST(module, sentence) over cmocka: tests register themselves, vs_test.c has main.
 *
 * Each file is one program and one CTest entry; VSTAR_TEST=substring runs matching tests only. */
#ifndef VS_TEST_H
#define VS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void vs_test_register(const char *name, CMUnitTestFunction fn);

/* Path below VSTAR_SHARED (default ../shared/data beside the project); NULL when the folder is
 * absent: the caller then returns through SKIP_WITHOUT_SHARED. Static storage, overwritten. */
const char *vs_test_shared(const char *relative);

/* A fresh empty folder, removed at exit; valid until exit. */
const char *vs_test_dir(void);

#define TEST(module, name)                                                    \
    static void test_##module##_##name(void **state);                         \
    __attribute__((constructor)) static void register_##module##_##name(void) \
    {                                                                         \
        vs_test_register(#module ": " #name, test_##module##_##name);         \
    }                                                                         \
    static void test_##module##_##name(void **state __attribute__((unused)))

#define CHECK(cond)                         \
    do {                                    \
        if (!(cond)) fail_msg("%s", #cond); \
    } while (0)
#define CHECK_NEAR(a, b, tol)                                                                     \
    do {                                                                                          \
        const double a_ = (a), b_ = (b), t_ = (tol);                                              \
        if (!(fabs(a_ - b_) <= t_)) fail_msg("%s = %.17g, expected %.17g +- %g", #a, a_, b_, t_); \
    } while (0)
/* expr returns a vs_status; err is the vs_error that it filled. */
#define CHECK_OK(expr)                                            \
    do {                                                          \
        if ((expr) != VS_OK) fail_msg("%s: %s", #expr, err.text); \
    } while (0)
#define CHECK_STR(a, b) assert_string_equal((a), (b))
#define SKIP_WITHOUT_SHARED(relative)          \
    do {                                       \
        if (!vs_test_shared(relative)) skip(); \
    } while (0)
#endif
