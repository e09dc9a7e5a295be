/* suite.h - several systems over several seeds: what `vstar compare` runs.
 *
 * A suite is YAML:
 *   name:     the folder is runs/NAME
 *   recipe:   the recipe that every system starts from
 *   seeds:    [1, 2, 3]
 *   set:      settings for all systems, as after --set
 *   systems:  a list of {name, set, row}: settings that make the system, and the row of the run's
 *             results that is it ("V-STaR", "G_T", "G_T own likelihood"); row absent: its verifier's
 *   claims:   a list of {name, left, right, curve, right_curve, k, right_k}: left is above right;
 *             right_curve and right_k absent: as on the left
 * Systems with equal settings are one run.
 *
 * Ownership: vs_suite_free releases all. Errors name file and line. */
#ifndef VS_LOOP_SUITE_H
#define VS_LOOP_SUITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/answers/metrics.h"
#include "flow/loop/recipe.h"

enum { VS_SUITE_MAX = 64 }; /* systems, claims, seeds, settings of one system, ks of one claim */

typedef struct vs_suite_texts {
    char *item[VS_SUITE_MAX];
    size_t n;
} vs_suite_texts;

typedef struct vs_suite_system {
    char *name, *row; /* row NULL: the verifier's title */
    vs_suite_texts set;
    size_t line;
} vs_suite_system;

typedef struct vs_suite_ks {
    uint32_t item[VS_SUITE_MAX];
    size_t n;
} vs_suite_ks;

typedef struct vs_suite_claim {
    char *name;
    size_t left, right; /* systems */
    vs_curve left_curve, right_curve;
    vs_suite_ks k;
    uint32_t right_k; /* 0: the left one's */
} vs_suite_claim;

typedef struct vs_suite {
    char *name, *recipe;
    uint64_t seeds[VS_SUITE_MAX];
    size_t n_seeds;
    vs_suite_texts set;
    vs_suite_system system[VS_SUITE_MAX];
    size_t n_systems;
    vs_suite_claim claim[VS_SUITE_MAX];
    size_t n_claims;
} vs_suite;

VS_NODISCARD vs_status vs_suite_read(vs_suite **out, const char *path, vs_error *err);
void vs_suite_free(vs_suite *s); /* NULL is allowed */

/* The recipe of a system under a seed; vs_recipe_free. path: the suite's, for messages. */
VS_NODISCARD vs_status vs_suite_recipe(vs_recipe *out, const vs_suite *s, size_t system,
                                       uint64_t seed, const char *path, vs_error *err);
/* The row of results that the system is: its own or its verifier's title. */
const char *vs_suite_row(const vs_suite_system *system, const vs_recipe *r);
#endif
