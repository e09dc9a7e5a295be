#!/usr/bin/env python3
"""Golden values of value heads (TokenClassification with one label), from transformers and PEFT in float64.

    pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2
    python3 tools/parity/value.py tests/golden/families tests/golden/value

Each folder is a model of families.py with a head, whole or beside an adapter, and golden.json: a prompt, a right and a wrong
solution, the value at every token, and of the loss (mean squared error plus LM times the mean negative log-prob of the right
solution's tokens) the value and some of the gradient's entries. tests/unit/train/test_orm.c compares. ./test.sh needs none of
this.
"""
import json
import pathlib
import shutil
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from families import N_ENTRIES, SHAPE  # noqa: E402

LM = 0.5
LABELS = dict(num_labels=1, id2label={0: "right"}, label2id={"right": 0})
KINDS = {"whole-llama3": ("llama3", None), "whole-gemma2": ("gemma2", None),
         "adapter-llama3": ("llama3", dict(r=3, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"]))}


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if "lora_" in name or "score" in name:
            p.data = torch.randn(p.shape, generator=g) * 0.3


def values(model, prompt, solution):
    return model(torch.tensor([prompt + solution])).logits[0, len(prompt):, 0]


def logprobs(trunk, head, prompt, solution, cap):
    hidden = trunk(torch.tensor([prompt + solution])).last_hidden_state[0, len(prompt) - 1:-1]
    logits = hidden @ head.T
    if cap:
        logits = cap * torch.tanh(logits / cap)
    return logits.log_softmax(-1).gather(-1, torch.tensor(solution)[:, None])[:, 0]


def golden_values(model, trunk, head, cap, seed):
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, SHAPE["vocab_size"], (25,), generator=g).tolist()
    prompt, solutions = [1] + ids[:8], [ids[8:17], ids[17:22]]
    v = [values(model, prompt, s) for s in solutions]
    mse = torch.cat([(v[0] - 1) ** 2, v[1] ** 2]).mean()
    loss = mse - LM * logprobs(trunk, head, prompt, solutions[0], cap).mean()
    loss.backward()
    grads = []
    for name, p in list(model.named_parameters()) + [("lm_head.weight", head)]:
        if not p.requires_grad or p.grad is None:
            continue
        flat = p.grad.flatten()
        largest = flat.abs().topk(min(N_ENTRIES // 2, flat.numel())).indices.tolist()
        other = torch.randint(0, flat.numel(), (N_ENTRIES - len(largest),), generator=g).tolist()
        name = name.replace(".modules_to_save.default", "").replace(".default", "")
        grads.append(dict(tensor=name, largest=flat.abs().max().item(),
                          entries=[[i, flat[i].item()] for i in sorted(set(largest + other))]))
    return dict(prompt=prompt, solutions=solutions, values=[x.tolist() for x in v], lm=LM, loss=loss.item(), grads=grads)


def make(kind, families, out, seed):
    base_name, lora = KINDS[kind]
    causal = AutoModelForCausalLM.from_pretrained(families / base_name, attn_implementation="eager")
    model = AutoModelForTokenClassification.from_pretrained(families / base_name, attn_implementation="eager", **LABELS)
    tied = causal.config.tie_word_embeddings
    if lora:
        model = get_peft_model(model, LoraConfig(task_type="TOKEN_CLS", lora_dropout=0.0, modules_to_save=["score"], **lora))
        randomize(model, seed)
        model.save_pretrained(out)
        (out / "README.md").unlink(missing_ok=True)
        config = json.loads((out / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = f"../../families/{base_name}"
        (out / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        base = AutoModelForTokenClassification.from_pretrained(families / base_name, attn_implementation="eager", **LABELS)
        model = PeftModel.from_pretrained(base, out, is_trainable=True).double().eval()
        trunk = model.base_model.model.model
    else:
        randomize(model, seed)
        model.save_pretrained(out)
        state = {k: v.contiguous() for k, v in model.state_dict().items()}
        if not tied:
            state["lm_head.weight"] = causal.lm_head.weight.detach().contiguous()
        save_file(state, out / "model.safetensors", metadata={"format": "pt"})
        model = AutoModelForTokenClassification.from_pretrained(out, attn_implementation="eager").double().eval()
        trunk = model.model
    if tied:
        head = trunk.embed_tokens.weight
    else:
        head = torch.nn.Parameter(causal.lm_head.weight.detach().double(), requires_grad=not lora)
    cap = getattr(causal.config, "final_logit_softcapping", None)
    golden = golden_values(model, trunk, head, cap, seed + 1)
    if tied:  # the embedding's gradient is listed once
        golden["grads"] = [g for g in golden["grads"] if g["tensor"] != "lm_head.weight"]
    golden["base"] = base_name
    (out / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def main():
    families, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for i, kind in enumerate(KINDS):
        out = root / kind
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        make(kind, families, out, 300 + i)
        print(kind, sum(f.stat().st_size for f in out.iterdir()), "bytes")


main()
