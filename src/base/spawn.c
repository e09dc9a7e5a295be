#include "base/spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <unistd.h>

int vs_spawn(pid_t *pid, const char *const *argv, const char *const *environment, const int *fd,
             size_t n_fds)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&files) != 0) return ENOMEM;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        for (size_t i = 0; i < n_fds && rc == 0; i++)
            rc = posix_spawn_file_actions_adddup2(&files, fd[i], (int)i);
        if (rc == 0) /* its arguments are not const by history alone */
            rc = posix_spawnp(pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv,
                              environment ? (char *const *)(uintptr_t)environment : environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}
