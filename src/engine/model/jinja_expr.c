/* jinja_expr.c - expressions, evaluated as they are parsed. Loosest first: a if b else c; or; and;
 * not; comparisons;
 * ~; + -; * // %; unary -; then members, slices, calls, filters and tests, which bind tightest. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/folder_impl.h"
#include "engine/model/jinja_impl.h"

bool jinja_is_operator(const jinja_token *t, const char *text)
{
    return t->kind == JINJA_OPERATOR && strlen(text) == t->len &&
           memcmp(t->text, text, t->len) == 0;
}

bool jinja_is_name(const jinja_token *t, const char *text)
{
    return t->kind == JINJA_NAME && strlen(text) == t->len && memcmp(t->text, text, t->len) == 0;
}

static bool take_operator(jinja *j, const char *text)
{
    const bool found = jinja_is_operator(jinja_peek(j), text);

    j->at += found;
    return found;
}

static bool take_name(jinja *j, const char *text)
{
    const bool found = jinja_is_name(jinja_peek(j), text);

    j->at += found;
    return found;
}

static vs_status need_operator(jinja *j, const char *text, vs_error *err)
{
    const jinja_token *t = jinja_peek(j);

    if (take_operator(j, text)) return VS_OK;
    return jinja_fail(j, err, "found \"%.*s\", expected \"%s\"", (int)(t->len < 40 ? t->len : 40),
                      t->text, text);
}

bool jinja_is_true(const json_t *v)
{
    if (!v || json_is_null(v) || json_is_false(v)) return false;
    if (json_is_string(v)) return json_string_length(v) > 0;
    if (json_is_array(v)) return json_array_size(v) > 0;
    if (json_is_object(v)) return json_object_size(v) > 0;
    if (json_is_integer(v)) return json_integer_value(v) != 0;
    return !json_is_real(v) || json_real_value(v) != 0.0;
}

vs_status jinja_print(jinja *j, vs_buf *out, const json_t *v, vs_error *err)
{
    char text[VS_REAL_CHARS];

    if (!v) return VS_OK;
    switch (json_typeof(v)) {
    case JSON_STRING:
        vs_buf_add(out, json_string_value(v), json_string_length(v));
        return VS_OK;
    case JSON_INTEGER:
        vs_buf_printf(out, "%lld", (long long)json_integer_value(v));
        return VS_OK;
    case JSON_REAL:
        vs_real_text(text, json_real_value(v));
        vs_buf_str(out, text);
        return VS_OK;
    case JSON_TRUE:
        vs_buf_str(out, "True");
        return VS_OK;
    case JSON_FALSE:
        vs_buf_str(out, "False");
        return VS_OK;
    case JSON_NULL:
        vs_buf_str(out, "None");
        return VS_OK;
    default:
        return jinja_fail(j, err,
                          "printing %s is not supported, expected a text (tojson makes one)",
                          vs_json_kind(v));
    }
}

static vs_status make_bool(jinja_value *out, bool x)
{
    *out = x ? json_true() : json_false(); /* never freed, never counted */
    return VS_OK;
}

/* ---- the tightest: literals, names, members, calls ---- */

/* Escapes as Python's strings have them; others stay as they are written. */
static vs_status string_literal(jinja *j, jinja_value *out, const jinja_token *t, vs_error *err)
{
    static const char escapes[] = "n\nt\tr\r\\\\'\'\"\"";
    vs_buf text = {0};
    vs_status st;

    for (size_t i = 0; i < t->len; i++) {
        const char *escape = NULL;

        for (size_t k = 0; t->text[i] == '\\' && i + 1 < t->len && k + 1 < sizeof escapes; k += 2)
            if (escapes[k] == t->text[i + 1]) escape = &escapes[k + 1];
        if (escape) i++;
        vs_buf_add(&text, escape ? escape : &t->text[i], 1);
    }
    VS_CHECK(vs_buf_ok(&text, j->where, err));
    VS_CHECK(jinja_make_text(j, out, text.data, text.len, err));
done:
    vs_buf_free(&text);
    return st;
}

static vs_status integer_literal(jinja *j, jinja_value *out, const jinja_token *t, vs_error *err)
{
    long long x = 0;

    for (size_t i = 0; i < t->len; i++) {
        if (t->text[i] < '0' || t->text[i] > '9' || t->len > 18)
            return jinja_fail(j, err, "found \"%.*s\", expected an integer",
                              (int)(t->len < 40 ? t->len : 40), t->text);
        x = x * 10 + (t->text[i] - '0');
    }
    return jinja_make(j, out, json_integer(x), err);
}

