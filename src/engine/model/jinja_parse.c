/* jinja_parse.c - statements. */
#include <string.h>

#include "engine/model/jinja_parse.h"

/* Statements up to one of `ends`, whose word is taken and written to *end; no ends: to the end of the template. */
static vs_status statements(parser *p, jinja_node **out, const char *const ends[], const char **end,
                            vs_error *err);

static vs_status close_tag(parser *p, vs_error *err)
{
    if (p->t->kind != TOKEN_CLOSE) return jinja_parse_fail(p, err, "the end of the tag");
    p->t++;
    return VS_OK;
}

static vs_status body(parser *p, jinja_node **out, const char *end, vs_error *err)
{
    const char *const ends[] = {end, NULL}, *found;

    VS_TRY(close_tag(p, err));
    VS_TRY(statements(p, out, ends, &found, err));
    return close_tag(p, err);
}

static vs_status parse_if(parser *p, jinja_node *node, vs_error *err)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    const char *end = ends[0];
    jinja_node **next = &node->kids;

    node->op = OP_IF;
    while (end != ends[2]) {
        const bool was_else = end == ends[1];
        VS_TRY(jinja_parse_node(p, next, OP_BRANCH, err));
        if (!was_else) VS_TRY(jinja_parse_tuple(p, &(*next)->a, true, err));
        VS_TRY(close_tag(p, err));
        VS_TRY(statements(p, &(*next)->body, was_else ? ends + 2 : ends, &end, err));
        next = &(*next)->next;
    }
    return close_tag(p, err);
}

/* A name, or names in a tuple, with brackets or without. */
static vs_status target(parser *p, jinja_node **out, vs_error *err)
{
    jinja_node *tuple, **next;

    VS_TRY(jinja_parse_enter(p, err));
    VS_TRY(jinja_parse_node(p, &tuple, OP_TUPLE, err));
    next = &tuple->kids;
    do {
        if (tuple->kids && (p->t->kind == TOKEN_CLOSE || jinja_parse_at_operator(p, "=") ||
                            jinja_parse_at_operator(p, ")") || jinja_parse_at_name(p, "in")))
            break;
        if (jinja_parse_take_operator(p, "(")) {
            VS_TRY(target(p, next, err));
            VS_TRY(jinja_parse_need(p, ")", err));
        } else {
            if (p->t->kind != TOKEN_NAME || jinja_parse_at_name(p, "in"))
                return jinja_parse_fail(p, err, "a name to set");
            VS_TRY(jinja_parse_node(p, next, OP_NAME, err));
            p->t++;
        }
        next = &(*next)->next;
    } while (jinja_parse_take_operator(p, ","));
    *out = tuple->kids->next ? tuple : tuple->kids;
    p->depth--;
    return VS_OK;
}

static vs_status parse_for(parser *p, jinja_node *node, vs_error *err)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    const char *end;

    node->op = OP_FOR;
    VS_TRY(target(p, &node->a, err));
    if (!jinja_parse_take_name(p, "in")) return jinja_parse_fail(p, err, "in");
    VS_TRY(jinja_parse_tuple(p, &node->b, true, err));
    if (jinja_parse_take_name(p, "if")) VS_TRY(jinja_parse_expression(p, &node->c, err));
    node->how = jinja_parse_take_name(p, "recursive") ? 'r' : 0;
    VS_TRY(close_tag(p, err));
    p->n_loops++;
    VS_TRY(statements(p, &node->body, ends, &end, err));
    p->n_loops--;
    if (end == ends[0]) return body(p, &node->other, "endfor", err);
    return close_tag(p, err);
}

