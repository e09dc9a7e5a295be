/* Chat templates: real ones against the renderings of llama.cpp's tests, and what they are made of.
 */
#include "base/json.h"
#include "engine/model/chat.h"
#include "engine/model/jinja.h"
#include "unit/model/folder_test.h"

#define CHAT "chat_templates/cases.jsonl"

/* As llama.cpp compares: without one begin token in front and one end token behind. */
static void trim_tokens(const char **text, size_t *len, const char *bos, const char *eos)
{
    const size_t b = strlen(bos), e = strlen(eos);

    if (b && *len >= b && memcmp(*text, bos, b) == 0) *text += b, *len -= b;
    if (e && *len >= e && memcmp(*text + *len - e, eos, e) == 0) *len -= e;
}

/* A template without a system role gets its text merged into the first user turn. */
static json_t *merged_system(const json_t *messages)
{
    json_t *list = json_deep_copy(messages), *user = json_array_get(list, 1);
    const char *system = json_string_value(json_object_get(json_array_get(list, 0), "content"));
    char *both = vs_format("%s\n%s", system, json_string_value(json_object_get(user, "content")));

    json_object_set_new(user, "content", json_string(both));
    json_array_remove(list, 0);
    free(both);
    return list;
}

static vs_status render(vs_buf *out, const json_t *row, const json_t *messages, vs_error *err)
{
    const json_t *text = json_object_get(row, "chat_template");
    json_t *context =
        json_pack("{s:O, s:O, s:O, s:O}", "messages", messages, "bos_token",
                  json_object_get(row, "bos_token"), "eos_token", json_object_get(row, "eos_token"),
                  "add_generation_prompt", json_object_get(row, "add_generation_prompt"));
    const vs_status st =
        vs_jinja_render(out, json_string_value(text), json_string_length(text), context,
                        json_string_value(json_object_get(row, "name")), err);

    json_decref(context);
    return st;
}

static bool matches(const vs_buf *out, const json_t *row)
{
    const json_t *expected = json_object_get(row, "expected");
    const char *text = out->data ? out->data : "";
    size_t len = out->len;

    trim_tokens(&text, &len, json_string_value(json_object_get(row, "bos_token")),
                json_string_value(json_object_get(row, "eos_token")));
    return len == json_string_length(expected) &&
           memcmp(text, json_string_value(expected), len) == 0;
}

static void check_case(const json_t *row)
{
    const json_t *messages = json_object_get(row, "messages");
    vs_buf out = {0};
    vs_error err;
    vs_status st = render(&out, row, messages, &err);

    if (st != VS_OK || !matches(&out, row)) {
        json_t *merged = merged_system(messages);
        vs_buf_clear(&out);
        st = render(&out, row, merged, &err);
        json_decref(merged);
        if (st != VS_OK || !matches(&out, row))
            fail_msg("%s: status %d (%s)\n%s\nexpected\n%s",
                     json_string_value(json_object_get(row, "name")), (int)st,
                     st == VS_OK ? "" : err.text, out.data,
                     json_string_value(json_object_get(row, "expected")));
    }
    vs_buf_free(&out);
}

TEST(chat, real_templates_give_the_known_renderings)
{
    SKIP_WITHOUT_SHARED(CHAT);
    vs_jsonl *rows;
    vs_error err;
    json_t *row;
    size_t n = 0;

    CHECK_OK(vs_jsonl_open(&rows, vs_test_shared(CHAT), &err));
    for (; vs_jsonl_next(rows, &row, &err) == VS_OK && row; n++, json_decref(row)) check_case(row);
    CHECK(n >= 15);
    vs_jsonl_close(rows);
}

static const char context_text[] = "{\"a\": \"x\", \"n\": 7, \"list\": [1, 2, 3], \"map\": {\"k\": "
                                   "\"v\", \"q\": \"\\\"\\n\"}, \"no\": null,"
                                   " \"people\": [{\"role\": \"user\", \"content\": \" hi \"}, "
                                   "{\"role\": \"bot\", \"content\": \"\"}]}";

