/* jinja_lex.c - a template into tokens, as jinja2's lexer.py with trim_blocks and lstrip_blocks: "-" takes all white space on its
 * side; else a block tag or a comment takes the line's white space before it and one line break after it; line breaks become "\n", and
 * the template's very last one is dropped. */
#include <string.h>

#include "base/mem.h"
#include "engine/model/jinja_value.h"

typedef struct lexer {
    jinja *j;
    jinja_tokens *tokens;
    const char *text;
    size_t len, at, line;
    bool at_line_start; /* the text from `at` on begins a line, as far as the tag before it says */
} lexer;

static vs_status fail(lexer *x, vs_error *err, const char *what)
{
    x->j->line = x->line;
    return jinja_fail(x->j, err, "%s", what);
}

static vs_status add(lexer *x, jinja_kind kind, const char *text, size_t len, vs_error *err)
{
    jinja_tokens *t = x->tokens;

    if (t->n >= JINJA_MAX_TOKENS)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: more than %d tokens", x->j->where, x->line,
                       (int)JINJA_MAX_TOKENS);
    if (!vs_grow(&t->item, &t->cap, t->n + 1, sizeof *t->item))
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", x->j->where);
    t->item[t->n++] = (jinja_token){kind, text, len, x->line};
    return VS_OK;
}

static void advance(lexer *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x->line += x->text[x->at + i] == '\n';
    x->at += n;
}

static void skip_space(lexer *x)
{
    size_t n;

    while ((n = jinja_space_len(x->text + x->at, x->len - x->at)) > 0) advance(x, n);
}

static bool is_at(const lexer *x, size_t at, const char *mark)
{
    const size_t n = strlen(mark);

    return x->len - at >= n && memcmp(x->text + at, mark, n) == 0;
}

/* The next "{{", "{%" or "{#"; len when there is none. */
static size_t find_tag(const lexer *x)
{
    for (size_t i = x->at; i + 1 < x->len; i++)
        if (x->text[i] == '{' && strchr("{%#", x->text[i + 1]) && x->text[i + 1]) return i;
    return x->len;
}

/* Where text[from .. to) ends without its white space. */
static size_t strip_right(const char *text, size_t from, size_t to)
{
    size_t kept = from, n;

    for (size_t i = from; i < to; i += n) {
        n = jinja_space_len(text + i, to - i);
        if (n == 0) kept = i + (n = jinja_char_len(text + i, to - i));
    }
    return kept;
}

/* The text up to `end`, where a tag begins whose character after the mark is `control`, less what that takes. */
static vs_status lex_text(lexer *x, size_t end, bool is_print, char control, vs_error *err)
{
    const size_t from = x->at;
    size_t to = end;

    if (control == '-') {
        to = strip_right(x->text, from, end);
    } else if (!is_print && control != '+') {
        size_t line = end;
        while (line > from && x->text[line - 1] != '\n') line--;
        if ((line > from || x->at_line_start) && strip_right(x->text, line, end) == line) to = line;
    }
    if (to > from) VS_TRY(add(x, TOKEN_TEXT, x->text + from, to - from, err));
    advance(x, end - from);
    return VS_OK;
}

/* After a tag's closing mark. */
static void end_tag(lexer *x, char control, bool is_print)
{
    x->at_line_start = false;
    if (control == '-') {
        skip_space(x);
    } else if (!is_print && control != '+' && x->at < x->len && x->text[x->at] == '\n') {
        advance(x, 1);
        x->at_line_start = true;
    }
}

static vs_status lex_comment(lexer *x, vs_error *err)
{
    size_t end = x->at + 2;

    while (end < x->len && !is_at(x, end, "#}")) end++;
    if (end >= x->len) return fail(x, err, "a comment that does not end");
    const char control = end > x->at + 2 ? x->text[end - 1] : ' ';
    advance(x, end + 2 - x->at);
    end_tag(x, control, false);
    return VS_OK;
}

/* At "{%": the bytes of [-+] WORD [-+] "%}", white space between; 0: it is another tag. close: the control behind. */
static size_t match_word(const lexer *x, size_t begin, const char *word, char *close)
{
    size_t at = begin + 2, n;

    if (at < x->len && (x->text[at] == '-' || x->text[at] == '+')) at++;
    while ((n = jinja_space_len(x->text + at, x->len - at)) > 0) at += n;
    if (!is_at(x, at, word)) return 0;
    at += strlen(word);
    while ((n = jinja_space_len(x->text + at, x->len - at)) > 0) at += n;
    *close = at < x->len && (x->text[at] == '-' || x->text[at] == '+') ? x->text[at++] : ' ';
    return is_at(x, at, "%}") ? at + 2 - begin : 0;
}

