/* tokenizer_impl.h - what the tokenizer's own files share; gguf_vocab.c uses its map of texts and
 * its limits, nothing else includes it.
 *
 * A tokenizer.json is compiled at load into three straight lists of steps (tok_op): normaliser,
 * pre-tokenizer, decoder; nested Sequences are flattened. Encoding: text -> added tokens cut out ->
 * normaliser -> normalised added tokens cut out -> pre-tokenizer -> BPE per piece. */
#ifndef VS_MODEL_TOKENIZER_IMPL_H
#define VS_MODEL_TOKENIZER_IMPL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>

#include "engine/model/tokenizer.h"

/* Limits on what files and callers bring. */
enum {
    TOK_MAX_FILE_BYTES = 1 << 27,
    TOK_MAX_VOCAB = 1 << 20, /* ids are below this */
    TOK_MAX_MERGES = 1 << 22,
    TOK_MAX_TOKEN_BYTES = 1 << 12, /* also of every other text in the file, patterns included */
    TOK_MAX_NESTING = 8,           /* of Sequence in Sequence */
    TOK_MAX_OPS = 32,              /* steps of one list after flattening */
    TOK_MAX_TEXT_BYTES = 1 << 26,  /* of one text, before, between and after the steps */
    TOK_MATCH_LIMIT = 50000000,    /* PCRE2 match steps for one match */
    TOK_MATCH_HEAP_KIB = 1 << 18,
};

/* Open-addressing map from a 64-bit key to two numbers; keys are never UINT64_MAX, nothing is
 * removed. */
typedef struct tok_map_item {
    uint64_t key;
    uint32_t a;
    int32_t b;
} tok_map_item;
typedef struct tok_map {
    tok_map_item *item;
    size_t n, cap; /* cap: 0 or a power of two */
} tok_map;
/* The item with this key, made when missing (*is_new; a and b are then 0); NULL when memory is out.
 */
tok_map_item *tok_map_put(tok_map *m, uint64_t key, bool *is_new);
const tok_map_item *tok_map_get(const tok_map *m, uint64_t key); /* NULL: none */

/* Longest-match trie over bytes: the added tokens. Zeroed is empty. */
typedef struct tok_trie {
    tok_map edges; /* (node, byte) -> b: child */
    int32_t *id;   /* of the token that ends at this node; -1: none */
    size_t n, cap; /* nodes */
} tok_trie;
bool tok_trie_add(tok_trie *t, const char *text, size_t len, int32_t id); /* false: memory is out */
int32_t tok_trie_longest(const tok_trie *t, const char *text, size_t len,
                         size_t *match_len); /* -1: none */
void tok_trie_free(tok_trie *t);

enum {
    TOK_PRESENT = 1,
    TOK_MODEL = 2,
    TOK_SPECIAL = 4,
    TOK_SINGLE_WORD = 8,
    TOK_LSTRIP = 16,
    TOK_RSTRIP = 32
};
typedef struct tok_entry {
    uint32_t at, len; /* in tok_vocab.text */
    uint32_t flags;   /* TOK_*; 0: no token has this id */
} tok_entry;
/* Tokens by id and by text. */
typedef struct tok_vocab {
    vs_buf text;
    tok_entry *entry;
    size_t size, cap; /* size: largest id + 1 */
    int32_t *slot;    /* open addressing by text; -1: empty */
    size_t n, n_slots;
} tok_vocab;
int32_t tok_vocab_find(const tok_vocab *v, const char *text, size_t len); /* -1: none */
/* The text and the id are not yet in the vocabulary; id < TOK_MAX_VOCAB. false: memory is out. */
bool tok_vocab_add(tok_vocab *v, const char *text, size_t len, int32_t id, uint32_t flags);
void tok_vocab_free(tok_vocab *v);

typedef enum tok_kind {
    /* normalisers and pre-tokenizers */
    TOK_NFC,
    TOK_PREPEND, /* `to` before a piece that is not empty, subject to `when` */
    TOK_REPLACE, /* every `from` by `to`; also a decoder */
    TOK_BYTES,   /* GPT-2's byte-to-character map */
    TOK_SPLIT,   /* by code, behavior, invert */
    /* decoders */
    TOK_UNBYTES,
    TOK_BYTE_FALLBACK,
    TOK_FUSE,
    TOK_STRIP,     /* up to `start` leading and `stop` trailing `from` */
    TOK_METASPACE, /* `from` becomes `to`, a space; in the first token nothing, unless keep_first */
} tok_kind;
typedef enum tok_when { TOK_ALWAYS, TOK_IF_ABSENT, TOK_IF_ABSENT_AT_START } tok_when;
typedef enum tok_behavior {
    TOK_ISOLATED,
    TOK_REMOVED,
    TOK_MERGED_WITH_PREVIOUS,
    TOK_MERGED_WITH_NEXT,
    TOK_CONTIGUOUS
} tok_behavior;
typedef struct tok_op {
    tok_kind kind;
    char *from, *to; /* owned */
    size_t from_len, to_len;
    size_t start, stop;
    tok_when when;
    tok_behavior behavior;
    bool invert, keep_first;
    pcre2_code *code; /* owned */
} tok_op;
typedef struct tok_ops {
    tok_op item[TOK_MAX_OPS];
    size_t n;
} tok_ops;

