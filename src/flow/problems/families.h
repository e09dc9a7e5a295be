/* families.h - the built-in word problems: how their numbers are drawn and their texts written.
 *
 * bags:   x containers of m items, then k more or k fewer, leave R items; x is asked.
 * prices: x items at a and n-x at b cost R together; x is asked (a and b differ, so R tells x).
 *
 * An attempt states its guess g first and works it out after:
 *   bags    Try g. g*m=P. P+k=T. D=d. #### g       (minus form: P-k=T)
 *   prices  Try g. g*a=A. n-g=h. h*b=B. A+B=T. D=d. #### g
 * with the check D = T-R, or R-T when T < R. The answer is the guess, whatever the check gives.
 * All arithmetic fits int32_t: guesses are bounded by *_is_feasible and by the drawn ranges. */
#ifndef VS_PROBLEMS_FAMILIES_H
#define VS_PROBLEMS_FAMILIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"

enum { BAGS_K_MAX = 8, BAGS_K_MAX_CORPUS = 20 };

typedef struct bags {
    const char *name, *item, *container;
    bool is_minus;
    int32_t x, m, k;
} bags;

bags bags_draw(vs_rng *r, int32_t k_max);
int32_t bags_total(const bags *b, int32_t guess); /* with guess = x: R */
bool bags_is_feasible(const bags *b, int32_t guess);
void bags_question(vs_buf *out, const bags *b);
void bags_attempt(vs_buf *out, const bags *b, int32_t guess);
void bags_forward_question(vs_buf *out, const bags *b);
void bags_forward_solution(vs_buf *out, const bags *b);

typedef struct prices {
    const char *name, *item, *other;
    int32_t x, n, a, b;
} prices;

prices prices_draw(vs_rng *r);
int32_t prices_total(const prices *p, int32_t guess);
bool prices_is_feasible(const prices *p, int32_t guess);
void prices_question(vs_buf *out, const prices *p);
void prices_attempt(vs_buf *out, const prices *p, int32_t guess);
void prices_forward_question(vs_buf *out, const prices *p);
void prices_forward_solution(vs_buf *out, const prices *p);
#endif
