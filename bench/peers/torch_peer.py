"""The torch peers: transformers, PEFT and TRL on CPU in f32, as a worker process.

    printf 'torch prefill:512\nhand decode:16\n' | DIR/venv/bin/python torch_peer.py MODEL THREADS

Reads one "VARIANT WORKLOAD" a line and answers with one JSON line {"seconds", "cpu_seconds", "tokens",
"scale", "peak_rss_mb"}: a short warm-up, then one measured run. The model and everything else is built
anew for every line and not timed, so that peak_rss_mb belongs to that workload (torch itself included).
Prompts and completions have 128 tokens, ids are random, nothing is padded, sampling never ends early.

  torch decode:N, decode:PxN    generate(): P prompts, N samples of each
  hand  the same                a loop of its own: each prompt runs once, its cache is repeated
  torch prefill:T
  torch score:N                 log-probabilities of N completions of one prompt, whole rows
  hand  score:N                 the prompt runs once, its cache is repeated
  torch sft:N, sft-lora:N       AdamW step over N rows; PEFT, r = 16 on all seven linear layers
  hand  dpo:R+W, dpo-lora:R+W   each of the R+W rows once, loss over all R*W pairs, reference known
  trl   dpo-lora:R+W            DPOTrainer over 8 of the pairs, reference known; scale = R*W/8: the
                                whole problem is computed as scale times the measured seconds
"""
import ctypes
import gc
import json
import os
import sys
import tempfile
import time

import torch
import torch.nn.functional as F
import transformers
from transformers import AutoModelForCausalLM, DynamicCache

PROMPT = NEW = 128
SCORE_ROWS, TRAIN_ROWS = 16, 8  # rows of one forward pass
TRL_PAIRS, TRL_BATCH = 8, 4
TEMPERATURE, BETA = 0.7, 0.1
LORA = dict(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def clocks():
    return time.perf_counter(), time.process_time()


def load(path):
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa")
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model.eval()


def random_ids(model, rows, tokens):
    return torch.randint(3, model.config.vocab_size, (rows, tokens))


def logps(logits, ids):
    """Sum of the log-probabilities of each row's ids."""
    flat = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids.reshape(-1), reduction="none")
    return -flat.view(ids.shape).sum(1)


def completion_logps(model, rows):
    """Of each row's tokens after the prompt, from whole rows; logits only where they are needed."""
    logits = model(input_ids=rows, logits_to_keep=NEW + 1, use_cache=False).logits
    return logps(logits[:, :-1], rows[:, PROMPT:])


def prompt_pass(model, ids, copies):
    """Last logits and cache of prompts that run once, repeated for `copies` continuations of each."""
    cache = DynamicCache(config=model.config)
    logits = model(input_ids=ids, past_key_values=cache, logits_to_keep=1).logits
    cache.batch_repeat_interleave(copies)
    return logits.repeat_interleave(copies, 0), cache


def draw(logits):
    """A token of each row by its cumulative distribution: 5 times as fast as torch.multinomial."""
    upto = torch.softmax(logits / TEMPERATURE, -1).cumsum(-1)
    return torch.searchsorted(upto, torch.rand(len(upto), 1) * upto[:, -1:])


# Each workload returns (run, tokens): run(warm=True) does a small part of run(warm=False). A run that
# times itself returns its (begin, end) clocks.


def decode(path, size, hand):
    model = load(path)
    prompts, samples = ([1] + [int(n) for n in size.split("x")])[-2:]
    ids = random_ids(model, prompts, PROMPT)

    @torch.inference_mode()
    def by_generate(warm):
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=TEMPERATURE, top_k=0,
                       top_p=1.0, num_return_sequences=samples, max_new_tokens=4 if warm else NEW)

    @torch.inference_mode()
    def by_hand(warm):
        logits, cache = prompt_pass(model, ids, samples)
        for step in range(4 if warm else NEW):
            if step:
                logits = model(input_ids=token, past_key_values=cache).logits
            token = draw(logits[:, -1])

    return by_hand if hand else by_generate, prompts * samples * NEW


def prefill(path, size, hand):
    model = load(path)
    ids = random_ids(model, 1, int(size))

    @torch.inference_mode()
    def run(warm):
        model(input_ids=ids, logits_to_keep=1)

    return run, int(size)


def score(path, size, hand):
    model, n = load(path), int(size)
    prompt, completions = random_ids(model, 1, PROMPT), random_ids(model, n, NEW)

    def whole_rows(ids):
        return completion_logps(model, torch.cat([prompt.expand(len(ids), -1), ids], 1))

    def prompt_once(ids):
        first, cache = prompt_pass(model, prompt, len(ids))
        rest = model(input_ids=ids[:, :-1], past_key_values=cache).logits
        return logps(torch.cat([first, rest], 1), ids)

    @torch.inference_mode()
    def run(warm):
        for ids in completions[:SCORE_ROWS if warm else n].split(SCORE_ROWS):
            (prompt_once if hand else whole_rows)(ids)

    return run, n * NEW


