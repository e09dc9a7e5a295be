#!/bin/bash
# Installs what is missing and runs every test: the release build with all tests, the unit tests again under
# AddressSanitizer and UndefinedBehaviorSanitizer, and the dependency rules. The last line is the count.
set -euo pipefail
cd "$(dirname "$0")"
. tools/deps.sh

passed=0 failed=0

build() # preset
{
    echo "building: $1" >&2
    vs_quietly cmake --preset "$1"
    vs_quietly cmake --build --preset "$1"
}

run_tests() # build folder, ctest's arguments
{
    local report summary
    report=$(mktemp)
    echo "testing: $1" >&2
    ctest --test-dir "$1" --output-on-failure -j "$(nproc)" "${@:2}" 2>&1 | tee "$report" || true
    # "100% tests passed, 0 tests failed out of 12"
    summary=$(sed -n 's/.* tests passed, \([0-9]*\) tests* failed out of \([0-9]*\).*/\1 \2/p' "$report")
    rm -f "$report"
    if [ -z "$summary" ]; then
        echo "$1: ctest found no tests or did not finish" >&2
        exit 1
    fi
    failed=$((failed + ${summary% *}))
    passed=$((passed + ${summary#* } - ${summary% *}))
}

check() # command
{
    echo "checking: $*" >&2
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

vs_deps_install test
build release
run_tests build
build debug
run_tests build-debug -L unit
check tools/check_includes.sh
if command -v git >/dev/null; then check tools/mutants.sh --check; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
