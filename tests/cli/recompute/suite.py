"""suite.py - what `vstar compare` says, from the runs of the suite."""
import json
import math
import re
import struct

from checks import check, printed
from printed import INTERVAL
from rundb import RIGHT, VERIFIER_ROW, Run


def slug(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def line_values(suite, system, curve, k):
    """Of each seed the values of its test problems."""
    out = []
    for seed in suite["seeds"]:
        run = suite["runs"][seed, system["run"]]
        row = run.rows("SELECT each FROM metrics WHERE system = ? AND curve = ? AND k = ?", system["row"], curve, k)
        if not row:
            return None
        out.append(struct.unpack(f"<{len(row[0][0]) // 8}d", row[0][0]))
    return out


def mean_of(seeds):
    return 100 * sum(sum(each) / len(each) for each in seeds) / len(seeds)


def rows_of(text, head):
    """Cells of the Markdown table whose first cell is `head`."""
    lines = text.splitlines()
    at = [i for i, line in enumerate(lines) if line.startswith(f"| {head} |")]
    out = []
    for line in lines[at[0]:] if at else []:
        if not line.startswith("|"):
            break
        out.append([c.strip() for c in line.strip("|").split("|")])
    return out[:1] + out[2:]


def interval(name, cell, expected):
    found = re.fullmatch(rf"([-+0-9.]+) {INTERVAL}", cell)
    check(f"{name}: '{cell}' is understood", bool(found), True)
    if found:
        printed(name, found[1], expected)
        low, value, high = float(found[2]), float(found[1]), float(found[3])
        check(f"{name}: {cell} is in order", low <= value + 0.1 and value <= high + 0.1, True)


def check_compare(suite, text):
    curves = {"Pass@1": "pass", "Pass@N": "pass", "Maj@N": "majority", "Best-of-N": "best_of", "weighted vote": "weighted"}
    head, *lines = rows_of(text, "system")
    check("compare: systems", [line[0] for line in lines], [s["name"] for s in suite["systems"]])
    for system, line in zip(suite["systems"], lines):
        n = suite["runs"][suite["seeds"][0], system["run"]].recipe["eval.n"]
        for column, cell in zip(head[1:], line[1:]):
            curve = next(c for name, c in curves.items() if column.split("@")[0].split("-")[0].lower() in name.lower())
            k = 1 if column == "Pass@1" else int(re.search(r"\d+$", column)[0]) if re.search(r"\d+$", column) else n
            seeds = line_values(suite, system, curve, k)
            if cell == "":
                check(f"compare: {system['name']}, {column}", seeds, None)
            else:
                interval(f"compare: {system['name']}, {column}", cell, mean_of(seeds) if seeds else math.nan)
    ks, *lines = rows_of(text, "Best-of-k")
    for name, *values in lines:
        system = next(s for s in suite["systems"] if s["name"] == name)
        for k, value in zip(ks[1:], values):
            printed(f"compare: {name}, Best-of-{k}", value, mean_of(line_values(suite, system, "best_of", int(k))))
    check_claims(suite, text)
    check_calibration(suite, text)
    for name, values in rows_of(text, "run")[1:] if text.count("right samples of each round") else []:
        for t, value in enumerate(values.split()):
            of = [suite["runs"][seed, name] for seed in suite["seeds"]]
            shares = [[x.verdict(r.facts["grader"]) == RIGHT for x in r.of_set(f"round-{t + 1}")] for r in of]
            printed(f"compare: {name}, round {t + 1}", value, mean_of(shares))


def check_claims(suite, text):
    rows = rows_of(text, "claim")[1:]
    check("compare: claims", [(row[0], int(row[1])) for row in rows], [(c["name"], k) for c in suite["claims"] for k in c["k"]])
    for name, k, cell, seeds, held in rows:
        claim = next(c for c in suite["claims"] if c["name"] == name)
        left, right = (next(s for s in suite["systems"] if s["name"] == claim[side]) for side in ("left", "right"))
        a = line_values(suite, left, "best_of", int(k))
        b = line_values(suite, right, claim.get("right_curve", "best_of"), int(k))
        each = [[x - y for x, y in zip(p, q)] for p, q in zip(a, b)]
        interval(f"compare: {name}, k = {k}", cell, mean_of(each))
        for value, seed in zip(seeds.split(), each):
            printed(f"compare: {name}, k = {k}, a seed", value, mean_of([seed]))
        low, high = map(float, re.search(INTERVAL, cell).groups())
        if low and high:  # to one digit an end at 0 says neither
            check(f"compare: {name}, k = {k}: {held}", held, "held" if low > 0 else "not held" if high < 0 else "undecided")


def check_calibration(suite, text):
    block = text.partition("| run, its verifier |")[2]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in block.partition("\n\n")[0].splitlines()[2:]]
    for name, *numbers in rows:
        run_name, _, title = name.partition(", ")
        of = [suite["runs"][seed, run_name] for seed in suite["seeds"]]
        check(f"compare: {name}: its kind", title, VERIFIER_ROW[of[0].recipe["verifier.kind"]])
        for value, expected, what in zip(numbers, calibration(of), ("AUC", "Brier", "Brier of the base rate", "score with length", "right with length")):
            printed(f"compare: {name}: {what}", value, expected)


