/* bench_text.c - how fast a folder's tokenizer encodes, on one thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/bench.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

typedef struct texts {
    char **item;
    size_t n, cap, n_bytes;
} texts;

static void texts_free(texts *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->item[i]);
    free(t->item);
}

static vs_status read_texts(texts *t, const char *path, vs_error *err)
{
    vs_jsonl *rows;
    json_t *row = NULL;
    vs_status st;

    VS_TRY(vs_jsonl_open(&rows, path, err));
    while ((st = vs_jsonl_next(rows, &row, err)) == VS_OK && row) {
        const char *text;
        VS_CHECK(vs_json_get_str(&text, row, "text", vs_jsonl_where(rows), err));
        if (!vs_grow(&t->item, &t->cap, t->n + 1, sizeof *t->item) ||
            !(t->item[t->n] = vs_strdup_n(text, strlen(text)))) {
            st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
            goto done;
        }
        t->n_bytes += strlen(t->item[t->n++]);
        json_decref(row);
        row = NULL;
    }
    if (st == VS_OK && t->n_bytes == 0)
        st = VS_FAIL(err, VS_E_INPUT, "%s: found no text, expected lines of {\"text\"}", path);
done:
    json_decref(row);
    vs_jsonl_close(rows);
    return st;
}

static vs_status encode_all(const vs_tokenizer *t, const texts *all, size_t *n_tokens,
                            vs_error *err)
{
    vs_ids ids = {0};
    vs_status st = VS_OK;

    *n_tokens = 0;
    for (size_t i = 0; st == VS_OK && i < all->n; i++) {
        ids.n = 0;
        st = vs_encode(&ids, t, all->item[i], strlen(all->item[i]), true, err);
        *n_tokens += ids.n;
    }
    vs_ids_free(&ids);
    return st;
}

vs_status vs_bench_tokenize(const char *dir, const char *path, double seconds, vs_error *err)
{
    vs_tokenizer *t = NULL;
    texts all = {0};
    size_t n_tokens = 0;
    vs_buf line = {0};
    double best = INFINITY, begin = vs_now_s();
    vs_status st;

    VS_CHECK(vs_tokenizer_open(&t, dir, err));
    const double open_s = vs_now_s() - begin;
    VS_CHECK(read_texts(&all, path, err));
    for (double spent = 0.0; spent < seconds || best == INFINITY;) {
        begin = vs_now_s();
        VS_CHECK(encode_all(t, &all, &n_tokens, err));
        const double s = vs_now_s() - begin;
        best = fmin(best, s);
        spent += s;
    }
    vs_buf_printf(&line,
                  "{\"workload\":\"tokenize\",\"bytes\":%zu,\"tokens\":%zu,\"open_seconds\":%.3g,"
                  "\"seconds\":%.4g,\"mb_per_s\":%.2f}",
                  all.n_bytes, n_tokens, open_s, best, (double)all.n_bytes / best / 1e6);
    VS_CHECK(vs_out_line(&line, err));
done:
    vs_tokenizer_close(t);
    texts_free(&all);
    vs_buf_free(&line);
    return st;
}
