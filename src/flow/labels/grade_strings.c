/* grade_strings.c - math-hendrycks and math-minerva: the string rules by which published numbers on
 * MATH were made, their faults included. For comparison only: docs/GRADING.md says what they get
 * wrong.
 *
 * math-hendrycks  arXiv 2103.03874, its published math_equivalence.py
 * math-minerva    arXiv 2206.14858, appendix D.1, as the field's evaluation harness has it; its
 * string stage alone, without the comparison by a computer-algebra system that may follow there */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/labels/find.h"
#include "flow/labels/grade_impl.h"

typedef struct span {
    size_t begin, end;
} span;

/* -- strings -- */

static void replace_all(vs_buf *b, const char *from, const char *to)
{
    const size_t n = strlen(from);
    vs_buf out = {0};

    if (b->failed || find_text(b->data, 0, b->len, from) == b->len) return;
    for (size_t i = 0; i < b->len;) {
        const size_t at = find_text(b->data, i, b->len, from);
        vs_buf_add(&out, b->data + i, at - i);
        if (at < b->len) vs_buf_str(&out, to);
        i = at < b->len ? at + n : at;
    }
    vs_buf_str(&out, "");
    vs_buf_free(b);
    *b = out;
}

static void keep_from(vs_buf *b, size_t begin, size_t end)
{
    memmove(b->data, b->data + begin, end - begin);
    b->len = end - begin;
    b->data[b->len] = '\0';
}

static size_t count(const vs_buf *b, const char *word)
{
    size_t n = 0;

    for (size_t i = 0; (i = find_text(b->data, i, b->len, word)) < b->len; i += strlen(word)) n++;
    return n;
}

/* -- math-hendrycks -- */

/* "\frac12" becomes "\frac{1}{2}". false: the published code stops with an error there. */
static bool brace_fractions(vs_buf *b)
{
    static const char word[] = "\\frac";
    vs_buf out = {0};
    size_t i = find_text(b->data, 0, b->len, word);
    bool is_ok = true;

    vs_buf_add(&out, b->data, i);
    while (i < b->len && is_ok) {
        const size_t begin = i + strlen(word), end = find_text(b->data, begin, b->len, word),
                     n = end - begin;
        const char *s = b->data + begin;
        vs_buf_str(&out, word);
        is_ok = n > 0;
        if (n > 0 && s[0] == '{') {
            vs_buf_add(&out, s, n);
        } else if (n == 1) { /* left as it was, all of it */
            vs_buf_free(&out);
            return true;
        } else if (n > 1) {
            vs_buf_printf(&out, s[1] == '{' ? "{%c}%c" : "{%c}{%c}", s[0], s[1]);
            vs_buf_add(&out, s + 2, n - 2);
        }
        i = end;
    }
    vs_buf_str(&out, "");
    vs_buf_free(b);
    *b = out;
    return is_ok;
}

static bool brace_roots(vs_buf *b)
{
    static const char word[] = "\\sqrt";
    vs_buf out = {0};
    size_t i = find_text(b->data, 0, b->len, word);
    bool is_ok = true;

    vs_buf_add(&out, b->data, i);
    while (i < b->len && is_ok) {
        const size_t begin = i + strlen(word), end = find_text(b->data, begin, b->len, word);
        is_ok = end > begin;
        if (is_ok && b->data[begin] != '{') {
            vs_buf_printf(&out, "%s{%c}", word, b->data[begin]);
            vs_buf_add(&out, b->data + begin + 1, end - begin - 1);
        } else if (is_ok) {
            vs_buf_add(&out, b->data + i, end - i);
        }
        i = end;
    }
    vs_buf_str(&out, "");
    vs_buf_free(b);
    *b = out;
    return is_ok;
}

