#!/usr/bin/env python3
"""held.py FILE - judges the claims of a printed comparison again from its per-seed differences.

Reads Markdown rows "| claim | k | difference (low to high) | seeds | held (remark) |" with intervals of the pigeonhole
bootstrap and prints what the rule of docs/MATH.md, section 6, comes to. The seeds' part of the variance is exact
but for the half answer that each seed may be off; the problems' part is what the printed width leaves of it, which
is too much rather than too little, as that bootstrap errs on the wide side. Where the printed interval is cut to
tenths, so is the result.
"""
import math
import re
import sys

ROW = re.compile(r"^\| (.+?) \| (\d+) \| ([+-][\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\) \|((?: [+-][\d.]+)+) \| ([a-z ]+?)(?: \(.*\))? \|$")


def student_975(degrees):
    """The 97.5th percentile of Student's t, by halving P(|T| < t) (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    low, high = 0.0, math.pi / 2
    while high - low > 1e-13:
        angle = (low + high) / 2
        c = math.cos(angle)
        term = c if degrees % 2 else 1.0
        total = term if degrees > 1 else 0.0
        for i in range(2 + degrees % 2, degrees - 1, 2):
            term *= c * c * (i - 1) / i
            total += term
        total *= math.sin(angle)
        inside = (angle + total) * 2 / math.pi if degrees % 2 else total
        low, high = (angle, high) if inside < 0.95 else (low, angle)
    return math.sqrt(degrees) * math.tan(low)


def judge(value, low, high, seeds, n_problems=500):
    n = len(seeds)
    mean = sum(seeds) / n
    between = sum((x - mean) ** 2 for x in seeds) / (n * (n - 1))
    problems = max(((high - low) / 3.92) ** 2 - between * (n - 1) / n, 0)
    between += problems / (4 * n_problems)
    t_seeds, t_problems = student_975(n - 1), student_975(n_problems - 1)
    weighted = t_seeds * between + t_problems * problems
    half = (weighted**2 / (between + problems) + (t_problems * 100 / (n * n_problems)) ** 2) ** 0.5
    held = "held" if value - half > 0 else "not held" if value + half < 0 else "undecided"
    return value - half, value + half, held


def main():
    for line in open(sys.argv[1], encoding="utf-8"):
        m = ROW.match(line.strip())
        if not m:
            continue
        value, low, high = map(float, m.group(3, 4, 5))
        now = judge(value, low, high, [float(x) for x in m.group(6).split()])
        mark = "" if now[2] == m.group(7) else f"   <- was {m.group(7)}"
        print(f"{m.group(1)}, k = {m.group(2)}: {value:+.1f} ({now[0]:+.1f} to {now[1]:+.1f}) {now[2]}{mark}")


main()
