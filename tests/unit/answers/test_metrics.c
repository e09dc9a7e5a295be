#include "flow/answers/metrics.h"

#include "base/fmath.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rng.h"
#include "flow/answers/metrics_json.h"
#include "flow/answers/vote.h"

#include "vs_test.h"

/* Sums of at most 126 subsets of doubles near 1, and what the majority table drops. */
static const double exact = 1e-9;
/* Nothing but rounding of the last digits. */
static const double rounding = 1e-12;

enum { MOST = 9 };

typedef struct problem {
    uint8_t right[MOST];
    double scores[MOST];
    int32_t classes[MOST];
    vs_metrics_problem view;
} problem;

/* Few different scores and answers, so that ties, empty answers and classes with mixed labels are
 * common. */
static void random_problem(problem *p, vs_rng *rng)
{
    const uint32_t n = 1 + vs_rng_below(rng, MOST), n_answers = 1 + vs_rng_below(rng, n);
    const bool is_mixed = vs_rng_below(rng, 4) == 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t answer = vs_rng_below(rng, n_answers + 1);
        p->classes[i] = answer == n_answers ? -1 : (int32_t)answer;
        p->right[i] = (uint8_t)(is_mixed ? vs_rng_below(rng, 2) : answer % 2);
        p->scores[i] = 0.5 * vs_rng_range(rng, -4, 0);
    }
    p->view =
        (vs_metrics_problem){.n = n, .right = p->right, .scores = p->scores, .classes = p->classes};
}

static double class_right(const problem *p, int32_t class)
{
    double right = 0, n = 0;

    for (size_t i = 0; i < p->view.n; i++)
        if (p->classes[i] == class) right += p->right[i], n++;
    return right / n;
}

static double enumerate_pass(const problem *p, uint32_t set)
{
    for (size_t i = 0; i < p->view.n; i++)
        if (set >> i & 1 && p->right[i]) return 1;
    return 0;
}

/* Any of the subset's best members is as likely. Over all subsets this equals sharing the tie in
 * the whole problem. */
static double enumerate_best(const problem *p, uint32_t set)
{
    double best = -1e9, right = 0, n = 0;

    for (size_t i = 0; i < p->view.n; i++)
        if (set >> i & 1 && p->scores[i] > best) best = p->scores[i];
    for (size_t i = 0; i < p->view.n; i++)
        if (set >> i & 1 && p->scores[i] == best) right += p->right[i], n++;
    return right / n;
}

static double enumerate_vote(const problem *p, uint32_t set, bool is_weighted)
{
    double sums[MOST] = {0}, most = 0, right = 0, n = 0;

    for (size_t i = 0; i < p->view.n; i++)
        if (set >> i & 1 && p->classes[i] >= 0)
            sums[p->classes[i]] += is_weighted ? exp(p->scores[i]) : 1;
    for (size_t c = 0; c < MOST; c++) most = sums[c] > most ? sums[c] : most;
    if (most == 0) return 0;
    for (size_t c = 0; c < MOST; c++)
        if (sums[c] > most * (1 - rounding)) right += class_right(p, (int32_t)c), n++;
    return right / n;
}

static double enumerate(const problem *p, vs_curve curve, size_t k)
{
    double sum = 0, n = 0;

    for (uint32_t set = 0; set < 1u << p->view.n; set++) {
        if ((size_t)__builtin_popcount(set) != k) continue;
        n++;
        switch (curve) {
        case VS_CURVE_PASS:
            sum += enumerate_pass(p, set);
            break;
        case VS_CURVE_BEST_OF:
            sum += enumerate_best(p, set);
            break;
        default:
            sum += enumerate_vote(p, set, curve == VS_CURVE_WEIGHTED);
            break;
        }
    }
    return sum / n;
}

