/* jinja.c - statements: the tokens are executed as they are parsed; a loop's body is parsed anew
 * for each item. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/jinja_impl.h"

const jinja_token *jinja_peek(const jinja *j)
{
    return &j->tokens.item[j->at];
}

vs_status jinja_fail(const jinja *j, vs_error *err, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return VS_FAIL(err, VS_E_INPUT, "%s:%zu: %s", j->where, jinja_peek(j)->line, text);
}

vs_status jinja_make(jinja *j, jinja_value *out, json_t *made, vs_error *err)
{
    if (!made || !vs_grow(&j->made, &j->made_cap, j->n_made + 1, sizeof *j->made)) {
        json_decref(made);
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    }
    j->made[j->n_made++] = made;
    *out = made;
    if (++j->n_steps > JINJA_MAX_STEPS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more than %d steps", j->where, (int)JINJA_MAX_STEPS);
    return VS_OK;
}

vs_status jinja_make_text(jinja *j, jinja_value *out, const char *text, size_t len, vs_error *err)
{
    return jinja_make(j, out, json_stringn(text ? text : "", len), err);
}

static vs_status expect(jinja *j, jinja_kind kind, const char *text, vs_error *err)
{
    const jinja_token *t = jinja_peek(j);

    if (t->kind != kind || ((kind == JINJA_OPERATOR || kind == JINJA_NAME) && text &&
                            (strlen(text) != t->len || memcmp(t->text, text, t->len) != 0)))
        return jinja_fail(j, err, "found \"%.*s\", expected %s", (int)(t->len < 40 ? t->len : 40),
                          t->text, text ? text : "a name");
    j->at++;
    return VS_OK;
}

static vs_status close_tag(jinja *j, vs_error *err)
{
    return expect(j, JINJA_CLOSE, "the end of the tag", err);
}

static vs_status set_name(jinja *j, const jinja_token *name, jinja_value v, vs_error *err)
{
    char key[128];

    if (j->is_dead) return VS_OK;
    if (name->len >= sizeof key) return jinja_fail(j, err, "a name of %zu bytes", name->len);
    memcpy(key, name->text, name->len);
    key[name->len] = '\0';
    if (!v) {
        json_object_del(j->frames[j->n_frames - 1], key);
        for (size_t i = 0; i < j->n_frames; i++)
            if (json_object_get(j->frames[i], key))
                return jinja_fail(
                    j, err, "\"%s\" would become undefined within a loop: not supported", key);
        return VS_OK;
    }
    if (json_object_set(j->frames[j->n_frames - 1], key, v) != 0)
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    return VS_OK;
}

static vs_status run_until(jinja *j, const char *const ends[], vs_error *err);

/* {% set a = x %}, {% set ns.a = x %} */
static vs_status run_set(jinja *j, vs_error *err)
{
    const jinja_token *name = jinja_peek(j), *member = NULL;
    jinja_value v;

    VS_TRY(expect(j, JINJA_NAME, NULL, err));
    if (jinja_is_operator(jinja_peek(j), ".")) {
        j->at++;
        member = jinja_peek(j);
        VS_TRY(expect(j, JINJA_NAME, NULL, err));
    }
    VS_TRY(expect(j, JINJA_OPERATOR, "=", err));
    VS_TRY(jinja_expression(j, &v, err));
    if (!member) VS_TRY(set_name(j, name, v, err));
    if (member && !j->is_dead) {
        char key[128], space[128];
        json_t *object = NULL;

        if (name->len >= sizeof space || member->len >= sizeof key)
            return jinja_fail(j, err, "a name of %zu bytes", name->len + member->len);
        snprintf(space, sizeof space, "%.*s", (int)name->len, name->text);
        snprintf(key, sizeof key, "%.*s", (int)member->len, member->text);
        for (size_t i = j->n_frames; i-- > 0 && !object;)
            object = json_object_get(j->frames[i], space);
        if (!json_is_object(object) || !v)
            return jinja_fail(j, err, "\"%s.%s\" cannot be set: expected a namespace and a value",
                              space, key);
        if (json_object_set_new(object, key, json_deep_copy(v)) != 0) /* a copy: no cycles */
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    }
    return close_tag(j, err);
}

