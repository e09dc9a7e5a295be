#include "flow/problems/corpus.h"

#include "base/json.h"
#include "engine/model/config.h"
#include "engine/model/tokenizer.h"
#include "flow/problems/problems.h"
#include "reader.h"
#include "vs_test.h"

enum { N_DOCS = 20000, SEED = 1 };

static const char base_dir[] = VSTAR_SOURCE_DIR "/assets/demo-base";

typedef struct document {
    vs_demo_kind kind;
    vs_buf prompt, completion;
} document;

static void document_make(document *d, uint64_t index)
{
    vs_error err;

    vs_buf_clear(&d->prompt);
    vs_buf_clear(&d->completion);
    d->kind = vs_demo_document(&d->prompt, &d->completion, SEED, index);
    CHECK_OK(vs_buf_ok(&d->prompt, "prompt", &err));
    CHECK_OK(vs_buf_ok(&d->completion, "completion", &err));
}

static void document_free(document *d)
{
    vs_buf_free(&d->prompt);
    vs_buf_free(&d->completion);
}

/* A count of n draws with chance p: within five standard deviations, which a wrong share of a few
 * per cent leaves and a fixed seed never leaves by chance. */
static void check_share(const char *what, size_t count, size_t n, double p)
{
    const double sd = sqrt((double)n * p * (1.0 - p));

    if (fabs((double)count - (double)n * p) > 5.0 * sd)
        fail_msg("%s: %zu of %zu, expected a share of %g", what, count, n, p);
}

