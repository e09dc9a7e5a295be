/* test_tokenizer_limits.c - what tokenizer.json files and texts are refused, and the limits. */
#include <unistd.h>

#include "base/file.h"
#include "tokenizer_test.h"

/* --- what is refused --- */

TEST(tokenizer, refuses_by_name_what_it_lacks)
{
    static const char *const cases[][2] = {
        {"{'model':{'type':'Unigram','vocab':[]}}", "model.vocab"},
        {"{'model':{'type':'WordPiece','vocab':{},'merges':[]}}", "WordPiece"},
        {"{'model':{'dropout':0.1,'vocab':{},'merges':[]}}", "dropout"},
        {"{'model':{'continuing_subword_prefix':'##','vocab':{},'merges':[]}}",
         "continuing_subword_prefix"},
        {"{'model':{'end_of_word_suffix':'</w>','vocab':{},'merges':[]}}", "end_of_word_suffix"},
        {"{'model':{'unk_token':'u','vocab':{},'merges':[]}}", "unk_token"},
        {"{'model':{'vocab':{'a':0,'b':0},'merges':[]}}", "the id 0"},
        {"{'model':{'vocab':{'a':0,'b':1},'merges':['a b']}}", "merges[0]: \"ab\""},
        {"{'model':{'vocab':{'a':0},'merges':[['a','q']]}}", "\"q\""},
        {"{'model':{'vocab':{},'merges':[],'cache':1}}", "\"cache\""},
        {"{'extra':{}," MODEL "}", "extra"},
        {"{'':{}," MODEL "}", "the key \"\""},
        {"{'version truncation':{}," MODEL "}", "version truncation"},
        {"{'normalizer':{'type':'Lowercase'}," MODEL "}",
         "normalizer: \"type\": found \"Lowercase\""},
        {"{'normalizer':{'type':'Replace','pattern':{'Regex':'a'},'content':'b'}," MODEL "}",
         "Regex"},
        {"{'normalizer':{'type':'Replace','pattern':{'String':''},'content':'b'}," MODEL "}",
         "empty"},
        {"{'normalizer':{'type':'NFC','strict':true}," MODEL "}", "strict"},
        {"{'pre_tokenizer':{'type':'Sequence','pretokenizers':[{'type':'Digits'},{'type':'"
         "Whitespace'}]}," MODEL "}",
         "pre_tokenizer.pretokenizers[1]: \"type\": found \"Whitespace\""},
        {"{'pre_tokenizer':{'type':'Split','pattern':{'String':'-'},'behavior':'Random'}," MODEL
         "}",
         "Random"},
        {"{'pre_tokenizer':{'type':'Split','pattern':{'Regex':'(a'},'behavior':'Removed'}," MODEL
         "}",
         "(a"},
        {"{'pre_tokenizer':{'type':'Metaspace','prepend_scheme':'last'}," MODEL "}", "last"},
        {"{'decoder':{'type':'WordPiece'}," MODEL "}", "decoder: \"type\": found \"WordPiece\""},
        {"{'post_processor':{'type':'RobertaProcessing'}," MODEL "}", "RobertaProcessing"},
        {"{'post_processor':{'type':'TemplateProcessing','single':[{'Sequence':{'id':'B'}}]}," MODEL
         "}",
         "\"B\""},
        {"{'post_processor':{'type':'TemplateProcessing','single':[]}," MODEL "}", "Sequence A"},
        {"{'post_processor':{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'x'}}],"
         "'special_tokens':{'x':{'ids':[9]}}}," MODEL "}",
         "ids[0]"},
        {"{'added_tokens':[{'id':1,'content':''}]," MODEL "}", "added_tokens[0]"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(cases[i][0], i == 0 ? VS_E_FORMAT : VS_E_INPUT, cases[i][1]);
        CHECK(strstr(err.text, "tokenizer.json"));
    }
    check_refused("{", VS_E_FORMAT, "tokenizer.json:1");
    check_refused("[]", VS_E_FORMAT, "an array");
    check_refused("{}", VS_E_FORMAT, "model");
    check_refused("{'model':{'vocab':{'a':'0'},'merges':[]}}", VS_E_FORMAT, "\"a\"");
    check_refused("{'model':{'vocab':{},'merges':['a']}}", VS_E_FORMAT, "merges[0]");
    check_refused("{'model':{'vocab':{},'merges':['a b c']}}", VS_E_FORMAT, "merges[0]");
    check_refused("{'pre_tokenizer':{'type':'Split','pattern':{}}," MODEL "}", VS_E_FORMAT,
                  "pattern");
}

/* What PCRE2 reads differently from Oniguruma's Ruby syntax. */
TEST(tokenizer, refuses_patterns_that_would_mean_something_else)
{
    static const char *const patterns[] = {"\\\\w+", "\\\\bx",  "\\\\h",      "(?m:.)",  "(?<n>x)",
                                           "[a[b]]", "[a&&b]",  "\\\\p{Han}", "x{1,2}+", "\\\\1",
                                           "[]x]",   "(*UCP)x", "\\\\pL",     "x\\\\"};
    char file[512];

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        snprintf(file, sizeof file,
                 "{'pre_tokenizer':{'type':'Split','pattern':{'Regex':'%s'},'behavior':'Isolated'}"
                 "," MODEL "}",
                 patterns[i]);
        check_refused(file, VS_E_INPUT, "supported:");
    }
}