static vs_status run_if(jinja *j, vs_error *err)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    const bool was_dead = j->is_dead;
    bool taken = false, is_else = false;
    vs_status st = VS_OK;

    for (;;) {
        jinja_value v = NULL;
        bool here = is_else;

        if (!is_else) {
            j->is_dead = was_dead || taken;
            VS_CHECK(jinja_expression(j, &v, err));
            here = jinja_is_true(v);
        }
        VS_CHECK(close_tag(j, err));
        j->is_dead = was_dead || taken || !here;
        taken = taken || here;
        VS_CHECK(run_until(j, ends, err)); /* stops after {% and the word */
        const jinja_token *word = &j->tokens.item[j->at - 1];
        if (jinja_is_name(word, "endif")) break;
        if (is_else) {
            st = jinja_fail(j, err, "found \"%.*s\" after else", (int)word->len, word->text);
            goto done;
        }
        is_else = jinja_is_name(word, "else");
    }
    st = close_tag(j, err);
done:
    j->is_dead = was_dead;
    return st;
}

/* What a for runs over: a list's items, an object's keys. */
static vs_status items_of(jinja *j, jinja_value *out, const json_t *v, vs_error *err)
{
    const char *key;
    json_t *value;

    VS_TRY(jinja_make(j, out, json_array(), err));
    if (json_is_array(v)) {
        if (json_array_extend(*out, (json_t *)(uintptr_t)v) != 0)
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    } else if (json_is_object(v)) {
        json_object_foreach((json_t *)(uintptr_t)v, key,
                            value) if (json_array_append_new(*out, json_string(key)) !=
                                       0) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory",
                                                         j->where);
    } else if (v) {
        return jinja_fail(j, err, "for: found %s, expected a list or a mapping",
                          json_is_string(v) ? "a string" : "a single value");
    }
    return VS_OK;
}

/* One name takes the item; two take the members of a pair. */
static vs_status bind_item(jinja *j, const jinja_token *const names[2], json_t *item, vs_error *err)
{
    if (!names[1]) return set_name(j, names[0], item, err);
    if (json_array_size(item) != 2) return jinja_fail(j, err, "for: expected pairs");
    VS_TRY(set_name(j, names[0], json_array_get(item, 0), err));
    return set_name(j, names[1], json_array_get(item, 1), err);
}

static vs_status push_frame(jinja *j, vs_error *err)
{
    jinja_value frame;

    if (j->n_frames >= sizeof j->frames / sizeof *j->frames)
        return jinja_fail(j, err, "loops nest deeper than %d", JINJA_MAX_DEPTH);
    VS_TRY(jinja_make(j, &frame, json_object(), err));
    j->frames[j->n_frames++] = frame;
    return VS_OK;
}

static vs_status set_loop(jinja *j, size_t i, size_t n, json_t *const items, vs_error *err)
{
    static const jinja_token name = {JINJA_NAME, "loop", 4, 0};
    jinja_value loop;

    VS_TRY(jinja_make(j, &loop,
                      json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:O*, s:O*}", "revindex",
                                (json_int_t)(n - i), "revindex0", (json_int_t)(n - i - 1), "index0",
                                (json_int_t)i, "index", (json_int_t)i + 1, "length", (json_int_t)n,
                                "first", i == 0, "last", i + 1 == n, "previtem",
                                i ? json_array_get(items, i - 1) : NULL, "nextitem",
                                json_array_get(items, i + 1)),
                      err));
    return set_name(j, &name, loop, err);
}

/* Items that pass "for .. if condition"; the condition begins at `at`. */
static vs_status filter_items(jinja *j, jinja_value *items, const jinja_token *const names[2],
                              size_t at, vs_error *err)
{
    jinja_value kept, v;
    json_t *item;
    size_t i;

    VS_TRY(jinja_make(j, &kept, json_array(), err));
    VS_TRY(push_frame(j, err));
    json_array_foreach(*items, i, item)
    {
        j->at = at;
        VS_TRY(bind_item(j, names, item, err));
        VS_TRY(jinja_plain_expression(j, &v, err));
        if (jinja_is_true(v) && json_array_append(kept, item) != 0)
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    }
    j->n_frames--;
    *items = kept;
    return VS_OK;
}

