/* args.h - options of a verb from a table: `--name value`, `--name=value`, repeated lists,
 * positional words. After "--" all is words.
 *
 * Every verb also takes --help and --threads N, which vs_args_parse handles itself. Values are
 * written through the table's pointers; strings are borrowed from argv. */
#ifndef VS_APP_ARGS_H
#define VS_APP_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum vs_opt_type {
    VS_OPT_FLAG, /* bool: set when given */
    VS_OPT_STR,  /* const char * */
    VS_OPT_SIZE, /* size_t */
    VS_OPT_U64,  /* uint64_t */
    VS_OPT_NUM,  /* double, finite */
    VS_OPT_LIST, /* vs_str_list: may be repeated */
} vs_opt_type;

typedef struct vs_str_list {
    const char **item; /* from malloc: vs_str_list_free */
    size_t n, cap;
} vs_str_list;
void vs_str_list_free(vs_str_list *l);

typedef struct vs_opt {
    const char *name; /* "--model", "-n" */
    vs_opt_type type;
    void *out;
    bool is_required;
    double min, max;   /* numbers; both 0: 0 and up for NUM, anything for SIZE and U64 */
    const char *value; /* what help calls the value: "DIR" */
    const char *help;  /* with the default in it */
} vs_opt;

enum { VS_WORDS_MAX = 64 };

typedef struct vs_cmd {
    const char *verb;
    const char *usage;   /* after the verb: "--model DIR [options]" */
    const char *about;   /* a paragraph */
    const char *example; /* a worked example: command, input, output */
    const vs_opt *opts;
    size_t n_opts;
    size_t min_words, max_words;     /* positional */
    const char *words[VS_WORDS_MAX]; /* filled; at most max_words */
    size_t n_words;
    bool is_help; /* filled: help was printed, nothing else is to be done */
} vs_cmd;

/* VS_E_USAGE with the nearest known name for an option that does not exist. */
VS_NODISCARD vs_status vs_args_parse(vs_cmd *c, int argc, char **argv, vs_error *err);

/* The name of the list that is nearest to `text` by edit distance; NULL when none is near. */
const char *vs_nearest(const char *text, const char *const *names, size_t n);

/* A whole unsigned number or a finite one; text that is anything else is refused. */
bool vs_parse_u64(uint64_t *out, const char *text);
bool vs_parse_num(double *out, const char *text);
#endif
