/* fuzz_folder.h - one scratch folder for a fuzz target whose parser opens files by name. */
#ifndef VS_FUZZ_FOLDER_H
#define VS_FUZZ_FOLDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_folder[] = "/dev/shm/vstar-fuzz-XXXXXX"; /* in memory: files come and go fast */

static inline void fuzz_folder_remove(void)
{
    (void)!vs_dir_remove(fuzz_folder, NULL);
}

static inline const char *fuzz_folder_open(void)
{
    static int is_open;

    if (!is_open && (!mkdtemp(fuzz_folder) || atexit(fuzz_folder_remove) != 0)) abort();
    is_open = 1;
    return fuzz_folder;
}

/* Plainly, not by vs_file_replace: its fsync would be most of the time. */
static inline void fuzz_folder_put(const char *name, const void *data, size_t size)
{
    char path[128];
    FILE *fp;

    snprintf(path, sizeof path, "%s/%s", fuzz_folder_open(), name);
    fp = fopen(path, "wbe");
    if (!fp || fwrite(data, 1, size, fp) != size || fclose(fp) != 0) abort();
}
#endif
