#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

struct vs_event_log {
    FILE *fp;
};

/* A crash may have torn the last line: the next event must not be glued to it. */
static void end_torn_line(FILE *fp)
{
    if (fseek(fp, -1, SEEK_END) == 0 && getc(fp) != '\n') {
        fseek(fp, 0, SEEK_END);
        putc('\n', fp);
    }
}

vs_status vs_log_open(vs_event_log **out, const char *path, vs_error *err)
{
    vs_event_log *log = vs_alloc(1, sizeof *log);

    if (!log) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    log->fp = fopen(path, "a+e");
    if (!log->fp) {
        const int cause = errno;
        free(log);
        return VS_FAIL(err, VS_E_IO, "%s: cannot open: %s", path, strerror(cause));
    }
    end_torn_line(log->fp);
    *out = log;
    return VS_OK;
}

void vs_log_close(vs_event_log *log)
{
    if (!log) return;
    fclose(log->fp);
    free(log);
}

static json_t *time_now(void)
{
    struct timespec now;
    struct tm utc;
    char date[64];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    return json_sprintf("%s.%03ldZ", date, now.tv_nsec / 1000000);
}

void vs_log_event(vs_event_log *log, const char *event, json_t *fields)
{
    json_t *line = log ? json_object() : NULL;
    char *text = NULL;

    if (line) {
        json_object_set_new(line, "time", time_now());
        json_object_set_new(line, "event", json_string(event));
        if (fields) json_object_update_missing(line, fields);
        text = json_dumps(line, JSON_COMPACT);
    }
    if (text) {
        fprintf(log->fp, "%s\n", text);
        fflush(log->fp);
    }
    free(text);
    json_decref(line);
    json_decref(fields);
}
