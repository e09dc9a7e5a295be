#include "engine/model/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

void vs_ids_free(vs_ids *ids)
{
    free(ids->id);
    *ids = (vs_ids){0};
}

vs_status vs_ids_add(vs_ids *ids, int32_t id, vs_error *err)
{
    if (!vs_grow(&ids->id, &ids->cap, ids->n + 1, sizeof *ids->id))
        return VS_FAIL(err, VS_E_NOMEM, "token ids: out of memory");
    ids->id[ids->n++] = id;
    return VS_OK;
}

size_t vs_tokenizer_size(const vs_tokenizer *t)
{
    return t->vocab.size;
}

bool vs_token_is_special(const vs_tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->vocab.size && t->vocab.entry[id].flags & TOK_SPECIAL;
}

int32_t vs_tokenizer_find(const vs_tokenizer *t, const char *token)
{
    return tok_vocab_find(&t->vocab, token, strlen(token));
}

/* \w of Rust's regex crate, less its rare Other_Alphabetic signs. */
static bool is_word(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return c == 0x200C || c == 0x200D;
    }
}

/* White_Space of Unicode 15. */
static bool is_space(int32_t c)
{
    const utf8proc_category_t category = utf8proc_category(c);

    return (c >= 9 && c <= 13) || c == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* The character that ends before `at`; 0 when there is none. */
static size_t char_before(const char *text, size_t at, int32_t *c)
{
    for (size_t len = 1; len <= 4 && len <= at; len++)
        if (tok_char_len(text + at - len, len, c) == len) return len;
    return 0;
}

typedef struct added_match {
    size_t start, end;
    int32_t id;
} added_match;

static bool stands_alone(const char *text, size_t len, const added_match *m)
{
    int32_t c;

    if (char_before(text, m->start, &c) && is_word(c)) return false;
    return !tok_char_len(text + m->end, len - m->end, &c) || !is_word(c);
}

/* lstrip and rstrip take the white space beside the token, but none before `from`. */
static void widen(added_match *m, const char *text, size_t len, size_t from, uint32_t flags)
{
    int32_t c;
    size_t n;

    if (flags & TOK_LSTRIP)
        while (m->start > from && (n = char_before(text, m->start, &c)) && is_space(c))
            m->start -= n;
    if (flags & TOK_RSTRIP)
        while ((n = tok_char_len(text + m->end, len - m->end, &c)) && is_space(c)) m->end += n;
}

/* The next added token at or after `from`: leftmost, then longest (AddedVocabulary::find_matches of
 * huggingface/tokenizers). A token that must stand alone and does not hides what lies inside it. */
static bool next_added(added_match *m, const vs_tokenizer *t, const tok_trie *trie,
                       const char *text, size_t len, size_t from)
{
    if (!trie->n) return false;
    for (size_t at = from; at < len; at++) {
        size_t match_len;
        const int32_t id = tok_trie_longest(trie, text + at, len - at, &match_len);
        uint32_t flags;

        if (id < 0) continue;
        *m = (added_match){.start = at, .end = at + match_len, .id = id};
        flags = t->vocab.entry[id].flags;
        if (flags & TOK_SINGLE_WORD && !stands_alone(text, len, m)) {
            at = m->end - 1;
            continue;
        }
        widen(m, text, len, from, flags);
        return true;
    }
    return false;
}

/* Makes `text` the work's only piece. */
static vs_status set_piece(tok_work *w, const char *text, size_t len, vs_error *err)
{
    vs_buf_clear(&w->text);
    vs_buf_add(&w->text, text, len);
    if (w->text.failed || !vs_grow(&w->pieces.item, &w->pieces.cap, 1, sizeof *w->pieces.item))
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", w->t->name);
    w->pieces.item[0] = (tok_piece){.len = len};
    w->pieces.n = 1;
    return VS_OK;
}

/* Text without added tokens, already normalised. */
static vs_status encode_plain(tok_work *w, const char *text, size_t len, vs_error *err)
{
    if (!len) return VS_OK;
    VS_TRY(set_piece(w, text, len, err));
    VS_TRY(tok_run_ops(w, &w->t->pre_tokenizer, err));
    for (size_t i = 0; i < w->pieces.n; i++)
        VS_TRY(tok_bpe(w, w->text.data + w->pieces.item[i].at, w->pieces.item[i].len, err));
    return VS_OK;
}

static vs_status encode_normalized(tok_work *w, const char *text, size_t len, vs_error *err)
{
    const bool at_start = w->at_start;
    added_match m;
    size_t done = 0;

    while (next_added(&m, w->t, &w->t->normalized, text, len, done)) {
        w->at_start = at_start && done == 0;
        VS_TRY(encode_plain(w, text + done, m.start - done, err));
        VS_TRY(vs_ids_add(&w->ids, m.id, err));
        done = m.end;
    }
    w->at_start = at_start && done == 0;
    return encode_plain(w, text + done, len - done, err);
}

/* Text without the added tokens that are looked for before normalisation. */
static vs_status encode_segment(tok_work *w, const char *text, size_t len, vs_error *err)
{
    vs_status st;
    vs_buf whole;

    if (!len) return VS_OK;
    VS_TRY(set_piece(w, text, len, err));
    VS_TRY(tok_run_ops(w, &w->t->normalizer, err));
    whole = w->text; /* the parts are copied back into the work one by one */
    w->text = (vs_buf){0};
    st = encode_normalized(w, whole.data, whole.len, err);
    vs_buf_free(&whole);
    return st;
}

static vs_status encode_text(tok_work *w, const char *text, size_t len, vs_error *err)
{
    added_match m;
    size_t done = 0;

    while (next_added(&m, w->t, &w->t->raw, text, len, done)) {
        w->at_start = done == 0;
        VS_TRY(encode_segment(w, text + done, m.start - done, err));
        VS_TRY(vs_ids_add(&w->ids, m.id, err));
        done = m.end;
    }
    w->at_start = done == 0;
    return encode_segment(w, text + done, len - done, err);
}

static vs_status append_ids(vs_ids *out, const vs_ids *ids, vs_error *err)
{
    for (size_t i = 0; i < ids->n; i++) VS_TRY(vs_ids_add(out, ids->id[i], err));
    return VS_OK;
}

vs_status vs_encode(vs_ids *out, const vs_tokenizer *t, const char *text, size_t len,
                    bool add_special, vs_error *err)
{
    const size_t before = out->n;
    tok_work w = {.t = t};
    vs_status st;

    if (len > TOK_MAX_TEXT_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: a text of %zu bytes, the limit is %d", t->name, len,
                       (int)TOK_MAX_TEXT_BYTES);
    VS_CHECK(encode_text(&w, text, len, err));
    if (add_special) VS_CHECK(append_ids(out, &t->prefix, err));
    VS_CHECK(append_ids(out, &w.ids, err));
    if (add_special) VS_CHECK(append_ids(out, &t->suffix, err));
done:
    if (st != VS_OK) out->n = before;
    tok_work_free(&w);
    return st;
}
