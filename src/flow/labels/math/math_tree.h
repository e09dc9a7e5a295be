/* math_tree.h - a mathematical answer as a tree, and the parser that makes it from LaTeX or plain
 * text.
 *
 * Ownership: a math_text owns its nodes; their strings are borrowed from the text that was parsed
 *            or static.
 * Limits:    MATH_MAX_BYTES of text, MATH_MAX_DEPTH of nesting, MATH_MAX_NODES; beyond them the
 *            result is MATH_TOO_LONG, in time linear in the text.
 * Private to labels/. */
#ifndef VS_LABELS_MATH_TREE_H
#define VS_LABELS_MATH_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MATH_MAX_BYTES = 4096,
    MATH_MAX_DEPTH = 64,
    MATH_MAX_NODES = 1024,
    MATH_MAX_UNIT = 48, /* bytes of a canonical unit */
};

typedef enum math_kind {
    MATH_NUMBER, /* text: digits, at most one dot; repeat: digits at the end that repeat for ever */
    MATH_SYMBOL, /* text: a letter or a command, with its subscript */
    MATH_CONSTANT, /* op: MATH_PI, .. */
    MATH_NEG,      /* one kid */
    MATH_ADD,      /* kids; a kid's sign says whether it is added, subtracted or both (a +- b) */
    MATH_MUL,      /* kids; a kid's sign -1: divided by it. is_application: a name, its argument */
    MATH_POW,      /* base, exponent */
    MATH_ROOT,     /* radicand, index (absent: 2) */
    MATH_ABS,      /* one kid */
    MATH_FACTORIAL,
    MATH_BINOMIAL, /* n, k */
    MATH_FUNCTION, /* op: MATH_SIN, ..; kid; of MATH_LOG a second kid: its base; of MATH_GCD and
                      its kin, kids */
    MATH_BASED,    /* text: digits; kid: its base, a number */
    MATH_WORDS,    /* text: words */
    MATH_LIST,     /* a, b, c without brackets */
    MATH_SET,      /* {a, b, c} */
    MATH_TUPLE,    /* (a, b); open, close: its brackets */
    MATH_RATIO,    /* a : b : c */
    MATH_MATRIX,   /* kids row by row; columns */
    MATH_UNION,
    MATH_RELATION, /* kids; a kid's relation stands before it */
    MATH_EMPTY,    /* the empty set */
} math_kind;

enum { MATH_PI, MATH_E, MATH_I, MATH_INFINITY };
enum {
    MATH_SIN,
    MATH_COS,
    MATH_TAN,
    MATH_COT,
    MATH_SEC,
    MATH_CSC,
    MATH_ARCSIN,
    MATH_ARCCOS,
    MATH_ARCTAN,
    MATH_LN,
    MATH_LOG,
    MATH_EXP,
    MATH_FLOOR,
    MATH_CEIL,
    MATH_GCD,
    MATH_LCM,
    MATH_MAX,
    MATH_MIN,
    MATH_MOD, /* the remainder of the first kid by the second */
    MATH_FUNCTIONS
};
enum { MATH_PLUS_MINUS = 2, MATH_MINUS_PLUS = -2 }; /* signs besides 1 and -1 */
typedef enum math_relation {
    MATH_NO_RELATION,
    MATH_EQ,
    MATH_NE,
    MATH_LT,
    MATH_LE,
    MATH_GT,
    MATH_GE,
    MATH_IN,
    MATH_APPROX
} math_relation;

typedef struct math_node math_node;
struct math_node {
    math_kind kind;
    int op;
    int sign; /* as a kid of MATH_ADD or MATH_MUL */
    math_relation relation;
    char open, close;
    bool is_grouped;     /* stands in brackets or braces of its own */
    bool is_fraction;    /* written as \frac, or a \frac in braces */
    bool is_application; /* MATH_MUL: f(x), which may be a product where f may be a variable */
    size_t repeat, columns;
    size_t rounded; /* MATH_NUMBER read leniently: decimals that may have been rounded; 0: exact */
    const char *text;
    size_t len;
    math_node *first, *next;
    const char *unit; /* canonical: "cm", "square inch", "%", "degree"; NULL: none */
};

typedef enum math_parse { MATH_PARSED, MATH_NOT_PARSED, MATH_TOO_LONG } math_parse;

typedef struct math_text {
    math_node *root; /* MATH_PARSED */
    bool is_denied;  /* "3 is not correct": whatever the root is, it is not the answer */
    size_t n_nodes;
    size_t n_units;
    math_node node[MATH_MAX_NODES];
    char unit[16][MATH_MAX_UNIT];
    char digits[MATH_MAX_BYTES]; /* numbers without their marks */
    char ascii[MATH_MAX_BYTES];  /* the text, where it held other characters */
} math_text;

/* How numbers may be read besides as they stand. */
enum {
    MATH_ROUNDED = 1,       /* decimals of MATH_ROUNDED_DECIMALS and more may be rounded */
    MATH_DECIMAL_COMMA = 2, /* an answer "1,5" is 1.5, where the comma can be none of thousands */
    MATH_ROUNDED_DECIMALS = 4,
};

/* s[0..len) need not end in NUL. Text that is no mathematics is MATH_NOT_PARSED. */
math_parse math_read(math_text *out, const char *s, size_t len, int readings);

size_t math_count(const math_node *n); /* kids */

/* What a MATH_SYMBOL right before brackets is: x(x + 1) is a product, f(x), y'(x) and \phi(n) are
 * values of functions, h(a + b), P(A) and \sigma(n) may be either. */
typedef enum math_role { MATH_FACTOR, MATH_FACTOR_OR_FUNCTION, MATH_NAME_OF_FUNCTION } math_role;
math_role math_symbol_role(const math_node *n);
#endif
