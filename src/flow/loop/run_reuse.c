/* run_reuse.c - where other runs keep what this one may need too. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "flow/loop/run.h"

static vs_status add_path(char ***list, size_t *n, char *path, vs_error *err)
{
    size_t cap = *n;

    if (!path || !vs_grow(list, &cap, *n + 1, sizeof **list)) {
        free(path);
        return VS_FAIL(err, VS_E_NOMEM, "other runs: path");
    }
    (*list)[(*n)++] = path;
    return VS_OK;
}

static vs_status add_models(vs_run *run, const char *dir, vs_error *err)
{
    char *models = vs_format("%s/models", dir);
    const struct dirent *entry;
    DIR *d = models ? opendir(models) : NULL;
    vs_status st = models ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%s: path", dir);

    while (st == VS_OK && d && (entry = readdir(d)) != NULL) {
        char *path = vs_format("%s/%s", models, entry->d_name);
        if (path && entry->d_name[0] != '.' && vs_train_job_done(path))
            st = add_path(&run->other_models, &run->n_other_models, path, err);
        else
            free(path);
    }
    if (d) closedir(d);
    free(models);
    return st;
}

vs_status vs_run_reuse(vs_run *run, const char *const *dirs, size_t n, vs_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char *db = vs_format("%s/run.db", dirs[i]);
        if (db && !vs_file_exists(db)) {
            free(db);
            return VS_FAIL(err, VS_E_INPUT, "%s: found no run.db, expected the folder of a run",
                           dirs[i]);
        }
        VS_TRY(add_path(&run->other_stores, &run->n_other_stores, db, err));
        VS_TRY(add_models(run, dirs[i], err));
    }
    return VS_OK;
}
