/* recipe_yaml.c - YAML into a recipe: libyaml's events against the table of keys.
 *
 * Limits: the text's size (recipe.c), one document, no aliases, no explicit tags, and no nesting
 * beyond the table's. */
#include "flow/loop/recipe_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/mem.h"
#include "flow/loop/recipe_keys.h"

enum { MAX_KEYS = 256 };

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; owned */
    const char *where, *text;
    size_t len;
    bool has_lines;        /* errors name lines: a file, not a value of the command line */
    char at[300];          /* "file:line" of the current event */
    size_t line[MAX_KEYS]; /* where each key was given; 0: not yet */
    void *record;
} reader;

static vs_status fail_syntax(const reader *r, vs_error *err)
{
    const yaml_parser_t *p = &r->parser;
    size_t line = p->problem_mark.line + 1;

    if (p->error == YAML_MEMORY_ERROR)
        return VS_FAIL(err, VS_E_NOMEM, "%s: reading YAML", r->where);
    if (p->error == YAML_READER_ERROR) { /* has an offset and no line */
        line = 1;
        for (size_t i = 0; i < p->problem_offset && i < r->len; i++) line += r->text[i] == '\n';
    }
    if (!r->has_lines)
        return VS_FAIL(err, VS_E_FORMAT, "%s: found text that is not YAML (%s), expected a value",
                       r->where, p->problem ? p->problem : "unreadable");
    return VS_FAIL(err, VS_E_FORMAT,
                   "%s:%zu: found text that is not YAML (%s), expected lines \"key: value\"",
                   r->where, line, p->problem ? p->problem : "unreadable");
}

static vs_status next(reader *r, vs_error *err)
{
    yaml_event_delete(&r->event);
    memset(&r->event, 0, sizeof r->event);
    if (!yaml_parser_parse(&r->parser, &r->event)) return fail_syntax(r, err);
    if (r->has_lines)
        snprintf(r->at, sizeof r->at, "%.250s:%zu", r->where, r->event.start_mark.line + 1);
    else
        snprintf(r->at, sizeof r->at, "%.250s", r->where);
    return VS_OK;
}

static const char *kind_of(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return e->data.scalar.tag ? "a tagged value" : "a value";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a section of keys";
    case YAML_ALIAS_EVENT:
        return "an alias";
    default:
        return "nothing";
    }
}

/* The current event as a text without tag or NUL; NULL: it is none. */
static const char *scalar(const reader *r)
{
    const yaml_event_t *e = &r->event;
    const char *text = (const char *)e->data.scalar.value;

    if (e->type != YAML_SCALAR_EVENT || e->data.scalar.tag || strlen(text) != e->data.scalar.length)
        return NULL;
    return text;
}

static vs_status read_list(reader *r, const vs_key_ref *ref, vs_error *err)
{
    char *items[VS_RECIPE_LIST_MAX];
    size_t n = 0;
    vs_status st;

    for (;;) {
        VS_CHECK(next(r, err));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (!scalar(r)) {
            st = VS_FAIL(err, VS_E_INPUT, "%s: %s: found %s in a list, expected a text", r->at,
                         ref->name, kind_of(&r->event));
            goto done;
        }
        if (n == VS_RECIPE_LIST_MAX) {
            st = VS_FAIL(err, VS_E_LIMIT,
                         "%s: %s: found more than %d entries, expected at most that", r->at,
                         ref->name, VS_RECIPE_LIST_MAX);
            goto done;
        }
        items[n] = vs_strdup_n(scalar(r), r->event.data.scalar.length);
        if (!items[n]) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: %s", r->at, ref->name);
            goto done;
        }
        n++;
    }
    st = vs_key_set_list(r->record, ref, items, n, r->at, err);
done:
    for (size_t i = 0; i < n; i++) free(items[i]);
    return st;
}

/* The value that the current event begins. */
static vs_status read_value(reader *r, const vs_key_ref *ref, vs_error *err)
{
    if (r->event.type == YAML_SEQUENCE_START_EVENT && !r->event.data.sequence_start.tag)
        return read_list(r, ref, err);
    if (!scalar(r)) return vs_key_refuse(ref, kind_of(&r->event), r->at, err);
    return vs_key_set_scalar(r->record, ref, scalar(r),
                             r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE, r->at, err);
}

