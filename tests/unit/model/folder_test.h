/* folder_test.h - files and checks that the tests of model folders share. */
#ifndef VS_FOLDER_TEST_H
#define VS_FOLDER_TEST_H

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "vs_test.h"

/* malloc'd "DIR/NAME" */
static inline char *path_in(const char *dir, const char *name)
{
    char *path = vs_format("%s/%s", dir, name);

    CHECK(path != NULL);
    return path;
}

static inline void write_in(const char *dir, const char *name, const void *data, size_t len)
{
    vs_error err;
    char *path = path_in(dir, name);

    CHECK_OK(vs_file_replace(path, data, len, &err));
    free(path);
}

static inline void write_text(const char *dir, const char *name, const char *text)
{
    write_in(dir, name, text, strlen(text));
}

/* The whole of text with its first `from` replaced by `to`; malloc'd. */
static inline char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *made;

    CHECK(at != NULL);
    made = vs_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    CHECK(made != NULL);
    return made;
}

/* A safetensors file from its header's text and its data. */
static inline void write_safetensors(const char *dir, const char *name, const char *header,
                                     const void *data, size_t n_data)
{
    const size_t len = strlen(header);
    unsigned char *bytes = malloc(8 + len + n_data);

    CHECK(bytes != NULL);
    for (size_t i = 0; i < 8; i++) bytes[i] = (unsigned char)(len >> (8 * i));
    memcpy(bytes + 8, header, len);
    if (n_data) memcpy(bytes + 8 + len, data, n_data);
    write_in(dir, name, bytes, 8 + len + n_data);
    free(bytes);
}

/* Runs statement(s) with 0, 1, 2, .. allocations allowed until they give VS_OK in `st`; every
 * earlier end must be VS_E_NOMEM. What they own they release themselves. */
#define FAIL_EACH_ALLOCATION(st, ...)                   \
    do {                                                \
        long n_allowed_ = -1;                           \
        do {                                            \
            vs_alloc_fail_after(++n_allowed_);          \
            __VA_ARGS__;                                \
            vs_alloc_fail_after(-1);                    \
            CHECK((st) == VS_OK || (st) == VS_E_NOMEM); \
        } while ((st) != VS_OK);                        \
        CHECK(n_allowed_ > 0);                          \
    } while (0)
#endif