static vs_status render_text(vs_buf *out, const char *text, vs_error *err)
{
    json_t *context = json_loads(context_text, 0, NULL);
    const vs_status st = vs_jinja_render(out, text, strlen(text), context, "t.jinja", err);

    json_decref(context);
    return st;
}

/* Expected: jinja2 3.1 with trim_blocks and lstrip_blocks. */
TEST(chat, expressions_and_blocks_are_those_of_jinja)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{{ a + 'y' + n | string }} {{ -n % 3 }} {{ n // 2 }} {{ -n // 2 }} {{ 1 + 2 * 3 }}",
         "xy7 2 3 -4 7"},
        {"{{ 'A' if n > 8 else 'B' if n == 7 else 'C' }}{{ 'z' if false }}", "B"},
        {"{{ missing }}|{{ no }}|{{ true and not false }}|{{ a or 'q' }}|{{ '' or 'q' }}",
         "|None|True|x|q"},
        {"{{ missing is defined }} {{ no is none }} {{ map is mapping }} {{ a is not string }}",
         "False True True False"},
        {"{{ list[-1] }} {{ list[1:] | length }} {{ 'h\xC3\xA4'[1] }} {{ 'stra\xC3\x9F"
         "e'[:-1] }}",
         "3 2 \xC3\xA4 stra\xC3\x9F"},
        {"{{ 2 in list }} {{ 'k' in map }} {{ 'tra' not in 'stra' }} {{ 'z' in list }}",
         "True True False False"},
        {"{% for i in list %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2,3"},
        {"{% for k, v in map.items() if k != 'q' %}{{ k }}={{ v }};{% endfor %}", "k=v;"},
        {"{% for i in range(2, 5) if i != 3 %}{{ loop.length }}{{ i }} {% endfor %}", "22 24 "},
        {"{% set x = 1 %}{% for i in list %}{% set x = i %}{% endfor %}{{ x }}", "1"},
        {"{% set ns = namespace(n=0) %}{% for i in list %}{% set ns.n = ns.n + i %}{% endfor %}{{ "
         "ns.n }}",
         "6"},
        {"{{ map | tojson }} {{ list | tojson(indent=1) }}",
         "{\"k\": \"v\", \"q\": \"\\\"\\n\"} [\n 1,\n 2,\n 3\n]"},
        {"{{ (people | selectattr('role', 'equalto', 'user') | list)[0].content | trim }}", "hi"},
        {"{{ people[0]['content'].strip() + 'a,b'.split(',')[1] }} {{ 'abc'.startswith('ab') }}",
         "hib True"},
        {"a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc"},
        {"a  {%- if true -%}  b  {%- endif %}\n\nc", "ab\nc"},
        {"x\n {# note #}\ny {{- ' z ' -}} w", "x\ny z w"},
        {"{{ \"it's\" }} {{ 'a\\nb' }}", "it's a\nb"},
        {"{% if no %}1{% elif n %}2{% else %}3{% endif %}", "2"},
        {"{{ '\xC2\xA0hi\xE3\x80\x80' | trim }}{{ 'a\xC4\xA9'.strip('\xC3\xA9') }}", "hia\xC4\xA9"},
        {"{{ 'a' + n ~ 'b' }}", "a7b"},
        {"[{{ a[(1073741824 * 4294967296 - 1) * 2 + 1] }}]", "[]"},
        {"{% for i in list %}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}", "32 21 10 "},
        {"{% generation %}q{% endgeneration %}", "q"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vs_buf out = {0};
        vs_error err = {0};
        const vs_status st = render_text(&out, cases[i].text, &err);

        if (st != VS_OK || !out.data || strcmp(out.data, cases[i].expected) != 0)
            fail_msg("%s: \"%s\" %s, expected \"%s\"", cases[i].text, out.data, err.text,
                     cases[i].expected);
        vs_buf_free(&out);
    }
}

