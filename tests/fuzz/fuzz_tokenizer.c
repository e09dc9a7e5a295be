/* fuzz_tokenizer.c - two targets in one, chosen by the first byte: the input as tokenizer.json
 * (and, where it is accepted, a text under it); and any bytes through a valid tokenizer, which must
 * come back byte for byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/tokenizer_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const sample_text = "Tom's 12 pens\xE2\x96\x81 \xC3\xA9 e\xCC\x81 \xFF <s> aab";

static void use(const vs_tokenizer *t, const char *text, size_t len)
{
    vs_ids ids = {0};
    vs_buf back = {0};

    if (vs_encode(&ids, t, text, len, true, NULL) == VS_OK) {
        for (size_t i = 0; i < ids.n; i++)
            if (ids.id[i] < 0 || (size_t)ids.id[i] >= vs_tokenizer_size(t)) abort();
        if (vs_decode(&back, t, ids.id, ids.n, false, NULL) == VS_OK) vs_buf_clear(&back);
    }
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

static vs_tokenizer *byte_level(void)
{
    vs_tokenizer *t = NULL;
    vs_buf file = {0};

    vs_buf_str(
        &file,
        "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
        "\"decoder\":{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"id\":258,\"content\":\"<s>\"}],"
        "\"model\":{\"merges\":[\"a a\",\"aa b\"],\"vocab\":{");
    for (unsigned b = 0; b < 256; b++)
        vs_buf_printf(&file, "\"\\u%04x\":%u,", tok_byte_char((unsigned char)b), b);
    vs_buf_str(&file, "\"aa\":256,\"aab\":257}}}");
    if (tok_parse(&t, file.data, file.len, "built in", NULL) != VS_OK) abort();
    vs_buf_free(&file);
    return t;
}

static void round_trip(const vs_tokenizer *t, const char *text, size_t len)
{
    vs_ids ids = {0};
    vs_buf back = {0};

    if (vs_encode(&ids, t, text, len, false, NULL) != VS_OK) abort();
    for (size_t i = 0; i < ids.n; i++)
        if (vs_token_bytes(&back, t, ids.id[i], NULL) != VS_OK) abort();
    if (back.len != len || (len && memcmp(back.data, text, len) != 0)) abort();
    vs_ids_free(&ids);
    vs_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static vs_tokenizer *built_in;

    if (!built_in) built_in = byte_level();
    if (size && data[0] == 'b') {
        round_trip(built_in, (const char *)data + 1, size - 1);
        use(built_in, (const char *)data + 1, size - 1);
    } else {
        vs_tokenizer *t = NULL;

        if (tok_parse(&t, (const char *)data, size, "input", NULL) != VS_OK) return 0;
        use(t, sample_text, strlen(sample_text));
        vs_tokenizer_close(t);
    }
    return 0;
}
