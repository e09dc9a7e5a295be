#!/bin/bash
# transcripts.sh - tools/transcripts.py finds what a document shows wrongly, and the help pages' examples are as printed.
. "$(dirname "$0")/lib.sh"
tool() { VSTAR_SHARED=$shared "$here/../../tools/transcripts.py" --program "$program" "$@"; }

cat >true.md <<'D'
Text 5, by a model of 1,234 parameters.

    $ printf 'a 1\nb 2\nc 3\nd held\ne 5\n'
    a 1
    ..
    c 3
    d held
    ..

    $ echo 'sft: 8 steps in 0.8 s (10.0/s)  loss 0.5'
    sft: 8 steps in 0.1 s (133/s)  loss 0.5
    $ printf 'one\n\ntwo\n'
    one

    two

    $ echo 'demo-base: a model of 1234 parameters'
    demo-base: a model of 1234 parameters
    $ vstar import gemma-3-270m-q4_k_m.gguf gemma-3-270m
    import: 236 tensors in 4.5 s (53/s)

More text.
D
tool --check true.md >out.txt
same "a true document passes, with other times" $? 0
check "what needs a missing file is left out, and said" grep -q 'left out, since gemma-3-270m.* is missing' out.txt
cp true.md kept.md
tool kept.md >/dev/null
check "it stays as it is" cmp kept.md true.md
wrong() { # NAME SED: a fault that is found and mended
    sed "$2" true.md >wrong.md
    check "$1: the document is another" test "$(cmp -s wrong.md true.md && echo same)" == ""
    tool --check wrong.md >/dev/null
    same "$1 is found" $? 1
    tool wrong.md >/dev/null
    check "$1 is mended" tool --check wrong.md
}
wrong "another number" 's/^    c 3/    c 4/'
wrong "another verdict" 's/^    d held/    d undecided/'
wrong "another number in a sentence" 's/1,234/1,235/'
wrong "another loss" 's/loss 0.5$/loss 0.6/'
wrong "a line too many without an elision" 's/^    two/    two\n    three/'
sed 's/^    c 3/    q 3/' true.md >wrong.md
tool wrong.md >out.txt
same "what does not fit fails also where it is written" "$? $(grep -c 'do not fit' out.txt)" "1 1"
sed 's/^    d held/    e 5/' true.md >wrong.md
tool --check wrong.md >/dev/null
same "lines kept together stand together" $? 1
printf '    $ vstar tokenize --modle x\n' >wrong.md
tool --check wrong.md >/dev/null
same "a command that fails is a fault" $? 1

tool --examples >out.txt
same "the help pages' examples print what they show" "$? $(cat out.txt)" "0 every transcript is as shown"
finish
