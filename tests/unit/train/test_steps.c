/* test_steps.c - what a step is made of: each row once per epoch, and draws that depend on (seed,
 * epoch, row) alone. */
#include "engine/train/steps.h"
#include "vs_test.h"

enum { N_ROWS = 11, MAX_SOLUTIONS = 9, N_EPOCHS = 3, N_PROMPTS = 4, MAX_DRAWN = 24 };

/* A row is known again by its prompt's address, a solution by the address of its only token. Row i
 * of DPO has 1 + i % 4 right and 1 + i % 5 wrong solutions. */
typedef struct data {
    int32_t prompt[N_ROWS][3], token[N_ROWS][MAX_SOLUTIONS];
    vs_solution solutions[N_ROWS][MAX_SOLUTIONS];
    double ref[N_ROWS][MAX_SOLUTIONS];
    vs_data_row rows[N_ROWS];
} data;

static size_t n_right_of(size_t row)
{
    return 1 + row % 4;
}

static size_t n_wrong_of(size_t row)
{
    return 1 + row % 5;
}

/* Prompt i % N_PROMPTS: {0}, {0, 1}, {0, 1, 2}, {0, 1, 7}: each but the last begins the next. */
static void make_data(data *d, bool is_dpo)
{
    memset(d, 0, sizeof *d);
    for (size_t i = 0; i < N_ROWS; i++) {
        const size_t kind = i % N_PROMPTS, n_prompt = kind < 2 ? kind + 1 : 3;
        for (size_t k = 0; k < 3; k++) d->prompt[i][k] = (int32_t)k;
        if (kind == 3) d->prompt[i][2] = 7;
        for (size_t s = 0; s < MAX_SOLUTIONS; s++) {
            d->solutions[i][s] = (vs_solution){.ids = &d->token[i][s], .n = 1};
            d->ref[i][s] = -(double)(i * MAX_SOLUTIONS + s);
        }
        d->rows[i] = (vs_data_row){.group = {d->prompt[i], n_prompt, d->solutions[i], 1}};
        if (!is_dpo) continue;
        d->rows[i].group.n_solutions = n_right_of(i) + n_wrong_of(i);
        d->rows[i].n_right = n_right_of(i);
        d->rows[i].ref_logp = d->ref[i];
    }
}

static vs_train_options options(size_t batch)
{
    return (vs_train_options){.epochs = N_EPOCHS, .batch = batch, .seed = 5};
}

static size_t row_of(const data *d, const vs_group *g)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (g->prompt == d->prompt[i]) return i;
    fail_msg("a group's prompt is no row's");
    return 0;
}

/* The place of a solution among those of its row. */
static size_t place_of(const data *d, size_t row, const vs_solution *s)
{
    for (size_t i = 0; i < d->rows[row].group.n_solutions; i++)
        if (s->ids == &d->token[row][i]) return i;
    fail_msg("a solution is not of its row");
    return 0;
}

/* -- SFT -- */

TEST(steps, sft_rows_of_a_step_that_share_a_prompt_become_one_group)
{
    vs_error err;
    data d;
    vs_steps s;
    const vs_train_options o = options(N_ROWS);
    const vs_example *e;
    size_t n;

    make_data(&d, false);
    CHECK_OK(vs_steps_open(&s, VS_LOSS_SFT, d.rows, N_ROWS, &o, true, &err));
    CHECK_OK(vs_steps_make(&s, 0, &e, &n, &err));
    CHECK(n == N_PROMPTS);
    for (size_t g = 0; g < n; g++) { /* rows g, g + N_PROMPTS, .. */
        CHECK(e[g].group.prompt == d.prompt[g]);
        CHECK(e[g].group.n_prompt == d.rows[g].group.n_prompt);
        CHECK(e[g].group.n_solutions == (N_ROWS - g + N_PROMPTS - 1) / N_PROMPTS);
        for (size_t i = 0; i < e[g].group.n_solutions; i++)
            CHECK(e[g].group.solutions[i].ids == d.token[g + i * N_PROMPTS]);
    }
    vs_steps_close(&s);
}

/* The row whose first solution this is. */
static size_t sft_row_of(const data *d, const vs_solution *s)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (s->ids == d->token[i]) return i;
    fail_msg("a solution is no row's");
    return 0;
}

/* Appends the step's rows as they come; returns the new count. */
static size_t list_rows(size_t *rows, size_t at, const data *d, vs_loss_kind kind,
                        const vs_example *e, size_t n)
{
    for (size_t g = 0; g < n; g++) {
        if (kind == VS_LOSS_DPO) rows[at++] = row_of(d, &e[g].group);
        for (size_t i = 0; kind == VS_LOSS_SFT && i < e[g].group.n_solutions; i++)
            rows[at++] = sft_row_of(d, &e[g].group.solutions[i]);
    }
    return at;
}

