#include "flow/problems/addition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "flow/problems/builtin.h"

enum { MAX_DIGITS = VS_ADDITION_MAX_DIGITS };

/* The pairs that are taken: open addressing, a power of two of places, at most half full. */
typedef struct pairs {
    uint64_t (*place)[2]; /* {0, 0}: free; numbers are at least 1 */
    size_t n_places;
    uint64_t left[MAX_DIGITS + 1]; /* pairs of that length that nobody has */
} pairs;

static uint64_t power_of_ten(size_t n)
{
    uint64_t p = 1;

    while (n-- > 0) p *= 10;
    return p;
}

/* Pairs of numbers of d digits, as far as a count can matter. */
static uint64_t count_pairs(size_t d)
{
    return d > 4 ? VS_PROBLEMS_MAX * 4ULL : 81 * power_of_ten(d - 1) * power_of_ten(d - 1);
}

static bool take_pair(pairs *t, uint64_t a, uint64_t b)
{
    const uint64_t key[2] = {a, b};
    size_t i = (size_t)vs_hash64(key, sizeof key) & (t->n_places - 1);

    for (; t->place[i][0]; i = (i + 1) & (t->n_places - 1))
        if (t->place[i][0] == a && t->place[i][1] == b) return false;
    t->place[i][0] = a;
    t->place[i][1] = b;
    return true;
}

/* Digits with blanks between them. */
static void add_digits(vs_buf *out, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++) vs_buf_printf(out, i ? " %c" : "%c", digits[i]);
}

/* One line per digit from the right: what is left of both numbers, the sum so far, the carry. */
static void add_scratch(vs_buf *out, const char *a, const char *b, size_t d)
{
    char sum[MAX_DIGITS + 2];
    int carry = 0;

    vs_buf_str(out, "<scratch>\n");
    for (size_t done = 0; done <= d; done++) {
        if (done) {
            const int digit = (a[d - done] - '0') + (b[d - done] - '0') + carry;
            sum[d - done] = (char)('0' + digit % 10);
            carry = digit / 10;
        }
        add_digits(out, a, d - done);
        if (done < d) vs_buf_str(out, " + ");
        add_digits(out, b, d - done);
        vs_buf_str(out, done < d ? " , " : ", ");
        add_digits(out, sum + d - done, done);
        vs_buf_printf(out, "%sC: %d\n", done ? " " : "", carry);
    }
    vs_buf_printf(out, "%d ", carry);
    add_digits(out, sum, d);
    vs_buf_str(out, "\n</scratch>\n");
}

static vs_status write_problem(vs_problem *p, uint64_t x, uint64_t y, size_t d, vs_error *err)
{
    char a[24], b[24], sum[24];
    vs_buf question = {0}, reference = {0};
    vs_status st;

    snprintf(a, sizeof a, "%" PRIu64, x);
    snprintf(b, sizeof b, "%" PRIu64, y);
    snprintf(sum, sizeof sum, "%" PRIu64, x + y);
    vs_buf_str(&question, "Input:\n");
    add_digits(&question, a, d);
    vs_buf_str(&question, " + ");
    add_digits(&question, b, d);
    vs_buf_str(&question, "\nTarget:\n");
    add_scratch(&reference, a, b, d);
    add_digits(&reference, sum, strlen(sum));
    VS_CHECK(vs_buf_ok(&question, "addition", err));
    VS_CHECK(vs_buf_ok(&reference, "addition", err));
    p->key = vs_format("%s+%s", a, b);
    p->question = vs_strdup_n(question.data, question.len);
    p->gold = vs_strdup_n(sum, strlen(sum));
    p->reference = vs_strdup_n(reference.data, reference.len);
    if (!p->key || !p->question || !p->gold || !p->reference)
        st = VS_FAIL(err, VS_E_NOMEM, "addition: out of memory");
done:
    vs_buf_free(&question);
    vs_buf_free(&reference);
    return st;
}

/* Uniform in [0, n), n up to 10^12. */
static uint64_t below(vs_rng *r, uint64_t n)
{
    return (uint64_t)(vs_rng_uniform(r) * (double)n);
}

static vs_status make_split(vs_problem *item, size_t n, const char *split, uint64_t use, pairs *t,
                            const vs_problem_source *src, vs_error *err)
{
    vs_rng r = vs_rng_stream(vs_rng_key_make(src->seed, VS_RNG_PROBLEMS, use), 1);

    for (size_t i = 0; i < n; i++) {
        uint64_t low, x, y;
        size_t d;
        do d = src->min_digits + (size_t)below(&r, src->max_digits - src->min_digits + 1);
        while (t->left[d] == 0);
        low = power_of_ten(d - 1);
        do {
            x = low + below(&r, 9 * low);
            y = low + below(&r, 9 * low);
        } while (!take_pair(t, x, y));
        t->left[d]--;
        snprintf(item[i].split, sizeof item[i].split, "%s", split);
        VS_TRY(write_problem(&item[i], x, y, d, err));
    }
    return VS_OK;
}

static vs_status check_counts(const vs_problem_source *src, vs_error *err)
{
    const size_t n = src->n_sft + src->n_train + src->n_test;
    uint64_t n_pairs = 0;

    if (src->min_digits < 1 || src->max_digits > MAX_DIGITS || src->min_digits > src->max_digits)
        return VS_FAIL(
            err, VS_E_INPUT,
            "problems.min_digits, max_digits: found %zu and %zu, expected 1 <= min <= max <= %d",
            src->min_digits, src->max_digits, MAX_DIGITS);
    for (size_t d = src->min_digits; d <= src->max_digits; d++) n_pairs += count_pairs(d);
    if (n == 0 || n > VS_PROBLEMS_MAX || n > n_pairs)
        return VS_FAIL(err, VS_E_INPUT,
                       "problems of source \"addition\": found n_sft %zu, n_train %zu, n_test %zu; "
                       "expected 1 to %" PRIu64 " in all",
                       src->n_sft, src->n_train, src->n_test,
                       n_pairs < VS_PROBLEMS_MAX ? n_pairs : (uint64_t)VS_PROBLEMS_MAX);
    return VS_OK;
}

vs_status addition_load(vs_problems *out, const vs_problem_source *src, vs_error *err)
{
    const size_t n = src->n_sft + src->n_train + src->n_test;
    vs_problems made = {0};
    pairs t = {.n_places = 2};
    vs_status st;

    VS_TRY(check_counts(src, err));
    for (size_t d = src->min_digits; d <= src->max_digits; d++) t.left[d] = count_pairs(d);
    while (t.n_places < 2 * n) t.n_places *= 2;
    t.place = vs_alloc(t.n_places, sizeof *t.place);
    made.item = vs_alloc(n, sizeof *made.item);
    if (!t.place || !made.item) {
        st = VS_FAIL(err, VS_E_NOMEM, "addition: out of memory");
        goto done;
    }
    made.n = made.cap = n;
    VS_CHECK(make_split(made.item + src->n_sft + src->n_train, src->n_test, "test", BUILTIN_TEST,
                        &t, src, err));
    VS_CHECK(make_split(made.item, src->n_sft, "sft", BUILTIN_SFT, &t, src, err));
    VS_CHECK(
        make_split(made.item + src->n_sft, src->n_train, "train", BUILTIN_TRAIN, &t, src, err));
    *out = made;
    made = (vs_problems){0};
done:
    vs_problems_free(&made);
    free(t.place);
    return st;
}
