#include <jansson.h>

#include "engine/model/safetensors.h"
#include "engine/tensor/half.h"
#include "unit/model/folder_test.h"

enum { N_SAMPLE = 6 }; /* the samples hold -3 .. 2 */

static vs_status open_bytes(const char *header, const void *data, size_t n_data, vs_error *err)
{
    static const char *dir;
    vs_safetensors *s = NULL;
    vs_status st;
    char *path;

    if (!dir) dir = vs_test_dir();
    write_safetensors(dir, "x.safetensors", header, data, n_data);
    path = path_in(dir, "x.safetensors");
    st = vs_safetensors_open(&s, path, err);
    CHECK((st == VS_OK) == (s != NULL));
    vs_safetensors_close(s);
    free(path);
    return st;
}

TEST(safetensors, agrees_with_the_reference_on_every_conformance_file)
{
    char folder[4096], path[8192], line[4096];
    size_t n_read = 0;
    FILE *fp;

    SKIP_WITHOUT_SHARED("safetensors/manifest.jsonl");
    snprintf(folder, sizeof folder, "%s", vs_test_shared("safetensors"));
    fp = fopen(vs_test_shared("safetensors/manifest.jsonl"), "r");
    CHECK(fp != NULL);
    while (fgets(line, sizeof line, fp)) {
        json_t *row = json_loads(line, 0, NULL);
        const char *expect = json_string_value(json_object_get(row, "expect"));
        vs_safetensors *s = NULL;
        vs_error err = {0};
        vs_status st;

        snprintf(path, sizeof path, "%s/%s", folder,
                 json_string_value(json_object_get(row, "file")));
        st = vs_safetensors_open(&s, path, &err);
        if ((st == VS_OK) != (strcmp(expect, "ok") == 0))
            fail_msg("%s: expected %s, found status %d %s", path, expect, (int)st, err.text);
        if (st != VS_OK) CHECK(strstr(err.text, path) != NULL);
        vs_safetensors_close(s);
        json_decref(row);
        n_read++;
    }
    fclose(fp);
    CHECK(n_read == 24);
}

TEST(safetensors, reads_the_values_of_float_samples_and_refuses_other_dtypes)
{
    static const struct {
        const char *file;
        bool is_read;
    } cases[] = {
        {"safetensors/valid/sample_F32.safetensors", true},
        {"safetensors/valid/sample_F16.safetensors", true},
        {"safetensors/valid/sample_F64.safetensors", false},
        {"safetensors/valid/sample_I8.safetensors", false},
    };

    SKIP_WITHOUT_SHARED("safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vs_safetensors *s = NULL;
        const vs_st_tensor *t;
        float x[N_SAMPLE];
        vs_error err = {0};

        CHECK_OK(vs_safetensors_open(&s, vs_test_shared(cases[i].file), &err));
        CHECK(vs_safetensors_count(s) == 1);
        t = vs_safetensors_at(s, 0);
        CHECK(t->n == N_SAMPLE && vs_safetensors_find(s, t->name) == t &&
              !vs_safetensors_find(s, "none"));
        if (cases[i].is_read) {
            CHECK_OK(vs_st_to_f32(x, t, cases[i].file, &err));
            for (int j = 0; j < N_SAMPLE; j++) CHECK(x[j] == (float)(j - 3));
        } else {
            CHECK(vs_st_to_f32(x, t, cases[i].file, &err) == VS_E_FORMAT);
            CHECK(strstr(err.text, t->dtype) != NULL);
        }
        vs_safetensors_close(s);
    }
}

