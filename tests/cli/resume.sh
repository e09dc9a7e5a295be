#!/bin/bash
# resume.sh - what may change between two calls of one run, and what may not.
. "$(dirname "$0")/lib.sh"
tiny=$here/../../recipes/tiny.yaml
demo_base=$here/../../assets/demo-base
weights() { sha256sum <"$1/models/verifier/model.safetensors"; }

# Keys that change memory and speed alone.
vstar run "$tiny" --out run >run.txt 2>&1 || fail "run: $(tail -1 run.txt)"
cp run/recipe.yaml begun.yaml
before=$(weights run)
rm -r run/models/verifier
free=(--set sample.rows=5 --set sft.micro_tokens=64 --set dpo.micro_tokens=64 --set dpo.keep_mb=0 --set dpo.checkpoint_steps=1)
vstar run "$tiny" --out run "${free[@]}" >free.txt 2>&1
same "a run goes on with another use of memory" $? 0
same "and comes to the same" "$(weights run)" "$before"
check "its recipe is the one it was begun with" cmp begun.yaml run/recipe.yaml
vstar run "$tiny" --out run "${free[@]}" --set sample.temperature=2 >other.txt 2>&1
same "other keys stay what they were" "$? $(grep -c 'was started with another recipe: sample.temperature: found 2, expected 1;' other.txt)" "1 1"
sed -i '/top_k:/d' run/recipe.yaml
check "a key that the run did not know yet has its default" vstar run "$tiny" --out run
cp begun.yaml run/recipe.yaml

# What a kill left of a checkpoint goes when the training goes on.
rm -r run/models/verifier
mkdir run/models/verifier.checkpoint
touch run/models/verifier.checkpoint/checkpoint.tmp.1.1 run/models/verifier.partial
vstar run "$tiny" --out run --set dpo.checkpoint_steps=0 >partial.txt 2>&1
same "a file in the way of a folder is an error" "$? $(grep -c 'verifier.partial: cannot remove' partial.txt)" "1 1"
same "the temporary is gone, and no checkpoint was asked for" "$(ls run/models/verifier.checkpoint)" ""
rm run/models/verifier.partial
vstar run "$tiny" --out run >whole.txt 2>&1
same "the run ends" "$? $(weights run)" "0 $before"

# A base of bf16: what is trained is what is written, and is known by its hash.
cp -r "$demo_base" base16 && sed -i 's/float32/bfloat16/' base16/config.json
check "the base says bf16" grep -q bfloat16 base16/config.json
vstar run "$tiny" --out whole16 --set base=base16 --set verifier.kind=orm >whole16.txt 2>&1 || fail "bf16: $(tail -1 whole16.txt)"
same "the verifier's scores too" "$(sql whole16 "SELECT count(*) FROM scores WHERE model LIKE '$(fact whole16 verifier)%'")" 48
for set in test:sft test:generator; do
    same "samples of $set are known by the model's hash" "$(sql whole16 "SELECT DISTINCT model FROM samples JOIN sets ON sets.id = set_id WHERE name = '$set'")" \
        "$(fact whole16 "${set#test:}")"
done

# What was begun from a base goes on from it.
cp -r "$demo_base" base
lora=(--set base=base --set sft.lora.rank=2 --set eval.base=true)
vstar run "$tiny" --out lora "${lora[@]}" >lora.txt 2>&1 || fail "adapters: $(tail -1 lora.txt)"
cp -r lora half
rm -r base && cp -r whole16/models/sft base && cp "$demo_base/config.json" base
question="Tom buys some bags of 7 pens. Tom gets 5 more and now has 61. How many bags?"
vstar ask lora "$question" -n 4 >ask.txt 2>&1
same "another base under an adapter is told" "$? $(grep -c 'models/generator: .*base base has been replaced' ask.txt)" "1 1"
sqlite3 lora/run.db "DELETE FROM facts WHERE key = 'stage:answers'; DELETE FROM samples WHERE set_id = (SELECT id FROM sets WHERE name = 'base') AND problem_id = (SELECT max(problem_id) FROM samples)"
vstar run "$tiny" --out lora "${lora[@]}" >again.txt 2>&1
same "a set goes on from what it was begun with" "$? $(grep -c 'base: found another model' again.txt)" "1 1"
rm -r half/models/generator
vstar run "$tiny" --out half "${lora[@]}" >half.txt 2>&1
same "every generator starts from one base" "$? $(grep -c 'generator: found a start of hash .*: base has been replaced' half.txt)" "1 1"

vstar run "$tiny" --out new --reuse runn >reuse.txt 2>&1
same "another run that is not there is told" "$? $(grep -c 'runn: found no run.db' reuse.txt)" "1 1"
finish
