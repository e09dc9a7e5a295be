/* jinja_parse_expr.c - expressions, loosest first: a if b else c; or; and; not; comparisons; + -; ~; * / // %; **; unary - +; then members
 * and calls; filters and tests bind to what stands before them with its sign (jinja2, parser.py). */
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_parse.h"

bool jinja_parse_at_operator(const parser *p, const char *text)
{
    return p->t->kind == TOKEN_OPERATOR && jinja_is(p->t->text, p->t->len, text);
}

bool jinja_parse_at_name(const parser *p, const char *text)
{
    return p->t->kind == TOKEN_NAME && jinja_is(p->t->text, p->t->len, text);
}

bool jinja_parse_take_operator(parser *p, const char *text)
{
    const bool found = jinja_parse_at_operator(p, text);

    p->t += found;
    return found;
}

bool jinja_parse_take_name(parser *p, const char *text)
{
    const bool found = jinja_parse_at_name(p, text);

    p->t += found;
    return found;
}

vs_status jinja_parse_fail(parser *p, vs_error *err, const char *expected)
{
    p->j->line = p->t->line;
    return jinja_fail(p->j, err, "found \"%.*s\", expected %s",
                      (int)(p->t->len < 40 ? p->t->len : 40), p->t->text, expected);
}

vs_status jinja_parse_need(parser *p, const char *operator_text, vs_error *err)
{
    return jinja_parse_take_operator(p, operator_text) ? VS_OK
                                                       : jinja_parse_fail(p, err, operator_text);
}

vs_status jinja_parse_node(parser *p, jinja_node **out, jinja_op op, vs_error *err)
{
    VS_TRY(jinja_alloc(p->j, out, 1, sizeof **out, err));
    (*out)->op = op;
    (*out)->line = p->t->line;
    (*out)->text = p->t->text;
    (*out)->len = p->t->len;
    return VS_OK;
}

vs_status jinja_parse_enter(parser *p, vs_error *err)
{
    if (++p->depth <= JINJA_MAX_NESTING) return VS_OK;
    return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: blocks and expressions nest deeper than %d",
                   p->j->where, p->t->line, (int)JINJA_MAX_NESTING);
}

/* A node above *out, which becomes its a. Chains count as nesting, since they run as such. */
static vs_status wrap(parser *p, jinja_node **out, jinja_op op, char how, vs_error *err)
{
    jinja_node *node;

    VS_TRY(jinja_parse_node(p, &node, op, err));
    node->a = *out;
    node->how = how;
    *out = node;
    return VS_OK;
}

/* ---- the tightest: literals, names, members, calls ---- */

/* Items up to `close`, which is taken; the first may be there already. */
static vs_status list_items(parser *p, jinja_node *list, const char *close, vs_error *err)
{
    jinja_node **next = &list->kids;

    while (*next) next = &(*next)->next;
    while (!jinja_parse_take_operator(p, close)) {
        if (list->kids) VS_TRY(jinja_parse_need(p, ",", err));
        if (jinja_parse_take_operator(p, close)) break;
        VS_TRY(jinja_parse_expression(p, next, err));
        next = &(*next)->next;
    }
    return VS_OK;
}

static vs_status map_items(parser *p, jinja_node *map, vs_error *err)
{
    jinja_node **next = &map->kids;

    while (!jinja_parse_take_operator(p, "}")) {
        if (map->kids) VS_TRY(jinja_parse_need(p, ",", err));
        if (jinja_parse_take_operator(p, "}")) break;
        VS_TRY(jinja_parse_node(p, next, OP_PAIR, err));
        VS_TRY(jinja_parse_expression(p, &(*next)->a, err));
        VS_TRY(jinja_parse_need(p, ":", err));
        VS_TRY(jinja_parse_expression(p, &(*next)->b, err));
        next = &(*next)->next;
    }
    return VS_OK;
}

static vs_status parenthesis(parser *p, jinja_node **out, vs_error *err)
{
    jinja_node *tuple;

    VS_TRY(jinja_parse_node(p, &tuple, OP_TUPLE, err));
    if (!jinja_parse_at_operator(p, ")")) {
        VS_TRY(jinja_parse_expression(p, out, err));
        if (jinja_parse_take_operator(p, ")")) return VS_OK;
        tuple->kids = *out;
    }
    *out = tuple;
    return list_items(p, tuple, ")", err);
}

