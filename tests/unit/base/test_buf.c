#include "base/buf.h"
#include "base/mem.h"
#include "vs_test.h"

static void check_json(const char *text, size_t len, const char *expected)
{
    vs_buf b = {0};

    vs_buf_json_str(&b, text, len);
    CHECK_STR(b.data, expected);
    vs_buf_free(&b);
}

TEST(buf, appends_and_stays_terminated)
{
    vs_error err = {0};
    vs_buf b = {0};

    for (int i = 0; i < 500; i++) {
        vs_buf_printf(&b, "%d,", i % 10);
        CHECK(b.len == strlen(b.data) && b.len <= b.cap);
    }
    vs_buf_str(&b, "end");
    vs_buf_add(&b, "\0x", 2);
    CHECK(b.len == 1005 && memcmp(b.data + 1000, "end\0x", 6) == 0);
    CHECK_OK(vs_buf_ok(&b, "list", &err));
    vs_buf_clear(&b);
    CHECK(b.len == 0 && b.data[0] == '\0' && b.cap > 1000);
    vs_buf_free(&b);
    CHECK(b.data == NULL);
}

TEST(buf, formats_texts_longer_than_its_memory)
{
    vs_buf b = {0};

    vs_buf_printf(&b, "%0*d", 5000, 7);
    CHECK(b.len == 5000 && b.data[4999] == '7' && b.data[5000] == '\0');
    vs_buf_free(&b);
}

TEST(buf, remembers_that_memory_ran_out)
{
    vs_error err = {0};
    vs_buf b = {0};

    vs_buf_str(&b, "kept");
    vs_alloc_fail_after(0);
    vs_buf_printf(&b, "%0*d", 5000, 7);
    vs_alloc_fail_after(-1);
    vs_buf_str(&b, "not added after a gap");
    CHECK(vs_buf_ok(&b, "the report", &err) == VS_E_NOMEM);
    CHECK(strstr(err.text, "the report"));
    CHECK_STR(b.data, "kept");
    vs_buf_free(&b);
}

TEST(buf, writes_json_strings)
{
    check_json("a\"b\\c\n\t\r\x01/", 10, "\"a\\\"b\\\\c\\n\\t\\r\\u0001/\"");
    check_json("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9,
               "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    check_json("a\0b", 3, "\"a\\u0000b\"");
    check_json("", 0, "\"\"");
}

TEST(buf, replaces_bad_utf8_in_json_strings)
{
#define BAD "\xEF\xBF\xBD"
    check_json("a\xFFz", 3, "\"a" BAD "z\"");
    check_json("\xC3", 1, "\"" BAD "\"");                         /* cut */
    check_json("\xC0\xAF", 2, "\"" BAD BAD "\"");                 /* overlong */
    check_json("\xED\xA0\x80", 3, "\"" BAD BAD BAD "\"");         /* surrogate */
    check_json("\xF4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""); /* past U+10FFFF */
    check_json("\xE2\x82z", 3, "\"" BAD BAD "z\"");
#undef BAD
}

TEST(buf, escapes_html)
{
    vs_buf b = {0};

    vs_buf_html(&b, "<a href=\"x\">'&'</a>", 19);
    CHECK_STR(b.data, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    vs_buf_free(&b);
}
