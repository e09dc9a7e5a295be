/* grade_choice.c - multiple choice: the letter that a completion decides for. */
#include <string.h>

#include "base/box.h"
#include "flow/labels/find.h"
#include "flow/labels/grade_impl.h"

enum { N_LETTERS = 10 }; /* A to J */

typedef struct choice {
    const char *where;
    int letter; /* 0: none, -1: several */
    size_t begin, end;
    int denied;     /* the last letter that the text says it is not */
    bool is_strict; /* a lone capital before a small word is no label: "C dogs" */
} choice;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word_byte(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* 'A' .. of either case; 0: no label of a choice. */
static int label_of(char c)
{
    const int upper = c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;

    return upper >= 'A' && upper < 'A' + N_LETTERS ? upper : 0;
}

static void note(choice *c, int letter, size_t at)
{
    if (c->letter == 0) c->begin = at;
    c->letter = c->letter != 0 && c->letter != letter ? -1 : letter;
    c->end = at + 1;
}

/* -- words and labels of a line -- */

/* A text's next word, label or sign. */
typedef struct token {
    size_t begin, end; /* of the word, or of the letter itself */
    int label;         /* 0: none */
    bool is_bracketed; /* "(c)" */
    char next;         /* the byte behind it; 0: the end */
} token;

/* Emphasis and layout, which mean nothing. */
static size_t past_layout(const char *s, size_t i, size_t end)
{
    static const char *const wraps[] = {"\\text{",   "\\textbf{", "\\mathrm{", "\\mathbf{",
                                        "\\textit{", "\\boxed{",  "\\fbox{",   "\\(",
                                        "\\)",       "\\[",       "\\]",       "\\ ",
                                        "\\,",       "\\quad",    "\\left",    "\\right"};

    for (size_t n = 1; n && i < end;) {
        n = find_any(s, i, end, wraps, sizeof wraps / sizeof *wraps);
        if (!n && s[i] && strchr(" \t\r*_`'\"$:{}~", s[i])) n = 1;
        i += n;
    }
    return i;
}

/* false: nothing is left. A single letter is a label where it is bracketed or a capital. */
static bool next_token(token *t, const char *s, size_t i, size_t end)
{
    size_t open;

    *t = (token){.begin = past_layout(s, i, end)};
    if (t->begin == end) return false;
    open = s[t->begin] == '(' || s[t->begin] == '[' ? past_layout(s, t->begin + 1, end) : end;
    if (open < end && label_of(s[open])) {
        const size_t close = past_layout(s, open + 1, end);
        if (close < end && (s[close] == ')' || s[close] == ']')) {
            *t = (token){open, close + 1, label_of(s[open]), true,
                         close + 1 < end ? s[close + 1] : '\0'};
            return true;
        }
    }
    t->end = t->begin + 1;
    if (is_word_byte(s[t->begin]))
        while (t->end < end && (is_word_byte(s[t->end]) || (s[t->end] == '\'' && t->end + 1 < end &&
                                                            is_letter(s[t->end + 1]))))
            t->end++;
    t->next = t->end < end ? s[t->end] : '\0';
    if (t->end == t->begin + 1 && s[t->begin] >= 'A' && s[t->begin] < 'A' + N_LETTERS)
        t->label = s[t->begin];
    return true;
}

static bool is_one_of(const char *s, const token *t, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (t->end - t->begin == strlen(words[i]) && find_fold(s, t->begin, t->end, words[i]))
            return true;
    return false;
}
#define IS_ONE_OF(s, t, words) is_one_of(s, t, words, sizeof(words) / sizeof *(words))

/* What may stand between "answer is" and the label. */
static const char *const fillers[] = {
    "the",     "is",        "be",       "it",     "it's",    "that",   "i",           "think",
    "believe", "would",     "say",      "to",     "must",    "should", "could",       "seems",
    "appears", "option",    "choice",   "letter", "answer",  "most",   "likely",      "probably",
    "clearly", "therefore", "thus",     "so",     "correct", "best",   "right",       "definitely",
    "either",  "both",      "indeed",   "maybe",  "perhaps", "also",   "one",         "final",
    "given",   "by",        "are",      "was",    "as",      "in",     "fact",        "actually",
    "options", "choices",   "possibly", "can",    "may",     "might",  "go",          "with",
    "choose",  "pick",      "select",   "my",     "will",    "i'd",    "i'll",        "here",
    "and",     "or",        "but",      "guess",  "than",    "of",     "the\xc2\xa0", "simply"};
/* A label behind one of these is not chosen; behind a reason it is only spoken of. */
static const char *const denials[] = {"not",     "isn't", "rather", "instead",   "except",
                                      "neither", "nor",   "than",   "excluding", "never"};
static const char *const reasons[] = {"because", "since", "as",  "while",  "whereas", "although",
                                      "though",  "due",   "for", "unlike", "which",   "where"};

/* Whether a lone capital at t is a label and no word: "A dog", "I". */
static bool is_label(const char *s, const token *t, size_t end, bool is_strict)
{
    token after;

    if (!t->label || t->is_bracketed) return t->label != 0;
    if (t->next == '\'' || t->next == '-' || t->next == '+' || t->next == '^' || t->next == '=' ||
        t->next == '_')
        return t->next == '\'' && (t->end + 1 == end || !is_letter(s[t->end + 1]));
    if (!is_strict && t->label != 'A' && t->label != 'I') return true;
    if (t->next != ' ' || !next_token(&after, s, t->end, end)) return true;
    if (!is_letter(s[after.begin])) return true;
    return t->label != 'I' && (IS_ONE_OF(s, &after, reasons) || IS_ONE_OF(s, &after, fillers) ||
                               (s[after.begin] >= 'A' && s[after.begin] <= 'Z'));
}

/* The labels of s[begin..end) that are chosen. The first must stand at the beginning, behind fillers
 * alone, or be bracketed; more of them behind it make several. */
static void read_labels(choice *c, const char *s, size_t begin, size_t end)
{
    bool is_denied = false, is_leading = true, is_reason = false;
    token t;

    for (size_t i = begin; next_token(&t, s, i, end); i = t.end) {
        const bool is_plain = is_label(s, &t, end, c->is_strict) && (is_leading || c->letter != 0);
        if (t.label && (t.is_bracketed || is_plain)) {
            if (is_denied || find_denied_behind(s, t.end, end))
                c->denied = t.label;
            else if (!is_reason)
                note(c, t.label, t.begin);
            is_denied = is_denied && t.next == ',';
            continue;
        }
        if (!is_word_byte(s[t.begin])) {
            if (s[t.begin] == ',' || s[t.begin] == ';') is_denied = false;
            continue;
        }
        is_denied = IS_ONE_OF(s, &t, denials) || (is_denied && IS_ONE_OF(s, &t, fillers));
        if (c->letter != 0 && IS_ONE_OF(s, &t, reasons)) is_reason = true;
        is_leading = is_leading && (IS_ONE_OF(s, &t, fillers) || is_denied);
    }
}

/* A small letter that is all of s[begin..end), or that a closing bracket or dot and more follow at
 * its beginning: "c", "b. 4". */
static void read_small(choice *c, const char *s, size_t begin, size_t end)
{
    const size_t at = past_layout(s, begin, end), after = at < end ? at + 1 : end;
    size_t rest;

    if (at == end || !label_of(s[at]) || (after < end && is_word_byte(s[after]))) return;
    rest = past_layout(s, after, end);
    while (rest < end && (s[rest] == '.' || s[rest] == ')')) rest = past_layout(s, rest + 1, end);
    if (rest == end || s[after] == '.' || s[after] == ')') note(c, label_of(s[at]), at);
}

/* -- places -- */

static bool find_boxed(choice *out, const char *s, size_t len)
{
    vs_box part[VS_BOX_PARTS];
    const size_t n = find_boxes(part, s, len);

    if (!n) return false;
    *out = (choice){.where = "box"};
    read_labels(out, s, part[0].begin, part[n - 1].end);
    if (out->letter == 0) read_small(out, s, part[0].begin, part[n - 1].end);
    return out->letter != 0;
}

/* The end of the sentence of s[i]; labels with full stops behind it belong to it: "A. B. C." */
static size_t statement_end(const char *s, size_t i, size_t len)
{
    size_t end = find_sentence_end(s, i, len);
    token t;

    while (end < len && s[end] == '.' && next_token(&t, s, end + 1, find_line_end(s, end, len)) &&
           t.label && !t.is_bracketed && (t.next == '.' || !t.next || t.next == '\n'))
        end = find_sentence_end(s, t.begin, len);
    return end;
}

/* What a statement says from s[i] on; where its line ends there, the next line. */
static void read_statement(choice *out, const char *s, size_t i, size_t len)
{
    choice c = {.where = "answer-is"};
    size_t end;

    if (past_layout(s, i, find_line_end(s, i, len)) == find_line_end(s, i, len))
        while (i < len && (s[i] == '\n' || past_layout(s, i, len) > i)) i++;
    end = statement_end(s, i, len);
    read_labels(&c, s, i, end);
    if (c.letter == 0) read_small(&c, s, i, end);
    if (c.letter != 0)
        *out = c;
    else if (c.denied && (!out->letter || c.denied == out->letter))
        *out = (choice){.where = "answer-is", .denied = c.denied};
}

/* Behind "answer", "option" or "choice" at s[i]: where its copula ends; 0: none. */
static size_t copula_end(const char *s, size_t i, size_t end)
{
    static const char *const copulas[] = {"is", "be", "are", "was"};
    token t;

    for (int n = 0; n < 5; n++) {
        size_t mark = i;
        while (mark < end && s[mark] && strchr(" *_", s[mark])) mark++;
        if (mark < end && (s[mark] == ':' || s[mark] == '=')) return mark + 1;
        if (!next_token(&t, s, i, end) || t.label) return 0;
        if (IS_ONE_OF(s, &t, copulas)) return t.end;
        if (!IS_ONE_OF(s, &t, fillers)) return 0;
        i = t.end;
    }
    return 0;
}

/* "is correct", "is the right one", "seems to be the best choice" behind a label. */
static bool is_affirmed(const char *s, size_t i, size_t end)
{
    static const char *const praise[] = {"correct", "right", "best", "answer"};
    static const char *const links[] = {"is", "be",   "would", "the",   "most",  "seems",
                                        "to", "must", "my",    "looks", "final", "clearly"};
    token t;

    for (int n = 0; n < 5 && next_token(&t, s, i, end); n++, i = t.end) {
        if (n > 0 && IS_ONE_OF(s, &t, praise)) return true;
        if (!IS_ONE_OF(s, &t, links)) return false;
    }
    return false;
}

/* The last statement: "the answer is ..", "I choose ..", ".. is correct". */
static bool find_stated(choice *out, const char *s, size_t len)
{
    static const char *const nouns[] = {"answer", "option", "choice"};
    static const char *const verbs[] = {"choose", "pick", "select", "chose"};
    static const char *const phrases[] = {"go with", "going with", "opt for"};
    token t;

    *out = (choice){.where = "answer-is"};
    for (size_t i = 0; next_token(&t, s, i, len); i = t.end) {
        const size_t line = find_line_end(s, t.begin, len);
        size_t after = 0;
        if (t.label && is_affirmed(s, t.end, line) && is_label(s, &t, line, false)) {
            *out = (choice){
                .where = "answer-is", .letter = t.label, .begin = t.begin, .end = t.begin + 1};
        } else if (IS_ONE_OF(s, &t, nouns)) {
            after = copula_end(s, t.end, line);
        } else if (IS_ONE_OF(s, &t, verbs)) {
            after = t.end;
        } else {
            for (size_t k = 0; k < 3 && !after; k++) {
                const size_t n = find_fold(s, t.begin, line, phrases[k]);
                if (n) after = t.begin + n;
            }
        }
        if (after) read_statement(out, s, after, len);
    }
    return out->letter != 0;
}

/* Whether the line that begins at s[i] is "x. ..", a choice said again, of another letter. */
static bool lists_another(const char *s, size_t i, size_t end, int letter)
{
    choice c = {.where = ""};
    const size_t at = past_layout(s, i, end);

    if (at + 1 < end && (s[at + 1] == ')' || s[at + 1] == '.')) read_small(&c, s, i, end);
    if (at + 2 < end && s[at] == '(' && s[at + 2] == ')') c.letter = label_of(s[at + 1]);
    return c.letter != 0 && c.letter != letter && past_layout(s, at + 2, end) < end;
}

/* The whole text, or its last line; none where the text lists the choices. */
static bool find_line(choice *out, const char *s, size_t len)
{
    size_t begin, end = len, n_before = 0;

    while (end > 0 && strchr(" \t\r\n", s[end - 1]) && s[end - 1]) end--;
    for (begin = end; begin > 0 && s[begin - 1] != '\n';) begin--;
    *out = (choice){.where = "last-line", .is_strict = true};
    read_labels(out, s, begin, end);
    if (out->letter == 0) read_small(out, s, begin, end);
    for (size_t i = 0; i < begin && out->letter > 0; i = find_line_end(s, i, len) + 1)
        n_before += lists_another(s, i, find_line_end(s, i, len), out->letter);
    if (n_before && lists_another(s, begin, end, 0)) *out = (choice){.where = "last-line"};
    return out->letter != 0;
}

static vs_status read_gold(int *out, const char *gold, size_t len, vs_error *err)
{
    size_t begin = find_past_blanks(gold, 0, len), end = len;

    while (end > begin && strchr(" \t\r\n)", gold[end - 1]) && gold[end - 1]) end--;
    if (begin < end && gold[begin] == '(') begin++;
    *out = end - begin == 1 ? label_of(gold[begin]) : 0;
    if (*out) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT, "gold answer \"%.*s\": expected one letter from A to %c",
                   (int)(len < 40 ? len : 40), gold, 'A' + N_LETTERS - 1);
}

/* Several letters are no answer to a question that has one: wrong. */
vs_status grade_choice(vs_grade_result *out, const char *version, const grade_texts *in,
                       vs_error *err)
{
    const find_part part = find_answer_part(in->completion, in->completion_len);
    const char *s = in->completion + part.begin;
    const size_t len = find_run_on(s, part.end - part.begin);
    choice c = {.where = "no-answer"};
    int gold = 0;
    char normal;

    if (in->gold) VS_TRY(read_gold(&gold, in->gold, in->gold_len, err));
    if (!find_boxed(&c, s, len) && !find_stated(&c, s, len)) {
        const int denied = c.denied;
        if (!find_line(&c, s, len) || c.letter == denied) c = (choice){.where = "no-answer"};
    }
    grade_set_rule(out, version, c.where, c.letter < 0 ? ".several" : "");
    out->verdict = !in->gold ? VS_UNGRADABLE : c.letter == gold ? VS_RIGHT : VS_WRONG;
    grade_set_extract(out, in, part.begin + c.begin, part.begin + c.end);
    normal = (char)c.letter;
    if (c.letter > 0) grade_set_normal(out, &normal, 1);
    return VS_OK;
}
