/* gguf_vocab.c - the vocabulary of a GGUF file as a tokenizer.json that Hugging Face's tokenizers
 * (and our own) runs.
 *
 * "llama" vocabularies are SentencePiece's BPE: pieces with scores. Merges follow from them as
 * transformers' converter makes them (convert_slow_tokenizer.py, generate_merges): every way to cut
 * a piece into two pieces, best score first, then longest left part, then longest right part.
 * "gpt2" vocabularies are byte-level BPE, which brings its merges along; tokenizer.ggml.pre names
 * how it cuts text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"
#include "engine/model/gguf.h"
#include "engine/model/gguf_cutting.h"
#include "engine/model/tokenizer_impl.h"

/* tokenizer.ggml.token_type; the others are 5, unused, and 6, a byte. */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4 };

static const char space_mark[] = "\xE2\x96\x81"; /* U+2581, SentencePiece's space */

/* A piece is cut in two at every place, so its length bounds the work. */
enum { MAX_PIECE_BYTES = 1 << 10 };

/* The file's vocabulary, one entry per id. */
typedef struct vocab {
    const vs_gguf *g;
    size_t n;
    vs_gguf_text *text;                  /* of SentencePiece with spaces marked, in `marked` */
    const vs_gguf_value *types, *scores; /* NULL: all normal; none */
    vs_buf marked;
    tok_vocab known[2]; /* texts to ids: [0] of model.vocab, [1] of the added tokens alone */
    bool is_spm;
    const vs_gguf_cutting *cutting; /* of a byte-level vocabulary */
    size_t n_model;                 /* tokens of model.vocab; all after them are added ones */
} vocab;

static int type_of(const vocab *v, size_t id)
{
    return v->types ? (int)vs_gguf_i32_at(v->types, id) : NORMAL;
}

/* Control tokens are special, user-defined ones are cut out of the text too. */
static bool is_special(const vocab *v, size_t id)
{
    return type_of(v, id) == CONTROL || type_of(v, id) == UNKNOWN;
}

static bool is_added(const vocab *v, size_t id)
{
    return is_special(v, id) || type_of(v, id) == USER_DEFINED;
}

static bool has_space(const vocab *v, size_t id)
{
    return type_of(v, id) == USER_DEFINED && memchr(v->text[id].text, ' ', v->text[id].len);
}

/* llama.cpp writes user-defined pieces with spaces; SentencePiece has marks there. */
static vs_status mark_spaces(vocab *v, vs_error *err)
{
    size_t at = 0;

    for (size_t id = 0; id < v->n; id++) {
        if (!has_space(v, id)) continue;
        for (size_t i = 0; i < v->text[id].len; i++)
            if (v->text[id].text[i] == ' ')
                vs_buf_str(&v->marked, space_mark);
            else
                vs_buf_add(&v->marked, v->text[id].text + i, 1);
    }
    VS_TRY(vs_buf_ok(&v->marked, vs_gguf_path(v->g), err));
    for (size_t id = 0; id < v->n; id++) {
        size_t n_spaces = 0;

        if (!has_space(v, id)) continue;
        for (size_t i = 0; i < v->text[id].len; i++) n_spaces += v->text[id].text[i] == ' ';
        v->text[id].len += n_spaces * (sizeof space_mark - 2);
        v->text[id].text = v->marked.data + at;
        at += v->text[id].len;
    }
    return VS_OK;
}

static void vocab_free(vocab *v)
{
    free(v->text);
    vs_buf_free(&v->marked);
    tok_vocab_free(&v->known[0]);
    tok_vocab_free(&v->known[1]);
}

static vs_status same_count(const vocab *v, const vs_gguf_value *other, const char *key,
                            vs_error *err)
{
    if (other->n == v->n) return VS_OK;
    return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %zu items, expected %zu, one per token",
                   vs_gguf_path(v->g), key, other->n, v->n);
}

