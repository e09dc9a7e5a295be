/* folder_kind.c - what a path is that is no model folder, and what its user may have meant. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

/* Whether DIR has a file whose name ends so. */
static bool has_ending(const char *dir, const char *ending)
{
    DIR *d = opendir(dir);
    bool found = false;

    for (const struct dirent *e; d && !found && (e = readdir(d)) != NULL;)
        found = vs_name_ends(e->d_name, ending);
    if (d) closedir(d);
    return found;
}

/* "org/name", as hubs name models: one slash, and no folder of that name on the way. */
static bool is_hub_name(const char *path)
{
    const char *slash = strchr(path, '/');

    return slash && slash != path && slash[1] && !strchr(slash + 1, '/') && path[0] != '.' &&
           path[0] != '~';
}

static vs_status refuse_file(const char *path, vs_error *err)
{
    if (vs_name_ends(path, ".gguf"))
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: found a GGUF file, expected a model folder: `vstar import FILE DIR` makes one",
            path);
    if (vs_name_ends(path, ".safetensors"))
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: found a file of weights, expected the folder that holds it and config.json", path);
    return VS_FAIL(err, VS_E_INPUT, "%s: found a file, expected a model folder", path);
}

vs_status vs_folder_check(const char *dir, vs_error *err)
{
    char *path = vs_format("%s/config.json", dir);
    const bool is_there = path && vs_file_exists(path);

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    free(path);
    if (is_there) return VS_OK;
    if (vs_file_exists(dir)) return refuse_file(dir, err);
    if (!vs_dir_exists(dir))
        return VS_FAIL(err, VS_E_IO, "%s: no such model folder%s", dir,
                       is_hub_name(dir) ? ": a model of a hub must be downloaded first, and its "
                                          "folder given"
                                        : "");
    if (vs_is_adapter(dir))
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: found an adapter (adapter_config.json), expected a model: give its "
                       "base as the model and this folder as the adapter",
                       dir);
    if (has_ending(dir, ".gguf"))
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: found a GGUF file and no config.json: `vstar import FILE DIR` makes a "
                       "model folder of it",
                       dir);
    return VS_FAIL(err, VS_E_IO, "%s/config.json: missing, expected a Hugging Face model folder",
                   dir);
}

vs_status vs_weights_missing(const char *dir, vs_error *err)
{
    if (has_ending(dir, ".bin"))
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: found weights as .bin, which are pickles and are not read, expected "
                       "model.safetensors: transformers writes it (save_pretrained)",
                       dir);
    if (has_ending(dir, ".safetensors"))
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: found shards without model.safetensors.index.json, which says what lies "
            "where",
            dir);
    return VS_FAIL(err, VS_E_IO,
                   "%s: found no weights, expected model.safetensors, or shards and "
                   "model.safetensors.index.json",
                   dir);
}
