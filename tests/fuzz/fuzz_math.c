/* fuzz_math.c - a gold answer, a NUL and an answer under the profiles of mathematics; without a NUL
 * the answer is its own gold. Every pair has a verdict in bounded time and memory, whatever it
 * holds. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "flow/labels/grade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *profile, const char *gold, size_t gold_len, const char *answer,
                  size_t len)
{
    vs_grade_result out;
    vs_buf text = {0};

    vs_buf_str(&text, "\\boxed{");
    vs_buf_add(&text, answer, len);
    vs_buf_str(&text, "}");
    if (!text.failed &&
        vs_grade(&out, profile, gold, gold_len, text.data, text.len, NULL) == VS_OK) {
        if (out.begin > out.end || out.end > text.len) __builtin_trap();
        if (!memchr(out.normal, 0, sizeof out.normal)) __builtin_trap();
    }
    vs_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *nul = size ? memchr(text, 0, size) : NULL;
    const size_t n_gold = nul ? (size_t)(nul - text) : size, skip = nul ? n_gold + 1 : 0;

    check("math", text, n_gold, text + skip, size - skip);
    check("math-flexible", text, n_gold, text + skip, size - skip);
    return 0;
}
