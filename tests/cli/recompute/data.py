"""data.py - what each model of a run was trained on, and what each set was drawn and scored by."""
import collections
import json
import math
import subprocess

from checks import check
from rundb import RIGHT, VERIFIER_ROW, WRONG, round_of


def is_right(x, labels):
    return x.set == "reference" or (x.verdict(labels) == RIGHT and not x.is_cut())


def gen_set(run, rounds):
    """{problem: [[samples of a round that may be taken], ..]} and what D_GEN after so many rounds must come to."""
    r, labels = run.recipe, run.facts["labels"]
    take, count = {}, collections.Counter()
    for x in run.samples:
        t = round_of(x.set)
        if t is None or not is_right(x, labels):
            continue
        if t == 0 and (r["gen_data.references"] or rounds == 0):
            count["references"] += 1
        elif 0 < t <= rounds and (r["gen_data.rounds"] == "all" or t == rounds):
            count["right_samples"] += 1
            count["rationales"] += x.set.startswith("rationale")
        else:
            continue
        take.setdefault(x.problem, collections.OrderedDict()).setdefault(t, []).append(x)
    count["rows"] = sum(len(xs) if t == 0 or not r["gen_data.cap"] else min(len(xs), r["gen_data.cap"]) for of in take.values() for t, xs in of.items())
    count["dropped_by_cap"] = count["references"] + count["right_samples"] - count["rows"]
    return take, count


def ver_set(run, rounds):
    """D_VER: {problem: (right, wrong)} without caps, and the counts of its manifest."""
    r, labels = run.recipe, run.facts["labels"]
    sides, count = {}, collections.Counter()
    for x in run.samples:
        t = round_of(x.set)
        if t is None or x.set.startswith("rationale") or t > rounds or (0 < t < rounds and r["ver_data.rounds"] == "last"):
            continue
        if x.is_cut() and not r["ver_data.truncated"]:
            count["truncated"] += 1
        elif is_right(x, labels):
            sides.setdefault(x.problem, ([], []))[0].append(x)
        elif x.verdict(labels) == WRONG or x.is_cut():
            sides.setdefault(x.problem, ([], []))[1].append(x)
        else:
            count["ungradable"] += 1
    out = {}
    for p, (right, wrong) in sorted(sides.items()):
        kept = ([], [])
        for side, xs in enumerate((right, wrong)):
            seen = set()
            for x in xs:
                if r["ver_data.dedupe"] and tuple(x.ids) in seen:
                    count["duplicates"] += 1
                elif side == 1 and x.text in {y.text for y in kept[0]}:
                    count["equal_texts"] += 1
                else:
                    kept[side].append(x)
                seen.add(tuple(x.ids))
        count["problems_all_right"] += bool(kept[0]) and not kept[1]
        count["problems_all_wrong"] += bool(kept[1]) and not kept[0]
        if kept[0] and kept[1] or run.recipe["verifier.kind"] != "dpo" and (kept[0] or kept[1]):
            out[p] = kept
    count["rows"] = len(out)
    count["solutions"] = sum(len(a) + len(b) for a, b in out.values())
    count["pairs"] = sum(len(a) * len(b) for a, b in out.values())
    return out, count


def check_trainings(run):
    rounds = run.recipe["rounds"]
    generators = [("sft", 0)] + [(f"generator-{t}", t - 1) for t in range(2, rounds + 1)] + [("generator", rounds)]
    base = run.manifest("sft")["from"]
    for name, t in generators:
        m, (_, count) = run.manifest(name), gen_set(run, t)
        for key in ("references", "right_samples", "rationales", "rows", "dropped_by_cap"):
            check(f"{name}: {key}", m[key], count[key])
        check(f"{name}: rounds", m["rounds"], t)
        check(f"{name}: starts from the base", m["from"], base)
        check_curve(run, name, "sft", m["rows"], run.recipe["sft.first_epochs"] if t == 0 else run.recipe["sft.epochs"])
    if not run.has_model("verifier"):
        return
    m, (groups, count) = run.manifest("verifier"), ver_set(run, rounds)
    if m["verifier"] != VERIFIER_ROW["generative"]:  # whose rows are verdicts
        check("verifier: rows", m["rows"], count["rows"])
    for key in ("solutions", "pairs", "duplicates", "equal_texts", "truncated", "ungradable", "problems_all_right", "problems_all_wrong"):
        check(f"verifier: {key}", m[key], count[key])
    kind, sft = run.recipe["verifier.kind"], run.manifest("sft")["model"]
    check("verifier: starts from G_SFT", (m["from"] if kind != "orm" else sft, m["reference"]), (sft, sft))  # an ORM's has a head
    check_curve(run, "verifier", kind, m["rows"], run.recipe[f"{kind}.epochs"])
    if kind == "dpo":
        check_first_step(run, groups)


