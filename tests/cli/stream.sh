#!/bin/bash
# stream.sh - a bad row does not stop a stream: every verb that reads JSON Lines, each kind of bad row. The i-th line out is
# of the i-th line in, the exit code is 1, the last message counts the bad rows, and --strict stops at the first.
. "$(dirname "$0")/lib.sh"
make_model || fail "a model is made"

# lines FILE TEXT..: a file of one line each
lines() { printf '%s\n' "${@:2}" >"$1"; }
# what each line of standard input is: "error N" with its id, or "ok"
kinds() { sed 's/^{"id":\([^,]*\),"error":".*"}$/error \1/; t; s/.*/ok/' | paste -sd,; }

# Bad in every verb: no JSON, another kind of value, U+0000 in a key, a key twice, bytes that are no UTF-8, nothing of what
# is needed. The lone surrogates are bad where text becomes tokens; grade has its own words on them below.
lines always.jsonl 'not json' '{"prompt":"1"' '[1]' '7' 'null' '"text"' '{"a\u0000":1}' '{"id":1,"id":2}' $'{"id":"\xff"}' '{}' '{"id":null}' \
    '{"x":99999999999999999999999}'

# stream VERB GOOD BAD..: good rows around every bad one
stream() {
    local name=$1 good=$2 verb=${1%% *}
    shift 2
    { cat always.jsonl && printf '%s\n' "$@"; } >bad.txt
    while IFS= read -r row; do printf '%s\n%s\n' "$good" "$row"; done <bad.txt >in.jsonl
    echo "$good" >>in.jsonl
    n=$(wc -l <in.jsonl)
    vstar $name --data in.jsonl >out.txt 2>err.txt
    same "$name: exit code" $? 1
    same "$name: a line out for each line in" "$(wc -l <out.txt)" "$n"
    same "$name: each error stands in its row's place" "$(kinds <out.txt | tr , '\n' | sed -n 'n;s/ .*//p' | sort -u)" error
    same "$name: each good row is answered" "$(kinds <out.txt | tr , '\n' | sed -n 'p;n' | sort -u)" ok
    same "$name: good rows are answered as if alone" "$(sed -n 'p;n' out.txt | sed 's/^{"id":[0-9]*,//' | sort -u | wc -l)" 1
    same "$name: the count" "$(grep -c "^vstar $verb: bad rows: $((n / 2)) of $n, the first: in.jsonl:2:" err.txt)" 1
    same "$name: one message" "$(grep -vc "^programs ran in" err.txt)" 1
    check "$name: output is JSON Lines that name the row" python3 -c '
import json
rows = [json.loads(line) for line in open("out.txt")]
bad = [(i, r) for i, r in enumerate(rows, 1) if "error" in r]
assert all(r["error"].startswith(f"in.jsonl:{i}:") for i, r in bad), bad'
    vstar $name --data in.jsonl --strict >strict.txt 2>err.txt
    same "$name: --strict fails" $? 1
    check "$name: --strict answers what stood before" cmp strict.txt <(head -1 out.txt)
    same "$name: --strict names the row" "$(grep -c "^vstar $verb: in.jsonl:2:" err.txt)" 1
    vstar $name --data - <in.jsonl 2>/dev/null | sed 's/standard input:/in.jsonl:/' >piped.txt
    check "$name: a pipe is answered alike" cmp piped.txt out.txt
}

long=$(printf '%080d' 1)
tokens=("{\"prompt\":null,\"completion\":\"1\"}" '{"prompt":5,"completion":"1"}' '{"prompt":"\u0000","completion":"1"}' \
    '{"prompt":"\ud83d","completion":"1"}' '{"prompt":"abc","completion":"1"}' '{"prompt":"","completion":"1"}' "{\"prompt\":\"$long\"}" \
    '{"prompt_ids":[20],"completion":"1"}' '{"prompt_ids":[-1],"completion":"1"}' '{"prompt_ids":["1"],"completion":"1"}' \
    '{"prompt":"1","prompt_ids":[1],"completion":"1"}')
stream "logprobs --model model" '{"prompt":"1+1","completion":"=2"}' "${tokens[@]}" '{"prompt":"1"}' '{"prompt":"1","completion":null}' \
    '{"prompt":"1","completion":2}' '{"prompt":"1","completion":"\u0000"}' '{"prompt":"1","completion":"\udc00"}' \
    "{\"prompt\":\"1\",\"completion\":\"$long\"}" '{"prompt":"1","completion":""}' '{"prompt":"1","completion_ids":[1.5]}'
