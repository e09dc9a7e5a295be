/* jinja_lex.c - a template into tokens. Whitespace control (jinja2, lexer.py): "-" takes all white
 * space on its side; else a block tag or a comment takes the line's indentation before it
 * (lstrip_blocks) and one line break after it (trim_blocks); the template's very last line break is
 * dropped. */
#include <string.h>

#include "base/mem.h"
#include "engine/model/jinja_impl.h"

typedef struct lexer {
    jinja_tokens *tokens;
    const char *text, *where;
    size_t len, at, line;
    bool at_line_start; /* the text from `at` on begins a line, as far as the tag before it says */
    bool strip_left;    /* the tag before it ended in "-" */
} lexer;

static vs_status add(lexer *x, jinja_kind kind, const char *text, size_t len, vs_error *err)
{
    jinja_tokens *t = x->tokens;

    if (t->n >= JINJA_MAX_TOKENS)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: more than %d tokens", x->where, x->line,
                       (int)JINJA_MAX_TOKENS);
    if (!vs_grow(&t->item, &t->cap, t->n + 1, sizeof *t->item))
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", x->where);
    t->item[t->n++] = (jinja_token){kind, text, len, x->line};
    return VS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void advance(lexer *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x->line += x->text[x->at + i] == '\n';
    x->at += n;
}

/* The next "{{", "{%" or "{#"; len when there is none. */
static size_t find_tag(const lexer *x)
{
    for (size_t i = x->at; i + 1 < x->len; i++)
        if (x->text[i] == '{' && strchr("{%#", x->text[i + 1])) return i;
    return x->len;
}

/* The text up to the tag at `end`, less what the tags on both sides take. */
static vs_status lex_text(lexer *x, size_t end, vs_error *err)
{
    const bool is_tag = end < x->len;
    const char control = end + 2 < x->len ? x->text[end + 2] : ' ';
    size_t from = x->at, to = end;

    if (x->strip_left)
        while (from < to && is_space(x->text[from])) from++;
    if (is_tag && control == '-') {
        while (to > from && is_space(x->text[to - 1])) to--;
    } else if (is_tag && x->text[end + 1] != '{' && control != '+') {
        size_t line = to;
        while (line > from && (x->text[line - 1] == ' ' || x->text[line - 1] == '\t')) line--;
        if (line > from ? x->text[line - 1] == '\n' : x->at_line_start && from == x->at) to = line;
    } else if (!is_tag && to > from && x->text[to - 1] == '\n') {
        to--;
    }
    if (to > from) VS_TRY(add(x, JINJA_TEXT, x->text + from, to - from, err));
    advance(x, end - x->at);
    return VS_OK;
}

/* After a tag's closing mark. */
static void end_tag(lexer *x, bool strips, bool is_print)
{
    x->strip_left = strips;
    x->at_line_start = false;
    if (!strips && !is_print && x->at < x->len && x->text[x->at] == '\n') {
        advance(x, 1);
        x->at_line_start = true;
    }
}

static vs_status lex_comment(lexer *x, vs_error *err)
{
    size_t end = x->at + 2;

    while (end + 1 < x->len && !(x->text[end] == '#' && x->text[end + 1] == '}')) end++;
    if (end + 1 >= x->len)
        return VS_FAIL(err, VS_E_FORMAT, "%s:%zu: a comment that does not end", x->where, x->line);
    const bool strips = x->text[end - 1] == '-' && end > x->at + 2;
    advance(x, end + 2 - x->at);
    end_tag(x, strips, false);
    return VS_OK;
}

static vs_status lex_string(lexer *x, vs_error *err)
{
    const char quote = x->text[x->at];
    size_t end = x->at + 1;

    while (end < x->len && x->text[end] != quote) end += x->text[end] == '\\' ? 2 : 1;
    if (end >= x->len)
        return VS_FAIL(err, VS_E_FORMAT, "%s:%zu: a string that does not end", x->where, x->line);
    VS_TRY(add(x, JINJA_STRING, x->text + x->at + 1, end - x->at - 1, err));
    advance(x, end + 1 - x->at);
    return VS_OK;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static vs_status lex_item(lexer *x, vs_error *err)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "//", "**"};
    const char *c = x->text + x->at;
    size_t n = 0;

    if (*c == '\'' || *c == '"') return lex_string(x, err);
    while (x->at + n < x->len && is_name_char(c[n])) n++;
    if (n) {
        const bool is_number = *c >= '0' && *c <= '9';
        VS_TRY(add(x, is_number ? JINJA_INTEGER : JINJA_NAME, c, n, err));
        x->at += n;
        return VS_OK;
    }
    n = 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (x->len - x->at >= 2 && memcmp(c, two[i], 2) == 0) n = 2;
    if (!strchr("()[]{}.,:|~+-*/%<>=!", *c) || *c == '\0')
        return VS_FAIL(err, VS_E_FORMAT, "%s:%zu: found '%c', expected an expression", x->where,
                       x->line, *c);
    VS_TRY(add(x, JINJA_OPERATOR, c, n, err));
    x->at += n;
    return VS_OK;
}

/* {{ .. }} or {% .. %}. A closing mark counts only outside of brackets: {{ {'a': {}} }} */
static vs_status lex_tag(lexer *x, vs_error *err)
{
    const bool is_print = x->text[x->at + 1] == '{';
    const char *close = is_print ? "}}" : "%}";
    size_t depth = 0;

    VS_TRY(add(x, is_print ? JINJA_PRINT : JINJA_BLOCK, x->text + x->at, 2, err));
    advance(x, 2);
    if (x->at < x->len && (x->text[x->at] == '-' || x->text[x->at] == '+')) advance(x, 1);
    for (;;) {
        while (x->at < x->len && is_space(x->text[x->at])) advance(x, 1);
        if (x->at >= x->len)
            return VS_FAIL(err, VS_E_FORMAT, "%s:%zu: a tag that does not end", x->where, x->line);
        const char *c = x->text + x->at;
        const size_t left = x->len - x->at;
        const bool has_control =
            left >= 3 && (*c == '-' || *c == '+') && memcmp(c + 1, close, 2) == 0;

        if (depth == 0 && (has_control || (left >= 2 && memcmp(c, close, 2) == 0))) {
            const bool strips = has_control && *c == '-';
            VS_TRY(add(x, JINJA_CLOSE, c, 2, err));
            advance(x, has_control ? 3 : 2);
            end_tag(x, strips, is_print);
            return VS_OK;
        }
        depth += *c == '(' || *c == '[' || *c == '{';
        if ((*c == ')' || *c == ']' || *c == '}') && depth) depth--;
        VS_TRY(lex_item(x, err));
    }
}

vs_status jinja_lex(jinja_tokens *tokens, const char *text, size_t len, const char *where,
                    vs_error *err)
{
    lexer x = {.tokens = tokens,
               .text = text,
               .where = where,
               .len = len,
               .line = 1,
               .at_line_start = true};

    if (len > JINJA_MAX_TEXT)
        return VS_FAIL(err, VS_E_LIMIT, "%s: a template of %zu bytes, the limit is %d", where, len,
                       (int)JINJA_MAX_TEXT);
    while (x.at < len) {
        VS_TRY(lex_text(&x, find_tag(&x), err));
        if (x.at >= len) break;
        x.strip_left = false;
        if (text[x.at + 1] == '#')
            VS_TRY(lex_comment(&x, err));
        else
            VS_TRY(lex_tag(&x, err));
    }
    return add(&x, JINJA_END, "the end", 7, err);
}