static vs_status number(parser *p, jinja_node *node, const jinja_token *t, vs_error *err)
{
    char text[64];
    size_t n = 0;

    for (size_t i = 0; i < t->len && n + 1 < sizeof text; i++)
        if (t->text[i] != '_') text[n++] = t->text[i];
    text[n] = '\0';
    if (t->kind == TOKEN_REAL) {
        node->value = jinja_real(strtod(text, NULL));
    } else if (n > 18) {
        p->t = t;
        return jinja_parse_fail(p, err, "an integer of at most 18 digits");
    } else {
        node->value = jinja_integer(strtoll(text, NULL, 10));
    }
    return VS_OK;
}

/* 'a' 'b' is one text. */
static vs_status strings(parser *p, jinja_node *node, vs_error *err)
{
    vs_buf text = {0};

    if (p->t[1].kind != TOKEN_STRING) {
        node->value = jinja_text(p->t->text, p->t->len);
        p->t++;
        return VS_OK;
    }
    for (; p->t->kind == TOKEN_STRING; p->t++) vs_buf_add(&text, p->t->text, p->t->len);
    return jinja_take(p->j, &node->value, &text, err);
}

static void name(parser *p, jinja_node *node)
{
    static const struct {
        const char *name;
        jinja_type type;
        bool yes;
    } words[] = {{"true", JINJA_BOOL, true},   {"True", JINJA_BOOL, true},
                 {"false", JINJA_BOOL, false}, {"False", JINJA_BOOL, false},
                 {"none", JINJA_NONE, false},  {"None", JINJA_NONE, false}};
    const unsigned uses = jinja_parse_at_name(p, "caller")    ? USES_CALLER
                          : jinja_parse_at_name(p, "varargs") ? USES_VARARGS
                          : jinja_parse_at_name(p, "kwargs")  ? USES_KWARGS
                                                              : 0;

    node->op = OP_NAME;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (jinja_parse_at_name(p, words[i].name)) {
            node->op = OP_LITERAL;
            node->value = (jinja_value){.type = words[i].type, .yes = words[i].yes};
        }
    for (parse_macro *m = p->macro; m; m = m->outer) m->uses |= uses;
    p->t++;
}

vs_status jinja_parse_primary(parser *p, jinja_node **out, vs_error *err)
{
    const jinja_token *t = p->t;

    VS_TRY(jinja_parse_node(p, out, OP_LITERAL, err));
    switch (t->kind) {
    case TOKEN_STRING:
        return strings(p, *out, err);
    case TOKEN_INTEGER:
    case TOKEN_REAL:
        p->t++;
        return number(p, *out, t, err);
    case TOKEN_NAME:
        name(p, *out);
        return VS_OK;
    default:
        break;
    }
    if (jinja_parse_take_operator(p, "(")) return parenthesis(p, out, err);
    if (jinja_parse_take_operator(p, "[")) {
        (*out)->op = OP_LIST;
        return list_items(p, *out, "]", err);
    }
    if (jinja_parse_take_operator(p, "{")) {
        (*out)->op = OP_MAP;
        return map_items(p, *out, err);
    }
    return jinja_parse_fail(p, err, "an expression");
}

vs_status jinja_parse_args(parser *p, jinja_node **out, vs_error *err)
{
    jinja_node **next = out;

    while (!jinja_parse_take_operator(p, ")")) {
        if (*out) VS_TRY(jinja_parse_need(p, ",", err));
        if (jinja_parse_take_operator(p, ")")) break;
        VS_TRY(jinja_parse_node(p, next, OP_ARG, err));
        (*next)->text = NULL;
        if (jinja_parse_take_operator(p, "**")) {
            (*next)->how = 'd';
        } else if (jinja_parse_take_operator(p, "*")) {
            (*next)->how = '*';
        } else if (p->t->kind == TOKEN_NAME && p->t[1].kind == TOKEN_OPERATOR &&
                   jinja_is(p->t[1].text, p->t[1].len, "=")) {
            (*next)->text = p->t->text;
            (*next)->len = p->t->len;
            p->t += 2;
        }
        VS_TRY(jinja_parse_expression(p, &(*next)->a, err));
        next = &(*next)->next;
    }
    return VS_OK;
}