stream "rank --model model" '{"prompt":"1","candidates":["1","2"]}' '{"prompt":null,"candidates":["1"]}' '{"prompt":"1"}' \
    '{"prompt":"1","candidates":null}' '{"prompt":"1","candidates":"1"}' '{"prompt":"1","candidates":["1",5]}' '{"prompt":"1","candidates":[null]}' \
    '{"prompt":"1","candidates":["1","\u0000"]}' '{"prompt":"1","candidates":["1","\ud800x"]}' "{\"prompt\":\"1\",\"candidates\":[\"1\",\"$long\"]}" \
    '{"prompt":"1","candidates":["1",[20]]}'
stream "generate --model model --max-tokens 4 --temperature 0" '{"prompt":"1+1"}' "${tokens[@]}" '{"id":[1],"prompt":"1"}' '{"id":true,"prompt":"1"}'
stream "tokenize --model model" '{"text":"1+1"}' '{"text":null}' '{"text":5}' '{"text":"abc"}' '{"text":"\u0000"}' '{"text":"\ud83d"}' '{"text":["1"]}'
stream "tokenize --model model --decode" '{"ids":[1]}' '{"ids":null}' '{"ids":"1"}' '{"ids":[20]}' '{"ids":[-1]}' '{"ids":[1.0]}' '{"ids":["1"]}'
grade=('{"gold":"1"}' '{"completion":"1"}' '{"gold":null,"completion":"1"}' '{"gold":1.5,"completion":"1"}' '{"gold":"1","completion":5}' \
    '{"gold":"1","completion":["1"]}' '{"gold":"1","completion":{"text":"1"}}' '{"gold":"1","completion":true}' \
    '{"id":{},"gold":"1","completion":"1"}' '{"question":[],"gold":"1","completion":"1"}')
stream "grade --profile gsm8k" '{"gold":"18","completion":"#### 18"}' "${grade[@]}" '{"gold":"many","completion":"1"}' '{"gold":"1\u0000","completion":"1"}'
stream "grade --profile gsm8k --batch 7" '{"gold":"18","completion":"#### 18"}' "${grade[@]}" '{"gold":"many","completion":"1"}'
cat >ok.sh <<'P'
while read -r line; do echo '{"verdict":"right"}'; done
P
external() { # the command comes last
    stream "grade --profile external --batch $1" '{"gold":"18","completion":"#### 18"}' "${grade[@]}"
}
vstar() { if [[ "$*" == *external* ]]; then "$program" "$@" -- sh ok.sh; else "$program" "$@"; fi; }
external 1
external 64
tests='{\"setup\":\"\",\"tests\":[\"assert f(1)==1\"]}'
stream "grade --profile mbpp --weak-sandbox" "{\"gold\":\"$tests\",\"completion\":\"def f(x):\\n    return x\\n\"}" "${grade[@]}" '{"gold":"many","completion":"1"}' \
    '{"gold":"[]","completion":"1"}' '{"task_id":1,"test_list":[5],"completion":"1"}' \
    '{"task_id":1,"text":"t","code":"x=1","test_list":["assert \u0000"],"completion":"1"}'

# An id is given back, whatever it is; a row without one has its line's number.
lines ids.jsonl '{"id":"a\u0000b","text":5}' '{"id":7,"text":5}' '{"text":5}' '' '{"id":null}' '{"id":[1]}' '{"id":1.5}' 'x'
same "ids of bad rows" "$(vstar tokenize --model model --data ids.jsonl 2>/dev/null | kinds)" \
    'error "a\u0000b",error 7,error 3,error 5,error 6,error 1.5,error 8'
lines ids.jsonl '{"prompt":"1"}' '' '{"id":3,"prompt":"1"}' '{"id":"3","prompt":"1"}' '{"prompt":"1"}'
vstar generate --model model --max-tokens 8 <ids.jsonl >out.txt
same "a row without id is generated" $? 0
same "and has its line's number" "$(sed 's/{"id":\([^,]*\),.*/\1/' out.txt | paste -sd,)" '1,3,"3",5'
check "which keys its draws" cmp <(sed -n 's/.*"ids"//;1p' out.txt) <(echo '{"id":1,"prompt":"1"}' | vstar generate --model model --max-tokens 8 | sed 's/.*"ids"//')

