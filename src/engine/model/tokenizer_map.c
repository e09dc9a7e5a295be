#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

enum { FIRST_SLOTS = 64 };
static const uint64_t no_key = UINT64_MAX;

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
 */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static tok_map_item *map_slot(const tok_map *m, uint64_t key)
{
    size_t i = (size_t)mix(key) & (m->cap - 1);

    while (m->item[i].key != key && m->item[i].key != no_key) i = (i + 1) & (m->cap - 1);
    return &m->item[i];
}

static bool map_grow(tok_map *m)
{
    tok_map bigger = {.n = m->n, .cap = m->cap ? m->cap * 2 : FIRST_SLOTS};

    bigger.item = vs_alloc(bigger.cap, sizeof *bigger.item);
    if (!bigger.item) return false;
    for (size_t i = 0; i < bigger.cap; i++) bigger.item[i].key = no_key;
    for (size_t i = 0; i < m->cap; i++)
        if (m->item[i].key != no_key) *map_slot(&bigger, m->item[i].key) = m->item[i];
    free(m->item);
    *m = bigger;
    return true;
}

tok_map_item *tok_map_put(tok_map *m, uint64_t key, bool *is_new)
{
    tok_map_item *item;

    if (m->n >= m->cap / 2 && !map_grow(m)) return NULL;
    item = map_slot(m, key);
    *is_new = item->key == no_key;
    if (*is_new) {
        *item = (tok_map_item){.key = key};
        m->n++;
    }
    return item;
}

const tok_map_item *tok_map_get(const tok_map *m, uint64_t key)
{
    const tok_map_item *item;

    if (!m->n) return NULL;
    item = map_slot(m, key);
    return item->key == no_key ? NULL : item;
}

static uint64_t edge_key(size_t node, char byte)
{
    return (uint64_t)node << 8 | (unsigned char)byte;
}

static bool trie_node(tok_trie *t, size_t *node)
{
    if (!vs_grow(&t->id, &t->cap, t->n + 1, sizeof *t->id)) return false;
    t->id[t->n] = -1;
    *node = t->n++;
    return true;
}

bool tok_trie_add(tok_trie *t, const char *text, size_t len, int32_t id)
{
    size_t node = 0;

    if (!t->n && !trie_node(t, &node)) return false;
    for (size_t i = 0; i < len; i++) {
        bool is_new;
        tok_map_item *edge = tok_map_put(&t->edges, edge_key(node, text[i]), &is_new);

        if (!edge) return false;
        if (is_new) {
            size_t child;

            if (!trie_node(t, &child)) return false;
            edge->b = (int32_t)child;
        }
        node = (size_t)edge->b;
    }
    t->id[node] = id;
    return true;
}

int32_t tok_trie_longest(const tok_trie *t, const char *text, size_t len, size_t *match_len)
{
    int32_t id = -1;
    size_t node = 0;

    for (size_t i = 0; i < len; i++) {
        const tok_map_item *edge = tok_map_get(&t->edges, edge_key(node, text[i]));

        if (!edge) break;
        node = (size_t)edge->b;
        if (t->id[node] < 0) continue;
        id = t->id[node];
        *match_len = i + 1;
    }
    return id;
}

void tok_trie_free(tok_trie *t)
{
    free(t->edges.item);
    free(t->id);
}

/* FNV-1a, mixed at the end because the low bits choose the slot. */
static uint64_t text_hash(const char *text, size_t len)
{
    uint64_t h = 0xCBF29CE484222325u;

    for (size_t i = 0; i < len; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001B3u;
    return mix(h);
}

/* The slot that holds this text, or the empty one where it belongs. */
static int32_t *vocab_slot(const tok_vocab *v, const char *text, size_t len)
{
    size_t i = (size_t)text_hash(text, len) & (v->n_slots - 1);

    while (v->slot[i] >= 0) {
        const tok_entry *e = &v->entry[v->slot[i]];

        if (e->len == len && memcmp(v->text.data + e->at, text, len) == 0) break;
        i = (i + 1) & (v->n_slots - 1);
    }
    return &v->slot[i];
}

int32_t tok_vocab_find(const tok_vocab *v, const char *text, size_t len)
{
    return v->n ? *vocab_slot(v, text, len) : -1;
}

static bool vocab_grow(tok_vocab *v)
{
    const size_t n_slots = v->n_slots ? v->n_slots * 2 : FIRST_SLOTS;
    int32_t *slot = vs_alloc(n_slots, sizeof *slot);

    if (!slot) return false;
    memset(slot, 0xFF, n_slots * sizeof *slot);
    free(v->slot);
    v->slot = slot;
    v->n_slots = n_slots;
    for (size_t id = 0; id < v->size; id++) {
        const tok_entry *e = &v->entry[id];

        if (e->flags) *vocab_slot(v, v->text.data + e->at, e->len) = (int32_t)id;
    }
    return true;
}

bool tok_vocab_add(tok_vocab *v, const char *text, size_t len, int32_t id, uint32_t flags)
{
    const size_t at = v->text.len, need = (size_t)id + 1;

    if (v->n >= v->n_slots / 2 && !vocab_grow(v)) return false;
    if (!vs_grow(&v->entry, &v->cap, need, sizeof *v->entry)) return false;
    while (v->size < need) v->entry[v->size++] = (tok_entry){0};
    vs_buf_add(&v->text, text, len);
    if (v->text.failed) return false;
    *vocab_slot(v, text, len) = id;
    v->entry[id] =
        (tok_entry){.at = (uint32_t)at, .len = (uint32_t)len, .flags = flags | TOK_PRESENT};
    v->n++;
    return true;
}

void tok_vocab_free(tok_vocab *v)
{
    vs_buf_free(&v->text);
    free(v->entry);
    free(v->slot);
}

/* Bytes that stand for themselves in bytes_to_unicode of openai/gpt-2, src/encoder.py. */
static bool stands_for_itself(unsigned b)
{
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
}

/* The 68 others become U+0100, U+0101, .. in byte order: 0..32, then 127..160, then 173. */
uint32_t tok_byte_char(unsigned char byte)
{
    if (stands_for_itself(byte)) return byte;
    if (byte <= 0x20) return 0x100u + byte;
    return byte == 0xAD ? 0x143u : 0x121u + byte - 0x7Fu;
}

int tok_char_byte(uint32_t c)
{
    if (c < 0x100) return stands_for_itself(c) ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 0x7F);
    return c == 0x143 ? 0xAD : -1;
}
