/* fuzz_code.c - any completion gives a program that stands in it. */
#include <stdint.h>
#include <string.h>

#include "flow/labels/code/code_extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    code_extract e;

    code_extract_from(&e, text, size, "f");
    if (e.begin > e.end || e.end > size || !e.rule) __builtin_trap();
    if (strcmp(e.rule, "fences") != 0 && strcmp(e.rule, "dedented") != 0 &&
        (e.text.len != e.end - e.begin || memcmp(e.text.data, text + e.begin, e.text.len) != 0))
        __builtin_trap();
    vs_buf_free(&e.text);
    return 0;
}
