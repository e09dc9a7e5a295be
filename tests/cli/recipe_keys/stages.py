"""stages.py - cases of what is drawn, graded, chosen, learned from and measured."""
import collections
import json
import math
import re

from runner import case, equal, near, refused, run, true, vstar
from rundb import RIGHT, UNGRADABLE, WRONG

DRAWN = ("round-1", "test:sft", "test:generator")


# -- drawing --

@case("rounds")
def rounds():
    r = run({"rounds": 2, "verifier.kind": "none"})
    equal([len(r.of_set(f"round-{t}")) for t in (1, 2, 3)], [48, 48, 0], "samples of rounds:")
    true(r.has_model("generator-2") and not r.has_model("generator-3"), "generators of rounds")


@case("sample.k", "eval.n")
def numbers():
    r = run({"sample.k": 3, "eval.n": 5, "verifier.kind": "none"})
    equal([collections.Counter(map(len, r.by_problem(name).values())) for name in DRAWN], [{3: 12}, {5: 3}, {5: 3}], "samples of each problem:")


@case("sample.temperature", "sample.top_p", "sample.top_k")
def likeliest():
    """Each of them at its end draws the likeliest tokens."""
    greedy = run({"sample.temperature": 0, "verifier.kind": "none"})
    for settings in ({"sample.temperature": 1e-3}, {"sample.top_p": 1e-6}, {"sample.top_k": 1}):
        r = run({**settings, "verifier.kind": "none"})
        equal([x.ids for x in r.of_set("round-1")], [x.ids for x in greedy.of_set("round-1")], f"{settings}: draws of round-1")
    for drawn in greedy.by_problem("round-1").values():
        equal(len({x.text for x in drawn}), 1, "temperature 0: texts of a problem")
    true(len({x.text for x in run().of_set("round-1")}) > len({x.text for x in greedy.of_set("round-1")}), "temperature 1 draws more")
    hot = run({"sample.temperature": 2, "verifier.kind": "none"})
    mean = lambda r: sum(x.logprob / len(x.ids) for x in r.of_set("round-1")) / len(r.of_set("round-1"))
    true(mean(hot) < mean(run()), "temperature 2 draws less likely tokens")
    true(hot.facts["sampled:round-1"] != run().facts["sampled:round-1"], "and is another sampling, which takes nothing over")


@case("sample.top_p", "sample.top_k")
def between():
    """A share or number of tokens keeps every draw likelier than those that are cut off."""
    ranks = {"sample.top_k": 2, "sample.top_p": 0.5}
    for key, value in ranks.items():
        worst = min(min(x.token_logprobs) for x in run({key: value, "verifier.kind": "none"}).of_set("round-1"))
        true(worst > min(min(x.token_logprobs) for x in run().of_set("round-1")), f"{key}={value} cuts off the unlikeliest")


@case("sample.max_tokens")
def max_tokens():
    r = run({"sample.max_tokens": 30, "verifier.kind": "none"})
    drawn = [x for name in DRAWN for x in r.of_set(name)]
    equal(max(len(x.ids) for x in drawn), 30, "longest sample:")
    true(any(x.is_cut() for x in drawn) and all(len(x.ids) == 30 for x in drawn if x.is_cut()), "some are cut, at 30")
    equal({x.label[r.facts["grader"]][0] for x in drawn if x.is_cut()}, {UNGRADABLE}, "verdicts of what is cut:")


@case("sample.stop")
def stop():
    r = run({"sample.stop": "[\". \"]", "verifier.kind": "none"})
    drawn = [x for name in DRAWN for x in r.of_set(name)]
    true(any(x.finish == "string" for x in drawn) and all(". " not in x.text for x in drawn), "texts end at the stop string")


@case("sample.rows")
def rows():
    r, plain = run({"sample.rows": 3}, reuse=False), run()
    equal(list(r.db.iterdump()), list(plain.db.iterdump()), "run.db:")


@case("compute")
def compute():
    r = run({"compute": "bf16", "verifier.kind": "none"})
    equal({x.model for x in r.of_set("round-1")}, {r.computed(r.manifest("sft")["model"])}, "model of the samples:")
    true([x.logprob for x in r.of_set("round-1")] != [x.logprob for x in run().of_set("round-1")], "other log-probs than f32's")


# -- grading --

