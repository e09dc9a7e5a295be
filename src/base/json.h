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
/* A line of JSON Lines, which holds what models wrote: its strings may hold U+0000 (written \u0000), so that their
 * length counts, not their NUL. No key may. */
VS_NODISCARD vs_status vs_json_parse_line(json_t **out, const char *text, size_t len,
                                          const char *name, vs_error *err);
/* Halves of surrogate pairs that stand alone (a text cut inside of a character) become U+FFFD, in place, as in
 * every encoder to UTF-8 that does not fail. Unmended they are refused: no UTF-8 text has them, and U+FFFD is
 * another text, which may be looked through for an answer, but not scored, continued or trained on in its place. */
void vs_json_mend(char *text, size_t len);
VS_NODISCARD vs_status vs_json_read(json_t **out, const char *path, vs_error *err);

/* Typed members of an object. `where` is the message's prefix (file or file:line). A missing key
 * is an error for vs_json_get_*, and leaves *out untouched for vs_json_opt_*; null counts as missing.
 * A string with U+0000 is refused, since its reader would see its beginning alone. */
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
bool vs_json_has_nul(const json_t *string);
/* "an object", "a string", .. for messages. */
const char *vs_json_kind(const json_t *value);

/* JSON Lines, one value a line; blank lines are skipped; CR LF is accepted. A path that ends in .gz is
 * decompressed. A line is read as vs_json_parse_line does. After VS_E_FORMAT and VS_E_LIMIT the next line can be read. */
typedef struct vs_jsonl vs_jsonl;
VS_NODISCARD vs_status vs_jsonl_open(vs_jsonl **out, const char *path,
                                     vs_error *err); /* "-": stdin */
void vs_jsonl_close(vs_jsonl *r);                    /* NULL is allowed */
void vs_jsonl_mend(vs_jsonl *r);                     /* later lines pass through vs_json_mend */
/* *out NULL at the end. The value is the caller's to json_decref. */
VS_NODISCARD vs_status vs_jsonl_next(vs_jsonl *r, json_t **out, vs_error *err);
const char *vs_jsonl_where(const vs_jsonl *r); /* "path:line" of the last value; valid until next */
#endif
