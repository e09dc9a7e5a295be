/* metrics.c - Pass@k, Best-of-k, Maj@k and the weighted vote from graded samples. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/json.h"
#include "flow/answers/metrics_json.h"

enum { MAX_KS = VS_METRICS_MAX_SAMPLES };

typedef struct measuring {
    vs_metrics_set *set;
    const size_t *ks;
    size_t n_ks, top;
} measuring;

static vs_status add_row(void *ctx, const json_t *row, const char *where, vs_error *err)
{
    return vs_metrics_add_json(((measuring *)ctx)->set, row, where, err);
}

static vs_status flush_rows(void *ctx, vs_row_run *rows, vs_error *err)
{
    (void)ctx, (void)rows, (void)err;
    return VS_OK;
}

static bool is_full(const void *ctx)
{
    (void)ctx;
    return false;
}

/* The curves of the problems that could be read; how many could not, where some could not. */
static vs_status write_curves(void *ctx, size_t n_bad, vs_error *err)
{
    const measuring *m = ctx;
    json_t *curves = NULL;
    char *text = NULL;
    vs_buf line = {0};
    vs_status st;

    VS_CHECK(vs_metrics_json(&curves, m->set, m->n_ks ? m->ks : NULL, m->n_ks, m->top, err));
    if (n_bad && json_object_set_new(curves, "bad_rows", json_integer((json_int_t)n_bad)) != 0) {
        st = VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory");
        goto done;
    }
    text = json_dumps(curves, JSON_COMPACT);
    if (!text) {
        st = VS_FAIL(err, VS_E_NOMEM, "metrics: out of memory");
        goto done;
    }
    vs_buf_str(&line, text);
    st = vs_out_line(&line, err);
done:
    vs_buf_free(&line);
    free(text);
    json_decref(curves);
    return st;
}

static vs_status run(const char *data, measuring *m, bool is_strict, vs_error *err)
{
    const vs_row_stream stream = {.ctx = m,
                                  .add = add_row,
                                  .flush = flush_rows,
                                  .is_full = is_full,
                                  .end = write_curves,
                                  .is_strict = is_strict};
    vs_status st;

    VS_TRY(vs_metrics_set_open(&m->set, err));
    st = vs_rows_run(data, &stream, err);
    vs_metrics_set_close(m->set);
    return st;
}

/* "1,2,4": rising order is not asked for. */
static vs_status parse_ks(size_t *ks, size_t *n, const char *text, vs_error *err)
{
    *n = 0;
    for (const char *at = text; at && *at;) {
        char word[24];
        uint64_t k;
        const size_t len = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", len < 23 ? (int)len : 23, at);
        if (!vs_parse_u64(&k, word) || k == 0 || k > VS_METRICS_MAX_SAMPLES || *n == MAX_KS)
            return VS_FAIL(err, VS_E_USAGE,
                           "--ks: found '%s', expected numbers from 1 to %d with commas between",
                           word, (int)VS_METRICS_MAX_SAMPLES);
        ks[(*n)++] = (size_t)k;
        at += len;
        if (*at == ',' && !*++at)
            return VS_FAIL(err, VS_E_USAGE, "--ks: '%.60s' ends in a comma", text);
    }
    return VS_OK;
}

vs_status vs_verb_metrics(int argc, char **argv, vs_error *err)
{
    static size_t ks[MAX_KS];
    size_t n_ks = 0;
    uint64_t top = 0;
    bool is_strict = false;
    const char *list = NULL, *data = "-";
    const vs_opt opts[] = {
        {"--ks", VS_OPT_STR, &list, false, 0, 0, "LIST",
         "1,2,4,.. (powers of two up to the fewest samples, and that number)"},
        {"--top", VS_OPT_U64, &top, false, 0, 0, "M",
         "also the vote among the M best-scored, as curve top_vote"},
        {"--data", VS_OPT_STR, &data, false, 0, 0, "FILE", "input; - is standard input (-)"},
        VS_OPT_STRICT(&is_strict),
    };
    vs_cmd c = {
        .verb = "metrics",
        .usage = "[--ks 1,2,4,..] [--top M] < ROWS",
        .about =
            "Reads {\"id\",\"right\":[0,1,..],\"scores\":[..],\"answers\":[\"..\",null,..]}, "
            "one problem a line, the last two\n"
            "optional, and writes one object with the curves Pass@k, Best-of-k (needs "
            "scores), Maj@k (needs answers) and the\n"
            "weighted vote (needs both), each with 95 % intervals over problems: exact "
            "expectations over all subsets of k\n"
            "samples, but for a vote whose search would be too long: it is drawn in part, and has "
            "its standard error as \"error\".\n"
            "Ties share evenly; null does not vote. Problems without any answer have no votes.",
        .example =
            "  $ echo '{\"id\":\"a\",\"right\":[1,0],\"scores\":[2,1],\"answers\":[\"7\",\"8\"]}' "
            "| vstar metrics --ks 1,2\n"
            "  "
            "{\"problems\":1,\"curves\":{\"pass\":[{\"k\":1,\"value\":0.5,\"low\":0.0,\"high\":1.0}"
            ",..],..}}",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };

    VS_TRY(vs_args_parse(&c, argc, argv, err));
    if (c.is_help) return VS_OK;
    VS_TRY(parse_ks(ks, &n_ks, list, err));
    return run(data, &(measuring){.ks = ks, .n_ks = n_ks, .top = (size_t)top}, is_strict, err);
}
