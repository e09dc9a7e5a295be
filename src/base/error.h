/* error.h - one status list and one error record for the whole program.
 *
 * Fallible calls return vs_status, take `vs_error *err` last (NULL allowed) and write results only
 * on VS_OK. The lowest function that knows the cause writes the text: what, which input, where in
 * it, what was found, what was expected. Nobody else prints. */
#ifndef VS_BASE_ERROR_H
#define VS_BASE_ERROR_H

#define VS_NODISCARD    __attribute__((warn_unused_result))
#define VS_PRINTF(f, a) __attribute__((format(printf, f, a)))

typedef enum vs_status {
    VS_OK = 0,
    VS_E_USAGE,  /* wrong command line: exit 2 */
    VS_E_IO,     /* the operating system refused: open, read, write, rename, space */
    VS_E_FORMAT, /* a file or line is not what its format says */
    VS_E_INPUT,  /* well-formed input that cannot be used: unknown key, empty set, mismatch */
    VS_E_LIMIT,  /* a named limit was exceeded */
    VS_E_NOMEM,
    VS_E_STATE,   /* a run or model folder is not in the state that the call needs */
    VS_E_STOPPED, /* asked to stop: all finished work is saved */
} vs_status;

typedef struct vs_error {
    vs_status code;
    char text[1024];
} vs_error;

/* Fills *err (when not NULL). */
void vs_fail(vs_error *err, vs_status code, const char *format, ...) VS_PRINTF(3, 4);
/* The code is named again so that analyzers see a value that is not VS_OK. */
#define VS_FAIL(err, code, ...) (vs_fail((err), (code), __VA_ARGS__), (vs_status)(code))

/* For functions that own nothing. */
#define VS_TRY(expr)                          \
    do {                                      \
        const vs_status try_st_ = (expr);     \
        if (try_st_ != VS_OK) return try_st_; \
    } while (0)
/* For functions with a `done:` label and a `vs_status st`. */
#define VS_CHECK(expr)              \
    do {                            \
        st = (expr);                \
        if (st != VS_OK) goto done; \
    } while (0)
#endif
