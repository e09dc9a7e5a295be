#!/usr/bin/env python3
"""Random texts through `vstar tokenize` and Hugging Face's `tokenizers`: every id and every decoded byte.

    pip install tokenizers==0.23.1
    python3 tools/parity/tokenizer_diff.py --vstar build/vstar [--n 100000] [--seed 1] FOLDER ..

For each folder with a tokenizer.json: n texts encoded with and without special tokens, the ids and as many
random id sequences decoded with special tokens kept and skipped. Prints the first differences of each kind;
exit code 1 when there is one. Left out are U+0000, which vstar's JSON Lines refuse, and characters younger than
Unicode 14 or than the tables of tokenizers' normalizers: libraries of different age know them differently.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import unicodedata

from tokenizers import Tokenizer, normalizers

WORDS = """the of Natalia sold clips 48/2 = 24 answer #### 72 <<48/2=24>> \\frac{1}{2} \\sqrt{x^2+y^2} $x_1$ \\begin{align*} \\\\
def f(x): return None # comment  {"key": [1, 2.5e-3]} don't I'll we've You're it's SHE'S l'eau ﬁne naïve café Straße ǅ İstanbul
1234567890 3.14159 1,000,000 ½ ² ٣٤٥ Ⅳ 你好 世界 日本語 テスト ｱｲｳ 한국어 시험 Привет мир Ελλάδα שלום مرحبا हिन्दी ไทย தமிழ் ქართული
😀 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️ ☃ 𝔹 𝒳 ∑ ∫ ≤ → … — “quoted” ‘single’ ¿qué? №""".split(" ")
SPACES = [" ", "  ", "   ", " " * 7, " " * 33, "\n", "\n\n", "\r\n", "\t", "\t\t", "\v", "\f", "\x85", "\xa0", "\u2003",
          "\u2028", "\u3000", "\u200b", "\ufeff", " \n ", "\n \n"]
MARKS = ["\u0301", "\u0308", "\u0327", "\u05b0", "\u0e31", "\u3099", "\u1100\u1161", "\u200d", "\ufe0f", "\u0344", "\u2126", "\u212b"]
RANGES = [(1, 0x20), (0x20, 0x7f), (0x7f, 0x250), (0x250, 0x3000), (0x3000, 0xd800), (0xe000, 0x10000), (0x10000, 0x20000),
          (0x20000, 0x110000)]


def is_known(c):
    probe = c + "\u0327\u0301"
    return (unicodedata.category(c) not in ("Cn", "Cs")
            and normalizers.NFC().normalize_str(probe) == unicodedata.normalize("NFC", probe))


def random_char(rng):
    low, high = rng.choice(RANGES)
    while not is_known(c := chr(rng.randrange(low, high))):
        low, high = rng.choice(RANGES)
    return c


def special_texts(config):
    texts = [t["content"] for t in config.get("added_tokens", [])]
    pieces = texts[:40] + texts[-5:] + [t[:-1] for t in texts[:10] if len(t) > 1] + ["<s>", "<0x0A>", "▁", "▁▁", "Ġ", "<|x|>", "##"]
    return [p for p in pieces if p]


def expressible(config, hf):
    """Drops characters with a byte that the vocabulary has no token for: vstar refuses them, Hugging Face loses them."""
    if config["model"].get("unk_token") or config["model"].get("byte_fallback"):
        return lambda text: text
    own = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    shown = {b: chr(b) for b in own} | {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in own)}
    missing = {b for b in range(256) if hf.token_to_id(shown[b]) is None}
    return lambda text: "".join(c for c in text if not missing.intersection(c.encode()))


def random_text(rng, specials):
    parts = []
    for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 13, 30))):
        kind = rng.random()
        if kind < 0.45:
            parts.append(rng.choice(WORDS))
        elif kind < 0.70:
            parts.append(rng.choice(SPACES))
        elif kind < 0.78:
            parts.append(rng.choice(specials))
        elif kind < 0.84:
            parts.append(rng.choice(MARKS))
        elif kind < 0.92:
            parts.append("".join(random_char(rng) for _ in range(rng.randrange(1, 6))))
        elif kind < 0.96:
            parts.append(str(rng.randrange(10 ** rng.randrange(1, 12))))
        else:
            parts.append(rng.choice("a!.-=_/x0\n ") * rng.randrange(1, 40))
    return "".join(parts)


def vstar(program, folder, options, rows):
    lines = "".join(json.dumps(r) + "\n" for r in rows)
    done = subprocess.run([program, "tokenize", "--model", str(folder), *options], input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{folder}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def compare(name, inputs, ours, theirs):
    bad = [i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b]
    print(f"{name}: {len(inputs)} compared, {len(bad)} differ", flush=True)
    for i in bad[:5]:
        print(f"  input {inputs[i]!r}\n  vstar {ours[i]!r}\n  hf    {theirs[i]!r}")
    return len(bad)


def check(args, folder):
    path = folder / "tokenizer.json"
    rng = random.Random(args.seed)
    hf = Tokenizer.from_file(str(path))
    config = json.loads(path.read_text())
    specials = special_texts(config)
    keep = expressible(config, hf)
    texts = [keep(random_text(rng, specials)) for _ in range(args.n)]
    n_bad = 0
    for add in (True, False):
        theirs = [e.ids for e in hf.encode_batch(texts, add_special_tokens=add)]
        ours = [r["ids"] for r in vstar(args.vstar, folder, [] if add else ["--no-special"], [{"text": t} for t in texts])]
        n_bad += compare(f"{folder.name}: encode{'' if add else ' --no-special'}", texts, ours, theirs)
    size = hf.get_vocab_size()
    known = [i for i in range(size) if hf.id_to_token(i) is not None]
    lists = theirs + [rng.choices(known, k=rng.randrange(0, 12)) for _ in range(args.n)]
    for skip in (False, True):
        expected = hf.decode_batch(lists, skip_special_tokens=skip)
        ours = [r["text"] for r in vstar(args.vstar, folder, ["--decode"] + (["--skip-special"] if skip else []),
                                         [{"ids": x} for x in lists])]
        n_bad += compare(f"{folder.name}: decode{' --skip-special' if skip else ''}", lists, ours, expected)
    return n_bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vstar", default="build/vstar")
    parser.add_argument("--n", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    sys.exit(1 if sum(check(args, f) for f in args.folders) else 0)


main()