/* set a = .., set a.b = .., and the same with a body in place of the value. */
static vs_status parse_set(parser *p, jinja_node *node, vs_error *err)
{
    jinja_node *attr;

    node->op = OP_SET;
    VS_TRY(target(p, &node->a, err));
    if (node->a->op == OP_NAME && jinja_parse_take_operator(p, ".")) {
        if (p->t->kind != TOKEN_NAME) return jinja_parse_fail(p, err, "a name after \".\"");
        VS_TRY(jinja_parse_node(p, &attr, OP_ATTR, err));
        attr->a = node->a;
        node->a = attr;
        p->t++;
    }
    if (jinja_parse_take_operator(p, "=")) {
        VS_TRY(jinja_parse_tuple(p, &node->b, false, err));
        return close_tag(p, err);
    }
    node->how = 'b';
    if (jinja_parse_take_operator(p, "|")) VS_TRY(jinja_parse_filters(p, &node->b, NULL, err));
    if (p->t->kind != TOKEN_CLOSE) return jinja_parse_fail(p, err, "= or the end of the tag");
    return body(p, &node->body, "endset", err);
}

/* After "(": names with defaults. */
static vs_status parameters(parser *p, jinja_node **out, vs_error *err)
{
    jinja_node **next = out, *last = NULL;

    while (!jinja_parse_take_operator(p, ")")) {
        if (*out) VS_TRY(jinja_parse_need(p, ",", err));
        if (jinja_parse_take_operator(p, ")")) break;
        if (p->t->kind != TOKEN_NAME) return jinja_parse_fail(p, err, "the name of a parameter");
        VS_TRY(jinja_parse_node(p, next, OP_ARG, err));
        p->t++;
        if (jinja_parse_take_operator(p, "="))
            VS_TRY(jinja_parse_expression(p, &(*next)->a, err));
        else if (last && last->a)
            return jinja_parse_fail(p, err, "a default, since the parameter before it has one");
        last = *next;
        next = &last->next;
    }
    return VS_OK;
}

/* A body that runs elsewhere: no break out of it, and the special names that it reads are written down. */
static vs_status macro_body(parser *p, jinja_node *node, const char *end, vs_error *err)
{
    parse_macro macro = {.outer = p->macro};
    const size_t n_loops = p->n_loops;

    p->macro = &macro;
    p->n_loops = 0;
    VS_TRY(body(p, &node->body, end, err));
    p->n_loops = n_loops;
    p->macro = macro.outer;
    node->uses = macro.uses;
    return VS_OK;
}

static vs_status parse_macro_statement(parser *p, jinja_node *node, vs_error *err)
{
    node->op = OP_MACRO;
    node->text = p->t->text;
    node->len = p->t->len;
    if (p->t->kind != TOKEN_NAME) return jinja_parse_fail(p, err, "the name of a macro");
    p->t++;
    VS_TRY(jinja_parse_need(p, "(", err));
    VS_TRY(parameters(p, &node->kids, err));
    return macro_body(p, node, "endmacro", err);
}

static vs_status parse_call(parser *p, jinja_node *node, vs_error *err)
{
    node->op = OP_CALLER;
    if (jinja_parse_take_operator(p, "(")) VS_TRY(parameters(p, &node->kids, err));
    VS_TRY(jinja_parse_primary(p, &node->a, err));
    VS_TRY(jinja_parse_postfix(p, &node->a, err));
    if (node->a->op != OP_CALL) return jinja_parse_fail(p, err, "a call");
    node->text = "caller";
    node->len = 6;
    return macro_body(p, node, "endcall", err);
}

static vs_status parse_filter_block(parser *p, jinja_node *node, vs_error *err)
{
    node->op = OP_BLOCK;
    VS_TRY(jinja_parse_filters(p, &node->a, NULL, err));
    return body(p, &node->body, "endfilter", err);
}

static vs_status parse_generation(parser *p, jinja_node *node, vs_error *err)
{
    node->op = OP_BLOCK;
    return macro_body(p, node, "endgeneration", err);
}

