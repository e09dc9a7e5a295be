/* tokenizer_text.c - the steps of normalisers and pre-tokenizers over one text. A rewriting step
 * builds a new text and new piece borders; a split makes new borders only. */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

void tok_work_free(tok_work *w)
{
    vs_buf_free(&w->text);
    vs_buf_free(&w->spare);
    free(w->pieces.item);
    free(w->spare_pieces.item);
    free(w->matches.item);
    pcre2_match_data_free(w->match);
    pcre2_match_context_free(w->limits);
    free(w->symbol);
    free(w->heap);
    vs_ids_free(&w->ids);
}

static vs_status fail_nomem(const tok_work *w, vs_error *err)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", w->t->name);
}

static vs_status fail_text(const tok_work *w, vs_error *err)
{
    return VS_FAIL(err, VS_E_LIMIT, "%s: a text becomes longer than the limit of %d bytes",
                   w->t->name, (int)TOK_MAX_TEXT_BYTES);
}

static vs_status add_piece(tok_work *w, tok_pieces *list, size_t at, size_t len, bool hit,
                           vs_error *err)
{
    if (!vs_grow(&list->item, &list->cap, list->n + 1, sizeof *list->item))
        return fail_nomem(w, err);
    list->item[list->n++] = (tok_piece){.at = at, .len = len, .hit = hit};
    return VS_OK;
}

size_t tok_char_len(const char *text, size_t len, int32_t *c)
{
    utf8proc_ssize_t n;

    if (!len) return 0;
    if ((unsigned char)*text < 0x80) {
        *c = *text;
        return 1;
    }
    n = utf8proc_iterate((const utf8proc_uint8_t *)text, len > 4 ? 4 : (utf8proc_ssize_t)len, c);
    return n > 0 ? (size_t)n : 0;
}

/* Length of the longest prefix that is UTF-8 (valid) or that has no UTF-8 character in it (!valid).
 */
static size_t run_len(const char *text, size_t len, bool valid)
{
    size_t n = 0;
    int32_t c;

    while (n < len) {
        const size_t step = tok_char_len(text + n, len - n, &c);

        if ((step > 0) != valid) break;
        n += step ? step : 1;
    }
    return n;
}

/* Canonical ordering (Unicode 15, D109): every run of combining characters stably sorted by class.
 * Short runs by insertion, long ones by counting, so that no text takes quadratic time. */
static bool order_run(int32_t *c, size_t n)
{
    enum { SHORT_RUN = 32, N_CLASSES = 256 };
    size_t begin[N_CLASSES + 1] = {0};
    int32_t *sorted;

    if (n <= SHORT_RUN) {
        for (size_t i = 1; i < n; i++) {
            const int32_t moved = c[i];
            const utf8proc_propval_t class = utf8proc_get_property(moved)->combining_class;
            size_t j = i;

            for (; j > 0 && utf8proc_get_property(c[j - 1])->combining_class > class; j--)
                c[j] = c[j - 1];
            c[j] = moved;
        }
        return true;
    }
    sorted = vs_alloc(n, sizeof *sorted);
    if (!sorted) return false;
    for (size_t i = 0; i < n; i++) begin[utf8proc_get_property(c[i])->combining_class + 1]++;
    for (size_t i = 0; i < N_CLASSES; i++) begin[i + 1] += begin[i];
    for (size_t i = 0; i < n; i++)
        sorted[begin[utf8proc_get_property(c[i])->combining_class]++] = c[i];
    memcpy(c, sorted, n * sizeof *c);
    free(sorted);
    return true;
}

static bool order_canonically(int32_t *c, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;

        while (end < n && utf8proc_get_property(c[end])->combining_class) end++;
        if (end - i > 1 && !order_run(c + i, end - i)) return false;
        i = end > i ? end : i + 1;
    }
    return true;
}

/* Decomposed characters of valid UTF-8. One character becomes at most 4 (Unicode 15, NFD expansion
 * factors). */