@case("grader", "eval.grader")
def graders():
    r = run({"grader": "gsm8k", "eval.grader": "math-flexible", "verifier.kind": "none"}, reuse=False)
    for name, profile in (("round-1", "gsm8k"), ("reference", "gsm8k"), ("test:sft", "math-flexible"), ("test:generator", "math-flexible")):
        equal({p.partition("/")[0] for x in r.of_set(name) for p in x.label}, {profile}, f"graders of {name}:")
    equal((r.facts["labels"].partition("/")[0], r.facts["test_grader"].partition("/")[0]), ("gsm8k", "math-flexible"), "facts:")


@case("grader_command", "grader_timeout")
def external():
    """A grader that calls all right; and one that is too slow for its timeout."""
    answer = "while read -r l; do %s echo '{\"verdict\":\"right\",\"rule\":\"yes\"}'; done"
    settings = {"grader": "external", "verifier.kind": "none", "sample.k": 1, "eval.n": 1, "problems.n_sft": 2, "problems.n_train": 1, "problems.n_test": 1}
    command = lambda text: json.dumps(["sh", "-c", text])
    r = run({**settings, "grader_command": command(answer % "")}, reuse=False)
    equal({x.verdict(r.facts["grader"]) for x in r.samples}, {RIGHT}, "verdicts:")
    slow = {**settings, "grader_command": command(answer % "sleep 0.3;")}
    run({**slow, "grader_timeout": 60}, reuse=False)
    true("within 0.05 s" in refused({**slow, "grader_timeout": 0.05}), "what is too slow ends the run")


# -- D_GEN and D_VER --

def exported(r, what):
    return [json.loads(line) for line in vstar("export", r.dir, what)[1].splitlines()]


def right_of(r, *names):
    return collections.Counter((r.problems[x.problem][2], x.set, x.text) for name in names for x in r.of_set(name)
                               if name == "reference" or x.verdict(r.facts["labels"]) == RIGHT and not x.is_cut())


@case("gen_data.cap")
def gen_cap():
    r = run({"gen_data.cap": 1, "verifier.kind": "none"})
    all_of = right_of(r, "round-1")
    taken = collections.Counter((row["id"], row["set"], row["completion"]) for row in exported(r, "gen-set") if row["set"] != "reference")
    true(taken <= all_of, "what is learned is right")
    equal(collections.Counter(p for p, _, _ in taken.elements()), collections.Counter({p for p, _, _ in all_of}), "one of each solved problem:")
    equal(r.manifest("generator")["rows"], 8 + sum(taken.values()), "rows of the generator:")


@case("gen_data.dedupe")
def gen_dedupe():
    right = right_of(run({"verifier.kind": "none", "sample.k": 8}), "reference", "round-1")
    taken = lambda dedupe: collections.Counter((row["id"], row["completion"]) for row in exported(run({"gen_data.dedupe": dedupe, "verifier.kind": "none", "sample.k": 8}), "gen-set"))
    texts = collections.Counter({(p, text) for p, _, text in right})
    equal(sum(taken("none").values()), sum(right.values()), "none: rows")
    true(sum(right.values()) > len(texts), "there are equal texts")
    equal(taken("texts"), texts, "texts:")
    key = lambda text: tuple(re.findall(r"[0-9][0-9+*-]*=-?[0-9]+", text))
    equal(len(taken("equations")), len({(p, key(text)) for p, _, text in right if all(eval(e.replace("=", "==")) for e in key(text))}), "equations: rows")


@case("gen_data.rounds", "gen_data.references")
def gen_rounds():
    for rounds, references in (("last", True), ("all", False), ("last", False)):
        r = run({"rounds": 2, "gen_data.rounds": rounds, "gen_data.references": references, "verifier.kind": "none"})
        names = ["reference"] * references + ["round-1"] * (rounds == "all") + ["round-2"]
        equal(collections.Counter((row["id"], row["set"], row["completion"]) for row in exported(r, "gen-set")), right_of(r, *names), f"{names}:")
        equal(r.manifest("generator")["rows"], sum(right_of(r, *names).values()), f"{names}: rows of the generator")
        equal(r.manifest("sft")["rows"], 8, "G_SFT learns the references:")


