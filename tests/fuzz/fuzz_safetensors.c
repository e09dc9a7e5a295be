/* fuzz_safetensors.c - any file: refused with a message, or every tensor lies inside the data and
 * converts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The tensors cover the data in order; each is found by its name; floats convert. */
static void use(const vs_safetensors *s, const char *path)
{
    for (size_t i = 0; i < vs_safetensors_count(s); i++) {
        const vs_st_tensor *t = vs_safetensors_at(s, i);
        float *x = malloc((t->n ? t->n : 1) * sizeof *x);

        if (!x || vs_safetensors_find(s, t->name) != t) __builtin_trap();
        if (i && t->data != t[-1].data + t[-1].n_bytes) __builtin_trap();
        (void)!vs_st_to_f32(x, t, path, NULL);
        free(x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    vs_safetensors *s = NULL;
    vs_error err = {0};
    char path[64];

    if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    if (vs_safetensors_open(&s, path, &err) == VS_OK)
        use(s, path);
    else if (!strstr(err.text, path))
        __builtin_trap();
    vs_safetensors_close(s);
    return 0;
}
