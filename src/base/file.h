/* file.h - files as a crash-safe program uses them: read whole with a limit, mapped, or replaced
 * atomically (temporary beside it, fsync, rename, fsync of the folder). */
#ifndef VS_BASE_FILE_H
#define VS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* *out: malloc'd, NUL-terminated; at most max_bytes, else VS_E_LIMIT naming the path. */
VS_NODISCARD vs_status vs_file_read(char **out, size_t *len, const char *path, size_t max_bytes,
                                    vs_error *err);

/* Atomic: readers see the old file or the whole new one, also after a crash. */
VS_NODISCARD vs_status vs_file_replace(const char *path, const void *data, size_t len,
                                       vs_error *err);

/* The same for content that is written in pieces: write to r->fp, then commit or abort. */
typedef struct vs_replace {
    FILE *fp; /* write errors may be ignored: commit finds them */
    char *path, *temp_path;
} vs_replace;
VS_NODISCARD vs_status vs_replace_begin(vs_replace *r, const char *path, vs_error *err);
VS_NODISCARD vs_status vs_replace_commit(vs_replace *r, vs_error *err); /* frees r in either case */
void vs_replace_abort(vs_replace *r);                                   /* zeroed r is allowed */

/* A read-only mapping. A zeroed map is closed. */
typedef struct vs_map {
    const unsigned char *data;
    size_t len;
} vs_map;
VS_NODISCARD vs_status vs_map_open(vs_map *out, const char *path, vs_error *err);
/* Drops the pages of an open mapping from resident memory; they are read again when needed. */
void vs_map_forget(const unsigned char *data, size_t len);
void vs_map_close(vs_map *m);

/* Whether a file's content stands for another that Git LFS keeps elsewhere (its specification, v1). */
bool vs_is_lfs_pointer(const char *data, size_t len);

/* The ending of the folder that a verb is still writing, beside the one that it was asked for: a name that is nobody
 * else's, since what an earlier call left there is removed. */
#define VS_PARTIAL ".vstar-partial"

bool vs_file_exists(const char *path);
bool vs_dir_exists(const char *path);
VS_NODISCARD vs_status vs_dir_make(const char *path,
                                   vs_error *err); /* with parents; existing is fine */
VS_NODISCARD vs_status vs_dir_remove(const char *path,
                                     vs_error *err); /* with content; missing is fine */
/* Removes the temporaries that a killed process left in a folder, not in those inside it, as far as that is possible. The
 * caller sees to it that nobody is writing there. */
void vs_dir_sweep(const char *path);
/* Makes final_path be what temp_path is: syncs the finished folder's files and renames it into place.
 * Both lie on one file system. An existing folder is exchanged atomically, then removed; a crash
 * before that removal leaves the old folder under temp_path. Where the file system cannot exchange,
 * a crash between two renames leaves final_path missing and the finished folder under temp_path:
 * callers treat a missing final_path as not done, and remove a left-over temp_path before they begin. */
VS_NODISCARD vs_status vs_dir_replace(const char *final_path, const char *temp_path, vs_error *err);
/* The files of one folder, and no folders in it, into another, which is made. */
VS_NODISCARD vs_status vs_dir_copy(const char *to, const char *from, vs_error *err);
VS_NODISCARD vs_status vs_file_copy(const char *to, const char *from, vs_error *err); /* atomic */
/* Bytes that an unprivileged user may still write where path (or its nearest existing parent) lies. */
VS_NODISCARD vs_status vs_disk_free(uint64_t *bytes, const char *path, vs_error *err);
#endif