static void check_against_enumeration(const problem *p)
{
    const size_t n = p->view.n;
    double values[VS_CURVES][MOST], errors[MOST];
    size_t ks[MOST];
    vs_error err;

    for (size_t k = 1; k <= n; k++) ks[k - 1] = k;
    vs_pass_at(values[VS_CURVE_PASS], &p->view, ks, n);
    CHECK_OK(vs_best_of(values[VS_CURVE_BEST_OF], &p->view, ks, n, &err));
    CHECK_OK(vs_majority_at(values[VS_CURVE_MAJORITY], &p->view, ks, n, &err));
    CHECK_OK(
        vs_weighted_at(values[VS_CURVE_WEIGHTED], errors, &p->view, ks, n, VS_VOTE_LEAVES, &err));
    for (vs_curve c = VS_CURVE_PASS; c < VS_CURVE_TOP; c++)
        for (size_t k = 1; k <= n; k++) {
            CHECK(errors[k - 1] == 0);
            CHECK_NEAR(values[c][k - 1], enumerate(p, c, k), exact);
        }
}

TEST(metrics, equal_exhaustive_enumeration_on_200_small_cases)
{
    vs_rng rng = vs_rng_stream(vs_rng_key_make(3, VS_RNG_TEST, 0), 0);
    problem p;

    for (int i = 0; i < 200; i++) {
        random_problem(&p, &rng);
        check_against_enumeration(&p);
    }
}

TEST(metrics, hold_when_there_is_one_class_or_none_or_each_sample_is_its_own)
{
    problem p;

    for (int kind = 0; kind < 3; kind++) {
        for (int32_t i = 0; i < MOST; i++) {
            p.classes[i] = kind == 0 ? 4 : kind == 1 ? -1 : MOST - 1 - i;
            p.right[i] = i % 3 == 0;
            p.scores[i] = kind == 1 ? 0 : i;
        }
        p.view = (vs_metrics_problem){
            .n = MOST, .right = p.right, .scores = p.scores, .classes = p.classes};
        check_against_enumeration(&p);
    }
}

TEST(metrics, weigh_votes_alike_when_all_scores_move_and_bear_any_distance)
{
    static const uint8_t right[4] = {1, 0, 0, 1};
    static const int32_t classes[4] = {0, 1, 1, 2};
    const double near[4] = {0, -1, -1, -3}, moved[4] = {-5000, -5001, -5001, -5003},
                 far[4] = {0, -1e6, -2e6, -1e308};
    vs_metrics_problem p = {.n = 4, .right = right, .classes = classes};
    const size_t ks[4] = {4, 2, 1, 3};
    double a[4], b[4], e[4];
    vs_error err;

    p.scores = near;
    CHECK_OK(vs_weighted_at(a, e, &p, ks, 4, VS_VOTE_LEAVES, &err));
    p.scores = moved;
    CHECK_OK(vs_weighted_at(b, e, &p, ks, 4, VS_VOTE_LEAVES, &err));
    for (int i = 0; i < 4; i++) CHECK_NEAR(a[i], b[i], rounding);
    CHECK_NEAR(a[0], 1, rounding); /* 1 beats 2/e */
    CHECK_NEAR(a[2], 0.5, rounding);
    p.scores = far;
    CHECK_OK(vs_weighted_at(a, e, &p, ks, 4, VS_VOTE_LEAVES, &err));
    CHECK_NEAR(a[0], 1, rounding);
}

/* C(n, k) as a product; exact enough for ratios of large ones in long double. */
static long double choose(size_t n, size_t k)
{
    long double ways = 1;

    for (size_t i = 1; i <= k; i++) ways = ways * (long double)(n - k + i) / (long double)i;
    return ways;
}

/* With two classes and no ties for odd k, the vote is a hypergeometric tail, which can be summed
 * directly. */
