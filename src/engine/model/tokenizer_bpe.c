/* tokenizer_bpe.c - byte-pair encoding of one piece: characters to symbols, then merges by rank,
 * leftmost first, from a heap of candidate pairs over a linked list of symbols: O(n log n). Order
 * and stale-candidate rule: huggingface/tokenizers, models/bpe/word.rs. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

static vs_status fail_nomem(const tok_work *w, vs_error *err)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", w->t->name);
}

static vs_status add_symbol(tok_work *w, int32_t id, vs_error *err)
{
    const int32_t i = (int32_t)w->n_symbols;

    if (!vs_grow(&w->symbol, &w->symbol_cap, w->n_symbols + 1, sizeof *w->symbol))
        return fail_nomem(w, err);
    w->symbol[w->n_symbols++] = (tok_symbol){.id = id, .prev = i - 1, .next = i + 1};
    return VS_OK;
}

/* A token of the model's own vocabulary: added tokens are found before BPE or not at all. */
static int32_t model_token(const vs_tokenizer *t, const char *text, size_t len)
{
    const int32_t id = tok_vocab_find(&t->vocab, text, len);

    return id >= 0 && t->vocab.entry[id].flags & TOK_MODEL ? id : -1;
}

/* Where the vocabulary is byte-level the piece is shown as the bytes it stands for. */
static vs_status fail_unknown(const tok_work *w, const char *text, size_t len, const char *c,
                              size_t c_len, vs_error *err)
{
    enum { SHOWN_BYTES = 80 };
    bool byte_level = false;
    char shown[SHOWN_BYTES + 1];
    size_t n = 0, at = 0;

    for (size_t i = 0; i < w->t->pre_tokenizer.n; i++)
        if (w->t->pre_tokenizer.item[i].kind == TOK_BYTES) byte_level = true;
    while (at < len && n + 4 <= SHOWN_BYTES) {
        int32_t code = 0;
        size_t step = tok_char_len(text + at, len - at, &code);
        const int byte = step && byte_level ? tok_char_byte((uint32_t)code) : -1;

        if (!step) step = 1;
        if (byte >= 0)
            shown[n++] = (char)byte;
        else
            memcpy(shown + n, text + at, step), n += step;
        at += step;
    }
    shown[n] = '\0';
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: the vocabulary cannot express the text \"%s\"%s: no token for \"%.*s\", "
                   "and no unk_token",
                   w->t->name, shown, at < len ? ".." : "", (int)c_len, c);
}

static bool has_byte_tokens(const vs_tokenizer *t, const char *c, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (t->byte_token[(unsigned char)c[i]] < 0) return false;
    return t->byte_fallback;
}

/* The symbols of a piece. Unknown characters become bytes, or else unk_token, one per character or
 * per run (fuse_unk); a pending unk is written before the next known character, as
 * models/bpe/model.rs does. */
static vs_status add_symbols(tok_work *w, const char *text, size_t len, vs_error *err)
{
    const vs_tokenizer *t = w->t;
    bool pending_unk = false;
    int32_t c;

    for (size_t at = 0, step; at < len; at += step) {
        int32_t id;

        step = tok_char_len(text + at, len - at, &c);
        if (!step) step = 1;
        id = model_token(t, text + at, step);
        if (id >= 0) {
            if (pending_unk) VS_TRY(add_symbol(w, t->unk, err));
            pending_unk = false;
            VS_TRY(add_symbol(w, id, err));
        } else if (has_byte_tokens(t, text + at, step)) {
            for (size_t i = 0; i < step; i++)
                VS_TRY(add_symbol(w, t->byte_token[(unsigned char)text[at + i]], err));
        } else if (t->unk < 0) {
            return fail_unknown(w, text, len, text + at, step, err);
        } else {
            if (pending_unk && !t->fuse_unk) VS_TRY(add_symbol(w, t->unk, err));
            pending_unk = true;
        }
    }
    return pending_unk ? add_symbol(w, t->unk, err) : VS_OK;
}

static bool before(const tok_candidate *a, const tok_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static vs_status heap_push(tok_work *w, tok_candidate c, vs_error *err)
{
    size_t i = w->n_heap;

    if (!vs_grow(&w->heap, &w->heap_cap, i + 1, sizeof *w->heap)) return fail_nomem(w, err);
    w->n_heap++;
    for (; i > 0 && before(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
    return VS_OK;
}

static tok_candidate heap_pop(tok_work *w)
{
    tok_candidate *h = w->heap;
    const tok_candidate top = h[0], last = h[--w->n_heap];
    const size_t n = w->n_heap;
    size_t i = 0;

    for (size_t child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && before(&h[child + 1], &h[child])) child++;
        if (!before(&h[child], &last)) break;
        h[i] = h[child];
        i = child;
    }
    h[i] = last;
    return top;
}

static const tok_map_item *pair_merge(const tok_work *w, int32_t left)
{
    const tok_symbol *s = &w->symbol[left];

    if (s->next < 0) return NULL;
    return tok_map_get(&w->t->merges,
                       (uint64_t)(uint32_t)s->id << 32 | (uint32_t)w->symbol[s->next].id);
}

static vs_status push_pair(tok_work *w, int32_t left, vs_error *err)
{
    const tok_map_item *m = left >= 0 ? pair_merge(w, left) : NULL;

    return m ? heap_push(w, (tok_candidate){.rank = m->a, .at = left, .id = m->b}, err) : VS_OK;
}

static vs_status merge_all(tok_work *w, vs_error *err)
{
    w->n_heap = 0;
    for (size_t i = 0; i < w->n_symbols; i++) VS_TRY(push_pair(w, (int32_t)i, err));
    while (w->n_heap) {
        const tok_candidate c = heap_pop(w);
        tok_symbol *left = &w->symbol[c.at], *right;
        const tok_map_item *m = left->id < 0 ? NULL : pair_merge(w, c.at);

        if (!m || m->b != c.id) continue; /* an earlier merge took one of the two */
        right = &w->symbol[left->next];
        left->id = c.id;
        left->next = right->next;
        right->id = -1;
        if (left->next >= 0) w->symbol[left->next].prev = c.at;
        VS_TRY(push_pair(w, left->prev, err));
        VS_TRY(push_pair(w, c.at, err));
    }
    return VS_OK;
}

vs_status tok_bpe(tok_work *w, const char *text, size_t len, vs_error *err)
{
    const int32_t whole = w->t->ignore_merges && len ? model_token(w->t, text, len) : -1;

    if (whole >= 0) return vs_ids_add(&w->ids, whole, err);
    w->n_symbols = 0;
    VS_TRY(add_symbols(w, text, len, err));
    if (!w->n_symbols) return VS_OK;
    w->symbol[w->n_symbols - 1].next = -1;
    VS_TRY(merge_all(w, err));
    for (int32_t i = 0; i >= 0; i = w->symbol[i].next)
        VS_TRY(vs_ids_add(&w->ids, w->symbol[i].id, err));
    return VS_OK;
}
