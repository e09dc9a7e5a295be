/* grade_number.c - the profiles whose answers are single numbers: the passes over a completion, in
 * the order of each profile's rules. */
#include <string.h>

#include "flow/labels/find.h"
#include "flow/labels/grade_impl.h"

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
    out->reading = vs_number_region(&out->number, s, begin, end);
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
    static const char *const readings[] = {"", ".none", ".malformed", ".ambiguous", ".too-long"};

    grade_set_rule(out, version, sources[f->from],
                   f->from == FROM_NOTHING ? "" : readings[f->reading]);
}

static vs_status grade(vs_grade_result *out, const char *version,
                       void (*find)(found *out, const char *s, size_t len), const grade_texts *in,
                       vs_error *err)
{
    found f = {.from = FROM_NOTHING, .reading = VS_READ_NOTHING};
    vs_number right;

    if (in->gold) VS_TRY(read_gold(&right, in->gold, in->gold_len, err));
    find(&f, in->completion, in->completion_len);
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
