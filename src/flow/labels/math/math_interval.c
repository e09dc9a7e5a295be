/* math_interval.c - sets of real numbers: intervals, their unions, inequalities in one letter. */
#include "flow/labels/math/math_interval.h"

#include "flow/labels/math/math_equal.h"

enum { MAX_SPANS = 16 };

typedef struct end {
    const math_node *at; /* NULL: infinite */
    bool is_closed;
    double where; /* for the order alone */
} end;
typedef struct span {
    end low, high;
} span;
typedef struct spans {
    span span[MAX_SPANS];
    size_t n;
} spans;

typedef struct placing {
    const math_node *n;
    double where;
    bool is_known;
} placing;

static void place(void *ctx)
{
    placing *p = ctx;
    const math_symbols none = {.n = 0};
    math_symbols found = {.n = 0};
    acb_t x;

    acb_init(x);
    p->is_known = math_collect(&found, p->n) && found.n == 0 && math_numeric(x, p->n, &none, 0) &&
                  acb_is_real(x);
    if (p->is_known) p->where = arf_get_d(arb_midref(acb_realref(x)), ARF_RND_NEAR);
    acb_clear(x);
}

/* false: no real number. */
static bool set_end(end *out, const math_node *n, bool is_closed)
{
    const int sign = math_infinity_sign(n);
    placing p = {.n = n};

    *out = (end){.at = sign ? NULL : n, .is_closed = is_closed && !sign, .where = sign * 1e308};
    if (sign) return true;
    if (!math_is_scalar(n) || !math_guarded(place, &p) || !p.is_known) return false;
    out->where = p.where;
    return true;
}

static bool add_span(spans *out, const math_node *low, bool low_closed, const math_node *high,
                     bool high_closed)
{
    static const math_node infinite = {.kind = MATH_CONSTANT, .op = MATH_INFINITY, .sign = 1};
    span *s = &out->span[out->n];

    if (out->n == MAX_SPANS) return false;
    if (!set_end(&s->low, low ? low : &infinite, low_closed)) return false;
    if (!set_end(&s->high, high ? high : &infinite, high_closed)) return false;
    if (!low) s->low.where = -1e308;
    out->n++;
    return true;
}

bool math_is_less(math_relation r)
{
    return r == MATH_LT || r == MATH_LE;
}

bool math_allows_equal(math_relation r)
{
    return r == MATH_LE || r == MATH_GE;
}

/* "x < 3", "3 > x", "2 <= x < 5", with the bare letter in its place. */
static bool spans_of_chain(spans *out, const math_node *n)
{
    const math_node *a = n->first, *b = a->next, *c = b ? b->next : NULL;
    const math_relation r = b ? b->relation : MATH_NO_RELATION,
                        r2 = c ? c->relation : MATH_NO_RELATION;

    if (r < MATH_LT || r > MATH_GE || (c && (c->next || r2 < MATH_LT || r2 > MATH_GE)))
        return false;
    if (c) {
        if (b->kind != MATH_SYMBOL || math_is_less(r) != math_is_less(r2)) return false;
        return math_is_less(r) ? add_span(out, a, math_allows_equal(r), c, math_allows_equal(r2))
                               : add_span(out, c, math_allows_equal(r2), a, math_allows_equal(r));
    }
    if (a->kind != MATH_SYMBOL && b->kind != MATH_SYMBOL) return false;
    const math_node *bound = a->kind == MATH_SYMBOL ? b : a;
    const bool is_above =
        (a->kind == MATH_SYMBOL) != math_is_less(r); /* the letter is above the bound */
    return is_above ? add_span(out, bound, math_allows_equal(r), NULL, false)
                    : add_span(out, NULL, false, bound, math_allows_equal(r));
}

