/* math_value.h - what scalars of a tree are worth, three ways. Private to labels/.
 *
 *   math_rational   exact, for what is a rational number by the four operations, whole powers,
 *                   factorials, binomials: FLINT. Most answers end here.
 *   math_numeric    a ball that holds the value at a point for the symbols: Arb. May tell apart,
 *                   never equate.
 *   math_identical  exact: fractions of polynomials in the symbols over Calcium's numbers. Equates,
 *                   or says that it does not know.
 *
 * None of these libraries can be interrupted, has a limit of memory, or returns from what it cannot
 * do: it ends the process. Sizes are bounded before operations (the limits below), and everything
 * runs inside math_guarded, which leaves a computation that has allocated too often or too much and
 * frees what it had.
 */
#ifndef VS_LABELS_MATH_VALUE_H
#define VS_LABELS_MATH_VALUE_H

#include <acb.h>
#include <flint/fmpq.h>

#include "flow/labels/math/math_tree.h"

enum {
    MATH_MAX_DIGITS = 4096,   /* of a written number */
    MATH_MAX_EXPONENT = 4096, /* of a power of numbers */
    MATH_MAX_BITS = 1 << 17,  /* of a power, a factorial, a binomial */
    MATH_MAX_FACTORIAL = 2100,
    MATH_MAX_SYMBOLS = 6,
    MATH_MAX_TERMS = 64, /* of a polynomial */
    MATH_MAX_DEGREE = 64,
    MATH_MAX_HARD = 12, /* roots, exponentials, logarithms of one comparison */
    MATH_BITS = 256,    /* of balls */
};

typedef enum math_truth { MATH_TRUE, MATH_FALSE, MATH_UNKNOWN } math_truth;
typedef enum math_got { MATH_GOT, MATH_NOT_SO, MATH_OVER_LIMIT } math_got;

/* The symbols of a comparison: equal names are one symbol. */
typedef struct math_symbols {
    const math_node *item[MATH_MAX_SYMBOLS];
    size_t n;
    bool is_bare[MATH_MAX_SYMBOLS]; /* stands somewhere else than before brackets */
    bool is_real;                   /* no part of an expression has a value that is not real */
} math_symbols;
/* false: too many. */
bool math_collect(math_symbols *out, const math_node *n);
int math_symbol_index(const math_symbols *s, const math_node *n); /* -1: not among them */
/* Whether f(x) has a value of which nothing is known but that equal arguments give equal ones; else
 * it is the product. A letter that may be either is a factor where it also stands alone: P + Pr is
 * P(1 + r). */
bool math_is_opaque(const math_symbols *s, const math_node *n);
/* h(2)^2 or h(2)!, where h is a factor: what was read as a function's power is none. */
bool math_is_misread(const math_symbols *s, const math_node *n);

/* *out is initialised. NOT_SO: no rational number, or none of these operations. */
math_got math_rational(fmpq_t out, const math_node *n);

/* The value where symbol i is points[which][i]; which < MATH_POINTS. false: none, or not computed.
 */
enum { MATH_POINTS = 5 };
bool math_numeric(acb_t out, const math_node *n, const math_symbols *symbols, size_t which);

/* Whether a and b are one function of the symbols (without symbols: one number), as far as the
 * identities of fractions, roots and circular functions tell. MATH_FALSE is given for numbers only.
 */
math_truth math_identical(const math_node *a, const math_node *b, const math_symbols *symbols);
/* The same where every symbol is positive: laws of roots, logarithms and powers hold besides. */
math_truth math_identical_positive(const math_node *a, const math_node *b,
                                   const math_symbols *symbols);
/* Whether the numerators of a and b, taken as fractions, are equal up to a factor that is a number
 * and not zero: a = 0 and b = 0 are one equation. is_positive: the factor is positive besides. */
math_truth math_proportional(const math_node *a, const math_node *b, const math_symbols *symbols,
                             bool is_positive);

/* Runs f(ctx) within a budget; false: it ran out, or the library gave up. The budget is counted in
 * allocations and bytes, not in time, and the library's caches are empty at the start, so that the
 * outcome is the same on every machine and after any history. All values of these libraries live
 * and die within f. */
enum {
    MATH_MAX_ALLOCATIONS = 16000,
    MATH_MAX_MEMORY_BYTES = 32 << 20,
    MATH_MAX_NUMBER_BYTES = 1 << 20, /* of limbs, in all; the property test needs a quarter */
};
bool math_guarded(void (*f)(void *ctx), void *ctx);
#endif
