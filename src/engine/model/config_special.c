/* config_special.c - the tokens that begin a text and end it, from the three files that name them. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"

/* -1, as the first Llama folders have it, means that there is none. */
static vs_status read_id(int32_t *out, const json_t *value, const char *key, size_t n_vocab,
                         const char *where, vs_error *err)
{
    json_int_t id;

    if (!json_is_integer(value))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a token id", where, key,
                       vs_json_kind(value));
    id = json_integer_value(value);
    if (id < -1 || (id >= 0 && (size_t)id >= n_vocab))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: \"%s\": found id %lld, expected 0 to %zu (\"vocab_size\" less one)",
                       where, key, (long long)id, n_vocab - 1);
    *out = (int32_t)id;
    return VS_OK;
}

static vs_status read_eos(vs_config *c, const json_t *eos, const char *where, vs_error *err)
{
    const size_t n = json_is_array(eos) ? json_array_size(eos) : 1;

    if (n > VS_MAX_EOS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: \"eos_token_id\": found %zu ids, the limit is %d",
                       where, n, VS_MAX_EOS);
    for (size_t i = 0; i < n; i++) {
        int32_t id = -1;

        VS_TRY(read_id(&id, json_is_array(eos) ? json_array_get(eos, i) : eos, "eos_token_id",
                       c->n_vocab, where, err));
        if (id >= 0) c->eos_ids[c->n_eos++] = id;
    }
    return VS_OK;
}

/* A missing key means the family's own, where the vocabulary has it; null means none. */
static vs_status read_model(vs_config *c, const json_t *o, const char *where, vs_error *err)
{
    const vs_family *f = vs_config_family(c);
    const json_t *bos = json_object_get(o, "bos_token_id"),
                 *eos = json_object_get(o, "eos_token_id");

    c->bos_id = -1;
    if (!bos && f->bos_id >= 0 && c->n_vocab > (size_t)f->bos_id) c->bos_id = f->bos_id;
    if (!eos && f->eos_id >= 0 && c->n_vocab > (size_t)f->eos_id)
        c->eos_ids[c->n_eos++] = f->eos_id;
    if (bos && !json_is_null(bos))
        VS_TRY(read_id(&c->bos_id, bos, "bos_token_id", c->n_vocab, where, err));
    if (eos && !json_is_null(eos)) VS_TRY(read_eos(c, eos, where, err));
    return VS_OK;
}

/* DIR/NAME, or *out NULL where there is none. *path as vs_folder_json gives it. */
static vs_status read_if_there(json_t **out, char **path, const char *dir, const char *name,
                               vs_error *err)
{
    bool is_there;

    *path = vs_format("%s/%s", dir, name);
    if (!*path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
    is_there = vs_file_exists(*path);
    if (!is_there) return VS_OK;
    free(*path);
    *path = NULL;
    return vs_folder_json(out, path, dir, name, VS_MAX_CONFIG_BYTES, err);
}

/* transformers samples by generation_config.json where it names end tokens, and not by config.json then. */
static vs_status read_generation(vs_config *c, const char *dir, vs_error *err)
{
    json_t *o = NULL;
    const json_t *eos;
    char *path = NULL;
    vs_status st;

    VS_CHECK(read_if_there(&o, &path, dir, "generation_config.json", err));
    eos = json_object_get(o, "eos_token_id");
    if (!eos || json_is_null(eos)) goto done;
    c->n_eos = 0;
    st = read_eos(c, eos, path, err);
done:
    json_decref(o);
    free(path);
    return st;
}

/* A token of tokenizer_config.json is a text, or an object with one. */
static const char *token_text(const json_t *token)
{
    return json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
}

/* The id of the tokenizer's end token, as "added_tokens_decoder" has it; -1: it does not say. */
static int32_t tokenizer_eos(const json_t *o)
{
    const char *eos = token_text(json_object_get(o, "eos_token")), *id;
    json_t *known = json_object_get(o, "added_tokens_decoder"), *token;

    json_object_foreach(known, id, token)
    {
        const char *text = token_text(token);
        char *end;
        const long n = strtol(id, &end, 10);

        if (eos && text && strcmp(text, eos) == 0 && *id && !*end && n >= 0 && n < VS_MAX_VOCAB)
            return (int32_t)n;
    }
    return -1;
}

/* A model that stops at several tokens closes a row with its tokenizer's, as TRL does: Llama 3.1 Instruct with
 * <|eot_id|>, which comes last in config.json. */
static vs_status put_tokenizer_eos_first(vs_config *c, const char *dir, vs_error *err)
{
    json_t *o = NULL;
    char *path = NULL;
    vs_status st;

    if (c->n_eos < 2) return VS_OK;
    VS_CHECK(read_if_there(&o, &path, dir, "tokenizer_config.json", err));
    const int32_t id = tokenizer_eos(o);
    for (size_t i = 1; i < c->n_eos; i++)
        if (c->eos_ids[i] == id) {
            memmove(c->eos_ids + 1, c->eos_ids, i * sizeof *c->eos_ids);
            c->eos_ids[0] = id;
        }
done:
    json_decref(o);
    free(path);
    return st;
}

vs_status vs_config_special(vs_config *c, const json_t *o, const char *dir, const char *where,
                            vs_error *err)
{
    VS_TRY(read_model(c, o, where, err));
    VS_TRY(read_generation(c, dir, err));
    return put_tokenizer_eos_first(c, dir, err);
}
