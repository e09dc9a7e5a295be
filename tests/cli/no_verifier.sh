#!/bin/bash
# no_verifier.sh - a run in which nothing tells right from wrong ends without a verifier, and says so.
. "$(dirname "$0")/lib.sh"
# Every sample is cut after 4 tokens, and unfinished samples are left out: the references alone remain, all right.
run() { vstar run "$here/../../recipes/tiny.yaml" --out run --set sample.max_tokens=4 >table.txt 2>run.txt; }
run
same "the run ends well" $? 0
check "it says what it goes on without" grep -q 'nothing to tell apart' run.txt
check "no verifier is there" test ! -e run/models/verifier
check "the report is written" grep -q '</html>' run/report.html
check "what needs no verifier is measured" grep -q 'Pass@1' table.txt
same "what needs one is not" "$(grep -c "by the verifier" table.txt)" 0
run
same "it has nothing left to do" "$? $(grep -c 'nothing to do' run.txt)" "0 1"
check "the log says what stages took" grep -Eq '"stage":"sft","seconds":[0-9.e-]+,"cpu_seconds":[0-9.e-]+,"matmul_gflop":[0-9.e-]+}' run/log.jsonl
check "status works" vstar status run
vstar ask run "Leo buys some trays of 5 shells. Leo gives 4 away and now has 61. How many trays?" >out.txt 2>ask.txt
same "ask refuses" $? 1
check "ask says why" grep -q 'has no verifier' ask.txt

# In the loop too: a round that teaches no verifier leaves the choice to what there was before it.
vstar run "$here/../../recipes/tiny.yaml" --out loop --set sample.max_tokens=4 --set verifier.every_round=true --set ver_data.keep=1 >loop.txt 2>loop.log
same "a verifier in the loop: the run ends well" "$? $(tail -1 loop.log | grep -c 'has not trained')" "0 0"
finish
