#include "assets.h"

#include "base/file.h"
#include "vs_test.h"

TEST(assets, hold_the_bytes_of_their_files)
{
    static const char *const names[] = {"demo-base/config.json", "demo-base/tokenizer.json"};
    vs_error err;

    for (size_t i = 0; i < 2; i++) {
        const vs_asset *a = vs_asset_find(names[i]);
        char path[4096], *text = NULL;
        size_t len = 0;

        CHECK(a != NULL);
        snprintf(path, sizeof path, "%s/assets/%s", VSTAR_SOURCE_DIR, names[i]);
        CHECK_OK(vs_file_read(&text, &len, path, 1 << 24, &err));
        assert_int_equal(a->len, len);
        CHECK(memcmp(a->data, text, len) == 0);
        free(text);
    }
}

TEST(assets, are_aligned_and_end_in_a_nul_and_are_sorted)
{
    size_t n = 0;
    const vs_asset *all = vs_assets_all(&n);

    CHECK(n >= 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal((uintptr_t)all[i].data % 64, 0);
        assert_int_equal(all[i].data[all[i].len], 0);
        CHECK(vs_asset_find(all[i].name) == &all[i]);
        if (i > 0) CHECK(strcmp(all[i - 1].name, all[i].name) < 0);
    }
}

TEST(assets, of_unknown_names_are_not_found)
{
    CHECK(vs_asset_find("") == NULL);
    CHECK(vs_asset_find("demo-base") == NULL);
}
