/* math_parser.h - the parser of math_tree.h from inside: recursive descent in math_parse.c (answers
 * down to powers) and math_primary.c (what stands between the signs).
 *
 * A function that returns a node returns NULL when the text is no mathematics or passes a limit;
 * parser.bad says which. Nodes belong to parser.out. Private to labels/math/. */
#ifndef VS_LABELS_MATH_PARSER_H
#define VS_LABELS_MATH_PARSER_H

#include "flow/labels/math/math_lex.h"
#include "flow/labels/math/math_tree.h"

typedef struct parser {
    lexer lex;
    math_text *out;
    size_t depth;   /* of nested calls */
    size_t n_bars;  /* open | .. | */
    math_parse bad; /* the first failure; MATH_PARSED: none */
} parser;

math_node *parse_fail(parser *p, math_parse why); /* NULL */
math_node *parse_node(parser *p, math_kind kind);
math_node *parse_add(math_node *parent, math_node *kid); /* the parent */

/* A node over one or two kids; NULL when one of them is. */
math_node *parse_over(parser *p, math_kind kind, math_node *a, math_node *b, bool needs_b);

/* The token as a node without kids. */
math_node *parse_leaf(parser *p, math_kind kind, int op);

bool parse_sees(const parser *p, char sign);
bool parse_take(parser *p, char sign);
math_node *parse_need(parser *p, math_node *n, char sign); /* n, when the sign follows */
bool parse_is_text(const lex_token *t, lex_kind kind, const char *text);
bool parse_sees_command(const parser *p, const char *name);

/* -- the grammar -- */

math_node *parse_answer(parser *p);
math_node *parse_sum(parser *p);
math_node *parse_power(parser *p);
math_node *parse_primary(parser *p);

/* {..}, or one token; is_digit: of a number its first digit alone. */
math_node *parse_argument(parser *p, bool is_digit);
#endif
