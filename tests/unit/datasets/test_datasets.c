#include "vs_test.h"

#include <math.h>

#include "flow/datasets/datasets.h"

enum { UNGRADED = -1, WRONG, RIGHT, UNGRADABLE, MAX_SAMPLES = 400 };

/* Samples are built on the stack; texts and ids are one letter each. */
typedef struct bench {
    vs_sample item[MAX_SAMPLES];
    int32_t ids[MAX_SAMPLES];
    char text[MAX_SAMPLES][2];
    vs_samples all;
} bench;

/* letter: the text, which is also the only token unless `token` says another. */
static void add_tokens(bench *b, int64_t problem, const char *set, char letter, int32_t token,
                       int verdict, const char *finish)
{
    const size_t i = b->all.n++;
    vs_sample *x = &b->item[i];

    CHECK(i < MAX_SAMPLES);
    b->ids[i] = token;
    b->text[i][0] = letter;
    *x = (vs_sample){.id = (int64_t)i + 1,
                     .problem_id = problem,
                     .index = (uint32_t)i,
                     .ids = &b->ids[i],
                     .n_ids = 1,
                     .text = b->text[i],
                     .verdict = verdict};
    snprintf(x->set, sizeof x->set, "%s", set);
    snprintf(x->finish, sizeof x->finish, "%s", finish);
    b->all.item = b->item;
}

static void add(bench *b, int64_t problem, const char *set, char letter, int verdict)
{
    add_tokens(b, problem, set, letter, letter, verdict, "stop");
}

/* The chosen samples' texts, in order: "aab". Static storage. */
static const char *letters(const bench *b, const size_t *index, size_t n)
{
    static char out[MAX_SAMPLES + 1];

    for (size_t i = 0; i < n; i++) out[i] = b->text[index[i]][0];
    out[n] = '\0';
    return out;
}

static vs_gen_set gen(const bench *b, vs_gen_options o)
{
    vs_error err;
    vs_gen_set s = {0};

    if (!o.rounds) o.rounds = 9;
    CHECK_OK(vs_gen_select(&s, &b->all, &o, &err));
    return s;
}

static vs_ver_set ver(const bench *b, vs_ver_options o)
{
    vs_error err;
    vs_ver_set s = {0};

    CHECK_OK(vs_ver_select(&s, &b->all, &o, &err));
    return s;
}

static void expect_group(const bench *b, const vs_ver_set *s, size_t g, const char *right,
                         const char *wrong)
{
    const vs_ver_group *group = &s->groups[g];

    CHECK(g < s->n_groups);
    CHECK_STR(letters(b, s->index + group->first, group->n_right), right);
    CHECK_STR(letters(b, s->index + group->first + group->n_right, group->n - group->n_right),
              wrong);
}

TEST(datasets, know_rounds_by_the_names_of_sets)
{
    CHECK(vs_round_of("reference") == 0 && vs_round_of("round-1") == 1 &&
          vs_round_of("round-12") == 12);
    CHECK(vs_round_of("test:sft") == SIZE_MAX && vs_round_of("round-0") == SIZE_MAX);
    CHECK(vs_round_of("round-") == SIZE_MAX && vs_round_of("round-1x") == SIZE_MAX);
    CHECK(vs_round_of("round--1") == SIZE_MAX);
}

TEST(gen_set, has_references_and_every_finished_right_sample_of_the_rounds)
{
    bench b = {0};
    vs_gen_set s;

    add(&b, 1, "reference", 'r', -1); /* needs no label */
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG);
    add_tokens(&b, 1, "round-1", 'c', 'c', RIGHT, "length");
    add(&b, 1, "round-1", 'd', UNGRADABLE);
    add(&b, 1, "round-1", 'e', -1);
    add(&b, 1, "round-2", 'f', RIGHT);
    add(&b, 1, "round-3", 'g', RIGHT);
    add(&b, 1, "test:generator", 'h', RIGHT);
    add_tokens(&b, 2, "round-1", 'i', 'i', RIGHT, "string");
    s = gen(&b, (vs_gen_options){.rounds = 2});
    CHECK_STR(letters(&b, s.index, s.n), "raafi");
    CHECK(s.n_references == 1 && s.n_right == 4 && s.n_duplicates == 0 && s.n_capped == 0);
    vs_gen_set_free(&s);
}

