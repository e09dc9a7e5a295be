/* math_frac.h - fractions of polynomials whose coefficients are Calcium's numbers.
 *
 * A generator is a symbol or an atom: something that no arithmetic of ours looks into, such as the
 * square root of x + 1. The q-th power of an atom may be known as a polynomial, and is replaced.
 *
 * A zeroed poly is 0, a zeroed frac is empty and must be set first; poly_clear and frac_clear free
 * what they own. Every function gives up by setting engine.failed: a limit, or a value that is
 * none. Private to labels/math/. */
#ifndef VS_LABELS_MATH_FRAC_H
#define VS_LABELS_MATH_FRAC_H

#include <calcium/ca.h>

#include "flow/labels/math/math_value.h"

enum { MAX_ATOMS = 6, GENERATORS = MATH_MAX_SYMBOLS + MAX_ATOMS };

typedef struct term {
    unsigned char power[GENERATORS];
    ca_t c;
} term;

typedef struct poly {
    term *term; /* no two of equal powers */
    size_t n, cap;
} poly;

typedef struct frac {
    poly num, den;
} frac;

typedef struct atom {
    int kind, op; /* of the node; MATH_POW has a second argument */
    frac arg, second;
    unsigned q; /* its q-th power is `base`; 0: nothing is known of its powers */
    poly base;
} atom;

typedef struct frac_engine {
    ca_ctx_t ctx;
    const math_symbols *symbols;
    atom atom[MAX_ATOMS];
    size_t n_atoms;
    size_t n_hard;     /* roots, powers and functions of numbers so far */
    unsigned division; /* letters are positive, each this power of a generator; 0: any numbers */
    bool failed;       /* a limit, or something that has no value here */
} frac_engine;

/* -- polynomials; sign is 1 or -1 -- */

void poly_clear(frac_engine *e, poly *p);
void poly_add_term(frac_engine *e, poly *p, const unsigned char power[GENERATORS], const ca_t c);
void poly_add(frac_engine *e, poly *p, const poly *a, int sign);                /* p += sign a */
void poly_add_product(frac_engine *e, poly *out, const term *x, const poly *a); /* out += x a */
void poly_mul(frac_engine *e, poly *out, const poly *a, const poly *b); /* out may be a or b */
void poly_set_one(frac_engine *e, poly *p);
bool poly_is_one(frac_engine *e, const poly *p);

/* TRUE: all coefficients are known to be zero; FALSE: one is known not to be. */
math_truth poly_is_zero(frac_engine *e, const poly *p);

/* -- fractions -- */

void frac_clear(frac_engine *e, frac *f);
void frac_set_ca(frac_engine *e, frac *f, const ca_t c);
void frac_copy(frac_engine *e, frac *out, const frac *a); /* out is empty */
void frac_add(frac_engine *e, frac *a, const frac *b, int sign);
void frac_mul(frac_engine *e, frac *a, const frac *b, bool divides); /* a <- a b or a / b */
void frac_pow(frac_engine *e, frac *a, slong k);
bool frac_is_number(frac_engine *e, const frac *f);
void frac_number(frac_engine *e, ca_t out, const frac *f); /* that number */
void frac_root(frac_engine *e, frac *f, ulong index);
void frac_log(frac_engine *e, frac *f);
void frac_opaque_power(frac_engine *e, frac *base, const frac *exponent);
/* f's coefficient of the greatest powers is made 1 or -1 where it is rational; *factor: what was
 * taken out, positive. */
void frac_content(frac_engine *e, frac *f, ca_t factor);

/* out, which may be arg, <- the atom of that kind over arg (and second). */
void frac_atom(frac_engine *e, frac *out, int kind, int op, const frac *arg, const frac *second);
/* The same, which is new where *is_new; *index: of the atom. */
void frac_set_atom(frac_engine *e, frac *out, int kind, int op, const frac *arg, const frac *second,
                   size_t *index, bool *is_new);
void frac_apply(frac_engine *e, frac *f, int op); /* a function of a number */

/* -- math_angle.c -- */

void frac_apply_circular(frac_engine *e, frac *f, int op);

/* -- math_positive.c: of positive letters -- */

enum { MAX_DIVISION = 12 };
unsigned
frac_root_indices(const math_node *n); /* a common multiple of the indices, <= MAX_DIVISION */
void frac_positive_root(frac_engine *e, frac *f, ulong index);
void frac_positive_log(frac_engine *e, frac *f);
/* false: no law applies, and base is as it was. */
bool frac_positive_power(frac_engine *e, frac *base, const frac *exponent);
void frac_factorial(frac_engine *e, frac *f);
void frac_binomial(frac_engine *e, frac *n, const frac *k);

math_truth frac_equal(frac_engine *e, const frac *a, const frac *b);
#endif
