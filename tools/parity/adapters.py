#!/usr/bin/env python3
"""Golden values of PEFT adapters over the models of families.py, from transformers and PEFT in float64.

    pip install torch==2.13.0 transformers==5.23.0 peft==0.21.2
    python3 tools/parity/adapters.py tests/golden/families tests/golden/adapters

Each folder gets what PEFT writes (adapter_config.json, adapter_model.safetensors) and golden.json, as
families.py makes it: log-probs of two solutions, the SFT loss, and some of the adapter's gradient.
tests/unit/train/test_families.c compares. ./test.sh needs none of this.
"""
import json
import pathlib
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from families import golden_values  # noqa: E402

ATTENTION = ["q_proj", "v_proj"]
KINDS = {  # name: (base, what LoraConfig gets)
    "list": ("llama3", dict(r=3, lora_alpha=6, target_modules=ATTENTION)),
    "all-linear": ("gemma3", dict(r=2, lora_alpha=4, target_modules="all-linear")),
    "all-linear-qwen2": ("qwen2", dict(r=2, lora_alpha=3, target_modules="all-linear")),
    "all-linear-gemma2": ("gemma2", dict(r=2, lora_alpha=4, target_modules="all-linear")),
    "regex": ("llama", dict(r=2, lora_alpha=4, target_modules=r".*\.1\.(self_attn\.[qo]|mlp\.up)_proj")),
    "rslora": ("llama", dict(r=4, lora_alpha=5, target_modules=["o_proj", "down_proj"], use_rslora=True)),
    "rank-pattern": ("qwen3", dict(r=2, lora_alpha=4, target_modules=["q_proj", "k_proj", "up_proj"],
                                   rank_pattern={"q_proj": 5, r"layers\.1\.mlp\.up_proj": 1})),
    "alpha-pattern": ("mistral", dict(r=3, lora_alpha=4, target_modules=["q_proj", "gate_proj"], use_rslora=True,
                                      rank_pattern={r".*\.1\.self_attn.*": 2},
                                      alpha_pattern={r"0\.mlp\.gate_proj": 9, "q_proj": 2})),
}


def make(kind, families, out, seed):
    base_name, keys = KINDS[kind]
    base = AutoModelForCausalLM.from_pretrained(families / base_name, attn_implementation="eager")
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **keys))
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if "lora_" in name:
            p.data = torch.randn(p.shape, generator=g) * 0.3
    model.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    config = json.loads((out / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = f"../../families/{base_name}"
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    base = AutoModelForCausalLM.from_pretrained(families / base_name, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, out, is_trainable=True).double().eval()
    golden = dict(base=base_name, **golden_values(model, seed + 1))
    (out / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def main():
    families, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for i, kind in enumerate(KINDS):
        out = root / kind
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        make(kind, families, out, 200 + i)
        print(kind, sum(f.stat().st_size for f in out.iterdir()), "bytes")


main()