# Any text has a verdict.
lines texts.jsonl '{"gold":"18","completion":"#### 18\u0000"}' '{"gold":"18","completion":"\ud83d #### 18"}' '{"gold":"18","completion":"#### 18\ude00"}' \
    '{"gold":"18","completion":"\ud83d\ude00 #### 18"}' '{"gold":"18","completion":null}' '{"gold":"18","completion":""}' \
    '{"gold":"18","completion":"\\ud83d #### 18"}' '{"id":"\u0000","question":"\u0000\ud83d","gold":"18","completion":"#### 1\u00008"}'
for profile in gsm8k gsm8k-flexible arithmetic math math-flexible math-hendrycks math-minerva; do
    vstar grade --profile $profile <texts.jsonl >out.txt
    same "$profile: any text is graded" "$? $(grep -c '^{"verdict":' out.txt)" "0 8"
    same "$profile: null is the empty text" "$(sed -n 5p out.txt)" "$(sed -n 6p out.txt)"
    same "$profile: a number is not joined over U+0000" "$(tail -1 out.txt | grep -c '"right"')" 0
done
vstar grade --profile choice <<<'{"gold":"A","completion":"\u0000(A)\ud83d"}' >out.txt
same "choice: any text is graded" "$? $(grep -c '^{"verdict":' out.txt)" "0 1"
same "half a pair alone hides no answer" "$(sed -n 2p texts.jsonl | vstar grade --profile gsm8k | cut -c1-18)" '{"verdict":"right"'

# A command of the user's own gets what JSON can carry, and may repeat it.
cat >echo.py <<'P'
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    with open("seen.txt", "a") as seen: print(ascii([row["id"], row["question"], row["completion"]]), file=seen)
    print(json.dumps({"verdict": "right", "extracted": row["completion"] + "\ud83d", "normal": row["completion"]}), flush=True)
P
"$program" grade --profile external --data texts.jsonl --threads 1 -- python3 echo.py >out.txt
same "a command that repeats any text is understood" "$? $(grep -c '"verdict":"right"' out.txt)" "0 8"
same "it has seen the whole texts" "$(tail -1 seen.txt)" "['\\x00', '\\x00\\ufffd', '#### 1\\x008']"
same "U+0000 makes another class of answers" "$(sed -n '1p;8p' out.txt | grep -o '"normal":"[^"]*"' | sort -u | wc -l)" 2

# generate of a byte-level model writes U+0000, and every verb reads it.
mkdir bytes && cp model/config.json model/model.safetensors bytes/ && sed 's/"1":1,/"\\u0100":1,/' model/tokenizer.json >bytes/tokenizer.json
vstar generate --model bytes --max-tokens 40 --seed 1 -n 4 <<<'{"id":"a\u0000","prompt":"2\u0000"}' >nul.txt
check "generate writes U+0000" grep -q '"completion":"[^"]*\\u0000' nul.txt
sed 's/^{/{"text":"\\u0000","prompt":"2\\u0000","gold":"18","candidates":["\\u0000"],/' nul.txt >nul.jsonl
for verb in "grade --profile gsm8k" "logprobs --model bytes" "rank --model bytes" "generate --model bytes" "tokenize --model bytes"; do
    vstar $verb <nul.jsonl >out.txt
    same "$verb reads what generate wrote" "$? $(wc -l <out.txt)" "0 4"
done
same "and tokens are the same again" "$(sed 's/.*"completion":\("[^"]*"\).*/{"text":\1}/' nul.txt | grep -v ufffd | vstar tokenize --model bytes | head -1 | tr -d '{}')" \
    "$(grep -o '"ids":\[[^]]*\]' nul.txt | head -1 | sed 's/,19\]/]/')"
check "training reads it too" vstar train sft --model bytes --data nul.jsonl --out trained --set steps=1

