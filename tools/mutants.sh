#!/bin/bash
# Breaks the program on purpose, one fault at a time, and shows which test notices. tests/mutants/NAME.patch is one
# fault: lines "Fault: what is broken" and "Tests: the tests that must fail", then a unified diff.
#
#   tools/mutants.sh [NAME ..]    all, or those named: prints "NAME  killed by TEST" or "NAME  SURVIVED"; the last line
#                                 counts, and the exit code is 1 when one survives
#   tools/mutants.sh --check      only looks whether every patch is complete and still applies
#
# Works on a copy of the tracked files, as they are, in a scratch folder below TMPDIR; your tree is only read. The
# tests that a patch names run first, all others only when none of those fails.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
patches=$root/tests/mutants

field() # NAME FIELD: the value of a line of the patch's head
{
    sed -n "/^--- /q; s/^$2: *//p" "$patches/$1.patch"
}

check_all()
{
    local name bad=0
    for name in "${names[@]}"; do
        [ -n "$(field "$name" Fault)" ] && [ -n "$(field "$name" Tests)" ] ||
            { echo "$name: expected lines 'Fault: ..' and 'Tests: ..' before the diff" >&2; bad=1; }
        git apply --check "$patches/$name.patch" || { echo "$name: does not apply" >&2; bad=1; }
    done
    return $bad
}

build() # TEST ..: builds what the tests run; all when none is named
{
    local test targets=()
    for test in "$@"; do
        case $test in
        cli_*) targets+=(vstar fill_run) ;;
        *) targets+=("$test") ;;
        esac
    done
    cmake --build build --target "${targets[@]:-all}" >build.log 2>&1 ||
        { tail -20 build.log >&2; echo "$name: does not build" >&2; exit 1; }
}

run_tests() # TEST ..: all when none is named; sets failed, the names of those that fail or hang, and first, a sentence
{
    local only=()
    if [ $# -gt 0 ]; then only=(-R "^($(IFS='|'; echo "$*"))\$"); fi
    ctest --test-dir build --timeout 600 --output-on-failure -j "$(nproc)" "${only[@]}" >test.log 2>&1 || true
    grep -q 'tests passed' test.log || { cat test.log >&2; exit 1; }
    failed=$(sed -n 's/^\t *[0-9]* - \([^ ]*\) (.*/\1/p' test.log | paste -sd' ')
    first=$(sed -n 's/^\[  FAILED  \] \(.*: .*\)/ (\1)/p' test.log | head -1)
}

turn() # [-R]: puts the fault in, or takes it out
{
    git apply "$@" "$patches/$name.patch" || { echo "$name: does not apply" >&2; exit 1; }
}

# Keeps in failed only those tests that pass without the fault.
drop_always_failing()
{
    local with=$failed sentence=$first
    turn -R
    build
    run_tests $with
    turn
    failed=$(tr ' ' '\n' <<<"$with" | { grep -vxF "$(tr ' ' '\n' <<<"${failed:-.}")" || true; } | paste -sd' ')
    first=$sentence
}

run_one() # sets failed: empty when the fault survives
{
    local tests
    tests=$(field "$name" Tests)
    turn
    build $tests
    run_tests $tests
    if [ -z "$failed" ]; then
        build
        run_tests
        if [ -n "$failed" ]; then drop_always_failing; fi
    fi
    turn -R
}

check_only=false
if [ "${1-}" = --check ]; then check_only=true; shift; fi
names=("$@")
if [ $# -eq 0 ]; then mapfile -t names < <(cd "$patches" && LC_ALL=C ls -- *.patch | sed 's/\.patch$//'); fi
for name in "${names[@]}"; do
    [ -f "$patches/$name.patch" ] || { echo "$name: no such patch in tests/mutants/" >&2; exit 2; }
done
if $check_only; then
    check_all || exit 1
    echo "mutants: ${#names[@]} patches apply"
    exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git ls-files -z | while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --null -T - -cf - | tar -xf - -C "$scratch"
export VSTAR_SHARED=${VSTAR_SHARED:-$root/../shared/data} GIT_CEILING_DIRECTORIES=$(dirname "$scratch")
cd "$scratch"
name=unchanged
mapfile -t tests < <(for n in "${names[@]}"; do field "$n" Tests; done | tr ' ' '\n' | sort -u)
cmake --preset release >build.log 2>&1 || { cat build.log >&2; exit 1; }
build "${tests[@]}"
run_tests "${tests[@]}"
if [ -n "$failed" ]; then echo "these tests fail without any fault: $failed" >&2; exit 1; fi

survivors=0
for name in "${names[@]}"; do
    run_one
    if [ -n "$failed" ]; then
        echo "$name  killed by $failed$first"
    else
        echo "$name  SURVIVED"
        survivors=$((survivors + 1))
    fi
done
echo "$((${#names[@]} - survivors)) killed, $survivors survived"
[ "$survivors" -eq 0 ]
