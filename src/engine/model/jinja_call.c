/* jinja_call.c - what templates may call: filters, tests, methods, functions. */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "engine/model/folder_impl.h"
#include "engine/model/jinja_impl.h"

static vs_status nomem(const jinja *j, vs_error *err)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", j->where);
}

/* ---- tojson, as transformers sets it: json.dumps(x, ensure_ascii=False, indent=..) ---- */

static void add_break(vs_buf *out, size_t indent, size_t depth)
{
    vs_buf_str(out, "\n");
    for (size_t i = 0; i < indent * depth; i++) vs_buf_str(out, " ");
}

/* Quotes, backslashes and control characters are escaped, nothing else. */
static void add_json_text(vs_buf *out, const json_t *v)
{
    const char *text = json_string_value(v);

    vs_buf_str(out, "\"");
    for (size_t i = 0; i < json_string_length(v); i++) {
        static const char shorts[] = "\"\"\\\\\nn\rr\tt\bb\ff";
        const unsigned char c = (unsigned char)text[i];
        const char *named = NULL;

        for (size_t k = 0; k + 1 < sizeof shorts; k += 2)
            if (shorts[k] == text[i]) named = &shorts[k + 1];
        if (named)
            vs_buf_printf(out, "\\%c", *named);
        else if (c < 0x20)
            vs_buf_printf(out, "\\u%04x", c);
        else
            vs_buf_add(out, &text[i], 1);
    }
    vs_buf_str(out, "\"");
}

static vs_status add_json(jinja *j, vs_buf *out, const json_t *v, size_t indent, size_t depth,
                          vs_error *err);

static vs_status add_json_items(jinja *j, vs_buf *out, const json_t *v, size_t indent, size_t depth,
                                vs_error *err)
{
    const bool is_list = json_is_array(v);
    size_t n = 0, i;
    const char *key;
    json_t *item;

    vs_buf_str(out, is_list ? "[" : "{");
    if (is_list) {
        json_array_foreach(v, i, item)
        {
            if (n++) vs_buf_str(out, indent ? "," : ", ");
            if (indent) add_break(out, indent, depth + 1);
            VS_TRY(add_json(j, out, item, indent, depth + 1, err));
        }
    } else {
        json_object_foreach((json_t *)(uintptr_t)v, key, item)
        {
            json_t *name;

            if (n++) vs_buf_str(out, indent ? "," : ", ");
            if (indent) add_break(out, indent, depth + 1);
            name = json_string(key);
            if (!name) return nomem(j, err);
            add_json_text(out, name);
            json_decref(name);
            vs_buf_str(out, ": ");
            VS_TRY(add_json(j, out, item, indent, depth + 1, err));
        }
    }
    if (indent && n) add_break(out, indent, depth);
    vs_buf_str(out, is_list ? "]" : "}");
    return VS_OK;
}

