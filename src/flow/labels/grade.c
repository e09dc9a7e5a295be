/* grade.c - the passes over a completion, in the order of the profile's rules. */
#include "flow/labels/grade.h"

#include <stdio.h>
#include <string.h>

/* Where an answer was looked for. */
typedef enum source {
    FROM_NOTHING,
    FROM_MARKER,
    FROM_BOXED,
    FROM_ANSWER,
    FROM_LAST,
    N_SOURCES
} source;

/* clang-format off */
#define READINGS(where) {where, where ".none", where ".malformed", where ".ambiguous", where ".too-long"}
#define RULES(version) {                                                                           \
    READINGS(version ":no-marker"), READINGS(version ":marker"), READINGS(version ":boxed"),        \
    READINGS(version ":answer-is"), READINGS(version ":last-number")}
/* clang-format on */

typedef struct found {
    source from;
    vs_reading reading;
    vs_number number;
} found;

typedef struct profile {
    const char *name, *version;
    void (*find)(found *out, const char *s, size_t len);
    const char *rules[N_SOURCES][VS_READINGS];
} profile;

static const char marker[] = "####";

/* -- looking for text -- */

/* First place of `word` in s[i..len), or len. */
static size_t find_text(const char *s, size_t i, size_t len, const char *word)
{
    const char *at = i < len ? memmem(s + i, len - i, word, strlen(word)) : NULL;

    return at ? (size_t)(at - s) : len;
}

static size_t line_end(const char *s, size_t i, size_t len)
{
    const char *at = i < len ? memchr(s + i, '\n', len - i) : NULL;

    return at ? (size_t)(at - s) : len;
}

static size_t skip_spaces(const char *s, size_t i, size_t len)
{
    while (i < len && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r')) i++;
    return i;
}

static size_t starts_fold(const char *s, size_t i, size_t len, const char *lower)
{
    size_t n = 0;

    for (; lower[n]; n++) {
        if (i + n >= len) return 0;
        if ((s[i + n] >= 'A' && s[i + n] <= 'Z' ? s[i + n] - 'A' + 'a' : s[i + n]) != lower[n])
            return 0;
    }
    return n;
}

/* Next "answer is" or "answer:" from s[i] on, any case; *after is where its number would begin. */
static size_t find_statement(size_t *after, const char *s, size_t i, size_t len)
{
    for (; i < len; i++) {
        size_t n = starts_fold(s, i, len, "answer is");
        if (!n) n = starts_fold(s, i, len, "answer:");
        if (!n) continue;
        *after = i + n;
        return i;
    }
    return len;
}

/* The completion without what runs on into a next question: a line that begins with "Question:" or
 * "Q:" ends it once a marker or an answer statement has come. */
static size_t cut_run_on(const char *s, size_t len)
{
    size_t ignored, at = find_text(s, 0, len, marker);
    const size_t statement = find_statement(&ignored, s, 0, len);

    if (statement < at) at = statement;
    for (at = line_end(s, at, len); at < len; at = line_end(s, at + 1, len)) {
        const size_t first = skip_spaces(s, at + 1, len);
        if (len - first >= 9 && memcmp(s + first, "Question:", 9) == 0) return at;
        if (len - first >= 2 && memcmp(s + first, "Q:", 2) == 0) return at;
    }
    return len;
}

/* -- the passes; each leaves *out alone and returns false when its place does not exist -- */

static bool find_marker(found *out, const char *s, size_t len)
{
    size_t begin = find_text(s, 0, len, marker), end;

    if (begin == len) return false;
    while (begin < len && s[begin] == '#') begin++;
    for (end = line_end(s, begin, len); end < len && skip_spaces(s, begin, end) == end;) {
        begin = end + 1;
        end = line_end(s, begin, len);
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

/* A sentence ends at a line's end or at a dot that a blank follows. */
static size_t sentence_end(const char *s, size_t i, size_t len)
{
    for (; i < len && s[i] != '\n'; i++)
        if (s[i] == '.' && (i + 1 == len || s[i + 1] == ' ' || s[i + 1] == '\n')) return i;
    return i;
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
    out->reading = vs_number_region(&out->number, s, begin, sentence_end(s, begin, len));
    return true;
}

static void find_strict(found *out, const char *s, size_t len)
{
    find_marker(out, s, cut_run_on(s, len));
}

static void find_flexible(found *out, const char *s, size_t len)
{
    len = cut_run_on(s, len);
    if (find_marker(out, s, len) || find_boxed(out, s, len) || find_answer(out, s, len)) return;
    out->from = FROM_LAST;
    out->reading = vs_number_last(&out->number, s, 0, len);
}

/* The demonstration task: "#### ", an optional minus, digits. */
static void find_arithmetic(found *out, const char *s, size_t len)
{
    size_t begin = 0, digits, end;

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

static const profile profiles[] = {
    {"gsm8k", "gsm8k/1", find_strict, RULES("gsm8k/1")},
    {"gsm8k-flexible", "gsm8k-flexible/1", find_flexible, RULES("gsm8k-flexible/1")},
    {"arithmetic", "arithmetic/1", find_arithmetic, RULES("arithmetic/1")},
};
enum { N_PROFILES = sizeof profiles / sizeof *profiles };

static const profile *find_profile(const char *name)
{
    for (size_t i = 0; i < N_PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0) return &profiles[i];
    return NULL;
}

const char *const *vs_profile_names(void)
{
    static const char *const names[] = {"gsm8k", "gsm8k-flexible", "arithmetic", NULL};

    return names;
}

const char *vs_profile_version(const char *name)
{
    const profile *p = find_profile(name);

    return p ? p->version : NULL;
}

const char *vs_verdict_name(vs_verdict verdict)
{
    static const char *const names[] = {"wrong", "right", "ungradable"};

    return names[verdict];
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

/* Copies s[begin..end), cut where a UTF-8 character begins when it is too long. */
static void copy_extract(vs_grade_result *out, const char *s)
{
    size_t n = out->end - out->begin;

    if (n >= sizeof out->extracted) {
        n = sizeof out->extracted - 1;
        while (n && ((unsigned char)s[out->begin + n] & 0xc0) == 0x80) n--;
    }
    if (n) memcpy(out->extracted, s + out->begin, n);
    out->extracted[n] = '\0';
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

vs_status vs_grade(vs_grade_result *out, const char *name, const char *gold, size_t gold_len,
                   const char *completion, size_t completion_len, vs_error *err)
{
    const profile *p = find_profile(name);
    found f = {.from = FROM_NOTHING, .reading = VS_READ_NOTHING};
    vs_number right;

    if (!p)
        return VS_FAIL(
            err, VS_E_INPUT,
            "grading profile \"%s\" is unknown; expected gsm8k, gsm8k-flexible or arithmetic",
            name);
    VS_TRY(read_gold(&right, gold, gold_len, err));
    p->find(&f, completion, completion_len);
    *out = (vs_grade_result){
        .verdict = judge(&f, &right), .begin = f.number.begin, .end = f.number.end};
    out->rule = f.from == FROM_NOTHING ? p->rules[FROM_NOTHING][0] : p->rules[f.from][f.reading];
    memcpy(out->normal, f.number.normal, sizeof out->normal);
    copy_extract(out, completion);
    return VS_OK;
}
