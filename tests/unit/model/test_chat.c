/* Chat templates: real ones against the renderings of llama.cpp's tests, and what they are made of.
 */
#include <stdlib.h>

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

/* One line of a file of tools/parity/jinja.py; *template and *vars hold until the next. */
static bool check_row(const char *where, const json_t *row, const json_t *template,
                      const json_t *vars)
{
    const json_t *text = json_object_get(row, "text"), *says = json_object_get(row, "error");
    vs_buf out = {0};
    vs_error err = {0};
    bool same;

    if (!text && !says) return true;
    const vs_status st = vs_jinja_render(&out, json_string_value(template),
                                         json_string_length(template), vars, "t", &err);
    if (text)
        same = st == VS_OK && out.len == json_string_length(text) &&
               (out.len == 0 || memcmp(out.data, json_string_value(text), out.len) == 0);
    else
        same = st == VS_E_INPUT && strncmp(err.text, "t:", 2) == 0 &&
               strstr(err.text, json_string_value(says));
    if (!same) {
        const char *gives = out.data ? out.data : "",
                   *expected = json_string_value(text ? text : says);
        size_t at = 0;
        while (text && gives[at] && gives[at] == expected[at]) at++;
        print_error("%s: %.60s\n  %s from byte %zu gives %.300s\n  expected %.300s\n", where,
                    json_string_value(template), err.text, at, gives + at, expected + at);
    }
    vs_buf_free(&out);
    return same;
}

static size_t check_file(const char *path)
{
    json_t *template = NULL, *vars = NULL, *row;
    vs_jsonl *rows;
    vs_error err;
    size_t n = 0, n_wrong = 0;

    CHECK_OK(vs_jsonl_open(&rows, path, &err));
    for (;; json_decref(row)) {
        CHECK_OK(vs_jsonl_next(rows, &row, &err));
        if (!row) break;
        if (json_object_get(row, "template")) {
            json_decref(template);
            template = json_incref(json_object_get(row, "template"));
        }
        if (json_object_get(row, "vars")) {
            json_decref(vars);
            vars = json_incref(json_object_get(row, "vars"));
        }
        n += json_object_get(row, "text") || json_object_get(row, "error");
        n_wrong += !check_row(vs_jsonl_where(rows), row, template, vars);
    }
    vs_jsonl_close(rows);
    json_decref(template);
    json_decref(vars);
    if (n_wrong) fail_msg("%s: %zu of %zu renderings differ from jinja2's", path, n_wrong, n);
    return n;
}

TEST(chat, templates_give_what_jinja2_gives)
{
    const char *more = getenv("VSTAR_JINJA_CASES"); /* made by tools/parity/jinja.py */

    CHECK(check_file(VSTAR_SOURCE_DIR "/tests/golden/jinja.jsonl") >= 300);
    if (more) check_file(more);
}

