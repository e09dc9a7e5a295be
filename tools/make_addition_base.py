#!/usr/bin/env python3
"""Writes what the base of the addition experiment is made from: DIR/config.json, DIR/tokenizer.json, DIR/corpus.jsonl.

usage: make_addition_base.py DIR N SEED

The corpus stands for what STaR's GPT-J brings along: one-digit sums are known; for longer ones the form of a scratchpad
is known and the arithmetic is not (every digit and carry is drawn at random); and where the answer stands in sight,
a scratchpad that leads to it can be written.
  35 %  one-digit sums, right
  25 %  sums of two to five digits, each digit and carry random
  40 %  sums of one to five digits with the answer in the prompt, right
"""
import json
import os
import random
import re
import sys

PATTERN = r"<scratch>\n|</scratch>\n|Input:\n|\nTarget:\n| ?[0-9]| \+| ?,| ?C:|\n| |."
EOS = "<eos>"


def spaced(digits):
    return " ".join(digits)


def document(r, kind):
    d = 1 if kind == "one" else r.randint(2, 5) if kind == "random" else r.randint(1, 5)
    a, b = (str(r.randint(10 ** (d - 1), 10 ** d - 1)) for _ in range(2))
    digits, carry, lines = "", 0, ["<scratch>"]
    for done in range(d + 1):
        if done:
            total = int(a[d - done]) + int(b[d - done]) + carry
            digits, carry = str(total % 10) + digits, total // 10
            if kind == "random":
                digits, carry = str(r.randint(0, 9)) + digits[1:], r.randint(0, 1)
        left = spaced(a[:d - done]) + (" + " if done < d else "") + spaced(b[:d - done])
        lines.append(left + (" , " if done < d else ", ") + spaced(digits) + (" " if done else "") + f"C: {carry}")
    lines += [f"{carry} {spaced(digits)}", "</scratch>", spaced(digits if carry == 0 else "1" + digits)]
    prompt = f"Input:\n{spaced(a)} + {spaced(b)}\nTarget:\n"
    if kind == "hinted":
        prompt += str(int(a) + int(b)) + "\n"
    return {"prompt": prompt, "completion": "\n".join(lines)}


def tokenizer(documents):
    pieces = set()
    for x in documents:
        for part in (x["prompt"], x["completion"]):
            pieces.update(re.findall(PATTERN, part))
    vocab = {EOS: 0}
    for piece in sorted(pieces | set("0123456789\n ")):
        vocab[piece.replace(" ", "\u0120").replace("\n", "\u010a")] = len(vocab)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": 0, "content": EOS, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                          "special": True}],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": True, "vocab": vocab, "merges": []},
    }


def main():
    out, n, r = sys.argv[1], int(sys.argv[2]), random.Random(int(sys.argv[3]))
    os.makedirs(out, exist_ok=True)
    kinds = ["one"] * 35 + ["random"] * 25 + ["hinted"] * 40
    documents = [document(r, r.choice(kinds)) for _ in range(n)]
    with open(os.path.join(out, "corpus.jsonl"), "w", encoding="utf-8") as f:
        for x in documents:
            f.write(json.dumps(x) + "\n")
    made = tokenizer(documents)
    with open(os.path.join(out, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(made, f, indent=1, ensure_ascii=False)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 64,
        "intermediate_size": 176, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4,
        "max_position_embeddings": 256, "vocab_size": len(made["model"]["vocab"]), "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "torch_dtype": "float32", "bos_token_id": None, "eos_token_id": 0,
    }
    with open(os.path.join(out, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main()
