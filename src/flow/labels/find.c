#include "flow/labels/find.h"

#include <string.h>

size_t find_text(const char *s, size_t i, size_t len, const char *word)
{
    const char *at = i < len ? memmem(s + i, len - i, word, strlen(word)) : NULL;

    return at ? (size_t)(at - s) : len;
}

size_t find_line_end(const char *s, size_t i, size_t len)
{
    const char *at = i < len ? memchr(s + i, '\n', len - i) : NULL;

    return at ? (size_t)(at - s) : len;
}

size_t find_sentence_end(const char *s, size_t i, size_t len)
{
    for (; i < len && s[i] != '\n'; i++)
        if (s[i] == '.' && (i + 1 == len || s[i + 1] == ' ' || s[i + 1] == '\n')) return i;
    return i;
}

size_t find_past_blanks(const char *s, size_t i, size_t len)
{
    while (i < len && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r')) i++;
    return i;
}

size_t find_fold(const char *s, size_t i, size_t len, const char *lower)
{
    size_t n = 0;

    for (; lower[n]; n++) {
        if (i + n >= len) return 0;
        if ((s[i + n] >= 'A' && s[i + n] <= 'Z' ? s[i + n] - 'A' + 'a' : s[i + n]) != lower[n])
            return 0;
    }
    return n;
}

size_t find_statement(size_t *after, const char *s, size_t i, size_t len)
{
    for (; i < len; i++) {
        size_t n = find_fold(s, i, len, "answer is");
        if (!n) n = find_fold(s, i, len, "answer:");
        if (!n) continue;
        *after = i + n;
        return i;
    }
    return len;
}

size_t find_run_on(const char *s, size_t len)
{
    size_t ignored, at = find_text(s, 0, len, "####");
    const size_t statement = find_statement(&ignored, s, 0, len);

    if (statement < at) at = statement;
    for (at = find_line_end(s, at, len); at < len; at = find_line_end(s, at + 1, len)) {
        const size_t first = find_past_blanks(s, at + 1, len);
        if (len - first >= 9 && memcmp(s + first, "Question:", 9) == 0) return at;
        if (len - first >= 2 && memcmp(s + first, "Q:", 2) == 0) return at;
    }
    return len;
}
