/* recipe_yaml.h - YAML text into the keys of recipe_keys.h. Internal to recipe*.c. */
#ifndef VS_LOOP_RECIPE_YAML_H
#define VS_LOOP_RECIPE_YAML_H

#include "flow/loop/recipe_keys.h"

/* A whole document into *r, which holds defaults and is left half set by an error. */
VS_NODISCARD vs_status vs_recipe_yaml(vs_recipe *r, const char *text, size_t len, const char *where,
                                      vs_error *err);
/* The value of one key. */
VS_NODISCARD vs_status vs_key_set_yaml(void *record, const vs_key_ref *ref, const char *text,
                                       const char *where, vs_error *err);
#endif
