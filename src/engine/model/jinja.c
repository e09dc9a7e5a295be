/* jinja.c - one rendering: limits, names that every template has, and the four steps. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/jinja_value.h"

vs_status jinja_fail(const jinja *j, vs_error *err, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return VS_FAIL(err, VS_E_INPUT, "%s:%zu: %s", j->where, j->line, text);
}

vs_status jinja_step(jinja *j, size_t n, vs_error *err)
{
    j->n_steps += n;
    if (j->n_steps <= JINJA_MAX_STEPS) return VS_OK;
    return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: more than %d steps", j->where, j->line,
                   (int)JINJA_MAX_STEPS);
}

vs_status jinja_alloc(jinja *j, void *out, size_t n, size_t size, vs_error *err)
{
    enum { ROUND = 64 }; /* the arena's */
    void *p;

    if (n > JINJA_MAX_MEMORY / size || JINJA_MAX_MEMORY - j->n_bytes < n * size + ROUND)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: values of more than %d MB", j->where, j->line,
                       (int)(JINJA_MAX_MEMORY >> 20));
    p = vs_arena_push(j->arena, n, size);
    if (!p) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    j->n_bytes += n * size + ROUND;
    memset(p, 0, n * size);
    memcpy(out, &p, sizeof p);
    return VS_OK;
}

/* A day becomes the function that formats it. */
static vs_status set_day(jinja *j, jinja_map *names, vs_error *err)
{
    for (size_t i = 0; i < names->n; i++) {
        jinja_value *v = &names->pair[i].value;
        if (!jinja_is(names->pair[i].key.text, names->pair[i].key.len, jinja_strftime_now.name))
            continue;
        const jinja_value day = *v;
        if (day.type != JINJA_TEXT)
            return VS_FAIL(err, VS_E_INPUT, "%s: \"strftime_now\": found %s, expected a day",
                           j->where, jinja_type_name(day));
        v->type = JINJA_METHOD;
        VS_TRY(jinja_alloc(j, &v->method, 1, sizeof *v->method, err));
        *v->method = (jinja_method){day, &jinja_strftime_now};
    }
    return VS_OK;
}

/* Functions first, then the context above them, so that a name given by the caller wins. */
static vs_status add_names(jinja *j, const json_t *context, vs_error *err)
{
    jinja_value names;

    VS_TRY(jinja_alloc(j, &j->frame, 2, sizeof *j->frame, err));
    for (const jinja_builtin *f = jinja_functions; f->name; f++) {
        const jinja_value v = {.type = JINJA_FUNCTION, .function = f};
        VS_TRY(jinja_map_set(j, &j->frame->names, jinja_text(f->name, strlen(f->name)), v, err));
    }
    VS_TRY(jinja_from_json(j, &names, context, err));
    VS_TRY(set_day(j, names.map, err));
    j->frame[1] = (jinja_frame){.parent = j->frame, .names = *names.map};
    j->frame++;
    return VS_OK;
}

vs_status vs_jinja_render(vs_buf *out, const char *text, size_t len, const json_t *context,
                          const char *where, vs_error *err)
{
    jinja j = {.where = where, .line = 1, .out = out, .begin = out->len};
    jinja_tokens tokens = {0};
    jinja_node *first;
    vs_status st;

    VS_CHECK(vs_arena_open(&j.arena, (size_t)1 << 16, err));
    VS_CHECK(jinja_lex(&j, &tokens, text, len, err));
    VS_CHECK(jinja_parse(&j, &first, &tokens, err));
    VS_CHECK(add_names(&j, context, err));
    VS_CHECK(jinja_run(&j, first, err));
    VS_CHECK(vs_buf_ok(out, where, err));
done:
    vs_arena_close(j.arena);
    free(tokens.item);
    return st;
}