TEST(metrics, majority_of_two_large_classes_is_a_hypergeometric_tail)
{
    enum { N = 1000, RIGHT = 480 };
    static uint8_t right[N];
    static int32_t classes[N];
    const size_t ks[] = {1, 3, 15, 101, 501, 901, 999, N};
    const vs_metrics_problem p = {.n = N, .right = right, .classes = classes};
    double value[8];
    vs_error err;

    for (size_t i = 0; i < N; i++) right[i] = i < RIGHT, classes[i] = i < RIGHT;
    CHECK_OK(vs_majority_at(value, &p, ks, 8, &err));
    for (size_t a = 0; a < 8; a++) {
        const size_t k = ks[a];
        long double wins = 0;
        for (size_t i = k / 2 + 1; i <= k && i <= RIGHT; i++)
            if (k - i <= N - RIGHT) wins += choose(RIGHT, i) * choose(N - RIGHT, k - i);
        CHECK_NEAR(value[a], (double)(wins / choose(N, k)), exact);
    }
}

/* Alike classes of which a share is right: whatever wins is right with that share, unless nobody
 * votes. */
TEST(metrics, majority_of_alike_classes_is_the_share_of_right_ones)
{
    static const struct {
        size_t n_classes, each;
    } shapes[] = {{1000, 1}, {333, 3}, {31, 32}, {4, 250}};
    const size_t ks[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900};
    enum { N = 1000, N_KS = sizeof ks / sizeof *ks };
    static uint8_t right[N];
    static int32_t classes[N];

    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t n_right = shapes[s].n_classes / 4 + 1;
        vs_metrics_problem p = {
            .n = shapes[s].n_classes * shapes[s].each, .right = right, .classes = classes};
        double value[N_KS];
        vs_error err;
        for (size_t i = 0; i < p.n; i++) {
            classes[i] = (int32_t)(i % shapes[s].n_classes);
            right[i] = i % shapes[s].n_classes < n_right;
        }
        CHECK_OK(vs_majority_at(value, &p, ks, N_KS, &err));
        for (size_t a = 0; a < N_KS; a++)
            CHECK_NEAR(value[a], (double)n_right / (double)shapes[s].n_classes, exact);
    }
}

/* Classes of very different sizes: when every answer is right the vote is right unless nobody
 * votes, and a set of right classes and its complement share the rest. */
TEST(metrics, majority_of_unlike_classes_divides_what_the_empty_answers_leave)
{
    const size_t ks[] = {1, 2, 5, 16, 64, 300, 700, 999};
    enum { N = 1000, N_NULL = 700, N_KS = sizeof ks / sizeof *ks };
    static uint8_t all[N], some[N], others[N];
    static int32_t classes[N];
    vs_metrics_problem p = {.n = N, .classes = classes};
    double whole[N_KS], part[N_KS], rest[N_KS];
    vs_error err;

    for (int32_t i = 0; i < N; i++) {
        classes[i] = i < N_NULL
                         ? -1
                         : (i * i) % 101 * (i % 7 > 3); /* one large class, many of other sizes */
        all[i] = 1;
        some[i] = classes[i] % 3 == 0;
        others[i] = !some[i];
    }
    p.right = all;
    CHECK_OK(vs_majority_at(whole, &p, ks, N_KS, &err));
    p.right = some;
    CHECK_OK(vs_majority_at(part, &p, ks, N_KS, &err));
    p.right = others;
    CHECK_OK(vs_majority_at(rest, &p, ks, N_KS, &err));
    for (size_t a = 0; a < N_KS; a++) {
        const long double silent = ks[a] > N_NULL ? 0 : choose(N_NULL, ks[a]) / choose(N, ks[a]);
        CHECK_NEAR(whole[a], (double)(1 - silent), exact);
        CHECK_NEAR(part[a] + rest[a], whole[a], exact);
    }
}