/* After "[": an index, or a slice; "[a, b]" is an index by a tuple. */
static vs_status subscript(parser *p, jinja_node **out, vs_error *err)
{
    jinja_node *node = *out, *part[3] = {NULL};
    size_t n = 0;

    for (; n < 3; n++) {
        if (!jinja_parse_at_operator(p, ":") && !jinja_parse_at_operator(p, "]"))
            VS_TRY(jinja_parse_expression(p, &part[n], err));
        if (!jinja_parse_take_operator(p, ":")) break;
    }
    VS_TRY(jinja_parse_need(p, "]", err));
    node->b = part[0];
    if (n == 0) return part[0] ? VS_OK : jinja_parse_fail(p, err, "an index before it");
    node->op = OP_SLICE;
    node->b = NULL;
    for (size_t i = 3; i-- > 0;) {
        if (!part[i]) {
            VS_TRY(jinja_parse_node(p, &part[i], OP_LITERAL, err));
            part[i]->value.type = JINJA_NONE;
        }
        part[i]->next = node->kids;
        node->kids = part[i];
    }
    return VS_OK;
}

static vs_status dot(parser *p, jinja_node *node, vs_error *err)
{
    node->text = p->t->text;
    node->len = p->t->len;
    if (p->t->kind == TOKEN_INTEGER) {
        node->op = OP_ITEM;
        VS_TRY(jinja_parse_node(p, &node->b, OP_LITERAL, err));
        p->t++;
        return number(p, node->b, p->t - 1, err);
    }
    if (p->t->kind != TOKEN_NAME) return jinja_parse_fail(p, err, "a name after \".\"");
    p->t++;
    return VS_OK;
}

/* A run of postfixes or operators runs as nesting does, so that it has the same limit. */
static vs_status chain(parser *p, size_t *n, vs_error *err)
{
    if (++*n <= JINJA_MAX_NESTING) return VS_OK;
    return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: a chain of more than %d operators", p->j->where,
                   p->t->line, (int)JINJA_MAX_NESTING);
}

vs_status jinja_parse_postfix(parser *p, jinja_node **out, vs_error *err)
{
    size_t n = 0;

    for (;;) {
        VS_TRY(chain(p, &n, err));
        if (jinja_parse_take_operator(p, ".")) {
            VS_TRY(wrap(p, out, OP_ATTR, 0, err));
            VS_TRY(dot(p, *out, err));
        } else if (jinja_parse_take_operator(p, "[")) {
            VS_TRY(wrap(p, out, OP_ITEM, 0, err));
            VS_TRY(subscript(p, out, err));
        } else if (jinja_parse_take_operator(p, "(")) {
            VS_TRY(wrap(p, out, OP_CALL, 0, err));
            VS_TRY(jinja_parse_args(p, &(*out)->kids, err));
        } else {
            return VS_OK;
        }
    }
}

/* A filter's or test's name may have dots in it; none of ours has, so that such a one is refused when it runs. */
static vs_status dotted_name(parser *p, jinja_node *node, const char *expected, vs_error *err)
{
    const char *begin = p->t->text;

    do {
        if (p->t->kind != TOKEN_NAME) return jinja_parse_fail(p, err, expected);
        node->text = begin;
        node->len = (size_t)(p->t->text + p->t->len - begin);
        p->t++;
    } while (jinja_parse_take_operator(p, "."));
    return VS_OK;
}

static vs_status one_filter(parser *p, jinja_node **out, vs_error *err)
{
    VS_TRY(wrap(p, out, OP_FILTER, 0, err));
    VS_TRY(dotted_name(p, *out, "the name of a filter", err));
    return jinja_parse_take_operator(p, "(") ? jinja_parse_args(p, &(*out)->kids, err) : VS_OK;
}

vs_status jinja_parse_filters(parser *p, jinja_node **out, jinja_node *x, vs_error *err)
{
    size_t n = 0;

    *out = x;
    do {
        VS_TRY(chain(p, &n, err));
        VS_TRY(one_filter(p, out, err));
    } while (jinja_parse_take_operator(p, "|"));
    return VS_OK;
}

