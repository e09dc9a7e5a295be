#!/bin/bash
# Two threads beside a busy loop on the other core: never slower than one thread by more than a tenth?
#
#   bench/busy.sh [VSTAR] [SHAPE] [ROUNDS]      prints seconds by wall clock, in turn, and the ratio of medians
set -euo pipefail
vstar=${1:-$(dirname "$0")/../build/vstar} shape=${2:-135m} rounds=${3:-5}
work=decode:16,kernels:512

taskset -c 1 sh -c 'while :; do :; done' &
trap 'kill $!' EXIT
for ((i = 0; i < rounds; i++)); do
    for threads in 1 2; do "$vstar" bench --shape "$shape" --threads "$threads" --runs 1 --new 32 --workload "$work"; done
done | python3 -c '
import json, sys
from statistics import median
rows = [json.loads(line) for line in sys.stdin]
for w in dict.fromkeys(r["workload"] for r in rows):
    one, two = (median(r["seconds"] for r in rows if r["workload"] == w and r["threads"] == t) for t in (1, 2))
    print(f"{w}: 1 thread {one:.3f} s, 2 threads {two:.3f} s, ratio {two / one:.2f}")'
