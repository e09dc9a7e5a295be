"""training.py - cases of the trainers' keys: each in every section that has it."""
import json
import math
import os

from runner import case, equal, near, run, start, true, vstar

WORDS = {"generative.question": "#### ", "generative.yes": "1", "generative.no": "0"}
ALL = {"sft": {}, "dpo": {"dpo.max_right": 0, "dpo.max_solutions": 0}, "orm": {"orm.max_right": 0, "orm.max_solutions": 0}, "generative": {}}


def model_of(section):
    """What the section's keys train, and what from."""
    return ("generator", "base") if section == "sft" else ("verifier", "sft")


def settings_of(section, keys):
    settings = {f"{section}.{key}": value for key, value in keys.items()}
    settings["verifier.kind"] = "none" if section == "sft" else section
    return {**(WORDS if section == "generative" else {}), **settings}


def trained(section, keys, reuse=True):
    """A run with these keys of the section: (run, the model, its steps, weights before, weights after)."""
    r = run(settings_of(section, keys), reuse)
    model, before = model_of(section)
    curve = r.curve(model)
    true(curve, f"{section}: it was trained here")
    return r, model, curve, r.weights(before), r.weights(model)


def moved(before, after):
    return [(name, b, a) for name in after for b, a in zip(before.get(name, [0.0] * len(after[name])), after[name])]


def norm(before, after):
    return math.sqrt(sum((a - b) ** 2 for _, b, a in moved(before, after)))


def rate(step, n, lr, lr_end, schedule, warmup):
    """docs/MATH.md: linear warm-up from 0 to the peak, then down to lr_end of it."""
    if step < warmup:
        return lr * (step + 1) / warmup
    done = (step - warmup) / (n - warmup)
    share = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}[schedule]
    return lr * (lr_end + (1 - lr_end) * share) if schedule != "constant" else lr


