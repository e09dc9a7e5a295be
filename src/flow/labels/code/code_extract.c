#include "flow/labels/code/code_extract.h"

#include <string.h>

#include "flow/labels/find.h"

static bool starts(const char *s, size_t i, size_t len, const char *text)
{
    const size_t n = strlen(text);

    return len - i >= n && memcmp(s + i, text, n) == 0;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* "def NAME" and its kin at s[i]. */
static bool defines_here(const char *s, size_t i, size_t len, const char *entry)
{
    static const char *const words[] = {"def ", "async def ", "class "};
    const size_t n = strlen(entry);

    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        if (!starts(s, i, len, words[k])) continue;
        const size_t at = find_past_blanks(s, i + strlen(words[k]), len);
        if (starts(s, at, len, entry) && (at + n == len || !is_name_byte(s[at + n]))) return true;
    }
    return false;
}

/* Each line of s[0..len) in turn: *i is its first byte; false after the last. */
static bool next_line(const char *s, size_t *i, size_t len)
{
    *i = find_line_end(s, *i, len) + 1;
    return *i < len;
}

bool code_defines(size_t *at, const char *s, size_t len, const char *entry)
{
    size_t i = 0;

    if (len == 0) return false;
    do
        if (defines_here(s, i, len, entry)) {
            *at = i;
            return true;
        }
    while (next_line(s, &i, len));
    return false;
}

/* Whether a line begins a definition of anything. */
static bool defines_something(const char *s, size_t len)
{
    size_t i = 0;

    if (len == 0) return false;
    do
        if (starts(s, i, len, "def ") || starts(s, i, len, "class ") ||
            starts(s, i, len, "async def "))
            return true;
    while (next_line(s, &i, len));
    return false;
}

/* -- fences -- */

typedef struct block {
    size_t begin, end;
} block;

/* The next fenced block from s[*i] on; *i moves behind it. A fence may stand behind blanks. */
static bool next_block(block *out, const char *s, size_t *i, size_t len)
{
    for (; *i < len; *i = find_line_end(s, *i, len) + 1) {
        size_t at = find_past_blanks(s, *i, len);
        if (!starts(s, at, len, "```")) continue;
        out->begin = find_line_end(s, at, len) + 1; /* the language's name is on the fence's line */
        if (out->begin > len) out->begin = len;
        for (*i = out->begin; *i < len; *i = find_line_end(s, *i, len) + 1) {
            at = find_past_blanks(s, *i, len);
            if (!starts(s, at, len, "```")) continue;
            out->end = *i;
            *i = find_line_end(s, at, len) + 1;
            return true;
        }
        out->end = len;
        return true;
    }
    return false;
}

static void take(code_extract *out, const char *rule, const char *s, size_t begin, size_t end)
{
    out->rule = rule;
    out->begin = begin;
    out->end = end;
    vs_buf_add(&out->text, s + begin, end - begin);
}

static void take_blocks(code_extract *out, const char *s, size_t len, block first)
{
    block b = {0, 0};
    size_t i = 0;

    out->rule = "fences";
    out->begin = first.begin;
    while (next_block(&b, s, &i, len)) {
        vs_buf_add(&out->text, s + b.begin, b.end - b.begin);
        vs_buf_str(&out->text, "\n");
        out->end = b.end;
    }
}

static bool take_fenced(code_extract *out, const char *s, size_t len, const char *entry)
{
    block first = {0, 0}, b = {0, 0}, last = {0, 0};
    size_t i = 0, n = 0, at;
    bool is_found = false;

    while (next_block(&b, s, &i, len)) {
        if (n++ == 0) first = b;
        last = b;
        if (!is_found && code_defines(&at, s + b.begin, b.end - b.begin, entry)) {
            is_found = true;
            if (n == 1) break;
            first = defines_something(s + first.begin, first.end - first.begin) ? b : first;
            if (first.begin == b.begin) break;
        }
    }
    if (n == 0) return false;
    if (!is_found)
        take(out, "fence", s, last.begin, last.end);
    else if (first.begin == b.begin || n == 1)
        take(out, "fence", s, b.begin, b.end);
    else
        take_blocks(out, s, len, first);
    return true;
}

/* -- bare text -- */

/* "NAME =", but not "NAME ==". */
static bool assigns(const char *s, size_t i, size_t len)
{
    const size_t first = i;

    while (i < len && is_name_byte(s[i])) i++;
    if (i == first || (s[first] >= '0' && s[first] <= '9')) return false;
    i = find_past_blanks(s, i, len);
    return i + 1 < len && s[i] == '=' && s[i + 1] != '=';
}

static bool begins_code(const char *s, size_t i, size_t len)
{
    static const char *const words[] = {"def ", "class ", "import ", "from ", "async def ", "@"};

    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (starts(s, i, len, words[k])) return true;
    return assigns(s, i, len);
}

/* The first line with something on it is indented. */
static bool is_body(const char *s, size_t len)
{
    size_t i = 0;

    if (len == 0) return false;
    do {
        const size_t first = find_past_blanks(s, i, len);
        if (first < len && s[first] != '\n') return first > i;
    } while (next_line(s, &i, len));
    return false;
}

void code_extract_from(code_extract *out, const char *s, size_t len, const char *entry)
{
    size_t i = 0;

    *out = (code_extract){.rule = "all"};
    vs_buf_str(&out->text, "");
    if (take_fenced(out, s, len, entry)) return;
    if (is_body(s, len)) {
        take(out, "body", s, 0, len);
        return;
    }
    if (len) do
            if (begins_code(s, i, len)) {
                take(out, "code", s, i, len);
                return;
            }
        while (next_line(s, &i, len));
    take(out, "all", s, 0, len);
}
