/* json.h - jansson with errors that name file, line and key.
 *
 * Limits: documents and lines up to VS_JSON_MAX_BYTES, nesting by jansson's own limit (2,048). */
#ifndef VS_BASE_JSON_H
#define VS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/error.h"

enum { VS_JSON_MAX_BYTES = 1 << 28 };

/* name: what messages call the input ("config.json", "-", "data.jsonl:12"). Duplicate keys are refused. */
VS_NODISCARD vs_status vs_json_parse(json_t **out, const char *text, size_t len, const char *name,
                                     vs_error *err);
VS_NODISCARD vs_status vs_json_read(json_t **out, const char *path, vs_error *err);

/* Typed members of an object. `where` is the message's prefix (file or file:line). A missing key
 * is an error for vs_json_get_*, and leaves *out untouched for vs_json_opt_*; null counts as missing. */
VS_NODISCARD vs_status vs_json_get_str(const char **out, const json_t *obj, const char *key,
                                       const char *where, vs_error *err);
VS_NODISCARD vs_status vs_json_opt_str(const char **out, const json_t *obj, const char *key,
                                       const char *where, vs_error *err);
VS_NODISCARD vs_status vs_json_get_size(size_t *out, const json_t *obj, const char *key, size_t min,
                                        size_t max, const char *where, vs_error *err);
VS_NODISCARD vs_status vs_json_opt_size(size_t *out, const json_t *obj, const char *key, size_t min,
                                        size_t max, const char *where, vs_error *err);
VS_NODISCARD vs_status vs_json_get_num(double *out, const json_t *obj, const char *key,
                                       const char *where, vs_error *err);
VS_NODISCARD vs_status vs_json_opt_num(double *out, const json_t *obj, const char *key,
                                       const char *where, vs_error *err);
VS_NODISCARD vs_status vs_json_opt_bool(bool *out, const json_t *obj, const char *key,
                                        const char *where, vs_error *err);
/* "an object", "a string", .. for messages. */
const char *vs_json_kind(const json_t *value);

/* JSON Lines, one value a line; blank lines are skipped; CR LF is accepted. A path that ends in .gz is
 * decompressed. */
typedef struct vs_jsonl vs_jsonl;
VS_NODISCARD vs_status vs_jsonl_open(vs_jsonl **out, const char *path,
                                     vs_error *err); /* "-": stdin */
void vs_jsonl_close(vs_jsonl *r);                    /* NULL is allowed */
/* *out NULL at the end. The value is the caller's to json_decref. */
VS_NODISCARD vs_status vs_jsonl_next(vs_jsonl *r, json_t **out, vs_error *err);
const char *vs_jsonl_where(const vs_jsonl *r); /* "path:line" of the last value; valid until next */
#endif
