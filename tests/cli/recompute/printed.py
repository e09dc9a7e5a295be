"""printed.py - what `vstar run`, `status` and the report say, against run.db."""
import collections
import html
import json
import math
import re
import subprocess

from checks import check, printed
from metrics import candidates
from rundb import RIGHT, UNGRADABLE, VERIFIER_ROW, WRONG

HEADLINES = [("The base itself, Pass@", "base", "pass"), ("First generator, one answer, Pass@", "G_SFT", "pass"),
             ("Final generator, one answer, Pass@", "G_T", "pass"), ("Majority vote of its answers, Maj@", "G_T", "majority"),
             ("Ranked by its own likelihood, best of ", "G_T own likelihood", "best_of"), ("Ranked by the verifier, Best-of-", None, "best_of"),
             ("Vote weighted by the verifier, votes of ", None, "weighted"), ("At least one right: the limit, Pass@", "G_T", "pass")]
INTERVAL = r"\(([-+0-9.]+) to ([-+0-9.]+)\)"


def metric(run, system, curve, k):
    row = run.rows("SELECT value, low, high FROM metrics WHERE system = ? AND curve = ? AND k = ?", system, curve, k)
    check(f"{system}, {curve}, k = {k} is in run.db", len(row), 1)
    return [100 * x for x in row[0]] if row else [math.nan] * 3


def check_table(run, text, where):
    """The lines below "Per cent of test problems": every one is known, and right."""
    lines = text.partition("Per cent of test problems")[2].splitlines()[1:]
    seen = set()
    for line in lines:
        if not line.strip():
            break
        found = re.match(rf"(.*?)([0-9]+) +([-+0-9.]+) (?:%|  ) +{INTERVAL}(.*)$", line)
        check(f"{where}: '{line}' is understood", bool(found), True)
        if not found:
            continue
        what, k, *numbers, rest = found.groups()
        name, _, is_difference = what.partition(", k = ")
        row = [(s, c) for head, s, c in HEADLINES if head == what]
        system, curve = (name, "difference") if line.find(", k = ") >= 0 else (row[0][0] or VERIFIER_ROW[run.recipe["verifier.kind"]], row[0][1])
        expected = metric(run, system, curve, int(k))
        for number, value in zip(numbers, expected):
            printed(f"{where}: {line}", number, value)
        if curve == "difference":
            check(f"{where}: {line}: settled", "not settled" in rest, expected[1] <= 0 <= expected[2])
        seen.add((what, curve))
    differences = {(f"{s}, k = ", "difference") for s, in run.rows("SELECT DISTINCT system FROM metrics WHERE curve = 'difference'")}
    check(f"{where}: differences", {x for x in seen if x[1] == "difference"}, differences)
    have = {(s, c) for s, c in run.rows("SELECT system, curve FROM metrics")}
    wanted = {(head, c) for head, s, c in HEADLINES if (s or VERIFIER_ROW.get(run.recipe["verifier.kind"]), c) in have}
    check(f"{where}: headlines", {x for x in seen if x[1] != "difference"}, wanted)


def check_log(run, text):
    for name, steps, note in re.findall(r"^([a-z0-9-]+): (\d+) steps in .*?  (loss .*)$", text, re.M):
        last = run.curve(name)[-1]
        check(f"log: steps of {name}", int(steps), last["step"] + 1)
        for key, value in re.findall(r"(loss|margin|accuracy) ([-0-9.]+)", note):
            printed(f"log: {key} of {name}", value, last[key] * (100 if key == "accuracy" else 1))
    for name, n in re.findall(r"^(round-\d+|test:\w+|base|rationale-\d+): (\d+) solutions", text, re.M):
        check(f"log: solutions of {name}", int(n), len(run.of_set(name)))
    sets = {"reference log-probs": "r", "verifier scores": "t", "reference scores": "t"}
    for name, n in re.findall(r"^(reference log-probs|verifier scores|reference scores): (\d+) solutions", text, re.M):
        check(f"log: {name}", int(n), sum(x.set.startswith(sets[name]) for x in run.samples))


def check_catch(run, text):
    """The example behind a demo's table: the first test problem on which the vote is wrong and the verifier right."""
    found = re.search(r"fooled the vote, and that the verifier caught:\n  (.*)\n  the vote +wrong  score +(\S+), given by (\d+) of (\d+): (.*)\n"
                      r"  the verifier right  score +(\S+), given by (\d+) of \d+: (.*)", text)
    v, first = run.score_name("verifier"), None
    for xs, right, classes in candidates(run, "test:generator"):
        count = collections.Counter(c for c in classes if c is not None).most_common()
        best = max(range(len(xs)), key=lambda i: xs[i].score[v])
        if not right[best] or not count or len(count) > 1 and count[0][1] == count[1][1]:
            continue
        voted = max((i for i in range(len(xs)) if classes[i] == count[0][0]), key=lambda i: xs[i].score[v])
        if xs[voted].label[run.facts["test_grader"]][0] == WRONG:
            first = (xs[voted], count[0][1], xs[best], classes.count(classes[best]), len(xs))
            break
    check("the example that the verifier caught", bool(found), first is not None)
    if not found or not first:
        return
    voted, n_voted, best, n_best, n = first
    check("example: its question", found[1], run.problems[best.problem][3])
    check("example: the vote", (int(found[3]), int(found[4]), found[5]), (n_voted, n, voted.text))
    check("example: the verifier", (int(found[7]), found[8]), (n_best, best.text))
    printed("example: score of the vote's", found[2], voted.score[v])
    printed("example: score of the verifier's", found[6], best.score[v])


