/* log.h - the run's log.jsonl: one JSON object a line, appended; times live here and nowhere else. */
#ifndef VS_BASE_LOG_H
#define VS_BASE_LOG_H

#include <jansson.h>

#include "base/error.h"

typedef struct vs_event_log vs_event_log;
VS_NODISCARD vs_status vs_log_open(vs_event_log **out, const char *path, vs_error *err);
void vs_log_close(vs_event_log *log); /* NULL is allowed */
/* Adds "time" (UTC, ISO 8601) and "event"; fields (an object, may be NULL) is consumed. A failing
 * write is ignored: the log never stops a run. log NULL: nothing. */
void vs_log_event(vs_event_log *log, const char *event, json_t *fields);
#endif
