/* progress.h - progress of long work: a bar with rate and time left on a terminal, a plain line every few
 * seconds elsewhere. One bar at a time; calls without vs_progress_output do nothing. */
#ifndef VS_BASE_PROGRESS_H
#define VS_BASE_PROGRESS_H

#include <stddef.h>
#include <stdio.h>

void vs_progress_output(FILE *out); /* set once by app/ (stderr); NULL: silent */
/* unit: plural noun, "solutions". done: where a resumed piece of work begins. */
void vs_progress_begin(const char *label, const char *unit, size_t done, size_t total);
void vs_progress_set(size_t done);
/* A short note shown beside the bar (loss 0.42); copied. */
void vs_progress_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vs_progress_end(void); /* leaves one line: label, total, seconds, rate */
/* A line of its own, above the bar if one is shown. */
void vs_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
