#!/bin/bash
# recompute.sh - every number that is printed of a run, computed again from run.db by code of its own (recompute/), and every
# model trained again from what is exported.
. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1
tiny=$here/../../recipes/tiny.yaml
again() { # what, folder, table, log or suite
    n_checks=$((n_checks + 1))
    python3 "$here/recompute" "$1" "$program" "$2" "$3" "$4" >again.txt 2>again.err || fail "$2: $(cat again.txt) $(head -c 1500 again.err)"
}
run() { # folder, settings ..
    local dir=$1 set=()
    shift
    for s in "$@"; do set+=(--set "$s"); done
    vstar run "$tiny" --out "$dir" "${set[@]}" >"$dir.txt" 2>"$dir.log" || fail "$dir: $(tail -1 "$dir.log")"
    again run "$dir" "$dir.txt" "$dir.log"
}

small=(--set rounds=2 --set problems.n_sft=30 --set problems.n_train=60 --set problems.n_test=30 --set sample.k=6)
vstar demo --out demo "${small[@]}" --set eval.n=8 >demo.txt 2>demo.log || fail "demo: $(tail -1 demo.log)"
again run demo demo.txt demo.log
vstar run demo/recipe.yaml --out two --reuse demo --set eval.n=2 >two.txt 2>two.log || fail "two: $(tail -1 two.log)"
vstar demo --out two "${small[@]}" --set eval.n=2 >two.txt 2>>two.log || fail "two: $(tail -1 two.log)" # votes of two are tied
again run two two.txt two.log

# One step holds all pairs, so that it shows which side is which; and all else of its two data sets that may differ.
run whole seed=0 dpo.batch=100 dpo.max_right=0 dpo.max_solutions=0 dpo.lr=2e-3 dpo.warmup=0 dpo.epochs=4 eval.top=2
run star gen_data.rounds=last gen_data.references=false ver_data.rounds=last ver_data.dedupe=false sample.max_tokens=31 eval.grader=gsm8k
run cut sample.max_tokens=29 ver_data.truncated=true gen_data.cap=0 verifier.kind=orm eval.base=true eval.baselines=false rounds=1
# A grader of the user's own, which reads no odd wrong answer, so that there are three verdicts.
cat >check.py <<'P'
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    answer = row["completion"].partition("#### ")[2].strip()
    verdict = "right" if answer == row["gold"] else "ungradable" if answer[-1:] in "13579" else "wrong"
    print(json.dumps({"verdict": verdict, "normal": answer if verdict != "ungradable" else None, "rule": "check"}), flush=True)
P
run own grader=external "grader_command=[python3, check.py]" rounds=1
run bf16 compute=bf16 rounds=1 verifier.kind=generative 'generative.question=#### ' generative.yes=1 generative.no=0 generative.batch=8 eval.n=2 eval.top=0
run none verifier.kind=none rounds=3 sample.k=2 gen_data.cap=1

# The models of a run are what `vstar train` makes of its exported data. Its seed is 0.
options() { sed -n "/^$1:/,/^[a-z]/s/^  \([a-z_0-9]*\): \([^ ]*\)$/--set \1=\2/p" whole/recipe.yaml | grep -v 'first_epochs\|growth\|lora'; }
vstar export whole gen-set --ids >gen.jsonl 2>/dev/null
vstar export whole ver-set --ids >ver.jsonl 2>/dev/null
vstar train sft --model whole/base --data gen.jsonl --out generator $(options sft) >train.log 2>&1 || fail "train sft: $(tail -1 train.log)"
vstar train dpo --model whole/models/sft --data ver.jsonl --out verifier $(options dpo) >train.log 2>&1 || fail "train dpo: $(tail -1 train.log)"
for model in generator verifier; do
    check "models/$model comes of the exported data" cmp $model/model.safetensors whole/models/$model/model.safetensors
done
for what in generator verifier; do
    vstar export whole $what --out exported-$what 2>/dev/null
    check "export $what gives it" cmp exported-$what/model.safetensors whole/models/$what/model.safetensors
done

# Where nothing is learned all models are the base; the sets' draws must be each its own all the same.
run still sft.lr=0 eval.base=true
same "every set has its own draws" "$(sql still "SELECT count(DISTINCT draws) FROM (SELECT group_concat(hex(ids)) AS draws FROM (SELECT * FROM samples ORDER BY id)
    WHERE problem_id = (SELECT max(id) FROM problems) GROUP BY set_id)")" 3
same "and every round" "$(sql still "SELECT count(DISTINCT draws) FROM (SELECT group_concat(hex(ids)) AS draws FROM (SELECT * FROM samples ORDER BY id)
    WHERE problem_id = 1 AND token_logprobs IS NOT NULL GROUP BY set_id)")" 2

cat >suite.json <<J
{"name": "s", "recipe": "$tiny", "seeds": [1, 2],
 "systems": [{"name": "V-STaR"}, {"name": "own likelihood", "row": "G_T own likelihood"},
             {"name": "ORM [1]", "set": ["verifier.kind=orm", "rounds=1", "orm.lr=1e-3", "orm.warmup=0"]},
             {"name": "STaR", "row": "G_T", "set": ["verifier.kind=none", "gen_data.rounds=last"]}],
 "claims": [{"name": "above own", "left": "V-STaR", "right": "own likelihood", "k": [1, 4]},
            {"name": "above vote", "left": "ORM [1]", "right": "STaR", "right_curve": "majority", "k": [4]}]}
J
vstar compare suite.json --out suite >suite.txt 2>suite.log || fail "compare: $(tail -1 suite.log)"
again compare suite suite.txt suite.json
finish