/* After "is": [not] NAME, then (..) or one operand. */
static vs_status test(parser *p, jinja_node **out, vs_error *err)
{
    const bool is_not = jinja_parse_take_name(p, "not");
    jinja_node *node, *arg;

    VS_TRY(wrap(p, out, OP_TEST, 0, err));
    node = *out;
    VS_TRY(dotted_name(p, node, "the name of a test", err));
    if (jinja_parse_take_operator(p, "(")) {
        VS_TRY(jinja_parse_args(p, &node->kids, err));
    } else if (p->t->kind == TOKEN_STRING || p->t->kind == TOKEN_INTEGER ||
               p->t->kind == TOKEN_REAL || jinja_parse_at_operator(p, "[") ||
               jinja_parse_at_operator(p, "{") ||
               (p->t->kind == TOKEN_NAME && !jinja_parse_at_name(p, "else") &&
                !jinja_parse_at_name(p, "or") && !jinja_parse_at_name(p, "and"))) {
        if (jinja_parse_at_name(p, "is"))
            return jinja_parse_fail(p, err, "one test after another by \"and\"");
        VS_TRY(jinja_parse_node(p, &arg, OP_ARG, err));
        arg->text = NULL;
        VS_TRY(jinja_parse_primary(p, &arg->a, err));
        VS_TRY(jinja_parse_postfix(p, &arg->a, err));
        node->kids = arg;
    }
    return is_not ? wrap(p, out, OP_UNARY, '!', err) : VS_OK;
}

static vs_status filters_and_tests(parser *p, jinja_node **out, vs_error *err)
{
    size_t n = 0;

    for (;;) {
        VS_TRY(chain(p, &n, err));
        if (jinja_parse_take_operator(p, "|")) {
            VS_TRY(one_filter(p, out, err));
        } else if (jinja_parse_take_name(p, "is")) {
            VS_TRY(test(p, out, err));
        } else if (jinja_parse_take_operator(p, "(")) {
            VS_TRY(wrap(p, out, OP_CALL, 0, err));
            VS_TRY(jinja_parse_args(p, &(*out)->kids, err));
        } else {
            return VS_OK;
        }
    }
}

static vs_status unary(parser *p, jinja_node **out, bool with_filters, vs_error *err)
{
    const char sign = jinja_parse_at_operator(p, "-")   ? '-'
                      : jinja_parse_at_operator(p, "+") ? '+'
                                                        : 0;

    VS_TRY(jinja_parse_enter(p, err));
    if (sign) {
        p->t++;
        VS_TRY(unary(p, out, false, err));
        VS_TRY(wrap(p, out, OP_UNARY, sign, err));
    } else {
        VS_TRY(jinja_parse_primary(p, out, err));
    }
    VS_TRY(jinja_parse_postfix(p, out, err));
    if (with_filters) VS_TRY(filters_and_tests(p, out, err));
    p->depth--;
    return VS_OK;
}

/* ---- operators, tighter with a higher level ---- */

enum { LEVEL_SUM, LEVEL_CONCAT, LEVEL_PRODUCT, LEVEL_POWER, N_LEVELS };

static char operator_at(const parser *p, int level)
{
    static const struct {
        const char *text;
        int level;
        char how;
    } rows[] = {
        {"+", LEVEL_SUM, '+'},     {"-", LEVEL_SUM, '-'},     {"~", LEVEL_CONCAT, '~'},
        {"*", LEVEL_PRODUCT, '*'}, {"/", LEVEL_PRODUCT, '/'}, {"//", LEVEL_PRODUCT, 'f'},
        {"%", LEVEL_PRODUCT, '%'}, {"**", LEVEL_POWER, 'p'},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].level == level && jinja_parse_at_operator(p, rows[i].text)) return rows[i].how;
    return 0;
}

static vs_status binary(parser *p, jinja_node **out, int level, vs_error *err)
{
    size_t n = 0;
    char how;

    if (level == N_LEVELS) return unary(p, out, true, err);
    VS_TRY(binary(p, out, level + 1, err));
    while ((how = operator_at(p, level)) != 0) {
        VS_TRY(chain(p, &n, err));
        p->t++;
        VS_TRY(wrap(p, out, OP_BINARY, how, err));
        VS_TRY(binary(p, &(*out)->b, level + 1, err));
    }
    return VS_OK;
}

