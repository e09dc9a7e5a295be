/* tokenizer_load.c - tokenizer.json: the BPE model, the added tokens, and the check that nothing
 * else is asked for. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "engine/model/tokenizer_impl.h"

static vs_status fail_nomem(const vs_tokenizer *t, vs_error *err)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", t->name);
}

static vs_status check_token(const vs_tokenizer *t, const char *part, const char *text,
                             json_int_t id, vs_error *err)
{
    if (id < 0 || id >= TOK_MAX_VOCAB)
        return VS_FAIL(err, VS_E_LIMIT, "%s: %s: the id %lld of \"%.60s\" is outside 0 to %d",
                       t->name, part, (long long)id, text, (int)TOK_MAX_VOCAB - 1);
    if (strlen(text) > TOK_MAX_TOKEN_BYTES)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%s: %s: the token \"%.60s..\" has %zu bytes, the limit is %d", t->name,
                       part, text, strlen(text), (int)TOK_MAX_TOKEN_BYTES);
    if ((size_t)id < t->vocab.size && t->vocab.entry[id].flags)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: %s: \"%.60s\" has the id %lld, which another token has", t->name, part,
                       text, (long long)id);
    return VS_OK;
}

static vs_status load_vocab(vs_tokenizer *t, const json_t *vocab, vs_error *err)
{
    const char *text;
    json_t *id;

    if (!json_is_object(vocab))
        return VS_FAIL(err, VS_E_FORMAT, "%s: model.vocab: found %s, expected an object", t->name,
                       vs_json_kind(vocab));
    json_object_foreach((json_t *)(uintptr_t)vocab, text, id)
    {
        if (!json_is_integer(id))
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: model.vocab: \"%.60s\": found %s, expected an integer", t->name,
                           text, vs_json_kind(id));
        VS_TRY(check_token(t, "model.vocab", text, json_integer_value(id), err));
        if (!tok_vocab_add(&t->vocab, text, strlen(text), (int32_t)json_integer_value(id),
                           TOK_MODEL))
            return fail_nomem(t, err);
    }
    return VS_OK;
}

/* The two halves of "a b" or ["a", "b"]. */
static vs_status split_merge(const char *half[2], size_t len[2], const json_t *merge,
                             const char *where, vs_error *err)
{
    const char *text = json_string_value(merge), *space = text ? strchr(text, ' ') : NULL;

    if (space && !strchr(space + 1, ' ')) {
        half[0] = text;
        len[0] = (size_t)(space - text);
        half[1] = space + 1;
        len[1] = strlen(space + 1);
        return VS_OK;
    }
    if (json_array_size(merge) != 2 || !json_is_string(json_array_get(merge, 0)) ||
        !json_is_string(json_array_get(merge, 1)))
        return VS_FAIL(err, VS_E_FORMAT,
                       "%s: found %s, expected \"left right\" or [\"left\", \"right\"]", where,
                       text ? text : vs_json_kind(merge));
    for (size_t i = 0; i < 2; i++) {
        half[i] = json_string_value(json_array_get(merge, i));
        len[i] = json_string_length(json_array_get(merge, i));
    }
    return VS_OK;
}

static vs_status merge_id(int32_t *out, const vs_tokenizer *t, const char *text, size_t len,
                          const char *where, vs_error *err)
{
    *out = tok_vocab_find(&t->vocab, text, len);
    if (*out >= 0) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT, "%s: \"%.*s\" is not in model.vocab", where,
                   len > 60 ? 60 : (int)len, text);
}

