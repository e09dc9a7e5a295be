/* jinja_parse.h - what the parsers of statements and of expressions share. Private to them. */
#ifndef VS_MODEL_JINJA_PARSE_H
#define VS_MODEL_JINJA_PARSE_H

#include "engine/model/jinja_value.h"

/* Nested macros and calls that are being parsed. */
typedef struct parse_macro {
    struct parse_macro *outer;
    unsigned uses;
} parse_macro;

typedef struct parser {
    jinja *j;
    const jinja_token *t; /* the next token */
    size_t depth, n_loops;
    parse_macro *macro;
} parser;

vs_status jinja_parse_fail(parser *p, vs_error *err,
                           const char *expected); /* names what was found */
bool jinja_parse_at_operator(const parser *p, const char *text);
bool jinja_parse_at_name(const parser *p, const char *text);
bool jinja_parse_take_operator(parser *p, const char *text);
bool jinja_parse_take_name(parser *p, const char *text);
VS_NODISCARD vs_status jinja_parse_need(parser *p, const char *operator_text, vs_error *err);
VS_NODISCARD vs_status jinja_parse_node(parser *p, jinja_node **out, jinja_op op, vs_error *err);
VS_NODISCARD vs_status jinja_parse_enter(parser *p,
                                         vs_error *err); /* counts nesting; p->depth-- leaves */

VS_NODISCARD vs_status jinja_parse_expression(parser *p, jinja_node **out, vs_error *err);
/* Without "a if b else c": what a for runs over, where "if" filters. */
VS_NODISCARD vs_status jinja_parse_plain(parser *p, jinja_node **out, vs_error *err);
/* Also "a, b" without brackets: a tuple. */
VS_NODISCARD vs_status jinja_parse_tuple(parser *p, jinja_node **out, bool is_plain, vs_error *err);
/* After "(": what is given in a call, up to and with ")". */
VS_NODISCARD vs_status jinja_parse_args(parser *p, jinja_node **out, vs_error *err);
/* NAME[(..)] {| NAME[(..)]} around x; NULL: what a block prints. */
VS_NODISCARD vs_status jinja_parse_filters(parser *p, jinja_node **out, jinja_node *x,
                                           vs_error *err);
VS_NODISCARD vs_status jinja_parse_postfix(parser *p, jinja_node **out, vs_error *err);
VS_NODISCARD vs_status jinja_parse_primary(parser *p, jinja_node **out, vs_error *err);
#endif
