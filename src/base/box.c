#include "base/box.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
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
        if (i < len && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z'))) return 0;
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

bool vs_box_last(size_t *begin, size_t *end, const char *s, size_t len)
{
    size_t n_closing = 0;   /* braces to the right that close something to the left */
    size_t closed_at = len; /* the last '{' seen that is closed; len: none */
    size_t open = 0;        /* argument of the last box that is not closed; 0: none */
    size_t bare = 0, to;    /* argument of the last box without braces; 0: none */

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
            if (!bare) bare = at;
        } else if (at == closed_at) {
            if (trim(begin, end, s, at + 1, closing_brace(s, at + 1))) return true;
        } else if (!open) {
            open = at + 1;
        }
    }
    if (bare) {
        for (to = bare; to < len && !is_space(s[to]) && s[to] != '$';) to++;
        if (trim(begin, end, s, bare, to)) return true;
    }
    for (to = open; open && to < len && s[to] != '\n';) to++;
    return open && trim(begin, end, s, open, to);
}
