#!/usr/bin/env bash
# Learning from problems whose answers are not known: 300 problems have answers, 500 more have none; a verifier that was trained on the
# first 300 labels the samples of the others. Pass@1 of the final generator, and how far the labels can be trusted. Resumes.
#   tools/reward.sh [DIR] [SEEDS]      default build/reward "1 2 3"; about 6 minutes a seed on two cores
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build/reward} seeds=${2:-1 2 3}
vstar=${VSTAR:-build/vstar}
orm=(verifier.kind=orm orm.lm=0 orm.lr=2e-3 orm.epochs=8 orm.batch=8 orm.max_right=4 orm.max_solutions=8 orm.schedule=linear
    orm.warmup=20 orm.beta2=0.98)

run() { # folder, settings ..
    local out=$1 set=()
    shift
    for s in "$@"; do set+=(--set "$s"); done
    $vstar run recipes/demo.yaml --out "$out" "${set[@]}" >/dev/null
}

for seed in $seeds; do
    at=$dir/$seed
    mkdir -p "$at"
    # The demo's problems as files: 60 with solutions, 300 with answers, 500 more (with answers, and with none), 500 to test.
    if [ ! -e "$at/test.jsonl" ]; then
        run "$at/problems" seed="$seed" problems.n_train=800 problems.n_test=500 rounds=1 sample.k=1 verifier.kind=none eval.n=1 \
            eval.baselines=false
        rows() { # WHERE
            sqlite3 "$at/problems/run.db" "SELECT json_object('id', key, 'question', question, 'answer', gold, 'reference', reference)
                FROM problems WHERE $1 ORDER BY id" | sed 's/,"reference":null//'
        }
        rows "split = 'sft'" >"$at/sft.jsonl"
        rows "split = 'train' AND id <= 360" >"$at/known.jsonl"
        rows "split = 'train'" >"$at/all.jsonl"
        { cat "$at/known.jsonl" && rows "split = 'train' AND id > 360" | sed 's/,"answer":"[0-9]*"//'; } >"$at/some.jsonl"
        rows "split = 'test'" >"$at/test.jsonl"
    fi
    common=(seed="$seed" problems.source=jsonl problems.sft_file="$at/sft.jsonl" problems.test_file="$at/test.jsonl" problems.n_sft=0
        problems.n_train=0 problems.n_test=0 eval.n=16)
    some=("${common[@]}" problems.train_file="$at/some.jsonl" verifier.kind=none eval.baselines=false reward.keep=2)
    run "$at/known" "${common[@]}" problems.train_file="$at/known.jsonl"
    run "$at/known-orm" "${common[@]}" problems.train_file="$at/known.jsonl" "${orm[@]}"
    run "$at/likelihood" "${some[@]}" reward.model="$at/known/models/sft"
    run "$at/dpo" "${some[@]}" reward.model="$at/known/models/verifier"
    run "$at/value" "${some[@]}" reward.model="$at/known-orm/models/verifier" reward.score=value
    run "$at/sure" "${some[@]}" reward.model="$at/known-orm/models/verifier" reward.score=value reward.threshold=0.5
    run "$at/all" "${common[@]}" problems.train_file="$at/all.jsonl" verifier.kind=none eval.baselines=false
done

pass() { # folder, system
    sqlite3 "$1/run.db" "SELECT printf('%.1f', 100 * value) FROM metrics WHERE system = '$2' AND curve = 'pass' AND k = 1"
}
# Of the samples of problems without an answer that count as right: how many there are, and how many are, in each round.
worth() {
    sqlite3 "$1/run.db" "ATTACH '$2/problems/run.db' AS truth; SELECT group_concat(n || ': ' || printf('%.1f', v), ', ') FROM (SELECT count(*) n,
        100 * avg(substr(s.text, instr(s.text, '#### ') + 5) = t.gold) v FROM labels r JOIN samples s ON s.id = r.sample_id
        JOIN main.problems p ON p.id = s.problem_id JOIN truth.problems t ON t.key = p.key AND t.split = 'train' JOIN sets ON sets.id = s.set_id
        WHERE r.profile LIKE 'reward/%' AND r.verdict = 1 AND p.gold IS NULL GROUP BY sets.id ORDER BY sets.id)"
}
echo "| seed | G_SFT | 300 with answers | and 500 by own likelihood | by DPO verifier | by ORM | by ORM at 0.5 or more | 800 with answers |"
echo "|---|---|---|---|---|---|---|---|"
for seed in $seeds; do
    at=$dir/$seed
    echo "| $seed | $(pass "$at/known" G_SFT) | $(pass "$at/known" G_T) | $(pass "$at/likelihood" G_T) | $(pass "$at/dpo" G_T) |" \
        "$(pass "$at/value" G_T) | $(pass "$at/sure" G_T) | $(pass "$at/all" G_T) |"
done
echo
echo "| seed | samples that count as right, and per cent that are, rounds 1 to 3: own likelihood | DPO verifier | ORM | ORM at 0.5 or more |"
echo "|---|---|---|---|---|"
for seed in $seeds; do
    at=$dir/$seed
    echo "| $seed | $(worth "$at/likelihood" "$at") | $(worth "$at/dpo" "$at") | $(worth "$at/value" "$at") | $(worth "$at/sure" "$at") |"
done
