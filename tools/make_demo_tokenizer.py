#!/usr/bin/env python3
"""Writes assets/demo-base/tokenizer.json: a word-level vocabulary in byte-level BPE's clothes.

usage: make_demo_tokenizer.py OUT.json < CORPUS.jsonl

CORPUS.jsonl: lines {"prompt", "completion"}, as vs_demo_corpus writes them (src/flow/problems/corpus.h); some
20,000 documents hold every word. The file has no merges: each piece of the split pattern is one token, with its
space. The vocabulary is <eos>, then the pieces in byte order, so the same words give the same file.
"""
import json
import re
import sys

PATTERN = r"#### |\. |\? |Try | ?[A-Za-z]+(?: (?=[0-9]))?|[0-9]|."
EOS = "<eos>"


def main():
    pieces = set("0123456789*+-=")
    for line in sys.stdin:
        document = json.loads(line)
        # The two parts are encoded apart, as in training.
        for part in (document["prompt"], document["completion"]):
            pieces.update(re.findall(PATTERN, part))
    vocab = {EOS: 0}
    for piece in sorted(pieces):
        # Byte-level BPE writes a space as U+0120; all other bytes here stand for themselves.
        vocab[piece.replace(" ", "\u0120")] = len(vocab)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": 0, "content": EOS, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True}],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
            byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                  "vocab": vocab, "merges": []},
    }
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(tokenizer, out, indent=1, ensure_ascii=False)
        out.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
