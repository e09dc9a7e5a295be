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
        while (t->end < end && (is_word_byte(s[t->end]) ||
                                (s[t->end] == '\'' && t->end + 1 < end && is_letter(s[t->end + 1]))))
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
    "the",      "is",       "be",      "it",      "it's",     "that",   "i",          "think",
    "believe",  "would",    "say",     "to",      "must",     "should", "could",      "seems",
    "appears",  "option",   "choice",  "letter",  "answer",   "most",   "likely",     "probably",
    "clearly",  "therefore", "thus",   "so",      "correct",  "best",   "right",      "definitely",
    "either",   "both",     "indeed",  "maybe",   "perhaps",  "also",   "one",        "final",
    "given",    "by",       "are",     "was",     "as",       "in",     "fact",       "actually",
    "options",  "choices",  "possibly", "can",    "may",      "might",  "go",         "with",
    "choose",   "pick",     "select",  "my",      "will",     "i'd",    "i'll",       "here",
    "and",      "or",       "but",     "guess",   "than",     "of",     "the\xc2\xa0", "simply"};
/* A label behind one of these is not chosen; behind a reason it is only spoken of. */
static const char *const denials[] = {"not",     "isn't", "rather", "instead", "except",
                                      "neither", "nor",   "than",   "excluding", "never"};
static const char *const reasons[] = {"because", "since", "as",       "while",  "whereas", "although",
                                      "though",  "due",   "for",      "unlike", "which",   "where"};

/* Whether a lone capital at t is a label and no word: "A dog", "I". */
static bool is_label(const char *s, const token *t, size_t end)
{
    token after;

    if (!t->label || t->is_bracketed) return t->label != 0;
    if (t->next == '\'' || t->next == '-' || t->next == '+' || t->next == '^' || t->next == '=' || t->next == '_')
        return t->next == '\'' && (t->end + 1 == end || !is_letter(s[t->end + 1]));
    if (t->label != 'A' && t->label != 'I') return true;
    if (t->next != ' ' || !next_token(&after, s, t->end, end)) return true;
    return !is_letter(s[after.begin]) || IS_ONE_OF(s, &after, reasons) ||
           IS_ONE_OF(s, &after, fillers) || (s[after.begin] >= 'A' && s[after.begin] <= 'Z');
}

/* The labels of s[begin..end) that are chosen. The first must stand at the beginning, behind fillers
 * alone, or be bracketed; more of them behind it make several. */
static void read_labels(choice *c, const char *s, size_t begin, size_t end)
{
    bool is_denied = false, is_leading = true, is_reason = false;
    token t;

    for (size_t i = begin; next_token(&t, s, i, end); i = t.end) {
        const bool is_plain = is_label(s, &t, end) && (is_leading || c->letter != 0);
        if (t.label && (t.is_bracketed || is_plain)) {
            if (!is_denied && !(is_reason && c->letter != 0)) note(c, t.label, t.begin);
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
