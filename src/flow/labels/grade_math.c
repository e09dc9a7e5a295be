/* grade_math.c - the profiles math and math-flexible: find, read, compare. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/labels/grade_impl.h"
#include "flow/labels/math/math_equal.h"
#include "flow/labels/math/math_find.h"

/* One side of the comparison. */
typedef struct side {
    vs_buf text; /* of several parts, with commas between */
    math_parse parse;
    math_text *math;
} side;

static void side_free(side *x)
{
    vs_buf_free(&x->text);
    free(x->math);
}

static vs_status read_side(side *out, const math_place *place, const char *s, int readings,
                           vs_error *err)
{
    out->math = vs_alloc(1, sizeof *out->math);
    for (size_t i = 0; i < place->n_parts; i++) {
        if (i) vs_buf_str(&out->text, " , ");
        vs_buf_add(&out->text, s + place->part[i].begin, place->part[i].end - place->part[i].begin);
    }
    VS_TRY(vs_buf_ok(&out->text, "answer", err));
    if (!out->math) return VS_FAIL(err, VS_E_NOMEM, "answer");
    out->parse = math_read(out->math, out->text.data, out->text.len, readings);
    if (out->parse == MATH_PARSED && !math_settle(&out->math->root)) out->parse = MATH_NOT_PARSED;
    if (out->parse == MATH_PARSED && place->n_parts > 1 && out->math->root->kind == MATH_LIST)
        out->math->root->kind = MATH_SET; /* "1/2, or 0.5" says one thing twice */
    return VS_OK;
}

/* More than layout. */
static bool has_content(const side *x)
{
    vs_buf squeezed = {0};
    bool has;

    if (x->parse != MATH_NOT_PARSED) return true;
    math_squeeze(&squeezed, x->text.data, x->text.len);
    has = squeezed.failed || squeezed.len > 0;
    vs_buf_free(&squeezed);
    return has;
}

/* The gold is a bare answer, or a solution with a box. */
static vs_status read_gold(side *out, const char *gold, size_t len, int readings, vs_error *err)
{
    math_place place;

    math_find(&place, gold, len, false);
    if (place.source != MATH_FROM_BOX) {
        place.n_parts = 1;
        place.part[0].begin = 0;
        place.part[0].end = len;
    }
    VS_TRY(read_side(out, &place, gold, readings, err));
    if (!has_content(out))
        return VS_FAIL(err, VS_E_INPUT, "gold answer \"%.*s\": expected an answer",
                       len < 64 ? (int)len : 64, gold);
    return VS_OK;
}

static bool same_text(const side *a, const side *b)
{
    vs_buf x = {0}, y = {0};
    bool is_same;

    math_squeeze(&x, a->text.data, a->text.len);
    math_squeeze(&y, b->text.data, b->text.len);
    is_same = !x.failed && !y.failed && x.len == y.len &&
              (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
    vs_buf_free(&x);
    vs_buf_free(&y);
    return is_same;
}

static bool has_words(const math_node *n)
{
    if (n->kind == MATH_WORDS) return true;
    for (const math_node *kid = n->first; kid && n->kind >= MATH_LIST; kid = kid->next)
        if (has_words(kid)) return true;
    return false;
}

/* *suffix says what else than values decided: words, or the bare text. */
static vs_verdict judge(const side *gold, const side *answer, const char **suffix)
{
    const bool is_short = gold->text.len <= MATH_MAX_BYTES && answer->text.len <= MATH_MAX_BYTES;
    math_truth t = MATH_UNKNOWN;

    *suffix = "";
    if (gold->parse == MATH_PARSED && answer->parse == MATH_PARSED && !gold->math->is_denied)
        t = math_equal(gold->math->root, answer->math->root);
    if (answer->math->is_denied) /* "3 is not correct" */
        t = t == MATH_TRUE ? MATH_FALSE : MATH_UNKNOWN;
    if (t == MATH_TRUE && has_words(gold->math->root)) *suffix = ".words";
    if (t == MATH_TRUE) return VS_RIGHT;
    if (t == MATH_FALSE) return VS_WRONG;
    if (is_short && same_text(gold, answer)) {
        *suffix = ".text";
        return VS_RIGHT;
    }
    if (answer->parse == MATH_TOO_LONG || gold->parse == MATH_TOO_LONG)
        *suffix = ".too-long";
    else if (gold->parse == MATH_PARSED && answer->parse == MATH_PARSED)
        *suffix = ".unknown";
    else
        *suffix = ".unread";
    return VS_UNGRADABLE;
}

/* The same with "1,5" as a decimal fraction. */
static bool equal_by_comma(side *gold, side *answer)
{
    const int readings = MATH_ROUNDED | MATH_DECIMAL_COMMA;

    if (!memchr(gold->text.data, ',', gold->text.len) &&
        !memchr(answer->text.data, ',', answer->text.len))
        return false;
    return math_read(gold->math, gold->text.data, gold->text.len, readings) == MATH_PARSED &&
           math_read(answer->math, answer->text.data, answer->text.len, readings) == MATH_PARSED &&
           !gold->math->is_denied && !answer->math->is_denied &&
           math_equal(gold->math->root, answer->math->root) == MATH_TRUE;
}

static void set_class(vs_grade_result *out, const side *x)
{
    vs_buf normal = {0};

    if (x->parse == MATH_PARSED && !x->math->is_denied)
        math_normal(&normal, x->math->root);
    else if (x->text.len <= MATH_MAX_BYTES)
        math_squeeze(&normal, x->text.data, x->text.len);
    if (!normal.failed && normal.len) grade_set_normal(out, normal.data, normal.len);
    vs_buf_free(&normal);
}

static vs_status grade(vs_grade_result *out, const char *version, const grade_texts *in,
                       bool is_lenient, vs_error *err)
{
    static const char *const sources[] = {"no-answer", "box",         "answer-is",
                                          "span",      "last-number", "whole"};
    side gold = {0}, answer = {0};
    const int readings = is_lenient ? MATH_ROUNDED : 0;
    const char *suffix = "";
    math_place place;
    vs_status st = VS_OK;

    if (in->gold) VS_CHECK(read_gold(&gold, in->gold, in->gold_len, readings, err));
    math_find(&place, in->completion, in->completion_len, is_lenient);
    if (place.source == MATH_FROM_NOTHING) {
        grade_set_rule(out, version, sources[place.source], "");
        out->verdict = in->gold ? VS_WRONG : VS_UNGRADABLE;
        goto done;
    }
    VS_CHECK(read_side(&answer, &place, in->completion, readings, err));
    out->verdict = in->gold ? judge(&gold, &answer, &suffix) : VS_UNGRADABLE;
    if (is_lenient && out->verdict == VS_WRONG && equal_by_comma(&gold, &answer)) {
        out->verdict = VS_RIGHT;
        suffix = ".comma";
    }
    grade_set_rule(out, version, sources[place.source], suffix);
    grade_set_extract(out, in, place.begin, place.end);
    set_class(out,
              out->verdict == VS_RIGHT ? &gold : &answer); /* all right answers are one class */
done:
    side_free(&gold);
    side_free(&answer);
    return st;
}

vs_status grade_math(vs_grade_result *out, const char *version, const grade_texts *in,
                     vs_error *err)
{
    return grade(out, version, in, false, err);
}

vs_status grade_math_flexible(vs_grade_result *out, const char *version, const grade_texts *in,
                              vs_error *err)
{
    return grade(out, version, in, true, err);
}