static vs_status load_merge(vs_tokenizer *t, const json_t *merge, size_t rank, vs_error *err)
{
    const char *half[2];
    size_t len[2];
    int32_t id[3];
    char where[TOK_WHERE_BYTES], merged[2 * TOK_MAX_TOKEN_BYTES];
    bool is_new;
    tok_map_item *item;

    tok_where(where, "%s: model.merges[%zu]", t->name, rank);
    VS_TRY(split_merge(half, len, merge, where, err));
    for (size_t i = 0; i < 2; i++) VS_TRY(merge_id(&id[i], t, half[i], len[i], where, err));
    memcpy(merged, half[0],
           len[0]); /* both are tokens, which are at most TOK_MAX_TOKEN_BYTES long */
    memcpy(merged + len[0], half[1], len[1]);
    VS_TRY(merge_id(&id[2], t, merged, len[0] + len[1], where, err));
    item = tok_map_put(&t->merges, (uint64_t)(uint32_t)id[0] << 32 | (uint32_t)id[1], &is_new);
    if (!item) return fail_nomem(t, err);
    item->a =
        (uint32_t)rank; /* of a pair that comes twice the last rank counts, as in Hugging Face */
    item->b = id[2];
    return VS_OK;
}

static vs_status load_merges(vs_tokenizer *t, const json_t *merges, vs_error *err)
{
    const json_t *merge;
    size_t i;

    if (!json_is_array(merges))
        return VS_FAIL(err, VS_E_FORMAT, "%s: model.merges: found %s, expected an array", t->name,
                       vs_json_kind(merges));
    if (json_array_size(merges) > TOK_MAX_MERGES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: model.merges: %zu merges, the limit is %d", t->name,
                       json_array_size(merges), (int)TOK_MAX_MERGES);
    json_array_foreach(merges, i, merge) VS_TRY(load_merge(t, merge, i, err));
    return VS_OK;
}

static vs_status load_model_options(vs_tokenizer *t, const json_t *model, const char *where,
                                    vs_error *err)
{
    const char *type = "BPE", *prefix = "", *suffix = "", *unk = NULL;
    double dropout = 0.0;

    VS_TRY(tok_known_keys(
        model,
        "type vocab merges dropout unk_token continuing_subword_prefix end_of_word_suffix fuse_unk "
        "byte_fallback ignore_merges",
        where, err));
    VS_TRY(vs_json_opt_str(&type, model, "type", where, err));
    VS_TRY(vs_json_opt_num(&dropout, model, "dropout", where, err));
    VS_TRY(vs_json_opt_str(&prefix, model, "continuing_subword_prefix", where, err));
    VS_TRY(vs_json_opt_str(&suffix, model, "end_of_word_suffix", where, err));
    VS_TRY(vs_json_opt_bool(&t->fuse_unk, model, "fuse_unk", where, err));
    VS_TRY(vs_json_opt_bool(&t->byte_fallback, model, "byte_fallback", where, err));
    VS_TRY(vs_json_opt_bool(&t->ignore_merges, model, "ignore_merges", where, err));
    VS_TRY(vs_json_opt_str(&unk, model, "unk_token", where, err));
    if (strcmp(type, "BPE") != 0)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"type\": found \"%s\", supported: BPE", where, type);
    if (dropout != 0.0)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"dropout\": found %g, supported: null, 0", where,
                       dropout);
    if (*prefix || *suffix)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found \"%s\", supported: null, \"\"", where,
                       *prefix ? "continuing_subword_prefix" : "end_of_word_suffix",
                       *prefix ? prefix : suffix);
    t->unk = unk ? tok_vocab_find(&t->vocab, unk, strlen(unk)) : -1;
    if (unk && t->unk < 0)
        return VS_FAIL(err, VS_E_INPUT, "%s: \"unk_token\": \"%s\" is not in model.vocab", where,
                       unk);
    return VS_OK;
}

static vs_status load_model(vs_tokenizer *t, const json_t *model, vs_error *err)
{
    char where[TOK_WHERE_BYTES];

    tok_where(where, "%s: model", t->name);
    if (!json_is_object(model))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object", where,
                       vs_json_kind(model));
    VS_TRY(load_vocab(t, json_object_get(model, "vocab"), err));
    VS_TRY(load_model_options(t, model, where, err));
    VS_TRY(load_merges(t, json_object_get(model, "merges"), err));
    for (unsigned b = 0; b < 256; b++) {
        char text[8];

        snprintf(text, sizeof text, "<0x%02X>", b);
        t->byte_token[b] = tok_vocab_find(&t->vocab, text, strlen(text));
    }
    return VS_OK;
}

