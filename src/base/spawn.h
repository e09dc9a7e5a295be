/* spawn.h - another program as a child, with signals as a program expects them.
 *
 * posix_spawn, so that nothing of this program's memory is copied. The child leads a session of its
 * own; kill(-pid, ..) reaches all that it starts and that stays in it. */
#ifndef VS_BASE_SPAWN_H
#define VS_BASE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

/* argv[0] is looked for in PATH where it has no slash. environment NULL: this program's. fd[i]
 * becomes descriptor i, for i < n_fds; the others are inherited unless they close on exec. Returns
 * 0, or an errno. */
int vs_spawn(pid_t *pid, const char *const *argv, const char *const *environment, const int *fd,
             size_t n_fds);
#endif
