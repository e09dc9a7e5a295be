#include "vs_test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_TESTS = 512 };
static struct CMUnitTest tests[MAX_TESTS];
static size_t n_tests;
static char scratch_dir[256];

void vs_test_register(const char *name, CMUnitTestFunction fn)
{
    if (n_tests == MAX_TESTS) abort();
    tests[n_tests++] = (struct CMUnitTest){.name = name, .test_func = fn};
}

const char *vs_test_shared(const char *relative)
{
    static char path[4096];
    const char *root = getenv("VSTAR_SHARED");
    struct stat info;

    snprintf(path, sizeof path, "%s/%s", root ? root : VSTAR_SHARED_DEFAULT, relative);
    return stat(path, &info) == 0 ? path : NULL;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info, (void)flag, (void)ftw;
    return remove(path);
}

static void remove_scratch(void)
{
    nftw(scratch_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *vs_test_dir(void)
{
    static char dirs[64][300];
    static size_t n_dirs;

    if (!scratch_dir[0]) {
        const char *tmp = getenv("TMPDIR");
        snprintf(scratch_dir, sizeof scratch_dir, "%s/vstar-test-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(scratch_dir)) abort();
        atexit(remove_scratch);
    }
    if (n_dirs == 64) abort();
    snprintf(dirs[n_dirs], sizeof dirs[0], "%s/%zu", scratch_dir, n_dirs);
    if (mkdir(dirs[n_dirs], 0777) != 0) abort();
    return dirs[n_dirs++];
}

int main(void)
{
    const char *only = getenv("VSTAR_TEST");
    size_t n = 0;

    for (size_t i = 0; i < n_tests; i++)
        if (!only || strstr(tests[i].name, only)) tests[n++] = tests[i];
    return _cmocka_run_group_tests("vstar", tests, n, NULL, NULL);
}
