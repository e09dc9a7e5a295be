/* golden.h - stories260K and its golden values, which an independent float64 implementation
 * computed. */
#ifndef VS_TEST_GOLDEN_H
#define VS_TEST_GOLDEN_H

#include "base/file.h"
#include "base/json.h"
#include "engine/model/group.h"
#include "vs_test.h"

#define STORIES "models/stories260K"

/* f32 against float64, over some thirty products in a row with weights of size 1. */
#define PARITY_TOLERANCE     2e-4
#define PARITY_GRAD_RELATIVE 1e-3
/* Of the tensor's largest gradient: entries near 0 are differences of large terms. */
#define PARITY_GRAD_OF_LARGEST 1e-4

static inline vs_model *golden_model(void)
{
    vs_error err;
    vs_base *base = NULL;
    vs_model *m = NULL;

    CHECK_OK(vs_base_open_trainable(&base, vs_test_shared(STORIES), &err));
    CHECK_OK(vs_model_open(&m, base, NULL, &err));
    return m;
}

static inline void golden_close(vs_model *m)
{
    vs_base *base = m->base;

    vs_model_close(m);
    vs_base_close(base);
}

static inline json_t *golden_json(const char *relative)
{
    vs_error err;
    json_t *j = NULL;

    CHECK_OK(vs_json_read(&j, vs_test_shared(relative), &err));
    return j;
}

/* malloc'd ids of a JSON array */
static inline int32_t *golden_ids(const json_t *array, size_t *n)
{
    int32_t *ids;

    *n = json_array_size(array);
    ids = calloc(*n + 1, sizeof *ids);
    for (size_t i = 0; i < *n; i++) ids[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return ids;
}

/* Some entries of one tensor's gradient, as tools/parity/ writes them. */
static inline void golden_check_tensor(const char *model, const vs_params *grads, const json_t *g)
{
    const char *name = json_string_value(json_object_get(g, "tensor"));
    const vs_tensor *t = vs_params_find(grads, name);
    const double largest = json_number_value(json_object_get(g, "largest"));
    const json_t *entry;
    size_t i;

    if (!t) fail_msg("%s: no gradient of %s", model, name);
    json_array_foreach(json_object_get(g, "entries"), i, entry)
    {
        const size_t at = (size_t)json_integer_value(json_array_get(entry, 0));
        const double want = json_number_value(json_array_get(entry, 1));
        const double got = (double)grads->data[t->offset + at];

        if (!(fabs(got - want) <=
              PARITY_GRAD_RELATIVE * fabs(want) + PARITY_GRAD_OF_LARGEST * largest))
            fail_msg("%s: %s[%zu]: %.7g, expected %.7g", model, name, at, got, want);
    }
}
#endif
