#!/bin/bash
# compare.sh - a suite runs its systems over its seeds, shares what they share, resumes, and says the same as the runs.
. "$(dirname "$0")/lib.sh"
cd "$here/../.." || exit 1
vstar compare recipes/compare-tiny.yaml --out "$scratch/suite" >"$scratch/table.txt" 2>"$scratch/run.txt"
same "it ends well" "$?" 0
cd "$scratch" || exit 1
same "systems with the same settings are one run" "$(ls suite/seed-1 | tr '\n' ' ')" "orm star v-star v-star-1-iteration "
check "the same G_SFT is trained once" cmp suite/seed-1/v-star/models/sft/model.safetensors suite/seed-1/v-star-1-iteration/models/sft/model.safetensors
same "and said to be taken over" "$(grep -c 'sft: the same training as' run.txt)" 6
check "samples are taken over" grep -q 'round-1: 96 solutions of another run' run.txt
vstar run suite/seed-1/orm/recipe.yaml --out alone >alone.txt 2>&1
same "a run on its own comes to the same verifier" "$(sha256sum <alone/models/verifier/model.safetensors)" "$(sha256sum <suite/seed-1/orm/models/verifier/model.safetensors)"
metrics() { sqlite3 "$1/run.db" "SELECT system, curve, k, printf('%.12f', value) FROM metrics ORDER BY 1, 2, 3"; }
same "and to the same numbers" "$(metrics alone)" "$(metrics suite/seed-1/orm)"
mean() { python3 -c 'import sqlite3, sys; print("%.1f" % (50 * sum(sqlite3.connect(f"suite/seed-{s}/v-star/run.db").execute(sys.argv[1]).fetchone()[0] for s in (1, 2))))' "$1"; }
check "the table has the seeds' mean" grep -q "^| V-STaR | $(mean "SELECT value FROM metrics WHERE system = 'G_T' AND curve = 'pass' AND k = 1") (" table.txt
check "claims are decided" grep -Eq '^\| verifier above vote \| 4 \| .* \| (held|not held|undecided) \|$' table.txt
check "verifiers are calibrated" grep -q '^| orm, G_T + ORM | [01]\.' table.txt
check "the page has the systems" grep -q '<th>STaR-dagger</th>' suite/report.html
check "and the charts" grep -q 'id="reliability"' suite/report.html
cd "$here/../.." || exit 1
vstar compare recipes/compare-tiny.yaml --out "$scratch/suite" >"$scratch/again.txt" 2>"$scratch/again.log"
cd "$scratch" || exit 1
same "again: nothing to do, the same table" "$(grep -c 'nothing to do' again.log) $(cmp again.txt table.txt && echo equal)" "8 equal"

# Suites that cannot be are refused before anything is run.
bad() { # name, words of the message, systems, claims
    printf 'name: bad\nrecipe: %s\nseeds: [1]\nsystems:\n%b\n%b' "$here/../../recipes/tiny.yaml" "$3" "${4-}" >bad.yaml
    vstar compare bad.yaml --out bad >bad.txt 2>bad.log
    same "$1" "$? $(grep -c "$2" bad.log)" "1 1"
    check "$1: nothing is left behind" test ! -e bad/seed-1
}
bad "a name that gives no folder" 'without letters and digits' '  - {name: "++"}'
bad "two names that give one folder" 'two names give the folder "a-b"' '  - {name: a b}\n  - {name: A-B, set: [rounds=1]}'
bad "a setting that is none" 'bad.yaml:5.*sample.j' '  - {name: a, set: [sample.j=1]}'
bad "a claim about a system that is none" 'bad.yaml:7:.*"b"' '  - {name: a}' 'claims:\n  - {name: c, left: a, right: b, k: [1]}'
bad "a curve that is none" 'bad.yaml:7:.*top_vote' '  - {name: a}' 'claims:\n  - {name: c, left: a, right: a, curve: best, k: [1]}'
bad "a k that is not measured" 'claim "c": k: found 3' '  - {name: a}' 'claims:\n  - {name: c, left: a, right: a, k: [3]}'
bad "a row that the run has not" 'bad.yaml:5: a: its run has no row "G_X"' '  - {name: a, row: G_X}'

# Systems that were tested on different problems are not paired; one that has no verifier leaves its cells empty.
suite() { printf 'name: s\nrecipe: %s\nseeds: [1]\nsystems:\n%bclaims:\n%b' "$here/../../recipes/tiny.yaml" "$1" "$2" >s.yaml; }
suite '  - {name: a, set: [verifier.kind=none], row: G_T}\n  - {name: b, set: [verifier.kind=none, problems.seed=9], row: G_T}\n' \
    '  - {name: c, left: a, right: b, curve: pass, k: [1]}\n'
vstar compare s.yaml --out other >other.txt 2>other.log
same "other problems are no pairs" "$? $(grep -c 'claim "c": a and b were tested on different problems' other.log)" "1 1"
suite '  - {name: a}\n  - {name: b, set: [sample.max_tokens=4]}\n' '  - {name: c, left: a, right: b, k: [1]}\n  - {name: d, left: a, right: a, right_curve: pass, k: [1, 4], right_k: 1}\n'
vstar compare s.yaml --out none >none.txt 2>none.log
same "a run without a verifier" "$? $(grep -c '^| b | | | | | |$' none.txt) $(grep -c '^| c | 1 | | | not measured |$' none.txt)" "0 1 1"
check "what is one by definition has no difference" grep -q '^| d | 1 | +0.0 (.*) | +0.0 | undecided |$' none.txt
best=$(sqlite3 none/seed-1/a/run.db "SELECT printf('%+.1f', 100 * (b.value - p.value)) FROM metrics b, metrics p WHERE b.system = 'V-STaR' AND b.curve = 'best_of' AND b.k = 4 AND p.system = 'V-STaR' AND p.curve = 'pass' AND p.k = 1")
check "right_k: Best-of-4 against Pass@1" grep -q "^| d | 4 | $best (" none.txt
finish
