/* fuzz_store.c - any bytes as a run.db opened for reading: refused with an error, or dumped and
 * read with every reader, which may refuse too. */
#include <string.h>

#include "flow/store/store.h"
#include "fuzz_folder.h"

static void read_records(vs_store *s, vs_error *err)
{
    vs_problems problems = {0};
    vs_samples samples = {0};
    vs_metric *metrics = NULL;
    vs_train_row *rows = NULL;
    size_t n_metrics, n_rows;
    char *fact = NULL;

    if (vs_store_problems(&problems, s, NULL, err) == VS_OK) vs_problems_free(&problems);
    if (vs_store_samples(&samples, s, "*", "gsm8k/1", err) == VS_OK) vs_samples_free(&samples);
    if (vs_store_metrics(&metrics, &n_metrics, s, err) == VS_OK) free(metrics);
    if (vs_store_train_rows(&rows, &n_rows, s, err) == VS_OK) free(rows);
    if (vs_store_get(&fact, s, "seed", err) == VS_OK) free(fact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    char path[128];
    vs_store *s = NULL;
    vs_error err = {0};

    if (!null && !(null = fopen("/dev/null", "we"))) abort();
    for (size_t i = 0; i < 2; i++) { /* what the input before left */
        snprintf(path, sizeof path, "%s/run.db-%s", fuzz_folder_open(), i ? "wal" : "shm");
        (void)!remove(path);
    }
    fuzz_folder_put("run.db", data, size);
    snprintf(path, sizeof path, "%s/run.db", fuzz_folder_open());
    if (vs_store_open(&s, path, VS_STORE_READ, &err) == VS_OK) {
        if (vs_store_dump(s, null, &err) != VS_OK && !strstr(err.text, path)) __builtin_trap();
        read_records(s, &err);
    } else if (!strstr(err.text, path)) {
        __builtin_trap();
    }
    vs_store_close(s);
    return 0;
}