TEST(gen_set, drops_equal_texts_of_a_problem_when_asked_to)
{
    bench b = {0};
    vs_gen_set s;

    add(&b, 1, "reference", 'r', RIGHT);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'r', RIGHT);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-2", 'a', RIGHT);
    add(&b, 1, "round-2", 'b', RIGHT);
    add(&b, 2, "round-1", 'a', RIGHT); /* another problem's */
    s = gen(&b, (vs_gen_options){.dedupe = VS_DEDUPE_TEXTS});
    CHECK_STR(letters(&b, s.index, s.n), "raba");
    CHECK(s.n_duplicates == 3);
    vs_gen_set_free(&s);
}

TEST(gen_set, star_learns_the_last_round_alone_and_no_reference)
{
    bench b = {0};
    vs_gen_set s;

    add(&b, 1, "reference", 'r', -1);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "rationale-1", 'b', RIGHT);
    add(&b, 1, "round-2", 'c', RIGHT);
    add(&b, 1, "rationale-2", 'd', RIGHT);
    add(&b, 1, "rationale-2", 'e', WRONG);
    add(&b, 1, "round-3", 'f', RIGHT);
    s = gen(&b, (vs_gen_options){.rounds = 2, .which = VS_ROUNDS_LAST, .without_references = true});
    CHECK_STR(letters(&b, s.index, s.n), "cd");
    CHECK(s.n_rationales == 1 && s.n_right == 2 && s.n_references == 0);
    vs_gen_set_free(&s);
    vs_error err;
    const vs_gen_options first = {.rounds = 0, .without_references = true}; /* G_SFT */
    CHECK_OK(vs_gen_select(&s, &b.all, &first, &err));
    CHECK_STR(letters(&b, s.index, s.n), "r");
    vs_gen_set_free(&s);
    s = gen(&b, (vs_gen_options){.rounds = 2});
    CHECK_STR(letters(&b, s.index, s.n), "rabcd");
    vs_gen_set_free(&s);
}

TEST(ver_set, holds_no_rationale_and_the_rounds_that_are_asked_for)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "reference", 'r', -1);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG);
    add(&b, 1, "rationale-1", 'c', RIGHT);
    add(&b, 1, "rationale-1", 'd', WRONG);
    add(&b, 1, "round-2", 'e', RIGHT);
    add(&b, 1, "round-2", 'f', WRONG);
    s = ver(&b, (vs_ver_options){.rounds = 2});
    CHECK_STR(letters(&b, s.index, s.n_solutions), "raebf");
    vs_ver_set_free(&s);
    s = ver(&b, (vs_ver_options){.rounds = 2, .which = VS_ROUNDS_LAST});
    CHECK_STR(letters(&b, s.index, s.n_solutions), "ref");
    vs_ver_set_free(&s);
    s = ver(&b, (vs_ver_options){.rounds = 1});
    CHECK_STR(letters(&b, s.index, s.n_solutions), "rab");
    vs_ver_set_free(&s);
}

TEST(ver_set, reward_models_learn_from_one_sided_problems_too)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 2, "round-1", 'b', WRONG);
    add(&b, 2, "round-1", 'c', WRONG);
    add(&b, 3, "round-1", 'd', UNGRADABLE);
    s = ver(&b, (vs_ver_options){0});
    CHECK(s.n_groups == 0 && s.n_all_right == 1 && s.n_all_wrong == 1);
    vs_ver_set_free(&s);
    s = ver(&b, (vs_ver_options){.one_sided = true});
    CHECK(s.n_groups == 2 && s.n_pairs == 0);
    CHECK_STR(letters(&b, s.index, s.n_solutions), "abc");
    CHECK(s.groups[0].n_right == 1 && s.groups[1].n_right == 0);
    vs_ver_set_free(&s);
}