/* Whether s[0..n) is an integer as it would be printed. */
static bool is_plain_integer(const char *s, size_t n)
{
    const size_t sign = n > 0 && s[0] == '-';

    if (n == sign || (s[sign] == '0' && (n > sign + 1 || sign))) return false;
    for (size_t i = sign; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return true;
}

static void make_fraction(vs_buf *b)
{
    const size_t at = find_text(b->data, 0, b->len, "/");
    vs_buf out = {0};

    if (count(b, "/") != 1 || !is_plain_integer(b->data, at) ||
        !is_plain_integer(b->data + at + 1, b->len - at - 1))
        return;
    vs_buf_printf(&out, "\\frac{%.*s}{%s}", (int)at, b->data, b->data + at + 1);
    vs_buf_free(b);
    *b = out;
}

/* false: the published code stops with an error, and the strings are compared as they came. */
static bool normalise_hendrycks(vs_buf *b)
{
    static const char *const before[][2] = {
        {"\n", ""},     {"\\!", ""},     {"\\\\", "\\"},    {"tfrac", "frac"}, {"dfrac", "frac"},
        {"\\left", ""}, {"\\right", ""}, {"^{\\circ}", ""}, {"^\\circ", ""},   {"\\$", ""}};
    static const char *const after[][2] = {{"\\%", ""}, {" .", " 0."}, {"{.", "{0."}};
    size_t at;

    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        replace_all(b, before[i][0], before[i][1]);
    if (count(b, "\\text{ ") > 1) return false;
    at = find_text(b->data, 0, b->len, "\\text{ ");
    if (at < b->len) keep_from(b, 0, at);
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        replace_all(b, after[i][0], after[i][1]);
    if (b->len == 0) return true;
    if (b->data[0] == '.') {
        vs_buf out = {0};
        vs_buf_printf(&out, "0%s", b->data);
        vs_buf_free(b);
        *b = out;
    }
    at = find_text(b->data, 0, b->len, "=");
    if (count(b, "=") == 1 && at <= 2) keep_from(b, at + 1, b->len);
    if (!brace_roots(b)) return false;
    replace_all(b, " ", "");
    if (!brace_fractions(b)) return false;
    if (strcmp(b->data, "0.5") == 0) replace_all(b, "0.5", "\\frac{1}{2}");
    make_fraction(b);
    return true;
}

/* The argument of the last \boxed, else of the last \fbox, by counting braces; it must fill the
 * box. */
static bool find_box(span *out, const char *s, size_t len)
{
    static const char *const names[] = {"\\boxed", "\\fbox"};
    size_t at = len, n = 0, depth = 0;

    for (size_t k = 0; k < 2 && at == len; k++)
        for (size_t i = 0; (i = find_text(s, i, len, names[k])) < len; i++)
            at = i, n = strlen(names[k]);
    if (at + n >= len || s[at + n] != '{') return false;
    for (size_t i = at + n; i < len; i++) {
        depth += s[i] == '{';
        if (s[i] == '}' && --depth == 0) {
            *out = (span){at + n + 1, i};
            return true;
        }
    }
    return false;
}

/* -- math-minerva -- */

/* \WORD{..} becomes what is in its braces, up to the first that closes. */
static void unwrap(vs_buf *b, const char *word)
{
    vs_buf out = {0};

    for (size_t i = 0; i < b->len;) {
        const size_t at = find_text(b->data, i, b->len, word), begin = at + strlen(word);
        const size_t close = at < b->len ? find_text(b->data, begin, b->len, "}") : b->len;
        vs_buf_add(&out, b->data + i, at - i);
        if (at < b->len && close == b->len) vs_buf_add(&out, b->data + at, b->len - at);
        if (close < b->len) vs_buf_add(&out, b->data + begin, close - begin);
        i = close < b->len ? close + 1 : b->len;
    }
    vs_buf_str(&out, "");
    vs_buf_free(b);
    *b = out;
}

/* WORDab becomes WORD{a}{b}, or WORD{a} for one argument. */
static void brace_arguments(vs_buf *b, const char *word, size_t n_arguments)
{
    const size_t n = strlen(word);
    vs_buf out = {0};

    for (size_t i = 0; i < b->len;) {
        const size_t at = find_text(b->data, i, b->len, word), begin = at + n;
        vs_buf_add(&out, b->data + i, at - i);
        if (at == b->len) break;
        vs_buf_str(&out, word);
        i = begin;
        if (begin + n_arguments > b->len || b->data[begin] == '{') continue;
        for (size_t k = 0; k < n_arguments; k++) vs_buf_printf(&out, "{%c}", b->data[begin + k]);
        i = begin + n_arguments;
    }
    vs_buf_str(&out, "");
    vs_buf_free(b);
    *b = out;
}

static bool is_grouped_digits(const vs_buf *b)
{
    size_t n_digits = 0;

    for (size_t i = 0; i < b->len; i++) {
        if (b->data[i] >= '0' && b->data[i] <= '9')
            n_digits++;
        else if (b->data[i] != ',')
            return false;
    }
    return n_digits > 0;
}

static bool normalise_minerva(vs_buf *b)
{
    static const char *const replaced[][2] = {{"an ", ""},          {"a ", ""},
                                              {".$", "$"},          {"\\$", ""},
                                              {"\\ ", ""},          {" ", ""},
                                              {"mbox", "text"},     {",\\text{and}", ","},
                                              {"\\text{and}", ","}, {"\\text{m}", "\\text{}"}};
    static const char *const removed[] = {"square",       "ways",
                                          "integers",     "dollars",
                                          "mph",          "inches",
                                          "ft",           "hours",
                                          "km",           "units",
                                          "\\ldots",      "sue",
                                          "points",       "feet",
                                          "minutes",      "digits",
                                          "cents",        "degrees",
                                          "cm",           "gm",
                                          "pounds",       "meters",
                                          "meals",        "edges",
                                          "students",     "childrentickets",
                                          "multiples",    "\\text{s}",
                                          "\\text{.}",    "\\text{\ns}",
                                          "\\text{}^2",   "\\text{}^3",
                                          "\\text{\n}",   "\\text{}",
                                          "\\mathrm{th}", "^\\circ",
                                          "^{\\circ}",    "\\;",
                                          ",\\!",         "{,}",
                                          "\"",           "\\dots"};
    const char *equals = b->len ? memrchr(b->data, '=', b->len) : NULL;
    size_t first, second;

    if (equals) keep_from(b, (size_t)(equals - b->data) + 1, b->len);
    for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
        replace_all(b, replaced[i][0], replaced[i][1]);
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) replace_all(b, removed[i], "");
    first = find_text(b->data, 0, b->len, "$");
    second = find_text(b->data, first + 1, b->len, "$");
    if (second < b->len) keep_from(b, first, second + 1);
    unwrap(b, "\\text{");
    unwrap(b, "\\textbf{");
    unwrap(b, "\\overline{");
    unwrap(b, "\\boxed{");
    brace_arguments(b, "frac", 2);
    brace_arguments(b, "sqrt", 1);
    replace_all(b, "$", "");
    if (!b->failed && is_grouped_digits(b)) replace_all(b, ",", "");
    return true;
}

