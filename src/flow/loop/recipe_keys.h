/* recipe_keys.h - the table of a recipe's keys: type, place, range, default, meaning and source of
 * each, and the functions that go through it. Internal to recipe*.c. */
#ifndef VS_LOOP_RECIPE_KEYS_H
#define VS_LOOP_RECIPE_KEYS_H

#include <stdbool.h>

#include "flow/loop/recipe.h"

enum { VS_RECIPE_NAME_BYTES = 64, VS_RECIPE_LIST_MAX = 16 };

typedef enum vs_key_type {
    VS_KEY_TEXT,    /* char *, never NULL */
    VS_KEY_PATH,    /* char *, NULL for null */
    VS_KEY_COUNT,   /* size_t */
    VS_KEY_SEED,    /* uint64_t */
    VS_KEY_REAL,    /* double */
    VS_KEY_FLAG,    /* int, 0 or 1 */
    VS_KEY_CHOICE,  /* an enum of int: the place of a word in `choices` */
    VS_KEY_PAIRS,   /* size_t: "all" is 0, "sampled(m)" is m */
    VS_KEY_TEXTS,   /* char **, followed by its size_t count */
    VS_KEY_TARGETS, /* unsigned: bit set of vs_linear */
} vs_key_type;

/* Among a key's sections: it changes memory and speed and never the result, so that a run may go on with another value. */
enum { VS_KEY_FREE = 1 << 15 };

typedef struct vs_recipe_key {
    const char *name; /* within its section: "lr", "lora.rank" */
    vs_key_type type;
    unsigned sections;     /* bit set: a trainer's key stands in several */
    size_t offset;         /* in vs_recipe; of a trainer's key, in vs_train_options */
    double min, max;       /* of numbers, both included */
    const char *value;     /* default, as in YAML but unquoted; NULL: null or an empty list */
    const char *dpo_value; /* default in dpo and orm when it is another; else NULL */
    const char *meaning, *source;
    const char *choices; /* "a, b or c": all that a text may be; NULL: any */
} vs_recipe_key;

/* A key in its section. */
typedef struct vs_key_ref {
    const vs_recipe_key *key;
    const char *section;             /* "" at the top */
    const char *value;               /* default there */
    size_t base;                     /* where key->offset counts from */
    char name[VS_RECIPE_NAME_BYTES]; /* "sft.lora.rank" */
} vs_key_ref;

bool vs_key_at(vs_key_ref *out, size_t i); /* in order of the file; false past the end */
bool vs_key_find(vs_key_ref *out, const char *name);
bool vs_key_is_section(const char *name); /* "sft", "sft.lora" */
/* Names that may stand below a section, as "a, b, c". */
void vs_key_list(vs_buf *out, const char *section);
void vs_key_expected(vs_buf *out, const vs_recipe_key *key); /* "an integer from 1 to 8" */

/* Sets a key of the record that ref->base counts from. is_plain: not quoted. where: "file:line" or
 * "--set". */
VS_NODISCARD vs_status vs_key_set_scalar(void *record, const vs_key_ref *ref, const char *text,
                                         bool is_plain, const char *where, vs_error *err);
VS_NODISCARD vs_status vs_key_set_list(void *record, const vs_key_ref *ref, char *const *items,
                                       size_t n, const char *where, vs_error *err);
/* "where: name: found .., expected .." */
vs_status vs_key_refuse(const vs_key_ref *ref, const char *found, const char *where, vs_error *err);
void vs_key_write(vs_buf *out, const void *record, const vs_key_ref *ref); /* the value as YAML */
void vs_key_release(void *record, const vs_key_ref *ref);
#endif