TEST(keep, takes_the_best_right_ones_and_as_many_wrong)
{
    enum { N = 9 };
    bench b = {0};
    const double score[N] = {0, 1, 5, 3, 9, 2, 4, 7, 6};
    bool kept[N];
    vs_error err;

    add(&b, 1, "reference", 'r', -1);
    add(&b, 1, "round-1", 'a', RIGHT); /* 1 */
    add(&b, 1, "round-1", 'b', RIGHT); /* 5 */
    add(&b, 1, "round-1", 'c', RIGHT); /* 3 */
    add(&b, 1, "round-1", 'd', WRONG); /* 9 */
    add(&b, 1, "round-1", 'e', WRONG); /* 2 */
    add(&b, 1, "round-1", 'f', WRONG); /* 4 */
    add(&b, 1, "round-2", 'g', WRONG); /* 7: no right one in its round */
    add(&b, 2, "round-1", 'h', RIGHT); /* 6 */
    CHECK_OK(vs_keep_best(kept, &b.all, score, 2, &err));
    static const bool want[N] = {true, false, true, true, true, false, true, false, true};
    CHECK(memcmp(kept, want, sizeof want) == 0);
    vs_gen_set s = gen(&b, (vs_gen_options){.rounds = 2, .kept = kept});
    CHECK_STR(letters(&b, s.index, s.n), "rbch");
    vs_gen_set_free(&s);
}

TEST(keep, counts_equal_texts_as_often_as_they_were_drawn)
{
    enum { N = 5 };
    bench b = {0};
    static const double score[N] = {3, 3, 2, 1, 0};
    static const bool want[N] = {true, true, true, true, false};
    bool kept[N];
    vs_error err;

    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG);
    add(&b, 1, "round-1", 'c', WRONG);
    add(&b, 1, "round-1", 'd', WRONG);
    CHECK_OK(vs_keep_best(kept, &b.all, score, 2, &err));
    CHECK(memcmp(kept, want, sizeof want) == 0);
}

TEST(label_best, takes_the_best_texts_of_each_problem_and_round)
{
    enum { N = 8 };
    static const double score[N] = {0.5, 0.9, 0.9, 0.7, 1.0, 0.1, 0.7, 0.2};
    static const struct {
        size_t keep;
        double least;
        int want[N];
    } rows[] = {
        {1, -INFINITY, {WRONG, RIGHT, RIGHT, WRONG, UNGRADABLE, RIGHT, RIGHT, WRONG}},
        {2, -INFINITY, {WRONG, RIGHT, RIGHT, RIGHT, UNGRADABLE, RIGHT, RIGHT, RIGHT}},
        {2, 0.8, {WRONG, RIGHT, RIGHT, WRONG, UNGRADABLE, WRONG, WRONG, WRONG}},
        {0, 0.5, {RIGHT, RIGHT, RIGHT, RIGHT, UNGRADABLE, WRONG, RIGHT, WRONG}},
    };
    vs_error err;
    vs_verdict verdict[N];
    bench b = {.all.n = 0};

    add(&b, 1, "round-1", 'a', WRONG); /* the labels that they have count for nothing */
    add(&b, 1, "round-1", 'b', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG); /* an equal text shares its verdict and takes no place */
    add(&b, 1, "round-1", 'c', WRONG);
    add_tokens(&b, 1, "round-1", 'd', 'd', RIGHT, "length"); /* unfinished */
    add(&b, 1, "round-2", 'e', WRONG);
    add(&b, 2, "round-1", 'f', WRONG);
    add(&b, 2, "round-1", 'g', WRONG);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        CHECK_OK(vs_label_best(verdict, &b.all, score, rows[r].keep, rows[r].least, &err));
        for (size_t i = 0; i < N; i++)
            if ((int)verdict[i] != rows[r].want[i])
                fail_msg("row %zu, sample %zu: %d", r, i, (int)verdict[i]);
    }
}