static jinja_value find_name(const jinja *j, const jinja_token *name)
{
    char key[128];

    if (name->len >= sizeof key) return NULL;
    memcpy(key, name->text, name->len);
    key[name->len] = '\0';
    for (size_t i = j->n_frames; i-- > 0;) {
        json_t *v = json_object_get(j->frames[i], key);
        if (v) return v;
    }
    return NULL;
}

/* After "(": arguments up to and with ")". */
static vs_status call_args(jinja *j, jinja_args *args, vs_error *err)
{
    *args = (jinja_args){0};
    while (!take_operator(j, ")")) {
        if (args->n == JINJA_MAX_ARGS)
            return jinja_fail(j, err, "more than %d arguments", JINJA_MAX_ARGS);
        if (args->n) VS_TRY(need_operator(j, ",", err));
        if (jinja_peek(j)->kind == JINJA_NAME && jinja_is_operator(&jinja_peek(j)[1], "=")) {
            args->key[args->n] = jinja_peek(j);
            j->at += 2;
        }
        VS_TRY(jinja_expression(j, &args->item[args->n], err));
        args->n++;
    }
    return VS_OK;
}

static vs_status list_literal(jinja *j, jinja_value *out, const char *close, jinja_value first,
                              bool has_first, vs_error *err)
{
    jinja_value v;

    VS_TRY(jinja_make(j, out, json_array(), err));
    if (has_first && first) json_array_append(*out, first);
    while (!take_operator(j, close)) {
        if (has_first || json_array_size(*out)) VS_TRY(need_operator(j, ",", err));
        if (take_operator(j, close)) break;
        VS_TRY(jinja_expression(j, &v, err));
        has_first = true;
        if (v && json_array_append(*out, v) != 0)
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    }
    return VS_OK;
}

static vs_status map_literal(jinja *j, jinja_value *out, vs_error *err)
{
    jinja_value key, v;
    bool is_first = true;

    VS_TRY(jinja_make(j, out, json_object(), err));
    while (!take_operator(j, "}")) {
        if (!is_first) VS_TRY(need_operator(j, ",", err));
        if (take_operator(j, "}")) break;
        VS_TRY(jinja_expression(j, &key, err));
        VS_TRY(need_operator(j, ":", err));
        VS_TRY(jinja_expression(j, &v, err));
        is_first = false;
        if (j->is_dead) continue;
        if (!json_is_string(key)) return jinja_fail(j, err, "found a key that is no text");
        if (json_object_set_new(*out, json_string_value(key),
                                v ? json_deep_copy(v) : json_null()) != 0)
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    }
    return VS_OK;
}

static vs_status parenthesis(jinja *j, jinja_value *out, vs_error *err)
{
    VS_TRY(jinja_expression(j, out, err));
    if (!jinja_is_operator(jinja_peek(j), ",")) return need_operator(j, ")", err);
    return list_literal(j, out, ")", *out, true, err);
}

static vs_status name_or_call(jinja *j, jinja_value *out, const jinja_token *name, vs_error *err)
{
    jinja_args args;

    if (jinja_is_name(name, "true") || jinja_is_name(name, "True")) return make_bool(out, true);
    if (jinja_is_name(name, "false") || jinja_is_name(name, "False")) return make_bool(out, false);
    if (jinja_is_name(name, "none") || jinja_is_name(name, "None")) {
        *out = json_null();
        return VS_OK;
    }
    if (!take_operator(j, "(")) {
        *out = find_name(j, name);
        return VS_OK;
    }
    VS_TRY(call_args(j, &args, err));
    *out = NULL;
    return j->is_dead ? VS_OK : jinja_function(j, out, name, &args, err);
}

