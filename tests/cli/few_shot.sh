#!/bin/bash
# few_shot.sh - the base itself is tested after solved problems, and stands beside the others.
. "$(dirname "$0")/lib.sh"
tiny() { vstar run "$here/../../recipes/tiny.yaml" --out run --set "eval.base_separator=. " "$@"; }
tiny --set eval.base=true --set eval.base_shots=13 >table.txt 2>run.txt
same "more examples than D_SFT has are refused" "$? $(grep -c 'eval.base_shots: found 13, expected at most 12' run.txt)" "1 1"
rm -rf run
vstar run "$here/../../recipes/tiny.yaml" --out run --set eval.base=true --set eval.base_shots=2 --set eval.base_separator= >table.txt 2>run.txt
same "an empty separator is refused" "$? $(grep -c 'eval.base_separator: found nothing' run.txt)" "1 1"
tiny --set eval.base=true --set eval.base_shots=2 >table.txt 2>run.txt
same "the run ends well" $? 0
check "the base is in the table" grep -q 'The base itself' table.txt
check "the base is in the report" grep -q 'The base itself' run/report.html
same "it answered every test problem" "$(sqlite3 run/run.db "SELECT count(DISTINCT problem_id) FROM samples JOIN sets ON sets.id = samples.set_id WHERE sets.name = 'base'" 2>&1)" 6
same "no answer goes on to a second one" "$(sqlite3 run/run.db "SELECT count(*) FROM samples JOIN sets ON sets.id = samples.set_id WHERE sets.name = 'base' AND text LIKE '%. %'")" 0
same "answers end at the separator" "$(sqlite3 run/run.db "SELECT count(*) > 0 FROM samples JOIN sets ON sets.id = samples.set_id WHERE sets.name = 'base' AND finish = 'string'")" 1
tiny --set eval.base=true --set eval.base_shots=2 >table.txt 2>run.txt
same "it has nothing left to do" "$? $(grep -c 'nothing to do' run.txt)" "0 1"
# Examples of their own file. Problems go out of the run into files, with the columns' names.
rows() { sqlite3 run/run.db "SELECT json_object('id', key, 'question', question, 'answer', gold, 'reference', reference) FROM problems WHERE split = '$1'"; }
rows sft >sft.jsonl
rows test >test.jsonl
echo '{"question":"Tom buys some bags of 2 pens and now has 6. How many bags?","answer":"3","reference":"Try 3. 3*2=6. #### 3"}' >examples.jsonl
on_files() { # folder, further settings
    vstar run "$here/../../recipes/tiny.yaml" --out "$@" --set problems.source=jsonl --set problems.train_file=sft.jsonl --set problems.test_file=test.jsonl \
    --set problems.n_sft=6 --set problems.n_train=6 --set problems.n_test=3 --set "eval.base_separator=. " >table.txt 2>run.txt
}
on_files other --set eval.base=true --set eval.base_shots=1 --set eval.examples_file=examples.jsonl
same "a run with a file of examples ends well" $? 0
same "they are part of the run" "$(sqlite3 other/run.db "SELECT count(*) FROM facts WHERE key = 'examples'" 2>&1)" 1
sqlite3 run/run.db "SELECT json_object('question', question, 'answer', gold, 'reference', 'x') FROM problems WHERE split = 'test' LIMIT 1" >leak.jsonl
on_files leak --set eval.base=true --set eval.base_shots=1 --set eval.examples_file=leak.jsonl
same "a test problem is no example" "$? $(grep -c 'leak.jsonl: example .* is the test problem' run.txt)" "1 1"
on_files few --set eval.examples_file=examples.jsonl --set eval.base=true --set eval.base_shots=2
same "too few examples are refused" "$? $(grep -c 'examples.jsonl: found 1 solved problems, expected 2' run.txt)" "1 1"
same "before anything is computed" "$(ls few/models 2>/dev/null)" ""
vstar run "$here/../../recipes/tiny.yaml" --out builtin --set eval.base=true --set eval.base_shots=1 --set eval.examples_file=examples.jsonl >table.txt 2>run.txt
same "built-in problems have no file of examples" "$? $(grep -c 'problems.source bags has no files' run.txt)" "1 1"
finish
