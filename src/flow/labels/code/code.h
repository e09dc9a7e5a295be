/* code.h - grading programs: the profiles mbpp and humaneval.
 *
 * Right is a program for which all of a problem's tests hold. Hostile programs are expected, and
 * the tests' own interpreter is kept from them: a secret inside of the interpreter that runs a
 * program can be found by it (frames, the collector), and an object of the program's making may say
 * that it equals anything. So there are two interpreters, each in a sandbox of its own (sandbox.h),
 * joined by two pipes:
 *   program  loads the program and serves calls
 *   tests    runs the tests and holds the secret. The program's names stand for calls there;
 *            arguments and results travel as JSON, from which only types of the standard library
 *            are made. What else comes back is a handle, which can be called, iterated, indexed and
 *            given back, and equals nothing but itself.
 * The expected values are never sent. Restrictions that follow: tests see named tuples as tuples,
 * and what a program gives back is a copy; arguments that it changes are changed for the tests too.
 *
 * The version in the labels is the profile's; interpreter, isolation, harness and limits are in
 * vs_code_describe, and with the program and the tests in the key under which a result is cached.
 *
 * Gold: "mbpp" {"setup","tests"[,"imports"]}, "humaneval" {"prompt","test","entry_point"}, as
 * problems/ writes them. */
#ifndef VS_LABELS_CODE_H
#define VS_LABELS_CODE_H

#include "base/hash.h"
#include "flow/labels/code/code_run.h"
#include "flow/labels/grader.h"

typedef struct code_grader code_grader;

/* Results by content, kept by the caller. NULL functions: none. */
typedef struct code_cache {
    void *ctx;
    vs_status (*get)(void *ctx, const char key[VS_HASH_HEX], bool *found, code_result *out,
                     vs_error *err);
    vs_status (*put)(void *ctx, const char key[VS_HASH_HEX], const code_result *result,
                     vs_error *err);
} code_cache;

/* Takes the first isolation that passes the self-test, the weaker one only where it is allowed;
 * none: VS_E_STATE with what went wrong in each. */
VS_NODISCARD vs_status code_open(code_grader **out, size_t n_workers, bool allow_weak,
                                 vs_error *err);
void code_close(code_grader *g); /* NULL is allowed */
const char *code_describe(
    const code_grader *g); /* "Python 3.11.2, bubblewrap, harness 1a2b3c4d, 3 s of CPU time, .." */

bool code_is_profile(const char *profile);     /* "mbpp", "humaneval" */
const char *code_version(const char *profile); /* "mbpp/2" */
const char *code_profile_name(size_t i);       /* 0, 1, ..; NULL after the last */
VS_NODISCARD vs_status code_grade(code_grader *g, const char *profile, const vs_grade_item *items,
                                  size_t n, vs_grade_result *results, const code_cache *cache,
                                  size_t *bad, vs_error *err);

/* code_selftest.c: hostile programs; the first that surprises is named. scratch: a folder of this
 * process's alone. */
VS_NODISCARD vs_status code_selftest(const sandbox *s, size_t n_workers, vs_error *err);
/* The same, unless it has passed on this machine as this user and nothing of the sandbox or the
 * programs has changed since: then only the first of them runs. Kept in $XDG_CACHE_HOME/vstar, else
 * ~/.cache/vstar; where that cannot be written, the self-test runs every time. */
VS_NODISCARD vs_status code_selftest_once(const sandbox *s, size_t n_workers, vs_error *err);
size_t code_selftest_count(void);
#endif
