/* tokenizer_decode.c - ids to text. A decoder is a chain over the list of token texts
 * (huggingface/tokenizers, src/decoders); without one, texts are joined by spaces. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

static const char replacement_char[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Consecutive strings in one buffer. */
typedef struct strings {
    vs_buf text;
    size_t *end;
    size_t n, cap;
} strings;

/* How a chain runs. raw: for vs_token_bytes, where bytes need not be whole characters yet and
 * earlier tokens exist. */
typedef struct chain {
    const vs_tokenizer *t;
    strings now, next;
    bool raw, fused;
} chain;

static vs_status fail_nomem(const chain *c, vs_error *err)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", c->t->name);
}

/* Ends the string that was just written to s->text. */
static vs_status end_string(chain *c, strings *s, vs_error *err)
{
    if (s->text.failed || !vs_grow(&s->end, &s->cap, s->n + 1, sizeof *s->end))
        return fail_nomem(c, err);
    if (s->text.len > TOK_MAX_TEXT_BYTES)
        return VS_FAIL(err, VS_E_LIMIT,
                       "%s: decoded text becomes longer than the limit of %d bytes", c->t->name,
                       (int)TOK_MAX_TEXT_BYTES);
    s->end[s->n++] = s->text.len;
    return VS_OK;
}

static const char *string_at(const strings *s, size_t i, size_t *len)
{
    const size_t at = i ? s->end[i - 1] : 0;

    *len = s->end[i] - at;
    return s->text.data + at;
}

/* How many bytes at text one U+FFFD stands for: the maximal subpart of Unicode 15, section 3.9, as
 * Rust's from_utf8_lossy counts. text does not begin a well-formed character. */
static size_t bad_len(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    const unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    const size_t want = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
                        : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
                        : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                       : 1;
    size_t n = 1;

    if (want > 1 && len > 1 && s[1] >= low && s[1] <= high)
        for (n = 2; n < want && n < len && s[n] >= 0x80 && s[n] <= 0xBF;) n++;
    return n;
}

static void add_lossy(vs_buf *out, const char *text, size_t len)
{
    int32_t c;

    for (size_t at = 0; at < len;) {
        const size_t step = tok_char_len(text + at, len - at, &c);

        if (step)
            vs_buf_add(out, text + at, step);
        else
            vs_buf_str(out, replacement_char);
        at += step ? step : bad_len(text + at, len - at);
    }
}

/* A text with any character outside the byte map (an added token) stands for itself. */
static void add_unmapped(vs_buf *out, const char *text, size_t len)
{
    const size_t before = out->len;
    int32_t c;

    for (size_t at = 0, step; at < len; at += step) {
        int byte;
        char one;

        step = tok_char_len(text + at, len - at, &c);
        byte = step ? tok_char_byte((uint32_t)c) : -1;
        if (byte < 0) {
            out->len = before;
            vs_buf_add(out, text, len);
            return;
        }
        one = (char)byte;
        vs_buf_add(out, &one, 1);
    }
}

static vs_status run_unbytes(chain *c, vs_error *err)
{
    vs_buf bytes = {0};
    vs_status st;

    for (size_t i = 0; i < c->now.n; i++) {
        size_t len;
        const char *text = string_at(&c->now, i, &len);

        add_unmapped(&bytes, text, len);
    }
    VS_CHECK(vs_buf_ok(&bytes, c->t->name, err));
    if (c->raw)
        vs_buf_add(&c->next.text, bytes.data, bytes.len);
    else
        add_lossy(&c->next.text, bytes.data, bytes.len);
    c->fused = true;
    st = end_string(c, &c->next, err);
done:
    vs_buf_free(&bytes);
    return st;
}

static vs_status run_replace(chain *c, const tok_op *op, vs_error *err)
{
    for (size_t i = 0; i < c->now.n; i++) {
        size_t len;
        const char *text = string_at(&c->now, i, &len);

        (void)tok_replace(&c->next.text, text, len, op); /* end_string finds what is too long */
        VS_TRY(end_string(c, &c->next, err));
    }
    return VS_OK;
}

