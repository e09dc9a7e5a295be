#include "flow/labels/code/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/mem.h"

/* Allowed whatever the arguments. None opens, makes, changes or signals anything. */
static const char *const allowed[] = {
    /* descriptors that are open */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "close", "close_range", "lseek", "_llseek", "dup", "dup2", "dup3", "pipe", "pipe2",
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "eventfd2", "sendfile", "copy_file_range", "getdents",
    "getdents64", "fsync", "fdatasync",
    /* what a path is */
    "stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getcwd", "statfs", "fstatfs", "umask",
    /* memory */
    "mmap", "mprotect", "munmap", "mremap", "madvise", "brk", "mincore", "msync",
    /* threads and time */
    "futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "membarrier",
    "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "getcpu", "nanosleep", "clock_nanosleep",
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "alarm", "setitimer",
    "getitimer", "getpriority",
    /* signals, its own */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
    "rt_sigsuspend", "sigaltstack", "pause", "restart_syscall",
    /* itself and the machine */
    "getpid", "getppid", "gettid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid",
    "getegid", "getresuid", "getresgid", "getgroups", "capget", "uname", "sysinfo", "getrusage",
    "getrlimit", "setrlimit", "getrandom", "arch_prctl", "wait4", "waitid", "exit", "exit_group"};

/* Besides, where the folder that can be written is the sandbox's own. */
static const char *const allowed_inside[] = {
    "unlink",    "unlinkat", "rmdir",     "rename",    "renameat", "chmod",  "fchmod",   "fchmodat",
    "renameat2", "truncate", "ftruncate", "utimensat", "chdir",    "fchdir", "fallocate"};

/* The C library asks for these and goes on without them. */
static const char *const missing[] = {"clone3", "openat2", "epoll_pwait2", "futex_waitv",
                                      "fchmodat2"};

/* Of a call that does many things, the values of an argument's low half that are let through. The
 * kernel reads 32 bits of each of these. */
static const struct {
    const char *call;
    unsigned argument;
    uint32_t value;
} chosen[] = {
    {"ioctl", 1, TCGETS},
    {"ioctl", 1, TIOCGWINSZ},
    {"ioctl", 1, FIOCLEX},
    {"ioctl", 1, FIONCLEX},
    {"ioctl", 1, FIONBIO},
    {"ioctl", 1, FIONREAD},
    {"fcntl", 1, F_DUPFD},
    {"fcntl", 1, F_DUPFD_CLOEXEC},
    {"fcntl", 1, F_GETFD},
    {"fcntl", 1, F_SETFD},
    {"fcntl", 1, F_GETFL},
    {"fcntl", 1, F_SETFL},
    {"prctl", 0, PR_SET_NAME},
    {"prctl", 0, PR_GET_NAME},
    {"prlimit64", 0, 0},
    {"kill", 0, SANDBOX_FILTER_SELF},
    {"tgkill", 0, SANDBOX_FILTER_SELF},
};

static const struct {
    const char *call;
    unsigned flags; /* the argument that holds them */
} opens[] = {{"open", 1}, {"openat", 2}};

/* A name that this machine or libseccomp does not have cannot be called by it either. */
static int add(scmp_filter_ctx c, uint32_t action, const char *name)
{
    const int nr = seccomp_syscall_resolve_name(name);

    return nr < 0 ? 0 : seccomp_rule_add(c, action, nr, 0);
}

static int add_when(scmp_filter_ctx c, const char *name, unsigned argument, uint64_t mask,
                    uint64_t value)
{
    const int nr = seccomp_syscall_resolve_name(name);

    if (nr < 0) return 0;
    return seccomp_rule_add(c, SCMP_ACT_ALLOW, nr, 1,
                            SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value));
}

static int add_list(scmp_filter_ctx c, uint32_t action, const char *const *name, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) rc = add(c, action, name[i]);
    return rc;
}

static int add_opens(scmp_filter_ctx c, sandbox_isolation isolation)
{
    /* O_TMPFILE without O_DIRECTORY's bit, which is harmless */
    const uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int rc = 0;

    for (size_t i = 0; i < sizeof opens / sizeof *opens && rc == 0; i++)
        rc = isolation == SANDBOX_BUBBLEWRAP
                 ? add(c, SCMP_ACT_ALLOW, opens[i].call)
                 : add_when(c, opens[i].call, opens[i].flags, writing, 0);
    return rc;
}

static int add_rules(scmp_filter_ctx c, sandbox_isolation isolation)
{
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    const uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                            CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    int rc = add_list(c, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed);

    if (rc == 0 && isolation == SANDBOX_BUBBLEWRAP)
        rc = add_list(c, SCMP_ACT_ALLOW, allowed_inside,
                      sizeof allowed_inside / sizeof *allowed_inside);
    if (rc == 0)
        rc = add_list(c, SCMP_ACT_ERRNO(ENOSYS), missing, sizeof missing / sizeof *missing);
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen && rc == 0; i++)
        rc = add_when(c, chosen[i].call, chosen[i].argument, UINT32_MAX, chosen[i].value);
    if (rc == 0) rc = add_when(c, "clone", 0, thread | spaces, thread);
    return rc == 0 ? add_opens(c, isolation) : rc;
}

vs_status sandbox_filter_make(char **out, size_t *len, sandbox_isolation isolation, vs_error *err)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    const int fd = sandbox_file("", 0);
    int rc = c && fd >= 0 ? add_rules(c, isolation) : -ENOMEM;
    char *filter = NULL;
    off_t end = 0;

    if (rc == 0) rc = seccomp_export_bpf(c, fd);
    if (rc == 0) end = lseek(fd, 0, SEEK_END);
    if (end > 0) filter = vs_alloc((size_t)end, 1);
    if (rc == 0 && (!filter || pread(fd, filter, (size_t)end, 0) != end)) rc = -ENOMEM;
    if (c) seccomp_release(c);
    if (fd >= 0) close(fd);
    if (rc == 0) {
        *out = filter;
        *len = (size_t)end;
        return VS_OK;
    }
    free(filter);
    return VS_FAIL(err, VS_E_STATE, "sandbox: cannot make the system-call filter: %s",
                   strerror(-rc));
}
