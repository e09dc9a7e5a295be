/* metrics_json.h - graded samples in as JSON objects, curves out as one: the `metrics` command's
 * interface.
 *
 * In, one object per problem:
 *   {"id": "p1", "right": [0,1,true,..], "scores": [-3.2,..], "answers": ["18",null,..]}
 * id is a string or an integer; scores and answers are optional, but every object has them or none
 * has; all arrays are as long as right. Equal answers are equal strings; null does not vote. Other
 * keys are ignored. Out: {"problems": n, "curves": {"pass": [{"k","value","low","high"},..],
 * "best_of": .., "majority": .., "weighted": ..}} without the curves whose input is missing, and votes
 * without any answer. "error" beside value: the standard error of a point that was drawn in part. */
#ifndef VS_ANSWERS_METRICS_JSON_H
#define VS_ANSWERS_METRICS_JSON_H

#include <jansson.h>

#include "flow/answers/metrics.h"

typedef struct vs_metrics_set
    vs_metrics_set; /* the problems read so far; owns copies of their arrays */

VS_NODISCARD vs_status vs_metrics_set_open(vs_metrics_set **out, vs_error *err);
void vs_metrics_set_close(vs_metrics_set *set); /* NULL is allowed */

/* where: the message's prefix, "-:3". A refused object leaves the set as it was. */
VS_NODISCARD vs_status vs_metrics_add_json(vs_metrics_set *set, const json_t *obj,
                                           const char *where, vs_error *err);

/* ks and top as in vs_metrics_measure. The value is the caller's to json_decref. */
VS_NODISCARD vs_status vs_metrics_json(json_t **out, const vs_metrics_set *set, const size_t *ks,
                                       size_t n_ks, size_t top, vs_error *err);
#endif
