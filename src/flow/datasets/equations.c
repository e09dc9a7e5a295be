/* equations.c - the equations that a solution writes down, and whether they hold.
 *
 *   equation = sum {"=" sum}      sum = product {("+" | "-") product}
 *   product  = factor {("*" | "/") factor}      factor = ["-"] (number | "(" sum ")") */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/datasets/datasets.h"

static const double tolerance = 1e-3; /* RFT's */
enum { MAX_EQUATION = 256, MAX_DEPTH = 32 };

typedef struct reader {
    const char *at;
    size_t depth;
    bool failed;
} reader;

static double read_sum(reader *r);

static double read_factor(reader *r)
{
    char *end;
    double value;

    if (*r->at == '-' && r->depth < MAX_DEPTH) {
        r->at++, r->depth++;
        value = -read_factor(r);
        r->depth--;
        return value;
    }
    if (*r->at == '(' && r->depth < MAX_DEPTH) {
        r->at++, r->depth++;
        value = read_sum(r);
        r->depth--;
        r->failed |= *r->at != ')';
        if (*r->at == ')') r->at++;
        return value;
    }
    if (*r->at != '.' && (*r->at < '0' || *r->at > '9')) {
        r->failed = true;
        return 0.0;
    }
    value = strtod(r->at, &end);
    r->at = end;
    return value;
}

static double read_product(reader *r)
{
    double value = read_factor(r);

    while (!r->failed && (*r->at == '*' || *r->at == '/')) {
        const bool divides = *r->at++ == '/';
        const double x = read_factor(r);
        value = divides ? value / x : value * x;
    }
    return value;
}

static double read_sum(reader *r)
{
    double value = read_product(r);

    while (!r->failed && (*r->at == '+' || *r->at == '-')) {
        const bool subtracts = *r->at++ == '-';
        const double x = read_product(r);
        value = subtracts ? value - x : value + x;
    }
    return value;
}

/* text: numbers and signs alone. */
static bool holds(const char *text)
{
    reader r = {.at = text};
    const double first = read_sum(&r);

    while (!r.failed && *r.at == '=') {
        r.at++;
        if (!(fabs(read_sum(&r) - first) < tolerance)) return false;
    }
    return !r.failed && *r.at == '\0';
}

/* Blanks and thousands marks taken out; false: too long to be an equation. */
static bool squeeze(char out[MAX_EQUATION], const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t,$", s[i])) continue;
        if (n + 1 == MAX_EQUATION) return false;
        out[n++] = s[i];
    }
    out[n] = '\0';
    return true;
}

static bool take(vs_buf *out, const char *s, size_t len)
{
    char text[MAX_EQUATION];

    if (!squeeze(text, s, len)) return false;
    if (out) {
        vs_buf_str(out, text);
        vs_buf_str(out, ";");
    }
    return holds(text);
}

/* Numbers and signs from s on, to where a sentence ends. */
static size_t run_length(const char *s)
{
    size_t n = 0;

    while (s[n] && strchr("0123456789+-*/=()., $", s[n])) {
        if ((s[n] == '.' || s[n] == ',') && (s[n + 1] == ' ' || s[n + 1] == '\n' || !s[n + 1]))
            break;
        n++;
    }
    return n;
}

bool vs_equations(vs_buf *out, const char *text)
{
    bool all_hold = true;

    if (strstr(text, "<<")) {
        for (const char *at = text, *end; (at = strstr(at, "<<")) != NULL; at = end) {
            end = strstr(at, ">>");
            if (!end) break;
            all_hold &= take(out, at + 2, (size_t)(end - at) - 2);
        }
        return all_hold;
    }
    for (const char *at = text; *at;) {
        const size_t n = run_length(at);
        size_t begin = 0, end = n;
        while (begin < end && strchr(" =.", at[begin])) begin++; /* "x = 3*4 = 12" */
        while (end > begin && strchr(" =", at[end - 1])) end--;
        if (memchr(at + begin, '=', end - begin)) all_hold &= take(out, at + begin, end - begin);
        at += n ? n : 1;
    }
    return all_hold;
}