@case("rationalize.share", "rationalize.prompt")
def rationalize():
    for share in (1, 0.5):
        r = run({"rationalize.share": share, "rationalize.prompt": "{question} #### {answer}. ", "verifier.kind": "none"})
        solved = {x.problem for x in r.of_set("round-1") if x.verdict(r.facts["grader"]) == RIGHT}
        unsolved, tried = {p[0] for p in r.of_split("sft", "train")} - solved, set(r.by_problem("rationale-1"))
        true(tried == unsolved if share == 1 else tried < unsolved, f"share {share}: {len(tried)} of {len(unsolved)} problems are tried again")
    r = run({"rationalize.share": 1, "rationalize.prompt": "{question} #### {answer}. ", "verifier.kind": "none"})
    for x in r.of_set("rationale-1")[:4]:
        _, _, _, question, _, gold, _ = r.problems[x.problem]
        row = json.dumps({"prompt": f"{question} #### {gold}. ", "completion_ids": x.ids})
        near(x.logprob, json.loads(vstar("logprobs", "--model", f"{r.dir}/models/sft", text=row)[1])["logprob"], 1e-9, "log-prob behind the hint:")


def sides(r):
    return {row["id"]: (row["right"], row["wrong"]) for row in exported(r, "ver-set")}


def texts_of(r, names, verdicts, truncated=False):
    """{problem: texts with one of the verdicts, of the sets}"""
    out, labels = collections.defaultdict(list), r.facts["labels"]
    for x in r.samples:
        if x.set in names and (x.is_cut() if truncated else not x.is_cut() and (RIGHT if x.set == "reference" else x.verdict(labels)) in verdicts):
            out[r.problems[x.problem][2]].append(x.text)
    return out


@case("ver_data.dedupe", "ver_data.rounds")
def ver_data():
    for dedupe, rounds in ((True, "all"), (False, "all"), (True, "last")):
        r = run({"ver_data.dedupe": dedupe, "ver_data.rounds": rounds, "rounds": 2, "gen_data.cap": 1})
        names = ["reference", "round-2"] + ["round-1"] * (rounds == "all")
        once = (lambda xs: sorted(set(xs))) if dedupe else sorted
        right, wrong = texts_of(r, names, (RIGHT,)), texts_of(r, names, (WRONG,))
        equal({p: tuple(map(sorted, s)) for p, s in sides(r).items()}, {p: (once(right[p]), once(wrong[p])) for p in right if p in wrong}, f"dedupe {dedupe}, rounds {rounds}:")
        equal(r.manifest("verifier")["solutions"], sum(len(a) + len(b) for a, b in sides(r).values()), "solutions:")


@case("ver_data.truncated")
def truncated():
    for value in (False, True):
        r = run({"ver_data.truncated": value, "sample.max_tokens": 31})
        cut = texts_of(r, ["round-1"], (), truncated=True)
        true(cut, "some are cut")
        kept = {p: [t for t in s[1] if t in cut[p]] for p, s in sides(r).items() if p in cut}
        true(all(map(bool, kept.values())) and kept if value else not any(kept.values()), f"truncated {value}: they are{' ' if value else ' not '}wrong ones")


@case("ver_data.cap")
def ver_cap():
    whole, r = run({"sample.k": 8}), run({"sample.k": 8, "ver_data.cap": 3})
    for p, (right, wrong) in sides(whole).items():
        a, b = sides(r)[p]
        true(set(a) <= set(right) and set(b) <= set(wrong), "those kept are among all")
        room = min(3, len(right) + len(wrong))
        equal(len(a) + len(b), room, f"{p}: solutions")
        true(len(a) == 1 or len(wrong) < 2, "half of them right where there are enough")
    equal(r.manifest("verifier")["solutions"], sum(len(a) + len(b) for a, b in sides(r).values()), "solutions of the verifier:")


def best(r, set_name, judge, keep):
    """Of each problem the `keep` right samples that the judge likes best, and as many wrong ones: texts."""
    out = {}
    for p, xs in r.by_problem(set_name).items():
        of = lambda verdict: sorted((x for x in xs if x.verdict(r.facts["labels"]) == verdict and not x.is_cut()), key=lambda x: (-x.score[judge], x.number))
        right = of(RIGHT)[:keep]
        out[r.problems[p][2]] = ([x.text for x in right], [x.text for x in of(WRONG)[:len(right)]])
    return out


