#!/bin/bash
# grader.sh - graders of the user's own, and what regrade and audit say of a run.
. "$(dirname "$0")/lib.sh"

# Compares the integer after "#### " with the gold. After its first answer it leaves its process number where the killer
# below finds it: whoever is killed has got something done, however slow the machine is.
mkdir pids
cat >check.py <<'P'
import json, os, sys, time
for line in sys.stdin:
    row = json.loads(line)
    answer = row["completion"].partition("#### ")[2].split()[:1]
    time.sleep(0.002)
    print(json.dumps({"verdict": "right" if answer == [row["gold"]] else "wrong", "extracted": "".join(answer),
                      "normal": "".join(answer), "rule": "check"}), flush=True)
    open(f"pids/{os.getpid()}", "w").close()
P
run() { # folder, further arguments
    vstar run "$here/../../recipes/tiny.yaml" --set grader=external --set "grader_command=[python3, check.py]" --out "$@" \
        >table.txt 2>run.txt
}
labels() { sqlite3 "$1/run.db" 'SELECT sample_id, profile, verdict, rule, extracted, normal FROM labels ORDER BY 1, 2'; }

run quiet
same "a run with an external grader ends well" $? 0
check "its labels name it" grep -q '|external/1:[0-9a-f]*:check|' <(labels quiet)

# The same with its graders killed again and again.
(while :; do for p in pids/*; do kill -9 "${p#pids/}" 2>/dev/null && echo >>kills; rm -f "$p"; sleep 0.05; done; sleep 0.01; done) &
killer=$!
run harassed
same "it survives that its graders are killed" $? 0
kill $killer
wait $killer 2>/dev/null
check "graders were killed" test "$(wc -l <kills)" -ge 3
same "and every label is the same" "$(labels harassed | sha256sum)" "$(labels quiet | sha256sum)"
same "and every model" "$(sha256sum <harassed/models/generator/model.safetensors)" \
    "$(sha256sum <quiet/models/generator/model.safetensors)"

# Replaying graders over the store.
vstar regrade quiet --profile arithmetic >out.txt
same "another grader that agrees flips nothing" "$(cut -d, -f2 out.txt)" " 0 labels flipped"
vstar regrade quiet --profile external --show 1 -- sh -c 'while read -r l; do echo "{\"verdict\":\"ungradable\"}"; done' >out.txt
same "one that shrugs flips all" $? 0
check "it says what became what" grep -q '^  right      -> ungradable' out.txt
check "it shows one" grep -q '^  .*problem .*, sample .*: .* -> ungradable by external/1:' out.txt
check "as JSON too" python3 -c 'import json,sys; j=json.load(sys.stdin); assert j["flips"][0]["to"]=="ungradable"' \
    < <(vstar regrade quiet --profile external --json -- sh -c 'while read -r l; do echo "{\"verdict\":\"ungradable\"}"; done')
vstar audit quiet >out.txt
same "audit ends well" $? 0
check "audit begins with the run's own grader" grep -q '^  1  external/1:' out.txt
check "audit has the profiles that apply" grep -q '  gsm8k/3 ' out.txt
check "audit shows a disagreement" grep -q '1:right .*ungradable' out.txt
check "audit as JSON" python3 -c 'import json,sys; j=json.load(sys.stdin); assert j["graders"][0]["right"] > 0' \
    < <(vstar audit quiet --json)

# A grader that is edited is another one.
sed -i 's/"check"/"check again"/' check.py
run quiet
same "a run does not go on with another grader" $? 1
check "and says so" grep -q 'its samples were graded by external/1:.* the grader is external/1:' run.txt

# On files.
printf '{"gold":"18","completion":"18","id":%d}\n' 1 2 3 >rows.jsonl
vstar grade --profile external --data rows.jsonl -- sh -c 'while read -r l; do echo "{\"verdict\":\"right\",\"rule\":\"ok\"}"; done' >out.txt
same "a command grades a file" "$? $(grep -c '"verdict":"right".*:ok"' out.txt)" "0 3"
finish