static vs_status primary(jinja *j, jinja_value *out, vs_error *err)
{
    const jinja_token *t = jinja_peek(j);

    *out = NULL;
    if (t->kind != JINJA_END && t->kind != JINJA_CLOSE) j->at++;
    switch (t->kind) {
    case JINJA_STRING:
        VS_TRY(string_literal(j, out, t, err));
        while (jinja_peek(j)->kind == JINJA_STRING) /* 'a' 'b' is one text in Jinja; not needed */
            return jinja_fail(j, err, "found two texts side by side, expected + or ~ between");
        return VS_OK;
    case JINJA_INTEGER:
        return integer_literal(j, out, t, err);
    case JINJA_NAME:
        return name_or_call(j, out, t, err);
    case JINJA_OPERATOR:
        if (jinja_is_operator(t, "(")) return parenthesis(j, out, err);
        if (jinja_is_operator(t, "[")) return list_literal(j, out, "]", NULL, false, err);
        if (jinja_is_operator(t, "{")) return map_literal(j, out, err);
        break;
    default:
        break;
    }
    return jinja_fail(j, err, "found \"%.*s\", expected an expression",
                      (int)(t->len < 40 ? t->len : 40), t->text);
}

/* Characters of UTF-8 text before byte n. */
static long long chars_before(const char *text, size_t n)
{
    long long chars = 0;

    for (size_t i = 0; i < n; i++) chars += ((unsigned char)text[i] & 0xC0) != 0x80;
    return chars;
}

static size_t byte_of_char(const char *text, size_t len, long long c)
{
    size_t i = 0;

    for (; i < len; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80 && c-- == 0) break;
    return i;
}

/* Items or characters from .. to - 1, as Python's x[from:to]. */
static vs_status slice(jinja *j, jinja_value *out, json_t *x, long long from, long long to,
                       vs_error *err)
{
    const char *text = json_string_value(x);
    const long long n =
        text ? chars_before(text, json_string_length(x)) : (long long)json_array_size(x);

    if (!text && !json_is_array(x)) return jinja_fail(j, err, "a slice of %s", vs_json_kind(x));
    if (from < 0) from = from + n < 0 ? 0 : from + n;
    if (to < 0) to = to + n < 0 ? 0 : to + n;
    if (to > n) to = n;
    if (from > to) from = to;
    if (text) {
        const size_t a = byte_of_char(text, json_string_length(x), from);
        const size_t b = byte_of_char(text, json_string_length(x), to);
        return jinja_make_text(j, out, text + a, b - a, err);
    }
    VS_TRY(jinja_make(j, out, json_array(), err));
    for (long long i = from; i < to; i++)
        if (json_array_append(*out, json_array_get(x, (size_t)i)) != 0)
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    return VS_OK;
}

static vs_status member(jinja *j, jinja_value *out, json_t *x, const json_t *key, vs_error *err)
{
    *out = NULL;
    if (!x) return jinja_fail(j, err, "a member of something undefined");
    if (json_is_string(key)) {
        *out = json_object_get(x, json_string_value(key));
        return VS_OK;
    }
    if (json_is_integer(key) && json_is_array(x)) {
        const json_int_t n = (json_int_t)json_array_size(x), i = json_integer_value(key);
        const json_int_t at = i < 0 ? i + n : i;
        if (at >= 0 && at < n) *out = json_array_get(x, (size_t)at);
        return VS_OK;
    }
    if (json_is_integer(key) && json_is_string(x)) {
        const json_int_t i = json_integer_value(key);
        return slice(j, out, x, i, i == -1 || i == LLONG_MAX ? LLONG_MAX : i + 1, err);
    }
    return jinja_fail(j, err, "%s as an index of %s", vs_json_kind(key), vs_json_kind(x));
}

/* After "[": an index, or a slice with one colon. */
static vs_status subscript(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    jinja_value a = NULL, b = NULL;
    bool is_slice;

    if (!jinja_is_operator(jinja_peek(j), ":")) VS_TRY(jinja_expression(j, &a, err));
    is_slice = take_operator(j, ":");
    if (is_slice && !jinja_is_operator(jinja_peek(j), "]")) VS_TRY(jinja_expression(j, &b, err));
    VS_TRY(need_operator(j, "]", err));
    *out = NULL;
    if (j->is_dead) return VS_OK;
    if (!is_slice) return member(j, out, x, a, err);
    if (!x || (a && !json_is_integer(a)) || (b && !json_is_integer(b)))
        return jinja_fail(j, err, "a slice needs a list or a text, and integers");
    return slice(j, out, x, a ? json_integer_value(a) : 0, b ? json_integer_value(b) : LLONG_MAX,
                 err);
}

