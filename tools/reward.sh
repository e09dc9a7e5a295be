#!/usr/bin/env bash
# Learning from problems whose answers are not known: a verifier that was trained on 300 problems with answers labels the samples
# of 500 others. Pass@1 of the final generator, and how far the labels agree with the answers that are kept from it. Resumes.
#   tools/reward.sh [DIR] [SEEDS]      default build/reward "1 2 3"; about 4 minutes a seed on two cores
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
    # The problems of the demo as files: 60 with solutions, 300 with answers, 500 whose answers only the grader knows, 500 to test.
    if [ ! -e "$at/test.jsonl" ]; then
        run "$at/problems" seed="$seed" problems.n_train=800 problems.n_test=500 rounds=1 sample.k=1 verifier.kind=none eval.n=1 \
            eval.baselines=false
        write() { # file, WHERE
            sqlite3 "$at/problems/run.db" "SELECT json_object('id', key, 'question', question, 'answer', gold, 'reference', reference)
                FROM problems WHERE $2 ORDER BY id" | sed 's/,"reference":null//' >"$at/$1.jsonl"
        }
        write sft "split = 'sft'"
        write known "split = 'train' AND id <= 360"
        write unknown "split = 'train' AND id > 360"
        write test "split = 'test'"
    fi
    common=(seed="$seed" problems.source=jsonl problems.sft_file="$at/sft.jsonl" problems.test_file="$at/test.jsonl" problems.n_sft=0
        problems.n_train=0 problems.n_test=0 eval.n=16)
    loop=("${common[@]}" problems.train_file="$at/unknown.jsonl" verifier.kind=none eval.baselines=false)
    run "$at/known" "${common[@]}" problems.train_file="$at/known.jsonl"
    run "$at/known-orm" "${common[@]}" problems.train_file="$at/known.jsonl" "${orm[@]}"
    run "$at/answers" "${loop[@]}"
    run "$at/dpo" "${loop[@]}" reward.model="$at/known/models/verifier" reward.keep=2
    run "$at/value" "${loop[@]}" reward.model="$at/known-orm/models/verifier" reward.score=value reward.keep=2
    run "$at/likelihood" "${loop[@]}" reward.model="$at/known/models/sft" reward.keep=2
done

# What a run's labels were worth: of the samples that count as right, those that are, in each round.
worth() {
    sqlite3 "$1/run.db" "SELECT group_concat(printf('%.1f', v), ' ') FROM (SELECT 100 * avg(g.verdict = 1) v FROM labels r JOIN labels g
        USING (sample_id) JOIN samples s ON s.id = sample_id JOIN sets ON sets.id = set_id WHERE r.profile LIKE 'reward/%' AND
        g.profile NOT LIKE 'reward/%' AND r.verdict = 1 AND g.verdict < 2 GROUP BY sets.id ORDER BY sets.id)"
}
pass() { # folder, system
    sqlite3 "$1/run.db" "SELECT printf('%.1f', 100 * value) FROM metrics WHERE system = '$2' AND curve = 'pass' AND k = 1"
}
echo "| seed | G_SFT | 300 with answers | + 500 by own likelihood | + 500 by DPO verifier | + 500 by ORM | 500 with answers |"
echo "|---|---|---|---|---|---|---|"
for seed in $seeds; do
    at=$dir/$seed
    echo "| $seed | $(pass "$at/known" G_SFT) | $(pass "$at/known" G_T) | $(pass "$at/likelihood" G_T) | $(pass "$at/dpo" G_T) |" \
        "$(pass "$at/value" G_T) | $(pass "$at/answers" G_T) |"
done
echo
echo "| seed | right among those that count as right, rounds 1 to 3: own likelihood | DPO verifier | ORM |"
echo "|---|---|---|---|"
for seed in $seeds; do
    at=$dir/$seed
    echo "| $seed | $(worth "$at/likelihood") | $(worth "$at/dpo") | $(worth "$at/value") |"
done
