#!/usr/bin/env python3
"""Folders that vstar wrote, loaded by transformers and PEFT: do they give vstar's log-probs?

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.2
    python3 tools/parity/folders.py --vstar build/vstar tests/golden

For every family a whole model (trained by one tiny step of all weights), for every adapter an adapter folder (one step
of training on it), of a small run its merged generator, and reward models, whole and beside an adapter. Prints the largest
difference of token log-probs, or values, against transformers in float64; exit code 1 when one is above 2e-4.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, AutoTokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from families import logprobs  # noqa: E402

TOLERANCE = 2e-4


def vstar(args, *words, rows=None):
    lines = None if rows is None else "".join(json.dumps(r) + "\n" for r in rows)
    done = subprocess.run([args.vstar, *map(str, words)], input=lines, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"vstar {' '.join(map(str, words))}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def compare(name, model, rows, ours):
    model = model.double().eval()
    with torch.no_grad():
        worst = max((torch.tensor(o["token_logprobs"]) - logprobs(model, r["prompt_ids"], r["completion_ids"])).abs().max().item()
                    for r, o in zip(rows, ours))
    print(f"{name}: largest difference {worst:.2g}", flush=True)
    return worst > TOLERANCE


def compare_values(name, model, rows, ours):
    model = model.double().eval()
    with torch.no_grad():
        worst = max(abs(o["scores"][0] - model(torch.tensor([r["prompt_ids"] + r["completion_ids"]])).logits[0, -1, 0].item())
                    for r, o in zip(rows, ours))
    print(f"{name}: largest difference {worst:.2g}", flush=True)
    return worst > TOLERANCE


def rows_of(folder):
    golden = json.loads((folder / "golden.json").read_text())
    return golden, [dict(prompt_ids=golden["prompt"], completion_ids=s) for s in golden["solutions"]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vstar", default="build/vstar")
    parser.add_argument("golden", type=pathlib.Path)
    args = parser.parse_args()
    load = dict(attn_implementation="eager")
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        data = scratch / "rows.jsonl"
        one_step = ["--data", data, "--set", "steps=1", "--set", "batch=2", "--set", "lr=1e-3"]
        for folder in sorted((args.golden / "families").iterdir()):
            _, rows = rows_of(folder)
            data.write_text("".join(json.dumps(r) + "\n" for r in rows))
            out = scratch / f"model-{folder.name}"
            vstar(args, "train", "sft", "--model", folder, "--out", out, *one_step)
            ours = vstar(args, "logprobs", "--model", out, rows=rows)
            bad += compare(f"model {folder.name}", AutoModelForCausalLM.from_pretrained(out, **load), rows, ours)
        for folder in sorted((args.golden / "adapters").iterdir()):
            golden, rows = rows_of(folder)
            data.write_text("".join(json.dumps(r) + "\n" for r in rows))
            base, out = args.golden / "families" / golden["base"], scratch / f"adapter-{folder.name}"
            vstar(args, "train", "sft", "--model", base, "--adapter", folder, "--out", out, *one_step)
            ours = vstar(args, "logprobs", "--model", base, "--adapter", out, rows=rows)
            model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, **load), out)
            bad += compare(f"adapter {folder.name}", model, rows, ours)
        golden, rows = rows_of(args.golden / "value" / "whole-llama3")
        pair = scratch / "pair.jsonl"
        pair.write_text(json.dumps(dict(prompt_ids=golden["prompt"], right=[golden["solutions"][0]], wrong=[golden["solutions"][1]])) + "\n")
        ranked = [dict(prompt_ids=r["prompt_ids"], candidates=[r["completion_ids"]]) for r in rows]
        base = args.golden / "families" / "llama3"
        for rank in (0, 3):
            out = scratch / f"reward-{rank}"
            vstar(args, "train", "orm", "--model", base, "--data", pair, "--out", out, "--set", "steps=8", "--set", "batch=1", "--set",
                  "lr=1e-2", "--set", "warmup=0", "--set", f"lora.rank={rank}")
            where = ["--model", base, "--adapter", out] if rank else ["--model", out]
            ours = vstar(args, "rank", *where, "--score", "value", rows=ranked)
            model = AutoModelForTokenClassification.from_pretrained(base if rank else out, num_labels=1, **load)
            bad += compare_values(f"reward model, rank {rank}", PeftModel.from_pretrained(model, out) if rank else model, rows, ours)
        recipe = args.golden.parent.parent / "recipes" / "tiny.yaml"
        run, merged = scratch / "run", scratch / "merged"
        vstar(args, "run", recipe, "--out", run, "--set", "sft.lora.rank=4")
        vstar(args, "export", run, "generator", "--merged", "--out", merged)
        tokenizer = AutoTokenizer.from_pretrained(merged)
        texts = vstar(args, "export", run, "gen-set")[:8]
        rows = [dict(prompt_ids=tokenizer(r["prompt"])["input_ids"],
                     completion_ids=tokenizer(r["completion"], add_special_tokens=False)["input_ids"]) for r in texts]
        ours = vstar(args, "logprobs", "--model", merged, rows=texts)
        for r, o in zip(rows, ours):  # the text's end token, which vstar adds or not, is left out
            o["token_logprobs"] = o["token_logprobs"][:len(r["completion_ids"])]
        bad += compare("merged generator of a run", AutoModelForCausalLM.from_pretrained(merged, **load), rows, ours)
        apart = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(run / "base", **load), run / "models" / "generator")
        bad += compare("its adapter over the base", apart, rows, ours)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
