#!/bin/bash
# systems.sh - each system of the paper's comparison is the one loop under other switches; here is what makes it that system.
. "$(dirname "$0")/lib.sh"
run() { # folder, settings ..
    local dir=$1 set=()
    shift
    for s in "$@"; do set+=(--set "$s"); done
    vstar run "$here/../../recipes/tiny.yaml" --out "$dir" "${set[@]}" >"$dir.txt" 2>"$dir.log" || fail "$dir: $(tail -1 "$dir.log")"
}
steps() { sql "$1" "SELECT count(*) FROM train_rows WHERE model = '$2'"; }
in_set() { sql "$1" "SELECT count(*) FROM samples JOIN sets ON sets.id = set_id WHERE name = '$2'"; }
right_in() { # folder, set
    sql "$1" "SELECT count(*) FROM samples s JOIN sets ON sets.id = s.set_id JOIN labels l ON l.sample_id = s.id WHERE sets.name = '$2' AND l.verdict = 1 AND s.finish <> 'length'"
}

run vstar gen_data.cap=0
same "V-STaR: every generator starts from the base" "$(fact vstar generator-2 from) $(fact vstar generator from)" "$(fact vstar sft from) $(fact vstar sft from)"
same "V-STaR: its verifier starts from G_SFT" "$(fact vstar verifier from)" "$(fact vstar sft model)"
same "V-STaR: D_GEN is the references and all right samples so far" "$(fact vstar generator rows)" $((12 + $(right_in vstar round-1) + $(right_in vstar round-2)))

same "V-STaR: best-of-N by sum, mean, ratio and mean ratio is what the store says" "$(python3 - "$(fact vstar verifier model)" "$(fact vstar sft model)" <<'P'
import sqlite3, struct, sys
db = sqlite3.connect("vstar/run.db")
v, ref = sys.argv[1:]
rows = db.execute("""SELECT s.problem_id, (SELECT logprob FROM scores WHERE sample_id = s.id AND model = ?), (SELECT logprob FROM scores WHERE sample_id = s.id
    AND model = ?), length(s.ids) / 4, l.verdict = 1 FROM samples s JOIN sets ON sets.id = s.set_id JOIN labels l ON l.sample_id = s.id
    WHERE sets.name = 'test:generator'""", (v, ref)).fetchall()
how = {"V-STaR": lambda v, r, n: v, "V-STaR, mean per token": lambda v, r, n: v / n, "V-STaR, log V - log ref": lambda v, r, n: v - r,
       "V-STaR, mean log V - log ref": lambda v, r, n: (v - r) / n}
for name, score in how.items():
    by = {}
    for p, v, r, n, right in rows: by.setdefault(p, []).append((score(v, r, n), right))
    best = [[right for s, right in c if s == max(c)[0]] for c in by.values()]
    want = sum(sum(b) / len(b) for b in best) / len(best)
    got, = db.execute("SELECT value FROM metrics WHERE system = ? AND curve = 'best_of' ORDER BY k DESC LIMIT 1", (name,)).fetchone()
    if abs(want - got) > 1e-9: print(name, want, got)
P
)" ""

run dagger gen_data.cap=0 verifier.kind=none
same "STaR-dagger: V-STaR's generator" "$(fact dagger generator model)" "$(fact vstar generator model)"
check "STaR-dagger: no verifier" test ! -e dagger/models/verifier

run once rounds=1 sample.k=8 gen_data.cap=0
same "V-STaR[1 iteration]: as many samples" "$(in_set once round-1)" $(($(in_set vstar round-1) + $(in_set vstar round-2)))
same "V-STaR[1 iteration]: the first of them are V-STaR's" "$(sql once "SELECT group_concat(text, '|') FROM samples WHERE number < 4 AND set_id = (SELECT id FROM sets WHERE name = 'round-1')" | sha256sum)" \
    "$(sql vstar "SELECT group_concat(text, '|') FROM samples WHERE set_id = (SELECT id FROM sets WHERE name = 'round-1')" | sha256sum)"

