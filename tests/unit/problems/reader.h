/* reader.h - reads the built-in texts back, independently of the code that writes them. Every
 * reader writes what it understood again and compares, so that no byte of a text goes unread. */
#ifndef VS_TEST_PROBLEMS_READER_H
#define VS_TEST_PROBLEMS_READER_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_STEPS = 8, TEXT_CHARS = 512 };

typedef struct bag_text {
    char name[16], again[16], container[16], asked[16], item[16];
    bool is_minus;
    int m, k, total;
} bag_text;

/* "N buys some C of m I. N gets k more and now has R. How many C?" */
static inline bool read_bag_question(bag_text *q, const char *text)
{
    char again[TEXT_CHARS];

    memset(q, 0, sizeof *q);
    q->is_minus = strstr(text, " away ") != NULL;
    if (sscanf(text,
               q->is_minus
                   ? "%15s buys some %15s of %d %15[a-z]. %15s gives %d away and now has %d. "
                     "How many %15[a-z]?"
                   : "%15s buys some %15s of %d %15[a-z]. %15s gets %d more and now has %d. "
                     "How many %15[a-z]?",
               q->name, q->container, &q->m, q->item, q->again, &q->k, &q->total, q->asked) != 8)
        return false;
    snprintf(again, sizeof again,
             "%s buys some %s of %d %s. %s %s %d %s and now has %d. How many %s?", q->name,
             q->container, q->m, q->item, q->name, q->is_minus ? "gives" : "gets", q->k,
             q->is_minus ? "away" : "more", q->total, q->container);
    return strcmp(again, text) == 0;
}

typedef struct price_text {
    char name[16], item[16], other[16], asked[16];
    int a, b, n, total;
} price_text;

/* "I cost a and J cost b. N buys n things for R. How many I?" */
static inline bool read_price_question(price_text *q, const char *text)
{
    char again[TEXT_CHARS];

    memset(q, 0, sizeof *q);
    if (sscanf(text,
               "%15s cost %d and %15s cost %d. %15s buys %d things for %d. How many %15[a-z]?",
               q->item, &q->a, q->other, &q->b, q->name, &q->n, &q->total, q->asked) != 8)
        return false;
    snprintf(again, sizeof again,
             "%s cost %d and %s cost %d. %s buys %d things for %d. How many %s?", q->item, q->a,
             q->other, q->b, q->name, q->n, q->total, q->item);
    return strcmp(again, text) == 0;
}

/* "a*b=c. d+e=f. " .., with "Try g. " before and "#### A" after where the text has them. */
typedef struct chain_text {
    bool has_guess, has_answer;
    int guess, answer;
    int n;
    struct {
        int left, right, value;
        char op;
    } step[MAX_STEPS];
} chain_text;

static inline bool read_chain(chain_text *c, const char *text)
{
    char again[TEXT_CHARS] = "";
    const char *at = text;
    int used = 0, len = 0;

    memset(c, 0, sizeof *c);
    if (sscanf(at, "Try %d. %n", &c->guess, &used) == 1 && used > 0) {
        c->has_guess = true;
        at += used;
        len += snprintf(again, sizeof again, "Try %d. ", c->guess);
    }
    while (*at >= '0' && *at <= '9' && c->n < MAX_STEPS) {
        used = 0;
        if (sscanf(at, "%d%c%d=%d. %n", &c->step[c->n].left, &c->step[c->n].op,
                   &c->step[c->n].right, &c->step[c->n].value, &used) != 4 ||
            used == 0)
            return false;
        len += snprintf(again + len, sizeof again - (size_t)len, "%d%c%d=%d. ", c->step[c->n].left,
                        c->step[c->n].op, c->step[c->n].right, c->step[c->n].value);
        at += used;
        c->n++;
    }
    if (sscanf(at, "#### %d", &c->answer) == 1) {
        c->has_answer = true;
        snprintf(again + len, sizeof again - (size_t)len, "#### %d", c->answer);
    }
    return strcmp(again, text) == 0;
}

/* True equations between numbers that are not negative, and products of factors above zero. */
static inline bool is_honest(const chain_text *c)
{
    for (int i = 0; i < c->n; i++) {
        const int l = c->step[i].left, r = c->step[i].right;
        int value;

        if (c->step[i].op == '*')
            value = l * r;
        else if (c->step[i].op == '+')
            value = l + r;
        else if (c->step[i].op == '-')
            value = l - r;
        else
            return false;
        if (value != c->step[i].value || l < 0 || r < 0 || value < 0) return false;
    }
    return true;
}

static inline bool step_is(const chain_text *c, int i, int left, char op, int right)
{
    return i < c->n && c->step[i].left == left && c->step[i].op == op && c->step[i].right == right;
}

/* The check step D of a total T against the stated R. */
static inline bool step_checks(const chain_text *c, int i, int total, int stated)
{
    return total >= stated ? step_is(c, i, total, '-', stated) : step_is(c, i, stated, '-', total);
}

/* The whole of an attempt, whatever its guess. */
static inline bool bag_attempt_fits(const bag_text *q, const chain_text *c)
{
    const int g = c->guess, product = g * q->m;
    const int total = q->is_minus ? product - q->k : product + q->k;

    return c->has_guess && c->has_answer && c->answer == g && c->n == 3 && is_honest(c) && g > 0 &&
           step_is(c, 0, g, '*', q->m) && step_is(c, 1, product, q->is_minus ? '-' : '+', q->k) &&
           step_checks(c, 2, total, q->total);
}

static inline bool price_attempt_fits(const price_text *q, const chain_text *c)
{
    const int g = c->guess, first = g * q->a, rest = q->n - g, second = rest * q->b;

    return c->has_guess && c->has_answer && c->answer == g && c->n == 5 && is_honest(c) && g > 0 &&
           rest > 0 && step_is(c, 0, g, '*', q->a) && step_is(c, 1, q->n, '-', g) &&
           step_is(c, 2, rest, '*', q->b) && step_is(c, 3, first, '+', second) &&
           step_checks(c, 4, first + second, q->total);
}
#endif
