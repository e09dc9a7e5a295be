/* jinja_impl.h - what jinja's own files share; nothing else includes it. */
#ifndef VS_MODEL_JINJA_IMPL_H
#define VS_MODEL_JINJA_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "engine/model/jinja.h"

enum {
    JINJA_MAX_TEXT = 1 << 20, /* bytes of a template */
    JINJA_MAX_TOKENS = 1 << 17,
    JINJA_MAX_STEPS = 1 << 20,  /* values made and tokens executed */
    JINJA_MAX_DEPTH = 64,       /* of blocks and expressions in one another */
    JINJA_MAX_OUTPUT = 1 << 24, /* bytes */
};

typedef enum jinja_kind {
    JINJA_TEXT,
    JINJA_PRINT, /* {{ */
    JINJA_BLOCK, /* {% */
    JINJA_CLOSE, /* }} or %} */
    JINJA_NAME,
    JINJA_STRING,
    JINJA_INTEGER,
    JINJA_OPERATOR,
    JINJA_END,
} jinja_kind;

/* Text is borrowed from the template; of strings without their quotes, escapes as written. */
typedef struct jinja_token {
    jinja_kind kind;
    const char *text;
    size_t len, line;
} jinja_token;

typedef struct jinja_tokens {
    jinja_token *item; /* the last one is JINJA_END */
    size_t n, cap;
} jinja_tokens;

/* jinja_lex.c; tokens->item is the caller's to free, also on failure. */
VS_NODISCARD vs_status jinja_lex(jinja_tokens *tokens, const char *text, size_t len,
                                 const char *where, vs_error *err);

typedef struct jinja {
    const char *where;
    vs_buf *out;
    size_t begin; /* of this rendering in out */
    jinja_tokens tokens;
    size_t at;    /* the next token */
    bool is_dead; /* parsing a branch that is not taken: nothing is evaluated */
    size_t depth, n_steps;
    json_t **made; /* every value made on the way, freed at the end */
    size_t n_made, made_cap;
    json_t *frames[JINJA_MAX_DEPTH + 2]; /* names; inner ones last */
    size_t n_frames;
} jinja;

/* A value as an expression gives it; NULL: undefined. Borrowed from the context or from made. */
typedef json_t *jinja_value;

const jinja_token *jinja_peek(const jinja *j);
vs_status jinja_fail(const jinja *j, vs_error *err, const char *format, ...) VS_PRINTF(3, 4);
/* Takes over a new reference; NULL: memory is out. */
VS_NODISCARD vs_status jinja_make(jinja *j, jinja_value *out, json_t *made, vs_error *err);
VS_NODISCARD vs_status jinja_make_text(jinja *j, jinja_value *out, const char *text, size_t len,
                                       vs_error *err);

/* jinja_expr.c: one expression from the next token on. */
VS_NODISCARD vs_status jinja_expression(jinja *j, jinja_value *out, vs_error *err);
/* The same without "x if c else y": what a for runs over, where "if" filters. */
VS_NODISCARD vs_status jinja_plain_expression(jinja *j, jinja_value *out, vs_error *err);
bool jinja_is_true(const json_t *v);
/* Appends the value as {{ }} prints it. */
VS_NODISCARD vs_status jinja_print(jinja *j, vs_buf *out, const json_t *v, vs_error *err);
bool jinja_is_operator(const jinja_token *t, const char *text);
bool jinja_is_name(const jinja_token *t, const char *text);

/* jinja_call.c: filters, tests, methods, functions by name, with their arguments already evaluated. */
enum { JINJA_MAX_ARGS = 8 };
typedef struct jinja_args {
    jinja_value item[JINJA_MAX_ARGS];
    size_t n;
    const jinja_token *key[JINJA_MAX_ARGS]; /* NULL: given by position */
} jinja_args;
VS_NODISCARD vs_status jinja_filter(jinja *j, jinja_value *out, const jinja_token *name,
                                    jinja_value x, const jinja_args *args, vs_error *err);
VS_NODISCARD vs_status jinja_test(jinja *j, bool *out, const jinja_token *name, jinja_value x,
                                  const jinja_args *args, vs_error *err);
VS_NODISCARD vs_status jinja_method(jinja *j, jinja_value *out, const jinja_token *name,
                                    jinja_value x, const jinja_args *args, vs_error *err);
VS_NODISCARD vs_status jinja_function(jinja *j, jinja_value *out, const jinja_token *name,
                                      const jinja_args *args, vs_error *err);
#endif
