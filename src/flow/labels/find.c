#include "flow/labels/find.h"

#include <stdbool.h>
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
    for (; i < len && s[i] != '\n'; i++) {
        size_t next = i + 1;
        if (s[i] != '.') continue;
        while (next < len && s[next] && strchr("*_\"')]`", s[next])) next++;
        if (next == len || s[next] == ' ' || s[next] == '\r' || s[next] == '\n') return i;
    }
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

size_t find_here(const char *s, size_t i, size_t len, const char *word)
{
    if (i >= len || s[i] != word[0]) return 0; /* most words differ there */
    const size_t n = strlen(word);
    return len - i >= n && memcmp(s + i, word, n) == 0 ? n : 0;
}

size_t find_any(const char *s, size_t i, size_t len, const char *const *words, size_t n)
{
    for (size_t w = 0; w < n; w++) {
        const size_t found = find_here(s, i, len, words[w]);
        if (found) return found;
    }
    return 0;
}

/* "answer", emphasis, and "is" or a colon. */
static size_t statement_at(const char *s, size_t i, size_t len)
{
    size_t n = find_fold(s, i, len, "answer"), more;

    if (!n) return 0;
    n += i;
    while (n < len && (s[n] == '*' || s[n] == '_')) n++;
    if (n < len && s[n] == ':') return n + 1 - i;
    more = find_fold(s, n, len, " is");
    return more ? n + more - i : 0;
}

