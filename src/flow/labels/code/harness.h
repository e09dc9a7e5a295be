/* harness.h - harness.py as a text; the build makes it. Private to labels/. */
#ifndef VS_LABELS_HARNESS_H
#define VS_LABELS_HARNESS_H

extern const char vs_harness[];      /* ends in NUL */
extern const char vs_harness_hash[]; /* SHA-256 of it, in hex */
#endif
