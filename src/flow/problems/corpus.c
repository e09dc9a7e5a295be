#include "flow/problems/corpus.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/fmath.h"
#include "base/rng.h"
#include "flow/problems/builtin.h"
#include "flow/problems/families.h"

static void add_fact(vs_buf *out, int32_t a, char op, int32_t b)
{
    const int32_t value = op == '*' ? a * b : op == '+' ? a + b : a - b;

    vs_buf_printf(out, "%d%c%d=%d. ", a, op, b, value);
}

/* One bare equation: 40 % products, 10 % small differences as checks need them, 25 % sums, 25 %
 * other differences. */
static void draw_fact(vs_buf *out, vs_rng *r)
{
    static const int32_t differences[] = {0, 0,  1,  2,  3,  4,  5,  6,  7,  8,
                                          9, 10, 12, 14, 15, 16, 18, 20, 21, 24};
    const uint32_t percent = vs_rng_below(r, 100);
    int32_t a, b;

    if (percent < 40) {
        a = vs_rng_range(r, 1, 15);
        add_fact(out, a, '*', vs_rng_range(r, 2, 9));
    } else if (percent < 50) {
        b = differences[vs_rng_below(r, sizeof differences / sizeof *differences)];
        a = vs_rng_range(r, b < 3 ? 3 : b + 1, 135);
        add_fact(out, a, '-', a - b);
    } else if (percent < 75) {
        a = vs_rng_range(r, 1, 135);
        add_fact(out, a, '+', vs_rng_range(r, 1, vs_rng_below(r, 2) ? 135 : 20));
    } else {
        a = vs_rng_range(r, 3, vs_rng_below(r, 2) ? 135 : 15);
        add_fact(out, a, '-', vs_rng_range(r, 1, a - 1 < 20 ? a - 1 : 20));
    }
}

static void draw_facts(vs_buf *prompt, vs_buf *completion, vs_rng *r)
{
    const int32_t n_facts = vs_rng_range(r, 3, 5);
    vs_buf line = {0};

    for (int32_t i = 0; i < n_facts; i++) draw_fact(&line, r);
    if (line.failed) {
        prompt->failed = true;
    } else {
        vs_buf_add(prompt, line.data, 1);
        vs_buf_add(completion, line.data + 1, line.len - 1);
    }
    vs_buf_free(&line);
}

/* A careless student's guess: round(x * exp(N(0, 0.25)) + N(0, 0.8)). Not yet feasible. */
static int32_t draw_guess(vs_rng *r, int32_t x)
{
    const double factor = vs_exp(0.25 * vs_rng_normal(r));

    return (int32_t)floor((double)x * factor + 0.8 * vs_rng_normal(r) + 0.5);
}

static void draw_bags(vs_buf *prompt, vs_buf *completion, vs_rng *r, bool is_forward)
{
    const bags b = bags_draw(r, BAGS_K_MAX_CORPUS);
    int32_t guess;

    if (is_forward) {
        bags_forward_question(prompt, &b);
        bags_forward_solution(completion, &b);
        return;
    }
    do guess = draw_guess(r, b.x);
    while (!bags_is_feasible(&b, guess));
    bags_question(prompt, &b);
    bags_attempt(completion, &b, guess);
}

static void draw_prices(vs_buf *prompt, vs_buf *completion, vs_rng *r, bool is_forward)
{
    const prices p = prices_draw(r);
    int32_t guess;

    if (is_forward) {
        prices_forward_question(prompt, &p);
        prices_forward_solution(completion, &p);
        return;
    }
    do guess = draw_guess(r, p.x);
    while (!prices_is_feasible(&p, guess));
    prices_question(prompt, &p);
    prices_attempt(completion, &p, guess);
}

/* 45 % facts, 15 % forward problems, 40 % attempts; the families take half each. */
static vs_demo_kind draw_kind(vs_rng *r)
{
    const uint32_t per_mille = vs_rng_below(r, 1000);

    if (per_mille < 450) return VS_DEMO_FACTS;
    if (per_mille < 525) return VS_DEMO_BAGS_FORWARD;
    if (per_mille < 600) return VS_DEMO_PRICES_FORWARD;
    if (per_mille < 800) return VS_DEMO_BAGS_ATTEMPT;
    return VS_DEMO_PRICES_ATTEMPT;
}

vs_demo_kind vs_demo_document(vs_buf *prompt, vs_buf *completion, uint64_t seed, uint64_t index)
{
    const vs_rng_key key = vs_rng_key_make(seed, VS_RNG_PROBLEMS, BUILTIN_CORPUS);
    vs_rng r = vs_rng_stream(key, index);
    const vs_demo_kind kind = draw_kind(&r);

    if (kind == VS_DEMO_FACTS) {
        draw_facts(prompt, completion, &r);
        return kind;
    }
    if (kind == VS_DEMO_BAGS_FORWARD || kind == VS_DEMO_BAGS_ATTEMPT)
        draw_bags(prompt, completion, &r, kind == VS_DEMO_BAGS_FORWARD);
    else
        draw_prices(prompt, completion, &r, kind == VS_DEMO_PRICES_FORWARD);
    vs_buf_str(prompt, " ");
    return kind;
}

vs_status vs_demo_corpus(FILE *out, const char *name, uint64_t n_docs, uint64_t seed, vs_error *err)
{
    vs_buf prompt = {0}, completion = {0}, line = {0};
    vs_status st = VS_OK;

    for (uint64_t i = 0; i < n_docs; i++) {
        vs_buf_clear(&prompt);
        vs_buf_clear(&completion);
        vs_buf_clear(&line);
        vs_demo_document(&prompt, &completion, seed, i);
        VS_CHECK(vs_buf_ok(&prompt, name, err));
        VS_CHECK(vs_buf_ok(&completion, name, err));
        vs_buf_str(&line, "{\"prompt\": ");
        vs_buf_json_str(&line, prompt.data, prompt.len);
        vs_buf_str(&line, ", \"completion\": ");
        vs_buf_json_str(&line, completion.data, completion.len);
        vs_buf_str(&line, "}\n");
        VS_CHECK(vs_buf_ok(&line, name, err));
        if (fwrite(line.data, 1, line.len, out) != line.len) {
            st = VS_FAIL(err, VS_E_IO, "%s: cannot write: %s", name, strerror(errno));
            goto done;
        }
    }
    if (fflush(out) != 0) st = VS_FAIL(err, VS_E_IO, "%s: cannot write: %s", name, strerror(errno));
done:
    vs_buf_free(&prompt);
    vs_buf_free(&completion);
    vs_buf_free(&line);
    return st;
}
