#include "flow/labels/math/math_find.h"

#include <string.h>

#include "base/box.h"
#include "flow/labels/find.h"
#include "flow/labels/math/math_tree.h"
#include "flow/labels/number_region.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
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

/* Whether what is left of a sentence behind a span of mathematics changes nothing of it: no more
 * mathematics, no multiple, no denial. */
static bool ends_answer(const char *s, size_t i, size_t end)
{
    static const number_context context = {.has_star = true};

    for (size_t k = i; k < end; k++)
        if (opens(s, k, end) < N_DELIMITERS || (s[k] >= '0' && s[k] <= '9')) return false;
    return i >= end || number_tail_read(s, i, end, context).kind == TAIL_PLAIN;
}

static bool find_stated(math_place *out, const char *s, size_t len,
                        size_t (*next)(size_t *after, const char *s, size_t i, size_t len))
{
    size_t at = len, after = 0, end, d;

    while (next(&after, s, after, len) < len) at = after;
    if (at == len) return false;
    while (at < len && strchr(" \t\r\n*:", s[at])) at++;
    end = find_sentence_end(s, at, len);
    d = at < len ? opens(s, at, len) : N_DELIMITERS;
    if (d < N_DELIMITERS) {
        const size_t begin = at + strlen(delimiters[d].open);
        const size_t close = find_text(s, begin, len, delimiters[d].close);
        if (close == len || ends_answer(s, close + strlen(delimiters[d].close), end))
            return set_part(out, s, begin, close);
    }
    return set_part(out, s, at, end);
}

/* The last closed span of mathematics, and those before it that "and", "or" or commas join to it. */
static bool find_span(math_place *out, const char *s, size_t len)
{
    size_t last = 0; /* behind the span before */
    math_place one;

    out->n_parts = 0;

    for (size_t i = 0; i < len; i++) {
        const size_t d = opens(s, i, len);
        if (d == N_DELIMITERS) continue;
        const size_t begin = i + strlen(delimiters[d].open);
        const size_t end = find_text(s, begin, len, delimiters[d].close);
        if (end == len) break;
        if (set_part(&one, s, begin, end)) {
            if (out->n_parts == VS_BOX_PARTS || !vs_box_joins(s, last, i)) out->n_parts = 0;
            out->part[out->n_parts++] = one.part[0];
        }
        last = end + strlen(delimiters[d].close);
        i = last - 1;
    }
    return out->n_parts > 0;
}

static bool find_number(math_place *out, const char *s, size_t begin, size_t end)
{
    vs_number n;
    const vs_reading reading = vs_number_last(&n, s, begin, end);

    return (reading == VS_READ_NUMBER || reading == VS_READ_EXPRESSION) &&
           set_part(out, s, n.begin, n.end);
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
        (!has_span || number.part[0].begin >= out->part[out->n_parts - 1].end)) {
        out->n_parts = 1;
        out->part[0] = number.part[0];
        return MATH_FROM_NUMBER;
    }
    return has_span ? MATH_FROM_SPAN : MATH_FROM_NOTHING;
}

/* "The answer is 5" in a box: what it says. */
static void narrow(vs_box *part, const char *s)
{
    size_t after = part->begin;
    const size_t at = find_statement(&after, s, part->begin, part->end);
    math_place stated;

    while (after < part->end && strchr(" :", s[after])) after++;
    if (after < part->end && s[after] == '}') after++; /* of \text{The answer is: } */
    if (at < part->end && set_part(&stated, s, after, part->end)) *part = stated.part[0];
}

static void find_in(math_place *out, const char *s, size_t len, bool is_lenient)
{
    out->n_parts = find_boxes(out->part, s, len);
    if (out->n_parts) {
        out->source = MATH_FROM_BOX;
        if (out->n_parts == 1) narrow(out->part, s);
    } else if (find_stated(out, s, len, find_final) || find_stated(out, s, len, find_statement)) {
        const size_t begin = out->part[0].begin, end = out->part[0].end;
        out->source = MATH_FROM_STATEMENT;
        if (is_lenient && is_sentence(s, begin, end)) (void)find_number(out, s, begin, end);
    } else if (is_lenient) {
        out->source = find_leniently(out, s, len);
    }
}

void math_find(math_place *out, const char *s, size_t len, bool is_lenient)
{
    const find_part part = find_answer_part(s, len);

    *out = (math_place){.source = MATH_FROM_NOTHING};
    find_in(out, s + part.begin, part.end - part.begin, is_lenient);
    if (out->source == MATH_FROM_NOTHING) return;
    for (size_t i = 0; i < out->n_parts; i++) {
        out->part[i].begin += part.begin;
        out->part[i].end += part.begin;
    }
    out->begin = out->part[0].begin;
    out->end = out->part[out->n_parts - 1].end;
}