def correlation(groups):
    """Pearson's, each problem's mean taken off."""
    xy = xx = yy = 0.0
    for pairs in groups:
        a, b = (sum(p[i] for p in pairs) / len(pairs) for i in (0, 1))
        xy += sum((x - a) * (y - b) for x, y in pairs)
        xx += sum((x - a) ** 2 for x, _ in pairs)
        yy += sum((y - b) ** 2 for _, y in pairs)
    return xy / math.sqrt(xx * yy)


def calibration(runs):
    problems = [[(x.score[r.score_name("verifier")], int(x.verdict(r.facts["test_grader"]) == RIGHT), len(x.ids)) for x in xs]
                for r in runs for _, xs in sorted(r.by_problem("test:generator").items())]
    aucs = []
    for xs in problems:
        pairs = [(a[0] > b[0]) + 0.5 * (a[0] == b[0]) for a in xs for b in xs if a[1] and not b[1]]
        aucs += [sum(pairs) / len(pairs)] if pairs else []
    halves = [[x for i, xs in enumerate(problems) if i % 2 == h for x in xs] for h in (0, 1)]
    off = sum((platt(halves[1 - h])(s) - y) ** 2 for h in (0, 1) for s, y, _ in halves[h])
    n = sum(map(len, halves))
    share = sum(y for half in halves for _, y, _ in half) / n
    return (sum(aucs) / len(aucs), off / n, share * (1 - share), correlation([[(s, n) for s, _, n in xs] for xs in problems]),
            correlation([[(y, n) for _, y, n in xs] for xs in problems]))


def platt(xs):
    """Logistic regression of right on the standardised score, ridge 1e-6, by Newton's method with halved steps."""
    mean = sum(s for s, _, _ in xs) / len(xs)
    sd = math.sqrt(sum((s - mean) ** 2 for s, _, _ in xs) / len(xs)) or 1.0
    data = [((s - mean) / sd, y) for s, y, _ in xs]
    p = lambda a, b, x: 1 / (1 + math.exp(-max(min(a * x + b, 500), -500)))
    loss = lambda a, b: 0.5e-6 * (a * a + b * b) - sum(math.log(max(p(a, b, x) if y else 1 - p(a, b, x), 1e-300)) for x, y in data)
    a = b = 0.0
    for _ in range(60):
        ga, gb, haa, hab, hbb = 1e-6 * a, 1e-6 * b, 1e-6, 0.0, 1e-6
        for x, y in data:
            q = p(a, b, x)
            ga, gb = ga + (q - y) * x, gb + q - y
            haa, hab, hbb = haa + q * (1 - q) * x * x, hab + q * (1 - q) * x, hbb + q * (1 - q)
        det, step, before = haa * hbb - hab * hab, 1.0, loss(a, b)
        da, db = (hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det
        while step > 1e-9 and loss(a - step * da, b - step * db) > before:
            step /= 2
        a, b = a - step * da, b - step * db
    return lambda s: p(a, b, (s - mean) / sd)


def read_suite(folder, path):
    """The suite's file as this test wrote it: JSON, which is YAML."""
    suite = json.load(open(path))
    seen = []
    suite["runs"] = {}
    for system in suite["systems"]:
        same = [s for s in seen if s.get("set", []) == system.get("set", [])]
        system["run"] = same[0]["run"] if same else slug(system["name"])
        seen.append(system)
        for seed in suite["seeds"]:
            suite["runs"].setdefault((seed, system["run"]), Run(f"{folder}/seed-{seed}/{system['run']}"))
        kind = suite["runs"][suite["seeds"][0], system["run"]].recipe["verifier.kind"]
        system.setdefault("row", VERIFIER_ROW.get(kind, "G_T"))
    return suite
