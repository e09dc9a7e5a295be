/* recipe_value.c - one value of a recipe: from text by its type and range, and back to YAML. */
#include "flow/loop/recipe_keys.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"

vs_status vs_key_refuse(const vs_key_ref *ref, const char *found, const char *where, vs_error *err)
{
    vs_buf expected = {0};
    vs_status st;

    vs_key_expected(&expected, ref->key);
    st = VS_FAIL(err, VS_E_INPUT, "%s: %s: found %s, expected %s", where, ref->name, found,
                 expected.failed ? "another" : expected.data);
    vs_buf_free(&expected);
    return st;
}

/* A text as an error shows it: short, and without what would upset a terminal. */
static vs_status refuse_text(const vs_key_ref *ref, const char *text, bool is_plain,
                             const char *where, vs_error *err)
{
    char shown[64], found[80];
    size_t n = 0;

    for (; text[n] && n < sizeof shown - 4; n++)
        shown[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    while (text[n] && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* not inside a character */
    snprintf(shown + n, sizeof shown - n, "%s", text[n] ? "..." : "");
    snprintf(found, sizeof found, is_plain ? "%s" : "the text \"%s\"",
             *shown || !is_plain ? shown : "nothing");
    return vs_key_refuse(ref, found, where, err);
}

static bool read_u64(uint64_t *out, const char *text)
{
    char *end;

    if (strspn(text, "0123456789") != strlen(text) || !*text) return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool read_count(size_t *out, const char *text, const vs_recipe_key *key)
{
    uint64_t value;

    if (!read_u64(&value, text) || (double)value < key->min || (double)value > key->max)
        return false;
    *out = (size_t)value;
    return true;
}

static bool read_real(double *out, const char *text, const vs_recipe_key *key)
{
    char *end;
    double value;

    if (strspn(text, "0123456789+-.eE") != strlen(text) || !*text) return false;
    value = strtod(text, &end);
    if (*end || !(value >= key->min && value <= key->max)) return false;
    *out = value;
    return true;
}

static bool read_flag(int *out, const char *text)
{
    const bool is_true = strcmp(text, "true") == 0;

    if (!is_true && strcmp(text, "false") != 0) return false;
    *out = is_true;
    return true;
}

static bool read_pairs(size_t *out, const char *text, const vs_recipe_key *key)
{
    char number[24];
    const size_t len = strlen(text), open = strlen("sampled(");

    if (strcmp(text, "all") == 0) {
        *out = 0;
        return true;
    }
    if (len < open + 2 || len - open > sizeof number || strncmp(text, "sampled(", open) != 0 ||
        text[len - 1] != ')')
        return false;
    memcpy(number, text + open, len - open - 1);
    number[len - open - 1] = '\0';
    return read_count(out, number, key);
}

/* The next word of "a, b or c" from *at on and its length; NULL: none is left. */
static const char *next_choice(const char **at, size_t *len)
{
    const char *word;

    do {
        word = *at + strspn(*at, ", ");
        *len = strcspn(word, ", ");
        *at = word + *len;
    } while (*len == 2 && strncmp(word, "or", 2) == 0);
    return *len ? word : NULL;
}

/* The place of the word in `choices`, from 0; -1: it is none of them. */
static int choice_index(const char *choices, const char *word)
{
    const char *choice;
    size_t len;

    for (int i = 0; (choice = next_choice(&choices, &len)) != NULL; i++)
        if (strlen(word) == len && strncmp(choice, word, len) == 0) return i;
    return -1;
}

static void write_choice(vs_buf *out, const char *choices, int index)
{
    const char *choice;
    size_t len;

    while ((choice = next_choice(&choices, &len)) != NULL)
        if (index-- == 0) vs_buf_add(out, choice, len);
}

static bool is_utf8(const char *text)
{
    utf8proc_int32_t c;

    while (*text) {
        const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &c);
        if (n <= 0) return false;
        text += n;
    }
    return true;
}

static vs_status set_text(char **out, const vs_key_ref *ref, const char *text, bool is_plain,
                          const char *where, vs_error *err)
{
    const bool is_null =
        is_plain && (!*text || strcmp(text, "null") == 0 || strcmp(text, "~") == 0);
    char *copy;

    if (is_null && ref->key->type == VS_KEY_PATH) {
        free(*out);
        *out = NULL;
        return VS_OK;
    }
    if (is_null || !is_utf8(text) ||
        (ref->key->choices && choice_index(ref->key->choices, text) < 0))
        return refuse_text(ref, is_utf8(text) ? text : "a text that is not UTF-8", is_plain, where,
                           err);
    copy = vs_strdup_n(text, strlen(text));
    if (!copy) return VS_FAIL(err, VS_E_NOMEM, "%s: %s", where, ref->name);
    free(*out);
    *out = copy;
    return VS_OK;
}

static void *place(void *record, const vs_key_ref *ref)
{
    return (char *)record + ref->base + ref->key->offset;
}

vs_status vs_key_set_scalar(void *record, const vs_key_ref *ref, const char *text, bool is_plain,
                            const char *where, vs_error *err)
{
    void *out = place(record, ref);
    bool is_read = false;

    switch (ref->key->type) {
    case VS_KEY_TEXT:
    case VS_KEY_PATH:
        return set_text(out, ref, text, is_plain, where, err);
    case VS_KEY_COUNT:
        is_read = is_plain && read_count(out, text, ref->key);
        break;
    case VS_KEY_SEED:
        is_read = is_plain && read_u64(out, text);
        break;
    case VS_KEY_REAL:
        is_read = is_plain && read_real(out, text, ref->key);
        break;
    case VS_KEY_FLAG:
        is_read = is_plain && read_flag(out, text);
        break;
    case VS_KEY_CHOICE:
        is_read = choice_index(ref->key->choices, text) >= 0;
        if (is_read) *(int *)out = choice_index(ref->key->choices, text);
        break;
    case VS_KEY_PAIRS:
        is_read = read_pairs(out, text, ref->key);
        break;
    case VS_KEY_TEXTS:
        break;
    case VS_KEY_TARGETS:
        is_read = strcmp(text, "all") == 0;
        if (is_read) *(unsigned *)out = (1u << VS_N_LINEAR) - 1;
        break;
    }
    return is_read ? VS_OK : refuse_text(ref, text, is_plain, where, err);
}

static size_t *count_of_texts(void *texts)
{
    return (size_t *)((char *)texts + sizeof(char **));
}

static void free_texts(char **items, size_t n)
{
    for (size_t i = 0; i < n; i++) free(items[i]);
    free(items);
}

static vs_status set_texts(void *out, const vs_key_ref *ref, char *const *items, size_t n,
                           const char *where, vs_error *err)
{
    char **copy = vs_alloc(n, sizeof *copy);
    size_t i = 0;

    for (; copy && i < n; i++) {
        copy[i] = vs_strdup_n(items[i], strlen(items[i]));
        if (!copy[i]) break;
    }
    if (!copy || i < n) {
        if (copy) free_texts(copy, i);
        return VS_FAIL(err, VS_E_NOMEM, "%s: %s", where, ref->name);
    }
    free_texts(*(char ***)out, *count_of_texts(out));
    *(char ***)out = copy;
    *count_of_texts(out) = n;
    return VS_OK;
}

vs_status vs_key_set_list(void *record, const vs_key_ref *ref, char *const *items, size_t n,
                          const char *where, vs_error *err)
{
    void *out = place(record, ref);
    unsigned targets = 0;

    for (size_t i = 0; i < n; i++)
        if (!*items[i] || !is_utf8(items[i]))
            return vs_key_refuse(ref, "a list with an empty text", where, err);
    if (ref->key->type == VS_KEY_TEXTS) return set_texts(out, ref, items, n, where, err);
    if (ref->key->type != VS_KEY_TARGETS) return vs_key_refuse(ref, "a list", where, err);
    for (size_t i = 0; i < n; i++) {
        unsigned which = 0;
        while (which < VS_N_LINEAR && strcmp(items[i], vs_linear_name[which]) != 0) which++;
        if (which == VS_N_LINEAR) return refuse_text(ref, items[i], true, where, err);
        targets |= 1u << which;
    }
    if (!targets) return vs_key_refuse(ref, "an empty list", where, err);
    *(unsigned *)out = targets;
    return VS_OK;
}

/* The fewest digits that read back as the same number. */
static void write_real(vs_buf *out, double value)
{
    char text[40];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    vs_buf_str(out, text);
}

/* Double-quoted YAML. Raw are only characters that libyaml reads back as they are: no control
 * characters, and none that it takes for a line's end. */
static void write_text(vs_buf *out, const char *text)
{
    utf8proc_int32_t c;

    vs_buf_str(out, "\"");
    while (*text) {
        const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &c);
        if (n <= 0) break; /* no value of a recipe is other than UTF-8 */
        if (c == '"' || c == '\\')
            vs_buf_printf(out, "\\%c", (char)c);
        else if (c == '\n')
            vs_buf_str(out, "\\n");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
                 c == 0xfffe || c == 0xffff)
            vs_buf_printf(out, "\\u%04x", (unsigned)c);
        else
            vs_buf_add(out, text, (size_t)n);
        text += n;
    }
    vs_buf_str(out, "\"");
}