# metrics has one answer for all rows: it says how many it lacks.
lines good.jsonl '{"id":1,"right":[1,0]}' '{"id":"\u0000","right":[1,1]}'
{ head -1 good.jsonl && cat always.jsonl && printf '%s\n' '{"id":2,"right":[2]}' '{"id":2,"right":null}' '{"id":"\ud83d","right":[1]}' '{"id":2,"error":"e"}' && tail -1 good.jsonl; } >in.jsonl
vstar metrics --ks 1 <in.jsonl >out.txt 2>err.txt
same "metrics goes on" $? 1
same "with the curves of what could be read" "$(sed 's/,"bad_rows":16//' out.txt)" "$(vstar metrics --ks 1 <good.jsonl)"
same "and says what it lacks" "$(grep -c '"bad_rows":16' out.txt) $(cut -d, -f1 err.txt)" "1 vstar metrics: bad rows: 16 of 18"
vstar metrics --ks 1 --strict <in.jsonl >out.txt 2>/dev/null
same "--strict measures nothing" "$? $(wc -c <out.txt)" "1 0"

# Training on less than was given would be a silent loss.
{ cat one.jsonl one.jsonl && echo '{"prompt":"1","completion":null}' && cat one.jsonl; } >in.jsonl
vstar train sft --model model --data in.jsonl --out refused --set steps=1 2>err.txt
same "train refuses all for one bad row" "$? $(ls | grep -c refused)" "1 0"
check "and names it" grep -q 'in.jsonl:3: "completion": found null' err.txt
vstar train sft --model model --data <(echo '{"prompt":"1\ud83d","completion":"1"}') --out refused --set steps=1 2>/dev/null
same "also for half a pair alone" $? 1

# Batches: one row more and one less than a batch holds (1024 prompts, 4096 rows, 1024 waiting lines), bad rows at the borders.
for n in 1023 1024 1025 4095 4096 4097; do
    python3 - $n >in.jsonl <<'P'
import sys
n = int(sys.argv[1])
for i in range(1, n + 3):
    print("bad" if i in (1, n, n + 2) else '{"prompt":"%d","completion":"=%d"}' % (i % 10, i % 7))
P
    vstar logprobs --model model <in.jsonl >out.txt 2>/dev/null
    same "logprobs around $n rows" "$(kinds <out.txt | tr , '\n' | grep -n error | paste -sd,)" "1:error 1,$n:error $n,$((n + 2)):error $((n + 2))"
    check "each in its place" cmp <(sed -n "$((n - 1))p" out.txt) <(sed -n "$((n - 1))p" in.jsonl | vstar logprobs --model model)
done
for n in 1023 1024 1025; do
    { echo '{"prompt":"1"}' && yes bad | head -$n && echo '{"prompt":"2"}'; } >in.jsonl
    vstar generate --model model --max-tokens 1 <in.jsonl 2>/dev/null | kinds | tr , '\n' >out.txt
    same "$n bad rows between two" "$(wc -l <out.txt) $(grep -n ok out.txt | paste -sd,)" "$((n + 2)) 1:ok,$((n + 2)):ok"
    { yes '{"prompt":"1"}' | head -$n && echo bad && echo '{"prompt":"2"}'; } >in.jsonl
    vstar generate --model model --max-tokens 1 <in.jsonl 2>/dev/null | kinds | tr , '\n' >out.txt
    same "$n prompts before a bad row" "$(wc -l <out.txt) $(grep -n error out.txt | paste -sd,)" "$((n + 2)) $((n + 1)):error $((n + 1))"
done
yes bad | head -5000 | vstar tokenize --model model 2>/dev/null >out.txt
same "nothing but bad rows" "$(wc -l <out.txt) $(tail -1 out.txt | cut -c1-11)" '5000 {"id":5000,'

# Who asks row by row is answered row by row, also for a bad row.
mkfifo ask answer
vstar grade --profile gsm8k <ask >answer 2>/dev/null &
exec 8>ask 9<answer
for row in bad '{"gold":"1","completion":"#### 1"}' bad bad; do
    echo "$row" >&8
    read -r -t 60 reply <&9 || fail "no answer to $row"
    same "an answer at once" "$(kinds <<<"$reply" | cut -c1-5)" "$([ "$row" == bad ] && echo error || echo ok)"
done
exec 8>&- 9<&-
wait

# What is no row's fault ends the stream.
printf '{"text":"1"}\n' | gzip | head -c 20 >torn.jsonl.gz
vstar tokenize --model model --data torn.jsonl.gz >out.txt 2>err.txt
same "a damaged file ends it" "$? $(grep -c 'bad rows' err.txt) $(wc -l <out.txt)" "1 0 0"
finish