TEST(tokenizer, reads_white_space_and_line_ends_as_ruby_syntax_does)
{
    /* U+180E is white space to PCRE2 but not to Unicode; ^ is about lines; . is all but a line
     * feed. */
    check_split("{'type':'Split','pattern':{'Regex':'\\\\s'},'behavior':'Removed'}", "x\u180Ex x",
                "x|?|x|x|");
    check_split("{'type':'Split','pattern':{'Regex':'^x'},'behavior':'Isolated'}", "x\nx-",
                "x|?|x|-|");
    check_split("{'type':'Split','pattern':{'Regex':'.+'},'behavior':'Removed'}", "x\rx\nx", "?|");
}

TEST(tokenizer, says_which_file_is_missing)
{
    vs_tokenizer *t = NULL;
    const char *dir = vs_test_dir();

    assert_int_equal(vs_tokenizer_open(&t, dir, &err), VS_E_IO);
    CHECK(strstr(err.text, "/tokenizer.json"));
}

TEST(tokenizer, opens_a_folder_or_a_json_file)
{
    vs_tokenizer *t = NULL;
    const char *dir = vs_test_dir();
    char path[512], *json = to_json(demo_file);

    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    CHECK_OK(vs_file_replace(path, json, strlen(json), &err));
    free(json);
    CHECK_OK(vs_tokenizer_open(&t, dir, &err));
    vs_tokenizer_close(t);
    CHECK_OK(vs_tokenizer_open(&t, path, &err));
    vs_tokenizer_close(t);
}

/* --- limits --- */

TEST(tokenizer, refuses_a_file_one_byte_past_the_limit)
{
    vs_tokenizer *t = NULL;
    char path[512];
    FILE *fp;

    snprintf(path, sizeof path, "%s/big.json", vs_test_dir());
    fp = fopen(path, "w");
    CHECK(fp && ftruncate(fileno(fp), (off_t)TOK_MAX_FILE_BYTES + 1) == 0);
    fclose(fp);
    assert_int_equal(vs_tokenizer_open(&t, path, &err), VS_E_LIMIT);
    CHECK(strstr(err.text, "big.json"));
}

TEST(tokenizer, holds_its_limits_on_ids_tokens_and_merges)
{
    char *longest = repeat("x", TOK_MAX_TOKEN_BYTES), *merges = repeat("0,", TOK_MAX_MERGES);
    vs_buf file = {0};

    check_tokens("{'model':{'vocab':{'a':1048575},'merges':[]}}", "a", "a|");
    check_refused("{'model':{'vocab':{'a':1048576},'merges':[]}}", VS_E_LIMIT, "1048576");
    check_refused("{'model':{'vocab':{'a':-1},'merges':[]}}", VS_E_LIMIT, "-1");

    vs_buf_printf(&file, "{'model':{'vocab':{'%s':0},'merges':[]}}", longest);
    vs_tokenizer_close(must_parse(file.data));
    vs_buf_clear(&file);
    vs_buf_printf(&file, "{'model':{'vocab':{'%sx':0},'merges':[]}}", longest);
    check_refused(file.data, VS_E_LIMIT, "4097 bytes");
    vs_buf_clear(&file);
    vs_buf_printf(&file, "{'normalizer':{'type':'Prepend','prepend':'%sx'}," MODEL "}", longest);
    check_refused(file.data, VS_E_LIMIT, "4097 bytes");
    vs_buf_clear(&file);
    vs_buf_printf(
        &file,
        "{'pre_tokenizer':{'type':'Split','pattern':{'String':'%sx'},'behavior':'Removed'}," MODEL
        "}",
        longest);
    check_refused(file.data, VS_E_LIMIT, "4097 bytes");
    vs_buf_clear(&file);
    vs_buf_printf(&file, "{'model':{'vocab':{},'merges':[%s0]}}", merges);
    check_refused(file.data, VS_E_LIMIT, "4194305 merges");
    vs_buf_free(&file);
    free(longest);
    free(merges);
}