def trainee(path, lora):
    """A model to train and its optimiser step."""
    model = load(path)
    if lora:
        from peft import LoraConfig, get_peft_model
        model = get_peft_model(model, LoraConfig(**LORA))
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)

    def step():
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return model, step


def sft(path, size, lora):
    n = int(size)
    model, step = trainee(path, lora)
    rows = random_ids(model, n, PROMPT + NEW)

    def run(warm):
        for part in rows[:TRAIN_ROWS if warm else n].split(TRAIN_ROWS):
            (-completion_logps(model, part).sum() / (n * NEW)).backward()
        step()

    return run, n * NEW


def dpo(path, size, lora):
    right, wrong = (int(n) for n in size.split("+"))
    model, step = trainee(path, lora)
    prompt = random_ids(model, 1, PROMPT).expand(right + wrong, -1)
    rows = torch.cat([prompt, random_ids(model, right + wrong, NEW)], 1)
    reference = torch.zeros(right + wrong)

    def run(warm):
        if warm:
            completion_logps(model, rows[:TRAIN_ROWS]).sum().backward()
        else:
            gain = torch.cat([completion_logps(model, part) for part in rows.split(TRAIN_ROWS)]) - reference
            margins = gain[:right, None] - gain[None, right:]
            (-F.logsigmoid(BETA * margins).mean()).backward()
        step()

    return run, (right + wrong) * NEW


class StepClock(transformers.TrainerCallback):
    """Times the optimiser step alone: train() also sets up, and that must not be scaled."""

    def on_step_begin(self, *args, **kwargs):
        self.begin = clocks()

    def on_step_end(self, *args, **kwargs):
        self.end = clocks()


def trl_dpo(path, size, lora):
    from datasets import Dataset
    from peft import LoraConfig
    from tokenizers import Tokenizer, models, pre_tokenizers
    from trl import DPOConfig, DPOTrainer
    right, wrong = (int(n) for n in size.split("+"))
    model = load(path)
    tokenizer = Tokenizer(models.WordLevel({str(i): i for i in range(model.config.vocab_size)}, unk_token="0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="0", pad_token="0")

    def text(tokens, end=""):
        return "".join(f"{i} " for i in random_ids(model, 1, tokens)[0].tolist()) + end

    prompt = text(PROMPT)
    pairs = [{"prompt": prompt, "chosen": text(NEW - 1, "0"), "rejected": text(NEW - 1, "0")} for _ in range(TRL_PAIRS)]
    folder, step = tempfile.TemporaryDirectory(), StepClock()
    args = DPOConfig(output_dir=folder.name, beta=BETA, use_cpu=True, bf16=False, gradient_checkpointing=False,
                     per_device_train_batch_size=TRL_BATCH, max_steps=1, max_length=PROMPT + NEW,
                     precompute_ref_log_probs=True, report_to=[], save_strategy="no", logging_strategy="no",
                     disable_tqdm=True, dataloader_pin_memory=False)
    trainer = DPOTrainer(model=model, args=args, train_dataset=Dataset.from_list(pairs), processing_class=tokenizer,
                         peft_config=LoraConfig(**LORA), callbacks=[step])

    def run(warm):
        args.gradient_accumulation_steps = 1 if warm else TRL_PAIRS // TRL_BATCH
        trainer.train()
        return step.begin, step.end

    run.folder = folder  # lives as long as the trainer
    return run, (right + wrong) * NEW


WORKLOADS = {
    ("torch", "decode"): (decode, False), ("hand", "decode"): (decode, True),
    ("torch", "prefill"): (prefill, False),
    ("torch", "score"): (score, False), ("hand", "score"): (score, True),
    ("torch", "sft"): (sft, False), ("torch", "sft-lora"): (sft, True),
    ("hand", "dpo"): (dpo, False), ("hand", "dpo-lora"): (dpo, True),
    ("trl", "dpo-lora"): (trl_dpo, True),
}


def peak_rss_mb():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) // 1024


def forget_peak_rss():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def measure(path, variant, workload):
    kind, size = workload.split(":")
    build, option = WORKLOADS[variant, kind]
    forget_peak_rss()
    run, tokens = build(path, size, option)
    run(warm=True)
    begin = clocks()
    own = run(warm=False)
    begin, end = own or (begin, clocks())
    scale = 1
    if variant == "trl":
        right, wrong = size.split("+")
        scale = int(right) * int(wrong) / TRL_PAIRS
    return {"seconds": end[0] - begin[0], "cpu_seconds": end[1] - begin[1], "tokens": tokens, "scale": scale,
            "peak_rss_mb": peak_rss_mb()}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # TRL prints; standard output carries answers only
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(1)
    transformers.logging.set_verbosity_error()
    for line in sys.stdin:
        try:
            answer = measure(sys.argv[1], *line.split())
        except Exception as e:  # one workload's failure is its answer; the others go on
            answer = {"error": repr(e)[:300]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
