/* jinja_test.c - what may stand after "is", and in select and its kind. */
#include "engine/model/jinja_value.h"

static vs_status answer(jinja_value *out, bool yes)
{
    *out = jinja_bool(yes);
    return VS_OK;
}

/* Tests of the type alone; how: the types that pass, a bit each. */
static vs_status is_type(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    (void)j;
    (void)err;
    return answer(out, (in->row->how >> in->self.type) & 1);
}

static vs_status is_safe(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    (void)j;
    (void)err;
    return answer(out, in->self.is_safe);
}

static vs_status is_bool(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    (void)j;
    (void)err;
    return answer(out, in->self.type == JINJA_BOOL && in->self.yes == (in->row->how != 0));
}

static vs_status is_multiple(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool by_argument = in->row->how < 0;
    int64_t x, by = 2;

    if (!jinja_as_integer(&x, in->self) || (by_argument && !jinja_as_integer(&by, in->a[0])))
        return jinja_fail(j, err, "%s: found %s, expected integers", in->row->name,
                          jinja_type_name(in->self));
    if (by == 0) return jinja_fail(j, err, "division by 0");
    const bool divides = by == -1 || x % by == 0;
    return answer(out, divides == (in->row->how != 1));
}

static vs_status is_equal(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    bool same;

    VS_TRY(jinja_equal(j, &same, in->self, in->a[0], err));
    return answer(out, same == (in->row->how != 0));
}

static vs_status is_ordered(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const int how = in->row->how;
    int sign;

    VS_TRY(jinja_order(j, &sign, in->self, in->a[0], in->row->name, err));
    return answer(out, how == '<'   ? sign < 0
                       : how == '>' ? sign > 0
                       : how == 'l' ? sign <= 0
                                    : sign >= 0);
}

static vs_status is_in(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    bool yes;

    VS_TRY(jinja_contains(j, &yes, in->a[0], in->self, err));
    return answer(out, yes);
}

/* The same thing: equal scalars of one type, or one list. */
static vs_status is_same(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value a = in->self, b = in->a[0];
    bool same = a.type == b.type && a.list == b.list;

    if (a.type == b.type && a.type < JINJA_LIST) VS_TRY(jinja_equal(j, &same, a, b, err));
    return answer(out, same);
}

static vs_status has_case(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value text;

    VS_TRY(jinja_str(j, &text, in->self, err));
    return answer(out, jinja_has_case(text, in->row->how != 0));
}

static vs_status is_name(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value x = in->self;
    const bool is_text = x.type == JINJA_TEXT;

    (void)j;
    (void)err;
    if (in->row->how) return answer(out, is_text && jinja_find(jinja_tests, x.text, x.len));
    return answer(out, is_text && jinja_find_filter(x.text, x.len));
}

#define BIT(type) (1 << (type))
enum {
    SEQUENCES = BIT(JINJA_UNDEFINED) | BIT(JINJA_TEXT) | BIT(JINJA_LIST) | BIT(JINJA_TUPLE) |
                BIT(JINJA_RANGE) | BIT(JINJA_MAP),
    CALLABLES = BIT(JINJA_MACRO) | BIT(JINJA_FUNCTION) | BIT(JINJA_METHOD) | BIT(JINJA_JOINER) |
                BIT(JINJA_LOOP),
    ALL = BIT(JINJA_METHOD + 1) - 1,
};

const jinja_builtin jinja_tests[] = {
    {"defined", "", is_type, ALL & ~BIT(JINJA_UNDEFINED)},
    {"undefined", "", is_type, BIT(JINJA_UNDEFINED)},
    {"none", "", is_type, BIT(JINJA_NONE)},
    {"string", "", is_type, BIT(JINJA_TEXT)},
    {"mapping", "", is_type, BIT(JINJA_MAP)},
    {"iterable", "", is_type, SEQUENCES | BIT(JINJA_VIEW) | BIT(JINJA_ITERATOR) | BIT(JINJA_LOOP)},
    {"sequence", "", is_type, SEQUENCES & ~BIT(JINJA_UNDEFINED)},
    {"number", "", is_type, BIT(JINJA_BOOL) | BIT(JINJA_INTEGER) | BIT(JINJA_REAL)},
    {"integer", "", is_type, BIT(JINJA_INTEGER)},
    {"float", "", is_type, BIT(JINJA_REAL)},
    {"boolean", "", is_type, BIT(JINJA_BOOL)},
    {"callable", "", is_type, CALLABLES},
    {"escaped", "", is_safe, 0},
    {"true", "", is_bool, 1},
    {"false", "", is_bool, 0},
    {"odd", "", is_multiple, 1},
    {"even", "", is_multiple, 0},
    {"divisibleby", "num", is_multiple, -1},
    {"eq", "b", is_equal, 1},
    {"==", "b", is_equal, 1},
    {"equalto", "b", is_equal, 1},
    {"ne", "b", is_equal, 0},
    {"!=", "b", is_equal, 0},
    {"lt", "b", is_ordered, '<'},
    {"<", "b", is_ordered, '<'},
    {"lessthan", "b", is_ordered, '<'},
    {"gt", "b", is_ordered, '>'},
    {">", "b", is_ordered, '>'},
    {"greaterthan", "b", is_ordered, '>'},
    {"le", "b", is_ordered, 'l'},
    {"<=", "b", is_ordered, 'l'},
    {"ge", "b", is_ordered, 'g'},
    {">=", "b", is_ordered, 'g'},
    {"in", "seq", is_in, 0},
    {"sameas", "other", is_same, 0},
    {"lower", "", has_case, 0},
    {"upper", "", has_case, 1},
    {"filter", "", is_name, 0},
    {"test", "", is_name, 1},
    {0},
};
