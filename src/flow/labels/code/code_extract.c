#include "flow/labels/code/code_extract.h"

#include <string.h>

#include "flow/labels/code/code_lines.h"
#include "flow/labels/find.h"

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
        if (!find_here(s, i, len, words[k])) continue;
        const size_t at = find_past_blanks(s, i + strlen(words[k]), len);
        if (find_here(s, at, len, entry) && (at + n == len || !is_name_byte(s[at + n])))
            return true;
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

    if (code_is_prose(s, i, find_line_end(s, i, len))) return false;
    return find_any(s, i, len, words, sizeof words / sizeof *words) || assigns(s, i, len);
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

/* Fewer than three signs are no fence. */
static size_t fence_at(const char *s, size_t i, size_t len)
{
    size_t n = 0;

    if (i >= len || (s[i] != '`' && s[i] != '~')) return 0;
    while (i + n < len && s[i + n] == s[i]) n++;
    return n >= 3 ? n : 0;
}

/* The name behind "def " or "class " of the line at s[i]; *end = i: none. */
static size_t defined_name(size_t *end, const char *s, size_t i, size_t len)
{
    static const char *const words[] = {"def ", "async def ", "class "};
    const size_t n = find_any(s, i, len, words, sizeof words / sizeof *words);
    const size_t name = n ? find_past_blanks(s, i + n, len) : i;

    for (*end = name; n && *end < len && is_name_byte(s[*end]);) ++*end;
    return name;
}

static bool has_word(const char *s, size_t len, const char *word, size_t n)
{
    for (size_t i = 0; n && i + n <= len; i++) {
        const char *at = memmem(s + i, len - i, word, n);
        if (!at) return false;
        i = (size_t)(at - s);
        if ((i == 0 || !is_name_byte(s[i - 1])) && (i + n == len || !is_name_byte(s[i + n])))
            return true;
    }
    return false;
}

/* A program's last statement of the outermost level. */
typedef struct last_statement {
    size_t begin;
    code_state state; /* behind it */
} last_statement;

/* Whether the last line of s[begin .. end) cannot be one: a compound statement without its colon, or a word behind
 * which more must come. */
static bool has_half_a_line(const char *s, size_t begin, size_t end)
{
    static const char *const opening[] = {"if ",   "elif ",  "for ", "while ",
                                          "with ", "async ", "def ", "class "};
    static const char *const joining[] = {"and",  "or",  "not",  "in",  "is",   "lambda", "import",
                                          "from", "as",  "else", "if",  "elif", "for",    "while",
                                          "with", "del", "def",  "try", "class"};
    size_t line = end, first, word = end;

    while (line > begin && s[line - 1] != '\n') line--;
    first = find_past_blanks(s, line, end);
    while (word > first && is_name_byte(s[word - 1])) word--;
    if (find_any(s, first, end, opening, sizeof opening / sizeof *opening) &&
        !memchr(s + first, ':', end - first))
        return true;
    for (size_t i = 0; i < sizeof joining / sizeof *joining; i++)
        if (end - word == strlen(joining[i]) && memcmp(s + word, joining[i], end - word) == 0)
            return true;
    return false;
}

/* Whether the text was cut off within it: something is open, an operator or a colon stands last, or
 * its last line is half a line. */
static bool is_cut_off(const char *s, size_t end, const last_statement *last)
{
    size_t stop = end;

    while (stop > last->begin && strchr(" \t\r\n", s[stop - 1])) stop--;
    if (!code_state_is_clear(&last->state) || last->state.is_cut) return true;
    if (stop > last->begin && s[stop - 1] && strchr("=+-*/%<>&|^,.([{:\\@~", s[stop - 1]))
        return true;
    return stop == end &&
           has_half_a_line(s, last->begin, stop); /* a line that ended is a fault of its own */
}

/* Where the program that begins at s[begin] ends: before a fence or prose on the outermost level,
 * before a last statement that is cut off, when the entry point is whole without it. */
static size_t program_end(const char *s, size_t begin, size_t end, const char *entry,
                          bool is_inside)
{
    last_statement last = {.begin = begin};
    size_t i = begin, stop = end, ignored;
    bool is_decorated = false;

    if (begin == end) return end;
    do {
        static const char *const more[] = {"else", "elif", "except", "finally", "#", ")"};
        const size_t line = find_line_end(s, i, end);
        if (code_state_is_clear(&last.state) && i < line && s[i] != ' ' && s[i] != '\t' &&
            s[i] != '\r') {
            if (fence_at(s, i, end) || code_is_prose(s, i, line)) {
                stop = i;
                break;
            }
            if (!is_decorated && !find_any(s, i, line, more, sizeof more / sizeof *more))
                last.begin = i;
            is_decorated = s[i] == '@';
        }
        code_state_line(&last.state, s, i, line);
    } while (next_line(s, &i, end));
    if (stop == end && last.begin > begin && is_cut_off(s, end, &last) &&
        (is_inside || code_defines(&ignored, s + begin, last.begin - begin, entry)))
        return last.begin;
    return stop;
}

