#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "vs_test.h"

static vs_status parse_text(json_t **out, const char *text, vs_error *err)
{
    return vs_json_parse(out, text, strlen(text), "in.json", err);
}

static json_t *parsed(const char *text)
{
    vs_error err = {0};
    json_t *value = NULL;

    CHECK_OK(parse_text(&value, text, &err));
    return value;
}

static void check_refused(const char *text, size_t len, vs_status code, const char *message)
{
    vs_error err = {0};
    json_t *value = NULL;

    CHECK(vs_json_parse(&value, text, len, "in.json", &err) == code);
    CHECK(value == NULL);
    if (!strstr(err.text, message)) fail_msg("\"%s\" does not contain \"%s\"", err.text, message);
}

#define REFUSED(text, message) check_refused(text, sizeof(text) - 1, VS_E_FORMAT, message)

TEST(json, names_the_place_of_an_error)
{
    REFUSED("{\n  \"a\": 1,\n  \"b\" 2\n}", "in.json:3:7: ");
    REFUSED("{\"a\": 1, \"a\": 2}", "duplicate object key");
    REFUSED("{\"a\": [1, 2", "in.json:1:11: ");
    REFUSED("{\"a\": 1} x", "in.json:1:10: ");
    REFUSED("", "in.json:1:0: ");
    REFUSED("[01]", "in.json:1:");
    REFUSED("[NaN]", "in.json:1:");
    REFUSED("[1e999]", "overflow");
    REFUSED("[99999999999999999999]", "too big integer");
    REFUSED("[\"\xFF\"]", "in.json:1:");
}

TEST(json, refuses_nul_bytes_in_every_place)
{
    REFUSED("[\"a\\u0000b\"]", "\\u0000");
    REFUSED("{\"a\\u0000b\": 1}", "in.json:1:");
    REFUSED("[\"a\0b\"]", "in.json:1:");
    REFUSED("[1]\0", "in.json:1:");
}

TEST(json, reads_nul_characters_of_a_line_but_no_nul_byte_nor_such_a_key)
{
    static const char text[] = "{\"s\": \"a\\u0000b\", \"t\": \"ab\"}", key[] = "{\"a\\u0000\": 1}";
    json_t *o = NULL, *none = NULL;
    const char *s = NULL;
    vs_error err = {0};

    CHECK_OK(vs_json_parse_line(&o, text, sizeof text - 1, "rows:7", &err));
    CHECK(json_string_length(json_object_get(o, "s")) == 3);
    CHECK(vs_json_has_nul(json_object_get(o, "s")) && !vs_json_has_nul(json_object_get(o, "t")));
    CHECK(vs_json_get_str(&s, o, "s", "rows:7", &err) == VS_E_FORMAT && !s); /* else "a" alone */
    CHECK(strstr(err.text, "rows:7: \"s\": found U+0000"));
    CHECK(vs_json_opt_str(&s, o, "s", "rows:7", &err) == VS_E_FORMAT && !s);
    json_decref(o);
    CHECK(vs_json_parse_line(&none, key, sizeof key - 1, "rows:7", &err) == VS_E_FORMAT);
    CHECK(vs_json_parse_line(&none, "\"a\0\"", 4, "rows:7", &err) == VS_E_FORMAT);
}

static void check_mended(const char *text, const char *expected)
{
    char copy[80];

    snprintf(copy, sizeof copy, "%s", text);
    vs_json_mend(copy, strlen(copy));
    CHECK_STR(copy, expected);
}

TEST(json, mends_halves_of_surrogate_pairs_that_stand_alone)
{
    check_mended("\\ud83d", "\\uFFFD");
    check_mended("\\uD83Dx\\uDE00", "\\uFFFDx\\uFFFD");
    check_mended("\\ud83d\\ude00", "\\ud83d\\ude00");               /* a pair */
    check_mended("\\ude00\\ud83d", "\\uFFFD\\uFFFD");               /* the wrong way round */
    check_mended("\\ud83d\\ud83d\\ude00", "\\uFFFD\\ud83d\\ude00"); /* a half before a pair */
    check_mended("\\ud83d\\ude00\\ude00", "\\ud83d\\ude00\\uFFFD");
    check_mended("\\ud83d\\n\\ude00", "\\uFFFD\\n\\uFFFD");
    check_mended("\\\\ud83d", "\\\\ud83d"); /* a backslash, and text */
    check_mended("\\\\\\ud83d", "\\\\\\uFFFD");
    check_mended("\\ud7ff\\ue000\\ud800\\udfff", "\\ud7ff\\ue000\\ud800\\udfff"); /* the borders */
    check_mended("\\udbff", "\\uFFFD");
    check_mended("\\udc00", "\\uFFFD");
    check_mended("\\udfff", "\\uFFFD");
    check_mended("\\ud83", "\\ud83"); /* cut off */
    check_mended("\\ud83g\\", "\\ud83g\\");
}