def check_status(program, run):
    out = subprocess.run([program, "status", run.dir], stdout=subprocess.PIPE, text=True, check=True).stdout
    r = run.recipe
    check("status: head", out.splitlines()[0], f"{r['name']}: {len(run.of_split('sft', 'train'))} training problems, {len(run.of_split('test'))} test problems, "
          f"{r['rounds']} rounds of {r['sample.k']} samples, seed {r['seed']}")
    check_table(run, out, "status")
    stages = subprocess.run([program, "status", run.dir, "--json"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for stage in map(json.loads, stages.splitlines()):
        name, done = stage["stage"], stage["done"]
        if name.startswith("models/"):
            check(f"status: {name}", (done, stage["total"]), (int(run.has_model(name[7:])), 1))
        elif name == "results":
            check("status: results", stage["is_done"], True)
        else:
            want = len(run.of_split("test") if name.startswith("test") else run.of_split("sft", "train"))
            check(f"status: {name}", (done, stage["total"]), (len(run.by_problem(name)), want))


def percent(part, whole):
    return 100 * part / whole if whole else 0.0


def check_report(run):
    page = open(f"{run.dir}/report.html", encoding="utf-8").read()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    stored = collections.defaultdict(lambda: collections.defaultdict(list))
    for s, c, *point in run.rows("SELECT system, curve, k, value, low, high FROM metrics WHERE curve NOT IN ('difference', 'top_vote') ORDER BY k"):
        stored[s][c].append(point)
    check("report: systems", {s["name"]: set(s["curves"]) for s in data["systems"]}, {s: set(c) for s, c in stored.items()})
    for s in data["systems"]:
        for c, points in s["curves"].items():
            for a, b in zip(points, stored[s["name"]][c]):
                check(f"report: {s['name']}, {c}, k = {b[0]}", all(abs(x - y) <= 1e-5 for x, y in zip(a, b)) and len(points) == len(stored[s["name"]][c]), True)
    check_report_training(run, data["train"])
    check_report_results(run, page, stored)
    check_report_rounds(run, page)


def check_report_training(run, models):
    check("report: trainings", sorted(m["model"] for m in models), [m for m, in run.rows("SELECT DISTINCT model FROM train_rows ORDER BY 1")])
    for m in models:
        curve = run.curve(m["model"])
        if len(curve) > 300:
            continue
        for point, step in zip(m["rows"], curve):
            expected = [step["step"] + 1] + [step[key] for key in ("loss", "margin", "accuracy", "logp_right", "logp_wrong")]
            check(f"report: {m['model']}, step {step['step']}", all(x is None and y is None or x is not None and y is not None and abs(x - y) <= 1e-5 * max(1, abs(y))
                  for x, y in zip(point, expected)), True)


def cells(row):
    return [html.unescape(re.sub(r"<small>.*?</small>|<[^>]*>", "", c)).strip() for c in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)]


def table_below(page, title):
    body = re.search(rf"{title}</h[23]>.*?<tbody>(.*?)</tbody>", page, re.S)
    return [cells(row) for row in re.findall(r"<tr>(.*?)</tr>", body[1], re.S)] if body else []


def check_report_results(run, page, stored):
    n_shown = 0
    head = re.search(r"Results</h2>.*?<thead>(.*?)</thead>", page, re.S)[1]
    for name, *values in table_below(page, "Results"):
        columns = cells(head)[1:]
        for column, value in zip(columns, values):
            curve = {"Pass": "pass", "Maj@": "majority", "Best": "best_of", "Weig": "weighted"}[column[:4]]
            points = stored[name].get(curve, [])
            if value in ("–", ""):
                check(f"report: {name}, {column} is not measured", points, [])
                continue
            k = re.search(r"[0-9]+$", column)
            k = int(k[0]) if k else max(p[0] for p in stored[name]["pass"] if curve != "weighted" or p[0] in [q[0] for q in points])
            at = [p for p in points if p[0] == k] if column[:4] != "Weig" else points
            check(f"report: {name}, {column} {value}", any(abs(float(value) - 100 * p[1]) <= 0.05 + 1e-6 for p in at), True)
        n_shown += 1
    check("report: rows of results", n_shown, len(stored))
    for name, value, settled in table_below(page, "Differences on the same problems"):
        name, k = name.rsplit(", k = ", 1)
        v, low, high = metric(run, name, "difference", int(k))
        printed(f"report: {name}", value.split()[0], v)
        check(f"report: {name}: {settled}", settled.split(":")[0], "first is ahead" if low > 0 else "first is behind" if high < 0 else "not settled")


def check_report_rounds(run, page):
    solved, labels = set(), run.facts["grader"]
    rows = {row[0]: row[1:] for row in table_below(page, "Samples per round")}
    check("report: rounds", list(rows), [f"round-{t}" for t in range(1, run.recipe["rounds"] + 1)])
    for name, (drawn, unique, right, ungradable, cut, new, never) in rows.items():
        xs, by = run.of_set(name), run.by_problem(name)
        now = {p for p, of in by.items() if any(x.verdict(labels) == RIGHT for x in of)}
        check(f"report: {name}, drawn", int(drawn), len(xs))
        printed(f"report: {name}, unique", unique.split()[0], percent(sum(len({tuple(x.ids) for x in of}) for of in by.values()), len(xs)))
        printed(f"report: {name}, right", right.split()[0], percent(sum(x.verdict(labels) == RIGHT for x in xs), len(xs)))
        check(f"report: {name}, not gradable", int(ungradable), sum(x.verdict(labels) == UNGRADABLE for x in xs))
        check(f"report: {name}, truncated", int(cut), sum(x.is_cut() for x in xs))
        check(f"report: {name}, newly solved", int(new), len(now - solved))
        solved |= now
        check(f"report: {name}, never solved", int(never), len(set(by) - solved))
