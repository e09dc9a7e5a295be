/* sandbox_filter.h - the system calls that an interpreter may make; every other number is refused.
 *
 * A list of what CPython 3.11 to 3.13 needs once it runs, with arguments looked at where a call does
 * more than one thing. A call that is not listed is refused with EPERM, known today or not; the few
 * that the C library tries first and does without get ENOSYS. Private to labels/. */
#ifndef VS_LABELS_SANDBOX_FILTER_H
#define VS_LABELS_SANDBOX_FILTER_H

#include <stddef.h>

#include "flow/labels/code/sandbox.h"

/* Stands for the process's own number in the filter until the interpreter puts that in its place.
 * No process has it. */
enum { SANDBOX_FILTER_SELF = 0x7e57ab1e };

/* The filter's instructions; *out is the caller's to free. VS_E_STATE: libseccomp refuses. */
VS_NODISCARD vs_status sandbox_filter_make(char **out, size_t *len, sandbox_isolation isolation,
                                           vs_error *err);
#endif