TEST(json, refuses_depth_one_past_limit)
{
    const size_t limit = JSON_PARSER_MAX_DEPTH;
    char *text = malloc(2 * (limit + 1));
    vs_error err = {0};
    json_t *value = NULL;

    CHECK(text);
    memset(text, '[', limit);
    memset(text + limit, ']', limit);
    CHECK_OK(vs_json_parse(&value, text, 2 * limit, "deep", &err));
    json_decref(value);
    memset(text, '[', limit + 1);
    memset(text + limit + 1, ']', limit + 1);
    check_refused(text, 2 * (limit + 1), VS_E_LIMIT, "in.json:1:");
    free(text);
}

TEST(json, refuses_length_one_past_limit)
{
    vs_error err = {0};
    json_t *value = NULL;

    /* The length is looked at before the text. */
    CHECK(vs_json_parse(&value, "1", (size_t)VS_JSON_MAX_BYTES + 1, "big", &err) == VS_E_LIMIT);
    CHECK(value == NULL && strstr(err.text, "big: "));
}

TEST(json, accepts_values_of_any_kind_and_a_byte_order_mark)
{
    static const char *const texts[] = {"1", "\"s\"", "null", "[1.5e3]",
                                        "\xEF\xBB\xBF{\"a\": true}"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) json_decref(parsed(texts[i]));
}

TEST(json, gives_typed_members)
{
    json_t *o = parsed("{\"s\": \"text\", \"n\": 12, \"x\": 2.5, \"b\": true, \"z\": null}");
    vs_error err = {0};
    const char *s = NULL;
    size_t n = 0;
    double x = 0;
    bool b = false;

    CHECK_OK(vs_json_get_str(&s, o, "s", "f", &err));
    CHECK_STR(s, "text");
    CHECK_OK(vs_json_get_size(&n, o, "n", 12, 12, "f", &err));
    CHECK(n == 12);
    CHECK_OK(vs_json_get_num(&x, o, "x", "f", &err));
    CHECK(x == 2.5);
    CHECK_OK(vs_json_get_num(&x, o, "n", "f", &err));
    CHECK(x == 12.0);
    CHECK_OK(vs_json_opt_bool(&b, o, "b", "f", &err));
    CHECK(b);
    json_decref(o);
}

TEST(json, leaves_the_default_where_an_optional_member_is_missing_or_null)
{
    json_t *o = parsed("{\"z\": null}");
    static const char *const keys[] = {"z", "none"};
    vs_error err = {0};

    for (size_t i = 0; i < 2; i++) {
        const char *s = "default";
        size_t n = 7;
        double x = 0.5;
        bool b = true;
        CHECK_OK(vs_json_opt_str(&s, o, keys[i], "f", &err));
        CHECK_OK(vs_json_opt_size(&n, o, keys[i], 0, 1, "f", &err));
        CHECK_OK(vs_json_opt_num(&x, o, keys[i], "f", &err));
        CHECK_OK(vs_json_opt_bool(&b, o, keys[i], "f", &err));
        CHECK_STR(s, "default");
        CHECK(n == 7 && x == 0.5 && b);
        CHECK(vs_json_get_str(&s, o, keys[i], "f", &err) == VS_E_FORMAT);
        CHECK(vs_json_get_num(&x, o, keys[i], "f", &err) == VS_E_FORMAT);
        CHECK(vs_json_get_size(&n, o, keys[i], 0, 1, "f:3", &err) == VS_E_FORMAT);
        CHECK(strstr(err.text, "f:3: missing key ") && strstr(err.text, "an integer from 0 to 1"));
    }
    json_decref(o);
}