def check_curve(run, name, section, rows, epochs):
    curve, batch = run.curve(name), run.recipe[f"{section}.batch"]
    if not curve:
        return  # taken over from another run
    check(f"{name}: steps", len(curve), run.recipe[f"{section}.steps"] or -(-rows // batch) * epochs)


def check_first_step(run, groups):
    """Where the first step holds the whole of D_VER, its log-probs are G_SFT's, right ones on the right side."""
    r, ref, curve = run.recipe, run.manifest("sft")["model"], run.curve("verifier")
    if r["dpo.batch"] < len(groups) or r["dpo.max_right"] or r["dpo.max_solutions"] or not curve:
        return
    for side, key in enumerate(("logp_right", "logp_wrong")):
        xs = [x for sides in groups.values() for x in sides[side]]
        check(f"verifier: {key} of the first step", curve[0][key], sum(x.score[ref] for x in xs) / len(xs), 1e-3)
    check("verifier: the first loss is a coin toss", curve[0]["loss"], math.log(2), 1e-6)
    check("verifier: it learns to tell them apart", curve[-1]["margin"] > 0 and curve[-1]["accuracy"] > 0.5, True)


def check_exports(program, run):
    rows = lambda what: [json.loads(line) for line in subprocess.run([program, "export", run.dir, what, "--ids"], stdout=subprocess.PIPE,
                                                                     stderr=subprocess.DEVNULL, check=True, text=True).stdout.splitlines()]
    ids = {p: key for p, _, key, *_ in run.problems.values()}
    take, count = gen_set(run, run.recipe["rounds"])
    found = collections.Counter((row["id"], row["set"], tuple(row["completion_ids"])) for row in rows("gen-set"))
    allowed = collections.Counter((ids[x.problem], x.set, tuple(x.ids)) for of in take.values() for xs in of.values() for x in xs)
    check("export gen-set: rows", sum(found.values()), count["rows"])
    check("export gen-set: right samples of the rounds alone", found - allowed, collections.Counter())
    groups, _ = ver_set(run, run.recipe["rounds"])
    if run.recipe["verifier.kind"] == "none":
        return
    text = lambda xs: sorted(tuple(x.ids) for x in xs)
    expected = {ids[p]: (text(a), text(b)) for p, (a, b) in groups.items()}
    check("export ver-set", {row["id"]: tuple(sorted(map(tuple, row[side])) for side in ("right", "wrong")) for row in rows("ver-set")}, expected)
    pairs = collections.Counter((row["id"], tuple(row["chosen"]), tuple(row["rejected"])) for row in rows("pairs"))
    check("export pairs", pairs, collections.Counter((p, a, b) for p, (right, wrong) in expected.items() for a in right for b in wrong))


# -- samples and scores --

def check_samples(program, run):
    r = run.recipe
    rounds, sampler = r["rounds"], {"test:sft": "sft", "test:generator": "generator", "round-1": "sft"}
    sampler.update({f"round-{t}": f"generator-{t}" for t in range(2, rounds + 1)})
    for x in run.samples:
        if x.set == "reference":
            continue
        if x.set in sampler:
            check(f"sample {x.id} of {x.set}: its model", x.model, run.computed(run.manifest(sampler[x.set])["model"]))
        check(f"sample {x.id}: log-prob", x.logprob, float(sum(x.token_logprobs)), 1e-6)
    queries, tests = len(run.of_split("sft", "train")), len(run.of_split("test"))
    for t in range(1, rounds + 1):
        check(f"round-{t}: samples", len(run.of_set(f"round-{t}")), queries * r["sample.k"])
    check("test:generator: samples", len(run.of_set("test:generator")), tests * r["eval.n"])
    check("test:sft: samples", len(run.of_set("test:sft")), tests * r["eval.n"] if r["eval.baselines"] else 0)
    if r["compute"] == "f32" and not r["sft.lora.rank"]:
        check_scores(program, run)


def check_scores(program, run):
    """Stored scores are what `vstar logprobs` says of the same tokens under the model that they are named by."""
    models = ["sft"] + ["verifier"] * (run.has_model("verifier") and run.recipe["verifier.kind"] == "dpo")
    some = [x for name in ("test:sft", "test:generator") for x in run.of_set(name)[:6]]
    for model in models:
        name = run.manifest(model)["model"]
        rows = "".join(json.dumps({"prompt": run.problems[x.problem][4], "completion_ids": x.ids}) + "\n" for x in some)
        out = subprocess.run([program, "logprobs", "--model", f"{run.dir}/models/{model}"], input=rows, stdout=subprocess.PIPE, text=True, check=True).stdout
        for x, line in zip(some, out.splitlines()):
            check(f"sample {x.id}: score by {model}", x.score.get(name), json.loads(line)["logprob"], 1e-12)