static bool is_utf8(vs_gguf_text t)
{
    int32_t c = 1;
    size_t n = 1;

    for (size_t at = 0; at < t.len && n && c; at += n)
        n = tok_char_len(t.text + at, t.len - at, &c);
    return t.len && n && c;
}

/* Added tokens at the end of a byte-level vocabulary stand in added_tokens alone: they are text, the others are in GPT-2's
 * alphabet, and these may look like those. An added token before the end must be in model.vocab as well, since tokenizers
 * numbers those that are not from the vocabulary's end on. */
static void find_model_tokens(vocab *v)
{
    v->n_model = v->n;
    while (!v->is_spm && v->n_model > 0 && is_added(v, v->n_model - 1)) v->n_model--;
}

/* Two tokens of one text would be one in the JSON. */
static vs_status index_texts(vocab *v, vs_error *err)
{
    find_model_tokens(v);
    for (size_t id = 0; id < v->n; id++) {
        const vs_gguf_text t = v->text[id];
        tok_vocab *known = &v->known[id >= v->n_model];

        if (t.len > MAX_PIECE_BYTES)
            return VS_FAIL(err, VS_E_LIMIT, "%s: token %zu has %zu bytes, the limit is %d",
                           vs_gguf_path(v->g), id, t.len, MAX_PIECE_BYTES);
        if (!is_utf8(t))
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: token %zu: found %s, expected UTF-8 text without NUL",
                           vs_gguf_path(v->g), id, t.len ? "other bytes" : "an empty text");
        if (tok_vocab_find(known, t.text, t.len) >= 0)
            return VS_FAIL(err, VS_E_FORMAT, "%s: tokens %d and %zu are both \"%.*s\"",
                           vs_gguf_path(v->g), (int)tok_vocab_find(known, t.text, t.len), id,
                           (int)t.len, t.text);
        if (!tok_vocab_add(known, t.text, t.len, (int32_t)id, TOK_MODEL))
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", vs_gguf_path(v->g));
    }
    return VS_OK;
}

static vs_status find_cutting(vocab *v, vs_error *err)
{
    vs_gguf_text pre;
    vs_buf known = {0};
    vs_status st;

    VS_TRY(vs_gguf_get_text(&pre, v->g, "tokenizer.ggml.pre", err));
    for (size_t i = 0; i < vs_gguf_n_cuttings; i++) {
        if (strlen(vs_gguf_cuttings[i].name) == pre.len &&
            memcmp(vs_gguf_cuttings[i].name, pre.text, pre.len) == 0) {
            v->cutting = &vs_gguf_cuttings[i];
            vs_buf_free(&known);
            return VS_OK;
        }
        vs_buf_printf(&known, "%s%s", i ? ", " : "", vs_gguf_cuttings[i].name);
    }
    st = VS_FAIL(err, VS_E_INPUT, "%s: \"tokenizer.ggml.pre\": found \"%.*s\", expected one of %s",
                 vs_gguf_path(v->g), (int)(pre.len < 100 ? pre.len : 100), pre.text,
                 known.data ? known.data : "those supported");
    vs_buf_free(&known);
    return st;
}

