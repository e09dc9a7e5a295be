#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"

/* The kind of text that is read: a document, or a line of JSON Lines, whose name ends in its number. */
typedef enum text_kind { DOCUMENT, LINE } text_kind;

static vs_status fail_nul(const char *text, const char *nul, const char *name, text_kind kind,
                          vs_error *err)
{
    size_t line = 1, column = 1;

    for (const char *c = text; c < nul; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    if (kind == LINE) return VS_FAIL(err, VS_E_FORMAT, "%s:%zu: found a NUL byte", name, column);
    return VS_FAIL(err, VS_E_FORMAT, "%s:%zu:%zu: found a NUL byte", name, line, column);
}

static vs_status parse(json_t **out, const char *text, size_t len, const char *name, text_kind kind,
                       vs_error *err)
{
    const size_t flags =
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | (kind == LINE ? JSON_ALLOW_NUL : 0);
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    vs_status code = VS_E_FORMAT;
    json_error_t e;
    json_t *value;
    const char *nul;

    if (len > VS_JSON_MAX_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: %zu bytes of JSON, the limit is %d", name, len,
                       (int)VS_JSON_MAX_BYTES);
    if (len >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        text += 3;
        len -= 3;
    }
    nul = memchr(text, '\0', len); /* jansson takes it for the end and ignores the rest */
    if (nul) return fail_nul(text, nul, name, kind, err);
    value = json_loadb(text, len, flags, &e);
    if (value) {
        *out = value;
        return VS_OK;
    }
    if (json_error_code(&e) == json_error_out_of_memory) code = VS_E_NOMEM;
    if (json_error_code(&e) == json_error_stack_overflow) code = VS_E_LIMIT;
    if (kind == LINE) return VS_FAIL(err, code, "%s:%d: %s", name, e.column, e.text);
    return VS_FAIL(err, code, "%s:%d:%d: %s", name, e.line, e.column, e.text);
}

vs_status vs_json_parse(json_t **out, const char *text, size_t len, const char *name, vs_error *err)
{
    return parse(out, text, len, name, DOCUMENT, err);
}

vs_status vs_json_parse_line(json_t **out, const char *text, size_t len, const char *name,
                             vs_error *err)
{
    return parse(out, text, len, name, LINE, err);
}

/* The code unit of a \uXXXX escape at s; -1: there is none. */
static long escaped_unit(const char *s, size_t left)
{
    long unit = 0;

    if (left < 6 || s[0] != '\\' || s[1] != 'u') return -1;
    for (size_t i = 2; i < 6; i++) {
        const char *const hex = "0123456789abcdef0123456789ABCDEF";
        const char *at = s[i] ? strchr(hex, s[i]) : NULL;
        if (!at) return -1;
        unit = unit * 16 + (at - hex) % 16;
    }
    return unit;
}

void vs_json_mend(char *text, size_t len)
{
    enum { HIGH = 0xD800, LOW = 0xDC00, END = 0xE000 };

    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] != '\\') continue;
        const long unit = escaped_unit(text + i, len - i);
        const bool is_high = unit >= HIGH && unit < LOW, is_low = unit >= LOW && unit < END;
        const long next = is_high ? escaped_unit(text + i + 6, len - i - 6) : -1;
        if (next >= LOW && next < END)
            i += 6; /* a pair */
        else if (is_high || is_low)
            memcpy(text + i + 2, "FFFD", 4);
        i += unit < 0 ? 1 : 5;
    }
}

vs_status vs_json_read(json_t **out, const char *path, vs_error *err)
{
    vs_status st;
    char *text = NULL;
    size_t len;

    VS_TRY(vs_file_read(&text, &len, path, VS_JSON_MAX_BYTES, err));
    st = parse(out, text, len, path, DOCUMENT, err);
    free(text);
    return st;
}

const char *vs_json_kind(const json_t *value)
{
    if (!value) return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a real number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "something unknown";
}

bool vs_json_has_nul(const json_t *string)
{
    return strlen(json_string_value(string)) < json_string_length(string);
}

/* *value: the member, or NULL when it is missing or null. */
static vs_status member(const json_t **value, const json_t *obj, const char *key, const char *where,
                        vs_error *err)
{
    const json_t *found;

    if (!json_is_object(obj))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object with \"%s\"", where,
                       vs_json_kind(obj), key);
    found = json_object_get(obj, key);
    *value = json_is_null(found) ? NULL : found;
    return VS_OK;
}

