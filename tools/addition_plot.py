#!/usr/bin/env python3
"""Accuracy of each round's samples by the number of digits: a Markdown table to standard output, a drawing to SVG.

usage: addition_plot.py SVG TITLE=RUN.db ..
"""
import sqlite3
import sys

QUERY = """
SELECT CAST(substr(sets.name, 7) AS INTEGER) AS round, instr(p.key, '+') - 1 AS digits, avg(l.verdict = 1)
FROM samples s JOIN sets ON sets.id = s.set_id JOIN problems p ON p.id = s.problem_id JOIN labels l ON l.sample_id = s.id
WHERE sets.name LIKE 'round-%' GROUP BY round, digits ORDER BY round, digits"""
COLOURS = ["#1b6ca8", "#c8553d", "#2f855a", "#8e5ea2", "#7a6a53"]
WIDTH, HEIGHT, LEFT, TOP, GAP = 360, 230, 46, 34, 40


def read(path):
    """{digits: [accuracy of round 1, 2, ..]}"""
    by_digits = {}
    for _, digits, share in sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(QUERY):
        by_digits.setdefault(digits, []).append(share)
    return by_digits


def table(title, lines):
    n = max(map(len, lines.values()))
    print(f"{title}, % right by digits (rows) and round\n")
    print("| digits | " + " | ".join(str(t + 1) for t in range(n)) + " |\n|---" * 1 + "|---" * n + "|")
    for digits, shares in sorted(lines.items()):
        print(f"| {digits} | " + " | ".join(f"{100 * v:.1f}" for v in shares) + " |")
    print()


def panel(x0, title, lines):
    n = max(map(len, lines.values()))
    x = lambda t: x0 + LEFT + (t * (WIDTH - LEFT) / max(n - 1, 1))
    y = lambda v: TOP + (1 - v) * (HEIGHT - TOP)
    out = [f'<text x="{x0 + LEFT}" y="18" font-weight="600">{title}</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<path d="M{x0 + LEFT} {y(share):.1f}H{x0 + WIDTH}" stroke="#d8dde3"/>'
                   f'<text x="{x0 + LEFT - 6}" y="{y(share) + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>')
    for t in range(0, n, max(1, (n + 4) // 8)):
        out.append(f'<text x="{x(t):.1f}" y="{HEIGHT + 18}" text-anchor="middle">{t + 1}</text>')
    for i, (digits, shares) in enumerate(sorted(lines.items())):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in enumerate(shares))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(t):.1f}" cy="{y(v):.1f}" r="2.5" fill="{colour}"/>' for t, v in enumerate(shares)]
    return out


def main():
    runs = [(title, read(path)) for title, _, path in (a.partition("=") for a in sys.argv[2:])]
    for title, lines in runs:
        table(title, lines)
    width = len(runs) * (WIDTH + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 62}" font-family="sans-serif" font-size="12" '
           'fill="#26323f">', f'<rect width="{width}" height="{HEIGHT + 62}" fill="#ffffff"/>']
    for i, (title, lines) in enumerate(runs):
        out += panel(i * (WIDTH + GAP), title, lines)
    for i, digits in enumerate(sorted(runs[0][1])):
        at = LEFT + i * 84
        out.append(f'<rect x="{at}" y="{HEIGHT + 40}" width="12" height="4" fill="{COLOURS[i % len(COLOURS)]}"/>'
                   f'<text x="{at + 18}" y="{HEIGHT + 46}">{digits} digit{"s" if digits > 1 else ""}</text>')
    out.append(f'<text x="{width - GAP}" y="{HEIGHT + 46}" text-anchor="end">training problems right at each round</text></svg>')
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
