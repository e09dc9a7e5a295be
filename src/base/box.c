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

enum { MAX_GAP = 64 };
typedef enum gap { GAP_NONE, GAP_LIST, GAP_SIGNS } gap;

/* Length of a name or word at s[i]. */
static size_t letters_at(const char *s, size_t i, size_t end)
{
    size_t n = 0;

    while (i + n < end && is_letter(s[i + n])) n++;
    return n;
}

static bool is_word(const char *s, size_t i, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(s + i, word, n) == 0;
}

/* The text between two boxes: "and", "or" and commas make them one list, beside names of one
 * letter; operators and relations alone make them one formula. */
static gap gap_of(const char *s, size_t begin, size_t end)
{
    static const char *const layout[] = {"quad", "qquad", "text", "textbf", "mbox", "mathrm"};
    bool has_join = false, has_name = false;
    size_t n_signs = 0;

    if (end - begin > MAX_GAP) return GAP_NONE;
    for (size_t i = begin; i < end; i++) {
        const bool is_command = s[i] == '\\' && i + 1 < end && is_letter(s[i + 1]);
        const size_t first = i + is_command, n = letters_at(s, first, end);
        bool is_layout = false;
        if (s[i] >= '0' && s[i] <= '9') return GAP_NONE;
        if (s[i] == '.' && i + 1 < end && is_space(s[i + 1])) return GAP_NONE;
        has_join |= s[i] == ',' || s[i] == ';' || s[i] == '&';
        n_signs += strchr("=+-*/<>^|", s[i]) || (unsigned char)s[i] >= 0xc0;
        if (!n) continue;
        i = first + n - 1;
        if (is_command) {
            for (size_t k = 0; k < sizeof layout / sizeof *layout; k++)
                is_layout |= is_word(s, first, n, layout[k]);
            n_signs += !is_layout;
        } else if (is_word(s, first, n, "and") || is_word(s, first, n, "or")) {
            has_join = true;
        } else if (n > 1 && !is_word(s, first, n, "for") && !is_word(s, first, n, "part")) {
            return GAP_NONE;
        } else {
            has_name = true;
        }
    }
    if (has_join) return GAP_LIST;
    if (n_signs == 0 || has_name || memchr(s + begin, '\n', end - begin)) return GAP_NONE;
    return n_signs == 1 ? GAP_SIGNS : GAP_LIST; /* "+++" only parts them */
}

static bool same_bytes(const char *s, vs_box a, vs_box b)
{
    return a.end - a.begin == b.end - b.begin &&
           memcmp(s + a.begin, s + b.begin, a.end - a.begin) == 0;
}

/* Behind the brace that closes a box's argument; a part that is a formula already ends there. */
static size_t formula_end(const char *s, vs_box part, size_t command, size_t len)
{
    size_t i = part.end;

    if (part.begin == command) return part.end;
    while (i < len && s[i] != '}') i++;
    return i + (i < len);
}

bool vs_box_joins(const char *s, size_t begin, size_t end)
{
    return gap_of(s, begin, end) == GAP_LIST;
}

size_t vs_box_answer(vs_box out[VS_BOX_PARTS], const char *s, size_t len)
{
    size_t begin, end, start = 0, limit = len, n = 0;

    while (n < VS_BOX_PARTS && find_last(&start, &begin, &end, s, limit)) {
        size_t after = end;
        while (after < limit && s[after] != '}') after++;
        const gap g = n && after < limit ? gap_of(s, after + 1, limit) : GAP_NONE;
        if (n && g == GAP_NONE) break;
        if (g == GAP_SIGNS) { /* the part that begins at limit begins at this box's command now */
            if (n == 1 && same_bytes(s, (vs_box){begin, end}, out[0])) break;
            out[n - 1] = (vs_box){start, formula_end(s, out[n - 1], limit, len)};
            limit = start;
            continue;
        }
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
