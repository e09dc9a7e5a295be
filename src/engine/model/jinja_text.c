/* jinja_text.c - methods of texts, and the filters that do the same to the text of any value. */
#include <string.h>

#include "engine/model/jinja_value.h"

enum { LEFT = 1, RIGHT = 2, BOTH = LEFT | RIGHT };

static bool is_given(jinja_value v)
{
    return v.type != JINJA_ABSENT && v.type != JINJA_NONE;
}

static vs_status need_text(jinja *j, const jinja_in *in, jinja_value v, vs_error *err)
{
    if (v.type == JINJA_TEXT) return VS_OK;
    return jinja_fail(j, err, "%s: found %s, expected a string", in->row->name, jinja_type_name(v));
}

/* An integer, or `otherwise` where none is given. */
static vs_status need_count(jinja *j, const jinja_in *in, int64_t *out, jinja_value v,
                            int64_t otherwise, vs_error *err)
{
    *out = otherwise;
    if (!is_given(v) || jinja_as_integer(out, v)) return VS_OK;
    return jinja_fail(j, err, "%s: found %s, expected an integer", in->row->name,
                      jinja_type_name(v));
}

/* The character at text if it is to go: white space, or one of chars. 0: it stays. */
static size_t stripped(const char *text, size_t len, jinja_value chars)
{
    const size_t n = jinja_char_len(text, len);

    if (!is_given(chars)) return jinja_space_len(text, len);
    for (size_t i = 0, k; i < chars.len; i += k) {
        k = jinja_char_len(chars.text + i, chars.len - i);
        if (k == n && memcmp(chars.text + i, text, n) == 0) return n;
    }
    return 0;
}

static vs_status strip(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x, chars = in->a[0];
    size_t n, last;

    VS_TRY(jinja_str(j, &x, in->self, err));
    if (is_given(chars)) VS_TRY(need_text(j, in, chars, err));
    VS_TRY(jinja_step(j, x.len / 64, err));
    while (in->row->how & LEFT && x.len && (n = stripped(x.text, x.len, chars)) > 0) {
        x.text += n;
        x.len -= n;
    }
    while (in->row->how & RIGHT && x.len) {
        last = x.len - 1;
        while (last > 0 && x.len - last < 4 && ((unsigned char)x.text[last] & 0xC0) == 0x80) last--;
        if (last + jinja_char_len(x.text + last, x.len - last) != x.len) last = x.len - 1;
        if (!stripped(x.text + last, x.len - last, chars)) break;
        x.len = last;
    }
    *out = x;
    return VS_OK;
}

static vs_status change_case(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x;

    VS_TRY(jinja_str(j, &x, in->self, err));
    return jinja_change_case(j, out, x, (jinja_case)in->row->how, err);
}

static vs_status replace(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x, from, to;
    int64_t left;
    vs_buf made = {0};
    size_t i = 0;

    VS_TRY(jinja_str(j, &x, in->self, err));
    if (in->row->how) { /* the method takes texts alone */
        VS_TRY(need_text(j, in, in->a[0], err));
        VS_TRY(need_text(j, in, in->a[1], err));
    }
    VS_TRY(jinja_str(j, &from, in->a[0], err));
    VS_TRY(jinja_str(j, &to, in->a[1], err));
    VS_TRY(need_count(j, in, &left, in->a[2], -1, err));
    while (i < x.len && left != 0 && made.len <= JINJA_MAX_OUTPUT) {
        const char *at = memmem(x.text + i, x.len - i, from.text, from.len);
        const size_t end = at ? (size_t)(at - x.text) : x.len;
        const size_t kept = from.len ? end - i : 0; /* an empty one stands before every character */

        if (!at) break;
        vs_buf_add(&made, x.text + i, kept);
        vs_buf_add(&made, to.text, to.len);
        if (!from.len) vs_buf_add(&made, x.text + i, jinja_char_len(x.text + i, x.len - i));
        i = from.len ? end + from.len : i + jinja_char_len(x.text + i, x.len - i);
        left -= left > 0;
    }
    vs_buf_add(&made, x.text + i, x.len - i);
    if (!from.len && i == x.len && left != 0) vs_buf_add(&made, to.text, to.len);
    return jinja_take(j, out, &made, err);
}

/* ---- parts ---- */

