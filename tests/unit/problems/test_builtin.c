#include "flow/problems/problems.h"

#include "reader.h"
#include "vs_test.h"

enum { N_BAGS = 1368, N_PRICES = 5544 }; /* different numbers that the two families have */

static vs_problem_source demo_source(const char *kind)
{
    return (vs_problem_source){.kind = kind,
                               .n_sft = 60,
                               .n_train = 900,
                               .n_test = 200,
                               .prompt = "{question} ",
                               .seed = 1};
}

static vs_problems load(const vs_problem_source *source)
{
    vs_problems p = {0};
    vs_error err;

    CHECK_OK(vs_problems_load(&p, source, &err));
    return p;
}

static void check_bag(const vs_problem *p)
{
    bag_text q;
    chain_text c;
    int x;

    if (!read_bag_question(&q, p->question)) fail_msg("not a bags question: %s", p->question);
    if (!read_chain(&c, p->reference)) fail_msg("not a solution: %s", p->reference);
    x = (q.is_minus ? q.total + q.k : q.total - q.k) / q.m;
    assert_int_equal(x * q.m + (q.is_minus ? -q.k : q.k), q.total);
    assert_int_equal(atoi(p->gold), x);
    assert_int_equal(c.guess, x);
    CHECK(bag_attempt_fits(&q, &c));
    assert_int_equal(c.step[2].value, 0);
    CHECK(x >= 2 && x <= 15 && q.m >= 3 && q.m <= 9 && q.k >= 2 && q.k <= 8 && q.total >= 1);
}