run star sample.k=1 sample.temperature=0 gen_data.cap=0 gen_data.rounds=last gen_data.references=false rounds=3 sft.steps=5 sft.growth=1.2 \
    verifier.kind=none
same "STaR: one greedy rationale a problem" "$(in_set star round-1)" 24
same "STaR: from the base each round" "$(fact star generator-2 from) $(fact star generator-3 from)" "$(fact star sft from) $(fact star sft from)"
same "STaR: the last round's right ones alone" "$(fact star generator-3 rows) $(fact star generator-3 references)" "$(right_in star round-2) 0"
same "STaR: int(5 x 1.2^(n - 1)) steps" "$(steps star generator-2) $(steps star generator-3) $(steps star generator)" "5 6 7"

run grow sample.k=1 rounds=4 sft.steps=10 sft.growth=2 verifier.kind=none
same "steps that double" "$(steps grow generator-2) $(steps grow generator-3) $(steps grow generator-4) $(steps grow generator)" "10 20 40 80"

run hints sample.k=1 sample.temperature=0 gen_data.cap=0 gen_data.rounds=last gen_data.references=false "rationalize.prompt={question} #### {answer}. " \
    rationalize.share=1 verifier.kind=none
unsolved=$(sql hints "SELECT count(*) FROM problems p WHERE split <> 'test' AND NOT EXISTS (SELECT 1 FROM samples s JOIN labels l ON l.sample_id = s.id JOIN sets ON sets.id = s.set_id WHERE s.problem_id = p.id AND sets.name = 'round-1' AND l.verdict = 1)")
same "rationalization: the failed problems are tried again" "$(in_set hints rationale-1)" "$unsolved"
check "rationalization: some come out right" test "$(right_in hints rationale-1)" -gt 0
same "rationalization: they are learned beside what was right at once" "$(fact hints generator-2 rows) $(fact hints generator-2 rationales)" \
    "$(($(right_in hints round-1) + $(right_in hints rationale-1))) $(right_in hints rationale-1)"
vstar export hints gen-set >hints.jsonl
same "rationalization: no row carries the hint" "$(python3 -c '
import json
rows = [json.loads(l) for l in open("hints.jsonl")]
print(sum(r["set"].startswith("rationale") for r in rows) > 0, sum("####" in r["prompt"] for r in rows))')" "True 0"
run half sample.k=1 rationalize.share=0.5 "rationalize.prompt={question} #### {answer}. " verifier.kind=none rounds=1
check "rationalization: a share of them" test "$(in_set half rationale-1)" -lt "$(($(in_set half round-1) - $(right_in half round-1)))"

run rft rounds=1 sample.k=8 gen_data.dedupe=equations gen_data.cap=0 verifier.kind=none
vstar export rft gen-set >rft.jsonl
same "RFT: one round; no problem has the same equations twice" "$(in_set rft round-2) $(python3 -c '
import json, re
rows = [json.loads(l) for l in open("rft.jsonl")]
keys = [(r["id"], tuple(re.findall(r"[0-9+*-]+=[0-9]+", r["completion"]))) for r in rows]
print(len(keys) - len(set(keys)), all(eval(e.replace("=", "==")) for _, k in keys for e in k))')" "0 0 True"

run last ver_data.rounds=last
vstar export last ver-set >last.jsonl
same "last generator only: the verifier sees no earlier round" "$(fact last verifier solutions)" "$(python3 -c '
import json
print(sum(len(r["right"]) + len(r["wrong"]) for r in map(json.loads, open("last.jsonl"))))')"
check "last generator only: it sees less" test "$(fact last verifier solutions)" -lt "$(fact vstar verifier solutions)"

