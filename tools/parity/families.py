#!/usr/bin/env python3
"""Golden values of one tiny random model per family, from transformers in float64.

    pip install torch==2.13.0 transformers==5.23.0
    python3 tools/parity/families.py tests/golden/families

Each folder gets config.json, model.safetensors (f32) and golden.json: a prompt, two solutions, their
log-probs, and of the mean negative log-prob over both solutions' tokens the value and some of the
gradient's entries. tests/unit/train/test_families.c compares. ./test.sh needs none of this.
"""
import json
import pathlib
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM
from transformers import Gemma2Config, Gemma3TextConfig, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

SHAPE = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0, attn_implementation="eager")
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
FAMILIES = {
    "llama": (LlamaConfig, dict(num_hidden_layers=2)),
    "llama-linear": (LlamaConfig, dict(num_hidden_layers=1, tie_word_embeddings=True,
                                       rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0))),
    "llama3": (LlamaConfig, dict(num_hidden_layers=2, head_dim=16, rope_parameters=LLAMA3)),
    "yarn": (LlamaConfig, dict(num_hidden_layers=2, head_dim=16, rope_parameters=dict(
        rope_type="yarn", rope_theta=500.0, factor=8.0, original_max_position_embeddings=16))),
    "yarn-scaled": (LlamaConfig, dict(num_hidden_layers=2, head_dim=16, rope_parameters=dict(
        rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=16, beta_fast=8.0,
        beta_slow=2.0, mscale=1.0, mscale_all_dim=0.5, truncate=False))),
    "mistral": (MistralConfig, dict(num_hidden_layers=2, sliding_window=5)),
    "qwen2": (Qwen2Config, dict(num_hidden_layers=2, tie_word_embeddings=True)),
    "qwen2-sliding": (Qwen2Config, dict(num_hidden_layers=2, use_sliding_window=True, sliding_window=6,
                                        max_window_layers=1)),
    "qwen3": (Qwen3Config, dict(num_hidden_layers=2, head_dim=8)),
    "gemma2": (Gemma2Config, dict(num_hidden_layers=2, head_dim=8, sliding_window=5, query_pre_attn_scalar=12,
                                  attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3": (Gemma3TextConfig, dict(num_hidden_layers=3, head_dim=8, sliding_window=5, query_pre_attn_scalar=12,
                                      layer_types=["sliding_attention", "sliding_attention", "full_attention"])),
    "gemma3-linear": (Gemma3TextConfig, dict(
        num_hidden_layers=2, head_dim=8, sliding_window=5, query_pre_attn_scalar=8, num_key_value_heads=1,
        layer_types=["sliding_attention", "full_attention"],
        rope_parameters=dict(sliding_attention=dict(rope_type="default", rope_theta=100.0),
                             full_attention=dict(rope_type="linear", rope_theta=1000.0, factor=8.0)))),
}
N_ENTRIES = 6  # of each tensor's gradient


def randomize(model, seed):
    """Weights large enough that every part of the model shows in the numbers, rounded to f32."""
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        if name.endswith("norm.weight"):
            p.data = p.data + 0.3 * noise
        elif name.endswith("bias"):
            p.data = 0.5 * noise
        else:
            p.data = noise * 1.5 / p.shape[-1] ** 0.5


def logprobs(model, prompt, solution):
    ids = torch.tensor([prompt + solution])
    logits = model(ids).logits[0].log_softmax(-1)
    return torch.stack([logits[len(prompt) - 1 + i, t] for i, t in enumerate(solution)])


def golden_values(model, seed):
    """What golden.json holds of a model in float64; adapters.py uses it too."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, SHAPE["vocab_size"], (25,), generator=g).tolist()
    prompt, solutions = [1] + ids[:8], [ids[8:17], ids[17:22]]
    logp = [logprobs(model, prompt, s) for s in solutions]
    loss = -torch.cat(logp).mean()
    loss.backward()
    grads = []
    for tensor, p in model.named_parameters():
        if not p.requires_grad:
            continue
        flat = p.grad.flatten()
        largest = flat.abs().topk(min(N_ENTRIES // 2, flat.numel())).indices.tolist()
        other = torch.randint(0, flat.numel(), (N_ENTRIES - len(largest),), generator=g).tolist()
        grads.append(dict(tensor=tensor.replace(".default", ""), largest=flat.abs().max().item(),
                          entries=[[i, flat[i].item()] for i in sorted(set(largest + other))]))
    return dict(prompt=prompt, solutions=solutions, token_logprobs=[x.tolist() for x in logp],
                loss=loss.item(), grads=grads)


def make(name, out, seed):
    config_class, keys = FAMILIES[name]
    model = AutoModelForCausalLM.from_config(config_class(**{**SHAPE, **keys}))
    randomize(model, seed)
    model.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    model = AutoModelForCausalLM.from_pretrained(out, attn_implementation="eager").double().eval()

    (out / "golden.json").write_text(json.dumps(golden_values(model, seed + 1), separators=(",", ":")) + "\n")


def main():
    root = pathlib.Path(sys.argv[1])
    for i, name in enumerate(FAMILIES):
        out = root / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        make(name, out, 100 + i)
        print(name, sum(f.stat().st_size for f in out.iterdir()), "bytes")


if __name__ == "__main__":
    main()