static bool decompose(int32_t **out, size_t *n, const char *text, size_t len)
{
    enum { MAX_EXPANSION = 4 };
    size_t cap = 0;

    *n = 0;
    for (size_t at = 0; at < len;) {
        int32_t c = 0;
        int boundary = 0;
        utf8proc_ssize_t made;

        at += tok_char_len(text + at, len - at, &c);
        if (*n + MAX_EXPANSION > cap && !vs_grow(out, &cap, *n + MAX_EXPANSION, sizeof **out))
            return false;
        made = utf8proc_decompose_char(c, *out + *n, MAX_EXPANSION,
                                       UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        if (made < 0 || made > MAX_EXPANSION) return false;
        *n += (size_t)made;
    }
    return true;
}

static bool nfc_valid(vs_buf *out, const char *text, size_t len)
{
    int32_t *c = NULL;
    size_t n = 0;
    utf8proc_ssize_t composed;
    const bool ok = decompose(&c, &n, text, len) && order_canonically(c, n);

    if (ok) {
        composed =
            utf8proc_normalize_utf32(c, (utf8proc_ssize_t)n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        for (utf8proc_ssize_t i = 0; i < composed; i++) {
            utf8proc_uint8_t bytes[4];

            vs_buf_add(out, bytes, (size_t)utf8proc_encode_char(c[i], bytes));
        }
    }
    free(c);
    return ok;
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80) return false;
    return true;
}

/* Bytes that are not UTF-8 stay as they are. */
static bool nfc(vs_buf *out, const char *text, size_t len)
{
    if (is_ascii(text, len)) {
        vs_buf_add(out, text, len);
        return true;
    }
    while (len) {
        const size_t good = run_len(text, len, true), bad = run_len(text + good, len - good, false);

        if (good && !nfc_valid(out, text, good)) return false;
        vs_buf_add(out, text + good, bad);
        text += good + bad;
        len -= good + bad;
    }
    return true;
}

static const char *find(const char *text, size_t len, const tok_op *op)
{
    return op->from_len == 1 ? memchr(text, *op->from, len)
                             : memmem(text, len, op->from, op->from_len);
}

bool tok_replace(vs_buf *out, const char *text, size_t len, const tok_op *op)
{
    const char *const end = text + len;

    while (text < end) {
        const char *hit = find(text, (size_t)(end - text), op);

        vs_buf_add(out, text, (size_t)((hit ? hit : end) - text));
        if (!hit) break;
        vs_buf_add(out, op->to, op->to_len);
        text = hit + op->from_len;
        if (out->len > TOK_MAX_TEXT_BYTES) return false;
    }
    return out->len <= TOK_MAX_TEXT_BYTES;
}

static bool wants_prefix(const tok_op *op, const char *text, size_t len, bool at_start)
{
    if (!len) return false;
    if (op->when == TOK_ALWAYS) return true;
    if (op->when == TOK_IF_ABSENT_AT_START && !at_start) return false;
    return len < op->to_len || memcmp(text, op->to, op->to_len) != 0;
}

static void byte_chars(vs_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        utf8proc_uint8_t bytes[4];
        const uint32_t c = tok_byte_char((unsigned char)text[i]);

        vs_buf_add(out, bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, bytes));
    }
}

static vs_status rewrite_piece(tok_work *w, const tok_op *op, size_t i, vs_error *err)
{
    const tok_piece *p = &w->pieces.item[i];
    const char *text = w->text.data + p->at;

    switch (op->kind) {
    case TOK_NFC:
        if (!nfc(&w->spare, text, p->len)) return fail_nomem(w, err);
        break;
    case TOK_PREPEND:
        if (wants_prefix(op, text, p->len, w->at_start && i == 0))
            vs_buf_add(&w->spare, op->to, op->to_len);
        vs_buf_add(&w->spare, text, p->len);
        break;
    case TOK_REPLACE:
        if (!tok_replace(&w->spare, text, p->len, op)) return fail_text(w, err);
        break;
    default:
        byte_chars(&w->spare, text, p->len);
    }
    return w->spare.len > TOK_MAX_TEXT_BYTES ? fail_text(w, err) : VS_OK;
}

static vs_status run_rewrite(tok_work *w, const tok_op *op, vs_error *err)
{
    vs_buf swapped;

    vs_buf_clear(&w->spare);
    vs_buf_str(&w->spare, "");
    for (size_t i = 0; i < w->pieces.n; i++) {
        const size_t at = w->spare.len;

        VS_TRY(rewrite_piece(w, op, i, err));
        w->pieces.item[i] = (tok_piece){.at = at, .len = w->spare.len - at};
    }
    VS_TRY(vs_buf_ok(&w->spare, w->t->name, err));
    swapped = w->text;
    w->text = w->spare;
    w->spare = swapped;
    return VS_OK;
}

