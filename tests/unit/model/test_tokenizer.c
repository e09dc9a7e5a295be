/* test_tokenizer.c - parity with Hugging Face on real tokenizers, refusals, limits, and memory that
 * runs out. */
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"
#include "vs_test.h"

static vs_error err;

/* --- real tokenizers --- */

static vs_tokenizer *open_shared(const char *folder)
{
    vs_tokenizer *t = NULL;
    char path[4096];

    snprintf(path, sizeof path, "%s", vs_test_shared(folder));
    CHECK_OK(vs_tokenizer_open(&t, path, &err));
    return t;
}

static void check_ids(const vs_tokenizer *t, const json_t *row, const char *key, bool add_special,
                      const char *where)
{
    const json_t *text = json_object_get(row, "text"), *want = json_object_get(row, key);
    vs_ids ids = {0};

    CHECK(json_is_string(text) && json_is_array(want));
    CHECK_OK(
        vs_encode(&ids, t, json_string_value(text), json_string_length(text), add_special, &err));
    for (size_t i = 0; i < ids.n && i < json_array_size(want); i++)
        if (ids.id[i] != json_integer_value(json_array_get(want, i)))
            fail_msg("%s: token %zu is %d, expected %lld", where, i, (int)ids.id[i],
                     (long long)json_integer_value(json_array_get(want, i)));
    if (ids.n != json_array_size(want))
        fail_msg("%s: %zu tokens, expected %zu", where, ids.n, json_array_size(want));
    vs_ids_free(&ids);
}

/* clean_up_tokenization of huggingface/transformers: that library's own step after decoding, which
 * the rows decoded_* of cases_hf_special.jsonl went through for all but Llama 2. */
