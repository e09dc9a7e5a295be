#!/bin/bash
# Compiles the tensor library for AArch64 and runs its unit tests under qemu: NEON gives the bits of cpu/ref.
#
#   tools/neon.sh        Debian; installs qemu-user and gcc-aarch64-linux-gnu where they are missing, and adds arm64 to dpkg's
#                       architectures, to download cmocka for it
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
chmod 755 "$out"
trap 'rm -rf "$out"' EXIT

command -v qemu-aarch64 aarch64-linux-gnu-gcc >/dev/null ||
    apt-get install -y -qq qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross >/dev/null
dpkg --add-architecture arm64
apt-get update -qq
(cd "$out" && apt-get download -qq libcmocka-dev:arm64 libcmocka0:arm64 && for deb in *.deb; do dpkg -x "$deb" .; done)

lib=$out/usr/lib/aarch64-linux-gnu
flags="-std=c11 -D_GNU_SOURCE -O3 -ffp-contract=off -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
flags="$flags -Isrc -Itests -Itests/unit/tensor -isystem $out/usr/include -DVSTAR_SHARED_DEFAULT=\"none\" -DVSTAR_SOURCE_DIR=\".\""
sources="src/engine/tensor/*.c src/engine/tensor/cpu/ref.c src/engine/tensor/cpu/fast_portable.c
         src/engine/tensor/cpu/fast_neon.c src/base/mem.c src/base/error.c src/base/arena.c src/base/threads.c tests/vs_test.c"
for test in tests/unit/tensor/test_*.c; do
    name=$(basename "$test" .c)
    # shellcheck disable=SC2086
    aarch64-linux-gnu-gcc $flags $sources "$test" -L"$lib" -lcmocka -lpthread -lm -o "$out/$name"
    echo "$name" >&2
    QEMU_LD_PREFIX=/usr/aarch64-linux-gnu LD_LIBRARY_PATH=$lib qemu-aarch64 \
        -E LD_LIBRARY_PATH="$lib:/usr/aarch64-linux-gnu/lib" "$out/$name" 2>&1 | tail -3
done