def schedule_case(section):
    def check():
        for keys in ({"lr": 3e-3, "lr_end": 0.25, "schedule": "cosine", "warmup": 2, "batch": 3, "epochs": 2},
                     {"lr": 1e-3, "lr_end": 0.5, "schedule": "linear", "warmup": 1, "steps": 7}):
            r, model, curve, *_ = trained(section, keys)
            rows = r.manifest(model)["rows"]
            equal(len(curve), keys.get("steps") or keys["epochs"] * -(-rows // keys["batch"]), "steps:")
            for x in curve:
                near(x["lr"], rate(x["step"], len(curve), keys["lr"], keys["lr_end"], keys["schedule"], keys["warmup"]), 1e-9, f"lr of step {x['step']}:")
    return check


def adam_case(section):
    """Without memory a step is the rate times the gradient's sign: after two, weights have moved by 0 or by two rates."""
    def check():
        lr = 2.0 ** -10
        *_, before, after = trained(section, {"lr": lr, "schedule": "constant", "warmup": 0, "steps": 2, "beta1": 0, "beta2": 0, "eps": 1e-30})
        off = [min(abs(abs(a - b) - x) for x in (0, 2 * lr)) > 1e-6 for _, b, a in moved(before, after) if a != b]
        true(sum(off) < 0.01 * len(off), f"{sum(off)} of {len(off)} weights moved by another step than the sign's")
    return check


def clip_case(section):
    """With a large eps a step is the rate times the gradient over eps, and that is no longer than clip."""
    def check():
        lr, clip, eps = 1.0, 1e-3, 0.5
        *_, curve, before, after = trained(section, {"lr": lr, "schedule": "constant", "warmup": 0, "steps": 1, "eps": eps, "clip": clip})
        true(curve[0]["grad_norm"] > 2 * clip, "the gradient is longer than clip")
        near(norm(before, after), lr * clip / eps, 0.01 * lr * clip / eps, "the step's length:")
    return check


def decay_case(section):
    """With next to no gradient matrices shrink by rate times decay, and norms stay."""
    def check():
        r, model, _, before, after = trained(section, {"lr": 0.1, "schedule": "constant", "warmup": 0, "steps": 1, "eps": 1, "clip": 1e-9, "weight_decay": 0.5})
        for name, b, a in moved(before, after):
            near(a, b if "norm" in name else 0.95 * b, 1e-6, f"{name}:")
    return check


SOME_STEPS = {"lr": 1e-4, "warmup": 0, "batch": 2, "epochs": 1}


def memory_case(section):
    def check():
        plain, model, *_ = trained(section, SOME_STEPS)
        other, *_ = trained(section, {**SOME_STEPS, "micro_tokens": 40, "keep_mb": 0, "checkpoint_steps": 1}, reuse=False)
        equal(other.manifest(model)["model"], plain.manifest(model)["model"], "weights:")
        equal(other.curve(model), plain.curve(model), "curve:")
    return check


def checkpoint_case(section):
    """A file where the finished folder should go ends the training with its checkpoints still there."""
    def check():
        model, _ = model_of(section)
        for steps in (1, 0):
            folder = f"checkpoint-{section}-{steps}"
            os.makedirs(f"{folder}/models", exist_ok=True)
            open(f"{folder}/models/{model}.partial", "w").close()
            slot = start(settings_of(section, {**SOME_STEPS, "lr": 3e-4, "checkpoint_steps": steps}), [start({})["folder"]], folder)
            true(slot["code"] == 1 and f"{model}.partial" in slot["err"], f"it ends there: {slot['err'][-200:]}")
            equal(os.path.isdir(f"{folder}/models/{model}.checkpoint") and bool(os.listdir(f"{folder}/models/{model}.checkpoint")), steps > 0,
                  f"a checkpoint with checkpoint_steps={steps}:")
    return check


for section in ALL:
    case(*(f"{section}.{key}" for key in ("lr", "lr_end", "schedule", "warmup", "batch", "epochs", "steps")))(schedule_case(section))
    case(f"{section}.beta1", f"{section}.beta2")(adam_case(section))
    case(f"{section}.eps", f"{section}.clip")(clip_case(section))
    case(f"{section}.weight_decay")(decay_case(section))
    case(f"{section}.micro_tokens", f"{section}.keep_mb", f"{section}.checkpoint_steps")(memory_case(section))
    case(f"{section}.checkpoint_steps")(checkpoint_case(section))


@case("sft.lora.rank", "sft.lora.alpha", "sft.lora.targets")
def adapters():
    r = run({"sft.lora.rank": 3, "sft.lora.alpha": 5, "sft.lora.targets": "[q_proj, up_proj]", "verifier.kind": "none", "sample.k": 1})
    for model in ("sft", "generator"):
        config = json.load(open(f"{r.dir}/models/{model}/adapter_config.json"))
        equal((config["r"], config["lora_alpha"], sorted(config["target_modules"])), (3, 5, ["q_proj", "up_proj"]), f"{model}:")


@case("sft.first_epochs", "sft.epochs")
def epochs():
    r = run({"sft.first_epochs": 3, "sft.epochs": 1, "verifier.kind": "none"})
    steps = lambda model: -(-r.manifest(model)["rows"] // r.recipe["sft.batch"])
    equal((len(r.curve("sft")), len(r.curve("generator"))), (3 * steps("sft"), steps("generator")), "steps:")


@case("sft.growth")
def growth():
    r = run({"sft.steps": 3, "sft.growth": 1.5, "sft.warmup": 0, "rounds": 3, "sample.k": 1, "verifier.kind": "none"})
    equal([len(r.curve(model)) for model in ("generator-2", "generator-3", "generator")], [3, 4, 6], "steps:")


# -- what a first step comes to is known where it holds the whole data set: V is G_SFT then --

def first_step(section, keys):
    keys = {"batch": 1000, "lr": 1e-4, "warmup": 0, "steps": 1, **{k.partition(".")[2]: v for k, v in ALL[section].items()}, **keys}
    r, _, curve, *_ = trained(section, keys)
    return r, curve[0]


def sides_of(r):
    """Exported D_VER: [(prompt, right, wrong)], solutions as samples."""
    by_ids = {(r.problems[x.problem][2], tuple(x.ids)): x for x in r.samples}
    rows = map(json.loads, vstar("export", r.dir, "ver-set", "--ids")[1].splitlines())
    return [(row["prompt_ids"], *([by_ids[row["id"], tuple(ids)] for ids in row[side]] for side in ("right", "wrong"))) for row in rows]


def tokens_of(sides, side):
    return sum(len(x.ids) for row in sides for x in row[side])


def log_prob(r, sides, side):
    ref = r.manifest("sft")["model"]
    return sum(x.score[ref] for row in sides for x in row[side])


@case("dpo.beta", "dpo.loss")
def pair_loss():
    near(first_step("dpo", {"loss": "ipo", "beta": 0.25})[1]["loss"], 1 / (2 * 0.25) ** 2, 1e-5, "ipo's first loss:")
    near(first_step("dpo", {"loss": "sigmoid", "beta": 0.25})[1]["loss"], math.log(2), 1e-6, "sigmoid's first loss:")
    slope = [first_step("dpo", {"loss": "sigmoid", "beta": beta})[1]["grad_norm"] for beta in (0.25, 0.75)]
    near(slope[1] / slope[0], 3, 1e-3, "beta scales the first gradient:")


@case("dpo.length_normalised")
def length_normalised():
    r, plain = first_step("dpo", {"loss": "sigmoid", "beta": 0.25})
    _, normalised = first_step("dpo", {"loss": "sigmoid", "beta": 0.25, "length_normalised": True})
    lengths = [len(x.ids) for row in sides_of(r) for x in row[1] + row[2]]
    true(0.8 * min(lengths) < plain["grad_norm"] / normalised["grad_norm"] < 1.25 * max(lengths), "the gradient is divided by a solution's length")


@case("dpo.nll")
def nll():
    r, step = first_step("dpo", {"nll": 0.5})
    sides = sides_of(r)
    near(step["loss"], math.log(2) - 0.5 * log_prob(r, sides, 1) / tokens_of(sides, 1), 1e-5, "the first loss:")


@case("dpo.label_smoothing")
def label_smoothing():
    near(first_step("dpo", {"label_smoothing": 0.5})[1]["grad_norm"], 0, 1e-9, "labels of no worth: the gradient")
    plain, quarter = (first_step("dpo", {"label_smoothing": x, "loss": "sigmoid", "beta": 0.25})[1]["grad_norm"] for x in (0, 0.25))
    near(quarter / plain, 0.5, 1e-4, "a quarter flipped halves the gradient:")


@case("dpo.pairs")
def pairs():
    keys = {"batch": 1, "epochs": 2, "lr": 1e-3, "warmup": 0, "max_right": 0, "max_solutions": 0}
    whole = lambda m: all(x["accuracy"] in (0, 1) for x in trained("dpo", {**keys, "pairs": m})[2])
    true(whole("sampled(1)"), "of one pair all or none are in order")
    true(not whole("all"), "of all pairs some are")
    true(all(x["accuracy"] * 2 in (0, 1, 2) for x in trained("dpo", {**keys, "pairs": "sampled(2)"})[2]), "of two, halves are")


@case("dpo.max_right", "dpo.max_solutions", "orm.max_right", "orm.max_solutions")
def limits():
    for section in ("dpo", "orm"):
        for right, all_of in ((1, 0), (0, 2), (2, 3)):
            r, step = first_step(section, {"max_right": right, "max_solutions": all_of})
            low = high = 0
            extra = section == "orm"  # the row of a solution's last token, which has a value
            for prompt, *sides in sides_of(r):
                lengths = [sorted(len(x.ids) - 1 + extra for x in side) for side in sides]
                n_right = min(len(lengths[0]), right or 10 ** 9, max(all_of - 1, 1) if all_of else 10 ** 9)
                n = [n_right, min(len(lengths[1]), all_of - n_right if all_of else 10 ** 9)]
                low += len(prompt) + sum(sum(xs[:k]) for xs, k in zip(lengths, n))
                high += len(prompt) + sum(sum(xs[len(xs) - k:]) for xs, k in zip(lengths, n))
            true(low <= step["n_tokens"] <= high, f"{section}, max_right {right}, max_solutions {all_of}: {low} <= {step['n_tokens']} <= {high} rows")


@case("orm.loss", "orm.lm")
def orm():
    r, plain = first_step("orm", {"lm": 0, "loss": "mse"})
    sides = sides_of(r)
    right, wrong = tokens_of(sides, 1), tokens_of(sides, 2)
    near(plain["loss"], right / (right + wrong), 0.02, "mse of a head of zeros is the share of right tokens:")
    near(first_step("orm", {"lm": 0, "loss": "bce"})[1]["loss"], math.log(2), 1e-5, "bce of a head of zeros:")
    _, both = first_step("orm", {"lm": 0.5, "loss": "mse"})
    near(both["loss"] - plain["loss"], -0.5 * both["logp_right"] * sum(len(row[1]) for row in sides) / right, 1e-4, "lm adds the right solutions' loss:")


@case("generative.lm")
def generative():
    r, plain = first_step("generative", {"lm": 0})
    s, both = first_step("generative", {"lm": 0.5})
    ref, sides = r.manifest("sft")["model"], sides_of(r)
    right = [x for row in sides if row[1] and row[2] for x in row[1]]
    n_verdicts, n_more = r.manifest("verifier")["rows"], s.manifest("verifier")["rows"] - r.manifest("verifier")["rows"]
    equal(n_more, len(right) if n_more != sum(len(row[1]) for row in sides) else n_more, "rows of right solutions:")
    out = vstar("logprobs", "--model", f"{r.dir}/models/sft", text="".join(
        json.dumps({"prompt_ids": row[0], "completion_ids": x.ids}) + "\n" for row in sides for x in row[1]))[1]
    each = [-json.loads(line)["logprob"] / json.loads(line)["n_tokens"] for line in out.splitlines()]
    if n_more == len(each):
        near(both["loss"], (plain["loss"] * n_verdicts + 0.5 * sum(each)) / (n_verdicts + 0.5 * len(each)), 1e-4, "the first loss:")


@case("generative.question", "generative.yes", "generative.no")
def words():
    r, *_ = trained("generative", {})
    score = r.score_name("verifier")
    some = r.of_set("test:generator")[:3]
    for question, yes, no, same in (("#### ", "1", "0", True), ("#### ", "0", "1", False), ("####", "1", "0", False), ("#### ", "2", "0", False)):
        rows = "".join(json.dumps({"prompt": r.problems[x.problem][4], "candidates": [x.text]}) + "\n" for x in some)
        out = vstar("rank", "--model", f"{r.dir}/models/verifier", "--score", "yes", "--question", question, "--yes", yes, "--no", no, text=rows)[1]
        scores = [json.loads(line)["scores"][0] for line in out.splitlines()]
        equal([abs(a - x.score[score]) < 1e-9 for a, x in zip(scores, some)] == [True] * 3, same, f"asked '{question}', {yes} or {no}: the stored scores")
