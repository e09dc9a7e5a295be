#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "vs_test.h"

enum { MAX_BYTES = 1 << 20 };

/* dir/name, in static storage that the next calls overwrite; dir may itself come from the call
 * before. */
static const char *in(const char *dir, const char *name)
{
    static char paths[8][512];
    static unsigned at;
    char *path = paths[at++ % 8];
    const size_t dir_len = strlen(dir), name_len = strlen(name);

    CHECK(dir_len + name_len + 2 <= sizeof paths[0]);
    memcpy(path, dir, dir_len);
    path[dir_len] = '/';
    memcpy(path + dir_len + 1, name, name_len);
    path[dir_len + 1 + name_len] = '\0';
    return path;
}

static size_t entries(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    CHECK(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void check_content(const char *path, const char *expected)
{
    vs_error err = {0};
    char *text = NULL;
    size_t len = 0;

    CHECK_OK(vs_file_read(&text, &len, path, MAX_BYTES, &err));
    CHECK(len == strlen(expected));
    CHECK_STR(text, expected);
    free(text);
}

TEST(file, replace_then_read_gives_the_same_bytes)
{
    const char *dir = vs_test_dir(), *path = in(dir, "a");
    vs_error err = {0};

    CHECK_OK(vs_file_replace(path, "first", 5, &err));
    check_content(path, "first");
    CHECK_OK(vs_file_replace(path, "", 0, &err));
    check_content(path, "");
    CHECK(entries(dir) == 1);
}

TEST(file, read_refuses_one_byte_past_the_limit)
{
    const char *path = in(vs_test_dir(), "a");
    vs_error err = {0};
    char *text = NULL;
    size_t len;

    CHECK_OK(vs_file_replace(path, "12345", 5, &err));
    CHECK_OK(vs_file_read(&text, &len, path, 5, &err));
    free(text);
    text = NULL;
    CHECK(vs_file_read(&text, &len, path, 4, &err) == VS_E_LIMIT);
    CHECK(text == NULL && strstr(err.text, path));
}

TEST(file, read_limits_files_without_a_size_too)
{
    vs_error err = {0};
    char *text = NULL;
    size_t len;

    CHECK(vs_file_read(&text, &len, "/dev/zero", 100000, &err) == VS_E_LIMIT);
    CHECK(text == NULL);
    for (size_t limit = 4; limit <= 5; limit++) {
        char path[64];
        int ends[2];
        CHECK(pipe(ends) == 0 && write(ends[1], "12345", 5) == 5 && close(ends[1]) == 0);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        CHECK(vs_file_read(&text, &len, path, limit, &err) == (limit < 5 ? VS_E_LIMIT : VS_OK));
        CHECK(limit < 5 || len == 5);
        close(ends[0]);
    }
    free(text);
}

TEST(file, read_names_the_missing_file_and_refuses_a_folder)
{
    const char *dir = vs_test_dir(), *path = in(dir, "none");
    vs_error err = {0};
    char *text = NULL;
    size_t len;

    CHECK(vs_file_read(&text, &len, path, MAX_BYTES, &err) == VS_E_IO);
    CHECK(strstr(err.text, path) && strstr(err.text, "No such file"));
    CHECK(vs_file_read(&text, &len, dir, MAX_BYTES, &err) == VS_E_IO);
}

TEST(file, read_survives_each_failing_allocation)
{
    const char *path = in(vs_test_dir(), "a");
    vs_error err = {0};
    char *text = NULL;
    size_t len;

    CHECK_OK(vs_file_replace(path, "12345", 5, &err));
    vs_alloc_fail_after(0);
    CHECK(vs_file_read(&text, &len, path, MAX_BYTES, &err) == VS_E_NOMEM);
    vs_alloc_fail_after(-1);
    CHECK(text == NULL);
}

TEST(file, keeps_the_old_file_until_commit)
{
    const char *dir = vs_test_dir(), *path = in(dir, "a");
    vs_error err = {0};
    vs_replace r = {0};

    CHECK_OK(vs_file_replace(path, "old", 3, &err));
    CHECK_OK(vs_replace_begin(&r, path, &err));
    fputs("new", r.fp);
    fflush(r.fp);
    check_content(path, "old");
    vs_replace_abort(&r);
    check_content(path, "old");
    CHECK(entries(dir) == 1);

    CHECK_OK(vs_replace_begin(&r, path, &err));
    fputs("new", r.fp);
    CHECK_OK(vs_replace_commit(&r, &err));
    check_content(path, "new");
    CHECK(entries(dir) == 1 && r.fp == NULL);
    vs_replace_abort(&r);
}

TEST(file, two_replacements_of_one_file_do_not_disturb_each_other)
{
    const char *dir = vs_test_dir(), *path = in(dir, "a");
    vs_error err = {0};
    vs_replace a = {0}, b = {0};

    CHECK_OK(vs_replace_begin(&a, path, &err));
    CHECK_OK(vs_replace_begin(&b, path, &err));
    fputs("from a", a.fp);
    fputs("from b", b.fp);
    CHECK_OK(vs_replace_commit(&b, &err));
    check_content(path, "from b");
    CHECK_OK(vs_replace_commit(&a, &err));
    check_content(path, "from a");
    CHECK(entries(dir) == 1);
}

TEST(file, a_failed_commit_leaves_no_temporary_behind)
{
    const char *dir = vs_test_dir(), *path = in(dir, "a");
    vs_error err = {0};

    CHECK_OK(
        vs_dir_make(in(path, "x"), &err)); /* a folder with content cannot be replaced by a file */
    CHECK(vs_file_replace(path, "text", 4, &err) == VS_E_IO);
    CHECK(strstr(err.text, path));
    CHECK(entries(dir) == 1 && vs_dir_exists(path));
}

TEST(file, reports_writes_that_did_not_reach_the_disk)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};
    vs_replace r = {0};

    CHECK_OK(vs_replace_begin(&r, in(dir, "a"), &err));
    r.fp = freopen("/dev/full", "w", r.fp);
    CHECK(r.fp);
    fputs("text", r.fp);
    CHECK(vs_replace_commit(&r, &err) == VS_E_IO);
    CHECK(entries(dir) == 0);
}

