/* The folder half of file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { OPEN_FOLDERS = 16 }; /* how many nftw may hold open at a time */

static vs_status fail_errno(vs_error *err, const char *path, const char *what)
{
    const int cause = errno;

    return VS_FAIL(err, VS_E_IO, "%s: cannot %s: %s", path, what, strerror(cause));
}

bool vs_dir_exists(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

vs_status vs_dir_make(const char *path, vs_error *err)
{
    vs_status st = VS_OK;
    char *at = vs_strdup_n(path, strlen(path));

    if (!at) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    for (char *c = at; *c;) {
        char held;

        c += strspn(c, "/");
        c += strcspn(c, "/");
        held = *c;
        *c = '\0';
        if (mkdir(at, 0777) != 0 && !vs_dir_exists(at)) {
            st = fail_errno(err, at, "make this folder");
            break;
        }
        *c = held;
    }
    if (st == VS_OK && !*path)
        st = VS_FAIL(err, VS_E_IO, "cannot make a folder with an empty name");
    free(at);
    return st;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info, (void)flag, (void)ftw;
    return remove(path);
}

vs_status vs_dir_remove(const char *path, vs_error *err)
{
    struct stat info;

    if (lstat(path, &info) != 0) return errno == ENOENT ? VS_OK : fail_errno(err, path, "remove");
    if (!S_ISDIR(info.st_mode))
        return VS_FAIL(err, VS_E_IO, "%s: cannot remove: found a file, expected a folder", path);
    if (nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0)
        return fail_errno(err, path, "remove");
    return VS_OK;
}

/* NAME.tmp.DIGITS.DIGITS, as vs_replace_begin names them. */
static bool is_temporary(const char *name)
{
    static const char digits[] = "0123456789";
    const char *at = NULL;
    size_t n;

    for (const char *next = strstr(name, ".tmp."); next; next = strstr(next + 1, ".tmp."))
        at = next + strlen(".tmp.");
    if (!at) return false;
    n = strspn(at, digits);
    if (n == 0 || at[n] != '.') return false;
    at += n + 1;
    n = strspn(at, digits);
    return n > 0 && at[n] == '\0';
}

void vs_dir_sweep(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (!dir) return;
    while ((entry = readdir(dir)) != NULL)
        if (is_temporary(entry->d_name)) (void)!unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

/* For nftw: fsync of one file or folder; EINVAL is a file system with nothing to sync. */
static int sync_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    int fd, result;

    (void)flag, (void)ftw;
    if (!S_ISREG(info->st_mode) && !S_ISDIR(info->st_mode)) return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    result = fsync(fd) != 0 && errno != EINVAL ? -1 : 0;
    close(fd);
    return result;
}

/* path/.. is the folder that holds path, whatever path's spelling. */
static vs_status sync_above(const char *path, vs_error *err)
{
    char *above = vs_format("%s/..", path);
    int fd, bad;

    if (!above) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bad = fd < 0 || (fsync(fd) != 0 && errno != EINVAL);
    if (bad) (void)fail_errno(err, path, "sync the folder of");
    if (fd >= 0) close(fd);
    free(above);
    return bad ? VS_E_IO : VS_OK;
}

/* For file systems without an atomic exchange. */
static vs_status replace_in_two_steps(const char *final_path, const char *temp_path, vs_error *err)
{
    vs_status st;
    char *aside = vs_format("%s.replaced", temp_path);

    if (!aside) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", final_path);
    VS_CHECK(vs_dir_remove(aside, err));
    if (rename(final_path, aside) != 0) {
        st = fail_errno(err, final_path, "move aside");
        goto done;
    }
    if (rename(temp_path, final_path) != 0) {
        st = fail_errno(err, final_path, "replace");
        (void)!rename(aside, final_path);
        goto done;
    }
    VS_CHECK(sync_above(final_path, err));
    st = vs_dir_remove(aside, err);
done:
    free(aside);
    return st;
}

vs_status vs_dir_replace(const char *final_path, const char *temp_path, vs_error *err)
{
    struct stat info;

    if (!vs_dir_exists(temp_path))
        return VS_FAIL(err, VS_E_IO, "%s: cannot replace by %s, which is not a folder", final_path,
                       temp_path);
    if (nftw(temp_path, sync_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0)
        return fail_errno(err, temp_path, "sync");
    if (lstat(final_path, &info) != 0) {
        if (errno != ENOENT || rename(temp_path, final_path) != 0)
            return fail_errno(err, final_path, "replace");
        return sync_above(final_path, err);
    }
    if (!S_ISDIR(info.st_mode))
        return VS_FAIL(err, VS_E_IO, "%s: cannot replace: found a file, expected a folder",
                       final_path);
    if (renameat2(AT_FDCWD, temp_path, AT_FDCWD, final_path, RENAME_EXCHANGE) != 0) {
        if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP)
            return replace_in_two_steps(final_path, temp_path, err);
        return fail_errno(err, final_path, "replace");
    }
    VS_TRY(sync_above(final_path, err));
    return vs_dir_remove(temp_path, err);
}

static vs_status copy_entry(const char *to, const char *from, const char *name, vs_error *err)
{
    char *source = vs_format("%s/%s", from, name), *target = vs_format("%s/%s", to, name);
    struct stat info;
    vs_status st = VS_OK;

    if (!source || !target)
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", to);
    else if (stat(source, &info) != 0)
        st = fail_errno(err, source, "read");
    else if (S_ISREG(info.st_mode))
        st = vs_file_copy(target, source, err);
    free(source);
    free(target);
    return st;
}

vs_status vs_dir_copy(const char *to, const char *from, vs_error *err)
{
    DIR *dir = opendir(from);
    const struct dirent *entry;
    vs_status st;

    if (!dir) return fail_errno(err, from, "read this folder");
    st = vs_dir_make(to, err);
    while (st == VS_OK && (entry = readdir(dir)) != NULL)
        st = copy_entry(to, from, entry->d_name, err);
    closedir(dir);
    return st;
}
