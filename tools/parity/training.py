#!/usr/bin/env python3
"""Ten steps of SFT and ten of DPO on PEFT adapters in torch: the adapters that must come out.

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.2 trl==1.16.0
    python3 tools/parity/training.py tests/golden/families tests/golden/adapters tests/golden/training

The start is an adapter of adapters.py; the rows, in the order of rows.jsonl, two a step, are what
`vstar train sft|dpo --no-shuffle --adapter START --set batch=2` reads. AdamW of torch, a constant rate, the gradient's norm
clipped to 1. SFT's loss is the mean over the step's completion tokens (PEFT, float64). DPO's is TRL's sigmoid loss,
mean over pairs (trl/trainer/dpo_trainer.py), with the start as the reference. tests/unit/train/test_parity.c
compares expected.safetensors. ./test.sh needs none of this.
"""
import json
import pathlib
import shutil
import sys

import torch
import torch.nn.functional as F
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from families import SHAPE, logprobs  # noqa: E402

STEPS, BATCH, LR, BETA = 10, 2, 1e-2, 0.1
STARTS = {"gemma3": "all-linear", "llama3": "list", "mistral": "alpha-pattern"}


def random_ids(g, low, high):
    n = int(torch.randint(low, high + 1, (1,), generator=g))
    return torch.randint(3, SHAPE["vocab_size"], (n,), generator=g).tolist()


def make_rows(kind, g):
    rows = []
    for _ in range(STEPS * BATCH):
        row = dict(prompt_ids=[1] + random_ids(g, 2, 7))
        if kind == "sft":
            row["completion_ids"] = random_ids(g, 1, 9) + [2]
        else:
            row["chosen"] = random_ids(g, 1, 9) + [2]
            row["rejected"] = random_ids(g, 1, 9) + [2]
        rows.append(row)
    return rows


def sft_loss(model, rows, reference):
    return -torch.cat([logprobs(model, r["prompt_ids"], r["completion_ids"]) for r in rows]).mean()


def dpo_loss(model, rows, reference):
    losses = []
    for r, ref in zip(rows, reference):
        chosen, rejected = (logprobs(model, r["prompt_ids"], r[k]).sum() for k in ("chosen", "rejected"))
        delta = (chosen - ref[0]) - (rejected - ref[1])
        losses.append(-F.logsigmoid(BETA * delta))
    return torch.stack(losses).mean()


def train(base_dir, start_dir, kind, rows):
    base = AutoModelForCausalLM.from_pretrained(base_dir, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, start_dir, is_trainable=True).double().eval()
    with torch.no_grad():
        reference = [[logprobs(model, r["prompt_ids"], r[k]).sum() for k in ("chosen", "rejected")]
                     for r in rows] if kind == "dpo" else [None] * len(rows)
    params = {n: p for n, p in model.named_parameters() if p.requires_grad}
    start = {n: p.detach().clone() for n, p in params.items()}
    optimizer = torch.optim.AdamW(params.values(), lr=LR, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses = []
    for step in range(STEPS):
        part = slice(step * BATCH, (step + 1) * BATCH)
        loss = (sft_loss if kind == "sft" else dpo_loss)(model, rows[part], reference[part])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    moved = max((p - start[n]).abs().max().item() for n, p in params.items())
    return {n.replace(".default", ""): p.detach().float().contiguous() for n, p in params.items()}, losses, moved


def main():
    families, adapters, root = (pathlib.Path(p) for p in sys.argv[1:4])
    for i, (base, start) in enumerate(STARTS.items()):
        for kind in ("sft", "dpo"):
            out = root / f"{kind}-{base}"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            rows = make_rows(kind, torch.Generator().manual_seed(300 + 2 * i + (kind == "dpo")))
            weights, losses, moved = train(families / base, adapters / start, kind, rows)
            save_file(weights, out / "expected.safetensors")
            (out / "rows.jsonl").write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows))
            (out / "golden.json").write_text(json.dumps(dict(base=base, start=start, lr=LR, beta=BETA, losses=losses)) + "\n")
            print(f"{kind} {base}: loss {losses[0]:.4f} to {losses[-1]:.4f}, an element moved by up to {moved:.3f}")


if __name__ == "__main__":
    main()
