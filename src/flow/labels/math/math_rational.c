#include "flow/labels/math/math_value.h"

#include <string.h>

/* -- symbols -- */

static bool same_text(const math_node *a, const math_node *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool same_symbol(const math_node *a, const math_node *b)
{
    if (a->op != b->op || !same_text(a, b) || !a->first != !b->first) return false;
    return !a->first || same_text(a->first, b->first);
}

int math_symbol_index(const math_symbols *s, const math_node *n)
{
    for (size_t i = 0; i < s->n; i++)
        if (same_symbol(s->item[i], n)) return (int)i;
    return -1;
}

static bool add_symbol(math_symbols *out, const math_node *n, bool is_bare)
{
    int i = math_symbol_index(out, n);

    if (i < 0) {
        if (out->n == MATH_MAX_SYMBOLS) return false;
        i = (int)out->n++;
        out->item[i] = n;
        out->is_bare[i] = false;
    }
    out->is_bare[i] |= is_bare;
    return true;
}

bool math_collect(math_symbols *out, const math_node *n)
{
    const math_node *kid = n->first;

    if (n->kind == MATH_SYMBOL) return add_symbol(out, n, true);
    if (n->is_application) {
        if (!add_symbol(out, kid, false)) return false;
        kid = kid->next;
    }
    for (; kid; kid = kid->next)
        if (!math_collect(out, kid)) return false;
    return true;
}

bool math_is_opaque(const math_symbols *s, const math_node *n)
{
    return n->is_application && (math_symbol_role(n->first) == MATH_NAME_OF_FUNCTION ||
                                 !s->is_bare[math_symbol_index(s, n->first)]);
}

bool math_is_misread(const math_symbols *s, const math_node *n)
{
    return (n->kind == MATH_POW || n->kind == MATH_FACTORIAL) && n->first->is_application &&
           !math_is_opaque(s, n->first);
}

/* -- rational numbers -- */

static void set_digits(fmpz_t out, const char *digits, size_t n)
{
    char text[MATH_MAX_DIGITS + 1];

    memcpy(text, digits, n);
    text[n] = '\0';
    fmpz_set_str(out, n ? text : "0", 10);
}

/* 10^n - (repeats ? 1 : 0), times 10^shift. */
static void set_denominator(fmpz_t out, size_t n, size_t shift)
{
    fmpz_t power;

    fmpz_init(power);
    fmpz_ui_pow_ui(out, 10, n);
    if (n)
        fmpz_sub_ui(out, out, 1);
    else
        fmpz_one(out);
    fmpz_ui_pow_ui(power, 10, shift);
    fmpz_mul(out, out, power);
    fmpz_clear(power);
}

/* 12.3(45) is (12345 - 123) / (99 * 10). */
static math_got read_number(fmpq_t out, const math_node *n)
{
    const char *dot = memchr(n->text, '.', n->len);
    const size_t whole = dot ? (size_t)(dot - n->text) : n->len;
    const size_t decimals = dot ? n->len - whole - 1 : 0, shift = decimals - n->repeat;
    char digits[MATH_MAX_DIGITS];
    fmpz_t without;

    if (n->len > MATH_MAX_DIGITS) return MATH_OVER_LIMIT;
    memcpy(digits, n->text, whole);
    if (dot) memcpy(digits + whole, dot + 1, decimals);
    set_digits(fmpq_numref(out), digits, whole + decimals);
    set_denominator(fmpq_denref(out), n->repeat, shift);
    if (n->repeat) {
        fmpz_init(without);
        set_digits(without, digits, whole + shift);
        fmpz_sub(fmpq_numref(out), fmpq_numref(out), without);
        fmpz_clear(without);
    }
    fmpq_canonicalise(out);
    return MATH_GOT;
}

static bool is_too_big(const fmpq_t x)
{
    return fmpz_bits(fmpq_numref(x)) > MATH_MAX_BITS || fmpz_bits(fmpq_denref(x)) > MATH_MAX_BITS;
}

static math_got add_all(fmpq_t out, const math_node *n)
{
    math_got got = MATH_GOT;
    fmpq_t x;

    fmpq_init(x);
    fmpq_zero(out);
    for (const math_node *kid = n->first; kid && got == MATH_GOT; kid = kid->next) {
        got = kid->sign == 1 || kid->sign == -1 ? math_rational(x, kid) : MATH_NOT_SO;
        if (got == MATH_GOT && kid->sign == 1) fmpq_add(out, out, x);
        if (got == MATH_GOT && kid->sign == -1) fmpq_sub(out, out, x);
        if (got == MATH_GOT && is_too_big(out)) got = MATH_OVER_LIMIT;
    }
    fmpq_clear(x);
    return got;
}

static math_got multiply_all(fmpq_t out, const math_node *n)
{
    math_got got = MATH_GOT;
    fmpq_t x;

    fmpq_init(x);
    fmpq_one(out);
    for (const math_node *kid = n->first; kid && got == MATH_GOT; kid = kid->next) {
        got = math_rational(x, kid);
        if (got == MATH_GOT && kid->sign == -1 && fmpq_is_zero(x)) got = MATH_NOT_SO;
        if (got == MATH_GOT && kid->sign == -1) fmpq_div(out, out, x);
        if (got == MATH_GOT && kid->sign == 1) fmpq_mul(out, out, x);
        if (got == MATH_GOT && is_too_big(out)) got = MATH_OVER_LIMIT;
    }
    fmpq_clear(x);
    return got;
}

static math_got take_power(fmpq_t out, const math_node *n)
{
    math_got got;
    fmpq_t base, exponent;
    ulong bits;
    slong e;

    fmpq_init(base);
    fmpq_init(exponent);
    got = math_rational(exponent, n->first->next);
    if (got == MATH_GOT && !fmpz_is_one(fmpq_denref(exponent))) got = MATH_NOT_SO;
    if (got == MATH_GOT) got = math_rational(base, n->first);
    if (got == MATH_GOT && fmpz_bits(fmpq_numref(exponent)) > 13) got = MATH_OVER_LIMIT;
    e = got == MATH_GOT ? fmpz_get_si(fmpq_numref(exponent)) : 0;
    bits = fmpz_bits(fmpq_numref(base)) + fmpz_bits(fmpq_denref(base));
    if (e > MATH_MAX_EXPONENT || e < -MATH_MAX_EXPONENT ||
        bits * (ulong)(e < 0 ? -e : e) > MATH_MAX_BITS)
        got = MATH_OVER_LIMIT;
    if (got == MATH_GOT && e <= 0 && fmpq_is_zero(base)) got = MATH_NOT_SO;
    if (got == MATH_GOT) fmpq_pow_si(out, base, e);
    fmpq_clear(base);
    fmpq_clear(exponent);
    return got;
}

/* A whole number from 0 to MATH_MAX_FACTORIAL. */
static math_got small_whole(ulong *out, const math_node *n)
{
    math_got got;
    fmpq_t x;

    fmpq_init(x);
    got = math_rational(x, n);
    if (got == MATH_GOT && (!fmpz_is_one(fmpq_denref(x)) || fmpz_sgn(fmpq_numref(x)) < 0))
        got = MATH_NOT_SO;
    if (got == MATH_GOT && fmpz_cmp_ui(fmpq_numref(x), MATH_MAX_FACTORIAL) > 0)
        got = MATH_OVER_LIMIT;
    if (got == MATH_GOT) *out = fmpz_get_ui(fmpq_numref(x));
    fmpq_clear(x);
    return got;
}

static math_got factorial(fmpq_t out, const math_node *n)
{
    ulong x = 0, k = 0;
    math_got got = small_whole(&x, n->first);

    if (got == MATH_GOT && n->kind == MATH_BINOMIAL) got = small_whole(&k, n->first->next);
    if (got != MATH_GOT) return got;
    if (n->kind == MATH_FACTORIAL)
        fmpz_fac_ui(fmpq_numref(out), x);
    else
        fmpz_bin_uiui(fmpq_numref(out), x, k);
    fmpz_one(fmpq_denref(out));
    return MATH_GOT;
}

/* The exact root of a rational number that has a rational one. */
static math_got take_root(fmpq_t out, const math_node *n)
{
    ulong index = 2;
    math_got got = n->first->next ? small_whole(&index, n->first->next) : MATH_GOT;
    bool is_negative;

    if (got == MATH_GOT) got = math_rational(out, n->first);
    if (got != MATH_GOT) return got;
    is_negative = fmpq_sgn(out) < 0;
    if (index < 2 || index > 64 || (is_negative && index % 2 == 0)) return MATH_NOT_SO;
    fmpq_abs(out, out);
    if (!fmpz_root(fmpq_numref(out), fmpq_numref(out), (slong)index) ||
        !fmpz_root(fmpq_denref(out), fmpq_denref(out), (slong)index))
        return MATH_NOT_SO;
    if (is_negative) fmpq_neg(out, out);
    return MATH_GOT;
}

static math_got round_down(fmpq_t out, const math_node *n)
{
    const math_got got = math_rational(out, n->first);

    if (got != MATH_GOT) return got;
    if (n->op == MATH_FLOOR)
        fmpz_fdiv_q(fmpq_numref(out), fmpq_numref(out), fmpq_denref(out));
    else
        fmpz_cdiv_q(fmpq_numref(out), fmpq_numref(out), fmpq_denref(out));
    fmpz_one(fmpq_denref(out));
    return MATH_GOT;
}

/* x - floor(x / y) y, y > 0. */
static math_got remainder_of(fmpq_t out, const math_node *n)
{
    math_got got = math_rational(out, n->first);
    fmpq_t y;

    fmpq_init(y);
    if (got == MATH_GOT) got = math_rational(y, n->first->next);
    if (got == MATH_GOT && (!fmpz_is_one(fmpq_denref(out)) || !fmpz_is_one(fmpq_denref(y)) ||
                            fmpz_sgn(fmpq_numref(y)) <= 0))
        got = MATH_NOT_SO;
    if (got == MATH_GOT) fmpz_fdiv_r(fmpq_numref(out), fmpq_numref(out), fmpq_numref(y));
    fmpq_clear(y);
    return got;
}

/* gcd and lcm of whole numbers, max and min of any. */
static math_got of_many(fmpq_t out, const math_node *n)
{
    math_got got = math_rational(out, n->first);
    const bool is_whole = n->op == MATH_GCD || n->op == MATH_LCM;
    fmpq_t x;

    fmpq_init(x);
    if (got == MATH_GOT && is_whole && !fmpz_is_one(fmpq_denref(out))) got = MATH_NOT_SO;
    for (const math_node *kid = n->first->next; kid && got == MATH_GOT; kid = kid->next) {
        got = math_rational(x, kid);
        if (got != MATH_GOT) break;
        const int order = fmpq_cmp(x, out);
        if (is_whole && !fmpz_is_one(fmpq_denref(x)))
            got = MATH_NOT_SO;
        else if (n->op == MATH_GCD)
            fmpz_gcd(fmpq_numref(out), fmpq_numref(out), fmpq_numref(x));
        else if (n->op == MATH_LCM)
            fmpz_lcm(fmpq_numref(out), fmpq_numref(out), fmpq_numref(x));
        else if (n->op == MATH_MAX ? order > 0 : order < 0)
            fmpq_set(out, x);
        if (got == MATH_GOT && is_too_big(out)) got = MATH_OVER_LIMIT;
    }
    fmpq_clear(x);
    return got;
}

static math_got apply(fmpq_t out, const math_node *n)
{
    switch (n->op) {
    case MATH_FLOOR:
    case MATH_CEIL:
        return round_down(out, n);
    case MATH_MOD:
        return remainder_of(out, n);
    case MATH_GCD:
    case MATH_LCM:
    case MATH_MAX:
    case MATH_MIN:
        return of_many(out, n);
    default:
        return MATH_NOT_SO;
    }
}

math_got math_rational(fmpq_t out, const math_node *n)
{
    math_got got;

    switch (n->kind) {
    case MATH_NUMBER:
        return read_number(out, n);
    case MATH_NEG:
        got = math_rational(out, n->first);
        if (got == MATH_GOT) fmpq_neg(out, out);
        return got;
    case MATH_ADD:
        return add_all(out, n);
    case MATH_MUL:
        return multiply_all(out, n);
    case MATH_POW:
        return take_power(out, n);
    case MATH_ROOT:
        return take_root(out, n);
    case MATH_ABS:
        got = math_rational(out, n->first);
        if (got == MATH_GOT) fmpq_abs(out, out);
        return got;
    case MATH_FACTORIAL:
    case MATH_BINOMIAL:
        return factorial(out, n);
    case MATH_FUNCTION:
        return apply(out, n);
    default:
        return MATH_NOT_SO;
    }
}