/* The rows of all epochs in the order of the steps; every step but an epoch's last is full. */
static void list_epochs(size_t rows[N_EPOCHS][N_ROWS], vs_loss_kind kind, size_t batch,
                        bool no_shuffle)
{
    vs_error err;
    data d;
    vs_steps s;
    const vs_train_options o = options(batch);
    const size_t per_epoch = (N_ROWS + batch - 1) / batch;

    make_data(&d, kind == VS_LOSS_DPO);
    CHECK_OK(vs_steps_open(&s, kind, d.rows, N_ROWS, &o, no_shuffle, &err));
    CHECK(vs_steps_count(&s) == N_EPOCHS * per_epoch);
    for (size_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        size_t taken[N_ROWS + 1], n_taken = 0;
        for (size_t i = 0; i < per_epoch; i++) {
            const vs_example *e;
            size_t n, before = n_taken;
            CHECK_OK(vs_steps_make(&s, epoch * per_epoch + i, &e, &n, &err));
            n_taken = list_rows(taken, n_taken, &d, kind, e, n);
            CHECK(n_taken <= N_ROWS);
            CHECK(n_taken - before == batch || n_taken == N_ROWS);
        }
        CHECK(n_taken == N_ROWS);
        memcpy(rows[epoch], taken, sizeof rows[epoch]);
    }
    vs_steps_close(&s);
}

static void check_each_once(const size_t rows[N_ROWS])
{
    size_t n_seen[N_ROWS] = {0};

    for (size_t i = 0; i < N_ROWS; i++) n_seen[rows[i]]++;
    for (size_t i = 0; i < N_ROWS; i++) CHECK(n_seen[i] == 1);
}

TEST(steps, every_row_comes_once_per_epoch_in_another_order_each_time)
{
    const size_t batches[] = {1, 4, N_ROWS, N_ROWS + 9};
    size_t rows[N_EPOCHS][N_ROWS];

    for (int kind = VS_LOSS_SFT; kind <= VS_LOSS_DPO; kind++)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            const size_t batch = batches[b] < N_ROWS ? batches[b] : N_ROWS;
            list_epochs(rows, (vs_loss_kind)kind, batches[b], false);
            for (size_t epoch = 0; epoch < N_EPOCHS; epoch++) check_each_once(rows[epoch]);
            if (batch < N_ROWS) CHECK(memcmp(rows[0], rows[1], sizeof rows[0]) != 0);
        }
}

TEST(steps, no_shuffle_keeps_the_order_of_the_rows)
{
    size_t rows[N_EPOCHS][N_ROWS];

    list_epochs(rows, VS_LOSS_DPO, 4, true);
    for (size_t epoch = 0; epoch < N_EPOCHS; epoch++)
        for (size_t i = 0; i < N_ROWS; i++) CHECK(rows[epoch][i] == i);
}

TEST(steps, o_steps_counts_before_epochs_and_goes_on_into_later_epochs)
{
    vs_error err;
    data d;
    vs_steps s;
    vs_train_options o = options(4);
    const vs_example *e;
    size_t n, rows[N_ROWS];

    o.steps = 5; /* 3 steps make an epoch */
    make_data(&d, true);
    CHECK_OK(vs_steps_open(&s, VS_LOSS_DPO, d.rows, N_ROWS, &o, true, &err));
    CHECK(vs_steps_count(&s) == 5);
    CHECK_OK(vs_steps_make(&s, 4, &e, &n, &err));
    CHECK(list_rows(rows, 0, &d, VS_LOSS_DPO, e, n) == 4);
    CHECK(rows[0] == 4);
    vs_steps_close(&s);
}

/* -- DPO -- */

/* What was drawn for a row in an epoch. */
typedef struct draw {
    size_t n, n_right, n_pairs;
    size_t place[MAX_SOLUTIONS];
    uint32_t pairs[MAX_DRAWN][2];
} draw;

typedef struct draws {
    draw of[N_EPOCHS][N_ROWS];
} draws;

static void keep_draw(draws *out, const data *d, size_t epoch, const vs_example *e)
{
    const size_t row = row_of(d, &e->group);
    draw *w = &out->of[epoch][row];

    memset(w, 0, sizeof *w);
    CHECK(e->group.n_solutions <= MAX_SOLUTIONS && e->n_pairs <= MAX_DRAWN);
    w->n = e->group.n_solutions;
    w->n_right = e->n_right;
    w->n_pairs = e->n_pairs;
    for (size_t i = 0; i < w->n; i++) {
        w->place[i] = place_of(d, row, &e->group.solutions[i]);
        CHECK(e->ref_logp[i] == d->ref[row][w->place[i]]);
    }
    for (size_t i = 0; i < w->n_pairs; i++) memcpy(w->pairs[i], e->pairs[i], sizeof w->pairs[i]);
}