static vs_status fail_unknown(const reader *r, const char *section, const char *name, vs_error *err)
{
    vs_buf known = {0};
    vs_status st;

    vs_key_list(&known, section);
    st = VS_FAIL(err, VS_E_INPUT, "%s: found the unknown key %.80s, expected one of %s%s%s", r->at,
                 name, known.failed ? "docs/RECIPE.md" : known.data, *section ? " in " : "",
                 section);
    vs_buf_free(&known);
    return st;
}

static vs_status note_key(reader *r, const vs_key_ref *ref, vs_error *err)
{
    vs_key_ref other;
    size_t i = 0;

    while (vs_key_at(&other, i) && strcmp(other.name, ref->name) != 0) i++;
    if (i >= MAX_KEYS) return VS_OK;
    if (r->line[i])
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: %s: found a second time, expected once: it was given in line %zu",
                       r->at, ref->name, r->line[i]);
    r->line[i] = r->event.start_mark.line + 1;
    return VS_OK;
}

/* The keys of a section, up to its end. A section deeper than the table's does not exist, so this
 * ends. */
static vs_status read_section(reader *r, const char *section, vs_error *err)
{
    for (;;) {
        char name[2 * VS_RECIPE_NAME_BYTES];
        vs_key_ref ref;

        VS_TRY(next(r, err));
        if (r->event.type == YAML_MAPPING_END_EVENT) return VS_OK;
        if (!scalar(r))
            return VS_FAIL(err, VS_E_INPUT, "%s: found %s, expected a key", r->at,
                           kind_of(&r->event));
        if (strlen(scalar(r)) >= VS_RECIPE_NAME_BYTES || strchr(scalar(r), '.'))
            return fail_unknown(r, section, scalar(r), err);
        snprintf(name, sizeof name, "%s%s%s", section, *section ? "." : "", scalar(r));
        if (vs_key_find(&ref, name)) {
            VS_TRY(note_key(r, &ref, err));
            VS_TRY(next(r, err));
            VS_TRY(read_value(r, &ref, err));
        } else if (vs_key_is_section(name)) {
            VS_TRY(next(r, err));
            if (r->event.type != YAML_MAPPING_START_EVENT)
                return VS_FAIL(err, VS_E_INPUT, "%s: %s: found %s, expected a section of keys",
                               r->at, name, kind_of(&r->event));
            VS_TRY(read_section(r, name, err));
        } else {
            return fail_unknown(r, section, scalar(r), err);
        }
    }
}

static vs_status read_document(reader *r, vs_error *err)
{
    VS_TRY(next(r, err)); /* the stream's start */
    VS_TRY(next(r, err));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return VS_FAIL(err, VS_E_FORMAT, "%s: found no keys, expected a recipe", r->where);
    VS_TRY(next(r, err));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected keys as in docs/RECIPE.md", r->at,
                       kind_of(&r->event));
    VS_TRY(read_section(r, "", err));
    VS_TRY(next(r, err)); /* the document's end */
    VS_TRY(next(r, err));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return VS_FAIL(err, VS_E_FORMAT, "%s: found a second document, expected one", r->at);
    return VS_OK;
}

static vs_status read_single_value(reader *r, const vs_key_ref *ref, vs_error *err)
{
    for (int i = 0; i < 3; i++) VS_TRY(next(r, err)); /* stream, document, value */
    VS_TRY(read_value(r, ref, err));
    for (int i = 0; i < 2; i++) VS_TRY(next(r, err));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return vs_key_refuse(ref, "a second value", r->at, err);
    return VS_OK;
}

static vs_status run(reader *r, const vs_key_ref *ref, vs_error *err)
{
    vs_status st;

    if (!yaml_parser_initialize(&r->parser))
        return VS_FAIL(err, VS_E_NOMEM, "%s: reading YAML", r->where);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->len);
    st = ref ? read_single_value(r, ref, err) : read_document(r, err);
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
    return st;
}

vs_status vs_recipe_yaml(vs_recipe *r, const char *text, size_t len, const char *where,
                         vs_error *err)
{
    reader reading = {.where = where, .text = text, .len = len, .has_lines = true, .record = r};

    return run(&reading, NULL, err);
}

vs_status vs_key_set_yaml(void *record, const vs_key_ref *ref, const char *text, const char *where,
                          vs_error *err)
{
    reader reading = {.where = where, .text = text, .len = strlen(text), .record = record};

    return run(&reading, ref, err);
}