typedef struct added_token {
    const char *content;
    size_t id;
    bool special, single_word, lstrip, rstrip, normalized;
} added_token;

static vs_status parse_added(added_token *a, const json_t *obj, const char *where, vs_error *err)
{
    *a = (added_token){0};
    VS_TRY(
        tok_known_keys(obj, "id content special single_word lstrip rstrip normalized", where, err));
    VS_TRY(vs_json_get_str(&a->content, obj, "content", where, err));
    VS_TRY(vs_json_get_size(&a->id, obj, "id", 0, INT32_MAX, where, err));
    VS_TRY(vs_json_opt_bool(&a->special, obj, "special", where, err));
    VS_TRY(vs_json_opt_bool(&a->single_word, obj, "single_word", where, err));
    VS_TRY(vs_json_opt_bool(&a->lstrip, obj, "lstrip", where, err));
    VS_TRY(vs_json_opt_bool(&a->rstrip, obj, "rstrip", where, err));
    a->normalized = !a->special;
    VS_TRY(vs_json_opt_bool(&a->normalized, obj, "normalized", where, err));
    if (!*a->content) return VS_FAIL(err, VS_E_INPUT, "%s: \"content\" is empty", where);
    return VS_OK;
}

/* A token with `normalized` is looked for in normalised text, in its own normalised form. */
static vs_status add_to_trie(vs_tokenizer *t, const added_token *a, vs_error *err)
{
    tok_work w = {.t = t, .at_start = true};
    vs_status st = VS_OK;
    const size_t len = strlen(a->content);

    if (!a->normalized) {
        if (!tok_trie_add(&t->raw, a->content, len, (int32_t)a->id)) st = fail_nomem(t, err);
        return st;
    }
    vs_buf_add(&w.text, a->content, len);
    if (w.text.failed || !vs_grow(&w.pieces.item, &w.pieces.cap, 1, sizeof *w.pieces.item)) {
        st = fail_nomem(t, err);
        goto done;
    }
    w.pieces.item[w.pieces.n++] = (tok_piece){.len = len};
    VS_CHECK(tok_run_ops(&w, &t->normalizer, err));
    if (!w.text.len || w.text.len > TOK_MAX_TOKEN_BYTES)
        st = VS_FAIL(err, VS_E_LIMIT,
                     "%s: added_tokens: \"%.60s\" has %zu bytes when normalised, expected 1 to %d",
                     t->name, a->content, w.text.len, (int)TOK_MAX_TOKEN_BYTES);
    else if (!tok_trie_add(&t->normalized, w.text.data, w.text.len, (int32_t)a->id))
        st = fail_nomem(t, err);
done:
    tok_work_free(&w);
    return st;
}

/* An added token has the id of the vocabulary's token of that text, else the next free one, whatever the file says: as
 * tokenizers loads it (added_vocabulary.rs, add_tokens). */
static vs_status load_added_token(vs_tokenizer *t, added_token *a, size_t *next, vs_error *err)
{
    const size_t len = strlen(a->content);
    const int32_t known = tok_vocab_find(&t->vocab, a->content, len);
    const uint32_t flags = (a->special ? TOK_SPECIAL : 0u) |
                           (a->single_word ? TOK_SINGLE_WORD : 0u) | (a->lstrip ? TOK_LSTRIP : 0u) |
                           (a->rstrip ? TOK_RSTRIP : 0u);

    a->id = known >= 0 ? (size_t)known : *next;
    if (known < 0) {
        VS_TRY(check_token(t, "added_tokens", a->content, (json_int_t)a->id, err));
        if (!tok_vocab_add(&t->vocab, a->content, len, (int32_t)a->id, 0))
            return fail_nomem(t, err);
    }
    if (a->id >= *next) *next = a->id + 1;
    t->vocab.entry[a->id].flags |= flags;
    return add_to_trie(t, a, err);
}

