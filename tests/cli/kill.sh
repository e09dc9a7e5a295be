#!/bin/bash
# kill.sh - a run that is killed at random moments and resumed ends with the same bytes as one that is not.
#
# usage: tests/cli/kill.sh [KILLS [PROGRAM [SCRATCH]]]      20 kills of build/vstar
#
# One run is left alone. Others are killed by SIGKILL after random parts of its time and resumed by the same
# command; when one is done it is compared and a new one begins, until there were KILLS kills.
n_kills=${1:-20}
source_dir=$(realpath "$(dirname "$0")/../..")
set -- "$(realpath "${2:-$source_dir/build/vstar}")" none "${3:-$(mktemp -d)}" none
. "$source_dir/tests/cli/lib.sh"
RANDOM=1
cp "$source_dir/recipes/tiny.yaml" . || exit 1

# Replaces the shell it is called in: behind `&`, $! is the program itself.
become() # FOLDER THREADS
{
    exec "$program" run tiny.yaml --out "$1" --threads "$2" >"$1.out" 2>"$1.err"
}

start() { (become "$@"); }

# Everything that a run promises: its files' names, its models and recipe by hash, each row of its database.
state() # FOLDER
{
    (cd "$1" && find . -type f ! -name 'run.db-*' | LC_ALL=C sort)
    (cd "$1" && find models base recipe.yaml -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
    vstar inspect "$1" --dump
}

# The folder is removed when it is as expected, and kept for a look when not.
compare() # NAME FOLDER
{
    state "$2" >"$2.state" 2>&1
    n_checks=$((n_checks + 1))
    if cmp -s whole.state "$2.state"; then
        rm -r "$2"
    else
        fail "$1 differs: $(diff whole.state "$2.state" | head -n 5 | cut -c 1-200)"
        mv "$2" "$2.failed.$n_checks"
    fi
}

begin_us=${EPOCHREALTIME/[.,]/}
start whole 1 || fail "the run that is left alone: $(cat whole.err)"
whole_us=$((${EPOCHREALTIME/[.,]/} - begin_us))
state whole >whole.state
check "the dump has samples" grep -q '^samples' whole.state
check "the dump has the verifier's steps" grep -q '^train_rows.*verifier' whole.state

start threads 2 || fail "two threads: $(cat threads.err)"
compare "a run with two threads" threads

# Kills come within half a run's time, so that most runs are killed more than once.
killed=0 runs=0
while [ "$killed" -lt "$n_kills" ]; do
    become killed $((1 + RANDOM % 2)) &
    pid=$!
    delay_us=$((whole_us * RANDOM / 65536))
    sleep $((delay_us / 1000000)).$(printf %06d $((delay_us % 1000000)))
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    code=$?
    if [ "$code" == 137 ]; then
        killed=$((killed + 1))
    elif [ "$code" == 0 ]; then
        compare "a run killed and resumed, after $killed kills" killed
        runs=$((runs + 1))
    else
        fail "a killed run does not resume: $(cat killed.err)"
        break
    fi
done
start killed 1 || fail "a killed run does not resume at last: $(cat killed.err)"
compare "the last run killed and resumed" killed
echo "$killed kills in $((runs + 1)) runs of $((whole_us / 1000)) ms"

# A signal once there is something to save. A run that ends before the signal comes is tried again.
stop_by() # SIGNAL
{
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf stopped
        become stopped 2 &
        pid=$!
        until [ -e stopped/models/sft/manifest.json ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
        kill -"$1" "$pid" 2>/dev/null
        wait "$pid"
        code=$?
        [ "$code" != 0 ] && break
    done
}
for signal in INT:130 TERM:143 HUP:129; do
    stop_by "${signal%:*}"
    same "SIG${signal%:*} ends the program" "$code" "${signal#*:}"
    check "SIG${signal%:*} is told" grep -q 'stopping; finished work is saved' stopped.err
    check "with what to do" grep -q 'run the same command to go on' stopped.err
    check "and the run is not done" grep -q 'to do' <(vstar status stopped 2>&1)
    start stopped 1 || fail "a run that SIG${signal%:*} stopped does not resume: $(cat stopped.err)"
    compare "a run that SIG${signal%:*} stopped and that was resumed" stopped
done

# Under nohup a terminal that closes does not stop a run.
(trap '' HUP; become nohup 2) &
pid=$!
until [ -e nohup/models/sft/manifest.json ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
kill -HUP "$pid" 2>/dev/null
wait "$pid"
same "a run under nohup goes on" "$?" 0
compare "a run under nohup" nohup

# A file past its limit is an error with the file's name, and the same command goes on.
(ulimit -f 40; become limited 2)
same "a file past the limit of its size is an error" "$? $(grep -c 'limited/.*File too large' limited.err)" "1 1"
start limited 1 || fail "a run that met a limit does not resume: $(cat limited.err)"
compare "a run that met a limit and was resumed" limited
finish
