#!/bin/bash
# Builds the fuzz targets of tests/fuzz and runs each for SECONDS (60), two at a time, on corpora that are thrown
# away. The first finding ends it: its input stays, and is named.
#
# usage: tools/fuzz.sh [SECONDS [TARGET ..]]      tools/fuzz.sh 600 fuzz_tokenizer
#
# Needs clang-14 and libclang-rt-14-dev.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
targets=("$@")
if [ $# -eq 0 ]; then
    for file in tests/fuzz/fuzz_*.c; do targets+=("$(basename "$file" .c)"); done
fi

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target fuzz_targets fill_run >&2
scratch=$(mktemp -d)
for target in "${targets[@]}"; do mkdir -p "$scratch/$target"; done

# safetensors HEADER DATA: the file of that header
safetensors()
{
    printf '%b' "$(printf '\\x%02x\\x%02x\\0\\0\\0\\0\\0\\0' $((${#1} % 256)) $((${#1} / 256)))"
    printf '%s%b' "$1" "$2"
}

# seed TARGET: a first input that is taken, from standard input; formats are not found by chance.
seed()
{
    if [ -d "$scratch/$1" ]; then
        cat >"$scratch/$1/seed-$RANDOM"
    else
        cat >/dev/null
    fi
}

float='\0\0\x80\x3f'
seed fuzz_config <assets/demo-base/config.json
seed fuzz_tokenizer <assets/demo-base/tokenizer.json
printf 'bTom has 12 pens, aab' | seed fuzz_tokenizer
for file in recipes/*.yaml; do seed fuzz_recipe <"$file"; done
safetensors '{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}' "$float$float" | seed fuzz_safetensors
{
    printf '%s\0' '{"peft_type":"LORA","r":1,"lora_alpha":2,"target_modules":["q_proj"]}'
    prefix=base_model.model.model.layers.0.self_attn.q_proj
    safetensors '{"'$prefix'.lora_A.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"'$prefix'.lora_B.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}' \
        "$float$float$float$float"
} | seed fuzz_adapter
printf '%s' "{{- bos_token }}{% for m in messages if m.role != 'tool' %}{%- set ns = namespace(i=loop.index0) %}{{ m['content'] | trim + '\n' if not loop.last else eos_token }}{% endfor %}{# note #}" | seed fuzz_jinja
while IFS= read -r line; do printf '%s' "$line" | seed fuzz_jinja; done <tools/parity/jinja_constructs.py
if [ -d "${VSTAR_SHARED:-../shared/data}/chat_templates/templates" ]; then
    for file in "${VSTAR_SHARED:-../shared/data}"/chat_templates/templates/*; do seed fuzz_jinja <"$file"; done
fi
seed fuzz_gguf <tests/golden/tiny.gguf
printf '\1{"question":"1+1?","answer":"It is <<1+1=2>>2.\\n#### 2"}\n' | seed fuzz_problems
for pair in '\frac12@0.5' 'x^2-1@(x+1)(x-1)' '(-\infty,2]\cup\{3\}@x\le2' '\begin{pmatrix}1\\2\end{pmatrix}@1,2' \
    '2\sqrt[3]{3}\pm\pi@\sin 60^\circ' '10,000\text{ cm}^2@1\frac34'; do
    printf '%s' "$pair" | tr '@' '\0' | seed fuzz_math
done
printf 'So:\n```python\nimport os\n```\n```\ndef f(x):\n    return x\n' | seed fuzz_code
printf '18\0So it is 9+9=18.\n#### 18' | seed fuzz_grade
printf '{"id":"a","right":[0,1,1],"scores":[-3,2.5,0],"answers":["18",null,"7"]}\n' | seed fuzz_metrics
build-fuzz/tests/fill_run "$scratch/run" 2 2 >/dev/null
seed fuzz_store <"$scratch/run/run.db"

# Exit code 255 makes xargs begin no other target.
fuzz()
{
    echo "fuzzing: $1 for $seconds s" >&2
    if build-fuzz/fuzz/"$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
        -artifact_prefix="$scratch/$1." "$scratch/$1" >"$scratch/$1.log" 2>&1; then
        echo "$1: $(tail -n 1 "$scratch/$1.log")" >&2
    else
        tail -n 60 "$scratch/$1.log" >&2
        echo "$1: a finding, kept in $(ls "$scratch/$1".*-* 2>/dev/null || echo "$scratch")" >&2
        exit 255
    fi
}
export -f fuzz
export scratch seconds
printf '%s\n' "${targets[@]}" | xargs -P 2 -I '{}' bash -c 'fuzz {}'
rm -rf "$scratch"