static void write_list(vs_buf *out, char *const *items, size_t n)
{
    vs_buf_str(out, "[");
    for (size_t i = 0; i < n; i++) {
        vs_buf_str(out, i ? ", " : "");
        write_text(out, items[i]);
    }
    vs_buf_str(out, "]");
}

static void write_targets(vs_buf *out, unsigned targets)
{
    const char *separator = "[";

    if (targets == (1u << VS_N_LINEAR) - 1) {
        vs_buf_str(out, "all");
        return;
    }
    for (unsigned i = 0; i < VS_N_LINEAR; i++)
        if (targets & 1u << i) {
            vs_buf_printf(out, "%s%s", separator, vs_linear_name[i]);
            separator = ", ";
        }
    vs_buf_str(out, "]");
}

void vs_key_write(vs_buf *out, const void *record, const vs_key_ref *ref)
{
    const void *at = (const char *)record + ref->base + ref->key->offset;

    switch (ref->key->type) {
    case VS_KEY_TEXT:
    case VS_KEY_PATH: {
        const char *text = *(char *const *)at;
        if (text)
            write_text(out, text);
        else
            vs_buf_str(out, "null");
        break;
    }
    case VS_KEY_COUNT:
        vs_buf_printf(out, "%zu", *(const size_t *)at);
        break;
    case VS_KEY_SEED:
        vs_buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case VS_KEY_REAL:
        write_real(out, *(const double *)at);
        break;
    case VS_KEY_FLAG:
        vs_buf_str(out, *(const int *)at ? "true" : "false");
        break;
    case VS_KEY_CHOICE:
        write_choice(out, ref->key->choices, *(const int *)at);
        break;
    case VS_KEY_PAIRS:
        if (*(const size_t *)at)
            vs_buf_printf(out, "sampled(%zu)", *(const size_t *)at);
        else
            vs_buf_str(out, "all");
        break;
    case VS_KEY_TEXTS:
        write_list(out, *(char **const *)at, *(const size_t *)((const char *)at + sizeof(char **)));
        break;
    case VS_KEY_TARGETS:
        write_targets(out, *(const unsigned *)at);
        break;
    }
}

void vs_key_release(void *record, const vs_key_ref *ref)
{
    void *at = place(record, ref);

    if (ref->key->type == VS_KEY_TEXT || ref->key->type == VS_KEY_PATH) {
        free(*(char **)at);
        *(char **)at = NULL;
    } else if (ref->key->type == VS_KEY_TEXTS) {
        free_texts(*(char ***)at, *count_of_texts(at));
        *(char ***)at = NULL;
        *count_of_texts(at) = 0;
    }
}