TEST(json, says_what_was_found_and_what_was_expected)
{
    json_t *o = parsed("{\"s\": [], \"n\": 3.0, \"m\": -1, \"b\": 1}");
    vs_error err = {0};
    const char *s = NULL;
    size_t n = 9;
    double x;
    bool b = false;

    CHECK(vs_json_opt_str(&s, o, "s", "f:2", &err) == VS_E_FORMAT);
    CHECK_STR(err.text, "f:2: \"s\": found an array, expected a string");
    CHECK(vs_json_get_size(&n, o, "n", 1, 9, "f", &err) == VS_E_FORMAT);
    CHECK_STR(err.text, "f: \"n\": found a real number, expected an integer from 1 to 9");
    CHECK(vs_json_get_size(&n, o, "m", 0, 9, "f", &err) == VS_E_FORMAT);
    CHECK_STR(err.text, "f: \"m\": found -1, expected an integer from 0 to 9");
    CHECK(vs_json_opt_size(&n, o, "b", 2, 9, "f", &err) == VS_E_FORMAT);
    CHECK(vs_json_opt_size(&n, o, "b", 0, 0, "f", &err) == VS_E_FORMAT);
    CHECK(vs_json_opt_bool(&b, o, "b", "f", &err) == VS_E_FORMAT);
    CHECK(vs_json_opt_num(&x, o, "s", "f", &err) == VS_E_FORMAT);
    CHECK(vs_json_opt_num(&x, json_object_get(o, "s"), "k", "f", &err) == VS_E_FORMAT);
    CHECK_STR(err.text, "f: found an array, expected an object with \"k\"");
    CHECK(s == NULL && n == 9 && !b);
    json_decref(o);
}

static const char *file_with(const char *text, size_t len)
{
    static char path[512];
    vs_error err = {0};

    snprintf(path, sizeof path, "%s/in.jsonl", vs_test_dir());
    CHECK_OK(vs_file_replace(path, text, len, &err));
    return path;
}

TEST(json, read_names_the_file)
{
    const char *path = file_with("{\"a\":\n}", 7);
    vs_error err = {0};
    json_t *value = NULL;

    CHECK(vs_json_read(&value, path, &err) == VS_E_FORMAT && value == NULL);
    CHECK(strncmp(err.text, path, strlen(path)) == 0 && strstr(err.text, ":2:1: "));
    CHECK_OK(vs_json_read(&value, file_with("[4]", 3), &err));
    CHECK(json_array_size(value) == 1);
    json_decref(value);
}

TEST(jsonl, gives_one_value_a_line_and_its_place)
{
    const char text[] = "{\"a\": 1}\r\n\n  \t\r\n2\n[3]"; /* no newline at the end */
    const char *path = file_with(text, sizeof text - 1);
    static const char *const places[] = {":1", ":4", ":5"};
    vs_error err = {0};
    vs_jsonl *r;
    json_t *value;

    CHECK_OK(vs_jsonl_open(&r, path, &err));
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(vs_jsonl_next(r, &value, &err));
        CHECK(value);
        CHECK_STR(vs_jsonl_where(r) + strlen(path), places[i]);
        json_decref(value);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(vs_jsonl_next(r, &value, &err));
        CHECK(value == NULL);
    }
    vs_jsonl_close(r);
}

TEST(jsonl, names_the_line_of_an_error_and_goes_on_after_it)
{
    const char text[] = "1\n{\"a\": 1\n3\n";
    const char *path = file_with(text, sizeof text - 1);
    vs_error err = {0};
    vs_jsonl *r;
    json_t *value = NULL;

    CHECK_OK(vs_jsonl_open(&r, path, &err));
    CHECK_OK(vs_jsonl_next(r, &value, &err));
    json_decref(value);
    value = NULL;
    CHECK(vs_jsonl_next(r, &value, &err) == VS_E_FORMAT && value == NULL);
    CHECK(strncmp(err.text + strlen(path), ":2:7: ", 6) == 0);
    CHECK_OK(vs_jsonl_next(r, &value, &err));
    CHECK(json_integer_value(value) == 3);
    json_decref(value);
    vs_jsonl_close(r);
}

