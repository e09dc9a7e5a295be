/* fuzz_metrics.c - any bytes as JSON Lines of graded samples: each line refused by its place or
 * taken, and curves of what was taken lie between 0 and 1. */
#include <string.h>

#include "base/json.h"
#include "flow/answers/metrics_json.h"
#include "fuzz_folder.h"

static void check_share(const json_t *point, const char *key)
{
    const double x = json_number_value(json_object_get(point, key));

    if (!(x >= -1e-9 && x <= 1.0 + 1e-9)) __builtin_trap(); /* the library's rounding */
}

static void check_curves(const vs_metrics_set *set, vs_error *err)
{
    json_t *out = NULL, *curve, *point;
    const char *name;
    size_t i;

    if (vs_metrics_json(&out, set, NULL, 0, 3, err) != VS_OK) return; /* no problems */
    json_object_foreach(json_object_get(out, "curves"), name, curve)
    {
        json_array_foreach(curve, i, point)
        {
            check_share(point, "value");
            check_share(point, "low");
            check_share(point, "high");
        }
    }
    json_decref(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vs_metrics_set *set = NULL;
    vs_jsonl *rows = NULL;
    json_t *row = NULL;
    vs_error err = {0};
    char path[128];

    fuzz_folder_put("rows.jsonl", data, size);
    snprintf(path, sizeof path, "%s/rows.jsonl", fuzz_folder_open());
    if (vs_metrics_set_open(&set, &err) != VS_OK || vs_jsonl_open(&rows, path, &err) != VS_OK)
        abort();
    while (vs_jsonl_next(rows, &row, &err) == VS_OK && row) {
        if (vs_metrics_add_json(set, row, vs_jsonl_where(rows), &err) != VS_OK &&
            !strstr(err.text, "rows.jsonl:"))
            __builtin_trap();
        json_decref(row);
        row = NULL;
    }
    check_curves(set, &err);
    vs_jsonl_close(rows);
    vs_metrics_set_close(set);
    return 0;
}