TEST(safetensors, refuses_hostile_headers)
{
    static const struct {
        const char *header;
        size_t n_data;
        const char *says;
    } cases[] = {
        {"", 0, "header"},
        {"[]", 0, "found an array, expected an object"},
        {"{\"a\":3}", 0, "expected an object"},
        {"{\"a\":{}}", 0, "dtype"},
        {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "found F33"},
        {"{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "found an integer"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "the limit is 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,4]}}",
         4, "overflows"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
         "overflows"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, "not whole"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "found [4, 0]"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "expected 4 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "which has 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
         "a hole or an overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
         "the tensors need 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "a hole or an overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "duplicate"},
        {"{\"__metadata__\":{\"format\":1}}", 0, "expected a string"},
        {"{\"__metadata__\":[]}", 0, "__metadata__"},
        {"\xEF\xBB\xBF{}", 0, "byte order mark"},
        {"{} x", 0, "header"},
        {"{\"\xFF\":{}}", 0, "unable to decode"},
    };
    static const unsigned char zeros[16];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vs_error err = {0};
        const vs_status st = open_bytes(cases[i].header, zeros, cases[i].n_data, &err);

        if (st == VS_OK || !strstr(err.text, "x.safetensors") || !strstr(err.text, cases[i].says))
            fail_msg("%s: status %d, \"%s\"", cases[i].header, (int)st, err.text);
    }
}

TEST(safetensors, refuses_a_header_length_past_the_file_or_the_limit)
{
    static const struct {
        unsigned char length[8];
        size_t n_bytes;
        vs_status expected;
    } cases[] = {
        {{3}, 8 + 2, VS_E_FORMAT},
        {{0x01, 0xE1, 0xF5, 0x05}, 10, VS_E_LIMIT},  /* 100,000,001 */
        {{0x00, 0xE1, 0xF5, 0x05}, 10, VS_E_FORMAT}, /* 100,000,000, which the file does not have */
        {{255, 255, 255, 255, 255, 255, 255, 255}, 10, VS_E_LIMIT},
        {{2}, 7, VS_E_FORMAT},
    };
    const char *dir = vs_test_dir();
    char *path = path_in(dir, "x");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[10] = {0};
        vs_safetensors *s = NULL;
        vs_error err = {0};

        memcpy(bytes, cases[i].length, 8);
        memcpy(bytes + 8, "{}", 2);
        write_in(dir, "x", bytes, cases[i].n_bytes);
        CHECK(vs_safetensors_open(&s, path, &err) == cases[i].expected);
        CHECK(strstr(err.text, path) != NULL);
    }
    free(path);
}

TEST(safetensors, gives_tensors_in_file_order_with_empty_ones_first)
{
    static const char header[] =
        "{\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]},"
        "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[1,1]}}";
    static const char *const names[] = {"z", "e", "a"};
    const char *dir = vs_test_dir();
    char *path = path_in(dir, "x");
    vs_safetensors *s;
    vs_error err;

    write_safetensors(dir, "x", header, "abc", 3);
    CHECK_OK(vs_safetensors_open(&s, path, &err));
    CHECK(vs_safetensors_count(s) == 3);
    for (size_t i = 0; i < 3; i++) CHECK_STR(vs_safetensors_at(s, i)->name, names[i]);
    CHECK(vs_safetensors_find(s, "a")->data[1] == 'c');
    vs_safetensors_close(s);
    free(path);
}

/* The value of a binary16 by its definition. */
static double half_value(uint16_t h)
{
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    const double sign = h & 0x8000 ? -1.0 : 1.0;

    if (exponent == 31) return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

TEST(half, converts_every_f16_exactly)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        const double expected = half_value((uint16_t)h);
        const float found = vs_f32_of_f16((uint16_t)h);
        CHECK(isnan(expected) ? isnan(found)
                              : (double)found == expected && !signbit(found) == !signbit(expected));
    }
}

TEST(half, brings_every_bf16_back_through_f32)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float x = vs_f32_of_bf16((uint16_t)h);
        if (isnan(x))
            CHECK(isnan(vs_f32_of_bf16(vs_bf16_of_f32(x))));
        else
            CHECK(vs_bf16_of_f32(x) == h);
    }
}