/* {% raw %}, of n bytes, up to and with {% endraw %}. */
static vs_status lex_raw(lexer *x, size_t n, char close, vs_error *err)
{
    size_t end, n_end = 0;

    advance(x, n);
    if (close == '-') skip_space(x);
    x->at_line_start = false;
    for (end = x->at; end < x->len; end++)
        if (is_at(x, end, "{%") && (n_end = match_word(x, end, "endraw", &close)) > 0) break;
    if (n_end == 0) return fail(x, err, "raw without endraw");
    VS_TRY(lex_text(x, end, false, x->text[end + 2], err));
    advance(x, n_end);
    end_tag(x, close, false);
    return VS_OK;
}

/* The code after \x, \u, \U, or of octal digits; -1: there is none. */
static int64_t read_code(const char *text, size_t len, size_t want, int base)
{
    int64_t code = 0;
    size_t i = 0;

    for (; i < len && i < want; i++) {
        const char *digits = "0123456789abcdef", c = text[i];
        const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
        if (!at || at - digits >= base) break;
        code = code * base + (at - digits);
    }
    return (base == 8 && i > 0) || i == want ? code : -1;
}

static vs_status add_escape(lexer *x, vs_buf *out, const char *s, size_t len, size_t *used,
                            vs_error *err)
{
    static const char plain[] = "n\nt\tr\r\\\\''\"\"a\ab\bf\fv\v";
    const size_t want = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    const bool is_octal = *s >= '0' && *s <= '7';
    int64_t code;

    *used = 1;
    if (*s == '\n') return VS_OK; /* the line goes on */
    for (size_t k = 0; k + 1 < sizeof plain; k += 2)
        if (plain[k] == *s) {
            vs_buf_add(out, &plain[k + 1], 1);
            return VS_OK;
        }
    if (!want && !is_octal) {
        if (*s == 'N') return fail(x, err, "the escape \\N in a string is not supported");
        vs_buf_str(out, "\\");
        *used = 0; /* no escape: both characters stay */
        return VS_OK;
    }
    code = is_octal ? read_code(s, len, 3, 8) : read_code(s + 1, len - 1, want, 16);
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return fail(x, err, "a string with an escape that is no character");
    if (is_octal)
        while (*used < 3 && *used < len && s[*used] >= '0' && s[*used] <= '7') ++*used;
    else
        *used += want;
    jinja_add_char(out, (int32_t)code);
    return VS_OK;
}

static vs_status unescape(lexer *x, const char *s, size_t len, vs_error *err)
{
    vs_buf text = {0};
    jinja_value v;
    size_t used;
    vs_status st;

    for (size_t i = 0; i < len; i += used) {
        used = 1;
        if (s[i] == '\\' && i + 1 < len) {
            i++;
            VS_CHECK(add_escape(x, &text, s + i, len - i, &used, err));
        } else {
            vs_buf_add(&text, s + i, 1);
        }
    }
    VS_TRY(jinja_take(x->j, &v, &text, err));
    return add(x, TOKEN_STRING, v.text, v.len, err);
done:
    vs_buf_free(&text);
    return st;
}

static vs_status lex_string(lexer *x, vs_error *err)
{
    const char quote = x->text[x->at], *s = x->text + x->at + 1;
    size_t end = x->at + 1;

    while (end < x->len && x->text[end] != quote) end += x->text[end] == '\\' ? 2 : 1;
    if (end >= x->len) return fail(x, err, "a string that does not end");
    const size_t len = end - x->at - 1;
    if (memchr(s, '\\', len))
        VS_TRY(unescape(x, s, len, err));
    else
        VS_TRY(add(x, TOKEN_STRING, s, len, err));
    advance(x, end + 1 - x->at);
    return VS_OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *s, size_t at, size_t len)
{
    while (at < len && (is_digit(s[at]) || (s[at] == '_' && at + 1 < len && is_digit(s[at + 1]))))
        at++;
    return at;
}

static vs_status lex_number(lexer *x, vs_error *err)
{
    const char *s = x->text + x->at;
    const size_t len = x->len - x->at;
    size_t n = digits(s, 0, len), e;
    jinja_kind kind = TOKEN_INTEGER;

    if (n + 1 < len && s[n] == '.' && is_digit(s[n + 1])) {
        n = digits(s, n + 1, len);
        kind = TOKEN_REAL;
    }
    e = n;
    if (e < len && (s[e] == 'e' || s[e] == 'E')) {
        e += e + 1 < len && (s[e + 1] == '-' || s[e + 1] == '+') ? 2 : 1;
        if (e < len && is_digit(s[e])) {
            n = digits(s, e, len);
            kind = TOKEN_REAL;
        }
    }
    VS_TRY(add(x, kind, s, n, err));
    x->at += n;
    return VS_OK;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           (unsigned char)c >= 0x80;
}

