/* tokenizer_test.h - small tokenizers written as text, for the tokenizer's tests. In these texts '
 * stands for ". */
#ifndef VS_TOKENIZER_TEST_H
#define VS_TOKENIZER_TEST_H

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"
#include "vs_test.h"

#define MODEL "'model':{'vocab':{'a':0},'merges':[]}"

static vs_error err;

/* A copy with " for '; the caller frees it. */
static inline char *to_json(const char *text)
{
    char *json = strdup(text);

    CHECK(json);
    for (char *p = json; *p; p++)
        if (*p == '\'') *p = '"';
    return json;
}

static inline vs_status parse(vs_tokenizer **out, const char *text)
{
    char *json = to_json(text);
    const vs_status st = tok_parse(out, json, strlen(json), "tokenizer.json", &err);

    free(json);
    return st;
}

static inline vs_tokenizer *must_parse(const char *text)
{
    vs_tokenizer *t = NULL;

    CHECK_OK(parse(&t, text));
    return t;
}

/* The tokens' texts, each followed by |. */
static inline const char *tokens(const vs_tokenizer *t, const char *text, bool add_special)
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
static inline void check_tokens(const char *file, const char *text, const char *want)
{
    vs_tokenizer *t = must_parse(file);

    CHECK_STR(tokens(t, text, false), want);
    vs_tokenizer_close(t);
}

static inline void check_round_trip(const vs_tokenizer *t, const char *text, size_t len)
{
    vs_ids ids = {0};
    vs_buf back = {0};

    CHECK_OK(vs_encode(&ids, t, text, len, false, &err));
    for (size_t i = 0; i < ids.n; i++) CHECK_OK(vs_token_bytes(&back, t, ids.id[i], &err));
    CHECK(back.len == len && (!len || memcmp(back.data, text, len) == 0));
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

static inline void check_decoded(const vs_tokenizer *t, const char *text, const char *want)
{
    vs_ids ids = {0};
    vs_buf back = {0};

    CHECK_OK(vs_encode(&ids, t, text, strlen(text), false, &err));
    CHECK_OK(vs_decode(&back, t, ids.id, ids.n, false, &err));
    CHECK_STR(back.data, want);
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

static inline void check_refused(const char *file, vs_status code, const char *named)
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
static inline vs_buf byte_level_file(const char *normalizer, const char *pattern)
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

static inline vs_tokenizer *byte_level(const char *normalizer, const char *pattern)
{
    vs_buf file = byte_level_file(normalizer, pattern);
    vs_tokenizer *t = must_parse(file.data);

    vs_buf_free(&file);
    return t;
}

/* Sentencepiece's kind: Prepend and Replace, byte fallback for all bytes, fused. */
static inline const char *metaspace_file(void)
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

/* Every letter is a token, and so is every piece that is looked for: pieces show. */
static inline void check_split(const char *pre_tokenizer, const char *text, const char *want)
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

static inline char *repeat(const char *unit, size_t n)
{
    const size_t len = strlen(unit);
    char *text = malloc(n * len + 1);

    CHECK(text);
    for (size_t i = 0; i < n; i++) memcpy(text + i * len, unit, len);
    text[n * len] = '\0';
    return text;
}

static const char *const demo_file =
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

static const char *const added_file =
    "{'normalizer':{'type':'Replace','pattern':{'String':'B'},'content':'b'},"
    "'added_tokens':[{'id':10,'content':'<l>','lstrip':true},{'id':11,'content':'<r>','rstrip':"
    "true},"
    "{'id':12,'content':'aa','single_word':true},{'id':13,'content':'<l><','special':true},"
    "{'id':14,'content':'BB','normalized':true},{'id':15,'content':'cB','normalized':false}],"
    "'model':{'unk_token':'?','vocab':{'?':0,'a':1,' ':2,'b':3,'<':4,'\u00E9':5},'merges':[]}}";
#endif
