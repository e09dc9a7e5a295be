#include <unistd.h>

#include "gguf_test.h"

static vs_error err;

static vs_gguf *must_open(vs_buf *b)
{
    vs_gguf *g = NULL;
    char *path = write_gguf(b);

    CHECK_OK(vs_gguf_open(&g, path, &err));
    CHECK_STR(vs_gguf_path(g), path);
    free(path);
    return g;
}

static void check_refused(vs_buf *b, vs_status code, const char *expected)
{
    vs_gguf *g = NULL;
    char *path = write_gguf(b);

    err.text[0] = '\0';
    if (vs_gguf_open(&g, path, &err) != code || !strstr(err.text, expected) ||
        strncmp(err.text, path, strlen(path)) != 0)
        fail_msg("found \"%s\", expected %s", err.text, expected);
    CHECK(g == NULL);
    free(path);
}

/* Every kind of value, and two tensors. */
static void put_sample(vs_buf *b)
{
    size_t offset = 0;

    put_head(b, 3, 2, 7);
    put_size(b, "a.size", 640);
    put_real(b, "a.real", 0.5F);
    put_bool(b, "a.bool", true);
    put_string(b, "a.string", "gemma3");
    put_strings(b, "a.strings", (const char *const[]){"", "two", "\xE2\x96\x81"}, 3);
    put_array(b, "a.reals", VS_GGUF_F32, 2);
    put_f32(b, -1.0F);
    put_f32(b, 2.0F);
    put_array(b, "a.ints", VS_GGUF_I32, 2);
    put_number(b, (uint32_t)-3, 4);
    put_number(b, 4, 4);
    put_tensor(b, "w.weight", 2, 3, GGML_F32, 24, &offset);
    put_tensor(b, "b.bias", 0, 2, GGML_F16, 4, &offset);
    put_padding(b);
    for (int i = 0; i < 6; i++) put_f32(b, (float)i);
    put_padding(b);
    put_number(b, 0x3C00C000, 4); /* -2, 1 */
}

TEST(gguf, reads_values_of_every_kind)
{
    vs_buf b = {0};
    const vs_gguf_value *v;
    vs_gguf_text text = {0};
    size_t n = 0, at = 0;
    double x = 0;
    bool flag = false;

    put_sample(&b);
    vs_gguf *g = must_open(&b);
    CHECK_OK(vs_gguf_get_size(&n, g, "a.size", 1, 640, &err));
    CHECK(n == 640);
    CHECK_OK(vs_gguf_opt_real(&x, g, "a.real", &err));
    CHECK(x == 0.5);
    CHECK_OK(vs_gguf_opt_bool(&flag, g, "a.bool", &err));
    CHECK(flag);
    CHECK_OK(vs_gguf_get_text(&text, g, "a.string", &err));
    CHECK(text.len == 6 && memcmp(text.text, "gemma3", 6) == 0);
    CHECK_OK(vs_gguf_get_array(&v, g, "a.strings", VS_GGUF_STRING, &err));
    CHECK(v->n == 3 && vs_gguf_next_text(v, &at).len == 0 &&
          vs_gguf_next_text(v, &at).text[0] == 't');
    CHECK(memcmp(vs_gguf_next_text(v, &at).text, "\xE2\x96\x81", 3) == 0);
    CHECK_OK(vs_gguf_get_array(&v, g, "a.reals", VS_GGUF_F32, &err));
    CHECK(v->n == 2 && vs_gguf_f32_at(v, 0) == -1.0F && vs_gguf_f32_at(v, 1) == 2.0F);
    CHECK_OK(vs_gguf_get_array(&v, g, "a.ints", VS_GGUF_I32, &err));
    CHECK(v->n == 2 && vs_gguf_i32_at(v, 0) == -3 && vs_gguf_i32_at(v, 1) == 4);
    vs_gguf_close(g);
}