static vs_status lex_item(lexer *x, vs_error *err)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "//", "**"};
    const char *c = x->text + x->at;
    size_t n = 0;

    if (*c == '\'' || *c == '"') return lex_string(x, err);
    if (is_digit(*c)) return lex_number(x, err);
    while (x->at + n < x->len && is_name_char(c[n])) n++;
    if (n) {
        VS_TRY(add(x, TOKEN_NAME, c, n, err));
        x->at += n;
        return VS_OK;
    }
    n = 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (is_at(x, x->at, two[i])) n = 2;
    if (!strchr("()[]{}.,:|~+-*/%<>=!", *c) || *c == '\0') {
        x->j->line = x->line;
        return jinja_fail(x->j, err, "found '%c', expected an expression", *c ? *c : '0');
    }
    VS_TRY(add(x, TOKEN_OPERATOR, c, n, err));
    x->at += n;
    return VS_OK;
}

/* {{ .. }} or {% .. %}. A closing mark counts only outside of brackets: {{ {'a': {}} }} */
static vs_status lex_tag(lexer *x, vs_error *err)
{
    const bool is_print = x->text[x->at + 1] == '{';
    const char *close = is_print ? "}}" : "%}";
    size_t depth = 0;

    VS_TRY(add(x, is_print ? TOKEN_PRINT : TOKEN_BLOCK, x->text + x->at, 2, err));
    advance(x, 2);
    if (x->at < x->len && (x->text[x->at] == '-' || x->text[x->at] == '+')) advance(x, 1);
    for (;;) {
        skip_space(x);
        if (x->at >= x->len) return fail(x, err, "a tag that does not end");
        const char c = x->text[x->at];
        const bool has_control =
            (c == '-' || (c == '+' && !is_print)) && is_at(x, x->at + 1, close);

        if (depth == 0 && (has_control || is_at(x, x->at, close))) {
            VS_TRY(add(x, TOKEN_CLOSE, x->text + x->at, has_control ? 3 : 2, err));
            advance(x, has_control ? 3 : 2);
            end_tag(x, has_control ? c : ' ', is_print);
            return VS_OK;
        }
        depth += c == '(' || c == '[' || c == '{';
        if ((c == ')' || c == ']' || c == '}') && depth) depth--;
        VS_TRY(lex_item(x, err));
    }
}

/* A copy with "\n" for every line break, without the last one. */
static vs_status normalize(lexer *x, const char *text, size_t len, vs_error *err)
{
    char *copy;

    VS_TRY(jinja_alloc(x->j, &copy, len + 1, 1, err));
    x->text = copy;
    for (size_t i = 0; i < len; i++) {
        const bool is_return = text[i] == '\r';
        copy[x->len++] = is_return ? '\n' : text[i];
        if (is_return && i + 1 < len && text[i + 1] == '\n') i++;
    }
    if (x->len && copy[x->len - 1] == '\n') x->len--;
    return VS_OK;
}

vs_status jinja_lex(jinja *j, jinja_tokens *tokens, const char *text, size_t len, vs_error *err)
{
    lexer x = {.j = j, .tokens = tokens, .line = 1, .at_line_start = true};

    if (len > JINJA_MAX_TEXT)
        return VS_FAIL(err, VS_E_LIMIT, "%s: a template of %zu bytes, the limit is %d", j->where,
                       len, (int)JINJA_MAX_TEXT);
    VS_TRY(normalize(&x, text, len, err));
    while (x.at < x.len) {
        const size_t tag = find_tag(&x);
        char close;
        size_t n;

        if (tag >= x.len) {
            VS_TRY(add(&x, TOKEN_TEXT, x.text + x.at, x.len - x.at, err));
            break;
        }
        VS_TRY(lex_text(&x, tag, x.text[tag + 1] == '{', tag + 2 < x.len ? x.text[tag + 2] : ' ',
                        err));
        if (x.text[tag + 1] == '#')
            VS_TRY(lex_comment(&x, err));
        else if (x.text[tag + 1] == '%' && (n = match_word(&x, tag, "raw", &close)) > 0)
            VS_TRY(lex_raw(&x, n, close, err));
        else
            VS_TRY(lex_tag(&x, err));
    }
    return add(&x, TOKEN_END, "the end", 7, err);
}
