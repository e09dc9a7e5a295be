/* fuzz_recipe.c - any bytes as a recipe: refused with an error, or written out and read back as the
 * same recipe. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/loop/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_recipe(vs_buf *out, const vs_recipe *r)
{
    if (vs_recipe_write(out, r, NULL) != VS_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vs_recipe r, again;
    vs_buf first = {0}, second = {0};
    vs_error err = {0};

    if (vs_recipe_parse(&r, (const char *)data, size, "fuzz", &err) != VS_OK) {
        if (!err.text[0]) abort();
        return 0;
    }
    write_recipe(&first, &r);
    if (vs_recipe_parse(&again, first.data, first.len, "fuzz", &err) != VS_OK) abort();
    write_recipe(&second, &again);
    if (strcmp(first.data, second.data) != 0) abort();
    (void)!vs_recipe_check(&r, "fuzz", &err);
    vs_recipe_free(&r);
    vs_recipe_free(&again);
    vs_buf_free(&first);
    vs_buf_free(&second);
    return 0;
}
