#include "flow/labels/code/code_lines.h"

#include <string.h>

#include "flow/labels/find.h"

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_triple(const char *s, size_t i, size_t end, char quote)
{
    return end - i >= 3 && s[i] == quote && s[i + 1] == quote && s[i + 2] == quote;
}

/* Past the rest of a string of one quotation mark; end: it is not closed there. */
static size_t past_string(code_state *state, const char *s, size_t i, size_t end, char quote)
{
    for (; i < end; i++) {
        if (s[i] == '\\')
            i++;
        else if (s[i] == quote)
            return i + 1;
    }
    state->is_cut = i == end; /* past it: a backslash joins the lines */
    return end;
}

void code_state_line(code_state *state, const char *s, size_t i, size_t end)
{
    state->is_joined = state->is_cut = false;
    while (i < end) {
        const char c = s[i];
        if (state->quote) {
            if (c == '\\')
                i += 2;
            else if (is_triple(s, i, end, state->quote))
                state->quote = 0, i += 3;
            else
                i++;
        } else if (c == '#') {
            return;
        } else if (c == '"' || c == '\'') {
            if (is_triple(s, i, end, c))
                state->quote = c, i += 3;
            else
                i = past_string(state, s, i + 1, end, c);
        } else {
            if (strchr("([{", c) && c) state->depth++;
            if (strchr(")]}", c) && c && state->depth) state->depth--;
            state->is_joined = c == '\\' && i + 1 >= end;
            i++;
        }
    }
}

bool code_state_is_clear(const code_state *state)
{
    return !state->quote && !state->depth && !state->is_joined;
}

/* -- prose -- */

static const char *const keywords[] = {
    "False",   "None",     "True",     "and",    "as",   "assert", "async",  "await",
    "break",   "class",    "continue", "def",    "del",  "elif",   "else",   "except",
    "finally", "for",      "from",     "global", "if",   "import", "in",     "is",
    "lambda",  "nonlocal", "not",      "or",     "pass", "raise",  "return", "try",
    "while",   "with",     "yield",    "match",  "case", "type",   "print",  "exec",
};

static bool is_keyword(const char *s, size_t begin, size_t end)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strlen(keywords[i]) == end - begin && memcmp(s + begin, keywords[i], end - begin) == 0)
            return true;
    return false;
}

static size_t name_end(const char *s, size_t i, size_t end)
{
    while (i < end && is_name_byte(s[i])) i++;
    return i;
}

/* "import this first", "from the tests", "class of problems": keywords of statements in prose. */
static bool is_bad_statement(const char *s, size_t i, size_t end)
{
    size_t n, next;

    if (find_here(s, i, end, "from ")) return find_text(s, i, end, " import") == end;
    n = find_here(s, i, end, "class ");
    if (!n) n = find_here(s, i, end, "import ");
    if (!n) return false;
    next = name_end(s, find_past_blanks(s, i + n, end), end);
    next = find_past_blanks(s, next, end);
    return next < end && is_name_byte(s[next]) && !find_here(s, next, end, "as ");
}

bool code_is_prose(const char *s, size_t i, size_t end)
{
    size_t first, next;
    char c;

    i = find_past_blanks(s, i, end);
    while (end > i && (s[end - 1] == '\r' || s[end - 1] == ' ')) end--;
    if (i == end || s[i] == '#' || s[i] == '@') return false;
    if (strchr("<>$\\|&^%!?=,;:)}/", s[i]) || find_here(s, i, end, "**") ||
        find_here(s, i, end, "[/"))
        return true;
    for (first = i; first < end && strchr("-*+ ", s[first]);) first++; /* a list's mark */
    next = name_end(s, first, end);
    if (next == first) return find_here(s, i, end, "* ") > 0;
    if (is_keyword(s, first, next)) return is_bad_statement(s, first, end);
    if (next == end) return first > i;
    c = s[next];
    if ((unsigned char)s[first] >= 0x80 && !memchr(s + next, '=', end - next)) return true;
    if (c == '\'' && next - first > 2) return true;                           /* Here's */
    if (c == '\'' && next - first == 1) return !strchr("rRbBuUfF", s[first]); /* I'm */
    if (c == '!') return next + 1 == end || s[next + 1] != '=';
    if (c == '.' || c == '?' || c == ':') {
        const size_t after = find_past_blanks(s, next + 1, end);
        if (after == end) return true;                 /* "Output:", "Done." */
        if (c != ':' && after > next + 1) return true; /* "1. First", "Done. It" */
        if (c == ':' && after > next + 1) return code_is_prose(s, after, end);
        return false;
    }
    first = find_past_blanks(s, next, end);
    if (first == next || first == end) return false;
    next = name_end(s, first, end);
    return next > first && !is_keyword(s, first, next);
}