TEST(file, replace_survives_each_failing_allocation)
{
    const char *dir = vs_test_dir(), *path = in(dir, "a");
    vs_error err = {0};
    vs_replace r = {0};
    long n = 0;

    CHECK_OK(vs_file_replace(path, "old", 3, &err));
    for (;; n++) {
        vs_alloc_fail_after(n);
        const vs_status st = vs_replace_begin(&r, path, &err);
        vs_alloc_fail_after(-1);
        if (st == VS_OK) break;
        CHECK(st == VS_E_NOMEM && entries(dir) == 1);
    }
    CHECK(n >= 2);
    vs_replace_abort(&r);
}

TEST(file, copies_whole_files)
{
    enum { BYTES = 200001 };
    const char *dir = vs_test_dir();
    vs_error err = {0};
    vs_map from = {0}, to = {0};
    char *data = malloc(BYTES);

    CHECK(data);
    for (size_t i = 0; i < BYTES; i++) data[i] = (char)(i * 31 % 251);
    CHECK_OK(vs_file_replace(in(dir, "a"), data, BYTES, &err));
    CHECK_OK(vs_file_copy(in(dir, "b"), in(dir, "a"), &err));
    CHECK_OK(vs_map_open(&from, in(dir, "a"), &err));
    CHECK_OK(vs_map_open(&to, in(dir, "b"), &err));
    CHECK(from.len == BYTES && to.len == BYTES && memcmp(from.data, to.data, BYTES) == 0);
    vs_map_close(&from);
    vs_map_close(&to);
    free(data);
    CHECK(vs_file_copy(in(dir, "c"), in(dir, "none"), &err) == VS_E_IO);
    CHECK(vs_file_copy(in(dir, "c"), dir, &err) == VS_E_IO);
    CHECK(entries(dir) == 2);
}

TEST(file, maps_files_also_empty_ones_and_refuses_folders)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};
    vs_map m = {0};

    vs_map_close(&m);
    CHECK_OK(vs_file_replace(in(dir, "a"), "abc", 3, &err));
    CHECK_OK(vs_map_open(&m, in(dir, "a"), &err));
    CHECK(m.len == 3 && memcmp(m.data, "abc", 3) == 0);
    vs_map_close(&m);
    CHECK(m.data == NULL);
    CHECK_OK(vs_file_replace(in(dir, "a"), "", 0, &err));
    CHECK_OK(vs_map_open(&m, in(dir, "a"), &err));
    CHECK(m.len == 0 && m.data != NULL);
    vs_map_close(&m);
    CHECK(vs_map_open(&m, dir, &err) == VS_E_IO);
    CHECK(vs_map_open(&m, in(dir, "none"), &err) == VS_E_IO);
}

TEST(dir, make_makes_parents_and_accepts_existing_ones)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};

    CHECK_OK(vs_dir_make(in(dir, "a/b//c/"), &err));
    CHECK_OK(vs_dir_make(in(dir, "a/b/c"), &err));
    CHECK(vs_dir_exists(in(dir, "a/b/c")) && !vs_file_exists(in(dir, "a/b/c")));
    CHECK(vs_dir_make("", &err) == VS_E_IO);
    CHECK_OK(vs_file_replace(in(dir, "file"), "", 0, &err));
    CHECK(vs_file_exists(in(dir, "file")) && !vs_dir_exists(in(dir, "file")));
    CHECK(vs_dir_make(in(dir, "file/below"), &err) == VS_E_IO);
    CHECK(strstr(err.text, "file"));
}

