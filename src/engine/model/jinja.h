/* jinja.h - Jinja as transformers runs chat templates, over JSON values.
 *
 * Setting: jinja2's sandbox with immutable values, trim_blocks and lstrip_blocks, break and continue, tojson and raise_exception of
 *          transformers, {% generation %} printed as its body.
 * Left out, refused by name with the line: inheritance, include, import, and the filters for web pages and terminals.
 * Undefined: false, printed as nothing, empty to loops and `in`; anything else done to it is an error, as in jinja2.
 * Not exact: integers have 64 bits (more is an error); map and select do their work at once.
 * Trust:   none in the template: its size, nesting, steps, memory and output have limits. */
#ifndef VS_MODEL_JINJA_H
#define VS_MODEL_JINJA_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends what the template makes of the names in `context` (an object). A text "strftime_now" among them, "2025-07-31", is
 * the day that the function of that name formats; without it the function is undefined, since a prompt that holds today's date cannot
 * be repeated. where: what messages call the template. What raise_exception says is VS_E_INPUT. */
VS_NODISCARD vs_status vs_jinja_render(vs_buf *out, const char *text, size_t len,
                                       const json_t *context, const char *where, vs_error *err);
#endif
