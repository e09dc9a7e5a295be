/* gguf_cutting.h - how byte-level vocabularies of GGUF files cut text before BPE, by the name in tokenizer.ggml.pre. */
#ifndef VS_MODEL_GGUF_CUTTING_H
#define VS_MODEL_GGUF_CUTTING_H

#include <stdbool.h>
#include <stddef.h>

/* A ByteLevel step of tokenizer.json; regex: "true" cuts as GPT-2 does. */
#define BYTE_LEVEL(regex)                                                             \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_" \
    "regex\":" regex "}"

typedef struct vs_gguf_cutting {
    const char *name; /* tokenizer.ggml.pre */
    const char *pre_tokenizer;
    bool is_nfc, ignore_merges;
    bool adds_bos; /* unless the file says otherwise */
} vs_gguf_cutting;
extern const vs_gguf_cutting vs_gguf_cuttings[];
extern const size_t vs_gguf_n_cuttings;
#endif
