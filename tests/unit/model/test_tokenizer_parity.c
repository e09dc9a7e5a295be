/* test_tokenizer_parity.c - every id and every decoded text of the golden cases of real tokenizers.
 */
#include "base/hash.h"
#include "base/json.h"
#include "engine/model/tokenizer_impl.h"
#include "vs_test.h"

static vs_error err;

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