TEST(gguf, names_the_key_of_a_value_that_is_missing_or_of_another_kind)
{
    vs_buf b = {0};
    const vs_gguf_value *v;
    size_t n = 7;
    double x = 7;

    put_head(&b, 2, 0, 2);
    put_size(&b, "a.size", 640);
    put_key(&b, "a.negative", VS_GGUF_I8);
    put_number(&b, 0xFF, 1);
    vs_gguf *g = must_open(&b);
    CHECK_OK(vs_gguf_opt_size(&n, g, "nothing", 0, 9, &err));
    CHECK(n == 7);
    CHECK(vs_gguf_get_size(&n, g, "nothing", 0, 9, &err) == VS_E_FORMAT &&
          strstr(err.text, "nothing"));
    CHECK(vs_gguf_get_size(&n, g, "a.size", 0, 639, &err) == VS_E_FORMAT &&
          strstr(err.text, "640"));
    CHECK(vs_gguf_get_size(&n, g, "a.negative", 0, 999, &err) == VS_E_FORMAT &&
          strstr(err.text, "a.negative"));
    CHECK(vs_gguf_opt_real(&x, g, "a.size", &err) == VS_E_FORMAT && strstr(err.text, "a.size"));
    CHECK(vs_gguf_get_array(&v, g, "a.size", VS_GGUF_STRING, &err) == VS_E_FORMAT);
    CHECK(n == 7 && x == 7);
    vs_gguf_close(g);
}

TEST(gguf, reads_tensors_by_name)
{
    vs_buf b = {0};
    float x[6];

    put_sample(&b);
    vs_gguf *g = must_open(&b);
    const vs_gguf_tensor *w = vs_gguf_tensor_find(g, "w.weight"),
                         *bias = vs_gguf_tensor_find(g, "b.bias");
    CHECK(vs_gguf_n_tensors(g) == 2 && w && bias && !vs_gguf_tensor_find(g, "w"));
    CHECK(w->n_dims == 2 && w->dims[0] == 3 && w->dims[1] == 2 && w->n == 6);
    vs_gguf_to_f32(x, w);
    for (int i = 0; i < 6; i++) CHECK(x[i] == (float)i);
    vs_gguf_to_f32(x, bias);
    CHECK(bias->n_dims == 1 && x[0] == -2.0F && x[1] == 1.0F);
    vs_gguf_close(g);
}

TEST(gguf, refuses_another_format_or_version)
{
    vs_buf b = {0};

    vs_buf_str(&b, "GGML....");
    check_refused(&b, VS_E_FORMAT, "not a GGUF file");
    put_head(&b, 1, 0, 0);
    check_refused(&b, VS_E_INPUT, "version 1");
    put_head(&b, 3u << 24, 0, 0);
    check_refused(&b, VS_E_INPUT, "big-endian");
}

TEST(gguf, refuses_lengths_and_counts_beyond_the_file)
{
    vs_buf b = {0};
    const uint64_t huge[] = {UINT64_MAX, UINT64_MAX / 4, 1u << 31, 1000};

    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        put_head(&b, 3, (size_t)huge[i], 0);
        check_refused(&b, VS_E_LIMIT, "tensors");
        put_head(&b, 3, 0, (size_t)huge[i]);
        check_refused(&b, VS_E_LIMIT, "values");
        put_head(&b, 3, 0, 1);
        put_key(&b, "a", VS_GGUF_STRING);
        put_number(&b, huge[i], 8);
        check_refused(&b, VS_E_FORMAT, "a string");
        put_head(&b, 3, 0, 1);
        put_array(&b, "a", VS_GGUF_U64, (size_t)huge[i]);
        put_number(&b, 0, 8);
        check_refused(&b, VS_E_FORMAT, "do not fit");
    }
}

TEST(gguf, refuses_keys_and_tensors_that_come_twice)
{
    vs_buf b = {0};
    size_t offset = 0;

    put_head(&b, 3, 0, 3);
    put_size(&b, "b", 1);
    put_size(&b, "a", 1);
    put_size(&b, "b", 2);
    check_refused(&b, VS_E_FORMAT, "the key \"b\" comes twice");
    put_head(&b, 3, 2, 0);
    put_tensor(&b, "t", 0, 1, GGML_F32, 4, &offset);
    put_tensor(&b, "t", 0, 1, GGML_F32, 4, &offset);
    put_padding(&b);
    put_number(&b, 0, 8);
    put_padding(&b);
    put_number(&b, 0, 8);
    check_refused(&b, VS_E_FORMAT, "the tensor \"t\" comes twice");
}

