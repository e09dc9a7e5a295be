/* code_run.h - programs against tests, many at a time: what each comes to.
 *
 * A program and its tests never share an interpreter (code.h). Success is the tests' interpreter
 * giving back a secret of 128 bits that this process made and that interpreter alone was told; exit
 * codes and output are never evidence. CPU time decides "timeout", so that a loaded machine changes
 * no verdict; the wall clock only ends who does nothing, or next to nothing for very long. A verdict that the wall clock or the
 * machinery gave is asked for once more, alone. Private to labels/. Threads: one at a time; workers
 * are pairs of processes, driven by poll. */
#ifndef VS_LABELS_CODE_RUN_H
#define VS_LABELS_CODE_RUN_H

#include <stddef.h>

#include "flow/labels/code/sandbox.h"

typedef enum code_verdict {
    CODE_PASS,
    CODE_ASSERTION,
    CODE_EXCEPTION, /* detail: its class, or "exit" */
    CODE_SYNTAX,
    CODE_TIMEOUT,
    CODE_MEMORY,
    CODE_OUTPUT,
    CODE_KILLED, /* detail: the signal */
    CODE_INFRA,  /* the sandbox did not do its work */
} code_verdict;
const char *code_verdict_name(code_verdict v); /* "pass", "assertion", .. */

typedef struct code_result {
    code_verdict verdict;
    char detail[48];
} code_result;

typedef struct code_limits {
    double cpu_s;  /* of each of the two interpreters */
    double idle_s; /* wall clock in which it may do next to nothing */
    double wall_s; /* wall clock in all */
    bool is_once;  /* no second try for who idles */
} code_limits;

typedef struct code_job {
    const char *program; /* source */
    size_t program_len;
    const char *tests; /* a JSON object: {"profile","entry","setup","tests","imports"} */
    size_t tests_len;
} code_job;

/* results[i] for jobs[i]. VS_E_STOPPED when it was asked to stop. */
VS_NODISCARD vs_status code_run(code_result *results, const sandbox *s, const code_job *jobs,
                                size_t n, const code_limits *limits, size_t n_workers,
                                vs_error *err);
#endif
