"""verbs.py - what `vstar ask`, `regrade` and `audit` say of a run."""
import collections
import json
import math
import re
import subprocess

from checks import check, printed
from rundb import RIGHT, UNGRADABLE, WRONG, Run


def check_ask(program, run):
    question = run.of_split("test")[0][3]
    ask = lambda *more: subprocess.run([program, "ask", run.dir, question, "-n", "12", *more], stdout=subprocess.PIPE, text=True, check=True).stdout
    a = json.loads(ask("--json", "--show", "12"))
    xs = a["candidates"]
    check("ask: candidates", (a["n"], len(xs)), (12, 12))
    scores = [x["score"] for x in xs]
    check("ask: best first", scores, sorted(scores, reverse=True))
    prompt = run.recipe["problems.prompt"].replace("{question}", question)
    end = run.of_set("reference")[0].ids[-1]
    tokens = subprocess.run([program, "tokenize", "--model", f"{run.dir}/models/sft"], input="".join(json.dumps({"text": x["text"]}) + "\n" for x in xs),
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = "".join(json.dumps({"prompt": prompt, "completion_ids": json.loads(t)["ids"] + [end]}) + "\n" for t in tokens.splitlines())
    for model, key in (("generator", "logprob"), ("verifier", "score")):
        out = subprocess.run([program, "logprobs", "--model", f"{run.dir}/models/{model}"], input=rows, stdout=subprocess.PIPE, text=True, check=True).stdout
        for x, line in zip(xs, out.splitlines()):
            if x["finish_reason"] == "stop":
                check(f"ask: {key} of '{x['text']}'", x[key], json.loads(line)["logprob"], 1e-4)
    votes = collections.Counter(x["answer"] for x in xs if x["answer"] is not None)
    if not votes:  # a grader that is a command is not asked
        check("ask: no vote", {"vote", "vote_count", "weighted"} & set(a), set())
        check("ask: the chosen text", a["chosen_text"], xs[0]["text"])
        check("ask: as text", ask("--show", "1").startswith(f"chosen by the verifier, score {scores[0]:.3f}:\n{xs[0]['text']}\n"), True)
        return
    most = max(votes.values())
    check("ask: chosen", a["chosen"], xs[0]["answer"])
    check("ask: vote", a["vote_count"] == most and votes[a["vote"]] == most, True)
    weights = collections.defaultdict(float)
    for x in xs:
        if x["answer"] is not None:
            weights[x["answer"]] += math.exp(max(x["score"] - scores[0], -700))
    check("ask: weighted vote", weights[a["weighted"]] >= max(weights.values()) * (1 - 1e-12), True)
    check_ask_text(ask("--show", "3"), a)


def check_ask_text(text, a):
    lines = text.splitlines()
    named = lambda x: "no answer" if x is None else x
    check("ask: as text", [re.sub(" +", " ", line) for line in lines[:3]],
          [f"chosen by the verifier {named(a['chosen'])}", f"majority vote {named(a['vote'])} ({a['vote_count']} of {a['n']})", f"weighted vote {named(a['weighted'])}"])
    for i, (line, x) in enumerate(zip(lines[5:8], a["candidates"])):
        rank, score, likelihood, answer, solution = line.split(None, 4)
        check(f"ask: rank {i + 1}", (int(rank), answer, solution), (i + 1, x["answer"] or "-", x["text"].replace("\n", " ")))
        printed(f"ask: score of rank {i + 1}", score, x["score"])
        printed(f"ask: likelihood of rank {i + 1}", likelihood, x["logprob"])
    check("ask: the rest is counted", lines[-1].strip(), f".. and {a['n'] - 3} more (--show {a['n']})")


SHRUG = ["--", "sh", "-c", "while read -r l; do echo '{\"verdict\":\"ungradable\"}'; done"]


def check_regrade(program, run, profile, *command):
    """Regrades by the profile; whose labels there are then, in the run as it is then."""
    out = lambda *more: subprocess.run([program, "regrade", run.dir, "--profile", profile, *more, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    text, again = out("--show", "2"), json.loads(out("--json", "--show", "100000"))
    own = lambda x: x.verdict(run.facts["test_grader" if x.set[0] in "tb" else "grader"])
    graded, name = Run(run.dir), ["wrong", "right", "ungradable"]
    other, = {p for x in graded.samples for p in x.label if p.startswith(profile + "/")} - {run.facts["grader"], run.facts["test_grader"]}
    moved = collections.Counter((own(x), x.verdict(other)) for x in graded.samples)
    flipped = sum(n for (a, b), n in moved.items() if a != b)
    check(f"regrade, {profile}: head", text.splitlines()[0], f"{len(graded.samples)} samples graded again, {flipped} labels flipped")
    check(f"regrade, {profile}: what became what", {(a, b): int(n) for a, b, n in re.findall(r"^  (\w+) +-> (\w+) +(\d+)$", text, re.M)},
          {(name[a], name[b]): n for (a, b), n in moved.items() if a != b})
    check(f"regrade, {profile}: JSON", (again["samples"], again["flipped"]), (len(graded.samples), flipped))
    check(f"regrade, {profile}: JSON, from and to", {(a, b): again["from_to"][name[a]][name[b]] for a in range(3) for b in range(3)},
          {(a, b): moved[a, b] for a in range(3) for b in range(3)})
    keys = {p[0]: p[2] for p in graded.problems.values()}
    check(f"regrade, {profile}: flips", sorted((f["set"], f["problem"], f["index"], f["from"], f["to"]) for f in again["flips"]),
          sorted((x.set, keys[x.problem], x.number, name[own(x)], name[x.verdict(other)]) for x in graded.samples if own(x) != x.verdict(other)))
    check(f"regrade, {profile}: of them two are shown", len(re.findall(r", problem .*, sample ", text)), min(flipped, 2))
    return graded


def check_audit(program, run):
    """Of the graders whose labels are stored; what audit grades itself is the same."""
    out = lambda *more: subprocess.run([program, "audit", run.dir, *more], stdout=subprocess.PIPE, text=True, check=True).stdout
    whole, stored = [x for x in run.samples if not x.is_cut()], {p for x in run.samples for p in x.label}
    text, j = out("--show", "0"), json.loads(out("--json"))
    check("audit: head", text.splitlines()[0], f"{len(run.samples)} samples, {len(run.samples) - len(whole)} of them cut off and left out here")
    check("audit: JSON", (j["samples"], j["cut_off"]), (len(run.samples), len(run.samples) - len(whole)))
    lines = re.findall(r"^ +(\d+)  (\S+) +(\d+) +(\d+) +(\d+) +(.*)$", text, re.M)
    graders = [line[1] for line in lines]
    check("audit: graders", (graders[0], stored - set(graders)), (run.facts["grader"], set()))
    for i, (number, grader, right, wrong, ungradable, only) in enumerate(lines):
        known = graders.index(grader) == 0 or all(grader in x.label for x in whole)
        if grader not in stored or not known:
            continue
        n = [sum(x.verdict(grader) == v for x in whole) for v in (RIGHT, WRONG, UNGRADABLE)]
        check(f"audit: {grader}", (int(number), [int(right), int(wrong), int(ungradable)]), (i + 1, n))
        check(f"audit: JSON, {grader}", [j["graders"][i][key] for key in ("grader", "right", "wrong", "ungradable")], [grader, *n])
        against = dict(zip([k + 1 for k in range(len(graders)) if k != i], only.split()))
        for k, p in enumerate(graders):
            expected = sum(x.verdict(grader) == RIGHT and x.verdict(p) not in (RIGHT, None) for x in whole)
            if k != i and p in stored and all(p in x.label for x in whole):
                check(f"audit: {grader} against {p}", (against[k + 1], j["graders"][i]["right_only_against"][k]), (f"{k + 1}:{expected}", expected))
