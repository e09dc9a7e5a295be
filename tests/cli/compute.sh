#!/bin/bash
# compute.sh - products of bf16: as repeatable as f32's, on every instruction set; and no sample or score of one is taken for the
# other's.
. "$(dirname "$0")/lib.sh"
make_model || fail "a model is made"

for i in 1 2 3 4 5 6 7 8; do
    echo "{\"prompt\":\"$i+1\",\"completion\":\"=$i\"}"
    echo "{\"prompt\":\"2+2\",\"completion\":\"=$i.\"}"
done >rows.jsonl
logprobs() { vstar logprobs --model model --compute bf16 "$@"; }
logprobs <rows.jsonl >together.txt
check "they are not f32's" test "$(vstar logprobs --model model <rows.jsonl | sha256sum)" != "$(sha256sum <together.txt)"
check "f32 is the default" cmp <(vstar logprobs --model model <rows.jsonl) <(vstar logprobs --model model --compute f32 <rows.jsonl)
while read -r row; do echo "$row" | logprobs; done <rows.jsonl >alone.txt
check "logprobs alone equal logprobs together" cmp alone.txt together.txt
logprobs --threads 1 <rows.jsonl >one_thread.txt
check "logprobs do not depend on threads" cmp one_thread.txt together.txt
for backend in ref portable avx2 avx512 avx512-256 avx512-bf16 avx512-256-bf16 neon; do # those that there are
    VSTAR_BACKEND=$backend logprobs <rows.jsonl >backend.txt
    check "logprobs do not depend on the instruction set: $backend" cmp backend.txt together.txt
done
echo '{"id":"x","prompt":"1+1"}' >prompt.jsonl
vstar generate --model model --compute bf16 -n 16 --max-tokens 8 --seed 3 <prompt.jsonl >n16.txt
check "n samples begin with the samples of a smaller n" \
    cmp <(head -4 n16.txt) <(vstar generate --model model --compute bf16 -n 4 --max-tokens 8 --seed 3 <prompt.jsonl)
sed 's/.*"ids":\(\[[^]]*\]\).*/{"prompt":"1+1","completion_ids":\1}/' n16.txt | logprobs | sed 's/.*"token_logprobs":\(\[[^]]*\]\).*/\1/' >scored.txt
check "token_logprobs of generate and logprobs are equal" cmp scored.txt <(sed 's/.*"token_logprobs":\(\[[^]]*\]\).*/\1/' n16.txt)
same "rank against itself gives zeros" \
    "$(echo '{"prompt":"1","candidates":["1","2"]}' | vstar rank --model model --compute bf16 --score ratio --reference base)" '{"scores":[0,0],"order":[0,1]}'
for verb in generate logprobs rank; do
    vstar "$verb" --model model --compute fp8 </dev/null 2>bad.txt
    same "$verb refuses what it does not compute" "$? $(cat bad.txt)" "2 vstar $verb: --compute: found 'fp8', expected f32 or bf16"
done
bench() { vstar bench --shape demo --compute bf16 --runs 1 --prompt 8 --new 8 --workload "$1"; }
check "bench says how it computes" grep -q '"compute":"bf16".*"tokens_per_s":' <(bench decode:1x4)
bench sft >bad.txt 2>&1
same "bench does not train so" "$? $(grep -c 'training: found compute bf16, expected f32' bad.txt)" "2 1"

# One suite: the models that came of one training are shared, samples and scores are not.
cat >suite.yaml <<Y
name: s
recipe: $here/../../recipes/tiny.yaml
seeds: [1]
systems:
  - {name: f32}
  - {name: bf16, set: [compute=bf16]}
  - {name: again, set: [compute=bf16, rounds=1]}
