/* tokenizer_regex.c - split patterns. Hugging Face compiles them with Oniguruma in Ruby syntax;
 * here PCRE2 does, after a translation of the few spellings that mean something else there. What
 * cannot be translated is refused by name, so that no pattern silently splits differently. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

static void *counted_malloc(size_t n, void *unused)
{
    (void)unused;
    return vs_alloc_allowed() ? malloc(n) : NULL;
}

static void counted_free(void *p, void *unused)
{
    (void)unused;
    free(p);
}

pcre2_general_context *tok_regex_memory(void)
{
    return pcre2_general_context_create(counted_malloc, counted_free, NULL);
}

typedef struct translation {
    vs_buf out;
    const char *p, *end;
    bool in_class;
    const char *where;
} translation;

static vs_status fail_pattern(const translation *x, const char *at, size_t len,
                              const char *expected, vs_error *err)
{
    if (len > (size_t)(x->end - at)) len = (size_t)(x->end - at);
    return VS_FAIL(err, VS_E_INPUT, "%s: found \"%.*s\" in the pattern, supported: %s", x->where,
                   (int)len, at, expected);
}

/* \p{L}, \p{^L}, \pL: general categories only; scripts and properties differ between the two
 * libraries. */
static vs_status translate_property(translation *x, vs_error *err)
{
    const char *at = x->p, *name = at + 2;
    size_t len = 0;

    if (name < x->end && *name == '{') {
        name++;
        if (name < x->end && *name == '^') name++;
        while (name + len < x->end && name[len] != '}') len++;
        if (name + len == x->end || len < 1 || len > 2)
            return fail_pattern(x, at, len + 5, "general categories such as \\p{L} or \\p{Lu}",
                                err);
        x->p = name + len + 1;
        vs_buf_add(&x->out, at, (size_t)(x->p - at));
        return VS_OK;
    }
    return fail_pattern(x, at, 3, "general categories in braces such as \\p{L}", err);
}

static vs_status translate_escape(translation *x, vs_error *err)
{
    const char *at = x->p;
    const char c = at + 1 < x->end ? at[1] : '\0';

    if (c == 'p' || c == 'P') return translate_property(x, err);
    /* PCRE2's \s has U+180E, which is no White_Space. */
    if (c == 's')
        vs_buf_str(&x->out, "\\p{wspace}");
    else if (c == 'S')
        vs_buf_str(&x->out, "\\P{wspace}");
    else if (c && (strchr("dDrntfx", c) || (!x->in_class && (c == 'A' || c == 'z'))))
        vs_buf_add(&x->out, at, 2);
    else if (c && (unsigned char)c < 0x80 && !((c | 32) >= 'a' && (c | 32) <= 'z') &&
             !(c >= '0' && c <= '9'))
        vs_buf_add(&x->out, at, 2);
    else
        return fail_pattern(
            x, at, 2, "\\s \\S \\d \\D \\r \\n \\t \\f \\x \\A \\z \\p{..} and escaped signs", err);
    x->p += 2;
    return VS_OK;
}

static bool begins(const translation *x, const char *text)
{
    const size_t len = strlen(text);

    return (size_t)(x->end - x->p) >= len && memcmp(x->p, text, len) == 0;
}

static void copy(translation *x, size_t len)
{
    vs_buf_add(&x->out, x->p, len);
    x->p += len;
}

static vs_status translate_in_class(translation *x, vs_error *err)
{
    if (*x->p == '[') return fail_pattern(x, x->p, 8, "classes without classes inside", err);
    if (begins(x, "&&")) return fail_pattern(x, x->p, 8, "classes without intersections", err);
    x->in_class = *x->p != ']';
    copy(x, 1);
    return VS_OK;
}

static vs_status translate_group(translation *x, vs_error *err)
{
    static const char *const heads[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)"};

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (!begins(x, heads[i])) continue;
        copy(x, strlen(heads[i]));
        return VS_OK;
    }
    if (begins(x, "(?") || begins(x, "(*"))
        return fail_pattern(x, x->p, 6, "(?: (?= (?! (?<= (?<! (?> (?i: (?i)", err);
    copy(x, 1);
    return VS_OK;
}

