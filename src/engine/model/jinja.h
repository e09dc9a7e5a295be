/* jinja.h - the part of Jinja that chat templates use, run over JSON values.
 *
 * Known:   {{ }}, {% if for set %}, {# #}, whitespace control as transformers sets it (trim_blocks, lstrip_blocks);
 *          or and not, comparisons, in, + - * // % ~, a if b else c, indexing, slices, attributes; the filters, tests,
 *          methods and functions that jinja.c lists. Anything else is refused by name, with its line.
 * Values:  jansson's; a name or member that does not exist is undefined: false, printed as nothing.
 * Trust:   none in the template: its size, nesting, steps and output have limits. */
#ifndef VS_MODEL_JINJA_H
#define VS_MODEL_JINJA_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends what the template makes of the names in `context` (an object). where: what messages call the template. What
 * raise_exception says is VS_E_INPUT. */
VS_NODISCARD vs_status vs_jinja_render(vs_buf *out, const char *text, size_t len,
                                       const json_t *context, const char *where, vs_error *err);
#endif
