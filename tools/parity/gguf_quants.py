#!/usr/bin/env python3
"""Writes tests/golden/gguf_quants.gguf: random blocks of every supported type under the type's name, and what ggml's
own Python package makes of them under NAME.f32. Needs: pip install gguf.

usage: tools/parity/gguf_quants.py tests/golden/gguf_quants.gguf"""
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, quants

# Where a block's 16-bit floats lie, in bytes.
HALVES = {
    "F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0],
}
ROWS, COLS = 2, 512


def random_blocks(rng, name, n, size):
    """Any bytes, but finite scales: of every binary exponent, zeros and subnormals among them."""
    blocks = rng.integers(0, 256, (n, size), dtype=np.uint8)
    if name == "F32":
        return rng.standard_normal(n).astype("<f4").view(np.uint8).reshape(n, size)
    if name == "BF16":
        blocks[:, 1] &= 0xBF  # below 2
    for at in HALVES.get(name, []):
        high = rng.integers(0, 0x7C, n) | rng.integers(0, 2, n) << 7
        blocks[:, at + 1] = high.astype(np.uint8)
    return blocks


def main():
    rng = np.random.default_rng(1)
    out = GGUFWriter(sys.argv[1], "none")
    for name in ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
                 "IQ4_NL", "IQ4_XS"]:
        kind = GGMLQuantizationType[name]
        n, size = GGML_QUANT_SIZES[kind]
        cols = COLS if n > 1 else 64
        blocks = random_blocks(rng, name, ROWS * cols // n, size).reshape(ROWS, cols // n * size)
        typed = blocks.view({"F32": np.float32, "F16": np.float16}.get(name, np.uint8))
        out.add_tensor(name, typed, raw_dtype=kind)
        expected = quants.dequantize(typed, kind).astype(np.float32)
        assert expected.shape == (ROWS, cols) and np.isfinite(expected).all(), name
        out.add_tensor(name + ".f32", expected)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


main()
