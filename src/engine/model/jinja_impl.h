/* jinja_impl.h - what jinja's own files share; nothing else includes it. */
#ifndef VS_MODEL_JINJA_IMPL_H
#define VS_MODEL_JINJA_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "engine/model/jinja.h"

enum {
    JINJA_MAX_TEXT = 1 << 20, /* bytes of a template */
    JINJA_MAX_TOKENS = 1 << 17,
    JINJA_MAX_STEPS = 1 << 21,  /* nodes run, items made, characters and bytes / 64 of texts made */
    JINJA_MAX_NESTING = 128,    /* of blocks and expressions in the template */
    JINJA_MAX_DEPTH = 1000,     /* of what runs, through macros too; of values in one another */
    JINJA_MAX_OUTPUT = 1 << 24, /* bytes of the rendering, and of any text on the way */
    JINJA_MAX_MEMORY = 1 << 29, /* bytes of all values made on the way */
    JINJA_MAX_RANGE = 100000,   /* as jinja2's sandbox */
    JINJA_MAX_PARAMS = 5,       /* of a filter, test, method or function of ours */
};

typedef struct jinja jinja;
typedef struct jinja_node jinja_node;
typedef struct jinja_list jinja_list;
typedef struct jinja_map jinja_map;
typedef struct jinja_loop jinja_loop;
typedef struct jinja_macro jinja_macro;
typedef struct jinja_method jinja_method;
typedef struct jinja_builtin jinja_builtin;

/* ---- values; all they point to lives until the rendering ends, and only namespaces, iterators and the like ever change ---- */

typedef enum jinja_type {
    JINJA_ABSENT, /* an argument that was not given */
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INTEGER,
    JINJA_REAL,
    JINJA_TEXT,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_RANGE,
    JINJA_VIEW,     /* of a mapping: what keys(), values(), items() give */
    JINJA_ITERATOR, /* what map, select and the like give: can be walked once */
    JINJA_CYCLER,
    JINJA_JOINER,
    JINJA_MAP,
    JINJA_NAMESPACE,
    JINJA_LOOP,
    JINJA_MACRO,
    JINJA_FUNCTION,
    JINJA_METHOD,
} jinja_type;

typedef struct jinja_value {
    jinja_type type;
    bool is_safe; /* a text from `safe` or `escape`: "+" escapes what comes to it */
    union {
        bool yes;
        int64_t i;
        double x;
        struct { /* UTF-8; of something undefined its name */
            const char *text;
            size_t len;
        };
        jinja_list *list; /* from LIST to JOINER */
        jinja_map *map;   /* of a namespace too */
        jinja_loop *loop;
        jinja_macro *macro;
        const jinja_builtin *function;
        jinja_method *method;
    };
} jinja_value;

struct jinja_list {
    jinja_value *item;
    size_t n, cap;
    size_t at;         /* of iterators, cyclers, joiners: how far they are */
    const char *label; /* of ranges and views: how they print */
};

typedef struct jinja_pair {
    jinja_value key, value;
} jinja_pair;

struct jinja_map {
    jinja_pair *pair; /* in order of insertion */
    size_t n, cap;
};

typedef struct jinja_frame {
    struct jinja_frame *parent;
    jinja_map names;
} jinja_frame;

struct jinja_loop {
    const jinja_node *node;
    jinja_frame *frame; /* that the loop stands in */
    const jinja_value *item;
    size_t i, n, depth;
    bool has_changed; /* changed() was called, with these values: */
    jinja_value seen;
};

struct jinja_macro {
    const jinja_node *node; /* its kids are the parameters */
    jinja_frame *frame;     /* that it stands in */
};

struct jinja_method {
    jinja_value self;
    const jinja_builtin *row;
};

/* ---- the template as a tree ---- */

typedef enum jinja_op {
    /* expressions; a, b, c and kids are their operands */
    OP_LITERAL,
    OP_NAME,
    OP_LIST,
    OP_TUPLE,
    OP_MAP,     /* kids: OP_PAIR */
    OP_PAIR,    /* a: key, b: value */
    OP_ATTR,    /* a.text */
    OP_ITEM,    /* a[b] */
    OP_SLICE,   /* a[kids: from, to, step; OP_LITERAL none where left out] */
    OP_CALL,    /* a(kids: OP_ARG) */
    OP_ARG,     /* a, or text=a; how '*' or 'd' (**) */
    OP_FILTER,  /* a | text(kids); a NULL: what the block printed */
    OP_TEST,    /* a is text(kids) */
    OP_UNARY,   /* how: '!', '-', '+' */
    OP_BINARY,  /* how: the character of + - * / % ~, 'f' of //, 'p' of ** */
    OP_LOGIC,   /* how: '&', '|' */
    OP_COMPARE, /* a, then kids: OP_OPERAND */
    OP_OPERAND, /* how: '=', '!', '<', '>', 'l' of <=, 'g' of >=, 'i' in, 'n' not in */
    OP_CHOICE,  /* a if b else c */
    /* statements */
    OP_TEXT,
    OP_PRINT,  /* a */
    OP_IF,     /* kids: OP_BRANCH */
    OP_BRANCH, /* a: condition, NULL of else; body */
    OP_FOR,    /* for a in b if c: body, other: else; how 'r' is recursive */
    OP_SET,    /* a = b, or a, filtered by b, = body */
    OP_MACRO,  /* text, kids: OP_ARG with default a, or NULL; body */
    OP_CALLER, /* call a: as a macro with kids and body */
    OP_BLOCK,  /* filter a: body; a NULL: generation */
    OP_WITH,   /* kids: OP_SET; body */
    OP_BREAK,
    OP_CONTINUE,
} jinja_op;

