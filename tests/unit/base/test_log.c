#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "vs_test.h"

static const char *log_path(void)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/log.jsonl", vs_test_dir());
    return path;
}

/* Checks that each line of the log is an object with this event, in order, and a time. */
static void check_events(const char *path, const char *const *events, size_t n)
{
    vs_error err = {0};
    vs_jsonl *r;
    json_t *line = NULL;
    const char *text;

    CHECK_OK(vs_jsonl_open(&r, path, &err));
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(vs_jsonl_next(r, &line, &err));
        CHECK_OK(vs_json_get_str(&text, line, "event", vs_jsonl_where(r), &err));
        CHECK_STR(text, events[i]);
        CHECK_OK(vs_json_get_str(&text, line, "time", vs_jsonl_where(r), &err));
        CHECK(strlen(text) == strlen("2024-01-31T23:59:59.000Z") && text[10] == 'T' &&
              text[23] == 'Z');
        json_decref(line);
    }
    CHECK_OK(vs_jsonl_next(r, &line, &err));
    CHECK(line == NULL);
    vs_jsonl_close(r);
}

TEST(log, appends_events_over_several_openings)
{
    static const char *const events[] = {"start", "step", "resume"};
    const char *path = log_path();
    vs_error err = {0};
    vs_event_log *log;

    CHECK_OK(vs_log_open(&log, path, &err));
    vs_log_event(log, "start", NULL);
    vs_log_event(log, "step", json_pack("{s:i,s:s}", "n", 3, "event", "ours wins"));
    vs_log_close(log);
    CHECK_OK(vs_log_open(&log, path, &err));
    vs_log_event(log, "resume", NULL);
    vs_log_close(log);
    check_events(path, events, 3);
}

TEST(log, begins_a_new_line_after_a_torn_one)
{
    const char *path = log_path();
    vs_error err = {0};
    vs_event_log *log;
    char *text;
    size_t len;

    CHECK_OK(vs_file_replace(path, "{\"time\":\"20", 11, &err));
    CHECK_OK(vs_log_open(&log, path, &err));
    vs_log_event(log, "start", NULL);
    vs_log_close(log);
    CHECK_OK(vs_file_read(&text, &len, path, 10000, &err));
    CHECK(strncmp(text, "{\"time\":\"20\n{\"time\":\"", 21) == 0);
    free(text);
}

TEST(log, without_a_log_takes_the_fields_and_does_nothing)
{
    json_t *fields = json_object();

    json_incref(fields);
    vs_log_event(NULL, "x", fields);
    CHECK(fields->refcount == 1);
    json_decref(fields);
    vs_log_close(NULL);
}

TEST(log, opener_reports_bad_paths_and_failing_allocations)
{
    vs_error err = {0};
    vs_event_log *log = NULL;

    CHECK(vs_log_open(&log, "/no/such/folder/log", &err) == VS_E_IO && log == NULL);
    CHECK(strstr(err.text, "/no/such/folder/log"));
    vs_alloc_fail_after(0);
    CHECK(vs_log_open(&log, log_path(), &err) == VS_E_NOMEM && log == NULL);
    vs_alloc_fail_after(-1);
}