TEST(metrics, defaults_to_powers_of_two_and_the_smallest_n)
{
    static const uint8_t right[9] = {1};
    const vs_metrics_problem two[2] = {{.n = 9, .right = right}, {.n = 7, .right = right}};
    const size_t expected[4] = {1, 2, 4, 7}, too_far[2] = {1, 8};
    vs_metrics m = {0};
    vs_error err;

    CHECK_OK(vs_metrics_measure(&m, two, 2, NULL, 0, 0, &err));
    CHECK(m.n_ks == 4 && memcmp(m.ks, expected, sizeof expected) == 0);
    CHECK(m.has[VS_CURVE_PASS] && !m.has[VS_CURVE_BEST_OF] && !m.has[VS_CURVE_MAJORITY] &&
          !m.has[VS_CURVE_WEIGHTED]);
    CHECK_NEAR(vs_metrics_point(&m, VS_CURVE_PASS, 7)->value, (7.0 / 9 + 1) / 2, rounding);
    CHECK(!vs_metrics_point(&m, VS_CURVE_PASS, 3) && !vs_metrics_point(&m, VS_CURVE_MAJORITY, 1));
    vs_metrics_free(&m);
    CHECK(vs_metrics_measure(&m, two, 2, too_far, 2, 0, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "k = 8") && strstr(err.text, "1 to 7"));
    CHECK(vs_metrics_measure(&m, two, 0, NULL, 0, 0, &err) == VS_E_INPUT);
}

TEST(metrics, refuse_scores_and_classes_that_cannot_be_ranked)
{
    static const uint8_t right[2] = {1, 0};
    const double scores[2] = {0, NAN};
    const int32_t classes[2] = {0, 2};
    const vs_metrics_problem bad_score = {.n = 2, .right = right, .scores = scores};
    const vs_metrics_problem bad_class = {.n = 2, .right = right, .classes = classes};
    const vs_metrics_problem too_many = {.n = VS_METRICS_MAX_SAMPLES + 1, .right = right};
    vs_metrics m = {0};
    vs_error err;

    CHECK(vs_metrics_measure(&m, &bad_score, 1, NULL, 0, 0, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "sample 2"));
    CHECK(vs_metrics_measure(&m, &bad_class, 1, NULL, 0, 0, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "class 2"));
    CHECK(vs_metrics_measure(&m, &too_many, 1, NULL, 0, 0, &err) == VS_E_LIMIT);
}

TEST(metrics, pair_problems_so_that_a_constant_gain_is_nearly_sure)
{
    static const uint8_t one[2] = {1, 0}, both[2] = {1, 1}, none[2] = {0, 0};
    vs_metrics_problem a[40], b[40];
    vs_metrics high = {0}, low = {0};
    vs_interval gain;
    vs_error err;

    for (int i = 0; i < 40; i++) {
        a[i] = (vs_metrics_problem){.n = 2, .right = i % 2 ? both : one};
        b[i] = (vs_metrics_problem){.n = 2, .right = i % 2 ? one : none};
    }
    CHECK_OK(vs_metrics_measure(&high, a, 40, NULL, 0, 0, &err));
    CHECK_OK(vs_metrics_measure(&low, b, 40, NULL, 0, 0, &err));
    CHECK_OK(vs_metrics_difference(&gain, (vs_metrics_at){&high, VS_CURVE_PASS, 1},
                                   (vs_metrics_at){&low, VS_CURVE_PASS, 1}, &err));
    CHECK_NEAR(gain.value, 0.5, rounding);
    CHECK(gain.low > 0.45 && gain.low < 0.5 && gain.high > 0.5 && gain.high < 0.55);
    CHECK(vs_metrics_point(&high, VS_CURVE_PASS, 1)->high -
              vs_metrics_point(&high, VS_CURVE_PASS, 1)->low >
          0.1);
    CHECK(vs_metrics_difference(&gain, (vs_metrics_at){&high, VS_CURVE_BEST_OF, 1},
                                (vs_metrics_at){&low, VS_CURVE_PASS, 1}, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "best_of"));
    CHECK(vs_metrics_difference(&gain, (vs_metrics_at){&high, VS_CURVE_PASS, 3},
                                (vs_metrics_at){&low, VS_CURVE_PASS, 3}, &err) == VS_E_INPUT);
    low.n_problems--;
    CHECK(vs_metrics_difference(&gain, (vs_metrics_at){&high, VS_CURVE_PASS, 1},
                                (vs_metrics_at){&low, VS_CURVE_PASS, 1}, &err) == VS_E_INPUT);
    vs_metrics_free(&high);
    vs_metrics_free(&low);
}

