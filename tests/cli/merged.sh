#!/bin/bash
# merged.sh - a run with adapters; its generator as one folder: the same log-probs, companion files byte for byte.
. "$(dirname "$0")/lib.sh"
vstar run "$here/../../recipes/tiny.yaml" --out run --set sft.lora.rank=4 >/dev/null 2>run.txt
same "a run with adapters ends well" $? 0
check "its generator is an adapter" test -e run/models/generator/adapter_config.json
echo '{"instructions": "of the base"}' >run/base/generation_config.json
vstar export run generator --merged --out whole >/dev/null 2>export.txt
same "export --merged works" $? 0
check "it says what rounding costs" grep -Eq 'logits after 4 prompts differ by at most [0-9.e-]+$' export.txt
for file in tokenizer.json generation_config.json; do check "$file is the base's" cmp run/base/$file whole/$file; done
vstar export run gen-set >rows.jsonl 2>/dev/null
apart=$(vstar logprobs --model run/base --adapter run/models/generator <rows.jsonl | grep -o '"logprob":[^,]*' | cut -d: -f2)
whole=$(vstar logprobs --model whole <rows.jsonl | grep -o '"logprob":[^,]*' | cut -d: -f2)
# f32 weights, rounded once, over some forty tokens
check "log-probs agree" awk 'NR == FNR { a[FNR] = $1; next } { d = a[FNR] - $1; if (d > 1e-3 || d < -1e-3) exit 1; n++ } END { if (n < 12) exit 1 }' \
    <(echo "$apart") <(echo "$whole")
finish