static vs_status fail_missing(const char *key, const char *expected, const char *where,
                              vs_error *err)
{
    return VS_FAIL(err, VS_E_FORMAT, "%s: missing key \"%s\", expected %s", where, key, expected);
}

static vs_status fail_kind(const json_t *value, const char *key, const char *expected,
                           const char *where, vs_error *err)
{
    return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected %s", where, key,
                   vs_json_kind(value), expected);
}

static vs_status string_member(const char **out, const json_t *obj, const char *key, bool needed,
                               const char *where, vs_error *err)
{
    const json_t *value = NULL;

    VS_TRY(member(&value, obj, key, where, err));
    if (!value) return needed ? fail_missing(key, "a string", where, err) : VS_OK;
    if (!json_is_string(value)) return fail_kind(value, key, "a string", where, err);
    if (vs_json_has_nul(value))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found U+0000, expected a text without it",
                       where, key);
    *out = json_string_value(value);
    return VS_OK;
}

vs_status vs_json_get_str(const char **out, const json_t *obj, const char *key, const char *where,
                          vs_error *err)
{
    return string_member(out, obj, key, true, where, err);
}

vs_status vs_json_opt_str(const char **out, const json_t *obj, const char *key, const char *where,
                          vs_error *err)
{
    return string_member(out, obj, key, false, where, err);
}

static vs_status size_member(size_t *out, const json_t *obj, const char *key, size_t min,
                             size_t max, bool needed, const char *where, vs_error *err)
{
    const json_t *value = NULL;
    json_int_t found;
    char expected[80];

    VS_TRY(member(&value, obj, key, where, err));
    snprintf(expected, sizeof expected, "an integer from %zu to %zu", min, max);
    if (!value) return needed ? fail_missing(key, expected, where, err) : VS_OK;
    if (!json_is_integer(value)) return fail_kind(value, key, expected, where, err);
    found = json_integer_value(value);
    if (found < 0 || (size_t)found < min || (size_t)found > max)
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %lld, expected %s", where, key,
                       (long long)found, expected);
    *out = (size_t)found;
    return VS_OK;
}

vs_status vs_json_get_size(size_t *out, const json_t *obj, const char *key, size_t min, size_t max,
                           const char *where, vs_error *err)
{
    return size_member(out, obj, key, min, max, true, where, err);
}

vs_status vs_json_opt_size(size_t *out, const json_t *obj, const char *key, size_t min, size_t max,
                           const char *where, vs_error *err)
{
    return size_member(out, obj, key, min, max, false, where, err);
}

static vs_status number_member(double *out, const json_t *obj, const char *key, bool needed,
                               const char *where, vs_error *err)
{
    const json_t *value = NULL;

    VS_TRY(member(&value, obj, key, where, err));
    if (!value) return needed ? fail_missing(key, "a number", where, err) : VS_OK;
    if (!json_is_number(value)) return fail_kind(value, key, "a number", where, err);
    *out = json_number_value(value);
    return VS_OK;
}

vs_status vs_json_get_num(double *out, const json_t *obj, const char *key, const char *where,
                          vs_error *err)
{
    return number_member(out, obj, key, true, where, err);
}

vs_status vs_json_opt_num(double *out, const json_t *obj, const char *key, const char *where,
                          vs_error *err)
{
    return number_member(out, obj, key, false, where, err);
}

vs_status vs_json_opt_bool(bool *out, const json_t *obj, const char *key, const char *where,
                           vs_error *err)
{
    const json_t *value = NULL;

    VS_TRY(member(&value, obj, key, where, err));
    if (!value) return VS_OK;
    if (!json_is_boolean(value)) return fail_kind(value, key, "true or false", where, err);
    *out = json_is_true(value);
    return VS_OK;
}

struct vs_jsonl {
    FILE *fp;
    gzFile gz;                  /* a path that ends in .gz is read through zlib; fp is NULL then */
    size_t name_len, where_cap; /* of where, before and with the line number */
    char *where;                /* "name:line" */
    size_t line_number;
    char *line;
    size_t len, cap;
    bool is_mended;
};

