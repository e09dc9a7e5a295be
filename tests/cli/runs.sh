#!/bin/bash
# runs.sh - status, report, inspect and export of a made-up run.
. "$(dirname "$0")/lib.sh"
"$fill_run" run 20 8 || fail "the made-up run is filled"

vstar status run >status.txt 2>&1
same "status exits 0" $? 0
check "status shows a finished stage" grep -q 'models/verifier  *done' status.txt
check "status shows a stage that is left" grep -q 'models/generator-3  *to do' status.txt
check "status as JSON" grep -q '"stage":"round-1","done":40,"total":40' <(vstar status run --json)

check "the report is written" vstar report run
check "the report is one page" grep -q '</html>' run/report.html
same "the report loads nothing" "$(grep -cE '(src|href)=' run/report.html)" 0
same "names are escaped" "$(grep -c 'made-up <run>' <(sed '/<pre class="recipe">/,/<\/pre>/d' run/report.html))" 0
check "questions are escaped" grep -q 'pens &amp; &lt;hats&gt;' run/report.html
cp run/report.html first.html
check "the report is written again" vstar report run
check "the report is the same twice" cmp first.html run/report.html

check "inspect explains a run" vstar inspect run
vstar export run pairs >pairs.jsonl 2>/dev/null
check "pairs have two sides" grep -q '"chosen":.*"rejected":' pairs.jsonl
vstar export run gen-set --out gen.jsonl 2>/dev/null
same "gen-set has the right samples only" "$(vstar grade --profile arithmetic --data <(sed 's/"id"/"x"/' gen.jsonl | sed 's/.*"completion":"[^"]*#### \([0-9]*\)".*/{"gold":"\1","completion":"#### \1"}/') | cut -d, -f1 | sort -u)" '{"verdict":"right"'
check "ver-set has both sides" grep -q '"right":\[\[.*"wrong":\[\[' <(vstar export run ver-set --ids 2>/dev/null)
finish
