"""The whole V-STaR loop of recipes/demo.yaml in PyTorch and transformers, against a run of vstar.

    build/vstar run recipes/demo.yaml --threads 1 --out RUN
    DIR/venv/bin/python bench/peers/demo_loop.py RUN [--threads N] [--scale S]

The loop as one would glue it together today: f32 on CPU, sampling by a batched decode loop over transformers'
cache, a regular expression as the grader, plain training loops with fused AdamW, DPO over all pairs of a
problem with each solution computed once and a whole step in one pass. It reads settings, base model,
tokenizer, problems and references from RUN, does the work of that recipe stage by stage, prints what it did
and what accuracy came of it, and then its CPU seconds beside those of RUN/log.jsonl. RUN must
have been made in one go, on the same cores and with as many threads. The draws are others than vstar's, so
data sets and steps differ a little. Of the recipe it knows what recipes/demo.yaml uses, and no more.

--scale 0.1 takes a tenth of the training and test problems (all references); its seconds are then multiplied
stage by stage by vstar's work over the work done: extrapolated, and said so.

Kept in memory or left out, in favour of this side: vstar stores every sample and model, and its stage
"answers" computes ten systems' curves with bootstrap intervals. Imports and loading of the base are not timed.
"""
import argparse
import collections
import json
import math
import os
import random
import re
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
import yaml
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedTokenizerFast, get_linear_schedule_with_warmup

# The fastest, or within 3 % of it, of those tried on one core of an AMD EPYC (Zen 4):
SAMPLE_ROWS = 1024  # solutions in work at once; 128 to 2048
SHRINK = 0.75  # finished rows leave the batch when fewer than this share go on; 0 (never), 0.75, 0.9
SCORE_ROWS = 64  # 32 to 256, and whole rows of prompt and completion
ATTENTION = "eager"  # and "sdpa"

Problem = collections.namedtuple("Problem", "id ids gold reference")
Sample = collections.namedtuple("Sample", "problem ids logp finished answer right")


# -- stages and their clocks --


class Stages:
    """Work and seconds of each part of the loop; a part belongs to a stage of vstar's log."""

    def __init__(self):
        self.parts = []

    @contextmanager
    def part(self, stage, name):
        work = collections.Counter()
        begin, cpu = time.perf_counter(), time.process_time()
        yield work
        self.parts.append(dict(stage=stage, name=name, work=dict(work), seconds=time.perf_counter() - begin,
                               cpu_seconds=time.process_time() - cpu))
        print(f"{name:20} {self.parts[-1]['seconds']:8.2f} s  "
              + "  ".join(f"{n} {what}" for what, n in work.items()), flush=True)


# -- model passes --


def load(run):
    return AutoModelForCausalLM.from_pretrained(run / "base", dtype=torch.float32, attn_implementation=ATTENTION)


def copy_of(model):
    copy = type(model)(model.config)
    copy.load_state_dict(model.state_dict())
    return copy


def prompt_pass(model, prompts, copies):
    """Last logits and cache of prompts of one length, each repeated for its continuations."""
    cache = DynamicCache(config=model.config)
    logits = model(input_ids=torch.tensor(prompts), cache=cache, logits_to_keep=1).logits[:, -1]
    cache.batch_repeat_interleave(copies)
    return logits.repeat_interleave(copies, 0), cache


def draw(logits):
    """A token of each row by its cumulative distribution: several times as fast as torch.multinomial."""
    upto = torch.softmax(logits, -1).cumsum(-1)
    return torch.searchsorted(upto, torch.rand(len(upto), 1) * upto[:, -1:])[:, 0]


