#!/bin/bash
# no_votes.sh - where answers have no normal form nobody can vote: no vote is printed, and the chosen text is the answer.
. "$(dirname "$0")/lib.sh"
cat >check.py <<'P'
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"verdict": "right" if "#### " + row["gold"] in row["completion"] else "wrong"}), flush=True)
P
external=(grader=external "grader_command=[python3, $PWD/check.py]")
vstar run "$here/../../recipes/tiny.yaml" --out run --set "${external[0]}" --set "${external[1]}" >table.txt 2>run.log
same "the run ends well" $? 0
votes() { grep -Eci 'maj@|majority|weighted vote|votes? of' "$1"; }
check "the table has Pass@k and the choice" grep -q 'Pass@' table.txt
same "and no vote" "$(votes table.txt)" 0
same "no vote is stored" "$(sql run "SELECT count(*) FROM metrics WHERE curve IN ('majority', 'weighted', 'top_vote')")" 0
check "Best-of-k is" test "$(sql run "SELECT count(*) FROM metrics WHERE curve = 'best_of'")" -gt 0
vstar status run >status.txt 2>/dev/null
same "status prints none" "$? $(votes status.txt)" "0 0"
same "the report has no value of one" "$(grep -Ec '(Majority|Weighted|vote)[^<]*</t[hd]><td[^>]*>[0-9]' run/report.html)" 0

ask() { vstar ask run "Tom buys some bags of 7 pens. Tom gets 5 more and now has 61. How many bags?" -n 4 "$@" 2>ask.log; }
ask --json --show 4 >ask.json
same "ask names the text, and no vote" "$(python3 -c 'import json
a = json.load(open("ask.json"))
print(a["chosen"], a["chosen_text"] == a["candidates"][0]["text"] != "", {"vote", "weighted", "vote_count"} & set(a))')" "None True set()"
ask >ask.txt
check "and shows it" grep -q '^chosen by the verifier, score -' ask.txt
same "without a vote" "$(votes ask.txt)" 0

echo '{"id":"a","right":[1,0],"scores":[2,1],"answers":[null,null]}' | vstar metrics >metrics.txt 2>metrics.log
same "metrics of rows without answers" "$? $(python3 -c 'import json; print(*json.load(open("metrics.txt"))["curves"])')" "0 pass best_of"

printf 'name: s\nrecipe: %s\nseeds: [1, 2]\nsystems:\n  - {name: a, set: [grader=external, "grader_command=[python3, %s]"]}\nclaims:\n  - {name: c, left: a, right: a, right_curve: majority, k: [1]}\n' \
    "$here/../../recipes/tiny.yaml" "$PWD/check.py" >s.yaml
vstar compare s.yaml --out suite >suite.txt 2>suite.log
same "compare leaves the cells of votes empty" "$? $(grep -Ec '^\| a \| [0-9.]+ \([^|]*\) \|  ?\| [0-9.]+ \([^|]*\) \|  ?\| [0-9.]+ \(' suite.txt)" "0 1"
check "and the claim is not measured" grep -q '^| c | 1 | | | not measured |$' suite.txt
finish