static vs_status translate_next(translation *x, vs_error *err)
{
    if (*x->p == '\\') return translate_escape(x, err);
    if (x->in_class) return translate_in_class(x, err);
    if (*x->p == '(') return translate_group(x, err);
    /* Ruby reads {n,m}+ as a repeat of the repeat, PCRE2 as a possessive one. */
    if (begins(x, "}+")) return fail_pattern(x, x->p, 2, "{n,m} without +", err);
    if (*x->p == '[') {
        copy(x, begins(x, "[^") ? 2 : 1);
        x->in_class = true;
        if (x->p < x->end && *x->p == ']')
            return fail_pattern(x, x->p, 1, "\\] where ] comes first in a class", err);
        return VS_OK;
    }
    copy(x, 1);
    return VS_OK;
}

static vs_status translate(vs_buf *out, const char *pattern, size_t len, const char *where,
                           vs_error *err)
{
    translation x = {.p = pattern, .end = pattern + len, .where = where};
    vs_status st = VS_OK;

    vs_buf_str(&x.out, "");
    while (x.p < x.end && st == VS_OK) st = translate_next(&x, err);
    if (st == VS_OK) st = vs_buf_ok(&x.out, where, err);
    if (st != VS_OK)
        vs_buf_free(&x.out);
    else
        *out = x.out;
    return st;
}

vs_status tok_regex_compile(pcre2_code **out, const char *pattern, size_t len, bool literal,
                            const char *where, vs_error *err)
{
    /* In Ruby syntax ^ and $ are about lines, and . takes everything but a line feed. */
    const uint32_t options = PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE);
    vs_status st = VS_OK;
    vs_buf text = {0};
    pcre2_general_context *memory = tok_regex_memory();
    pcre2_compile_context *context = memory ? pcre2_compile_context_create(memory) : NULL;
    int code;
    PCRE2_SIZE at;

    if (!context) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
        goto done;
    }
    if (literal)
        vs_buf_add(&text, pattern, len);
    else
        VS_CHECK(translate(&text, pattern, len, where, err));
    VS_CHECK(vs_buf_ok(&text, where, err));
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    *out = pcre2_compile((PCRE2_SPTR)text.data, text.len, options, &code, &at, context);
    if (!*out) {
        PCRE2_UCHAR message[160] = "";

        pcre2_get_error_message(code, message, sizeof message);
        st = VS_FAIL(err, code == PCRE2_ERROR_NOMEMORY || code == 121 ? VS_E_NOMEM : VS_E_INPUT,
                     "%s: the pattern does not compile: %s (at byte %zu of %s)", where,
                     (char *)message, (size_t)at, text.data);
        goto done;
    }
    /* Without JIT (not built in, or no executable memory) the interpreter gives the same matches.
     */
    (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
done:
    pcre2_compile_context_free(context);
    pcre2_general_context_free(memory);
    vs_buf_free(&text);
    return st;
}

static vs_status match_prepare(tok_work *w, vs_error *err)
{
    pcre2_general_context *memory;

    if (w->match) return VS_OK;
    memory = tok_regex_memory();
    if (memory) {
        if (!w->limits) w->limits = pcre2_match_context_create(memory);
        if (w->limits) w->match = pcre2_match_data_create(1, memory);
    }
    pcre2_general_context_free(memory);
    if (!w->match) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", w->t->name);
    pcre2_set_match_limit(w->limits, TOK_MATCH_LIMIT);
    pcre2_set_heap_limit(w->limits, TOK_MATCH_HEAP_KIB);
    return VS_OK;
}

vs_status tok_regex_next(tok_work *w, const pcre2_code *code, const char *text, size_t len,
                         size_t from, size_t *start, size_t *end, bool *found, vs_error *err)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    const PCRE2_SIZE *where;
    int rc;

    VS_TRY(match_prepare(w, err));
    rc = pcre2_match(code, subject, len, from, PCRE2_NO_UTF_CHECK, w->match, w->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter's stack is on the heap */
        rc = pcre2_match(code, subject, len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->match,
                         w->limits);
    *found = rc >= 0;
    if (rc == PCRE2_ERROR_NOMATCH) return VS_OK;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", w->t->name);
    if (rc < 0)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%s: a split pattern passes its limits (%d steps, %d KiB) at byte %zu of a "
                       "piece of %zu",
                       w->t->name, (int)TOK_MATCH_LIMIT, (int)TOK_MATCH_HEAP_KIB, from, len);
    where = pcre2_get_ovector_pointer(w->match);
    *start = where[0];
    *end = where[1];
    return VS_OK;
}
