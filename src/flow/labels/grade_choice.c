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

/* 'A' .. of either case; 0: no label of a choice. */
static int label_of(char c)
{
    const int upper = c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;

    return upper >= 'A' && upper < 'A' + N_LETTERS ? upper : 0;
}

static void note(choice *c, int letter, size_t at)
{
    if (c->letter != 0 && c->letter != letter) {
        c->letter = -1;
        c->end = at + 1;
        return;
    }
    if (c->letter == 0) c->begin = at;
    c->letter = letter;
    c->end = at + 1;
}

/* Every "(c)" of s[begin..end). */
static void read_brackets(choice *c, const char *s, size_t begin, size_t end)
{
    for (size_t i = begin; i + 2 < end; i++)
        if (s[i] == '(' && s[i + 2] == ')' && label_of(s[i + 1]))
            note(c, label_of(s[i + 1]), i + 1);
}

/* A letter that stands alone at s[begin..end), behind wrapping; a small one must end the text,
 * since "a" is a word. */
static void read_lone(choice *c, const char *s, size_t begin, size_t end)
{
    static const char *const wraps[] = {"\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{"};
    size_t after;

    for (bool moved = true; moved && begin < end;) {
        moved = strchr(" \t\r\n*_`'\"($:{", s[begin]) && s[begin];
        if (moved) begin++;
        for (size_t i = 0; !moved && i < sizeof wraps / sizeof *wraps; i++)
            if (find_text(s, begin, end, wraps[i]) == begin)
                begin += strlen(wraps[i]), moved = true;
    }
    if (begin == end || !label_of(s[begin])) return;
    after = begin + 1;
    while (after < end && strchr(" \t\r*_`'\").$}", s[after]) && s[after]) after++;
    const bool is_alone = begin + 1 == end || !is_letter(s[begin + 1]);
    const bool is_last = after == end || s[after] == '\n';
    const bool is_capital = s[begin] >= 'A' && s[begin] <= 'Z';
    const char next = begin + 1 < end ? s[begin + 1] : '\0';
    if (is_alone && (is_last || (is_capital && next && strchr(").:,*", next))))
        note(c, label_of(s[begin]), begin);
}

static bool find_boxed(choice *out, const char *s, size_t len)
{
    size_t begin, end;

    if (!vs_box_last(&begin, &end, s, len)) return false;
    *out = (choice){.where = "box"};
    read_brackets(out, s, begin, end);
    if (out->letter == 0) read_lone(out, s, begin, end);
    return out->letter != 0;
}

/* The last "answer is" or "answer:": the bracketed letter of its sentence, else a lone one behind
 * it. */
static bool find_stated(choice *out, const char *s, size_t len)
{
    size_t at = len, after = 0, end;

    while (find_statement(&after, s, after, len) < len) at = after;
    if (at == len) return false;
    end = find_sentence_end(s, at, len);
    *out = (choice){.where = "answer-is"};
    read_brackets(out, s, at, end < len ? end + 1 : end);
    if (out->letter == 0) read_lone(out, s, at, end);
    return out->letter != 0;
}

/* The whole text, or its last line. */
static bool find_line(choice *out, const char *s, size_t len)
{
    size_t begin, end = len;

    while (end > 0 && strchr(" \t\r\n", s[end - 1]) && s[end - 1]) end--;
    for (begin = end; begin > 0 && s[begin - 1] != '\n';) begin--;
    *out = (choice){.where = "last-line"};
    read_brackets(out, s, begin, end);
    if (out->letter == 0) read_lone(out, s, begin, end);
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

vs_status grade_choice(vs_grade_result *out, const char *version, const grade_texts *in,
                       vs_error *err)
{
    const size_t len = find_run_on(in->completion, in->completion_len);
    choice c = {.where = "no-answer"};
    int gold = 0;
    char normal;

    if (in->gold) VS_TRY(read_gold(&gold, in->gold, in->gold_len, err));
    if (!find_boxed(&c, in->completion, len) && !find_stated(&c, in->completion, len) &&
        !find_line(&c, in->completion, len))
        c = (choice){.where = "no-answer"};
    grade_set_rule(out, version, c.where, c.letter < 0 ? ".ambiguous" : "");
    out->verdict = !in->gold || c.letter < 0 ? VS_UNGRADABLE
                   : c.letter == gold        ? VS_RIGHT
                                             : VS_WRONG;
    grade_set_extract(out, in, c.begin, c.end);
    normal = (char)c.letter;
    if (c.letter > 0) grade_set_normal(out, &normal, 1);
    return VS_OK;
}
