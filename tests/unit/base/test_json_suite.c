/* test_json_suite.c - JSONTestSuite (nst/JSONTestSuite): what must parse does, what must not does
 * not, and nothing crashes. */
#include <dirent.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "vs_test.h"

/* Where this program is stricter than the grammar, as RFC 8259 lets a parser be: one key twice is
 * refused, since one of the two would be lost; so is U+0000 in a text, which would cut it short. */
static const char *const stricter[] = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
};

static bool is_stricter(const char *name)
{
    for (size_t i = 0; i < sizeof stricter / sizeof *stricter; i++)
        if (strcmp(name, stricter[i]) == 0) return true;
    return false;
}

static void check_file(const char *dir, const char *name)
{
    char *path = vs_format("%s/%s", dir, name);
    json_t *value = NULL;
    vs_error err = {0};
    const vs_status st = vs_json_read(&value, path, &err);
    const bool must_parse = name[0] == 'y' && !is_stricter(name);
    const bool must_not = name[0] == 'n' || is_stricter(name);

    if (must_parse && st != VS_OK) fail_msg("%s: refused: %s", name, err.text);
    if (must_not && st == VS_OK) fail_msg("%s: accepted", name);
    if (st != VS_OK && !strstr(err.text, name)) fail_msg("%s: \"%s\"", name, err.text);
    if (st == VS_OK) json_decref(value);
    free(path);
}

TEST(json_suite, every_file_is_taken_or_refused_as_it_should_be)
{
    SKIP_WITHOUT_SHARED("json_test_suite/JSONTestSuite.tar.xz");
    const char *scratch = vs_test_dir();
    char *command = vs_format("tar -xJf '%s' -C '%s'",
                              vs_test_shared("json_test_suite/JSONTestSuite.tar.xz"), scratch);
    char *dir = vs_format("%s/JSONTestSuite/test_parsing", scratch);
    struct dirent *entry;
    size_t n_files = 0;
    DIR *files;

    if (system(command) != 0) {
        fprintf(stderr, "skipped: tar with xz is needed\n");
        skip();
    }
    files = opendir(dir);
    CHECK(files != NULL);
    while ((entry = readdir(files)))
        if (entry->d_name[0] != '.') {
            check_file(dir, entry->d_name);
            n_files++;
        }
    CHECK(n_files > 300);
    closedir(files);
    free(dir);
    free(command);
}
