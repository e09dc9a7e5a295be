/* test_tokenizer.c - each step of encoding and decoding, long texts, memory that runs out, threads.
 */
#include "base/threads.h"
#include "tokenizer_test.h"

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

TEST(tokenizer, passes_over_truncation_and_padding_that_a_trainer_saved)
{
    check_tokens("{'truncation':{'max_length':1},'padding':{'pad_id':0},"
                 "'model':{'merges':[],'vocab':{'a':0,'b':1}}}",
                 "abab", "a|b|a|b|");
}

/* As tokenizers 0.22 loads them: the vocabulary's own id, else the next free one. */
TEST(tokenizer, gives_added_tokens_the_ids_that_tokenizers_gives)
{
    vs_tokenizer *t = must_parse("{'added_tokens':[{'id':1,'content':'b','special':true},"
                                 "{'id':60,'content':'<far>','special':true},"
                                 "{'id':9,'content':'<near>','special':true},"
                                 "{'id':77,'content':'a','special':true}],"
                                 "'model':{'merges':[],'vocab':{'a':0,'b':1,'c':2}}}");

    assert_int_equal(vs_tokenizer_find(t, "<far>"), 3);
    assert_int_equal(vs_tokenizer_find(t, "<near>"), 4);
    assert_int_equal(vs_tokenizer_find(t, "a"), 0);
    CHECK(vs_token_is_special(t, 0) && vs_token_is_special(t, 1) && !vs_token_is_special(t, 2));
    CHECK_STR(tokens(t, "c<far>a", false), "c|<far>|a|");
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

/* Models pad their vocabulary: what is drawn from one may have no token. */
TEST(tokenizer, refuses_an_id_outside_the_vocabulary_or_leaves_it_out_of_a_completion)
{
    static const int32_t bad[] = {-1, 1, 3, INT32_MAX, INT32_MIN};
    vs_tokenizer *t = must_parse("{'model':{'vocab':{'a':0,'b':2},'merges':[]}}");
    vs_buf b = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(vs_decode(&b, t, &bad[i], 1, false, &err), VS_E_INPUT);
        CHECK_OK(vs_token_bytes(&b, t, bad[i], &err));
        assert_int_equal(b.len, 0);
        const int32_t mixed[] = {0, bad[i], 2};
        CHECK_OK(vs_decode(&b, t, mixed, 3, true, &err));
        CHECK_STR(b.data, "a b"); /* without a decoder tokens are joined by spaces */
        vs_buf_clear(&b);
    }
    vs_buf_free(&b);
    vs_tokenizer_close(t);
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
    char *json = to_json(file);
    vs_status st = VS_E_NOMEM;
    long n = 0;

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

enum { ENCODINGS = 64 };

typedef struct encode_job {
    const vs_tokenizer *t;
    const char *text;
    vs_ids want;
    bool same[ENCODINGS];
} encode_job;

static void encode_part(void *ctx, size_t part, size_t thread)
{
    encode_job *j = ctx;
    vs_ids ids = {0};
    (void)thread;

    j->same[part] = vs_encode(&ids, j->t, j->text, strlen(j->text), false, NULL) == VS_OK &&
                    ids.n == j->want.n && memcmp(ids.id, j->want.id, ids.n * sizeof *ids.id) == 0;
    vs_ids_free(&ids);
}

TEST(tokenizer, may_be_used_by_several_threads)
{
    vs_tokenizer *t = byte_level("{'type':'NFC'}", "");
    encode_job job = {.t = t, .text = "aab aaab  ab\n123 e\u0301"};

    CHECK_OK(vs_encode(&job.want, t, job.text, strlen(job.text), false, &err));
    vs_threads_set(4);
    vs_run_parts(ENCODINGS, encode_part, &job);
    vs_threads_set(0);
    for (size_t i = 0; i < ENCODINGS; i++) CHECK(job.same[i]);
    vs_ids_free(&job.want);
    vs_tokenizer_close(t);
}
