"""metrics.py - every row of the table metrics, from labels and scores."""
import math
import struct

import estimators
from checks import EXACT, check
from rundb import RIGHT, VERIFIER_ROW

MOST_SETS = 5000  # of k candidates that are enumerated for a vote by weight


def systems(run):
    """{row of results: (set, score of a sample or None)}"""
    r, out = run.recipe, {}
    sft = run.score_name("sft")
    if r["eval.base"]:
        out["base"] = ("base", None)
    if r["eval.baselines"]:
        out["G_SFT"] = ("test:sft", None)
    out["G_T"] = ("test:generator", None)
    out["G_T own likelihood"] = ("test:generator", lambda x: x.logprob)
    out["G_SFT likelihood (untrained V)"] = ("test:generator", lambda x: x.score[sft])
    if not run.has_model("verifier"):
        return out
    v = run.score_name("verifier")
    out[VERIFIER_ROW[r["verifier.kind"]]] = ("test:generator", lambda x: x.score[v])
    if r["eval.baselines"]:
        out["G_SFT + V"] = ("test:sft", lambda x: x.score[v])
    if r["verifier.kind"] == "dpo":
        out["V-STaR, mean per token"] = ("test:generator", lambda x: x.score[v] / len(x.ids))
        out["V-STaR, log V - log ref"] = ("test:generator", lambda x: x.score[v] - x.score[sft])
        out["V-STaR, mean log V - log ref"] = ("test:generator", lambda x: (x.score[v] - x.score[sft]) / len(x.ids))
    return out


def candidates(run, name):
    """Of each test problem in order of id: samples, right or not, answers."""
    profile = run.facts["test_grader"]
    return [(xs, [int(x.verdict(profile) == RIGHT) for x in xs], [x.label[profile][1] or None for x in xs]) for _, xs in sorted(run.by_problem(name).items())]


def estimate(curve, k, xs, right, classes, score, top):
    """The value and how far a mean of drawn sets may be from it; None: too many sets to enumerate."""
    scores = [score(x) for x in xs] if score else None
    few = math.comb(len(xs), k) <= MOST_SETS
    if curve == "pass":
        return estimators.pass_at(right, k)
    if curve == "best_of":
        return estimators.best_of(right, scores, k)
    if curve == "majority":
        return estimators.majority(right, classes, k)
    if curve == "weighted":
        return estimators.weighted(right, classes, scores, k) if few else None
    return estimators.top_vote(right, classes, scores, top, k) if few else None


def check_metrics(run):
    stored = {(s, c, k): (value, low, high, each) for s, c, k, value, low, high, each in
              run.rows("SELECT system, curve, k, value, low, high, each FROM metrics WHERE curve <> 'difference' AND curve NOT LIKE '%\\_error' ESCAPE '\\'")}
    errors = {(s, c.removesuffix("_error"), k): value for s, c, k, value in run.rows("SELECT system, curve, k, value FROM metrics WHERE curve LIKE '%\\_error' ESCAPE '\\'")}
    check("metrics: errors are of weighted votes and votes of the top", {c for _, c, _ in errors} - {"weighted", "top_vote"}, set())
    top, names = run.recipe["eval.top"], systems(run)
    check("metrics: rows", {s for s, _, _ in stored}, set(names))
    for name, (set_name, score) in names.items():
        problems = candidates(run, set_name)
        votes = any(c is not None for _, _, classes in problems for c in classes)
        curves = ["pass"] + ["best_of"] * bool(score) + ["majority"] * votes + ["weighted"] * (votes and bool(score)) + ["top_vote"] * (votes and bool(score) and top > 0)
        check(f"{name}: curves", {c for s, c, _ in stored if s == name}, set(curves))
        n = min(len(xs) for xs, _, _ in problems)
        for curve in curves:
            ks = {k for s, c, k in stored if (s, c) == (name, curve)}
            check(f"{name}, {curve}: measured at 1 and {n}", {1, n} - ks, set())
            for k in sorted(ks):
                check_point(f"{name}, {curve}, k = {k}", stored[name, curve, k], [estimate(curve, k, *p, score, top) for p in problems],
                            errors.get((name, curve, k), 0.0))
    check_differences(run, stored)


def check_point(name, row, expected, error):
    """error: the standard error that is stored with a value drawn in part."""
    value, low, high, each = row
    found = struct.unpack(f"<{len(each) // 8}d", each)
    check(f"{name}: problems", len(found), len(expected))
    check(f"{name}: the mean of its problems", value, sum(found) / len(found), EXACT)
    check_interval(name, found, value, low, high)
    if None in expected:
        return
    if error == 0:
        check(f"{name}: each problem", max(abs(a - b) for a, b in zip(found, expected)) <= EXACT, True)
    check(f"{name}: value", value, sum(expected) / len(expected), EXACT + 5 * error)


def check_interval(name, each, value, low, high):
    """It holds the value, and is as wide as the normal one or, of few values, near it."""
    n = len(each)
    check(f"{name}: {low} <= {value} <= {high}", low - EXACT <= value <= high + EXACT, True)
    sd = math.sqrt(sum((x - value) ** 2 for x in each) / n)
    if n >= 20 and sd > 0.05:
        check(f"{name}: width {high - low} of an interval", 0.6 < (high - low) / (2 * 1.96 * sd / math.sqrt(n)) < 1.7, True)


def check_differences(run, stored):
    verifier = VERIFIER_ROW.get(run.recipe["verifier.kind"])
    sides = {"Best-of-k minus Maj@k": ((verifier, "best_of"), ("G_T", "majority")),
             "Best-of-k minus own likelihood": ((verifier, "best_of"), ("G_T own likelihood", "best_of")),
             "Maj@k minus Pass@1": (("G_T", "majority"), ("G_T", "pass")),
             "Pass@k of G_T minus the base": (("G_T", "pass"), ("base", "pass")),
             "Pass@k of G_T minus G_SFT": (("G_T", "pass"), ("G_SFT", "pass"))}
    rows = run.rows("SELECT system, k, value, low, high FROM metrics WHERE curve = 'difference'")
    wanted = {name for name, (left, right) in sides.items() if {left, right} <= {(s, c) for s, c, _ in stored}}
    check("differences", {name for name, *_ in rows}, wanted)
    for name, k, value, low, high in rows:
        left, right = sides[name]
        a, b = (stored[side + (1 if side == ("G_T", "pass") and name == "Maj@k minus Pass@1" else k,)][3] for side in (left, right))
        a, b = (struct.unpack(f"<{len(x) // 8}d", x) for x in (a, b))
        each = [x - y for x, y in zip(a, b)]
        check(f"{name}, k = {k}", value, sum(each) / len(each), EXACT)
        check_interval(f"{name}, k = {k}", each, value, low, high)
