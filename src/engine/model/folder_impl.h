/* folder_impl.h - what config.c, folder*.c, lora_*.c, base.c and model.c share: small JSON files of a folder,
 * and filling a table from safetensors files. Private to model/. */
#ifndef VS_MODEL_FOLDER_IMPL_H
#define VS_MODEL_FOLDER_IMPL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/model/folder.h"
#include "engine/model/params.h"
#include "engine/model/safetensors.h"

enum {
    VS_MAX_CONFIG_BYTES = 1 << 20, /* config.json, adapter_config.json */
    VS_REAL_CHARS = 32,
};

/* A path without DIR/config.json is refused by what it is: a file, an adapter, a model's name on a hub, .. */
VS_NODISCARD vs_status vs_folder_check(const char *dir, vs_error *err);
/* Always fails: says why a model folder has no weights that are read. */
VS_NODISCARD vs_status vs_weights_missing(const char *dir, vs_error *err);

/* Reads DIR/NAME, which must hold a JSON object of at most max_bytes. *path is malloc'd, for
 * messages about the content; it may be set on failure too, and is the caller's to free in either
 * case. */
VS_NODISCARD vs_status vs_folder_json(json_t **out, char **path, const char *dir, const char *name,
                                      size_t max_bytes, vs_error *err);
/* Writes DIR/NAME atomically; a buffer that ran out of memory is refused. */
VS_NODISCARD vs_status vs_folder_write(const char *dir, const char *name, const vs_buf *text,
                                       vs_error *err);
/* The shortest decimal that reads back as x, as a JSON number; x is finite. */
void vs_real_text(char text[VS_REAL_CHARS], double x);

/* c->bos_id and c->eos_ids, from config.json (o, read from `where`), generation_config.json and tokenizer_config.json. */
VS_NODISCARD vs_status vs_config_special(vs_config *c, const json_t *o, const char *dir,
                                         const char *where, vs_error *err);

/* "model.layers.LAYER.self_attn.q_proj", and with what behind it: "weight", "bias". */
void vs_linear_module(char name[VS_TENSOR_NAME], size_t layer, vs_linear which);
void vs_linear_full_name(char name[VS_TENSOR_NAME], size_t layer, vs_linear which,
                         const char *what);
/* "base_model.model.model.layers.LAYER.self_attn.q_proj.lora_A.weight", ..; matrix: 'A' or 'B' */
void vs_lora_name(char name[VS_TENSOR_NAME], size_t layer, vs_linear which, char matrix);

/* DIR/adapter_config.json; *l is zeroed before. */
VS_NODISCARD vs_status vs_lora_config_read(vs_lora_config *l, size_t n_layers, const char *dir,
                                           vs_error *err);
VS_NODISCARD vs_status vs_lora_config_write(const vs_lora_config *l, const char *base_name,
                                            const char *dir, vs_error *err);

/* Appends a value head of zeros to a table with data. prefix: "", or "base_model.model.". */
VS_NODISCARD vs_status vs_value_extend(vs_params *p, const char *prefix, size_t n_embd,
                                       vs_error *err);

/* Safetensors files that together hold one table. Zeroed is empty. */
typedef struct vs_tensor_files {
    vs_safetensors **files;
    char **paths;
    size_t n;
} vs_tensor_files;
/* Opens DIR/NAME unless that name is open already; *index: its place. */
VS_NODISCARD vs_status vs_tensor_files_add(size_t *index, vs_tensor_files *f, const char *dir,
                                           const char *name, vs_error *err);
void vs_tensor_files_close(vs_tensor_files *f); /* zeroed is allowed */
/* Names that begin with FROM begin with TO from now on. */
VS_NODISCARD vs_status vs_tensor_files_rename(vs_tensor_files *f, const char *from, const char *to,
                                              vs_error *err);
/* The tensor of that name in the first file that has it; NULL: none. *index (NULL allowed): that
 * file. */
const vs_st_tensor *vs_tensor_files_find(size_t *index, const vs_tensor_files *f, const char *name);

/* Whether a tensor without a place in the table may be passed over. */
typedef bool vs_tensor_skip(const vs_tensor_files *f, const vs_st_tensor *t, const vs_params *p);
/* Every tensor of the table must be there once, with its shape, and no other but those that skip
 * (NULL: none) lets pass. Comes before anything is allocated for them, so that memory is bounded by
 * the files' size. where: names the whole in messages. */
VS_NODISCARD vs_status vs_tensor_files_check(const vs_params *p, const vs_tensor_files *f,
                                             vs_tensor_skip *skip, const char *where,
                                             vs_error *err);
/* A vs_tensor_fill over checked files, ctx; refuses what is not finite. */
VS_NODISCARD vs_status vs_tensor_files_fill(void *ctx, float *to, const vs_tensor *t,
                                            vs_error *err);
/* Allocates p's data and fills all of it. */
VS_NODISCARD vs_status vs_tensor_files_load(vs_params *p, vs_tensor_files *f, vs_error *err);

/* The files of a model folder, checked against c's table. */
VS_NODISCARD vs_status vs_weights_open(vs_tensor_files *out, const vs_config *c, const char *dir,
                                       vs_error *err);
#endif
