#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

enum { CHUNK_BYTES = 1 << 16 };

static vs_status fail_errno(vs_error *err, const char *path, const char *what)
{
    const int cause = errno;

    return VS_FAIL(err, VS_E_IO, "%s: cannot %s: %s", path, what, strerror(cause));
}

static vs_status fail_nomem(vs_error *err, const char *path)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
}

/* Reads to the end whatever the size said to be: pipes and /proc say 0. */
static vs_status read_all(char **data, size_t *cap, size_t *len, int fd, const char *path,
                          size_t max_bytes, vs_error *err)
{
    for (;;) {
        ssize_t n;

        if (*cap - *len < 2 && !vs_grow(data, cap, *len + CHUNK_BYTES, 1))
            return fail_nomem(err, path);
        n = read(fd, *data + *len, *cap - *len - 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(err, path, "read");
        if (n == 0) break;
        *len += (size_t)n;
        if (*len > max_bytes)
            return VS_FAIL(err, VS_E_LIMIT, "%s: larger than the limit of %zu bytes", path,
                           max_bytes);
    }
    (*data)[*len] = '\0';
    return VS_OK;
}

vs_status vs_file_read(char **out, size_t *len, const char *path, size_t max_bytes, vs_error *err)
{
    vs_status st;
    char *data = NULL;
    size_t cap = 0, n = 0;
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return fail_errno(err, path, "open");
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        if ((uintmax_t)info.st_size > max_bytes) {
            st = VS_FAIL(err, VS_E_LIMIT, "%s: %jd bytes, the limit is %zu", path,
                         (intmax_t)info.st_size, max_bytes);
            goto done;
        }
        if (!vs_grow(&data, &cap, (size_t)info.st_size + 2, 1)) {
            st = fail_nomem(err, path);
            goto done;
        }
    }
    VS_CHECK(read_all(&data, &cap, &n, fd, path, max_bytes, err));
    *out = data;
    if (len) *len = n;
    data = NULL;
done:
    free(data);
    close(fd);
    return st;
}

/* The folder that holds path, malloc'd; NULL when memory is out. */
static char *parent_of(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    while (len > 1 && path[len - 1] == '/') len--;
    return len ? vs_strdup_n(path, len) : vs_strdup_n(".", 1);
}

/* fsync by name. Some file systems refuse it for folders (EINVAL); they have nothing to sync. */
static vs_status sync_path(const char *path, vs_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    int bad;

    if (fd < 0) return fail_errno(err, path, "open");
    bad = fsync(fd) != 0 && errno != EINVAL;
    if (bad) (void)fail_errno(err, path, "sync");
    close(fd);
    return bad ? VS_E_IO : VS_OK;
}

static vs_status sync_parent(const char *path, vs_error *err)
{
    char *parent = parent_of(path);
    vs_status st;

    if (!parent) return fail_nomem(err, path);
    st = sync_path(parent, err);
    free(parent);
    return st;
}