TEST(equations, are_listed_in_order_and_checked)
{
    static const struct {
        const char *text, *list;
        bool hold;
    } rows[] = {
        {"She has <<9+9=18>>18, so <<18 * 2 = 36>>36 dollars. #### 36", "9+9=18;18*2=36;", true},
        {"Try 5. 5*7=35. 35-2=33. 33-33=0. #### 5", "5*7=35;35-2=33;33-33=0;", true},
        {"Try 6. 6*8=49. 49-1=48.", "6*8=49;49-1=48;", false},
        {"<<1,000+1=1001>>", "1000+1=1001;", true},
        {"<<2/3=0.667>> and <<(1+2)*3=9=3*3>>", "2/3=0.667;(1+2)*3=9=3*3;", true},
        {"<<2/3=0.66>>", "2/3=0.66;", false},
        {"<<x+1=2>>", "x+1=2;", false},
        {"<<1/0=1>>", "1/0=1;", false},
        {"<<1+1=2", "", true},
        {"no numbers, a = b", "", true},
        {"-3--4=1 and 5-(-2)=7", "-3--4=1;5-(-2)=7;", true},
        {"((((((((((((((((((((((((((((((((((((1=1", "((((((((((((((((((((((((((((((((((((1=1;",
         false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vs_buf list = {0};
        const bool hold = vs_equations(&list, rows[i].text);
        if (hold != rows[i].hold || strcmp(list.data ? list.data : "", rows[i].list) != 0)
            fail_msg("%s: %d, %s", rows[i].text, hold, list.data ? list.data : "");
        vs_buf_free(&list);
    }
}

static void add_rounds(bench *b, int64_t problem, uint32_t per_round)
{
    add(b, problem, "reference", 'r', -1);
    for (uint32_t i = 0; i < per_round; i++) add(b, problem, "round-1", (char)('a' + i), RIGHT);
    for (uint32_t i = 0; i < per_round; i++) add(b, problem, "round-2", (char)('A' + i), RIGHT);
}

TEST(gen_set, caps_each_problem_and_round_and_never_references)
{
    bench b = {0};
    vs_gen_set s;

    for (int64_t p = 1; p <= 4; p++) add_rounds(&b, p, 10);
    s = gen(&b, (vs_gen_options){.cap = 3});
    CHECK(s.n == 4 * (1 + 3 + 3) && s.n_capped == 4 * 14 && s.n_right == 80);
    for (size_t i = 1; i < s.n; i++) CHECK(s.index[i] > s.index[i - 1]);
    for (size_t i = 0; i < s.n; i++) CHECK((b.text[s.index[i]][0] == 'r') == (i % 7 == 0));
    vs_gen_set_free(&s);
}

TEST(gen_set, keeps_the_same_samples_of_a_problem_whatever_else_is_there)
{
    bench one = {0}, many = {0};
    vs_gen_set a, b;

    add_rounds(&one, 7, 10);
    for (int64_t p = 5; p <= 9; p++) add_rounds(&many, p, 10);
    a = gen(&one, (vs_gen_options){.cap = 3, .seed = 5, .rounds = 1});
    b = gen(&many, (vs_gen_options){.cap = 3, .seed = 5, .rounds = 2});
    for (size_t i = 0; i < 4; i++) CHECK(a.index[i] + 2 * 21 == b.index[2 * 7 + i]);
    vs_gen_set_free(&a);
    vs_gen_set_free(&b);
}

TEST(gen_set, draws_every_sample_about_equally_often_over_seeds)
{
    enum { SEEDS = 2000, N = 5, CAP = 2 };
    /* counts are binomial with mean 800 and sd 22: six of them are never reached by chance */
    const double mean = SEEDS * (double)CAP / N, margin = 6 * 22;
    size_t count[N] = {0};
    bench b = {0};

    for (int i = 0; i < N; i++) add(&b, 1, "round-1", (char)('a' + i), RIGHT);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        vs_gen_set s = gen(&b, (vs_gen_options){.cap = CAP, .seed = seed});
        CHECK(s.n == CAP);
        for (size_t i = 0; i < s.n; i++) count[s.index[i]]++;
        vs_gen_set_free(&s);
    }
    for (int i = 0; i < N; i++) CHECK_NEAR((double)count[i], mean, margin);
}