static vs_status vocab_read(vocab *v, const vs_gguf *g, vs_error *err)
{
    static const char types_key[] = "tokenizer.ggml.token_type",
                      scores_key[] = "tokenizer.ggml.scores";
    const vs_gguf_value *tokens;
    vs_gguf_text model;
    size_t at = 0;

    v->g = g;
    VS_TRY(vs_gguf_get_text(&model, g, "tokenizer.ggml.model", err));
    v->is_spm = model.len == 5 && memcmp(model.text, "llama", 5) == 0;
    if (!v->is_spm && !(model.len == 4 && memcmp(model.text, "gpt2", 4) == 0))
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: \"tokenizer.ggml.model\": found \"%.*s\", expected \"llama\" or \"gpt2\"",
            vs_gguf_path(g), (int)(model.len < 100 ? model.len : 100), model.text);
    VS_TRY(vs_gguf_get_array(&tokens, g, "tokenizer.ggml.tokens", VS_GGUF_STRING, err));
    v->n = tokens->n;
    if (v->n == 0 || v->n > TOK_MAX_VOCAB)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%s: \"tokenizer.ggml.tokens\": found %zu, expected 1 to %d",
                       vs_gguf_path(g), v->n, (int)TOK_MAX_VOCAB);
    if (v->is_spm || vs_gguf_find(g, types_key)) {
        VS_TRY(vs_gguf_get_array(&v->types, g, types_key, VS_GGUF_I32, err));
        VS_TRY(same_count(v, v->types, types_key, err));
    }
    if (v->is_spm) {
        VS_TRY(vs_gguf_get_array(&v->scores, g, scores_key, VS_GGUF_F32, err));
        VS_TRY(same_count(v, v->scores, scores_key, err));
        for (size_t id = 0; id < v->n; id++)
            if (!isfinite(vs_gguf_f32_at(v->scores, id)))
                return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": token %zu: expected a finite score",
                               vs_gguf_path(g), scores_key, id);
    }
    v->text = vs_alloc(v->n, sizeof *v->text);
    if (!v->text) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", vs_gguf_path(g));
    for (size_t id = 0; id < v->n; id++) v->text[id] = vs_gguf_next_text(tokens, &at);
    VS_TRY(v->is_spm ? mark_spaces(v, err) : find_cutting(v, err));
    return index_texts(v, err);
}

/* ---- merges from scores ---- */

typedef struct merge {
    float score;
    uint32_t piece, cut; /* the merged piece, and how many of its bytes are the left part */
    uint32_t left_chars, right_chars;
    int32_t left, right; /* ids */
} merge;
typedef struct merges {
    merge *item;
    size_t n, cap;
} merges;

/* Best score first, longer left and right parts first; then as the pieces and their parts are
 * numbered. */
static int by_rank(const void *pa, const void *pb)
{
    const merge *a = pa, *b = pb;

    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    if (a->left_chars != b->left_chars) return a->left_chars > b->left_chars ? -1 : 1;
    if (a->right_chars != b->right_chars) return a->right_chars > b->right_chars ? -1 : 1;
    if (a->piece != b->piece) return a->piece < b->piece ? -1 : 1;
    if (a->left != b->left) return a->left < b->left ? -1 : 1;
    return (a->right > b->right) - (a->right < b->right);
}