static vs_status parse_with(parser *p, jinja_node *node, vs_error *err)
{
    jinja_node **next = &node->kids;

    node->op = OP_WITH;
    while (p->t->kind != TOKEN_CLOSE) {
        if (node->kids) VS_TRY(jinja_parse_need(p, ",", err));
        VS_TRY(jinja_parse_node(p, next, OP_SET, err));
        if (p->t->kind != TOKEN_NAME) return jinja_parse_fail(p, err, "a name to set");
        VS_TRY(jinja_parse_node(p, &(*next)->a, OP_NAME, err));
        p->t++;
        VS_TRY(jinja_parse_need(p, "=", err));
        VS_TRY(jinja_parse_expression(p, &(*next)->b, err));
        next = &(*next)->next;
    }
    return body(p, &node->body, "endwith", err);
}

static vs_status leave(parser *p, jinja_node *node, jinja_op op, vs_error *err)
{
    if (p->n_loops == 0) {
        p->j->line = node->line;
        return jinja_fail(p->j, err, "found \"%.*s\" outside of a loop", (int)node->len,
                          node->text);
    }
    node->op = op;
    return close_tag(p, err);
}

static vs_status parse_break(parser *p, jinja_node *node, vs_error *err)
{
    return leave(p, node, OP_BREAK, err);
}

static vs_status parse_continue(parser *p, jinja_node *node, vs_error *err)
{
    return leave(p, node, OP_CONTINUE, err);
}

static vs_status statement(parser *p, jinja_node **out, vs_error *err)
{
    static const struct {
        const char *word;
        vs_status (*parse)(parser *p, jinja_node *node, vs_error *err);
    } rows[] = {
        {"if", parse_if},
        {"for", parse_for},
        {"set", parse_set},
        {"macro", parse_macro_statement},
        {"call", parse_call},
        {"filter", parse_filter_block},
        {"with", parse_with},
        {"break", parse_break},
        {"continue", parse_continue},
        {"generation", parse_generation},
    };

    VS_TRY(jinja_parse_node(p, out, OP_PRINT, err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (jinja_parse_take_name(p, rows[i].word)) return rows[i].parse(p, *out, err);
    p->j->line = p->t->line;
    return jinja_fail(p->j, err,
                      "the statement \"%.*s\" is not supported here, expected if, for, set, macro, "
                      "call, filter, with, break, continue, raw or generation",
                      (int)(p->t->len < 40 ? p->t->len : 40), p->t->text);
}

static vs_status print(parser *p, jinja_node **out, vs_error *err)
{
    VS_TRY(jinja_parse_node(p, out, OP_PRINT, err));
    VS_TRY(jinja_parse_tuple(p, &(*out)->a, false, err));
    return close_tag(p, err);
}

static bool at_end(parser *p, const char *const ends[], const char **end)
{
    for (size_t i = 0; ends[i]; i++)
        if (jinja_parse_at_name(p, ends[i])) {
            *end = ends[i];
            return true;
        }
    return false;
}

static vs_status statements(parser *p, jinja_node **out, const char *const ends[], const char **end,
                            vs_error *err)
{
    jinja_node **next = out;

    VS_TRY(jinja_parse_enter(p, err));
    for (; p->t->kind != TOKEN_END; next = &(*next)->next) {
        const jinja_token *t = p->t;

        if (t->kind == TOKEN_TEXT) {
            VS_TRY(jinja_parse_node(p, next, OP_TEXT, err));
            p->t++;
            continue;
        }
        p->t++;
        if (t->kind == TOKEN_PRINT) {
            VS_TRY(print(p, next, err));
        } else if (at_end(p, ends, end)) {
            p->t++;
            p->depth--;
            return VS_OK;
        } else {
            VS_TRY(statement(p, next, err));
        }
    }
    if (ends[0]) return jinja_parse_fail(p, err, ends[0]);
    p->depth--;
    return VS_OK;
}

vs_status jinja_parse(jinja *j, jinja_node **out, const jinja_tokens *tokens, vs_error *err)
{
    static const char *const none[] = {NULL};
    parser p = {.j = j, .t = tokens->item};

    *out = NULL;
    return statements(&p, out, none, NULL, err);
}
