#include "engine/model/params.h"
#include "unit/model/folder_test.h"

static void make(vs_params *p)
{
    vs_error err;

    *p = (vs_params){0};
    CHECK_OK(vs_params_add(p, "a", 3, 7, false, &err));
    CHECK_OK(vs_params_add(p, "b", 1, 16, true, &err));
    CHECK_OK(vs_params_add(p, "c", 2, 1, false, &err));
}

TEST(params, cuts_one_block_at_multiples_of_16_elements)
{
    vs_error err;
    vs_params p;

    make(&p);
    CHECK_OK(vs_params_alloc(&p, &err));
    CHECK(p.n_tensors == 3 && p.n == 32 + 16 + 16 && p.n_model == 21 + 16 + 2);
    CHECK(p.tensors[0].offset == 0 && p.tensors[1].offset == 32 && p.tensors[2].offset == 48);
    CHECK((uintptr_t)p.data % 64 == 0);
    for (size_t i = 0; i < p.n; i++) CHECK(p.data[i] == 0.0f);
    CHECK(vs_params_find(&p, "b") == &p.tensors[1] && vs_params_find(&p, "d") == NULL);
    vs_params_close(&p);
    CHECK(!p.data && !p.tensors);
}

TEST(params, holds_more_tensors_than_the_table_began_with)
{
    vs_params p = {0};
    vs_error err;
    char name[VS_TENSOR_NAME];

    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        CHECK_OK(vs_params_add(&p, name, 1, i + 1, true, &err));
    }
    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        CHECK(vs_params_find(&p, name) == &p.tensors[i] && p.tensors[i].cols == i + 1);
    }
    vs_params_close(&p);
}

TEST(params, refuses_shapes_that_overflow_or_are_empty)
{
    static const size_t shapes[][2] = {
        {SIZE_MAX, 2},
        {(size_t)1 << 32, (size_t)1 << 32},
        {1, SIZE_MAX - 3},
        {(size_t)1 << 31, (size_t)1 << 31},
        {0, 4},
        {4, 0},
    };
    vs_params p = {0};
    vs_error err;

    CHECK_OK(vs_params_add(&p, "first", 1, 16, true, &err));
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        CHECK(vs_params_add(&p, "bad", shapes[i][0], shapes[i][1], false, &err) != VS_OK);
        CHECK(p.n_tensors == 1 && p.n == 16 && p.n_model == 16);
    }
    vs_params_close(&p);
}

TEST(params, refuses_a_name_one_past_the_limit)
{
    char name[VS_TENSOR_NAME + 1];
    vs_params p = {0};
    vs_error err;

    memset(name, 'x', sizeof name);
    name[VS_TENSOR_NAME] = '\0';
    CHECK(vs_params_add(&p, name, 1, 1, true, &err) == VS_E_LIMIT);
    name[VS_TENSOR_NAME - 1] = '\0';
    CHECK_OK(vs_params_add(&p, name, 1, 1, true, &err));
    vs_params_close(&p);
}

TEST(params, makes_a_like_table_with_the_same_offsets_and_zeros)
{
    vs_params p, like;
    vs_error err;

    make(&p);
    CHECK_OK(vs_params_alloc(&p, &err));
    p.data[0] = 5;
    CHECK_OK(vs_params_like(&like, &p, &err));
    CHECK(like.n == p.n && like.n_model == p.n_model && like.n_tensors == p.n_tensors);
    CHECK(memcmp(like.tensors, p.tensors, p.n_tensors * sizeof *p.tensors) == 0);
    for (size_t i = 0; i < like.n; i++) CHECK(like.data[i] == 0.0f);
    vs_params_close(&p);
    vs_params_close(&like);
}

TEST(params, hash_depends_on_every_name_shape_and_value_but_not_on_gaps)
{
    char first[VS_HASH_HEX], again[VS_HASH_HEX];
    vs_params p;
    vs_error err;

    make(&p);
    CHECK_OK(vs_params_alloc(&p, &err));
    CHECK_OK(vs_params_hash(first, &p, &err));
    p.data[25] = 1; /* in the gap behind a */
    CHECK_OK(vs_params_hash(again, &p, &err));
    CHECK_STR(first, again);
    p.data[49] = 1; /* c's last value */
    CHECK_OK(vs_params_hash(again, &p, &err));
    CHECK(strcmp(first, again) != 0);
    p.data[49] = 0;
    p.tensors[2].name[0] = 'd';
    CHECK_OK(vs_params_hash(again, &p, &err));
    CHECK(strcmp(first, again) != 0);
    p.tensors[2].name[0] = 'c';
    p.tensors[0].rows = 7, p.tensors[0].cols = 3;
    CHECK_OK(vs_params_hash(again, &p, &err));
    CHECK(strcmp(first, again) != 0);
    vs_params_close(&p);
}

TEST(params, hash_is_sha256_of_the_documented_bytes)
{
    unsigned char bytes[2 + 16 + 8] = {'a', 0, 1, 0, 0, 0, 0, 0, 0, 0, 2};
    char expected[VS_HASH_HEX], found[VS_HASH_HEX];
    const float values[2] = {1.5f, -2.0f};
    vs_params p = {0};
    vs_error err;

    CHECK_OK(vs_params_add(&p, "a", 1, 2, true, &err));
    CHECK_OK(vs_params_alloc(&p, &err));
    memcpy(p.data, values, sizeof values);
    memcpy(bytes + 18, values, sizeof values);
    vs_sha256_hex(expected, bytes, sizeof bytes);
    CHECK_OK(vs_params_hash(found, &p, &err));
    CHECK_STR(found, expected);
    vs_params_close(&p);
}

TEST(params, survives_failure_of_each_allocation)
{
    char hex[VS_HASH_HEX];
    vs_params p, like = {0};
    vs_error err;
    vs_status st;

    FAIL_EACH_ALLOCATION(st, p = (vs_params){0}; st = vs_params_add(&p, "a", 2, 3, false, &err);
                         if (st == VS_OK) st = vs_params_alloc(&p, &err);
                         if (st == VS_OK) st = vs_params_like(&like, &p, &err);
                         if (st == VS_OK) st = vs_params_hash(hex, &p, &err); vs_params_close(&p);
                         vs_params_close(&like));
}
