/* test_agreement.c - the graders against published labels of real solutions. */
#include "base/buf.h"
#include "unit/labels/labelled.h"

static const char *member(const json_t *obj, const char *key)
{
    const char *text = json_string_value(json_object_get(obj, key));

    CHECK(text);
    return text;
}

static void gold_grades_itself(const json_t *row, void *state)
{
    const char *answer = member(row, "answer");

    (void)state;
    CHECK(grade("gsm8k", answer, answer).verdict == VS_RIGHT);
    CHECK(grade("gsm8k-flexible", answer, answer).verdict == VS_RIGHT);
}

TEST(agreement, every_published_gold_parses_and_is_right)
{
    SKIP_WITHOUT_SHARED("gsm8k/train.jsonl");
    CHECK(each_line("gsm8k/train.jsonl", gold_grades_itself, NULL) +
              each_line("gsm8k/test.jsonl", gold_grades_itself, NULL) ==
          8792);
}

/* Published label against our verdict; label right: 1. */
typedef struct tally {
    size_t by_verdict[2][3];
    size_t n_bytes_differ; /* labelled right though the answer's bytes are not the gold's */
} tally;

static void count(tally *t, bool label, const vs_grade_result *out, const char *system,
                  const char *gold)
{
    t->by_verdict[label][out->verdict]++;
    if (out->verdict == (label ? VS_RIGHT : VS_WRONG)) return;
    print_message("%s: gold %s, published %s, ours %s by %s, read \"%s\" = \"%s\"\n", system, gold,
                  label ? "right" : "wrong", vs_verdict_name(out->verdict), out->rule,
                  out->extracted, out->normal);
}

/* "..\nA: N" with its answer line's "A:" as "####". */
static void with_marker(vs_buf *out, const char *text)
{
    const char *line = NULL;

    vs_buf_clear(out);
    for (const char *at = text; (at = strstr(at, "A: ")); at++)
        if (at == text || at[-1] == '\n') line = at;
    if (!line) {
        vs_buf_str(out, text);
        return;
    }
    vs_buf_add(out, text, (size_t)(line - text));
    vs_buf_printf(out, "#### %s", line + 3);
}

static void published_solutions(const json_t *row, void *state)
{
    static const char *const systems[] = {"6b_finetuning", "6b_verification", "175b_finetuning",
                                          "175b_verification"};
    vs_buf gold = {0}, text = {0};
    tally *t = state;
    const char *gold_answer;

    with_marker(&gold, member(row, "ground_truth"));
    gold_answer = strstr(gold.data, "#### ") + 5;
    for (size_t i = 0; i < 4; i++) {
        const json_t *solution = json_object_get(row, systems[i]);
        vs_grade_result out;
        with_marker(&text, member(solution, "solution"));
        out = grade("gsm8k", gold.data, text.data);
        const bool label = json_is_true(json_object_get(solution, "is_correct"));
        count(t, label, &out, systems[i], gold_answer);
        if (label && strcmp(out.extracted, gold_answer) != 0) t->n_bytes_differ++;
    }
    vs_buf_free(&gold);
    vs_buf_free(&text);
}

static void check_tally(const tally *t, const size_t expected[2][3])
{
    for (int label = 0; label < 2; label++)
        for (int verdict = 0; verdict < 3; verdict++)
            if (t->by_verdict[label][verdict] != expected[label][verdict])
                fail_msg("published %s, ours %s: %zu, expected %zu", label ? "right" : "wrong",
                         vs_verdict_name((vs_verdict)verdict), t->by_verdict[label][verdict],
                         expected[label][verdict]);
}

/* All 5,276 agree. Ten of them are right by value and not by bytes: 3,000 for 3000 or the reverse.
 */
TEST(agreement, is_complete_with_the_labels_of_the_published_model_solutions)
{
    static const size_t expected[2][3] = {{3275, 0, 0}, {0, 2001, 0}};
    tally t = {0};

    SKIP_WITHOUT_SHARED("gsm8k/example_model_solutions.jsonl");
    CHECK(each_line("gsm8k/example_model_solutions.jsonl", published_solutions, &t) == 1319);
    check_tally(&t, expected);
    CHECK(t.n_bytes_differ == 10);
}

static void tora_solutions(const json_t *row, void *state)
{
    const vs_grade_result out =
        grade("gsm8k-flexible", member(row, "ground_truth"), member(row, "response"));

    count(state, json_is_true(json_object_get(row, "numeric_match")), &out, member(row, "pred"),
          member(row, "ground_truth"));
}

/* Three of 1,319 differ: answers without a box that are a sentence whose last number is not its
 * answer ("5 cars drove through the traffic jam in the first 15 minutes"; "Three trucks .. 80
 * flagstones"; "16 people .. horse #12"): the published label reads the program's output instead.
 */
TEST(agreement, with_the_numeric_match_of_the_program_aided_solutions)
{
    static const size_t expected[2][3] = {{207, 0, 0}, {3, 1109, 0}};
    tally t = {0};

    SKIP_WITHOUT_SHARED("gsm8k/tora-70b-v1.0_test_outputs.jsonl");
    CHECK(each_line("gsm8k/tora-70b-v1.0_test_outputs.jsonl", tora_solutions, &t) == 1319);
    check_tally(&t, expected);
}