/* The separator in x from `from` on, or of rsplit the last one before `to`; NULL: there is none. */
static const char *find_mark(jinja_value x, jinja_value mark, bool from_right)
{
    if (!from_right) return memmem(x.text, x.len, mark.text, mark.len);
    for (size_t i = x.len - (x.len < mark.len ? x.len : mark.len) + 1; i-- > 0;)
        if (x.len - i >= mark.len && memcmp(x.text + i, mark.text, mark.len) == 0)
            return x.text + i;
    return NULL;
}

static vs_status reverse_list(jinja_value list)
{
    for (size_t i = 0; i < list.list->n / 2; i++) {
        const jinja_value v = list.list->item[i];
        list.list->item[i] = list.list->item[list.list->n - 1 - i];
        list.list->item[list.list->n - 1 - i] = v;
    }
    return VS_OK;
}

/* By white space: runs of it count as one, those at the ends not at all. */
static vs_status split_words(jinja *j, jinja_value list, jinja_value x, int64_t left, vs_error *err)
{
    size_t i = 0, n;

    for (;;) {
        while (i < x.len && (n = jinja_space_len(x.text + i, x.len - i)) > 0) i += n;
        if (i >= x.len) return VS_OK;
        const size_t begin = i;
        while (i < x.len && (left == 0 || !jinja_space_len(x.text + i, x.len - i)))
            i += jinja_char_len(x.text + i, x.len - i);
        VS_TRY(jinja_list_add(j, list, jinja_text(x.text + begin, i - begin), err));
        left -= left > 0;
    }
}

static vs_status split_words_right(jinja *j, jinja_value list, jinja_value x, int64_t left,
                                   vs_error *err)
{
    const jinja_value absent = {.type = JINJA_ABSENT};
    static const jinja_builtin rstrip = {"rsplit", "", strip, RIGHT};
    jinja_in in = {.row = &rstrip, .self = x};

    in.a[0] = absent;
    for (;;) {
        size_t begin = 0;
        VS_TRY(strip(j, &x, &in, err));
        if (!x.len) break;
        for (size_t i = 0, n; left != 0 && i < x.len; i += n) {
            n = jinja_space_len(x.text + i, x.len - i);
            if (n) begin = i + n;
            if (!n) n = jinja_char_len(x.text + i, x.len - i);
        }
        VS_TRY(jinja_list_add(j, list, jinja_text(x.text + begin, x.len - begin), err));
        VS_TRY(jinja_step(j, x.len / 16, err));
        in.self = jinja_text(x.text, begin);
        left -= left > 0;
    }
    return reverse_list(list);
}

static vs_status split(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool from_right = in->row->how == RIGHT;
    const jinja_value mark = in->a[0];
    jinja_value x = in->self;
    const char *at;
    int64_t left;

    VS_TRY(need_count(j, in, &left, in->a[1], -1, err));
    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    if (!is_given(mark))
        return from_right ? split_words_right(j, *out, x, left, err)
                          : split_words(j, *out, x, left, err);
    VS_TRY(need_text(j, in, mark, err));
    if (!mark.len) return jinja_fail(j, err, "%s: an empty separator", in->row->name);
    for (; left != 0 && (at = find_mark(x, mark, from_right)) != NULL; left -= left > 0) {
        const size_t n = (size_t)(at - x.text), rest = x.len - n - mark.len;
        VS_TRY(jinja_list_add(
            j, *out, from_right ? jinja_text(at + mark.len, rest) : jinja_text(x.text, n), err));
        x = from_right ? jinja_text(x.text, n) : jinja_text(at + mark.len, rest);
    }
    VS_TRY(jinja_list_add(j, *out, x, err));
    return from_right ? reverse_list(*out) : VS_OK;
}

static vs_status partition(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool from_right = in->row->how == RIGHT;
    const jinja_value x = in->self, mark = in->a[0], empty = jinja_text("", 0);
    const char *at;

    VS_TRY(need_text(j, in, mark, err));
    if (!mark.len) return jinja_fail(j, err, "%s: an empty separator", in->row->name);
    at = find_mark(x, mark, from_right);
    const size_t n = at ? (size_t)(at - x.text) : 0;
    VS_TRY(jinja_list_new(j, out, JINJA_TUPLE, err));
    VS_TRY(jinja_list_add(j, *out, at ? jinja_text(x.text, n) : from_right ? empty : x, err));
    VS_TRY(jinja_list_add(j, *out, at ? mark : empty, err));
    return jinja_list_add(j, *out,
                          at           ? jinja_text(at + mark.len, x.len - n - mark.len)
                          : from_right ? x
                                       : empty,
                          err);
}