TEST(ver_set, has_right_and_wrong_of_all_rounds_with_references_as_right)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "reference", 'r', WRONG); /* whatever a grader says of it */
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG);
    add(&b, 1, "round-2", 'c', WRONG);
    add(&b, 1, "round-2", 'd', RIGHT);
    add(&b, 1, "round-2", 'e', UNGRADABLE);
    add(&b, 1, "test:sft", 'f', RIGHT);
    s = ver(&b, (vs_ver_options){0});
    CHECK(s.n_groups == 1 && s.n_pairs == 6 && s.n_solutions == 5 && s.n_ungradable == 1);
    CHECK(s.groups[0].problem_id == 1);
    expect_group(&b, &s, 0, "rad", "bc");
    vs_ver_set_free(&s);
}

TEST(ver_set, leaves_out_and_counts_problems_of_one_kind)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', RIGHT);
    add(&b, 2, "round-1", 'c', WRONG);
    add(&b, 3, "reference", 'r', -1);
    add(&b, 3, "round-1", 'd', WRONG);
    add(&b, 4, "round-1", 'e', UNGRADABLE);
    s = ver(&b, (vs_ver_options){0});
    CHECK(s.n_groups == 1 && s.groups[0].problem_id == 3 && s.groups[0].first == 0);
    CHECK(s.n_all_right == 1 && s.n_all_wrong == 1 && s.n_solutions == 2);
    expect_group(&b, &s, 0, "r", "d");
    vs_ver_set_free(&s);
}

/* A round that is sampled and not graded, as after a kill or while a grader works. */
TEST(ver_set, leaves_out_what_is_not_graded_yet)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG);
    add(&b, 1, "round-2", 'c', UNGRADED);
    add_tokens(&b, 1, "round-2", 'd', 'd', UNGRADED, "length");
    add(&b, 2, "round-2", 'e', UNGRADED);
    s = ver(&b, (vs_ver_options){.truncated = true, .one_sided = true});
    CHECK_STR(letters(&b, s.index, s.n_solutions), "ab");
    CHECK(s.n_groups == 1 && s.n_pairs == 1 && s.n_ungradable == 0 && s.n_all_wrong == 0);
    vs_ver_set_free(&s);
}

TEST(ver_set, drops_equal_tokens_within_a_problem_when_asked_to)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "reference", 'a', -1);
    add(&b, 1, "round-1", 'a', RIGHT);
    add(&b, 1, "round-1", 'b', WRONG);
    add_tokens(&b, 1, "round-1", 'b', 'z', WRONG, "stop"); /* the same text in other tokens stays */
    add(&b, 1, "round-2", 'b', WRONG);
    add(&b, 2, "round-1", 'a', RIGHT);
    add(&b, 2, "round-1", 'b', WRONG);
    s = ver(&b, (vs_ver_options){.dedupe = true});
    CHECK(s.n_groups == 2 && s.n_duplicates == 2);
    expect_group(&b, &s, 0, "a", "bb");
    expect_group(&b, &s, 1, "a", "b");
    vs_ver_set_free(&s);
    s = ver(&b, (vs_ver_options){0});
    expect_group(&b, &s, 0, "aa", "bbb");
    vs_ver_set_free(&s);
}

TEST(ver_set, never_pairs_equal_texts)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "round-1", 'a', WRONG); /* before its right twin */
    add(&b, 1, "round-1", 'b', WRONG);
    add_tokens(&b, 1, "round-1", 'a', 'z', RIGHT, "stop");
    add(&b, 2, "reference", 'c', -1);
    add(&b, 2, "round-1", 'c', WRONG);
    s = ver(&b, (vs_ver_options){0});
    CHECK(s.n_groups == 1 && s.n_same_text == 2 && s.n_all_right == 1);
    expect_group(&b, &s, 0, "a", "b");
    vs_ver_set_free(&s);
}

TEST(ver_set, takes_unfinished_samples_only_as_wrong_ones_and_only_when_asked_to)
{
    bench b = {0};
    vs_ver_set s;

    add(&b, 1, "reference", 'r', -1);
    add_tokens(&b, 1, "round-1", 'a', 'a', UNGRADABLE, "length");
    add_tokens(&b, 1, "round-1", 'b', 'b', WRONG, "length");
    add(&b, 1, "round-1", 'c', WRONG);
    add(&b, 1, "round-1", 'd', UNGRADABLE);
    s = ver(&b, (vs_ver_options){0});
    expect_group(&b, &s, 0, "r", "c");
    CHECK(s.n_truncated == 2 && s.n_ungradable == 1);
    vs_ver_set_free(&s);
    s = ver(&b, (vs_ver_options){.truncated = true});
    expect_group(&b, &s, 0, "r", "abc");
    CHECK(s.n_truncated == 0 && s.n_ungradable == 1);
    vs_ver_set_free(&s);
}

