#!/usr/bin/env bash
# Says where the program no_panic can panic, when it does not link: each function that calls one of
# core's panic functions, then the lines of our source that it is inlined in.
set -euo pipefail

boards=$(cd "$(dirname "$0")" && pwd)
target=thumbv7em-none-eabihf
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$boards/../target/boards}
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
tool() {
    local name
    for name in "$@"; do command -v "$name" && return; done
    echo "panics.sh: none of these is installed: $*" >&2
    exit 77
}
objdump=$(tool llvm-objdump llvm-objdump-{22,19,16,14})
addr2line=$(tool llvm-addr2line llvm-addr2line-{22,19,16,14})

toolchain=$(bash "$boards/toolchain.sh" "$target")
PATH=${toolchain:+$toolchain:}$PATH
cd "$boards/qemu-mps2-an386"
# The symbol that is nowhere becomes address 0, and the image links. Its profile is its own, so that
# nothing takes this image for the proof.
cargo rustc --quiet --profile panics --no-default-features --features no-panic --bin no_panic -- \
    -Clink-arg=--defsym=idinit_a_panic_is_reachable=0
image=$CARGO_TARGET_DIR/$target/panics/no_panic

"$objdump" -d --no-show-raw-insn "$image" |
    awk '/^[0-9a-f]+ </ { name = $2; next }
        $2 ~ /^b/ && match($0, /<[^+]*>/) {
            called = substr($0, RSTART, RLENGTH)
            if (called ~ /panicking|_fail|panic_/ && name !~ /panicking|_fail|panic_|__rust/) print $1
        }' |
    while read -r address; do
        "$addr2line" --exe "$image" --functions --demangle --inlines "0x${address%:}" | paste - - |
            awk -F'\t' '
                NR == 1 { print $1 }
                $2 ~ /\/library\// { next }
                { sub(/^.*\/src\//, "src/", $2); print "    " $2 "  " substr($1, 1, 90) }'
    done