/* All draws under o; from the last step to the first when is_backward. */
static void draw_all(draws *out, const vs_train_options *o, bool no_shuffle, bool is_backward)
{
    vs_error err;
    data d;
    vs_steps s;
    size_t n_steps;

    make_data(&d, true);
    memset(out, 0, sizeof *out);
    CHECK_OK(vs_steps_open(&s, VS_LOSS_DPO, d.rows, N_ROWS, o, no_shuffle, &err));
    n_steps = vs_steps_count(&s);
    for (size_t i = 0; i < n_steps; i++) {
        const size_t step = is_backward ? n_steps - 1 - i : i;
        const vs_example *e;
        size_t n;
        CHECK_OK(vs_steps_make(&s, step, &e, &n, &err));
        for (size_t k = 0; k < n; k++) keep_draw(out, &d, step / (n_steps / N_EPOCHS), &e[k]);
    }
    vs_steps_close(&s);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Right ones are right, wrong ones wrong, none twice; both are never missing; the caps hold,
 * whether max_right leaves room for a wrong one or not. A cap of 1 is the exception: a pair needs
 * two. */
static void check_draw(const draw *w, size_t row, const vs_train_options *o)
{
    const size_t all_right = n_right_of(row), all_wrong = n_wrong_of(row);
    const size_t cap = o->max_solutions == 1 ? 2 : o->max_solutions;
    const size_t by_right = o->max_right ? least(o->max_right, all_right) : all_right;

    CHECK(w->n_right == (cap ? least(by_right, cap - 1) : by_right));
    CHECK(w->n_right >= 1 && w->n > w->n_right);
    CHECK(w->n == (cap ? least(cap, w->n_right + all_wrong) : w->n_right + all_wrong));
    for (size_t i = 0; i < w->n; i++) {
        CHECK((w->place[i] < all_right) == (i < w->n_right));
        if (i > 0) CHECK(w->place[i] > w->place[i - 1]);
    }
}

TEST(steps, dpo_draws_keep_to_max_right_and_max_solutions_and_never_lack_a_wrong_one)
{
    draws got;

    for (size_t max_right = 0; max_right <= 5; max_right++)
        for (size_t max_solutions = 0; max_solutions <= 8; max_solutions++) {
            vs_train_options o = options(4);
            o.max_right = max_right;
            o.max_solutions = max_solutions;
            draw_all(&got, &o, false, false);
            for (size_t epoch = 0; epoch < N_EPOCHS; epoch++)
                for (size_t row = 0; row < N_ROWS; row++) check_draw(&got.of[epoch][row], row, &o);
        }
}

static vs_train_options drawing_options(void)
{
    vs_train_options o = options(4);

    o.max_right = 2;
    o.max_solutions = 4;
    o.sampled_pairs = 2;
    return o;
}

TEST(steps, dpo_draws_depend_on_seed_epoch_and_row_alone)
{
    vs_train_options o = drawing_options();
    draws want, got;

    draw_all(&want, &o, false, false);
    draw_all(&got, &o, false, true);
    CHECK(memcmp(&want, &got, sizeof want) == 0);
    o.batch = 1;
    draw_all(&got, &o, true, false);
    CHECK(memcmp(&want, &got, sizeof want) == 0);
    CHECK(memcmp(want.of[0], want.of[1], sizeof want.of[0]) != 0);
    o.seed++;
    draw_all(&got, &o, true, false);
    CHECK(memcmp(&want, &got, sizeof want) != 0);
}

/* sampled_pairs of them, none twice; no list (all pairs) when there are no more than that. */
static void check_pairs(const draw *w, size_t sampled_pairs)
{
    const size_t all = w->n_right * (w->n - w->n_right);

    CHECK(w->n_pairs == (sampled_pairs < all ? sampled_pairs : 0));
    for (size_t i = 0; i < w->n_pairs; i++) {
        const uint32_t *p = w->pairs[i];
        CHECK(p[0] < w->n_right);
        CHECK(p[1] >= w->n_right && p[1] < w->n);
        for (size_t k = 0; k < i; k++) CHECK(p[0] != w->pairs[k][0] || p[1] != w->pairs[k][1]);
    }
}

TEST(steps, sampled_pairs_are_distinct_pairs_of_a_right_and_a_wrong_one)
{
    draws got;

    for (size_t n = 0; n <= MAX_DRAWN; n++) {
        vs_train_options o = options(4);
        o.sampled_pairs = n;
        draw_all(&got, &o, false, false);
        for (size_t epoch = 0; epoch < N_EPOCHS; epoch++)
            for (size_t row = 0; row < N_ROWS; row++) check_pairs(&got.of[epoch][row], n);
    }
}

TEST(steps, refuses_no_rows_and_a_batch_of_0)
{
    vs_error err;
    data d;
    vs_steps s = {0};
    vs_train_options o = options(4);

    make_data(&d, false);
    CHECK(vs_steps_open(&s, VS_LOSS_SFT, d.rows, 0, &o, false, &err) == VS_E_INPUT);
    o.batch = 0;
    CHECK(vs_steps_open(&s, VS_LOSS_SFT, d.rows, N_ROWS, &o, false, &err) == VS_E_INPUT);
}
