/* test_verifier.c - when verifiers can learn; what one that says yes or no is trained on, and how it scores. */
#include "flow/verifier/generative.h"
#include "unit/train/tiny.h"

enum { N_SOLUTIONS = 5, N_RIGHT = 2, LEN = 4, END = 9, N_PROBLEMS = 2 };

static int32_t question[] = {50, 51}, yes[] = {60}, no[] = {70, 71};
static const vs_ver_words words = {.question = {question, 2, 2},
                                   .yes = {yes, 1, 1},
                                   .no = {no, 2, 2},
                                   .end_ids = {8, END},
                                   .n_end = 2};

/* Solution s of problem p is the tokens 10 p + s, three times, and the end token. */
typedef struct bench {
    vs_problem problems[N_PROBLEMS];
    int32_t prompt[N_PROBLEMS][2], ids[N_PROBLEMS][N_SOLUTIONS][LEN];
    vs_sample samples[N_PROBLEMS][N_SOLUTIONS];
    const vs_sample *list[N_PROBLEMS][N_SOLUTIONS];
    vs_ver_item items[N_PROBLEMS];
    vs_verifier_job job;
} bench;

static void fill(bench *b, double lm, size_t n_positions)
{
    *b = (bench){.job = {.name = "verifier",
                         .items = b->items,
                         .n = N_PROBLEMS,
                         .words = &words,
                         .n_positions = n_positions,
                         .o = {.lm = lm, .seed = 1}}};
    for (int p = 0; p < N_PROBLEMS; p++) {
        b->prompt[p][0] = b->prompt[p][1] = 100 + p;
        b->problems[p] = (vs_problem){.id = p + 1, .ids = b->prompt[p], .n_ids = 2};
        for (int s = 0; s < N_SOLUTIONS; s++) {
            for (int i = 0; i < LEN; i++) b->ids[p][s][i] = i == LEN - 1 ? END : 10 * (p + 1) + s;
            b->samples[p][s] = (vs_sample){.ids = b->ids[p][s], .n_ids = LEN};
            b->list[p][s] = &b->samples[p][s];
        }
        b->items[p] = (vs_ver_item){.problem = &b->problems[p],
                                    .solutions = b->list[p],
                                    .n = N_SOLUTIONS,
                                    .n_right = N_RIGHT};
    }
}

static void rows_free(ver_rows *r)
{
    free(r->row);
    free(r->solutions);
    free(r->ids);
}

TEST(generative, asks_behind_as_many_right_as_wrong_solutions_without_their_end)
{
    bench b;
    ver_rows r = {0};
    vs_error err;
    size_t n_yes = 0, n_no = 0;

    fill(&b, 0, 64);
    CHECK_OK(generative_rows(&r, &b.job, &err));
    CHECK(r.n == N_PROBLEMS * 2 * N_RIGHT);
    for (size_t i = 0; i < r.n; i++) {
        const vs_group *g = &r.row[i].group;
        const int32_t p = g->prompt[0] - 100, s = g->prompt[2] - 10 * (p + 1);
        const int32_t want[] = {100 + p, 100 + p, g->prompt[2], g->prompt[2], g->prompt[2], 50, 51};
        const bool is_right = s < N_RIGHT;
        CHECK(p >= 0 && p < N_PROBLEMS && s >= 0 && s < N_SOLUTIONS);
        CHECK(g->n_prompt == 7 && memcmp(g->prompt, want, sizeof want) == 0);
        CHECK(g->n_solutions == 1 && g->solutions[0].ids == (is_right ? yes : no));
        CHECK(g->solutions[0].n == (is_right ? 1 : 2));
        *(is_right ? &n_yes : &n_no) += 1;
    }
    CHECK(n_yes == n_no);
    rows_free(&r);
}

TEST(generative, learns_right_solutions_beside_them_at_the_weight_lm)
{
    bench b;
    ver_rows r = {0};
    vs_error err;
    size_t n = 0;

    fill(&b, 0.5, 64);
    CHECK_OK(generative_rows(&r, &b.job, &err));
    for (size_t i = 0; i < r.n; i++) {
        const vs_group *g = &r.row[i].group;
        if (g->n_prompt != 2) continue;
        CHECK(g->solutions[0].n == LEN && g->solutions[0].ids[LEN - 1] == END);
        CHECK((g->solutions[0].ids[0] % 10) < N_RIGHT);
        CHECK_NEAR(g->solutions[0].weight, 0.5 / LEN, 0);
        n++;
    }
    CHECK(n == N_PROBLEMS * N_RIGHT);
    rows_free(&r);
}

/* 2 of the prompt, 2 of the question, 2 of the longer answer: 2 of the solution are left. */
TEST(generative, cuts_the_end_of_solutions_where_positions_end)
{
    bench b;
    ver_rows r = {0};
    vs_error err;

    fill(&b, 0, 8);
    CHECK_OK(generative_rows(&r, &b.job, &err));
    for (size_t i = 0; i < r.n; i++) {
        const vs_group *g = &r.row[i].group;
        CHECK(g->n_prompt == 6 && g->prompt[3] == g->prompt[2] && g->prompt[4] == 50);
    }
    rows_free(&r);
    fill(&b, 0, 3); /* no room at all: nothing is read out of bounds */
    r = (ver_rows){0};
    CHECK_OK(generative_rows(&r, &b.job, &err));
    CHECK(r.row[0].group.n_prompt == 4);
    rows_free(&r);
}

TEST(generative, scores_by_the_log_odds_of_yes)
{
    tiny t = tiny_open(false, 0, 5);
    const int32_t prompt[] = {3, 4}, solution[] = {5, 6, 7, END}, asked[] = {3, 4, 5, 6, 7, 50, 51};
    const vs_solution x = {.ids = solution, .n = LEN},
                      answers[] = {{.ids = yes, .n = 1}, {.ids = no, .n = 2}};
    const vs_group g = {prompt, 2, &x, 1}, by_hand = {asked, 7, answers, 2};
    vs_scorer *s;
    double score, logp[2];
    vs_error err;

    CHECK_OK(vs_scorer_open(&s, t.model, 64, &err));
    CHECK_OK(generative_score(&words, s, &g, 1, &score, &err));
    CHECK_OK(vs_score(s, &by_hand, 1, NULL, logp, &err));
    CHECK(score == logp[0] - logp[1] && score != 0);
    vs_scorer_close(s);
    tiny_close(&t);
}

TEST(verifier, learns_where_there_is_something_to_tell_apart)
{
    CHECK(vs_verifier_can_learn(VS_VERIFIER_DPO, 1, 1, 1));
    CHECK(!vs_verifier_can_learn(VS_VERIFIER_DPO, 0, 5, 5)); /* of different problems */
    CHECK(!vs_verifier_can_learn(VS_VERIFIER_GENERATIVE, 0, 5, 5));
    CHECK(vs_verifier_can_learn(VS_VERIFIER_ORM, 0, 5, 5));
    CHECK(!vs_verifier_can_learn(VS_VERIFIER_ORM, 0, 5, 0));
    CHECK(!vs_verifier_can_learn(VS_VERIFIER_ORM, 0, 0, 5));
}