static char take_comparison(parser *p)
{
    static const struct {
        const char *text;
        char how;
    } rows[] = {{"==", '='}, {"!=", '!'}, {"<", '<'}, {">", '>'}, {"<=", 'l'}, {">=", 'g'}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (jinja_parse_take_operator(p, rows[i].text)) return rows[i].how;
    if (jinja_parse_take_name(p, "in")) return 'i';
    if (jinja_parse_at_name(p, "not") && p->t[1].kind == TOKEN_NAME &&
        jinja_is(p->t[1].text, p->t[1].len, "in")) {
        p->t += 2;
        return 'n';
    }
    return 0;
}

static vs_status comparison(parser *p, jinja_node **out, vs_error *err)
{
    jinja_node **next = NULL;
    char how;

    VS_TRY(binary(p, out, LEVEL_SUM, err));
    while ((how = take_comparison(p)) != 0) {
        if (!next) {
            VS_TRY(wrap(p, out, OP_COMPARE, 0, err));
            next = &(*out)->kids;
        }
        VS_TRY(jinja_parse_node(p, next, OP_OPERAND, err));
        (*next)->how = how;
        VS_TRY(binary(p, &(*next)->a, LEVEL_SUM, err));
        next = &(*next)->next;
    }
    return VS_OK;
}

static vs_status negation(parser *p, jinja_node **out, vs_error *err)
{
    if (!jinja_parse_take_name(p, "not")) return comparison(p, out, err);
    VS_TRY(jinja_parse_enter(p, err));
    VS_TRY(negation(p, out, err));
    p->depth--;
    return wrap(p, out, OP_UNARY, '!', err);
}

static vs_status logic(parser *p, jinja_node **out, bool is_or, vs_error *err)
{
    size_t n = 0;

    VS_TRY(is_or ? logic(p, out, false, err) : negation(p, out, err));
    while (jinja_parse_take_name(p, is_or ? "or" : "and")) {
        VS_TRY(chain(p, &n, err));
        VS_TRY(wrap(p, out, OP_LOGIC, is_or ? '|' : '&', err));
        VS_TRY(is_or ? logic(p, &(*out)->b, false, err) : negation(p, &(*out)->b, err));
    }
    return VS_OK;
}

vs_status jinja_parse_plain(parser *p, jinja_node **out, vs_error *err)
{
    return logic(p, out, true, err);
}

vs_status jinja_parse_expression(parser *p, jinja_node **out, vs_error *err)
{
    size_t n = 0;

    VS_TRY(jinja_parse_enter(p, err));
    VS_TRY(jinja_parse_plain(p, out, err));
    while (jinja_parse_take_name(p, "if")) {
        VS_TRY(chain(p, &n, err));
        VS_TRY(wrap(p, out, OP_CHOICE, 0, err));
        VS_TRY(jinja_parse_plain(p, &(*out)->b, err));
        if (jinja_parse_take_name(p, "else")) VS_TRY(jinja_parse_expression(p, &(*out)->c, err));
    }
    p->depth--;
    return VS_OK;
}

/* What may stand after a tuple without brackets. */
static bool ends_tuple(const parser *p)
{
    return p->t->kind == TOKEN_CLOSE || jinja_parse_at_operator(p, ")") ||
           jinja_parse_at_name(p, "in") || jinja_parse_at_name(p, "if") ||
           jinja_parse_at_name(p, "recursive");
}

vs_status jinja_parse_tuple(parser *p, jinja_node **out, bool is_plain, vs_error *err)
{
    jinja_node *tuple, **next;

    VS_TRY(jinja_parse_node(p, &tuple, OP_TUPLE, err));
    VS_TRY(is_plain ? jinja_parse_plain(p, out, err) : jinja_parse_expression(p, out, err));
    if (!jinja_parse_at_operator(p, ",")) return VS_OK;
    tuple->kids = *out;
    next = &(*out)->next;
    while (jinja_parse_take_operator(p, ",") && !ends_tuple(p)) {
        VS_TRY(is_plain ? jinja_parse_plain(p, next, err) : jinja_parse_expression(p, next, err));
        next = &(*next)->next;
    }
    *out = tuple;
    return VS_OK;
}
