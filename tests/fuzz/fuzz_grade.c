/* fuzz_grade.c - any completion under every profile: spans in range, copies ended, a value only
 * with a number. */
#include <stdint.h>
#include <string.h>

#include "flow/labels/grade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *profile, const char *gold, size_t gold_len, const char *text,
                  size_t len)
{
    vs_grade_result out;

    if (vs_grade(&out, profile, gold, gold_len, text, len, NULL) != VS_OK) return;
    if (out.begin > out.end || out.end > len) __builtin_trap();
    if (!memchr(out.extracted, 0, sizeof out.extracted) ||
        !memchr(out.normal, 0, sizeof out.normal))
        __builtin_trap();
    /* the published string rules take what they wipe out whole for the same */
    if (strcmp(profile, "math-hendrycks") == 0 || strcmp(profile, "math-minerva") == 0) return;
    if (out.verdict == VS_RIGHT && (!out.normal[0] || out.begin == out.end)) __builtin_trap();
    if (strncmp(profile, "gsm8k", 5) != 0 && strcmp(profile, "arithmetic") != 0) return;
    if (out.verdict == VS_UNGRADABLE && out.normal[0]) __builtin_trap();
    /* A normal form is a fixed point: read as a gold and as an answer, it is itself. */
    if (out.normal[0]) {
        vs_grade_result again;
        char marked[VS_NUMBER_NORMAL_BYTES + 5] = "#### ";
        strcat(marked, out.normal);
        if (vs_grade(&again, "gsm8k", out.normal, strlen(out.normal), marked, strlen(marked),
                     NULL) != VS_OK ||
            again.verdict != VS_RIGHT || strcmp(again.normal, out.normal) != 0)
            __builtin_trap();
    }
}

/* The input is a gold answer, a NUL and a completion; without a NUL it is a completion. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *nul = size ? memchr(text, 0, size) : NULL;
    const size_t n_gold = nul ? (size_t)(nul - text) : 0, skip = nul ? n_gold + 1 : 0;

    for (size_t i = 0; vs_profile_name(i); i++) {
        check(vs_profile_name(i), "18", 2, text + skip, size - skip);
        check(vs_profile_name(i), text, n_gold, text + skip, size - skip);
    }
    return 0;
}
