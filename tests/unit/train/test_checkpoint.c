/* test_checkpoint.c - a checkpoint is taken whole and of the right training, or not at all. */
#include "base/file.h"
#include "base/mem.h"
#include "engine/train/checkpoint.h"
#include "vs_test.h"

enum { N = 5, HEAD = 8 + 64 + 8 + 8 };

typedef struct saved {
    float params[N], m[N], v[N];
    vs_checkpoint c;
} saved;

static void fill(saved *s, float from)
{
    for (size_t i = 0; i < N; i++) {
        s->params[i] = from + (float)i;
        s->m[i] = 10 * from + (float)i;
        s->v[i] = 100 * from + (float)i;
    }
    s->c = (vs_checkpoint){.step = 7, .n = N, .params = s->params, .m = s->m, .v = s->v};
    memset(s->c.identity, 'a', 64);
}

static bool is_found(const char *path, saved *s)
{
    vs_error err;
    bool found = true;

    CHECK_OK(vs_checkpoint_read(&found, path, &s->c, &err));
    return found;
}

/* Nothing is found, and nothing filled. */
static void check_refused(const char *path, saved *s)
{
    saved want = *s;

    CHECK(!is_found(path, s));
    CHECK(memcmp(want.params, s->params, sizeof want.params) == 0);
    CHECK(memcmp(want.m, s->m, sizeof want.m) == 0 && memcmp(want.v, s->v, sizeof want.v) == 0);
    CHECK(s->c.step == want.c.step);
}

TEST(checkpoint, gives_back_step_parameters_and_both_moments)
{
    char *path = vs_format("%s/checkpoint", vs_test_dir());
    saved out, in;
    vs_error err;

    fill(&out, 1);
    fill(&in, 2);
    out.c.step = UINT64_C(0x0102030405060708);
    check_refused(path, &in);
    CHECK_OK(vs_checkpoint_write(path, &out.c, &err));
    CHECK(is_found(path, &in));
    CHECK(in.c.step == out.c.step);
    CHECK(memcmp(in.params, out.params, sizeof out.params) == 0);
    CHECK(memcmp(in.m, out.m, sizeof out.m) == 0 && memcmp(in.v, out.v, sizeof out.v) == 0);
    free(path);
}

TEST(checkpoint, of_another_training_or_size_is_passed_over)
{
    char *path = vs_format("%s/checkpoint", vs_test_dir());
    saved out, in;
    vs_error err;

    fill(&out, 1);
    CHECK_OK(vs_checkpoint_write(path, &out.c, &err));
    for (size_t i = 0; i < 64; i += 63) { /* the first digit, the last */
        fill(&in, 2);
        in.c.identity[i] = 'b';
        check_refused(path, &in);
    }
    fill(&in, 2);
    in.c.n = N - 1;
    check_refused(path, &in);
    free(path);
}

/* One bit anywhere, also in the hash itself, and one byte too few or too many. */
TEST(checkpoint, that_was_damaged_is_passed_over)
{
    char *path = vs_format("%s/checkpoint", vs_test_dir()), *bytes;
    saved out, in;
    vs_error err;
    size_t len;

    fill(&out, 1);
    fill(&in, 2);
    CHECK_OK(vs_checkpoint_write(path, &out.c, &err));
    CHECK_OK(vs_file_read(&bytes, &len, path, 1 << 20, &err));
    CHECK(len == HEAD + 3 * N * sizeof(float) + 64);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        CHECK_OK(vs_file_replace(path, bytes, len, &err));
        check_refused(path, &in);
        bytes[i] ^= 1;
    }
    CHECK_OK(vs_file_replace(path, bytes, len - 1, &err));
    check_refused(path, &in);
    CHECK_OK(vs_file_replace(path, bytes, 0, &err));
    check_refused(path, &in);
    bytes = realloc(bytes, len + 1);
    bytes[len] = '0';
    CHECK_OK(vs_file_replace(path, bytes, len + 1, &err));
    check_refused(path, &in);
    CHECK_OK(vs_file_replace(path, bytes, len, &err));
    CHECK(is_found(path, &in));
    free(bytes);
    free(path);
}