def decode(model, prompts, copies, temperature, max_tokens, eos):
    """Ids and log-probabilities of `copies` continuations of each prompt, padded; no prompt is run twice."""
    logits, cache = prompt_pass(model, prompts, copies)
    rows = torch.arange(len(logits))
    going = torch.ones(len(rows), dtype=torch.bool)
    ids = torch.full((len(rows), max_tokens), eos)
    logps = torch.zeros(len(rows), max_tokens)
    for step in range(max_tokens):
        token = draw(logits / temperature)
        ids[rows, step] = token
        logps[rows, step] = torch.log_softmax(logits, -1).gather(1, token[:, None])[:, 0]
        going &= token != eos
        n = int(going.sum())
        if n == 0 or step + 1 == max_tokens:
            break
        if n < SHRINK * len(rows):
            keep = going.nonzero()[:, 0]
            cache.batch_select_indices(keep)
            rows, token, going = rows[keep], token[keep], going[keep]
        logits = model(input_ids=token[:, None], cache=cache).logits[:, -1]
    return ids.tolist(), logps.tolist()


def chunks(items, n):
    return [items[i:i + n] for i in range(0, len(items), n)]


def by_length(items, length):
    buckets = collections.defaultdict(list)
    for item in items:
        buckets[length(item)].append(item)
    return buckets.values()


