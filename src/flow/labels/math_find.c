#include "flow/labels/math_find.h"

#include <string.h>

#include "base/box.h"
#include "flow/labels/find.h"
#include "flow/labels/math_tree.h"
#include "flow/labels/number.h"

enum { MAX_GAP = 64, MAX_GAP_WORDS = 5 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The backslash of the box whose argument begins at `begin`. */
static size_t box_start(const char *s, size_t begin)
{
    while (begin > 0 && memcmp(s + begin - 1, "\\boxed", 6) != 0 &&
           memcmp(s + begin - 1, "\\fbox", 5) != 0)
        begin--;
    return begin ? begin - 1 : 0;
}

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

static bool same_bytes(const math_place *p, const char *s, size_t i, size_t j)
{
    const size_t n = p->part[i].end - p->part[i].begin;

    return n == p->part[j].end - p->part[j].begin &&
           memcmp(s + p->part[i].begin, s + p->part[j].begin, n) == 0;
}

/* The last box, and those before it that are joined to it; parts in the text's order. One that says
 * the next again is none. */
static bool find_boxes(math_place *out, const char *s, size_t len)
{
    size_t begin, end, start = len;

    out->n_parts = 0;
    while (out->n_parts < MATH_MAX_BOXES && vs_box_last(&begin, &end, s, start)) {
        size_t after = end;
        while (after < start && s[after] != '}') after++;
        if (out->n_parts && (after >= start || !is_join(s, after + 1, start))) break;
        out->part[out->n_parts].begin = begin;
        out->part[out->n_parts++].end = end;
        start = box_start(s, begin);
        if (out->n_parts > 1 && same_bytes(out, s, out->n_parts - 1, out->n_parts - 2))
            out->n_parts--;
    }
    for (size_t i = 0; i < out->n_parts / 2; i++) {
        const size_t j = out->n_parts - 1 - i, b = out->part[i].begin, e = out->part[i].end;
        out->part[i] = out->part[j];
        out->part[j].begin = b;
        out->part[j].end = e;
    }
    return out->n_parts > 0;
}

/* Without blanks, stars and a last full stop around. */
static bool set_part(math_place *out, const char *s, size_t begin, size_t end)
{
    while (begin < end && strchr(" \t\r\n*:", s[begin])) begin++;
    while (end > begin && strchr(" \t\r\n*.", s[end - 1])) end--;
    if (begin == end) return false;
    out->n_parts = 1;
    out->part[0].begin = begin;
    out->part[0].end = end;
    return true;
}

typedef struct delimiter {
    const char *open, *close;
} delimiter;
static const delimiter delimiters[] = {{"$$", "$$"}, {"$", "$"}, {"\\[", "\\]"}, {"\\(", "\\)"}};
enum { N_DELIMITERS = sizeof delimiters / sizeof *delimiters };

/* The delimiter that opens at s[i]; N_DELIMITERS: none. An escaped dollar opens nothing. */
static size_t opens(const char *s, size_t i, size_t len)
{
    if (s[i] == '$' && i > 0 && s[i - 1] == '\\') return N_DELIMITERS;
    for (size_t d = 0; d < N_DELIMITERS; d++) {
        const size_t n = strlen(delimiters[d].open);
        if (len - i >= n && memcmp(s + i, delimiters[d].open, n) == 0) return d;
    }
    return N_DELIMITERS;
}

/* Next "final answer is" from s[i] on. */
static size_t find_final(size_t *after, const char *s, size_t i, size_t len)
{
    for (; i < len; i++) {
        const size_t n = find_fold(s, i, len, "final answer is");
        if (n) {
            *after = i + n;
            return i;
        }
    }
    return len;
}

static bool find_stated(math_place *out, const char *s, size_t len,
                        size_t (*next)(size_t *after, const char *s, size_t i, size_t len))
{
    size_t at = len, after = 0, end, d;

    while (next(&after, s, after, len) < len) at = after;
    if (at == len) return false;
    while (at < len && strchr(" \t\r\n*:", s[at])) at++;
    d = at < len ? opens(s, at, len) : N_DELIMITERS;
    if (d < N_DELIMITERS) {
        at += strlen(delimiters[d].open);
        end = find_text(s, at, len, delimiters[d].close);
    } else {
        end = find_sentence_end(s, at, len);
    }
    return set_part(out, s, at, end);
}

/* The last closed span of mathematics. */
static bool find_span(math_place *out, const char *s, size_t len)
{
    bool found = false;

    for (size_t i = 0; i < len; i++) {
        const size_t d = opens(s, i, len);
        if (d == N_DELIMITERS) continue;
        const size_t begin = i + strlen(delimiters[d].open);
        const size_t end = find_text(s, begin, len, delimiters[d].close);
        if (end == len) break;
        found |= set_part(out, s, begin, end);
        i = end + strlen(delimiters[d].close) - 1;
    }
    return found;
}

static bool find_number(math_place *out, const char *s, size_t begin, size_t end)
{
    vs_number n;

    return vs_number_last(&n, s, begin, end) == VS_READ_NUMBER && set_part(out, s, n.begin, n.end);
}

/* Words between which the answer stands: "the number of points is 19". */
static bool is_sentence(const char *s, size_t begin, size_t end)
{
    size_t n_words = 0;

    for (size_t i = begin; i < end; i++)
        n_words += is_letter(s[i]) && (i == begin || s[i - 1] == ' ');
    return n_words >= 3;
}

/* What no box and no statement gives. */
static math_source find_leniently(math_place *out, const char *s, size_t len)
{
    math_place number = {.n_parts = 0};
    const bool has_span = find_span(out, s, len);

    if (!has_span && len <= MATH_SHORT_BYTES && !is_sentence(s, 0, len) && set_part(out, s, 0, len))
        return MATH_FROM_ALL;
    if (find_number(&number, s, 0, len) &&
        (!has_span || number.part[0].begin >= out->part[0].end)) {
        out->n_parts = 1;
        out->part[0] = number.part[0];
        return MATH_FROM_NUMBER;
    }
    return has_span ? MATH_FROM_SPAN : MATH_FROM_NOTHING;
}

void math_find(math_place *out, const char *s, size_t len, bool is_lenient)
{
    *out = (math_place){.source = MATH_FROM_NOTHING};
    if (find_boxes(out, s, len)) {
        out->source = MATH_FROM_BOX;
    } else if (find_stated(out, s, len, find_final) || find_stated(out, s, len, find_statement)) {
        const size_t begin = out->part[0].begin, end = out->part[0].end;
        out->source = MATH_FROM_STATEMENT;
        if (is_lenient && is_sentence(s, begin, end)) (void)find_number(out, s, begin, end);
    } else if (is_lenient) {
        out->source = find_leniently(out, s, len);
    }
    if (out->source == MATH_FROM_NOTHING) return;
    out->begin = out->part[0].begin;
    out->end = out->part[out->n_parts - 1].end;
}
