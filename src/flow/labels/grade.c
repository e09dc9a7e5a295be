/* grade.c - the table of profiles, and what their results have in common. */
#include "flow/labels/grade.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "flow/labels/grade_impl.h"

static const struct profile {
    const char *name, *version;
    grade_fn *grade;
} profiles[] = {
    {"gsm8k", "gsm8k/3", grade_gsm8k},
    {"gsm8k-flexible", "gsm8k-flexible/3", grade_gsm8k_flexible},
    {"arithmetic", "arithmetic/2", grade_arithmetic},
    {"math", "math/3", grade_math},
    {"math-flexible", "math-flexible/3", grade_math_flexible},
    {"math-hendrycks", "math-hendrycks/1", grade_math_hendrycks},
    {"math-minerva", "math-minerva/1", grade_math_minerva},
    {"choice", "choice/2", grade_choice},
};
enum { N_PROFILES = sizeof profiles / sizeof *profiles };

static const struct profile *find_profile(const char *name)
{
    for (size_t i = 0; i < N_PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0) return &profiles[i];
    return NULL;
}

const char *vs_profile_name(size_t i)
{
    return i < N_PROFILES ? profiles[i].name : NULL;
}

const char *vs_profile_version(const char *name)
{
    const struct profile *p = find_profile(name);

    return p ? p->version : NULL;
}

vs_status vs_profile_check(const char *name, const char *where, vs_status code, vs_error *err)
{
    char list[N_PROFILES * 24 + 1] = "";

    if (find_profile(name)) return VS_OK;
    for (size_t i = 0; i < N_PROFILES; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
                 profiles[i].name);
    return VS_FAIL(err, code, "%s: found '%.60s', expected one of %s", where, name, list);
}

const char *vs_verdict_name(vs_verdict verdict)
{
    static const char *const names[] = {"wrong", "right", "ungradable"};

    return names[verdict];
}

void grade_set_rule(vs_grade_result *out, const char *version, const char *where,
                    const char *suffix)
{
    snprintf(out->rule, sizeof out->rule, "%s:%s%s", version, where, suffix);
}

void grade_copy(char *out, size_t out_bytes, const char *text, size_t n)
{
    if (n >= out_bytes)
        for (n = out_bytes - 1; n && ((unsigned char)text[n] & 0xc0) == 0x80;) n--;
    for (size_t i = 0; i < n; i++) out[i] = text[i] ? text[i] : ' ';
    out[n] = '\0';
}

void grade_set_extract(vs_grade_result *out, const grade_texts *in, size_t begin, size_t end)
{
    out->begin = begin;
    out->end = end;
    grade_copy(out->extracted, sizeof out->extracted, in->completion + begin, end - begin);
}

void grade_set_normal(vs_grade_result *out, const char *text, size_t len)
{
    enum { HEX = 32, KEPT = VS_GRADE_NORMAL_BYTES - HEX - 4 };
    char hash[VS_HASH_HEX];

    if (len < sizeof out->normal && !memchr(text, '\0', len)) {
        memcpy(out->normal, text, len);
        out->normal[len] = '\0';
        return;
    }
    vs_sha256_hex(hash, text, len);
    snprintf(out->normal, sizeof out->normal, "%.*s..#%.*s", KEPT, text, HEX, hash);
}

vs_status vs_grade(vs_grade_result *out, const char *name, const char *gold, size_t gold_len,
                   const char *completion, size_t completion_len, vs_error *err)
{
    const struct profile *p = find_profile(name);
    const grade_texts in = {gold, completion, gold_len, completion_len};
    vs_grade_result r = {.verdict = VS_WRONG};

    VS_TRY(vs_profile_check(name, "grader", VS_E_INPUT, err));
    VS_TRY(p->grade(&r, p->version, &in, err));
    *out = r;
    return VS_OK;
}