/* n_model: the tokens of model.vocab. */
static vs_status load_added_tokens(vs_tokenizer *t, const json_t *list, size_t n_model,
                                   vs_error *err)
{
    const json_t *obj;
    size_t i, next = n_model;

    if (!list || json_is_null(list)) return VS_OK;
    if (!json_is_array(list))
        return VS_FAIL(err, VS_E_FORMAT, "%s: added_tokens: found %s, expected an array", t->name,
                       vs_json_kind(list));
    json_array_foreach(list, i, obj)
    {
        char where[TOK_WHERE_BYTES];
        added_token a;

        tok_where(where, "%s: added_tokens[%zu]", t->name, i);
        VS_TRY(parse_added(&a, obj, where, err));
        VS_TRY(load_added_token(t, &a, &next, err));
    }
    return VS_OK;
}

/* What a trainer saved with the file. Callers cut and pad themselves, so that neither means anything here. */
static void say_ignored(const json_t *root, const char *name)
{
    static const char *const keys[] = {"truncation", "padding"};

    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_object_get(root, keys[i]);

        if (value && !json_is_null(value)) vs_say("%s: \"%s\" is ignored", name, keys[i]);
    }
}

static vs_status load_root(vs_tokenizer *t, const json_t *root, vs_error *err)
{
    VS_TRY(tok_known_keys(
        root,
        "version truncation padding added_tokens normalizer pre_tokenizer post_processor decoder "
        "model",
        t->name, err));
    say_ignored(root, t->name);
    VS_TRY(tok_parse_normalizer(t, json_object_get(root, "normalizer"), err));
    VS_TRY(load_model(t, json_object_get(root, "model"), err));
    VS_TRY(load_added_tokens(
        t, json_object_get(root, "added_tokens"),
        json_object_size(json_object_get(json_object_get(root, "model"), "vocab")), err));
    VS_TRY(tok_parse_pre_tokenizer(t, json_object_get(root, "pre_tokenizer"), err));
    VS_TRY(tok_parse_decoder(t, json_object_get(root, "decoder"), err));
    return tok_parse_post_processor(t, json_object_get(root, "post_processor"), err);
}

vs_status tok_parse(vs_tokenizer **out, const char *text, size_t len, const char *name,
                    vs_error *err)
{
    vs_status st;
    vs_tokenizer *t = vs_alloc(1, sizeof *t);
    json_t *root = NULL;

    if (t) t->name = vs_strdup_n(name, strlen(name));
    if (!t || !t->name) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
        goto done;
    }
    t->unk = -1;
    VS_CHECK(vs_json_parse(&root, text, len, name, err));
    VS_CHECK(load_root(t, root, err));
    *out = t;
    t = NULL;
done:
    json_decref(root);
    vs_tokenizer_close(t);
    return st;
}

vs_status vs_tokenizer_open(vs_tokenizer **out, const char *dir_or_file, vs_error *err)
{
    const size_t path_len = strlen(dir_or_file);
    const bool is_file = path_len >= 5 && strcmp(dir_or_file + path_len - 5, ".json") == 0;
    vs_status st;
    char *path = vs_format("%s%s", dir_or_file, is_file ? "" : "/tokenizer.json"), *text = NULL;
    size_t len;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir_or_file);
    VS_CHECK(vs_file_read(&text, &len, path, TOK_MAX_FILE_BYTES, err));
    st = tok_parse(out, text, len, path, err);
done:
    free(text);
    free(path);
    return st;
}

static void free_ops(tok_ops *ops)
{
    for (size_t i = 0; i < ops->n; i++) {
        free(ops->item[i].from);
        free(ops->item[i].to);
        pcre2_code_free(ops->item[i].code);
    }
}

void vs_tokenizer_close(vs_tokenizer *t)
{
    if (!t) return;
    tok_vocab_free(&t->vocab);
    free(t->merges.item);
    free_ops(&t->normalizer);
    free_ops(&t->pre_tokenizer);
    free_ops(&t->decoder);
    tok_trie_free(&t->raw);
    tok_trie_free(&t->normalized);
    vs_ids_free(&t->prefix);
    vs_ids_free(&t->suffix);
    free(t->name);
    free(t);
}