TEST(chat, refuses_by_name_and_line)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"\n{% include 'x' %}", "t.jinja:2: the statement \"include\" is not supported"},
        {"{{ a | wordwrap }}", "t.jinja:1: the filter \"wordwrap\" is not supported"},
        {"{% if a %}\n\n{{ a is odder }}{% endif %}",
         "t.jinja:3: the test \"odder\" is not supported"},
        {"{{ a.swapcase() }}", "the method \"swapcase\" of a string is not supported"},
        {"{{ list.append(1) }}", "the method \"append\" of a list is not supported"},
        {"{{ a | indent(depth=1) }}", "indent: the argument \"depth\" is not known"},
        {"{{ a | replace('x') }}", "replace: the argument \"new\" is missing"},
        {"\n{{ wordwrap(1) }}", "t.jinja:2: \"wordwrap\" is undefined"},
        {"{{ strftime_now('%Y') }}", "give the variable \"strftime_now\" a day"},
        {"{{ raise_exception('no system role') }}", "t.jinja:1: the template says: no system role"},
        {"{{ '\n' }}{{ missing.member }}", "t.jinja:2: \"missing\" is undefined"},
        {"{{ a + 1 }}", "\"+\" between a string and an integer"},
        {"{{ list | map('string') }}", "the filter list makes a list of it"},
        {"{{ 1 // 0 }}", "division by 0"},
        {"{{ 9223372036854775807 }}", "an integer of at most 18 digits"},
        {"{{ 999999999999999999 * 10 }}", "an integer overflows"},
        {"{{ (0 - 1073741824 * 4294967296) * 2 // -1 }}", "an integer overflows"},
        {"{{ -((0 - 1073741824 * 4294967296) * 2) }}", "an integer overflows"},
        {"{{ 10 ** 19 }}", "an integer overflows"},
        {"{{ '\xCE\xA3' | lower }}", "the case of U+03A3 is not supported"},
        {"{% if a %}", "found \"the end\", expected elif"},
        {"{% for x in list %}", "expected else"},
        {"{% endif %}", "the statement \"endif\""},
        {"{{ a", "a tag that does not end"},
        {"{{ 'a }}", "a string that does not end"},
        {"{# a", "a comment that does not end"},
        {"{% raw %}", "raw without endraw"},
        {"{{ a b }}", "found \"b\", expected the end of the tag"},
        {"{% break %}", "found \"break\" outside of a loop"},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nest deeper than 1000"},
        {"{% for i in range(65000) %}{% for k in range(65000) %}{% endfor %}{% endfor %}", "steps"},
        {"{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}"
         "{% endfor %}{{ ns.l }}",
         "steps"},
        {"{% set ns = namespace(t='x') %}{% for i in range(9999) %}"
         "{% set ns.t = ns.t * 2 %}{% endfor %}",
         "the limit is 16777216"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vs_buf out = {0};
        vs_error err = {0};

        if (render_text(&out, cases[i].text, &err) == VS_OK || !strstr(err.text, cases[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, err.text, cases[i].says);
        vs_buf_free(&out);
    }
}

/* `open` n times, then what it takes to end. */
static vs_status render_nested(const char *open, const char *middle, const char *close, size_t n)
{
    vs_buf text = {0}, out = {0};
    vs_error err = {0};
    vs_status st;

    for (size_t i = 0; i < n; i++) vs_buf_str(&text, open);
    vs_buf_str(&text, middle);
    for (size_t i = 0; i < n; i++) vs_buf_str(&text, close);
    st = render_text(&out, text.data, &err);
    vs_buf_free(&text);
    vs_buf_free(&out);
    return st;
}

/* Each limit holds, and one beyond it is refused. */
TEST(chat, limits_are_where_they_are_said_to_be)
{
    vs_buf out = {0};
    vs_error err;

    CHECK(render_nested("{% if a %}", "", "{% endif %}", 127) == VS_OK);
    CHECK(render_nested("{% if a %}", "", "{% endif %}", 128) == VS_E_LIMIT);
    CHECK_OK(render_text(&out, "{{ range(100000) | length }}", &err));
    CHECK(render_text(&out, "{{ range(100001) | length }}", &err) == VS_E_INPUT);
    vs_buf_clear(&out);
    CHECK_OK(render_text(&out, "{{ ('x' * 16777216) | length }}", &err));
    CHECK(strcmp(out.data, "16777216") == 0);
    CHECK(render_text(&out, "{{ ('x' * 16777217) | length }}", &err) == VS_E_LIMIT);
    vs_buf_clear(&out);
    CHECK_OK(render_text(&out, "{{ 'x' * 16777216 }}", &err));
    vs_buf_clear(&out);
    CHECK(render_text(&out, "{{ 'x' * 16777216 }}y", &err) == VS_E_LIMIT);
    CHECK(render_text(&out, "{% for i in range(99) %}{{ 'x' * 16777216 }}{% endfor %}", &err) ==
          VS_E_LIMIT);
    vs_buf_free(&out);
}

TEST(chat, chains_and_brackets_have_a_limit)
{
    char text[4096] = "{{ 1";
    vs_buf out = {0};
    vs_error err = {0};

    for (size_t n = 0; n < 128; n++) memcpy(text + 4 + 3 * n, " +1", 4);
    strcpy(text + 4 + 3 * 128, " }}");
    CHECK_OK(render_text(&out, text, &err));
    strcpy(text + 4 + 3 * 128, " +1 }}");
    CHECK(render_text(&out, text, &err) == VS_E_LIMIT);
    strcpy(text + 2004, " }}");
    for (const char *pair = "()[]{}--"; *pair; pair += 2) {
        memset(text + 3, pair[0], 1000);
        text[1003] = '1';
        memset(text + 1004, pair[1], 1000);
        CHECK(render_text(&out, text, &err) == VS_E_LIMIT);
    }
    vs_buf_free(&out);
}

/* A caller may fix the day; then it is the same one each time. */
TEST(chat, a_given_day_is_what_strftime_now_formats)
{
    static const char text[] = "{{ strftime_now('%d %b %Y, %A %H:%M') }}";
    json_t *context = json_pack("{s:s}", "strftime_now", "2024-02-29");
    vs_buf out = {0};
    vs_error err;

    CHECK_OK(vs_jinja_render(&out, text, strlen(text), context, "t", &err));
    CHECK(strcmp(out.data, "29 Feb 2024, Thursday 00:00") == 0);
    json_object_set_new(context, "strftime_now", json_string("29 Feb 2024"));
    CHECK(vs_jinja_render(&out, text, strlen(text), context, "t", &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "expected as \"2025-07-31\""));
    vs_buf_free(&out);
    json_decref(context);
}

/* Every allocation fails once: an error, and nothing lost (the sanitizers watch). */
TEST(chat, rendering_survives_any_allocation_that_fails)
{
    static const char text[] =
        "{% macro f(x) %}{{ x | upper ~ '-' }}{% endmacro %}{% set t %}{{ f(a) }}{% endset %}"
        "{{ people | selectattr('role') | map(attribute='role') | join(',') ~ t ~ map | tojson }}";
    vs_status st = VS_E_NOMEM;
    vs_error err;
    long n = 0;

    for (; st != VS_OK; n++) {
        vs_buf out = {0};
        vs_alloc_fail_after(n);
        st = render_text(&out, text, &err);
        vs_alloc_fail_after(-1);
        CHECK(st == VS_OK || st == VS_E_NOMEM);
        if (st == VS_OK)
            CHECK(strcmp(out.data, "user,botX-{\"k\": \"v\", \"q\": \"\\\"\\n\"}") == 0);
        vs_buf_free(&out);
    }
    CHECK(n > 5);
}

static void check_folder(const char *dir, const json_t *variables, const char *expected)
{
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "hi");
    vs_chat *c;
    vs_buf out = {0};
    vs_error err;

    CHECK_OK(vs_chat_open(&c, dir, &err));
    CHECK_OK(vs_chat_render(&out, c, messages, true, variables, &err));
    if (strcmp(out.data, expected) != 0) fail_msg("\"%s\", expected \"%s\"", out.data, expected);
    vs_chat_close(c);
    vs_buf_free(&out);
    json_decref(messages);
}