/* -- JSON -- */

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    vs_error err;

    CHECK_OK(vs_json_parse(&value, text, strlen(text), "test", &err));
    return value;
}

static void add_line(vs_metrics_set *set, const char *text)
{
    json_t *row = parse(text);
    vs_error err;

    CHECK_OK(vs_metrics_add_json(set, row, "-:1", &err));
    json_decref(row);
}

static double point(const json_t *out, const char *curve, size_t place, const char *key)
{
    const json_t *points = json_object_get(json_object_get(out, "curves"), curve);

    CHECK(json_is_array(points));
    return json_number_value(json_object_get(json_array_get(points, place), key));
}

TEST(metrics_json, writes_the_object_of_the_interface)
{
    vs_metrics_set *set = NULL;
    json_t *out = NULL;
    vs_error err;

    CHECK_OK(vs_metrics_set_open(&set, &err));
    add_line(set, "{\"id\":\"p1\",\"right\":[0,1,true],\"scores\":[-1,-2,-3.5],\"answers\":[\"17\","
                  "\"18\",\"18\"]}");
    add_line(set, "{\"id\":2,\"right\":[1,false,0],\"scores\":[1,1,0],\"answers\":[\"5\",\"6\","
                  "null],\"more\":{}}");
    CHECK_OK(vs_metrics_json(&out, set, NULL, 0, 0, &err));
    CHECK(json_integer_value(json_object_get(out, "problems")) == 2);
    CHECK(json_object_size(json_object_get(out, "curves")) == 4);
    CHECK_NEAR(point(out, "pass", 0, "value"), 0.5, rounding);
    CHECK_NEAR(point(out, "pass", 2, "k"), 3, 0);
    CHECK_NEAR(point(out, "pass", 2, "value"), 1, rounding);
    CHECK_NEAR(point(out, "best_of", 2, "value"), 0.25, rounding);
    CHECK_NEAR(point(out, "majority", 2, "value"), 0.75, rounding);
    CHECK_NEAR(point(out, "weighted", 2, "value"), 0.25, rounding); /* 1 against 1/e + e^-2.5 */
    CHECK(point(out, "pass", 0, "low") <= 0.5 && point(out, "pass", 0, "high") >= 0.5);
    json_decref(out);
    vs_metrics_set_close(set);
}

TEST(metrics_json, leaves_out_curves_without_input)
{
    vs_metrics_set *set = NULL;
    const size_t ks[1] = {2};
    json_t *out = NULL;
    vs_error err;

    CHECK_OK(vs_metrics_set_open(&set, &err));
    add_line(set, "{\"id\":\"a\",\"right\":[0,1],\"answers\":[\"1\",\"2\"],\"scores\":null}");
    CHECK_OK(vs_metrics_json(&out, set, ks, 1, 0, &err));
    CHECK(json_object_size(json_object_get(out, "curves")) == 2);
    CHECK_NEAR(point(out, "pass", 0, "value"), 1, rounding);
    CHECK_NEAR(point(out, "majority", 0, "value"), 0.5, rounding);
    json_decref(out);
    vs_metrics_set_close(set);
}