static void take(code_extract *out, const char *rule, const char *s, size_t begin, size_t end)
{
    out->rule = rule;
    out->begin = begin;
    out->end = end;
    vs_buf_add(&out->text, s + begin, end - begin);
}

/* A program whose every line is indented as its first, which begins a definition: without that. */
static bool take_dedented(code_extract *out, const char *s, size_t begin, size_t end)
{
    size_t i = begin, indent;

    while (i < end && find_past_blanks(s, i, end) == find_line_end(s, i, end) && i < end)
        i = find_line_end(s, i, end) + 1;
    if (i >= end) return false;
    indent = find_past_blanks(s, i, end) - i;
    if (indent == 0 || !begins_code(s, i + indent, end) || assigns(s, i + indent, end))
        return false;
    for (size_t k = i; k < end; k = find_line_end(s, k, end) + 1) {
        const size_t line = find_line_end(s, k, end), first = find_past_blanks(s, k, end);
        if (first < line && (line - k < indent || memcmp(s + k, s + i, indent) != 0)) return false;
    }
    *out = (code_extract){.rule = "dedented", .begin = begin, .end = end};
    for (size_t k = i; k < end; k = find_line_end(s, k, end) + 1) {
        const size_t line = find_line_end(s, k, end), first = find_past_blanks(s, k, end);
        const size_t from = first < line ? k + indent : line;
        vs_buf_add(&out->text, s + from, line - from);
        vs_buf_str(&out->text, "\n");
    }
    return true;
}

static bool take_bare(code_extract *out, const char *s, size_t len, const char *entry)
{
    size_t i = 0;

    if (is_body(s, len)) {
        const size_t end = program_end(s, 0, len, entry, true);
        if (!take_dedented(out, s, 0, end)) take(out, "body", s, 0, end);
        return true;
    }
    if (len) do
            if (begins_code(s, i, len)) {
                take(out, "code", s, i, program_end(s, i, len, entry, false));
                return true;
            }
        while (next_line(s, &i, len));
    return false;
}

/* -- fences -- */

enum { MAX_BLOCKS = 64 };
typedef struct block {
    size_t open;       /* where its fence's line begins */
    size_t begin, end; /* of its text */
    bool is_tagged, is_python, is_closed;
} block;

/* The language's name from s[i] on; a program may begin on the fence's line. */
static void read_tag(block *out, const char *s, size_t i, size_t len)
{
    const size_t line = find_line_end(s, i, len), tag = find_past_blanks(s, i, line);
    size_t end = tag, code;

    while (end < line && !strchr(" \t\r", s[end])) end++;
    code = find_past_blanks(s, end, line);
    out->is_tagged = end > tag;
    out->is_python = end == tag || find_fold(s, tag, end, "py") || find_fold(s, tag, end, "{py") ||
                     find_fold(s, tag, end, "code");
    out->begin = line < len ? line + 1 : len;
    if (begins_code(s, tag, line)) {
        out->begin = tag;
        out->is_python = true;
    } else if (code < line && begins_code(s, code, line)) {
        out->begin = code;
    }
}

/* The fence that ends the block: at a line's beginning or, behind code, at its end. A fence in a
 * string of three quotation marks counts only where no other comes. *next: where to go on. */
static void find_close(block *out, size_t *next, const char *s, size_t len, size_t fence, char mark)
{
    code_state state = {0};
    size_t inner = len, inner_next = len;

    out->end = *next = len;
    for (size_t i = out->begin; i < len; i = find_line_end(s, i, len) + 1) {
        const size_t line = find_line_end(s, i, len), at = find_past_blanks(s, i, line);
        size_t stop = line, n = fence_at(s, at, line);
        const bool was_open = state.quote != 0;
        code_state_line(&state, s, i, line);
        if (n >= fence && s[at] == mark) {
            const bool reopens = find_past_blanks(s, at + n, line) < line;
            stop = i;
            n = reopens ? i : line + 1;
        } else {
            while (stop > i && strchr(" \t\r", s[stop - 1])) stop--;
            if (mark != '`' || stop < i + 4 || memcmp(s + stop - 3, "```", 3) != 0) continue;
            stop -= 3;
            n = line + 1;
        }
        if (!was_open) {
            out->end = stop;
            *next = n;
            out->is_closed = true;
            return;
        }
        if (inner == len) inner = stop, inner_next = n;
    }
    out->is_closed = inner < len;
    out->end = inner;
    *next = inner_next;
}