@case("ver_data.keep", "verifier.every_round")
def every_round():
    """Each round's samples are judged by the verifier before it, the first round's by G_SFT."""
    r = run({"verifier.every_round": True, "ver_data.keep": 1, "rounds": 3, "sample.k": 6, "sft.lr": 5e-4, "dpo.lr": 2e-3})
    true(r.has_model("verifier-1") and r.has_model("verifier-2") and not r.has_model("verifier-3"), "a verifier after every round but the last, whose is models/verifier")
    judges = [r.score_name("sft"), r.score_name("verifier-1"), r.score_name("verifier-2")]
    for t, judge in enumerate(judges, 1):
        equal({m for x in r.of_set(f"round-{t}") for m in x.score}, {judge, r.score_name("sft")}, f"round-{t} is scored by its judge, and by G_SFT for the reference:")
    taken = collections.Counter((row["id"], row["completion"]) for row in exported(r, "gen-set"))
    kept = [best(r, f"round-{t}", judge, 1) for t, judge in enumerate(judges, 1)]
    expected = collections.Counter((p, text) for of in kept for p, (right, _) in of.items() for text in right)
    expected += collections.Counter((r.problems[x.problem][2], x.text) for x in r.of_set("reference"))
    equal(taken, expected, "D_GEN is the best by each judge:")
    equal(r.manifest("generator")["rows"], sum(expected.values()), "rows of the generator:")
    for p, (_, wrong) in sides(r).items():
        equal(sorted(wrong), sorted({text for of in kept for text in of[p][1]}), f"{p}: wrong ones")
    equal(r.manifest("verifier")["solutions"], sum(len(a) + len(b) for a, b in sides(r).values()), "solutions of the verifier:")
    first = best(r, "round-1", judges[0], 1)
    equal(r.manifest("verifier-1")["solutions"] > 0 and r.manifest("generator-2")["rows"], 8 + sum(len(a) for a, _ in first.values()), "rows of generator-2:")


@case("verifier.kind")
def kind():
    title = {"dpo": "V-STaR", "orm": "G_T + ORM", "generative": "G_T + generative verifier"}
    words = {"generative.question": "#### ", "generative.yes": "1", "generative.no": "0"}
    for name in ("dpo", "orm", "generative", "none"):
        r = run({"verifier.kind": name, **(words if name == "generative" else {})})
        rows = {s for s, in r.rows("SELECT DISTINCT system FROM metrics")}
        equal((r.has_model("verifier"), rows & set(title.values())), (name != "none", {title[name]} if name != "none" else set()), f"{name}:")
        if name != "none":
            equal(r.manifest("verifier")["verifier"], title[name], f"{name}: manifest")


# -- a reward model's labels --

@case("reward.model", "reward.where", "reward.keep", "reward.threshold", "reward.score")
def reward():
    judge = run({"verifier.kind": "orm", "orm.lr": 2e-3, "orm.warmup": 0, "orm.epochs": 3})
    dpo = run({"dpo.lr": 2e-3})
    folder = lambda r: f"{r.dir}/models/verifier"
    plain = {"verifier.kind": "none", "reward.where": "all"}
    value = {**plain, "reward.model": folder(judge), "reward.score": "value"}
    middle = sorted(x.score[s] for r in (run(value),) for s in [r.manifest_of(folder(judge)) + ":value"] for x in r.of_set("round-1"))[20]
    for settings, score, keep, least in (
            (value, ":value", 1, -math.inf), ({**value, "reward.keep": 2}, ":value", 2, -math.inf),
            ({**value, "reward.keep": 0, "reward.threshold": round(middle, 4)}, ":value", 0, round(middle, 4)),
            ({**plain, "reward.model": folder(dpo), "reward.score": "sum"}, "", 1, -math.inf), ({**plain, "reward.model": folder(dpo), "reward.score": "mean"}, "mean", 1, -math.inf)):
        r = run(settings)
        name = r.manifest_of(settings["reward.model"]) + score.replace("mean", "")
        for xs in r.by_problem("round-1").values():
            texts = []
            for x in sorted(xs, key=lambda x: (-x.score[name] / (len(x.ids) if score == "mean" else 1), x.number)):
                good = not x.is_cut() and (x.text in texts or (x.score[name] >= least and (keep == 0 or len(set(texts)) < keep)))
                texts += [x.text] * good
                equal(x.verdict(r.facts["labels"]), UNGRADABLE if x.is_cut() else RIGHT if good else WRONG, f"{settings}: verdict on '{x.text}'")
        equal(r.manifest("generator")["rows"], 8 + sum(right_of(r, "round-1").values()), f"{settings}: rows of the generator")
    some = run({**value, "reward.where": "unknown"})
    equal([x.verdict(some.facts["labels"]) for x in some.of_set("round-1")], [x.verdict(some.facts["grader"]) for x in some.of_set("round-1")], "where answers are known they label:")
    words = {"generative.question": "#### ", "generative.yes": "1", "generative.no": "0"}
    r = run({**plain, **words, "reward.model": folder(dpo), "reward.score": "yes", "reward.keep": 0, "reward.threshold": 0.5})
    score, = {m for x in r.of_set("round-1") for m in x.score if ":yes-" in m}
    equal([x.verdict(r.facts["labels"]) == RIGHT for x in r.of_set("round-1") if not x.is_cut()], [x.score[score] >= 0 for x in r.of_set("round-1") if not x.is_cut()], "right from even odds of yes on:")