/* Adds the matches of valid UTF-8 and the gaps between them. As in the regex crates, an empty match
 * right after the last match does not count. */
static vs_status match_valid(tok_work *w, const tok_op *op, size_t at, size_t len, vs_error *err)
{
    const char *text = w->text.data + at;
    size_t done = 0, from = 0, start = 0, end = 0;
    bool found, any = false;
    int32_t c;

    while (from <= len) {
        VS_TRY(tok_regex_next(w, op->code, text, len, from, &start, &end, &found, err));
        if (!found) break;
        from = end > start ? end : end + (end < len ? tok_char_len(text + end, len - end, &c) : 1);
        if (end <= start && any && start == done) continue;
        if (start > done)
            VS_TRY(add_piece(w, &w->matches, at + done, start - done, op->invert, err));
        if (end < start) end = start; /* \K is refused; a look-behind cannot get here */
        VS_TRY(add_piece(w, &w->matches, at + start, end - start, !op->invert, err));
        done = end;
        any = true;
    }
    return done < len ? add_piece(w, &w->matches, at + done, len - done, op->invert, err) : VS_OK;
}

/* Matches and gaps of one piece, in order; bytes that are not UTF-8 are a gap of their own. */
static vs_status match_piece(tok_work *w, const tok_op *op, tok_piece p, vs_error *err)
{
    w->matches.n = 0;
    while (p.len) {
        const char *text = w->text.data + p.at;
        const size_t good = run_len(text, p.len, true),
                     bad = run_len(text + good, p.len - good, false);

        if (good) VS_TRY(match_valid(w, op, p.at, good, err));
        if (bad) VS_TRY(add_piece(w, &w->matches, p.at + good, bad, op->invert, err));
        p.at += good + bad;
        p.len -= good + bad;
    }
    return VS_OK;
}

/* Whether part i > 0 joins the part before it: SplitDelimiterBehavior of huggingface/tokenizers,
 * tokenizer/normalizer.rs. */
static bool joins(const tok_piece *part, tok_behavior behavior)
{
    const bool hit = part->hit, previous = part[-1].hit;

    switch (behavior) {
    case TOK_CONTIGUOUS:
        return hit == previous;
    case TOK_MERGED_WITH_PREVIOUS:
        return hit && !previous;
    case TOK_MERGED_WITH_NEXT:
        return previous && !hit;
    default:
        return false;
    }
}

static vs_status combine(tok_work *w, const tok_op *op, vs_error *err)
{
    tok_pieces *out = &w->spare_pieces;

    for (size_t i = 0; i < w->matches.n; i++) {
        const tok_piece *p = &w->matches.item[i];

        if (i > 0 && joins(p, op->behavior)) {
            out->item[out->n - 1].len += p->len;
            continue;
        }
        if (op->behavior == TOK_REMOVED && p->hit) continue;
        VS_TRY(add_piece(w, out, p->at, p->len, false, err));
    }
    return VS_OK;
}

static vs_status run_split(tok_work *w, const tok_op *op, vs_error *err)
{
    tok_pieces swapped;
    size_t n = 0;

    w->spare_pieces.n = 0;
    for (size_t i = 0; i < w->pieces.n; i++) {
        VS_TRY(match_piece(w, op, w->pieces.item[i], err));
        VS_TRY(combine(w, op, err));
    }
    swapped = w->pieces;
    w->pieces = w->spare_pieces;
    w->spare_pieces = swapped;
    for (size_t i = 0; i < w->pieces.n; i++)
        if (w->pieces.item[i].len) w->pieces.item[n++] = w->pieces.item[i];
    w->pieces.n = n;
    return VS_OK;
}

vs_status tok_run_ops(tok_work *w, const tok_ops *ops, vs_error *err)
{
    for (size_t i = 0; i < ops->n; i++) {
        if (ops->item[i].kind == TOK_SPLIT)
            VS_TRY(run_split(w, &ops->item[i], err));
        else
            VS_TRY(run_rewrite(w, &ops->item[i], err));
    }
    return VS_OK;
}