TEST(ver_set, caps_a_problem_at_half_of_each_kind_where_there_are_enough)
{
    static const struct {
        int right, wrong;
        size_t cap, want_right, want_wrong;
    } cases[] = {
        {10, 10, 6, 3, 3}, {10, 10, 7, 3, 4}, {1, 10, 6, 1, 5}, {10, 1, 6, 5, 1}, {2, 2, 6, 2, 2},
        {3, 3, 6, 3, 3},   {10, 2, 6, 4, 2},  {2, 10, 6, 2, 4}, {9, 9, 2, 1, 1},
    };

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        bench b = {0};
        vs_ver_set s;

        for (int64_t p = 1; p <= 2; p++) {
            for (int i = 0; i < cases[c].right; i++) add(&b, p, "round-1", (char)('a' + i), RIGHT);
            for (int i = 0; i < cases[c].wrong; i++) add(&b, p, "round-1", (char)('A' + i), WRONG);
        }
        s = ver(&b, (vs_ver_options){.cap = cases[c].cap});
        CHECK(s.n_groups == 2 && s.groups[1].first == s.groups[0].n);
        for (size_t g = 0; g < 2; g++) {
            const vs_ver_group *group = &s.groups[g];
            CHECK(group->n_right == cases[c].want_right &&
                  group->n - group->n_right == cases[c].want_wrong);
            for (size_t i = 0; i < group->n; i++)
                CHECK(b.item[s.index[group->first + i]].verdict ==
                      (i < group->n_right ? RIGHT : WRONG));
        }
        CHECK(s.n_solutions + s.n_capped == b.all.n);
        vs_ver_set_free(&s);
    }
}

TEST(ver_set, pairs_only_right_with_wrong_of_one_problem_in_any_data)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        bench b = {0};
        vs_ver_set s;
        size_t pairs = 0;
        uint32_t x = seed * 2654435761u;

        for (int i = 0; i < 120; i++) {
            x = x * 1664525u + 1013904223u;
            add_tokens(&b, 1 + i / 12, i % 12 ? "round-1" : "reference",
                       (char)('a' + (x >> 20) % 9), (int32_t)((x >> 10) % 9), (int)((x >> 28) % 3),
                       (x >> 16) % 5 ? "stop" : "length");
        }
        s = ver(&b, (vs_ver_options){
                        .dedupe = seed % 2, .truncated = seed % 3 == 0, .cap = seed % 4 ? 0 : 5});
        for (size_t g = 0; g < s.n_groups; g++) {
            const vs_ver_group *group = &s.groups[g];
            const size_t *at = s.index + group->first, n_wrong = group->n - group->n_right;

            CHECK(group->n_right > 0 && n_wrong > 0 && (seed % 4 || group->n <= 5));
            pairs += group->n_right * n_wrong;
            for (size_t r = 0; r < group->n_right; r++)
                for (size_t w = group->n_right; w < group->n; w++) {
                    CHECK(b.item[at[r]].problem_id == group->problem_id);
                    CHECK(b.item[at[w]].problem_id == group->problem_id);
                    CHECK(b.text[at[r]][0] != b.text[at[w]][0]);
                    CHECK(strcmp(b.item[at[w]].set, "reference") != 0);
                }
        }
        CHECK(pairs == s.n_pairs);
        vs_ver_set_free(&s);
    }
}

TEST(datasets, are_empty_without_samples)
{
    bench b = {0};
    vs_gen_set g = gen(&b, (vs_gen_options){.dedupe = VS_DEDUPE_TEXTS});
    vs_ver_set v = ver(&b, (vs_ver_options){.dedupe = true});

    CHECK(g.n == 0 && v.n_groups == 0 && v.n_solutions == 0);
    vs_gen_set_free(&g);
    vs_ver_set_free(&v);
}
