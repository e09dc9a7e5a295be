/* jinja_value.h - what can be done to jinja's values, and the tables of names. Private to jinja's files. */
#ifndef VS_MODEL_JINJA_VALUE_H
#define VS_MODEL_JINJA_VALUE_H

#include "engine/model/jinja_impl.h"

/* ---- jinja_value.c ---- */

static inline jinja_value jinja_bool(bool yes)
{
    return (jinja_value){.type = JINJA_BOOL, .yes = yes};
}

static inline jinja_value jinja_integer(int64_t i)
{
    return (jinja_value){.type = JINJA_INTEGER, .i = i};
}

static inline jinja_value jinja_real(double x)
{
    return (jinja_value){.type = JINJA_REAL, .x = x};
}

/* Borrows the text. */
static inline jinja_value jinja_text(const char *text, size_t len)
{
    return (jinja_value){.type = JINJA_TEXT, .text = text, .len = len};
}

static inline jinja_value jinja_undefined(const char *name, size_t len)
{
    return (jinja_value){.type = JINJA_UNDEFINED, .text = name, .len = len};
}

static inline bool jinja_is(const char *text, size_t len, const char *name)
{
    size_t i = 0;

    while (i < len && name[i] && text[i] == name[i]) i++;
    return i == len && !name[i];
}

/* Texts, lists, tuples, ranges. */
static inline bool jinja_is_sequence(jinja_value v)
{
    return v.type >= JINJA_TEXT && v.type <= JINJA_RANGE;
}

const char *jinja_type_name(jinja_value v);
bool jinja_is_true(jinja_value v);
bool jinja_is_number(jinja_value v);                /* booleans too */
double jinja_number(jinja_value v);                 /* of those */
bool jinja_as_integer(int64_t *out, jinja_value v); /* integers and booleans */
VS_NODISCARD vs_status jinja_equal(jinja *j, bool *out, jinja_value a, jinja_value b,
                                   vs_error *err);
/* *out: below, at or above 0. what: names the comparison in messages. */
VS_NODISCARD vs_status jinja_order(jinja *j, int *out, jinja_value a, jinja_value b,
                                   const char *what, vs_error *err);
VS_NODISCARD vs_status jinja_contains(jinja *j, bool *out, jinja_value in, jinja_value x,
                                      vs_error *err);
/* Characters, items or pairs; -1: has none. */
int64_t jinja_length(jinja_value v);
VS_NODISCARD vs_status jinja_list_new(jinja *j, jinja_value *out, jinja_type type, vs_error *err);
VS_NODISCARD vs_status jinja_list_add(jinja *j, jinja_value list, jinja_value item, vs_error *err);
VS_NODISCARD vs_status jinja_pair_new(jinja *j, jinja_value *out, jinja_value a, jinja_value b,
                                      vs_error *err); /* a tuple of two */
VS_NODISCARD vs_status jinja_map_new(jinja *j, jinja_value *out, jinja_type type, vs_error *err);
VS_NODISCARD vs_status jinja_map_set(jinja *j, jinja_map *map, jinja_value key, jinja_value value,
                                     vs_error *err);
VS_NODISCARD vs_status jinja_map_get(jinja *j, jinja_value *out, const jinja_map *map,
                                     jinja_value key, vs_error *err); /* ABSENT: not there */
/* By a text key, without a way to fail; NULL: not there. */
const jinja_value *jinja_map_find(const jinja_map *map, const char *key, size_t len);
VS_NODISCARD vs_status jinja_from_json(jinja *j, jinja_value *out, const json_t *v, vs_error *err);
/* The items that a loop over v meets; an iterator is at its end thereafter. */
VS_NODISCARD vs_status jinja_items(jinja *j, const jinja_value **item, size_t *n, jinja_value v,
                                   vs_error *err);
/* A buffer's content as a value; frees the buffer in any case. */
VS_NODISCARD vs_status jinja_take(jinja *j, jinja_value *out, vs_buf *text, vs_error *err);

/* ---- jinja_print.c ---- */

