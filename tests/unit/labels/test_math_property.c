/* test_math_property.c - random expressions written again by valid identities stay equal under the
 * profile math; written again with one number changed they do not. */
#include "base/buf.h"
#include "base/rng.h"
#include "flow/labels/grade.h"

#include "vs_test.h"

/* Trees over rationals, square roots, pi, x, y, their sines and cosines. NUMBER is value / divisor. */
typedef enum kind {
    NUMBER,
    ROOT,
    PI,
    VARIABLE,
    SINE,
    COSINE,
    SUM,
    DIFFERENCE,
    PRODUCT,
    QUOTIENT,
    POWER
} kind;
typedef struct node {
    kind kind;
    int value, divisor; /* ROOT: of value; VARIABLE, SINE, COSINE: which; POWER: the exponent */
    struct node *a, *b;
} node;

enum { POOL = 4096, DEPTH = 3, CASES = 10000 };
static node pool[POOL];
static size_t n_pool;
static vs_rng rng;

static node *make(kind k, int value, int divisor, node *a, node *b)
{
    CHECK(n_pool < POOL);
    pool[n_pool] = (node){k, value, divisor, a, b};
    return &pool[n_pool++];
}

static node *whole(int value)
{
    return make(NUMBER, value, 1, NULL, NULL);
}

static node *random_leaf(void)
{
    switch (vs_rng_below(&rng, 10)) {
    case 8:
        return make(SINE, vs_rng_range(&rng, 0, 1), 1, NULL, NULL);
    case 9:
        return make(COSINE, vs_rng_range(&rng, 0, 1), 1, NULL, NULL);
    case 0:
        return make(ROOT, vs_rng_range(&rng, 2, 30), 1, NULL, NULL);
    case 1:
        return make(PI, 0, 1, NULL, NULL);
    case 2:
        return make(NUMBER, vs_rng_range(&rng, 1, 40), vs_rng_range(&rng, 2, 12), NULL, NULL);
    case 3:
    case 4:
        return make(VARIABLE, vs_rng_range(&rng, 0, 1), 1, NULL, NULL);
    default:
        return whole(vs_rng_range(&rng, 1, 20));
    }
}

static node *random_tree(int depth)
{
    if (depth == 0 || vs_rng_below(&rng, 5) == 0) return random_leaf();
    switch (vs_rng_below(&rng, 7)) {
    case 0:
        return make(POWER, 2, 1, random_tree(depth - 1), NULL);
    case 1:
        return make(QUOTIENT, 0, 1, random_tree(depth - 1), random_leaf());
    case 2:
    case 3:
        return make(PRODUCT, 0, 1, random_tree(depth - 1), random_tree(depth - 1));
    case 4:
        return make(DIFFERENCE, 0, 1, random_tree(depth - 1), random_tree(depth - 1));
    default:
        return make(SUM, 0, 1, random_tree(depth - 1), random_tree(depth - 1));
    }
}

/* An evaluation of our own, to know that a change changes something. */
static double value_of(const node *n)
{
    static const double variables[] = {1.7320, -0.6180};

    switch (n->kind) {
    case NUMBER:
        return (double)n->value / n->divisor;
    case ROOT:
        return sqrt(n->value);
    case PI:
        return 3.14159265358979323846;
    case VARIABLE:
        return variables[n->value];
    case SINE:
        return sin(variables[n->value]);
    case COSINE:
        return cos(variables[n->value]);
    case SUM:
        return value_of(n->a) + value_of(n->b);
    case DIFFERENCE:
        return value_of(n->a) - value_of(n->b);
    case PRODUCT:
        return value_of(n->a) * value_of(n->b);
    case QUOTIENT:
        return value_of(n->a) / value_of(n->b);
    default:
        return pow(value_of(n->a), n->value);
    }
}

static node *times(node *a, node *b)
{
    return make(PRODUCT, 0, 1, a, b);
}

/* n by another valid spelling of itself. */
static node *rewrite_leaf(node *n)
{
    const int k = vs_rng_range(&rng, 2, 9);

    if (n->kind == NUMBER) switch (vs_rng_below(&rng, 4)) {
        case 0:
            return make(NUMBER, n->value * k, n->divisor * k, NULL, NULL);
        case 1:
            return make(DIFFERENCE, 0, 1,
                        make(NUMBER, n->value + k * n->divisor, n->divisor, NULL, NULL), whole(k));
        case 2:
            return make(SUM, 0, 1, make(NUMBER, n->value - k * n->divisor, n->divisor, NULL, NULL),
                        whole(k));
        default:
            return n;
        }
    if (n->kind == ROOT) switch (vs_rng_below(&rng, 3)) {
        case 0:
            return make(QUOTIENT, 0, 1, make(ROOT, n->value * k * k, 1, NULL, NULL), whole(k));
        case 1:
            return make(QUOTIENT, 0, 1, whole(n->value), n);
        default:
            return n;
        }
    return n;
}