/* Bytes of the line break at text; 0: it is none. */
static size_t break_len(const char *text, size_t len)
{
    int32_t c;
    const size_t n = jinja_char_code(&c, text, len);

    if (c == '\r' && len > 1 && text[1] == '\n') return 2;
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
                   c == 0x2029
               ? n
               : 0;
}

static vs_status splitlines(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool keeps = jinja_is_true(in->a[0]);
    const jinja_value x = in->self;

    VS_TRY(jinja_list_new(j, out, JINJA_LIST, err));
    for (size_t i = 0, begin = 0, n; i < x.len; begin = i) {
        while (i < x.len && !break_len(x.text + i, x.len - i))
            i += jinja_char_len(x.text + i, x.len - i);
        n = i < x.len ? break_len(x.text + i, x.len - i) : 0;
        VS_TRY(
            jinja_list_add(j, *out, jinja_text(x.text + begin, i - begin + (keeps ? n : 0)), err));
        i += n;
    }
    return VS_OK;
}

/* ---- questions ---- */

/* The part of self between the character places a[1] and a[2], as find, count and startswith take them. */
static vs_status part(jinja *j, const jinja_in *in, jinja_value *out, int64_t *from, vs_error *err)
{
    const jinja_value x = in->self;
    const int64_t n = jinja_chars(x.text, x.len);
    int64_t to;

    VS_TRY(need_count(j, in, from, in->a[1], 0, err));
    VS_TRY(need_count(j, in, &to, in->a[2], n, err));
    if (*from < 0) *from = *from + n < 0 ? 0 : *from + n;
    if (to < 0) to = to + n < 0 ? 0 : to + n;
    *out = (jinja_value){.type = JINJA_ABSENT};
    if (*from > n || to < *from) return VS_OK;
    const size_t a = jinja_char_at(x.text, x.len, *from), b = jinja_char_at(x.text, x.len, to);
    *out = jinja_text(x.text + a, b - a);
    return jinja_step(j, x.len / 64, err);
}

static bool has_at_end(jinja_value x, jinja_value with, int side)
{
    return x.len >= with.len &&
           (with.len == 0 ||
            memcmp(side == LEFT ? x.text : x.text + x.len - with.len, with.text, with.len) == 0);
}

/* startswith, endswith; one text or a tuple of them. */
static vs_status ends(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const bool is_tuple = in->a[0].type == JINJA_TUPLE;
    const size_t n = is_tuple ? in->a[0].list->n : 1;
    jinja_value x;
    int64_t from;

    VS_TRY(part(j, in, &x, &from, err));
    *out = jinja_bool(false);
    for (size_t i = 0; i < n; i++) {
        const jinja_value with = is_tuple ? in->a[0].list->item[i] : in->a[0];
        VS_TRY(need_text(j, in, with, err));
        out->yes |= x.type == JINJA_TEXT && has_at_end(x, with, in->row->how);
    }
    return VS_OK;
}

enum { FIND_FIRST = 0, FIND_LAST = 1, FIND_OR_FAIL = 2, FIND_COUNT = 4 };

static vs_status find(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const int how = in->row->how;
    jinja_value x;
    const char *at = NULL;
    int64_t from, n = 0;

    VS_TRY(need_text(j, in, in->a[0], err));
    VS_TRY(part(j, in, &x, &from, err));
    if (x.type == JINJA_TEXT && how & FIND_COUNT) {
        const size_t step = in->a[0].len;
        for (size_t i = 0; step && i < x.len; i += step, n++) {
            at = memmem(x.text + i, x.len - i, in->a[0].text, step);
            if (!at) break;
            i = (size_t)(at - x.text);
        }
        *out = jinja_integer(step ? n : jinja_chars(x.text, x.len) + 1);
        return VS_OK;
    }
    if (x.type == JINJA_TEXT) at = find_mark(x, in->a[0], how & FIND_LAST);
    if (!at && how & FIND_OR_FAIL)
        return jinja_fail(j, err, "%s: the text is not found", in->row->name);
    *out = jinja_integer(how & FIND_COUNT ? 0
                         : at             ? from + jinja_chars(x.text, (size_t)(at - x.text))
                                          : -1);
    return VS_OK;
}

static vs_status is_all(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    (void)j;
    (void)err;
    *out = jinja_bool(jinja_is_all(in->self, (char)in->row->how));
    return VS_OK;
}

static vs_status has_case(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    (void)j;
    (void)err;
    *out = jinja_bool(jinja_has_case(in->self, in->row->how != 0));
    return VS_OK;
}

/* ---- new texts ---- */

