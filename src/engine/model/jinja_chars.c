/* jinja_chars.c - characters of UTF-8 texts, with the classes and cases that Python gives them (by utf8proc). */
#include <string.h>

#include <utf8proc.h>

#include "engine/model/jinja_value.h"

size_t jinja_char_code(int32_t *c, const char *text, size_t len)
{
    const utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, c);

    if (n > 0) return (size_t)n;
    *c = (unsigned char)*text;
    return 1;
}

int64_t jinja_chars(const char *text, size_t len)
{
    int64_t chars = 0;

    for (size_t i = 0; i < len; i += jinja_char_len(text + i, len - i)) chars++;
    return chars;
}

size_t jinja_char_len(const char *text, size_t len)
{
    int32_t c;

    return jinja_char_code(&c, text, len);
}

size_t jinja_char_at(const char *text, size_t len, int64_t i)
{
    size_t at = 0;

    while (at < len && i-- > 0) at += jinja_char_len(text + at, len - at);
    return at;
}

/* As str.isspace. */
static bool is_space(int32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

size_t jinja_space_len(const char *text, size_t len)
{
    int32_t c;
    const size_t n = len ? jinja_char_code(&c, text, len) : 0;

    return n && is_space(c) ? n : 0;
}

void jinja_add_char(vs_buf *out, int32_t c)
{
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);

    if (n > 0) vs_buf_add(out, bytes, (size_t)n);
}

bool jinja_is_printable(int32_t c)
{
    const utf8proc_category_t k = utf8proc_category(c);

    return c == ' ' || (k != UTF8PROC_CATEGORY_CN && k < UTF8PROC_CATEGORY_ZS);
}

/* Letters that one character cannot hold in the other case, and the sigma that depends on its place (Unicode, SpecialCasing.txt). */
static bool is_special(int32_t c, bool is_lower)
{
    if (is_lower) return c == 0x130 || c == 0x3A3;
    return c == 0x149 || c == 0x1F0 || c == 0x390 || c == 0x3B0 || c == 0x587 ||
           (c >= 0x1E96 && c <= 0x1E9A) || (c >= 0x1F50 && c <= 0x1FFC) ||
           (c >= 0xFB00 && c <= 0xFB17);
}

static bool is_cased(int32_t c)
{
    const utf8proc_category_t k = utf8proc_category(c);

    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

/* Whether a new word begins after c. */
static bool ends_word(int32_t c, jinja_case how)
{
    if (how == CASE_TITLE) return !is_cased(c);
    return how == CASE_WORDS &&
           (is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<');
}

vs_status jinja_change_case(jinja *j, jinja_value *out, jinja_value text, jinja_case how,
                            vs_error *err)
{
    vs_buf made = {0};
    bool is_first = true;

    for (size_t i = 0, n; i < text.len; i += n) {
        int32_t c;
        n = jinja_char_code(&c, text.text + i, text.len - i);
        const bool is_lower = how == CASE_LOWER || (how != CASE_UPPER && !is_first);

        if (is_special(c, is_lower)) {
            vs_buf_free(&made);
            return jinja_fail(j, err, "the case of U+%04X is not supported", (unsigned)c);
        }
        if (c == 0xDF && !is_lower)
            vs_buf_str(&made, how == CASE_UPPER || how == CASE_WORDS ? "SS" : "Ss");
        else if (c >= 0x80 && n == 1)
            vs_buf_add(&made, text.text + i, 1);
        else
            jinja_add_char(&made, is_lower                                 ? utf8proc_tolower(c)
                                  : how == CASE_UPPER || how == CASE_WORDS ? utf8proc_toupper(c)
                                                                           : utf8proc_totitle(c));
        is_first = ends_word(c, how);
    }
    return jinja_take(j, out, &made, err);
}

bool jinja_has_case(jinja_value text, bool upper)
{
    bool found = false;

    for (size_t i = 0, n; i < text.len; i += n) {
        int32_t c;
        n = jinja_char_code(&c, text.text + i, text.len - i);
        const utf8proc_category_t k = utf8proc_category(c);
        if (k == UTF8PROC_CATEGORY_LT || k == (upper ? UTF8PROC_CATEGORY_LL : UTF8PROC_CATEGORY_LU))
            return false;
        found |= k == (upper ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL);
    }
    return found;
}

bool jinja_is_all(jinja_value text, char what)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        int32_t c;
        n = jinja_char_code(&c, text.text + i, text.len - i);
        const utf8proc_category_t k = utf8proc_category(c);
        const bool is_letter = k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
        const bool is_number = k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;

        if (what == 'a' && !is_letter) return false;
        if (what == 'n' && !is_letter && !is_number) return false;
        if (what == 'd' && k != UTF8PROC_CATEGORY_ND) return false;
        if (what == 's' && !is_space(c)) return false;
    }
    return text.len > 0;
}
