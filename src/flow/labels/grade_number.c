/* grade_number.c - the profiles whose answers are single numbers: the passes over a completion, in
 * the order of each profile's rules. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/labels/find.h"
#include "flow/labels/grade_impl.h"
#include "flow/labels/math/math_equal.h"

/* Where an answer was looked for. */
typedef enum source {
    FROM_NOTHING,
    FROM_MARKER,
    FROM_BOXED,
    FROM_ANSWER,
    FROM_LAST,
    FROM_SCRATCH
} source;

typedef struct found {
    source from;
    vs_reading reading;
    vs_number number;
} found;

static const char marker[] = "####";

/* -- the passes; each leaves *out alone and returns false when its place does not exist -- */

/* "8 #### 8": one answer said again. */
static void read_marked(found *out, const char *s, size_t begin, size_t end)
{
    const size_t first = begin;
    size_t stop = find_text(s, begin, end, marker);

    out->reading = vs_number_region(&out->number, s, begin, stop);
    while (stop < end && out->reading == VS_READ_NUMBER) {
        vs_number again;
        for (begin = stop; begin < end && s[begin] == '#';) begin++;
        stop = find_text(s, begin, end, marker);
        const vs_reading reading = vs_number_region(&again, s, begin, stop);
        if (reading == VS_READ_NOTHING) continue;
        if (reading == VS_READ_NUMBER && strcmp(again.normal, out->number.normal) == 0) continue;
        out->reading = VS_READ_AMBIGUOUS;
        out->number = (vs_number){.begin = find_past_blanks(s, first, end), .end = again.end};
    }
}

static bool find_marker(found *out, const char *s, size_t len)
{
    size_t begin = find_text(s, 0, len, marker), end;

    if (begin == len) return false;
    while (begin < len && s[begin] == '#') begin++;
    for (end = find_line_end(s, begin, len); end < len && find_past_blanks(s, begin, end) == end;) {
        begin = end + 1;
        end = find_line_end(s, begin, len);
    }
    out->from = FROM_MARKER;
    read_marked(out, s, begin, end);
    return true;
}

static size_t last_box(const char *s, size_t len)
{
    size_t at = len, next = 0;

    while ((next = find_text(s, next, len, "\\boxed{")) < len) at = next++;
    return at;
}

static bool find_boxed(found *out, const char *s, size_t len)
{
    const size_t at = last_box(s, len);
    size_t begin = at + 7, end, depth = 1;
    found probe = {.from = FROM_BOXED};

    if (at == len) return false;
    for (end = begin; end < len && s[end] != '\n'; end++) {
        if (s[end] == '{') depth++;
        if (s[end] == '}' && --depth == 0) break;
    }
    probe.reading = vs_number_region(&probe.number, s, begin, end);
    if (probe.reading == VS_READ_NOTHING) return false;
    *out = probe;
    return true;
}

static bool find_answer(found *out, const char *s, size_t len)
{
    vs_number number;
    size_t begin = len, after = 0;

    while (find_statement(&after, s, after, len) < len) {
        const size_t start = vs_number_unwrap(s, after, len);
        if (memchr(s + after, '\n', start - after))
            continue; /* the statement's own line has no number */
        if (vs_number_read(&number, s, start, len) != VS_READ_NOTHING) begin = after;
    }
    if (begin == len) return false;
    out->from = FROM_ANSWER;
    out->reading = vs_number_region(&out->number, s, begin, find_sentence_end(s, begin, len));
    return true;
}

static void find_strict(found *out, const char *s, size_t len)
{
    find_marker(out, s, find_run_on(s, len));
}

static void find_flexible(found *out, const char *s, size_t len)
{
    len = find_run_on(s, len);
    if (find_marker(out, s, len) || find_boxed(out, s, len) || find_answer(out, s, len)) return;
    out->from = FROM_LAST;
    out->reading = vs_number_last(&out->number, s, 0, len);
}

/* STaR's addition: the digits of the line after the last "</scratch>", with blanks between them. */
static bool find_scratch(found *out, const char *s, size_t len)
{
    static const char mark[] = "</scratch>";
    size_t at = len, begin, end, n = 0;
    char digits[VS_NUMBER_MAX_DIGITS + 1];

    for (size_t next = 0; (next = find_text(s, next, len, mark)) < len; next++) at = next;
    if (at == len) return false;
    begin = at + strlen(mark);
    while (begin < len && strchr(" \t\r\n", s[begin]) && s[begin]) begin++;
    end = find_line_end(s, begin, len);
    out->from = FROM_SCRATCH;
    out->reading = end > begin ? VS_READ_MALFORMED : VS_READ_NOTHING;
    for (size_t i = begin; i < end; i++) {
        if (s[i] == ' ' || s[i] == '\r') continue;
        if (s[i] < '0' || s[i] > '9' || n == VS_NUMBER_MAX_DIGITS) return true;
        digits[n++] = s[i];
    }
    if (n) out->reading = vs_number_read(&out->number, digits, 0, n);
    out->number.begin = begin;
    out->number.end = end;
    return true;
}