static vs_status remove_end(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const size_t n = in->a[0].len;

    VS_TRY(need_text(j, in, in->a[0], err));
    *out = in->self;
    if (!has_at_end(in->self, in->a[0], in->row->how)) return VS_OK;
    *out = jinja_text(in->self.text + (in->row->how == LEFT ? n : 0), in->self.len - n);
    return VS_OK;
}

/* ljust, rjust, center: filled up to a width with spaces, or the character a[1]. */
static vs_status pad(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x, fill = is_given(in->a[1]) ? in->a[1] : jinja_text(" ", 1);
    vs_buf made = {0};
    int64_t width, left;

    VS_TRY(jinja_str(j, &x, in->self, err));
    VS_TRY(need_text(j, in, fill, err));
    VS_TRY(need_count(j, in, &width, in->a[0], 80, err));
    if (jinja_chars(fill.text, fill.len) != 1)
        return jinja_fail(j, err, "%s: expected one character to fill with", in->row->name);
    const int64_t n = width - jinja_chars(x.text, x.len);
    left = in->row->how == BOTH ? n / 2 + (n & width & 1) : in->row->how == LEFT ? n : 0;
    if (n > JINJA_MAX_OUTPUT) return jinja_fail(j, err, "%s: a width too large", in->row->name);
    for (int64_t i = 0; i < left; i++) vs_buf_add(&made, fill.text, fill.len);
    vs_buf_add(&made, x.text, x.len);
    for (int64_t i = left; i < n; i++) vs_buf_add(&made, fill.text, fill.len);
    return jinja_take(j, out, &made, err);
}

static vs_status zfill(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value x = in->self;
    const bool has_sign = x.len && (*x.text == '-' || *x.text == '+');
    vs_buf made = {0};
    int64_t width;

    VS_TRY(need_count(j, in, &width, in->a[0], 0, err));
    if (width > JINJA_MAX_OUTPUT) return jinja_fail(j, err, "zfill: a width too large");
    vs_buf_add(&made, x.text, has_sign);
    for (int64_t i = jinja_chars(x.text, x.len); i < width; i++) vs_buf_str(&made, "0");
    vs_buf_add(&made, x.text + has_sign, x.len - has_sign);
    return jinja_take(j, out, &made, err);
}

static vs_status join(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    const jinja_value *item;
    vs_buf text = {0};
    size_t n;

    VS_TRY(jinja_items(j, &item, &n, in->a[0], err));
    for (size_t i = 0; i < n; i++)
        if (item[i].type != JINJA_TEXT) return need_text(j, in, item[i], err);
    for (size_t i = 0; i < n && text.len <= JINJA_MAX_OUTPUT; i++) {
        if (i) vs_buf_add(&text, in->self.text, in->self.len);
        vs_buf_add(&text, item[i].text, item[i].len);
    }
    return jinja_take(j, out, &text, err);
}

