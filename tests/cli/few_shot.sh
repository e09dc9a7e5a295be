#!/bin/bash
# few_shot.sh - the base itself is tested after solved problems, and stands beside the others.
. "$(dirname "$0")/lib.sh"
tiny() { vstar run "$here/../../recipes/tiny.yaml" --out run --set "eval.base_separator=. " "$@"; }
tiny --set eval.base_shots=13 >table.txt 2>run.txt
same "more examples than D_SFT has are refused" "$? $(grep -c 'eval.base_shots: found 13, expected at most 12' run.txt)" "1 1"
rm -rf run
vstar run "$here/../../recipes/tiny.yaml" --out run --set eval.base_shots=2 --set eval.base_separator= >table.txt 2>run.txt
same "an empty separator is refused" "$? $(grep -c 'eval.base_separator: found nothing' run.txt)" "1 1"
tiny --set eval.base_shots=2 >table.txt 2>run.txt
same "the run ends well" $? 0
check "the base is in the table" grep -q 'The base after solved examples' table.txt
check "the base is in the report" grep -q 'The base after solved examples' run/report.html
same "it answered every test problem" "$(sqlite3 run/run.db "SELECT count(DISTINCT problem_id) FROM samples JOIN sets ON sets.id = samples.set_id WHERE sets.name = 'base'" 2>&1)" 6
same "no answer goes on to a second one" "$(sqlite3 run/run.db "SELECT count(*) FROM samples JOIN sets ON sets.id = samples.set_id WHERE sets.name = 'base' AND text LIKE '%. %'")" 0
same "answers end at the separator" "$(sqlite3 run/run.db "SELECT count(*) > 0 FROM samples JOIN sets ON sets.id = samples.set_id WHERE sets.name = 'base' AND finish = 'string'")" 1
tiny --set eval.base_shots=2 >table.txt 2>run.txt
same "it has nothing left to do" "$? $(grep -c 'nothing to do' run.txt)" "0 1"
finish
