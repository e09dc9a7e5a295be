/* sandbox.h - an interpreter for a program that nobody trusts: no network, no processes, nothing
 * written outside a scratch folder, bounded time, memory and output.
 *
 * Isolation, the first that works:
 *   bubblewrap  new user, mount, pid, network, IPC, UTS and cgroup namespaces; a root that holds
 *               the system's read-only /usr and /lib and nothing else, no /proc; a scratch folder of
 *               32 MiB in memory; the filter below
 *   seccomp     where namespaces are missing: the filter alone, which then also denies every way to
 *               open a file for writing, to change names or modes, and to signal others. Weaker: the
 *               program may read what this user may read, though it has no way to send it anywhere.
 *
 * The filter (seccomp-bpf, by libseccomp) denies new processes, sockets, tracing, other processes'
 * memory, namespaces, mounts, keys, BPF, io_uring and their kin. Since there are no children, one
 * process's limits are the program's.
 *
 * Threads: one at a time. Processes are spawned with posix_spawn, never forked from this program's
 * memory. */
#ifndef VS_LABELS_SANDBOX_H
#define VS_LABELS_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/hash.h"

enum {
    SANDBOX_OUTPUT_BYTES = 64 << 10, /* of standard output and error, then the program ends */
    SANDBOX_MEMORY_MB = 256,
    SANDBOX_SCRATCH_MB = 32,
    SANDBOX_SCRATCH_FILES = 1024,
    SANDBOX_THREADS = 64,
};

typedef struct sandbox sandbox;
typedef enum sandbox_isolation { SANDBOX_BUBBLEWRAP, SANDBOX_SECCOMP } sandbox_isolation;

/* Finds the interpreter and prepares the filter; what is missing is VS_E_STATE. Without namespaces
 * this process is from then on not dumpable: programs share its /proc. */
VS_NODISCARD vs_status sandbox_open(sandbox **out, sandbox_isolation isolation, vs_error *err);
void sandbox_close(sandbox *s);                        /* NULL is allowed */
const char *sandbox_name(sandbox_isolation isolation); /* "bubblewrap", "seccomp" */
/* "bubblewrap", "seccomp and Landlock" or "seccomp without Landlock" */
const char *sandbox_describe(const sandbox *s);
bool sandbox_shows_files(const sandbox *s);        /* programs read what this user may read */
const char *sandbox_interpreter(const sandbox *s); /* "Python 3.11.2" */

/* A hash of all that decides how strong the sandbox is: harness, filter, namespaces, limits, the
 * interpreter's and bubblewrap's files, kernel, machine and user. */
VS_NODISCARD vs_status sandbox_identify(char hex[VS_HASH_HEX], const sandbox *s, vs_error *err);

/* One interpreter of harness.py. Descriptors are the caller's, and stay open here. */
typedef struct sandbox_process {
    const char *role; /* "tests" or "program" */
    unsigned cpu_s;   /* CPU seconds, then it is killed */
    int from, to;     /* the pipes to the other interpreter */
    int job;          /* what it reads first */
    int result;       /* "tests" writes its verdict here; -1: none */
    int output;       /* standard output and error */
} sandbox_process;
VS_NODISCARD vs_status sandbox_spawn(pid_t *out, const sandbox *s, const sandbox_process *p,
                                     vs_error *err);

/* A file in memory that begins with data, at its start; -1: none (errno). */
int sandbox_file(const void *data, size_t len);
#endif