/* All blocks, at most MAX_BLOCKS. A fence may stand behind blanks. */
static size_t find_blocks(block *out, const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < MAX_BLOCKS;) {
        const size_t at = find_past_blanks(s, i, len), fence = fence_at(s, at, len);
        if (!fence) {
            i = find_line_end(s, i, len) + 1;
            continue;
        }
        out[n] = (block){.open = i};
        read_tag(&out[n], s, at + fence, len);
        find_close(&out[n++], &i, s, len, fence, s[at]);
    }
    return n;
}

static bool block_defines(const char *s, const block *b, const char *entry)
{
    const size_t end = b->end;

    for (size_t i = b->begin; i < end; i = find_line_end(s, i, end) + 1)
        if (defines_here(s, find_past_blanks(s, i, end), end, entry)) return true;
    return false;
}

/* Whether another block's imports or functions belong to the program b. */
static bool is_needed(const char *s, const block *other, const block *b, bool is_before)
{
    bool imports = false, defines = false, uses = false;

    if (!other->is_python) return false;
    for (size_t i = other->begin; i < other->end; i = find_line_end(s, i, other->end) + 1) {
        size_t name_end;
        const size_t name = defined_name(&name_end, s, i, other->end);
        if (code_is_prose(s, i, find_line_end(s, i, other->end))) return false;
        imports |= find_here(s, i, other->end, "import ") || find_here(s, i, other->end, "from ") ||
                   assigns(s, i, other->end);
        defines |= name_end > name;
        uses |= has_word(s + b->begin, b->end - b->begin, s + name, name_end - name);
    }
    return uses || (is_before && imports && !defines);
}

static void take_blocks(code_extract *out, const char *s, const block *b, size_t n, size_t chosen)
{
    bool is_joined[MAX_BLOCKS] = {false};
    size_t n_joined = 1;

    for (size_t k = 0; k < n; k++) {
        is_joined[k] = k == chosen || is_needed(s, &b[k], &b[chosen], k < chosen);
        n_joined += is_joined[k] && k != chosen;
    }
    if (n_joined == 1) {
        take(out, "fence", s, b[chosen].begin, b[chosen].end);
        return;
    }
    out->rule = "fences";
    for (size_t k = 0; k < n; k++) {
        if (!is_joined[k]) continue;
        if (!out->end) out->begin = b[k].begin;
        vs_buf_add(&out->text, s + b[k].begin, b[k].end - b[k].begin);
        vs_buf_str(&out->text, "\n");
        out->end = b[k].end;
    }
}

static bool take_fenced(code_extract *out, const char *s, size_t len, const char *entry)
{
    block b[MAX_BLOCKS];
    const size_t n = find_blocks(b, s, len);
    size_t chosen = n, last = n ? n - 1 : 0, ignored;

    if (n == 0) return false;
    for (size_t k = 0; k < n; k++) {
        if (b[k].is_python) last = k;
        if (chosen == n && b[k].is_python && block_defines(s, &b[k], entry)) chosen = k;
    }
    /* a fence without a name behind the program closes what was never opened */
    if (!b[0].is_tagged &&
        (code_defines(&ignored, s, b[0].open, entry) || (chosen == n && is_body(s, b[0].open))))
        return take_bare(out, s, b[0].open, entry);
    for (size_t k = 0; k < n && chosen == n; k++)
        if (block_defines(s, &b[k], entry)) chosen = k;
    if (chosen == n) {
        take(out, "fence", s, b[last].begin, b[last].end);
        return true;
    }
    if (!b[chosen].is_closed)
        b[chosen].end = program_end(s, b[chosen].begin, b[chosen].end, entry, false);
    if (!take_dedented(out, s, b[chosen].begin, b[chosen].end)) take_blocks(out, s, b, n, chosen);
    return true;
}

void code_extract_from(code_extract *out, const char *s, size_t len, const char *entry)
{
    const find_part part = find_answer_part(s, len);

    s += part.begin;
    len = part.end - part.begin;
    *out = (code_extract){.rule = "all"};
    if (!take_fenced(out, s, len, entry) && !take_bare(out, s, len, entry))
        take(out, "all", s, 0, len);
    vs_buf_str(&out->text, "");
    out->begin += part.begin;
    out->end += part.begin;
}