# -- measuring --

@case("eval.baselines")
def baselines():
    r = run({"eval.baselines": False})
    equal((len(r.of_set("test:sft")), {s for s, in r.rows("SELECT DISTINCT system FROM metrics")} & {"G_SFT", "G_SFT + V"}), (0, set()), "G_SFT's samples and rows:")


@case("eval.top")
def top():
    values = lambda r, curve: {k: v for k, v in r.rows("SELECT k, value FROM metrics WHERE system = 'V-STaR' AND curve = ?", curve)}
    one, none = run({"eval.n": 8, "eval.top": 1}), run({"eval.n": 8, "eval.top": 0})
    for k, value in values(one, "top_vote").items():
        near(value, values(one, "best_of")[k], 0.25, f"the vote of one is the best, k = {k}:")
    near(values(one, "top_vote")[8], values(one, "best_of")[8], 1e-9, "of all candidates:")
    equal(values(none, "top_vote"), {}, "no such vote:")
    near(values(run({"eval.n": 8, "eval.top": 8}), "top_vote")[8], dict(one.rows("SELECT k, value FROM metrics WHERE system = 'G_T' AND curve = 'majority'"))[8], 1e-9, "the vote of all is the vote:")


@case("eval.headline_k")
def headline():
    """What is printed is at that k, or the largest below it."""
    for wanted, shown in ((2, 2), (64, 4)):
        r = run({"eval.n": 4, "eval.headline_k": wanted, "verifier.kind": "none"})
        true(f"Maj@{shown} " in vstar("status", r.dir)[1], f"headline_k {wanted} prints Maj@{shown}")


@case("eval.base", "eval.base_shots", "eval.examples_file", "eval.base_separator")
def base():
    """The base answers what stands behind the solved problems, each ended by the separator."""
    example = {"question": "Tom buys some bags of 2 pens and now has 6. How many bags?", "answer": "3", "reference": "Try 3. 3*2=6. 6-6=0. #### 3"}
    from problems import FILES, plain_files, rows as write
    plain_files()
    own = {**FILES, "problems.n_sft": 4, "problems.n_train": 2, "problems.n_test": 2, "verifier.kind": "none", "eval.base": True}
    for settings, n, separator in (({}, 0, ""), ({"eval.base_shots": 2}, 2, ". "), ({"eval.base_shots": 1, "eval.examples_file": write("examples.jsonl", [example])}, 1, ". ")):
        r = run({**own, **settings, "eval.base_separator": ". "}, reuse=False)
        shots = [(f"{example['question']} ", example["reference"])] if "eval.examples_file" in settings else [(p[4], p[6]) for p in r.of_split("sft")[:n]]
        before = "".join(prompt + reference + separator for prompt, reference in shots)
        equal({len(xs) for xs in r.by_problem("base").values()}, {2}, "candidates of the base:")
        true(r.rows("SELECT 1 FROM metrics WHERE system = 'base'"), "the base has its row")
        for x in r.of_set("base"):
            row = json.dumps({"prompt": before + r.problems[x.problem][4], "completion_ids": x.ids})
            near(x.logprob, json.loads(vstar("logprobs", "--model", f"{r.dir}/base", text=row)[1])["logprob"], 1e-9, f"{settings}: log-prob behind the examples")
            true(n == 0 or ". " not in x.text, "an answer ends at the separator")
    true(not run().of_set("base"), "no base, no samples of it")