TEST(metrics_json, refuses_what_it_cannot_measure_and_says_where)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[1]", "an array"},
        {"{\"right\":[1]}", "\"id\" is missing"},
        {"{\"id\":null,\"right\":[1]}", "\"id\" is null"},
        {"{\"id\":\"x\"}", "\"right\" is missing"},
        {"{\"id\":\"x\",\"right\":[]}", "empty"},
        {"{\"id\":\"x\",\"right\":\"1\"}", "a string; expected an array"},
        {"{\"id\":\"x\",\"right\":[2]}", "\"right\"[0]"},
        {"{\"id\":\"x\",\"right\":[1,0.5]}", "\"right\"[1]"},
        {"{\"id\":\"x\",\"right\":[1],\"scores\":[1,2],\"answers\":[\"1\"]}",
         "2 members; expected 1"},
        {"{\"id\":\"x\",\"right\":[1],\"scores\":[null],\"answers\":[\"1\"]}",
         "\"scores\"[0] is null"},
        {"{\"id\":\"x\",\"right\":[1],\"scores\":[1],\"answers\":[]}", "0 members; expected 1"},
        {"{\"id\":\"x\",\"right\":[1],\"scores\":[1],\"answers\":[18]}", "\"answers\"[0]"},
        {"{\"id\":\"x\",\"right\":[1],\"scores\":[1]}", "\"answers\" is missing"},
        {"{\"id\":\"x\",\"right\":[1],\"answers\":[\"1\"]}", "\"scores\" is missing"},
    };
    vs_metrics_set *set = NULL;
    json_t *out = NULL;
    vs_error err;

    CHECK_OK(vs_metrics_set_open(&set, &err));
    CHECK(vs_metrics_json(&out, set, NULL, 0, 0, &err) == VS_E_INPUT); /* no problems */
    add_line(set, "{\"id\":\"first\",\"right\":[1],\"scores\":[1],\"answers\":[\"1\"]}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *row = parse(bad[i].text);
        if (vs_metrics_add_json(set, row, "data.jsonl:7", &err) == VS_OK)
            fail_msg("accepted %s", bad[i].text);
        if (!strstr(err.text, bad[i].says) || !strstr(err.text, "data.jsonl:7"))
            fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].text, err.text, bad[i].says);
        if (strstr(bad[i].text, "\"x\"")) CHECK(strstr(err.text, "\"x\""));
        json_decref(row);
    }
    CHECK_OK(vs_metrics_json(&out, set, NULL, 0, 0, &err));
    CHECK(json_integer_value(json_object_get(out, "problems")) == 1);
    json_decref(out);
    vs_metrics_set_close(set);
}

TEST(metrics_json, survives_every_failed_allocation)
{
    json_t *row =
        parse("{\"id\":\"a\",\"right\":[0,1,1],\"answers\":[\"1\",\"2\",null],\"scores\":[1,2,3]}");
    vs_status st = VS_E_NOMEM;
    vs_error err;

    for (long n = 0; st != VS_OK && n < 200; n++) {
        vs_metrics_set *set = NULL;
        json_t *out = NULL;
        vs_alloc_fail_after(n);
        st = vs_metrics_set_open(&set, &err);
        if (st == VS_OK) st = vs_metrics_add_json(set, row, "-:1", &err);
        if (st == VS_OK) st = vs_metrics_json(&out, set, NULL, 0, 0, &err);
        vs_alloc_fail_after(-1);
        CHECK(st == VS_OK || st == VS_E_NOMEM);
        json_decref(out);
        vs_metrics_set_close(set);
    }
    CHECK(st == VS_OK);
    json_decref(row);
}

/* -- published cases -- */

/* n samples of which the texts equal to a gold choice are right; k and n stand in metric_params. */
static void check_published_pass(const json_t *test)
{
    const json_t *doc = json_object_get(test, "doc"), *gold = json_object_get(doc, "gold_index");
    const json_t *choices = json_object_get(doc, "choices");
    const json_t *texts = json_object_get(json_object_get(test, "model_response"), "text");
    const json_t *params = json_object_get(test, "metric_params");
    const size_t k[1] = {(size_t)json_integer_value(json_object_get(params, "k"))};
    const char *right_text =
        json_string_value(json_array_get(choices, (size_t)json_integer_value(gold)));
    const double expected = json_number_value(
        json_object_iter_value(json_object_iter(json_object_get(test, "expected_output"))));
    uint8_t right[8] = {0};
    vs_metrics_problem p = {.n = json_array_size(texts), .right = right};
    double value;

    CHECK(p.n <= 8 && p.n == (size_t)json_integer_value(json_object_get(params, "n")));
    for (size_t i = 0; i < p.n; i++)
        right[i] = strcmp(json_string_value(json_array_get(texts, i)), right_text) == 0;
    vs_pass_at(&value, &p, k, 1);
    CHECK_NEAR(value, expected, json_number_value(json_object_get(test, "tolerance")));
}