/* "Final Answer: The final answer is X. I hope it is correct." */
static bool find_sentence(span *out, const char *s, size_t len)
{
    static const char open[] = "Final Answer: The final answer is",
                      close[] = " I hope it is correct";
    const size_t at = find_text(s, 0, len, open), begin = at + strlen(open);
    const size_t end = at < len ? find_text(s, begin, len, close) : len;

    if (at == len || end == len || end == begin || memchr(s + begin, '\n', end - begin))
        return false;
    *out = (span){begin, end - 1}; /* whatever stands before the blank, as a rule a full stop */
    while (out->begin < out->end && s[out->begin] == ' ') out->begin++;
    while (out->end > out->begin && s[out->end - 1] == ' ') out->end--;
    return true;
}

/* -- grading -- */

typedef struct rules {
    bool (*find)(span *out, const char *s, size_t len);
    bool (*normalise)(vs_buf *b);
    const char *where;
} rules;

static vs_status grade(vs_grade_result *out, const char *version, const grade_texts *in,
                       const rules *r, vs_error *err)
{
    vs_buf gold = {0}, answer = {0};
    span box, at = {0, 0};
    const bool has_answer = r->find(&at, in->completion, in->completion_len);
    vs_status st = VS_OK;

    if (in->gold && in->gold_len == 0)
        return VS_FAIL(err, VS_E_INPUT, "gold answer \"\": expected an answer");
    if (in->gold && find_box(&box, in->gold, in->gold_len))
        vs_buf_add(&gold, in->gold + box.begin, box.end - box.begin);
    else
        vs_buf_add(&gold, in->gold ? in->gold : "", in->gold_len);
    vs_buf_add(&answer, in->completion + at.begin, at.end - at.begin);
    vs_buf_str(&gold, "");
    vs_buf_str(&answer, "");
    VS_CHECK(vs_buf_ok(&gold, "answer", err));
    VS_CHECK(vs_buf_ok(&answer, "answer", err));
    const bool were_equal = gold.len == answer.len && memcmp(gold.data, answer.data, gold.len) == 0;
    const bool gold_is_normal = r->normalise(&gold);
    const bool is_normal = r->normalise(&answer) && gold_is_normal;
    VS_CHECK(vs_buf_ok(&gold, "answer", err));
    VS_CHECK(vs_buf_ok(&answer, "answer", err));
    const bool are_equal = gold.len == answer.len && memcmp(gold.data, answer.data, gold.len) == 0;
    grade_set_rule(out, version, has_answer ? r->where : "no-answer", is_normal ? "" : ".raw");
    out->verdict = !in->gold                                            ? VS_UNGRADABLE
                   : has_answer && (is_normal ? are_equal : were_equal) ? VS_RIGHT
                                                                        : VS_WRONG;
    if (!has_answer) goto done;
    grade_set_extract(out, in, at.begin, at.end);
    grade_set_normal(out, answer.data, answer.len);
done:
    vs_buf_free(&gold);
    vs_buf_free(&answer);
    return st;
}

vs_status grade_math_hendrycks(vs_grade_result *out, const char *version, const grade_texts *in,
                               vs_error *err)
{
    static const rules r = {find_box, normalise_hendrycks, "box"};

    return grade(out, version, in, &r, err);
}

vs_status grade_math_minerva(vs_grade_result *out, const char *version, const grade_texts *in,
                             vs_error *err)
{
    static const rules r = {find_sentence, normalise_minerva, "sentence"};

    return grade(out, version, in, &r, err);
}
