#!/usr/bin/env bash
# Makes the demo's base, assets/demo-base/model.safetensors, from nothing: the same bytes on every machine and with any
# number of threads. About 80 s on two quiet cores.
#   tools/make_demo_base.sh [OUT]      then: cmp OUT/model.safetensors assets/demo-base/model.safetensors
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/demo-base}
steps=3500 batch=48 # documents: steps * batch, each seen once
vstar=build/vstar
corpus=$(mktemp)
trap 'rm -f "$corpus"' EXIT
$vstar demo --corpus $((steps * batch)) >"$corpus"
$vstar train sft --model assets/demo-base --init-seed 1 --no-shuffle --data "$corpus" --out "$out" \
    --set steps=$steps --set batch=$batch --set lr=5e-3 --set lr_end=0.02 --set schedule=linear --set warmup=100 \
    --set beta1=0.9 --set beta2=0.98 --set eps=1e-8 --set weight_decay=0.01 --set clip=1