static void check_price(const vs_problem *p)
{
    price_text q;
    chain_text c;
    int x;

    if (!read_price_question(&q, p->question)) fail_msg("not a price question: %s", p->question);
    if (!read_chain(&c, p->reference)) fail_msg("not a solution: %s", p->reference);
    CHECK(q.a != q.b && strcmp(q.item, q.other) != 0);
    x = (q.total - q.n * q.b) / (q.a - q.b);
    assert_int_equal(x * q.a + (q.n - x) * q.b, q.total);
    assert_int_equal(atoi(p->gold), x);
    assert_int_equal(c.guess, x);
    CHECK(price_attempt_fits(&q, &c));
    assert_int_equal(c.step[4].value, 0);
    CHECK(q.n >= 5 && q.n <= 15 && x >= 1 && x < q.n);
    CHECK(q.a >= 2 && q.a <= 9 && q.b >= 2 && q.b <= 9);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Keys are equations, so that equal keys would be equal problems. */
static void check_keys_differ(const vs_problems *p)
{
    char **keys = calloc(p->n, sizeof *keys);

    CHECK(keys != NULL);
    for (size_t i = 0; i < p->n; i++) keys[i] = p->item[i].key;
    qsort(keys, p->n, sizeof *keys, by_text);
    for (size_t i = 1; i < p->n; i++) CHECK(strcmp(keys[i - 1], keys[i]) != 0);
    free(keys);
}

TEST(builtin, bags_have_the_stated_form_and_a_reference_that_checks)
{
    const vs_problem_source source = demo_source("bags");
    vs_problems p = load(&source);

    assert_int_equal(p.n, 1160);
    for (size_t i = 0; i < p.n; i++) {
        const vs_problem *item = &p.item[i];
        check_bag(item);
        assert_int_equal(item->id, i + 1);
        CHECK_STR(item->split, i < 60 ? "sft" : i < 960 ? "train" : "test");
        CHECK(item->ids == NULL);
        CHECK(strncmp(item->prompt, item->question, strlen(item->question)) == 0);
        CHECK_STR(item->prompt + strlen(item->question), " ");
    }
    check_keys_differ(&p);
    vs_problems_free(&p);
}

TEST(builtin, hard_is_bags_and_two_price_problems_by_halves)
{
    const vs_problem_source source = demo_source("hard");
    vs_problems p = load(&source);
    size_t n_prices = 0;

    for (size_t i = 0; i < p.n; i++) {
        if (strstr(p.item[i].question, " cost ")) {
            check_price(&p.item[i]);
            n_prices++;
        } else {
            check_bag(&p.item[i]);
        }
    }
    assert_int_equal(n_prices, p.n / 2);
    check_keys_differ(&p);
    vs_problems_free(&p);
}

TEST(builtin, keys_say_the_numbers_that_the_questions_say)
{
    const vs_problem_source source = demo_source("hard");
    vs_problems p = load(&source);
    char key[64];
    bag_text bag;
    price_text price;

    for (size_t i = 0; i < p.n; i++) {
        if (read_bag_question(&bag, p.item[i].question)) {
            snprintf(key, sizeof key, "%dx%c%d=%d", bag.m, bag.is_minus ? '-' : '+', bag.k,
                     bag.total);
        } else {
            CHECK(read_price_question(&price, p.item[i].question));
            snprintf(key, sizeof key, "%dx+%d(%d-x)=%d", price.a, price.b, price.n, price.total);
        }
        CHECK_STR(p.item[i].key, key);
    }
    vs_problems_free(&p);
}

TEST(builtin, problems_of_a_seed_never_change)
{
    const vs_problem_source source = demo_source("bags");
    vs_problems p = load(&source);

    CHECK_STR(p.item[0].question,
              "Tom buys some boxes of 7 pens. Tom gets 4 more and now has 39. How many boxes?");
    CHECK_STR(p.item[0].reference, "Try 5. 5*7=35. 35+4=39. 39-39=0. #### 5");
    CHECK_STR(p.item[0].gold, "5");
    CHECK_STR(p.item[0].key, "7x+4=39");
    CHECK_STR(p.item[960].key, "6x-4=20");
    vs_problems_free(&p);
}

TEST(builtin, another_seed_makes_other_problems)
{
    vs_problem_source source = demo_source("bags");
    vs_problems a = load(&source), b;
    size_t n_same = 0;

    source.seed = 2;
    b = load(&source);
    for (size_t i = 0; i < a.n; i++) n_same += strcmp(a.item[i].question, b.item[i].question) == 0;
    CHECK(n_same < a.n / 20);
    vs_problems_free(&a);
    vs_problems_free(&b);
}

TEST(builtin, a_bigger_training_split_leaves_the_rest_as_it_is)
{
    vs_problem_source source = demo_source("hard");
    vs_problems a = load(&source), b;

    source.n_train = 100;
    b = load(&source);
    for (size_t i = 0; i < 160; i++) CHECK_STR(a.item[i].question, b.item[i].question);
    for (size_t i = 0; i < 200; i++) CHECK_STR(a.item[960 + i].question, b.item[160 + i].question);
    vs_problems_free(&a);
    vs_problems_free(&b);
}

TEST(builtin, all_problems_that_exist_can_be_had_and_not_one_more)
{
    vs_problem_source source = demo_source("bags");
    vs_problems p = {0};
    vs_error err;

    source.n_train = N_BAGS - 260;
    p = load(&source);
    assert_int_equal(p.n, N_BAGS);
    check_keys_differ(&p);
    vs_problems_free(&p);

    source.n_train++;
    assert_int_equal(vs_problems_load(&p, &source, &err), VS_E_INPUT);
    CHECK(strstr(err.text, "1369") && strstr(err.text, "1368"));
    CHECK(p.item == NULL);
}

TEST(builtin, the_hard_families_run_out_with_both_counts_named)
{
    const vs_problem_source source = {
        .kind = "hard", .n_train = 2 * N_PRICES + 2, .prompt = "{question}", .seed = 1};
    vs_problems p = {0};
    vs_error err;

    assert_int_equal(vs_problems_load(&p, &source, &err), VS_E_INPUT);
    CHECK(strstr(err.text, "1368") && strstr(err.text, "5544") && strstr(err.text, "5545"));
}

TEST(builtin, no_problems_at_all_are_refused)
{
    const vs_problem_source source = {.kind = "bags", .prompt = "{question}"};
    vs_problems p = {0};
    vs_error err;

    assert_int_equal(vs_problems_load(&p, &source, &err), VS_E_INPUT);
    CHECK(strstr(err.text, "at least one"));
}

TEST(builtin, a_count_beyond_every_limit_is_refused)
{
    const vs_problem_source source = {.kind = "bags", .n_train = SIZE_MAX, .prompt = "{question}"};
    vs_problems p = {0};
    vs_error err;

    assert_int_equal(vs_problems_load(&p, &source, &err), VS_E_LIMIT);
}