TEST(jsonl, reports_what_cannot_be_opened_or_read)
{
    const char *dir = vs_test_dir();
    vs_error err = {0};
    vs_jsonl *r = NULL;
    json_t *value = NULL;

    CHECK(vs_jsonl_open(&r, "/no/such/file", &err) == VS_E_IO && r == NULL);
    CHECK(strstr(err.text, "/no/such/file: "));
    CHECK_OK(vs_jsonl_open(&r, dir, &err));
    CHECK(vs_jsonl_next(r, &value, &err) == VS_E_IO && value == NULL);
    CHECK(strncmp(err.text, dir, strlen(dir)) == 0);
    vs_jsonl_close(r);
    vs_jsonl_close(NULL);
}

TEST(jsonl, opener_survives_each_failing_allocation)
{
    const char *path = file_with("1\n", 2);
    vs_error err = {0};
    vs_jsonl *r = NULL;
    json_t *value = NULL;
    long n = 0;

    for (;; n++) {
        vs_alloc_fail_after(n);
        const vs_status st = vs_jsonl_open(&r, path, &err);
        vs_alloc_fail_after(-1);
        if (st == VS_OK) break;
        CHECK(st == VS_E_NOMEM && r == NULL);
    }
    CHECK(n == 2);
    vs_alloc_fail_after(0);
    CHECK(vs_jsonl_next(r, &value, &err) == VS_E_NOMEM && value == NULL);
    vs_alloc_fail_after(-1);
    vs_jsonl_close(r);
}

/* Feeds a line longer than the limit through a pipe, so that no file of that size is needed. */
typedef struct long_line {
    int fd;
    size_t n; /* spaces */
} long_line;

static void *feed_long_line(void *ctx)
{
    static char spaces[1 << 20];
    const long_line *line = ctx;

    memset(spaces, ' ', sizeof spaces);
    for (size_t sent = 0; sent < line->n;) {
        const size_t left = line->n - sent;
        const ssize_t n = write(line->fd, spaces, left < sizeof spaces ? left : sizeof spaces);
        if (n <= 0) break;
        sent += (size_t)n;
    }
    (void)!write(line->fd, "\n7\n", 3);
    close(line->fd);
    return NULL;
}

TEST(jsonl, refuses_a_line_one_byte_past_the_limit)
{
    for (size_t over = 0; over <= 1; over++) {
        char path[64];
        int ends[2];
        pthread_t feeder;
        vs_error err = {0};
        vs_jsonl *r;
        json_t *value = NULL;

        CHECK(pipe(ends) == 0);
        long_line line = {ends[1], VS_JSON_MAX_BYTES + over};
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        CHECK_OK(vs_jsonl_open(&r, path, &err));
        CHECK(pthread_create(&feeder, NULL, feed_long_line, &line) == 0);
        if (over) {
            CHECK(vs_jsonl_next(r, &value, &err) == VS_E_LIMIT && value == NULL);
            CHECK(strstr(err.text, ":1: "));
        }
        CHECK_OK(
            vs_jsonl_next(r, &value, &err)); /* spaces are skipped, and the next line is whole */
        CHECK(json_integer_value(value) == 7);
        json_decref(value);
        for (char rest[4096]; read(ends[0], rest, sizeof rest) > 0;) {}
        pthread_join(feeder, NULL);
        vs_jsonl_close(r);
        close(ends[0]);
    }
}

TEST(jsonl, dash_is_standard_input)
{
    const char text[] = "{\"a\": 5}\n{\n";
    vs_error err = {0};
    vs_jsonl *r;
    json_t *value = NULL;

    CHECK(freopen(file_with(text, sizeof text - 1), "r", stdin));
    CHECK_OK(vs_jsonl_open(&r, "-", &err));
    CHECK_OK(vs_jsonl_next(r, &value, &err));
    CHECK_STR(vs_jsonl_where(r), "standard input:1");
    json_decref(value);
    CHECK(vs_jsonl_next(r, &value, &err) == VS_E_FORMAT);
    CHECK(strncmp(err.text, "standard input:2:", 17) == 0);
    vs_jsonl_close(r);
}