static void clean_up(vs_buf *text)
{
    static const char *const marks[][2] = {
        {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
        {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const size_t from = strlen(marks[i][0]), to = strlen(marks[i][1]);
        char *at = text->data;

        while ((at = strstr(at, marks[i][0]))) {
            memcpy(at, marks[i][1], to);
            memmove(at + to, at + from, strlen(at + from) + 1);
            text->len -= from - to;
            at += to;
        }
    }
}

static void check_text(const vs_tokenizer *t, const json_t *row, const char *ids_key,
                       const char *key, bool skip_special, const char *where)
{
    const json_t *want = json_object_get(row, key), *list = json_object_get(row, ids_key), *id;
    vs_ids ids = {0};
    vs_buf text = {0};
    size_t i;

    if (!want) return;
    json_array_foreach(list, i, id)
        CHECK_OK(vs_ids_add(&ids, (int32_t)json_integer_value(id), &err));
    CHECK_OK(vs_decode(&text, t, ids.id, ids.n, skip_special, &err));
    if (strcmp(key, "decoded") != 0 && !strstr(where, "llama2")) clean_up(&text);
    if (text.len != json_string_length(want) ||
        memcmp(text.data, json_string_value(want), text.len) != 0)
        fail_msg("%s: %s: decoded \"%s\", expected \"%s\"", where, key, text.data,
                 json_string_value(want));
    vs_buf_free(&text);
    vs_ids_free(&ids);
}

/* Rows of folder/file, where the file exists. */
static size_t check_cases(const vs_tokenizer *t, const char *folder, const char *file)
{
    vs_jsonl *r = NULL;
    json_t *row = NULL;
    size_t n = 0;
    char relative[256];

    snprintf(relative, sizeof relative, "%s/%s", folder, file);
    if (!vs_test_shared(relative)) return 0;
    CHECK_OK(vs_jsonl_open(&r, vs_test_shared(relative), &err));
    for (;; n++) {
        CHECK_OK(vs_jsonl_next(r, &row, &err));
        if (!row) break;
        if (json_object_get(row, "ids"))
            check_ids(t, row, "ids", false, vs_jsonl_where(r));
        else
            check_ids(t, row, "ids_with_special", true, vs_jsonl_where(r));
        check_text(t, row, "ids", "decoded", false, vs_jsonl_where(r));
        check_text(t, row, "ids_with_special", "decoded_with_special", false, vs_jsonl_where(r));
        check_text(t, row, "ids_with_special", "decoded_without_special", true, vs_jsonl_where(r));
        json_decref(row);
    }
    vs_jsonl_close(r);
    return n;
}

/* n and the first 16 hex digits of SHA-256 over the ids as little-endian uint32. */
static void check_golden_row(const vs_tokenizer *t, const json_t *problem, const json_t *golden,
                             const char *where)
{
    vs_buf text = {0}, bytes = {0};
    vs_ids ids = {0};
    char hex[VS_HASH_HEX];

    vs_buf_printf(&text, "%s\n%s", json_string_value(json_object_get(problem, "question")),
                  json_string_value(json_object_get(problem, "answer")));
    CHECK_OK(vs_encode(&ids, t, text.data, text.len, false, &err));
    for (size_t i = 0; i < ids.n; i++)
        for (unsigned shift = 0; shift < 32; shift += 8) {
            const char byte = (char)((uint32_t)ids.id[i] >> shift & 0xFF);

            vs_buf_add(&bytes, &byte, 1);
        }
    vs_sha256_hex(hex, bytes.data, bytes.len);
    if ((json_int_t)ids.n != json_integer_value(json_object_get(golden, "n")) ||
        strncmp(hex, json_string_value(json_object_get(golden, "sha")), 16) != 0)
        fail_msg("%s: other ids than the golden ones (%zu tokens)", where, ids.n);
    vs_buf_free(&text);
    vs_buf_free(&bytes);
    vs_ids_free(&ids);
}

static size_t check_golden(const vs_tokenizer *t, const char *folder)
{
    vs_jsonl *problems = NULL, *golden = NULL;
    json_t *problem = NULL, *row = NULL;
    size_t n = 0;
    char relative[256];

    snprintf(relative, sizeof relative, "%s/golden_gsm8k_test.jsonl", folder);
    if (!vs_test_shared(relative)) return 0;
    CHECK_OK(vs_jsonl_open(&golden, vs_test_shared(relative), &err));
    CHECK_OK(vs_jsonl_open(&problems, vs_test_shared("gsm8k/test.jsonl"), &err));
    for (;; n++) {
        CHECK_OK(vs_jsonl_next(golden, &row, &err));
        if (!row) break;
        CHECK_OK(vs_jsonl_next(problems, &problem, &err));
        CHECK(problem);
        check_golden_row(t, problem, row, vs_jsonl_where(golden));
        json_decref(row);
        json_decref(problem);
    }
    vs_jsonl_close(golden);
    vs_jsonl_close(problems);
    return n;
}

static void check_folder(const char *folder, size_t n_cases)
{
    static const char *const files[] = {"cases_small.jsonl", "cases_utf8.jsonl",
                                        "cases_llamacpp.jsonl", "cases_hf_special.jsonl",
                                        "golden/tokenizer_cases.jsonl"};
    vs_tokenizer *t = open_shared(folder);
    size_t n = 0;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        n += check_cases(t, folder, files[i]);
    n += check_golden(t, folder);
    assert_int_equal(n, n_cases);
    vs_tokenizer_close(t);
}

#define PARITY(name, folder, n_cases)             \
    TEST(tokenizer, matches_every_case_of_##name) \
    {                                             \
        SKIP_WITHOUT_SHARED(folder);              \
        check_folder(folder, n_cases);            \
    }
PARITY(stories260K, "models/stories260K", 86)
PARITY(llama2, "tokenizers/llama2", 20 + 1 + 23 + 9 + 1319)
PARITY(llama3, "tokenizers/llama3", 20 + 1 + 23 + 9 + 1319)
PARITY(qwen25, "tokenizers/qwen25", 23 + 1319)
PARITY(gpt2, "tokenizers/gpt2", 20 + 1 + 23 + 9 + 1319)
PARITY(gpt_neox, "tokenizers/gpt_neox", 20 + 1 + 1319)
PARITY(falcon, "tokenizers/falcon", 23 + 10 + 1319)
PARITY(minimind, "tokenizers/minimind", 1319)

/* --- small tokenizers written here: ' stands for " --- */

static vs_status parse(vs_tokenizer **out, const char *text)
{
    char *json = vs_strdup_n(text, strlen(text));
    vs_status st;

    CHECK(json);
    for (char *p = json; *p; p++)
        if (*p == '\'') *p = '"';
    st = tok_parse(out, json, strlen(json), "tokenizer.json", &err);
    free(json);
    return st;
}

static vs_tokenizer *must_parse(const char *text)
{
    vs_tokenizer *t = NULL;

    CHECK_OK(parse(&t, text));
    return t;
}

/* The tokens' texts, each followed by |. */
static const char *tokens(const vs_tokenizer *t, const char *text, bool add_special)
{
    static char shown[4096];
    vs_ids ids = {0};
    size_t n = 0;

    CHECK_OK(vs_encode(&ids, t, text, strlen(text), add_special, &err));
    shown[0] = '\0';
    for (size_t i = 0; i < ids.n; i++) {
        const tok_entry *e = &t->vocab.entry[ids.id[i]];

        n += (size_t)snprintf(shown + n, sizeof shown - n, "%.*s|", (int)e->len,
                              t->vocab.text.data + e->at);
        CHECK(n < sizeof shown);
    }
    vs_ids_free(&ids);
    return shown;
}

/* Tokens of text under a file, and back to text. */
static void check_tokens(const char *file, const char *text, const char *want)
{
    vs_tokenizer *t = must_parse(file);

    CHECK_STR(tokens(t, text, false), want);
    vs_tokenizer_close(t);
}

static void check_round_trip(const vs_tokenizer *t, const char *text, size_t len)
{
    vs_ids ids = {0};
    vs_buf back = {0};

    CHECK_OK(vs_encode(&ids, t, text, len, false, &err));
    for (size_t i = 0; i < ids.n; i++) CHECK_OK(vs_token_bytes(&back, t, ids.id[i], &err));
    CHECK(back.len == len && (!len || memcmp(back.data, text, len) == 0));
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

static void check_decoded(const vs_tokenizer *t, const char *text, const char *want)
{
    vs_ids ids = {0};
    vs_buf back = {0};

    CHECK_OK(vs_encode(&ids, t, text, strlen(text), false, &err));
    CHECK_OK(vs_decode(&back, t, ids.id, ids.n, false, &err));
    CHECK_STR(back.data, want);
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

static void check_refused(const char *file, vs_status code, const char *named)
{
    vs_tokenizer *t = NULL;
    const vs_status st = parse(&t, file);

    if (st != code)
        fail_msg("%s: status %d, expected %d: %s", file, (int)st, (int)code,
                 st ? err.text : "accepted");
    if (!strstr(err.text, named)) fail_msg("%s: \"%s\" does not name %s", file, err.text, named);
    CHECK(!t);
}

/* Byte-level, 256 bytes by id, then "ab" (256) and "aa" (257), and <eos> (258). */
static vs_buf byte_level_file(const char *normalizer, const char *pattern)
{
    vs_buf b = {0};

    vs_buf_printf(&b,
                  "{'normalizer':%s,'added_tokens':[{'id':258,'content':'<eos>','special':true}],",
                  normalizer);
    vs_buf_printf(&b, "'pre_tokenizer':{'type':'ByteLevel','add_prefix_space':false%s},", pattern);
    vs_buf_str(&b, "'decoder':{'type':'ByteLevel'},'model':{'type':'BPE','merges':[['a','b'],'a "
                   "a'],'vocab':{");
    for (unsigned byte = 0; byte < 256; byte++)
        vs_buf_printf(&b, "'\\u%04x':%u,", tok_byte_char((unsigned char)byte), byte);
    vs_buf_str(&b, "'ab':256,'aa':257}}}");
    CHECK(!b.failed);
    return b;
}

static vs_tokenizer *byte_level(const char *normalizer, const char *pattern)
{
    vs_buf file = byte_level_file(normalizer, pattern);
    vs_tokenizer *t = must_parse(file.data);

    vs_buf_free(&file);
    return t;
}

/* Sentencepiece's kind: Prepend and Replace, byte fallback for all bytes, fused. */
static const char *metaspace_file(void)
{
    static char file[16384];
    size_t n = 0;

    n += (size_t)snprintf(
        file, sizeof file,
        "{'normalizer':{'type':'Sequence','normalizers':[{'type':'Prepend','prepend':'\u2581'},"
        "{'type':'Replace','pattern':{'String':' '},'content':'\u2581'}]},"
        "'added_tokens':[{'id':1,'content':'<s>','special':true,'normalized':false}],"
        "'post_processor':{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>'}},"
        "{'Sequence':{'id':'A'}}],'special_tokens':{'<s>':{'id':'<s>','ids':[1]}}},"
        "'decoder':{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'\u2581'},"
        "'content':' '},{'type':'ByteFallback'},{'type':'Fuse'},{'type':'Strip','content':' ',"
        "'start':1,'stop':0}]},"
        "'model':{'type':'BPE','unk_token':'<unk>','fuse_unk':true,'byte_fallback':true,"
        "'merges':['\u2581 a','a b'],'vocab':{'<unk>':0,'<s>':1,'\u2581':2,'a':3,'b':4,'\u2581a':5,"
        "'ab':6");
    for (unsigned byte = 0; byte < 256; byte++)
        n += (size_t)snprintf(file + n, sizeof file - n, ",'<0x%02X>':%u", byte, byte + 7);
    snprintf(file + n, sizeof file - n, "}}}");
    return file;
}

static const char demo_file[] =
    "{'version':'1.0','truncation':null,'padding':null,'normalizer':null,'post_processor':null,"
    "'added_tokens':[{'id':0,'content':'<eos>','single_word':false,'lstrip':false,'rstrip':false,'"
    "normalized':false,"
    "'special':true}],"
    "'pre_tokenizer':{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':"
    "'#### |\\\\. |\\\\? |Try | ?[A-Za-z]+(?: "
    "(?=[0-9]))?|[0-9]|.'},'behavior':'Isolated','invert':false},"
    "{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false}]},"
    "'decoder':{'type':'ByteLevel','add_prefix_space':false,'trim_offsets':true,'use_regex':false},"
    "'model':{'type':'BPE','dropout':null,'unk_token':null,'continuing_subword_prefix':null,'end_"
    "of_word_suffix':null,"
    "'fuse_unk':false,'byte_fallback':false,'ignore_merges':true,'merges':[],"
    "'vocab':{'<eos>':0,'Tom':1,'\u0120buys':2,'\u0120buys\u0120':3,'1':4,'2':5,'.\u0120':6,'?"
    "\u0120':7,"
    "'####\u0120':8,'of':9,'\u0120of\u0120':10,'Try\u0120':11,'\u0120pens':12,'.':13,'\u010a':14}}"
    "}";

TEST(tokenizer, takes_whole_pieces_with_ignore_merges)
{
    static const char text[] = "Tom buys 12 pens. Tom buys of 2? Try #### 2.\n<eos>";
    vs_tokenizer *t = must_parse(demo_file);

    CHECK_STR(tokens(t, text, true),
              "Tom|\u0120buys\u0120|1|2|\u0120pens|.\u0120|Tom|\u0120buys|\u0120of\u0120|2|?\u0120|"
              "Try\u0120|####\u0120|2|.|\u010a|<eos>|");
    check_decoded(t, text, text);
    check_round_trip(t, text, strlen(text));
    CHECK(vs_token_is_special(t, 0) && !vs_token_is_special(t, 1) && !vs_token_is_special(t, 15));
    CHECK(vs_tokenizer_find(t, "<eos>") == 0 && vs_tokenizer_find(t, "Tim") == -1);
    assert_int_equal(vs_tokenizer_size(t), 15);
    vs_tokenizer_close(t);
}

TEST(tokenizer, names_the_text_that_the_vocabulary_cannot_express)
{
    vs_tokenizer *t = must_parse(demo_file);
    vs_ids ids = {0};

    CHECK_OK(vs_ids_add(&ids, 7, &err));
    assert_int_equal(vs_encode(&ids, t, "Tom sells 1", 11, true, &err), VS_E_INPUT);
    CHECK(strstr(err.text, "\" sells \""));
    CHECK(ids.n == 1 && ids.id[0] == 7); /* what was there is still there, and nothing else */
    vs_ids_free(&ids);
    vs_tokenizer_close(t);
}

TEST(tokenizer, merges_by_rank_then_from_the_left)
{
    vs_tokenizer *t = byte_level("null", "");

    CHECK_STR(tokens(t, "aab aaaaa", false), "a|ab|\u0120|aa|aa|a|");
    vs_tokenizer_close(t);
    check_tokens("{'model':{'merges':['b c','a b','ab "
                 "c'],'vocab':{'a':0,'b':1,'c':2,'ab':3,'bc':4,'abc':5}}}",
                 "abcabab", "a|bc|ab|ab|");
    check_tokens("{'model':{'merges':['a b','ab c'],'vocab':{'a':0,'b':1,'c':2,'ab':3,'abc':5}}}",
                 "abcab", "abc|ab|");
}

TEST(tokenizer, passes_any_bytes_through_a_byte_level_vocabulary)
{
    static const char *const normalizers[] = {"null", "{'type':'NFC'}"};
    char text[1024];

    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7 + i / 256);
    for (size_t i = 0; i < 2; i++) {
        vs_tokenizer *t = byte_level(normalizers[i], "");

        check_round_trip(t, text, sizeof text);
        check_round_trip(t, "\xFF", 1);
        check_round_trip(t, "a\0b", 3);
        check_round_trip(t, "", 0);
        vs_tokenizer_close(t);
    }
}

TEST(tokenizer, decodes_bytes_that_are_no_text_as_replacement_characters)
{
    vs_tokenizer *t = byte_level("null", "");

    check_decoded(t, "a\xE2\x82z\xFF\xC0\xAF", "a\uFFFDz\uFFFD\uFFFD\uFFFD"); /* maximal subparts */
    vs_tokenizer_close(t);
    t = must_parse(metaspace_file());
    check_decoded(t,
                  "a\xE2\x82"
                  "b\xC3\xA9",
                  "a\uFFFD\uFFFDb\u00E9"); /* one per byte */
    vs_tokenizer_close(t);
}

TEST(tokenizer, composes_canonically)
{
    vs_tokenizer *t = byte_level("{'type':'NFC'}", "");

    check_decoded(t, "e\u0301 a\u0323\u0302 a\u0302\u0323 \u1100\u1161\u11A8 \uFB01 \u212B",
                  "\u00E9 \u1EAD \u1EAD \uAC01 \uFB01 \u00C5");
    check_decoded(t,
                  "e\u0301\xFF"
                  "e\u0301",
                  "\u00E9\uFFFD\u00E9");
    vs_tokenizer_close(t);
}

TEST(tokenizer, falls_back_to_bytes_and_adds_what_the_template_says)
{
    vs_tokenizer *t = must_parse(metaspace_file());

    CHECK_STR(tokens(t, "ab a\u00E9", true), "<s>|\u2581a|b|\u2581a|<0xC3>|<0xA9>|");
    CHECK_STR(tokens(t, "", true), "<s>|");
    CHECK_STR(tokens(t, "", false), "");
    CHECK_STR(tokens(t, "a<s>b", false), "\u2581a|<s>|\u2581|b|");
    check_decoded(t, " ab  a\u00E9", " ab  a\u00E9");
    vs_tokenizer_close(t);
}

TEST(tokenizer, writes_unk_once_per_character_or_per_run)
{
    check_tokens("{'model':{'unk_token':'u','vocab':{'u':0,'a':1},'merges':[]}}", "xya\u00E9",
                 "u|u|a|u|");
    check_tokens("{'model':{'unk_token':'u','fuse_unk':true,'vocab':{'u':0,'a':1},'merges':[]}}",
                 "xyaxx", "u|a|u|");
}

TEST(tokenizer, gives_the_bytes_of_one_token_as_a_stream_would_see_them)
{
    vs_tokenizer *t = must_parse(metaspace_file());
    vs_buf b = {0};

    CHECK_OK(vs_token_bytes(&b, t, vs_tokenizer_find(t, "\u2581a"), &err));
    CHECK_STR(b.data, " a"); /* the leading space stays */
    vs_buf_clear(&b);
    CHECK_OK(vs_token_bytes(&b, t, vs_tokenizer_find(t, "<0xC3>"), &err));
    CHECK_STR(b.data, "\xC3");
    vs_tokenizer_close(t);
    t = must_parse("{'model':{'vocab':{'a':0},'merges':[]}}");
    vs_buf_clear(&b);
    CHECK_OK(vs_token_bytes(&b, t, 0, &err));
    CHECK_STR(b.data, " a"); /* without a decoder tokens are joined by spaces */
    vs_buf_free(&b);
    check_decoded(t, "aa", "a a");
    vs_tokenizer_close(t);
}

TEST(tokenizer, refuses_to_decode_an_id_outside_the_vocabulary)
{
    static const int32_t bad[] = {-1, 1, 3, INT32_MAX, INT32_MIN};
    vs_tokenizer *t = must_parse("{'model':{'vocab':{'a':0,'b':2},'merges':[]}}");
    vs_buf b = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(vs_decode(&b, t, &bad[i], 1, false, &err), VS_E_INPUT);
        assert_int_equal(vs_decode(&b, t, &bad[i], 1, true, &err), VS_E_INPUT);
        assert_int_equal(vs_token_bytes(&b, t, bad[i], &err), VS_E_INPUT);
    }
    assert_int_equal(b.len, 0);
    vs_buf_free(&b);
    vs_tokenizer_close(t);
}

/* Every letter is a token, and so is every piece that is looked for: pieces show. */
static void check_split(const char *pre_tokenizer, const char *text, const char *want)
{
    vs_buf file = {0};
    static const char *const pieces[] = {
        "x",   "xx",     "-",       "--",       "x-",  "-x",        "--x",
        "x--", "xx-",    "-xx",     "1",        "12",  "1234",      "!",
        "!?",  "\u2581", "\u2581x", "\u2581xx", "xx1", "xx\u2581x", "\u2581xx\u2581x"};

    vs_buf_printf(&file,
                  "{'pre_tokenizer':%s,'model':{'unk_token':'?','ignore_merges':true,'merges':[],'"
                  "vocab':{'?':0",
                  pre_tokenizer);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        vs_buf_printf(&file, ",'%s':%zu", pieces[i], i + 1);
    vs_buf_str(&file, "}}}");
    check_tokens(file.data, text, want);
    vs_buf_free(&file);
}

TEST(tokenizer, splits_in_every_behaviour)
{
    static const char *const cases[][3] = {
        {"Isolated", "false", "xx|-|-|x|-|"},
        {"Removed", "false", "xx|x|"},
        {"MergedWithPrevious", "false", "xx-|-|x-|"},
        {"MergedWithNext", "false", "xx|-|-x|-|"},
        {"Contiguous", "false", "xx|--|x|-|"},
        {"Isolated", "true", "xx|-|-|x|-|"},
        {"Removed", "true", "-|-|-|"},
        {"MergedWithPrevious", "true", "xx|-|-x|-|"},
        {"MergedWithNext", "true", "xx-|-|x-|"},
    };
    static const char *const patterns[] = {"'String':'-'", "'Regex':'-'"};
    char pre[512];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t k = 0; k < 2; k++) {
            snprintf(pre, sizeof pre, "{'type':'Split','pattern':{%s},'behavior':'%s','invert':%s}",
                     patterns[k], cases[i][0], cases[i][1]);
            check_split(pre, "xx--x-", cases[i][2]);
        }
}

TEST(tokenizer, splits_digits_punctuation_and_metaspace)
{
    check_split("{'type':'Digits','individual_digits':true}", "xx12x", "xx|1|?|x|");
    check_split("{'type':'Digits','individual_digits':false}", "xx12x", "xx|12|x|");
    check_split("{'type':'Punctuation'}", "xx--x", "xx|-|-|x|");
    check_split("{'type':'Punctuation','behavior':'Contiguous'}", "xx!?x$<x", "xx|!?|x|?|?|x|");
    check_split("{'type':'Metaspace','replacement':'\u2581','prepend_scheme':'always'}", "xx x",
                "\u2581xx|\u2581x|");
    check_split("{'type':'Metaspace','replacement':'\u2581','prepend_scheme':'always'}", " xx x",
                "\u2581xx|\u2581x|");
    check_split("{'type':'Metaspace','replacement':'\u2581','prepend_scheme':'never'}", "xx x",
                "xx|\u2581x|");
    check_split("{'type':'Metaspace','add_prefix_space':true,'split':false}", "xx x",
                "\u2581xx\u2581x|");
    check_split("{'type':'Split','pattern':{'Regex':'(?=-)'},'behavior':'Isolated'}", "xx-xx",
                "xx|-xx|");
    check_split("{'type':'Split','pattern':{'Regex':'x+|(?=-)'},'behavior':'Isolated'}", "xx-xx",
                "xx|-|xx|");
}

TEST(tokenizer, prepends_metaspace_only_where_its_scheme_says)
{
    static const char file[] =
        "{'pre_tokenizer':{'type':'Metaspace','prepend_scheme':'%s'},'decoder':{'type':'Metaspace',"
        "'prepend_scheme':'%s'},"
        "'added_tokens':[{'id':4,'content':'<s>','special':true}],"
        "'model':{'vocab':{'\u2581':0,'x':1,'\u2581x':2},'merges':['\u2581 x']}}";
    static const char *const want[][3] = {{"always", "\u2581x|<s>|\u2581x|", "x<s> x"},
                                          {"first", "\u2581x|<s>|x|", "x<s>x"},
                                          {"never", "x|<s>|x|", "x<s>x"}};

    for (size_t i = 0; i < 3; i++) {
        char text[1024];
        vs_tokenizer *t;

        snprintf(text, sizeof text, file, want[i][0], want[i][0]);
        t = must_parse(text);
        CHECK_STR(tokens(t, "x<s>x", false), want[i][1]);
        check_decoded(t, "x<s>x", want[i][2]);
        vs_tokenizer_close(t);
    }
}

TEST(tokenizer, keeps_bytes_that_are_no_text_apart_when_it_splits)
{
    vs_tokenizer *t = byte_level("null", ",'use_regex':true");
    vs_ids ids = {0};

    CHECK_OK(vs_encode(&ids, t,
                       "ab\x80\x80"
                       "ab",
                       6, false, &err));
    CHECK(ids.n == 4 && ids.id[0] == 256 && ids.id[1] == 0x80 && ids.id[2] == 0x80 &&
          ids.id[3] == 256);
    vs_ids_free(&ids);
    vs_tokenizer_close(t);
}

TEST(tokenizer, adds_a_space_before_text_that_has_none)
{
    static const char file[] =
        "{'pre_tokenizer':{'type':'ByteLevel'},'model':{'vocab':{'a':0,'\u0120':1},'merges':[]}}";

    check_tokens(file, "a a", "\u0120|a|\u0120|a|");
    check_tokens(file, " a", "\u0120|a|");
}

static const char added_file[] =
    "{'normalizer':{'type':'Replace','pattern':{'String':'B'},'content':'b'},"
    "'added_tokens':[{'id':10,'content':'<l>','lstrip':true},{'id':11,'content':'<r>','rstrip':"
    "true},"
    "{'id':12,'content':'aa','single_word':true},{'id':13,'content':'<l><','special':true},"
    "{'id':14,'content':'BB','normalized':true},{'id':15,'content':'cB','normalized':false}],"
    "'model':{'unk_token':'?','vocab':{'?':0,'a':1,' ':2,'b':3,'<':4,'\u00E9':5},'merges':[]}}";

TEST(tokenizer, finds_added_tokens_with_their_conditions)
{
    vs_tokenizer *t = must_parse(added_file);

    CHECK_STR(tokens(t, "a \u00A0\n <l> a", false), "a|<l>| |a|");
    CHECK_STR(tokens(t, "a <r> \t a", false), "a| |<r>|a|");
    CHECK_STR(tokens(t, "<r> <l>a", false), "<r>|<l>|a|");
    CHECK_STR(tokens(t, "<l>a<l><", false), "<l>|a|<l><|"); /* leftmost, then longest */
    CHECK_STR(tokens(t,
                     "aa aaa \u00E9"
                     "aa aa",
                     false),
              "aa| |a|a|a| |\u00E9|a|a| |aa|");
    CHECK_STR(tokens(t, "aBBbbBb", false), "a|BB|BB|BB|"); /* found in its normalised form */
    CHECK_STR(tokens(t, "cBcb", false), "cB|?|b|");
    vs_tokenizer_close(t);
}

TEST(tokenizer, wraps_templates_in_order_and_skips_special_tokens_when_asked)
{
    static const char file[] =
        "{'added_tokens':[{'id':1,'content':'<s>','special':true},{'id':2,'content':'</"
        "s>','special':true}],"
        "'post_processor':{'type':'Sequence','processors':["
        "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'</"
        "s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}}],"
        "'special_tokens':{'</s>':{'id':'</s>','ids':[2],'tokens':['</s>']}}},{'type':'ByteLevel'},"
        "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'b'}},{'Sequence':{'id':'A'}}"
        ",{'SpecialToken':{'id':'b'}}],"
        "'special_tokens':{'b':{'id':'b','ids':[1,2]}}}]},"
        "'decoder':{'type':'Fuse'},'model':{'vocab':{'a':0},'merges':[]}}";
    vs_tokenizer *t = must_parse(file);
    vs_buf text = {0};
    vs_ids ids = {0};

    CHECK_STR(tokens(t, "a", true), "<s>|</s>|</s>|a|<s>|</s>|");
    CHECK_OK(vs_encode(&ids, t, "a", 1, true, &err));
    CHECK_OK(vs_decode(&text, t, ids.id, ids.n, true, &err));
    CHECK_STR(text.data, "a");
    vs_buf_free(&text);
    vs_ids_free(&ids);
    vs_tokenizer_close(t);
}

/* --- what is refused --- */

#define MODEL "'model':{'vocab':{'a':0},'merges':[]}"

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
        {"{'truncation':{'max_length':5}," MODEL "}", "truncation"},
        {"{'padding':{}," MODEL "}", "padding"},
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
        {"{'added_tokens':[{'id':1,'content':'a'}]," MODEL "}", "\"a\""},
        {"{'added_tokens':[{'id':0,'content':'b'}]," MODEL "}", "the id 0"},
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
    char path[512], json[sizeof demo_file];

    snprintf(json, sizeof json, "%s", demo_file);
    for (char *p = json; *p; p++)
        if (*p == '\'') *p = '"';
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    CHECK_OK(vs_file_replace(path, json, strlen(json), &err));
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

static char *repeat(const char *unit, size_t n)
{
    const size_t len = strlen(unit);
    char *text = malloc(n * len + 1);

    CHECK(text);
    for (size_t i = 0; i < n; i++) memcpy(text + i * len, unit, len);
    text[n * len] = '\0';
    return text;
}

TEST(tokenizer, holds_its_limits_on_ids_tokens_and_merges)
{
    char *longest = repeat("x", TOK_MAX_TOKEN_BYTES), *merges = repeat("0,", TOK_MAX_MERGES);
    vs_buf file = {0};

    check_tokens("{'model':{'vocab':{'a':1048575},'merges':[]}}", "a", "a|");
    check_refused("{'model':{'vocab':{'a':1048576},'merges':[]}}", VS_E_LIMIT, "1048576");
    check_refused("{'model':{'vocab':{'a':-1},'merges':[]}}", VS_E_LIMIT, "-1");
    check_refused("{'added_tokens':[{'id':1048576,'content':'b'}]," MODEL "}", VS_E_LIMIT,
                  "1048576");

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

/* 'a' -> 'aa' thirty-two times would be 4 GiB from one byte. */
TEST(tokenizer, stops_texts_that_grow_past_the_limit)
{
    char *steps =
        repeat("{'type':'Replace','pattern':{'String':'a'},'content':'aa'},", TOK_MAX_OPS - 1);
    vs_buf file = {0}, text = {0};
    vs_ids ids = {0};
    const int32_t a = 0;
    vs_tokenizer *t;

    vs_buf_printf(&file, "{'normalizer':{'type':'Sequence','normalizers':[%s{'type':'NFC'}]},",
                  steps);
    vs_buf_printf(&file, "'decoder':{'type':'Sequence','decoders':[%s{'type':'Fuse'}]}," MODEL "}",
                  steps);
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
    free(steps);
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

/* --- long pieces: these end in reasonable time only if no step is quadratic --- */

TEST(tokenizer, takes_a_megabyte_without_a_border)
{
    enum { N = 1 << 20 };
    static const char *const units[] = {"a", " ", "\u0301", "\xFF", "1", "<", "\n"};
    vs_tokenizer *t = byte_level("{'type':'NFC'}", "");

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char *text = repeat(units[i], N);

        check_round_trip(t, text, N * strlen(units[i]));
        free(text);
    }
    vs_tokenizer_close(t);
}

TEST(tokenizer, halves_a_megabyte_of_one_letter)
{
    enum { N = 1 << 20 };
    vs_tokenizer *t = byte_level("null", "");
    char *text = repeat("a", N);
    vs_ids ids = {0};

    CHECK_OK(vs_encode(&ids, t, text, N, false, &err));
    assert_int_equal(ids.n, N / 2);
    for (size_t i = 0; i < ids.n; i++) CHECK(ids.id[i] == 257);
    free(text);
    vs_ids_free(&ids);
    vs_tokenizer_close(t);
}

/* Marks in falling order of class, the worst case of an insertion sort: the dots below (220) come
 * before the diaereses (230), of which x takes the first, because no mark of its own class stands
 * between. */
TEST(tokenizer, orders_a_long_run_of_combining_marks)
{
    enum { N = 1 << 18 };
    vs_tokenizer *t = byte_level("{'type':'NFC'}", "");
    char *above = repeat("\u0308", N), *below = repeat("\u0323", N);
    vs_buf text = {0}, want = {0}, back = {0};
    vs_ids ids = {0};

    vs_buf_printf(&text, "x%s%s", above, below);
    vs_buf_printf(&want, "\u1E8D%s%s", below, above + 2);
    CHECK_OK(vs_encode(&ids, t, text.data, text.len, false, &err));
    CHECK_OK(vs_decode(&back, t, ids.id, ids.n, false, &err));
    CHECK(back.len == want.len && memcmp(back.data, want.data, want.len) == 0);
    vs_ids_free(&ids);
    vs_buf_free(&text);
    vs_buf_free(&want);
    vs_buf_free(&back);
    free(above);
    free(below);
    vs_tokenizer_close(t);
}

/* --- memory and threads --- */

/* Parses, encodes and decodes with n allocations granted. */
static vs_status run_with_allocations(const char *json, const char *text, long n)
{
    vs_tokenizer *t = NULL;
    vs_ids ids = {0};
    vs_buf back = {0};
    vs_status st;

    vs_alloc_fail_after(n);
    st = tok_parse(&t, json, strlen(json), "t", &err);
    if (st == VS_OK) st = vs_encode(&ids, t, text, strlen(text), true, &err);
    CHECK(st == VS_OK || ids.n == 0);
    if (st == VS_OK) st = vs_decode(&back, t, ids.id, ids.n, false, &err);
    CHECK(st == VS_OK || back.len == 0);
    if (st == VS_OK) st = vs_token_bytes(&back, t, ids.id[0], &err);
    vs_alloc_fail_after(-1);
    vs_tokenizer_close(t);
    vs_ids_free(&ids);
    vs_buf_free(&back);
    return st;
}

static void check_allocations(const char *file, const char *text)
{
    char *json = strdup(file);
    vs_status st = VS_E_NOMEM;
    long n = 0;

    CHECK(json);
    for (char *p = json; *p; p++)
        if (*p == '\'') *p = '"';
    for (; st == VS_E_NOMEM && n < 10000; n++) st = run_with_allocations(json, text, n);
    assert_int_equal(st, VS_OK);
    CHECK(n > 10); /* the failures were met */
    free(json);
}

TEST(tokenizer, survives_every_failing_allocation)
{
    vs_buf file = byte_level_file("{'type':'NFC'}", "");

    check_allocations(file.data, "aab e\u0301 <eos>\xFF ab");
    vs_buf_free(&file);
    check_allocations(demo_file, "Tom buys 1");
    check_allocations(added_file, "a a BB");
    check_allocations(metaspace_file(), "ab \u00E9");
}

TEST(tokenizer, may_be_used_by_several_threads)
{
    static const char text[] = "aab aaab  ab\n123 e\u0301";
    vs_tokenizer *t = byte_level("{'type':'NFC'}", "");
    vs_ids want = {0};
    int n_same = 0;

    CHECK_OK(vs_encode(&want, t, text, sizeof text - 1, false, &err));
#pragma omp parallel for num_threads(4) reduction(+ : n_same)
    for (int i = 0; i < 64; i++) {
        vs_ids ids = {0};

        if (vs_encode(&ids, t, text, sizeof text - 1, false, NULL) == VS_OK && ids.n == want.n &&
            memcmp(ids.id, want.id, want.n * sizeof *want.id) == 0)
            n_same++;
        vs_ids_free(&ids);
    }
    assert_int_equal(n_same, 64);
    vs_ids_free(&want);
    vs_tokenizer_close(t);
}
