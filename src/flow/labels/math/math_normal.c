/* math_normal.c - texts that equal answers share: classes for votes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/labels/math/math_equal.h"
#include "flow/labels/math/math_interval.h"
#include "flow/labels/math/math_lex.h"
#include "flow/labels/math/math_unicode.h"

/* Numbers side by side stay two, and what no case can change stays as it is. */
void math_squeeze(vs_buf *out, const char *s, size_t len)
{
    char digits[MATH_MAX_BYTES], ascii[MATH_MAX_BYTES];
    lexer x = {.s = s, .len = len < sizeof digits ? len : sizeof digits, .digits = digits};

    if (!math_is_ascii(s, x.len)) {
        (void)math_to_ascii(ascii, sizeof ascii, s, &x.len); /* all that has room */
        x.s = ascii;
    }
    for (lex_next(&x); x.token.kind != LEX_END; lex_next(&x)) {
        const lex_token *t = &x.token;
        if ((t->kind == LEX_NUMBER && x.before == LEX_NUMBER) ||
            (t->text && t->kind != LEX_NUMBER && x.before == LEX_COMMAND)) /* \sin hx, \sinh x */
            vs_buf_str(out, " ");
        if (t->kind == LEX_SIGN) {
            vs_buf_add(out, &t->sign, 1);
        } else if (t->kind == LEX_BAD) {
            vs_buf_add(out, x.s + t->begin, 1);
        }
        for (size_t i = 0; t->text && i < t->len; i++) {
            const char c = t->text[i];
            const char low = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
            vs_buf_add(out, &low, 1);
        }
        if (t->exponent_len) vs_buf_str(out, t->divides ? "e-" : "e");
        vs_buf_add(out, t->exponent, t->exponent_len);
    }
}

/* -- scalars -- */

typedef struct printing {
    vs_buf *out;
    const math_node *n;
    bool is_done;
} printing;

static bool print_rational(vs_buf *out, const math_node *n)
{
    fmpq_t q;
    char *text = NULL;
    bool is_rational;

    fmpq_init(q);
    is_rational = math_rational(q, n) == MATH_GOT;
    if (is_rational) text = fmpq_get_str(NULL, 10, q);
    if (text) vs_buf_str(out, text);
    flint_free(text);
    fmpq_clear(q);
    return is_rational;
}

/* 17 digits; what is zero to far beyond them is 0. */
static void print_real(vs_buf *out, const arb_t x)
{
    const double value = arf_get_d(arb_midref(x), ARF_RND_NEAR);

    vs_buf_printf(out, "%.17g", value > -1e-40 && value < 1e-40 ? 0.0 : value);
}

static void sort_symbols(math_symbols *s)
{
    for (size_t i = 1; i < s->n; i++)
        for (size_t j = i; j > 0; j--) {
            const math_node *a = s->item[j - 1], *b = s->item[j];
            const int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
            if (order < 0 || (order == 0 && a->len <= b->len)) break;
            const bool is_bare = s->is_bare[j - 1];
            s->item[j - 1] = b;
            s->item[j] = a;
            s->is_bare[j - 1] = s->is_bare[j];
            s->is_bare[j] = is_bare;
        }
}

static void print_symbol(vs_buf *out, const math_node *n)
{
    vs_buf_add(out, n->text, n->len);
    for (int k = 0; k < n->op; k++) vs_buf_str(out, "'");
    if (!n->first) return;
    vs_buf_str(out, "_");
    math_squeeze(out, n->first->text, n->first->len);
}

/* "f(x,y)": the letters of a function. */
static void print_names(vs_buf *out, const math_symbols *symbols)
{
    vs_buf_str(out, "f(");
    for (size_t i = 0; i < symbols->n; i++) {
        if (i) vs_buf_str(out, ",");
        print_symbol(out, symbols->item[i]);
    }
    vs_buf_str(out, ")~");
}