vs_status vs_replace_begin(vs_replace *r, const char *path, vs_error *err)
{
    static atomic_uint count;
    vs_replace made = {.path = vs_strdup_n(path, strlen(path))};
    int fd = -1;

    if (!made.path) return fail_nomem(err, path);
    /* A name that a crashed process left behind is passed over. */
    do {
        free(made.temp_path);
        made.temp_path =
            vs_format("%s.tmp.%ld.%u", path, (long)getpid(), atomic_fetch_add(&count, 1));
        if (!made.temp_path) break;
        fd = open(made.temp_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EEXIST);
    if (made.temp_path && fd < 0) {
        const vs_status st = fail_errno(err, path, "create a temporary file beside it");
        free(made.path);
        free(made.temp_path);
        return st;
    }
    made.fp = fd >= 0 && vs_alloc_allowed() ? fdopen(fd, "w+") : NULL;
    if (!made.fp) {
        if (fd >= 0) {
            close(fd);
            unlink(made.temp_path);
        }
        free(made.path);
        free(made.temp_path);
        return fail_nomem(err, path);
    }
    *r = made;
    return VS_OK;
}

void vs_replace_abort(vs_replace *r)
{
    if (r->fp) fclose(r->fp);
    if (r->temp_path) unlink(r->temp_path);
    free(r->path);
    free(r->temp_path);
    *r = (vs_replace){0};
}

/* Why an earlier write failed: a stream keeps no errno, and a disk that is full or a limit that was reached says so again.
 * EIO: it does not. */
static int cause_again(FILE *fp)
{
    clearerr(fp);
    errno = 0;
    return fputc(0, fp) == EOF || fflush(fp) != 0 ? errno : EIO;
}

vs_status vs_replace_commit(vs_replace *r, vs_error *err)
{
    vs_status st = VS_OK;
    int closed;

    errno = 0;
    if (ferror(r->fp) || fflush(r->fp) != 0 || fsync(fileno(r->fp)) != 0) {
        if (errno == 0) errno = cause_again(r->fp);
        st = fail_errno(err, r->path, "write");
        goto done;
    }
    closed = fclose(r->fp);
    r->fp = NULL;
    if (closed != 0) {
        st = fail_errno(err, r->path, "write");
        goto done;
    }
    if (rename(r->temp_path, r->path) != 0) {
        st = fail_errno(err, r->path, "replace");
        goto done;
    }
    free(r->temp_path); /* nothing is left to unlink */
    r->temp_path = NULL;
    st = sync_parent(r->path, err);
done:
    vs_replace_abort(r);
    return st;
}

vs_status vs_file_replace(const char *path, const void *data, size_t len, vs_error *err)
{
    vs_replace r;

    VS_TRY(vs_replace_begin(&r, path, err));
    if (len) (void)!fwrite(data, 1, len, r.fp); /* commit sees a failure */
    return vs_replace_commit(&r, err);
}

vs_status vs_file_copy(const char *to, const char *from, vs_error *err)
{
    char chunk[CHUNK_BYTES];
    vs_replace r = {0};
    vs_status st;
    ssize_t n;
    const int fd = open(from, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return fail_errno(err, from, "open");
    VS_CHECK(vs_replace_begin(&r, to, err));
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            st = fail_errno(err, from, "read");
            goto done;
        }
        if (fwrite(chunk, 1, (size_t)n, r.fp) != (size_t)n) break; /* commit reports it */
    }
    st = vs_replace_commit(&r, err);
done:
    vs_replace_abort(&r);
    close(fd);
    return st;
}

vs_status vs_map_open(vs_map *out, const char *path, vs_error *err)
{
    static const unsigned char nothing[1];
    vs_status st = VS_OK;
    struct stat info;
    void *data;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return fail_errno(err, path, "open");
    if (fstat(fd, &info) != 0) {
        st = fail_errno(err, path, "read");
    } else if (!S_ISREG(info.st_mode)) {
        st = VS_FAIL(err, VS_E_IO, "%s: not a regular file, which is needed to map it", path);
    } else if ((uintmax_t)info.st_size > PTRDIFF_MAX) {
        st = VS_FAIL(err, VS_E_LIMIT, "%s: %jd bytes are too many to map", path,
                     (intmax_t)info.st_size);
    } else if (info.st_size == 0) {
        *out = (vs_map){.data = nothing};
    } else {
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            st = fail_errno(err, path, "map");
        else
            *out = (vs_map){.data = data, .len = (size_t)info.st_size};
    }
    close(fd);
    return st;
}

void vs_map_forget(const unsigned char *data, size_t len)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)data;

    if (len) (void)madvise((void *)(at / page * page), len + at % page, MADV_DONTNEED);
}

void vs_map_close(vs_map *m)
{
    if (m->len) munmap((void *)(uintptr_t)m->data, m->len);
    *m = (vs_map){0};
}

bool vs_is_lfs_pointer(const char *data, size_t len)
{
    static const char begin[] = "version https://git-lfs.github.com/spec/";

    return len >= sizeof begin - 1 && memcmp(data, begin, sizeof begin - 1) == 0;
}

bool vs_file_exists(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

vs_status vs_disk_free(uint64_t *bytes, const char *path, vs_error *err)
{
    vs_status st;
    struct statvfs info;
    char *at = vs_strdup_n(path, strlen(path)), *above;

    if (!at) return fail_nomem(err, path);
    while (statvfs(at, &info) != 0) {
        above = errno == ENOENT ? parent_of(at) : NULL;
        if (!above || strcmp(above, at) == 0) {
            st = fail_errno(err, path, "find the free space");
            free(above);
            goto done;
        }
        free(at);
        at = above;
    }
    *bytes = (uint64_t)info.f_bavail * info.f_frsize;
    st = VS_OK;
done:
    free(at);
    return st;
}