struct vs_tokenizer {
    char *name; /* the file, for messages */
    tok_vocab vocab;
    tok_map merges; /* (left id, right id) -> a: rank, b: merged id */
    bool byte_fallback, fuse_unk, ignore_merges;
    int32_t unk;             /* -1: none */
    int32_t byte_token[256]; /* of byte fallback; -1: none */
    tok_ops normalizer, pre_tokenizer, decoder;
    tok_trie raw, normalized; /* added tokens, by where they are looked for */
    vs_ids prefix, suffix;    /* of the post-processor */
};

/* tokenizer_map.c: GPT-2's bytes_to_unicode. */
uint32_t tok_byte_char(unsigned char byte);
int tok_char_byte(uint32_t c); /* -1: none */

/* tokenizer_regex.c. All texts given to tok_regex_next are valid UTF-8. */
pcre2_general_context *
tok_regex_memory(void); /* counts allocations as base/mem does; NULL: memory is out */
/* pattern: Hugging Face's (Oniguruma, Ruby syntax) when !literal. */
VS_NODISCARD vs_status tok_regex_compile(pcre2_code **out, const char *pattern, size_t len,
                                         bool literal, const char *where, vs_error *err);

/* tokenizer_load.c: from the text of a file; name is what messages call it. */
VS_NODISCARD vs_status tok_parse(vs_tokenizer **out, const char *text, size_t len, const char *name,
                                 vs_error *err);

/* tokenizer_parts.c: JSON of the four parts into steps. */
enum { TOK_WHERE_BYTES = 512 };
void tok_where(char where[TOK_WHERE_BYTES], const char *format, ...) VS_PRINTF(2, 3);
VS_NODISCARD vs_status tok_known_keys(const json_t *obj, const char *known, const char *where,
                                      vs_error *err);
VS_NODISCARD vs_status tok_parse_normalizer(vs_tokenizer *t, const json_t *part, vs_error *err);
VS_NODISCARD vs_status tok_parse_pre_tokenizer(vs_tokenizer *t, const json_t *part, vs_error *err);
VS_NODISCARD vs_status tok_parse_decoder(vs_tokenizer *t, const json_t *part, vs_error *err);
VS_NODISCARD vs_status tok_parse_post_processor(vs_tokenizer *t, const json_t *part, vs_error *err);

/* tokenizer_text.c: one text on its way to pieces. Everything in it is scratch of one vs_encode. */
typedef struct tok_piece {
    size_t at, len;
    bool hit; /* while splitting: a match of the pattern */
} tok_piece;
typedef struct tok_pieces {
    tok_piece *item;
    size_t n, cap;
} tok_pieces;
typedef struct tok_symbol {
    int32_t id;         /* -1: merged into its left neighbour */
    int32_t prev, next; /* -1: none */
} tok_symbol;
typedef struct tok_candidate {
    uint32_t rank;
    int32_t at, id; /* left symbol, merged token */
} tok_candidate;
typedef struct tok_work {
    const vs_tokenizer *t;
    vs_buf text, spare;
    tok_pieces pieces, spare_pieces, matches;
    bool at_start; /* the text begins where the caller's text begins */
    pcre2_match_data *match;
    pcre2_match_context *limits;
    tok_symbol *symbol;
    size_t n_symbols, symbol_cap;
    tok_candidate *heap;
    size_t n_heap, heap_cap;
    vs_ids ids;
} tok_work;
void tok_work_free(tok_work *w);
/* Runs the steps over w->pieces, which lie in w->text. */
VS_NODISCARD vs_status tok_run_ops(tok_work *w, const tok_ops *ops, vs_error *err);
/* *found false: no match at or after from. */
VS_NODISCARD vs_status tok_regex_next(tok_work *w, const pcre2_code *code, const char *text,
                                      size_t len, size_t from, size_t *start, size_t *end,
                                      bool *found, vs_error *err);
size_t tok_char_len(const char *text, size_t len, int32_t *c); /* 0: not UTF-8 (or len 0) */
/* text with every `from` replaced; false when the result would pass TOK_MAX_TEXT_BYTES. */
bool tok_replace(vs_buf *out, const char *text, size_t len, const tok_op *op);

/* tokenizer_bpe.c: appends one piece's ids to w->ids. */
VS_NODISCARD vs_status tok_bpe(tok_work *w, const char *text, size_t len, vs_error *err);
#endif