TEST(chat, refuses_by_name_and_line)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"\n{% macro x() %}{% endmacro %}", "t.jinja:2: found the statement \"macro\""},
        {"{{ a | wordwrap }}", "the filter \"wordwrap\" is not supported"},
        {"{{ a is odd }}", "the test \"odd\" is not supported"},
        {"{{ a.title() }}", "the method \"title\" of a text"},
        {"{% set q = 1 %}{% for i in list %}{% set q = missing %}{% endfor %}",
         "would become undefined"},
        {"{{ cycler(1) }}", "the function \"cycler\" is not supported"},
        {"{{ raise_exception('no system role') }}", "the template says: no system role"},
        {"{{ missing.member }}", "undefined"},
        {"{{ a + 1 }}", "\"+\" between a string and an integer"},
        {"{{ list }}", "printing an array is not supported"},
        {"{{ 1 / 2 }}", "\"/\" is not supported"},
        {"{{ 1 // 0 }}", "division by 0"},
        {"{{ (0 - 1073741824 * 4294967296) * 2 // -1 }}", "an integer overflows"},
        {"{{ -((0 - 1073741824 * 4294967296) * 2) }}", "an integer overflows"},
        {"{% if a %}", "found the end, expected elif"},
        {"{% for x in list %}", "found the end, expected endfor"},
        {"{% endif %}", "found the statement \"endif\""},
        {"{{ a", "a tag that does not end"},
        {"{{ 'a }}", "a string that does not end"},
        {"{# a", "a comment that does not end"},
        {"{{ a b }}", "expected the end of the tag"},
        {"{% for i in range(99999999) %}{% endfor %}", "range"},
        {"{% for i in range(65000) %}{% for k in range(65000) %}{% endfor %}{% endfor %}", "steps"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vs_buf out = {0};
        vs_error err = {0};

        if (render_text(&out, cases[i].text, &err) == VS_OK || !strstr(err.text, cases[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, err.text, cases[i].says);
        vs_buf_free(&out);
    }
}

TEST(chat, deep_nesting_is_refused)
{
    char text[4096] = "{{ ";
    vs_buf out = {0};
    vs_error err = {0};

    memset(text + 3, '(', 1000);
    CHECK(render_text(&out, text, &err) != VS_OK);
    memset(text + 3, '[', 1000);
    CHECK(render_text(&out, text, &err) != VS_OK);
    vs_buf_free(&out);
}

TEST(chat, a_folder_gives_template_and_tokens)
{
    const char *dir = vs_test_dir();
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "hi");
    vs_chat *c;
    vs_buf out = {0};
    vs_error err = {0};

    write_text(dir, "tokenizer_config.json",
               "{\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": null}");
    CHECK(vs_chat_open(&c, dir, &err) == VS_E_INPUT && strstr(err.text, "has no chat template"));
    write_text(dir, "tokenizer_config.json",
               "{\"bos_token\": {\"content\": \"<b>\"}, \"chat_template\": [{\"name\": "
               "\"default\", \"template\": "
               "\"{{ bos_token }}{{ messages[0].content }}{% if add_generation_prompt %}!{% endif "
               "%}\"}]}");
    CHECK_OK(vs_chat_open(&c, dir, &err));
    CHECK_OK(vs_chat_render(&out, c, messages, true, &err));
    CHECK(strcmp(out.data, "<b>hi!") == 0);
    vs_chat_close(c);
    write_text(dir, "chat_template.jinja",
               "{{ '' if tools is none else tools }}{{ messages | length }}{{ eos_token }}");
    CHECK_OK(vs_chat_open(&c, dir, &err));
    vs_buf_clear(&out);
    CHECK_OK(vs_chat_render(&out, c, messages, false, &err));
    CHECK(strcmp(out.data, "1") == 0);
    vs_chat_close(c);
    vs_buf_free(&out);
    json_decref(messages);
}