static void set_where(vs_jsonl *r)
{
    snprintf(r->where + r->name_len, r->where_cap - r->name_len, ":%zu", r->line_number);
}

static bool ends_in_gz(const char *path)
{
    const size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".gz") == 0;
}

vs_status vs_jsonl_open(vs_jsonl **out, const char *path, vs_error *err)
{
    enum { LINE_NUMBER_CHARS = 24 };
    const bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    vs_status st = VS_OK;
    vs_jsonl *r = vs_alloc(1, sizeof *r);

    if (r) {
        r->name_len = strlen(name);
        r->where_cap = r->name_len + LINE_NUMBER_CHARS;
        r->where = vs_alloc(r->where_cap, 1);
    }
    if (!r || !r->where) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
        goto done;
    }
    memcpy(r->where, name, r->name_len);
    set_where(r);
    if (!is_stdin && ends_in_gz(path))
        r->gz = gzopen(path, "rbe");
    else
        r->fp = is_stdin ? stdin : fopen(path, "re");
    if (!r->fp && !r->gz) {
        st = VS_FAIL(err, VS_E_IO, "%s: cannot open: %s", name, strerror(errno));
        goto done;
    }
    *out = r;
    r = NULL;
done:
    vs_jsonl_close(r);
    return st;
}

void vs_jsonl_close(vs_jsonl *r)
{
    if (!r) return;
    if (r->fp && r->fp != stdin) fclose(r->fp);
    if (r->gz) gzclose(r->gz);
    free(r->where);
    free(r->line);
    free(r);
}

static int next_byte(vs_jsonl *r)
{
    return r->gz ? gzgetc(r->gz) : getc_unlocked(r->fp);
}

void vs_jsonl_mend(vs_jsonl *r)
{
    r->is_mended = true;
}

/* After the last byte: whether it was the end, and not a fault of the disk or of the compressed
 * data. */
static vs_status check_end(vs_jsonl *r, vs_error *err)
{
    int code = Z_OK;
    const char *text = r->gz ? gzerror(r->gz, &code) : "";

    if (code != Z_OK && code != Z_ERRNO)
        return VS_FAIL(err, VS_E_IO, "%s: found damaged gzip data: %s", r->where, text);
    if (code == Z_ERRNO || (r->fp && ferror(r->fp)))
        return VS_FAIL(err, VS_E_IO, "%s: cannot read: %s", r->where, strerror(errno));
    return VS_OK;
}

/* The rest of a line that is too long, so that the next one can be read. */
static vs_status skip_line(vs_jsonl *r, vs_error *err)
{
    int c;

    while ((c = next_byte(r)) != EOF && c != '\n') {}
    if (c == EOF) VS_TRY(check_end(r, err));
    return VS_FAIL(err, VS_E_LIMIT, "%s: a line longer than the limit of %d bytes", r->where,
                   (int)VS_JSON_MAX_BYTES);
}

/* The next line without its end. *found false at the end of the file. Reads by the byte, so that a
 * line of a pipe is answered before the next one arrives. */
static vs_status read_line(vs_jsonl *r, bool *found, vs_error *err)
{
    int c;

    r->len = 0;
    r->line_number++;
    set_where(r);
    while ((c = next_byte(r)) != EOF && c != '\n') {
        if (r->len == VS_JSON_MAX_BYTES) return skip_line(r, err);
        if (r->len == r->cap && !vs_grow(&r->line, &r->cap, r->len + 1, 1))
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", r->where);
        r->line[r->len++] = (char)c;
    }
    if (c == EOF) VS_TRY(check_end(r, err));
    *found = c != EOF || r->len > 0;
    return VS_OK;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return false;
    return true;
}

vs_status vs_jsonl_next(vs_jsonl *r, json_t **out, vs_error *err)
{
    bool found = false;

    do {
        VS_TRY(read_line(r, &found, err));
        if (!found) {
            *out = NULL;
            return VS_OK;
        }
    } while (is_blank(r->line, r->len));
    if (r->is_mended) vs_json_mend(r->line, r->len);
    return parse(out, r->line, r->len, r->where, LINE, err);
}

const char *vs_jsonl_where(const vs_jsonl *r)
{
    return r->where;
}
