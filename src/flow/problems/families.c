#include "flow/problems/families.h"

static const char *const names[] = {"Tom", "Ann", "Bob", "Eva", "Sam", "Mia", "Leo", "Zoe"};
static const char *const items[] = {"pens",  "cups",   "hats",   "cards",
                                    "books", "shells", "apples", "eggs"};
static const char *const containers[] = {"bags", "boxes", "packs", "trays"};

enum { N_NAMES = 8, N_ITEMS = 8, N_CONTAINERS = 4 };

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

bags bags_draw(vs_rng *r, int32_t k_max)
{
    bags b = {0};

    b.name = names[vs_rng_below(r, N_NAMES)];
    b.item = items[vs_rng_below(r, N_ITEMS)];
    b.container = containers[vs_rng_below(r, N_CONTAINERS)];
    b.is_minus = vs_rng_below(r, 2) == 1;
    b.x = vs_rng_range(r, 2, 15);
    b.m = vs_rng_range(r, 3, 9);
    b.k = vs_rng_range(r, 2, b.is_minus ? min32(k_max, b.x * b.m - 1) : k_max);
    return b;
}

int32_t bags_total(const bags *b, int32_t guess)
{
    return b->is_minus ? guess * b->m - b->k : guess * b->m + b->k;
}

/* Plus: the product does not exceed R. Minus: something is left after k are given away. */
bool bags_is_feasible(const bags *b, int32_t guess)
{
    const int32_t total = bags_total(b, b->x);

    if (b->is_minus) return guess >= b->k / b->m + 1;
    return guess >= 1 && guess <= total / b->m;
}

void bags_question(vs_buf *out, const bags *b)
{
    vs_buf_printf(out, "%s buys some %s of %d %s. %s ", b->name, b->container, b->m, b->item,
                  b->name);
    vs_buf_printf(out, b->is_minus ? "gives %d away" : "gets %d more", b->k);
    vs_buf_printf(out, " and now has %d. How many %s?", bags_total(b, b->x), b->container);
}

/* The check step and the answer: "61-56=5. #### 12". */
static void check_and_answer(vs_buf *out, int32_t total, int32_t stated, int32_t guess)
{
    const int32_t larger = total >= stated ? total : stated;
    const int32_t smaller = min32(total, stated);

    vs_buf_printf(out, "%d-%d=%d. #### %d", larger, smaller, larger - smaller, guess);
}

static void bags_chain(vs_buf *out, const bags *b, int32_t count)
{
    vs_buf_printf(out, "%d*%d=%d. %d%c%d=%d. ", count, b->m, count * b->m, count * b->m,
                  b->is_minus ? '-' : '+', b->k, bags_total(b, count));
}

void bags_attempt(vs_buf *out, const bags *b, int32_t guess)
{
    vs_buf_printf(out, "Try %d. ", guess);
    bags_chain(out, b, guess);
    check_and_answer(out, bags_total(b, guess), bags_total(b, b->x), guess);
}

void bags_forward_question(vs_buf *out, const bags *b)
{
    vs_buf_printf(out, "%s buys %d %s of %d %s. %s ", b->name, b->x, b->container, b->m, b->item,
                  b->name);
    vs_buf_printf(out, b->is_minus ? "gives %d away" : "gets %d more", b->k);
    vs_buf_printf(out, ". How many %s?", b->item);
}

void bags_forward_solution(vs_buf *out, const bags *b)
{
    bags_chain(out, b, b->x);
    vs_buf_printf(out, "#### %d", bags_total(b, b->x));
}

prices prices_draw(vs_rng *r)
{
    prices p = {0};
    uint32_t first, second;

    p.name = names[vs_rng_below(r, N_NAMES)];
    first = vs_rng_below(r, N_ITEMS);
    second = vs_rng_below(r, N_ITEMS - 1);
    p.item = items[first];
    p.other = items[second + (second >= first)];
    p.n = vs_rng_range(r, 5, 15);
    p.x = vs_rng_range(r, 1, p.n - 1);
    p.a = vs_rng_range(r, 2, 9);
    p.b = vs_rng_range(r, 2, 8);
    p.b += p.b >= p.a; /* the prices differ */
    return p;
}

int32_t prices_total(const prices *p, int32_t guess)
{
    return guess * p->a + (p->n - guess) * p->b;
}

bool prices_is_feasible(const prices *p, int32_t guess)
{
    return guess >= 1 && guess <= p->n - 1;
}

void prices_question(vs_buf *out, const prices *p)
{
    vs_buf_printf(out, "%s cost %d and %s cost %d. %s buys %d things for %d. How many %s?", p->item,
                  p->a, p->other, p->b, p->name, p->n, prices_total(p, p->x), p->item);
}

static void prices_chain(vs_buf *out, const prices *p, int32_t count)
{
    const int32_t rest = p->n - count;

    vs_buf_printf(out, "%d*%d=%d. %d-%d=%d. %d*%d=%d. %d+%d=%d. ", count, p->a, count * p->a, p->n,
                  count, rest, rest, p->b, rest * p->b, count * p->a, rest * p->b,
                  prices_total(p, count));
}

void prices_attempt(vs_buf *out, const prices *p, int32_t guess)
{
    vs_buf_printf(out, "Try %d. ", guess);
    prices_chain(out, p, guess);
    check_and_answer(out, prices_total(p, guess), prices_total(p, p->x), guess);
}

void prices_forward_question(vs_buf *out, const prices *p)
{
    vs_buf_printf(out, "%s cost %d and %s cost %d. %s buys %d things and %d %s. How many in all?",
                  p->item, p->a, p->other, p->b, p->name, p->n, p->x, p->item);
}

void prices_forward_solution(vs_buf *out, const prices *p)
{
    prices_chain(out, p, p->x);
    vs_buf_printf(out, "#### %d", prices_total(p, p->x));
}