static bool starts_char(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

/* Pieces that merges may make. User-defined ones go before all others: SentencePiece gives them the
 * score 0, llama.cpp writes another. */
static bool is_piece(const vocab *v, int32_t id)
{
    return id >= 0 && (type_of(v, (size_t)id) == NORMAL || type_of(v, (size_t)id) == USER_DEFINED);
}

static vs_status add_cuts(merges *m, const vocab *v, size_t id, vs_error *err)
{
    const float score = type_of(v, id) == NORMAL ? vs_gguf_f32_at(v->scores, id) : 0.0F;
    const vs_gguf_text t = v->text[id];
    uint32_t n_chars = 0, left_chars = 0;

    for (size_t i = 0; i < t.len; i++) n_chars += starts_char(t.text[i]);
    for (size_t cut = 1; cut < t.len; cut++) {
        left_chars += starts_char(t.text[cut - 1]);
        if (!starts_char(t.text[cut])) continue;
        const int32_t left = tok_vocab_find(v->known, t.text, cut);
        if (!is_piece(v, left)) continue;
        const int32_t right = tok_vocab_find(v->known, t.text + cut, t.len - cut);
        if (!is_piece(v, right)) continue;
        if (m->n == TOK_MAX_MERGES)
            return VS_FAIL(err, VS_E_LIMIT, "%s: more merges than the limit of %d",
                           vs_gguf_path(v->g), (int)TOK_MAX_MERGES);
        if (!vs_grow(&m->item, &m->cap, m->n + 1, sizeof *m->item))
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", vs_gguf_path(v->g));
        m->item[m->n++] = (merge){
            score, (uint32_t)id, (uint32_t)cut, left_chars, n_chars - left_chars, left, right};
    }
    return VS_OK;
}

static vs_status make_merges(merges *m, const vocab *v, vs_error *err)
{
    for (size_t id = 0; id < v->n; id++)
        if (is_piece(v, (int32_t)id)) VS_TRY(add_cuts(m, v, id, err));
    if (m->n) qsort(m->item, m->n, sizeof *m->item, by_rank);
    return VS_OK;
}

/* ---- writing ---- */

static void add_added_tokens(vs_buf *b, const vocab *v)
{
    bool is_first = true;

    vs_buf_str(b, "  \"added_tokens\": [");
    for (size_t id = 0; id < v->n; id++) {
        if (!is_added(v, id)) continue;
        vs_buf_printf(b, "%s\n    {\"id\": %zu, \"content\": ", is_first ? "" : ",", id);
        vs_buf_json_str(b, v->text[id].text, v->text[id].len);
        vs_buf_printf(b,
                      ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                      "\"normalized\": false, \"special\": %s}",
                      is_special(v, id) ? "true" : "false");
        is_first = false;
    }
    vs_buf_str(b, "\n  ],\n");
}

static void add_vocab(vs_buf *b, const vocab *v)
{
    const char *separator = "\n      ";

    vs_buf_str(b, "    \"vocab\": {");
    for (size_t id = 0; id < v->n_model; id++) {
        vs_buf_str(b, separator);
        separator = ",\n      ";
        vs_buf_json_str(b, v->text[id].text, v->text[id].len);
        vs_buf_printf(b, ": %zu", id);
    }
    vs_buf_str(b, "\n    },\n    \"merges\": [");
}

static vs_status add_spm_merges(vs_buf *b, const vocab *v, vs_error *err)
{
    merges m = {0};
    vs_status st;

    VS_CHECK(make_merges(&m, v, err));
    for (size_t i = 0; i < m.n; i++) {
        const vs_gguf_text t = v->text[m.item[i].piece];
        vs_buf_str(b, i ? ",\n      [" : "\n      [");
        vs_buf_json_str(b, t.text, m.item[i].cut);
        vs_buf_str(b, ", ");
        vs_buf_json_str(b, t.text + m.item[i].cut, t.len - m.item[i].cut);
        vs_buf_str(b, "]");
    }
done:
    free(m.item);
    return st;
}

static vs_status add_gpt2_merges(vs_buf *b, const vocab *v, vs_error *err)
{
    const vs_gguf_value *list;
    size_t at = 0;

    VS_TRY(vs_gguf_get_array(&list, v->g, "tokenizer.ggml.merges", VS_GGUF_STRING, err));
    if (list->n > TOK_MAX_MERGES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: %zu merges, the limit is %d", vs_gguf_path(v->g),
                       list->n, (int)TOK_MAX_MERGES);
    for (size_t i = 0; i < list->n; i++) {
        const vs_gguf_text t = vs_gguf_next_text(list, &at);
        if (!is_utf8(t))
            return VS_FAIL(err, VS_E_FORMAT, "%s: merge %zu: expected two tokens and a space",
                           vs_gguf_path(v->g), i);
        vs_buf_str(b, i ? ",\n      " : "\n      ");
        vs_buf_json_str(b, t.text, t.len);
    }
    return VS_OK;
}

/* The id under `key`, when the file has one. */
static vs_status special_id(size_t *id, bool *has, const vocab *v, const char *key, vs_error *err)
{
    *has = vs_gguf_find(v->g, key) != NULL;
    return vs_gguf_opt_size(id, v->g, key, 0, v->n - 1, err);
}

static void add_template_token(vs_buf *b, vs_gguf_text token, int part)
{
    vs_buf_str(b, "{\"SpecialToken\": {\"id\": ");
    vs_buf_json_str(b, token.text, token.len);
    vs_buf_printf(b, ", \"type_id\": %d}}", part);
}

/* [BOS] A [EOS] of a template; part 1 is its B. */
static void add_sequence(vs_buf *b, const vocab *v, const size_t id[2], const bool add[2], int part)
{
    if (add[0]) {
        add_template_token(b, v->text[id[0]], part);
        vs_buf_str(b, ", ");
    }
    vs_buf_printf(b, "{\"Sequence\": {\"id\": \"%s\", \"type_id\": %d}}", part ? "B" : "A", part);
    if (add[1]) {
        vs_buf_str(b, ", ");
        add_template_token(b, v->text[id[1]], part);
    }
}

/* BOS before and EOS after, where the file asks for them. */
static vs_status add_post_processor(vs_buf *b, const vocab *v, vs_error *err)
{
    static const char *const ids[2] = {"tokenizer.ggml.bos_token_id",
                                       "tokenizer.ggml.eos_token_id"};
    static const char *const asks[2] = {"tokenizer.ggml.add_bos_token",
                                        "tokenizer.ggml.add_eos_token"};
    bool add[2] = {v->is_spm || v->cutting->adds_bos, false}, has[2];
    size_t id[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        VS_TRY(vs_gguf_opt_bool(&add[i], v->g, asks[i], err));
        VS_TRY(special_id(&id[i], &has[i], v, ids[i], err));
        if (add[i] && !has[i])
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\" is true, but there is no \"%s\"",
                           vs_gguf_path(v->g), asks[i], ids[i]);
    }
    if (!add[0] && !add[1]) {
        vs_buf_str(b, "  \"post_processor\": null,\n");
        return VS_OK;
    }
    vs_buf_str(b, "  \"post_processor\": {\"type\": \"TemplateProcessing\",\n    \"single\": [");
    add_sequence(b, v, id, add, 0);
    vs_buf_str(b, "],\n    \"pair\": [");
    add_sequence(b, v, id, add, 0);
    vs_buf_str(b, ", ");
    add_sequence(b, v, id, add, 1);
    vs_buf_str(b, "],\n    \"special_tokens\": {");
    for (int i = 0; i < 2; i++) {
        const vs_gguf_text t = v->text[id[i]];
        if (!add[i] || (i && add[0] && id[0] == id[1])) continue;
        if (i && add[0]) vs_buf_str(b, ", ");
        vs_buf_json_str(b, t.text, t.len);
        vs_buf_str(b, ": {\"id\": ");
        vs_buf_json_str(b, t.text, t.len);
        vs_buf_printf(b, ", \"ids\": [%zu], \"tokens\": [", id[i]);
        vs_buf_json_str(b, t.text, t.len);
        vs_buf_str(b, "]}");
    }
    vs_buf_str(b, "}},\n");
    return VS_OK;
}

