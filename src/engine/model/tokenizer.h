/* tokenizer.h - tokenizer.json of two kinds: byte-level BPE and Metaspace (Prepend + Replace) BPE
 * with byte fallback.
 *
 * A tokenizer never changes after opening and may be used by several threads. Text is bytes, taken
 * as UTF-8; bad UTF-8 is passed byte for byte where the model has byte tokens. Parity: Hugging Face
 * tokenizers, with one deviation on purpose: text that the vocabulary cannot express, where there
 * is no unk_token, is VS_E_INPUT naming the piece; Hugging Face drops it silently. A byte-level
 * vocabulary with all 256 bytes never meets this. */
#ifndef VS_MODEL_TOKENIZER_H
#define VS_MODEL_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct vs_tokenizer vs_tokenizer;

/* DIR/tokenizer.json (or a path that ends in .json). What the file asks for and this code lacks is
 * refused by name. */
VS_NODISCARD vs_status vs_tokenizer_open(vs_tokenizer **out, const char *dir_or_file,
                                         vs_error *err);
void vs_tokenizer_close(vs_tokenizer *t); /* NULL is allowed */

typedef struct vs_ids {
    int32_t *id;
    size_t n, cap;
} vs_ids; /* zeroed is empty; released by vs_ids_free */
void vs_ids_free(vs_ids *ids);
VS_NODISCARD vs_status vs_ids_add(vs_ids *ids, int32_t id, vs_error *err);

/* Appends. add_special: what the post-processor adds (BOS ..). Special tokens written in the text
 * are recognised. */
VS_NODISCARD vs_status vs_encode(vs_ids *out, const vs_tokenizer *t, const char *text, size_t len,
                                 bool add_special, vs_error *err);
/* Appends text. An id outside the vocabulary is VS_E_INPUT (Hugging Face drops it); skip_special
 * leaves it out with the special tokens, since models may draw what pads their vocabulary. Bytes
 * that are not UTF-8 become U+FFFD. */
VS_NODISCARD vs_status vs_decode(vs_buf *out, const vs_tokenizer *t, const int32_t *ids, size_t n,
                                 bool skip_special, vs_error *err);
/* The bytes that this token adds to a decoded stream after earlier ones (no leading-space strip):
 * for stop strings. None for an id outside the vocabulary. */
VS_NODISCARD vs_status vs_token_bytes(vs_buf *out, const vs_tokenizer *t, int32_t id,
                                      vs_error *err);

size_t vs_tokenizer_size(const vs_tokenizer *t); /* largest id + 1 */
bool vs_token_is_special(const vs_tokenizer *t, int32_t id);
int32_t vs_tokenizer_find(const vs_tokenizer *t, const char *token); /* -1: none */
#endif
