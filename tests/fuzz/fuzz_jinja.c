/* fuzz_jinja.c - any bytes as a chat template: a rendering, or an error that says something. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/model/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char names[] =
        "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"add_generation_prompt\": true, \"n\": "
        "3, \"none\": null,"
        " \"messages\": [{\"role\": \"system\", \"content\": \" be kind\\n\"}, {\"role\": "
        "\"user\", \"content\": \"h\\u00e4?\"},"
        " {\"role\": \"assistant\", \"content\": \"x\", \"tool_calls\": [{\"id\": \"123456789\", "
        "\"function\":"
        " {\"name\": \"f\", \"arguments\": {\"a\": [1, 2.5, \"\\\"\"]}}}]}]}";
    static json_t *context;
    vs_buf out = {0};
    vs_error err = {0};

    if (!context) context = json_loads(names, 0, NULL);
    if (vs_jinja_render(&out, (const char *)data, size, context, "fuzz", &err) != VS_OK &&
        !err.text[0])
        abort();
    vs_buf_free(&out);
    return 0;
}
