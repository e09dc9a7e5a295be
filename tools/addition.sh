#!/usr/bin/env bash
# STaR's n-digit addition (arXiv 2203.14465, section 4) from scratch, without and with rationalization: accuracy by digits and
# round, as a table and as a drawing. Resumes.
#   tools/addition.sh [DIR] [SVG]      default build/addition build/addition/addition.svg
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build/addition}
svg=${2:-$dir/addition.svg}
vstar=${VSTAR:-build/vstar}
steps=3500 batch=40 # documents of the base's corpus: steps * batch, each seen once

[ -e "$dir/corpus/corpus.jsonl" ] || python3 tools/make_addition_base.py "$dir/corpus" $((steps * batch)) 1
[ -e "$dir/base/manifest.json" ] ||
    $vstar train sft --model "$dir/corpus" --init-seed 1 --no-shuffle --data "$dir/corpus/corpus.jsonl" --out "$dir/base" \
        --set steps=$steps --set batch=$batch --set lr=4e-3 --set lr_end=0.02 --set schedule=linear --set warmup=100 \
        --set beta2=0.98
for share in 0 1; do
    $vstar run recipes/addition.yaml --out "$dir/rationalize-$share" --set base="$dir/base" --set rationalize.share=$share >/dev/null
done
python3 tools/addition_plot.py "$svg" "without rationalization=$dir/rationalize-0/run.db" "with rationalization=$dir/rationalize-1/run.db"