/* Gemma's pieces stand for spaces as they are; Llama 2's begin with one that the text does not
 * have. */
static vs_status add_spm_steps(vs_buf *b, const vocab *v, vs_error *err)
{
    static const char replace[] =
        "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\xE2\x96\x81\"}";
    static const char decode[] =
        "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\xE2\x96\x81\"}, \"content\": \" \"}, "
        "{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}";
    bool has_prefix = true;

    VS_TRY(vs_gguf_opt_bool(&has_prefix, v->g, "tokenizer.ggml.add_space_prefix", err));
    if (has_prefix)
        vs_buf_printf(b,
                      "  \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": "
                      "\"Prepend\", \"prepend\": \"%s\"}, %s]},\n  \"pre_tokenizer\": null,\n",
                      space_mark, replace);
    else
        vs_buf_printf(
            b,
            "  \"normalizer\": %s,\n  \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": "
            "{\"String\": \" \"}, \"behavior\": \"MergedWithPrevious\", \"invert\": false},\n",
            replace);
    VS_TRY(add_post_processor(b, v, err));
    vs_buf_printf(
        b, "  \"decoder\": {\"type\": \"Sequence\", \"decoders\": [%s%s]},\n", decode,
        has_prefix ? ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}" : "");
    return VS_OK;
}

