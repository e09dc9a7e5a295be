#include "base/box.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether an odd number of backslashes stands before s[i]. */
static bool is_escaped(const char *s, size_t i)
{
    size_t n = 0;

    while (n < i && s[i - n - 1] == '\\') n++;
    return n % 2 == 1;
}

/* The first byte after "\boxed" or "\fbox" and blanks, when one begins at s[i]; else 0. */
static size_t after_command(const char *s, size_t i, size_t len)
{
    static const char *const names[] = {"\\boxed", "\\fbox"};

    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const size_t n = strlen(names[k]);
        if (len - i < n || memcmp(s + i, names[k], n) != 0) continue;
        i += n;
        if (i < len && is_letter(s[i])) return 0;
        while (i < len && is_space(s[i])) i++;
        return i;
    }
    return 0;
}

/* The brace that closes the one before s[i]; the caller knows that there is one. */
static size_t closing_brace(const char *s, size_t i)
{
    for (size_t depth = 1;; i++) {
        if (s[i] == '{' && !is_escaped(s, i)) depth++;
        if (s[i] == '}' && !is_escaped(s, i) && --depth == 0) return i;
    }
}

static bool trim(size_t *begin, size_t *end, const char *s, size_t from, size_t to)
{
    while (from < to && is_space(s[from])) from++;
    while (to > from && is_space(s[to - 1])) to--;
    if (from == to) return false;
    *begin = from;
    *end = to;
    return true;
}

/* A box whose argument begins at `at`; at 0: none. */
typedef struct found {
    size_t start, at;
} found;

static bool find_last(size_t *start, size_t *begin, size_t *end, const char *s, size_t len)
{
    size_t n_closing = 0;   /* braces to the right that close something to the left */
    size_t closed_at = len; /* the last '{' seen that is closed; len: none */
    found open = {0, 0};    /* the last box that is not closed */
    found bare = {0, 0};    /* the last box without braces */
    size_t to;

    for (size_t i = len; i-- > 0;) {
        if ((s[i] == '{' || s[i] == '}') && !is_escaped(s, i)) {
            if (s[i] == '}') n_closing++;
            closed_at = s[i] == '{' && n_closing ? i : closed_at;
            if (s[i] == '{' && n_closing) n_closing--;
        }
        if (s[i] != '\\') continue;
        const size_t at = after_command(s, i, len);
        if (at == 0 || at >= len) continue;
        if (s[at] != '{') {
            if (!bare.at) bare = (found){i, at};
        } else if (at == closed_at) {
            *start = i;
            if (trim(begin, end, s, at + 1, closing_brace(s, at + 1))) return true;
        } else if (!open.at) {
            open = (found){i, at + 1};
        }
    }
    *start = bare.start;
    for (to = bare.at; bare.at && to < len && !is_space(s[to]) && s[to] != '$';) to++;
    if (bare.at && trim(begin, end, s, bare.at, to)) return true;
    *start = open.start;
    for (to = open.at; open.at && to < len && s[to] != '\n';) to++;
    return open.at && trim(begin, end, s, open.at, to);
}

bool vs_box_last(size_t *begin, size_t *end, const char *s, size_t len)
{
    size_t start;

    return find_last(&start, begin, end, s, len);
}

/* -- several boxes -- */

enum { MAX_GAP = 64, MAX_GAP_WORDS = 5 };

/* Whether what stands between two boxes makes them one list: "and", "or", a comma and few words, or
 * nothing but signs on one line. */
static bool is_join(const char *s, size_t begin, size_t end)
{
    size_t n_words = 0;
    bool has_word = false, has_comma = false;

    if (end - begin > MAX_GAP) return false;
    for (size_t i = begin; i < end; i++) {
        const size_t first = i;
        if (s[i] >= '0' && s[i] <= '9') return false;
        if (s[i] == '.' && i + 1 < end && (s[i + 1] == ' ' || s[i + 1] == '\n')) return false;
        has_comma |= s[i] == ',' || s[i] == ';';
        if (!is_letter(s[i])) continue;
        while (i + 1 < end && is_letter(s[i + 1])) i++;
        if (first > begin && s[first - 1] == '\\') continue; /* a command */
        n_words++;
        has_word |= (i + 1 - first == 3 && memcmp(s + first, "and", 3) == 0) ||
                    (i + 1 - first == 2 && memcmp(s + first, "or", 2) == 0);
    }
    if (n_words == 0) return !memchr(s + begin, '\n', end - begin);
    return has_word ? n_words <= MAX_GAP_WORDS : has_comma && n_words <= 1;
}

static bool same_bytes(const char *s, vs_box a, vs_box b)
{
    return a.end - a.begin == b.end - b.begin &&
           memcmp(s + a.begin, s + b.begin, a.end - a.begin) == 0;
}

size_t vs_box_answer(vs_box out[VS_BOX_PARTS], const char *s, size_t len)
{
    size_t begin, end, start = 0, limit = len, n = 0;

    while (n < VS_BOX_PARTS && find_last(&start, &begin, &end, s, limit)) {
        size_t after = end;
        while (after < limit && s[after] != '}') after++;
        if (n && (after >= limit || !is_join(s, after + 1, limit))) break;
        out[n++] = (vs_box){begin, end};
        limit = start;
        if (n > 1 && same_bytes(s, out[n - 1], out[n - 2])) n--;
    }
    for (size_t i = 0; i < n / 2; i++) {
        const vs_box t = out[i];
        out[i] = out[n - 1 - i];
        out[n - 1 - i] = t;
    }
    return n;
}