static vs_status run_for(jinja *j, vs_error *err)
{
    static const char *const ends[] = {"endfor", NULL};
    const jinja_token *names[2] = {jinja_peek(j), NULL};
    const bool was_dead = j->is_dead;
    jinja_value v, items = NULL;
    size_t body, n;

    VS_TRY(expect(j, JINJA_NAME, NULL, err));
    if (jinja_is_operator(jinja_peek(j), ",")) {
        j->at++;
        names[1] = jinja_peek(j);
        VS_TRY(expect(j, JINJA_NAME, NULL, err));
    }
    VS_TRY(expect(j, JINJA_NAME, "in", err));
    VS_TRY(jinja_plain_expression(j, &v, err));
    if (!was_dead) VS_TRY(items_of(j, &items, v, err));
    if (jinja_is_name(jinja_peek(j), "if")) {
        const size_t condition = ++j->at;
        if (!was_dead && json_array_size(items))
            VS_TRY(filter_items(j, &items, names, condition, err));
        j->at = condition; /* parsed once more, so that it is behind us even when nothing was
                              filtered */
        j->is_dead = true;
        VS_TRY(jinja_plain_expression(j, &v, err));
        j->is_dead = was_dead;
    }
    VS_TRY(close_tag(j, err));
    body = j->at;
    n = was_dead ? 0 : json_array_size(items);
    for (size_t i = 0; i < n; i++) {
        j->at = body;
        VS_TRY(push_frame(j, err));
        VS_TRY(set_loop(j, i, n, items, err));
        VS_TRY(bind_item(j, names, json_array_get(items, i), err));
        VS_TRY(run_until(j, ends, err));
        j->n_frames--;
    }
    if (n == 0) {
        j->is_dead = true;
        VS_TRY(run_until(j, ends, err));
        j->is_dead = was_dead;
    }
    return close_tag(j, err);
}

static vs_status run_statement(jinja *j, const jinja_token *word, vs_error *err)
{
    if (jinja_is_name(word, "if")) return run_if(j, err);
    if (jinja_is_name(word, "for")) return run_for(j, err);
    if (jinja_is_name(word, "set")) return run_set(j, err);
    /* transformers' marks around what the assistant says: they print nothing */
    if (jinja_is_name(word, "generation") || jinja_is_name(word, "endgeneration"))
        return close_tag(j, err);
    return jinja_fail(j, err, "found the statement \"%.*s\", expected if, for or set",
                      (int)(word->len < 40 ? word->len : 40), word->text);
}

static vs_status run_print(jinja *j, vs_error *err)
{
    jinja_value v;

    VS_TRY(jinja_expression(j, &v, err));
    if (!j->is_dead) VS_TRY(jinja_print(j, j->out, v, err));
    return close_tag(j, err);
}

static bool is_one_of(const jinja_token *t, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        if (jinja_is_name(t, names[i])) return true;
    return false;
}

/* Runs up to a statement among `ends`, whose word it takes; no ends: to the end of the template. */
static vs_status run_until(jinja *j, const char *const ends[], vs_error *err)
{
    if (++j->depth > JINJA_MAX_DEPTH)
        return jinja_fail(j, err, "blocks nest deeper than %d", JINJA_MAX_DEPTH);
    for (;;) {
        const jinja_token *t = jinja_peek(j);

        if (++j->n_steps > JINJA_MAX_STEPS || j->out->len - j->begin > JINJA_MAX_OUTPUT)
            return VS_FAIL(err, VS_E_LIMIT, "%s: more than %d steps or %d bytes", j->where,
                           (int)JINJA_MAX_STEPS, (int)JINJA_MAX_OUTPUT);
        if (t->kind == JINJA_END) {
            if (ends[0]) return jinja_fail(j, err, "found the end, expected %s", ends[0]);
            break;
        }
        j->at++;
        if (t->kind == JINJA_TEXT) {
            if (!j->is_dead) vs_buf_add(j->out, t->text, t->len);
        } else if (t->kind == JINJA_PRINT) {
            VS_TRY(run_print(j, err));
        } else {
            const jinja_token *word = jinja_peek(j);
            VS_TRY(expect(j, JINJA_NAME, NULL, err));
            if (is_one_of(word, ends)) break;
            VS_TRY(run_statement(j, word, err));
        }
    }
    j->depth--;
    return VS_OK;
}

vs_status vs_jinja_render(vs_buf *out, const char *text, size_t len, const json_t *context,
                          const char *where, vs_error *err)
{
    static const char *const none[] = {NULL};
    jinja j = {.where = where, .out = out, .begin = out->len};
    json_t *globals = json_copy((json_t *)(uintptr_t)context);
    vs_status st;

    j.frames[j.n_frames++] = globals;
    if (!globals) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    VS_CHECK(jinja_lex(&j.tokens, text, len, where, err));
    VS_CHECK(run_until(&j, none, err));
    VS_CHECK(vs_buf_ok(out, where, err));
done:
    for (size_t i = 0; i < j.n_made; i++) json_decref(j.made[i]);
    free(j.made);
    free(j.tokens.item);
    json_decref(globals);
    return st;
}
