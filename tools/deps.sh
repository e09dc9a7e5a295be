# deps.sh - what vstar needs from Debian 12, and how demo.sh and test.sh get it. Sourced, not run.

# One package a line, with what it is for.
VS_BUILD_PACKAGES='
gcc                the compiler and the sanitizers
libc6-dev          headers of the C library
cmake              the build description
ninja-build        the build itself
pkg-config         finds the libraries below
libjansson-dev     JSON
libssl-dev         SHA-256
libsqlite3-dev     the run store
libyaml-dev        recipes: YAML with places
libpcre2-dev       split patterns of tokenizers
libutf8proc-dev    Unicode normal forms
librandom123-dev   counter-based random numbers
libcalcium-dev     exact real and complex numbers, for mathematical answers
libflint-dev       polynomials and fractions below it
libflint-arb-dev   real and complex intervals below it
libantic-dev       number fields below it
libseccomp-dev     the system-call filter around programs that are graded
bubblewrap         namespaces around programs that are graded
zlib1g-dev         reads problem files that are published compressed
libjs-chart.js     plots of the report, put into the program
libcmocka-dev      unit tests; the build description looks for it
'
VS_TEST_PACKAGES='
sqlite3            looks into a run as a user does
python3            reference values in command tests
xz-utils           opens published vocabularies
'

# vs_deps_install build | vs_deps_install test: installs what is missing, does nothing when nothing is.
vs_deps_install()
{
    local wanted missing=() package run=() rest

    wanted=$VS_BUILD_PACKAGES
    if [ "$1" = test ]; then wanted+=$VS_TEST_PACKAGES; fi
    if ! command -v dpkg-query >/dev/null; then
        echo "deps: no dpkg here; the packages of tools/deps.sh must be there under this system's names" >&2
        return 0
    fi
    while read -r package rest; do
        [ -n "$package" ] || continue
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
        *' ok installed') ;;
        *) missing+=("$package") ;;
        esac
    done <<<"$wanted"
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing packages; run as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        run=(sudo)
    fi
    echo "installing: ${missing[*]}" >&2
    vs_quietly "${run[@]}" apt-get -qq update
    vs_quietly "${run[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install "${missing[@]}"
}

# Runs a command without its output, which is shown only when the command fails; then ends the script.
vs_quietly()
{
    local output

    if ! output=$("$@" 2>&1); then
        printf '%s\n' "$output" "failed: $*" >&2
        exit 1
    fi
}
