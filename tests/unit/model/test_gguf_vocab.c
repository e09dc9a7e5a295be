#include "base/json.h"
#include "engine/model/tokenizer.h"
#include "gguf_test.h"

static vs_error err;

/* The tokenizer of the file at path, through the tokenizer.json that is written for it. */
static vs_tokenizer *must_convert(const char *path)
{
    vs_gguf *g = NULL;
    vs_tokenizer *t = NULL;
    const char *dir = vs_test_dir();

    CHECK_OK(vs_gguf_open(&g, path, &err));
    CHECK_OK(vs_gguf_write_tokenizer(g, dir, &err));
    vs_gguf_close(g);
    CHECK_OK(vs_tokenizer_open(&t, dir, &err));
    return t;
}

static vs_tokenizer *must_make(vs_buf *b)
{
    char *path = write_gguf(b);
    vs_tokenizer *t = must_convert(path);

    free(path);
    return t;
}

/* "3,1,2" */
static const char *ids_of(const vs_tokenizer *t, const char *text, bool add_special)
{
    static char shown[4096];
    vs_ids ids = {0};
    size_t n = 0;

    CHECK_OK(vs_encode(&ids, t, text, strlen(text), add_special, &err));
    shown[0] = '\0';
    for (size_t i = 0; i < ids.n && n < sizeof shown; i++)
        n += (size_t)snprintf(shown + n, sizeof shown - n, "%s%d", i ? "," : "", (int)ids.id[i]);
    vs_ids_free(&ids);
    return shown;
}

static void check_refused(vs_buf *b, vs_status code, const char *expected)
{
    vs_gguf *g = NULL;
    char *path = write_gguf(b);

    CHECK_OK(vs_gguf_open(&g, path, &err));
    if (vs_gguf_write_tokenizer(g, vs_test_dir(), &err) != code || !strstr(err.text, expected) ||
        strncmp(err.text, path, strlen(path)) != 0)
        fail_msg("found \"%s\", expected %s", err.text, expected);
    vs_gguf_close(g);
    free(path);
}

/* -- sentencepiece -- */

typedef struct piece {
    const char *text;
    float score;
    int type;
} piece;
/* Types: 1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte. llama.cpp gives user-defined
 * pieces the score -1000 and writes their spaces. */
