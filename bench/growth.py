#!/usr/bin/env python3
"""How `vstar bench` grows with samples, prompt length and problems: a Markdown table to standard output, a drawing to SVG.

    bench/growth.py SVG [--vstar build/vstar] [--shape 135m] [--threads 1]

Decoding of 32 tokens on random weights; seconds of CPU time, each point a median of 3. The dashed line is the least possible
time on this machine, as bench reports it.
"""
import argparse
import json
import subprocess
from pathlib import Path

SERIES = {  # title: [(x, workload, tokens of the prompt)]
    "samples of one prompt of 128": [(n, f"decode:{n}", 128) for n in (1, 2, 4, 8, 16, 32, 64)],
    "prompt's tokens, 8 samples": [(p, "decode:8", p) for p in (32, 128, 256, 512, 1024)],
    "problems, 8 samples of each": [(n, f"decode:{n}x8", 128) for n in (1, 2, 4, 8)],
}
NEW = 32
WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 220, 44, 30, 36


def measure(args, points):
    """[(x, seconds, limit)]: one process for each length of prompt."""
    out = {}
    for prompt in dict.fromkeys(p for _, _, p in points):
        mine = [(x, w) for x, w, p in points if p == prompt]
        lines = subprocess.run([args.vstar, "bench", "--shape", args.shape, "--threads", str(args.threads), "--runs", "3",
                                "--prompt", str(prompt), "--new", str(NEW), "--workload", ",".join(w for _, w in mine)],
                               check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        for (x, _), line in zip(mine, lines):
            row = json.loads(line)
            out[x] = (row["cpu_seconds"], row["limit_cpu_s"])
    return [(x, *out[x]) for x, _, _ in points]


def table(title, points):
    print(f"| {title} | " + " | ".join(str(x) for x, _, _ in points) + " |\n|---" + "|---" * len(points) + "|")
    print("| CPU seconds | " + " | ".join(f"{s:.2f}" for _, s, _ in points) + " |")
    print("| share of the limit | " + " | ".join(f"{limit / s:.2f}" for _, s, limit in points) + " |\n")


def panel(x0, title, points):
    most_x, most_y = points[-1][0], max(s for _, s, _ in points)
    at = lambda x, s: f"{x0 + LEFT + x * (WIDTH - LEFT) / most_x:.1f} {TOP + (1 - s / most_y) * (HEIGHT - TOP):.1f}"
    line = lambda column: "M" + "L".join(at(p[0], p[column]) for p in points)
    out = [f'<text x="{x0 + LEFT}" y="16" font-weight="600">{title}</text>',
           f'<path d="M{x0 + LEFT} {TOP}V{HEIGHT}H{x0 + WIDTH}" fill="none" stroke="#9aa5b1"/>',
           f'<text x="{x0 + LEFT - 6}" y="{TOP + 8}" text-anchor="end">{most_y:.1f} s</text>',
           f'<path d="{line(2)}" fill="none" stroke="#7a6a53" stroke-dasharray="4 3"/>',
           f'<path d="{line(1)}" fill="none" stroke="#1b6ca8" stroke-width="2"/>']
    for x, s, _ in points:
        out.append(f'<circle cx="{at(x, s).split()[0]}" cy="{at(x, s).split()[1]}" r="3" fill="#1b6ca8"/>')
    return out + [f'<text x="{x0 + WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{most_x}</text>']


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("svg", type=Path)
    p.add_argument("--vstar", default=Path(__file__).resolve().parents[1] / "build/vstar")
    p.add_argument("--shape", default="135m")
    p.add_argument("--threads", type=int, default=1)
    args = p.parse_args()
    body = []
    for i, (title, points) in enumerate(SERIES.items()):
        measured = measure(args, points)
        table(title, measured)
        body += panel(i * (WIDTH + GAP), title, measured)
    width = len(SERIES) * (WIDTH + GAP)
    args.svg.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 24}" '
                        'font-family="sans-serif" font-size="12">' + "\n".join(body) + "</svg>\n")


if __name__ == "__main__":
    main()
