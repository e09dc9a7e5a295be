#!/bin/bash
# Installs what is missing, builds vstar, and runs its demo; arguments go to vstar demo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tools/deps.sh"

vs_deps_install build
echo "building vstar (a minute the first time)" >&2
cd "$here"
vs_quietly cmake --preset release
vs_quietly cmake --build --preset release --target vstar
exec "$here/build/vstar" demo "$@"
