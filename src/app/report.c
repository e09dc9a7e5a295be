/* report.c - a run's report as one HTML file. */
#include <stdlib.h>

#include "app/app.h"
#include "app/report.h"
#include "app/runs.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"

static vs_status make_page(vs_buf *page, const char *run_dir, vs_error *err)
{
    vs_report r = {0};
    vs_status st;

    VS_CHECK(vs_report_read(&r, run_dir, err));
    VS_CHECK(vs_report_page(page, &r, err));
done:
    vs_report_free(&r);
    return st;
}

static vs_status write_to(const char *path, const char *run_dir, vs_error *err)
{
    vs_buf page = {0};
    vs_status st;

    VS_CHECK(make_page(&page, run_dir, err));
    VS_CHECK(vs_file_replace(path, page.data, page.len, err));
    vs_say("report: %s", path);
done:
    vs_buf_free(&page);
    return st;
}

vs_status vs_report_write(const char *run_dir, vs_error *err)
{
    char *path = vs_format("%s/report.html", run_dir);
    vs_status st;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: path", run_dir);
    st = write_to(path, run_dir, err);
    free(path);
    return st;
}

vs_status vs_verb_report(int argc, char **argv, vs_error *err)
{
    const char *out = NULL;
    const vs_opt opts[] = {
        {"--out", VS_OPT_STR, &out, false, 0, 0, "FILE", "where the page goes (RUN/report.html)"},
    };
    vs_cmd c = {
        .verb = "report",
        .usage = "RUN [--out FILE]",
        .about = "Writes a run's report: one HTML file that needs nothing else. Works at any "
                 "moment of a run.",
        .example = "  $ vstar report runs/demo\n  report: runs/demo/report.html",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_words = 1,
        .max_words = 1,
    };
    vs_status st;
    char *path = NULL;

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    if (!out) {
        VS_TRY(vs_run_file(&path, c.words[0], "report.html", err));
        out = path;
    }
    st = write_to(out, c.words[0], err);
    free(path);
    return st;
}