TEST(gguf, refuses_values_that_it_does_not_know)
{
    vs_buf b = {0};

    put_head(&b, 3, 0, 1);
    put_key(&b, "a", VS_GGUF_N_TYPES);
    put_number(&b, 0, 8);
    check_refused(&b, VS_E_FORMAT, "value type 13");
    put_head(&b, 3, 0, 1);
    put_array(&b, "a", VS_GGUF_ARRAY, 1);
    put_number(&b, 0, 8);
    check_refused(&b, VS_E_FORMAT, "array of arrays");
    put_head(&b, 3, 0, 1);
    put_size(&b, "a\nb", 1);
    check_refused(&b, VS_E_FORMAT, "printable");
}

/* One tensor "t" of that shape; 64 bytes of data at offset. */
static void put_one(vs_buf *b, size_t n_dims, const uint64_t *dims, uint32_t type, uint64_t offset)
{
    put_head(b, 3, 1, 0);
    put_text(b, "t");
    put_number(b, n_dims, 4);
    for (size_t i = 0; i < n_dims; i++) put_number(b, dims[i], 8);
    put_number(b, type, 4);
    put_number(b, offset, 8);
    put_padding(b);
    for (int i = 0; i < 8; i++) put_number(b, 0, 8);
}

TEST(gguf, refuses_tensors_that_are_not_whole_or_lie_outside)
{
    static const struct {
        uint64_t dims[5];
        size_t n_dims;
        uint32_t type;
        uint64_t offset;
        vs_status code;
        const char *expected;
    } cases[] = {
        {{16}, 1, GGML_F32, 1, VS_E_FORMAT, "cut off"},
        {{17}, 1, GGML_F32, 0, VS_E_FORMAT, "cut off"},
        {{1}, 1, GGML_F32, UINT64_MAX, VS_E_FORMAT, "cut off"},
        {{1}, 1, GGML_F32, UINT64_MAX - 3, VS_E_FORMAT, "cut off"},
        {{0}, 1, GGML_F32, 0, VS_E_FORMAT, "dimension 0"},
        {{1u << 31, 1u << 31, 1u << 31}, 3, GGML_F32, 0, VS_E_FORMAT, "dimension 2"},
        {{UINT64_MAX / 2}, 1, GGML_F32, 0, VS_E_FORMAT, "\"t\""},
        {{1, 1, 1, 1, 1}, 5, GGML_F32, 0, VS_E_FORMAT, "5 dimensions"},
        {{1}, 0, GGML_F32, 0, VS_E_FORMAT, "0 dimensions"},
        {{33}, 1, GGML_Q8_0, 0, VS_E_FORMAT, "multiple of 32"},
        {{16, 2}, 2, GGML_Q8_0, 0, VS_E_FORMAT, "multiple of 32"},
        {{16}, 1, 9, 0, VS_E_INPUT, "found Q8_1, expected F32, F16, Q4_0"},
        {{16}, 1, 35, 0, VS_E_INPUT, "found TQ2_0"},
        {{16}, 1, 39, 0, VS_E_INPUT, "found MXFP4"},
        {{16}, 1, 4, 0, VS_E_INPUT, "ggml type 4,"},
        {{16}, 1, UINT32_MAX, 0, VS_E_INPUT, "expected F32, F16"},
    };
    vs_buf b = {0};

    put_one(&b, 1, (const uint64_t[]){16}, GGML_F32, 0);
    vs_gguf_close(must_open(&b));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_one(&b, cases[i].n_dims, cases[i].dims, cases[i].type, cases[i].offset);
        check_refused(&b, cases[i].code, cases[i].expected);
    }
}

/* Part `no` of n of a model, with one tensor of one number, as NAME in dir. */
static void write_split(const char *dir, const char *name, size_t no, size_t n, const char *tensor)
{
    vs_buf b = {0};
    size_t offset = 0;

    put_head(&b, 3, 1, 2);
    put_size(&b, "split.no", (uint32_t)no);
    put_size(&b, "split.count", (uint32_t)n);
    put_tensor(&b, tensor, 0, 1, GGML_F32, 4, &offset);
    put_padding(&b);
    put_f32(&b, (float)no);
    write_in(dir, name, b.data, b.len);
    vs_buf_free(&b);
}