size_t find_statement(size_t *after, const char *s, size_t i, size_t len)
{
    for (; i < len; i++) {
        const size_t n = s[i] == 'a' || s[i] == 'A' ? statement_at(s, i, len) : 0;
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

/* -- what surrounds the answer -- */

/* Tokens that end a text, or begin another one's turn, in lower case. */
static const char *const end_tokens[] = {
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|im_start|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|start_header_id|>",
    "<|begin_of_text|>",
    "<|end|>",
    "<|eot|>",
    "<|eos|>",
    "<|pad|>",
    "<|user|>",
    "<|return|>",
    "<|end_of_turn|>",
    "<|end_of_turn_token|>",
    "<|start_of_turn_token|>",
    "<|end_of_sentence|>",
    "<\xef\xbd\x9c\x65nd\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<end_of_utterance>",
    "</s>",
    "<eos>",
    "<eot>",
    "<pad>",
    "[/inst]",
};
/* These count only where a line begins with them: they may be a list of Python. */
static const char *const line_tokens[] = {"[done]", "[eos]", "[end]"};
static const char *const thoughts[] = {"think>", "thinking>", "thought>", "reasoning>"};

#define FOLD_ANY(s, i, len, list) fold_any(s, i, len, list, sizeof(list) / sizeof *(list))
static size_t fold_any(const char *s, size_t i, size_t len, const char *const *words, size_t n)
{
    size_t found = 0;

    for (size_t w = 0; w < n && !found; w++) found = find_fold(s, i, len, words[w]);
    if (found && i + found < len && (s[i + found] == '"' || s[i + found] == '\'')) return 0;
    return found;
}

/* The next "<" that no other follows (a calculator's note is <<1+1=2>>) or "["; end: none. */
static size_t next_tag(const char *s, size_t i, size_t end)
{
    for (; i < end; i++) {
        if (s[i] == '[') return i;
        if (s[i] != '<') continue;
        if (i + 1 == end || s[i + 1] != '<') return i;
        i++;
    }
    return end;
}

static bool is_blank_span(const char *s, size_t begin, size_t end)
{
    while (begin < end && (s[begin] == '\n' || find_past_blanks(s, begin, end) > begin)) begin++;
    return begin == end;
}

static size_t end_token(const char *s, size_t i, size_t len)
{
    size_t n = 0;

    if (s[i] == '<' || s[i] == '[') n = FOLD_ANY(s, i, len, end_tokens);
    if (!n && s[i] == '[' && (i == 0 || s[i - 1] == '\n')) n = FOLD_ANY(s, i, len, line_tokens);
    return n;
}

/* Cuts off what was thought aloud: all of it where the thought never ends. */
static void cut_thoughts(find_part *part, const char *s)
{
    size_t open = part->end, n;

    for (size_t i = part->begin; (i = next_tag(s, i, part->end)) < part->end; i++) {
        if (s[i] != '<') continue;
        if (i + 1 < part->end && s[i + 1] == '/' &&
            (n = FOLD_ANY(s, i + 2, part->end, thoughts)) > 0) {
            part->begin = i + 2 + n;
            open = part->end;
        } else if (open == part->end && FOLD_ANY(s, i + 1, part->end, thoughts)) {
            open = i;
        }
    }
    part->end = open;
}

find_part find_answer_part(const char *s, size_t len)
{
    find_part part = {find_here(s, 0, len, "\xef\xbb\xbf"), len};
    const size_t first = next_tag(s, part.begin, part.end);

    for (size_t i = first; (i = next_tag(s, i, part.end)) < part.end; i++) {
        const size_t n = end_token(s, i, part.end);
        if (!n) continue;
        if (!is_blank_span(s, part.begin, i)) {
            part.end = i;
            break;
        }
        part.begin = i + n;
        i += n - 1;
    }
    if (first < len) cut_thoughts(&part, s);
    return part;
}

/* -- boxes -- */

/* Where the command of the box begins whose argument begins at s[i]. */
static size_t box_start(const char *s, size_t i)
{
    while (i > 0 && s[i - 1] != '\\') i--;
    return i - (i > 0);
}

bool find_denied_before(const char *s, size_t i)
{
    static const char *const words[] = {"not",   "rather than", "instead of", "isn't",
                                        "never", "cannot be",   "can't be",   "not be"};

    while (i > 0 && s[i - 1] && strchr(" $*(", s[i - 1])) i--;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        const size_t n = strlen(words[k]);
        if (i >= n && find_fold(s, i - n, i, words[k]) &&
            (i == n || strchr(" ,;.\n", s[i - n - 1])))
            return true;
    }
    return false;
}

/* "is not", "is wrong", "is incorrect" right behind the box that closes from s[i] on. */
bool find_denied_behind(const char *s, size_t i, size_t len)
{
    static const char *const links[] = {"is ",      "was ",   "would be ", "can be ",
                                        "must be ", "isn't ", "wasn't "};
    static const char *const articles[] = {"the ", "a ", "an "};
    static const char *const objects[] = {"correct", "right", "true", "valid", "the ",
                                          "it",      "an ",   ".",    ",",     ";"};
    static const char *const faults[] = {"wrong",      "incorrect", "false",    "invalid",
                                         "eliminated", "ruled out", "excluded", "rejected"};
    size_t n;

    while (i < len && s[i] && strchr(" }$*)_\\,", s[i])) i++;
    n = FOLD_ANY(s, i, len, links);
    if (!n) return false;
    const bool is_negated = s[i + n - 3] == '\'';
    i += n;
    if (FOLD_ANY(s, i + FOLD_ANY(s, i, len, articles), len, faults)) return !is_negated;
    n = find_fold(s, i, len, "not");
    if (!n && !is_negated) return false;
    i = find_past_blanks(s, i + n, len);
    return i == len || FOLD_ANY(s, i, len, objects) > 0;
}

size_t find_boxes(vs_box out[VS_BOX_PARTS], const char *s, size_t len)
{
    size_t limit = len;

    for (int tries = 0; tries < VS_BOX_PARTS; tries++) {
        const size_t n = vs_box_answer(out, s, limit);
        if (!n) return 0;
        const size_t start = box_start(s, out[0].begin);
        if (!find_denied_before(s, start) && !find_denied_behind(s, out[n - 1].end, len)) return n;
        limit = start;
    }
    return 0;
}
