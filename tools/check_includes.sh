#!/bin/bash
# Holds the #include "..." lines under src/ to the dependency order of ARCHITECTURE.md, and keeps printing and
# exiting in app/. Prints file:line for each line that breaks a rule, and fails when there is one.
#
#   app > flow > engine > base
#   engine: decode and train include model and tensor, not each other; model includes tensor; the folders below
#           tensor/ (the backends) are seen from inside tensor/ only
#   flow:   a stage includes store/ and its own folder; store/ its own folder; loop/ all of flow
#
# usage: tools/check_includes.sh [SOURCE_DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-src}
cd "$root"

find . -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.inc' | sed 's|^\./||' | LC_ALL=C sort |
awk -v root="$root" '
function fail(file, line, why) { print root "/" file ":" line ": " why; bad++ }
function folder(path) { return match(path, /.*\//) ? substr(path, 1, RLENGTH - 1) : "" }

# The path below src/ that an include names: from src/ itself, or beside the including file.
function target(file, name,    dir) {
    if (name ~ /^(base|engine|flow|app)\//) return name
    dir = folder(file)
    while (name ~ /^\.\.?\//) {
        if (name ~ /^\.\.\//) dir = folder(dir)
        sub(/^\.\.?\//, "", name)
    }
    return dir == "" ? name : dir "/" name
}

function check(file, line, name,    to, from_part, to_part) {
    if (name ~ /^vstar\// || name == "assets.h") return  # the public header; generated at build time
    to = target(file, name)
    split(file, from_part, "/"); split(to, to_part, "/")
    if (!(to_part[1] in rank)) return fail(file, line, "\"" name "\" is in no layer")
    if (rank[to_part[1]] > rank[from_part[1]])
        return fail(file, line, from_part[1] "/ includes upward: \"" name "\"")
    if (to ~ /^engine\/tensor\/[^\/]+\// && file !~ /^engine\/tensor\//)
        return fail(file, line, "a backend header is seen outside engine/tensor/: \"" name "\"")
    if (from_part[1] == to_part[1] && from_part[2] != to_part[2] && from_part[1] ~ /^(engine|flow)$/ &&
        index(may[from_part[1] "/" from_part[2]], " " to_part[2] " ") == 0)
        fail(file, line, from_part[1] "/" from_part[2] "/ must not include \"" name "\"")
}

BEGIN {
    rank["base"] = 0; rank["engine"] = 1; rank["flow"] = 2; rank["app"] = 3
    may["engine/model"] = " tensor "
    may["engine/decode"] = may["engine/train"] = " tensor model "
    stages = "problems samples labels datasets generator verifier answers"
    n = split(stages, stage, " ")
    for (i = 1; i <= n; i++) may["flow/" stage[i]] = " store "
    may["flow/loop"] = " store " stages " "
    prints = "(^|[^A-Za-z0-9_])(printf|puts|putchar|perror|exit|quick_exit|abort) *\\("
    streams = "(^|[^A-Za-z0-9_])(fprintf|vfprintf|fputs|fputc|fwrite|putc) *\\(.*std(out|err)"
}
{
    file = $0
    for (line = 1; (getline text < file) > 0; line++) {
        if (match(text, /^[ \t]*#[ \t]*include[ \t]*"[^"]*"/)) {
            name = substr(text, RSTART, RLENGTH)
            sub(/^[^"]*"/, "", name); sub(/"$/, "", name)
            check(file, line, name)
        }
        if (file ~ /^app\// || text ~ /^ *(\/\*|\*|\/\/)/) continue
        if (text ~ prints) fail(file, line, "prints or exits outside app/: " text)
        if (text ~ streams && file != "base/progress.c") fail(file, line, "prints outside app/: " text)
    }
    close(file)
    files++
}
END {
    if (bad) { print bad " lines break the dependency rules"; exit 1 }
    print "includes: " files + 0 " files keep the dependency rules"
    if (!files) exit 1
}'