@torch.inference_mode()
def sample(model, tokenizer, problems, k, settings, work):
    """k graded samples of each problem. Prompts of one length share a batch, so nothing is padded."""
    eos, out = tokenizer.eos_token_id, []
    for bucket in by_length(problems, lambda p: len(p.ids)):
        for part in chunks(bucket, max(1, SAMPLE_ROWS // k)):
            ids, logps = decode(model, [p.ids for p in part], k, float(settings["temperature"]),
                                settings["max_tokens"], eos)
            lengths = [row.index(eos) + 1 if eos in row else len(row) for row in ids]
            texts = tokenizer.batch_decode([row[:n] for row, n in zip(ids, lengths)], skip_special_tokens=True)
            for i, (row, n, text) in enumerate(zip(ids, lengths, texts)):
                p = part[i // k]
                found = re.search(r"#### (-?\d+)", text)
                answer = int(found[1]) if found else None
                out.append(Sample(p, row[:n], sum(logps[i][:n]), row[n - 1] == eos, answer, answer == p.gold))
    work.update(samples=len(out), tokens=sum(len(s.ids) for s in out))
    return out


def sums(logits, ids):
    """Log-probability of each row's ids; -100 is padding."""
    losses = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), ignore_index=-100, reduction="none")
    return -losses.view(ids.shape).sum(1)


@torch.inference_mode()
def score(model, samples, work):
    """Log-probability of each of many solutions, in their order; a prompt runs once for SCORE_ROWS of them."""
    out = [0.0] * len(samples)
    groups = [part for group in of_problem(range(len(samples)), lambda i: samples[i].problem)
              for part in chunks(group, SCORE_ROWS)]
    for bucket in by_length(groups, lambda g: (len(samples[g[0]].problem.ids), len(g))):
        for part in chunks(bucket, max(1, SCORE_ROWS // len(bucket[0]))):
            first, cache = prompt_pass(model, [samples[g[0]].problem.ids for g in part], len(part[0]))
            flat = [i for g in part for i in g]
            ids = pad_sequence([torch.tensor(samples[i].ids) for i in flat], batch_first=True, padding_value=-100)
            rest = model(input_ids=ids[:, :-1].clamp(min=0), cache=cache).logits
            for i, logp in zip(flat, sums(torch.cat([first[:, None], rest], 1), ids).tolist()):
                out[i] = logp
    work.update(solutions=len(samples), tokens=sum(len(s.ids) for s in samples))
    return out


# -- training --


def train(model, o, epochs, data, loss_of, work):
    """AdamW with warm-up and linear decay; loss_of makes the loss of one step's items."""
    n_steps = epochs * math.ceil(len(data) / o["batch"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=float(o["lr"]), betas=(o["beta1"], o["beta2"]),
                                  eps=float(o["eps"]), weight_decay=o["weight_decay"], fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, o["warmup"], n_steps)
    model.train()
    for _ in range(epochs):
        for batch in chunks(random.sample(data, len(data)), o["batch"]):
            work["steps"] += 1
            loss_of(model, batch, work).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), o["clip"])
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
    model.eval()
    return model


def logps_for_training(model, samples, work):
    """Of each completion, from whole rows padded on the right: attention is causal, so no mask is needed."""
    rows = pad_sequence([torch.tensor(s.problem.ids + s.ids) for s in samples], batch_first=True)
    labels = pad_sequence([torch.tensor([-100] * len(s.problem.ids) + s.ids) for s in samples], batch_first=True,
                          padding_value=-100)
    work["tokens"] += sum(len(s.problem.ids) + len(s.ids) for s in samples)
    return sums(model(input_ids=rows, use_cache=False).logits[:, :-1], labels[:, 1:])


def sft_loss(model, samples, work):
    return -logps_for_training(model, samples, work).sum() / sum(len(s.ids) for s in samples)


def dpo_loss(o, reference):
    """Over all right x wrong pairs of each problem, from one log-probability per solution."""

    def loss_of(model, groups, work):
        chosen = []
        for right, wrong in groups:
            some = random.sample(right, min(len(right), o["max_right"]))
            chosen.append((some, random.sample(wrong, min(len(wrong), o["max_solutions"] - len(some)))))
        flat = [s for right, wrong in chosen for s in right + wrong]
        gain = logps_for_training(model, flat, work) - torch.tensor([reference[key_of(s)] for s in flat])
        gains = gain.split([len(part) for group in chosen for part in group])
        margins = torch.cat([(r[:, None] - w[None]).flatten() for r, w in zip(gains[::2], gains[1::2])])
        work["pairs"] += len(margins)
        return -F.logsigmoid(o["beta"] * margins).mean()

    return loss_of


# -- the loop --


def key_of(s):
    return s.problem.id, tuple(s.ids)


def of_problem(items, problem=lambda s: s.problem):
    groups = collections.defaultdict(list)
    for item in items:
        groups[problem(item).id].append(item)
    return groups.values()


def gen_data(references, rounds, cap):
    """References, and of each round and problem at most `cap` right samples."""
    data = list(references)
    for samples in rounds:
        for group in of_problem(samples):
            right = [s for s in group if s.right and s.finished]
            data += random.sample(right, min(len(right), cap))
    return data


def ver_data(references, rounds):
    """(right, wrong) of each problem that has both, without copies and unfinished ones."""
    finished = [s for s in references + [s for samples in rounds for s in samples] if s.finished]
    groups = of_problem({key_of(s): s for s in finished}.values())
    groups = [([s for s in g if s.right], [s for s in g if not s.right]) for g in groups]
    return [(right, wrong) for right, wrong in groups if right and wrong]


def pass_at_1(samples):
    return sum(s.right for s in samples) / len(samples)


def best_of(samples, scores):
    best = {}
    for s, x in zip(samples, scores):
        if s.problem.id not in best or x > best[s.problem.id][0]:
            best[s.problem.id] = x, s.right
    return sum(right for _, right in best.values()) / len(best)


def majority(samples):
    right = 0
    for group in of_problem(samples):
        votes = collections.Counter(s.answer for s in group if s.answer is not None)
        right += bool(votes) and votes.most_common(1)[0][0] == group[0].problem.gold
    return right / len(of_problem(samples))


def solved(samples):
    return sum(any(s.right for s in group) for group in of_problem(samples)) / len(of_problem(samples))


def loop(base, tokenizer, recipe, problems, stages):
    sft, dpo, n = recipe["sft"], recipe["dpo"], recipe["eval"]["n"]
    eos = tokenizer.eos_token_id
    query, test = problems["sft"] + problems["train"], problems["test"]
    references = [Sample(p, tokenizer.encode(p.reference) + [eos], 0.0, True, p.gold, True)
                  for p in problems["references"]]
    rounds, first = [], None
    for t in range(1, recipe["rounds"] + 1):
        name = "sft" if t == 1 else f"generator-{t}"
        with stages.part(name, name) as work:
            data = gen_data(references, rounds, recipe["gen_data"]["cap"])
            model = train(copy_of(base), sft, sft["epochs"] if first else sft["first_epochs"], data, sft_loss, work)
            first = first or model
        with stages.part(f"round-{t}", f"round-{t}") as work:
            rounds.append(sample(model, tokenizer, query, recipe["sample"]["k"], recipe["sample"], work))
    with stages.part("generator", "generator") as work:
        data = gen_data(references, rounds, recipe["gen_data"]["cap"])
        generator = train(copy_of(base), sft, sft["epochs"], data, sft_loss, work)
    with stages.part("verifier", "reference log-probs") as work:
        known = references + [s for samples in rounds for s in samples]
        reference = dict(zip(map(key_of, known), score(first, known, work)))
    with stages.part("verifier", "dpo") as work:
        verifier = train(copy_of(first), dpo, dpo["epochs"], ver_data(references, rounds), dpo_loss(dpo, reference),
                         work)
    with stages.part("answers", "test:sft") as work:
        of_sft = sample(first, tokenizer, test, n, recipe["sample"], work)
    with stages.part("answers", "test:generator") as work:
        of_generator = sample(generator, tokenizer, test, n, recipe["sample"], work)
    with stages.part("answers", "verifier scores") as work:
        by_verifier = score(verifier, of_sft + of_generator, work)
    with stages.part("answers", "reference scores") as work:
        by_sft = score(first, of_sft + of_generator, work)
    with stages.part("answers", "metrics"):
        m = len(of_sft)
        return {("G_SFT", "Pass@1"): pass_at_1(of_sft),
                ("G_T", "Pass@1"): pass_at_1(of_generator),
                ("G_T", f"Maj@{n}"): majority(of_generator),
                ("G_T own likelihood", f"Best-of-{n}"): best_of(of_generator, [s.logp for s in of_generator]),
                ("G_SFT likelihood (untrained V)", f"Best-of-{n}"): best_of(of_generator, by_sft[m:]),
                ("V-STaR", f"Best-of-{n}"): best_of(of_generator, by_verifier[m:]),
                ("G_SFT + V", f"Best-of-{n}"): best_of(of_sft, by_verifier[:m]),
                ("G_T", f"Pass@{n}"): solved(of_generator)}


# -- vstar's run --


def read_problems(db, tokenizer, scale):
    problems = collections.defaultdict(list)
    for number, split, prompt, gold, reference in db.execute(
            "SELECT id, split, prompt, gold, reference FROM problems ORDER BY id"):
        problems[split].append(Problem(number, tokenizer.encode(prompt), int(gold), reference))
    problems["references"] = problems["sft"]
    for split in "sft", "train", "test":
        problems[split] = problems[split][:math.ceil(scale * len(problems[split]))]
    return problems


def vstar_stages(run):
    """The log's line of each: seconds, cpu_seconds, matmul_gflop."""
    stages, rounds = {}, 0
    for line in (run / "log.jsonl").read_text().splitlines():
        event = json.loads(line)
        stage = event["stage"]
        rounds += stage == "round"
        stage = f"round-{rounds}" if stage == "round" else stage
        if event["event"] != "stage done" or stage in stages:
            raise SystemExit(f"{run}/log.jsonl: not a run made in one go: {line}")
        stages[stage] = event
    return stages


def vstar_work(db):
    """What vstar did in each part of the loop."""
    drawn = {name: dict(samples=n, tokens=tokens) for name, n, tokens in db.execute(
        "SELECT t.name, count(*), sum(length(x.ids) / 4) FROM samples x JOIN sets t ON t.id = x.set_id GROUP BY 1")}
    steps = {model: dict(steps=n, tokens=tokens) for model, n, tokens in db.execute(
        "SELECT model, count(*), sum(n_tokens) FROM train_rows GROUP BY 1")}

    def scored(names):
        return dict(solutions=sum(drawn[s]["samples"] for s in names), tokens=sum(drawn[s]["tokens"] for s in names))

    test = scored(["test:sft", "test:generator"])
    return {**drawn, **steps, "dpo": steps["verifier"], "verifier scores": test, "reference scores": test,
            "reference log-probs": scored([s for s in drawn if not s.startswith("test:")])}


def vstar_value(db, system, metric):
    curve, k = re.fullmatch(r"(Pass@|Maj@|Best-of-)(\d+)", metric).groups()
    curve = {"Pass@": "pass", "Maj@": "majority", "Best-of-": "best_of"}[curve]
    return db.execute("SELECT value FROM metrics WHERE system = ? AND curve = ? AND k = ?",
                      (system, curve, int(k))).fetchone()[0]


# -- the comparison --


def print_work(parts, theirs):
    print("\n| part | done here | seconds | CPU seconds | done by vstar |\n|---|---|---|---|---|")
    for p in parts:
        done = [", ".join(f"{n:,} {what}" for what, n in work.items())
                for work in (p["work"], theirs.get(p["name"], {}))]
        print(f"| {p['name']} | {done[0]} | {p['seconds']:.2f} | {p['cpu_seconds']:.2f} | {done[1]} |")
    seconds, cpu = (sum(p[clock] for p in parts) for clock in ("seconds", "cpu_seconds"))
    print(f"| whole loop | | {seconds:.2f} | {cpu:.2f} | |")


def print_accuracy(accuracy, db):
    print("\n| per cent right | here | vstar |\n|---|---|---|")
    for (system, metric), value in accuracy.items():
        print(f"| {system}, {metric} | {100 * value:.1f} | {100 * vstar_value(db, system, metric):.1f} |")


def print_ratios(parts, theirs, vstar, scale):
    """CPU seconds. A part of a scaled loop counts as often as vstar's work holds it."""
    stages = collections.Counter()
    for p in parts:
        unit = next(iter(p["work"]), None)
        times = 1 if scale == 1 else theirs[p["name"]][unit] / p["work"][unit] if unit else 1 / scale
        stages[p["stage"]] += times * p["cpu_seconds"]
    vstar = {stage: vstar[stage] for stage in stages}
    print(f"\n| stage | torch, CPU s{' (extrapolated)' if scale != 1 else ''} | vstar, CPU s | ratio "
          "| GFLOP in vstar's products | GFLOP a CPU s |\n|---|---|---|---|---|---|")

    def row(name, seconds, ours, gflop):
        print(f"| {name} | {seconds:.1f} | {ours:.1f} | {seconds / ours:.1f} | {gflop:.0f} | {gflop / ours:.0f} |")

    for stage, seconds in stages.items():
        row(stage, seconds, vstar[stage]["cpu_seconds"], vstar[stage]["matmul_gflop"])
    row("whole loop", stages.total(), *(sum(s[k] for s in vstar.values()) for k in ("cpu_seconds", "matmul_gflop")))


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("run", type=Path, help="folder of a finished run of recipes/demo.yaml")
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--scale", type=float, default=1.0, help="share of the problems")
    args = args.parse_args()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    random.seed(1)
    recipe = yaml.safe_load((args.run / "recipe.yaml").read_text())
    vstar = vstar_stages(args.run)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(args.run / "base/tokenizer.json"), eos_token="<eos>")
    db = sqlite3.connect(f"file:{args.run}/run.db?mode=ro", uri=True)
    base = load(args.run).eval()
    problems = read_problems(db, tokenizer, args.scale)
    print(f"torch {torch.__version__}, {args.threads} threads, load average {os.getloadavg()[0]:.2f}", flush=True)
    stages = Stages()
    accuracy = loop(base, tokenizer, recipe, problems, stages)
    theirs = vstar_work(db)
    print_work(stages.parts, theirs)
    print_accuracy(accuracy, db)
    print_ratios(stages.parts, theirs, vstar, args.scale)


if __name__ == "__main__":
    main()
