#!/bin/bash
# bad_input.sh - every line of bad_input.txt: NAME | COMMAND | EXIT CODE | TEXT IN STDERR. One clear error each: a single line that
# begins with "vstar", no output, no crash.
. "$(dirname "$0")/lib.sh"
make_model || fail "a model is made"
"$fill_run" run 4 4 || fail "the made-up run is filled"
. "$here/bad_files.sh"

run_case() {
    local name=$1 command=$2 code=$3 text=$4 found
    n_checks=$((n_checks + 1))
    eval "$command" >case.out 2>case.err </dev/null
    found=$?
    if [ $found != "$code" ]; then
        fail "$name: exit $found, expected $code: $(head -c 400 case.err)"
    elif ! grep -qF -- "$text" case.err; then
        fail "$name: stderr lacks '$text': $(head -c 400 case.err)"
    elif [ "$(grep -c '^vstar' case.err)" != 1 ]; then
        fail "$name: not one error line: $(head -c 400 case.err)"
    fi
}

while IFS='|' read -r name command code text; do
    case $name in '' | '#'*) continue ;; esac
    trim() { sed 's/^ *//; s/ *$//' <<<"$1"; }
    run_case "$(trim "$name")" "$(trim "${command//¦/|}")" "$(trim "$code")" "$(trim "$text")"
done <"$here/bad_input.txt"
finish