static void check_refused(const char *dir, const char *says)
{
    vs_chat *c;
    vs_error err = {0};

    CHECK(vs_chat_open(&c, dir, &err) == VS_E_INPUT || err.code == VS_E_FORMAT);
    if (!strstr(err.text, says)) fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

TEST(chat, a_folder_gives_template_and_tokens)
{
    const char *dir = vs_test_dir();

    check_refused(dir, "no chat template");
    write_text(dir, "chat_template.jinja", "{{ bos_token is defined }}{{ messages[0].content }}");
    check_folder(dir, NULL, "Falsehi");
    write_text(dir, "chat_template.jinja",
               "{{ '' if tools is none else tools }}{{ messages | length }}{{ eos_token }}"
               "{{ bos_token }}");
    write_text(dir, "tokenizer_config.json",
               "{\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": null, \"chat_template\": "
               "\"not this\"}");
    check_folder(dir, NULL, "1<b>");
    write_text(dir, "tokenizer_config.json", "{\"bos_token\": 3}");
    check_refused(dir, "\"bos_token\": found an integer, expected a text");
}

TEST(chat, a_folder_without_a_template_says_so)
{
    const char *dir = vs_test_dir();

    write_text(dir, "tokenizer_config.json", "{\"bos_token\": \"<s>\"}");
    check_refused(dir, "no chat template");
    write_text(dir, "tokenizer_config.json",
               "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"x\"}, {\"name\": "
               "\"tool_use\", \"template\": \"y\"}]}");
    check_refused(dir, "found rag, tool_use, expected \"default\"");
    write_text(dir, "tokenizer_config.json", "{\"chat_template\": 3}");
    check_refused(dir, "\"chat_template\": found an integer");
}

TEST(chat, named_templates_are_chosen_as_transformers_does)
{
    const char *dir = vs_test_dir();
    json_t *tools = json_pack("{s:[{}]}", "tools");

    write_text(dir, "tokenizer_config.json",
               "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"T{{ tools | length "
               "}}\"}, {\"name\": \"default\", \"template\": \"D{{ add_generation_prompt }}\"}]}");
    check_folder(dir, NULL, "DTrue");
    check_folder(dir, tools, "T1");
    json_decref(tools);
}

TEST(chat, tokens_of_special_tokens_map_count_as_in_transformers)
{
    const char *dir = vs_test_dir();

    write_text(dir, "chat_template.json",
               "{\"chat_template\": \"{{ bos_token }}{{ pad_token }}{{ unk_token }}\"}");
    write_text(dir, "special_tokens_map.json",
               "{\"bos_token\": \"<m>\", \"pad_token\": {\"content\": \"<p>\"}, "
               "\"additional_special_tokens\": [\"<x>\"]}");
    check_folder(dir, NULL, "<m><p>");
    write_text(dir, "tokenizer_config.json", "{\"bos_token\": \"<t>\", \"unk_token\": \"<u>\"}");
    check_folder(dir, NULL, "<m><p><u>");
    write_text(dir, "tokenizer_config.json",
               "{\"bos_token\": \"<t>\", \"unk_token\": \"<u>\", \"added_tokens_decoder\": {}}");
    check_folder(dir, NULL, "<t><u>");
}

TEST(chat, variables_of_the_caller_reach_the_template)
{
    const char *dir = vs_test_dir();
    json_t *variables = json_pack("{s:b, s:s, s:s}", "enable_thinking", 0, "strftime_now",
                                  "2024-02-29", "bos_token", "<mine>");
    json_t *messages = json_array();
    vs_chat *c;
    vs_buf out = {0};
    vs_error err;

    write_text(dir, "tokenizer_config.json", "{\"bos_token\": \"<b>\"}");
    write_text(dir, "chat_template.jinja",
               "{{ bos_token }}{{ enable_thinking is defined and enable_thinking is false }}"
               "{{ strftime_now('%d') if strftime_now is defined else 'no day' }}");
    check_folder(dir, NULL, "<b>Falseno day");
    check_folder(dir, variables, "<mine>True29");
    json_object_set(variables, "messages", messages);
    CHECK_OK(vs_chat_open(&c, dir, &err));
    CHECK(vs_chat_render(&out, c, messages, true, variables, &err) == VS_E_INPUT);
    CHECK(strstr(err.text, "\"messages\""));
    vs_chat_close(c);
    vs_buf_free(&out);
    json_decref(messages);
    json_decref(variables);
}