Y
vstar compare suite.yaml --out suite >table.txt 2>suite.log
same "the suite ends well" $? 0
f32=suite/seed-1/f32 bf16=suite/seed-1/bf16
as_bf16() { printf '%s compute bf16' "$1" | sha256sum | cut -d' ' -f1; } # a model's hash, from that under f32
same "training does not depend on it: one G_SFT" "$(fact $f32 sft)" "$(fact $bf16 sft)"
same "samples of f32 are not taken for bf16's, those of bf16 are" "$(grep -c 'round-1: 96 solutions of another run' suite.log)" 1
same "samples are known by it" "$(sql $f32 "SELECT DISTINCT model FROM samples JOIN sets ON sets.id = set_id WHERE name = 'round-1'") $(sql $bf16 \
    "SELECT DISTINCT model FROM samples JOIN sets ON sets.id = set_id WHERE name = 'round-1'")" "$(fact $f32 sft) $(as_bf16 "$(fact $bf16 sft)")"
scored() { # folder, sets, hash
    sql "$1" "SELECT count(*) FROM scores c JOIN samples s ON s.id = c.sample_id JOIN sets t ON t.id = s.set_id WHERE t.name GLOB '$2' AND c.model = '$3'"
}
same "test scores are known by it" "$(for m in sft verifier; do
    scored $f32 'test:*' "$(fact $f32 $m)"
    scored $bf16 'test:*' "$(fact $bf16 $m)"
    scored $bf16 'test:*' "$(as_bf16 "$(fact $bf16 $m)")"
done | tr '\n' ' ')" "48 0 48 48 0 48 "
same "the reference's log-probs for training are f32's" "$(scored $bf16 'r*' "$(fact $bf16 sft)") $(scored $bf16 'r*' "$(as_bf16 "$(fact $bf16 sft)")")" "204 0"
check "the report finds the verifier's scores" grep -q '^| bf16, V-STaR | [01]\.' table.txt
vstar run $f32/recipe.yaml --out $f32 --set compute=bf16 >bad.txt 2>&1
same "a run does not go on in the other way" "$? $(grep -c 'the run was started with another recipe' bad.txt)" "1 1"
check "ask computes as the run" vstar ask $bf16 "Tom buys some bags of 7 pens. Tom gets 5 more and now has 61. How many bags?" -n 4

# A verifier in the loop chooses by the scores that were made for it.
vstar run "$here/../../recipes/tiny.yaml" --out loop --set verifier.every_round=true --set ver_data.keep=1 --set sample.k=8 --set compute=bf16 >/dev/null 2>&1
same "the loop's run ends well" $? 0
n=$(sql loop "SELECT count(*) FROM samples JOIN sets ON sets.id = set_id WHERE name = 'round-2'")
same "verifier-1 scored round 2" "$(scored loop round-2 "$(as_bf16 "$(fact loop verifier-1)")")" "$n"
vstar export loop ver-set >ver.jsonl
same "the best-scored wrong one is kept" "$(python3 - round-1 "$(as_bf16 "$(fact loop sft)")" round-2 "$(as_bf16 "$(fact loop verifier-1)")" <<'P'
import json, sqlite3, sys
db = sqlite3.connect("loop/run.db")
wrong = {r["id"]: r["wrong"] for r in map(json.loads, open("ver.jsonl"))}
for judged in zip(sys.argv[1::2], sys.argv[2::2]):
    whole = db.execute("""SELECT p.key, l.verdict, s.text, c.logprob FROM samples s JOIN problems p ON p.id = s.problem_id
        JOIN sets t ON t.id = s.set_id JOIN labels l ON l.sample_id = s.id JOIN scores c ON c.sample_id = s.id
        WHERE t.name = ? AND c.model = ? AND s.finish <> 'length' ORDER BY c.logprob""", judged).fetchall()
    right = {key for key, verdict, _, _ in whole if verdict == 1}
    best = {key: text for key, verdict, text, _ in whole if verdict == 0 and key in right}
    kept = [text in wrong[key] for key, text in best.items()]
    print(len(kept) > 2 and all(kept), end=" ")
P
)" "True True "
finish
