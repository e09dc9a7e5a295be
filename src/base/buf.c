#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Room for len more bytes and the NUL. */
static bool buf_reserve(vs_buf *b, size_t len)
{
    size_t allocated = b->data ? b->cap + 1 : 0;

    if (b->failed) return false;
    if (b->data && len <= b->cap - b->len) return true;
    if (len >= SIZE_MAX - b->len || !vs_grow(&b->data, &allocated, b->len + len + 1, 1)) {
        b->failed = true;
        return false;
    }
    b->cap = allocated - 1;
    return true;
}

void vs_buf_add(vs_buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len)) return;
    if (len) memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void vs_buf_str(vs_buf *b, const char *text)
{
    vs_buf_add(b, text, strlen(text));
}

void vs_buf_printf(vs_buf *b, const char *format, ...)
{
    va_list args, again;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len < 0) {
        b->failed = true;
    } else if (buf_reserve(b, (size_t)len)) {
        vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

/* Length in bytes of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7); 0 when there is
 * none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t len;

    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (len > left) return 0;
    if (s[0] == 0xE0) low = 0xA0;  /* overlong */
    if (s[0] == 0xED) high = 0x9F; /* surrogates */
    if (s[0] == 0xF0) low = 0x90;  /* overlong */
    if (s[0] == 0xF4) high = 0x8F; /* past U+10FFFF */
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xBF) return 0;
    return len;
}

void vs_buf_json_str(vs_buf *b, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n;

    vs_buf_str(b, "\"");
    for (size_t i = 0; i < len; i += n) {
        n = utf8_len(s + i, len - i);
        if (n == 0) {
            vs_buf_str(b, "\xEF\xBF\xBD");
            n = 1;
        } else if (s[i] == '"' || s[i] == '\\') {
            vs_buf_printf(b, "\\%c", s[i]);
        } else if (s[i] == '\n') {
            vs_buf_str(b, "\\n");
        } else if (s[i] == '\r') {
            vs_buf_str(b, "\\r");
        } else if (s[i] == '\t') {
            vs_buf_str(b, "\\t");
        } else if (s[i] < 0x20) {
            vs_buf_printf(b, "\\u%04x", (unsigned)s[i]);
        } else {
            vs_buf_add(b, s + i, n);
        }
    }
    vs_buf_str(b, "\"");
}

void vs_buf_html(vs_buf *b, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '&':
            vs_buf_str(b, "&amp;");
            break;
        case '<':
            vs_buf_str(b, "&lt;");
            break;
        case '>':
            vs_buf_str(b, "&gt;");
            break;
        case '"':
            vs_buf_str(b, "&quot;");
            break;
        case '\'':
            vs_buf_str(b, "&#39;");
            break;
        default:
            vs_buf_add(b, text + i, 1);
        }
    }
}

void vs_buf_clear(vs_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data) b->data[0] = '\0';
}

void vs_buf_free(vs_buf *b)
{
    free(b->data);
    *b = (vs_buf){0};
}

vs_status vs_buf_ok(const vs_buf *b, const char *what, vs_error *err)
{
    if (!b->failed) return VS_OK;
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory after %zu bytes", what, b->len);
}