TEST(dir, sweep_takes_what_a_killed_replacement_left_and_nothing_else)
{
    static const char *const kept[] = {"report.html", "a.tmp.1", "b.tmp.1.x", "c.tmp..2",
                                       ".tmp.1.2.d"};
    const char *dir = vs_test_dir();
    vs_replace left = {0};
    vs_error err = {0};

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        CHECK_OK(vs_file_replace(in(dir, kept[i]), "k", 1, &err));
    CHECK_OK(vs_replace_begin(&left, in(dir, "report.html"), &err));
    vs_dir_sweep(dir);
    CHECK(!vs_file_exists(left.temp_path));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) check_content(in(dir, kept[i]), "k");
    vs_replace_abort(&left);
    vs_dir_sweep(in(dir, "missing"));
}

TEST(dir, remove_takes_content_but_no_link_targets_and_no_files)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};

    CHECK_OK(vs_dir_make(in(dir, "keep"), &err));
    CHECK_OK(vs_file_replace(in(dir, "keep/file"), "k", 1, &err));
    CHECK_OK(vs_dir_make(in(dir, "gone/deep"), &err));
    CHECK_OK(vs_file_replace(in(dir, "gone/deep/file"), "g", 1, &err));
    CHECK(symlink(in(dir, "keep"), in(dir, "gone/link")) == 0);
    CHECK_OK(vs_dir_remove(in(dir, "gone"), &err));
    CHECK_OK(vs_dir_remove(in(dir, "gone"), &err));
    CHECK(!vs_dir_exists(in(dir, "gone")));
    check_content(in(dir, "keep/file"), "k");
    CHECK(vs_dir_remove(in(dir, "keep/file"), &err) == VS_E_IO);
    check_content(in(dir, "keep/file"), "k");
}

TEST(dir, replace_puts_a_new_folder_into_place)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};

    CHECK_OK(vs_dir_make(in(dir, "m.tmp/sub"), &err));
    CHECK_OK(vs_file_replace(in(dir, "m.tmp/sub/file"), "one", 3, &err));
    CHECK_OK(vs_dir_replace(in(dir, "m"), in(dir, "m.tmp"), &err));
    check_content(in(dir, "m/sub/file"), "one");
    CHECK(entries(dir) == 1);
}

TEST(dir, replace_swaps_an_old_folder_out_and_removes_it)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};

    CHECK_OK(vs_dir_make(in(dir, "m"), &err));
    CHECK_OK(vs_file_replace(in(dir, "m/only-in-old"), "old", 3, &err));
    CHECK_OK(vs_dir_make(in(dir, "m.tmp"), &err));
    CHECK_OK(vs_file_replace(in(dir, "m.tmp/file"), "new", 3, &err));
    CHECK_OK(vs_dir_replace(in(dir, "m"), in(dir, "m.tmp"), &err));
    check_content(in(dir, "m/file"), "new");
    CHECK(!vs_file_exists(in(dir, "m/only-in-old")));
    CHECK(entries(dir) == 1);
}

TEST(dir, replace_touches_nothing_when_it_is_refused)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};

    CHECK_OK(vs_dir_make(in(dir, "m"), &err));
    CHECK(vs_dir_replace(in(dir, "m"), in(dir, "none"), &err) == VS_E_IO);
    CHECK(vs_dir_exists(in(dir, "m")));
    CHECK_OK(vs_dir_make(in(dir, "tmp"), &err));
    CHECK_OK(vs_file_replace(in(dir, "f"), "kept", 4, &err));
    CHECK(vs_dir_replace(in(dir, "f"), in(dir, "tmp"), &err) == VS_E_IO);
    check_content(in(dir, "f"), "kept");
    CHECK(vs_dir_exists(in(dir, "tmp")));
}

TEST(disk, free_space_is_found_for_paths_that_do_not_exist_yet)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};
    uint64_t here = UINT64_MAX, below = UINT64_MAX, relative = UINT64_MAX;

    CHECK_OK(vs_disk_free(&here, dir, &err));
    CHECK_OK(vs_disk_free(&below, in(dir, "not/yet"), &err));
    CHECK_OK(vs_disk_free(&relative, "no-such-name-here", &err));
    CHECK(here != UINT64_MAX && below != UINT64_MAX && relative != UINT64_MAX);
}