static const piece pieces[] = {
    {"<unk>", 0, 2},
    {"<s>", 0, 3},
    {"</s>", 0, 3},
    {"<0x21>", 0, 6},
    {"\xE2\x96\x81", -9, 1},
    {"a", -10, 1},
    {"b", -11, 1},
    {"c", -12, 1},
    {"ab", -2, 1},
    {"bc", -1, 1},
    {"abc", -3, 1},
    {"\xE2\x96\x81"
     "a",
     -4, 1},
    {"  ", -1000, 4},
    {"<b>", -1000, 4},
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

static void put_pieces(vs_buf *b, const piece *p, size_t n)
{
    put_string(b, "tokenizer.ggml.model", "llama");
    put_array(b, "tokenizer.ggml.tokens", VS_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) put_text(b, p[i].text);
    put_array(b, "tokenizer.ggml.scores", VS_GGUF_F32, n);
    for (size_t i = 0; i < n; i++) put_f32(b, p[i].score);
    put_array(b, "tokenizer.ggml.token_type", VS_GGUF_I32, n);
    for (size_t i = 0; i < n; i++) put_number(b, (uint64_t)p[i].type, 4);
    put_size(b, "tokenizer.ggml.bos_token_id", 1);
    put_size(b, "tokenizer.ggml.eos_token_id", 2);
    put_size(b, "tokenizer.ggml.unknown_token_id", 0);
}
enum { N_PIECE_KEYS = 7 };

TEST(gguf_vocab, merges_pieces_by_score)
{
    vs_buf b = {0};

    put_head(&b, 3, 0, N_PIECE_KEYS + 1);
    put_pieces(&b, pieces, N_PIECES);
    put_bool(&b, "tokenizer.ggml.add_space_prefix", false);
    vs_tokenizer *t = must_make(&b);
    CHECK_STR(ids_of(t, "abc", false), "10"); /* b c first, then a bc */
    CHECK_STR(ids_of(t, "abb", false), "8,6");
    CHECK_STR(ids_of(t, " a b", false), "11,4,6");
    CHECK_STR(ids_of(t, "a", true), "1,5");
    vs_tokenizer_close(t);
}

TEST(gguf_vocab, keeps_runs_of_spaces_byte_pieces_and_added_tokens)
{
    vs_buf b = {0};

    put_head(&b, 3, 0, N_PIECE_KEYS + 1);
    put_pieces(&b, pieces, N_PIECES);
    put_bool(&b, "tokenizer.ggml.add_space_prefix", false);
    vs_tokenizer *t = must_make(&b);
    CHECK_STR(ids_of(t, "  a", false), "12,5"); /* the run goes before " a" */
    CHECK_STR(ids_of(t, "   a", false), "12,11");
    CHECK_STR(ids_of(t, "!", false), "3");
    CHECK_STR(ids_of(t, "a<b>b", false), "5,13,6");
    CHECK_STR(ids_of(t, "</s>", false), "2");
    CHECK(vs_token_is_special(t, 2) && !vs_token_is_special(t, 13));
    vs_tokenizer_close(t);
}

TEST(gguf_vocab, puts_a_space_before_the_text_unless_told_not_to)
{
    vs_buf b = {0}, text = {0};

    put_head(&b, 3, 0, N_PIECE_KEYS + 1);
    put_pieces(&b, pieces, N_PIECES);
    put_bool(&b, "tokenizer.ggml.add_eos_token", true);
    vs_tokenizer *t = must_make(&b);
    CHECK_STR(ids_of(t, "a", true), "1,11,2");
    CHECK_OK(vs_decode(&text, t, (const int32_t[]){1, 11, 4, 6, 2}, 5, true, &err));
    CHECK_STR(text.data, "a b");
    vs_buf_free(&text);
    vs_tokenizer_close(t);
}

TEST(gguf_vocab, refuses_vocabularies_that_are_not_whole)
{
    vs_buf b = {0};
    piece p[2] = {{"a", 0, 1}, {"a", 0, 1}};

    put_head(&b, 3, 0, 0);
    check_refused(&b, VS_E_FORMAT, "tokenizer.ggml.model");
    put_head(&b, 3, 0, 1);
    put_string(&b, "tokenizer.ggml.model", "bert");
    check_refused(&b, VS_E_INPUT, "found \"bert\", expected \"llama\" or \"gpt2\"");
    put_head(&b, 3, 0, 1);
    put_string(&b, "tokenizer.ggml.model", "llama");
    check_refused(&b, VS_E_FORMAT, "tokenizer.ggml.tokens");
    put_head(&b, 3, 0, N_PIECE_KEYS);
    put_pieces(&b, p, 2);
    check_refused(&b, VS_E_FORMAT, "tokens 0 and 1 are both \"a\"");
    p[1].text = "\xFF";
    put_head(&b, 3, 0, N_PIECE_KEYS);
    put_pieces(&b, p, 2);
    check_refused(&b, VS_E_FORMAT, "token 1: found other bytes");
    p[1].text = "";
    put_head(&b, 3, 0, N_PIECE_KEYS);
    put_pieces(&b, p, 2);
    check_refused(&b, VS_E_FORMAT, "token 1: found an empty text");
    p[1].text = "b";
    put_head(&b, 3, 0, N_PIECE_KEYS);
    put_pieces(&b, p, 2);
    check_refused(&b, VS_E_FORMAT, "\"tokenizer.ggml.eos_token_id\": found 2, expected 0 to 1");
    p[1].score = NAN;
    put_head(&b, 3, 0, N_PIECE_KEYS);
    put_pieces(&b, p, 2);
    check_refused(&b, VS_E_FORMAT, "token 1: expected a finite score");
}

/* -- byte-level -- */

static void put_byte_level(vs_buf *b, const char *pre)
{
    static const char *const tokens[] = {"a",  "b",        "1",    "\xC4\xA0", "\xC4\xA0\x61",
                                         "11", "\xC3\xB5", "<end>"},
                             *const merges[] = {"\xC4\xA0 a", "1 1"};

    put_head(b, 3, 0, 6);
    put_string(b, "tokenizer.ggml.model", "gpt2");
    put_string(b, "tokenizer.ggml.pre", pre);
    put_strings(b, "tokenizer.ggml.tokens", tokens, 8);
    put_strings(b, "tokenizer.ggml.merges", merges, 2);
    put_array(b, "tokenizer.ggml.token_type", VS_GGUF_I32, 8);
    for (int i = 0; i < 8; i++) put_number(b, i < 6 ? 1 : i == 6 ? 4 : 3, 4);
    put_size(b, "tokenizer.ggml.bos_token_id", 7);
}

TEST(gguf_vocab, cuts_byte_level_text_as_the_file_names_it)
{
    vs_buf b = {0};

    put_byte_level(&b, "gpt-2");
    vs_tokenizer *t = must_make(&b);
    CHECK_STR(ids_of(t, "b a11<end>", true), "1,4,5,7");
    vs_tokenizer_close(t);
    put_byte_level(&b, "smollm");
    t = must_make(&b);
    CHECK_STR(ids_of(t, "b a11", true), "1,4,2,2");
    vs_tokenizer_close(t);
    put_byte_level(&b, "llama-bpe"); /* adds BOS by default */
    t = must_make(&b);
    CHECK_STR(ids_of(t, "11", true), "7,5");
    vs_tokenizer_close(t);
    put_byte_level(&b, "deepseek-r1-qwen");
    t = must_make(&b);
    CHECK_STR(ids_of(t, "b a11", true), "1,4,2,2");
    vs_tokenizer_close(t);
    put_byte_level(&b, "tekken"); /* adds BOS by default; digits stand alone */
    t = must_make(&b);
    CHECK_STR(ids_of(t, "a11", true), "7,0,2,2");
    vs_tokenizer_close(t);
    put_byte_level(&b, "latin");
    check_refused(&b, VS_E_INPUT, "found \"latin\", expected one of gpt-2, smollm");
}

/* U+00F5 as an added token is a letter; in GPT-2's alphabet it would be the byte 0xF5. */
TEST(gguf_vocab, keeps_added_tokens_out_of_the_byte_alphabet)
{
    vs_buf b = {0};
    vs_ids ids = {0};

    put_byte_level(&b, "gpt-2");
    vs_tokenizer *t = must_make(&b);
    CHECK_STR(ids_of(t,
                     "\xC3\xB5"
                     "a",
                     false),
              "6,0");
    CHECK(vs_encode(&ids, t, "\xF5", 1, false, &err) == VS_E_INPUT && ids.n == 0);
    vs_ids_free(&ids);
    vs_tokenizer_close(t);
}

TEST(gguf_vocab, survives_each_allocation_failing)
{
    vs_buf b = {0};
    vs_gguf *g = NULL;
    vs_status st;
    const char *dir = vs_test_dir();

    put_head(&b, 3, 0, N_PIECE_KEYS);
    put_pieces(&b, pieces, N_PIECES);
    char *path = write_gguf(&b);
    CHECK_OK(vs_gguf_open(&g, path, &err));
    FAIL_EACH_ALLOCATION(st, st = vs_gguf_write_tokenizer(g, dir, &err));
    vs_gguf_close(g);
    free(path);
}

/* -- llama.cpp's own cases -- */

static char *read_text(const char *path, size_t *len)
{
    char *text = NULL;

    CHECK_OK(vs_file_read(&text, len, path, 1 << 20, &err));
    return text;
}

/* name.inp: texts with a separator line between them; name.out: a line of ids for each. */
static void check_cases(const vs_tokenizer *t, const char *name)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char file[64];
    size_t len, n_cases = 0;

    snprintf(file, sizeof file, "gguf_vocab/%s.gguf.inp", name);
    char *texts = read_text(vs_test_shared(file), &len);
    snprintf(file, sizeof file, "gguf_vocab/%s.gguf.out", name);
    char *lines = read_text(vs_test_shared(file), &len), *line = lines;
    for (char *text = texts, *end; (end = strstr(text, separator));
         text = end + strlen(separator)) {
        char *line_end = strchr(line, '\n');
        const char *found, *want = line;

        CHECK(line_end);
        *end = *line_end = '\0';
        found = ids_of(t, text, false);
        for (; *want; want++) { /* " 1 2" against "1,2" */
            if (*want == ' ' && (want == line || *found == ','))
                found += want != line;
            else if (*want != *found++)
                fail_msg("%s: \"%s\": found %s, expected%s", name, text, found, line);
        }
        CHECK(!*found);
        line = line_end + 1;
        n_cases++;
    }
    CHECK(n_cases >= 40);
    free(texts);
    free(lines);
}

TEST(gguf_vocab, gives_the_ids_of_llama_cpp_on_its_own_cases)
{
    static const char *const names[] = {"ggml-vocab-starcoder", "ggml-vocab-deepseek-coder",
                                        "ggml-vocab-deepseek-llm"};

    SKIP_WITHOUT_SHARED("gguf_vocab");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = vs_format("gguf_vocab/%s.gguf.xz", names[i]);
        char *path = vs_format("%s/%s", vs_test_dir(), names[i]);
        char *command = vs_format("xz -dc '%s' >'%s'", vs_test_shared(file), path);

        CHECK(system(command) == 0);
        vs_tokenizer *t = must_convert(path);
        check_cases(t, names[i]);
        vs_tokenizer_close(t);
        free(file);
        free(path);
        free(command);
    }
}