static vs_status add_json(jinja *j, vs_buf *out, const json_t *v, size_t indent, size_t depth,
                          vs_error *err)
{
    if (depth > JINJA_MAX_DEPTH || out->len > JINJA_MAX_OUTPUT || ++j->n_steps > JINJA_MAX_STEPS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: tojson of too much", j->where);
    if (json_is_array(v) || json_is_object(v)) return add_json_items(j, out, v, indent, depth, err);
    if (json_is_string(v))
        add_json_text(out, v);
    else if (json_is_boolean(v))
        vs_buf_str(out, json_is_true(v) ? "true" : "false");
    else if (json_is_null(v))
        vs_buf_str(out, "null");
    else
        return jinja_print(j, out, v, err);
    return VS_OK;
}

static vs_status tojson(jinja *j, jinja_value *out, jinja_value x, const jinja_args *args,
                        vs_error *err)
{
    enum { MAX_INDENT = 16 };
    vs_buf text = {0};
    json_int_t indent = 0;
    vs_status st;

    if (!x) return jinja_fail(j, err, "tojson of something undefined");
    if (args->n == 1 && (!args->key[0] || jinja_is_name(args->key[0], "indent")))
        indent = json_integer_value(args->item[0]);
    else if (args->n)
        return jinja_fail(j, err, "tojson: expected at most indent");
    if (indent < 0 || indent > MAX_INDENT)
        return jinja_fail(j, err, "tojson: indent %lld, expected 0 to %d", (long long)indent,
                          MAX_INDENT);
    VS_CHECK(add_json(j, &text, x, (size_t)indent, 0, err));
    VS_CHECK(vs_buf_ok(&text, j->where, err));
    VS_CHECK(jinja_make_text(j, out, text.data, text.len, err));
done:
    vs_buf_free(&text);
    return st;
}

/* ---- texts ---- */

typedef enum sides { LEFT = 1, RIGHT = 2 } sides;

/* What Python's str.strip() takes. */
static bool is_white(utf8proc_int32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Whether the character at text is to go; *step: its bytes. set NULL: white space. */
static bool is_stripped(const char *text, size_t len, const char *set, size_t *step)
{
    utf8proc_int32_t c = 0, other = 0;
    const utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c);

    *step = n > 0 ? (size_t)n : 1;
    if (!set) return is_white(c);
    for (size_t i = 0, k; set[i]; i += k) {
        const utf8proc_ssize_t m = utf8proc_iterate((const utf8proc_uint8_t *)set + i, -1, &other);
        k = m > 0 ? (size_t)m : 1;
        if (m > 0 && other == c) return true;
    }
    return false;
}

/* chars NULL: white space. */
static vs_status strip(jinja *j, jinja_value *out, jinja_value x, int which, const json_t *chars,
                       vs_error *err)
{
    const char *set = json_string_value(chars), *text = json_string_value(x);
    size_t from = 0, to = json_string_length(x), step;

    if (!text || (chars && !set)) return jinja_fail(j, err, "strip of %s", vs_json_kind(x));
    while (which & LEFT && from < to && is_stripped(text + from, to - from, set, &step))
        from += step;
    while (which & RIGHT && to > from) {
        size_t last = to - 1;
        while (last > from && ((unsigned char)text[last] & 0xC0) == 0x80) last--;
        if (!is_stripped(text + last, to - last, set, &step)) break;
        to = last;
    }
    return jinja_make_text(j, out, text + from, to - from, err);
}

/* ASCII letters alone: others are refused, since Python would change them. */
static vs_status change_case(jinja *j, jinja_value *out, jinja_value x, bool is_upper,
                             vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    if (!json_is_string(x)) return jinja_fail(j, err, "upper or lower of %s", vs_json_kind(x));
    for (size_t i = 0; i < json_string_length(x); i++) {
        char c = json_string_value(x)[i];
        if ((unsigned char)c >= 0x80) {
            st = jinja_fail(j, err, "upper and lower take ASCII alone");
            goto done;
        }
        if (is_upper && c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        if (!is_upper && c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        vs_buf_add(&text, &c, 1);
    }
    VS_CHECK(vs_buf_ok(&text, j->where, err));
    VS_CHECK(jinja_make_text(j, out, text.data, text.len, err));
done:
    vs_buf_free(&text);
    return st;
}

static vs_status split(jinja *j, jinja_value *out, jinja_value x, const json_t *by, vs_error *err)
{
    const char *text = json_string_value(x), *mark = json_string_value(by), *next;

    if (!text || !mark || !*mark)
        return jinja_fail(j, err, "split: expected a text and a separator");
    VS_TRY(jinja_make(j, out, json_array(), err));
    for (;; text = next + strlen(mark)) {
        next = strstr(text, mark);
        const size_t len = next ? (size_t)(next - text) : strlen(text);
        if (json_array_append_new(*out, json_stringn(text, len)) != 0) return nomem(j, err);
        if (!next) return VS_OK;
    }
}

static vs_status replace(jinja *j, jinja_value *out, jinja_value x, const jinja_args *args,
                         vs_error *err)
{
    const char *text = json_string_value(x), *from = json_string_value(args->item[0]), *at;
    const char *to = json_string_value(args->item[1]);
    vs_buf made = {0};
    vs_status st;

    if (args->n != 2 || !text || !from || !*from || !to)
        return jinja_fail(j, err, "replace: expected a text and two more");
    for (; (at = strstr(text, from)); text = at + strlen(from)) {
        vs_buf_add(&made, text, (size_t)(at - text));
        vs_buf_str(&made, to);
        j->n_steps++;
        if (made.len > JINJA_MAX_OUTPUT) break;
    }
    vs_buf_str(&made, text);
    VS_CHECK(vs_buf_ok(&made, j->where, err));
    VS_CHECK(jinja_make_text(j, out, made.data, made.len, err));
done:
    vs_buf_free(&made);
    return st;
}

static vs_status join(jinja *j, jinja_value *out, jinja_value x, const jinja_args *args,
                      vs_error *err)
{
    const char *mark = args->n ? json_string_value(args->item[0]) : "";
    vs_buf text = {0};
    vs_status st;

    if (!json_is_array(x) || !mark) return jinja_fail(j, err, "join of %s", vs_json_kind(x));
    for (size_t i = 0; i < json_array_size(x); i++) {
        if (i) vs_buf_str(&text, mark);
        VS_CHECK(jinja_print(j, &text, json_array_get(x, i), err));
    }
    VS_CHECK(vs_buf_ok(&text, j->where, err));
    VS_CHECK(jinja_make_text(j, out, text.data, text.len, err));
done:
    vs_buf_free(&text);
    return st;
}

static vs_status length(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    size_t n = 0;

    if (json_is_string(x)) {
        for (size_t i = 0; i < json_string_length(x); i++)
            n += ((unsigned char)json_string_value(x)[i] & 0xC0) != 0x80;
    } else if (json_is_array(x)) {
        n = json_array_size(x);
    } else if (json_is_object(x)) {
        n = json_object_size(x);
    } else if (x) {
        return jinja_fail(j, err, "length of %s", vs_json_kind(x));
    }
    return jinja_make(j, out, json_integer((json_int_t)n), err);
}

/* ---- lists ---- */

/* [key, value] pairs of a mapping. */
static vs_status items(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(x)) return jinja_fail(j, err, "items of %s", vs_json_kind(x));
    VS_TRY(jinja_make(j, out, json_array(), err));
    json_object_foreach(x, key, value)
    {
        if (json_array_append_new(*out, json_pack("[s, O]", key, value)) != 0) return nomem(j, err);
    }
    return VS_OK;
}

/* Items whose member args[0] equals args[2], or exists and is true. */
static vs_status select_by(jinja *j, jinja_value *out, jinja_value x, const jinja_args *args,
                           bool wants, vs_error *err)
{
    const char *key = args->n ? json_string_value(args->item[0]) : NULL;
    const char *how = args->n == 3 ? json_string_value(args->item[1]) : NULL;

    if (!json_is_array(x) || !key ||
        (args->n != 1 && !(how && (strcmp(how, "equalto") == 0 || strcmp(how, "eq") == 0 ||
                                   strcmp(how, "==") == 0))))
        return jinja_fail(j, err, "selectattr: expected a list, a name, \"equalto\" and a value");
    VS_TRY(jinja_make(j, out, json_array(), err));
    for (size_t i = 0; i < json_array_size(x); i++) {
        json_t *item = json_array_get(x, i), *member = json_object_get(item, key);
        const bool is = how ? member && args->item[2] && json_equal(member, args->item[2])
                            : jinja_is_true(member);
        if (is == wants && json_array_append(*out, item) != 0) return nomem(j, err);
    }
    return VS_OK;
}

static vs_status to_list(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    if (json_is_array(x)) return VS_OK; /* values are never changed in place */
    if (json_is_object(x)) {
        const char *key;
        json_t *value, *from = x;

        VS_TRY(jinja_make(j, out, json_array(), err));
        json_object_foreach(from, key, value)
        {
            if (json_array_append_new(*out, json_string(key)) != 0) return nomem(j, err);
        }
        return VS_OK;
    }
    return jinja_fail(j, err, "list of %s", vs_json_kind(x));
}

static vs_status to_text(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    VS_CHECK(jinja_print(j, &text, x, err));
    VS_CHECK(vs_buf_ok(&text, j->where, err));
    VS_CHECK(jinja_make_text(j, out, text.data, text.len, err));
done:
    vs_buf_free(&text);
    return st;
}

/* ---- by name ---- */

vs_status jinja_filter(jinja *j, jinja_value *out, const jinja_token *name, jinja_value x,
                       const jinja_args *args, vs_error *err)
{
    const bool is_default = jinja_is_name(name, "default") || jinja_is_name(name, "d");

    if (jinja_is_name(name, "trim")) return strip(j, out, x, LEFT | RIGHT, args->item[0], err);
    if (jinja_is_name(name, "length") || jinja_is_name(name, "count"))
        return length(j, out, x, err);
    if (jinja_is_name(name, "tojson")) return tojson(j, out, x, args, err);
    if (jinja_is_name(name, "string")) return to_text(j, out, x, err);
    if (jinja_is_name(name, "list")) return to_list(j, out, x, err);
    if (jinja_is_name(name, "upper")) return change_case(j, out, x, true, err);
    if (jinja_is_name(name, "lower")) return change_case(j, out, x, false, err);
    if (jinja_is_name(name, "join")) return join(j, out, x, args, err);
    if (jinja_is_name(name, "replace")) return replace(j, out, x, args, err);
    if (jinja_is_name(name, "items")) return items(j, out, x, err);
    if (jinja_is_name(name, "selectattr")) return select_by(j, out, x, args, true, err);
    if (jinja_is_name(name, "rejectattr")) return select_by(j, out, x, args, false, err);
    if (is_default && args->n >= 1) {
        *out = x && !(args->n == 2 && jinja_is_true(args->item[1]) && !jinja_is_true(x))
                   ? x
                   : args->item[0];
        return VS_OK;
    }
    if (jinja_is_name(name, "first") || jinja_is_name(name, "last")) {
        const size_t n = json_array_size(x);
        *out = n ? json_array_get(x, name->len == 5 ? 0 : n - 1) : NULL;
        return VS_OK;
    }
    return jinja_fail(j, err, "the filter \"%.*s\" is not supported",
                      (int)(name->len < 40 ? name->len : 40), name->text);
}

vs_status jinja_test(jinja *j, bool *out, const jinja_token *name, jinja_value x,
                     const jinja_args *args, vs_error *err)
{
    const bool is_many = json_is_array(x) || json_is_object(x) || json_is_string(x);
    const struct {
        const char *name;
        bool is;
    } tests[] = {
        {"defined", x != NULL},          {"undefined", x == NULL},
        {"none", json_is_null(x)},       {"string", json_is_string(x)},
        {"mapping", json_is_object(x)},  {"iterable", is_many},
        {"sequence", is_many},           {"number", json_is_number(x) || json_is_boolean(x)},
        {"integer", json_is_integer(x)}, {"boolean", json_is_boolean(x)},
        {"true", json_is_true(x)},       {"false", json_is_false(x)},
    };

    for (size_t i = 0; i < sizeof tests / sizeof *tests && args->n == 0; i++)
        if (jinja_is_name(name, tests[i].name)) {
            *out = tests[i].is;
            return VS_OK;
        }
    if ((jinja_is_name(name, "equalto") || jinja_is_name(name, "eq")) && args->n == 1) {
        *out = x == args->item[0] || (x && args->item[0] && json_equal(x, args->item[0]));
        return VS_OK;
    }
    return jinja_fail(j, err, "the test \"%.*s\" is not supported",
                      (int)(name->len < 40 ? name->len : 40), name->text);
}

static vs_status text_method(jinja *j, jinja_value *out, const jinja_token *name, jinja_value x,
                             const jinja_args *args, vs_error *err)
{
    const char *text = json_string_value(x), *with = json_string_value(args->item[0]);
    const size_t n = json_string_length(x), k = with ? strlen(with) : 0;

    if (jinja_is_name(name, "strip")) return strip(j, out, x, LEFT | RIGHT, args->item[0], err);
    if (jinja_is_name(name, "lstrip")) return strip(j, out, x, LEFT, args->item[0], err);
    if (jinja_is_name(name, "rstrip")) return strip(j, out, x, RIGHT, args->item[0], err);
    if (jinja_is_name(name, "upper")) return change_case(j, out, x, true, err);
    if (jinja_is_name(name, "lower")) return change_case(j, out, x, false, err);
    if (jinja_is_name(name, "replace")) return replace(j, out, x, args, err);
    if (jinja_is_name(name, "split") && args->n == 1) return split(j, out, x, args->item[0], err);
    if (with && args->n == 1 && jinja_is_name(name, "startswith")) {
        *out = n >= k && memcmp(text, with, k) == 0 ? json_true() : json_false();
        return VS_OK;
    }
    if (with && args->n == 1 && jinja_is_name(name, "endswith")) {
        *out = n >= k && memcmp(text + n - k, with, k) == 0 ? json_true() : json_false();
        return VS_OK;
    }
    return jinja_fail(j, err,
                      "the method \"%.*s\" of a text is not supported, or not with these arguments",
                      (int)(name->len < 40 ? name->len : 40), name->text);
}

vs_status jinja_method(jinja *j, jinja_value *out, const jinja_token *name, jinja_value x,
                       const jinja_args *args, vs_error *err)
{
    if (json_is_string(x)) return text_method(j, out, name, x, args, err);
    if (json_is_object(x) && jinja_is_name(name, "items") && args->n == 0)
        return items(j, out, x, err);
    if (json_is_object(x) && jinja_is_name(name, "keys") && args->n == 0) {
        *out = x;
        return to_list(j, out, x, err);
    }
    if (json_is_object(x) && jinja_is_name(name, "get") && args->n >= 1 &&
        json_is_string(args->item[0])) {
        *out = json_object_get(x, json_string_value(args->item[0]));
        if (!*out) *out = args->n > 1 ? args->item[1] : json_null();
        return VS_OK;
    }
    return jinja_fail(j, err, "the method \"%.*s\" of %s is not supported",
                      (int)(name->len < 40 ? name->len : 40), name->text, vs_json_kind(x));
}

static vs_status range(jinja *j, jinja_value *out, const jinja_args *args, vs_error *err)
{
    enum { MAX_RANGE = 1 << 16 };
    const json_int_t a = args->n == 2 ? json_integer_value(args->item[0]) : 0;
    const json_int_t b = args->n ? json_integer_value(args->item[args->n - 1]) : 0;

    if (args->n < 1 || args->n > 2 || !json_is_integer(args->item[0]) ||
        (args->n == 2 && !json_is_integer(args->item[1])))
        return jinja_fail(j, err, "range: expected one or two integers");
    if (a < -MAX_RANGE || b > MAX_RANGE)
        return jinja_fail(j, err, "range: from %lld to %lld, the limit is %d", (long long)a,
                          (long long)b, MAX_RANGE);
    VS_TRY(jinja_make(j, out, json_array(), err));
    for (json_int_t i = a; i < b; i++, j->n_steps++)
        if (json_array_append_new(*out, json_integer(i)) != 0) return nomem(j, err);
    return VS_OK;
}

static vs_status make_namespace(jinja *j, jinja_value *out, const jinja_args *args, vs_error *err)
{
    char key[128];

    VS_TRY(jinja_make(j, out, json_object(), err));
    for (size_t i = 0; i < args->n; i++) {
        if (!args->key[i] || args->key[i]->len >= sizeof key)
            return jinja_fail(j, err, "namespace: expected name=value");
        memcpy(key, args->key[i]->text, args->key[i]->len);
        key[args->key[i]->len] = '\0';
        if (args->item[i] && json_object_set_new(*out, key, json_deep_copy(args->item[i])) != 0)
            return nomem(j, err);
    }
    return VS_OK;
}

/* strftime_now is left undefined on purpose: a prompt that holds today's date cannot be repeated.
 */
vs_status jinja_function(jinja *j, jinja_value *out, const jinja_token *name,
                         const jinja_args *args, vs_error *err)
{
    if (jinja_is_name(name, "range")) return range(j, out, args, err);
    if (jinja_is_name(name, "namespace")) return make_namespace(j, out, args, err);
    if (jinja_is_name(name, "raise_exception"))
        return jinja_fail(
            j, err, "the template says: %.300s",
            args->n && json_is_string(args->item[0]) ? json_string_value(args->item[0]) : "");
    return jinja_fail(j, err, "the function \"%.*s\" is not supported",
                      (int)(name->len < 40 ? name->len : 40), name->text);
}
