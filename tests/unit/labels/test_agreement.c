/* test_agreement.c - the graders against published labels of real solutions. */
#include "base/buf.h"
#include "base/json.h"
#include "flow/labels/grade.h"

#include "vs_test.h"

static const char *member(const json_t *obj, const char *key)
{
    const char *text = json_string_value(json_object_get(obj, key));

    CHECK(text);
    return text;
}

static vs_grade_result grade(const char *profile, const char *gold, const char *completion)
{
    vs_grade_result out;
    vs_error err;

    CHECK_OK(vs_grade(&out, profile, gold, strlen(gold), completion, strlen(completion), &err));
    return out;
}

/* Calls visit for every line of a shared file. */
static size_t each_line(const char *relative, void (*visit)(const json_t *row, void *state), void *state)
{
    vs_jsonl *in = NULL;
    json_t *row = NULL;
    vs_error err;
    size_t n = 0;

    CHECK_OK(vs_jsonl_open(&in, vs_test_shared(relative), &err));
    for (;; n++) {
        CHECK_OK(vs_jsonl_next(in, &row, &err));
        if (!row) break;
        visit(row, state);
        json_decref(row);
    }
    vs_jsonl_close(in);
    return n;
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

typedef struct tally {
    size_t n, agree;
    size_t by_verdict[2][3]; /* [published label][our verdict] */
} tally;

static void count(tally *t, bool label, const vs_grade_result *out, const char *system, const char *gold)
{
    t->n++;
    t->by_verdict[label][out->verdict]++;
    if ((out->verdict == VS_RIGHT) == label) {
        t->agree++;
        return;
    }
    print_message("%s: gold %s, published %s, ours %s by %s, read \"%s\" = \"%s\"\n", system, gold,
                  label ? "right" : "wrong", vs_verdict_name(out->verdict), out->rule, out->extracted, out->normal);
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
    static const char *const systems[] = {"6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"};
    vs_buf gold = {0}, text = {0};

    with_marker(&gold, member(row, "ground_truth"));
    for (size_t i = 0; i < 4; i++) {
        const json_t *solution = json_object_get(row, systems[i]);
        vs_grade_result out;
        with_marker(&text, member(solution, "solution"));
        out = grade("gsm8k", gold.data, text.data);
        count(state, json_is_true(json_object_get(solution, "is_correct")), &out, systems[i], strstr(gold.data, "####"));
    }
    vs_buf_free(&gold);
    vs_buf_free(&text);
}

TEST(agreement, with_the_labels_of_the_published_model_solutions)
{
    tally t = {0};

    SKIP_WITHOUT_SHARED("gsm8k/example_model_solutions.jsonl");
    each_line("gsm8k/example_model_solutions.jsonl", published_solutions, &t);
    CHECK(t.n == 5276);
    print_message("%zu of %zu agree\n", t.agree, t.n);
    print_message("%zu %zu %zu / %zu %zu %zu\n", t.by_verdict[0][0], t.by_verdict[0][1], t.by_verdict[0][2], t.by_verdict[1][0], t.by_verdict[1][1], t.by_verdict[1][2]);
}

static void tora_solutions(const json_t *row, void *state)
{
    const vs_grade_result out = grade("gsm8k-flexible", member(row, "ground_truth"), member(row, "response"));

    count(state, json_is_true(json_object_get(row, "numeric_match")), &out, member(row, "pred"),
          member(row, "ground_truth"));
}

TEST(agreement, with_the_numeric_match_of_the_program_aided_solutions)
{
    tally t = {0};

    SKIP_WITHOUT_SHARED("gsm8k/tora-70b-v1.0_test_outputs.jsonl");
    each_line("gsm8k/tora-70b-v1.0_test_outputs.jsonl", tora_solutions, &t);
    CHECK(t.n == 1319);
    print_message("%zu of %zu agree\n", t.agree, t.n);
    print_message("%zu %zu %zu / %zu %zu %zu\n", t.by_verdict[0][0], t.by_verdict[0][1], t.by_verdict[0][2], t.by_verdict[1][0], t.by_verdict[1][1], t.by_verdict[1][2]);
}