TEST(half, rounds_f32_to_the_nearest_bf16_and_ties_to_even)
{
    static const struct {
        uint32_t f32;
        uint16_t bf16;
    } cases[] = {
        {0x3F800000, 0x3F80}, {0x3F807FFF, 0x3F80}, {0x3F808000, 0x3F80}, {0x3F808001, 0x3F81},
        {0x3F817FFF, 0x3F81}, {0x3F818000, 0x3F82}, {0xBF818000, 0xBF82}, {0x00000001, 0x0000},
        {0x00018000, 0x0002}, {0x7F7FFFFF, 0x7F80}, {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80},
        {0x7F800001, 0x7FC0}, {0xFFFFFFFF, 0xFFFF}, {0x80000000, 0x8000},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK(vs_bf16_of_f32(vs_f32_of_bits(cases[i].f32)) == cases[i].bf16);
}

static void make(vs_params *p)
{
    vs_error err;

    *p = (vs_params){0};
    CHECK_OK(vs_params_add(p, "m", 3, 5, false, &err));
    CHECK_OK(vs_params_add(p, "quote\"d", 1, 3, true, &err));
    CHECK_OK(vs_params_add(p, "big", 200, 301, false, &err));
    CHECK_OK(vs_params_alloc(p, &err));
    for (size_t i = 0; i < p->n_tensors; i++) {
        const vs_tensor *t = &p->tensors[i];
        for (size_t j = 0; j < t->rows * t->cols; j++)
            p->data[t->offset + j] = (float)j / 7.0f - (float)i;
    }
}

TEST(safetensors, reads_back_what_it_writes)
{
    static const vs_dtype dtypes[] = {VS_F32, VS_BF16};
    const char *dir = vs_test_dir();
    char *path = path_in(dir, "x.safetensors");
    vs_params p;

    make(&p);
    for (size_t k = 0; k < 2; k++) {
        vs_safetensors *s;
        vs_error err;

        CHECK_OK(vs_safetensors_write(path, &p, dtypes[k], &err));
        CHECK_OK(vs_safetensors_open(&s, path, &err));
        CHECK(vs_safetensors_count(s) == p.n_tensors);
        for (size_t i = 0; i < p.n_tensors; i++) {
            const vs_tensor *t = &p.tensors[i];
            const vs_st_tensor *found = vs_safetensors_at(s, i);
            float *x = malloc(found->n * sizeof *x);

            CHECK(x && found->n == t->rows * t->cols && found->n_dims == (t->is_vector ? 1 : 2));
            CHECK_STR(found->name, t->name);
            CHECK_STR(found->dtype, k ? "BF16" : "F32");
            CHECK_OK(vs_st_to_f32(x, found, path, &err));
            for (size_t j = 0; j < found->n; j++) {
                const float want = p.data[t->offset + j];
                CHECK(x[j] == (k ? vs_f32_of_bf16(vs_bf16_of_f32(want)) : want));
            }
            free(x);
        }
        vs_safetensors_close(s);
    }
    vs_params_close(&p);
    free(path);
}

TEST(safetensors, writes_the_bytes_of_the_published_layout)
{
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"v\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}";
    static const unsigned char data[4] = {0x80, 0x3F, 0x00, 0xC0}; /* 1, -2 */
    const char *dir = vs_test_dir();
    char *path = path_in(dir, "x"), *text;
    const size_t padded = (sizeof header - 1 + 7) / 8 * 8;
    vs_params p = {0};
    vs_error err;
    size_t len;

    CHECK_OK(vs_params_add(&p, "v", 1, 2, true, &err));
    CHECK_OK(vs_params_alloc(&p, &err));
    p.data[0] = 1.0f, p.data[1] = -2.0f;
    CHECK_OK(vs_safetensors_write(path, &p, VS_BF16, &err));
    CHECK_OK(vs_file_read(&text, &len, path, 1 << 16, &err));
    CHECK(len == 8 + padded + 4 && (unsigned char)text[0] == padded && text[1] == 0);
    CHECK(memcmp(text + 8, header, sizeof header - 1) == 0 &&
          memcmp(text + 8 + padded, data, 4) == 0);
    free(text);
    vs_params_close(&p);
    free(path);
}

TEST(safetensors, survives_failure_of_each_allocation)
{
    const char *dir = vs_test_dir();
    char *path = path_in(dir, "x.safetensors");
    vs_safetensors *s = NULL;
    vs_params p;
    vs_error err;
    vs_status st;

    make(&p);
    FAIL_EACH_ALLOCATION(st, st = vs_safetensors_write(path, &p, VS_F32, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_safetensors_open(&s, path, &err));
    CHECK(vs_safetensors_count(s) == 3);
    vs_safetensors_close(s);
    vs_params_close(&p);
    free(path);
}
