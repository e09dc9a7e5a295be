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
    size_t depth;       /* of nested calls */
    size_t n_bars;      /* open | .. | */
    bool is_congruence; /* behind \equiv: "mod 3" is a modulus, not an operation */
    math_parse bad;     /* the first failure; MATH_PARSED: none */
} parser;

math_node *parse_fail(parser *p, math_parse why); /* NULL */
math_node *parse_node(parser *p, math_kind kind);
math_node *parse_add(math_node *parent, math_node *kid); /* the parent */

/* A node over one or two kids; NULL when one of them is. */
math_node *parse_over(parser *p, math_kind kind, math_node *a, math_node *b, bool needs_b);

/* A number of the program's own digits. */
math_node *parse_digits(parser *p, const char *digits);
/* n times factor / divisor, either of which may be NULL. */
math_node *parse_scaled(parser *p, math_node *n, const char *factor, const char *divisor);
bool parse_sees_word(const parser *p, const char *word); /* in any case */

/* The token as a node without kids. */
math_node *parse_leaf(parser *p, math_kind kind, int op);

bool parse_sees(const parser *p, char sign);
bool parse_take(parser *p, char sign);
math_node *parse_need(parser *p, math_node *n, char sign); /* n, when the sign follows */
bool parse_is_text(const lex_token *t, lex_kind kind, const char *text);
bool parse_sees_command(const parser *p, const char *name);
bool parse_sees_modulus(const parser *p); /* "(mod 3)" behind a congruence */

/* -- words: math_describe.c -- */

void parse_set_unit(parser *p, math_node *n, const char *unit);
/* Words behind a number: units count, scales multiply, nouns describe; anything else is bad. */
math_node *parse_description(parser *p, math_node *n);
/* Words before a number; *sign and *scale: what they do to it. */
typedef struct word_lead {
    int sign;
    const char *factor, *divisor, *currency;
} word_lead;
void parse_leads(parser *p, word_lead *out);
math_node *parse_words(parser *p);
math_node *parse_all_reals(parser *p);

/* -- the grammar -- */

math_node *parse_answer(parser *p);
math_node *parse_sum(parser *p);
math_node *parse_power(parser *p);
math_node *parse_number(parser *p); /* the current LEX_NUMBER */
math_node *parse_primary(parser *p);

/* {..}, or one token; is_digit: of a number its first digit alone. */
math_node *parse_argument(parser *p, bool is_digit);
#endif
