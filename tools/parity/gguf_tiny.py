#!/usr/bin/env python3
"""Writes tests/golden/tiny.gguf: a whole small Llama with a sentencepiece vocabulary, Q8_0 and F32 tensors, as
llama.cpp's own Python package writes files. For the command tests and as a seed for the fuzzer. Needs: pip install gguf.

usage: tools/parity/gguf_tiny.py tests/golden/tiny.gguf"""
import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quants

LAYERS, WIDTH, HEADS, KV_HEADS, FFN = 1, 32, 2, 1, 32
SPACE = "\u2581"
PIECES = [("<unk>", 0.0, TokenType.UNKNOWN), ("<s>", 0.0, TokenType.CONTROL), ("</s>", 0.0, TokenType.CONTROL)]
PIECES += [("<0x%02X>" % b, 0.0, TokenType.BYTE) for b in range(256)]
for i, text in enumerate(["1+", "1+1", SPACE + "1"] + [SPACE] + list("0123456789+-=#.?")):
    PIECES.append((text, -float(i), TokenType.NORMAL))
PIECES.append(("  ", -1000.0, TokenType.USER_DEFINED))


def main():
    rng = np.random.default_rng(1)
    out = GGUFWriter(sys.argv[1], "llama")
    out.add_name("tiny")
    out.add_block_count(LAYERS)
    out.add_context_length(64)
    out.add_embedding_length(WIDTH)
    out.add_feed_forward_length(FFN)
    out.add_head_count(HEADS)
    out.add_head_count_kv(KV_HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_freq_base(10000.0)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(PIECES))
    out.add_tokenizer_model("llama")
    out.add_tokenizer_pre("default")
    out.add_token_list([p[0] for p in PIECES])
    out.add_token_scores([p[1] for p in PIECES])
    out.add_token_types([p[2] for p in PIECES])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_add_bos_token(True)

    def matrix(name, rows, cols):
        w = (rng.standard_normal((rows, cols)) / cols**0.5).astype(np.float32)
        kind = GGMLQuantizationType.Q8_0
        out.add_tensor(name, quants.quantize(w, kind), raw_dtype=kind)

    def norm(name):
        out.add_tensor(name, (1 + 0.1 * rng.standard_normal(WIDTH)).astype(np.float32))

    matrix("token_embd.weight", len(PIECES), WIDTH)
    for i in range(LAYERS):
        kv = WIDTH // HEADS * KV_HEADS
        norm(f"blk.{i}.attn_norm.weight")
        matrix(f"blk.{i}.attn_q.weight", WIDTH, WIDTH)
        matrix(f"blk.{i}.attn_k.weight", kv, WIDTH)
        matrix(f"blk.{i}.attn_v.weight", kv, WIDTH)
        matrix(f"blk.{i}.attn_output.weight", WIDTH, WIDTH)
        norm(f"blk.{i}.ffn_norm.weight")
        matrix(f"blk.{i}.ffn_gate.weight", FFN, WIDTH)
        matrix(f"blk.{i}.ffn_up.weight", FFN, WIDTH)
        matrix(f"blk.{i}.ffn_down.weight", WIDTH, FFN)
    norm("output_norm.weight")
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


main()