/* The prompt without its last blank. */
static void question_of(char out[TEXT_CHARS], const document *d)
{
    CHECK(d->prompt.len > 1 && d->prompt.len < TEXT_CHARS);
    CHECK(d->prompt.data[d->prompt.len - 1] == ' ');
    snprintf(out, TEXT_CHARS, "%.*s", (int)d->prompt.len - 1, d->prompt.data);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static void check_bags_attempt(const document *d, size_t *n_right)
{
    char question[TEXT_CHARS];
    bag_text q;
    chain_text c;
    int x;

    question_of(question, d);
    CHECK(read_bag_question(&q, question));
    CHECK(read_chain(&c, d->completion.data));
    CHECK(bag_attempt_fits(&q, &c));
    x = (q.is_minus ? q.total + q.k : q.total - q.k) / q.m;
    assert_int_equal(x * q.m + (q.is_minus ? -q.k : q.k), q.total);
    CHECK(x >= 2 && x <= 15 && q.m >= 3 && q.m <= 9 && q.k >= 2 && q.k <= 20 && q.total >= 1);
    if (!q.is_minus) CHECK(c.guess <= q.total / q.m);
    if (q.is_minus) CHECK(c.guess >= q.k / q.m + 1);
    assert_int_equal(c.guess == x, c.step[2].value == 0);
    *n_right += c.guess == x;
}

static void check_prices_attempt(const document *d, size_t *n_right)
{
    char question[TEXT_CHARS];
    price_text q;
    chain_text c;

    question_of(question, d);
    CHECK(read_price_question(&q, question));
    CHECK(read_chain(&c, d->completion.data));
    CHECK(price_attempt_fits(&q, &c));
    CHECK(q.a != q.b && q.n >= 5 && q.n <= 15);
    *n_right += c.step[4].value == 0;
}

static void check_bags_forward(const document *d, size_t x_seen[16])
{
    char question[TEXT_CHARS], again[TEXT_CHARS], name[16], container[16], item[16];
    int x, m, k, product;
    chain_text c;
    bool is_minus;

    question_of(question, d);
    is_minus = strstr(question, " away.") != NULL;
    CHECK(sscanf(question,
                 is_minus ? "%15s buys %d %15s of %d %15[a-z]. %*s gives %d away."
                          : "%15s buys %d %15s of %d %15[a-z]. %*s gets %d more.",
                 name, &x, container, &m, item, &k) == 6);
    snprintf(again, sizeof again, "%s buys %d %s of %d %s. %s %s %d %s. How many %s?", name, x,
             container, m, item, name, is_minus ? "gives" : "gets", k, is_minus ? "away" : "more",
             item);
    CHECK_STR(again, question);
    CHECK(read_chain(&c, d->completion.data) && is_honest(&c));
    product = x * m;
    CHECK(!c.has_guess && c.has_answer && c.n == 2 && step_is(&c, 0, x, '*', m) &&
          step_is(&c, 1, product, is_minus ? '-' : '+', k) && c.answer == c.step[1].value);
    CHECK(x >= 2 && x <= 15 && m >= 3 && m <= 9 && k >= 2 && k <= 20);
    x_seen[x]++;
}

static void check_prices_forward(const document *d)
{
    char question[TEXT_CHARS], again[TEXT_CHARS], name[16], item[16], other[16];
    int a, b, n, x, rest;
    chain_text c;

    question_of(question, d);
    CHECK(sscanf(question, "%15s cost %d and %15s cost %d. %15s buys %d things and %d ", item, &a,
                 other, &b, name, &n, &x) == 7);
    snprintf(again, sizeof again,
             "%s cost %d and %s cost %d. %s buys %d things and %d %s. How many in all?", item, a,
             other, b, name, n, x, item);
    CHECK_STR(again, question);
    CHECK(read_chain(&c, d->completion.data) && is_honest(&c));
    rest = n - x;
    CHECK(!c.has_guess && c.has_answer && c.n == 4 && step_is(&c, 0, x, '*', a) &&
          step_is(&c, 1, n, '-', x) && step_is(&c, 2, rest, '*', b) &&
          step_is(&c, 3, x * a, '+', rest * b) && c.answer == c.step[3].value);
    CHECK(x >= 1 && x < n && n >= 5 && n <= 15 && a != b);
}

typedef struct fact_counts {
    size_t lines[6], facts, products, sums, differences, zeros;
} fact_counts;

static void check_fact(int left, char op, int right, int value, fact_counts *n)
{
    n->facts++;
    n->products += op == '*';
    n->sums += op == '+';
    n->differences += op == '-';
    n->zeros += op == '-' && value == 0;
    if (op == '*') CHECK(left >= 1 && left <= 15 && right >= 2 && right <= 9);
    if (op == '+') CHECK(left >= 1 && left <= 135 && right >= 1 && right <= 135);
    if (op == '-') CHECK(left >= 3 && left <= 135 && right >= 1);
    /* The two kinds of differences: by at most 24, or by a second number up to 20. */
    if (op == '-') CHECK(smaller(value, right) <= 24);
}

static void check_facts(const document *d, fact_counts *n)
{
    char line[TEXT_CHARS];
    chain_text c;

    assert_int_equal(d->prompt.len, 1);
    snprintf(line, sizeof line, "%s%s", d->prompt.data, d->completion.data);
    CHECK(read_chain(&c, line) && is_honest(&c));
    CHECK(!c.has_guess && !c.has_answer && c.n >= 3 && c.n <= 5);
    n->lines[c.n]++;
    for (int i = 0; i < c.n; i++)
        check_fact(c.step[i].left, c.step[i].op, c.step[i].right, c.step[i].value, n);
}

TEST(corpus, every_document_has_its_form_and_honest_arithmetic_in_the_stated_shares)
{
    size_t n_kind[VS_DEMO_KINDS] = {0}, n_right[2] = {0}, x_seen[16] = {0};
    fact_counts facts = {0};
    document d = {0};

    for (uint64_t i = 0; i < N_DOCS; i++) {
        document_make(&d, i);
        n_kind[d.kind]++;
        if (d.kind == VS_DEMO_FACTS) check_facts(&d, &facts);
        if (d.kind == VS_DEMO_BAGS_FORWARD) check_bags_forward(&d, x_seen);
        if (d.kind == VS_DEMO_PRICES_FORWARD) check_prices_forward(&d);
        if (d.kind == VS_DEMO_BAGS_ATTEMPT) check_bags_attempt(&d, &n_right[0]);
        if (d.kind == VS_DEMO_PRICES_ATTEMPT) check_prices_attempt(&d, &n_right[1]);
    }
    document_free(&d);
    check_share("facts", n_kind[VS_DEMO_FACTS], N_DOCS, 0.45);
    check_share("bags, forward", n_kind[VS_DEMO_BAGS_FORWARD], N_DOCS, 0.075);
    check_share("prices, forward", n_kind[VS_DEMO_PRICES_FORWARD], N_DOCS, 0.075);
    check_share("bags, attempts", n_kind[VS_DEMO_BAGS_ATTEMPT], N_DOCS, 0.2);
    check_share("prices, attempts", n_kind[VS_DEMO_PRICES_ATTEMPT], N_DOCS, 0.2);
    for (int i = 3; i <= 5; i++)
        check_share("lines of facts", facts.lines[i], n_kind[VS_DEMO_FACTS], 1.0 / 3.0);
    check_share("products", facts.products, facts.facts, 0.40);
    check_share("sums", facts.sums, facts.facts, 0.25);
    check_share("differences", facts.differences, facts.facts, 0.35);
    /* Two of the twenty small differences are 0; the other kind's second number is below the first.
     */
    check_share("differences of 0", facts.zeros, facts.facts, 0.01);
    for (int x = 2; x <= 15; x++)
        check_share("x of bags", x_seen[x], n_kind[VS_DEMO_BAGS_FORWARD], 1.0 / 14.0);
    /* Careless, not blind: sd 0.25 of x and 0.8 make one guess in six or so right (x = 8: 16 %). */
    CHECK(n_right[0] * 100 > n_kind[VS_DEMO_BAGS_ATTEMPT] * 10);
    CHECK(n_right[0] * 100 < n_kind[VS_DEMO_BAGS_ATTEMPT] * 30);
    CHECK(n_right[1] * 100 > n_kind[VS_DEMO_PRICES_ATTEMPT] * 10);
    CHECK(n_right[1] * 100 < n_kind[VS_DEMO_PRICES_ATTEMPT] * 40);
}

TEST(corpus, documents_of_a_seed_never_change)
{
    document d = {0};

    document_make(&d, 0);
    CHECK_STR(d.prompt.data, "8");
    CHECK_STR(d.completion.data, "7+1=88. 2*3=6. 12*8=96. ");
    document_make(&d, 1);
    CHECK_STR(d.prompt.data,
              "apples cost 9 and cards cost 4. Bob buys 11 things for 64. How many apples? ");
    CHECK_STR(d.completion.data, "Try 3. 3*9=27. 11-3=8. 8*4=32. 27+32=59. 64-59=5. #### 3");
    document_free(&d);
}

TEST(corpus, the_file_holds_the_documents_in_order)
{
    char path[400];
    vs_jsonl *file = NULL;
    json_t *line = NULL;
    document d = {0};
    vs_error err;
    FILE *fp;

    snprintf(path, sizeof path, "%s/corpus.jsonl", vs_test_dir());
    fp = fopen(path, "w");
    CHECK(fp != NULL);
    CHECK_OK(vs_demo_corpus(fp, path, 50, SEED, &err));
    fclose(fp);
    CHECK_OK(vs_jsonl_open(&file, path, &err));
    for (uint64_t i = 0; i < 50; i++) {
        document_make(&d, i);
        CHECK_OK(vs_jsonl_next(file, &line, &err));
        CHECK_STR(json_string_value(json_object_get(line, "prompt")), d.prompt.data);
        CHECK_STR(json_string_value(json_object_get(line, "completion")), d.completion.data);
        json_decref(line);
    }
    CHECK_OK(vs_jsonl_next(file, &line, &err));
    CHECK(line == NULL);
    vs_jsonl_close(file);
    document_free(&d);
}

TEST(corpus, a_full_disk_is_reported)
{
    FILE *full = fopen("/dev/full", "w");
    vs_error err;

    if (!full) skip();
    assert_int_equal(vs_demo_corpus(full, "corpus.jsonl", 1000, SEED, &err), VS_E_IO);
    CHECK(strstr(err.text, "corpus.jsonl"));
    fclose(full);
}

/* Unknown pieces would be left out of the ids, so a text that comes back whole had none. */
static void check_round_trip(const vs_tokenizer *t, const char *text, size_t len, size_t max_ids,
                             vs_ids *ids, vs_buf *back)
{
    vs_error err;

    ids->n = 0;
    vs_buf_clear(back);
    CHECK_OK(vs_encode(ids, t, text, len, true, &err));
    CHECK_OK(vs_decode(back, t, ids->id, ids->n, false, &err));
    CHECK_STR(back->data, text);
    if (ids->n > max_ids) fail_msg("%zu tokens: %s", ids->n, text);
    for (size_t i = 0; i < ids->n; i++) CHECK(!vs_token_is_special(t, ids->id[i]));
}

static void check_problems_round_trip(const vs_tokenizer *t, const char *kind, size_t n,
                                      vs_ids *ids, vs_buf *back)
{
    const vs_problem_source source = {
        .kind = kind, .n_train = n, .prompt = "{question} ", .seed = 5};
    vs_problems p = {0};
    vs_error err;

    CHECK_OK(vs_problems_load(&p, &source, &err));
    for (size_t i = 0; i < p.n; i++) {
        const vs_problem *item = &p.item[i];
        check_round_trip(t, item->prompt, strlen(item->prompt), 32, ids, back);
        check_round_trip(t, item->reference, strlen(item->reference), 52, ids, back);
    }
    vs_problems_free(&p);
}

TEST(corpus, the_demo_vocabulary_holds_every_piece_of_every_text)
{
    vs_tokenizer *t = NULL;
    document d = {0};
    vs_ids ids = {0};
    vs_buf back = {0};
    vs_error err;

    CHECK_OK(vs_tokenizer_open(&t, base_dir, &err));
    for (uint64_t i = 0; i < N_DOCS; i++) {
        document_make(&d, i);
        check_round_trip(t, d.prompt.data, d.prompt.len, 32, &ids, &back);
        check_round_trip(t, d.completion.data, d.completion.len, 60, &ids, &back);
    }
    check_problems_round_trip(t, "bags", 1368, &ids, &back);
    check_problems_round_trip(t, "hard", 2000, &ids, &back);
    vs_tokenizer_close(t);
    document_free(&d);
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

TEST(corpus, words_are_one_token_with_their_spaces_and_digits_stand_alone)
{
    static const char text[] = "Leo buys some trays of 5 shells. Leo gives 4 away and now has 61. "
                               "How many trays? Try 13. 13*5=65. #### 13";
    static const char *const pieces[] = {
        "Leo",    " buys", " some", " trays", " of ",  "5",  " shells", ". ", "Leo", " gives ",
        "4",      " away", " and",  " now",   " has ", "6",  "1",       ". ", "How", " many",
        " trays", "? ",    "Try ",  "1",      "3",     ". ", "1",       "3",  "*",   "5",
        "=",      "6",     "5",     ". ",     "#### ", "1",  "3"};
    vs_tokenizer *t = NULL;
    vs_ids ids = {0};
    vs_buf piece = {0};
    vs_error err;

    CHECK_OK(vs_tokenizer_open(&t, base_dir, &err));
    CHECK_OK(vs_encode(&ids, t, text, strlen(text), true, &err));
    assert_int_equal(ids.n, sizeof pieces / sizeof *pieces);
    for (size_t i = 0; i < ids.n; i++) {
        vs_buf_clear(&piece);
        CHECK_OK(vs_token_bytes(&piece, t, ids.id[i], &err));
        CHECK_STR(piece.data, pieces[i]);
    }
    vs_tokenizer_close(t);
    vs_ids_free(&ids);
    vs_buf_free(&piece);
}

TEST(corpus, the_demo_base_is_as_small_as_it_is_said_to_be)
{
    vs_tokenizer *t = NULL;
    vs_config c = {0};
    size_t layer, all;
    vs_error err;

    CHECK_OK(vs_tokenizer_open(&t, base_dir, &err));
    CHECK_OK(vs_config_read(&c, base_dir, &err));
    assert_int_equal(vs_tokenizer_size(t), 66);
    assert_int_equal(c.n_vocab, 66);
    assert_int_equal(c.n_eos, 1);
    assert_int_equal(c.eos_ids[0], vs_tokenizer_find(t, "<eos>"));
    CHECK(vs_token_is_special(t, c.eos_ids[0]));
    layer = 4 * c.n_embd * c.n_embd + 3 * c.n_embd * c.n_ffn + 2 * c.n_embd;
    all = 2 * c.n_vocab * c.n_embd + c.n_layers * layer + c.n_embd;
    CHECK(!c.is_tied && c.n_heads == c.n_kv_heads && c.n_heads * c.head_dim == c.n_embd);
    assert_int_equal(all, 159424);
    vs_tokenizer_close(t);
}