/* "#### ", an optional minus, digits: the demonstration task; else a scratchpad's sum. */
static void find_arithmetic(found *out, const char *s, size_t len)
{
    size_t begin = 0, digits, end;

    if (find_scratch(out, s, len)) return;
    do {
        const size_t at = find_text(s, begin, len, "#### ");
        if (at == len) return;
        begin = at + 5;
        digits = begin + (begin < len && s[begin] == '-');
        for (end = digits; end < len && s[end] >= '0' && s[end] <= '9';) end++;
    } while (end == digits);
    out->from = FROM_MARKER;
    out->reading = vs_number_read(&out->number, s, begin, end);
}

/* -- expressions -- */

/* Digits that white space or two slashes part are no expression: 1 080, 18/07/2020. */
static bool may_be_expression(const char *s, const vs_number *n)
{
    size_t n_slashes = 0;

    for (size_t i = n->begin; i < n->end; i++) {
        const bool is_digit = s[i] >= '0' && s[i] <= '9';
        const size_t next = find_past_blanks(s, i + 1, n->end);
        if (is_digit && next > i + 1 && next < n->end && s[next] >= '0' && s[next] <= '9')
            return false;
        n_slashes = s[i] == '/' ? n_slashes + 1 : is_digit ? n_slashes : 0;
        n_slashes += is_digit && n_slashes == 1 && next < n->end && s[next] == '/';
        if (n_slashes > 1) return false;
    }
    return n->end - n->begin <= MATH_MAX_BYTES;
}

/* The value of s[n->begin..n->end) as mathematics, where it is read whole, without words and units:
 * 3\cdot\frac12. NUMBER: a rational number, in n->normal. EXPRESSION: another value than gold. */
static vs_reading evaluate(vs_number *n, const char *s, const vs_number *gold)
{
    math_text *answer = vs_alloc(1, sizeof *answer), *right = vs_alloc(1, sizeof *right);
    vs_reading reading = VS_READ_AMBIGUOUS;
    vs_buf normal = {0};
    vs_number value;
    size_t end = n->end;

    while (end > n->begin && strchr(" .,", s[end - 1]) && s[end - 1]) end--;
    if (!answer || !right || !may_be_expression(s, n) ||
        math_read(answer, s + n->begin, end - n->begin, 0) != MATH_PARSED || answer->n_units ||
        answer->is_denied || !math_is_scalar(answer->root))
        goto done;
    math_normal(&normal, answer->root);
    if (!normal.failed && normal.len &&
        vs_number_read(&value, normal.data, 0, normal.len) == VS_READ_NUMBER &&
        value.end == normal.len) {
        memcpy(n->normal, value.normal, sizeof value.normal);
        reading = VS_READ_NUMBER;
    } else if (gold && math_read(right, gold->normal, strlen(gold->normal), 0) == MATH_PARSED &&
               math_equal(right->root, answer->root) == MATH_FALSE) {
        reading = VS_READ_EXPRESSION;
    }
done:
    free(answer);
    free(right);
    vs_buf_free(&normal);
    return reading;
}

/* Letters alone, as "x" or "Total". */
static bool is_name(const char *s, size_t begin, size_t end)
{
    for (; begin < end; begin++)
        if (!strchr(" $*_", s[begin]) && !((s[begin] | 32) >= 'a' && (s[begin] | 32) <= 'z'))
            return false;
    return true;
}

/* "x = 18", "9*2 = 18": the right side, where the left says nothing else. */
static vs_reading read_equation(vs_number *out, const char *s)
{
    const char *sign = memrchr(s + out->begin, '=', out->end - out->begin);
    vs_number left = {.begin = out->begin}, right;

    if (!sign) return VS_READ_AMBIGUOUS;
    left.end = (size_t)(sign - s);
    if (vs_number_region(&right, s, left.end + 1, out->end) != VS_READ_NUMBER)
        return VS_READ_AMBIGUOUS;
    if (!is_name(s, left.begin, left.end) &&
        (evaluate(&left, s, NULL) != VS_READ_NUMBER || strcmp(left.normal, right.normal) != 0))
        return VS_READ_AMBIGUOUS;
    *out = right;
    return VS_READ_NUMBER;
}