enum { USES_CALLER = 1, USES_VARARGS = 2, USES_KWARGS = 4 };

struct jinja_node {
    jinja_op op;
    char how;
    unsigned uses; /* of macros: special names that the body reads */
    size_t line, len;
    const char *text;
    jinja_value value;
    jinja_node *a, *b, *c, *kids, *body, *other, *next;
};

typedef enum jinja_kind {
    TOKEN_TEXT,
    TOKEN_PRINT, /* {{ */
    TOKEN_BLOCK, /* {% */
    TOKEN_CLOSE, /* }} or %} */
    TOKEN_NAME,
    TOKEN_STRING, /* escapes already replaced */
    TOKEN_INTEGER,
    TOKEN_REAL,
    TOKEN_OPERATOR,
    TOKEN_END,
} jinja_kind;

typedef struct jinja_token {
    jinja_kind kind;
    const char *text;
    size_t len, line;
} jinja_token;

typedef struct jinja_tokens {
    jinja_token *item; /* the last one is TOKEN_END */
    size_t n, cap;
} jinja_tokens;

/* ---- one rendering ---- */

struct jinja {
    const char *where;
    size_t line; /* of what runs, for messages */
    vs_arena *arena;
    size_t n_bytes; /* taken from it */
    vs_buf *out;
    size_t begin; /* of the rendering in out */
    jinja_frame *frame;
    size_t n_steps, depth;
    enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } flow;
};

/* Writes "WHERE:LINE: .." and gives VS_E_INPUT. */
vs_status jinja_fail(const jinja *j, vs_error *err, const char *format, ...) VS_PRINTF(3, 4);
VS_NODISCARD vs_status jinja_step(jinja *j, size_t n, vs_error *err);
/* n * size zeroed bytes; fails when memory is out or JINJA_MAX_MEMORY reached. */
VS_NODISCARD vs_status jinja_alloc(jinja *j, void *out, size_t n, size_t size, vs_error *err);

/* jinja_lex.c; tokens->item is the caller's to free, also on failure. */
VS_NODISCARD vs_status jinja_lex(jinja *j, jinja_tokens *tokens, const char *text, size_t len,
                                 vs_error *err);
/* jinja_parse.c; *out: the first of the statements. */
VS_NODISCARD vs_status jinja_parse(jinja *j, jinja_node **out, const jinja_tokens *tokens,
                                   vs_error *err);
/* jinja_run.c */
VS_NODISCARD vs_status jinja_run(jinja *j, const jinja_node *n, vs_error *err);
VS_NODISCARD vs_status jinja_loop_again(jinja *j, jinja_value *out, const jinja_loop *loop,
                                        jinja_value items, vs_error *err);

/* The arguments of a call: values by position, then by name. */
typedef struct jinja_args {
    jinja_value *item;
    const char **key; /* NULL: by position; not NUL-terminated */
    size_t *key_len;
    size_t n_pos, n;
} jinja_args;

VS_NODISCARD vs_status jinja_macro_call(jinja *j, jinja_value *out, const jinja_macro *macro,
                                        const jinja_args *args, vs_error *err);

/* jinja_eval.c */
VS_NODISCARD vs_status jinja_eval(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err);
VS_NODISCARD vs_status jinja_call(jinja *j, jinja_value *out, jinja_value f, const jinja_args *args,
                                  vs_error *err);
VS_NODISCARD vs_status jinja_eval_args(jinja *j, jinja_args *out, const jinja_node *kids,
                                       const jinja_value *caller, vs_error *err);

/* jinja_member.c: x.name, x[key], x[from:to:step] */
VS_NODISCARD vs_status jinja_attr(jinja *j, jinja_value *out, jinja_value x, jinja_value name,
                                  vs_error *err);
VS_NODISCARD vs_status jinja_item(jinja *j, jinja_value *out, jinja_value x, jinja_value key,
                                  vs_error *err);
VS_NODISCARD vs_status jinja_slice(jinja *j, jinja_value *out, jinja_value x,
                                   const jinja_value bound[3], vs_error *err);

#endif
