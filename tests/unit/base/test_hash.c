#include "base/file.h"
#include "base/hash.h"
#include "vs_test.h"

/* FIPS 180-4's examples. */
static const char *const ABC_HEX =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char *const EMPTY_HEX =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char *const MILLION_A_HEX =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(hash, gives_the_published_values)
{
    char hex[VS_HASH_HEX];

    vs_sha256_hex(hex, "abc", 3);
    CHECK_STR(hex, ABC_HEX);
    vs_sha256_hex(hex, NULL, 0);
    CHECK_STR(hex, EMPTY_HEX);
}

TEST(hash, in_pieces_and_of_a_file_equal_the_whole)
{
    char path[512], hex[VS_HASH_HEX];
    vs_error err = {0};
    vs_hasher *h;
    char *a = malloc(1000000);

    CHECK(a);
    memset(a, 'a', 1000000);
    CHECK_OK(vs_hasher_open(&h, &err));
    for (size_t at = 0; at < 1000000; at += 12500) vs_hasher_add(h, a + at, 12500);
    vs_hasher_close(h, hex);
    CHECK_STR(hex, MILLION_A_HEX);
    snprintf(path, sizeof path, "%s/a", vs_test_dir());
    CHECK_OK(vs_file_replace(path, a, 1000000, &err));
    memset(hex, 0, sizeof hex);
    CHECK_OK(vs_sha256_file(hex, path, &err));
    CHECK_STR(hex, MILLION_A_HEX);
    free(a);
}

TEST(hash, key_is_the_first_eight_bytes_little_endian)
{
    CHECK(vs_hash64("abc", 3) == UINT64_C(0xeacf018fbf1678ba));
}

TEST(hash, reports_files_that_cannot_be_read)
{
    const char *dir = vs_test_dir();
    char path[512], hex[VS_HASH_HEX] = "";
    vs_error err = {0};

    snprintf(path, sizeof path, "%s/none", dir);
    CHECK(vs_sha256_file(hex, path, &err) == VS_E_IO && strstr(err.text, path));
    CHECK(vs_sha256_file(hex, dir, &err) == VS_E_IO && strstr(err.text, dir));
    CHECK_STR(hex, "");
}

TEST(hash, close_may_only_free)
{
    vs_error err = {0};
    vs_hasher *h;

    CHECK_OK(vs_hasher_open(&h, &err));
    vs_hasher_close(h, NULL);
    vs_hasher_close(NULL, NULL);
}