static node *rewrite(node *n)
{
    node *a, *b;

    if (!n->a) return rewrite_leaf(n);
    a = rewrite(n->a);
    b = n->b ? rewrite(n->b) : NULL;
    switch (n->kind) {
    case SUM:
        return vs_rng_below(&rng, 2) ? make(SUM, 0, 1, b, a)
                                     : make(DIFFERENCE, 0, 1, a, times(whole(-1), b));
    case DIFFERENCE:
        return vs_rng_below(&rng, 2) ? make(SUM, 0, 1, times(whole(-1), b), a)
                                     : make(DIFFERENCE, 0, 1, a, b);
    case PRODUCT:
        if (n->a->kind == SUM && vs_rng_below(&rng, 2)) /* distribute */
            return make(SUM, 0, 1, times(n->a->a, b), times(b, n->a->b));
        return vs_rng_below(&rng, 2) ? times(b, a) : times(a, b);
    case QUOTIENT:
        if (vs_rng_below(&rng, 2)) return times(a, make(QUOTIENT, 0, 1, whole(1), b));
        return make(QUOTIENT, 0, 1, times(a, whole(7)), times(whole(7), b));
    default: /* a square */
        if (a->kind == SUM && vs_rng_below(&rng, 2))
            return make(SUM, 0, 1,
                        make(SUM, 0, 1, times(a->a, a->a), times(whole(2), times(a->a, a->b))),
                        times(a->b, a->b));
        return times(a, a);
    }
}

/* A copy with one of its numbers changed: the `*left`-th leaf that holds one. */
static node *perturb(const node *n, int *left)
{
    node *copy = make(n->kind, n->value, n->divisor, NULL, NULL);

    if ((n->kind == NUMBER || n->kind == ROOT) && (*left)-- == 0)
        copy->value += vs_rng_range(&rng, 1, 3);
    if (n->a) copy->a = perturb(n->a, left);
    if (n->b) copy->b = perturb(n->b, left);
    return copy;
}

static int count_numbers(const node *n)
{
    return (n->kind == NUMBER || n->kind == ROOT) + (n->a ? count_numbers(n->a) : 0) +
           (n->b ? count_numbers(n->b) : 0);
}

static void print(vs_buf *out, const node *n);

/* A factor that needs no brackets before a sign of a product. */
static bool stands_alone(const node *n)
{
    return n->kind < SUM;
}

/* "3\cdot\frac12" is no mixed number, "\sin x\cos y" no function of a function. */
static void print_bare_product(vs_buf *out, const node *n)
{
    static const char *const signs[] = {"\\cdot ", "\\times ", "*", "\xc2\xb7", "\xc3\x97"};
    const bool are_functions = (n->a->kind == SINE || n->a->kind == COSINE) &&
                               (n->b->kind == SINE || n->b->kind == COSINE);

    print(out, n->a);
    if (!are_functions || vs_rng_below(&rng, 2)) vs_buf_str(out, signs[vs_rng_below(&rng, 5)]);
    print(out, n->b);
}