/* The value, or of a function its values at the points: equal functions agree there. */
static void print_scalar(void *ctx)
{
    printing *p = ctx;
    math_symbols symbols = {.n = 0};
    acb_t x;

    p->is_done = print_rational(p->out, p->n);
    if (p->is_done || !math_collect(&symbols, p->n)) return;
    sort_symbols(&symbols);
    acb_init(x);
    for (size_t which = 0; which < (symbols.n ? 2 : 1); which++) {
        if (!math_numeric(x, p->n, &symbols, which)) break;
        if (which == 0 && symbols.n)
            print_names(p->out, &symbols);
        else
            vs_buf_str(p->out, which ? "," : "~");
        print_real(p->out, acb_realref(x));
        if (!arb_contains_zero(acb_imagref(x))) {
            vs_buf_str(p->out, "+i");
            print_real(p->out, acb_imagref(x));
        }
        p->is_done = true;
    }
    acb_clear(x);
}

/* -- structures -- */

static int by_text(const void *a, const void *b)
{
    return strcmp(((const vs_buf *)a)->data, ((const vs_buf *)b)->data);
}

static void print_kids(vs_buf *out, const math_node *n, bool sorted)
{
    const size_t count = math_count(n);
    vs_buf *part = vs_alloc(count, sizeof *part);
    size_t i = 0;

    if (!part) {
        out->failed = true;
        return;
    }
    for (const math_node *kid = n->first; kid; kid = kid->next, i++) {
        vs_buf_str(&part[i], "");
        math_normal(&part[i], kid);
        out->failed |= part[i].failed;
    }
    if (sorted && !out->failed) qsort(part, count, sizeof *part, by_text);
    for (i = 0; i < count; i++) {
        if (i) vs_buf_str(out, ",");
        if (!out->failed) vs_buf_add(out, part[i].data, part[i].len);
        vs_buf_free(&part[i]);
    }
    free(part);
}

static void print_relation(vs_buf *out, const math_node *n)
{
    static const char *const names[] = {"", "=", "!=", "<", "<=", ">", ">=", " in ", "~"};

    for (const math_node *kid = n->first; kid; kid = kid->next) {
        vs_buf_str(out, names[kid->relation]);
        math_normal(out, kid);
    }
}

void math_normal(vs_buf *out, const math_node *n)
{
    printing p = {out, n, false};
    char bracket;

    if (n->kind == MATH_SYMBOL) {
        print_symbol(out, n);
        return;
    }
    if (math_is_scalar(n) && math_guarded(print_scalar, &p) && p.is_done) return;
    switch (n->kind) {
    case MATH_RELATION:
        if (math_assigned_name(n) && n->first->next->relation == MATH_EQ)
            math_normal(out, n->first->next); /* x = 5 votes with 5 */
        else
            print_relation(out, n);
        break;
    case MATH_LIST:
    case MATH_SET:
        vs_buf_str(out, "{");
        print_kids(out, n, true);
        vs_buf_str(out, "}");
        break;
    case MATH_RATIO:
        vs_buf_str(out, "ratio(");
        print_kids(out, n, false);
        vs_buf_str(out, ")");
        break;
    case MATH_TUPLE:
        bracket = n->open;
        vs_buf_add(out, &bracket, 1);
        print_kids(out, n, false);
        bracket = n->close;
        vs_buf_add(out, &bracket, 1);
        break;
    case MATH_MATRIX:
        vs_buf_printf(out, "m%zu(", n->columns);
        print_kids(out, n, false);
        vs_buf_str(out, ")");
        break;
    case MATH_UNION:
        print_kids(out, n, true);
        break;
    case MATH_EMPTY:
        vs_buf_str(out, "{}");
        break;
    case MATH_BASED:
        vs_buf_add(out, n->text, n->len);
        vs_buf_str(out, "_");
        math_normal(out, n->first);
        break;
    case MATH_WORDS:
        if (n->len == 1)
            vs_buf_add(out, n->text, 1); /* a letter, as print_symbol has it */
        else
            math_squeeze(out, n->text, n->len);
        break;
    default:
        if (n->text) math_squeeze(out, n->text, n->len);
        for (const math_node *kid = n->first; kid; kid = kid->next) { /* has no value: its shape */
            vs_buf_printf(out, "[%d:%d:%d ", (int)n->kind, n->op, kid->sign);
            math_normal(out, kid);
            vs_buf_str(out, "]");
        }
    }
}
