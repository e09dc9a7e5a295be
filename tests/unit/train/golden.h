/* golden.h - stories260K and its golden values, which an independent float64 implementation
 * computed. */
#ifndef VS_TEST_GOLDEN_H
#define VS_TEST_GOLDEN_H

#include "base/file.h"
#include "base/json.h"
#include "engine/model/group.h"
#include "vs_test.h"

#define STORIES "models/stories260K"

static inline vs_model *golden_model(void)
{
    vs_error err;
    vs_base *base = NULL;
    vs_model *m = NULL;

    CHECK_OK(vs_base_open(&base, vs_test_shared(STORIES), &err));
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
#endif