static vs_status add_gpt2_steps(vs_buf *b, const vocab *v, vs_error *err)
{
    vs_buf_printf(b, "  \"normalizer\": %s,\n  \"pre_tokenizer\": %s,\n",
                  v->cutting->is_nfc ? "{\"type\": \"NFC\"}" : "null", v->cutting->pre_tokenizer);
    VS_TRY(add_post_processor(b, v, err));
    vs_buf_printf(b, "  \"decoder\": %s,\n", BYTE_LEVEL("true"));
    return VS_OK;
}

static vs_status add_model(vs_buf *b, const vocab *v, vs_error *err)
{
    bool has_unk = false;
    size_t unk = 0;

    VS_TRY(special_id(&unk, &has_unk, v, "tokenizer.ggml.unknown_token_id", err));
    vs_buf_str(
        b, "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ");
    if (v->is_spm && has_unk)
        vs_buf_json_str(b, v->text[unk].text, v->text[unk].len);
    else
        vs_buf_str(b, "null");
    vs_buf_printf(b,
                  ",\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
                  "    \"fuse_unk\": %s,\n    \"byte_fallback\": %s,\n    \"ignore_merges\": %s,\n",
                  v->is_spm ? "true" : "false", v->is_spm ? "true" : "false",
                  v->cutting && v->cutting->ignore_merges ? "true" : "false");
    add_vocab(b, v);
    VS_TRY(v->is_spm ? add_spm_merges(b, v, err) : add_gpt2_merges(b, v, err));
    vs_buf_str(b, "\n    ]\n  }\n}\n");
    return VS_OK;
}

static vs_status add_special(vs_buf *b, const vocab *v, const char *name, const char *key,
                             vs_error *err)
{
    size_t id = 0;
    bool has;

    VS_TRY(special_id(&id, &has, v, key, err));
    if (!has) return VS_OK;
    vs_buf_printf(b, "  \"%s\": ", name);
    vs_buf_json_str(b, v->text[id].text, v->text[id].len);
    vs_buf_str(b, ",\n");
    return VS_OK;
}

static vs_status write_config(const vocab *v, const char *dir, vs_error *err)
{
    vs_gguf_text chat = {0};
    vs_buf b = {0};
    vs_status st;

    vs_buf_str(&b, "{\n");
    VS_CHECK(add_special(&b, v, "bos_token", "tokenizer.ggml.bos_token_id", err));
    VS_CHECK(vs_gguf_opt_text(&chat, v->g, "tokenizer.chat_template", err));
    if (chat.text) {
        vs_buf_str(&b, "  \"chat_template\": ");
        vs_buf_json_str(&b, chat.text, chat.len);
        vs_buf_str(&b, ",\n");
    }
    VS_CHECK(add_special(&b, v, "eos_token", "tokenizer.ggml.eos_token_id", err));
    VS_CHECK(add_special(&b, v, "pad_token", "tokenizer.ggml.padding_token_id", err));
    VS_CHECK(add_special(&b, v, "unk_token", "tokenizer.ggml.unknown_token_id", err));
    vs_buf_str(&b, "  \"tokenizer_class\": \"PreTrainedTokenizerFast\"\n}\n");
    VS_CHECK(vs_folder_write(dir, "tokenizer_config.json", &b, err));
done:
    vs_buf_free(&b);
    return st;
}

vs_status vs_gguf_write_tokenizer(const vs_gguf *g, const char *dir, vs_error *err)
{
    vocab v = {0};
    vs_buf b = {0};
    vs_status st;

    VS_CHECK(vocab_read(&v, g, err));
    vs_buf_str(&b, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    add_added_tokens(&b, &v);
    VS_CHECK(v.is_spm ? add_spm_steps(&b, &v, err) : add_gpt2_steps(&b, &v, err));
    VS_CHECK(add_model(&b, &v, err));
    VS_CHECK(vs_folder_write(dir, "tokenizer.json", &b, err));
    VS_CHECK(write_config(&v, dir, err));
done:
    vs_buf_free(&b);
    vocab_free(&v);
    return st;
}