/* What is no number may be an expression. */
static void read_expression(found *f, const char *s, const vs_number *gold)
{
    bool is_ascii = true;

    for (size_t i = f->number.begin; i < f->number.end; i++)
        is_ascii = is_ascii && (unsigned char)s[i] < 0x80;
    if (f->reading != VS_READ_EXPRESSION && (f->reading != VS_READ_NOTHING || is_ascii)) return;
    vs_reading reading = read_equation(&f->number, s);
    if (reading == VS_READ_AMBIGUOUS) reading = evaluate(&f->number, s, gold);
    if (reading != VS_READ_AMBIGUOUS || f->reading == VS_READ_EXPRESSION) f->reading = reading;
}

/* -- grading -- */

static vs_status read_gold(vs_number *out, const char *gold, size_t len, vs_error *err)
{
    const size_t at = find_text(gold, 0, len, marker);
    const size_t begin = at < len ? at + strlen(marker) : 0;
    const int shown = (int)(len - begin < 80 ? len - begin : 80);
    size_t first = begin, end = len;

    while (end > first && strchr(" \t\r\n", gold[end - 1]) && gold[end - 1]) end--;
    while (first < end && (gold[first] == ' ' || gold[first] == '\t' || gold[first] == '\n' ||
                           gold[first] == '\r'))
        first++;
    switch (vs_number_read(out, gold, first, end)) {
    case VS_READ_NUMBER:
        if (out->end == end) return VS_OK;
        break;
    case VS_READ_TOO_LONG:
        return VS_FAIL(err, VS_E_INPUT,
                       "gold answer \"%.*s\": the number has no exact value in 128 bits", shown,
                       gold + begin);
    default:
        break;
    }
    return VS_FAIL(err, VS_E_INPUT, "gold answer \"%.*s\": expected one number%s", shown,
                   gold + begin, at < len ? " after ####" : "");
}

static vs_verdict judge(const found *f, const vs_number *gold)
{
    switch (f->reading) {
    case VS_READ_NUMBER:
        return strcmp(f->number.normal, gold->normal) == 0 ? VS_RIGHT : VS_WRONG;
    case VS_READ_AMBIGUOUS:
    case VS_READ_TOO_LONG:
        return VS_UNGRADABLE;
    default:
        return VS_WRONG; /* no answer, or none that can be read */
    }
}

static void set_rule(vs_grade_result *out, const char *version, const found *f)
{
    static const char *const sources[] = {"no-marker", "marker",      "boxed",
                                          "answer-is", "last-number", "scratch"};
    static const char *const readings[] = {"",          ".none",   ".malformed", ".ambiguous",
                                           ".too-long", ".denied", ".expression"};

    grade_set_rule(out, version, sources[f->from],
                   f->from == FROM_NOTHING ? "" : readings[f->reading]);
}

static vs_status grade(vs_grade_result *out, const char *version,
                       void (*find)(found *out, const char *s, size_t len), const grade_texts *in,
                       vs_error *err)
{
    /* the demonstration's digits end where they end */
    const find_part part = find == find_arithmetic
                               ? (find_part){0, in->completion_len}
                               : find_answer_part(in->completion, in->completion_len);
    found f = {.from = FROM_NOTHING, .reading = VS_READ_NOTHING};
    vs_number right;

    if (in->gold) VS_TRY(read_gold(&right, in->gold, in->gold_len, err));
    find(&f, in->completion + part.begin, part.end - part.begin);
    read_expression(&f, in->completion + part.begin, in->gold ? &right : NULL);
    f.number.begin += part.begin;
    f.number.end += part.begin;
    out->verdict = in->gold ? judge(&f, &right) : VS_UNGRADABLE;
    set_rule(out, version, &f);
    grade_set_extract(out, in, f.number.begin, f.number.end);
    grade_set_normal(out, f.number.normal, strlen(f.number.normal));
    return VS_OK;
}

vs_status grade_gsm8k(vs_grade_result *out, const char *version, const grade_texts *in,
                      vs_error *err)
{
    return grade(out, version, find_strict, in, err);
}

vs_status grade_gsm8k_flexible(vs_grade_result *out, const char *version, const grade_texts *in,
                               vs_error *err)
{
    return grade(out, version, find_flexible, in, err);
}

vs_status grade_arithmetic(vs_grade_result *out, const char *version, const grade_texts *in,
                           vs_error *err)
{
    return grade(out, version, find_arithmetic, in, err);
}
