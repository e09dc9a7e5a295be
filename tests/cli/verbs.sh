#!/bin/bash
# verbs.sh - the verbs on files do what their help says, on a model made here and, where there is one, on stories260K.
. "$(dirname "$0")/lib.sh"
make_model || fail "a model is made from config.json and tokenizer.json alone"

# Every verb has a help page with an example, and exits 0.
for verb in $(vstar --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p'); do
    vstar "$verb" --help >help.txt 2>&1
    same "help of $verb exits 0" $? 0
    same "help of $verb shows an example" "$(grep -c '^example:' help.txt)" 1
done
same "the version is printed" "$(vstar --version | cut -d' ' -f1)" vstar
same "and by -V" "$(vstar -V)" "$(vstar --version)"
same "vstar help VERB is VERB --help" "$(vstar help run 2>&1)" "$(vstar run --help 2>&1)"
vstar help rum >help.txt 2>&1
same "and names what it does not know" "$? $(grep -c "did you mean run" help.txt)" "2 1"

same "text becomes ids" "$(echo '{"text":"1+1=2<eos>"}' | vstar tokenize --model model)" '{"ids":[1,10,1,12,2,19]}'
same "ids become text" "$(echo '{"ids":[1,10,19]}' | vstar tokenize --model model --decode)" '{"text":"1+<eos>"}'
same "special tokens are skipped" "$(echo '{"ids":[1,10,19]}' | vstar tokenize --model model --decode --skip-special)" '{"text":"1+"}'

# A line of logprobs depends on its row alone.
for i in 1 2 3 4 5 6 7 8; do
    echo "{\"prompt\":\"$i+1\",\"completion\":\"=$i\"}"
    echo "{\"prompt\":\"2+2\",\"completion\":\"=$i.\"}"
done >rows.jsonl
vstar logprobs --model model <rows.jsonl >together.txt
same "a line out for each line in" "$(wc -l <together.txt)" 16
while read -r row; do echo "$row" | vstar logprobs --model model; done <rows.jsonl >alone.txt
check "logprobs alone equal logprobs together" cmp alone.txt together.txt
vstar logprobs --model model --threads 1 <rows.jsonl >one_thread.txt
check "logprobs do not depend on threads" cmp one_thread.txt together.txt
tac rows.jsonl | vstar logprobs --model model | tac >reversed.txt
check "logprobs do not depend on the order of rows" cmp reversed.txt together.txt

# Samples: the first rows of -n 16 are those of -n 4, and their log-probs are what logprobs says.
echo '{"id":"x","prompt":"1+1"}' >prompt.jsonl
vstar generate --model model -n 16 --max-tokens 8 --seed 3 <prompt.jsonl >n16.txt
vstar generate --model model -n 4 --max-tokens 8 --seed 3 <prompt.jsonl >n4.txt
check "n samples begin with the samples of a smaller n" cmp <(head -4 n16.txt) n4.txt
sed 's/.*"ids":\(\[[^]]*\]\).*/{"prompt":"1+1","completion_ids":\1}/' n16.txt | vstar logprobs --model model |
    sed 's/.*"token_logprobs":\(\[[^]]*\]\).*/\1/' >scored.txt
sed 's/.*"token_logprobs":\(\[[^]]*\]\).*/\1/' n16.txt >sampled.txt
check "token_logprobs of generate and logprobs are equal" cmp scored.txt sampled.txt
printf '{"id":"a","prompt":"9"}\n{"id":"x","prompt":"1+1"}\n' | vstar generate --model model -n 16 --max-tokens 8 --seed 3 |
    tail -16 >second.txt
check "draws do not depend on the line's place" cmp second.txt n16.txt
same "temperature 0 is the same twice" "$(vstar generate --model model --temperature 0 -n 2 --max-tokens 4 <prompt.jsonl | sed 's/"index":.//' | sort -u | wc -l)" 1

same "rank orders by score" "$(echo '{"prompt":"1","candidates":[[1,2,3,4],[1]]}' | vstar rank --model model | sed 's/.*"order"/"order"/')" '"order":[1,0]}'
same "rank against itself gives zeros" "$(echo '{"prompt":"1","candidates":["1","2"]}' | vstar rank --model model --score ratio --reference base)" '{"scores":[0,0],"order":[0,1]}'
same "grade says right" "$(echo '{"gold":"18","completion":"#### 18"}' | vstar grade --profile gsm8k | cut -d, -f1)" '{"verdict":"right"'
same "metrics of one problem: one says nothing of others" "$(echo '{"id":1,"right":[1,0]}' | vstar metrics --ks 1)" '{"problems":1,"curves":{"pass":[{"k":1,"value":0.5,"low":0.0,"high":1.0}]}}'

# Training: a folder comes out; the same twice; DPO starts at ln 2; an adapter is small and is read back.
mkdir a.partial && echo mine >a.partial/notes
vstar train sft --model model --data rows.jsonl --out a --set epochs=1 --set batch=4 2>/dev/null
same "a folder that happens to end in .partial stays" "$(cat a.partial/notes) $(ls -d a.vstar-partial 2>/dev/null)" "mine "
vstar train sft --model model --data rows.jsonl --out b --set epochs=1 --set batch=4 --threads 1 2>/dev/null
check "training twice gives the same bytes" cmp a/model.safetensors b/model.safetensors
vstar train sft --model model --data rows.jsonl --out c --set epochs=1 --set batch=4 --set micro_tokens=16 2>/dev/null
check "micro-batches do not change the result" cmp a/model.safetensors c/model.safetensors
echo '{"prompt":"1+1","right":["=2","=2."],"wrong":["=3"]}' >pairs.jsonl
same "DPO's first loss is ln 2" "$(vstar train dpo --model model --data pairs.jsonl --grads-out g.safetensors | cut -c1-15)" '{"loss":0.69314'
check "DPO trains an adapter" vstar train dpo --model model --data pairs.jsonl --out lora --set lora.rank=2 --set epochs=2
check "the adapter is read back" vstar logprobs --model model --adapter lora --data rows.jsonl
check "a reward model is trained" vstar train orm --model model --data pairs.jsonl --out orm --set steps=30 --set lr=1e-2 --set batch=1
same "and ranks by its value" "$(echo '{"prompt":"1+1","candidates":["=3","=2"]}' | vstar rank --model orm --score value | sed 's/.*"order"/"order"/')" '"order":[1,0]}'
check "a reward model beside an adapter" vstar train orm --model model --data pairs.jsonl --out lorm --set steps=2 --set lora.rank=2
check "also without a language-model loss" vstar train orm --model model --data pairs.jsonl --out lorm0 --set steps=3 --set lora.rank=2 --set lm=0
check "is read back" sh -c "echo '{\"prompt\":\"1+1\",\"candidates\":[\"=3\",\"=2\"]}' | '$program' rank --model model --adapter lorm --score value"
vstar train orm --model orm --data pairs.jsonl --out orm2 --set steps=1 --set lr=1e-9 2>/dev/null
check "its training goes on from its head" cmp <(vstar rank --model orm --score value <<<'{"prompt":"1","candidates":["=2"]}' | cut -c1-14) \
    <(vstar rank --model orm2 --score value <<<'{"prompt":"1","candidates":["=2"]}' | cut -c1-14)
check "a generative verifier's score" sh -c "echo '{\"prompt\":\"1+1\",\"candidates\":[\"=3\",\"=2\"]}' | '$program' rank --model model --score yes --question '?' --yes 1 --no 0"
same "the best-scored vote" "$(echo '{"id":1,"right":[1,0,0],"scores":[3,2,1],"answers":["7","8","8"]}' | vstar metrics --ks 3 --top 1 | grep -o '"top_vote":\[{"k":3,"value":[0-9.]*')" '"top_vote":[{"k":3,"value":1.0'
check "inspect explains a model" vstar inspect model
same "and its hash when asked" "$(vstar inspect model | grep -c '^hash') $(vstar inspect model --hash | grep -cE '^hash [0-9a-f]{64}$')" "0 1"
cp -r model not-a-number
python3 - <<'P'
f = open("not-a-number/model.safetensors", "r+b")
f.seek(-4, 2)
f.write(b"\0\0\xc0\x7f")
P
same "inspect reads no weights without --hash" "$(vstar inspect not-a-number >/dev/null 2>&1; echo $?) $(vstar inspect not-a-number --hash 2>&1 | grep -c 'found nan')" "0 1"
check "inspect explains an adapter" vstar inspect lora --model model
same "inspect shows the loss mask" "$(vstar inspect one.jsonl --model model | head -1)" 'one.jsonl:1 completion (3 + 3 tokens): [prompt: 1+1][learned: =2][end: <eos>]'

if [ -d "$shared/models/stories260K" ]; then
    m=$shared/models/stories260K
    same "stories260K goes on as published" \
        "$(echo '{"id":1,"prompt_ids":[1]}' | vstar generate --model "$m" --temperature 0 --max-tokens 200 | sed 's/.*"completion":"\(Once upon a time, there was a little girl named Lily\).*/\1/')" \
        "Once upon a time, there was a little girl named Lily"
fi

# bench runs on a shape smaller than its default sizes, and says what share of the limit that was.
vstar bench --shape demo --runs 1 --prompt 8 --new 4 --workload decode,prefill,kernels >bench.jsonl 2>bench.err || fail "bench runs on the demo's shape"
same "bench has a line for each workload" "$(wc -l <bench.jsonl)" 3
same "bench gives a share of the limit in each" "$(grep -c '"share_of_limit":[0-9.]*,.*"peak_rss_mb":[0-9]*}$' bench.jsonl)" 3
finish
