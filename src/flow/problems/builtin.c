#include "flow/problems/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "flow/problems/families.h"

/* Which numbers are taken, by sign, m, k, x and by a, b, n, x. x stands for the total, which it
 * fixes. */
typedef struct taken {
    bool bags[2][10][BAGS_K_MAX + 1][16];
    bool prices[10][10][16][16];
} taken;

/* Counts over the ranges of bags_draw and prices_draw. */
static size_t count_bags(void)
{
    size_t n = 0;

    for (int x = 2; x <= 15; x++)
        for (int m = 3; m <= 9; m++)
            for (int k = 2; k <= BAGS_K_MAX; k++) n += k <= x * m - 1 ? 2 : 1;
    return n;
}

static size_t count_prices(void)
{
    size_t n = 0;

    for (int things = 5; things <= 15; things++) n += (size_t)(things - 1);
    return n * 8 * 7; /* ordered pairs of different prices 2 .. 9 */
}

static vs_status finish(vs_problem *p, const vs_buf *question, const vs_buf *reference,
                        const char *key, int32_t gold, vs_error *err)
{
    VS_TRY(vs_buf_ok(question, "built-in problems", err));
    VS_TRY(vs_buf_ok(reference, "built-in problems", err));
    p->key = vs_strdup_n(key, strlen(key));
    p->question = vs_strdup_n(question->data, question->len);
    p->gold = vs_format("%d", gold);
    p->reference = vs_strdup_n(reference->data, reference->len);
    if (!p->key || !p->question || !p->gold || !p->reference)
        return VS_FAIL(err, VS_E_NOMEM, "built-in problems: out of memory");
    return VS_OK;
}

static vs_status make_bags(vs_problem *p, vs_rng *r, taken *t, vs_error *err)
{
    vs_buf question = {0}, reference = {0};
    char key[64];
    bool *used;
    vs_status st;
    bags b;

    do {
        b = bags_draw(r, BAGS_K_MAX);
        used = &t->bags[b.is_minus][b.m][b.k][b.x];
    } while (*used);
    *used = true;
    snprintf(key, sizeof key, "%dx%c%d=%d", b.m, b.is_minus ? '-' : '+', b.k, bags_total(&b, b.x));
    bags_question(&question, &b);
    bags_attempt(&reference, &b, b.x);
    st = finish(p, &question, &reference, key, b.x, err);
    vs_buf_free(&question);
    vs_buf_free(&reference);
    return st;
}

static vs_status make_prices(vs_problem *p, vs_rng *r, taken *t, vs_error *err)
{
    vs_buf question = {0}, reference = {0};
    char key[64];
    bool *used;
    vs_status st;
    prices c;

    do {
        c = prices_draw(r);
        used = &t->prices[c.a][c.b][c.n][c.x];
    } while (*used);
    *used = true;
    snprintf(key, sizeof key, "%dx+%d(%d-x)=%d", c.a, c.b, c.n, prices_total(&c, c.x));
    prices_question(&question, &c);
    prices_attempt(&reference, &c, c.x);
    st = finish(p, &question, &reference, key, c.x, err);
    vs_buf_free(&question);
    vs_buf_free(&reference);
    return st;
}

/* Fills item[0 .. n). */
static vs_status make_split(vs_problem *item, size_t n, const char *split, vs_rng r, taken *t,
                            bool is_hard, vs_error *err)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(item[i].split, sizeof item[i].split, "%s", split);
        if (is_hard && i % 2 == 1)
            VS_TRY(make_prices(&item[i], &r, t, err));
        else
            VS_TRY(make_bags(&item[i], &r, t, err));
    }
    return VS_OK;
}

/* The families' keys are finite, and drawing without repetition must end. */
static vs_status check_counts(const vs_problem_source *src, bool is_hard, vs_error *err)
{
    const size_t n[3] = {src->n_sft, src->n_train, src->n_test};
    size_t n_bags = 0, n_prices = 0;

    for (size_t i = 0; i < 3; i++) {
        if (n[i] > VS_PROBLEMS_MAX)
            return VS_FAIL(err, VS_E_LIMIT, "problems of source \"%s\": found %zu, the limit is %d",
                           src->kind, n[i], VS_PROBLEMS_MAX);
        n_prices += is_hard ? n[i] / 2 : 0;
        n_bags += is_hard ? n[i] - n[i] / 2 : n[i];
    }
    if (n_bags == 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "problems of source \"%s\": all counts are 0, expected at least one problem",
                       src->kind);
    if (n_bags > count_bags() || n_prices > count_prices())
        return VS_FAIL(
            err, VS_E_INPUT,
            "problems of source \"%s\": found n_sft %zu, n_train %zu, n_test %zu, which take "
            "%zu bags and %zu two-price problems; expected at most the %zu and %zu "
            "different ones that exist",
            src->kind, n[0], n[1], n[2], n_bags, n_prices, count_bags(), count_prices());
    return VS_OK;
}

static vs_rng split_stream(const vs_problem_source *src, uint64_t use)
{
    return vs_rng_stream(vs_rng_key_make(src->seed, VS_RNG_PROBLEMS, use), 0);
}

vs_status builtin_load(vs_problems *out, const vs_problem_source *src, bool is_hard, vs_error *err)
{
    const size_t n_sft = src->n_sft, n_train = src->n_train, n_test = src->n_test;
    vs_problems made = {0};
    vs_status st = VS_OK;
    taken *t = NULL;

    VS_TRY(check_counts(src, is_hard, err));
    t = vs_alloc(1, sizeof *t);
    made.item = vs_alloc(n_sft + n_train + n_test, sizeof *made.item);
    if (!t || !made.item) {
        st = VS_FAIL(err, VS_E_NOMEM, "problems of source \"%s\": out of memory", src->kind);
        goto done;
    }
    made.n = made.cap = n_sft + n_train + n_test;
    VS_CHECK(make_split(made.item + n_sft + n_train, n_test, "test",
                        split_stream(src, BUILTIN_TEST), t, is_hard, err));
    VS_CHECK(make_split(made.item, n_sft, "sft", split_stream(src, BUILTIN_SFT), t, is_hard, err));
    VS_CHECK(make_split(made.item + n_sft, n_train, "train", split_stream(src, BUILTIN_TRAIN), t,
                        is_hard, err));
    *out = made;
    made = (vs_problems){0};
done:
    vs_problems_free(&made);
    free(t);
    return st;
}
