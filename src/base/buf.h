/* buf.h - a growable byte string. Zeroed is valid and empty; vs_buf_free releases it.
 *
 * Appends never fail at the call: running out of memory sets `failed`, which is checked once at the
 * end (vs_buf_ok). data is always NUL-terminated after the first append. */
#ifndef VS_BASE_BUF_H
#define VS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct vs_buf {
    char *data;
    size_t len, cap; /* bytes, without the NUL */
    bool failed;
} vs_buf;

void vs_buf_add(vs_buf *b, const void *bytes, size_t len);
void vs_buf_str(vs_buf *b, const char *text);
void vs_buf_printf(vs_buf *b, const char *format, ...) VS_PRINTF(2, 3);
void vs_buf_json_str(vs_buf *b, const char *text,
                     size_t len); /* quoted JSON string; bad UTF-8 becomes U+FFFD */
void vs_buf_html(vs_buf *b, const char *text, size_t len); /* & < > " ' escaped */
void vs_buf_clear(vs_buf *b);                              /* keeps the memory */
void vs_buf_free(vs_buf *b);
VS_NODISCARD vs_status vs_buf_ok(const vs_buf *b, const char *what, vs_error *err);
#endif
