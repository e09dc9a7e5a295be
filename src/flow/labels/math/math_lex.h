/* math_lex.h - tokens of a mathematical answer. Private to math_lex.c and math_parse.c. */
#ifndef VS_LABELS_MATH_LEX_H
#define VS_LABELS_MATH_LEX_H

#include <stdbool.h>
#include <stddef.h>

typedef enum lex_kind {
    LEX_END,
    LEX_NUMBER,  /* digits with at most one dot; marks between thousands are left out */
    LEX_LETTER,  /* one letter, or a command that names one: \theta */
    LEX_WORD,    /* letters that are a word: inside \text, or too long to be a product */
    LEX_COMMAND, /* text: "frac", "sqrt", .. without the backslash */
    LEX_SIGN,    /* one character of sign[] */
    LEX_ROW,     /* \\ */
    LEX_BAD,     /* a byte that no answer has */
} lex_kind;

typedef struct lex_token {
    lex_kind kind;
    const char *text;
    size_t len;
    char sign;            /* LEX_SIGN: itself; < > and their kin as lex_sign names them */
    bool has_space;       /* before it */
    bool is_in_text;      /* inside \text{..} */
    size_t begin;         /* in the input */
    size_t repeat;        /* LEX_NUMBER: digits at its end that repeat for ever */
    const char *exponent; /* LEX_NUMBER: digits of a power of ten behind it ("1.5e3") */
    size_t exponent_len;  /* 0: there is none */
    bool divides;         /* the power of ten */
    bool is_unclear;      /* "2e-1": a power of ten, or Euler's number less one */
} lex_token;

/* Signs of more than one byte. */
enum {
    SIGN_LE = 'l',
    SIGN_GE = 'g',
    SIGN_NE = 'n',
    SIGN_IN = 'i',
    SIGN_PM = 'p',
    SIGN_MP = 'm',
    SIGN_UNION = 'u',
    SIGN_DEGREE = 'd',
    SIGN_SET_OPEN = 'o',
    SIGN_SET_CLOSE = 'c',
    SIGN_DOLLAR = '$',
    SIGN_APPROX = 'a',
    SIGN_EQUIV = 'q',
    SIGN_EURO = 'e',
};

typedef struct lexer {
    const char *s;
    size_t at, len;
    size_t text_end;   /* where \text{..} closes; 0: not inside */
    size_t depth;      /* of brackets, kept by the parser: commas group digits at 0 only */
    size_t n_matrices; /* open ones, kept by the parser: \\ ends a row inside, is a slip outside */
    int readings;      /* MATH_ROUNDED, .. */
    char *digits;      /* room for the numbers' text, as long as s */
    size_t n_digits;
    lex_kind before; /* the token before the current one */
    lex_token token; /* the current one */
} lexer;

void lex_next(lexer *x);
/* Of the current LEX_NUMBER only the first digit: \\frac12 is 1/2. */
void lex_split(lexer *x);
#endif