static vs_status dot(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    const jinja_token *name = jinja_peek(j);
    jinja_args args;
    jinja_value key;

    if (name->kind != JINJA_NAME) return jinja_fail(j, err, "found no name after \".\"");
    j->at++;
    *out = NULL;
    if (take_operator(j, "(")) {
        VS_TRY(call_args(j, &args, err));
        return j->is_dead ? VS_OK : jinja_method(j, out, name, x, &args, err);
    }
    if (j->is_dead) return VS_OK;
    VS_TRY(jinja_make_text(j, &key, name->text, name->len, err));
    return member(j, out, x, key, err);
}

static vs_status filter(jinja *j, jinja_value *x, vs_error *err)
{
    const jinja_token *name = jinja_peek(j);
    jinja_args args = {0};

    if (name->kind != JINJA_NAME) return jinja_fail(j, err, "found no name after \"|\"");
    j->at++;
    if (take_operator(j, "(")) VS_TRY(call_args(j, &args, err));
    return j->is_dead ? VS_OK : jinja_filter(j, x, name, *x, &args, err);
}

/* After "is": [not] NAME [(..)]. */
static vs_status test(jinja *j, jinja_value *x, vs_error *err)
{
    const bool is_not = take_name(j, "not");
    const jinja_token *name = jinja_peek(j);
    jinja_args args = {0};
    bool yes = false;

    if (name->kind != JINJA_NAME) return jinja_fail(j, err, "found no name after \"is\"");
    j->at++;
    if (take_operator(j, "(")) VS_TRY(call_args(j, &args, err));
    if (!j->is_dead) VS_TRY(jinja_test(j, &yes, name, *x, &args, err));
    return make_bool(x, yes != is_not);
}

static vs_status postfix(jinja *j, jinja_value *out, vs_error *err)
{
    VS_TRY(primary(j, out, err));
    for (;;) {
        if (++j->n_steps > JINJA_MAX_STEPS)
            return VS_FAIL(err, VS_E_LIMIT, "%s: more than %d steps", j->where,
                           (int)JINJA_MAX_STEPS);
        if (take_operator(j, "."))
            VS_TRY(dot(j, out, *out, err));
        else if (take_operator(j, "["))
            VS_TRY(subscript(j, out, *out, err));
        else if (take_operator(j, "|"))
            VS_TRY(filter(j, out, err));
        else if (take_name(j, "is"))
            VS_TRY(test(j, out, err));
        else
            return VS_OK;
    }
}

/* ---- arithmetic ---- */

static vs_status unary(jinja *j, jinja_value *out, vs_error *err)
{
    if (!take_operator(j, "-")) return postfix(j, out, err);
    VS_TRY(postfix(j, out, err));
    if (j->is_dead) return VS_OK;
    if (!json_is_integer(*out)) return jinja_fail(j, err, "\"-\" before %s", vs_json_kind(*out));
    if (json_integer_value(*out) == LLONG_MIN) return jinja_fail(j, err, "an integer overflows");
    return jinja_make(j, out, json_integer(-json_integer_value(*out)), err);
}

static vs_status concat(jinja *j, jinja_value *out, jinja_value a, jinja_value b, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    VS_CHECK(jinja_print(j, &text, a, err));
    VS_CHECK(jinja_print(j, &text, b, err));
    VS_CHECK(vs_buf_ok(&text, j->where, err));
    if (text.len > JINJA_MAX_OUTPUT) {
        st = VS_FAIL(err, VS_E_LIMIT, "%s: a text of %zu bytes", j->where, text.len);
        goto done;
    }
    j->n_steps += text.len / 64; /* long texts count, so that doubling one ends */
    VS_CHECK(jinja_make_text(j, out, text.data, text.len, err));
done:
    vs_buf_free(&text);
    return st;
}

/* Of integers; // and % round down, as Python's. */
static vs_status arithmetic(jinja *j, jinja_value *out, const jinja_token *op, json_int_t a,
                            json_int_t b, vs_error *err)
{
    const bool divides = jinja_is_operator(op, "//") || jinja_is_operator(op, "%");
    long long x = 0;
    bool over = false;

    if (divides && (b == 0 || b == -1)) {
        if (b == 0) return jinja_fail(j, err, "division by 0");
        if (jinja_is_operator(op, "//")) over = __builtin_sub_overflow(0, a, &x);
        if (over) return jinja_fail(j, err, "an integer overflows");
        return jinja_make(j, out, json_integer(x), err);
    }
    if (jinja_is_operator(op, "+")) over = __builtin_add_overflow(a, b, &x);
    if (jinja_is_operator(op, "-")) over = __builtin_sub_overflow(a, b, &x);
    if (jinja_is_operator(op, "*")) over = __builtin_mul_overflow(a, b, &x);
    if (divides) {
        const long long rest = a % b, fix = rest != 0 && (rest < 0) != (b < 0);
        x = jinja_is_operator(op, "%") ? rest + (fix ? b : 0) : a / b - fix;
    }
    if (over) return jinja_fail(j, err, "an integer overflows");
    return jinja_make(j, out, json_integer(x), err);
}