run loop verifier.every_round=true ver_data.keep=2 sample.k=8 gen_data.cap=0
check "verifier in the loop: a verifier after every round" test -e loop/models/verifier-1/manifest.json
same "verifier in the loop: it starts from G_SFT" "$(fact loop verifier-1 from)" "$(fact loop sft model)"
same "verifier in the loop: it scored the next round" "$(sql loop "SELECT count(*) FROM scores JOIN samples ON samples.id = sample_id JOIN sets ON sets.id = set_id WHERE name = 'round-2' AND scores.model = '$(fact loop verifier-1 model)'")" "$(in_set loop round-2)"
vstar export loop gen-set >loop.jsonl
same "verifier in the loop: at most keep right ones a problem and round" "$(python3 -c '
import collections, json
n = collections.Counter((r["id"], r["set"]) for r in map(json.loads, open("loop.jsonl")) if r["set"] != "reference")
print(max(n.values()))')" 2
vstar export loop ver-set >loop-ver.jsonl
same "verifier in the loop: and as many wrong ones" "$(python3 -c '
import json
print(max(len(r["wrong"]) for r in map(json.loads, open("loop-ver.jsonl"))) <= 4)')" True

run orm verifier.kind=orm
check "ORM: a model with a value head" grep -q '"LlamaForTokenClassification"' orm/models/verifier/config.json
check "ORM: its row in the table" grep -q 'G_T + ORM' orm/report.html
same "ORM: it starts from G_SFT" "$(fact orm verifier reference)" "$(fact orm sft model)"
vstar ask orm "Tom buys some bags of 7 pens. Tom gets 5 more and now has 61. How many bags?" -n 4 >ask.txt 2>&1
check "ORM: a new question is answered by it" grep -q 'chosen by the verifier' ask.txt
run adapter verifier.kind=orm sft.lora.rank=2
check "ORM: an adapter with a value head beside it" grep -q '"modules_to_save": \["score"\]' adapter/models/verifier/adapter_config.json

run generative verifier.kind=generative 'generative.question=#### ' generative.yes=1 generative.no=0 generative.batch=8
check "generative verifier: its row in the table" grep -q 'G_T + generative verifier' generative/report.html
same "every candidate has its score" "$(sql generative "SELECT count(*) FROM scores JOIN samples ON samples.id = sample_id JOIN sets ON sets.id = set_id WHERE name = 'test:generator' AND scores.model LIKE '$(fact generative verifier model):yes-%'")" "$(in_set generative test:generator)"

# Where the question has no room behind a prompt, that is said before anything is drawn.
long=$(printf 'Try 7. %.0s' $(seq 100))
vstar run "$here/../../recipes/tiny.yaml" --out long --set verifier.kind=generative --set "generative.question=$long" --set generative.yes=1 --set generative.no=0 >long.txt 2>long.log
same "a question that does not fit is refused" "$? $(grep -c "do not fit the model's 256 positions" long.log)" "1 1"
echo '{"prompt":"Tom buys some bags of 7 pens. ","candidates":["Try 7. "]}' | vstar rank --model "$here/../../assets/demo-base" --score yes --question "$long" --yes 1 --no 0 >rank.txt 2>rank.log
same "and by rank" "$? $(grep -c 'the model takes 256' rank.log)" "1 1"

vstar run "$here/../../recipes/tiny.yaml" --out hint --set rationalize.share=1 >hint.txt 2>hint.log
same "so is a hint that has no tokens" "$? $(sql hint "SELECT count(*) FROM samples WHERE set_id > 1")" "1 0"

# Every one of them resumes to nothing.
for dir in star hints loop orm generative; do
    vstar run $dir/recipe.yaml --out $dir >again.txt 2>again.log
    same "$dir: nothing is left to do" "$? $(grep -c 'nothing to do' again.log)" "0 1"
done

# Switches that mean nothing alone are refused.
for bad in ver_data.keep=2:ver_data.keep sft.growth=1.5:sft.growth "rationalize.prompt={question}:rationalize" "generative.yes=:generative.yes"; do
    vstar run "$here/../../recipes/tiny.yaml" --out bad --set "${bad%%:*}" --set verifier.kind=generative --set rationalize.share=1 >bad.txt 2>bad.log
    same "${bad%%:*} is refused" "$? $(grep -c "${bad##*:}" bad.log)" "1 1"
    rm -rf bad
done
finish
