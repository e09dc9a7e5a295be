/* Problem files of any bytes: every input is problems or one error, never a crash or a leak. The
 * first byte picks the format and the counts; the rest is the training file, and from its first NUL
 * on the test file. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/problems/problems.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A file in memory under a path that can be opened; *fd is closed by the caller. */
static int put(char *path, size_t cap, const uint8_t *data, size_t len)
{
    const int fd = memfd_create("problems", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < len) {
        const ssize_t n = write(fd, data + done, len - done);
        if (n <= 0) break;
        done += (size_t)n;
    }
    snprintf(path, cap, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const kinds[] = {"jsonl", "gsm8k", "math", "mbpp", "humaneval", "choice"};
    char train[64], test[64];
    vs_problem_source source = {.prompt = "{question}\n", .train_file = train};
    vs_problems problems = {0};
    const uint8_t *split;
    int train_fd, test_fd = -1;
    vs_error err;

    if (len == 0) return 0;
    source.kind = kinds[(data[0] & 7) % (sizeof kinds / sizeof *kinds)];
    source.allows_test_set_training = true;
    source.n_sft = data[0] >> 3 & 3;
    source.n_train = data[0] >> 5 & 3;
    data++;
    len--;
    split = len ? memchr(data, '\0', len) : NULL;
    if (split) {
        test_fd = put(test, sizeof test, split + 1, len - (size_t)(split + 1 - data));
        source.test_file = test;
        len = (size_t)(split - data);
    }
    train_fd = put(train, sizeof train, data, len);
    if (vs_problems_load(&problems, &source, &err) == VS_OK) vs_problems_free(&problems);
    if (test_fd >= 0) close(test_fd);
    if (train_fd >= 0) close(train_fd);
    return 0;
}
