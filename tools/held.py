#!/usr/bin/env python3
"""held.py FILE - judges the claims of a printed comparison again from its per-seed differences.

Reads Markdown rows "| claim | k | difference (low to high) | seeds | held |" with intervals of the pigeonhole
bootstrap and prints what src/flow/answers/interval.c comes to. The seeds' part of the variance is exact; the
problems' part is what the printed width leaves of it, which is too much rather than too little, as that
bootstrap errs on the wide side. Where the printed interval is cut to tenths, so is the result.
"""
import re
import sys
from scipy import stats

ROW = re.compile(r"^\| (.+?) \| (\d+) \| ([+-][\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\) \|((?: [+-][\d.]+)+) \| ([a-z ]+) \|$")


def judge(value, low, high, seeds, n_problems=500):
    n = len(seeds)
    mean = sum(seeds) / n
    between = sum((x - mean) ** 2 for x in seeds) / (n * (n - 1))
    problems = max(((high - low) / 3.92) ** 2 - between * (n - 1) / n, 0) + (100.0 / (n * n_problems)) ** 2
    whole = between + problems
    t_seeds, t_problems = stats.t.ppf(0.975, n - 1), stats.t.ppf(0.975, n_problems - 1)
    narrow = stats.t.ppf(0.975, (n - 1) * whole / between) * whole**0.5
    half = 0.65 * narrow + 0.35 * (t_seeds**2 * between + t_problems**2 * problems) ** 0.5
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