/* Appends str(v), or repr(v). */
VS_NODISCARD vs_status jinja_print(jinja *j, vs_buf *out, jinja_value v, vs_error *err);
VS_NODISCARD vs_status jinja_repr(jinja *j, vs_buf *out, jinja_value v, vs_error *err);
VS_NODISCARD vs_status jinja_str(jinja *j, jinja_value *out, jinja_value v, vs_error *err);

/* ---- jinja_format.c ---- */

/* text % x, text.format(..) */
VS_NODISCARD vs_status jinja_percent(jinja *j, jinja_value *out, jinja_value text, jinja_value x,
                                     vs_error *err);

/* ---- jinja_chars.c: characters of UTF-8 texts ---- */

int64_t jinja_chars(const char *text, size_t len); /* how many */
size_t jinja_char_at(const char *text, size_t len,
                     int64_t i); /* the byte where character i begins; len: none */
size_t jinja_char_len(const char *text, size_t len); /* bytes of the first one, at least 1 */
size_t jinja_char_code(int32_t *c, const char *text,
                       size_t len); /* the same, and which; a byte that is no UTF-8 is itself */
size_t jinja_space_len(const char *text,
                       size_t len); /* bytes of the white space at text; 0: it is none */
void jinja_add_char(vs_buf *out, int32_t c);
typedef enum jinja_case { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITAL, CASE_WORDS } jinja_case;
/* As Python's upper, lower, title, capitalize; CASE_WORDS: the filter `title`, which begins a word after white space and brackets. */
VS_NODISCARD vs_status jinja_change_case(jinja *j, jinja_value *out, jinja_value text,
                                         jinja_case how, vs_error *err);
bool jinja_has_case(jinja_value text, bool upper); /* as islower, isupper */
bool jinja_is_all(
    jinja_value text,
    char what); /* 'a' letters, 'n' letters and numbers, 'd' digits, 's' white space */
bool jinja_is_printable(int32_t c);

/* ---- jinja_text.c ---- */

/* & < > " ' as HTML writes them; a safe text stays as it is. */
VS_NODISCARD vs_status jinja_escape(jinja *j, jinja_value *out, jinja_value x, vs_error *err);

/* ---- tables of names ---- */

/* One call of a filter, test, method or function. */
typedef struct jinja_in {
    const jinja_builtin *row;
    jinja_value self;                /* what it is called on */
    jinja_value a[JINJA_MAX_PARAMS]; /* by the row's params; ABSENT where not given */
    const jinja_args *args;          /* all, for rows without params */
} jinja_in;

struct jinja_builtin {
    const char *name;
    const char *params; /* "old new count?": names, those with ? may be left out; NULL: any */
    vs_status (*call)(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err);
    int how; /* for functions that serve several names */
};

const jinja_builtin *jinja_find(const jinja_builtin *table, const char *name, size_t len);
VS_NODISCARD vs_status jinja_apply(jinja *j, jinja_value *out, const jinja_builtin *row,
                                   jinja_value self, const jinja_args *args, vs_error *err);
/* NULL: there is no filter of that name. */
const jinja_builtin *jinja_find_filter(const char *name, size_t len);
VS_NODISCARD vs_status jinja_filter(jinja *j, jinja_value *out, const char *name, size_t len,
                                    jinja_value x, const jinja_args *args, vs_error *err);
VS_NODISCARD vs_status jinja_test(jinja *j, bool *out, const char *name, size_t len, jinja_value x,
                                  const jinja_args *args, vs_error *err);

/* Each table ends with a row without a name. */
extern const jinja_builtin jinja_text_filters[], jinja_list_filters[], jinja_number_filters[],
    jinja_tests[], jinja_functions[], jinja_text_methods[], jinja_list_methods[],
    jinja_map_methods[], jinja_loop_methods[], jinja_cycler_methods[];
extern const jinja_builtin jinja_strftime_now; /* called on the day, a text */

VS_NODISCARD vs_status jinja_text_format(jinja *j, jinja_value *out, const jinja_in *in,
                                         vs_error *err); /* jinja_format.c */
VS_NODISCARD vs_status jinja_tojson(jinja *j, jinja_value *out, const jinja_in *in,
                                    vs_error *err); /* jinja_json.c */
VS_NODISCARD vs_status jinja_map_items(jinja *j, jinja_value *out, const jinja_in *in,
                                       vs_error *err); /* jinja_method.c */
#endif