/* LaTeX or Unicode in one of several styles. */
static void print(vs_buf *out, const node *n)
{
    static const char *const fractions[] = {"\\frac", "\\dfrac", "\\tfrac"};
    static const char *const dots[] = {"\\cdot ", "\\times ", "*", ""};
    const bool is_left = vs_rng_below(&rng, 2) != 0;
    const char *open = is_left ? "\\left(" : "(", *close = is_left ? "\\right)" : ")";

    switch (n->kind) {
    case NUMBER:
        if (n->divisor == 1)
            vs_buf_printf(out, n->value < 0 ? "(%d)" : "%d", n->value);
        else if (vs_rng_below(&rng, 2))
            vs_buf_printf(out, "%s{%d}{%d}", fractions[vs_rng_below(&rng, 3)], n->value,
                          n->divisor);
        else
            vs_buf_printf(out, "(%d/%d)", n->value, n->divisor);
        return;
    case ROOT:
        vs_buf_printf(out, vs_rng_below(&rng, 2) ? "\\sqrt{%d}" : "\xe2\x88\x9a(%d)", n->value);
        return;
    case PI:
        vs_buf_str(out, vs_rng_below(&rng, 2) ? "\\pi " : "\xcf\x80");
        return;
    case SINE:
    case COSINE:
        vs_buf_printf(out, "\\%s %c", n->kind == SINE ? "sin" : "cos", n->value ? 'y' : 'x');
        return;
    case VARIABLE:
        vs_buf_str(out, n->value ? "y" : "x");
        return;
    case QUOTIENT:
        vs_buf_printf(out, "%s{", fractions[vs_rng_below(&rng, 3)]);
        print(out, n->a);
        vs_buf_str(out, "}{");
        print(out, n->b);
        vs_buf_str(out, "}");
        return;
    default:
        break;
    }
    if (n->kind == PRODUCT && stands_alone(n->a) && stands_alone(n->b) && vs_rng_below(&rng, 2)) {
        print_bare_product(out, n);
        return;
    }
    vs_buf_str(out, open);
    print(out, n->a);
    vs_buf_str(out, close);
    if (n->kind == POWER) { /* a square */
        vs_buf_str(out, (const char *[]){"^2", "^{2}", "**2", "\xc2\xb2"}[vs_rng_below(&rng, 4)]);
        return;
    }
    vs_buf_str(out, n->kind == SUM          ? " + "
                    : n->kind == DIFFERENCE ? "-"
                                            : dots[vs_rng_below(&rng, 4)]);
    vs_buf_str(out, open);
    print(out, n->b);
    vs_buf_str(out, close);
}

static vs_verdict grade(vs_buf *gold, vs_buf *answer, const node *a, const node *b)
{
    vs_buf text = {0};
    vs_grade_result out;
    vs_error err;

    vs_buf_clear(gold);
    vs_buf_clear(answer);
    print(gold, a);
    print(answer, b);
    vs_buf_printf(&text, "\\boxed{%s}", answer->data);
    CHECK_OK(vs_grade(&out, "math", gold->data, gold->len, text.data, text.len, &err));
    vs_buf_free(&text);
    return out.verdict;
}

/* Of expressions this size all are decided but those over a limit (64 terms, degree 64, 4 KiB). */
enum { OPEN_PER_10000 = 20 };

TEST(math_property, rewritten_expressions_stay_equal)
{
    vs_buf gold = {0}, answer = {0};
    int n_open = 0;

    rng = vs_rng_stream(vs_rng_key_make(1, VS_RNG_TEST, 0), 0);
    for (int i = 0; i < CASES; i++) {
        n_pool = 0;
        node *tree = random_tree(DEPTH);
        const vs_verdict v = grade(&gold, &answer, tree, rewrite(tree));
        if (v == VS_WRONG) fail_msg("case %d: %s is not %s", i, gold.data, answer.data);
        n_open += v == VS_UNGRADABLE;
    }
    print_message("%d of %d are left open\n", n_open, CASES);
    CHECK(n_open <= OPEN_PER_10000);
    vs_buf_free(&gold);
    vs_buf_free(&answer);
}

TEST(math_property, changed_expressions_are_never_right)
{
    const double least_change =
        1e-6; /* relative: far above what doubles lose in so few operations */
    vs_buf gold = {0}, answer = {0};
    int n_open = 0;

    rng = vs_rng_stream(vs_rng_key_make(2, VS_RNG_TEST, 0), 0);
    for (int i = 0; i < CASES;) {
        n_pool = 0;
        node *tree = random_tree(DEPTH);
        const int n_numbers = count_numbers(tree);
        int which = n_numbers ? vs_rng_range(&rng, 0, n_numbers - 1) : 0;
        node *other = perturb(tree, &which);
        const double x = value_of(tree), y = value_of(other);
        if (!isfinite(x) || !isfinite(y) || fabs(x - y) <= least_change * (fabs(x) + fabs(y)))
            continue;
        const vs_verdict v = grade(&gold, &answer, tree, rewrite(other));
        if (v == VS_RIGHT) fail_msg("case %d: %s is said to be %s", i, gold.data, answer.data);
        n_open += v == VS_UNGRADABLE;
        i++;
    }
    print_message("%d of %d are left open\n", n_open, CASES);
    CHECK(n_open <= OPEN_PER_10000);
    vs_buf_free(&gold);
    vs_buf_free(&answer);
}