static void nested_file(vs_buf *file, size_t depth)
{
    char *open = repeat("{'type':'Sequence','normalizers':[", depth), *close = repeat("]}", depth);

    vs_buf_clear(file);
    vs_buf_printf(file, "{'normalizer':%s{'type':'NFC'}%s," MODEL "}", open, close);
    free(open);
    free(close);
}

TEST(tokenizer, holds_its_limits_on_nesting_and_steps)
{
    char *steps = repeat("{'type':'Fuse'},", TOK_MAX_OPS - 1);
    vs_buf file = {0};

    nested_file(&file, TOK_MAX_NESTING);
    vs_tokenizer_close(must_parse(file.data));
    nested_file(&file, TOK_MAX_NESTING + 1);
    check_refused(file.data, VS_E_LIMIT, "deeper");
    vs_buf_clear(&file);
    vs_buf_printf(&file, "{'decoder':{'type':'Sequence','decoders':[%s{'type':'Fuse'}]}," MODEL "}",
                  steps);
    vs_tokenizer_close(must_parse(file.data));
    vs_buf_clear(&file);
    vs_buf_printf(
        &file,
        "{'decoder':{'type':'Sequence','decoders':[%s{'type':'Fuse'},{'type':'Fuse'}]}," MODEL "}",
        steps);
    check_refused(file.data, VS_E_LIMIT, "decoders[32]");
    vs_buf_free(&file);
    free(steps);
}

/* Three steps would make 64 GiB of one byte. */
TEST(tokenizer, stops_texts_that_grow_past_the_limit)
{
    char *many = repeat("a", TOK_MAX_TOKEN_BYTES);
    vs_buf file = {0}, text = {0}, step = {0};
    vs_ids ids = {0};
    const int32_t a = 0;
    vs_tokenizer *t;

    vs_buf_printf(&step, "{'type':'Replace','pattern':{'String':'a'},'content':'%s'}", many);
    vs_buf_printf(&file, "{'normalizer':{'type':'Sequence','normalizers':[%s,%s,%s]},", step.data,
                  step.data, step.data);
    vs_buf_printf(&file, "'decoder':{'type':'Sequence','decoders':[%s,%s,%s]}," MODEL "}",
                  step.data, step.data, step.data);
    t = must_parse(file.data);
    assert_int_equal(vs_encode(&ids, t, "a", 1, false, &err), VS_E_LIMIT);
    assert_int_equal(vs_decode(&text, t, &a, 1, false, &err), VS_E_LIMIT);
    assert_int_equal(vs_encode(&ids, t, "a", (size_t)TOK_MAX_TEXT_BYTES + 1, false, &err),
                     VS_E_LIMIT);
    CHECK(ids.n == 0 && text.len == 0);
    vs_tokenizer_close(t);
    vs_buf_free(&file);
    vs_ids_free(&ids);
    vs_buf_free(&text);
    vs_buf_free(&step);
    free(many);
}

TEST(tokenizer, stops_a_pattern_that_backtracks_without_end)
{
    vs_tokenizer *t =
        must_parse("{'pre_tokenizer':{'type':'Split','pattern':{'Regex':'(?:a|aa|aaa)+[bc]'},"
                   "'behavior':'Isolated'}," MODEL "}");
    char *text = repeat("a", 64);
    vs_ids ids = {0};

    assert_int_equal(vs_encode(&ids, t, text, 64, false, &err), VS_E_LIMIT);
    CHECK(strstr(err.text, "split pattern"));
    free(text);
    vs_ids_free(&ids);
    vs_tokenizer_close(t);
}