static vs_status operate(jinja *j, jinja_value *out, const jinja_token *op, jinja_value b,
                         vs_error *err)
{
    if (j->is_dead) return VS_OK;
    if (jinja_is_operator(op, "+") && json_is_string(*out) && json_is_string(b))
        return concat(j, out, *out, b, err);
    if (jinja_is_operator(op, "+") && json_is_array(*out) && json_is_array(b)) {
        VS_TRY(jinja_make(j, out, json_copy(*out), err));
        j->n_steps += json_array_size(b);
        return json_array_extend(*out, b) == 0
                   ? VS_OK
                   : VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
    }
    if (json_is_integer(*out) && json_is_integer(b))
        return arithmetic(j, out, op, json_integer_value(*out), json_integer_value(b), err);
    return jinja_fail(j, err, "\"%.*s\" between %s and %s", (int)op->len, op->text,
                      vs_json_kind(*out), vs_json_kind(b));
}

static vs_status product(jinja *j, jinja_value *out, vs_error *err)
{
    VS_TRY(unary(j, out, err));
    for (;;) {
        const jinja_token *op = jinja_peek(j);
        jinja_value b;

        if (jinja_is_operator(op, "/") || jinja_is_operator(op, "**"))
            return jinja_fail(j, err, "\"%.*s\" is not supported", (int)op->len, op->text);
        if (!take_operator(j, "*") && !take_operator(j, "//") && !take_operator(j, "%"))
            return VS_OK;
        VS_TRY(unary(j, &b, err));
        VS_TRY(operate(j, out, op, b, err));
    }
}

static vs_status joined(jinja *j, jinja_value *out, vs_error *err)
{
    VS_TRY(product(j, out, err));
    while (take_operator(j, "~")) {
        jinja_value b;

        VS_TRY(product(j, &b, err));
        if (!j->is_dead) VS_TRY(concat(j, out, *out, b, err));
    }
    return VS_OK;
}

static vs_status sum(jinja *j, jinja_value *out, vs_error *err)
{
    VS_TRY(joined(j, out, err));
    for (;;) {
        const jinja_token *op = jinja_peek(j);
        jinja_value b;

        if (!take_operator(j, "+") && !take_operator(j, "-")) return VS_OK;
        VS_TRY(joined(j, &b, err));
        VS_TRY(operate(j, out, op, b, err));
    }
}

/* ---- logic ---- */

static bool is_equal(const json_t *a, const json_t *b)
{
    return a == b || (a && b && json_equal(a, b));
}

static vs_status contains(jinja *j, bool *out, const json_t *x, const json_t *in, vs_error *err)
{
    *out = false;
    if (json_is_string(in) && json_is_string(x)) {
        *out = strstr(json_string_value(in), json_string_value(x)) != NULL;
    } else if (json_is_object(in)) {
        *out = json_is_string(x) && json_object_get(in, json_string_value(x));
    } else if (json_is_array(in)) {
        for (size_t i = 0; i < json_array_size(in); i++) *out |= is_equal(x, json_array_get(in, i));
    } else {
        return jinja_fail(j, err, "\"in\" %s", vs_json_kind(in));
    }
    return VS_OK;
}

static vs_status order(jinja *j, bool *out, const jinja_token *op, const json_t *a, const json_t *b,
                       vs_error *err)
{
    int sign;

    if (json_is_integer(a) && json_is_integer(b))
        sign = (json_integer_value(a) > json_integer_value(b)) -
               (json_integer_value(a) < json_integer_value(b));
    else if (json_is_string(a) && json_is_string(b))
        sign = strcmp(json_string_value(a), json_string_value(b));
    else
        return jinja_fail(j, err, "\"%.*s\" between %s and %s", (int)op->len, op->text,
                          vs_json_kind(a), vs_json_kind(b));
    *out = op->text[0] == '<' ? sign < 0 : sign > 0;
    if (op->len == 2) *out = *out || sign == 0;
    return VS_OK;
}

