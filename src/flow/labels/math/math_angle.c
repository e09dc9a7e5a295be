/* math_angle.c - sines and cosines of letters: of one angle an atom each, of sums and multiples of angles
 * polynomials in them. */
#include "flow/labels/math/math_frac.h"

/* out <- sin or cos of arg, as an atom; arguments that differ in sign alone share one. */
static void circular_atom(frac_engine *e, frac *out, int op, const frac *arg)
{
    size_t which = 0;
    bool is_new = false, flips = false;
    frac cosine = {0}, positive = {0};
    ca_t x;

    frac_copy(e, &positive, arg);
    for (size_t i = 0; i < e->n_atoms && !e->failed; i++) {
        frac sum = {0};
        if (e->atom[i].kind != MATH_FUNCTION || e->atom[i].op > MATH_COS) continue;
        frac_copy(e, &sum, &e->atom[i].arg);
        frac_add(e, &sum, arg, 1);
        if (poly_is_zero(e, &sum.num) == MATH_TRUE) flips = true;
        frac_clear(e, &sum);
    }
    ca_init(x, e->ctx);
    ca_neg_one(x, e->ctx);
    if (flips) {
        frac minus = {0};
        frac_set_ca(e, &minus, x);
        frac_mul(e, &positive, &minus, false);
        frac_clear(e, &minus);
    }
    frac_set_atom(e, &cosine, MATH_FUNCTION, MATH_COS, &positive, NULL, &which, &is_new);
    if (op == MATH_COS) {
        frac_clear(e, out);
        *out = cosine;
        cosine = (frac){0};
    } else {
        frac_set_atom(e, out, MATH_FUNCTION, MATH_SIN, &positive, NULL, &which, &is_new);
        if (is_new && !e->failed) { /* sin^2 = 1 - cos^2 */
            e->atom[which].q = 2;
            poly_mul(e, &cosine.num, &cosine.num, &cosine.num);
            poly_set_one(e, &e->atom[which].base);
            poly_add(e, &e->atom[which].base, &cosine.num, -1);
        }
        for (size_t i = 0; flips && i < out->num.n; i++)
            ca_neg(out->num.term[i].c, out->num.term[i].c, e->ctx);
    }
    frac_clear(e, &cosine);
    frac_clear(e, &positive);
    ca_clear(x, e->ctx);
}

static void circular(frac_engine *e, frac *out, int op, const frac *arg)
{
    if (frac_is_number(e, arg)) {
        frac_copy(e, out, arg);
        frac_apply(e, out, op);
    } else {
        circular_atom(e, out, op, arg);
    }
}

/* (cos, sin) <- the angle and another, by its cosine and sine. */
static void add_angle(frac_engine *e, frac *cosine, frac *sine, const frac *c, const frac *s,
                      int sign)
{
    frac cc = {0}, ss = {0}, cs = {0};

    frac_copy(e, &cc, cosine);
    frac_copy(e, &ss, sine);
    frac_copy(e, &cs, cosine);
    frac_mul(e, &cc, c, false);
    if (!e->failed) frac_mul(e, &ss, s, false);
    if (!e->failed) frac_mul(e, &cs, s, false);
    if (!e->failed) frac_mul(e, sine, c, false);
    if (!e->failed) frac_add(e, &cc, &ss, -sign);
    if (!e->failed) frac_add(e, sine, &cs, sign);
    frac_clear(e, cosine);
    frac_clear(e, &ss);
    frac_clear(e, &cs);
    *cosine = cc;
}

/* The term as `times` times an angle: all are halves at least, so that x and x/2 meet. */
static slong divide_angle(frac_engine *e, frac *angle, const term *t)
{
    enum { MOST = 12 };
    slong times = 1;
    fmpq_t q;
    ca_t c;

    fmpq_init(q);
    ca_init(c, e->ctx);
    ca_set(c, t->c, e->ctx);
    if (ca_get_fmpq(q, t->c, e->ctx) && fmpz_bits(fmpq_numref(q)) < 6) {
        const bool halves = fmpz_is_one(fmpq_denref(q));
        times = fmpz_get_si(fmpq_numref(q)) * (halves ? 2 : 1);
        fmpz_one(fmpq_numref(q));
        if (halves) fmpz_set_ui(fmpq_denref(q), 2);
        ca_set_fmpq(c, q, e->ctx);
    }
    e->failed |= times > MOST || times < -MOST;
    poly_set_one(e, &angle->den);
    poly_add_term(e, &angle->num, t->power, c);
    ca_clear(c, e->ctx);
    fmpq_clear(q);
    return times;
}

static void expand_angle(frac_engine *e, frac *cosine, frac *sine, const frac *arg)
{
    poly_set_one(e, &cosine->num);
    poly_set_one(e, &cosine->den);
    poly_set_one(e, &sine->den);
    e->failed |= !poly_is_one(e, &arg->den);
    for (size_t i = 0; i < arg->num.n && !e->failed; i++) {
        frac angle = {0}, c = {0}, s = {0};
        const slong times = divide_angle(e, &angle, &arg->num.term[i]);
        if (!e->failed) circular(e, &c, MATH_COS, &angle);
        if (!e->failed) circular(e, &s, MATH_SIN, &angle);
        for (slong k = times < 0 ? -times : times; k > 0 && !e->failed; k--)
            add_angle(e, cosine, sine, &c, &s, times < 0 ? -1 : 1);
        frac_clear(e, &angle);
        frac_clear(e, &c);
        frac_clear(e, &s);
    }
}

void frac_apply_circular(frac_engine *e, frac *out, int op)
{
    frac sine = {0}, cosine = {0};

    if (e->division) {
        expand_angle(e, &cosine, &sine, out);
    } else {
        circular_atom(e, &sine, MATH_SIN, out);
        circular_atom(e, &cosine, MATH_COS, out);
    }
    if (op == MATH_COT || op == MATH_COS || op == MATH_SEC) {
        frac t = sine;
        sine = cosine;
        cosine = t;
    }
    /* tan, cot: quotient; sin, cos: the first; csc, sec: its inverse */
    if (!e->failed && (op == MATH_TAN || op == MATH_COT)) frac_mul(e, &sine, &cosine, true);
    if (!e->failed && (op == MATH_SEC || op == MATH_CSC)) frac_pow(e, &sine, -1);
    frac_clear(e, out);
    frac_clear(e, &cosine);
    *out = sine;
}