TEST(metrics, pass_at_k_agrees_with_lighteval)
{
    static const char *const files[] = {"metrics/lighteval_pass_at_k.json",
                                        "metrics/lighteval_pass_at_k_math.json"};
    const json_t *test;
    size_t i, n = 0;
    vs_error err;

    SKIP_WITHOUT_SHARED("metrics/lighteval_pass_at_k.json");
    for (size_t f = 0; f < 2; f++) {
        json_t *suite = NULL;
        CHECK_OK(vs_json_read(&suite, vs_test_shared(files[f]), &err));
        json_array_foreach(json_object_get(suite, "test_cases"), i, test)
            check_published_pass(test),
            n++;
        json_decref(suite);
    }
    CHECK(n == 6);
}

enum { BON_SAMPLES = 8 };

/* One line of math_cot_100.jsonl as a line of ours. */
static json_t *best_of_n_row(const json_t *row)
{
    json_t *scores = json_array();
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(row, "pred_score"), i, one)
        json_array_append(scores, json_array_get(one, 0));
    return json_pack("{s:O, s:O, s:o, s:O}", "id", json_object_get(row, "idx"), "right",
                     json_object_get(row, "score"), "scores", scores, "answers",
                     json_object_get(row, "pred"));
}

/* "1299/1400" */
static double fraction(const json_t *text)
{
    char *slash;
    const double above = strtod(json_string_value(text), &slash);

    return *slash == '/' ? above / strtod(slash + 1, NULL) : above;
}

TEST(metrics, agree_with_published_best_of_n_tables)
{
    static const char data[] = "math_best_of_n/math_cot_100.jsonl",
                      table[] = "math_best_of_n/expected.json";
    const size_t ks[BON_SAMPLES] = {1, 2, 3, 4, 5, 6, 7, 8};
    vs_metrics_set *set = NULL;
    vs_jsonl *in = NULL;
    json_t *row = NULL, *expected = NULL, *out = NULL;
    vs_error err;

    SKIP_WITHOUT_SHARED("math_best_of_n/math_cot_100.jsonl");
    CHECK_OK(vs_metrics_set_open(&set, &err));
    CHECK_OK(vs_jsonl_open(&in, vs_test_shared(data), &err));
    for (;;) {
        CHECK_OK(vs_jsonl_next(in, &row, &err));
        if (!row) break;
        json_t *ours = best_of_n_row(row);
        CHECK_OK(vs_metrics_add_json(set, ours, vs_jsonl_where(in), &err));
        json_decref(ours);
        json_decref(row);
    }
    vs_jsonl_close(in);
    CHECK_OK(vs_metrics_json(&out, set, ks, BON_SAMPLES, 0, &err));
    CHECK_OK(vs_json_read(&expected, vs_test_shared(table), &err));
    for (size_t a = 0; a < BON_SAMPLES; a++) {
        char k[8];
        snprintf(k, sizeof k, "%zu", ks[a]);
        CHECK_NEAR(point(out, "pass", a, "value"),
                   fraction(json_object_get(json_object_get(expected, "pass_at_k_unbiased"), k)),
                   exact);
        /* The table breaks ties of scores by sample index; in these problems tied samples have
         * equal labels or do not matter, so that both tie rules agree. Its votes break ties by
         * first seen and are not ours. */
        CHECK_NEAR(point(out, "best_of", a, "value"),
                   fraction(json_object_get(json_object_get(expected, "best_of_k_expected"), k)),
                   exact);
    }
    json_decref(expected);
    json_decref(out);
    vs_metrics_set_close(set);
}