/* is_inside: within a union, where {3} is a point and (1, 2) an interval. */
static bool collect_spans(spans *out, const math_node *n, bool is_inside)
{
    const math_node *kid = n->first;

    if (n->kind == MATH_EMPTY) return true;
    if (n->kind == MATH_RELATION && math_assigned_name(n) && kid->next->relation == MATH_IN)
        return collect_spans(out, kid->next, is_inside);
    if (n->kind == MATH_RELATION) return spans_of_chain(out, n);
    if (n->kind == MATH_TUPLE && math_count(n) == 2)
        return add_span(out, kid, n->open == '[', kid->next, n->close == ']');
    if (n->kind == MATH_UNION || n->kind == MATH_LIST || (n->kind == MATH_SET && is_inside)) {
        for (; kid; kid = kid->next) {
            const bool is_point = n->kind == MATH_SET;
            if (is_point ? !add_span(out, kid, true, kid, true) : !collect_spans(out, kid, true))
                return false;
        }
        return true;
    }
    return false;
}

/* Whether it can be nothing but intervals: then brackets mean something. */
static bool is_interval(const math_node *n)
{
    if (n->kind == MATH_UNION || n->kind == MATH_EMPTY) return true;
    if (n->kind == MATH_RELATION)
        return math_assigned_name(n)
                   ? n->first->next->relation == MATH_IN || is_interval(n->first->next)
                   : n->first->next->relation >= MATH_LT && n->first->next->relation <= MATH_GE;
    if (n->kind == MATH_LIST) return n->first->kind == MATH_RELATION && is_interval(n->first);
    return n->kind == MATH_TUPLE && math_count(n) == 2 &&
           (n->open == '[' || n->close == ']' || math_infinity_sign(n->first) ||
            math_infinity_sign(n->first->next));
}

static math_truth same_end(const end *a, const end *b)
{
    if (a->is_closed != b->is_closed || !a->at != !b->at) return MATH_FALSE;
    return a->at ? math_scalar_equal(a->at, b->at) : a->where == b->where ? MATH_TRUE : MATH_FALSE;
}

static bool is_at(const end *a, const end *b)
{
    if (!a->at || !b->at) return !a->at && !b->at && a->where == b->where;
    return math_scalar_equal(a->at, b->at) == MATH_TRUE;
}

/* Those that begin further left, and of equal ones those with their first point. */
static bool comes_before(const span *a, const span *b)
{
    if (is_at(&a->low, &b->low)) return a->low.is_closed && !b->low.is_closed;
    return a->low.where < b->low.where;
}

/* Sorts, and joins those that meet. An end that two share is closed where one of them is. */
static void merge_spans(spans *x)
{
    size_t n = 0;

    for (size_t i = 1; i < x->n; i++)
        for (size_t j = i; j > 0 && comes_before(&x->span[j], &x->span[j - 1]); j--) {
            const span t = x->span[j];
            x->span[j] = x->span[j - 1];
            x->span[j - 1] = t;
        }
    for (size_t i = 0; i < x->n; i++) {
        span *last = n ? &x->span[n - 1] : NULL;
        const span *s = &x->span[i];
        const bool meets = last && last->high.at && is_at(&last->high, &s->low) &&
                           (last->high.is_closed || s->low.is_closed);
        if (last && (meets || s->low.where < last->high.where)) {
            if (is_at(&last->low, &s->low)) last->low.is_closed |= s->low.is_closed;
            if (is_at(&last->high, &s->high))
                last->high.is_closed |= s->high.is_closed;
            else if (s->high.where > last->high.where)
                last->high = s->high;
        } else {
            x->span[n++] = *s;
        }
    }
    x->n = n;
}

static math_truth compare_spans(spans *a, spans *b)
{
    math_truth t = MATH_TRUE;

    merge_spans(a);
    merge_spans(b);
    if (a->n != b->n) return MATH_FALSE;
    for (size_t i = 0; i < a->n; i++) {
        const math_truth low = same_end(&a->span[i].low, &b->span[i].low);
        const math_truth high = same_end(&a->span[i].high, &b->span[i].high);
        if (low == MATH_FALSE || high == MATH_FALSE) return MATH_FALSE;
        if (low != MATH_TRUE || high != MATH_TRUE) t = MATH_UNKNOWN;
    }
    return t;
}

math_truth math_compare_intervals(bool *applies, const math_node *a, const math_node *b)
{
    spans x = {.n = 0}, y = {.n = 0};

    *applies = (is_interval(a) || is_interval(b)) && collect_spans(&x, a, false) &&
               collect_spans(&y, b, false);
    return *applies ? compare_spans(&x, &y) : MATH_UNKNOWN;
}