/* The byte of "<0xAB>"; -1: another token. u8::from_str_radix also takes lower case. */
static int fallback_byte(const char *text, size_t len)
{
    int byte = 0;

    if (len != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    for (size_t i = 3; i < 5; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'                 ? c - '0'
                          : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                               : -1;

        if (digit < 0) return -1;
        byte = byte * 16 + digit;
    }
    return byte;
}

/* A run of bytes is kept when it is UTF-8 as a whole, else each byte becomes U+FFFD. */
static vs_status flush_bytes(chain *c, const vs_buf *bytes, vs_error *err)
{
    bool valid = true;
    int32_t code;

    if (!bytes->len) return VS_OK;
    for (size_t at = 0, step; valid && at < bytes->len; at += step) {
        step = tok_char_len(bytes->data + at, bytes->len - at, &code);
        valid = step > 0;
    }
    if (valid || c->raw)
        vs_buf_add(&c->next.text, bytes->data, bytes->len);
    else
        for (size_t i = 0; i < bytes->len; i++) vs_buf_str(&c->next.text, replacement_char);
    return end_string(c, &c->next, err);
}

static vs_status run_byte_fallback(chain *c, vs_error *err)
{
    vs_buf bytes = {0};
    vs_status st;

    for (size_t i = 0; i < c->now.n; i++) {
        size_t len;
        const char *text = string_at(&c->now, i, &len);
        const int byte = fallback_byte(text, len);

        if (byte >= 0) {
            const char one = (char)byte;

            vs_buf_add(&bytes, &one, 1);
            continue;
        }
        VS_CHECK(flush_bytes(c, &bytes, err));
        vs_buf_clear(&bytes);
        vs_buf_add(&c->next.text, text, len);
        VS_CHECK(end_string(c, &c->next, err));
    }
    VS_CHECK(vs_buf_ok(&bytes, c->t->name, err));
    st = flush_bytes(c, &bytes, err);
done:
    vs_buf_free(&bytes);
    return st;
}

static vs_status run_strip(chain *c, const tok_op *op, vs_error *err)
{
    for (size_t i = 0; i < c->now.n; i++) {
        size_t len, start = 0, stop = 0;
        const char *text = string_at(&c->now, i, &len);

        for (;
             start < op->start && len >= op->from_len && memcmp(text, op->from, op->from_len) == 0;
             start++) {
            text += op->from_len;
            len -= op->from_len;
        }
        for (; stop < op->stop && len >= op->from_len &&
               memcmp(text + len - op->from_len, op->from, op->from_len) == 0;
             stop++)
            len -= op->from_len;
        vs_buf_add(&c->next.text, text, len);
        VS_TRY(end_string(c, &c->next, err));
    }
    return VS_OK;
}

static vs_status run_metaspace(chain *c, const tok_op *op, vs_error *err)
{
    for (size_t i = 0; i < c->now.n; i++) {
        const bool drop = i == 0 && !c->raw && !op->keep_first;
        tok_op replace = {.from = op->from,
                          .from_len = op->from_len,
                          .to = op->to,
                          .to_len = drop ? 0 : op->to_len};
        size_t len;
        const char *text = string_at(&c->now, i, &len);

        (void)tok_replace(&c->next.text, text, len, &replace);
        VS_TRY(end_string(c, &c->next, err));
    }
    return VS_OK;
}

static vs_status run_op(chain *c, const tok_op *op, vs_error *err)
{
    switch (op->kind) {
    case TOK_UNBYTES:
        return run_unbytes(c, err);
    case TOK_REPLACE:
        return run_replace(c, op, err);
    case TOK_BYTE_FALLBACK:
        return run_byte_fallback(c, err);
    case TOK_STRIP:
        return run_strip(c, op, err);
    case TOK_METASPACE:
        return run_metaspace(c, op, err);
    default:
        c->fused = true;
        vs_buf_add(&c->next.text, c->now.text.data, c->now.text.len);
        return end_string(c, &c->next, err);
    }
}

static vs_status run_chain(chain *c, vs_error *err)
{
    for (size_t i = 0; i < c->t->decoder.n; i++) {
        const tok_op *op = &c->t->decoder.item[i];
        strings swapped;

        if (c->raw && c->fused && op->kind == TOK_STRIP)
            continue; /* it is about the ends of the whole text */
        vs_buf_clear(&c->next.text);
        vs_buf_str(&c->next.text, "");
        c->next.n = 0;
        VS_TRY(run_op(c, op, err));
        swapped = c->now;
        c->now = c->next;
        c->next = swapped;
    }
    return VS_OK;
}

static bool is_token(const tok_vocab *v, int32_t id)
{
    return id >= 0 && (size_t)id < v->size && v->entry[id].flags;
}

static vs_status add_token(chain *c, int32_t id, vs_error *err)
{
    const tok_vocab *v = &c->t->vocab;

    if (!is_token(v, id))
        return VS_FAIL(err, VS_E_INPUT, "%s: the id %d is not in the vocabulary (largest: %zu)",
                       c->t->name, (int)id, v->size ? v->size - 1 : 0);
    if (!c->t->decoder.n && (c->now.n || c->raw)) vs_buf_str(&c->now.text, " ");
    vs_buf_add(&c->now.text, v->text.data + v->entry[id].at, v->entry[id].len);
    return end_string(c, &c->now, err);
}

static vs_status decode(vs_buf *out, const vs_tokenizer *t, const int32_t *ids, size_t n,
                        bool skip_special, bool raw, vs_error *err)
{
    const size_t before = out->len;
    chain c = {.t = t, .raw = raw};
    vs_status st = VS_OK;

    vs_buf_str(&c.now.text, "");
    for (size_t i = 0; i < n; i++) {
        if (skip_special && vs_token_is_special(t, ids[i])) continue;
        if ((skip_special || raw) && !is_token(&t->vocab, ids[i])) continue;
        VS_CHECK(add_token(&c, ids[i], err));
    }
    VS_CHECK(run_chain(&c, err));
    vs_buf_add(out, c.now.text.data, c.now.text.len);
    VS_CHECK(vs_buf_ok(out, t->name, err));
done:
    if (st != VS_OK) out->len = before;
    vs_buf_free(&c.now.text);
    vs_buf_free(&c.next.text);
    free(c.now.end);
    free(c.next.end);
    return st;
}

vs_status vs_decode(vs_buf *out, const vs_tokenizer *t, const int32_t *ids, size_t n,
                    bool skip_special, vs_error *err)
{
    return decode(out, t, ids, n, skip_special, false, err);
}

vs_status vs_token_bytes(vs_buf *out, const vs_tokenizer *t, int32_t id, vs_error *err)
{
    return decode(out, t, &id, 1, false, true, err);
}