vs_status jinja_escape(jinja *j, jinja_value *out, jinja_value x, vs_error *err)
{
    static const char marks[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
    vs_buf text = {0};

    *out = x;
    if (x.is_safe) return VS_OK;
    VS_TRY(jinja_str(j, &x, x, err));
    for (size_t i = 0; i < x.len; i++) {
        const char *mark = memchr(marks, x.text[i], sizeof marks - 1);
        if (mark)
            vs_buf_str(&text, names[mark - marks]);
        else
            vs_buf_add(&text, &x.text[i], 1);
    }
    VS_TRY(jinja_take(j, out, &text, err));
    out->is_safe = true;
    return VS_OK;
}

static vs_status escape(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x = in->self;

    if (in->row->how) x.is_safe = false;
    return jinja_escape(j, out, x, err);
}

static vs_status make_safe(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    VS_TRY(jinja_str(j, out, in->self, err));
    out->is_safe = true;
    return VS_OK;
}

static vs_status to_text(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    return jinja_str(j, out, in->self, err);
}

/* indent(width, first, blank): white space before every line but the first, and before empty ones if blank. */
static vs_status indent(jinja *j, jinja_value *out, const jinja_in *in, vs_error *err)
{
    jinja_value x = in->self, width = in->a[0];
    vs_buf text = {0};
    int64_t n;

    VS_TRY(need_text(j, in, x, err));
    if (width.type != JINJA_TEXT) {
        vs_buf spaces = {0};
        VS_TRY(need_count(j, in, &n, width, 4, err));
        for (int64_t i = 0; i < n && i <= JINJA_MAX_OUTPUT; i++) vs_buf_str(&spaces, " ");
        VS_TRY(jinja_take(j, &width, &spaces, err));
    }
    if (jinja_is_true(in->a[1])) vs_buf_add(&text, width.text, width.len);
    for (size_t i = 0, line; i < x.len; i = line) {
        size_t end = i, mark;
        while (end < x.len && !break_len(x.text + end, x.len - end))
            end += jinja_char_len(x.text + end, x.len - end);
        mark = end < x.len ? break_len(x.text + end, x.len - end) : 0;
        if (i && (end > i || jinja_is_true(in->a[2]))) vs_buf_add(&text, width.text, width.len);
        vs_buf_add(&text, x.text + i, end - i);
        if (mark) vs_buf_str(&text, "\n");
        line = end + mark;
        if (text.len > JINJA_MAX_OUTPUT) break;
        if (mark && line == x.len && jinja_is_true(in->a[2]))
            vs_buf_add(&text, width.text, width.len);
    }
    return jinja_take(j, out, &text, err);
}

const jinja_builtin jinja_text_filters[] = {
    {"trim", "chars?", strip, BOTH},
    {"upper", "", change_case, CASE_UPPER},
    {"lower", "", change_case, CASE_LOWER},
    {"title", "", change_case, CASE_WORDS},
    {"capitalize", "", change_case, CASE_CAPITAL},
    {"replace", "old new count?", replace, 0},
    {"center", "width?", pad, BOTH},
    {"indent", "width? first? blank?", indent, 0},
    {"escape", "", escape, 0},
    {"e", "", escape, 0},
    {"forceescape", "", escape, 1},
    {"safe", "", make_safe, 0},
    {"string", "", to_text, 0},
    {"format", NULL, jinja_text_format, '%'},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", jinja_tojson, 0},
    {0},
};

/* Names that Python's str has too are here, so that they are not taken for keys; without a function they are refused. */
const jinja_builtin jinja_text_methods[] = {
    {"strip", "chars?", strip, BOTH},
    {"lstrip", "chars?", strip, LEFT},
    {"rstrip", "chars?", strip, RIGHT},
    {"upper", "", change_case, CASE_UPPER},
    {"lower", "", change_case, CASE_LOWER},
    {"title", "", change_case, CASE_TITLE},
    {"capitalize", "", change_case, CASE_CAPITAL},
    {"replace", "old new count?", replace, 1},
    {"split", "sep? maxsplit?", split, LEFT},
    {"rsplit", "sep? maxsplit?", split, RIGHT},
    {"splitlines", "keepends?", splitlines, 0},
    {"partition", "sep", partition, LEFT},
    {"rpartition", "sep", partition, RIGHT},
    {"startswith", "prefix start? end?", ends, LEFT},
    {"endswith", "suffix start? end?", ends, RIGHT},
    {"removeprefix", "prefix", remove_end, LEFT},
    {"removesuffix", "suffix", remove_end, RIGHT},
    {"find", "sub start? end?", find, FIND_FIRST},
    {"rfind", "sub start? end?", find, FIND_LAST},
    {"index", "sub start? end?", find, FIND_OR_FAIL},
    {"rindex", "sub start? end?", find, FIND_LAST | FIND_OR_FAIL},
    {"count", "sub start? end?", find, FIND_COUNT},
    {"join", "iterable", join, 0},
    {"center", "width fillchar?", pad, BOTH},
    {"ljust", "width fillchar?", pad, RIGHT},
    {"rjust", "width fillchar?", pad, LEFT},
    {"zfill", "width", zfill, 0},
    {"format", NULL, jinja_text_format, '{'},
    {"isalpha", "", is_all, 'a'},
    {"isalnum", "", is_all, 'n'},
    {"isdigit", "", is_all, 'd'},
    {"isdecimal", "", is_all, 'd'},
    {"isspace", "", is_all, 's'},
    {"islower", "", has_case, 0},
    {"isupper", "", has_case, 1},
    {"casefold", NULL, NULL, 0},
    {"encode", NULL, NULL, 0},
    {"expandtabs", NULL, NULL, 0},
    {"format_map", NULL, NULL, 0},
    {"isascii", NULL, NULL, 0},
    {"isidentifier", NULL, NULL, 0},
    {"isnumeric", NULL, NULL, 0},
    {"isprintable", NULL, NULL, 0},
    {"istitle", NULL, NULL, 0},
    {"maketrans", NULL, NULL, 0},
    {"swapcase", NULL, NULL, 0},
    {"translate", NULL, NULL, 0},
    {0},
};