static void check_split_refused(const char *dir, const char *name, const char *says)
{
    char *path = path_in(dir, name);
    vs_gguf *g = NULL;

    CHECK(vs_gguf_open(&g, path, &err) != VS_OK);
    if (!strstr(err.text, says)) fail_msg("\"%s\", expected \"%s\"", err.text, says);
    free(path);
}

TEST(gguf, joins_the_files_of_a_model_that_is_split)
{
    static const char first[] = "m-00001-of-00003.gguf", second[] = "m-00002-of-00003.gguf",
                      third[] = "m-00003-of-00003.gguf";
    const char *dir = vs_test_dir();
    char *path = path_in(dir, first);
    vs_gguf *g = NULL;
    vs_status st;
    float x;

    write_split(dir, first, 0, 3, "b");
    write_split(dir, second, 1, 3, "c");
    check_split_refused(dir, first, third);
    write_split(dir, third, 2, 3, "a");
    FAIL_EACH_ALLOCATION(st, st = vs_gguf_open(&g, path, &err));
    CHECK(vs_gguf_n_tensors(g) == 3);
    for (size_t i = 0; i < 3; i++) {
        static const float wanted[] = {2, 0, 1}; /* a, b, c */

        vs_gguf_to_f32(&x, vs_gguf_tensor_at(g, i));
        CHECK(x == wanted[i]);
    }
    vs_gguf_close(g);
    check_split_refused(dir, second, "part 2 of 3, expected the first");
    write_split(dir, third, 1, 3, "a");
    check_split_refused(dir, first, "not this model's part 3");
    write_split(dir, third, 2, 3, "b");
    check_split_refused(dir, first, "the tensor \"b\" comes twice");
    write_split(dir, "m.gguf", 0, 3, "a");
    check_split_refused(dir, "m.gguf", "expected a name that ends in -00001-of-00003.gguf");
    free(path);
}

TEST(gguf, refuses_every_truncation)
{
    vs_buf b = {0};

    put_sample(&b);
    const size_t len = b.len;
    char *path = write_gguf(&b);
    for (size_t n = len; n-- > 0;) {
        vs_gguf *g = NULL;

        CHECK(truncate(path, (off_t)n) == 0);
        err.text[0] = '\0';
        CHECK(vs_gguf_open(&g, path, &err) != VS_OK && strstr(err.text, path));
    }
    free(path);
}

TEST(gguf, survives_each_allocation_failing)
{
    vs_buf b = {0};
    vs_gguf *g = NULL;
    vs_status st;

    put_sample(&b);
    char *path = write_gguf(&b);
    FAIL_EACH_ALLOCATION(st, st = vs_gguf_open(&g, path, &err));
    vs_gguf_close(g);
    free(path);
}

/* tools/parity/gguf_quants.py: blocks under a type's name, ggml's own floats under NAME.f32. */
TEST(gguf, turns_blocks_into_the_floats_of_ggml_bit_for_bit)
{
    static const char golden[] = VSTAR_SOURCE_DIR "/tests/golden/gguf_quants.gguf";
    static const char *const names[] = {"F32",  "F16",  "BF16", "Q4_0",   "Q4_1",
                                        "Q5_0", "Q5_1", "Q8_0", "Q2_K",   "Q3_K",
                                        "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"};
    vs_gguf *g = NULL;

    CHECK_OK(vs_gguf_open(&g, golden, &err));
    CHECK(vs_gguf_n_tensors(g) == 2 * (sizeof names / sizeof *names));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[16];
        const vs_gguf_tensor *blocks = vs_gguf_tensor_find(g, names[i]), *want;

        snprintf(name, sizeof name, "%s.f32", names[i]);
        want = vs_gguf_tensor_find(g, name);
        CHECK(blocks && want && blocks->n == want->n);
        float *x = malloc(blocks->n * sizeof *x);
        CHECK(x);
        vs_gguf_to_f32(x, blocks);
        if (memcmp(x, want->data, blocks->n * sizeof *x) != 0) fail_msg("%s", names[i]);
        free(x);
    }
    vs_gguf_close(g);
}