static vs_status comparison(jinja *j, jinja_value *out, vs_error *err)
{
    VS_TRY(sum(j, out, err));
    for (;;) {
        const jinja_token *op = jinja_peek(j);
        const bool is_not_in = jinja_is_name(op, "not") && jinja_is_name(&op[1], "in");
        const bool is_in = is_not_in || jinja_is_name(op, "in");
        const bool is_equality = jinja_is_operator(op, "==") || jinja_is_operator(op, "!=");
        jinja_value b;
        bool yes = false;

        if (!is_in && !is_equality &&
            !(op->kind == JINJA_OPERATOR && (op->text[0] == '<' || op->text[0] == '>')))
            return VS_OK;
        j->at += is_not_in ? 2 : 1;
        VS_TRY(sum(j, &b, err));
        if (j->is_dead) continue;
        if (is_in)
            VS_TRY(contains(j, &yes, *out, b, err));
        else if (is_equality)
            yes = is_equal(*out, b);
        else
            VS_TRY(order(j, &yes, op, *out, b, err));
        (void)make_bool(out, yes != (is_not_in || jinja_is_operator(op, "!=")));
    }
}

static vs_status negation(jinja *j, jinja_value *out, vs_error *err)
{
    size_t n = 0;

    while (take_name(j, "not")) n++;
    VS_TRY(comparison(j, out, err));
    return n ? make_bool(out, jinja_is_true(*out) != (n % 2 == 1)) : VS_OK;
}

/* The value of `and`, `or` is that of the side that decided; the other is not evaluated. */
static vs_status logic(jinja *j, jinja_value *out, bool is_or, vs_error *err)
{
    VS_TRY(is_or ? logic(j, out, false, err) : negation(j, out, err));
    while (take_name(j, is_or ? "or" : "and")) {
        const bool was_dead = j->is_dead, is_decided = jinja_is_true(*out) == is_or;
        jinja_value b;

        j->is_dead = was_dead || is_decided;
        VS_TRY(is_or ? logic(j, &b, false, err) : negation(j, &b, err));
        j->is_dead = was_dead;
        if (!is_decided) *out = b;
    }
    return VS_OK;
}

/* The "if" of x if c else y that begins here; 0: there is none. Brackets and the tag's end bound
 * it. */
static size_t find_if(const jinja *j)
{
    size_t depth = 0;

    for (size_t i = j->at;; i++) {
        const jinja_token *t = &j->tokens.item[i];

        if (t->kind == JINJA_CLOSE || t->kind == JINJA_END) return 0;
        if (depth == 0 && jinja_is_name(t, "if")) return i;
        if (t->kind != JINJA_OPERATOR || t->len != 1) continue;
        if (strchr("([{", *t->text)) depth++;
        if (strchr(")]}", *t->text) && depth-- == 0) return 0;
        if (strchr(",:=", *t->text) && depth == 0) return 0;
    }
}

vs_status jinja_plain_expression(jinja *j, jinja_value *out, vs_error *err)
{
    return logic(j, out, true, err);
}

/* x if c else y: c decides first, then one of the others is evaluated. */
static vs_status conditional(jinja *j, jinja_value *out, vs_error *err)
{
    const size_t begin = j->at, word = find_if(j);
    const bool was_dead = j->is_dead;
    jinja_value x, y = NULL, c;
    size_t end;

    if (word == 0) return logic(j, out, true, err);
    j->at = word + 1;
    VS_TRY(logic(j, &c, true, err));
    const bool yes = jinja_is_true(c);
    if (take_name(j, "else")) {
        j->is_dead = was_dead || yes;
        VS_TRY(jinja_expression(j, &y, err));
    }
    end = j->at;
    j->at = begin;
    j->is_dead = was_dead || !yes;
    VS_TRY(logic(j, &x, true, err));
    j->is_dead = was_dead;
    if (j->at != word) return jinja_fail(j, err, "found more than one expression before \"if\"");
    j->at = end;
    *out = yes ? x : y;
    return VS_OK;
}

vs_status jinja_expression(jinja *j, jinja_value *out, vs_error *err)
{
    *out = NULL;
    if (++j->depth > JINJA_MAX_DEPTH)
        return jinja_fail(j, err, "expressions nest deeper than %d", JINJA_MAX_DEPTH);
    VS_TRY(conditional(j, out, err));
    j->depth--;
    return VS_OK;
}
